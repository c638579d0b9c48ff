"""Positions in a sequence: sinusoids, rotation, and biases by distance."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .._arguments import integer
from ..autograd import op
from ._broadcast import as_floats
from ._rotary_scaling import scaled_frequencies
from ._types import Array, Result


def sinusoidal_positions(
    positions: int, size: int, *, offset: int = 0, base: float = 10000.0, dtype: npt.DTypeLike = np.float32
) -> np.ndarray:
    """Make the table of sin(p / base^(2i / size)) in columns 2i and cos of the same in columns 2i + 1.

    Args:
        positions: how many rows.
        size: how many columns.
        offset: the first position.
        base: sets the longest wavelength, 2 pi base.
        dtype: of the table.

    Returns:
        An array [positions, size].

    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.

    >>> sinusoidal_positions(2, 4).round(2).tolist()[0]
    [0.0, 1.0, 0.0, 1.0]
    """
    angle = _angles(np.arange(offset, offset + positions), size + size % 2, base)
    return np.stack([np.sin(angle), np.cos(angle)], -1).reshape(positions, -1)[:, :size].astype(dtype)


@op
def rotary(
    x: Array,
    *,
    offset: int = 0,
    base: float = 10000.0,
    interleaved: bool = False,
    scaling: Mapping[str, Any] | None = None,
) -> Result:
    """Turn the pairs of the last axis by an angle that grows with the position: scores then depend on distances only.

    Pair i of entry t turns by (offset + t) / base^(2i / D).

    Args:
        x: [..., T, D] with an even D.
        offset: the position of entry 0.
        base: sets the smallest angle.
        interleaved: whether a pair is (2i, 2i + 1), or (i, i + D/2) as in GPT-NeoX and Llama.
        scaling: of the angles, for long texts, by the names of rope_scaling in Hugging Face's config.json: {"rope_type":
            "linear", "factor": 4.0}, "llama3", "yarn", or "dynamic", which is none up to the positions of the training.

    Returns:
        An array of the shape of `x`.

    Raises:
        TypeError: where the scaling is no mapping.
        ValueError: where D is odd, or x has one axis, or for another scaling.

    Source: Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021.

    >>> import numpy as np
    >>> rotary(np.array([[1.0, 0.0], [1.0, 0.0]])).round(3).tolist()
    [[1.0, 0.0], [0.54, 0.841]]
    """
    x = as_floats(x)
    if x.ndim < 2 or x.shape[-1] % 2:
        raise ValueError(f"rotary: x must have shape [..., T, D] with an even D, got {x.shape}")
    cos, sin = _cos_sin(offset, *x.shape[-2:], base, scaling, x.dtype)

    def turn(x: Array, sin: Array) -> Array:
        return _turn(x, np.empty_like(x), cos, sin, interleaved)

    return turn(x, sin), lambda grad: turn(grad, -sin)


@op
def rotary_qkv(
    qkv: Array,
    num_heads: int,
    num_groups: int | None = None,
    *,
    base: float = 10000.0,
    interleaved: bool = False,
    scaling: Mapping[str, Any] | None = None,
) -> Result:
    """Turn the queries and keys in what `self_attention` takes, as `rotary` does; the values stay.

    Args:
        qkv: [B, T, (H + 2 G) D] with an even D: H queries, G keys and G values of each position.
        num_heads: H.
        num_groups: G; None is H.
        base, interleaved, scaling: as for `rotary`.

    Returns:
        An array of the shape of `qkv`.

    Raises:
        ValueError: where the last axis holds no such heads.

    >>> import numpy as np
    >>> rotary_qkv(np.ones((1, 2, 6)), 1).round(2).tolist()
    [[[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [-0.3, 1.38, -0.3, 1.38, 1.0, 1.0]]]
    """
    qkv = as_floats(qkv)
    groups = num_heads if num_groups is None else num_groups
    parts, turning = num_heads + 2 * groups, num_heads + groups
    if qkv.ndim != 3 or num_heads < 1 or groups < 1 or qkv.shape[-1] % (2 * parts):
        raise ValueError(
            f"rotary_qkv: qkv must have shape [B, T, (num_heads + 2 num_groups) D] with an even D, num_heads={num_heads} "
            f"and num_groups={groups}: its last axis a multiple of {2 * parts}; got shape {qkv.shape}"
        )
    heads = (*qkv.shape[:2], parts, qkv.shape[2] // parts)
    cos, sin = (a[:, None] for a in _cos_sin(0, heads[1], heads[3], base, scaling, qkv.dtype))

    def turn(x: Array, sin: Array) -> Array:
        x, out = x.reshape(heads), np.empty(heads, x.dtype)
        _turn(x[:, :, :turning], out[:, :, :turning], cos, sin, interleaved)
        out[:, :, turning:] = x[:, :, turning:]
        return out.reshape(qkv.shape)

    return turn(qkv, sin), lambda grad: turn(grad, -sin)


def alibi_slopes(heads: int) -> np.ndarray:
    """Make ALiBi's slopes: 2^(-8 / n), 2^(-16 / n), ... for the power of two n up to heads, then the odd ones of 2n.

    Args:
        heads: how many.

    Returns:
        An array [heads].

    Raises:
        ValueError: for less than one head.

    Source: Press, Smith, Lewis, "Train short, test long", ICLR 2022.

    >>> alibi_slopes(4).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    heads = integer("alibi_slopes: heads", heads, 1)
    n = 2 ** (heads.bit_length() - 1)
    first = 2.0 ** (-8 * np.arange(1, n + 1) / n)
    between = 2.0 ** (-4 * np.arange(1, 2 * n + 1, 2) / n)
    return np.concatenate([first, between])[:heads]


def alibi_bias(
    heads: int, queries: int, keys: int, *, offset: int = 0, dtype: npt.DTypeLike = np.float32
) -> np.ndarray:
    """Make ALiBi's bias -slope * distance, as `attention` takes it (`relative`).

    Args:
        heads, queries, keys: how many of each.
        offset: the position of query 0 among the keys.
        dtype: of the table.

    Returns:
        An array [heads, queries + keys - 1].

    Source: Press, Smith, Lewis, "Train short, test long", ICLR 2022.

    >>> alibi_bias(1, 2, 2).tolist() == [[-1 / 256, 0.0, -1 / 256]]
    True
    """
    distance = np.abs(np.arange(1 - queries, keys) - offset)
    return (-alibi_slopes(heads)[:, None] * distance).astype(dtype)


def relative_buckets(
    queries: int, keys: int, *, buckets: int = 32, max_distance: int = 128, bidirectional: bool = True, offset: int = 0
) -> np.ndarray:
    """Find T5's bucket of each distance key - query, in the order of `attention`'s `relative`.

    Half of the buckets are single distances, the other half grow logarithmically.

    Args:
        queries, keys: how many of each.
        buckets: how many there are.
        max_distance: from here on all distances share the last bucket.
        bidirectional: whether keys after the query have buckets of their own; otherwise they share bucket 0.
        offset: the position of query 0 among the keys.

    Returns:
        An int64 array [queries + keys - 1].

    Raises:
        ValueError: where `max_distance` does not exceed the single distances.

    Source: Raffel et al., "Exploring the limits of transfer learning", JMLR 2020.

    >>> relative_buckets(3, 3, buckets=8).tolist()
    [2, 1, 0, 5, 6]
    """
    ahead = np.arange(1 - queries, keys) - offset
    if bidirectional:
        buckets //= 2
        side, distance = np.where(ahead > 0, buckets, 0), np.abs(ahead)
    else:
        side, distance = np.zeros_like(ahead), np.maximum(-ahead, 0)
    exact = buckets // 2
    if exact < 1 or max_distance <= exact:
        raise ValueError(
            f"relative_buckets: max_distance={max_distance} must exceed the {exact} exact distances (>= 1)"
        )
    far = np.log(np.maximum(distance, 1) / exact) / np.log(max_distance / exact) * (buckets - exact)
    return side + np.where(distance < exact, distance, np.minimum(exact + far.astype(np.int64), buckets - 1))


def _angles(positions: Array, size: int, base: float) -> Array:
    return positions[:, None] / base ** (np.arange(0, size, 2) / size)


def _cos_sin(
    offset: int, positions: int, size: int, base: float, scaling: Mapping[str, Any] | None, dtype: np.dtype
) -> tuple[Array, Array]:
    """Compute the cosines and sines [positions, size / 2] of the angles by which pairs turn, times a factor of the scaling."""
    frequencies, factor = scaled_frequencies(size, base, scaling)
    return _kept_cos_sin(offset, positions, frequencies.tobytes(), factor, dtype)


@functools.lru_cache(maxsize=4)
def _kept_cos_sin(
    offset: int, positions: int, frequencies: bytes, factor: float, dtype: np.dtype
) -> tuple[Array, Array]:
    """Compute them once for all layers of a step."""
    angle = np.arange(offset, offset + positions)[:, None] * np.frombuffer(frequencies)
    return (np.cos(angle) * factor).astype(dtype), (np.sin(angle) * factor).astype(dtype)


def _turn(x: Array, out: Array, cos: Array, sin: Array, interleaved: bool) -> Array:
    half = x.shape[-1] // 2
    left, right = (np.s_[..., ::2], np.s_[..., 1::2]) if interleaved else (np.s_[..., :half], np.s_[..., half:])
    out[left] = x[left] * cos - x[right] * sin
    out[right] = x[left] * sin + x[right] * cos
    return out
