# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Task 3: the experiments of the lectures
#
# The lectures show more than two trained models: how the latent space grows, what the latent dimension buys,
# how much runs differ, what a label is good for, and that the formulas are right. Here you repeat these
# experiments. Short runs happen in this notebook; beside them stand the long runs, whose numbers come with the
# course.
#
# The whole notebook runs in about five minutes on one CPU core and in about two on a T4 (an estimate).

# %% [markdown]
# **How to work.** As in Tasks 1 and 2: each question is a formula, a stub, a check and a picture. Replace
# `raise NotImplementedError` (at most seven lines), run the cell, then the check below it.
#
# Nothing here needs your earlier answers: the models are given. Where the text says **predict**, commit to an
# answer before you run the cell. This task is optional; its six questions are worth 12 points.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import subprocess
import sys

UTILS_URL = "@UTILS_URL@"
if "google.colab" in sys.modules:  # Colab has torch; only the course's own small package is missing
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", UTILS_URL], check=True)

import math
import time
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Bernoulli, Normal

from utils import check, distance_to_prior, explore, fit, load_images, moving, needs, pick_device, plots, results

device = pick_device()

# %% [markdown]
# ## 1 Data and models
#
# MNIST as before. This time we set 10,000 training pictures aside for **validation**: whatever is chosen by
# looking at a loss (when to stop, which model) is chosen there, and the test set only reports. Choosing on the
# test set would make its numbers too good, and nobody could tell by how much.

# %% tags=["explore"] nbgrader={"grade": false, "grade_id": "given_data", "locked": true, "schema_version": 3, "solution": false, "task": false}
train, test = load_images(device=device)
few = len(train) < 10_000  # scikit-learn's digits, where MNIST cannot be had
order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0)).to(device)
held = len(train) // 6
validation = replace(train, images=train.images[order[:held]], labels=train.labels[order[:held]])
train = replace(train, images=train.images[order[held:]], labels=train.labels[order[held:]])
rounds = 4 if few else 1  # a small set needs more epochs
print(f"{len(train):,} training, {len(validation):,} validation and {len(test):,} test pictures")

# %% [markdown]
# One class serves as VAE and as CVAE. With `num_classes=0` it takes no labels: `encode(x)`, `decode(z)`. With
# `num_classes=10` both take `y`, whose one-hot vector is written behind the pixels and behind the code. The
# layers are those of Task 1, 784-400-Z and back.

# %% nbgrader={"grade": false, "grade_id": "given_model", "locked": true, "schema_version": 3, "solution": false, "task": false}
class VAE(nn.Module):
    """encode(x) or encode(x, y) -> mu, logvar (N, Z); decode(z) or decode(z, y) -> logits (N, 1, 28, 28)."""

    def __init__(self, latent_dim, num_classes=0):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.hidden = nn.Sequential(nn.Linear(784 + num_classes, 400), nn.ReLU())
        self.mu, self.logvar = nn.Linear(400, latent_dim), nn.Linear(400, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim + num_classes, 400), nn.ReLU(), nn.Linear(400, 784))

    def with_label(self, features, y):
        return torch.cat([features, F.one_hot(y, self.num_classes)], dim=1) if self.num_classes else features

    def encode(self, x, y=None):
        hidden = self.hidden(self.with_label(x.flatten(1), y))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, z, y=None):
        return self.decoder(self.with_label(z, y)).view(-1, 1, 28, 28)

    def forward(self, x, y=None):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y), mu, logvar


# %% nbgrader={"grade": false, "grade_id": "given_objective", "locked": true, "schema_version": 3, "solution": false, "task": false}
def posterior(mu, logvar):
    """q(z given x) as a torch distribution."""
    return Normal(mu, torch.exp(0.5 * logvar), validate_args=False)


def exact_kl(mu, logvar):
    """KL(q to N(0, I)) of each latent in closed form: (N, Z), in nats."""
    return torch.distributions.kl_divergence(posterior(mu, logvar), Normal(0.0, 1.0, validate_args=False))


def objective(model, x, y, beta=1.0):
    """The negative ELBO in nats per picture, with weight beta on the KL, and its two parts."""
    logits, mu, logvar = model(x, y)
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    kl = exact_kl(mu, logvar).sum(1).mean()
    return {"total": reconstruction + beta * kl, "reconstruction": reconstruction, "kl": kl}


def trained(latent_dim, epochs, beta=1.0, binarize=False, **options):
    """A new model and its history: `fit`, with the validation set in place of the test set."""
    torch.manual_seed(0)
    model = VAE(latent_dim, **options).to(device)
    sets = (replace(part, binarize=binarize) for part in (train, validation))
    history = fit(model, *sets, lambda model, x, y: objective(model, x, y, beta), epochs * rounds)
    return model, history


# %% [markdown]
# ## 2 The latent space grows
#
# Z = 2, so that all codes can be seen. The cell trains in four stages and keeps the codes of 2,000 test pictures
# after each.
#
# **Time:** about 25 s on one CPU core, about 10 s on a T4 (estimate).
#
# **Predict:** after one single epoch, will the digits be apart already? And will the cloud grow or shrink from
# then on?

# %% tags=["train"]
seen = test.take(2000)
torch.manual_seed(0)
vae2, stages, codes, done = VAE(latent_dim=2).to(device), (1, 1, 2, 4), {}, 0
for seed, more in enumerate(stages):
    fit(vae2, train, validation, objective, more * rounds, seed=seed)
    done += more * rounds
    with torch.no_grad():
        codes[f"epoch {done}"] = (vae2.encode(seen.images)[0], seen.labels)

