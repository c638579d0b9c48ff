"""Norms of Jacobians through the layers of a network, or through time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..diagnose import Jacobians
from ._axes import GREY, ORANGE, PALETTE, new_axes, style
from ._lines import axis_labels, grid, log_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MANY = 16
"""Of more places only the numbers are written."""


def jacobian_products(
    jacobians: Jacobians | Mapping[str, Jacobians],
    *,
    part: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw, for each place, the norm of the product of Jacobians to the output (line), and of its own Jacobian (dots).

    The scale is logarithmic: a straight line that rises to the right is a gradient that vanishes on its way back; one
    that falls is a gradient that explodes. The band spans the samples. Norms of 0 are left out. Several are compared by
    their products alone.

    Args:
        jacobians: those of `diagnose.depth_jacobians` or `diagnose.time_jacobians`, or {label: such}, all of the same
            places.
        part: of states of several parts, such as "c": the products to this part; where there is none, to h.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        TypeError: `jacobians` is something else.
        ValueError: there are none, they go through different places, or there is no such part.

    >>> import numpy as np
    >>> from seqnn import diagnose, nn, plot
    >>> x = np.random.default_rng(0).standard_normal((2, 20, 3)).astype(np.float32)
    >>> cells = {"RNN": nn.RNNCell(3, 4), "LSTM": nn.LSTMCell(3, 4)}
    >>> ax = plot.jacobian_products({name: diagnose.time_jacobians(cell, x) for name, cell in cells.items()})
    >>> ax.get_xlabel(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('step', ['RNN', 'LSTM'])
    """
    several = isinstance(jacobians, Mapping)
    found = dict(jacobians) if several else {"product to the output": jacobians}
    if not found:
        raise ValueError("jacobians: expected at least one, got none")
    if wrong := [type(one).__name__ for one in found.values() if not isinstance(one, Jacobians)]:
        raise TypeError(f"jacobians: expected those of diagnose.depth_jacobians or time_jacobians, got {wrong[0]}")
    first = next(iter(found.values()))
    if {(one.names, one.through) for one in found.values()} != {(first.names, first.through)}:
        raise ValueError("jacobians: expected all to go through the same places")
    parts = list(dict.fromkeys(name for one in found.values() for name in one.parts))
    if part is not None and part not in parts:
        raise ValueError(f"part: expected one of {parts}, got {part!r}")
    ax = new_axes(ax, (6.4, 3.8))
    style(ax, title=title)
    places = np.arange(len(first.names))
    for (label, one), color in zip(found.items(), PALETTE * len(found), strict=False):
        _curve(ax, places, one.parts.get(part, one.products), color, label)
    if not several:
        _curve(ax, places, first.local, ORANGE, "of the place itself", line=False)
    ax.set_yscale("log")
    ax.axhline(1, color=GREY, linewidth=0.8, zorder=0)
    log_ticks(ax.yaxis, *ax.get_ylim())
    grid(ax, "y")
    if first.through == "depth" and len(places) <= MANY:
        ax.set_xticks(places, first.names, rotation=45, ha="right", rotation_mode="anchor")
    else:
        ax.xaxis.get_major_locator().set_params(integer=True)
    axis_labels(ax, "step" if first.through == "time" else "layer", "norm of the Jacobian")
    ax.legend(frameon=False, fontsize=9, loc="best", handlelength=1.4)
    return ax


def _curve(ax: Axes, places: np.ndarray, values: np.ndarray, color: str, label: str, *, line: bool = True) -> None:
    """Draw the median over the samples, and, for lines, the band that they span."""
    shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    middle = np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in shown])
    if line:
        low, high = (f(np.where(np.isnan(shown), middle[:, None], shown), axis=1) for f in (np.min, np.max))
        ax.fill_between(places, low, high, color=color, alpha=0.18, linewidth=0, zorder=1)
    few = len(places) <= 40
    ax.plot(
        places, middle, color=color, linewidth=1.8, linestyle="-" if line else "none", marker="o" if few or not line else None,
        markersize=4 if few else 2, label=label, zorder=2,
    )  # fmt: skip
