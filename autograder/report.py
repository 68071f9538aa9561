"""`python -m autograder report TASK`: what the class got right and wrong, on one page, with tables beside it.

Everything comes from the verdict records beside the autograded notebooks and from the gradebook.
"""

import csv
import io
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import nbformat
from markupsafe import Markup

from autograder.course import course_config, look
from autograder.feedback import graded
from autograder.marks import Marks, read_marks
from autograder.page import points, render

STAGES = ("total", "start", "cells", "checks", "judging")
SLOWEST = 10
ENOUGH = 10             # students from which on a correlation says something
COLOURS = {"all points": "#0072b2", "some points": "#56b4e9", "no points": "#d55e00",
           "not attempted": "#9aa0a6", "unread": "#e3e5e8"}
INK = "#010203"         # stands for the colour of the page's text


def arguments(parser) -> None:
    parser.add_argument("task", help="for example task1_vae")
    parser.add_argument("--output", type=Path, metavar="FILE.html",
                        help="the page; tables get the same name (default: reports/TASK.html)")
    parser.add_argument("--root", type=Path, default=Path.cwd(),
                        help="the course's folder (default: this one)")


def run(options) -> int:
    from nbgrader.coursedir import CourseDirectory

    root = options.root.resolve()
    look(root)
    config = course_config(root)
    config.CourseDirectory.root = str(root)
    found = load(CourseDirectory(config=config), options.task)
    for path in write(found, options.output or root / "reports" / f"{options.task}.html"):
        print(path)
    return 0


# What there is

@dataclass
class Class:
    """What is known of one task.

    records: by student. marks: the gradebook's, by student. ungraded: students with a submission and no
    record. questions: grade ids, in order. scores: (students, questions), NaN where nobody has graded yet.
    """

    task: str
    records: dict[str, dict]
    marks: dict[str, Marks]
    ungraded: list[str]
    questions: list[str]
    scores: np.ndarray

    @property
    def graded(self) -> list[int]:
        """Columns of questions that are graded for everyone."""
        return [i for i in range(len(self.questions)) if not np.isnan(self.scores[:, i]).any()]

    @property
    def totals(self) -> np.ndarray:
        """(students,): points of the questions that are graded for everyone, less the late penalty."""
        penalties = [self.penalty(student) for student in self.records]
        return np.maximum(0, self.scores[:, self.graded].sum(1) - penalties)

    def penalty(self, student: str) -> float:
        return self.marks[student].penalty if student in self.marks else 0.0

    def judged(self, question: str) -> list[tuple[str, dict]]:
        """(student, part of the record) of everyone whose record has the question."""
        return [(student, record["questions"][question]) for student, record in self.records.items()
                if question in record["questions"]]

    def max_points(self, question: str) -> float:
        for marks in self.marks.values():
            if question in marks.grades:
                return marks.grades[question].max_score
        return self.judged(question)[0][1]["max_points"]

    def is_extra(self, question: str) -> bool:
        return any(judged.get("extra") for _, judged in self.judged(question)[:1])


def load(coursedir, task: str) -> Class:
    """Raises ValueError where nothing is known of the task, OSError for an unreadable gradebook."""
    def students(step: str, name: str) -> dict[str, Path]:
        pattern = Path(coursedir.format_path(step, "*", task), name)
        return {path.parts[_student_part(coursedir)]: path
                for path in sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))}

    files = students(coursedir.autograded_directory, f"{task}.verdicts.json")
    if not files:
        look(Path(coursedir.root), [task])
        raise ValueError(f"Nothing of {task!r} has been graded yet: run `nbgrader autograde {task}` first.")
    records = {student: _read_record(path) for student, path in files.items()}
    marks = read_marks(coursedir.db_url, task)
    questions = dict.fromkeys(name for record in records.values() for name in record["questions"])
    questions |= dict.fromkeys(name for one in marks.values() for name in one.grades)
    order = _order(Path(coursedir.format_path(coursedir.release_directory, ".", task), f"{task}.ipynb"))
    questions = sorted(questions, key=lambda name: (order.index(name) if name in order else len(order)))
    scores = np.array([[_score(record, marks.get(student), name) for name in questions]
                       for student, record in records.items()])
    handed_in = students(coursedir.submitted_directory, "*.ipynb")
    return Class(task, records, marks, sorted(handed_in.keys() - records.keys()), questions, scores)


def _student_part(coursedir) -> int:
    """Where in a path the student stands, from the end."""
    parts = Path(coursedir.directory_structure).parts
    return parts.index("{student_id}") - len(parts) - 1


def _order(released: Path) -> list[str]:
    """The grade ids in the order of the released notebook; [] where there is none."""
    return graded(nbformat.read(released, as_version=4)) if released.is_file() else []


def _read_record(path: Path) -> dict:
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError:
        raise ValueError(f"{path} is damaged: remove it and grade this submission again.") from None


def _score(record: dict, marks: Marks | None, question: str) -> float:
    """Points: the gradebook's; the record's where the gradebook has none; NaN where nobody has graded yet."""
    mark = marks.grades.get(question) if marks else None
    if mark is None:
        return record["questions"].get(question, {}).get("points", np.nan)
    return np.nan if mark.waiting and mark.manual is None else mark.score


