import math

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from utils import distance_to_prior, fit, load_digits
from utils.data import ImageSet
from utils.training import evaluate


class VAE(nn.Module):
    def __init__(self, hidden=32, latent_dim=4):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent_dim)
        )
        self.decoder = nn.Sequential(nn.Linear(latent_dim, hidden), nn.ReLU(), nn.Linear(hidden, 784))

    def forward(self, x):
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        z = mu + torch.randn_like(mu) * (logvar / 2).exp()
        return self.decoder(z).view_as(x), mu, logvar


def objective(model, x, y):
    logits, mu, logvar = model(x)
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1).mean()
    kl = (mu**2 + logvar.exp() - 1 - logvar).sum(1).mean() / 2
    return {"reconstruction": reconstruction, "kl": kl, "total": reconstruction + kl}


def new(seed=0):
    torch.manual_seed(seed)
    return VAE()


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def some(digits):
    return digits[0].take(300), digits[1].take(70)


def test_the_history_has_each_value_for_each_epoch(some):
    model = new()
    history = fit(model, *some, objective, epochs=3, progress=False)
    assert history.epochs == 3 == len(history.seconds)
    for record in (history.train, history.test):
        assert set(record) == {"total", "reconstruction", "kl"}
        for total, reconstruction, kl in zip(*(record[name] for name in ("total", "reconstruction", "kl"))):
            assert total == pytest.approx(reconstruction + kl, rel=1e-4)
    assert history.test["total"][2] < history.test["total"][0]
    assert not model.training


def test_a_compiled_objective_trains_the_same(some, monkeypatch):
    """With torch.compile's eager backend, which needs no compiler: captured and replayed, not translated."""
    compile_, used = torch.compile, []

    def eager(objective):
        used.append(objective)
        return compile_(objective, backend="eager")

    monkeypatch.setattr(torch, "compile", eager)
    plain, compiled = (fit(new(), *some, objective, epochs=2, compile=on, progress=False) for on in (False, True))
    assert used == [objective]
    assert compiled.test["total"] == pytest.approx(plain.test["total"], rel=1e-5)


def plain_loop(model, train, test, epochs, seed):
    """The loop that everybody would write, one image set and one number at a time."""
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    curve = []
    for _ in range(epochs):
        model.train()
        order = torch.randperm(len(train))
        for start in range(0, len(train), 128):
            index = order[start : start + 128]
            loss = objective(model, train.images[index], train.labels[index])["total"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            losses = [objective(model, x[None], None)["total"].item() for x in test.images]
        curve.append(sum(losses) / len(losses))
    return torch.tensor(curve)


def test_the_learning_curve_is_that_of_a_plain_loop(digits):
    train, test = digits[0], digits[1].take(100)
    seeds, epochs = range(4), 6
    plain = torch.stack([plain_loop(new(seed), train, test, epochs, seed) for seed in seeds])
    histories = [
        fit(new(seed), train, test, objective, epochs=epochs, seed=seed, progress=False) for seed in seeds
    ]
    ours = torch.tensor([history.test["total"] for history in histories])
    spread = (plain.var(0) + ours.var(0)).sqrt()  # of a difference between two single runs
    assert ((plain.mean(0) - ours.mean(0)).abs() < 2 * spread + 0.2).all(), (plain, ours)


def test_without_noise_it_is_the_plain_loop_step_by_step(some):
    train, test = some

    def deterministic(model, x, y):
        return {"total": F.mse_loss(model.decoder(model.encoder(x)[:, :4]).view_as(x), x)}

    ours, plain = new(), new()
    fit(ours, train, test, deterministic, epochs=2, batch_size=64, lr=0.01, seed=5, progress=False)
    optimizer, order = torch.optim.Adam(plain.parameters(), lr=0.01), torch.Generator().manual_seed(5)
    for _ in range(2):
        for x, y in train.batches(64, generator=order):
            optimizer.zero_grad()
            deterministic(plain, x, y)["total"].backward()
            optimizer.step()
    for one, other in zip(ours.parameters(), plain.parameters()):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_seed_fixes_the_run_and_leaves_torchs_own_state(some):
    def run(seed):
        model = new()
        before = torch.get_rng_state()
        total = fit(model, *some, objective, epochs=1, seed=seed, progress=False).test["total"]
        assert torch.equal(before, torch.get_rng_state())
        return total

    assert run(1) == run(1) != run(2)


def test_after_each_epoch_the_model_can_be_looked_at(some):
    seen = []

    def look(model, history):
        seen.append((history.epochs, history.test["total"][-1], model.encoder[1].weight.sum().item()))

    history = fit(new(), *some, objective, epochs=3, progress=False, after_epoch=look)
    assert [epoch for epoch, *_ in seen] == [1, 2, 3]
    assert [total for _, total, _ in seen] == history.test["total"]
    assert len({weights for *_, weights in seen}) == 3


def test_the_test_value_is_the_mean_over_all_images(some):
    def brightness(model, x, y):
        return {"total": x.mean() + 0 * next(model.parameters()).sum()}

    test = ImageSet(torch.rand(1201, 1, 28, 28), torch.zeros(1201, dtype=torch.long))
    assert evaluate(new(), test, brightness)["total"] == pytest.approx(test.images.mean().item(), rel=1e-5)


def test_no_number_is_read_from_the_device_in_a_step(some, monkeypatch):
    reads = []
    item, tolist = torch.Tensor.item, torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "item", lambda self: reads.append(1) or item(self))
    monkeypatch.setattr(torch.Tensor, "tolist", lambda self: reads.append(1) or tolist(self))
    fit(new(), *some, objective, epochs=2, batch_size=4, progress=False)
    assert len(reads) < 2 * 4 + 5  # four means in each epoch, and a few reads before the first


