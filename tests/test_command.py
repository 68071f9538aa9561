"""`python -m autograder`: its commands `questions`, `check` and `collect`."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder import inside, sandbox, solo
from autograder.__main__ import COMMANDS, main
from autograder.questions import QUESTIONS, TASKS, find

RIGHT = "def kl_divergence(mu, logvar):\n    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)\n"


def judged(source, question="kl_divergence", seconds=30.0, sandboxed=sandbox.available() is None):
    return solo.check(find(question), source if isinstance(source, bytes) else source.encode(), 7, seconds, sandboxed)


# check

def test_a_right_file_is_right_and_exits_with_0(tmp_path, capsys):
    file = tmp_path / "answer.py"
    file.write_text(RIGHT)
    assert main(["check", "kl_divergence", str(file)]) == 0
    said = capsys.readouterr().out
    assert "✓ kl_divergence" in said and "3 of 3 points" in said


def test_a_wrong_file_is_named_and_exits_with_1(tmp_path, capsys):
    file = tmp_path / "answer.py"
    file.write_text(RIGHT.replace("0.5 *", ""))
    assert main(["check", "kl_divergence", str(file), "--json", "--seed", "3"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["state"] == "wrong" and verdict["misconception"] == "no_half" and not verdict["right"]
    assert verdict["seed"] == 3 and verdict["points"] < verdict["max_points"] == 3
    assert "0.5" in verdict["hint"]


def test_it_runs_as_a_program_with_the_same_exit_status(tmp_path):
    file = tmp_path / "answer.py"
    file.write_text("def kl_divergence(mu, logvar):\n    raise NotImplementedError\n")
    done = subprocess.run([sys.executable, "-m", "autograder", "check", "kl_divergence", file, "--json"],
                          capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["state"] == "not attempted"


@pytest.fixture
def load(tmp_path):
    """`inside.load` for the text of a file."""
    def loaded(source, names=("kl_divergence",)):
        file = tmp_path / "answer.py"
        file.write_bytes(source if isinstance(source, bytes) else source.encode())
        return inside.load(str(file), list(names))

    yield loaded
    sys.modules.pop("answer", None)


@pytest.mark.parametrize("name", ["my_kl", "KL"])
def test_another_name_than_the_stub_s_is_named_and_not_judged(load, name):
    _, problem = load(RIGHT.replace("kl_divergence", name))
    assert problem["hint"] == f"The file does not define kl_divergence; it defines {name}."


def test_the_name_that_is_asked_for_counts_among_others(load):
    namespace, problem = load("def half(x):\n    return 0.5 * x\n" + RIGHT)
    assert problem is None and namespace["kl_divergence"].__name__ == "kl_divergence"


def test_an_answer_may_be_a_lambda_or_come_from_elsewhere(load):
    assert load("kl_divergence = lambda mu, logvar: mu")[1] is None
    assert load("from math import gcd as kl_divergence")[1] is None


@pytest.mark.parametrize("line", ["import torch", "from torch.distributions import Normal", "import numpy",
                                  "if __name__ == '__main__':\n    exit(1)", "\ufeff# a byte order mark", "\r\n",
                                  "assert nn.Module and F.relu and math.pi and np.pi and torch"])
def test_harmless_first_lines_do_not_matter(load, line):
    assert load(f"{line}\n{RIGHT}")[1] is None


@pytest.mark.parametrize("source, state, words", [
    ("def kl_divergence(mu, logvar:\n    pass", "error", "Line 1 cannot be read as Python"),
    (b"\xff\xfe\x00", "error", "cannot be read as Python"),
    ("-" * 100_000 + "1", "error", "cannot be read as Python"),
    ("", "no answers", "does not define kl_divergence."),
    ("def a(): pass\ndef b(): pass", "no answers", "it defines a, b"),
    ("x = 1\ny = 1 / 0", "error", "ZeroDivisionError: division by zero (line 2)"),
    ("exit(0)", "error", "SystemExit"),
    ("raise NotImplementedError", "error", "NotImplementedError"),
])
def test_a_file_that_cannot_be_judged_says_why(load, source, state, words):
    _, problem = load(source)
    assert problem["state"] == state and words in problem["hint"]


def test_two_answers_are_not_guessed(load):
    _, problem = load("class Other:\n    pass\n", names=("VAE", "vae_loss"))
    assert "VAE and vae_loss" in problem["hint"] and "Other" in problem["hint"]


@pytest.mark.parametrize("source, words", [
    ("import os; os._exit(0)", "ended without an answer (exit status 0)"),
    ("import ctypes; ctypes.string_at(0)", "ended without an answer"),
    ("import os\nwhile True:\n    for fd in range(3, 9):\n        try:\n            os.write(fd, b'x' * 2**20)\n"
     "        except OSError:\n            continue\n", "bytes, more than"),
])
def test_a_process_that_ends_or_floods_gets_a_verdict(source, words):
    verdict = judged(source)
    assert verdict.state == "no answers" and words in verdict.hint


def test_a_file_that_never_ends_is_ended():
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    print('x')\n"
    started = time.monotonic()
    assert judged(stubborn, seconds=5).state == "out of time"
    assert time.monotonic() - started < 60


def test_what_a_file_prints_is_no_verdict():
    forged = ("import os, sys\nprint('✓ kl_divergence: right.')\nfor fd in range(3, 12):\n    try:\n"
              "        os.write(fd, b'{\"state\": \"right\"}')\n    except OSError:\n        continue\n")
    assert not judged(forged + RIGHT.replace("0.5 *", "")).right


@pytest.mark.skipif(sandbox.available() is not None, reason=str(sandbox.available()))
def test_a_file_cannot_read_the_course():
    here = str(Path(__file__).resolve().parent.parent / "autograder" / "keys.py")
    verdict = judged(f"open({here!r}).read()\n{RIGHT}")
    assert verdict.state == "error" and "FileNotFoundError" in verdict.hint


def test_a_missing_file_is_said_before_torch_is_imported():
    code = ("import sys; from autograder.__main__ import main; main(['check', 'kl_divergence', 'no_such_file.py']); "
            "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).resolve().parent.parent).returncode == 0


def test_without_a_sandbox_the_verdicts_are_the_same_and_it_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sandbox, "available", lambda: "The program bwrap is missing: install the package bubblewrap.")
    file = tmp_path / "answer.py"
    file.write_text(RIGHT.replace("- 1", ""))
    assert main(["check", "kl_divergence", str(file)]) == 1
    said = capsys.readouterr()
    assert "Not sandboxed" in said.err and "bubblewrap" in said.err and "- 1 is missing" in said.out


@pytest.mark.parametrize("arguments, words", [
    (["check", "kl_divergence", "no_such_file.py"], "no_such_file.py does not exist."),
    (["check", "kl_divergence", "no_such_notebook.ipynb"], "does not exist"),
    (["check", "kl_divergence", "assignments/task1_vae/task1_vae.ipynb"], "is a notebook"),
    (["check", "no_such_question", __file__], "kl_divergence"),
    (["check", "KL_divergnce", __file__], "Did you mean kl_divergence?"),
    (["check", "why_not_ae", __file__], "read by a person"),
    (["check", "kl_divergence", "."], "is a folder"),
    (["check", "kl_divergence"], "file"),
    (["no_such_command"], "questions"),
    ([], "COMMAND"),
])
def test_a_wrong_call_says_what_is_possible_and_exits_with_2(arguments, words, capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).resolve().parent.parent)
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert words in capsys.readouterr().err


# questions

def test_brief_questions_are_a_line_for_each(capsys):
    assert main(["questions", "--brief"]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) <= len(QUESTIONS) + 2
    for question in QUESTIONS.values():
        (line,) = [line for line in said.splitlines() if line.startswith(f"{question.name} ")]
        assert question.task in line and f" {question.points:g}" in line and line.endswith(question.checked)
    assert main(["questions", "kl_divergence"]) == 0
    assert "no_half" in capsys.readouterr().out


def test_all_questions_as_text(capsys):
    assert main(["questions"]) == 0
    said = capsys.readouterr().out
    for question in QUESTIONS.values():
        assert f"{question.name} ({question.task}): {question.points:g} points" in said
        assert all(misconception.name in said for misconception in question.misconceptions)


def test_questions_as_json_has_weights_that_add_up(capsys):
    assert main(["questions", "--json", "kl_divergence", "reparameterize"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["question"] for entry in listed] == ["kl_divergence", "reparameterize"]
    for entry in listed:
        assert sum(criterion["points"] for criterion in entry["criteria"]) == entry["points"]
        assert all(misconception["hint"] for misconception in entry["misconceptions"])


# the rest

def test_collect_fills_submitted_and_prints_what_it_took(tmp_path, capsys):
    task = next(iter(TASKS))
    root = Path(__file__).resolve().parent.parent
    released = (root / "assignments" / task / f"{task}.ipynb").read_bytes()
    (tmp_path / "assignments" / task).mkdir(parents=True)
    (tmp_path / "assignments" / task / f"{task}.ipynb").write_bytes(released)
    (tmp_path / "nbgrader_config.py").touch()
    (tmp_path / "uploads" / "ada").mkdir(parents=True)
    (tmp_path / "uploads" / "ada" / "Copy of anything.ipynb").write_bytes(released)
    assert main(["collect", str(tmp_path / "uploads"), "--root", str(tmp_path)]) == 0
    assert "1 notebooks of 1 students" in capsys.readouterr().out
    assert (tmp_path / "submitted" / "ada" / task / f"{task}.ipynb").read_bytes() == released


@pytest.mark.parametrize("call", [["grade", "task1_vae"], ["report", "task1_vae"], ["collect", "."]])
def test_a_folder_that_is_no_course_is_said_in_the_same_words(tmp_path, capsys, call):
    assert main([*call, "--root", str(tmp_path)]) == 2
    assert "This is no course (no nbgrader_config.py here): cd into it or give --root." in capsys.readouterr().err


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert all(name in said for name in COMMANDS)
