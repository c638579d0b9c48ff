"""Gradients of tables of which rows were gathered: they touch these rows only, so nothing of the table's size is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seqnn._core import embedding_clear, embedding_scatter, keep_memory


def kept(function: Callable, *args: Any, **options: Any) -> Any:
    """What the function returns; large arrays that it makes get memory that earlier ones left."""
    before = keep_memory(None)
    try:
        return function(*args, **options)
    finally:
        keep_memory(before)


class Rows:
    """The gradient of a table of which some rows were gathered: `values[n]` belongs to row `ids[n]`.

    ids      integers [N]; a row may occur several times
    values   [N, D]
    shape    of the table, [V, D]
    padding  the number of a row that gets no gradient (default -1: none)

    >>> import numpy as np
    >>> from seqnn.autograd import Rows
    >>> Rows(np.array([2, 0, 2]), np.array([[1.0], [2.0], [3.0]]), (4, 1)).dense().tolist()
    [[2.0], [0.0], [4.0], [0.0]]
    """

    __slots__ = ("parts", "shape")

    def __init__(self, ids: np.ndarray, values: np.ndarray, shape: tuple[int, ...], padding: int = -1) -> None:
        self.parts = [(ids, values, padding)]
        self.shape = shape

    @property
    def dtype(self) -> np.dtype:
        return self.parts[0][1].dtype

    def add(self, table: np.ndarray) -> None:
        """table[ids] += values, in the order of the ids, whatever the number of threads."""
        for ids, values, padding in self.parts:
            embedding_scatter(values, ids, table, padding)

    def dense(self) -> np.ndarray:
        """The gradient as an array of the table's shape."""
        table = np.zeros(self.shape, self.dtype)
        self.add(table)
        return table

    def __add__(self, other: Rows) -> Rows:
        both = object.__new__(Rows)
        both.parts, both.shape = self.parts + other.parts, self.shape
        return both

    def summed(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows that were touched, increasing, and the gradient of each; that of the padding is zero."""
        touched, place = np.unique(np.concatenate([ids for ids, _, _ in self.parts]), return_inverse=True)
        sums = np.zeros((len(touched), *self.shape[1:]), self.dtype)
        begin = 0
        for ids, values, padding in self.parts:
            at = int(np.searchsorted(touched, padding))
            found = at < len(touched) and touched[at] == padding
            embedding_scatter(values, place[begin : begin + len(ids)], sums, at if found else -1)
            begin += len(ids)
        return touched, sums


class Gathered:
    """The `.grad` of a table as long as only gathered rows arrive and nobody asks for an array.

    An optimiser takes the sums of the touched rows. One that needs the whole table gets one that is kept: for the next step
    only its touched rows are cleared.
    """

    __slots__ = ("_in_table", "_summed", "_table", "rows")

    def __init__(self, rows: Rows) -> None:
        self.rows: Rows | None = rows  # None: no gradient since `clear`
        self._summed: tuple[np.ndarray, np.ndarray] | None = None
        self._table: np.ndarray | None = None
        self._in_table = 0  # so many parts of `rows` are in it

    def add(self, rows: Rows) -> None:
        self.rows = rows if self.rows is None else self.rows + rows
        self._summed = None

    def summed(self) -> tuple[np.ndarray, np.ndarray]:
        """`Rows.summed`, computed once."""
        if self._summed is None:
            self._summed = kept(self.rows.summed)
        return self._summed

    def replace(self, ids: np.ndarray, sums: np.ndarray) -> None:
        """Another gradient for the touched rows (clipping)."""
        shape = self.rows.shape
        self.clear()
        self.rows, self._summed = Rows(ids, sums, shape), (ids, sums)

    def table(self) -> np.ndarray:
        """The gradient as an array; it is valid until `clear`."""
        if self._table is None:
            self._table = np.zeros(self.rows.shape, self.rows.dtype)
        for ids, values, padding in self.rows.parts[self._in_table :]:
            embedding_scatter(values, ids, self._table, padding)
        self._in_table = len(self.rows.parts)
        return self._table

    def clear(self) -> None:
        """Forget the gradient."""
        if self._in_table:
            for ids, _, _ in self.rows.parts[: self._in_table]:
                embedding_clear(self._table, ids)
        self.rows = self._summed = None
        self._in_table = 0


def without(gradient: Any) -> bool:
    """Whether a `_grad` says nothing: None, or gathered rows that were cleared."""
    return gradient is None or (type(gradient) is Gathered and gradient.rows is None)


def values_of(gradient: np.ndarray | Gathered | None) -> np.ndarray | None:
    """The numbers of a `_grad` that are not zero for want of an example; None where it says nothing."""
    if type(gradient) is not Gathered:
        return gradient
    return None if gradient.rows is None else gradient.summed()[1]


def array_of(gradient: np.ndarray | Gathered) -> np.ndarray:
    """A `_grad` that says something, as an array; of gathered rows it is valid until they are cleared."""
    return gradient.table() if type(gradient) is Gathered else gradient
