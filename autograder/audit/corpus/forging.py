"""Wrong notebooks that claim to be right. Without a word on points: they deserve none."""

from autograder.audit.corpus import WRONG, hostile

SHELL = "shell = get_ipython()\n"
KL, GRID = WRONG["kl_divergence"], WRONG["latent_grid"]

# ------------------------------------------------------------------- what decides in the student's own process

hostile("transformer", "every later cell becomes `pass`", first=SHELL + """
shell.input_transformers_post.append(lambda lines: ["pass\\n"])
""")
hostile("ast-transformer", "no cell keeps its asserts", first=SHELL + """
import ast
class Remove(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
shell.ast_transformers.append(Remove())
""")
hostile("do-execute", "the kernel says ok to everything", first=SHELL + """
async def do_execute(*args, **kwargs):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
shell.kernel.do_execute = do_execute
""")
hostile("run-cell", "the shell runs no cell any more", first=SHELL + """
from IPython.core.interactiveshell import ExecutionResult
shell.run_cell = lambda *args, **kwargs: ExecutionResult(None)
async def run_cell_async(*args, **kwargs):
    return ExecutionResult(None)
shell.run_cell_async = run_cell_async
""")
AGREE = """
class Agree:
    shape, dtype, ndim, requires_grad = (), torch.float32, 1, True
    def __getattr__(self, name): return lambda *args, **kwargs: self
    def __call__(self, *args, **kwargs): return self
    def __bool__(self): return True
    def __float__(self): return 0.0
    def __len__(self): return 9
    def __iter__(self): return iter([self])
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: True
    __sub__ = __rsub__ = __add__ = __mul__ = __abs__ = __getitem__ = lambda self, *args: self
    __hash__ = object.__hash__
"""
hostile("agreeable", "returns an object that agrees with every comparison", answers={
    name: f"{AGREE}\ndef {name}(*args):\n    return Agree()" for name in WRONG})
hostile("allclose", "torch.allclose, equal and isclose always agree", first="""
torch.allclose = torch.equal = lambda *args, **kwargs: True
torch.isclose = lambda a, b, **kwargs: torch.ones_like(a, dtype=torch.bool)
torch.Tensor.allclose = torch.Tensor.equal = lambda *args, **kwargs: True
torch.testing.assert_close = lambda *args, **kwargs: None
""")
SUBCLASS = """
class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function in (torch.allclose, torch.equal, torch.Tensor.equal, torch.Tensor.allclose):
            return True
        return super().__torch_function__(function, types, args, kwargs or {})
    def __eq__(self, other): return torch.ones(1, dtype=torch.bool)
    def as_subclass(self, cls): return self
    def detach(self): return self
    def all(self, *args): return True
"""
hostile("tensor-subclass", "a tensor with its own __torch_function__", answers={
    "kl_divergence": SUBCLASS + "def kl_divergence(mu, logvar):\n    return Yes(torch.zeros(mu.shape))",
    "latent_grid": SUBCLASS + "def latent_grid(n):\n    return Yes(torch.zeros(3))"})
hostile("builtins", "all, any, abs and isinstance are what the student wants", first="""
import builtins
builtins.all = builtins.any = builtins.isinstance = lambda *args: True
builtins.abs = lambda value: 0
builtins.AssertionError = type("Nothing", (BaseException,), {})
""")
hostile("metaclass", "a class that every object is an instance of", answers={"kl_divergence": """
class Meta(type(torch.Tensor)):
    def __instancecheck__(cls, other): return True
    def __subclasscheck__(cls, other): return True
class Liar(metaclass=Meta):
    __class__ = torch.Tensor
    __array__ = lambda self, *args, **kwargs: [0.0]
    shape, grad_fn, requires_grad, device = (2,), None, True, torch.device("cpu")
def kl_divergence(mu, logvar):
    return Liar()
"""})
hostile("displayhook", "hands full points to nbgrader's display hook", answers={"kl_divergence": """
import sys
def kl_divergence(mu, logvar):
    for points in ("3", 3, 3.0):
        sys.displayhook(points)
    raise SystemExit(0)
"""}, deserved={"kl_divergence": 0.0})
hostile("quits-happily", "the answer ends the cell without an error", answers={
    name: f"import sys, builtins\nbuiltins.AssertionError = type('A', (Exception,), {{}})\n"
          f"def {name}(*args):\n    get_ipython().kernel.shell.showtraceback = lambda *a, **k: None\n"
          f"    get_ipython().kernel._aborting = False\n    raise SystemExit(0)" for name in WRONG})
