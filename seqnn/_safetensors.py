"""The safetensors format: named arrays in one file that is memory-mapped, and holds no code.

A file is the length of the header (8 bytes, little-endian), the header (JSON: name -> dtype, shape, data_offsets,
and "__metadata__": text -> text; padded with spaces so that the data start at a multiple of 8), then the data.
Source: https://huggingface.co/docs/safetensors, whose limits and checks are kept.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Mapping

import numpy as np

from . import _file_floats
from ._atomic import atomic_write
from ._files import Path, Source

# NumPy has no bfloat16: its bits travel as uint16.
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "C64": "<c8", "BOOL": "|b1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items() if name != "BF16"}
_MAX_HEADER = 100_000_000
_CHUNK = 1 << 24


def save(
    path: Path,
    tensors: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
    *,
    bfloat16: Collection[str] = (),
) -> None:
    """Write named arrays to a safetensors file, atomically.

    Args:
        path: the file.
        tensors: arrays by name, in any layout and byte order; float, complex64, integer and bool dtypes.
        metadata: text by name.
        bfloat16: names of uint16 arrays that are marked as bfloat16.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save(path, {"weight": np.eye(2, dtype=np.float32)}, {"epoch": "3"})
    >>> tensors, metadata = load(path)
    >>> tensors["weight"].tolist(), metadata
    ([[1.0, 0.0], [0.0, 1.0]], {'epoch': '3'})
    """
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    header: dict[str, object] = {}
    if metadata:
        if not all(isinstance(k, str) and isinstance(v, str) for k, v in metadata.items()):
            raise TypeError("metadata must map text to text")
        header["__metadata__"] = dict(metadata)
    if unknown := set(bfloat16) - set(arrays):
        raise ValueError(f"bfloat16 names no tensor: {sorted(unknown)}")
    # The widest elements first keeps every array aligned.
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    position = 0
    for name in names:
        array = arrays[name]
        header[name] = {
            "dtype": _dtype_name(name, array, name in bfloat16),
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    if len(text) > _MAX_HEADER:
        raise ValueError(f"the header takes {len(text)} bytes, at most {_MAX_HEADER} are allowed")
    with atomic_write(path) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in names:
            _write_array(file, arrays[name])


def load(
    path: Path, *, mmap: bool = True, widen: bool = False, writable: bool = False
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the arrays and the metadata of a safetensors file, which may be packed or a pipe.

    Args:
        path: the file.
        mmap: True (default) gives read-only views of the mapped file: opening takes milliseconds whatever its size, and
            the file must not be shortened in place while they are used. False reads everything into writable memory.
        widen: whether bfloat16 arrays come as float32, which holds all their values; else as uint16.
        writable: whether views of the mapped file may be written to: pages that change are copied, and the file stays as it
            is.

    Returns:
        Arrays by name, and the metadata.

    Raises:
        ValueError: a file that is damaged in any way; it names the file and the tensor.
    """
    with Source(path) as source:
        return read(source, mmap=mmap, widen=widen, writable=writable)


