"""Analogies as parallelograms: a is to b as c is to d."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..embed import Labelled, LabelledVectors
from ._axes import GREY, INK, PALETTE, new_axes, no_ticks, style
from ._labels import place_labels
from ._word_map import pca

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def analogy_map(
    vectors: Labelled,
    analogies: Sequence[Sequence[str]],
    *,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw analogies in the plane of their words' largest variance: a is to b as c is to d.

    Solid arrows go from a to b and from c to d. Dashed lines and a ring complete the parallelogram: the ring is where d
    would be if the analogy held exactly, at b - a + c.

    Args:
        vectors: `KeyedVectors`, or a pair (matrix, words); taken with length 1.
        analogies: four words each, (a, b, c, d), such as ("man", "king", "woman", "queen").
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no analogy, or one has not four words.
        KeyError: a word has no vector.

    >>> import numpy as np
    >>> from seqnn import plot
    >>> words = ["man", "king", "woman", "queen"]
    >>> vectors = np.array([[1.0, 0.0, 0.1], [1.0, 1.0, 0.0], [0.0, 0.1, 1.0], [0.0, 1.0, 1.0]])
    >>> ax = plot.analogy_map((vectors, words), [words])
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['man', 'king', 'woman', 'queen']
    """
    for words in analogies:
        if isinstance(words, str) or len(words) != 4:
            raise ValueError(f"analogies: expected four words (a, b, c, d), got {words!r:.80}")
    if not len(analogies):
        raise ValueError("analogies: expected at least one, got none")
    labelled = LabelledVectors(vectors)
    shown = list(dict.fromkeys(word for words in analogies for word in words))
    points, shares = pca(labelled.units(labelled.rows(shown, "analogies")))
    place = dict(zip(shown, points, strict=True))
    rings = np.array([place[b] - place[a] + place[c] for a, b, c, _ in analogies])
    ax = new_axes(ax, (7.0, 5.4))
    style(ax, title=title)
    no_ticks(ax)
    ax.set_xlabel(f"component 1 ({shares[0]:.0%} of variance)", fontsize=9, color=GREY)
    ax.set_ylabel(f"component 2 ({shares[1]:.0%} of variance)", fontsize=9, color=GREY)
    ax.margins(0.14, 0.12)
    ax.scatter(*points.T, s=30, color=INK, linewidths=0, zorder=3)
    lines = []
    for i, ((a, b, c, d), ring) in enumerate(zip(analogies, rings, strict=True)):
        color = PALETTE[i % len(PALETTE)]
        sides = (place[a], place[c]), (place[b], ring), (place[c], ring)
        lines += [(place[a], place[b]), (place[c], place[d]), *sides]
        for start, end in ((a, b), (c, d)):
            ax.annotate(
                "", place[end], place[start], zorder=2,
                arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.6, "shrinkA": 5, "shrinkB": 5},
            )  # fmt: skip
        for start, end in sides:
            ax.plot(*np.stack([start, end]).T, color=color, linewidth=0.8, linestyle=(0, (4, 3)), alpha=0.8, zorder=1)
        ax.scatter(*ring, s=60, facecolors="none", edgecolors=color, linewidths=1.2, zorder=3)
    place_labels(ax, points, shown, lines=lines)
    return ax
