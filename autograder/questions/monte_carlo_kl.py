"""monte_carlo_kl: KL(q(z given x) to N(0, I)) as an average over draws from q."""

import torch
from torch.distributions import Normal

from autograder.questions.definition import Criterion, Question
from autograder.questions.sampling import bounds, moments, nodes

KINDS, LATENT, SAMPLES, ROWS = 2, 3, 20, 1500


def monte_carlo_kl(mu, logvar, n_samples):
    """(N, Z), (N, Z), J -> (N,) nats: the mean over J draws z ~ q of log q(z given x) - log p(z)."""
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = q.sample((n_samples,))
    return (q.log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(-1).mean(0)


def build(draw, given):
    """3,000 estimates from 20 draws with three latents, and twice 6,000 from single draws with one latent.

    The estimates are judged by their mean and spread, the single draws by their whole distribution. False rejects:
    2e-10 for the means, 2e-8 for the distribution and its independence (see utils/check/tests.py).
    """
    # signs agree within a row and sizes are alike: noise that latents share cannot cancel out
    sign = torch.tensor([[1.0], [-1.0]])
    mu, logvar = (sign * draw.signed(KINDS, LATENT, low=0.8, high=1.5).abs() for _ in range(2))
    inputs = {"mu": mu, "logvar": logvar, "mu_one": draw.signed(KINDS, 1),
              "logvar_one": draw.signed(KINDS, 1)}
    low, high, std = _expected(inputs["mu"], inputs["logvar"], ROWS, SAMPLES)
    low_one, high_one, _ = _expected(inputs["mu_one"], inputs["logvar_one"], 2 * ROWS, 1)
    inputs |= {"low": low, "high": high, "std": std, "low_one": low_one, "high_one": high_one}
    steps = [{"as": "means", "call": "monte_carlo_kl", "args": [f"$mu*{ROWS}", f"$logvar*{ROWS}", SAMPLES]}]
    steps += [{"as": name, "call": "monte_carlo_kl", "args": [f"$mu_one*{2 * ROWS}", f"$logvar_one*{2 * ROWS}", 1]}
              for name in ("draws", "again")]
    steps[-1]["right_after"] = "draws"
    tests = [{"test": "clean", "criterion": "interface"}]
    for n, z, samples in ((1, 1, 1), (2, 3, 4), (5, 3, 2), (1, 3, 5)):
        name = f"n{n}z{z}"
        inputs |= {f"mu_{name}": draw.signed(n, z), f"logvar_{name}": draw.signed(n, z)}
        steps.append({"as": name, "call": "monte_carlo_kl", "args": [f"$mu_{name}", f"$logvar_{name}", samples]})
        tests.append({"test": "returns", "criterion": "interface", "of": name, "shape": [n]})
    steps.append({"as": "elsewhere", "call": "monte_carlo_kl", "args": ["$mu_n2z3", "$logvar_n2z3", 4],
                  "elsewhere": True})
    ratio = {"mean": 0.0, "std": 1.0, "latent": {"log_ratio": ["mu_one", "logvar_one"]}, "kinds": KINDS}
    tests += [{"test": "average", "criterion": "estimate", "of": "means", "low": "low", "high": "high", "tolerance": 0.15},
              {"test": "spread", "criterion": "samples", "of": "means", "std": "std", "tolerance": 0.15},
              {"test": "average", "criterion": "estimate", "of": "draws", "low": "low_one", "high": "high_one",
               "tolerance": 0.2},
              {"test": "fresh", "criterion": "samples", "of": "draws", "other": "again", **ratio},
              {"test": "gaussian", "criterion": "estimate", "of": "draws", "tolerance": 0.3, **ratio,
               "say": "Single draws do not spread as log q(z given x) - log p(z) does for z ~ q."},
              {"test": "independent", "criterion": "samples", "of": "draws", **ratio},
              {"test": "follows_device", "criterion": "interface", "of": "elsewhere"}]
    return inputs, steps, tests


def _expected(mu, logvar, rows, samples):
    """Bounds (K,) of the mean over rows and samples, and the standard deviation (1, K) of one row."""
    eps, weights = nodes(mu.shape[1])
    mu, logvar = mu.double(), logvar.double()
    z = mu + (logvar / 2).exp() * eps[:, None]
    ratio = (z.square() - eps[:, None].square() - logvar).sum(-1) / 2
    low, high = bounds(ratio, weights, rows * samples)
    return low, high, moments(ratio, weights)[1][None] / samples ** 0.5


question = Question(
    name="monte_carlo_kl", task="task3_experiments", answers=("monte_carlo_kl",), build=build,
    checked="mean and spread of 3,000 estimates from 20 draws, the distribution of 6,000 single draws",
    criteria=(Criterion("interface", "one number for each image, device, inputs left alone", 0.5),
              Criterion("estimate", "averages log q(z given x) - log p(z) with z ~ q", 1.0, core=True),
              Criterion("samples", "n_samples fresh draws for each image and latent", 0.5)))


right = monte_carlo_kl


def _draw(mu, logvar, n_samples):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    return q, q.sample((n_samples,))


def _log_p(z):
    return Normal(0.0, 1.0).log_prob(z)


@question.misconception("The sign is wrong: a KL divergence averages log q(z given x) - log p(z), not its negative.")
def sign(mu, logvar, n_samples):
    return -right(mu, logvar, n_samples)


@question.misconception("z comes from the prior: draw it from q, only then is the average KL(q, p).")
def from_prior(mu, logvar, n_samples):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = torch.randn(n_samples, *mu.shape, device=mu.device)
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.also("from_prior")
def reversed_kl(mu, logvar, n_samples):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = torch.randn(n_samples, *mu.shape, device=mu.device)
    return (_log_p(z) - q.log_prob(z)).sum(-1).mean(0)


@question.misconception("exp(logvar) is the variance: a Gaussian is scaled by the standard deviation.")
def variance_for_std(mu, logvar, n_samples):
    q = Normal(mu, logvar.exp(), validate_args=False)
    z = q.sample((n_samples,))
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.also("variance_for_std")
def variance_in_the_draw_only(mu, logvar, n_samples):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = mu + logvar.exp() * torch.randn(n_samples, *mu.shape, device=mu.device)
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.also("variance_for_std")
def variance_in_the_density_only(mu, logvar, n_samples):
    z = _draw(mu, logvar, n_samples)[1]
    return (Normal(mu, logvar.exp(), validate_args=False).log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.misconception("This is the closed form, without draws: average log q(z given x) - log p(z) over z ~ q.")
def closed_form(mu, logvar, n_samples):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)


@question.misconception("log p(z) is missing: the KL compares q with the prior.")
def no_prior(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return q.log_prob(z).sum(-1).mean(0)


@question.misconception("log q(z given x) is missing: the KL compares the prior with q.")
def no_posterior(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return -_log_p(z).sum(-1).mean(0)


@question.misconception("The two log-densities are added: the KL is their difference.")
def added(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z) + _log_p(z)).sum(-1).mean(0)


@question.misconception("These are densities, not their logarithms: the KL averages log q(z given x) - log p(z).")
def densities(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z).exp() - _log_p(z).exp()).sum(-1).mean(0)


@question.also("densities")
def densities_of_all_latents(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z).sum(-1).exp() - _log_p(z).sum(-1).exp()).mean(0)


