"""Seconds, processor time and memory per graded notebook: ours cold and warm, plain nbgrader, otter-grader.

    python benchmarks/grading.py [--students 10] [--peers 2] [--repeats 1] [--task task1_vae] [--workers 1,2] [--warm]
                                 [--otter PROGRAM]

Submissions are two thirds right, one third untouched. The peers, whose seconds per notebook do not depend on how many
there are, grade the first few of them; of the start of the program, each notebook bears the share that it has in ours.
nbgrader runs its stock preprocessors in an ordinary kernel, once with the training cells and once without (ours never
runs them). Otter gets one trivial test per question, so its figure is its floor. The last row is a floor under ours: the
answers alone, asked for in as many processes at once as there are workers, which have imported everything. Prints a
markdown table.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import nbformat
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder import sandbox
from autograder.course import course_config
from autograder.guard import family, sizes

os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]      # nbgrader starts alembic
TICK = os.sysconf("SC_CLK_TCK")
PLAIN = """
c = get_config()
c.CourseDirectory.source_directory, c.CourseDirectory.release_directory = "solutions", "assignments"
c.Execute.timeout = 3600
"""


def made_up(course: Path, task: str, students: int, training=True, settings=None) -> Path:
    """A released task and what a made-up class hands in."""
    (course / "solutions" / task).mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / task / f"{task}.ipynb", course / "solutions" / task)
    (course / "nbgrader_config.py").write_text(settings or (ROOT / "nbgrader_config.py").read_text())
    config = course_config(course)
    config.CourseDirectory.root = str(course)
    done = NbGraderAPI(CourseDirectory(config=config), config=config).generate_assignment(task)
    if not done["success"]:
        raise SystemExit(done["error"])
    released = nbformat.read(course / "assignments" / task / f"{task}.ipynb", as_version=4)
    solved = nbformat.read(course / "solutions" / task / f"{task}.ipynb", as_version=4)
    answers = {cell.id: "\n".join(line for line in cell.source.splitlines() if "### " not in line)
               for cell in solved.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    if not training:
        released.cells = [cell for cell in released.cells
                          if not {"train", "explore"} & set(cell.metadata.get("tags", []))]
    for number in range(students):
        notebook = nbformat.from_dict(json.loads(json.dumps(released)))
        for cell in notebook.cells:
            if number % 3 and cell.id in answers:
                cell.source = f"{answers[cell.id]}\n# {number}" if cell.cell_type == "code" else answers[cell.id]
        place = course / "submitted" / f"student{number:05}" / task / f"{task}.ipynb"
        place.parent.mkdir(parents=True)
        nbformat.write(notebook, place)
    return course


def measured(command: list, folder: Path, accepted=(0,)) -> dict:
    """Run a command that ends with one of these statuses: wall and processor seconds and peak memory (PSS), of it and
    all that it starts."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VAE_DATA": "digits"}
    started, used, peak = time.monotonic(), {}, 0
    log = open(folder / "benchmark.log", "ab")
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    over, looked = threading.Event(), 0.0

    def look():
        nonlocal peak, looked
        while not over.wait(0.05):
            members = family(process.pid)
            for pid in members:
                try:
                    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                used[pid, words[19]] = (int(words[11]) + int(words[12])) / TICK
            if time.monotonic() - looked > 1:       # it costs more than a look at the times
                looked = time.monotonic()
                peak = max(peak, sum(sizes(f"/proc/{pid}/smaps_rollup").get("Pss", 0) for pid in members))

    watcher = threading.Thread(target=look)
    watcher.start()
    status = process.wait()
    over.set()
    watcher.join()
    log.close()
    if status not in accepted:
        raise SystemExit(f"{command} ended with {status}:\n{(folder / 'benchmark.log').read_text()[-2000:]}")
    return {"wall": time.monotonic() - started, "cpu": sum(used.values()), "memory": peak / 2**30}


def ours(course: Path, task: str, *options: str) -> dict:
    """One run of our command, with where a notebook's seconds go."""
    found = measured([sys.executable, "-m", "autograder", "grade", task, "--force", *options], course, accepted=(0, 1))
    records = [json.loads(path.read_text())["seconds"] for path in (course / "autograded").glob("*/*/*.verdicts.json")]
    for name in ("start", "cells", "checks", "judging", "total"):
        found[name] = statistics.mean(record[name] for record in records)
    return found


def nbgrader(course: Path, task: str, share: float) -> dict:
    """One run of `nbgrader autograde`, with this share of the seconds that the program needs to start."""
    command = [sys.executable, "-m", "nbgrader", "autograde"]
    start, found = measured([*command, "--help"], course), measured([*command, task, "--force"], course)
    for name in ("wall", "cpu"):
        found[name] -= (1 - share) * start[name]
    return found


