class Base(nn.Module):
    """A plain right model, from which the wrong ones below differ in one place."""

    def __init__(self, latent_dim=20):
        super().__init__()
        self.latent_dim = latent_dim
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU())
        self.to_mu, self.to_logvar = nn.Linear(100, latent_dim), nn.Linear(100, latent_dim)
        self.dec = nn.Sequential(nn.Linear(latent_dim, 100), nn.ReLU(), nn.Linear(100, 784))

    def encode(self, x):
        h = self.enc(x)
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z):
        return self.dec(z).reshape(-1, 1, 28, 28)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


# wrong: decodes_mu
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar)
        return self.decode(mu), mu, logvar

# wrong: mean_in_eval
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        z = mu
        if self.training:
            z = reparameterize(mu, logvar)
        return self.decode(z), mu, logvar

# wrong: "decodes mu" - exchanged
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu if self.training else reparameterize(mu, logvar)), mu, logvar

# wrong: one_head
class VAE(Base):
    def encode(self, x):
        h = self.to_mu(self.enc(x))
        return h, h

# wrong: one_head - one layer, called twice
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.head = nn.Linear(100, latent_dim)

    def encode(self, x):
        h = self.enc(x)
        return self.head(h), self.head(h)

# wrong: softplus_logvar
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return self.to_mu(h), F.softplus(self.to_logvar(h))

# wrong: softplus_logvar - relu
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return self.to_mu(h), torch.relu(self.to_logvar(h))

# wrong: softplus_logvar - tanh cannot get far either
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return self.to_mu(h), torch.tanh(self.to_logvar(h))

# wrong: "cannot rise above"
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return self.to_mu(h), F.logsigmoid(self.to_logvar(h))

# wrong: relu_mu, softplus_logvar, "a relu at its end" - relu after both heads
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return torch.relu(self.to_mu(h)), torch.relu(self.to_logvar(h))

# wrong: relu_mu - sigmoid after mu
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return torch.sigmoid(self.to_mu(h)), self.to_logvar(h)

# wrong: relu_mu - tanh after mu
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return torch.tanh(self.to_mu(h)), self.to_logvar(h)

# wrong: relu_mu - normalised to length one
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return F.normalize(self.to_mu(h), dim=1), self.to_logvar(h)

# wrong: swapped - forward
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), logvar, mu

# wrong: swapped - forward knows, the contract does not
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return self.to_logvar(h), self.to_mu(h)

    def forward(self, x):
        logvar, mu = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), mu, logvar

# wrong: logits_last
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return mu, logvar, self.decode(reparameterize(mu, logvar))

# wrong: "z that forward decodes" - reparameterize(logvar, mu)
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(logvar, mu)), mu, logvar

# wrong: sigmoid_output
class VAE(Base):
    def decode(self, z):
        return torch.sigmoid(self.dec(z)).reshape(-1, 1, 28, 28)

# wrong: sigmoid_output - as a layer
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.dec.append(nn.Sigmoid())

# wrong: sigmoid_output, "negative values" - relu at the end
class VAE(Base):
    def decode(self, z):
        return F.relu(self.dec(z)).reshape(-1, 1, 28, 28)

# wrong: sigmoid_output, "negative values" - tanh at the end
class VAE(Base):
    def decode(self, z):
        return torch.tanh(self.dec(z)).reshape(-1, 1, 28, 28)

# wrong: flat_output
class VAE(Base):
    def decode(self, z):
        return self.dec(z)

# wrong: "(5, 28, 28)" - no channel
class VAE(Base):
    def decode(self, z):
        return self.dec(z).reshape(-1, 28, 28)

# wrong: logits_only
class VAE(Base):
    def forward(self, x):
        return self.decode(reparameterize(*self.encode(x)))

# wrong: "a tuple of 4"
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar)
        return self.decode(z), mu, logvar, z

# wrong: not_decoded
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return reparameterize(mu, logvar), mu, logvar

# wrong: "returned None" - nothing is returned
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        logits = self.decode(reparameterize(mu, logvar))

# wrong: "returned None" - encode
class VAE(Base):
    def encode(self, x):
        mu = None
        logvar = None
        return mu, logvar

