"""The tree of modules: parameters, buffers and modules are found among the attributes of a module."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

from ._parameter import Parameter

M = TypeVar("M")


class Tree(Generic[M]):
    """A node with parameters, buffers and further nodes of kind M as attributes, in the order in which they were set."""

    _buffers: Mapping[str, bool] = {}  # name -> whether it belongs to the state; the arrays are attributes

    def named_children(self) -> Iterator[tuple[str, M]]:
        """Yield (name, module) of the modules directly below, in the order in which they were set."""
        return ((n, v) for n, v in list(vars(self).items()) if isinstance(v, Tree))

    def children(self) -> Iterator[M]:
        """Yield the modules directly below."""
        return (child for _, child in self.named_children())

    def named_modules(self) -> Iterator[tuple[str, M]]:
        """Yield (path, module) of this module (path "") and all below it, each once."""
        return _once(self._paths(""))

    def modules(self) -> Iterator[M]:
        """Yield this module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield (path, Parameter) of all parameters, each once, in the order of `state_dict`."""
        return _once(
            self._entries(lambda module: ((n, v) for n, v in vars(module).items() if isinstance(v, Parameter)))
        )

    def parameters(self) -> Iterator[Parameter]:
        """Yield all parameters, each once: what an optimiser takes."""
        return iter({id(parameter): parameter for parameter in self._parameters()}.values())

    def named_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield (path, array) of all buffers, each once."""
        return _once(self._entries(lambda module: ((n, vars(module).get(n)) for n in module._buffers)))

    def buffers(self) -> Iterator[np.ndarray]:
        """Yield all buffers, each once."""
        return (buffer for _, buffer in self.named_buffers())

    def get_submodule(self, path: str) -> M:
        """Return the module at a path.

        Args:
            path: as `named_modules` says it; "" is this module.

        Raises:
            ValueError: where there is no such module.
        """
        for name, module in self._paths(""):
            if name == path:
                return module
        raise ValueError(f"get_submodule: no module {path!r}; there are {[n for n, _ in self.named_modules()][1:]}")

    def register_buffer(self, name: str, array: npt.ArrayLike | None, persistent: bool = True) -> None:
        """Keep an array that is not learnt as `self.<name>`.

        Args:
            name: of the attribute.
            array: of any kind; None reserves the name.
            persistent: whether it belongs to the state.

        Raises:
            ValueError: where there is such an attribute already.
        """
        if name in vars(self) and name not in self._buffers:
            raise ValueError(f"register_buffer: {type(self).__name__} has an attribute {name!r} already")
        setattr(self, name, None if array is None else np.asarray(array))
        self._buffers = {**self._buffers, name: persistent}

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Set the Parameter `self.<name>`.

        Args:
            name: of the attribute.
            parameter: None reserves the name, as for a layer without bias.

        Raises:
            TypeError: for other things than a Parameter or None.
        """
        if not (parameter is None or isinstance(parameter, Parameter)):
            raise TypeError(f"register_parameter: {name!r} must be a Parameter, got {type(parameter).__name__}")
        setattr(self, name, parameter)

    def apply(self, function: Callable[[M], Any]) -> Self:
        """Call a function on every module, those below first.

        Args:
            function: gets a module.

        Returns:
            This module.

        >>> from seqnn import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> _ = model.apply(lambda m: nn.init.zeros_(m.weight) if isinstance(m, nn.Linear) else None)
        """
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def extra_repr(self) -> str:
        """Return what stands in the parentheses of the layer's repr."""
        return ""

    def __repr__(self) -> str:
        kind, extra = type(self).__name__, self.extra_repr()
        children = [f"({name}): {child!r}" for name, child in self.named_children()]
        if not children:
            return f"{kind}({extra})"
        lines = "\n".join(([extra] if extra else []) + children)
        return f"{kind}(\n  " + lines.replace("\n", "\n  ") + "\n)"

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, _CONTAINERS):
            self._refuse_hidden(name, value)
        old = vars(self).get(name)
        if isinstance(old, Parameter) and not (value is None or isinstance(value, Parameter)):
            raise TypeError(
                f"{type(self).__name__}.{name} is a Parameter: expected a Parameter or None, got {type(value).__name__}; "
                "assign to its .data or use load_state_dict"
            )
        if name in self._buffers and not (value is None or isinstance(value, np.ndarray)):
            raise TypeError(f"{type(self).__name__}.{name} is a buffer: expected an array, got {type(value).__name__}")
        super().__setattr__(name, value)

    def _refuse_hidden(self, name: str, container: Any) -> None:
        """Raise TypeError where an attribute holds modules or parameters that are found nowhere else."""
        hidden = list(_inside(container))
        if hidden and not {id(v) for v in hidden} <= {id(v) for v in self._found()}:
            named = isinstance(container, dict | SimpleNamespace)
            use = "nn.ModuleDict" if named else "nn.ModuleList (or nn.ParameterList)"
            raise TypeError(
                f"{type(self).__name__}.{name}: modules in a {type(container).__name__} are not found; use {use}"
            )

    def _found(self) -> Iterator[Any]:
        """Yield the modules and parameters that are attributes, here and below."""
        for value in vars(self).values():
            if isinstance(value, Tree):
                yield value
                yield from value._found()
            elif isinstance(value, Parameter):
                yield value

    def _parameters(self) -> Iterator[Parameter]:
        """Yield the parameters without their names, which take most of the time: a training step asks for them."""
        below = []
        for name, value in vars(self).items():
            if type(value) in _PLAIN:
                continue
            if isinstance(value, Parameter):
                yield value
            elif isinstance(value, Tree):
                below.append(value)
            elif isinstance(value, _CONTAINERS):
                self._refuse_hidden(name, value)
        for module in below:
            yield from module._parameters()

    def _paths(self, path: str) -> Iterator[tuple[str, Any]]:
        """Yield every path to every module, this one included."""
        for name, value in vars(self).items():  # modules may have been put into a list since it was assigned
            if isinstance(value, _CONTAINERS):
                self._refuse_hidden(name, value)
        yield path, self
        for name, child in self.named_children():
            yield from child._paths(f"{path}.{name}" if path else name)

    def _entries(self, of: Callable[[Any], Iterator[tuple[str, Any]]]) -> Iterator[tuple[str, Any]]:
        """Yield (path, entry) of what `of` finds in every module."""
        for path, module in self._paths(""):
            for name, entry in of(module):
                if entry is not None:
                    yield (f"{path}.{name}" if path else name), entry


_PLAIN = frozenset({bool, int, float, str, type(None)})  # most attributes
_CONTAINERS = (list, tuple, dict, set, frozenset, deque, SimpleNamespace)
_MANY = 1000  # elements of a container; of one with more, the first and the last are looked at


def _inside(container: Any, depth: int = 3) -> Iterator[Any]:
    """Yield the modules and parameters in a container, and in containers inside it."""
    container = vars(container) if isinstance(container, SimpleNamespace) else container
    values = list(container.values() if isinstance(container, dict) else container)
    for value in values if len(values) <= _MANY else (values[0], values[-1]):
        if isinstance(value, Tree | Parameter):
            yield value
        elif depth and isinstance(value, _CONTAINERS):
            yield from _inside(value, depth - 1)


def _once(named: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Leave out what came under another name before."""
    seen = set()
    for name, value in named:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value
