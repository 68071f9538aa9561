"""The instructor's report on a class."""

import csv
import re
import time
import xml.etree.ElementTree

import numpy as np
import pytest

import made_up
from autograder import report
from autograder.__main__ import main
from test_feedback import Tags, text

STATES = {      # student -> question -> state
    "ada": {},
    "ben": {"reparameterize": ("wrong", "variance_for_std"), "vae": ("error",)},
    "cleo": {"reparameterize": ("wrong", "variance_for_std"), "latent_grid": ("wrong", "ends"),
             "vae": ("wrong",)},
    "dana": {"reparameterize": ("wrong", "no_noise"), "generate": ("out of time",)},
    "eli": dict.fromkeys(made_up.CRITERIA, ("not attempted",)),
}
REPAIR = {"grade_id": "vae", "kind": "copy_dropped",
          "sentence": "A copy of the check cell of `vae` was left out."}
DAMAGE = {"grade_id": None, "kind": "damaged", "sentence": "The file is damaged after cell 9."}


def class_of(course, records):
    made_up.gradebook(course, records)
    for record in records.values():
        made_up.put(course, record)
    return records


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = tmp_path_factory.mktemp("course")
    slow = {"start": 1, "cells": 70, "checks": 1, "judging": 1, "total": 73.25}
    changes = {"ben": {"repairs": [REPAIR], "seconds": slow},
               "cleo": {"repairs": [REPAIR, DAMAGE]}, "dana": {"failed": ["vae"]},
               "eli": {"notes": ["A cell was stopped and left out (`while True`)."]}}
    class_of(course, {name: made_up.record(name, states, **changes.get(name, {}))
                      for name, states in STATES.items()})
    (course / "submitted" / "finn" / made_up.TASK).mkdir(parents=True)
    (course / "submitted" / "finn" / made_up.TASK / f"{made_up.TASK}.ipynb").write_text("{}")
    (course / "solutions" / made_up.TASK).mkdir(parents=True)
    assert main(["report", made_up.TASK, "--root", str(course)]) == 0
    return course


@pytest.fixture(scope="module")
def html(course):
    return (course / "reports" / f"{made_up.TASK}.html").read_text()


def part(html, heading):
    return html.split(f"<h2>{heading}</h2>")[1].split("</section>")[0]


