"""monte_carlo_kl: KL(q(z given x) to N(0, I)) as an average over draws from q."""

import torch
from torch.distributions import Normal

from autograder.questions.definition import Criterion, Question
from autograder.questions.sampling import bounds, moments, nodes

KINDS, LATENT, SAMPLES, ROWS = 2, 3, 20, 1500
MORE_LATENTS = 5
ALONE = 1000        # draws for one image


def monte_carlo_kl(mu, logvar, n_samples):
    """(N, Z), (N, Z), J -> (N,) nats: the mean over J draws z ~ q of log q(z given x) - log p(z)."""
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = q.sample((n_samples,))
    return (q.log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(-1).mean(0)


def build(draw, given):
    """3,000 estimates from 20 draws with three latents, 3,000 from two with five, twice 6,000 from single draws with one.

    The estimates are judged by their mean, spread and independence, the single draws by their whole distribution, one
    image alone by the mean of 1,000 draws. False rejects: 3e-10 for the means, 2e-9 for spread and independence, 2e-8
    for the distribution (see utils/check/tests.py).
    """
    # signs agree within a row and sizes are alike: noise that latents share cannot cancel out
    sign = torch.tensor([[1.0], [-1.0]])
    mu, logvar = (sign * draw.signed(KINDS, LATENT, low=0.8, high=1.5).abs() for _ in range(2))
    inputs = {"mu": mu, "logvar": logvar, "mu_one": draw.signed(KINDS, 1),
              "logvar_one": draw.signed(KINDS, 1)}
    low, high, std = _expected(inputs["mu"], inputs["logvar"], ROWS, SAMPLES)
    low_one, high_one, _ = _expected(inputs["mu_one"], inputs["logvar_one"], 2 * ROWS, 1)
    inputs |= {"low": low, "high": high, "std": std, "low_one": low_one, "high_one": high_one}
    # the noise shows in the estimate itself, hardly in its square: draws in pairs of opposite noise cancel out
    inputs["mu_two"] = sign * draw.signed(KINDS, MORE_LATENTS, low=1.1, high=1.6).abs()
    inputs["logvar_two"] = draw.signed(KINDS, MORE_LATENTS, low=0.1, high=0.3)
    low_two, high_two, std_two = _expected(inputs["mu_two"], inputs["logvar_two"], ROWS, 2)
    inputs |= {"low_two": low_two, "high_two": high_two, "std_two": std_two}
    steps = [{"as": "means", "call": "monte_carlo_kl", "args": [f"$mu*{ROWS}", f"$logvar*{ROWS}", SAMPLES]}]
    steps.append({"as": "pairs", "call": "monte_carlo_kl", "args": [f"$mu_two*{ROWS}", f"$logvar_two*{ROWS}", 2]})
    steps += [{"as": name, "call": "monte_carlo_kl", "args": [f"$mu_one*{2 * ROWS}", f"$logvar_one*{2 * ROWS}", 1]}
              for name in ("draws", "again")]
    steps[-1]["right_after"] = "draws"
    tests = [{"test": "clean", "criterion": "interface"}]
    for n, z, samples in ((1, 1, 1), (2, 3, 4), (5, 3, 2)):
        name = f"n{n}z{z}"
        inputs |= {f"mu_{name}": draw.signed(n, z), f"logvar_{name}": draw.signed(n, z)}
        steps.append({"as": name, "call": "monte_carlo_kl", "args": [f"$mu_{name}", f"$logvar_{name}", samples]})
        tests.append({"test": "returns", "criterion": "interface", "of": name, "shape": [n]})
    # many draws for one image: what is right for a batch may be wrong for it
    inputs |= {"mu_alone": draw.signed(1, LATENT), "logvar_alone": draw.signed(1, LATENT)}
    low_alone, high_alone, _ = _expected(inputs["mu_alone"], inputs["logvar_alone"], 1, ALONE)
    steps.append({"as": "alone", "call": "monte_carlo_kl", "args": ["$mu_alone", "$logvar_alone", ALONE]})
    tests.append({"test": "returns", "criterion": "interface", "of": "alone", "shape": [1]})
    steps.append({"as": "elsewhere", "call": "monte_carlo_kl", "args": ["$mu_n2z3", "$logvar_n2z3", 4],
                  "elsewhere": True})
    ratio = {"mean": 0.0, "std": 1.0, "latent": {"log_ratio": ["mu_one", "logvar_one"]}, "kinds": KINDS}
    tests += [{"test": "average", "criterion": "estimate", "of": "means", "low": "low", "high": "high", "tolerance": 0.15},
              {"test": "average", "criterion": "estimate", "of": "pairs", "low": "low_two", "high": "high_two",
               "tolerance": 0.15},
              {"test": "spread", "criterion": "samples", "of": "means", "std": "std", "factor": 1.15,
               "tolerance": 0.06},
              {"test": "spread", "criterion": "samples", "of": "pairs", "std": "std_two", "factor": 1.2,
               "tolerance": 0.06},
              {"test": "unrelated", "criterion": "samples", "of": "means", "like": "low"},
              {"test": "unrelated", "criterion": "samples", "of": "pairs", "like": "low"},
              {"test": "average", "criterion": "estimate", "of": "draws", "low": "low_one", "high": "high_one",
               "tolerance": 0.2},
              {"test": "fresh", "criterion": "samples", "of": "draws", "other": "again", **ratio},
              {"test": "gaussian", "criterion": "estimate", "of": "draws", "tolerance": 0.3, **ratio,
               "say": "Single draws do not spread as log q(z given x) - log p(z) does for z ~ q."},
              {"test": "independent", "criterion": "samples", "of": "draws", **ratio},
              {"test": "follows_device", "criterion": "interface", "of": "elsewhere"}]
    tests.append({"test": "within", "criterion": "estimate", "of": "alone", "low": low_alone.item(), "high": high_alone.item(),
                  "named": False, "say": "The estimate of a batch that is one image is wrong."})
    return inputs, steps, tests


def _expected(mu, logvar, rows, samples):
    """Bounds (K,) of the mean over rows and samples, and the standard deviation (1, K) of one row."""
    eps, weights = nodes(mu.shape[1], 30 if mu.shape[1] <= LATENT else 8)
    mu, logvar = mu.double(), logvar.double()
    z = mu + (logvar / 2).exp() * eps[:, None]
    ratio = (z.square() - eps[:, None].square() - logvar).sum(-1) / 2
    low, high = bounds(ratio, weights, rows * samples)
    return low, high, moments(ratio, weights)[1][None] / samples ** 0.5


question = Question(
    name="monte_carlo_kl", task="task3_experiments", answers=("monte_carlo_kl",), build=build,
    checked="mean and spread of 3,000 estimates from 20 draws and from two, the distribution of 6,000 single draws",
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


@question.also("closed_form")
def closed_form_exchanged(mu, logvar, n_samples):
    return 0.5 * ((mu.square() + 1) * (-logvar).exp() - 1 + logvar).sum(1)


@question.misconception("log q(z given x) and log p(z) are taken at two different draws: both belong to the same z.",
                        random=True)
def two_draws(mu, logvar, n_samples):
    (q, z), (_, other) = _draw(mu, logvar, n_samples), _draw(mu, logvar, n_samples)
    return (q.log_prob(z) - _log_p(other)).sum(-1).mean(0)


@question.also("two_draws")
def prior_s_own_draw(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z) - _log_p(torch.randn(n_samples, *mu.shape, device=mu.device))).sum(-1).mean(0)


@question.also("two_draws")
def posterior_at_the_prior_s_draw(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(torch.randn(n_samples, *mu.shape, device=mu.device)) - _log_p(z)).sum(-1).mean(0)


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


@question.misconception("Fewer than n_samples draws are made, or some come again: the estimate varies too much.")
def one_draw_less(mu, logvar, n_samples):
    return right(mu, logvar, max(n_samples - 1, 1))


@question.also("one_draw_less")
def half_of_the_draws(mu, logvar, n_samples):
    return right(mu, logvar, max(n_samples // 2, 1))


@question.also("one_draw_less")
def twelve_at_most(mu, logvar, n_samples):
    return right(mu, logvar, min(n_samples, 12))


@question.misconception("More than n_samples draws are made: the estimate varies too little.")
def one_draw_more(mu, logvar, n_samples):
    return right(mu, logvar, n_samples + 1)


def _with_noise(mu, logvar, noise):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = mu + (0.5 * logvar).exp() * noise.to(mu.device)
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.misconception("Draws come in pairs of opposite noise: all n_samples must be independent of each other.",
                        random=True)
def opposite_draws(mu, logvar, n_samples):
    noise = torch.randn((n_samples + 1) // 2, *mu.shape)
    return _with_noise(mu, logvar, torch.cat([noise, -noise])[:n_samples])


@question.misconception("Some images share their noise: every image needs noise of its own.")
def noise_of_the_first_half(mu, logvar, n_samples):
    half = torch.randn(n_samples, (len(mu) + 1) // 2, mu.shape[1])
    return _with_noise(mu, logvar, torch.cat([half, half], dim=1)[:, :len(mu)])


@question.also("noise_of_the_first_half")
def noise_of_the_neighbour(mu, logvar, n_samples):
    half = torch.randn(n_samples, (len(mu) + 1) // 2, mu.shape[1])
    return _with_noise(mu, logvar, half.repeat_interleave(2, dim=1)[:, :len(mu)])


@question.misconception("Only the first latents count here: sum over all of them, however many there are.")
def three_latents(mu, logvar, n_samples):
    return right(mu[:, :3], logvar[:, :3], n_samples)


@question.misconception("log q(z given x) - log p(z) is cut off at 0: it may be negative for a draw, though not on average.",
                        random=True)
def clipped(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z) - _log_p(z)).sum(-1).clamp(min=0).mean(0)


@question.misconception("The median of the draws is no mean: extreme draws count in full.", random=True)
def median(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z) - _log_p(z)).sum(-1).quantile(0.5, dim=0)


@question.also("median")
def lower_median(mu, logvar, n_samples):
    q, z = _draw(mu, logvar, n_samples)
    return (q.log_prob(z) - _log_p(z)).sum(-1).median(0).values


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


@question.misconception("A new tensor (noise, the prior, a sum) is made on the CPU whatever the device of mu: make it where mu "
                        "lives.")
def cpu_noise(mu, logvar, n_samples):
    q = Normal(mu, (0.5 * logvar).exp(), validate_args=False)
    z = mu + (0.5 * logvar).exp() * torch.randn(n_samples, *mu.shape)
    return (q.log_prob(z) - _log_p(z)).sum(-1).mean(0)


@question.misconception("The images are averaged, too: average over the draws only, one number for each image.",
                        random=True)
def mean_over_images(mu, logvar, n_samples):
    return right(mu, logvar, n_samples).mean().expand(len(mu))
