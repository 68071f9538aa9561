# wrong: new_z_for_each_cell
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(10 * n_styles, model.latent_dim)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: repeat_for_interleave
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat(10, 1)
    y = torch.tensor(list(range(10)) * n_styles)
    return torch.sigmoid(model.decode(z, y))

# wrong: transposed
@torch.no_grad()
def style_grid(model, n_styles):
    styles = torch.randn(n_styles, model.latent_dim)
    rows = [model.decode(styles, torch.full((n_styles,), d)) for d in range(10)]
    return torch.sigmoid(torch.cat(rows))

# wrong: labels_interleaved
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    y = torch.tensor([d for d in range(10) for _ in range(n_styles)])
    return torch.sigmoid(model.decode(z, y))

# wrong: one_z
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(model.latent_dim).repeat(10 * n_styles, 1)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: one_z_per_column - the style belongs to the digit
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(10, model.latent_dim).repeat(n_styles, 1)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: uniform
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.rand(n_styles, model.latent_dim).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: zeros
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.zeros(n_styles * 10, model.latent_dim)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: logits
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    return model.decode(z, torch.arange(10).repeat(n_styles))

# wrong: five_axes
@torch.no_grad()
def style_grid(model, n_styles):
    styles = torch.randn(n_styles, model.latent_dim)
    return torch.stack([model.decode(z.repeat(10, 1), torch.arange(10)).sigmoid() for z in styles])

# wrong: reversed_digits
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(9, -1, -1).repeat(n_styles)))

# wrong: shifted_digits
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(1, 11).repeat(n_styles) % 10))

# wrong: seeded
@torch.no_grad()
def style_grid(model, n_styles):
    torch.manual_seed(0)
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: "same noise" - the same styles in each call
g = torch.randn(1000, 64)

@torch.no_grad()
def style_grid(model, n_styles):
    z = g[:n_styles, :model.latent_dim].repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: one_digit
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.zeros(10 * n_styles, dtype=torch.long)))

# wrong: "another digit", random_digits
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.randint(10, (10 * n_styles,))))

# wrong: "(27, 1, 28, 28)"
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(9, 0)
    return torch.sigmoid(model.decode(z, torch.arange(9).repeat(n_styles)))

# wrong: "(10, 1, 28, 28)"
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(1, model.latent_dim).repeat(10, 1)
    return torch.sigmoid(model.decode(z, torch.arange(10)))

# wrong: wide
@torch.no_grad()
def style_grid(model, n_styles):
    z = 3 * torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: "same noise" - a line through the latent space
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.linspace(-2, 2, n_styles)[:, None].repeat(1, model.latent_dim).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: "(30, 784)"
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles))).flatten(1)

# wrong: "applied twice"
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)).sigmoid())

