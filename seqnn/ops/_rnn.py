"""The vanilla recurrent net over whole sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from ..autograd import op
from ._recurrent import Array, caller, checked_lengths, space, state, sum_bias, time_major

NONLINEARITIES = {"tanh": 0, "relu": 1, "sigmoid": 2}


@op
def rnn(
    x: Any,
    h0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    norm: Any = None,
    *,
    nonlinearity: str = "tanh",
    lengths: Any = None,
    reverse: bool = False,
    batch_first: bool = False,
    mask: Array | None = None,
    zone_h: Array | None = None,
    packed: Array | None = None,
    needs: tuple[bool, ...] = (),
) -> tuple[tuple[Array, Array], Callable]:
    """One direction of one recurrent layer: h = act(x W_ih^T + h W_hh^T + bias).

    Args:
        x: [T, B, I], or [B, T, I] with `batch_first`.
        h0: [B, H], or None for zeros.
        weight_ih, weight_hh, bias_ih, bias_hh, norm: [H, I], [H, H], [H], [H], [H].
        nonlinearity: "tanh", "relu" or "sigmoid".

    The other arguments, the results (out, h) and the errors are those of `lstm`; `packed` is from `_core.rnn_pack`.
    Source: Elman, "Finding structure in time", 1990.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> out, h = ops.rnn(np.ones((3, 1, 1)), None, np.ones((1, 1)), np.ones((1, 1)), nonlinearity="relu")
    >>> out.reshape(-1).tolist()
    [1.0, 2.0, 3.0]
    """
    if nonlinearity not in NONLINEARITIES:
        raise ValueError(f"rnn: nonlinearity must be one of {[*NONLINEARITIES]}, got {nonlinearity!r}")
    x, weight_hh = time_major("rnn", x, batch_first), np.asarray(weight_hh)
    steps, rows, size = *x.shape[:2], weight_hh.shape[-1]
    lengths, total = checked_lengths("rnn", lengths, steps, rows)
    h0 = state(h0, rows, size, x.dtype)
    out, record = space(x, size, batch_first), True in needs
    options = norm, mask, zone_h, NONLINEARITIES[nonlinearity], lengths
    h, *saved = _core.rnn_forward(
        x, h0, weight_ih, weight_hh, sum_bias(bias_ih, bias_hh), *options, total, out, reverse, packed,
        gates=record, before=record, normal=record and norm is not None, rstd=record and norm is not None,
    )  # fmt: skip

    def backward(grads: tuple[Array, Array]) -> tuple[Array | None, ...]:
        grad_x = space(x, x.shape[2], batch_first) if needs[0] else None
        grad_h0, grad_w_ih, grad_w_hh, grad_bias, grad_norm = _core.rnn_backward(
            caller(grads[0], batch_first), grads[1], x, weight_ih, weight_hh, *options, *saved, grad_x, reverse,
            grad_h0=needs[1], grad_w_ih=needs[2], grad_w_hh=needs[3], grad_bias=needs[4] or needs[5], grad_norm=needs[6],
        )  # fmt: skip
        again = grad_bias.copy() if needs[4] and needs[5] else grad_bias
        return caller(grad_x, batch_first), grad_h0, grad_w_ih, grad_w_hh, grad_bias, again, grad_norm

    return (caller(out, batch_first), h), backward
