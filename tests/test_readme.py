"""What the README shows is true."""

import re
import sys
import types
from pathlib import Path

import pytest
from nbgrader.apps import NbGraderApp

from autograder import keys
from autograder.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture
def example(monkeypatch):
    """The module of the worked example."""
    (source,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "Question(" in block]
    assert len(source.splitlines()) <= 40
    module = types.ModuleType("readme_example")
    monkeypatch.setitem(sys.modules, "readme_example", module)
    exec(compile(source, "README.md", "exec"), vars(module))
    return module


def judged(question, answer):
    key = keys.draw_key(question, seed=5)
    answers, status = keys._probe_reference(question, key.variants[0].steps, key.variants[0].inputs, 5, answer)
    return keys.verdict(question, key, 5, {"own": answers}, {"own": status})


def test_the_worked_example_accepts_its_reference(example):
    assert judged(example.question, example.bits_per_pixel).right


def test_the_worked_example_names_its_misconception(example):
    verdict = judged(example.question, example.nats)
    assert (verdict.state, verdict.misconception, verdict.points) == ("wrong", "nats", 0.5)


def test_every_nbgrader_command_that_is_named_exists():
    named = [(place, word) for place in ("README.md", "autograder/demo.py", "nbgrader_config.py")
             for word in re.findall(r"(?:&& |`|^)nbgrader (\w+)", (ROOT / place).read_text("utf-8"), re.M)]
    assert named and not [one for one in named if one[1] not in NbGraderApp.subcommands]


def test_files_and_commands_that_it_names_exist():
    made = ("submitted/", "feedback/", "reports/", "archive/", "demo/", "autograder/questions/bits_per_pixel.py",
            "autograder/audit/bank/bits_per_pixel.py", "utils/results/")
    for name in re.findall(r"`([\w.]+(?:/[\w.]+)*/?)`", README):
        if ("/" in name or name.endswith((".py", ".yml", ".toml", ".txt"))) and name not in made:
            if "NAME" not in name and "STUDENT" not in name:
                assert (ROOT / name).exists(), name
    for command in re.findall(r"python -m autograder (\w+)", README):
        assert command in COMMANDS, command
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    for command in re.findall(r"(?:`|\n)make ((?:[a-z]+ ?)+)", README):
        assert set(command.split()) <= targets | {"his", "its"}, command
