"""python -m experiments NAME ...: make utils/results/NAME.csv, or go on with it."""

import argparse
from pathlib import Path

from experiments import beta, bounds, compare, latent, runs
from experiments.study import split
from utils import load_mnist

STUDIES = {table.name: module.study for module in (latent, compare, beta, bounds, runs)
           for table in module.study.tables}
RESULTS = Path(__file__).resolve().parent.parent / "utils" / "results"


def listing():
    for name, study in STUDIES.items():
        over = ", ".join(f"{column} {' '.join(map(str, values))}" for column, values in study.over.items())
        yield f"{name:12} {study.epochs} epochs, {study.seeds} seed{'s' * (study.seeds > 1)}" + f"; {over}" * bool(over)


def main():
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(STUDIES)}")
    parser.add_argument("--list", action="store_true", help="what there is")
    parser.add_argument("--epochs", type=int, help="in place of the study's own number")
    parser.add_argument("--seeds", type=int, help="how many seeds (of `runs`: how many runs)")
    parser.add_argument("--images", type=int, default=60_000, help="training pictures, for a quick trial")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the tables are")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(STUDIES)
    if unknown or not (chosen.names or chosen.list):
        parser.error(f"choose from {', '.join(STUDIES)}" + f" ({', '.join(unknown)}?)" * bool(unknown))
    if chosen.list:
        print(*listing(), sep="\n")
        return
    train, test = load_mnist()
    images = split(train.take(chosen.images), test, n_validation=min(5_000, chosen.images // 10))
    for name in chosen.names:
        STUDIES[name].fill(chosen.results, images, name, chosen.epochs, chosen.seeds,
                           say=lambda line: print(f"{name}: {line}", flush=True))


if __name__ == "__main__":
    main()
