"""The short/long-memory net over whole sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._layouts import swap_layout
from ..autograd import Needs, op
from ._recurrent import check_name, last_axis, unroll
from ._types import Array, Backward


@op
def stlm(
    x: Array,
    h0: Array | None,
    short0: Array | None,
    long0: Array | None,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None = None,
    bias_hh: Array | None = None,
    mix: Array | None = None,
    norm: Array | None = None,
    *,
    combine: str = "concat",
    lengths: npt.ArrayLike | None = None,
    reverse: bool = False,
    batch_first: bool = False,
    mask: Array | None = None,
    zone_h: Array | None = None,
    zone_c: Array | None = None,
    packed: Array | None = None,
    needs: Needs,
) -> tuple[tuple[Array, Array, Array, Array], Backward]:
    """Run a layer with a short and a long memory, C_s and C_l, of M units each, in one direction.

    The gates i_s, f_s, i_l, f_l, g, o are g = tanh(.) and the others = sigmoid(.) of x W_ih^T + b_ih + h W_hh^T + b_hh.
    C_s = f_s C_s + i_s g and C_l = f_l C_l + i_l g share the candidate g, and h is

        "concat":     o tanh([C_s, C_l]), H = 2M, o of 2M columns;
        "sum":        o tanh(mix[0] C_s + mix[1] C_l), H = M;
        "two_gates":  o_s tanh(C_s) + o_l tanh(C_l), H = M.

    Args:
        x: the inputs, [T, B, I], or [B, T, I] with `batch_first`; integers and other floats become the weights' kind of
            numbers, but float64 beside float32 is an error.
        h0: h before the first step, [B, H], or None for zeros.
        short0, long0: the memories before the first step, [B, M] each, or None for zeros.
        weight_ih: [7M, I], gates in the order i_s, f_s, i_l, f_l, g, o; [6M, I] with "sum".
        weight_hh: [7M, H], or [6M, H].
        bias_ih, bias_hh: [7M] or [6M] each, or None.
        mix: [2, M], the weights of the memories, with "sum" only.
        norm: [7M] or [6M], the scale of a layer norm of each gate before the biases, or None.
        combine: "concat", "sum" or "two_gates".
        lengths: [B] integers in [0, T], in any order: steps after the end of a sequence are not read, and zero in `out`.
            None means T for all.
        reverse: whether to begin at each sequence's last step.
        batch_first: whether x and `out` are [B, T, .].
        mask: [B, H], which h is multiplied by before the product (variational dropout), or None.
        zone_h: the share of the old h that is kept (zoneout), [T, B, H] or with axes of size 1; or None.
        zone_c: the same of both memories side by side, [T, B, 2M].
        packed: what `_core.stlm_pack(weight_ih, weight_hh)` returned for weights that do not change, or None.

    Returns:
        (out, h, short, long): h of every step in the layout of x, and the states after each sequence's last step.

    Raises:
        ValueError: for shapes that do not agree, an unknown `combine`, lengths outside [0, T], and `packed` of other
            weights.
        TypeError: for kinds of numbers that do not go together.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> out, h, short, long = ops.stlm(np.ones((3, 2, 4)), None, None, None, np.ones((14, 4)), np.ones((14, 4)))
    >>> out.shape, short.shape
    ((3, 2, 4), (2, 2))
    """
    weights = {
        "weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh, "mix": mix, "norm": norm,
    }  # fmt: skip
    out, done, backward = _unroll(
        x, (h0, short0, long0), weights, combine, {"mask": mask, "zone_h": zone_h, "zone_c": zone_c}, lengths=lengths,
        reverse=reverse, batch_first=batch_first, packed=packed, needs=needs,
    )  # fmt: skip
    return (out, done.h_last, done.short_last, done.long_last), backward


def stlm_memories(
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None = None,
    bias_hh: Array | None = None,
    mix: Array | None = None,
    *,
    combine: str = "concat",
    lengths: npt.ArrayLike | None = None,
    reverse: bool = False,
    batch_first: bool = False,
) -> tuple[Array, Array, Array]:
    """Compute both memories of `stlm` at every step, to look at; the states begin at zero.

    Args:
        x: the inputs, [T, B, I], or [B, T, I] with `batch_first`.
        weight_ih: [7M, I]; [6M, I] with "sum".
        weight_hh: [7M, H], or [6M, H].
        bias_ih, bias_hh: [7M] or [6M] each, or None.
        mix: [2, M], the weights of the memories, with "sum" only.
        combine: "concat", "sum" or "two_gates".
        lengths: [B] integers in [0, T]; None means T for all.
        reverse: whether to begin at each sequence's last step.
        batch_first: whether x and the results are [B, T, .].

    Returns:
        (out, short, long): arrays in the layout of x, zero after a sequence's end.

    Raises:
        ValueError, TypeError: those of `stlm`.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> out, short, long = ops.stlm_memories(np.ones((3, 2, 4)), np.ones((14, 4)), np.ones((14, 4)))
    >>> short.shape
    (3, 2, 2)
    """
    weights = {
        "weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh, "mix": mix, "norm": None,
    }  # fmt: skip
    out, done, _ = _unroll(
        x, (None, None, None), weights, combine, {}, lengths=lengths, reverse=reverse, batch_first=batch_first, packed=None,
        needs=None, keeps=["cells"],
    )  # fmt: skip
    rows, size = done.short_last.shape
    steps = out.shape[1 if batch_first else 0]
    lengths = np.full(rows, steps) if lengths is None else np.asarray(lengths)
    memories = np.zeros((steps, rows, 2 * size), out.dtype)
    order = np.argsort(-lengths, kind="stable")  # as the kernel numbers its rows: csrc/recurrent/recurrent.h
    start = 0
    for step in range(int(lengths.max(initial=0))):
        running = order[: int((lengths > step).sum())]
        at = lengths[running] - 1 - step if reverse else step
        memories[at, running] = done.cells[start : start + len(running)]
        start += len(running)
    memories = swap_layout(memories, batch_first)
    return out, memories[..., :size], memories[..., size:]


def _unroll(
    x: Any, first: tuple[Any, Any, Any], weights: dict[str, Any], combine: str, options: dict[str, Any], **more: Any
) -> tuple[Array, Any, Backward]:
    """Check what `combine` asks for, and run the layer."""
    check_name("stlm", "combine", combine, _core.stlm.combine)
    hidden = last_axis("stlm", "weight_hh", weights["weight_hh"])
    size = hidden // 2 if combine == "concat" else hidden
    rows = (6 if combine == "sum" else 7) * size
    for name in ("weight_ih", "weight_hh"):
        if len(weights[name]) != rows:
            raise ValueError(
                f"stlm: {name} has shape {np.shape(weights[name])}, expected 6 rows for each unit of a memory with "
                f"combine='sum', else 7, that is {rows} with combine={combine!r}"
            )
    if (combine == "sum") != (weights["mix"] is not None):
        given = "None" if weights["mix"] is None else "an array"
        raise ValueError(f"stlm: mixing weights go with combine='sum', which needs them, got mix={given}, {combine=}")
    sizes = {"h0": hidden, "short0": size, "long0": size}
    return unroll(
        "stlm", x, {name: (given, sizes[name]) for name, given in zip(sizes, first, strict=True)}, weights,
        options={**options, "combine": combine}, saves=["gates", "cells", "h_before"], reads=["short0", "long0"], **more,
    )  # fmt: skip
