# wrong: variance_for_std - logvar exponentiated as it is
def reparameterize(mu, logvar):
    sigma = torch.exp(logvar)
    eps = torch.randn(mu.shape, device=mu.device)
    return mu + eps * sigma

# wrong: variance_for_std - the variance handed to Normal as its scale
def reparameterize(mu, logvar):
    return Normal(loc=mu, scale=logvar.exp()).rsample()

# wrong: variance_for_std - the square root was forgotten after exp
def reparameterize(mu, logvar):
    var = torch.exp(logvar)
    noise = torch.zeros_like(mu).normal_()
    return torch.addcmul(mu, var, noise)

# wrong: no_exp
def reparameterize(mu, logvar):
    return mu + logvar * torch.randn(mu.size(), device=mu.device)

# wrong: no_exp - magnitude instead of exponential
def reparameterize(mu, logvar):
    return mu + logvar.abs() * torch.randn_like(mu)

# wrong: half_without_exp
def reparameterize(mu, logvar):
    std = logvar / 2
    return torch.randn_like(std) * std + mu

# wrong: sqrt_logvar
def reparameterize(mu, logvar):
    return mu + torch.sqrt(logvar) * torch.randn_like(mu)

# wrong: sqrt_logvar - NaN where logvar is negative
def reparameterize(mu, logvar):
    return logvar ** 0.5 * torch.randn_like(mu) + mu

# wrong: half_outside
def reparameterize(mu, logvar):
    return mu + torch.exp(logvar) / 2 * torch.randn_like(mu)

# wrong: half_outside - precedence
def reparameterize(mu, logvar):
    std = torch.exp(logvar) * 0.5
    return std.mul(torch.randn_like(std)).add(mu)

# wrong: negative_exponent
def reparameterize(mu, logvar):
    return mu + torch.randn_like(mu) / torch.exp(logvar / 2)

# wrong: negative_exponent - taken for a log precision
def reparameterize(mu, logvar):
    precision = logvar.exp()
    return mu + torch.randn_like(mu) * precision.rsqrt()

# wrong: double_exponent
def reparameterize(mu, logvar):
    return mu + torch.exp(logvar) ** 2 * torch.randn_like(mu)

# wrong: unit_noise
def reparameterize(mu, logvar):
    eps = torch.randn_like(logvar)
    return eps + mu

# wrong: no_noise - in eval style
def reparameterize(mu, logvar):
    std = torch.exp(0.5 * logvar)
    eps = torch.zeros_like(std)
    return mu + eps * std

# wrong: no_noise - switched by grad mode
def reparameterize(mu, logvar):
    if not mu.requires_grad:
        return mu.clone()
    return mu + torch.exp(logvar / 2) * torch.randn_like(mu)

# wrong: no_random
def reparameterize(mu, logvar):
    return mu.add(logvar.mul(0.5).exp())

# wrong: no_random - ones instead of noise
def reparameterize(mu, logvar):
    eps = torch.ones_like(mu)
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: no_mu
def reparameterize(mu, logvar):
    return torch.exp(logvar / 2) * torch.randn_like(mu)

# wrong: no_mu - noise from the prior
def reparameterize(mu, logvar):
    return Normal(torch.zeros_like(mu), torch.exp(0.5 * logvar)).rsample()

# wrong: prior_noise - the arguments are not used at all
def reparameterize(mu, logvar):
    return torch.randn_like(mu) + 0 * mu + 0 * logvar

# wrong: multiplied
def reparameterize(mu, logvar):
    return mu * torch.exp(0.5 * logvar) * torch.randn_like(mu)

# wrong: multiplied - the brackets are in the wrong place
def reparameterize(mu, logvar):
    return (mu + torch.exp(0.5 * logvar)) * torch.randn_like(mu)

# wrong: uniform
def reparameterize(mu, logvar):
    eps = torch.rand(mu.shape, device=mu.device)
    return mu + eps * logvar.mul(0.5).exp()

# wrong: uniform_centred
def reparameterize(mu, logvar):
    eps = 2 * torch.rand_like(mu) - 1
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: "not Gaussian", uniform_centred - with the right variance, but not Gaussian
def reparameterize(mu, logvar):
    eps = (torch.rand_like(mu) - 0.5) * 12 ** 0.5
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: "not Gaussian" - plus or minus one
def reparameterize(mu, logvar):
    eps = torch.sign(torch.randn_like(mu))
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: "not Gaussian" - Laplace noise of variance 1
def reparameterize(mu, logvar):
    eps = torch.distributions.Laplace(torch.zeros_like(mu), torch.full_like(mu, 0.5 ** 0.5)).sample()
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: positive_noise
def reparameterize(mu, logvar):
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu).abs()

