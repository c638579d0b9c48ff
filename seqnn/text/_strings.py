"""Strings as arrays: one buffer of UTF-8 bytes and the offsets where each string starts and ends."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def pack(strings: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """UTF-8 bytes of all strings end to end (uint8) and N + 1 offsets (int64): string i is bytes[offsets[i]:offsets[i + 1]].

    Lone surrogates (from file names or undecodable input) survive the round trip.
    """
    encoded = [s.encode("utf-8", "surrogateescape") for s in strings]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(e) for e in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def unpack(data: np.ndarray, offsets: np.ndarray, errors: str = "surrogateescape") -> list[str]:
    """The inverse of `pack`; `errors` as in `bytes.decode`."""
    raw = data.tobytes()
    bounds = offsets.tolist()
    return [raw[a:b].decode("utf-8", errors) for a, b in zip(bounds, bounds[1:])]
