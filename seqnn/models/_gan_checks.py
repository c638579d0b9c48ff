"""What the networks and the data of a `GAN` must be, with messages that name the argument."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor, no_grad
from ..train import evaluating
from ._base import as_numbers
from ._gan_losses import GAMES
from ._gan_training import drawn, generated

__all__ = ["as_conditions", "as_rows", "check_networks", "tried"]

RANGES = {nn.Tanh: (-1.0, 1.0), nn.Sigmoid: (0.0, 1.0)}
"""What a generator can give whose last layer this is."""


def as_rows(name: str, values: Any, dtype: np.dtype) -> np.ndarray:
    """Return finite numbers [N, ...] in a floating dtype."""
    array = as_numbers(values, name)
    if array.ndim < 2 or 0 in array.shape:
        raise ValueError(f"{name}: expected numbers [N, ...] with at least one row, got shape {list(array.shape)}")
    return _finite(name, array).astype(dtype, copy=False)


def as_conditions(y: Any, count: int, dtype: np.dtype) -> np.ndarray | None:
    """Return a condition for each of `count` rows: integers as they are, other numbers in a floating dtype."""
    if y is None:
        return None
    array = as_numbers(y, "y")
    if array.ndim == 0 or len(array) != count:
        raise ValueError(f"y: expected a condition for each of {count} rows, got shape {list(array.shape)}")
    return array if array.dtype.kind in "iu" else _finite("y", array).astype(dtype, copy=False)


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    finite = np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    if not finite.all():
        raise ValueError(f"{name}: expected finite numbers, row {int(np.argmin(finite))} has NaN or infinity")
    return array


def check_networks(
    generator: nn.Module, discriminator: nn.Module, x: np.ndarray, y: np.ndarray | None, used: Any
) -> None:
    """Refuse networks that do not fit the data, or the loss."""
    _check_settings(discriminator, y, used)
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        if not any(parameter.requires_grad for parameter in network.parameters()):
            raise ValueError(f"{name}: expected parameters to learn, got a {type(network).__name__} without any")
    if GAMES[used.loss].logits and isinstance(_last(discriminator), nn.Sigmoid):
        raise ValueError(
            f"discriminator: expected scores without an activation, as loss={used.loss!r} has the sigmoid in it, got a last "
            "layer Sigmoid: leave it out"
        )
    low, high = RANGES.get(type(_last(generator)), (-np.inf, np.inf))
    if x.min() < low or x.max() > high:
        raise ValueError(
            f"X: expected numbers from {low:g} to {high:g}, as the last layer of the generator, "
            f"{type(_last(generator)).__name__}, gives no others, got {x.min():g} to {x.max():g}: scale X"
        )
    x, y = x[:2], None if y is None else y[:2]
    noise = drawn(np.random.default_rng(0), used.noise, len(x), x.dtype)
    made = tried("generator", generator, lambda: generated(generator, noise, y))
    if made.shape != x.shape:
        raise ValueError(f"generator: expected rows {list(x.shape[1:])} as X has, got {list(made.shape[1:])}")
    scores = tried("discriminator", discriminator, lambda: discriminator(x) if y is None else discriminator(x, y))
    if scores.shape not in ((len(x),), (len(x), 1)):
        raise ValueError(
            f"discriminator: expected one score for each row, [{len(x)}] or [{len(x)}, 1], got {list(scores.shape)}"
        )


def _check_settings(discriminator: nn.Module, y: np.ndarray | None, used: Any) -> None:
    """Refuse settings that do not fit each other, or the conditions."""
    if used.noise is None and y is None:
        raise ValueError("noise: expected a size or a shape, as there are no conditions y for the generator, got None")
    if used.reconstruction and y is None:
        raise ValueError(
            f"reconstruction: expected 0, as there are no conditions y to make X from, got {used.reconstruction}"
        )
    if used.label_smoothing and not GAMES[used.loss].smooths:
        raise ValueError(f"label_smoothing: expected 0 with loss={used.loss!r}, got {used.label_smoothing}")
    if used.loss != "wasserstein" or used.weight_clip is not None:
        return
    free = [name for name, p in discriminator.named_parameters() if p.ndim > 1 and "parametrizations." not in name]
    if free:
        raise ValueError(
            "weight_clip: expected a number, such as 0.01, or nn.spectral_norm of each layer of the discriminator, as "
            f"loss='wasserstein' needs one of them, got None and {free[0]!r} without"
        )


def tried(name: str, network: nn.Module, call: Any) -> Tensor:
    """Return what a network gives; an error names the network."""
    try:
        with evaluating(network), no_grad():
            found = call()
    except (ValueError, TypeError, IndexError) as error:
        raise type(error)(f"{name}: {error}") from error
    if not isinstance(found, Tensor):
        raise TypeError(f"{name}: expected a Tensor from forward, got {type(found).__name__}")
    return found


def _last(network: nn.Module) -> nn.Module:
    """Return the last layer of a chain, or the network itself."""
    while isinstance(network, nn.Sequential) and len(network):
        network = network[-1]
    return network
