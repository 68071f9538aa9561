"""`python -m autograder demo`: a made-up class of ten, from the sources of the notebooks to feedback pages.

Everything happens in the folder `demo/`, a course of its own, through the commands that an instructor uses.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder import intake, report, sandbox
from autograder.build import build_notebooks
from autograder.marks import read_marks
from autograder.questions import TASKS

STUDENTS = {        # made up
    "ada": "all right, and every cell was run",
    "ben": "variance and standard deviation exchanged; integers in place of floats",
    "cleo": "means in the wrong place; the label in front of the features",
    "dana": "the mean over the pixels; logits in place of probabilities",
    "eli": "quantiles 0 and 1; styles and digits out of step; a tie as an improvement",
    "finn": "half finished",
    "gus": "nothing done",
    "hana": "all right, from Colab: renamed, and nbgrader's marks are lost",
    "ivo": "all right, with cells copied twice",
    "jun": "an answer that ends Python; the others are right",
}
MISTAKES = {        # student -> question -> (what is right, what they wrote)
    "ben": {"reparameterize": ("torch.exp(0.5 * logvar)", "torch.exp(logvar)"), "one_hot": (".float()", ""),
            "active_units": (".var(", ".std(")},
    "cleo": {"kl_divergence": ("per_latent.sum(", "per_latent.mean("),
             "condition": ("cat((features, onehot)", "cat((onehot, features)"),
             "iwae_bound": ("torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])", "log_w.mean(dim=0)")},
    "dana": {"reconstruction_loss": (".sum(", ".mean("), "generate_digit": ("torch.sigmoid(", "("),
             "complete": ("torch.sigmoid(", "(")},
    "eli": {"latent_grid": ("(0, 1, n + 2)[1:-1]", "(0, 1, n)"),
            "style_grid": ("styles.repeat_interleave(10, dim=0)", "styles.repeat(10, 1)"),
            "early_stopping": ("loss < losses", "loss <= losses")},
    "jun": {"generate": ("with torch.no_grad():", "with torch.no_grad():\n        import os; os._exit(0)"),
            "relabel": ("with torch.no_grad():", "with torch.no_grad():\n        import os; os._exit(0)"),
            "monte_carlo_kl": ("return ", "import os; os._exit(0)\n    return ")},
}


def arguments(parser) -> None:
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the course's folder (default: this one)")


def run(options) -> int:
    """0 if every submission was graded and has its feedback page."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120)
    root, started = options.root.resolve(), time.monotonic()
    if os.environ.get("MNIST_ROOT"):
        console.print(f"Data: MNIST in {os.environ['MNIST_ROOT']}. The notebooks take minutes.")
    else:
        console.print("Data: scikit-learn's digits, which need no network. MNIST_ROOT=FOLDER make demo takes MNIST.")
        os.environ["VAE_DATA"] = "digits"
        os.environ.setdefault("OMP_NUM_THREADS", "1")       # threads do not pay for so little
    unsandboxed = sandbox.available()
    if unsandboxed:
        console.print(f"[bold red]Not sandboxed.[/] {unsandboxed} The demo grades its own ten submissions all the same, "
                      "with --Judge.allow_unsandboxed=True; real ones would wait for you to set that.")
    for path in build_notebooks(root):
        console.print(f"built {path.relative_to(root)}")
    course = new_course(root)
    for task in TASKS:
        nbgrader(course, "generate_assignment", task, console=console)
    console.print("ada works through the notebooks", end=" ")
    console.print(f"({hand_in(course, work_through):.0f} s)")
    console.print(intake.lines(intake.collect(course / "uploads", course))[-1])
    for task in TASKS:
        nbgrader(course, "autograde", task, *(["--Judge.allow_unsandboxed=True"] if unsandboxed else []), console=console)
    for task in TASKS:
        nbgrader(course, "generate_feedback", task, console=console)
    for task in TASKS:
        show(course, task, console)
    for task in TASKS:
        report.run(argparse.Namespace(task=task, output=None, root=course))
    missing = [page for task in TASKS for student in STUDENTS
               if not (page := feedback_page(course, student, task)).is_file()]
    for page in missing:
        console.print(f"[red]missing: {page}[/]")
    jupyter = Path(sys.executable).with_name("jupyter")
    console.print(f"{time.monotonic() - started:.0f} s in all. To look around: cd {course} && {jupyter} lab, then the menu "
                  "Nbgrader > Formgrader (or http://localhost:8888/formgrader)", soft_wrap=True)
    return 1 if missing else 0


# The course

def new_course(root: Path) -> Path:
    """An empty course in `root/demo`, with the settings and solutions of the one in `root`."""
    course = root / "demo"
    if course.exists():
        shutil.rmtree(course)
    for place in ("nbgrader_config.py", *(f"solutions/{task}/{task}.ipynb" for task in TASKS)):
        (course / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / place, course / place)
    return course


