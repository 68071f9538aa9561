# wrong: uniform
@torch.no_grad()
def generate(model, n):
    z = torch.rand(n, model.latent_dim)
    return model.decode(z).sigmoid()

# wrong: uniform_centred - on [-1, 1]
@torch.no_grad()
def generate(model, n):
    z = torch.empty(n, model.latent_dim).uniform_(-1, 1)
    return model.decode(z).sigmoid()

# wrong: logits
@torch.no_grad()
def generate(model, n):
    return model.decode(torch.randn(n, model.latent_dim))

# wrong: with_gradient
def generate(model, n):
    z = torch.randn(n, model.latent_dim)
    return model.decode(z).sigmoid()

# wrong: with_gradient - no_grad around the noise only
def generate(model, n):
    with torch.no_grad():
        z = torch.randn(n, model.latent_dim)
    return torch.sigmoid(model.decode(z))

# wrong: one_z
@torch.no_grad()
def generate(model, n):
    z = torch.randn(model.latent_dim)
    return torch.sigmoid(model.decode(z.repeat(n, 1)))

# wrong: "All latents share" - one number for all latents of a picture
@torch.no_grad()
def generate(model, n):
    z = torch.randn(n, 1).repeat(1, model.latent_dim)
    return torch.sigmoid(model.decode(z))

# wrong: zeros
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.zeros(n, model.latent_dim)))

# wrong: seeded
@torch.no_grad()
def generate(model, n):
    torch.manual_seed(1234)
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim)))

# wrong: seeded, "same noise" - a generator of its own
@torch.no_grad()
def generate(model, n):
    g = torch.Generator().manual_seed(0)
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim, generator=g)))

# wrong: sigmoid_twice
@torch.no_grad()
def generate(model, n):
    p = model.decode(torch.randn(n, model.latent_dim)).sigmoid()
    return torch.sigmoid(p)

# wrong: bernoulli
@torch.no_grad()
def generate(model, n):
    p = torch.sigmoid(model.decode(torch.randn(n, model.latent_dim)))
    return torch.distributions.Bernoulli(p).sample()

# wrong: bernoulli - thresholded
@torch.no_grad()
def generate(model, n):
    return (model.decode(torch.randn(n, model.latent_dim)) > 0).float()

# wrong: flat
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim))).view(n, 784)

# wrong: "(28, 28)"
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim))).squeeze()

# wrong: wide
@torch.no_grad()
def generate(model, n):
    z = Normal(0.0, 3.0).sample((n, model.latent_dim))
    return torch.sigmoid(model.decode(z))

# wrong: wide
@torch.no_grad()
def generate(model, n):
    z = 0.5 * torch.randn(n, model.latent_dim)
    return torch.sigmoid(model.decode(z))

# wrong: shifted
@torch.no_grad()
def generate(model, n):
    z = 1 + torch.randn(n, model.latent_dim)
    return torch.sigmoid(model.decode(z))

# wrong: clipped
@torch.no_grad()
def generate(model, n):
    z = torch.randn(n, model.latent_dim).clamp(-2, 2)
    return torch.sigmoid(model.decode(z))

# wrong: fixed_latent
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn(n, 20)))

# wrong: "(64, 1, 28, 28)"
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn(64, model.latent_dim)))

# wrong: "not what the decoder makes"
@torch.no_grad()
def generate(model, n):
    logits = model.decode(torch.randn(n, model.latent_dim))
    return torch.softmax(logits.flatten(1), dim=1).view(-1, 1, 28, 28)

# wrong: clamped, bernoulli
@torch.no_grad()
def generate(model, n):
    return model.decode(torch.randn(n, model.latent_dim)).clamp(0, 1)

# wrong: "not what the decoder makes" - stretched to [0, 1]
@torch.no_grad()
def generate(model, n):
    x = model.decode(torch.randn(n, model.latent_dim))
    return (x - x.min()) / (x.max() - x.min())

# wrong: "mean of your draws", "spread of your draws" - noise pictures, reconstructed
@torch.no_grad()
def generate(model, n):
    logits, mu, logvar = model(torch.rand(n, 1, 28, 28))
    return torch.sigmoid(logits)

# wrong: "same noise" - the same quantiles each time
@torch.no_grad()
def generate(model, n):
    z = torch.linspace(-3, 3, n)[:, None].repeat(1, model.latent_dim)
    return torch.sigmoid(model.decode(z))

# wrong: "not what the decoder makes"
@torch.no_grad()
def generate(model, n):
    p = torch.sigmoid(model.decode(torch.randn(n, model.latent_dim)))
    return (p + 0.01 * torch.randn_like(p)).clamp(0, 1)

# wrong: "has shape" - in blocks of 16, the rest is lost
def generate(model, n):
    found = []
    with torch.no_grad():
        for _ in range(max(n // 16, 1)):
            found.append(torch.sigmoid(model.decode(torch.randn(min(n, 16), model.latent_dim))))
    return torch.cat(found)

# right: a context
def generate(model, n):
    z = torch.randn(n, model.latent_dim).to(next(model.parameters()))
    with torch.no_grad():
        logits = model.decode(z)
    return logits.sigmoid()

# right: inference mode
@torch.inference_mode()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn((n, model.latent_dim), device=next(model.parameters()).device)))

