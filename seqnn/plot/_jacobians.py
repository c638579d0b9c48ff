"""Norms of Jacobians through the layers of a network, or through time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..diagnose import Jacobians
from ._axes import BLUE, GREY, ORANGE, new_axes, style
from ._lines import axis_labels, grid, log_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MANY = 16
"""More names than that are numbered."""


def jacobian_products(jacobians: Jacobians, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """From each place, the norm of the product of Jacobians to the output (line), and of its own Jacobian (dots).

    Logarithmic: a straight line that rises to the right is a gradient that vanishes on its way back, one that falls
    explodes. The band spans the samples. Norms of 0 are left out.

    jacobians  of `diagnose.depth_jacobians` or `diagnose.time_jacobians`
    ax         where to draw; default: a new figure. Returns the Axes.
    """
    if not isinstance(jacobians, Jacobians):
        raise TypeError(f"jacobians: expected those of diagnose.depth_jacobians, got {type(jacobians).__name__}")
    ax = new_axes(ax, (6.4, 3.8))
    style(ax, title=title)
    places = np.arange(len(jacobians.names))
    for values, color, label, line in (
        (jacobians.products, BLUE, "product to the output", True),
        (jacobians.local, ORANGE, "of the place itself", False),
    ):
        shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
        middle = np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in shown])
        if line:
            low, high = (f(np.where(np.isnan(shown), middle[:, None], shown), axis=1) for f in (np.min, np.max))
            ax.fill_between(places, low, high, color=color, alpha=0.18, linewidth=0, zorder=1)
        ax.plot(
            places,
            middle,
            color=color,
            linewidth=1.8,
            linestyle="-" if line else "none",
            marker="o",
            markersize=4 if len(places) <= 40 else 2,
            label=label,
            zorder=2,
        )
    ax.set_yscale("log")
    ax.axhline(1, color=GREY, linewidth=0.8, zorder=0)
    log_ticks(ax.yaxis, *ax.get_ylim())
    grid(ax, "y")
    if jacobians.through == "depth" and len(places) <= MANY:
        ax.set_xticks(places, jacobians.names, rotation=45, ha="right", rotation_mode="anchor")
    else:
        ax.xaxis.get_major_locator().set_params(integer=True)
    axis_labels(ax, "step" if jacobians.through == "time" else "layer", "norm of the Jacobian")
    ax.legend(frameon=False, fontsize=9, loc="best", handlelength=1.4)
    return ax
