"""Grading on a Dask cluster: the same results as on one machine, also when a worker is lost in the middle."""

import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

import small_course
import small_task
from autograder import __main__ as command
from autograder import executors, work
from autograder.kernel import Settings
from small_course import TASK

pytest.importorskip("distributed", reason="needs Dask: pip install distributed")


def start(*arguments, folder):
    """A Dask program in an empty folder of its own: nothing of the course can be read by a relative name."""
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(small_course.REPOSITORY), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]], cwd=folder,
                            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two worker processes, and the scheduler's address."""
    place = tmp_path / "scheduler.json"
    programs = [start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file",
                      str(place), folder=tmp_path / "scheduler")]
    programs += [start("dask_worker", "--scheduler-file", str(place), "--nthreads", "1", "--no-nanny",
                       "--no-dashboard", folder=tmp_path / f"worker{number}") for number in (1, 2)]
    deadline = time.monotonic() + 60
    while not place.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    yield json.loads(place.read_text())["address"], programs
    for program in programs:
        program.kill()
        program.wait()


def test_a_worker_that_is_killed_in_the_middle_changes_nothing(cluster, tmp_path):
    address, (scheduler, first, second) = cluster
    students = {f"s{number}": small_task.notebook({"kl_divergence": small_task.NO_HALF} if number % 2 else {})
                for number in range(3)}
    here = small_course.make(tmp_path / "here", students)
    (here / ".secret").write_text("5ec2e7" * 10)
    there = shutil.copytree(here, tmp_path / "there")

    def kill_one_at_work():
        until = time.monotonic() + 120
        while not list((there / ".cache").glob(f"verdicts/{TASK}/*.json")) and time.monotonic() < until:
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill_one_at_work)
    killer.start()
    assert command.main(["grade", TASK, "--root", str(there), "--scheduler", address]) == 0
    killer.join()
    assert first.poll() == -signal.SIGKILL and second.poll() is None
    assert command.main(["grade", TASK, "--root", str(here), "--workers", "2"]) == 0
    assert small_course.scores(there) == small_course.scores(here)
    assert small_course.files(there) == small_course.files(here)
    assert small_course.scores(here)["s1"]["kl_divergence"][0] == 0.5


def test_a_scheduler_that_is_not_there_is_named_with_what_to_do(tmp_path, capsys, monkeypatch):
    course = tmp_path / "course"
    small_course.make(course, {"ada": small_task.notebook()})
    monkeypatch.setattr(executors, "CONNECT", 0.5)
    assert command.main(["grade", TASK, "--root", str(course), "--scheduler", "tcp://127.0.0.1:9"]) == 2
    said = capsys.readouterr().err
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in said and "dask scheduler" in said


def test_a_scheduler_that_is_lost_is_named(tmp_path, capsys, monkeypatch):
    class Lost(concurrent.futures.ThreadPoolExecutor):
        @property
        def slots(self):
            raise OSError("connection closed")

    monkeypatch.setattr(executors, "cluster", lambda address: Lost(1))
    course = small_course.make(tmp_path / "course", {"ada": small_task.notebook()})
    assert command.main(["grade", TASK, "--root", str(course), "--scheduler", "tcp://127.0.0.1:9"]) == 1
    assert "The scheduler was lost" in capsys.readouterr().err


def test_a_worker_with_another_version_of_the_questions_is_refused(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")       # which `do` sets for good
    one = work.Work(TASK, "ada", b"{}", "{}", b"secret", Settings(), {"questions": "another"})
    assert "another version of the questions" in work.do(one).problem
