"""`python -m autograder grade TASK...`: the same as `nbgrader autograde TASK`, for many submissions at once.

Workers run and judge; this process alone writes, through nbgrader's own converter, so that files and gradebook
are the same. A verdict is kept in `.cache/verdicts` before it is saved: whatever happens, the next call goes on.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import hashlib
import json
import logging
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import filelock
import nbgrader.api
import sqlalchemy
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograder import executors, plugins, warm, work
from autograder.course import course_config, look
from autograder.kernel import Settings
from autograder.reading import MAX_BYTES, file_problem
from autograder.secret import course_secret
from autograder.work import Outcome, Work

PATIENCE = 60       # seconds to wait for a gradebook that another program has locked
LOST = "The scheduler was lost: start it and its workers again."


class Stopped(Exception):
    """Nothing more can be saved. What was graded is kept in the cache."""


@dataclass
class Tally:
    """What came of one task's submissions. failed: student -> reason; problems: student -> what their file lacks."""

    task: str
    graded: int = 0
    cached: int = 0             # of them, with verdicts from the cache
    unchanged: int = 0
    submissions: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    seconds: Counter = field(default_factory=Counter)
    wall: float = 0.0

    @property
    def done(self) -> int:
        return self.graded + len(self.failed)


class Grading(Autograde):
    """nbgrader's converter, with submissions that `executor` runs, in the order in which they are done."""

    def __init__(self, executor, tally: Tally, show: Callable[[Tally], None], only_changed=False, afresh=False,
                 **options):
        super().__init__(**options)
        self.executor, self.tally, self.show = executor, tally, show
        self.only_changed, self.afresh = only_changed, afresh

    def convert_notebooks(self) -> None:
        course, task = Path(self.coursedir.root), self.coursedir.assignment_id
        released = Path(self.coursedir.format_path(self.coursedir.release_directory, ".", task), f"{task}.ipynb")
        if not released.is_file():
            raise NbGraderException(f"{released} is missing: run `nbgrader generate_assignment {task}`.")
        self.released, self.secret = released.read_bytes(), course_secret(course)
        self.settings: Settings = plugins.Judge(parent=self.exporter).settings()
        self.cache = course / ".cache" / "verdicts"
        self.cache.mkdir(parents=True, exist_ok=True)
        excluded = self.coursedir.student_id_exclude.split(",")
        students = {Path(place).parts[-2]: place for place in sorted(self.assignments)}
        due = (student for student in students if student not in excluded and self._is_due(student))
        # The largest first: so the last ones, when some workers have nothing left to do, are short.
        waiting = deque(sorted(due, key=lambda student: -self._notebook(student).stat().st_size))
        self.places, self.tally.submissions = students, len(students)
        self.tally.unchanged = len(students) - len(waiting)
        self.show(self.tally)
        running: dict[concurrent.futures.Future, Work] = {}
        while waiting or running:
            try:
                room = 2 * self.executor.slots - len(running)
            except (OSError, RuntimeError):
                raise Stopped(LOST) from None
            while waiting and room > 0:
                one = self._work(waiting.popleft())
                outcome = None if self.afresh else self._kept(one)
                if outcome:
                    self.tally.cached += 1
                    self._save(one, outcome)
                else:
                    running[self.executor.submit(work.do, one)] = one
                    room -= 1
            ended, _ = concurrent.futures.wait(running, timeout=0.5, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in ended:
                self._finish(running.pop(future), future)
                self.show(self.tally)
            self.show(self.tally)

    # One submission

    def _notebook(self, student: str) -> Path:
        return Path(self.coursedir.root, self._format_source(self.coursedir.assignment_id, student),
                    f"{self.coursedir.assignment_id}.ipynb")

    def _work(self, student: str) -> Work:
        task = self.coursedir.assignment_id
        with open(self._notebook(student), "rb") as file:
            data = file.read(MAX_BYTES + 1)
        return Work(task, student, data, self.released.decode(), self.secret, self.settings,
                    work.made_from(data, self.released, task, student, self.secret))

    def _is_due(self, student: str) -> bool:
        """Whether the submission is to be graded: by nbgrader's rule, or because its bytes have changed."""
        task = self.coursedir.assignment_id
        source = self._format_source(task, student)
        place = self.coursedir.format_path(self.coursedir.autograded_directory, student, task)
        try:
            record = json.loads(Path(place, f"{task}.verdicts.json").read_text("utf-8"))
        except (OSError, ValueError):
            return True
        now = self._work(student).made_from
        former = record.get("made_from") or {}
        if self.only_changed:
            return former != now
        times = [self.coursedir.get_existing_timestamp(where) for where in (source, place)]
        newer = None not in times and times[0] > times[1]
        return self.afresh or newer or former.get("submission", now["submission"]) != now["submission"]

    def _finish(self, one: Work, future: concurrent.futures.Future) -> None:
        try:
            outcome = future.result()
        except concurrent.futures.CancelledError:
            raise Stopped(LOST) from None
        except Exception as error:
            outcome = Outcome(problem=work.brief(error))
        if outcome.result is None:
            self.log.error("%s: %s\n%s", one.name, outcome.problem, outcome.log)
            self.tally.failed[one.student] = outcome.problem
            return
        if not outcome.result.failed:
            self._keep(one, outcome)
        for name, value in outcome.result.seconds.items():
            self.tally.seconds[name] += value
        self._save(one, outcome)

    def _save(self, one: Work, outcome: Outcome) -> None:
        """Through nbgrader: files and gradebook. Raises Stopped where that cannot work for any submission."""
        place = self.places[one.student]
        if problem := file_problem((repair.kind, repair.sentence) for repair in outcome.repairs):
            self.tally.problems[one.student] = problem
        plugins.ready[one.student, one.task] = outcome
        until = time.monotonic() + PATIENCE
        try:
            while True:
                self.assignments, self.force = {place: [os.path.join(place, f"{one.task}.ipynb")]}, True
                try:
                    with _Problems(self.log) as problems:
                        super().convert_notebooks()
                    break
                except NbGraderException:
                    cause = problems.last
                    if not (isinstance(cause, sqlalchemy.exc.OperationalError) and "locked" in str(cause)
                            and time.monotonic() < until):
                        _explain(cause)
                        self.tally.failed[one.student] = f"it could not be saved: {work.brief(cause)}"
                        return
                    self.show(dataclasses.replace(self.tally, task=f"{one.task}: waiting for the locked gradebook"))
                    time.sleep(1)
        finally:
            del plugins.ready[one.student, one.task]
        record = Path(self._format_dest(one.task, one.student), f"{one.task}.verdicts.json")
        if not record.is_file():        # nbgrader does not tell of failed hooks
            self.tally.failed[one.student] = "its verdicts could not be put beside the notebook"
            return
        if outcome.result.failed:
            names = ", ".join(sorted(outcome.result.failed))
            self.tally.failed[one.student] = f"needs grading by hand after an error of ours: {names}"
        else:
            self.tally.graded += 1

    # The cache

    def _entry(self, one: Work) -> Path:
        name = hashlib.sha256(repr((one.student, sorted(one.made_from.items()))).encode()).hexdigest()[:32]
        return self.cache / one.task / f"{name}.json"

    def _kept(self, one: Work) -> Outcome | None:
        try:
            return work.loads(self._entry(one).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            self.log.warning("%s is damaged and not used.", self._entry(one))
            return None

    def _keep(self, one: Work, outcome: Outcome) -> None:
        entry = self._entry(one)
        part = entry.with_suffix(".part")
        try:
            entry.parent.mkdir(exist_ok=True)
            part.write_text(work.dumps(outcome), encoding="utf-8")
            os.replace(part, entry)
        except OSError as error:
            _explain(error)


class _Problems(logging.Handler):
    """Which exception nbgrader handled last: it tells of it only in its log."""

    def __init__(self, log):
        super().__init__(logging.ERROR)
        self.logger, self.last = log, None

    def emit(self, record):
        self.last = sys.exc_info()[1] or self.last

    def __enter__(self):
        self.logger.addHandler(self)
        return self

    def __exit__(self, *error):
        self.logger.removeHandler(self)


def _explain(error: BaseException | None) -> None:
    """Raise Stopped, with what to do, where an error would come again for every other submission."""
    text = str(getattr(error, "orig", error)).strip().splitlines()
    text = text[0] if text else repr(error)
    if isinstance(error, sqlalchemy.exc.OperationalError):
        if "locked" in text:
            raise Stopped(f"The gradebook was locked for {PATIENCE} s ({text}): close what else writes to it "
                          "(formgrader, another nbgrader command).") from None
        if "full" in text:
            raise Stopped(f"The disk is full ({text}): make room.") from None
        raise Stopped(f"The gradebook cannot be reached or read ({text}): see whether the database runs, or, after "
                      "a new version of nbgrader, run `nbgrader db upgrade`.") from None
    if isinstance(error, sqlalchemy.exc.DatabaseError):
        raise Stopped(f"The gradebook cannot be written ({text}).") from None
    if isinstance(error, OSError):
        raise Stopped(f"A file cannot be written ({error}): see whether the disk is full and the folder is "
                      "yours.") from None


# The command

def arguments(parser) -> None:
    parser.add_argument("task", nargs="+", help="for example task1_vae")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), metavar="N",
                        help="how many submissions are graded at once (default: cores)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="grade on the workers of this Dask scheduler instead, "
                        "for example tcp://host:8786")
    parser.add_argument("--student", metavar="ID", default="*", help="only this one; a pattern like 'a*' works, too")
    parser.add_argument("--force", action="store_true", help="grade all of them afresh, whatever was graded before")
    parser.add_argument("--only-changed", action="store_true", help="of those graded already, do again those where the "
                        "submission, the released notebook, a question or the secret has changed since (without this: "
                        "where the submission has changed)")
    parser.add_argument("--cold", action="store_true", help="start each kernel anew, in place of forking it from a "
                        "process that has imported torch: slower, for the case of doubt")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the course's folder (default: this one)")