# wrong: placeholder - the three values of the stub
class VAE(Base):
    def forward(self, x):
        logits, mu, logvar = None, None, None
        mu, logvar = self.encode(x)
        return logits, mu, logvar

# wrong: layers_in_forward, "layers into __init__"
class VAE(Base):
    def encode(self, x):
        h = F.relu(nn.Linear(784, 100)(x.flatten(1)))
        return self.to_mu(h), self.to_logvar(h)

# wrong: "layers made in __init__"
class VAE(Base):
    def decode(self, z):
        h = F.relu(nn.Linear(self.latent_dim, 100)(z))
        return nn.Linear(100, 784)(h).view(-1, 1, 28, 28)

# wrong: noise_in_encode
class VAE(Base):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu), logvar

    def forward(self, x):
        z, logvar = self.encode(x)
        return self.decode(z), z, logvar

# wrong: noise_in_decode
class VAE(Base):
    def decode(self, z):
        return super().decode(z + torch.randn_like(z))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu), mu, logvar

# wrong: noise_in_encode - functional dropout is always on
class VAE(Base):
    def encode(self, x):
        h = F.dropout(self.enc(x), 0.5)
        return self.to_mu(h), self.to_logvar(h)

# wrong: "Expected more than 1 value" - BatchNorm without running statistics
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.norm = nn.BatchNorm1d(100, track_running_stats=False)

    def encode(self, x):
        h = self.norm(self.enc(x))
        return self.to_mu(h), self.to_logvar(h)

# wrong: "by itself" - centred by hand
class VAE(Base):
    def encode(self, x):
        h = self.enc(x - x.mean(0))
        return self.to_mu(h), self.to_logvar(h)

# wrong: "by itself" - softmax over the batch in the decoder
class VAE(Base):
    def decode(self, z):
        return self.dec(torch.softmax(z, dim=0)).reshape(-1, 1, 28, 28)

# wrong: fixed_latent, "latent_dim"
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(2)

# wrong: fixed_latent, "latent_dim" - a global
Z = 20

class VAE(Base):
    def __init__(self, latent_dim=Z):
        super().__init__(Z)

# wrong: "default is not 20"
class VAE(Base):
    def __init__(self, latent_dim=2):
        super().__init__(latent_dim)

# wrong: cut_z
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        with torch.no_grad():
            z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decode(z), mu, logvar

# wrong: cut_z - sample()
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(Normal(mu, (0.5 * logvar).exp()).sample()), mu, logvar

# wrong: cut_z - the encoder's result is detached
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu.detach(), logvar.detach())), mu, logvar

# wrong: "reaches mu"
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu.detach(), logvar)), mu, logvar

# wrong: "reaches logvar"
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar.detach())), mu, logvar

# wrong: no_super
class VAE(nn.Module):
    def __init__(self, latent_dim=20):
        self.latent_dim = latent_dim
        self.enc = nn.Linear(784, 100)

# wrong: no_super, "nn.Module" - an ordinary class
class VAE:
    def __init__(self, latent_dim=20):
        self.inner = Base(latent_dim)

    def encode(self, x):
        return self.inner.encode(x)

    def decode(self, z):
        return self.inner.decode(z)

    def __call__(self, x):
        return self.inner(x)

# wrong: prior_sample
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        z = torch.randn(len(x), self.latent_dim, device=x.device)
        return self.decode(z), mu, logvar

# wrong: variance_for_std
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(Normal(mu, logvar.exp()).rsample()), mu, logvar

# wrong: unit_noise
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + torch.randn_like(mu)), mu, logvar

# wrong: "All copies of an image get the same z" - one vector for the batch
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + torch.exp(0.5 * logvar) * torch.randn(self.latent_dim)), mu, logvar

# wrong: "independently" - one number for all latents of an image
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + torch.exp(0.5 * logvar) * torch.randn(len(mu), 1)), mu, logvar

# wrong: uniform_noise, "z that forward decodes"
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + torch.exp(0.5 * logvar) * torch.rand_like(mu)), mu, logvar

# wrong: "z that forward decodes"
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(torch.exp(0.5 * logvar) * torch.randn_like(mu)), mu, logvar

# wrong: half_outside, "too little noise"
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + 0.5 * torch.exp(logvar) * torch.randn_like(mu)), mu, logvar