# wrong: clipped_noise
def reparameterize(mu, logvar):
    eps = torch.randn_like(mu).clamp(-2, 2)
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: clipped_noise - so wide that the variance hardly shows it
def reparameterize(mu, logvar):
    eps = torch.nn.init.trunc_normal_(torch.empty_like(mu), a=-3.0, b=3.0)
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: one_for_batch
def reparameterize(mu, logvar):
    std = torch.exp(logvar / 2)
    eps = torch.randn_like(mu[0])
    return mu + std * eps

# wrong: one_for_batch - expanded
def reparameterize(mu, logvar):
    eps = torch.randn(1, mu.shape[1], device=mu.device).expand_as(mu)
    return mu + torch.exp(logvar / 2) * eps

# wrong: one_for_latents
def reparameterize(mu, logvar):
    eps = torch.randn(mu.shape[0], device=mu.device)[:, None]
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: one_number
def reparameterize(mu, logvar):
    return mu + torch.randn(1, device=mu.device) * torch.exp(0.5 * logvar)

# wrong: one_number - a Python number
def reparameterize(mu, logvar):
    return mu + np.random.randn() * torch.exp(0.5 * logvar)

# wrong: "noise of its own" - the second half of the batch mirrors the first
def reparameterize(mu, logvar):
    half = torch.randn(-(-len(mu) // 2), mu.shape[1], device=mu.device)
    eps = torch.cat([half, -half.flip(0)])[:len(mu)]
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: "noise of its own" - noise of another image of the batch
def reparameterize(mu, logvar):
    eps = torch.randn(1 + len(mu) // 10, mu.shape[1], device=mu.device).repeat(10, 1)[:len(mu)]
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: sample_without_gradient
def reparameterize(mu, logvar):
    q = torch.distributions.Normal(mu, logvar.exp().sqrt())
    return q.sample()

# wrong: sample_without_gradient - torch.normal
def reparameterize(mu, logvar):
    return torch.normal(mu, torch.exp(0.5 * logvar)).detach()

# wrong: sample_without_gradient - no_grad
@torch.no_grad()
def reparameterize(mu, logvar):
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

# wrong: sample_without_gradient - a new leaf that only looks differentiable
def reparameterize(mu, logvar):
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
    return z.detach().requires_grad_(True)

# wrong: sample_without_gradient - copied into a new tensor
def reparameterize(mu, logvar):
    return torch.tensor((mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)).tolist(), device=mu.device)

# wrong: mu_detached
def reparameterize(mu, logvar):
    return mu.data + torch.exp(0.5 * logvar) * torch.randn_like(mu)

# wrong: std_detached
def reparameterize(mu, logvar):
    with torch.no_grad():
        std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std)

# wrong: std_detached - the noise part is drawn by sample()
def reparameterize(mu, logvar):
    return mu + Normal(torch.zeros_like(mu), torch.exp(0.5 * logvar)).sample()

# wrong: "gradient of z with respect to logvar" - the gradient of logvar is not that of z
def reparameterize(mu, logvar):
    eps = torch.randn_like(mu)
    return mu + eps * (torch.exp(0.5 * logvar) * 2 - torch.exp(0.5 * logvar).detach())

# wrong: kept_noise - stored on the function
def reparameterize(mu, logvar):
    if getattr(reparameterize, "eps", None) is None or reparameterize.eps.shape != mu.shape:
        reparameterize.eps = torch.randn(mu.shape, device=mu.device)
    return mu + torch.exp(0.5 * logvar) * reparameterize.eps

# wrong: kept_noise - a global, drawn when the cell ran
noise = torch.randn(10000, 64)

def reparameterize(mu, logvar):
    eps = noise[:mu.shape[0], :mu.shape[1]].to(mu.device)
    return mu + torch.exp(0.5 * logvar) * eps

# wrong: kept_noise, seeded - a generator of its own with a fixed seed
def reparameterize(mu, logvar):
    g = torch.Generator().manual_seed(42)
    eps = torch.randn(mu.shape, generator=g).to(mu.device)
    return mu + torch.exp(0.5 * logvar) * eps

# wrong: kept_noise, seeded - NumPy with a fixed seed
def reparameterize(mu, logvar):
    np.random.seed(0)
    eps = torch.from_numpy(np.random.randn(*mu.shape)).to(mu)
    return mu + torch.exp(0.5 * logvar) * eps

# wrong: seeded
def reparameterize(mu, logvar):
    torch.manual_seed(42)
    eps = torch.randn_like(mu)
    return mu + torch.exp(0.5 * logvar) * eps

# wrong: in_place
def reparameterize(mu, logvar):
    std = logvar.div_(2).exp_()
    return mu + torch.randn_like(std) * std

# wrong: in_place - mu itself becomes z
def reparameterize(mu, logvar):
    mu += torch.exp(0.5 * logvar) * torch.randn_like(mu)
    return mu

# wrong: squeezed
def reparameterize(mu, logvar):
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
    return z.squeeze(0)

# wrong: cpu_noise
def reparameterize(mu, logvar):
    eps = torch.randn(mu.size())
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: cpu_noise - from NumPy
def reparameterize(mu, logvar):
    eps = torch.from_numpy(np.random.normal(size=mu.shape)).float()
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: "on another device"
def reparameterize(mu, logvar):
    eps = torch.randn(mu.shape).cuda()
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: first_row - the spread of the first image for all
def reparameterize(mu, logvar):
    std = torch.exp(0.5 * logvar[0])
    return mu + std * torch.randn_like(mu)

# wrong: batch_average - the mean of the batch for all
def reparameterize(mu, logvar):
    return mu.mean(0, keepdim=True) + torch.exp(0.5 * logvar) * torch.randn_like(mu)

# wrong: arguments_exchanged
def reparameterize(mu, logvar):
    return logvar + torch.exp(0.5 * mu) * torch.randn_like(mu)

# wrong: averaged_draws
def reparameterize(mu, logvar):
    eps = torch.randn(10, *mu.shape, device=mu.device).mean(0)
    return mu + eps * torch.exp(0.5 * logvar)

# wrong: softplus_std
def reparameterize(mu, logvar):
    return mu + F.softplus(logvar) * torch.randn_like(mu)

# wrong: "a tuple of 2"
def reparameterize(mu, logvar):
    eps = torch.randn_like(mu)
    return mu + eps * torch.exp(0.5 * logvar), eps

# wrong: no_mu
def reparameterize(mu, logvar):
    z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
    return z - mu

# right: the noise is subtracted
def reparameterize(mu, logvar):
    return mu - torch.exp(logvar / 2) * torch.randn_like(logvar)

# right: torch.distributions
def reparameterize(mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).rsample()

# right: a multivariate normal
def reparameterize(mu, logvar):
    return MultivariateNormal(mu, scale_tril=torch.diag_embed(torch.exp(0.5 * logvar))).rsample()

# right: an independent normal by keyword
def reparameterize(mu, logvar):
    q = torch.distributions.Independent(Normal(loc=mu, scale=logvar.exp().sqrt()), 1)
    return q.rsample(torch.Size([]))

# right: square root of the variance, einsum
def reparameterize(mu, logvar):
    std = torch.sqrt(torch.exp(logvar))
    return mu + torch.einsum("nz,nz->nz", std, torch.randn_like(std))

# right: explicit loops
def reparameterize(mu, logvar):
    rows = []
    for m, l in zip(mu, logvar):
        rows.append(m + torch.exp(0.5 * l) * torch.randn_like(m))
    return torch.stack(rows)

# right: in place on its own tensors
def reparameterize(mu, logvar):
    z = torch.empty_like(mu).normal_()
    z.mul_(logvar.mul(0.5).exp())
    z.add_(mu)
    return z

# right: float64 inside
def reparameterize(mu, logvar):
    eps = torch.randn(mu.shape, dtype=torch.float64, device=mu.device)
    return (mu.double() + torch.exp(0.5 * logvar.double()) * eps).to(mu.dtype)

# wrong: float64 - noise of NumPy
def reparameterize(mu, logvar):
    eps = torch.tensor(np.random.randn(*mu.shape), device=mu.device)
    return mu + torch.exp(0.5 * logvar) * eps

# wrong: float64 - all in double precision
def reparameterize(mu, logvar):
    mu, logvar = mu.double(), logvar.double()
    return Normal(mu, (0.5 * logvar).exp()).rsample()

# wrong: "float16"
def reparameterize(mu, logvar):
    return (mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)).half()

