"""Settings: what a constructor accepts, declared once as class attributes. Checks, scikit-learn's protocol, repr, files and
the command line read the declarations.

    class Trainer(Settings):
        epochs = Integer(5, minimum=0)

        def __init__(self, *, epochs: int = 5) -> None:
            self._store(locals())

The signature stays explicit for editors; a test asserts that it equals the declarations. The text about a setting stands
in the docstring of the class, under "Args:"; a class that inherits a setting inherits this text.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from types import SimpleNamespace
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

import numpy as np

from ._arguments import flag, integer, number
from ._spill import parse_size

T = TypeVar("T")


def with_hints(init: Callable[..., None]) -> Callable[..., None]:
    """Let a TypeError about an unknown setting name the setting that was meant."""

    @wraps(init)
    def initialised(self: Any, *args: Any, **given: Any) -> None:
        if not given.keys() <= self._settings.keys():
            name = next(name for name in given if name not in self._settings)
            near = [self._renamed.get(name), *get_close_matches(name, self._settings)]
            meant = next((other for other in near if other in self._settings), None)
            hint = f"did you mean {meant!r}?" if meant else f"it has {', '.join(self._settings)}"
            raise TypeError(f"{self._unknown.format(kind=type(self).__name__, name=name)}; {hint}")
        init(self, *args, **given)

    return initialised


class Setting(Generic[T]):
    """Declare one argument of a constructor, which is also an attribute of the object.

    Args:
        default: the value without an argument.
        optional: accept None as well (default: when `default` is None).
        saved: whether a file keeps the value (default True; functions and callbacks cannot be kept).
    """

    name = ""

    def __init__(self, default: T, *, optional: bool | None = None, saved: bool = True) -> None:
        self.default, self.saved = default, saved
        self.optional = default is None if optional is None else optional

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        return self if instance is None else instance.__dict__.get(self.name, self.default)

    def __set__(self, instance: Any, value: T) -> None:
        instance.__dict__[self.name] = self.check(self.name, value) if instance._checks_at_once else value

    def check(self, name: str, value: Any) -> Any:
        """Return the value with a plain Python type; a TypeError or ValueError names the argument."""
        return None if value is None and self.optional else self._check(name, value)

    def _check(self, name: str, value: Any) -> Any:
        return value


class Anything(Setting[Any]):
    """A setting of any kind, checked by a function (name, value) -> value where one is given."""

    def __init__(
        self, default: Any = None, check: Callable[[str, Any], Any] | None = None, *, saved: bool = False
    ) -> None:
        super().__init__(default, saved=saved)
        self._function = check

    def _check(self, name: str, value: Any) -> Any:
        return value if self._function is None else self._function(name, value)


class Integer(Setting[T]):
    """An integer in [minimum, maximum]."""

    def __init__(self, default: T, *, minimum: int = 0, maximum: int = 2**31 - 1, optional: bool | None = None) -> None:
        super().__init__(default, optional=optional)
        self.minimum, self.maximum = minimum, maximum

    def _check(self, name: str, value: Any) -> int:
        return integer(name, value, self.minimum, self.maximum)


class Number(Setting[T]):
    """A finite number with minimum <= value <= maximum, above < value < below."""

    def __init__(
        self,
        default: T,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        above: float | None = None,
        below: float | None = None,
        optional: bool | None = None,
    ) -> None:
        super().__init__(default, optional=optional)
        self._bounds = {"minimum": minimum, "maximum": maximum, "above": above, "below": below}

    def _check(self, name: str, value: Any) -> float:
        return number(name, value, **{bound: limit for bound, limit in self._bounds.items() if limit is not None})


class Flag(Setting[T]):
    """True or False, or 1 or 0; kept as an int where the default is one, as gensim's are."""

    def _check(self, name: str, value: Any) -> Any:
        return type(self.default)(flag(name, value))