# %% tags=["explore"]
with needs("codes"):
    plots.latent_scatter(codes, limits=4.5, size=3.2)
    for name, (mu, labels) in codes.items():
        print(f"{name:9s} distance to N(0, I) {distance_to_prior(mu):.2f} nats")

# %% [markdown]
# **What you should see:** on MNIST the digits have found their places after one epoch: 1 to the right, 0
# below, 7, 9 and 4 above, the others crowded in the middle. From then on the cloud shrinks towards the circles; the
# distance falls from 0.67 to 0.24 nats.

# %% [markdown]
# The long run: the same model for 60 epochs. First as a row of pictures, then as an animation.

# %% tags=["explore"]
with needs("results"):
    rows = results.read("codes")
    grown = {}
    for epoch in (3, 5, 10, 30, 50, 60):
        some = results.select(rows, epoch=epoch)
        mu = torch.tensor([some["mu1"].tolist(), some["mu2"].tolist()]).T
        grown[f"epoch {epoch}"] = (mu, torch.tensor(some["label"]).long())
    plots.latent_scatter(grown, limits=4.5, size=2.7)

# %% tags=["explore"]
with needs("grown"):
    frames = [plots.latent_scatter({name: cloud}, limits=4.5) for name, cloud in grown.items()]
    display(moving.animation(frames))

# %% [markdown]
# **What you should see:** the arrangement of epoch 3 is still that of epoch 60. Stragglers outside the circles
# move in, and the crowd in the middle comes apart a little.
#
# **Why does it keep moving?** The loss does not care where on the disc a digit lies: turned or mirrored, every
# arrangement costs the same. What improves slowly is the use of the place.

# %% [markdown]
# ### Three dimensions
#
# With Z = 3 there is room for clouds beside *and* above each other. Turn the cloud with the mouse.
#
# **Predict:** which two digits will still touch, however you turn it?

# %% tags=["train"]
vae3, history3 = trained(latent_dim=3, epochs=4)

# %% tags=["explore"]
with needs("vae3"):
    with torch.no_grad():
        mu = vae3.encode(seen.images)[0]
    display(moving.cloud(mu, seen.labels))

# %% tags=["explore"]
with needs("results"):
    rows = results.read("codes3d")
    mu = torch.tensor([rows[f"mu{i}"].tolist() for i in (1, 2, 3)]).T
    display(moving.cloud(mu, torch.tensor(rows["label"]).long()))

# %% [markdown]
# **What you should see:** first our short run, then the long one. 0 and 1 keep to themselves; 4 and 9 stay
# neighbours from every side, and 3, 5 and 8 share the middle.

# %% [markdown]
# ## 3 Question: `monte_carlo_kl`
#
# Is the closed form of the KL right? By definition it is an average over draws from $q$:
#
# $$D_{KL}(q \,\Vert\, p) = \mathbb{E}_{z \sim q} \big[ \log q(z \mid x) - \log p(z) \big] \approx
# \frac{1}{J} \sum_{j=1}^{J} \big( \log q(z_j \mid x) - \log p(z_j) \big), \qquad z_j \sim q$$
#
# Such an average is a **Monte-Carlo estimate**. It works for any two densities, also where no closed form is
# known, and its error falls as $1 / \sqrt{J}$.
#
# **2 points:** interface 0.5, estimate 1, samples 0.5

# %% [markdown]
# **Shapes:** `mu` and `logvar` are (N, Z), `n_samples` is the number J, the result is (N,), in nats. Each of the
# J draws is fresh, with noise of its own for each picture and latent, on the device of `mu`.
# `posterior(mu, logvar)` above gives you $q$; `sample((J,))` draws (J, N, Z).
#
# **Predict:** to halve the error, how many times as many draws are needed?

