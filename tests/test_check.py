"""What a check says of a stub, whatever else the notebook defines."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from autograder.questions import TASKS
from utils.check import look, public_key
from utils.check.show import as_text


model = nn.Linear(1, 1)


class Unfinished(nn.Module):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__()
        raise NotImplementedError


def unfinished(*arguments, **options):
    raise NotImplementedError


@pytest.mark.parametrize("question", ["vae", "cvae", "label_embedding"])
def test_an_untouched_class_is_not_attempted_also_beside_a_variable_called_model(question):
    verdict = look(public_key(question), (Unfinished,), globals())
    assert verdict.state == "not attempted" and verdict.points == 0


@pytest.mark.parametrize("question", ["reparameterize", "kl_divergence", "generate", "one_hot", "relabel",
                                      *TASKS["task3_experiments"]])
def test_an_untouched_function_is_not_attempted(question):
    verdict = look(public_key(question), (unfinished,), globals())
    assert verdict.state == "not attempted" and verdict.points == 0


def test_numbers_that_a_function_returns_are_answers_and_other_things_are_named():
    def counts(answer):
        return look(public_key("active_units"), (lambda mu: answer(int((mu.var(0) > 0.01).sum())),), globals())

    for right in (int, np.int64, torch.tensor):
        assert counts(right).right
    for wrong, words in ((float, "int"), (str, "str"), (lambda n: None, "None"), (lambda n: torch.full((2,), n), "whole")):
        verdict = counts(wrong)
        assert verdict.state == "wrong" and words in verdict.hint, verdict


def test_a_list_that_an_answer_sorts_in_place_stays_as_it_was():
    def stop(losses, patience):
        losses.sort()
        return len(losses), 1

    key = public_key("early_stopping")
    before = repr(key.variants[0].steps)
    assert not look(key, (stop,), globals()).right and repr(key.variants[0].steps) == before


def test_numbers_in_a_hint_have_five_digits():
    said = as_text(look(public_key("kl_divergence"), (lambda mu, logvar: 3 * mu.sum(1),), globals()), detail=True)
    assert "With mu = [" in said and not re.search(r"\d\.\d{6,}", said)
