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
# # Task 1: the variational autoencoder
#
# A network that compresses digits is easy to train. A network that *invents* digits needs one more idea:
# make the code a random variable, and pay for every bit it carries. In this notebook you build that model,
# the variational autoencoder (VAE), from seven short functions and one class, train it, and walk through
# the space of digits it has learned.
#
# The whole notebook runs in about four minutes on two CPU cores and under 90 seconds on a T4 (an estimate).

# %% [markdown]
# **How to work.** Each question comes as a formula, a stub, a check and a picture. Replace
# `raise NotImplementedError` in the stub (never more than six lines), run the cell, run the check below it.
# A green line means right; otherwise one sentence says what to look at. Checks take a second (one of them a
# few) and you can run them as often as you like.
#
# Where the text says **predict**, stop and commit to an answer before you run the cell. Being wrong there
# is the fastest way to learn.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import subprocess
import sys

UTILS_URL = "@UTILS_URL@"
if "google.colab" in sys.modules:  # Colab has torch; only the course's own small package is missing
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", UTILS_URL], check=True)

import torch
import torch.nn.functional as F
from torch import nn

from utils import check, distance_to_prior, explore, fit, load_images, needs, pick_device, plots

device = pick_device()

# %% [markdown]
# ## 1 The data
#
# MNIST: 60,000 training and 10,000 test pictures of handwritten digits, `x` of shape (N, 1, 28, 28) with
# grey values in [0, 1]. `train.images` and `train.labels` are tensors that already lie on your device, so
# no time is lost in loading. The first call downloads 12 MB. Without a network you get 1,797 smaller digits
# instead, and a line that says so.
#
# The labels are for colouring plots only. Nothing in this notebook learns from them.

# %% tags=["explore"] nbgrader={"grade": false, "grade_id": "given_data", "locked": true, "schema_version": 3, "solution": false, "task": false}
train, test = load_images(device=device)
print(f"{len(train):,} training and {len(test):,} test pictures, {tuple(train.images.shape[1:])}")
plots.image_grid(test.images[:40], columns=20, title="Test pictures");

# %% [markdown]
# ## 2 Compress: the autoencoder
#
# An **autoencoder** (AE) squeezes a picture through a bottleneck. The *encoder* maps `x` to a code `z` with
# Z numbers, the *decoder* maps `z` back to 784 *logits*, one for each pixel; the sigmoid of a logit is a
# grey value. Both are trained together to make the output look like the input.
#
# The AE below is complete. Read it closely: you will write its probabilistic sister.

# %% nbgrader={"grade": false, "grade_id": "given_ae", "locked": true, "schema_version": 3, "solution": false, "task": false}
class AE(nn.Module):
    """Autoencoder 784-400-Z-400-784.

    encode: (N, 1, 28, 28) -> z (N, Z); decode: z (N, Z) -> logits (N, 1, 28, 28).
    """

    def __init__(self, latent_dim=2):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 400), nn.ReLU(), nn.Linear(400, 784))

    def encode(self, x):
        return self.encoder(x)

    def decode(self, z):
        return self.decoder(z).view(-1, 1, 28, 28)

    def forward(self, x):
        return self.decode(self.encode(x))


def ae_objective(model, x, y):
    """Cross-entropy between pixels and prediction in nats per image: sum over pixels, mean over the batch."""
    loss = F.binary_cross_entropy_with_logits(model(x), x, reduction="sum") / len(x)
    return {"total": loss, "reconstruction": loss}


# %% [markdown]
# We train two of them. With Z = 2 every picture becomes one point in the plane, so we can look at all of
# them; Z = 20 leaves more room. `fit` is an ordinary loop: Adam with learning rate 1e-3, batches of 128, 10
# epochs.
#
# **Time:** about 60 s on two CPU cores, about 20 s on a T4 (estimate).
#
# **Predict:** ten digits, two numbers for each picture. Will you still be able to read them after they went
# through the bottleneck?

# %% tags=["train"]
with needs("AE"):
    torch.manual_seed(0)
    ae2, ae20 = AE(latent_dim=2).to(device), AE(latent_dim=20).to(device)
    ae2_history = fit(ae2, train, test, ae_objective, epochs=10)
    ae20_history = fit(ae20, train, test, ae_objective, epochs=10)
    print(f"test: Z = 2: {ae2_history.test['total'][-1]:.1f}, "
          f"Z = 20: {ae20_history.test['total'][-1]:.1f} nats per picture")

# %% tags=["explore"]
with needs("AE"):
    x = test.images[:12]
    with torch.no_grad():
        plots.reconstructions(x, {"AE, Z = 2": torch.sigmoid(ae2(x)), "AE, Z = 20": torch.sigmoid(ae20(x))})

# %% [markdown]
# **What you should see:** with Z = 20 faithful copies; with Z = 2 blurs, where 4s come back as 9s and the 5
# as something like an 8. On MNIST the test losses end near 145 and 68 nats per picture.
#
# So the decoders can draw. Is that a *generative* model? To draw a new digit we must choose `z` ourselves.
# The obvious choice is the simplest distribution we know: every number from N(0, 1).
#
# **Predict:** which of the two will draw the better *new* digits?

# %% tags=["explore"]
with needs("AE"):
    torch.manual_seed(1)
    for model in (ae2, ae20):
        z = torch.randn(40, model.latent_dim, device=device)
        title = f"AE, Z = {model.latent_dim}: decoded from z ~ N(0, I)"
        with torch.no_grad():
            plots.image_grid(torch.sigmoid(model.decode(z)), columns=20, title=title)

# %% [markdown]
# **What you should see:** from Z = 2 a few blurred kinds, 3, 5, 6 and 9, with no 1 and no 7 at all. From
# Z = 20, the far better compressor, scribbles.
#
# To find out why, look at where the encoder puts the test pictures. The dotted circles show where N(0, I)
# lives: they hold 39 % and 86 % of its draws.

