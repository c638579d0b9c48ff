"""A Tensor that a model learns."""

from __future__ import annotations

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


def _rebuild(kind: type[Parameter], data: Any, requires_grad: bool, writeable: bool) -> Parameter:
    if isinstance(data, QuantizedWeight):
        parameter = kind(np.empty(0, np.float32), requires_grad)
        parameter.data = data  # type: ignore[assignment]
        return parameter
    if not writeable:
        data = np.require(data, requirements="O")
        data.flags.writeable = False
    return kind(data, requires_grad)
