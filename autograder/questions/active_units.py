"""active_units: how many latents a model uses."""

import torch

from autograder.questions.definition import Criterion, Question

# Variances on both sides of the threshold of 0.01, the nearest first: of one latent, and of the others.
USED = (0.012, 0.017), (0.02, 1.0)
UNUSED = (0.007, 0.0085), (0.004, 2e-4)


def active_units(mu):
    """(N, Z) -> int: latents whose mean has a variance over the data above 0.01 (Burda et al. 2016, section 5.1)."""
    return int((mu.var(dim=0) > 0.01).sum())


def build(draw, given):
    """Codes whose latents lie far from 0 and have known variances; either definition of the variance is right.

    In every set one latent on each side is near the threshold. They take turns in how they spread: what is no
    variance (range, quartiles, absolute deviations, variance of a part of the data) puts some on the wrong side.
    """
    inputs, steps = {}, []
    tests = [{"test": "clean", "criterion": "interface"}]
    for turn, (used, unused, n) in enumerate(((3, 4, 60), (0, 7, 40), (6, 1, 40), (1, 5, 30), (5, 0, 60), (0, 1, 30))):
        name = f"used{used}of{used + unused}"
        inputs[f"codes_{name}"] = _codes(draw, used, unused, n, turn)
        steps.append({"as": name, "call": "active_units", "args": [f"$codes_{name}"], "numbers": True})
        tests += [{"test": "whole", "criterion": "interface", "of": name},
                  {"test": "close", "criterion": "value", "of": name}]
    steps.append({**steps[0], "as": "again"})
    tests.append({"test": "same", "criterion": "value", "of": "again", "other": steps[0]["as"]})
    return inputs, steps, tests


def _codes(draw, used: int, unused: int, n: int, turn: int) -> torch.Tensor:
    """(n, used + unused), in random order: variances spread over USED and UNUSED; one in three has the mean 0, the
    others one far from it. Of five unused latents or more one is constant, and two nearly so."""
    columns = []
    for (near, (low, high)), number in ((USED, used), (UNUSED, unused)):
        for i in range(number):
            place = (i - 0.9 + 0.8 * float(draw.uniform(1))) / max(number - 1, 1)
            variance = low * (high / low) ** place if i else float(draw.uniform(1, low=near[0], high=near[1]))
            column = _column(draw, n, (i + turn) % 3, late=low > 0.01)
            columns.append((column - column.mean()) / column.std() * variance ** 0.5)
    if unused >= 5:
        for place, variance in ((-3, 1.5e-4), (-2, 3e-6), (-1, 0.0)):
            columns[place] *= (variance / columns[place].var()) ** 0.5
    codes = torch.stack(columns, dim=1)
    codes += draw.signed(1, used + unused) * (torch.arange(used + unused) % 3 != 1)
    return codes[:, draw.permutation(used + unused)].float()


