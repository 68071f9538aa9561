class Base(nn.Module):
    """A plain right model, from which the wrong ones below differ in one place."""

    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.enc = nn.Sequential(nn.Linear(784 + num_classes, 100), nn.ReLU())
        self.to_mu, self.to_logvar = nn.Linear(100, latent_dim), nn.Linear(100, latent_dim)
        self.dec = nn.Sequential(nn.Linear(latent_dim + num_classes, 100), nn.ReLU(), nn.Linear(100, 784))

    def encode(self, x, y):
        h = self.enc(condition(x.flatten(1), one_hot(y, self.num_classes)))
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z, y):
        return self.dec(condition(z, one_hot(y, self.num_classes))).reshape(-1, 1, 28, 28)

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y), mu, logvar


# wrong: encoder_ignores_label
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU())

    def encode(self, x, y):
        h = self.enc(x)
        return self.to_mu(h), self.to_logvar(h)

# wrong: decoder_ignores_label
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.dec = nn.Sequential(nn.Linear(latent_dim, 100), nn.ReLU(), nn.Linear(100, 784))

    def decode(self, z, y):
        return self.dec(z).reshape(-1, 1, 28, 28)

# wrong: decoder_ignores_label - only forward uses it
class CVAE(Base):
    def decode(self, z, y=None):
        return super().decode(z, torch.zeros(len(z), dtype=torch.long))

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample()), mu, logvar

# wrong: ignores_label
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU())
        self.dec = nn.Sequential(nn.Linear(latent_dim, 100), nn.ReLU(), nn.Linear(100, 784))

    def encode(self, x, y):
        h = self.enc(x)
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z, y):
        return self.dec(z).reshape(-1, 1, 28, 28)

# wrong: first_label
class CVAE(Base):
    def encode(self, x, y):
        return super().encode(x, y[0].repeat(len(y)))

    def decode(self, z, y):
        return super().decode(z, y[0].repeat(len(y)))

# wrong: first_label_in_encoder, "own label"
class CVAE(Base):
    def encode(self, x, y):
        return super().encode(x, torch.full_like(y, y[0].item()))

# wrong: first_label_in_decoder
class CVAE(Base):
    def decode(self, z, y):
        return super().decode(z, torch.full_like(y, y[0].item()))

# wrong: decodes_mu
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).mean, y), mu, logvar

# wrong: mean_in_eval
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        q = posterior(mu, logvar)
        return self.decode(q.rsample() if self.training else q.mean, y), mu, logvar

# wrong: one_head
class CVAE(Base):
    def encode(self, x, y):
        h = self.enc(condition(x.flatten(1), one_hot(y, self.num_classes)))
        return self.to_mu(h), self.to_mu(h)

# wrong: softplus_logvar
class CVAE(Base):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return mu, nn.Softplus()(logvar)

# wrong: softplus_logvar - squared
class CVAE(Base):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return mu, logvar ** 2

# wrong: relu_mu, "mu cannot become", "does not look at them"
class CVAE(Base):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return mu.relu(), logvar

# wrong: swapped, "return (logits, mu, logvar)"
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y), logvar, mu

# wrong: sigmoid_output
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.dec.append(nn.Sigmoid())

# wrong: flat_output
class CVAE(Base):
    def decode(self, z, y):
        return self.dec(condition(z, one_hot(y, self.num_classes)))

# wrong: logits_only
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y)

# wrong: placeholder
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        logits = None
        return logits, mu, logvar

# wrong: "returned None" - decode returns nothing
class CVAE(Base):
    def decode(self, z, y):
        self.dec(condition(z, one_hot(y, self.num_classes))).reshape(-1, 1, 28, 28)

# wrong: layers_in_forward, "layers into __init__"
class CVAE(Base):
    def encode(self, x, y):
        layer = nn.Linear(784 + self.num_classes, 100)
        h = F.relu(layer(condition(x.flatten(1), one_hot(y, self.num_classes))))
        return self.to_mu(h), self.to_logvar(h)

# wrong: noise_in_encode
class CVAE(Base):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return posterior(mu, logvar).rsample(), logvar

# wrong: fixed_classes
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, 10)

