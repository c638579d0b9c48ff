"""Modules that hold adapters: layers of `nn` which compute as ever, and with what their active adapters add."""

from __future__ import annotations

from typing import Any

from .. import nn

__all__ = ["Holder", "hold", "holders", "register", "release"]

_KINDS: dict[type[nn.Module], type[nn.Module]] = {}
"""A layer -> the layer that holds adapters."""


class Holder(nn.Module):
    """A module with adapters by name, of which some are active.

    Attributes:
        adapters: what each of them adds here.
        active: the names of those that count.
    """

    adapters: nn.ModuleDict
    active: tuple[str, ...]

    def _chosen(self, kind: type) -> list[Any]:
        """Return the active adapters of a kind."""
        found = [self.adapters[name] for name in self.active if name in self.adapters]
        return [part for part in found if isinstance(part, kind)]


def register(kind: type[nn.Module], holder: type[nn.Module]) -> None:
    """Say which class a layer becomes when it is given an adapter."""
    _KINDS[kind] = holder


def hold(module: Any, name: str, part: nn.Module) -> None:
    """Give a layer an adapter; it stays the same object, with the same parameters.

    Args:
        module: the layer.
        name: of the adapter.
        part: what it adds here.
    """
    if not isinstance(module, Holder):
        module.__class__ = _KINDS[type(module)]
        module.adapters, module.active = nn.ModuleDict(), ()
    module.adapters[name] = part.train(module.training)


def release(model: nn.Module, name: str) -> None:
    """Take an adapter away from the layers of a model, which are plain ones again after their last.

    Args:
        model: with the layers.
        name: of the adapter.
    """
    for module in holders(model):
        if name in module.adapters:
            del module.adapters[name]
            module.active = tuple(other for other in module.active if other != name)
        if not len(module.adapters):
            del module.adapters, module.active
            module.__class__ = next(kind for kind, holder in _KINDS.items() if holder is type(module))


def holders(model: nn.Module) -> list[Any]:
    """Return the modules of a model that hold adapters."""
    return [module for module in model.modules() if isinstance(module, Holder)]


def can_hold(module: nn.Module) -> bool:
    """Tell whether a module is a layer, of no further class, that may hold adapters."""
    return type(module) in _KINDS or isinstance(module, Holder)
