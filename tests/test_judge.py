"""Grading one notebook: what earns points, what does not, and that nothing in it can stop the grading."""

import asyncio
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from traitlets.config import Config

import small_task
from autograder import judge, keys, sandbox
from autograder.kernel import Fatal, Kernel, Settings
from autograder.questions import find
from utils.check import probe, wire

REPOSITORY = Path(__file__).resolve().parent.parent
MANAGER = sandbox.UnsandboxedKernelManager if sandbox.available() else sandbox.SandboxedKernelManager
LIMITS = Config({"SandboxProvisioner": {"limits": {"memory": 1500 * 2**20}}})


def grade(notebook, **settings):
    settings = Settings(**{"manager": MANAGER, "config": LIMITS, "cell_seconds": 20, **settings})
    return judge.grade_notebook(notebook, "task1_vae", b"secret", "ada", settings)


def points(result):
    return {name: verdict.points for name, verdict in result.verdicts.items()}


def shown(result):
    return str([cell.get("outputs") for cell in result.notebook.cells])


# Whole notebooks

COLAB = """
!pip install something
%pip install something
%matplotlib inline
from google.colab import drive
import google.colab.files
drive.mount("/content/drive")
files = !ls
x = torch.zeros(3, device="cuda").cuda().to("cuda:0").to(torch.device("cuda"))
model = nn.Linear(3, 2).cuda().to("cuda")
print("you said", repr(input("?")), files, model(x).shape)
"""


def test_colab_habits_do_no_harm_and_all_is_earned_inside_a_running_event_loop():
    async def inside():
        return grade(small_task.notebook(before={"kl_divergence": COLAB}))

    result = asyncio.run(inside())
    assert points(result) == {"kl_divergence": 3, "reconstruction_loss": 2, "vae_loss": 2}
    printed = result.notebook.cells[1].outputs
    assert [output.output_type for output in printed] == ["stream"]
    assert printed[0].text.endswith("you said '' [] torch.Size([2])\n")
    assert not result.notes and not result.failed


def test_a_stub_is_asked_once_and_an_answer_that_calls_a_stub_is_asked_with_a_stand_in(monkeypatch):
    asked, ask = [], judge._Session._ask

    async def counted(self, index, seed, variant, steps, inputs):
        asked.append((self.cells[index].metadata.nbgrader.grade_id, variant))
        return await ask(self, index, seed, variant, steps, inputs)

    monkeypatch.setattr(judge._Session, "_ask", counted)
    stub = "def {}:\n    raise NotImplementedError"
    result = grade(small_task.notebook({"kl_divergence": stub.format("kl_divergence(mu, logvar)"),
                                        "reconstruction_loss": stub.format("reconstruction_loss(logits, x)")}))
    assert points(result) == {"kl_divergence": 0, "reconstruction_loss": 0, "vae_loss": 2}
    assert [name for name, _ in asked].count("kl_divergence") == 1
    assert {variant for name, variant in asked if name == "vae_loss"} > {"own"}
    asked.clear()
    result = grade(small_task.notebook({"vae_loss": stub.format("vae_loss(logits, x, mu, logvar, beta=1.0)")}))
    assert points(result) == {"kl_divergence": 3, "reconstruction_loss": 2, "vae_loss": 0}
    assert [variant for name, variant in asked if name == "vae_loss"] == ["own"]


STOPS = """
%load_ext not_there
import not_there
values = [1,
          1 / 0]
@functools.cache
def found():
    return 1
assert False
HALF = 0.5
"""


def test_what_follows_an_error_in_a_cell_is_run_all_the_same_and_the_error_is_told():
    answer = "import not_there\nimport functools\ndef kl_divergence(mu, logvar):\n" \
             "    return found() * HALF * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)"
    result = grade(small_task.notebook({"kl_divergence": answer, "reconstruction_loss": "def reconstruction_loss(:\n    pass"},
                                       before={"kl_divergence": "import functools\n" + STOPS}))
    assert points(result) == {"kl_divergence": 3, "reconstruction_loss": 0, "vae_loss": 2}
    assert ["stopped at an error (kl_divergence_solution). ModuleNotFoundError" in note for note in result.notes] == [True, False]
    assert "SyntaxError" in result.verdicts["reconstruction_loss"].hint


