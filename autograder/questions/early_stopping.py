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
          "rises": (3, True), "last": (3, None), "one": (3, False), "zigzag": (2, True), "long": (5, True),
          "once": (1, True), "at_once": (1, True), "patient": (8, True), "zero": (3, True),
          "open": (4, False), "few": (7, False)}
# Where losses start, how far a step goes at least and at most, and their decimals: no first best is too high, no change
# too little (though single precision sees it).
SCALES = ((100, 0.3, 4.0, 1), (0.001, 2e-9, 9e-9, 11), (3e12, 3e10, 4e11, 0), (1, 0.3, 4.0, 2))


def build(draw, given):
    """Each shape in each scale; they differ in their numbers and in their lengths."""
    steps, tests = [], [{"test": "clean", "criterion": "interface"}]
    for shape, (patience, _) in SHAPES.items():
        for i, scale in enumerate(SCALES):
            name = f"{shape}{i}"
            steps.append({"as": name, "call": "early_stopping", "args": [_losses(draw, shape, *scale), patience],
                          "numbers": True})
            tests += [{"test": "count", "criterion": "interface", "of": name, "n": 2},
                      *({"test": "whole", "criterion": "interface", "of": f"{name}.{part}"} for part in (0, 1)),
                      {"test": "close", "criterion": "stop", "of": f"{name}.0", "atol": 0.1, "rtol": 0.0},
                      {"test": "close", "criterion": "best", "of": f"{name}.1", "atol": 0.1, "rtol": 0.0}]
    steps.append({**steps[0], "as": "again"})
    tests.append({"test": "same", "criterion": "stop", "of": "again.0", "other": f"{steps[0]['as']}.0"})
    return {}, steps, tests


def _losses(draw, shape: str, start: float, least: float, most: float, digits: int) -> list[float]:
    """Losses from `start` to 1.5 `start` on: steps down (d), up (u) and ties (t) with the best so far.

    Those of the shape "zero" are moved so that the best one until the stop is 0.
    """
    pattern = {
        "ties": "dddttuttt", "again": "ddutdduuudd", "late": "duudddd", "never": "duudduuudd", "falls": "dddddd",
        "rises": "uuuuuu", "last": "dddduuu", "one": "", "zigzag": "dudududuudd", "long": "duuutduuuuuuddd",
        "once": "ddudd", "at_once": "udduddu", "patient": "duuuuuuduuuuuuuudd",
        "zero": "ddutuudd", "open": "dduduu", "few": "dud"}[shape]
    if shape in ("falls", "rises", "long"):
        pattern += pattern[-1] * draw.integer(0, 4)
    elif shape not in ("one", "at_once"):
        pattern = "d" * draw.integer(0, 3) + pattern
    losses = [round(start * float(draw.uniform(1, low=1.0, high=1.5)), digits)]
    for step in pattern:
        best, change = min(losses), float(draw.uniform(1, low=least, high=most))    # up: below or above the last
        losses.append(round(best + {"d": -change, "u": change, "t": 0.0}[step], digits))
    if shape == "zero":
        losses = [round(loss - min(losses[:-2]), digits) for loss in losses]
    return losses


question = Question(
    name="early_stopping", task="task3_experiments", answers=("early_stopping",), build=build,
    checked="64 courses of losses, large, tiny, 0 and below: with ties, without an end, with a better epoch after the stop",
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


@question.misconception("Every lower loss is a new best one, by however little: compare the losses as they are.")
def least_change(losses, patience):
    return _stop(losses, patience, better=lambda loss, best: loss < best - 1e-4)


@question.also("least_change")
def least_change_of_a_hundred_millionth(losses, patience):
    return _stop(losses, patience, better=lambda loss, best: loss < best - 1e-8)


@question.also("least_change")
def least_change_of_a_tenth(losses, patience):
    return _stop(losses, patience, better=lambda loss, best: loss < best - 0.1)


@question.also("least_change")
def least_change_of_a_thousandth(losses, patience):
    return _stop(losses, patience, better=lambda loss, best: loss < best - 1e-3)


@question.also("least_change")
def relative_change(losses, patience):
    return _stop(losses, patience, better=lambda loss, best: loss < best * (1 - 1e-4))


@question.also("least_change")
def isclose(losses, patience):
    return _stop(losses, patience, better=lambda loss, best: best - loss > 1e-8 + 1e-5 * abs(best))


@question.also("least_change")
def rounded(losses, patience):
    return right([round(loss, 1) for loss in losses], patience)


@question.also("least_change")
def rounded_to_four(losses, patience):
    return right([round(loss, 4) for loss in losses], patience)


@question.misconception("A loss of 0 is a loss like any other: it is the best one until something lies below 0.")
def zero_is_none(losses, patience):
    return _stop(losses, patience, better=lambda loss, best: not best or loss < best)


@question.also("zero_is_none")
def zeros_left_out(losses, patience):
    return _stop(losses, patience, better=lambda loss, best: loss and loss < best)


@question.misconception("Losses may be below 0, and lower is better there, too: compare them with their sign.")
def absolute(losses, patience):
    return right([abs(loss) for loss in losses], patience)


def _from(first_best, losses, patience):
    """As if an epoch 0 with this loss had come first; best_epoch 1 where there is no better one."""
    best, best_epoch = first_best, 1
    for epoch, loss in enumerate(losses, 1):
        if loss < best:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses), best_epoch


