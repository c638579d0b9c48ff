"""Pooling layers, and Flatten."""

from __future__ import annotations

import numpy as np

from .. import ops
from .._arguments import each_axis, flag
from ..autograd import Operand, Tensor
from ._conv import Size
from ._module import Module


class _Pool(Module):
    """A pooling of windows over `axes` axes."""

    axes: int

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, *, ceil_mode: bool = False
    ) -> None:
        name = type(self).__name__
        ceil_mode = flag(f"{name}: ceil_mode", ceil_mode)
        self.kernel_size = each_axis(name, "kernel_size", kernel_size, self.axes, 1)
        self.stride = self.kernel_size if stride is None else each_axis(name, "stride", stride, self.axes, 1)
        self.padding = each_axis(name, "padding", padding, self.axes, 0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise ValueError(f"{name}: padding must be at most half of kernel_size {self.kernel_size}, got {padding}")
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _MaxPool(_Pool):
    """A pooling by the largest element."""

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
        self.dilation = each_axis(type(self).__name__, "dilation", dilation, self.axes, 1)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class MaxPool1d(_MaxPool):
    """A pooling by the largest value of each window along the last axis.

    x [N, C, L] -> [N, C, (L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1]

    Args:
        kernel_size: elements of a window.
        stride: the step from one window to the next; None is `kernel_size`.
        padding: places of -infinity on both sides, at most half of the window.
        dilation: the step from one element of a window to the next.
        ceil_mode: round the size up; but every window begins inside.

    Raises:
        ValueError: for sizes that do not fit.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.MaxPool1d(2)(np.array([[[1, 3, 2, 0]]], np.float32)).numpy()
    array([[[3., 2.]]], dtype=float32)
    """

    axes = 1

    def forward(self, x: Operand) -> Tensor:
        """Pool.

        Args:
            x: [N, C, L], or [C, L].

        Returns:
            [N, C, L'], or [C, L'].
        """
        return ops.max_pool1d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class MaxPool2d(_MaxPool):
    """A pooling by the largest value of each window along the last two axes of x [N, C, H, W].

    Args:
        kernel_size, stride, padding, dilation: as for `MaxPool1d`, one number or (height, width).
        ceil_mode: as for `MaxPool1d`.

    Raises:
        ValueError: for sizes that do not fit.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).numpy()[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """

    axes = 2

    def forward(self, x: Operand) -> Tensor:
        """Pool.

        Args:
            x: [N, C, H, W], or [C, H, W].

        Returns:
            [N, C, H', W'], or [C, H', W'].
        """
        return ops.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class _AvgPool(_Pool):
    """A pooling by the mean."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode=ceil_mode)
        self.count_include_pad = flag(f"{type(self).__name__}: count_include_pad", count_include_pad)
        self.divisor_override = divisor_override


class AvgPool1d(_AvgPool):
    """A pooling by the mean of each window along the last axis; shapes are those of `MaxPool1d`.

    Args:
        kernel_size, stride, ceil_mode: as for `MaxPool1d`.
        padding: zeros on both sides, at most half of the window.
        count_include_pad: whether the padding counts in the mean.
        divisor_override: what the sum of a window is divided by; None is the number of its elements.

    Raises:
        ValueError: for sizes that do not fit.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.AvgPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0]]])).numpy()
    array([[[2., 1.]]])
    """

    axes = 1

    def forward(self, x: Operand) -> Tensor:
        """Pool.

        Args:
            x: [N, C, L], or [C, L].

        Returns:
            [N, C, L'], or [C, L'].
        """
        return ops.avg_pool1d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_AvgPool):
    """A pooling by the mean of each window along the last two axes of x [N, C, H, W].

    Args:
        kernel_size, stride, padding: as for `AvgPool1d`, one number or (height, width).
        ceil_mode, count_include_pad, divisor_override: as for `AvgPool1d`.

    Raises:
        ValueError: for sizes that do not fit.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).numpy()[0, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """

    axes = 2

    def forward(self, x: Operand) -> Tensor:
        """Pool.

        Args:
            x: [N, C, H, W], or [C, H, W].

        Returns:
            [N, C, H', W'], or [C, H', W'].
        """
        return ops.avg_pool2d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class _AdaptiveAvgPool(Module):
    """A pooling by the means of windows that cover `axes` axes evenly."""

    axes: int

    def __init__(self, output_size: Size | tuple[int | None, ...] | None) -> None:
        name = type(self).__name__
        given = (output_size,) if isinstance(output_size, int | None) else tuple(output_size)
        sizes = each_axis(name, "output_size", [1 if n is None else n for n in given], self.axes, 1)
        self.output_size = tuple(None if n is None else size for n, size in zip(given * self.axes, sizes, strict=False))

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """A pooling by the means of windows that cover x [N, C, L] evenly.

    Window i of n is [floor(i L / n), ceil((i + 1) L / n)).

    Args:
        output_size: n, the number of windows.

    Raises:
        ValueError: for a size that is not positive.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.AdaptiveAvgPool1d(2)(np.array([[[1, 2, 6]]], np.float32)).numpy()
    array([[[1.5, 4. ]]], dtype=float32)
    """

    axes = 1

    def forward(self, x: Operand) -> Tensor:
        """Pool.

        Args:
            x: [N, C, L], or [C, L].

        Returns:
            [N, C, L'], or [C, L'].
        """
        return ops.adaptive_avg_pool1d(x, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """A pooling by the means of windows that cover x [N, C, H, W] evenly, each axis as in `AdaptiveAvgPool1d`.

    Args:
        output_size: the numbers of windows, one for both axes or (height, width); None keeps the size of an axis.

    Raises:
        ValueError: for a size that is not positive.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.AdaptiveAvgPool2d(1)(np.arange(6.0).reshape(1, 1, 2, 3)).numpy()
    array([[[[2.5]]]])
    """

    axes = 2

    def forward(self, x: Operand) -> Tensor:
        """Pool.

        Args:
            x: [N, C, H, W], or [C, H, W].

        Returns:
            [N, C, H', W'], or [C, H', W'].
        """
        return ops.adaptive_avg_pool2d(x, self.output_size)


class GlobalAvgPool(Module):
    """A mean over all axes after the channels: [N, C, ...] -> [N, C].

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.GlobalAvgPool()(np.array([[[1.0, 3.0, 9.0]]]), mask=np.array([[True, True, False]])).numpy()
    array([[2.]])
    """

    def forward(self, x: Operand, mask: np.ndarray | None = None) -> Tensor:
        """Take the mean of the places that take part.

        Args:
            x: [N, C, ...].
            mask: booleans [N, ...], True = take part; None is all.

        Returns:
            [N, C].
        """
        return ops.global_avg_pool(x, mask=mask)


class GlobalMaxPool(Module):
    """A maximum over all axes after the channels, [N, C, ...] -> [N, C]: "max over time".

    Source: Kim, "Convolutional neural networks for sentence classification", EMNLP 2014.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.GlobalMaxPool()(np.array([[[1.0, 3.0, 9.0]]]), mask=np.array([[True, True, False]])).numpy()
    array([[3.]])
    """

    def forward(self, x: Operand, mask: np.ndarray | None = None) -> Tensor:
        """Take the largest of the places that take part.

        Args:
            x: [N, C, ...].
            mask: booleans [N, ...], True = take part; None is all.

        Returns:
            [N, C].
        """
        return ops.global_max_pool(x, mask=mask)


class Flatten(Module):
    """A layer that makes one axis of several.

    Args:
        start_dim, end_dim: the first and the last of these axes, both included.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.Flatten()(np.ones((2, 3, 4), np.float32)).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Operand) -> Tensor:
        """Make one axis of several.

        Args:
            x: an array.

        Returns:
            A Tensor with the elements of `x`.
        """
        return ops.flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
