"""Uploaded bytes as a clean notebook, whatever they are.

`read_submission(data)` never raises and its time and memory are bounded: outputs are skipped unread when they
are large, a truncated file gives its complete cells, and of a cell only type, source, grade id, cell id and
inert outputs are kept. It copes with byte order marks, CRLF, UTF-16, nbformat 3, missing or wrong fields, and
lists as source.
"""
from __future__ import annotations

import json
import re
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
MAX_TOKENS = 12_000_000          # JSON strings and brackets looked at; bounds the time

MALFORMED = "its text is malformed"

SENTENCES = {
    "unreadable": "{what}: there is nothing to grade.",
    "damaged": "The file is damaged after cell {n} ({why}); the cells up to there were graded.",
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
    "shared_cell": "`{name}` was defined together with another question; that cell was graded for both.",
    "retyped": "The cell of `{name}` had become a {was} cell; it was made a {now} cell again.",
    "restored": "The cell of `{name}` was missing; the released one was put back.",
    "answer_found": "Your answer to `{name}` stood in another cell; it was put into its place.",
    "helper_moved": "The cell that defines `{helper}`, which `{name}` uses, was moved before it.",
    "given_changed": "You changed the given cell {name}; your version was run.",
    "given_restored": "The given cell {name} had been changed; the released one was used{added}.",
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
            raise ValueError("too many values")

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

    def read(self) -> None:
        """Raises ValueError where the text is damaged; `cells` holds what came before."""
        start = self.scan._space(0)
        first = self.text[start:start + 1]
        if first == "[":
            self.scan.items(start, self._cell)
        elif first == "{":
            self.scan.members(start, self._top)
        else:
            raise ValueError("this is not a notebook")

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
            raise ValueError(f"more than {MAX_CELLS} cells")
        if self.text[at:at + 1] != "{":
            self.strangers += 1
            return self.scan.end(at)
        cell = {}

        def member(key: str, at: int) -> int:
            end = self.scan.end(at)
            if key in self.FIELDS:
                cell[key] = (at, end)
            return end

        end = self.scan.members(at, member)
        self.cells.append(cell)
        return end

    def value(self, cell: dict, name: str, limit: int):
        """The value of a field; None where it is missing, longer than limit, or broken."""
        start, end = cell.get(name, (0, 0))
        if not 0 < end - start <= limit:
            return None
        try:
            return json.loads(self.text[start:end].encode("latin-1").decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError, MemoryError):
            return None

    def size(self, cell: dict, name: str) -> int:
        start, end = cell.get(name, (0, 0))
        return end - start


def read_submission(data: bytes) -> tuple[NotebookNode, list[Repair]]:
    """A valid nbformat 4.5 notebook of whatever was uploaded, and what had to be repaired. Never raises.

    Kept of a cell: type, source (`\\n` line ends, no NUL), metadata.nbgrader.grade_id, cell id, and outputs
    that are plain text or bitmap pictures. Of a truncated or damaged file: the cells before the damage.
    """
    if len(data) > MAX_BYTES:
        return new_notebook(), [repair("unreadable", what=f"The file is larger than {MAX_BYTES // 2**20} MB")]
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf"):
        return new_notebook(), [repair("unreadable", what="The file is empty")]
    repairs = []
    reader = _Reader(_as_utf8(data))
    try:
        reader.read()
    except (ValueError, RecursionError) as damage:
        why = str(damage) if type(damage) is ValueError else MALFORMED
        repairs.append(repair("damaged", n=len(reader.cells), why=why) if reader.cells else
                       repair("unreadable", what=f"The file is not a notebook that can be read ({why})"))
    if reader.strangers:
        repairs.append(repair("not_a_cell", n=reader.strangers))
    return new_notebook(cells=_clean_cells(reader, repairs)), repairs


def _as_utf8(data: bytes) -> bytes:
    encoding = json.detect_encoding(data[:4])
    if not encoding.startswith("utf-8"):
        data = data.decode(encoding, "replace").encode("utf-8", "replace")
    return data[3:] if data.startswith(b"\xef\xbb\xbf") else data


def _clean_cells(reader: _Reader, repairs: list[Repair]) -> list[NotebookNode]:
    cells, ids = [], set()
    sources = code = outputs = cut = dropped = pictures = 0
    for number, raw in enumerate(reader.cells):
        name = "source" if "source" in raw else "input"
        pictures += reader.size(raw, "attachments") > 2
        kind = reader.value(raw, "cell_type", 100)
        left = MAX_SOURCES - sources if kind == "markdown" else MAX_CODE - code
        source = _text(reader.value(raw, name, min(MAX_SOURCE, left)))
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
                cell.outputs = [output for output in map(inert, values) if output is not None]
        cells.append(cell)
    counts = {"too_large": cut, "outputs_dropped": dropped, "pictures_dropped": pictures}
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


def _text(value) -> str:
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    return _writable(value).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


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
