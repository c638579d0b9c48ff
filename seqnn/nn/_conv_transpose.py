"""Transposed convolution layers, which make sequences longer and images larger."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .. import ops
from .._arguments import each_axis, flag
from ..autograd import Operand, Tensor
from ._conv import Convolution, Size


class _ConvTranspose(Convolution):
    """A transposed convolution over `axes` axes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        name = type(self).__name__
        bias = flag(f"{name}: bias", bias)
        self._set(in_channels, out_channels, groups, kernel_size=kernel_size, stride=stride, dilation=dilation)
        self.padding = each_axis(name, "padding", padding, self.axes, 0)
        self.output_padding = each_axis(name, "output_padding", output_padding, self.axes, 0)
        self._make(in_channels, out_channels // groups, bias, dtype)

    def _padding_for(self, x: Operand, output_size: int | Sequence[int] | None) -> tuple[int, ...]:
        """Return the output padding that gives `output_size`; without one, that of the layer."""
        if output_size is None:
            return self.output_padding
        name = f"conv_transpose{self.axes}d"
        last = output_size if np.ndim(output_size) == 0 else tuple(output_size)[-self.axes :]  # type: ignore[arg-type]
        wanted = each_axis(name, "output_size", last, self.axes, 1)
        smallest = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                np.shape(x)[-self.axes :], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        ]
        largest = [n + s - 1 for n, s in zip(smallest, self.stride, strict=True)]
        if any(not a <= n <= b for a, n, b in zip(smallest, wanted, largest, strict=True)):
            raise ValueError(f"output_size must lie between {smallest} and {largest}, got {output_size!r}")
        return tuple(n - a for a, n in zip(smallest, wanted, strict=True))

    def extra_repr(self) -> str:
        none = (0,) * self.axes
        given = {"padding": self.padding, "output_padding": self.output_padding}
        return self._shown(**{name: str(size) for name, size in given.items() if size != none})


class ConvTranspose1d(_ConvTranspose):
    """A transposed convolution along the last axis, plus bias; `ops.conv_transpose1d` says the formula.

    x [N, in_channels, L] -> [N, out_channels, L'] with
    L' = (L - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1

    Args:
        in_channels, out_channels: how many channels go in and come out; multiples of `groups`.
        kernel_size: elements of a window.
        stride: the step from the window of one element to that of the next.
        padding: how many elements are left out at either end of the result.
        output_padding: how many elements the result has more at its end; less than `stride` or than `dilation`.
        groups: how many parts of the channels are convolved by themselves.
        bias: whether there is one.
        dilation: the step from one element of a window to the next.
        dtype: of the parameters.

    Attributes:
        weight: [in_channels, out_channels / groups, kernel_size], uniform in +-1/sqrt(out_channels / groups * kernel_size)
            at first, as PyTorch's.
        bias: [out_channels], drawn alike, or None.

    Raises:
        ValueError: for sizes that do not fit.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.ConvTranspose1d(3, 8, 4, stride=2, padding=1)(np.ones((2, 3, 10), np.float32)).shape
    (2, 8, 20)
    """

    axes = 1

    def forward(self, x: Operand, output_size: int | Sequence[int] | None = None) -> Tensor:
        """Convolve.

        Args:
            x: [N, in_channels, L], or [in_channels, L] for a single sample.
            output_size: L', where several lengths become the same L by the convolution; default: `output_padding` decides.

        Returns:
            [N, out_channels, L'], or [out_channels, L'].
        """
        more = self._padding_for(x, output_size)
        return ops.conv_transpose1d(
            x, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )


class ConvTranspose2d(_ConvTranspose):
    """A transposed convolution along the last two axes, plus bias.

    x [N, in_channels, H, W] -> [N, out_channels, H', W'], each axis as that of `ConvTranspose1d`

    Args:
        in_channels, out_channels, groups, bias, dtype: as for `ConvTranspose1d`.
        kernel_size, stride, padding, output_padding, dilation: as for `ConvTranspose1d`, one number or (height, width).

    Attributes:
        weight: [in_channels, out_channels / groups, *kernel_size], drawn as that of `ConvTranspose1d`.
        bias: [out_channels], drawn alike, or None.

    Raises:
        ValueError: for sizes that do not fit.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.ConvTranspose2d(3, 8, 4, stride=2, padding=1)(np.ones((2, 3, 5, 6), np.float32)).shape
    (2, 8, 10, 12)
    """

    axes = 2

    def forward(self, x: Operand, output_size: int | Sequence[int] | None = None) -> Tensor:
        """Convolve.

        Args:
            x: [N, in_channels, H, W], or [in_channels, H, W] for a single sample.
            output_size: [H', W'], or a number for both, as for `ConvTranspose1d`.

        Returns:
            [N, out_channels, H', W'], or [out_channels, H', W'].
        """
        more = self._padding_for(x, output_size)
        return ops.conv_transpose2d(
            x, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )
