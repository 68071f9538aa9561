"""Verdicts: states, points, hints; what odd and hostile answers earn; nothing but key and answers decides."""

import dataclasses
import functools
import json
import re

import pytest
import torch

from autograder import keys
from autograder.audit import bank, checks
from autograder.questions import QUESTIONS
from utils.check import CheckFailed, check, look, probe, public_key
from utils.check.show import as_html, as_text
from utils.check.verdict import judge, no_verdict, pack_keys, unpack_keys

KL = QUESTIONS["kl_divergence"]
RIGHT_KL = "def kl_divergence(mu, logvar):\n    return 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)\n"

# what the function does -> state, words of the hint
ODD = {
    "return None": ("wrong", "returned None"),
    "return": ("wrong", "returned None"),
    "return 3.0": ("wrong", "Python float"),
    "return 2": ("wrong", "Python int"),
    "return True": ("wrong", "Python bool"),
    "return [m.sum() for m in mu]": ("wrong", "returned a list of"),
    "return mu,": ("wrong", "a comma at the end"),
    "return mu, logvar": ("wrong", "returned a tuple of 2"),
    "return 'kl'": ("wrong", "returned a str"),
    "return kl_divergence": ("wrong", "returned a function: call it"),
    "return mu.detach().sum(1).numpy()": ("wrong", "NumPy array"),
    "return mu.sum(1) * float('nan')": ("wrong", "NaN"),
    "return mu.sum(1) / 0": ("wrong", "NaN or infinity"),
    "return mu.sum().expand(10 ** 5, 10 ** 5)": ("wrong", "far too large"),
    "return mu.sum(1).to(torch.complex64)": ("wrong", "complex"),
    "return mu.sum(1).long()": ("wrong", "int64"),
    "return mu.sum(1).to_sparse()": ("wrong", "sparse"),
    "yield mu": ("wrong", "generator"),
    "raise SystemExit": ("error", "tries to end Python"),
    "exit()": ("error", "end Python"),
    "raise ValueError('so')": ("error", "raised ValueError"),
    "return kl_divergence(mu, logvar)": ("error", "calls itself without end"),
    "return undefined_name": ("error", "`undefined_name`"),
    "return mu.missing": ("error", "AttributeError"),
    "raise NotImplementedError": ("not attempted", "Not attempted yet: kl_divergence"),
    "torch.set_default_dtype(torch.float64); return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)": (
        "wrong", "default dtype"),
    "torch.manual_seed(1); return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)": ("wrong", "Do not seed"),
    "mu.mul_(2); return 0.5 * (mu**2 / 4 + logvar.exp() - 1 - logvar).sum(1)": ("wrong", "in place"),
    "mu.resize_(1); return logvar.sum(1)": ("wrong", "in place"),
}


def named(source: str) -> dict:
    return checks.namespace(KL, source)


@pytest.mark.parametrize("line", ODD)
def test_odd_answers_each_get_their_own_verdict(line):
    state, words = ODD[line]
    names = named(f"def kl_divergence(mu, logvar):\n    {line}\n")
    for verdict in (checks.public(KL, names), checks.grading(KL, names, 3)):
        assert verdict.state == state and words in verdict.hint, verdict
        assert verdict.points <= KL.points - 0.5 and (verdict.points == 0 or state == "wrong")
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("source, words", [
    ("async def kl_divergence(mu, logvar):\n    return mu", "remove `async`"),
    ("def kl_divergence(mu, logvar, z):\n    return mu", "missing 1 required positional argument: 'z'"),
    ("def kl_divergence(mu):\n    return mu", "keep the signature"),
    ("def kl_divergence(*, mu, logvar):\n    return mu", "keep the signature"),
    ("kl_divergence = 3", "not callable"),
    ("class kl_divergence:\n    def __init__(self, mu, logvar):\n        pass", "returned a kl_divergence"),
    ("class Lie:\n    __class__ = torch.Tensor\n    shape = (1,)\n\ndef kl_divergence(mu, logvar):\n    return Lie()",
     "returned a Lie"),
    ("class Yes(torch.Tensor):\n    __torch_function__ = classmethod(lambda *a, **k: True)\n\n"
     "def kl_divergence(mu, logvar):\n    return (0 * mu.sum(1)).as_subclass(Yes)", "differ"),
    ("class Always:\n    def __eq__(self, other):\n        return True\n    __lt__ = __gt__ = __sub__ = __abs__ = __eq__\n\n"
     "def kl_divergence(mu, logvar):\n    return Always()", "returned an Always"),
])
def test_what_is_no_plain_function_of_tensors_is_told(source, words):
    for verdict in (checks.public(KL, named(source)), checks.grading(KL, named(source), 4)):
        assert not verdict.right and words in verdict.hint, verdict


