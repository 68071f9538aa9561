# wrong: swapped
def condition(features, onehot):
    return torch.cat((onehot, features), -1)

# wrong: along_batch - padded
def condition(features, onehot):
    n = max(features.size(1), onehot.size(1))
    rows = [F.pad(t, (0, n - t.size(1))) for t in (features, onehot)]
    return torch.cat(rows, dim=0)

# wrong: default_axis, along_batch
def condition(features, onehot):
    return torch.cat((features, onehot))

# wrong: default_axis, along_batch
def condition(features, onehot):
    return torch.vstack([features, onehot])

# wrong: no_label
def condition(features, onehot):
    return features.clone()

# wrong: no_features
def condition(features, onehot):
    return onehot.clone()

# wrong: one_number
def condition(features, onehot):
    label = onehot.argmax(dim=1).float()
    return torch.cat([features, label[:, None]], dim=1)

# wrong: first_label
def condition(features, onehot):
    return torch.cat([features, onehot[0].repeat(features.shape[0], 1)], dim=1)

# wrong: detached
def condition(features, onehot):
    return torch.hstack([features.data, onehot])

# wrong: detached - no_grad
@torch.no_grad()
def condition(features, onehot):
    return torch.cat([features, onehot], 1)

# wrong: stacked
def condition(features, onehot):
    return torch.stack((features, onehot), dim=1)

# wrong: "a tuple of 2" - a tuple
def condition(features, onehot):
    return features, onehot

# wrong: "must match the size", added
def condition(features, onehot):
    return features + onehot

# wrong: "(1, 24)"
def condition(features, onehot):
    return torch.einsum("nd,nc->ndc", features, onehot).flatten(1)

# wrong: interleaved
def condition(features, onehot):
    both = torch.cat([features, onehot], dim=1)
    return both[:, torch.arange(both.shape[1]).flip(0)]

# wrong: zeros_for_label
def condition(features, onehot):
    return torch.cat([features, torch.zeros_like(onehot)], dim=1)

# wrong: zeros_for_label
def condition(features, onehot):
    return torch.cat([features, torch.ones_like(onehot)], dim=1)

# wrong: "(1, 14)"
def condition(features, onehot):
    return torch.cat([features, onehot, onehot], dim=1)

# wrong: "(1, 1, 10)"
def condition(features, onehot):
    return torch.cat([features, onehot], dim=1).unsqueeze(1)

# wrong: "(10,)"
def condition(features, onehot):
    return torch.cat([features, onehot], dim=1).squeeze()

# wrong: scrambled - reshaped instead of joined
def condition(features, onehot):
    flat = torch.cat([features.flatten(), onehot.flatten()])
    return flat.reshape(features.shape[0], -1)

# wrong: "in place"
def condition(features, onehot):
    features.mul_(2).div_(3)
    return torch.cat([features, onehot], dim=1)

# wrong: "int64"
def condition(features, onehot):
    return torch.cat([features, onehot], dim=1).long()

# wrong: rows_shuffled - the labels of other rows
def condition(features, onehot):
    return torch.cat([features, onehot.flip(0)], dim=1)

# wrong: normalised
def condition(features, onehot):
    return F.normalize(torch.cat([features, onehot], dim=1), dim=1)

# wrong: "has shape" - cut to the size of a picture
def condition(features, onehot):
    return torch.cat([features[:, :784], onehot], dim=1)

# right: cat over the last axis
def condition(features, onehot):
    return torch.cat((features, onehot), dim=-1)

# right: hstack
def condition(features, onehot):
    return torch.hstack((features, onehot))

# right: written into an empty tensor
def condition(features, onehot):
    d = features.shape[1]
    out = features.new_empty(features.shape[0], d + onehot.shape[1])
    out[:, :d], out[:, d:] = features, onehot
    return out

# right: row by row
def condition(features, onehot):
    return torch.stack([torch.cat([f, y]) for f, y in zip(features, onehot)])

# right: columns, non-contiguous
def condition(features, onehot):
    return torch.cat([features.T, onehot.T]).T

# right: float64
def condition(features, onehot):
    return torch.concat([features.double(), onehot.double()], dim=1)

# right: padded and added
def condition(features, onehot):
    d, c = features.shape[1], onehot.shape[1]
    return F.pad(features, (0, c)) + F.pad(onehot, (d, 0))

# wrong: "differ" - large features are cut off
def condition(features, onehot):
    return torch.cat([features.clamp(-2, 2), onehot], dim=1)

# wrong: "(3, 812)" - ten columns of the label at most
def condition(features, onehot):
    return torch.cat((features, onehot[:, :10]), 1)

# wrong: "expected" - square labels are turned around
def condition(features, onehot):
    if onehot.shape[0] == onehot.shape[1]:
        onehot = onehot.T
    return torch.cat([features, onehot], dim=1)