def run(options) -> int:
    """0: everything is graded, 1: something is not, 130: interrupted."""
    root, console = options.root.resolve(), Console(stderr=True, width=None if sys.stderr.isatty() else 120)
    if options.workers < 1:
        raise ValueError("--workers must be 1 or more.")
    if options.force and options.only_changed:
        raise ValueError("--force grades everything, --only-changed does not: give one of them.")
    look(root, options.task)
    for task in options.task:
        if not any(any((root / "submitted").glob(f"{options.student}/{place}")) for place in (task, "*.ipynb*")):
            raise ValueError(f"Nothing is submitted for {task} yet: run `python -m autograder collect`."
                             if options.student == "*" else f"There is no submission of {options.student} for {task}.")
    tallies = [Tally(task) for task in options.task]
    with locked(root), one_log(root) as log, progress(console, tallies) as show:
        executor, stopped = None, None
        try:
            executor = (executors.cluster(options.scheduler) if options.scheduler else
                        executors.Workers(options.workers, warm.share, [warm.shared()]))
            for tally in tallies:
                grade(root, tally, executor, show, log, options)
        except KeyboardInterrupt:
            stopped = "Interrupted."
        except Stopped as error:
            stopped = str(error)
        finally:
            if executor is not None:
                executor.shutdown(cancel_futures=True)
            warm.close()
    console.print(summary(tallies))
    for line in [*problems(tallies), *failures(tallies, root)]:
        console.print(line, soft_wrap=True)
    if stopped:
        console.print(f"[bold red]{escape(stopped)}[/] No verdict is lost; the same command goes on from here.",
                      soft_wrap=True)
        return 130 if stopped == "Interrupted." else 1
    return int(any(tally.failed for tally in tallies))


