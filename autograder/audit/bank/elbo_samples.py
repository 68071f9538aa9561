def bernoulli(logits, x):
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=(1, 2, 3))


def exact_kl(mu, logvar):
    return torch.distributions.kl_divergence(posterior(mu, logvar), Normal(0.0, 1.0)).sum(1)

# wrong: negative - the loss
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    cost = 0
    for _ in range(n_samples):
        cost = cost - bernoulli(model.decode(posterior(mu, logvar).sample()), x) / n_samples
    return cost + exact_kl(mu, logvar)

# wrong: kl_added
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    return sum(draws) / n_samples + exact_kl(mu, logvar)

# wrong: no_kl
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    return torch.stack(draws).mean(dim=0)

# wrong: sum_over_draws
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    return sum(draws) - exact_kl(mu, logvar)

# wrong: mean_over_pixels
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    total = 0
    for _ in range(n_samples):
        logits = model.decode(posterior(mu, logvar).rsample())
        total = total - F.binary_cross_entropy_with_logits(logits, x, reduction="none").mean((1, 2, 3))
    return total / n_samples - exact_kl(mu, logvar)

# wrong: logsumexp - the importance-weighted bound
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    weights = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    return torch.stack(weights).logsumexp(0) - math.log(n_samples) - exact_kl(mu, logvar)

# wrong: no_noise
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    log_p = torch.stack([bernoulli(model.decode(mu), x)] * n_samples)
    return log_p.mean(0) - exact_kl(mu, logvar)

# wrong: variance_for_std
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(Normal(mu, logvar.exp()).sample()), x) for _ in range(n_samples)]
    return sum(draws) / n_samples - exact_kl(mu, logvar)

# wrong: one_sample
def elbo(model, x, n_samples):
    logits, mu, logvar = model(x)
    return bernoulli(logits, x) - exact_kl(mu, logvar)

# wrong: one_noise_for_batch
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    eps = torch.randn(n_samples, 1, mu.shape[1])
    z = mu + logvar.mul(0.5).exp() * eps
    return torch.stack([bernoulli(model.decode(code), x) for code in z]).mean(0) - exact_kl(mu, logvar)

# wrong: kl_divided
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    total = -exact_kl(mu, logvar)
    for _ in range(n_samples):
        total = total + bernoulli(model.decode(posterior(mu, logvar).sample()), x)
    return total / n_samples if n_samples > 1 else total

# wrong: scalar
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    return (torch.stack(draws).mean(0) - exact_kl(mu, logvar)).mean()

# wrong: no_prior
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    q = posterior(mu, logvar)
    z = q.sample((n_samples,))
    log_w = torch.stack([bernoulli(model.decode(code), x) for code in z]) - q.log_prob(z).sum(-1)
    return log_w.mean(0)

# wrong: sigmoid_twice
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()).sigmoid(), x) for _ in range(n_samples)]
    return sum(draws) / n_samples - exact_kl(mu, logvar)

# wrong: mean_of_logits
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    logits = torch.stack([model.decode(posterior(mu, logvar).sample()) for _ in range(n_samples)]).mean(0)
    return bernoulli(logits, x) - exact_kl(mu, logvar)

# wrong: from_prior
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(torch.randn(len(x), mu.shape[1])), x) for _ in range(n_samples)]
    return sum(draws) / n_samples - exact_kl(mu, logvar)

# wrong: kl_all_added
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    kl = 0.5 * torch.sum(1 + logvar + mu ** 2 + logvar.exp(), dim=1)
    return sum(bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)) / n_samples - kl

# wrong: kl_without_logvar
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    kl = 0.5 * torch.sum(mu ** 2 + logvar.exp(), dim=1)
    return sum(bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)) / n_samples - kl

# wrong: kl_all_added - logvar squared
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    kl = 0.5 * torch.sum(mu ** 2 + logvar.exp() - 1 + logvar ** 2, dim=1)
    return sum(bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)) / n_samples - kl

