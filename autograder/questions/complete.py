"""complete: fill in hidden pixels by encoding and decoding again and again."""

import copy
import math

import torch

from autograder.questions.definition import Criterion, Question
from utils.check.models import SmallCVAE, SmallVAE

LATENT = 3
# The VAE's code turns by this angle in the plane of two latents in each round, and grows until tanh holds it: it comes
# to no rest, so that every number of steps gives other pictures. The CVAE's comes to rest soon, wherever it starts.
ANGLE, GROWTH = 2.0, 0.08
# How many pictures, and how many steps; None: the default, 20. Its pictures are not those of other numbers of steps.
ROUNDS = {"vae": ((1, 2), (2, 1), (5, 12), (3, None)), "cvae": ((1, 2), (2, 1), (5, 3), (3, None))}
OTHER_STEPS = (5, 10, 15, 19, 21, 25, 30, 40, 50, 100)


def complete(model, x, mask, y=None, steps=20):
    """(N, 1, 28, 28) twice -> (N, 1, 28, 28): x where mask is 1; elsewhere what the decoder says.

    Hidden pixels start at 0; in each step the mean of q is decoded, and its probabilities replace them. Rezende,
    Mohamed and Wierstra 2014, appendix F, with means in place of samples.
    """
    picture = mask * x
    for _ in range(steps):
        picture = _round(model, picture, x, mask, y)
    return picture


def _round(model, picture, x, mask, y):
    labels = () if y is None else (y,)
    with torch.no_grad():
        mu, _ = model.encode(picture, *labels)
        return mask * x + (1 - mask) * torch.sigmoid(model.decode(mu, *labels))


def build(draw, given):
    """A few steps and the default number, with a VAE and a CVAE; what is hidden is there to be peeked at.

    Drawn until one step more, the hidden pixels and another default change the result by 30 tolerances or more, and
    rounding by a tenth of one at most.
    """
    inputs, steps, tests = {}, [], [{"test": "clean", "criterion": "interface"}]
    for kind, model_class, tensors in (("vae", SmallVAE, "AWb"), ("cvae", SmallCVAE, "AWbFV")):
        changes, rounding = 0.0, 1.0
        while changes < 30 * 1e-4 or rounding > 1e-5:
            weights = _weights(draw, kind)
            x, mask, y = draw.images(5), _masks(draw, 5), torch.cat([torch.zeros(1), 1 + draw.labels(4, 9)]).long()
            model = model_class(*(weights[name] for name in tensors))
            changes, rounding = _changes(model, x, mask, y if kind == "cvae" else None)
        inputs |= {f"{name}_{kind}": weights[name] for name in tensors}
        steps.append({"as": kind, "given": model_class.__name__, "tensors": [f"{name}_{kind}" for name in tensors]})
        for n, rounds in ROUNDS[kind]:
            name = f"{kind}{n}"
            inputs |= {f"x_{name}": x[:n], f"mask_{name}": mask[:n]}
            args, kwargs = [f"${kind}", f"$x_{name}", f"$mask_{name}"], {} if rounds is None else {"steps": rounds}
            if kind == "cvae":
                inputs[f"y_{name}"] = y[:n]
                if n == 5:      # y by its name, and elsewhere by its place, as in the notebook
                    kwargs["y"] = f"$y_{name}"
                else:
                    args.append(f"$y_{name}")
            steps.append({"as": name, "call": "complete", "args": args, "kwargs": kwargs, "after": [kind]})
            filled = "labels" if kind == "cvae" else "filled"
            tests += [{"test": "returns", "criterion": "interface", "of": name, "shape": [n, 1, 28, 28]},
                      {"test": "no_gradient", "criterion": "interface", "of": name},
                      {"test": "kept", "criterion": "observed", "of": name, "x": f"x_{name}", "mask": f"mask_{name}"},
                      {"test": "close", "criterion": filled, "of": name, "atol": 1e-4}]
        steps.append({**steps[-1], "as": f"{kind}_again"})
        tests.append({"test": "same", "criterion": filled, "of": f"{kind}_again", "other": name})
    return inputs, steps, tests


