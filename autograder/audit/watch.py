"""Looks after each graded submission whether anything but its own files has changed: a hook of nbgrader's.

It runs in the process that writes grades. What it finds is a line of `watch.jsonl` beside the course.
"""

import ctypes
import glob
import json
import os
import sqlite3
import time
from pathlib import Path

from autograder import plugins
from autograder.guard import children

STRAY = ("/tmp", "/var/tmp", "/dev/shm", "/", "/usr", "/etc")
PR_SET_CHILD_SUBREAPER = 36

_before: dict[str, dict] = {}


def finished(assignment: str, student: str, notebooks: list[str]) -> None:
    """After a submission: note what has changed since the one before it."""
    plugins.finish(assignment, student, notebooks)
    course = Path.cwd()
    student = _newest(course)       # nbgrader says "*"
    now = {"files": files(course), "grades": grades(course)}
    harm = []
    if _before:
        for path in sorted(now["files"].keys() | _before["files"].keys()):
            old, new = _before["files"].get(path), now["files"].get(path)
            if old != new and not _is_own(path, student):
                harm.append(f"{path} was {'removed' if new is None else 'made' if old is None else 'changed'}")
        harm += [f"the grades of {other} changed" for other, found in _before["grades"].items()
                 if other != student and now["grades"].get(other) != found]
    harm += stray_files()
    _before.update(now)
    with open(course.parent / f"{course.name}-watch.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({"student": student, "harm": harm, "time": time.time()}) + "\n")


def _newest(course: Path) -> str:
    return max((course / "archive" / "graded").glob("*/*/*"), key=lambda path: path.name).parts[-3]


def files(course: Path) -> dict[str, tuple]:
    """Size, time and mode of all that lies in the course and in the grader's home."""
    found = {}
    for root in (course, course.parent / f"{course.name}-home"):
        for folder, names, entries in os.walk(root):
            for entry in entries:
                path = os.path.join(folder, entry)
                info = os.lstat(path)
                found[os.path.relpath(path, course)] = (info.st_size, info.st_mtime_ns, info.st_mode)
    return found


def _is_own(path: str, student: str) -> bool:
    """What grading this student may write."""
    return path.startswith(("gradebook.db", "grade.log", f"autograded/{student}/", f"archive/graded/{student}/", ".cache/",
                            f"../{Path.cwd().name}-home/")) and "pwned" not in path


def grades(course: Path) -> dict[str, list]:
    """student -> rows of the gradebook."""
    with sqlite3.connect(f"file:{course / 'gradebook.db'}?mode=ro", uri=True) as base:
        rows = base.execute(
            "select s.student_id, c.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade "
            "from grade g join submitted_notebook n on g.notebook_id = n.id "
            "join submitted_assignment s on n.assignment_id = s.id join base_cell c on g.cell_id = c.id").fetchall()
    found: dict[str, list] = {}
    for student, *rest in sorted(rows, key=str):
        found.setdefault(student, []).append(rest)
    return found


def become_subreaper() -> None:
    """Orphans among the processes below become children of this one, so that `left_over` sees them."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def left_over() -> dict[int, str]:
    """Processes below this one that still run, by number."""
    found, queue = {}, children(os.getpid())
    for pid in queue:
        queue += children(pid)
        try:
            with open(f"/proc/{pid}/stat") as file:
                name, _, rest = file.read().rpartition(")")
        except OSError:
            continue        # ended meanwhile
        if rest.split()[0] != "Z":
            found[pid] = name.partition("(")[2]
    return found


def stray_files() -> list[str]:
    """Marks that submissions try to leave on the machine."""
    package = Path(plugins.__file__).parent
    places = [*STRAY, str(package), str(package.parent), os.path.expanduser("~")]
    return [f"{path} was made" for place in places for path in glob.glob(f"{glob.escape(place)}/pwned*")]
