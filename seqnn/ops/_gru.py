"""GRU over whole sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from ..autograd import op
from ._recurrent import Array, caller, checked_lengths, space, state, sum_bias, time_major

FORMS = {"pytorch": 0, "cho2014": 1, "update": 2}


@op
def gru(
    x: Any,
    h0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    norm: Any = None,
    *,
    form: str = "pytorch",
    lengths: Any = None,
    reverse: bool = False,
    batch_first: bool = False,
    mask: Array | None = None,
    zone_h: Array | None = None,
    packed: Array | None = None,
    needs: tuple[bool, ...] = (),
) -> tuple[tuple[Array, Array], Callable]:
    """One direction of one GRU layer, gates r, z, n; r, z = sigmoid(x W_i^T + h W_h^T + bias).

    The forms are
        "pytorch":  n = tanh(x W_in^T + b_in + r (h W_hn^T + b_hn)), h = (1 - z) n + z h;
        "cho2014":  n = tanh(x W_in^T + b_in + (r h) W_hn^T + b_hn), h = (1 - z) n + z h;
        "update":   n as in "cho2014", h = z n + (1 - z) h.

    Args:
        x: [T, B, I], or [B, T, I] with `batch_first`.
        h0: [B, H], or None for zeros.
        weight_ih, weight_hh, bias_ih, bias_hh: [3H, I], [3H, H], [3H], [3H], gates in the order r, z, n.
        norm: [4H], the scale of a layer norm of r, z and both parts of n, or None; with the form "pytorch" only.

    The other arguments, the results (out, h) and the errors are those of `lstm`; `packed` is from `_core.gru_pack`.
    Sources: Cho et al., "Learning phrase representations", 2014; Chung et al., "Empirical evaluation of gated recurrent
    neural networks", 2014 ("update").

    >>> import numpy as np
    >>> from seqnn import ops
    >>> out, h = ops.gru(np.ones((3, 2, 4)), None, np.ones((6, 4)), np.ones((6, 2)), form="cho2014")
    >>> out.shape, bool((h == out[-1]).all())
    ((3, 2, 2), True)
    """
    if form not in FORMS:
        raise ValueError(f"gru: form must be one of {[*FORMS]}, got {form!r}")
    x, weight_hh = time_major("gru", x, batch_first), np.asarray(weight_hh)
    steps, rows, size = *x.shape[:2], weight_hh.shape[-1]
    lengths, total = checked_lengths("gru", lengths, steps, rows)
    h0 = state(h0, rows, size, x.dtype)
    out, record = space(x, size, batch_first), True in needs
    bias, bias_n = split_bias(bias_ih, bias_hh, size)
    options = norm, mask, zone_h, FORMS[form], lengths
    h, *saved = _core.gru_forward(
        x, h0, weight_ih, weight_hh, bias, bias_n, *options, total, out, reverse, packed, gates=record,
        resets=record and form != "pytorch", before=record, normal=record and norm is not None,
        rstd=record and norm is not None,
    )  # fmt: skip

    def backward(grads: tuple[Array, Array]) -> tuple[Array | None, ...]:
        grad_x = space(x, x.shape[2], batch_first) if needs[0] else None
        grad_h0, grad_w_ih, grad_w_hh, grad_bias, grad_bias_n, grad_norm = _core.gru_backward(
            caller(grads[0], batch_first), grads[1], x, h0, weight_ih, weight_hh, *options, out, *saved, grad_x, reverse,
            grad_h0=needs[1], grad_w_ih=needs[2], grad_w_hh=needs[3], grad_bias=needs[4] or needs[5],
            grad_bias_n=needs[5], grad_norm=needs[6],
        )  # fmt: skip
        grad_b_hh = np.concatenate([grad_bias[: 2 * size], grad_bias_n]) if needs[5] else None
        return caller(grad_x, batch_first), grad_h0, grad_w_ih, grad_w_hh, grad_bias, grad_b_hh, grad_norm

    return (caller(out, batch_first), h), backward


def split_bias(bias_ih: Array | None, bias_hh: Array | None, size: int) -> tuple[Array | None, Array | None]:
    """(that of the input's part [3H], that of h's part of n [H]); r and z have both in one."""
    if bias_hh is None:
        return bias_ih, None
    bias = bias_hh.copy()
    bias[2 * size :] = 0
    return sum_bias(bias_ih, bias), bias_hh[2 * size :]
