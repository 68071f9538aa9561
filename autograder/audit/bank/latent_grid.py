# wrong: even_z
def latent_grid(n):
    z = torch.linspace(-3, 3, n)
    a, b = torch.meshgrid(z, z, indexing="ij")
    return torch.stack([a.flatten(), b.flatten()], dim=1)

# wrong: even_z - another range
def latent_grid(n):
    z = torch.linspace(-2, 2, n)
    return torch.cartesian_prod(z, z)

# wrong: even_z - the range of the 1 % quantiles
def latent_grid(n):
    edge = Normal(0.0, 1.0).icdf(torch.tensor(0.99)).item()
    z = torch.linspace(-edge, edge, n)
    return torch.cartesian_prod(z, z)

# wrong: infinite
def latent_grid(n):
    z = torch.erfinv(2 * torch.linspace(0, 1, n) - 1) * 2 ** 0.5
    return torch.cartesian_prod(z, z)

# wrong: from_zero
def latent_grid(n):
    p = torch.arange(0, n) / n
    z = torch.special.ndtri(p)
    return torch.cartesian_prod(z, z)

# wrong: infinite, from_zero - the last quantile is 1
def latent_grid(n):
    z = torch.special.ndtri(torch.arange(1, n + 1) / n)
    return torch.cartesian_prod(z, z)

# wrong: clamped_ends
def latent_grid(n):
    p = torch.linspace(0, 1, n).clamp(0.01, 0.99)
    z = torch.special.ndtri(p)
    return torch.cartesian_prod(z, z)

# wrong: probabilities
def latent_grid(n):
    p = torch.linspace(0.05, 0.95, n)
    return torch.cartesian_prod(p, p)

# wrong: forward_cdf
def latent_grid(n):
    z = Normal(0, 1).cdf(torch.linspace(-3, 3, n))
    return torch.cartesian_prod(z, z)

# wrong: scrambled
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    a, b = torch.meshgrid(z, z, indexing="xy")
    return torch.stack([a, b]).view(-1, 2)

# wrong: scrambled - transposed the wrong way
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    pairs = torch.cartesian_prod(z, z)
    return pairs.T.reshape(n * n, 2)

# wrong: diagonal
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.stack([z, z]).T

# wrong: both_repeat, diagonal
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.stack([z.repeat_interleave(n), z.repeat_interleave(n)], dim=1)

# wrong: both_repeat, scrambled - one of them backwards
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.stack([z.repeat(n), z.flip(0).repeat(n)], dim=1)

# wrong: grid_shaped
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.stack(torch.meshgrid(z, z, indexing="xy"), -1)

# wrong: "Your result has shape (2,"
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.cartesian_prod(z, z).T

# wrong: random_points
def latent_grid(n):
    return torch.randn(n ** 2, 2)

# wrong: "evenly spaced", "one side" - random quantiles
def latent_grid(n):
    z = torch.randn(n).sort().values
    return torch.cartesian_prod(z, z)

# wrong: "it should be"
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.cartesian_prod(z, z, z)

# wrong: "a tuple of 2"
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.meshgrid(z, z, indexing="ij")

# wrong: "evenly spaced" - logit is the inverse of the logistic function
def latent_grid(n):
    z = torch.logit(torch.linspace(0.05, 0.95, n))
    return torch.cartesian_prod(z, z)

# wrong: "evenly spaced" - erfinv without its scale
def latent_grid(n):
    z = torch.erfinv(2 * torch.linspace(0.05, 0.95, n) - 1)
    return torch.cartesian_prod(z, z)

# wrong: even_z - standardised afterwards
def latent_grid(n):
    z = torch.linspace(-1, 1, n)
    z = (z - z.mean()) / z.std()
    return torch.cartesian_prod(z, z)

# wrong: "(400, 2)"
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, 20))
    return torch.cartesian_prod(z, z)

# wrong: "different quantiles", even_z
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.cartesian_prod(z, torch.linspace(-2, 2, n))

# wrong: "NumPy"
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.cartesian_prod(z, z).numpy()

# wrong: "int64"
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.cartesian_prod(z, z).long()

# wrong: scrambled, "evenly spaced"
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    z[1] = z[0]
    return torch.cartesian_prod(z, z)

