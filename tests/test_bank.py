"""The bank of answers against the checks: every wrong one rejected, every right one accepted, the mistakes named."""

import ast
import random

import pytest
import torch

from autograder import keys
from autograder.audit import bank, checks, seeds
from autograder.questions import QUESTIONS

TRAINED = seeds.TRAINED
SLOW = ("vae", "cvae", "label_embedding", "elbo_samples")


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", QUESTIONS)
def test_wrong_answers_are_rejected_and_named_right_ones_accepted_and_a_wrong_core_earns_at_most_half(name):
    seed = 20_140_501       # `audit seeds` and the test of luck below take others
    kinds = ("grading",) if name in TRAINED + SLOW else ("public", "grading")
    found = checks.audit(QUESTIONS[name], seed, kinds)
    misjudged = [(f.check, f.entry.title, f.verdict.state, f.verdict.hint) for f in found if not f.as_it_should]
    assert not misjudged, f"seed {seed}: {misjudged}"
    wrong = [f for f in found if f.entry.wrong]
    unnamed = [(f.check, f.entry.title, f.verdict.misconception, f.verdict.hint) for f in wrong if not f.named]
    assert len(unnamed) <= max(1, 0.05 * len(wrong)), f"seed {seed}: {unnamed}"
    core = {criterion.name for criterion in QUESTIONS[name].criteria if criterion.core}
    for verdict in (f.verdict for f in found):
        assert verdict.right is (verdict.points == verdict.max_points)
        assert verdict.points <= verdict.max_points / 2 or all(verdict.earned[criterion] for criterion in core)


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name not in TRAINED])
def test_no_seed_rejects_a_right_answer_or_accepts_a_nearly_right_one(name):
    first = random.SystemRandom().randrange(2**40)
    found = seeds.count(QUESTIONS[name], range(first, first + (3 if name in SLOW else 10)))
    assert not {title: luck for title, (_, luck, _) in found.items() if luck}, f"seeds from {first}"


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name not in (*TRAINED, "elbo_samples")])
def test_a_submission_gets_the_hint_that_all_signatures_together_give(name):
    """At grading only the signatures of likely misconceptions are drawn."""
    question, seed = QUESTIONS[name], 77
    key = keys.draw_key(question, seed, signatures=False)
    full = keys.with_names(question, key, seed)
    for entry in random.Random(name).sample([entry for entry in bank.load(name) if entry.wrong], 2):
        alone, together = (checks.grading(question, checks.namespace(question, entry.source), seed, one) for one in (key, full))
        assert (alone.misconception, alone.hint) == (together.misconception, together.hint), entry.title


def test_the_bank_is_large_and_each_wrong_answer_says_what_it_stands_for():
    entries = [entry for name in QUESTIONS for entry in bank.load(name)]
    assert sum(entry.wrong for entry in entries) >= 200
    assert sum(not entry.wrong for entry in entries) >= 80
    for entry in entries:
        known = {misconception.name for misconception in QUESTIONS[entry.question].misconceptions}
        assert {name for name in entry.names if not name.startswith('"')} <= known, entry.title
        ast.parse(entry.source)


def test_the_bank_does_not_repeat_the_definitions():
    def functions(source):
        return {ast.dump(ast.Module(node.body, [])) for node in ast.parse(source).body
                if isinstance(node, (ast.FunctionDef, ast.ClassDef))}

    for name, question in QUESTIONS.items():
        with open(question.namespace["__file__"], encoding="utf-8") as file:
            defined = functions(file.read())
        same = [entry.title for entry in bank.load(name) if functions(entry.source) & defined]
        assert len(same) <= len(bank.load(name)) // 5, same     # `return features + onehot` has no other way
