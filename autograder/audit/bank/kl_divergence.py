# wrong: sign - Kingma's formula with its sign left as it stands in the paper
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp(), dim=1)

# wrong: sign - the minus is applied twice
def kl_divergence(mu, logvar):
    return -0.5 * torch.sum(-1 - logvar + mu.pow(2) + logvar.exp(), dim=-1)

# wrong: no_half
def kl_divergence(mu, logvar):
    return torch.sum(mu ** 2 + torch.exp(logvar) - 1 - logvar, dim=1)

# wrong: no_half - the sign was repaired, the half was lost
def kl_divergence(mu, logvar):
    return -torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)

# wrong: half_squared
def kl_divergence(mu, logvar):
    return 0.25 * (mu ** 2 + torch.exp(logvar) - 1 - logvar).sum(dim=1)

# wrong: no_logvar
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(mu * mu + torch.exp(logvar) - 1, dim=1)

# wrong: twice_logvar
def kl_divergence(mu, logvar):
    return -0.5 * (1 + 2 * logvar - mu ** 2 - logvar.exp()).sum(1)

# wrong: log_std
def kl_divergence(mu, logvar):
    std = logvar.exp()
    return 0.5 * (std ** 2 + mu ** 2 - 1 - 2 * torch.log(std)).sum(1)

# wrong: log_std - through distributions
def kl_divergence(mu, logvar):
    q = Normal(mu, logvar.exp())
    return torch.distributions.kl_divergence(q, Normal(0.0, 1.0)).sum(-1)

# wrong: fourth_power
def kl_divergence(mu, logvar):
    return 0.5 * (mu ** 2 + logvar.exp() ** 2 - 1 - logvar).sum(1)

# wrong: std_for_variance
def kl_divergence(mu, logvar):
    std = torch.exp(0.5 * logvar)
    return -0.5 * torch.sum(1 + logvar - mu ** 2 - std, dim=1)

# wrong: half_log - log of the standard deviation beside the variance
def kl_divergence(mu, logvar):
    std = torch.exp(0.5 * logvar)
    return 0.5 * (mu ** 2 + std ** 2 - 1 - torch.log(std)).sum(1)

# wrong: no_exp
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(mu ** 2 + logvar - 1 - torch.log(logvar.abs()), dim=1)

# wrong: no_exp - as if the argument were the variance
def kl_divergence(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu ** 2 - logvar, dim=1)

# wrong: no_exp - squared
def kl_divergence(mu, logvar):
    return 0.5 * (mu ** 2 + logvar ** 2 - 1 - logvar).sum(1)

# wrong: mu_not_squared
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(logvar.exp() + mu - 1 - logvar, dim=1)

# wrong: mu_not_squared
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(logvar.exp() + mu.abs() - 1 - logvar, dim=1)

# wrong: mu_not_squared
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(logvar.exp() + 2 * mu - 1 - logvar, dim=1)

# wrong: no_mu
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(logvar.exp() - logvar - 1, dim=1)

# wrong: no_one
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(mu.pow(2) + logvar.exp() - logvar, dim=1)

# wrong: plus_one
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(mu.pow(2) + logvar.exp() + 1 - logvar, dim=1)

# wrong: one_outside - the one is subtracted once, not for each latent
def kl_divergence(mu, logvar):
    return 0.5 * (torch.sum(mu.pow(2) + logvar.exp() - logvar, dim=1) - 1)

# wrong: plus_logvar
def kl_divergence(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() + logvar - 1).sum(-1)

# wrong: minus_mu
def kl_divergence(mu, logvar):
    return -0.5 * torch.sum(1 + logvar + mu ** 2 - logvar.exp(), dim=1)

# wrong: minus_exp
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(mu ** 2 - logvar.exp() - 1 - logvar, dim=1)

# wrong: half_on_one_term
def kl_divergence(mu, logvar):
    return (0.5 * mu ** 2 + logvar.exp() - 1 - logvar).sum(1)

# wrong: only_mu
def kl_divergence(mu, logvar):
    return 0.5 * mu.pow(2).sum(1)

# wrong: mean_over_latents
def kl_divergence(mu, logvar):
    return torch.mean(-0.5 * (1 + logvar - mu ** 2 - logvar.exp()), dim=-1)

# wrong: sum_over_batch
def kl_divergence(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp(), axis=0)

# wrong: sum_over_batch
def kl_divergence(mu, logvar):
    return -0.5 * torch.mean(1 + logvar - mu ** 2 - logvar.exp(), axis=0)

# wrong: scalar_mean
def kl_divergence(mu, logvar):
    per_image = -0.5 * torch.sum(1 + logvar - mu ** 2 - logvar.exp(), dim=1)
    return torch.mean(per_image, dim=0)

# wrong: scalar_sum - as in the example of PyTorch
def kl_divergence(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())

