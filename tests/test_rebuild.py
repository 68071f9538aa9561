"""Rebuild: whatever happened to a notebook on its way, its answers arrive in the released one."""
import gzip
import io
import json
import time
import zipfile
from pathlib import Path

import jupytext
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import compute_checksum, determine_grade

from autograder.reading import MAX_BYTES, read_submission
from autograder.rebuild import fingerprint, rebuild

STUB = '# Question: {0}\ndef {0}(x):\n    """Returns x times two."""\n    raise NotImplementedError'
ANSWER = '# Question: {0}\ndef {0}(x):\n    """Returns x times two."""\n    return 2 * x'
QUESTIONS = ("first", "second", "third")
PIXEL = "iVBORw0KGgo="


def _meta(grade_id, grade=False, solution=False, locked=False, points=None):
    meta = {"grade_id": grade_id, "grade": grade, "solution": solution, "locked": locked, "schema_version": 3,
            "task": False}
    return {**meta, "points": points} if grade else meta


def make_release():
    cells = [
        new_markdown_cell("# The lesson"),
        new_code_cell("import math\nimport torch", metadata={"nbgrader": _meta("setup", locked=True)}),
        new_code_cell("colour = 'red'\nwidth = 3"),
    ]
    for name in QUESTIONS:
        cells += [
            new_markdown_cell(f"## About {name}\n\nThe formula of {name}."),
            new_code_cell(STUB.format(name), metadata={"nbgrader": _meta(f"{name}_solution", solution=True)}),
            new_code_cell(f'check("{name}", {name})',
                          metadata={"nbgrader": _meta(name, grade=True, locked=True, points=2)}),
        ]
    cells += [
        new_code_cell("with needs('first'):\n    history = fit(first)\n    show(history)",
                      metadata={"tags": ["train"]}),
        new_markdown_cell("Why is the sky blue?", metadata={"nbgrader": _meta("why_question", locked=True)}),
        new_markdown_cell("**Your answer** (why):\n\nYOUR ANSWER HERE",
                          metadata={"nbgrader": _meta("why", grade=True, solution=True, points=3)}),
        new_code_cell("from utils import submit\nsubmit('lesson')"),
    ]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {
        "name": "python3", "display_name": "Python 3", "language": "python"}})
    for number, cell in enumerate(cells):
        cell.id = f"released-{number}"
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
            cell.metadata.nbgrader["cell_type"] = cell.cell_type
    return notebook


RELEASE = make_release()


def copy_of_release():
    return nbformat.from_dict(json.loads(json.dumps(RELEASE)))


def cell_of(notebook, grade_id):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def answered(*names):
    notebook = copy_of_release()
    for name in names or QUESTIONS:
        cell_of(notebook, f"{name}_solution")["source"] = ANSWER.format(name)
    return notebook


def put(notebook, *cells, before=None, after=None):
    """Inserts cells beside the cell with this grade id."""
    at = notebook.cells.index(cell_of(notebook, before or after)) + (after is not None)
    notebook.cells[at:at] = cells
    return notebook


def without_metadata(notebook):
    """As another editor leaves it: no ids, no nbgrader, no tags."""
    for cell in notebook.cells:
        cell["metadata"] = {"colab": {"base_uri": "x"}, "id": "abc", "outputId": "def"}
        cell.pop("id", None)
    notebook["metadata"] = {"colab": {"provenance": []}, "accelerator": "GPU"}
    notebook["nbformat_minor"] = 0
    return notebook


def redo(submitted):
    """rebuild, and what must hold for every result."""
    data = submitted if isinstance(submitted, bytes) else json.dumps(submitted).encode()
    before = json.dumps(RELEASE)
    result, repairs = rebuild(RELEASE, data)
    assert json.dumps(RELEASE) == before
    nbformat.validate(result)
    MetadataValidator().validate_nb(result)
    ours = {c.id: c.metadata for c in RELEASE.cells}
    assert [c.id for c in result.cells if c.id in ours] == list(ours)
    for cell in result.cells:
        if cell.id in ours:
            assert cell.metadata == ours[cell.id]
        else:
            assert cell.metadata in ({}, {"tags": ["train"]})
        if cell.cell_type == "code" and not cell.metadata.get("tags"):
            assert cell.outputs == [] and cell.execution_count is None
    assert result.metadata == RELEASE.metadata
    for name in ("setup", *QUESTIONS, "why_question"):
        assert cell_of(result, name).source == cell_of(RELEASE, name).source
    json.dumps(result).encode("utf-8")
    assert all(r.sentence.endswith(".") and "\n" not in r.sentence for r in repairs)
    return result, repairs


def kinds(repairs):
    return {r.kind for r in repairs}


def runs(notebook):
    """Executes the code as grading would, with checks that record what they were given."""
    space, results = {}, {}

    def check(name, function):
        try:
            results[name] = function(21)
        except Exception as error:
            results[name] = type(error).__name__

    space["check"] = check
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.metadata.get("tags") and "import" not in cell.source:
            try:
                exec(cell.source, space)
            except Exception:
                continue
    return results


ALL_RIGHT = dict.fromkeys(QUESTIONS, 42)


# --------------------------------------------------------------------------------- the usual case

