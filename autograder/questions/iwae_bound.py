"""iwae_bound: the importance-weighted bound of log p(x) from K weights per image."""

import math

import torch

from autograder.questions.definition import Criterion, Question

LARGE = (-900.0, -300.0, 300.0)
SPREAD = (-2500.0, -100.0, 900.0)     # one for each image


def iwae_bound(log_w):
    """(K, N) -> (N,) nats: log of the mean over K of exp(log_w); Burda, Grosse and Salakhutdinov 2016, equation 8."""
    return torch.logsumexp(log_w, dim=0) - math.log(len(log_w))


def build(draw, given):
    """Values and gradients for small weights, and for log-weights of hundreds, whose exponentials are 0 or infinite."""
    inputs, steps = {"w": draw.signed(64)}, []
    tests = [{"test": "clean", "criterion": "interface"}]
    for k, n in ((1, 1), (3, 2), (2, 5), (7, 1), (1, 4), (20, 3)):
        name = f"k{k}n{n}"
        inputs[f"log_{name}"] = draw.signed(k, n, high=4.0)
        steps.append({"as": name, "call": "iwae_bound", "args": [f"$log_{name}"], "grad": [f"log_{name}"],
                      "weights": "w"})
        tests += [{"test": "returns", "criterion": "interface", "of": name, "shape": [n]},
                  {"test": "close", "criterion": "value", "of": name},
                  {"test": "gradient", "criterion": "value", "of": name, "wrt": f"log_{name}"}]
    large = {f"at{shift:+.0f}": shift + draw.signed(6, 4, high=4.0) for shift in LARGE}
    large["spread"] = torch.tensor(SPREAD) + draw.signed(4, 3, high=4.0)
    for name in large:
        inputs[f"log_{name}"] = large[name]
        steps.append({"as": name, "call": "iwae_bound", "args": [f"$log_{name}"], "grad": [f"log_{name}"],
                      "weights": "w"})
        tests += [{"test": "close", "criterion": "stability", "of": name, "rtol": 1e-5, "atol": 1e-3,
                   "say": "Log-weights of hundreds give wrong values: their exponentials are 0 or infinite."},
                  {"test": "gradient", "criterion": "stability", "of": name, "wrt": f"log_{name}", "atol": 1e-4,
                   "say": "Log-weights of hundreds give wrong gradients, or none: training would stop there."}]
    steps.append({"as": "again", "call": "iwae_bound", "args": steps[1]["args"], "no_grad": True})
    tests.append({"test": "same", "criterion": "value", "of": "again", "other": steps[1]["as"]})
    return inputs, steps, tests


question = Question(
    name="iwae_bound", task="task3_experiments", answers=("iwae_bound",), build=build,
    checked="values and gradients for several K and N, log-weights from -2500 to 900",
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


@question.misconception("A constant inside the logarithm does not make it stable: subtract the largest log-weight first.")
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
