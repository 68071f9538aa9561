"""Grading many submissions at once: the same as nbgrader, and nothing is lost whatever happens."""

import concurrent.futures
import errno
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory

import small_course
import small_task
from autograder import __main__ as command
from autograder import early, executors, grade, warm, work
from small_course import TASK
from test_sandbox import alive, needs_sandbox

KILLER = {"kl_divergence": "import os\ndef kl_divergence(mu, logvar):\n    os._exit(0)"}


class Threads(concurrent.futures.ThreadPoolExecutor):
    def __init__(self, count, *first):
        super().__init__(count)
        self.slots = count


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    students = {name: small_task.notebook() for name in ("ada", "ben", "cleo", "dana")}
    return small_course.make(tmp_path_factory.mktemp("template") / "course", students)


@pytest.fixture
def course(template, tmp_path, monkeypatch):
    """A course of four whose grading runs nothing; `course.done` says who was graded."""
    shutil.copytree(template, tmp_path / "course")
    done = []

    def note(one):
        done.append(one.student)
        return small_course.everything_right(one)

    monkeypatch.setattr(work, "do", note)
    monkeypatch.setattr(executors, "Workers", Threads)
    monkeypatch.setattr(early, "begin", lambda arguments: None)
    monkeypatch.setattr(grade, "PATIENCE", 0)
    place = type("Course", (type(Path()),), {"done": done})
    return place(tmp_path / "course")


def run(course, *options):
    return command.main(["grade", TASK, "--workers", "2", "--root", str(course), *options])


def said(capsys):
    return " ".join(capsys.readouterr().err.split())


# Real kernels

def test_two_workers_give_the_files_and_the_gradebook_that_nbgrader_gives(tmp_path):
    first = small_course.make(tmp_path / "first", {
        "killer": small_task.notebook(KILLER),
        "wrong": small_task.notebook({"kl_divergence": small_task.NO_HALF}, written="")})
    (first / ".secret").write_text("5ec2e7" * 10)
    (first / "submitted/wrong" / TASK / "timestamp.txt").write_text("2026-01-01 12:00:00 UTC")
    second = shutil.copytree(first, tmp_path / "second")
    config = small_course.configured(first)
    Autograde(coursedir=CourseDirectory(config=config), config=config).start()
    assert run(second) == 0
    assert small_course.files(second) == small_course.files(first)
    assert small_course.scores(second) == small_course.scores(first)
    assert small_course.scores(first)["wrong"]["kl_divergence"][0] == 0.5
    assert small_course.scores(first)["killer"]["reconstruction_loss"][0] == 2


# What is graded, and what is not graded again

def test_a_second_call_grades_only_what_was_handed_in_again(course):
    assert run(course) == 0 and sorted(course.done) == ["ada", "ben", "cleo", "dana"]
    small_course.submit(course, "ben", small_task.notebook(written="Better words."))
    course.done.clear()
    assert run(course) == 0 and course.done == ["ben"]
    assert "Better words." in (course / "autograded/ben" / TASK / f"{TASK}.ipynb").read_text()


def test_a_file_that_cannot_be_read_is_graded_and_named(course, capsys):
    (course / "submitted/ben" / TASK / f"{TASK}.ipynb").write_text("{broken")
    assert run(course) == 0
    assert f"ben, {TASK}: The file is not a notebook that can be read" in said(capsys)


def test_what_was_never_handed_in_is_said(course, capsys):
    assert run(course, "--student", "zoe") == 2 and f"There is no submission of zoe for {TASK}." in said(capsys)
    shutil.rmtree(course / "submitted")
    assert run(course) == 2 and f"Nothing is submitted for {TASK} yet: run `python -m autograder collect`" in said(capsys)


def test_without_the_assignment_in_the_gradebook_nothing_is_run_and_the_command_is_named(course, capsys):
    (course / "gradebook.db").unlink()
    assert run(course) == 2 and course.done == [] and not (course / "autograded").exists()
    assert f"run `nbgrader generate_assignment {TASK}`" in said(capsys)


def test_what_is_said_of_an_error_is_short(course, monkeypatch, capsys):
    def fail(one):
        raise ValueError("x" * 100_000)

    monkeypatch.setattr(work, "do", fail)
    assert run(course) == 1 and len(said(capsys)) < 3000


def test_the_largest_files_are_graded_first(course):
    path = course / "submitted" / "cleo" / TASK / f"{TASK}.ipynb"
    path.write_text(path.read_text() + " " * 1000)
    assert run(course) == 0 and "cleo" in course.done[:2]       # two begin at once


def test_student_and_force(course):
    assert run(course, "--student", "b*") == 0 and course.done == ["ben"]
    assert run(course, "--student", "ben", "--force") == 0 and course.done == ["ben", "ben"]


