"""Files of adapters: LoRA's as peft has them, and the same two files for the other kinds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import _safetensors
from .._atomic import atomic_write
from .._huggingface import read_json, read_state
from ._attempt import attempt
from ._bottleneck import Bottleneck
from ._fusion import Fusion
from ._holding import holders
from ._low_rank import LoRA, LowRank
from ._prefix import PrefixTuning
from ._prompt import PromptTuning
from ._targets import is_any_named

__all__ = ["load", "save"]

_CONFIG, _WEIGHTS, _PICKLE = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
_PREFIX = "base_model.model."
_KINDS: dict[str, type] = {
    "LORA": LoRA, "BOTTLENECK": Bottleneck, "SEQNN_PREFIX": PrefixTuning, "SEQNN_PROMPT": PromptTuning,
}  # fmt: skip
_ONLY: dict[str, tuple[Any, ...]] = {
    "bias": ("none",), "use_dora": (False,), "lora_bias": (False,), "init_lora_weights": (True, False, "gaussian"),
    "layer_replication": (None,), "layers_pattern": (None,), "trainable_token_indices": (None,), "use_qalora": (False,),
    "target_parameters": (None,), "megatron_config": (None,), "alora_invocation_tokens": (None,), "arrow_config": (None,),
    "use_bdlora": (None,), "kasa_config": (None,), "monteclora_config": (None,), "velora_config": (None,),
}  # fmt: skip
"""What peft's files may say of what LoRA has not here."""


def save(adapters: Any, folder: Any, name: str) -> None:
    """Do what `Adapters.save` promises."""
    config = adapters.configs[name]
    arrays = {f"{_PREFIX}{key}": array for key, array in _arrays(adapters, name).items()}
    told: dict[str, Any]
    if config is None:
        fusion = adapters._parts(name, Fusion)[0]
        told = {"peft_type": "SEQNN_FUSION", "members": list(fusion.members)}
    else:
        kind = next(kind for kind, of in _KINDS.items() if type(config) is of)
        told = {"peft_type": kind, **{key: _plain(value) for key, value in asdict(config).items()}}
    if isinstance(config, LoRA):
        told |= {"fan_in_fan_out": adapters.names.transposed(), "bias": "none", "inference_mode": True}
        told |= {"base_model_name_or_path": None, "task_type": None, "init_lora_weights": True}
        told["target_modules"] = _plain(config.target_modules) or _ends(adapters, name)
        told |= {key: told[key] or {} for key in ("rank_pattern", "alpha_pattern")}
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    _safetensors.save(path / _WEIGHTS, arrays, {"format": "pt"})
    with atomic_write(path / _CONFIG) as file:
        file.write(json.dumps(told, indent=2).encode())


def load(adapters: Any, folder: Any, name: str) -> None:
    """Do what `Adapters.load` promises."""
    with attempt(adapters, name, BaseException):
        _load(adapters, Path(folder), name)


def _load(adapters: Any, path: Path, name: str) -> None:
    if not (path / _CONFIG).is_file():
        raise ValueError(f"{path}: expected a folder with {_CONFIG} and {_WEIGHTS}")
    if not (path / _WEIGHTS).is_file():
        if (path / _PICKLE).is_file():
            raise ValueError(f"{path}: {_PICKLE} is a pickle, which can run any code: save it anew with a newer peft")
        raise ValueError(f"{path}: expected {_WEIGHTS} beside {_CONFIG}")
    told = read_json(path / _CONFIG)
    state = {key.removeprefix(_PREFIX): array for key, array in read_state(path / _WEIGHTS).items()}
    try:
        if told.get("peft_type") == "SEQNN_FUSION":
            adapters.fuse(name, _members(told))
        else:
            adapters.add(name, _config(told, adapters))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    try:
        _fill(adapters, name, state)
    except ValueError as error:
        raise ValueError(f"{path}: the adapter is not one of this {type(adapters.model).__name__}: {error}") from None
    adapters.activate(name)


