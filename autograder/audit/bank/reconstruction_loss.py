# wrong: mean_over_pixels
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").mean(dim=(1, 2, 3))

# wrong: default_reduction
def reconstruction_loss(logits, x):
    return nn.BCEWithLogitsLoss()(logits, x)

# wrong: default_reduction - from probabilities
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy(torch.sigmoid(logits), x)

# wrong: sum_over_all
def reconstruction_loss(logits, x):
    return nn.BCEWithLogitsLoss(reduction="sum")(logits, x)

# wrong: sum_over_all - from probabilities
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy(torch.sigmoid(logits).view(-1, 784), x.view(-1, 784), reduction="sum")

# wrong: batch_mean
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)

# wrong: sum_over_batch
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=0)

# wrong: sum_over_batch - one number per pixel
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits.view(-1, 784), x.view(-1, 784), reduction="none").sum(dim=0)

# wrong: swapped
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(x, logits, reduction="none").sum((1, 2, 3))

# wrong: swapped - the targets are logits as well
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(x, torch.sigmoid(logits), reduction="none").sum((1, 2, 3))

# wrong: sigmoid_twice
def reconstruction_loss(logits, x):
    p = logits.sigmoid()
    return F.binary_cross_entropy_with_logits(p, x, reduction="none").flatten(1).sum(1)

# wrong: sigmoid_twice - before the formula
def reconstruction_loss(logits, x):
    p = torch.sigmoid(torch.sigmoid(logits))
    return -(x * torch.log(p) + (1 - x) * torch.log(1 - p)).flatten(1).sum(1)

# wrong: log_likelihood
def reconstruction_loss(logits, x):
    p = torch.sigmoid(logits)
    return (x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum(dim=(1, 2, 3))

# wrong: log_likelihood - through distributions
def reconstruction_loss(logits, x):
    return torch.distributions.Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1)

# wrong: last_axis
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=-1)

# wrong: keepdim - the channel is left
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=(2, 3))

# wrong: no_sum
def reconstruction_loss(logits, x):
    return nn.BCEWithLogitsLoss(reduction="none")(logits, x)

# wrong: no_sum - flattened
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1)

# wrong: detached
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits.detach(), x, reduction="none").flatten(1).sum(1)

# wrong: detached - numbers
def reconstruction_loss(logits, x):
    return torch.tensor([F.binary_cross_entropy_with_logits(l, t, reduction="sum").item() for l, t in zip(logits, x)])

# wrong: fixed_batch_size
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1) / 128

# wrong: batch_size_in_view - reshaped to the batch size of the notebook
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").view(128, -1).sum(1)

# wrong: divided_by_batch
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1) / x.size(0)

# wrong: squared_error
def reconstruction_loss(logits, x):
    return F.mse_loss(torch.sigmoid(logits), x, reduction="none").sum(dim=[1, 2, 3])

# wrong: squared_error - halved, as for a Gaussian
def reconstruction_loss(logits, x):
    return 0.5 * ((torch.sigmoid(logits) - x) ** 2).flatten(1).sum(1)

# wrong: squared_error_of_logits
def reconstruction_loss(logits, x):
    return F.mse_loss(logits, x, reduction="none").sum(dim=[1, 2, 3])

# wrong: absolute_error
def reconstruction_loss(logits, x):
    return F.l1_loss(torch.sigmoid(logits), x, reduction="none").sum(dim=[1, 2, 3])

# wrong: bright_only
def reconstruction_loss(logits, x):
    p = torch.sigmoid(logits)
    return -(x * torch.log(p)).sum(dim=(1, 2, 3))

# wrong: dark_only
def reconstruction_loss(logits, x):
    return -((1 - x) * F.logsigmoid(-logits)).flatten(1).sum(1)

# wrong: wrong_dark_term - (1 - x) log(p)
def reconstruction_loss(logits, x):
    p = torch.sigmoid(logits)
    return -(x * torch.log(p) + (1 - x) * torch.log(p)).flatten(1).sum(1)

# wrong: keepdim
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1, keepdim=True)

# wrong: keepdim - all axes kept
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((1, 2, 3), keepdim=True)

# wrong: squeezed
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").squeeze().sum((-1, -2))

# wrong: binarised
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, (x > 0.5).float(), reduction="none").flatten(1).sum(1)

# wrong: no_sigmoid - logits taken for probabilities
def reconstruction_loss(logits, x):
    p = logits.clamp(1e-6, 1 - 1e-6)
    return F.binary_cross_entropy(p, x, reduction="none").flatten(1).sum(1)

# wrong: softmax
def reconstruction_loss(logits, x):
    return -(x.flatten(1) * F.log_softmax(logits.flatten(1), dim=1)).sum(1)

