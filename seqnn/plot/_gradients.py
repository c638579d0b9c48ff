"""Norms of gradients, and changes of weights, over the steps of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import GREY, INK, new_axes, style
from ._lines import axis_labels, end_labels, grid, log_ticks, ordered_colors
from ._watched import recorded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..diagnose import Watch

MANY = 10
"""More rows are drawn as a map of colours."""


def gradient_norms(
    watch: Watch | Mapping[str, Any],
    *,
    of: str = "layers",
    kind: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the norms of the gradients over training, on a logarithmic scale.

    Norms that fall from layer to layer mean that gradients vanish. Norms that are not finite are crosses at the top of
    the lines, and black in the map; norms of 0, and those that were not recorded, are white there.

    Args:
        watch: a `diagnose.Watch`, or {name: one number a step}.
        of: "layers", the gradient at their outputs, or "parameters".
        kind: "lines", or "map": a row for each name, a colour for the norm; default: lines up to ten names.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        TypeError: `watch` is neither.
        ValueError: nothing was recorded, or `of` or `kind` is not known.

    >>> from seqnn import plot
    >>> ax = plot.gradient_norms({"first": [0.1, 0.2], "last": [1.0, 2.0]})
    >>> ax.get_yscale(), [text.get_text() for text in ax.texts]
    ('log', ['first', 'last'])
    """
    if of not in ("layers", "parameters"):
        raise ValueError(f"of: expected 'layers' or 'parameters', got {of!r}")
    steps, rows = recorded(watch, "gradient" if of == "layers" else "weight_gradient", "watch")
    return _draw(steps, rows, kind, "gradient norm", title, ax)


def update_ratios(
    watch: Watch | Mapping[str, Any], *, kind: str | None = None, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw |change of the weights in a step| / |weights| over training; a dashed line marks 1e-3, the usual size.

    Biases are left out, unless there is nothing else.

    Args:
        watch: a `diagnose.Watch` with an optimizer or a Trainer, or {name: one number a step}.
        kind: "lines" or "map", as in `gradient_norms`.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        TypeError: `watch` is neither.
        ValueError: nothing was recorded, or `kind` is not known.

    >>> from seqnn import plot
    >>> plot.update_ratios({"0.weight": [1e-2, 1e-3]}).get_ylabel()
    'change / weights'
    """
    steps, rows = recorded(watch, "update", "watch")
    rows = {n: v for n, v in rows.items() if n.split(".")[-1] != "bias"} or rows
    return _draw(steps, rows, kind, "change / weights", title, ax, usual=1e-3)


def _draw(
    steps: np.ndarray,
    rows: dict[str, np.ndarray],
    kind: str | None,
    what: str,
    title: str | None,
    ax: Axes | None,
    usual: float | None = None,
) -> Axes:
    if kind not in (None, "lines", "map"):
        raise ValueError(f"kind: expected 'lines' or 'map', got {kind!r}")
    if kind == "map" or (kind is None and len(rows) > MANY):
        return _map(steps, rows, what, title, ax)
    return _lines(steps, rows, what, title, ax, usual)


def _lines(
    steps: np.ndarray, rows: dict[str, np.ndarray], what: str, title: str | None, ax: Axes | None, usual: float | None
) -> Axes:
    ax = new_axes(ax, (6.4, 3.8))
    style(ax, title=title)
    colors = ordered_colors(len(rows))
    marker = "o" if len(steps) <= 30 else None
    ends = []
    for (name, values), color in zip(rows.items(), colors, strict=True):
        shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
        ax.plot(steps, shown, color=color, linewidth=1.5, marker=marker, markersize=3.5, label=name, zorder=2)
        broken = steps[np.isinf(values)]
        ax.plot(broken, np.full(len(broken), 0.985), "x", color=color, transform=ax.get_xaxis_transform(), zorder=3)
        if np.isfinite(shown).any():
            ends.append((shown[np.isfinite(shown)][-1], name, color))
    if usual is not None:
        ax.axhline(usual, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    ax.set_yscale("log")
    ax.margins(x=0.02)
    grid(ax, "y")
    axis_labels(ax, "step", what)
    ax.xaxis.get_major_locator().set_params(integer=True)
    limits = ax.get_ylim()
    ax.set_ylim(limits)
    log_ticks(ax.yaxis, *limits)
    if ends:
        end_labels(ax, *zip(*ends, strict=True))
    return ax


def _map(steps: np.ndarray, rows: dict[str, np.ndarray], what: str, title: str | None, ax: Axes | None) -> Axes:
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    ax = new_axes(ax, (6.8, 1.3 + 0.21 * min(len(rows), 40)))
    table = np.array(list(rows.values()))
    shown = np.ma.masked_where(~np.isfinite(table) | (table <= 0), table)
    low, high = (shown.min(), shown.max()) if shown.count() else (0.1, 1.0)
    colors = colormaps["viridis"].with_extremes(bad="white")
    edges = np.append(steps, 2 * steps[-1] - steps[-2] if len(steps) > 1 else steps[-1] + 1)
    image = ax.pcolormesh(
        edges, np.arange(len(rows) + 1) - 0.5, shown, cmap=colors, norm=LogNorm(low, high if high > low else 2 * low)
    )
    broken = np.ma.masked_where(~np.isinf(table), np.ones_like(table))
    if broken.count():
        ax.pcolormesh(edges, np.arange(len(rows) + 1) - 0.5, broken, cmap="gray", vmin=1, vmax=2)
    style(ax, title=title, spines=())
    ax.set_ylim(len(rows) - 0.5, -0.5)
    every = 1 if len(rows) <= 40 else -(-len(rows) // 40)
    ax.set_yticks(range(0, len(rows), every), list(rows)[::every], fontsize=8)
    ax.tick_params(axis="y", length=0)
    axis_labels(ax, "step", None)
    ax.xaxis.get_major_locator().set_params(integer=True)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.9, pad=0.02, aspect=25)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8, labelcolor=INK)
    log_ticks(bar.ax.yaxis, image.norm.vmin, image.norm.vmax)
    bar.set_label(what, fontsize=9, color=GREY)
    return ax
