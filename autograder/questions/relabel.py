"""relabel: the style of an image, drawn as another digit."""

import torch

from autograder.questions.definition import Criterion, Question

LATENT = 3
# Old and new labels by the size of the batch, as places in a row of ten digits: digits come again, one stays as it is.
LABELS = {5: ([0, 1, 2, 3, 0], [4, 1, 5, 0, 5]), 2: ([0, 1], [2, 3]), 1: ([0], [1])}


def relabel(model, x, y, new_y):
    """(N, 1, 28, 28), (N,), (N,) -> (N, 1, 28, 28) probabilities: the mean of (x, y), decoded with new_y."""
    with torch.no_grad():
        mu, _ = model.encode(x, y)
        return torch.sigmoid(model.decode(mu, new_y))


def build(draw, given):
    inputs = draw.small_model(LATENT, num_classes=10)
    steps = [{"as": "model", "given": "SmallCVAE", "tensors": ["A", "W", "b", "F", "V"]}]
    tests = [{"test": "clean", "criterion": "interface"}]
    for n in LABELS:
        digits = draw.permutation(10)
        y, new_y = (digits[list(places)] for places in LABELS[n])
        inputs |= {f"x_{n}": draw.images(n), f"y_{n}": y, f"new_y_{n}": new_y}
        steps.append({"as": f"n{n}", "call": "relabel", "args": ["$model", f"$x_{n}", f"$y_{n}", f"$new_y_{n}"],
                      "after": ["model"]})
        tests += [{"test": "returns", "criterion": "interface", "of": f"n{n}", "shape": [n, 1, 28, 28]},
                  {"test": "within", "criterion": "interface", "of": f"n{n}", "low": 0.0, "high": 1.0,
                   "say": "Your pictures are no probabilities: the decoder gives logits, apply the sigmoid."},
                  {"test": "close", "criterion": "value", "of": f"n{n}", "atol": 1e-4}]
    steps.append({**steps[-1], "as": "again"})
    tests += [{"test": "same", "criterion": "value", "of": "again", "other": steps[-2]["as"]},
              {"test": "no_gradient", "criterion": "interface", "of": "n5"}]
    return inputs, steps, tests


question = Question(
    name="relabel", task="task2_cvae", answers=("relabel",), build=build,
    checked="encoded with the true label, the mean decoded with the new one, for batches of 1, 2 and 5, no gradient",
    criteria=(Criterion("interface", "N pictures of probabilities, without gradient", 0.5),
              Criterion("value", "encoded with y, the mean decoded with new_y", 1.5, core=True)))


def _relabel(model, x, y, new_y, out=torch.sigmoid, draw=False):
    with torch.no_grad():
        mu, logvar = model.encode(x, y)
        return out(model.decode(mu + (0.5 * logvar).exp() * torch.randn_like(mu) if draw else mu, new_y))


@question.misconception("The image is encoded with the new label: its own label y belongs to it.")
def encoded_with_new(model, x, y, new_y):
    return _relabel(model, x, new_y, new_y)


@question.misconception("The style is decoded with the old label: use new_y.")
def decoded_with_old(model, x, y, new_y):
    return _relabel(model, x, y, y)


@question.misconception("Old and new label are exchanged: encode with y, decode with new_y.")
def exchanged(model, x, y, new_y):
    return _relabel(model, x, new_y, y)


@question.misconception("z is sampled: the style is the mean, without noise.", random=True)
def sampled(model, x, y, new_y):
    return _relabel(model, x, y, new_y, draw=True)


@question.misconception("The pictures hold only 0 and 1: return the probabilities, without rounding or drawing.",
                        random=True)
def bernoulli(model, x, y, new_y):
    return _relabel(model, x, y, new_y, out=lambda logits: torch.bernoulli(torch.sigmoid(logits)))


@question.misconception("The decoder gives logits: apply the sigmoid.")
def logits(model, x, y, new_y):
    return _relabel(model, x, y, new_y, out=lambda x: x)


