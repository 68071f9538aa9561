# wrong: unstable
def iwae_bound(log_w):
    return torch.log(torch.mean(torch.exp(log_w), dim=0))

# wrong: epsilon
def iwae_bound(log_w):
    w = torch.exp(log_w)
    return torch.log(w.sum(0) / w.shape[0] + 1e-10)

# wrong: mean_of_logs
def iwae_bound(log_w):
    return log_w.sum(0) / log_w.shape[0]

# wrong: no_log_k
def iwae_bound(log_w):
    top = log_w.max(0).values
    return top + (log_w - top).exp().sum(0).log()

# wrong: plus_log_k
def iwae_bound(log_w):
    return torch.logsumexp(log_w, 0) + np.log(log_w.shape[0])

# wrong: wrong_axis
def iwae_bound(log_w):
    return torch.logsumexp(log_w, -1) - math.log(log_w.size(-1))

# wrong: wrong_k
def iwae_bound(log_w):
    return torch.logsumexp(log_w, 0) - np.log(log_w.size(1))

# wrong: no_log
def iwae_bound(log_w):
    return torch.exp(log_w).sum(0) / log_w.shape[0]

# wrong: largest
def iwae_bound(log_w):
    return torch.max(log_w, dim=0)[0]

# wrong: scalar
def iwae_bound(log_w):
    return (torch.logsumexp(log_w, 0) - math.log(log_w.shape[0])).mean(0)

# wrong: maximum_not_added
def iwae_bound(log_w):
    shifted = log_w - log_w.max(dim=0, keepdim=True).values
    return shifted.exp().mean(0).log()

# wrong: detached
def iwae_bound(log_w):
    with torch.no_grad():
        return torch.logsumexp(log_w, 0) - math.log(log_w.shape[0])

# wrong: divided
def iwae_bound(log_w):
    return torch.logsumexp(log_w, 0) / log_w.shape[0]

# wrong: keepdim
def iwae_bound(log_w):
    return torch.logsumexp(log_w, 0, keepdim=True) - math.log(log_w.shape[0])

# wrong: base_two
def iwae_bound(log_w):
    return torch.logsumexp(log_w, 0) - math.log2(log_w.shape[0])

# wrong: largest_of_batch
def iwae_bound(log_w):
    top = log_w.max()
    return torch.log(torch.exp(log_w - top).sum(0) / log_w.shape[0]) + top

# wrong: patched - NaN behind torch.where
def iwae_bound(log_w):
    plain = log_w.exp().mean(0).log()
    stable = torch.logsumexp(log_w, 0) - math.log(log_w.shape[0])
    return torch.where(log_w.abs().amax(0) < 60, plain, stable)

# wrong: detached_where_large
def iwae_bound(log_w):
    bound = torch.logsumexp(log_w, 0) - math.log(log_w.shape[0])
    return torch.where(bound.abs() > 50, bound.detach(), bound)

# wrong: gradient_of_the_mean
def iwae_bound(log_w):
    elbo = log_w.mean(0)
    return elbo + (torch.logsumexp(log_w, 0) - math.log(log_w.shape[0]) - elbo).detach()

# wrong: unstable - in float64
def iwae_bound(log_w):
    return log_w.double().exp().mean(0).log().float()

# wrong: mean_subtracted
def iwae_bound(log_w):
    m = log_w.mean(0)
    return m + torch.log(torch.mean(torch.exp(log_w - m), dim=0))

# wrong: mean_subtracted - the smallest
def iwae_bound(log_w):
    m = log_w.min(0).values
    return torch.log(torch.exp(log_w - m).sum(0)) - math.log(log_w.shape[0]) + m

# wrong: mean_subtracted - in float64, without gradient
def iwae_bound(log_w):
    m = log_w.detach().double().mean(0, keepdim=True)
    return (m + (log_w - m).exp().mean(0, keepdim=True).log()).squeeze(0).float()

# wrong: mean_subtracted - the median
def iwae_bound(log_w):
    m = log_w.median(dim=0).values
    return m + torch.log(torch.mean(torch.exp(log_w - m), dim=0))

# wrong: log_of_all
def iwae_bound(log_w):
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.numel())

# wrong: base_ten
def iwae_bound(log_w):
    return torch.logsumexp(log_w, dim=0) - math.log10(log_w.shape[0])

# wrong: base_ten - of everything
def iwae_bound(log_w):
    m = log_w.max(dim=0).values
    return m + torch.log10(torch.mean(torch.exp(log_w - m), dim=0))

# wrong: scalar - the sum over both axes
def iwae_bound(log_w):
    return torch.logsumexp(log_w, dim=(0, 1)) - math.log(log_w.shape[0])

# wrong: scalar - the sum over both axes, all counted
def iwae_bound(log_w):
    return torch.logsumexp(log_w, dim=(0, 1)) - math.log(log_w.shape[0] * log_w.shape[1])

# wrong: "shape ()" - the mean of all weights of the batch, in float64
def iwae_bound(log_w):
    return log_w.double().exp().mean().log().float()

# wrong: squeezed
def iwae_bound(log_w):
    return torch.logsumexp(log_w, 0).squeeze() - math.log(log_w.shape[0])

# wrong: "gradient with respect to log-weights" - the value of logsumexp, the gradient of the largest
def iwae_bound(log_w):
    top = log_w.max(0).values
    return top + (torch.logsumexp(log_w, 0) - math.log(log_w.shape[0]) - top).detach()

# wrong: distance_clamped
def iwae_bound(log_w):
    m = log_w.amax(0)
    return m + torch.log(torch.exp((log_w - m).clamp(min=-10)).mean(0))

# wrong: distance_clamped - at -8
def iwae_bound(log_w):
    m, _ = log_w.max(dim=0)
    return m + torch.clamp(log_w - m, -8, 0).exp().mean(dim=0).log()

# right: the largest subtracted
def iwae_bound(log_w):
    top = log_w.max(dim=0).values
    return top + torch.log(torch.mean(torch.exp(log_w - top), dim=0))

# right: log K inside, from a tensor
def iwae_bound(log_w):
    k = torch.tensor(log_w.shape[0], dtype=log_w.dtype)
    return (log_w - k.log()).logsumexp(dim=0)

# right: a loop over the images
def iwae_bound(log_w):
    return torch.stack([column.logsumexp(0) - math.log(len(column)) for column in log_w.unbind(1)])

# right: logaddexp, one weight after the other
def iwae_bound(log_w):
    total = log_w[0]
    for row in log_w[1:]:
        total = torch.logaddexp(total, row)
    return total - math.log(log_w.shape[0])

# right: float64, a detached maximum, transposed
def iwae_bound(log_w):
    weights = log_w.T.double()
    top = weights.detach().amax(1, keepdim=True)
    return ((weights - top).exp().mean(1).log() + top.squeeze(1)).float()