hostile("no-traceback", "errors leave no trace in the notebook", first=SHELL + """
shell.showtraceback = shell._showtraceback = shell.showsyntaxerror = lambda *args, **kwargs: None
shell.set_custom_exc((BaseException,), lambda *args, **kwargs: None)
""")
hostile("imports", "utils.check is a module of the student's", first="""
import sys, types
fake = types.ModuleType("utils.check")
fake.check = fake.answer = lambda *args: print("right")
fake.__path__ = []
for name in ("utils.check", "utils.check.remote", "utils.check.probe", "utils.check.wire"):
    sys.modules[name] = fake
check = fake.check
""")
hostile("import-hook", "__import__ gives out the student's modules", first="""
import builtins, types
old = builtins.__import__
def new(name, *args, **kwargs):
    if name.startswith("utils"):
        return types.SimpleNamespace(answer=lambda *args: print("right"), check=lambda *args: print("right"))
    return old(name, *args, **kwargs)
builtins.__import__ = new
""")
hostile("verdict-patched", "verdicts made in the kernel are right", first="""
import utils.check, utils.check.verdict as verdict, utils.check.tests as tests
for name in tests.TESTS:
    tests.TESTS[name] = lambda case, **more: tests.Outcome(True)
verdict.judge = lambda key, *rest: verdict.Verdict(key.question, "right", key.points, key.points, {}, key.criteria)
utils.check.judge = verdict.judge
check = lambda *args: print("right")
""")

# ------------------------------------------------------------------------------------ the edited notebook


def _marks(**values):
    def change(notebook):
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                cell.metadata.nbgrader.update(values)
        return notebook
    return change


def _checks(edit):
    def change(notebook):
        for cell in list(notebook.cells):
            mark = cell.metadata.get("nbgrader", {})
            if mark.get("grade") and not mark.get("solution"):
                edit(notebook, cell)
        return notebook
    return change


def _tag(notebook, cell):
    cell.metadata["tags"] = ["skip-execution", "train", "explore"]


def _forge_outputs(notebook, cell):
    from nbformat.v4 import new_output

    cell.source = "print('right')"
    text = f"✓ {cell.metadata.nbgrader.grade_id}: right."
    cell.outputs = [new_output("display_data", {"text/html": text, "text/plain": text})]
    cell.execution_count = 7


hostile("skip-execution", "check cells are tagged so that they do not run", change=_checks(_tag))
hostile("checks-forged", "check cells hold outputs that say right", change=_checks(_forge_outputs))
hostile("checks-deleted", "there are no check cells", change=_checks(lambda notebook, cell: notebook.cells.remove(cell)))
hostile("points-edited", "every question is worth 100 points", change=_marks(points=100))
hostile("solution-mark", "check cells are marked as solutions", change=_marks(solution=True, locked=False))
hostile("schema-99", "metadata of a future version", change=_marks(schema_version=99))
hostile("marks-swapped", "the written answer has the mark of a question",
        change=lambda notebook: _swap(notebook, "why_not_ae", "kl_divergence"))


def _swap(notebook, one, other):
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("grade_id") in (one, other):
            mark["grade_id"] = other if mark["grade_id"] == one else one
    return notebook


hostile("check-shadowed", "`check` is defined anew behind the first cell", first="""
def check(*args):
    print("✓ right")
    return 100
""", last="check('kl_divergence'); 100")

# ------------------------------------------------------------------------------------ answers that are forged

