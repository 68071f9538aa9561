"""The tests that criteria are made of: each looks at answers and says passed, or what is wrong.

Every test takes a Case and arguments that stand in the key (names of steps, tolerances), never code.
Statistical tests state their false-reject probability; the sum over all tests of any question stays
below 1e-7 for a right answer.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from utils.check.models import unbend

# Two-sided 6.5 standard errors of a normal statistic: 8e-11.
SIGMAS = 6.5


@dataclass(frozen=True)
class Outcome:
    """ok, or one sentence; `summary`: a few numbers by which a misconception is recognised;
    `fatal`: there was nothing to test, because the code raised or returned no tensor."""

    ok: bool
    message: str = ""
    summary: list = field(default_factory=list)
    detail: str = ""
    fatal: bool = False


class Unusable(Exception):
    """An answer that a test cannot look at; carries the outcome that says so."""

    def __init__(self, message: str, tag: str, fatal: bool = True):
        self.outcome = Outcome(False, message, [tag], fatal=fatal)


def _error_tag(facts: dict) -> str:
    """What errors have in common; those of torch and of calls are of two types, and their first words say which."""
    kind, words = facts.get("error"), str(facts.get("message"))
    return f"error {kind}: {words.split(' ')[0]}" if kind in ("RuntimeError", "TypeError") else f"error {kind}"


@dataclass(frozen=True)
class Case:
    """Everything a test may look at. kept: what several tests compute of it."""

    inputs: dict
    expected: dict
    answers: dict
    status: dict
    steps: list
    kept: dict = field(default_factory=dict)

    def facts(self, step: str) -> dict:
        """The status of a step that ran; Unusable with the student's own error otherwise."""
        facts = self.status.get(step)
        if facts is None:
            raise Unusable("Your notebook gave no answers for this question.", "none")
        state = facts.get("state")
        if state == "error":
            raise Unusable(error_sentence(facts), _error_tag(facts))
        if state == "not attempted":
            raise Unusable(f"Not attempted yet: {facts.get('function')}.", "not attempted")
        cause = self.status.get(str(facts.get("message")).split(" ")[0], {})
        if state == "skipped" and cause.get("state") == "error":
            raise Unusable(error_sentence(cause), _error_tag(cause))
        if state != "ok":
            raise Unusable("An earlier part of this answer gave no usable result.", "skipped")
        return facts

    def answer(self, name: str) -> torch.Tensor:
        """The answer `name` ("a", "a.0") in float64; Unusable where it is no tensor of numbers."""
        step, _, part = name.partition(".")
        facts = self.facts(step)
        if name not in self.answers:
            raise Unusable(kind_sentence(facts, part), f"kind {facts.get('kind')}")
        tensor = self.answers[name]
        if tensor.is_complex():
            raise Unusable("Your result is complex: it must be real.", "complex", fatal=False)
        return tensor.double()

    def like(self, name: str, expected: torch.Tensor) -> torch.Tensor:
        """The answer `name`, which must have the shape of `expected`."""
        tensor = self.answer(name)
        if tensor.shape != expected.shape:
            raise Unusable(shape_sentence(tensor.shape, expected.shape), f"shape {tuple(tensor.shape)}", fatal=False)
        return tensor

    def tensor(self, name) -> torch.Tensor:
        """A number, an input or an expected value of the key, in float64."""
        if isinstance(name, (int, float)):
            return torch.tensor(float(name), dtype=torch.float64)
        return (self.inputs[name] if name in self.inputs else self.expected[name]).double()

    def once(self, name, make: Callable):
        """What `make()` gives, once for all tests on this case."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]


def test(function):
    """Register a test; an Unusable answer becomes its outcome."""

    def guarded(case: Case, **arguments) -> Outcome:
        try:
            return function(case, **arguments)
        except Unusable as unusable:
            return unusable.outcome
        except Exception as surprise:  # a forged answer that no honest probe gives
            return Outcome(False, "Your answer could not be read.", [type(surprise).__name__], fatal=True)

    TESTS[function.__name__] = guarded
    return function


TESTS: dict = {}


# Sentences

RUN_ITS_CELL = "run its cell, or put it back if it was deleted."


def error_sentence(facts: dict) -> str:
    kind, message = str(facts.get("error")), " ".join(str(facts.get("message", "")).split())[:200]
    where = f" in your line `{facts['line']}`" if facts.get("line") else ""
    if kind == "NameError" and facts.get("name") and not facts.get("line"):
        return f"`{facts['name']}` is not defined: {RUN_ITS_CELL}"
    if kind == "SystemExit":
        return f"Your code tries to end Python{where}: remove that call."
    if kind == "TypeError" and "argument" in message and not facts.get("lineno"):
        return f"The arguments do not fit: {message}; keep the signature of the stub."
    if any(word in message.lower() for word in ("cuda", "nvidia", "same device")):
        return f"Your code needs tensors on another device{where}: make new ones where the inputs live (.device)."
    if kind == "RecursionError":
        return f"Your code calls itself without end{where}."
    if kind == "KeyboardInterrupt":
        return f"Your code was interrupted{where}."
    return f"Your code raised {kind}{where}: {message}" if message else f"Your code raised {kind}{where}."


def kind_sentence(facts: dict, part: str = "") -> str:
    kind = str(facts.get("kind"))
    parts = facts.get("parts") or []
    if part and kind != "tensor" and " of " in kind:
        index = int(part) if part.isdigit() else 0
        if index >= len(parts):
            return f"Your code returned a {kind} values: too few."
        kind = str(parts[index].get("kind"))
    elif part and kind == "tensor":
        return "Your code returned one tensor where several values are due."
    if any(isinstance(fact, dict) and fact.get("too_large") for fact in parts):
        return "Your result is far too large: check its shape."
    sentences = {
        "NoneType": "Your code returned None: a `return` is missing or its value is.",
        "coroutine": "Your function is async: remove `async`.",
        "generator": "Your function is a generator: use `return`, not `yield`.",
        "function": "Your code returned a function: call it.",
        "float": "Your code returned a Python float: return a tensor, without `.item()`, whatever the arguments are.",
        "int": "Your code returned a Python int: return a tensor.",
        "bool": "Your code returned a Python bool: return a tensor.",
        "ndarray": "Your code returned a NumPy array: return a torch tensor.",
        "tuple of 1": "Your code returned a tuple of one value (a comma at the end of the line?): return a tensor.",
    }
    if kind == "tensor" and parts:
        kind = str(parts[0].get("kind"))  # a sparse one, say
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    return sentences.get(kind, f"Your code returned {article} {kind} where a plain tensor is due.")


def shape_sentence(found, expected) -> str:
    return f"Your result has shape {tuple(found)}; it should be {tuple(expected)}."


def summarise(tensor: torch.Tensor, n: int = 8) -> list:
    """A few numbers that tell `tensor` from others: its shape and up to n entries spread over it."""
    flat = tensor.double().flatten()
    rows = torch.linspace(0, max(len(flat) - 1, 0), min(n, len(flat))).long()
    return [*map(float, tensor.shape), *(rounded(value) for value in flat[rows].tolist())]


def rounded(number: float) -> float | None:
    return float(f"{number:.5g}") if math.isfinite(number) else None


# Interface

@test
def returns(case: Case, of: str, shape: list | None = None, dtype: str | None = None) -> Outcome:
    """The answer is one floating-point tensor (or of `dtype`) of the given shape and finite."""
    step, _, part = of.partition(".")
    tensor = case.answer(of)
    facts = case.facts(step)
    parts = facts.get("parts") or [{}]
    fact = parts[int(part) if part else 0] if (not part or int(part) < len(parts)) else {}
    if shape is not None and list(tensor.shape) != shape:
        return Outcome(False, shape_sentence(tensor.shape, shape), [f"shape {tuple(tensor.shape)}"])
    if fact.get("kind") == "ndarray":
        return Outcome(False, kind_sentence({"kind": "ndarray"}), ["ndarray"])
    found = str(case.answers[of].dtype).removeprefix("torch.")
    if dtype and found != dtype:
        return Outcome(False, f"Your result has dtype {found}; it should be {dtype}.", [found])
    if not dtype and not case.answers[of].is_floating_point():
        return Outcome(False, f"Your result has dtype {found}; it should be floating point.", [found])
    if not torch.isfinite(tensor).all():
        return Outcome(False, "Your result contains NaN or infinity.", ["not finite"])
    return Outcome(True)


@test
def whole(case: Case, of: str) -> Outcome:
    """The answer is one whole number (of a step with "numbers")."""
    step, _, part = of.partition(".")
    facts = case.facts(step)
    if of not in case.answers:
        parts, index = facts.get("parts") or [], int(part or 0)
        kind = str(parts[index].get("kind")) if part and index < len(parts) else str(facts.get("kind"))
        sentence = kind_sentence({"kind": kind}) if kind == "NoneType" else f"A whole number is due; yours is a {kind}."
        return Outcome(False, sentence, [f"kind {kind}"], fatal=True)
    if case.answer(of).dim() == 0 and not case.answers[of].is_floating_point():
        return Outcome(True)
    if case.answers[of].dim():
        return Outcome(False, f"Your result has shape {tuple(case.answers[of].shape)}: return one whole number.",
                       ["shape", case.answers[of].dim()])
    return Outcome(False, "Your result is no whole number: it counts something, so it is an int.", ["float"])


@test
def count(case: Case, of: str, n: int) -> Outcome:
    """The call returned a tuple (or list) of n values."""
    kind = str(case.facts(of).get("kind"))
    if kind in (f"tuple of {n}", f"list of {n}"):
        return Outcome(True)
    found = {"tensor": "one tensor", "NoneType": "None"}.get(kind, f"a {kind}")
    return Outcome(False, f"`{_called(case, of)}` should return {n} values; it returned {found}.", [kind])


@test
def clean(case: Case) -> Outcome:
    """No call changed its inputs, the random seed, the default dtype, or whether gradients are recorded."""
    changed = sorted({name.rsplit(".", 1)[1].partition("_")[0] for name in case.answers if ".after." in name})
    if changed:
        return Outcome(False, f"Your code changes its input {changed[0]} in place: whoever uses it afterwards "
                              "gets wrong values, so work on a new tensor.", ["changed", *changed])
    if any(facts.get("changed") for facts in case.status.values()):
        return Outcome(False, "Your code changes the list that it is given: whoever uses it afterwards gets another one, "
                              "so work on a copy.", ["changed"])
    if any(facts.get("seeded") for facts in case.status.values()):
        return Outcome(False, "Do not seed the random generator inside: every call would draw the same noise.",
                       ["seeded"])
    if any(facts.get("dtype_changed") for facts in case.status.values()):
        return Outcome(False, "Your code changes torch's default dtype for the whole notebook: do not.", ["dtype"])
    if any(facts.get("untrainable") for facts in case.status.values()):
        return Outcome(False, "Your code turns gradients off for good, and nothing can be trained after it: use "
                              "`with torch.no_grad():`.", ["untrainable"])
    return Outcome(True)


@test
def follows_device(case: Case, of: str) -> Outcome:
    """With inputs on another device (see `elsewhere`) the code runs, and the result is there too."""
    facts = case.status.get(of, {})
    if facts.get("state") == "error" and "on the same device" in str(facts.get("message")):
        return Outcome(False, "New tensors must be made on the device of the inputs: yours stay on the CPU, "
                              "and training on a GPU stops there.", ["device"])
    if facts.get("state") == "error" and "tensor to numpy" in str(facts.get("message")):
        return Outcome(False, "NumPy cannot read what lies on a GPU, and your code stops there: stay in torch.",
                       ["numpy"])
    case.facts(of)
    if facts.get("follows") is not True:
        return Outcome(False, "Your result lives on the CPU whatever the device of the inputs: make it on theirs.",
                       ["device"])
    return Outcome(True)


@test
def no_gradient(case: Case, of: str) -> Outcome:
    """The result carries no gradient graph."""
    parts = case.facts(of).get("parts") or [{}]
    if isinstance(parts[0], dict) and parts[0].get("requires_grad"):
        return Outcome(False, "Your pictures still carry gradients: use torch.no_grad() for sampling.", ["grad"])
    return Outcome(True)


# Values

@test
def close(case: Case, of: str, to: str | None = None, rtol: float = 1e-4, atol: float = 1e-5) -> Outcome:
    """The answer equals the expected value (of the reference's same step) within rtol and atol."""
    expected = case.tensor(to or of)
    found = case.answer(of)
    if found.shape != expected.shape:
        return Outcome(False, shape_sentence(found.shape, expected.shape), summarise(found))
    bad = ~torch.isclose(found, expected, rtol=rtol, atol=atol)
    if not bad.any():
        return Outcome(True)
    row = int(bad.flatten().nonzero()[0])
    detail = _example(case, of.partition(".")[0], found.flatten()[row].item(), expected.flatten()[row].item())
    if not torch.isfinite(found).all():
        return Outcome(False, "Your result contains NaN or infinity.", summarise(found), detail)
    return Outcome(False, "Your values differ from the expected ones.", summarise(found), detail)


@test
def gradient(case: Case, of: str, wrt: str, rtol: float = 1e-3, atol: float = 1e-5) -> Outcome:
    """The gradient with respect to an input equals the reference's."""
    case.answer(of)
    name = f"{of}.grad.{wrt}"
    expected = case.tensor(name)
    if name not in case.answers:
        return Outcome(False, f"No gradient reaches {wrt.split('_')[0]}: something cuts it (detach, .data, .item(), "
                              "no_grad or NumPy), so nothing before it can learn.", ["no gradient"])
    found = case.answers[name].double()
    if found.shape == expected.shape and torch.isclose(found, expected, rtol=rtol, atol=atol).all():
        return Outcome(True)
    detail = ""
    result = case.answers[of]
    if found.shape == expected.shape and (result.dim() == 0 or result.shape == found.shape[:1]):      # a number per image
        at = int((~torch.isclose(found, expected, rtol=rtol, atol=atol)).flatten().nonzero()[0])
        weights = next((step["weights"] for step in case.steps if step["as"] == of and "weights" in step), None)
        weight = 1 if weights is None else case.inputs[weights].flatten()[at * result.numel() // found.numel()].item()
        detail = _example(case, of, found.flatten()[at].item() / weight, expected.flatten()[at].item() / weight,
                          f"the gradient with respect to {wrt.split('_')[0]} is")
    return Outcome(False, f"The gradient with respect to {wrt.split('_')[0]} is wrong.", summarise(found), detail)


@test
def same(case: Case, of: str, other: str, rtol: float = 1e-4, atol: float = 1e-5, rows: list | None = None,
         both: bool = False, rather: str | None = None) -> Outcome:
    """Two answers agree; with `rows`, those rows of the first with the whole second (or with the same of `both`).

    A mistake is known better where the first is `rather` a third one.
    """
    first, second = case.answer(of), case.answer(other)
    if rows is not None:
        if not len(first) > max(rows):
            return Outcome(False, shape_sentence(first.shape, [max(rows) + 1, *first.shape[1:]]), ["rows"])
        first, second = first[rows], second[rows] if both and len(second) > max(rows) else second
    if torch.equal(first, second) or first.shape == second.shape and torch.isclose(first, second, rtol=rtol, atol=atol).all():
        return Outcome(True)
    exchanged = rather in case.answers and torch.equal(first, case.answer(rather))
    return Outcome(False, "The same call gave two different results.", ["exchanged" if exchanged else "differs"])


PAIRED = 200      # rows that are compared with each other, all pairs of them


@test
def differs(case: Case, of: str, other: str | None = None, per_row: bool = False, some: bool = False,
            atol: float = 1e-6) -> Outcome:
    """Two answers are not the same, with `per_row` none of their rows; without `other`, no two rows of one answer, with
    `some` not all of them.
    """
    first = case.answer(of)
    if other is not None:
        second = case.answer(other)
        if first.shape != second.shape:
            return Outcome(False, shape_sentence(second.shape, first.shape), ["shape"])
        gap = (first - second).abs()
        gap = gap.flatten(1).amax(1) if per_row else gap.max()
    elif len(first) > PAIRED:
        return Outcome(False, f"Your result has {len(first)} rows: far too many.", ["rows"])
    else:
        gap = torch.pdist(first.flatten(1), p=math.inf)
    if gap.numel() and (gap.max() > atol if some else (gap > atol).all()):
        return Outcome(True)
    return Outcome(False, "Two results are the same that should differ.", ["same"])


@test
def within(case: Case, of: str, low: float, high: float) -> Outcome:
    """All numbers lie in [low, high]."""
    found = case.answer(of)
    if torch.isfinite(found).all() and (found >= low).all() and (found <= high).all():
        return Outcome(True)
    return Outcome(False, f"Your values leave the range from {low:g} to {high:g}.", ["range"])


@test
def reaches(case: Case, of: str, below: float | None = None, above: float | None = None) -> Outcome:
    """Some number lies below (or above) a bound: training could get the output there."""
    found = case.answer(of)
    if below is not None and found.mean() < below or above is not None and found.mean() > above:
        return Outcome(True)
    return Outcome(False, "This output cannot take all real values.", ["bounded"])


@test
def kept(case: Case, of: str, x: str, mask: str) -> Outcome:
    """Where the mask is 1, the answer is x, to the last bit."""
    found = case.like(of, case.tensor(x))
    observed = case.tensor(mask).bool()
    if torch.equal(found[observed], case.tensor(x)[observed]):
        return Outcome(True)
    return Outcome(False, "Observed pixels have changed: where the mask is 1, the result is x itself.",
                   ["changed", rounded(float((found - case.tensor(x))[observed].abs().mean()))])


# Draws

@test
def average(case: Case, of: str, low: str, high: str, varies: bool = True) -> Outcome:
    """The mean of the rows lies in [low, high] (K,), for each of K kinds of rows that take turns; with `varies` they vary.

    The bounds are Chernoff's for the mean of draws whose distribution is known: see autograder/questions/sampling.py.
    """
    kinds = _kinds(case, of, case.tensor(low))
    means = kinds.mean(0)
    if not (varies and _constant(kinds)) and ((means >= case.tensor(low)) & (means <= case.tensor(high))).all():
        return Outcome(True)
    middle = case.tensor(low) / 2 + case.tensor(high) / 2
    worst = int((means - middle).abs().argmax())
    return Outcome(False, "On average your values are not what they estimate.", _moments(kinds, middle),
                   f"The mean of {len(kinds)} of them was {means[worst]:.5g}; expected about {middle[worst]:.5g}.")


@test
def spread(case: Case, of: str, std: str, factor: float = 1.4) -> Outcome:
    """The standard deviation over rows is one row of std (A, K), for each of K kinds of rows, up to a factor.

    Each row stands for one right way to estimate. n rows whose kurtosis is k say as much about their spread as
    2n / (k - 1) Gaussian ones; with 250 of those or more of each kind (for a factor of 1.2: 850, of 1.15: 1,350), the
    chi-square tails beyond the factor are below 2e-10.
    """
    expected = case.tensor(std)
    kinds = _kinds(case, of, expected[0])
    ratio = kinds.std(0) / expected
    if ((ratio > 1 / factor) & (ratio < factor)).all(1).any():
        return Outcome(True)
    if _constant(kinds):
        return Outcome(False, "The same picture gets the same value again: every image needs draws of its own.",
                       ["constant", int((kinds.mean(0) - kinds.mean()).abs().max() > 1e-4)])
    direction = "more" if (ratio > 1).double().mean() > 0.5 else "less"
    return Outcome(False, f"Your values vary {direction} than the mean of n_samples independent draws.",
                   _moments(kinds, torch.zeros_like(expected[0])),
                   f"Their standard deviation was {kinds.std(0)[0]:.3g}; expected about {expected[0, 0]:.3g}.")


@test
def unrelated(case: Case, of: str, like: str) -> Outcome:
    """Neighbouring rows, the next two of the same kind, and halves of the batch are not related; `like` (K,) has one
    entry for each of K kinds of rows that take turns.

    Each correlation of the ranks of n pairs, which have the same distribution whatever that of the rows, within
    6.5 / sqrt(n) (8e-11 each, three of them).
    """
    kinds = _kinds(case, of, case.tensor(like))
    ranks = kinds.argsort(0).argsort(0).double()
    order = ((ranks - ranks.mean(0)) / ranks.std(0)).flatten()
    for apart in (1, kinds.shape[1], len(order) // 2):
        first, second = order[:-apart], order[apart:]
        if not _constant(kinds) and (first * second).mean().abs() > SIGMAS / math.sqrt(len(first)):
            return Outcome(False, "Your values depend on each other: every image needs draws of its own.", ["related"])
    return Outcome(True)


@test
def gaussian(case: Case, of: str, mean, std, latent: dict | None = None, kinds: int = 1) -> Outcome:
    """Draws, standardised by `mean` and `std` of the key, follow N(0, 1): see `_normal`.

    The same for mean and variance of each column in each of the `kinds` of rows that take turns; `kinds` 0 looks at
    all values together, for columns that are many and short.
    """
    eps = _standardised(case, _draws(case, of, latent), mean, std)
    return _normal(eps, kinds) if kinds else _normal(eps.reshape(-1, 1), 1)


@test
def drawn(case: Case, of: str) -> Outcome:
    """What forward handed to decode, less the mu that it returned and over the standard deviation, follows N(0, 1).

    A forward that decodes in another way than by one call of decode is left to `samples`. See `_normal`, `_repeats`.
    """
    mu, logvar = case.answer(f"{of}.1"), case.answer(f"{of}.2")
    z = case.answers.get(f"{of}.handed")
    if z is None or z.is_complex() or z.shape != mu.shape or logvar.shape != mu.shape or mu.dim() != 2:
        return Outcome(True)
    eps = (z.double() - mu) / (logvar / 2).exp()
    outcome = _normal(eps.reshape(-1, 1), 1)
    if outcome.ok and torch.isfinite(eps).all():
        if _repeats(eps):
            return Outcome(False, "Images share their noise: draw it for each image and each latent.", ["shared"])
        return outcome
    return Outcome(False, "The z that forward decodes does not follow N(mu, exp(logvar)).", ["drawn"])


def _normal(eps: torch.Tensor, kinds: int) -> Outcome:
    """Whether eps (n, Z) follows N(0, 1), as a whole and each column in each of the `kinds` of rows that take turns.

    Of all n values: mean and variance within 6.5 standard errors (8e-11, and below 2e-10 for the chi-square tail),
    the mean of |eps| over the standard deviation within 7 (Geary's test, 3e-12),
    Kolmogorov-Smirnov distance below sqrt(ln(2e10)/2n) (1e-10 by the Dvoretzky-Kiefer-Wolfowitz inequality with
    Massart's constant), and the largest not smaller than the bound that 30 values exceed on average (1e-13). Mean
    and variance of each of at most eight groups: 2.5e-9. Together below 4e-9.
    """
    groups = [eps[kind::kinds, column] for kind in range(kinds) for column in range(eps.shape[1])]
    summary = []
    for group in groups:
        spread = group.std()
        summary += [rounded((group.mean() / spread).item()) if spread > 1e-6 else rounded(group.mean().item()),
                    rounded(spread.clamp(min=1e-6).log().item())]
    size = _alike(eps, kinds).abs().mean().item()
    summary.append(rounded(10 * size - 7.979))  # 0 where the noise is Gaussian
    for values in (eps.flatten(), *groups):
        n = len(values)
        if values.mean().abs() > SIGMAS / math.sqrt(n):
            return Outcome(False, "The mean of your draws is wrong.", summary, _as_normal(values))
        if (values.square().mean() - 1).abs() > SIGMAS * math.sqrt(2 / n) + 30 / n:
            return Outcome(False, "The spread of your draws is wrong.", summary, _as_normal(values))
    order = _sorted(eps)
    n = len(order)
    cdf = torch.special.ndtr(order)
    ranks = torch.arange(1, n + 1, dtype=torch.float64)
    distance = torch.maximum((ranks / n - cdf).max(), (cdf - (ranks - 1) / n).max())
    if distance > math.sqrt(math.log(2e10) / (2 * n)):
        return Outcome(False, "Your noise is not Gaussian.", summary)
    if order.abs().max() < torch.special.ndtri(torch.tensor(1 - 15 / n, dtype=torch.float64)):
        return Outcome(False, "Your noise is cut off: Gaussian noise has no largest value.", summary)
    if abs(size - math.sqrt(2 / math.pi)) > 7 * math.sqrt((1 - 3 / math.pi) / n) + len(groups) / n:
        return Outcome(False, "Your noise is not Gaussian.", summary)
    return Outcome(True)


def _as_normal(eps: torch.Tensor) -> str:
    return (f"With the right mean subtracted and divided by the right standard deviation, your draws have mean "
            f"{eps.mean():.3g} and standard deviation {eps.std():.3g}; expected 0 and 1.")


@test
def independent(case: Case, of: str, mean, std, latent: dict | None = None, kinds: int = 1) -> Outcome:
    """The standardised draws are uncorrelated between columns, neighbouring rows, and halves of the batch.

    Each correlation of n pairs within 6.5 / sqrt(n) (8e-11 each, at most 14 of them: 1.2e-9).
    """
    z = _draws(case, of, latent)
    eps = _standardised(case, z, mean, std)
    n, width = eps.shape
    same_rows = torch.allclose(eps[1:], eps[:-1], atol=1e-4)
    same_columns = width > 1 and torch.allclose(eps[:, 1:], eps[:, :-1], atol=1e-4)
    if same_rows or same_columns:
        shared = "images" if same_rows else "latents"
        return Outcome(False, f"All {shared} share one noise: draw noise of the full shape (N, Z).",
                       ["same", int(same_rows), int(same_columns)])
    eps = _alike(eps, kinds)
    pairs = [(eps[:, i], eps[:, j]) for i in range(width) for j in range(i)]
    pairs += [(eps[:-1, i], eps[1:, i]) for i in range(width)]
    pairs += [(eps[:n // 2, i], eps[n // 2:n // 2 * 2, i]) for i in range(width)]
    for first, second in pairs:
        if not (first * second).mean().abs() <= SIGMAS / math.sqrt(len(first)):
            return Outcome(False, "Your draws depend on each other: every image and every latent needs noise "
                                  "of its own.", ["dependent"])
    return Outcome(True)


@test
def unrepeated(case: Case, of: str, mean, std, latent: dict | None = None) -> Outcome:
    """No standardised draw comes again in another row or column, with either sign: see `_repeats`."""
    eps = _standardised(case, _draws(case, of, latent), mean, std)
    if 0.05 < (eps.abs() < 1e-3).double().mean() < 0.95 and eps.std() > 0.1:    # 0.0008 of a normal variable
        return Outcome(False, "Some of your draws have next to no noise: each needs its own, and a standard deviation that is "
                              "positive for every logvar, a negative one as well.", ["partly"])
    if _repeats(eps):
        return Outcome(False, "The same noise comes again in other rows or columns: every image and every latent "
                              "needs noise of its own.", ["repeated"])
    return Outcome(True)


@test
def fresh(case: Case, of: str, other: str, latent: dict | None = None, mean=0.0, std=1.0,
          kinds: int = 1) -> Outcome:
    """Two calls with the same inputs draw different, uncorrelated noise.

    Correlation within 6.5 standard errors (8e-11), no number of one call in the other (see `_repeats`), and not in both
    calls a mean that is exactly right: see `_centred`.
    """
    first, second = (_draws(case, name, latent) for name in (of, other))
    if first.shape != second.shape:
        return Outcome(False, shape_sentence(second.shape, first.shape), ["shape"])
    a, b = (_standardised(case, z, mean, std) for z in (first, second))
    if torch.allclose(a, b, atol=1e-4):
        return Outcome(False, "Two calls gave the same noise: draw it anew in each call.", ["same noise"])
    if not _repeats(a) and not _repeats(b) and _repeats(torch.cat([a, b])):
        return Outcome(False, "The noise of one call comes again in the next: draw it anew in each call.", ["related"])
    if _centred(a) and _centred(b):
        return Outcome(False, "Your noise is centred over the batch, which makes the images depend on each other: "
                              "independent draws have a mean that varies.", ["centred"])
    a, b = _alike(a, kinds), _alike(b, kinds)
    if not (a * b).mean().abs() <= SIGMAS / math.sqrt(a.numel()):
        return Outcome(False, "Your noise is related, within a call or between two: draw each number anew.", ["related"])
    return Outcome(True)


@test
def noise_gradient(case: Case, of: str, wrt: str, mean: str, weights: str) -> Outcome:
    """dz/dmu = 1 and dz/dlogvar = (z - mu) / 2, for whatever noise was drawn (Kingma and Welling 2014)."""
    z = case.like(of, case.tensor(mean))
    name = f"{of}.grad.{wrt}"
    if name not in case.answers:
        return Outcome(False, f"No gradient reaches {wrt.split('_')[0]}: the way from it to z is cut, so the encoder "
                              "cannot learn.", ["no gradient"])
    weight = case.tensor(weights).flatten()[:z.numel()].reshape(z.shape)
    expected = weight if wrt.startswith("mu") else weight * (z - case.tensor(mean)) / 2
    found = case.answers[name].double()
    if found.shape == expected.shape and torch.isclose(found, expected, rtol=1e-3, atol=1e-5).all():
        return Outcome(True)
    return Outcome(False, f"The gradient of z with respect to {wrt.split('_')[0]} is wrong.", ["wrong gradient"])


@test
def label_read(case: Case, of: str, labels: str, latent: dict) -> Outcome:
    """The pictures were decoded with the expected labels (read back from their pixels)."""
    found = _read_back(case, of, latent)[1].argmax(1)
    expected = case.tensor(labels).long().flatten()
    if len(found) != len(expected):
        return Outcome(False, shape_sentence(found.shape, expected.shape), ["shape"])
    if (found == expected).all():
        return Outcome(True)
    again = max((found[k:] == found[:-k]).double().mean() for k in range(1, 41)) if len(found) > 100 else 1
    some = ["random"] if again < 0.5 else [*map(int, found[:40:7].tolist()), int(found[-1])]
    return Outcome(False, "Some pictures show another digit than was asked for.", ["labels", *some])


@test
def one_style_per_row(case: Case, of: str, latent: dict, columns: int) -> Outcome:
    """Row r of the grid uses one z throughout, and different rows use different z."""
    z = _read_back(case, of, latent)[0]
    grid = z.reshape(-1, columns, z.shape[1])

    def kind() -> str:
        different = len(torch.unique((z * 100).round(), dim=0))
        return {len(z): "every cell", len(grid): "every row", columns: "every column", 1: "one"}.get(different, "other")

    if ((grid - grid[:, :1]).abs().amax((1, 2)) > 1e-2).any():
        return Outcome(False, "The style changes inside a row: draw one z for each row and use it for all digits.",
                       ["mixed", kind()])
    if len(grid) > 1 and (grid[1:, 0] - grid[:-1, 0]).abs().amax(1).min() < 1e-4:
        return Outcome(False, "Two rows have the same style: draw a new z for each row.",
                       ["same style", kind(), int(z.abs().max() < 1e-2)])
    return Outcome(True)


@test
def prior_styles(case: Case, of: str, latent: dict, columns: int) -> Outcome:
    """The first z of each row of the grid is a draw from N(0, I); tests as in `gaussian`."""
    return TESTS["gaussian"](case, of=of, mean=0.0, std=1.0, latent={**latent, "every": columns})


@test
def quantile_grid(case: Case, of: str, n: int) -> Outcome:
    """(n*n, 2): every pair of n quantiles, evenly spaced strictly inside (0, 1), over a third of it; either axis fastest."""
    z = case.like(of, torch.empty(n * n, 2))
    if not torch.isfinite(z).all():
        return Outcome(False, "Your grid holds infinity: the quantiles 0 and 1 have no finite z, stay inside.",
                       ["not finite", int(torch.isfinite(z[0]).all()), int(torch.isfinite(z[-1]).all())])
    first, second = (z[:, i].reshape(n, n) for i in (0, 1))

    def lines(slow, fast) -> bool:
        return bool((slow - slow[:, :1]).abs().max() < 1e-4 and (fast - fast[:1]).abs().max() < 1e-4)

    if lines(first, second):
        axes = first[:, 0], second[0]
    elif lines(second, first):
        axes = second[:, 0], first[0]
    else:
        same = torch.equal(z[:, 0], z[:, 1])
        return Outcome(False, "The pairs are scrambled: every value of one axis must meet every value of the other.",
                       ["no grid", int(same), *(len(column.unique()) for column in z.T),
                        *(len(column[:n].unique()) for column in z.T)])

    def even(values) -> bool:
        steps = values[1:] - values[:-1]
        return bool(steps.abs().min() > 1e-4 and torch.isclose(steps, steps.mean(), rtol=2e-4, atol=1e-5).all())

    for axis in axes:
        if not even(torch.special.ndtr(axis)):
            inside = bool((axis > 0).all() and (axis < 1).all())
            middle = n < 4 or even(torch.special.ndtr(axis)[1:-1])
            return Outcome(False, "The values are not evenly spaced quantiles: space probabilities evenly, then map them "
                                  "through the inverse Gaussian CDF.",
                           ["uneven", int(even(axis)), int(inside), int(middle)])
    if (axes[0] + axes[0].flip(0)).abs().max() > 2e-2:
        return Outcome(False, "The quantiles cover one side more than the other: spread them over (0, 1), as far from 0 as "
                              "from 1.", ["one side"])
    if (axes[0].sort().values - axes[1].sort().values).abs().max() > 1e-3:
        return Outcome(False, "The two axes use different quantiles.", ["two axes"])
    share = torch.special.ndtr(axes[0].abs().max()) * 2 - 1
    if share < 1 / 3:
        return Outcome(False, f"The quantiles cover {share:.0%} of the Gaussian only: spread them over (0, 1).", ["narrow"])
    return Outcome(True)


# Models

@test
def samples(case: Case, of: str, like: str, middle: str, logvar: str) -> Outcome:
    """Two sets of decoded draws of one image have the same distribution.

    Compared are means and all products of the three directions in which the second set spreads most, and of
    thirteen random ones; nothing may differ by more than 7.5 standard errors (6e-14 each for normal statistics, 38
    of them; the reserve is for their heavier tails at some hundred rows). `middle` (mu, decoded) and `logvar` only
    help to say what is wrong.
    """
    first, second, centre = case.answer(of).flatten(1), case.answer(like).flatten(1), case.answer(middle).flatten(1)
    if first.shape != second.shape or first.shape[1] > 784:     # what follows grows with the cube of the columns
        return Outcome(False, shape_sentence(first.shape, second.shape), ["shape"])
    centred = second - second.mean(0)
    main = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -3:]
    generator = torch.Generator().manual_seed(0)
    other = torch.randn(first.shape[1], 13, generator=generator, dtype=torch.float64)
    spread = (centred @ main).std(0) + 1e-12
    ratio = float((((first - first.mean(0)) @ main).std(0) / spread).median())
    if ratio < 1e-3:
        if torch.isclose(first, second, rtol=1e-6, atol=1e-6).all():
            return Outcome(True)        # to decode all these z are one, as behind a relu
        if (((first - centre) @ main).abs() < 0.1 * spread).all():
            return Outcome(False, "forward decodes mu: sample z, in train and in eval mode.", ["no noise"])
        return Outcome(False, "All copies of an image get the same z: draw noise for each of them and each latent, and do "
                              "not clamp z.", ["one noise"])

    def apart(x, y) -> bool:
        error = torch.sqrt((x.var(0) + y.var(0)) / len(x)) + 1e-9 * (1 + y.abs().mean(0))
        return bool(((x.mean(0) - y.mean(0)).abs() > 7.5 * error).any())

    def products(x):
        x = x - x.mean(0)
        most = x[:, :3]
        return torch.cat([(most[:, :, None] * most[:, None, :]).flatten(1), x.square()], dim=1)

    a, b = (x @ torch.cat([main, other], dim=1) for x in (first, second))
    wrong_mean, wrong_spread = apart(a, b), apart(products(a), products(b))
    if not wrong_mean and not wrong_spread:
        return Outcome(True)
    std = float((case.answer(logvar) / 2).exp().mean())
    width = ("wide" if ratio > 1.4 else "right" if ratio > 0.7 else "variance" if 0.7 < ratio / std < 1.7
             else "half" if 0.3 < ratio / std < 0.7 else "narrow")
    shift = float((((first.mean(0) - centre.mean(0)) @ main).abs() / spread).max())
    moved = shift > (1.5 * ratio if width == "wide" else 0.3)
    if wrong_spread and width != "right":
        message = f"The z that forward decodes has too {'much' if width == 'wide' else 'little'} noise: its variance " \
                  "must be exp(logvar)."
    elif wrong_mean:
        message = "The z that forward decodes does not have mean mu."
    else:
        message = "The z that forward decodes does not have variance exp(logvar), independently in each latent."
    return Outcome(False, message, ["distribution", width, int(moved)])


@test
def reached(case: Case, of: str, wrt: str) -> Outcome:
    """A gradient flows from the output to the input or to mu and logvar, and is not zero; never to one of these alone;
    and to all parameters that the output depends on.

    Not always to the input: an encoder may round it, or prepare it without gradients.
    """
    facts = case.facts(of)
    found = case.answers.get(f"{of}.grad.{wrt}")
    finite = found is None or torch.isfinite(found).all()
    flows = found is not None and found.abs().max() > 0 or facts.get("through") == [True, True]
    if not (finite and flows):
        return Outcome(False, "No gradient reaches the encoder through z: something cuts it (detach, sample() or "
                              "no_grad).", ["no gradient"])
    if facts.get("through") in ([True, False], [False, True]):
        cut = "logvar" if facts["through"][0] else "mu"
        return Outcome(False, f"No gradient reaches {cut} through z: something cuts it.", [f"no gradient {cut}"])
    if facts.get("stuck"):
        return Outcome(False, "Some layers never learn: what they compute is used, and no gradient comes back to them "
                              "(detach, NumPy or no_grad inside encode or decode).", ["stuck"])
    return Outcome(True)


@test
def mean_kept(case: Case, of: str) -> Outcome:
    """In train mode the copies of an image do not differ in mu alone: dropout moves logvar as well, a draw does not."""
    mu, logvar = case.answer(f"{of}.1"), case.answer(f"{of}.2")
    moves = [bool((part - part[:1]).abs().max() > 1e-4 * (1 + part.abs().max())) for part in (mu, logvar)]
    if moves != [True, False]:
        return Outcome(True)
    return Outcome(False, "In train mode mu is drawn anew in each row and logvar is not: encode returns the mean, the noise "
                          "belongs into forward.", ["mu drawn"])


@test
def own_row(case: Case, of: str, wrt: str, row: int) -> Outcome:
    """In eval mode one row of the output depends on the same row of the input alone, or of a later output ("1": mu)."""
    case.facts(of)
    found = case.answers.get(f"{of}.grad.{wrt}")
    if found is None or not found.dim() or len(found) <= row:
        return Outcome(True)    # there is no way from one to the other: see `reached`
    sizes = found.double().flatten(1).abs().amax(1)
    if (torch.cat([sizes[:row], sizes[row + 1:]]) <= 1e-6 * sizes[row]).all():
        return Outcome(True)
    return Outcome(False, "forward mixes the images of a batch: each one decodes a z of its own mu and logvar.", ["mixed"])


@test
def decoded(case: Case, of: str, again: str) -> Outcome:
    """forward returns what decode makes of the z that it was handed, with the labels of forward, and nothing else.

    A forward that decodes in another way than by one call of decode is left to `samples`.
    """
    logits = case.answer(f"{of}.0")
    if f"{of}.handed" not in case.answers:
        return Outcome(True)
    expected = case.answer(again)
    if logits.shape == expected.shape and torch.isclose(logits, expected, rtol=1e-3, atol=1e-4).all():
        return Outcome(True)
    return Outcome(False, "forward returns something else than decode makes of its z, with each row's own label if there are "
                          "any: return its logits as they are.", ["not decoded"])


@test
def learns(case: Case, of: str) -> Outcome:
    """Everything that is returned has a gradient, and it ends in parameters that the model knows of."""
    facts = case.facts(of)
    detached = facts.get("detached", [0])
    if detached != []:
        part = ["the logits", "mu", "logvar"][detached[0]] if detached in ([0], [1], [2]) else "mu and logvar"
        return Outcome(False, f"No gradient leads from {part} back into the network (detach, no_grad or a new tensor?): the "
                              "loss cannot train it.", ["detached"])
    if facts.get("strangers") != 0:
        return Outcome(False, "Some weights are not among the model's parameters, so no optimizer sees them: use layers made "
                              "in __init__ and kept as attributes or in nn.ModuleList, not in a list.", ["strangers"])
    return Outcome(True)


@test
def moves(case: Case, of: str) -> Outcome:
    """Some weights of a model could be pushed."""
    if case.facts(of).get("idle"):
        return Outcome(False, "None of the weights that make this output can learn: use layers made in __init__, and leave "
                              "their requires_grad as it is.", ["idle"])
    return Outcome(True)


@test
def trained(case: Case, of: str, module: str) -> Outcome:
    """A gradient reaches the weights of a module of this kind."""
    if module in case.facts(of).get("trained", []):
        return Outcome(True)
    return Outcome(False, f"No gradient reaches the weights of your nn.{module} from {_called(case, of)} (detach, no_grad or "
                          "frozen?): it does not learn there.", ["idle"])


@test
def is_module(case: Case, of: str) -> Outcome:
    if case.facts(of).get("is_module") is True:
        return Outcome(True)
    return Outcome(False, "Your class is not an nn.Module: derive it from nn.Module and call super().__init__().",
                   ["module"])


@test
def has_module(case: Case, of: str, module: str) -> Outcome:
    if module in (case.facts(of).get("modules") or []):
        return Outcome(True)
    return Outcome(False, f"There is no nn.{module} among your model's parts (in a list it is none): let it hold the "
                          "labels' vectors.", ["module"])


def _costs(case: Case, logits: str, mu: str, logvar: str, x: str, rows: str) -> tuple[float, float]:
    """Reconstruction and KL of held-out images, the means in nats per image. rows: those whose z was decoded."""
    def both() -> tuple[float, float]:
        decoded = case.tensor(rows).long()
        images = _images(case, x)[decoded]
        predicted = case.answer(logits).flatten(1)
        mean, log_variance = case.answer(mu)[decoded], case.answer(logvar)[decoded]
        reconstruction = (torch.nn.functional.softplus(predicted) - predicted * images).sum(1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return float(reconstruction.mean()), float(divergence.mean())

    return case.once(("costs", logits, mu, logvar, x, rows), both)


def _images(case: Case, x: str) -> torch.Tensor:
    """The small images `x` as the model saw them, (N, 784)."""
    from utils.data import upsample

    return case.once(x, lambda: upsample(case.tensor(x).float()).double().flatten(1))


@test
def elbo(case: Case, logits: str, mu: str, logvar: str, x: str, rows: str, low: float, high: float) -> Outcome:
    """The negative ELBO on held-out images, in nats per image, lies in [low, high].

    Calibrated by `benchmarks/calibrate.py`: the bounds stand at least 4 standard deviations from what
    right answers reach; below `low` no model gets in this time. A right model is beyond 4 of them with probability 3e-5
    (if Gaussian), and is rejected only where a second training says the same: 1e-9. So for the four tests below.
    """
    total = sum(_costs(case, logits, mu, logvar, x, rows))
    if low <= total <= high:
        return Outcome(True)
    return Outcome(False, "After this training the negative ELBO on new images is not where a right model and loss "
                          "bring it.", [rounded(total)])


@test
def near_prior(case: Case, logits: str, mu: str, logvar: str, x: str, rows: str, at_most: float) -> Outcome:
    """The KL on held-out images is at most this share of their reconstruction loss. Calibrated as for `elbo`.

    Not so many nats: what a weak decoder leaves to the code costs more of them, and pays for them.
    """
    reconstruction, divergence = _costs(case, logits, mu, logvar, x, rows)
    if divergence <= at_most * reconstruction:
        return Outcome(True)
    return Outcome(False, "After this training the codes lie much further from the prior than a right loss lets them: the "
                          "KL counts too little, not at all, or with the wrong sign.", [rounded(divergence)])


@test
def prior_likelihood(case: Case, of: str, x: str, at_least: float, at_most: float) -> Outcome:
    """log of the mean over prior samples of p(x given z), in nats per image, on held-out images: what the
    decoder alone has learned, from z that nobody but the judge has chosen. Calibrated as for `elbo`."""
    predicted = case.answer(of).flatten(1)
    log_p = _images(case, x) @ predicted.T - torch.nn.functional.softplus(predicted).sum(1)
    value = float((log_p.logsumexp(1) - math.log(len(predicted))).mean())
    if value > at_most:
        return Outcome(False, "Pictures decoded from the prior are closer to images that the model has not seen than any "
                              "model can come.", [rounded(value)])
    if value >= at_least:
        return Outcome(True)
    return Outcome(False, "Pictures decoded from the prior do not look like the training images.", [rounded(value)])


@test
def varied(case: Case, of: str, x: str, at_least: float, kinds: int = 1) -> Outcome:
    """The pictures (logits) of draws from the prior vary at least this much, as a share of how held-out images do: the
    variance of a pixel, summed over the pixels. Among those of one label, where `kinds` of them take turns. Calibrated as
    for `elbo`."""
    pictures = torch.sigmoid(case.answer(of)).flatten(1)
    share = float(pictures.unflatten(0, (-1, kinds)).var(0).mean(0).sum() / _images(case, x).var(0).sum())
    if share >= at_least:
        return Outcome(True)
    return Outcome(False, "All pictures decoded from the prior look nearly alike: the decoder does not use z.", [])


@test
def reads_as(case: Case, of: str, labels: str, at_least: float) -> Outcome:
    """A frozen classifier reads at least this share of the pictures (logits) as their labels. Calibrated as for `elbo`."""
    from utils.check.classifier import read

    found = read(torch.sigmoid(case.answer(of).float()))
    share = float((found == case.tensor(labels).long()).double().mean())
    if share >= at_least:
        return Outcome(True)
    return Outcome(False, "The samples do not show the digits that were asked for: the label does not reach the "
                          "decoder, or training does not use it.", [])


def _called(case: Case, name: str) -> str:
    return next((str(step.get("call", name)).split(".")[-1] for step in case.steps if step["as"] == name), name)


def _example(case: Case, step: str, found: float, expected: float, what: str = "you returned") -> str:
    """The call with its numbers, where it is small enough to read."""
    arguments = next((s.get("args", []) for s in case.steps if s["as"] == step), [])
    shown, said = [], f"{what} {found + 0.0:.5g}; expected {expected:.5g}."
    for argument in arguments:
        if not isinstance(argument, str):
            shown.append(str(argument))
            continue
        value = case.inputs.get(str(argument).removeprefix("$"))
        if value is None or value.numel() > 6:
            return said[0].upper() + said[1:]
        shown.append(f"{str(argument).removeprefix('$').split('_')[0]} = {_short(value.tolist())}")
    return f"With {', '.join(shown)} {said}"


def _kinds(case: Case, of: str, like: torch.Tensor) -> torch.Tensor:
    """The answer (n * K,) as (n, K): K kinds of rows take turns."""
    found = case.answer(of)
    if found.dim() != 1 or len(found) % len(like) or len(found) < 2 * len(like):
        raise Unusable(f"Your result has shape {tuple(found.shape)}: one number for each image is due.",
                       f"shape {found.dim()}", fatal=False)
    if not torch.isfinite(found).all():
        raise Unusable("Your result contains NaN or infinity.", "not finite", fatal=False)
    return found.reshape(-1, len(like))


def _constant(kinds: torch.Tensor) -> bool:
    return bool((kinds.std(0) < 1e-6 * (1 + kinds.mean(0).abs())).all())


def _moments(kinds: torch.Tensor, centre: torch.Tensor) -> list:
    """Mean beyond `centre` and half the logarithm of the standard deviation of each column, to know a mistake by."""
    spread = kinds.std(0).clamp(min=1e-6)
    return [rounded(value) for value in (*(kinds.mean(0) - centre).tolist(), *(spread.log() / 2).tolist())]


def _short(values):
    """Numbers, or lists of them, with 5 significant digits."""
    if isinstance(values, list):
        return [_short(value) for value in values]
    return float(f"{values:.5g}") if isinstance(values, float) else values


def _draws(case: Case, of: str, latent: dict | None) -> torch.Tensor:
    if latent and "log_ratio" in latent:
        z = _scores(case, of, *latent["log_ratio"])
    else:
        z = case.answer(of) if latent is None else _read_back(case, of, latent)[0]
    z = z[::latent["every"]] if latent and "every" in latent else z
    if z.dim() != 2 or z.numel() < 2 or latent and len(z) < 2:
        raise Unusable(f"Your result has shape {tuple(z.shape)}.", "shape", fatal=False)
    if not torch.isfinite(z).all():
        raise Unusable("Your result contains NaN or infinity.", "not finite", fatal=False)
    return z


def _scores(case: Case, of: str, mu: str, logvar: str) -> torch.Tensor:
    """Gaussian scores (n, 1) of answers (n,) that should be log q(z) - log p(z) at draws z of q, with one latent.

    With z = mu + sigma e this is a + b e + c e^2, so its distribution function F is that of a shifted, scaled square;
    where the answer follows it, the inverse Gaussian CDF of F(answer) is N(0, 1). `mu` and `logvar` (K, 1) take turns.
    """
    mu, logvar = case.tensor(mu)[:, 0], case.tensor(logvar)[:, 0]
    found = _kinds(case, of, mu)
    b, c = mu * (logvar / 2).exp(), (logvar.exp() - 1) / 2
    root = ((b / (2 * c)).square() + (found - (mu.square() - logvar) / 2) / c).clamp(min=0).sqrt()
    low, high = -b / (2 * c) - root, -b / (2 * c) + root
    inside = torch.special.ndtr(high) - torch.special.ndtr(low)
    below = torch.where(c > 0, inside, 1 - inside)
    return torch.special.ndtri(below.clamp(1e-7, 1 - 1e-7)).reshape(-1, 1)


def _standardised(case: Case, z: torch.Tensor, mean, std) -> torch.Tensor:
    """(z - mean) / std, where mean and std are numbers or rows that take turns."""
    def rows(value):
        return value if value.dim() < 2 else value.repeat(math.ceil(len(z) / len(value)), 1)[:len(z)]

    mean, std = rows(case.tensor(mean)), rows(case.tensor(std))
    if mean.dim() == 2 and mean.shape != z.shape:
        raise Unusable(shape_sentence(z.shape, mean.shape), f"shape {tuple(z.shape)}", fatal=False)
    return (z - mean) / std


def _alike(eps: torch.Tensor, kinds: int) -> torch.Tensor:
    """eps with mean 0 and variance 1 in each column of each kind of rows: what is left is how it varies."""
    out = torch.empty_like(eps)
    for kind in range(kinds):
        rows = eps[kind::kinds]
        out[kind::kinds] = (rows - rows.mean(0)) / rows.std(0).clamp(min=1e-6)
    return out


def _sorted(values: torch.Tensor) -> torch.Tensor:
    """All values in ascending order, by NumPy: it sorts ten times as fast."""
    return torch.from_numpy(np.sort(values.numpy(), axis=None))


def _repeats(eps: torch.Tensor) -> bool:
    """Whether numbers come again, with either sign: whether more than 30 % of them have another within 2e-6.

    Of n independent Gaussian numbers a share of about n * 2.3e-6 has one by chance: 9 % at n = 40,000, the most that
    is looked at. 30 % is more than 100 standard deviations away.
    """
    size = _sorted(eps.abs())
    spread = size.std() if len(size) > 100 else torch.zeros(())
    if not spread > 1e-6:  # too few, or no noise at all
        return False
    return bool(((size[1:] - size[:-1]) < 2e-6 * spread).double().mean() > 0.3)


def _centred(eps: torch.Tensor) -> bool:
    """Whether the mean of all n numbers, or that of each of Z columns, is closer to 0 than chance allows.

    All: within 1e-4 / sqrt(n) (8e-5). Of three columns or more: within 0.01 / sqrt(n) (8e-3 each). Twice in a row 6e-9
    and below 3e-13.
    """
    def near(values, errors):
        return bool((values.mean(0).abs() * math.sqrt(len(values)) < errors).all())

    return near(eps.flatten(), 1e-4) or eps.shape[1] > 2 and near(eps, 0.01)


def _read_back(case: Case, of: str, latent: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """z (n, Z) and label scores (n, C) behind probabilities that a given model decoded."""
    name = of, bool(latent.get("labels"))
    return case.once(name, lambda: _decoded_from(case, *name))


def _decoded_from(case: Case, of: str, labels: bool) -> tuple[torch.Tensor, torch.Tensor]:
    p = case.answer(of)
    edge = float(((p <= 0) | (p >= 1)).double().mean())
    if p.dim() != 2 or not torch.isfinite(p).all() or p.min() < 0 or p.max() > 1 or 0.1 < edge < 1:
        raise Unusable("Your pictures are no probabilities between 0 and 1: apply the sigmoid to the logits.",
                       "range", fatal=False)
    if edge == 1:
        raise Unusable("Your pictures hold only 0 and 1: return the probabilities.", "binary", fatal=False)
    if edge > 0:
        raise Unusable(NOT_DECODED, "not decoded", fatal=False)
    pixels = case.tensor("pixels").long()
    if p.min() >= 0.5 and p.max() < 0.7311:  # sigmoid of 0 and of 1
        raise Unusable("Your pictures are grey, between 0.5 and 0.73: is the sigmoid applied twice?", "twice",
                       fatal=False)
    W, b = case.tensor("W")[:, pixels], case.tensor("b")[pixels]
    design = torch.cat([W, case.tensor("V")[:, pixels]]) if labels else W
    logits = torch.logit(p)
    if not (logits.abs() < 4).all():
        raise Unusable(NOT_DECODED, "not decoded", fatal=False)
    height = unbend(logits) - b
    code = height @ torch.linalg.pinv(design)
    if ((code @ design - height).abs() > 0.02).any():
        raise Unusable(NOT_DECODED, "not decoded", fatal=False)
    return code[:, :len(W)], code[:, len(W):]


NOT_DECODED = "Your pictures are not what the decoder makes of a z from the prior: return the sigmoid of its logits, no more."
