"""Archives of arrays (.npz) as `numpy.savez` writes them, from anybody's hands."""

from __future__ import annotations

import os
import tokenize
import zipfile
import zlib

import numpy as np

from ._files import Path, name_of

__all__ = ["read_archive"]

_MOST = 1 << 26
"""Bytes that any archive may unpack to; larger ones may unpack to 100 times their size."""


def read_archive(path: Path, what: str) -> dict[str, np.ndarray]:
    """Return the arrays of an archive by their names, none of which is a pickle.

    Args:
        path: the file.
        what: is expected, for messages.

    Raises:
        ValueError: another file, a damaged one, or one that would unpack to far more than its size.
    """
    name = name_of(path)
    with open(name, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > 100 * os.fstat(file.fileno()).st_size + _MOST:
                raise ValueError(f"it would unpack to {unpacked} bytes")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
        except (
            LookupError, TypeError, ValueError, ArithmeticError, EOFError, RuntimeError, MemoryError, OSError, SyntaxError,
            zlib.error, zipfile.BadZipFile, tokenize.TokenError,
        ) as error:  # fmt: skip
            raise ValueError(f"{name}: not {what} ({error})") from None
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray):  # NumPy gives the bytes of a member that is no .npy
            raise ValueError(f"{name}: not {what} ({key!r} is no array)")
    return arrays