def test_an_untouched_notebook_comes_out_as_released_without_repairs():
    result, repairs = redo(copy_of_release())
    assert result == RELEASE and repairs == []


def test_answers_are_set_in_without_repairs():
    result, repairs = redo(answered())
    assert repairs == [] and runs(result) == ALL_RIGHT


def test_the_same_bytes_give_the_same_notebook():
    data = json.dumps(put(answered(), new_code_cell("y = 1"), after="first")).encode()
    assert rebuild(RELEASE, data) == rebuild(RELEASE, data)


def test_a_notebook_node_is_accepted_like_its_bytes():
    notebook = answered()
    assert rebuild(RELEASE, notebook) == rebuild(RELEASE, json.dumps(notebook).encode())


# -------------------------------------------------------------------------------- honest oddities

def test_a_notebook_without_any_metadata_is_matched_by_its_text():
    result, repairs = redo(without_metadata(answered()))
    assert runs(result) == ALL_RIGHT and kinds(repairs) == {"ids_lost"}
    assert len(result.cells) == len(RELEASE.cells)


def test_a_deleted_check_cell_comes_back():
    notebook = answered()
    notebook.cells.remove(cell_of(notebook, "second"))
    result, _ = redo(notebook)
    assert runs(result) == ALL_RIGHT


def test_a_deleted_solution_cell_comes_back_as_the_stub():
    notebook = answered()
    notebook.cells.remove(cell_of(notebook, "second_solution"))
    result, repairs = redo(notebook)
    assert runs(result) == {**ALL_RIGHT, "second": "NotImplementedError"}
    assert [(r.grade_id, r.kind) for r in repairs] == [("second_solution", "restored")]


def test_a_copied_check_cell_is_dropped():
    notebook = put(answered(), cell_of(RELEASE, "first"), after="third")
    result, repairs = redo(notebook)
    assert len(result.cells) == len(RELEASE.cells) and kinds(repairs) == {"copy_dropped"}


def test_of_two_copies_the_edited_one_counts():
    for place in ({"before": "first_solution"}, {"after": "third"}):
        result, _ = redo(put(answered(), cell_of(RELEASE, "first_solution"), **place))
        assert runs(result) == ALL_RIGHT
        assert len(result.cells) == len(RELEASE.cells)


def test_of_several_edited_copies_the_last_counts_and_an_older_one_does_not_come_back_later():
    wrong = cell_of(answered(), "first_solution")
    wrong["source"] = wrong.source.replace("2 * x", "3 * x") + "\n\ndef tool():\n    return 1"
    late = cell_of(answered(), "first_solution")
    notebook = put(answered(), wrong, after="first")
    notebook.cells.append(late)
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT
    assert "superseded" in kinds(repairs)
    assert any("def tool" in c.source for c in result.cells)


def test_a_pasted_cell_that_became_a_helper_does_not_replace_the_answer():
    helper = cell_of(answered(), "first_solution")
    helper["source"] = "def helper(x):\n    return 2 * x"
    notebook = put(answered(), helper, after="first")
    cell_of(notebook, "second_solution")["source"] = "def second(x):\n    return helper(x)"
    assert runs(redo(notebook)[0]) == ALL_RIGHT


def test_moved_cells_return_to_the_released_order():
    notebook = answered()
    notebook.cells = notebook.cells[::-1]
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and "reordered" in kinds(repairs)


def test_extra_cells_stay_between_their_neighbours():
    extras = new_code_cell("one = 1"), new_markdown_cell("a note"), new_code_cell("two = 2")
    notebook = put(answered(), *extras, after="first")
    sources = [c.source for c in redo(notebook)[0].cells]
    at = sources.index('check("first", first)')
    assert sources[at + 1:at + 4] == ["one = 1", "a note", "two = 2"]


def test_a_helper_at_the_end_of_the_notebook_is_there_when_the_check_needs_it():
    notebook = answered()
    cell_of(notebook, "first_solution")["source"] = "def first(x):\n    return double(x)"
    notebook.cells += [new_code_cell("def times(a, b):\n    return a * b"),
                       new_code_cell("def double(x):\n    return times(2, x)")]
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and "helper_moved" in kinds(repairs)


def test_a_local_variable_does_not_pull_cells_forward():
    notebook = answered()
    cell_of(notebook, "first_solution")["source"] = "def first(x):\n    y = 2 * x\n    return y"
    notebook.cells.append(new_code_cell("y = first(3)"))
    result, repairs = redo(notebook)
    assert result.cells[-1].source == "y = first(3)" and repairs == []


def test_an_answer_in_a_new_cell_below_the_untouched_stub_counts():
    notebook = put(answered("second", "third"), new_code_cell(ANSWER.format("first")), after="first_solution")
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT
    assert "2 * x" in cell_of(result, "first_solution").source


def test_an_answer_at_the_end_of_the_notebook_counts():
    notebook = answered("second", "third")
    notebook.cells.append(new_code_cell("def first(x):\n    return 2 * x"))
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and "found_elsewhere" in kinds(repairs)


