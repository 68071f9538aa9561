"""From what a learning platform hands out to `submitted/<student>/<task>/<task>.ipynb`.

Layouts of the folder or zip (each may stand in further wrapping folders):

    Moodle      Ada Lovelace_12345_assignsubmission_file_/anything.ipynb (newer: without the last _), or the
                same as one flat file name
    Canvas      lovelaceada_12345_67890_task1_vae.ipynb, lovelaceada_LATE_12345_67890_task1_vae-1.ipynb
                (user, upload, and the number of the resubmission)
    Gradescope  submission_12345/anything.ipynb, with submission_metadata.yml beside these folders
    plain       ada/task1_vae/x.ipynb, ada/x.ipynb, ada.ipynb, ada_task1_vae.ipynb

Any of them may hold a student's zip in place of the notebook (one level). Which task a notebook belongs to is
read from the answers in it, then from its name. Of several uploads the newest counts. Upload times come from the
platform's archive or from the file system, never from what a student wrote: a notebook in a student's zip has
the time of that zip.

Only notebooks are taken. Links, unsafe names, encrypted and oversized entries and all other files are refused
with a line each. Limits hold for one student: nobody's upload keeps out another's. Nothing is unpacked to disk
under a name that a student chose. What a newer upload replaces is kept in
`archive/submitted/<student>/<task>/<number>/`.
"""
from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import os
import re
import shutil
import stat
import struct
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

import nbformat
import yaml

from autograder.reading import MAX_BYTES, file_problem, read_submission
from autograder.rebuild import fingerprint, rebuild

MAX_FILES = 50_000               # entries of a student's archive
MAX_NOTEBOOKS = 100              # of one student
MAX_TOTAL = 2**30                # bytes of one student's notebooks
MAX_NAMES = 8                    # columns of a roster that may be a student's names
MAX_RATIO = 400                  # of an archive entry's size to its compressed size, beyond 1 MB

LITTER = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints", "__pycache__"}


@dataclass(frozen=True)
class Arrival:
    """A notebook that was found. action: stored, replaced (the former one is archived), unchanged."""

    student: str
    task: str
    source: str
    time: datetime
    action: str


@dataclass(frozen=True)
class Refusal:
    """Something that was not taken, where it is, and why."""

    source: str
    reason: str


@dataclass
class Report:
    """What `collect` and `tidy_submitted` did. students: names as uploaded -> ids where they differ."""

    arrivals: list[Arrival] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    students: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def refuse(self, source: str, reason: str) -> None:
        self.refusals.append(Refusal(_shown(source), reason))


def lines(report: Report) -> list[str]:
    """The report as text, one line for each thing."""
    out = [f"{a.action:<9} {a.student}/{a.task}  {a.time:%Y-%m-%d %H:%M:%S} UTC  from {a.source}"
           for a in sorted(report.arrivals, key=lambda a: (a.task, a.student))]
    out += [f"student   {_shown(name)} is {student}" for name, student in sorted(report.students.items())]
    out += [f"refused   {r.source}: {r.reason}" for r in report.refusals]
    out += [f"note      {note}" for note in report.notes]
    students = {a.student for a in report.arrivals}
    return [*out, f"{len(report.arrivals)} notebooks of {len(students)} students; "
                  f"{len(report.refusals)} files refused."]


