# wrong: encoded_with_new
@torch.no_grad()
def relabel(model, x, y, new_y):
    mu = model.encode(x, new_y)[0]
    return model.decode(mu, new_y).sigmoid()

# wrong: decoded_with_old
@torch.no_grad()
def relabel(model, x, y, new_y):
    mu = model.encode(x, y)[0]
    return model.decode(mu, y).sigmoid()

# wrong: exchanged
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model.decode(model.encode(x, new_y)[0], y).sigmoid()

# wrong: sampled
@torch.no_grad()
def relabel(model, x, y, new_y):
    mu, logvar = model.encode(x, y)
    return model.decode(Normal(mu, logvar.mul(0.5).exp()).sample(), new_y).sigmoid()

# wrong: sampled - by way of forward, whose pictures are drawn with y
@torch.no_grad()
def relabel(model, x, y, new_y):
    logits, mu, logvar = model(x, y)
    return model.decode(mu + torch.exp(logvar / 2) * torch.randn_like(mu), new_y).sigmoid()

# wrong: decoded_with_old, sampled - the reconstruction of forward
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model(x, y)[0].sigmoid()

# wrong: sampled - forward with the new label
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model(x, new_y)[0].sigmoid()

# wrong: logits
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model.decode(model.encode(x, y)[0], new_y)

# wrong: flat
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model.decode(model.encode(x, y)[0], new_y).sigmoid().reshape(len(x), -1)

# wrong: decodes_logvar
@torch.no_grad()
def relabel(model, x, y, new_y):
    _, mu = model.encode(x, y)
    return model.decode(mu, new_y).sigmoid()

# wrong: first_label
@torch.no_grad()
def relabel(model, x, y, new_y):
    target = torch.full_like(y, new_y[0].item())
    return model.decode(model.encode(x, y)[0], target).sigmoid()

# wrong: first_label
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model.decode(model.encode(x, y[0].repeat(len(y)))[0], new_y).sigmoid()

# wrong: unchanged
@torch.no_grad()
def relabel(model, x, y, new_y):
    return 1.0 * x

# wrong: no_style
@torch.no_grad()
def relabel(model, x, y, new_y):
    mu, _ = model.encode(x, y)
    return model.decode(torch.zeros_like(mu), new_y).sigmoid()

# wrong: sampled
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model.decode(torch.randn(len(x), model.latent_dim), new_y).sigmoid()

# wrong: sigmoid_twice
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model.decode(model.encode(x, y)[0], new_y).sigmoid().sigmoid()

# wrong: difference_of_labels
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model.decode(model.encode(x, y)[0], (new_y - y) % 10).sigmoid()

# wrong: blended - half of the old picture
@torch.no_grad()
def relabel(model, x, y, new_y):
    return 0.5 * x + 0.5 * model.decode(model.encode(x, y)[0], new_y).sigmoid()

# wrong: first_image
@torch.no_grad()
def relabel(model, x, y, new_y):
    mu = model.encode(x[:1], y[:1])[0]
    return model.decode(mu.expand(len(x), -1), new_y).sigmoid()

# wrong: constant_label - encoded with zeros
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model.decode(model.encode(x, torch.zeros_like(y))[0], new_y).sigmoid()

# wrong: batch_mean - the mean style of the batch
@torch.no_grad()
def relabel(model, x, y, new_y):
    mu = model.encode(x, y)[0].mean(0, keepdim=True)
    return model.decode(mu.expand(len(x), -1), new_y).sigmoid()

# wrong: "in place"
@torch.no_grad()
def relabel(model, x, y, new_y):
    mu = model.encode(x, y)[0]
    y.copy_(new_y)
    return model.decode(mu, y).sigmoid()

# wrong: same_shift - as far as the first image's label moves
@torch.no_grad()
def relabel(model, x, y, new_y):
    shift = new_y[0] - y[0]
    return model.decode(model.encode(x, y)[0], (y + shift) % 10).sigmoid()

# wrong: kept_where_equal
@torch.no_grad()
def relabel(model, x, y, new_y):
    out = model.decode(model.encode(x, y)[0], new_y).sigmoid()
    out[y == new_y] = x[y == new_y]
    return out

# right: the mean from forward
@torch.no_grad()
def relabel(model, x, y, new_y):
    _, mu, _ = model(x, y)
    return torch.sigmoid(model.decode(mu, new_y))

# right: one image at a time
@torch.inference_mode()
def relabel(model, x, y, new_y):
    out = [model.decode(model.encode(x[i:i + 1], y[i:i + 1])[0], new_y[i:i + 1]) for i in range(len(x))]
    return torch.cat(out).sigmoid()

# right: through distributions
@torch.no_grad()
def relabel(model, x, y, new_y):
    q = Normal(model.encode(x, y)[0], 1.0)
    return torch.distributions.Bernoulli(logits=model.decode(q.mean, new_y)).probs

# right: eval mode, helper
def style(model, x, y):
    mu, logvar = model.encode(x, y)
    return mu

def relabel(model, x, y, new_y):
    model.eval()
    with torch.no_grad():
        return torch.special.expit(model.decode(style(model, x, y), new_y))

# wrong: with_gradient
def relabel(model, x, y, new_y):
    mu, logvar = model.encode(x, y)
    return torch.sigmoid(model.decode(mu, new_y))

# wrong: with_gradient - no_grad around encode only
def relabel(model, x, y, new_y):
    with torch.no_grad():
        mu, _ = model.encode(x, y)
    return model.decode(mu, new_y).sigmoid()

# wrong: "got a tuple"
@torch.no_grad()
def relabel(model, x, y, new_y):
    z = model.encode(x, y)
    return model.decode(z, new_y).sigmoid()

# wrong: squeezed
@torch.no_grad()
def relabel(model, x, y, new_y):
    mu = model.encode(x, y)[0].squeeze()
    return model.decode(mu, new_y).sigmoid()

# wrong: "missing 1 required" - encoded without a label
@torch.no_grad()
def relabel(model, x, y, new_y):
    return model.decode(model.encode(x)[0], new_y).sigmoid()

# wrong: style_moved
def relabel(model, x, y, new_y):
    with torch.no_grad():
        mu, logvar = model.encode(x, y)
        std = torch.exp(logvar / 2)
        return model.decode(mu + std, new_y).sigmoid()

# wrong: rounded
def relabel(model, x, y, new_y):
    with torch.no_grad():
        mu = model.encode(x, y)[0]
        return (model.decode(mu, new_y).sigmoid() > 0.5).float()

# wrong: bernoulli
@torch.no_grad()
def relabel(model, x, y, new_y):
    return torch.distributions.Bernoulli(logits=model.decode(model.encode(x, y)[0], new_y)).sample()