def test_two_answers_in_one_cell_count_for_both():
    notebook = answered("third")
    cell_of(notebook, "first_solution")["source"] = ANSWER.format("first") + "\n\n" + ANSWER.format("second")
    for remove in (False, True):
        if remove:
            notebook.cells.remove(cell_of(notebook, "second_solution"))
        result, repairs = redo(notebook)
        assert runs(result) == ALL_RIGHT and kinds(repairs) == {"shared_cell"}


def test_an_answer_typed_into_the_check_cell_counts():
    notebook = answered("second", "third")
    cell_of(notebook, "first")["source"] = 'def first(x):\n    return 2 * x\n\ncheck("first",\n      first)'
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and "check_edited" in kinds(repairs)


def test_lines_typed_into_a_check_cell_are_kept_before_it():
    notebook = answered()
    cell_of(notebook, "first")["source"] = 'test = 5\ncheck("first", lambda x: 0)\nprint(test)'
    result, _ = redo(notebook)
    sources = [c.source for c in result.cells]
    at = sources.index('check("first", first)')
    assert "test = 5" in sources[at - 1] and "check" not in sources[at - 1]


def test_a_syntax_error_does_not_hide_whose_answer_it_is():
    notebook = without_metadata(answered())
    notebook.cells[4]["source"] = "def first(x):\n    return (2 * x"
    result, _ = redo(notebook)
    assert cell_of(result, "first_solution").source == "def first(x):\n    return (2 * x"
    assert runs(result)["second"] == 42


def test_an_emptied_solution_cell_counts_as_not_attempted():
    notebook = answered()
    cell_of(notebook, "first_solution")["source"] = "  \n"
    assert cell_of(redo(notebook)[0], "first_solution").source == STUB.format("first")


def test_a_solution_cell_that_became_markdown_is_code_again():
    notebook = answered()
    at = notebook.cells.index(cell_of(notebook, "first_solution"))
    notebook.cells[at] = new_markdown_cell(notebook.cells[at].source, metadata=notebook.cells[at].metadata)
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and kinds(repairs) == {"retyped"}


def test_magics_and_shell_lines_do_not_hinder():
    notebook = without_metadata(answered())
    notebook.cells[4]["source"] = "%matplotlib inline\n!pip install x\ndef first(x):\n    return 2 * x"
    assert "return 2 * x" in cell_of(redo(notebook)[0], "first_solution").source


def test_a_locked_cell_that_was_changed_is_released_again_and_reported():
    notebook = answered()
    cell_of(notebook, "setup")["source"] = "import numpy as torch"
    _, repairs = redo(notebook)
    assert [(r.grade_id, r.kind) for r in repairs] == [("setup", "given_restored")]


def test_line_ends_and_trailing_blanks_are_no_change():
    notebook = copy_of_release()
    for cell in notebook.cells:
        cell["source"] = cell.source.replace("\n", "  \r\n") + "\r\n"
    result, repairs = redo(notebook)
    assert result == RELEASE and repairs == []


def test_imports_and_names_added_to_a_locked_cell_are_run_after_it():
    notebook = make_release()
    notebook.cells[1].source = "import torch\nimport json\nfrom torch.distributions import Normal\nhalf = 0.5\nprint(half)"
    rebuilt, repairs = rebuild(make_release(), nbformat.writes(notebook).encode())
    sources = [cell.source for cell in rebuilt.cells]
    assert sources[1:3] == ["import math\nimport torch", "import json\nfrom torch.distributions import Normal\nhalf = 0.5"]
    assert [(r.grade_id, r.kind) for r in repairs] == [("setup", "given_restored")]
    assert "after it your `json`, `Normal`, `half`." in repairs[0].sentence


@pytest.mark.parametrize("line, added, names", [
    ("import torch, json", "import json", "`json`"),
    ("import torch as th, torch", "import torch as th", "`th`"),
    ("from math import *", "from math import *", "`math.*`"),
    ("import torch.linalg", "import torch.linalg", "`torch.linalg`"),
    ("import torch.nn.functional as F, torch", "import torch.nn.functional as F", "`F`"),
    ("if torch:\n    !pip install x\nimport json", "import json", "`json`"),
    ("try:\n    import json\nexcept ImportError:\n    json = None", None, "`json`"),
    ("if True:\n    import json", None, "`json`")])
def test_of_an_edited_import_the_new_names_are_kept_and_said(line, added, names):
    notebook = answered()
    cell_of(notebook, "setup")["source"] = f"import math\nimport torch\n{line}"
    result, repairs = redo(notebook)
    assert result.cells[2].source == (added or line) and f"after it your {names}." in repairs[0].sentence


def test_what_is_left_out_of_an_edited_given_cell_is_said():
    for line, said in (("torch, half = 1, 0.5", "your `half` was left out"), ("half = (", "could not be read")):
        notebook = answered()
        cell_of(notebook, "setup")["source"] = f"import math\nimport torch\n{line}"
        assert said in redo(notebook)[1][0].sentence


def test_only_the_courses_own_fit_counts_as_training():
    notebook = make_release()
    notebook.cells.insert(3, new_code_cell("half = 0.5\npca.fit(half)"))
    notebook.cells.append(new_code_cell("history = fit(model)"))
    rebuilt, repairs = rebuild(make_release(), nbformat.writes(notebook).encode())
    tags = {cell.source: cell.metadata.get("tags", []) for cell in rebuilt.cells}
    assert "train" not in tags["half = 0.5\npca.fit(half)"] and "train" in tags["history = fit(model)"]


