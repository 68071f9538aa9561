"""Where right and wrong answers end after the micro-training of `train_vae` and `train_cvae`.

`OMP_NUM_THREADS=1 python benchmarks/calibrate.py [--seeds 10] > benchmarks/calibration.md` trains several right
architectures and the usual wrong ones, judges none of them, and writes mean and standard deviation of what the two checks
look at, and how far that is from the bounds in `autograder/questions/train_vae.py` and `train_cvae.py`.
"""

import argparse
import math
import statistics

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal

from autograder.questions import train_cvae, train_vae
from autograder.questions.cvae import CVAE
from autograder.questions.definition import Draw
from autograder.questions.training import LONGEST, SLOW, UPDATES, training_probe
from autograder.questions.vae import VAE
from utils.check import probe
from utils.check.classifier import read
from utils.data import upsample


class Deep(VAE):
    """Three layers, tanh, BatchNorm and Dropout."""

    def __init__(self, latent_dim=20, labels=0):
        super().__init__(latent_dim)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784 + labels, 512), nn.BatchNorm1d(512), nn.Tanh(),
                                  nn.Linear(512, 256), nn.Tanh(), nn.Dropout(0.1), nn.Linear(256, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim + labels, 256), nn.Tanh(), nn.Linear(256, 512), nn.Tanh(),
                                     nn.Linear(512, 784))

    def encode(self, x):
        return self.body(x).chunk(2, dim=1)


class Convolutional(VAE):
    def __init__(self, latent_dim=20, labels=0):
        super().__init__(latent_dim)
        self.body = nn.Sequential(nn.Conv2d(1 + labels, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
                                  nn.Flatten(), nn.Linear(1568, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim + labels, 1568), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)),
                                     nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1))

    def encode(self, x):
        return self.body(x).chunk(2, dim=1)


class Narrow(VAE):
    """A hidden layer of 64 in place of 400."""

    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.hidden, self.mu, self.logvar = nn.Linear(784, 64), nn.Linear(64, latent_dim), nn.Linear(64, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 64), nn.ReLU(), nn.Linear(64, 784))


class LinearDecoder(VAE):
    """No hidden layer behind z: probabilistic PCA with Bernoulli pixels."""

    def __init__(self, latent_dim=20, labels=0):
        super().__init__(latent_dim)
        self.decoder = nn.Linear(latent_dim + labels, 784)


class Linear(LinearDecoder):
    """No hidden layer at all."""

    def __init__(self, latent_dim=20, labels=0):
        super().__init__(latent_dim, labels)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784 + labels, 2 * latent_dim))

    def encode(self, x):
        return self.body(x).chunk(2, dim=1)


def conditional(base):
    """A CVAE from one of the networks above: label planes or columns beside the input."""

    class Conditional(base):
        def __init__(self, latent_dim=20, num_classes=10):
            super().__init__(latent_dim, labels=num_classes)

        def encode(self, x, y):
            onehot = F.one_hot(y, 10).float()
            if base is Convolutional:
                x = torch.cat([x, onehot.view(-1, 10, 1, 1).expand(-1, -1, 28, 28)], dim=1)
            else:
                x = torch.cat([x.flatten(1), onehot], dim=1)
            return self.body(x).chunk(2, dim=1)

        def decode(self, z, y):
            return super().decode(torch.cat([z, F.one_hot(y, 10).float()], dim=1))

        def forward(self, x, y):
            mu, logvar = self.encode(x, y)
            return self.decode(Normal(mu, (0.5 * logvar).exp()).rsample(), y), mu, logvar

    return Conditional


class IgnoresLabel(CVAE):
    def decode(self, z, y):
        return super().decode(z, torch.zeros_like(y))


class ShuffledLabels(CVAE):
    def forward(self, x, y):
        return super().forward(x, y[torch.randperm(len(y))])


class BiasFromZero(CVAE):
    """The label as a bias of the hidden layers, which has no say at first."""

    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.image, self.style = nn.Linear(784, 200), nn.Linear(latent_dim, 200)
        self.shift, self.back = (nn.Parameter(torch.zeros(num_classes, 200)) for _ in range(2))
        self.body, self.out = nn.Linear(200, 2 * latent_dim), nn.Linear(200, 784)

    def encode(self, x, y):
        return self.body(F.elu(self.image(x.flatten(1)) + self.shift[y])).chunk(2, dim=1)

    def decode(self, z, y):
        return self.out(F.elu(self.style(z) + self.back[y])).view(-1, 1, 28, 28)


class TwoSigmoids(VAE):
    """Two hidden layers with sigmoids, which learn slowly at first."""

    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.Sigmoid(), nn.Linear(400, 200), nn.Sigmoid(),
                                  nn.Linear(200, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 200), nn.Sigmoid(), nn.Linear(200, 400), nn.Sigmoid(),
                                     nn.Linear(400, 784))

    def encode(self, x):
        return self.body(x).chunk(2, dim=1)


class DecodesMean(VAE):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu), mu, logvar


def loss(beta=1.0, pixels=784, kl="sum"):
    """The loss of Task 1, or one of its usual mistakes."""
    def vae_loss(logits, x, mu, logvar, beta_=beta):
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).mean(1) * pixels
        divergence = 0.5 * (mu.square() + logvar.exp() - 1 - logvar)
        return (reconstruction + beta_ * (divergence.mean(1) if kl == "mean" else divergence.sum(1))).mean()
    return vae_loss


