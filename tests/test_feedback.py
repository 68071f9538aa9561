"""The page that a student gets back."""

import base64
import datetime
import io
import re
import struct
import time
import unicodedata
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

import made_up
from autograder import feedback, page
from autograder.marks import Mark, Marks, read_marks

REPOSITORY = Path(__file__).resolve().parent.parent
ATTACKS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "</pre></main><iframe src='http://evil.example'>", "[x](javascript:alert(1))",
    "[x](JaVa&#x53;cript:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](  vbscript:x)",
    "![x](http://evil.example/x.png)", "<javascript:alert(1)>", "[x]: javascript:alert(1)\n\n[x]",
    "[x](http://a.example/\"onmouseover=alert(1))", "$<script>alert(1)</script>$",
    "$$\n</title><script>\n$$", "```html\n<script>alert(1)</script>\n```", "{{ 7 * 191 }}{% raw %}",
    "`<b>`", "# <svg onload=alert(1)>", "<style>*{display:none}</style>", "&lt;script&gt;",
    "a | b\n--|--\n<script> | <b>", "\u202e\x00'\"><b>", "\x1b]8;;http://evil.example\x07\x9b2J"]


class Tags(HTMLParser):
    """All elements and attributes of a page, as a browser sees them."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.attributes, self.text = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.text.append(data)


ELEMENTS = set("html head meta title style body main h1 h2 h3 h4 p div span strong a i b em code pre table thead "
               "tbody tr td th section ul ol li figure img svg path br hr del blockquote".split())


def assert_is_inert(html):
    """No script, no handler, nothing that is loaded from elsewhere, no link but to web pages."""
    tags = Tags(html)
    assert set(tags.elements) <= ELEMENTS
    assert tags.elements.count("style") == 2 and tags.elements.count("main") == 1
    for tag, name, value in tags.attributes:
        assert not name.startswith("on") and name not in ("srcset", "action", "formaction", "poster")
        if name == "src":
            assert tag == "img" and re.match(r"data:image/(png|jpeg);base64,[\w+/=]*$", value)
        if name == "href":
            assert re.match(r"#|https?://|mailto:", value)
    assert "url(" not in html and "@import" not in html
    assert "default-src 'none'" in html
    assert not [c for c in html if c not in "\t\n\r" and unicodedata.category(c) == "Cc" or c in "\u202e\u2066"]


def marks(record, **changes):
    """The gradebook's side of a record: its points, with written answers that wait."""
    grades = {}
    for name, points in made_up.NAMES.items():
        judged = record["questions"].get(name)
        earned = judged["points"] if judged else None
        grades[name] = Mark(earned or 0.0, points, earned, None, None, judged is None, judged is None)
    return Marks(record["student"], **{"grades": grades | changes.pop("grades", {}), **changes})


def made(record=None, notebook=None, **changes):
    record = record or made_up.record()
    return feedback.page(record, notebook or made_up.notebook(), marks(record, **changes))


def section(html, name):
    return html.split(f'<section class="card" id="{name}"')[1].split("</section>")[0]


def text(html):
    """What can be read, element by element."""
    return " ".join(" ".join(Tags(html).text).split())


def test_points_are_shown_by_question_and_criterion_with_the_hint():
    record = made_up.record(states={"kl_divergence": ("wrong", "mean_latents")})
    found = text(section(made(record), "kl_divergence"))
    assert "Partly right 0.5 of 3" in found
    assert made_up.HINTS["kl_divergence"]["mean_latents"] in found
    assert "✓ about the interface 0.5 of 0.5" in found and "✗ about the value 0 of 2" in found
    assert "std = torch . exp ( 0.5 * logvar )" in found


def test_a_file_that_could_not_be_read_is_named_first():
    sentence = "The file is not a notebook that can be read (its text is malformed): there is nothing to grade."
    html = made(made_up.record(repairs=[{"grade_id": None, "kind": "unreadable", "sentence": sentence}]))
    assert sentence in html.split('class="score"')[0]
    assert f"Where to look first: your file. {sentence}" in text(html)


