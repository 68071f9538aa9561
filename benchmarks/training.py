"""Seconds per training epoch and test ELBO: our `fit`, pytorch/examples' VAE, and what no step can leave out.

    MNIST_ROOT=... python benchmarks/training.py [--epochs 10] [--timed 5] [--seeds 5] [--images 60000]
    [--peer-elbo]

One model for all: 784-400-20, grey pixels, batch 128, Adam 1e-3. All are timed in turn, epoch by
epoch, so that a busy machine slows all of them alike. Prints a markdown table.
"""

import argparse
import os
from pathlib import Path
import platform
import statistics
import sys
import time

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from torch import nn
import torch.nn.functional as F
import torchvision

from utils import data, fit, load_mnist, pick_device

BATCH, RATE = 128, 1e-3


class VAE(nn.Module):
    """The reference: 784-400-20, ReLU (Kingma and Welling 2014, appendix C, with a larger hidden layer)."""

    def __init__(self, latent_dim=20):
        super().__init__()
        self.hidden = nn.Linear(784, 400)
        self.mu, self.logvar = nn.Linear(400, latent_dim), nn.Linear(400, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 400), nn.ReLU(), nn.Linear(400, 784))

    def forward(self, x):
        h = F.relu(self.hidden(x.view(-1, 784)))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.decoder(z), mu, logvar


def objective(model, x, y):
    logits, mu, logvar = model(x)
    reconstruction = F.binary_cross_entropy_with_logits(logits, x.view(-1, 784), reduction="sum") / len(x)
    kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum() / len(x)
    return {"total": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}


class Peer:
    """As pytorch/examples' vae trains: torchvision's MNIST read image by image through ToTensor and a
    DataLoader, the sigmoid before the cross-entropy, the loss read as a number in each step."""

    def __init__(self, device, images, seed=0):
        torch.manual_seed(seed)
        self.device = device
        options = {"num_workers": 1, "pin_memory": True} if device.type == "cuda" else {}
        loaders = []
        for train in (True, False):
            dataset = self.dataset(train)
            if train and images < len(dataset):
                dataset = torch.utils.data.Subset(dataset, range(images))
            loaders.append(torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=train, **options))
        self.train, self.test = loaders
        self.model = VAE().to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)

    @staticmethod
    def dataset(train):
        root = os.environ["MNIST_ROOT"]
        return torchvision.datasets.MNIST(root, train=train, transform=torchvision.transforms.ToTensor())

    def loss(self, x):
        logits, mu, logvar = self.model(x)
        cross_entropy = F.binary_cross_entropy(torch.sigmoid(logits), x.view(-1, 784), reduction="sum")
        return cross_entropy - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())

    def epoch(self):
        self.model.train()
        total = 0
        for x, _ in self.train:
            x = x.to(self.device)
            self.optimizer.zero_grad()
            loss = self.loss(x)
            loss.backward()
            total += loss.item()
            self.optimizer.step()
        return total / len(self.train.dataset)

    def elbo(self):
        self.model.eval()
        with torch.no_grad():
            total = sum(self.loss(x.to(self.device)).item() for x, _ in self.test)
        return total / len(self.test.dataset)