def test_an_open_given_cell_keeps_the_students_change_if_it_is_python():
    for source, kept in (("colour = 'blue'\nwidth = 3", True), ("colour = ", False)):
        notebook = answered()
        notebook.cells[2]["source"] = source
        result, repairs = redo(notebook)
        assert (result.cells[2].source == source) is kept
        assert kinds(repairs) == {"given_changed" if kept else "given_restored"}


def test_training_cells_keep_source_and_outputs_but_nothing_that_a_viewer_runs():
    notebook = answered()
    train = next(c for c in notebook.cells if c.metadata.get("tags"))
    train["source"] = train.source.replace("fit(first)", "fit(first, epochs=3)")
    train["outputs"] = [
        new_output("stream", text="epoch 3\n"),
        new_output("display_data", data={"image/png": PIXEL, "text/html": "<script>alert(1)</script>",
                                         "text/plain": "<Figure>"}),
        new_output("display_data", data={"application/javascript": "alert(1)"}),
        new_output("display_data", data={"image/png": '"><script>', "image/svg+xml": "<svg onload=x>"}),
    ]
    result, _ = redo(notebook)
    kept = next(c for c in result.cells if c.metadata.get("tags"))
    assert "epochs=3" in kept.source
    assert [o.output_type for o in kept.outputs] == ["stream", "display_data"]
    assert kept.outputs[1].data == {"image/png": PIXEL, "text/plain": "<Figure>"}


def test_an_extra_cell_that_only_trains_is_not_run():
    notebook = put(answered(), new_code_cell("history = fit(first, epochs=50)"), after="third")
    result, repairs = redo(notebook)
    extra = next(c for c in result.cells if "epochs=50" in c.source)
    assert extra.metadata == {"tags": ["train"]} and "not_run" in kinds(repairs)


def test_a_copied_training_cell_is_not_run():
    notebook = without_metadata(answered())
    notebook.cells.append(new_code_cell("with needs('first'):\n    history = fit(first, lr=1)\n    show()"))
    result, _ = redo(notebook)
    assert [c.metadata for c in result.cells if "lr=1" in c.source] == [{"tags": ["train"]}]


@pytest.mark.parametrize("merged", [False, True])
def test_an_answer_in_a_training_cell_counts_without_the_training(merged):
    notebook = answered("second", "third")
    train = next(c for c in notebook.cells if c.metadata.get("tags"))
    train["source"] = "def first(x):\n    return 2 * x\n\ncheck('first', first)\n" + train.source
    if merged:
        train["source"] = "# Question: first\n" + train.source
        for name in ("first_solution", "first"):
            notebook.cells.remove(cell_of(notebook, name))
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and kinds(repairs) == {"found_in_kept"}
    assert cell_of(result, "first_solution").source == "def first(x):\n    return 2 * x"


def test_a_training_cell_does_not_replace_an_answer():
    notebook = answered()
    train = next(c for c in notebook.cells if c.metadata.get("tags"))
    train["source"] = "def first(x):\n    return 7\n" + train.source
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and repairs == [] and len(result.cells) == len(RELEASE.cells)


# -------------------------------------------------------------------------------- written answers

def score(result):
    return determine_grade(cell_of(result, "why"))[0]


@pytest.mark.parametrize("strip", [False, True])
def test_a_written_answer_arrives_and_waits_for_a_grader(strip):
    notebook = copy_of_release()
    cell_of(notebook, "why")["source"] = "**Your answer** (why):\n\nBecause of Rayleigh."
    result, _ = redo(without_metadata(notebook) if strip else notebook)
    assert "Rayleigh" in cell_of(result, "why").source and score(result) is None


def test_an_empty_written_answer_scores_zero_without_a_grader():
    for text in ("", "**Your answer** (why):\n\n", "**Your answer** (why):\n\nYOUR ANSWER HERE\n"):
        notebook = copy_of_release()
        cell_of(notebook, "why")["source"] = text
        assert score(redo(notebook)[0]) == 0


@pytest.mark.parametrize("cell", [
    new_markdown_cell("Because of Rayleigh."), new_code_cell("Because of Rayleigh."),
    new_code_cell("# Because of Rayleigh.")])
def test_an_answer_in_a_cell_below_the_answer_cell_is_found(cell):
    for strip in (False, True):
        notebook = put(copy_of_release(), cell, after="why")
        result, repairs = redo(without_metadata(notebook) if strip else notebook)
        assert "Because of Rayleigh." in cell_of(result, "why").source and score(result) is None
        assert "answer_found" in kinds(repairs)


def test_an_answer_that_replaced_the_answer_cell_of_a_notebook_without_ids_is_found():
    notebook = without_metadata(copy_of_release())
    notebook.cells[-2]["source"] = "Because of Rayleigh."
    assert "Rayleigh" in cell_of(redo(notebook)[0], "why").source


def test_an_answer_typed_into_the_question_is_found():
    notebook = copy_of_release()
    cell_of(notebook, "why_question")["source"] += "\n\nBecause of Rayleigh."
    assert "Rayleigh" in cell_of(redo(notebook)[0], "why").source


