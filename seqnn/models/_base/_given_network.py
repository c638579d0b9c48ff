"""Networks that the user makes: the setting, and the copy of it that is trained and kept in a file."""

from __future__ import annotations

import copy
from typing import Any

from ... import nn
from ..._settings import Setting
from ._learnt import Arrays
from ._network_estimator import Network

__all__ = ["GivenNetwork", "NetworkCopy"]


class GivenNetwork(Setting[Any]):
    """A network of the user's, which `fit` copies; a file keeps the weights of the copy, and no code."""

    def __init__(self) -> None:
        super().__init__(None, optional=False)

    def _check(self, name: str, value: Any) -> nn.Module:
        if not isinstance(value, nn.Module):
            raise TypeError(f"{name}: expected an nn.Module, got {type(value).__name__}")
        return value

    def pack(self, value: nn.Module) -> str:
        """Return the name of its class."""
        return type(value).__name__

    def unpack(self, name: str, record: Any) -> Any:
        """Ask for the network with a ValueError."""
        raise ValueError(
            f"{name}: a file keeps the weights of a network only: give one of the same layers, load(path, {name}=...)"
        )


class NetworkCopy(Network):
    """The trained copy of a network that a setting gives.

    Args:
        setting: the name of the setting.
    """

    def __init__(self, setting: str) -> None:
        super().__init__(nn.Module)
        self.setting = setting

    def _new(self, owner: Any, state: Arrays) -> nn.Module:
        return copy.deepcopy(getattr(owner._used, self.setting))