def _shown(text: str) -> str:
    """text without characters that could steer a terminal, and not endless."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 200 else text[:197] + "..."


# --------------------------------------------------------------------------- folders and archives

@dataclass(eq=False)
class _Entry:
    """A regular file in a folder or archive."""

    parts: tuple[str, ...]
    size: int
    time: datetime
    read: Callable[[], bytes]
    packed: tuple[str, ...] = ()         # the student's archive that it is in

    @property
    def platform_parts(self) -> tuple[str, ...]:
        """The part of the path that no student wrote."""
        return self.packed or self.parts

    @property
    def where(self) -> str:
        return _shown("/".join(self.parts))


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _read_file(path: Path) -> bytes:
    """The bytes of a regular file; OSError for a link or a device, even one that was put there just now."""
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    with os.fdopen(os.open(path, os.O_RDONLY | sum(flags)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is not a regular file")
        return file.read(MAX_BYTES + 1)


def _from_folder(root: Path, report: Report) -> Iterator[_Entry]:
    for folder, names, files in os.walk(root):
        names.sort()
        for name in sorted(names + files):
            path = Path(folder, name)
            parts = path.relative_to(root).parts
            if _is_litter(parts):
                continue
            info = path.lstat()
            if stat.S_ISDIR(info.st_mode):
                continue
            if stat.S_ISLNK(info.st_mode):
                report.refuse("/".join(parts), "a symbolic link")
            elif not stat.S_ISREG(info.st_mode):
                report.refuse("/".join(parts), "not a regular file")
            else:
                yield _Entry(parts, info.st_size, _utc(info.st_mtime), lambda path=path: _read_file(path))


def _from_zip(infos: list[zipfile.ZipInfo], opened: Callable[[], zipfile.ZipFile], time: datetime,
              report: Report, inside: tuple[str, ...] = ()) -> Iterator[_Entry]:
    """Entries of an archive. inside: the path of a student's archive, whose own times do not count."""
    for info in infos:
        name = info.filename.replace("\\", "/")
        parts = inside + tuple(p for p in name.split("/") if p not in ("", "."))
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir() or _is_litter(parts):
            continue
        if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
            report.refuse("/".join([*inside, name]), "a path that leaves the archive")
        elif kind == stat.S_IFLNK:
            report.refuse("/".join(parts), "a symbolic link")
        elif kind not in (0, stat.S_IFREG):
            report.refuse("/".join(parts), "not a regular file")
        elif info.flag_bits & 1:
            report.refuse("/".join(parts), "encrypted; ask for it without a password")
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            report.refuse("/".join(parts), "packed in a way that cannot be bounded; ask for an ordinary zip")
        elif info.file_size > 2**20 and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            report.refuse("/".join(parts), f"packed more than {MAX_RATIO} times: an archive bomb")
        else:
            yield _Entry(parts, info.file_size, time if inside else _packed_at(info, time),
                         lambda info=info: _read_packed(opened, info), inside)


def _read_packed(opened: Callable[[], zipfile.ZipFile], info: zipfile.ZipInfo) -> bytes:
    with opened().open(info) as file:
        return file.read(info.file_size + 1)


def _packed_at(info: zipfile.ZipInfo, fallback: datetime) -> datetime:
    """The time of an archive entry: the UTC of the extended timestamp, else local time, else fallback."""
    extra = info.extra
    while len(extra) >= 4:
        tag, size = struct.unpack_from("<HH", extra)
        if tag == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return _utc(struct.unpack_from("<i", extra, 5)[0])
        extra = extra[4 + size:]
    try:
        return datetime(*info.date_time).astimezone(timezone.utc) if info.date_time[0] > 1980 else fallback
    except (ValueError, OverflowError, OSError):
        return fallback


def _is_litter(parts: tuple[str, ...]) -> bool:
    return any(p in LITTER or p.startswith("._") for p in parts)


def _files(path: Path, archive: zipfile.ZipFile | None, report: Report) -> Iterator[_Entry]:
    """The files of a folder, a zip (which archive is) or a single notebook, and of the zips in them."""
    if path.is_dir():
        entries = _from_folder(path, report)
    elif archive:
        entries = _from_zip(archive.infolist(), lambda: archive, _utc(path.stat().st_mtime), report)
    else:
        entries = iter([_Entry((path.name,), path.stat().st_size, _utc(path.stat().st_mtime),
                               lambda: _read_file(path))])
    last_opened = lru_cache(maxsize=1)(_opened)          # a class's archives would fill memory
    for entry in entries:
        if not entry.parts[-1].lower().endswith(".zip"):
            yield entry
            continue
        infos = _listed(entry, report)
        for file in _from_zip(infos, lambda e=entry: last_opened(e), entry.time, report, entry.parts):
            if file.parts[-1].lower().endswith(".zip"):
                report.refuse(file.where, "an archive inside an archive inside an archive")
            else:
                yield file


def _opened(entry: _Entry) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(entry.read()))


def _listed(entry: _Entry, report: Report) -> list[zipfile.ZipInfo]:
    """What is in a student's archive; nothing, with a refusal, where that cannot or must not be read."""
    data = _read(entry, report)
    if data is None:
        return []
    if data.count(b"PK\x01\x02") > MAX_FILES:            # so begins each entry of its directory
        report.refuse(entry.where, f"an archive of more than {MAX_FILES} files")
        return []
    try:
        return zipfile.ZipFile(io.BytesIO(data)).infolist()
    except Exception:
        report.refuse(entry.where, "not an archive that can be read")
        return []


