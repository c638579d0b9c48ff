"""Convolutional networks for images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .. import nn, ops, random
from .._arguments import integer
from ..autograd import Tensor, recording
from ._mlp import MLP

__all__ = ["CNN", "POOLS", "Blocks"]

POOLS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


class RandomShift(nn.Module):
    """A layer that in training moves each image by up to `most` pixels to each side, and repeats its edges; else images stay.

    Args:
        most: pixels.
    """

    def __init__(self, most: int) -> None:
        self.most = integer("shift", most, 0)

    def forward(self, x: Any) -> Any:
        """Move images [B, C, H, W]."""
        if not (self.training and self.most):
            return x
        seed, stream = random.next_key()
        count, channels, rows, columns = x.shape
        draws = random.bits(-(-count // 2), seed=seed, stream=stream).reshape(-1, 2)[:count] % (2 * self.most + 1)
        down, right = draws.astype(np.intp).T.reshape(2, count, 1)
        padded = ops.pad(x, [(0, 0), (0, 0), (self.most, self.most), (self.most, self.most)], "replicate")
        image, channel = np.arange(count)[:, None, None, None], np.arange(channels)[:, None, None]
        return padded[
            image, channel, (down + np.arange(rows))[:, None, :, None], (right + np.arange(columns))[:, None, None]
        ]


def normed(convolution: nn.Conv2d, norm: nn.BatchNorm2d, x: Any, *, relu: bool = False) -> Tensor:
    """Return the batch norm of a convolution of x, and its ReLU where asked.

    A prediction without gradients takes one convolution, whose weight has the norm's scale in it.
    """
    plain = type(convolution) is nn.Conv2d and type(norm) is nn.BatchNorm2d and convolution.bias is None
    if norm.training or recording() or not plain or convolution._hooks or norm._hooks:
        y = norm(convolution(x))
        return ops.relu(y) if relu else y
    scale = norm.weight.data / np.sqrt(norm.running_var + norm.eps)
    weight, bias = convolution.weight.data * scale[:, None, None, None], norm.bias.data - norm.running_mean * scale
    return ops.conv2d(x, weight, bias, padding=convolution.padding, activation="relu" if relu else None)


class ConvolutionBlock(nn.Module):
    """A convolution that keeps the size, ReLU and a pooling; with a batch norm before the ReLU where `batch_norm` says so."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, pool: nn.Module, batch_norm: bool
    ) -> None:
        self.convolution = nn.Conv2d(in_channels, out_channels, kernel_size, padding="same", bias=not batch_norm)
        self.norm = nn.BatchNorm2d(out_channels) if batch_norm else None
        self.pool = pool

    def forward(self, x: Any) -> Tensor:
        """Return [B, out_channels, H', W'] of images [B, in_channels, H, W]."""
        if self.norm is not None:
            return self.pool(normed(self.convolution, self.norm, x, relu=True))
        weight, bias = self.convolution.weight, self.convolution.bias
        return self.pool(ops.conv2d(x, weight, bias, padding="same", activation="relu"))


