"""Time series, forecasts of them, and what a net with two memories keeps of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import BLUE, FAINT, GREY, INK, PALETTE, VERMILION, new_axes, style
from ._lines import axis_labels, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def forecast(
    series: Any,
    forecasts: Any,
    *,
    start: int | None = None,
    show: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a series and forecasts of it, of one variable.

    Args:
        series: the truth [T].
        forecasts: one forecast, or {label: forecast}; NaN where there is none.
        start: the step of the forecasts' first value; default: T - their length, so that they end with the series.
            T draws what comes after it.
        show: how many of the last steps are shown; default: all.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no forecast, or the series has several variables.

    >>> from seqnn import plot
    >>> ax = plot.forecast([1.0, 2.0, 3.0], [4.0, 5.0], start=3)
    >>> ax.lines[-1].get_xdata().tolist()
    [3, 4]
    """
    truth = _line(series, "series")
    found = forecasts if isinstance(forecasts, Mapping) else {"forecast": forecasts}
    lines = {str(label): _line(values, f"forecasts[{label!r}]") for label, values in found.items()}
    if not lines:
        raise ValueError("forecasts: expected at least one, got none")
    begins = [len(truth) - len(values) if start is None else start for values in lines.values()]
    end = max(len(truth), *(begin + len(values) for begin, values in zip(begins, lines.values(), strict=True)))
    shown = 0 if show is None else max(end - show, 0)
    ax = new_axes(ax, (7.2, 3.4))
    style(ax, title=title)
    if min(begins) > shown:
        ax.axvline(min(begins) - 0.5, color=FAINT, linewidth=1, zorder=1)
    curves = [("series", 0, truth, GREY)]
    curves += [
        (label, begin, lines[label], color)
        for label, begin, color in zip(lines, begins, _colors(len(lines)), strict=True)
    ]
    for label, begin, values, color in curves:
        cut = max(shown - begin, 0)
        steps = np.arange(begin + cut, begin + len(values))
        ax.plot(steps, values[cut:], color=color, linewidth=1.5, label=label, zorder=2)
    ax.margins(x=0.01)
    grid(ax, "y")
    axis_labels(ax, "step", None)
    _legend_above(ax, len(curves))
    return ax


def anomalies(series: Any, score: Any, threshold: float, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the score of each step of a series, the threshold, and the steps above it.

    Args:
        series: [T], drawn faintly below the score, in the same height.
        score: [T], of `models.AnomalyDetector.score`; NaN where there is none.
        threshold: its `threshold_`.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is not a score for each step, or the series has several variables.

    >>> from seqnn import plot
    >>> ax = plot.anomalies([1.0, 1.1, 5.0, 0.9], [float("nan"), 0.5, 4.0, 0.7], 2.0)
    >>> next(line for line in ax.lines if line.get_label() == "anomaly").get_xdata().tolist()
    [2]
    """
    values, scores = _line(series, "series"), _line(score, "score")
    if len(values) != len(scores):
        raise ValueError(f"score: expected one number for each of {len(values)} steps, got {len(scores)}")
    ax = new_axes(ax, (7.2, 3.4))
    style(ax, title=title)
    top = float(np.nanmax(np.append(scores, threshold)))
    spread = np.ptp(values[np.isfinite(values)]) if np.isfinite(values).any() else 0.0
    steps = np.arange(len(values))
    if spread > 0:
        ax.plot(
            steps,
            (values - np.nanmin(values)) / spread * top,
            color=FAINT,
            linewidth=1,
            label="series, scaled",
            zorder=1,
        )
    ax.plot(steps, scores, color=BLUE, linewidth=1.3, label="score", zorder=2)
    ax.axhline(threshold, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label="threshold", zorder=2)
    beyond = scores > threshold
    ax.plot(steps[beyond], scores[beyond], "o", color=VERMILION, markersize=4.5, label="anomaly", zorder=3)
    ax.margins(x=0.01)
    axis_labels(ax, "step", "error, in usual deviations")
    _legend_above(ax, 4)
    return ax


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


def _colors(count: int) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(count)]


def _legend_above(ax: Axes, columns: int) -> None:
    ax.legend(
        frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=min(columns, 5), handlelength=1.4,
        borderaxespad=0.2,
    )  # fmt: skip


def _line(values: Any, name: str) -> np.ndarray:
    """Check a series of one variable, [T] or [T, 1]; return it as [T]."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"{name}: expected one variable, [T], got {list(array.shape)}")
    return array.astype(np.float64)


def _block(values: Any, name: str) -> np.ndarray:
    """Check finite numbers [T, units]."""
    array = np.asarray(values, np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name}: expected [T, units] of one sequence, got {list(array.shape)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers")
    return array
