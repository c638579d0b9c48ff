"""The loss of training, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import PALETTE, new_axes, style
from ._histories import epochs_of, history_columns, is_history, numbers
from ._lines import axis_labels, end_labels, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_curve(models: Any, *, log: bool = False, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the mean loss of each epoch of a trained model, or of several.

    Args:
        models: a model with `history_`, such a history (a list of {"epoch": …, "loss": …}, or a list for each figure, as
            `train.fit` returns), or {label: either}.
        log: whether the axis is logarithmic.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        TypeError: `models` is something else.
        ValueError: there is no model, or a history is empty.

    >>> from seqnn import plot
    >>> ax = plot.loss_curve({"plain": [{"loss": 3.0}, {"loss": 2.0}], "deep": [{"loss": 2.5}, {"loss": 1.0}]})
    >>> [line.get_ydata().tolist() for line in ax.lines]
    [[3.0, 2.0], [2.5, 1.0]]
    """
    several = isinstance(models, Mapping) and not is_history(models)
    curves = {label: _losses(one) for label, one in (models if several else {"": models}).items()}
    if not curves:
        raise ValueError("models: expected at least one, got none")
    ax = new_axes(ax, (6.0, 3.8))
    style(ax, title=title)
    ends = []
    for (label, (epochs, losses)), color in zip(curves.items(), PALETTE * len(curves), strict=False):
        marker = "o" if len(epochs) <= 30 else None
        ax.plot(epochs, losses, color=color, linewidth=1.8, marker=marker, markersize=4, label=label, zorder=2)
        if np.isfinite(losses).any():
            ends.append((losses[np.isfinite(losses)][-1], label, color))
    if log:
        ax.set_yscale("log")
    axis_labels(ax, "epoch", "mean loss")
    grid(ax, "y")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_ylim(ax.get_ylim())
    if len(curves) > 1 and ends:
        end_labels(ax, *zip(*ends, strict=True))
    return ax


def _losses(model: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return epochs and losses."""
    columns = history_columns(model, "models", "a model with history_, or its history")
    if "loss" not in columns:
        raise ValueError(f"models: the history has no 'loss', only {', '.join(columns)}")
    return epochs_of(columns), numbers(columns["loss"])
