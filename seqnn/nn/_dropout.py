"""Dropout."""

from __future__ import annotations

from numbers import Real

from .. import ops
from ..autograd import Operand, Tensor
from ._module import Module


class Dropout(Module):
    """A layer that in training drops elements with probability p and divides the others by 1 - p; in eval mode x itself.

    The draws come from `seqnn.random`'s process-wide generator (`seqnn.random.seed`).

    Args:
        p: the probability that an element is dropped.

    Raises:
        ValueError: unless 0 <= p <= 1.

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.Dropout(0.5)
    >>> x = np.ones(1000, np.float32)
    >>> sorted(set(layer(x).numpy().tolist())), set(layer.eval()(x).numpy().tolist())
    ([0.0, 2.0], {1.0})
    """

    def __init__(self, p: float = 0.5) -> None:
        if not isinstance(p, Real) or not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be a probability, got {p}")
        self.p = p

    def forward(self, x: Operand) -> Tensor:
        """Drop elements, in training mode.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.dropout(x, self.p, training=self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
