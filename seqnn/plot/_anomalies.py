"""Steps of a time series that nobody expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import BLUE, FAINT, INK, VERMILION, new_axes, style
from ._lines import axis_labels
from ._steps import legend_above, line_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    values, scores = line_of(series, "series"), line_of(score, "score")
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
    legend_above(ax, 4)
    return ax
