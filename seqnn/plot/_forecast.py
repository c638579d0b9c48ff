"""Time series and forecasts of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import integer
from .._arguments import quantiles as checked_quantiles
from ._axes import FAINT, GREY, PALETTE, new_axes, style
from ._lines import axis_labels, grid
from ._steps import legend_above, line_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def forecast(
    series: Any,
    forecasts: Any,
    *,
    quantiles: Sequence[float] | None = None,
    start: int | None = None,
    show: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a series and forecasts of it; a dashed line joins each forecast to the step before it.

    Args:
        series: the truth [T], or [T, variables], which stand one below the other, each in its own height.
        forecasts: one forecast [n] or [n, variables], or {label: forecast}; NaN where there is none.
        quantiles: which ones the last axis of the forecasts holds, [n, Q] or [n, variables, Q], as those of models with
            `quantiles` do: the middle one is the line, and bands reach from the lowest to the highest, from the second to
            the second highest, and so on.
        start: the step of the forecasts' first value, such as T - n for a back-test. Default: T, so that they come after
            the series, as those of `predict` do; 0 for those of `historical_forecasts`, which are as long as the series
            and begin with NaN; and where both have an index of pandas, the place in it.
        show: how many of the last steps are shown; default: all.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no forecast, or forecasts have other variables than the series, or other numbers of quantiles,
            or these are not in rising order.

    >>> from seqnn import plot
    >>> ax = plot.forecast([1.0, 2.0, 3.0], [4.0, 5.0])
    >>> ax.lines[-1].get_xdata().tolist()
    [3, 4]
    >>> plot.forecast([1.0, 2.0, 3.0], [2.5, 3.5], start=1).lines[-1].get_xdata().tolist()
    [1, 2]
    """
    found = forecasts if isinstance(forecasts, Mapping) else {"forecast": forecasts}
    if not found:
        raise ValueError("forecasts: expected at least one, got none")
    fans: dict[str, np.ndarray] = {}
    middles: Mapping[str, Any] = found
    if quantiles is not None:
        count = len(checked_quantiles("quantiles", quantiles))
        fans = {str(label): _fan(values, f"forecasts[{label!r}]", count) for label, values in found.items()}
        # Of an even number of quantiles the line is the mean of both in the middle.
        inner = slice((count - 1) // 2, count // 2 + 1)
        middles = {label: fan[..., inner].mean(axis=-1) for label, fan in fans.items()}
    truth = _columns(series, "series", [np.ndim(values) for values in middles.values()])
    lines = {str(label): _columns(values, f"forecasts[{label!r}]", [truth.ndim]) for label, values in middles.items()}
    if wrong := [label for label, values in lines.items() if values.shape[1:] != truth.shape[1:]]:
        raise ValueError(
            f"forecasts[{wrong[0]!r}]: expected {truth.shape[1]} variables as the series has, got {lines[wrong[0]].shape[1]}"
        )
    begins = [
        _begin(series, given, values, len(truth)) if start is None else integer("start", start, 0)
        for given, values in zip(found.values(), lines.values(), strict=True)
    ]
    end = max(len(truth), *(begin + len(values) for begin, values in zip(begins, lines.values(), strict=True)))
    shown = 0 if show is None else max(end - integer("show", show, 1), 0)
    many = truth.ndim == 2
    ax = new_axes(ax, (7.2, 1.6 + 1.1 * truth.shape[1] if many else 3.4))
    style(ax, title=title, spines=("bottom",) if many else ("left", "bottom"))
    if min(begins) > shown:
        ax.axvline(min(begins) - 0.5, color=FAINT, linewidth=1, zorder=1)
    curves: list[tuple[str, int, np.ndarray, str, np.ndarray | None]] = [("series", 0, truth, GREY, None)]
    curves += [
        (label, begin, lines[label], color, fans.get(label))
        for label, begin, color in zip(lines, begins, _colors(len(lines)), strict=True)
    ]
    edges = [rows for fan in fans.values() for rows in np.moveaxis(fan, -1, 0)]
    place = _placed(truth, [*lines.values(), *edges]) if many else np.asarray
    for label, begin, values, color, fan in curves:
        cut = max(shown - begin, 0)
        steps = np.arange(begin + cut, begin + len(values))
        if begin and cut == 0 and begin <= len(truth) and begin > shown:
            joint = place(np.stack([truth[begin - 1], values[0]]))
            ax.plot([begin - 1, begin], joint, color=color, linewidth=1.2, linestyle=(0, (3, 2)), zorder=2)
        drawn = ax.plot(steps, place(values[cut:]), color=color, linewidth=1.5, zorder=2)
        drawn[0].set_label(label)
        if fan is not None:
            _draw_bands(ax, steps, [place(rows[cut:]) for rows in np.moveaxis(fan, -1, 0)], color)
    if many:
        names = list(getattr(series, "columns", range(truth.shape[1])))
        ax.set_yticks(-np.arange(truth.shape[1]) - 0.5, [str(name) for name in names])
        ax.tick_params(axis="y", length=0)
    else:
        grid(ax, "y")
    ax.margins(x=0.01)
    axis_labels(ax, "step", None)
    legend_above(ax, len(curves))
    return ax


def _fan(values: Any, name: str, count: int) -> np.ndarray:
    """Return forecasts of quantiles, [n, Q] or [n, variables, Q]; the columns of a data frame are these side by side."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    if array.ndim == 2 and array.shape[1] > count and array.shape[1] % count == 0:
        array = array.reshape(len(array), -1, count)
    if array.ndim not in (2, 3) or array.shape[-1] != count or not len(array):
        raise ValueError(f"{name}: expected [n, {count}] or [n, variables, {count}], got {list(array.shape)}")
    return (array[:, 0] if array.ndim == 3 and array.shape[1] == 1 else array).astype(np.float64)


def _draw_bands(ax: Axes, steps: np.ndarray, edges: list[np.ndarray], color: str) -> None:
    """Fill what lies between the outer quantiles [n] or [n, variables], and between those inside them, darker."""
    for low, high in zip(edges[: len(edges) // 2], edges[::-1], strict=False):
        for lower, upper in zip(low.reshape(len(low), -1).T, high.reshape(len(high), -1).T, strict=True):
            ax.fill_between(steps, lower, upper, color=color, alpha=0.2, linewidth=0, zorder=1.5)


def _begin(series: Any, given: Any, values: np.ndarray, steps: int) -> int:
    """Return the step at which a forecast begins."""
    index, own = getattr(series, "index", None), getattr(given, "index", None)
    if hasattr(index, "get_indexer") and hasattr(own, "get_indexer"):
        place = int(index.get_indexer(own[:1])[0])
        return steps if place < 0 else place
    historical = len(values) == steps and np.isnan(values[0]).all()
    return 0 if historical else steps


def _columns(values: Any, name: str, axes: list[int]) -> np.ndarray:
    """Check a series of one variable, as [T]; or of several, [T, variables], where the others have an axis for them."""
    array = np.asarray(values)
    if (
        array.ndim == 2
        and array.shape[1] > 1
        and all(n == 2 for n in axes)
        and array.dtype.kind in "fiub"
        and len(array)
    ):
        return array.astype(np.float64)
    return line_of(values, name)


def _placed(truth: np.ndarray, forecasts: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Return how values [T, variables] are scaled so that the variables stand one below the other, in height 1 each."""
    everything = np.concatenate([truth, *forecasts])
    low, high = np.nanmin(everything, axis=0), np.nanmax(everything, axis=0)
    spread = np.where(high > low, high - low, 1.0)
    return lambda values: 0.9 * (values - low) / spread - np.arange(truth.shape[1]) - 0.95


def _colors(count: int) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(count)]
