"""Pictures of the layers' outputs: statistics, and units that are dead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..diagnose import Watch
from ._axes import BLUE, FAINT, GREY, INK, VERMILION, new_axes, style
from ._lines import axis_labels, grid
from ._watched import labelled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def activation_statistics(watch: Watch, *, record: int = -1, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw each layer's output as a bar from mean - std to mean + std, the first layer at the top.

    A grey bar below shows the first record, to see what training changed. At the right stand the shares of zeros, of
    saturated values and of those that are not finite, where there are any.

    Args:
        watch: a `diagnose.Watch`.
        record: which record to show, an index into watch.history["step"]; default: the last.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        TypeError: `watch` is no Watch.
        ValueError: nothing was recorded, or there is no such record.

    >>> import numpy as np
    >>> from seqnn import diagnose, nn, ops, plot
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    >>> with diagnose.Watch(model) as watch:
    ...     ops.cross_entropy(model(np.ones((16, 4), np.float32)), np.zeros(16, np.int64)).backward()
    ...     watch.record()
    >>> ax = plot.activation_statistics(watch)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['0 (Linear)', '1 (Tanh)', '2 (Linear)']
    """
    history = _history(watch)
    if not -len(history["step"]) <= record < len(history["step"]):
        raise ValueError(f"record: expected an index into {len(history['step'])} records, got {record}")
    names = list(history["mean"])
    ax = new_axes(ax, (6.6, 1.3 + 0.32 * len(names)))
    style(ax, title=title, spines=("bottom",))
    last = record % len(history["step"])
    ax.use_sticky_edges = False
    for y, name in enumerate(names):
        for r, color, height, mark in ((0, FAINT, 0.66, GREY), (last, BLUE, 0.34, INK))[last == 0 :]:
            mean, std = history["mean"][name][r], history["std"][name][r]
            if np.isfinite(mean) and np.isfinite(std):
                ax.barh(y, 2 * std, height, left=mean - std, color=color, zorder=2)
                ax.plot([mean, mean], [y - height / 2, y + height / 2], color=mark, linewidth=1.4, zorder=3)
        ax.text(
            1.015, y, _shares({k: history[k][name][last] for k in ("zeros", "saturated", "finite")}),
            transform=ax.get_yaxis_transform(), fontsize=8, color=GREY, va="center",
        )  # fmt: skip
    ax.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    ax.set_yticks(range(len(names)), list(labelled(watch, history["mean"])))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    grid(ax, "x")
    step = history["step"][last]
    axis_labels(ax, f"output, mean ± std at step {step}" + (f" (grey: {history['step'][0]})" if last else ""), None)
    return ax


def dead_units(watch: Watch | Mapping[str, Any], *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the share of each ReLU layer's units that were zero for every example lately, as bars.

    Args:
        watch: a `diagnose.Watch`, or its `dead`: {layer: bool [units]}.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        TypeError: `watch` is neither.
        ValueError: there is no layer with ReLU.

    >>> from seqnn import plot
    >>> ax = plot.dead_units({"first": [True, False, False], "second": [False, False]})
    >>> [text.get_text() for text in ax.texts]
    ['1 of 3', '0 of 2']
    """
    if isinstance(watch, Watch):
        dead = labelled(watch, watch.dead)
    elif isinstance(watch, Mapping):
        dead = {str(name): np.asarray(units, bool).ravel() for name, units in watch.items()}
    else:
        raise TypeError(f"watch: expected a diagnose.Watch or its dead, got {type(watch).__name__}")
    dead = {name: units for name, units in dead.items() if units.size}
    if not dead:
        raise ValueError("watch: expected at least one layer with ReLU, got none")
    ax = new_axes(ax, (6.0, 1.2 + 0.34 * len(dead)))
    style(ax, title=title, spines=())
    shares = [units.mean() for units in dead.values()]
    ax.barh(range(len(dead)), [1] * len(dead), 0.62, color=FAINT, alpha=0.55, zorder=1)
    bars = ax.barh(range(len(dead)), shares, 0.62, color=VERMILION, zorder=2)
    for y, (units, bar) in enumerate(zip(dead.values(), bars, strict=True)):
        ax.text(
            min(bar.get_width(), 1) + 0.012 if bar.get_width() < 0.8 else 1.012, y,
            f"{int(units.sum())} of {units.size}", fontsize=8, color=INK if units.any() else GREY, va="center",
        )  # fmt: skip
    ax.set_yticks(range(len(dead)), list(dead))
    ax.set_ylim(len(dead) - 0.5, -0.5)
    ax.set_xlim(0, 1.0)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    ax.tick_params(length=0)
    axis_labels(ax, "dead units", None)
    return ax


def _history(watch: Any) -> dict[str, Any]:
    if not isinstance(watch, Watch):
        raise TypeError(f"watch: expected a diagnose.Watch, got {type(watch).__name__}")
    history = watch.history
    if not len(history["step"]):
        raise ValueError("watch: nothing was recorded yet")
    return history


def _shares(figures: Mapping[str, float]) -> str:
    """Return the shares above half a percent, in words."""
    shares = {"zero": figures["zeros"], "saturated": figures["saturated"], "not finite": 1 - figures["finite"]}
    return ", ".join(f"{share:.0%} {what}" for what, share in shares.items() if share >= 0.005)