def _read(entry: _Entry, report: Report) -> bytes | None:
    """The bytes of an entry; None, with a refusal, where they cannot or must not be had."""
    try:
        data = entry.read() if entry.size <= MAX_BYTES else None
    except Exception as error:
        report.refuse(entry.where, f"cannot be read ({_shown(str(error)) or type(error).__name__})")
        return None
    if data is None or len(data) > MAX_BYTES:
        report.refuse(entry.where, f"larger than {MAX_BYTES // 2**20} MB")
        return None
    return data


# ------------------------------------------------------------------------------ whose, which task

@dataclass(frozen=True)
class _Owner:
    """Whose upload it is. keys: what a roster may know the student by; upload: running numbers."""

    label: str
    keys: tuple[str, ...]
    upload: tuple[int, ...] = ()
    unique: str = ""                     # tells two students of the same name apart


# Moodle writes no _ in a student's name. So both match what the platform wrote, whatever file name follows it, and
# no name matches both.
_MOODLE = re.compile(r"(?P<name>[^_]+)_(?P<id>\d+)_assignsubmission_[a-z]+(_|$)")
_CANVAS = re.compile(r"(?P<name>[^_]+)_(?:LATE_|late_)?(?P<user>\d+)_(?P<upload>\d+)_(?P<file>.+)")
_GRADESCOPE = re.compile(r"submission_(\d+)$")
_AGAIN = re.compile(r"-(\d+)$")
_COPY = re.compile(r"^(copy of|kopie von) |( \(\d+\)| - (copy|kopie)|-copy\d+|_\(\d+\))$", re.IGNORECASE)
_NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)    # browsers append these


def _stem(name: str) -> str:
    """A file's name without endings and without what copying added: `Copy of x (1).ipynb` is `x`."""
    name = re.sub(r"\.zip$", "", _NOTEBOOK.sub("", name), flags=re.IGNORECASE)
    while True:
        shorter = _COPY.sub("", name.strip()).strip()
        if shorter == name:
            return name
        name = shorter


def _without_task(stem: str, tasks: list[str]) -> str:
    """What a file name says beside the task: `ada_task1_vae` and `task1_vae-ada` are `ada`."""
    for task in tasks:
        stem = re.sub(rf"(^|(?<![\s_.-])[\s_.-]+){re.escape(task)}($|(?=[\s_.-]))", "", stem, flags=re.IGNORECASE)
    return stem.strip(" _.-")


def _owner(parts: tuple[str, ...], tasks: list[str], people: dict[str, dict]) -> _Owner | None:
    """Read from the first part alone: what stands deeper may be the student's."""
    part = unicodedata.normalize("NFC", parts[0])                # as macOS writes a name, it is the same name
    if found := _MOODLE.match(part):
        return _Owner(found["name"], (found["name"], found["id"]), unique=found["id"])
    if found := _GRADESCOPE.match(part):
        return _from_gradescope(part, found[1], people.get(part, {}))
    if found := _CANVAS.match(part):
        again = _AGAIN.search(_stem(found["file"]))
        return _Owner(f"{found['name']}_{found['user']}", (found["user"], found["name"]),
                      (int(found["upload"]), int(again[1]) if again else 0))
    label = _without_task(part if len(parts) > 1 else _stem(part), tasks)
    return _Owner(label, (label,)) if label else None


def _from_gradescope(folder: str, number: str, about: dict) -> _Owner:
    submitters = about.get(":submitters")
    person = next((s for s in submitters if isinstance(s, dict)), {}) if isinstance(submitters, list) else {}
    sid, email, name = (str(person.get(k) or "") for k in (":sid", ":email", ":name"))
    label = sid or email.partition("@")[0] or name or folder
    return _Owner(label, tuple(k for k in (sid, email, name, number) if k), (int(number),))


def _gradescope_file(entries: list[_Entry], depth: int) -> _Entry | None:
    """The submission_metadata.yml directly beside folders that are all called submission_N: no student's."""
    paths = [e.platform_parts for e in entries if _NOTEBOOK.search(e.parts[-1])]
    folders = {p[:depth + 1] for p in paths if len(p) > depth + 1}
    if not all(_GRADESCOPE.match(folder[-1]) for folder in folders):
        return None
    places = {(*folder[:-1], "submission_metadata.yml") for folder in folders}
    return next((e for e in entries if e.parts in places), None)


