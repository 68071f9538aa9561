import csv
from dataclasses import replace
import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal
import torch.nn.functional as F

from experiments import __main__ as command
from experiments import bounds, compare, latent, restore, runs
from experiments.models import AE, CVAE, VAE, DeepVAE, new, objective
from experiments.study import Images, Study, split
from experiments.table import Table
from utils import fit, load_digits
from utils.data import ImageSet


@pytest.fixture(scope="module")
def images():
    train, test = load_digits()
    return split(train.take(300), test.take(60), n_validation=40)


# ---------------------------------------------------------------- tables and studies


def counted(calls, broken_at=None):
    def run(images, epochs, size, seed):
        calls.append((size, seed))
        if len(calls) == broken_at:
            raise KeyboardInterrupt
        return {"lines": [{"part": part, "value": size + seed / 3} for part in "ab"], "sums": [{"value": size}]}

    return Study(run, over={"size": (2, 1)}, epochs=1, seeds=2, tables=(
        Table("lines", "size seed part value", "size seed"),
        Table("sums", "size seed value", "size seed"),
    ))


def contents(folder):
    return {path.name: path.read_text() for path in folder.glob("*")}


@pytest.mark.parametrize("broken_at", [1, 2, 4])
def test_what_was_interrupted_goes_on_without_repeating_or_losing_a_row(tmp_path, broken_at):
    whole, calls = [], []
    counted(whole).fill(tmp_path / "whole", None, say=whole.append)
    with pytest.raises(KeyboardInterrupt):
        counted(calls, broken_at).fill(tmp_path / "parts", None)
    calls.pop()
    counted(calls).fill(tmp_path / "parts", None)
    assert calls == [(2, 0), (1, 0), (2, 1), (1, 1)]
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    counted(calls).fill(tmp_path / "parts", None)
    assert len(calls) == 4


def test_a_setting_whose_second_table_was_not_written_is_run_again_and_replaced(tmp_path):
    study, calls = counted([]), []
    study.fill(tmp_path, None)
    before = contents(tmp_path)
    (tmp_path / "sums.csv").unlink()
    counted(calls).fill(tmp_path, None)
    assert len(calls) == 4 and contents(tmp_path) == before


def test_one_table_can_be_asked_for_with_only_its_settings(tmp_path):
    calls = []
    study = counted(calls)
    few = replace(study, tables=(study.tables[0], Table("sums", "size value", "size", {"size": [1]})))
    few.fill(tmp_path, None, "sums", seeds=1)
    assert calls == [(1, 0)]


def test_numbers_are_rounded_and_a_missing_one_is_an_error(tmp_path):
    table = Table("t", "seed a b", "seed")
    table.put(tmp_path, {"seed": 3}, [{"a": 0.25, "b": 1 / 3}, {"a": 7, "b": 2.0}])
    assert (tmp_path / "t.csv").read_text() == "seed,a,b\n3,0.25,0.3333\n3,7,2\n"
    with pytest.raises(KeyError):
        table.put(tmp_path, {"seed": 4}, [{"a": 1}])
    assert len(table.read(tmp_path)) == 2


def test_the_validation_pictures_are_no_training_pictures():
    pictures = ImageSet(torch.arange(50.0).view(-1, 1, 1, 1), torch.arange(50))
    parts = split(pictures, pictures.take(3), n_validation=10)
    train, validation = parts.train.labels.tolist(), parts.validation.labels.tolist()
    assert len(validation) == 10 and sorted(train + validation) == list(range(50))
    assert validation == split(pictures, None, n_validation=10).validation.labels.tolist()


# ---------------------------------------------------------------- latent dimensions


@pytest.mark.parametrize("losses, patience, expected", [
    ([5, 4, 3, 3, 4, 2], 2, (5, 3)),
    ([5, 4, 3, 3, 2, 2], 2, (6, 5)),
    ([1, 2, 3], 1, (2, 1)),
    ([3, 2, 1], 5, (3, 3)),
])
def test_early_stopping_waits_for_as_many_epochs_as_its_patience(losses, patience, expected):
    assert latent.early_stopping(losses, patience) == expected


