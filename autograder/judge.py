"""From a rebuilt notebook to verdicts: run its cells in a kernel, ask for answers, judge them here.

A check cell is never run as the student could have it. In its place the kernel gets freshly drawn inputs and
sends back answers; keys, references and verdicts stay in this process. Whatever the notebook does ends in a
verdict.
"""

import asyncio
import concurrent.futures
import copy
import dataclasses
import hashlib
import html
import re
import secrets
import time
import traceback
from dataclasses import dataclass, field

from nbformat import NotebookNode

from autograder import keys
from autograder.kernel import Fatal, Kernel, Settings
from autograder.questions import QUESTIONS, find
from autograder.reading import inert_outputs, without_blanks
from autograder.rebuild import NOT_RUN, new_names
from utils.check import remote, wire
from utils.check.probe import MAX_ELEMENTS
from utils.check.show import as_html, as_text
from utils.check.tests import RUN_ITS_CELL, TESTS, Case
from utils.check.verdict import Key, Verdict, conclude, examine, no_verdict

INTERNAL = "This question could not be graded because of an internal error; it is looked at by hand."
MAX_TEXT = 500
MAX_STOPPED = 3     # extra cells that end a kernel, before no other is run in full: the answers need kernels, too


@dataclass
class Result:
    """What came of one notebook.

    verdicts: by question. notes: sentences for student and instructor on what went wrong while it ran.
    failed: questions that an error of ours kept from being graded. seeds: by question; with them a second run
    gives the same verdicts. seconds: "start" (of kernels), "cells", "checks" (in the kernel), "judging"
    (here), "total".
    notebook: as executed, with verdicts under the check cells and no output that a viewer could run.
    """

    task: str
    student: str
    seeds: dict[str, int]
    notebook: NotebookNode
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def grade_notebook(notebook: NotebookNode, task: str, secret: bytes, student: str,
                   settings: Settings = Settings(), seeds: dict[str, int] | None = None) -> Result:
    """Run a rebuilt notebook and judge its answers. Nothing that the notebook does raises an exception here.

    seeds: of an earlier result, to repeat it; by default drawn from the secret. Raises what a kernel raises
    that cannot be started at all.
    """
    seeds = seeds or draw_seeds(notebook, task, secret, student)
    result = Result(task, student, seeds, copy.deepcopy(notebook))
    _in_own_loop(_Session(result, settings).grade())
    return result


def draw_seeds(notebook: NotebookNode, task: str, secret: bytes, student: str) -> dict[str, int]:
    """A seed for each question of the notebook. Another notebook of the same student gets others, so that
    what it saw of its inputs is of no use in a second submission."""
    content = hashlib.sha256("\0".join(cell.source for cell in notebook.cells).encode()).hexdigest()
    return {cell.metadata.nbgrader.grade_id:
            keys.seed_for(secret, student, task, cell.metadata.nbgrader.grade_id, content)
            for cell in notebook.cells if is_check(cell)}


def is_check(cell: NotebookNode) -> bool:
    """A graded code cell: its grade id is the question's name."""
    mark = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(mark.get("grade")) and not mark.get("solution")


def is_run(cell: NotebookNode) -> bool:
    """A cell that is run as it is: no check, and none that trains or explores."""
    return (cell.cell_type == "code" and not is_check(cell) and bool(cell.source.strip())
            and not set(NOT_RUN) & set(cell.metadata.get("tags", [])))


