# wrong: uniform
@torch.no_grad()
def generate_digit(model, digit, n):
    z = torch.rand((n, model.latent_dim))
    return model.decode(z, torch.full((n,), digit)).sigmoid()

# wrong: logits
@torch.no_grad()
def generate_digit(model, digit, n):
    return model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit))

# wrong: one_z
@torch.no_grad()
def generate_digit(model, digit, n):
    z = torch.randn(1, model.latent_dim).repeat(n, 1)
    return model.decode(z, torch.full((n,), digit)).sigmoid()

# wrong: zeros
@torch.no_grad()
def generate_digit(model, digit, n):
    return model.decode(torch.zeros(n, model.latent_dim), torch.full((n,), digit)).sigmoid()

# wrong: random_labels
@torch.no_grad()
def generate_digit(model, digit, n):
    y = torch.randint(0, model.num_classes, (n,))
    return model.decode(torch.randn(n, model.latent_dim), y).sigmoid()

# wrong: random_labels, counting_labels
@torch.no_grad()
def generate_digit(model, digit, n):
    y = torch.arange(n) % 10
    return model.decode(torch.randn(n, model.latent_dim), y).sigmoid()

# wrong: always_zero
@torch.no_grad()
def generate_digit(model, digit, n):
    y = torch.zeros(n).long()
    return model.decode(torch.randn(n, model.latent_dim), y).sigmoid()

# wrong: first_only - the digit for the first picture alone
@torch.no_grad()
def generate_digit(model, digit, n):
    y = torch.zeros(n, dtype=torch.long)
    y[0] = digit
    return model.decode(torch.randn(n, model.latent_dim), y).sigmoid()

# wrong: off_by_one
@torch.no_grad()
def generate_digit(model, digit, n):
    y = torch.full((n,), (digit + 1) % 10)
    return model.decode(torch.randn(n, model.latent_dim), y).sigmoid()

# wrong: off_by_minus_one
@torch.no_grad()
def generate_digit(model, digit, n):
    y = torch.full((n,), (digit - 1) % 10)
    return model.decode(torch.randn(n, model.latent_dim), y).sigmoid()

# wrong: "integer labels"
@torch.no_grad()
def generate_digit(model, digit, n):
    return model.decode(torch.randn(n, model.latent_dim), digit).sigmoid()

# wrong: number_label - a tensor with one entry
@torch.no_grad()
def generate_digit(model, digit, n):
    return model.decode(torch.randn(n, model.latent_dim), torch.tensor([digit])).sigmoid()

# wrong: "integer labels" - one-hot rows
@torch.no_grad()
def generate_digit(model, digit, n):
    y = F.one_hot(torch.full((n,), digit), 10).float()
    return model.decode(torch.randn(n, model.latent_dim), y).sigmoid()

# wrong: "integer labels" - floats
@torch.no_grad()
def generate_digit(model, digit, n):
    return model.decode(torch.randn(n, model.latent_dim), torch.ones(n) * digit).sigmoid()

# wrong: seeded
@torch.no_grad()
def generate_digit(model, digit, n):
    torch.manual_seed(digit)
    return model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit)).sigmoid()

# wrong: sigmoid_twice
@torch.no_grad()
def generate_digit(model, digit, n):
    p = model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit)).sigmoid()
    return p.sigmoid()

# wrong: flat, "(1, 28, 28)"
@torch.no_grad()
def generate_digit(model, digit, n):
    return model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit)).sigmoid().view(n, 28, 28)

# wrong: wide
@torch.no_grad()
def generate_digit(model, digit, n):
    z = 2 * torch.randn(n, model.latent_dim)
    return model.decode(z, torch.full((n,), digit)).sigmoid()

# wrong: bernoulli
@torch.no_grad()
def generate_digit(model, digit, n):
    p = model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit)).sigmoid()
    return torch.bernoulli(p)

# wrong: moved_by_digit
@torch.no_grad()
def generate_digit(model, digit, n):
    z = torch.randn(n, model.latent_dim) + digit
    return model.decode(z, torch.full((n,), digit)).sigmoid()

# wrong: fixed_latent
@torch.no_grad()
def generate_digit(model, digit, n):
    return model.decode(torch.randn(n, 20), torch.full((n,), digit)).sigmoid()

# wrong: "All latents share"
@torch.no_grad()
def generate_digit(model, digit, n):
    z = torch.randn(n, 1).expand(n, model.latent_dim)
    return model.decode(z, torch.full((n,), digit)).sigmoid()

# wrong: "has shape" - in blocks of 64, the rest is lost
@torch.no_grad()
def generate_digit(model, digit, n):
    size = min(n, 64)
    y = torch.full((size,), digit)
    return torch.cat([model.decode(torch.randn(size, model.latent_dim), y).sigmoid() for _ in range(n // size)])

# right: a repeated label
def generate_digit(model, digit, n):
    device = next(model.parameters()).device
    y = torch.tensor([digit] * n, device=device)
    with torch.no_grad():
        return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim, device=device), y))

# right: ones times the digit, inference mode
@torch.inference_mode()
def generate_digit(model, digit, n):
    device = next(model.parameters()).device
    y = torch.ones(n, dtype=torch.long, device=device) * digit
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim, device=device), y))

# right: distributions, detached
def generate_digit(model, digit, n):
    model.eval()
    z = Normal(torch.zeros(model.latent_dim, device=next(model.parameters()).device), 1.0).sample((n,))
    y = torch.as_tensor(digit).repeat(n).to(z.device)
    return torch.distributions.Bernoulli(logits=model.decode(z, y)).mean.detach()

