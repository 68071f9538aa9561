"""The same training 30 times, seed by seed: how much do runs differ?

One after the other, with `fit`. Trained together (torch.func.stack_module_state, vmap over the models, one
fused Adam) they are slower on one thread of a CPU: 2.9 CPU seconds for an epoch of 60,000 pictures and one model
alone; 3.8, 3.4, 3.8, 4.0 with 2, 5, 10, 30 models together, or 4.1, 3.4, 3.2, 4.4 where all models see the same
batches (`benchmarks/together.py`, torch 2.15). The matrix products of one model fill the core, and the weights of
several no longer fit its cache.
"""

from autograder.questions.vae import VAE
from experiments.latent import columns, curve
from experiments.models import new, objective
from experiments.study import Study
from experiments.table import Table
from utils import fit
from utils.training import evaluate


def run(images, epochs, seed):
    """Validation and test after each epoch; Z = 2."""
    loss, tests = objective(), []
    history = fit(
        new(VAE, 2, seed), images.train, images.validation, loss, epochs, seed=seed, progress=False,
        after_epoch=lambda model, history: tests.append(evaluate(model, images.test, loss)),
    )
    rows = [*curve("validation", history.test), *curve("test", columns(tests))]
    return {"runs": [{"run": seed + 1, **row} for row in rows]}


study = Study(
    run=run, over={}, epochs=70, seeds=30,
    tables=(Table("runs", "run seed epoch split total reconstruction kl", "seed"),),
)
