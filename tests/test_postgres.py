"""The gradebook on PostgreSQL: two graders at once write to one, and nothing is lost."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import small_course
import small_task
from small_course import TASK

pytest.importorskip("psycopg2", reason="needs a driver: pip install psycopg2-binary")
PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
GRADER = """
import sys, small_course
from autograder import __main__ as command, executors, work
from test_grade import Threads
work.do, executors.Workers = small_course.everything_right, Threads
sys.exit(command.main(["grade", "task1_vae", "--root", sys.argv[1], "--workers", "1"]))
"""


def account():
    """Whom the server runs as: it refuses root. None: nobody else is there."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    return next((one for one in pwd.getpwall() if one.pw_name == "postgres"), None)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a fresh database, on a server of its own."""
    if not PROGRAMS:
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    user = account()
    if user is None:
        pytest.skip("there is no user `postgres`, and PostgreSQL does not run as root")
    programs, place = Path(PROGRAMS[-1]), Path("/tmp") / f"postgres-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}

    def run(program, *arguments):
        subprocess.run([programs / program, *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL, **as_user)

    run("initdb", "-D", str(place), "-A", "trust", "-U", "grader", "--no-sync")
    try:
        run("pg_ctl", "-D", str(place), "-w", "-l", str(place / "log"), "-o",
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off", "start")
        try:
            run("createdb", "-h", "127.0.0.1", "-p", port, "-U", "grader", "course")
            yield f"postgresql+psycopg2://grader@127.0.0.1:{port}/course"
        finally:
            run("pg_ctl", "-D", str(place), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def test_two_graders_at_once_fill_one_gradebook(server, tmp_path):
    settings = f"\nc.CourseDirectory.db_url = {server!r}\n"
    first = small_course.make(tmp_path / "first", {}, settings)
    second = shutil.copytree(first, tmp_path / "second")
    for number in range(12):
        small_course.submit(first if number % 2 else second, f"s{number:02}", small_task.notebook())
    places = os.pathsep.join(map(str, [small_course.REPOSITORY, Path(__file__).parent]))
    environment = {**os.environ, "PYTHONPATH": places}
    graders = [subprocess.Popen([sys.executable, "-c", GRADER, str(course)], env=environment, text=True,
                                stderr=subprocess.PIPE) for course in (first, second)]
    said = [grader.communicate(timeout=120)[1] for grader in graders]
    assert [grader.returncode for grader in graders] == [0, 0], said
    found = small_course.scores(first)
    assert sorted(found) == [f"s{number:02}" for number in range(12)]
    assert all(grades["kl_divergence"] == (3, None, None, False) and grades["why_not_ae"][3]
               for grades in found.values())
    assert found == small_course.scores(second)


def test_a_server_that_has_gone_is_named_and_costs_no_verdict(tmp_path, monkeypatch, capsys):
    from autograder import __main__ as command
    from autograder import executors, work
    from test_grade import Threads

    monkeypatch.setattr(work, "do", small_course.everything_right)
    monkeypatch.setattr(executors, "Workers", Threads)
    course = small_course.make(tmp_path / "course", {"ada": small_task.notebook()})
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() +
                      "\nc.CourseDirectory.db_url = 'postgresql+psycopg2://grader@127.0.0.1:9/course'\n")
    assert command.main(["grade", TASK, "--root", str(course)]) == 1
    assert "The gradebook cannot be reached" in " ".join(capsys.readouterr().err.split())
    assert list((course / ".cache/verdicts" / TASK).glob("*.json"))
