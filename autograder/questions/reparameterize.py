"""reparameterize: z ~ N(mu, exp(logvar)) as a differentiable function of mu and logvar."""

import torch
from torch.distributions import Normal

from autograder.questions.definition import Criterion, Question

COLUMNS, KINDS = 4, 2


def reparameterize(mu, logvar):
    """(N, Z), (N, Z) -> (N, Z): Kingma and Welling 2014, section 2.4."""
    return mu + (0.5 * logvar).exp() * torch.randn_like(mu)


def build(draw, given):
    """40,000 draws in one call, and a second call: four latents, two kinds of rows that take turns. And few rows of
    many latents with large and small variances, without gradients."""
    mu, logvar = draw.signed(KINDS, COLUMNS), draw.signed(KINDS, COLUMNS)
    inputs = {"w": draw.signed(64), "mu": mu, "logvar": logvar, "std": (logvar / 2).exp()}
    times = 10_000 // KINDS
    steps = [{"as": name, "call": "reparameterize", "args": [f"$mu*{times}", f"$logvar*{times}"]}
             for name in ("draws", "again")]
    steps[1]["right_after"] = "draws"
    tests = [{"test": "clean", "criterion": "interface"}]
    small = []
    for n, z in ((1, 1), (2, 3), (5, 3), (1, 3)):
        name = f"n{n}z{z}"
        inputs |= {f"mu_{name}": draw.signed(n, z), f"logvar_{name}": draw.signed(n, z)}
        steps.append({"as": name, "call": "reparameterize", "args": [f"$mu_{name}", f"$logvar_{name}"],
                      "grad": [f"mu_{name}", f"logvar_{name}"], "weights": "w"})
        tests.append({"test": "returns", "criterion": "interface", "of": name, "shape": [n, z], "dtype": "float32"})
        small += [{"test": "noise_gradient", "criterion": "gradient", "of": name, "mean": f"mu_{name}",
                   "weights": "w", "wrt": f"{wrt}_{name}"} for wrt in ("mu", "logvar")]
    steps.append({"as": "elsewhere", "call": "reparameterize", "args": ["$mu_n2z3", "$logvar_n2z3"],
                  "elsewhere": True})
    mu, logvar = draw.signed(5, 900), draw.signed(5, 900, high=7.0)
    inputs |= {"mu_wide": mu, "logvar_wide": logvar, "std_wide": (logvar / 2).exp()}
    steps.append({"as": "wide", "call": "reparameterize", "args": ["$mu_wide", "$logvar_wide"], "no_grad": True})
    mu, logvar = draw.signed(1, 400), draw.signed(1, 400)
    inputs |= {"mu_one": mu, "logvar_one": logvar, "std_one": (logvar / 2).exp()}
    steps.append({"as": "one", "call": "reparameterize", "args": ["$mu_one", "$logvar_one"],
                  "grad": ["mu_one", "logvar_one"], "weights": "w"})
    target = {"mean": "mu", "std": "std", "kinds": KINDS}
    tests += [{"test": "unrepeated", "criterion": "noise", "of": "draws", "mean": "mu", "std": "std"},
              {"test": "gaussian", "criterion": "distribution", "of": "draws", "tolerance": 0.1, **target},
              {"test": "fresh", "criterion": "noise", "of": "draws", "other": "again", **target},
              {"test": "independent", "criterion": "noise", "of": "draws", **target},
              {"test": "gaussian", "criterion": "distribution", "of": "wide", "mean": "mu_wide", "std": "std_wide", "kinds": 0,
               "tolerance": 0.2},
              {"test": "returns", "criterion": "interface", "of": "one", "shape": [1, 400]},
              {"test": "gaussian", "criterion": "distribution", "of": "one", "mean": "mu_one", "std": "std_one", "kinds": 0,
               "named": False},
              *small,
              {"test": "follows_device", "criterion": "interface", "of": "elsewhere"}]
    return inputs, steps, tests


question = Question(
    name="reparameterize", task="task1_vae", answers=("reparameterize",), build=build,
    checked="44,500 draws have mean mu and variance exp(logvar), noise is fresh and independent, gradients are exact",
    criteria=(Criterion("interface", "shape, dtype, device, inputs left alone", 0.5),
              Criterion("distribution", "Gaussian with mean mu and variance exp(logvar)", 1.5, core=True),
              Criterion("noise", "fresh in each call, independent for each image and latent", 0.5, core=True),
              Criterion("gradient", "dz/dmu = 1 and dz/dlogvar = (z - mu) / 2", 0.5)))


right = reparameterize


@question.misconception("exp(logvar) is the variance; the noise must be scaled by the standard deviation, "
                        "its square root.")
