"""generate_digit: pictures of one digit from the prior."""

import torch
import torch.nn.functional as F

from autograder.questions.definition import Criterion, Question
from autograder.questions.generate import DRAWS, LATENT, SOME


def generate_digit(model, digit, n):
    """-> (n, 1, 28, 28) probabilities: z ~ N(0, I), decoded with the label `digit`."""
    device = next(model.parameters()).device
    with torch.no_grad():
        z = torch.randn(n, model.latent_dim, device=device)
        return torch.sigmoid(model.decode(z, torch.full((n,), digit, device=device)))


def build(draw, given):
    """As for `generate`: a z far from 0 can be read back, and one model has 20 latents."""
    inputs = draw.small_model(LATENT, num_classes=10)
    inputs["W"] = inputs["W"] / 4
    first = draw.integer(1, 9)  # a z that is moved by the digit shows itself, but for 0
    second = (first + draw.integer(1, 9)) % 10
    calls = {"one": (first, 1), "one_read": (first, 1), "one_again": (first, 1), "seven": (second, 7),
             "seven_read": (second, 7), "seven_again": (second, 7), "zero": (0, 12), "nine": (9, 12),
             "some": (second, SOME), "draws": (first, DRAWS), "again": (first, DRAWS)}
    inputs |= {f"labels_{name}": torch.full((n,), digit) for name, (digit, n) in calls.items() if name != "again"}
    steps = [{"as": "model", "given": "SmallCVAE", "tensors": ["A", "W", "b", "F", "V"]},
             *({"as": f"{name}20", "call": f"model.{name}.repeat", "args": times, "forget": True}
               for name, times in (("A", [1, 4]), ("W", [4, 1]), ("F", [1, 4]))),
             {"as": "model20", "given": "SmallCVAE", "tensors": ["A20", "W20", "b", "F20", "V"],
              "after": ["A20", "W20", "F20"]},
             {"as": "twenty", "call": "generate_digit", "args": ["$model20", second, 1]}]
    steps += [{"as": name, "call": "generate_digit", "args": ["$model", digit, n], "after": ["model"],
               **({"pixels": "pixels"} if name not in ("one", "seven") else {})} for name, (digit, n) in calls.items()]
    next(step for step in steps if step["as"] == "again")["right_after"] = "draws"
    latent = {"labels": True}
    tests = [{"test": "clean", "criterion": "interface"},
             {"test": "returns", "criterion": "interface", "of": "twenty", "shape": [1, 1, 28, 28]},
             {"test": "returns", "criterion": "interface", "of": "one", "shape": [1, 1, 28, 28]},
             {"test": "returns", "criterion": "interface", "of": "seven", "shape": [7, 1, 28, 28]},
             *({"test": "returns", "criterion": "interface", "of": name, "shape": [n, LATENT + 20]}
               for name, n in (("some", SOME), ("draws", DRAWS))),
             {"test": "within", "criterion": "interface", "of": "seven", "low": 0.0, "high": 1e9,
              "say": "Your pictures are no probabilities: the decoder gives logits, apply the sigmoid."},
             {"test": "within", "criterion": "interface", "of": "seven", "low": -1e9, "high": 1.0,
              "say": "Your pictures have values above 1: return the probabilities as they are."},
             *({"test": "label_read", "criterion": "digit", "of": name, "labels": f"labels_{name}", "latent": latent}
               for name in ("one_read", "seven_read", "draws", "zero", "nine")),
             {"test": "differs", "criterion": "prior", "of": "seven",
              "say": "Two pictures of one call are the same: draw a z for each."},
             {"test": "fresh", "criterion": "prior", "of": "draws", "other": "again", "latent": latent},
             {"test": "gaussian", "criterion": "prior", "of": "draws", "mean": 0.0, "std": 1.0, "latent": latent,
              "tolerance": 0.1},
             {"test": "independent", "criterion": "prior", "of": "draws", "mean": 0.0, "std": 1.0, "latent": latent},
             *({"test": "differs", "criterion": "prior", "of": f"{few}_read", "other": f"{few}_again", "per_row": True,
                "say": f"Two calls with n = {n} share a picture: draw z anew in each call, whatever n is."}
               for few, n in (("one", 1), ("seven", 7))),
             {"test": "no_gradient", "criterion": "interface", "of": "seven"}]
    return inputs, steps, tests


question = Question(
    name="generate_digit", task="task2_cvae", answers=("generate_digit",), build=build,
    checked="n probabilities of the asked digit, 6,272 z behind them follow N(0, I), no gradient",
    criteria=(Criterion("interface", "n pictures of probabilities, without gradient", 0.5),
              Criterion("digit", "decoded with the label that was asked for", 0.75, core=True),
              Criterion("prior", "a fresh z ~ N(0, I) for each picture", 0.75, core=True)))


def _generate(model, n, label, noise=torch.randn, out=torch.sigmoid):
    with torch.no_grad():
        return out(model.decode(noise(n, model.latent_dim), label))