def _gradescope(entry: _Entry | None, report: Report) -> dict[str, dict]:
    """submission folder -> what the platform's submission_metadata.yml says."""
    try:
        about = yaml.load(entry and _read(entry, report) or b"", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        report.refuse(entry.where, "not YAML that can be read; folder names are used instead")
        return {}
    about = about if isinstance(about, dict) else {}
    return {str(k): v for k, v in about.items() if isinstance(v, dict)}


def _created_at(about: dict) -> datetime | None:
    value = about.get(":created_at")
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(re.sub(r"\.\d+| ?(UTC|Z)$", "", value))
    except ValueError:
        return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(timezone.utc) if value.tzinfo else value.replace(tzinfo=timezone.utc)


def _unwrapped(entries: list[_Entry], tasks: list[str]) -> int:
    """How many leading folders all notebooks share that are no student's."""
    paths = [e.platform_parts for e in entries if _NOTEBOOK.search(e.parts[-1])]
    for depth in range(min(map(len, paths), default=0)):
        here = {p[depth] for p in paths}
        if all(any(layout.match(name) for layout in (_MOODLE, _GRADESCOPE, _CANVAS)) for name in here):
            return depth
        if len(here) > 1:
            students = {_without_task(_stem(name), tasks) for name in here} - {""}
            return depth if len(students) > 1 else 0
    return 0


@dataclass(frozen=True)
class _Release:
    """A task as students get it. answers: for each, what tells that a notebook holds it (`fingerprint`)."""

    notebook: nbformat.NotebookNode
    answers: tuple[frozenset[str], ...]


def _releases(course_root: Path) -> dict[str, _Release]:
    notebooks = {p.stem: nbformat.read(p, as_version=4)
                 for p in sorted(course_root.glob("assignments/*/*.ipynb")) if p.stem == p.parent.name}
    if not notebooks:
        raise ValueError(f"There are no assignments in {course_root / 'assignments'}. "
                         "Build them first: `python -m autograder build notebooks`.")
    marks = {task: fingerprint(notebook) for task, notebook in notebooks.items()}
    common = frozenset(m for t in marks for o in marks if t != o for m in marks[t] & marks[o])
    return {task: _Release(notebook, tuple(one - common for one in _answers(notebook)))
            for task, notebook in notebooks.items()}


def _answers(released: nbformat.NotebookNode) -> Iterator[frozenset[str]]:
    for cell in released.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            marks = fingerprint(nbformat.v4.new_notebook(cells=[cell]))
            yield marks | {m.replace("question", "check", 1) for m in marks if m.startswith("question ")}


def _task_of(data: bytes, parts: tuple[str, ...], releases: dict, count: bool = True) -> tuple[str | None, int, str]:
    """The notebook's task, how many of its questions are answered (-1 if only its name tells the task, 0 where nobody
    asks for the `count`), and a sentence where the file cannot be read, is damaged, or cannot be compared with the
    releases.

    The task is None where neither text nor name tell it, and "" where the name tells a task that was not released.
    """
    named = _task_by_name(parts, releases)
    try:
        task, answered, problem = _task_by_text(data, releases, named != "", count)
    except Exception as error:                           # what one student wrote ends nothing for the others
        task, answered, problem = None, -1, f"The notebook cannot be looked into ({type(error).__name__})."
    return named if task is None else task, answered, problem


def _task_by_name(parts: tuple[str, ...], releases: dict) -> str | None:
    """What the file is called, else its folder: `task2_x.ipynb` names no task, "", if only task1_vae is released."""
    for name in (parts[-1].lower(), " ".join(parts[-2:-1]).lower()):
        other = False
        for task in releases:
            short = task.split("_")[0].lower()
            if task.lower() in name or re.search(re.escape(short) + r"(?!\d)", name):
                return task
            kind = short.rstrip("0123456789")
            other |= short != kind != "" and re.search(re.escape(kind) + r"[ _-]?\d", name) is not None
        if other:
            return ""
    return None


def _task_by_text(data: bytes, releases: dict, any_name: bool, count: bool) -> tuple[str | None, int, str]:
    """The task of which the notebook has most answers: more than half of them, or with `any_name` one that is marked.

    Names of given things tell nothing, nor do a few definitions: another task's notebook may have them too.
    """
    notebook, repairs = read_submission(data)
    problem = file_problem((one.kind, one.sentence) for one in repairs)
    mine = fingerprint(notebook)
    marked = frozenset(m for m in mine if not m.startswith("defines "))
    shared = {task: sum(bool(one & mine) for one in release.answers) for task, release in releases.items()}
    task = max(shared, key=shared.get)
    answers = releases[task].answers
    if 2 * shared[task] <= len(answers) and not (any_name and any(one & marked for one in answers)) or not shared[task]:
        return None, -1, problem
    if not count:
        return task, 0, problem
    released = releases[task].notebook
    rebuilt, _ = rebuild(released, notebook)
    before = {c.id: c.source for c in released.cells
              if c.metadata.get("nbgrader", {}).get("solution") and "id" in c}
    return task, sum(c.source != before[c.id] for c in rebuilt.cells if c.get("id") in before), problem


def _key(text: str) -> str:
    """text for comparison of names: letters and digits only."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if c.isalnum())


def read_roster(path: Path) -> dict[str, str]:
    """name, number or e-mail -> student id, from a CSV file with a column `id` or `student_id`.

    Names may stand in one column or in two, whatever these are called. What fits two students is left out. Raises
    ValueError where there is no such file or column.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"The roster {path} cannot be read ({error.strerror}).") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")         # as Excel saves it
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    columns = [column for column in reader.fieldnames or [] if column]
    column = next((c for c in columns if _key(c) in ("studentid", "id")), None)
    if column is None:
        raise ValueError(f"{path} needs a header line with a column `id` or `student_id`; it has "
                         f"{', '.join(columns) or 'no columns'}.")
    found: dict[str, set[str]] = {}
    for row in reader:
        student = (row[column] or "").strip()
        if not student:
            continue
        values = [v for v in row.values() if isinstance(v, str)]
        names = [v for v in values if v and not re.search(r"[\d@]", v)][:MAX_NAMES]
        for key in map(_key, [*values, *map("".join, itertools.permutations(names, 2))]):
            found.setdefault(key, set()).add(student_id(student))
    return {key: students.pop() for key, students in found.items() if key and len(students) == 1}


