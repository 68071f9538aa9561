"""Uploaded bytes as a clean notebook, whatever they are.

`read_submission(data)` never raises and its time and memory are bounded: outputs are skipped unread when they
are large, a damaged file gives its complete cells, and of a cell only type, source, grade id, cell id and
inert outputs are kept. It copes with byte order marks, CRLF, UTF-16, Windows-1252, nbformat 3, missing or wrong
fields, lists as source with or without line ends, the marks of a Git merge, and a notebook in a zip, in gzip or in
a JSON string.
"""
from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from json.decoder import scanstring

from nbformat import NotebookNode
from nbformat.v4 import new_notebook, new_output

MAX_BYTES = 200 * 2**20          # of a submitted file
MAX_CELLS = 2000
MAX_SOURCE = 4 * 2**20           # bytes of one cell's text; Colab keeps pasted pictures in it
MAX_SOURCES = 8 * 2**20          # of all cells' text
MAX_CODE = 2**20                 # of all cells that are not markdown; bounds the time for parsing
MAX_CELL_OUTPUT = 4 * 2**20      # bytes of one cell's outputs
MAX_OUTPUTS = 16 * 2**20         # of all outputs
MAX_STREAM = 100_000             # characters kept of one text output
MAX_TOKENS = 4_000_000           # JSON strings and brackets looked at; bounds the time

MALFORMED = "its text is malformed"

SENTENCES = {
    "unreadable": "{what}: there is nothing to grade.",
    "damaged": "The file is damaged after cell {n} ({why}); the cells that can be read are graded.",
    "unpacked": "The notebook was packed in {what}; it was unpacked.",
    "other_encoding": "The file is not in UTF-8; it was read as Windows-1252.",
    "merge_marks": "The file held the marks of a Git merge; of two versions the first was read.",
    "lines_joined": "The lines of {n} cells had lost their line ends; these were put back.",
    "text_in_code": "{n} code cells began with `%md` or `%%markdown`; they were read as text.",
    "not_a_cell": "{n} entries in the list of cells are not cells and were left out.",
    "too_large": "{n} cells hold more text than a notebook can use, or text that cannot be read; "
                 "they were left out.",
    "outputs_dropped": "The outputs of {n} cells were too large and were dropped; grading needs none.",
    "pictures_dropped": "Pictures that were pasted into {n} text cells were left out; the text was kept.",
    "ids_lost": "Another editor had removed nbgrader's cell ids; cells were matched by their text.",
    "reordered": "Cells had been moved; the released order was restored.",
    "not_run": "An extra cell that only trains was not run: grading does not train. Its outputs were kept.",
    "check_edited": "The check cell of `{name}` had been changed; the released one was used{rest}.",
    "other_name": "The check of `{name}` was handed another name: before it, `{what}` was run.",
    "copy_dropped": "A copy of the check cell of `{name}` was left out.",
    "superseded": "There were several cells for `{name}`; the last one that you had edited was graded.",
    "found_elsewhere": "`{name}` was defined in another cell than its own; that cell was graded.",
    "found_in_kept": "`{name}` was defined in a cell that grading does not run; the definition was put into its place.",
    "shared_cell": "`{name}` was defined together with another question; that cell was graded for both.",
    "retyped": "The cell of `{name}` had become a {was} cell; it was made a {now} cell again.",
    "restored": "The cell of `{name}` was missing; the released one was put back.",
    "answer_found": "Your answer to `{name}` stood in another cell; it was put into its place.",
    "helper_moved": "The cell that defines `{helper}`, which `{name}` uses, was moved before it.",
    "completed": "A cell that completes `{name}` stood behind its check; it was moved before it.",
    "given_changed": "You changed the given cell {name}; your version was run.",
    "given_restored": "The given cell {name} had been changed; the released one was used{added}{left_out}.",
}


@dataclass(frozen=True)
class Repair:
    """One thing that was put right, in a sentence for student and instructor.

    grade_id: of the cell that it is about; None: the whole notebook. kind: a key of SENTENCES.
    """

    grade_id: str | None
    kind: str
    sentence: str


