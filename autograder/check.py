"""`python -m autograder check QUESTION FILE.py`: `autograder.solo`, and what it found, as lines or as JSON."""

import dataclasses
import difflib
import json
import secrets
import sys
from pathlib import Path

MAX_SOURCE = 2**20


def arguments(parser) -> None:
    parser.add_argument("question")
    parser.add_argument("file", type=Path, help="a Python file that defines the answer, under the name of the stub")
    parser.add_argument("--json", action="store_true", help="the verdict as JSON")
    parser.add_argument("--seed", type=int, help="draw the inputs from this seed, as an earlier verdict names it")
    parser.add_argument("--seconds", type=float, default=60, help="time limit (default: 60)")


def run(options) -> int:
    """0: right, 1: not right."""
    source = read(options.file)         # before torch is imported, which takes seconds
    from autograder import sandbox, solo
    from utils.check.show import as_text

    question = named(options.question)
    seed = secrets.randbits(48) if options.seed is None else options.seed
    unsandboxed = sandbox.available()
    if unsandboxed:
        print(f"Not sandboxed: {options.file} runs with your rights. {unsandboxed}", file=sys.stderr)
    verdict = solo.check(question, source, seed, options.seconds, sandboxed=not unsandboxed)
    if options.json:
        print(json.dumps({**dataclasses.asdict(verdict), "right": verdict.right, "seed": seed,
                          "sandboxed": not unsandboxed}, indent=2, ensure_ascii=False))
    else:
        print(f"{as_text(verdict, detail=True)}\n{verdict.points:g} of {verdict.max_points:g} points: "
              + ", ".join(f"{c.name} {verdict.earned[c.name]:g} of {c.points:g}" for c in verdict.criteria)
              + f"\nseed {seed}")
    return 0 if verdict.right else 1


def read(path: Path) -> bytes:
    """The file's bytes. Raises ValueError, with what to do, for what is no Python file with one answer."""
    if not path.exists():
        raise ValueError(f"{path} does not exist.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a Python file with one answer.")
    if path.suffix == ".ipynb":
        raise ValueError(f"{path} is a notebook: copy one answer into a .py file, or grade notebooks with "
                         "`python -m autograder grade`.")
    source = path.read_bytes()
    if len(source) > MAX_SOURCE:
        raise ValueError(f"{path} is larger than {MAX_SOURCE // 2**20} MB: give a file with one answer.")
    return source


def named(name: str):
    """The question called `name`. Raises ValueError for another name, with the one that may be meant."""
    from autograder.questions import QUESTIONS
    from utils.submit import QUESTIONS as ASKED

    if name in QUESTIONS:
        return QUESTIONS[name]
    if any(name in written for _, written in ASKED.values()):
        raise ValueError(f"{name} is answered in words, and read by a person: there is nothing to check.")
    close = difflib.get_close_matches(name.lower(), QUESTIONS, 1)
    raise ValueError(f"There is no question {name!r}. " + (f"Did you mean {close[0]}? " if close else "")
                     + f"The questions are {', '.join(QUESTIONS)}.")
