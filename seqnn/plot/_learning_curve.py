"""A figure of training and of validation, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import BLUE, GREY, VERMILION, new_axes, style
from ._histories import epochs_of, history_columns, numbers
from ._lines import axis_labels, end_labels, grid, log_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def learning_curve(
    history: Any, figure: str = "loss", *, log: bool = False, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a figure of each epoch, such as the loss, for training and validation; a ring marks the best of validation.

    Args:
        history: an estimator or a `train.Trainer`, its `history_`, or what `train.fit` returned.
        figure: "loss", or the name of a metric, such as "accuracy"; "val_" + this name is drawn as well where it is there.
        log: whether the axis is logarithmic.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        TypeError: `history` is something else.
        ValueError: the history is empty, or has no such figure.

    >>> from seqnn import plot
    >>> ax = plot.learning_curve({"loss": [2.0, 1.0, 0.5], "val_loss": [2.1, 1.4, 1.5]})
    >>> [line.get_label() for line in ax.lines][:2]
    ['training', 'validation']
    """
    columns = history_columns(history, "history", "a Trainer or an estimator, its history_, or what fit returned")
    curves = {
        label: numbers(columns[name])
        for label, name in (("training", figure), ("validation", f"val_{figure}"))
        if name in columns
    }
    if not curves:
        raise ValueError(f"figure: the history has no {figure!r} or 'val_{figure}', only {', '.join(columns)}")
    epochs = epochs_of(columns)
    ax = new_axes(ax, (6.0, 3.8))
    style(ax, title=title)
    colors = {"training": BLUE, "validation": VERMILION}
    for label, values in curves.items():
        marker = "o" if len(epochs) <= 30 else None
        ax.plot(epochs, values, color=colors[label], linewidth=1.8, marker=marker, markersize=4, label=label, zorder=2)
    checked = curves.get("validation", np.array([np.nan]))
    if np.isfinite(checked).any():
        best = int((np.nanargmin if figure.endswith("loss") else np.nanargmax)(checked))
        ax.plot(
            epochs[best], checked[best], "o", markersize=10, markerfacecolor="none", markeredgewidth=1.4,
            markeredgecolor=VERMILION, zorder=3,
        )  # fmt: skip
    if log:
        ax.set_yscale("log")
    axis_labels(ax, "epoch", figure)
    grid(ax, "y")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_ylim(ax.get_ylim())
    if log:
        log_ticks(ax.yaxis, *ax.get_ylim())
    ends = {label: values[np.isfinite(values)][-1] for label, values in curves.items() if np.isfinite(values).any()}
    if len(ends) > 1:
        end_labels(ax, list(ends.values()), list(ends), [colors[label] for label in ends])
    elif ends and "validation" in ends:
        ax.set_ylabel(f"{figure} (validation)", fontsize=9, color=GREY)
    return ax
