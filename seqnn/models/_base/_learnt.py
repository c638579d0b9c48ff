"""What `fit` learns, declared once as class attributes: the error before `fit` and the files read the declarations.

    class Line(Estimator):
        coef_ = Array("K F")
        intercept_ = Array("K")

A letter names an axis: equal letters of one object are equal sizes, which is checked when a file is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

import numpy as np

from ...text import Vocabulary
from ._sklearn import NotFittedError, theirs_too

T = TypeVar("T")
Arrays = dict[str, np.ndarray]
Sizes = dict[str, int]


class Learnt(Generic[T]):
    """Declare an attribute that `fit` sets.

    Args:
        optional: whether some fits do not set it, such as the names of features that have none.
    """

    name = ""
    last = False
    """Whether its reading needs the other attributes."""

    def __init__(self, *, optional: bool = False) -> None:
        self.optional = optional

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        if self.name not in instance.__dict__:
            raise not_fitted(instance)
        return instance.__dict__[self.name]

    def __set__(self, instance: Any, value: T) -> None:
        instance.__dict__[self.name] = value

    def pack(self, value: T, key: str, arrays: Arrays) -> Any:
        """Return what JSON keeps of the value, and add what a tensor keeps to `arrays` by names that begin with `key`."""
        raise NotImplementedError

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> T:
        """Return the value that `pack` kept; a ValueError says what is wrong with it."""
        raise NotImplementedError


class Learner:
    """Base of classes with `Learnt` attributes."""

    _learnt: ClassVar[Mapping[str, Learnt]] = {}
    """Every learnt attribute by its name."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        bases = [base for base in reversed(cls.__mro__) if base is not cls]
        found = {name: one for base in bases for name, one in getattr(base, "_learnt", {}).items()}
        cls._learnt = {**found, **{name: one for name, one in vars(cls).items() if isinstance(one, Learnt)}}

    def _pack(self, key: str, arrays: Arrays) -> dict[str, Any]:
        """Return what a file keeps of the attributes that are set."""
        there = [name for name in self._learnt if name in vars(self)]
        return {name: self._learnt[name].pack(vars(self)[name], f"{key}{name}", arrays) for name in there}

    def _unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes) -> None:
        """Set the attributes that a file keeps."""
        if not isinstance(record, dict) or not set(record) <= set(self._learnt):
            raise ValueError(f"{key or 'learnt'}: expected the attributes of {type(self).__name__}, got {record!r:.80}")
        for name, one in sorted(self._learnt.items(), key=lambda item: item[1].last):
            if name in record:
                setattr(self, name, one.unpack(record[name], f"{key}{name}", arrays, sizes, self))
            elif not one.optional:
                raise ValueError(f"{key}{name}: missing")
        self._verify()

    def _verify(self) -> None:
        """Raise a ValueError where attributes from a file do not belong together."""


def not_fitted(instance: object) -> Exception:
    """Return the error of an object that has not learnt anything yet."""
    return theirs_too(NotFittedError)(f"{type(instance).__name__} has not learnt anything yet: call fit first")


def _same_size(key: str, axis: str, size: int, sizes: Sizes) -> None:
    """Note the size of an axis; a ValueError where it had another one."""
    if sizes.setdefault(axis, size) != size:
        raise ValueError(f"{key}: expected {sizes[axis]} entries, got {size}")


class Array(Learnt[np.ndarray]):
    """An array of finite floating numbers.

    Args:
        axes: a letter for each axis, separated by blanks.
        optional: whether some fits do not set it.
    """

    def __init__(self, axes: str, *, optional: bool = False) -> None:
        super().__init__(optional=optional)
        self.axes = axes.split()

    def pack(self, value: np.ndarray, key: str, arrays: Arrays) -> Any:
        arrays[key] = value
        return None

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> np.ndarray:
        if key not in arrays:
            raise ValueError(f"{key}: missing")
        array = arrays.pop(key)
        if array.dtype.kind != "f" or array.ndim != len(self.axes) or not np.isfinite(array).all():
            raise ValueError(
                f"{key}: expected finite numbers [{', '.join(self.axes)}], got {array.dtype} {array.shape}"
            )
        for axis, size in zip(self.axes, array.shape, strict=True):
            _same_size(key, axis, size, sizes)
        return array


class ArrayList(Learnt[list[np.ndarray]]):
    """A list of arrays of finite floating numbers with the same axes."""

    def __init__(self, axes: str) -> None:
        super().__init__()
        self.one = Array(axes)

    def pack(self, value: list[np.ndarray], key: str, arrays: Arrays) -> Any:
        for i, array in enumerate(value):
            self.one.pack(array, f"{key}.{i}", arrays)
        return len(value)

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> list[np.ndarray]:
        count = _plain(record, key, int)
        if not 0 <= count <= len(arrays):
            raise ValueError(f"{key}: expected {count} arrays, got {len(arrays)}")
        return [self.one.unpack(None, f"{key}.{i}", arrays, sizes, owner) for i in range(count)]


