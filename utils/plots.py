"""Figures of digits, curves and latent spaces.

Every function returns a matplotlib Figure and never shows it. In a notebook the figure appears once, when
the cell ends or when the figure is the cell's last value.
"""

from io import BytesIO
import math
from statistics import NormalDist

import matplotlib.pyplot as plt
from matplotlib import patheffects
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
import numpy as np
import torch

from utils.training import distance_to_prior

# Ten colours for ten digits that colour-blind readers can tell apart: Paul Tol's "muted" and a grey.
DIGITS = (
    "#332288", "#88CCEE", "#117733", "#DDCC77", "#CC6677",
    "#AA4499", "#44AA99", "#882255", "#999933", "#555555",
)
# For runs and models: Okabe and Ito 2008.
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLE = {
    "font.size": 10, "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": "#888888", "axes.grid": True, "grid.color": "#E6E6E6", "axes.axisbelow": True,
    "xtick.color": "#444444", "ytick.color": "#444444", "legend.frameon": False, "figure.dpi": 96,
}
_INK = "gray_r"  # black ink on white paper

# The inline backend turns interactive mode on when it loads. Loaded inside the rc_context below, that would be
# undone, and no figure after the first cell would show.
plt.switch_backend(plt.get_backend())


class _Figure(Figure):
    def _ipython_display_(self):
        """Show the figure and close it, so that the inline backend does not show it a second time."""
        from IPython.display import Image, display

        plt.close(self)
        display(Image(png(self)))