# wrong: "Do not seed"
class VAE(Base):
    def forward(self, x):
        torch.manual_seed(0)
        return super().forward(x)

# wrong: variance_returned, softplus_logvar
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return self.to_mu(h), torch.exp(self.to_logvar(h))

# wrong: variance_returned - and used as such
class VAE(Base):
    def encode(self, x):
        h = self.enc(x)
        return self.to_mu(h), torch.exp(0.5 * self.to_logvar(h))

    def forward(self, x):
        mu, std = self.encode(x)
        return self.decode(mu + std * torch.randn_like(std)), mu, std

# wrong: "same logvar" - a parameter for all images
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.log = nn.Parameter(torch.zeros(latent_dim))

    def encode(self, x):
        mu = self.to_mu(self.enc(x))
        return mu, self.log.expand_as(mu)

# wrong: "by itself" - only one image is looked at
class VAE(Base):
    def encode(self, x):
        h = self.enc(x[:1]).expand(len(x), -1)
        return self.to_mu(h), self.to_logvar(h)

# wrong: "by itself" - the view mixes images
class VAE(Base):
    def encode(self, x):
        h = self.enc(x.reshape(784, -1).T)
        return self.to_mu(h), self.to_logvar(h)

# wrong: "does not look at them"
class VAE(Base):
    def encode(self, x):
        h = self.enc(torch.zeros_like(x))
        return self.to_mu(h), self.to_logvar(h)

# wrong: ignores_z
class VAE(Base):
    def decode(self, z):
        return self.dec(torch.zeros_like(z)).reshape(-1, 1, 28, 28)

# wrong: "(3,)"
class VAE(Base):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return mu.squeeze(), logvar.squeeze()

# wrong: "in place" - the images are centred in place
class VAE(Base):
    def encode(self, x):
        x.sub_(0.5)
        return super().encode(x)

# wrong: "not the mu that encode gives" - mu of a second, other network
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.other = nn.Linear(784, latent_dim)

    def forward(self, x):
        mu, logvar = self.other(x.flatten(1)), self.to_logvar(self.enc(x))
        return self.decode(reparameterize(mu, logvar)), mu, logvar

# wrong: "too little noise" - the standard deviation is clipped at 1
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + torch.exp(0.5 * logvar).clamp(max=1) * torch.randn_like(mu)), mu, logvar

# wrong: "can learn" - the decoder is frozen
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.dec.requires_grad_(False)

# wrong: "mixes the images" - with no gradient to the pixels
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x.detach())
        return self.decode(reparameterize(mu.flip(0), logvar)), mu, logvar

# right: images prepared without gradients
class VAE(Base):
    def encode(self, x):
        with torch.no_grad():
            x = (x - 0.1307) / 0.3081
        return super().encode(x)

# right: a decoder that begins with a relu
class VAE(Base):
    def decode(self, z):
        return super().decode(F.relu(z))

# right: black and white images
class VAE(Base):
    def encode(self, x):
        return super().encode((x > 0.5).float())

# right: one head of 2Z, chunked
class VAE(nn.Module):
    def __init__(self, latent_dim=20):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 200), nn.Tanh(), nn.Linear(200, 784),
                                     nn.Unflatten(1, (1, 28, 28)))

    def encode(self, x):
        return self.encoder(x).chunk(2, dim=1)

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), mu, logvar

# right: convolutional
class VAE(nn.Module):
    def __init__(self, latent_dim=20):
        super().__init__()
        self.latent_dim = latent_dim
        self.conv = nn.Sequential(nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU())
        self.mu, self.logvar = nn.Linear(32 * 49, latent_dim), nn.Linear(32 * 49, latent_dim)
        self.up = nn.Linear(latent_dim, 32 * 49)
        self.deconv = nn.Sequential(nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1))

    def encode(self, x):
        h = self.conv(x).flatten(1)
        return self.mu(h), self.logvar(h)

    def decode(self, z):
        return self.deconv(F.relu(self.up(z)).view(-1, 32, 7, 7))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), mu, logvar

