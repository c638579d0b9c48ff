"""Spaces of successive times brought into the first one's, so that a word's vectors can be compared over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .._vectors import Labelled, LabelledVectors
from ._pairs import pair_rows
from ._procrustes import Normalization, check_enough, rotation


def align_sequence(
    spaces: Sequence[Labelled],
    anchors: Iterable[str] | None = None,
    *,
    normalize: Sequence[str] = ("unit", "center"),
    missing: str = "drop",
) -> list[Labelled]:
    """Rotate each space onto the one before it, so that all are in the space of the first.

    The rotation is that of orthogonal Procrustes over the words that the two have. `normalize` changes only the vectors that
    it is found from: the spaces are rotated as they are, so that cosines within each of them stay.

    Args:
        spaces: at least two `KeyedVectors` or pairs (matrix [V, D], words), in the order of their times; words may come
            and go.
        anchors: the words that the rotations are found from, such as those that are known to keep their meaning; default
            all that both of two successive spaces have.
        normalize: the steps that the anchors' vectors go through first, of "unit" and "center".
        missing: what an anchor does that a space lacks: "drop" it with a warning, or "raise" a KeyError.

    Returns:
        The spaces in the form in which they are given; the first one unchanged. Of `FastTextKeyedVectors` the n-grams are
        rotated, too.

    Raises:
        ValueError: two successive spaces share fewer words than the vectors have dimensions.

    Source: Hamilton, Leskovec, Jurafsky, "Diachronic word embeddings reveal statistical laws of semantic change", ACL 2016.

    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> from seqnn.embed import align_sequence
    >>> words, vectors = ["gay", "cat", "dog"], np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    >>> later = (vectors @ np.array([[0.0, -1.0], [1.0, 0.0]])) * np.array([[-1.0], [1.0], [1.0]])
    >>> spaces = [KeyedVectors.from_arrays(words, v) for v in (vectors, later)]
    >>> first, second = align_sequence(spaces, anchors=["cat", "dog"], normalize=())
    >>> [round(float(first[word] @ second[word]), 6) for word in words]
    [-1.0, 1.0, 1.0]
    """
    spaces = list(spaces)
    labelled = [LabelledVectors(space) for space in spaces]
    if len(labelled) < 2:
        raise ValueError(f"spaces: expected at least two, got {len(labelled)}")
    if len(sizes := {space.matrix.shape[1] for space in labelled}) > 1:
        raise ValueError(f"spaces: expected vectors of one size, got {sorted(sizes)}")
    if isinstance(anchors, str):
        raise TypeError(f"anchors: expected a list of words, got a string: {anchors!r:.60}")
    words = None if anchors is None else [(word, word) for word in anchors]
    aligned: list[Labelled] = [spaces[0]]
    for number, later in enumerate(labelled[1:], 1):
        earlier = LabelledVectors(aligned[-1])
        rows, _ = pair_rows(later, earlier, words, missing, f"anchors of spaces {number - 1} and {number}")
        check_enough(len(rows), later.matrix.shape[1], f"spaces {number - 1} and {number}")
        x, y = (
            Normalization(normalize).fit(later.matrix[rows[:, 0]]),
            Normalization(normalize).fit(earlier.matrix[rows[:, 1]]),
        )
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError(f"spaces {number - 1} and {number}: expected finite vectors, got NaN or infinity")
        turn = rotation(x, y).astype(x.dtype)
        aligned.append(later.with_matrix(later.matrix @ turn, lambda vectors, turn=turn: vectors @ turn))
    return aligned
