"""Bias before and after debiasing as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..embed import Labelled, LabelledVectors
from ._axes import BLUE, FAINT, GREY, ORANGE, new_axes, style
from ._fonts import families, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def bias_bars(
    figures: Mapping[str, tuple[float, float]],
    *,
    labels: tuple[str, str] = ("before", "after"),
    xlabel: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw two bars for each name: a measure of bias before and after debiasing.

    Args:
        figures: {name: (before, after)}, as `seqnn.embed.compare_debiased` gives them.
        labels: what the two bars are called.
        xlabel: what the axis measures.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no name, or a name has not two values.

    >>> from seqnn import plot
    >>> ax = plot.bias_bars({"direct bias": (0.2, 0.0), "WEAT": (1.5, -0.25)})
    >>> [text.get_text() for text in ax.texts]
    ['0.20', '1.50', '0.00', '−0.25']
    """
    if not figures:
        raise ValueError("figures: expected at least one name with its two values, got none")
    values = np.array([tuple(pair) for pair in figures.values()], np.float64).reshape(len(figures), -1)
    if values.shape[1] != 2:
        raise ValueError(f"figures: expected (before, after) for each name, got {values.shape[1]} values")
    ax = new_axes(ax, (6.4, 1.1 + 0.5 * len(figures)))
    places = np.arange(len(figures))
    for side, color in enumerate((ORANGE, BLUE)):
        bars = ax.barh(places + 0.2 * (2 * side - 1), values[:, side], 0.36, color=color, label=labels[side], zorder=2)
        for bar, value in zip(bars, values[:, side].round(2) + 0.0, strict=True):  # + 0.0: no "-0.00"
            ax.annotate(
                f"{value:.2f}".replace("-", "−"), (bar.get_width() if value else 0.0, bar.get_y() + bar.get_height() / 2),
                xytext=(3 if value >= 0 else -3, 0), textcoords="offset points", fontsize=8, color=GREY, va="center",
                ha="left" if value >= 0 else "right",
            )  # fmt: skip
    style(ax, title=title, spines=())
    names = [shown(name) for name in figures]
    ax.set_yticks(places, names, fontfamily=families(names))
    ax.set_ylim(len(figures) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.axvline(0, color=GREY, linewidth=0.8, zorder=3)
    ax.grid(axis="x", color=FAINT, linewidth=0.6, zorder=0)
    ax.set_axisbelow(True)
    ax.margins(x=0.12)
    if xlabel:
        ax.set_xlabel(xlabel, fontsize=9, color=GREY)
    ax.legend(
        frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2,
        handlelength=1.2, handletextpad=0.5, columnspacing=1.2, borderpad=0,
    )  # fmt: skip
    return ax


def projection_bars(
    before: Labelled,
    after: Labelled,
    words: Sequence[str],
    direction: npt.ArrayLike,
    *,
    ends: tuple[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the words' cosines with a bias direction in two sets of vectors, the largest first.

    Args:
        before: `KeyedVectors`, or a pair (matrix, words).
        after: the same words with other vectors.
        words: the words to show.
        direction: a vector [D], such as that of `seqnn.embed.bias_direction`.
        ends: what the direction's negative and positive ends mean, such as ("he", "she").
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: the direction is zero or no vector.
        KeyError: a word has no vector.

    >>> import numpy as np
    >>> from seqnn import plot
    >>> words = ["nurse", "captain"]
    >>> before, after = (np.array([[0.6, 0.8], [-0.8, 0.6]]), words), (np.array([[0.0, 1.0], [0.0, 1.0]]), words)
    >>> ax = plot.projection_bars(before, after, words, [1.0, 0.0], ends=("he", "she"))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['nurse', 'captain']
    """
    direction = np.asarray(direction, np.float64)
    length = np.linalg.norm(direction)
    if direction.ndim != 1 or not length > 0:
        raise ValueError(f"direction: expected a vector that is not zero, got shape {direction.shape}")
    sides = [LabelledVectors(side) for side in (before, after)]
    cosines = [side.units(side.rows(words, "words")) @ (direction / length) for side in sides]
    order = np.argsort(-cosines[0], kind="stable").tolist()
    figures = {words[i]: (cosines[0][i], cosines[1][i]) for i in order}
    xlabel = (
        f"← {ends[0]}      cosine with the bias direction      {ends[1]} →"
        if ends
        else "cosine with the bias direction"
    )
    return bias_bars(figures, xlabel=xlabel, title=title, ax=ax)
