"""elbo_samples: the ELBO of each image from J draws of z."""

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal

from autograder.questions.definition import Criterion, Question
from autograder.questions.monte_carlo_kl import monte_carlo_kl
from autograder.questions.sampling import bounds, moments, nodes
from utils.check.models import VaryingVAE, bend

KINDS, LATENT, SAMPLES, ROWS, ASIDE, ALONE, SEVERAL = 2, 2, 5, 600, 1300, 300, 8
# For the KL: the latents, the rows of each image, the draws of each row.
MORE_LATENTS, KL_ROWS, KL_SAMPLES = 4, 200, 10


def elbo(model, x, n_samples):
    """(N, 1, 28, 28), J -> (N,) nats: the mean over J draws z ~ q of log p(x given z), minus KL(q to N(0, I)).

    Kingma and Welling 2014, equations 3 and 8.
    """
    mu, logvar = model.encode(x)
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)
    log_p = 0
    for _ in range(n_samples):
        logits = model.decode(mu + (0.5 * logvar).exp() * torch.randn_like(mu))
        log_p = log_p - F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    return log_p / n_samples - kl


def build(draw, given):
    """1,200 ELBOs of two images, from five draws each; 1,300 of a third from one draw and from two, and one and eight
    from 300; 600 of three images from ten draws each, of a model whose ELBO is nearly its KL.

    Three ways are right: the KL in closed form, the mean of log p(x, z) - log q(z given x) over the same draws, and
    `monte_carlo_kl` with draws of its own. They agree on average and differ in how much they vary, but for the third
    image, whose KL is nearly 0: it shows how many draws there are. False rejects: 2e-9 for the means, 2e-9 for spread
    and independence.
    """
    inputs = _model(draw)
    low, high, std = _expected(inputs, inputs["x"], ROWS * SAMPLES)
    inputs |= {"low": low, "high": high, "std": std / SAMPLES ** 0.5}
    low, high, std = _expected(inputs, inputs["x_aside"], ASIDE * 2)
    inputs |= {"low_two": low, "high_two": high, "std_one": std, "std_two": std / 2 ** 0.5}
    steps = [{"as": "model", "given": "VaryingVAE", "tensors": ["A", "W", "b", "L"]}]
    steps.append({"as": "draws", "call": "elbo", "args": ["$model", f"$x*{ROWS}", SAMPLES], "after": ["model"]})
    costs = _costs(draw)
    low, high, _ = _expected(costs, costs["x"], KL_ROWS * KL_SAMPLES)
    inputs |= {f"{name}_kl": value for name, value in costs.items()} | {"low_kl": low, "high_kl": high}
    steps.append({"as": "costs", "given": "VaryingVAE", "tensors": [f"{name}_kl" for name in "AWbL"]})
    steps.append({"as": "kl", "call": "elbo", "args": ["$costs", f"$x_kl*{KL_ROWS}", KL_SAMPLES], "after": ["costs"]})
    steps += [{"as": name, "call": "elbo", "args": ["$model", f"$x_aside*{ASIDE}", samples], "after": ["model"]}
              for name, samples in (("one", 1), ("two", 2))]
    tests = [{"test": "clean", "criterion": "interface"}]
    for n, samples in ((1, 1), (2, 3), (5, 2)):
        name = f"n{n}"
        inputs[f"x_{name}"] = draw.images(n)
        steps.append({"as": name, "call": "elbo", "args": ["$model", f"$x_{name}", samples], "after": ["model"]})
        tests.append({"test": "returns", "criterion": "interface", "of": name, "shape": [n]})
    steps.append({**steps[-1], "as": "again", "right_after": name})
    # many draws for one image: what is right for a batch may be wrong for it
    low_alone, high_alone, _ = _expected(inputs, inputs["x_aside"], ALONE)
    steps += [{"as": name, "call": "elbo", "args": ["$model", f"$x_aside{times}", ALONE], "after": ["model"]}
              for name, times in (("alone", ""), ("several", f"*{SEVERAL}"))]
    for step in steps:
        step |= {"grey": True} if "call" in step else {}      # the notebook's pixels are black or white
    tests += [{"test": "average", "criterion": "value", "of": "kl", "low": "low_kl", "high": "high_kl",
               "tolerance": 0.1, "varies": False},      # next to no noise is next to none at all
              {"test": "average", "criterion": "value", "of": "draws", "low": "low", "high": "high", "tolerance": 0.15},
              {"test": "average", "criterion": "value", "of": "two", "low": "low_two", "high": "high_two",
               "named": False},     # its values vary too much to know a mistake by
              {"test": "spread", "criterion": "samples", "of": "draws", "std": "std", "tolerance": 0.1},
              *({"test": "spread", "criterion": "samples", "of": name, "std": f"std_{name}", "factor": 1.2,
                 "tolerance": 0.1} for name in ("one", "two")),
              {"test": "unrelated", "criterion": "samples", "of": "draws", "like": "low"},
              {"test": "unrelated", "criterion": "samples", "of": "one", "like": "low_two"},
              {"test": "unrelated", "criterion": "samples", "of": "two", "like": "low_two"},
              {"test": "differs", "criterion": "samples", "of": "n5", "other": "again", "atol": 0.0,
               "say": "Two calls gave the same ELBO: draw the noise anew in each call."}]
    tests += [{"test": "within", "criterion": criterion, "of": name, "low": low_alone.item(), "high": high_alone.item(),
               "named": False, "say": say} for name, criterion, say in (
                   ("several", "samples", f"With n_samples = {ALONE} your values vary more than the mean of so many draws."),
                   ("alone", "value", "The ELBO of a batch that is one image is wrong."))]
    return inputs, steps, tests


