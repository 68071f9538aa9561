"""The notebook that is executed at grading: the released one with the student's work set into it.

`rebuild(released, submitted)` sets solution cells, written answers and extra cells of a submission into the
released notebook, so that deleted, copied, moved, retagged or edited cells cannot matter, and reports what it
repaired.

A submitted cell finds its place by nbgrader's grade id, else by its marker (`# Question: kl_divergence`,
`check("kl_divergence", ...)`, `(why_not_ae)`), else by content (it defines what the stub defines; it follows
the written question). Of several candidates the last edited one counts. Extra cells stay behind the cell that
they stood behind.

Nothing here runs student code. Metadata always comes from the release; student outputs survive only in cells
that the release tags `train` or `explore`, and only if no viewer can run them.
"""
from __future__ import annotations

import ast
import copy
import functools
import json
import re
import symtable
import warnings
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.reading import Repair, free_name, read_submission, repair

MAX_PARSED = 100_000             # longest source that is parsed as Python
NOT_RUN = ("train", "explore")   # tags of cells that keep the student's outputs


# ------------------------------------------------------------------------ what a cell's text says

# Each of these takes time in proportion to the text: they run outside the sandbox.
_QUESTION = re.compile(r"[ \t]*#[ \t]*Question:[ \t]*(\w+)")
_CHECK_LINE = re.compile(r"""^check\(\s*["'](\w+)["']""", re.MULTILINE)
_DEFINITION = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)", re.MULTILINE)
_STUB = re.compile(r"^[ \t]+raise NotImplementedError\b", re.MULTILINE)
_NAMES = re.compile(r"[\w.,\s]+")
_HELP = re.compile(r"\s*[\w.]+\?{1,2}\s*")


def _marked(source: str) -> str:
    """The question that a marker names in the first lines: other programs put their own above it."""
    lines = [line for line in source.split("\n", 20)[:20] if line.strip()]
    return next((marker[1] for marker in map(_QUESTION.match, lines[:5]) if marker), "")


def _unfenced(source: str) -> str:
    """What stands between the fences, ```, of a text."""
    lines, inside = [], False
    for line in source.split("\n"):
        if line.startswith("```"):
            inside = not inside
        elif inside:
            lines.append(line)
    return "\n".join(lines)


def _python(source: str) -> str:
    """source with IPython's magic lines blanked, but `pass` in an empty block; a name that one gives is None."""
    lines, opened = [], False
    for line in source.split("\n"):
        if line.lstrip().startswith(("%", "!", "?")) or _HELP.fullmatch(line):
            line = line[:-len(line.lstrip())] + "pass" if opened else ""
        else:
            names, sign, value = line.partition("=")
            if sign and value.lstrip().startswith(("!", "%")) and _NAMES.fullmatch(names):
                line = f"{names}= None"
        code = line.partition("#")[0].rstrip()
        opened = code.endswith(":") if code else opened
        lines.append(line)
    return "\n".join(lines)


