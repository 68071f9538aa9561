"""What is committed but made from sources: the notebooks, and the public keys of the checks.

    solutions/task1_vae.py -> solutions/task1_vae/task1_vae.ipynb -> assignments/task1_vae/task1_vae.ipynb

The first step is jupytext's, the second `nbgrader generate_assignment`. The same sources give the same bytes.
"""

import hashlib
import re
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from traitlets import Unicode
from traitlets.config import Config, LoggingConfigurable

from autograder.course import course_config

METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"}}
EXAMPLE = "git+https://git.example.org/vae-exercise.git#subdirectory=utils"
PLACEHOLDER = re.compile(r"@[A-Z][A-Z0-9_]+@")


class Notebooks(LoggingConfigurable):
    """What the notebooks need to know of the course: `c.Notebooks.utils_url` in nbgrader_config.py."""

    utils_url = Unicode(EXAMPLE, help="""Where Colab
        gets `utils` from: an address that pip takes and students can read. Rebuild the notebooks after a
        change.""").tag(config=True)


def build_notebooks(root: Path, check: bool = False) -> list[Path]:
    """Build the notebooks of every `solutions/*.py`; returns those that were not up to date.

    check: only look, write nothing. Raises ValueError, with the place, for a source that cannot be built.
    """
    config = course_config(root)
    sources = sorted((root / "solutions").glob("*.py"))
    if not sources:
        raise ValueError(f"{root / 'solutions'} holds no .py file to build notebooks from.")
    built = {}
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        for source in sources:
            place = Path("solutions", source.stem, f"{source.stem}.ipynb")
            built[place] = solution(source, Notebooks(config=config).utils_url)
            (course / place).parent.mkdir(parents=True)
            (course / place).write_text(built[place], encoding="utf-8")
        for source in sources:
            place = Path("assignments", source.stem, f"{source.stem}.ipynb")
            _generate_assignment(course, source.stem, config)
            built[place] = _text(nbformat.read(course / place, as_version=4))
    stale = [root / place for place, text in built.items()
             if not (root / place).is_file() or (root / place).read_bytes() != text.encode()]
    for path in stale if not check else []:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(built[path.relative_to(root)].encode())
    return stale


def solution(source: Path, utils_url: str) -> str:
    """The solution notebook of a jupytext script, without outputs, as text."""
    script = source.read_text("utf-8").replace("@UTILS_URL@", utils_url)
    for number, line in enumerate(script.splitlines(), 1):
        if left := PLACEHOLDER.search(line):
            raise ValueError(f"{source}, line {number}: nothing is known to put in place of {left[0]}.")
    return _text(jupytext.reads(script, fmt="py:percent"))


def _text(notebook: nbformat.NotebookNode) -> str:
    """The notebook as text that depends on nothing but its cells: fixed metadata, ids from what a cell is."""
    used: set[str] = set()
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        name = name or hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        cell.id = next(one for one in (name, *(f"{name}-{i}" for i in range(2, 1000))) if one not in used)
        used.add(cell.id)
        cell.metadata.pop("lines_to_next_cell", None)   # jupytext's, about the script
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def _generate_assignment(course: Path, task: str, config: Config) -> None:
    """`nbgrader generate_assignment --no-db` in a throw-away course: the real gradebook stays as it is."""
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    config = Config(config)
    config.merge(Config({
        "CourseDirectory": {"root": str(course), "source_directory": "solutions",
                            "release_directory": "assignments"},
        "GenerateAssignment": {"no_database": True}, "SaveCells": {"enabled": False}}))
    done = NbGraderAPI(CourseDirectory(config=config), config=config).generate_assignment(task)
    if not done["success"]:
        raise ValueError(f"nbgrader could not generate {task}:\n{done['log']}\n{done['error']}")


def build_keys(root: Path) -> list[Path]:
    """Draw the public keys and write `utils/check/keys/<task>.safetensors`, one file for each task."""
    from autograder.questions import TASKS

    folder = root / "utils" / "check" / "keys"
    folder.mkdir(exist_ok=True)
    written = []
    for task in TASKS:
        path = folder / f"{task}.safetensors"
        path.write_bytes(public_keys(task))
        written.append(path)
    return written


def public_keys(task: str, signatures: bool = True) -> bytes:
    """The keys that travel with `utils`. Signatures, by which mistakes are named, take most of the time."""
    from autograder.keys import draw_key
    from autograder.questions import TASKS, find
    from utils.check.verdict import pack_keys

    return pack_keys([draw_key(find(name), public_seed(name), signatures) for name in TASKS[task]])


def public_seed(question: str) -> int:
    """The seed of a question's public key: always the same, so that a student sees the same numbers again."""
    from autograder.keys import PUBLIC_SEED, seed_for

    return seed_for(str(PUBLIC_SEED).encode(), question)


def arguments(parser) -> None:
    parser.add_argument("what", nargs="*", choices=["notebooks", "keys"], default="notebooks",
                        help="what to build (default: notebooks)")
    parser.add_argument("--check", action="store_true",
                        help="write no notebook; exit with 1 if one is not what its source builds")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the course's folder (default: this one)")


def run(options) -> int:
    what = [options.what] if isinstance(options.what, str) else options.what
    root = options.root.resolve()
    if "keys" in what:
        for path in build_keys(root):
            print(f"{path.relative_to(root)}  {path.stat().st_size / 1e6:.2f} MB")
    if "notebooks" in what:
        stale = build_notebooks(root, check=options.check)
        for path in stale:
            print(f"{path.relative_to(root)}  {'is not what its source builds' if options.check else 'written'}")
        if not stale:
            print("All notebooks are what their sources build.")
        if Notebooks(config=course_config(root)).utils_url == EXAMPLE:
            print("Warning: in Colab these notebooks look for utils at the example address. Set c.Notebooks.utils_url in "
                  "nbgrader_config.py and build again.", file=sys.stderr)
        return int(options.check and bool(stale))
    return 0
