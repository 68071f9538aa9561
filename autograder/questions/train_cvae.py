"""train_cvae: the student's CVAE, trained with the given loss for seconds, and read by a classifier."""

from autograder.questions.cvae import CVAE
from autograder.questions.definition import Criterion, Question
from autograder.questions.training import DECODED, ENCODED, HONEST, LONGEST, UPDATES, training_probe

# nats per image, the KL's share of the reconstruction, the variance of a digit's pictures as a share of the images',
# and a share of the samples: see benchmarks/calibrate.py
ELBO, KL, PRIOR, VARIANCE, READ = (200.0, 340.0), 0.069, (-375.0, -285.0), 0.025, 0.33


def build(draw, given):
    # a second look takes its time: labels that start without a say (FiLM, a bias) are learned last
    inputs, steps = training_probe(draw, "CVAE", None, labels=True, updates=LONGEST if given else UPDATES)
    tests = [{"test": "returns", "criterion": "elbo", "of": "dec", "shape": [DECODED, 1, 28, 28]},
             *HONEST,
             {"test": "near_prior", "criterion": "elbo", **ENCODED, "at_most": KL},
             {"test": "elbo", "criterion": "elbo", **ENCODED, "low": ELBO[0], "high": ELBO[1]},
             {"test": "varied", "criterion": "elbo", "of": "prior", "x": "held8", "at_least": VARIANCE, "kinds": 10},
             {"test": "same", "criterion": "digits", "of": "prior", "other": "prior_again"},
             {"test": "prior_likelihood", "criterion": "elbo", "of": "prior", "x": "held8", "at_least": PRIOR[0], "at_most": PRIOR[1]},
             {"test": "reads_as", "criterion": "digits", "of": "prior", "labels": "prior_y", "at_least": READ}]
    return inputs, steps, tests


question = Question(
    name="train_cvae", task="task2_cvae", answers=("CVAE",), build=build, calls=("one_hot", "condition"),
    checked="after seconds of training: the ELBO on new digits, and samples that a classifier reads as asked",
    criteria=(Criterion("elbo", "the ELBO on new images is where a right model brings it", 1.5, core=True),
              Criterion("digits", "samples show the digit that was asked for", 1.5, core=True)))
