"""Initialisers: they fill a Parameter, Tensor or array in place and return it; names and formulas are PyTorch's.

The draws come from `seqnn.random`'s process-wide generator: equal after equal `seqnn.random.seed`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, TypeVar

import numpy as np

from .. import random
from ..autograd import Tensor

T = TypeVar("T", Tensor, np.ndarray)
Mode = Literal["fan_in", "fan_out"]

_skipped: ContextVar[bool] = ContextVar("skipped", default=False)

_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor that keeps the variance through a nonlinearity.

    1 for linear, conv1d, conv2d and sigmoid, 5/3 for tanh, sqrt(2) for relu, sqrt(2 / (1 + slope^2)) for leaky_relu,
    3/4 for selu

    Args:
        nonlinearity: its name.
        param: the negative slope of leaky_relu; None is 0.01.

    Raises:
        ValueError: for another name.

    >>> from seqnn import nn
    >>> nn.init.calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"calculate_gain: nonlinearity {nonlinearity!r} is not one of {[*_GAINS, 'leaky_relu']}")
    return _GAINS[nonlinearity]


@contextmanager
def skipped() -> Iterator[None]:
    """Run a block in which initialisers leave arrays as they are: for a model whose weights are loaded next.

    Such a model takes no time and hardly any memory until then, whatever its size.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> with nn.init.skipped():
    ...     nn.init.ones_(np.zeros(2)).tolist()
    [0.0, 0.0]
    """
    token = _skipped.set(True)
    try:
        yield
    finally:
        _skipped.reset(token)


def is_skipped() -> bool:
    """Tell whether a block of `skipped` runs."""
    return _skipped.get()


def constant_(tensor: T, val: float) -> T:
    """Set every element to `val`.

    Args:
        tensor: a Parameter, Tensor or array to fill.
        val: the number.

    Returns:
        `tensor`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.init.constant_(np.empty(2), 3.0)
    array([3., 3.])
    """
    array = _array(tensor)
    if not _skipped.get():
        array[...] = val
    return tensor


def zeros_(tensor: T) -> T:
    """Set every element to 0.

    Args:
        tensor: a Parameter, Tensor or array to fill.

    Returns:
        `tensor`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.init.zeros_(np.empty(2))
    array([0., 0.])
    """
    return constant_(tensor, 0.0)


def ones_(tensor: T) -> T:
    """Set every element to 1.

    Args:
        tensor: a Parameter, Tensor or array to fill.

    Returns:
        `tensor`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.init.ones_(np.empty(2))
    array([1., 1.])
    """
    return constant_(tensor, 1.0)


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0) -> T:
    """Draw from the uniform distribution in [a, b).

    Args:
        tensor: a Parameter, Tensor or array to fill.
        a, b: the bounds.

    Returns:
        `tensor`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> w = nn.init.uniform_(np.empty((3, 4), np.float32), -1, 1)
    >>> bool(np.abs(w).max() <= 1)
    True
    """
    array = _array(tensor)
    if _skipped.get():
        return tensor
    seed, stream = random.next_key()
    array[...] = random.uniform(array.shape, a, b, seed=seed, stream=stream, dtype=array.dtype)
    return tensor


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0) -> T:
    """Draw from a normal distribution.

    Args:
        tensor: a Parameter, Tensor or array to fill.
        mean, std: of the distribution.

    Returns:
        `tensor`.

    Raises:
        ValueError: where `std` is negative.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> w = nn.init.normal_(np.empty((100, 100)), 5.0, 0.1)
    >>> bool(abs(w.mean() - 5) < 0.01)
    True
    """
    if not _skipped.get():
        _array(tensor)[...] = _normal(tensor, mean, std)
    return tensor


def trunc_normal_(tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> T:
    """Draw from a normal distribution, given that the number lies in [a, b]: others are drawn again.

    Args:
        tensor: a Parameter, Tensor or array to fill.
        mean, std: of the distribution before it is cut.
        a, b: the bounds themselves, not multiples of `std`.

    Returns:
        `tensor`.

    Raises:
        ValueError: for bounds that hold less than 1 % of the distribution.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> w = nn.init.trunc_normal_(np.empty(1000), a=-1.0, b=1.0)
    >>> bool(np.abs(w).max() <= 1)
    True
    """
    low, high = (0.5 * (1 + math.erf((x - mean) / (std * math.sqrt(2)))) for x in (a, b))
    if not high - low >= 0.01:
        raise ValueError(
            f"trunc_normal_: a={a}, b={b} hold {high - low:.2g} of N({mean}, {std}^2), expected 0.01 or more"
        )
    if _skipped.get():
        return tensor
    values = _normal(tensor, mean, std)
    flat = values.reshape(-1)
    outside = np.flatnonzero((flat < a) | (flat > b))
    while outside.size:
        again = _normal(outside.astype(flat.dtype), mean, std)
        flat[outside] = again
        outside = outside[(again < a) | (again > b)]
    _array(tensor)[...] = values
    return tensor


def xavier_uniform_(tensor: T, gain: float = 1.0) -> T:
    """Draw from the uniform distribution in [-r, r), r = gain * sqrt(6 / (fan_in + fan_out)).

    Args:
        tensor: a Parameter, Tensor or array to fill.
        gain: see `calculate_gain`.

    Returns:
        `tensor`.

    Raises:
        ValueError: for less than two axes.

    Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> w = nn.init.xavier_uniform_(np.empty((3, 3)))
    >>> bool(np.abs(w).max() <= 1)
    True
    """
    bound = gain * math.sqrt(6 / sum(_fans("xavier_uniform_", tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: T, gain: float = 1.0) -> T:
    """Draw from a normal distribution with std = gain * sqrt(2 / (fan_in + fan_out)).

    Args:
        tensor: a Parameter, Tensor or array to fill.
        gain: see `calculate_gain`.

    Returns:
        `tensor`.

    Raises:
        ValueError: for less than two axes.

    Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.init.xavier_normal_(np.empty((3, 3))).shape
    (3, 3)
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans("xavier_normal_", tensor))))