# right: convolutional with BatchNorm
class VAE(nn.Module):
    def __init__(self, latent_dim=20):
        super().__init__()
        self.latent_dim = latent_dim
        self.conv = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.LeakyReLU(0.2),
                                  nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.LeakyReLU(0.2), nn.Flatten())
        self.head = nn.Linear(16 * 49, 2 * latent_dim)
        self.deconv = nn.Sequential(nn.Linear(latent_dim, 16 * 49), nn.BatchNorm1d(16 * 49), nn.ReLU(),
                                    nn.Unflatten(1, (16, 7, 7)), nn.ConvTranspose2d(16, 8, 4, 2, 1),
                                    nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1))

    def encode(self, x):
        h = self.head(self.conv(x))
        return h[:, :self.latent_dim], h[:, self.latent_dim:]

    def decode(self, z):
        return self.deconv(z)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), mu, logvar

# right: BatchNorm and Dropout in both networks
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.2),
                                 nn.Linear(256, 100), nn.BatchNorm1d(100), nn.ReLU())
        self.dec = nn.Sequential(nn.Linear(latent_dim, 100), nn.BatchNorm1d(100), nn.ReLU(), nn.Dropout(0.2),
                                 nn.Linear(100, 784))

# right: a subclass with a helper method and its own sampling
class VAE(Base):
    def sample(self, mu, logvar):
        return mu - torch.randn_like(mu) * logvar.mul(0.5).exp()

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.sample(mu, logvar)), mu, logvar

# right: rsample
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        q = Independent(Normal(mu, torch.exp(0.5 * logvar)), 1)
        return self.decode(q.rsample()), mu, logvar

# right: lazy layers
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.enc = nn.Sequential(nn.Flatten(), nn.LazyLinear(64), nn.ReLU())
        self.to_mu, self.to_logvar = nn.LazyLinear(latent_dim), nn.LazyLinear(latent_dim)
        self.dec = nn.Sequential(nn.LazyLinear(64), nn.ReLU(), nn.LazyLinear(784))

# right: layers that are built at the first call
class VAE(Base):
    def encode(self, x):
        if not hasattr(self, "first"):
            self.first = nn.Linear(x[0].numel(), 100)
        h = torch.relu(self.first(x.flatten(1)))
        return self.to_mu(h), self.to_logvar(h)

# right: parameters and einsum instead of layers
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.W = nn.Parameter(torch.randn(784, 2, latent_dim) / 28)
        self.b = nn.Parameter(torch.zeros(2, latent_dim))

    def encode(self, x):
        h = torch.einsum("np,pkz->nkz", x.flatten(1), self.W) + self.b
        return h[:, 0], h[:, 1]

# right: separate encoders for mu and logvar
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.mean_net = nn.Sequential(nn.Flatten(), nn.Linear(784, 50), nn.SiLU(), nn.Linear(50, latent_dim))
        self.var_net = nn.Sequential(nn.Flatten(), nn.Linear(784, 50), nn.SiLU(), nn.Linear(50, latent_dim))

    def encode(self, x):
        return self.mean_net(x), self.var_net(x)

# right: forward computes without encode and decode, and returns a list
class VAE(Base):
    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.to_mu(h), self.to_logvar(h)
        z = torch.distributions.Normal(mu, logvar.exp().sqrt()).rsample()
        return [self.dec(z).view(len(x), 1, 28, 28), mu, logvar]

# right: images one by one
class VAE(Base):
    def decode(self, z):
        return torch.stack([self.dec(row).view(1, 28, 28) for row in z])

# right: LayerNorm, GELU and a residual block
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.block = nn.Sequential(nn.LayerNorm(100), nn.Linear(100, 100), nn.GELU(), nn.Linear(100, 100))

    def encode(self, x):
        h = self.enc(x)
        h = h + self.block(h)
        return self.to_mu(h), self.to_logvar(h)

# right: logvar kept in a sane range
class VAE(Base):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return mu, logvar.clamp(-10.0, 10.0)

# right: a narrow network with small initial weights
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU())
        self.to_mu, self.to_logvar = nn.Linear(16, latent_dim), nn.Linear(16, latent_dim)
        self.dec = nn.Sequential(nn.Linear(latent_dim, 16), nn.ReLU(), nn.Linear(16, 784))
        for p in self.parameters():
            p.data.mul_(0.5)

# right: a deep tanh network
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(),
                                 nn.Linear(128, 100), nn.Tanh())
        self.dec = nn.Sequential(nn.Linear(latent_dim, 64), nn.Tanh(), nn.Linear(64, 128), nn.Tanh(),
                                 nn.Linear(128, 784))