class Plain(Learnt[T]):
    """A number, a truth value or a text.

    Args:
        kind: int, float, bool or str.
        axis: the axis whose size it is.
        optional: whether some fits do not set it.
    """

    def __init__(self, kind: type[T], *, axis: str | None = None, optional: bool = False) -> None:
        super().__init__(optional=optional)
        self.kind, self.axis = kind, axis

    def pack(self, value: T, key: str, arrays: Arrays) -> Any:
        return value

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> T:
        value = _plain(record, key, self.kind)
        if self.axis is not None:
            _same_size(key, self.axis, value, sizes)
        return value


def _plain(record: Any, key: str, kind: type[T]) -> T:
    if type(record) is not kind and not (kind is float and type(record) is int):
        raise ValueError(f"{key}: expected {kind.__name__}, got {record!r:.60}")
    return kind(record)


class Labels(Learnt[np.ndarray]):
    """Different labels [axis] of any kind that sorts, such as the classes.

    Args:
        axis: the letter of the axis.
        optional: whether some fits do not set it.
    """

    def __init__(self, axis: str, *, optional: bool = False) -> None:
        super().__init__(optional=optional)
        self.axis = axis

    def pack(self, value: np.ndarray, key: str, arrays: Arrays) -> Any:
        if value.dtype.kind in "biuf":
            arrays[key] = value
            return None
        values = (value.view("i8") if value.dtype.kind in "mM" else value).tolist()
        if not all(isinstance(v, str | int | float) for v in values):
            raise TypeError(f"{key}: a file keeps numbers, texts and dates, got {values[:3]!r:.80}")
        return {"dtype": "object" if value.dtype.kind == "O" else value.dtype.str, "values": values}

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> np.ndarray:
        labels = arrays.pop(key) if record is None and key in arrays else _labels(record, key)
        if labels.ndim != 1 or len({*labels.tolist()}) != len(labels):
            raise ValueError(f"{key}: expected different labels, got {labels.shape}")
        _same_size(key, self.axis, len(labels), sizes)
        return labels


def _labels(record: Any, key: str) -> np.ndarray:
    if not isinstance(record, dict) or not isinstance(record.get("values"), list):
        raise ValueError(f"{key}: expected labels, got {record!r:.60}")
    values, dtype = record["values"], np.dtype(record.get("dtype"))
    if not all(isinstance(v, str | int | float) for v in values):
        raise ValueError(f"{key}: expected numbers and texts, got {values!r:.60}")
    if dtype.kind in "mM":
        return np.array(values, "i8").view(dtype)
    return np.array(values, dtype)


class History(Learnt[dict[str, list]]):
    """A list for each figure of training, one number an epoch."""

    def pack(self, value: dict[str, list], key: str, arrays: Arrays) -> Any:
        return {name: [v if v is None else float(v) for v in column] for name, column in value.items()}

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> dict[str, list]:
        lists = [*record.values()] if isinstance(record, dict) else [None]
        if not all(isinstance(c, list) and all(isinstance(v, int | float | None) for v in c) for c in lists):
            raise ValueError(f"{key}: expected lists of numbers by name, got {record!r:.60}")
        return record


class Words(Learnt[Vocabulary]):
    """A vocabulary."""

    def pack(self, value: Vocabulary, key: str, arrays: Arrays) -> Any:
        return {"words": value.words, "counts": value.counts.tolist(), "specials": value.specials}

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> Vocabulary:
        words = record.get("words") if isinstance(record, dict) else None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError(f"{key}: expected a vocabulary, got {record!r:.60}")
        return Vocabulary(words, record["counts"], specials=record["specials"])


class Part(Learnt[Any]):
    """An object with learnt attributes of its own.

    Args:
        kinds: the classes that it may be of.
        optional: whether some fits do not set it.
        axes: letter of the part's axis -> letter of the same axis here.
    """

    def __init__(self, *kinds: type[Learner], optional: bool = False, **axes: str) -> None:
        super().__init__(optional=optional)
        self.kinds, self.axes = {kind.__name__: kind for kind in kinds}, axes

    def pack(self, value: Learner, key: str, arrays: Arrays) -> Any:
        return {"kind": type(value).__name__, "learnt": value._pack(f"{key}.", arrays)}

    def unpack(self, record: Any, key: str, arrays: Arrays, sizes: Sizes, owner: Any) -> Any:
        if not isinstance(record, dict) or record.get("kind") not in self.kinds:
            raise ValueError(f"{key}: expected one of {', '.join(self.kinds)}, got {record!r:.60}")
        kind = self.kinds[record["kind"]]
        part = kind.__new__(kind)
        inner = {theirs: sizes[ours] for theirs, ours in self.axes.items() if ours in sizes}
        part._unpack(record.get("learnt"), f"{key}.", arrays, inner)
        for theirs, ours in self.axes.items():
            if theirs in inner:
                _same_size(key, ours, inner[theirs], sizes)
        return part
