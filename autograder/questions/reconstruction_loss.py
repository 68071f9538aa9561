"""reconstruction_loss: Bernoulli negative log-likelihood of an image, from logits."""

import torch
import torch.nn.functional as F

from autograder.questions.definition import Criterion, Question


def reconstruction_loss(logits, x):
    """(N, 1, 28, 28), (N, 1, 28, 28) -> (N,) nats: Kingma and Welling 2014, appendix C.1."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def build(draw, given):
    inputs, steps = {"w": draw.signed(64)}, []
    tests = [{"test": "clean", "criterion": "interface"}]
    for n in (1, 2, 4):
        name = f"n{n}"
        inputs |= {f"logits_{name}": draw.signed(n, 1, 28, 28, high=4.0), f"x_{name}": draw.images(n)}
        steps.append({"as": name, "call": "reconstruction_loss", "args": [f"$logits_{name}", f"$x_{name}"],
                      "grad": [f"logits_{name}"], "weights": "w"})
        tests += [{"test": "returns", "criterion": "interface", "of": name, "shape": [n]},
                  {"test": "close", "criterion": "value", "of": name},
                  {"test": "gradient", "criterion": "gradient", "of": name, "wrt": f"logits_{name}"}]
    # where the decoder is sure: clamped logits and probabilities differ there
    inputs |= {"logits_sure": draw.signed(3, 1, 28, 28, low=5.5, high=9.0), "x_sure": draw.images(3)}
    steps.append({"as": "sure", "call": "reconstruction_loss", "args": ["$logits_sure", "$x_sure"]})
    tests.append({"test": "close", "criterion": "value", "of": "sure"})
    steps.append({"as": "again", "call": "reconstruction_loss", "args": steps[1]["args"], "no_grad": True})
    tests.append({"test": "same", "criterion": "value", "of": "again", "other": "n2"})
    return inputs, steps, tests


question = Question(
    name="reconstruction_loss", task="task1_vae", answers=("reconstruction_loss",), build=build,
    checked="one number per image, the sum over its pixels, with the right gradient",
    criteria=(Criterion("interface", "one number for each image, inputs left alone", 0.5),
              Criterion("value", "the negative log-likelihood, summed over pixels, in nats", 1.0, core=True),
              Criterion("gradient", "the right gradient for the logits", 0.5)))

right = reconstruction_loss


@question.misconception("Sum over the pixels, do not average them: the log-likelihood of an image adds up over "
                        "its 784 pixels.")
def mean_over_pixels(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).mean(1)


@question.misconception("The default reduction averages over all pixels of all images: you need one sum per image.")
def default_reduction(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x)


@question.misconception("One number for the whole batch: sum over the pixels of each image only.")
def sum_over_all(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum")


@question.misconception("You average over the batch here: return one number for each image, the mean comes later.")
def batch_mean(logits, x):
    return right(logits, x).mean()


@question.misconception("You sum over the images (axis 0): sum over the pixels of each image.")
def sum_over_batch(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(0)


@question.misconception("The arguments are swapped: the logits come first, the image is the target.")
def swapped(logits, x):
    return right(x, logits)


@question.misconception("The sigmoid is applied twice: this loss takes logits and applies it itself.")
def sigmoid_twice(logits, x):
    return right(torch.sigmoid(logits), x)


@question.misconception("The minus is missing: this is the log-likelihood, the loss is its negative.")
def log_likelihood(logits, x):
    return -right(logits, x)


@question.misconception("You sum over the last axis only: an image has 1 x 28 x 28 entries.")
def last_axis(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


@question.misconception("No sum over the pixels: return one number for each image.")
def no_sum(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none")


@question.misconception("The result is cut from the logits (detach, .data or no_grad): it cannot be trained.")
def detached(logits, x):
    return right(logits, x).detach()


@question.misconception("The sum is divided by a fixed batch size: batches differ, and no division belongs here.")
def fixed_batch_size(logits, x):
    return right(logits, x) / 128


@question.misconception("This is the squared error: a Bernoulli likelihood gives the binary cross-entropy.")
def squared_error(logits, x):
    return (torch.sigmoid(logits) - x).square().flatten(1).sum(1)


@question.misconception("This compares logits with pixels by squared error: use the binary cross-entropy from logits.")
def squared_error_of_logits(logits, x):
    return (logits - x).square().flatten(1).sum(1)


@question.misconception("Only the term for bright pixels is there: dark pixels need (1 - x) log(1 - p).")
def bright_only(logits, x):
    return -(x * F.logsigmoid(logits)).flatten(1).sum(1)


@question.misconception("One axis too many is left: sum over all of 1 x 28 x 28, without keepdim, or this loss later "
                        "broadcasts to (N, N).")
def keepdim(logits, x):
    return right(logits, x).unsqueeze(1)


def _pixels(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none")


@question.also("sum_over_batch")
def sum_of_rows_over_batch(logits, x):
    return _pixels(logits.flatten(1), x.flatten(1)).sum(0)


@question.also("swapped")
def swapped_probabilities(logits, x):
    return right(x, torch.sigmoid(logits))


@question.also("no_sum")
def no_sum_of_rows(logits, x):
    return _pixels(logits, x).flatten(1)


@question.misconception("A batch size is written into the code (view(128, ...)?): batches differ, take it from the tensor.")
def batch_size_in_view(logits, x):
    return _pixels(logits, x).view(128, -1).sum(1)


@question.also("fixed_batch_size")
def batch_of_64(logits, x):
    return right(logits, x) / 64


@question.also("squared_error")
def squared_error_halved(logits, x):
    return 0.5 * (torch.sigmoid(logits) - x).square().flatten(1).sum(1)


@question.also("squared_error")
def squared_error_mean(logits, x):
    return F.mse_loss(torch.sigmoid(logits), x)


@question.also("keepdim")
def keepdim_of_all(logits, x):
    return _pixels(logits, x).sum((1, 2, 3), keepdim=True)


@question.also("keepdim")
def channel_left(logits, x):
    return _pixels(logits, x).sum((2, 3))


@question.misconception("squeeze() drops the axis of a batch of one image: return (N,).")
def squeezed(logits, x):
    return _pixels(logits, x).squeeze().sum((-1, -2))


@question.also("squeezed")
def squeezed_result(logits, x):
    return right(logits, x).squeeze()


@question.misconception("The result is divided by the batch size: it is one number per image, no average.")
def divided_by_batch(logits, x):
    return right(logits, x) / len(x)


@question.misconception("binary_cross_entropy takes probabilities, and these are logits: use the one with logits.")
def logits_as_probabilities(logits, x):
    return F.binary_cross_entropy(logits, x, reduction="none").flatten(1).sum(1)


@question.misconception("This is the absolute error: a Bernoulli likelihood gives the binary cross-entropy.")
def absolute_error(logits, x):
    return (torch.sigmoid(logits) - x).abs().flatten(1).sum(1)


@question.misconception("Only the term for dark pixels is there: bright pixels need x log(p).")
def dark_only(logits, x):
    return -((1 - x) * F.logsigmoid(-logits)).flatten(1).sum(1)


@question.misconception("The term for dark pixels is wrong: it needs log(1 - p), not log(p).")
def wrong_dark_term(logits, x):
    return -F.logsigmoid(logits).flatten(1).sum(1)


@question.misconception("The term for dark pixels has the wrong sign: both terms are added up, and the minus "
                        "stands before their sum.")
def minus_dark_term(logits, x):
    return -(x * F.logsigmoid(logits) - (1 - x) * F.logsigmoid(-logits)).flatten(1).sum(1)


@question.misconception("The images are rounded to 0 and 1: compare with the grey values as they are.")
def binarised(logits, x):
    return right(logits, (x > 0.5).float())


@question.misconception("The sigmoid is missing: these are logits, not probabilities.")
def no_sigmoid(logits, x):
    return F.binary_cross_entropy(logits.clamp(1e-6, 1 - 1e-6), x, reduction="none").flatten(1).sum(1)


@question.also("no_sigmoid")
def no_sigmoid_unclipped(logits, x):
    return F.binary_cross_entropy(logits, x, reduction="none").flatten(1).sum(1)


@question.misconception("A softmax lets the pixels compete: each pixel is a Bernoulli variable of its own.")
def softmax(logits, x):
    return F.cross_entropy(logits.flatten(1), x.flatten(1), reduction="none")


@question.misconception("logits or x is changed in place: whoever uses it afterwards gets wrong values.")
def in_place(logits, x):
    return F.binary_cross_entropy(logits.sigmoid_(), x, reduction="none").flatten(1).sum(1)


@question.also("in_place")
def x_in_place(logits, x):
    return right(logits, x.round_())


@question.misconception("This is in bits: use the natural logarithm, nats.")
def base_two(logits, x):
    return right(logits, x) / 0.6931471805599453


@question.misconception("The entropy of the images is subtracted: the negative log-likelihood keeps it.")
def entropy_removed(logits, x):
    entropy = -(torch.xlogy(x, x) + torch.xlogy(1 - x, 1 - x))
    return right(logits, x) - entropy.flatten(1).sum(1)


@question.misconception("x and 1 - x are exchanged: x goes with log(p), 1 - x with log(1 - p).")
def exchanged(logits, x):
    return right(-logits, x)


@question.misconception("The sum is halved: the Bernoulli likelihood has no factor of 0.5.")
def halved(logits, x):
    return 0.5 * right(logits, x)


@question.also("squared_error")
def gaussian(logits, x):
    return -torch.distributions.Normal(torch.sigmoid(logits), 1.0).log_prob(x).flatten(1).sum(1)


@question.also("squared_error")
def half_squared_error(logits, x):
    return 0.5 * (torch.sigmoid(logits) - x).square().flatten(1).sum(1)


@question.misconception("The images are moved to [-1, 1]: compare with the grey values as they are, in [0, 1].")
def normalised(logits, x):
    return right(logits, 2 * x - 1)
