"""Made images of plane shapes, in several styles, with labels and captions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._arguments import flag, integer
from ._drawing import KINDS, STYLES, coverage

COLORS = {"red": (1, 0.15, 0.1), "green": (0.1, 0.75, 0.2), "blue": (0.15, 0.35, 1), "yellow": (0.9, 0.8, 0)}

_SMALL, _LARGE = (0.24, 0.30), (0.38, 0.44)
"""The least and the greatest radius, as shares of a cell."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """Images of shapes, as `shapes` makes them; the shapes of an image are in reading order.

    Args:
        images: float32 in [0, 1], [n, size, size], or [n, 3, size, size] with colours.
        labels: what the first shape of each image is, [n] strings.
        captions: what is in each image, in words.
        kinds: the name of each shape, [n, count] strings.
        colors: the name of each shape's colour, [n, count] strings; None without colours.
        large: bool [n, count]: whether the shape is a large one.
        centers: x to the right and y downwards, in pixels, [n, count, 2].
        radii: of the circle around each shape, in pixels, [n, count].
        style: how they are drawn.

    >>> from seqnn.data import shapes
    >>> shapes(4, size=16)
    <Shapes: 4 images [16, 16], filled, 1 each>
    """

    images: np.ndarray
    labels: np.ndarray
    captions: list[str]
    kinds: np.ndarray
    colors: np.ndarray | None
    large: np.ndarray
    centers: np.ndarray
    radii: np.ndarray
    style: str

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        each = [*self.images.shape[1:]]
        return f"<Shapes: {len(self)} images {each}, {self.style}, {self.kinds.shape[1]} each>"


def shapes(
    n: int = 1000, *, size: int = 32, count: int = 1, style: str = "filled", color: bool = False, seed: int = 0
) -> Shapes:
    """Make images of circles, squares, triangles, crosses and stars, small and large ones, with their captions.

    An image is divided into equal cells; its shapes lie in cells of their own, a little turned and moved at random, so that
    they never touch. Equal seeds give the same scenes whatever the size, the style and the colours: two calls make
    pairs of images, such as coarse and fine ones, or filled and outlined ones.

    Args:
        n: how many images.
        size: width and height in pixels, 8 or more.
        count: shapes in each image, 1 to 9.
        style: "filled"; "outline", the lines around the shapes; "noisy", filled and paler or stronger, with noise of standard
            deviation 0.15; "inverted", dark on light, or coloured on white.
        color: whether shapes are red, green, blue or yellow, else white.
        seed: equal seeds give equal images, of which more begin with fewer.

    Returns:
        The images, their labels and captions, and what is where.

    >>> from seqnn.data import shapes
    >>> found = shapes(3, count=2, color=True)
    >>> found.images.shape, found.captions[0]
    ((3, 3, 32, 32), 'a small blue star above and right of a small blue cross')
    """
    n, size, count = integer("n", n, 0), integer("size", size, 8, 4096), integer("count", count, 1, 9)
    color, seed = flag("color", color), integer("seed", seed, 0)
    if style not in STYLES:
        raise ValueError(f"style: expected one of {', '.join(map(repr, STYLES))}, got {style!r}")
    side = math.ceil(math.sqrt(count))
    drawn = np.random.default_rng(seed).random((n, 1 + side * side + 7 * count))
    strengths = 0.5 + 0.5 * drawn[:, 0]
    cells = np.sort(np.argsort(drawn[:, 1 : 1 + side * side], axis=1)[:, :count], axis=1)
    kind, paint, larger, swell, turn, *moved = drawn[:, 1 + side * side :].reshape(n, 7, count).transpose(1, 0, 2)
    kinds, paints, large = (len(KINDS) * kind).astype(int), (len(COLORS) * paint).astype(int), larger < 0.5
    least, most = np.where(large[..., None], _LARGE, _SMALL).transpose(2, 0, 1)
    radii = least + (most - least) * swell
    room = np.stack(moved, axis=-1) - 0.5
    centers = np.stack([cells % side, cells // side], axis=-1) + 0.5 + room * (1 - 2 * radii[..., None])
    angles = 0.4 * (turn - 0.5)
    pixels = size / side
    images = np.empty((n, 3, size, size) if color else (n, size, size), np.float32)
    noise = np.random.default_rng([seed, 1])
    palette = np.array([*COLORS.values()], np.float32) if color else np.ones((len(COLORS), 1), np.float32)
    for begin in range(0, n, 256):
        part = slice(begin, begin + 256)
        each = [
            values[part].reshape(-1, *values.shape[2:]) for values in (kinds, centers * pixels, radii * pixels, angles)
        ]
        covered = coverage(*each, size, outline=style == "outline").reshape(-1, count, size, size)
        painted = _painted(covered, palette[paints[part]], style == "inverted")
        if style == "noisy":
            painted *= strengths[part, None, None, None]
            painted += 0.15 * noise.standard_normal(painted.shape)
        images[part] = np.clip(painted, 0, 1).reshape(images[part].shape)
    names, colors = np.array(KINDS)[kinds], np.array([*COLORS])[paints] if color else None
    captions = [
        _caption([_words(names[i, j], None if colors is None else colors[i, j], large[i, j]) for j in range(count)],
                 *np.divmod(cells[i], side))
        for i in range(n)
    ]  # fmt: skip
    return Shapes(images, names[:, 0].copy(), captions, names, colors, large, centers * pixels, radii * pixels, style)


def _painted(covered: np.ndarray, paint: np.ndarray, light: bool) -> np.ndarray:
    """Return images [n, channels, size, size] of shapes [n, count, size, size] in their colours [n, count, channels]."""
    if not light:
        return np.einsum("nkhw,nkc->nchw", covered, paint)
    ink = paint - 1 if paint.shape[-1] > 1 else -paint
    return 1 + np.einsum("nkhw,nkc->nchw", covered, ink)


def _words(kind: str, color: str | None, large: bool) -> str:
    """Name a shape: "a small red circle"."""
    return " ".join(["a", "large" if large else "small", *([] if color is None else [color]), kind])


def _caption(words: list[str], rows: np.ndarray, columns: np.ndarray) -> str:
    """Say what is where: of two shapes how they lie to each other, of more what there is in reading order."""
    if len(words) != 2:
        return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    sides = ["above"] * bool(rows[0] < rows[1])
    if columns[0] != columns[1]:
        sides.append("left of" if columns[0] < columns[1] else "right of")
    return f"{words[0]} {' and '.join(sides)} {words[1]}"