def test_early_stopping_looks_at_validation_and_never_at_test(images):
    """The validation pictures are negatives here: they become dearer from the start, while the test pictures
    become cheaper until the end."""
    negative = ImageSet(1 - images.validation.images, images.validation.labels)
    rows = latent.run(Images(images.train, negative, images.test), epochs=9, latent_dim=3, seed=0)

    def curve(split, name="total"):
        return [row[name] for row in rows["curves"] if row["split"] == split]

    validation, test = curve("validation"), curve("test")
    best = validation.index(min(validation))
    assert best + 5 < 8 and test[-1] < test[best]
    whole, stopped = rows["latent_dims"]
    assert (whole["protocol"], whole["epochs"], whole["total"]) == ("9 epochs", 9, test[-1])
    assert (stopped["epochs"], stopped["total"], stopped["kl"]) == (best + 6, test[best], curve("test", "kl")[best])
    assert 0 < stopped["seconds"] < whole["seconds"]


def test_every_table_of_the_latent_study_is_filled(images, tmp_path, monkeypatch):
    monkeypatch.setattr(latent, "SHOWN_AT", (1, 2))
    latent.study.fill(tmp_path, images, epochs=2)
    tables = {table.name: table.read(tmp_path) for table in latent.study.tables}
    assert {name: len(rows) for name, rows in tables.items()} == {
        "codes": 2 * 60, "codes3d": 60, "curves": 6 * 2 * 3, "kl_per_dim": 2 + 3 + 5 + 10 + 15 + 20, "latent_dims": 12}
    first, second = tables["codes"][:60], tables["codes"][60:]
    assert [row["label"] for row in first] == [row["label"] for row in second]
    assert [row["mu1"] for row in first] != [row["mu1"] for row in second]


def test_the_kl_of_the_latents_adds_up_to_the_kl(images):
    model = new(VAE, 4, 0)
    rows = latent.kl_per_dim(model, images.test)
    total = objective()(model, images.test.images, None)["kl"].item()
    assert sum(row["kl"] for row in rows) == pytest.approx(total, rel=1e-4)


def test_runs_differ_and_each_can_be_had_again(images):
    def test_totals(seed):
        return [row["total"] for row in runs.run(images, 2, seed)["runs"] if row["split"] == "test"]

    assert test_totals(0) == test_totals(0) != test_totals(1)


# ---------------------------------------------------------------- AE, VAE, CVAE


def test_an_autoencoder_draws_no_noise(images):
    model, x = new(AE, 2, 0), images.test.images
    assert torch.equal(model(x)[0], model(x)[0])


def test_the_overlap_of_classes_goes_from_none_to_chance():
    torch.manual_seed(0)
    labels = torch.arange(10).repeat(200)
    apart, mixed = labels[:, None] + 0.01 * torch.randn(2000, 2), torch.randn(2000, 2)
    assert compare.class_overlap(apart, labels, apart.flip(0), labels.flip(0)) == 0
    assert compare.class_overlap(mixed, labels, torch.randn(2000, 2), labels) == pytest.approx(0.9, abs=0.03)


def test_comparison_measures_restoration_with_and_without_labels(images, tmp_path):
    compare.study.fill(tmp_path, images, epochs=1, seeds=1)
    triptych, restoration = (table.read(tmp_path) for table in compare.study.tables)
    assert [(row["model"], row["latent_dim"]) for row in triptych] == [
        (model, z) for z in ("2", "20") for model in ("AE", "VAE", "CVAE")]
    assert [(row["model"], row["damage"]) for row in restoration] == [
        (model, damage) for model in ("VAE", "CVAE") for damage in ("noise", "half", "quarter")]


@pytest.mark.parametrize("damage, share", [("noise", 0.25), ("half", 0.5), ("quarter", 0.25)])
def test_a_damage_strikes_its_share_of_the_pixels(damage, share):
    torch.manual_seed(0)
    assert restore.damaged_pixels(damage, (50, 1, 28, 28)).float().mean().item() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("model", [VAE, CVAE])
def test_hidden_pixels_are_filled_in_without_looking_at_them(images, model):
    model, x, y = new(model, 3, 0), images.test.images, images.test.labels
    hidden = restore.damaged_pixels("half", x.shape)

    def filled(x, y=y):
        return restore.complete(model, x, hidden, y, steps=3)

    assert torch.equal(filled(x), filled(torch.where(hidden, 1 - x, x)))
    assert not torch.equal(filled(x), filled(torch.where(hidden, x, 1 - x)))
    assert torch.equal(filled(x), filled(x, 9 - y)) == isinstance(model, VAE)


