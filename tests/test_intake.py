"""Intake: what platforms hand out arrives in submitted/, and nothing that a student packed does harm."""
import io
import json
import os
import struct
import zipfile
from datetime import datetime, timezone

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.utils import parse_utc

from autograder import intake
from autograder.intake import collect, lines, read_roster, student_id, tidy_submitted

TASKS = {"task1_vae": ("reparameterize", "kl_divergence"), "task2_cvae": ("one_hot", "condition")}


def release(task):
    cells = [new_markdown_cell("# A lesson"),
             new_code_cell("import torch", metadata={"nbgrader": _meta("setup", locked=True)})]
    for name in TASKS[task]:
        cells += [new_code_cell(f"# Question: {name}\ndef {name}(x):\n    raise NotImplementedError",
                                metadata={"nbgrader": _meta(f"{name}_solution", solution=True)}),
                  new_code_cell(f'check("{name}", {name})',
                                metadata={"nbgrader": {**_meta(name, grade=True, locked=True), "points": 2}})]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return new_notebook(cells=cells)


def _meta(grade_id, grade=False, solution=False, locked=False):
    return {"grade_id": grade_id, "grade": grade, "solution": solution, "locked": locked, "schema_version": 3,
            "task": False}


def work(task="task1_vae", answer="return x", bare=False):
    """Bytes of a submission; bare: without ids and nbgrader metadata."""
    notebook = release(task)
    for cell in notebook.cells:
        cell["source"] = cell.source.replace("raise NotImplementedError", answer)
        if bare:
            cell["metadata"] = {}
    return json.dumps(notebook).encode()


@pytest.fixture
def course(tmp_path):
    root = tmp_path / "course"
    for task in TASKS:
        folder = root / "assignments" / task
        folder.mkdir(parents=True)
        nbformat.write(release(task), folder / f"{task}.ipynb")
    return root


def at(day, hour=12):
    return datetime(2024, 3, day, hour, tzinfo=timezone.utc)


def folder_of(root, files):
    """files: path -> bytes, or (bytes, time)."""
    for name, data in files.items():
        data, time = data if isinstance(data, tuple) else (data, at(1))
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (time.timestamp(), time.timestamp()))
    return root


def zip_of(path, files):
    """A zip as platforms make it, with UTC times; files as in folder_of, or (ZipInfo, bytes) pairs."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            data, time = data if isinstance(data, tuple) else (data, at(1))
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.extra = struct.pack("<HHBi", 0x5455, 5, 1, int(time.timestamp()))
            archive.writestr(info, data)
    return path


def packed(files):
    buffer = io.BytesIO()
    zip_of(buffer, files)
    return buffer.getvalue()


def stored(course):
    """(student, task) -> bytes, and every folder holds just the notebook and its time."""
    found = {}
    for folder in (course / "submitted").glob("*/*"):
        assert sorted(p.name for p in folder.iterdir()) == sorted([f"{folder.name}.ipynb", "timestamp.txt"])
        found[folder.parent.name, folder.name] = (folder / f"{folder.name}.ipynb").read_bytes()
    assert not list((course / "submitted").glob(".*"))
    return found


def time_of(course, student, task="task1_vae"):
    text = (course / "submitted" / student / task / "timestamp.txt").read_text()
    return parse_utc(text.strip()).replace(tzinfo=timezone.utc)


def reasons(report):
    return " | ".join(f"{r.source}: {r.reason}" for r in report.refusals)


@pytest.fixture(params=["folder", "zip", "wrapped zip"])
def upload(request, tmp_path):
    def make(files):
        if request.param == "folder":
            return folder_of(tmp_path / "download", files)
        if request.param == "wrapped zip":
            files = {f"download/export/{name}": data for name, data in files.items()}
        return zip_of(tmp_path / "download.zip", files)
    return make


# ---------------------------------------------------------------------------------------- layouts

def test_moodle_folders(course, upload):
    report = collect(upload({
        "Ada Lovelace_101_assignsubmission_file_/Copy of task1_vae.ipynb": (work(), at(2)),
        "Émile Borel_102_assignsubmission_file_/whatever.ipynb": (work(bare=True), at(3)),
        "Émile Borel_102_assignsubmission_onlinetext_/onlinetext.html": b"<p>hello</p>",
    }), course)
    emile = student_id("Émile Borel")
    assert set(stored(course)) == {("Ada_Lovelace", "task1_vae"), (emile, "task1_vae")}
    assert time_of(course, "Ada_Lovelace") == at(2) and time_of(course, emile) == at(3)
    assert report.students == {"Ada Lovelace": "Ada_Lovelace", "Émile Borel": emile}
    assert "onlinetext.html" in reasons(report)


def test_moodle_without_folders_and_two_students_of_one_name(course, upload):
    collect(upload({"Ada Lovelace_101_assignsubmission_file_task1_vae.ipynb": work(),
                    "Ada Lovelace_102_assignsubmission_file_task1_vae.ipynb": work()}), course)
    assert {s for s, _ in stored(course)} == {"Ada_Lovelace-101", "Ada_Lovelace-102"}


def test_moodle_numbers_a_student_anew_in_each_task(course, upload):
    collect(upload({"Ada Lovelace_101_assignsubmission_file_/a.ipynb": work(),
                    "Ada Lovelace_207_assignsubmission_file_/b.ipynb": work("task2_cvae"),
                    "Max Born_208_assignsubmission_file_/b.ipynb": work("task2_cvae")}), course)
    assert set(stored(course)) == {("Ada_Lovelace", "task1_vae"), ("Ada_Lovelace", "task2_cvae"),
                                   ("Max_Born", "task2_cvae")}


def test_moodle_folders_of_newer_versions_end_without_an_underscore(course, upload):
    report = collect(upload({
        "Ada Lovelace_101_assignsubmission_file/Max Born_102_assignsubmission_file_x.ipynb": work()}), course)
    assert set(stored(course)) == {("Ada_Lovelace", "task1_vae")} and not report.refusals


def test_canvas_names_with_late_marker_and_resubmission(course, upload):
    new = work(answer="return 2 * x")
    collect(upload({
        "lovelaceada_12345_67890_task1_vae.ipynb": (work(), at(5)),
        "lovelaceada_12345_67999_task1_vae-1.ipynb": (new, at(5)),
        "bornmax_LATE_12346_67891_task1_vae.ipynb": (work(), at(6)),
    }), course)
    assert stored(course) == {("lovelaceada_12345", "task1_vae"): new, ("bornmax_12346", "task1_vae"): work()}
    assert time_of(course, "bornmax_12346") == at(6)


def test_canvas_may_write_the_late_marker_small(course, tmp_path):
    collect(folder_of(tmp_path / "d", {"bornmax_late_12346_67891_x.ipynb": work(),
                                       "lovelaceada_12345_67890_x.ipynb": work()}), course)
    assert {s for s, _ in stored(course)} == {"bornmax_12346", "lovelaceada_12345"}


def test_gradescope_takes_students_and_times_from_its_own_file(course, upload):
    about = b"""---
