"""interpolate: pictures along the line between the means of two images."""

import torch

from autograder.questions.definition import Criterion, Question
from utils.check.models import SmallVAE

LATENT = 3


def interpolate(model, x_start, x_end, steps):
    """(1, 1, 28, 28) twice -> (steps, 1, 28, 28) probabilities; the first and last z are the two means."""
    with torch.no_grad():
        start, end = model.encode(x_start)[0], model.encode(x_end)[0]
        t = torch.linspace(0, 1, steps, device=start.device).unsqueeze(1)
        return torch.sigmoid(model.decode((1 - t) * start + t * end))


def build(draw, given):
    """Two pairs of images; 10 is a number of steps for which adding up 1 / 9 misses the end."""
    inputs = draw.small_model(LATENT)
    model = SmallVAE(*(inputs[name] for name in ("A", "W", "b")))
    for pair in ("one", "two"):
        bent = 0.0
        while bent < 0.3:  # until the code of the blend of both images is far from the middle of their codes
            x_start, x_end = draw.images(1), draw.images(1)
            start, end, middle = (model.encode(x)[0].detach() for x in (x_start, x_end, (x_start + x_end) / 2))
            bent = ((start + end) / 2 - middle).abs().max()
        inputs |= {f"x_start_{pair}": x_start, f"x_end_{pair}": x_end}
    steps = [{"as": "model", "given": "SmallVAE", "tensors": ["A", "W", "b"]}]
    tests = [{"test": "clean", "criterion": "interface"}]
    for n, pair in ((2, "one"), (5, "two"), (10, "one"), (8, "two")):
        name = f"n{n}"
        how = {"kwargs": {"steps": n}} if n % 2 else {}
        steps.append({"as": name, "call": "interpolate", "after": ["model"], **how,
                      "args": ["$model", f"$x_start_{pair}", f"$x_end_{pair}", *([] if how else [n])],
                      **({"pixels": "pixels"} if n > 5 else {})})      # keys are short
        if n <= 5:
            tests.append({"test": "returns", "criterion": "interface", "of": name, "shape": [n, 1, 28, 28]})
        tests += [{"test": "within", "criterion": "probabilities", "of": name, "low": 0.0, "high": 1.0,
                   "say": "Your pictures are no probabilities: the decoder gives logits, apply the sigmoid."},
                  {"test": "close", "criterion": "line", "of": name, "atol": 1e-4}]
    steps.append({**steps[-1], "as": "again"})
    tests += [{"test": "same", "criterion": "line", "of": "again", "other": "n8"},
              {"test": "no_gradient", "criterion": "interface", "of": "n5"}]
    return inputs, steps, tests


question = Question(
    name="interpolate", task="task1_vae", answers=("interpolate",), build=build,
    checked="2, 5, 8 and 10 pictures on the lines between two pairs of means, both ends included, no gradient",
    criteria=(Criterion("interface", "the asked number of pictures, without gradient", 0.5),
              Criterion("probabilities", "probabilities between 0 and 1", 0.5),
              Criterion("line", "evenly spaced on the line between the means, both ends included", 1.0, core=True)))


def _line(model, a, b, t, out=torch.sigmoid):
    with torch.no_grad():
        return out(model.decode(a + t.unsqueeze(1) * (b - a)))


def _means(model, x_start, x_end):
    with torch.no_grad():
        return model.encode(x_start)[0], model.encode(x_end)[0]


@question.misconception("arange(steps) / steps never reaches 1: the last picture must be the end.")
def end_missing(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), torch.arange(steps) / steps)


@question.misconception("Both ends are missing: the first picture is the start and the last one the end.")
def ends_missing(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), torch.linspace(0, 1, steps + 2)[1:-1])


@question.misconception("a + t * b does not end at b: weigh both ends, (1 - t) and t.")
def not_a_line(model, x_start, x_end, steps):
    a, b = _means(model, x_start, x_end)
    return _line(model, a, a + b, torch.linspace(0, 1, steps))


@question.misconception("The line runs from the end to the start.")
def reverse(model, x_start, x_end, steps):
    a, b = _means(model, x_start, x_end)
    return _line(model, b, a, torch.linspace(0, 1, steps))


@question.misconception("This blends pixels: go along the line in the latent space and decode each point.")
def pixels(model, x_start, x_end, steps):
    t = torch.linspace(0, 1, steps).view(-1, 1, 1, 1)
    return (1 - t) * x_start + t * x_end


@question.misconception("This blends the two decoded pictures: decode the points of the line instead.")
def decoded_ends(model, x_start, x_end, steps):
    a, b = _means(model, x_start, x_end)
    t = torch.linspace(0, 1, steps).view(-1, 1, 1, 1)
    with torch.no_grad():
        return (1 - t) * torch.sigmoid(model.decode(a)) + t * torch.sigmoid(model.decode(b))


@question.misconception("The decoder gives logits: apply the sigmoid.")
def logits(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), torch.linspace(0, 1, steps), out=lambda x: x)


@question.misconception("The ends are sampled: use the means of the two images, without noise.", random=True)
def sampled(model, x_start, x_end, steps):
    ends = []
    for x in (x_start, x_end):
        with torch.no_grad():
            mu, logvar = model.encode(x)
        ends.append(mu + (0.5 * logvar).exp() * torch.randn_like(mu))
    return _line(model, *ends, torch.linspace(0, 1, steps))