def test_the_total_is_what_the_gradebook_says():
    late = dict(handed_in=datetime.datetime(2025, 3, 4, 10), due=datetime.datetime(2025, 3, 2, 9), penalty=2.0)
    found = text(made(grades={"why_not_ae": Mark(2.5, 3, None, 2.5, None, False, True),
                              "beta_effect": Mark(1.0, 3, None, 1.0, None, False, True)}, **late))
    assert "23.5 of 28 points" in found and "so far" not in found
    assert "25.5 points, less 2 because it was handed in 2 days late." in found


def test_what_waits_for_a_person_is_not_counted_as_lost():
    html = made()
    assert "22 of 28 points so far" in text(html)
    assert "Waits to be read by a person –" in text(section(html, "why_not_ae"))


def test_points_that_a_person_gave_and_comments_are_shown():
    html = made(grades={"vae": Mark(3.0, 4, 4.0, 3.0, None, False, False)},
                comments={"vae_solution": "Hard to *read*.", "why_not_ae": "Say why."})
    assert "A person changed the points from 4 to 3." in text(section(html, "vae"))
    assert "Hard to <em>read</em>." in section(html, "vae")
    assert "Say why." in section(html, "why_not_ae")


def test_extra_credit_is_beyond_the_total():
    record = made_up.record()
    record["questions"]["train_vae"]["extra"] = True
    html = made(record, grades={"train_vae": Mark(2.0, 2.0, 0.0, None, 2.0, False, False)})
    assert "22 of 26 points" in text(html)
    assert "+2 extra" in section(html, "train_vae")


def test_a_wrong_core_is_explained():
    record = made_up.record(states={"vae": ("wrong",)})
    record["questions"]["vae"]["points"] = 0.5
    assert "no more than half" in section(made(record), "vae")
    assert "no more than half" not in section(made(record), "generate")


@pytest.mark.parametrize("state, word", [("error", "Stopped with an error"), ("out of time", "Ran out of time"),
                                         ("no answers", "No answers came"), ("not attempted", "Not attempted")])
def test_each_state_has_its_word(state, word):
    found = section(made(made_up.record(states={"generate": (state,)})), "generate")
    assert word in found and "0 of 2" in found


def test_a_stub_is_not_shown_as_the_students_code():
    html = made(made_up.record(states={"generate": ("not attempted",)}))
    assert "Your code" not in section(html, "generate") and "Your code" in section(html, "vae")


def test_an_empty_answer_is_called_so():
    html = made(grades={"why_not_ae": Mark(0.0, 3, 0.0, None, None, False, True)})
    assert "No answer" in section(html, "why_not_ae") and "Your answer" not in section(html, "why_not_ae")


def test_written_answers_and_their_formulas_are_set():
    html = section(made(), "why_not_ae")
    assert "<em>grows</em>" in html and '<svg class="formula"' in html and "Your answer**" not in html


def test_repairs_and_notes_are_told_once():
    repair = {"grade_id": "vae", "kind": "copy_dropped",
              "sentence": "A copy of the check cell of `vae` was left out."}
    html = made(made_up.record(repairs=[repair, repair], notes=["A cell was stopped."]))
    assert html.count("A copy of the check cell of <code>vae</code> was left out.") == 1
    assert html.count("A cell was stopped.") == 1


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_of_a_student_or_grader_becomes_active(attack):
    record = made_up.record(
        student=attack, states={"vae": ("error", None, attack), "generate": ("wrong", None, attack)},
        notes=[attack, f"`{attack}`"], repairs=[{"grade_id": None, "kind": "x", "sentence": attack}])
    notebook = made_up.notebook(codes=dict.fromkeys(made_up.CRITERIA, attack),
                                answers=dict.fromkeys(made_up.WRITTEN, f"{attack}\n\n{attack}"),
                                figures={"vae": [{"image/png": attack, "text/html": attack, "image/svg+xml": attack,
                                                  "text/plain": attack}]})
    notebook.cells[0].source = f"# {attack}"
    html = made(record, notebook, name=attack, comments=dict.fromkeys(["vae_solution", "why_not_ae"], attack))
    assert_is_inert(html)
    assert "1337" not in html