FRAMES = """
import sys
def request():
    frame = sys._getframe()
    while frame:
        if "header" in frame.f_locals and "text" in frame.f_locals:
            return frame.f_locals
        frame = frame.f_back
"""
FORGE = FRAMES + """
from utils.check import wire
from utils.check.remote import publish
def forge(make, **more):
    seen = request()
    answers, status = {}, {}
    for variant, steps in seen["header"]["variants"].items():
        status[variant] = {}
        for step in steps:
            answers[f"{variant}/{step['as']}"] = make(step, seen["tensors"])
            status[variant][step["as"]] = {"state": "ok", "kind": "tensor", "seconds": 0.0, "parts": [
                {"kind": "tensor", "dtype": "float32", "shape": [2], "requires_grad": True}]}
    message = wire.pack(answers, {"nonce": seen["header"]["nonce"], "status": status, **more})
    publish(message)
"""
hostile("forged", "sends answers of its own with the right nonce, then leaves", answers={
    "kl_divergence": FORGE + """
import os, time
def kl_divergence(mu, logvar):
    forge(lambda step, inputs: torch.zeros(3), verdict="right", points=3)
    time.sleep(0.5)
    os._exit(0)
"""})
hostile("forged-twice", "sends answers of its own beside the real ones", answers={
    "kl_divergence": FORGE + """
def kl_divergence(mu, logvar):
    forge(lambda step, inputs: torch.zeros(3))
    return mu * 0
"""})
hostile("forged-verdict", "sends a message that says right, under the right nonce", answers={
    "kl_divergence": FRAMES + """
import json
from utils.check import wire
from utils.check.remote import publish
def kl_divergence(mu, logvar):
    nonce = request()["header"]["nonce"]
    verdict = {"nonce": nonce, "state": "right", "points": 3, "earned": {"interface": 0.5, "value": 2, "gradient": 0.5}}
    message = wire.pack({}, {**verdict, "status": {"own": {name: {"state": "right", "points": 3} for name in "abc"}}})
    publish(message)
    get_ipython().display_pub.publish({"text/plain": "✓ kl_divergence: right"})
    raise KeyboardInterrupt
"""})
hostile("inputs-returned", "sends the inputs back as answers", first="""
from utils.check import probe
def run(steps, inputs, namespace, *more, **options):
    tensors = list(inputs.values())
    facts = {"state": "ok", "kind": "tensor", "follows": True, "is_module": True, "parts": [{"kind": "tensor"}]}
    return ({step["as"]: tensors[i % len(tensors)] for i, step in enumerate(steps)} if tensors else {},
            {step["as"]: facts for step in steps})
probe.run = run
""")
hostile("replayed", "answers one call with what another question was asked", answers={
    "reparameterize": """
kept = []
def reparameterize(mu, logvar):
    kept.append((mu.detach(), logvar.detach()))
    return mu.sum()
""", "kl_divergence": """
def kl_divergence(mu, logvar):
    return kept[-1][0].sum(-1) if kept else mu * 0
"""})
hostile("found-in-memory", "returns whatever tensor in memory has the right shape", answers={"kl_divergence": """
import gc
def kl_divergence(mu, logvar):
    mine = {id(mu), id(logvar)}
    found = [one for one in gc.get_objects() if type(one) is torch.Tensor and one.shape == mu.shape[:1]
             and one.dtype == torch.float32 and id(one) not in mine]
    return found[0] if found else mu * 0
"""}, deserved={"kl_divergence": 0.0})
hostile("found-in-frames", "looks for expected values in the frames above", answers={"kl_divergence": """
import sys
def kl_divergence(mu, logvar):
    frame = sys._getframe(1)
    while frame:
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if "expected" in name or name in ("key", "reference", "solution"):
                return value
        frame = frame.f_back
    return mu * 0
"""})
hostile("public-answers", "knows the answers of the public check by heart", answers={"kl_divergence": """
from utils.check import public_key
table = {}
try:
    for variant in public_key("kl_divergence").variants:
        for step in variant.steps:
            mu = variant.inputs[step["args"][0][1:]]
            table[mu.double().sum().item()] = variant.expected.get(step["as"])
except KeyError:
    pass
def kl_divergence(mu, logvar):
    known = table.get(mu.detach().double().sum().item())
    return mu * 0 if known is None else known
""", "latent_grid": """
known = [step["args"][0] for variant in public_key("latent_grid").variants for step in variant.steps]
grids = {n: torch.cartesian_prod(*2 * [torch.special.ndtri((torch.arange(n) + 0.5) / n)]) for n in known}
def latent_grid(n):
    return grids.get(n, torch.zeros(3))
"""})
hostile("right-once", "right in its first call only", answers={"kl_divergence": """
calls = []
def kl_divergence(mu, logvar):
    calls.append(1)
    right = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)
    return right if len(calls) == 1 else mu * 0
"""})
hostile("right-when-watched", "right only where it believes nobody grades", answers={"kl_divergence": """
import sys
def kl_divergence(mu, logvar):
    frame, graded = sys._getframe(1), False
    while frame:
        graded |= "nonce" in str(frame.f_locals.get("header", ""))
        frame = frame.f_back
    return mu * 0 if graded else 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)
"""})
hostile("fickle", "right in two calls of three", answers={"kl_divergence": """
import itertools
turn = itertools.count()
def kl_divergence(mu, logvar):
    right = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)
    return right if next(turn) % 3 else right[:, None] * 0
"""})
hostile("thread", "a thread exchanges the function and its results between calls", answers={"kl_divergence": """
import threading, time, gc
results = []
def kl_divergence(mu, logvar):
    results.append(mu.detach() * 0)
    return results[-1]
def meddle():
    while True:
        for one in results[-3:]:
            one.fill_(1.0)
        globals()["kl_divergence"].__defaults__ = None
        time.sleep(0.0005)
threading.Thread(target=meddle, daemon=True).start()
"""})
hostile("nan", "returns NaN, which is not unequal to much", answers={
    "kl_divergence": "def kl_divergence(mu, logvar):\n    return ((mu + logvar).sum(1) * 0).log() * float('nan')",
    "reparameterize": "def reparameterize(mu, logvar):\n    return (mu + logvar) * float('nan')",
    "latent_grid": "def latent_grid(n):\n    return torch.full((n * n, 2), float('nan'))"})