def _in_own_loop(coroutine):
    """Run to the end, also where an event loop is running already (formgrader grades inside its server)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        running = False
    else:
        running = True
    if not running:
        return asyncio.run(coroutine)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


class _Session:
    """One notebook on its way through as many kernels as it takes."""

    def __init__(self, result: Result, settings: Settings):
        self.result, self.settings = result, settings
        self.cells = result.notebook.cells
        self.kernel: Kernel | None = None
        self.fatal: dict[int, Fatal] = {}       # cells that ended a kernel
        self.instead: dict[int, str] = {}       # what is run in place of a cell: its definitions, or nothing
        self.stopped = 0                        # how often extra cells ended a kernel
        self.ended: set[str] = set()            # questions whose answers ended a kernel
        self.over: Fatal | None = None          # why nothing is run any more
        self.ran: set[int] = set()
        self.starts = 0
        self.deadline = time.monotonic() + settings.notebook_seconds
        self.seconds = dict.fromkeys(("start", "cells", "checks", "judging"), 0.0)

    async def grade(self) -> None:
        started = time.monotonic()
        for cell in self.cells:
            _make_inert(cell)
        try:
            for index, cell in enumerate(self.cells):
                if is_check(cell):
                    await self._judge(index)
                elif is_run(cell):
                    await self._run_cell(index)
        finally:
            await self._drop_kernel()
        self.seconds["total"] = time.monotonic() - started
        self.result.seconds = {name: round(value, 3) for name, value in self.seconds.items()}

    # Kernels

    async def _kernel_at(self, index: int) -> Kernel:
        """A kernel in which all cells before `index` have run, or what is run instead of them. Raises Fatal."""
        while self.kernel is None and self.over is None:
            if self.starts > self.settings.restarts:
                self._give_up("no answers", f"Cells of this notebook ended the kernel {self.starts} times; "
                              "it was not started again.")
            else:
                await self._start_kernel()
                for earlier in range(index):
                    if self.kernel is not None and is_run(self.cells[earlier]):
                        await self._run_cell(earlier)
        if self.over is not None:
            raise self.over
        return self.kernel

    def _give_up(self, state: str, reason: str) -> None:
        self.over = Fatal(state, reason)
        self.result.notes.append(reason)

    async def _start_kernel(self) -> None:
        first, self.starts = self.starts == 0, self.starts + 1
        started = time.monotonic()
        kernel = Kernel(self.settings)
        try:
            await kernel.start()
        except Exception as error:
            await kernel.stop()
            if first:
                raise       # nothing of the student's has run yet
            self._log(f"the kernel could not be started again: {error!r}")
            self._give_up("no answers", "The kernel could not be started again after a cell had ended it.")
            return
        self.kernel = kernel
        self.seconds["start"] += time.monotonic() - started

    async def _drop_kernel(self) -> None:
        if self.kernel is not None:
            kernel, self.kernel = self.kernel, None
            await kernel.stop()

    async def _execute(self, index: int, source: str, bucket: str, **options) -> list:
        """Run `source` at the place of cell `index`. A Fatal end costs the kernel and is passed on."""
        kernel = await self._kernel_at(index)
        started = time.monotonic()
        left = self.deadline - started
        if left <= 0:
            allowed = self.settings.notebook_seconds
            self._give_up("out of time", f"The notebook had used all of its {allowed:g} s.")
            raise self.over
        try:
            return await kernel.run(source, min(left, self.settings.cell_seconds), **options)
        except Fatal as end:
            self._log(f"cell {index}: {end.state}: {end.reason} {end.__cause__ or ''}".rstrip())
            await self._drop_kernel()
            raise
        finally:
            self.seconds[bucket] += time.monotonic() - started

    async def _run_cell(self, index: int) -> None:
        cell = self.cells[index]
        if self.stopped >= MAX_STOPPED and _is_extra(cell) and index not in self.ran:
            self.instead.setdefault(index, _definitions(cell.source))
        source = self.instead.get(index, cell.source)
        if not source or self.over is not None:
            return
        try:
            outputs = await self._execute(index, source, "cells")
        except Fatal as end:
            if end is not self.over:
                self._note_end(index, end)
            return
        if index not in self.ran:
            self.ran.add(index)
            cell.outputs = inert_outputs(outputs)
            if _is_students(cell) and _error(cell):
                self.result.notes.append(f"A cell stopped at an error ({_title(cell)}). {_error(cell)}")

    def _note_end(self, index: int, end: Fatal) -> None:
        """A cell ended the kernel: in the next one its definitions are run alone; if they end that, too, nothing."""
        cell = self.cells[index]
        self.instead[index] = "" if index in self.instead else _definitions(cell.source)
        self.fatal[index] = end
        what = ("stopped; only its imports, definitions and plain assignments count" if self.instead[index] else
                "stopped and left out")
        self.result.notes.append(f"A cell was {what} ({_title(cell)}). {end.reason}")
        if _is_extra(cell):
            self.stopped += 1
            if self.stopped == MAX_STOPPED:
                self.result.notes.append(f"Extra cells were stopped {MAX_STOPPED} times: of all later ones, only "
                                         "imports, definitions and plain assignments were run.")

    # Questions

    async def _judge(self, index: int) -> None:
        cell = self.cells[index]
        name = cell.metadata.nbgrader.grade_id
        try:
            verdict = await self._verdict(index, name)
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise
        except Exception:       # ours: the other questions are still graded
            error = traceback.format_exc()
            self._log(f"{name}: internal error")
            self.result.failed[name] = error
            points = float(cell.metadata.nbgrader.get("points", 0))
            verdict = Verdict(name, "no answers", 0.0, points, {}, [], INTERNAL)
        if verdict.hint.endswith(" is not defined: " + RUN_ITS_CELL):
            verdict = dataclasses.replace(verdict, hint=self._why_undefined(name) or verdict.hint)
        self.result.verdicts[name] = verdict
        # A hint may quote the student's words; the class keeps MathJax from reading them as formulas.
        shown = {"text/html": f'<div class="tex2jax_ignore mathjax_ignore">{as_html(verdict)}</div>',
                 "text/plain": as_text(verdict)}
        cell.outputs = [NotebookNode(output_type="display_data", data=NotebookNode(shown), metadata=NotebookNode())]
        cell.execution_count = None

    async def _verdict(self, index: int, name: str) -> Verdict:
        question, seed = find(name), self.result.seeds[name]
        key = keys.draw_key(question, seed, signatures=False, looks=())
        own = self._fatal_solution(name)
        if own is not None:
            return no_verdict(key, own.state, own.reason)
        answers, status, ends, examined = {}, {}, [], None
        # One request for each variant: where an endless earlier answer stops one, the others still count, and the
        # best counts, so that none is made after a right one, or where there is nothing yet to be right.
        for look, replaced in question.looks.items():
            if self.ended & (set(question.calls) - set(replaced)):
                continue
            started = time.monotonic()
            variant = keys.draw_look(question, seed, look)
            key = dataclasses.replace(key, variants=[*key.variants, variant])
            self.seconds["judging"] += time.monotonic() - started
            try:
                answers[look], status[look] = await self._ask(index, seed, look, variant.steps, keys.used_inputs(variant))
            except Fatal as end:
                ends.append(end)
                self.ended.add(name)
            else:
                started = time.monotonic()
                examined = examine(key.asked(answers), answers, status)
                self.seconds["judging"] += time.monotonic() - started
                if conclude(key, examined).right or _unattempted(question.answers, status[look]):
                    break
        if examined is None:
            return no_verdict(key, ends[0].state, ends[0].reason)
        started = time.monotonic()
        key = key.asked(answers)
        verdict = keys.named(question, key, seed, examined)
        if fickle(key, answers, status):
            self.result.notes.append(f"`{name}` gave different results when it was asked the same twice.")
        self.seconds["judging"] += time.monotonic() - started
        return verdict

    def _fatal_solution(self, name: str) -> Fatal | None:
        """How the question's own cell ended the kernel, if it did and has no definitions that can be run."""
        for index, end in self.fatal.items():
            if _is_solution(self.cells[index], name) and not self.instead[index]:
                return end
        return None

    def _why_undefined(self, name: str) -> str:
        """What went wrong in the question's own cell; "" if nothing did."""
        for index, cell in enumerate(self.cells):
            if _is_solution(cell, name) and index in self.fatal:
                return f"Its cell was stopped. {self.fatal[index].reason}"
            if _is_solution(cell, name) and _error(cell):
                return f"Its cell stopped at an error. {_error(cell)}"
        return ""

    async def _ask(self, index: int, seed: int, variant: str, steps: list, inputs: dict) -> tuple[dict, dict]:
        """Answers and status of one variant, from the kernel. Raises Fatal where there are none."""
        nonce = secrets.token_hex(16)
        # The kernel's own random numbers have a seed of their own: nothing of a key can be drawn from it.
        header = {"nonce": nonce, "variants": {variant: steps},
                  "seed": int.from_bytes(hashlib.sha256(f"kernel {seed} {variant}".encode()).digest()[:7], "big")}
        message = wire.pack({f"{variant}/{name}": value for name, value in inputs.items()}, header)
        outputs = await self._execute(index, remote.REQUEST, "checks", only=wire.MIME, store_history=False, beside=message)
        return _read(outputs, nonce, variant, [step["as"] for step in steps])

    def _log(self, line: str) -> None:
        self.result.log.append(f"{time.strftime('%H:%M:%S')} {_line(line, 2000)}")