def grade(root: Path, tally: Tally, executor, show, log, options) -> None:
    """Grade one task; `tally` is filled on the way. Raises Stopped or ValueError."""
    config = course_config(root)
    config.CourseDirectory.update(root=str(root), assignment_id=tally.task, student_id=options.student)
    if options.cold:
        config.Judge.warm = False
    started = time.monotonic()
    converter = Grading(executor, tally, show, options.only_changed, options.force,
                        coursedir=CourseDirectory(config=config), config=config)
    converter.log = log
    try:
        with _opened_once():
            converter.start()
    except NbGraderException as error:
        raise ValueError(str(error)) from None
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        _explain(error)
        raise
    finally:
        tally.wall = time.monotonic() - started


@contextlib.contextmanager
def _opened_once() -> Iterator[None]:
    """nbgrader opens the gradebook seven times for a submission. With one engine for all it compiles a query once, and
    asks once whether there is every table."""
    tables = nbgrader.api.Base.metadata
    with mock.patch.object(nbgrader.api, "create_engine", functools.cache(nbgrader.api.create_engine)), \
            mock.patch.object(tables, "create_all", functools.cache(tables.create_all)):
        yield


def locked(root: Path) -> filelock.BaseFileLock:
    """Held while this process writes to the course. Raises ValueError if another one does."""
    (root / ".cache").mkdir(exist_ok=True)
    lock = filelock.FileLock(root / ".cache" / "grade.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise ValueError(f"another `grade` is at work on {root}: wait until it is done, or stop it; what it graded "
                         "is kept.") from None
    return lock


