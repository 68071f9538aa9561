# wrong: end_missing
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    z = torch.cat([a + (b - a) * i / steps for i in range(steps)])
    return torch.sigmoid(model.decode(z))

# wrong: start_missing
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    z = torch.cat([a + (b - a) * (i + 1) / steps for i in range(steps)])
    return torch.sigmoid(model.decode(z))

# wrong: ends_missing
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    z = torch.cat([a + (b - a) * (i + 1) / (steps + 1) for i in range(steps)])
    return torch.sigmoid(model.decode(z))

# wrong: "(3, 1, 28, 28)"
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    z = torch.cat([a + (b - a) * i / steps for i in range(steps + 1)])
    return torch.sigmoid(model.decode(z))

# wrong: not_a_line
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode(a + t * b))

# wrong: reverse
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode(t * a + (1 - t) * b))

# wrong: pixels
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    t = torch.linspace(0, 1, steps)[:, None, None, None]
    return torch.lerp(x_start, x_end, t)

# wrong: pixels_encoded - blended pictures, encoded and decoded
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    t = torch.linspace(0, 1, steps)[:, None, None, None]
    z = model.encode(x_start * (1 - t) + x_end * t)[0]
    return torch.sigmoid(model.decode(z))

# wrong: decoded_ends
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a = torch.sigmoid(model.decode(model.encode(x_start)[0]))
    b = torch.sigmoid(model.decode(model.encode(x_end)[0]))
    return torch.cat([(1 - t) * a + t * b for t in torch.linspace(0, 1, steps)])

# wrong: logits
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    return model.decode(torch.cat([torch.lerp(a, b, t.item()) for t in torch.linspace(0, 1, steps)]))

# wrong: sampled
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    ends = [Normal(m, torch.exp(0.5 * l)).sample() for m, l in (model.encode(x_start), model.encode(x_end))]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * ends[0] + t * ends[1]))

# wrong: flat
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b)).reshape(steps, 784)

# wrong: spherical
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    angle = torch.acos((F.normalize(a) * F.normalize(b)).sum())
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode((torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)))

# wrong: uneven
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, steps)[:, None] ** 2
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: uneven - logistic
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.sigmoid(torch.linspace(-6, 6, steps))[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: logvar_for_mu
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[1], model.encode(x_end)[1]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: uneven - constant, then a jump
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, steps).round()[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: sampled
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = torch.randn(1, model.latent_dim), torch.randn(1, model.latent_dim)
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: "(10, 1, 28, 28)"
@torch.no_grad()
def interpolate(model, x_start, x_end, steps=10):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, 10)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: sigmoid_twice
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b).sigmoid())

# wrong: decoded_ends - blended logits; a linear decoder alone could not tell
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.decode(model.encode(x_start)[0]), model.decode(model.encode(x_end)[0])
    t = torch.linspace(0, 1, steps)[:, None, None, None]
    return torch.sigmoid((1 - t) * a + t * b)

# wrong: "a list of 2"
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    return [torch.sigmoid(model.decode((1 - t) * a + t * b)) for t in torch.linspace(0, 1, steps)]

# right: lerp
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    (a, _), (b, _) = model.encode(x_start), model.encode(x_end)
    return torch.sigmoid(model.decode(torch.lerp(a, b, torch.linspace(0, 1, steps).unsqueeze(-1))))

# right: one picture at a time
def interpolate(model, x_start, x_end, steps):
    with torch.no_grad():
        mu_a, mu_b = model.encode(x_start)[0], model.encode(x_end)[0]
        pictures = [model.decode(mu_a * (1 - i / (steps - 1)) + mu_b * i / (steps - 1)) for i in range(steps)]
        return torch.cat(pictures).sigmoid()

# right: both images in one batch, NumPy's linspace
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    mu, _ = model.encode(torch.cat([x_start, x_end]))
    t = torch.from_numpy(np.linspace(0, 1, steps)).float()
    return torch.sigmoid(model.decode(torch.outer(1 - t, mu[0]) + torch.outer(t, mu[1])))

# right: the mean as forward returns it
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model(x_start)[1], model(x_end)[1]
    weights = torch.stack([torch.linspace(1, 0, steps), torch.linspace(0, 1, steps)], dim=1)
    return model.decode(weights @ torch.cat([a, b])).sigmoid()

# right: start plus multiples of a step
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0].squeeze(0), model.encode(x_end)[0].squeeze(0)
    step = (b - a) / (steps - 1)
    return torch.sigmoid(model.decode(torch.stack([a + k * step for k in range(steps)])))

# wrong: fractional_step
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    d = 1 / (steps - 1)
    t = torch.arange(0, 1 + d, d)[:, None]
    return torch.sigmoid(model.decode(a + t * (b - a)))

# wrong: fractional_step - NumPy's
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    d = 1 / (steps - 1)
    t = torch.tensor(np.arange(0, 1 + d, d), dtype=torch.float32)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: fractional_step - while t <= 1
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t, zs = 0.0, []
    while t <= 1.0:
        zs.append(a + t * (b - a))
        t += 1 / (steps - 1)
    return torch.sigmoid(model.decode(torch.cat(zs)))

# wrong: codes_kept
codes = {}

@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    if not codes:
        codes["a"], codes["b"] = model.encode(x_start)[0], model.encode(x_end)[0]
    return torch.sigmoid(model.decode(torch.lerp(codes["a"], codes["b"], torch.linspace(0, 1, steps)[:, None])))

# wrong: with_gradient
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: with_gradient - no_grad around encode only
def interpolate(model, x_start, x_end, steps):
    with torch.no_grad():
        a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    return torch.sigmoid(model.decode(torch.lerp(a, b, torch.linspace(0, 1, steps)[:, None])))

# wrong: same_weight
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode(t * a + t * b))

# wrong: no_parentheses
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode(1 - t * a + t * b))

# wrong: start_twice
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_start)[0]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: from_minus_one
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(-1, 1, steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: "raised TypeError" - encode returns mu and logvar
@torch.no_grad()
def interpolate(model, x_start, x_end, steps):
    a, b = model.encode(x_start), model.encode(x_end)
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: "keep the signature" - another name for steps
@torch.no_grad()
def interpolate(model, x_start, x_end, n_steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, n_steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: "keep the signature" - steps by keyword only
@torch.no_grad()
def interpolate(model, x_start, x_end, *, steps):
    a, b = model.encode(x_start)[0], model.encode(x_end)[0]
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.sigmoid(model.decode((1 - t) * a + t * b))

# wrong: away_from_the_end
def interpolate(model, x_start, x_end, steps):
    with torch.no_grad():
        a, b = model.encode(x_start)[0], model.encode(x_end)[0]
        t = torch.linspace(0, 1, steps).view(-1, 1)
        return torch.sigmoid(model.decode(a + t * (a - b)))

# wrong: ends_moved
def interpolate(model, x_start, x_end, steps):
    with torch.no_grad():
        (m0, v0), (m1, v1) = model.encode(x_start), model.encode(x_end)
        a, b = m0 + torch.exp(v0 / 2), m1 + torch.exp(v1 / 2)
        t = torch.linspace(0, 1, steps)[:, None]
        return model.decode((1 - t) * a + t * b).sigmoid()
