"""Run the bank of answers against the public and the grading checks.

`python -m autograder audit checks` prints, per question, how many wrong answers are rejected, how many right ones
accepted, how many of the wrong get the right hint, and the seconds of CPU.
"""

import functools
import importlib
import secrets
import time
from dataclasses import dataclass

import torch

from autograder import keys
from autograder.audit import bank
from autograder.audit.bank import Entry
from autograder.questions import QUESTIONS, find
from autograder.questions.definition import Question
from utils.check import look, probe, public_key, wire
from utils.check.verdict import Key, Verdict, conclude, examine

PRELUDE = """
import math
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal


def posterior(mu, logvar):
    return Normal(mu, torch.exp(0.5 * logvar), validate_args=False)
"""


@dataclass(frozen=True)
class Finding:
    """What one check said about one implementation."""

    entry: Entry
    check: str
    verdict: Verdict
    seconds: float

    @property
    def as_it_should(self) -> bool:
        return self.verdict.right != self.entry.wrong

    @property
    def named(self) -> bool:
        """Whether a wrong answer got the hint that it should: by misconception, or by words."""
        return any(name.strip('"') in self.verdict.hint if name.startswith('"') else name == self.verdict.misconception
                   for name in self.entry.names)


def namespace(question: Question, source: str) -> dict:
    """A notebook's globals in which `source` has run, after right answers to the questions before."""
    names = {"__name__": "__main__"}
    exec(PRELUDE, names)
    earlier = {name: getattr(importlib.import_module(f"autograder.questions.{name}"), name) for name in question.calls}
    if len(question.answers) > 1:  # train_vae: what the source leaves out of VAE and vae_loss is right
        names |= {name: question.namespace[name] for name in question.answers}
    names |= earlier
    exec(compile(source, f"<{question.name}>", "exec"), names)
    return names


def public(question: Question, names: dict) -> Verdict:
    """As `check` in the notebook would say."""
    return look(public_key(question.name), tuple(names[name] for name in question.answers), names)


def grading(question: Question, names: dict, seed: int, key: Key | None = None, named: bool = True) -> Verdict:
    """As the judge would say: inputs drawn from `seed`, answers that have travelled. named: look for the hint."""
    key = key or keys.draw_key(question, seed, signatures=False)
    examined = _examined(question, names, seed, key)
    return keys.named(question, key, seed, examined) if named else conclude(key, examined)


def _examined(question: Question, names: dict, seed: int, key: Key) -> tuple:
    """What `examine` finds in the answers, look by look until one is right."""
    answers, status = {}, {}
    for number, (name, (steps, inputs)) in enumerate(keys.probe_inputs(key).items(), 1):
        inputs = wire.unpack(wire.pack(inputs, {}))[0]
        found, status[name] = probe.run(steps, inputs, names, seed + number)
        answers[name] = wire.unpack(wire.pack(found, {}))[0]
        examined = examine(key.asked(answers), answers, status)
        if conclude(key, examined).right:
            break
    return examined


def audit(question: Question, seed: int, checks: tuple[str, ...] = ("public", "grading")) -> list[Finding]:
    """The checks on all implementations of a question."""
    plain = keys.draw_key(question, seed, signatures=False)
    signed = functools.lru_cache(lambda look: keys.with_names(question, plain, seed, [look]))
    findings = []
    for entry in bank.load(question.name):
        for check in checks:
            names = namespace(question, entry.source)
            started = time.process_time()
            if check == "public":
                verdict = public(question, names)
            else:
                examined = _examined(question, names, seed, plain)
                verdict = keys.named(question, signed(examined[0].name) if entry.wrong else plain, seed, examined)
            findings.append(Finding(entry, check, verdict, time.process_time() - started))
    return findings


def table(findings: dict[str, list[Finding]]) -> list[tuple]:
    """One row per question and check: name, check, killed, wrong, accepted, right, named, seconds per answer."""
    rows = []
    for question, found in findings.items():
        for check in ("public", "grading"):
            some = [finding for finding in found if finding.check == check]
            wrong = [finding for finding in some if finding.entry.wrong]
            right = [finding for finding in some if not finding.entry.wrong]
            rows.append((question, check, sum(f.as_it_should for f in wrong), len(wrong),
                         sum(f.as_it_should for f in right), len(right), sum(f.named for f in wrong),
                         sum(f.seconds for f in some) / len(some)))
    return rows


def arguments(parser) -> None:
    parser.add_argument("question", nargs="*", help="only these (default: all)")
    parser.add_argument("--seed", type=int, help="of the grading check's inputs (default: a fresh one)")


def run(options) -> int:
    """0: every answer judged as it should be and at least 95 % of the wrong ones named."""
    torch.set_num_threads(1)
    questions = [find(name) for name in options.question] or list(QUESTIONS.values())
    seed = secrets.randbits(48) if options.seed is None else options.seed
    print(f"seed of the grading checks: {seed}")
    line = "{:20s} {:8s} {:>9s} {:>9s} {:>9s} {:>8s}"
    print(line.format("question", "check", "killed", "accepted", "named", "seconds"))
    findings = {}
    for question in questions:
        findings[question.name] = audit(question, seed)
        for name, check, killed, wrong, accepted, right, named, seconds in table({question.name: findings[question.name]}):
            print(line.format(name, check, f"{killed}/{wrong}", f"{accepted}/{right}", f"{named}/{wrong}",
                              f"{seconds:.3f}"), flush=True)
    rows = table(findings)
    killed, wrong, accepted, right, named = (sum(row[i] for row in rows) for i in range(2, 7))
    print(line.format("all", "", f"{killed}/{wrong}", f"{accepted}/{right}", f"{named}/{wrong}", ""))
    for finding in (finding for found in findings.values() for finding in found):
        kind = "wrong" if finding.entry.wrong else "right"
        if not finding.as_it_should or finding.entry.wrong and not finding.named:
            print(f"\n{finding.entry.question}, {finding.check}: {kind}: {finding.entry.title}\n"
                  f"  {finding.verdict.state}, {finding.verdict.misconception}: {finding.verdict.hint}")
    return int(killed < wrong or accepted < right or named < 0.95 * wrong)
