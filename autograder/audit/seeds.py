"""Ask for luck: right answers that a secret seed rejects, nearly right ones that it accepts.

`python -m autograder audit seeds --seeds 2000` draws that many grading checks for each question, and lets each judge
the reference, right answers of other styles, and the wrong answers that come nearest to being right. The training
questions are left out: a seed takes them seconds; `benchmarks/calibrate.py` is their measurement.
"""

import concurrent.futures
import functools
import multiprocessing
import os
import secrets
import time

import torch

from autograder import keys
from autograder.audit import bank
from autograder.audit.checks import grading, namespace
from autograder.questions import QUESTIONS, find
from autograder.questions.definition import Question
from autograder.sandbox import KEPT

# The nearest to right, by the beginnings of their titles in the bank. Of all other questions: every wrong answer.
MARGINAL = {
    "reparameterize": ("half_outside", "clipped_noise - so wide", "clipped_noise, ", '"not Gaussian", uniform_centred',
                       '"spread" - a floor', '"spread" - the variance kept', '"spread" - logvar is cut off'),
    "kl_divergence": ("from_sample - a thousand", "clamped", '"differ', '"gradient'),
    "reconstruction_loss": ("batch_mean", "fixed_batch_size", '"differ"', "entropy_removed", "exchanged", "binarised",
                            "minus_dark_term", "no_sigmoid", "sigmoid_twice"),
    "vae_loss": ("beta_squared", '"differ"', '"gradient"'),
    "generate": ("clipped", "shifted"),
    "interpolate": ("spherical", "uneven", "decoded_ends - blended", "fractional_step", "codes_kept", "ends_moved",
                    "same_weight", "start_twice", "sampled"),
    "latent_grid": ("even_z", "clamped_ends", "scrambled", '"evenly spaced"', '"different quantiles"', '"cover 2%',
                    "fractional_step", "density"),
    "generate_digit": ("wide - half",),
    "style_grid": ("wide",),
    "relabel": ("sampled", "same_shift", "kept_where_equal", "first_label", "first_image", "unchanged", "batch_mean",
                "style_moved", "bernoulli"),
    "vae": ("half_outside",),
    "cvae": ("labels_shuffled",),
    "label_embedding": ('"does not use it" - a one-hot',),
    "monte_carlo_kl": ("one_draw_less - twelve", "one_draw_more", "opposite_draws", "clipped", '"vary less"', '"depend'),
    "elbo_samples": ("one_sample - one less",),
    "iwae_bound": ("largest_of_batch", "largest", "distance_clamped", "squeezed", "mean_subtracted", '"gradient',
                   "detached_where_large", "unstable"),
    "early_stopping": ("not_reset", "with_previous", "sees_the_future", "least_change - of a", "ties_improve",
                       "never_at_epoch_two", "zero_is_none", "absolute"),
    "complete": ("one_step", "one_more", "default_of_ten - a hundred", '"differ'),
}
# Right answers of other styles. Of all other questions: every one.
RIGHT = {
    "reparameterize": ("Box",),
    "kl_divergence": ("explicit loops", "in float64", "columns", "cross-entropy"),
    "vae": ("BatchNorm",), "cvae": ("BatchNorm",), "label_embedding": ("two tables",),
    "generate": ("distributions",), "generate_digit": ("distributions",), "style_grid": ("an index",),
    "reconstruction_loss": ("softplus", "from probabilities", "einsum"),
    "monte_carlo_kl": ("one draw",), "complete": ("where",), "vae_loss": ("einsum", "two means", "half of it"),
    "elbo_samples": ("all draws in one batch",),
    "iwae_bound": ("the largest", "float64"),
    "early_stopping": ("waiting",),
}
TRAINED = ("train_vae", "train_cvae")
CHUNK = 20      # seeds that a worker counts at once


def entries(question: Question) -> list[bank.Entry]:
    """The answers of the bank that many seeds judge."""
    def chosen(entry, wanted) -> bool:
        return wanted is None or entry.title.startswith(wanted)

    return [entry for entry in bank.load(question.name)
            if chosen(entry, (MARGINAL if entry.wrong else RIGHT).get(question.name))]


def count(question: Question, seeds: range | list[int]) -> dict[str, tuple[bool, int, int]]:
    """Title -> (wrong, seeds under which it was judged as it should not be, seeds)."""
    answers = {"reference": (False, question.namespace)}
    answers |= {entry.title: (entry.wrong, namespace(question, entry.source)) for entry in entries(question)}
    luck = dict.fromkeys(answers, 0)
    for seed in seeds:
        key = keys.draw_key(question, seed, signatures=False)
        for title, (wrong, names) in answers.items():
            luck[title] += grading(question, names, seed, key, named=False).right == wrong
    return {title: (wrong, luck[title], len(seeds)) for title, (wrong, _) in answers.items()}


def count_with(pool: concurrent.futures.Executor, question: Question, seeds: range) -> dict[str, tuple[bool, int, int]]:
    """As `count`, by the workers of a pool."""
    chunks = [seeds[i:i + CHUNK] for i in range(0, len(seeds), CHUNK)]
    found = list(pool.map(functools.partial(_count_alone, question.name), chunks))
    return {title: (wrong, sum(one[title][1] for one in found), len(seeds)) for title, (wrong, _, _) in found[0].items()}


def _count_alone(name: str, seeds: range) -> dict[str, tuple[bool, int, int]]:
    torch.set_num_threads(1)
    return count(find(name), seeds)


def arguments(parser) -> None:
    parser.add_argument("question", nargs="*", help="only these (default: all but the training questions)")
    parser.add_argument("--seeds", type=int, default=2000, help="how many (default: 2000)")
    parser.add_argument("--first", type=int, help="the first of them (default: a secret one)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: cores)")


def run(options) -> int:
    """0: no right answer was rejected and no wrong one accepted."""
    questions = [find(name) for name in options.question] or [q for q in QUESTIONS.values() if q.name not in TRAINED]
    first = secrets.randbits(40) if options.first is None else options.first
    print(f"{options.seeds} seeds from {first}; false rejects of right answers, false accepts of wrong ones")
    bad = 0
    os.environ.update(KEPT)
    with concurrent.futures.ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        for question in questions:
            started = time.monotonic()
            found = count_with(pool, question, range(first, first + options.seeds))
            right = [luck for wrong, luck, _ in found.values() if not wrong]
            wrong = [luck for wrong, luck, _ in found.values() if wrong]
            bad += sum(right) + sum(wrong)
            print(f"{question.name:20s} {sum(right):4d} of {len(right) * options.seeds:7d} right rejected, "
                  f"{sum(wrong):4d} of {len(wrong) * options.seeds:7d} wrong accepted, "
                  f"{time.monotonic() - started:7.0f} s", flush=True)
            for title, (is_wrong, luck, _) in found.items():
                if luck:
                    print(f"    {luck} x {'accepted' if is_wrong else 'rejected'}: {title}", flush=True)
    return int(bad > 0)
