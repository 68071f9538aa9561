"""iwae_bound: the importance-weighted bound of log p(x) from K weights per image."""

import math

import torch

from autograder.questions.definition import Criterion, Question

LARGE = (-900.0, -300.0, 300.0)
SPREAD = (-2500.0, -100.0, 900.0)     # one for each image
# Within an image: two weights count, and their mean, the smallest, the first or the last lies 900 or more below them.
FAR = (-1800.0, 0.0, -2300.0, -1.5)
HUNDREDS = ("Log-weights of hundreds give wrong values: their exponentials are 0 or infinite.",
            "Log-weights of hundreds give wrong gradients, or none: training would stop there.")
FEW = ("One large weight among a thousand small ones gives a wrong value.",
       "One large weight among a thousand small ones gives wrong gradients.")


def iwae_bound(log_w):
    """(K, N) -> (N,) nats: log of the mean over K of exp(log_w); Burda, Grosse and Salakhutdinov 2016, equation 8."""
    return torch.logsumexp(log_w, dim=0) - math.log(len(log_w))


def build(draw, given):
    """Values and gradients for small weights, and for log-weights of hundreds, whose exponentials are 0 or infinite,
    alike for an image or far apart. A batch of two comes first: one number for all is no squeezed one."""
    inputs, steps = {"w": draw.signed(64)}, []
    tests = [{"test": "clean", "criterion": "interface"}]
    for k, n in ((3, 2), (1, 1), (2, 5), (7, 1), (1, 4), (20, 3)):
        name = f"k{k}n{n}"
        inputs[f"log-weights_{name}"] = draw.signed(k, n, high=4.0)
        steps.append(_step(name))
        tests += [{"test": "returns", "criterion": "interface", "of": name, "shape": [n]},
                  {"test": "close", "criterion": "value", "of": name},
                  {"test": "gradient", "criterion": "value", "of": name, "wrt": f"log-weights_{name}"}]
    large = {f"at{shift:+.0f}": shift + draw.signed(6, 4, high=4.0) for shift in LARGE}
    large["spread"] = torch.tensor(SPREAD) + draw.signed(4, 3, high=4.0)
    far = torch.stack([torch.tensor(FAR).roll(turn) for turn in range(4)], dim=1)
    large["far"] = torch.tensor([-100.0, 400.0, 1000.0, -700.0]) + far + draw.signed(4, 4, high=0.6)
    # one weight, and many small ones that count together no more than a little
    large["many"] = torch.cat([1.0 + draw.signed(1, 2), -11.0 - 28.0 * draw.uniform(998, 2), -9.0 + draw.signed(1, 2)])
    for name in large:
        inputs[f"log-weights_{name}"] = large[name]
        steps.append(_step(name))
        value, gradient = FEW if name == "many" else HUNDREDS
        tests += [{"test": "close", "criterion": "stability", "of": name, "rtol": 1e-5, "atol": 1e-3, "say": value},
                  {"test": "gradient", "criterion": "stability", "of": name, "wrt": f"log-weights_{name}", "atol": 1e-4,
                   "say": gradient}]
    steps.append({"as": "again", "call": "iwae_bound", "args": steps[0]["args"], "no_grad": True})
    tests.append({"test": "same", "criterion": "value", "of": "again", "other": steps[0]["as"]})
    return inputs, steps, tests


def _step(name: str) -> dict:
    """The call on the log-weights of this name, with their gradient."""
    key = f"log-weights_{name}"     # the hints call it "log-weights"
    return {"as": name, "call": "iwae_bound", "args": [f"${key}"], "grad": [key], "weights": "w"}


question = Question(
    name="iwae_bound", task="task3_experiments", answers=("iwae_bound",), build=build,
    checked="values and gradients for several K and N, log-weights from -2500 to 1000, alike and far apart",
    criteria=(Criterion("interface", "one number for each image, inputs left alone", 0.5),
              Criterion("value", "the logarithm of the mean weight", 1.0, core=True),
              Criterion("stability", "finite and right for large log-weights, gradients as well", 0.5)))


right = iwae_bound


@question.misconception("exp of a log-weight of -900 is 0 and of 300 is infinite: use logsumexp.")
def unstable(log_w):
    return log_w.exp().mean(0).log()


@question.also("unstable")
def unstable_in_float64(log_w):
    return log_w.double().exp().mean(0).log().to(log_w)


