"""Seconds per notebook as a class grows: they must not.

    python benchmarks/scale.py [--sizes 100,300,1000] [--workers 2] [--task task1_vae] [--no-kernels]

Made-up submissions, graded with our command. --no-kernels leaves the notebooks out and measures everything around
them: rebuild, cache, gradebook and files. Prints a markdown table.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from grading import ROOT, made_up, measured

NO_KERNELS = """
import sys
sys.path.insert(0, {tests!r})
import small_course
from autograder import __main__ as command, executors, work
from test_grade import Threads
work.do, executors.Workers = small_course.everything_right, Threads
sys.exit(command.main(sys.argv[1:]))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="100,300,1000")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--task", default="task1_vae")
    parser.add_argument("--no-kernels", action="store_true")
    options = parser.parse_args()
    program = ["-c", NO_KERNELS.format(tests=str(ROOT / "tests"))] if options.no_kernels else ["-m", "autograder"]
    print("| submissions | wall s | s each | CPU s each | peak GiB |\n|---|---|---|---|---|")
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="course-", dir="/var/tmp" if os.path.isdir("/var/tmp") else None) as place:
            course = made_up(Path(place, "course"), options.task, size)
            found = measured([sys.executable, *program, "grade", options.task, "--workers", options.workers], course)
        print(f"| {size} | {found['wall']:.1f} | {found['wall'] / size:.3f} | {found['cpu'] / size:.3f} | "
              f"{found['memory']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
