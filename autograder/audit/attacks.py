"""`python -m autograder audit attacks`: grade hostile and odd submissions, and compare with what they deserve.

All go through collect, `grade` (or `nbgrader autograde`), the gradebook and `nbgrader generate_feedback` of a throw-away
course.
"""

import html
import json
import re
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from nbconvert import HTMLExporter
from nbgrader.api import Gradebook, MissingEntry

from autograder import intake, keys, sandbox
from autograder.audit import course as courses
from autograder.audit.corpus import POINTS, Attack, corpus
from autograder.audit.course import BYSTANDERS, TASK, Course
from autograder.audit.watch import become_subreaper, left_over
from autograder.questions import find


@dataclass
class Finding:
    """What came of one submission. earned: question -> points; None: no grade."""

    attack: Attack
    earned: dict[str, float | None] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)
    harm: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> float | None:
        return None if None in self.earned.values() or not self.earned else sum(self.earned.values())

    @property
    def fair(self) -> bool:
        return all(self.earned.get(name) is not None and abs(self.earned[name] - points) < 1e-6
                   for name, points in self.attack.points.items())

    @property
    def ok(self) -> bool:
        return self.fair and not self.leaks and not self.harm


def audit(attacks: list[Attack], folder: Path, jobs: int = 2, through: str = "grade") -> list[Finding]:
    """Grade the submissions in one course in `folder`, through `grade` (with `jobs` workers) or through `nbgrader`."""
    become_subreaper()
    before = left_over()
    with Server() as server:
        course = courses.new_course(folder / "course", server.port, courses.new_canaries())
        students = {courses.hand_in(course, attack): Finding(attack) for attack in attacks}
        with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
            for name in BYSTANDERS:
                gradebook.add_student(name, last_name=course.canaries["gradebook"])
        (folder / "collect.log").write_text("\n".join(intake.lines(intake.collect(course.uploads, course.root, TASK))))
        troubles = _grade(course, students, jobs, through)
        feedback = courses.nbgrader(course, "generate_feedback", TASK)
    usual = {name: alive(page) for name, page in pages(course, BYSTANDERS[0]).items()}
    for student, finding in students.items():
        _look(course, student, finding, usual)
        if finding.attack.name in server.visitors:
            finding.leaks.append("reached a server outside")
    troubles += [f"process {pid} is left: {name}" for pid, name in left_over().items() if pid not in before]
    troubles += [f"{name} has {earned}" for name in BYSTANDERS if (earned := _earned(course, name)) != POINTS]
    troubles += [] if feedback.returncode == 0 else [f"no feedback: {feedback.stderr[-300:]}"]
    students[next(iter(students))].harm += [f"(by any of them) {trouble}" for trouble in troubles]
    return [*students.values()]


