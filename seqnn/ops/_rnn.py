"""The vanilla recurrent net over whole sequences."""

from __future__ import annotations

import numpy.typing as npt

from .. import _core
from ..autograd import Needs, op
from ._recurrent import check_name, last_axis, unroll
from ._types import Array, Backward


@op
def rnn(
    x: Array,
    h0: Array | None,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None = None,
    bias_hh: Array | None = None,
    norm: Array | None = None,
    *,
    nonlinearity: str = "tanh",
    lengths: npt.ArrayLike | None = None,
    reverse: bool = False,
    batch_first: bool = False,
    mask: Array | None = None,
    zone_h: Array | None = None,
    packed: Array | None = None,
    needs: Needs,
) -> tuple[tuple[Array, Array], Backward]:
    """Run a vanilla recurrent layer in one direction: h = act(x W_ih^T + b_ih + h W_hh^T + b_hh).

    Args:
        x: the inputs, [T, B, I], or [B, T, I] with `batch_first`; integers and other floats become the weights' kind of
            numbers, but float64 beside float32 is an error.
        h0: h before the first step, [B, H], or None for zeros.
        weight_ih: [H, I].
        weight_hh: [H, H].
        bias_ih, bias_hh: [H] each, or None.
        norm: [H], the scale of a layer norm before the biases, or None.
        nonlinearity: "tanh", "relu" or "sigmoid".
        lengths: [B] integers in [0, T], in any order: steps after the end of a sequence are not read, and zero in `out`.
            None means T for all.
        reverse: whether to begin at each sequence's last step.
        batch_first: whether x and `out` are [B, T, .].
        mask: [B, H], which h is multiplied by before the product (variational dropout), or None.
        zone_h: the share of the old h that is kept (zoneout), [T, B, H] or with axes of size 1; or None.
        packed: what `_core.rnn_pack(weight_ih, weight_hh)` returned for weights that do not change, or None.

    Returns:
        (out, h): h of every step in the layout of x, and h after each sequence's last step.

    Raises:
        ValueError: for shapes that do not agree, an unknown nonlinearity, lengths outside [0, T], and `packed` of other
            weights.
        TypeError: for kinds of numbers that do not go together.

    Source: Elman, "Finding structure in time", 1990.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> out, h = ops.rnn(np.ones((3, 1, 1)), None, np.ones((1, 1)), np.ones((1, 1)), nonlinearity="relu")
    >>> out.reshape(-1).tolist()
    [1.0, 2.0, 3.0]
    """
    check_name("rnn", "nonlinearity", nonlinearity, _core.rnn.nonlinearity)
    weights = {
        "weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh, "norm": norm,
    }  # fmt: skip
    out, done, backward = unroll(
        "rnn", x, {"h0": (h0, last_axis("rnn", "weight_hh", weight_hh))}, weights, saves=["gates", "h_before"],
        needs=needs, options={"mask": mask, "zone_h": zone_h, "nonlinearity": nonlinearity}, lengths=lengths,
        reverse=reverse, batch_first=batch_first, packed=packed,
    )  # fmt: skip
    return (out, done.h_last), backward