def _model(draw):
    """The weights of a VaryingVAE, and images `x` that it reconstructs: log p(x given z) is largest at their means.

    So it varies by a few nats only, and both the KL, which is small for one image and large for the other, and the
    noise show in its mean. The latents move the same pixels: noise that they share shows as well. The image `x_aside`
    is not what its code decodes to: log p(x given z) rises along a line, and noise of opposite signs cancels out.
    """
    near, far = draw.signed(1, LATENT, low=0.8, high=1.0), draw.signed(1, LATENT, low=2.2, high=2.5)
    z, b = torch.cat([near, far, torch.full((1, LATENT), 2.5)]), draw.normal(784) / 4
    mu = torch.cat([near, far, draw.signed(1, LATENT, low=0.03, high=0.06)])
    logvar = torch.stack([draw.uniform(LATENT, low=0.5, high=0.6), -draw.uniform(LATENT, low=1.2, high=1.4),
                          draw.signed(LATENT, low=0.03, high=0.06)])
    logvar[:2, draw.integer(0, 1)] *= 1.8       # latents differ
    first, second = draw.normal(2, 784) / 26
    W = torch.stack([first, 0.8 * first + 0.6 * second])
    x = torch.sigmoid(bend(z @ W + b))
    A, L = (torch.linalg.pinv(x) @ torch.atanh(part / 3) for part in (mu, logvar))
    x = x.reshape(-1, 1, 28, 28)
    return {"A": A, "W": W, "b": b, "L": L, "x": x[:KINDS], "x_aside": x[KINDS:]}


def _costs(draw):
    """The weights of a VaryingVAE whose pixels hardly depend on z, and three images: the KL shows in their ELBOs.

    The first has next to none in any latent, the second a large variance, and in the third each latent costs 2 nats or
    more. So what bounds the KL, leaves latents out, or takes another power of the variance is off by 3 bands or more.
    """
    mu = torch.cat([draw.signed(1, MORE_LATENTS, low=0.05, high=0.15), draw.signed(1, MORE_LATENTS, low=0.6, high=1.2),
                    draw.signed(1, MORE_LATENTS, low=1.6, high=2.4)])
    logvar = torch.cat([draw.signed(1, MORE_LATENTS, low=0.05, high=0.15), draw.uniform(1, MORE_LATENTS, low=1, high=2),
                        -draw.uniform(1, MORE_LATENTS, low=2.2, high=2.8)])
    x, W = draw.images(3), torch.zeros(MORE_LATENTS, 784)
    W[draw.integer(0, MORE_LATENTS - 1)] = draw.normal(784) / 100
    A, L = (torch.linalg.pinv(x.flatten(1)) @ torch.atanh(part / 3) for part in (mu, logvar))
    return {"A": A, "W": W, "b": draw.normal(784) / 4, "L": L, "x": x}