# %% tags=["explore"]
with needs("AE"):
    with torch.no_grad():
        codes, lengths = ae2.encode(test.images), ae20.encode(test.images).norm(dim=1)
    plots.latent_scatter({"AE, Z = 2": (codes, test.labels)})
    print(f"Z = 2: distance of the codes from N(0, I) {distance_to_prior(codes):.1f} nats")
    print(f"Z = 20: median length of a code {lengths.median().item():.1f}, "
          f"of a draw from N(0, I) {torch.randn(10_000, 20).norm(dim=1).median().item():.1f}")

# %% [markdown]
# **What you should see:** the 1s lie about 20 units from the centre, and the circles hold only the crowded
# middle of the cloud: 32 nats from N(0, I), where a perfect match has 0. With Z = 20 the codes are 18 units
# long, the draws 4.4.
#
# **Why?** The loss never says *where* codes should lie, nor that the space between them should mean
# anything. In two dimensions the draws at least fall among some codes; in twenty they fall into a hollow
# shell. Remember this picture: the first written question asks about it.

# %% [markdown]
# ## 3 Generate: the model and the ELBO on one page
#
# Start from the story of how a picture comes about. First nature draws a code from the **prior**,
# $z \sim p(z) = N(0, I)$. Then the decoder turns it into pixel probabilities, and the pixels are drawn from
# the **likelihood** $p(x \mid z)$, one Bernoulli variable for each pixel.
#
# To learn, we want the probability of the training pictures, $p(x) = \int p(x \mid z)\, p(z)\, dz$, to be
# large. The integral runs over all codes, and almost all of them have nothing to do with a given `x`: it
# cannot be computed.

# %% [markdown]
# The way out is a helper that guesses which codes fit: the encoder returns a Gaussian
# $q(z \mid x) = N(\mu, \sigma^2)$, the approximate **posterior**. For any such $q$
#
# $$\log p(x) = \underbrace{\mathbb{E}_{q}\big[\log p(x \mid z)\big] -
# D_{KL}\big(q(z \mid x) \,\Vert\, p(z)\big)}_{\text{ELBO}} +
# D_{KL}\big(q(z \mid x) \,\Vert\, p(z \mid x)\big).$$
#
# The last term is unknown but never negative. So the ELBO is a *lower bound* of $\log p(x)$, and everything
# in it can be computed. We maximise it, that is, we minimise reconstruction cost plus KL.

# %% [markdown]
# | symbol | code name | shape | what it is |
# |---|---|---|---|
# | $x$ | `x` | (N, 1, 28, 28) | pictures, values in [0, 1] |
# | $z$ | `z` | (N, Z) | code, latent variable |
# | $\mu$ | `mu` | (N, Z) | mean of $q(z \mid x)$ |
# | $\log \sigma^2$ | `logvar` | (N, Z) | log variance of $q(z \mid x)$ |
# | $\varepsilon$ | `eps` | (N, Z) | standard Gaussian noise |
# | $l$ | `logits` | (N, 1, 28, 28) | decoder output; $p = \mathrm{sigmoid}(l)$ |
# | $-\log p(x \mid z)$ | `reconstruction_loss` | (N,) | cost of the pixels, in nats |
# | $D_{KL}(q \,\Vert\, p)$ | `kl_divergence` | (N,) | cost of the code, in nats |
# | $\beta$ | `beta` | number | weight of the KL, 1 for the ELBO |
#
# The encoder gives $\log \sigma^2$ and not $\sigma$, because a network's output can have any sign, and a
# logarithm may.

# %% [markdown]
# ## 4 Question: `reparameterize`
#
# How can a network *draw* a random `z` and still be trained by gradients? Move the randomness out of the
# way: draw noise that depends on nothing, then scale and shift it.
#
# $$z = \mu + \sigma \odot \varepsilon, \qquad \varepsilon \sim N(0, I), \qquad
# \log \sigma^2 = \texttt{logvar}$$
#
# Now `z` is an ordinary, differentiable function of `mu` and `logvar`. The noise `eps` needs no derivative:
# it is an input, like `x`.
#
# **3 points:** interface 0.5, distribution 1.5, noise 0.5, gradient 0.5

# %% [markdown]
# **Shapes:** `mu`, `logvar` and `z` are all (N, Z). Every picture and every latent gets its own noise,
# fresh in each call, on the device of `mu` and of its dtype.
#
# **Predict** before you write: for `logvar = 2`, is the standard deviation of `z` 2, $e^2 = 7.4$ or
# $e = 2.7$? Choosing wrongly here is the most frequent bug in students' VAEs, and the network still trains,
# only worse.

# %% nbgrader={"grade": false, "grade_id": "reparameterize_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: reparameterize
def reparameterize(mu, logvar):
    """Draw z ~ N(mu, sigma^2), differentiable with respect to mu and logvar.

    mu, logvar: (N, Z); logvar is log sigma^2. Returns z: (N, Z).
    Example: mu = 2, logvar = 0 gives z = 2 + eps, so 95 % of the draws lie between 0 and 4.
    """
    ### BEGIN SOLUTION
    std = torch.exp(0.5 * logvar)
    eps = torch.randn_like(mu)
    return mu + std * eps
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "reparameterize", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("reparameterize", reparameterize)

# %% [markdown]
# Look at it: 20,000 draws for `mu = 2`, `logvar = -1`, over the density they should follow (standard
# deviation $e^{-1/2} = 0.6065$). The gradients are printed too.
#
# **Predict:** $dz/d\mu$ is the same for every draw. What is it? And $dz/d\,\texttt{logvar}$: the same for
# every draw, or not?

# %% tags=["explore"]
with needs("reparameterize"):
    mu = torch.full((20_000, 1), 2.0, requires_grad=True)
    logvar = torch.full((20_000, 1), -1.0, requires_grad=True)
    z = reparameterize(mu, logvar)
    z.sum().backward()
    plots.noise_density(z.detach(), mean=2.0, std=0.6065)
    for i in range(3):
        values = [tensor[i].item() for tensor in (z, mu.grad, logvar.grad)]
        print("z = {:5.2f}   dz/dmu = {:.2f}   dz/dlogvar = {:5.2f}".format(*values))

# %% [markdown]
# **What you should see:** a bell around 2 that fills the curve, $dz/d\mu = 1$ for every draw, and a
# $dz/d\,\texttt{logvar}$ that changes with the draw: it is half of `z - mu`.
#
# **Why does it matter?** That second number is how the encoder learns its own uncertainty: a draw that
# landed too far out and cost pixels pushes `logvar` down. Had we called a sampler that only returns
# numbers, both gradients would be missing and the encoder would learn nothing from the pixels.

# %% [markdown]
# ## 5 Question: `kl_divergence`
#
# What does a code cost? For each picture the KL divergence measures how far the posterior $q(z \mid x)$ is
# from the prior N(0, I). For Gaussians the integral has a closed form (Kingma and Welling 2014, appendix
# B):
#
# $$D_{KL}(q \,\Vert\, p) = \frac{1}{2} \sum_{j=1}^{Z}
# \left( \mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2 \right)$$
#
# **3 points:** interface 0.5, value 2, gradient 0.5

# %% [markdown]
# **Shapes:** `mu` and `logvar` are (N, Z), the result is (N,): one number in nats for each picture. The sum
# runs over the latents, because the costs of independent latents add up. The mean over the batch comes
# later.
#
# **Predict** by hand, for one latent: the KL at `mu = 0, logvar = 0`, at `mu = 2, logvar = 0`, and whether
# a posterior that is too narrow (`logvar = -4`) costs more or less than one that is too wide
# (`logvar = 4`).