def variance_for_std(mu, logvar):
    return mu + logvar.exp() * torch.randn_like(mu)


@question.misconception("logvar is used as if it were the standard deviation: the exponential is missing.")
def no_exp(mu, logvar):
    return mu + logvar * torch.randn_like(mu)


@question.misconception("0.5 * logvar is the logarithm of the standard deviation: the exponential is missing.")
def half_without_exp(mu, logvar):
    return mu + 0.5 * logvar * torch.randn_like(mu)


@question.misconception("logvar can be negative, so it has no square root: take exp first.")
def sqrt_logvar(mu, logvar):
    return mu + logvar.sqrt() * torch.randn_like(mu)


@question.misconception("The 0.5 belongs inside exp: the square root of exp(logvar) halves the exponent.")
def half_outside(mu, logvar):
    return mu + 0.5 * logvar.exp() * torch.randn_like(mu)


@question.misconception("The exponent has the wrong sign: a large logvar must give much noise.")
def negative_exponent(mu, logvar):
    return mu + (-0.5 * logvar).exp() * torch.randn_like(mu)


@question.misconception("exp(2 * logvar) is sigma^4: the standard deviation needs half of logvar, not twice.")
def double_exponent(mu, logvar):
    return mu + (2 * logvar).exp() * torch.randn_like(mu)


@question.misconception("The noise is not scaled: every image would get the same spread, whatever its logvar.")
def unit_noise(mu, logvar):
    return mu + torch.randn_like(mu)


