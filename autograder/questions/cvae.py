"""cvae: the conditional model. Any architecture that keeps the contract is right."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal

from autograder.questions.condition import condition
from autograder.questions.definition import Criterion, Question
from autograder.questions.one_hot import one_hot
from autograder.questions.probing import label_tests, model_probe


class CVAE(nn.Module):
    """encode(x, y) -> (mu, logvar), decode(z, y) -> logits, forward(x, y) -> (logits, mu, logvar).

    Sohn et al. 2015: the label goes to the encoder and to the decoder.
    """

    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.hidden = nn.Linear(784 + num_classes, 400)
        self.mu = nn.Linear(400, latent_dim)
        self.logvar = nn.Linear(400, latent_dim)
        self.decoder = nn.Sequential(nn.Linear(latent_dim + num_classes, 400), nn.ReLU(), nn.Linear(400, 784))

    def encode(self, x, y):
        h = F.relu(self.hidden(condition(x.flatten(1), one_hot(y, self.num_classes))))
        return self.mu(h), self.logvar(h)

    def decode(self, z, y):
        return self.decoder(condition(z, one_hot(y, self.num_classes))).view(-1, 1, 28, 28)

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(Normal(mu, (0.5 * logvar).exp()).rsample(), y), mu, logvar


def build(draw, given):
    inputs, steps, tests = model_probe(draw, "CVAE", given=False, labels=True)
    label_tests(draw, inputs, steps, tests, "CVAE")
    return inputs, steps, tests


question = Question(
    name="cvae", task="task2_cvae", answers=("CVAE",), build=build, calls=("one_hot", "condition"),
    checked="shapes, eval mode, each row's label in encoder and decoder, a sampled z in both modes",
    criteria=(Criterion("interface", "encode, decode and forward return what the contract says", 1.0),
              Criterion("encoder", "mu and logvar of each image by itself, free to take any value", 0.5, core=True),
              Criterion("decoder", "logits, deterministic for given z and y", 0.5),
              Criterion("sampling", "forward decodes a sampled z, in train and in eval mode", 1.0, core=True),
              Criterion("labels", "each row's label reaches encoder and decoder", 2.0, core=True)))

right = CVAE


@question.misconception("The encoder ignores the label: mu and logvar should depend on y as well.")
class encoder_ignores_label(right):
    def encode(self, x, y):
        return super().encode(x, torch.zeros_like(y))


@question.misconception("The decoder ignores the label: it could not be asked for a digit.")
class decoder_ignores_label(right):
    def decode(self, z, y):
        return super().decode(z, torch.zeros_like(y))


@question.misconception("Neither encoder nor decoder uses the label: this is a plain VAE.")
class ignores_label(right):
    def encode(self, x, y):
        return super().encode(x, torch.zeros_like(y))

    def decode(self, z, y):
        return super().decode(z, torch.zeros_like(y))


@question.misconception("The first label is used for the whole batch: every row has its own.")
class first_label(right):
    def encode(self, x, y):
        return super().encode(x, y[:1].expand(len(y)))

    def decode(self, z, y):
        return super().decode(z, y[:1].expand(len(y)))


@question.misconception("The decoder uses the first label for the whole batch: every row has its own.")
class first_label_in_decoder(right):
    def decode(self, z, y):
        return super().decode(z, y[:1].expand(len(y)))


@question.misconception("forward decodes mu: sample z, or this is an autoencoder.")
class decodes_mu(right):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(mu, y), mu, logvar


@question.misconception("In eval mode forward decodes mu: this course samples z in both modes.")
class mean_in_eval(right):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        z = Normal(mu, (0.5 * logvar).exp()).rsample() if self.training else mu
        return self.decode(z, y), mu, logvar


@question.misconception("One output serves as mu and as logvar: each needs a layer of its own.")
class one_head(right):
    def encode(self, x, y):
        mu, _ = super().encode(x, y)
        return mu, mu


@question.misconception("logvar cannot fall below -2 (a softplus, relu, tanh, exp or clamp at the end?): it is a logarithm, "
                        "leave it linear.", random=True)
class softplus_logvar(right):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return mu, F.softplus(logvar)


@question.misconception("encode and forward do not agree on which is mu and which is logvar: encode returns (mu, logvar), "
                        "forward (logits, mu, logvar).", random=True)
class swapped(right):
    def forward(self, x, y):
        logits, mu, logvar = super().forward(x, y)
        return logits, logvar, mu


@question.misconception("decode ends in a sigmoid, a softmax, the logarithm of one or the like: return logits, which take any "
                        "value; the loss applies the sigmoid.")
class sigmoid_output(right):
    def decode(self, z, y):
        return torch.sigmoid(super().decode(z, y))


@question.misconception("decode returns rows of 784: reshape them to (N, 1, 28, 28).")
class flat_output(right):
    def decode(self, z, y):
        return super().decode(z, y).flatten(1)


@question.misconception("forward returns only the logits: the loss needs mu and logvar as well.")
class logits_only(right):
    def forward(self, x, y):
        return super().forward(x, y)[0]


@question.misconception("A value that forward returns is None: the placeholder is still there.")
class placeholder(right):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return None, mu, logvar


@question.misconception("Layers that are made in encode or forward are new, and untrained, at every call: make them "
                        "in __init__.", random=True)
class layers_in_forward(right):
    def encode(self, x, y):
        h = F.relu(nn.Linear(784 + self.num_classes, 400)(condition(x.flatten(1), one_hot(y, self.num_classes))))
        return nn.Linear(400, self.latent_dim)(h), nn.Linear(400, self.latent_dim)(h)


@question.misconception("encode gives another result at each call in eval mode: noise belongs into forward, layers into "
                        "__init__, dropout must obey eval(), and nothing is kept for the next call.", random=True)
class noise_in_encode(right):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return Normal(mu, (0.5 * logvar).exp()).rsample(), logvar


@question.misconception("num_classes is ignored: the width of the label is fixed.")
class fixed_classes(right):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, 10)


@question.misconception("The sizes come in another order: __init__ takes latent_dim, then num_classes.")
class exchanged_sizes(right):
    def __init__(self, num_classes=10, latent_dim=20):
        super().__init__(latent_dim, num_classes)


@question.misconception("z is cut from the encoder (sample() in place of rsample(), detach or no_grad, in forward or decode): "
                        "it cannot learn from the reconstruction.")
class cut_z(right):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(Normal(mu, (0.5 * logvar).exp()).sample(), y), mu, logvar


@question.misconception("The noise is scaled by exp(logvar), the variance: use the standard deviation.")
class variance_for_std(right):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(Normal(mu, logvar.exp()).rsample(), y), mu, logvar


@question.also("softplus_logvar")
class squared_logvar(right):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return mu, logvar.square()


@question.also("fixed_classes")
class fixed_classes_in_decode(right):
    def decode(self, z, y):
        return self.decoder(condition(z, one_hot(y, 10))).view(-1, 1, 28, 28)


@question.misconception("The encoder uses the first label for the whole batch: every row has its own.")
class first_label_in_encoder(right):
    def encode(self, x, y):
        return super().encode(x, y[:1].expand(len(y)))


@question.also("layers_in_forward")
class hidden_layer_in_encode(right):
    def encode(self, x, y):
        h = F.relu(nn.Linear(784 + self.num_classes, 400)(condition(x.flatten(1), one_hot(y, self.num_classes))))
        return self.mu(h), self.logvar(h)


@question.misconception("z is drawn from N(0, I), not from q(z given x, y): the picture has nothing to do with the "
                        "image.")
class prior_sample(right):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(torch.randn_like(mu), y), mu, logvar


@question.misconception("encode does not look at the image: mu and logvar depend on x and on y.")
class ignores_image(right):
    def encode(self, x, y):
        return super().encode(torch.zeros_like(x), y)


@question.misconception("forward decodes something else than its own z with its own y: pictures and labels would not "
                        "belong together.")
class forgets_label_in_forward(right):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(Normal(mu, (0.5 * logvar).exp()).rsample(), torch.zeros_like(y)), mu, logvar


@question.misconception("super().__init__() is missing, or the class is not an nn.Module.")
class no_super(right):
    def __init__(self, latent_dim=20, num_classes=10):
        self.hidden = nn.Linear(784 + num_classes, 400)


@question.misconception("latent_dim is ignored: the size of the latent is fixed.")
class fixed_latent(right):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(20, num_classes)


@question.misconception("forward encodes with another label than its own y.")
class forgets_label_in_encoder(right):
    def forward(self, x, y):
        mu, logvar = self.encode(x, torch.zeros_like(y))
        return self.decode(Normal(mu, (0.5 * logvar).exp()).rsample(), y), mu, logvar


@question.misconception("The labels are not those of the rows (another order, or other codes for another batch): row n "
                        "of x and y belongs together.")
class labels_shuffled(right):
    def encode(self, x, y):
        return super().encode(x, y.flip(0))


@question.also("labels_shuffled")
class labels_shuffled_in_decode(right):
    def decode(self, z, y):
        return super().decode(z, y.flip(0))


@question.also("labels_shuffled")
class labels_shuffled_in_both(right):
    def encode(self, x, y):
        return super().encode(x, y.flip(0))

    def decode(self, z, y):
        return super().decode(z, y.flip(0))


@question.misconception("decode does not use z: all pictures of a digit are the same.")
class ignores_z(right):
    def decode(self, z, y):
        return super().decode(torch.zeros_like(z), y)


@question.misconception("Something after the layer of mu (relu, sigmoid, tanh, softmax, a norm) bounds it: leave it "
                        "linear.", random=True)
class relu_mu(right):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return F.relu(mu), logvar


@question.also("relu_mu")
class softmax_mu(right):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return F.softmax(mu, dim=1), logvar


@question.misconception("In train mode the label is not used: the network would be trained without it.")
class deaf_in_training(right):
    def decode(self, z, y):
        return super().decode(z, torch.zeros_like(y) if self.training else y)


@question.also("deaf_in_training")
class encoder_deaf_in_training(right):
    def encode(self, x, y):
        return super().encode(x, torch.zeros_like(y) if self.training else y)


@question.misconception("The labels are averaged over the batch: every row has its own.")
class average_label(right):
    def decode(self, z, y):
        onehot = one_hot(y, self.num_classes).mean(0, keepdim=True).expand(len(y), -1)
        return self.decoder(condition(z, onehot)).view(-1, 1, 28, 28)


@question.misconception("Some labels are taken for the same: every label needs a code of its own.")
class merged_labels(right):
    def decode(self, z, y):
        return super().decode(z, y % 2)