def _parsed(parse, source: str):
    """parse(source), or None if that is not Python or so long that parsing could take all time."""
    if len(source) > MAX_PARSED:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                           # invalid escapes in student text
        try:
            return parse(_python(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


@functools.lru_cache(maxsize=200)       # most cells of a class are the released ones
def _symbols(source: str) -> tuple[frozenset, frozenset] | None:
    """Names that source defines at the top, and global names that it uses; None if it is not Python."""
    top = _parsed(lambda text: symtable.symtable(text, "cell", "exec"), source)
    if top is None:
        return None
    defined = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    used, tables = set(), [top]
    while tables:
        table = tables.pop()
        used |= {s.get_name() for s in table.get_symbols()
                 if s.is_referenced() and (table is top or s.is_global())}
        tables.extend(table.get_children())
    return frozenset(defined), frozenset(used)


def _split_checks(source: str) -> tuple[list[str], str]:
    """Names that source calls `check` with at the top, and source without those calls."""
    lines = source.split("\n")
    if "check" not in source:
        return [], source
    tree = _parsed(ast.parse, source)
    if tree is None:
        return _CHECK_LINE.findall(source), "\n".join(n for n in lines if not _CHECK_LINE.match(n))
    names = []
    for call in _check_calls(tree):
        names.append(call.args[0].value)
        lines[call.lineno - 1:call.end_lineno] = [""] * (call.end_lineno - call.lineno + 1)
    return names, "\n".join(lines)


def _check_calls(tree: ast.Module) -> list[ast.Call]:
    calls = [node.value for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "check"
            and call.args and isinstance(getattr(call.args[0], "value", None), str)]


def _other_names(source: str, released: str) -> str:
    """Assignments of what source hands to a check to the names of the answers, where these are others."""
    tree, known = _parsed(ast.parse, source), _parsed(ast.parse, released)
    calls, wanted = (_check_calls(tree) if tree else []), (_check_calls(known) if known else [])
    if len(calls) != 1 or len(wanted) != 1 or len(calls[0].args) != len(wanted[0].args):
        return ""
    pairs = [(ast.get_source_segment(_python(source), mine), ast.get_source_segment(_python(released), theirs))
             for mine, theirs in zip(calls[0].args[1:], wanted[0].args[1:])]
    return "\n".join(f"{theirs} = {mine}" for mine, theirs in pairs if mine != theirs)


def _is_stub(source: str) -> bool:
    """Its code still raises the stub's error."""
    return _STUB.search(source) is not None


def _says_nothing(source: str) -> bool:
    """Only blank lines and comments."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in source.split("\n"))


_DEFINING = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _only_trains(source: str) -> bool:
    """Calls the course's `fit` and defines no function or class: at grading it would cost time and change nothing."""
    tree = _parsed(ast.parse, source) if "fit" in source else None
    if tree is None:
        return False
    nodes = list(ast.walk(tree))
    if any(isinstance(n, (*_DEFINING, ast.Lambda)) for n in nodes):
        return False
    return any(_is_fit(n.func) for n in nodes if isinstance(n, ast.Call))


def _is_fit(node: ast.expr) -> bool:
    """`fit` or `utils.fit`."""
    if isinstance(node, ast.Attribute):
        return node.attr == "fit" and isinstance(node.value, ast.Name) and node.value.id == "utils"
    return isinstance(node, ast.Name) and node.id == "fit"


@dataclass
class _News:
    """What `new_names` found. code: the statements; kept: the names they give; lost: other new names."""

    code: str = ""
    kept: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def new_names(source: str, given: set[str], calls: bool = True) -> _News:
    """The imports, definitions and assignments that give names which are not `given`.

    Of an import with several names, the new ones are taken; of any other statement, all or nothing. Without
    `calls`, only what costs next to nothing: see `_is_cheap`.
    """
    tree = _parsed(ast.parse, source)
    news, parts = _News(), []
    for node in tree.body if tree else ():
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            new = [alias for alias in node.names
                   if not _bound(alias) <= given or "." in alias.name and not alias.asname]
            if new:
                module = getattr(node, "module", None)
                news.kept += [f"{module}.*" if alias.name == "*" else alias.asname or alias.name for alias in new]
                parts += [node] if len(node.names) == 1 else [_import_of(node, alias) for alias in new]
            continue
        names = _names_given(node)
        if not names & given and (calls or isinstance(node, _DEFINING) or _is_cheap(node)):
            if names:
                parts.append(node)
                news.kept += sorted(names)
        else:
            news.lost += sorted(names - given)
    news.code = _written_out(source, parts)
    return news


def _bound(alias: ast.alias) -> set[str]:
    return {alias.asname or alias.name.partition(".")[0]}


def _import_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """The import of one name alone: a package that is not there takes no other with it."""
    return ast.unparse(ast.Import([alias]) if isinstance(node, ast.Import) else
                       ast.ImportFrom(node.module, [alias], node.level))


def _written_out(source: str, parts: list[ast.stmt | str]) -> str:
    """The lines of these statements of source; a text stands for itself."""
    lines, new, end = _python(source).split("\n"), [], 0
    for part in parts:
        if isinstance(part, str):
            new.append(part)
            continue
        first = min(one.lineno for one in (part, *getattr(part, "decorator_list", ())))
        new += lines[max(first - 1, end):part.end_lineno]
        end = max(end, part.end_lineno)
    return "\n".join(new)


def _definitions(source: str, names: frozenset[str]) -> str:
    """The statements of source that give these names."""
    tree = _parsed(ast.parse, source)
    return _written_out(source, [node for node in tree.body if _names_given(node) & names] if tree else [])


def _is_cheap(node: ast.stmt) -> bool:
    """It calls nothing but classes, as `prior = Normal(0.0, 1.0)`, and functions of `math`; and waits for nothing."""
    nodes = list(ast.walk(node))
    return not any(isinstance(one, (ast.Await, ast.For, ast.While, ast.comprehension)) for one in nodes) \
        and all(_is_cheap_name(one.func) for one in nodes if isinstance(one, ast.Call))


def _is_cheap_name(node: ast.expr) -> bool:
    name = ""
    while isinstance(node, ast.Attribute):
        name, node = name or node.attr, node.value
    return isinstance(node, ast.Name) and ((name or node.id)[:1].isupper() or node.id == "math")


_BLOCKS = ("body", "orelse", "finalbody", "handlers")


def _names_given(node: ast.stmt) -> set[str]:
    """The names that an import, a definition or an assignment gives, also in `try` and `if`."""
    found, waiting = set(), [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(*map(_bound, node.names))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        elif isinstance(node, (ast.If, ast.Try, ast.ExceptHandler)):
            waiting += [one for block in _BLOCKS for one in getattr(node, block, ())]
    return found


def _all_names_given(source: str) -> set[str]:
    tree = _parsed(ast.parse, source)
    return set().union(*map(_names_given, tree.body)) - {"*"} if tree else set()


def _plain(source: str) -> str:
    """source for comparison: no trailing blanks, no blank lines around."""
    return "\n".join(line.rstrip() for line in source.strip().split("\n"))


def _lines(source: str) -> list[str]:
    return [line.strip() for line in source.split("\n") if line.strip()]


def _resembles(source: str, released: str) -> bool:
    """At least half of the released lines are in source, and source is not much longer."""
    if len(source) > 4 * len(released) + 1000:
        return False
    wanted, got = _lines(released), _lines(source)
    found = len(set(wanted) & set(got))
    return bool(wanted) and 2 * found >= len(set(wanted)) and len(got) <= 2 * len(wanted) + 5


# --------------------------------------------------------------------------------------- matching

@dataclass(eq=False)
class _Slot:
    """A place in the released notebook."""

    rank: int
    cell: NotebookNode
    role: str                            # solution, written, check, kept or given
    grade_id: str | None
    names: frozenset = frozenset()       # what a solution's stub defines
    question: str = ""                   # the name in a marker
    chosen: _Cell | None = None          # the submitted cell that stands here
    moved: bool = False                  # ... which stood in another place than its own
    seen: bool = False                   # some cell for this place was in the submission, edited or not
    source: str | None = None            # replaces the released source
    outputs: list = field(default_factory=list)


@dataclass(eq=False)
class _Cell:
    """A submitted cell."""

    index: int
    type: str
    source: str
    grade_id: str | None
    cell_id: str
    outputs: list
    slot: _Slot | None = None            # where it went
    done: bool = False                   # used or dropped: not an extra cell
    after: int | None = None             # an extra cell's place: behind the released cell of this rank
    latest: int | None = None            # ... but not behind this one
    tags: tuple = ()

    def __post_init__(self):
        self.learn(self.source)

    def learn(self, source: str) -> None:
        self.source = source
        self.fenced = self.type == "markdown" and _DEFINITION.search(_unfenced(source)) is not None
        self.code = source = _unfenced(source) if self.fenced else source
        looks_like_code = self.type != "markdown" or (len(source) < 20_000 and _DEFINITION.search(source))
        symbols = _symbols(source) if looks_like_code else None
        self.is_python = symbols is not None
        self.names, self.uses = symbols or (frozenset(_DEFINITION.findall(source)), frozenset())
        self.question = _marked(source)


def _slots(released: NotebookNode) -> list[_Slot]:
    slots = []
    for rank, cell in enumerate(released.cells):
        meta = cell.metadata.get("nbgrader", {})
        code = cell.cell_type == "code"
        if set(NOT_RUN) & set(cell.metadata.get("tags", [])):
            role = "kept"
        elif meta.get("solution"):
            role = "solution" if code else "written"
        else:
            role = "check" if code and meta.get("grade") else "given"
        slot = _Slot(rank, cell, role, meta.get("grade_id"))
        if role == "solution":
            slot.question = _marked(cell.source)
            slot.names = (_symbols(cell.source) or (frozenset(),))[0]
        elif role == "check":
            names, _ = _split_checks(cell.source)
            slot.question = names[0] if names else slot.grade_id
        elif role == "written":
            slot.question = slot.grade_id
        slots.append(slot)
    return slots


def _cells(submitted: NotebookNode) -> list[_Cell]:
    return [_Cell(i, c.cell_type, c.source, c.metadata.get("nbgrader", {}).get("grade_id"), c.id,
                  list(c.get("outputs", []))) for i, c in enumerate(submitted.cells)]


def _is_for(cell: _Cell, slot: _Slot) -> bool:
    """The cell carries the place's grade id or marker."""
    if cell.grade_id is not None and cell.grade_id == slot.grade_id:
        return True
    if slot.role == "written":
        marker = re.compile(rf"\(\s*{re.escape(slot.question)}\s*\)")
        return slot.question in cell.names and _said(cell) is not None if cell.is_python and cell.type == "code" \
            else marker.search(cell.source) is not None
    return bool(slot.question) and cell.question == slot.question


def _take(cell: _Cell, slot: _Slot) -> None:
    cell.done, cell.slot, slot.chosen, slot.seen = True, slot, cell, True


def rebuild(released: NotebookNode, submitted: bytes | NotebookNode) -> tuple[NotebookNode, list[Repair]]:
    """The released notebook with the student's work set into it, and what was repaired on the way.

    released: the assignment as `nbgrader generate_assignment` wrote it (grade ids, points, checksums). It is
    not changed. submitted: the uploaded bytes, or a notebook. The result is valid for nbformat and nbgrader,
    has no outputs but those of cells tagged `train` or `explore`, and depends on nothing but the two
    arguments.
    """
    if not isinstance(submitted, bytes):
        submitted = json.dumps(submitted, default=str).encode()
    notebook, repairs = read_submission(submitted)
    slots, cells = _slots(released), _cells(notebook)
    if cells and not any(c.grade_id for c in cells) and any(s.grade_id for s in slots):
        repairs.append(repair("ids_lost"))
    again = _match_checks(slots, cells, repairs)
    _match_given(slots, cells)
    _match_answers(slots, cells, repairs, again)
    _match_resembling(slots, cells)
    _match_by_content(slots, cells, repairs)
    _note_order(slots, repairs)
    _place_extras(slots, cells, repairs)
    _find_written(slots, cells, repairs)
    _settle_given(slots, cells, repairs)
    _hoist_helpers(slots, cells, repairs, again)
    if not cells:                                                 # one sentence says it all
        repairs = [r for r in repairs if r.kind != "restored"] or [
            repair("unreadable", what="The notebook has no cells")]
    return _assemble(released, slots, cells), repairs


def _match_checks(slots: list[_Slot], cells: list[_Cell], repairs: list[Repair]) -> dict[str, int]:
    """Check cells, and for each question the last cell that checks it once more."""
    checks, again = [s for s in slots if s.role == "check"], {}
    for cell in cells:
        slot = next((s for s in checks if s.grade_id == cell.grade_id), None)
        if cell.type != "code" and slot is None:
            continue
        names, rest = _split_checks(cell.source)
        if slot is None:
            slot = next((s for s in checks if s.question in names), None)
            if slot is None or not _says_nothing(rest) or cell.question:
                again |= dict.fromkeys(names, cell.index)         # a cell of the student's that calls a check
                others = _other_names(cell.source, slot.cell.source) if slot else ""
                if others and any(s.question == slot.question and _is_for(cell, s) and not s.names <= cell.names
                                  for s in slots if s.role == "solution"):
                    cell.learn(f"{cell.source}\n\n{others}")
                    repairs.append(repair("other_name", slot.grade_id, what=others, name=slot.question))
                continue
        known = set(_lines(slot.cell.source))
        rest = "\n".join(line for line in rest.split("\n") if line.strip() not in known)
        if not slot.seen:
            slot.seen, cell.slot = True, slot
            if _plain(cell.source) != _plain(slot.cell.source):
                kept = "" if _says_nothing(rest) else ", and your lines were put before it"
                repairs.append(repair("check_edited", slot.grade_id, name=slot.question, rest=kept))
                others = _other_names(cell.source, slot.cell.source)
                if others:
                    rest = f"{rest.strip()}\n{others}".strip()
                    repairs.append(repair("other_name", slot.grade_id, what=others, name=slot.question))
        else:
            again[slot.question] = cell.index
            repairs.append(repair("copy_dropped", slot.grade_id, name=slot.question))
        cell.grade_id = None
        cell.done = _says_nothing(rest)
        if not cell.done:
            cell.after = slot.rank - 1
            cell.type = "code"
            cell.learn(rest)
    return again


def _match_given(slots: list[_Slot], cells: list[_Cell]) -> None:
    """Given and kept cells that are certain: by grade id, by cell id, or by equal text."""
    given = [s for s in slots if s.role in ("given", "kept")]
    named, same = {}, {}
    for cell in cells:
        if not cell.done and cell.after is None:
            named.setdefault((cell.cell_id, cell.type) if cell.grade_id is None else cell.grade_id, []).append(cell)
            same.setdefault((cell.type, _plain(cell.source)), []).append(cell)
    for slot in given:
        name = slot.grade_id or (slot.cell.get("id"), slot.cell.cell_type)
        text = slot.cell.cell_type, _plain(slot.cell.source)
        found = [c for c in named.get(name, []) if not c.done] or [c for c in same.get(text, []) if not c.done]
        if slot.role == "kept":                                   # of several: the last that ran
            found = [c for c in found if c.outputs][-1:] or found
        if found:
            _take(found[0], slot)
    unchanged = {(s.cell.cell_type, _plain(s.cell.source)) for s in given}
    for cell in cells:
        if not cell.done and (cell.type, _plain(cell.source)) in unchanged:
            cell.done = True                                      # one more copy of a given cell


def _match_answers(slots: list[_Slot], cells: list[_Cell], repairs: list[Repair], again: dict[str, int]) -> None:
    """Solutions and written answers by grade id or marker, or checked once more; the last edited one counts."""
    for slot in (s for s in slots if s.role in ("solution", "written")):
        candidates = [c for c in cells if not c.done and (_is_for(c, slot) or _is_another_try(c, slot, again))]
        edited = []
        for cell in candidates:
            slot.seen = True
            if _untouched(cell.source, slot):
                cell.done, cell.slot = True, slot
            elif slot.role == "written" or slot.names <= cell.names and not _is_stub(cell.source):
                edited.append(cell)
        if not edited:
            continue
        _take(edited[-1], slot)
        slot.moved = not _is_for(edited[-1], slot)
        for cell in edited[:-1]:
            cell.latest = slot.rank - 1
            cell.done = _plain(cell.source) == _plain(slot.chosen.source)
            repairs.append(repair("superseded", slot.grade_id, name=slot.question))


def _is_another_try(cell: _Cell, slot: _Slot, again: dict[str, int]) -> bool:
    """A cell of the student's own that defines the answer and is followed by one more check of it."""
    return (slot.role == "solution" and cell.type == "code" and cell.grade_id is None and cell.after is None
            and not cell.question and bool(slot.names) and slot.names <= cell.names
            and cell.index <= again.get(slot.question, -1))


def _untouched(source: str, slot: _Slot) -> bool:
    if slot.role == "written":
        marker = _lines(slot.cell.source)[:1]
        if not [line for line in _lines(source) if line not in marker]:
            return True
    return not source.strip() or _plain(source) == _plain(slot.cell.source)


def _match_resembling(slots: list[_Slot], cells: list[_Cell]) -> None:
    """Given and kept cells that were edited and have lost their id; copies of training cells."""
    solutions = [s for s in slots if s.role in ("solution", "written")]

    def free(cell: _Cell) -> bool:
        return (not cell.done and cell.after is None and not cell.question
                and not any(_is_for(cell, s) or (s.names and s.names <= cell.names) for s in solutions))

    for slot in slots:
        if slot.role in ("given", "kept") and slot.chosen is None:
            for cell in cells:
                if cell.type == slot.cell.cell_type and free(cell) \
                        and _resembles(cell.source, slot.cell.source):
                    _take(cell, slot)
                    break
    for cell in cells:
        if free(cell) and cell.type == "code":
            for slot in slots:
                if slot.role == "kept" and _resembles(cell.source, slot.cell.source):
                    cell.tags = tuple(t for t in NOT_RUN if t in slot.cell.metadata.tags)


def _match_by_content(slots: list[_Slot], cells: list[_Cell], repairs: list[Repair]) -> None:
    """Open solutions: another cell that defines the names; else whatever stands in the solution's cell."""
    for slot in (s for s in slots if s.role == "solution" and s.chosen is None):
        extras = [c for c in cells if not c.done and slot.names and slot.names <= c.names
                  and (c.type == "code" or c.is_python and not c.fenced) and not _is_stub(c.source)]
        shared = [c for c in cells if c.slot and c.slot.chosen is c and slot.names and slot.names <= c.names
                  and (c.slot.role == "solution" or _is_open(c.slot))]
        kept = next((c for c in reversed(cells) if c.slot and c.slot.chosen is c and c.slot.role == "kept"
                     and slot.names and slot.names <= c.names), None)
        kept = _definitions(kept.source, slot.names) if kept else ""
        marked = [c for c in cells if not c.done and _is_for(c, slot)]
        if extras:
            _take(extras[-1], slot)
            slot.moved = True
            if not any((r.kind, r.grade_id) == ("other_name", slot.question) for r in repairs):
                repairs.append(repair("found_elsewhere", slot.grade_id, name=slot.question))
        elif shared:
            slot.source = shared[-1].code
            repairs.append(repair("shared_cell", slot.grade_id, name=slot.question))
        elif kept and not _is_stub(kept):
            slot.source = kept
            repairs.append(repair("found_in_kept", slot.grade_id, name=slot.question))
        elif marked:
            _take(marked.pop(), slot)
        elif not slot.seen:
            repairs.append(repair("restored", slot.grade_id, name=slot.question))
        for cell in marked:                                       # unfinished, or for another place
            cell.latest = slot.rank - 1
    for slot in slots:
        if slot.chosen and slot.chosen.type != slot.cell.cell_type:
            repairs.append(repair("retyped", slot.grade_id, name=slot.question or slot.grade_id,
                                  was=slot.chosen.type, now=slot.cell.cell_type))
        if slot.chosen and slot.role == "solution":
            slot.source = slot.chosen.code


def _is_open(slot: _Slot) -> bool:
    """A given code cell that students may change."""
    return slot.role == "given" and slot.cell.cell_type == "code" \
        and not slot.cell.metadata.get("nbgrader", {}).get("locked")


def _note_order(slots: list[_Slot], repairs: list[Repair]) -> None:
    order = [s.chosen.index for s in slots if s.chosen and not s.moved]
    if order != sorted(order):
        repairs.append(repair("reordered"))


def _place_extras(slots: list[_Slot], cells: list[_Cell], repairs: list[Repair]) -> None:
    """Extra cells stay behind the released cell that they stood behind, but behind the first code cell."""
    first = next((s.rank for s in slots if s.cell.cell_type == "code"), -1)
    place = -1
    for cell in list(cells):
        if cell.done or cell.after is not None:
            if cell.slot is not None and not cell.slot.moved:
                place = cell.slot.rank
        elif not cell.source.strip():
            cell.done = True
        else:
            cell.after = place
        if not cell.done:
            if cell.type == "code":
                cell.after = max(cell.after, first)
                if not cell.tags and _only_trains(cell.source):
                    cell.tags = ("train",)
                    repairs.append(repair("not_run"))
                    constants = new_names(cell.source, set(), calls=False).code
                    if constants:
                        cells.append(_Cell(cell.index, "code", constants, None, "", [], after=cell.after))
            if cell.latest is not None:
                cell.after = min(cell.after, cell.latest)


def _find_written(slots: list[_Slot], cells: list[_Cell], repairs: list[Repair]) -> None:
    """Written answers: those that were matched, else text that was put below or into the question's cell."""
    for slot in (s for s in slots if s.role == "written"):
        if slot.chosen is not None:
            said = _said(slot.chosen) if slot.chosen.type == "code" and slot.chosen.is_python else None
            slot.source = "\n\n".join([*_lines(slot.cell.source)[:1], said]) if said else slot.chosen.source
            continue
        asking = next((s for s in reversed(slots[:slot.rank]) if s.cell.cell_type == "markdown"), None)
        starts = [c.index for c in cells if c.slot is not None and c.slot in (slot, asking)]
        texts, words = [], []
        if starts:
            for cell in cells[min(starts) + 1:]:
                if not cell.source.strip() or cell.slot is slot:
                    continue
                said = _said(cell)
                if cell.done or said is None:
                    break
                texts.append(cell)
                words.append(said)
        if not words and asking is not None and asking.chosen is not None:
            words = [_added(asking)] if _added(asking) else []
            asking.chosen.source = asking.cell.source if words else asking.chosen.source
        if words:
            for cell in texts:
                cell.done = True
            slot.source = "\n\n".join(_lines(slot.cell.source)[:1] + words)
            repairs.append(repair("answer_found", slot.grade_id, name=slot.question))
        elif not slot.seen:
            repairs.append(repair("restored", slot.grade_id, name=slot.question))


def _said(cell: _Cell) -> str | None:
    """The text of a text cell, or of a code cell that holds, names or shows nothing but text; None for other code."""
    tree = _parsed(ast.parse, cell.source) if cell.type == "code" else None
    if tree is None or _says_nothing(cell.source):
        return cell.source
    said = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        value, shows = node.value if isinstance(node, (ast.Expr, ast.Assign)) else None, False
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and len(value.args) == 1 \
                and value.func.id in ("print", "display", "Markdown"):
            value, shows = value.args[0], True
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            said.append(value.value.strip())
        elif not (shows and isinstance(value, ast.Name)):         # what was said above
            return None
    return "\n\n".join(said) or None


def _added(slot: _Slot) -> str:
    """The lines that a student added to a given cell."""
    known = set(_lines(slot.cell.source))
    return "\n".join(line for line in slot.chosen.source.split("\n")
                     if line.strip() and line.strip() not in known).strip()


def _settle_given(slots: list[_Slot], cells: list[_Cell], repairs: list[Repair]) -> None:
    """Kept cells take the student's text and outputs; given cells stay as released unless they are open."""
    answers = set().union(*(s.names for s in slots if s.role == "solution"))
    for slot in slots:
        first = next(iter(_lines(slot.cell.source)), "")
        name = f"`{slot.grade_id}`" if slot.grade_id else f"that begins with `{first[:40]}`"
        if slot.role == "kept" and slot.chosen is not None:
            slot.outputs = slot.chosen.outputs
            if _plain(slot.chosen.source) != _plain(slot.cell.source):
                slot.source = slot.chosen.source
                given = _all_names_given(slot.cell.source) | answers
                helpers = new_names(slot.chosen.source, given, calls=False).code
                if helpers:         # the cell itself is not run
                    cells.append(_Cell(slot.chosen.index, "code", helpers, None, "", [], after=slot.rank))
        elif slot.role == "given" and slot.chosen is None and slot.grade_id:
            repairs.append(repair("restored", slot.grade_id, name=slot.grade_id))
        elif slot.role == "given" and slot.chosen is not None \
                and _plain(slot.chosen.source) != _plain(slot.cell.source):
            if slot.cell.cell_type == "markdown":
                if _added(slot):                                  # notes typed into a given text
                    note = _Cell(slot.chosen.index, "markdown", _added(slot), None, "", [], after=slot.rank)
                    cells.append(note)
            elif _is_open(slot) and slot.chosen.is_python:
                slot.source = slot.chosen.source
                repairs.append(repair("given_changed", slot.grade_id, name=name))
            else:
                news = new_names(slot.chosen.source, _all_names_given(slot.cell.source))
                added = f", and after it your {_listed(news.kept)}" if news.kept else ""
                left_out = f"; your {_listed(news.lost)} was left out" if news.lost else \
                    "" if slot.chosen.is_python else "; what you had added could not be read"
                repairs.append(repair("given_restored", slot.grade_id, name=name, added=added, left_out=left_out))
                if news.code:
                    cells.append(_Cell(slot.chosen.index, "code", news.code, None, "", [], after=slot.rank))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(f"`{name[:20]}`" for name in names[:4]) + more


def _hoist_helpers(slots: list[_Slot], cells: list[_Cell], repairs: list[Repair], again: dict[str, int]) -> None:
    """A helper that stands behind the first answer that needs it is moved before that answer.

    In the student's kernel it had run before; from top to bottom it would come too late for the check. What stands
    behind a check that was called once more further down belongs to the answer too: a helper that was put right, and
    `VAE.decode = decode`, which is moved between answer and check.
    """
    extras = [c for c in cells if not c.done and c.type == "code" and not c.tags]
    defined_at = {}                                               # released name -> first rank
    for slot in slots:
        if slot.cell.cell_type == "code" and slot.role != "kept":
            source = slot.cell.source if slot.source is None else slot.source
            for name in (_symbols(source) or (frozenset(),))[0]:
                defined_at.setdefault(name, slot.rank)
    definers: dict[str, list[_Cell]] = {}
    completed = {cell: _completed(cell.source) for cell in extras} if again else {}
    for cell in extras:
        for name in cell.names - defined_at.keys():
            definers.setdefault(name, []).append(cell)
    for slot in (s for s in slots if s.role == "solution" and s.source is not None):
        late = [c for c in extras if slot.rank < c.after and c.index <= again.get(slot.question, -1)]
        completing = [c for c in late if slot.names & completed[c]]
        for cell in completing:
            cell.after = slot.rank
            repairs.append(repair("completed", slot.grade_id, name=slot.question))
        uses = (_symbols(slot.source) or ((), frozenset()))[1].union(*(c.uses for c in completing))
        waiting = sorted(uses & definers.keys())
        known = set(waiting)
        while waiting:
            name = waiting.pop()
            righted = [c for c in definers[name] if c in late]
            if not righted and any(cell.after < slot.rank for cell in definers[name]):
                continue
            helper = (righted or definers[name])[-1]
            if helper in completing:
                continue
            helper.after = slot.rank - 1
            new = sorted((helper.uses & definers.keys()) - known)
            known.update(new)
            waiting += new
            repairs.append(repair("helper_moved", slot.grade_id, helper=name, name=slot.question))


def _completed(source: str) -> set[str]:
    """The names whose attributes source sets, by `VAE.decode = decode` or setattr."""
    tree, found = _parsed(ast.parse, source), set()
    for node in ast.walk(tree) if tree else ():
        owner = None
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            owner = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr" and node.args:
            owner = node.args[0]
        if isinstance(owner, ast.Name):
            found.add(owner.id)
    return found


# ---------------------------------------------------------------------------------------- writing

def _assemble(released: NotebookNode, slots: list[_Slot], cells: list[_Cell]) -> NotebookNode:
    notebook = copy.deepcopy(released)
    notebook["cells"] = []
    with_ids = (released.nbformat, released.nbformat_minor) >= (4, 5)
    ids = {c.id for c in released.cells if "id" in c}
    extras = sorted((c for c in cells if not c.done), key=lambda c: (c.after, c.index))

    def add_extras(rank: int) -> None:
        while extras and extras[0].after <= rank:
            cell = extras.pop(0)
            node = new_code_cell(cell.source) if cell.type == "code" else new_markdown_cell(cell.source)
            if cell.tags:
                node.metadata["tags"] = list(cell.tags)
                node["outputs"] = nbformat.from_dict(cell.outputs)
            node["id"] = free_name(f"extra-{cell.index}", ids)
            ids.add(node["id"])
            if not with_ids:
                del node["id"]
            notebook.cells.append(node)

    add_extras(-1)
    for slot in slots:
        node = copy.deepcopy(slot.cell)
        if slot.source is not None:
            node["source"] = slot.source
        if node.cell_type == "code":
            node["outputs"] = nbformat.from_dict(slot.outputs)
            node["execution_count"] = None
        notebook.cells.append(node)
        add_extras(slot.rank)
    return notebook


def fingerprint(notebook: NotebookNode) -> frozenset[str]:
    """What tells which task a notebook belongs to: grade ids, markers, and names that questions define.

    A submission belongs to the task whose released fingerprint shares most with its own.
    """
    found = set()
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id:
            found.add(f"id {grade_id}")
        if cell.cell_type == "markdown":
            found |= {f"answer {name}" for name in re.findall(r"Your answer\W*\(\s*(\w+)\s*\)", cell.source)}
            continue
        if _marked(cell.source):
            found.add(f"question {_marked(cell.source)}")
        found |= {f"check {name}" for name in _split_checks(cell.source)[0]}
        found |= {f"defines {name}" for name in _DEFINITION.findall(cell.source)}
    return frozenset(found)
