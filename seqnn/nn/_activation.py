"""Activation functions as layers, for Sequential; the formulas stand at the functions of the same names in `seqnn.ops`."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..autograd import Operand, Tensor
from ._module import Module


class ReLU(Module):
    """A layer max(x, 0), for x of any shape.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.ReLU()(np.array([-1.0, 2.0])).numpy()
    array([0., 2.])
    """

    def forward(self, x: Operand) -> Tensor:
        """Compute the function of every element.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.relu(x)


class LeakyReLU(Module):
    """A layer that keeps x where it is positive, and takes negative_slope * x elsewhere.

    Args:
        negative_slope: the factor of negative numbers.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.LeakyReLU(0.1)(np.array([-1.0, 2.0])).numpy()
    array([-0.1,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Operand) -> Tensor:
        """Compute the function of every element.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class GELU(Module):
    """A layer that multiplies x by the normal distribution function of x.

    Args:
        approximate: "tanh" takes the older formula.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.GELU()(np.array([-1.0, 2.0])).numpy()
    array([-0.15865525,  1.95449974])
    """

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        self.approximate: Literal["none", "tanh"] = approximate

    def forward(self, x: Operand) -> Tensor:
        """Compute the function of every element.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.gelu(x, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """A layer x * sigmoid(x), for x of any shape.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.SiLU()(np.array([-1.0, 2.0])).numpy()
    array([-0.26894142,  1.76159416])
    """

    def forward(self, x: Operand) -> Tensor:
        """Compute the function of every element.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.silu(x)


class Sigmoid(Module):
    """A layer 1 / (1 + exp(-x)), for x of any shape.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.Sigmoid()(np.array([0.0, 1.0])).numpy()
    array([0.5       , 0.73105858])
    """

    def forward(self, x: Operand) -> Tensor:
        """Compute the function of every element.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.sigmoid(x)


class Tanh(Module):
    """A layer of the hyperbolic tangent, for x of any shape.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.Tanh()(np.array([0.0, 1.0])).numpy()
    array([0.        , 0.76159416])
    """

    def forward(self, x: Operand) -> Tensor:
        """Compute the function of every element.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.tanh(x)


class Softplus(Module):
    """A layer log(1 + exp(beta * x)) / beta, for x of any shape.

    Args:
        beta: how sharp the bend is.
        threshold: the result is x itself where beta * x is larger.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.Softplus()(np.array([0.0, 30.0])).numpy()
    array([ 0.69314718, 30.        ])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Operand) -> Tensor:
        """Compute the function of every element.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """A layer exp(x) / sum(exp(x)) along an axis.

    Args:
        axis: along which the probabilities add up to 1.
        dim: PyTorch's spelling of `axis`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.Softmax()(np.zeros((1, 4), np.float32)).numpy()
    array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)
    """

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        self.axis = axis if dim is None else dim

    def forward(self, x: Operand) -> Tensor:
        """Compute the function along the axis.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class LogSoftmax(Module):
    """A layer x - log(sum(exp(x))) along an axis.

    Args:
        axis: along which the probabilities add up to 1.
        dim: PyTorch's spelling of `axis`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.LogSoftmax()(np.array([1000.0, 0.0])).numpy()
    array([    0., -1000.])
    """

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        self.axis = axis if dim is None else dim

    def forward(self, x: Operand) -> Tensor:
        """Compute the function along the axis.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.log_softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class ELU(Module):
    """A layer that keeps x where it is positive, and takes alpha * (e^x - 1) elsewhere.

    Args:
        alpha: the limit for negative numbers is -alpha.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.ELU()(np.array([-1.0, 2.0])).numpy()
    array([-0.63212056,  2.        ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Operand) -> Tensor:
        """Compute the function of every element.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class GLU(Module):
    """A layer that gates one half of an axis by the other: a * sigmoid(b) with x = [a, b].

    Args:
        axis: the axis to halve.
        dim: PyTorch's spelling of `axis`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.GLU()(np.array([1.0, 2.0, 0.0, 0.0])).numpy()
    array([0.5, 1. ])
    """

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        self.axis = axis if dim is None else dim

    def forward(self, x: Operand) -> Tensor:
        """Gate the first half of the axis by the second.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor with half the elements along the axis.
        """
        return ops.glu(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"
