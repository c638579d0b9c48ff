"""Hard attention: a query takes the value of one key, the best or one drawn, and ways to learn through the choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import Needs, Tensor, op
from ._attention_call import Call, Hard, Window, options_of
from ._attention_score import scored
from ._types import Array, Backward


def hard_attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    lengths: npt.ArrayLike | None = None,
    relative: Array | None = None,
    weight: Array | None = None,
    *,
    sample: bool = False,
    straight_through: bool = False,
    score: str = "scaled_dot",
    query_lengths: npt.ArrayLike | None = None,
    query_offset: int = 0,
    window: Window = None,
    seed: int | None = None,
) -> tuple[Array, Array, np.ndarray]:
    """Attend to one key for each query: out = v[index], with the logarithm of the weight that soft attention gives it.

    The memory is linear in the lengths, as that of `attention`.

    Args:
        q, k, v, mask, causal, scale, lengths, relative, weight, score, query_lengths, query_offset, window: as for
            `attention`.
        sample: draw the key with the probabilities of soft attention; otherwise the key of the largest score is taken (of
            equal ones the first).
        straight_through: let gradients of `out` reach q and k as if attention had been soft; v gets that of hard
            attention. Without it they reach v only, and q and k learn through the log-probability (`reinforce_loss`).
        seed: makes the draw a function of it; None draws a fresh key from `seqnn.random`.

    Returns:
        (out [B, H, T, E], log_prob [B, H, T], index [B, H, T]). A query that sees no key has zeros, 0 and -1.

    Raises:
        ValueError: as for `attention`.

    Sources: Xu et al., "Show, attend and tell", ICML 2015; Williams, "Simple statistical gradient-following algorithms for
    connectionist reinforcement learning", 1992; Bengio, Leonard, Courville, "Estimating or propagating gradients through
    stochastic neurons", 2013; Gumbel, "Statistical theory of extreme values", 1954 (the draw).

    >>> import numpy as np
    >>> q, k, v = np.array([[[[2.0]]]]), np.array([[[[0.0], [1.0]]]]), np.array([[[[5.0], [7.0]]]])
    >>> out, log_prob, index = hard_attention(q, k, v)
    >>> out.item(), index.item(), log_prob.round(4).item()
    (7.0, 1, -0.1269)
    """
    q, k, additive, factor = scored(q, k, weight, score, scale)
    rules = (mask, relative, additive, lengths, query_lengths)
    options = options_of(causal, factor, query_offset, window, 0.0, seed, draws=sample)
    out, log_prob, index = _hard_attention(q, k, v, *rules, sample=sample, straight=straight_through, options=options)
    return out, log_prob, index.data if isinstance(index, Tensor) else index


@op
def _hard_attention(
    q: Any,
    k: Any,
    v: Any,
    mask: Any,
    relative: Any,
    additive: Any,
    lengths: Any,
    query_lengths: Any,
    *,
    sample: bool,
    straight: bool,
    options: Any,
    needs: Needs,
) -> tuple[tuple[Array, Array, Array], Backward]:
    call = Call(q, k, v, mask, relative, additive, lengths, query_lengths, options)
    record = any(needs)
    chosen, log_p = call.choose(sample, straight and record, record)

    def backward(grads: tuple[Array, ...]) -> dict[str, Array | None]:
        return call.backward(grads[0], None, needs, Hard(chosen, grads[1], straight))

    return (_values(call.arrays[2], chosen, log_p), log_p, chosen), backward


def _values(v: Array, chosen: Array, log_p: Array) -> Array:
    """Return the values of the chosen keys; zeros where there is none, NaN where the scores were no numbers."""
    batch, heads = chosen.shape[:2]
    if v.shape[2] == 0:
        return np.zeros((*chosen.shape, v.shape[3]), v.dtype)
    group = np.arange(heads) // (heads // v.shape[1]) if heads else np.arange(0)
    out = v[np.arange(batch)[:, None, None], group[:, None], chosen]
    out[chosen < 0] = 0
    out[np.isnan(log_p)] = np.nan
    return out


def reinforce_loss(log_prob: Array, reward: npt.ArrayLike, baseline: npt.ArrayLike | str | None = None) -> Array:
    """Compute -mean((reward - baseline) log_prob), whose gradient is REINFORCE's estimate of that of -(expected reward).

    Args:
        log_prob: of the draws, of any shape, such as the second result of `hard_attention(..., sample=True)`.
        reward: how good the outcome of each draw was; broadcasts to the shape of log_prob. It is a constant: no gradient
            goes through it.
        baseline: what the reward is compared with, which lowers the variance: an array or number that does not depend on
            the draws; "mean", the mean of the others along the first axis (leave-one-out); None is 0.

    Returns:
        A number.

    Raises:
        ValueError: where shapes do not fit, or "mean" has no others.

    Source: Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", 1992.

    >>> import numpy as np
    >>> reinforce_loss(np.array([-1.0, -2.0]), np.array([3.0, 1.0]), "mean").item()
    -1.0
    """
    log_prob = log_prob if isinstance(log_prob, Tensor) else np.asarray(log_prob)
    shape, dtype = log_prob.shape, log_prob.dtype
    reward, baseline = (x.data if isinstance(x, Tensor) else x for x in (reward, baseline))
    try:
        advantage = np.broadcast_to(np.asarray(reward, dtype), shape)
        if isinstance(baseline, str):
            advantage = advantage - _mean_of_others(advantage, baseline)
        elif baseline is not None:
            advantage = advantage - np.broadcast_to(np.asarray(baseline, dtype), shape)
    except ValueError as error:
        if "broadcast" not in str(error):
            raise
        raise ValueError(
            f"reinforce_loss: reward {np.shape(reward)} and baseline {np.shape(baseline)} must broadcast to the shape of "
            f"log_prob, {shape}"
        ) from None
    return -(log_prob * advantage).mean()


def _mean_of_others(reward: Array, baseline: str) -> Array:
    if baseline != "mean":
        raise ValueError(f"reinforce_loss: baseline must be an array, a number, 'mean' or None, got {baseline!r}")
    if reward.ndim == 0 or len(reward) < 2:
        raise ValueError(f"reinforce_loss: baseline='mean' needs at least 2 draws, got shape {reward.shape}")
    return (reward.sum(0) - reward) / (len(reward) - 1)
