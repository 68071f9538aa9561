"""Honest notebooks in unusual shape. They keep every point that their answers deserve."""

import copy
import json

from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autograder.audit.corpus import odd

KL = "0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)"


def _index(notebook, grade_id):
    return next(i for i, cell in enumerate(notebook.cells)
                if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def _insert(grade_id, *cells, behind=0):
    def change(notebook):
        at = _index(notebook, grade_id) + behind
        notebook.cells[at:at] = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        return notebook
    return change


def _copies(*grade_ids, times=1):
    def change(notebook):
        for grade_id in grade_ids:
            at = _index(notebook, grade_id)
            notebook.cells[at:at] = [copy.deepcopy(notebook.cells[at]) for _ in range(times)]
        return notebook
    return change


def _source(grade_id, source):
    def change(notebook):
        notebook.cells[_index(notebook, grade_id)].source = source
        return notebook
    return change


def _append(grade_id, source):
    def change(notebook):
        notebook.cells[_index(notebook, grade_id)].source += f"\n{source}"
        return notebook
    return change


# Cells

odd("copied-answer", "a solution cell is there three times", change=_copies("kl_divergence_solution", times=2))
odd("copied-check", "a check cell is there twice", change=_copies("kl_divergence", "latent_grid"))
odd("check-again", "another check in a cell of the student's",
    change=_insert("latent_grid_solution", "check('kl_divergence', kl_divergence)\ncheck('latent_grid', kl_divergence)"))
odd("reversed", "all cells in reverse order", change=lambda notebook: notebook.cells.reverse() or notebook)
odd("moved", "the last answer stands first", change=lambda notebook: notebook.cells.insert(
    0, notebook.cells.pop(_index(notebook, "latent_grid_solution"))) or notebook)
odd("deleted-check", "a check cell was deleted",
    change=lambda notebook: notebook.cells.pop(_index(notebook, "latent_grid")) and notebook)
odd("deleted-setup", "the first cell was deleted",
    change=lambda notebook: notebook.cells.pop(_index(notebook, "setup")) and notebook)
odd("deleted-answer", "one answer was deleted", deserved={"latent_grid": 0.0},
    change=lambda notebook: notebook.cells.pop(_index(notebook, "latent_grid_solution")) and notebook)
odd("only-answers", "nothing is left but the answers", change=lambda notebook: notebook.update(cells=[
    cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]) or notebook)
HELPED = f"# Question: kl_divergence\ndef kl_divergence(mu, logvar):\n    return helper(mu, logvar)"
HELPER = f"def helper(mu, logvar):\n    return {KL}"
odd("helper", "a helper in a new cell before", answers={"kl_divergence": HELPED},
    change=_insert("kl_divergence_solution", HELPER))
odd("helper-behind", "a helper in a new cell behind, run earlier", answers={"kl_divergence": HELPED},
    change=_insert("kl_divergence", HELPER, behind=1))
odd("helper-in-training", "a helper in a training cell", answers={"kl_divergence": HELPED},
    change=lambda notebook: _in_training(notebook, HELPER))
odd("compiled", "answers compiled, scripted and drawn with a generator of the GPU", answers={
    "reparameterize": """
# Question: reparameterize
@torch.jit.script
def scaled(logvar):
    return torch.exp(0.5 * logvar) * torch.randn_like(logvar)
def reparameterize(mu, logvar):
    return mu + scaled(logvar)
""", "kl_divergence": f"""
# Question: kl_divergence
noise = torch.randn(3, generator=torch.Generator(device="cuda"), device="cuda")
@torch.compile(mode="reduce-overhead")
def kl_divergence(mu, logvar):
    return {KL}
"""})
odd("defined-elsewhere", "an answer in a cell of its own; its cell is as released",
    answers={"kl_divergence": ""},
    change=_insert("kl_divergence_solution", f"def kl_divergence(mu, logvar):\n    return {KL}"))
odd("one-cell", "all answers in the cell of one",
    change=lambda notebook: _merge(notebook))
odd("split-cell", "an answer split over its cell and a new one before",
    answers={"latent_grid": "# Question: latent_grid\ndef latent_grid(n):\n    return torch.cartesian_prod(q(n), q(n))"},
    change=_insert("latent_grid_solution", "from torch.distributions import Normal",
                   "q = lambda n: Normal(0.0, 1.0).icdf(torch.linspace(0, 1, n + 2)[1:-1])"))
odd("text-cell", "an answer whose cell became a text cell", change=lambda notebook: _as_text(notebook))
odd("notes", "notes in given texts, scratch cells everywhere", change=lambda notebook: _scratch(notebook))


def _in_training(notebook, source):
    cell = next(cell for cell in notebook.cells if "train" in cell.metadata.get("tags", []))
    cell.source = f"{source}\n\nraise RuntimeError('not run')\n{cell.source}"
    return notebook


def _merge(notebook):
    ids = [f"{name}_solution" for name in ("reparameterize", "kl_divergence", "latent_grid")]
    cells = [notebook.cells[_index(notebook, one)] for one in ids]
    cells[0].source = "\n\n".join(cell.source for cell in cells)
    for one in ids[1:]:
        notebook.cells.pop(_index(notebook, one))
    return notebook


def _as_text(notebook):
    cell = notebook.cells[_index(notebook, "kl_divergence_solution")]
    at = notebook.cells.index(cell)
    notebook.cells[at] = new_markdown_cell(cell.source, metadata=cell.metadata)
    return notebook


def _scratch(notebook):
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and not cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source += "\n\nMy note: **important** $x^2$"
        cells += [cell, new_code_cell("1 + 1"), new_markdown_cell("a thought"), new_code_cell("")]
    notebook.cells = cells
    return notebook


# Cells that stop, and answers that stand where nobody looks first

ALIAS = f"# Question: kl_divergence\ndef my_kl(mu, logvar):\n    return {KL}"
WRONG_KL = "# Question: kl_divergence\ndef kl_divergence(mu, logvar):\n    return -(mu ** 2).sum(1)"
RIGHT_KL = f"def kl_divergence(mu, logvar):\n    return {KL}"
odd("missing-package", "a package that is not here, above the imports that are needed", answers={"kl_divergence": f"""
# Question: kl_divergence
import einops
%matplotlib qt
%tensorflow_version 2.x
import os
os.makedirs("/content/drive/out")
from torch.distributions import Normal as N, kl_divergence as kl
def kl_divergence(mu, logvar):
    return kl(N(mu, (0.5 * logvar).exp()), N(0, 1)).sum(1)
"""})
odd("newer-python", "an answer in a later Python's syntax", answers={"kl_divergence": f"""
# Question: kl_divergence
def kl_divergence(mu, logvar):
    return {KL} oder
"""}, deserved={"kl_divergence": 0.0})
odd("other-name", "another name, in the answer and in its check", answers={"kl_divergence": ALIAS},
    change=_source("kl_divergence", 'check("kl_divergence", my_kl)'))
odd("second-try", "a wrong answer in its place, a right one behind the check, checked there",
    answers={"kl_divergence": WRONG_KL},
    change=_insert("kl_divergence", RIGHT_KL + '\ncheck("kl_divergence", kl_divergence)', behind=1))
odd("stub-with-comment", "a comment in the stub, and the answer in the last cell", change=lambda notebook: _touched(notebook))
odd("reset", "`%reset -f` and Colab's restart in the first cell", change=_insert(
    "reparameterize_solution", "%reset -f\nimport IPython\nIPython.Application.instance().kernel.do_shutdown(True)"))
odd("constant-in-training", "a constant that an answer uses, in an own cell that trains", answers={
    "kl_divergence": f"# Question: kl_divergence\ndef kl_divergence(mu, logvar):\n    return HALF * 2 * {KL}"},
    change=_insert("kl_divergence_solution", "HALF = 0.5\nhistory = fit(model, train, test, objective)"))
odd("late-helper", "a helper behind its answer, in a cell with magics", answers={"kl_divergence": HELPED},
    change=_insert("kl_divergence", f"files = !ls\ntorch.exp?\nhelper = lambda mu, logvar: {KL}", behind=1))
odd("long-sum", "a sum of 2,000 terms in a training cell", change=_insert(
    "kl_divergence", "total = " + " + ".join(["1"] * 2000) + "\nhistory = fit(model, train, test, objective)", behind=1))


odd("added-import", "names added to the imports of the first cell, and used", change=_append(
    "setup", "import math, torch\nfrom torch import nn, Tensor\nfrom torch.distributions import *"), answers={
    "kl_divergence": f"# Question: kl_divergence\ndef kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:\n"
                     f"    return math.cos(0) * {KL}",
    "latent_grid": "# Question: latent_grid\ndef latent_grid(n):\n"
                   "    return torch.cartesian_prod(*2 * [Normal(0.0, 1.0).icdf(torch.linspace(0, 1, n + 2)[1:-1])])"})
odd("answer-in-training", "an answer in a training cell; its own is as released", answers={"kl_divergence": ""},
    change=lambda notebook: _in_training(notebook, RIGHT_KL))
odd("object-in-training", "an object made in a training cell that an answer uses", answers={
    "latent_grid": "# Question: latent_grid\ndef latent_grid(n):\n"
                   "    return torch.cartesian_prod(*2 * [prior.icdf(torch.linspace(0, 1, n + 2)[1:-1])])"},
    change=lambda notebook: _in_training(notebook, "prior = torch.distributions.Normal(0.0, 1.0)"))
odd("helper-put-right", "a helper is put right behind the check, which is called again",
    answers={"kl_divergence": HELPED},
    change=lambda notebook: _insert("kl_divergence", HELPER, "check('kl_divergence', kl_divergence)", behind=1)(
        _insert("kl_divergence_solution", "def helper(mu, logvar):\n    return mu")(notebook)))
odd("fenced", "an answer in a fenced text", change=lambda notebook: _as_text(_source(
    "kl_divergence_solution", f"```python\n# Question: kl_divergence\n{RIGHT_KL}\n```")(notebook)))
odd("pasted-picture", "five megabytes of picture in the written answer", change=_append(
    "why_not_ae", f"\n![x](data:image/png;base64,{'A' * 5_000_000})"))


def _touched(notebook):
    cell = notebook.cells[_index(notebook, "kl_divergence_solution")]
    cell.source = "# Question: kl_divergence\ndef kl_divergence(mu, logvar):\n    # later\n    raise NotImplementedError"
    notebook.cells.append(new_code_cell(RIGHT_KL))
    return notebook


# Files that went through other programs

def _colab(notebook):
    for number, cell in enumerate(notebook.cells):
        cell.pop("id", None)
        cell.metadata.clear()
        cell.metadata.update({"id": f"x{number}", **({"outputId": "y"} if cell.cell_type == "code" else {})})
    notebook.nbformat_minor = 0
    notebook.metadata.clear()
    notebook.metadata.update({
        "colab": {"provenance": [], "gpuType": "T4"}, "accelerator": "GPU", "kernelspec": {"name": "python3"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"a1": {"model_module": "x"}}}})
    return notebook