def student_id(label: str) -> str:
    """label as an id that nbgrader, file systems and shell patterns take: letters, digits, `_`, `.`, `-`.

    Where more than blanks had to be changed, a suffix tells it from other labels, whoever else is there.
    """
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("._-")[:64]
    return plain if plain and plain == label.replace(" ", "_") else f"{plain or 'student'}-{_suffix(label)}"


def _suffix(label: str) -> str:
    return hashlib.sha256(unicodedata.normalize("NFC", label).encode("utf-8", "replace")).hexdigest()[:6]


def _name_students(uploads: list[_Upload], roster: dict[str, str], report: Report) -> dict[_Owner, str]:
    numbers: dict[tuple[str, str], set[str]] = {}                # Moodle numbers a student anew in each task
    for upload in uploads:
        numbers.setdefault((upload.owner.label, upload.task), set()).add(upload.owner.unique)
    twins = {label for (label, _), found in numbers.items() if len(found) > 1}
    ids: dict[_Owner, str] = {}
    taken: dict[str, str] = {}                                   # casefolded id -> label
    for owner in sorted({u.owner for u in uploads}, key=lambda o: (o.label, o.unique, o.upload)):
        label = f"{owner.label}-{owner.unique}" if owner.label in twins else owner.label
        student = next((roster[_key(k)] for k in owner.keys if _key(k) in roster), None)
        if student is None:
            note = f"{_shown(label)} is not in the roster"
            if roster and note not in report.notes:
                report.notes.append(note)
            student = student_id(label)
            if taken.setdefault(student.casefold(), label) != label:      # other capitals, `_` for a blank
                student += "-" + _suffix(label)
        if student != label:
            report.students[label] = student
        ids[owner] = student
    if roster and ids and not set(ids.values()) & set(roster.values()):
        report.notes.append("nobody here is in the roster: it needs a column with what the platform calls its students "
                            "(name, e-mail, number)")
    return ids


# ---------------------------------------------------------------------------------------- storing

@dataclass
class _Upload:
    owner: _Owner
    task: str
    entry: _Entry
    time: datetime
    answered: int
    problem: str

    @property
    def order(self) -> tuple:
        """Greatest for the upload that counts: readable, newest, with most answers."""
        return self.answered >= 0, self.owner.upload, self.time, self.answered