# %% nbgrader={"grade": false, "grade_id": "kl_divergence_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: kl_divergence
def kl_divergence(mu, logvar):
    """KL(q(z given x) to N(0, I)) for each picture, in nats.

    mu, logvar: (N, Z); logvar is log sigma^2. Returns (N,).
    Example: mu = 2, logvar = 0 in a single latent gives 2.
    """
    ### BEGIN SOLUTION
    per_latent = mu.square() + logvar.exp() - 1 - logvar
    return 0.5 * per_latent.sum(dim=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kl_divergence", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("kl_divergence", kl_divergence)

# %% [markdown]
# An independent witness: by definition the KL is the mean of $\log q(z) - \log p(z)$ over draws from $q$.
# So your `reparameterize` can test your `kl_divergence`. The picture is the landscape that your function makes
# of one latent, with the four posteriors of the table in it.

# %% tags=["explore"]
with needs("reparameterize", "kl_divergence"):
    prior = torch.distributions.Normal(0.0, 1.0)
    posteriors = [(0, 0), (0, -4), (0, 4), (2, 0)]
    for m, v in posteriors:
        mu, logvar = torch.full((100_000, 1), float(m)), torch.full((100_000, 1), float(v))
        z = reparameterize(mu, logvar)
        q = torch.distributions.Normal(mu, logvar.exp().sqrt())
        average = (q.log_prob(z) - prior.log_prob(z)).mean()
        exact = kl_divergence(mu[:1], logvar[:1]).item()
        print(f"mu = {m}, logvar = {v:2d}:   closed form {exact:6.2f}   average over draws {average:6.2f}")
    plots.kl_landscape(kl_divergence, posteriors)

# %% [markdown]
# **What you should see:** 0, 1.51, 24.80 and 2.00 nats, and averages that agree to about one percent. The
# landscape is a bowl with its bottom at the prior: steep towards wide posteriors, gentle towards narrow ones.
#
# **Why is narrow so cheap and wide so dear?** A narrow posterior stays inside the prior; it merely says
# more precisely which code is meant. Each halving of $\sigma$ adds about $\ln 2 = 0.69$ nats, one bit. So
# read the KL as *the amount of information that the code carries about its picture*. A wide posterior puts
# mass where the prior has none, and that is punished without limit.

# %% [markdown]
# ## 6 Question: `reconstruction_loss`
#
# How badly does the decoder explain the pixels? With $p = \mathrm{sigmoid}(l)$ the Bernoulli likelihood
# gives
#
# $$-\log p(x \mid z) = -\sum_{i=1}^{784} \big( x_i \log p_i + (1 - x_i) \log (1 - p_i) \big)$$
#
# Compute it from the logits: for a confident prediction $\log(1 - p)$ rounds to minus infinity, while the
# same quantity written with logits stays finite. `torch.nn.functional` has what you need.
#
# **2 points:** interface 0.5, value 1, gradient 0.5

# %% [markdown]
# **Shapes:** `logits` and `x` are (N, 1, 28, 28), the result is (N,): the *sum* over the pixels of each
# picture. A mean over pixels would divide this term by 784 and leave the KL as it is: the balance of the
# ELBO would be gone.
#
# **Predict:** what does a decoder pay that says "0.5" for every pixel of every picture? (784 pixels, one
# coin flip each.)

# %% nbgrader={"grade": false, "grade_id": "reconstruction_loss_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: reconstruction_loss
def reconstruction_loss(logits, x):
    """Bernoulli negative log-likelihood of each picture, in nats.

    logits, x: (N, 1, 28, 28); x in [0, 1]. Returns (N,), the sum over the pixels.
    Example: a pixel with logit 0 costs ln 2 = 0.693, whatever its x; all 784 of them cost 543.4.
    """
    ### BEGIN SOLUTION
    per_pixel = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return per_pixel.flatten(1).sum(dim=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "reconstruction_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("reconstruction_loss", reconstruction_loss)

# %% [markdown]
# Now let your function judge four predictions for the test pictures: each picture itself, the mean of all
# training pictures, "0.5 everywhere", and the picture moved two pixels to the right.
#
# **Predict:** rank the four. In particular: is the perfect prediction free?

# %% tags=["explore"]
with needs("reconstruction_loss"):
    x = test.images
    guesses = {"itself": x, "mean digit": train.images.mean(0, keepdim=True).expand_as(x),
               "0.5 everywhere": torch.full_like(x, 0.5), "moved": x.roll(2, dims=3)}
    for name, p in guesses.items():
        cost = reconstruction_loss(torch.logit(p, eps=1e-4), x).mean().item()
        print(f"{name:15s}{cost:6.1f} nats per picture")
    plots.reconstructions(x[:12], {name: p[:12] for name, p in guesses.items()})

# %% [markdown]
# **What you should see:** on MNIST 45.6 for the picture itself, 205.8 for the mean digit, 543.4 = 784 ln 2
# for the coin flips, and 501.8 for the moved one. To be confident and wrong costs almost as much as to know
# nothing. Hence the blur wherever a decoder is in doubt.

# %% [markdown]
# **Why is the perfect prediction not free?** Our pixels are grey. A Bernoulli variable is 0 or 1, so for
# grey `x` this cost is a cross-entropy, *not a strict likelihood*, and its lowest value is the entropy of
# the grey values, about 45.5 nats. (`load_mnist(binarize=True)` draws black-and-white pixels, for numbers
# that compare with papers.)

# %% [markdown]
# ## 7 Question: `vae_loss`
#
# Put the two together. The loss is the negative ELBO, averaged over the batch, with a knob $\beta$ on the
# KL:
#
# $$\mathcal{L} = \frac{1}{N} \sum_{n=1}^{N} \Big( -\log p(x_n \mid z_n) +
# \beta\, D_{KL}\big(q(z \mid x_n) \,\Vert\, p(z)\big) \Big)$$
#
# $\beta = 1$ is the ELBO. One draw $z_n$ for each picture is enough: over many batches the noise averages
# out.
#
# **2 points:** value 1, beta 0.5, gradient 0.5

# %% [markdown]
# **Shapes:** `logits` and `x` are (N, 1, 28, 28), `mu` and `logvar` are (N, Z), the result is a scalar:
# shape (), in nats per picture. Call the two functions that you have just written.
#
# **Predict** by hand: all logits 0, all `mu` 1, all `logvar` 0, Z = 20. What is the loss for $\beta$ = 0, 1
# and 10?

# %% nbgrader={"grade": false, "grade_id": "vae_loss_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: vae_loss
def vae_loss(logits, x, mu, logvar, beta=1.0):
    """Negative ELBO with weight beta on the KL, in nats per picture: a scalar.

    logits, x: (N, 1, 28, 28); mu, logvar: (N, Z). Mean over the batch.
    Example: reconstruction costs 100 and 120, KLs 5 and 9, beta = 2 give 110 + 2 * 7 = 124.
    """
    ### BEGIN SOLUTION
    per_image = reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)
    return per_image.mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "vae_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("vae_loss", vae_loss)

# %% tags=["explore"]
with needs("vae_loss"):
    x = test.images[:5]
    logits = torch.zeros_like(x)
    mu, logvar = torch.ones(5, 20, device=device), torch.zeros(5, 20, device=device)
    for beta in (0.0, 1.0, 10.0):
        loss = vae_loss(logits, x, mu, logvar, beta)
        print(f"beta = {beta:4.1f}: loss {loss.item():6.1f} nats per picture")

# %% [markdown]
# **What you should see:** 543.4, 553.4 and 643.4: the coin flips of the last question, plus $\beta$ times
# 20 latents at 0.5 nats each.
#
# **Why sum, then mean?** Both terms must be counted in the same unit, nats per picture. Average one over
# 784 pixels and sum the other over Z latents, and you have silently set $\beta = 784$: the KL wins, and
# every picture gets the same blurred answer.

# %% [markdown]
# ## 8 Question: `VAE`
#
# Now the model. `encode` is the encoder of the AE with two outputs instead of one, `mu` and `logvar`, both
# plain linear (no activation: both must be able to take any real value). `decode` is unchanged. `forward`
# goes all the way:
#
# $$x \to (\mu, \log \sigma^2) \to z \sim q(z \mid x) \to \text{logits}$$
#
# Use 784-400-Z with ReLU, as the AE does. Any other architecture that keeps the shapes is right as well.
#
# **4 points:** interface 1, encoder 1, decoder 1, sampling 1

# %% [markdown]
# | method | takes | returns |
# |---|---|---|
# | `VAE(latent_dim=20)` | Z | the model; makes all layers |
# | `encode(x)` | (N, 1, 28, 28) | `mu` (N, Z), `logvar` (N, Z); no noise in here |
# | `decode(z)` | (N, Z) | `logits` (N, 1, 28, 28), before the sigmoid |
# | `forward(x)` | (N, 1, 28, 28) | `logits, mu, logvar`, with `z` drawn by `reparameterize` |
#
# `forward` draws `z` in training *and* in evaluation: the ELBO is an average over $q$, also on test data.
# `self.latent_dim` is stored for you; later cells ask the model for it.

# %% nbgrader={"grade": false, "grade_id": "vae_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: vae
class VAE(nn.Module):
    """Variational autoencoder with Gaussian q(z given x) and Bernoulli pixels.

    Example: VAE(latent_dim=3) on x of shape (5, 1, 28, 28) returns logits (5, 1, 28, 28),
    mu (5, 3) and logvar (5, 3).
    """

    def __init__(self, latent_dim=20):
        super().__init__()
        self.latent_dim = latent_dim
        ### BEGIN SOLUTION
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU())
        self.mu = nn.Linear(400, latent_dim)
        self.logvar = nn.Linear(400, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 400), nn.ReLU(), nn.Linear(400, 784))
        ### END SOLUTION

    def encode(self, x):
        """(N, 1, 28, 28) -> mu (N, Z), logvar (N, Z)."""
        ### BEGIN SOLUTION
        hidden = self.hidden(x)
        return self.mu(hidden), self.logvar(hidden)
        ### END SOLUTION

    def decode(self, z):
        """(N, Z) -> logits (N, 1, 28, 28)."""
        ### BEGIN SOLUTION
        return self.decoder(z).view(-1, 1, 28, 28)
        ### END SOLUTION

    def forward(self, x):
        """(N, 1, 28, 28) -> logits (N, 1, 28, 28), mu (N, Z), logvar (N, Z)."""
        ### BEGIN SOLUTION
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar)
        return self.decode(z), mu, logvar
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "vae", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check("vae", VAE)