class Floor:
    """The matrix products of an epoch and nothing else: each layer forward, for its weights, and (except the
    first layer) for its inputs."""

    def __init__(self, device, images):
        self.steps = -(-images // BATCH)
        self.products = []
        for inputs, outputs in ((784, 400), (400, 20), (400, 20), (20, 400), (400, 784)):
            x, w, g = (torch.randn(shape, device=device) for shape in
                       ((BATCH, inputs), (outputs, inputs), (BATCH, outputs)))
            pairs = [(x, w.T), (g.T, x)] + ([] if inputs == 784 else [(g, w)])
            self.products += [(a, b, torch.empty(a.shape[0], b.shape[1], device=device)) for a, b in pairs]

    def epoch(self):
        for _ in range(self.steps):
            for a, b, out in self.products:
                torch.mm(a, b, out=out)


class Least(Floor):
    """The products, and what else each step must do, once and without autograd: take the batch, two ReLUs with
    their gradients, noise, the cross-entropy with its gradient, Adam's step on all weights."""

    def __init__(self, device, images):
        super().__init__(device, images)
        self.pixels = torch.randint(256, (images, 784), dtype=torch.uint8, device=device)
        self.hidden, self.logits = (torch.randn(BATCH, n, device=device) for n in (400, 784))
        weights = list(VAE().to(device).parameters())
        for weight in weights:
            weight.grad = torch.randn_like(weight)
        self.optimizer = torch.optim.Adam(weights, lr=RATE, fused=True)

    def epoch(self):
        for index in torch.randperm(len(self.pixels), device=self.pixels.device).split(BATCH):
            x, logits = self.pixels[index].float().div_(255), self.logits[:len(index)]
            for a, b, out in self.products:
                torch.mm(a, b, out=out)
            for _ in range(2):
                active = self.hidden.relu()
                torch.ops.aten.threshold_backward(self.hidden, active, 0)
            torch.randn(len(index), 20, device=x.device)
            F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
            logits.sigmoid().sub_(x)
            self.optimizer.step()


def seconds(work, device):
    _wait(device)
    start = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - start


def _wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def time_all(train, test, device, options, epochs):
    """Medians of seconds per training epoch, without evaluation, by name; the first epoch of each warms
    up.
    """
    model, few = VAE().to(device), test.take(1)
    peer, least, floor = (kind(device, len(train)) for kind in (Peer, Least, Floor))
    per_fit = 4 if options.get("graph") else 1  # a graph is recorded once for each fit

    def ours():
        fit(model, train, few, objective, per_fit, BATCH, RATE, progress=False, **options)

    runs = {
        "pytorch/examples": (peer.epoch, 1),
        "fit": (ours, per_fit),
        "what no step can leave out": (least.epoch, 1),
        "matrix products alone": (floor.epoch, 1),
    }
    times = {name: [] for name in runs}
    for turn in range(epochs + 1):
        for name, (work, n) in runs.items():
            took = seconds(work, device) / n
            if turn:
                times[name].append(took)
    return {name: statistics.median(values) for name, values in times.items()}


def elbos(train, test, device, options, epochs, seeds):
    values = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        history = fit(
            VAE().to(device), train, test, objective, epochs=epochs, batch_size=BATCH, lr=RATE, seed=seed,
            progress=False, **options,
        )
        values.append(history.test["total"][-1])
        _say(f"fit, seed {seed}: {values[-1]:.2f}")
    return values


def peer_elbos(device, images, epochs, seeds):
    values = []
    for seed in range(seeds):
        peer = Peer(device, images, seed)
        for _ in range(epochs):
            peer.epoch()
        values.append(peer.elbo())
        _say(f"pytorch/examples, seed {seed}: {values[-1]:.2f}")
    return values


def _say(line):
    print(line, file=sys.stderr, flush=True)


def table(times, losses, epochs, device):
    """The markdown of the results."""
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    lines = [
        f"784-400-20, batch {BATCH}, Adam {RATE}, grey pixels, z sampled; {name}, {platform.machine()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"torchvision {torchvision.__version__}.",
        "",
        f"| | s per training epoch, median | times the products | test loss after {epochs} epochs, nats |",
        "|---|---|---|---|",
    ]
    for name, took in times.items():
        values = losses.get(name, [])
        spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        elbo = f"{statistics.mean(values):.2f}{spread} ({len(values)} seeds)" if values else ""
        lines.append(f"| {name} | {took:.3f} | {took / times['matrix products alone']:.2f} | {elbo} |")
    faster = times["pytorch/examples"] / times["fit"]
    return "\n".join([*lines, "", f"fit is {faster:.1f} times as fast as pytorch/examples."])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10, help="epochs before the test loss is taken")
    parser.add_argument("--timed", type=int, default=5, help="timed epochs of each; the median counts")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=60_000, help="training images")
    parser.add_argument("--peer-elbo", action="store_true", help="the test loss of pytorch/examples too")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--bfloat16", action="store_true", help="CUDA only")
    parser.add_argument("--graph", action="store_true", help="CUDA only: replay the step as a CUDA graph")
    chosen = parser.parse_args()
    if "MNIST_ROOT" not in os.environ:
        load_mnist()  # into the cache
        os.environ["MNIST_ROOT"] = str(data.cache())
    device = pick_device()
    options = {name: getattr(chosen, name) for name in ("compile", "bfloat16", "graph")}
    train, test = load_mnist(device=device)
    if chosen.images < len(train):
        train = train.take(chosen.images)
    times = time_all(train, test, device, options, chosen.timed)
    losses = {"fit": elbos(train, test, device, options, chosen.epochs, chosen.seeds)} if chosen.seeds else {}
    if chosen.peer_elbo:
        losses["pytorch/examples"] = peer_elbos(device, len(train), chosen.epochs, chosen.seeds)
    print(table(times, losses, chosen.epochs, device))


if __name__ == "__main__":
    main()