@question.misconception("z is float64 (NumPy's noise is), and the network takes float32: give the noise the dtype of mu.")
def float64(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.randn_like(mu, dtype=torch.float64)


@question.misconception("There is no noise: z = mu makes this a plain autoencoder.")
def no_noise(mu, logvar):
    return mu


@question.misconception("The standard deviation is added without noise: z must be random.")
def no_random(mu, logvar):
    return mu + (0.5 * logvar).exp()


@question.misconception("mu is missing: the noise must be centred on it.")
def no_mu(mu, logvar):
    return (0.5 * logvar).exp() * torch.randn_like(mu)


@question.misconception("rand is uniform on [0, 1): Gaussian noise comes from randn.")
def uniform(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.rand_like(mu)


@question.misconception("One noise vector serves the whole batch: draw noise of the full shape, one for each image.",
                        random=True)
def one_for_batch(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.randn(mu.shape[-1], device=mu.device)


@question.misconception("One number of noise serves all latents of an image: draw noise of the full shape.")
def one_for_latents(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.randn(len(mu), 1, device=mu.device)


@question.misconception("One number of noise serves the whole batch: draw noise of the full shape.", random=True)
def one_number(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.randn((), device=mu.device)


@question.misconception("z is cut from mu and logvar (sample(), torch.normal, detach(), no_grad): no "
                        "gradient gets through, even if requires_grad is set again.")
def sample_without_gradient(mu, logvar):
    return Normal(mu, (0.5 * logvar).exp(), validate_args=False).sample()


@question.also("sample_without_gradient")
def normal_of_both(mu, logvar):
    return torch.normal(mu, (0.5 * logvar).exp())


@question.misconception("No gradient reaches mu: it is detached.")
def mu_detached(mu, logvar):
    return mu.detach() + (0.5 * logvar).exp() * torch.randn_like(mu)


@question.misconception("No gradient reaches logvar: the standard deviation is detached.")
def std_detached(mu, logvar):
    return mu + (0.5 * logvar).exp().detach() * torch.randn_like(mu)


_kept = {}


@question.misconception("Two calls get the same noise: keep none from call to call, and set no seed inside.")
def kept_noise(mu, logvar):
    if mu.shape not in _kept:
        _kept[mu.shape] = torch.randn(mu.shape)
    return mu + (0.5 * logvar).exp() * _kept[mu.shape].to(mu.device)


@question.misconception("Do not seed the random generator inside the function: every call draws the same noise.")
def seeded(mu, logvar):
    torch.manual_seed(0)
    return right(mu, logvar)


@question.misconception("Your code changes mu or logvar in place: the KL that uses them afterwards is wrong.")
def in_place(mu, logvar):
    return mu + logvar.mul_(0.5).exp_() * torch.randn_like(mu)


@question.misconception("squeeze() drops the axis of a batch of one image: keep the shape (N, Z).")
def squeezed(mu, logvar):
    return right(mu, logvar).squeeze()


@question.misconception("The noise is made on the CPU whatever the device of mu: make it where mu lives.")
def cpu_noise(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.randn(mu.shape)


@question.also("no_noise")
def zero_noise(mu, logvar):
    return mu + torch.zeros_like(mu) * (0.5 * logvar).exp()


@question.also("no_noise")
def noise_with_gradient_only(mu, logvar):
    return right(mu, logvar) if mu.requires_grad else mu.clone()


@question.also("no_exp")
def size_of_logvar(mu, logvar):
    return mu + logvar.abs() * torch.randn_like(mu)


@question.also("no_mu")
def noise_alone(mu, logvar):
    return (0.5 * logvar).exp() * torch.randn_like(mu) + 0 * mu


@question.also("in_place")
def mu_in_place(mu, logvar):
    mu += (0.5 * logvar).exp() * torch.randn_like(mu)
    return mu


@question.also("sqrt_logvar")
def sqrt_of_clamped_logvar(mu, logvar):
    return mu + logvar.clamp(min=1e-8).sqrt() * torch.randn_like(mu)


@question.misconception("flatten() or view(-1) makes one row of all images: keep the shape (N, Z).")
def flattened(mu, logvar):
    return right(mu, logvar).flatten()


@question.also("squeezed")
def squeezed_first_axis(mu, logvar):
    return right(mu, logvar).squeeze(0)


@question.also("squeezed")
def squeezed_last_axis(mu, logvar):
    return right(mu, logvar).squeeze(-1)


@question.misconception("mu and logvar are not used: this draws from the prior, whatever the image.")
def prior_noise(mu, logvar):
    return torch.randn_like(mu)


@question.also("prior_noise")
def prior_noise_with_graph(mu, logvar):
    return torch.randn_like(mu) + 0 * mu + 0 * logvar


@question.misconception("mu is multiplied by the noise: scale the noise by the standard deviation, then add mu.")
def multiplied(mu, logvar):
    return mu * (0.5 * logvar).exp() * torch.randn_like(mu)


@question.also("multiplied")
def bracket(mu, logvar):
    return (mu + (0.5 * logvar).exp()) * torch.randn_like(mu)


@question.misconception("rand is uniform, also when it is shifted and scaled: Gaussian noise comes from randn.")
def uniform_centred(mu, logvar):
    return mu + (0.5 * logvar).exp() * (2 * torch.rand_like(mu) - 1)


@question.also("uniform_centred")
def uniform_half(mu, logvar):
    return mu + (0.5 * logvar).exp() * (torch.rand_like(mu) - 0.5)


@question.misconception("abs() leaves positive noise only: it must be centred on 0.")
def positive_noise(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.randn_like(mu).abs()


@question.misconception("The noise is clipped: Gaussian noise has no largest value.")
def clipped_noise(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.randn_like(mu).clamp(-2, 2)


@question.also("clipped_noise")
def clipped_at_one(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.randn_like(mu).clamp(-1, 1)


@question.misconception("One image's mu or logvar serves the whole batch: every image has its own.")
def first_row(mu, logvar):
    return mu + (0.5 * logvar[:1]).exp() * torch.randn_like(mu)


@question.also("first_row")
def first_mean(mu, logvar):
    return mu[:1] + (0.5 * logvar).exp() * torch.randn_like(mu)


@question.also("first_row")
def first_both(mu, logvar):
    return mu[:1] + (0.5 * logvar[:1]).exp() * torch.randn_like(mu)


@question.misconception("mu or logvar is averaged over the batch or the latents: every image and every latent has its own.")
def batch_average(mu, logvar):
    return mu.mean(0, keepdim=True) + (0.5 * logvar).exp() * torch.randn_like(mu)


@question.also("batch_average")
def average_logvar(mu, logvar):
    return mu + (0.5 * logvar.mean(0, keepdim=True)).exp() * torch.randn_like(mu)


@question.also("batch_average")
def average_over_latents(mu, logvar):
    return mu + (0.5 * logvar.mean(1, keepdim=True)).exp() * torch.randn_like(mu)


@question.misconception("mu and logvar are exchanged.")
def arguments_exchanged(mu, logvar):
    return right(logvar, mu)


@question.misconception("The mean of several draws spreads less than one draw: draw once.")
def averaged_draws(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.randn(10, *mu.shape, device=mu.device).mean(0)


@question.misconception("softplus is not the exponential: sigma follows from logvar by exp.")
def softplus_std(mu, logvar):
    return mu + torch.nn.functional.softplus(logvar) * torch.randn_like(mu)


@question.misconception("z keeps the shape (N, Z): nothing is summed over the latents.")
def summed(mu, logvar):
    return right(mu, logvar).sum(1)


@question.also("summed")
def summed_and_kept(mu, logvar):
    return right(mu, logvar).sum(1, keepdim=True)
