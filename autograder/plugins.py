"""What nbgrader's own commands call, named in `nbgrader_config.py`.

`nbgrader autograde TASK` goes through these for each submission:

    Submission   (exporter)      reads the uploaded bytes, whatever they are
    Rebuild      (preprocessor)  sets the student's work into the released notebook
    Judge        (preprocessor)  runs it in the sandbox and judges the answers
    SaveGrades   (preprocessor)  points to the gradebook
    finish       (hook)          puts the verdicts beside the notebook: the submission is done
"""

import copy
import datetime
import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import nbformat
import traitlets
from nbconvert.exporters import NotebookExporter
from nbgrader import utils
from nbgrader.api import BaseCell, Comment, Grade, Gradebook, MissingEntry, SourceCell
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from autograder import sandbox, warm
from autograder.intake import tidy_submitted
from autograder.judge import Result, grade_notebook, is_check, record
from autograder.kernel import Settings
from autograder.questions import find
from autograder.reading import MAX_BYTES
from autograder.rebuild import rebuild
from autograder.secret import course_secret
from autograder.work import Outcome, made_from

warnings.simplefilter("ignore", SAWarning)      # nbgrader's queries cause harmless ones that look like lost data

TEXT_LOST = ("damaged", "not_a_cell", "too_large")     # kinds of repairs: a written answer may have been left out

# (student, task) -> what `python -m autograder grade` has run already
ready: dict[tuple[str, str], Outcome] = {}
_unfinished: list[tuple[Path, Path]] = []   # records of the submission at work, and where they go
_by_hand: list[str] = []        # what errors of ours have left ungraded in this run of `nbgrader autograde`


class Submission(NotebookExporter):
    """Reads a submission without trusting it: `Rebuild` gets its bytes, not what nbformat makes of them.

    nbgrader makes one for each run of `autograde`, before the first submission.
    """

    optimistic_validation = True        # once for each file, not after each step on the way

    def __init__(self, config=None, **kwargs):
        super().__init__(config=config, **kwargs)
        Judge(parent=self).manager()        # says at once if nothing can be graded here
        if isinstance(self.parent, Autograde):
            _prepare(self.parent)
            _tell_at_the_end(self.parent)

    def from_filename(self, filename, resources=None, **kwargs):
        if _done(resources) is None:
            if not any(isinstance(one, Rebuild) for one in self._preprocessors):
                return super().from_filename(filename, resources, **kwargs)
            with open(filename, "rb") as file:
                resources["submission"] = file.read(MAX_BYTES + 1)
        return self.from_notebook_node(nbformat.v4.new_notebook(), resources, **kwargs)


def _done(resources: dict) -> Outcome | None:
    """What `python -m autograder grade` has run already: nothing of it is read from files."""
    ids = resources["nbgrader"]
    return ready.get((ids["student"], ids["assignment"]))


def _prepare(converter: Autograde) -> None:
    """Leave only notebooks with the task's name in `submitted/`, and nothing half-done in `autograded/`.

    Raises NbGraderException where the gradebook has no such assignment: no submission could be saved.
    """
    coursedir = converter.coursedir
    try:
        with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
            gradebook.find_notebook(coursedir.assignment_id, coursedir.assignment_id)
    except MissingEntry:
        message = (f"The gradebook has no assignment {coursedir.assignment_id}: run `nbgrader generate_assignment "
                   f"{coursedir.assignment_id}`.")
        converter.log.error(message)
        raise NbGraderException(message) from None
    except SQLAlchemyError:
        pass        # told when something is to be saved: it may be locked only for now
    for refusal in tidy_submitted(coursedir.root, coursedir.assignment_id).refusals:
        converter.log.warning("%s: %s", refusal.source, refusal.reason)
    converter.init_notebooks()              # again: files may have got their names just now
    for source in converter.assignments:
        student, task = Path(source).parts[-2:]
        place = Path(coursedir.format_path(coursedir.autograded_directory, student, task))
        if place.is_dir() and not (place / f"{task}.verdicts.json").is_file():
            converter.log.warning("%s was left unfinished by an earlier run and is graded again.", place)
            utils.rmtree(str(place))


def _tell_at_the_end(converter: Autograde) -> None:
    """Have the run end with NbGraderException where errors of ours left questions to a person: nbgrader has no hook there."""
    convert = converter.convert_notebooks

    def convert_and_tell() -> None:
        _by_hand.clear()
        convert()
        if _by_hand:
            message = "Needs grading by hand after an internal error, see above: " + "; ".join(_by_hand)
            converter.log.error(message)
            raise NbGraderException(message)

    converter.convert_notebooks = convert_and_tell


def finish(assignment: str, student: str, notebooks: list[str]) -> None:
    """Hook: the record comes last, so that a submission which has one is completely graded."""
    while _unfinished:
        part, final = _unfinished.pop()
        os.replace(part, final)


# Preprocessors

