"""Objects as safetensors files: their arrays, and a record of the rest as JSON in the metadata. Every class writes this way.

A class has `_state() -> (tensors, record)` and restores itself from the two; nothing here knows what they hold.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import _safetensors
from ._config import __version__, get_isa
from ._files import Path, Source, name_of

VERSION = 1
"""Of the records; files of a later one are refused."""

Tensors = dict[str, np.ndarray]


def save(
    path: Path,
    kind: str,
    tensors: Mapping[str, np.ndarray],
    record: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write one object; on any error an old file of this name stays.

    Args:
        path: the file.
        kind: the class, such as "Word2Vec": it names the record among the metadata.
        tensors: arrays by name.
        record: what JSON can hold, and NumPy's numbers and arrays; those come back as Python's numbers and lists.
        metadata: further metadata, text by name.

    Raises:
        TypeError: a value that JSON cannot hold.
    """
    about = {
        "seqnn": __version__,
        "instruction_set": get_isa(),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    text = json.dumps({"version": VERSION, **record, "written_by": about}, default=_plain)
    _safetensors.save(path, tensors, {**(metadata or {}), f"seqnn.{kind}": text})


def load(
    path: Path | Source, kind: str, *, writer: str | None = None, advice: str = "", mmap: bool = True
) -> tuple[Tensors, dict[str, Any], dict[str, str]]:
    """Read tensors, record and all metadata of an object of this kind.

    Args:
        path: the file, which may be open.
        kind: the class that wrote it.
        writer: the method that writes such files (default: `save` of the class).
        advice: what the error about a file of another kind adds.
        mmap: whether the tensors stay in the file, read-only (default True).

    Raises:
        ValueError: a file of another kind, of a newer version, or damaged; it names the file.
    """
    opened = isinstance(path, Source)
    name = path.name if opened else name_of(path)
    tensors, metadata = (_safetensors.read if opened else _safetensors.load)(path, mmap=mmap)
    if f"seqnn.{kind}" not in metadata:
        found = ", ".join(sorted(metadata)) or "plain tensors"
        raise ValueError(
            f"{name}: not a file of {writer or f'{kind}.save'}: it has no {kind} model, but {found}{advice}"
        )
    with damage(name):
        record = json.loads(metadata[f"seqnn.{kind}"])
        if not isinstance(record, dict):
            raise TypeError(f"the record is {type(record).__name__}, expected an object")
        if not isinstance(record["version"], int) or record["version"] > VERSION:
            raise ValueError(f"written by a newer seqnn (format {record['version']}, known: {VERSION})")
    return tensors, record, metadata


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what the contents of a damaged file raise into a ValueError that names the file."""
    name = name_of(path)
    try:
        yield
    except (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"{name}: damaged, {type(error).__name__}: {error}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{name}: damaged, a record that is not JSON: {error}") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _plain(value: Any) -> Any:
    """Return a NumPy value as JSON can hold it."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"expected what JSON can hold, got {type(value).__name__}: {value!r:.60}")