# wrong: kl_all_added - the size of logvar
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    kl = 0.5 * torch.sum(mu ** 2 + logvar.exp() - 1 + logvar.abs(), dim=1)
    return sum(bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)) / n_samples - kl

# wrong: kl_of_std
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = mu ** 2 + torch.exp(0.5 * logvar) - 1 - logvar
    return sum(draws) / n_samples - 0.5 * kl.sum(1)

# wrong: kl_of_two_latents
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = (mu ** 2 + logvar.exp() - 1 - logvar)[:, :2]
    return sum(draws) / n_samples - 0.5 * kl.sum(1)

# wrong: kl_of_half_or_more - free bits
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = (mu ** 2 + logvar.exp() - 1 - logvar).clamp(min=0.5)
    return sum(draws) / n_samples - 0.5 * kl.sum(1)

# wrong: kl_without_mu - not squared
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = mu + logvar.exp() - 1 - logvar
    return sum(draws) / n_samples - 0.5 * kl.sum(1)

# wrong: kl_without_mu
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = logvar.exp() - 1 - logvar
    return sum(draws) / n_samples - 0.5 * kl.sum(1)

# wrong: kl_without_one
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = mu.pow(2) + logvar.exp() - logvar
    return sum(draws) / n_samples - 0.5 * kl.sum(1)

# wrong: kl_plus_logvar
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = mu.pow(2) + logvar.exp() - 1 + logvar
    return sum(draws) / n_samples - 0.5 * kl.sum(1)

# wrong: kl_plus_logvar - minus mu
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = -mu.pow(2) + logvar.exp() - 1 - logvar
    return sum(draws) / n_samples - 0.5 * kl.sum(1)

# wrong: kl_doubled
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = 2 * (mu.pow(2) + logvar.exp() - 1 - logvar)
    return sum(draws) / n_samples - 0.5 * kl.sum(1)

# wrong: kl_of_std - log sigma
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = mu.pow(2) + logvar.exp() - 1 - torch.log(posterior(mu, logvar).stddev)
    return sum(draws) / n_samples - 0.5 * kl.sum(1)

# wrong: kl_of_variance_squared
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = torch.distributions.kl_divergence(Normal(mu, logvar.exp()), Normal(0.0, 1.0))
    return torch.stack(draws).mean(0) - kl.sum(1)

# wrong: kl_reversed
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    kl = torch.distributions.kl_divergence(Normal(0.0, 1.0), posterior(mu, logvar))
    return torch.stack(draws).mean(0) - kl.sum(1)

# wrong: std_for_logvar
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    return torch.stack(draws).mean(0) - monte_carlo_kl(mu, torch.exp(0.5 * logvar), n_samples)

# wrong: kl_halved - beta
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    return torch.stack(draws).mean(0) - 4 * exact_kl(mu, logvar)

# wrong: one_log_p_for_batch
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    total = 0
    for _ in range(n_samples):
        logits = model.decode(posterior(mu, logvar).sample())
        total = total - F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    return total / n_samples - exact_kl(mu, logvar)

# wrong: one_log_p_for_batch - per image
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    total = 0
    for _ in range(n_samples):
        logits = model.decode(posterior(mu, logvar).sample())
        total = total - F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / x.size(0)
    return total / n_samples - exact_kl(mu, logvar)

# wrong: mean_over_batch_and_pixels
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    total = 0
    for _ in range(n_samples):
        logits = model.decode(posterior(mu, logvar).sample())
        total = total - F.binary_cross_entropy_with_logits(logits, x)
    return total / n_samples - exact_kl(mu, logvar)

# wrong: one_sample - one less
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    k = max(1, n_samples - 1)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(k)]
    return sum(draws) / k - exact_kl(mu, logvar)

# wrong: one_sample - half of them
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    k = max(1, n_samples // 2)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(k)]
    return sum(draws) / k - exact_kl(mu, logvar)

# wrong: one_draw_more
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    k = n_samples + 1
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(k)]
    return sum(draws) / k - exact_kl(mu, logvar)

# wrong: largest - the best of the draws
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    return torch.stack(draws).max(0).values - exact_kl(mu, logvar)

