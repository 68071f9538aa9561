"""`python -m autograder collect FOLDER_OR_ZIP`: `autograder.intake`, and what it found, as lines."""

import argparse
from pathlib import Path

from autograder import intake
from autograder.course import look


def arguments(parser) -> None:
    parser.epilog = intake.__doc__.partition("\n\n")[2]
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", type=Path, help="the folder or zip that your platform handed out, or one notebook")
    parser.add_argument("--task", help="take only notebooks of this task")
    parser.add_argument("--roster", type=Path, help="CSV with a column `id` or `student_id`, and others that tell "
                        "whose upload it is (name, email, number)")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the course's folder (default: this one)")


def run(options) -> int:
    """0 if something was taken or is there already, 1 if nothing was."""
    look(options.root, [options.task] if options.task else [])
    roster = intake.read_roster(options.roster) if options.roster else None
    report = intake.collect(options.source, options.root, options.task, roster)
    print("\n".join(intake.lines(report)))
    if tasks := sorted({arrival.task for arrival in report.arrivals}):
        print(f"To grade: python -m autograder grade {' '.join(tasks)}")
    return 0 if report.arrivals else 1