def nbgrader(course: Path, *arguments: str, console=None) -> None:
    """Run one of nbgrader's commands in the course. Raises OSError with its last words if it fails."""
    started = time.monotonic()
    # The judge's tensors are small: threads would only get in the way of the kernels.
    done = subprocess.run([sys.executable, "-m", "nbgrader", *arguments], cwd=course, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    log = course / "logs" / f"{'-'.join(arguments[:2])}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text(done.stdout, encoding="utf-8")
    if done.returncode:
        raise OSError(f"`nbgrader {' '.join(arguments)}` failed; {log} has all of it:\n{done.stdout[-2000:]}")
    if console:
        console.print(f"nbgrader {' '.join(arguments[:2])} ({time.monotonic() - started:.0f} s)")


# The class

def hand_in(course: Path, worked=lambda notebook, folder: notebook) -> float:
    """Fill `course/uploads` with what the students hand in; ada's notebooks go through `worked`. Returns seconds."""
    started = time.monotonic()
    for task in TASKS:
        release = nbformat.read(course / "assignments" / task / f"{task}.ipynb", as_version=4)
        solution = nbformat.read(course / "solutions" / task / f"{task}.ipynb", as_version=4)
        for student in STUDENTS:
            folder = course / "uploads" / student
            folder.mkdir(parents=True, exist_ok=True)
            notebook = submission(student, release, solution)
            if student == "ada":
                notebook = worked(notebook, course / "ada")
            name = f"Copy of {task} (1).ipynb" if student == "hana" else f"{task}.ipynb"
            (folder / name).write_text(json.dumps(notebook), encoding="utf-8")
    return time.monotonic() - started


def submission(student: str, release: NotebookNode, solution: NotebookNode) -> NotebookNode:
    """What this student makes of the released notebook."""
    notebook = nbformat.from_dict(json.loads(json.dumps(release)))
    answers = {cell.id: "\n".join(line for line in cell.source.splitlines() if "### " not in line)
               for cell in solution.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    if student == "gus":
        answers = {}
    if student == "finn":
        answers = dict(list(answers.items())[:len(answers) // 2])
    for question, (right, wrong) in MISTAKES.get(student, {}).items():
        cell = f"{question}_solution"
        if cell in answers:
            if right not in answers[cell]:
                raise ValueError(f"The demo class needs {right!r} in the solution of {question}, which has changed: "
                                 "adapt MISTAKES in autograder/demo.py.")
            answers[cell] = answers[cell].replace(right, wrong)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    if student == "ivo":
        copied = [number for number, cell in enumerate(notebook.cells) if cell.metadata.get("nbgrader", {}).get("grade_id")
                  in ("kl_divergence_solution", "kl_divergence", "condition_solution", "condition")]
        for number in reversed(copied):
            notebook.cells[number + 1:number + 1] = [nbformat.from_dict({**notebook.cells[number], "id": uuid.uuid4().hex[:8]})
                                                     for _ in range(2)]
    return on_colab(notebook) if student == "hana" else notebook


def on_colab(notebook: NotebookNode) -> NotebookNode:
    """The notebook as Colab saves it: an older format without cell ids, metadata of its own, an empty last cell."""
    notebook.cells.append(new_code_cell(""))
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({"id": cell.pop("id")})
        if cell.cell_type == "code":
            cell.metadata["outputId"] = uuid.uuid4().hex
    notebook.metadata = nbformat.from_dict({
        "colab": {"provenance": [], "toc_visible": True}, "accelerator": "GPU",
        "kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}})
    notebook.nbformat_minor = 0
    return notebook


def work_through(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run all cells from top to bottom, as a student does. Raises ValueError with the cell that fails."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    folder.mkdir(exist_ok=True)
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    try:
        return client.execute(stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        raise ValueError(f"A cell of the solution notebook failed:\n{error}") from None
    finally:
        shutil.rmtree(folder)


# The results

def results(course: Path, task: str) -> dict[str, dict[str, dict]]:
    """student -> question -> {points, waiting, state, hint}: points from the gradebook, the rest from the verdicts."""
    found: dict[str, dict[str, dict]] = {}
    for student, marks in read_marks(f"sqlite:///{course / 'gradebook.db'}", task).items():
        verdicts = json.loads((course / "autograded" / student / task / f"{task}.verdicts.json").read_text("utf-8"))
        judged = verdicts["questions"]
        found[student] = {name: {"points": mark.score, "waiting": mark.waiting,
                                 "state": judged.get(name, {}).get("state", "written"),
                                 "hint": judged.get(name, {}).get("hint", "")} for name, mark in marks.grades.items()}
    return found


def feedback_page(course: Path, student: str, task: str) -> Path:
    return course / "feedback" / student / task / f"{task}.html"


def show(course: Path, task: str, console) -> None:
    """Print points of every student and question, the hints, and where the feedback pages are."""
    from rich.markup import escape
    from rich.table import Table

    found = results(course, task)
    colours = {"right": "green", "not attempted": "dim"}
    points = Table(title=f"{task}: points", title_justify="left")
    points.add_column("question")
    for student in STUDENTS:
        points.add_column(student, justify="right")
    names = list(dict.fromkeys(name for student in found.values() for name in student))
    order = [cell.metadata.nbgrader.grade_id for cell in nbformat.read(
        course / "assignments" / task / f"{task}.ipynb", as_version=4).cells if cell.metadata.get("nbgrader")]
    for name in sorted(names, key=order.index):
        cells = [found.get(student, {}).get(name) for student in STUDENTS]
        points.add_row(name, *("[red]lost[/]" if cell is None else "by hand" if cell["waiting"] else
                               f"[{colours.get(cell['state'], 'red')}]{cell['points']:g}[/]" for cell in cells))
    points.add_section()
    points.add_row("in all", *(f"{sum(cell['points'] for cell in found.get(student, {}).values()):g}"
                               for student in STUDENTS))
    hints = Table(title=f"{task}: hints", title_justify="left")
    for heading in ("student", "question", "hint"):
        hints.add_column(heading)
    for student in STUDENTS:
        for name, cell in found.get(student, {}).items():
            if cell["hint"] and cell["state"] != "not attempted":
                hints.add_row(student, name, escape(cell["hint"]))
    pages = Table(title=f"{task}: feedback", title_justify="left")
    pages.add_column("student")
    pages.add_column("what they handed in")
    pages.add_column("page", overflow="fold")
    for student, about in STUDENTS.items():
        page = feedback_page(course, student, task)
        pages.add_row(student, about, os.path.relpath(page) if page.is_file() else "[red]missing[/]")
    for table in (points, hints, pages):
        console.print(table)
