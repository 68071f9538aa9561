"""The throw-away course of the audit: a small task cut from the real Task 1, canaries, and its submissions."""

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.audit.corpus import WRONG, Attack
from autograder.intake import student_id

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "autograder"
TASK = "task1_vae"
QUESTIONS = ("reparameterize", "kl_divergence", "latent_grid")
WRITTEN = "why_not_ae"
BYSTANDERS = ("00-first", "mm-middle", "zz-last")      # right, and graded before, between and behind the others
CELL_SECONDS = 8


@dataclass
class Course:
    """Folders and canaries of one audit course.

    port: of the server that waits for what submissions send. inside: where the files are meanwhile, if the course is
    to lie at `root` only in a machine of its own.
    """

    root: Path
    home: Path
    port: int
    canaries: dict[str, str]
    released: NotebookNode = None
    right: dict[str, str] = field(default_factory=dict)
    inside: Path | None = None

    @property
    def uploads(self) -> Path:
        return self.root.parent / f"{self.root.name}-uploads"

    def fill(self, text: str, attack: Attack) -> str:
        for name, value in (("PORT", self.port), ("COURSE", self.root), ("HOME", self.home), ("PACKAGE", PACKAGE),
                            ("NAME", attack.name)):
            text = text.replace(f"@{name}@", str(value))
        return text


def new_canaries() -> dict[str, str]:
    """What must not turn up in anything that a submission leaves: name -> text."""
    return {name: f"canary-{name}-{secrets.token_hex(8)}"
            for name in ("secret", "gradebook", "submission", "solution", "environment", "home")} | {
            "reference": "def fourth_power", "definition": "class Misconception:"}


def new_course(root: Path, port: int, canaries: dict[str, str]) -> Course:
    """Build the course with its assignment, its canaries and the bystanders' submissions."""
    course = Course(root, root.parent / f"{root.name}-home", port, canaries)
    course.home.mkdir(parents=True)
    (course.home / ".netrc").write_text(f"password {canaries['home']}\n")
    root.mkdir()
    (root / ".secret").write_text(f"{canaries['secret']}-and-more-of-it\n")
    (root / "nbgrader_config.py").write_text((REPOSITORY / "nbgrader_config.py").read_text("utf-8") + f"""
c.Judge.cell_seconds, c.Judge.notebook_seconds = {CELL_SECONDS}, 90
c.SandboxProvisioner.limits = {{"memory": 1500 * 2**20, "seconds": 120, "tmp": 64 * 2**20, "scratch": 64 * 2**20}}
c.Autograde.post_convert_hook = "autograder.audit.watch.finished"
""", encoding="utf-8")
    solution, course.right = small_task(canaries["solution"])
    (root / "solutions" / TASK).mkdir(parents=True)
    nbformat.write(solution, root / "solutions" / TASK / f"{TASK}.ipynb")
    nbgrader(course, "generate_assignment", TASK).check_returncode()
    course.released = nbformat.read(root / "assignments" / TASK / f"{TASK}.ipynb", as_version=4)
    for name in BYSTANDERS:
        notebook = worked(course, "right")
        notebook.cells.append(new_code_cell(f"# {canaries['submission']}"))
        folder = course.uploads / name
        folder.mkdir(parents=True)
        (folder / f"{TASK}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
    return course


def small_task(canary: str) -> tuple[NotebookNode, dict[str, str]]:
    """The solution notebook with three questions, a training cell and a written answer; and the right sources."""
    full = jupytext.read(REPOSITORY / "solutions" / f"{TASK}.py")
    wanted = {"setup", WRITTEN, f"{WRITTEN}_question", *QUESTIONS, *(f"{name}_solution" for name in QUESTIONS)}
    cells, trained = [], False
    for cell in full.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        train = "train" in cell.metadata.get("tags", []) and not trained
        trained |= train
        if name in wanted or train or not cells:
            cell.id = name or f"cell-{len(cells)}"
            cell.source = cell.source.replace("### BEGIN SOLUTION", f"### BEGIN SOLUTION {canary}")
            cells.append(cell)
    right = {}
    for cell in cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if cell.metadata.get("nbgrader", {}).get("solution"):
            right[name.removesuffix("_solution")] = "\n".join(
                line for line in cell.source.splitlines() if "### " not in line)
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {
        "display_name": "Python 3", "language": "python", "name": "python3"}}), right


def worked(course: Course, base: str, answers: dict[str, str] = {}) -> NotebookNode:
    """The released notebook with all answers right, wrong or as released, but for `answers`."""
    notebook = nbformat.from_dict(json.loads(json.dumps(course.released)))
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("_solution")
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            continue
        source = answers[name] if name in answers else {"right": course.right, "wrong": WRONG, "released": {}}[base].get(name)
        if source and cell.cell_type == "code" and "# Question:" not in source:
            source = f"# Question: {name}\n{source.strip()}"
        cell.source = source or cell.source
    return notebook


def submission(course: Course, attack: Attack) -> bytes:
    """The attack's notebook, as the bytes of a file."""
    notebook = worked(course, attack.base, {name: course.fill(text, attack) for name, text in attack.answers.items()})
    if attack.first:
        notebook.cells.insert(2, new_code_cell(course.fill(attack.first, attack)))
    if attack.last:
        notebook.cells.append(new_code_cell(course.fill(attack.last, attack)))
    made = attack.change(notebook) if attack.change else notebook
    return made if isinstance(made, bytes) else json.dumps(made).encode()


def hand_in(course: Course, attack: Attack) -> str:
    """Put the submission where it belongs; returns the student's id."""
    student = student_id((attack.student or attack.name).rstrip("."))     # as `collect` reads the name of a folder
    place = (course.root / "submitted" / student / TASK if attack.place == "submitted" else
             course.uploads / (attack.student or attack.name))
    place.mkdir(parents=True)
    data = submission(course, attack)
    if attack.files:
        attack.files(place, data)
    else:
        (place / f"{TASK}.ipynb").write_bytes(data)
    return student


def nbgrader(course: Course, *arguments: str) -> subprocess.CompletedProcess:
    return python(course, "nbgrader", *arguments)


def python(course: Course, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess:
    """A module's command in the course, in an environment with a canary and a home of its own."""
    environment = {**os.environ, "AUDIT_CANARY": course.canaries["environment"], "HOME": str(course.home),
            "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
            "IPYTHONDIR": str(course.home / ".ipython"), "JUPYTER_CONFIG_DIR": str(course.home / ".jupyter"),
            "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", os.defpath)}
    return subprocess.run([sys.executable, "-m", *arguments], cwd=course.root, text=True, capture_output=True,
                          env=environment, timeout=timeout, errors="replace")

