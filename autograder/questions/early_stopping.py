"""early_stopping: when to stop training, and which epoch was the best until then."""

from autograder.questions.definition import Criterion, Question


def early_stopping(losses, patience):
    """list of L numbers, int -> (stop_epoch, best_epoch), counted from 1.

    best_epoch has the lowest loss up to stop_epoch, the first of them where several are equal. stop_epoch is the first
    with `patience` epochs since the best one, or L where there is none (Prechelt 1998, with a strip of one epoch).
    """
    best = 1
    for epoch, loss in enumerate(losses, 1):
        if loss < losses[best - 1]:
            best = epoch
        if epoch - best >= patience:
            return epoch, best
    return len(losses), best


# What a sequence of losses must contain: the patience, and whether the reference must stop before the end (None: at it).
SHAPES = {"ties": (3, True), "again": (2, True), "late": (2, True), "never": (4, False), "falls": (1, False),
          "rises": (3, True), "last": (3, None), "one": (1, False), "zigzag": (2, True), "long": (5, True)}


def build(draw, given):
    """Three of each shape, which differ in their numbers and in their lengths."""
    steps, tests = [], [{"test": "clean", "criterion": "interface"}]
    for shape, (patience, _) in SHAPES.items():
        for i in range(3):
            name = f"{shape}{i}"
            steps.append({"as": name, "call": "early_stopping", "args": [_losses(draw, shape), patience],
                          "numbers": True})
            tests += [{"test": "count", "criterion": "interface", "of": name, "n": 2},
                      *({"test": "whole", "criterion": "interface", "of": f"{name}.{part}"} for part in (0, 1)),
                      {"test": "close", "criterion": "stop", "of": f"{name}.0", "atol": 0.1, "rtol": 0.0},
                      {"test": "close", "criterion": "best", "of": f"{name}.1", "atol": 0.1, "rtol": 0.0}]
    return {}, steps, tests


def _losses(draw, shape: str) -> list[float]:
    """Losses around 100, with one decimal: steps down (d), up (u) and ties (t) with the best so far."""
    pattern = {
        "ties": "dddttuttt", "again": "ddutdduuudd", "late": "duudddd", "never": "duudduuudd", "falls": "dddddd",
        "rises": "uuuuuu", "last": "dddduuu", "one": "", "zigzag": "dudududuudd", "long": "duuutduuuuuuddd"}[shape]
    if shape in ("falls", "rises", "long"):
        pattern += pattern[-1] * draw.integer(0, 4)
    elif shape not in ("one", "last"):
        pattern = "d" * draw.integer(0, 3) + pattern
    elif shape == "last":
        pattern = "d" * draw.integer(0, 3) + pattern
    losses = [100 + draw.integer(0, 500) / 10]
    for step in pattern:
        best = min(losses)
        change = draw.integer(3, 40) / 10
        if step == "u" and losses[-1] > best:   # above the best, below or above the last
            losses.append(round(best + change, 1))
        else:
            losses.append(round(best + {"d": -change, "u": change, "t": 0.0}[step], 1))
    return losses


question = Question(
    name="early_stopping", task="task3_experiments", answers=("early_stopping",), build=build,
    checked="30 courses of losses: with ties, without an end, with a better epoch after the stop",
    criteria=(Criterion("interface", "two whole numbers, the losses left alone", 0.5),
              Criterion("stop", "the first epoch with `patience` epochs since the best one", 1.0, core=True),
              Criterion("best", "the best epoch until then, the first of equals", 0.5)))


right = early_stopping


def _stop(losses, patience, better=lambda loss, best: loss < best, late=0, reset=True):
    """The reference with one part exchanged."""
    best, waited = 1, 0
    for epoch, loss in enumerate(losses, 1):
        if epoch > 1:
            if better(loss, losses[best - 1]):
                best, waited = epoch, 0 if reset else waited
            else:
                waited += 1
        if waited >= patience + late:
            return epoch, best
    return len(losses), best


@question.misconception("Epochs are counted from 1: yours are counted from 0.")
def from_zero(losses, patience):
    stop, best = right(losses, patience)
    return stop - 1, best - 1


@question.misconception("The two results are exchanged: stop_epoch comes first.")
def exchanged(losses, patience):
    return right(losses, patience)[::-1]


@question.misconception("A tie is no improvement: only a lower loss is a new best epoch.")
def ties_improve(losses, patience):
    return _stop(losses, patience, better=lambda loss, best: loss <= best)