def png(figure):
    """The figure as the bytes of a PNG."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", facecolor="white")
    return buffer.getvalue()


def _new(rows=1, columns=1, size=(6, 4), **options):
    with plt.rc_context(_STYLE):
        return plt.subplots(
            rows, columns, figsize=size, FigureClass=_Figure, squeeze=False, layout="constrained", **options
        )


# ---------------------------------------------------------------- digits


def image_grid(images, columns=10, title="", row_labels=None, column_labels=None):
    """Images (n, 1, 28, 28) row by row, `columns` in each row."""
    images = checked(images)
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    return _sheet(mosaic(images, columns), rows, columns, title, row_labels, column_labels)


def reconstructions(x, models):
    """The images x (n, 1, 28, 28) above, and below them one row for each name and reconstruction in
    `models`.
    """
    rows = {"original": x, **models}
    images = torch.cat([checked(row)[:12] for row in rows.values()])
    return image_grid(images, columns=len(images) // len(rows), row_labels=list(rows))


def interpolation(images):
    """The steps of an interpolation (steps, 1, 28, 28) in one row."""
    images = checked(images)
    labels = [f"{step:.2g}" for step in np.linspace(0, 1, len(images))] if len(images) <= 12 else None
    return image_grid(images, columns=len(images), column_labels=labels)


def manifold(images, n):
    """The images (n * n, 1, 28, 28) decoded from a grid of latents, as an n by n sheet without gaps."""
    images = checked(images)
    if len(images) != n * n:
        raise ValueError(f"A manifold of {n} by {n} needs {n * n} images, not {len(images)}.")
    figure = _sheet(mosaic(images, n, gap=0), n, n, scale=min(0.42, 7 / n))
    figure.axes[0].set_title(f"{n} x {n} quantiles of the prior, decoded")
    return figure


def sheets(models):
    """The manifold of each named model (n * n, 1, 28, 28), side by side."""
    figure, (panels,) = _new(1, len(models), size=(4.2 * len(models), 4.5 if len(models) > 1 else 4.2))
    for axes, (name, images) in zip(panels, models.items()):
        columns = math.isqrt(len(images))
        axes.imshow(mosaic(images, columns, gap=0), cmap=_INK, vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(name)
        axes.set_axis_off()
    return figure


def mosaic(images, columns, gap=2):
    """Images (n, 1, 28, 28) as one array (height, width), row by row, `gap` empty pixels apart."""
    images = checked(images).squeeze(1).numpy()
    n, height, width = images.shape
    rows = math.ceil(n / columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap), dtype=np.float32)
    for i, image in enumerate(images):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def checked(images):
    """Images (n, 1, height, width) as float32 on the CPU; ValueError for another shape."""
    images = torch.as_tensor(images).detach().float().cpu()
    if images.ndim != 4 or images.shape[1] != 1 or not len(images):
        raise ValueError(f"Images must have the shape (n, 1, 28, 28), not {tuple(images.shape)}.")
    return images


def _sheet(sheet, rows, columns, title="", row_labels=None, column_labels=None, scale=0.75):
    size = max(2.0, columns * scale), max(0.9, rows * scale)
    figure, ((axes,),) = _new(size=size)
    axes.imshow(sheet, cmap=_INK, vmin=0, vmax=1, interpolation="nearest")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.set_xticks(*_centres(sheet.shape[1], columns, column_labels))
    axes.set_yticks(*_centres(sheet.shape[0], rows, row_labels))
    if title:
        axes.set_title(title)
    return figure


def _centres(length, n, labels):
    if labels is None:
        return [], []
    return (np.arange(n) + 0.5) * (length / n) - 0.5, [str(label) for label in labels]


# ---------------------------------------------------------------- training


def curves(histories):
    """Total, reconstruction and KL by epoch for each named History: train dashed, test solid."""
    names = list(dict.fromkeys(name for history in histories.values() for name in history.test))
    figure, (panels,) = _new(1, len(names), size=(3.6 * len(names), 3.2))
    for axes, name in zip(panels, names):
        for colour, (label, history) in zip(_cycle(), histories.items()):
            epochs = range(1, history.epochs + 1)
            for record, style in ((history.train, "--"), (history.test, "-")):
                if name in record:
                    axes.plot(
                        epochs, record[name], style, color=colour, linewidth=1.8,
                        marker="o" if len(epochs) == 1 else None, label=label if style == "-" else None,
                    )
        axes.set_title({"kl": "KL"}.get(name, name))
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_ylabel("nats per image")
    panels[0].plot([], [], "--", color="#888888", label="train")
    panels[0].plot([], [], "-", color="#888888", label="test")
    panels[0].legend(frameon=False)
    return figure


def _cycle():
    while True:
        yield from LINES


def lines(series, xlabel, ylabel, log="", title=""):
    """One line for each name and (x, y) or (x, y, std), with a band of one standard deviation.

    y may be (n, len(x)): a fan of n thin lines. log: "x", "y" or "xy" for logarithmic axes.
    """
    figure, ((axes,),) = _new(size=(5.5, 3.6))
    for colour, (name, (x, y, *std)) in zip(_cycle(), series.items()):
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        if y.ndim == 2:
            axes.plot(x, y.T, color=colour, linewidth=0.7, alpha=0.6)
            axes.plot([], [], color=colour, label=name)
        else:
            axes.plot(x, y, color=colour, linewidth=1.8, marker="o" if len(x) <= 15 else None, label=name)
        for band in std:
            axes.fill_between(x, y - np.asarray(band), y + np.asarray(band), color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    for which in log:
        getattr(axes, f"set_{which}scale")("log")
    if "x" not in log and all((np.asarray(x) % 1 == 0).all() for x, *_ in series.values()):
        axes.xaxis.get_major_locator().set_params(integer=True)
    beside = {"loc": "upper left", "bbox_to_anchor": (1, 1)} if len(series) > 3 else {}
    axes.legend(frameon=False, **beside)
    return figure


# ---------------------------------------------------------------- latent space


def latent_scatter(latents, limits=None, size=4.4):
    """One panel, `size` inches wide, for each name and (mu (N, 2), labels (N,)), all with the same axes.

    Each digit stands near the median of its images; the circles hold 39 % and 86 % of the prior N(0, I).
    """
    figure, (panels,) = _new(1, len(latents), size=(size * len(latents), size), sharex=True, sharey=True)
    _scatter(panels, latents, limits)
    return figure


def triptych(latents, limits=None):
    """latent_scatter with the distance of each model's codes to N(0, I) below its panel."""
    figure, (panels,) = _new(1, len(latents), size=(4.2 * len(latents), 4.6), sharex=True, sharey=True)
    _scatter(panels, latents, limits)
    for axes, (mu, _) in zip(panels, latents.values()):
        axes.set_xlabel(f"$z_1$\ndistance to N(0, I): {distance_to_prior(mu):.2f} nats")
    return figure