class Choice(Setting[T]):
    """One of several strings; `expected` says which in an error."""

    def __init__(
        self, default: T, choices: Iterable[str], *, optional: bool | None = None, expected: str | None = None
    ) -> None:
        super().__init__(default, optional=optional)
        self.choices = tuple(choices)
        self._expected = expected or f"one of {', '.join(map(repr, self.choices))}"

    def _check(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise ValueError(f"{name}: expected {self._expected}, got {value!r}")
        return value


class Function(Setting[Any]):
    """A function or None; files do not keep it. `kind` says which function is expected."""

    def __init__(self, kind: str) -> None:
        super().__init__(None, saved=False)
        self._kind = kind

    def _check(self, name: str, value: Any) -> Any:
        if not callable(value):
            raise TypeError(f"{name}: expected a function {self._kind}, got {value!r}")
        return value


class Memory(Setting[Any]):
    """A number of bytes, or a text such as "2GB", or None for no limit."""

    def _check(self, name: str, value: Any) -> Any:
        parse_size(value, name)
        return value


class Sizes(Setting[tuple[int, ...]]):
    """A sequence of integers >= 1, such as the widths of layers."""

    def _check(self, name: str, value: Any) -> tuple[int, ...]:
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise TypeError(f"{name}: expected a sequence of integers >= 1, such as (100,), got {value!r}")
        return tuple(integer(f"{name}[{i}]", size, 1) for i, size in enumerate(value))


class Settings:
    """Base of the classes whose constructors are declared by `Setting`s."""

    _settings: ClassVar[Mapping[str, Setting]] = {}
    """Every setting by its name, in the order of the signature."""

    _checks_at_once: ClassVar[bool] = False
    """Whether an assignment is checked; estimators of scikit-learn check in `fit`."""

    _renamed: ClassVar[Mapping[str, str]] = {}
    """Names that a setting has elsewhere, such as in an older version of a peer, and its name here."""

    _unknown: ClassVar[str] = "{kind} has no setting {name!r}"
    """What `with_hints` says of an argument that is no setting."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        attributes = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
        declared = {name: setting for name, setting in attributes.items() if isinstance(setting, Setting)}
        order = [name for name in inspect.signature(cls.__init__).parameters if name in declared]
        cls._settings = {name: declared[name] for name in [*order, *(n for n in declared if n not in order)]}
        _complete_docstring(cls)

    _complete = False
    """Whether the constructor is done: then an attribute that is nearly the name of a setting is taken for a mistake."""

    def __setattr__(self, name: str, value: Any) -> None:
        if self._complete and name not in self._settings and not (name.startswith("_") or hasattr(self, name)):
            near = [self._renamed[name]] if name in self._renamed else get_close_matches(name, self._settings, 1, 0.8)
            if near:
                raise AttributeError(f"{type(self).__name__} has no setting {name!r}; did you mean {near[0]!r}?")
        super().__setattr__(name, value)

    def _store(self, given: Mapping[str, Any]) -> None:
        """Keep the arguments of `__init__`, its `locals()`, as they are."""
        for name in self._settings:
            setattr(self, name, given[name])

    def _checked(self) -> SimpleNamespace:
        """Return the present values of all settings, checked."""
        return SimpleNamespace(**{name: s.check(name, getattr(self, name)) for name, s in self._settings.items()})

    def _saved_settings(self) -> dict[str, Any]:
        """Return the values that a file keeps."""
        return {name: getattr(self, name) for name, setting in self._settings.items() if setting.saved}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name.

        Args:
            deep: whether to go into settings that have settings of their own: these get the name `name__setting`.

        Returns:
            The values by name.
        """
        found = {name: getattr(self, name) for name in self._settings}
        if deep:
            for name, value in [*found.items()]:
                if hasattr(value, "get_params") and not isinstance(value, type):
                    found |= {f"{name}__{key}": v for key, v in value.get_params().items()}
        return found

    def set_params(self, **settings: Any) -> Self:
        """Change settings.

        Args:
            settings: new values; `name__setting` reaches into a setting that has settings of its own.

        Returns:
            The object itself.

        Raises:
            ValueError: a name that is not a setting.
        """
        inner: dict[str, dict[str, Any]] = {}
        for key, value in settings.items():
            name, _, rest = key.partition("__")
            if name not in self._settings:
                raise ValueError(f"{name}: no setting of {type(self).__name__}; it has {', '.join(self._settings)}")
            if rest:
                inner.setdefault(name, {})[rest] = value
            else:
                setattr(self, name, value)
        for name, values in inner.items():
            getattr(self, name).set_params(**values)
        return self

    def __repr__(self) -> str:
        """Show the class and the settings that differ from their defaults."""
        return f"{type(self).__name__}({', '.join(f'{name}={text}' for name, text in self._changed().items())})"

    def _changed(self) -> dict[str, str]:
        """Return the settings that differ from their defaults, as text."""
        given = ((name, getattr(self, name), setting.default) for name, setting in self._settings.items())
        return {name: shown(value) for name, value, default in given if not _equal(value, default)}


def shown(value: Any) -> str:
    """Return a value as text: functions by their names, arrays by their shapes."""
    if isinstance(value, np.ndarray):
        return f"<array {list(value.shape)}>"
    if inspect.isfunction(value) or inspect.isclass(value):
        return value.__qualname__
    return repr(value)


def _equal(a: Any, b: Any) -> bool:
    """Tell whether two values of a setting are the same, without comparing arrays by elements."""
    if a is b:
        return True
    return type(a) is type(b) and isinstance(a, str | int | float | tuple | list | frozenset) and a == b


# The text of docstrings.


def described(documented: type | Callable) -> dict[str, str]:
    """Return the text about each argument, by its name, from the section "Args:" of a docstring."""
    found: dict[str, str] = {}
    for names, text in _arguments(inspect.cleandoc(documented.__doc__ or "")):
        found |= dict.fromkeys(names, text)
    return found


_ENTRY = re.compile(r"    (?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)*): (?P<text>.*)")


def _arguments(doc: str) -> list[tuple[list[str], str]]:
    """Return (names, text) of each entry under "Args:" of a docstring without indent."""
    found: list[tuple[list[str], str]] = []
    _, _, rest = f"\n{doc}".partition("\nArgs:\n")
    for line in rest.splitlines():
        if line and not line.startswith("    "):
            break
        if entry := _ENTRY.fullmatch(line):
            found.append(([name.lstrip("*") for name in entry["names"].split(", ")], entry["text"]))
        elif found and line.strip():
            found[-1] = found[-1][0], f"{found[-1][1]} {line.strip()}"
    return found


def _complete_docstring(cls: type[Settings]) -> None:
    """Add what the bases say about arguments that the docstring of the class does not describe itself."""
    own = cls.__dict__.get("__doc__")
    if not own:
        return
    doc = inspect.cleandoc(own)
    known = described(cls)
    inherited = {name: text for base in reversed(cls.__mro__[1:]) for name, text in described(base).items()}
    arguments = dict.fromkeys([*inspect.signature(cls.__init__).parameters, *cls._settings])
    ordered = [name for name in arguments if name in inherited and name not in known]
    if not ordered:
        return
    entries = "".join(f"    {name}: {inherited[name]}\n" for name in ordered)
    head, found, tail = f"\n{doc}".partition("\nArgs:\n")
    if not found:
        first, _, rest = doc.partition("\n\n")
        cls.__doc__ = f"{first}\n\nArgs:\n{entries}\n{rest}"
        return
    block, blank, rest = tail.partition("\n\n")
    cls.__doc__ = (
        f"{head.lstrip()}\n\nArgs:\n{block}\n{entries.rstrip()}{blank}{rest}" if blank else f"{doc}\n{entries}"
    )
