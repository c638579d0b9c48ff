"""Words beside their points, placed so that they cover neither each other nor the points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ._axes import INK, LEADER
from ._fonts import families, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Places around a point: direction (right, up), nearest first; right of the point reads best.
_DIRECTIONS = [(1, 0), (0, 1), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)]
_DISTANCES = (5, 11, 18, 27, 38)
"""Points (1/72 inch) between a point and its label."""


def place_labels(
    ax: Axes,
    points: np.ndarray,
    texts: Sequence[str],
    colors: Sequence[str] | None = None,
    *,
    lines: Sequence[tuple[np.ndarray, np.ndarray]] = (),
    size: float = 9.5,
) -> None:
    """Annotate points; a label that had to go farther away gets a thin line to its point.

    Args:
        ax: where the points are drawn.
        points: [N, 2], in units of the data.
        texts: the N labels.
        colors: the labels' colours; default: dark grey.
        lines: pairs of ends of lines that labels should not cover.
        size: of the letters, in points.
    """
    from matplotlib.patheffects import withStroke

    figure = ax.figure
    figure.canvas.draw()  # fixes the layout: sizes in pixels are known from here on
    pixels_per_point = figure.dpi / 72
    at = ax.transData.transform(points)
    frame = ax.get_window_extent()
    dots = np.concatenate([at - 4 * pixels_per_point, at + 4 * pixels_per_point], axis=1)
    steps = np.linspace(0, 1, 60)[:, None]
    strokes = [ax.transData.transform(start + steps * (end - start)) for start, end in lines]
    taken = np.concatenate([np.empty((0, 4)), *(np.concatenate([s - 1, s + 1], axis=1) for s in strokes)])
    written = [shown(text) for text in texts]
    fonts = families(written)
    for i, text in enumerate(written):
        label = ax.annotate(
            text, points[i], textcoords="offset points", xytext=(0, 0), fontsize=size, fontfamily=fonts,
            color=colors[i] if colors else INK, zorder=4, annotation_clip=False,
            path_effects=[withStroke(linewidth=2.5, foreground="white", alpha=0.85)],
        )  # fmt: skip
        box = label.get_window_extent()
        others = np.concatenate([np.delete(dots, i, axis=0), taken])
        best = None
        for distance in _DISTANCES:
            for right, up in _DIRECTIONS:
                gap = distance * pixels_per_point / (1.3 if right and up else 1)
                x = at[i, 0] + gap * right + box.width * (right - 1) / 2
                y = at[i, 1] + gap * up + box.height * (up - 1) / 2
                place = np.array([x, y, x + box.width, y + box.height])
                cost = _overlap(place, others) + 10 * _outside(place, frame)
                if best is None or cost < best[0] - 1e-9:
                    best = cost, place, distance, right, up
            if best[0] == 0:
                break
        _, place, distance, right, up = best
        taken = np.concatenate([taken, place[None]])
        offset = (place[:2] - at[i]) / pixels_per_point
        label.set_position(tuple(offset))
        label.set_horizontalalignment("left")
        label.set_verticalalignment("bottom")
        if distance > _DISTANCES[1]:
            anchor = np.array(
                [place[0] if right > 0 else place[2] if right < 0 else at[i, 0], (place[1] + place[3]) / 2]
            )
            if right == 0:
                anchor[1] = place[1] if up > 0 else place[3]
            line = ax.transData.inverted().transform(np.stack([at[i], anchor]))
            ax.plot(*line.T, color=LEADER, linewidth=0.7, zorder=1)


def _overlap(box: np.ndarray, others: np.ndarray) -> float:
    """Return the area in pixels that the box shares with others (rows: left, bottom, right, top)."""
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return float(np.sum(np.maximum(width, 0) * np.maximum(height, 0)))


def _outside(box: np.ndarray, frame) -> float:
    """Return by how many pixels the box sticks out of the frame."""
    return sum(max(0.0, d) for d in (frame.x0 - box[0], frame.y0 - box[1], box[2] - frame.x1, box[3] - frame.y1))