def test_a_trained_model_restores_better_than_the_mean_picture(images):
    model = new(VAE, 10, 0)
    fit(model, images.train, images.validation, objective(), epochs=40, progress=False)
    x = images.test.images
    where = restore.damaged_pixels("quarter", x.shape)
    mean = images.train.images.mean(0, keepdim=True).expand_as(x)
    guess = F.binary_cross_entropy(mean[where], x[where]).item()
    assert dict(restore.errors(model, images.test))["quarter"] < guess


# ---------------------------------------------------------------- bounds


def test_the_weights_are_those_of_the_densities():
    model, x = new(DeepVAE, 50, 0).double(), torch.bernoulli(torch.rand(1, 28, 28, dtype=torch.double))
    torch.set_default_dtype(torch.double)
    try:
        torch.manual_seed(1)
        found = bounds.log_weights(model, x, range(7))
        torch.manual_seed(1)
        mu, logvar = model.encode(x[None])
        z = mu + (logvar / 2).exp() * torch.randn(7, 50)
        likelihood = Bernoulli(logits=model.decode(z)).log_prob(x).flatten(1).sum(1)
        latents = Normal(0.0, 1.0).log_prob(z) - Normal(mu, (logvar / 2).exp()).log_prob(z)
    finally:
        torch.set_default_dtype(torch.float)
    torch.testing.assert_close(found, likelihood + latents.sum(1))


def test_the_bound_rises_with_the_draws_from_the_elbo():
    model = new(DeepVAE, 50, 0)  # and sets the seed of what follows
    with torch.no_grad():
        model.logvar.bias.fill_(-2)  # a poor q, so that the draws matter
    x = torch.bernoulli(torch.rand(6, 1, 28, 28))
    found = bounds.bounds(model, x, draws=(1, 10, 1000))
    assert found[1] < found[10] < found[1000]
    elbo = -sum(objective()(model, x, None)["total"].item() for _ in range(200)) / 200
    assert found[1] == pytest.approx(elbo, abs=0.3)


def test_all_bounds_are_log_p_where_q_is_the_posterior():
    """A decoder that ignores z leaves the prior as posterior; every weight is p(x)."""
    model, x = new(DeepVAE, 50, 0), torch.bernoulli(torch.rand(3, 1, 28, 28))
    with torch.no_grad():
        for layer in (model.mu, model.logvar, model.decoder[-1]):
            layer.weight.zero_(), layer.bias.zero_()
    for bound in bounds.bounds(model, x, draws=(1, 7, 70)).values():
        assert bound == pytest.approx(-784 * math.log(2), rel=1e-5)


def test_the_rates_fall_as_the_epochs_treble():
    assert [epochs for epochs, _ in bounds.schedule(364)] == [1, 3, 9, 27, 81, 243]
    assert [epochs for epochs, _ in bounds.schedule(6)] == [1, 3, 2]
    rates = [rate for _, rate in bounds.schedule(3280)]
    assert rates[0] == 1e-3 and rates[7] == pytest.approx(1e-4) and rates == sorted(rates, reverse=True)


# ---------------------------------------------------------------- what is shipped


SHIPPED = sorted(command.RESULTS.glob("*.csv"))


def test_every_table_is_shipped():
    assert {path.stem for path in SHIPPED} == set(command.STUDIES)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_table_is_what_its_study_writes(path):
    (table,) = (table for table in command.STUDIES[path.stem].tables if table.name == path.stem)
    with open(path, newline="") as file:
        columns, *rows = csv.reader(file)
    assert columns == table.columns.split() and rows
    if not path.stem.startswith("codes"):
        assert len({tuple(row[:-1]) for row in rows}) == len(rows)
    assert path.stat().st_size < 200_000


def test_the_command_lists_every_table(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["experiments", "--list"])
    command.main()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(command.STUDIES)


def test_the_command_says_what_it_does_not_know(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["experiments", "codex"])
    with pytest.raises(SystemExit):
        command.main()
    assert "codex?" in capsys.readouterr().err