def test_notes_typed_into_a_given_text_are_kept_behind_it():
    notebook = answered()
    notebook.cells[3]["source"] += "\nMy note."
    result, _ = redo(notebook)
    assert result.cells[3].source == RELEASE.cells[3].source and result.cells[4].source == "My note."


@pytest.mark.parametrize("source, text", [
    ('answer = """Because of the air."""\nprint(answer)', "Because of the air."),
    ('why = """Because of the air."""', "Because of the air."),
    ('from IPython.display import Markdown\nMarkdown("Because of the air.")', "Because of the air."),
    ("%md\nBecause of the air.", "Because of the air."),
    ("%md\n**Your answer** (why):\n\nBecause of the air.", "Because of the air."),
    ("**Your answer** (why):\n\nBecause of the air.", "Because of the air.")])
@pytest.mark.parametrize("keeps_id", [False, True])
def test_a_written_answer_whose_cell_became_code_is_found(source, text, keeps_id):
    notebook = answered()
    old = cell_of(notebook, "why")
    notebook.cells[notebook.cells.index(old)] = new_code_cell(source, metadata=old.metadata if keeps_id else {})
    result, repairs = redo(notebook)
    assert cell_of(result, "why").source.endswith(text) and score(result) is None
    assert kinds(repairs) & {"retyped", "answer_found", "text_in_code"}


@pytest.mark.parametrize("size", [3_000_000, 5_000_000])
def test_pasted_pictures_never_cost_the_text(size):
    picture = f"![x](data:image/png;base64,{'A' * size})"
    notebook = put(answered(), *(new_markdown_cell(f"note {n} {picture}") for n in range(3)), before="why")
    cell_of(notebook, "why")["source"] = f"**Your answer** (why):\n\nBecause {picture} of the air."
    result, repairs = redo(notebook)
    assert cell_of(result, "why").source.endswith("Because ![x]() of the air.")
    assert "pictures_dropped" in kinds(repairs) and "too_large" not in kinds(repairs)


# ---------------------------------------------------------------------------------------- hostile

def test_metadata_of_a_submission_never_survives():
    notebook = answered()
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception", "train"]
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.update(points=99, solution=True, locked=False, schema_version=99, evil=[])
    notebook["metadata"]["kernelspec"] = {"name": "evil", "display_name": "x"}
    result, _ = redo(notebook)                                    # compares all metadata with the release
    assert runs(result) == ALL_RIGHT


def test_swapped_grade_ids_do_not_swap_answers():
    notebook = answered()
    one, two = cell_of(notebook, "first_solution"), cell_of(notebook, "second_solution")
    one.metadata.nbgrader["grade_id"], two.metadata.nbgrader["grade_id"] = "second_solution", "first_solution"
    result, _ = redo(notebook)
    assert "def first" in cell_of(result, "first_solution").source and runs(result) == ALL_RIGHT


def test_another_name_in_a_check_is_made_the_answers():
    notebook = answered("second", "third")
    cell_of(notebook, "first_solution")["source"] = "# Question: first\ndef mine(x):\n    return 2 * x"
    cell_of(notebook, "first")["source"] = 'check("first",\n      mine)'
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and "other_name" in kinds(repairs)


@pytest.mark.parametrize("behind", [[new_code_cell("def first(x):\n    return 2 * x\ncheck('first', first)")],
                                    [new_code_cell("def first(x):\n    return 2 * x"),
                                     new_code_cell("check('first', first)")]])
def test_a_later_try_counts_if_it_was_checked(behind):
    notebook = answered()
    cell_of(notebook, "first_solution")["source"] = ANSWER.format("first").replace("2 * x", "7")
    result, repairs = redo(put(notebook, *behind, after="first"))
    assert runs(result) == ALL_RIGHT and "superseded" in kinds(repairs)


def test_what_completes_an_answer_behind_its_check_belongs_to_it_if_it_was_checked_again():
    notebook = answered("second", "third")
    cell_of(notebook, "first_solution")["source"] = "# Question: first\nclass Twice:\n    pass\nfirst = Twice()"
    notebook = put(notebook, new_code_cell("def call(self, x):\n    return 2 * x"),
                   new_code_cell("Twice.__call__, first.times = call, 2\ncheck('first', first)"), after="first")
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and "completed" in kinds(repairs)


def test_a_helper_that_was_put_right_and_checked_again_counts():
    for checked, value in ((True, 42), (False, 63)):
        notebook = answered("second", "third")
        cell_of(notebook, "first_solution")["source"] = "# Question: first\ndef first(x):\n    return factor() * x"
        put(notebook, new_code_cell("def factor():\n    return 3"), before="first_solution")
        put(notebook, new_code_cell("def factor():\n    return 2" + "\ncheck('first', first)" * checked), after="first")
        assert redo(notebook)[0] and runs(redo(notebook)[0])["first"] == value


def test_a_check_of_another_name_in_the_answers_own_cell_is_no_other_cell():
    notebook = answered("second", "third")
    cell_of(notebook, "first_solution")["source"] = \
        "# Question: first\ndef mine(x, n):\n    return n * x\ncheck('first', lambda x: mine(x, 2))"
    notebook.cells.remove(cell_of(notebook, "first"))
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and kinds(repairs) == {"other_name"}


