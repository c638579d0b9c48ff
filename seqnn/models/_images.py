"""Images as estimators take them, checked, and what estimators that read images share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._settings import Choice, Flag, Integer, Sizes
from ._base import Learner, Part, Plain, Scaler, as_numbers
from ._cnn import POOLS

__all__ = ["ROWS", "SIZELESS", "Images", "ImagesMixin", "as_images"]

ROWS = 256
"""Images that run together where many are given after training."""

SIZELESS = ("pool_size", "shift")
"""Settings of the blocks that are no sizes of their weights."""


def as_images(images: Any, name: str, channels_last: bool) -> np.ndarray:
    """Return images of finite numbers, float32 [N, channels, rows, columns].

    Args:
        images: grey ones [N, rows, columns], or with channels [N, channels, rows, columns]; an array or a list of images.
        name: what messages call them.
        channels_last: whether those with channels are [N, rows, columns, channels].

    Raises:
        TypeError: these are no numbers, or no array and no list.
        ValueError: there is no image, they differ in size, have other axes, or a number is not finite.
    """
    if isinstance(images, str | bytes | dict) or not isinstance(images, Iterable):
        raise TypeError(f"{name}: expected an array of images, or a list of them, got {type(images).__name__}")
    if not isinstance(images, np.ndarray) or images.dtype == object:
        given = [as_numbers(image, f"{name}[{i}]") for i, image in enumerate(images)]
        for i, image in enumerate(given):
            if image.shape != given[0].shape:
                raise ValueError(
                    f"{name}[{i}]: expected an image of shape {list(given[0].shape)} as {name}[0], got {list(image.shape)}: "
                    "images of one size are needed, cut or scale the others"
                )
        images = np.stack(given) if given else np.empty(0)
    x = as_numbers(images, name)
    layout = "[N, rows, columns, channels]" if channels_last else "[N, channels, rows, columns]"
    if not x.size or x.ndim not in (3, 4):
        hint = (
            f"; reshape rows of pixels to [N, rows, columns], and give one image as {name}[None]" if x.ndim == 2 else ""
        )
        raise ValueError(f"{name}: expected images [N, rows, columns] or {layout}, got shape {list(x.shape)}{hint}")
    if x.ndim == 3:
        x = x[:, None]
    elif channels_last:
        x = x.transpose(0, 3, 1, 2)
    x = np.ascontiguousarray(x, np.float32)
    finite = np.isfinite(x).all(axis=(1, 2, 3))
    if not finite.all():
        raise ValueError(f"{name}: expected finite numbers, image {int(np.argmin(finite))} has NaN or infinity")
    return x


class Images(Learner):
    """The size of images and the scale of their channels, learnt of images [N, channels, rows, columns]."""

    scaler = Part(Scaler, F="C")
    channels = Plain(int, axis="C")
    rows = Plain(int)
    columns = Plain(int)

    def __init__(self, images: np.ndarray) -> None:
        _, self.channels, self.rows, self.columns = images.shape
        pixels = images.transpose(0, 2, 3, 1).reshape(-1, self.channels)
        scaler = Scaler.standard(pixels.astype(np.float64))
        self.scaler = Scaler(*(part.astype(np.float32) for part in (scaler.offset, scaler.scale)))

    def check(self, images: np.ndarray, name: str, channels_last: bool) -> np.ndarray:
        """Return images that have the size of those of `fit`; a ValueError where they have another one."""
        if images.shape[1:] != (self.channels, self.rows, self.columns):
            sizes = [(channels, rows, columns) for channels, rows, columns in (self.shape, images.shape[1:])]
            due, got = ([r, c, k] if channels_last else [k, r, c] for k, r, c in sizes)
            axes = "rows, columns, channels" if channels_last else "channels, rows, columns"
            hint = f"; give one image as {name}[None]" if [len(images), *images.shape[2:]] == due else ""
            raise ValueError(f"{name}: expected images of {due} ({axes}) as fit got, got {got}{hint}")
        return images

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return (channels, rows, columns)."""
        return self.channels, self.rows, self.columns

    def scaled(self, images: Any) -> Any:
        """Return images [..., channels, rows, columns], or a Tensor of them, with channels of mean 0 and deviation 1."""
        offset, scale = (part[:, None, None] for part in (self.scaler.offset, self.scaler.scale))
        return (images - offset) / scale


class ImagesMixin(Learner):
    """X are images of one size: grey ones [N, rows, columns], or with channels [N, channels, rows, columns].

    Args:
        channels: filters of each block of convolutions; as many blocks as numbers.
        kernel_size: rows and columns of a filter.
        residual: whether a block has two convolutions beside a shortcut, each with a batch norm (He), and not one.
        batch_norm: whether blocks that are not residual have a batch norm, too.
        pool_size: rows and columns of the windows of which a block keeps one number; 1 keeps the size.
        pooling: "max" or "average", what it keeps.
        shift: by how many pixels images are moved at most in training, each as drawn anew in every epoch; the edges are
            repeated.
        channels_last: whether images with channels are [N, rows, columns, channels].
    """

    channels = Sizes((32, 64))
    kernel_size = Integer(3, minimum=1)
    residual = Flag(False)
    batch_norm = Flag(False)
    pool_size = Integer(2, minimum=1)
    pooling = Choice("max", (*POOLS,))
    shift = Integer(0)
    channels_last = Flag(False)

    _images = Part(Images)

    _used: Any

    def _learn_images(self, X: Any) -> np.ndarray:  # noqa: N803 - scikit-learn's name
        """Return images as [N, channels, rows, columns], and remember their size and their scale."""
        settings = self._used
        if not settings.channels:
            raise ValueError("channels: expected at least one number, got none")
        x = as_images(X, "X", settings.channels_last)
        least = settings.pool_size ** len(settings.channels)
        if min(x.shape[2:]) < least:
            swapped = not settings.channels_last and x.shape[3] <= 4 < x.shape[1]
            hint = "; did you mean channels_last=True?" if swapped else ""
            raise ValueError(
                f"X: expected images of at least {least} x {least} pixels for {len(settings.channels)} blocks with "
                f"pool_size={settings.pool_size}, got {x.shape[2]} x {x.shape[3]}{hint}"
            )
        self._images = Images(x)
        return x

    def _check_images(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return images as [N, channels, rows, columns], which have the size of those of `fit`."""
        last = self._used.channels_last
        return self._images.check(as_images(X, "X", last), "X", last)

    def _grid(self) -> tuple[int, int]:
        """Return the rows and columns of the last block's feature maps."""
        shrunk = self._used.pool_size ** len(self._used.channels)
        return self._images.rows // shrunk, self._images.columns // shrunk

    def _blocks(self) -> dict[str, Any]:
        """Return the arguments of the network that are settings of its blocks."""
        names = ("channels", "kernel_size", "residual", "batch_norm", "pool_size", "pooling", "shift")
        return {"in_channels": self._images.channels, **{name: getattr(self._used, name) for name in names}}