# wrong: softmax - cross_entropy over the pixels
def reconstruction_loss(logits, x):
    return F.cross_entropy(logits.flatten(1), x.flatten(1), reduction="none")

# wrong: in_place
def reconstruction_loss(logits, x):
    p = logits.sigmoid_()
    return F.binary_cross_entropy(p, x, reduction="none").flatten(1).sum(1)

# wrong: in_place - the images are rounded
def reconstruction_loss(logits, x):
    x.round_()
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)

# wrong: base_two
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1) / math.log(2)

# wrong: entropy_removed - a KL between pixels
def reconstruction_loss(logits, x):
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    entropy = -(torch.xlogy(x, x) + torch.xlogy(1 - x, 1 - x))
    return (bce - entropy).flatten(1).sum(1)

# right: summed over three axes
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=(1, 2, 3))

# right: the loss as a module
def reconstruction_loss(logits, x):
    criterion = nn.BCEWithLogitsLoss(reduction="none")
    return criterion(logits.reshape(len(x), -1), x.reshape(len(x), -1)).sum(-1)

# right: torch.distributions
def reconstruction_loss(logits, x):
    p = torch.distributions.Bernoulli(logits=logits, validate_args=False)
    return -p.log_prob(x).sum([1, 2, 3])

# right: independent Bernoulli pixels
def reconstruction_loss(logits, x):
    pixels = torch.distributions.Bernoulli(logits=logits, validate_args=False)
    return -Independent(pixels, 3, validate_args=False).log_prob(x)

# right: softplus
def reconstruction_loss(logits, x):
    return (F.softplus(logits) - x * logits).flatten(start_dim=1).sum(dim=1)

# right: logsigmoid
def reconstruction_loss(logits, x):
    bright, dark = F.logsigmoid(logits), F.logsigmoid(-logits)
    return -(x * bright + (1 - x) * dark).view(x.size(0), -1).sum(1)

# right: from probabilities
def reconstruction_loss(logits, x):
    p = torch.sigmoid(logits)
    return F.binary_cross_entropy(p, x, reduction="none").flatten(1).sum(1)

# right: the formula by hand
def reconstruction_loss(logits, x):
    p = torch.sigmoid(logits)
    return -(x * torch.log(p + 1e-8) + (1 - x) * torch.log(1 - p + 1e-8)).flatten(1).sum(1)

# right: one image after the other
def reconstruction_loss(logits, x):
    return torch.stack([F.binary_cross_entropy_with_logits(l, t, reduction="sum") for l, t in zip(logits, x)])

# right: einsum in float64
def reconstruction_loss(logits, x):
    logits, x = logits.double().flatten(1), x.double().flatten(1)
    return torch.logaddexp(logits, torch.zeros_like(logits)).sum(1) - torch.einsum("np,np->n", x, logits)

# right: mean times 784
def reconstruction_loss(logits, x):
    return 784 * F.binary_cross_entropy_with_logits(logits, x, reduction="none").mean((1, 2, 3))

# right: vmap
def one(l, t):
    return F.binary_cross_entropy_with_logits(l, t, reduction="sum")

reconstruction_loss = torch.vmap(one)

# wrong: "differ" - probabilities kept from 0 and 1
def reconstruction_loss(logits, x):
    p = torch.sigmoid(logits).clamp(0.01, 0.99)
    return F.binary_cross_entropy(p, x, reduction="none").flatten(1).sum(1)

# wrong: minus_dark_term
def reconstruction_loss(logits, x):
    p = torch.sigmoid(logits)
    return -(x * torch.log(p)).sum((1, 2, 3)) + ((1 - x) * torch.log(1 - p)).sum((1, 2, 3))

# wrong: exchanged
def reconstruction_loss(logits, x):
    p = torch.sigmoid(logits)
    return -((1 - x) * torch.log(p) + x * torch.log(1 - p)).flatten(1).sum(1)

# wrong: exchanged - the negative as the target
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, 1 - x, reduction="none").flatten(1).sum(1)

# wrong: halved
def reconstruction_loss(logits, x):
    return 0.5 * F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((1, 2, 3))

# wrong: squared_error - the Gaussian likelihood, with its constant
def reconstruction_loss(logits, x):
    p = torch.distributions.Normal(logits.sigmoid(), 1.0)
    return -p.log_prob(x).sum(dim=(1, 2, 3))

# wrong: normalised
def reconstruction_loss(logits, x):
    target = (x - 0.5) / 0.5
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").flatten(1).sum(1)

# wrong: logits_as_probabilities
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy(logits, x, reduction="none").sum((1, 2, 3))

# wrong: logits_as_probabilities - as a module
def reconstruction_loss(logits, x):
    return nn.BCELoss(reduction="none")(logits, x).flatten(1).sum(1)