VAES = {
    "MLP": (VAE, loss()), "narrow MLP": (Narrow, loss()), "deep, BatchNorm, Dropout": (Deep, loss()),
    "convolutional": (Convolutional, loss()), "two sigmoid layers": (TwoSigmoids, loss()),
    "linear decoder": (LinearDecoder, loss()), "linear": (Linear, loss()),
    "wrong: KL subtracted": (VAE, loss(beta=-1.0)), "wrong: no KL": (VAE, loss(beta=0.0)),
    "wrong: KL counts a twentieth": (VAE, loss(beta=0.05)),
    "wrong: mean over pixels": (VAE, loss(pixels=1)), "wrong: mean over latents": (VAE, loss(kl="mean")),
    "wrong: beta 10": (VAE, loss(beta=10.0)), "wrong: decodes mu": (DecodesMean, loss()),
}
CVAES = {"MLP": CVAE, "bias from 0": BiasFromZero, "linear": conditional(Linear),
         "deep, BatchNorm, Dropout": conditional(Deep), "convolutional": conditional(Convolutional),
         "wrong: decoder ignores the label": IgnoresLabel, "wrong: labels shuffled": ShuffledLabels}


def measure(model, vae_loss, seed: int, updates: int = UPDATES) -> dict[str, float]:
    labels = vae_loss is None
    inputs, steps = training_probe(Draw(seed), "M", None if labels else "loss", labels, updates)
    answers, _ = probe.run(steps, inputs, {"M": model, "loss": vae_loss}, seed=seed)
    if "dec" not in answers:
        return {"diverged": 1.0}
    x, order = upsample(inputs["held8"]).double().flatten(1), inputs["order"]
    logits = answers["dec"].double().flatten(1)
    mu, logvar = answers["enc.0"].double()[order], answers["enc.1"].double()[order]
    prior = answers["prior"].double().flatten(1)
    log_p = x @ prior.T - F.softplus(prior).sum(1)
    kl = float((mu.square() + logvar.exp() - 1 - logvar).sum(1).mean() / 2)
    reconstruction = float((F.softplus(logits) - logits * x[order]).sum(1).mean())
    kinds = torch.sigmoid(prior).unflatten(0, (-1, 10 if labels else 1))      # labels take turns
    figures = {"negative ELBO": reconstruction + kl, "KL": kl, "share": kl / reconstruction,
               "variance": float(kinds.var(0).mean(0).sum() / x.var(0).sum()),
               "prior": float((log_p.logsumexp(1) - math.log(len(prior))).mean())}
    if labels:
        figures["read"] = float((read(torch.sigmoid(prior)) == inputs["prior_y"]).float().mean())
    return figures


def bounds(check) -> dict[str, tuple[float, float]]:
    """What a right answer's figures lie between."""
    found = {"negative ELBO": check.ELBO, "share": (-math.inf, check.KL), "prior": check.PRIOR,
             "variance": (check.VARIANCE, math.inf)}
    return found | ({"read": (check.READ, math.inf)} if check is train_cvae else {})


def margin(runs: list[dict], limits: dict) -> str:
    """How many standard deviations inside all bounds, or outside of the one that is crossed most clearly."""
    inside = {}
    for figure, (low, high) in limits.items():
        values = [run[figure] for run in runs]
        mean, sd = statistics.mean(values), statistics.stdev(values)
        inside[figure] = min(mean - low, high - mean) / sd
    nearest = min(inside, key=inside.get)
    return f"{abs(inside[nearest]):.1f} {'inside' if inside[nearest] > 0 else 'outside'} ({nearest})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    seeds = range(parser.parse_args().seeds)
    conditional_models = {name: (model, None) for name, model in CVAES.items()}
    print(f"""# Calibration of the training checks

`OMP_NUM_THREADS=1 python benchmarks/calibrate.py --seeds {len(seeds)} > benchmarks/calibration.md`, torch {torch.__version__},
{torch.get_num_threads()} thread, {len(seeds)} seeds; mean +- standard deviation, likelihoods in nats per image.
share: of the KL in the reconstruction; variance: of pictures from the prior (of one digit each in `train_cvae`), as a share
of the images'; the last column: standard deviations from the nearest bound, or from the one that is crossed most clearly.
A model whose loss is above {SLOW:g} nats after {UPDATES} updates gets up to {LONGEST - UPDATES} more. Labels that start
without a say (a bias from 0) are learned last, so a CVAE that is not right is trained once more, with {LONGEST} updates.
beta = 10 trains well enough: it is for `vae_loss` to reject.""")
    for title, check, models, updates in (
            ("train_vae", train_vae, VAES, UPDATES), ("train_cvae", train_cvae, conditional_models, UPDATES),
            ("train_cvae, second look", train_cvae, conditional_models, LONGEST)):
        limits = bounds(check)
        words = "; ".join(f"{figure} from {low:g} to {high:g}" for figure, (low, high) in limits.items())
        print(f"\n## {title}\n\nBounds: {words}.\n")
        figures = ("negative ELBO", "KL", "share", "variance", "prior", *(["read"] if "read" in limits else []))
        print(f"| model | {' | '.join(figures)} | nearest bound |\n|{'---|' * (len(figures) + 2)}")
        for name, (model, vae_loss) in models.items():
            runs = [measure(model, vae_loss, seed, updates) for seed in seeds]
            if any("diverged" in r for r in runs):
                print(f"| {name} | diverged in {sum('diverged' in r for r in runs)} of {len(runs)} runs |", flush=True)
                continue
            cells = [f"{statistics.mean(r[figure] for r in runs):.4g} +- {statistics.stdev(r[figure] for r in runs):.2g}"
                     for figure in figures]
            print(f"| {name} | {' | '.join(cells)} | {margin(runs, limits)} |", flush=True)


if __name__ == "__main__":
    main()
