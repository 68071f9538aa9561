"""How the two training checks train and look: seconds of Adam on scikit-learn's small digits.

The images travel as 8x8 integers and are brought to 28x28 by `utils.data.upsample`. The bounds were
calibrated by `benchmarks/calibrate.py` over several right architectures and ten seeds each.
"""

import functools

import torch

from utils.data import small_digits

LATENT, UPDATES, BATCH, LR = 8, 75, 64, 4e-3
LONGEST, SLOW = 450, 320.0      # updates for a model that learns slowly: whose loss is above this, in nats per image
DECODED = 150       # of 200 held-out images
# What the loss was told of mu and logvar is what encode gives.
HONEST = [{"test": "same", "criterion": "elbo", "of": f"fwd.{part}", "other": f"enc.{part - 1}", "rtol": 1e-3, "atol": 1e-4,
           "say": "forward returns another mu or logvar than encode gives: the KL was computed for other codes."}
          for part in (1, 2)]
ENCODED = {"logits": "dec", "mu": "enc.0", "logvar": "enc.1", "x": "held8", "rows": "order"}      # for tests on them
digits = functools.cache(small_digits)


def training_probe(draw, name: str, loss: str | None, labels: bool, updates: int = UPDATES):
    """(inputs, steps): train the student's class, then encode and decode held-out images, and decode the prior.

    Decoded is a part of the images' z in another order: a class that keeps what it encoded cannot hand it back.
    """
    images, targets = digits()
    order = draw.permutation(len(images))
    train, held = order[:1000], order[1000:1200]
    inputs = {"train8": images[train], "held8": images[held], "z_prior": draw.normal(300, LATENT)}
    inputs["pixel"] = torch.tensor([400])       # of what forward decodes no more is needed
    inputs["order"] = draw.permutation(200)[:DECODED]
    if labels:
        inputs |= {"train_y": targets[train], "held_y": targets[held], "prior_y": torch.arange(300) % 10}
        inputs["order_y"] = inputs["held_y"][inputs["order"]]
    step = {"as": "trained", "train": name, "kwargs": {"latent_dim": LATENT}, "loss": loss, "images": "train8",
            "updates": updates, "longest": LONGEST, "slow": SLOW, "batch": BATCH, "lr": LR}
    held_y, order_y, prior_y = (["$held_y"], ["$order_y"], ["$prior_y"]) if labels else ([], [], [])
    after = {"mode": "eval", "after": ["trained"]}
    steps = [{**step, "labels": "train_y"} if labels else step,
             {"as": "held", "upsample": "held8"},
             {"as": "enc", "call": "trained.encode", "args": ["$held", *held_y], **after},
             {"as": "fwd", "call": "trained", "args": ["$held", *held_y], **after, "no_grad": True, "pixels": "pixel"},
             {"as": "z", "draw": ["$enc.0", "$enc.1"], "rows": "order"},
             {"as": "dec", "call": "trained.decode", "args": ["$z", *order_y], **after},
             {"as": "prior", "call": "trained.decode", "args": ["$z_prior", *prior_y], **after},
             {"as": "prior_again", "call": "trained.decode", "args": ["$z_prior", *prior_y], **after}]
    return inputs, steps
