"""What a check says of a stub, whatever else the notebook defines."""

import re

import pytest
from torch import nn

from utils.check import look, public_key
from utils.check.show import as_text


model = nn.Linear(1, 1)


class Unfinished(nn.Module):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__()
        raise NotImplementedError


def unfinished(*arguments, **options):
    raise NotImplementedError


@pytest.mark.parametrize("question", ["vae", "cvae", "label_embedding"])
def test_an_untouched_class_is_not_attempted_also_beside_a_variable_called_model(question):
    verdict = look(public_key(question), (Unfinished,), globals())
    assert verdict.state == "not attempted" and verdict.points == 0


@pytest.mark.parametrize("question", ["reparameterize", "kl_divergence", "generate", "one_hot", "relabel"])
def test_an_untouched_function_is_not_attempted(question):
    verdict = look(public_key(question), (unfinished,), globals())
    assert verdict.state == "not attempted" and verdict.points == 0


def test_numbers_in_a_hint_have_five_digits():
    said = as_text(look(public_key("kl_divergence"), (lambda mu, logvar: 3 * mu.sum(1),), globals()), detail=True)
    assert "With mu = [" in said and not re.search(r"\d\.\d{6,}", said)
