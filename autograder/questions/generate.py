"""generate: pictures from the prior."""

import torch
import torch.nn.functional as F

from autograder.questions.definition import Criterion, Question

LATENT = 5
SOME = 521      # a prime: no block of a fixed size divides it
DRAWS = 8 * 784     # so many z, taken for pictures, do not fail in the encoder: what went there shows itself


def generate(model, n):
    """-> (n, 1, 28, 28) probabilities: z ~ N(0, I), decoded, without gradient."""
    with torch.no_grad():
        z = torch.randn(n, model.latent_dim, device=next(model.parameters()).device)
        return torch.sigmoid(model.decode(z))


def build(draw, given):
    """The z behind many pictures are read back from their pixels, far ones, too; few pictures are only compared.

    One model has 20 latents, so that an error from a fixed size is told from all others.
    """
    inputs = draw.small_model(LATENT)
    inputs["W"] = inputs["W"] / 4
    steps = [{"as": "model", "given": "SmallVAE", "tensors": ["A", "W", "b"]},
             {"as": "A20", "call": "model.A.repeat", "args": [1, 4], "forget": True},
             {"as": "W20", "call": "model.W.repeat", "args": [4, 1], "forget": True},
             {"as": "model20", "given": "SmallVAE", "tensors": ["A20", "W20", "b"], "after": ["A20", "W20"]},
             {"as": "twenty", "call": "generate", "args": ["$model20", 1]}]
    steps += [{"as": name, "call": "generate", "args": ["$model", n], "after": ["model"],
               **({"pixels": "pixels"} if n > 9 else {})}
              for name, n in (("one", 1), ("one_again", 1), ("seven", 7), ("seven_again", 7), ("some", SOME),
                              ("draws", DRAWS), ("again", DRAWS))]
    next(step for step in steps if step["as"] == "again")["right_after"] = "draws"
    latent = {"labels": False}
    tests = [{"test": "clean", "criterion": "interface"},
             {"test": "returns", "criterion": "interface", "of": "twenty", "shape": [1, 1, 28, 28]},
             {"test": "returns", "criterion": "interface", "of": "one", "shape": [1, 1, 28, 28]},
             {"test": "returns", "criterion": "interface", "of": "seven", "shape": [7, 1, 28, 28]},
             *({"test": "returns", "criterion": "interface", "of": name, "shape": [n, LATENT + 6]}
               for name, n in (("some", SOME), ("draws", DRAWS))),
             {"test": "within", "criterion": "probabilities", "of": "seven", "low": 0.0, "high": 1e9,
              "say": "Your pictures are no probabilities: the decoder gives logits, apply the sigmoid."},
             {"test": "within", "criterion": "probabilities", "of": "seven", "low": -1e9, "high": 1.0,
              "say": "Your pictures have values above 1: return the probabilities as they are."},
             {"test": "differs", "criterion": "prior", "of": "seven",
              "say": "Two pictures of one call are the same: draw a z for each."},
             {"test": "fresh", "criterion": "prior", "of": "draws", "other": "again", "latent": latent},
             {"test": "gaussian", "criterion": "prior", "of": "draws", "mean": 0.0, "std": 1.0, "latent": latent,
              "tolerance": 0.1},
             {"test": "independent", "criterion": "prior", "of": "draws", "mean": 0.0, "std": 1.0, "latent": latent},
             *({"test": "differs", "criterion": "prior", "of": few, "other": f"{few}_again", "per_row": True,
                "say": f"Two calls with n = {n} share a picture: draw z anew in each call, whatever n is."}
               for few, n in (("one", 1), ("seven", 7))),
             {"test": "no_gradient", "criterion": "interface", "of": "seven"}]
    return inputs, steps, tests


question = Question(
    name="generate", task="task1_vae", answers=("generate",), build=build,
    checked="n pictures of probabilities, 6,272 z behind them follow N(0, I), no gradient",
    criteria=(Criterion("interface", "n pictures, without gradient", 0.5),
              Criterion("probabilities", "probabilities between 0 and 1", 0.5),
              Criterion("prior", "a fresh z ~ N(0, I) for each picture", 1.0, core=True)))


def _generate(noise, out=torch.sigmoid):
    def wrong(model, n):
        with torch.no_grad():
            return out(model.decode(noise(n, model.latent_dim)))
    return wrong


@question.misconception("rand is uniform on [0, 1): the prior is Gaussian, use randn.")
def uniform(model, n):
    return _generate(torch.rand)(model, n)


