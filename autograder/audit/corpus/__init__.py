"""Hostile and odd submissions, each a few lines that turn a solved or a wrong notebook into the submission.

    forging    wrong notebooks that claim to be right
    reading    notebooks that look for what they should not see
    harming    notebooks that hurt the grader, the machine or other submissions
    showing    content that must not be alive in the pages that people look at
    files      what else can be uploaded beside, around or instead of a notebook
    odd        honest notebooks in unusual shape

All of them are versions of one small task, cut from the real Task 1: see `autograder.audit.course`.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

MODULES = ("forging", "reading", "harming", "showing", "files", "odd")
POINTS = {"reparameterize": 3.0, "kl_divergence": 3.0, "latent_grid": 2.0}
WRONG = {       # each earns nothing at all
    "reparameterize": "def reparameterize(mu, logvar):\n    return mu.sum()",
    "kl_divergence": "def kl_divergence(mu, logvar):\n    return mu * 0",
    "latent_grid": "def latent_grid(n):\n    return torch.zeros(3)",
}


@dataclass(frozen=True)
class Attack:
    """One submission.

    base: "wrong" (worth nothing), "right" (worth everything) or "released" (as handed out). answers: question ->
    other source of its cell ("": as released). first, last: code in an extra cell behind the first one, and at the
    end. change: makes another notebook, or the bytes of a file, of the notebook. files: puts files into a folder in
    place of the one notebook, given the notebook's bytes. place: "upload" (into what a platform hands out) or
    "submitted" (into submitted/STUDENT/TASK itself). deserved: question -> points where they are not the base's.
    student: their name, if it is not the attack's. alone: not for stock nbgrader, whose course has no such step.

    In first, last and answers: @PORT@ is where a server of ours listens, @COURSE@, @HOME@ and @PACKAGE@ are folders
    of the grader's, @NAME@ is the attack's name.
    """

    name: str
    idea: str
    kind: str
    base: str
    answers: dict[str, str] = field(default_factory=dict)
    first: str = ""
    last: str = ""
    change: Callable | None = None
    files: Callable | None = None
    place: str = "upload"
    deserved: dict[str, float] = field(default_factory=dict)
    student: str = ""
    alone: bool = False

    @property
    def points(self) -> dict[str, float]:
        """What its answers deserve, by question."""
        return {name: self.deserved.get(name, points if self.base == "right" else 0.0)
                for name, points in POINTS.items()}


_corpus: dict[str, Attack] = {}


def hostile(name: str, idea: str, base: str = "wrong", **more) -> Attack:
    return _add(Attack(name, idea, "hostile", base, **more))


def odd(name: str, idea: str, base: str = "right", **more) -> Attack:
    return _add(Attack(name, idea, "odd", base, **more))


def _add(attack: Attack) -> Attack:
    if attack.name in _corpus:
        raise ValueError(f"two attacks are called {attack.name!r}")
    _corpus[attack.name] = attack
    return attack


def corpus() -> dict[str, Attack]:
    """All submissions, by name."""
    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}")
    return dict(_corpus)
