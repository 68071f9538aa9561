"""Stand-ins for earlier answers, so that a mistake in one question is not paid for again in the next.

STANDINS have the right signatures and shapes. Where the numbers do not matter they are deliberately not the functions
of the lesson: a `vae_loss` that adds up what it is given is right whatever the parts compute. What a model is made of
must work as it should, or a model that calls it wrongly looks right; so must all of it where a model is trained, for
which LIBRARY has what torch.distributions says. They are no answers: each works only while a check has put it in the
place of one.
"""

import contextlib

import torch
from torch import distributions

_in_place: set = set()


@contextlib.contextmanager
def in_place(names):
    """While it lasts, the stand-ins for these answers work."""
    more = set(names) - _in_place
    _in_place.update(more)
    try:
        yield
    finally:
        _in_place.difference_update(more)


def _only_in_place(name):
    def decorate(function):
        def standin(*args, **kwargs):
            if name not in _in_place:
                raise RuntimeError(f"This is a stand-in for {name}, not an answer: write your own.")
            return function(*args, **kwargs)

        return standin

    return decorate


@_only_in_place("kl_divergence")
def kl_divergence(mu, logvar):
    return (3.0 * mu + logvar).abs().sum(1)


@_only_in_place("reconstruction_loss")
def reconstruction_loss(logits, x):
    return (logits - 2.0 * x).abs().flatten(1).sum(1)


@_only_in_place("reparameterize")
def reparameterize(mu, logvar):
    return posterior(mu, logvar).rsample()


@_only_in_place("one_hot")
def one_hot(labels, num_classes=10):
    return torch.nn.functional.one_hot(labels, num_classes).float()


@_only_in_place("condition")
def condition(features, onehot):
    return torch.hstack((-features, onehot))


def posterior(mu, logvar):
    return distributions.Normal(mu, (logvar / 2).exp(), validate_args=False)


@_only_in_place("kl_divergence")
def posterior_kl(mu, logvar):
    return distributions.kl_divergence(posterior(mu, logvar), distributions.Normal(0.0, 1.0)).sum(1)


@_only_in_place("reconstruction_loss")
def pixel_cost(logits, x):
    return -distributions.Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1)


@_only_in_place("monte_carlo_kl")
def monte_carlo_kl(mu, logvar, n_samples):
    with in_place({"kl_divergence"}):
        return posterior_kl(mu, logvar)


STANDINS = {"kl_divergence": kl_divergence, "reconstruction_loss": reconstruction_loss,
            "reparameterize": reparameterize, "one_hot": one_hot, "condition": condition}
LIBRARY = {**STANDINS, "kl_divergence": posterior_kl, "reconstruction_loss": pixel_cost,
           "monte_carlo_kl": monte_carlo_kl}
