"""What pictures over the steps of a series share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def line_of(values: Any, name: str) -> np.ndarray:
    """Check a series of one variable, [T] or [T, 1]; return it as [T]."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"{name}: expected one variable, [T], got {list(array.shape)}")
    return array.astype(np.float64)


def legend_above(ax: Axes, columns: int) -> None:
    """Write the labels of up to five lines side by side above the axes."""
    ax.legend(
        frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=min(columns, 5), handlelength=1.4,
        borderaxespad=0.2,
    )  # fmt: skip
