"""vae_loss: the negative ELBO, averaged over the batch."""

import torch
import torch.nn.functional as F

from autograder.questions.definition import Criterion, Question
from autograder.questions.kl_divergence import kl_divergence
from autograder.questions.reconstruction_loss import reconstruction_loss


def vae_loss(logits, x, mu, logvar, beta=1.0):
    """Mean over the batch of reconstruction_loss + beta * kl_divergence: scalar, nats per image.

    Kingma and Welling 2014, equation 3; beta: Higgins et al. 2017.
    """
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()


def build(draw, given):
    inputs, steps = {}, []
    tests = [{"test": "clean", "criterion": "value"},
             {"test": "same", "criterion": "value", "of": "again", "other": "plain",
              "say": "Two equal calls gave two losses: nothing is drawn here, kl_divergence takes mu and logvar."}]
    betas = {"plain": None, "small": 0.25, "large": draw.integer(25, 60), "zero": 0.0, "near": None}
    for (name, beta), n in zip(betas.items(), (5, 2, 3, 1, 2)):
        inputs |= {f"logits_{name}": draw.signed(n, 1, 28, 28, high=4.0), f"x_{name}": draw.images(n),
                   f"mu_{name}": (0.1 if name == "near" else 12 if name == "large" else 4) * draw.signed(n, 3),
                   f"logvar_{name}": (0.1 if name == "near" else 1) * draw.signed(n, 3)}
        by_position = [beta] if name == "small" else []
        steps.append({"as": name, "call": "vae_loss",
                      "args": [*(f"${v}_{name}" for v in ("logits", "x", "mu", "logvar")), *by_position],
                      "kwargs": {} if beta is None or by_position else {"beta": beta},
                      "grad": [f"{v}_{name}" for v in ("logits", "mu", "logvar")]})
        criterion = "value" if beta is None else "beta"
        tests += [{"test": "returns", "criterion": criterion, "of": name, "shape": []},
                  {"test": "close", "criterion": criterion, "of": name}]
        if name in ("plain", "small", "large"):
            tests += [{"test": "gradient", "criterion": "gradient", "of": name, "wrt": f"{v}_{name}"}
                      for v in ("logits", "mu", "logvar") if (name, v) != ("small", "logits")]     # keys are short
    steps.append({**{part: steps[0][part] for part in ("call", "args", "kwargs")}, "as": "again", "no_grad": True})
    return inputs, steps, tests


question = Question(
    name="vae_loss", task="task1_vae", answers=("vae_loss",), build=build,
    calls=("reconstruction_loss", "kl_divergence"), singly=True,
    checked="the mean over the batch of reconstruction + beta * KL, for several beta",
    criteria=(Criterion("value", "reconstruction + KL, averaged over the batch", 1.0, core=True),
              Criterion("beta", "beta multiplies the KL, and nothing else", 0.5),
              Criterion("gradient", "the right gradients for logits, mu and logvar", 0.5)))


@question.misconception("The KL is subtracted: both terms are costs, so the loss is their sum.")
def minus_kl(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) - beta * kl_divergence(mu, logvar)).mean()


@question.misconception("You return the ELBO, which is to be maximised: the loss is its negative.")
def elbo(logits, x, mu, logvar, beta=1.0):
    return -(reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()


@question.misconception("The reconstruction is averaged over the batch and the KL summed: average both.")
def kl_summed(logits, x, mu, logvar, beta=1.0):
    return reconstruction_loss(logits, x).mean() + beta * kl_divergence(mu, logvar).sum()


@question.misconception("The KL is averaged over the batch and the reconstruction summed: average both.")
def reconstruction_summed(logits, x, mu, logvar, beta=1.0):
    return reconstruction_loss(logits, x).sum() + beta * kl_divergence(mu, logvar).mean()


@question.misconception("The loss is summed over the batch: take the mean, so that it does not grow with the batch.")
def summed(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).sum()


@question.misconception("The mean over the batch is divided by N once more.")
def divided_twice(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean() / len(x)


@question.misconception("The reconstruction is averaged over pixels beside a KL that is summed over latents: "
                        "sum over the pixels, or the KL outweighs it 784 times.")
def pixel_mean(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) / 784 + beta * kl_divergence(mu, logvar)).mean()


@question.misconception("beta is ignored: it multiplies the KL.")
def beta_ignored(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + kl_divergence(mu, logvar)).mean()


@question.misconception("beta multiplies both terms: it weighs the KL alone.")
def beta_on_both(logits, x, mu, logvar, beta=1.0):
    return beta * (reconstruction_loss(logits, x) + kl_divergence(mu, logvar)).mean()


@question.misconception("beta multiplies the reconstruction: it weighs the KL.")
def beta_on_reconstruction(logits, x, mu, logvar, beta=1.0):
    return (beta * reconstruction_loss(logits, x) + kl_divergence(mu, logvar)).mean()


@question.misconception("beta divides the KL: it must multiply it.")
def beta_divides(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + kl_divergence(mu, logvar) / (beta + 1e-12)).mean()


@question.misconception("The KL is missing: without it this is the loss of an autoencoder.")
def no_kl(logits, x, mu, logvar, beta=1.0):
    return reconstruction_loss(logits, x).mean()


@question.misconception("The reconstruction is missing: nothing would make the pictures look like the data.")
def no_reconstruction(logits, x, mu, logvar, beta=1.0):
    return beta * kl_divergence(mu, logvar).mean()


@question.misconception("The mean over the batch is missing: return one number.")
def not_averaged(logits, x, mu, logvar, beta=1.0):
    return reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)