# %% [markdown]
# What does it do before it has learned anything? **Predict** both numbers: the reconstruction cost of a
# network with fresh random weights (you have met this number), and its KL (its `mu` and `logvar` are all
# close to 0).

# %% tags=["explore"]
with needs("VAE", "reconstruction_loss", "kl_divergence"):
    torch.manual_seed(0)
    fresh = VAE(latent_dim=20).to(device)
    with torch.no_grad():
        x = test.images[:10]
        logits, mu, logvar = fresh(x)
    print(f"reconstruction {reconstruction_loss(logits, x).mean().item():.1f}, "
          f"KL {kl_divergence(mu, logvar).mean().item():.2f} nats per picture")
    plots.reconstructions(x, {"untrained VAE": torch.sigmoid(logits)})

# %% [markdown]
# **What you should see:** uniform grey noise, a reconstruction cost near 543 (grey is a coin flip) and a KL
# of almost nothing.
#
# **Why look at an untrained network?** Because this is the start of the curves below, and a cheap test: a
# first loss near 550 nats says that sums, signs and units are right. A first loss of 0.7 would mean that
# you averaged over pixels.

# %% [markdown]
# ## 9 Question: `train_vae`
#
# Do the parts work together? Nothing to write here. Earlier checks look at one part at a time; this one trains
# your `VAE` with your `vae_loss` on a small set of digits for a few seconds, and looks at the ELBO on digits that
# it has not seen and at pictures decoded from the prior. Better to find a misfit now than after ten epochs.
#
# **2 points:** elbo 1, prior 1

# %% nbgrader={"grade": true, "grade_id": "train_vae", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("train_vae", VAE, vae_loss)

# %% [markdown]
# ## 10 Training with Z = 20
#
# `fit` asks for an *objective*: what to minimise and what to record. The next cell makes one from your
# functions: `vae_loss` is minimised, the two parts are recorded for the curves.

# %% nbgrader={"grade": false, "grade_id": "given_objective", "locked": true, "schema_version": 3, "solution": false, "task": false}
def vae_objective(model, x, y, beta=1.0):
    """What `fit` minimises ("total") and records; the labels y are not used."""
    logits, mu, logvar = model(x)
    return {"total": vae_loss(logits, x, mu, logvar, beta),
            "reconstruction": reconstruction_loss(logits, x).mean(),
            "kl": kl_divergence(mu, logvar).mean()}


# %% [markdown]
# **Time:** about 35 s on two CPU cores, about 10 s on a T4 (estimate).
#
# **Predict** before you run: the total will fall. But the KL starts near 0. Will it rise or fall while the
# network learns? And at the end: how many of the nats are pixels, how many are code?

# %% tags=["train"]
with needs("VAE", "vae_loss"):
    torch.manual_seed(0)
    vae20 = VAE(latent_dim=20).to(device)
    history20 = fit(vae20, train, test, vae_objective, epochs=10)
    vae20.eval()
    plots.curves({"VAE, Z = 20": history20})
    print(f"test: total {history20.test['total'][-1]:.1f} = reconstruction "
          f"{history20.test['reconstruction'][-1]:.1f} + KL {history20.test['kl'][-1]:.1f} nats per picture")

# %% [markdown]
# **What you should see** on MNIST: total 105 = 80 for the pixels + 25 for the code. (The example in
# PyTorch's own repository reports 106.7 after 7 epochs of the same network.) The KL climbs from 0.1 to 20
# within the first epoch and to 25 by the end. Train and test lie on top of each other: no overfitting yet.
# All of this is grey-pixel cross-entropy: the floor of 45.5 is part of it.

# %% [markdown]
# **Why does the KL rise while the loss falls?** Information is bought only where it pays: each nat of code
# that saves more than one nat of pixels lowers the total. The network starts with an empty code and buys
# until the next nat no longer pays.

# %% [markdown]
# ### Reconstructions
#
# The same test pictures through the AE and through the VAE, both with 20 numbers, twice through the VAE.
#
# **Predict:** will the two VAE rows be equal? And which of AE and VAE has the lower reconstruction cost?

# %% tags=["explore"]
with needs("VAE"):
    x = test.images[:12]
    with torch.no_grad():
        once, again = vae20(x)[0], vae20(x)[0]
        mu, logvar = vae20.encode(test.images)
        plots.reconstructions(x, {"AE": torch.sigmoid(ae20(x)), "VAE": torch.sigmoid(once),
                                  "VAE again": torch.sigmoid(again)})
    sigma = logvar.exp().sqrt().mean(0)
    print(f"mean sigma of a latent: from {sigma.min().item():.2f} to {sigma.max().item():.2f}")