def _expected(inputs, x, draws):
    """Bounds (K,) of the mean over so many draws, and the standard deviation (3, K) of one draw of each right way."""
    model = VaryingVAE(*(inputs[name].double() for name in ("A", "W", "b", "L")))
    x = x.double()
    eps, weights = nodes(model.latent_dim, 30 if model.latent_dim <= LATENT else 8)
    # where a latent moves no pixel, one picture serves many nodes
    moves = model.W.abs().sum(1) > 0
    few, node = torch.unique(eps * moves, dim=0, return_inverse=True)
    with torch.no_grad():
        mu, logvar = model.encode(x)
        std = (logvar / 2).exp()
        z = mu + std * eps[:, None]
        log_p = torch.stack([_log_p(model.decode(mu[i] + std[i] * few), image)[node] for i, image in enumerate(x)], dim=1)
    ratio = (z.square() - eps[:, None].square() - logvar).sum(-1) / 2
    parts = [bounds(part, weights, draws) for part in (log_p, ratio, log_p - ratio)]
    low = torch.minimum(parts[0][0] - parts[1][1], parts[2][0])
    high = torch.maximum(parts[0][1] - parts[1][0], parts[2][1])
    ways = [moments(part, weights)[1] for part in (log_p, ratio, log_p - ratio)]
    return low, high, torch.stack([ways[0], ways[2], (ways[0].square() + ways[1].square()).sqrt()])


question = Question(
    name="elbo_samples", task="task3_experiments", answers=("elbo",), build=build, calls=("monte_carlo_kl",),
    library=True,
    checked="mean and spread of 1,200 ELBOs from five draws each, of 1,300 from one and two, fresh in each call",
    criteria=(Criterion("interface", "one number for each image, inputs left alone", 0.5),
              Criterion("value", "log p(x given z) on average over z ~ q, minus the KL", 1.0, core=True),
              Criterion("samples", "n_samples fresh draws for each image", 0.5)))


right = elbo


def _kl(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)


def _log_p(logits, x):
    return Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1)


def _elbo(model, x, n_samples, log_p=_log_p, kl=_kl, z=None, combine=lambda values: values.mean(0)):
    """The ELBO with one part exchanged."""
    mu, logvar = model.encode(x)
    draw = z or (lambda mu, std: mu + std * torch.randn_like(mu))
    values = torch.stack([log_p(model.decode(draw(mu, (0.5 * logvar).exp())), x) for _ in range(n_samples)])
    return combine(values) - kl(mu, logvar)


def _joint(model, x, n_samples, prior=1, posterior=1):
    """The mean of log p(x given z) + prior * log p(z) - posterior * log q(z given x)."""
    mu, logvar = model.encode(x)
    q = Normal(mu, (0.5 * logvar).exp())
    total = 0
    for _ in range(n_samples):
        z = q.sample()
        log_prior = Normal(0.0, 1.0).log_prob(z).sum(1)
        total = total + _log_p(model.decode(z), x) + prior * log_prior - posterior * q.log_prob(z).sum(1)
    return total / n_samples


@question.misconception("The sign is wrong: the ELBO is a lower bound of log p(x), to be maximised; costs are subtracted.")
def negative(model, x, n_samples):
    return -right(model, x, n_samples)


@question.misconception("The KL is added: it is a cost, so the ELBO subtracts it.")
def kl_added(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: -_kl(mu, logvar))