@question.misconception("The draws are weighted with q(z) once more: they come from q already, so a plain mean is right.")
def weighted_again(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z).exp() * (q.log_prob(z) - _log_p(z))).sum(-1).mean(0)


@question.misconception("Average over the draws, do not sum them.")
def sum_over_draws(mu, logvar, n_samples):
    return n_samples * right(mu, logvar, n_samples)


@question.misconception("Sum over the latents, do not average them: log-densities of independent latents add up.")
def mean_over_latents(mu, logvar, n_samples):
    return right(mu, logvar, n_samples) / mu.shape[1]


@question.misconception("The sum over the latents is missing: return one number for each image.")
def no_sum(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z) - _log_p(z)).mean(0)


@question.misconception("One number for the whole batch: return one for each image.")
def scalar(mu, logvar, n_samples):
    return right(mu, logvar, n_samples).mean()


@question.misconception("The average over the draws is missing: return one number for each image, (N,).")
def no_mean(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z) - _log_p(z)).sum(-1)


@question.misconception("n_samples is not used: the estimate varies as much as one from a single draw.",
                        random=True)
def one_sample(mu, logvar, n_samples):
    return right(mu, logvar, 1)


@question.also("one_sample")
def one_draw_repeated(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, 1)
    z = z.expand(n_samples, *mu.shape)
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.misconception("All images share their noise: draw it for each image and each latent.", random=True)
def one_noise_for_batch(mu, logvar, n_samples):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = mu + (0.5 * logvar).exp() * torch.randn(n_samples, 1, mu.shape[1], device=mu.device)
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.misconception("All latents share their noise: draw it for each image and each latent.")
def one_noise_for_latents(mu, logvar, n_samples):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = mu + (0.5 * logvar).exp() * torch.randn(n_samples, len(mu), 1, device=mu.device)
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.misconception("z is the mean, without noise: draw it from q.")
def no_noise(mu, logvar, n_samples):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    return (q.log_prob(mu) - _log_p(mu)).sum(-1)


@question.misconception("rand is uniform on [0, 1): Gaussian noise comes from randn.")
def uniform(mu, logvar, n_samples):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = mu + (0.5 * logvar).exp() * torch.rand(n_samples, *mu.shape, device=mu.device)
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.misconception("log q lacks its normalisation, - log sigma: a narrow density is also a high one.")
def no_log_sigma(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z) + 0.5 * logvar - _log_p(z)).sum(-1).mean(0)


@question.misconception("Do not seed the random generator inside: every call draws the same noise.")
def seeded(mu, logvar, n_samples):
    torch.manual_seed(0)
    return right(mu, logvar, n_samples)


_kept = {}


@question.misconception("The noise is drawn once and kept: draw it anew in each call.")
def kept_noise(mu, logvar, n_samples):
    shape = (n_samples, *mu.shape)
    if shape not in _kept:
        _kept[shape] = torch.randn(shape)
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = mu + (0.5 * logvar).exp() * _kept[shape].to(mu.device)
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.misconception("The absolute value changes the mean: log q(z given x) - log p(z) may be negative for a draw.")
def absolute(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z) - _log_p(z)).sum(-1).abs().mean(0)


@question.misconception("The sum over the draws is divided by n_samples - 1: a mean divides by n_samples.")
def one_too_few(mu, logvar, n_samples):
    return right(mu, logvar, n_samples) * n_samples / max(n_samples - 1, 1)


@question.misconception("The noise is made on the CPU whatever the device of mu: make it where mu lives.")
def cpu_noise(mu, logvar, n_samples):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = mu + (0.5 * logvar).exp() * torch.randn(n_samples, *mu.shape)
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.misconception("The images are averaged, too: average over the draws only, one number for each image.",
                        random=True)
def mean_over_images(mu, logvar, n_samples):
    return right(mu, logvar, n_samples).mean().expand(len(mu))