# %% [markdown]
# **What you should see:** all rows are readable. The AE is the most faithful (68 nats of pixels against
# 80), and the two VAE rows differ in small strokes. On MNIST the mean sigmas run from 0.14 to 0.51.
#
# **Why do the sigmas differ?** A latent that moves many pixels is worth knowing precisely; one that changes
# little may stay vague, and costs less KL. A sigma near 1 and a mean near 0 would mark a latent that is not
# used.

# %% [markdown]
# ## 11 Question: `generate`
#
# Now invent digits. The encoder has done its work and is not needed: follow the story of section 3 instead.
#
# $$z \sim N(0, I), \qquad p = \mathrm{sigmoid}(\text{decode}(z))$$
#
# Return the probabilities themselves, as grey values, without drawing black-and-white pixels from them.
# Nothing is trained here, so no gradient should be recorded.
#
# **2 points:** interface 0.5, probabilities 0.5, prior 1

# %% [markdown]
# **Shapes:** `n` is an int, the latent size is `model.latent_dim`, the result is (n, 1, 28, 28) with values
# in [0, 1]. Make `z` on the device of the model's parameters.
#
# **Predict:** the AE failed at exactly this. Which term of the loss makes you expect better from the VAE?

# %% nbgrader={"grade": false, "grade_id": "generate_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: generate
def generate(model, n):
    """n new pictures from the prior, as probabilities (n, 1, 28, 28), without gradient.

    model: has latent_dim and decode(z) -> logits.
    Example: generate(model, 2) has shape (2, 1, 28, 28); a logit of 0 becomes the grey value 0.5.
    """
    ### BEGIN SOLUTION
    z = torch.randn(n, model.latent_dim, device=next(model.parameters()).device)
    with torch.no_grad():
        return torch.sigmoid(model.decode(z))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "generate", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("generate", generate)

# %% tags=["explore"]
with needs("generate", "VAE"):
    torch.manual_seed(1)
    for model, name in [(ae20, "AE, Z = 20"), (vae20, "VAE, Z = 20")]:
        plots.image_grid(generate(model, 40), columns=20, title=f"{name}: decoded from z ~ N(0, I)")

# %% [markdown]
# **What you should see:** scribbles from the AE, as before; from the VAE firm strokes, and many digits that
# you can read at once. Some are between two digits, a few are none.
#
# **Why are some strokes broken?** The KL makes *each* posterior resemble the prior, at a price. It does not
# make the posteriors of all pictures *together* fill the prior exactly, so some draws from N(0, I) fall
# into gaps between digits. And the pixels are drawn independently given `z`, which makes every doubt a grey
# blur.

# %% [markdown]
# ## 12 Question: `interpolate`
#
# What lies between a 2 and a 7? Encode both pictures, walk along the straight line between the two means,
# and decode at each step:
#
# $$z_t = (1 - t)\, \mu_{\text{start}} + t\, \mu_{\text{end}}, \qquad t = 0, \dots, 1$$
#
# We use the means, not draws: the path should be smooth. Both ends belong to it.
#
# **2 points:** interface 0.5, probabilities 0.5, line 1

# %% [markdown]
# **Shapes:** `x_start` and `x_end` are (1, 1, 28, 28), `steps` is an int, the result is (steps, 1, 28, 28):
# probabilities, without gradient. The first picture is the start's reconstruction, the last one the end's.
#
# **Predict:** the cheap alternative is to blend the pixels. How will the middle of a pixel blend differ
# from the middle of the walk through the latent space?

