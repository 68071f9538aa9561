"""A course with the small task, for tests of grading many submissions."""

import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

import small_task
from autograder.course import course_config
from autograder.judge import Result, is_check
from autograder.rebuild import rebuild
from autograder.work import Outcome, Work
from utils.check.verdict import Verdict

REPOSITORY = Path(__file__).resolve().parent.parent
TASK = "task1_vae"
SETTINGS = """
c.Judge.cell_seconds = 20
c.Judge.startup_seconds = 120
c.SandboxProvisioner.limits = {"memory": 1500 * 2**20}
c.Judge.allow_unsandboxed = True
"""


def make(course: Path, students: dict[str, NotebookNode], settings: str = "") -> Path:
    """A released assignment and what these students handed in."""
    course.mkdir(exist_ok=True)
    (course / "nbgrader_config.py").write_text((REPOSITORY / "nbgrader_config.py").read_text() + SETTINGS + settings)
    (course / "solutions" / TASK).mkdir(parents=True)
    nbformat.write(small_task.source(), course / "solutions" / TASK / f"{TASK}.ipynb")
    config = configured(course)
    done = NbGraderAPI(CourseDirectory(config=config), config=config).generate_assignment(TASK)
    assert done["success"], done
    for student, notebook in students.items():
        submit(course, student, notebook)
    return course


def configured(course: Path):
    config = course_config(course)
    config.CourseDirectory.update(root=str(course), assignment_id=TASK)
    return config


def submit(course: Path, student: str, notebook: NotebookNode) -> None:
    place = course / "submitted" / student / TASK / f"{TASK}.ipynb"
    place.parent.mkdir(parents=True, exist_ok=True)
    for index, cell in enumerate(notebook.cells):       # nbformat draws them at random
        cell.id = f"cell-{index}"
    nbformat.write(notebook, place)


def scores(course: Path) -> dict:
    """student -> grade id -> all that the gradebook says of it."""
    with Gradebook(CourseDirectory(config=configured(course)).db_url) as gradebook:
        return {submission.student.id: {grade.name: (grade.auto_score, grade.manual_score, grade.extra_credit,
                                                     grade.needs_manual_grade)
                                        for grade in submission.notebooks[0].grades}
                for submission in gradebook.assignment_submissions(TASK)}


def files(course: Path) -> dict:
    """What was written to autograded/, but for what no two runs have in common: seconds."""
    found = {}
    for path in (course / "autograded").rglob("*"):
        if path.is_file():
            content = path.read_text()
            if path.name.endswith("verdicts.json"):
                content = json.loads(content)
                del content["seconds"]
            found[str(path.relative_to(course)), path.stat().st_mode] = content
    return found


def everything_right(work: Work) -> Outcome:
    """In place of `autograder.work.do`: nothing is run, and every answer is right."""
    notebook, repairs = rebuild(nbformat.reads(work.released, as_version=4), work.data)
    result = Result(work.task, work.student, {}, notebook, seconds={"total": 0.0})
    for cell in notebook.cells:
        if is_check(cell):
            name, points = cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points)
            result.verdicts[name] = Verdict(name, "right", points, points, {}, [])
    return Outcome(result, repairs, work.made_from)
