"""Modules of modules: Sequential, ModuleList, ModuleDict, ParameterList, Residual."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

import numpy as np

from ..autograd import Tensor
from ._module import Module
from ._parameter import Parameter


class _Sequence(Module):
    """A module that is a list of `kind`s; their names are "0", "1", ... or those given to Sequential."""

    kind: type = Module

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.extend(values)

    def _items(self) -> list[tuple[str, Any]]:
        return [(n, v) for n, v in vars(self).items() if isinstance(v, self.kind)]

    def _replace(self, values: Iterable[Any]) -> None:
        for name, _ in self._items():
            delattr(self, name)
        for i, value in enumerate(values):
            setattr(self, str(i), value)

    def _checked(self, value: Any) -> Any:
        if not isinstance(value, self.kind):
            raise TypeError(f"{type(self).__name__}: expected a {self.kind.__name__}, got {type(value).__name__}")
        return value

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Any]:
        return iter([v for _, v in self._items()])

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Any:
        values = list(self)
        if not isinstance(index, slice):
            return values[operator.index(index)]
        part = type(self).__new__(type(self))
        part._replace(values[index])
        return part

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._items()[operator.index(index)][0], self._checked(value))

    def __delitem__(self, index: int | slice) -> None:
        values = list(self)
        del values[index]
        self._replace(values)

    def append(self, value: Any) -> Self:
        """Add one at the end.

        Args:
            value: what is added.

        Returns:
            This module.
        """
        setattr(self, str(len(self)), self._checked(value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add several at the end.

        Args:
            values: what is added.

        Returns:
            This module.
        """
        for value in values:
            self.append(value)
        return self

    def insert(self, index: int, value: Any) -> None:
        """Add one before a position.

        Args:
            index: the position, as for lists.
            value: what is added.
        """
        values = list(self)
        values.insert(index, self._checked(value))
        self._replace(values)


class Sequential(_Sequence):
    """A chain of modules: each gets what the one before returned.

    It is also a list: len, index, slice, append, insert, extend, del.

    Args:
        modules: modules, or one mapping of name -> module.

    Raises:
        TypeError: for what is no module.
        ValueError: for a name that holds a dot or is an attribute of the class.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> model(np.ones((3, 4), np.float32)).shape
    (3, 2)
    >>> [name for name, _ in model.named_parameters()]
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                _set_named(self, name, module)
        else:
            super().__init__(modules)

    def forward(self, x: Any) -> Tensor:
        """Call one module after the other.

        Args:
            x: what the first module takes.

        Returns:
            What the last module returns.
        """
        for module in list(vars(self).values()):  # children(), without its cost
            if isinstance(module, Module):
                x = module(x)
        return x


class ModuleList(_Sequence):
    """A list of modules whose parameters are found; it computes nothing itself.

    Args:
        values: modules.

    >>> from seqnn import nn
    >>> layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
    >>> len(layers), list(layers.state_dict())[:2]
    (3, ['0.weight', '0.bias'])
    """


class ParameterList(_Sequence):
    """A list of parameters; arrays in it become Parameters.

    Args:
        values: Parameters, or arrays.

    >>> from seqnn import nn
    >>> list(nn.ParameterList([[1.0], [2.0, 3.0]]).state_dict())
    ['0', '1']
    """

    kind = Parameter

    def _checked(self, value: Any) -> Parameter:
        return value if isinstance(value, Parameter) else Parameter(value)

    def extra_repr(self) -> str:
        return ", ".join(f"{np.dtype(p.dtype)}{list(p.shape)}" for p in self)


class ModuleDict(Module):
    """A dict of modules by name, in order; it computes nothing itself.

    Args:
        modules: a mapping, or pairs (name, module).

    >>> from seqnn import nn
    >>> heads = nn.ModuleDict({"tag": nn.Linear(8, 5), "parse": nn.Linear(8, 3)})
    >>> list(heads), heads["tag"].out_features
    (['tag', 'parse'], 5)
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()) -> None:
        self.update(modules)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Set several.

        Args:
            modules: a mapping, or pairs (name, module).
        """
        for name, module in dict(modules).items():
            self[name] = module

    def __getitem__(self, name: str) -> Module:
        return dict(self.named_children())[name]

    def __setitem__(self, name: str, module: Module) -> None:
        _set_named(self, name, module)

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in dict(self.named_children())

    def __len__(self) -> int:
        return len(list(self.children()))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        """Return the names."""
        return [name for name, _ in self.named_children()]

    def values(self) -> list[Module]:
        """Return the modules."""
        return list(self.children())

    def items(self) -> list[tuple[str, Module]]:
        """Return (name, module) pairs."""
        return list(self.named_children())


class Residual(Module):
    """A path around a module that keeps the shape: x + module(x).

    Args:
        module: any module; the keys of its parameters begin with "module.".

    Raises:
        ValueError: when it is called, where the module changes the shape.

    Source: He et al., "Deep residual learning for image recognition", CVPR 2016.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> nn.Residual(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))(np.ones((3, 4), np.float32)).shape
    (3, 4)
    """

    def __init__(self, module: Module) -> None:
        self.module = module

    def forward(self, x: Any) -> Tensor:
        """Add x to what the module makes of it.

        Args:
            x: numbers, of any shape.

        Returns:
            A Tensor of the shape of `x`.
        """
        y = self.module(x)
        if y.shape != x.shape:
            raise ValueError(f"the module must keep the shape: expected {x.shape}, got {y.shape}")
        return x + y


def _set_named(owner: Module, name: str, module: Module) -> None:
    """Set a module under a name that is free: attributes of the class are taken, and a dot would be a level of the path."""
    if not isinstance(module, Module):
        raise TypeError(f"{type(owner).__name__}: {name!r} must be a Module, got {type(module).__name__}")
    if not isinstance(name, str) or not name or "." in name:
        raise ValueError(f"{type(owner).__name__}: a name must be text without dots, got {name!r}")
    if hasattr(type(owner), name):
        raise ValueError(f"{type(owner).__name__}: the name {name!r} is that of an attribute")
    setattr(owner, name, module)
