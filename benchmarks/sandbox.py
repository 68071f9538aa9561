"""Seconds that the sandbox adds: a kernel started, one cell run in it, and stopped, inside and outside, in turn.

    python benchmarks/sandbox.py [--repeats 10]

Both kernels start cold; a warm one starts only inside. Prints a markdown table of medians.
"""

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from autograder import sandbox, warm
from autograder.kernel import Kernel, Settings

KERNELS = {"without a sandbox": sandbox.UnsandboxedKernelManager, "in the sandbox": sandbox.SandboxedKernelManager,
           "in the sandbox, warm": warm.WarmKernelManager}


async def once(manager: type) -> float:
    started = time.perf_counter()
    kernel = Kernel(Settings(manager=manager))
    try:
        await kernel.start()
        await kernel.run("import torch", 60)
    finally:
        await kernel.stop()
    return time.perf_counter() - started


async def measured(repeats: int) -> dict[str, list[float]]:
    seconds = {name: [] for name in KERNELS}
    for number in range(repeats + 1):       # the first round warms caches, and the process that is forked
        for name, manager in KERNELS.items():
            taken = await once(manager)
            if number:
                seconds[name].append(taken)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    if sandbox.available() is not None:
        raise SystemExit(sandbox.available())
    seconds = asyncio.run(measured(repeats))
    floor = statistics.median(seconds["without a sandbox"])
    print(f"Start, `import torch`, stop: seconds, medians of {repeats}.\n\n| kernel | s | added |\n|---|---|---|")
    for name, taken in seconds.items():
        print(f"| {name} | {statistics.median(taken):.2f} | {statistics.median(taken) - floor:+.2f} |")


if __name__ == "__main__":
    main()
