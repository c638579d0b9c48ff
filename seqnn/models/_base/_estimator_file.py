"""Files of estimators: safetensors whose metadata hold settings and what was learnt as JSON. Reading runs nothing of them."""

from __future__ import annotations

import json
import os
from typing import Any

from ... import _safetensors
from ..._config import __version__
from ..._files import Path
from ..._settings import Setting
from ._learnt import Arrays, Learnt, Sizes

__all__ = ["EstimatorSetting", "Inner", "load", "register", "save"]

VERSION = 1
KEY = "seqnn.estimator"

_kinds: dict[str, type[Any]] = {}
"""The estimators of the package by name: what a file may hold inside another estimator."""

_DAMAGE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, RecursionError,
)  # fmt: skip
"""What a damaged record can raise."""


def register(kind: type[Any]) -> None:
    """Make an estimator of the package known by its name."""
    if kind.__module__.startswith("seqnn."):
        _kinds[kind.__name__] = kind


def save(estimator: Any, path: Path) -> None:
    """Write a fitted estimator."""
    arrays: Arrays = {}
    record = {"version": VERSION, "written_by": f"seqnn {__version__}", **_pack(estimator, "", arrays)}
    _safetensors.save(path, arrays, {KEY: json.dumps(record)})


def load(kind: type[Any], path: Path, given: dict[str, Any]) -> Any:
    """Read an estimator of this class."""
    arrays, metadata = _safetensors.load(path, mmap=False)
    if KEY not in metadata:
        raise ValueError(f"{os.fspath(path)}: holds no estimator")
    try:
        record = json.loads(metadata[KEY])
        if record["version"] > VERSION:
            raise ValueError(f"written by a newer seqnn (format {record['version']}, known: {VERSION})")
        if record["estimator"] != kind.__name__:
            raise ValueError(f"holds a {record['estimator']}, expected a {kind.__name__}")
        found = _unpack(kind, record, "", arrays, given)
        if arrays:
            raise ValueError(f"left over: {', '.join(sorted(arrays))}")
    except _DAMAGE as error:
        what = "" if isinstance(error, ValueError) else f"damaged, {type(error).__name__}: "
        raise ValueError(f"{os.fspath(path)}: {what}{error}") from None
    return found


def _pack(estimator: Any, key: str, arrays: Arrays) -> dict[str, Any]:
    """Return the record of a fitted estimator, and add its arrays."""
    return {
        "estimator": type(estimator).__name__,
        "settings": _pack_settings(estimator._settings, vars(estimator._checked())),
        "fitted_with": _pack_settings(estimator._settings, vars(estimator._used)),
        "learnt": estimator._pack(key, arrays),
    }


def _unpack(kind: type[Any], record: dict[str, Any], key: str, arrays: Arrays, given: dict[str, Any]) -> Any:
    """Make the estimator of a record; every value is checked as if a user had given it."""
    if unknown := given.keys() - kind._settings.keys():
        raise ValueError(f"{', '.join(sorted(unknown))}: no setting of {kind.__name__}")
    found = kind(**_unpack_settings(kind, record["settings"], given))
    found._checked()
    found._used = kind(**_unpack_settings(kind, record["fitted_with"], given))._checked()
    found._unpack(record["learnt"], key, arrays, {})
    return found


# Settings.


def _pack_settings(settings: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON keeps of settings; those that it cannot keep are left out."""
    packed = {}
    for name, setting in settings.items():
        value = values[name]
        if isinstance(setting, EstimatorSetting):
            packed[name] = None if value is None else _pack_inner_settings(value)
        elif hasattr(setting, "pack"):
            packed[name] = setting.pack(value)
        elif setting.saved and isinstance(value, bool | int | float | str | tuple | None):
            packed[name] = value
    return packed


def _pack_inner_settings(estimator: Any) -> dict[str, Any]:
    inner = _pack_settings(estimator._settings, vars(estimator._checked()))
    return {"estimator": type(estimator).__name__, "settings": inner}


def _unpack_settings(kind: type[Any], record: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the constructor; those that are given go before those of the file."""
    if unknown := record.keys() - kind._settings.keys():
        raise ValueError(f"settings: {kind.__name__} has no {', '.join(sorted(unknown))}")
    values = dict(given)
    for name, value in record.items():
        setting = kind._settings[name]
        if name in given:
            continue
        if isinstance(setting, EstimatorSetting) and value is not None:
            inner = _known(value)
            values[name] = inner(**_unpack_settings(inner, value["settings"], {}))
        elif hasattr(setting, "unpack"):
            values[name] = setting.unpack(name, value)
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    return values


def _known(record: dict[str, Any]) -> type[Any]:
    if record["estimator"] not in _kinds:
        raise ValueError(f"estimator: no estimator of seqnn.models is called {record['estimator']!r:.60}")
    return _kinds[record["estimator"]]


# An estimator inside another one.


class EstimatorSetting(Setting[Any]):
    """A setting that is another estimator, or None.

    Args:
        base: the class of estimators that it must be of.
        expected: this class in words.
    """

    def __init__(self, base: type[Any], expected: str) -> None:
        super().__init__(None)
        self._base, self._expected = base, expected

    def _check(self, name: str, value: Any) -> Any:
        if not isinstance(value, self._base):
            raise TypeError(f"{name}: expected {self._expected}, got {type(value).__name__}")
        return value


class Inner(Learnt[Any]):
    """A fitted estimator of a class."""

    def __init__(self, base: type[Any]) -> None:
        super().__init__()
        self._base = base

    def pack(self, value: Any, key: str, arrays: Arrays) -> Any:
        return _pack(value, f"{key}.", arrays)

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> Any:
        kind = _known(record)
        if not issubclass(kind, self._base):
            raise ValueError(f"{key}: expected a {self._base.__name__}, got a {kind.__name__}")
        return _unpack(kind, record, f"{key}.", arrays, {})