@pytest.mark.parametrize("above", ["#@title My answer", "# In[ ]:\n\n", "# COMMAND ----------"])
def test_a_marker_below_other_programs_remarks_is_found(above):
    notebook = without_metadata(answered())
    for cell in notebook.cells:
        if cell.source.startswith("# Question"):
            cell["source"] = f"{above}\n{cell.source}"
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and kinds(repairs) == {"ids_lost"}


def test_an_answer_in_a_fenced_text_is_code_again():
    notebook = answered()
    at = notebook.cells.index(cell_of(notebook, "first_solution"))
    old = notebook.cells[at]
    notebook.cells[at] = new_markdown_cell(f"Mine:\n```python\n{old.source}\n```\nDone.", metadata=old.metadata)
    result, repairs = redo(notebook)
    assert runs(result) == ALL_RIGHT and kinds(repairs) == {"retyped"}


def test_a_later_experiment_that_was_not_checked_changes_nothing():
    result, _ = redo(put(answered(), new_code_cell("def first(x):\n    return 7"), after="third"))
    assert runs(result) == ALL_RIGHT


def test_a_stub_that_was_touched_gives_way_to_an_answer_elsewhere():
    notebook = answered("second", "third")
    cell_of(notebook, "first_solution")["source"] = STUB.format("first").replace("    raise", "    # later\n    raise")
    notebook.cells.append(new_code_cell("def first(x):\n    return 2 * x"))
    result, _ = redo(notebook)
    assert runs(result) == ALL_RIGHT


def test_constants_of_cells_that_are_not_run_are_there():
    notebook = answered("second", "third")
    cell_of(notebook, "first_solution")["source"] = "# Question: first\ndef first(x):\n    return TWO * x * ONE"
    put(notebook, new_code_cell("TWO, runs = 2, 30\nhistory = fit(model, runs)"), before="first_solution")
    training = next(c for c in notebook.cells if "train" in c.metadata.get("tags", []))
    training.source = "ONE = 1\nprior = torch.Normal(math.log(1), 1)\nfound = slow()\n" + training.source
    result, _ = redo(notebook)
    sources = [c.source for c in result.cells if c.cell_type == "code" and not c.metadata.get("tags")]
    assert "TWO, runs = 2, 30" in sources and "ONE = 1\nprior = torch.Normal(math.log(1), 1)" in sources
    assert not any("slow" in one for one in sources)


@pytest.mark.parametrize("cells", [
    [new_code_cell("print('''Because of\nthe air.''')")], [new_code_cell("'Because of the air.'")],
    [nbformat.v4.new_raw_cell("Because of the air.")]])
@pytest.mark.parametrize("place", [{"after": "why"}, {"before": "why"}])
def test_a_written_answer_is_found_in_other_kinds_of_cells(cells, place):
    result, _ = redo(put(answered(), *cells, **place))
    assert " ".join(cell_of(result, "why").source.split()).endswith("Because of the air.")


@pytest.mark.parametrize("make", [
    lambda n: ["fit\nx" + ".a" * 20_000 + "()", "with needs('first'):\n    c = " + " + ".join(["1"] * 20_000) + "\nfit(c)"],
    lambda n: ["def first(x):\n    return " + " + ".join(f"n{i}" for i in range(n)),
               "".join(f"n{i} = {i}\n" for i in range(n)) + "def helper(): return first"]])
def test_no_source_takes_long(make):
    notebook = answered("second", "third")
    notebook.cells += [new_code_cell(source) for source in make(20_000)]
    started = time.monotonic()
    redo(notebook)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("text", [
    "\n", " ", "x\n", " \n", "a,", "async ", "def\n", "check(\n", "check( ", "# Question:\n", "#", "( ", "```\n",
    "``` ", "a =\n", "=", "a.", "\n\t", "x:\n%\n", "Your answer(", "Your answer ( ", "%", "data:image/", '{"cell_type":'])