# %% nbgrader={"grade": false, "grade_id": "monte_carlo_kl_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: monte_carlo_kl
def monte_carlo_kl(mu, logvar, n_samples):
    """Estimate KL(q(z given x) to N(0, I)) from n_samples independent draws of z ~ q, for each picture: (N,), nats.

    mu, logvar: (N, Z); logvar is log sigma^2.
    Example: mu = 2, logvar = 0 in one latent. A draw z = 2 + eps gives 2 + 2 eps; the mean over many is the KL, 2.
    """
    ### BEGIN SOLUTION
    q, prior = posterior(mu, logvar), Normal(0.0, 1.0, validate_args=False)
    z = q.sample((n_samples,))
    log_ratio = q.log_prob(z) - prior.log_prob(z)
    return log_ratio.sum(dim=2).mean(dim=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "monte_carlo_kl", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("monte_carlo_kl", monte_carlo_kl)

# %% tags=["explore"]
with needs("monte_carlo_kl", "vae2"):
    torch.manual_seed(0)
    with torch.no_grad():
        mu, logvar = vae2.encode(test.images[:500])
    exact, draws = exact_kl(mu, logvar).sum(1), (1, 4, 16, 64, 256, 1024)
    errors = [(monte_carlo_kl(mu, logvar, j) - exact).square().mean().sqrt().item() for j in draws]
    for j, error in zip(draws, errors):
        print(f"J = {j:5d}   error {error:.3f} nats")
    expected = [errors[0] / j ** 0.5 for j in draws]
    plots.lines({"your estimate": (draws, errors), r"$1 / \sqrt{J}$": (draws, expected)}, "draws J",
                "error (nats)", log="xy")

# %% [markdown]
# **What you should see:** 1.19 nats of error with one draw, 0.031 with 1,024: a straight line on logarithmic axes,
# parallel to $1 / \sqrt{J}$. So 1,024 times as many draws divide the error by about 32, and four times as many
# halve it.
#
# **Why bother, if the closed form is exact?** Because the same few lines work for a prior or a posterior that is
# no Gaussian. And because here the estimate is a witness: two derivations, one number.

# %% [markdown]
# ## 4 Question: `elbo_samples`
#
# The ELBO is an average over $q$ as well. During training one draw per picture was enough. To *report* it, we
# want less noise, so take J draws:
#
# $$\text{ELBO}(x) = \mathbb{E}_{z \sim q} \big[ \log p(x \mid z) \big] - D_{KL}\big(q(z \mid x) \,\Vert\, p(z)\big)
# \approx \frac{1}{J} \sum_{j=1}^{J} \log p(x \mid z_j) - D_{KL}, \qquad z_j \sim q$$
#
# Note the sign: the ELBO is a lower bound of $\log p(x)$, here a negative number of some hundred nats or less;
# the loss was minus that.
#
# **2 points:** interface 0.5, value 1, samples 0.5

# %% [markdown]
# **Shapes:** `x` is (N, 1, 28, 28), the result is (N,): one ELBO for each picture. `model.encode(x)` gives
# `mu, logvar` of (N, Z), `model.decode(z)` takes (N, Z) and gives logits. The KL may be exact or estimated:
# both are right. The pixels are Bernoulli variables; `log p(x given z)` is the sum over all 784.
#
# **Predict:** if J grows from 1 to 100, does the mean ELBO of many pictures rise, fall, or stay?

# %% nbgrader={"grade": false, "grade_id": "elbo_samples_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: elbo_samples
def elbo(model, x, n_samples):
    """The ELBO of each picture from n_samples independent draws of z ~ q(z given x): (N,), in nats.

    x: (N, 1, 28, 28); model.encode(x) -> mu, logvar (N, Z); model.decode(z) -> logits (N, 1, 28, 28).
    Example: two draws with log p(x given z) = -90 and -94, and a KL of 20, give -112.
    """
    ### BEGIN SOLUTION
    mu, logvar = model.encode(x)
    draws = posterior(mu, logvar).sample((n_samples,))
    log_p = torch.stack([Bernoulli(logits=model.decode(z), validate_args=False).log_prob(x).flatten(1).sum(1)
                         for z in draws])
    return log_p.mean(dim=0) - exact_kl(mu, logvar).sum(dim=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "elbo_samples", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("elbo_samples", elbo)

# %% [markdown]
# Now a model with Z = 20. A bound of $\log p(x)$ needs a true likelihood, so its pixels are black or white:
# `binarize=True` draws them afresh in each batch, with the grey value as the probability of ink. For testing they
# are drawn once.
#
# **Time:** about 25 s on one CPU core, about 10 s on a T4 (estimate).

# %% tags=["train"]
vae20, history20 = trained(latent_dim=20, epochs=8, binarize=True)
x_binary = torch.bernoulli(test.images[:200], generator=torch.Generator(device).manual_seed(0))

# %% tags=["explore"]
with needs("elbo", "vae20"):
    torch.manual_seed(0)
    with torch.no_grad():
        for j in (1, 10, 100):
            first, second = elbo(vae20, x_binary, j), elbo(vae20, x_binary, j)
            print(f"J = {j:3d}   mean ELBO {first.mean().item():7.2f}   "
                  f"two estimates of one picture differ by {(first - second).square().mean().sqrt().item():.2f} nats")

# %% [markdown]
# **What you should see:** on MNIST the mean is -101.1, -101.2 and -101.3, whatever J is. But two estimates of the
# same picture differ by 6.6 nats with one draw, and by 0.6 with a hundred.
#
# **Why does the mean stay?** One draw is already unbiased: it is wrong for one picture, but neither too high nor
# too low on average. More draws take away noise, and only noise.

# %% [markdown]
# ## 5 Question: `iwae_bound`
#
# How far below $\log p(x)$ is the ELBO? Burda, Grosse and Salakhutdinov (2016) found bounds that lie between the
# two. Take K draws from $q$ and average the *weights* before the logarithm, not after it:
#
# $$\mathcal{L}_K = \log \frac{1}{K} \sum_{k=1}^{K} w_k, \qquad
# \log w_k = \log p(x \mid z_k) + \log p(z_k) - \log q(z_k \mid x)$$
#
# $\mathcal{L}_1$ is the ELBO with one draw; $\mathcal{L}_K$ rises with K, on average, towards $\log p(x)$.
#
# **2 points:** interface 0.5, value 1, stability 0.5

# %% [markdown]
# **Shapes:** `log_w` is (K, N): K log-weights for each of N pictures; the result is (N,), differentiable. A
# log-weight is about -100, but some are -900: $e^{-900}$ is 0 on a computer, and $\log 0$ is $-\infty$. Find the
# function of torch that never forms these numbers.
#
# **Predict** by hand: `log_w` of 0 and $\log 3$, K = 2. What is the bound? And the mean of the two logarithms?

# %% nbgrader={"grade": false, "grade_id": "iwae_bound_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: iwae_bound
def iwae_bound(log_w):
    """The importance-weighted bound of log p(x) for each picture: (K, N) -> (N,), in nats.

    log_w: K log-weights of each picture, of any size. Differentiable with respect to log_w.
    Example: log-weights 0 and log 3, the weights 1 and 3, give log 2 = 0.693.
    """
    ### BEGIN SOLUTION
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "iwae_bound", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("iwae_bound", iwae_bound)

# %% nbgrader={"grade": false, "grade_id": "given_weights", "locked": true, "schema_version": 3, "solution": false, "task": false}
@torch.no_grad()
def log_weights(model, x, k):
    """log p(x given z) + log p(z) - log q(z given x) for k draws of z: (k, N)."""
    mu, logvar = model.encode(x)
    q, prior, weights = posterior(mu, logvar), Normal(0.0, 1.0, validate_args=False), []
    for _ in range(k):
        z = q.sample()
        log_p = -F.binary_cross_entropy_with_logits(model.decode(z), x, reduction="none").flatten(1).sum(1)
        weights.append(log_p + (prior.log_prob(z) - q.log_prob(z)).sum(1))
    return torch.stack(weights)


# %% tags=["explore"]
with needs("iwae_bound", "elbo", "vae20"):
    torch.manual_seed(0)
    log_w, sizes = log_weights(vae20, x_binary, 1000), (1, 10, 100, 1000)
    with torch.no_grad():
        level = elbo(vae20, x_binary, 100).mean().item()
    bounds = [iwae_bound(log_w[:k]).mean().item() for k in sizes]
    for k, bound in zip(sizes, bounds):
        print(f"K = {k:4d}   {bound:7.2f} nats")
    plots.lines({"importance-weighted": (sizes, bounds), "ELBO": (sizes, [level] * 4)}, "draws K",
                r"bound of $\log p(x)$ (nats)", log="x")

# %% [markdown]
# **What you should see:** -101.3, -98.2, -97.0 and -96.3 nats for K = 1, 10, 100 and 1,000. The first is the ELBO;
# so the ELBO lies at least 5 nats below $\log p(x)$. (Seven public runs of a similar network with Z = 10 reach -101.7
# with the ELBO and -96.8 with K = 1,000.)
#
# **Why does averaging before the logarithm help?** One good draw among K saves the sum, while in the ELBO one bad
# draw spoils the mean. The more draws, the less it matters that $q$ is not the true posterior.

# %% [markdown]
# The long run has the architecture of Burda et al.: 784-200-200-50 with tanh, dynamic binarization. They report
# 86.76 nats for $-\log p(x)$ with K = 5000, after 3,280 epochs.

# %% tags=["explore"]
with needs("results"):
    rows = results.read("bounds")
    k, mean, std = results.over_seeds(rows, "k", "bound")
    for draws, bound in zip(k, mean):
        print(f"K = {draws:5.0f}   {bound:7.2f} nats")
    plots.lines({rows["model"][0]: (k, mean), "Burda et al., K = 5000": (k, [-86.76] * len(k))}, "draws K",
                r"bound of $\log p(x)$ (nats)", log="x")

# %% [markdown]
# **What you should see:** -93.6, -91.1, -90.2, -89.8 and -89.6 nats for K = 1 to 5,000, on 2,000 test pictures, after
# 364 epochs (18 minutes). That is 2.9 nats short of Burda et al., who trained nine times as long, with
# smaller and smaller steps.

# %% [markdown]
# ## 6 The gap: variational inference against MCMC
#
# The identity of Task 1, once more:
#
# $$\log p(x) - \text{ELBO} = D_{KL}\big(q(z \mid x) \,\Vert\, p(z \mid x)\big)$$
#
# With Z = 2 both sides can be computed: put a fine grid over the plane, evaluate $p(x \mid z)\, p(z)$ at each
# point, and sum. The sum is $p(x)$; what is left after dividing by it is the true posterior.
#
# **Predict:** $q$ is a Gaussian whose axes are parallel to $z_1$ and $z_2$. In which way will the true posterior
# differ from it?

# %% nbgrader={"grade": false, "grade_id": "given_posterior", "locked": true, "schema_version": 3, "solution": false, "task": false}
@torch.no_grad()
def log_joint(model, x, z):
    """log p(x given z) + log p(z) of one picture x (1, 1, 28, 28) at z (M, 2): (M,), in nats."""
    parts = []
    for some in z.split(4000):
        logits = model.decode(some).flatten(1)
        parts.append(logits @ x.flatten() - F.softplus(logits).sum(1))
    return torch.cat(parts) + Normal(0.0, 1.0, validate_args=False).log_prob(z).sum(1)


def metropolis(log_density, z, steps, width):
    """Random-walk Metropolis (Metropolis et al. 1953): chains that start at z (M, 2) -> (steps, M, 2).

    Propose a step; go there if the density is higher, else with the ratio of the densities as probability.
    """
    path, log_p = [], log_density(z)
    for _ in range(steps):
        proposal = z + width * torch.randn_like(z)
        log_new = log_density(proposal)
        accepted = torch.rand_like(log_p).log() < log_new - log_p
        z, log_p = torch.where(accepted[:, None], proposal, z), torch.where(accepted, log_new, log_p)
        path.append(z)
    return torch.stack(path)


# %% tags=["explore"]
with needs("vae2"):
    torch.manual_seed(0)
    x = torch.bernoulli(test.images[:1], generator=torch.Generator(device).manual_seed(0))
    axis = torch.linspace(-4.5, 4.5, 300, device=device)
    z2, z1 = torch.meshgrid(axis, axis, indexing="ij")
    grid, cell = torch.stack([z1, z2], dim=-1).view(-1, 2), (axis[1] - axis[0]).item() ** 2

    start = time.perf_counter()
    log_grid = log_joint(vae2, x, grid)
    seconds = {"grid": time.perf_counter() - start}
    log_p_x = (log_grid.logsumexp(0) + math.log(cell)).item()
    true = (log_grid - log_grid.logsumexp(0)).exp()  # of each cell

    start = time.perf_counter()
    with torch.no_grad():
        mu, logvar = (part[0] for part in vae2.encode(x))
    seconds["q"] = time.perf_counter() - start

    start = time.perf_counter()
    chains = metropolis(lambda z: log_joint(vae2, x, z), mu.repeat(20, 1), steps=1000, width=0.15)
    draws = chains[200:].flatten(0, 1)  # the first 200 steps are the way there
    seconds["Metropolis"] = time.perf_counter() - start

# %% tags=["explore"]
with needs("elbo", "vae2"):
    log_q = Normal(mu, logvar.mul(0.5).exp()).log_prob(grid).sum(1)
    inside = log_q.exp() * cell > 1e-12
    gap = (log_q.exp() * cell * (log_q + math.log(cell) - true.log()))[inside].sum().item()
    with torch.no_grad():
        bound = elbo(vae2, x.expand(500, -1, -1, -1), 200).mean().item()  # 100,000 draws
    print(f"log p(x) {log_p_x:.2f} - ELBO {bound:.2f} = {log_p_x - bound:.2f} nats;   KL(q, posterior) {gap:.2f} nats")
    mean = true @ grid
    for name, estimate in {"q": mu, "Metropolis": draws.mean(0)}.items():
        print(f"{name:11s} {1000 * seconds[name]:7.1f} ms   its mean is {(estimate - mean).norm().item():.3f} "
              "from the true one")
    plots.posterior(true.view(300, 300), axis, mu, logvar.mul(0.5).exp(), draws)

# %% [markdown]
# **What you should see:** both sides of the identity agree: 0.38 nats on MNIST, for this picture. The true posterior is
# tilted, and $q$, whose axes are fixed, cannot follow; its mean is a little off as well. The chains fill the tilted
# shape and find its mean to 0.01, in half a second; $q$ takes less than a millisecond.
#
# **Why not use Metropolis for everything?** It is right in the end, but the end costs a thousand evaluations of
# the decoder *for each picture*, and nobody says when it is reached. The encoder pays once, in training, and then
# answers at once; the gap is the price of its haste.

# %% [markdown]
# ## 7 Question: `early_stopping`
#
# When should training stop? Not when the *training* loss stops falling: it always falls. The usual rule watches
# the validation loss and has **patience**: stop as soon as so many epochs in a row have brought no new best, then
# go back to the best epoch.
#
# **2 points:** interface 0.5, stop 1, best 0.5

# %% [markdown]
# The rule, precisely. Epochs are counted from 1. The best epoch so far is the one with the lowest loss; a tie is
# no improvement, so of equal losses the first counts. `stop_epoch` is the first epoch that lies `patience` epochs
# after the best epoch so far. Where the losses end before that, it is the last epoch. `best_epoch` is the best of
# the epochs 1 to `stop_epoch`: what comes after the stop is never seen.
#
# **Predict** for the losses 5, 3, 4, 3, 2 with patience 2: when does training stop, and does it find the 2?

# %% nbgrader={"grade": false, "grade_id": "early_stopping_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: early_stopping
def early_stopping(losses, patience):
    """(stop_epoch, best_epoch), two ints, for validation losses of the epochs 1, 2, ... and a patience of 1 or more.

    losses: a list of numbers, at least one. A tie is no improvement. Stop at the first epoch that lies `patience`
    epochs after the best one so far, or else at the last epoch; best_epoch is the best one until then.
    Example: losses [5, 3, 4, 3, 2] with patience 2 give (4, 2): epochs 3 and 4 are not better than epoch 2.
    """
    ### BEGIN SOLUTION
    best_epoch = 1
    for epoch, loss in enumerate(losses, start=1):
        if loss < losses[best_epoch - 1]:
            best_epoch = epoch
        if epoch - best_epoch == patience:
            break
    return epoch, best_epoch
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "early_stopping", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("early_stopping", early_stopping)

# %% [markdown]
# To see overfitting in seconds, take 500 training pictures only, and a high learning rate.
#
# **Time:** about 8 s on one CPU core.
#
# **Predict:** with patience 2, 5 and 10, which is the first that finds the lowest validation loss?

# %% tags=["train"]
with needs("early_stopping"):
    torch.manual_seed(0)
    small = VAE(latent_dim=20).to(device)
    history = fit(small, train.take(500), validation.take(1000), objective, epochs=100, batch_size=32, lr=3e-3)
    losses = history.test["total"]
    for patience in (2, 5, 10):
        stop, best = early_stopping(losses, patience)
        print(f"patience {patience:2d}: stop after epoch {stop:3d}, best epoch {best:3d}: {losses[best - 1]:.1f} nats")
    print(f"after all 100 epochs: {losses[-1]:.1f} nats; the lowest was {min(losses):.1f}")
    epochs = range(5, 101)
    plots.lines({"training": (epochs, history.train["total"][4:]), "validation": (epochs, losses[4:])},
                "epoch", "nats per picture", title="500 training pictures")

# %% [markdown]
# **What you should see:** on MNIST the validation loss is lowest, 136.6 nats, at epoch 37; patience 5 and 10 both find
# it. Patience 2 gives up at epoch 21 with 142.2 nats: it took a wobble for the end. All 100 epochs end at 143.7, while
# the training loss falls on and on.
#
# **Why on a validation set?** The minimum over epochs of a noisy curve lies below what the model really reaches.
# Whoever picks the epoch on the test set and reports the loss of that epoch reports this luck, too.

# %% [markdown]
# ## 8 How much do runs differ?
#
# Every number so far came from one seed. Train the same model several times, on 5,000 pictures for speed, and
# look at the fan.
#
# **Time:** about 20 s on one CPU core.
#
# **Predict:** by how many nats will six runs differ at the end: 0.1, 1 or 10?

# %% tags=["train"]
fan = []
for seed in range(6):
    torch.manual_seed(seed)
    history = fit(VAE(latent_dim=2).to(device), train.take(5000), validation.take(2000), objective,
                  epochs=8 * rounds, seed=seed, progress=False)
    fan.append(history.test["total"])
last = torch.tensor(fan)[:, -1]
print(f"six runs: {last.mean().item():.1f} +- {last.std().item():.1f} nats per picture")
plots.lines({"six runs, Z = 2": (range(1, len(fan[0]) + 1), fan)}, "epoch", "validation, nats per picture")

# %% tags=["explore"]
with needs("results"):
    rows = results.select(results.read("runs"), split="test")
    epoch, mean, std = results.over_seeds(rows, "epoch", "total")
    runs = [results.select(rows, run=run)["total"] for run in sorted(set(rows["run"]))]
    print(f"{len(runs)} runs after epoch {epoch[-1]:.0f}: {mean[-1]:.1f} +- {std[-1]:.1f} nats per picture "
          "(published: 154.5 +- 1.9)")
    plots.lines({f"{len(runs)} runs, Z = 2": (epoch, runs), "mean": (epoch, mean, std)}, "epoch",
                "test, nats per picture")

# %% [markdown]
# **What you should see:** our six runs end at 177.6 with a standard deviation of 1.0 nats. They part early and stay
# apart: which digit got which place in the first epochs decides. The long runs, of 70 epochs on all of MNIST, show the
# same, lower down.
#
# **Why does it matter?** A difference between two models that is smaller than this spread is no difference. Report
# mean and standard deviation over seeds, or say that it was one run.

# %% [markdown]
# ## 9 AE, VAE and CVAE
#
# The triptych of Task 2, now with numbers over several seeds. As AE serves a VAE with $\beta = 0$, which turns its
# noise down (Task 1, section 15); that of the long runs has no noise, it decodes `mu`.
#
# **Time:** about 25 s on one CPU core, about 15 s on a T4 (estimate).

# %% tags=["train"]
ae2, _ = trained(latent_dim=2, epochs=4, beta=0.0)
cvae2, _ = trained(latent_dim=2, epochs=4, num_classes=10)

# %% tags=["explore"]
with needs("ae2", "vae2", "cvae2"):
    with torch.no_grad():
        panels = {name: (model.encode(seen.images, seen.labels)[0], seen.labels)
                  for name, model in {"AE": ae2, "VAE": vae2, "CVAE": cvae2}.items()}
    plots.triptych(panels, limits=5)

# %% tags=["explore"]
with needs("results"):
    rows = results.select(results.read("triptych"), latent_dim=2)
    for model in ("AE", "VAE", "CVAE"):
        some = results.select(rows, model=model)
        distance, overlap = some["distance_to_prior"], some["class_overlap"]
        print(f"{model:4s}  distance to N(0, I) {distance.mean():6.2f} +- {distance.std(ddof=1):.2f} nats   "
              f"class overlap {overlap.mean():.2f} +- {overlap.std(ddof=1):.2f}")

# %% [markdown]
# **What you should see:** on MNIST distances of 16.8, 0.24 and 0.06 nats. The AE's cloud leaves the picture, the
# VAE's digits lie side by side within the circles, the CVAE's lie on top of each other.
#
# The **overlap** is the share of test pictures whose digit a nearest-neighbour classifier cannot read from the
# code: 0 where every digit keeps to itself, 0.9 where the code says nothing about it.
#
# **Why is the CVAE's overlap so large?** Because nothing is gained by naming the digit in the code: the decoder
# hears it anyway. What is left in `z` is style, and style is shared.

# %% [markdown]
# ## 10 Question: `complete`
#
# A model of pictures can restore them. Hide some pixels, and let the model fill them in: encode what is there,
# decode, keep the decoder's word for the hidden pixels only, and repeat, so that what was filled in helps to find
# a better code (Rezende, Mohamed and Wierstra 2014, appendix F; they draw `z`, we take the mean):
#
# $$x^{(0)} = m \odot x, \qquad
# x^{(t+1)} = m \odot x + (1 - m) \odot \mathrm{sigmoid}\big(\text{decode}(\mu(x^{(t)}))\big)$$
#
# **3 points:** interface 0.5, observed 0.5, filled 1.5, labels 0.5

# %% [markdown]
# **Shapes:** `x` and `mask` are (N, 1, 28, 28); the mask is 1 where a pixel is observed and 0 where it is hidden.
# The result is (N, 1, 28, 28). What `x` holds at hidden pixels must not matter. With `y=None` the model is a VAE:
# `encode(x)`, `decode(z)`; otherwise a CVAE: `encode(x, y)`, `decode(z, y)`.
#
# **Predict:** cover the upper half of a 9. What may a VAE make of it, and what a CVAE that is told the digit?

# %% nbgrader={"grade": false, "grade_id": "complete_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: complete
def complete(model, x, mask, y=None, steps=20):
    """Fill in the hidden pixels: (N, 1, 28, 28), without gradient. x, mask: (N, 1, 28, 28); mask 1 = observed.

    Hidden pixels start at 0. In each of the `steps` steps the picture is encoded, the mean mu is decoded, and the
    probabilities replace the hidden pixels; observed pixels stay exactly x.
    y: labels (N,) for a CVAE; None for a VAE, whose encode and decode take no labels.
    Example: steps = 1 and a mask of zeros give sigmoid(decode(mu of an empty picture)).
    """
    ### BEGIN SOLUTION
    labels = [] if y is None else [y]
    filled = torch.where(mask.bool(), x, torch.zeros_like(x))
    with torch.no_grad():
        for _ in range(steps):
            p = torch.sigmoid(model.decode(model.encode(filled, *labels)[0], *labels))
            filled = torch.where(mask.bool(), x, p)
    return filled
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "complete", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("complete", complete)

# %% [markdown]
# Two models with Z = 20, one of which hears the label, restore the same damage. Both were trained on whole
# pictures only. For **noise**, where nobody says which pixels are wrong, the picture is encoded and decoded once.
#
# **Time:** about 45 s on one CPU core, about 20 s on a T4 (estimate).

# %% tags=["train"]
vae_r, history_r = trained(latent_dim=20, epochs=6)
cvae_r, history_rc = trained(latent_dim=20, epochs=6, num_classes=10)

# %% nbgrader={"grade": false, "grade_id": "given_damage", "locked": true, "schema_version": 3, "solution": false, "task": false}
def damages(x):
    """name -> (damaged picture, mask), both (N, 1, 28, 28): a quarter of the pixels replaced by noise, the lower
    half or the lower right quarter hidden."""
    half, quarter = torch.ones_like(x), torch.ones_like(x)
    half[..., 14:, :] = 0
    quarter[..., 14:, 14:] = 0
    right = (torch.rand_like(x) > 0.25).float()
    return {"noise": (torch.where(right.bool(), x, torch.rand_like(x)), right),
            "half": (x * half, half), "quarter": (x * quarter, quarter)}


# %% tags=["explore"]
with needs("complete", "vae_r", "cvae_r"):
    torch.manual_seed(0)
    x, y = test.images[:1000], test.labels[:1000]
    for name, (damaged, mask) in damages(x).items():
        shown = {"damaged": damaged}
        for which, model, labels in (("VAE", vae_r, []), ("CVAE", cvae_r, [y])):
            with torch.no_grad():
                restored = (torch.sigmoid(model.decode(model.encode(damaged, *labels)[0], *labels))
                            if name == "noise" else complete(model, damaged, mask, *labels))
            p = restored[mask == 0].clamp(1e-4, 1 - 1e-4)
            shown[which] = restored
            print(f"{name:8s} {which:5s} {F.binary_cross_entropy(p, x[mask == 0]).item():.3f} nats per damaged pixel")
        plots.reconstructions(x[:12], {which: pictures[:12] for which, pictures in shown.items()})

# %% tags=["explore"]
with needs("results"):
    rows = results.read("restoration")
    for damage in ("noise", "half", "quarter"):
        for model in ("VAE", "CVAE"):
            error = results.select(rows, damage=damage, model=model)["error"]
            print(f"long runs: {damage:8s} {model:5s} {error.mean():.3f} +- {error.std(ddof=1):.3f} "
                  f"nats per damaged pixel, {len(error)} seeds")

# %% [markdown]
# **What you should see:** on MNIST 0.25, 0.38 and 0.31 nats per damaged pixel with the VAE for noise, half and quarter;
# 0.22, 0.35 and 0.29 with the CVAE. Under noise the VAE draws tangles where the CVAE draws digits.
#
# **Why does the label help?** It is the one thing about the picture that the damage cannot touch. With a half hidden it
# helps more than with a quarter: the less is left to see, the more is news. Under noise it helps our short runs and no
# longer the long ones: every part of the digit still shows, and a well-trained encoder finds it without being told.
# And why is noise so hard? Both models were trained on clean pictures only, and have never seen a speck.

# %% [markdown]
# ## 11 Question: `active_units`
#
# How many of its latents does a model use? A latent that is not used has the same posterior for every picture, the
# prior: its mean does not vary. Burda et al. (2016) call a latent **active** if
#
# $$A_j = \operatorname{Var}_x \big( \mu_j(x) \big) > 0.01.$$
#
# **1 point:** interface 0.25, value 0.75

# %% [markdown]
# **Shapes:** `mu` is (N, Z), the means of N pictures; the result is an int. The variance runs over the pictures.
# Whether you divide by N or by N - 1 makes no difference here.
#
# **Predict:** a latent whose mean is 3 for every picture: active or not?

# %% nbgrader={"grade": false, "grade_id": "active_units_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: active_units
def active_units(mu):
    """How many latents are active: an int. mu: (N, Z), the means of N pictures.

    A latent is active if its mean varies over the pictures with a variance above 0.01.
    Example: means (3, 0), (3, 1) and (3, -1) of three pictures give 1: only the second latent varies.
    """
    ### BEGIN SOLUTION
    return int((mu.var(dim=0) > 0.01).sum())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "active_units", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("active_units", active_units)

# %% [markdown]
# Z = 50 is more than MNIST needs. **Predict:** how many of the 50 will be active after a few epochs?
#
# **Time:** about 20 s on one CPU core, about 8 s on a T4 (estimate).

# %% tags=["train"]
vae50, history50 = trained(latent_dim=50, epochs=5)

# %% tags=["explore"]
with needs("active_units", "vae50"):
    series = {}
    for name, model in {"Z = 2": vae2, "Z = 20": vae_r, "Z = 50": vae50}.items():
        with torch.no_grad():
            mu, logvar = model.encode(test.images)
        kl = exact_kl(mu, logvar).mean(0).sort(descending=True).values.cpu()
        series[name] = (range(1, len(kl) + 1), kl)
        print(f"{name:6s}  {active_units(mu):2d} active, KL {kl.sum().item():.1f} nats")
    plots.lines(series, "latent, sorted", "KL (nats)")

# %% tags=["explore"]
with needs("results"):
    rows = results.select(results.read("curves"), seed=0, split="test")
    for part in ("total", "kl"):
        series = {}
        for latent_dim in sorted(set(rows["latent_dim"])):
            some = results.select(rows, latent_dim=latent_dim)
            series[f"Z = {latent_dim:.0f}"] = (some["epoch"], some[part])
        plots.lines(series, "epoch", f"{part}, test (nats per picture)", title="70 epochs")

# %% tags=["explore"]
with needs("results"):
    rows = results.select(results.read("kl_per_dim"), seed=0)
    series = {}
    for latent_dim in sorted(set(rows["latent_dim"])):
        kl = sorted(results.select(rows, latent_dim=latent_dim)["kl"], reverse=True)
        series[f"Z = {latent_dim:.0f}"] = (range(1, len(kl) + 1), kl)
    plots.lines(series, "latent, sorted", "KL (nats)", title="After 70 epochs")

# %% [markdown]
# **What you should see:** the totals of Z = 20 and Z = 50 are nearly the same, 24.3 and 24.6 nats: thirty more latents
# say nothing more. In the figure the curve of Z = 50 lies on the floor from the 26th latent on. And yet after five
# epochs all 50 count as active: a variance of 0.01 is as little as 0.005 nats, and the last of it goes slowly.
#
# In the long runs the KL rises in the first epochs and then stays: what is bought later is not more information, but
# better use of it.
#
# **Why are latents switched off at all?** A latent that carries less than it costs is better set to the prior,
# where it costs nothing. The decoder then learns to ignore it, and that is hard to undo.

# %% [markdown]
# ## 12 How many latents?
#
# The lectures compare Z = 2, 3, 5, 10, 15 and 20: over 70 epochs, and with early stopping (patience 5, on the
# validation set). Published numbers stand beside ours; they come from a program that draws its noise once for the
# whole training, stops on the test set, and has 256 tanh units where we have 400 ReLU units.
#
# **Predict:** from which Z on will more latents not help any more?

# %% tags=["explore"]
with needs("results"):
    published = {"70 epochs": {3: 140.3, 5: 124.1, 10: 110.6, 15: 106.3, 20: 105.6},
                 "early stopping": {2: 153.6, 3: 140.0, 5: 125.5, 10: 111.5, 15: 108.8, 20: 106.2}}
    series = {}
    for protocol, numbers in published.items():
        rows = results.select(results.read("latent_dims"), protocol=protocol)
        z, mean, std = results.over_seeds(rows, "latent_dim", "total")
        series |= {protocol: (z, mean, std), f"published, {protocol}": (list(numbers), list(numbers.values()))}
        for latent_dim, m, s in zip(z, mean, std):
            print(f"{protocol:14s}  Z = {latent_dim:2.0f}   {m:6.1f} +- {s:.1f}   published "
                  f"{numbers.get(latent_dim, '-')}")
    plots.lines(series, "latent dimension Z", "test, nats per picture")

# %% [markdown]
# **What you should see:** each latent helps less than the one before. From Z = 2 to 10 the total falls by more than 40
# nats, from 10 to 20 by about 3. Early stopping ends half of the runs, a little sooner, and hardly changes a number:
# with fresh noise in each step and 55,000 pictures there is little to overfit. Our numbers lie 3.7 to 6.7 nats below
# the published ones.
#
# **Why does the curve flatten?** The first latents say what cannot be guessed: which digit, how slanted, how
# thick. The twentieth says what costs about as much as it saves.

# %% [markdown]
# ## 13 The price of a nat: beta
#
# $\beta$ is the price of a nat of code, paid in nats of pixels. Each price gives one point of a curve: the **rate**
# (the KL, how much the code says) against the **distortion** (the reconstruction cost, how much is lost); Alemi et
# al. 2018.
#
# **Time:** about 40 s on one CPU core, about 20 s on a T4 (estimate).
#
# **Predict:** is the curve straight? And on which point is the sum of both lowest?

# %% tags=["train"]
priced = {f"beta = {beta:g}": trained(latent_dim=2, epochs=3, beta=beta) for beta in (0.25, 1.0, 4.0, 10.0)}
for name, (model, history) in priced.items():
    print(f"{name:11s} rate {history.test['kl'][-1]:5.1f}   distortion {history.test['reconstruction'][-1]:6.1f}   "
          f"sum {history.test['kl'][-1] + history.test['reconstruction'][-1]:6.1f}")

# %% tags=["explore"]
with needs("priced"):
    explore.models({name: lambda z, model=model: torch.sigmoid(model.decode(z.to(device)))
                    for name, (model, history) in priced.items()})

# %% tags=["explore"]
with needs("results"):
    rows = results.read("beta")
    beta, rate, rate_std = results.over_seeds(rows, "beta", "rate")
    _, distortion, distortion_std = results.over_seeds(rows, "beta", "distortion")
    for b, r, d in zip(beta, rate, distortion):
        print(f"beta = {b:5.2f}   rate {r:6.1f}   distortion {d:6.1f}   sum {r + d:6.1f} nats per picture")
    plots.lines({"Z = 20": (rate[beta > 0], distortion[beta > 0], distortion_std[beta > 0])}, "rate: KL (nats)",
                "distortion (nats)", title=r"$\beta$ from 0.25 (right) to 10 (left)")

# %% [markdown]
# **What you should see:** in the short runs, with Z = 2, rates of 8.9, 5.3, 3.2 and 1.9 nats and distortions of 155.5,
# 156.9, 162.2 and 172.1. The curve is bent: the first nats of code save many nats of pixels, the last ones few. The sum
# is lowest for $\beta = 1$, for which alone it is what was minimised. Where nats cost nothing, $\beta = 0$, the long run
# buys 382 of them: far to the right of the picture, which leaves it out.
#
# **Why is the slope of the curve $-\beta$?** At the optimum one nat more of code saves exactly $\beta$ nats of
# pixels; otherwise more, or less, would have been bought.

# %% [markdown]
# ## 14 Submit
#
# Restart the kernel, run all cells from top to bottom, and run the last cell. It checks that nothing is missing
# and makes the file to hand in.

# %% tags=["explore"]
from utils import submit

submit("task3_experiments")
