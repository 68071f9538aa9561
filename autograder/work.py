"""One submission, from the uploaded bytes to verdicts: all that a worker does, here or on another machine.

Everything goes in and comes out as data, so that a worker needs this package and a sandbox, but no file of the
course. The gradebook is written elsewhere, by one process (`autograder.grade`).
"""

import dataclasses
import faulthandler
import functools
import hashlib
import json
import os
import platform
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import torch

from autograder import keys, sandbox
from autograder.judge import Result, grade_notebook
from autograder.kernel import Settings
from autograder.questions import QUESTIONS, TASKS
from autograder.reading import Repair
from autograder.rebuild import rebuild
from utils.check.verdict import Criterion, Verdict


@dataclass(frozen=True)
class Work:
    """A submission to grade. data: the uploaded bytes; released: the released notebook, as text."""

    task: str
    student: str
    data: bytes
    released: str
    secret: bytes
    settings: Settings
    made_from: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.student}, {self.task}"


@dataclass
class Outcome:
    """What came of a submission: a result and what it was made from, or a `problem` with a `log`."""

    result: Result | None = None
    repairs: list[Repair] = field(default_factory=list)
    made_from: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    log: str = ""


def do(work: Work) -> Outcome:
    """Rebuild, run and judge. Raises nothing: a problem of ours is part of the outcome.

    If it has not ended when every limit must have stopped it, the worker ends with a traceback, and the class goes on.
    """
    faulthandler.dump_traceback_later(work.settings.longest, exit=True)
    torch.set_num_threads(1)
    os.environ["NBGRADER_EXECUTION"] = "autograde"      # as nbgrader sets it; kernels are told
    try:
        if version(work.task) != work.made_from["questions"]:
            raise RuntimeError(f"{platform.node()} has another version of the questions than the grader: install "
                               "the same package there")
        reason = sandbox.available()
        if reason and work.settings.manager is not sandbox.UnsandboxedKernelManager:
            raise RuntimeError(f"{reason} ({platform.node()})")
        notebook, repairs = rebuild(_released(work.released), work.data)
        result = grade_notebook(notebook, work.task, work.secret, work.student, work.settings)
        return Outcome(result, repairs, work.made_from)
    except Exception as error:
        return Outcome(problem=brief(error), log=traceback.format_exc())
    finally:
        faulthandler.cancel_dump_traceback_later()


@functools.lru_cache(maxsize=4)
def _released(text: str) -> nbformat.NotebookNode:
    """A released notebook, which comes with each of its submissions."""
    return nbformat.reads(text, as_version=4)


def brief(error: BaseException) -> str:
    """An exception in one line of bounded length: some quote whole notebooks."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]


# What a grading was made from

def made_from(data: bytes, released: bytes, task: str, student: str, secret: bytes) -> dict[str, str]:
    """Short digests of all that decides the verdicts on a submission; the same digests, the same verdicts."""
    seed = keys.seed_for(secret, student, task, "made from")
    return {"submission": _digest(data), "release": _digest(released), "questions": version(task),
            "seed": _digest(str(seed).encode())}


@functools.lru_cache(maxsize=None)
def version(task: str) -> str:
    """A digest of the code that asks and judges the questions of `task`."""
    here = Path(__file__).parent
    others = QUESTIONS.keys() - set(TASKS.get(task, QUESTIONS))
    names = ("judge", "kernel", "keys", "preamble", "reading", "rebuild", "reader")
    files = [here / f"{name}.py" for name in names]
    files += [path for path in (here / "questions").glob("*.py") if path.stem not in others]
    files += sandbox._utils().glob("**/*.py")
    return _digest(b"\0".join(_digest(path.read_bytes()).encode() for path in sorted(files)))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


# Outcomes as text

def dumps(outcome: Outcome) -> str:
    """An outcome that has a result, as JSON."""
    result = vars(outcome.result) | {"verdicts": {name: dataclasses.asdict(verdict)
                                                  for name, verdict in outcome.result.verdicts.items()}}
    return json.dumps({"result": result, "repairs": [vars(one) for one in outcome.repairs],
                       "made_from": outcome.made_from})


def loads(text: str) -> Outcome:
    """The outcome that `dumps` wrote. Raises ValueError, TypeError or KeyError if it did not."""
    found = json.loads(text)
    result = found["result"] | {
        "notebook": nbformat.from_dict(found["result"]["notebook"]),
        "verdicts": {name: Verdict(**{**verdict, "criteria": [Criterion(**one) for one in verdict["criteria"]]})
                     for name, verdict in found["result"]["verdicts"].items()}}
    return Outcome(Result(**result), [Repair(**one) for one in found["repairs"]], found["made_from"])