@question.misconception("The pictures hold only 0 and 1: return the probabilities, without rounding or drawing.",
                        random=True)
def bernoulli(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), torch.linspace(0, 1, steps),
                 out=lambda x: torch.bernoulli(torch.sigmoid(x)))


@question.misconception("Return the pictures as (steps, 1, 28, 28).")
def flat(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), torch.linspace(0, 1, steps)).flatten(1)


@question.misconception("The line leaves out the start: the first picture belongs to the mean of x_start.")
def start_missing(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), torch.arange(1, steps + 1) / steps)


@question.misconception("The pixels of the two images are blended and encoded: blend their codes instead.")
def pixels_encoded(model, x_start, x_end, steps):
    t = torch.linspace(0, 1, steps).view(-1, 1, 1, 1)
    with torch.no_grad():
        return torch.sigmoid(model.decode(model.encode((1 - t) * x_start + t * x_end)[0]))


@question.also("decoded_ends")
def decoded_logits(model, x_start, x_end, steps):
    a, b = _means(model, x_start, x_end)
    t = torch.linspace(0, 1, steps).view(-1, 1, 1, 1)
    with torch.no_grad():
        return torch.sigmoid((1 - t) * model.decode(a) + t * model.decode(b))


@question.misconception("This runs along a circle (slerp): a straight line was asked for.")
def spherical(model, x_start, x_end, steps):
    a, b = _means(model, x_start, x_end)
    angle = torch.acos((a * b).sum() / (a.norm() * b.norm()))
    t = torch.linspace(0, 1, steps).unsqueeze(1)
    with torch.no_grad():
        return torch.sigmoid(model.decode(
            (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)))


@question.misconception("The steps are not evenly spaced: t runs from 0 to 1 in equal steps.")
def uneven(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), torch.linspace(0, 1, steps) ** 2)


@question.also("uneven")
def logistic(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), torch.sigmoid(torch.linspace(-6, 6, steps)))


@question.also("uneven")
def jump(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), torch.linspace(0, 1, steps).round())


@question.misconception("The ends are values of logvar: encode returns (mu, logvar), the ends are the mu.")
def logvar_for_mu(model, x_start, x_end, steps):
    with torch.no_grad():
        return _line(model, model.encode(x_start)[1], model.encode(x_end)[1], torch.linspace(0, 1, steps))


@question.misconception("The sigmoid is applied twice: the pictures turn grey.")
def sigmoid_twice(model, x_start, x_end, steps):
    return torch.sigmoid(_line(model, *_means(model, x_start, x_end), torch.linspace(0, 1, steps)))


@question.misconception("Adding up 1 / (steps - 1) misses or passes the end for some numbers of steps, as floats are "
                        "rounded: count the steps.")
def fractional_step(model, x_start, x_end, steps):
    step = 1 / (steps - 1)
    return _line(model, *_means(model, x_start, x_end), torch.arange(0, 1 + step, step))


@question.also("fractional_step")
def added_up(model, x_start, x_end, steps):
    t = [0.0]
    while t[-1] + 1 / (steps - 1) <= 1:
        t.append(t[-1] + 1 / (steps - 1))
    return _line(model, *_means(model, x_start, x_end), torch.tensor(t))


@question.misconception("The codes of an earlier call come back: encode the two images of each call.")
def codes_kept(model, x_start, x_end, steps):
    codes = vars(model).setdefault("codes", _means(model, x_start, x_end))
    return _line(model, *codes, torch.linspace(0, 1, steps))


@question.misconception("The pictures still carry gradients: nothing is trained here, so compute them under "
                        "torch.no_grad().")
def with_gradient(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    return torch.sigmoid(model.decode(a + torch.linspace(0, 1, steps).unsqueeze(1) * (b - a)))


@question.misconception("Both ends have the weight t: the start's is 1 - t, and the two add up to 1.")
def same_weight(model, x_start, x_end, steps):
    a, b = _means(model, x_start, x_end)
    return _line(model, torch.zeros_like(a), a + b, torch.linspace(0, 1, steps))


@question.misconception("1 - t * a means 1 - (t * a): the weight 1 - t needs parentheses.")
def no_parentheses(model, x_start, x_end, steps):
    a, b = _means(model, x_start, x_end)
    return _line(model, torch.ones_like(a), 1 - a + b, torch.linspace(0, 1, steps))


@question.misconception("All pictures are the same: the two ends are the codes of two images, x_start and x_end.")
def start_twice(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_start), torch.linspace(0, 1, steps))


@question.also("start_twice")
def end_twice(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_end, x_end), torch.linspace(0, 1, steps))


@question.misconception("t runs from -1 to 1: on the line from the start to the end it runs from 0 to 1.")
def from_minus_one(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), torch.linspace(-1, 1, steps))


@question.misconception("a + t * (a - b) leads away from the end: the way from the start to the end is b - a.")
def away_from_the_end(model, x_start, x_end, steps):
    return _line(model, *_means(model, x_start, x_end), -torch.linspace(0, 1, steps))


@question.misconception("The ends are moved by the standard deviation: they are the means, nothing is added.")
def ends_moved(model, x_start, x_end, steps):
    with torch.no_grad():
        ends = [mu + (0.5 * logvar).exp() for mu, logvar in (model.encode(x_start), model.encode(x_end))]
    return _line(model, *ends, torch.linspace(0, 1, steps))