def repair(kind: str, grade_id: str | None = None, **values) -> Repair:
    """A Repair with its sentence filled in; what it quotes is cut at 100 characters, and made one line."""
    quoted = {name: "".join(c if c.isprintable() else " " for c in value[:100]) if isinstance(value, str) else value
              for name, value in values.items()}
    return Repair(grade_id, kind, SENTENCES[kind].format(**quoted))


def file_problem(kinds_and_sentences: Iterable[tuple[str, str]]) -> str:
    """The sentence that says why little or nothing of a file can be graded; "" if all of it was read."""
    return next((sentence for kind, sentence in kinds_and_sentences if kind in ("unreadable", "damaged")), "")


# --------------------------------------------------------------------------------------- scanning

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^,\]}\s\"\[{:]+")
_STRUCTURE = re.compile(r'["\[\]{}]')
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_NEXT_CELL = re.compile(r'\{\s*"(?:cell_type|attachments)"\s*:')
_TEXT_MAGIC = re.compile(r"\s*%%?(?:md|markdown)\b[ \t]*\n?")        # as Databricks and IPython mark a text
_PICTURE = re.compile(r"data:image/[\w.+-]+;base64,(?:[A-Za-z0-9+/=]|\\/)*")


class TooMuch(ValueError):
    """The file goes beyond a limit: reading ends here."""


class _Scanner:
    """Walks over JSON text and finds where values begin and end without building them.

    Parsing a hostile or merely huge file as a whole could take many times its size in memory, and a truncated
    one gives nothing; this gives every complete cell. Each `visit(at)` returns the end of the value that it
    was shown. Raises ValueError where the text is damaged.
    """

    def __init__(self, text: str):
        self.text = text
        self.budget = MAX_TOKENS

    def _space(self, at: int) -> int:
        return _SPACE.match(self.text, at).end()

    def _spend(self) -> None:
        self.budget -= 1
        if self.budget < 0:
            raise TooMuch("too many values")

    def end(self, at: int) -> int:
        """End of the value that begins at `at`."""
        first = self.text[at:at + 1]
        if first == '"':
            self._spend()
            return scanstring(self.text, at + 1, False)[1]
        if first not in ("{", "["):
            scalar = _SCALAR.match(self.text, at)
            if scalar is None:
                raise ValueError(MALFORMED)
            return scalar.end()
        depth = 0
        while True:
            self._spend()
            token = _STRUCTURE.search(self.text, at)
            if token is None:
                raise ValueError("the file ends too early")
            at = token.end()
            if token[0] == '"':
                at = scanstring(self.text, at, False)[1]
            else:
                depth += 1 if token[0] in "{[" else -1
                if depth == 0:
                    return at

    def members(self, at: int, visit) -> int:
        """Calls visit(key, at) for each value of the object at `at`."""
        at = self._space(at + 1)
        while self.text[at:at + 1] != "}":
            self._spend()
            if self.text[at:at + 1] != '"':
                raise ValueError(MALFORMED)
            key, at = scanstring(self.text, at + 1, False)
            at = self._space(at)
            if self.text[at:at + 1] != ":":
                raise ValueError(MALFORMED)
            at = self._after(visit(key, self._space(at + 1)))
        return at + 1

    def items(self, at: int, visit) -> int:
        """Calls visit(at) for each item of the list at `at`."""
        at = self._space(at + 1)
        while self.text[at:at + 1] != "]":
            self._spend()
            at = self._after(visit(at))
        return at + 1

    def _after(self, at: int) -> int:
        at = self._space(at)
        return self._space(at + 1) if self.text[at:at + 1] == "," else at


