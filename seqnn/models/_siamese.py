"""Vectors of sentences, learnt from pairs that belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self

import numpy as np

from .._arguments import integer, number
from .._settings import Anything, Choice, Number
from ..autograd import Tensor
from ..embed import nearest_neighbors
from ..text import tokenize
from ._base import Coder, Examples, Network, TransformerMixin
from ._coders import Stacked
from ._encoders import checked_encoder
from ._pooled_reader import PooledReader
from ._recurrent_estimator import SequenceEstimator
from ._sequences import Sequences, as_sequences
from ._similarity_loss import DISTANCES, LOSSES, NEGATIVES, distances, make_loss

__all__ = ["Hit", "Siamese"]

_BLOCK = 1 << 24
"""Distances that are computed at once."""


class Hit(NamedTuple):
    """A document that a search found.

    Attributes:
        index: its place among the documents.
        similarity: to the query: the cosine, or minus the distance.

    >>> from seqnn.models import Hit
    >>> Hit(3, 0.9).index
    3
    """

    index: int
    similarity: float


class PairReader(PooledReader):
    """A `PooledReader` of both sides of pairs."""

    def forward(self, x: Any, lengths: Any = None, y: Any = None, y_lengths: Any = None) -> Any:
        """Return the vectors [B, D] of x, or with y a pair of those of x and those of y."""
        one = super().forward(x, lengths)
        return one if y is None else (one, super().forward(y, y_lengths))


class EncodedPair:
    """The encoded sequences of both sides; long pairs share a batch."""

    def __init__(self, left: Any, right: Any) -> None:
        self.left, self.right = left, right

    def __len__(self) -> int:
        return len(self.left) + len(self.right)


class PairCoder:
    """Pairs as the arrays of a batch.

    Args:
        coder: of one side.
    """

    def __init__(self, coder: Coder) -> None:
        self._coder = coder

    def collate(self, rows: list[EncodedPair]) -> tuple:
        """Return what the coder gives for the left sides, and what it gives for the right ones."""
        return *self._coder.collate([row.left for row in rows]), *self._coder.collate([row.right for row in rows])


class Siamese(TransformerMixin, SequenceEstimator):
    """Learn vectors of sequences, such as sentences, from pairs: those that belong together become similar.

    One network reads both sides. X is a list of pairs (a, b) of strings, token lists, or sequences of numbers. With
    loss="contrastive" y says which belong together, 1 or 0. With the others all pairs do, and what belongs to the other
    pairs of a batch are negatives; y may give groups, [N]: pairs of the same group are no negatives of each other, nor are
    those that share a text.

    Args:
        cell: what reads: "rnn", "lstm", "gru" or "stlm"; "cnn", convolutions over three steps; or "transformer", an encoder
            of four heads.
        pooling: what stands for a sequence: the "last" state (of both directions), the "mean", the "max", or "attention".
        loss: "in_batch": the second member is to be told from those of the other pairs, by a cross-entropy; "triplet": it is
            to be closer than a negative by a margin; "contrastive": d^2 of pairs that belong together, and
            max(0, margin - d)^2 of the others.
        negatives: of "triplet": "mean", their mean distance; "hardest", the closest; "semi_hard", the closest of those
            farther than the positive; or "mean+hardest", the sum of both losses.
        distance: "cosine" (1 - cosine), "euclidean" or "manhattan".
        margin: of "triplet" and "contrastive".
        temperature: distances are divided by it in "in_batch".

    Attributes:
        model_: the network.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Raises:
        ValueError: X has no pairs, or y is not as the loss needs it.

    Sources: Bromley et al., "Signature verification using a siamese time delay neural network", NIPS 1993; Reimers,
    Gurevych, "Sentence-BERT", EMNLP 2019.

    >>> from seqnn.models import Siamese
    >>> X = [("how old are you", "what is your age"), ("where is it", "at which place is it")] * 8
    >>> model = Siamese(cell="gru", hidden_size=16, max_iter=20, learning_rate=0.02, validation_fraction=0).fit(X)
    >>> documents = ["at which place is it", "what is your age"]
    >>> [hits[0].index for hits in model.search(["how old are you", "where is it"], documents)]
    [1, 0]
    """

    cell = Anything("lstm", lambda _, value: checked_encoder(value), saved=True)
    pooling = Choice("mean", ("last", "mean", "max", "attention"))
    loss = Choice("in_batch", LOSSES)
    negatives = Choice("mean+hardest", NEGATIVES)
    distance = Choice("cosine", DISTANCES)
    margin = Number(0.25, above=0)
    temperature = Number(0.05, above=0)

    _needs_y = False

    model_ = Network(PairReader)

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        pooling: str = "mean",
        dropout: float = 0.0,
        loss: str = "in_batch",
        negatives: str = "mean+hardest",
        distance: str = "cosine",
        margin: float = 0.25,
        temperature: float = 0.05,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        embedding_size: int = 64,
        embedding: Any = None,
        freeze: bool = False,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = 1.0,
        max_iter: int = 100,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from pairs.

        Args:
            X: pairs.
            y: "contrastive": 1 for each pair that belongs together, else 0; else groups of the pairs, or None.

        Returns:
            The estimator.
        """
        settings = self._begin()
        left, right = self._pairs(X)
        encoded, coder = self._encode(left._replace(rows=left.rows + right.rows, whole=left.whole and right.whole))
        count = len(left.rows)
        pairs = [EncodedPair(*pair) for pair in zip(encoded[:count], encoded[count:], strict=True)]
        target = _together(y, count) if settings.loss == "contrastive" else _groups(encoded, y)
        if settings.loss != "contrastive" and not target.any():
            raise ValueError(
                "X: expected pairs of at least two groups: all of them share texts, so that there is no negative"
            )
        examples = Examples(pairs, target, PairCoder(coder), Stacked())
        return self._train(make_loss(settings), *examples.split(settings))

    def _arguments(self) -> dict[str, Any]:
        return {**self._layers(), "pooling": self._used.pooling}

    def _pairs(self, X: Any) -> tuple[Sequences, Sequences]:  # noqa: N803
        """Return the left and the right sides."""
        if isinstance(X, str | bytes | dict) or not isinstance(X, Iterable):
            raise TypeError(f"X: expected a list of pairs, got {type(X).__name__}")
        rows = list(X.to_numpy() if hasattr(X, "columns") else X)
        if not rows:
            raise ValueError("X: expected at least one pair, got none")
        for i, row in enumerate(rows):
            if isinstance(row, str) or not hasattr(row, "__len__") or len(row) != 2:
                raise ValueError(f"X[{i}]: expected a pair (a, b) of strings or token lists, got {row!r:.60}")
        sides = [as_sequences([row[k] for row in rows], f"X[:][{k}]", self._used.tokenizer) for k in (0, 1)]
        if sides[0].tokens != sides[1].tokens:
            raise TypeError("X: expected pairs of one kind, got tokens on one side and numbers on the other")
        return sides[0], sides[1]

    # What was learnt.

    @property
    def _n_features_out(self) -> int:
        self._require_fit()
        return self.model_.reader.output_size

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the vectors [N, D] of sequences; with the distance "cosine" they are of length 1.

        Args:
            X: strings, token lists or sequences of numbers, as the members of the pairs of `fit`.
        """
        return self._vectors_of(X, "X")

    def _vectors_of(self, X: Any, name: str) -> np.ndarray:  # noqa: N803
        vectors = np.stack(self._each(X, lambda x, lengths: self.model_(x, lengths).numpy(), name))
        if self._used.distance != "cosine":
            return vectors
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the similarity [N] of the members of each pair: the cosine, or minus the distance.

        Args:
            X: pairs.
        """
        self._require_fit()
        a, b = (self.transform(side.rows) for side in self._pairs(X))
        if self._used.distance == "cosine":
            return (a * b).sum(axis=1)
        power = 1 if self._used.distance == "manhattan" else 2
        return -((np.abs(a - b) ** power).sum(axis=1) ** (1 / power))

    def search(self, queries: Any, documents: Any, topn: int = 10) -> list[list[Hit]]:
        """Find the documents that are most similar to each query.

        Args:
            queries: strings, token lists or sequences of numbers.
            documents: the same; or, for many searches, their vectors [N, D] from `transform`.
            topn: how many documents are found for each query.

        Returns:
            For each query its `Hit`s, the most similar first, ties by the lower index.
        """
        self._require_fit()
        topn = integer("topn", topn, 1)
        asked, vectors = self._vectors_of(queries, "queries"), self._vectors(documents)
        if self._used.distance == "cosine":
            ids, scores = nearest_neighbors(asked, vectors, topn)
            return [
                [Hit(*hit) for hit in zip(*row, strict=True)] for row in zip(ids.tolist(), scores.tolist(), strict=True)
            ]
        found = []
        for near in self._blocks(asked, vectors):
            order = np.argsort(-near, axis=1, kind="stable")[:, :topn]
            found += [[Hit(i, float(row[i])) for i in ids] for ids, row in zip(order.tolist(), near, strict=True)]
        return found

    def duplicates(self, documents: Any, threshold: float) -> list[tuple[int, int, float]]:
        """Find pairs of documents that are similar.

        Args:
            documents: as for `search`.
            threshold: the least similarity: a cosine, or minus a distance.

        Returns:
            (index, index of a later one, similarity), the most similar first.
        """
        self._require_fit()
        threshold, vectors = number("threshold", threshold), self._vectors(documents)
        found, start = [], 0
        for near in self._blocks(vectors, vectors):
            rows, columns = np.nonzero(near >= threshold)
            later = columns > rows + start
            for i, j in zip(rows[later].tolist(), columns[later].tolist(), strict=True):
                found.append((start + i, j, float(near[i, j])))
            start += len(near)
        return sorted(found, key=lambda pair: (-pair[2], pair[:2]))

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """Return how well pairs are found.

        Args:
            X: pairs.
            y: as for `fit`.

        Returns:
            With the loss "contrastive" the area under the ROC curve: how often a pair that belongs together is more similar
            than one that does not. Else the share of the first members to which a second member with the same text, or of a
            pair of the same group, is the most similar of all.
        """
        self._require_fit()
        left, right = self._pairs(X)
        if self._used.loss == "contrastive":
            together, similar = _together(y, len(left.rows)).astype(bool), self.predict(X)
            return _roc_area(similar[together], similar[~together])
        best = [found[0].index for found in self.search(left.rows, right.rows, 1)]
        keys = [tuple(np.ravel(row).tolist()) for row in right.rows]
        groups = np.arange(len(keys)) if y is None else _checked_groups(y, len(keys))
        return float(np.mean([keys[i] == keys[j] or groups[i] == groups[j] for i, j in enumerate(best)]))

    def _vectors(self, documents: Any) -> np.ndarray:
        """Return the vectors [N, D] of documents, or those that are given."""
        if not (isinstance(documents, np.ndarray) and documents.ndim == 2 and documents.dtype.kind == "f"):
            return self._vectors_of(documents, "documents")
        if documents.shape[1] != (size := self.model_.reader.output_size):
            raise ValueError(
                f"documents: expected vectors of {size} numbers, as transform gives them, got {documents.shape}"
            )
        if not np.isfinite(documents).all():
            raise ValueError("documents: expected vectors of finite numbers, got NaN or infinity")
        return documents.astype(np.float32, copy=False)

    def _blocks(self, a: np.ndarray, b: np.ndarray) -> Iterable[np.ndarray]:
        """Yield the similarities [rows, C] of vectors [B, D] to vectors [C, D], some rows at a time."""
        kind = self._used.distance
        if kind == "euclidean":  # their squares are differences of large numbers where vectors are near each other
            a, b = a.astype(np.float64), b.astype(np.float64)
        width = b.size if kind == "manhattan" else len(b)
        step = max(1, _BLOCK // max(1, width))
        for i in range(0, len(a), step):
            d = distances(Tensor(a[i : i + step]), Tensor(b), kind).numpy()
            yield 1 - d if kind == "cosine" else -d


def _together(y: Any, count: int) -> np.ndarray:
    """Return 1 for each pair that belongs together, else 0, checked."""
    found = np.asarray(y) if y is not None else np.zeros(0)
    if found.shape != (count,) or found.dtype.kind not in "biuf" or not np.isin(found, (0, 1)).all():
        got = "None" if y is None else f"{found.dtype} of shape {list(found.shape)}"
        raise ValueError(f"y: expected 1 (they belong together) or 0 for each of {count} pairs, got {got}")
    if len(np.unique(found)) < 2:
        raise ValueError(
            "y: expected pairs of both kinds, got only one: the other losses need none that do not belong together"
        )
    return found.astype(np.int64)


def _groups(encoded: list[np.ndarray], y: Any) -> np.ndarray:
    """Return a number for each pair, the same for pairs of one group and for those that share a text."""
    count = len(encoded) // 2
    given = None if y is None else _checked_groups(y, count).tolist()
    keys: dict[Any, int] = {}
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i in range(count):
        shared = [row.tobytes() for row in (encoded[i], encoded[count + i])]
        for key in shared if given is None else [*shared, ("group", given[i])]:
            parent[root(i)] = root(keys.setdefault(key, i))
    _, numbers = np.unique([root(i) for i in range(count)], return_inverse=True)
    return numbers.astype(np.int64)


def _checked_groups(y: Any, count: int) -> np.ndarray:
    if np.shape(y) != (count,):
        raise ValueError(f"y: expected a group for each of {count} pairs, or None, got shape {list(np.shape(y))}")
    return np.asarray(y)


def _roc_area(above: np.ndarray, below: np.ndarray) -> float:
    """Return the share of pairs (one of each side) in which the first is the larger one; ties count half."""
    ordered = np.sort(below)
    wins = np.searchsorted(ordered, above, "left") + np.searchsorted(ordered, above, "right")
    return float(wins.mean() / (2 * len(below)))