def test_tiny_numbers_are_flushed_during_training_only(some):
    def is_flushed():
        return (torch.tensor([1e-39]) * 0.5).item() == 0

    seen = []
    fit(new(), *some, lambda *args: seen.append(is_flushed()) or objective(*args), epochs=1, progress=False)
    assert all(seen) and not is_flushed()


def test_layers_that_are_built_when_first_used_are_trained(some):
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(784))

    def loss(model, x, y):
        return {"total": F.mse_loss(model(x), x.flatten(1))}

    history = fit(model, *some, loss, epochs=3, progress=False)
    assert history.test["total"][-1] < history.test["total"][0]


def test_the_bar_shows_train_and_test(some, capsys):
    fit(new(), *some, objective, epochs=2)
    said = capsys.readouterr()
    assert "epoch 2/2" in said.out and "train" in said.out and "test" in said.out and not said.err


@pytest.mark.parametrize("wrong, sentence", [
    (lambda model, x, y: objective(model, x, y)["total"], 'dict with a "total"'),
    (lambda model, x, y: {"loss": objective(model, x, y)["total"]}, 'dict with a "total"'),
    (lambda model, x, y: {"total": model(x)[1].sum(1)}, "scalar tensor"),
    (lambda model, x, y: {"total": objective(model, x, y)["total"].item()}, "scalar tensor"),
    (lambda model, x, y: {"total": objective(model, x, y)["total"].detach()}, "detached"),
])
def test_an_objective_that_cannot_be_trained_says_why(some, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit(new(), *some, wrong, epochs=1, progress=False)


def test_a_loss_that_is_not_a_number_stops_the_training(some):
    with pytest.raises(FloatingPointError, match="epoch 1"):
        fit(new(), *some, lambda m, x, y: {"total": m(x)[1].mean() * math.inf}, epochs=3, progress=False)


def test_a_model_on_another_device_says_what_to_do(some):
    def loss(model, x, y):
        return {"total": torch.zeros((), requires_grad=True)}

    with pytest.raises(ValueError, match="model.to"):
        fit(VAE().to("meta"), *some, loss, epochs=1, progress=False)


def test_the_distance_to_the_prior_is_the_kl_of_a_fitted_gaussian():
    torch.manual_seed(0)
    z = torch.randn(200_000, 3)
    assert distance_to_prior(z) == pytest.approx(0, abs=1e-3)
    mean, std = torch.tensor([1.0, 0.0, -2.0]), torch.tensor([0.5, 1.0, 2.0])
    fitted = torch.distributions.Independent(torch.distributions.Normal(mean, std), 1)
    prior = torch.distributions.Independent(torch.distributions.Normal(torch.zeros(3), torch.ones(3)), 1)
    expected = torch.distributions.kl_divergence(fitted, prior).item()
    assert distance_to_prior(z * std + mean) == pytest.approx(expected, rel=0.01)


def test_the_distance_of_collapsed_codes_is_infinite():
    assert distance_to_prior(torch.ones(10, 2)) == math.inf
    with pytest.raises(ValueError, match="two rows"):
        distance_to_prior(torch.ones(1, 2))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("option", ["graph", "bfloat16"])
def test_fast_training_on_cuda_learns_the_same(option):
    train, test = load_digits(device="cuda")
    plain = fit(new().cuda(), train, test, objective, epochs=4, progress=False)
    fast = fit(new().cuda(), train, test, objective, epochs=4, progress=False, **{option: True})
    assert fast.test["total"][-1] == pytest.approx(plain.test["total"][-1], rel=0.02)
