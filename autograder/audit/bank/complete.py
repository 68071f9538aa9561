def codes(model, x, y):
    return (model.encode(x) if y is None else model.encode(x, y))[0]


def pictures(model, z, y):
    return torch.sigmoid(model.decode(z) if y is None else model.decode(z, y))

# wrong: peeks
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x.clone()
    for _ in range(steps):
        p = pictures(model, codes(model, out, y), y)
        out = torch.where(mask > 0, x, p)
    return out

# wrong: pasted_at_the_end
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out = pictures(model, codes(model, out, y), y)
    return torch.where(mask.bool(), x, out)

# wrong: never_pasted
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out = pictures(model, codes(model, out, y), y)
    return out

# wrong: inverted
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * (1 - mask)
    for _ in range(steps):
        out = torch.where(mask.bool(), pictures(model, codes(model, out, y), y), x)
    return out

# wrong: logits
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        z = codes(model, out, y)
        logits = model.decode(z) if y is None else model.decode(z, y)
        out = torch.where(mask.bool(), x, logits)
    return out

# wrong: sampled
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        mu, logvar = model.encode(out) if y is None else model.encode(out, y)
        out = torch.where(mask.bool(), x, pictures(model, posterior(mu, logvar).sample(), y))
    return out

# wrong: sampled - by way of forward
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        logits = model(out)[0] if y is None else model(out, y)[0]
        out = x * mask + torch.sigmoid(logits) * (1 - mask)
    return out

# wrong: one_step
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    start = x * mask
    for _ in range(steps):
        out = pictures(model, codes(model, start, y), y)
    return start + (1 - mask) * out

# wrong: one_more
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(0, steps + 1):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: grey_start
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = torch.where(mask.bool(), x, torch.full_like(x, 0.5))
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: noisy_start
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = torch.where(mask.bool(), x, torch.rand(x.shape))
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: with_gradient
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: no_label, "missing 1 required positional argument"
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, model.decode(model.encode(out)[0]).sigmoid())
    return out

# wrong: in_place
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    hidden = mask == 0
    x[hidden] = 0
    for _ in range(steps):
        x[hidden] = pictures(model, codes(model, x, y), y)[hidden]
    return x

# wrong: zeros_for_label
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        z = codes(model, out, y)
        p = model.decode(z) if y is None else model.decode(z, torch.zeros(len(z), dtype=torch.long))
        out = torch.where(mask.bool(), x, p.sigmoid())
    return out

# wrong: flat
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out.view(len(x), -1)

# wrong: default_of_ten
@torch.no_grad()
def complete(model, x, mask, y=None, steps=10):
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: default_of_ten - a hundred
@torch.no_grad()
def complete(model, x, mask, y=None, steps=100):
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: ten_at_most
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(min(steps, 10)):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: "differ from the expected" - the digit 0 taken for no label
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps if y is None or y.any() else 0):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: "arguments do not fit" - steps before y
@torch.no_grad()
def complete(model, x, mask, steps=20, y=None):
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: "arguments do not fit" - y after a star
@torch.no_grad()
def complete(model, x, mask, *, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: "arguments do not fit" - another name for y
@torch.no_grad()
def complete(model, x, mask, labels=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, labels), labels))
    return out

# wrong: tanh
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        z = codes(model, out, y)
        logits = model.decode(z) if y is None else model.decode(z, y)
        out = torch.where(mask.bool(), x, torch.tanh(logits))
    return out

# wrong: tanh - clamped
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        z = codes(model, out, y)
        logits = model.decode(z) if y is None else model.decode(z, y)
        out = torch.where(mask.bool(), x, torch.clip(logits, 0.0, 1.0))
    return out

# wrong: tanh - moved to [0, 1]
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        z = codes(model, out, y)
        logits = model.decode(z) if y is None else model.decode(z, y)
        out = torch.where(mask.bool(), x, 0.5 * (1 + torch.tanh(logits)))
    return out

# wrong: tanh - softmax over the pixels
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        z = codes(model, out, y)
        logits = model.decode(z) if y is None else model.decode(z, y)
        out = torch.where(mask.bool(), x, F.softmax(logits.view(len(x), -1), dim=1).view_as(x))
    return out

# wrong: sigmoid_at_the_end
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        z = codes(model, out, y)
        logits = model.decode(z) if y is None else model.decode(z, y)
        out = torch.where(mask.bool(), x, logits)
    return torch.where(mask.bool(), x, out.sigmoid())

# wrong: inverted - at the start alone
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x.masked_fill(mask.bool(), 0.0)
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: inverted - in the steps alone
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask == 0, x, pictures(model, codes(model, out, y), y))
    return out

# wrong: added
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out = x * mask + pictures(model, codes(model, out, y), y)
    return out

# wrong: added - to what was filled in
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out += pictures(model, codes(model, out, y), y) * (1 - mask)
    return out

# wrong: other_labels - in reverse order
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    y = None if y is None else torch.flip(y, [0])
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: other_labels - that of the first image
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    y = None if y is None else y[0].repeat(len(x))
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), y))
    return out

# wrong: zeros_for_label - in reverse order
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    out = x * mask
    for _ in range(steps):
        out = torch.where(mask.bool(), x, pictures(model, codes(model, out, y), None if y is None else y.flip(0)))
    return out

# right: where
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    seen = mask.bool()
    out = torch.where(seen, x, torch.zeros_like(x))
    for _ in range(steps):
        out = torch.where(seen, x, pictures(model, codes(model, out, y), y))
    return out

# right: by index, on a copy
def complete(model, x, mask, y=None, steps=20):
    with torch.inference_mode():
        hidden, out = mask < 0.5, x.clone()
        out[hidden] = 0.0
        for _ in range(steps):
            out[hidden] = pictures(model, codes(model, out, y), y)[hidden]
    return out

# right: one image at a time, while loop
@torch.no_grad()
def complete(model, x, mask, y=None, steps=20):
    results = []
    for i in range(len(x)):
        label = None if y is None else y[i:i + 1]
        picture, known, left = x[i:i + 1] * mask[i:i + 1], mask[i:i + 1], steps
        while left > 0:
            filled = pictures(model, codes(model, picture, label), label)
            picture = picture * known + filled * (1 - known)
            left -= 1
        results.append(picture)
    return torch.cat(results)

# right: forward for the mean, lerp, detached at the end
def complete(model, x, mask, y=None, steps=20):
    extra = [] if y is None else [y]
    out = x * mask
    for _ in range(steps):
        _, mu, _ = model(out.detach(), *extra)
        out = torch.special.expit(model.decode(mu, *extra)).masked_scatter(mask > 0, x[mask > 0])
    return out.detach()

# wrong: "TypeError" - the tuple of encode is handed on
def complete(model, x, mask, y=None, steps=20):
    labels = [] if y is None else [y]
    with torch.no_grad():
        filled = x * mask
        for _ in range(steps):
            filled = x * mask + (1 - mask) * torch.sigmoid(model.decode(model.encode(filled, *labels), *labels))
    return filled

# wrong: "TypeError" - the labels as vectors
def complete(model, x, mask, y=None, steps=20):
    labels = [] if y is None else [F.one_hot(y, 10)]
    with torch.no_grad():
        filled = x * mask
        for _ in range(steps):
            filled = x * mask + (1 - mask) * torch.sigmoid(model.decode(model.encode(filled, *labels)[0], *labels))
    return filled
