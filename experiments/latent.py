"""What the latent dimension does: curves, early stopping, KL of each latent, and the codes on their way."""

import time

import torch

from autograder.questions.active_units import active_units
from autograder.questions.early_stopping import early_stopping
from autograder.questions.vae import VAE
from experiments.models import new, objective
from experiments.study import Study
from experiments.table import Table
from utils import fit
from utils.training import evaluate

PATIENCE = 5
SHOWN_AT = (3, 5, 10, 30, 50, 60)
SHOWN = 1_000


def run(images, epochs, latent_dim, seed):
    """One training gives both protocols: "early stopping" is what it had when the validation loss had not
    improved for 5 epochs, with the values of its best epoch on validation. `epochs` and `seconds` count up to
    the stop, evaluation on both sets included.
    """
    loss, shown = objective(), images.test.take(SHOWN)
    tests, active, seconds, codes = [], [], [], []
    start = time.process_time()

    def look(model, history):
        tests.append(evaluate(model, images.test, loss))
        active.append(active_units(means(model, images.test)))
        if history.epochs in SHOWN_AT and latent_dim == 2:
            codes.extend({"epoch": history.epochs, **row} for row in points(model, shown))
        seconds.append(time.process_time() - start)

    model = new(VAE, latent_dim, seed)
    history = fit(
        model, images.train, images.validation, loss, epochs, seed=seed, progress=False, after_epoch=look
    )
    stop, best = early_stopping(history.test["total"], PATIENCE)
    final = {
        protocol: {"protocol": protocol, "epochs": ended, "split": "test", "active_units": active[counts - 1],
                   "seconds": seconds[ended - 1], **tests[counts - 1]}
        for protocol, ended, counts in ((f"{epochs} epochs", epochs, epochs), ("early stopping", stop, best))
    }
    return {
        "latent_dims": list(final.values()),
        "curves": [row for name, values in (("train", history.train), ("validation", history.test),
                                            ("test", columns(tests))) for row in curve(name, values)],
        "kl_per_dim": kl_per_dim(model, images.test),
        "codes": codes,
        "codes3d": points(model, shown),
    }


def curve(name, values):
    """The rows of one split: values is {quantity: one number for each epoch}."""
    for epoch, numbers in enumerate(zip(*values.values()), 1):
        yield {"epoch": epoch, "split": name, **dict(zip(values, numbers))}


def columns(rows):
    """A list of dicts as a dict of lists."""
    return {name: [row[name] for row in rows] for name in rows[0]}


@torch.no_grad()
def means(model, images):
    return model.encode(images.images)[0]


def points(model, images):
    """The label and the mean code of each picture, as rows."""
    for label, mu in zip(images.labels.tolist(), means(model, images).tolist()):
        yield {"label": label, **{f"mu{i}": value for i, value in enumerate(mu, 1)}}


@torch.no_grad()
def kl_per_dim(model, images):
    """For each latent its mean KL and the variance of its mean over the pictures (Burda et al. 2015, section
    5: a latent is active where this is above 0.01).
    """
    mu, logvar = model.encode(images.images)
    kl = (mu.square() + logvar.exp() - 1 - logvar).mean(0) / 2
    return [{"dimension": i, "kl": nats, "variance_of_mu": variance}
            for i, (nats, variance) in enumerate(zip(kl.tolist(), mu.var(0).tolist()), 1)]


study = Study(
    run=run,
    over={"latent_dim": (2, 20, 3, 5, 10, 15)},
    epochs=70,
    seeds=1,
    tables=(
        Table("codes", "epoch label mu1 mu2 seed", "seed", {"latent_dim": [2], "seed": [0]}),
        Table("codes3d", "label mu1 mu2 mu3 seed", "seed", {"latent_dim": [3], "seed": [0]}),
        Table("curves", "latent_dim seed epoch split total reconstruction kl", "latent_dim seed"),
        Table("kl_per_dim", "latent_dim seed dimension kl variance_of_mu", "latent_dim seed"),
        Table("latent_dims", "latent_dim seed protocol epochs split total reconstruction kl active_units seconds",
              "latent_dim seed"),
    ),
)
