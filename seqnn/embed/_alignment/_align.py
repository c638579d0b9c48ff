"""Two spaces of word vectors brought into one by a rotation, which pairs of words determine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ..._arguments import integer, warn_caller
from .._vectors import KeyedVectors, Labelled, LabelledVectors
from ._csls import SearchedByCSLS, checked_method, mutual_rows, units
from ._pairs import Pairs, pair_rows
from ._procrustes import Normalization, check_enough, rotation

Translations = list[tuple[str, float]]


class SpaceAlignment:
    """Two spaces in one: what `align` returns.

    Args:
        source, target, rotation, pairs: the attributes below.
        normalization: what both spaces went through first.
        max_rank: how many of the source's first words the means of CSLS are over; None: all.

    Attributes:
        source: the source's words with their mapped vectors, `KeyedVectors`.
        target: the target's words with their normalised vectors, `KeyedVectors`.
        rotation: the orthogonal matrix [D, D]; a mapped vector is the normalised one times it.
        pairs: the pairs of words that determine the rotation: those given, or the last ones that were induced.

    >>> import numpy as np
    >>> from seqnn.embed import align
    >>> vectors = np.array([[1.0, 0.2], [0.1, 1.0], [0.5, 0.6]])
    >>> turned = vectors @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> both = align((vectors, ["cat", "dog", "cow"]), (turned, ["Katze", "Hund", "Kuh"]), {"cat": "Katze", "dog": "Hund"})
    >>> both.translate(["cow"], topn=1, k=1)[0][0][0], both.rotation.round().astype(int).tolist()
    ('Kuh', [[0, 1], [-1, 0]])
    """

    def __init__(
        self,
        source: KeyedVectors,
        target: KeyedVectors,
        rotation: np.ndarray,
        pairs: list[tuple[str, str]],
        normalization: Normalization,
        max_rank: int | None,
    ) -> None:
        self.source, self.target, self.rotation, self.pairs = source, target, rotation, pairs
        self._normalization, self._max_rank = normalization, max_rank
        self._searched: tuple[int, SearchedByCSLS] | None = None

    def __repr__(self) -> str:
        return f"SpaceAlignment<{len(self.source)} and {len(self.target)} words, {len(self.pairs)} pairs>"

    def map(self, vectors: npt.ArrayLike) -> np.ndarray:
        """Bring further vectors of the source into the common space, for example those of unknown words.

        Args:
            vectors: [N, D], as the source has them, before any normalisation.

        Returns:
            The mapped vectors [N, D].
        """
        vectors = np.asarray(vectors)
        if vectors.ndim != 2 or vectors.shape[1] != len(self.rotation):
            raise ValueError(f"vectors: expected a matrix [N, {len(self.rotation)}], got shape {vectors.shape}")
        changed = self._normalization.apply(vectors)
        return changed @ self.rotation.astype(changed.dtype)

    def translate(
        self, words: Iterable[str], topn: int = 10, *, method: str = "csls", k: int = 10
    ) -> list[Translations]:
        """Find the words of the target that are nearest to words of the source.

        Args:
            words: words of the source.
            topn: how many are found for each.
            method: what nearest means: "csls" or "cosine".
            k: how many neighbours the means of CSLS are over. Those of the target's words are computed once and kept,
                from the first `max_rank` words of the source.

        Returns:
            For each word its (target word, score), the best first.

        Raises:
            KeyError: words that the source lacks; it names them.
        """
        rows = LabelledVectors(self.source).rows(words, "words")
        ids, scores = self._nearest(rows, topn, method, k)
        names = self.target.index_to_key
        return [
            [(names[i], s) for i, s in zip(some.tolist(), theirs.tolist(), strict=True) if i >= 0]
            for some, theirs in zip(ids, scores, strict=True)
        ]

    def precision(
        self,
        pairs: Pairs,
        topn: int | Sequence[int] = (1, 5, 10),
        *,
        method: str = "csls",
        k: int = 10,
        missing: str = "raise",
    ) -> dict[int, float]:
        """Measure how often a right translation is among the first ones.

        Args:
            pairs: pairs of words that were not used to align, or a file of them; a source word may have several right ones.
            topn: the numbers of first translations that are looked at.
            method, k: as for `translate`.
            missing: what a pair with a word without a vector does: "raise" a KeyError, or "drop" it with a warning.

        Returns:
            The share of source words with a right translation among the first n, by n.
        """
        counts = [integer("topn", n, 1) for n in (topn if isinstance(topn, Iterable) else [topn])]
        rows, _ = pair_rows(LabelledVectors(self.source), LabelledVectors(self.target), pairs, missing)
        if not len(rows) or not counts:
            raise ValueError("pairs and topn: expected at least one pair of known words and one number")
        asked = np.unique(rows[:, 0])
        ids, _ = self._nearest(asked, max(counts), method, k)
        right: dict[int, set[int]] = {}
        for word, answer in rows.tolist():
            right.setdefault(word, set()).add(answer)
        hits = np.array(
            [[i in right[word] for i in some] for word, some in zip(asked.tolist(), ids.tolist(), strict=True)]
        )
        return {n: float(hits[:, :n].any(1).mean()) for n in counts}

    def _nearest(self, rows: np.ndarray, topn: int, method: str, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the target's rows for rows of the source; what they are searched in is kept for the next time."""
        k = integer("k", k, 1) if checked_method(method) == "csls" else 0
        if self._searched is None or self._searched[0] != k:
            others = units("source", self.source.vectors[: self._max_rank]) if k else self.source.vectors[:0]
            self._searched = k, SearchedByCSLS(units("target", self.target.vectors), others, k)
        x = self.source.get_vectors(rows, norm=True).astype(self.target.vectors.dtype, copy=False)
        return self._searched[1].find(x, topn)


