"""label_embedding: the CVAE with a learned vector for each label in place of the one-hot."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal

from autograder.questions.definition import Criterion, Question
from autograder.questions.probing import LATENT, label_tests, model_probe


class EmbeddingCVAE(nn.Module):
    """The contract of CVAE, conditioned through nn.Embedding."""

    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.embedding = nn.Embedding(num_classes, embedding_dim)
        self.hidden = nn.Linear(784 + embedding_dim, 400)
        self.mu = nn.Linear(400, latent_dim)
        self.logvar = nn.Linear(400, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim + embedding_dim, 400), nn.ReLU(), nn.Linear(400, 784))

    def encode(self, x, y):
        h = F.relu(self.hidden(torch.cat([x.flatten(1), self.embedding(y)], dim=1)))
        return self.mu(h), self.logvar(h)

    def decode(self, z, y):
        return self.decoder(torch.cat([z, self.embedding(y)], dim=1)).view(-1, 1, 28, 28)

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(Normal(mu, (0.5 * logvar).exp()).rsample(), y), mu, logvar


def build(draw, given):
    inputs, steps, tests = model_probe(draw, "EmbeddingCVAE", given=False, labels=True)
    label_tests(draw, inputs, steps, tests, "EmbeddingCVAE")
    steps.append({"as": "modules", "modules": "model", "after": ["learn"]})
    steps += [{"as": "plain", "new": "EmbeddingCVAE", "kwargs": {"latent_dim": LATENT, "embedding_dim": 5}, "shake": ["$x", "$y"]},
              {"as": "blanked", "blank": "plain", "module": "Embedding", "after": ["plain", "enc_plain", "dec_plain"]}]
    for when, after in (("plain", []), ("blank", ["blanked"])):
        steps += [{"as": f"enc_{when}", "call": "plain.encode", "args": ["$x", "$y"], "mode": "eval", "after": after},
                  {"as": f"dec_{when}", "call": "plain.decode", "args": ["$z", "$y"], "mode": "eval", "after": after}]
    tests += [{"test": "differs", "criterion": "labels", "of": f"{part}_plain{first}", "other": f"{part}_blank{first}", "atol": 1e-4,
               "say": f"The nn.Embedding is there, but {part}ode does not use it."}
              for part, first in (("enc", ".0"), ("dec", ""))]
    for part, first in (("enc", "$x"), ("dec", "$z")):
        steps.append({"as": f"learn_{part}", "call": f"learner.{part}ode", "args": [first, "$y"], "mode": "train",
                      "grad": [first[1:]], "weights": "w", "through": True, "after": ["learn"]})
        tests.append({"test": "trained", "criterion": "labels", "of": f"learn_{part}", "module": "Embedding"})
    tests.insert(0, {"test": "has_module", "criterion": "labels", "of": "modules", "module": "Embedding"})
    for test in tests:
        if test["criterion"] in ("encoder", "decoder", "sampling"):
            test["criterion"] = "model"
    return inputs, steps, tests


question = Question(
    name="label_embedding", task="task2_cvae", answers=("EmbeddingCVAE",), build=build,
    extra=True, checked="an nn.Embedding, each row's label in encoder and decoder, a sampled z",
    criteria=(Criterion("interface", "encode, decode and forward return what the contract says", 0.5),
              Criterion("model", "a right conditional VAE", 0.5, core=True),
              Criterion("labels", "labels reach encoder and decoder through nn.Embedding", 1.0, core=True)))

right = EmbeddingCVAE


@question.misconception("There is no nn.Embedding among your model's parts (in a list it is none): let it hold the "
                        "labels' vectors.")
class one_hot_again(right):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, num_classes)
        del self.embedding
        self.embedding = lambda y: F.one_hot(y, num_classes).float()


@question.misconception("The encoder ignores the label: mu and logvar should depend on y as well.")
class encoder_ignores_label(right):
    def encode(self, x, y):
        return super().encode(x, torch.zeros_like(y))


@question.misconception("The decoder ignores the label: it could not be asked for a digit.")
class decoder_ignores_label(right):
    def decode(self, z, y):
        return super().decode(z, torch.zeros_like(y))


@question.misconception("The embedding is new, and untrained, at every call: make it in __init__.", random=True)
class embedding_in_forward(right):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, embedding_dim)
        del self.embedding
        self.embedding = lambda y: nn.Embedding(num_classes, embedding_dim)(y)


@question.misconception("forward decodes mu: sample z, or this is an autoencoder.")
class decodes_mu(right):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(mu, y), mu, logvar


@question.misconception("The first label is used for the whole batch: every row has its own.")
class first_label(right):
    def encode(self, x, y):
        return super().encode(x, y[:1].expand(len(y)))

    def decode(self, z, y):
        return super().decode(z, y[:1].expand(len(y)))


@question.misconception("decode does not use z: all pictures of a digit are the same.")
class ignores_z(right):
    def decode(self, z, y):
        return super().decode(torch.zeros_like(z), y)
