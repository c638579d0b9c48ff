"""Model files of CRFsuite ("lCRF"): labels and attributes as constant databases of strings ("CQDB"), then the features.

All numbers are little-endian: uint32, and float64 for weights. The format is that of CRFsuite 0.12.
"""

from __future__ import annotations

import os
import struct
from itertools import pairwise

import numpy as np

from .._atomic import atomic_write
from .._files import Path
from .._strings import decode, encode
from ._crf_model import CRFModel

HEADER = struct.Struct("<4sI4s9I")
CHUNK = struct.Struct("<4sII")
DATABASE = struct.Struct("<4s5I")
FEATURE = np.dtype([("type", "<u4"), ("source", "<u4"), ("label", "<u4"), ("weight", "<f8")])
TABLES = 256
RECORDS = DATABASE.size + 8 * TABLES
"""Where the strings of a database begin."""
BYTE_ORDER = 0x62445371
STATE, TRANSITION = 0, 1


def read_crfsuite(path: Path) -> tuple[np.ndarray, CRFModel]:
    """Read the labels and the weights of a file; a ValueError names the file and what is wrong with it."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        return _read(data)
    except (ValueError, struct.error) as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None


def _read(data: bytes) -> tuple[np.ndarray, CRFModel]:
    if data[:4] != b"lCRF":
        raise ValueError(f"no model file of CRFsuite: expected b'lCRF' at its beginning, got {data[:4]!r}")
    if len(data) < HEADER.size:
        raise ValueError(f"truncated: expected {HEADER.size} bytes at least, got {len(data)}")
    _, size, kind, version, _, labels, attributes, at, labels_at, attributes_at, _, _ = HEADER.unpack_from(data)
    if size > len(data):
        raise ValueError(f"truncated: expected {size} bytes, got {len(data)}")
    if kind != b"FOMC" or version != 100:
        raise ValueError(f"expected a model of kind FOMC, version 100, got {kind!r}, {version}")
    names = _read_strings(data, labels_at, labels, "labels")
    words = _read_strings(data, attributes_at, attributes, "attributes")
    table = _read_features(data, at, labels, attributes)
    if not names:
        raise ValueError("the file has no labels")
    if len({*names}) != len(names) or len({*words}) != len(words):
        raise ValueError("damaged: a label or an attribute is there twice")
    if not words == [word for word in words if word and b"\0" not in word]:
        raise ValueError("damaged: an attribute has no name")
    state, pair = table[table["type"] == STATE], table[table["type"] == TRANSITION]
    state = state[np.lexsort((state["label"], state["source"]))]
    transitions = np.zeros((labels, labels))
    transitions[pair["source"], pair["label"]] = pair["weight"]
    model = CRFModel(
        np.cumsum([0, *(len(word) + 1 for word in words)]),
        np.frombuffer(b"".join(word + b"\n" for word in words), np.uint8),
        np.searchsorted(state["source"], np.arange(attributes + 1)),
        state["label"].astype(np.uint16),
        state["weight"].astype(float),
        transitions,
    )
    return np.array([decode(name) for name in names]), model


def _read_strings(data: bytes, at: int, count: int, what: str) -> list[bytes]:
    """Return the strings of a database by their numbers."""
    if at + RECORDS > len(data):
        raise ValueError(f"truncated: {what} begin at byte {at}, the file has {len(data)}")
    mark, size, _, order, links, links_at = DATABASE.unpack_from(data, at)
    if mark != b"CQDB" or order != BYTE_ORDER:
        raise ValueError(f"damaged: expected a database of {what} at byte {at}, got {mark!r}")
    if links != count or at + size > len(data) or links_at + 4 * links > size:
        raise ValueError(f"damaged: expected {count} {what}, got a database of {links} in {size} bytes")
    found = []
    for number, offset in enumerate(np.frombuffer(data, "<u4", links, at + links_at).tolist() if links else ()):
        if not RECORDS <= offset <= size - 8:
            raise ValueError(f"damaged: {what[:-1]} {number} lies outside its database")
        own, length = struct.unpack_from("<II", data, at + offset)
        if own != number or not 1 <= length <= size - offset - 8:
            raise ValueError(f"damaged: {what[:-1]} {number} is not where the file says")
        found.append(data[at + offset + 8 : at + offset + 7 + length])
    return found


def _read_features(data: bytes, at: int, labels: int, attributes: int) -> np.ndarray:
    """Return the features, each checked."""
    if at + CHUNK.size > len(data):
        raise ValueError(f"truncated: features begin at byte {at}, the file has {len(data)}")
    mark, _, count = CHUNK.unpack_from(data, at)
    if mark != b"FEAT":
        raise ValueError(f"damaged: expected features at byte {at}, got {mark!r}")
    if at + CHUNK.size + count * FEATURE.itemsize > len(data):
        raise ValueError(f"truncated: expected {count} features at byte {at}, the file has {len(data)}")
    table = np.frombuffer(data, FEATURE, count, at + CHUNK.size)
    most = np.where(table["type"] == STATE, attributes, labels)
    if (table["type"] > TRANSITION).any() or (table["source"] >= most).any() or (table["label"] >= labels).any():
        raise ValueError("damaged: a feature names a label or an attribute that is not there")
    if not np.isfinite(table["weight"]).all():
        raise ValueError("damaged: a weight is not finite")
    return table


# Writing.


def write_crfsuite(path: Path, classes: np.ndarray, model: CRFModel) -> None:
    """Write a file that CRFsuite reads."""
    labels = classes.tolist()
    if not all(isinstance(label, str) for label in labels):
        raise ValueError(f"save_crfsuite: expected labels that are texts, got {labels[:3]}")
    names = [encode(name) for name in labels]
    raw = model.names.tobytes()
    words = [raw[a : b - 1] for a, b in pairwise(model.offsets.tolist())]
    pairs = np.argwhere(model.transitions)
    states = len(model.weights)
    table = np.zeros(states + len(pairs), FEATURE)
    table["type"][states:] = TRANSITION
    table["source"] = np.concatenate([model.owners(), pairs[:, 0]])
    table["label"] = np.concatenate([model.labels, pairs[:, 1]])
    table["weight"] = np.concatenate([model.weights, model.transitions[model.transitions != 0]])
    count = len(names)
    by_label = states + np.searchsorted(pairs[:, 0], np.arange(count + 1))
    body = bytearray(HEADER.size)
    places = []
    for part in (
        CHUNK.pack(b"FEAT", CHUNK.size + table.nbytes, len(table)) + table.tobytes(),
        _strings(names),
        _strings(words),
    ):
        places.append(len(body))
        body += part
    for mark, bounds, unused in ((b"LFRF", by_label, 2), (b"AFRF", model.first, 0)):
        body += bytes(-len(body) % 4)
        places.append(len(body))
        body += _references(mark, bounds, len(body), unused)
    if len(body) >= 1 << 32:
        raise ValueError("save_crfsuite: the model is too large for CRFsuite's files, which end at 4 GiB")
    # CRFsuite leaves the number of features 0 here: it stands with the features.
    body[: HEADER.size] = HEADER.pack(b"lCRF", len(body), b"FOMC", 100, 0, count, len(words), *places)
    with atomic_write(path) as file:
        file.write(body)


def _references(mark: bytes, bounds: np.ndarray, at: int, unused: int) -> bytes:
    """Return which features each label or attribute has: those with numbers bounds[i] to bounds[i + 1].

    CRFsuite leaves room for two labels more, the beginning and the end, and lists none of their features.
    """
    counts = np.diff(bounds)
    head = CHUNK.size + 4 * (len(counts) + unused)
    starts = at + head + 4 * (np.arange(len(counts)) + bounds[:-1] - bounds[0])
    entries = np.insert(np.arange(bounds[0], bounds[-1]), bounds[:-1] - bounds[0], counts)
    table = np.concatenate([starts, np.zeros(unused, int), entries]).astype("<u4")
    return CHUNK.pack(mark, CHUNK.size + table.nbytes, len(counts) + unused) + table.tobytes()


def _strings(strings: list[bytes]) -> bytes:
    """Return a database of strings by their numbers."""
    records, links = bytearray(), []
    tables: list[list[tuple[int, int]]] = [[] for _ in range(TABLES)]
    for number, string in enumerate(strings):
        links.append(RECORDS + len(records))
        records += struct.pack("<II", number, len(string) + 1) + string + b"\0"
        hashed = lookup3(string + b"\0")
        tables[hashed % TABLES].append((hashed, links[-1]))
    references, buckets = [], bytearray()
    for table in tables:
        references.append((RECORDS + len(records) + len(buckets) if table else 0, 2 * len(table)))
        slots = [(0, 0)] * (2 * len(table))
        for hashed, offset in table:
            at = (hashed >> 8) % len(slots)
            while slots[at][1]:
                at = (at + 1) % len(slots)
            slots[at] = hashed, offset
        buckets += b"".join(struct.pack("<II", *slot) for slot in slots)
    links_at = RECORDS + len(records) + len(buckets)
    size = links_at + 4 * len(links)
    head = DATABASE.pack(b"CQDB", size, 0, BYTE_ORDER, len(links), links_at if links else 0)
    head += b"".join(struct.pack("<II", *reference) for reference in references)
    return bytes(head + records + buckets + np.array(links, "<u4").tobytes())


def lookup3(key: bytes) -> int:
    """Return the hash `hashlittle(key, 0)` of Bob Jenkins' lookup3, 2006."""

    def turned(x: int, by: int) -> int:
        return (x << by | x >> 32 - by) & 0xFFFFFFFF

    a = b = c = (0xDEADBEEF + len(key)) & 0xFFFFFFFF
    if not key:
        return c
    words = struct.unpack(f"<{-(-len(key) // 12) * 3}I", key + bytes(-len(key) % 12))
    for at in range(0, len(words) - 3, 3):
        a, b, c = ((x + y) & 0xFFFFFFFF for x, y in zip((a, b, c), words[at : at + 3], strict=True))
        for by in (4, 6, 8, 16, 19, 4):  # the three take turns
            a = (a - c & 0xFFFFFFFF) ^ turned(c, by)
            c = c + b & 0xFFFFFFFF
            a, b, c = b, c, a
    a, b, c = ((x + y) & 0xFFFFFFFF for x, y in zip((a, b, c), words[-3:], strict=True))
    for by in (14, 11, 25, 16, 4, 14, 24):
        c = (c ^ b) - turned(b, by) & 0xFFFFFFFF
        a, b, c = b, c, a
    return b
