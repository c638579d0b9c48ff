"""Images, filters and feature maps as the tiles of one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized
from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import integer
from ..autograd import no_grad
from ._axes import GREY, INK, new_axes, no_ticks, style
from ._fonts import families, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["image_grid"]

WIDTH = 9.0
"""The largest width of a new figure, inches."""


def image_grid(
    images: Any,
    *,
    shape: tuple[int, int] | None = None,
    columns: int | None = None,
    labels: Sequence[object] | None = None,
    rows: Sequence[str] | None = None,
    signed: bool = False,
    limits: tuple[float, float] | str = "all",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw images as the tiles of one picture, row by row: data, samples, filters, feature maps, weights of hidden units.

    Args:
        images: grey ones [N, H, W] or [N, 1, H, W], coloured ones [N, 3, H, W] with values from 0 to 1, or with `shape`
            rows [N, H * W].
        shape: (H, W) of images that are given as rows, such as (28, 28) for `BernoulliRBM.components_`.
        columns: tiles side by side; default: as many as there are images for each of `rows`, or as make the grid about
            square.
        labels: what stands above each tile, N of them; default: nothing.
        rows: what stands left of each row of tiles; default: nothing.
        signed: whether grey values are drawn as blue above 0 and red below, as for weights.
        limits: the values that are drawn black and white: "all" takes the smallest and largest of all images, "each" those
            of each image, a pair gives them. Coloured images are always drawn from 0 to 1.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the images are of no such shape or not finite, or there is not one text for each tile or row.

    >>> import numpy as np
    >>> from seqnn import plot
    >>> ax = plot.image_grid(np.random.default_rng(0).random((6, 8, 8)), columns=3, labels="abcdef")
    >>> ax.images[0].get_array().shape, [text.get_text() for text in ax.texts]
    ((21, 26), ['a', 'b', 'c', 'd', 'e', 'f'])
    """
    tiles = _checked(images, shape)
    count, height, width = tiles.shape[:3]
    colored = tiles.ndim == 4
    if columns is None:
        square = math.ceil(math.sqrt(count * height / width))
        columns = math.ceil(count / len(rows)) if isinstance(rows, Sized) and len(rows) else min(square, count)
    columns = integer("columns", columns, 1)
    down = math.ceil(count / columns)
    _require_texts("labels", labels, count, "images")
    _require_texts("rows", rows, down, "rows of tiles")
    if colored:
        tiles, low, high = np.clip(tiles, 0, 1), 0.0, 1.0
    else:
        tiles, low, high = _scaled(tiles, signed, limits)

    gap = 1 + max(height, width) // 16
    above = 0 if labels is None else max(2, round(0.28 * height))
    places = [(above + i // columns * (height + gap + above), i % columns * (width + gap)) for i in range(count)]
    size = down * (height + gap + above) - gap, columns * (width + gap) - gap
    sheet = np.full((*size, *tiles.shape[3:]), 1.0 if colored else np.nan)
    for tile, (y, x) in zip(tiles, places, strict=True):
        sheet[y : y + height, x : x + width] = tile

    wide = min(WIDTH, max(2.0, columns * min(1.0, 0.35 + width / 40)))
    ax = new_axes(ax, (wide, wide * size[0] / size[1] + 0.4 * bool(title)))
    ax.imshow(sheet, cmap="RdBu" if signed else "gray", vmin=low, vmax=high, interpolation="nearest")
    style(ax, title=title, spines=())
    no_ticks(ax)
    if labels is not None:
        written = [shown(label) for label in labels]
        for (y, x), text in zip(places, written, strict=True):
            middle = x + width / 2 - 0.5
            ax.text(middle, y - 1, text, ha="center", va="bottom", fontsize=8, color=INK, fontfamily=families(written))
    if rows is not None:
        middles = [above + row * (height + gap + above) + height / 2 - 0.5 for row in range(down)]
        written = [shown(row) for row in rows]
        ax.set_yticks(middles, written, fontsize=9, color=GREY, fontfamily=families(written))
        ax.tick_params(length=0)
    return ax


def _checked(images: Any, shape: tuple[int, int] | None) -> np.ndarray:
    """Return grey images [N, H, W] or coloured ones [N, H, W, 3], float64."""
    try:
        with no_grad():
            array = np.asarray(images, np.float64)
    except (TypeError, ValueError):
        raise ValueError("images: expected numbers, images of one size") from None
    if shape is not None:
        sides = np.ravel(shape)
        whole = len(sides) == 2 and sides.dtype.kind in "iu" and sides.min() >= 0
        if not whole or array.ndim != 2 or array.shape[1] != sides.prod():
            raise ValueError(
                f"shape: expected (H, W) of the rows of images, got {shape} for images {list(array.shape)}"
            )
        array = array.reshape(-1, *sides)
    if array.ndim == 4 and array.shape[1] in (1, 3):
        array = array[:, 0] if array.shape[1] == 1 else array.transpose(0, 2, 3, 1)
    elif array.ndim != 3:
        advice = "; give shape=(H, W) for rows" if array.ndim == 2 else ""
        raise ValueError(f"images: expected [N, H, W], [N, 1, H, W] or [N, 3, H, W], got {list(array.shape)}{advice}")
    if 0 in array.shape:
        raise ValueError(f"images: expected at least one image and pixel, got shape {list(array.shape)}")
    if not np.isfinite(array).all():
        first = int(np.argmin(np.isfinite(array.reshape(len(array), -1)).all(axis=1)))
        raise ValueError(f"images: expected finite numbers, image {first} has NaN or infinity")
    return array


def _scaled(tiles: np.ndarray, signed: bool, limits: tuple[float, float] | str) -> tuple[np.ndarray, float, float]:
    """Return grey tiles, and the values that are drawn as the ends of the colours."""
    if isinstance(limits, str):
        if limits not in ("all", "each"):
            raise ValueError(f"limits: expected 'all', 'each' or a pair (low, high), got {limits!r}")
        axes = (1, 2) if limits == "each" else (0, 1, 2)
        low, high = tiles.min(axis=axes, keepdims=True), tiles.max(axis=axes, keepdims=True)
        if signed:
            high = np.maximum(-low, high)
            low = -high
        return (tiles - low) / np.where(high > low, high - low, 1), 0.0, 1.0
    try:
        low, high = map(float, limits)
    except (TypeError, ValueError):
        raise ValueError(f"limits: expected 'all', 'each' or a pair (low, high), got {limits!r}") from None
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"limits: expected low < high, both finite, got {limits!r}")
    return tiles, low, high


def _require_texts(name: str, texts: Sequence[object] | None, count: int, what: str) -> None:
    if texts is None:
        return
    if not isinstance(texts, Sized):
        raise TypeError(f"{name}: expected a text for each of the {what}, got {texts!r}")
    if len(texts) != count:
        raise ValueError(f"{name}: expected {count}, one for each of the {what}, got {len(texts)}")
