"""Layers that multiply by a matrix, and the one that does nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ops
from .._arguments import flag
from .._config import get_isa
from ..autograd import Operand, Tensor
from . import _init
from ._module import Module
from ._parameter import Parameter, is_fixed, unfreezings


class Linear(Module):
    """A linear layer, x @ weight.T + bias: x [..., in_features] -> [..., out_features].

    In eval mode with frozen parameters (`model.eval()` and `model.freeze()`: the weight is read-only then) the layer
    keeps the weight packed, which saves packing it at each call.

    Args:
        in_features, out_features: the sizes of a row of x and of the result.
        bias: whether there is one.
        dtype: of the parameters.

    Attributes:
        weight: [out_features, in_features], uniform in +-1/sqrt(in_features) at first, as PyTorch's.
        bias: [out_features], drawn alike, or None.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.Linear(3, 2)
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    >>> layer(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    _packed: tuple[np.ndarray, str, np.ndarray, int] | None = None
    """The weight, the instruction set, what they gave, and `unfreezings` then."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype: npt.DTypeLike = np.float32
    ) -> None:
        bias = flag("Linear: bias", bias)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(np.empty((out_features, in_features), dtype))
        self.bias = Parameter(np.empty(out_features, dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        reset_uniform(self)

    def forward(self, x: Operand, residual: Operand | None = None, *, activation: str | None = None) -> Tensor:
        """Compute activation(x @ weight.T + bias) + residual in one pass; see `ops.linear`.

        Args:
            x: [..., in_features].
            residual: [..., out_features], or None.
            activation: a name that `ops.linear` takes, or None.

        Returns:
            [..., out_features].
        """
        packed = None if self.training else self._pack()
        try:
            return ops.linear(x, self.weight, self.bias, residual, activation=activation, packed=packed)
        except (ValueError, IndexError):
            if np.shape(x)[-1:] != (self.in_features,):
                raise ValueError(
                    f"x must have in_features={self.in_features} as its last axis, got shape {np.shape(x)}"
                ) from None
            raise

    def _pack(self) -> np.ndarray | None:
        """Return the packed weight if nobody can change the weight: see `is_fixed`."""
        weight = self.weight.data
        if not is_fixed(weight):
            return None
        isa, count = get_isa(), unfreezings()
        if self._packed is None or self._packed[0] is not weight or self._packed[1::2] != (isa, count):
            self._packed = weight, isa, ops.pack_weight(weight), count
        return self._packed[2]

    def _product_weights(self) -> tuple[str, ...]:
        return ("weight",)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_packed"}

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def reset_uniform(layer: Any) -> None:
    """Draw weight and bias as PyTorch's linear and convolution layers do: uniform in +-1/sqrt(fan_in)."""
    if layer.weight.size:
        _init.kaiming_uniform_(layer.weight, math.sqrt(5))
    if layer.bias is not None:
        bound = 1 / math.sqrt(max(1, math.prod(layer.weight.shape[1:])))
        _init.uniform_(layer.bias, -bound, bound)


class Identity(Module):
    """A layer that returns x itself.

    >>> from seqnn import nn
    >>> nn.Identity()(3)
    3
    """

    def forward(self, x: Any) -> Any:
        """Return x.

        Args:
            x: anything.

        Returns:
            x itself.
        """
        return x
