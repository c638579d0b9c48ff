"""Chosen words as points on a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..embed import Labelled, LabelledVectors
from ._axes import BLUE, GREY, PALETTE, new_axes, no_ticks, style
from ._labels import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Words = Sequence[str] | Mapping[str, Sequence[str]]

MOST = 50
"""How many words are shown where none are named."""


def pca(rows: npt.ArrayLike, components: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Project rows onto their first principal components; the sign of one is such that its largest entry is positive.

    Args:
        rows: [N, D].
        components: how many.

    Returns:
        Coordinates [N, components], and the components' shares of the variance, which sum to 1 over all components.

    Raises:
        ValueError: there are fewer rows or columns than components.

    >>> from seqnn.plot import pca
    >>> coordinates, shares = pca([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]], 1)
    >>> coordinates.ravel().tolist(), shares.tolist()
    ([-2.0, 0.0, 2.0], [1.0])
    """
    rows = np.asarray(rows, np.float64)
    if rows.ndim != 2 or not 1 <= components <= min(rows.shape, default=0):
        raise ValueError(f"rows: expected a matrix with at least {components} rows and columns, got shape {rows.shape}")
    _, sizes, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    axes = axes[:components]
    largest = np.abs(axes).argmax(1)
    axes = axes * np.sign(axes[np.arange(components), largest])[:, None]
    variance = np.sum(sizes**2)
    return (rows - rows.mean(0)) @ axes.T, sizes[:components] ** 2 / (variance if variance > 0 else 1)


def word_map(
    vectors: Labelled,
    words: Words | None = None,
    *,
    method: str = "pca",
    perplexity: float | None = None,
    seed: int = 1,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a map of words, on which near words have similar vectors.

    Args:
        vectors: `KeyedVectors`, or a pair (matrix, words); taken with length 1.
        words: the words to show, or {group: words}, each group in a colour of its own with a legend; default: the first
            50, which are the most frequent ones of trained vectors.
        method: "pca": the plane of the largest variance; "tsne": scikit-learn's t-SNE, which keeps neighbours together.
        perplexity: of t-SNE; default: 30, less for few words.
        seed: of t-SNE.
        title: of the picture.
        ax: where to draw; default: a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: there are fewer than three words, or the method is not known.
        KeyError: a word has no vector.
        ImportError: t-SNE is asked for, and scikit-learn is not installed.

    >>> import numpy as np
    >>> from seqnn import plot
    >>> words = ["cat", "dog", "car"]
    >>> ax = plot.word_map((np.array([[1.0, 0.1], [1.0, 0.2], [0.0, 1.0]]), words), words)
    >>> [text.get_text() for text in ax.texts]
    ['cat', 'dog', 'car']
    """
    labelled = LabelledVectors(vectors)
    words = list(labelled.words)[:MOST] if words is None else words
    groups = words if isinstance(words, Mapping) else {"": words}
    rows = [labelled.rows(group, "words") for group in groups.values()]
    units = labelled.units(np.concatenate([np.zeros(0, np.int64), *rows]))
    points, names = plane(units, method, perplexity, seed)
    ax = new_axes(ax, (7.0, 5.4))
    style(ax, title=title, spines=("left", "bottom", "top", "right") if not names else ("left", "bottom"))
    no_ticks(ax)
    if names:
        ax.set_xlabel(names[0], fontsize=9, color=GREY)
        ax.set_ylabel(names[1], fontsize=9, color=GREY)
    colors = [PALETTE[g % len(PALETTE)] for g, group in enumerate(rows) for _ in group]
    ax.margins(0.12, 0.1)
    start = 0
    for g, (name, group) in enumerate(zip(groups, rows, strict=True)):
        color = PALETTE[g % len(PALETTE)] if len(groups) > 1 else BLUE
        some = points[start : start + len(group)]
        marker = "osD^vP"[g // len(PALETTE) % 6] if len(groups) > len(PALETTE) else "o"
        ax.scatter(*some.T, s=30, color=color, marker=marker, linewidths=0.8, edgecolors="white", zorder=3, label=name)
        start += len(group)
    if len(groups) > 1:
        ax.legend(
            frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=min(4, len(groups)),
            handletextpad=0.2, columnspacing=1.2, borderaxespad=0.2, borderpad=0,
        )  # fmt: skip
        if title:
            ax.set_title(title, loc="left", fontsize=11, pad=28)
    shown = [word for group in groups.values() for word in group]
    place_labels(ax, points, shown, colors if len(groups) > 1 else None)
    return ax


def plane(units: np.ndarray, method: str, perplexity: float | None, seed: int) -> tuple[np.ndarray, list[str]]:
    """Return the points [N, 2] of vectors on a map, and the names of its axes, which t-SNE's has not.

    Args:
        units: vectors of length 1, [N, D].
        method, perplexity, seed: as for `word_map`.

    Raises:
        ValueError, ImportError: as for `word_map`.
    """
    if method not in ("pca", "tsne"):
        raise ValueError(f"method: expected 'pca' or 'tsne', got {method!r}")
    if len(units) < 3:
        raise ValueError(f"words: expected at least 3 words to map, got {len(units)}")
    if method == "tsne":
        return _tsne(units, perplexity, seed), []
    points, shares = pca(units)
    return points, [f"component {k + 1} ({share:.0%} of variance)" for k, share in enumerate(shares)]


def _tsne(units: np.ndarray, perplexity: float | None, seed: int) -> np.ndarray:
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise ImportError(
            "method='tsne' needs scikit-learn: pip install scikit-learn (or take method='pca')"
        ) from error
    most = (len(units) - 1) / 3
    settings: dict[str, Any] = {"init": "pca" if min(units.shape) > 2 else "random", "random_state": seed}
    return TSNE(2, perplexity=min(30.0, most) if perplexity is None else perplexity, **settings).fit_transform(units)