# What it says

def question_rows(found: Class) -> list[dict]:
    """For each question: mean, shares of points, of full points and of not attempted, and discrimination.

    None where somebody's answer has still to be read: those who gave none would be all that counts. No discrimination
    of fewer than ENOUGH students.
    """
    rows = []
    for column, name in enumerate(found.questions):
        scores, full, done = found.scores[:, column], found.max_points(name), column in found.graded
        judged = found.judged(name)
        missing = [answer["state"] == "not attempted" for _, answer in judged] or [
            mark.auto == 0 and mark.manual is None for marks in found.marks.values()
            if (mark := marks.grades.get(name))]
        others = [i for i in found.graded if i != column]
        rows.append({
            "question": name, "extra": found.is_extra(name), "max_points": full,
            "graded": int((~np.isnan(scores)).sum()), "mean": float(scores.mean()) if done else None,
            "share": float(scores.mean()) / full if done and full else None,
            "full": float((scores >= full).mean()) if done else None,
            "not_attempted": sum(missing) / len(missing) if missing else None,
            "discrimination": (
                correlation(scores, found.scores[:, others].sum(1)) if done and len(scores) >= ENOUGH else None)})
    return rows


def correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Pearson's, of two (N,); None where one of them is constant."""
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 1e-9 else None


def mistakes(found: Class) -> list[dict]:
    """Wrong answers with the same hint, the most frequent first. misconception: "" if it has no name."""
    groups = defaultdict(list)
    for name in found.questions:
        for student, answer in found.judged(name):
            if answer["state"] not in ("right", "not attempted"):
                groups[name, answer["misconception"] or "", answer["state"], answer["hint"]].append(student)
    rows = [dict(zip(("question", "misconception", "state", "hint"), key), students=students)
            for key, students in groups.items()]
    return sorted(rows, key=lambda row: -len(row["students"]))


def repair_rows(found: Class) -> list[dict]:
    """Repairs with the same sentence, the most frequent first."""
    groups = defaultdict(list)
    for student, record in found.records.items():
        for one in {(one["kind"], one["grade_id"] or "", one["sentence"]) for one in record["repairs"]}:
            groups[one].append(student)
    rows = [dict(zip(("kind", "grade_id", "sentence"), key), students=students)
            for key, students in groups.items()]
    return sorted(rows, key=lambda row: (-len(row["students"]), row["sentence"]))


def problem_rows(found: Class) -> list[dict]:
    """Submissions that could not be graded in full: student, question ("": all of it) and reason."""
    command = f"`nbgrader autograde {found.task} --student"
    rows = [{"student": student, "question": "",
             "reason": f"Not graded: run {command} {student}` and read what it says."}
            for student in found.ungraded]
    for student, record in found.records.items():
        reasons = [("", one["sentence"]) for one in record["repairs"]
                   if one["kind"] in ("unreadable", "damaged")]
        reasons += [("", note) for note in record["notes"]]
        reasons += [(name, answer["hint"]) for name, answer in record["questions"].items()
                    if name in record["failed"] or answer["state"] in ("out of time", "no answers")]
        if student not in found.marks:
            reasons.append(("", f"Not in the gradebook: run {command} {student} --force`."))
        rows += [{"student": student, "question": name, "reason": reason} for name, reason in reasons]
    return rows


def second_rows(found: Class) -> list[dict]:
    """Seconds of every submission, the slowest first."""
    rows = [{"student": student} | {name: record["seconds"].get(name) for name in STAGES}
            for student, record in found.records.items()]
    return sorted(rows, key=lambda row: -(row["total"] or 0))


def score_rows(found: Class) -> list[dict]:
    """Points of every student in every question; the total is of what has been graded."""
    rows = []
    for student, scores in zip(found.records, found.scores):
        penalty = found.penalty(student)
        rows.append({"student": student, "total": round(max(0.0, float(np.nansum(scores)) - penalty), 4),
                     "late_penalty": penalty}
                    | {name: None if np.isnan(score) else float(score)
                       for name, score in zip(found.questions, scores)})
    return rows


# The page and its tables

def write(found: Class, path: Path) -> list[Path]:
    """The page at `path` and a CSV file for each table beside it; returns what was written."""
    tables = {
        "scores": (score_rows(found), ("student", "total", "late_penalty", *found.questions)),
        "questions": (question_rows(found), ("question", "extra", "max_points", "graded", "mean", "share",
                                             "full", "not_attempted", "discrimination")),
        "mistakes": (_one_by_one(mistakes(found)), ("student", "question", "state", "misconception", "hint")),
        "problems": (problem_rows(found), ("student", "question", "reason")),
        "seconds": (second_rows(found), ("student", *STAGES)),
        "repairs": (_one_by_one(repair_rows(found)), ("student", "grade_id", "kind", "sentence"))}
    path.parent.mkdir(parents=True, exist_ok=True)
    places = {name: path.with_name(f"{path.stem}.{name}.csv") for name in tables}
    path.write_text(page(found, [place.name for place in places.values()]), encoding="utf-8")
    for name, (rows, columns) in tables.items():
        write_csv(places[name], rows, columns)
    return [path, *places.values()]


