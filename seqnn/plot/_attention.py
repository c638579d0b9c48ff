"""Attention weights with the tokens on the axes: one head, all heads, an encoder-decoder alignment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd import no_grad
from ._axes import INK, new_axes, style
from ._fonts import families, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MANY = 60
"""On an axis with more tokens only every second (third, ...) is written."""


def attention(
    weights: Any,
    queries: Sequence[str],
    keys: Sequence[str] | None = None,
    *,
    head: int | None = None,
    columns: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the attention weights of one head, or of all heads in a grid: dark where a query (row) attends to a key.

    Args:
        weights: [T, S], or [H, T, S] of several heads, as `need_weights=True` gives them for one sequence of the batch.
        queries: the T tokens that attend, from top to bottom.
        keys: the S tokens that are attended to, from left to right; default: the queries (self-attention).
        head: which of the heads; default: all, on one scale.
        columns: maps side by side in the grid; default: as many as make it about square.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the weights do not fit the tokens, are not finite, or there is no such head.
        TypeError: the tokens are one string.

    >>> import numpy as np
    >>> from seqnn import plot
    >>> weights = np.full((4, 3, 3), 1 / 3)
    >>> ax = plot.attention(weights, ["the", "cat", "sat"])
    >>> [text.get_text() for text in ax.texts]
    ['head 0', 'head 1', 'head 2', 'head 3']
    """
    array = _checked("attention", weights, queries, queries if keys is None else keys)
    keys = queries if keys is None else keys
    if head is not None:
        if array.ndim != 3 or not -len(array) <= head < len(array):
            raise ValueError(f"head: expected one of the heads of weights [heads, T, S], got {head} for {array.shape}")
        array = array[head]
    if array.ndim == 2:
        return _map(array, queries, keys, title, ax)
    return _grid(array, queries, keys, columns, title, ax)


def alignment(
    weights: Any,
    source: Sequence[str],
    target: Sequence[str],
    *,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how the words of a decoder (rows) attend to those of the source (columns); a dot marks each row's largest.

    Args:
        weights: [T, S], or [H, T, S], of which the mean over the heads is shown.
        source: the S words that are read, at the top.
        target: the T words that are written.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the weights do not fit the words, or are not finite.
        TypeError: the words are one string.

    >>> from seqnn import plot
    >>> ax = plot.alignment([[0.9, 0.1], [0.2, 0.8]], ["ein", "Hund"], ["a", "dog"])
    >>> ax.collections[0].get_offsets().tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    """
    array = _checked("alignment", weights, target, source)
    array = array.mean(axis=0) if array.ndim == 3 else array
    ax = _map(array, target, source, title, ax, top=True)
    best = array.argmax(axis=1)
    marked = array.max(axis=1) > 0
    light = array[np.arange(len(best)), best] > 0.55 * array.max()
    colors = np.where(light, "white", INK)[marked]
    ax.scatter(best[marked], np.flatnonzero(marked), s=14, c=list(colors), linewidths=0, zorder=3)
    return ax


def _map(
    array: np.ndarray, queries: Sequence[str], keys: Sequence[str], title: str | None, ax: Any, *, top: bool = False
) -> Axes:
    """Draw one map with its tokens."""
    height, width = array.shape
    ax = new_axes(ax, (1.8 + 0.36 * min(width, 40), 1.2 + 0.3 * min(height, 40)))
    image = _image(ax, array, title)
    _tokens(ax.xaxis, [0], keys)
    _tokens(ax.yaxis, [0], queries)
    if top:
        ax.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False)
        for label in ax.get_xticklabels():
            label.set(rotation=45, ha="left", rotation_mode="anchor")
    _bar(ax, image)
    return ax


def _grid(
    array: np.ndarray, queries: Sequence[str], keys: Sequence[str], columns: int | None, title: str | None, ax: Any
) -> Axes:
    """Draw all maps as tiles of one picture, one token's width apart, each below its number."""
    heads, height, width = array.shape
    if columns is None:
        columns = math.ceil(math.sqrt(heads * height / max(1, width)))
    columns = max(1, min(columns, heads))
    rows = math.ceil(heads / columns)
    across, down = width + 1, height + 2
    tiles = np.full((rows * down - 1, columns * across - 1), np.nan)
    places = [(1 + head // columns * down, head % columns * across) for head in range(heads)]
    for found, (y, x) in zip(array, places, strict=True):
        tiles[y : y + height, x : x + width] = found
    size = 0.22
    ax = new_axes(ax, (1.6 + size * min(tiles.shape[1], 60), 1.0 + size * min(tiles.shape[0], 60)))
    image = _image(ax, tiles, title)
    _tokens(ax.xaxis, sorted({x for _, x in places}), keys)
    _tokens(ax.yaxis, sorted({y for y, _ in places}), queries)
    ax.tick_params(labelsize=7)
    for head, (y, x) in enumerate(places):
        frame = {"fill": False, "edgecolor": INK, "linewidth": 0.4, "clip_on": False}
        ax.add_patch(_rectangle((x - 0.5, y - 0.5), width, height, **frame))
        ax.text(x + width / 2 - 0.5, y - 0.75, f"head {head}", ha="center", va="bottom", fontsize=8, color=INK)
    _bar(ax, image)
    return ax


def _image(ax: Axes, array: np.ndarray, title: str | None) -> Any:
    largest = np.nanmax(array, initial=0.0)
    image = ax.imshow(array, cmap="Blues", vmin=0, vmax=largest if largest > 0 else 1, aspect="auto")
    style(ax, title=title, spines=())
    ax.tick_params(length=0)
    return image


def _tokens(axis: Any, starts: Sequence[int], tokens: Sequence[str]) -> None:
    """Write the tokens beside each of the maps that begin at `starts`."""
    step = math.ceil(len(tokens) / MANY)
    written = [shown(token) for token in tokens][::step]
    places = [start + i for start in starts for i in range(0, len(tokens), step)]
    axis.set_ticks(places, written * len(starts), fontfamily=families(written))
    if axis.axis_name == "x":
        for label in axis.get_ticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")


def _bar(ax: Axes, image: Any) -> None:
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, pad=0.03, aspect=25)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)
    bar.set_label("weight", fontsize=9)


def _rectangle(*arguments: Any, **look: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(*arguments, **look)


def _checked(name: str, weights: Any, rows: Sequence[str], columns: Sequence[str]) -> np.ndarray:
    with no_grad():
        array = np.asarray(weights, np.float64)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(
            f"weights: expected [T, S] or [heads, T, S] of one sequence, got {list(array.shape)}; take one of a batch"
        )
    if isinstance(rows, str) or isinstance(columns, str):
        raise TypeError(f"{name}: expected lists of tokens, got one string: split it")
    if array.shape[-2:] != (len(rows), len(columns)):
        raise ValueError(
            f"{name}: weights {list(array.shape)} do not fit {len(rows)} tokens that attend and {len(columns)} that are "
            "attended to"
        )
    if not np.isfinite(array).all():
        raise ValueError("weights: expected finite numbers")
    return array