# wrong: "has shape" - five rows at once, the rest is lost
@torch.no_grad()
def style_grid(model, n_styles):
    rows = min(n_styles, 5)
    y = torch.arange(10).repeat(rows)
    z = [torch.randn(rows, model.latent_dim).repeat_interleave(10, dim=0) for _ in range(n_styles // rows)]
    return torch.cat([model.decode(one, y).sigmoid() for one in z])

# right: row by row
@torch.no_grad()
def style_grid(model, n_styles):
    rows, device = [], next(model.parameters()).device
    for _ in range(n_styles):
        z = torch.randn(1, model.latent_dim, device=device).expand(10, -1)
        rows.append(torch.sigmoid(model.decode(z, torch.arange(10, device=device))))
    return torch.cat(rows, dim=0)

# right: expand and reshape
@torch.no_grad()
def style_grid(model, n_styles):
    device = next(model.parameters()).device
    z = torch.randn(n_styles, 1, model.latent_dim, device=device).expand(-1, 10, -1).reshape(n_styles * 10, -1)
    y = torch.arange(10, device=device).expand(n_styles, 10).reshape(-1)
    return model.decode(z, y).sigmoid()

# right: column by column, put in order
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).to(next(model.parameters()))
    columns = [model.decode(z, torch.full((n_styles,), d, device=z.device)) for d in range(10)]
    return torch.stack(columns, dim=1).flatten(0, 1).sigmoid()

# right: an index
@torch.inference_mode()
def style_grid(model, n_styles):
    styles = next(model.parameters()).new_empty(n_styles, model.latent_dim).normal_()
    cells = torch.arange(n_styles * 10, device=styles.device)
    return torch.sigmoid(model.decode(styles[cells // 10], cells % 10))

# right: cell by cell, detached
def style_grid(model, n_styles):
    z = Normal(0.0, 1.0).sample((n_styles, model.latent_dim)).to(next(model.parameters()).device)
    cells = [(style, torch.tensor([d], device=z.device)) for style in z for d in range(10)]
    return torch.cat([torch.sigmoid(model.decode(s[None], d)) for s, d in cells]).detach()

# right: no_grad for the whole function
@torch.no_grad()
def style_grid(model, n_styles):
    device = next(model.parameters()).device
    z = torch.randn(n_styles, model.latent_dim, device=device).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(10, device=device).repeat(n_styles)))

# wrong: "share one noise" - one number for all latents
def style_grid(model, n_styles):
    with torch.no_grad():
        z = torch.randn(n_styles, 1).expand(-1, model.latent_dim).repeat_interleave(10, dim=0)
        return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: "depend on each other" - the second half mirrors the first
def style_grid(model, n_styles):
    half = torch.randn((n_styles + 1) // 2, model.latent_dim)
    z = torch.cat([half, -half])[:n_styles]
    with torch.no_grad():
        return torch.sigmoid(model.decode(z.repeat_interleave(10, dim=0), torch.arange(10).repeat(n_styles)))

# wrong: "spread" - styles closer to the mean than the prior's
def style_grid(model, n_styles):
    z = 0.9 * torch.randn(n_styles, model.latent_dim)
    with torch.no_grad():
        return torch.sigmoid(model.decode(z.repeat_interleave(10, dim=0), torch.arange(10).repeat(n_styles)))

# wrong: squeezed
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).squeeze(0).repeat_interleave(10, dim=0)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))

# wrong: "n_styles = 1 share" - a single row shows the mean
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim) if n_styles > 1 else torch.zeros(1, model.latent_dim)
    return torch.sigmoid(model.decode(z.repeat_interleave(10, 0), torch.arange(10).repeat(n_styles)))

# wrong: "share a style" - the first row shows the mean
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim)
    z[0] = 0
    return torch.sigmoid(model.decode(z.repeat_interleave(10, 0), torch.arange(10).repeat(n_styles)))

# wrong: to_and_fro
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    y = torch.arange(10).repeat(n_styles).view(-1, 10).clone()
    y[1::2] = y[1::2].flip(1)
    return torch.sigmoid(model.decode(z, y.flatten()))

# right: as short as can be
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, dim=0)
    with torch.no_grad():
        return model.decode(z, torch.arange(10).repeat(n_styles)).sigmoid()

# wrong: with_gradient
def style_grid(model, n_styles):
    z = torch.randn(n_styles, model.latent_dim).repeat_interleave(10, 0)
    y = torch.arange(10).repeat(n_styles)
    return model.decode(z, y).sigmoid()

# wrong: with_gradient - row by row
def style_grid(model, n_styles):
    rows = []
    for _ in range(n_styles):
        z = torch.randn(1, model.latent_dim).expand(10, -1)
        rows.append(torch.sigmoid(model.decode(z, torch.arange(10))))
    return torch.cat(rows)

# wrong: "decode needs z of shape" - a fixed size
@torch.no_grad()
def style_grid(model, n_styles):
    z = torch.randn(n_styles, 20).repeat_interleave(10, 0)
    return torch.sigmoid(model.decode(z, torch.arange(10).repeat(n_styles)))
