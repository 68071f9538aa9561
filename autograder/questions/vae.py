"""vae: the model. Any architecture that keeps the contract is right."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder.questions.definition import Criterion, Question
from autograder.questions.probing import model_probe
from autograder.questions.reparameterize import reparameterize


class VAE(nn.Module):
    """784-400-Z and back: encode(x) -> (mu, logvar), decode(z) -> logits (N, 1, 28, 28).

    forward(x) -> (logits, mu, logvar) with z ~ q(z given x), in train and in eval mode.
    """

    def __init__(self, latent_dim=20):
        super().__init__()
        self.latent_dim = latent_dim
        self.hidden = nn.Linear(784, 400)
        self.mu = nn.Linear(400, latent_dim)
        self.logvar = nn.Linear(400, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 400), nn.ReLU(), nn.Linear(400, 784))

    def encode(self, x):
        h = F.relu(self.hidden(x.flatten(1)))
        return self.mu(h), self.logvar(h)

    def decode(self, z):
        return self.decoder(z).view(-1, 1, 28, 28)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), mu, logvar


def build(draw, given):
    return model_probe(draw, "VAE", given)


question = Question(
    name="vae", task="task1_vae", answers=("VAE",), build=build, calls=("reparameterize",),
    checked="shapes, eval mode, free outputs, and a z that is sampled in both modes",
    criteria=(Criterion("interface", "encode, decode and forward return what the contract says", 1.0),
              Criterion("encoder", "mu and logvar of each image by itself, free to take any value", 1.0, core=True),
              Criterion("decoder", "logits, deterministic for a given z", 1.0),
              Criterion("sampling", "forward decodes a sampled z, in train and in eval mode", 1.0, core=True)))

right = VAE


@question.misconception("forward decodes mu: sample z, or this is an autoencoder.")
class decodes_mu(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu), mu, logvar


@question.misconception("In eval mode forward decodes mu: this course samples z in both modes.")
class mean_in_eval(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar) if self.training else mu), mu, logvar


@question.misconception("One output serves as mu and as logvar: each needs a layer of its own.")
class one_head(right):
    def encode(self, x):
        h = self.mu(F.relu(self.hidden(x.flatten(1))))
        return h, h


@question.misconception("logvar cannot fall below -2 (a softplus, relu, tanh, exp or clamp at the end?): it is a logarithm, "
                        "leave it linear.", random=True)
class softplus_logvar(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return mu, F.softplus(logvar)


@question.misconception("Something after the layer of mu (relu, sigmoid, tanh, softmax, a norm) bounds it: leave it linear.",
                        random=True)
class relu_mu(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return F.relu(mu), logvar


@question.misconception("encode and forward do not agree on which is mu and which is logvar: encode returns (mu, logvar), "
                        "forward (logits, mu, logvar).", random=True)
class swapped(right):
    def forward(self, x):
        logits, mu, logvar = super().forward(x)
        return logits, logvar, mu


@question.misconception("decode ends in a sigmoid, a softmax, the logarithm of one or the like: return logits, which take any "
                        "value; the loss applies the sigmoid.")
class sigmoid_output(right):
    def decode(self, z):
        return torch.sigmoid(super().decode(z))


@question.misconception("decode returns rows of 784: reshape them to (N, 1, 28, 28).")
class flat_output(right):
    def decode(self, z):
        return self.decoder(z)


@question.misconception("forward returns only the logits: the loss needs mu and logvar as well.")
class logits_only(right):
    def forward(self, x):
        return super().forward(x)[0]


@question.misconception("forward returns z where the logits are due: decode it.")
class not_decoded(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return reparameterize(mu, logvar), mu, logvar


@question.misconception("A value that forward returns is None: the placeholder is still there.")
class placeholder(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return None, mu, logvar


@question.misconception("Layers that are made in encode or forward are new, and untrained, at every call: make them "
                        "in __init__.", random=True)
class layers_in_forward(right):
    def encode(self, x):
        h = F.relu(nn.Linear(784, 400)(x.flatten(1)))
        return nn.Linear(400, self.latent_dim)(h), nn.Linear(400, self.latent_dim)(h)


@question.misconception("encode gives another result at each call in eval mode: noise belongs into forward, layers into "
                        "__init__, dropout must obey eval(), and nothing is kept for the next call.", random=True)
class noise_in_encode(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return reparameterize(mu, logvar), logvar


@question.misconception("latent_dim is ignored: the size of the latent is fixed.")
class fixed_latent(right):
    def __init__(self, latent_dim=20):
        super().__init__(20)


@question.misconception("z is cut from the encoder (detach, sample() or no_grad, in forward or decode): the encoder cannot learn "
                        "from the reconstruction.")
class cut_z(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar).detach()), mu, logvar


@question.misconception("super().__init__() is missing, or the class is not an nn.Module.")
class no_super(right):
    def __init__(self, latent_dim=20):
        self.hidden = nn.Linear(784, 400)


@question.misconception("z is drawn from N(0, I), not from q(z given x): the picture has nothing to do with the image.")
class prior_sample(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(torch.randn_like(mu)), mu, logvar


@question.misconception("The noise is scaled by exp(logvar), the variance: use the standard deviation.")
class variance_for_std(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + logvar.exp() * torch.randn_like(mu)), mu, logvar


@question.misconception("encode returns exp(logvar) or sigma in the place of logvar.")
class variance_returned(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return mu, logvar.exp()

    def forward(self, x):
        mu, variance = self.encode(x)
        return self.decode(mu + variance.sqrt() * torch.randn_like(mu)), mu, variance


@question.also("softplus_logvar")
class bounded_logvar(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return mu, torch.tanh(logvar)


@question.also("softplus_logvar")
class relu_logvar(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return mu, F.relu(logvar)


@question.also("softplus_logvar")
class relu_on_both(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return F.relu(mu), F.relu(logvar)


@question.also("relu_mu")
class bounded_mu(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return torch.tanh(mu), logvar


@question.also("sigmoid_output")
class tanh_output(right):
    def decode(self, z):
        return torch.tanh(super().decode(z))


@question.also("swapped")
class encode_swapped(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return logvar, mu

    def forward(self, x):
        logvar, mu = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), mu, logvar


@question.misconception("forward returns (mu, logvar, logits): the order is (logits, mu, logvar).")
class logits_last(right):
    def forward(self, x):
        logits, mu, logvar = super().forward(x)
        return mu, logvar, logits


@question.misconception("The noise is not scaled: z needs the standard deviation that belongs to logvar.")
class unit_noise(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + torch.randn_like(mu)), mu, logvar


@question.misconception("The noise is scaled by 0.5 * exp(logvar): the 0.5 belongs inside exp.")
class half_outside(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + 0.5 * logvar.exp() * torch.randn_like(mu)), mu, logvar


@question.also("variance_returned")
class std_returned(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return mu, (0.5 * logvar).exp()

    def forward(self, x):
        mu, std = self.encode(x)
        return self.decode(mu + std * torch.randn_like(mu)), mu, std


@question.also("layers_in_forward")
class hidden_layer_in_encode(right):
    def encode(self, x):
        h = F.relu(nn.Linear(784, 400)(x.flatten(1)))
        return self.mu(h), self.logvar(h)


@question.also("noise_in_encode")
class dropout_in_eval(right):
    def encode(self, x):
        h = F.dropout(F.relu(self.hidden(x.flatten(1))), 0.5)
        return self.mu(h), self.logvar(h)


@question.also("fixed_latent")
class fixed_latent_two(right):
    def __init__(self, latent_dim=20):
        super().__init__(2)


@question.also("no_super")
class no_module:
    def __init__(self, latent_dim=20):
        self.inner = right(latent_dim)

    def encode(self, x):
        return self.inner.encode(x)

    def decode(self, z):
        return self.inner.decode(z)

    def __call__(self, x):
        return self.inner(x)


@question.misconception("The noise in z is scaled by something else than exp(logvar / 2); reparameterize does that, and "
                        "takes logvar as it is.")
class std_for_logvar(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, (0.5 * logvar).exp())), mu, logvar


@question.also("std_for_logvar")
class variance_for_logvar(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar.exp())), mu, logvar


@question.also("std_for_logvar")
class twice_logvar(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, 2 * logvar)), mu, logvar


@question.also("std_for_logvar")
class half_of_logvar(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, 0.5 * logvar)), mu, logvar


@question.misconception("decode draws noise, or drops units in eval mode: the noise belongs into forward, and z alone makes "
                        "the picture.", random=True)
class noise_in_decode(right):
    def decode(self, z):
        return super().decode(reparameterize(z, torch.zeros_like(z)))


@question.misconception("decode does not use z: the picture is the same whatever the code.")
class ignores_z(right):
    def decode(self, z):
        return super().decode(torch.zeros_like(z))


@question.also("relu_mu")
class softmax_mu(right):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return F.softmax(mu, dim=1), logvar


@question.misconception("decode adds what encode has kept of an image: a picture must follow from z "
                        "alone.", random=True)
class kept_skip(right):
    kept = None

    def encode(self, x):
        self.kept = F.relu(self.hidden(x.flatten(1)))
        return self.mu(self.kept), self.logvar(self.kept)

    def decode(self, z):
        logits = super().decode(z)
        if self.kept is not None and len(self.kept) == len(z):
            logits = logits + self.kept.mean(1).view(-1, 1, 1, 1)
        return logits


@question.misconception("The noise is uniform on [0, 1) (rand): Gaussian noise comes from randn.")
class uniform_noise(right):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + (0.5 * logvar).exp() * torch.rand_like(mu)), mu, logvar
