"""Many lines on one pair of axes: colours in order, and names at the right ends that do not cover each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import FAINT, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

FONT = 8.5


def ordered_colors(count: int) -> list[Any]:
    """Return colours from dark blue (first) to orange (last), which any colour vision tells apart."""
    from matplotlib import colormaps

    return [colormaps["plasma"](v) for v in np.linspace(0.05, 0.78, count)]


def grid(ax: Axes, axis: str) -> None:
    """Draw faint lines below the data."""
    ax.grid(axis=axis, color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)


def axis_labels(ax: Axes, x: str | None, y: str | None) -> None:
    """Write small grey names of the axes."""
    if x:
        ax.set_xlabel(x, fontsize=9, color=GREY)
    if y:
        ax.set_ylabel(y, fontsize=9, color=GREY)


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Set the ticks of a logarithmic axis: powers of ten, and 2 and 5 times these where there are few."""
    from matplotlib.ticker import FuncFormatter, LogFormatterMathtext, LogLocator, NullLocator

    decades = np.log10(high / low) if 0 < low < high else 0.0
    few = decades < 2.5
    axis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if few else (1,), numticks=12))
    plain = few and low > 1e-4 and high < 1e4
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}") if plain else LogFormatterMathtext(10))
    if few:
        axis.set_minor_locator(NullLocator())


def end_labels(ax: Axes, heights: Sequence[float], labels: Sequence[str], colors: Sequence[Any]) -> None:
    """Write each label at the right of the axes, at the height of its line's end or as near as there is room.

    The limits of the axes must stand before. A thin line leads from the end to a label that had to move.
    """
    limits = ax.get_ylim()
    ends = ax.transAxes.inverted().transform(
        [ax.transData.transform((0.0 if ax.get_xscale() != "log" else 1.0, y)) for y in np.clip(heights, *limits)]
    )[:, 1]
    points = ax.get_window_extent().height * 72 / ax.figure.dpi
    places = _spread(ends, min(1.25 * FONT / points, 1 / max(len(ends) - 1, 1)))
    moved = bool(np.abs(places - ends).max() > 0.01)
    for end, place, label, color in zip(ends, places, labels, colors, strict=True):
        if moved:
            ax.plot([1.006, 1.03], [end, place], transform=ax.transAxes, color=color, linewidth=0.7, clip_on=False)
        x = 1.038 if moved else 1.012
        ax.text(x, place, label, transform=ax.transAxes, fontsize=FONT, color=color, va="center")


def _spread(wanted: np.ndarray, gap: float) -> np.ndarray:
    """Return places in [0, 1] at least `gap` apart, in the order of those wanted, as near to them as least squares gives."""
    order = np.argsort(wanted, kind="stable")
    blocks: list[tuple[float, int]] = []  # sum of (wanted - offset), and how many labels touch each other there
    for i, place in enumerate(wanted[order]):
        blocks.append((float(place) - i * gap, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = blocks[-1][0] + total, blocks[-1][1] + count
    base = np.concatenate([np.full(count, total / count) for total, count in blocks])
    top = 1 - (len(wanted) - 1) * gap
    places = np.empty(len(wanted))
    places[order] = np.clip(base, 0, max(top, 0)) + np.arange(len(wanted)) * gap
    return places
