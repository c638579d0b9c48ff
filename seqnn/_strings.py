"""Strings as arrays: one buffer of UTF-8 bytes and the offsets where each string starts and ends."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np


def encode(string: str) -> bytes:
    """Encode as UTF-8. Bytes that were read with "surrogateescape" stay as they were; other lone surrogates take three bytes."""
    try:
        return string.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return string.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str:
    """Undo `encode`."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


def pack(strings: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of all strings end to end (uint8) and N + 1 offsets (int64): string i is bytes[offsets[i]:offsets[i + 1]].

    Lone surrogates survive the round trip; those that stand for undecodable bytes become these bytes.
    """
    strings = list(strings)
    try:
        data = "".join(strings).encode("utf-8", "surrogateescape")
        sizes = [len(s) if s.isascii() else len(s.encode("utf-8", "surrogateescape")) for s in strings]
    except UnicodeEncodeError:
        encoded = [encode(s) for s in strings]
        data, sizes = b"".join(encoded), [len(e) for e in encoded]
    offsets = np.zeros(len(strings) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return np.frombuffer(data, np.uint8), offsets


def unpack(data: np.ndarray, offsets: np.ndarray) -> list[str]:
    """Undo `pack`."""
    raw = data.tobytes()
    bounds = offsets.tolist()
    return [decode(raw[a:b]) for a, b in pairwise(bounds)]


def packed_fits(data: np.ndarray, offsets: np.ndarray, count: int) -> bool:
    """Tell whether two arrays can be what `pack` made of `count` strings; files may hold anything."""
    return (
        data.dtype == np.uint8
        and data.ndim == 1
        and offsets.dtype == np.int64
        and offsets.shape == (count + 1,)
        and offsets[0] == 0
        and offsets[-1] == len(data)
        and bool((offsets[1:] >= offsets[:-1]).all())
    )