# wrong: fixed_classes - one_hot with its default
class CVAE(Base):
    def decode(self, z, y):
        return self.dec(condition(z, one_hot(y))).reshape(-1, 1, 28, 28)

# wrong: "(5, 20)", fixed_latent
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(20, num_classes)

# wrong: cut_z
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).sample(), y), mu, logvar

# wrong: variance_for_std
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        z = mu + logvar.exp() * torch.randn_like(mu)
        return self.decode(z, y), mu, logvar

# wrong: prior_sample
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(torch.randn_like(mu), y), mu, logvar

# wrong: labels_shuffled - the labels of other rows
class CVAE(Base):
    def decode(self, z, y):
        return super().decode(z, y.flip(0))

# wrong: "every label needs its own code", "mu stays the same" - odd and even look alike
class CVAE(Base):
    def encode(self, x, y):
        return super().encode(x, y // 2)

    def decode(self, z, y):
        return super().decode(z, y // 2)

# wrong: no_super, "Module.__init__"
class CVAE(nn.Module):
    def __init__(self, latent_dim=20, num_classes=10):
        self.enc = nn.Linear(794, 100)

# wrong: forgets_label_in_forward - the reconstruction is decoded with zeros
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), torch.zeros_like(y)), mu, logvar

# wrong: forgets_label_in_encoder - the encoder hears zeros
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, torch.zeros_like(y))
        return self.decode(posterior(mu, logvar).rsample(), y), mu, logvar

# wrong: "in place" - the labels are shifted in place
class CVAE(Base):
    def decode(self, z, y):
        y += 0
        z *= 0.5
        return super().decode(z, y)

# wrong: ignores_image - only the label is encoded
class CVAE(Base):
    def encode(self, x, y):
        return super().encode(torch.zeros_like(x), y)

# wrong: "does not look at z" - the digit 0 has one style
class CVAE(Base):
    def decode(self, z, y):
        return super().decode(z * (y > 0)[:, None], y)

# wrong: "too little noise" - the variance is clipped at 1
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar.clamp(max=0)).rsample(), y), mu, logvar

# right: inputs of the encoder prepared without gradients
class CVAE(Base):
    def encode(self, x, y):
        with torch.no_grad():
            h = condition((x.flatten(1) - 0.13) / 0.31, one_hot(y, self.num_classes))
        h = self.enc(h)
        return self.to_mu(h), self.to_logvar(h)

# right: label planes and convolutions
class CVAE(nn.Module):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.conv = nn.Sequential(nn.Conv2d(1 + num_classes, 16, 3, 2, 1), nn.ReLU(),
                                  nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(32 * 49, 2 * latent_dim)
        self.up = nn.Linear(latent_dim + num_classes, 32 * 49)
        self.deconv = nn.Sequential(nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1))

    def encode(self, x, y):
        planes = F.one_hot(y, self.num_classes).float()[:, :, None, None].expand(-1, -1, 28, 28)
        return self.head(self.conv(torch.cat([x, planes], 1))).split(self.latent_dim, dim=1)

    def decode(self, z, y):
        h = F.relu(self.up(torch.cat([z, F.one_hot(y, self.num_classes)], 1)))
        return self.deconv(h.view(-1, 32, 7, 7))

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y), mu, logvar

# right: BatchNorm and Dropout
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.enc = nn.Sequential(nn.Linear(784 + num_classes, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.1),
                                 nn.Linear(128, 100), nn.ReLU())
        self.dec = nn.Sequential(nn.Linear(latent_dim + num_classes, 128), nn.BatchNorm1d(128), nn.ReLU(),
                                 nn.Linear(128, 784))

# right: the label enters every layer as a learned bias
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.first, self.bias = nn.Linear(784, 100), nn.Embedding(num_classes, 100)
        self.second, self.style = nn.Linear(latent_dim, 100), nn.Embedding(num_classes, 100)
        self.out = nn.Linear(100, 784)

    def encode(self, x, y):
        h = torch.relu(self.first(x.flatten(1)) + self.bias(y))
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z, y):
        return self.out(torch.relu(self.second(z) * self.style(y))).view(-1, 1, 28, 28)