class Rebuild(NbGraderPreprocessor):
    """The released notebook with the work of `resources["submission"]` set into it."""

    def preprocess(self, nb, resources):
        ids = resources["nbgrader"]
        coursedir = self.parent.parent.coursedir
        path = Path(coursedir.format_path(coursedir.release_directory, ".", ids["assignment"]),
                    f"{ids['notebook']}.ipynb")
        if not path.is_file():
            raise NbGraderException(
                f"{path} is missing: run `nbgrader generate_assignment {ids['assignment']}`.")
        done = _done(resources)
        if done:
            repairs = done.repairs
        else:
            released = path.read_bytes()
            nb, repairs = rebuild(nbformat.reads(released, as_version=4), resources["submission"])
            # Metadata come from the release alone, so this is ours when the next step reads it.
            nb.metadata["repairs"] = [vars(one) for one in repairs]
            nb.metadata["made_from"] = made_from(resources["submission"], released, ids["assignment"], ids["student"],
                                                 course_secret(Path(coursedir.root)))
        for one in repairs:
            self.log.info("%s: %s", one.grade_id or "notebook", one.sentence)
        return nb, resources


class Judge(NbGraderPreprocessor):
    """Runs the rebuilt notebook and puts verdicts under its check cells."""

    cell_seconds = traitlets.Float(
        Settings.cell_seconds, help="Wall time of one cell or check.").tag(config=True)
    notebook_seconds = traitlets.Float(
        Settings.notebook_seconds, help="Wall time of a notebook.").tag(config=True)
    startup_seconds = traitlets.Float(
        Settings.startup_seconds, help="Wall time until a kernel answers.").tag(config=True)
    cell_output = traitlets.Int(
        Settings.cell_output, help="Bytes of output kept of one cell.").tag(config=True)
    output = traitlets.Int(
        Settings.output, help="Bytes of output of a notebook; more ends its kernel.").tag(config=True)
    restarts = traitlets.Int(
        Settings.restarts, help="Kernels started anew for one notebook.").tag(config=True)
    warm = traitlets.Bool(True, help="Fork kernels from a process that has imported torch, in place of starting each "
                          "anew: a second less for each notebook, the same sandbox.").tag(config=True)
    allow_unsandboxed = traitlets.Bool(False, help="""Grade without a sandbox where there is none (macOS,
        Windows). Student code then runs with your rights: it can read and change your files and use your
        network. A printed or displayed verdict counts for nothing even then.""").tag(config=True)

    def manager(self) -> type:
        """The kernels to start. Raises NbGraderException where that needs the instructor's consent first."""
        reason = sandbox.available()
        if reason is None:
            return warm.WarmKernelManager if self.warm else sandbox.SandboxedKernelManager
        if not self.allow_unsandboxed:
            message = (f"{reason} Student code is not run without a sandbox unless you set "
                       "`c.Judge.allow_unsandboxed = True` in nbgrader_config.py: it has your rights.")
            self.log.error(message)
            raise NbGraderException(message)
        self.log.warning("NOT SANDBOXED: student code runs with your rights. %s", reason)
        return sandbox.UnsandboxedKernelManager

    def settings(self) -> Settings:
        config = copy.deepcopy(self.config)
        config.SandboxProvisioner.private = [*config.SandboxProvisioner.get("private", []),
                                             self.parent.parent.coursedir.root]
        return Settings(cell_seconds=self.cell_seconds, notebook_seconds=self.notebook_seconds,
                        startup_seconds=self.startup_seconds, cell_output=self.cell_output,
                        output=self.output, restarts=self.restarts, manager=self.manager(), config=config)

    def preprocess(self, nb, resources):
        ids = resources["nbgrader"]
        coursedir = self.parent.parent.coursedir
        done = _done(resources)
        if done:
            result, repairs, origin = done.result, [vars(one) for one in done.repairs], done.made_from
        else:
            repairs, origin = nb.metadata.pop("repairs", []), nb.metadata.pop("made_from", {})
            result = grade_notebook(nb, ids["assignment"], course_secret(Path(coursedir.root)), ids["student"],
                                    self.settings())
            if result.failed:
                _by_hand.append(f"{ids['student']}: {', '.join(sorted(result.failed))}")
        for name, error in result.failed.items():
            self.log.error("%s, %s: internal error, needs grading by hand\n%s", ids["student"], name, error)
        for line in result.log:
            self.log.info(line)
        kept = {**record(result), "repairs": repairs, "made_from": origin}
        place = Path(coursedir.format_path(coursedir.autograded_directory, ids["student"], ids["assignment"]))
        part = place / f".{ids['notebook']}.verdicts.part"
        part.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        _unfinished[:] = [(part, place / f"{ids['notebook']}.verdicts.json")]
        resources["former"] = former_record(Path(coursedir.root), result)
        resources["result"], resources["repairs"] = result, repairs
        archive(Path(coursedir.root), result, kept)
        return result.notebook, resources