# %% nbgrader={"grade": false, "grade_id": "interpolate_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: interpolate
def interpolate(model, x_start, x_end, steps):
    """Pictures along the line between the means of two pictures: probabilities (steps, 1, 28, 28).

    x_start, x_end: (1, 1, 28, 28). Both ends are included, no gradient is recorded.
    Example: means 0 and 1 in a single latent and steps = 3 decode z = 0, 0.5, 1.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        mu_start, mu_end = model.encode(x_start)[0], model.encode(x_end)[0]
        t = torch.linspace(0, 1, steps, device=mu_start.device)[:, None]
        return torch.sigmoid(model.decode((1 - t) * mu_start + t * mu_end))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "interpolate", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("interpolate", interpolate)

# %% tags=["explore"]
with needs("interpolate", "VAE"):
    x_start, x_end = test.of_digit(2).images[1:2], test.of_digit(7).images[:1]
    walk = interpolate(vae20, x_start, x_end, steps=11)
    t = torch.linspace(0, 1, 11, device=device).view(-1, 1, 1, 1)
    blend = (1 - t) * x_start + t * x_end
    plots.image_grid(torch.cat([walk, blend]), columns=11, row_labels=["latent", "pixels"],
                     title="From a 2 to a 7, through the latent space and by blending pixels")

# %% tags=["explore"]
with needs("interpolate", "VAE"):
    explore.interpolation(interpolate(vae20, x_start, x_end, steps=60))

# %% [markdown]
# **What you should see:** above, the foot of the 2 dissolves while its neck straightens into the stem of
# the 7, and nearly every step is a drawable digit. Below, two ghosts fade into each other; the middle shows
# both digits at once.
#
# **Why is the path drawable at all?** Every training picture was decoded from a *cloud* around its mean,
# and the clouds overlap. So the decoder has been trained on the space between the pictures too, which the
# AE's never was.

# %% [markdown]
# ## 13 The latent space, seen: Z = 2
#
# Twenty dimensions cannot be drawn, so we train once more with two. Then each test picture is one point,
# and AE and VAE can be compared on the same axes.
#
# **Time:** about 35 s on two CPU cores, about 10 s on a T4 (estimate).
#
# **Predict:** with 2 latents instead of 20, which grows: reconstruction or KL? And is the KL *per latent*
# higher or lower than before?

# %% tags=["train"]
with needs("VAE", "vae_loss"):
    torch.manual_seed(0)
    vae2 = VAE(latent_dim=2).to(device)
    history2 = fit(vae2, train, test, vae_objective, epochs=10)
    vae2.eval()
    plots.curves({"VAE, Z = 2": history2, "VAE, Z = 20": history20})

# %% [markdown]
# **What you should see** on MNIST: total 157 = 151 for the pixels + 5.7 for the code. Two numbers cannot
# say as much as twenty, so the pixels cost 71 nats more. But each latent now carries 2.8 nats instead of
# 1.3.
#
# **Why more per latent?** With only two numbers each one is precious, so the network pays for more
# precision in each. With twenty the work is shared.

# %% [markdown]
# Now the comparison that this notebook is about: the codes of the test pictures, AE and VAE on the same
# axes. For the VAE each point is one draw from $q(z \mid x)$. **Predict:** what will the VAE's half look
# like?

# %% tags=["explore"]
with needs("VAE", "reparameterize"):
    with torch.no_grad():
        codes, z = ae2.encode(test.images), reparameterize(*vae2.encode(test.images))
    plots.latent_scatter({"AE, Z = 2": (codes, test.labels), "VAE, Z = 2": (z, test.labels)})
    plots.latent_scatter({"VAE, Z = 2, closer": (z, test.labels)})
    print(f"distance to N(0, I): AE {distance_to_prior(codes):.1f} nats, VAE {distance_to_prior(z):.2f} nats")

# %% [markdown]
# **What you should see:** on the AE's scale the VAE is one small disc around the origin; from close by,
# the digits lie side by side with thin gaps. The distance to N(0, I) falls from 32 nats to 0.17.
#
# **Why does the VAE not collapse into one point?** The KL alone would put every `mu` at 0 and every
# `logvar` at 0, and then all pictures would get the same code. The pixels pull the digits apart, the KL
# pulls them together: what you see is the balance.

# %% [markdown]
# ## 14 Question: `latent_grid`
#
# A map of everything the decoder can draw: decode a grid of points and lay the pictures out in the plane.
# Evenly spaced `z` would waste most of the map on places where the prior has no mass. So space the
# *probabilities* evenly and send them through the inverse Gaussian CDF:
#
# $$u_i = \frac{i}{n + 1}, \qquad z_i = \Phi^{-1}(u_i), \qquad i = 1, \dots, n$$
#
# **2 points:** interface 0.5, quantiles 1.5

# %% [markdown]
# **Shapes:** `n` is an int, the result is (n * n, 2): every pair $(z_i, z_j)$ once; either axis may run
# fastest. All $u_i$ lie strictly inside (0, 1).
#
# **Predict:** what would $u = 0$ give? And for n = 3, how far apart are the three $z_i$?

# %% nbgrader={"grade": false, "grade_id": "latent_grid_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
# Question: latent_grid
def latent_grid(n):
    """Every pair of n evenly spaced quantiles of N(0, 1): (n * n, 2).

    Example: n = 3 takes the quantiles 1/4, 1/2, 3/4, which are z = -0.674, 0, 0.674.
    """
    ### BEGIN SOLUTION
    u = torch.linspace(0, 1, n + 2)[1:-1]
    z = torch.distributions.Normal(0.0, 1.0).icdf(u)
    return torch.cartesian_prod(z, z)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "latent_grid", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("latent_grid", latent_grid)

# %% tags=["explore"]
with needs("latent_grid"):
    plots.quantile_layout(latent_grid(9))

# %% [markdown]
# **What you should see:** a point on each crossing, dense in the middle, where the prior has most of its mass.
# Now decode a finer grid, and look at what lies at each point.

# %% tags=["explore"]
with needs("latent_grid", "VAE"):
    n = 20
    # z1 to the right and z2 upwards, as in the scatter
    rows = sorted(latent_grid(n).tolist(), key=lambda z: (-z[1], z[0]))
    with torch.no_grad():
        plots.manifold(torch.sigmoid(vae2.decode(torch.tensor(rows, device=device))), n)

# %% [markdown]
# **What you should see:** digits turn into each other without a break, and slant and width change along the
# way. In our run 9s fill the top and 1s and 8s the bottom, and 4 and 5 get hardly any room; yours may
# differ. Compare with your scatter. ($u = 0$ would be $z = -\infty$.)
#
# **Why equal probabilities?** Each picture of the map stands for the same share of the prior. If 0s cover a
# tenth of the map, then about a tenth of the samples from this model will be 0s: the map is the model's
# whole output at a glance.

# %% [markdown]
# Now move through it yourself. The two sliders are the two coordinates of `z`, and the digit follows. Walk
# slowly across a border between two digits, then go beyond 3 standard deviations and see what becomes of
# the pictures. (Where no sliders can run, you see a contact sheet.)

# %% tags=["explore"]
with needs("VAE"):
    vae2.eval()
    explore.latent(lambda z: torch.sigmoid(vae2.decode(z.to(device))), limits=3.0)

# %% [markdown]
# ## 15 Turning the knob: beta = 0, 1, 10
#
# How much should a nat of code cost? $\beta = 1$ is the ELBO; you have trained that. With $\beta = 0$ codes
# are free, with $\beta = 10$ they are dear.
#
# **Time:** about 70 s on two CPU cores, about 20 s on a T4 (estimate).
#
# **Predict** for each of the two: where will reconstruction and KL go, what will the scatter look like, and
# will samples from the prior look like digits?

# %% tags=["train"]
def train_with(beta):
    torch.manual_seed(0)
    model = VAE(latent_dim=2).to(device)
    history = fit(model, train, test, lambda model, x, y: vae_objective(model, x, y, beta), epochs=10)
    return model.eval(), history


with needs("VAE", "vae_loss"):
    runs = {"beta = 1": (vae2, history2), "beta = 0": train_with(0.0), "beta = 10": train_with(10.0)}
    runs = {name: runs[name] for name in ("beta = 0", "beta = 1", "beta = 10")}
    for name, (model, history) in runs.items():
        print(f"{name:9s}  test reconstruction {history.test['reconstruction'][-1]:5.1f}   "
              f"KL {history.test['kl'][-1]:4.1f} nats per picture")

# %% tags=["explore"]
with needs("VAE", "reparameterize"):
    clouds = {}
    for name, (model, history) in runs.items():
        with torch.no_grad():
            mu, logvar = model.encode(test.images)
            clouds[name] = (reparameterize(mu, logvar), test.labels)
        print(f"{name:9s}  median sigma {logvar.exp().sqrt().median().item():.3f}   "
              f"distance to N(0, I) {distance_to_prior(clouds[name][0]):6.3f} nats")
    plots.latent_scatter(clouds)
    plots.latent_scatter({name: clouds[name] for name in ("beta = 1", "beta = 10")})

# %% tags=["explore"]
with needs("VAE", "generate"):
    torch.manual_seed(1)
    samples = torch.cat([generate(model, 20) for model, history in runs.values()])
    plots.image_grid(samples, columns=20, row_labels=list(runs), title="Samples from the prior")

# %% [markdown]
# **What you should see** on MNIST: reconstruction 149, 151 and 166 nats; KL 34, 5.7 and 2.3. With
# $\beta = 0$ the cloud leaves the circles (18 nats from N(0, I)), and samples show few kinds of digits.
# With $\beta = 10$ the cloud fits almost exactly (0.005), but the codes are vague and the samples blurred.

# %% [markdown]
# **Why does beta = 0 behave like an AE?** It has become one. `forward` still adds noise, but noise costs
# pixels and silence is free, so training turns it down: the median sigma is 0.002 in a cloud some 30 units
# wide. With $\beta = 10$ it is 0.33.

# %% tags=["explore"]
with needs("VAE"):
    explore.models({name: lambda z, model=model: torch.sigmoid(model.decode(z.to(device)))
                    for name, (model, history) in runs.items()})

# %% [markdown]
# ## 16 Two questions in words
#
# Write four to eight sentences each, in your own words, and use numbers and pictures from *your* run as
# evidence. A person reads these answers.

# %% [markdown] nbgrader={"grade": false, "grade_id": "why_not_ae_question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### `why_not_ae` (3 points)
#
# The autoencoder of section 2 reconstructs digits at least as well as the VAE with the same Z. Still you
# cannot draw new digits from it by decoding `z` ~ N(0, I). Explain (1) what its loss leaves undetermined,
# (2) which term of the VAE's loss, and which use of noise, repair that, and (3) show it with two of your
# own figures or numbers.

# %% [markdown] nbgrader={"grade": true, "grade_id": "why_not_ae", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# **Your answer** (why_not_ae):
#
# ### BEGIN SOLUTION
# The loss of the AE is the reconstruction cost of the training pictures alone. It does not say where the
# codes lie, how far apart they are, or what the decoder should draw between them: any arrangement with the
# same reconstructions has the same loss. So the encoder spread the codes over some 30 units (32 nats from
# N(0, I) in my run), and a draw from N(0, I) lands where few or no training codes are. With Z = 20 the
# samples are scribbles, although that AE reconstructs best of all (68 nats, the VAE 80). In the VAE the KL
# term pulls every $q(z \mid x)$ towards N(0, I), so the codes of all pictures together nearly fill the
# prior (0.17 nats with Z = 2). And because the decoder is trained on *draws* from $q(z \mid x)$, not on
# points, it must draw sensibly in a whole neighbourhood of each mean; neighbourhoods overlap, and the gaps
# close. A draw from the prior then lands where the decoder has been trained.
# ### END SOLUTION

# %% [markdown] nbgrader={"grade": false, "grade_id": "beta_effect_question", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### `beta_effect` (3 points)
#
# Compare $\beta$ = 0, 1 and 10. Explain (1) what happens to reconstruction and KL, and why they move
# against each other, (2) what you see in the scatter and in the samples for each $\beta$, and (3) why the
# lowest reconstruction cost does not give the best samples. Quote your own numbers.

# %% [markdown] nbgrader={"grade": true, "grade_id": "beta_effect", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# **Your answer** (beta_effect):
#
# ### BEGIN SOLUTION
# With $\beta$ = 0, 1, 10 the reconstruction cost rose, 149, 151, 166 nats, and the KL fell, 34, 5.7, 2.3
# nats. They move against each other because the KL measures how much information the code carries about its
# picture: a higher price buys less information, and with less information the pixels are predicted worse.
# For $\beta = 0$ information is free: sigma shrinks to 0.002, the scatter spreads far beyond the circles
# (18 nats), the model is an AE, and samples from N(0, I) show only the few digits that live near the
# origin. For $\beta = 1$ the cloud matches the prior up to 0.17 nats and the samples show nearly all
# digits. For $\beta = 10$ it matches almost perfectly (0.005 nats), but sigma is 0.33, so neighbouring
# digits share codes, and the samples are blurred averages. Good samples need both: codes that carry enough,
# and a cloud that fills the prior. The reconstruction cost only measures the first.
# ### END SOLUTION

# %% [markdown]
# ## 17 Submit
#
# Restart the kernel, run all cells from top to bottom, read your two answers once more, and run the last
# cell. It checks that nothing is missing and makes the file to hand in. Grading runs your answers again,
# but trains nothing: the curves and pictures that you see now are the ones that are read.
#
# **Next:** your VAE draws *some* digit. It cannot be asked for a 3. Task 2 gives it ears.

# %% tags=["explore"]
from utils import submit

submit("task1_vae")
