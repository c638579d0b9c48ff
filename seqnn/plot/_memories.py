"""What a net with two memories keeps of a time series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import GREY, INK, new_axes, style
from ._lines import axis_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def memories(short: Any, long: Any, series: Any = None, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw both memories of an STLM over time as maps of colours: the short one above, the long one below.

    A row is a unit, its values scaled to [-1, 1] by its own largest; rows are ordered from the quickest to the slowest. The
    number at the right is each memory's median time scale: the steps in which a unit's autocorrelation falls to 1/e.

    Args:
        short: [T, units] of one sequence, of `nn.STLM.memories`.
        long: the same of the long memory.
        series: [T] or [T, variables]: what was read, drawn at the top.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the arrays are of different lengths, not finite, or not of one sequence.

    >>> import numpy as np
    >>> from seqnn import nn, plot
    >>> short, long = nn.STLM(1, 6, batch_first=True).memories(np.ones((1, 30, 1), np.float32))
    >>> ax = plot.memories(short[0], long[0])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['long memory\\n3 units', 'short memory\\n3 units']
    """
    blocks = [_block(values, name) for values, name in ((short, "short"), (long, "long"))]
    steps = len(blocks[0])
    if len(blocks[1]) != steps:
        raise ValueError(f"long: expected {steps} steps as short has, got {len(blocks[1])}")
    read = (
        None
        if series is None
        else _block(np.asarray(series, np.float64).reshape(len(np.asarray(series)), -1), "series")
    )
    if read is not None and len(read) != steps:
        raise ValueError(f"series: expected {steps} steps as the memories have, got {len(read)}")
    ax = new_axes(ax, (7.4, 4.6))
    style(ax, title=title, spines=("bottom",))
    bottom, heights, marks = 0.0, (1.0, 1.0), []
    image = None
    for (name, values), height in zip((("long", blocks[1]), ("short", blocks[0])), heights, strict=True):
        scales = np.array([time_scale(unit) for unit in values.T])
        order = np.argsort(-scales, kind="stable")
        largest = np.abs(values).max(axis=0)
        shown = (values / np.where(largest > 0, largest, 1))[:, order].T
        edges = np.linspace(bottom, bottom + height, len(shown) + 1)
        image = ax.pcolormesh(np.arange(steps + 1) - 0.5, edges, shown, cmap="RdBu", vmin=-1, vmax=1, rasterized=True)
        marks.append((bottom + height / 2, f"{name} memory\n{values.shape[1]} units"))
        median = float(np.median(scales))
        shown_scale = f"{median:.0f}" if median < steps else f"> {steps}"
        ax.text(
            1.01, bottom + height / 2, f"{shown_scale} steps", transform=ax.get_yaxis_transform(), fontsize=8.5, color=GREY,
            va="center",
        )  # fmt: skip
        bottom += height + 0.06
    if read is not None:
        low, spread = read.min(), np.ptp(read)
        scaled = bottom + 0.04 + 0.5 * (read - low) / (spread if spread > 0 else 1)
        ax.plot(np.arange(steps), scaled, color=INK, linewidth=0.7, alpha=0.8 if read.shape[1] == 1 else 0.45)
        marks.append((bottom + 0.29, "series"))
        bottom += 0.6
    ax.set_ylim(0, bottom)
    ax.set_xlim(-0.5, steps - 0.5)
    ax.set_yticks([place for place, _ in marks], [label for _, label in marks])
    ax.tick_params(axis="y", length=0)
    axis_labels(ax, "step", None)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.6, pad=0.1, aspect=25, ticks=[-1, 0, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)
    bar.set_label("share of a unit's largest", fontsize=9, color=GREY)
    return ax


def time_scale(unit: np.ndarray) -> float:
    """Return the first lag at which the autocorrelation [T] is below 1/e, interpolated; T where it never is.

    >>> time_scale(np.tile([1.0, -1.0], 50)) < 1
    True
    """
    centred = unit - unit.mean()
    power = centred @ centred
    if power == 0:
        return float(len(unit))
    size = 1 << (2 * len(unit) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    correlation = np.fft.irfft(spectrum, size)[: len(unit)] / power
    below = np.flatnonzero(correlation < 1 / np.e)
    if not len(below):
        return float(len(unit))
    lag = int(below[0])
    before, after = correlation[lag - 1], correlation[lag]
    return float(lag - 1 + (before - 1 / np.e) / (before - after))


def _block(values: Any, name: str) -> np.ndarray:
    """Check finite numbers [T, units]."""
    array = np.asarray(values, np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name}: expected [T, units] of one sequence, got {list(array.shape)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers")
    return array
