"""The last cell of an assignment: look that nothing is missing, and make the file to hand in."""

from datetime import datetime
import json
import os
from pathlib import Path
import re
import sys

# What each task asks for: functions and classes, then written answers.
QUESTIONS = {
    "task1_vae": (
        ("reparameterize", "kl_divergence", "reconstruction_loss", "vae_loss", "vae", "generate",
         "interpolate", "latent_grid"),
        ("why_not_ae", "beta_effect"),
    ),
    "task2_cvae": (
        ("one_hot", "condition", "cvae", "generate_digit", "style_grid", "relabel"),
        ("latents_compared",),
    ),
    "task3_experiments": (
        ("monte_carlo_kl", "elbo_samples", "iwae_bound", "early_stopping", "complete", "active_units"),
        (),
    ),
}
UNWRITTEN = "Write your answer here."      # as released: `c.ClearSolutions.text_stub` of nbgrader_config.py
_MARKER = re.compile(r"^\s*#\s*Question:\s*(\w+)", re.MULTILINE)
_ANSWER = re.compile(r"Your answer[* ]*\(\s*(\w+)\s*\)([^\f]*)")
_VERDICT = re.compile(r"^([✓✗]) (\w+): ", re.MULTILINE)
_STUB = re.compile(r"^\s*raise NotImplementedError\b", re.MULTILINE)


def submit(task):
    """Say which answers are still open, and make the file `task`.ipynb to hand in.

    On Colab the browser downloads it. Elsewhere it is written to the folder `submissions`; the notebook must
    have been saved before. An open answer does not stop the submission. Raises ValueError for an unknown
    task.
    """
    if task not in QUESTIONS:
        raise ValueError(f"There is no task {task!r}: use one of {', '.join(QUESTIONS)}.")
    on_colab = "google.colab" in sys.modules
    source = None if on_colab else _path(task)
    if not on_colab and source is None:
        print(f"No saved notebook with {task} was found in {Path.cwd()}. Download this notebook "
              f"(File > Download) and hand it in as {task}.ipynb.")
        return
    try:
        notebook = _from_colab() if on_colab else json.loads(source.read_text("utf-8"))
        cells = notebook["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"This notebook could not be read ({error}). Save it and run this cell again, or download it "
              f"(File > Download) and hand it in as {task}.ipynb.")
        return
    print(report(task, cells))
    _hand_out(task, normalised(notebook), source)


def report(task, cells):
    """One line: how many answers are attempted, which are still open and why, and whose check was last red."""
    states = answers(task, cells)
    left = [f"{name} ({state})" for name, state in states.items() if state]
    wrong = [name for name in red(cells) if states.get(name) == ""]
    done = len(states) - len(left)
    said = f"{done} of {len(states)}" if left else f"All {len(states)}"
    return (f"{said} answers of {task} are attempted."
            + (f" Still open: {', '.join(left)}." if left else "")
            + (f" Red when last checked: {', '.join(wrong)}." if wrong else ""))


def red(cells):
    """Questions whose check, in the outputs that were saved, last showed something wrong."""
    last = {}
    for cell in cells:
        for output in cell.get("outputs") or []:
            text = output.get("text") or output.get("data", {}).get("text/plain") or ""
            last |= {name: mark for mark, name in _VERDICT.findall("".join(text))}
    return [name for name, mark in last.items() if mark == "✗"]


def answers(task, cells):
    """For each question of the task: "" where it is answered, else what is wrong with it."""
    code = [_text(cell) for cell in cells if cell.get("cell_type") == "code"]
    prose = "\f".join(_text(cell) for cell in cells if cell.get("cell_type") != "code")
    marked = {name: text for text in code for name in _MARKER.findall(text)}
    written = {name: text.replace(UNWRITTEN, "").strip(" *:\r\n") for name, text in _ANSWER.findall(prose)}
    functions, essays = QUESTIONS[task]
    states = {name: _state(marked.get(name) or _defining(name, code)) for name in functions}
    for name in essays:
        missing = "not written" if name in written else "its cell is missing"
        states[name] = "" if written.get(name) else missing
    return states


def _state(text):
    if text is None:
        return "its cell is missing"
    return "not attempted" if _STUB.search(text) else ""


def _defining(name, code):
    """The last cell that defines a function or class of this name, for a notebook whose markers are gone."""
    name = {"elbo_samples": "elbo"}.get(name, name)
    definition = re.compile(rf"^(?:def|class)\s+{name}\b", re.MULTILINE | re.IGNORECASE)
    return next((text for text in reversed(code) if definition.search(text)), None)


def normalised(notebook):
    """The notebook in format 4.5, with its cells, outputs and nbgrader's marks, without an editor's own
    metadata.
    """
    cells, used = [], set()
    for number, cell in enumerate(notebook["cells"]):
        kind = cell.get("cell_type") if cell.get("cell_type") in ("code", "markdown", "raw") else "raw"
        metadata = cell.get("metadata") or {}
        name = str(cell.get("id", ""))
        if not re.fullmatch(r"[\w-]{1,64}", name, re.ASCII) or name in used:
            name = f"cell-{number}"
        used.add(name)
        clean = {
            "cell_type": kind,
            "id": name,
            "metadata": {key: metadata[key] for key in ("nbgrader", "tags") if key in metadata},
            "source": _text(cell),
        }
        if kind == "code":
            clean |= {"execution_count": cell.get("execution_count"), "outputs": cell.get("outputs") or []}
        cells.append(clean)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _text(cell):
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _from_colab():
    from google.colab import _message

    reply = _message.blocking_request("get_ipynb", timeout_sec=30)
    if not reply or "ipynb" not in reply:
        raise ValueError("Colab did not hand it over")
    return reply["ipynb"]


def _path(task):
    """The file of the notebook that is running: as Jupyter or VS Code name it, else the newest that fits."""
    namespace = getattr(sys.modules.get("__main__"), "__dict__", {})
    for named in (os.environ.get("JPY_SESSION_NAME"), namespace.get("__vsc_ipynb_file__")):
        if named and named.endswith(".ipynb") and Path(named).is_file():
            return Path(named)
    here = Path.cwd() / f"{task}.ipynb"
    if here.is_file():
        return here
    others = Path.cwd().glob("*.ipynb")
    fitting = [path for path in others if task in path.read_text("utf-8", errors="replace")]
    return max(fitting, key=lambda path: path.stat().st_mtime, default=None)


def _hand_out(task, notebook, source):
    folder = Path("submissions") if source else Path(".")
    target = (folder / f"{task}.ipynb").absolute()
    try:
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        print(f"{target} could not be written ({error.strerror}). Download this notebook (File > Download) "
              f"and hand it in as {task}.ipynb.")
        return
    if source is None:
        from google.colab import files

        files.download(str(target))
        print(f"Your browser now downloads {target.name}: hand in this file.")
    else:
        saved = datetime.fromtimestamp(source.stat().st_mtime)
        print(f"Hand in this file: {target}\n"
              f"It holds {source.name} as it was saved at {saved:%H:%M:%S on %d %B}. "
              "Changed something since? Save, then run this cell again.")