def read(
    source: Source, *, mmap: bool = True, widen: bool = False, writable: bool = False
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Do what `load` does with a file that is open."""
    path = source.name
    refuse_pickle(path, source.head)
    mapped = source.mapped(writable=writable)
    size = len(mapped)
    header, start = _read_header(path, mapped)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError(f"{path}: __metadata__ must map text to text")
    layout = {name: _check_entry(path, name, entry, size - start) for name, entry in header.items()}
    _check_cover(path, layout, size - start)
    data = mapped if mmap else mapped.copy()
    tensors = {}
    for name, (dtype, shape, begin, end) in layout.items():
        array = data[start + begin : start + end].view(dtype).reshape(shape)
        if widen and header[name]["dtype"] == "BF16":
            array = _file_floats.widened(array)
        tensors[name] = array if array.flags.aligned else array.copy()
    return tensors, metadata


def refuse_pickle(path: Path, start: bytes) -> None:
    """Raise a ValueError with advice where a file starts as Python's pickles do, such as those of gensim's `save`."""
    torch = start[:4] == b"PK\x03\x04" and b"/data.pkl" in start
    if torch or (start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and start[8:9] != b"{"):
        raise ValueError(
            f"{os.fspath(path)}: a Python pickle, which is not read because it can run any code; vectors of gensim: "
            "load it there and write it by wv.save_word2vec_format; weights of torch: safetensors.torch.save_file"
        )


def _dtype_name(name: str, array: np.ndarray, bfloat16: bool) -> str:
    if not isinstance(name, str) or name == "__metadata__":
        raise ValueError(f"a tensor's name must be text other than '__metadata__', got {name!r}")
    dtype = array.dtype.newbyteorder("<")
    if bfloat16 and dtype != np.uint16:
        raise TypeError(f"tensor {name!r}: bfloat16 bits must be uint16, got {array.dtype}")
    if dtype not in _NAMES:
        raise TypeError(f"tensor {name!r}: dtype {array.dtype} has no place in a safetensors file")
    return "BF16" if bfloat16 else _NAMES[dtype]


def _write_array(file, array: np.ndarray) -> None:
    """Write in pieces, so that a strided or byte-swapped array is never copied as a whole."""
    little = array.dtype.newbyteorder("<")
    rows = array if array.ndim else array.reshape(1)
    if rows.size:
        step = max(1, _CHUNK * len(rows) // array.nbytes)
        for i in range(0, len(rows), step):
            file.write(np.ascontiguousarray(rows[i : i + step], little).reshape(-1).view(np.uint8).data)


def _read_header(path: Path, data: np.ndarray) -> tuple[dict, int]:
    """Return the header and where the data start."""
    name, size = os.fspath(path), len(data)
    length = int.from_bytes(data[:8].tobytes(), "little")
    if size < 8 or length > size - 8:
        raise ValueError(f"{name}: not a safetensors file, or truncated ({size} bytes, header of {length} bytes)")
    if length > _MAX_HEADER:
        raise ValueError(f"{name}: the header takes {length} bytes, at most {_MAX_HEADER} are allowed")
    try:
        header = json.loads(data[8 : 8 + length].tobytes().decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: the header is not valid JSON: {error}") from None
    if not isinstance(header, dict):
        raise ValueError(f"{name}: the header must be a JSON object, got {type(header).__name__}")
    return header, 8 + length


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a name occurs twice")
    return result


def _check_entry(path: Path, name: str, entry: object, available: int) -> tuple[np.dtype, list[int], int, int]:
    """Return dtype, shape, begin and end of one tensor, all checked."""
    where = f"{os.fspath(path)}: tensor {name!r}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{where}: dtype, shape and data_offsets are expected, got {entry!r:.200}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"{where}: dtype {dtype!r:.50} is not known (known: {', '.join(_DTYPES)})")
    for what, numbers in (("shape", shape), ("data_offsets", offsets)):
        if not isinstance(numbers, list) or not all(type(n) is int and n >= 0 for n in numbers):
            raise ValueError(f"{where}: {what} must be a list of integers >= 0, got {numbers!r:.200}")
    if len(offsets) != 2 or not offsets[0] <= offsets[1] <= available:
        raise ValueError(f"{where}: data_offsets {offsets!r:.200} do not lie in the {available} bytes of data")
    code = np.dtype(_DTYPES[dtype])
    expected = math.prod(shape) * code.itemsize
    too_big = len(shape) > 64 or math.prod(n or 1 for n in shape) >= 1 << 59
    if too_big or expected != offsets[1] - offsets[0]:
        raise ValueError(
            f"{where}: shape {shape!r:.200} of {dtype} takes {expected} bytes, "
            f"data_offsets give {offsets[1] - offsets[0]}"
        )
    return code, shape, offsets[0], offsets[1]


def _check_cover(path: Path, layout: dict[str, tuple[np.dtype, list[int], int, int]], available: int) -> None:
    """Check that every byte of the data belongs to one tensor."""
    position = 0
    for name, (_, _, begin, end) in sorted(layout.items(), key=lambda item: item[1][2:]):
        if begin != position:
            what = "overlaps the one before it" if begin < position else "leaves a hole before it"
            raise ValueError(f"{os.fspath(path)}: tensor {name!r} at {begin} {what} (ends at {position})")
        position = end
    if position != available:
        raise ValueError(f"{os.fspath(path)}: the tensors take {position} bytes, the file holds {available}")