@question.misconception("One epoch too late: stop as soon as `patience` epochs in a row brought nothing better.")
def one_late(losses, patience):
    return _stop(losses, patience, late=1)


@question.misconception("One epoch too early: `patience` epochs in a row must bring nothing better.")
def one_early(losses, patience):
    return _stop(losses, patience, late=-1) if patience > 1 else right(losses, patience)


@question.also("one_early")
def one_early_always(losses, patience):
    return _stop(losses, patience, late=-1)


@question.misconception("The count is not set back: a new best epoch starts the waiting anew.")
def not_reset(losses, patience):
    return _stop(losses, patience, reset=False)


@question.misconception("The loss is compared with that of the epoch before: compare it with the best so far.")
def with_previous(losses, patience):
    waited = 0
    for epoch in range(2, len(losses) + 1):
        waited = waited + 1 if losses[epoch - 1] >= losses[epoch - 2] else 0
        if waited >= patience:
            return epoch, losses.index(min(losses[:epoch])) + 1
    return len(losses), losses.index(min(losses)) + 1


@question.also("with_previous")
def with_previous_and_best_before(losses, patience):
    waited = 0
    for epoch in range(2, len(losses) + 1):
        waited = waited + 1 if losses[epoch - 1] > losses[epoch - 2] else 0
        if waited >= patience:
            return epoch, epoch - patience
    return len(losses), losses.index(min(losses)) + 1


@question.misconception("The best epoch of the whole course is returned: training does not get beyond the stop.")
def best_of_all(losses, patience):
    return right(losses, patience)[0], losses.index(min(losses)) + 1


@question.misconception("The lowest loss of the whole course decides when to stop: at that time nobody knows it yet.")
def sees_the_future(losses, patience):
    best = losses.index(min(losses)) + 1
    return min(best + patience, len(losses)), best


@question.misconception("Training never stops here: look for the first epoch with `patience` epochs since the best.")
def never_stops(losses, patience):
    return len(losses), losses.index(min(losses)) + 1


@question.misconception("Where nothing stops the training, stop_epoch is the last epoch, len(losses).")
def nothing_at_the_end(losses, patience):
    stop, best = right(losses, patience)
    return (stop, best) if stop - best >= patience else (None, best)


@question.also("nothing_at_the_end")
def zero_at_the_end(losses, patience):
    stop, best = right(losses, patience)
    return (stop, best) if stop - best >= patience else (0, best)


@question.also("nothing_at_the_end")
def minus_one_at_the_end(losses, patience):
    stop, best = right(losses, patience)
    return (stop, best) if stop - best >= patience else (-1, best)


@question.also("nothing_at_the_end")
def one_beyond_the_end(losses, patience):
    stop, best = right(losses, patience)
    return (stop, best) if stop - best >= patience else (len(losses) + 1, best)


@question.misconception("Best is the lowest loss, not the highest.")
def highest(losses, patience):
    return _stop(losses, patience, better=lambda loss, best: loss > best)


@question.misconception("best_epoch is an epoch, not its loss.")
def loss_for_epoch(losses, patience):
    stop, best = right(losses, patience)
    return stop, losses[best - 1]


@question.misconception("The best epoch is not always `patience` before the stop: at the end of the losses it may be nearer.")
def stop_minus_patience(losses, patience):
    stop = right(losses, patience)[0]
    return stop, stop - patience


@question.misconception("The last of several equal epochs is returned: the first of them is the best.")
def last_of_ties(losses, patience):
    stop, best = right(losses, patience)
    return stop, max(i for i in range(1, stop + 1) if losses[i - 1] == losses[best - 1])


@question.misconception("Both results are due: stop_epoch and best_epoch.")
def stop_only(losses, patience):
    return right(losses, patience)[0]


@question.misconception("stop_epoch alone is counted from 0, best_epoch from 1: count both from 1.")
def stop_from_zero(losses, patience):
    stop, best = right(losses, patience)
    return stop - 1, best


@question.misconception("best_epoch alone is counted from 0, stop_epoch from 1: count both from 1.")
def best_from_zero(losses, patience):
    stop, best = right(losses, patience)
    return stop, best - 1


@question.misconception("The stop is the best epoch: it comes `patience` epochs later.")
def stop_at_best(losses, patience):
    best = right(losses, patience)[1]
    return best, best