def _unattempted(names: tuple, status: dict) -> bool:
    """Whether the question's own stubs are all that answered: no stand-in for an earlier answer changes that."""
    return (any(facts.get("state") == "not attempted" and facts.get("function") in names for facts in status.values())
            and not any(facts.get("kind") for facts in status.values()))


def _read(outputs: list, nonce: str, variant: str, names: list[str]) -> tuple[dict, dict]:
    """Answers and status of `variant` in the outputs of our request, which may hold anything."""
    found, damage = [], "Your notebook gave no answers for this question."
    for output in outputs:
        try:
            tensors, header = wire.unpack(b"".join(output["buffers"]))
        except wire.WireError as error:
            damage = f"The answers that came cannot be read: {error}."
            continue
        if header.get("nonce") == nonce:
            found.append((tensors, header))
    if len(found) > 1:
        damage = "More than one set of answers came for this question, so none can count."
    if len(found) != 1:
        raise Fatal("no answers", damage)
    tensors, header = found[0]
    if sum(tensor.numel() for tensor in tensors.values()) > MAX_ELEMENTS:       # right answers have a tenth of it
        raise Fatal("no answers", "The answers that came are too large.")
    facts = header.get("status")
    facts = facts.get(variant) if isinstance(facts, dict) else None
    facts = facts if isinstance(facts, dict) else {}
    prefix = f"{variant}/"
    return ({name.removeprefix(prefix): tensor
             for name, tensor in tensors.items() if name.startswith(prefix)},
            {name: _bounded(facts[name]) for name in names if isinstance(facts.get(name), dict)})


