class Base(nn.Module):
    def __init__(self, latent_dim=20):
        super().__init__()
        self.latent_dim = latent_dim
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.ReLU())
        self.to_mu, self.to_logvar = nn.Linear(200, latent_dim), nn.Linear(200, latent_dim)
        self.dec = nn.Sequential(nn.Linear(latent_dim, 200), nn.ReLU(), nn.Linear(200, 784))

    def encode(self, x):
        h = self.enc(x)
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z):
        return self.dec(z).reshape(-1, 1, 28, 28)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar)), mu, logvar


# wrong: "wrong sign" - the KL is subtracted
VAE = Base

def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) - beta * kl_divergence(mu, logvar)).mean()

# wrong: "ELBO" - the mean over the pixels: the KL wins
VAE = Base

def vae_loss(logits, x, mu, logvar, beta=1.0):
    return F.binary_cross_entropy_with_logits(logits, x) + beta * kl_divergence(mu, logvar).mean()

# wrong: "counts too little" - the KL counts a twentieth
VAE = Base

def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + 0.05 * beta * kl_divergence(mu, logvar)).mean()

# wrong: "counts too little" - no KL
VAE = Base

def vae_loss(logits, x, mu, logvar, beta=1.0):
    return reconstruction_loss(logits, x).mean()

# wrong: "ELBO" - the decoder is not trained
class VAE(Base):
    def decode(self, z):
        return super().decode(z).detach() + 0 * z.sum()

# wrong: "ELBO", "prior" - z has nothing to do with the image
class VAE(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(torch.randn_like(mu)), mu, logvar

# right: 784-200-Z
VAE = Base

# right: convolutional
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.enc = nn.Sequential(nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(),
                                 nn.Flatten(), nn.Linear(1568, 200), nn.ReLU())
        self.dec = nn.Sequential(nn.Linear(latent_dim, 1568), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)),
                                 nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1))

# right: two hidden layers with sigmoids, which learn slowly at first
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.enc = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.Sigmoid(), nn.Linear(400, 200), nn.Sigmoid())
        self.dec = nn.Sequential(nn.Linear(latent_dim, 200), nn.Sigmoid(), nn.Linear(200, 400), nn.Sigmoid(),
                                 nn.Linear(400, 784))

# right: no hidden layer behind z
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.dec = nn.Linear(latent_dim, 784)

# right: no hidden layer at all
class VAE(Base):
    def __init__(self, latent_dim=20):
        super().__init__(latent_dim)
        self.enc = nn.Flatten()
        self.to_mu, self.to_logvar = nn.Linear(784, latent_dim), nn.Linear(784, latent_dim)
        self.dec = nn.Linear(latent_dim, 784)

# wrong: "counts too little" - the mean over the latents
VAE = Base

def vae_loss(logits, x, mu, logvar, beta=1.0):
    kl = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).mean(1)
    return (reconstruction_loss(logits, x) + beta * kl).mean()
