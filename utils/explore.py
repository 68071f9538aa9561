"""Models to play with: sliders move the latent code and the decoded digit follows.

Where no widgets run (a printed page, a grader, a preview), the same output shows a still contact sheet.
"""

from base64 import b64encode
from io import BytesIO
import sys

from PIL import Image, ImageDraw
import numpy as np
import torch

from utils import plots

_TILES = 11


def latent(decode, limits=3.0):
    """Two sliders for z in a 2D latent space. `decode` maps z (n, 2) to probabilities (n, 1, 28, 28).

    z comes on the CPU; `decode` moves it to the model's device where that is another one.
    """
    return models({"": decode}, limits)


def models(decoders, limits=3.0):
    """Two sliders for z and a choice among the named decoders, each as in `latent`."""
    names, axis = list(decoders), torch.linspace(-limits, limits, _TILES)
    # z1 runs to the right and z2 upwards, as on the axes of a scatter plot.
    z2, z1 = torch.meshgrid(axis.flip(0), axis, indexing="ij")
    grid = torch.stack([z1, z2], dim=-1).view(-1, 2)
    maps = {name: _run(decode, grid) for name, decode in decoders.items()}

    def draw(z1, z2, model=names[0]):
        digit = _large(_run(decoders[model], torch.tensor([[z1, z2]])))
        space = np.full_like(digit[:, :20], 255)
        return np.hstack([digit, space, _marked(maps[model], z1 / limits, z2 / limits)])

    controls = {"z1": _slider(limits), "z2": _slider(limits)}
    if len(names) > 1:
        controls["model"] = _choice(names)
    return _explorer(draw, controls, plots.sheets(maps))


def digits(decode, latent_dim):
    """A button for each digit and sliders for the style. `decode` maps z (n, Z) and y (n,) to (n, 1, 28, 28).

    The sliders move the first four latents at most; the others stay at 0.
    """
    moved = min(latent_dim, 4)

    def draw(digit, **style):
        z = torch.zeros(1, latent_dim)
        z[0, :moved] = torch.tensor(list(style.values()))
        return _large(_run(decode, z, torch.tensor([digit])))

    styles = torch.zeros(6, latent_dim)
    styles[1:] = torch.randn(5, latent_dim, generator=torch.Generator().manual_seed(0))
    images = _run(decode, styles.repeat_interleave(10, dim=0), torch.arange(10).repeat(6))
    still = plots.image_grid(images, columns=10, column_labels=range(10))
    controls = {"digit": _choice(list(range(10))), **{f"z{i + 1}": _slider(limit=3.0) for i in range(moved)}}
    return _explorer(draw, controls, still)


def interpolation(images):
    """A slider through the images (steps, 1, 28, 28) of an interpolation."""
    images = plots.checked(images)
    still = plots.interpolation(images[:: max(1, len(images) // 10)])
    return _explorer(lambda step: _large(images[step : step + 1]), {"step": _steps(len(images))}, still)


# ---------------------------------------------------------------- widgets


def _slider(limit):
    return {"kind": "FloatSlider", "min": -limit, "max": limit, "step": limit / 30, "value": 0.0}


def _steps(n):
    return {"kind": "IntSlider", "min": 0, "max": n - 1, "value": 0}


def _choice(options):
    return {"kind": "ToggleButtons", "options": options, "value": options[0]}


def _explorer(draw, controls, still):
    """Show widgets for `controls` that call `draw(**values)`, an (height, width) or (height, width, 3)
    picture.

    The output carries the still figure beside the widgets, for readers that have no widgets; outside a
    notebook the still figure is returned instead.
    """
    widgets = _widgets()
    if widgets is None:
        return still

    def build(name, kind, **options):
        if kind == "ToggleButtons":
            options["style"] = {"button_width": "auto"}
        return getattr(widgets, kind)(description=name, **options)

    inputs = {name: build(name, **options) for name, options in controls.items()}

    def picture():
        return _encode(draw(**{name: widget.value for name, widget in inputs.items()}))

    # at its own size, not stretched over the whole cell
    image = widgets.Image(value=picture(), format="png", layout={"align_self": "flex-start", "max_width": "100%"})

    def update(change):
        image.value = picture()

    for widget in inputs.values():
        widget.observe(update, names="value")
    _display(widgets.VBox([*inputs.values(), image]), still)


def _widgets():
    """The module ipywidgets, where a kernel runs that can use it."""
    try:
        from IPython import get_ipython
        import ipywidgets
    except ImportError:
        return None
    if not hasattr(get_ipython(), "kernel"):
        return None
    if "google.colab" in sys.modules:
        from google.colab import output

        output.enable_custom_widget_manager()
    return ipywidgets


def _display(box, still):
    from IPython.display import display

    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display(
        {
            "application/vnd.jupyter.widget-view+json": view,
            "image/png": b64encode(plots.png(still)).decode(),
            "text/plain": "an explorer; run this cell in a notebook to use it",
        },
        raw=True,
    )
    plots.plt.close(still)


def _encode(picture):
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, format="png", compress_level=1)
    return buffer.getvalue()


def _large(image):
    """One image (1, 1, 28, 28) as black ink on white, _TILES times as large: (308, 308, 3), uint8."""
    return np.kron(_ink(plots.mosaic(image, 1)), np.ones((_TILES, _TILES, 1), np.uint8))


def _marked(images, right, up):
    """The sheet of decoded images with a ring at (right, up), each from -1 to 1."""
    sheet = Image.fromarray(_ink(plots.mosaic(images, _TILES, gap=0)))
    half = sheet.width / 2
    x, y = half + right * (half - 14), half - up * (half - 14)
    ImageDraw.Draw(sheet).ellipse((x - 16, y - 16, x + 16, y + 16), outline=plots.LINES[1], width=4)
    return np.asarray(sheet)


def _ink(sheet):
    grey = 255 - (sheet * 255).round().clip(0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _run(decode, *inputs):
    with torch.no_grad():
        return plots.checked(decode(*inputs))
