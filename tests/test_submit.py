import json
from pathlib import Path
import re
import sys
from types import ModuleType

import nbformat
import pytest

from utils import submit as submit_function
from utils.submit import QUESTIONS, answers, normalised, report, submit

TASK = "task2_cvae"


def code(source, **more):
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    return cell | more


def prose(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def finished():
    functions, essays = QUESTIONS[TASK]
    cells = [code(f"# Question: {name}\ndef {name}():\n    return 1") for name in functions]
    return cells + [prose(f"**Your answer** ({name}):\n\nBecause.") for name in essays]


def notebook(cells):
    return {"cells": cells, "metadata": {"colab": {"name": "x"}}, "nbformat": 4, "nbformat_minor": 0}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return tmp_path


def test_the_name_in_utils_is_the_function():
    assert submit_function is submit


def test_a_finished_notebook_misses_nothing():
    assert set(answers(TASK, finished()).values()) == {""}
    assert report(TASK, finished()) == "All 7 answers of task2_cvae are attempted."


def test_a_stub_is_not_attempted():
    cells = finished()
    cells[0]["source"] = "# Question: one_hot\ndef one_hot(labels):\n    raise NotImplementedError"
    assert answers(TASK, cells)["one_hot"] == "not attempted"
    assert "6 of 7" in report(TASK, cells) and "one_hot (not attempted)" in report(TASK, cells)


def test_checks_that_were_last_red_are_named():
    def checked(*lines):
        return code("check()", outputs=[{"output_type": "display_data", "data": {"text/plain": line}} for line in lines])

    cells = [*finished(), checked("✗ one_hot: Your result is wrong."), checked("✗ cvae: No."), checked("✓ cvae: right.")]
    assert report(TASK, cells) == "All 7 answers of task2_cvae are attempted. Red when last checked: one_hot."


def test_a_deleted_cell_and_an_empty_answer_are_named():
    cells = finished()[1:]
    cells[-1]["source"] = "**Your answer** (latents_compared):\n\n"
    cells.append(prose("The end."))
    states = answers(TASK, cells)
    assert states["one_hot"] == "its cell is missing"
    assert states["latents_compared"] == "not written"


def test_an_answer_without_its_marker_is_found_by_its_definition():
    cells = finished()
    cells[2]["source"] = ["class CVAE(nn.Module):\n", "    pass"]
    assert answers(TASK, cells)["cvae"] == ""


def test_the_file_is_a_valid_notebook_without_editor_metadata(folder, capsys):
    cells = finished()
    cells[0] |= {"id": "same", "metadata": {"id": "x", "nbgrader": {"grade_id": "one_hot_solution"}}}
    cells[1] |= {"id": "same"}
    cells[2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "kept"}]
    (folder / f"{TASK}.ipynb").write_text(json.dumps(notebook(cells)))
    submit(TASK)
    made = nbformat.read(folder / "submissions" / f"{TASK}.ipynb", as_version=4)
    nbformat.validate(made)
    assert "colab" not in made.metadata
    assert made.cells[0].metadata == {"nbgrader": {"grade_id": "one_hot_solution"}}
    assert made.cells[2].outputs[0].text == "kept"
    assert [cell.source for cell in made.cells] == [cell["source"] for cell in cells]
    said = capsys.readouterr().out
    assert "All 7 answers" in said and str(folder / "submissions" / f"{TASK}.ipynb") in said


def test_a_renamed_notebook_is_found(folder, capsys):
    cells = finished() + [code(f'from utils import submit; submit("{TASK}")')]
    (folder / "Copy of my work (1).ipynb").write_text(json.dumps(notebook(cells)))
    submit(TASK)
    assert (folder / "submissions" / f"{TASK}.ipynb").exists()


def test_jupyter_names_the_notebook(folder, monkeypatch):
    (folder / "elsewhere").mkdir()
    mine = folder / "elsewhere" / "mine.ipynb"
    mine.write_text(json.dumps(notebook(finished())))
    monkeypatch.setenv("JPY_SESSION_NAME", str(mine))
    submit(TASK)
    assert (folder / "submissions" / f"{TASK}.ipynb").exists()


def test_without_a_saved_notebook_it_says_what_to_do(folder, capsys):
    submit(TASK)
    assert f"hand it in as {TASK}.ipynb" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": 3', "\udcff".encode("utf-8", "surrogatepass")])
def test_a_damaged_notebook_says_what_to_do(folder, capsys, text):
    path = folder / f"{TASK}.ipynb"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    submit(TASK)
    assert "could not be read" in capsys.readouterr().out


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="task1_vae"):
        submit("task9")


def test_colab_downloads_the_file_under_its_right_name(folder, monkeypatch, capsys):
    downloads = []
    colab, message, files = ModuleType("google.colab"), ModuleType("_message"), ModuleType("files")
    message.blocking_request = lambda request, timeout_sec: {"ipynb": notebook(finished())}
    files.download = downloads.append
    colab._message, colab.files = message, files
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setitem(sys.modules, "google.colab._message", message)
    monkeypatch.setitem(sys.modules, "google.colab.files", files)
    submit(TASK)
    assert downloads == [str(folder / f"{TASK}.ipynb")]
    assert len(json.loads((folder / f"{TASK}.ipynb").read_text())["cells"]) == len(finished())


@pytest.mark.parametrize("task", [task for task in QUESTIONS if QUESTIONS[task][1]])
def test_nothing_of_a_released_notebook_counts_as_written(task):
    released = Path(__file__).parent.parent / "assignments" / task / f"{task}.ipynb"
    states = answers(task, json.loads(released.read_text("utf-8"))["cells"])
    assert {states[name] for name in QUESTIONS[task][1]} == {"not written"}


SOURCES = sorted(Path(__file__).parent.parent.glob("solutions/task*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_questions_are_those_of_the_notebook(source):
    text = source.read_text()
    functions, essays = QUESTIONS[source.stem]
    assert set(functions) == set(re.findall(r"^# Question: (\w+)", text, re.MULTILINE)) - {"label_embedding"}
    assert set(essays) == set(re.findall(r"Your answer\*\* \((\w+)\)", text))


def test_normalising_twice_changes_nothing():
    once = normalised(notebook(finished()))
    assert normalised(once) == once
