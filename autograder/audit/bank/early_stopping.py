# wrong: from_zero
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch in range(len(losses)):
        if losses[epoch] < best:
            best, best_epoch = losses[epoch], epoch
        elif epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses) - 1, best_epoch

# wrong: exchanged
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            break
    return best_epoch, epoch

# wrong: ties_improve
def early_stopping(losses, patience):
    best, best_epoch, wait = float("inf"), 0, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss <= best:
            best, best_epoch, wait = loss, epoch, 0
        else:
            wait += 1
            if wait == patience:
                break
    return epoch, best_epoch

# wrong: one_late
def early_stopping(losses, patience):
    best, best_epoch, wait = float("inf"), 0, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch, wait = loss, epoch, 0
        else:
            wait += 1
            if wait > patience:
                break
    return epoch, best_epoch

# wrong: not_reset
def early_stopping(losses, patience):
    best, best_epoch, wait = float("inf"), 0, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        else:
            wait += 1
        if wait >= patience:
            break
    return epoch, best_epoch

# wrong: with_previous
def early_stopping(losses, patience):
    wait = 0
    for i in range(1, len(losses)):
        if losses[i] < losses[i - 1]:
            wait = 0
        else:
            wait += 1
        if wait == patience:
            return i + 1, int(np.argmin(losses[:i + 1])) + 1
    return len(losses), int(np.argmin(losses)) + 1

# wrong: best_of_all
def early_stopping(losses, patience):
    best, wait, stop = float("inf"), 0, len(losses)
    for epoch, loss in enumerate(losses, start=1):
        wait = 0 if loss < best else wait + 1
        best = min(best, loss)
        if wait >= patience:
            stop = epoch
            break
    return stop, int(torch.tensor(losses).argmin()) + 1

# wrong: sees_the_future
def early_stopping(losses, patience):
    best_epoch = int(np.argmin(losses)) + 1
    return min(len(losses), best_epoch + patience), best_epoch

# wrong: never_stops
def early_stopping(losses, patience):
    return len(losses), int(np.argmin(losses)) + 1

# wrong: nothing_at_the_end
def early_stopping(losses, patience):
    best, best_epoch, stop = float("inf"), 0, None
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch == patience:
            stop = epoch
            break
    return stop, best_epoch

# wrong: loss_for_epoch
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            break
    return epoch, best

# wrong: stop_only
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            break
    return epoch

# wrong: best_from_zero
def early_stopping(losses, patience):
    for stop in range(1, len(losses) + 1):
        seen = losses[:stop]
        if stop - 1 - seen.index(min(seen)) >= patience:
            break
    return stop, seen.index(min(seen))

# wrong: least_change - min_delta
def early_stopping(losses, patience, min_delta=1e-4):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best - min_delta:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            break
    return epoch, best_epoch

# wrong: least_change - of a tenth
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if best - loss > 0.1:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            break
    return epoch, best_epoch

# wrong: least_change - relative, as ReduceLROnPlateau has it
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best * (1 - 1e-4):
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            break
    return epoch, best_epoch

# wrong: least_change - losses rounded
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate((round(value, 1) for value in losses), start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            break
    return epoch, best_epoch

# wrong: absolute
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if abs(loss) < best:
            best, best_epoch = abs(loss), epoch
        elif epoch - best_epoch >= patience:
            break
    return epoch, best_epoch

# wrong: fixed_start
def early_stopping(losses, patience):
    best, best_epoch = 1000, 1
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            break
    return epoch, best_epoch

# wrong: patience_of_two_or_more
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= max(2, patience):
            break
    return epoch, best_epoch

# wrong: patience_of_two_or_more - five at most
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= min(5, patience):
            break
    return epoch, best_epoch

# wrong: never_at_epoch_two
def early_stopping(losses, patience):
    best, best_epoch = float("inf"), 0
    for e, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, e
        elif e - best_epoch > patience - 1 and e > 2:
            return e, best_epoch
    return e, best_epoch

# wrong: never_at_epoch_two - the first two are compared, and nothing is counted there
def early_stopping(losses, patience):
    if len(losses) == 1:
        return 1, 1
    best_epoch, wait = (1, 0) if losses[0] <= losses[1] else (2, 0)
    for epoch in range(3, len(losses) + 1):
        if losses[epoch - 1] < losses[best_epoch - 1]:
            best_epoch, wait = epoch, 0
        else:
            wait += 1
        if wait == patience:
            return epoch, best_epoch
    return len(losses), best_epoch

# wrong: in_place, "changes its input" - taken from the list one after the other
def early_stopping(losses, patience):
    best, best_epoch, epoch = losses.pop(0), 1, 1
    while losses and epoch - best_epoch < patience:
        loss, epoch = losses.pop(0), epoch + 1
        if loss < best:
            best, best_epoch = loss, epoch
    return epoch, best_epoch

# wrong: in_place, "changes its input" - something before epoch 1
def early_stopping(losses, patience):
    losses.insert(0, float("inf"))
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            break
    return epoch, best

# wrong: in_place, "changes its input" - something after the last epoch
def early_stopping(losses, patience):
    losses.append(None)
    best, best_epoch, epoch = float("inf"), 0, 0
    while losses[epoch] is not None:
        epoch += 1
        if losses[epoch - 1] < best:
            best, best_epoch = losses[epoch - 1], epoch
        if epoch - best_epoch >= patience:
            break
    return epoch, best_epoch

# wrong: in_place, "changes its input" - sorted to find the lowest
def early_stopping(losses, patience):
    order = losses
    order.sort()
    for stop in range(1, len(losses) + 1):
        best_epoch = losses.index(order[0]) + 1
        if stop - best_epoch >= patience:
            break
    return stop, best_epoch

# wrong: least_change - as numpy compares
def early_stopping(losses, patience):
    best = 1
    for epoch, loss in enumerate(losses, 1):
        if loss < losses[best - 1] and not np.isclose(loss, losses[best - 1]):
            best = epoch
        if epoch - best == patience:
            return epoch, best
    return len(losses), best

# wrong: least_change - of a millionth
def early_stopping(losses, patience, min_delta=1e-6):
    best, wait = losses[0], 0
    best_epoch = 1
    for epoch in range(2, len(losses) + 1):
        if losses[epoch - 1] < best - min_delta:
            best, best_epoch, wait = losses[epoch - 1], epoch, 0
        else:
            wait += 1
            if wait == patience:
                return epoch, best_epoch
    return len(losses), best_epoch

# wrong: fixed_start - a million
def early_stopping(losses, patience):
    best_loss, best_epoch = 1e6, 1
    for epoch, loss in enumerate(losses, 1):
        if loss < best_loss:
            best_loss, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses), best_epoch

