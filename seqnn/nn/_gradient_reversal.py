"""The layer that turns the gradient round."""

from __future__ import annotations

from .. import ops
from .._arguments import number
from ..autograd import Operand, Tensor
from ._module import Module


class GradientReversal(Module):
    """A layer that returns x itself, and multiplies the gradient of what comes before by -scale.

    Between features and a classifier of domains it makes features by which the domains cannot be told apart.

    Args:
        scale: see `ops.reverse_gradient`; it may be changed between steps, as from 0 to 1 in training.

    Raises:
        ValueError: where `scale` is negative or not finite.

    Source: Ganin, Lempitsky, "Unsupervised domain adaptation by backpropagation", ICML 2015.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> domains = nn.Sequential(nn.GradientReversal(0.1), nn.Linear(8, 2))
    >>> domains(np.ones((3, 8), np.float32)).shape
    (3, 2)
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = number("GradientReversal: scale", scale, minimum=0)

    def forward(self, x: Operand) -> Tensor:
        """Return x.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the same numbers.
        """
        return ops.reverse_gradient(x, scale=self.scale)

    def extra_repr(self) -> str:
        return f"scale={self.scale}"
