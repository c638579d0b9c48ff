"""Data cut into batches, in a seeded order that any position of any epoch can be resumed from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import random
from .._arguments import integer
from ..text import length_buckets

Collate = Callable[[list], Any]


class Batches:
    """Batches of examples.

    x           one value an example: an array [N, ...] (memory-mapped ones may exceed the memory: only the rows of a batch
                are read, in the order of the file), a sequence, or a tuple of such for a model with several inputs
    y           the targets in the same form; None where there are none
    batch_size  examples a batch (default 32)
    shuffle     a new order every epoch (default True), by `seed` (default 0) and the number of the epoch
    drop_last   leave out the examples that do not fill a batch (default False)
    lengths     integers [N]: puts examples of similar length together, so that little is padded (`text.length_buckets`)
    collate     makes a batch of a list of examples: x[i], or (x[i], y[i]) with targets. Default: arrays are gathered, and
                sequences of numbers become arrays
    check_finite   NaN and infinity among floating numbers are a ValueError that names the example (default False)

    A batch is (x, y), (x1, x2, ..., y) for several inputs, without the last for y=None. Going through a `Batches` gives
    epoch 0; `epoch(e)` gives epoch e, from any batch on.

    >>> import numpy as np
    >>> from seqnn import train
    >>> batches = train.Batches(np.arange(5.0), np.arange(5), batch_size=2, shuffle=False)
    >>> [y.tolist() for x, y in batches]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
        lengths: Sequence[int] | None = None,
        collate: Collate | None = None,
        check_finite: bool = False,
    ) -> None:
        inputs = x if isinstance(x, tuple) else (x,)
        self._columns = [*inputs] if y is None else [*inputs, y]
        several = len(inputs) > 1
        self._names = [f"x[{i}]" if several else "x" for i in range(len(inputs))] + ([] if y is None else ["y"])
        self.batch_size = integer("batch_size", batch_size, 1)
        self.seed = integer("seed", seed, 0, 2**63 - 1)
        self.shuffle, self.drop_last, self.collate, self.check_finite = shuffle, drop_last, collate, check_finite
        self.lengths = None if lengths is None else np.asarray(lengths)
        self.examples = self._count()
        if collate is None:
            self._columns = [
                c if isinstance(c, np.ndarray) else _array(n, c)
                for n, c in zip(self._names, self._columns, strict=False)
            ]

    def __len__(self) -> int:
        """Batches of an epoch."""
        full, rest = divmod(self.examples, self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        return self.epoch(0)

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """The batches of epoch `number` (from 0) from batch `start` on; nothing before it is read."""
        for ids in self.order(number)[start:]:
            yield self._batch(ids)

    def order(self, epoch: int) -> list[np.ndarray]:
        """Which examples stand in each batch of an epoch."""
        if self.lengths is not None:
            seed = self.seed ^ (epoch << 64) if self.shuffle else None
            cut = length_buckets(self.lengths, self.batch_size, seed=seed)
        else:
            ids = np.arange(self.examples)
            if self.shuffle:  # sorting random numbers, two to a key, so that ties are out of question
                keys = random.bits(-(-self.examples // 2), seed=self.seed, stream=epoch).view(np.uint64)
                ids = np.argsort(keys[: self.examples], kind="stable")
            cut = [ids[i : i + self.batch_size] for i in range(0, self.examples, self.batch_size)]
        return [ids for ids in cut if len(ids) == self.batch_size] if self.drop_last else cut

    def describe(self) -> dict[str, Any]:
        """What decides about the order: a resumed run checks that it is the same."""
        return {
            "examples": self.examples,
            "batch_size": self.batch_size,
            "shuffle": bool(self.shuffle),
            "seed": self.seed,
            "drop_last": bool(self.drop_last),
            "by_length": self.lengths is not None,
        }

    def _count(self) -> int:
        sizes = []
        for name, column in zip(self._names, self._columns, strict=True):
            try:
                sizes.append(len(column))
            except TypeError:
                raise TypeError(f"{name}: expected an array or a sequence, got {type(column).__name__}") from None
        if self.lengths is not None:
            self._names.append("lengths")
            sizes.append(len(self.lengths))
        if len(set(sizes)) > 1:
            found = ", ".join(f"{name} {size}" for name, size in zip(self._names, sizes, strict=True))
            raise ValueError(f"expected as many examples everywhere, got {found}")
        if sizes[0] == 0:
            raise ValueError("x: expected at least one example, got none")
        if self.drop_last and sizes[0] < self.batch_size:
            raise ValueError(f"drop_last: {sizes[0]} examples do not fill one batch of {self.batch_size}")
        return sizes[0]

    def _batch(self, ids: np.ndarray) -> Any:
        if self.collate is not None:
            rows = [tuple(column[i] for column in self._columns) for i in ids.tolist()]
            batch = self.collate([row[0] if len(row) == 1 else row for row in rows])
        else:
            arrays = [_gather(column, ids) for column in self._columns]
            batch = arrays[0] if len(arrays) == 1 else tuple(arrays)
        if self.check_finite:
            parts = batch if isinstance(batch, tuple) else (batch,)
            for name, part in zip(self._names, parts, strict=False):
                _refuse_nonfinite(name, np.asarray(part), ids)
        return batch


def _array(name: str, column: Any) -> np.ndarray:
    try:
        array = np.asarray(column)
    except ValueError:
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}: expected an array of numbers, got {type(column).__name__} of what makes none; give collate= to make "
            "batches of it"
        )
    return array.astype(np.float32) if array.dtype == np.float64 and not hasattr(column, "dtype") else array


def _gather(column: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """column[ids]; a file is read in its own order."""
    if not isinstance(column, np.memmap):
        return column[ids]
    order = np.argsort(ids, kind="stable")
    out = np.empty((len(ids), *column.shape[1:]), column.dtype)
    out[order] = column[ids[order]]
    return out


def _refuse_nonfinite(name: str, array: np.ndarray, ids: np.ndarray) -> None:
    if array.dtype.kind != "f":
        return
    finite = np.isfinite(array.reshape(len(array), math.prod(array.shape[1:]))).all(axis=1)
    if not finite.all():
        first = int(np.argmin(finite))
        example = int(ids[first]) if len(finite) == len(ids) else f"number {first} of its batch"
        raise ValueError(f"{name}: example {example} holds NaN or infinity (check_finite=True)")


def as_source(data: Any, name: str, batch_size: int, seed: int, shuffle: bool) -> Any:
    """What a trainer goes through: a `Batches`, or any iterable of batches as it is.

    A tuple of arrays becomes a `Batches`: the last one holds the targets.
    """
    if isinstance(data, Batches):
        return data
    if isinstance(data, tuple) and len(data) >= 2 and all(isinstance(d, np.ndarray) for d in data):
        x = data[0] if len(data) == 2 else data[:-1]
        return Batches(x, data[-1], batch_size=batch_size, seed=seed, shuffle=shuffle)
    if isinstance(data, np.ndarray) or not hasattr(data, "__iter__"):
        raise TypeError(
            f"{name}: expected train.Batches, a tuple of arrays (x, y) or an iterable of batches, got {type(data).__name__}"
        )
    return data


def iterate(source: Any, epoch: int, start: int) -> Iterator[Any]:
    """The batches of an epoch from batch `start` on. An iterable without `epoch` is gone through up to there."""
    if isinstance(source, Batches):
        return source.epoch(epoch, start)
    batches = iter(source)
    for done in range(start):
        if next(batches, None) is None:
            raise ValueError(f"data: the run is to go on at batch {start}, but there are only {done}")
    return batches


def length(source: Any) -> int | None:
    """Batches of an epoch, where that is known."""
    return len(source) if hasattr(source, "__len__") else None
