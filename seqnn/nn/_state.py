"""The arrays of a module by name: collected, copied in, saved and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import _safetensors
from .._files import Path
from ..ops import QuantizedWeight
from . import _init
from ._parameter import Parameter, count_unfreezing
from ._tree import Tree


class Loaded(NamedTuple):
    """A report of the keys that a state did not have, and those that the module does not have."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def places(module: Tree[Any]) -> dict[str, tuple[Tree[Any], str]]:
    """Find key -> (module, attribute) of all parameters and persistent buffers, in PyTorch's order."""
    found = {}
    for path, owner in module._paths(""):
        names = [n for n, v in vars(owner).items() if isinstance(v, Parameter)]
        names += [n for n, persistent in owner._buffers.items() if persistent and vars(owner).get(n) is not None]
        for name in names:
            found[f"{path}.{name}" if path else name] = owner, name
    return found


def collect(module: Tree[Any]) -> dict[str, np.ndarray]:
    """Return what `Module.state_dict` promises."""
    return {key: np.asarray(_array(*place)) for key, place in places(module).items()}


def copy_into(module: Tree[Any], state: Mapping[str, Any], strict: bool, assign: bool = False) -> Loaded:
    """Do what `Module.load_state_dict` promises."""
    targets = places(module)
    arrays = {key: as_array(key, value) for key, value in state.items()}
    given = [key for key in targets if key in arrays]
    tied = _tied(targets)
    missing = [key for key in targets if key not in arrays and not any(other in arrays for other in tied[key])]
    unexpected = [key for key in arrays if key not in targets]
    wrong = []
    for key in given:
        have, got = _array(*targets[key]), arrays[key]
        first = next(other for other in tied[key] if other in arrays)
        if got.shape != have.shape:
            wrong.append(f"{key}: expected shape {have.shape}, got {got.shape}")
        elif not _converts(got.dtype, have.dtype):
            wrong.append(f"{key}: expected {have.dtype}, got {got.dtype}")
        elif first != key and not np.array_equal(arrays[first], got, equal_nan=got.dtype.kind == "f"):
            wrong.append(f"{key}: is one parameter with {first} here, but another array in the state")
    problems = []
    if strict and missing:
        problems.append(f"missing keys: {', '.join(missing)}")
    if strict and unexpected:
        problems.append(f"unexpected keys: {', '.join(unexpected)}")
    problems += sorted(wrong)
    if problems:
        raise ValueError(f"the state does not fit {type(module).__name__}:\n  " + "\n  ".join(problems))
    for key in given:
        if not (assign and _assigned(*targets[key], arrays[key])):
            _write(*targets[key], arrays[key])
    return Loaded(missing, unexpected)


def as_array(key: str, value: Any) -> np.ndarray:
    """Return an entry of a state as an array: of NumPy, of a Tensor, or of one of PyTorch's tensors; bfloat16 is widened."""
    if hasattr(value, "detach"):
        value = value.detach()
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":
        value = value.float()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{key}: expected an array, got {type(value).__name__}: {error}") from None
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _converts(source: np.dtype, target: np.dtype) -> bool:
    """Tell whether numbers of one dtype may be written into another: floats into floats, integers into integers."""
    kinds = {"u": "i"}
    same = kinds.get(source.kind, source.kind) == kinds.get(target.kind, target.kind)
    return same and np.can_cast(source, target, "same_kind")


def _tied(targets: Mapping[str, tuple[Tree[Any], str]]) -> dict[str, list[str]]:
    """Find for each key all keys of the same parameter or buffer, itself included."""
    groups: dict[int, list[str]] = {}
    for key, (owner, name) in targets.items():
        groups.setdefault(id(getattr(owner, name)), []).append(key)
    return {key: keys for keys in groups.values() for key in keys}


def save(module: Tree[Any], path: Path, metadata: Mapping[str, str] | None) -> None:
    """Do what `Module.save` promises."""
    targets = places(module)
    first = {keys[0]: np.asarray(_array(*targets[keys[0]])) for keys in _tied(targets).values()}
    # "pt" says that names and layouts are PyTorch's; Hugging Face's readers ask for it.
    _safetensors.save(path, first, {"format": "pt", **(metadata or {})})


def load(module: Tree[Any], path: Path, strict: bool) -> Loaded:
    """Do what `Module.load` promises."""
    try:
        return copy_into(module, _safetensors.load(path, widen=True)[0], strict)
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: {error}") from None


def convert(module: Tree[Any], dtype: Any) -> None:
    """Do what `Module.to` promises."""
    try:
        wanted = None if dtype is None else np.dtype(dtype)
    except TypeError:  # PyTorch's devices
        wanted = None
    if wanted not in (np.float32, np.float64):
        raise TypeError(f"to: dtype must be float32 or float64, got {dtype!r}; all is on the CPU")
    dtype = wanted
    refuse_quantized(module, "to")
    for parameter in module.parameters():
        frozen = not parameter.data.flags.writeable
        parameter.data = _converted(parameter.data, dtype)
        if parameter.grad is not None:
            parameter.grad = parameter.grad.astype(dtype, copy=False)
        if frozen:
            parameter.data.flags.writeable = False
    for owner in module.modules():
        for name in owner._buffers:
            buffer = vars(owner).get(name)
            if buffer is not None and buffer.dtype.kind == "f":
                setattr(owner, name, buffer.astype(dtype, copy=False))


def _converted(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    if _init.is_skipped() and array.dtype != dtype:  # there are no numbers yet, and what lies there may not convert
        return np.empty(array.shape, dtype)
    return array.astype(dtype, copy=False)


def refuse_quantized(module: Tree[Any], method: str) -> None:
    """Refuse what a quantised module cannot do."""
    for name, parameter in module.named_parameters():
        if isinstance(parameter.data, QuantizedWeight):
            raise ValueError(
                f"{method}: {name} is quantised ({parameter.data.kind}) and cannot learn or change its type: make the "
                "model anew and load its state"
            )


def make_writable(parameter: Parameter) -> None:
    """Let the array be written to again; a view of another's array (vectors, a mapped file) is copied instead."""
    count_unfreezing()
    if parameter.data.base is None:
        parameter.data.flags.writeable = True
    else:
        parameter.data = parameter.data.copy()


def _array(owner: Tree[Any], name: str) -> Any:
    value = getattr(owner, name)
    return value.data if isinstance(value, Parameter) else value


def _assigned(owner: Tree[Any], name: str, new: np.ndarray) -> bool:
    """Give a parameter an array itself, if it could be its own; tell whether it has it now."""
    value = getattr(owner, name)
    fits = new.flags.carray and isinstance(value, Parameter) and value.data.dtype == new.dtype
    if fits:
        new.flags.writeable = value.data.flags.writeable
        value.data = new
    return fits


def _write(owner: Tree[Any], name: str, new: np.ndarray) -> None:
    """Write in place, because optimisers and others hold the array; replace a frozen one, which packed copies notice.

    A quantised parameter takes the numbers rounded.
    """
    array = _array(owner, name)
    if isinstance(array, QuantizedWeight):
        getattr(owner, name).data = QuantizedWeight(new.astype(np.float32, copy=False), array.kind)
        return
    if array.flags.writeable:
        np.copyto(array, new, casting="same_kind")
        return
    fresh = np.array(new, array.dtype)
    fresh.flags.writeable = False
    value = getattr(owner, name)
    if isinstance(value, Parameter):
        value.data = fresh
    else:
        setattr(owner, name, fresh)