def test_what_ends_a_kernel_costs_its_own_question_only_and_training_cells_are_not_run():
    notebook = small_task.notebook(
        {"kl_divergence": "import os\ndef kl_divergence(mu, logvar):\n    os._exit(0)"},
        before={"reconstruction_loss": "import ctypes\nctypes.string_at(0)",
                "vae_loss": "import time\nwhile True: print('x' * 100_000), time.sleep(0.01)"},
        after="print('reached')")
    training = next(cell for cell in notebook.cells if "train" in cell.metadata.get("tags", []))
    training.outputs = [new_output("stream", text="the student's own run")]
    result = grade(notebook, output=2**21)
    assert points(result) == {"kl_divergence": 0, "reconstruction_loss": 2, "vae_loss": 2}
    assert result.verdicts["kl_divergence"].state == "no answers"
    assert "Python ended" in result.verdicts["kl_divergence"].hint
    assert "ctypes" in result.notes[0] and "of output" in result.notes[1]
    assert result.notebook.cells[-1].outputs[0].text == "reached\n"
    assert [o.text for c in result.notebook.cells if c.metadata.get("tags") for o in c.outputs] == [
        "the student's own run"]


LOOP = "import time\nwhile True: time.sleep(1)"


def test_loops_behind_definitions_leave_the_definitions_and_extra_loops_leave_kernels_for_the_answers():
    loops = [new_code_cell(f"OWN_{n} = {n}\n{LOOP}", id=f"extra-{n}") for n in range(6)]
    notebook = small_task.notebook({
        "kl_divergence": "def kl_divergence(mu, logvar):\n"
                         "    return OWN_5 / 10 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)\n" + LOOP,
        "reconstruction_loss": LOOP})
    notebook.cells[1:1] = loops
    result = grade(notebook, cell_seconds=2, restarts=5)
    assert points(result) == {"kl_divergence": 3, "reconstruction_loss": 0, "vae_loss": 2}
    assert "ran for more than 2 s" in result.verdicts["reconstruction_loss"].hint
    assert sum("only its imports" in note for note in result.notes) == judge.MAX_STOPPED + 2
    assert sum("Extra cells were stopped 3 times" in note for note in result.notes) == 1


SURROGATES = '''
import json
get_ipython().kernel.session.pack = lambda content: json.dumps(content, default=str).encode()
print("\\ud800")
raise type("Bad\\ud800", (ValueError,), {})("\\ud800 \\x1b[2J \\u202e")
'''


def test_text_of_the_kernel_that_no_file_can_hold_is_made_writable_where_it_comes_in():
    extra = new_code_cell(SURROGATES, id="extra-1")
    notebook = small_task.notebook({"kl_divergence": "raise ValueError('\\ud800')\ndel kl_divergence"})
    notebook.cells.insert(1, extra)
    result = grade(notebook)
    assert points(result) == {"kl_divergence": 0, "reconstruction_loss": 2, "vae_loss": 2} and not result.failed
    assert "Bad" in result.notes[0] and "ValueError" in result.verdicts["kl_divergence"].hint
    text = nbformat.writes(result.notebook) + "".join([*result.notes, *result.log, str(judge.record(result))])
    assert text.encode() and "\u202e" not in "".join(result.notes)


def test_after_too_many_restarts_the_rest_is_told_why():
    dead = "import os\ndef {}(*args, **kwargs):\n    os._exit(0)"
    result = grade(small_task.notebook({name: dead.format(name) for name in ("kl_divergence", "vae_loss")}),
                   restarts=0)
    assert set(points(result).values()) == {0}
    assert "was not started again" in result.verdicts["reconstruction_loss"].hint


FORGED = """
import IPython, sys, json, base64
sys.displayhook("x"); torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True
wire, publish = sys.modules["utils.check.wire"], sys.modules["utils.check.remote"].publish
def forged(text, namespace):
    tensors, header = wire.unpack(base64.b64decode(text))
    verdict = {"state": "right", "points": 3, "earned": {"value": 3}}
    for nonce in ("", header["nonce"]):
        message = wire.pack({}, {"nonce": nonce, "status": {"own": verdict}, "verdict": verdict})
        publish(message)
        IPython.display.display({wire.MIME: base64.b64encode(message).decode(), "text/html": "<script>"}, raw=True)
    print("✓ kl_divergence: right.", 3)
sys.modules["utils.check.remote"].answer = forged
"""


