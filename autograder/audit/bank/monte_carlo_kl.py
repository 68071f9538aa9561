# wrong: sign - log p - log q
def monte_carlo_kl(mu, logvar, n_samples):
    q = posterior(mu, logvar)
    z = q.rsample((n_samples,))
    log_ratio = Normal(0, 1).log_prob(z) - q.log_prob(z)
    return log_ratio.sum(dim=2).mean(dim=0)

# wrong: from_prior
def monte_carlo_kl(mu, logvar, n_samples):
    z = torch.randn((n_samples,) + tuple(mu.shape))
    log_q = posterior(mu, logvar).log_prob(z).sum(2)
    log_p = Normal(0, 1).log_prob(z).sum(2)
    return torch.mean(log_q - log_p, 0)

# wrong: variance_for_std
def monte_carlo_kl(mu, logvar, n_samples):
    sigma = torch.exp(logvar)
    z = mu + sigma * torch.randn(n_samples, *mu.shape)
    log_q = -0.5 * ((z - mu) / sigma) ** 2 - torch.log(sigma)
    return (log_q + 0.5 * z ** 2).sum(-1).mean(0)

# wrong: closed_form
def monte_carlo_kl(mu, logvar, n_samples):
    return torch.distributions.kl_divergence(posterior(mu, logvar), Normal(0, 1)).sum(dim=1)

# wrong: no_prior
def monte_carlo_kl(mu, logvar, n_samples):
    q = posterior(mu, logvar)
    return torch.stack([q.log_prob(q.sample()).sum(1) for _ in range(n_samples)]).mean(0)

# wrong: sum_over_draws
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    total = torch.zeros(len(mu))
    for _ in range(n_samples):
        z = q.sample()
        total = total + (q.log_prob(z) - p.log_prob(z)).sum(1)
    return total

# wrong: mean_over_latents
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.sample((n_samples,))
    return (q.log_prob(z) - p.log_prob(z)).mean(dim=(0, 2))

# wrong: scalar
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.sample((n_samples,))
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean()

# wrong: one_sample
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.sample()
    kl = (q.log_prob(z) - p.log_prob(z)).sum(-1)
    return sum([kl] * n_samples) / n_samples

# wrong: one_noise_for_batch
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    kl = 0
    for _ in range(n_samples):
        eps = torch.randn(mu.shape[-1])
        z = mu + torch.exp(logvar / 2) * eps
        kl += (q.log_prob(z) - p.log_prob(z)).sum(-1)
    return kl / n_samples

# wrong: no_noise
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.mean.repeat(n_samples, 1, 1)
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean(0)

# wrong: no_log_sigma
def monte_carlo_kl(mu, logvar, n_samples):
    eps = torch.randn(n_samples, *mu.shape)
    z = mu + torch.exp(0.5 * logvar) * eps
    return (0.5 * z ** 2 - 0.5 * eps ** 2).sum(-1).mean(0)

# wrong: seeded
def monte_carlo_kl(mu, logvar, n_samples):
    torch.manual_seed(42)
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.sample((n_samples,))
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean(0)

# wrong: uniform
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = mu + q.stddev * torch.rand(n_samples, *mu.shape)
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean(0)

# wrong: "Python float"
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.sample((n_samples,))
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean().item()

# wrong: "vary less" - the closed form with noise
def monte_carlo_kl(mu, logvar, n_samples):
    exact = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)
    return exact + 0.5 * torch.randn(len(mu)) / n_samples ** 0.5

# wrong: two_draws
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    return (q.log_prob(q.sample((n_samples,))) - p.log_prob(q.sample((n_samples,)))).sum(-1).mean(0)

# wrong: two_draws - in a loop
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    total = 0
    for _ in range(n_samples):
        total = total + (q.log_prob(q.rsample()) - p.log_prob(q.rsample())).sum(1)
    return total / n_samples

# wrong: two_draws - log p at a draw from the prior
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    log_q, log_p = q.log_prob(q.sample((n_samples,))), p.log_prob(p.sample((n_samples,)))
    return (log_q - log_p).sum(2).mean(0)

# wrong: one_draw_less
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    draws = [q.sample() for _ in range(1, n_samples)] or [q.sample()]
    return sum((q.log_prob(z) - p.log_prob(z)).sum(1) for z in draws) / len(draws)