def _grade(course: Course, students: dict[str, Finding], jobs: int, through: str) -> list[str]:
    """Grade all. Returns what went wrong; a submission that was not graded is told of in its finding."""
    commands = {"grade": ("autograder", "grade", TASK, "--workers", str(jobs)), "nbgrader": ("nbgrader", "autograde", TASK)}
    done = courses.python(course, *commands[through], timeout=7200)
    (course.root.parent / "grading.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    watched = _watched(course)
    for student, finding in students.items():
        finding.harm += watched.get(student, [])
        if student not in watched and (course.root / "submitted" / student / TASK / f"{TASK}.ipynb").is_file():
            finding.harm.append("was not graded")
    if done.returncode:
        return [f"grading ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-300:]}"]
    return []


def _watched(course: Course) -> dict[str, list[str]]:
    path = course.root.parent / f"{course.root.name}-watch.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    return {line["student"]: line["harm"] for line in lines}


# What a submission left

def _look(course: Course, student: str, finding: Finding, usual: dict[str, set[str]]) -> None:
    """usual: what is alive in the pages of a submission without malice."""
    finding.earned = _earned(course, student)
    if not (course.root / "submitted" / student / TASK / f"{TASK}.ipynb").is_file():
        finding.earned = dict.fromkeys(POINTS, 0.0)     # nothing was handed in
    places = [course.root / kind / student for kind in ("autograded", "archive/graded", "feedback")]
    text = "".join(path.read_text("utf-8", "replace") for place in places for path in sorted(place.rglob("*"))
                   if path.is_file())
    finding.leaks += [f"the {name} canary" for name, canary in course.canaries.items() if canary in text]
    for path in (course.root / "autograded" / student).rglob("*.verdicts.json"):
        finding.seconds = json.loads(path.read_text("utf-8"))["seconds"]["total"]
    for path in (course.root / "archive" / "graded" / student).rglob("seeds.json"):
        finding.leaks += expected_values(json.loads(path.read_text("utf-8")), text)
    for name, page in pages(course, student).items():
        finding.harm += [f"alive in the {name} page: {thing[:100]}" for thing in sorted(alive(page) - usual[name])]


def pages(course: Course, student: str) -> dict[str, str]:
    """What people look at: the feedback page, and cells as formgrader shows them."""
    found = {}
    page = course.root / "feedback" / student / TASK / f"{TASK}.html"
    notebook = course.root / "autograded" / student / TASK / f"{TASK}.ipynb"
    if page.is_file():
        found["feedback"] = page.read_text("utf-8", "replace")
    if notebook.is_file():
        found["formgrader"] = HTMLExporter(template_name="basic").from_filename(str(notebook))[0] + "mathjax"
    return found


def _earned(course: Course, student: str) -> dict[str, float | None]:
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        found = {}
        for name in POINTS:
            try:
                grade = gradebook.find_grade(name, TASK, TASK, student)
            except MissingEntry:
                found[name] = None
            else:
                found[name] = None if grade.needs_manual_grade else grade.score
        return found


def expected_values(seeds: dict[str, int], text: str) -> list[str]:
    """Whether at least three of the numbers that kl_divergence was compared with stand in the text."""
    key = keys.draw_key(find("kl_divergence"), seeds["kl_divergence"], signatures=False)
    inputs = {f"{value:.5f}" for variant in key.variants for tensor in variant.inputs.values()
              for value in tensor.double().flatten().tolist()}
    expected = {f"{value:.5f}" for variant in key.variants for name, tensor in variant.expected.items()
                if ".grad." not in name for value in tensor.double().flatten().tolist()} - inputs
    return ["expected values"] if sum(f"{value}" in text for value in expected) >= 3 else []


class _Alive(HTMLParser):
    """Collects what a browser would run or fetch by itself, or on a click."""

    TAGS = {"script", "iframe", "object", "embed", "base", "form", "link", "meta", "frame", "applet", "style", "svg", "math"}
    LINKS = {"href", "src", "srcdoc", "action", "formaction", "data", "xlink:href", "poster", "background", "srcset"}

    def __init__(self):
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag, attrs):
        if tag in self.TAGS and not (tag == "svg" and ("class", "formula") in attrs):     # formulas that the page draws
            self.found.add(f"<{tag} {sorted((n, (v or '')[:80]) for n, v in attrs)}>")
        for name, value in attrs:
            plain = re.sub(r"[\x00-\x20\x7f-\xa0]", "", value or "").lower()
            if name.startswith("on"):
                self.found.add(f"<{tag} {name}={value}>")
            elif name in self.LINKS and plain.startswith(("javascript:", "vbscript:", "data:text", "data:image/svg")):
                self.found.add(f"<{tag} {name}={value}>")
            elif name == "src" and plain.startswith(("http:", "https:", "//")):
                self.found.add(f"<{tag} {name}={value}>")


def alive(page: str) -> set[str]:
    """What is alive in a page: scripts, handlers, frames, addresses that run, and TeX that makes such."""
    parser = _Alive()
    parser.feed(page)
    # MathJax does not look into these, and elsewhere reads what entities stand for.
    unseen = r"(?s)<(pre|code|script)\b.*?</\1>|<div class=\"tex2jax_ignore mathjax_ignore\">.*?</span>"
    outside = html.unescape(re.sub(unseen, "", page))
    if "mathjax" in page.lower():
        parser.found |= set(re.findall(r"\\(?:href|style|class|cssId|require|mmlToken|bbox)\b", outside))
    return parser.found