def test_only_harmless_links_are_links():
    assert 'href="https://arxiv.org/abs/1312.6114"' in page.markdown("[paper](https://arxiv.org/abs/1312.6114)")
    for address in ("javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "file:///etc/passwd",
                    "//evil.example", "java\tscript:alert(1)", "&#106;avascript:alert(1)", "https:alert(1)"):
        assert "href" not in page.markdown(f"[paper](<{address}>)")


def test_outputs_of_the_graded_run_are_not_shown():
    notebook = made_up.notebook()
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "vae_solution":
            cell.outputs = [made_up.new_output("display_data", data={"image/png": made_up.picture()}),
                            made_up.new_output("stream", text="SECRET-OF-THE-RUN")]
    assert "SECRET-OF-THE-RUN" in str(notebook)
    html = made(notebook=notebook)
    assert "OUTPUT-OF-A-CHECK" not in html and "SECRET-OF-THE-RUN" not in html and "<img" not in html


def test_the_students_own_figures_stand_at_their_question():
    html = made(notebook=made_up.notebook(figures={
        "": [{"image/png": made_up.picture()}], "vae": [{"image/jpeg": made_up.picture(kind="JPEG")}]}))
    assert section(html, "vae").count('<img src="data:image/jpeg;base64,') == 1
    assert html.count("<img") == 2
    assert_is_inert(html)