class _Reader:
    """Collects the cells of notebook JSON: lists of {field: (start, end)}, complete cells only."""

    FIELDS = ("cell_type", "source", "input", "metadata", "id", "outputs", "level", "attachments")

    def __init__(self, data: bytes):
        # Latin-1 keeps one character per byte: positions are cheap, and damaged UTF-8 stays where it is.
        self.text = data.decode("latin-1")
        self.scan = _Scanner(self.text)
        self.cells: list[dict] = []
        self.strangers = 0
        self.wrapped = False
        self.begun: int | None = 0       # where the last cell begins; None: nothing more is to be read
        self.damage: tuple[int, str] | None = None               # after how many cells, and what

    def read(self) -> None:
        """Fills `cells`; behind damage it goes on at the next cell."""
        self._try(self._whole, 0)
        for _ in range(MAX_CELLS):
            found = _NEXT_CELL.search(self.text, self.begun + 1) if self.damage and self.begun is not None else None
            if found is None:
                break
            self._try(self._rest, found.start())

    def _try(self, read, at: int) -> None:
        try:
            read(at)
        except (ValueError, RecursionError) as damage:
            why = str(damage) if type(damage) in (ValueError, TooMuch) else MALFORMED
            self.damage = self.damage or (len(self.cells), why)
            if isinstance(damage, TooMuch):
                self.begun = None

    def _whole(self, at: int) -> None:
        start = self.scan._space(at)
        first = self.text[start:start + 1]
        if first == "[":
            self.scan.items(start, self._cell)
        elif first == "{":
            self.scan.members(start, self._top)
        else:
            raise ValueError("this is not a notebook")

    def _rest(self, at: int) -> None:
        self.begun = at
        self.scan.items(at - 1, self._cell)
        self.begun = None

    def _top(self, key: str, at: int) -> int:
        is_list = self.text[at:at + 1] == "["
        if key == "cells" and is_list:
            return self.scan.items(at, self._cell)
        if key == "worksheets" and is_list:                      # nbformat 3
            return self.scan.items(at, self._worksheet)
        if key == "content" and self.text[at:at + 1] == "{" and not self.wrapped:    # as Jupyter's contents API gives it
            self.wrapped = True
            return self.scan.members(at, self._top)
        return self.scan.end(at)

    def _worksheet(self, at: int) -> int:
        return self.scan.members(at, self._top) if self.text[at:at + 1] == "{" else self.scan.end(at)

    def _cell(self, at: int) -> int:
        if len(self.cells) >= MAX_CELLS:
            raise TooMuch(f"more than {MAX_CELLS} cells")
        if self.text[at:at + 1] != "{":
            self.strangers += 1
            return self.scan.end(at)
        cell, self.begun = {}, at

        def member(key: str, at: int) -> int:
            end = self.scan.end(at)
            if key in self.FIELDS:
                cell[key] = (at, end)
            return end

        end = self.scan.members(at, member)
        self.cells.append(cell)
        return end

    def value(self, cell: dict, name: str, limit: int, drop: re.Pattern | None = None):
        """The value of a field; None where it is missing, longer than limit, or broken.

        drop: what is taken out where it would be longer.
        """
        start, end = cell.get(name, (0, 0))
        text = self.text[start:end] if end - start <= limit or drop else ""
        if len(text) > limit:
            text = drop.sub("", text)
        if not 0 < len(text) <= limit:
            return None
        try:
            return json.loads(text.encode("latin-1").decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError, MemoryError):
            return None

    def size(self, cell: dict, name: str) -> int:
        start, end = cell.get(name, (0, 0))
        return end - start


def read_submission(data: bytes) -> tuple[NotebookNode, list[Repair]]:
    """A valid nbformat 4.5 notebook of whatever was uploaded, and what had to be repaired. Never raises.

    Kept of a cell: type, source (`\\n` line ends, no NUL), metadata.nbgrader.grade_id, cell id, and outputs
    that are plain text or bitmap pictures. Of a truncated or damaged file: the cells without damage.
    """
    repairs = []
    if len(data) <= MAX_BYTES:
        data = _unpacked(data, repairs)
    if len(data) > MAX_BYTES:
        return new_notebook(), [repair("unreadable", what=f"The file is larger than {MAX_BYTES // 2**20} MB")]
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf"):
        return new_notebook(), [repair("unreadable", what="The file is empty")]
    reader = _Reader(_one_version(_as_utf8(data, repairs), repairs))
    reader.read()
    if not reader.cells:
        repairs.clear()
    if reader.damage:
        n, why = reader.damage
        repairs.append(repair("damaged", n=n, why=why) if reader.cells else
                       repair("unreadable", what=f"The file is not a notebook that can be read ({why})"))
    if reader.strangers:
        repairs.append(repair("not_a_cell", n=reader.strangers))
    return new_notebook(cells=_clean_cells(reader, repairs)), repairs


