"""Convolution layers."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .. import ops
from .._arguments import each_axis, flag
from ..autograd import Operand, Tensor
from ._linear import reset_uniform
from ._module import Module
from ._parameter import Parameter

Size = int | tuple[int, ...]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}  # of `ops.pad`


class Convolution(Module):
    """What convolutions over `axes` axes and their transposes have in common: channels, sizes and parameters."""

    axes: int
    weight: Parameter
    bias: Parameter | None

    def _set(self, in_channels: int, out_channels: int, groups: int, **sizes: Size) -> None:
        """Check channels and groups, and keep them with the sizes, a number for each axis."""
        name = type(self).__name__
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: in_channels={in_channels} and out_channels={out_channels} must be multiples of groups={groups}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (
            each_axis(name, size, sizes[size], self.axes, 1) for size in ("kernel_size", "stride", "dilation")
        )

    def _make(self, rows: int, columns: int, bias: bool, dtype: npt.DTypeLike) -> None:
        """Make the parameters."""
        self.weight = Parameter(np.empty((rows, columns, *self.kernel_size), dtype))
        self.bias = Parameter(np.empty(self.out_channels, dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        reset_uniform(self)

    def _shown(self, **more: str) -> str:
        """Return what `repr` says, with further options where they are given."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        parts += [f"{name}={text}" for name, text in more.items()]
        if self.dilation != (1,) * self.axes:
            parts.append(f"dilation={self.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        return ", ".join(parts)


class _Conv(Convolution):
    """A convolution over `axes` axes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        bias = flag(f"{type(self).__name__}: bias", bias)
        if padding_mode not in _MODES:
            names = ", ".join(map(repr, _MODES))
            raise ValueError(f"{type(self).__name__}: padding_mode is one of {names}, got {padding_mode!r}")
        self._set(in_channels, out_channels, groups, kernel_size=kernel_size, stride=stride, dilation=dilation)
        if isinstance(padding, str) and padding not in ("valid", "same"):
            raise ValueError(f"{type(self).__name__}: padding must be 'valid', 'same' or sizes, got {padding!r}")
        self.padding = (
            padding if isinstance(padding, str) else each_axis(type(self).__name__, "padding", padding, self.axes, 0)
        )
        self.padding_mode = padding_mode
        self._make(out_channels, in_channels // groups, bias, dtype)

    def _padded(self, x: Operand) -> tuple[Any, Any]:
        """Return x and the padding that the convolution makes: none where x has its padding already."""
        if self.padding_mode == "zeros" or self.padding == "valid":
            return x, self.padding
        totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        ends = [(t // 2, t - t // 2) for t in totals] if self.padding == "same" else [(p, p) for p in self.padding]
        pairs = [(0, 0)] * (np.ndim(x) - self.axes) + ends
        return ops.pad(x, pairs, _MODES[self.padding_mode]), 0

    def extra_repr(self) -> str:
        more = {} if self.padding in ("valid", (0,) * self.axes) else {"padding": str(self.padding)}
        if self.padding_mode != "zeros":
            more["padding_mode"] = repr(self.padding_mode)
        return self._shown(**more)


class Conv1d(_Conv):
    """A convolution (cross-correlation) along the last axis, plus bias; `ops.conv1d` says the formula.

    x [N, in_channels, L] -> [N, out_channels, (L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1]

    Args:
        in_channels, out_channels: how many channels go in and come out; multiples of `groups`.
        kernel_size: elements of a window.
        stride: the step from one window to the next.
        padding: zeros on both sides; "same" keeps the length (stride 1), "valid" is 0.
        dilation: the step from one element of a window to the next.
        groups: how many parts of the channels are convolved by themselves.
        bias: whether there is one.
        padding_mode: "zeros", "reflect", "replicate" or "circular"; see `ops.pad`.
        dtype: of the parameters.

    Attributes:
        weight: [out_channels, in_channels / groups, kernel_size], uniform in +-1/sqrt(fan_in) at first, as PyTorch's.
        bias: [out_channels], drawn alike, or None.

    Raises:
        ValueError: for sizes that do not fit.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.Conv1d(3, 8, 5, padding=2)(np.ones((2, 3, 10), np.float32)).shape
    (2, 8, 10)
    """

    axes = 1

    def forward(self, x: Operand) -> Tensor:
        """Convolve.

        Args:
            x: [N, in_channels, L], or [in_channels, L] for a single sample.

        Returns:
            [N, out_channels, L'], or [out_channels, L'].
        """
        x, padding = self._padded(x)
        return ops.conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """A convolution (cross-correlation) along the last two axes, plus bias.

    x [N, in_channels, H, W] -> [N, out_channels, H', W'], each axis as that of `Conv1d`

    Args:
        in_channels, out_channels, groups, bias, padding_mode, dtype: as for `Conv1d`.
        kernel_size, stride, padding, dilation: as for `Conv1d`, one number or (height, width).

    Attributes:
        weight: [out_channels, in_channels / groups, *kernel_size], uniform in +-1/sqrt(fan_in) at first, as PyTorch's.
        bias: [out_channels], drawn alike, or None.

    Raises:
        ValueError: for sizes that do not fit.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.Conv2d(3, 8, (3, 1), stride=2)(np.ones((2, 3, 9, 9), np.float32)).shape
    (2, 8, 4, 5)
    """

    axes = 2

    def forward(self, x: Operand) -> Tensor:
        """Convolve.

        Args:
            x: [N, in_channels, H, W], or [in_channels, H, W] for a single sample.

        Returns:
            [N, out_channels, H', W'], or [out_channels, H', W'].
        """
        x, padding = self._padded(x)
        return ops.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
