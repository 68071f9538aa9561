"""From a key and answers to a verdict. A pure function: nothing of the student's runs here.

A *key* says which steps were probed, what was expected of them and what each misconception gives.
It is made by `autograder.keys`; the public one travels inside this package.
"""

from dataclasses import dataclass, field, replace

import torch

from utils.check import wire
from utils.check.tests import TESTS, Case, Outcome


@dataclass(frozen=True)
class Criterion:
    """One weighted part of a verdict. Without a passed `core` no more than half the points are earned."""

    name: str
    title: str
    points: float
    core: bool = False


@dataclass(frozen=True)
class Variant:
    """One way to probe a question: on the student's own earlier answers, or on stand-ins for them."""

    name: str
    steps: list[dict]
    tests: list[dict]
    inputs: dict[str, torch.Tensor]
    expected: dict[str, torch.Tensor]


@dataclass(frozen=True)
class Key:
    """What a verdict needs besides the answers. Holds numbers and sentences, no code."""

    question: str
    names: list[str]
    checked: str
    criteria: list[Criterion]
    variants: list[Variant]
    hints: dict[str, str]
    signatures: dict[str, list[dict]] = field(default_factory=dict)

    @property
    def points(self) -> float:
        return sum(criterion.points for criterion in self.criteria)

    def asked(self, answers: dict) -> "Key":
        """The key for those looks that there are answers to: where one shows a right answer, no other is made."""
        return replace(self, variants=[variant for variant in self.variants if variant.name in answers])


@dataclass(frozen=True)
class Verdict:
    """What is said of one answer.

    state: "right", "wrong", "not attempted", "error", "out of time" or "no answers".
    earned: criterion name -> points. hint: the sentence for the student (empty when right), which holds
    nothing from the key. detail: the same with numbers from the key, for the public check only.
    """

    question: str
    state: str
    points: float
    max_points: float
    earned: dict[str, float]
    criteria: list[Criterion]
    hint: str = ""
    detail: str = ""
    misconception: str | None = None
    checked: str = ""

    @property
    def right(self) -> bool:
        return self.state == "right"


def judge(key: Key, answers: dict[str, dict], status: dict[str, dict]) -> Verdict:
    """The verdict on `answers` (variant -> tensors) and `status` (variant -> step -> facts).

    A question is judged on the student's own earlier answers and, where it calls any, also on stand-ins
    for them; the better verdict counts, so that an error is not carried forward.
    """
    return conclude(key, examine(key, answers, status))


def conclude(key: Key, examined: tuple) -> Verdict:
    """The verdict on what `examine` found; it names a misconception where the key has its signature."""
    variant, case, outcomes, earned = examined
    points = _total(key, earned)
    if points == key.points:
        return Verdict(key.question, "right", points, key.points, earned, key.criteria, checked=key.checked)
    state, hint, detail = _explain(key, case, outcomes)
    misconception = None
    if state == "wrong" or (state == "error" and key.signatures):
        misconception = match(key, variant, outcomes)
        if misconception:
            state, hint = "wrong", key.hints[misconception]
    if state == "not attempted":
        earned, points = dict.fromkeys(earned, 0.0), 0.0
    return Verdict(key.question, state, points, key.points, earned, key.criteria, hint, detail, misconception)


def examine(key: Key, answers: dict, status: dict) -> tuple[Variant, Case, list[Outcome], dict]:
    """The look that the hint speaks of, with its outcomes, and what the better look earned."""
    rounds = []
    for variant in key.variants:
        case = Case(variant.inputs, variant.expected,
                    _tensors(answers.get(variant.name)), _facts(status.get(variant.name)), variant.steps)
        outcomes = [_outcome(case, test) for test in variant.tests]
        # what the second look leaves out counts as in the first
        tests, results = list(variant.tests), list(outcomes)
        if rounds:
            for test, outcome in zip(rounds[0][0].tests, rounds[0][2]):
                if test not in variant.tests:
                    tests.append(test)
                    results.append(outcome)
        rounds.append((variant, case, outcomes, _earned(key, tests, results)))
    variant, case, outcomes, earned = max(rounds, key=lambda round_: sum(round_[3].values()))
    if any(not outcome.ok for test, outcome in zip(rounds[0][0].tests, rounds[0][2]) if test not in variant.tests):
        variant, case, outcomes, _ = rounds[0]  # a mistake stands among what the second look leaves out
    return variant, case, outcomes, earned


def suspects(known: Key, variant: Variant, outcomes: list[Outcome]) -> list[str]:
    """The misconceptions that fail no test which these answers pass.

    `known` is another key of the same question, with signatures: which relations a misconception breaks does not depend
    on the inputs, but for chance.
    """

    def may_be(form: dict) -> bool:
        failed = [i for i, (ok, _) in enumerate(form.get(variant.name) or []) if ok is False]
        return bool(failed) and all(i < len(outcomes) and not outcomes[i].ok for i in failed)

    return [name for name, forms in known.signatures.items() if any(map(may_be, forms))]


def no_verdict(key: Key, state: str, reason: str) -> Verdict:
    """The verdict where there are no answers to judge ("out of time", "no answers")."""
    return Verdict(key.question, state, 0.0, key.points, {c.name: 0.0 for c in key.criteria}, key.criteria, reason)


