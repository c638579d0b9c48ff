"""Modules that learn whole beside an adapter, such as heads: each adapter has its own numbers of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import nn
from ._targets import Names, levels

__all__ = ["SavedModules"]


class SavedModules:
    """The numbers that adapters have of modules of the model, of which those of the active one stand in it.

    Args:
        model: with the modules.
        names: of its parameters in files.
    """

    def __init__(self, model: nn.Module, names: Names) -> None:
        self._model, self._names = model, names
        self._kept: dict[str | None, dict[str, np.ndarray]] = {None: {}}
        self._standing: str | None = None

    def find(self, wanted: Sequence[str] | None) -> list[str]:
        """Return the names, in our model, of the parameters of the modules that are meant.

        Args:
            wanted: ends of the names of modules; as for peft, "classifier" is one of "pre_classifier".

        Raises:
            ValueError: nothing is meant, or what lies otherwise in files.
        """
        if not wanted:
            return []
        found, table = [], self._names.table
        for key, _ in self._model.named_parameters():
            if ".adapters." in f".{key}":
                continue
            sources = self._names.of(key)
            modules = levels(sources[0].rpartition(".")[0])
            if not any(module.endswith(tuple(wanted)) for module in modules):
                continue
            transposed = table is not None and key.rpartition(".")[0].endswith(table.transposed or ("\n",))
            if len(sources) > 1 or transposed:
                raise ValueError(f"modules_to_save: expected heads, got {sources[0]}, which LoRA adapts")
            found.append(key)
        if not found:
            raise ValueError(f"modules_to_save: no module is meant by {list(wanted)}")
        return found

    def keep(self, name: str, keys: Sequence[str]) -> None:
        """Give an adapter its own numbers of parameters, at first those of the model without adapters."""
        parameters, base = dict(self._model.named_parameters()), self._kept[None]
        for key in keys:
            if key not in base:
                base[key] = parameters[key].data.copy()
        self._kept[name] = {key: base[key].copy() for key in keys}

    def of(self, name: str) -> list[str]:
        """Return the names of the parameters that an adapter has."""
        return list(self._kept.get(name, ()))

    def parameters(self, names: Sequence[str]) -> list[nn.Parameter]:
        """Return the parameters that adapters have of the model."""
        there = dict(self._model.named_parameters())
        return [there[key] for key in {key for name in names for key in self.of(name)}]

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Return the numbers of an adapter, by the names of files."""
        self._fetch()
        return {self._names.of(key)[0]: array for key, array in self._kept.get(name, {}).items()}

    def show(self, name: str) -> None:
        """Let the numbers of an adapter, which were changed by hand, stand in the model."""
        parameters = dict(self._model.named_parameters())
        for key, array in self._kept[name].items():
            parameters[key].data[...] = array

    def switch(self, names: Sequence[str]) -> None:
        """Let the numbers of the last of some adapters stand in the model, where it has any; or those from before."""
        self._fetch()
        having = [name for name in names if self._kept.get(name)]
        self._standing = having[-1] if having else None
        shown = {**self._kept[None], **self._kept.get(self._standing, {})}
        parameters = dict(self._model.named_parameters())
        for key, array in shown.items():
            parameters[key].data = array.copy()

    def forget(self, name: str) -> None:
        """Drop the numbers of an adapter that is not active."""
        self._kept.pop(name, None)

    def settle(self) -> None:
        """Drop the numbers of all adapters; what stands in the model stays."""
        self._kept, self._standing = {None: {}}, None

    def _fetch(self) -> None:
        """Take the numbers that stand in the model, which may have learnt."""
        parameters = dict(self._model.named_parameters())
        for key, array in self._kept.get(self._standing, {}).items():
            array[...] = parameters[key].data
