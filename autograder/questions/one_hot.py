"""one_hot: integer labels as rows with a single 1."""

import torch
import torch.nn.functional as F

from autograder.questions.definition import Criterion, Question


def one_hot(labels, num_classes=10):
    """(N,) integers -> (N, C) float32, on the labels' device."""
    return F.one_hot(labels, num_classes).float()


def build(draw, given):
    inputs, steps = {}, []
    tests = [{"test": "clean", "criterion": "interface"}]
    for name, n, classes in (("one", 1, 10), ("two", 2, 4), ("five", 5, 7), ("twelve", 12, 10), ("more", 3, 12)):
        labels = draw.labels(n, classes - 1)  # never the last class: the width cannot come from the batch
        if n > 1:
            labels[0], labels[1] = 2, 1
        if classes > 10:
            labels[-1] = 10
        inputs[f"labels_{name}"] = labels
        steps.append({"as": name, "call": "one_hot", "args": [f"$labels_{name}", *([7] if classes == 7 else [])],
                      "kwargs": {"num_classes": classes} if classes in (4, 12) else {}})
        tests += [{"test": "returns", "criterion": "interface", "of": name, "shape": [n, classes], "dtype": "float32"},
                  {"test": "close", "criterion": "value", "of": name}]
    inputs["labels_last"] = torch.tensor([9, 0, 9, 3])
    steps.append({"as": "last", "call": "one_hot", "args": ["$labels_last"]})
    tests.append({"test": "close", "criterion": "value", "of": "last"})
    # the same size with other labels, then with the first ones again: a kept tensor shows what it still holds
    inputs["labels_other"] = (inputs["labels_twelve"] + draw.integer(1, 8)) % 9
    steps += [{"as": "other", "call": "one_hot", "args": ["$labels_other"], "after": ["twelve"]},
              {"as": "again", "call": "one_hot", "args": ["$labels_twelve"], "after": ["other"]}]
    tests += [{"test": "same", "criterion": "value", "of": "again", "other": "twelve",
               "say": "The same labels give another result after other ones: begin each call with new zeros."},
              {"test": "close", "criterion": "value", "of": "other"}]
    steps.append({"as": "elsewhere", "call": "one_hot", "args": ["$labels_five"], "elsewhere": True})
    tests.append({"test": "follows_device", "criterion": "interface", "of": "elsewhere"})
    return inputs, steps, tests


question = Question(
    name="one_hot", task="task2_cvae", answers=("one_hot",), build=build,
    checked="width, dtype, device and the place of the 1, for 4, 7, 10 and 12 classes",
    criteria=(Criterion("interface", "(N, C) of float32 on the labels' device", 1.0),
              Criterion("value", "a single 1 in each row, in the label's column", 1.0, core=True)))

right = one_hot


@question.misconception("The result is int64: layers need float32.")
def integers(labels, num_classes=10):
    return F.one_hot(labels, num_classes)


@question.misconception("The result is boolean: layers need float32.")
def booleans(labels, num_classes=10):
    return F.one_hot(labels, num_classes).bool()


@question.misconception("The result is float64: layers need float32.")
def doubles(labels, num_classes=10):
    return F.one_hot(labels, num_classes).double()


@question.misconception("The width is inferred from the largest label of the batch: it is num_classes.")
def inferred_width(labels, num_classes=10):
    return F.one_hot(labels).float()


@question.misconception("num_classes is ignored: the width is always 10.")
def always_ten(labels, num_classes=10):
    return F.one_hot(labels, 10).float()


@question.also("always_ten")
def ten_columns(labels, num_classes=10):
    return torch.zeros(len(labels), 10, device=labels.device).scatter_(1, labels.unsqueeze(1), 1.0)


@question.also("always_ten")
def identity_of_ten(labels, num_classes=10):
    return torch.eye(10, device=labels.device)[labels]


@question.misconception("scatter_ runs along axis 0: the label chooses the column, axis 1.")
def wrong_axis(labels, num_classes=10):
    size = max(len(labels), num_classes)
    rows = torch.zeros(size, size, device=labels.device).scatter_(0, labels.unsqueeze(0), 1.0)
    return rows[:len(labels), :num_classes]


