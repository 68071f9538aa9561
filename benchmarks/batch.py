"""A class of 100 of which 40 are hostile: do the other 60 get exactly their points, and how long does it take?

    python -m benchmarks.batch [--workers N] [--through grade|nbgrader]
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

from autograder.audit import attacks
from autograder.audit.corpus import POINTS, WRONG, Attack, corpus

HONEST, HOSTILE = 60, 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--through", choices=["grade", "nbgrader"], default="grade")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of attacks and of right and wrong answers")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    hostile = draw.sample([attack for attack in corpus().values() if attack.kind == "hostile"], HOSTILE)
    honest = []
    for number in range(HONEST):
        wrong = [name for name in POINTS if draw.random() < 0.3]
        honest.append(Attack(f"student-{number:02}", "", "odd", "right", {name: WRONG[name] for name in wrong},
                             deserved=dict.fromkeys(wrong, 0.0)))
    everyone = honest + hostile
    draw.shuffle(everyone)
    with tempfile.TemporaryDirectory(prefix="batch-") as folder:
        started = time.monotonic()
        found = {one.attack.name: one for one in attacks.audit(everyone, Path(folder), options.workers, options.through)}
        seconds = time.monotonic() - started
    exact = sum(found[one.name].fair for one in honest)
    print(f"{len(everyone)} submissions, {HOSTILE} of them hostile, {options.workers} workers, through {options.through}: "
          f"{seconds:.0f} s from collecting to feedback")
    print(f"{exact} of {HONEST} honest ones have exactly their points; hostile ones: "
          f"{sum(found[one.name].fair for one in hostile)} have exactly what they deserve, "
          f"{sum(bool(found[one.name].leaks) for one in hostile)} leaked, {sum(bool(one.harm) for one in found.values())} did harm")
    for one in found.values():
        if not one.ok:
            print(f"  {one.attack.name}: {one.earned}, deserved {one.attack.points} {one.leaks} {one.harm}")


if __name__ == "__main__":
    main()
