"""Token ids, which of them count, and prompts of unequal length."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..text import pad

__all__ = ["as_attention_mask", "as_ids", "as_prompts", "keys_mask", "padded_sources"]


def as_ids(ids: Any, name: str = "ids") -> np.ndarray:
    """Check token ids: integers [batch, positions]."""
    expected = f"{name}: expected integers [batch, positions]"
    if isinstance(ids, str) or (isinstance(ids, list | tuple) and any(isinstance(row, str) for row in ids)):
        raise TypeError(f"{expected}, got text: a tokenizer or a vocabulary makes ids of it")
    try:
        array = np.asarray(ids)
    except ValueError:
        raise ValueError(
            f"{expected}, got rows of unequal length: seqnn.text.pad makes one array and lengths of them"
        ) from None
    if array.ndim != 2 or array.dtype.kind not in "iu":
        one = "; for one sequence give [ids]" if array.ndim == 1 and array.dtype.kind in "iu" else ""
        raise ValueError(f"{expected}, got {array.dtype} of shape {array.shape}{one}")
    return array


def as_attention_mask(mask: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Check which positions of ids count: booleans, or 1 and 0, [batch, positions], as Hugging Face's attention_mask."""
    if mask is None:
        return None
    found = np.asarray(mask)
    if found.shape != shape or found.dtype.kind not in "biuf" or not np.isin(found, (0, 1)).all():
        raise ValueError(
            f"attention_mask: expected booleans, or 1 and 0, of the shape of ids, {list(shape)}, got {found.dtype} of shape "
            f"{list(found.shape)}"
        )
    return found.astype(bool)


def keys_mask(lengths: Any, mask: np.ndarray | None) -> np.ndarray | None:
    """Return a mask of the keys for attention, [B, 1, 1, T]; None where `lengths` say it all."""
    if mask is None:
        return None
    if lengths is not None:
        raise ValueError("attention_mask: expected it or lengths, got both")
    return mask[:, None, None]


def as_prompts(ids: Any, lengths: Any, mask: np.ndarray | None) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Return the tokens of each prompt, and the ids as one array where the prompts end together.

    Args:
        ids: [B, T], or a list of prompts of unequal length.
        lengths: tokens of each, [B], from 1 to T, where the padding is at the end.
        mask: which positions count, [B, T], where the padding is at the beginning.
    """
    if lengths is None and mask is None and _are_unequal(ids):
        return [as_ids([row])[0] for row in ids], None
    ids = as_ids(ids)
    keys_mask(lengths, mask)
    if ids.shape[1] == 0:
        raise ValueError("ids: expected at least one token to go on from, got none")
    if mask is not None:
        if not mask[:, -1].all():
            raise ValueError("attention_mask: expected the padding at the beginning, so that each prompt ends with a 1")
        return [row[kept] for row, kept in zip(ids, mask, strict=True)], ids
    if lengths is None:
        return [*ids], ids
    sizes = np.asarray(lengths)
    if sizes.shape != (len(ids),) or sizes.dtype.kind not in "iu" or (sizes < 1).any() or (sizes > ids.shape[1]).any():
        raise ValueError(f"lengths: expected {len(ids)} integers from 1 to {ids.shape[1]}, got {lengths!r:.80}")
    return [row[:size] for row, size in zip(ids, sizes, strict=True)], None


def _are_unequal(ids: Any) -> bool:
    """Tell whether this is a list of prompts whose lengths differ, none of which is empty."""
    return (
        isinstance(ids, list | tuple)
        and all(isinstance(row, list | tuple | np.ndarray) and len(row) for row in ids)
        and len({len(row) for row in ids}) > 1
    )


def padded_sources(ids: Any, lengths: Any, value: int) -> tuple[np.ndarray, Any]:
    """Return ids [B, S] and their lengths; rows of unequal length are padded at the end.

    Args:
        ids: [B, S], or a list of sequences of unequal length.
        lengths: of the rows of an array, or None.
        value: what fills them up.
    """
    if lengths is not None or not _are_unequal(ids):
        return as_ids(ids), lengths
    return pad([as_ids([row])[0] for row in ids], value=value)
