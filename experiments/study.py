"""A study: settings, each run once, and the tables that they fill."""

from collections.abc import Callable
from dataclasses import dataclass, replace
import itertools
import time

import torch

from utils.data import ImageSet


@dataclass(frozen=True)
class Images:
    train: ImageSet
    validation: ImageSet
    test: ImageSet


def split(train, test, n_validation=5_000):
    """Images with `n_validation` of the training pictures, always the same ones, kept for validation."""
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))

    def part(index):
        return replace(train, images=train.images[index], labels=train.labels[index])

    return Images(part(order[n_validation:]), part(order[:n_validation]), test)


@dataclass(frozen=True)
class Study:
    """`run(images, epochs, **setting)` returns {table name: rows}, for each combination of `over` and a seed.

    A later seed comes after all settings of an earlier one, so that what is interrupted has all settings.
    """

    run: Callable
    tables: tuple
    over: dict
    epochs: int
    seeds: int

    def settings(self, seeds):
        for seed, *values in itertools.product(range(seeds), *self.over.values()):
            yield {**dict(zip(self.over, values)), "seed": seed}

    def fill(self, folder, images, name=None, epochs=None, seeds=None, say=print):
        """Run each setting that lacks rows in a table (the one called `name`, or any), and write all its rows.

        A setting's rows are written when it is done. Rows of another number of epochs count as done: delete
        the file to make them again.
        """
        for setting in self.settings(seeds or self.seeds):
            tables = [table for table in self.tables if table.takes(setting)]
            if all(table.has(folder, setting) for table in tables if name in (None, table.name)):
                continue
            start = time.process_time()
            rows = self.run(images, epochs or self.epochs, **setting)
            for table in tables:
                table.put(folder, setting, rows[table.name])
            what = ", ".join(f"{column} {value}" for column, value in setting.items())
            say(f"{what}: {time.process_time() - start:.0f} s")
