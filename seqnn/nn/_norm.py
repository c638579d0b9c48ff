"""Layers that bring the mean to 0 and the variance to 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import ops
from .._arguments import flag, number
from ..autograd import Operand, Tensor
from . import _init
from ._module import Module
from ._parameter import Parameter


class LayerNorm(Module):
    """A norm of the trailing axes: (x - mean) / sqrt(variance + eps) * weight + bias.

    Args:
        normalized_shape: the sizes of these axes.
        eps: added to the variance.
        elementwise_affine: whether there are weight and bias.
        bias: whether there is a bias.
        dtype: of the parameters.

    Attributes:
        weight: of the shape `normalized_shape`, ones at first, or None.
        bias: of the shape `normalized_shape`, zeros at first, or None.

    Source: Ba, Kiros, Hinton, "Layer normalization", 2016.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.LayerNorm(2, eps=0)(np.array([[1.0, 3.0]], np.float32)).numpy()
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        elementwise_affine = flag("LayerNorm: elementwise_affine", elementwise_affine)
        bias = flag("LayerNorm: bias", bias)
        self.normalized_shape, self.eps = _shape(normalized_shape), number("LayerNorm: eps", eps, minimum=0)
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def reset_parameters(self) -> None:
        """Set weight 1 and bias 0 again."""
        _reset(self.weight, self.bias)

    def forward(self, x: Operand, residual: Operand | None = None) -> Tensor:
        """Normalise x + residual.

        Args:
            x: [..., *normalized_shape].
            residual: of the shape of `x`, or None.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.layer_norm(x, self.weight, self.bias, self.eps, residual, normalized_shape=self.normalized_shape)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


class RMSNorm(Module):
    """A norm of the trailing axes: x / sqrt(mean of x^2 + eps) * weight.

    Args:
        normalized_shape: the sizes of these axes.
        eps: added to the mean square; None is the machine epsilon of the dtype.
        elementwise_affine: whether there is a weight.
        dtype: of the parameter.

    Attributes:
        weight: of the shape `normalized_shape`, ones at first, or None.

    Source: Zhang, Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.RMSNorm(2, eps=0)(np.array([[3.0, -3.0]], np.float32)).numpy()
    array([[ 1., -1.]], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        elementwise_affine = flag("RMSNorm: elementwise_affine", elementwise_affine)
        self.normalized_shape = _shape(normalized_shape)
        self.eps = None if eps is None else number("RMSNorm: eps", eps, minimum=0)
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None

    def reset_parameters(self) -> None:
        """Set weight 1 again."""
        _reset(self.weight, None)

    def forward(self, x: Operand, residual: Operand | None = None) -> Tensor:
        """Normalise x + residual.

        Args:
            x: [..., *normalized_shape].
            residual: of the shape of `x`, or None.

        Returns:
            A Tensor of the shape of `x`.
        """
        return ops.rms_norm(x, self.weight, self.eps, residual, normalized_shape=self.normalized_shape)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


class _BatchNorm(Module):
    """A norm of each channel over the batch, for x of as many axes as `dimensions` says."""

    dimensions: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        name = type(self).__name__
        affine, bias = flag(f"{name}: affine", affine), flag(f"{name}: bias", bias)
        tracked = flag(f"{name}: track_running_stats", track_running_stats)
        self.num_features, self.momentum, self.eps = num_features, momentum, number(f"{name}: eps", eps, minimum=0)
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine and bias else None
        self.register_buffer("running_mean", np.zeros(num_features, dtype) if tracked else None)
        self.register_buffer("running_var", np.ones(num_features, dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", np.zeros((), np.int64) if tracked else None)

    def reset_parameters(self) -> None:
        """Set weight 1 and bias 0 again, and forget the running statistics."""
        _reset(self.weight, self.bias)
        if self.running_mean is not None:
            self.running_mean[...] = self.num_batches_tracked[...] = 0
            self.running_var[...] = 1

    def forward(self, x: Operand) -> Tensor:
        """Normalise each channel.

        Args:
            x: [N, num_features, ...].

        Returns:
            A Tensor of the shape of `x`.
        """
        if np.ndim(x) not in self.dimensions or np.shape(x)[1] != self.num_features:
            shapes = " or ".join(str(["N", self.num_features, "L", "W"][:n]).replace("'", "") for n in self.dimensions)
            raise ValueError(f"x must have shape {shapes.replace('L, W', 'H, W')}, got {np.shape(x)}")
        momentum = self.momentum
        if self.training and self.running_mean is not None:
            self.num_batches_tracked += 1
            if momentum is None:
                momentum = 1 / float(self.num_batches_tracked)
        return ops.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            momentum or 0.0,
            self.eps,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.weight is not None}, "
            f"track_running_stats={self.running_mean is not None}"
        )


class BatchNorm1d(_BatchNorm):
    """A norm of each channel of x [N, C] or [N, C, L]: (x - mean) / sqrt(variance + eps) * weight + bias.

    In training, mean and variance are those of the batch, and the running ones move towards them:
    running = (1 - momentum) * running + momentum * batch (unbiased variance). In eval mode the running ones are used.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the share of the batch in the new running statistics; None averages over all batches.
        affine: whether there are weight and bias.
        track_running_stats: False always uses the statistics of the batch.
        bias: whether there is a bias.
        dtype: of the parameters.

    Attributes:
        weight: [C], ones at first, or None.
        bias: [C], zeros at first, or None.
        running_mean, running_var: buffers [C], or None.
        num_batches_tracked: a buffer, the number of batches seen in training, or None.

    Source: Ioffe, Szegedy, "Batch normalization", ICML 2015.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.BatchNorm1d(1, eps=0)
    >>> layer(np.array([[1.0], [3.0]], np.float32)).numpy().ravel()
    array([-1.,  1.], dtype=float32)
    >>> layer.running_mean
    array([0.2], dtype=float32)
    """

    dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """A norm of each channel of x [N, C, H, W], as `BatchNorm1d`.

    Args:
        num_features, eps, momentum, affine, track_running_stats, bias, dtype: as for `BatchNorm1d`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.BatchNorm2d(3)(np.ones((2, 3, 4, 4), np.float32)).shape
    (2, 3, 4, 4)
    """

    dimensions = (4,)


class GroupNorm(Module):
    """A norm of groups of channels of x [N, C, ...]: (x - mean) / sqrt(variance + eps) * weight + bias.

    Args:
        num_groups: how many groups the channels form.
        num_channels: C, a multiple of `num_groups`.
        eps: added to the variance.
        affine: whether there are weight and bias.
        bias: whether there is a bias.
        dtype: of the parameters.

    Attributes:
        weight: [C], ones at first, or None.
        bias: [C], zeros at first, or None.

    Raises:
        ValueError: where `num_groups` does not divide `num_channels`, or eps is negative.

    Source: Wu, He, "Group normalization", ECCV 2018.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.GroupNorm(2, 4, eps=0)(np.array([[1.0, 3.0, 10.0, 30.0]], np.float32)).numpy().tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_channels={num_channels} is no multiple of num_groups={num_groups}")
        affine, bias = flag("GroupNorm: affine", affine), flag("GroupNorm: bias", bias)
        self.num_groups, self.num_channels = num_groups, num_channels
        self.eps = number("GroupNorm: eps", eps, minimum=0)
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine and bias else None

    def reset_parameters(self) -> None:
        """Set weight 1 and bias 0 again."""
        _reset(self.weight, self.bias)

    def forward(self, x: Operand) -> Tensor:
        """Normalise each group of channels.

        Args:
            x: [N, num_channels, ...].

        Returns:
            A Tensor of the shape of `x`.
        """
        if np.ndim(x) < 2 or np.shape(x)[1] != self.num_channels:
            raise ValueError(f"x must have shape [N, {self.num_channels}, ...], got {np.shape(x)}")
        return ops.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.weight is not None}"


def _shape(normalized_shape: int | tuple[int, ...]) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


def _reset(weight: Parameter | None, bias: Parameter | None) -> None:
    if weight is not None:
        _init.ones_(weight)
    if bias is not None:
        _init.zeros_(bias)
