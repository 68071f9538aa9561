"""AE, VAE and CVAE with the same hidden layer: their codes beside N(0, I), and what VAE and CVAE restore."""

from sklearn.neighbors import KNeighborsClassifier
import torch

from experiments.models import MODELS, encode, new, objective
from experiments.restore import errors
from experiments.study import Study
from experiments.table import Table
from utils import distance_to_prior, fit

NEIGHBOURS = 10
COMPARED = 10_000


def run(images, epochs, model, latent_dim, seed):
    """distance_to_prior is that of the mean codes of all test pictures."""
    trained = new(MODELS[model], latent_dim, seed)
    loss = objective(beta=0.0 if model == "AE" else 1.0)
    fit(trained, images.train, images.validation, loss, epochs, seed=seed, progress=False)
    known, asked = images.train.take(COMPARED), images.test
    with torch.no_grad():
        codes = [encode(trained, part.images, part.labels)[0] for part in (known, asked)]
    overlap = class_overlap(codes[0], known.labels, codes[1], asked.labels)
    return {
        "triptych": [{"distance_to_prior": distance_to_prior(codes[1]), "class_overlap": overlap, "epochs": epochs}],
        "restoration": ({"damage": damage, "error": error, "epochs": epochs}
                        for damage, error in errors(trained, images.test)),
    }


def class_overlap(known, known_labels, asked, labels):
    """One minus the accuracy of a 10-nearest-neighbour classifier that reads the digit from the code.

    0 where every digit keeps to itself; 0.9 where the codes say nothing about ten equally frequent digits.
    known (M, Z): codes of training pictures; asked (N, Z): codes of test pictures.
    """
    classifier = KNeighborsClassifier(NEIGHBOURS).fit(known.numpy(), known_labels.numpy())
    return 1 - classifier.score(asked.numpy(), labels.numpy())


study = Study(
    run=run,
    over={"latent_dim": (2, 20), "model": tuple(MODELS)},
    epochs=20,
    seeds=3,
    tables=(
        Table("triptych", "model latent_dim seed distance_to_prior class_overlap epochs", "model latent_dim seed"),
        Table("restoration", "model seed damage error epochs", "model seed",
              {"latent_dim": [20], "model": ["VAE", "CVAE"]}),
    ),
)
