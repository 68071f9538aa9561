# wrong: minus_kl
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return torch.mean(reconstruction_loss(logits, x) - beta * kl_divergence(mu, logvar))

# wrong: elbo
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return torch.mean(-reconstruction_loss(logits, x) - beta * kl_divergence(mu, logvar))

# wrong: reconstruction_negated
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return torch.mean(-reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar))

# wrong: kl_summed
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return torch.mean(reconstruction_loss(logits, x)) + beta * torch.sum(kl_divergence(mu, logvar))

# wrong: reconstruction_summed
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return torch.sum(reconstruction_loss(logits, x)) + beta * torch.mean(kl_divergence(mu, logvar))

# wrong: summed
def vae_loss(logits, x, mu, logvar, beta=1.0):
    rec, kl = reconstruction_loss(logits, x), kl_divergence(mu, logvar)
    return torch.sum(rec + beta * kl)

# wrong: divided_twice
def vae_loss(logits, x, mu, logvar, beta=1.0):
    n = x.shape[0]
    return (reconstruction_loss(logits, x).mean() + beta * kl_divergence(mu, logvar).mean()) / n

# wrong: divided_twice
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return reconstruction_loss(logits, x).mean() + beta * kl_divergence(mu, logvar).mean() / len(mu)

# wrong: pixel_mean
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return F.binary_cross_entropy_with_logits(logits, x) + beta * kl_divergence(mu, logvar).mean()

# wrong: latent_mean
def vae_loss(logits, x, mu, logvar, beta=1.0):
    kl = kl_divergence(mu, logvar) / mu.shape[1]
    return (reconstruction_loss(logits, x) + beta * kl).mean()

# wrong: both_means
def vae_loss(logits, x, mu, logvar, beta=1.0):
    kl = -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())
    return F.binary_cross_entropy_with_logits(logits, x) + beta * kl

# wrong: beta_ignored
def vae_loss(logits, x, mu, logvar, beta=1.0):
    rec, kl = reconstruction_loss(logits, x), kl_divergence(mu, logvar)
    return (rec + kl).mean()

# wrong: beta_ignored - overwritten
def vae_loss(logits, x, mu, logvar, beta=1.0):
    beta = 1.0
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()

# wrong: beta_on_both
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (beta * (reconstruction_loss(logits, x) + kl_divergence(mu, logvar))).mean()

# wrong: beta_on_reconstruction
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) * beta + kl_divergence(mu, logvar)).mean()

# wrong: beta_squared
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta ** 2 * kl_divergence(mu, logvar)).mean()

# wrong: no_kl
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return torch.mean(reconstruction_loss(logits, x))

# wrong: no_reconstruction
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (beta * kl_divergence(mu, logvar)).mean()

# wrong: detached
def vae_loss(logits, x, mu, logvar, beta=1.0):
    with torch.no_grad():
        return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()

# wrong: detached - a new tensor
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return torch.tensor((reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean().item())

# wrong: kl_detached - .item()
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return reconstruction_loss(logits, x).mean() + beta * kl_divergence(mu, logvar).mean().item()

# wrong: reconstruction_detached
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits.detach(), x) + beta * kl_divergence(mu, logvar)).mean()

# wrong: "a tuple of 3"
def vae_loss(logits, x, mu, logvar, beta=1.0):
    rec, kl = reconstruction_loss(logits, x).mean(), kl_divergence(mu, logvar).mean()
    return rec + beta * kl, rec, kl

# wrong: summed, kl_summed - (N,) + (N, 1), summed and divided by N
def vae_loss(logits, x, mu, logvar, beta=1.0):
    per_pair = reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar).unsqueeze(1)
    return per_pair.sum() / len(x)

# right: two means
def vae_loss(logits, x, mu, logvar, beta=1.0):
    rec = reconstruction_loss(logits, x).mean()
    kl = kl_divergence(mu, logvar).mean()
    return rec + kl * beta

# right: the negative of the ELBO
def vae_loss(logits, x, mu, logvar, beta=1.0):
    elbo = -reconstruction_loss(logits, x) - beta * kl_divergence(mu, logvar)
    return -elbo.mean()

