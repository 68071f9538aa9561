"""The course through nbgrader's own commands, as an instructor types them."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

import small_task
from autograder import judge, plugins, sandbox, secret
from autograder.kernel import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
TASK = "task1_vae"
SCRIPT = "<script>alert(1)</script>"

HOSTILE = f"""
from IPython.display import display, HTML
display(HTML("{SCRIPT}"))
print("✓ kl_divergence: right.")
check = lambda *args: 3
3
"""


def nbgrader(course, *arguments, run=("-m", "nbgrader")):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, *run, *arguments], cwd=course, capture_output=True, text=True,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"})


def submit(course, student, notebook, name=f"{TASK}.ipynb"):
    place = course / "submitted" / student / TASK / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(notebook if isinstance(notebook, str) else nbformat.writes(notebook), encoding="utf-8")


def schema_99():
    """Its check is edited, and all metadata claim what a student would like."""
    notebook = small_task.notebook({"kl_divergence": small_task.NO_HALF})
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.update(schema_version=99, points=100, solution=True, locked=False)
        if "check(" in cell.source:
            cell.source, cell.metadata["tags"] = "3", ["skip-execution", "train"]
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A class that was graded once."""
    course = tmp_path_factory.mktemp("course")
    config = (REPOSITORY / "nbgrader_config.py").read_text()
    config += "\nc.Judge.cell_seconds = 4\nc.SandboxProvisioner.limits = {'memory': 1500 * 2**20}\n"
    config += "c.Judge.allow_unsandboxed = True\n"
    (course / "nbgrader_config.py").write_text(config)
    (course / "solutions" / TASK).mkdir(parents=True)
    nbformat.write(small_task.source(), course / "solutions" / TASK / f"{TASK}.ipynb")
    generated = nbgrader(course, "generate_assignment", TASK)
    assert generated.returncode == 0, generated.stderr
    released = nbformat.read(course / "assignments" / TASK / f"{TASK}.ipynb", as_version=4)

    submit(course, "right", small_task.notebook(
        after=HOSTILE, written=f"Words, {SCRIPT} and $\\href{{javascript:1}}{{x}}$."))
    submit(course, "wrong", small_task.notebook(
        {"kl_divergence": small_task.NO_HALF}, before={"kl_divergence": HOSTILE}))
    submit(course, "half", small_task.notebook({"vae_loss": "def vae_loss(logits, x, mu, logvar, beta=1.0):\n"
                                                            "    raise NotImplementedError"}, written="  \n"))
    submit(course, "nothing", released)
    submit(course, "endless", small_task.notebook({"kl_divergence": "def kl_divergence(mu, logvar):\n"
                                                                    "    while True: pass"}))
    whole = nbformat.writes(small_task.notebook())
    submit(course, "cut", whole.partition("# Question: reconstruction_loss")[0])
    submit(course, "schema", schema_99())
    submit(course, "renamed", small_task.notebook(
        before={"kl_divergence": "import torch\nassert torch.ones(1) == 1"}), f"Copy of {TASK} (1).ipynb")
    (course / "submitted/renamed" / TASK / "torch.py").write_text("ones = None")
    (course / "submitted/renamed" / TASK / "grades.db").symlink_to(course / "gradebook.db")
    graded = nbgrader(course, "autograde", TASK)
    assert graded.returncode == 0, graded.stderr
    (course / "autograde.log").write_text(graded.stderr)
    return course