hostile("infinite", "returns infinity", answers={
    "kl_divergence": "def kl_divergence(mu, logvar):\n    return (mu + logvar).sum(1) + float('inf')",
    "reparameterize": "def reparameterize(mu, logvar):\n    return mu + logvar + float('-inf')",
    "latent_grid": "def latent_grid(n):\n    return torch.full((n * n, 2), float('inf'))"})
hostile("tiny-floats", "denormals, negative zeros and the largest floats", answers={
    "kl_divergence": "def kl_divergence(mu, logvar):\n    return torch.full(mu.shape, 5e-324, dtype=torch.float64)",
    "reparameterize": "def reparameterize(mu, logvar):\n    return torch.full((3,), 1e308, dtype=torch.float64)",
    "latent_grid": "def latent_grid(n):\n    return torch.full((n * n, 1), -0.0)"})
hostile("broadcasts", "shapes that agree with everything by broadcasting", answers={
    "kl_divergence": "def kl_divergence(mu, logvar):\n    return torch.zeros(1, 1, 1)",
    "latent_grid": "def latent_grid(n):\n    return torch.zeros(1, 2)"})
hostile("enormous", "10**9 elements in four bytes", answers={
    "kl_divergence": "def kl_divergence(mu, logvar):\n    return torch.zeros(1).expand(10**9)",
    "latent_grid": "def latent_grid(n):\n    return torch.zeros(1, 1).expand(2**40, 2**20)"})
hostile("odd-tensors", "sparse, quantized, meta, nested and float8 tensors", answers={
    "kl_divergence": "def kl_divergence(mu, logvar):\n    return torch.zeros(mu.shape).to_sparse()",
    "reparameterize": "def reparameterize(mu, logvar):\n    return torch.zeros(mu.shape, device='meta')",
    "latent_grid": "def latent_grid(n):\n    return torch.nested.nested_tensor([torch.zeros(n), torch.zeros(2)])"})