# right: the sum over the batch divided by N
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x).sum() + beta * kl_divergence(mu, logvar).sum()) / x.size(0)

# right: written out, without the earlier answers
def vae_loss(logits, x, mu, logvar, beta=1.0):
    rec = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (rec + beta * kl) / len(x)

# right: half of it written out
def vae_loss(logits, x, mu, logvar, beta=1.0):
    rec = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((1, 2, 3))
    return torch.mean(rec + beta * kl_divergence(mu, logvar))

# right: einsum
def vae_loss(logits, x, mu, logvar, beta=1.0):
    parts = torch.stack([reconstruction_loss(logits, x), kl_divergence(mu, logvar)])
    return torch.einsum("pn,p->", parts, torch.tensor([1.0, float(beta)])) / len(x)

# right: torch.lerp-like loop
def vae_loss(logits, x, mu, logvar, beta=1.0):
    total = 0
    for i in range(len(x)):
        total = total + reconstruction_loss(logits[i:i + 1], x[i:i + 1])[0]
        total = total + beta * kl_divergence(mu[i:i + 1], logvar[i:i + 1])[0]
    return total / len(x)

# right: a mean that broadcasts over all pairs is the same mean
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x)[None] + beta * kl_divergence(mu, logvar)[:, None]).mean()

# right: by keyword, in float64
def vae_loss(logits, x, mu, logvar, beta=1.0):
    kl = kl_divergence(mu=mu.double(), logvar=logvar.double())
    return torch.add(reconstruction_loss(logits=logits.double(), x=x.double()), kl, alpha=beta).mean()

# wrong: "differ" - a floor under the KL
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar).clamp(min=2)).mean()

# wrong: "differ" - no beta above 4
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + min(beta, 4) * kl_divergence(mu, logvar)).mean()

# wrong: "gradient" - the KL is cut off unless beta is 1
def vae_loss(logits, x, mu, logvar, beta=1.0):
    kl = kl_divergence(mu, logvar)
    return (reconstruction_loss(logits, x) + beta * (kl if beta == 1.0 else kl.detach())).mean()

# wrong: sigmoid_before
def vae_loss(logits, x, mu, logvar, beta=1.0):
    p = torch.sigmoid(logits)
    return torch.mean(reconstruction_loss(p, x) + beta * kl_divergence(mu, logvar))

# wrong: squared_error
def vae_loss(logits, x, mu, logvar, beta=1.0):
    rec = F.mse_loss(torch.sigmoid(logits), x, reduction="sum") / len(x)
    return rec + beta * kl_divergence(mu, logvar).mean()

# wrong: squared_error - the mean of all pixels
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return nn.MSELoss()(torch.sigmoid(logits), x) + beta * kl_divergence(mu, logvar).mean()

# wrong: divided_by_pixels
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return torch.mean(reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)) / x[0].numel()

# wrong: variance_for_logvar
def vae_loss(logits, x, mu, logvar, beta=1.0):
    var = torch.exp(logvar)
    return torch.mean(reconstruction_loss(logits, x) + beta * kl_divergence(mu, var))

# wrong: "nothing is drawn" - the KL of a z
def vae_loss(logits, x, mu, logvar, beta=1.0):
    z = Normal(mu, torch.exp(0.5 * logvar)).rsample()
    return torch.mean(reconstruction_loss(logits, x) + beta * kl_divergence(z, logvar))

# wrong: kl_twice
def vae_loss(logits, x, mu, logvar, beta=1.0):
    kl = kl_divergence(mu, logvar).mean()
    return reconstruction_loss(logits, x).mean() + kl + beta * kl

# wrong: beta_rounded
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return torch.mean(reconstruction_loss(logits, x) + int(beta) * kl_divergence(mu, logvar))

# wrong: "keep the signature" - beta by keyword only
def vae_loss(logits, x, mu, logvar, *, beta=1.0):
    return torch.mean(reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar))

# wrong: "keep the signature" - another name for beta
def vae_loss(logits, x, mu, logvar, weight=1.0):
    return torch.mean(reconstruction_loss(logits, x) + weight * kl_divergence(mu, logvar))
