# wrong: std
def active_units(mu):
    return (torch.std(mu, 0) > 1e-2).sum().item()

# wrong: wrong_axis
def active_units(mu):
    return (torch.var(mu, 1) > 1e-2).sum().item()

# wrong: mean
def active_units(mu):
    return (torch.mean(mu, 0).abs() > 1e-2).sum().item()

# wrong: mean_square
def active_units(mu):
    return int(((mu ** 2).mean(0) > 1e-2).sum())

# wrong: inactive
def active_units(mu):
    return (torch.var(mu, 0) <= 1e-2).sum().item()

# wrong: which
def active_units(mu):
    return torch.var(mu, 0) > 1e-2

# wrong: share
def active_units(mu):
    return (torch.var(mu, 0) > 1e-2).double().mean().item()

# wrong: threshold
def active_units(mu):
    return (torch.var(mu, 0) > 0.1).sum().item()

# wrong: variances
def active_units(mu):
    return torch.var(mu, dim=0)

# wrong: as_float
def active_units(mu):
    return (torch.var(mu, 0) > 1e-2).float().sum().item()

# wrong: above_zero
def active_units(mu):
    return torch.count_nonzero(torch.var(mu, 0)).item()

# wrong: latents
def active_units(mu):
    return mu.size(1)

# wrong: threshold - 0.02
def active_units(mu):
    return (torch.var(mu, 0) > 2e-2).sum().item()

# wrong: threshold - 0.005
def active_units(mu):
    return (torch.var(mu, 0) > 5e-3).sum().item()

# wrong: variance_of_mean
def active_units(mu):
    return (torch.var(mu, 0) / mu.size(0) > 1e-2).sum().item()

# wrong: sum_of_squares
def active_units(mu):
    centred = mu - mu.mean(0)
    return ((centred ** 2).sum(0) > 1e-2).sum().item()

# wrong: first_half
def active_units(mu):
    return (torch.var(mu[:mu.size(0) // 2], 0) > 1e-2).sum().item()

# wrong: range_of_values
def active_units(mu):
    return ((mu.max(0).values - mu.min(0).values) > 0.4).sum().item()

# wrong: range_of_values - the mean absolute deviation
def active_units(mu):
    return ((mu - mu.mean(0)).abs().mean(0) > 0.08).sum().item()

# wrong: range_of_values - the interquartile range
def active_units(mu):
    low, high = torch.quantile(mu, torch.tensor([0.25, 0.75]), dim=0)
    return (high - low > 0.12).sum().item()

# wrong: first_left_out
def active_units(mu):
    return sum(int(mu[:, i].var() > 0.01) for i in range(1, mu.shape[1]))

# right: the biased variance
def active_units(mu):
    return int((mu.var(0, unbiased=False) > 0.01).sum())

# right: by hand, a tensor
def active_units(mu):
    centred = mu - mu.mean(0, keepdim=True)
    return ((centred ** 2).mean(0) > 0.01).sum()

# right: NumPy
def active_units(mu):
    return np.count_nonzero(np.cov(mu.numpy().T.reshape(mu.shape[1], -1)).reshape(mu.shape[1], -1).diagonal() > 0.01)

# right: a loop
def active_units(mu):
    count = 0
    for latent in mu.T:
        if latent.var().item() > 0.01:
            count += 1
    return count