# right: int32 labels are whole numbers too
@torch.no_grad()
def generate_digit(model, digit, n):
    z = next(model.parameters()).new_empty(n, model.latent_dim).normal_()
    y = torch.full((n,), digit, dtype=torch.int32, device=z.device)
    return torch.sigmoid(model.decode(z, y.long()))

# right: in pieces
@torch.no_grad()
def generate_digit(model, digit, n):
    device = next(model.parameters()).device
    z, y = torch.randn(n, model.latent_dim).to(device), torch.full((n,), int(digit)).to(device)
    return torch.cat([model.decode(a, b).sigmoid() for a, b in zip(z.split(500), y.split(500))])

# right: the device for all new tensors
@torch.no_grad()
def generate_digit(model, digit, n):
    with torch.device(next(model.parameters()).device):
        return model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit)).sigmoid()

# wrong: zero_for_none
@torch.no_grad()
def generate_digit(model, digit, n):
    y = torch.full((n,), digit) if digit else torch.randint(10, (n,))
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim), y))

# wrong: "another digit" - the 9 becomes a 0
@torch.no_grad()
def generate_digit(model, digit, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit % 9)))

# wrong: "another digit" - the last label
@torch.no_grad()
def generate_digit(model, digit, n):
    y = torch.full((n,), digit)
    y[-1] = (digit + 1) % 10
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim), y))

# wrong: "not what the decoder makes"
@torch.no_grad()
def generate_digit(model, digit, n):
    logits = model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit))
    return logits.flatten(1).softmax(1).view(n, 1, 28, 28)

# wrong: "not what the decoder makes" - the mean of five
@torch.no_grad()
def generate_digit(model, digit, n):
    y = torch.full((n,), digit)
    return torch.stack([torch.sigmoid(model.decode(torch.randn(n, model.latent_dim), y)) for _ in range(5)]).mean(0)

# wrong: "n = 7 share" - noise kept for few pictures
kept = torch.randn(16, 64)

@torch.no_grad()
def generate_digit(model, digit, n):
    z = kept[:n, :model.latent_dim] if 1 < n <= 16 else torch.randn(n, model.latent_dim)
    return torch.sigmoid(model.decode(z, torch.full((n,), digit)))

# right: as short as can be
def generate_digit(model, digit, n):
    with torch.no_grad():
        return model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit)).sigmoid()

# wrong: with_gradient
def generate_digit(model, digit, n):
    z, y = torch.randn(n, model.latent_dim), torch.full((n,), digit)
    return torch.sigmoid(model.decode(z, y))

# wrong: with_gradient - no_grad around the noise only
def generate_digit(model, digit, n):
    with torch.no_grad():
        z = torch.randn(n, model.latent_dim)
    return model.decode(z, torch.full((n,), digit)).sigmoid()

# wrong: "decode needs z of shape" - another fixed size
@torch.no_grad()
def generate_digit(model, digit, n):
    return model.decode(torch.randn(n, 2), torch.full((n,), digit)).sigmoid()

# wrong: "decode needs z of shape" - latents and pictures exchanged
@torch.no_grad()
def generate_digit(model, digit, n):
    return model.decode(torch.randn(model.latent_dim, n), torch.full((n,), digit)).sigmoid()

# wrong: encoded
@torch.no_grad()
def generate_digit(model, digit, n):
    return model(torch.randn(n, model.latent_dim), torch.full((n,), digit))[0].sigmoid()

# wrong: encoded - encode
@torch.no_grad()
def generate_digit(model, digit, n):
    z, y = torch.randn(n, model.latent_dim), torch.full((n,), digit)
    return torch.sigmoid(model.encode(z, y)[0])

# wrong: "another device"
@torch.no_grad()
def generate_digit(model, digit, n):
    z, y = torch.randn(n, model.latent_dim).cuda(), torch.full((n,), digit).cuda()
    return torch.sigmoid(model.decode(z, y))

# wrong: "full()" - a number where a shape is due
@torch.no_grad()
def generate_digit(model, digit, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim), torch.full(n, digit)))

# wrong: "missing 1 required" - no label
@torch.no_grad()
def generate_digit(model, digit, n):
    return torch.sigmoid(model.decode(torch.randn(n, model.latent_dim)))

# wrong: wide - ten times
@torch.no_grad()
def generate_digit(model, digit, n):
    z = torch.randn(n, model.latent_dim) * 10
    return model.decode(z, torch.full((n,), digit)).sigmoid()

# wrong: wide - half
@torch.no_grad()
def generate_digit(model, digit, n):
    z = Normal(0.0, 0.5).sample((n, model.latent_dim))
    return model.decode(z, torch.full((n,), digit)).sigmoid()

# wrong: normalised
@torch.no_grad()
def generate_digit(model, digit, n):
    z = torch.randn(n, model.latent_dim)
    return model.decode(z / z.norm(dim=1, keepdim=True), torch.full((n,), digit)).sigmoid()

# wrong: up_to_255
@torch.no_grad()
def generate_digit(model, digit, n):
    return model.decode(torch.randn(n, model.latent_dim), torch.full((n,), digit)).sigmoid() * 255

# wrong: "not what the decoder makes" - nearly black and nearly white are cut off
@torch.no_grad()
def generate_digit(model, digit, n):
    z = torch.randn(n, model.latent_dim, device=next(model.parameters()).device)
    return torch.sigmoid(model.decode(z, torch.full((n,), digit, device=z.device))).clamp(0.05, 0.95)
