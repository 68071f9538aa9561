"""The definitions: points, criteria, weights and hints; notebooks say the same; errors are not carried forward."""

import ast
import inspect
import re
from pathlib import Path

import pytest
import torch

from autograder import keys
from autograder.audit import checks
from autograder.questions import QUESTIONS, TASKS, find
from utils.check import probe
from utils.check.verdict import judge

ROOT = Path(__file__).parent.parent
POINTS = {
    "reparameterize": 3, "kl_divergence": 3, "reconstruction_loss": 2, "vae_loss": 2, "vae": 4, "generate": 2,
    "interpolate": 2, "latent_grid": 2, "train_vae": 2, "one_hot": 2, "condition": 2, "cvae": 5, "generate_digit": 2,
    "style_grid": 2, "relabel": 2, "train_cvae": 3, "label_embedding": 2,
    "monte_carlo_kl": 2, "elbo_samples": 2, "iwae_bound": 2, "early_stopping": 2, "complete": 3, "active_units": 1,
}


def test_points_are_those_of_the_contract():
    assert {name: question.points for name, question in QUESTIONS.items()} == POINTS
    assert [name for name, question in QUESTIONS.items() if question.extra] == ["label_embedding"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_criterion_but_a_core_one_is_worth_more_than_half(name):
    question = QUESTIONS[name]
    names = [criterion.name for criterion in question.criteria]
    assert len(set(names)) == len(names) and any(criterion.core for criterion in question.criteria)
    for criterion in question.criteria:
        assert criterion.core or criterion.points <= question.points / 2


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_criterion_has_tests_and_every_test_a_criterion(name):
    question = QUESTIONS[name]
    for variant in keys.draw_key(question, 1, signatures=False).variants if not name.startswith("train") else []:
        assert {test["criterion"] for test in variant.tests} <= {criterion.name for criterion in question.criteria}
        if variant.name == "own":
            assert {test["criterion"] for test in variant.tests} == {criterion.name for criterion in question.criteria}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_notebook_states_the_criteria_and_their_weights(name):
    question = QUESTIONS[name]
    source = (ROOT / "solutions" / f"{question.task}.py").read_text("utf-8")
    expected = ", ".join(f"{criterion.name} {criterion.points:g}" for criterion in question.criteria)
    lines = re.findall(rf"^# \*\*{question.points:g} points?:\*\* ([\w ,.]+\d)\b.*$", source, re.MULTILINE)
    stated = [", ".join(f"{part.split()[0]} {float(part.split()[1]):g}" for part in line.split(", ")) for line in lines]
    assert expected in stated, f"put into {question.task}.py: **{question.points:g} points:** {expected}"


@pytest.mark.parametrize("name", QUESTIONS)
def test_hints_are_sentences_that_hold_nothing_of_the_solution(name):
    question = QUESTIONS[name]
    reference = inspect.getsource(question.namespace[question.answers[0]])
    body = [ast.unparse(node.value) for node in ast.walk(ast.parse(reference))
            if isinstance(node, (ast.Return, ast.Assign)) and len(ast.unparse(node.value)) > 12]
    hints = {misconception.name: misconception.hint for misconception in question.misconceptions}
    assert len(set(hints.values())) == len(hints)
    for hint in hints.values():
        code = re.match(r"[\w.]+[(\[.]|\w+(?= )", hint)      # a hint may begin with a name of the student's code
        assert hint[-1] in ".?" and (hint[0].isupper() or code)
        assert len(hint) < 200 and "\n" not in hint and not any(code in hint for code in body)


@pytest.mark.parametrize("name", [name for name in QUESTIONS if not name.startswith("train")])
def test_the_reference_is_right_and_each_misconception_is_wrong(name):
    question = QUESTIONS[name]
    key = keys.draw_key(question, 11, signatures=False)
    own = key.variants[0]
    answers, status = keys._probe_reference(question, own.steps, own.inputs, 12)
    assert judge(key, {"own": answers}, {"own": status}).right
    for misconception in question.misconceptions:
        for answer in misconception.answers:
            answers, status = keys._probe_reference(question, own.steps, own.inputs, 12, answer)
            assert not judge(key, {"own": answers}, {"own": status}).right, misconception.name


def test_an_unknown_question_is_told_with_the_known_ones():
    with pytest.raises(KeyError, match="kl_divergence"):
        find("kl_divergenz")
    assert [name for names in TASKS.values() for name in names] == list(QUESTIONS)


def test_an_input_that_only_tests_need_stays_with_the_judge():
    probes = keys.probe_inputs(keys.draw_key(QUESTIONS["reparameterize"], 1, signatures=False))
    assert "mu" in probes["own"][1] and "std" not in probes["own"][1]


# Errors are not carried forward. Wrong earlier answers, and what is made of them.

KL_WRONG = {
    "wrong": "def kl_divergence(mu, logvar):\n    return (mu + logvar).sum(1)\n",
    "without a sum": "def kl_divergence(mu, logvar):\n    return mu ** 2\n",
    "raises": "def kl_divergence(mu, logvar):\n    return mu @ logvar\n",
    "not attempted": "def kl_divergence(mu, logvar):\n    raise NotImplementedError\n",
    "None": "def kl_divergence(mu, logvar):\n    return None\n",
    "missing": "del kl_divergence\n",
}
RECONSTRUCTION_WRONG = "def reconstruction_loss(logits, x):\n    return (logits - x).flatten(1).mean(1)\n"
LOSS = "def vae_loss(logits, x, mu, logvar, beta=1.0):\n    return {}\n"
PARTS = "(reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()"
MIXED = ("(F.binary_cross_entropy_with_logits(logits, x, reduction='none').sum((1, 2, 3))"
         " + beta * kl_divergence(mu, logvar)).mean()")
WRONG_LOSS = "(reconstruction_loss(logits, x) - beta * kl_divergence(mu, logvar)).mean()"


def both(question, source):
    names = checks.namespace(question, source)
    return checks.public(question, names), checks.grading(question, names, 21)


@pytest.mark.parametrize("earlier", KL_WRONG)
@pytest.mark.parametrize("loss, right", [(PARTS, True), (MIXED, True), (WRONG_LOSS, False)])
def test_vae_loss_is_judged_whatever_kl_divergence_does(earlier, loss, right):
    for verdict in both(QUESTIONS["vae_loss"], KL_WRONG[earlier] + LOSS.format(loss)):
        assert verdict.right is right, verdict


@pytest.mark.parametrize("loss, right", [(PARTS, True), (WRONG_LOSS, False)])
def test_vae_loss_is_judged_where_both_earlier_answers_are_wrong(loss, right):
    source = KL_WRONG["wrong"] + RECONSTRUCTION_WRONG + LOSS.format(loss)
    for verdict in both(QUESTIONS["vae_loss"], source):
        assert verdict.right is right, verdict


def test_vae_loss_may_fit_an_earlier_answer_that_returns_the_mean_already():
    source = ("def kl_divergence(mu, logvar):\n    return (0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)).mean()\n"
              + LOSS.format("reconstruction_loss(logits, x).mean() + beta * kl_divergence(mu, logvar)"))
    for verdict in both(QUESTIONS["vae_loss"], source):
        assert verdict.right, verdict


MODEL = """
class VAE(nn.Module):
    def __init__(self, latent_dim=20):
        super().__init__()
        self.latent_dim = latent_dim
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 2 * latent_dim))
        self.dec = nn.Sequential(nn.Linear(latent_dim, 64), nn.ReLU(), nn.Linear(64, 784))

    def encode(self, x):
        return self.enc(x).chunk(2, dim=1)

    def decode(self, z):
        return self.dec(z).view(-1, 1, 28, 28)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode({}), mu, logvar
"""


@pytest.mark.parametrize("earlier", ["return mu", "return mu + logvar.exp() * torch.randn_like(mu)",
                                     "return mu @ logvar", "raise NotImplementedError", "return None"])
@pytest.mark.parametrize("z, right", [("reparameterize(mu, logvar)", True), ("mu", False),
                                      ("reparameterize(mu, logvar).detach()", False)])
def test_vae_is_judged_whatever_reparameterize_does(earlier, z, right):
    source = f"def reparameterize(mu, logvar):\n    {earlier}\n" + MODEL.replace("{}", z)
    for verdict in both(QUESTIONS["vae"], source):
        assert verdict.right is right, verdict


CONDITIONAL = """
class CVAE(nn.Module):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.enc = nn.Sequential(nn.Linear(784 + num_classes, 64), nn.ReLU(), nn.Linear(64, 2 * latent_dim))
        self.dec = nn.Sequential(nn.Linear(latent_dim + num_classes, 64), nn.ReLU(), nn.Linear(64, 784))

    def encode(self, x, y):
        return self.enc(condition(x.flatten(1), one_hot(y, self.num_classes))).chunk(2, dim=1)

    def decode(self, z, y):
        return self.dec(condition(z, one_hot({}, self.num_classes))).view(-1, 1, 28, 28)

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y), mu, logvar
"""


@pytest.mark.parametrize("earlier", [
    "def one_hot(labels, num_classes=10):\n    return F.one_hot(labels).float()\n",
    "def one_hot(labels, num_classes=10):\n    return torch.zeros(len(labels), num_classes)\n",
    "def one_hot(labels, num_classes=10):\n    raise NotImplementedError\n",
    "def condition(features, onehot):\n    return torch.cat([features, onehot])\n",
    "def condition(features, onehot):\n    return torch.cat([features, 0 * onehot], dim=1)\n",
])
@pytest.mark.parametrize("label, right", [("y", True), ("torch.zeros_like(y)", False)])
def test_cvae_is_judged_whatever_one_hot_and_condition_do(earlier, label, right):
    for verdict in both(QUESTIONS["cvae"], earlier + CONDITIONAL.replace("{}", label)):
        assert verdict.right is right, verdict


@pytest.mark.parametrize("earlier, right", [
    ("def kl_divergence(mu, logvar):\n    return -(mu ** 2).sum(1)\n", True),
    ("def vae_loss(logits, x, mu, logvar, beta=1.0):\n    return reconstruction_loss(logits, x).mean()\n", False),
])
def test_training_spares_what_vae_and_vae_loss_call_and_judges_these_two(earlier, right):
    source = MODEL.replace("{}", "reparameterize(mu, logvar)") + LOSS.format(PARTS) + earlier
    assert checks.grading(QUESTIONS["train_vae"], checks.namespace(QUESTIONS["train_vae"], source), 5).right is right


@pytest.mark.parametrize("label, right", [("y", True), ("torch.zeros_like(y)", False)])
def test_training_spares_what_cvae_calls_and_judges_the_class(label, right):
    earlier = "def one_hot(labels, num_classes=10):\n    return torch.zeros(len(labels), num_classes)\n"
    names = checks.namespace(QUESTIONS["train_cvae"], earlier + CONDITIONAL.replace("{}", label))
    assert checks.grading(QUESTIONS["train_cvae"], names, 5).right is right


ELBO = """
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [model.decode(posterior(mu, logvar).sample()) for _ in range(n_samples)]
    log_p = -torch.stack([F.binary_cross_entropy_with_logits(d, x, reduction="none").flatten(1).sum(1) for d in draws])
    return log_p.mean(0) {} monte_carlo_kl(mu, logvar, n_samples)
"""


@pytest.mark.parametrize("earlier", ["return -mu.square().sum(1)", "raise NotImplementedError"])
@pytest.mark.parametrize("sign, right", [("-", True), ("+", False)])
def test_elbo_is_judged_whatever_monte_carlo_kl_does(earlier, sign, right):
    source = f"def monte_carlo_kl(mu, logvar, n_samples):\n    {earlier}\n" + ELBO.format(sign)
    for verdict in both(QUESTIONS["elbo_samples"], source):
        assert verdict.right is right, verdict


def test_stand_ins_are_no_answers():
    """Handing in a stand-in earns nothing: it works only where a check has put it."""
    for name in ("kl_divergence", "reconstruction_loss", "reparameterize", "one_hot", "condition"):
        for place in ("STANDINS", "LIBRARY"):
            source = f"from utils.check.standins import {place}\n{name} = {place}['{name}']\n"
            verdict = checks.grading(QUESTIONS[name], checks.namespace(QUESTIONS[name], source), 5)
            assert verdict.points <= verdict.max_points / 2, (name, place)


def test_probing_leaves_the_names_of_the_notebook_as_they_were():
    question = QUESTIONS["vae_loss"]
    names = checks.namespace(question, LOSS.format(PARTS))
    before = dict(names)
    for variant in keys.draw_key(question, 2, signatures=False).variants:
        probe.run(variant.steps, variant.inputs, names)
    assert names == before


@pytest.mark.parametrize("name", [name for name in QUESTIONS if not name.startswith("train")])
def test_inputs_avoid_what_hides_mistakes(name):
    for variant in keys.draw_key(QUESTIONS[name], 31, signatures=False).variants:
        for key, value in variant.inputs.items():
            if key.startswith(("mu", "logvar", "logits")) and not key.endswith("_near"):    # a KL near 0, on purpose
                assert (value.abs() > 0.1).all() and ((value - 1).abs() > 0.01).all(), key
                assert value.numel() == 1 or (value.min() < 0 < value.max()), key
            assert not torch.is_floating_point(value) or torch.isfinite(value).all()


def test_a_mistake_that_does_not_depend_on_the_inputs_is_named_without_drawing_signatures(monkeypatch):
    monkeypatch.setattr(keys, "with_signatures", None)
    question = find("generate")
    key = keys.draw_key(question, 7, signatures=False)
    for misconception in question.misconceptions:
        names = {**question.namespace, "generate": misconception.answers[0]}
        look, (steps, inputs) = next(iter(keys.probe_inputs(key).items()))
        answers, status = probe.run(steps, inputs, names, seed=7)
        verdict = keys.verdict(question, key, 7, {look: answers}, {look: status})
        assert verdict.misconception == misconception.name and verdict.hint == misconception.hint