def test_verdicts_come_from_the_cache_until_submission_question_or_secret_change(course, monkeypatch):
    assert run(course) == 0
    course.done.clear()
    shutil.rmtree(course / "autograded")
    (course / "gradebook.db").rename(course / "old.db")
    shutil.copy(course / "old.db", course / "gradebook.db")
    assert run(course) == 0 and course.done == []
    monkeypatch.setattr(work, "version", lambda task: "newer")
    assert run(course) == 0 and course.done == []
    assert run(course, "--only-changed") == 0 and len(course.done) == 4
    (course / ".secret").write_text("f" * 64)
    assert run(course, "--only-changed") == 0 and len(course.done) == 8
    assert run(course, "--only-changed") == 0 and len(course.done) == 8


def test_a_damaged_cache_entry_is_not_used(course):
    assert run(course) == 0
    shutil.rmtree(course / "autograded/ada")
    for entry in (course / ".cache/verdicts" / TASK).iterdir():
        entry.write_text(entry.read_text()[:100])
    assert run(course) == 0 and course.done.count("ada") == 2


def test_an_outcome_survives_the_cache(template):
    released = (template / "assignments" / TASK / f"{TASK}.ipynb").read_bytes()
    data = b'{"cells": []}'
    origin = work.made_from(data, released, TASK, "ada", b"secret")
    before = small_course.everything_right(work.Work(TASK, "ada", data, released.decode(), b"secret", None, origin))
    after = work.loads(work.dumps(before))
    assert after == before and type(after.result.notebook) is type(before.result.notebook)


# When something goes wrong

def test_one_submission_that_cannot_be_graded_leaves_the_others_graded(course, monkeypatch, capsys):
    def fail(one):
        if one.student == "ben":
            return work.Outcome(problem="OSError: no kernel today")
        if one.student == "cleo":
            raise executors.WorkerLost("the worker ended")
        return small_course.everything_right(one)

    monkeypatch.setattr(work, "do", fail)
    assert run(course) == 1
    text = said(capsys)
    assert "ben, task1_vae: OSError: no kernel today" in text and "cleo, task1_vae: WorkerLost" in text
    assert set(small_course.scores(course)) == {"ada", "dana"}
    monkeypatch.setattr(work, "do", small_course.everything_right)
    assert run(course) == 0 and len(small_course.scores(course)) == 4


def test_after_an_interrupt_the_next_call_goes_on(course, monkeypatch, capsys):
    def interrupt(tally):
        if tally.done >= 2:
            raise KeyboardInterrupt

    show = grade.progress.__call__
    monkeypatch.setattr(grade.progress, "__call__", lambda self, tally: interrupt(tally))
    assert run(course) == 130
    assert "Interrupted. No verdict is lost" in said(capsys)
    monkeypatch.setattr(grade.progress, "__call__", show)
    assert run(course) == 0
    assert len(small_course.scores(course)) == 4 and len(set(course.done)) == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("place", ["_keep", "init_assignment", "run_post_convert_hook"])
def test_killed_at_any_moment_the_next_call_goes_on(course, place):
    def run_and_die():
        original = getattr(grade.Grading, place)
        calls = []

        def die_at_the_second(self, *arguments):
            calls.append(1)
            if len(calls) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(self, *arguments)

        setattr(grade.Grading, place, die_at_the_second)
        run(course)

    child = multiprocessing.get_context("fork").Process(target=run_and_die)
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    saved = len(list((course / "autograded").glob("*/*/*.verdicts.json")))
    cached = len(list((course / ".cache/verdicts" / TASK).glob("*.json")))
    assert saved == 1 and cached in (1, 2)
    assert run(course) == 0
    assert len(course.done) == 4 - cached
    assert len(small_course.scores(course)) == len(list((course / "autograded").glob("*/*/*.json"))) == 4