def _weights(draw, kind: str) -> dict:
    """The weights of a small model; the code of a VAE turns from round to round."""
    if kind == "cvae":
        return draw.small_model(LATENT, num_classes=10)
    weights, turn = draw.small_model(LATENT), torch.eye(LATENT)
    turn[:2, :2] = torch.tensor([[math.cos(ANGLE), -math.sin(ANGLE)], [math.sin(ANGLE), math.cos(ANGLE)]])
    return weights | {"A": GROWTH * weights["W"].T @ turn}


def _masks(draw, n: int) -> torch.Tensor:
    """(n, 1, 28, 28) of 0 and 1: halves, quarters and single pixels take turns."""
    masks = (draw.uniform(n, 1, 28, 28) < 0.5).float()
    row, column = torch.arange(28)[:, None], torch.arange(28)
    side = draw.integer(0, 1)
    masks[0] = (row.expand(28, 28) < 14).float() if side else (column.expand(28, 28) < 14).float()
    masks[1] = 1 - ((row < 14) & (column < 14)).float()
    return masks


def _changes(model, x, mask, y) -> tuple[float, float]:
    """By how much the result changes, for the picture where it changes least, with other numbers of steps and with
    another start; and by rounding, for the picture where it changes most."""
    after, picture = {}, mask * x
    for rounds in range(1, 1 + (20 if y is not None else max(OTHER_STEPS))):
        after[rounds] = picture = _round(model, picture, x, mask, y)
    gaps = [after[rounds] - after[rounds + 1] for rounds in (1, 2, 3)] + [(1 - mask) * (x - after[1])]
    if y is None:
        gaps += [after[12] - after[rounds] for rounds in (10, 11, 13)]
        gaps += [(after[20] - after[rounds])[:3] for rounds in OTHER_STEPS]
    exact = complete(copy.deepcopy(model).double(), x.double(), mask.double(), y)
    return (min(float(gap.abs().flatten(1).amax(1).min()) for gap in gaps), float((exact - after[20]).abs().max()))


question = Question(
    name="complete", task="task3_experiments", answers=("complete",), build=build,
    checked="1 to 12 steps and the default, with a VAE and with a CVAE, for halves, quarters and single pixels",
    criteria=(Criterion("interface", "N pictures, without gradient, inputs left alone", 0.5),
              Criterion("observed", "observed pixels stay exactly as they are", 0.5),
              Criterion("filled", "hidden pixels start at 0 and follow the decoded mean, step by step", 1.5, core=True),
              Criterion("labels", "with y, encoder and decoder hear it", 0.5)))


right = complete


def _complete(model, x, mask, y=None, steps=20, start=0.0, out=torch.sigmoid, code=lambda mu, logvar: mu, peek=False,
              paste=True, decoded=None):
    """The reference with one part exchanged. paste: put the observed pixels back after each step."""
    labels = () if y is None else (y,)
    again = labels if decoded is None else () if y is None else (decoded,)
    picture = x if peek else mask * x + (1 - mask) * start
    with torch.no_grad():
        for _ in range(steps):
            picture = out(model.decode(code(*model.encode(picture, *labels)), *again))
            if paste:
                picture = mask * x + (1 - mask) * picture
    return picture


@question.misconception("The encoder sees the hidden pixels: start from x with 0 where the mask is 0.")
def peeks(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, peek=True)


@question.also("peeks")
def one_round_of_the_whole_picture(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, 1, peek=True)


@question.misconception("Observed pixels are put back at the end only: put them back after each step.")
def pasted_at_the_end(model, x, mask, y=None, steps=20):
    picture = _complete(model, x, mask, y, steps, paste=False)
    return mask * x + (1 - mask) * picture


@question.misconception("Observed pixels are never put back: where the mask is 1, the result is x.")
def never_pasted(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, paste=False)


@question.misconception("The last step's observed pixels are not put back: where the mask is 1, the result is x.")
def last_not_pasted(model, x, mask, y=None, steps=20):
    labels = () if y is None else (y,)
    with torch.no_grad():
        picture = _complete(model, x, mask, y, steps - 1)
        return torch.sigmoid(model.decode(model.encode(picture, *labels)[0], *labels))