@pytest.mark.parametrize("source", [
    "kl_divergence = lambda mu, logvar: 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)",
    "class Kl:\n    def __call__(self, mu, logvar):\n        return 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)\n\n"
    "kl_divergence = Kl()",
    "def kl_divergence(*arguments, **options):\n    mu, logvar = arguments\n"
    "    return 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)",
    "import functools\n\ndef power(p, mu, logvar):\n    return 0.5 * (mu ** p + logvar.exp() - 1 - logvar).sum(1)\n\n"
    "kl_divergence = functools.partial(power, 2)",
    "class Mine(torch.Tensor):\n    pass\n\ndef kl_divergence(mu, logvar):\n"
    "    return (0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)).as_subclass(Mine)",
])
def test_unusual_callables_are_right(source):
    assert checks.public(KL, named(source)).right and checks.grading(KL, named(source), 5).right


def test_a_deleted_answer_is_told():
    verdict = checks.grading(KL, named(RIGHT_KL + "del kl_divergence\n"), 3)
    assert verdict.state == "error" and "`kl_divergence` is not defined" in verdict.hint and verdict.points == 0


def test_an_answer_that_was_right_once_is_wrong():
    source = RIGHT_KL.replace("def kl_divergence", "def right") + (
        "calls = []\n\ndef kl_divergence(mu, logvar):\n    calls.append(1)\n"
        "    return right(mu, logvar) if len(calls) < 4 else 0 * mu.sum(1)\n")
    assert not checks.grading(KL, named(source), 3).right


@pytest.mark.parametrize("answers, status", [
    ({}, {}), (None, None), ({"own": {}}, {"own": {}}), ({"own": None}, {"own": [1]}), ([], "x"),
    ({"own": {"n1z1": "text"}}, {"own": {"n1z1": 7}}),
    ({"own": {"n1z1": torch.zeros(1)}}, {"own": {"n1z1": {"state": "ok", "parts": 3, "kind": []}}}),
    ({"own": {"n1z1": torch.zeros(1)}}, {"own": {"n1z1": {"state": ["ok"]}}}),
])
def test_forged_answers_earn_nothing_and_raise_nothing(answers, status):
    key = keys.draw_key(KL, 1, signatures=False)
    verdict = judge(key, answers if isinstance(answers, dict) else {}, status if isinstance(status, dict) else {})
    assert verdict.points == 0 and not verdict.right and verdict.hint


@functools.cache        # signatures take seconds
def key_of(name, seed):
    return keys.with_names(QUESTIONS[name], keys.draw_key(QUESTIONS[name], seed, signatures=False), seed)


def answered(question, source, seed=3):
    names, key = checks.namespace(question, source), key_of(question.name, seed)
    answers, status = {}, {}
    for variant in key.variants:
        answers[variant.name], status[variant.name] = probe.run(variant.steps, variant.inputs, names, 7)
    return key, answers, status


