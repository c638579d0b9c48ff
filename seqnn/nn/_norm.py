"""Layers that bring the mean to 0 and the variance to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ops
from . import _init
from ._module import Module
from ._parameter import Parameter


class LayerNorm(Module):
    """(x - mean) / sqrt(variance + eps) * weight + bias over the trailing axes `normalized_shape`.

    Parameters: `weight` (ones) and `bias` (zeros) of that shape; none with elementwise_affine=False, no bias with
    bias=False. Source: Ba, Kiros, Hinton, "Layer Normalization", 2016.

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
        self.normalized_shape, self.eps = _shape(normalized_shape), eps
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def reset_parameters(self) -> None:
        """Weight 1 and bias 0 again."""
        _reset(self.weight, self.bias)

    def forward(self, x: Any, residual: Any = None) -> Any:
        """The norm of x + residual."""
        return ops.layer_norm(x, self.weight, self.bias, self.eps, residual, normalized_shape=self.normalized_shape)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


class RMSNorm(Module):
    """x / sqrt(mean of x^2 + eps) * weight over the trailing axes `normalized_shape`.

    Parameters: `weight` (ones) of that shape, none with elementwise_affine=False; `eps` defaults to the machine epsilon
    of the dtype. Source: Zhang, Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019.

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
        self.normalized_shape, self.eps = _shape(normalized_shape), eps
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None

    def reset_parameters(self) -> None:
        """Weight 1 again."""
        _reset(self.weight, None)

    def forward(self, x: Any, residual: Any = None) -> Any:
        """The norm of x + residual."""
        return ops.rms_norm(x, self.weight, self.eps, residual, normalized_shape=self.normalized_shape)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"


class _BatchNorm(Module):
    dimensions: tuple[int, ...]  # how many axes x may have

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine else None
        tracked = track_running_stats
        self.register_buffer("running_mean", np.zeros(num_features, dtype) if tracked else None)
        self.register_buffer("running_var", np.ones(num_features, dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", np.zeros((), np.int64) if tracked else None)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and the running statistics forgotten."""
        _reset(self.weight, self.bias)
        if self.running_mean is not None:
            self.running_mean[...] = self.num_batches_tracked[...] = 0
            self.running_var[...] = 1

    def forward(self, x: Any) -> Any:
        if x.ndim not in self.dimensions or x.shape[1] != self.num_features:
            shapes = " or ".join(str(["N", self.num_features, "L", "W"][:n]).replace("'", "") for n in self.dimensions)
            raise ValueError(f"x must have shape {shapes.replace('L, W', 'H, W')}, got {x.shape}")
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
    """(x - mean) / sqrt(variance + eps) * weight + bias, per channel of x [N, C] or [N, C, L].

    In training, mean and variance are those of the batch, and the running ones move towards them:
    running = (1 - momentum) * running + momentum * batch (unbiased variance); momentum=None averages over all batches.
    In eval mode the running ones are used, without track_running_stats always those of the batch.
    Parameters: `weight` (ones), `bias` (zeros), none with affine=False; buffers `running_mean`, `running_var`,
    `num_batches_tracked`. Source: Ioffe, Szegedy, "Batch Normalization", ICML 2015.

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
    """As `BatchNorm1d`, per channel of x [N, C, H, W].

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.BatchNorm2d(3)(np.ones((2, 3, 4, 4), np.float32)).shape
    (2, 3, 4, 4)
    """

    dimensions = (4,)


def _shape(normalized_shape: int | tuple[int, ...]) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


def _reset(weight: Parameter | None, bias: Parameter | None) -> None:
    if weight is not None:
        _init.ones_(weight)
    if bias is not None:
        _init.zeros_(bias)