def huge_png():
    """A PNG that claims 60,000 x 60,000 pixels."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"0"))
                            + chunk(b"IEND", b"")).decode()


def gif():
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "GIF")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("data", [
    "", "no base64!", base64.b64encode(b"<svg onload=alert(1)>").decode(), huge_png(), gif(),
    base64.b64encode(b"\x89PNG\r\n\x1a\n").decode(), made_up.picture()[:200] + "A" * 2_000_000], ids=range(7))
def test_what_is_no_bounded_picture_is_left_out(data):
    figures = {"vae": [{"image/png": data}, {"image/png": made_up.picture()}]}
    html = made(notebook=made_up.notebook(figures=figures))
    assert html.count("<img") == 1 and "1 more of your figures" in html


def test_the_page_has_a_bounded_size():
    noise = base64.b64encode(Path("/dev/urandom").open("rb").read(600_000)).decode()
    big = base64.b64encode(base64.b64decode(made_up.picture()) + base64.b64decode(noise)).decode()
    html = made(notebook=made_up.notebook(
        figures={"vae": [{"image/png": big}] * 30}, codes={"vae": "x = 1\n" * 100_000},
        answers={"why_not_ae": "word " * 1_000_000}))
    assert len(html) < 9 * 2**20 and "more of your figures" in html and "[The rest is not shown.]" in html


@pytest.mark.parametrize("piece", ["[", "![", "*a ", "$", "`", "> ", "- ", "<a ", "|a|b|\n|-|-|\n", "$\\frac{",
                                   "(" * 10, "_*", "$x^{x}$", "[a](<", "'''", " \n", " \r"])
def test_no_text_holds_the_page_up(piece):
    hostile = piece * (60_000 // len(piece))
    started = time.process_time()
    made(notebook=made_up.notebook(codes={"vae": hostile}, answers={"why_not_ae": hostile}))
    assert time.process_time() - started < 10


def test_folders_and_long_numbers_of_error_messages_are_hidden():
    hint = ("Your code raised FileNotFoundError in line 3 (`open(p)`): /srv/course/gradebook.db, "
            "C:\\Users\\tutor\\key.txt, tensor([0.8731, -1.2345e-05]) of shape (64, 20), mu/2")
    html = section(made(made_up.record(states={"vae": ("error", None, hint)})), "vae")
    for hidden in ("/srv", "course", "tutor", "0.8731", "1.2345"):
        assert hidden not in html
    for kept in ("gradebook.db", "key.txt", "(64, 20)", "mu/2"):
        assert kept in html
    harmless = "see https://pytorch.org/docs/stable and a/b"
    assert feedback.hide(harmless) == harmless


@pytest.mark.parametrize("tex", [r"\frac{1}{2}", r"q(z \mid x)", r"\sum_{j=1}^Z \mu_j^2"])
def test_formulas_become_pictures(tex):
    assert page.formula(tex).startswith("<svg")


@pytest.mark.parametrize("text", ["because **it** is", "(why_not_ae): because **it** is", ":\n\nbecause **it** is"])
def test_text_beside_the_marker_of_a_written_answer_is_kept(text):
    assert feedback.written(f"**Your answer** {text}") == "because **it** is"


@pytest.mark.parametrize("tex", [r"\,", "{}", r"\text{ }", r"\mathrm{}", r"\operatorname{}",
                                 r"\underbrace{a}_{b}", "{" * 100, "x" * 1000, "", "\\hspace{1e9}", "$",
                                 "a" + "_a" * 50])
def test_formulas_that_cannot_be_set_are_shown_as_written(tex):
    found = page.formula(tex)
    assert found.startswith(("<code>$", "<svg")) and len(found) < 40_000


def test_nbgrader_generate_feedback_makes_these_pages(tmp_path):
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    from autograder.course import course_config

    records = {name: made_up.record(name) for name in ("ada", "ben", "cleo")}
    made_up.gradebook(tmp_path, records)
    for name, record in records.items():
        made_up.put(tmp_path, record, made_up.notebook())
    (tmp_path / "autograded/ben" / made_up.TASK / f"{made_up.TASK}.verdicts.json").unlink()
    config = course_config(REPOSITORY)
    config.CourseDirectory.root = str(tmp_path)
    done = NbGraderAPI(CourseDirectory(config=config), config=config).generate_feedback(made_up.TASK)
    assert not done["success"] and "nbgrader autograde task1_vae --student ben --force" in done["log"]
    pages = tmp_path / "feedback"
    found = {str(path.relative_to(pages)) for path in pages.rglob("*") if path.is_file()}
    assert found == {f"{name}/{made_up.TASK}/{made_up.TASK}.html" for name in ("ada", "cleo")}
    html = (tmp_path / "feedback/ada" / made_up.TASK / f"{made_up.TASK}.html").read_text()
    assert_is_inert(html)
    assert "Task 1: the variational autoencoder" in html and "cleo" not in html and str(tmp_path) not in html


def test_marks_of_a_gradebook_that_is_not_there_are_none(tmp_path):
    assert read_marks(f"sqlite:///{tmp_path}/gradebook.db", "task1_vae") == {}
    assert not list(tmp_path.iterdir())


def test_a_gradebook_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "gradebook.db").write_text("this is no database " * 100)
    with pytest.raises(OSError, match="gradebook.db cannot be read"):
        read_marks(f"sqlite:///{tmp_path}/gradebook.db", "task1_vae")


def test_only_comments_of_people_are_comments(tmp_path):
    from nbgrader.api import Gradebook

    address = made_up.gradebook(tmp_path, {"ada": made_up.record()})
    with Gradebook(address) as book:
        book.find_comment("vae_solution", made_up.TASK, made_up.TASK, "ada").auto_comment = "No response."
        book.find_comment("why_not_ae", made_up.TASK, made_up.TASK, "ada").manual_comment = "Say why."
        book.db.commit()
    assert read_marks(address, made_up.TASK, "ada")["ada"].comments == {"why_not_ae": "Say why."}
    assert read_marks(address, made_up.TASK, "ben") == {}
