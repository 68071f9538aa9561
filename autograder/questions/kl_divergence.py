"""kl_divergence: KL(q(z given x) to N(0, I)) of a diagonal Gaussian, in closed form."""

import math

import torch

from autograder.questions.definition import Criterion, Question


def kl_divergence(mu, logvar):
    """(N, Z), (N, Z) -> (N,) nats: Kingma and Welling 2014, appendix B."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)


def build(draw, given):
    inputs, steps = {"w": draw.signed(64)}, []
    tests = [{"test": "clean", "criterion": "interface"}]
    for n, z, high in ((1, 1, 1.8), (2, 3, 1.8), (5, 3, 1.8), (5, 1, 1.8), (1, 3, 1.8), (4, 4, 6.0)):
        name = f"n{n}z{z}"
        inputs |= {f"mu_{name}": draw.signed(n, z, high=high), f"logvar_{name}": draw.signed(n, z, high=high)}
        steps.append({"as": name, "call": "kl_divergence", "args": [f"$mu_{name}", f"$logvar_{name}"],
                      "grad": [f"mu_{name}", f"logvar_{name}"], "weights": "w"})
        tests += [{"test": "returns", "criterion": "interface", "of": name, "shape": [n]},
                  {"test": "close", "criterion": "value", "of": name},
                  {"test": "gradient", "criterion": "gradient", "of": name, "wrt": f"mu_{name}"},
                  {"test": "gradient", "criterion": "gradient", "of": name, "wrt": f"logvar_{name}"}]
    # near the prior, where a floor under the KL shows, and far out, where a clamp does
    sizes = torch.tensor([[0.0], [0.03], [0.1], [0.1]])
    inputs |= {"mu_near": sizes * draw.normal(4, 3), "logvar_near": sizes * draw.normal(4, 3)}
    inputs |= {"mu_wide": draw.signed(2, 3), "logvar_wide": draw.signed(2, 3, low=6.5, high=8.0)}
    # many small variances, whose product no float holds
    inputs |= {"mu_many": draw.signed(2, 20), "logvar_many": -draw.uniform(2, 20, low=6.0, high=8.0)}
    inputs["logvar_many"][:, 0] *= -0.2
    for name in ("near", "wide", "many"):
        steps.append({"as": name, "call": "kl_divergence", "args": [f"$mu_{name}", f"$logvar_{name}"],
                      "grad": [f"mu_{name}", f"logvar_{name}"], "weights": "w"})
        tests += [{"test": "close", "criterion": "value", "of": name},
                  {"test": "gradient", "criterion": "gradient", "of": name, "wrt": f"mu_{name}"},
                  {"test": "gradient", "criterion": "gradient", "of": name, "wrt": f"logvar_{name}"}]
    steps.append({"as": "again", "call": "kl_divergence", "args": steps[2]["args"], "no_grad": True})
    tests.append({"test": "same", "criterion": "value", "of": "again", "other": "n5z3"})
    tests.sort(key=lambda test: test["criterion"] != "interface")     # a call that fails says more than a value of another
    return inputs, steps, tests


question = Question(
    name="kl_divergence", task="task1_vae", answers=("kl_divergence",), build=build,
    checked="one number per image, value and gradients for both signs of mu and logvar",
    criteria=(Criterion("interface", "one number for each image, inputs left alone", 0.5),
              Criterion("value", "the closed form, in nats", 2.0, core=True),
              Criterion("gradient", "the right gradients for mu and logvar", 0.5)))


right = kl_divergence


@question.misconception("The sign is wrong: a KL divergence is never negative, and yours is.")
def sign(mu, logvar):
    return -right(mu, logvar)


@question.misconception("The factor 0.5 in front of the sum is missing.")
def no_half(mu, logvar):
    return 2 * right(mu, logvar)


@question.misconception("The term - logvar is missing: without it the variance has no reason to stay near 1.")
def no_logvar(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1).sum(1)


@question.misconception("logvar is log sigma^2 already: 2 * logvar takes it for log sigma.")
def twice_logvar(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - 2 * logvar).sum(1)


@question.misconception("logvar is log sigma^2, not log sigma: its exponential is the variance already.")
def log_std(mu, logvar):
    return 0.5 * (mu.square() + (2 * logvar).exp() - 1 - 2 * logvar).sum(1)


@question.misconception("exp(2 * logvar) is sigma^4: the variance is exp(logvar).")
def fourth_power(mu, logvar):
    return 0.5 * (mu.square() + (2 * logvar).exp() - 1 - logvar).sum(1)


@question.misconception("exp(0.5 * logvar) is the standard deviation: the formula needs the variance.")
def std_for_variance(mu, logvar):
    return 0.5 * (mu.square() + (0.5 * logvar).exp() - 1 - logvar).sum(1)


@question.misconception("logvar stands where the variance is due: exp is missing.")
def no_exp(mu, logvar):
    return 0.5 * (mu.square() + logvar - 1 - logvar).sum(1)


@question.misconception("mu must be squared: only then is the distance from 0 counted for both signs.")
def mu_not_squared(mu, logvar):
    return 0.5 * (mu + logvar.exp() - 1 - logvar).sum(1)


@question.misconception("The term mu^2 is missing: nothing would pull the means towards 0.")
def no_mu(mu, logvar):
    return 0.5 * (logvar.exp() - 1 - logvar).sum(1)


@question.misconception("The - 1 is missing: a posterior that equals the prior must have KL 0.")
def no_one(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - logvar).sum(1)


@question.misconception("The sign of logvar is wrong: the formula has exp(logvar) - logvar.")
def plus_logvar(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 + logvar).sum(1)


@question.misconception("The sign of mu^2 is wrong: means far from 0 must cost more, not less.")
def minus_mu(mu, logvar):
    return 0.5 * (-mu.square() + logvar.exp() - 1 - logvar).sum(1)


@question.misconception("Sum over the latents, do not average them: the KL of independent latents adds up.")
def mean_over_latents(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean(1)


@question.misconception("You sum over the images (axis 0): sum over the latents (axis 1), one number per image.")
def sum_over_batch(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(0)


@question.misconception("One number for the whole batch: return one for each image, the mean comes later.")
def scalar_mean(mu, logvar):
    return right(mu, logvar).mean()


@question.misconception("One sum for the whole batch: return one number for each image.")
def scalar_sum(mu, logvar):
    return right(mu, logvar).sum()


@question.misconception("One mean over images and latents: sum over the latents, one number for each image.")
def scalar_mean_all(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean()


@question.misconception("The sum over the latents is missing: you return one number per latent.")
def no_sum(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)


@question.misconception("This is KL(p, q): the ELBO needs KL(q, p), from the posterior to the prior.")
def reversed_kl(mu, logvar):
    return 0.5 * ((mu.square() + 1) * (-logvar).exp() - 1 + logvar).sum(1)


@question.misconception("This estimates the KL from a random z: use mu and logvar, the exact value is known.",
                        random=True)
def from_sample(mu, logvar):
    z = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
    return 0.5 * (z.square() + logvar.exp() - 1 - logvar).sum(1)


@question.misconception("Your code changes mu or logvar in place: whoever uses them afterwards gets wrong values.")
def in_place(mu, logvar):
    return 0.5 * (mu.square() - 1 - logvar.clone() + logvar.exp_()).sum(1)


@question.misconception("The result is cut from mu and logvar (detach, .data or no_grad): it cannot be trained.")
def detached(mu, logvar):
    return right(mu, logvar).detach()


@question.misconception("keepdim leaves (N, 1), which later broadcasts against (N,) to (N, N): return (N,).")
def keepdim(mu, logvar):
    return right(mu, logvar).unsqueeze(1)


@question.also("no_exp")
def logvar_and_its_log(mu, logvar):
    return 0.5 * (mu.square() + logvar - 1 - logvar.abs().log()).sum(1)


@question.also("no_exp")
def log_of_logvar(mu, logvar):
    return 0.5 * (mu.square() + logvar - 1 - logvar.log()).sum(1)


@question.also("no_exp")
def logvar_squared(mu, logvar):
    return 0.5 * (mu.square() + logvar.square() - 1 - logvar).sum(1)


@question.also("mu_not_squared")
def mu_absolute(mu, logvar):
    return 0.5 * (mu.abs() + logvar.exp() - 1 - logvar).sum(1)


@question.also("mu_not_squared")
def mu_doubled(mu, logvar):
    return 0.5 * (2 * mu + logvar.exp() - 1 - logvar).sum(1)


@question.also("sum_over_batch")
def mean_over_batch(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean(0)


@question.also("in_place")
def mu_in_place(mu, logvar):
    return 0.5 * (mu.pow_(2) + logvar.exp() - 1 - logvar).sum(1)


@question.also("keepdim")
def keepdim_of_mean(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean(1, keepdim=True)


@question.misconception("squeeze() drops the axis of a batch of one image: keep the shape (N,).")
def squeezed(mu, logvar):
    return right(mu, logvar).squeeze()


@question.misconception("The factor 0.5 is there twice.")
def half_squared(mu, logvar):
    return 0.5 * right(mu, logvar)


@question.misconception("The logarithm is that of sigma, not of the variance: this term is logvar itself.")
def half_log(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - 0.5 * logvar).sum(1)


@question.misconception("The 1 has the wrong sign: a posterior that equals the prior must have KL 0.")
def plus_one(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() + 1 - logvar).sum(1)


@question.misconception("The 1 is subtracted once for each image: it belongs to every latent, inside the sum.")
def one_outside(mu, logvar):
    return 0.5 * ((mu.square() + logvar.exp() - logvar).sum(1) - 1)


@question.also("one_outside")
def one_after_the_half(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - logvar).sum(1) - 1


@question.misconception("The sign of the variance is wrong: a wide posterior must cost more, not less.")
def minus_exp(mu, logvar):
    return 0.5 * (mu.square() - logvar.exp() - 1 - logvar).sum(1)


@question.also("minus_exp")
def minus_exp_plus_logvar(mu, logvar):
    return 0.5 * (mu.square() - logvar.exp() - 1 + logvar).sum(1)


@question.misconception("The 0.5 stands before one term only: it belongs to the whole sum.")
def half_on_one_term(mu, logvar):
    return (0.5 * mu.square() + logvar.exp() - 1 - logvar).sum(1)


@question.also("half_on_one_term")
def half_on_logvar(mu, logvar):
    return (mu.square() + logvar.exp() - 1 - 0.5 * logvar).sum(1)


@question.also("half_on_one_term")
def half_not_on_mu(mu, logvar):
    return (mu.square() + 0.5 * (logvar.exp() - 1 - logvar)).sum(1)


@question.misconception("Only mu^2 is there: the terms of the variance are missing, so it could become anything.")
def only_mu(mu, logvar):
    return 0.5 * mu.square().sum(1)


@question.misconception("The variance itself is missing: without it a wide posterior costs nothing.")
def no_variance(mu, logvar):
    return 0.5 * (mu.square() - 1 - logvar).sum(1)


@question.misconception("The result is divided by the batch size: it is one number per image, no average.")
def divided_by_batch(mu, logvar):
    return right(mu, logvar) / len(mu)


@question.misconception("This is in bits: use the natural logarithm, nats.")
def base_two(mu, logvar):
    return right(mu, logvar) / 0.6931471805599453


@question.misconception("mu and logvar are exchanged.")
def arguments_exchanged(mu, logvar):
    return right(logvar, mu)


@question.misconception("mu or logvar is clipped: the KL must count large values in full.")
def clamped(mu, logvar):
    return right(mu, logvar.clamp(-2, 2))


@question.also("clamped")
def clamped_at_one(mu, logvar):
    return right(mu.clamp(-1, 1), logvar.clamp(-1, 1))


@question.misconception("Not all latents are counted: sum over the whole axis 1.")
def first_two_latents(mu, logvar):
    return right(mu[:, :2], logvar[:, :2])


@question.also("first_two_latents")
def first_latent(mu, logvar):
    return right(mu[:, :1], logvar[:, :1])


@question.misconception("The mean is wrong: mu enters as the sum of the squares of its entries.")
def length_of_mu(mu, logvar):
    return 0.5 * (mu.norm(dim=1) + (logvar.exp() - 1 - logvar).sum(1))


@question.also("length_of_mu")
def sum_of_mu_squared(mu, logvar):
    return 0.5 * (mu.sum(1).square() + (logvar.exp() - 1 - logvar).sum(1))


@question.misconception("The KL is divided by the number of pixels: it is a sum over the latents, in nats for each image.")
def divided_by_pixels(mu, logvar):
    return right(mu, logvar) / 784


@question.misconception("A number of latents (20?) is written into the formula: batches come with others, take it from mu.")
def twenty_latents(mu, logvar):
    return 0.5 * ((mu.square() + logvar.exp() - logvar).sum(1) - 20)


@question.misconception("This is an entropy or a cross-entropy: the KL is the cross-entropy minus the entropy of q.")
def cross_entropy(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() + math.log(2 * math.pi)).sum(1)


@question.also("cross_entropy")
def entropy(mu, logvar):
    return 0.5 * (1 + math.log(2 * math.pi) + logvar).sum(1)


@question.also("cross_entropy")
def negative_entropy(mu, logvar):
    return -entropy(mu, logvar)