@question.misconception("Return the pictures as (N, 1, 28, 28).")
def flat(model, x, y, new_y):
    return _relabel(model, x, y, new_y).flatten(1)


@question.misconception("logvar is decoded: encode returns (mu, logvar), the style is mu.")
def decodes_logvar(model, x, y, new_y):
    with torch.no_grad():
        return torch.sigmoid(model.decode(model.encode(x, y)[1], new_y))


@question.misconception("One label is used for the whole batch: every image has its own.")
def first_label(model, x, y, new_y):
    return _relabel(model, x, y, new_y[:1].expand(len(x)))


@question.misconception("The images come back unchanged: encode and decode them.")
def unchanged(model, x, y, new_y):
    return x.clone()


@question.misconception("z is 0: the style of x is the mean of its encoding.")
def no_style(model, x, y, new_y):
    with torch.no_grad():
        return torch.sigmoid(model.decode(torch.zeros(len(x), model.latent_dim), new_y))


@question.also("first_label")
def first_old_label(model, x, y, new_y):
    with torch.no_grad():
        return torch.sigmoid(model.decode(model.encode(x, y[:1].expand(len(x)))[0], new_y))


@question.misconception("The sigmoid is applied twice: the pictures turn grey.")
def sigmoid_twice(model, x, y, new_y):
    return torch.sigmoid(_relabel(model, x, y, new_y))


@question.misconception("All labels are moved by the same number: decode takes new_y, where every image has its own.")
def same_shift(model, x, y, new_y):
    return _relabel(model, x, y, (y + new_y[0] - y[0]) % 10)


@question.misconception("Where new_y is y, the picture is drawn anew, too: encode and decode it as all others.")
def kept_where_equal(model, x, y, new_y):
    return torch.where((y == new_y)[:, None, None, None], x, _relabel(model, x, y, new_y))


@question.misconception("The difference of the labels is decoded: decode takes new_y itself.")
def difference_of_labels(model, x, y, new_y):
    return _relabel(model, x, y, (new_y - y) % 10)


@question.misconception("The old picture is mixed in: return what decode gives, nothing else.")
def blended(model, x, y, new_y):
    return 0.5 * x + 0.5 * _relabel(model, x, y, new_y)


@question.misconception("The style of the first image is used for all: every image has its own.")
def first_image(model, x, y, new_y):
    with torch.no_grad():
        return torch.sigmoid(model.decode(model.encode(x[:1], y[:1])[0].expand(len(x), -1), new_y))


@question.misconception("The image is encoded with a fixed label: its own label y belongs to it.")
def constant_label(model, x, y, new_y):
    return _relabel(model, x, torch.zeros_like(y), new_y)


@question.misconception("The styles of the batch are averaged: every image has its own.")
def batch_mean(model, x, y, new_y):
    with torch.no_grad():
        mu = model.encode(x, y)[0].mean(0, keepdim=True)
        return torch.sigmoid(model.decode(mu.expand(len(x), -1), new_y))


@question.misconception("The pictures still carry gradients: nothing is trained here, so compute them under "
                        "torch.no_grad().")
def with_gradient(model, x, y, new_y):
    return torch.sigmoid(model.decode(model.encode(x, y)[0], new_y))


@question.misconception("squeeze drops the axis of a single image, and decode fails for it: keep mu as (N, Z).")
def squeezed(model, x, y, new_y):
    with torch.no_grad():
        return torch.sigmoid(model.decode(model.encode(x, y)[0].squeeze(), new_y))


@question.misconception("The style is moved by the standard deviation: it is the mean, nothing is added.")
def style_moved(model, x, y, new_y):
    with torch.no_grad():
        mu, logvar = model.encode(x, y)
        return torch.sigmoid(model.decode(mu + (0.5 * logvar).exp(), new_y))


@question.misconception("The pictures are rounded to 0 and 1: return the probabilities.")
def rounded(model, x, y, new_y):
    return _relabel(model, x, y, new_y).round()