# right: more arguments with defaults, weights initialised by hand
class VAE(Base):
    def __init__(self, latent_dim=20, hidden=64, activation=nn.ELU):
        super().__init__(latent_dim)
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, hidden), activation())
        self.to_mu, self.to_logvar = nn.Linear(hidden, latent_dim), nn.Linear(hidden, latent_dim)
        self.dec = nn.Sequential(nn.Linear(latent_dim, hidden), activation(), nn.Linear(hidden, 784))
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)
        nn.init.constant_(self.to_logvar.bias, -1.0)

# wrong: "not among the model's parameters" - the layers of the decoder are in a list
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        del self.dec
        self.layers = [nn.Linear(latent_dim, 100), nn.ReLU(), nn.Linear(100, 784)]

    def decode(self, z):
        for layer in self.layers:
            z = layer(z)
        return z.view(-1, 1, 28, 28)

# wrong: "No gradient leads from mu and logvar" - returned detached
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), mu.detach(), logvar.detach()

# wrong: "No gradient leads from logvar" - returned as data
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), mu, logvar.data

# wrong: "draws no noise", "Two calls of forward" - drawn once and kept
class VAE(Base):
    noise = None

    def forward(self, x):
        mu, logvar = self.encode(x)
        if self.noise is None or self.noise.shape != mu.shape:
            self.noise = torch.randn_like(mu)
        return self.decode(mu + self.noise * (0.5 * logvar).exp()), mu, logvar

# right: the layer of logvar starts at 0, so that every sigma starts at 1
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        nn.init.zeros_(self.to_logvar.weight)
        nn.init.zeros_(self.to_logvar.bias)

# wrong: "z that forward decodes" - a little less noise
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu + 0.9 * (0.5 * logvar).exp() * torch.randn_like(mu)), mu, logvar

# wrong: "z that forward decodes" - uniform noise of the right spread
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        noise = (torch.rand_like(mu) - 0.5) * 12 ** 0.5
        return self.decode(mu + (0.5 * logvar).exp() * noise), mu, logvar

# wrong: "decodes mu" - sampled only while gradients are recorded
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar) if torch.is_grad_enabled() else mu), mu, logvar

# right: a decoder whose last layer starts at 0, and decode called by keyword
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        nn.init.zeros_(self.dec[-1].weight)
        nn.init.zeros_(self.dec[-1].bias)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(z=reparameterize(mu, logvar)), mu, logvar

# right: both layers of the latent start at 0
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        for layer in (self.to_mu, self.to_logvar):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

# wrong: "do all weights start at 0" - all weights start at 0, and no gradient ever moves the first layers
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

# wrong: "mixes the images", "mean mu" - the posterior of the first image for all
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(mu[0] + torch.exp(0.5 * logvar[0]) * torch.randn_like(mu)), mu, logvar

# wrong: "mixes the images" - the rows are turned round
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar).flip(0)), mu, logvar

# wrong: "something else than decode" - the image leaks into its reconstruction
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar)) + 0.1 * x, mu, logvar

# wrong: "shape" - squeezed, which one image does not stand
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), mu.squeeze(), logvar.squeeze()

# wrong: "shape" - a single latent is squeezed away
class VAE(Base):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return mu.squeeze(-1), logvar.squeeze(-1)

# wrong: "one image" - no noise for one image
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar) if len(x) > 1 else mu), mu, logvar

# wrong: "share their noise" - in pairs
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        eps = torch.randn((len(mu) + 1) // 2, mu.shape[1]).repeat(2, 1)[:len(mu)]
        return self.decode(mu + (0.5 * logvar).exp() * eps), mu, logvar

# right: a narrow layer with tanh
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.Tanh())
        self.to_mu, self.to_logvar = nn.Linear(8, latent_dim), nn.Linear(8, latent_dim)
        self.dec = nn.Sequential(nn.Linear(latent_dim, 8), nn.Tanh(), nn.Linear(8, 784))

# right: spectral norm everywhere, and a named tuple
from typing import NamedTuple
from torch.nn.utils.parametrizations import spectral_norm

class Out(NamedTuple):
    logits: torch.Tensor
    mu: torch.Tensor
    logvar: torch.Tensor