def _without_marks(notebook):
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
    return notebook


def _version_3(notebook):
    cells = []
    for cell in json.loads(json.dumps(notebook))["cells"]:
        if cell["cell_type"] == "code":
            cell["input"], cell["language"], cell["prompt_number"] = cell.pop("source"), "python", 3
        cells.append(cell)
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}).encode()


def _text(notebook):
    return json.dumps(notebook, indent=1, ensure_ascii=False)


odd("colab", "a file from Colab: no ids, no marks, other metadata, widgets without state", change=_colab)
odd("marks-lost", "all of nbgrader's metadata are lost", change=_without_marks)
odd("crlf", "Windows line ends", change=lambda notebook: json.dumps(json.loads(_text(notebook)), indent=1).replace(
    "\n", "\r\n").replace("\\n", "\\r\\n").encode())
odd("bom", "a byte order mark", change=lambda notebook: b"\xef\xbb\xbf" + _text(notebook).encode())
odd("utf-16", "saved as UTF-16", change=lambda notebook: _text(notebook).encode("utf-16"))
odd("version-3", "saved in nbformat 3", change=_version_3)
odd("other-kernel", "another kernel's name", change=lambda notebook: notebook.metadata.update(
    kernelspec={"name": "conda-env-vae-py", "display_name": "vae", "language": "python"}) or notebook)
