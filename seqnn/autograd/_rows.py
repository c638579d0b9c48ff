"""Gradients of tables from which rows were gathered: they touch these rows only, so nothing of the table's size is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seqnn._core import embedding_clear, embedding_scatter, keep_memory


def kept(function: Callable, *args: Any, **options: Any) -> Any:
    """Call a function; large arrays that it makes get memory that earlier ones left."""
    before = keep_memory(None)
    try:
        return function(*args, **options)
    finally:
        keep_memory(before)


class Rows:
    """A gradient of a table from which some rows were gathered: `values[n]` belongs to row `ids[n]`.

    Args:
        ids: integers [N]; a row may occur several times.
        values: [N, D].
        shape: of the table, [V, D].
        padding: the number of a row that gets no gradient; -1 is none.

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
        """The type of the values."""
        return self.parts[0][1].dtype

    def add(self, table: np.ndarray) -> None:
        """Add to a table, table[ids] += values, in the order of the ids, whatever the number of threads.

        Args:
            table: [V, D], changed in place.
        """
        for ids, values, padding in self.parts:
            embedding_scatter(values, ids, table, padding)

    def dense(self) -> np.ndarray:
        """Return an array of the table's shape."""
        table = np.zeros(self.shape, self.dtype)
        self.add(table)
        return table

    def __add__(self, other: Rows) -> Rows:
        both = object.__new__(Rows)
        both.parts, both.shape = self.parts + other.parts, self.shape
        return both

    def summed(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that were touched, increasing, and the gradient of each; that of the padding is zero."""
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
    """A `.grad` of a table, as long as only gathered rows arrive and nobody asks for an array.

    An optimiser takes the sums of the touched rows. One that needs the whole table gets one that is kept: for the next step
    only its touched rows are cleared.

    Args:
        rows: what arrived first.

    >>> import numpy as np
    >>> held = Gathered(Rows(np.array([2, 2]), np.ones((2, 1)), (3, 1)))
    >>> held.table().tolist()
    [[0.0], [0.0], [2.0]]
    """

    __slots__ = ("_in_table", "_summed", "_table", "rows")

    def __init__(self, rows: Rows) -> None:
        self.rows: Rows | None = rows  # None: no gradient since `clear`
        self._summed: tuple[np.ndarray, np.ndarray] | None = None
        self._table: np.ndarray | None = None
        self._in_table = 0  # how many parts of `rows` are in it

    def add(self, rows: Rows) -> None:
        """Add further rows.

        Args:
            rows: of the same table.
        """
        self.rows = rows if self.rows is None else self.rows + rows
        self._summed = None

    def summed(self) -> tuple[np.ndarray, np.ndarray]:
        """Return `Rows.summed`, computed once."""
        if self._summed is None:
            self._summed = kept(self.rows.summed)
        return self._summed

    def replace(self, ids: np.ndarray, sums: np.ndarray) -> None:
        """Set another gradient for the touched rows (clipping).

        Args:
            ids: the rows, increasing.
            sums: the gradient of each.
        """
        shape = self.rows.shape
        self.clear()
        self.rows, self._summed = Rows(ids, sums, shape), (ids, sums)

    def table(self) -> np.ndarray:
        """Return the gradient as an array, which is valid until `clear`."""
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


def has_grad(tensor: Any) -> bool:
    """Tell whether a Tensor has a gradient, without making an array of gathered rows.

    Args:
        tensor: a Tensor.

    >>> from seqnn import Tensor
    >>> has_grad(Tensor([1.0], requires_grad=True))
    False
    """
    held = tensor._grad
    return held is not None and (type(held) is not Gathered or held.rows is not None)


def gathered(tensor: Any) -> Gathered | None:
    """Return the gradient of a Tensor as gathered rows, or None where there is none or it is an array.

    Args:
        tensor: a Tensor.

    >>> from seqnn import Tensor, ops
    >>> table = Tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    >>> ops.embedding([2, 2], table).sum().backward()
    >>> ids, sums = gathered(table).summed()
    >>> ids.tolist(), sums.tolist()
    ([2], [[2.0]])
    """
    held = tensor._grad
    return held if type(held) is Gathered and held.rows is not None else None


def grad_values(tensor: Any) -> np.ndarray | None:
    """Return the values of a Tensor's gradient (of gathered rows only those of the touched ones), or None without one.

    Args:
        tensor: a Tensor.

    >>> from seqnn import Tensor, ops
    >>> table = Tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    >>> ops.embedding([2, 2], table).sum().backward()
    >>> grad_values(table).tolist()
    [[2.0]]
    """
    held = tensor._grad
    if type(held) is not Gathered:
        return held
    return None if held.rows is None else held.summed()[1]


def grad_array(tensor: Any) -> np.ndarray:
    """Return the gradient of a Tensor that has one as an array; from gathered rows it is valid until they are cleared.

    Args:
        tensor: a Tensor.

    >>> from seqnn import Tensor, ops
    >>> table = Tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    >>> ops.embedding([2, 2], table).sum().backward()
    >>> grad_array(table).tolist()
    [[0.0], [0.0], [2.0]]
    """
    held = tensor._grad
    return held.table() if type(held) is Gathered else held
