"""States of Hugging Face's models: their arrays under our names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import _safetensors, nn

__all__ = ["load"]

_NEW = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # the first BERTs have old names
_OLD = re.compile(r"LayerNorm\.(gamma|beta)$")
Names = Mapping[str, str | tuple[str, ...]]


def load(
    model: nn.Module,
    state: Mapping[str, Any] | str | os.PathLike,
    names: Names,
    *,
    prefix: str = "",
    transposed: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> None:
    """Copy a state with other names, or the safetensors file that holds it, into the parameters of `model`.

    names       name of each of our modules -> of theirs, or of those whose arrays, one behind the other, are ours; "{}"
                stands for the number of a layer. "weight" and "bias" keep their names.
    prefix      in front of all their names, in files where it is used
    transposed  endings of our names whose matrices lie the other way round there
    optional    patterns of their names that need not be used: copies, and buffers that are no parameters

    One ValueError lists all arrays that are missing or left over, and nothing is changed then.
    """
    if isinstance(state, str | os.PathLike):
        state, _ = _safetensors.load(state)
    state = {_OLD.sub(lambda found: _NEW[found[0]], key): array for key, array in state.items()}
    if not any(key.startswith(prefix) for key in state):
        prefix = ""
    found, used, missing = {}, set(), []
    for key in model.state_dict():
        module, _, kind = key.replace("in_proj_", "in_proj.").rpartition(".")
        number = next(iter(re.findall(r"\.(\d+)\.", module)), None)
        theirs = names[re.sub(r"\.\d+\.", ".{}.", module)]
        sources = [theirs] if isinstance(theirs, str) else theirs
        sources = [f"{name.format(number)}.{kind}".removesuffix(".") for name in sources]
        sources = [prefix + s if prefix + s in state else s for s in sources]
        if absent := [s for s in sources if s not in state]:
            missing += absent
            continue
        arrays = [np.asarray(state[s]) for s in sources]
        array = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
        found[key] = array.T if array.ndim == 2 and module.endswith(tuple(transposed)) else array
        used.update(sources)
    unused = [key for key in state if key not in used and not any(re.search(p, key) for p in optional)]
    if missing or unused:
        lists = [f"{what} {', '.join(keys)}" for what, keys in (("missing", missing), ("left over", unused)) if keys]
        raise ValueError(f"the state does not fit {type(model).__name__}: {'; '.join(lists)}")
    model.load_state_dict(found)
