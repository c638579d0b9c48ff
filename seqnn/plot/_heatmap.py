"""Cosines of words with words as a grid of colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..embed import Labelled, LabelledVectors
from ._axes import INK, new_axes, style
from ._fonts import families, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def similarity_heatmap(
    vectors: Labelled,
    words: Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    numbers: bool | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the cosines of words with words as a grid of colours, blue above 0, red below.

    Args:
        vectors: `KeyedVectors`, or a pair (matrix, words).
        words: the words of the rows.
        columns: the words of the columns; default: those of the rows.
        numbers: whether the cosines are written into the fields; default: up to 15 columns.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no word.
        KeyError: a word has no vector.

    >>> import numpy as np
    >>> from seqnn import plot
    >>> ax = plot.similarity_heatmap((np.array([[1.0, 0.0], [0.6, 0.8]]), ["cat", "dog"]), ["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['1.00', '.60', '.60', '1.00']
    """
    labelled = LabelledVectors(vectors)
    columns = words if columns is None else columns
    sides = [labelled.units(labelled.rows(side, name)) for side, name in ((words, "words"), (columns, "columns"))]
    if not (len(sides[0]) and len(sides[1])):
        raise ValueError("words: expected at least one word, got none")
    cosines = sides[0] @ sides[1].T
    height, width = cosines.shape
    ax = new_axes(ax, (1.9 + 0.52 * min(width, 24), 1.2 + 0.42 * min(height, 24)))
    image = ax.imshow(cosines, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    style(ax, title=title, spines=())
    sides = [[shown(word) for word in side] for side in (columns, words)]
    fonts = families([word for side in sides for word in side])
    ax.set_xticks(range(width), sides[0], rotation=45, ha="right", rotation_mode="anchor", fontfamily=fonts)
    ax.set_yticks(range(height), sides[1], fontfamily=fonts)
    ax.tick_params(length=0)
    ax.set_xticks(np.arange(1, width) - 0.5, minor=True)
    ax.set_yticks(np.arange(1, height) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1.2)
    ax.tick_params(which="minor", length=0)
    if width <= 15 if numbers is None else numbers:
        for (i, j), cosine in np.ndenumerate(cosines):
            number = f"{cosine:.2f}".replace("-0.", "−.").removeprefix("0")
            ax.text(j, i, number, ha="center", va="center", fontsize=8, color="white" if abs(cosine) > 0.6 else INK)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, pad=0.03, aspect=25, ticks=[-1, -0.5, 0, 0.5, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)
    bar.set_label("cosine", fontsize=9)
    return ax