@question.misconception("A constant inside the logarithm does not make it stable: subtract the largest log-weight.")
def epsilon(log_w):
    return (log_w.exp().mean(0) + 1e-8).log()


@question.also("epsilon")
def smaller_epsilon(log_w):
    return (log_w.exp().mean(0) + 1e-10).log()


@question.also("epsilon")
def smallest_epsilon(log_w):
    return (log_w.exp().mean(0) + 1e-12).log()


@question.misconception("The largest log-weight of the whole batch is subtracted: each image has its own.")
def largest_of_batch(log_w):
    top = log_w.detach().max()
    return top + (log_w - top).exp().mean(0).log()


@question.also("largest_of_batch")
def largest_of_batch_with_gradient(log_w):
    top = log_w.max()
    return top + (log_w - top).exp().mean(0).log()


@question.misconception("Subtract the largest log-weight of each image, not the mean or the smallest: the "
                        "exponential of what is left is infinite where log-weights lie far apart.")
def mean_subtracted(log_w):
    shift = log_w.mean(0)
    return shift + (log_w - shift).exp().mean(0).log()


@question.also("mean_subtracted")
def detached_mean_subtracted(log_w):
    shift = log_w.detach().mean(0)
    return shift + (log_w - shift).exp().mean(0).log()


@question.also("mean_subtracted")
def smallest_subtracted(log_w):
    shift = log_w.amin(0)
    return shift + (log_w - shift).exp().mean(0).log()


@question.also("mean_subtracted")
def detached_smallest_subtracted(log_w):
    shift = log_w.detach().amin(0)
    return shift + (log_w - shift).exp().mean(0).log()


@question.also("mean_subtracted")
def first_subtracted(log_w):
    return log_w[0] + (log_w - log_w[0]).exp().mean(0).log()


@question.also("mean_subtracted")
def mean_of_batch_subtracted(log_w):
    shift = log_w.mean()
    return shift + (log_w - shift).exp().mean(0).log()


@question.misconception("The mean of the log-weights is the ELBO: take the logarithm of the mean weight.")
def mean_of_logs(log_w):
    return log_w.mean(0)


@question.misconception("The term - log K is missing: the bound is the logarithm of the mean weight, not of the sum.")
def no_log_k(log_w):
    return log_w.logsumexp(0)


@question.misconception("log K has the wrong sign: dividing by K subtracts its logarithm.")
def plus_log_k(log_w):
    return log_w.logsumexp(0) + math.log(len(log_w))


@question.misconception("The sum runs over the images (axis 1): the K weights of an image lie along axis 0.")
def wrong_axis(log_w):
    return log_w.logsumexp(1) - math.log(log_w.shape[1])


@question.misconception("The number of images is subtracted: K is the length of axis 0.")
def wrong_k(log_w):
    return log_w.logsumexp(0) - math.log(log_w.shape[1])


@question.misconception("The logarithm of the number of all weights is subtracted: K is the length of axis 0.")
def log_of_all(log_w):
    return log_w.logsumexp(0) - math.log(log_w.numel())


@question.misconception("K itself is subtracted, not its logarithm.")
def minus_k(log_w):
    return log_w.logsumexp(0) - len(log_w)


@question.misconception("The logarithm of the sum is divided by K: the division belongs inside the logarithm.")
def divided(log_w):
    return log_w.logsumexp(0) / len(log_w)


@question.misconception("The outer logarithm is missing: this is the mean weight itself.")
def no_log(log_w):
    return log_w.exp().mean(0)


@question.misconception("log_w holds logarithms already: do not take the logarithm of them.")
def log_of_log(log_w):
    return log_w.abs().log().logsumexp(0) - math.log(len(log_w))


@question.also("log_of_log")
def log_of_mean_log(log_w):
    return log_w.mean(0).abs().log()


@question.misconception("Only the largest weight counts here: average all K of them.")
def largest(log_w):
    return log_w.amax(0)


@question.also("largest")
def largest_minus_log_k(log_w):
    return log_w.amax(0) - math.log(len(log_w))


@question.misconception("The largest log-weight was subtracted and not added again.")
def maximum_not_added(log_w):
    return right(log_w - log_w.amax(0))


@question.misconception("One number for the whole batch: return one for each image.")
def scalar(log_w):
    return right(log_w).mean()