def _column(draw, n: int, kind: int, late: bool) -> torch.Tensor:
    """(n,) that are Gaussian (kind 0), of two sizes (1), or alike but for a sixth of them at the end or beginning (2)."""
    noise = draw.normal(n).double()
    sides = draw.signed(n, low=1.0, high=1.0)
    if kind == 2:
        sides *= (torch.arange(n) >= n - n // 6) if late else (torch.arange(n) < n // 6)
    return noise if kind == 0 else sides + 0.1 * noise


question = Question(
    name="active_units", task="task3_experiments", answers=("active_units",), build=build,
    checked="six sets of codes with 0 to 6 active latents, variances from 0 to 1",
    criteria=(Criterion("interface", "one whole number, input left alone", 0.25),
              Criterion("value", "latents with a variance over the data above 0.01", 0.75, core=True)))


right = active_units


@question.misconception("This compares a distance (the standard deviation, a range) with 0.01: compare the variance, "
                        "which is a square.")
def std(mu):
    return int((mu.std(dim=0) > 0.01).sum())


@question.misconception("The variance runs over the latents (axis 1): it is over the data, axis 0.")
def wrong_axis(mu):
    return int((mu.var(dim=1) > 0.01).sum())


@question.misconception("The mean of mu is compared: a latent that is constant, but not 0, carries no information.")
def mean(mu):
    return int((mu.mean(dim=0).abs() > 0.01).sum())


@question.also("mean")
def signed_mean(mu):
    return int((mu.mean(dim=0) > 0.01).sum())


@question.misconception("The mean square is no variance: subtract the mean of each latent first.")
def mean_square(mu):
    return int((mu.square().mean(dim=0) > 0.01).sum())


@question.misconception("These are the latents that are not used: count those above 0.01.")
def inactive(mu):
    return int((mu.var(dim=0) < 0.01).sum())


@question.misconception("Return how many latents are active, not which.")
def which(mu):
    return mu.var(dim=0) > 0.01


@question.also("which")
def indices(mu):
    return (mu.var(dim=0) > 0.01).nonzero().flatten()


@question.misconception("This is the share of active latents: return their number.")
def share(mu):
    return float((mu.var(dim=0) > 0.01).float().mean())


@question.misconception("Near the threshold your count is off: compare the variance itself, as it is, with 0.01.")
def threshold(mu):
    return int((mu.var(dim=0) > 0.1).sum())


@question.also("threshold")
def threshold_of_a_thousandth(mu):
    return int((mu.var(dim=0) > 0.001).sum())


@question.also("threshold")
def threshold_of_a_fiftieth(mu):
    return int((mu.var(dim=0) > 0.02).sum())


@question.also("threshold")
def half_the_threshold(mu):
    return int((mu.var(dim=0) > 0.005).sum())


@question.misconception("A variance is not divided by N once more: that is the variance of a mean.")
def variance_of_mean(mu):
    return int((mu.var(dim=0) / len(mu) > 0.01).sum())


@question.misconception("The squares are added up: a variance is their mean over the data.")
def sum_of_squares(mu):
    return int(((mu - mu.mean(dim=0)).square().sum(dim=0) > 0.01).sum())


@question.misconception("Only some of the images count here: take the variance over all of them.")
def first_half(mu):
    return int((mu[:len(mu) // 2].var(dim=0) > 0.01).sum())


@question.misconception("This is another measure of spread than the variance, the mean square distance from the mean.")
def range_of_values(mu):
    return int((mu.amax(dim=0) - mu.amin(dim=0) > 0.4).sum())


@question.also("range_of_values")
def absolute_deviation(mu):
    return int(((mu - mu.mean(dim=0)).abs().mean(dim=0) > 0.08).sum())


@question.also("range_of_values")
def quartiles(mu):
    return int((mu.quantile(0.75, dim=0) - mu.quantile(0.25, dim=0) > 0.12).sum())


@question.misconception("Nearly every latent moves a little: count those whose variance is above 0.01.")
def above_zero(mu):
    return int((mu.var(dim=0) > 0).sum())


@question.misconception("These are the variances themselves: count those above 0.01.")
def variances(mu):
    return mu.var(dim=0)


@question.misconception("The variances are added: count the latents whose variance is above 0.01.")
def total(mu):
    return float(mu.var(dim=0).sum())


@question.misconception("The variances are added up instead of the latents counted.")
def sum_of_active(mu):
    variance = mu.var(dim=0)
    return int(variance[variance > 0.01].sum())


@question.misconception("Every entry is compared: take the variance of each latent over the data first.")
def entries(mu):
    return int((mu > 0.01).sum())


@question.also("entries")
def sizes(mu):
    return int((mu.abs() > 0.01).sum())


@question.misconception("A float counts nothing: return an int.")
def as_float(mu):
    return float(right(mu))


@question.misconception("mu is changed in place: whoever uses it afterwards gets other codes.")
def in_place(mu):
    mu -= mu.mean(dim=0)
    return int((mu.square().mean(dim=0) > 0.01).sum())


@question.misconception("The number of images is returned, or counted: count latents.")
def images(mu):
    return len(mu)


@question.misconception("All latents are counted, whether they are used or not.")
def latents(mu):
    return mu.shape[1]


@question.misconception("One latent is left out: count them all.")
def first_left_out(mu):
    return right(mu[:, 1:])


@question.also("first_left_out")
def last_left_out(mu):
    return right(mu[:, :-1])