def _scatter(panels, latents, limits):
    latents = {name: _codes(mu, labels, 2) for name, (mu, labels) in latents.items()}
    limits = limits or max(3.5, *(float(np.quantile(np.abs(mu), 0.998)) for mu, _ in latents.values())) * 1.05
    for axes, (name, (mu, labels)) in zip(panels, latents.items()):
        shown = np.random.default_rng(0).permutation(len(mu))[:5000]
        axes.scatter(*mu[shown].T, c=_colours(labels[shown]), s=5, alpha=0.5, linewidths=0, rasterized=True)
        _circles(axes)
        digits = np.unique(labels)
        places = _apart(np.array([np.median(mu[labels == digit], axis=0) for digit in digits]), 0.13 * limits)
        for digit, place in zip(digits, places):
            axes.text(
                *place, str(digit), color=DIGITS[digit % 10], fontsize=14, weight="bold", ha="center",
                va="center", clip_on=True, path_effects=_HALO,
            )
        axes.set(title=name, xlabel="$z_1$", xlim=(-limits, limits), ylim=(-limits, limits), aspect="equal")
    panels[0].set_ylabel("$z_2$")


def _circles(axes):
    for radius in (1, 2):
        axes.add_patch(plt.Circle((0, 0), radius, fill=False, linewidth=1, linestyle=":", zorder=2))


def _apart(places, distance):
    """The places (n, 2), moved as little as it takes to be `distance` apart, so that no label hides
    another.
    """
    places = places + 1e-3 * distance * np.random.default_rng(0).standard_normal(places.shape)
    for _ in range(200):
        gaps = places[:, None] - places[None]
        lengths = np.linalg.norm(gaps, axis=-1) + np.eye(len(places)) * distance
        push = np.maximum(distance - lengths, 0) / lengths
        places = places + (gaps * push[..., None]).sum(1) / 4
    return places


def latent_scatter_3d(mu, labels):
    """The codes mu (N, 3), coloured by digit."""
    mu, labels = _codes(mu, labels, 3)
    figure, ((axes,),) = _new(size=(6, 5.5), subplot_kw={"projection": "3d"})
    shown = np.random.default_rng(0).permutation(len(mu))[:4000]
    axes.scatter(*mu[shown].T, c=_colours(labels[shown]), s=5, alpha=0.7, linewidths=0, depthshade=False)
    for digit in np.unique(labels):
        axes.text(
            *np.median(mu[labels == digit], axis=0), str(digit), color=DIGITS[digit % 10], fontsize=14,
            weight="bold", ha="center", path_effects=_HALO,
        )
    limit = max(3.0, float(np.quantile(np.abs(mu), 0.998)))
    axes.set(xlabel="$z_1$", ylabel="$z_2$", zlabel="$z_3$", xlim=(-limit, limit), ylim=(-limit, limit),
             zlim=(-limit, limit))
    return figure