@question.misconception("rand is uniform on [0, 1): the prior is Gaussian, use randn.")
def uniform(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), noise=torch.rand)


@question.misconception("The decoder gives logits: apply the sigmoid to get probabilities.")
def logits(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), out=lambda x: x)


@question.misconception("All pictures come from one z: draw one for each picture.", random=True)
def one_z(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), noise=lambda n, d: torch.randn(1, d).expand(n, d))


@question.misconception("z is 0 for every picture: draw it from N(0, I).")
def zeros(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), noise=torch.zeros)


@question.misconception("The labels are random: every picture shall show the digit that was asked for.", random=True)
def random_labels(model, digit, n):
    return _generate(model, n, torch.randint(10, (n,)))


@question.misconception("The digit is ignored: every picture shows the label 0.")
def always_zero(model, digit, n):
    return _generate(model, n, torch.zeros(n, dtype=torch.long))


@question.misconception("The label is one too high: digit d has the label d.")
def off_by_one(model, digit, n):
    return _generate(model, n, torch.full((n,), (digit + 1) % 10))


@question.misconception("decode needs one integer label for each picture, of shape (n,).")
def number_label(model, digit, n):
    return _generate(model, n, torch.tensor([digit]))


@question.misconception("Do not seed the random generator inside: every call gives the same pictures.")
def seeded(model, digit, n):
    torch.manual_seed(0)
    return _generate(model, n, torch.full((n,), digit))


@question.misconception("The sigmoid is applied twice: the pictures turn grey.", random=True)
def sigmoid_twice(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), out=lambda x: torch.sigmoid(torch.sigmoid(x)))


@question.misconception("Return the pictures as (n, 1, 28, 28).")
def flat(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), out=lambda x: torch.sigmoid(x).flatten(1))


@question.misconception("The z have the wrong spread: the prior is N(0, I), with standard deviation 1.")
def wide(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), noise=lambda n, d: 2 * torch.randn(n, d))


@question.misconception("The label is one too low: digit d has the label d.")
def off_by_minus_one(model, digit, n):
    return _generate(model, n, torch.full((n,), (digit - 1) % 10))


@question.misconception("Only the first picture has the label that was asked for: give every picture one.")
def first_only(model, digit, n):
    labels = torch.zeros(n, dtype=torch.long)
    labels[0] = digit
    return _generate(model, n, labels)


@question.misconception("The labels count up: every picture shall show the digit that was asked for.")
def counting_labels(model, digit, n):
    return _generate(model, n, torch.arange(n) % 10)


@question.misconception("The pictures hold only 0 and 1: return the probabilities, without rounding or drawing.",
                        random=True)
def bernoulli(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), out=lambda x: torch.bernoulli(torch.sigmoid(x)))


@question.misconception("The size of z is fixed: ask the model for its latent_dim.")
def fixed_latent(model, digit, n):
    return torch.sigmoid(model.decode(torch.randn(n, 20), torch.full((n,), digit)))


@question.also("flat")
def no_channel(model, digit, n):
    return _generate(model, n, torch.full((n,), digit)).squeeze(1)


@question.misconception("The digit 0 is taken for no digit: `if digit` is false for it.", random=True)
def zero_for_none(model, digit, n):
    return _generate(model, n, torch.full((n,), digit) if digit else torch.randint(10, (n,)))


@question.also("zero_for_none")
def one_for_zero(model, digit, n):
    return _generate(model, n, torch.full((n,), digit or 1))


@question.misconception("The pictures still carry gradients: nothing is trained here, so compute them under "
                        "torch.no_grad().")
def with_gradient(model, digit, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit)))


@question.misconception("The pictures are scaled to grey values up to 255: return the probabilities, from 0 to 1.")
def up_to_255(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), out=lambda x: 255 * torch.sigmoid(x))


@question.also("wide")
def ten_times(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), noise=lambda n, d: 10 * torch.randn(n, d))


@question.also("wide")
def half_as_wide(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), noise=lambda n, d: 0.5 * torch.randn(n, d))


@question.misconception("z is moved by the digit: every z is drawn from N(0, I), and the digit is the label.")
def moved_by_digit(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), noise=lambda n, d: digit + torch.randn(n, d))


@question.misconception("The z are scaled to one length: z ~ N(0, I) is taken as it is drawn.")
def normalised(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), noise=lambda n, d: F.normalize(torch.randn(n, d)))


@question.also("normalised")
def normalised_to_the_usual_length(model, digit, n):
    return _generate(model, n, torch.full((n,), digit), noise=lambda n, d: d ** 0.5 * F.normalize(torch.randn(n, d)))


@question.misconception("z goes into the encoder: only decode takes z, the model itself and encode take pictures.")
def encoded(model, digit, n):
    with torch.no_grad():
        return torch.sigmoid(model(torch.randn(n, model.latent_dim), torch.full((n,), digit))[0])