class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        for layer in (self.enc[1], self.to_mu, self.to_logvar, self.dec[0], self.dec[2]):
            spectral_norm(layer)

    def forward(self, x):
        return Out(*super().forward(x))

# wrong: std_for_logvar
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        std = torch.exp(0.5 * logvar)
        return self.decode(reparameterize(mu, std)), mu, logvar

# wrong: std_for_logvar - the variance
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar.exp())), mu, logvar

# wrong: std_for_logvar, "its variance must be exp(logvar)" - with another sign
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, -logvar)), mu, logvar

# wrong: ignores_z
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.mean = nn.Parameter(torch.randn(784) / 10)

    def decode(self, z):
        return self.mean.expand(len(z), 784).reshape(-1, 1, 28, 28)

# wrong: "all of z" - the first latent alone
class VAE(Base):
    def decode(self, z):
        return super().decode(z[:, :1].expand_as(z))

# wrong: relu_mu - softmax
class VAE(Base):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return mu.softmax(1), logvar

# wrong: kept_skip - a skip connection, as in a U-Net
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.skip, self.h = nn.Linear(100, 784), None

    def encode(self, x):
        self.h = self.enc(x)
        return self.to_mu(self.h), self.to_logvar(self.h)

    def decode(self, z):
        logits = self.dec(z)
        if self.h is not None and len(self.h) == len(z):
            logits = logits + self.skip(self.h)
        return logits.reshape(-1, 1, 28, 28)

# wrong: "second value of forward" - forward scales the images once more
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x / 255)
        return self.decode(reparameterize(mu, logvar)), mu, logvar

# wrong: "second value of forward" - noise on the images
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x + 0.1 * torch.randn_like(x))
        return self.decode(reparameterize(mu, logvar)), mu, logvar

# wrong: "Two calls of forward" - the spread is added, not drawn
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        z = mu + torch.exp(0.5 * logvar)
        return self.decode(z), mu, logvar

# wrong: "do not clamp z", "its variance must be exp(logvar)" - z is clamped
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        z = reparameterize(mu, logvar).clamp(-1, 1)
        return self.decode(z), mu, logvar

# wrong: "never learn" - the first layers are cut off
class VAE(Base):
    def encode(self, x):
        mu, logvar = super().encode(x)
        h = F.relu(self.trunk(x.flatten(1))).detach()
        return mu + self.more(h), logvar

    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.trunk, self.more = nn.Linear(784, 50), nn.Linear(50, latent_dim)

# wrong: "belongs into forward" - encode draws in train mode
class VAE(Base):
    def encode(self, x):
        mu, logvar = super().encode(x)
        return (reparameterize(mu, logvar) if self.training else mu), logvar

# right: sigma comes first, and logvar from it
class VAE(Base):
    def posterior(self, x):
        h = self.enc(x)
        return Normal(self.to_mu(h), F.softplus(self.to_logvar(h)))

    def encode(self, x):
        q = self.posterior(x)
        return q.mean, q.variance.log()

    def forward(self, x):
        q = self.posterior(x)
        return self.decode(q.rsample()), q.mean, q.variance.log()

# right: a covariance matrix with logvar on its diagonal, from one head of 2Z
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.to_both = nn.Linear(100, 2 * latent_dim)

    def posterior(self, x):
        mu, log_sigma = self.to_both(self.enc(x)).chunk(2, dim=1)
        return MultivariateNormal(mu, scale_tril=torch.diag_embed(log_sigma.exp()))

    def encode(self, x):
        q = self.posterior(x)
        return q.mean, q.variance.log()

    def forward(self, x):
        q = self.posterior(x)
        return self.decode(q.rsample()), q.mean, q.variance.log()

# wrong: "No gradient reaches logvar" - sigma comes first, and is cut
class VAE(Base):
    def statistics(self, x):
        h = self.enc(x)
        return self.to_mu(h), F.softplus(self.to_logvar(h))

    def encode(self, x):
        mu, sigma = self.statistics(x)
        return mu, 2 * sigma.log()

    def forward(self, x):
        mu, sigma = self.statistics(x)
        return self.decode(mu + sigma.detach() * torch.randn_like(mu)), mu, 2 * sigma.log()