# right: non-contiguous in the middle
def reparameterize(mu, logvar):
    eps = torch.randn(mu.shape[1], mu.shape[0], device=mu.device).T
    return (mu.T + (torch.exp(0.5 * logvar) * eps).T).T

# right: a helper function
def to_std(logvar):
    return logvar.exp().pow(0.5)

def reparameterize(mu, logvar):
    return mu + to_std(logvar) * torch.normal(torch.zeros_like(mu), torch.ones_like(mu))

# right: torch.normal with the generator's default, moved
def reparameterize(mu, logvar):
    eps = torch.randn(mu.shape).to(mu.device)
    return torch.addcmul(mu, eps, torch.exp(logvar / 2))

# right: a lambda
reparameterize = lambda mu, logvar: mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

# right: a callable object
class Reparameterize(nn.Module):
    def forward(self, mu, logvar):
        return mu + (logvar * 0.5).exp() * torch.randn_like(mu)

reparameterize = Reparameterize()

# right: Box and Muller
def reparameterize(mu, logvar):
    u, v = torch.rand_like(mu).clamp_min(1e-12), torch.rand_like(mu)
    eps = torch.sqrt(-2 * torch.log(u)) * torch.cos(2 * math.pi * v)
    return mu + torch.exp(0.5 * logvar) * eps