@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_a_megabyte_of_anything_takes_no_time(text, kind):
    notebook = answered()
    text = text * (1_000_000 // len(text))
    notebook.cells.insert(0, new_code_cell(text) if kind == "code" else new_markdown_cell(text))
    cell_of(notebook, "third_solution")["source"] += text[:500_000] + "!\nx = (" + text[:300_000]
    data, started = json.dumps(notebook).encode(), time.process_time()
    result, _ = rebuild(RELEASE, data)
    fingerprint(read_submission(data)[0])
    assert time.process_time() - started < 5


def test_a_notebook_in_an_envelope_is_found():
    result, _ = redo(json.dumps({"name": "x.ipynb", "type": "notebook", "content": answered()}).encode())
    assert runs(result) == ALL_RIGHT


def test_raw_cells_become_text_and_attachments_do_not_survive():
    notebook = put(answered(), nbformat.v4.new_raw_cell("<script>", metadata={"raw_mimetype": "text/html"}),
                   new_markdown_cell("![x](attachment:x.png)", attachments={"x.png": {"image/png": PIXEL}}),
                   after="first")
    result, repairs = redo(notebook)
    assert not any(c.cell_type == "raw" or "attachments" in c for c in result.cells)
    assert kinds(repairs) == {"pictures_dropped"}


@pytest.mark.parametrize("source", ["(" * 90_000, "a" + ".a" * 40_000, "-" * 90_000 + "1",
                                    "\0\ud800def first(x):", "x = " + "[" * 50_000, "'''",
                                    "def first(x):\n" + "\t \t" * 100])
def test_source_that_upsets_parsers_is_only_text(source):
    notebook = answered("second", "third")
    cell_of(notebook, "first_solution")["source"] = source
    notebook.cells.append(new_code_cell(source))
    result, _ = redo(notebook)
    assert runs(result)["second"] == 42


# -------------------------------------------------------------------------------------- odd files

def as_bytes(notebook, **options):
    return json.dumps(notebook, sort_keys=True, **options).encode()


@pytest.mark.parametrize("data", [
    b"", b"  \n", b"\xef\xbb\xbf", b"null", b"42", b'"text"', b"{}", b"[]", b"{", b"<html>",
    b"\x00\xff\xfe\x80", b'{"worksheets":[' * 3000,
    b'{"cells": 3}', b'{"cells": {"a": 1}}', b'{"cells": [1, null, "x", [], {}]}', b'{"nbformat": 99}',
    b'{"cells":[{"source":' + b"[" * 100_000, b'{"cells":[{"metadata":' + b'{"a":' * 100_000,
    b'{"cells":[{"cell_type":["x"],"source":{"a":1},"metadata":[],"outputs":{},"id":7}]}',
    b'{"cells":[{"cell_type":"code","source":[1,["x"],"y"],"outputs":[1,{"output_type":"stream"}]}]}',
    b"PK\x03\x04 a zip file", b"%PDF-1.4",
])
def test_bytes_that_are_no_notebook_give_the_release_and_a_reason(data):
    result, repairs = redo(data)
    assert repairs and set(runs(result).values()) == {"NotImplementedError"}


@pytest.mark.parametrize("wrap", [
    lambda d: b"\xef\xbb\xbf" + d,
    lambda d: d.decode().encode("utf-16"),
    lambda d: d.replace(b"\n", b"\r\n"),
    lambda d: d.replace(b'"nbformat": 4', b'"nbformat": 99'),
    lambda d: d.replace(b'"nbformat_minor": 5', b'"nbformat_minor": "x"'),
    lambda d: d + b"\n\n<<<<<<< trailing",
])
def test_files_with_odd_bytes_are_read(wrap):
    assert runs(redo(wrap(as_bytes(answered(), indent=1)))[0]) == ALL_RIGHT


def zipped(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lesson/x.ipynb", data)
        archive.writestr("__MACOSX/lesson/._x.ipynb", b"x")
    return buffer.getvalue()


MERGED = b'\n<<<<<<< HEAD\n  "x": 3,\n=======\n  "x": 4,\n>>>>>>> abc\n  "execution_count"'


@pytest.mark.parametrize("wrap, kind", [
    (zipped, "unpacked"), (gzip.compress, "unpacked"), (lambda d: json.dumps(d.decode()).encode(), "unpacked"),
    (lambda d: d.replace(b'"execution_count"', MERGED, 3), "merge_marks"),
    (lambda d: d.replace(b'"# The lesson"', b'"# \xdcber"'), "other_encoding"),
    (lambda d: json.dumps({"cells": [{**cell, "source": cell["source"].split("\n")} for cell in json.loads(d)["cells"]]}
                          ).encode(), "lines_joined"),
    (lambda d: d.replace(b'"colour', b'colour'), "damaged")])
def test_files_that_something_was_done_to_are_read_and_it_is_said(wrap, kind):
    result, repairs = redo(wrap(as_bytes(answered(), indent=1)))
    assert runs(result) == ALL_RIGHT and kinds(repairs) == {kind}


def test_windows_letters_arrive():
    notebook = answered()
    cell_of(notebook, "why")["source"] = "**Your answer** (why):\n\nGrößer."
    data = json.dumps(notebook, ensure_ascii=False).encode("cp1252")
    assert cell_of(redo(data)[0], "why").source.endswith("Größer.")


def test_a_file_of_too_many_values_is_read_up_to_there():
    data = as_bytes(answered())[:-1] + b', "x": [' + b"[]," * 5_000_000 + b"[]]}"
    started = time.process_time()
    result, repairs = redo(data)
    assert time.process_time() - started < 10 and runs(result) == ALL_RIGHT and kinds(repairs) == {"damaged"}


def test_nbformat_3_is_read():
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "x"}, "worksheets": [{"cells": [
        {"cell_type": "heading", "level": 2, "source": ["About"], "metadata": {}},
        *({"cell_type": "code", "input": ANSWER.format(n).splitlines(True), "language": "python",
           "outputs": [], "prompt_number": 1, "collapsed": False, "metadata": {}} for n in QUESTIONS)]}]}
    assert runs(redo(as_bytes(old))[0]) == ALL_RIGHT


def test_a_truncated_file_gives_its_complete_cells():
    data = as_bytes(answered(), indent=1)
    cut = data.index(b"def third(x):") + 5
    result, repairs = redo(data[:cut])
    assert runs(result) == {"first": 42, "second": 42, "third": "NotImplementedError"}
    assert "damaged" in kinds(repairs)