MAX_DEPTH = 3
LISTS = ("parts", "shape", "modules", "trained", "through", "detached")     # of a step's facts


def _bounded(facts: dict) -> dict:
    """A step's facts without anything large or strange: they end up in sentences."""
    def bounded(name, value, depth):
        if isinstance(value, str):
            return _line(value, MAX_TEXT)
        if isinstance(value, (bool, float)) or isinstance(value, int) and abs(value) < 2**63:
            return value
        if isinstance(value, list) and name in LISTS and depth < MAX_DEPTH:
            return [bounded_all(one, depth + 1) if isinstance(one, dict) else bounded("", one, depth)
                    for one in value[:200]]
        return None

    def bounded_all(values: dict, depth: int) -> dict:
        return {_line(name, 60): bounded(name, value, depth) for name, value in list(values.items())[:60]}

    return bounded_all(facts, 0)


def _line(text: str, most: int) -> str:
    """The beginning of a text as one line that every file, database and page can hold."""
    text = text[:most]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


NOT_ASKED = ("as", "grad", "weights", "no_grad")     # of a step: what does not change what a call should return


def fickle(key: Key, answers: dict, status: dict) -> bool:
    """Whether a step that was asked twice, and must give the same, gave something else the second time."""
    for variant in key.variants:
        case = Case(variant.inputs, variant.expected, answers.get(variant.name, {}),
                    status.get(variant.name, {}), variant.steps)
        steps = {step["as"]: {name: value for name, value in step.items() if name not in NOT_ASKED}
                 for step in variant.steps}
        for test in variant.tests:
            if test["test"] == "same" and steps[_step(test["of"])] == steps[_step(test["other"])]:
                arguments = {name: test[name] for name in ("of", "other", "rtol", "atol") if name in test}
                outcome = TESTS["same"](case, **arguments)
                if not outcome.ok and outcome.summary == ["differs"]:
                    return True
    return False


