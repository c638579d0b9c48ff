"""Weights of Hugging Face's models under our names: arrays, a safetensors file, or a folder with its shards."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .. import _safetensors, nn
from .._atomic import atomic_write
from ..text import SubwordTokenizer, Vocabulary

__all__ = ["Source", "load", "read_config", "read_state", "read_tokenizer", "state_of", "write"]

Source = Mapping[str, Any] | str | os.PathLike
Names = Mapping[str, str | tuple[str, ...]]

_NEW = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # the first BERTs have old names
_OLD = re.compile(r"LayerNorm\.(gamma|beta)$")
_FILE, _INDEX = "model.safetensors", "model.safetensors.index.json"
TOKENIZERS = ((SubwordTokenizer, "tokenizer.json"), (Vocabulary, "vocabulary.json"))
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")


# Reading.


def read_state(source: Source) -> dict[str, np.ndarray]:
    """Return the arrays of a model by their names; bfloat16 becomes float32.

    Args:
        source: a state dict (also of torch tensors), a safetensors file, the index of one that is cut into shards, or the
            folder of `save_pretrained`.

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
        return _join_shards(path)
    return _read_file(path)


def _read_file(path: Path) -> dict[str, np.ndarray]:
    with open(path, "rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04" or path.name in _PICKLES:
        raise ValueError(
            f"{path}: a file of torch.save, which is not read because it can run any code. Write it anew where torch is: "
            'safetensors.torch.save_model(model, "model.safetensors"), or model.save_pretrained(folder)'
        )
    return _safetensors.load(path, widen=True)[0]


def _file_in(folder: Path) -> Path:
    """Return the file of the weights in a folder of `save_pretrained`."""
    for name in (_FILE, _INDEX, *_PICKLES):
        if (folder / name).exists():
            return folder / name
    there = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"
    raise ValueError(f"{folder}: expected {_FILE} or {_INDEX}, got {there}")


def _join_shards(index: Path) -> dict[str, np.ndarray]:
    """Return the arrays of all files that an index names."""
    if index.name in _PICKLES:
        return _read_file(index)
    files = read_json(index).get("weight_map")
    if not isinstance(files, dict) or not all(isinstance(f, str) and os.path.basename(f) == f for f in files.values()):
        raise ValueError(f"{index}: expected a weight_map from names to files beside it, got {files!r:.80}")
    state: dict[str, np.ndarray] = {}
    for name in sorted(set(files.values())):
        if not (index.parent / name).is_file():
            raise ValueError(f"{index}: names the file {name}, which is missing")
        state |= _read_file(index.parent / name)
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


# Copying.


def load(
    model: nn.Module,
    source: Source,
    names: Names,
    *,
    prefix: str = "",
    transposed: Sequence[str] = (),
    copies: Mapping[str, str] | None = None,
    ignored: Sequence[str] = (),
) -> None:
    """Copy a state with other names into the parameters of a model.

    Args:
        model: whose parameters are set.
        source: as for `read_state`.
        names: the name of each of our modules -> theirs, or those whose arrays, one after the other, are ours; "{}" stands
            for the number of a layer. "weight" and "bias" keep their names.
        prefix: of all their names, in files where it is used.
        transposed: endings of our names whose matrices lie the other way round there.
        copies: names of theirs that repeat a parameter of ours (tied weights) -> its name.
        ignored: patterns of names of theirs that are not needed: buffers, and heads of other tasks.

    Raises:
        ValueError: arrays are missing, left over, of a wrong shape, no floating numbers, or a copy differs from what it
            should repeat. One message lists all, and nothing is changed.
    """
    where = "" if isinstance(source, Mapping) else f"{os.fspath(source)}: "
    state = {_OLD.sub(lambda found: _NEW[found[0]], key): array for key, array in read_state(source).items()}
    if not any(key.startswith(prefix) for key in state):
        prefix = ""
    found, used, missing = {}, set(), []
    for key in model.state_dict():
        module, sources = _theirs(key, names)
        sources = [prefix + s if prefix + s in state else s for s in sources]
        if absent := [s for s in sources if s not in state]:
            missing += absent
            continue
        arrays = [state[s] for s in sources]
        array = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
        found[key] = array.T if array.ndim == 2 and module.endswith(tuple(transposed)) else array
        used.update(sources)
    repeated = {theirs: ours for theirs, ours in (copies or {}).items() if theirs in state}
    unused = [key for key in state if not (key in used or key in repeated or any(re.search(p, key) for p in ignored))]
    problems = [f"{what} {', '.join(keys)}" for what, keys in (("missing", missing), ("left over", unused)) if keys]
    problems += [
        f"{key} holds {array.dtype}, no floating numbers" for key, array in found.items() if array.dtype.kind != "f"
    ]
    problems += [
        f"{theirs} is no copy of what is {ours} here" + ": make the model with tied=False" * theirs.endswith("weight")
        for theirs, ours in repeated.items()
        if ours in found and not np.array_equal(state[theirs], found[ours])
    ]
    if problems:
        raise ValueError(f"{where}the state does not fit {type(model).__name__}: {'; '.join(problems)}")
    try:
        model.load_state_dict(found)
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None


def _theirs(key: str, names: Names) -> tuple[str, list[str]]:
    """Return the module of one of our parameters, and their names of it."""
    module, _, kind = key.replace("in_proj_", "in_proj.").rpartition(".")
    number = next(iter(re.findall(r"\.(\d+)\.", module)), None)
    theirs = names[re.sub(r"\.\d+\.", ".{}.", module)]
    sources = [theirs] if isinstance(theirs, str) else theirs
    return module, [f"{name.format(number)}.{kind}".removesuffix(".") for name in sources]


# Writing.


def state_of(
    model: nn.Module, names: Mapping[str, str], *, prefix: str, headed: str, transposed: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Return the parameters of a model under their names: what `load` reads.

    Args:
        model: whose parameters are read.
        names: as for `load`, one name each.
        prefix: of all their names but those of the head.
        headed: their name of the head, which has no prefix.
        transposed: as for `load`.
    """
    found = {}
    for key, array in model.state_dict().items():
        module, (theirs,) = _theirs(key, names)
        name = theirs if theirs.startswith(headed) else prefix + theirs
        found[name] = np.ascontiguousarray(array.T if array.ndim == 2 and module.endswith(tuple(transposed)) else array)
    return found


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
    """Return the tokenizer of a folder; None where there is none, or the `tokenizers` library is not installed."""
    for kind, name in TOKENIZERS:
        if (Path(folder) / name).is_file() and (kind is Vocabulary or find_spec("tokenizers")):
            return kind.load(Path(folder) / name)
    return None