class one_log:
    """nbgrader's many lines go to grade.log in the course."""

    def __init__(self, root: Path):
        self.log = logging.Logger("autograder.grade", logging.INFO)
        self.handler = logging.FileHandler(root / "grade.log", encoding="utf-8", errors="backslashreplace")
        self.handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def __enter__(self):
        self.log.addHandler(self.handler)
        return self.log

    def __exit__(self, *error):
        self.handler.close()


class progress:
    """A line for each task: done, failed, rate and time left. Called with a Tally to move it."""

    def __init__(self, console: Console, tallies: list[Tally]):
        self.bars = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                             TextColumn("[red]{task.fields[failed]} failed"), TextColumn("{task.fields[rate]}"),
                             TimeRemainingColumn(), TextColumn("left"), console=console, transient=True)
        self.ids = [self.bars.add_task(tally.task, total=None, failed=0, rate="") for tally in tallies]
        self.names = [tally.task for tally in tallies]
        self.started = None

    def __enter__(self):
        self.bars.start()
        return self

    def __exit__(self, *error):
        self.bars.stop()

    def __call__(self, tally: Tally) -> None:
        number = next(i for i, name in enumerate(self.names) if tally.task.startswith(name))
        started = self.bars.tasks[number].start_time
        minutes = (time.monotonic() - started) / 60
        self.bars.update(self.ids[number], total=tally.submissions - tally.unchanged, completed=tally.done,
                         description=tally.task, failed=len(tally.failed),
                         rate=f"{tally.done / minutes:.0f} per minute" if tally.done else "")


def summary(tallies: list[Tally]) -> Table:
    table = Table("task", "submissions", "graded", "of them cached", "unchanged", "failed", "wall s", "s each")
    for column in table.columns[1:]:
        column.justify = "right"
    for tally in tallies:
        each = f"{tally.wall / tally.done:.2f}" if tally.done else ""
        table.add_row(tally.task, str(tally.submissions), str(tally.graded), str(tally.cached), str(tally.unchanged),
                      f"[red]{len(tally.failed)}[/]" if tally.failed else "0", f"{tally.wall:.1f}", each)
    return table


def problems(tallies: list[Tally], most: int = 20) -> Iterator[str]:
    """A line for each submission that was graded although its file cannot be read in full."""
    lines = [f"[yellow]{escape(student)}, {tally.task}:[/] {escape(sentence)}" for tally in tallies
             for student, sentence in sorted(tally.problems.items())]
    yield from lines[:most]
    if len(lines) > most:
        yield f"... and {len(lines) - most} more such files."


def failures(tallies: list[Tally], root: Path, most: int = 20) -> Iterator[str]:
    """A line for each submission that failed, and where to read more."""
    lines = [f"[red]{escape(student)}, {tally.task}:[/] {escape(reason)}" for tally in tallies
             for student, reason in sorted(tally.failed.items())]
    yield from lines[:most]
    if len(lines) > most:
        yield f"... and {len(lines) - most} more."
    if lines:
        yield f"{root / 'grade.log'} has all details. The same command tries these again."
