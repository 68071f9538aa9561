"""Results of the long experiments: small CSV files that `python -m experiments NAME` makes and `read` reads."""

import csv
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


class Missing(FileNotFoundError):
    """The results of an experiment are not there; the message says how to make them."""


def read(name):
    """The columns of `name`.csv: column -> array, float64 where all entries are numbers, text otherwise.

    Raises Missing where there is no such file, ValueError where it has no rows or a row is too short.
    """
    path = FOLDER / f"{name}.csv"
    if not path.is_file():
        raise Missing(f"utils/results/{path.name} is not here: make it with `python -m experiments {name}`.")
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError(f"{path} has no rows: make it again with `python -m experiments {name}`.")
    if any(None in row or None in row.values() for row in rows):
        raise ValueError(f"{path} has a row of another length: make it again with `python -m experiments {name}`.")
    return {column: _column([row[column] for row in rows]) for column in rows[0]}


def select(columns, **where):
    """The rows in which each named column has the given value: select(rows, split="test", seed=0)."""
    chosen = np.ones(len(next(iter(columns.values()))), dtype=bool)
    for name, value in where.items():
        chosen &= columns[name] == value
    return {name: values[chosen] for name, values in columns.items()}


def over_seeds(columns, by, of):
    """(x, mean, std) of the column `of`: for each value x of the column `by`, over all rows that have it.

    The standard deviation is that of a sample; 0 for a single row.
    """
    x = np.unique(columns[by])
    groups = [columns[of][columns[by] == value] for value in x]
    return x, np.array([g.mean() for g in groups]), np.array([g.std(ddof=1) if len(g) > 1 else 0.0 for g in groups])


def _column(entries):
    try:
        return np.array([float(entry) for entry in entries])
    except ValueError:
        return np.array(entries)
