"""How tight is the ELBO? The importance-weighted bound of Burda et al. 2015 with K draws, on binary pixels.

Architecture and rates of their one-layer VAE (section 5): 784-200-200-50, tanh, Adam with 3^i epochs at rate
0.001 * 10^(-i / 7). They train 3,280 epochs in batches of 20 (i = 0 to 7) and report 86.76 nats with K = 5,000;
here the batches are of 128, on 55,000 pictures, and `epochs` says how far the training went: 121 is i = 0 to 4, 364
i = 0 to 5.
"""

from dataclasses import replace
import time

import torch
import torch.nn.functional as F

from autograder.questions.iwae_bound import iwae_bound
from experiments.models import DeepVAE, new, objective
from experiments.study import Study
from experiments.table import Table
from utils import fit

DRAWS = (1, 10, 100, 1000, 5000)
PICTURES = 2_000
ROWS = 500  # decoded together; their activations fit a CPU's cache


def run(images, epochs, seed):
    """`bound` is a lower bound of log p(x), mean over `pictures` test pictures that are binarized once;
    training draws its pixels afresh in each epoch. `seconds` are those of the training.
    """
    model = new(DeepVAE, 50, seed)
    train, validation = (replace(part, binarize=True) for part in (images.train, images.validation))
    start = time.process_time()
    for stage, (some, rate) in enumerate(schedule(epochs)):
        fit(model, train, validation, objective(), some, lr=rate, seed=100 * seed + stage, progress=False)
    seconds = time.process_time() - start
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        x = torch.bernoulli(images.test.take(PICTURES).images)
        found = bounds(model, x)
    return {"bounds": [{"model": "VAE 784-200-200-50", "k": k, "bound": bound, "epochs": epochs, "seconds": seconds,
                        "pictures": len(x)} for k, bound in found.items()]}


def schedule(epochs):
    """Pairs (epochs, rate): 1, 3, 9, ... epochs, as many as there are, with falling rates."""
    stages, i = [], 0
    while epochs > 0:
        stages.append((min(3**i, epochs), 0.001 * 10 ** (-i / 7)))
        epochs, i = epochs - 3**i, i + 1
    return stages


@torch.no_grad()
def bounds(model, x, draws=DRAWS):
    """{K: mean over the pictures of log(1/K sum_k w_k)} for binary x (N, 1, 28, 28), in nats.

    The largest K is drawn once for each picture; a smaller one that divides it uses all of these draws in
    blocks of K, whose values are averaged.
    """
    most = max(draws)
    sums = dict.fromkeys(draws, 0.0)
    for picture in x:
        log_w = torch.cat([log_weights(model, picture, some) for some in torch.arange(most).split(ROWS)]).double()
        for k in draws:
            sums[k] += iwae_bound(log_w[:most // k * k].view(-1, k).T).mean().item()
    return {k: total / len(x) for k, total in sums.items()}


def log_weights(model, picture, draws):
    """log p(x given z) + log p(z) - log q(z given x) for one binary picture and len(draws) draws of z: (K,)."""
    mu, logvar = model.encode(picture[None])
    eps = torch.randn(len(draws), mu.shape[1])
    z = mu + (logvar / 2).exp() * eps
    logits = model.decode(z).flatten(1)
    log_likelihood = logits @ picture.flatten() - F.softplus(logits).sum(1)
    return log_likelihood + (eps.square() + logvar - z.square()).sum(1) / 2


study = Study(
    run=run, over={}, epochs=364, seeds=1,
    tables=(Table("bounds", "model seed k bound epochs seconds pictures", "seed"),),
)
