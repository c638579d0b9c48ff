"""The adapters of a model: added, switched, merged, fused, deleted, saved and loaded by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn
from .._files import Path
from .._huggingface import Table
from . import _adapter_files as files
from ._bottleneck import Bottleneck
from ._fusion import Fusion, check_members, place_fusion
from ._holding import holders, release
from ._low_rank import LoRA
from ._merging import Merging
from ._prefix import PrefixTuning
from ._prompt import PromptTuning, with_prompt
from ._saved_modules import SavedModules
from ._targets import Names

__all__ = ["Adapters"]

Config = LoRA | Bottleneck | PrefixTuning | PromptTuning


class Adapters:
    """The adapters of a model: small additions, each learnt for a task, while the model itself rests.

    Adding one freezes the model; what then learns is the adapter, and the modules that it saves (`modules_to_save`). Layers
    stay the same objects, so that the model is called, trained and put into an optimiser as ever. Make one of these for a
    model, and keep it.

    Args:
        model: of `seqnn.models` or of layers of `seqnn.nn`.
        table: what its parameters are called in the files of Hugging Face's; those of `seqnn.pretrained` know it
            (`pretrained.adapters`). None: our own names.
        prefixed: whether these names have the table's prefix.

    Attributes:
        configs: name -> what was given to `add`.
        active: names of the adapters that count.

    >>> import numpy as np
    >>> from seqnn import nn, tune
    >>> model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 2).eval()
    >>> adapters = tune.Adapters(model)
    >>> adapters.add("sentiment", tune.LoRA(r=2))
    >>> adapters.add("topic", tune.LoRA(r=4))
    >>> adapters
    <Adapters of TransformerEncoder: sentiment, topic (active); 512 of 5,216 parameters learn (9.82 %)>
    >>> adapters.activate("sentiment")
    >>> adapters.trainable()
    256
    """

    def __init__(self, model: nn.Module, table: Table | None = None, prefixed: bool = True) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"model: expected an nn.Module, got {type(model).__name__}")
        if holders(model):
            raise ValueError("model: expected one without adapters, got one that another tune.Adapters is for")
        self.model, self.names = model, Names(table, prefixed)
        self.configs: dict[str, Config | None] = {}
        self.active: tuple[str, ...] = ()
        self._saved = SavedModules(model, self.names)
        self._merging = Merging(model)
        self._learnt: set[str] = set()
        """The names of what learnt before the first adapter."""

    def add(self, name: str, config: Config) -> None:
        """Add a new adapter, and make it the one that counts and learns.

        Args:
            name: text without dots.
            config: a `LoRA`, `Bottleneck`, `PrefixTuning` or `PromptTuning`.

        Raises:
            ValueError: there is such a name, or nothing in the model that the configuration means; nothing is changed.
            TypeError: the configuration is none.
        """
        if not isinstance(config, Config):
            raise TypeError(f"config: expected LoRA, Bottleneck, PrefixTuning or PromptTuning, got {config!r:.60}")
        saved = self._saved.find(config.modules_to_save)
        self._put(name, config, lambda: config.place(self.model, name, self.names))
        self._saved.keep(name, saved)
        self.activate(name)

    def fuse(self, name: str, members: list[str]) -> None:
        """Add an AdapterFusion of bottleneck adapters, and make it what counts and learns; its members rest.

        Args:
            name: of the fusion.
            members: names of two adapters or more, of one placement.

        Raises:
            ValueError: there are fewer, or they are no bottleneck adapters of one placement.
        """
        check_members(members, [self._config_of(member) for member in members])
        self._put(name, None, lambda: place_fusion(self.model, name, members))
        self._saved.keep(name, self._saved.of(members[-1]))
        self.activate(name)

    def activate(self, *names: str, trainable: bool = True) -> None:
        """Say which adapters count: the others are switched off.

        Args:
            names: of adapters, whose effects are added, one bottleneck adapter or fusion among them at most; none: the model
                is as it was.
            trainable: whether they learn.

        Raises:
            ValueError: there is no such adapter, or several bottleneck adapters are named; or some are merged.
        """
        names = tuple(name for i, name in enumerate(names) if name not in names[:i])
        kinds = [type(self._config_of(name)) for name in names]
        several = [kind for kind in (Bottleneck, type(None)) if kinds.count(kind) > 1] or (
            Bottleneck in kinds and type(None) in kinds
        )
        if several:
            raise ValueError(f"activate: expected one bottleneck adapter or fusion, got {', '.join(names)}: see fuse")
        self._refuse_merged("activate")
        self._saved.switch(names)
        for holder in holders(self.model):
            holder.active = names
        self.active = names
        self.model.freeze()
        if trainable:
            for parameter in self._own(names):
                parameter.requires_grad = True
                nn.make_writable(parameter)

    def delete(self, name: str) -> None:
        """Take an adapter out of the model; after the last one all learns again that did before.

        Args:
            name: of the adapter.

        Raises:
            ValueError: there is no such adapter, or a fusion has it as a member.
        """
        self._config_of(name)
        used = [other for other in self.configs if any(name in part.members for part in self._parts(other, Fusion))]
        if used:
            raise ValueError(f"delete: {name!r} is a member of the fusion {used[0]!r}: delete that first")
        self._refuse_merged("delete")
        self.activate(*[other for other in self.active if other != name], trainable=self.trainable() > 0)
        release(self.model, name)
        self._saved.forget(name)
        del self.configs[name]
        if not self.configs:
            self._thaw()

    def merge(self) -> None:
        """Write what the active LoRAs add into the matrices, so that they cost nothing; `unmerge` is exact.

        Raises:
            ValueError: what is active is no LoRA, or is merged already.
        """
        self._refuse_merged("merge")
        if not self.active or not all(isinstance(self.configs[name], LoRA) for name in self.active):
            raise ValueError(f"merge: expected active LoRAs, got {', '.join(self.active) or 'none'}")
        self._merging.write()

    def unmerge(self) -> None:
        """Put back the matrices that `merge` changed, bit by bit; the adapters are active again.

        Raises:
            ValueError: nothing is merged.
        """
        if not self._merging:
            raise ValueError("unmerge: expected merged adapters: see merge")
        self._merging.take_back(self.active)

    def merge_and_unload(self) -> nn.Module:
        """Merge the active LoRAs for good, and take out all adapters: the model is a plain one, as fast as before.

        Returns:
            The model.

        Raises:
            ValueError: as for `merge`.
        """
        if not self._merging:
            self.merge()
        self._merging.settle()
        self._saved.settle()
        for name in self.configs:
            release(self.model, name)
        self.configs, self.active = {}, ()
        self._thaw()
        return self.model

    def save(self, folder: Path, name: str | None = None) -> None:
        """Write an adapter into a folder: adapter_config.json and adapter_model.safetensors.

        A LoRA has peft's format, which peft opens on the model of transformers with the same names.

        Args:
            folder: it is made where it does not exist.
            name: of the adapter; None: the active one.

        Raises:
            ValueError: there is no such adapter, or several are active.
        """
        files.save(self, folder, self._one(name))

    def load(self, folder: Path, name: str = "default") -> None:
        """Read an adapter that `save` or, for a LoRA, peft's `save_pretrained` wrote, and make it the active one.

        Args:
            folder: with the two files.
            name: that it gets here.

        Raises:
            ValueError: files are missing or damaged, ask for what LoRA has not here, or are those of another model; the
                message lists the names and shapes that differ, and nothing is changed.
        """
        files.load(self, folder, name)

    def with_prompt(self, ids: Any) -> Any:
        """Put the virtual tokens of the active `PromptTuning` before token ids.

        Args:
            ids: [B, T], or rows of unequal length.

        Returns:
            As given, longer; an array where the rows have one length.
        """
        return with_prompt(self.model, ids)

    def trainable(self) -> int:
        """Return how many parameters learn."""
        return sum(parameter.size for parameter in self.model.parameters() if parameter.requires_grad)

    def __repr__(self) -> str:
        total = sum(parameter.size for parameter in self.model.parameters())
        listed = [f"{name} (active)" if name in self.active else name for name in self.configs]
        share = f"{self.trainable():,} of {total:,} parameters learn ({100 * self.trainable() / max(total, 1):.2f} %)"
        return f"<Adapters of {type(self.model).__name__}: {', '.join(listed) or 'none'}; {share}>"

    # Parts.

    def _put(self, name: str, config: Config | None, place: Callable[[], None]) -> None:
        """Place an adapter under a new name; where that fails the model is as before."""
        if name in self.configs:
            raise ValueError(f"name: there is an adapter {name!r} already: delete it first, or take another name")
        try:
            nn.ModuleDict()[name] = nn.Identity()
        except ValueError as error:
            raise ValueError(f"name: {str(error).removeprefix('ModuleDict: ')}") from None
        self._refuse_merged("add")
        learnt = {key for key, parameter in self.model.named_parameters() if parameter.requires_grad}
        try:
            place()
        except BaseException:
            release(self.model, name)
            raise
        self._learnt = self._learnt if self.configs else learnt
        self.configs[name] = config

    def _parts(self, name: str, kind: type) -> list[Any]:
        """Return the parts of an adapter of a kind, in the order of the model."""
        held = [holder.adapters[name] for holder in holders(self.model) if name in holder.adapters]
        return [part for part in held if isinstance(part, kind)]

    def _own(self, names: tuple[str, ...]) -> list[nn.Parameter]:
        """Return what adapters learn."""
        parts = [
            parameter for name in names for part in self._parts(name, nn.Module) for parameter in part.parameters()
        ]
        return parts + self._saved.parameters(names)

    def _thaw(self) -> None:
        """Let learn again what did before the first adapter."""
        if self._learnt:
            self.model.unfreeze(*self._learnt)
        self._learnt = set()

    def _config_of(self, name: str) -> Config | None:
        if not isinstance(name, str) or name not in self.configs:
            raise ValueError(f"there is no adapter {name!r}, only {', '.join(self.configs) or 'none'}")
        return self.configs[name]

    def _one(self, name: str | None) -> str:
        if name is None and len(self.active) != 1:
            raise ValueError(f"name: expected the name of an adapter, as {len(self.active)} are active")
        name = self.active[0] if name is None else name
        self._config_of(name)
        return name

    def _refuse_merged(self, method: str) -> None:
        if self._merging:
            raise ValueError(f"{method}: {', '.join(self.active)} are merged: unmerge() first")
