"""Sequences of unequal length as one array: padding, truncation, overlapping windows, batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

Side = Literal["left", "right"]


def pad(
    sequences: Sequence[np.ndarray | Sequence],
    *,
    value: float = 0,
    length: int | None = None,
    side: Side = "right",
    multiple_of: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Join sequences of unequal length to one array, filled up with `value`.

    Args:
        sequences: B sequences [t, ...].
        value: what the filling holds.
        length: the length T of the array; by default the longest of the sequences.
        side: where the filling goes, "right" or "left".
        multiple_of: T is rounded up to a multiple of this.

    Returns:
        The array [B, T, ...] and the lengths of the sequences (int32 [B]).

    Raises:
        ValueError: a sequence longer than `length` (see `truncate`), or sequences of different trailing shapes.

    >>> from seqnn.text import pad
    >>> pad([[1, 2, 3], [4]], value=9)
    (array([[1, 2, 3],
           [4, 9, 9]]), array([3, 1], dtype=int32))
    """
    _check_side(side)
    if multiple_of < 1:
        raise ValueError(f"multiple_of: expected an integer >= 1, got {multiple_of}")
    arrays = [np.asarray(s) for s in sequences]
    filled = [a for a in arrays if a.size] or arrays
    lengths = np.array([len(a) for a in arrays], np.int32)
    longest = int(lengths.max(initial=0))
    if length is None:
        length = longest
    elif longest > length:
        raise ValueError(f"length: sequence {int(lengths.argmax())} has {longest} elements, more than length={length}")
    shapes = {a.shape[1:] for a in filled}
    if len(shapes) > 1:
        raise ValueError(f"sequences: expected one shape after the first axis, got {sorted(shapes)}")
    width = -(-length // multiple_of) * multiple_of
    dtype = np.result_type(*filled) if filled else np.int32
    out = np.full((len(arrays), width, *(shapes.pop() if shapes else ())), value, dtype)
    for row, array in zip(out, arrays, strict=True):
        if len(array):
            row[slice(None, len(array)) if side == "right" else slice(-len(array), None)] = array
    return out, lengths


def truncate(sequences: Sequence, length: int, *, side: Side = "right") -> list:
    """Cut sequences to at most `length` elements each.

    Args:
        sequences: any sequences that can be sliced.
        length: how many elements are kept.
        side: where the rest is cut off, "right" or "left".

    Returns:
        A list of the sequences.

    >>> from seqnn.text import truncate
    >>> truncate([[1, 2, 3], [4]], 2), truncate([[1, 2, 3]], 2, side="left")
    ([[1, 2], [4]], [[2, 3]])
    """
    _check_side(side)
    if length < 0:
        raise ValueError(f"length: expected an integer >= 0, got {length}")
    return [s[:length] if side == "right" else s[max(len(s) - length, 0) :] for s in sequences]


def windows(sequence: np.ndarray | Sequence, size: int, *, overlap: int = 0, value: float | None = None) -> np.ndarray:
    """Cut a sequence into windows; nothing is copied where no filling is needed: they are a read-only view.

    Args:
        sequence: [T, ...].
        size: elements of a window.
        overlap: elements that a window shares with the one before it.
        value: what fills the last window up; without it a window that is not full is left out.

    Returns:
        The windows [N, size, ...].

    >>> from seqnn.text import windows
    >>> windows([1, 2, 3, 4, 5], 3, overlap=1)
    array([[1, 2, 3],
           [3, 4, 5]])
    >>> windows([1, 2, 3, 4], 3, overlap=1, value=0)
    array([[1, 2, 3],
           [3, 4, 0]])
    """
    if size < 1:
        raise ValueError(f"size: expected an integer >= 1, got {size}")
    if not 0 <= overlap < size:
        raise ValueError(f"overlap: expected 0 <= overlap < size={size}, got {overlap}")
    array = np.asarray(sequence)
    step = size - overlap
    if value is not None and len(array):
        count = 1 + max(0, -(-(len(array) - size) // step))
        missing = size + (count - 1) * step - len(array)
        if missing > 0:
            array = np.concatenate([array, np.full((missing, *array.shape[1:]), value, array.dtype)])
    if len(array) < size:
        return np.empty((0, size, *array.shape[1:]), array.dtype)
    return np.moveaxis(np.lib.stride_tricks.sliding_window_view(array, size, axis=0)[::step], -1, 1)


def length_buckets(lengths: Sequence[int], batch_size: int, *, seed: int | None = None) -> list[np.ndarray]:
    """Put sequences of similar length into batches, so that little is padded.

    Sequences are sorted by length with random ties, cut into batches, and the batches are shuffled.

    Args:
        lengths: of the sequences.
        batch_size: sequences a batch; the last one may have fewer.
        seed: of the random order; with None nothing is random, and batches run from short to long.

    Returns:
        The indices of the sequences of each batch.

    >>> from seqnn.text import length_buckets
    >>> [b.tolist() for b in length_buckets([5, 1, 4, 2], 2)]
    [[1, 3], [2, 0]]
    """
    if batch_size < 1:
        raise ValueError(f"batch_size: expected an integer >= 1, got {batch_size}")
    lengths = np.asarray(lengths)
    if seed is None:
        order = np.argsort(lengths, kind="stable")
    else:
        draw = np.random.default_rng(seed)
        order = np.lexsort((draw.random(len(lengths)), lengths))
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if seed is not None:
        draw.shuffle(batches)
    return batches


def _check_side(side: str) -> None:
    if side not in ("left", "right"):
        raise ValueError(f"side: expected 'left' or 'right', got {side!r}")