@question.misconception("The KL is missing: this is only how well z explains the pixels.")
def no_kl(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: 0)


@question.also("negative")
def cost_for_log_p(model, x, n_samples):
    return _elbo(model, x, n_samples, log_p=lambda logits, x: -_log_p(logits, x))


def _batch(logits, x):
    """log p of all images together."""
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="sum")


@question.misconception("log p(x given z) is one number for the whole batch: sum over the pixels of each image alone.",
                        random=True)
def one_log_p_for_batch(model, x, n_samples):
    return _elbo(model, x, n_samples, log_p=_batch)


@question.also("one_log_p_for_batch")
def mean_log_p_of_batch(model, x, n_samples):
    return _elbo(model, x, n_samples, log_p=lambda logits, x: _batch(logits, x) / len(x))


@question.misconception("The cross-entropy is averaged over pixels and images, as it is by default: keep the images "
                        "apart and sum over the pixels of each.")
def mean_over_batch_and_pixels(model, x, n_samples):
    return _elbo(model, x, n_samples, log_p=lambda logits, x: _batch(logits, x) / x.numel())


@question.misconception("The pixels are averaged: log p(x given z) is their sum.")
def mean_over_pixels(model, x, n_samples):
    return _elbo(model, x, n_samples, log_p=lambda logits, x: _log_p(logits, x) / 784)


@question.misconception("Average over the draws, do not sum them.")
def sum_over_draws(model, x, n_samples):
    return _elbo(model, x, n_samples, combine=lambda values: values.sum(0))


@question.also("sum_over_draws")
def sum_of_elbos(model, x, n_samples):
    return n_samples * right(model, x, n_samples)


@question.misconception("This averages the likelihoods, which is another bound: the ELBO averages their logarithms.")
def logsumexp(model, x, n_samples):
    return _elbo(model, x, n_samples,
                 combine=lambda values: values.logsumexp(0) - torch.tensor(float(n_samples)).log())


@question.misconception("The best of the draws is taken: the ELBO averages over all of them.", random=True)
def largest(model, x, n_samples):
    return _elbo(model, x, n_samples, combine=lambda values: values.amax(0))


@question.misconception("z is the mean, without noise: draw it from q(z given x).")
def no_noise(model, x, n_samples):
    return _elbo(model, x, n_samples, z=lambda mu, std: mu)


@question.misconception("z comes from the prior: draw it from q(z given x).")
def from_prior(model, x, n_samples):
    return _elbo(model, x, n_samples, z=lambda mu, std: torch.randn_like(mu))


@question.misconception("exp(logvar) is the variance: the noise is scaled by the standard deviation.")
def variance_for_std(model, x, n_samples):
    return _elbo(model, x, n_samples, z=lambda mu, std: mu + std ** 2 * torch.randn_like(mu))


@question.misconception("rand is uniform on [0, 1): Gaussian noise comes from randn.")
def uniform(model, x, n_samples):
    return _elbo(model, x, n_samples, z=lambda mu, std: mu + std * torch.rand_like(mu))


@question.misconception("Fewer than n_samples draws are averaged, or some come again: the ELBO varies too much.")
def one_sample(model, x, n_samples):
    return right(model, x, 1)


@question.also("one_sample")
def one_draw_repeated(model, x, n_samples):
    return _elbo(model, x, 1, combine=lambda values: values.expand(n_samples, -1).mean(0))


@question.also("one_sample")
def one_draw_less(model, x, n_samples):
    return right(model, x, max(n_samples - 1, 1))