submission_11:
  :submitters:
  - :name: Ada Lovelace
    :sid: '4711'
    :email: ada@example.org
  :created_at: 2024-03-09 10:00:00.500000000 Z
submission_12:
  :submitters:
  - :name: Max Born
    :sid:
    :email: max@example.org
  :created_at: 2024-03-10 10:00:00.000000000 Z
"""
    forged = b"submission_13:\n  :submitters:\n  - :sid: '4711'\n  :created_at: 2000-01-01 00:00:00 Z\n"
    collect(upload({"submission_metadata.yml": about, "submission_11/x.ipynb": work(),
                    "submission_12/y.ipynb": work(), "submission_13/submission_metadata.yml": forged,
                    "submission_13/z.ipynb": (work(), at(4))}), course)
    assert {s for s, _ in stored(course)} == {"4711", "max", "submission_13"}
    assert time_of(course, "max") == at(10, 10) and time_of(course, "submission_13") == at(4)


@pytest.mark.parametrize("files", [
    {"Ada Lovelace_11_assignsubmission_file_/x.ipynb": (work(), at(1)),
     "Mallory M_12_assignsubmission_file_/submission_metadata.yml": b"@"},
    {"ada/x.ipynb": (work(), at(1)), "mallory/submission_metadata.yml": b"@"},
    {"export/submission_11/x.ipynb": (work(), at(1)), "submission_metadata.yml": b"@"},
    {"ada.ipynb": (work(), at(1)), "submission_metadata.yml": b"@"}])
def test_only_the_platforms_own_file_is_believed(course, tmp_path, files):
    first = next(part for part in next(iter(files)).split("/") if part != "export")
    forged = f"{first}:\n  :submitters:\n  - :sid: other\n  :created_at: 2000-01-01 00:00:00 UTC\n".encode()
    files = {name: forged if data == b"@" else data for name, data in files.items()}
    report = collect(folder_of(tmp_path / "d", files), course)
    (student, task), = stored(course)
    assert student != "other" and time_of(course, student, task) == at(1)
    assert "submission_metadata.yml: not a notebook" in reasons(report)


def test_plain_folders_and_files(course, upload):
    collect(upload({"ada/task1_vae/x.ipynb": work(), "ada/task2_cvae/x.ipynb": work("task2_cvae"),
                    "max/notebook (1).ipynb": work(), "emmy.ipynb": work(),
                    "kurt_task1_vae.ipynb": work(), "task1_vae-alan.ipynb": work()}), course)
    assert set(stored(course)) == {("ada", "task1_vae"), ("ada", "task2_cvae"), ("max", "task1_vae"),
                                   ("emmy", "task1_vae"), ("kurt", "task1_vae"), ("alan", "task1_vae")}


def test_one_students_folder_in_a_wrapping_folder(course, tmp_path):
    collect(zip_of(tmp_path / "a.zip", {"ada/task1_vae.ipynb": work(),
                                        "ada/task2_cvae.ipynb": work("task2_cvae")}), course)
    assert set(stored(course)) == {("ada", "task1_vae"), ("ada", "task2_cvae")}


def test_a_students_zip_is_opened_and_has_the_platforms_time(course, upload):
    inner = packed({"task1_vae/Copy of task1_vae (2).ipynb": (work(), at(1)), "task1_vae/torch.py": b"evil"})
    report = collect(upload({"Ada Lovelace_101_assignsubmission_file_/work.zip": (inner, at(7)),
                             "Max Born_102_assignsubmission_file_/a.ipynb": work()}), course)
    assert time_of(course, "Ada_Lovelace") == at(7) and "torch.py: not a notebook" in reasons(report)


def test_a_file_named_after_no_student_is_refused(course, tmp_path):
    report = collect(folder_of(tmp_path / "d", {"task1_vae.ipynb": work(), "ada.ipynb": work()}), course)
    assert set(stored(course)) == {("ada", "task1_vae")} and "whose it is" in reasons(report)


# -------------------------------------------------------------------------- which one, which task

def test_the_task_is_read_from_the_text_not_from_the_name(course, tmp_path):
    collect(folder_of(tmp_path / "d", {"ada/task1_vae.ipynb": work("task2_cvae", bare=True),
                                       "max/x.ipynb": work()}), course)
    assert set(stored(course)) == {("ada", "task2_cvae"), ("max", "task1_vae")}


def test_only_answers_tell_the_task_and_a_few_do_not_if_the_name_is_anothers(course, tmp_path):
    (course / "assignments" / "task2_cvae" / "task2_cvae.ipynb").unlink()
    other = json.dumps(new_notebook(cells=[new_code_cell("def kl_divergence(x):\n    return x"), new_code_cell("x")]))
    quoting = release("task2_cvae")
    quoting.cells.append(new_code_cell('check("kl_divergence", x)'))
    report = collect(folder_of(tmp_path / "d", {
        "ada/task1_vae.ipynb": (work(), at(1)), "ada/task2_cvae.ipynb": (work("task2_cvae"), at(2)),
        "max/task3_x.ipynb": work(bare=True), "kim/homework.ipynb": work("task2_cvae"),
        "eva/Task 2.ipynb": b"", "bob/task 2/x.ipynb": json.dumps(quoting).encode(),
        "zoe/task10.ipynb": other.replace("kl_divergence", "AE").encode()}), course)
    assert stored(course) == {("ada", "task1_vae"): work(), ("max", "task1_vae"): work(bare=True)}
    assert reasons(report).count("belongs to none of the tasks task1_vae") == 5
    files = folder_of(tmp_path / "e", {"ada/task2_cvae.ipynb": (work("task2_cvae"), at(3)), "kim/x.ipynb": b""})
    collect(files, course, task="task1_vae")
    assert stored(course)["ada", "task1_vae"] == work() and ("kim", "task1_vae") in stored(course)
    folder_of(course / "submitted", {"ada/task1_vae/task2_cvae.ipynb": (work("task2_cvae"), at(9))})
    tidy_submitted(course)
    assert stored(course)["ada", "task1_vae"] == work()


def test_an_unreadable_notebook_is_taken_by_its_name_or_by_the_task_asked_for(course, tmp_path):
    files = folder_of(tmp_path / "d", {"ada/task1_vae.ipynb": b"", "max/x.ipynb": b"{broken",
                                       "eva/y.ipynb": work()})
    assert "max/x.ipynb: belongs to none" in reasons(collect(files, course))
    noted = "\n".join(collect(files, course, task="task1_vae").notes)
    assert {s for s, _ in stored(course)} == {"ada", "max", "eva"}
    assert "ada/task1_vae: The file is empty" in noted and "eva" not in noted
    assert "max/task1_vae: The file is not a notebook that can be read (its text is malformed)" in noted


def test_notebooks_of_another_task_than_asked_for_are_named(course, tmp_path):
    files = folder_of(tmp_path / "d", {"ada/x.ipynb": work(), "max/x.ipynb": work("task2_cvae")})
    report = collect(files, course, task="task1_vae")
    assert set(stored(course)) == {("ada", "task1_vae")} and "belongs to task2_cvae" in reasons(report)


def test_the_newest_of_several_counts_and_the_others_are_named(course, upload):
    report = collect(upload({"ada/task1_vae.ipynb": (work(), at(2)),
                             "ada/task1_vae (1).ipynb": (work(answer="return 2"), at(4)),
                             "ada/Copy of task1_vae.ipynb": (work(answer="return 3"), at(3)),
                             "max/x.ipynb": work()}), course)
    assert stored(course)["ada", "task1_vae"] == work(answer="return 2")
    assert len(report.refusals) == 2 and "ada's newest upload counts" in reasons(report)


def test_of_two_at_the_same_time_the_one_with_answers_counts(course, upload):
    empty = json.dumps(release("task1_vae")).encode()
    collect(upload({"ada/b.ipynb": empty, "ada/a.ipynb": work(), "ada/c.ipynb": empty,
                    "max/x.ipynb": work()}), course)
    assert stored(course)["ada", "task1_vae"] == work()


def test_a_newer_upload_replaces_and_keeps_the_former(course, tmp_path):
    new = work(answer="return 2")
    collect(folder_of(tmp_path / "1", {"ada/x.ipynb": (work(), at(2))}), course)
    report = collect(folder_of(tmp_path / "2", {"ada/x.ipynb": (new, at(3))}), course)
    assert [a.action for a in report.arrivals] == ["replaced"] and stored(course)["ada", "task1_vae"] == new
    former = course / "archive" / "submitted" / "ada" / "task1_vae" / "1"
    assert (former / "task1_vae.ipynb").read_bytes() == work()
    report = collect(folder_of(tmp_path / "1", {"ada/x.ipynb": (work(), at(2))}), course)
    assert "not newer" in reasons(report) and stored(course)["ada", "task1_vae"] == new


def test_collecting_twice_changes_nothing(course, upload):
    files = upload({"ada/x.ipynb": work(), "max/x.ipynb": work()})
    collect(files, course)
    report = collect(files, course)
    assert {a.action for a in report.arrivals} == {"unchanged"} and not report.refusals


# --------------------------------------------------------------------------------------- students

def test_ids_are_what_nbgrader_takes():
    assert student_id("O'Neil+/..\\[x]*").startswith("O_Neil_.._x-") and student_id("Ada Lovelace") == "Ada_Lovelace"
    assert student_id("../../etc").startswith("etc-") and student_id("..").startswith("student-")
    assert student_id("李小龙").startswith("student-") and student_id("李小龙") != student_id("李大龙")


def test_names_that_become_the_same_id_stay_apart(course, tmp_path):
    collect(folder_of(tmp_path / "d", {f"{name}/x.ipynb": work() for name in ("a+b", "a*b", "A_B")}), course)
    assert len({s.casefold() for s, _ in stored(course)}) == 3


def test_an_id_does_not_depend_on_who_else_is_there(course, tmp_path):
    nfd, one, two = "Jose\u0301", work(answer="return 1"), work(answer="return 2")
    collect(folder_of(tmp_path / "1", {"Jose/x.ipynb": work(), "José/x.ipynb": (one, at(2))}), course)
    collect(folder_of(tmp_path / "2", {f"{nfd}/x.ipynb": (two, at(3)), "kim/x.ipynb": work()}), course)
    assert stored(course) == {("Jose", "task1_vae"): work(), ("kim", "task1_vae"): work(),
                              (student_id("José"), "task1_vae"): two}
    assert student_id(nfd) == student_id("José")


def test_an_upload_does_not_replace_another_students(course, tmp_path):
    collect(folder_of(tmp_path / "1", {"Ada Lovelace/x.ipynb": work(), "kim/x.ipynb": work()}), course)
    new = work(answer="return 1")
    files = folder_of(tmp_path / "2", {"Ada_Lovelace/x.ipynb": (new, at(3)), "kim/x.ipynb": work()})
    report = collect(files, course)
    assert stored(course)["Ada_Lovelace", "task1_vae"] == work()
    assert "came from Ada Lovelace, and this from Ada_Lovelace" in reasons(report)
    collect(files, course, roster={"adalovelace": "Ada_Lovelace"})
    assert stored(course)["Ada_Lovelace", "task1_vae"] == new
    for day, number in ((4, 101), (5, 102)):
        name = f"Max Born_{number}_assignsubmission_file_/x.ipynb"
        report = collect(folder_of(tmp_path / str(day), {name: (work(answer=f"return {day}"), at(day))}), course)
    assert "number 102, before under 101" in report.notes[0]


@pytest.mark.parametrize("text", [
    "id,First name,Last name\nal123,Ada,Lovelace\n", "Student ID;Nachname;Vorname\nal123;Lovelace;Ada\n",
    "\ufeffID\tFull name\nal123\tAda Lovelace\n"])
def test_a_roster_may_call_its_columns_what_it_likes(tmp_path, text):
    (tmp_path / "roster.csv").write_text(text, encoding="utf-8")
    assert read_roster(tmp_path / "roster.csv")["adalovelace"] == "al123"


def test_a_roster_may_be_saved_by_an_old_spreadsheet(tmp_path):
    (tmp_path / "roster.csv").write_bytes("id,name\nj1,José Núñez\n".encode("cp1252"))
    assert read_roster(tmp_path / "roster.csv")["josenunez"] == "j1"


def test_a_roster_without_ids_or_that_is_not_there_is_refused_with_a_reason(tmp_path):
    (tmp_path / "roster.csv").write_text("number,name\n1,Ada\n")
    with pytest.raises(ValueError, match="a column `id` or `student_id`; it has number, name"):
        read_roster(tmp_path / "roster.csv")
    with pytest.raises(ValueError, match="cannot be read"):
        read_roster(tmp_path / "none.csv")


def test_a_roster_that_fits_nobody_and_one_that_is_left_out_are_told(course, tmp_path):
    files = folder_of(tmp_path / "d", {"ada/x.ipynb": work()})
    report = collect(files, course, roster={"maxborn": "mb9"})
    assert report.notes[-1].startswith("nobody here is in the roster")
    assert not any("two ids" in note for note in report.notes)
    assert collect(files, course).notes[-1].startswith("earlier uploads were collected with --roster")


def test_an_archive_without_files_is_told(course, tmp_path):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    assert "holds no files" in collect(tmp_path / "empty.zip", course).notes[0]


def test_a_roster_names_students(course, tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text("id,first_name,last_name,email\nal123,Ada,Lovelace,ada@x.org\nmb9,Max,Born,max@x.org\n")
    report = collect(folder_of(tmp_path / "d", {
        "Ada Lovelace_101_assignsubmission_file_/x.ipynb": work(), "bornmax_5_6_x.ipynb": work(),
        "stranger/x.ipynb": work()}), course, roster=read_roster(roster))
    assert {s for s, _ in stored(course)} == {"al123", "mb9", "stranger"}
    assert report.notes == ["stranger is not in the roster"]


# ---------------------------------------------------------------------------------------- hostile

def test_foreign_files_are_refused_with_a_line_each(course, upload):
    names = ["torch.py", "sitecustomize.py", "utils/__init__.py", "timestamp.txt", "data.pkl"]
    litter = dict.fromkeys(["__MACOSX/ada/._x.ipynb", "ada/.DS_Store"], b"x")
    report = collect(upload({**{f"ada/{n}": b"x" for n in names}, **litter,
                             "ada/x.ipynb": (work(), at(3)), "max/x.ipynb": work()}), course)
    assert len(report.refusals) == len(names) and all(n in reasons(report) for n in names)
    assert time_of(course, "ada") == at(3)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
def test_symbolic_links_are_refused(course, tmp_path):
    secret = folder_of(tmp_path / "secret", {"x.ipynb": work()})
    files = folder_of(tmp_path / "d", {"max/x.ipynb": work(), "ada/y.txt": b""})
    (files / "ada" / "x.ipynb").symlink_to(secret / "x.ipynb")
    (files / "eve").symlink_to(secret)
    link = zipfile.ZipInfo("ada/link.ipynb")
    link.external_attr = 0o120777 << 16
    folder_of(files, {"kurt/a.zip": packed({link: str(secret / "x.ipynb").encode()})})
    report = collect(files, course)
    assert {s for s, _ in stored(course)} == {"max"} and reasons(report).count("a symbolic link") == 3


def test_paths_that_leave_the_archive_are_refused(course, tmp_path):
    names = ["../../evil/x.ipynb", "/etc/x.ipynb", "C:\\evil\\x.ipynb", "ada/../../x.ipynb", "..\\x.ipynb"]
    files = {**dict.fromkeys(names, work()), "max/x.ipynb": work()}
    report = collect(zip_of(tmp_path / "a.zip", files), course)
    assert {s for s, _ in stored(course)} == {"max"}
    assert reasons(report).count("leaves the archive") == len(names)


def test_a_students_zip_cannot_speak_for_another_student(course, tmp_path):
    name = "Max Born_102_assignsubmission_file_/x.ipynb"
    collect(folder_of(tmp_path / "d", {"max born/x.ipynb": work(), f"eve/{name}": work(answer="return 0"),
                                       "kurt.zip": packed({name: work(answer="return 1")})}), course)
    assert {s for s, _ in stored(course)} == {"max_born", "eve", "kurt"}
    assert stored(course)["max_born", "task1_vae"] == work()


NAMES = ["Ada Lovelace_11_assignsubmission_file_x", "lovelaceada_101_5001_x", "lovelaceada_LATE_101_5001_x", "_11",
         "Ada_101_assignsubmission_file_x", "submission_11", "_11_assignsubmission_file_x", "101_5001_x", "x-99"]


@pytest.mark.parametrize("theirs, hers", [
    ("Mallory M_12_assignsubmission_file_", "Ada Lovelace_11_assignsubmission_file_"),
    ("mallorym_102_5002_", "lovelaceada_101_5001_"), ("mallorym_LATE_102_5002_", "lovelaceada_101_5001_")])
def test_a_file_name_cannot_make_an_upload_somebody_elses(course, tmp_path, theirs, hers):
    (tmp_path / "roster.csv").write_text("id,name,moodle,canvas,login\nada,Ada Lovelace,11,101,lovelaceada\n"
                                         "mallory,Mallory M,12,102,mallorym\n")
    files = {f"{theirs}{name}.ipynb": (work(answer=f"return {n}"), at(9)) for n, name in enumerate(NAMES)}
    files = folder_of(tmp_path / "d", {f"{hers}task1_vae.ipynb": (work(), at(1)), **files})
    report = collect(files, course, roster=read_roster(tmp_path / "roster.csv"))
    assert {s for s, _ in stored(course)} == {"ada", "mallory"} and "ada's newest upload" not in reasons(report)
    assert stored(course)["ada", "task1_vae"] == work()


def test_a_file_that_was_downloaded_and_handed_in_again_stays_hers(course, tmp_path):
    again = "Ada Lovelace_11_assignsubmission_file_task1_vae.ipynb"
    collect(folder_of(tmp_path / "d", {f"Ada Lovelace_77_assignsubmission_file_{again}": work(),
                                       "Max Born_78_assignsubmission_file_x.ipynb": work()}), course)
    assert {s for s, _ in stored(course)} == {"Ada_Lovelace", "Max_Born"}


def test_an_archive_is_not_opened_for_each_of_its_files(course, tmp_path, monkeypatch):
    inner = packed({f"{n}.ipynb": work(answer=f"return {n}") for n in range(20)})
    files = zip_of(tmp_path / "a.zip", {f"{name}/x.zip": inner for name in ("ada", "eve", "max")})
    opened = []

    class Counted(zipfile.ZipFile):
        def __init__(self, *args, **kwargs):
            opened.append(args)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(zipfile, "ZipFile", Counted)
    collect(files, course)
    assert {s for s, _ in stored(course)} == {"ada", "eve", "max"}
    assert len(opened) <= 1 + 3 * 3                       # of a student's: to list, to look into, to store


def test_what_is_too_much_of_one_student_takes_nothing_from_the_others(course, upload, monkeypatch):
    monkeypatch.setattr(intake, "MAX_NOTEBOOKS", 3)
    report = collect(upload({"ada/x.ipynb": work(), "max/x.ipynb": work(),
                             "eve/x.zip": packed({f"{n}.ipynb": work(answer=f"return {n}") for n in range(9)})}),
                     course)
    assert set(stored(course)) == {(name, "task1_vae") for name in ("ada", "eve", "max")}
    assert len(report.refusals) == 2 + 1 and "eve handed in more than 3 notebooks" in reasons(report)
    assert "this and 5 more were not looked at" in reasons(report)


def test_too_many_bytes_of_one_student_take_nothing_from_the_others(course, upload, monkeypatch):
    monkeypatch.setattr(intake, "MAX_TOTAL", 2 * 10**6)
    big = {f"{n}.ipynb": b" " * 900_000 for n in range(5)}
    report = collect(upload({"ada/x.ipynb": work(), "eve/x.zip": packed(big), "max/x.ipynb": work()}), course)
    assert set(stored(course)) == {("ada", "task1_vae"), ("max", "task1_vae")}
    assert reasons(report).count("eve handed in more than") == 1


def test_the_files_of_a_class_are_not_counted(course, upload, monkeypatch):
    monkeypatch.setattr(intake, "MAX_FILES", 3)
    collect(upload({f"student{n}/x.ipynb": work() for n in range(5)}), course)
    assert len(stored(course)) == 5


@pytest.mark.parametrize("error", [RecursionError, MemoryError, KeyError])
def test_a_notebook_that_cannot_be_looked_into_is_noted_and_stops_no_other(course, tmp_path, monkeypatch, error):
    def rebuild(released, notebook):
        if any("bomb" in cell.source for cell in notebook.cells):
            raise error
        return original(released, notebook)

    original = intake.rebuild
    monkeypatch.setattr(intake, "rebuild", rebuild)
    bomb = work(answer="bomb")
    report = collect(folder_of(tmp_path / "d", {"ada/task1_vae.ipynb": work(), "eve/task1_vae.ipynb": bomb,
                                                "kim/x.ipynb": bomb, "max/x.ipynb": work()}), course)
    assert {s for s, _ in stored(course)} == {"ada", "eve", "max"}
    assert report.notes == [f"eve/task1_vae: The notebook cannot be looked into ({error.__name__})."]
    assert f"kim/x.ipynb: belongs to none of the tasks task1_vae, task2_cvae by its name. The notebook cannot " \
           f"be looked into ({error.__name__})." in reasons(report)
    left = course / "submitted" / "kim" / "x.ipynb"
    folder_of(course / "submitted", {"kim/x.ipynb": bomb, "zoe/x.ipynb": work()})
    report = tidy_submitted(course)
    assert [note.partition(":")[0] for note in report.notes] == ["kim/x.ipynb"]     # eve's alone is compared with none
    assert left.read_bytes() == bomb
    left.unlink()
    assert {s for s, _ in stored(course)} == {"ada", "eve", "max", "zoe"}


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_packed_in_a_rare_way_is_refused_unread(course, tmp_path, kind):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", kind) as archive:
        archive.writestr("x.ipynb", work())
    report = collect(folder_of(tmp_path / "d", {"ada.ipynb": work(), "eve.zip": (tmp_path / "x.zip").read_bytes()}),
                     course)
    assert {s for s, _ in stored(course)} == {"ada"} and "eve.zip/x.ipynb: packed in a way" in reasons(report)


def test_archive_bombs_are_refused_unread(course, tmp_path, monkeypatch):
    bomb = packed({"x.ipynb": b" " * 20_000_000})
    deep = packed({"x.zip": packed({"x.ipynb": work()})})
    files = folder_of(tmp_path / "d", {"ada.zip": bomb, "max.zip": deep, "eva.ipynb": work(),
                                       "bad.zip": b"PK junk"})
    report = collect(files, course)
    assert {s for s, _ in stored(course)} == {"eva"}
    assert all(r in reasons(report) for r in ("archive bomb", "inside an archive inside", "not an archive"))
    monkeypatch.setattr(intake, "MAX_FILES", 3)
    many = folder_of(tmp_path / "e", {"kim.zip": packed({f"{i}.ipynb": b"" for i in range(4)})})
    assert "more than 3 files" in reasons(collect(many, course))


def test_a_lying_archive_is_refused(course, tmp_path):
    data = bytearray(packed({"x.ipynb": work()}))
    size = data.rindex(b"PK\x01\x02") + 24                        # in the directory: the size when unpacked
    data[size:size + 4] = struct.pack("<I", 10)
    report = collect(folder_of(tmp_path / "d", {"ada.zip": bytes(data), "max.ipynb": work()}), course)
    assert {s for s, _ in stored(course)} == {"max"} and "ada.zip/x.ipynb: cannot be read" in reasons(report)


def test_encrypted_entries_are_refused(course, tmp_path):
    data = bytearray(packed({"x.ipynb": work()}))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1            # the flag of an encrypted entry
    report = collect(folder_of(tmp_path / "d", {"ada.zip": bytes(data), "max.ipynb": work()}), course)
    assert {s for s, _ in stored(course)} == {"max"} and "encrypted" in reasons(report)


def test_a_file_beyond_the_limit_is_refused(course, tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "MAX_BYTES", 2000)
    files = folder_of(tmp_path / "d", {"ada.ipynb": work() + b" " * 2000, "max.ipynb": b"{}"})
    report = collect(files, course, task="task1_vae")
    assert {s for s, _ in stored(course)} == {"max"} and "larger than" in reasons(report)


def test_names_cannot_steer_the_terminal(course, tmp_path):
    report = collect(zip_of(tmp_path / "a.zip", {"ada/\x1b[2Jx.py": b"", "ada/x.ipynb": work()}), course)
    assert "\x1b" not in "".join(lines(report))


def test_what_cannot_be_used_at_all_says_what_to_do(course, tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        collect(tmp_path / "nothing", course)
    (tmp_path / "a.tar.gz").write_bytes(b"x")
    with pytest.raises(ValueError, match="Unpack it"):
        collect(tmp_path / "a.tar.gz", course)
    whole = zip_of(tmp_path / "whole.zip", {"ada/x.ipynb": work()}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(ValueError, match="may be cut off: download it again"):
        collect(tmp_path / "cut.zip", course)
    with pytest.raises(ValueError, match="task1_vae"):
        collect(tmp_path, course, task="task9")
    with pytest.raises(ValueError, match="build notebooks"):
        collect(tmp_path, tmp_path / "elsewhere")


def test_a_failed_write_leaves_the_former_submission(course, tmp_path, monkeypatch):
    collect(folder_of(tmp_path / "1", {"ada/x.ipynb": (work(), at(2))}), course)
    files = folder_of(tmp_path / "2", {"ada/x.ipynb": (work(answer="return 2"), at(3))})

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(intake, "_stamp", full)
    with pytest.raises(OSError):
        collect(files, course)
    assert stored(course)["ada", "task1_vae"] == work()


def test_the_report_is_one_line_for_each_thing(course, tmp_path):
    report = collect(folder_of(tmp_path / "d", {"a b/x.ipynb": work(), "a b/x.py": b""}), course)
    text = lines(report)
    assert len(text) == 4 and text[0].startswith("stored    a_b/task1_vae") and "1 notebooks" in text[-1]


# ---------------------------------------------------------------------------------------- by hand

def test_tidying_gives_nbgrader_what_it_expects(course):
    submitted = course / "submitted"
    folder_of(submitted, {
        "ada/task1_vae/Copy of task1_vae (1).ipynb": (work(), at(3)),
        "ada/task1_vae/torch.py": b"evil", "ada/task1_vae/timestamp.txt": b"2000-01-01 00:00:00 UTC",
        "ada/task1_vae/utils/__init__.py": b"evil",
        "max/task1_vae/task1_vae.ipynb": (work(), at(1)),
        "max/task1_vae/new.ipynb": (work(answer="return 2"), at(2)),
        "eva/mine.ipynb": work("task2_cvae"), "k+u/task1_vae/task1_vae.ipynb": work()})
    (submitted / "ada" / "task1_vae" / "gradebook").symlink_to("/etc/passwd")
    report = tidy_submitted(course)
    assert stored(course) == {("ada", "task1_vae"): work(), ("max", "task1_vae"): work(answer="return 2"),
                              ("eva", "task2_cvae"): work("task2_cvae"),
                              (student_id("k+u"), "task1_vae"): work()}
    assert time_of(course, "ada") == at(3)
    aside = {p.name for p in (course / "archive" / "submitted" / "ada").rglob("*")}
    assert {"torch.py", "timestamp.txt", "utils", "gradebook"} <= aside
    former = course / "archive" / "submitted" / "max" / "task1_vae" / "1" / "task1_vae.ipynb"
    assert former.read_bytes() == work()
    assert report.students == {"k+u": student_id("k+u")} and "torch.py" in reasons(report)
    again = tidy_submitted(course)
    assert not again.arrivals and not again.refusals


def test_tidying_looks_again_only_into_notebooks_that_are_new(course, monkeypatch):
    folder_of(course / "submitted", {f"{student}/task1_vae/task1_vae.ipynb": work() for student in ("ada", "max")})
    tidy_submitted(course)
    seen = []
    look = intake._task_of
    monkeypatch.setattr(intake, "_task_of", lambda data, parts, *more, **options:
                        seen.append(parts[-3]) or look(data, parts, *more, **options))
    (course / "submitted/max/task1_vae/task1_vae.ipynb").write_bytes(work(answer="return 2"))
    tidy_submitted(course)
    assert seen == ["max"]
    (course / "submitted/ada/task1_vae/timestamp.txt").write_bytes(b"2000-01-01 00:00:00 UTC")
    (course / "submitted/max/task1_vae/extra.txt").write_bytes(b"")
    assert "extra.txt" in reasons(tidy_submitted(course))
    assert seen == ["max", "ada", "max"] and time_of(course, "ada").year > 2000


def test_tidying_sets_the_other_files_of_a_task_aside_in_one_place(course):
    names = {f"{n}.txt" for n in range(20)}
    folder_of(course / "submitted" / "ada" / "task1_vae", {**dict.fromkeys(names, b""), "task1_vae.ipynb": work()})
    report = tidy_submitted(course)
    shelf, = (course / "archive" / "submitted" / "ada" / "task1_vae").iterdir()
    assert {path.name for path in shelf.iterdir()} == names and len(report.refusals) == 20


def test_tidying_leaves_what_was_collected_with_its_time(course, tmp_path):
    collect(folder_of(tmp_path / "d", {"ada/x.ipynb": (work(), at(5))}), course)
    os.utime(course / "submitted" / "ada" / "task1_vae" / "task1_vae.ipynb")
    report = tidy_submitted(course)
    assert not report.refusals and not report.arrivals and time_of(course, "ada") == at(5)


def test_tidying_keeps_a_notebook_that_cannot_be_read(course):
    folder_of(course / "submitted", {"ada/task1_vae/x.ipynb": b"{broken"})
    tidy_submitted(course)
    assert stored(course) == {("ada", "task1_vae"): b"{broken"}
