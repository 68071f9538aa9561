"""Nobody earns, sees or harms more than their answers entitle them to; and a grader that is killed loses nothing."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
import torch
from nbgrader.api import Gradebook

from autograder import intake, judge, keys, sandbox
from autograder.audit import attacks, course, stock, watch
from autograder.audit.corpus import POINTS, WRONG, corpus, hostile
from autograder.audit.course import BYSTANDERS, TASK
from autograder.kernel import Settings
from autograder.questions import QUESTIONS, find
from autograder.rebuild import rebuild
from utils.check import probe
from utils.check.probe import MAX_ELEMENTS
from utils.check.verdict import judge as judge_answers

KNOWN = corpus()
THROUGH_NBGRADER = ("do-execute", "forged", "absolute-paths", "segfault", "fork-bomb", "background", "torch-py",
                    "written-answer", "colab", "two-uploads")
needs_sandbox = pytest.mark.skipif(sandbox.available() is not None, reason=str(sandbox.available()))


def test_there_are_enough_attacks_of_every_kind():
    kinds = [attack.kind for attack in KNOWN.values()]
    assert kinds.count("hostile") >= 60 and kinds.count("odd") >= 40


@needs_sandbox
def test_every_submission_gets_what_it_deserves_and_harms_nobody(tmp_path):
    found = attacks.audit([*KNOWN.values()], tmp_path)
    wrong = {one.attack.name: (one.earned, one.attack.points, one.leaks, one.harm) for one in found if not one.ok}
    assert not wrong


@needs_sandbox
def test_nbgraders_own_command_is_as_fair(tmp_path):
    found = attacks.audit([KNOWN[name] for name in THROUGH_NBGRADER], tmp_path, through="nbgrader")
    assert not {one.attack.name: (one.earned, one.leaks, one.harm) for one in found if not one.ok}


@needs_sandbox
def test_stock_nbgrader_pays_for_what_earns_nothing_here():
    (found,) = stock.audit([KNOWN["do-execute"]], jobs=1)
    assert found.total > sum(found.attack.points.values())


@needs_sandbox
def test_the_audit_sees_points_that_are_not_deserved(tmp_path):
    """A right notebook that claims to deserve nothing, and a wrong one that claims to deserve everything."""
    gives = [attacks.Attack("too-much", "", "hostile", "right", deserved=dict.fromkeys(POINTS, 0.0)),
             attacks.Attack("too-little", "", "odd", "wrong", deserved=dict(POINTS))]
    found = attacks.audit(gives, tmp_path, jobs=1)
    assert [one.total for one in found] == [8, 0] and not any(one.fair for one in found)
    assert attacks.summary(found)[0].startswith("1 hostile: 1 earned more than they deserve, 0 less")


def test_the_audit_sees_what_is_alive_in_a_page():
    assert attacks.alive("<p onclick=x()>") and attacks.alive("<a href='java\tscript:x'>") and attacks.alive("<iframe>")
    assert attacks.alive("mathjax $\\href{javascript:x}{y}$") and attacks.alive("<img src=//a.example/x.png>")
    assert attacks.alive("mathjax $&#92;href{javascript:x}{y}$")
    assert not attacks.alive("mathjax <p class='x'>text</p><a href='https://a.example'>x</a><pre>\\href{x}</pre>")


def test_the_audit_sees_files_and_processes_that_are_left(tmp_path, monkeypatch):
    (tmp_path / "course").mkdir()
    monkeypatch.chdir(tmp_path / "course")
    before = watch.files(tmp_path / "course")
    (tmp_path / "course" / "new").write_text("x")
    assert watch.files(tmp_path / "course").keys() - before.keys() == {"new"}
    assert watch._is_own("autograded/ada/x", "ada") and not watch._is_own("autograded/ada/x", "ben")
    with subprocess.Popen(["sleep", "60"]) as process:
        assert process.pid in watch.left_over()
        process.kill()


# Answers that nobody's function gives

NO_NUMBERS = {
    "NaN": lambda tensor, n: torch.full_like(tensor, torch.nan, dtype=torch.float64),
    "infinity": lambda tensor, n: torch.full_like(tensor, torch.inf, dtype=torch.float64),
    "minus infinity": lambda tensor, n: torch.full_like(tensor, -torch.inf, dtype=torch.float64),
    "half NaN": lambda tensor, n: torch.where(torch.arange(tensor.numel()).reshape(tensor.shape) % 2 == 0, torch.nan,
                                              tensor.double()),
}
TOO_MANY = {        # of n numbers, which is all that the judge looks at for one question
    "a long row": lambda tensor, n: torch.zeros(2, n // 2, dtype=torch.int8),
    "a long column": lambda tensor, n: torch.ones(n // 2, 2, dtype=torch.int8),
    "sixty axes": lambda tensor, n: torch.ones([1] * 60),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", [name for name in QUESTIONS if not name.startswith("train")])
def test_answers_that_are_no_numbers_or_far_too_many_are_worth_little_and_cost_no_time(name):
    question = find(name)
    key = keys.draw_key(question, 20, signatures=False)
    answers, status = {}, {}
    for variant in key.variants:
        answers[variant.name], status[variant.name] = keys._probe_reference(question, variant.steps, variant.inputs, 21)
    assert judge_answers(key, answers, status).right
    n = MAX_ELEMENTS // max(map(len, answers.values()))
    for kind, make in {**NO_NUMBERS, **TOO_MANY}.items():
        forged = {variant: {step: make(tensor, n) for step, tensor in found.items()} for variant, found in answers.items()}
        started = time.process_time()
        verdict = judge_answers(key, forged, status)
        assert verdict.points <= (0 if kind in NO_NUMBERS else key.points / 2), (kind, verdict.earned)
        assert time.process_time() - started < 10, kind


class Memory(torch.nn.Module):
    """No model: decode gives back the pictures that encode saw last, else the mean picture."""

    def __init__(self, latent_dim=20):
        super().__init__()
        self.nothing, self.latent_dim, self.seen, self.mean = torch.nn.Parameter(torch.zeros(1)), latent_dim, [], 0.1

    def encode(self, x):
        self.seen = x.detach()
        self.mean = 0.95 * self.mean + 0.05 * x.detach().mean(0, keepdim=True) if self.training else self.mean
        mu = self.nothing * torch.ones(len(x), self.latent_dim)
        return mu, mu

    def decode(self, z):
        known = len(z) <= len(self.seen)
        pictures = 0.5 * (self.seen[:len(z)] + self.mean) if known else self.mean.expand(len(z), -1, -1, -1)
        return torch.logit(pictures.clamp(0.02, 0.98)) + 0 * z.sum()

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu), mu, logvar


def test_a_class_that_keeps_its_pictures_has_not_learned_anything():
    question = find("train_vae")
    key = keys.draw_key(question, 5, signatures=False)
    names = {"VAE": Memory, "vae_loss": lambda logits, x, mu, logvar, beta=1.0: (logits - x).square().mean()}
    answers, status = {}, {}
    for variant, (steps, inputs) in keys.probe_inputs(key).items():
        answers[variant], status[variant] = probe.run(steps, inputs, names, seed=6)
    assert judge_answers(key, answers, status).points == 0


# Without a sandbox

FORGING = ("transformer", "ast-transformer", "allclose", "imports", "verdict-patched", "forged-verdict", "inputs-returned",
           "facts-patched")


@pytest.mark.parametrize("name", FORGING)
def test_verdicts_cannot_be_forged_without_a_sandbox_either(name, small_course):
    data = course.submission(small_course, KNOWN[name])
    notebook, _ = rebuild(small_course.released, data)
    settings = Settings(cell_seconds=20, manager=sandbox.UnsandboxedKernelManager)
    result = judge.grade_notebook(notebook, TASK, b"a secret of the test", name, settings)
    assert {question: verdict.points for question, verdict in result.verdicts.items()} == KNOWN[name].points


# A grader that is killed

@pytest.fixture(scope="module")
def small_course(tmp_path_factory):
    return course.new_course(tmp_path_factory.mktemp("attacks") / "course", 1, course.new_canaries())


def scores(root):
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        return {one.student.id: {grade.name: grade.score for grade in one.notebooks[0].grades if grade.name in POINTS}
                for one in gradebook.assignment_submissions(TASK)}


def records(root):
    return {path.parts[-3]: path.stat().st_mtime_ns for path in (root / "autograded").glob(f"*/{TASK}/*.verdicts.json")}


@needs_sandbox
def test_a_second_run_completes_what_a_killed_grader_left(small_course):
    watch.become_subreaper()
    root = small_course.root
    slow = "import time\ndef kl_divergence(mu, logvar):\n    time.sleep(60)"
    attack = attacks.Attack("between", "", "odd", "right", answers={"kl_divergence": slow})
    course.hand_in(small_course, attack)
    intake.collect(small_course.uploads, root, TASK)
    first = subprocess.Popen([sys.executable, "-m", "nbgrader", "autograde", TASK], cwd=root, start_new_session=True,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (root / "autograded" / "between").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.5)         # in the middle of the second submission
    kernels = set(watch.children(first.pid))
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    deadline = time.monotonic() + 30
    while watch.left_over().keys() & kernels and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not watch.left_over().keys() & kernels, "kernels outlive the grader"
    done = records(root)
    assert BYSTANDERS[0] in done and "between" not in done
    with sqlite3.connect(root / "gradebook.db") as base:
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)

    again = course.nbgrader(small_course, "autograde", TASK)
    assert again.returncode == 0, again.stderr
    right = dict(POINTS)
    assert scores(root) == {**dict.fromkeys(BYSTANDERS, right), "between": {**right, "kl_divergence": 0.0}}
    assert records(root)[BYSTANDERS[0]] == done[BYSTANDERS[0]], "what was graded is not graded again"
    assert not [path for path in root.rglob("*.part")]


@needs_sandbox
def test_the_exit_status_is_0_only_if_all_were_graded(tmp_path):
    made = course.new_course(tmp_path / "course", 1, course.new_canaries())
    intake.collect(made.uploads, made.root, TASK)
    config = made.root / "nbgrader_config.py"
    whole = config.read_text()
    config.write_text(whole + f"""
from autograder import plugins
save = plugins.save_grades
def fails(gradebook, result, *rest):
    if result.student == "{BYSTANDERS[1]}":
        raise OSError("the disk is full")
    return save(gradebook, result, *rest)
plugins.save_grades = fails
""")
    done = course.nbgrader(made, "autograde", TASK)
    assert done.returncode != 0 and BYSTANDERS[1] in done.stderr
    assert records(made.root).keys() == {BYSTANDERS[0], BYSTANDERS[2]}
    config.write_text(whole)
    assert course.nbgrader(made, "autograde", TASK).returncode == 0
    assert scores(made.root) == dict.fromkeys(BYSTANDERS, dict(POINTS))


def test_two_attacks_cannot_have_one_name():
    with pytest.raises(ValueError, match="two attacks"):
        hostile("transformer", "again")
    assert set(WRONG) == set(POINTS)