class SaveGrades(NbGraderPreprocessor):
    """Points to the gradebook, in one transaction."""

    def preprocess(self, nb, resources):
        ids = resources["nbgrader"]
        with Gradebook(ids["db_url"]) as gradebook:
            save_grades(gradebook, resources["result"], ids["notebook"], resources["former"], resources["repairs"])
            found = gradebook.find_submission_notebook(ids["notebook"], ids["assignment"], ids["student"])
            self.log.info(line(resources["result"], found.grades))
        return nb, resources


def line(result: Result, grades: list) -> str:
    """`ada task1_vae: 17.5 of 22, 1 answer to read, 27 s`; the points are of what nobody has still to read."""
    waiting = sum(grade.needs_manual_grade for grade in grades)
    done = [grade for grade in grades if not grade.needs_manual_grade]
    to_read = f"{waiting} answer{'' if waiting == 1 else 's'} to read, " if waiting else ""
    return (f"{result.student} {result.task}: {sum(grade.score for grade in done):g} of "
            f"{sum(grade.max_score for grade in done):g}, {to_read}{result.seconds.get('total', 0):.0f} s")


# Gradebook and archive, also for graders other than nbgrader's

def save_grades(gradebook: Gradebook, result: Result, notebook_id: str, former: dict,
                repairs: Iterable[dict] = ()) -> None:
    """Write the result's points. Scores and comments of a person stay; nbgrader asks to look at them again.

    An empty written answer gets 0 and needs nobody to look at it, unless one of the `repairs` is about it or tells of
    text that was left out. The points of an extra question are extra credit, unless a person has changed what the
    former grading gave (`former`: its record, or {}).
    """
    grades, comments, released = _rows(gradebook, notebook_id, result)
    repaired = {one["grade_id"] for one in repairs}
    text_lost = any(one["kind"] in TEXT_LOST for one in repairs)
    for cell in result.notebook.cells:
        if utils.is_grade(cell):
            name, unclear = cell.metadata.nbgrader.grade_id, False
            grade = grades[name]
            if is_check(cell):
                verdict, unclear = result.verdicts[name], name in result.failed
                if not unclear and find(name).extra:
                    given = former.get("questions", {}).get(name, {}).get("points", 0.0)
                    if grade.extra_credit in (None, given):
                        grade.extra_credit = verdict.points
                    grade.auto_score = 0.0
                else:
                    scale = grade.max_score / verdict.max_points if verdict.max_points else 0.0
                    grade.auto_score = round(verdict.points * scale, 2)
            else:
                empty = _is_empty(cell, released)
                grade.auto_score = 0.0 if empty and not text_lost and name not in repaired else None
            grade.needs_manual_grade = unclear or grade.auto_score is None or grade.manual_score is not None
        if utils.is_solution(cell):
            comments[cell.metadata.nbgrader.grade_id].auto_comment = "No response." if _is_empty(cell, released) else None
    gradebook.db.commit()


def _rows(gradebook: Gradebook, notebook_id: str, result: Result) -> tuple[dict, dict, dict]:
    """Grades, comments and released sources of a submitted notebook, by the names of their cells: a query for each."""
    submitted = gradebook.find_submission_notebook(notebook_id, result.task, result.student)
    grades, comments = (
        {name: row for row, name in gradebook.db.query(kind, BaseCell.name).join(BaseCell, kind.cell_id == BaseCell.id)
         .filter(kind.notebook_id == submitted.id)} for kind in (Grade, Comment))
    sources = gradebook.db.query(SourceCell.name, SourceCell.source).filter(SourceCell.notebook_id == submitted.notebook_id)
    return grades, comments, dict(map(tuple, sources))


def _is_empty(cell, released: dict[str, str]) -> bool:
    """Whether a solution cell holds nothing but lines that it was released with."""
    found, given = ({line.strip() for line in text.splitlines()}
                    for text in (cell.source, released[cell.metadata.nbgrader.grade_id]))
    return found <= given | {""}


def archive(course: Path, result: Result, kept: dict) -> Path:
    """Keep what is needed to explain and to repeat a grading: executed notebook, verdicts, log and seeds."""
    now = datetime.datetime.now(datetime.timezone.utc)
    place = _shelf(course, result) / f"{now:%Y-%m-%dT%H%M%S.%f}"
    place.mkdir(parents=True)
    nbformat.write(result.notebook, place / f"{result.task}.ipynb")
    (place / "verdicts.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    (place / "seeds.json").write_text(json.dumps(result.seeds, indent=1), encoding="utf-8")
    (place / "log.txt").write_text("\n".join([*result.notes, *result.log]) + "\n", encoding="utf-8")
    return place


def former_record(course: Path, result: Result) -> dict:
    """The record of the student's last grading in this task; {} if there was none."""
    files = sorted(_shelf(course, result).glob("*/verdicts.json"))
    return json.loads(files[-1].read_text("utf-8")) if files else {}


def _shelf(course: Path, result: Result) -> Path:
    return course / "archive" / "graded" / result.student / result.task