def otter(program: str, course: Path, task: str) -> dict:
    """`otter run`, one submission after the other: it takes one at a time."""
    folder = course / "otter"
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    released = nbformat.read(course / "assignments" / task / f"{task}.ipynb", as_version=4)
    for cell in released.cells:
        mark = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and mark.get("grade"):
            case = {"code": ">>> 1 + 1\n2", "hidden": False, "locked": False}
            test = {"name": mark["grade_id"], "points": mark["points"],
                    "suites": [{"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}]}
            (folder / "tests" / f"{mark['grade_id']}.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n")
    archive = folder / "autograder.zip"
    measured([program, "generate", "-t", str(folder / "tests"), "-o", str(archive), "--no-environment"], folder)
    runs = [measured([program, "run", "-a", str(archive), "-o", str(folder), str(notebook)], folder)
            for notebook in sorted((course / "submitted").glob("*/*/*.ipynb"))]
    return {"wall": sum(run["wall"] for run in runs), "cpu": sum(run["cpu"] for run in runs),
            "memory": max(run["memory"] for run in runs)}


def floor(task: str, workers: int, right: float) -> dict:
    """Seconds per notebook if this share of the notebooks is right, and all but their answers costs nothing."""
    environment = {**os.environ, **dict.fromkeys(sandbox.THREADS, "1"), **sandbox.KEPT}
    running = [subprocess.Popen([sys.executable, Path(__file__).with_name("answers.py"), task], text=True, env=environment,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(workers)]
    for process in running:
        process.stdout.readline()       # it is ready
    for process in running:
        print("go", file=process.stdin, flush=True)
    found = [json.loads(process.communicate()[0]) for process in running]
    return {"wall": right * statistics.mean(one["wall"] for one in found) / workers,
            "cpu": right * statistics.mean(one["cpu"] for one in found)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=10)
    parser.add_argument("--peers", type=int, default=2, help="how many of the submissions nbgrader and otter grade")
    parser.add_argument("--repeats", type=int, default=1, help="the median counts")
    parser.add_argument("--task", default="task1_vae", help="or several, with commas")
    parser.add_argument("--workers", default="1,2", help="how many of ours, one run for each")
    parser.add_argument("--warm", action="store_true", help="leave out ours with cold kernels")
    parser.add_argument("--otter", default=shutil.which("otter"), metavar="PROGRAM", help="'' leaves it out")
    options = parser.parse_args()
    for task in options.task.split(","):
        print(measure(task, options), end="\n\n", flush=True)


def measure(task: str, options) -> str:
    """The table of one task."""
    students, few = options.students, min(options.peers, options.students)
    with tempfile.TemporaryDirectory(prefix="course-", dir="/var/tmp" if os.path.isdir("/var/tmp") else None) as place:
        course = made_up(Path(place, "ours"), task, students)
        plain = {how: made_up(Path(place, how), task, few, how == "with", PLAIN) for how in ("with", "without")}
        contestants = {f"ours, {workers} worker{'s' * (workers > 1)}, {' '.join(how)[2:] or 'warm'}":
                       lambda workers=workers, how=how: ours(course, task, "--workers", str(workers), *how)
                       for workers in map(int, options.workers.split(","))
                       for how in ([], ["--cold"])[:1 if options.warm else 2]}
        contestants |= {f"nbgrader {how} training cells": lambda course=course: nbgrader(course, task, few / students)
                        for how, course in plain.items()}
        if options.otter:
            contestants["otter run, without"] = lambda: otter(options.otter, plain["without"], task)
        elif options.otter is None:
            print("There is no otter-grader to compare with: pip install otter-grader, or name its program with --otter.",
                  file=sys.stderr)
        most = max(map(int, options.workers.split(",")))
        contestants["the answers alone"] = lambda: {name: value * students for name, value in floor(
            task, most, sum(number % 3 > 0 for number in range(students)) / students).items()}
        runs = {name: [] for name in contestants}
        for _ in range(options.repeats):        # in turn, so that a busy machine slows all alike
            for name, contestant in contestants.items():
                runs[name].append(contestant())
                print(f"{name}: {runs[name][-1]['wall']:.1f} s", file=sys.stderr)
    return table(runs, task, students, few)


def table(runs: dict, task: str, students: int, few: int) -> str:
    columns = ("wall", "cpu", "memory", "start", "cells", "checks", "judging")
    lines = [f"{students} submissions of {task}, {few} for the peers; {platform.processor() or platform.machine()}, "
             f"{os.cpu_count()} cores, Python {platform.python_version()}. Medians of {len(next(iter(runs.values())))}. Seconds per notebook; "
             "wall and CPU with the start of the program; memory: peak PSS of all processes in GiB.", "",
             f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    each = {}
    for name, found in runs.items():
        middle = {key: statistics.median(run[key] for run in found) for key in found[0]}
        for key in ("wall", "cpu"):
            middle[key] /= few if name.startswith(("nbgrader", "otter")) else students
        lines.append(f"| {name} | {' | '.join(f'{middle[key]:.2f}' if key in middle else '' for key in columns)} |")
        each[name] = middle["wall"]
    fastest = min((name for name in each if name.startswith("ours")), key=each.get)
    lines += ["", f"Times as fast, {fastest}: " + "; ".join(
        f"{seconds / each[fastest]:.1f} ({name})" for name, seconds in each.items() if name.startswith(("nbgrader", "otter")))
        + f"; the answers alone: {each['the answers alone'] / each[fastest]:.0%} of it."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
