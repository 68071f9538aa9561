"""All questions, in the order of the notebooks: `QUESTIONS["kl_divergence"]`."""

import importlib

from autograder.questions.definition import Question

TASKS = {
    "task1_vae": ("reparameterize", "kl_divergence", "reconstruction_loss", "vae_loss", "vae", "generate",
                  "interpolate", "latent_grid", "train_vae"),
    "task2_cvae": ("one_hot", "condition", "cvae", "generate_digit", "style_grid", "relabel", "train_cvae",
                   "label_embedding"),
    "task3_experiments": ("monte_carlo_kl", "elbo_samples", "iwae_bound", "early_stopping", "complete",
                          "active_units"),
}

QUESTIONS: dict[str, Question] = {
    name: importlib.import_module(f"{__name__}.{name}").question for names in TASKS.values() for name in names}


def find(name: str) -> Question:
    """The question called `name`; a KeyError that lists the names otherwise."""
    if name not in QUESTIONS:
        raise KeyError(f"there is no question {name!r}; the questions are {', '.join(QUESTIONS)}")
    return QUESTIONS[name]