@question.misconception("out[labels] = 1 fills whole rows: one entry of each row is 1, in the label's column.")
def whole_rows(labels, num_classes=10):
    out = torch.zeros(max(len(labels), num_classes), num_classes, device=labels.device)
    out[labels] = 1
    return out[:len(labels)]


@question.misconception("out[:, labels] = 1 fills whole columns: each row has a single 1.")
def whole_columns(labels, num_classes=10):
    out = torch.zeros(len(labels), num_classes, device=labels.device)
    out[:, labels] = 1
    return out


@question.misconception("The label stands as one number: give each class a column of its own.")
def one_number(labels, num_classes=10):
    return labels.float().unsqueeze(1)


@question.misconception("The 1 stands one column too far to the right: labels start at 0.")
def off_by_one(labels, num_classes=10):
    return F.one_hot(labels + 1, num_classes).float()


@question.misconception("The 1 stands one column too far to the left: labels start at 0.")
def off_by_minus_one(labels, num_classes=10):
    return F.one_hot((labels - 1) % num_classes, num_classes).float()


@question.misconception("The result is transposed: (N, C), one row for each label.")
def transposed(labels, num_classes=10):
    return right(labels, num_classes).T


@question.misconception("The label itself stands in its column: the entry is 1.")
def label_as_entry(labels, num_classes=10):
    return right(labels, num_classes) * labels.unsqueeze(1)


@question.misconception("The result is made on the CPU whatever the device of the labels: make it where they live.")
def on_cpu(labels, num_classes=10):
    return torch.eye(num_classes)[labels.cpu()]


@question.misconception("Zeros and ones are exchanged.")
def inverted(labels, num_classes=10):
    return 1 - right(labels, num_classes)


@question.also("inferred_width")
def as_many_as_different(labels, num_classes=10):
    classes, index = labels.unique(return_inverse=True)
    return F.one_hot(index, len(classes)).float()


@question.also("whole_rows")
def whole_rows_of_the_batch(labels, num_classes=10):
    out = torch.zeros(len(labels), num_classes, device=labels.device)
    out[labels] = 1
    return out


@question.also("one_number")
def share_of_classes(labels, num_classes=10):
    return labels.float().unsqueeze(1) / num_classes


@question.also("one_number")
def repeated_number(labels, num_classes=10):
    return labels.float().unsqueeze(1).repeat(1, num_classes)


@question.also("off_by_one")
def off_by_one_around(labels, num_classes=10):
    return F.one_hot((labels + 1) % num_classes, num_classes).float()


@question.misconception("The 1 is smoothed over the classes: its entry is 1 and all others are 0.")
def smoothed(labels, num_classes=10):
    return 0.9 * right(labels, num_classes) + 0.1 / num_classes


@question.misconception("All columns up to the label are 1: only the label's own column is.")
def cumulative(labels, num_classes=10):
    return right(labels, num_classes).flip(1).cumsum(1).flip(1)


@question.misconception("The first label is used for the whole batch: each row has its own.")
def first_label(labels, num_classes=10):
    return right(labels[:1], num_classes).expand(len(labels), -1)


@question.misconception("The labels are sorted or reordered: row n belongs to label n.")
def sorted_labels(labels, num_classes=10):
    return right(labels.sort().values, num_classes)


@question.also("sorted_labels")
def reversed_labels(labels, num_classes=10):
    return right(labels.flip(0), num_classes)


@question.misconception("There are at most ten columns or labels: num_classes may be larger.")
def ten_at_most(labels, num_classes=10):
    return torch.eye(10)[labels][:, :num_classes]


@question.also("ten_at_most")
def labels_up_to_nine(labels, num_classes=10):
    return right(labels.clamp(max=9), num_classes)


@question.misconception("The columns run backwards: label k belongs to column k.")
def columns_backwards(labels, num_classes=10):
    return right(labels, num_classes).flip(1)


@question.misconception("The labels are numbered anew within the batch: label k belongs to column k, whatever else is there.")
def numbered_anew(labels, num_classes=10):
    return right(labels.unique(return_inverse=True)[1], num_classes)
