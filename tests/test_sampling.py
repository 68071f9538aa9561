"""Estimators of Task 3: what their judges expect agrees with torch.distributions and with brute force."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from autograder.questions import active_units, complete, early_stopping, elbo_samples, iwae_bound, monte_carlo_kl
from autograder.questions.definition import Draw
from autograder.questions.sampling import TAIL, bounds, moments, nodes
from utils.check.models import SmallVAE, VaryingVAE
from utils.check.tests import TESTS, Case


def test_quadrature_gives_the_moments_of_a_gaussian():
    points, weights = nodes(2)
    assert weights.sum() == pytest.approx(1)
    assert (weights @ points.prod(1)).item() == pytest.approx(0, abs=1e-12)
    mean, std = moments(torch.stack([points[:, 0], points[:, 1].square()], dim=1), weights)
    assert mean.tolist() == pytest.approx([0, 1], abs=1e-9) and std.tolist() == pytest.approx([1, 2 ** 0.5])


@pytest.mark.parametrize("draws", [50, 3000])
def test_bounds_are_chernoff_s_of_a_gaussian_and_wider_on_the_long_side_of_a_square(draws):
    points, weights = nodes(1)
    (low, square_low), (high, square_high) = bounds(torch.cat([points, points.square()], dim=1), weights, draws)
    reach = math.sqrt(-2 * math.log(TAIL) / draws)
    assert high == pytest.approx(reach, rel=0.01, abs=1.1e-4) and low == pytest.approx(-high)
    assert square_high - 1 > 1 - square_low > 0


def test_means_of_right_draws_stay_inside_and_fill_the_bounds():
    """Of 2,000 means none lies outside; but one lies beyond a third of the way: the bounds are not merely wide."""
    points, weights = nodes(1)
    values = (points + 0.5 * points.square()).expand(-1, 1)
    low, high = bounds(values, weights, 100)
    eps = torch.randn(2000, 100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    means = (eps + 0.5 * eps.square()).mean(1)
    assert ((means > low) & (means < high)).all()
    assert (means > 0.5 + (high - 0.5) / 3).any() and (means < 0.5 + (low - 0.5) / 3).any()


def test_the_kl_that_is_expected_is_torch_s():
    inputs = monte_carlo_kl.build(Draw(3), False)[0]
    q = Normal(inputs["mu"].double(), inputs["logvar"].double().exp().sqrt())
    exact = kl_divergence(q, Normal(0.0, 1.0)).sum(1)
    points, weights = nodes(3)
    z = q.mean + q.stddev * points[:, None]
    assert (weights @ (q.log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(-1)).tolist() == pytest.approx(exact.tolist())
    assert ((inputs["low"] < exact) & (exact < inputs["high"])).all()
    assert (inputs["high"] - inputs["low"] < 0.6).all()


def test_scores_of_log_ratios_are_gaussian_whatever_the_sign_of_logvar():
    mu, logvar = torch.tensor([[0.7], [-1.2]]), torch.tensor([[1.1], [-0.8]])
    eps = torch.randn(3000, 2, generator=torch.Generator().manual_seed(0)).double()
    z = mu.T + (logvar.T / 2).exp() * eps
    ratio = ((z.square() - eps.square() - logvar.T) / 2).flatten()
    case = Case({"mu": mu, "logvar": logvar}, {}, {"d": ratio}, {"d": {"state": "ok"}}, [])
    arguments = {"of": "d", "mean": 0.0, "std": 1.0, "latent": {"log_ratio": ["mu", "logvar"]}, "kinds": 2}
    assert TESTS["gaussian"](case, **arguments).ok and TESTS["independent"](case, **arguments).ok
    case.answers["d"] = ratio + 0.1
    assert not TESTS["gaussian"](case, **arguments).ok


def test_the_elbo_that_is_expected_is_that_of_many_draws():
    inputs = elbo_samples.build(Draw(4), False)[0]
    model, x = VaryingVAE(*(inputs[name] for name in ("A", "W", "b", "L"))), inputs["x"]
    with torch.no_grad():
        mu, logvar = model.encode(x)
        q = Normal(mu, (logvar / 2).exp())
        z = q.sample((4000,))
        log_p = Bernoulli(logits=model.decode(z.flatten(0, 1)), validate_args=False).log_prob(x.repeat(4000, 1, 1, 1))
        log_p = log_p.flatten(1).sum(1).view(4000, -1)
        elbo = log_p.mean(0) - kl_divergence(q, Normal(0.0, 1.0)).sum(1)
    assert ((inputs["low"] < elbo) & (elbo < inputs["high"])).all()
    assert (inputs["high"] - inputs["low"] < 2).all()
    assert (inputs["std"][0] * elbo_samples.SAMPLES ** 0.5).tolist() == pytest.approx(log_p.std(0).tolist(), rel=0.1)


def gaussian_rows(values, weights, rows, samples):
    """The docstring of the test `spread`: 2n / (kurtosis - 1), for rows that are means of so many values."""
    mean, std = moments(values, weights)
    excess = (weights @ ((values - mean) / std) ** 4 - 3) / samples
    return 2 * rows / (excess + 2)


@pytest.mark.parametrize("name, rows, samples, least", [
    ("x", elbo_samples.ROWS, elbo_samples.SAMPLES, 250), ("x_aside", elbo_samples.ASIDE, 1, 850),
    ("x_aside", elbo_samples.ASIDE, 2, 850)])
def test_rows_of_the_elbo_say_enough_about_their_spread(name, rows, samples, least):
    for seed in range(5):
        inputs = elbo_samples.build(Draw(seed), False)[0]
        model, x = VaryingVAE(*(inputs[part].double() for part in ("A", "W", "b", "L"))), inputs[name].double()
        points, weights = nodes(2)
        with torch.no_grad():
            mu, logvar = model.encode(x)
            z = mu + (logvar / 2).exp() * points[:, None]
            logits = model.decode(z.flatten(0, 1)).view(len(points), len(x), 784)
        log_p = (logits * x.flatten(1) - torch.nn.functional.softplus(logits)).sum(-1)
        ratio = (z.square() - points[:, None].square() - logvar).sum(-1) / 2
        for values in (log_p, log_p - ratio):
            assert (gaussian_rows(values, weights, rows, samples) >= least).all()


@pytest.mark.parametrize("name, samples, least, n", [("", monte_carlo_kl.SAMPLES, 1350, 30), ("_two", 2, 1350, 8)])
def test_rows_of_the_kl_say_enough_about_their_spread(name, samples, least, n):
    for seed in range(5):
        inputs = monte_carlo_kl.build(Draw(seed), False)[0]
        mu, logvar = inputs[f"mu{name}"].double(), inputs[f"logvar{name}"].double()
        points, weights = nodes(mu.shape[1], n)
        z = mu + (logvar / 2).exp() * points[:, None]
        ratio = (z.square() - points[:, None].square() - logvar).sum(-1) / 2
        exact = (mu.square() + logvar.exp() - 1 - logvar).sum(1) / 2
        assert (weights @ ratio).tolist() == pytest.approx(exact.tolist())
        assert (gaussian_rows(ratio, weights, monte_carlo_kl.ROWS, samples) >= least).all()


@pytest.mark.parametrize("factor, rows", [(1.4, 250), (1.2, 850), (1.15, 1350)])
def test_a_spread_beyond_the_factor_is_as_unlikely_as_stated(factor, rows):
    """Chernoff's bound of a chi-square tail."""
    for ratio in (factor ** 2, factor ** -2):
        assert math.exp(-rows / 2 * (ratio - 1 - math.log(ratio))) < 2e-10