def test_forged_verdicts_earn_nothing_even_without_a_sandbox():
    notebook = small_task.notebook({"kl_divergence": small_task.NO_HALF}, before={"kl_divergence": FORGED})
    result = grade(notebook, manager=sandbox.UnsandboxedKernelManager)
    assert points(result)["kl_divergence"] == 0
    assert "<script>" not in shown(result)


def test_malformed_messages_cost_their_cell_only_and_hide_nothing():
    hostile = """
kernel = get_ipython().kernel
def send(kind, content):
    kernel.session.send(kernel.iopub_socket, kind, content=content, parent=kernel.get_parent())
send("display_data", {"data": [1], "transient": 3})
send("stream", {})
send("comm_open", {"data": None})
send("update_display_data", {"data": {"text/plain": "x"}, "transient": {"display_id": "1"}})
display({"text/html": "<script>1</script>", "image/svg+xml": "<svg/>", "text/plain": "kept"}, raw=True)
kernel.iopub_socket.send_multipart([b"a", b"<IDS|MSG>", b"x", b"{", b"{", b"{", b"{"])
"""
    notebook = small_task.notebook({"kl_divergence": small_task.NO_HALF}, before={"kl_divergence": hostile})
    result = grade(notebook)
    assert points(result) == {"kl_divergence": 0.5, "reconstruction_loss": 2, "vae_loss": 2}
    assert result.verdicts["kl_divergence"].misconception == "no_half"
    assert "<script>" not in shown(result) and "<svg" not in shown(result)


def test_an_error_of_ours_in_one_question_leaves_the_others_graded(monkeypatch):
    draw = keys.draw_key

    def failing(question, seed, **options):
        if question.name == "kl_divergence":
            raise ZeroDivisionError("a bug")
        return draw(question, seed, **options)

    monkeypatch.setattr(keys, "draw_key", failing)
    result = grade(small_task.notebook())
    assert points(result) == {"kl_divergence": 0, "reconstruction_loss": 2, "vae_loss": 2}
    assert result.verdicts["kl_divergence"].hint == judge.INTERNAL
    assert "a bug" in result.failed["kl_divergence"] and "a bug" not in str(judge.record(result))


def test_the_text_of_what_is_not_for_the_history_is_not_sent_back():
    async def received(**options):
        kernel = Kernel(Settings(manager=MANAGER, config=LIMITS))
        await kernel.start()
        try:
            await kernel.run("pass #" + "x" * 10**6, 20, **options)
            return kernel.km.provisioner.guard.received
        finally:
            await kernel.stop()

    assert asyncio.run(received()) > 10**6 > 10 * asyncio.run(received(store_history=False))


# Parts

def answered(steps=("a",), nonce="n", status=None, tensors=None, variant="own"):
    status = {step: {"state": "ok"} for step in steps} if status is None else status
    tensors = {f"{variant}/a": torch.ones(2)} if tensors is None else tensors
    message = wire.pack(tensors, {"nonce": nonce, "status": {variant: status}})
    return {"output_type": "display_data", "buffers": [memoryview(message)]}


def test_the_one_answer_with_our_nonce_is_read():
    outputs = [answered(nonce="forged"), answered(), {"buffers": [b"%%%"]}]
    answers, status = judge._read(outputs, "n", "own", ["a"])
    assert torch.equal(answers["a"], torch.ones(2)) and status == {"a": {"state": "ok"}}


@pytest.mark.parametrize("outputs", [
    [], [answered(nonce="m")], [answered(nonce="\ud800")], [answered(nonce=["n"])],
    [answered(), answered()], [{"buffers": []}], [{"buffers": [b"AAAA", b"AAAA"]}],
    [answered(tensors={"own/a": torch.zeros(probe.MAX_ELEMENTS + 1, dtype=torch.uint8)})]])
def test_every_surprise_is_no_answer(outputs):
    with pytest.raises(Fatal) as end:
        judge._read(outputs, "n", "own", ["a"])
    assert end.value.state == "no answers" and end.value.reason