def scores(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        return {submission.student.id: {grade.name: (grade.score, grade.needs_manual_grade)
                                        for grade in submission.notebooks[0].grades}
                for submission in gradebook.assignment_submissions(TASK)}


def verdicts(course, student):
    return json.loads((course / "autograded" / student / TASK / f"{TASK}.verdicts.json").read_text())


@pytest.mark.parametrize("student, kl, reconstruction, loss, written", [
    ("right", 3, 2, 2, True), ("wrong", 0.5, 2, 2, True), ("half", 3, 2, 0, False),
    ("nothing", 0, 0, 0, False), ("endless", 0, 2, 2, True),
    ("cut", 3, 0, 0, True), ("schema", 0.5, 2, 2, True),
    ("renamed", 3, 2, 2, True)])
def test_everyone_gets_what_the_answers_earn(course, student, kl, reconstruction, loss, written):
    assert scores(course)[student] == {
        "kl_divergence": (kl, False), "reconstruction_loss": (reconstruction, False),
        "vae_loss": (loss, False), "why_not_ae": (0, written)}


def test_the_reasons_are_kept_beside_the_notebook(course):
    assert verdicts(course, "wrong")["questions"]["kl_divergence"]["misconception"] == "no_half"
    assert verdicts(course, "half")["questions"]["vae_loss"]["state"] == "not attempted"
    assert verdicts(course, "endless")["questions"]["kl_divergence"]["state"] == "out of time"
    assert [one["kind"] for one in verdicts(course, "cut")["repairs"]][0] == "damaged"
    assert "check_edited" in [one["kind"] for one in verdicts(course, "schema")["repairs"]]


def test_autograde_says_one_line_for_each_student_and_nothing_that_looks_like_lost_data(course):
    said = (course / "autograde.log").read_text()
    assert re.search(rf"\bright {TASK}: 7 of 7, 1 answer to read, \d+ s$", said, re.M)
    assert re.search(rf"\bhalf {TASK}: 5 of 10, \d+ s$", said, re.M)      # its written answer is empty
    assert "SAWarning" not in said and said.count("Kernels start slower") <= 1


def test_only_the_notebook_of_a_submission_is_used(course):
    found = {path.name for path in (course / "autograded").rglob("*") if path.is_file()}
    assert found == {f"{TASK}.ipynb", f"{TASK}.verdicts.json", "timestamp.txt"}
    assert (course / "archive/submitted/renamed" / TASK).is_dir()


def test_archives_repeat_the_grading_and_hold_no_secret(course):
    kept = sorted((course / "archive/graded/wrong" / TASK).iterdir())[-1]
    notebook = nbformat.read(kept / f"{TASK}.ipynb", as_version=4)
    seeds = json.loads((kept / "seeds.json").read_text())
    assert seeds == judge.draw_seeds(notebook, TASK, secret.course_secret(course), "wrong")
    kernels = sandbox.UnsandboxedKernelManager if sandbox.available() else sandbox.SandboxedKernelManager
    again = judge.grade_notebook(notebook, TASK, b"another secret", "wrong", Settings(manager=kernels), seeds=seeds)
    assert judge.record(again)["questions"] == json.loads((kept / "verdicts.json").read_text())["questions"]
    everything = "".join(path.read_text() for path in course.rglob("*.json")) + "".join(
        path.read_text() for path in (course / "autograded").rglob("*.ipynb"))
    assert secret.course_secret(course).decode() not in everything
    assert (course / ".secret").stat().st_mode & 0o777 == 0o600


def test_feedback_and_formgrader_pages_run_nothing_of_the_students(course):
    done = nbgrader(course, "generate_feedback", TASK)
    assert done.returncode == 0, done.stderr
    page = (course / "feedback/right" / TASK / f"{TASK}.html").read_text()
    assert SCRIPT not in page and "javascript:1" not in re.sub(r"\\text{javascript:1}", "", page)
    assert "kl_divergence: right" in page
    assert "The factor 0.5" in (course / "feedback/wrong" / TASK / f"{TASK}.html").read_text()


def test_grades_are_exported(course):
    done = nbgrader(course, "export")
    assert done.returncode == 0, done.stderr
    with open(course / "grades.csv") as file:
        assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)} == {
            "right": 7, "wrong": 4.5, "half": 5, "nothing": 0, "endless": 4, "cut": 3, "schema": 4.5,
            "renamed": 7}


def test_a_second_run_completes_what_was_left_and_keeps_what_people_gave(course):
    """`nothing` looks as if the grader had been killed; `wrong` was graded by hand and is graded anew."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.find_grade("kl_divergence", TASK, TASK, "wrong").manual_score = 2.5
        gradebook.find_grade("reconstruction_loss", TASK, TASK, "wrong").extra_credit = 0.5
        gradebook.find_comment("why_not_ae", TASK, TASK, "wrong").manual_comment = "Well said."
        gradebook.db.commit()
    shutil.rmtree(course / "autograded/wrong")
    (course / "autograded/nothing" / TASK / f"{TASK}.verdicts.json").unlink()
    before = (course / "autograded/right" / TASK / f"{TASK}.ipynb").stat().st_mtime_ns
    graded = nbgrader(course, "autograde", TASK)
    assert graded.returncode == 0 and "was left unfinished" in graded.stderr
    assert (course / "autograded/right" / TASK / f"{TASK}.ipynb").stat().st_mtime_ns == before
    assert verdicts(course, "nothing")["questions"]["vae_loss"]["state"] == "not attempted"
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("kl_divergence", TASK, TASK, "wrong")
        assert (grade.auto_score, grade.manual_score, grade.needs_manual_grade) == (0.5, 2.5, True)
        assert gradebook.find_grade("reconstruction_loss", TASK, TASK, "wrong").extra_credit == 0.5
        assert gradebook.find_comment("why_not_ae", TASK, TASK, "wrong").manual_comment == "Well said."


BROKEN = """
import sys
from autograder import keys
from nbgrader.apps import NbGraderApp

draw = keys.draw_key
def failing(question, *arguments, **options):
    assert question.name != "kl_divergence", "a bug"
    return draw(question, *arguments, **options)
