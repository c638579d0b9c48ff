"""Pooling layers, and Flatten."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..ops._conv import spread
from ._conv import Size
from ._module import Module


class _Pool(Module):
    axes: int

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, *, ceil_mode: bool = False
    ) -> None:
        name = type(self).__name__
        self.kernel_size = spread(name, "kernel_size", kernel_size, self.axes, 1)
        self.stride = self.kernel_size if stride is None else spread(name, "stride", stride, self.axes, 1)
        self.padding = spread(name, "padding", padding, self.axes, 0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise ValueError(f"{name}: padding must be at most half of kernel_size {self.kernel_size}, got {padding}")
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _MaxPool(_Pool):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode=ceil_mode)
        self.dilation = spread(type(self).__name__, "dilation", dilation, self.axes, 1)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class MaxPool1d(_MaxPool):
    """The largest value of each window along the last axis; the stride is kernel_size by default.

    Shapes: x [N, C, L] -> [N, C, (L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1], rounded up with
    ceil_mode (but every window begins inside). Padding is -infinity.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.MaxPool1d(2)(np.array([[[1, 3, 2, 0]]], np.float32)).numpy()
    array([[[3., 2.]]], dtype=float32)
    """

    axes = 1

    def forward(self, x: Any) -> Any:
        return ops.max_pool1d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class MaxPool2d(_MaxPool):
    """The largest value of each window along the last two axes of x [N, C, H, W]; see `MaxPool1d`."""

    axes = 2

    def forward(self, x: Any) -> Any:
        return ops.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class _AvgPool(_Pool):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        *,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode=ceil_mode)
        self.count_include_pad = count_include_pad


class AvgPool1d(_AvgPool):
    """The mean of each window along the last axis; the stride is kernel_size by default.

    Shapes as those of `MaxPool1d`. Padding is zero, and counts in the mean unless count_include_pad=False.
    """

    axes = 1

    def forward(self, x: Any) -> Any:
        return ops.avg_pool1d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class AvgPool2d(_AvgPool):
    """The mean of each window along the last two axes of x [N, C, H, W]; see `AvgPool1d`."""

    axes = 2

    def forward(self, x: Any) -> Any:
        return ops.avg_pool2d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class _AdaptiveAvgPool(Module):
    axes: int

    def __init__(self, output_size: Size) -> None:
        self.output_size = spread(type(self).__name__, "output_size", output_size, self.axes, 1)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The mean of `output_size` windows that cover x [N, C, L]: window i is [floor(i L / n), ceil((i + 1) L / n)).

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.AdaptiveAvgPool1d(2)(np.array([[[1, 2, 6]]], np.float32)).numpy()
    array([[[1.5, 4. ]]], dtype=float32)
    """

    axes = 1

    def forward(self, x: Any) -> Any:
        return ops.adaptive_avg_pool1d(x, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The mean of `output_size` windows that cover x [N, C, H, W], each axis as in `AdaptiveAvgPool1d`."""

    axes = 2

    def forward(self, x: Any) -> Any:
        return ops.adaptive_avg_pool2d(x, self.output_size)


class GlobalAvgPool(Module):
    """The mean over all axes behind the channels: [N, C, ...] -> [N, C].

    `mask` (bool, [N, ...]; True = take part) leaves places out, such as padding.
    """

    def forward(self, x: Any, mask: np.ndarray | None = None) -> Any:
        return ops.global_avg_pool(x, mask=mask)


class GlobalMaxPool(Module):
    """The largest value over all axes behind the channels: [N, C, ...] -> [N, C]; "max over time" (Kim 2014).

    `mask` (bool, [N, ...]; True = take part) leaves places out, such as padding.
    """

    def forward(self, x: Any, mask: np.ndarray | None = None) -> Any:
        return ops.global_max_pool(x, mask=mask)


class Flatten(Module):
    """Axes start_dim to end_dim (both included) as one.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.Flatten()(np.ones((2, 3, 4), np.float32)).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Any:
        return ops.flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