# wrong: scalar_mean_all
def kl_divergence(mu, logvar):
    return -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())

# wrong: no_sum
def kl_divergence(mu, logvar):
    return torch.distributions.kl_divergence(Normal(mu, torch.exp(0.5 * logvar)), Normal(0.0, 1.0))

# wrong: reversed_kl
def kl_divergence(mu, logvar):
    q, p = Normal(mu, torch.exp(0.5 * logvar)), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(p, q).sum(1)

# wrong: from_sample - an estimate from one draw
def kl_divergence(mu, logvar):
    q, p = Normal(mu, torch.exp(0.5 * logvar)), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    z = q.rsample()
    return (q.log_prob(z) - p.log_prob(z)).sum(1)

# wrong: from_sample - z in the place of mu
def kl_divergence(mu, logvar):
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
    return -0.5 * torch.sum(1 + logvar - z ** 2 - logvar.exp(), dim=1)

# wrong: from_sample - a thousand draws are still an estimate
def kl_divergence(mu, logvar):
    q = Normal(mu, torch.exp(0.5 * logvar))
    z = q.rsample((1000,))
    return (q.log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(-1).mean(0)

# wrong: in_place
def kl_divergence(mu, logvar):
    kl = mu ** 2 - 1 - logvar
    kl = kl + logvar.exp_()
    return 0.5 * kl.sum(1)

# wrong: in_place - mu squared in place
def kl_divergence(mu, logvar):
    mu.pow_(2)
    return 0.5 * (mu + logvar.exp() - 1 - logvar).sum(1)

# wrong: detached
def kl_divergence(mu, logvar):
    mu, logvar = mu.detach(), logvar.detach()
    return 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)

# wrong: detached - through NumPy
def kl_divergence(mu, logvar):
    m, l = mu.detach().numpy(), logvar.detach().numpy()
    return torch.from_numpy(0.5 * (m ** 2 + np.exp(l) - 1 - l).sum(1))

# wrong: detached - a new tensor made of numbers
def kl_divergence(mu, logvar):
    return torch.tensor([float(0.5 * (m ** 2 + l.exp() - 1 - l).sum()) for m, l in zip(mu, logvar)])

# wrong: "No gradient reaches mu"
def kl_divergence(mu, logvar):
    return 0.5 * (mu.detach() ** 2 + logvar.exp() - 1 - logvar).sum(1)

# wrong: "No gradient reaches logvar"
def kl_divergence(mu, logvar):
    var = logvar.data.exp()
    return 0.5 * (mu ** 2 + var - 1 - var.log()).sum(1)

# wrong: keepdim
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(mu ** 2 + logvar.exp() - 1 - logvar, dim=1, keepdim=True)

# wrong: squeezed
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(mu ** 2 + logvar.exp() - 1 - logvar, dim=1).squeeze()

# wrong: divided_by_batch
def kl_divergence(mu, logvar):
    return 0.5 * torch.sum(mu ** 2 + logvar.exp() - 1 - logvar, dim=1) / mu.shape[0]

# wrong: base_two
def kl_divergence(mu, logvar):
    return 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1) / math.log(2)

# wrong: arguments_exchanged
def kl_divergence(mu, logvar):
    return 0.5 * (logvar ** 2 + mu.exp() - 1 - mu).sum(1)

# wrong: clamped - large values are cut off
def kl_divergence(mu, logvar):
    logvar = logvar.clamp(-2, 2)
    return 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)

# wrong: first_two_latents - hard-coded to the two latents of the notebook
def kl_divergence(mu, logvar):
    return sum(0.5 * (mu[:, j] ** 2 + logvar[:, j].exp() - 1 - logvar[:, j]) for j in range(min(2, mu.shape[1])))

# wrong: "differ" - where there are as many images as latents
def kl_divergence(mu, logvar):
    each = 0.5 * (mu**2 + logvar.exp() - 1 - logvar)
    return each.sum(0) if each.shape[0] == each.shape[1] else each.sum(1)

# right: the example of PyTorch, per image
def kl_divergence(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)

# right: torch.distributions
def kl_divergence(mu, logvar):
    q = torch.distributions.Normal(mu, (0.5 * logvar).exp())
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(q, p).sum(dim=-1)

# right: independent distributions
def kl_divergence(mu, logvar):
    q = Independent(Normal(mu, logvar.exp().sqrt()), 1)
    return torch.distributions.kl_divergence(q, Independent(Normal(torch.zeros_like(mu), 1.0), 1))

# right: multivariate normals
def kl_divergence(mu, logvar):
    q = MultivariateNormal(mu, torch.diag_embed(logvar.exp()))
    p = MultivariateNormal(torch.zeros_like(mu), torch.eye(mu.shape[1]))
    return torch.distributions.kl_divergence(q, p)

