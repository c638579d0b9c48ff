"""GRU over whole sequences."""

from __future__ import annotations

import numpy.typing as npt

from .. import _core
from ..autograd import Needs, op
from ._recurrent import check_name, last_axis, unroll
from ._types import Array, Backward


@op
def gru(
    x: Array,
    h0: Array | None,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None = None,
    bias_hh: Array | None = None,
    norm: Array | None = None,
    *,
    form: str = "pytorch",
    lengths: npt.ArrayLike | None = None,
    reverse: bool = False,
    batch_first: bool = False,
    mask: Array | None = None,
    zone_h: Array | None = None,
    packed: Array | None = None,
    needs: Needs,
) -> tuple[tuple[Array, Array], Backward]:
    """Run a GRU layer in one direction: h = (1 - z) n + z h, gates r, z, n.

    r, z = sigmoid(x W_i^T + b_i + h W_h^T + b_h). The forms are

        "pytorch":  n = tanh(x W_in^T + b_in + r (h W_hn^T + b_hn));
        "cho2014":  n = tanh(x W_in^T + b_in + (r h) W_hn^T + b_hn);
        "update":   n as in "cho2014", and h = z n + (1 - z) h.

    Args:
        x: the inputs, [T, B, I], or [B, T, I] with `batch_first`; integers and other floats become the weights' kind of
            numbers, but float64 beside float32 is an error.
        h0: h before the first step, [B, H], or None for zeros.
        weight_ih: [3H, I], gates in the order r, z, n.
        weight_hh: [3H, H].
        bias_ih, bias_hh: [3H] each, or None.
        norm: [4H], the scale of a layer norm of r, z and both parts of n before the biases, or None; with the form
            "pytorch" only.
        form: "pytorch", "cho2014" or "update".
        lengths: [B] integers in [0, T], in any order: steps after the end of a sequence are not read, and zero in `out`.
            None means T for all.
        reverse: whether to begin at each sequence's last step.
        batch_first: whether x and `out` are [B, T, .].
        mask: [B, H], which h is multiplied by before the product (variational dropout), or None.
        zone_h: the share of the old h that is kept (zoneout), [T, B, H] or with axes of size 1; or None.
        packed: what `_core.gru_pack(weight_ih, weight_hh)` returned for weights that do not change, or None.

    Returns:
        (out, h): h of every step in the layout of x, and h after each sequence's last step.

    Raises:
        ValueError: for shapes that do not agree, an unknown form, lengths outside [0, T], and `packed` of other weights.
        TypeError: for kinds of numbers that do not go together.

    Sources: Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    2014; Chung et al., "Empirical evaluation of gated recurrent neural networks on sequence modeling", 2014 ("update").

    >>> import numpy as np
    >>> from seqnn import ops
    >>> out, h = ops.gru(np.ones((3, 2, 4)), None, np.ones((6, 4)), np.ones((6, 2)), form="cho2014")
    >>> out.shape, bool((h == out[-1]).all())
    ((3, 2, 2), True)
    """
    check_name("gru", "form", form, _core.gru.form)
    if norm is not None and form != "pytorch":
        raise ValueError(f"gru: norm goes with form 0, 'pytorch', only, got form={form!r}")
    weights = {
        "weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh, "norm": norm,
    }  # fmt: skip
    saves = ["gates", "h_before"] + ["resets"] * (form != "pytorch")
    out, done, backward = unroll(
        "gru", x, {"h0": (h0, last_axis("gru", "weight_hh", weight_hh))}, weights, saves=saves, reads=["h0", "out"],
        needs=needs, options={"mask": mask, "zone_h": zone_h, "form": form}, lengths=lengths, reverse=reverse,
        batch_first=batch_first, packed=packed,
    )  # fmt: skip
    return (out, done.h_last), backward