def test_a_locked_gradebook_is_waited_for_and_then_named(course, capsys):
    other = sqlite3.connect(course / "gradebook.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert run(course, "--student", "ada") == 1
    finally:
        other.close()
    assert "The gradebook was locked" in said(capsys)
    assert run(course, "--student", "ada") == 0 and course.done == ["ada"]


def test_a_gradebook_that_cannot_be_reached_costs_no_verdict(course, capsys):
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.CourseDirectory.db_url = 'sqlite:////nowhere/gradebook.db'\n")
    assert run(course, "--student", "ada") == 1
    assert "The gradebook cannot be reached" in said(capsys)
    shutil.copy(small_course.REPOSITORY / "nbgrader_config.py", config)
    assert run(course, "--student", "ada") == 0 and course.done == ["ada"]


def test_a_full_disk_stops_with_a_message_and_the_next_call_goes_on(course, monkeypatch, capsys):
    replace = os.replace

    def full(*paths):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(grade.os, "replace", full)
    assert run(course) == 1
    assert "No space left on device" in said(capsys)
    monkeypatch.setattr(grade.os, "replace", replace)
    assert run(course) == 0 and len(small_course.scores(course)) == 4


def test_a_second_grade_on_the_same_course_is_told_to_wait(course, capsys):
    with grade.locked(course):
        assert run(course) == 2
    assert "another `grade` is at work" in said(capsys)
    assert run(course) == 0


def test_an_unknown_task_and_no_workers_are_refused(course, capsys):
    assert command.main(["grade", "task9", "--root", str(course)]) == 2
    assert "There is no task" in said(capsys)
    assert run(course, "--workers", "0") == 2


# What begins before nbgrader is imported

@needs_sandbox
def test_kernels_start_from_the_zygote_that_was_begun_early(template, tmp_path, monkeypatch):
    started = []

    class Counted(warm.OwnZygote):
        def __init__(self, *seen):
            started.append(seen)
            super().__init__(*seen)

    shutil.copytree(template, tmp_path / "course")
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    monkeypatch.setattr(warm, "OwnZygote", Counted)
    monkeypatch.setattr(executors, "Workers", Threads)
    monkeypatch.setattr(executors, "begin", lambda *arguments: None)        # they would wait for other tests
    warm.close()
    early.begin([TASK, "--root", str(tmp_path / "course")])
    assert len(started) == 1
    assert run(tmp_path / "course", "--student", "ada") == 0 and len(started) == 1 and not warm._zygotes


@pytest.mark.parametrize("arguments", [["--root"], ["--help"], ["--scheduler", "tcp://x:1"], ["--root", "/nowhere"],
                                       ["--root", "{broken}"], ["--root", "{broken}/wrong"]])
def test_what_cannot_begin_early_is_left_to_grade(arguments, tmp_path, monkeypatch):
    monkeypatch.setattr(executors, "begin", lambda *arguments: None)
    monkeypatch.setattr(warm, "OwnZygote", None)
    (tmp_path / "nbgrader_config.py").write_text("c = get_config(\n")
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "nbgrader_config.py").write_text("get_config().SandboxProvisioner.limits = {'memry': 1}\n")
    early.begin([TASK, *(one.format(broken=tmp_path) for one in arguments)])


FORKED = """
import os
from autograder import executors
executors.begin(1, os.chdir, ["/"])
workers = executors.Workers(1, os.chdir, ["/"])
print(workers.submit(os.getppid).result(60) == os.getpid(), workers.submit(os.getcwd).result(60))
try:
    workers.submit(os._exit, 1).result(60)
except executors.WorkerLost:
    print("lost")
print(workers.submit(os.getppid).result(60) == os.getpid(), workers.submit(os.getcwd).result(60))
"""


def test_workers_are_forked_ahead_and_replaced_when_they_are_lost():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["True", "/", "lost", "False", "/"], done.stderr


def test_forked_workers_end_with_a_killed_grader():
    source = """
import time
from autograder import executors
executors.begin(2)
print(*(process.pid for process, _ in executors._ahead), flush=True)
time.sleep(100)
"""
    grader = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    workers = grader.stdout.readline().split()
    assert len(workers) == 2 and all(map(alive, workers))
    grader.kill()
    grader.wait()
    deadline = time.monotonic() + 30
    while any(map(alive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nothing_is_forked_beside_another_thread():
    with Threads(1) as others:
        others.submit(int).result()
        executors.begin(2)
    assert not executors._ahead


# Workers

def die_once(marker):
    if not os.path.exists(marker):
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def die_always():
    os._exit(1)


@pytest.fixture(scope="module")
def workers():
    workers = executors.Workers(2)
    yield workers
    workers.shutdown()


def test_the_work_of_a_killed_worker_is_done_again(workers, tmp_path):
    assert workers.submit(die_once, str(tmp_path / "marker")).result(60) == "done"


def test_work_that_kills_every_worker_is_given_up_alone(workers):
    lost, fine = workers.submit(die_always), workers.submit(abs, -1)
    assert fine.result(60) == 1
    with pytest.raises(executors.WorkerLost, match="ended 3 times"):
        lost.result(60)


def test_workers_end_when_the_grader_drops_them():
    dropped = executors.Workers(1)
    future = dropped.submit(signal.pause)
    while 0 not in dropped.processes:
        pass
    dropped.shutdown(cancel_futures=True)
    assert not dropped.processes[0].is_alive()
    with pytest.raises(executors.WorkerLost):
        future.result(1)
