"""What `python -m autograder grade` sets going before it imports nbgrader: the imports of other processes.

Those that workers are forked from, and those that kernels are forked from, import torch meanwhile. Nothing here is
needed: what is not ready, or was guessed wrongly, is started when it is asked for, and told of there.
"""

import argparse
import contextlib
from pathlib import Path


def begin(arguments: list[str]) -> None:
    """arguments: of `grade`, as they were given; `grade` itself looks whether they are right."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--scheduler")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--help", "-h", action="store_true")
    try:
        options, _ = parser.parse_known_args(arguments)
    except argparse.ArgumentError:
        return
    if options.scheduler or options.help:
        return

    from autograder import executors

    executors.begin()
    if options.cold:
        return

    from autograder import warm
    from autograder.course import course_config

    root = options.root.resolve()
    with contextlib.suppress(Exception):        # settings that cannot be read or used: `grade` meets them again
        config = course_config(root)
        if config and config.Judge.get("warm", True):
            warm.begin(config, root)