def _unpacked(data: bytes, repairs: list[Repair]) -> bytes:
    """The notebook in a zip, in gzip or in a JSON string, up to a byte more than is allowed; else data."""
    try:
        if data.startswith(b"PK\3\4") and data.count(b"PK\1\2") < 1000:       # so begins each entry of its directory
            archive = zipfile.ZipFile(io.BytesIO(data))
            info, = (one for one in archive.infolist() if one.filename.lower().endswith(".ipynb")
                     and "__MACOSX" not in one.filename
                     and one.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            what, found = "a zip archive", archive.open(info).read(MAX_BYTES + 1)
        elif data.startswith(b"\x1f\x8b"):
            what, found = "gzip", zlib.decompressobj(31).decompress(data, MAX_BYTES + 1)
        elif data.lstrip()[:1] == b'"':
            what, found = "a JSON string", json.loads(data).encode("utf-8", "replace")
        else:
            return data
    except Exception:                                             # not one that can be unpacked
        return data
    repairs.append(repair("unpacked", what=what))
    return found


def _as_utf8(data: bytes, repairs: list[Repair]) -> bytes:
    encoding = json.detect_encoding(data[:4])
    if not encoding.startswith("utf-8"):
        data = data.decode(encoding, "replace").encode("utf-8", "replace")
    elif not data.isascii() and data.decode("utf-8", "ignore").isascii():       # not one letter of it is UTF-8
        data = data.decode("cp1252", "replace").encode()
        repairs.append(repair("other_encoding"))
    return data[3:] if data.startswith(b"\xef\xbb\xbf") else data


def _one_version(data: bytes, repairs: list[Repair]) -> bytes:
    """data without the marks of a Git merge, and without the second of the versions between them."""
    parts, at = [], 0
    while (start := data.find(b"\n<<<<<<< ", at)) >= 0:
        middle = data.find(b"\n=======", start)
        end = data.find(b"\n>>>>>>> ", middle)
        if min(middle, end) < 0:
            break
        base = data.find(b"\n||||||| ", start, middle)            # the common ancestor, which some settings show
        parts += [data[at:start], data[data.find(b"\n", start + 1):base if base >= 0 else middle]]
        at = data.find(b"\n", end + 1) % (len(data) + 1)          # -1, the last line: the end
    if parts:
        repairs.append(repair("merge_marks"))
    return b"".join([*parts, data[at:]])


def _clean_cells(reader: _Reader, repairs: list[Repair]) -> list[NotebookNode]:
    cells, ids = [], set()
    sources = code = outputs = cut = dropped = pictures = joined = texts = 0
    for number, raw in enumerate(reader.cells):
        name = "source" if "source" in raw else "input"
        kind = reader.value(raw, "cell_type", 100)
        limit = min(MAX_SOURCE, MAX_SOURCES - sources if kind == "markdown" else MAX_CODE - code)
        value = reader.value(raw, name, limit, _PICTURE if kind in ("markdown", "raw") else None)
        pictures += reader.size(raw, "attachments") > 2 or value is not None and reader.size(raw, name) > limit
        if _lost_line_ends(value):
            value = "\n".join(value)
            joined += 1
        source = _text(value)
        if kind == "code" and (text := _TEXT_MAGIC.match(source)):
            kind, source = "markdown", source[text.end():]
            texts += 1
        sources += len(source)
        code += 0 if kind == "markdown" else len(source)
        cut += not source and reader.size(raw, name) > 1000
        if kind == "heading":                                    # nbformat 3
            level = reader.value(raw, "level", 10)
            kind, source = "markdown", "#" * (level if level in range(1, 7) else 1) + " " + source
        identifier = reader.value(raw, "id", 100)
        if not (isinstance(identifier, str) and re.fullmatch(r"[\w-]{1,64}", identifier, re.ASCII)
                and identifier not in ids):
            identifier = free_name(f"without-id-{number}", ids)
        ids.add(identifier)
        # the notebook is validated as a whole; nbformat's functions do it for each cell, which takes long
        cell = NotebookNode(id=identifier, cell_type=kind if kind in ("markdown", "raw") else "code", source=source,
                            metadata=NotebookNode())
        if cell.cell_type == "code":
            cell.update(execution_count=None, outputs=[])
        metadata = reader.value(raw, "metadata", 2**16)
        nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        if isinstance(grade_id, str):
            cell.metadata["nbgrader"] = NotebookNode(grade_id=_writable(grade_id))
        if cell.cell_type == "code":
            size = reader.size(raw, "outputs")
            if size > MAX_CELL_OUTPUT or outputs + size > MAX_OUTPUTS:
                dropped += 1
            elif size > 2:
                outputs += size
                values = reader.value(raw, "outputs", size)
                values = values[:500] if isinstance(values, list) else []
                cell.outputs = inert_outputs(values)
        cells.append(cell)
    counts = {"too_large": cut, "outputs_dropped": dropped, "pictures_dropped": pictures,
              "lines_joined": joined, "text_in_code": texts}
    repairs += [repair(kind, n=n) for kind, n in counts.items() if n]
    return cells


def free_name(wanted: str, taken: set[str]) -> str:
    name, n = wanted, 1
    while name in taken:
        name, n = f"{wanted}-{n}", n + 1
    return name


def _writable(text: str) -> str:
    """text without what UTF-8 files and databases cannot hold: lone surrogates, NUL."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _lost_line_ends(value) -> bool:
    """value is a list of lines as `str.splitlines` gives them."""
    return (isinstance(value, list) and len(value) > 1 and all(isinstance(part, str) for part in value)
            and not any(part.endswith(("\n", "\r")) for part in value[:-1]))


def _text(value) -> str:
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    return _writable(value).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def inert_outputs(outputs: list) -> list:
    """What is left of these outputs; see `inert`."""
    return [output for output in map(inert, outputs) if output is not None]


def without_blanks(source: str) -> str:
    """Code whose empty lines hold no blanks: Pygments, of which formgrader makes use too, takes minutes for thousands."""
    return "\n".join("" if line.isspace() else line for line in re.split(r"\r\n|\r|\n", source))


def inert(output) -> NotebookNode | None:
    """A copy of an output that no viewer can run: text and bitmap pictures; None if nothing of it is left."""
    if not isinstance(output, dict):
        return None
    kind = output.get("output_type")
    if kind == "stream":
        text = output.get("text")
        text = _writable("".join(p for p in text if isinstance(p, str)) if isinstance(text, list) else
                         text if isinstance(text, str) else "")
        return new_output("stream", name="stderr" if output.get("name") == "stderr" else "stdout",
                          text=text[-MAX_STREAM:])                # the end: a progress bar's last state
    if kind == "error":
        trace = output.get("traceback")
        trace = [_text(line)[:MAX_STREAM] for line in trace[:100]] if isinstance(trace, list) else []
        return new_output("error", ename=_text(output.get("ename"))[:1000],
                          evalue=_text(output.get("evalue"))[:MAX_STREAM], traceback=trace)
    if kind in ("display_data", "execute_result"):
        data = output.get("data")
        shown = {}
        for mime in ("image/png", "image/jpeg"):
            picture = _text(data.get(mime)) if isinstance(data, dict) else ""
            if picture and _BASE64.fullmatch(picture):
                shown[mime] = picture
        text = _text(data.get("text/plain")) if isinstance(data, dict) else ""
        if text:
            shown["text/plain"] = text[:MAX_STREAM]
        return new_output("display_data", data=shown) if shown else None
    return None
