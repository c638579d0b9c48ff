"""Connectionist temporal classification: the loss of labels that are shorter than their inputs and not aligned to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..autograd import op
from ._broadcast import as_floats
from ._cross_entropy import check_reduction
from ._recurrent import as_lengths
from ._types import Array, Reduction, Result

_TARGETS = "target_lengths", "the labels that there are"


@op
def ctc_loss(
    log_probs: Array,
    targets: npt.ArrayLike,
    input_lengths: npt.ArrayLike | None = None,
    target_lengths: npt.ArrayLike | None = None,
    *,
    blank: int = 0,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
) -> Result:
    """Compute `-log p(targets)`, summed over all alignments of the targets with the inputs.

    An alignment has a label or the blank at every frame; the targets are what is left when repetitions are joined and blanks
    taken out. A target that is too long for its input has the loss inf, and NaN as gradient.

    Args:
        log_probs: log-probabilities of the classes, such as `log_softmax` gives, [T, N, C], or [T, C] without a batch.
        targets: class numbers without blanks: padded [N, S], or all behind each other [sum of target_lengths]; [S] for
            inputs without a batch. What is padding may be any integer.
        input_lengths: [N] integers in [0, T]; None means T for all.
        target_lengths: [N] integers; None means S for all.
        blank: the number of the blank.
        reduction: "mean" divides each loss by the length of its target (at least 1) and takes the mean over the batch;
            "sum"; "none", the loss of each.
        zero_infinity: infinite losses count 0, and so do their gradients.

    Returns:
        A number; with reduction="none" [N], or a number without a batch.

    Raises:
        TypeError: where targets are no integers.
        ValueError: for shapes that do not fit, a target or length out of range, a blank among the targets, or another
            `reduction`.

    The numbers are PyTorch's. The gradient is that of `log_probs` themselves, `-p(class at frame)`; PyTorch's has already
    passed through the log_softmax before it. With a log_softmax both are the same.

    Source: Graves et al., "Connectionist temporal classification", ICML 2006.

    >>> import numpy as np
    >>> log_probs = np.log(np.full((3, 1, 2), 0.5))  # 6 of the 8 paths give one label
    >>> round(float(np.exp(-ctc_loss(log_probs, [[1]]))), 4)
    0.75
    """
    check_reduction("ctc_loss", reduction)
    x, single = as_frames("ctc_loss", log_probs)
    counts = as_input_lengths("ctc_loss", input_lengths, x, single)
    check_blank("ctc_loss", blank, x.shape[2])
    table, sizes = _padded(np.asarray(targets), target_lengths, x, single)
    _check_targets(table, sizes, x.shape[2], blank)
    table = np.where(np.arange(table.shape[1]) < sizes[:, None], table, 0).astype(np.int32)
    given = x, table, counts, sizes, blank
    loss, alpha = _core.ctc_forward(*given, alpha=True)
    lost = np.isinf(loss) if zero_infinity else np.zeros(len(loss), bool)
    loss[lost] = 0
    share = 1 / np.maximum(sizes, 1) / len(loss) if reduction == "mean" and len(loss) else np.ones(len(loss))

    def backward(grad: Array) -> Array:
        factor = (np.reshape(grad, -1) * share).astype(x.dtype)
        found = _core.ctc_backward(*given, alpha, factor)
        found[:, lost] = 0
        return found[:, 0] if single else found

    if reduction == "none":
        return (loss[0] if single else loss).astype(x.dtype), backward
    empty = reduction == "mean" and not len(loss)
    return np.asarray(np.nan if empty else (loss * share).sum(), x.dtype), backward


def as_frames(name: str, log_probs: Any) -> tuple[Array, bool]:
    """Return log-probabilities as [T, N, C], and whether they came without a batch."""
    x = as_floats(log_probs)
    if x.ndim not in (2, 3) or not x.shape[-1]:
        raise ValueError(f"{name}: log_probs has shape {x.shape}, expected [T, N, C] or [T, C] with at least one class")
    return (x[:, None], True) if x.ndim == 2 else (x, False)


def as_input_lengths(name: str, lengths: Any, x: Array, single: bool) -> Array:
    """Return the lengths of the inputs as int32."""
    if lengths is None:
        return np.full(x.shape[1], len(x), np.int32)
    counts, _ = as_lengths(name, _for_rows(lengths, single), len(x), x.shape[1], "input_lengths", "the frames")
    return counts


def check_blank(name: str, blank: int, classes: int) -> None:
    """Refuse a blank that is no class."""
    if not 0 <= blank < classes:
        raise ValueError(f"{name}: blank must lie in [0, {classes}), got {blank}")


def _for_rows(lengths: Any, single: bool) -> np.ndarray:
    """Return lengths as an array, that of an input without a batch as [1]."""
    lengths = np.asarray(lengths)
    return lengths.reshape(1) if single and lengths.size == 1 else lengths


def _padded(targets: np.ndarray, target_lengths: Any, x: Array, single: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return targets as a table [N, S], and their lengths."""
    rows = x.shape[1]
    if targets.size and targets.dtype.kind not in "iu":
        raise TypeError(f"ctc_loss: targets must be integers, got {targets.dtype}")
    if single and targets.ndim == 1:
        targets = targets[None]
    if targets.ndim == 2 and len(targets) == rows:
        sizes = np.full(rows, targets.shape[1]) if target_lengths is None else _for_rows(target_lengths, single)
        sizes, _ = as_lengths("ctc_loss", sizes, targets.shape[1], rows, *_TARGETS)
        return targets, sizes
    if targets.ndim == 1 and target_lengths is not None:
        sizes, total = as_lengths("ctc_loss", target_lengths, len(targets), rows, *_TARGETS)
        if total != len(targets):
            raise ValueError(f"ctc_loss: target_lengths add up to {total}, but there are {len(targets)} targets")
        there = np.arange(max(sizes, default=0)) < sizes[:, None]
        table = np.zeros(there.shape, targets.dtype)
        table[there] = targets
        return table, sizes
    raise ValueError(
        f"ctc_loss: targets has shape {targets.shape}, expected [{rows}, S], or all targets behind each other with"
        " target_lengths"
    )


def _check_targets(table: np.ndarray, sizes: np.ndarray, classes: int, blank: int) -> None:
    there = np.arange(table.shape[1]) < sizes[:, None]
    if (wrong := table[there & ((table < 0) | (table >= classes))]).size:
        raise ValueError(f"ctc_loss: targets must lie in [0, {classes}), got {wrong[0]}")
    if (there & (table == blank)).any():
        raise ValueError(f"ctc_loss: targets hold the blank, {blank}: leave it out, or give target_lengths")
