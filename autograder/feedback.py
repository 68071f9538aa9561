"""The page that a student gets back, made of verdicts, the gradebook, and the student's own text and figures.

Nothing is taken from what the notebook showed when it ran at grading: code, written answers and hints are
shown as text, and figures come from the cells that were not run, as the student submitted them.
"""

import base64
import binascii
import io
import json
import re
from pathlib import Path

import nbformat
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from nbgrader.converters.base import NbGraderException
from nbgrader.utils import is_grade
from PIL import Image

from autograder.marks import Mark, Marks, read_marks
from autograder.page import points, render
from autograder.reading import file_problem
from autograder.rebuild import NOT_RUN

MAX_FIGURE = 2**20              # bytes
MAX_FIGURES = 8 * 2**20         # of a page
MAX_PIXELS = 25_000_000         # of a figure
WORDS = {"right": "Right", "error": "Stopped with an error", "out of time": "Ran out of time",
         "no answers": "No answers came", "not attempted": "Not attempted"}


class FeedbackPage(Exporter):
    """What `nbgrader generate_feedback` calls for each autograded notebook."""

    file_extension = ".html"
    output_mimetype = "text/html"

    def from_filename(self, filename, resources=None, **kwargs):
        """The page, and resources for the writer. NbGraderException: the notebook has no verdicts."""
        ids, path = resources["nbgrader"], Path(filename)
        kept = path.with_suffix(".verdicts.json")
        marks = read_marks(ids["db_url"], ids["assignment"], ids["student"]).get(ids["student"])
        if marks is None or not kept.is_file():
            message = (f"{path} has no {'verdicts beside it' if marks else 'grades in the gradebook'}: run "
                       f"`nbgrader autograde {ids['assignment']} --student {ids['student']} --force`.")
            self.log.error(message)
            raise NbGraderException(message)
        html = page(json.loads(kept.read_text("utf-8")), nbformat.read(path, as_version=4), marks)
        return html, {**resources, "output_extension": self.file_extension}


def page(record: dict, notebook: NotebookNode, marks: Marks) -> str:
    """The whole page as HTML. record: see `autograder.judge.record`. notebook: as autograded."""
    figures, left_out = gather_figures(notebook)
    sources = {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook.cells
               if "nbgrader" in cell.metadata}
    questions = [question(name, record["questions"].get(name), marks.grades[name], sources,
                          marks.comments.get(f"{name}_solution") or marks.comments.get(name)) | {
                          "figures": figures.get(name, [])}
                 for name in graded(notebook) if name in marks.grades]
    behind = [q for q in questions if q["hint"] and q["state"] != "right"]
    return render(
        "feedback.html", title=heading(notebook) or record["task"], questions=questions,
        student=f"{marks.name} ({marks.student})" if marks.name else marks.student,
        handed_in=f"{marks.handed_in.day} {marks.handed_in:%B %Y, %H:%M} UTC" if marks.handed_in else "",
        total=max(0.0, sum(mark.score for mark in marks.grades.values()) - marks.penalty),
        max_total=sum(q["max_score"] for q in questions), penalty=marks.penalty, late=duration(marks.late),
        problem=file_problem((one["kind"], hide(one["sentence"])) for one in record["repairs"]),
        waiting=sum(q["look"] == "waiting" for q in questions),
        first=next((q for q in behind if q["state"] != "not attempted"), behind[0] if behind else None),
        figures=figures.get("", []), left_out=left_out,
        repairs=list(dict.fromkeys(hide(one["sentence"]) for one in record["repairs"])),
        notes=list(dict.fromkeys(hide(note) for note in record["notes"])))


def graded(notebook: NotebookNode) -> list[str]:
    """Grade ids of the notebook's graded cells, in order."""
    return [cell.metadata.nbgrader.grade_id for cell in notebook.cells if is_grade(cell)]


