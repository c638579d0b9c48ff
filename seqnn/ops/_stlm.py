"""The short/long-memory net over whole sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from ..autograd import op
from ._recurrent import Array, caller, checked_lengths, space, state, sum_bias, time_major

COMBINE = {"concat": 0, "sum": 1, "two_gates": 2}


@op
def stlm(
    x: Any,
    h0: Any,
    short0: Any,
    long0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    mix: Any = None,
    norm: Any = None,
    *,
    combine: str = "concat",
    lengths: Any = None,
    reverse: bool = False,
    batch_first: bool = False,
    mask: Array | None = None,
    zone_h: Array | None = None,
    zone_c: Array | None = None,
    packed: Array | None = None,
    needs: tuple[bool, ...] = (),
) -> tuple[tuple[Array, Array, Array, Array], Callable]:
    """One direction of one layer with a short and a long memory, C_s and C_l, of M units each.

    Gates i_s, f_s, i_l, f_l, g, o of x W_ih^T + h W_hh^T + bias (g: tanh, the others: sigmoid);
    C_s = f_s C_s + i_s g and C_l = f_l C_l + i_l g, from one candidate g; and h is
        "concat":     o tanh([C_s, C_l]), H = 2M, o of 2M columns;
        "sum":        o tanh(mix[0] C_s + mix[1] C_l), H = M;
        "two_gates":  o_s tanh(C_s) + o_l tanh(C_l), H = M.

    Args:
        x: [T, B, I], or [B, T, I] with `batch_first`.
        h0, short0, long0: [B, H], [B, M], [B, M], or None for zeros.
        weight_ih, weight_hh, bias_ih, bias_hh, norm: [7M, I], [7M, H], [7M], [7M], [7M]; 6M with "sum".
        mix: [2, M], with "sum" only.
        zone_c: as zone_h, for both memories side by side [., ., 2M].

    The other arguments and the errors are those of `lstm`; `packed` is from `_core.stlm_pack`.

    Returns:
        (out, h, short, long): h of every step, and the states behind each sequence's last step.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> out, h, short, long = ops.stlm(np.ones((3, 2, 4)), None, None, None, np.ones((14, 4)), np.ones((14, 4)))
    >>> out.shape, short.shape
    ((3, 2, 4), (2, 2))
    """
    out, states, _, backward = _run(
        x, h0, short0, long0, weight_ih, weight_hh, bias_ih, bias_hh, mix, norm, combine, lengths, reverse, batch_first,
        mask, zone_h, zone_c, packed, needs, False,
    )  # fmt: skip
    return (out, *states), backward


def stlm_memories(
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None = None,
    bias_hh: Array | None = None,
    mix: Array | None = None,
    *,
    combine: str = "concat",
    lengths: Any = None,
    reverse: bool = False,
    batch_first: bool = False,
) -> tuple[Array, Array, Array]:
    """(out, short, long) of every step, to look at: arrays, in x's layout; zeros behind a sequence's end.

    The arguments are those of `stlm`, and the states begin at zero.
    """
    out, states, cells, _ = _run(
        x, None, None, None, weight_ih, weight_hh, bias_ih, bias_hh, mix, None, combine, lengths, reverse, batch_first,
        None, None, None, None, (False,) * 10, True,
    )  # fmt: skip
    steps, rows = time_major("stlm", x, batch_first).shape[:2]
    size = states[1].shape[1]
    lengths = np.full(rows, steps) if lengths is None else np.asarray(lengths)
    memories = np.zeros((steps, rows, 2 * size), cells.dtype)
    order = np.argsort(-lengths, kind="stable")  # as the kernel numbers its rows: recurrent.h
    start = 0
    for step in range(int(lengths.max(initial=0))):
        running = order[: int((lengths > step).sum())]
        at = lengths[running] - 1 - step if reverse else step
        memories[at, running] = cells[start : start + len(running)]
        start += len(running)
    memories = caller(memories, batch_first)
    return out, memories[..., :size], memories[..., size:]


def _run(
    x: Any, h0: Any, short0: Any, long0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, mix: Any,
    norm: Any, combine: str, lengths: Any, reverse: bool, batch_first: bool, mask: Any, zone_h: Any, zone_c: Any,
    packed: Any, needs: tuple[bool, ...], cells: bool,
) -> tuple[Array, tuple[Array, Array, Array], Array | None, Callable]:  # fmt: skip
    if combine not in COMBINE:
        raise ValueError(f"stlm: combine must be one of {[*COMBINE]}, got {combine!r}")
    x, weight_hh = time_major("stlm", x, batch_first), np.asarray(weight_hh)
    steps, rows, hidden = *x.shape[:2], weight_hh.shape[-1]
    size = hidden // 2 if combine == "concat" else hidden
    lengths, total = checked_lengths("stlm", lengths, steps, rows)
    h0 = state(h0, rows, hidden, x.dtype)
    c0 = np.concatenate([state(short0, rows, size, x.dtype), state(long0, rows, size, x.dtype)], axis=1)
    out, record = space(x, hidden, batch_first), True in needs
    options = mix, norm, mask, zone_h, zone_c, COMBINE[combine], lengths
    h, c, *saved = _core.stlm_forward(
        x, h0, c0, weight_ih, weight_hh, sum_bias(bias_ih, bias_hh), *options, total, out, reverse, packed,
        gates=record, cells=record or cells, before=record, normal=record and norm is not None,
        rstd=record and norm is not None,
    )  # fmt: skip

    def backward(grads: tuple[Array, ...]) -> tuple[Array | None, ...]:
        grad_x = space(x, x.shape[2], batch_first) if needs[0] else None
        grad_h0, grad_c0, grad_w_ih, grad_w_hh, grad_bias, grad_mix, grad_norm = _core.stlm_backward(
            caller(grads[0], batch_first), grads[1], np.concatenate(grads[2:], axis=1), x, c0, weight_ih, weight_hh,
            *options, *saved, grad_x, reverse, grad_h0=needs[1], grad_c0=needs[2] or needs[3], grad_w_ih=needs[4],
            grad_w_hh=needs[5], grad_bias=needs[6] or needs[7], grad_weights=needs[8], grad_norm=needs[9],
        )  # fmt: skip
        again = grad_bias.copy() if needs[6] and needs[7] else grad_bias
        grad_short, grad_long = (None, None) if grad_c0 is None else (grad_c0[:, :size], grad_c0[:, size:])
        return (
            caller(grad_x, batch_first), grad_h0, grad_short, grad_long, grad_w_ih, grad_w_hh, grad_bias, again, grad_mix,
            grad_norm,
        )  # fmt: skip

    return caller(out, batch_first), (h, c[:, :size], c[:, size:]), saved[1], backward