def collect(path: str | Path, course_root: str | Path, task: str | None = None,
            roster: dict[str, str] | None = None) -> Report:
    """Fills `submitted/` of a course from a folder, a zip, or one notebook.

    task: take only notebooks of this task; None: of every task in `assignments/`. roster: see `read_roster`.
    A notebook replaces one that was collected before only if it is newer. Raises ValueError, with what to do,
    if path or course cannot be used at all; everything smaller is a line in the report.
    """
    path, course_root, report = Path(path), Path(course_root), Report()
    releases = _releases(course_root)
    if task is not None and task not in releases:
        raise ValueError(f"There is no task {task!r}; there are {', '.join(releases)}.")
    if not path.exists():
        raise ValueError(f"{path} does not exist. Give the folder or zip that your platform handed out.")
    if path.suffix.lower() == ".zip" and path.is_file() and not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no archive that can be opened. It may be cut off: download it again.")
    if path.is_file() and not zipfile.is_zipfile(path) and not _NOTEBOOK.search(path.name):
        raise ValueError(f"{path} is no folder, zip or notebook. Unpack it and give the folder.")

    with zipfile.ZipFile(path) if zipfile.is_zipfile(path) else nullcontext() as archive:
        entries = list(_files(path, archive, report))
        uploads = _uploads(entries, releases, task, report)
        students = _name_students(uploads, roster or {}, report)
        best: dict[tuple[str, str], _Upload] = {}
        for upload in sorted(uploads, key=lambda u: u.order, reverse=True):
            place = (students[upload.owner], upload.task)
            if place not in best:
                best[place] = upload
            else:
                report.refuse(upload.entry.where, f"{place[0]}'s newest upload counts: {best[place].entry.where}")
        for (student, name), upload in best.items():
            if upload.problem:
                report.notes.append(f"{student}/{name}: {upload.problem}")
            data = _read(upload.entry, report)
            if data is not None:
                owner = ("", "") if roster else (upload.owner.label, upload.owner.unique)
                _store(course_root, student, name, data, upload.time, upload.entry.where, owner, report)
    if not entries:
        report.notes.append(f"{path} holds no files: is it the right download?")
    if not roster and any(len(known) > 2 and not known[2] for known in _times(course_root).values()):
        report.notes.append("earlier uploads were collected with --roster, and these without: somebody may now be there "
                            "under two ids")
    return report


def _uploads(entries: list[_Entry], releases: dict, only: str | None, report: Report) -> list[_Upload]:
    """The notebooks that say whose they are and belong to a task."""
    depth = _unwrapped(entries, list(releases))
    about = _gradescope_file(entries, depth)
    people = _gradescope(about, report)
    shares: dict[tuple[str, str], list[tuple[_Owner, _Entry]]] = {}
    for entry in entries:
        if not _NOTEBOOK.search(entry.parts[-1]):
            if entry is not about:
                report.refuse(entry.where, "not a notebook; only notebooks are taken")
        elif owner := _owner(entry.platform_parts[depth:], list(releases), people):
            shares.setdefault((owner.label, owner.unique), []).append((owner, entry))
        else:
            report.refuse(entry.where, "does not say whose it is; put it into a folder of the student's name")
    uploads = []
    for owner, entry in (one for share in shares.values() for one in _within_limits(share, report)):
        data = _read(entry, report)
        if data is None:
            continue
        task, answered, problem = _task_of(data, entry.parts, releases)
        task = only if task is None else task                     # unreadable, and only one task is asked for
        if not task:
            report.refuse(entry.where, f"belongs to none of the tasks {', '.join(releases)}"
                          + (f" by its name. {problem}" if problem else ""))
        elif only is not None and task != only:
            report.refuse(entry.where, f"belongs to {task}; collect that task to take it")
        else:
            time = _created_at(people.get(entry.platform_parts[depth], {})) or entry.time
            uploads.append(_Upload(owner, task, entry, time, answered, problem))
    return uploads


def _within_limits(share: list[tuple[_Owner, _Entry]], report: Report) -> Iterator[tuple[_Owner, _Entry]]:
    """One student's notebooks up to the limits; one refusal for the rest."""
    total = 0
    for number, (owner, entry) in enumerate(share):
        total += min(entry.size, MAX_BYTES)
        if number == MAX_NOTEBOOKS or total > MAX_TOTAL:
            report.refuse(entry.where, f"{_shown(owner.label)} handed in more than {MAX_NOTEBOOKS} notebooks or "
                          f"{MAX_TOTAL // 2**20} MB; this and {len(share) - number - 1} more were not looked at")
            return
        yield owner, entry


