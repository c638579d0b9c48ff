"""The gradient with the other sign, for parts of a network that play against each other."""

from __future__ import annotations

from .._arguments import number
from ..autograd import op
from ._types import Array, Result


@op
def reverse_gradient(x: Array, *, scale: float = 1.0) -> Result:
    """Return x itself; the gradient of what comes before is multiplied by -scale.

    What comes after learns to lower a loss, and what comes before to raise it, in one step.

    Args:
        x: numbers, of any shape.
        scale: how much the raising counts, >= 0.

    Returns:
        An array of the shape of `x`.

    Raises:
        ValueError: where `scale` is negative or not finite.

    Source: Ganin, Lempitsky, "Unsupervised domain adaptation by backpropagation", ICML 2015.

    >>> from seqnn import Tensor, ops
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> ops.reverse_gradient(x, scale=0.5).sum().backward()
    >>> x.grad
    array([-0.5, -0.5], dtype=float32)
    """
    factor = -number("reverse_gradient: scale", scale, minimum=0)
    return x, lambda grad: factor * grad