def match(key: Key, variant: Variant, outcomes: list[Outcome]) -> str | None:
    """The misconception whose outcomes these are: exactly, or else together with another mistake.

    A test that a misconception sometimes passes, or that is not `named`, has no say (its entry is None). Of several that
    fit, the one whose numbers fit at the most tests.
    """
    best, best_fit = None, (False, 0, 0)
    first = next((i for i, (outcome, test) in enumerate(zip(outcomes, variant.tests))
                  if not outcome.ok and test.get("named", True)), None)
    for name, forms in key.signatures.items():
        for form in forms:
            entries = form.get(variant.name) or []
            failed = [i for i, (ok, _) in enumerate(entries) if ok is False]
            alike = all(not outcomes[i].ok and close(outcomes[i].summary, entries[i][1],
                                                     variant.tests[i].get("tolerance", 1e-3)) for i in failed)
            if not failed or not alike:
                continue
            exact = all(outcomes[i].ok for i, (ok, _) in enumerate(entries) if ok)
            fit = exact, sum(bool(entries[i][1]) for i in failed), len(failed)
            if fit > best_fit and (exact or first == failed[0]):
                best, best_fit = name, fit
    return best


def signature(variant: Variant, answers: dict, status: dict) -> list:
    """What answers look like to the tests of `variant`: [(passed, summary), ...]."""
    case = Case(variant.inputs, variant.expected, answers, status, variant.steps)
    return [(outcome.ok, outcome.summary) for outcome in (_outcome(case, test) for test in variant.tests)]


ABOUT = ("test", "criterion", "tolerance", "say", "named")     # of a test's entries: not arguments of its function


def _outcome(case: Case, test: dict) -> Outcome:
    arguments = {name: value for name, value in test.items() if name not in ABOUT}
    outcome = TESTS[test["test"]](case, **arguments)
    if not outcome.ok and "say" in test and not outcome.fatal:
        outcome = Outcome(False, test["say"], outcome.summary, outcome.detail)
    return outcome


def _earned(key: Key, tests: list[dict], outcomes: list[Outcome]) -> dict[str, float]:
    failed = {test["criterion"] for test, outcome in zip(tests, outcomes) if not outcome.ok}
    return {c.name: 0.0 if c.name in failed else c.points for c in key.criteria}


def _total(key: Key, earned: dict[str, float]) -> float:
    points = sum(earned.values())
    if any(c.core and earned[c.name] == 0 for c in key.criteria):
        points = min(points, key.points / 2)
    return round(points, 2)


def _explain(key: Key, case: Case, outcomes: list[Outcome]) -> tuple[str, str, str]:
    """State, hint and detail of an answer that is not right."""
    states = [facts.get("state") for facts in case.status.values()]
    unfinished = [facts.get("function") for facts in case.status.values() if facts.get("state") == "not attempted"]
    if not states:
        return "no answers", "Your notebook gave no answers for this question.", ""
    if unfinished and "error" not in states:
        own = [name for name in unfinished if name in key.names]
        name = own[0] if own else str(unfinished[0])
        if own:
            return "not attempted", f"Not attempted yet: {name}.", ""
        return "not attempted", f"Not attempted yet: {name}, which {key.names[0]} calls.", ""
    failed = [outcome for outcome in outcomes if not outcome.ok]
    first = failed[0]
    raised = bool(first.summary) and str(first.summary[0]).startswith("error ")
    state = "error" if raised and all(outcome.fatal for outcome in failed) else "wrong"
    return state, first.message, next((outcome.detail for outcome in failed if outcome.detail), "")


def close(summary: list, other: list | None, tolerance: float) -> bool:
    """Whether two summaries say the same: their words are equal, their numbers nearly."""
    if other is None:
        return True
    if len(summary) != len(other):
        return False
    for a, b in zip(summary, other):
        if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
            if a != b:
                return False
        elif not abs(a - b) <= tolerance * (1 + abs(b)):
            return False
    return True


def _tensors(tensors) -> dict:
    return {name: tensor for name, tensor in (tensors or {}).items() if isinstance(tensor, torch.Tensor)}


def _facts(status) -> dict:
    """Only the shape of a status that `probe` makes; a forged one loses what does not fit."""
    if not isinstance(status, dict):
        return {}
    return {str(step): facts for step, facts in status.items() if isinstance(facts, dict)}


def pack_keys(keys: list[Key]) -> bytes:
    """Keys as bytes (see `wire`). Inputs that several variants share are there once, with the first."""
    tensors, header = {}, {}
    for key in keys:
        variants = []
        for variant in key.variants:
            prefix = f"{key.question}/{variant.name}"
            first = key.variants[0].inputs if variants else {}
            tensors |= {f"{prefix}/in/{name}": value for name, value in variant.inputs.items()
                        if name not in first or not torch.equal(value, first[name])}
            tensors |= {f"{prefix}/out/{name}": value for name, value in variant.expected.items()}
            variants.append({"name": variant.name, "steps": variant.steps, "tests": variant.tests})
        header[key.question] = {
            "names": key.names, "checked": key.checked, "criteria": [vars(c) for c in key.criteria],
            "variants": variants, "hints": key.hints, "signatures": key.signatures}
    return wire.pack(tensors, header)


def unpack_keys(data: bytes) -> dict[str, Key]:
    """The keys in `data`, by question."""
    tensors, header = wire.unpack(data)

    def part(prefix: str) -> dict:
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    def variants(question: str, entries: list) -> list[Variant]:
        shared = part(f"{question}/{entries[0]['name']}/in/")
        return [Variant(entry["name"], entry["steps"], entry["tests"],
                        shared | part(f"{question}/{entry['name']}/in/"), part(f"{question}/{entry['name']}/out/"))
                for entry in entries]

    return {question: Key(
        question=question, names=entry["names"], checked=entry["checked"],
        criteria=[Criterion(**c) for c in entry["criteria"]], variants=variants(question, entry["variants"]),
        hints=entry["hints"], signatures=entry["signatures"]) for question, entry in header.items()}
