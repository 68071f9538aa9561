"""The models of the experiments, and what all of them minimise. VAE and CVAE are the references of Task 1 and 2."""

import torch
from torch import nn

from autograder.questions.cvae import CVAE
from autograder.questions.kl_divergence import kl_divergence
from autograder.questions.reconstruction_loss import reconstruction_loss
from autograder.questions.vae import VAE


class AE(VAE):
    """The VAE that decodes its mean: an autoencoder 784-400-Z-400-784. Train it with beta = 0."""

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu), mu, logvar


class DeepVAE(VAE):
    """784-200-200-Z and back with tanh: the one-stochastic-layer model of Burda et al. 2015, section 5, Z = 50."""

    def __init__(self, latent_dim=50):
        nn.Module.__init__(self)
        self.latent_dim = latent_dim
        self.hidden = nn.Sequential(nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh())
        self.mu, self.logvar = nn.Linear(200, latent_dim), nn.Linear(200, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh(), nn.Linear(200, 784)
        )

    def encode(self, x):
        h = self.hidden(x.flatten(1))
        return self.mu(h), self.logvar(h)


MODELS = {"AE": AE, "VAE": VAE, "CVAE": CVAE}


def new(model, latent_dim, seed):
    torch.manual_seed(seed)
    return model(latent_dim)


def objective(beta=1.0):
    """What `fit` minimises: distortion + beta * rate, in nats per picture."""

    def values(model, x, y):
        logits, mu, logvar = model(x, y) if isinstance(model, CVAE) else model(x)
        reconstruction, kl = reconstruction_loss(logits, x).mean(), kl_divergence(mu, logvar).mean()
        return {"total": reconstruction + beta * kl, "reconstruction": reconstruction, "kl": kl}

    return values


def encode(model, x, y):
    """mu and logvar, (N, Z) each; y is used by a CVAE only."""
    return model.encode(x, y) if isinstance(model, CVAE) else model.encode(x)


def decode(model, z, y):
    """Logits (N, 1, 28, 28); y is used by a CVAE only."""
    return model.decode(z, y) if isinstance(model, CVAE) else model.decode(z)
