"""The order in which GloVe trains its counts: cells of rows and columns, shuffled anew each epoch."""

from __future__ import annotations

import numpy as np

from ... import _core
from ...random import bits
from ._cooccurrence import Cooccurrence
from ._glove_weights import GloveWeights

STRIPE_BYTES = 896 << 10
"""The most bytes of the columns of a stripe: they should stay in a core's second-level cache."""

MOST_COLUMNS, MOST_ROWS = _core.glove.COLUMNS, _core.glove.ROWS
"""A column's and a row's number within their cell share 32 bits."""

SHARES = 24
"""A stripe has at most this fraction of all counts, unless it is a single column: it is trained by one thread."""

ORDER_STREAM = 1 << 41
"""Stream of random numbers of the order of the cells; plus the epoch."""


class Cells:
    """The counts of a co-occurrence matrix, 8 bytes each, in cells: row parts by column stripes.

    Row r is in part r % parts; a stripe is a run of neighbouring columns. The grid depends on the counts and the vector
    size only, never on the number of threads.
    """

    def __init__(self, counts: Cooccurrence, width: int) -> None:
        self.parts = next((p for p in (8, 16) if counts.nnz < p << 23), 32)
        self.parts = max(self.parts, -(-counts.shape[0] // MOST_ROWS))
        self.stripe_starts = _stripes(counts, width)
        self.stripes = len(self.stripe_starts) - 1
        sizes = np.zeros((self.parts, self.stripes), np.int64)
        _core.glove_cell_sizes(counts.indices, counts.indptr, self.stripe_starts, sizes)
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        self.entries = np.empty(counts.nnz, np.uint32)
        self.logs = np.empty(counts.nnz, np.float32)
        _core.glove_arrange(
            counts.indices, counts.data, counts.indptr, self.stripe_starts, self.starts[:-1].reshape(sizes.shape),
            self.entries, self.logs,
        )  # fmt: skip
        self._epoch: tuple[int, int] | None = None

    def train(
        self,
        weights: GloveWeights,
        first: int,
        last: int,
        *,
        x_max: float,
        alpha: float,
        learning_rate: float,
        seed: int,
        epoch: int,
        factors: np.ndarray | None = None,
    ) -> tuple[float, int]:
        """Train the cells of the epoch that begin at the counts [first, last); return the summed cost and their number.

        `factors` say which share of its changes each word's vector takes; None: all.
        """
        if self._epoch != (seed, epoch):
            self._order = self._shuffled(seed, epoch)
            sizes = np.diff(self.starts)[self._order]
            self._begins = np.concatenate([[0], np.cumsum(sizes)])
            self._epoch = seed, epoch
        low, high = np.searchsorted(self._begins[:-1], [first, last])
        loss = _core.glove_train(
            self.entries, self.logs, self.starts, self._order[low:high], self.stripe_starts, weights.word,
            weights.context, parts=self.parts, x_max=x_max, alpha=alpha, rate=learning_rate, seed=seed, epoch=epoch,
            word_factors=factors, context_factors=None if weights.kind == "word" else factors,
        )  # fmt: skip
        return float(loss[0]), int(self._begins[high] - self._begins[low])

    def _shuffled(self, seed: int, epoch: int) -> np.ndarray:
        """Order the cells that are not empty for an epoch: in diagonals, whose cells share neither rows nor columns."""
        side = max(self.parts, self.stripes)
        draws = bits(self.parts + side, seed=seed, stream=ORDER_STREAM + epoch)[::4]
        part = np.argsort(draws[: self.parts], kind="stable")
        stripe = np.argsort(draws[self.parts :], kind="stable")
        diagonal, step = np.divmod(np.arange(side * self.parts), self.parts)
        column = stripe[(diagonal + step) % side]
        order = (part[step] * self.stripes + column)[column < self.stripes]
        return order[np.diff(self.starts)[order] > 0].astype(np.int32)


def _stripes(counts: Cooccurrence, width: int) -> np.ndarray:
    """Return where stripes begin, and V: as many columns as fit, but few of the frequent ones, so that none has most counts."""
    size = counts.shape[0]
    before = np.zeros(size + 1, np.int64)
    for at in range(0, counts.nnz, 1 << 22):
        before[1:] += np.bincount(counts.indices[at : at + (1 << 22)], minlength=size)
    np.cumsum(before, out=before)
    columns = max(1, min(MOST_COLUMNS, STRIPE_BYTES // (2 * 4 * width)))
    share = max(1, counts.nnz // SHARES)
    starts = [0]
    while starts[-1] < size:
        start = starts[-1]
        fitting = int(np.searchsorted(before, before[start] + share, "right")) - 1
        starts.append(min(max(start + 1, min(fitting, start + columns)), size))
    return np.array(starts, np.int32)
