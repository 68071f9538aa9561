"""Notebooks and public keys are what their sources build, and give nothing away."""

import inspect
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
import torch

from autograder import build
from autograder.__main__ import main
from autograder.questions import QUESTIONS, TASKS
from utils.check import probe
from utils.check.verdict import judge, unpack_keys

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "solutions").glob("*.py"))
NOTEBOOKS = sorted([*ROOT.glob("solutions/*/*.ipynb"), *ROOT.glob("assignments/*/*.ipynb")])

SCRIPT = '''\
# %% [markdown]
# Say hello.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
UTILS_URL = "@UTILS_URL@"

# %% nbgrader={"grade": false, "grade_id": "hello_solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def hello():
    ### BEGIN SOLUTION
    return "hello, world"
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "hello", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("hello", hello)

# %%
print("again")

# %%
print("again")
'''


@pytest.fixture
def course(tmp_path):
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "greet.py").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


def release(course):
    return nbformat.read(course / "assignments" / "greet" / "greet.ipynb", as_version=4)


# The builder

def test_the_same_sources_give_the_same_bytes(course):
    assert len(build.build_notebooks(course)) == 2
    first = {path: path.read_bytes() for path in course.glob("*/greet/greet.ipynb")}
    shutil.rmtree(course / "assignments")
    assert build.build_notebooks(course) == [course / "assignments" / "greet" / "greet.ipynb"]
    assert {path: path.read_bytes() for path in course.glob("*/greet/greet.ipynb")} == first


def test_a_changed_source_makes_both_notebooks_stale_and_check_writes_nothing(course):
    build.build_notebooks(course)
    before = (course / "assignments" / "greet" / "greet.ipynb").read_bytes()
    (course / "solutions" / "greet.py").write_text(SCRIPT.replace("Say hello", "Greet"), encoding="utf-8")
    assert len(build.build_notebooks(course, check=True)) == 2
    assert (course / "assignments" / "greet" / "greet.ipynb").read_bytes() == before


def test_a_notebook_that_was_run_is_stale(course):
    build.build_notebooks(course)
    path = course / "solutions" / "greet" / "greet.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].execution_count = 1
    nbformat.write(notebook, path)
    assert build.build_notebooks(course, check=True) == [path]


def test_cell_ids_name_the_cell_and_are_unique(course):
    build.build_notebooks(course)
    ids = [cell.id for cell in release(course).cells]
    assert ids[1:4] == ["setup", "hello_solution", "hello"]
    assert ids[5] == f"{ids[4]}-2"


def test_the_release_has_stubs_in_place_of_solutions(course):
    build.build_notebooks(course)
    source = release(course).cells[2].source
    assert "raise NotImplementedError" in source and "world" not in source and "SOLUTION" not in source


def test_the_course_sets_where_colab_gets_utils(course):
    build.build_notebooks(course)
    assert "@UTILS_URL@" not in release(course).cells[1].source
    (course / "nbgrader_config.py").write_text('c = get_config()\nc.Notebooks.utils_url = "https://course.example/u.whl"\n')
    assert len(build.build_notebooks(course)) == 2
    assert release(course).cells[1].source == 'UTILS_URL = "https://course.example/u.whl"'


def test_the_example_address_of_utils_is_warned_of(course, capsys):
    assert main(["build", "--root", str(course)]) == 0
    assert "c.Notebooks.utils_url" in capsys.readouterr().err
    (course / "nbgrader_config.py").write_text('c = get_config()\nc.Notebooks.utils_url = "https://course.example/u.whl"\n')
    assert main(["build", "--root", str(course)]) == 0
    assert "utils_url" not in capsys.readouterr().err


def test_building_leaves_the_course_s_gradebook_alone(course):
    build.build_notebooks(course)
    assert not list(course.rglob("*.db"))
    assert sorted(path.name for path in course.iterdir()) == ["assignments", "solutions"]


def test_a_placeholder_that_nothing_fills_stops_the_build(course):
    (course / "solutions" / "greet.py").write_text(SCRIPT + "# @SECONDS_T4@\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"greet.py, line \d+: .*@SECONDS_T4@"):
        build.build_notebooks(course)


def test_what_nbgrader_refuses_is_said(course):
    (course / "solutions" / "greet.py").write_text(SCRIPT.replace("    ### END SOLUTION\n", ""), encoding="utf-8")
    with pytest.raises(ValueError, match="could not generate greet(?s:.*)no end solution statement"):
        build.build_notebooks(course)


def test_an_empty_folder_says_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match="no .py file"):
        build.build_notebooks(tmp_path)


# What is committed

def test_committed_notebooks_are_fresh():
    assert build.build_notebooks(ROOT, check=True) == [], "run `make notebooks` and commit what it writes"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_notebooks_are_valid_and_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata == build.METADATA
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


