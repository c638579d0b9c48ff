"""A Tensor that a model learns."""

from __future__ import annotations

import threading
from mmap import mmap
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..ops import QuantizedWeight


class Parameter(Tensor):
    """A leaf Tensor with requires_grad=True that a `Module` finds among its attributes.

    Copies and pickles hold the array, `requires_grad` and whether it is frozen, but neither gradients nor hooks. An array
    that does not lie in memory in C order, such as a transposed one, or that has the byte order of another machine, is
    copied: optimisers change it in place.

    Args:
        data: an array, or what NumPy makes an array of.
        requires_grad: whether it is learnt.

    >>> from seqnn import nn
    >>> nn.Parameter([1.0, 2.0])
    Parameter([1., 2.], dtype=float32, requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)
        if not (self.data.flags.c_contiguous and self.data.dtype.isnative):
            self.data = self.data.astype(self.data.dtype.newbyteorder("="), order="C")

    def __reduce__(self) -> tuple:
        return _rebuild, (type(self), self.data, self.requires_grad, self.data.flags.writeable)

    def __repr__(self) -> str:
        return super().__repr__().replace("Tensor", "Parameter", 1)


_unfreezings = 0
_counting = threading.Lock()


def count_unfreezing() -> None:
    """Count that a read-only array becomes writable: the same array may be read-only again with other numbers."""
    global _unfreezings
    with _counting:
        _unfreezings += 1


def unfreezings() -> int:
    """Return how often read-only arrays became writable: what is made of fixed ones holds as long as this is the same."""
    return _unfreezings


def is_fixed(array: np.ndarray) -> bool:
    """Tell whether nobody can change an array: it is read-only, as is what it is a view of, if that is not a mapped file.

    >>> import numpy as np
    >>> from seqnn.nn._parameter import is_fixed
    >>> array = np.ones(3)
    >>> array.flags.writeable = False
    >>> is_fixed(array), is_fixed(array[1:]), is_fixed(np.ones(3))
    (True, True, False)
    """
    if array.flags.writeable:
        return False
    base: Any = array
    while isinstance(base, np.ndarray) and not base.flags.writeable:
        if base.flags.owndata:
            return True
        base = base.base
    root = base.base if isinstance(base, np.ndarray) else base
    return isinstance(root.obj if isinstance(root, memoryview) else root, mmap)


def _rebuild(kind: type[Parameter], data: Any, requires_grad: bool, writeable: bool) -> Parameter:
    if isinstance(data, QuantizedWeight):
        parameter = kind(np.empty(0, np.float32), requires_grad)
        parameter.data = data  # type: ignore[assignment]
        return parameter
    if not writeable:
        data = np.require(data, requirements="O")
        data.flags.writeable = False
    return kind(data, requires_grad)
