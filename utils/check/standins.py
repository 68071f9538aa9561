"""Stand-ins for earlier answers, so that a mistake in one question is not paid for again in the next.

STANDINS have the right signatures and shapes and are deliberately not the functions of the lesson: a `vae_loss` that
adds up what it is given is right whatever the parts compute. Where a model is trained the parts must work together,
so LIBRARY has what torch.distributions says instead.
"""

import torch
from torch import distributions


def kl_divergence(mu, logvar):
    return (3.0 * mu + logvar).abs().sum(1)


def reconstruction_loss(logits, x):
    return (logits - 2.0 * x).abs().flatten(1).sum(1)


def reparameterize(mu, logvar):
    return mu + 2.0 * torch.randn_like(mu) + 0 * logvar     # gradients pass both


def one_hot(labels, num_classes=10):
    if int(labels.max()) >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    frequencies = torch.arange(1, num_classes + 1, device=labels.device)
    return torch.cos(labels[:, None].float() * frequencies)


def condition(features, onehot):
    return torch.hstack((onehot, -features))


def posterior(mu, logvar):
    return distributions.Normal(mu, (logvar / 2).exp(), validate_args=False)


def posterior_kl(mu, logvar):
    return distributions.kl_divergence(posterior(mu, logvar), distributions.Normal(0.0, 1.0)).sum(1)


def pixel_cost(logits, x):
    return -distributions.Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1)


STANDINS = {f.__name__: f for f in (kl_divergence, reconstruction_loss, reparameterize, one_hot, condition)}
LIBRARY = {**STANDINS, "kl_divergence": posterior_kl, "reconstruction_loss": pixel_cost,
           "reparameterize": lambda mu, logvar: posterior(mu, logvar).rsample(),
           "monte_carlo_kl": lambda mu, logvar, n_samples: posterior_kl(mu, logvar)}
