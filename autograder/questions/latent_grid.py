"""latent_grid: points of the plane that cut a 2D Gaussian into equal shares."""

import torch
from torch.distributions import Normal

from autograder.questions.definition import Criterion, Question


def latent_grid(n):
    """-> (n * n, 2): every pair of n evenly spaced quantiles, strictly inside (0, 1), through the inverse CDF.

    Kingma and Welling 2014, figure 4.
    """
    z = Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n)
    return torch.cartesian_prod(z, z)


def build(draw, given):
    """Sizes that change from key to key, the last among forty: the answers for known ones could stand in a table.

    For 5 and 6, adding up 1 / (n + 1) gives one quantile more than n.
    """
    sizes = draw.integer(3, 4), draw.integer(5, 6), draw.integer(9, 14), draw.integer(20, 60)
    steps = [{"as": f"n{n}", "call": "latent_grid", "args": [n]} for n in sizes]
    tests = [{"test": "clean", "criterion": "interface"}]
    tests += [{"test": "returns", "criterion": "interface", "of": f"n{n}", "shape": [n * n, 2]} for n in sizes]
    # probabilities and their CDF have a mean of 0.5 and more, their density less
    tests += [{"test": "reaches", "criterion": "quantiles", "of": f"n{n}", "below": 0.45,
               "say": "Your points lie to one side of 0: a grid for N(0, I) lies around it."} for n in sizes]
    tests += [{"test": "quantile_grid", "criterion": "quantiles", "of": f"n{n}", "n": n} for n in sizes]
    steps.append({**steps[0], "as": "again"})
    tests.append({"test": "same", "criterion": "quantiles", "of": "again", "other": steps[0]["as"]})
    return {}, steps, tests


question = Question(
    name="latent_grid", task="task1_vae", answers=("latent_grid",), build=build,
    checked="four sizes of grid: all pairs of evenly spaced quantiles, finite",
    criteria=(Criterion("interface", "n * n finite points of the plane", 0.5),
              Criterion("quantiles", "every pair of evenly spaced quantiles", 1.5, core=True)))


def _pairs(z):
    return torch.cartesian_prod(z, z)


@question.misconception("The z are evenly spaced: space the probabilities evenly and map them through the "
                        "inverse Gaussian CDF.")
def even_z(n):
    return _pairs(torch.linspace(-3, 3, n))


@question.misconception("The quantiles 0 and 1 lie at infinity: stay strictly inside (0, 1).")
def infinite(n):
    return _pairs(Normal(0.0, 1.0).icdf(torch.linspace(0, 1, n)))


@question.misconception("arange(n) / n starts at the quantile 0, which lies at infinity.")
def from_zero(n):
    return _pairs(Normal(0.0, 1.0).icdf(torch.arange(n) / n))


@question.misconception("These are probabilities: the inverse CDF is missing.")
def probabilities(n):
    return _pairs((torch.arange(n) + 0.5) / n)


@question.misconception("This is the CDF: the inverse takes probabilities to z.")
def forward_cdf(n):
    return _pairs(Normal(0.0, 1.0).cdf((torch.arange(n) + 0.5) / n))


@question.misconception("reshape scrambles the pairs: every value of one axis must meet every value of the other.")
def scrambled(n):
    z = Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n)
    return torch.stack(torch.meshgrid(z, z, indexing="ij")).reshape(n * n, 2)


@question.misconception("Only the diagonal: pair every value with every other, not with itself.")
def diagonal(n):
    z = Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n)
    return torch.stack([z, z], dim=1)


@question.misconception("Both columns run in step: one axis must repeat each value, the other the whole sequence.")
def both_repeat(n):
    z = Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n).repeat(n)
    return torch.stack([z, z], dim=1)


@question.misconception("Return (n * n, 2), one row for each point.")
def grid_shaped(n):
    z = Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n)
    return torch.stack(torch.meshgrid(z, z, indexing="ij"), dim=-1)


@question.misconception("The points are random: a grid is made of all pairs of evenly spaced quantiles.", random=True)
def random_points(n):
    return torch.randn(n * n, 2)


@question.also("scrambled")
def scrambled_transposed(n):
    z = Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n)
    return torch.stack(torch.meshgrid(z, z, indexing="xy")).reshape(n * n, 2)


@question.also("diagonal")
def diagonal_repeated(n):
    z = Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n).repeat_interleave(n)
    return torch.stack([z, z], dim=1)


@question.also("infinite")
def infinite_end(n):
    return _pairs(Normal(0.0, 1.0).icdf(torch.arange(1, n + 1) / n))


@question.also("forward_cdf")
def forward_cdf_of_z(n):
    return _pairs(Normal(0.0, 1.0).cdf(torch.linspace(-3, 3, n)))


@question.misconception("Only the ends are pushed inside, so the quantiles are not evenly spaced: choose all of them "
                        "strictly inside (0, 1).")
def clamped_ends(n):
    return _pairs(Normal(0.0, 1.0).icdf(torch.linspace(0, 1, n).clamp(0.01, 0.99)))


@question.misconception("arange with a fraction as its step gives one value more for some n, as floats are rounded: "
                        "count with whole numbers, then divide.")
def fractional_step(n):
    return _pairs(Normal(0.0, 1.0).icdf(torch.arange(1 / (n + 1), 1, 1 / (n + 1))))


@question.misconception("This is the density: the inverse CDF takes probabilities to z.")
def density(n):
    return _pairs(Normal(0.0, 1.0).log_prob((torch.arange(n) + 0.5) / n).exp())


@question.also("density")
def density_of_z(n):
    return _pairs(Normal(0.0, 1.0).log_prob(torch.linspace(-3, 3, n)).exp())


@question.also("both_repeat")
def in_step_backwards(n):
    z = Normal(0.0, 1.0).icdf((torch.arange(n) + 0.5) / n)
    return torch.stack([z.repeat(n), z.flip(0).repeat(n)], dim=1)
