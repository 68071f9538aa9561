"""What `python -m autograder grade` sets going before it imports nbgrader: the process that kernels are forked from,
which imports torch meanwhile, and the workers, which need not import it again.

Nothing here is needed: what is not ready, or was guessed wrongly, is started when it is asked for, and told of there.
"""

import argparse
import contextlib
import os
from pathlib import Path

from autograder.sandbox import THREADS


def begin(arguments: list[str]) -> None:
    """arguments: of `grade`, as they were given; `grade` itself looks whether they are right."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--scheduler")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--help", "-h", action="store_true")
    try:
        options, _ = parser.parse_known_args(arguments)
    except argparse.ArgumentError:
        return
    if options.scheduler or options.help:
        return

    from autograder import executors, warm
    from autograder.course import course_config

    root = options.root.resolve()
    with contextlib.suppress(Exception):        # settings that cannot be read or used: `grade` meets them again
        config = course_config(root)
        if config and config.Judge.get("warm", True) and not options.cold:
            warm.begin(config, root)
    os.environ.update(dict.fromkeys(THREADS, "1"))      # read when torch is imported
    import autograder.work  # noqa: F401

    executors.begin(min(options.workers, os.cpu_count()), warm.share, [warm.shared()])