# right: a defensive clamp that is never reached
def reparameterize(mu, logvar):
    return mu + torch.exp(0.5 * logvar.clamp(-20, 20)) * torch.randn_like(mu)

# wrong: "centred over the batch" - noise made to have mean 0 and variance 1 in each batch
def reparameterize(mu, logvar):
    eps = torch.randn_like(mu)
    eps = (eps - eps.mean(0)) / (eps.std(0, correction=0) + 1e-6) if len(eps) > 1 else eps
    return mu + (logvar / 2).exp() * eps

# wrong: "not Gaussian" - heavy tails
def reparameterize(mu, logvar):
    eps = torch.distributions.StudentT(12.0).sample(mu.shape).to(mu) * (10 / 12) ** 0.5
    return mu + (logvar / 2).exp() * eps

# wrong: clipped_noise, "not Gaussian", "cut off" - a sum of three uniform numbers
def reparameterize(mu, logvar):
    eps = 2 * (torch.rand(3, *mu.shape, device=mu.device) - 0.5).sum(0)
    return mu + (logvar / 2).exp() * eps

# wrong: "spread" - less noise for small batches
def reparameterize(mu, logvar):
    return mu + (logvar / 2).exp() * torch.randn_like(mu) * (0.5 if len(mu) < 100 else 1.0)

# wrong: "spread" - the variance kept within narrow bounds
def reparameterize(mu, logvar):
    return mu + (logvar.clamp(-2, 2) / 2).exp() * torch.randn_like(mu)

# wrong: "spread" - no noise where no gradients are recorded
def reparameterize(mu, logvar):
    return mu + (logvar / 2).exp() * torch.randn_like(mu) * torch.is_grad_enabled()

# right: as PyTorch's first examples had it
def reparameterize(mu, logvar):
    std = logvar.mul(0.5).exp_()
    eps = torch.autograd.Variable(std.data.new(std.size()).normal_())
    return eps.mul(std).add_(mu)

# right: one image at a time, by vmap
def reparameterize(mu, logvar):
    return torch.vmap(lambda m, v: m + (v / 2).exp() * torch.randn_like(m), randomness="different")(mu, logvar)

# right: bounds that no trained model reaches
def reparameterize(mu, logvar):
    return mu + (logvar.clamp(-20, 20) / 2).exp() * torch.randn_like(mu)

# right: as books write it
def reparameterize(mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(mu.shape, device=mu.device)

# right: a generator of its own, seeded by the global one, where the inputs are
def reparameterize(mu, logvar):
    generator = torch.Generator(device=mu.device)
    generator.manual_seed(int(torch.randint(2**31, (1,))))
    eps = torch.randn(*mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
    return mu + (logvar / 2).exp() * eps

# right: torch.normal for the noise, with its size
def reparameterize(mu, logvar):
    return mu + (0.5 * logvar).exp() * torch.normal(0.0, 1.0, size=mu.shape, device=mu.device)

# wrong: sample_without_gradient - torch.normal records none for its arguments
def reparameterize(mu, logvar):
    return torch.normal(mu, torch.exp(0.5 * logvar))

# wrong: summed
def reparameterize(mu, logvar):
    return (mu + (logvar / 2).exp() * torch.randn_like(mu)).sum(dim=1)

# wrong: sqrt_logvar - clamped, so that there is a root
def reparameterize(mu, logvar):
    std = torch.sqrt(torch.clamp(logvar, min=1e-8))
    return mu + std * torch.randn_like(std)

# wrong: flattened
def reparameterize(mu, logvar):
    sigma = (logvar / 2).exp()
    return (mu + sigma * torch.randn_like(sigma)).view(-1)

# wrong: "spread" - logvar is cut off where a trained encoder still goes
def reparameterize(mu, logvar):
    return mu + torch.exp(0.5 * logvar.clamp(-4, 4)) * torch.randn_like(mu)

# wrong: "spread" - a floor under the standard deviation
def reparameterize(mu, logvar):
    return mu + torch.exp(0.5 * logvar).clamp(min=0.1) * torch.randn_like(mu)

# right: on the notebook's device
device = torch.device("cpu")

def reparameterize(mu, logvar):
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, device=device)
