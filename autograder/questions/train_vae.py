"""train_vae: the student's VAE and vae_loss, trained together for seconds.

Both are part of this answer. A mistake in what they call (reparameterize, reconstruction_loss, kl_divergence) is
not paid for again: in a second look torch.distributions stands in for those.
"""

from autograder.questions.definition import Criterion, Question
from autograder.questions.training import DECODED, ENCODED, HONEST, training_probe
from autograder.questions.vae import VAE
from autograder.questions.vae_loss import vae_loss

# nats per image, the KL's share of the reconstruction, and the pictures' of the images' variance: see
# benchmarks/calibrate.py
ELBO, KL, PRIOR, VARIANCE = (200.0, 340.0), 0.069, (-375.0, -285.0), 0.1


def build(draw, given):
    inputs, steps = training_probe(draw, "VAE", "vae_loss", labels=False)
    tests = [{"test": "returns", "criterion": "elbo", "of": "dec", "shape": [DECODED, 1, 28, 28]},
             *HONEST,
             *({"test": "near_prior", "criterion": criterion, **ENCODED, "at_most": KL} for criterion in ("elbo", "prior")),
             {"test": "elbo", "criterion": "elbo", **ENCODED, "low": ELBO[0], "high": ELBO[1]},
             {"test": "same", "criterion": "prior", "of": "prior", "other": "prior_again"},
             {"test": "varied", "criterion": "prior", "of": "prior", "x": "held8", "at_least": VARIANCE},
             {"test": "prior_likelihood", "criterion": "prior", "of": "prior", "x": "held8", "at_least": PRIOR[0], "at_most": PRIOR[1]}]
    return inputs, steps, tests


question = Question(
    name="train_vae", task="task1_vae", answers=("VAE", "vae_loss"), build=build,
    calls=("reparameterize", "reconstruction_loss", "kl_divergence"), library=True,
    checked="after seconds of training: the ELBO on new digits, and pictures from the prior",
    criteria=(Criterion("elbo", "the ELBO on new images is where a right model and loss bring it", 1.0, core=True),
              Criterion("prior", "decoded draws from the prior explain new images", 1.0)))