def question(name: str, judged: dict | None, mark: Mark, sources: dict[str, str],
             comment: str | None) -> dict:
    """What the page says of one question. judged: its part of the record; None for a written answer."""
    extra = bool(judged and judged.get("extra"))
    empty = mark.written and mark.auto == 0 and mark.manual is None
    waiting = mark.waiting and mark.manual is None
    state = judged["state"] if judged else "not attempted" if empty else "written"
    tried = state != "not attempted"
    full = judged["max_points"] if extra else mark.max_score
    hint = ""
    if judged and (tried or ", which" in judged["hint"]):
        hint = hide(judged["hint"], state == "error" or "raised" in judged["hint"])
    earned = f"+{points(mark.score)} extra" if extra else f"{points(mark.score)} of {points(full)}"
    if state == "wrong":
        word = "Partly right" if mark.score else "Not right yet"
    elif state == "written":
        word = "Read by a person"
    else:
        word = "No answer" if empty else WORDS[state]
    return {
        "name": name, "state": state, "hint": hint or ("" if tried else f"{word} yet."),
        "word": "Waits to be read by a person" if waiting else word,
        "look": ("waiting" if waiting else "open" if not tried else "right" if mark.score >= full else
                 "part" if mark.score else "wrong"),
        "earned": "–" if waiting else earned, "max_score": 0.0 if extra else mark.max_score,
        "percent": round(100 * min(1, mark.score / full)) if full else 0,
        "checked": judged["checked"] if state == "right" else "",
        "criteria": judged["criteria"] if judged and tried and state != "right" else [],
        "remarks": remarks(judged, mark), "comment": comment,
        "asked": asked(sources.get(f"{name}_question", "")) if mark.written else "",
        "answer": "" if empty or not mark.written else written(sources[name]),
        "code": sources.get(f"{name}_solution", "") if judged and tried else ""}


def remarks(judged: dict | None, mark: Mark) -> list[str]:
    """Why the points are not the sum of the criteria."""
    found = []
    if judged and judged["points"] < sum(c["earned"] for c in judged["criteria"]) - 1e-6:
        found.append("The core of this answer is not right yet, so no more than half its points are earned.")
    if judged and mark.manual is not None and mark.manual != mark.auto:
        found.append(f"A person changed the points from {points(mark.auto or 0)} to {points(mark.manual)}.")
    if mark.waiting and mark.manual is not None:
        found.append("This was graded again since a person gave these points; they may still change.")
    if mark.extra and not (judged and judged.get("extra")):
        found.append(f"With {points(mark.extra)} extra.")
    return found


# The student's own text and figures

_PLACE = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?(?:[\\/][^\s\\/'\"<>|:]+)+[\\/](?=[^\s\\/])")
_NUMBER = re.compile(r"-?\d*\.\d{4,}(?:e[+-]?\d+)?")


def hide(text: str, quotes: bool = False) -> str:
    """A sentence without the folders of files that it names; with `quotes`, also without long numbers.

    A message of the student's own code may hold anything that the code has seen, inputs of the grading too.
    """
    text = _PLACE.sub("", text)
    return _NUMBER.sub("…", text) if quotes else text


def heading(notebook: NotebookNode) -> str:
    """The notebook's title."""
    first = next((cell.source for cell in notebook.cells if cell.cell_type == "markdown"), "")
    return next((line[2:].strip() for line in first.splitlines() if line.startswith("# ")), "")


def asked(source: str) -> str:
    """A written question without its heading."""
    return "\n".join(line for line in source.splitlines() if not line.startswith("#")).strip()


_MARKER = re.compile(r"\A\s*\*\*Your answer\*\*(?:[ \t]*\([ \t]*\w+[ \t]*\))?[ \t]*:?")


def written(source: str) -> str:
    """A written answer without its marker."""
    return _MARKER.sub("", source).strip()


def gather_figures(notebook: NotebookNode) -> tuple[dict[str, list[str]], int]:
    """Data addresses of the student's figures, and how many were left out.

    By the question that they follow ("": none). Only PNG and JPEG of bounded size, and only from cells that
    were not run at grading.
    """
    found: dict[str, list[str]] = {}
    name, room, left_out = "", MAX_FIGURES, 0
    for cell in notebook.cells:
        if is_grade(cell):
            name = cell.metadata.nbgrader.grade_id
        if cell.cell_type != "code" or not set(NOT_RUN) & set(cell.metadata.get("tags", [])):
            continue
        for output in cell.outputs:
            picture = next((output["data"][kind] for kind in ("image/png", "image/jpeg")
                            if kind in output.get("data", {})), None)
            if picture is None:
                continue
            address = figure(picture) if len(picture) <= min(room, MAX_FIGURE * 4 / 3 + 4) else None
            if address is None:
                left_out += 1
            else:
                found.setdefault(name, []).append(address)
                room -= len(address)
    return found, left_out


def figure(text: str) -> str | None:
    """The data address of a picture that comes as base64; None if it is no PNG or JPEG, or too large."""
    try:
        data = base64.b64decode(text)
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            kind, size = picture.format, picture.width * picture.height
    except (binascii.Error, ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    if len(data) > MAX_FIGURE or size > MAX_PIXELS:
        return None
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}"


def duration(seconds: float) -> str:
    """3 days, 5 hours or 12 minutes."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            n = round(seconds / length)
            return f"{n} {unit}{'s' if n > 1 else ''}"
    return "less than a minute"
