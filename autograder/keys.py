"""Draw keys: inputs from a seed, expected outputs from the reference, signatures from the misconceptions."""

import dataclasses
import hashlib
import hmac
from collections.abc import Collection, Iterable

from autograder.questions.definition import Draw, Question
from utils.check import probe, public_key
from utils.check.verdict import Key, Variant, Verdict, close, conclude, examine, signature, suspects

NUMBERS = {"close", "gaussian", "average"}      # tests whose outcomes say something about the inputs
PUBLIC_SEED = 20_140_501  # Auto-Encoding Variational Bayes, first submitted in 2013, presented in 2014


def seed_for(secret: bytes, *names: str) -> int:
    """A seed for one use of a secret, e.g. `seed_for(secret, student, question)`; unrelated to all others."""
    digest = hmac.new(secret, "/".join(names).encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:7], "big")


def draw_key(question: Question, seed: int, signatures: bool = True, looks: Collection[str] | None = None) -> Key:
    """The key of `question` for `seed`: the same on every machine. looks: only these (None: all).

    Without `signatures` (they cost a probe per misconception) a verdict is right but may name no
    misconception; `verdict` draws them when they are needed.
    """
    variants = [draw_look(question, seed, look) for look in (question.looks if looks is None else looks)]
    key = Key(question.name, list(question.answers), question.checked, list(question.criteria), variants,
              {m.name: m.hint for m in question.misconceptions})
    return with_signatures(question, key, seed) if signatures else key


def draw_look(question: Question, seed: int, look: str) -> Variant:
    """One look of the key of `question` for `seed`."""
    draw, standins = Draw(seed), question.looks[look]
    inputs, steps, tests = question.build(draw, bool(standins))
    if standins:
        steps = [{**step, "standins": list(standins), "library": question.library} for step in steps]
    steps = _shuffled(steps, draw)
    needed = {test.get("to", test["of"]) for test in tests if test["test"] == "close"}
    needed |= {f"{test['of']}.grad.{test['wrt']}" for test in tests if test["test"] == "gradient"}
    expected = _expected(question, steps, inputs, seed, needed) if needed else {}
    return Variant(look, steps, tests, inputs, expected)


def _expected(question: Question, steps, inputs, seed, needed: set[str]) -> dict:
    """What the reference answers, as far as it is `needed`."""
    answers, status = _probe_reference(question, steps, inputs, seed)
    broken = {name: facts for name, facts in status.items() if facts["state"] != "ok"}
    if broken:
        raise RuntimeError(f"the reference of {question.name} fails: {broken}")
    return {name: answers[name] for name in sorted(needed)}


def with_signatures(question: Question, key: Key, seed: int, names: Collection[str] | None = None,
                    looks: Collection[str] | None = None) -> Key:
    """`key` with what each misconception's answers look like to its tests; or those of `names`, in some `looks`."""
    signatures: dict[str, list] = {}
    for misconception in question.misconceptions:
        if names is not None and misconception.name not in names:
            continue
        signatures[misconception.name] = []
        for answer in misconception.answers:
            form = {}
            for variant in key.variants:
                if looks is not None and variant.name not in looks:
                    continue
                runs = [signature(variant, *_probe_reference(question, variant.steps, variant.inputs, seed + i, answer))
                        for i in range(3 if misconception.random else 1)]
                form[variant.name] = [
                    _common(entries, test.get("tolerance", 1e-3)) if test.get("named", True) else (None, [])
                    for entries, test in zip(zip(*runs), variant.tests)]
            signatures[misconception.name].append(form)
    return dataclasses.replace(key, signatures=signatures)


def _common(runs: tuple, tolerance: float) -> tuple:
    """What several runs of one misconception have in common at one test; None stands for anything."""
    (ok, summary), others = runs[0], runs[1:]
    return (ok if all(other[0] == ok for other in others) else None,
            summary if all(close(other[1], summary, tolerance) for other in others) else None)


def verdict(question: Question, key: Key, seed: int, answers: dict, status: dict) -> Verdict:
    """Judge, and look for the misconception when there is a mistake to name."""
    return named(question, key, seed, examine(key, answers, status))


