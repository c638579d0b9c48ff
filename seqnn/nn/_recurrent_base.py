"""What the layer and the cell of one recurrent kind share: its declaration, the parameters of a layer, the call of its op."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from .._settings import Integer, Setting, Settings
from ..autograd import Tensor
from . import _init
from ._module import Module
from ._parameter import Parameter
from ._pytorch import advice_for

REQUIRED: Any = inspect.Parameter.empty  # the default of an argument without one


class Switch(Setting[bool]):
    """True or False (or 1 or 0): a string, which would count as true, is a TypeError."""

    def _check(self, name: str, value: Any) -> bool:
        if not isinstance(value, numbers.Integral | np.bool) or value not in (0, 1):
            raise TypeError(f"{name}: expected True or False, got {value!r}")
        return bool(value)


class Dtype(Setting[Any]):
    """float32 or float64; later, what the parameters have."""

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        return next(p.data.dtype for p in vars(instance).values() if isinstance(p, Parameter))

    def __set__(self, instance: Any, value: Any) -> None:
        self.check(self.name, value)

    def _check(self, name: str, value: Any) -> np.dtype:
        if np.dtype(value) not in (np.float32, np.float64):
            raise ValueError(f"{name}: expected float32 or float64, got {value!r}")
        return np.dtype(value)


class RecurrentBase(Module, Settings):
    """A recurrent kind: `Recurrent` says how to declare one.

    Args:
        input_size: numbers of an input.
        hidden_size: units.
        bias: whether there are biases.
        dtype: of the parameters, float32 or float64.
    """

    kind: ClassVar[str]
    op: ClassVar[Callable[..., Any]]
    states: ClassVar[tuple[str, ...]] = ("h",)
    gates: int = 1
    norm_gates: int = 0
    layer_norm: bool = False
    learn_state: bool = False

    input_size: Integer[int] = Integer(REQUIRED, minimum=1)
    hidden_size: Integer[int] = Integer(REQUIRED, minimum=1)
    bias = Switch(True)
    dtype = Dtype(np.float32)

    _checks_at_once = True
    _weights: ClassVar[tuple[str, ...]] = ()
    """The parameters of a layer, in the order of the op's arguments."""
    _own: ClassVar[tuple[str, ...]] = ()
    """The settings that are options of the op."""

    def __init_subclass__(cls, **options: Any) -> None:
        for name in ("op", "pack", "stream"):
            if inspect.isfunction(vars(cls).get(name)):
                setattr(cls, name, staticmethod(vars(cls)[name]))
        _show_signature(cls)
        super().__init_subclass__(**options)
        if hasattr(cls, "op"):
            parameters = inspect.signature(cls.op).parameters.values()
            names = [p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
            cls._weights = tuple(names[1 + len(cls.states) :])
            options_of_op = {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
            cls._own = tuple(name for name in cls._settings if name in options_of_op - {"batch_first"})

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, **options: Any) -> None:
        self._build(locals())

    def _build(self, given: Mapping[str, Any]) -> None:
        """Take over the arguments of `__init__`, its `locals()`, and make the parameters."""
        options = given.get("options", {})
        name, defaults = type(self).__name__, {key: setting.default for key, setting in self._settings.items()}
        for key in options:
            if key not in defaults:
                raise TypeError(f"{name}: no argument {key!r}; it takes {', '.join(defaults)}{advice_for(key)}")
        values = {**defaults, **given, **options}
        try:
            self._store(values)
            self.check()
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None
        for suffix, inputs in self._layers():
            for key, shape in self._shapes(inputs).items():
                setattr(self, key + suffix, Parameter(np.empty(shape, values["dtype"])))
        self.reset_parameters()

    # What a kind may declare in its own way.

    def check(self) -> None:
        """Raise a ValueError for settings that do not go together."""

    @property
    def units(self) -> int:
        """Rows of the weights in each gate."""
        return self.hidden_size

    def state_sizes(self) -> dict[str, int]:
        """Return the last axis of each part of the state, h first."""
        return dict.fromkeys(self.states, self.hidden_size)

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the parameters of a layer that other kinds do not have."""
        return {}

    # A layer in one direction: names of its parameters end with a suffix.

    def _layers(self) -> Iterator[tuple[str, int]]:
        """Yield the suffix and the size of the input of each layer and direction."""
        yield "", self.input_size

    def _shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the parameters by their names without suffix, in PyTorch's order."""
        rows, sizes = self.gates * self.units, self.state_sizes()
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, sizes["h"])}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.layer_norm:
            shapes["norm"] = ((self.norm_gates or self.gates) * self.units,)
        if self.learn_state:
            shapes |= {f"initial_{name}": (size,) for name, size in sizes.items()}
        return shapes | self.own_shapes()

    def reset_parameters(self) -> None:
        """Draw all anew: uniform in +-1/sqrt(hidden_size), as PyTorch's; norms 1, initial states 0."""
        bound = 1 / math.sqrt(self.hidden_size)
        for name, parameter in self.named_parameters():
            if name.startswith("norm"):
                _init.ones_(parameter)
                if name.startswith("norm_cell"):
                    parameter.data[1] = 0
            elif name.startswith("initial"):
                _init.zeros_(parameter)
            else:
                _init.uniform_(parameter, -bound, bound)

    def _run(self, x: Any, states: tuple, suffix: str, **options: Any) -> tuple[Any, ...]:
        """Call the op on one layer in one direction; returns (out, *states)."""
        parameters = (getattr(self, name + suffix, None) for name in self._weights)
        own = {name: getattr(self, name) for name in self._own}
        return self.op(x, *states, *parameters, **own, **options)

    # What the user gives.

    def _as_input(self, x: Any) -> Any:
        """Return x as a float array or Tensor of the weights' kind of numbers: integers and lists become that."""
        dtype, data = self.dtype, array_of(x)
        if type(data) is np.ndarray and data.dtype is dtype and dtype.isnative:
            return x  # nearly always
        data = np.asarray(data)
        if data.dtype.char in "fd":
            if isinstance(x, Tensor | np.ndarray) and data.dtype.newbyteorder("=") != dtype:
                raise TypeError(f"x is {data.dtype} but the weights are {dtype}: convert one, by x.astype or layer.to")
            return x if isinstance(x, Tensor) else data.astype(dtype, copy=False)
        if data.dtype.kind not in "biuf":
            raise TypeError(f"x is {data.dtype}, expected numbers")
        converted = data.astype(dtype)
        return Tensor(converted) if isinstance(x, Tensor) else converted

    def _parts(self, state: Any, *axes: int) -> tuple[Any, ...]:
        """Return the parts [*axes, size] of the state that the user gives, checked."""
        parts = tuple(state) if isinstance(state, tuple | list) else (state,)
        if len(parts) != len(self.states):
            raise ValueError(f"state has {len(parts)} parts, expected {len(self.states)}: {', '.join(self.states)}")
        dtype = self.dtype
        for (name, size), part in zip(self.state_sizes().items(), parts, strict=True):
            data = array_of(part)
            if np.shape(data) != (*axes, size):
                expected = "batch, size" if len(axes) == 1 else "layers * directions, batch, size"
                raise ValueError(f"state {name} has shape {np.shape(data)}, expected {(*axes, size)}: {expected}")
            if isinstance(data, np.ndarray) and data.dtype.char in "fd" and data.dtype.newbyteorder("=") != dtype:
                raise TypeError(f"state {name} is {data.dtype} but the weights are {dtype}: convert one of them")
        return parts

    def extra_repr(self) -> str:
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, setting in self._settings.items()
            if setting.default is not REQUIRED and getattr(self, name) != setting.default
        ]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