def _store(course_root: Path, student: str, task: str, data: bytes, time: datetime, source: str,
           owner: tuple[str, str], report: Report) -> None:
    """Writes one submission; the folder appears complete or not at all.

    owner: name and number under which it was uploaded; where these are other ones than before, it may be somebody else.
    """
    target = course_root / "submitted" / student / task
    action = "stored"
    if target.is_symlink() or target.parent.is_symlink():
        report.refuse(source, f"submitted/{student}/{task} is a symbolic link; remove it and collect again")
        return
    if target.exists():
        current = _read_file(target / f"{task}.ipynb") if (target / f"{task}.ipynb").is_file() else None
        if current == data:
            report.arrivals.append(Arrival(student, task, source, time, "unchanged"))
            return
        if current is not None and time <= _submitted_at(course_root, student, task):
            report.refuse(source, f"not newer than submitted/{student}/{task}; to take it, move that away")
            return
        name, number = (*_times(course_root).get(f"{student}/{task}", [])[2:], "", "")[:2]
        if owner[0] and name and owner[0] != name:
            report.refuse(source, f"submitted/{student}/{task} came from {_shown(name)}, and this from "
                          f"{_shown(owner[0])}; give a roster that tells who they are, or move that away")
            return
        if owner[1] and number and owner[1] != number:
            report.notes.append(f"{student}/{task}: uploaded under number {owner[1]}, before under {number}; "
                                "if these are two students, give a roster")
        action = "replaced"
    target.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".incoming-", dir=course_root / "submitted"))
    try:
        (building / f"{task}.ipynb").write_bytes(data)
        os.utime(building / f"{task}.ipynb", (time.timestamp(), time.timestamp()))
        (building / "timestamp.txt").write_text(_stamp(time), encoding="utf-8")
        building.chmod(0o755)
        if target.exists():
            os.replace(target, _shelf(course_root, student, task))
        os.replace(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _remember(course_root, student, task, data, time, *owner)
    report.arrivals.append(Arrival(student, task, source, time, action))


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S.%f} UTC\n"


def _shelf(course_root: Path, student: str, task: str) -> Path:
    """A new numbered place in the archive, not yet there."""
    shelf = course_root / "archive" / "submitted" / student / task
    shelf.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(p.name) for p in shelf.iterdir() if p.name.isdigit()), default=0)
    return shelf / str(number)


def _ledger(course_root: Path) -> Path:
    return course_root / "archive" / "submitted" / "times.json"


