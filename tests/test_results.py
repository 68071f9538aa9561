"""Results of the long experiments: read as columns, summed up over seeds, missed without a traceback."""

import numpy as np
import pytest

from utils import needs, results


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def rows(folder):
    (folder / "latent.csv").write_text(
        "latent_dim,seed,protocol,total\n2,0,70 epochs,150.5\n2,1,70 epochs,151.5\n5,0,70 epochs,1.2e2\n5,0,stopped,9\n")
    return results.read("latent")


def test_columns_are_numbers_where_all_entries_are_and_text_otherwise(rows):
    assert list(rows) == ["latent_dim", "seed", "protocol", "total"]
    assert rows["total"].dtype == np.float64 and rows["total"].tolist() == [150.5, 151.5, 120.0, 9.0]
    assert rows["protocol"].tolist() == ["70 epochs"] * 3 + ["stopped"]


def test_rows_are_selected_by_what_columns_say(rows):
    assert results.select(rows, protocol="70 epochs", seed=0)["total"].tolist() == [150.5, 120.0]
    assert results.select(rows, seed=7)["total"].tolist() == []


def test_mean_and_standard_deviation_over_seeds(rows):
    x, mean, std = results.over_seeds(results.select(rows, protocol="70 epochs"), "latent_dim", "total")
    assert x.tolist() == [2, 5] and mean.tolist() == [151.0, 120.0]
    assert std.tolist() == pytest.approx([0.5 ** 0.5, 0.0])


def test_a_missing_file_is_named_with_what_makes_it(folder):
    with pytest.raises(FileNotFoundError, match=r"utils/results/runs.csv .*python -m experiments runs"):
        results.read("runs")


@pytest.mark.parametrize("text", ["", "a,b\n", "a,b\n1\n", "a,b\n1,2,3\n"])
def test_a_damaged_file_says_how_to_make_it_again(folder, text):
    (folder / "runs.csv").write_text(text)
    with pytest.raises(ValueError, match="python -m experiments runs"):
        results.read("runs")


def test_a_cell_without_its_results_prints_one_line(folder, capsys):
    with needs("results"):
        results.read("runs")
    assert capsys.readouterr().out == "utils/results/runs.csv is not here: make it with `python -m experiments runs`.\n"


def test_results_that_are_shipped_can_be_read():
    for path in results.FOLDER.glob("*.csv"):
        assert all(len(values) for values in results.read(path.stem).values())
