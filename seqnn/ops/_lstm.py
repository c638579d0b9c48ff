"""LSTM over whole sequences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..autograd import Needs, op
from ._recurrent import last_axis, unroll
from ._types import Array, Backward


@op
def lstm(
    x: Array,
    h0: Array | None,
    c0: Array | None,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None = None,
    bias_hh: Array | None = None,
    peephole: Array | None = None,
    norm: Array | None = None,
    weight_hr: Array | None = None,
    norm_cell: Array | None = None,
    *,
    lengths: npt.ArrayLike | None = None,
    reverse: bool = False,
    batch_first: bool = False,
    mask: Array | None = None,
    zone_h: Array | None = None,
    zone_c: Array | None = None,
    packed: Array | None = None,
    needs: Needs,
) -> tuple[tuple[Array, Array, Array], Backward]:
    """Run an LSTM layer in one direction: c = f c + i g and h = o tanh(c), gates i, f, g, o.

    The gates are i, f, o = sigmoid(.) and g = tanh(.) of x W_ih^T + b_ih + h W_hh^T + b_hh.

    Args:
        x: the inputs, [T, B, I], or [B, T, I] with `batch_first`; integers and other floats become the weights' kind of
            numbers, but float64 beside float32 is an error.
        h0: h before the first step, [B, H] ([B, P] with a projection), or None for zeros.
        c0: c before the first step, [B, H], or None for zeros.
        weight_ih: [4H, I], gates in the order i, f, g, o.
        weight_hh: [4H, H], or [4H, P] with a projection.
        bias_ih, bias_hh: [4H] each, or None.
        peephole: [3, H], what i and f see of the old c and o of the new one, or None.
        norm: [4H], the scale of a layer norm of each gate before the biases, or None.
        weight_hr: [P, H], a projection: h = W_hr (o tanh(c)) has P units; or None.
        norm_cell: [2, H], with `norm`: scale and shift of a layer norm of what h sees of c, h = o tanh(norm(c)); or None.
        lengths: [B] integers in [0, T], in any order: steps after the end of a sequence are not read, and zero in `out`.
            None means T for all.
        reverse: whether to begin at each sequence's last step.
        batch_first: whether x and `out` are [B, T, .].
        mask: [B, H or P], which h is multiplied by before the product (variational dropout), or None.
        zone_h: the share of the old h that is kept (zoneout), [T, B, H or P] or with axes of size 1; or None.
        zone_c: the same of c, [T, B, H].
        packed: what `_core.lstm_pack(weight_ih, weight_hh, weight_hr)` returned for weights that do not change, or None.

    Returns:
        (out, h, c): h of every step in the layout of x, and h and c after each sequence's last step, shaped like h0 and c0.

    Raises:
        ValueError: for shapes that do not agree, lengths outside [0, T], and `packed` of other weights.
        TypeError: for kinds of numbers that do not go together.

    Sources: Hochreiter, Schmidhuber, "Long short-term memory", 1997; Gers, Schmidhuber, "Recurrent nets that time and
    count", 2000 (peepholes); Sak, Senior, Beaufays, "Long short-term memory recurrent neural network architectures for
    large scale acoustic modeling", 2014 (projection); Ba, Kiros, Hinton, "Layer normalization", 2016; Gal, Ghahramani,
    "A theoretically grounded application of dropout in recurrent neural networks", 2016; Krueger et al., "Zoneout", 2017.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> x, w = np.ones((5, 2, 3)), np.ones((8, 3))
    >>> out, h, c = ops.lstm(x, None, None, w, np.ones((8, 2)), lengths=[5, 1])
    >>> out.shape, bool((h[1] == out[0, 1]).all())
    ((5, 2, 2), True)
    """
    h_size = last_axis("lstm", "weight_hh", weight_hh)
    units = h_size if weight_hr is None else last_axis("lstm", "weight_hr", weight_hr)
    if len(weight_hh) != 4 * units:
        raise ValueError(
            f"lstm: weight_hh has shape {np.shape(weight_hh)}, expected 4 rows for each of its columns, unless weight_hr "
            "projects h: then for each column of that"
        )
    if norm_cell is not None and norm is None:
        raise ValueError("lstm: norm_cell goes with norm, got norm=None")
    weights = {
        "weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh, "peephole": peephole,
        "norm": norm, "weight_hr": weight_hr, "norm_cell": norm_cell,
    }  # fmt: skip
    saves = ["gates", "cells", "h_before"] + ["cell_output"] * (weight_hr is not None)
    out, done, backward = unroll(
        "lstm", x, {"h0": (h0, h_size), "c0": (c0, units)}, weights, saves=saves, reads=["c0"], needs=needs,
        options={"mask": mask, "zone_h": zone_h, "zone_c": zone_c}, lengths=lengths, reverse=reverse,
        batch_first=batch_first, packed=packed,
    )  # fmt: skip
    return (out, done.h_last, done.c_last), backward
