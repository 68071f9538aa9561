"""Where the grader runs them, answers behave as they do elsewhere: the bank, after the preamble of graded kernels."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from autograder.audit import seeds
from autograder.questions import QUESTIONS

ROOT = Path(__file__).resolve().parent.parent
PREAMBLE = """
    import sys, types
    from unittest.mock import MagicMock

    shell = MagicMock(user_global_ns={})
    exec(compile(open("autograder/preamble.py").read(), "preamble", "exec"), {"get_ipython": lambda: shell})
    import torch
    """


def after_the_preamble(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", textwrap.dedent(PREAMBLE + code), *arguments], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("task", ["task1_vae", "task2_cvae", "task3_experiments"])
def test_right_answers_are_right_where_the_grader_runs_them(task):
    names = [question.name for question in QUESTIONS.values() if question.task == task
             and question.name not in seeds.TRAINED]
    said = after_the_preamble("""
    from autograder import keys
    from autograder.audit import bank, checks
    from autograder.questions import QUESTIONS
    torch.set_num_threads(1)
    for name in sys.argv[1:]:
        key = keys.draw_key(QUESTIONS[name], 5, signatures=False)
        for entry in bank.load(name):
            if not entry.wrong:
                verdict = checks.grading(QUESTIONS[name], checks.namespace(QUESTIONS[name], entry.source), 5, key, named=False)
                print("" if verdict.right else f"{name}: {entry.title}: {verdict.hint}")
    """, *names)
    assert len(said.splitlines()) > 4 * len(names) and not said.split(), said


def test_code_for_a_gpu_runs_on_the_cpu_and_nothing_waits_for_a_keyboard():
    assert after_the_preamble("""
    x = torch.zeros(2, device="cuda").cuda().to(0).to("cuda:0")
    torch.nn.Linear(2, 2).to(0).cuda()(torch.ones(1, 2, device=torch.device("cuda")))
    torch.cuda.synchronize(), torch.cuda.max_memory_allocated(), torch.cuda.empty_cache()
    print(x.device, torch.cuda.FloatTensor(3).device, torch.zeros(3, 0).shape[1], torch.Generator("cuda").device)
    breakpoint()
    import pdb; pdb.set_trace()
    """).split() == ["cpu", "cpu", "0", "cpu"]
