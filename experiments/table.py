"""A CSV file that is filled setting by setting, and so can be resumed."""

import csv
from dataclasses import dataclass, field
import os
from pathlib import Path


@dataclass(frozen=True)
class Table:
    """The file NAME.csv in a folder; `columns` and `key` are names with spaces between them.

    The rows of one setting are those with its values in the columns of `key`. `only` names the settings that
    have rows here at all: {column: values}.
    """

    name: str
    columns: str
    key: str
    only: dict = field(default_factory=dict)

    def takes(self, setting):
        return all(setting[column] in values for column, values in self.only.items())

    def has(self, folder, setting):
        return any(self._belongs(row, setting) for row in self.read(folder))

    def read(self, folder):
        """All rows as dicts of strings; none where there is no file yet."""
        path = self._path(folder)
        if not path.exists():
            return []
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def put(self, folder, setting, rows):
        """Set the rows of a setting, in place of those that it had; numbers are rounded to 4 decimals.

        The new file takes the place of the old one at once: whoever interrupts this finds one of the two.
        """
        path = self._path(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = self.columns.split()
        kept = [row for row in self.read(folder) if not self._belongs(row, setting)]
        new = [{column: _short({**setting, **row}[column]) for column in columns} for row in rows]
        fresh = path.with_suffix(".csv.new")
        with open(fresh, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept + new)
        os.replace(fresh, path)

    def _belongs(self, row, setting):
        return all(row[column] == str(setting[column]) for column in self.key.split())

    def _path(self, folder):
        return Path(folder) / f"{self.name}.csv"


def _short(value):
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