@pytest.mark.parametrize("task", TASKS)
def test_public_keys_are_fresh(task):
    """Compared as numbers: the last bits differ between machines. Signatures would take minutes: see below."""
    committed = unpack_keys((ROOT / "utils" / "check" / "keys" / f"{task}.safetensors").read_bytes())
    fresh = unpack_keys(build.public_keys(task, signatures=False))
    assert list(committed) == list(fresh), "run `make keys` and commit what it writes"
    for name, key in fresh.items():
        old = committed[name]
        assert vars(old) | {"variants": 0, "signatures": 0} == vars(key) | {"variants": 0, "signatures": 0}, name
        for was, now in zip(old.variants, key.variants, strict=True):
            assert (was.name, was.steps, was.tests) == (now.name, now.steps, now.tests), name
            for tensors, others in ((was.inputs, now.inputs), (was.expected, now.expected)):
                assert tensors.keys() == others.keys(), name
                for tensor in tensors:
                    torch.testing.assert_close(tensors[tensor], others[tensor], rtol=1e-3, atol=1e-5)
        assert old.signatures.keys() == key.hints.keys(), name


@pytest.mark.parametrize("name", ["kl_divergence", "condition"])
def test_public_keys_name_the_mistakes_of_today(name):
    question = QUESTIONS[name]
    key = unpack_keys((ROOT / "utils" / "check" / "keys" / f"{question.task}.safetensors").read_bytes())[name]
    for misconception in question.misconceptions:
        for answer in misconception.answers:
            answers, status = {}, {}
            for variant in key.variants:
                namespace = {**question.namespace, name: answer}
                answers[variant.name], status[variant.name] = probe.run(variant.steps, variant.inputs, namespace, seed=1)
            assert judge(key, answers, status).hint == misconception.hint


@pytest.mark.parametrize("task", TASKS)
def test_public_keys_are_small(task):
    assert (ROOT / "utils" / "check" / "keys" / f"{task}.safetensors").stat().st_size < 1_000_000


@pytest.mark.parametrize("task", TASKS)
def test_the_notebook_states_points_and_criteria(task):
    cells = nbformat.read(ROOT / "assignments" / task / f"{task}.ipynb", as_version=4).cells
    points = {cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points for cell in cells
              if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code"}
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert points == {name: 0 if QUESTIONS[name].extra else QUESTIONS[name].points for name in TASKS[task]}
    for question in map(QUESTIONS.get, TASKS[task]):
        criteria = ", ".join(f"{c.name} {c.points:g}" for c in question.criteria)
        stated = re.sub(r"(\d)\.0\b", r"\1", prose)
        assert re.search(rf"points?:\*\* {re.escape(criteria)}", stated), f"{question.name}: {question.points:g} points: {criteria}"


# What students must not find

def lines_of(text):
    """Lines that say something: others stand in any notebook."""
    return {line for line in (line.strip() for line in text.splitlines())
            if len(line) > 30 and not line.startswith(("#", "def ", "class ", "import ", "from "))}


def source_parts(task):
    """The text inside and outside of the solution regions of a task's source."""
    inside, parts = False, {True: [], False: []}
    for line in (ROOT / "solutions" / f"{task}.py").read_text("utf-8").splitlines():
        if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
            inside = "BEGIN" in line
        else:
            parts[inside].append(line.removeprefix("# "))
    return "\n".join(parts[True]), "\n".join(parts[False])


def given_away(task):
    """All text in the cells of an assignment."""
    cells = nbformat.read(ROOT / "assignments" / task / f"{task}.ipynb", as_version=4).cells
    return "\n".join(cell.source for cell in cells)


@pytest.mark.parametrize("task", TASKS)
def test_an_assignment_holds_no_solution(task):
    solution, outside = map(lines_of, source_parts(task))
    assert len(solution - outside) > 10
    assert not (solution - outside) & lines_of(given_away(task))
    raw = (ROOT / "assignments" / task / f"{task}.ipynb").read_text("utf-8")
    assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN|MARK)|autograder|\.secret", raw)


@pytest.mark.parametrize("task", TASKS)
def test_no_reference_code_travels_to_students(task):
    """Neither in the assignment, but for what its given code has in common with it, nor in `utils` and its keys."""
    reference = lines_of("\n".join(inspect.getsource(QUESTIONS[name].namespace[QUESTIONS[name].answers[0]])
                                   for name in TASKS[task]))
    assert reference
    assert not (reference - lines_of(source_parts(task)[1])) & lines_of(given_away(task))
    for path in (ROOT / "utils").rglob("*.py"):
        assert not reference & lines_of(path.read_text("utf-8")), path
    key = (ROOT / "utils" / "check" / "keys" / f"{task}.safetensors").read_bytes().decode("latin-1")
    assert not [line for line in reference if json.dumps(line)[1:-1] in key]


@pytest.mark.parametrize("task", TASKS)
def test_an_assignment_holds_no_expected_value(task):
    given = given_away(task)
    assert not re.search(r"[A-Za-z0-9+/=]{200,}", given), "something encoded"
    numbers = {round(float(number), 4) for number in re.findall(r"-?\d*\.\d{4,}", given)}
    keys = unpack_keys((ROOT / "utils" / "check" / "keys" / f"{task}.safetensors").read_bytes())
    for key in keys.values():
        for variant in key.variants:
            for tensor in variant.expected.values():
                assert not numbers & {round(float(value), 4) for value in tensor.flatten()[:1000]}


def test_students_install_utils_without_the_grader():
    for path in (ROOT / "utils").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) autograder", path.read_text("utf-8"), re.M), path
