"""The names that the signatures of this package are written with.

A function of this package computes on arrays, and its annotations say so. `Array` among them means more to a caller: a
Tensor, or anything that NumPy makes an array of, may be given in its place, and with a Tensor among the arguments the result
is one. `__init__.pyi` tells type checkers that; it is made from the annotations by `python tests/typing/ops_stub.py`.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

Array = np.ndarray
Backward = Callable[[Any], Any]
Result = tuple[Array, Backward]

Axis = int | tuple[int, ...] | None
Reduction = Literal["mean", "sum", "none"]