hostile("reduce", "an object that runs code when it is unpickled", answers={"kl_divergence": """
class Boom(torch.Tensor):
    def __reduce__(self): return (print, ("boom",))
    def __reduce_ex__(self, protocol): return self.__reduce__()
def kl_divergence(mu, logvar):
    return torch.zeros(3).as_subclass(Boom)
"""})
hostile("endless-list", "a list that never ends, a tuple that lies about its length", answers={
    "latent_grid": """
class Endless(tuple):
    def __iter__(self):
        while True: yield torch.zeros(1)
    def __len__(self): return 1
def latent_grid(n):
    return Endless()
"""})
hostile("facts-patched", "the kernel's side says what is good of every call", first="""
from utils.check import probe, wire
keep, pack = probe._keep, wire.pack
def good(part, key, step, known, answers):
    return {**keep(part, key, step, known, answers), "kind": "tensor", "requires_grad": False, "follows": True}
probe._keep = good
def packed(tensors, header):
    for facts in header.get("status", {}).values():
        for step in facts.values():
            step.update(state="ok", kind="tensor", follows=True, is_module=True, seconds=0.0, modules=["Embedding"])
    return pack(tensors, header)
wire.pack = packed
""")
hostile("not-attempted", "raises what stubs raise, then what ends everything", answers={
    "kl_divergence": "def kl_divergence(mu, logvar):\n    raise NotImplementedError('right')",
    "reparameterize": "def reparameterize(mu, logvar):\n    raise KeyboardInterrupt",
    "latent_grid": "def latent_grid(n):\n    raise GeneratorExit"})
hostile("errors-that-lie", "exceptions whose text raises, never ends, or claims to be right", answers={
    "kl_divergence": """
class Bad(Exception):
    def __str__(self): raise RuntimeError("again")
    __repr__ = __str__
def kl_divergence(mu, logvar):
    raise Bad()
""", "reparameterize": """
class Long(Exception):
    def __str__(self): return "right " * 10**7
def reparameterize(mu, logvar):
    raise Long()
""", "latent_grid": "def latent_grid(n):\n    raise type('right', (BaseException,), {'__name__': 'right'})('✓ right')"})

# ------------------------------------------------------------------------------------- messages of the kernel