@question.misconception("The decoder gives logits: apply the sigmoid to get probabilities.")
def logits(model, n):
    return _generate(torch.randn, out=lambda x: x)(model, n)


@question.misconception("The pictures still carry gradients: sample under torch.no_grad().")
def with_gradient(model, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim)))


@question.misconception("All pictures come from one z: draw one for each picture.", random=True)
def one_z(model, n):
    return _generate(lambda n, d: torch.randn(1, d).expand(n, d))(model, n)


@question.misconception("z is 0 for every picture: draw it from N(0, I).")
def zeros(model, n):
    return _generate(torch.zeros)(model, n)


@question.misconception("Do not seed the random generator inside: every call gives the same pictures.")
def seeded(model, n):
    torch.manual_seed(0)
    return _generate(torch.randn)(model, n)


@question.misconception("The sigmoid is applied twice: the pictures turn grey.")
def sigmoid_twice(model, n):
    return _generate(torch.randn, out=lambda x: torch.sigmoid(torch.sigmoid(x)))(model, n)


@question.misconception("The pictures hold only 0 and 1: return the probabilities, without rounding or drawing.",
                        random=True)
def bernoulli(model, n):
    return _generate(torch.randn, out=lambda x: torch.bernoulli(torch.sigmoid(x)))(model, n)


@question.misconception("Return the pictures as (n, 1, 28, 28).")
def flat(model, n):
    return _generate(torch.randn, out=lambda x: torch.sigmoid(x).flatten(1))(model, n)


@question.misconception("The z have the wrong spread: the prior is N(0, I), with standard deviation 1.")
def wide(model, n):
    return _generate(lambda n, d: 2 * torch.randn(n, d))(model, n)


@question.misconception("rand is uniform, also when it is shifted and scaled: the prior is Gaussian, use randn.")
def uniform_centred(model, n):
    return _generate(lambda n, d: 2 * torch.rand(n, d) - 1)(model, n)


@question.also("wide")
def three_times(model, n):
    return _generate(lambda n, d: 3 * torch.randn(n, d))(model, n)


@question.also("wide")
def half_as_wide(model, n):
    return _generate(lambda n, d: 0.5 * torch.randn(n, d))(model, n)


@question.misconception("z is not centred on 0: the prior is N(0, I).")
def shifted(model, n):
    return _generate(lambda n, d: 1 + torch.randn(n, d))(model, n)


@question.misconception("z is clipped: the prior N(0, I) has no largest value.")
def clipped(model, n):
    return _generate(lambda n, d: torch.randn(n, d).clamp(-2, 2))(model, n)


@question.misconception("The size of z is fixed: ask the model for its latent_dim.")
def fixed_latent(model, n):
    return torch.sigmoid(model.decode(torch.randn(n, 20)))


@question.misconception("The values are cut off (clamp?) or changed: the sigmoid of the logits gives probabilities, "
                        "nothing else is needed.")
def clamped(model, n):
    return _generate(torch.randn, out=lambda x: x.clamp(0, 1))(model, n)


@question.misconception("The pictures are scaled to grey values up to 255: return the probabilities, from 0 to 1.")
def up_to_255(model, n):
    return _generate(torch.randn, out=lambda x: 255 * torch.sigmoid(x))(model, n)


@question.also("wide")
def ten_times(model, n):
    return _generate(lambda n, d: 10 * torch.randn(n, d))(model, n)


@question.misconception("The z are scaled to one length: z ~ N(0, I) is taken as it is drawn.")
def normalised(model, n):
    return _generate(lambda n, d: F.normalize(torch.randn(n, d)))(model, n)


@question.also("normalised")
def normalised_to_the_usual_length(model, n):
    return _generate(lambda n, d: d ** 0.5 * F.normalize(torch.randn(n, d)))(model, n)


@question.misconception("z goes into the encoder: only decode takes z, the model itself and encode take pictures.",
                        random=True)
def encoded(model, n):
    with torch.no_grad():
        return torch.sigmoid(model(torch.randn(n, model.latent_dim)))


@question.also("encoded")
def encoded_tuple(model, n):
    with torch.no_grad():
        return model(torch.randn(n, model.latent_dim)).sigmoid()


@question.also("encoded")
def encoded_logits(model, n):
    with torch.no_grad():
        return torch.sigmoid(model(torch.randn(n, model.latent_dim))[0])


@question.also("encoded")
def encoded_mean(model, n):
    with torch.no_grad():
        return torch.sigmoid(model.encode(torch.randn(n, model.latent_dim))[0])