@question.also("scalar")
def sum_over_all(log_w):
    return log_w.flatten().logsumexp(0) - math.log(log_w.numel())


@question.also("scalar")
def sum_over_all_minus_log_k(log_w):
    return log_w.logsumexp((0, 1)) - math.log(len(log_w))


@question.also("scalar")
def sum_over_all_alone(log_w):
    return log_w.logsumexp((0, 1))


@question.also("scalar")
def sum_over_images(log_w):
    return right(log_w).sum()


@question.misconception("The sign is wrong: the bound is a bound of log p(x), as the ELBO is.")
def sign(log_w):
    return -right(log_w)


@question.misconception("keepdim leaves (1, N): return (N,).")
def keepdim(log_w):
    return right(log_w).unsqueeze(0)


@question.misconception("squeeze() drops the axis of a batch of one image: keep the shape (N,).")
def squeezed(log_w):
    return right(log_w).squeeze()


@question.misconception("This is in bits: use the natural logarithm, nats.")
def base_two(log_w):
    return right(log_w) / math.log(2)


@question.also("base_two")
def log_two_of_k(log_w):
    return log_w.logsumexp(0) - math.log2(len(log_w))


@question.misconception("This is the logarithm to base 10: use the natural logarithm, nats.")
def base_ten(log_w):
    return right(log_w) / math.log(10)


@question.also("base_ten")
def all_to_base_ten(log_w):
    top = log_w.amax(0)
    return top + (log_w - top).exp().mean(0).log10()


@question.also("base_two")
def all_to_base_two(log_w):
    top = log_w.amax(0)
    return top + (log_w - top).exp().mean(0).log2()


@question.also("base_ten")
def log_ten_of_k(log_w):
    return log_w.logsumexp(0) - math.log10(len(log_w))


@question.misconception("The result is cut from log_w (detach, .item() or NumPy): it cannot be trained.")
def detached(log_w):
    return right(log_w).detach()


@question.misconception("Large log-weights are cut from the gradient (detach): they must train as all others.")
def detached_where_large(log_w):
    bound = right(log_w)
    return torch.where(bound.abs() > 50, bound.detach(), bound)


@question.misconception("torch.where picks the right values, but exp(log_w) behind it still makes the gradient NaN.")
def patched(log_w):
    naive = log_w.exp().mean(0).log()
    return torch.where(naive.isfinite(), naive, right(log_w))


@question.also("patched")
def patched_by_size(log_w):
    return torch.where((log_w.abs() < 50).all(0), log_w.exp().mean(0).log(), right(log_w))


@question.also("patched")
def patched_with_the_largest(log_w):
    naive = log_w.exp().mean(0).log()
    return torch.where(naive.isfinite(), naive, log_w.amax(0))


@question.misconception("The gradient is that of the mean of the log-weights: larger weights count for more.")
def gradient_of_the_mean(log_w):
    mean = log_w.mean(0)
    return (right(log_w) - mean).detach() + mean


@question.misconception("log_w is changed in place: whoever uses it afterwards gets other weights.")
def in_place(log_w):
    top = log_w.detach().amax(0)
    log_w -= top
    return right(log_w) + top


@question.misconception("This is the mean of the log-weights under the normalised weights: take the logarithm of "
                        "the mean weight.")
def weighted_mean(log_w):
    return (log_w.softmax(0) * log_w).sum(0)


@question.misconception("The log-weights are clipped: large ones count in full.")
def clamped(log_w):
    return right(log_w.clamp(-80, 80))


@question.also("clamped")
def clamped_narrowly(log_w):
    return right(log_w.clamp(-30, 30))


@question.also("clamped")
def clamped_below(log_w):
    return right(log_w.clamp(min=-100))


@question.misconception("The distance to the largest log-weight is clamped: many small weights then count for more "
                        "than they are.")
def distance_clamped(log_w):
    top = log_w.amax(0)
    return top + (log_w - top).clamp(min=-10).exp().mean(0).log()


@question.also("distance_clamped")
def distance_clamped_at_five(log_w):
    top = log_w.amax(0)
    return top + (log_w - top).clamp(min=-5).exp().mean(0).log()


@question.also("distance_clamped")
def distance_clamped_at_eight(log_w):
    top = log_w.amax(0)
    return top + (log_w - top).clamp(min=-8).exp().mean(0).log()