def named(question: Question, key: Key, seed: int, examined: tuple) -> Verdict:
    """The verdict on what `examine` found. The misconception is looked for only when there is a mistake to name.

    Drawing signatures takes seconds. Those of the public key serve where no test has failed with numbers that are made
    of the inputs; of the others, first those of the misconceptions that may be it are drawn, then the rest.
    """
    found = conclude(key, examined)
    if found.state not in ("wrong", "error") or key.signatures:
        return found
    if _has_public_signatures(key):
        return conclude(with_names(question, key, seed), examined)
    variant, _, outcomes, _ = examined
    public = public_key(question.name)
    names = {misconception.name for misconception in question.misconceptions}
    known = next((one for one in public.variants if one.name == variant.name), None)
    if known and known.tests == variant.tests:
        own = [_has_own_numbers(test, variant, known) for test in variant.tests]
        if not any(one and not outcome.ok and _has_numbers(outcome.summary) for one, outcome in zip(own, outcomes)):
            found = conclude(dataclasses.replace(key, signatures=public.signatures), examined)
            if found.misconception:
                return found
            names = {name for name, forms in public.signatures.items() for form in forms
                     if any(one and ok is not True and _has_numbers(summary or ())
                            for one, (ok, summary) in zip(own, form.get(variant.name, ())))}
    likely = set(suspects(public, variant, outcomes))
    for some in filter(None, (names & likely, names - likely)):
        found = conclude(with_signatures(question, key, seed, some, [variant.name]), examined)
        if found.misconception:
            break
    return found


def with_names(question: Question, key: Key, seed: int, looks: Collection[str] | None = None) -> Key:
    """`key` with all signatures, or all in some `looks`: for many verdicts on one key."""
    if _has_public_signatures(key):
        return dataclasses.replace(key, signatures=public_key(question.name).signatures)
    return with_signatures(question, key, seed, looks=looks)


def _has_public_signatures(key: Key) -> bool:
    """Whether those of the public key are its own: they hold no numbers that are made of the inputs."""
    tests = {variant.name: variant.tests for variant in public_key(key.question).variants}
    return all(tests.get(variant.name) == variant.tests and not NUMBERS & {test["test"] for test in variant.tests}
               for variant in key.variants)


def _has_numbers(summary: Collection) -> bool:
    return not all(isinstance(one, str) for one in summary)


def _has_own_numbers(test: dict, variant: Variant, known: Variant) -> bool:
    """Whether the numbers that tell of a failed test are made of the inputs of `variant`, which `known` does not have."""
    if test["test"] not in NUMBERS | {"label_read"}:
        return False
    if test["test"] != "gaussian" or isinstance(test["mean"], str) or isinstance(test["std"], str):
        return True

    def arguments(look: Variant) -> list:       # of the call that drew: generate_digit is told a digit
        return next(step["args"] for step in look.steps if step["as"] == test["of"])

    return arguments(variant) != arguments(known)


def probe_inputs(key: Key) -> dict:
    """What the kernel is given in each look: steps and inputs, nothing that was expected."""
    return {variant.name: (variant.steps, used_inputs(variant)) for variant in key.variants}


def used_inputs(variant: Variant) -> dict:
    """The inputs that steps refer to: what only the tests need (expected means, say) stays here."""
    used = _mentioned(variant.steps)
    return {name: value for name, value in variant.inputs.items() if name in used}


def _mentioned(value) -> set[str]:
    """The words in steps, among them the inputs that they refer to."""
    if isinstance(value, str):
        return {value.removeprefix("$").partition("*")[0]}
    if isinstance(value, dict):
        value = value.values()
    return set().union(*map(_mentioned, value)) if isinstance(value, Iterable) else set()


def _probe_reference(question: Question, steps, inputs, seed, answer=None):
    """Answers of the reference, or of `answer` in its place, among the reference's own helpers."""
    namespace, name = question.namespace, question.answers[0]
    reference = namespace[name]
    namespace[name] = reference if answer is None else answer
    try:
        return probe.run(steps, inputs, namespace, seed=seed)
    finally:
        namespace[name] = reference


def _shuffled(steps: list[dict], draw: Draw) -> list[dict]:
    """The steps in a random order in which each still comes after those that it refers to.

    A step with "right_after" comes directly after that one: stored noise is still there then.
    """
    waiting, order = list(steps), []
    names = {step["as"] for step in steps}

    def needed(step: dict) -> set[str]:
        words = [step.get("call", ""), step.get("push", ""), step.get("modules", ""), *step.get("after", ())]
        words += [w[1:] for w in (*step.get("args", ()), *step.get("draw", ()), *step.get("kwargs", {}).values())
                  if isinstance(w, str) and w.startswith("$")]
        return {word.split(".")[0] for word in words} & names - {step["as"]}

    needs = {step["as"]: needed(step) | {step.get("right_after")} & names for step in steps}
    while waiting:
        ready = [step for step in waiting if not needs[step["as"]]]
        at_once = [step for step in ready if order and step.get("right_after") == order[-1]["as"]]
        step = (at_once or ready)[draw.integer(0, len(at_once or ready) - 1)]
        waiting = [one for one in waiting if one is not step]
        for others in needs.values():
            others.discard(step["as"])
        order.append(step)
    return order