@question.misconception("The loss is cut from the network (detach, .item() or no_grad): it cannot be trained.")
def detached(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean().detach()


@question.also("summed")
def outer_sum(logits, x, mu, logvar, beta=1.0):
    pairs = reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar).unsqueeze(1)
    return pairs.sum() / len(x)


@question.also("divided_twice")
def kl_divided_twice(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar) / len(x)).mean()


@question.also("divided_twice")
def reconstruction_divided_twice(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) / len(x) + beta * kl_divergence(mu, logvar)).mean()


@question.also("beta_divides")
def beta_divides_bounded(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + kl_divergence(mu, logvar) / max(beta, 1e-9)).mean()


@question.also("beta_divides")
def beta_divides_plainly(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + kl_divergence(mu, logvar) / beta).mean()


@question.misconception("The sign of the reconstruction is wrong: both terms are costs, so the loss is their sum.")
def reconstruction_negated(logits, x, mu, logvar, beta=1.0):
    return (beta * kl_divergence(mu, logvar) - reconstruction_loss(logits, x)).mean()


@question.misconception("The KL is averaged over the latents: sum over them, as over the pixels.")
def latent_mean(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar) / mu.shape[1]).mean()


@question.misconception("Pixels and latents are averaged: sum over both, and average over the batch only.")
def both_means(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) / 784 + beta * kl_divergence(mu, logvar) / mu.shape[1]).mean()


@question.misconception("beta is added: it multiplies the KL.")
def beta_added(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + kl_divergence(mu, logvar)).mean() + beta


@question.also("beta_added")
def beta_added_to_kl(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + kl_divergence(mu, logvar) + beta - 1).mean()


@question.misconception("beta is squared: multiply the KL by it once.")
def beta_squared(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * beta * kl_divergence(mu, logvar)).mean()


@question.misconception("beta weighs the two terms against each other: the reconstruction keeps the weight 1.")
def beta_balance(logits, x, mu, logvar, beta=1.0):
    return ((1 - beta) * reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()


@question.misconception("The default of beta is not 1: keep the signature of the stub.")
def beta_default(logits, x, mu, logvar, beta=0.5):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()


@question.also("beta_default")
def beta_default_four(logits, x, mu, logvar, beta=4.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()


@question.misconception("beta = 0 is taken for a beta that is not given: 0 must switch the KL off.")
def beta_zero_is_one(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + (beta or 1.0) * kl_divergence(mu, logvar)).mean()


@question.misconception("beta is clipped: it may be larger than 1.")
def beta_clipped(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + min(beta, 1.0) * kl_divergence(mu, logvar)).mean()


@question.misconception("The KL is cut from the network (detach, .item() or no_grad): it would not be trained.")
def kl_detached(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar).detach()).mean()


@question.misconception("The reconstruction is cut from the network (detach, .item() or no_grad): it would not be "
                        "trained.")
def reconstruction_detached(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x).detach() + beta * kl_divergence(mu, logvar)).mean()


@question.misconception("One axis is left: return one number, of shape ().")
def keeps_axis(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean(0, keepdim=True)


@question.misconception("Two arguments are exchanged: vae_loss takes (logits, x, mu, logvar), "
                        "reconstruction_loss (logits, x), kl_divergence (mu, logvar).")
def arguments_exchanged(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(x, logits) + beta * kl_divergence(mu, logvar)).mean()


@question.also("arguments_exchanged")
def mu_and_logvar_exchanged(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(logvar, mu)).mean()


@question.misconception("The two terms are multiplied: add them.")
def multiplied(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) * beta * kl_divergence(mu, logvar)).mean()


@question.misconception("The loss is halved: average over the batch, nothing more.")
def halved(logits, x, mu, logvar, beta=1.0):
    return 0.5 * (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()


@question.misconception("The sum is divided by a fixed batch size: batches differ, take the mean.")
def fixed_batch_size(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).sum() / 128


@question.misconception("Only the first image counts: average over the batch.")
def first_image(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar))[0]


@question.misconception("The sigmoid is applied before reconstruction_loss, which takes logits.")
def sigmoid_before(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(torch.sigmoid(logits), x) + beta * kl_divergence(mu, logvar)).mean()


@question.misconception("The reconstruction is a squared error: take reconstruction_loss, in nats as the KL.")
def squared_error(logits, x, mu, logvar, beta=1.0):
    return (torch.sigmoid(logits) - x).square().flatten(1).sum(1).mean() + beta * kl_divergence(mu, logvar).mean()


@question.also("squared_error")
def squared_error_mean(logits, x, mu, logvar, beta=1.0):
    return F.mse_loss(torch.sigmoid(logits), x) + beta * kl_divergence(mu, logvar).mean()


@question.also("squared_error")
def squared_error_of_logits(logits, x, mu, logvar, beta=1.0):
    return F.mse_loss(logits, x) + beta * kl_divergence(mu, logvar).mean()


@question.misconception("The loss is divided by the number of pixels: sum over them, and average over the batch only.")
def divided_by_pixels(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean() / 784


@question.misconception("kl_divergence takes logvar itself: no exp before it.")
def variance_for_logvar(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar.exp())).mean()


@question.also("variance_for_logvar")
def deviation_for_logvar(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, (0.5 * logvar).exp())).mean()


@question.misconception("The KL is there twice: once is enough, with beta.")
def kl_twice(logits, x, mu, logvar, beta=1.0):
    kl = kl_divergence(mu, logvar)
    return (reconstruction_loss(logits, x) + kl + beta * kl).mean()


@question.misconception("beta is rounded to a whole number: it may be a fraction.")
def beta_rounded(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + int(beta) * kl_divergence(mu, logvar)).mean()