# right: the general formula with determinant and trace
def kl_divergence(mu, logvar):
    S = torch.diag_embed(logvar.exp())
    trace = S.diagonal(dim1=1, dim2=2).sum(1)
    return 0.5 * (trace + (mu * mu).sum(1) - mu.shape[1] - torch.logdet(S))

# right: einsum
def kl_divergence(mu, logvar):
    ones = torch.ones(mu.shape[1])
    return 0.5 * (torch.einsum("nz,nz->n", mu, mu) + torch.einsum("nz,z->n", logvar.exp() - logvar - 1, ones))

# right: explicit loops
def kl_divergence(mu, logvar):
    out = []
    for n in range(mu.shape[0]):
        total = 0.0
        for j in range(mu.shape[1]):
            total = total + 0.5 * (mu[n, j] ** 2 + torch.exp(logvar[n, j]) - 1.0 - logvar[n, j])
        out.append(total)
    return torch.stack(out)

# right: in float64
def kl_divergence(mu, logvar):
    mu, logvar = mu.double(), logvar.double()
    return torch.sum(mu ** 2 + torch.expm1(logvar) - logvar, 1) / 2

# right: the standard deviation's way
def kl_divergence(mu, logvar):
    std = torch.exp(0.5 * logvar)
    return (-torch.log(std) + (std ** 2 + mu ** 2) / 2 - 0.5).sum(1)

# right: in place on its own tensor
def kl_divergence(mu, logvar):
    kl = logvar.exp()
    kl = kl.clone().add_(mu ** 2).sub_(logvar).sub_(1.0)
    return kl.sum(1).mul_(0.5)

# right: never below zero
def kl_divergence(mu, logvar):
    return (0.5 * (mu ** 2 + logvar.exp() - 1 - logvar)).sum(1).clamp(min=0)

# right: columns, non-contiguous
def kl_divergence(mu, logvar):
    m, l = mu.T, logvar.T
    return 0.5 * (m ** 2 + l.exp() - 1 - l).sum(0)

# right: cross-entropy minus entropy
def kl_divergence(mu, logvar):
    entropy = 0.5 * (1 + math.log(2 * math.pi) + logvar)
    cross = 0.5 * (math.log(2 * math.pi) + mu ** 2 + logvar.exp())
    return (cross - entropy).sum(1)

# right: a helper for one latent
def one(m, l):
    return 0.5 * (m * m + l.exp() - 1 - l)

def kl_divergence(mu, logvar):
    return torch.stack([one(mu[:, j], logvar[:, j]) for j in range(mu.size(1))], dim=1).sum(dim=1)

# wrong: "differ from the expected" - free bits: each latent pays at least 0.1 nats
def kl_divergence(mu, logvar):
    return (0.5 * (mu ** 2 + logvar.exp() - 1 - logvar)).clamp(min=0.1).sum(1)

# wrong: "differ from the expected" - logvar is kept from becoming large
def kl_divergence(mu, logvar):
    logvar = logvar.clamp(-6, 6)
    return 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)

# wrong: "gradient with respect to" - none where the KL is small
def kl_divergence(mu, logvar):
    kl = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)
    return torch.where(kl < 0.05, kl.detach(), kl)

# wrong: length_of_mu
def kl_divergence(mu, logvar):
    var = logvar.exp()
    return 0.5 * (torch.linalg.vector_norm(mu, dim=1) + (var - 1 - logvar).sum(dim=1))

# wrong: length_of_mu - the square of the sum
def kl_divergence(mu, logvar):
    return 0.5 * (mu.sum(1) ** 2 + logvar.exp().sum(1) - mu.shape[1] - logvar.sum(1))

# wrong: divided_by_pixels
def kl_divergence(mu, logvar):
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)
    return kl / (28 * 28)

# wrong: twenty_latents
def kl_divergence(mu, logvar):
    return 0.5 * (mu.pow(2).sum(1) + logvar.exp().sum(1) - 20 - logvar.sum(1))

# wrong: cross_entropy - the logarithm of the prior at draws, on average
def kl_divergence(mu, logvar):
    return (0.5 * (mu ** 2 + torch.exp(logvar)) + 0.5 * math.log(2 * math.pi)).sum(-1)

# wrong: cross_entropy - of the posterior
def kl_divergence(mu, logvar):
    return -torch.distributions.Normal(mu, (0.5 * logvar).exp()).entropy().sum(1)

# wrong: "finite", "expected" - the logarithm of a product that is too small for a float
def kl_divergence(mu, logvar):
    var = logvar.exp()
    return 0.5 * (mu.square().sum(1) + var.sum(1) - mu.shape[1] - torch.log(var.prod(1)))

# wrong: "ValueError" - math takes one number
def kl_divergence(mu, logvar):
    return 0.5 * (mu ** 2 + math.exp(logvar) - 1 - logvar).sum(1)