def _times(course_root: Path) -> dict:
    """The uploads that we wrote: "student/task" -> [time, SHA-256, name, number], where no student's file can be."""
    try:
        found = json.loads(_ledger(course_root).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(course_root: Path, student: str, task: str, data: bytes, time: datetime, *owner: str) -> None:
    ledger = _ledger(course_root)
    ledger.parent.mkdir(parents=True, exist_ok=True)
    entry = [time.isoformat(), hashlib.sha256(data).hexdigest(), *owner]
    times = {**_times(course_root), f"{student}/{task}": entry}
    new = ledger.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(times, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(new, ledger)


def _submitted_at(course_root: Path, student: str, task: str) -> datetime:
    """When the notebook was uploaded: as we noted for these bytes, else as the file system says."""
    path = course_root / "submitted" / student / task / f"{task}.ipynb"
    time, digest, *_ = _times(course_root).get(f"{student}/{task}", ("", ""))
    if digest and digest == hashlib.sha256(_read_file(path)).hexdigest():
        return datetime.fromisoformat(time)
    return _utc(path.lstat().st_mtime)


# ---------------------------------------------------------------------------------------- by hand

def tidy_submitted(course_root: str | Path, task: str | None = None) -> Report:
    """Makes `submitted/` what `nbgrader autograde` expects, where an instructor placed files there by hand.

    In `submitted/<student>/<task>/` the newest notebook of the task gets the task's name, whatever it was
    called; links and other files go to the archive; timestamp.txt is ours or is replaced by the file system's
    time. Notebooks directly in `submitted/<student>/` are put into their task's folder. Student folders with
    names that nbgrader does not take are renamed. A second call changes nothing. Raises ValueError if the
    course has no assignments.
    """
    course_root, report = Path(course_root), Report()
    releases = _releases(course_root)
    submitted = course_root / "submitted"
    for folder in sorted(submitted.iterdir()) if submitted.is_dir() else []:
        if folder.name.startswith(".") or _is_litter((folder.name,)):
            continue
        if folder.is_symlink() or not folder.is_dir():
            _set_aside(course_root, [folder], student_id(folder.name), "files", report)
            continue
        student = student_id(folder.name)
        if student != folder.name:
            if (submitted / student).exists():
                report.refuse(f"submitted/{folder.name}",
                              f"nbgrader cannot use this name, and {student} is taken; rename the folder")
                continue
            report.students[folder.name] = student
            folder = folder.rename(submitted / student)
        _tidy_student(course_root, folder, student, releases, task, report)
    return report


def _tidy_student(course_root: Path, folder: Path, student: str, releases: dict, only: str | None,
                  report: Report) -> None:
    for path in sorted(folder.iterdir()):                         # notebooks beside the task folders
        if path.is_file() and not path.is_symlink() and _NOTEBOOK.search(path.name):
            found, _, problem = _task_of(_read_file(path)[:MAX_BYTES], path.parts, releases)
            if found and not (folder / found).is_symlink():
                (folder / found).mkdir(exist_ok=True)
                place = folder / found / path.name
                if not place.exists():
                    path.rename(place)
            elif problem:
                report.notes.append(f"{student}/{_shown(path.name)}: {problem}")
    for task in releases if only is None else [only]:
        place = folder / task
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            _set_aside(course_root, [place], student, task, report)
        elif place.is_dir():
            _tidy_task(course_root, place, student, task, releases, report)


def _tidy_task(course_root: Path, place: Path, student: str, task: str, releases: dict,
               report: Report) -> None:
    canonical, notebooks, foreign = place / f"{task}.ipynb", [], []
    paths = sorted(place.iterdir())
    if _is_known(course_root, student, task, paths):
        return
    several = sum(bool(_NOTEBOOK.search(path.name)) for path in paths) > 1
    for path in paths:
        if path.name == "timestamp.txt" and not path.is_symlink() and path.is_file():
            continue
        regular = path.is_file() and not path.is_symlink()
        if not regular or not _NOTEBOOK.search(path.name) or path.stat().st_size > MAX_BYTES:
            foreign.append(path)
            continue
        found, answered, problem = _task_of(_read_file(path), path.parts, releases, count=several)
        if problem:
            report.notes.append(f"{student}/{task}/{_shown(path.name)}: {problem}")
        if found not in (task, None):
            foreign.append(path)
        else:
            notebooks.append((path.stat().st_mtime_ns, answered, path == canonical, path))
    notebooks.sort(key=lambda n: n[:3])
    foreign += [path for *_, path in notebooks[:-1]]
    if foreign:
        _set_aside(course_root, foreign, student, task, report)
    if not notebooks:
        return
    *_, path = notebooks[-1]
    if path != canonical:
        path.rename(canonical)
        report.arrivals.append(Arrival(student, task, _shown(f"submitted/{student}/{task}/{path.name}"),
                                       _utc(canonical.stat().st_mtime), "stored"))
    time, stamp = _submitted_at(course_root, student, task), place / "timestamp.txt"
    if not stamp.exists() or _read_file(stamp) != _stamp(time).encode():
        if stamp.exists():
            _set_aside(course_root, [stamp], student, task, report, "upload times come from the file system")
        _write(stamp, _stamp(time).encode())
        _remember(course_root, student, task, _read_file(canonical), time)


def _is_known(course_root: Path, student: str, task: str, paths: list[Path]) -> bool:
    """Whether there is nothing but the notebook whose time was noted, with that time beside it."""
    time, digest, *_ = _times(course_root).get(f"{student}/{task}", ("", ""))
    return ([path.name for path in paths] == [f"{task}.ipynb", "timestamp.txt"]
            and all(path.is_file() and not path.is_symlink() for path in paths)
            and digest == hashlib.sha256(_read_file(paths[0])).hexdigest()
            and _read_file(paths[1]) == _stamp(datetime.fromisoformat(time)).encode())


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(f".{path.name}-{os.getpid()}")
    new.write_bytes(data)
    os.replace(new, path)


def _set_aside(course_root: Path, paths: list[Path], student: str, task: str, report: Report,
               reason: str = "not graded") -> None:
    """Moves files, links or folders of one folder, as they are, to one place in the archive."""
    shelf = _shelf(course_root, student, task)
    shelf.mkdir()
    for path in paths:
        os.rename(path, shelf / path.name)
        report.refuse(str(path.relative_to(course_root)), f"{reason}; moved to {shelf.relative_to(course_root)}")
