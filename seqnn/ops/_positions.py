"""Where a position stands: sinusoids, rotation, and biases by distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import op


def sinusoidal_positions(
    positions: int, size: int, *, offset: int = 0, base: float = 10000.0, dtype: npt.DTypeLike = np.float32
) -> np.ndarray:
    """The table [positions, size] of sin(p / base^(2i / size)) in columns 2i and cos of the same in columns 2i + 1.

    `offset` is the first position. Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.

    >>> sinusoidal_positions(2, 4).round(2).tolist()[0]
    [0.0, 1.0, 0.0, 1.0]
    """
    angle = _angles(np.arange(offset, offset + positions), size + size % 2, base)
    return np.stack([np.sin(angle), np.cos(angle)], -1).reshape(positions, -1)[:, :size].astype(dtype)


@op
def rotary(
    x: Any, *, offset: int = 0, base: float = 10000.0, interleaved: bool = False
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Turn the pairs of the last axis by an angle that grows with the position: scores then depend on distances only.

    x [..., T, D], D even: entry t is at position `offset` + t; pair i turns by (offset + t) / base^(2i / D). A pair is
    (i, i + D/2) as in GPT-NeoX and Llama, or (2i, 2i + 1) where `interleaved`. ValueError where D is odd.
    Source: Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021.

    >>> import numpy as np
    >>> rotary(np.array([[1.0, 0.0], [1.0, 0.0]])).round(3).tolist()
    [[1.0, 0.0], [0.54, 0.841]]
    """
    x = np.asarray(x)
    if x.ndim < 2 or x.shape[-1] % 2:
        raise ValueError(f"rotary: x must have shape [..., T, D] with an even D, got {x.shape}")
    cos, sin = _turn(offset, *x.shape[-2:], base, x.dtype)

    def turned(x: np.ndarray, sin: np.ndarray) -> np.ndarray:
        return _turned(x, np.empty_like(x), cos, sin, interleaved)

    return turned(x, sin), lambda grad: turned(grad, -sin)


@op
def rotary_qkv(
    qkv: Any, num_heads: int, num_groups: int | None = None, *, base: float = 10000.0, interleaved: bool = False
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """`rotary` of the queries and keys in what `self_attention` takes; the values stay.

    qkv [B, T, (H + 2 G) D]: H = `num_heads` queries, G = `num_groups` (default H) keys and G values of a position.
    ValueError where the last axis holds no such heads of an even D.

    >>> import numpy as np
    >>> rotary_qkv(np.ones((1, 2, 6)), 1).round(2).tolist()
    [[[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [-0.3, 1.38, -0.3, 1.38, 1.0, 1.0]]]
    """
    qkv = np.asarray(qkv)
    groups = num_heads if num_groups is None else num_groups
    parts, turning = num_heads + 2 * groups, num_heads + groups
    if qkv.ndim != 3 or num_heads < 1 or groups < 1 or qkv.shape[-1] % (2 * parts):
        raise ValueError(
            f"rotary_qkv: qkv must have shape [B, T, (num_heads + 2 num_groups) D] with an even D, num_heads={num_heads} "
            f"and num_groups={groups}: its last axis a multiple of {2 * parts}; got shape {qkv.shape}"
        )
    heads = (*qkv.shape[:2], parts, qkv.shape[2] // parts)
    cos, sin = (a[:, None] for a in _turn(0, heads[1], heads[3], base, qkv.dtype))

    def turned(x: np.ndarray, sin: np.ndarray) -> np.ndarray:
        x, out = x.reshape(heads), np.empty(heads, x.dtype)
        _turned(x[:, :, :turning], out[:, :, :turning], cos, sin, interleaved)
        out[:, :, turning:] = x[:, :, turning:]
        return out.reshape(qkv.shape)

    return turned(qkv, sin), lambda grad: turned(grad, -sin)


def alibi_slopes(heads: int) -> np.ndarray:
    """ALiBi's slopes [heads]: 2^(-8 / n), 2^(-16 / n), ... for the power of two n up to heads, then the odd ones of 2n.

    >>> alibi_slopes(4).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    if heads < 1:
        raise ValueError(f"alibi_slopes: expected at least one head, got {heads}")
    n = 2 ** (heads.bit_length() - 1)
    first = 2.0 ** (-8 * np.arange(1, n + 1) / n)
    between = 2.0 ** (-4 * np.arange(1, 2 * n + 1, 2) / n)
    return np.concatenate([first, between])[:heads]


def alibi_bias(
    heads: int, queries: int, keys: int, *, offset: int = 0, dtype: npt.DTypeLike = np.float32
) -> np.ndarray:
    """ALiBi as `attention` takes it (`relative`): -slope * distance, [heads, queries + keys - 1].

    `offset` is the position of query 0 among the keys. Source: Press, Smith, Lewis, "Train short, test long", ICLR 2022.

    >>> alibi_bias(1, 2, 2).tolist() == [[-1 / 256, 0.0, -1 / 256]]
    True
    """
    distance = np.abs(np.arange(1 - queries, keys) - offset)
    return (-alibi_slopes(heads)[:, None] * distance).astype(dtype)


def relative_buckets(
    queries: int, keys: int, *, buckets: int = 32, max_distance: int = 128, bidirectional: bool = True, offset: int = 0
) -> np.ndarray:
    """T5's bucket of each distance key - query, int64 [queries + keys - 1], in the order of `attention`'s `relative`.

    Half of the buckets are single distances, the other half grow logarithmically up to `max_distance`; with
    `bidirectional` keys behind the query have buckets of their own, else they share bucket 0.
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


def _angles(positions: np.ndarray, size: int, base: float) -> np.ndarray:
    return positions[:, None] / base ** (np.arange(0, size, 2) / size)


def _turn(offset: int, positions: int, size: int, base: float, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines [positions, size / 2] of the angles by which pairs turn."""
    angle = _angles(np.arange(offset, offset + positions), size, base)
    return np.cos(angle).astype(dtype), np.sin(angle).astype(dtype)


def _turned(x: np.ndarray, out: np.ndarray, cos: np.ndarray, sin: np.ndarray, interleaved: bool) -> np.ndarray:
    half = x.shape[-1] // 2
    left, right = (np.s_[..., ::2], np.s_[..., 1::2]) if interleaved else (np.s_[..., :half], np.s_[..., half:])
    out[left] = x[left] * cos - x[right] * sin
    out[right] = x[left] * sin + x[right] * cos
    return out