@pytest.mark.parametrize("name", ["reparameterize", "kl_divergence", "vae", "style_grid", "interpolate"])
def test_the_number_of_threads_does_not_change_a_verdict(name):
    some = bank.load(name)
    key_answers = [answered(QUESTIONS[name], entry.source) for entry in (some[0], some[-1])]
    threads, found = torch.get_num_threads(), []
    for number in (1, 3):
        torch.set_num_threads(number)
        found.append([json.dumps(dataclasses.asdict(judge(*parts))) for parts in key_answers])
    torch.set_num_threads(threads)
    assert found[0] == found[1]


def test_a_key_of_one_seed_is_the_same_every_time_and_another_seed_draws_others():
    first, again, other = (keys.draw_key(KL, seed, signatures=False) for seed in (1, 1, 2))
    assert pack_keys([first]) == pack_keys([again]) != pack_keys([other])


def test_a_packed_key_judges_like_the_key_itself():
    for name in ("vae_loss", "one_hot"):
        key, answers, status = answered(QUESTIONS[name], bank.load(name)[0].source)
        other = unpack_keys(pack_keys([key]))[name]
        assert dataclasses.asdict(judge(key, answers, status)) == dataclasses.asdict(judge(other, answers, status))


def test_hints_hold_no_numbers_of_the_key_and_details_stay_with_the_public_check():
    names = named("def kl_divergence(mu, logvar):\n    return mu.sum(1) * 0.123 + 17.5\n")
    verdict = checks.grading(KL, names, 3)
    assert verdict.hint == "Your values differ from the expected ones." and "expected" in verdict.detail
    assert verdict.detail not in as_text(verdict) and verdict.detail in as_text(verdict, detail=True)


def test_a_wrong_gradient_is_shown_with_the_right_one():
    names = named("def kl_divergence(mu, logvar):\n"
                  "    kl = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar)\n"
                  "    return (kl + kl.detach()).sum(1) / 2\n")
    key = public_key("kl_divergence")
    verdict = look(key, (names["kl_divergence"],), names)
    assert not verdict.right and verdict.points > 2
    found, expected = map(float, re.search(r"respect to mu is (\S+); expected (\S+)\.$", verdict.detail).groups())
    assert found == pytest.approx(expected / 2, rel=1e-3)


def test_what_students_write_is_text_on_a_page():
    names = named("def kl_divergence(mu, logvar):\n    raise ValueError('<script>alert(1)</script>')\n")
    page = as_html(checks.grading(KL, names, 3), detail=True)
    assert "<script" not in page and "&lt;script&gt;" in page


def test_out_of_time_is_a_verdict_of_its_own():
    verdict = no_verdict(public_key("kl_divergence"), "out of time", "No answer within 60 s.")
    assert verdict.state == "out of time" and verdict.points == 0 and verdict.max_points == 3


def test_check_prints_one_line_and_fails_under_validation_alone(capsys, monkeypatch):
    monkeypatch.delenv("NBGRADER_VALIDATING", raising=False)
    check("kl_divergence", named(RIGHT_KL)["kl_divergence"])
    check("kl_divergence", lambda mu, logvar: mu)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[0].startswith("✓ kl_divergence") and lines[1].startswith("✗ kl_divergence")
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    with pytest.raises(CheckFailed):
        check("kl_divergence", lambda mu, logvar: mu)


def test_an_unknown_question_is_told_with_the_known_ones():
    with pytest.raises(KeyError, match="kl_divergence"):
        check("kl_divergenz", lambda mu, logvar: mu)


def test_check_takes_the_object_it_is_given_whatever_its_name():
    names = checks.namespace(QUESTIONS["vae_loss"], (
        "def kl_divergence(mu, logvar):\n    return 7 * mu.sum(1)\n\n"          # wrong, and called
        "def my_loss(logits, x, mu, logvar, beta=1.0):\n"
        "    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()\n"))
    before = dict(names)
    assert look(public_key("vae_loss"), (names["my_loss"],), names).right
    assert names == before
