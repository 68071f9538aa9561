class Base(nn.Module):
    """A plain right model, from which the wrong ones below differ in one place."""

    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.table = nn.Embedding(num_classes, embedding_dim)
        self.enc = nn.Sequential(nn.Linear(784 + embedding_dim, 100), nn.ReLU())
        self.to_mu, self.to_logvar = nn.Linear(100, latent_dim), nn.Linear(100, latent_dim)
        self.dec = nn.Sequential(nn.Linear(latent_dim + embedding_dim, 100), nn.ReLU(), nn.Linear(100, 784))

    def encode(self, x, y):
        h = self.enc(torch.cat([x.flatten(1), self.table(y)], dim=1))
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z, y):
        return self.dec(torch.cat([z, self.table(y)], dim=1)).reshape(-1, 1, 28, 28)

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y), mu, logvar


# wrong: one_hot_again
class EmbeddingCVAE(nn.Module):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.enc = nn.Sequential(nn.Linear(784 + num_classes, 100), nn.ReLU(), nn.Linear(100, 2 * latent_dim))
        self.dec = nn.Sequential(nn.Linear(latent_dim + num_classes, 100), nn.ReLU(), nn.Linear(100, 784))

    def encode(self, x, y):
        return self.enc(torch.cat([x.flatten(1), F.one_hot(y, self.num_classes)], 1)).chunk(2, 1)

    def decode(self, z, y):
        return self.dec(torch.cat([z, F.one_hot(y, self.num_classes)], 1)).view(-1, 1, 28, 28)

    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample(), y), mu, logvar

# wrong: "does not use it" - made, but the one-hot is used
class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, num_classes)

    def encode(self, x, y):
        h = self.enc(torch.cat([x.flatten(1), F.one_hot(y, self.num_classes)], dim=1))
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z, y):
        return self.dec(torch.cat([z, F.one_hot(y, self.num_classes)], dim=1)).reshape(-1, 1, 28, 28)

# wrong: "does not use it" - in the decoder the one-hot is left
class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, num_classes)

    def decode(self, z, y):
        return self.dec(torch.cat([z, F.one_hot(y, self.num_classes)], dim=1)).reshape(-1, 1, 28, 28)

# wrong: encoder_ignores_label
class EmbeddingCVAE(Base):
    def encode(self, x, y):
        h = self.enc(torch.cat([x.flatten(1), torch.zeros(len(x), self.table.embedding_dim)], dim=1))
        return self.to_mu(h), self.to_logvar(h)

# wrong: decoder_ignores_label
class EmbeddingCVAE(Base):
    def decode(self, z, y):
        return self.dec(torch.cat([z, 0 * self.table(y)], dim=1)).reshape(-1, 1, 28, 28)

# wrong: embedding_in_forward, "layers made in __init__"
class EmbeddingCVAE(Base):
    def decode(self, z, y):
        code = nn.Embedding(self.num_classes, self.table.embedding_dim)(y)
        return self.dec(torch.cat([z, code], dim=1)).reshape(-1, 1, 28, 28)

# wrong: decodes_mu
class EmbeddingCVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(mu, y), mu, logvar

# wrong: first_label
class EmbeddingCVAE(Base):
    def encode(self, x, y):
        return super().encode(x, y[0].expand(len(y)))

    def decode(self, z, y):
        return super().decode(z, y[0].expand(len(y)))

# wrong: "decodes mu", "give the same pictures"
class EmbeddingCVAE(Base):
    def forward(self, x, y):
        mu, logvar = self.encode(x, y)
        return self.decode(posterior(mu, logvar).rsample() if self.training else mu, y), mu, logvar

# wrong: "index out of range"
class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, 10, embedding_dim)

# wrong: encoder_ignores_label - the images are looked up, not the labels
class EmbeddingCVAE(Base):
    def encode(self, x, y):
        return super().encode(x, x.flatten(1).sum(1).long() % self.num_classes)

# wrong: "without the sigmoid"
class EmbeddingCVAE(Base):
    def decode(self, z, y):
        return super().decode(z, y).sigmoid()

# right: two tables
class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, embedding_dim)
        self.decoder_table = nn.Embedding(num_classes, embedding_dim)

    def decode(self, z, y):
        return self.dec(torch.cat([z, self.decoder_table(y)], dim=1)).reshape(-1, 1, 28, 28)

# right: added to the features
class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, 100)
        self.first, self.second, self.out = nn.Linear(784, 100), nn.Linear(latent_dim, 100), nn.Linear(100, 784)

    def encode(self, x, y):
        h = torch.relu(self.first(x.flatten(1)) + self.table(y))
        return self.to_mu(h), self.to_logvar(h)

    def decode(self, z, y):
        return self.out(torch.tanh(self.second(z) + self.table(y))).view(-1, 1, 28, 28)

# right: a subclass of Embedding inside a Sequential
class LabelCode(nn.Embedding):
    pass

class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, embedding_dim)
        self.table = nn.Sequential(LabelCode(num_classes, 4), nn.Linear(4, embedding_dim), nn.ReLU())

# right: a plane beside the image, convolutional
class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, embedding_dim)
        self.plane = nn.Embedding(num_classes, 784)
        self.conv = nn.Sequential(nn.Conv2d(2, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(),
                                  nn.Flatten(), nn.Linear(392, 100), nn.ReLU())

    def encode(self, x, y):
        h = self.conv(torch.cat([x, self.plane(y).view(-1, 1, 28, 28)], dim=1))
        return self.to_mu(h), self.to_logvar(h)

# right: the table starts at 0
class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, embedding_dim)
        nn.init.zeros_(self.table.weight)

# wrong: "does not use it" - a one-hot, and an embedding for show
class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, num_classes)
        del self.table
        self.table, self.show = lambda y: F.one_hot(y, num_classes).float(), nn.Embedding(num_classes, 1)

    def encode(self, x, y):
        mu, logvar = super().encode(x, y)
        return mu + 1e-6 * self.show(y), logvar

    def decode(self, z, y):
        return super().decode(z, y) + 1e-6 * self.show(y).view(-1, 1, 1, 1)

# wrong: ignores_z
class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10, embedding_dim=8):
        super().__init__(latent_dim, num_classes, embedding_dim)
        self.dec = nn.Linear(embedding_dim, 784)

    def decode(self, z, y):
        return self.dec(self.table(y)).view(-1, 1, 28, 28)

# wrong: "embedding_dim" - there is no such argument
class EmbeddingCVAE(Base):
    def __init__(self, latent_dim=20, num_classes=10):
        super().__init__(latent_dim, num_classes, 8)

# wrong: "from decode" - detached in decode
class EmbeddingCVAE(Base):
    def decode(self, z, y):
        return self.dec(torch.cat([z, self.table(y).detach()], dim=1)).reshape(-1, 1, 28, 28)

# right: sigma comes first, and logvar from it
class EmbeddingCVAE(Base):
    def statistics(self, x, y):
        h = self.enc(torch.cat([x.flatten(1), self.table(y)], dim=1))
        return self.to_mu(h), F.softplus(self.to_logvar(h))

    def encode(self, x, y):
        mu, sigma = self.statistics(x, y)
        return mu, 2 * sigma.log()

    def forward(self, x, y):
        mu, sigma = self.statistics(x, y)
        return self.decode(mu + sigma * torch.randn_like(mu), y), mu, 2 * sigma.log()
