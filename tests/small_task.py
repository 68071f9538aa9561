"""A small task for tests of grading: three questions of Task 1 and a written one."""

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

RIGHT = {
    "kl_divergence": """
def kl_divergence(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)""",
    "reconstruction_loss": """
def reconstruction_loss(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)""",
    "vae_loss": """
def vae_loss(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_divergence(mu, logvar)).mean()""",
}
NO_HALF = RIGHT["kl_divergence"].replace("0.5 * ", "")
POINTS = {"kl_divergence": 3, "reconstruction_loss": 2, "vae_loss": 2}
SETUP = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\nfrom utils import check"


def notebook(answers={}, before={}, written="Nothing told it where codes lie.", after="") -> NotebookNode:
    """The task of a right student, but for `answers` (question -> source); `before`, `after`: extra."""
    cells = [new_code_cell(SETUP, metadata=mark("setup", locked=True))]
    for name in RIGHT:
        if name in before:
            cells.append(new_code_cell(before[name]))
        answer = answers.get(name, RIGHT[name]).strip()
        cells += [new_code_cell(f"# Question: {name}\n{answer}",
                                metadata=mark(f"{name}_solution", solution=True)),
                  new_code_cell(f'check("{name}", {name})',
                                metadata=mark(name, grade=True, locked=True, points=POINTS[name]))]
    cells.append(new_code_cell('print("trained by the grader")', metadata={"tags": ["train"]}))
    cells.append(new_markdown_cell("**Your answer** (why_not_ae):\n\n" + written,
                                   metadata=mark("why_not_ae", grade=True, solution=True, points=3)))
    if after:
        cells.append(new_code_cell(after))
    return new_notebook(cells=cells, metadata={"kernelspec": {
        "display_name": "Python 3", "language": "python", "name": "python3"}})


def source() -> NotebookNode:
    """The task as its author writes it, with solution regions."""
    regions = {name: "def " + text.split("def ")[1].split("\n")[0] + "\n    ### BEGIN SOLUTION\n"
               + text.split("\n", 2)[2] + "\n    ### END SOLUTION" for name, text in RIGHT.items()}
    return notebook(regions, written="### BEGIN SOLUTION\nA model answer.\n### END SOLUTION")


def mark(name: str, grade=False, solution=False, locked=False, points=None) -> dict:
    found = {"grade": grade, "grade_id": name, "locked": locked, "schema_version": 3, "solution": solution,
             "task": False}
    return {"nbgrader": found | ({"points": points} if grade else {})}
