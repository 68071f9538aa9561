import matplotlib

matplotlib.use("agg")

from matplotlib.figure import Figure
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch

from utils import History, plots

DIGITS = torch.arange(200) % 10


def images(n):
    return torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def codes(size=2, scale=1.0):
    return torch.randn(200, size, generator=torch.Generator().manual_seed(0)) * scale


def history(epochs=3, names=("total", "reconstruction", "kl")):
    record = {name: [float(100 - epoch) for epoch in range(epochs)] for name in names}
    return History(train=record, test=dict(record), seconds=[1.0] * epochs)


FIGURES = {
    "image_grid": lambda: plots.image_grid(images(25), columns=10, title="digits", column_labels=range(10)),
    "curves": lambda: plots.curves({"AE": history(names=("total",)), "VAE": history()}),
    "latent_scatter": lambda: plots.latent_scatter({"AE": (codes(), DIGITS), "VAE": (codes(), DIGITS)}),
    "latent_scatter_3d": lambda: plots.latent_scatter_3d(codes(3), DIGITS),
    "triptych": lambda: plots.triptych({name: (codes(), DIGITS) for name in ("AE", "VAE", "CVAE")}),
    "manifold": lambda: plots.manifold(images(25), 5),
    "interpolation": lambda: plots.interpolation(images(9)),
    "reconstructions": lambda: plots.reconstructions(images(8), {"VAE": images(8), "CVAE": images(8)}),
    "noise_density": lambda: plots.noise_density(torch.randn(500), 0, 1),
    "kl_landscape": lambda: plots.kl_landscape(lambda mu, logvar: (mu.square() + logvar.exp() - 1 - logvar).sum(1) / 2,
                                               [(0, 0), (2, 0)]),
    "quantile_layout": lambda: plots.quantile_layout(torch.randn(16, 2)),
    "lines": lambda: plots.lines({"mean": ([1, 10, 100], [3, 2, 1], [0.1] * 3), "runs": ([1, 10], np.ones((4, 2)))},
                                 "x", "y", log="x", title="fan"),
    "posterior": lambda: plots.posterior(torch.eye(50), torch.linspace(-1, 1, 50), torch.zeros(2), torch.ones(2) / 5,
                                         codes()),
    "sheets": lambda: plots.sheets({"beta 0": images(9), "beta 1": images(9)}),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", FIGURES)
def test_a_plot_is_a_figure_that_nobody_showed(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **options: pytest.fail("show was called"))
    before = matplotlib.rcParams.copy()
    figure = FIGURES[name]()
    assert isinstance(figure, Figure) and plt.fignum_exists(figure.number)
    assert plots.png(figure).startswith(b"\x89PNG")
    assert matplotlib.rcParams == before


def test_a_mosaic_puts_images_row_by_row():
    sheet = plots.mosaic(torch.arange(6.0).view(6, 1, 1, 1).expand(6, 1, 28, 28), columns=3, gap=0)
    assert sheet.shape == (56, 84)
    assert sheet[::28, ::28].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_last_row_may_be_shorter():
    assert plots.mosaic(images(7), columns=5).shape == (2 * 28 + 2, 5 * 30 - 2)


def test_panels_share_their_axes_though_one_is_wider():
    figure = plots.latent_scatter({"AE": (codes(scale=20), DIGITS), "VAE": (codes(), DIGITS)})
    limits = {(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}
    assert len(limits) == 1 and max(max(limits)[0]) > 20
    assert plots.latent_scatter({"VAE": (codes(), DIGITS)}, limits=4).axes[0].get_xlim() == (-4, 4)


def test_each_digit_is_labelled_and_no_label_hides_another():
    axes = plots.latent_scatter({"VAE": (codes(), torch.arange(200) % 10)}, limits=4).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == [str(digit) for digit in range(10)]
    places = np.array([text.get_position() for text in axes.texts])
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) + 9 * np.eye(10)
    assert gaps.min() > 0.4


def test_the_triptych_says_how_far_each_is_from_the_prior():
    figure = plots.triptych({"AE": (codes(scale=5), DIGITS), "VAE": (codes(), DIGITS)})
    said = [float(axes.get_xlabel().split(": ")[1].split()[0]) for axes in figure.axes]
    assert said[0] > 10 and said[1] < 0.1


def test_train_is_dashed_and_test_is_solid():
    figure = plots.curves({"VAE": history(epochs=4)})
    assert [axes.get_title() for axes in figure.axes] == ["total", "reconstruction", "KL"]
    train, test = [line for line in figure.axes[2].lines if len(line.get_xdata()) == 4]
    assert train.get_linestyle() == "--" and test.get_linestyle() == "-"


@pytest.mark.parametrize("wrong", [torch.rand(4, 28, 28), torch.rand(4, 784), torch.rand(0, 1, 28, 28)])
def test_images_of_another_shape_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\(n, 1, 28, 28\)"):
        plots.image_grid(wrong)


def test_codes_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"\(N, 2\)"):
        plots.latent_scatter({"VAE": (codes(20), DIGITS)})
    with pytest.raises(ValueError, match="needs 9 images"):
        plots.manifold(images(8), 3)


def test_colours_differ_also_in_brightness():
    """So that they differ for readers who see no colours: neighbours in the sorted order are apart."""
    rgb = np.array([matplotlib.colors.to_rgb(colour) for colour in plots.DIGITS])
    brightness = rgb @ [0.2126, 0.7152, 0.0722]
    assert len(set(plots.DIGITS)) == 10 and np.ptp(brightness) > 0.5


@pytest.mark.parametrize("ending", ["plots.image_grid(x)", "_ = plots.image_grid(x)", "plots.image_grid(x);"])
def test_a_notebook_shows_a_figure_exactly_once(ending, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel then takes its own, inline
    from nbclient import NotebookClient

    source = f"import torch\nfrom utils import plots\nx = torch.rand(4, 1, 28, 28)\n{ending}"
    cells = [nbformat.v4.new_code_cell(source) for _ in range(2)]
    NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=300).execute()
    for cell in cells:
        assert sum("image/png" in output.get("data", {}) for output in cell.outputs) == 1


def test_a_line_may_have_a_band_or_be_a_fan():
    figure = plots.lines({"band": ([0, 1], [2, 3], [0.5, 0.5]), "fan": ([0, 1], [[1, 2], [3, 4], [5, 6]])}, "x", "y")
    (axes,) = figure.axes
    drawn = [line.get_ydata().tolist() for line in axes.lines if len(line.get_ydata())]
    assert drawn == [[2, 3], [1, 2], [3, 4], [5, 6]]
    (band,) = axes.collections
    assert band.get_paths()[0].get_extents().ymin == 1.5 and band.get_paths()[0].get_extents().ymax == 3.5
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["band", "fan"]


def test_the_posterior_is_shown_where_it_is():
    axis = torch.linspace(-4, 4, 200)
    density = torch.exp(-((axis[None] - 2) ** 2 + (axis[:, None] + 1) ** 2) / 0.02)
    panel = plots.posterior(density, axis, torch.tensor([2.0, -1.0]), torch.tensor([0.1, 0.1]), codes() / 10).axes[0]
    assert sum(panel.get_xlim()) / 2 == pytest.approx(2, abs=0.05) and sum(panel.get_ylim()) / 2 == pytest.approx(-1, abs=0.05)
    assert panel.get_xlim()[1] - panel.get_xlim()[0] == pytest.approx(0.9, abs=0.1)