# right: its own noise, and the label in front
class CVAE(Base):
    def encode(self, x, y):
        h = self.enc(torch.cat((torch.eye(self.num_classes)[y], x.view(len(x), -1)), dim=1))
        return self.to_mu(h), self.to_logvar(h)

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        z = mu - torch.exp(logvar / 2) * torch.randn_like(mu)
        return self.decode(z, y), mu, logvar

# right: lazy layers
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.enc = nn.Sequential(nn.LazyLinear(64), nn.ReLU())
        self.to_mu, self.to_logvar = nn.LazyLinear(latent_dim), nn.LazyLinear(latent_dim)
        self.dec = nn.Sequential(nn.LazyLinear(64), nn.ReLU(), nn.LazyLinear(784), nn.Unflatten(1, (1, 28, 28)))

    def decode(self, z, y):
        return self.dec(condition(z, one_hot(y, self.num_classes)))

# right: bilinear in z and label
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.W = nn.Parameter(torch.randn(num_classes, latent_dim, 784) / latent_dim ** 0.5)
        self.b = nn.Parameter(torch.randn(num_classes, 784))

    def decode(self, z, y):
        return (torch.einsum("nz,nzp->np", z, self.W[y]) + self.b[y]).view(-1, 1, 28, 28)

# right: a network for each digit in the decoder
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.nets = nn.ModuleList(nn.Linear(latent_dim, 784) for _ in range(num_classes))

    def decode(self, z, y):
        return torch.stack([self.nets[int(c)](row) for row, c in zip(z, y)]).view(-1, 1, 28, 28)

# right: helper functions, rsample of an independent normal
def join(a, y, c):
    return torch.cat([a, F.one_hot(y, c).to(a.dtype)], dim=-1)

class CVAE(Base):
    def encode(self, x, y):
        h = self.enc(join(x.flatten(1), y, self.num_classes))
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z, y):
        return self.dec(join(z, y, self.num_classes)).unflatten(1, (1, 28, 28))

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        z = Independent(Normal(mu, torch.exp(logvar / 2)), 1).rsample()
        return self.decode(z, y), mu, logvar

# wrong: "not among the model's parameters" - the layers of the encoder are in a list
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.layers = [nn.Linear(784 + num_classes, 100), nn.ReLU()]

    def encode(self, x, y):
        h = condition(x.flatten(1), one_hot(y, self.num_classes))
        for layer in self.layers:
            h = layer(h)
        return self.to_mu(h), self.to_logvar(h)

# wrong: "No gradient leads from mu and logvar" - returned detached
class CVAE(Base):
    def forward(self, x, y):
        logits, mu, logvar = super().forward(x, y)
        return logits, mu.detach(), logvar.detach()

# wrong: "draws no noise", "Two calls of forward" - a generator that starts anew
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        eps = torch.randn(mu.shape, generator=torch.Generator().manual_seed(1))
        return self.decode(mu + eps * (logvar / 2).exp(), y), mu, logvar

# right: the label starts without a say, in encoder and decoder
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        with torch.no_grad():
            self.enc[0].weight[:, 784:] = 0
            self.dec[0].weight[:, latent_dim:] = 0

# right: layers of their own for the label, which start at 0
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.image, self.style = nn.Linear(784, 100), nn.Linear(latent_dim, 100)
        self.shift = nn.ModuleList([nn.Linear(num_classes, 100, bias=False) for _ in range(2)])
        for layer in self.shift:
            nn.init.zeros_(layer.weight)

    def encode(self, x, y):
        h = torch.relu(self.image(x.flatten(1)) + self.shift[0](one_hot(y, self.num_classes)))
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z, y):
        h = torch.relu(self.style(z) + self.shift[1](one_hot(y, self.num_classes)))
        return self.dec[2](h).reshape(-1, 1, 28, 28)

# wrong: "each row's own label", forgets_label_in_forward - the decoder hears the first label in forward
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y[:1].expand_as(y)), mu, logvar

# wrong: "each row's own label", forgets_label_in_forward - the labels are sorted in forward
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y.sort().values), mu, logvar

# wrong: "Some labels" - five labels for ten digits
class CVAE(Base):
    def encode(self, x, y):
        return super().encode(x, y % 5)

# wrong: "Some digits", "labels" - five pictures for ten digits
class CVAE(Base):
    def decode(self, z, y):
        return super().decode(z, y % 5)