def kaiming_uniform_(tensor: T, a: float = 0.0, mode: Mode = "fan_in", nonlinearity: str = "leaky_relu") -> T:
    """Draw from the uniform distribution in [-r, r), r = gain * sqrt(3 / fan).

    Args:
        tensor: a Parameter, Tensor or array to fill.
        a: the negative slope, where `nonlinearity` is leaky_relu.
        mode: "fan_in" keeps the variance forward, "fan_out" backward.
        nonlinearity: see `calculate_gain`.

    Returns:
        `tensor`.

    Raises:
        ValueError: for less than two axes, or another mode or nonlinearity.

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> w = nn.init.kaiming_uniform_(np.empty((4, 6)))
    >>> bool(np.abs(w).max() <= 1)
    True
    """
    bound = math.sqrt(3) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: T, a: float = 0.0, mode: Mode = "fan_in", nonlinearity: str = "leaky_relu") -> T:
    """Draw from a normal distribution with std = gain / sqrt(fan).

    Args:
        tensor: a Parameter, Tensor or array to fill.
        a: the negative slope, where `nonlinearity` is leaky_relu.
        mode: "fan_in" keeps the variance forward, "fan_out" backward.
        nonlinearity: see `calculate_gain`.

    Returns:
        `tensor`.

    Raises:
        ValueError: for less than two axes, or another mode or nonlinearity.

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.init.kaiming_normal_(np.empty((4, 6))).shape
    (4, 6)
    """
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity))


def orthogonal_(tensor: T, gain: float = 1.0) -> T:
    """Draw rows (or columns, if these are shorter) of length `gain`, at right angles; axes after the first count as one.

    Args:
        tensor: a Parameter, Tensor or array to fill.
        gain: the length.

    Returns:
        `tensor`.

    Raises:
        ValueError: for less than two axes.

    Source: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning", ICLR 2014.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> w = nn.init.orthogonal_(np.empty((2, 3)))
    >>> np.allclose(w @ w.T, np.eye(2))
    True
    """
    array = _array(tensor)
    if array.ndim < 2:
        raise ValueError(f"orthogonal_: expected two axes or more, got shape {array.shape}")
    if array.size and not _skipped.get():
        draw = _generator().standard_normal((array.shape[0], array.size // array.shape[0]))
        tall = draw.T if draw.shape[0] < draw.shape[1] else draw
        q, r = np.linalg.qr(tall)
        q *= np.where(np.diag(r) < 0, -gain, gain)  # makes the distribution uniform
        array[...] = (q.T if tall is not draw else q).reshape(array.shape)
    return tensor


def _array(tensor: Tensor | np.ndarray) -> np.ndarray:
    array = tensor.data if isinstance(tensor, Tensor) else tensor
    if not isinstance(array, np.ndarray):
        got = (
            f"{type(tensor).__name__} of {array!r}, which keeps its numbers"
            if array is not tensor
            else type(tensor).__name__
        )
        raise TypeError(f"init: expected a Parameter, Tensor or array to fill, got {got}")
    if not array.flags.writeable:
        raise ValueError("init: the array is read-only; unfreeze the parameter first")
    return array


def _generator() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array(random.next_key(), np.uint64)))


def _normal(tensor: Tensor | np.ndarray, mean: float, std: float) -> np.ndarray:
    if not std >= 0:
        raise ValueError(f"init: std must be >= 0, got {std}")
    array = _array(tensor)
    values = _generator().standard_normal(array.shape, dtype=array.dtype)
    values *= std
    values += mean
    return values


def _fans(name: str, tensor: Tensor | np.ndarray) -> tuple[int, int]:
    """Count the inputs and outputs per unit of a weight [out, in, *kernel]."""
    shape = _array(tensor).shape
    if len(shape) < 2:
        raise ValueError(f"{name}: expected a weight [out, in, ...] of two axes or more, got shape {shape}")
    if 0 in shape:
        raise ValueError(f"{name}: the weight has no elements (shape {shape})")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _kaiming_std(name: str, tensor: Tensor | np.ndarray, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{name}: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = _fans(name, tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)
