"""Wrong and right answers as students write them: one file for each question, none of it taken from its definition.

A file is a row of blocks, each a cell as a student would fill it, under one comment line:

    # wrong: variance_for_std - the variance handed to Normal as its scale
    # right: the noise is subtracted

A wrong one names the misconception whose hint the student should read, or several that fit, separated by commas; words
in quotes are looked for in the hint instead. What follows the dash is for the reader. What stands above the first block
runs before each of them. Earlier answers of the notebook (`kl_divergence` for `vae_loss`) are there, and right.
"""

import re
from dataclasses import dataclass
from pathlib import Path

HEADER = re.compile(r"^# (wrong|right): (.+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One implementation. names: misconceptions (or quoted words of the hint) of a wrong one, empty for a right one."""

    question: str
    title: str
    source: str
    names: tuple[str, ...]

    @property
    def wrong(self) -> bool:
        return bool(self.names)


def load(question: str) -> list[Entry]:
    """All implementations of a question, in the order of the file."""
    shared, *pieces = HEADER.split((Path(__file__).parent / f"{question}.py").read_text("utf-8"))
    entries = []
    for kind, title, body in zip(pieces[::3], pieces[1::3], pieces[2::3]):
        names = tuple(re.findall(r'"[^"]+"|\w+', title.partition(" - ")[0])) if kind == "wrong" else ()
        entries.append(Entry(question, title, shared + body, names))
    return entries