# wrong: "num_classes = 12", fixed_classes - labels above 9 are taken for 9
class CVAE(Base):
    def encode(self, x, y):
        return super().encode(x, y.clamp(max=9))

    def decode(self, z, y):
        return super().decode(z, y.clamp(max=9))

# right: decode is called by keyword, the label first
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(y=y, z=posterior(mu, logvar).rsample()), mu, logvar

# wrong: "needs its own code", decoder_ignores_label, merged_labels - a column that is always 1
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.dec = nn.Sequential(nn.Linear(latent_dim + 1, 100), nn.ReLU(), nn.Linear(100, 784))

    def decode(self, z, y):
        return self.dec(torch.cat([z, one_hot(y, self.num_classes).sum(1, keepdim=True)], 1)).view(-1, 1, 28, 28)

# wrong: merged_labels, "needs its own code" - two columns of the one-hot
class CVAE(Base):
    def decode(self, z, y):
        code = one_hot(y, self.num_classes)
        return self.dec(torch.cat([z, code[:, :2], torch.zeros_like(code[:, 2:])], 1)).view(-1, 1, 28, 28)

# wrong: merged_labels - even and odd
class CVAE(Base):
    def decode(self, z, y):
        return super().decode(z, y % 2)

# wrong: ignores_z
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.dec = nn.Linear(num_classes, 784)

    def decode(self, z, y):
        return self.dec(one_hot(y, self.num_classes)).view(-1, 1, 28, 28)

# wrong: deaf_in_training - a random label
class CVAE(Base):
    def encode(self, x, y):
        return super().encode(x, torch.randint_like(y, 0, self.num_classes) if self.training else y)

# wrong: deaf_in_training - zeros for the decoder
class CVAE(Base):
    def decode(self, z, y):
        return super().decode(z, torch.zeros_like(y) if self.training else y)

# wrong: average_label
class CVAE(Base):
    def decode(self, z, y):
        code = one_hot(y, self.num_classes).mean(0).expand(len(y), -1)
        return self.dec(condition(z, code)).reshape(-1, 1, 28, 28)

# wrong: relu_mu, "does not learn to look" - softmax
class CVAE(Base):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return mu.softmax(-1), logvar

# wrong: "keep the signature of the stub"
class CVAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim, 10)

# wrong: exchanged_sizes
class CVAE(Base):
    def __init__(self, num_classes=10, latent_dim=20):
        super().__init__(latent_dim, num_classes)

# right: a size of its own between the two
class CVAE(Base):
    def __init__(self, latent_dim=20, hidden=100, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.enc = nn.Sequential(nn.Linear(784 + num_classes, hidden), nn.ReLU(), nn.Linear(hidden, 100), nn.ReLU())

# wrong: "never learn" - the first layers are cut off
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.trunk, self.more = nn.Linear(784, 50), nn.Linear(50, latent_dim)

    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return mu + self.more(F.relu(self.trunk(x.flatten(1))).detach()), logvar

# wrong: "belongs into forward" - encode draws in train mode
class CVAE(Base):
    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return (posterior(mu, logvar).rsample() if self.training else mu), logvar

# right: sigma comes first, and logvar from it
class CVAE(Base):
    def posterior(self, x, y):
        h = self.enc(condition(x.flatten(1), one_hot(y, self.num_classes)))
        return Normal(self.to_mu(h), F.softplus(self.to_logvar(h)))

    def encode(self, x, y):
        q = self.posterior(x, y)
        return q.mean, q.variance.log()

    def forward(self, x, y):
        q = self.posterior(x, y)
        return self.decode(q.rsample(), y), q.mean, q.variance.log()

# wrong: "No gradient reaches logvar" - sigma comes first, and is cut
class CVAE(Base):
    def posterior(self, x, y):
        h = self.enc(condition(x.flatten(1), one_hot(y, self.num_classes)))
        return Normal(self.to_mu(h), F.softplus(self.to_logvar(h)))

    def encode(self, x, y):
        q = self.posterior(x, y)
        return q.mean, q.variance.log()

    def forward(self, x, y):
        q = self.posterior(x, y)
        return self.decode(q.mean + q.stddev.detach() * torch.randn_like(q.mean), y), q.mean, q.variance.log()
