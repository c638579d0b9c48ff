"""Made clips of a shape that moves, with a label for each frame and for the whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._arguments import integer
from ._drawing import KINDS, coverage

_MOVES = {"still": (0, 0), "left": (-1, 0), "up": (0, -1), "right": (1, 0), "down": (0, 1)}
_LABELS = ("straight", "turn", "back", "stop")


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips of a shape that moves, as `clips` makes them.

    Args:
        frames: float32 in [0, 1], [n, steps, size, size].
        labels: how the shape of each clip moves, [n] strings.
        frame_labels: how it moved since the frame before, [n, steps] strings.
        kinds: the name of the shape, [n] strings.
        centers: x to the right and y downwards, in pixels, [n, steps, 2].

    >>> from seqnn.data import clips
    >>> clips(4, steps=6)
    <Clips: 4 of 6 frames [16, 16]>
    """

    frames: np.ndarray
    labels: np.ndarray
    frame_labels: np.ndarray
    kinds: np.ndarray
    centers: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        count, steps, *size = self.frames.shape
        return f"<Clips: {count} of {steps} frames {size}>"


def clips(n: int = 1000, *, steps: int = 12, size: int = 16, seed: int = 0) -> Clips:
    """Make short clips: a shape goes left, up, right or down, and at some frame in the middle it may change how it moves.

    A frame's label says how the shape moved since the frame before: "left", "up", "right", "down" or "still", as it is in the
    first one. A clip's label says what became of the first direction: "straight", it was kept; "turn", to one at right
    angles; "back", to the opposite one; or "stop". One frame is not enough for the first, nor one half for the second.

    Args:
        n: how many clips.
        steps: frames of each, 4 or more.
        size: width and height in pixels, 8 or more.
        seed: equal seeds give equal clips, of which more begin with fewer.

    Returns:
        The frames, their labels, and what is where.

    >>> from seqnn.data import clips
    >>> found = clips(100)
    >>> str(found.labels[4]), found.frame_labels[4, 4:8].tolist()
    ('stop', ['down', 'down', 'still', 'still'])
    """
    n, steps, size = integer("n", n, 0), integer("steps", steps, 4, 4096), integer("size", size, 8, 4096)
    drawn = np.random.default_rng(integer("seed", seed, 0)).random((n, 9))
    kinds, label, first = (
        (count * part).astype(int) for count, part in zip((len(KINDS), len(_LABELS), 4), drawn.T, strict=False)
    )
    turned = 1 + np.stack([first, (first + np.where(drawn[:, 3] < 0.5, 1, 3)) % 4, (first + 2) % 4, np.full(n, -1)])
    change = steps // 3 + 1 + ((steps - 1 - 2 * (steps // 3)) * drawn[:, 4]).astype(int)
    frame = np.arange(steps)
    moves = np.where(frame < change[:, None], 1 + first[:, None], turned[label, np.arange(n)][:, None])
    moves[:, 0] = 0
    radii = size * (0.14 + 0.06 * drawn[:, 5])
    speed = (size - 2 * radii) / (steps - 1) * (0.6 + 0.4 * drawn[:, 6])
    path = np.cumsum(np.array([*_MOVES.values()])[moves], axis=1) * speed[:, None, None]
    least, most = radii[:, None] - path.min(axis=1), size - radii[:, None] - path.max(axis=1)
    centers = path + (least + (most - least) * drawn[:, 7:])[:, None]
    frames = np.empty((n, steps, size, size), np.float32)
    for begin in range(0, n, 64):
        part = slice(begin, begin + 64)
        shape, radius = (np.repeat(values[part], steps) for values in (kinds, radii))
        drawn_shapes = coverage(shape, centers[part].reshape(-1, 2), radius, np.zeros(len(shape)), size)
        frames[part] = drawn_shapes.reshape(-1, steps, size, size)
    return Clips(frames, np.array(_LABELS)[label], np.array([*_MOVES])[moves], np.array(KINDS)[kinds], centers)