@question.also("one_sample")
def half_of_the_draws(model, x, n_samples):
    return right(model, x, max(n_samples // 2, 1))


@question.misconception("More than n_samples draws are made: the ELBO varies too little.", random=True)
def one_draw_more(model, x, n_samples):
    return right(model, x, n_samples + 1)


def _with_noise(model, x, noise):
    """The ELBO with this noise (J, N, Z)."""
    waiting = iter(noise)
    return _elbo(model, x, len(noise), z=lambda mu, std: mu + std * next(waiting))


@question.misconception("Draws come in pairs of opposite noise: all n_samples must be independent of each other.",
                        random=True)
def opposite_draws(model, x, n_samples):
    noise = torch.randn((n_samples + 1) // 2, len(x), model.latent_dim)
    return _with_noise(model, x, torch.cat([noise, -noise])[:n_samples])


@question.misconception("Some images share their noise: every image needs noise of its own.")
def noise_of_the_first_half(model, x, n_samples):
    half = torch.randn(n_samples, (len(x) + 1) // 2, model.latent_dim)
    return _with_noise(model, x, torch.cat([half, half], dim=1)[:, :len(x)])


@question.misconception("All images share their noise: draw it for each image.", random=True)
def one_noise_for_batch(model, x, n_samples):
    return _elbo(model, x, n_samples, z=lambda mu, std: mu + std * torch.randn(mu.shape[1]))


@question.misconception("All latents share their noise: draw it for each image and each latent.")
def one_noise_for_latents(model, x, n_samples):
    return _elbo(model, x, n_samples, z=lambda mu, std: mu + std * torch.randn(len(mu), 1))


@question.misconception("The draws are averaged before the pixels are judged: judge each draw, then average.")
def mean_of_logits(model, x, n_samples):
    mu, logvar = model.encode(x)
    logits = sum(model.decode(mu + (0.5 * logvar).exp() * torch.randn_like(mu)) for _ in range(n_samples)) / n_samples
    return _log_p(logits, x) - _kl(mu, logvar)


@question.also("mean_of_logits")
def mean_of_probabilities(model, x, n_samples):
    mu, logvar = model.encode(x)
    p = sum(model.decode(mu + (0.5 * logvar).exp() * torch.randn_like(mu)).sigmoid() for _ in range(n_samples))
    return _log_p((p / n_samples).logit(), x) - _kl(mu, logvar)


@question.also("mean_of_logits")
def mean_of_z(model, x, n_samples):
    return _elbo(model, x, 1, z=lambda mu, std: mu + std * torch.randn(n_samples, *mu.shape).mean(0))


@question.misconception("Probabilities are taken for logits: the sigmoid is applied twice.")
def sigmoid_twice(model, x, n_samples):
    return _elbo(model, x, n_samples, log_p=lambda logits, x: _log_p(logits.sigmoid(), x))


@question.misconception("Logits and pixels are exchanged in the cross-entropy.")
def exchanged(model, x, n_samples):
    return _elbo(model, x, n_samples, log_p=lambda logits, x: _log_p(x, logits))


@question.misconception("This is a squared error: the pixels are Bernoulli variables.")
def squared_error(model, x, n_samples):
    return _elbo(model, x, n_samples, log_p=lambda logits, x: -(logits.sigmoid() - x).square().flatten(1).sum(1))


@question.also("squared_error")
def half_squared_error(model, x, n_samples):
    return _elbo(model, x, n_samples, log_p=lambda logits, x: -0.5 * (logits.sigmoid() - x).square().flatten(1).sum(1))


@question.misconception("log p(z) is missing: the joint log-density is log p(x given z) + log p(z).", random=True)
def no_prior(model, x, n_samples):
    return _joint(model, x, n_samples, prior=0)


@question.misconception("The term - log q(z given x) is missing: without it this is no bound of log p(x).")
def no_posterior(model, x, n_samples):
    return _joint(model, x, n_samples, posterior=0)


@question.misconception("log q(z given x) has the wrong sign: it is subtracted.", random=True)
def plus_posterior(model, x, n_samples):
    return _joint(model, x, n_samples, posterior=-1)


@question.misconception("The KL is divided by n_samples: it counts in full, once for each image.")
def kl_divided(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: _kl(mu, logvar) / n_samples)


@question.misconception("The KL is counted once for every draw: it counts once for each image.", random=True)
def kl_multiplied(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: _kl(mu, logvar) * n_samples)


@question.misconception("The KL is averaged over the latents: sum over them.")
def kl_averaged(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: _kl(mu, logvar) / mu.shape[1])


@question.misconception("The KL of all images is summed or averaged: each image pays its own.")
def kl_of_batch(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: _kl(mu, logvar).mean())


@question.also("kl_of_batch")
def kl_summed(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: _kl(mu, logvar).sum())


def _with_kl(model, x, n_samples, terms):
    """The ELBO with half the sum over latents of terms(mu, logvar) for its KL."""
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: 0.5 * terms(mu, logvar).sum(1))


@question.misconception("A term of the closed form of the KL is wrong: compare it with your kl_divergence of Task 1.")
def kl_all_added(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: 1 + logvar + mu.square() + logvar.exp())


@question.also("kl_all_added")
def kl_of_logvar_squared(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + logvar.exp() - 1 + logvar.square())


@question.also("kl_all_added")
def kl_of_logvar_s_size(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + logvar.exp() - 1 + logvar.abs())


@question.misconception("The KL lacks - 1 - logvar: without it a narrow q costs nothing.", random=True)
def kl_without_logvar(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + logvar.exp())


@question.also("kl_without_logvar")
def kl_without_logvar_alone(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + logvar.exp() - 1)


@question.misconception("In the KL the standard deviation stands for the variance, or log sigma for logvar: "
                        "exp(logvar) is the variance.")
def kl_of_std(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + (0.5 * logvar).exp() - 1 - 0.5 * logvar)


@question.also("kl_of_std")
def kl_of_std_but_logvar(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + (0.5 * logvar).exp() - 1 - logvar)


@question.also("kl_of_std")
def kl_of_log_sigma(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + logvar.exp() - 1 - 0.5 * logvar)


@question.misconception("In the KL the variance is squared: exp(logvar) is the variance, not the standard deviation.")
def kl_of_variance_squared(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + (2 * logvar).exp() - 1 - 2 * logvar)


@question.also("kl_of_variance_squared")
def kl_of_variance_squared_but_logvar(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + (2 * logvar).exp() - 1 - logvar)


@question.misconception("The KL lacks the square of mu: a mean far from 0 costs, on either side.")
def kl_without_mu(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: logvar.exp() - 1 - logvar)


@question.also("kl_without_mu")
def kl_of_mu(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu + logvar.exp() - 1 - logvar)


@question.also("kl_without_mu")
def kl_of_mu_s_size(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.abs() + logvar.exp() - 1 - logvar)


@question.misconception("The KL lacks - 1 for each latent: with mu = 0 and logvar = 0 it must be 0.")
def kl_without_one(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + logvar.exp() - logvar)


@question.also("kl_without_one")
def kl_plus_one(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + logvar.exp() + 1 - logvar)


@question.also("kl_without_one")
def kl_with_one_for_all_latents(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: 0.5 * ((mu.square() + logvar.exp() - logvar).sum(1) - 1))


@question.misconception("The KL lacks exp(logvar), the variance: a wide q costs as well.")
def kl_without_variance(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() - 1 - logvar)


@question.misconception("A sign in the KL is wrong: it is 0 for mu = 0 and logvar = 0, and larger everywhere else.")
def kl_plus_logvar(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + logvar.exp() - 1 + logvar)


@question.also("kl_plus_logvar")
def kl_minus_mu(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: logvar.exp() - 1 - logvar - mu.square())


@question.also("kl_plus_logvar")
def kl_minus_variance(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() - logvar.exp() - 1 - logvar)


@question.misconception("The factor 0.5 of the KL is missing.")
def kl_doubled(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: 2 * _kl(mu, logvar))


@question.also("kl_doubled")
def logvar_doubled(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: mu.square() + logvar.exp() - 1 - 2 * logvar)


@question.also("kl_doubled")
def mu_doubled(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: 2 * mu.square() + logvar.exp() - 1 - logvar)


@question.misconception("The KL has another weight (beta, or the factor 0.5 twice): the ELBO subtracts it as it is.")
def kl_halved(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: 0.5 * _kl(mu, logvar))


@question.also("kl_halved")
def kl_times_four(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: 4 * _kl(mu, logvar))


@question.misconception("Only the first latents count in the KL: sum over all of them, however many there are.")
def kl_of_two_latents(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: _kl(mu[:, :2], logvar[:, :2]))


@question.also("kl_of_two_latents")
def kl_of_three_latents(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: _kl(mu[:, :3], logvar[:, :3]))


@question.also("kl_of_two_latents")
def kl_of_one_latent(model, x, n_samples):
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: _kl(mu[:, :1], logvar[:, :1]))


@question.misconception("The KL is cut off (clamp, free bits): in the ELBO it counts as it is, however small or large.")
def kl_of_half_or_more(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: (mu.square() + logvar.exp() - 1 - logvar).clamp(min=0.5))


@question.also("kl_of_half_or_more")
def kl_of_one_or_more(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: (mu.square() + logvar.exp() - 1 - logvar).clamp(min=1))


@question.also("kl_of_half_or_more")
def kl_of_a_tenth_or_more(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: (mu.square() + logvar.exp() - 1 - logvar).clamp(min=0.2))


@question.misconception("The KL is that of the prior from q: it starts from q, the distribution that z comes from.")
def kl_reversed(model, x, n_samples):
    return _with_kl(model, x, n_samples, lambda mu, logvar: (1 + mu.square()) / logvar.exp() - 1 + logvar)


def _with_estimate(model, x, n_samples, width):
    """The ELBO with monte_carlo_kl, which is handed mu and width(logvar)."""
    return _elbo(model, x, n_samples, kl=lambda mu, logvar: monte_carlo_kl(mu, width(logvar), n_samples))


@question.misconception("monte_carlo_kl takes logvar itself: it is handed something else (the standard deviation?).",
                        random=True)
def std_for_logvar(model, x, n_samples):
    return _with_estimate(model, x, n_samples, lambda logvar: (0.5 * logvar).exp())


@question.also("std_for_logvar")
def variance_for_logvar(model, x, n_samples):
    return _with_estimate(model, x, n_samples, torch.exp)


@question.also("std_for_logvar")
def log_sigma_for_logvar(model, x, n_samples):
    return _with_estimate(model, x, n_samples, lambda logvar: 0.5 * logvar)


@question.misconception("One number for the whole batch: return one for each image.")
def scalar(model, x, n_samples):
    return right(model, x, n_samples).mean()


@question.also("scalar")
def summed(model, x, n_samples):
    return right(model, x, n_samples).sum()


@question.misconception("The average over the draws is missing: return one number for each image, (N,).")
def no_mean(model, x, n_samples):
    return _elbo(model, x, n_samples, combine=lambda values: values)


@question.misconception("squeeze() drops the axis of a batch of one image: keep the shape (N,).")
def squeezed(model, x, n_samples):
    return right(model, x, n_samples).squeeze()


@question.misconception("keepdim leaves (N, 1): return (N,).")
def keepdim(model, x, n_samples):
    return right(model, x, n_samples).unsqueeze(1)


@question.misconception("Do not seed the random generator inside: every call draws the same noise.")
def seeded(model, x, n_samples):
    torch.manual_seed(0)
    return right(model, x, n_samples)


@question.misconception("Draws and images are paired wrongly: of (J, N, Z), flattened, row j * N + n belongs to image n, so "
                        "x is repeated as a whole, not row by row.", random=True)
def pairs_mixed(model, x, n_samples):
    mu, logvar = model.encode(x)
    z = mu + (0.5 * logvar).exp() * torch.randn(n_samples, *mu.shape)
    log_p = _log_p(model.decode(z.flatten(0, 1)), x.repeat_interleave(n_samples, dim=0))
    return log_p.view(n_samples, -1).mean(0) - _kl(mu, logvar)