def table(course, name):
    with open(course / "reports" / f"{made_up.TASK}.{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_misconceptions_are_ranked_with_their_hints_and_students(html):
    rows = re.findall("<tr><td>.*?</tr>", part(html, "Misconceptions"), re.DOTALL)
    assert "2 ben, cleo reparameterize variance_for_std" in text(rows[0])
    assert made_up.HINTS["reparameterize"]["variance_for_std"] in text(rows[0])
    assert {"1 dana reparameterize no_noise", "1 cleo latent_grid ends"} == {
        re.match(r"1 \w+ \w+ \w+", text(row))[0] for row in rows[1:3]}
    assert "Wrong in ways that have no name yet" in text(rows[2] + html.split(rows[2])[1])


def test_statistics_of_a_question(course):
    rows = {row["question"]: row for row in table(course, "questions")}
    assert float(rows["reparameterize"]["mean"]) == pytest.approx((3 + 0.5 + 0.5 + 0.5 + 0) / 5)
    assert float(rows["reparameterize"]["not_attempted"]) == pytest.approx(1 / 5)
    assert float(rows["reparameterize"]["full"]) == pytest.approx(1 / 5)
    assert rows["reparameterize"]["discrimination"] == ""       # of five students


def test_discrimination_of_ten_students_is_a_correlation_in_four_decimals(tmp_path):
    class_of(tmp_path, {f"s{i}": made_up.record(f"s{i}", states)
                        for i, states in enumerate([*STATES.values(), *STATES.values()])})
    assert main(["report", made_up.TASK, "--root", str(tmp_path)]) == 0
    rows = {row["question"]: row for row in table(tmp_path, "questions")}
    scores = np.array([[float(row[name]) for name in made_up.CRITERIA] for row in table(tmp_path, "scores")])
    expected = np.corrcoef(scores[:, 0], scores[:, 1:].sum(1))[0, 1]
    assert float(rows["reparameterize"]["discrimination"]) == round(expected, 4)


def test_written_answers_that_wait_do_not_count_as_lost(course, html):
    assert {row["why_not_ae"] for row in table(course, "scores")} == {""}
    assert re.search(r"mean score \(without \d+ points for answers that wait to be read\)", text(html))
    assert "10 written answers have still to be read" in text(part(html, "Scores"))
    assert ">unread<" in part(html, "Scores")
    rows = {row["question"]: row for row in table(course, "questions")}
    assert rows["why_not_ae"]["mean"] == rows["why_not_ae"]["discrimination"] == ""


def test_discrimination_of_a_constant_question_is_none():
    assert report.correlation(np.ones(5), np.arange(5.0)) is None
    assert report.correlation(np.arange(5.0), -np.arange(5.0)) == pytest.approx(-1)


def test_what_could_not_be_graded_in_full_is_listed_with_the_reason(course):
    rows = {(row["student"], row["question"]): row["reason"] for row in table(course, "problems")}
    assert rows["finn", ""].startswith("Not graded: run `nbgrader autograde task1_vae --student finn`")
    assert rows["eli", ""] == "A cell was stopped and left out (`while True`)."
    assert rows["cleo", ""] == DAMAGE["sentence"]
    assert rows["dana", "generate"] == "Your code took longer than 60 s."
    assert ("dana", "vae") in rows and not any(student in ("ada", "ben") for student, _ in rows)


def test_slow_submissions_and_repairs_are_shown(course, html):
    assert "ben 73.25 1.00 70.00" in text(part(html, "Slowest submissions"))
    repaired = text(part(html, "Repaired when notebooks were rebuilt"))
    assert "2 ben, cleo A copy of the check cell of vae was left out." in repaired
    assert {(row["student"], row["kind"]) for row in table(course, "repairs")} == {
        ("ben", "copy_dropped"), ("cleo", "copy_dropped"), ("cleo", "damaged")}


def test_the_plots_are_drawings_inside_the_page(html):
    plots = re.findall("<svg.*?</svg>", html, re.DOTALL)
    assert len(plots) == 2
    names = [set(re.findall(r'\bid="([^"]+)"', plot)) for plot in plots]
    assert names[0] and not names[0] & names[1]
    for plot in plots:
        root = xml.etree.ElementTree.fromstring(plot)
        used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', plot))
        assert {a or b for a, b in used} <= {one.get("id") for one in root.iter()}
        assert report.INK not in plot and "currentColor" in plot
    assert "kl_divergence" in plots[1]


def test_the_report_needs_no_network_and_runs_nothing(tmp_path):
    attack = "<script>alert(1)</script>[x](javascript:alert(1))"
    class_of(tmp_path, {attack[:20].replace("/", ""): made_up.record(
        attack[:20].replace("/", ""), {"vae": ("error", None, attack)}, notes=[attack],
        repairs=[{"grade_id": None, "kind": "x", "sentence": attack}])})
    output = ["--output", str(tmp_path / "out" / "r.html")]
    assert main(["report", made_up.TASK, "--root", str(tmp_path), *output]) == 0
    html = (tmp_path / "out" / "r.html").read_text()
    tags = Tags(html)
    assert "script" not in tags.elements and "link" not in tags.elements
    assert not any(name.startswith("on") or name == "src" for _, name, _ in tags.attributes)
    assert all(value.startswith("#") for _, name, value in tags.attributes if name in ("href", "xlink:href"))


def test_no_table_cell_is_a_formula_of_a_spreadsheet(tmp_path):
    row = {"hint": '=HYPERLINK("http://evil.example")', "points": -1.5}
    report.write_csv(tmp_path / "x.csv", [row], ("hint", "points"))
    assert (tmp_path / "x.csv").read_text().splitlines()[1] == '"\'=HYPERLINK(""http://evil.example"")",-1.5'


def test_a_table_without_rows_has_its_header(tmp_path):
    report.write_csv(tmp_path / "x.csv", [], ("student", "reason"))
    assert (tmp_path / "x.csv").read_text().strip() == "student,reason"


@pytest.mark.parametrize("task, message", [("task9", "There is no task 'task9'"),
                                           ("task1_vea", "Did you mean task1_vae?"),
                                           ("task2_cvae", "run `nbgrader generate_assignment task2_cvae`"),
                                           ("task1_vae", "run `nbgrader autograde task1_vae` first")])
def test_nothing_to_report_on_is_said_clearly(tmp_path, capsys, task, message):
    for place in ("source/task1_vae", "source/task2_cvae", "release/task1_vae"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "nbgrader_config.py").touch()
    assert main(["report", task, "--root", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_a_damaged_record_is_named(tmp_path, capsys):
    made_up.put(tmp_path, made_up.record())
    path = tmp_path / "autograded" / "ada" / made_up.TASK / f"{made_up.TASK}.verdicts.json"
    path.write_text(path.read_text()[:100])
    assert main(["report", made_up.TASK, "--root", str(tmp_path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_records_without_a_gradebook_are_reported_as_such(tmp_path):
    made_up.put(tmp_path, made_up.record())
    assert main(["report", made_up.TASK, "--root", str(tmp_path)]) == 0
    assert "Not in the gradebook" in table(tmp_path, "problems")[0]["reason"]
    assert table(tmp_path, "scores")[0]["total"] == "22.0"


def test_the_late_penalty_is_subtracted(tmp_path):
    from nbgrader.api import Gradebook
    address = made_up.gradebook(tmp_path, {"ada": made_up.record()})
    made_up.put(tmp_path, made_up.record())
    with Gradebook(address) as book:
        book.find_submission_notebook(made_up.TASK, made_up.TASK, "ada").late_submission_penalty = 2.5
        book.db.commit()
    assert main(["report", made_up.TASK, "--root", str(tmp_path)]) == 0
    assert table(tmp_path, "scores")[0]["total"] == "19.5"


def test_a_large_class_takes_no_query_for_each_student(tmp_path, monkeypatch):
    import sqlalchemy

    states = [{}, {"vae": ("wrong",)}, dict.fromkeys(made_up.CRITERIA, ("not attempted",))]
    class_of(tmp_path, {f"s{i:03d}": made_up.record(f"s{i:03d}", states[i % 3]) for i in range(300)})
    queries = []
    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "before_cursor_execute",
                            lambda *call: queries.append(call[2]))
    started = time.process_time()
    assert main(["report", made_up.TASK, "--root", str(tmp_path)]) == 0
    assert time.process_time() - started < 10
    assert len([query for query in queries if query.startswith("SELECT student") or "FROM submitted" in query
                or "FROM grade" in query or "FROM comment" in query]) == 3
    assert len(table(tmp_path, "scores")) == 300