def as_state(parts: Any) -> Any:
    """Return a state as the user sees it: a tuple of its parts, or the only one."""
    parts = tuple(parts)
    return parts if len(parts) > 1 else parts[0]


def each_part(state: Any, function: Callable) -> Any:
    """Apply `function` to every part of a state."""
    if state is None:
        return None
    return tuple(function(s) for s in state) if isinstance(state, tuple | list) else function(state)


def array_of(x: Any) -> Any:
    """Return the array of a Tensor; anything else as it is."""
    return x.data if isinstance(x, Tensor) else x


def one_state(state: Any, hx: Any) -> Any:
    """Return the state that is given by either of its names; `hx` is PyTorch's."""
    if state is not None and hx is not None:
        raise TypeError("state and hx are two names of one argument: give one of them")
    return hx if state is None else state


def _show_signature(cls: type[RecurrentBase]) -> None:
    """Let `help` and editors show every setting in the place of `**options`."""
    written = [*inspect.signature(cls.__init__).parameters.values()]
    found = {p.name: p for p in written if p.kind is not inspect.Parameter.VAR_KEYWORD}
    settings = {k: v for base in reversed(cls.__mro__) for k, v in vars(base).items() if isinstance(v, Setting)}
    settings["dtype"] = settings.pop("dtype")  # the last one
    for name, setting in settings.items():
        kind = "npt.DTypeLike" if name == "dtype" else type(setting.default).__name__
        by_name = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=setting.default, annotation=kind)
        found.setdefault(name, by_name)
    parameters = [*found.values()]
    if "__init__" in vars(cls):
        cls.__init__.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
    cls.__signature__ = inspect.Signature(parameters[1:])  # type: ignore[attr-defined]


_show_signature(RecurrentBase)