def test_every_truncation_is_survived():
    data = as_bytes(answered())
    for cut in range(0, len(data), 37):
        rebuild(RELEASE, data[:cut])


def test_fifty_megabytes_of_outputs_are_skipped_quickly():
    notebook = answered()
    for cell in notebook.cells[4:6]:
        cell["outputs"] = [new_output("stream", text="HERE")]
    lines = b'"one line of a progress bar, forty characters\\n",\n' * 550_000
    data = as_bytes(notebook).replace(b'"HERE"', b"[" + lines + b'""]')
    assert len(data) > 50e6
    start = time.process_time()
    result, repairs = redo(data)
    assert time.process_time() - start < 10
    assert runs(result) == ALL_RIGHT and "outputs_dropped" in kinds(repairs)


def test_a_file_beyond_the_limit_is_not_read():
    assert read_submission(bytes(MAX_BYTES + 1))[1][0].kind == "unreadable"


def test_duplicate_cell_ids_are_made_unique():
    notebook = answered()
    for cell in notebook.cells:
        cell["id"] = "same"
    nbformat.validate(read_submission(as_bytes(notebook))[0])
    assert runs(redo(notebook)[0]) == ALL_RIGHT


def test_a_fingerprint_survives_lost_metadata():
    plain = fingerprint(read_submission(as_bytes(without_metadata(copy_of_release())))[0])
    assert {"question first", "check first", "answer why", "defines first"} <= plain <= fingerprint(RELEASE)


# ------------------------------------------------------------------------------------- properties

@st.composite
def mangled(draw):
    """A notebook whose cells were copied, moved, deleted; and the questions still answered in it."""
    names = draw(st.lists(st.sampled_from(QUESTIONS), unique=True))
    notebook = answered(*names) if names else copy_of_release()
    extra = [new_code_cell("helper = 1"), new_markdown_cell("a note"), new_code_cell("def broken(:")]
    pool = notebook.cells + extra
    order = draw(st.lists(st.integers(0, len(pool) - 1), max_size=2 * len(pool)))
    notebook.cells = [nbformat.from_dict(json.loads(json.dumps(pool[i]))) for i in order]
    if draw(st.booleans()):
        without_metadata(notebook)
    present = {n for n in names if any(c.source == ANSWER.format(n) for c in notebook.cells)}
    return notebook, present


@settings(max_examples=150, deadline=None)
@given(mangled())
def test_no_order_deletion_or_copying_of_cells_loses_an_answer(case):
    notebook, present = case
    result, _ = redo(notebook)
    assert runs(result) == {n: 42 if n in present else "NotImplementedError" for n in QUESTIONS}


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
                    max_leaves=20)
FIELDS = st.sampled_from(["cell_type", "source", "metadata", "outputs", "id", "input", "attachments"])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.builds(
    lambda cells: json.dumps({"cells": cells}).encode(),
    st.lists(st.dictionaries(FIELDS, JSON | st.sampled_from(["code", "markdown"]), max_size=6), max_size=5)))
def test_no_bytes_raise(data):
    redo(data)


# --------------------------------------------------------------------- the course's own notebooks

SOURCES = sorted((Path(__file__).parent.parent / "solutions").glob("task*.py"))


@pytest.fixture(scope="module", params=SOURCES, ids=lambda path: path.stem)
def course(request):
    """A task's solution, and the release that nbgrader makes of it."""
    from nbgrader.preprocessors import ClearSolutions, ComputeChecksums
    solution = jupytext.read(request.param)
    notebook = jupytext.read(request.param)
    clear = ClearSolutions(code_stub={"python": "raise NotImplementedError"})
    notebook, resources = clear.preprocess(notebook, {"language": "python"})
    notebook, _ = ComputeChecksums().preprocess(notebook, resources)
    for number, (cell, twin) in enumerate(zip(notebook.cells, solution.cells)):
        cell["id"] = twin["id"] = f"cell-{number}"
    for made in (notebook, solution):
        made["nbformat_minor"] = 5
    return solution, notebook


def solutions_of(notebook):
    return {c.metadata.nbgrader.grade_id: c.source for c in notebook.cells
            if c.metadata.get("nbgrader", {}).get("solution")}


def test_the_released_task_comes_back_as_it_is(course):
    _, release = course
    result, repairs = rebuild(release, as_bytes(release))
    assert result == release and repairs == []


@pytest.mark.parametrize("odd", [lambda n: n, without_metadata,
                                 lambda n: {**n, "cells": n.cells[::-1]},
                                 lambda n: {**without_metadata(n), "cells": n.cells[::-1]},
                                 lambda n: {**n, "cells": n.cells + n.cells}])
def test_the_solved_task_arrives_whatever_happened_to_its_cells(course, odd):
    solution, release = course
    solution = nbformat.from_dict(json.loads(json.dumps(solution)))
    wanted = solutions_of(solution)
    result, _ = rebuild(release, as_bytes(odd(solution)))
    assert solutions_of(result) == wanted
    assert [c.metadata for c in result.cells] == [c.metadata for c in release.cells]
    nbformat.validate(result)
    MetadataValidator().validate_nb(result)
