"""What the answers of a right notebook cost by themselves: no kernel, no judge, no gradebook.

    python benchmarks/answers.py TASK [--rounds 5]

Says "ready" when all is imported and was run once, waits for a line, and prints the seconds of one notebook as JSON:
so that `grading.py` can let several of these run at the same time.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from autograder import keys
from autograder.questions import TASKS, find
from utils.check import probe


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    asked = []
    for question in map(find, TASKS[options.task]):
        first = next(iter(keys.probe_inputs(keys.draw_key(question, 1, signatures=False)).values()))
        asked.append((*first, question.namespace))

    def answer(number: int) -> None:
        for steps, inputs, namespace in asked:
            probe.run(steps, inputs, namespace, number)

    answer(0)
    print("ready", flush=True)
    input()
    wall, cpu = time.monotonic(), time.process_time()
    for number in range(options.rounds):
        answer(number)
    print(json.dumps({"wall": (time.monotonic() - wall) / options.rounds,
                      "cpu": (time.process_time() - cpu) / options.rounds}))


if __name__ == "__main__":
    main()
