import matplotlib

matplotlib.use("agg")

from base64 import b64decode

from matplotlib.figure import Figure
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch

import utils.explore  # noqa: F401  the module itself, to change things in it
from utils import explore

W = torch.randn(2, 784, generator=torch.Generator().manual_seed(0))


def decode(z):
    return torch.sigmoid(z @ W).view(-1, 1, 28, 28)


def decode_digit(z, y):
    return decode(z[:, :2] + y[:, None] / 10)


EXPLORERS = {
    "latent": lambda: explore.latent(decode),
    "models": lambda: explore.models({"beta 0": decode, "beta 1": lambda z: decode(-z)}),
    "digits": lambda: explore.digits(decode_digit, latent_dim=20),
    "interpolation": lambda: explore.interpolation(decode(torch.randn(30, 2))),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", EXPLORERS)
def test_without_a_notebook_there_is_a_still_picture(name):
    assert isinstance(EXPLORERS[name](), Figure)


@pytest.fixture
def shown(monkeypatch):
    """The boxes of widgets that an explorer shows, as in a kernel."""
    import ipywidgets

    boxes = []
    monkeypatch.setattr(explore, "_widgets", lambda: ipywidgets)
    monkeypatch.setattr(explore, "_display", lambda box, still: boxes.append(box))
    return boxes


@pytest.mark.parametrize("name, control, value", [
    ("latent", "z1", 1.5), ("latent", "z2", -1.5), ("models", "model", "beta 1"), ("digits", "digit", 7),
    ("digits", "z3", 2.0), ("digits", "z1", 2.0), ("interpolation", "step", 12),
])
def test_a_control_changes_the_picture_at_once(shown, name, control, value):
    EXPLORERS[name]()
    *controls, image = shown[0].children
    before = image.value
    if name == "models":
        controls[0].value = 1.0  # at z = 0 the two decoders agree
        before = image.value
    next(widget for widget in controls if widget.description == control).value = value
    changed = image.value != before
    assert changed == (control != "z3"), "decode_digit reads z1 and z2 only"


def test_the_ring_stands_where_the_sliders_are():
    ringed = explore._marked(torch.zeros(121, 1, 28, 28), right=1.0, up=-1.0)
    rows, columns = np.nonzero((ringed != 255).any(-1))
    assert abs(columns.mean() - (308 - 14)) < 6 and abs(rows.mean() - (308 - 14)) < 6


def test_the_map_has_z1_to_the_right_and_z2_upwards():
    seen = []

    def record(z):
        seen.append(z)
        return decode(z)

    explore.latent(record, limits=2.0)
    grid = seen[0].view(11, 11, 2)
    assert grid[0, 0].tolist() == [-2, 2] and grid[-1, -1].tolist() == [2, -2]


def test_a_kernel_gets_widgets_and_a_picture_in_one_output():
    from nbclient import NotebookClient

    cell = nbformat.v4.new_code_cell(
        "import torch\nfrom utils import explore\n"
        "explore.latent(lambda z: torch.sigmoid(z @ torch.ones(2, 784)).view(-1, 1, 28, 28))"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=300).execute()
    (output,) = cell.outputs
    assert "application/vnd.jupyter.widget-view+json" in output.data
    assert b64decode(output.data["image/png"]).startswith(b"\x89PNG")
    nbformat.validate(notebook)


def test_a_kernel_without_ipywidgets_gets_the_picture():
    from nbclient import NotebookClient

    cell = nbformat.v4.new_code_cell(
        "import sys\nsys.modules['ipywidgets'] = None\nimport torch\nfrom utils import explore\n"
        "explore.interpolation(torch.rand(12, 1, 28, 28))"
    )
    NotebookClient(nbformat.v4.new_notebook(cells=[cell]), timeout=300).execute()
    assert [set(output.data) for output in cell.outputs] == [{"image/png", "text/plain"}]
