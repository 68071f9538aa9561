"""condition: features and label side by side."""

import torch

from autograder.questions.definition import Criterion, Question


def condition(features, onehot):
    """(N, D), (N, C) -> (N, D + C), features first."""
    return torch.cat([features, onehot], dim=1)


def build(draw, given):
    inputs, steps = {"w": draw.signed(128)}, []
    tests = [{"test": "clean", "criterion": "interface"}]
    for n, d, c in ((1, 6, 4), (5, 3, 10), (4, 4, 4), (2, 1, 3), (3, 800, 12)):
        name = f"n{n}d{d}c{c}"
        labels = draw.permutation(max(n, c))[:n] % c
        labels[0] = labels[1 % n]       # twice the same: no square of labels is its own transpose
        inputs |= {f"features_{name}": draw.signed(n, d, high=9.0), f"onehot_{name}": torch.eye(c)[labels]}
        steps.append({"as": name, "call": "condition", "args": [f"$features_{name}", f"$onehot_{name}"],
                      "grad": [f"features_{name}"], "weights": "w"})
        tests += [{"test": "returns", "criterion": "interface", "of": name, "shape": [n, d + c]},
                  {"test": "close", "criterion": "value", "of": name},
                  {"test": "gradient", "criterion": "value", "of": name, "wrt": f"features_{name}"}]
    steps.append({"as": "again", "call": "condition", "args": steps[1]["args"], "no_grad": True})
    tests.append({"test": "same", "criterion": "value", "of": "again", "other": steps[1]["as"]})
    return inputs, steps, tests


question = Question(
    name="condition", task="task2_cvae", answers=("condition",), build=build,
    checked="features first, then the label, row by row, gradient included",
    criteria=(Criterion("interface", "(N, D + C), inputs left alone", 0.5),
              Criterion("value", "each row: its features, then its label", 1.5, core=True)))


@question.misconception("The order is swapped: features first, then the label.")
def swapped(features, onehot):
    return torch.cat([onehot, features], dim=1)


@question.misconception("You concatenate along the batch (axis 0): put the label beside the features (axis 1).")
def along_batch(features, onehot):
    width = max(features.shape[1], onehot.shape[1])
    pad = torch.nn.functional.pad
    return torch.cat([pad(features, (0, width - features.shape[1])), pad(onehot, (0, width - onehot.shape[1]))])


@question.misconception("torch.cat needs dim=1: its default is the batch axis.")
def default_axis(features, onehot):
    return torch.cat([features, onehot])


@question.misconception("The label is left out.")
def no_label(features, onehot):
    return features


@question.misconception("The features are left out.")
def no_features(features, onehot):
    return onehot


@question.misconception("The label stands as one number: keep its one-hot columns.")
def one_number(features, onehot):
    return torch.cat([features, onehot.argmax(1, keepdim=True).float()], dim=1)


@question.misconception("The first label is used for the whole batch: each image has its own.")
def first_label(features, onehot):
    return torch.cat([features, onehot[:1].expand(len(features), -1)], dim=1)


@question.misconception("The features are cut from the network (detach): the encoder could not learn.")
def detached(features, onehot):
    return torch.cat([features.detach(), onehot], dim=1)


@question.misconception("stack makes a new axis: concatenate along axis 1.")
def stacked(features, onehot):
    return torch.stack([features, onehot], dim=1)


@question.misconception("Adding mixes label and features: put them side by side.")
def added(features, onehot):
    width = max(features.shape[1], onehot.shape[1])
    pad = torch.nn.functional.pad
    return pad(features, (0, width - features.shape[1])) + pad(onehot, (0, width - onehot.shape[1]))


@question.also("added")
def added_plainly(features, onehot):
    return features + onehot


@question.misconception("The columns are in another order: all features first, then the whole label.")
def interleaved(features, onehot):
    return torch.cat([features, onehot], dim=1).flip(1)


@question.misconception("The label is replaced by a constant: put the one-hot columns themselves.")
def zeros_for_label(features, onehot):
    return torch.cat([features, torch.zeros_like(onehot)], dim=1)


@question.also("zeros_for_label")
def ones_for_label(features, onehot):
    return torch.cat([features, torch.ones_like(onehot)], dim=1)


@question.misconception("reshape mixes the images: join row by row, along axis 1.")
def scrambled(features, onehot):
    return torch.cat([features.flatten(), onehot.flatten()]).view(len(features), -1)


@question.misconception("The rows of the labels are in another order: row n of both belongs to image n.")
def rows_shuffled(features, onehot):
    return torch.cat([features, onehot.flip(0)], dim=1)


@question.misconception("The numbers are rescaled: put features and label side by side as they are.")
def normalised(features, onehot):
    return torch.nn.functional.normalize(torch.cat([features, onehot], dim=1), dim=1)


@question.also("normalised")
def softmax(features, onehot):
    return torch.softmax(torch.cat([features, onehot], dim=1), dim=1)