def _one_by_one(rows: list[dict]) -> list[dict]:
    """A row for each of a row's students."""
    return [{"student": student, **row} for row in rows for student in row["students"]]


def write_csv(path: Path, rows: list[dict], columns: tuple[str, ...]) -> None:
    """A table, with four decimals. Text that a spreadsheet would compute gets an apostrophe before it."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_plain(row[column]) for column in columns] for row in rows)


def _plain(value):
    if isinstance(value, float):
        return round(value, 4)
    computed = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if computed else value


def page(found: Class, tables: list[str]) -> str:
    """The whole report as HTML."""
    questions, wrong = question_rows(found), mistakes(found)
    totals, seconds = found.totals, second_rows(found)
    full = sum(questions[i]["max_points"] for i in found.graded if not questions[i]["extra"])
    rest = sum(row["max_points"] for i, row in enumerate(questions) if i not in found.graded and not row["extra"])
    facts = [(len(found.records), "graded"), (len(found.ungraded), "not graded"),
             (f"{totals.mean():.1f} of {points(full)}",
              "mean score" + (f" (without {points(rest)} points for answers that wait to be read)" if rest else "")),
             (f"{np.median(totals):.1f} of {points(full)}", "median score"),
             (f"{(totals >= full - 1e-9).mean():.0%}", f"have all {points(full)}"),
             (f"{np.median([row['total'] or 0 for row in seconds]):.1f} s", "median time of a notebook")]
    return render(
        "report.html", title=f"{found.task}: the class", tables=tables, facts=facts, questions=questions,
        distribution=distribution(totals, full), outcomes=outcomes(found, questions),
        waiting=int(np.isnan(found.scores).sum()),
        misconceptions=[row for row in wrong if row["misconception"]],
        unnamed=[row for row in wrong if not row["misconception"]],
        problems=problem_rows(found), stages=STAGES, slowest=seconds[:SLOWEST], repairs=repair_rows(found))


def distribution(totals: np.ndarray, full: float) -> Markup:
    """Histogram of total scores, with the median."""
    top = max(full, float(totals.max()), 1.0)
    step = next(step for step in (0.5, 1, 2, 5, 10, 20, 50, 100) if top / step <= 30)
    with _style():
        figure, axes = _figure(3.2)
        counts, _, _ = axes.hist(totals, np.arange(0, top + 1.01 * step, step), color=COLOURS["all points"],
                                 rwidth=0.9)
        median = float(np.median(totals))
        axes.axvline(median, color=COLOURS["no points"])
        axes.annotate("median", (median, 1), (4, -8), xycoords=("data", "axes fraction"),
                      textcoords="offset points", color=COLOURS["no points"])
        axes.set(xlabel="points", ylabel="students", xlim=(0, top + step),
                 ylim=(0, max(counts.max(), 1) * 1.15))
        axes.yaxis.get_major_locator().set_params(integer=True)
        return _svg(figure, "distribution", "How many students have how many points")


def outcomes(found: Class, questions: list[dict]) -> Markup:
    """For each question, how many students have all, some or no points, did not try, or are unread yet."""
    bars = []
    for column, row in enumerate(questions):
        scores, full = found.scores[:, column], row["max_points"]
        n = max(1, len(scores))
        open_ = (row["not_attempted"] or 0.0) * n
        bars.append([(scores >= full).sum(), ((scores > 0) & (scores < full)).sum(),
                     max(0.0, (scores <= 0).sum() - open_), open_, np.isnan(scores).sum()])
    bars = np.array(bars, dtype=float) / max(1, len(found.records))
    with _style():
        figure, axes = _figure(0.9 + 0.27 * len(questions))
        left = np.zeros(len(questions))
        for (name, colour), width in zip(COLOURS.items(), bars.T):
            axes.barh([row["question"] for row in questions], width * 100, left=left, height=0.7, color=colour,
                      label=name)
            left += width * 100
        axes.invert_yaxis()
        axes.set(xlabel="% of students", xlim=(0, 100))
        figure.legend(loc="outside upper left", ncols=5, frameon=False, handlelength=1, columnspacing=1.2)
        return _svg(figure, "outcomes", "Shares of students by what they earned in each question")


def _style():
    import matplotlib

    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return matplotlib.rc_context({
        "svg.fonttype": "none", "svg.hashsalt": "report", "font.size": 10, "axes.spines.top": False,
        "axes.spines.right": False, **dict.fromkeys(inked, INK)})


def _figure(height: float):
    from matplotlib.figure import Figure

    figure = Figure((6, height), layout="constrained")
    return figure, figure.add_subplot()


def _svg(figure, name: str, title: str) -> Markup:
    """The figure as an inline SVG whose ink is the page's; `name` keeps its ids apart from other figures'."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg"):].replace(INK, "currentColor")
    for mark in ('id="', 'href="#', "url(#"):
        text = text.replace(mark, mark + name + "-")
    return Markup(text.replace("<svg ", Markup('<svg role="img" aria-label="{}" ').format(title), 1))