class Server:
    """Listens on TCP, UDP and an abstract Unix socket; `visitors` are the names that submissions send."""

    def __enter__(self):
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(f"\0canary-{self.port}")
        self.unix.listen()
        self.heard: list[bytes] = []
        for listener in (self.tcp, self.unix):
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        threading.Thread(target=self._receive, daemon=True).start()
        return self

    def __exit__(self, *error):
        for one in (self.tcp, self.udp, self.unix):
            one.close()

    def _accept(self, listener):
        while True:
            try:
                one, _ = listener.accept()
                with one:
                    one.settimeout(1)
                    self.heard.append(one.recv(1000))
            except TimeoutError:
                continue
            except OSError:
                return

    def _receive(self):
        while True:
            try:
                self.heard.append(self.udp.recv(1000))
            except OSError:
                return

    @property
    def visitors(self) -> set[str]:
        return {name.decode() for data in self.heard for name in re.findall(rb"pwned-([a-z0-9-]+)", data)}


# The command

def arguments(parser) -> None:
    parser.add_argument("--only", action="append", metavar="NAME", help="only this attack; may be given several times")
    parser.add_argument("--against", choices=["nbgrader"], help="run them through stock nbgrader instead, for comparison")
    parser.add_argument("--jobs", type=int, default=2, help="how many are graded at once (default: 2)")
    parser.add_argument("--through", choices=["grade", "nbgrader"], default="grade",
                        help="the project's command for many submissions (default), or nbgrader's own")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep courses and logs in this new folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found to this file")


def run(options) -> int:
    """0 if every submission got what it deserves, leaked nothing and harmed nobody."""
    known = corpus()
    unknown = [name for name in options.only or [] if name not in known]
    if unknown:
        raise ValueError(f"there is no attack {unknown[0]!r}; the attacks are {', '.join(known)}")
    attacks = [known[name] for name in options.only] if options.only else [*known.values()]
    reason = sandbox.available()
    if reason:
        raise ValueError(f"{reason} The audit runs hostile code, so it needs the sandbox.")
    started = time.monotonic()
    if options.against:
        from autograder.audit import stock

        findings = stock.audit([attack for attack in attacks if not attack.alone], options.jobs)
    else:
        with tempfile.TemporaryDirectory(prefix="audit-") as folder:
            place = options.keep or Path(folder)
            place.mkdir(exist_ok=True)
            findings = audit(attacks, place.resolve(), options.jobs, options.through)
    show(findings, time.monotonic() - started)
    if options.json:
        options.json.write_text(json.dumps([{
            "name": one.attack.name, "kind": one.attack.kind, "idea": one.attack.idea, "earned": one.total,
            "deserved": sum(one.attack.points.values()), "fair": one.fair, "leaks": one.leaks, "harm": one.harm,
            "seconds": one.seconds} for one in findings], indent=1), encoding="utf-8")
    return int(not all(finding.ok for finding in findings)) if not options.against else 0


def show(findings: list[Finding], seconds: float) -> None:
    """Print a line for each submission, and what it comes to."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(title="Hostile and odd submissions", title_justify="left")
    for heading, justify in (("submission", "left"), ("idea", "left"), ("earned", "right"), ("deserved", "right"),
                             ("leaks", "left"), ("harm", "left"), ("s", "right")):
        table.add_column(heading, justify=justify, overflow="fold")
    for one in findings:
        earned = "none" if one.total is None else f"{one.total:g}"
        table.add_row(("" if one.ok else "[red]") + one.attack.name, escape(one.attack.idea),
                      earned if one.fair else f"[red]{earned}[/]", f"{sum(one.attack.points.values()):g}",
                      escape("; ".join(one.leaks)), escape("; ".join(one.harm)), f"{one.seconds:.1f}")
    console.print(table)
    for line in summary(findings):
        console.print(line)
    console.print(f"{seconds:.0f} s in all.")


def summary(findings: list[Finding]) -> list[str]:
    lines = []
    for kind in ("hostile", "odd"):
        of_kind = [one for one in findings if one.attack.kind == kind]
        if of_kind:
            deserved = [(one.total or 0.0) - sum(one.attack.points.values()) for one in of_kind]
            lines.append(f"{len(of_kind)} {kind}: {sum(d > 1e-6 for d in deserved)} earned more than they deserve, "
                         f"{sum(d < -1e-6 for d in deserved)} less, {sum(bool(one.leaks) for one in of_kind)} leaked, "
                         f"{sum(bool(one.harm) for one in of_kind)} did harm.")
    return lines