# right: detached
def generate(model, n):
    device = next(model.parameters()).device
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim, device=device))).detach()

# right: distributions, eval mode
@torch.no_grad()
def generate(model, n):
    model.eval()
    device = next(model.parameters()).device
    prior = MultivariateNormal(torch.zeros(model.latent_dim, device=device), torch.eye(model.latent_dim, device=device))
    return torch.distributions.Bernoulli(logits=model.decode(prior.sample((n,)))).probs

# right: by hand
@torch.no_grad()
def generate(model, n):
    z = next(model.parameters()).new_empty(n, model.latent_dim).normal_()
    return 1 / (1 + torch.exp(-model.decode(z)))

# right: float64 noise, rounded to the model's
@torch.no_grad()
def generate(model, n):
    z = torch.randn(n, model.latent_dim, dtype=torch.float64, device=next(model.parameters()).device).float()
    return torch.special.expit(model.decode(z))

# right: in pieces
@torch.no_grad()
def generate(model, n):
    z = torch.randn(model.latent_dim, n).T.to(list(model.parameters())[0].device)
    return torch.cat([model.decode(part).sigmoid() for part in z.split(1000)])

# wrong: "turns gradients off for good"
def generate(model, n):
    torch.set_grad_enabled(False)
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim)))

# wrong: "turns gradients off for good" - by freezing the model
def generate(model, n):
    model.requires_grad_(False)
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim)))

# wrong: "centred over the batch"
def generate(model, n):
    with torch.no_grad():
        z = torch.randn(n, model.latent_dim)
        return torch.sigmoid(model.decode(z - z.mean(0) if n > 1 else z))

# right: the pictures come back to the CPU
@torch.no_grad()
def generate(model, n):
    (first, *_) = model.parameters()
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim, device=first.device.type))).cpu()

# wrong: "share a picture" - noise kept for few pictures
kept = torch.randn(16, 64)

def generate(model, n):
    z = kept[:n, :model.latent_dim] if n <= 16 else torch.randn(n, model.latent_dim)
    with torch.no_grad():
        return torch.sigmoid(model.decode(z))

# wrong: "n = 1 share" - the mean picture
def generate(model, n):
    z = torch.randn(n, model.latent_dim) if n > 1 else torch.zeros(1, model.latent_dim)
    with torch.no_grad():
        return torch.sigmoid(model.decode(z))

# wrong: "Two pictures of one call" - the last picture is there twice
@torch.no_grad()
def generate(model, n):
    z = torch.randn(max(n - 1, 1), model.latent_dim)
    return torch.sigmoid(model.decode(torch.cat([z, z[-1:]])[:n]))

# wrong: "Two pictures of one call" - one z for sixteen pictures
@torch.no_grad()
def generate(model, n):
    z = torch.randn((n + 15) // 16, model.latent_dim).repeat_interleave(16, 0)[:n]
    return torch.sigmoid(model.decode(z))

# wrong: clamped - the contrast of each picture stretched
@torch.no_grad()
def generate(model, n):
    p = torch.sigmoid(model.decode(torch.randn(n, model.latent_dim))).flatten(1)
    low, high = p.amin(1, keepdim=True), p.amax(1, keepdim=True)
    return ((p - low) / (high - low)).view(n, 1, 28, 28)

# right: as short as can be
def generate(model, n):
    with torch.no_grad():
        return model.decode(torch.randn(n, model.latent_dim)).sigmoid()

# wrong: "mat1 and mat2" - the other size of the notebook
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn(n, 2)))

# wrong: "mat1 and mat2" - latents and pictures exchanged
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn(model.latent_dim, n)))

# wrong: encoded - the model itself
@torch.no_grad()
def generate(model, n):
    logits, mu, logvar = model(torch.randn(n, model.latent_dim))
    return torch.sigmoid(logits)

# wrong: encoded - its result taken for logits
@torch.no_grad()
def generate(model, n):
    z = torch.randn(n, model.latent_dim)
    return model(z).sigmoid()

# wrong: encoded - encode
@torch.no_grad()
def generate(model, n):
    z = torch.randn(n, model.latent_dim)
    return torch.sigmoid(model.encode(z))

# wrong: "another device"
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim).cuda()))

# wrong: "another device" - said so
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim, device="cuda")))

# wrong: "positional arguments" - a label that this model does not take
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim), torch.arange(n) % 10))

# wrong: "raised AttributeError" - another name for the latent size
@torch.no_grad()
def generate(model, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.z_dim)))

# wrong: wide - ten times
@torch.no_grad()
def generate(model, n):
    z = torch.randn(n, model.latent_dim) * 10
    return model.decode(z).sigmoid()

# wrong: normalised
@torch.no_grad()
def generate(model, n):
    z = torch.randn(n, model.latent_dim)
    return model.decode(z / z.norm(dim=1, keepdim=True)).sigmoid()

# wrong: up_to_255
@torch.no_grad()
def generate(model, n):
    return model.decode(torch.randn(n, model.latent_dim)).sigmoid() * 255