def posterior(density, axis, mu, sigma, draws):
    """The true posterior of one image with two latents, q, and draws of a Markov chain, side by side.

    density: (n, n) with z1 to the right and z2 upwards on the points of `axis` (n,); mu, sigma: (2,) of q, whose
    ellipses hold 39 % and 86 % of it; draws: (S, 2). What is shown is where the posterior is.
    """
    density, axis, draws = (np.asarray(torch.as_tensor(part).cpu()) for part in (density, axis, draws))
    mu, sigma = (np.asarray(torch.as_tensor(part).cpu()) for part in (mu, sigma))
    mass = density / density.sum()
    centre = np.array([(mass.sum(0) * axis).sum(), (mass.sum(1) * axis).sum()])
    spread = max(((mass.sum(i) * (axis - centre[i]) ** 2).sum()) ** 0.5 for i in (0, 1))
    reach = 4.5 * max(spread, sigma.max())
    figure, (panels,) = _new(1, 3, size=(10.8, 3.9), sharex=True, sharey=True)
    shown = [("true posterior, on a grid", None), ("q, from the encoder", None), ("Metropolis", draws)]
    for axes, (title, points) in zip(panels, shown):
        axes.contour(axis, axis, density, levels=density.max() * np.array([0.05, 0.25, 0.75]), colors=LINES[0])
        if points is not None:
            axes.scatter(*points[:: max(1, len(points) // 2000)].T, s=3, color=LINES[2], alpha=0.4, linewidths=0)
        axes.set(title=title, xlabel="$z_1$", aspect="equal", xlim=(centre[0] - reach, centre[0] + reach),
                 ylim=(centre[1] - reach, centre[1] + reach))
    for radius in (1, 2):
        panels[1].add_patch(Ellipse(mu, *(2 * radius * sigma), fill=False, color=LINES[1], linewidth=1.8))
    panels[0].set_ylabel("$z_2$")
    return figure


_HALO = [patheffects.withStroke(linewidth=3, foreground="white")]


def _codes(mu, labels, size):
    mu, labels = torch.as_tensor(mu).detach().float().cpu().numpy(), torch.as_tensor(labels).cpu().numpy()
    if mu.ndim != 2 or mu.shape[1] != size or len(mu) != len(labels):
        raise ValueError(f"Codes must be (N, {size}) with N labels, not {mu.shape} with {labels.shape}.")
    return mu, labels


def _colours(labels):
    return [DIGITS[label % 10] for label in labels]


def noise_density(z, mean, std):
    """A histogram of draws z over the density of N(mean, std^2) that they should follow."""
    z = torch.as_tensor(z).detach().float().cpu().flatten().numpy()
    mean, std = float(mean), float(std)
    figure, ((axes,),) = _new(size=(5.5, 3.2))
    axes.hist(z, bins=60, density=True, color="#56B4E9", label="your draws")
    grid = np.linspace(min(z.min(), mean - 4 * std), max(z.max(), mean + 4 * std), 400)
    density = np.exp(-(((grid - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))
    axes.plot(grid, density, color="#D55E00", linewidth=2, label=f"N({mean:g}, {std:g}$^2$)")
    axes.set(xlabel="z", ylabel="density")
    axes.legend(frameon=False)
    return figure


def kl_landscape(kl_divergence, points):
    """`kl_divergence` of one latent over mu and logvar, as lines of equal cost in nats, and (mu, logvar) `points`."""
    mu, logvar = torch.meshgrid(torch.linspace(-3, 3, 121), torch.linspace(-5, 4.6, 121), indexing="xy")
    with torch.no_grad():
        cost = torch.as_tensor(kl_divergence(mu.reshape(-1, 1), logvar.reshape(-1, 1)))
    if cost.shape != (mu.numel(),):
        raise ValueError(f"kl_divergence must give one number for each picture, not {tuple(cost.shape)}.")
    figure, ((axes,),) = _new(size=(5.5, 4))
    lines = axes.contour(mu.numpy(), logvar.numpy(), cost.reshape(mu.shape).float().cpu().numpy(),
                         levels=(0.1, 0.5, 1, 2, 4, 8, 16, 32), colors="#0072B2", linewidths=1)
    axes.clabel(lines, fmt="%g nats", fontsize=8, colors="black")
    axes.scatter(*zip(*points), color="#D55E00", zorder=3)
    for m, v in points:
        axes.annotate(f"({m:g}, {v:g})", (m, v), xytext=(6, 6), textcoords="offset points", color="#D55E00",
                      path_effects=_HALO)
    axes.set(xlabel=r"$\mu$", ylabel=r"$\log\,\sigma^2$", title="What your kl_divergence charges for one latent")
    return figure


def quantile_layout(z):
    """Points z (n * n, 2) on the lines that cut N(0, 1) into n + 1 equally probable parts along each axis.

    A point for each crossing is what the map of a latent space needs.
    """
    z = torch.as_tensor(z).detach().float().cpu()
    n = math.isqrt(len(z))
    if z.shape != (n * n, 2):
        raise ValueError(f"The points must be (n * n, 2), not {tuple(z.shape)}.")
    figure, ((axes,),) = _new(size=(4.4, 4.4))
    axes.grid(False)
    for i in range(1, n + 1):
        for line in (axes.axvline, axes.axhline):
            line(NormalDist().inv_cdf(i / (n + 1)), color="#BBBBBB", linewidth=0.8, zorder=1)
    _circles(axes)
    axes.scatter(*z.T.numpy(), s=22, color="#0072B2", zorder=3)
    axes.set(xlabel="$z_1$", ylabel="$z_2$", xlim=(-2.5, 2.5), ylim=(-2.5, 2.5), aspect="equal",
             title="Your points on the quantiles")
    return figure
