"""`python -m autograder COMMAND`. A command is a module with `arguments(parser)` and `run(options) -> exit status`."""

import argparse
import gc
import importlib
import os
import sys

from autograder import lean  # noqa: F401  before anything that it keeps out

COMMANDS = {        # name -> module, one line of help; a module is imported when its command is given
    "questions": ("autograder.listing", "list questions, criteria, weights and misconceptions"),
    "check": ("autograder.check", "judge the function or class in one file"),
    "collect": ("autograder.collect", "fill submitted/ from what a learning platform hands out"),
    "grade": ("autograder.grade", "grade all submissions of a task, several at once"),
    "report": ("autograder.report", "make the instructor's report on a task"),
    "build": ("autograder.build", "build notebooks or public keys from their sources"),
    "audit": ("autograder.audit", "try what the project promises: attacks, checks"),
    "demo": ("autograder.demo", "grade a made-up class of ten from beginning to end"),
}


def main(arguments: list[str]) -> int:
    """Run one command; returns its exit status (2: it was called wrongly)."""
    overview = argparse.ArgumentParser(prog="python -m autograder", description="The course, from the command line.",
                                       epilog="python -m autograder COMMAND --help says more.")
    commands = overview.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, purpose) in COMMANDS.items():
        commands.add_parser(name, help=purpose, add_help=False)
    name = overview.parse_known_args(arguments[:1])[0].command
    module, purpose = COMMANDS[name]
    # nbgrader starts `alembic` by its name, also where the environment is not activated.
    os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", os.defpath)
    gc.disable()        # it would look through a million new objects and find nothing
    if name == "grade":
        from autograder import early

        early.begin(arguments[1:])
    command = importlib.import_module(module)
    gc.enable()
    parser = argparse.ArgumentParser(prog=f"python -m autograder {name}", description=purpose[0].upper() + purpose[1:] + ".")
    command.arguments(parser)
    try:
        return command.run(parser.parse_args(arguments[1:])) or 0
    except (ValueError, OSError, KeyError) as error:
        print(f"python -m autograder {name}: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    status = main(sys.argv[1:])
    gc.freeze()         # what is left goes with the process
    sys.exit(status)