# wrong: opposite_draws
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    total = 0
    for j in range(n_samples):
        eps = -eps if j % 2 else torch.randn_like(mu)
        total = total + bernoulli(model.decode(mu + torch.exp(logvar / 2) * eps), x)
    return total / n_samples - exact_kl(mu, logvar)

# wrong: noise_of_the_first_half - pairs of neighbours
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    total = 0
    for _ in range(n_samples):
        eps = torch.randn((len(x) + 1) // 2, mu.shape[1]).repeat_interleave(2, 0)[:len(x)]
        total = total + bernoulli(model.decode(mu + torch.exp(logvar / 2) * eps), x)
    return total / n_samples - exact_kl(mu, logvar)

# wrong: "On average" - the logvar of the first image and latent for all
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    logvar = logvar[:1, :1].expand_as(mu)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    return torch.stack(draws).mean(0) - exact_kl(mu, logvar)

# wrong: "n_samples = 300" - three draws at most
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    n = min(n_samples, 3)
    return sum(bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n)) / n - exact_kl(mu, logvar)

# wrong: no_noise - decoded once
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    return bernoulli(model.decode(mu), x) - exact_kl(mu, logvar)

# right: distributions that check their values
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    q = Normal(mu, logvar.div(2).exp())
    log_p = 0
    for _ in range(n_samples):
        pixels = torch.distributions.Bernoulli(logits=model.decode(q.sample()))
        log_p = log_p + pixels.log_prob(x).sum([1, 2, 3]) / n_samples
    return log_p - torch.distributions.kl_divergence(q, Normal(0.0, 1.0)).sum(1)

# right: the same draws for the pixels and for the KL
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    q, p = posterior(mu, logvar), Normal(0.0, 1.0)
    total = 0
    for _ in range(n_samples):
        z = q.sample()
        total = total + bernoulli(model.decode(z), x) + (p.log_prob(z) - q.log_prob(z)).sum(1)
    return total / n_samples

# right: monte_carlo_kl of the question before
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    draws = [bernoulli(model.decode(posterior(mu, logvar).sample()), x) for _ in range(n_samples)]
    return torch.stack(draws).mean(0) - monte_carlo_kl(mu, logvar, n_samples)

# right: all draws in one batch
def elbo(model, x, n_samples):
    with torch.no_grad():
        mu, logvar = model.encode(x)
        z = posterior(mu, logvar).sample((n_samples,))
        logits = model.decode(z.flatten(0, 1)).unflatten(0, (n_samples, len(x)))
        log_p = torch.distributions.Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(2).sum(2)
    return log_p.mean(0) - exact_kl(mu, logvar)

# right: forward, once for each draw
def elbo(model, x, n_samples):
    bounds = []
    for _ in range(n_samples):
        logits, mu, logvar = model(x)
        bounds.append(bernoulli(logits, x) + 0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum(1))
    return torch.stack(bounds, dim=1).mean(dim=1)

# right: every image repeated, the noise subtracted, the KL with the same draws
def elbo(model, x, n_samples):
    repeated = x.repeat_interleave(n_samples, dim=0)
    mu, logvar = model.encode(repeated)
    eps = torch.randn_like(mu)
    z = mu - torch.exp(0.5 * logvar) * eps
    log_w = bernoulli(model.decode(z), repeated) - 0.5 * (z ** 2 - eps ** 2 - logvar).sum(1)
    return log_w.view(len(x), n_samples).mean(1)

# wrong: pairs_mixed
def elbo(model, x, n_samples):
    mu, logvar = model.encode(x)
    eps = torch.randn(n_samples, *mu.shape)
    z = (mu + torch.exp(0.5 * logvar) * eps).reshape(-1, mu.shape[1])
    images = x.repeat_interleave(n_samples, 0)
    bce = F.binary_cross_entropy_with_logits(model.decode(z), images, reduction="none").flatten(1).sum(1)
    kl = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)
    return -bce.reshape(n_samples, len(x)).mean(0) - kl