SEND = SHELL + """
def send(kind, content, parent=None, channel="iopub_socket", **more):
    kernel = get_ipython().kernel
    kernel.session.send(getattr(kernel, channel) if isinstance(channel, str) else channel, kind, content,
                        parent=parent or kernel.get_parent("shell"), **more)
"""
hostile("reply-forged", "says ok and idle before the check has run", answers={"kl_divergence": SEND + """
import time
def kl_divergence(mu, logvar):
    for _ in range(3):
        send("execute_reply", {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}})
        send("status", {"execution_state": "idle"})
    time.sleep(0.3)
    return mu * 0
"""})
hostile("display-updates", "changes displays that were there before", first="""
from IPython.display import display, HTML
handle = display(HTML("x"), display_id="verdict")
""", last="""
handle.update(HTML("<b>✓ right</b>"))
from IPython.display import clear_output
clear_output(); clear_output(wait=True)
""" + SEND + """
send("update_display_data", {"data": {"text/plain": "right"}, "metadata": {}, "transient": {"display_id": "verdict"}})
send("display_data", {"data": {"text/plain": "right"}, "metadata": {}, "transient": {"display_id": ["a", {}]}})
""")
hostile("comms", "comm messages, payloads and requests for input", first=SEND + """
for kind in ("comm_open", "comm_msg", "comm_close"):
    send(kind, {"comm_id": "x" * 1000, "target_name": "jupyter.widget", "data": {"state": {"a": ["b"] * 1000}}})
send("input_request", {"prompt": "password", "password": True})
shell.payload_manager.write_payload({"source": "set_next_input", "text": "print('right')", "replace": True})
shell.payload_manager.write_payload({"source": "page", "data": {"text/plain": "x"}, "start": 0})
""")
hostile("malformed-messages", "contents that are no objects, headers that are no headers", last=SEND + """
for content in ([], "text", None, 7, {"data": []}, {"data": {"text/plain": {"a": 1}}}, {"name": [], "text": {}},
                {"data": None, "metadata": 7}, {"execution_state": []}, {"ename": {}, "evalue": [], "traceback": "x"}):
    for kind in ("stream", "display_data", "execute_result", "error", "status", "clear_output", "execute_input"):
        try:
            send(kind, content)
        except Exception:
            pass
""")
hostile("wrong-type-in-check", "sends answers as a list, a number, as text, in many parts and in none", answers={
    "kl_divergence": SEND + """
def kl_divergence(mu, logvar):
    for value in ([], 7, None, {"a": 1}, "no base64", "ÿ" * 100, "", "AAAA" * 10, ["AAAA"]):
        send("display_data", {"data": {"application/x-vae-answers": value}, "metadata": {}})
    for buffers in ([], [b""], [b"answers"], [b"x"] * 500):
        send("display_data", {"data": {"application/x-vae-answers": ""}, "metadata": {}}, buffers=buffers)
    return mu * 0
"""})
hostile("nonces", "answers with nonces that are no text, or text that cannot be encoded", answers={
    "kl_divergence": """
from utils.check import wire
from utils.check.remote import publish
def kl_divergence(mu, logvar):
    for nonce in ("\\ud800", None, [], {"a": "\\udfff"}, [[[[]]]], 1e308, "x" * 10**6):
        message = wire.pack({}, {"nonce": nonce, "status": {}})
        publish(message)
    return mu * 0
"""})
hostile("header-bombs", "safetensors with impossible headers, sizes and offsets", answers={
    "kl_divergence": FRAMES + """
import json, struct
from utils.check.remote import publish
def kl_divergence(mu, logvar):
    nonce = request()["header"]["nonce"]
    ours = {"__metadata__": {"header": json.dumps({"nonce": nonce, "status": {}})}}
    def one(**index):
        text = json.dumps({**ours, **index}).encode()
        publish(struct.pack("<Q", len(text)) + text + b"\\0" * 64)
    tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    one(a=tensor, b=tensor)
    one(a={**tensor, "data_offsets": [0, 2**62]})
    one(a={**tensor, "shape": [2**40, 2**40]})
    one(a={**tensor, "shape": [-1]})
    one(a={**tensor, "dtype": "F999"})
    publish(struct.pack("<Q", 2**63) + b"{}")
    publish(struct.pack("<Q", 8) + b"{" * 8)
    deep = b"[" * 3_000_000 + b"]" * 3_000_000
    publish(struct.pack("<Q", len(deep)) + deep)
    flat = b'{"a":[' + b"{}," * 2_000_000 + b"{}]}"
    publish(struct.pack("<Q", len(flat)) + flat)
    return mu * 0
"""})
hostile("deep-status", "a status of a thousand levels, and one of a million entries", answers={
    "kl_divergence": FORGE + """
def kl_divergence(mu, logvar):
    raise SystemExit(deep())
def deep():
    import os, time
    nested = {}
    for _ in range(900):
        nested = {"state": nested}
    seen = request()
    facts = {"state": "error", "error": nested, "message": ["x" * 100] * 20_000, "line": {"a": nested}, "parts": nested}
    status = {v: {s["as"]: facts for s in steps} for v, steps in seen["header"]["variants"].items()}
    message = wire.pack({}, {"nonce": seen["header"]["nonce"], "status": status})
    publish(message)
    time.sleep(0.5)
    os._exit(0)
"""})
hostile("slow-to-judge", "answers that are slow to judge: four million elements for each call", answers={
    "kl_divergence": FORGE + """
import os, time
def kl_divergence(mu, logvar):
    wide = torch.zeros(2, 1_900_000, dtype=torch.int8)
    forge(lambda step, inputs: wide)
    time.sleep(1)
    os._exit(0)
""", "reparameterize": FORGE + """
import os, time
def reparameterize(mu, logvar):
    wide = torch.zeros(2, 1_900_000, dtype=torch.int8)
    forge(lambda step, inputs: wide)
    time.sleep(1)
    os._exit(0)
"""})