# wrong: zero_is_none
def early_stopping(losses, patience):
    best_loss, best_epoch = None, 0
    for epoch, loss in enumerate(losses, 1):
        if not best_loss or loss < best_loss:
            best_loss, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses), best_epoch

# wrong: zero_is_none - skipped
def early_stopping(losses, patience):
    best_epoch, waited = 1, 0
    for epoch in range(2, len(losses) + 1):
        loss = losses[epoch - 1]
        if loss and loss < losses[best_epoch - 1]:
            best_epoch, waited = epoch, 0
        else:
            waited += 1
        if waited == patience:
            return epoch, best_epoch
    return len(losses), best_epoch

# wrong: last_is_best_at_the_end
def early_stopping(losses, patience):
    best = 1
    for e, l in enumerate(losses, 1):
        if l < losses[best - 1]:
            best = e
        if e - best == patience:
            return e, best
    return e, e

# wrong: patience_at_least
def early_stopping(losses, patience):
    stop = patience
    while stop < len(losses) and stop - (losses.index(min(losses[:stop])) + 1) < patience:
        stop += 1
    return stop, losses.index(min(losses[:stop])) + 1

# right: taken from a copy one after the other
def early_stopping(losses, patience):
    losses = list(losses)
    best, best_epoch, epoch = losses.pop(0), 1, 1
    while losses and epoch - best_epoch < patience:
        loss, epoch = losses.pop(0), epoch + 1
        if loss < best:
            best, best_epoch = loss, epoch
    return epoch, best_epoch

# right: waiting is counted
def early_stopping(losses, patience):
    best, best_epoch, wait = float("inf"), 0, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch, wait = loss, epoch, 0
        else:
            wait += 1
            if wait == patience:
                break
    return epoch, best_epoch

# right: what was seen until now, again in each epoch
def early_stopping(losses, patience):
    for stop in range(1, len(losses) + 1):
        seen = losses[:stop]
        best = seen.index(min(seen)) + 1
        if stop >= best + patience:
            break
    return stop, best

# right: NumPy's integers, from a running minimum
def early_stopping(losses, patience):
    losses = np.asarray(losses)
    lowest = np.minimum.accumulate(losses)
    new = np.r_[True, lowest[1:] < lowest[:-1]]
    epochs = np.arange(1, len(losses) + 1)
    best = np.maximum.accumulate(np.where(new, epochs, 0))
    stops = epochs[epochs - best >= patience]
    stop = stops[0] if len(stops) else epochs[-1]
    return stop, best[stop - 1]

# right: a tensor of losses, a list of results, a while loop
def early_stopping(losses, patience):
    values = torch.tensor(losses, dtype=torch.float64)
    stop, best = 1, 1
    while stop < len(values) and stop - best < patience:
        stop += 1
        if values[stop - 1] < values[best - 1]:
            best = stop
    return [stop, best]

# right: numbers as tensors
def early_stopping(losses, patience):
    best = 0
    for i in range(len(losses)):
        if losses[i] < losses[best]:
            best = i
        if i - best == patience:
            break
    return torch.tensor(i + 1), torch.tensor(best + 1)
