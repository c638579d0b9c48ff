"""Made handwriting: the ways of a pen that writes digits, with what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from .._arguments import integer

_DIGITS = {
    "0": [[(0.36, 0.02), (0.1, 0.25), (0.08, 0.72), (0.3, 0.99), (0.53, 0.74), (0.52, 0.25), (0.34, 0.02)]],
    "1": [[(0.12, 0.3), (0.34, 0.02), (0.34, 0.02), (0.3, 1.0)]],
    "2": [[(0.08, 0.25), (0.3, 0.0), (0.52, 0.22), (0.36, 0.6), (0.06, 0.98), (0.06, 0.98), (0.56, 0.97)]],
    "3": [[(0.1, 0.12), (0.34, 0.0), (0.5, 0.22), (0.24, 0.46), (0.24, 0.46), (0.54, 0.7), (0.34, 1.0), (0.05, 0.88)]],
    "4": [[(0.36, 0.0), (0.04, 0.62), (0.04, 0.62), (0.58, 0.62)], [(0.42, 0.36), (0.4, 1.0)]],
    "5": [[(0.14, 0.02), (0.1, 0.42), (0.1, 0.42), (0.4, 0.4), (0.54, 0.7), (0.34, 0.99), (0.06, 0.9)],
          [(0.14, 0.02), (0.52, 0.02)]],
    "6": [[(0.5, 0.02), (0.2, 0.3), (0.06, 0.65), (0.2, 0.97), (0.48, 0.9), (0.5, 0.65), (0.3, 0.52), (0.1, 0.68)]],
    "7": [[(0.06, 0.04), (0.54, 0.03), (0.54, 0.03), (0.22, 1.0)]],
    "8": [[(0.48, 0.14), (0.28, 0.0), (0.12, 0.22), (0.32, 0.48), (0.52, 0.76), (0.28, 1.0), (0.08, 0.76), (0.32, 0.46),
           (0.48, 0.14)]],
    "9": [[(0.5, 0.3), (0.28, 0.46), (0.08, 0.26), (0.26, 0.02), (0.48, 0.12), (0.5, 0.3), (0.44, 1.0)]],
}  # fmt: skip
"""Points that the pen passes on each of its ways; a point that stands twice is a corner. x to the right, y downwards."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """Ways of a pen, as `strokes` makes them.

    Args:
        moves: for each text the moves of the pen, float32 [T, 3]: x to the right, y downwards, where 1 is the height of a
            digit, and 1 where the pen writes on the way or 0 where it is lifted.
        texts: what each of them writes, strings of digits.

    >>> from seqnn.data import strokes
    >>> strokes(5)
    <Strokes: 5 texts>
    """

    moves: list[np.ndarray]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.moves)

    def __repr__(self) -> str:
        return f"<Strokes: {len(self)} texts>"

    def lines(self, i: int) -> list[np.ndarray]:
        """Return what the pen has written of a text: lines of points, each [points, 2] of x to the right and y downwards.

        Args:
            i: the number of the text.

        >>> from seqnn.data import strokes
        >>> [line.shape[1] for line in strokes(1).lines(0)][:2]
        [2, 2]
        """
        moves = self.moves[i]
        points = np.cumsum(moves[:, :2], axis=0)
        return [line for line in np.split(points, np.flatnonzero(moves[:, 2] == 0)) if len(line)]


def strokes(n: int = 1000, *, longest: int = 4, seed: int = 0) -> Strokes:
    """Make handwriting of numbers: the moves of a pen that writes digits one after the other, as a tablet records them.

    Each writer has a slant and a size, and each digit its own bends and place. A move is about an eighth of the height of a
    digit. Which moves belong to which digit is not said: `ops.ctc_loss` learns it.

    Args:
        n: how many texts.
        longest: digits of a text at most; lengths are uniform from 1.
        seed: equal seeds give equal texts, of which more begin with fewer.

    Returns:
        The moves, and what was written.

    >>> from seqnn.data import strokes
    >>> found = strokes(3)
    >>> found.texts, found.moves[0].shape
    (['6523', '0', '1'], (69, 3))
    """
    n, longest = integer("n", n, 0), integer("longest", longest, 1, 4096)
    draw = np.random.default_rng(integer("seed", seed, 0))
    texts = ["".join(map(str, draw.integers(0, 10, draw.integers(1, longest + 1)))) for _ in range(n)]
    return Strokes([_written(text, np.random.default_rng([seed, i])) for i, text in enumerate(texts)], texts)


def _written(text: str, draw: np.random.Generator) -> np.ndarray:
    """Return the moves [T, 3] by which a writer writes a text."""
    hand = np.array([[draw.uniform(0.8, 1.2), 0], [draw.normal(-0.15, 0.15), 1]]) * draw.uniform(0.85, 1.15)
    ways, x = [], 0.0
    for digit in text:
        bends = [np.array(points) + draw.normal(0, 0.02, (len(points), 2)) for points in _DIGITS[digit]]
        grown, lift = draw.uniform(0.88, 1.12, 2), draw.normal(0, 0.04)
        placed = [(_spline(len(points)) @ points) * grown + [x, lift] for points in bends]
        ways += [_evenly(way @ hand, draw) for way in placed]
        x += 0.7 * grown[0] + draw.uniform(0, 0.12)
    points = np.concatenate(ways)
    down = np.ones(len(points))
    down[np.cumsum([0, *map(len, ways[:-1])])] = 0
    return np.column_stack([np.diff(points, axis=0, prepend=points[:1]), down]).astype(np.float32)


def _evenly(way: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return points at about equal distances on a way."""
    far = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(way, axis=0).T))])
    count = max(2, round(far[-1] / 0.125 * draw.uniform(0.85, 1.15)))
    at = np.linspace(0, far[-1], count + 1)
    return np.column_stack([np.interp(at, far, column) for column in way.T])


@cache
def _spline(count: int) -> np.ndarray:
    """Return the weights [points of the curve, count] of the points that a Catmull-Rom spline passes."""
    t = np.linspace(0, 1, 12, endpoint=False)
    parts = np.stack([t * (t * (2 - t) - 1), t * t * (3 * t - 5) + 2, t * (t * (4 - 3 * t) + 1), t * t * (t - 1)]) / 2
    weights = np.zeros((12 * (count - 1) + 1, count + 2))  # with a point before the first and one after the last
    for piece in range(count - 1):
        weights[12 * piece : 12 * (piece + 1), piece : piece + 4] = parts.T
    weights[-1, -2] = 1
    weights[:, 1] += weights[:, 0]
    weights[:, -2] += weights[:, -1]
    return weights[:, 1:-1]
