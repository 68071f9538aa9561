"""The demo class, through nbgrader's own commands: everybody is graded, and gets what their answers deserve."""

import re
from pathlib import Path

import nbformat
import pytest

from autograder import demo, intake, sandbox
from autograder.questions import QUESTIONS, TASKS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course in which the class was graded and has its feedback. No notebook was worked through."""
    root = tmp_path_factory.mktemp("root")
    (root / "nbgrader_config.py").write_bytes((ROOT / "nbgrader_config.py").read_bytes())
    (root / "solutions").symlink_to(ROOT / "solutions")
    course = demo.new_course(root)
    unsandboxed = ["--Judge.allow_unsandboxed=True"] if sandbox.available() else []
    for task in TASKS:
        demo.nbgrader(course, "generate_assignment", task)
    demo.hand_in(course)
    report = intake.collect(course / "uploads", course)
    assert len(report.arrivals) == len(demo.STUDENTS) * len(TASKS) and not report.refusals
    for task in TASKS:
        demo.nbgrader(course, "autograde", task, *unsandboxed)
        demo.nbgrader(course, "generate_feedback", task)
    return course


@pytest.fixture(scope="module")
def results(course):
    return {task: demo.results(course, task) for task in TASKS}


def short_of_full(student):
    """question -> points lost."""
    return {name: QUESTIONS[name].points - cell["points"] for name, cell in student.items()
            if name in QUESTIONS and cell["points"] < QUESTIONS[name].points}


def test_working_through_a_notebook_leaves_no_folder(tmp_path):
    cell = nbformat.v4.new_code_cell("open('drawn.txt', 'w').close()\n6 * 7")
    done = demo.work_through(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "ada")
    assert done.cells[0].outputs[0].data["text/plain"] == "42" and not (tmp_path / "ada").exists()


def test_generate_assignment_gives_the_committed_notebooks(course):
    for task in TASKS:
        place = Path("assignments", task, f"{task}.ipynb")
        assert (course / place).read_bytes() == (ROOT / place).read_bytes()


def test_no_submission_stops_the_others(results):
    for task in TASKS:
        assert list(results[task]) == sorted(demo.STUDENTS)


@pytest.mark.parametrize("student", ["ada", "hana", "ivo"])
def test_right_answers_earn_every_point_however_the_file_looks(results, student):
    for task in TASKS:
        assert short_of_full(results[task][student]) == {}


@pytest.mark.parametrize("student", ["ben", "cleo", "dana", "eli", "jun"])
def test_a_mistake_is_found_in_its_own_question_and_has_a_hint(results, student):
    for task in TASKS:
        for name in demo.MISTAKES[student].keys() & results[task][student].keys():
            cell = results[task][student][name]
            assert 0 < short_of_full(results[task][student])[name] and cell["hint"], (student, name)


@pytest.mark.parametrize("student", ["ben", "cleo", "dana", "eli", "jun"])
def test_a_mistake_costs_nothing_in_questions_that_do_not_train(results, student):
    for task in TASKS:
        lost = short_of_full(results[task][student]).keys() - demo.MISTAKES[student].keys()
        assert lost <= {"train_vae", "train_cvae"}, (student, lost)


def test_hints_are_those_of_the_misconceptions(results):
    assert "variance" in results["task1_vae"]["ben"]["reparameterize"]["hint"]
    assert results["task1_vae"]["jun"]["generate"]["state"] == "no answers"


def test_nothing_done_earns_nothing_and_is_not_called_wrong(results):
    for task in TASKS:
        cells = results[task]["gus"]
        assert sum(cell["points"] for cell in cells.values()) == 0
        assert {cell["state"] for name, cell in cells.items() if name in QUESTIONS} == {"not attempted"}
        assert not any(cell["waiting"] for cell in cells.values())


def test_half_finished_earns_its_half(results):
    for task in TASKS:
        lost = short_of_full(results[task]["finn"])
        assert 0 < len(lost) < len(TASKS[task])


def test_written_answers_wait_for_a_person(results):
    assert results["task1_vae"]["ada"]["why_not_ae"]["waiting"]
    assert results["task2_cvae"]["ada"]["latents_compared"]["waiting"]


def test_every_student_has_a_feedback_page(course):
    for task in TASKS:
        for student in demo.STUDENTS:
            page = demo.feedback_page(course, student, task).read_text("utf-8")
            others = [other for other in demo.STUDENTS if other != student and re.search(rf"\b{other}\b", page, re.I)]
            assert not others


def test_the_tables_show_points_hints_and_pages(course, results):
    from rich.console import Console

    console = Console(width=140, record=True, quiet=False, file=open("/dev/null", "w", encoding="utf-8"))
    demo.show(course, "task1_vae", console)
    said = console.export_text()
    for words in (*TASKS["task1_vae"], *demo.STUDENTS, "by hand", "exp(logvar) is the variance", "task1_vae.html"):
        assert words in said
    assert "missing" not in said


def test_a_changed_solution_says_what_to_adapt():
    cell = nbformat.v4.new_code_cell("def one_hot(): pass", id="one_hot_solution",
                                     metadata={"nbgrader": {"solution": True}})
    notebook = nbformat.v4.new_notebook(cells=[cell])
    with pytest.raises(ValueError, match="MISTAKES in autograder/demo.py"):
        demo.submission("ben", notebook, notebook)


def test_a_command_that_fails_shows_its_last_words(tmp_path):
    with pytest.raises(OSError, match="generate_assignment nothing(?s:.*)logs"):
        demo.nbgrader(tmp_path, "generate_assignment", "nothing")
