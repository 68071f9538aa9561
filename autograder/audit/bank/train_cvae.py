class Base(nn.Module):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.enc = nn.Sequential(nn.Linear(784 + num_classes, 200), nn.ReLU())
        self.to_mu, self.to_logvar = nn.Linear(200, latent_dim), nn.Linear(200, latent_dim)
        self.dec = nn.Sequential(nn.Linear(latent_dim + num_classes, 200), nn.ReLU(), nn.Linear(200, 784))

    def encode(self, x, y):
        h = self.enc(condition(x.flatten(1), one_hot(y, self.num_classes)))
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z, y):
        return self.dec(condition(z, one_hot(y, self.num_classes))).reshape(-1, 1, 28, 28)

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y), mu, logvar


# wrong: "digits" - the decoder is deaf
class CVAE(Base):
    def decode(self, z, y):
        return super().decode(z, torch.zeros_like(y))

# wrong: "digits" - the labels are shuffled in training
class CVAE(Base):
    def forward(self, x, y):
        return super().forward(x, y[torch.randperm(len(y))])

# wrong: "ELBO" - the decoder is not trained
class CVAE(Base):
    def decode(self, z, y):
        return super().decode(z, y).detach() + 0 * z.sum()

# right: 794-200-Z
CVAE = Base

# right: the label through an embedding
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.code = nn.Embedding(num_classes, num_classes)

    def encode(self, x, y):
        h = self.enc(torch.cat([x.flatten(1), self.code(y)], dim=1))
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z, y):
        return self.dec(torch.cat([z, self.code(y)], dim=1)).reshape(-1, 1, 28, 28)

# right: the label as a bias that starts at 0
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.image, self.style = nn.Linear(784, 200), nn.Linear(latent_dim, 200)
        self.shift, self.back = (nn.Parameter(torch.zeros(num_classes, 200)) for _ in range(2))
        self.mu, self.logvar, self.out = nn.Linear(200, latent_dim), nn.Linear(200, latent_dim), nn.Linear(200, 784)

    def encode(self, x, y):
        h = F.elu(self.image(x.flatten(1)) + self.shift[y])
        return self.mu(h), self.logvar(h)

    def decode(self, z, y):
        return self.out(F.elu(self.style(z) + self.back[y])).reshape(-1, 1, 28, 28)

# right: no hidden layer behind z
class CVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes)
        self.dec = nn.Linear(latent_dim + num_classes, 784)

# wrong: "does not use z" - one picture for each digit
class CVAE(Base):
    def decode(self, z, y):
        return super().decode(0 * z, y)

# wrong: "does not use z" - any z will do
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(torch.randn_like(mu), y), mu, logvar

# wrong: "other codes" - an autoencoder that reports no KL
class CVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(mu, y), 0 * mu.detach(), 0 * logvar.detach()