odd("same-ids", "all cells have the same id", change=lambda notebook: json.dumps({**notebook, "cells": [
    {**cell, "id": "same"} for cell in notebook.cells]}).encode())
odd("lines-without-ends", "each line an entry of a list, without its end", change=lambda notebook: json.dumps(
    {**notebook, "cells": [{**cell, "source": cell.source.split("\n")} for cell in notebook.cells]}).encode())
odd("merge-marks", "the marks of a Git merge", change=lambda notebook: _text(notebook).replace(
    '"execution_count"', '\n<<<<<<< HEAD\n"x": 1,\n=======\n"x": 2,\n>>>>>>> b\n"execution_count"').encode())
odd("outputs-50-mb", "50 MB of outputs", change=lambda notebook: _fat(notebook))


def _fat(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [new_output("stream", text="x" * 5_000_000), new_output(
                "display_data", {"image/png": "A" * 3_000_000})]
    return notebook


# Code

odd("pip", "pip, shell lines and shell magics", first="""
!pip install torch --quiet
%pip install numpy
lines = !ls
!nvidia-smi
%matplotlib inline
%load_ext autoreload
%autoreload 2
""")
odd("cell-magics", "%%time and %%capture over answers", answers={
    "kl_divergence": f"%%time\n# Question: kl_divergence\ndef kl_divergence(mu, logvar):\n    return {KL}"})
odd("drive", "Google Drive, google.colab and its files", first="""
from google.colab import drive, files, userdata
import google.colab
drive.mount("/content/drive")
files.download("x")
""")
odd("cuda", "CUDA everywhere", first="""
device = torch.device("cuda")
torch.zeros(3).cuda(); torch.zeros(3, device="cuda"); torch.nn.Linear(2, 2).to("cuda:0"); torch.cuda.empty_cache()
""", answers={"kl_divergence": f"def kl_divergence(mu, logvar):\n    mu, logvar = mu.to('cuda'), logvar.cuda()\n    return {KL}"})
odd("asks", "input() and getpass()", first="import getpass\nname = input('your name? ')\nkey = getpass.getpass()")
odd("warnings", "warnings, logging and tqdm on standard error", first="""
import sys, warnings, logging
from tqdm.auto import tqdm
for _ in tqdm(range(1000)): pass
warnings.warn("deprecated"); logging.warning("careful"); print("text", file=sys.stderr)
""", answers={"kl_divergence": f"""
def kl_divergence(mu, logvar):
    print("shapes", mu.shape); warnings.warn("called")
    return {KL}
"""})
odd("plots", "figures that were never shown or closed", first="""
import matplotlib.pyplot as plt
for _ in range(3):
    plt.figure(); plt.plot([1, 2])
plt.show()
""")
odd("syntax-error", "a syntax error and an exception in other cells", first="def broken(:\n    pass", last="1 / 0")
odd("endless-answer", "one answer never ends", deserved={"latent_grid": 0.0}, answers={
    "latent_grid": "def latent_grid(n):\n    while True:\n        pass"})
odd("float64", "an answer in float64", answers={
    "kl_divergence": f"def kl_divergence(mu, logvar):\n    mu, logvar = mu.double(), logvar.double()\n    return {KL}"})
odd("numpy", "an answer in NumPy: right numbers, but no tensor and no gradient",
    deserved={"kl_divergence": 2.0}, answers={"kl_divergence": """
def kl_divergence(mu, logvar):
    m, l = mu.detach().numpy(), logvar.detach().numpy()
    return 0.5 * (m ** 2 + np.exp(l) - 1 - l).sum(axis=1)
"""}, first="import numpy as np")
odd("other-style", "a lambda, a class and type hints", answers={
    "kl_divergence": f"kl_divergence = lambda mu, logvar: {KL}",
    "latent_grid": """
class Grid:
    def __call__(self, n: int) -> torch.Tensor:
        p = (torch.arange(n) + 0.5) / n
        z = torch.erfinv(2 * p - 1) * 2 ** 0.5
        return torch.stack(torch.meshgrid(z, z, indexing="xy"), -1).reshape(-1, 2)
latent_grid = Grid()
"""})
odd("scripted", "answers through torch.jit and functools", answers={"kl_divergence": f"""
import functools
def general(scale, mu, logvar):
    return scale * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)
kl_divergence = functools.partial(general, 0.5)
"""})
odd("own-tests", "asserts and timing of the student's own", last="""
assert kl_divergence(torch.zeros(1, 2), torch.zeros(1, 2)).item() == 0
import timeit
timeit.timeit(lambda: kl_divergence(torch.zeros(1, 2), torch.zeros(1, 2)), number=100)
exit()
""")
odd("trains", "an own training cell that would take hours", first="""
history = fit(model, train, test, objective, epochs=10_000)
""")
odd("unicode", "emoji and formulas in names, comments and the written answer", answers={
    "kl_divergence": "def kl_divergence(mu, logvar):\n    σ2 = logvar.exp()  # 🎉 σ²\n"
                     "    return 0.5 * (mu ** 2 + σ2 - 1 - logvar).sum(1)"},
    change=_source("why_not_ae", "**Your answer** (why_not_ae):\n\nπ ≈ 3 🎉 $\\int_0^1 x\\,dx$"))
odd("released", "nothing was done", base="released")
