"""Damaged pictures, restored by a VAE or CVAE that was trained on whole ones."""

import torch
import torch.nn.functional as F

from experiments.models import decode, encode

DAMAGES = ("noise", "half", "quarter")
STEPS = 20


def damaged_pixels(damage, shape):
    """Where a damage strikes, as a boolean tensor of `shape` (N, 1, 28, 28).

    noise: each pixel with probability 1/4; half: the lower half; quarter: the lower right quarter.
    """
    if damage == "noise":
        return torch.rand(shape) < 0.25
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[..., 14:, 14 if damage == "quarter" else 0:] = True
    return mask


def denoise(model, x, y):
    """Logits of each picture (N, 1, 28, 28), read once: the mean code is decoded. The model does not know which
    pixels are damaged.
    """
    return decode(model, encode(model, x, y)[0], y)


def complete(model, x, hidden, y, steps=STEPS):
    """Logits for the pixels where `hidden` is true, from the others.

    The hidden pixels start at 0; in each step the picture's mean code is decoded and fills them: the Markov chain
    of Rezende et al. 2014, appendix F, with means in place of draws. It is what Task 3's `complete` does.
    """
    x = torch.where(hidden, 0.0, x)
    for _ in range(steps):
        logits = denoise(model, x, y)
        x = torch.where(hidden, torch.sigmoid(logits), x)
    return logits


@torch.no_grad()
def errors(model, images, seed=0):
    """Pairs of a damage and the mean Bernoulli cross-entropy per damaged pixel, in nats; a CVAE is told the
    right label. The damages are the same for all models: noise replaces a pixel by a uniform grey value.
    """
    x, y = images.images, images.labels
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        for damage in DAMAGES:
            where = damaged_pixels(damage, x.shape)
            if damage == "noise":
                logits = denoise(model, torch.where(where, torch.rand(x.shape), x), y)
            else:
                logits = complete(model, x, where, y)
            yield damage, F.binary_cross_entropy_with_logits(logits[where], x[where]).item()
