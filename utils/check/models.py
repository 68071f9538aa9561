"""Small models with known weights that a check hands to `generate`, `interpolate` and the like.

Each pixel's logit is a known, invertible function of z (and the label), so both can be read back from a picture:
what a student's function did with the model shows in what it returns, not in what it says. Encoder and decoder
are curved, so that a line between codes, between pictures and between logits are three different things.
"""

import torch
from torch import nn


class SmallVAE(nn.Module):
    """encode(x) = (3 tanh(x A), logvar = -1), decode(z) = bend(z W + b), with A (784, Z), W (Z, 784), b (784,)."""

    def __init__(self, A, W, b):
        super().__init__()
        self.A, self.W, self.b = nn.Parameter(A.clone()), nn.Parameter(W.clone()), nn.Parameter(b.clone())
        self.latent_dim = W.shape[0]

    def encode(self, x):
        mu = 3 * torch.tanh(x.reshape(-1, 784) @ self.A)
        return mu, torch.full_like(mu, -1.0)

    def decode(self, z):
        return _bent(z, self.W, self.b).reshape(-1, 1, 28, 28)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = torch.distributions.Normal(mu, (logvar / 2).exp()).rsample()
        return self.decode(z), mu, logvar


class VaryingVAE(SmallVAE):
    """A SmallVAE whose logvar differs from image to image and from latent to latent: 3 tanh(x L), with L (784, Z)."""

    def __init__(self, A, W, b, L):
        super().__init__(A, W, b)
        self.L = nn.Parameter(L.clone())

    def encode(self, x):
        return super().encode(x)[0], 3 * torch.tanh(x.reshape(-1, 784) @ self.L)


class SmallCVAE(nn.Module):
    """As SmallVAE, with a row of F (C, Z) added to x A and a row of V (C, 784) to z W."""

    def __init__(self, A, W, b, F, V):
        super().__init__()
        self.A, self.W, self.b = nn.Parameter(A.clone()), nn.Parameter(W.clone()), nn.Parameter(b.clone())
        self.F, self.V = nn.Parameter(F.clone()), nn.Parameter(V.clone())
        self.latent_dim, self.num_classes = W.shape[0], F.shape[0]

    def encode(self, x, y):
        x = x.reshape(-1, 784)
        mu = 3 * torch.tanh(x @ self.A + nn.functional.embedding(self._labels(y, len(x)), self.F))
        return mu, torch.full_like(mu, -1.0)

    def decode(self, z, y):
        if not isinstance(z, torch.Tensor) or z.dim() != 2 or z.shape[1] != self.latent_dim:
            found = tuple(z.shape) if isinstance(z, torch.Tensor) else f"a {type(z).__name__}"
            raise TypeError(f"decode needs z of shape (N, {self.latent_dim}), got {found}")
        onehot = nn.functional.embedding(self._labels(y, len(z)), torch.eye(self.num_classes).to(z))
        return _bent(torch.cat([z, onehot], dim=1), torch.cat([self.W, self.V]), self.b).reshape(-1, 1, 28, 28)

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        z = torch.distributions.Normal(mu, (logvar / 2).exp()).rsample()
        return self.decode(z, y), mu, logvar

    def _labels(self, y, n):
        if not isinstance(y, torch.Tensor) or y.is_floating_point() or y.shape != (n,):
            found = f"{y.dtype} of shape {tuple(y.shape)}" if isinstance(y, torch.Tensor) else type(y).__name__
            raise TypeError(f"the model needs {n} integer labels of shape ({n},), got {found}")
        return y.long()


def bend(x):
    return 4 * torch.tanh(x / 2)


def _bent(x, W, b):
    """bend(x W + b), in fewer passes over what may be thousands of pictures."""
    if x.dim() != 2:
        return bend(x @ W + b)
    bent = torch.addmm(b, x, W, beta=0.5, alpha=0.5).tanh_()
    return 4 * bent if bent.requires_grad else bent.mul_(4)


def unbend(logits):
    """The inverse of `bend`."""
    return 2 * torch.atanh(logits / 4)


GIVEN_MODELS = {"SmallVAE": SmallVAE, "VaryingVAE": VaryingVAE, "SmallCVAE": SmallCVAE}
