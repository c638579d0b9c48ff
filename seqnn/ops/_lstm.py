"""LSTM over whole sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from ..autograd import op
from ._recurrent import Array, caller, checked_lengths, space, state, sum_bias, time_major


@op
def lstm(
    x: Any,
    h0: Any,
    c0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    peephole: Any = None,
    norm: Any = None,
    weight_hr: Any = None,
    norm_cell: Any = None,
    *,
    lengths: Any = None,
    reverse: bool = False,
    batch_first: bool = False,
    mask: Array | None = None,
    zone_h: Array | None = None,
    zone_c: Array | None = None,
    packed: Array | None = None,
    needs: tuple[bool, ...] = (),
) -> tuple[tuple[Array, Array, Array], Callable]:
    """One direction of one LSTM layer: i, f, g, o of x W_ih^T + h W_hh^T + bias; c = f c + i g; h = o tanh(c).

    Args:
        x: [T, B, I], or [B, T, I] with `batch_first`.
        h0, c0: [B, H], or None for zeros; h0 [B, P] with a projection.
        weight_ih, weight_hh, bias_ih, bias_hh: [4H, I], [4H, H], [4H], [4H], gates in the order i, f, g, o.
        peephole: [3, H], what i and f see of the old c and o of the new one, or None.
        weight_hr: [P, H], or None: h = W_hr (o tanh(c)) has P units then, and weight_hh is [4H, P] (projection).
        norm: [4H], the scale of a layer norm of each gate in front of the bias, or None.
        norm_cell: [2, H], with `norm`: scale and shift of a layer norm of what h sees of c, h = o tanh(norm(c)); or None.
        lengths: [B] integers in [0, T], in any order: what lies behind is not read, and zero in the result.
        reverse: begins at each sequence's last step.
        mask: like h0, by which h is multiplied in front of the product (variational dropout).
        zone_h, zone_c: the share of the old h and c that is kept, [T, B, H] or with axes of size 1 (zoneout).
        packed: what `_core.lstm_pack(weight_ih, weight_hh, weight_hr)` returned for weights that do not change.

    Returns:
        (out, h, c): h of every step in x's layout, and h and c, like h0 and c0, behind each sequence's last step.

    Raises:
        ValueError: for shapes that do not agree, and lengths outside [0, T].

    Sources: Hochreiter, Schmidhuber, "Long short-term memory", 1997; Gers, Schmidhuber, "Recurrent nets that time and
    count", 2000 (peepholes); Sak, Senior, Beaufays, "Long short-term memory recurrent neural network architectures for
    large scale acoustic modeling", 2014 (projection); Ba, Kiros, Hinton, "Layer normalization", 2016; Krueger et al.,
    "Zoneout", 2017.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> x, w = np.ones((5, 2, 3)), np.ones((8, 3))
    >>> out, h, c = ops.lstm(x, None, None, w, np.ones((8, 2)), lengths=[5, 1])
    >>> out.shape, bool((h[1] == out[0, 1]).all())
    ((5, 2, 2), True)
    """
    x, weight_hh = time_major("lstm", x, batch_first), np.asarray(weight_hh)
    steps, rows, size = *x.shape[:2], weight_hh.shape[-1]
    units = size if weight_hr is None else np.asarray(weight_hr).shape[-1]
    lengths, total = checked_lengths("lstm", lengths, steps, rows)
    h0, c0 = state(h0, rows, size, x.dtype), state(c0, rows, units, x.dtype)
    out, record = space(x, size, batch_first), True in needs
    options = weight_hr, peephole, norm, norm_cell, mask, zone_h, zone_c, lengths
    h, c, *saved = _core.lstm_forward(
        x, h0, c0, weight_ih, weight_hh, sum_bias(bias_ih, bias_hh), *options, total, out, reverse, packed,
        gates=record, cells=record, before=record, hidden=record and weight_hr is not None,
        normal=record and norm is not None, rstd=record and norm is not None,
    )  # fmt: skip

    def backward(grads: tuple[Array, Array, Array]) -> tuple[Array | None, ...]:
        grad_x = space(x, x.shape[2], batch_first) if needs[0] else None
        grad_h0, grad_c0, grad_w_ih, grad_w_hh, grad_bias, grad_w_hr, *grad_options = _core.lstm_backward(
            caller(grads[0], batch_first), grads[1], grads[2], x, c0, weight_ih, weight_hh, *options, *saved, grad_x,
            reverse, grad_h0=needs[1], grad_c0=needs[2], grad_w_ih=needs[3], grad_w_hh=needs[4],
            grad_bias=needs[5] or needs[6], grad_w_hr=needs[9], grad_peephole=needs[7], grad_norm=needs[8],
            grad_norm_cell=needs[10],
        )  # fmt: skip
        again = grad_bias.copy() if needs[5] and needs[6] else grad_bias
        return (
            caller(grad_x, batch_first), grad_h0, grad_c0, grad_w_ih, grad_w_hh, grad_bias, again, *grad_options[:2],
            grad_w_hr, grad_options[2],
        )  # fmt: skip

    return (caller(out, batch_first), h, c), backward
