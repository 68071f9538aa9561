"""Rate and distortion: what a nat of code buys, for five prices beta of the KL; Z = 20."""

from autograder.questions.vae import VAE
from experiments.models import new, objective
from experiments.study import Study
from experiments.table import Table
from utils import fit
from utils.training import evaluate


def run(images, epochs, beta, seed):
    """On the test set: rate is the KL, distortion the reconstruction cost, total their sum, the negative ELBO,
    whatever beta was (Alemi et al. 2018).
    """
    model = new(VAE, 20, seed)
    fit(model, images.train, images.validation, objective(beta), epochs, seed=seed, progress=False)
    values = evaluate(model, images.test, objective())
    return {"beta": [{"total": values["total"], "rate": values["kl"], "distortion": values["reconstruction"],
                      "epochs": epochs}]}


study = Study(
    run=run, over={"beta": (0, 0.25, 1, 4, 10)}, epochs=20, seeds=3,
    tables=(Table("beta", "beta seed total rate distortion epochs", "beta seed"),),
)