keys.draw_key = failing
NbGraderApp.launch_instance(sys.argv[1:])
"""


def test_after_an_error_of_ours_all_is_saved_and_the_exit_status_tells(course, tmp_path):
    copied = shutil.copytree(course, tmp_path / "course")
    done = nbgrader(copied, "autograde", TASK, "--force", "--student=right", run=("-c", BROKEN))
    assert done.returncode == 1 and "Needs grading by hand after an internal error, see above: right: kl_divergence" \
        in done.stderr
    assert scores(copied)["right"]["kl_divergence"] == (0, True)
    assert scores(copied)["right"]["vae_loss"] == (2, False)
    assert verdicts(copied, "right")["questions"]["kl_divergence"]["hint"] == judge.INTERNAL


def test_without_a_sandbox_nothing_is_graded_unless_that_is_allowed(course, monkeypatch):
    monkeypatch.setattr(sandbox, "available", lambda: "bwrap is missing.")
    with pytest.raises(plugins.NbGraderException, match="allow_unsandboxed = True"):
        plugins.Judge().manager()
    assert plugins.Judge(allow_unsandboxed=True).manager() is sandbox.UnsandboxedKernelManager


@pytest.mark.filterwarnings("ignore:Object of type")     # nbgrader's own, when it adds a submission
def test_points_of_an_extra_question_are_extra_credit_that_a_person_can_change():
    with Gradebook("sqlite:///:memory:") as gradebook:
        gradebook.add_assignment("task2_cvae")
        gradebook.add_notebook("task2_cvae", "task2_cvae")
        gradebook.add_grade_cell("label_embedding", "task2_cvae", "task2_cvae", max_score=0, cell_type="code")
        gradebook.add_student("ada")
        gradebook.add_submission("task2_cvae", "ada")
        metadata = small_task.mark("label_embedding", grade=True, points=0)
        cell = nbformat.v4.new_code_cell("", metadata=metadata)
        result = judge.Result("task2_cvae", "ada", {}, nbformat.v4.new_notebook(cells=[cell]))
        result.verdicts["label_embedding"] = judge.Verdict("label_embedding", "right", 2, 2, {}, [])
        grade = gradebook.find_grade("label_embedding", "task2_cvae", "task2_cvae", "ada")
        plugins.save_grades(gradebook, result, "task2_cvae", {})
        assert (grade.score, grade.auto_score, grade.extra_credit) == (2, 0, 2)
        assert not grade.needs_manual_grade
        former = judge.record(result)
        result.verdicts["label_embedding"] = judge.Verdict("label_embedding", "wrong", 1, 2, {}, [])
        plugins.save_grades(gradebook, result, "task2_cvae", former)
        assert grade.score == 1
        grade.extra_credit = 1.5
        plugins.save_grades(gradebook, result, "task2_cvae", judge.record(result))
        assert grade.score == 1.5


@pytest.mark.filterwarnings("ignore:Object of type")
@pytest.mark.parametrize("repairs, waits", [
    ([], False), ([{"grade_id": "why", "kind": "restored"}], True), ([{"grade_id": None, "kind": "too_large"}], True),
    ([{"grade_id": "other", "kind": "restored"}, {"grade_id": None, "kind": "ids_lost"}], False)])
def test_an_empty_answer_is_closed_unless_a_repair_may_have_lost_it(repairs, waits):
    with Gradebook("sqlite:///:memory:") as gradebook:
        gradebook.add_assignment(TASK)
        gradebook.add_notebook(TASK, TASK)
        gradebook.add_grade_cell("why", TASK, TASK, max_score=3, cell_type="markdown")
        gradebook.add_solution_cell("why", TASK, TASK)
        gradebook.add_source_cell("why", TASK, TASK, cell_type="markdown", source="Write here.")
        gradebook.add_student("ada")
        gradebook.add_submission(TASK, "ada")
        metadata = small_task.mark("why", grade=True, solution=True, points=3)
        cell = nbformat.v4.new_markdown_cell("Write here.", metadata=metadata)
        result = judge.Result(TASK, "ada", {}, nbformat.v4.new_notebook(cells=[cell]))
        plugins.save_grades(gradebook, result, TASK, {}, repairs)
        assert gradebook.find_grade("why", TASK, TASK, "ada").needs_manual_grade is waits


def test_the_secret_is_made_once_and_can_be_given_by_the_environment(tmp_path, monkeypatch):
    first = secret.course_secret(tmp_path)
    assert secret.course_secret(tmp_path) == first and len(first) == 64
    monkeypatch.setenv(secret.VARIABLE, "another")
    assert secret.course_secret(tmp_path) == b"another"
    monkeypatch.delenv(secret.VARIABLE)
    (tmp_path / ".secret").write_bytes(b"")
    with pytest.raises(ValueError, match="holds no secret"):
        secret.course_secret(tmp_path)
