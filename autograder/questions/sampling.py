"""What the mean of many draws may be, for quantities whose distribution is known by quadrature.

A check of a random function compares a mean over draws with its expectation. How far it may be away follows from
Chernoff's bound: P(mean of n draws - m > s) <= exp(-n (t s - K(t))) for every t > 0, with K the logarithm of the
moment-generating function of one draw. The bound holds for every n and for skewed distributions, where counting
standard errors does not.
"""

import math

import numpy as np
import torch

# The probability that a right answer's mean lies outside, at each end.
TAIL = 1e-11


def nodes(latent_dim: int, n: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    """Points (n^Z, Z) and weights (n^Z,) with which a sum is an expectation over N(0, I) (Gauss and Hermite)."""
    points, weights = (torch.as_tensor(part) for part in np.polynomial.hermite_e.hermegauss(n))
    weights = weights / weights.sum()
    grid = torch.cartesian_prod(*[points] * latent_dim).reshape(-1, latent_dim)
    return grid, torch.cartesian_prod(*[weights] * latent_dim).reshape(-1, latent_dim).prod(1)


def moments(values: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation (K,) of `values` (M, K) at the nodes."""
    mean = weights @ values
    return mean, (weights @ (values - mean).square()).sqrt()


def bounds(values: torch.Tensor, weights: torch.Tensor, draws: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Low and high (K,) between which the mean of so many draws lies, but for 2 * TAIL and a rounding of 1e-4."""
    mean, std = moments(values, weights)
    steps = torch.linspace(0.2, 1.6, 40, dtype=torch.float64) * math.sqrt(-2 * math.log(TAIL) / draws)

    def reach(sign: int) -> torch.Tensor:
        t = steps[:, None, None] / std
        growth = torch.logsumexp(sign * t * (values - mean) + weights.log()[:, None], dim=1)
        return ((growth - math.log(TAIL) / draws) / t.squeeze(1)).amin(0)

    rounding = 1e-4 * (1 + mean.abs())
    return mean - reach(-1) - rounding, mean + reach(1) + rounding