def test_rows_that_share_their_noise_are_related_whatever_their_distribution():
    def related(values, kinds):
        case = Case({"like": torch.zeros(kinds)}, {}, {"a": values}, {"a": {"state": "ok"}}, [])
        return not TESTS["unrelated"](case, of="a", like="like").ok

    noise = torch.randn(2000, generator=torch.Generator().manual_seed(0), dtype=torch.float64).exp()
    assert not related(noise, 1) and not related(noise, 2) and not related(torch.ones(10), 1)
    assert related(noise.repeat_interleave(2), 1) and related(torch.cat([noise, noise]), 2)
    assert related(torch.stack([noise.view(-1, 2)] * 2, dim=1).flatten(), 2)


def test_the_importance_weighted_bound_is_the_log_of_the_mean_weight():
    log_w = torch.randn(7, 3, dtype=torch.float64)
    assert torch.allclose(iwae_bound.iwae_bound(log_w), log_w.exp().mean(0).log())
    assert torch.allclose(iwae_bound.iwae_bound(log_w - 5000), log_w.exp().mean(0).log() - 5000)


@pytest.mark.parametrize("losses, patience, expected", [
    ([5, 3, 4, 3, 2], 2, (4, 2)), ([1], 1, (1, 1)), ([3, 2, 1], 1, (3, 3)), ([1, 2, 3, 4], 3, (4, 1)),
    ([1, 2, 3, 4], 5, (4, 1)), ([2, 2, 2, 2], 2, (3, 1)), ([4, 5, 3, 5, 2, 5, 5, 1], 2, (7, 5)),
])
def test_early_stopping_counts_from_one_and_takes_the_first_of_equals(losses, patience, expected):
    assert early_stopping.early_stopping(losses, patience) == expected


@pytest.mark.parametrize("shape", early_stopping.SHAPES)
def test_courses_of_losses_stop_where_their_shape_says(shape):
    patience, before_the_end = early_stopping.SHAPES[shape]
    for seed in range(100):
        losses = early_stopping._losses(Draw(seed), shape, *early_stopping.SCALES[seed % 4])
        stop, best = early_stopping.early_stopping(losses, patience)
        assert (stop < len(losses)) is (before_the_end is True)
        assert (stop - best >= patience) is (before_the_end is not False)


def test_a_completed_picture_keeps_what_was_observed_and_depends_on_nothing_hidden():
    inputs = complete.build(Draw(5), False)[0]
    model = SmallVAE(*(inputs[f"{name}_vae"] for name in ("A", "W", "b")))
    x, mask = inputs["x_vae5"], inputs["mask_vae5"]
    filled = complete.complete(model, x, mask)
    assert torch.equal(filled[mask == 1], x[mask == 1])
    assert torch.equal(filled, complete.complete(model, torch.where(mask == 1, x, torch.rand_like(x)), mask))


def test_active_units_do_not_depend_on_the_definition_of_the_variance():
    for seed in range(20):
        inputs, steps, _ = active_units.build(Draw(seed), False)
        for step in steps:
            if step["as"] == "again":
                continue
            codes = inputs[step["args"][0][1:]]
            used = int(step["as"].removeprefix("used").partition("of")[0])
            assert active_units.active_units(codes) == used == int((codes.var(0, unbiased=False) > 0.01).sum())