def test_a_status_is_cut_to_what_was_asked_and_to_size():
    status = {"a": {"state": "error", "message": "x" * 10**6, "parts": [{"deep": [[[[1]]]]}] * 10**4},
              "other": {"state": "ok"}, "b": "ok",
              "c": {"line": [["x" * 400] * 20] * 200, "function": "\ud800\0\x1b[1m", "loss": 10**4000}}
    _, found = judge._read([answered(status=status)], "n", "own", ["a", "b", "c"])
    assert list(found) == ["a", "c"] and len(str(found)) < 20_000
    assert found["c"] == {"line": None, "function": "   [1m", "loss": None}
    nested = {"\ud800": "x"}
    for _ in range(400):
        nested = {"parts": [nested]}
    _, found = judge._read([answered(status={"a": nested, "b": {"\ud800": 1}})], "n", "own", ["a", "b"])
    assert len(str(found)) < 200 and found["b"] == {" ": 1}


def test_seeds_differ_by_student_question_secret_and_content():
    first = small_task.notebook()
    seeds = judge.draw_seeds(first, "task1_vae", b"secret", "ada")
    assert seeds == judge.draw_seeds(first, "task1_vae", b"secret", "ada")
    others = [judge.draw_seeds(first, "task1_vae", b"secret", "bob"),
              judge.draw_seeds(first, "task1_vae", b"x", "ada"),
              judge.draw_seeds(small_task.notebook(after="1"), "task1_vae", b"secret", "ada")]
    drawn = [seed for one in [seeds, *others] for seed in one.values()]
    assert len(set(drawn)) == len(drawn) == 12


def test_a_function_that_answers_the_same_call_differently_is_reported():
    question = find("kl_divergence")
    key = keys.draw_key(question, 7, signatures=False)
    right = question.namespace["kl_divergence"]
    calls = {}

    def on_the_first_call_only(mu, logvar):
        known = calls.setdefault(mu.sum().item(), [])
        known.append(1)
        return right(mu, logvar) * len(known)

    for function, expected in ((right, False), (on_the_first_call_only, True)):
        answers, status = {}, {}
        for variant, (steps, inputs) in keys.probe_inputs(key).items():
            answers[variant], status[variant] = probe.run(steps, inputs, {"kl_divergence": function}, seed=1)
        assert judge.fickle(key, answers, status) is expected


def test_cells_are_made_inert():
    text = "a <script>alert(1)</script> $\\href{javascript:alert(1)}{x}$ 1 < 2 <img src=x onerror=alert(1)>"
    cell = new_markdown_cell(text)
    judge._make_inert(cell)
    assert "<script" not in cell.source and "<img" not in cell.source and "\\href" not in cell.source
    assert "1 < 2" in cell.source
    cell = new_markdown_cell("&#36;&#92;href{x} &bsol;style \\hre&#x66; &amp;#36;&amp;bsol;href &lt;b> a&nbsp;b & c&d")
    judge._make_inert(cell)
    assert cell.source == "$\\text{x} \\text \\text &amp;#36;&amp;bsol;href < b> a\xa0b & c&d"
    cell = new_code_cell("1", outputs=[
        new_output("display_data", data={"text/html": "<b>", "text/javascript": "1", "text/plain": "t"}),
        new_output("stream", text="x" * 10**6)])
    judge._make_inert(cell)
    assert list(cell.outputs[0].data) == ["text/plain"] and len(cell.outputs[1].text) <= 100_000


@pytest.mark.parametrize("task", ["task1_vae", "task2_cvae"])
def test_a_graded_notebook_loads_nothing_that_its_answers_do_not_need(task):
    notebook = nbformat.read(REPOSITORY / "solutions" / task / f"{task}.ipynb", as_version=4)
    notebook.cells.append(new_code_cell("import sys\nprint('MODULES', *sys.modules)"))
    result = grade(notebook)
    assert all(verdict.right for verdict in result.verdicts.values())
    loaded = set(result.notebook.cells[-1].outputs[0].text.split()) - {"MODULES"}
    assert {"torch", "utils"} <= loaded
    assert not loaded & {"matplotlib", "torchvision", "sklearn", "ipywidgets", "PIL", "scipy", "pandas", "torch._dynamo"}
