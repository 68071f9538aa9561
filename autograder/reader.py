"""`python -m autograder.reader`: train the frozen digit reader of `utils.check.classifier` and write its weights.

Trained on the fixed training split of load_digits with small shifts and blur, so that it also reads
the soft digits that a young CVAE draws. Reported on the 360 held-out digits.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import nn

from utils.check import classifier
from utils.data import load_digits


def train(seed: int = 0, epochs: int = 60) -> tuple[dict[str, torch.Tensor], float]:
    """(weights in half precision, share of held-out digits read right)."""
    torch.manual_seed(seed)
    training, held_out = load_digits()
    layers = {"conv1": nn.Conv2d(1, 8, 3), "conv2": nn.Conv2d(8, 16, 3), "hidden": nn.Linear(144, 48),
              "out": nn.Linear(48, 10)}
    weights = {f"{name}.{part}": getattr(layer, part) for name, layer in layers.items() for part in ("weight", "bias")}
    optimizer = torch.optim.AdamW(weights.values(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=epochs * 23)
    for _ in range(epochs):
        for x, y in training.batches(64):
            shift = torch.randint(-2, 3, (2,)).tolist()
            x = torch.roll(x, shift, dims=(2, 3))
            if torch.rand(()) < 0.5:
                x = F.avg_pool2d(x, 3, stride=1, padding=1)
            optimizer.zero_grad()
            F.cross_entropy(classifier.forward(weights, x), y).backward()
            optimizer.step()
            if schedule.last_epoch < schedule.total_steps - 1:
                schedule.step()
    frozen = {name: weight.detach().half() for name, weight in weights.items()}
    return frozen, accuracy(frozen, held_out)


def accuracy(weights: dict[str, torch.Tensor], images) -> float:
    scores = classifier.forward({name: weight.float() for name, weight in weights.items()}, images.images)
    return float((scores.argmax(1) == images.labels).float().mean())


if __name__ == "__main__":
    frozen, right = train()
    Path(str(classifier.FILE)).write_bytes(save(frozen))
    print(f"{right:.1%} of the held-out digits read right")