# wrong: "cover 2% of the Gaussian"
def latent_grid(n):
    z = Normal(0.0, 1.0).icdf(torch.linspace(0.49, 0.51, n))
    return torch.cartesian_prod(z, z)

# right: from 5 to 95 per cent
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.05, 0.95, n))
    return torch.stack(torch.meshgrid(z, z, indexing="ij"), dim=-1).reshape(-1, 2)

# right: linspace inside
def latent_grid(n):
    z = Normal(0, 1).icdf(torch.linspace(0.05, 0.95, n))
    return torch.cartesian_prod(z, z)

# right: i / (n + 1), the first axis fastest
def latent_grid(n):
    p = torch.arange(1, n + 1) / (n + 1)
    z = torch.distributions.Normal(torch.tensor(0.0), torch.tensor(1.0)).icdf(p)
    return torch.stack([z.repeat(n), z.repeat_interleave(n)], dim=1)

# right: meshgrid, from top to bottom
def latent_grid(n):
    z = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    y, x = torch.meshgrid(z.flip(0), z, indexing="ij")
    return torch.stack([x.ravel(), y.ravel()], dim=-1).float()

# right: loops
def latent_grid(n):
    q = [torch.erfinv(torch.tensor(2 * (i + 0.5) / n - 1)).item() * math.sqrt(2) for i in range(n)]
    return torch.tensor([[a, b] for a in q for b in q])

# right: the standard library, in float64
def latent_grid(n):
    from statistics import NormalDist
    q = torch.tensor([NormalDist().inv_cdf(p) for p in np.linspace(0.01, 0.99, n)], dtype=torch.float64)
    return torch.cartesian_prod(q, q)

# right: narrow quantiles
def latent_grid(n):
    z = torch.special.ndtri(torch.linspace(0.2, 0.8, n))
    return torch.stack(torch.meshgrid(z, z, indexing="xy"), dim=-1).reshape(-1, 2)

# right: nearly to the ends
def latent_grid(n):
    z = Normal(0.0, 1.0).icdf(torch.linspace(1e-3, 1 - 1e-3, n))
    return torch.cartesian_prod(z, z)

# right: ends left out
def latent_grid(n):
    p = torch.linspace(0, 1, n + 2)[1:-1]
    z = torch.special.ndtri(p)
    return torch.column_stack([z.unsqueeze(1).expand(n, n).reshape(-1), z.expand(n, n).reshape(-1)])

# wrong: "one side" - the lower half of the normal
def latent_grid(n):
    z = torch.distributions.Normal(0.0, 1.0).icdf(torch.linspace(0.01, 0.5, n))
    return torch.cartesian_prod(z, z)

# right: from 1 % to 99 %
def latent_grid(n):
    z = torch.distributions.Normal(0.0, 1.0).icdf(torch.linspace(0.01, 0.99, n))
    return torch.cartesian_prod(z, z)

# wrong: clamped_ends - just inside
def latent_grid(n):
    z = Normal(0.0, 1.0).icdf(torch.linspace(0, 1, n).clamp(1e-3, 1 - 1e-3))
    return torch.cartesian_prod(z, z)

# wrong: fractional_step
def latent_grid(n):
    z = Normal(0.0, 1.0).icdf(torch.arange(1 / (n + 1), 1, 1 / (n + 1)))
    return torch.cartesian_prod(z, z)

# wrong: density
def latent_grid(n):
    p = torch.arange(1, n + 1) / (n + 1)
    z = Normal(0.0, 1.0).log_prob(p).exp()
    return torch.cartesian_prod(z, z)

# wrong: density - by hand
def latent_grid(n):
    p = torch.linspace(0.05, 0.95, n)
    z = torch.exp(-0.5 * p ** 2) / math.sqrt(2 * math.pi)
    return torch.cartesian_prod(z, z)

# wrong: forward_cdf - of the probabilities
def latent_grid(n):
    z = Normal(0.0, 1.0).cdf(torch.linspace(0.05, 0.95, n))
    return torch.cartesian_prod(z, z)

# wrong: "one side" - the upper half of the normal
def latent_grid(n):
    z = Normal(0.0, 1.0).icdf(torch.linspace(0.5, 0.99, n))
    return torch.cartesian_prod(z, z)
