"""The verdict on one file, from answers that another process gave: what `python -m autograder check` says.

The file runs in a sandbox (where there is none, in a plain process, and a line says so); it is judged here.
"""

import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time

from autograder import keys, sandbox
from autograder.questions.definition import Question
from utils.check import wire
from utils.check.verdict import Verdict, judge, no_verdict

INSIDE = pathlib.Path(__file__).with_name("inside.py")


def check(question: Question, source: bytes, seed: int, seconds: float = 60, sandboxed: bool = True) -> Verdict:
    """The verdict on Python source, for inputs drawn from `seed`."""
    key = keys.draw_key(question, seed, signatures=False)
    answers: dict[str, dict] = {}
    status: dict[str, dict] = {}
    for number, (variant, (steps, inputs)) in enumerate(keys.probe_inputs(key).items()):
        request = wire.pack({f"{variant}/{name}": value for name, value in inputs.items()},
                            {"names": list(question.answers), "seed": seed + number, "variants": {variant: steps}})
        said, ended = run_file(request, source, seconds, sandboxed)
        if ended is None:
            return no_verdict(key, "out of time", f"No answer within {seconds:g} s: is there a loop that does not end?")
        try:
            tensors, header = wire.unpack(said)
        except wire.WireError as error:
            return no_verdict(key, "no answers", f"The answers cannot be read: {error}." if said else
                              f"The file's process ended without an answer (exit status {ended}).")
        if isinstance(problem := header.get("problem"), dict):
            state = "error" if problem.get("state") == "error" else "no answers"
            return no_verdict(key, state, str(problem.get("hint"))[:1000])
        answers[variant] = {name.removeprefix(f"{variant}/"): tensor for name, tensor in tensors.items()}
        status |= header.get("status") if isinstance(header.get("status"), dict) else {}
        if judge(key.asked(answers), answers, status).right:
            break
    return keys.verdict(question, key.asked(answers), seed, answers, status)


def run_file(request: bytes, source: bytes, seconds: float, sandboxed: bool) -> tuple[bytes, int | None]:
    """What `autograder.inside` wrote for this source, and its exit status (None: out of time)."""
    with tempfile.TemporaryDirectory() as folder:
        if sandboxed:
            places = {"/run/inside.py": INSIDE.read_bytes(), "/run/probes": request, "/run/answer.py": source}
            process, first = sandbox.launch([sys.executable, *places], sandbox.Limits(seconds=seconds), content=places)
        else:
            probes, answer = pathlib.Path(folder, "probes"), pathlib.Path(folder, "answer.py")
            probes.write_bytes(request)
            answer.write_bytes(source)
            process = subprocess.Popen(
                [sys.executable, INSIDE, probes, answer], cwd=folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, **dict.fromkeys(sandbox.THREADS, "1")})
            first = process.pid
        try:
            return _read(process, seconds)
        finally:
            _end(process, first, sandboxed)


def _read(process: subprocess.Popen, seconds: float) -> tuple[bytes, int | None]:
    said, deadline = bytearray(), time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        data = os.read(process.stdout.fileno(), 2**20)
        said += data
        if len(said) > wire.MAX_BYTES:
            return bytes(said), -signal.SIGKILL     # its fate as soon as this returns
        if not data:
            try:
                return bytes(said), process.wait(max(left, 1))
            except subprocess.TimeoutExpired:
                break
    return bytes(said), None


def _end(process: subprocess.Popen, first: int, sandboxed: bool) -> None:
    """Nothing that the file started outlives its verdict."""
    try:
        if not sandboxed:
            os.killpg(first, signal.SIGKILL)
        elif process.poll() is None:
            os.kill(first, signal.SIGKILL)      # the first process of its namespace: all others end with it
    except ProcessLookupError:
        pass    # it ended by itself
    process.kill()
    process.wait()
    process.stdout.close()