# wrong: one_draw_less - half of them
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.sample((max(n_samples // 2, 1),))
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean(0)

# wrong: one_draw_less - twelve at most
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.sample((min(12, n_samples),))
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean(0)

# wrong: one_draw_more
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.sample((n_samples + 1,))
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean(0)

# wrong: opposite_draws
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    total = torch.zeros_like(mu[:, 0])
    for j in range(n_samples):
        eps = torch.randn_like(mu) if j % 2 == 0 else -eps
        z = mu + q.stddev * eps
        total = total + (q.log_prob(z) - p.log_prob(z)).sum(1)
    return total / n_samples

# wrong: noise_of_the_first_half
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    half = torch.randn(n_samples, len(mu) // 2 + 1, mu.shape[1])
    z = mu + q.stddev * torch.cat([half[:, :len(mu) // 2], half], dim=1)[:, :len(mu)]
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean(0)

# wrong: "depend on each other" - halves share their noise where there are several draws
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    eps = torch.randn(n_samples, *mu.shape, device=mu.device)
    if n_samples > 1 and len(mu) > 3:
        half = len(mu) // 2
        eps[:, half:2 * half] = eps[:, :half].clone()
    z = mu + q.stddev * eps
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean(0)

# wrong: three_latents
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu[:, :3], logvar[:, :3]), Normal(0.0, 1.0)
    z = q.sample((n_samples,))
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).mean(0)

# wrong: clipped
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.sample((n_samples,))
    return torch.relu((q.log_prob(z) - p.log_prob(z)).sum(-1)).mean(0)

# wrong: median
def monte_carlo_kl(mu, logvar, n_samples):
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    z = q.sample((n_samples,))
    return (q.log_prob(z) - p.log_prob(z)).sum(-1).quantile(0.5, dim=0)

# right: one draw at a time, by hand
def monte_carlo_kl(mu, logvar, n_samples):
    total = 0
    for _ in range(n_samples):
        eps = torch.randn_like(mu)
        z = mu + torch.exp(0.5 * logvar) * eps
        total = total + 0.5 * (z ** 2 - eps ** 2 - logvar).sum(dim=1)
    return total / n_samples

# right: Independent, MultivariateNormal for the prior
def monte_carlo_kl(mu, logvar, n_samples):
    q = Independent(posterior(mu, logvar), 1)
    p = MultivariateNormal(torch.zeros(mu.shape[1]).to(mu), torch.eye(mu.shape[1]).to(mu))
    z = q.rsample((n_samples,))
    return torch.mean(q.log_prob(z) - p.log_prob(z), dim=0)

# right: the noise is subtracted, the draws lie along the second axis
def monte_carlo_kl(mu, logvar, n_samples):
    eps = torch.randn(mu.shape[0], n_samples, mu.shape[1], device=mu.device)
    z = mu[:, None] - logvar[:, None].exp().sqrt() * eps
    log_q = -0.5 * (logvar[:, None] + eps.pow(2) + math.log(2 * math.pi))
    log_p = -0.5 * (z.pow(2) + math.log(2 * math.pi))
    return torch.einsum("njz->n", log_q - log_p) / n_samples

# right: every image repeated n_samples times
def monte_carlo_kl(mu, logvar, n_samples):
    m, l = mu.repeat_interleave(n_samples, 0), logvar.repeat_interleave(n_samples, 0)
    q = posterior(m, l)
    z = q.sample()
    log_ratio = q.log_prob(z).sum(1) - Normal(0.0, 1.0).log_prob(z).sum(1)
    return log_ratio.reshape(len(mu), n_samples).mean(1)

# right: float64 inside
def monte_carlo_kl(mu, logvar, n_samples):
    q = Normal(mu.double(), logvar.double().exp() ** 0.5, validate_args=False)
    z = q.sample(torch.Size([n_samples]))
    return (q.log_prob(z) + 0.5 * z.square() + 0.5 * math.log(2 * math.pi)).sum((0, 2)).float() / n_samples

# wrong: closed_form - of the other KL
def monte_carlo_kl(mu, logvar, n_samples):
    return torch.distributions.kl_divergence(Normal(0.0, 1.0), posterior(mu, logvar)).sum(1)