def _step(answer: str) -> str:
    return answer.partition(".")[0]


def _make_inert(cell: NotebookNode) -> None:
    """Leave nothing in a cell that a browser could run: formgrader and feedback show it."""
    if cell.cell_type == "code" and not is_check(cell):
        cell.source = without_blanks(cell.source)
        cell.outputs = inert_outputs(cell.outputs)
    elif cell.cell_type == "markdown" and not cell.metadata.get("nbgrader", {}).get("locked"):
        # As characters, so that none is hidden below; what then still looks like an entity is text.
        decoded = _ENTITY.sub(lambda entity: html.unescape(entity[0]), cell.source)
        cell.source = _ENTITY.sub(lambda entity: html.escape(entity[0]), decoded)
        cell.source = _LINK.sub("] ", _TAG.sub("< ", _ACTIVE_TEX.sub(r"\\text", cell.source)))


_ENTITY = re.compile(r"&#?\w+;")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LINK = re.compile(r"\](?=[(:])")      # what it leads to may run code, and pictures tell who looks at them
_ACTIVE_TEX = re.compile(r"\\(?:href|style|class|cssId|require|mmlToken|bbox|unicode|csname|includegraphics|html\w*)"
                         r"(?![A-Za-z])")


def _is_solution(cell: NotebookNode, name: str) -> bool:
    return cell.metadata.get("nbgrader", {}).get("grade_id") == f"{name}_solution"


def _is_extra(cell: NotebookNode) -> bool:
    """A cell that was not released."""
    return cell.get("id", "").startswith("extra-")


def _definitions(source: str) -> str:
    """What a cell defines without running long: imports, functions, classes, and assignments that cost nothing."""
    return new_names(source, set(), calls=False).code


def _is_students(cell: NotebookNode) -> bool:
    """A solution, or a cell that was not released."""
    return cell.metadata.get("nbgrader", {}).get("solution", _is_extra(cell))


def _error(cell: NotebookNode) -> str:
    """The first error of a cell that ran, with its line."""
    error = next((output for output in cell.outputs if output.output_type == "error"), None)
    if error is None:
        return ""
    text = _line(" ".join(f"{error.ename}: {error.evalue}".split()), 200)
    lines = re.findall(r"^-+> *\d+ (.+)$", _COLOUR.sub("", "\n".join(error.traceback)), re.MULTILINE)
    return f"{text} (`{_line(lines[0].strip(), 100)}`)" if lines else text


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _title(cell: NotebookNode) -> str:
    """How to find a cell: its grade id, else its first line."""
    first = cell.source.strip().splitlines()[0]
    return cell.metadata.get("nbgrader", {}).get("grade_id") or f"`{_line(first, 60)}`"


def record(result: Result) -> dict:
    """The result as JSON: all that feedback and reports need, and nothing of a key."""
    return {"task": result.task, "student": result.student, "notes": result.notes, "seconds": result.seconds,
            "failed": sorted(result.failed),
            "seeds_id": hashlib.sha256(repr(sorted(result.seeds.items())).encode()).hexdigest()[:12],
            "questions": {name: {
                "state": verdict.state, "points": verdict.points, "max_points": verdict.max_points,
                "hint": verdict.hint, "misconception": verdict.misconception, "checked": verdict.checked,
                "extra": name in QUESTIONS and QUESTIONS[name].extra,
                "criteria": [{"name": c.name, "title": c.title, "points": c.points,
                              "earned": verdict.earned.get(c.name, 0.0)} for c in verdict.criteria]}
                for name, verdict in result.verdicts.items()}}
