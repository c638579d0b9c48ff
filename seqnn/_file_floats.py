"""The weights of files as models hold them: 16-bit floats widened to float32, matrices turned; by all threads."""

from __future__ import annotations

import numpy as np

from . import _core

__all__ = ["turned", "widened"]


def widened(array: np.ndarray) -> np.ndarray:
    """Return an array of 16-bit floats as float32, which holds all their values.

    Args:
        array: float16, or uint16: then these are the bits of bfloat16 numbers.

    >>> import numpy as np
    >>> from seqnn import _file_floats
    >>> _file_floats.widened(np.array([0x3FC0, 0xC000], np.uint16)).tolist()
    [1.5, -2.0]
    """
    form = "float16" if array.dtype == np.float16 else "bfloat16"
    return _core.file_floats_widen(array.view(np.uint16), _core.file_floats.form.index(form))


def turned(array: np.ndarray) -> np.ndarray:
    """Return the transpose of a matrix as an array of its own, in C order.

    Args:
        array: [R, C].
    """
    if array.dtype == np.float32:
        return _core.file_floats_turn(array)
    return np.ascontiguousarray(array.T)