class ResidualBlock(nn.Module):
    """Two convolutions with batch norms, to which the input is added before the last ReLU, and a pooling.

    Where the channels change, the input goes through a convolution of one pixel and a batch norm first.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, pool: nn.Module) -> None:
        self.convolution = nn.Conv2d(in_channels, out_channels, kernel_size, padding="same", bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.second = nn.Conv2d(out_channels, out_channels, kernel_size, padding="same", bias=False)
        self.second_norm = nn.BatchNorm2d(out_channels)
        same = in_channels == out_channels
        self.shortcut = None if same else nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.shortcut_norm = None if same else nn.BatchNorm2d(out_channels)
        self.pool = pool

    def forward(self, x: Any) -> Tensor:
        """Return [B, out_channels, H', W'] of images [B, in_channels, H, W]."""
        y = normed(self.second, self.second_norm, normed(self.convolution, self.norm, x, relu=True))
        if self.shortcut is not None:
            x = normed(self.shortcut, self.shortcut_norm, x)
        return self.pool(ops.relu(y + x))


class Blocks(nn.Sequential):
    """Blocks of convolutions, each with a pooling: images [B, in_channels, H, W] to feature maps [B, channels[-1], H', W'].

    Args:
        in_channels, channels, kernel_size, residual, batch_norm, pool_size, pooling, shift: as for `CNN`.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        *,
        kernel_size: int = 3,
        residual: bool = False,
        batch_norm: bool = False,
        pool_size: int = 2,
        pooling: str = "max",
        shift: int = 0,
    ) -> None:
        if not isinstance(channels, Iterable):
            raise TypeError(f"channels: expected a number for each block, such as (32, 64), got {channels!r}")
        if not len(channels):
            raise ValueError("channels: expected at least one number, got none")
        in_channels, pool_size = integer("in_channels", in_channels, 1), integer("pool_size", pool_size, 1)
        if pooling not in [*POOLS]:
            raise ValueError(f"pooling: expected one of {sorted(POOLS)}, got {pooling!r}")
        blocks: list[nn.Module] = []
        for inputs, outputs in pairwise([in_channels, *channels]):
            pool = POOLS[pooling](pool_size) if pool_size > 1 else nn.Identity()
            if residual:
                blocks.append(ResidualBlock(inputs, outputs, kernel_size, pool))
            else:
                blocks.append(ConvolutionBlock(inputs, outputs, kernel_size, pool, batch_norm))
        super().__init__(RandomShift(shift), *blocks)

    def maps(self, x: Any) -> list[Tensor]:
        """Return the feature maps that each block gives.

        Args:
            x: images [B, in_channels, H, W].
        """
        found = [x]
        for module in self:
            found.append(module(found[-1]))
        return found[2:]


class CNN(nn.Module):
    """A convolutional network: blocks of a convolution, ReLU and a pooling, then linear layers with ReLU between them.

    images [B, in_channels, H, W] -> [B, sizes[-1]]

    Args:
        in_channels: of the images.
        channels: filters of each block.
        sizes: widths of the linear layers: first channels[-1] * rows * columns of the last block's feature maps, each
            block's floor(H / pool_size) by floor(W / pool_size), and last the outputs.
        kernel_size: rows and columns of a filter; the convolution keeps the size of an image.
        residual: whether a block has two convolutions beside a shortcut, each with a batch norm (He), and not one.
        batch_norm: whether blocks that are not residual have a batch norm, too.
        pool_size: rows and columns of the windows of which a block keeps one number; 1 keeps the size.
        pooling: "max" or "average", what it keeps.
        dropout: share of what each linear layer takes that is dropped, in training.
        shift: by how many pixels images are moved at most in training; the edges are repeated.

    Attributes:
        blocks: the convolutions.
        head: the linear layers, an `MLP`.

    Raises:
        ValueError: a size is below 1, the pooling is not known, or `channels` is empty.

    Sources: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998; He, Zhang, Ren,
    Sun, "Deep residual learning for image recognition", CVPR 2016.

    >>> import numpy as np
    >>> from seqnn.models import CNN
    >>> CNN(1, (4, 8), (8 * 7 * 7, 10))(np.ones((2, 1, 28, 28), np.float32)).shape
    (2, 10)
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        sizes: Sequence[int],
        *,
        kernel_size: int = 3,
        residual: bool = False,
        batch_norm: bool = False,
        pool_size: int = 2,
        pooling: str = "max",
        dropout: float = 0.0,
        shift: int = 0,
    ) -> None:
        self.blocks = Blocks(
            in_channels, channels, kernel_size=kernel_size, residual=residual, batch_norm=batch_norm, pool_size=pool_size,
            pooling=pooling, shift=shift,
        )  # fmt: skip
        self.dropout = nn.Dropout(dropout)
        self.head = MLP(sizes, dropout=dropout)

    def forward(self, x: Any) -> Tensor:
        """Return [B, sizes[-1]], such as the logits of classes.

        Args:
            x: images [B, in_channels, H, W].
        """
        return self.head(self.flat(x))

    def flat(self, x: Any) -> Tensor:
        """Return the feature maps of the last block as rows [B, sizes[0]], of which some are dropped in training.

        Args:
            x: images [B, in_channels, H, W].
        """
        maps = self.blocks(x)
        return self.dropout(maps.reshape(maps.shape[0], -1))