@question.misconception("The mask is used the wrong way round: 1 is observed, 0 is hidden.")
def inverted(model, x, mask, y=None, steps=20):
    return _complete(model, x, 1 - mask, y, steps)


def _by_rounds(model, x, mask, y, steps, fill, first=None):
    """`steps` times fill(what was there, what is decoded from it), from `first` or else from what is observed."""
    labels = () if y is None else (y,)
    picture = mask * x if first is None else first
    with torch.no_grad():
        for _ in range(steps):
            picture = fill(picture, torch.sigmoid(model.decode(model.encode(picture, *labels)[0], *labels)))
    return picture


@question.also("inverted")
def inverted_at_the_start(model, x, mask, y=None, steps=20):
    return _by_rounds(model, x, mask, y, steps, lambda was, new: mask * x + (1 - mask) * new, first=(1 - mask) * x)


@question.also("inverted")
def inverted_in_the_steps(model, x, mask, y=None, steps=20):
    return _by_rounds(model, x, mask, y, steps, lambda was, new: (1 - mask) * x + mask * new)


@question.also("inverted")
def observed_filled_in(model, x, mask, y=None, steps=20):
    return _by_rounds(model, x, mask, y, steps, lambda was, new: (1 - mask) * was + mask * new)


@question.misconception("What is decoded is added to what was there: it replaces the hidden pixels, and no others.")
def added(model, x, mask, y=None, steps=20):
    return _by_rounds(model, x, mask, y, steps, lambda was, new: was + (1 - mask) * new)


@question.also("added")
def added_everywhere(model, x, mask, y=None, steps=20):
    return _by_rounds(model, x, mask, y, steps, lambda was, new: mask * x + new)


@question.also("added")
def added_to_the_whole_picture(model, x, mask, y=None, steps=20):
    return _by_rounds(model, x, mask, y, steps, lambda was, new: x + (1 - mask) * new)


@question.misconception("Logits become probabilities by the sigmoid, not by tanh, ReLU, exp, softmax or a clamp.")
def tanh(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, out=torch.tanh)


@question.also("tanh")
def half_tanh(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, out=lambda x: (torch.tanh(x) + 1) / 2)


@question.also("tanh")
def clamp(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, out=lambda x: x.clamp(0, 1))


@question.also("tanh")
def relu(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, out=torch.relu)


@question.also("tanh")
def exp(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, out=torch.exp)


@question.also("tanh")
def softmax(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, out=lambda x: x.flatten(1).softmax(1).reshape(x.shape))


@question.misconception("The sigmoid comes after the last step alone: each step fills in probabilities.")
def sigmoid_at_the_end(model, x, mask, y=None, steps=20):
    return mask * x + (1 - mask) * torch.sigmoid(_complete(model, x, mask, y, steps, out=lambda x: x))


@question.misconception("The decoder gives logits: apply the sigmoid.")
def logits(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, out=lambda x: x)


@question.misconception("The sigmoid is applied twice: the pictures turn grey.")
def sigmoid_twice(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, out=lambda x: torch.sigmoid(torch.sigmoid(x)))


@question.misconception("There is noise in what is filled in: decode the mean, and fill in the probabilities as they "
                        "are.", random=True)
def sampled(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps,
                     code=lambda mu, logvar: mu + (0.5 * logvar).exp() * torch.randn_like(mu))


@question.misconception("The code is logvar: encode returns (mu, logvar), decode mu.")
def decodes_logvar(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, code=lambda mu, logvar: logvar)


@question.misconception("This is a single step, whatever `steps` says: encode again what was filled in.")
def one_step(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, 1)


@question.misconception("One step too many.")
def one_more(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps + 1)


@question.misconception("One step is missing.")
def one_less(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps - 1)


@question.misconception("The default of `steps` is another one than in the stub: 20 are due where no number is given.")
def default_of_ten(model, x, mask, y=None, steps=10):
    return _complete(model, x, mask, y, steps)


@question.also("default_of_ten")
def default_of_five(model, x, mask, y=None, steps=5):
    return _complete(model, x, mask, y, steps)


@question.also("default_of_ten")
def default_of_fifty(model, x, mask, y=None, steps=50):
    return _complete(model, x, mask, y, steps)


@question.also("default_of_ten")
def default_of_a_hundred(model, x, mask, y=None, steps=100):
    return _complete(model, x, mask, y, steps)


@question.misconception("There is a largest number of steps here: take as many as `steps` says.")
def ten_at_most(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, min(steps, 10))


@question.misconception("Hidden pixels start at 0, not at 0.5.")
def grey_start(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, start=0.5)


@question.misconception("Hidden pixels start at 0, not at 1.")
def white_start(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, start=1.0)


@question.misconception("Hidden pixels start at 0, without noise.", random=True)
def noisy_start(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, start=torch.rand_like(x))


@question.misconception("Hidden pixels start at 0, not at the mean of the picture.")
def mean_start(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, start=x.mean())


@question.misconception("The hidden pixels are black or white: fill in the probabilities, without rounding or drawing.")
def rounded(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, out=lambda x: (x > 0).float())


@question.misconception("Nothing is filled in: encode and decode `steps` times.")
def masked_only(model, x, mask, y=None, steps=20):
    return mask * x


@question.misconception("The hidden pixels are returned as they were in x.")
def unchanged(model, x, mask, y=None, steps=20):
    return x.clone()


@question.misconception("The pictures still carry gradients: work under torch.no_grad().")
def with_gradient(model, x, mask, y=None, steps=20):
    labels = () if y is None else (y,)
    picture = mask * x
    for _ in range(steps):
        picture = mask * x + (1 - mask) * torch.sigmoid(model.decode(model.encode(picture, *labels)[0], *labels))
    return picture


@question.misconception("Return the pictures as (N, 1, 28, 28).")
def flat(model, x, mask, y=None, steps=20):
    return right(model, x, mask, y, steps).flatten(1)


@question.misconception("x is changed in place: work on a new tensor.")
def in_place(model, x, mask, y=None, steps=20):
    filled = right(model, x, mask, y, steps)
    x[mask == 0] = filled[mask == 0]
    return x


@question.misconception("The label is not used: a CVAE needs y in encode and in decode.")
def no_label(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, None, steps)


@question.misconception("A VAE takes no label: call encode(x) and decode(z) where y is None.")
def label_always(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, torch.zeros(len(x), dtype=torch.long) if y is None else y, steps)


@question.misconception("The decoder hears another label than y.")
def zeros_for_label(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, decoded=None if y is None else torch.zeros_like(y))


@question.also("zeros_for_label")
def one_label_for_batch(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, decoded=None if y is None else y[:1].expand_as(y))


@question.misconception("The encoder hears another label than y.")
def zeros_for_encoder(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, None if y is None else torch.zeros_like(y), steps, decoded=y)


@question.misconception("What is filled in is blended with what was there: replace the hidden pixels.")
def blended(model, x, mask, y=None, steps=20):
    picture = mask * x
    for _ in range(steps):
        picture = 0.5 * picture + 0.5 * _complete(model, picture, torch.zeros_like(mask), y, 1, peek=True)
        picture = mask * x + (1 - mask) * picture
    return picture


@question.also("zeros_for_label")
def reversed_labels(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, y, steps, decoded=None if y is None else y.flip(0))


@question.also("zeros_for_encoder")
def reversed_labels_for_encoder(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, None if y is None else y.flip(0), steps, decoded=y)


@question.misconception("Encoder and decoder hear other labels than y: each image has its own, in the order of y.")
def other_labels(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, None if y is None else y.flip(0), steps)


@question.also("other_labels")
def zeros_for_both(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, None if y is None else torch.zeros_like(y), steps)


@question.also("other_labels")
def first_label_for_both(model, x, mask, y=None, steps=20):
    return _complete(model, x, mask, None if y is None else y[:1].expand_as(y), steps)
