"""What the gradebook says of one task, in three queries however many students there are."""

import datetime
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import (Assignment, Comment, Grade, GradeCell, Notebook, SolutionCell, Student,
                          SubmittedAssignment, SubmittedNotebook)
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Mark:
    """Points of one graded cell.

    score: what counts, extra credit included. auto: the autograder's (None: it gave none). manual: a
    person's. waiting: a person must still look at it. written: the cell is text.
    """

    score: float
    max_score: float
    auto: float | None
    manual: float | None
    extra: float | None
    waiting: bool
    written: bool


@dataclass
class Marks:
    """One student's marks in one task. handed_in and due: UTC; late: seconds; penalty: points."""

    student: str
    name: str = ""
    handed_in: datetime.datetime | None = None
    due: datetime.datetime | None = None
    penalty: float = 0.0
    grades: dict[str, Mark] = field(default_factory=dict)       # by grade id
    comments: dict[str, str] = field(default_factory=dict)      # a person's, by the solution cell's grade id

    @property
    def late(self) -> float:
        return (self.handed_in - self.due).total_seconds() if self.handed_in and self.due else 0.0


def read_marks(db_url: str, task: str, student: str | None = None) -> dict[str, Marks]:
    """Marks by student id, of all students or of one; {} where nobody's work was graded.

    Raises OSError where the gradebook cannot be read.
    """
    address = make_url(db_url)
    if address.get_backend_name() == "sqlite" and not Path(address.database).is_file():
        return {}       # to connect would make one
    engine = create_engine(address)
    try:
        with Session(engine) as session:
            return _read(session, task, student) if inspect(engine).has_table("grade") else {}
    except DBAPIError as error:
        shown = address.render_as_string(hide_password=True)
        raise OSError(f"The gradebook {shown} cannot be read: {str(error.orig).strip()}") from None
    finally:
        engine.dispose()


def _read(session: Session, task: str, student: str | None) -> dict[str, Marks]:
    mine = [Assignment.name == task, Notebook.name == task, *([Student.id == student] if student else [])]

    def of_task(query):
        return (query.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
                .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
                .join(Student, SubmittedAssignment.student_id == Student.id)
                .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id).where(*mine))

    found, by_notebook = {}, {}
    query = of_task(select(SubmittedNotebook.id, Student.id, Student.first_name, Student.last_name,
                           SubmittedAssignment.timestamp, Assignment.duedate, SubmittedAssignment.extension,
                           SubmittedNotebook.late_submission_penalty).select_from(SubmittedNotebook))
    for notebook, who, first, last, handed_in, due, extension, penalty in session.execute(query):
        due = due + extension if due and extension else due
        by_notebook[notebook] = found[who] = Marks(who, " ".join(filter(None, (first, last))), handed_in, due,
                                                   penalty or 0.0)
    query = of_task(select(Grade.notebook_id, GradeCell.name, GradeCell.cell_type, GradeCell.max_score,
                           Grade.score, Grade.auto_score, Grade.manual_score, Grade.extra_credit,
                           Grade.needs_manual_grade)
                    .select_from(Grade).join(GradeCell, Grade.cell_id == GradeCell.id)
                    .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id))
    for notebook, cell, kind, max_score, score, auto, manual, extra, waiting in session.execute(query):
        by_notebook[notebook].grades[cell] = Mark(score, max_score, auto, manual, extra, waiting,
                                                  kind == "markdown")
    query = of_task(select(Comment.notebook_id, SolutionCell.name, Comment.manual_comment)
                    .select_from(Comment).join(SolutionCell, Comment.cell_id == SolutionCell.id)
                    .join(SubmittedNotebook, Comment.notebook_id == SubmittedNotebook.id)
                    .where(Comment.manual_comment.is_not(None)))
    for notebook, cell, comment in session.execute(query):
        by_notebook[notebook].comments[cell] = comment
    return found