def _config(told: Mapping[str, Any], adapters: Any) -> Any:
    """Return the configuration that a file says; a ValueError lists what we have not."""
    kind = _KINDS.get(str(told.get("peft_type")))
    if kind is None:
        known = ", ".join([*_KINDS, "SEQNN_FUSION"])
        raise ValueError(f"{_CONFIG}: peft_type: expected one of {known}, got {told.get('peft_type')!r}")
    if kind is LoRA:
        odd = [f"{key}={told[key]!r}" for key, only in _ONLY.items() if told.get(key, only[0]) not in only]
        if odd:
            raise ValueError(f"{_CONFIG}: {', '.join(odd)} would give other numbers than LoRA's here")
    given = {field.name: told[field.name] for field in fields(kind) if told.get(field.name) is not None}
    config = kind(**given)
    if config.modules_to_save:
        config = replace(config, modules_to_save=[e for e in config.modules_to_save if _is_saved(adapters, e)] or None)
    if kind is LoRA and isinstance(given.get("target_modules"), list):  # peft takes names that a model has not
        targets = [*adapters.names.targets(adapters.model)]
        found = [end for end in given["target_modules"] if is_any_named(targets, end)]
        config = replace(config, target_modules=found or given["target_modules"])
    return config


def _is_saved(adapters: Any, end: str) -> bool:
    """Tell whether there is such a module: peft names heads of several kinds of models, of which a model has one."""
    try:
        return bool(adapters._saved.find([end]))
    except ValueError:
        return False


def _members(told: Mapping[str, Any]) -> list[str]:
    found = told.get("members")
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"{_CONFIG}: members: expected names of adapters, got {found!r:.80}")
    return found


def _arrays(adapters: Any, name: str) -> dict[str, np.ndarray]:
    """Return the arrays of an adapter by their names in files."""
    return {**{key: p.data for key, p in _parameters(adapters, name).items()}, **adapters._saved.arrays(name)}


def _parameters(adapters: Any, name: str) -> dict[str, Any]:
    """Return the parameters of an adapter by their names in files."""
    found: dict[str, Any] = {}
    for path, holder in adapters.model.named_modules():
        if holder not in holders(adapters.model) or name not in holder.adapters:
            continue
        part = holder.adapters[name]
        if isinstance(part, LowRank):
            for i, target in enumerate(part.names):
                found[f"{target}.lora_A.weight"], found[f"{target}.lora_B.weight"] = part.lora_A[i], part.lora_B[i]
        else:
            found |= {f"{path}.{key}".lstrip("."): parameter for key, parameter in part.named_parameters()}
    return found


def _fill(adapters: Any, name: str, state: Mapping[str, np.ndarray]) -> None:
    """Copy the arrays of a file into an adapter; a ValueError lists what differs."""
    parameters, saved = _parameters(adapters, name), adapters._saved.arrays(name)
    expected = {**{key: p.data for key, p in parameters.items()}, **saved}
    if not state.keys() & expected.keys():  # a file of the same model with, or without, a head
        bare = {adapters.names.without_prefix(key): key for key in expected}
        state = {bare.get(adapters.names.without_prefix(key), key): array for key, array in state.items()}
    missing, spare = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    wrong = [
        f"{key}: expected {list(expected[key].shape)}, got {list(array.shape)}"
        for key, array in state.items()
        if key in expected and (array.shape != expected[key].shape or array.dtype.kind != "f")
    ]
    problems = [f"{what} {_few(keys)}" for what, keys in (("missing", missing), ("left over", spare)) if keys]
    if wrong:
        problems.append(_few(wrong))
    if problems:
        raise ValueError("; ".join(problems))
    for key, parameter in parameters.items():
        parameter.data[...] = state[key]
    for key, array in saved.items():
        array[...] = state[key]
    adapters._saved.show(name)


def _few(items: list[str]) -> str:
    return ", ".join(items[:4]) + (f" and {len(items) - 4} more" if len(items) > 4 else "")


def _ends(adapters: Any, name: str) -> list[str]:
    """Return the last parts of the names of an adapter's modules."""
    return sorted({target.rpartition(".")[2] for part in adapters._parts(name, LowRank) for target in part.names})


def _plain(value: Any) -> Any:
    """Return a setting as JSON has it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return value if value is None or isinstance(value, str | int | float) else [_plain(one) for one in value]