def align(
    source: Labelled,
    target: Labelled,
    pairs: Pairs,
    *,
    normalize: Sequence[str] = ("unit", "center", "unit"),
    iterations: int = 0,
    k: int = 10,
    method: str = "csls",
    max_rank: int | None = 20_000,
    missing: str = "raise",
) -> SpaceAlignment:
    """Bring the vectors of one language, corpus or time into the space of another by orthogonal Procrustes.

    The rotation R minimises the sum of |x R - y|^2 over the pairs (x, y), so that cosines within the source stay. With
    iterations > 0 the pairs that are then each other's nearest (`induce_dictionary`) determine R anew, that many times.

    Args:
        source, target: `KeyedVectors` or pairs (matrix [V, D], words), of one D.
        pairs: (source word, target word), a dict, or a file of lines "word word" as MUSE's dictionaries; None: the words
            that both sides have.
        normalize: the steps that both sides go through first, of "unit" (rows get length 1) and "center" (their mean is
            subtracted); the default is VecMap's, () keeps the vectors as they are, as MUSE does.
        iterations: of refinement.
        k: how many neighbours the means of CSLS are over, in refinement.
        method: what nearest means in refinement: "csls" or "cosine".
        max_rank: only the first words of each side take part in refinement, this many, and in the means of CSLS the first
            ones of the source; None: all.
        missing: what a pair with a word without a vector does: "raise" a KeyError, or "drop" it with a warning.

    Returns:
        The two spaces in one.

    Raises:
        ValueError: vectors of different sizes, fewer pairs than dimensions (the rotation is not determined then), vectors
            that are not finite.

    Sources: Xing, Wang, Liu, Lin, "Normalized word embedding and orthogonal transform for bilingual word translation", 2015;
    Artetxe, Labaka, Agirre, "A robust self-learning method for fully unsupervised cross-lingual mappings", 2018;
    Conneau et al., "Word translation without parallel data", 2018.

    >>> import numpy as np
    >>> from seqnn import KeyedVectors
    >>> from seqnn.embed import align
    >>> rng = np.random.default_rng(0)
    >>> vectors, turn = rng.standard_normal((50, 8)), np.linalg.qr(rng.standard_normal((8, 8)))[0]
    >>> english = KeyedVectors.from_arrays([f"en{i}" for i in range(50)], vectors)
    >>> german = KeyedVectors.from_arrays([f"de{i}" for i in range(50)], vectors @ turn)
    >>> both = align(english, german, [(f"en{i}", f"de{i}") for i in range(20)])
    >>> both.precision([(f"en{i}", f"de{i}") for i in range(20, 50)], topn=[1])
    {1: 1.0}
    """
    first, second = LabelledVectors(source), LabelledVectors(target)
    size = first.matrix.shape[1]
    if second.matrix.shape[1] != size:
        raise ValueError(f"source and target: expected vectors of one size, got {size} and {second.matrix.shape[1]}")
    iterations, k = integer("iterations", iterations, 0), integer("k", k, 1)
    max_rank = None if max_rank is None else integer("max_rank", max_rank, size)
    checked_method(method)
    steps, other_steps = Normalization(normalize), Normalization(normalize)
    rows, used = pair_rows(first, second, pairs, missing)
    check_enough(len(rows), size, "pairs")
    x, y = steps.fit(first.matrix), other_steps.fit(second.matrix)
    x, y = (matrix.astype(np.result_type(x, y), copy=False) for matrix in (x, y))
    for name, matrix in ("source", x), ("target", y):
        if not np.isfinite(matrix).all():
            raise ValueError(f"{name}: expected finite vectors, got NaN or infinity")
    turn = rotation(x[rows[:, 0]], y[rows[:, 1]])
    for done in range(iterations):
        rows = mutual_rows(x[:max_rank] @ turn.astype(x.dtype), y[:max_rank], k, method)
        if len(rows) < size:
            warn_caller(
                f"iterations: stopped after {done} of {iterations}: only {len(rows)} pairs are each other's nearest, fewer "
                f"than the {size} dimensions",
                UserWarning,
            )
            break
        used = [(first.words[i], second.words[j]) for i, j in rows.tolist()]
        turn = rotation(x[rows[:, 0]], y[rows[:, 1]])
    mapped = KeyedVectors.from_arrays(first.words, x @ turn.astype(x.dtype))
    return SpaceAlignment(mapped, KeyedVectors.from_arrays(second.words, y), turn, used, steps, max_rank)
