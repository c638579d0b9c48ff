"""Folders and files of Hugging Face's models: configuration, arrays by their names, shards, tokenizer."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .. import _safetensors
from .._archives import read_archive
from .._atomic import atomic_write
from ..text import SubwordTokenizer, Vocabulary

__all__ = ["Source", "read_config", "read_json", "read_state", "read_tokenizer", "write"]

Source = Mapping[str, Any] | str | os.PathLike

_FILE, _INDEX, _ARCHIVE = "model.safetensors", "model.safetensors.index.json", "model.npz"
TOKENIZERS = ((SubwordTokenizer, "tokenizer.json"), (Vocabulary, "vocabulary.json"))
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")


# Reading.


def read_state(source: Source, *, writable: bool = False) -> dict[str, np.ndarray]:
    """Return the arrays of a model by their names; bfloat16 becomes float32.

    Args:
        source: a state dict (also of torch tensors), a safetensors file, the index of one that is cut into shards, an
            archive of NumPy's (.npz), or a folder with one of them.
        writable: whether what lies in files may be written to, as `_safetensors.load` says.

    Raises:
        ValueError: a file is damaged, or only there as a pickle, which can run any code; the message names it.
        TypeError: a value is no array.
    """
    if isinstance(source, Mapping):
        return {name: _array(name, value) for name, value in source.items()}
    path = Path(source)
    if path.is_dir():
        path = _file_in(path)
    if path.name.endswith(".json"):
        return _join_shards(path, writable)
    return _read_file(path, writable)


def _read_file(path: Path, writable: bool) -> dict[str, np.ndarray]:
    with open(path, "rb") as file:
        start = file.read(4)
    if (start == b"PK\x03\x04" and not path.name.endswith(".npz")) or path.name in _PICKLES:
        raise ValueError(
            f"{path}: a file of torch.save, which is not read because it can run any code. Write it anew where torch is: "
            'safetensors.torch.save_model(model, "model.safetensors"), or model.save_pretrained(folder)'
        )
    if path.name.endswith(".npz"):
        return read_archive(path, "an archive of arrays that numpy.savez writes")
    return _safetensors.load(path, widen=True, writable=writable)[0]


def _file_in(folder: Path) -> Path:
    """Return the file of the weights in a folder of `save_pretrained`."""
    for name in (_FILE, _INDEX, _ARCHIVE, *_PICKLES):
        if (folder / name).exists():
            return folder / name
    there = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"
    raise ValueError(f"{folder}: expected {_FILE} or {_INDEX}, got {there}")


def _join_shards(index: Path, writable: bool) -> dict[str, np.ndarray]:
    """Return the arrays of all files that an index names."""
    if index.name in _PICKLES:
        return _read_file(index, writable)
    files = read_json(index).get("weight_map")
    if not isinstance(files, dict) or not all(isinstance(f, str) and os.path.basename(f) == f for f in files.values()):
        raise ValueError(f"{index}: expected a weight_map from names to files beside it, got {files!r:.80}")
    state: dict[str, np.ndarray] = {}
    for name in sorted(set(files.values())):
        if not (index.parent / name).is_file():
            raise ValueError(f"{index}: names the file {name}, which is missing")
        state |= _read_file(index.parent / name, writable)
    if absent := sorted(files.keys() - state.keys()):
        raise ValueError(f"{index}: {', '.join(absent[:5])} are in none of its files")
    return state


def read_config(folder: str | os.PathLike) -> dict[str, Any]:
    """Return the config.json of a folder of `save_pretrained`."""
    path = Path(folder)
    if not path.is_dir():
        there = "a file" if path.exists() else "nothing"
        raise ValueError(f"{path}: expected a folder with config.json and the weights, got {there}")
    if not (path / "config.json").is_file():
        raise ValueError(f"{path}: expected a config.json beside the weights")
    return read_json(path / "config.json")


def read_json(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds; a ValueError names a damaged one."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(found).__name__}")
    return found


def _array(name: str, value: Any) -> np.ndarray:
    """Return one value of a state dict as an array; torch's bfloat16 and ml_dtypes' become float32."""
    if hasattr(value, "detach"):
        value = value.detach().float() if "bfloat16" in str(value.dtype) else value.detach()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name}: expected an array, got {type(value).__name__}: {error}") from None
    return array.astype(np.float32) if str(array.dtype) == "bfloat16" else array


# Writing.


def write(
    folder: str | os.PathLike, config: Mapping[str, Any], state: Mapping[str, np.ndarray], tokenizer: Any
) -> None:
    """Write a folder as `save_pretrained` does: config.json, model.safetensors, and what the tokenizer needs.

    Args:
        folder: it is made where it does not exist.
        config: what config.json says.
        state: arrays by their names.
        tokenizer: a `SubwordTokenizer`, a `Vocabulary`, or None.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    _safetensors.save(path / _FILE, state, {"format": "pt"})
    for kind, name in TOKENIZERS:
        if isinstance(tokenizer, kind):
            tokenizer.save(path / name)
        elif tokenizer is not None:  # it would be that of another model
            (path / name).unlink(missing_ok=True)
    with atomic_write(path / "config.json") as file:
        file.write(json.dumps(config, indent=2).encode())


def read_tokenizer(folder: str | os.PathLike) -> Any:
    """Return the tokenizer of a folder; None where there is none, or the `tokenizers` library is not installed.

    It neither pads nor cuts texts, whatever its file says.
    """
    for kind, name in TOKENIZERS:
        if (Path(folder) / name).is_file() and (kind is Vocabulary or find_spec("tokenizers")):
            found = kind.load(Path(folder) / name)
            if isinstance(found, SubwordTokenizer):
                found.tokenizer.no_padding()
                found.tokenizer.no_truncation()
            return found
    return None