@question.misconception("The first best loss is a fixed number, and losses may lie above it: start from infinity.")
def fixed_start(losses, patience):
    return _from(1000.0, losses, patience)


@question.also("fixed_start")
def fixed_start_of_a_billion(losses, patience):
    return _from(1e9, losses, patience)


@question.also("fixed_start")
def fixed_start_of_hundred(losses, patience):
    return _from(100.0, losses, patience)


@question.also("fixed_start")
def fixed_start_of_one(losses, patience):
    return _from(1.0, losses, patience)


@question.also("fixed_start")
def fixed_start_of_zero(losses, patience):
    return _from(0.0, losses, patience)


@question.misconception("The patience is another number here: use it as it is given, even if it is 1.")
def patience_of_two_or_more(losses, patience):
    return right(losses, max(patience, 2))


@question.also("patience_of_two_or_more")
def patience_of_five_at_most(losses, patience):
    return right(losses, min(patience, 5))


@question.also("patience_of_two_or_more")
def patience_of_three(losses, patience):
    return right(losses, 3)


@question.misconception("One epoch too late: stop as soon as `patience` epochs in a row brought nothing better.")
def one_late(losses, patience):
    return _stop(losses, patience, late=1)


@question.misconception("One epoch too early: `patience` epochs in a row must bring nothing better.")
def one_early(losses, patience):
    return _stop(losses, patience, late=-1) if patience > 1 else right(losses, patience)


@question.also("one_early")
def one_early_always(losses, patience):
    return _stop(losses, patience, late=-1)


@question.misconception("A rise at epoch 2 is left out: with patience 1 training stops there.")
def never_at_epoch_two(losses, patience):
    best = 1
    for epoch, loss in enumerate(losses, 1):
        if loss < losses[best - 1]:
            best = epoch
        elif epoch - best >= patience and epoch > 2:
            return epoch, best
    return len(losses), best


@question.also("never_at_epoch_two")
def waits_from_epoch_two(losses, patience):
    best = 1
    for epoch, loss in enumerate(losses, 1):
        if loss < losses[best - 1]:
            best = epoch
        elif epoch - max(best, 2) >= patience:
            return epoch, best
    return len(losses), best


@question.misconception("The list of losses is changed (pop, insert, append, sort): whoever plots it later gets other "
                        "losses, so work on a copy.")
def in_place(losses, patience):
    found = right(losses, patience)
    losses.pop(0)
    return found


@question.also("in_place")
def inserted(losses, patience):
    found = right(losses, patience)
    losses.insert(0, float("inf"))
    return found


@question.also("in_place")
def sorted_first(losses, patience):
    losses.sort()
    return right(losses, patience)


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


@question.misconception("Where nothing stops the training, best_epoch is still the best one, not the last.")
def last_is_best_at_the_end(losses, patience):
    stop, best = right(losses, patience)
    return (stop, best) if stop - best >= patience else (stop, stop)


@question.misconception("The losses may end before patience is used up: training then ends with the last of them.")
def patience_at_least(losses, patience):
    stop, best = right(losses, patience)
    return max(stop, patience), best


@question.also("patience_at_least")
def patience_beyond_the_end(losses, patience):
    stop, best = right(losses, patience)
    return max(stop, best + patience), best


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
