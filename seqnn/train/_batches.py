"""Batches of examples, for any epoch from any position on."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import random
from .._arguments import integer
from ..text import length_buckets
from ._streams import Streams

Collate = Callable[[list], Any]


class Batches:
    """Examples cut into batches, in a seeded order that any position of any epoch can be resumed from.

    A batch is (x, y), (x1, x2, ..., y) for several inputs, without the last for y=None. Going through a `Batches` gives
    epoch 0; `epoch(e)` gives epoch e, from any batch on.

    Args:
        x: one value an example: an array [N, ...] (memory-mapped ones may exceed the memory: only the rows of a batch are
            read, in the order of the file), a sequence, a pandas or Polars column or table, or a tuple of such for a model
            with several inputs. Examples are always taken by position, never by label.
        y: the targets in the same form; None where there are none.
        batch_size: examples a batch.
        shuffle: a new order every epoch, by `seed` and the number of the epoch.
        seed: of the order.
        drop_last: leave out the examples that do not fill a batch.
        lengths: integers [N]: puts examples of similar length together, so that little is padded (`text.length_buckets`).
        collate: makes a batch of a list of examples: x[i], or (x[i], y[i]) with targets. By default arrays are gathered,
            and sequences of numbers become arrays.
        check_finite: NaN and infinity among floating numbers are a ValueError that names the example.

    >>> import numpy as np
    >>> from seqnn import train
    >>> batches = train.Batches(np.arange(5.0), np.arange(5), batch_size=2, shuffle=False)
    >>> [y.tolist() for x, y in batches]
    [[0, 1], [2, 3], [4]]
    """

    foreign = False
    """Whether the batches come from the user's code."""

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
                c if isinstance(c, np.ndarray) and c.dtype.kind not in "OUS" else _array(n, c)
                for n, c in zip(self._names, self._columns, strict=False)
            ]
        else:
            self._columns = [_by_position(column) for column in self._columns]

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        full, rest = divmod(self.examples, self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        return self.epoch(0)

    def __repr__(self) -> str:
        return f"<Batches of {self.examples} examples, {len(self)} batches of {self.batch_size}>"

    def batches(self) -> int:
        """Return how many batches an epoch has."""
        return len(self)

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch; nothing before the first of them is read.

        Args:
            number: of the epoch, from 0.
            start: the batch to begin with.

        >>> import numpy as np
        >>> from seqnn import train
        >>> [x.tolist() for x in train.Batches(np.arange(5), batch_size=2, shuffle=False).epoch(0, start=1)]
        [[2, 3], [4]]
        """
        for ids in self.order(number)[start:]:
            yield self._batch(ids)

    def order(self, epoch: int) -> list[np.ndarray]:
        """Return which examples are in each batch of an epoch.

        Args:
            epoch: its number, from 0.

        Returns:
            The positions of the examples of each batch.
        """
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
        """Return what decides about the order: a resumed run checks that it is the same."""
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
                if isinstance(column, str | bytes | Mapping):
                    raise TypeError
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


def _by_position(column: Any) -> Any:
    """Return a column whose items are those of a position, also where its own are those of a label."""
    return column.iloc if hasattr(column, "iloc") else column


def _array(name: str, column: Any) -> np.ndarray:
    """Return a column as an array of numbers."""
    try:
        array = np.asarray(column)
        if array.dtype == object and hasattr(column, "columns"):  # a table of numbers and bools
            array = array.astype(np.float64)
    except (ValueError, TypeError):
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}: expected an array of numbers, got {type(column).__name__} of what makes none; give collate= to make "
            "batches of it"
        )
    return array.astype(np.float32) if array.dtype == np.float64 and not hasattr(column, "dtype") else array


def _gather(column: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Take the rows `ids` of a column; a file is read in its own order."""
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


def as_source(data: Any, name: str, batch_size: int, seed: int, shuffle: bool) -> Batches | Streams | GivenBatches:
    """Return what a trainer goes through: a `Batches`, `Streams`, or any iterable of batches.

    A tuple of columns (arrays, lists of numbers, tables) becomes a `Batches`: the last one holds the targets.
    """
    if isinstance(data, Batches | Streams | GivenBatches):
        return data
    if isinstance(data, tuple) and len(data) >= 2 and all(map(_is_column, data)):
        x = data[0] if len(data) == 2 else data[:-1]
        return Batches(x, data[-1], batch_size=batch_size, seed=seed, shuffle=shuffle)
    advice = ""
    if isinstance(data, list) and len(data) >= 2 and all(isinstance(d, np.ndarray) for d in data) and (
        len({len(d) for d in data if d.ndim}) == 1 and data[0].ndim
    ):  # fmt: skip
        advice = "; a list is taken as batches, write a tuple (x, y)"
    if (
        advice
        or isinstance(data, str | bytes | np.ndarray | Mapping)
        or not hasattr(data, "__iter__")
        or _is_table(data)
    ):
        raise TypeError(
            f"{name}: expected train.Batches, a tuple of arrays (x, y) or an iterable of batches, got "
            f"{type(data).__name__}{advice}"
        )
    return GivenBatches(data)


class GivenBatches:
    """Batches that an iterable of the user gives, the same again in each epoch."""

    foreign = True

    def __init__(self, batches: Any) -> None:
        self._batches = batches

    def batches(self) -> int | None:
        """Return how many batches an epoch has, where that is known."""
        return len(self._batches) if hasattr(self._batches, "__len__") else None

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Return the batches from batch `start` on."""
        batches = iter(self._batches)
        for done in range(start):
            if next(batches, None) is None:
                raise ValueError(f"data: the run is to go on at batch {start}, but there are only {done}")
        return batches

    def describe(self) -> dict[str, Any]:
        """Return nothing: what decides about the order is not known."""
        return {}


def _is_table(data: Any) -> bool:
    """Tell a column or table of pandas, Polars or torch, which iterates over other things than batches."""
    return hasattr(data, "__array__") or hasattr(data, "iloc")


def _is_column(data: Any) -> bool:
    """Tell one value an example: an array, a table, or a list of numbers or of lists of numbers."""
    if _is_table(data):
        return True
    if not isinstance(data, list) or not data:
        return False
    first = data[0]
    while isinstance(first, list) and first:
        first = first[0]
    return isinstance(first, numbers.Number)
