"""The matrices of a model that LoRA may add to, under the names that peft knows them by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .. import nn
from .._huggingface import Table
from ._holding import can_hold

__all__ = ["Names", "Target", "chosen", "is_any_named", "is_named", "levels"]

_LAYER = re.compile(r"(?:.*?\.)?[^.]+\.(\d+)\.")
"""The first number among the parts of a name."""
_OWN = ("q_proj", "k_proj", "v_proj")


@dataclass(frozen=True, eq=False)
class Target:
    """A matrix, or some rows of one that queries, keys and values share."""

    name: str
    path: str
    """Of the module in our model."""

    module: Any
    begin: int
    end: int
    usual: bool
    """Whether it is what peft adapts where nobody says more: queries and values."""


class Names:
    """The names of a model's modules in files: those of Hugging Face's, or ours.

    Args:
        table: of a model that was read from a folder; None: our own names.
        prefixed: whether they have the table's prefix.
    """

    def __init__(self, table: Table | None = None, prefixed: bool = True) -> None:
        self.table = table
        self._prefix = table.prefix if table is not None and prefixed else ""

    def of(self, key: str) -> list[str]:
        """Return what a parameter of ours is called: several names where theirs are apart."""
        if self.table is None:
            return [key]
        bare = self.table.bare
        return [name if name.startswith(bare) else self._prefix + name for name in self.table.theirs(key)[1]]

    def targets(self, model: nn.Module) -> Iterator[Target]:
        """Yield the matrices of a model that LoRA may add to."""
        for path, module in model.named_modules():
            if not can_hold(module) or ".adapters." in f".{path}":
                continue
            if isinstance(module, nn.Linear):
                name = self.of(f"{path}.weight")[0].removesuffix(".weight")
                yield Target(name, path, module, 0, module.out_features, False)
            elif isinstance(module, nn.MultiheadAttention) and module._whole:
                yield from self._projections(path, module)

    def _projections(self, path: str, module: nn.MultiheadAttention) -> Iterator[Target]:
        names = [f"{path}.{name}" for name in _OWN]
        if self.table is not None:
            names = [name.removesuffix(".weight") for name in self.of(f"{path}.in_proj_weight")]
        if len(names) == 1:
            yield Target(names[0], path, module, 0, sum(module._rows), True)
            return
        begin = 0
        for i, (name, rows) in enumerate(zip(names, module._rows, strict=True)):
            yield Target(name, path, module, begin, begin + rows, i != 1)
            begin += rows

    def transposed(self) -> bool:
        """Tell whether their matrices lie the other way round (fan_in_fan_out)."""
        return self.table is not None and bool(self.table.transposed)

    def without_prefix(self, name: str) -> str:
        """Return a name as it is in files without the prefix."""
        return name.removeprefix(self.table.prefix) if self.table is not None else name


def is_named(name: str, wanted: str | Sequence[str]) -> bool:
    """Tell whether a module is meant, as peft does: a pattern matches its whole name; names are the ends of it."""
    if isinstance(wanted, str):
        return re.fullmatch(wanted, name) is not None
    return any(name == end or name.endswith(f".{end}") for end in wanted)


def chosen(
    targets: Iterable[Target],
    wanted: str | Sequence[str] | None,
    excluded: str | Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    kept: Sequence[str] = (),
) -> list[Target]:
    """Return the targets that are meant.

    Args:
        targets: of the model.
        wanted: a pattern, ends of names, "all-linear", or None: queries and values.
        excluded: a pattern or ends of names that are left out.
        layers: numbers of layers; None: all.
        kept: names of modules that learn themselves.

    Raises:
        ValueError: nothing is meant, or an end of a name is that of none; the message names those that there are.
    """
    there = list(targets)
    if wanted is None:
        found = [target for target in there if target.usual]
    elif wanted == "all-linear":
        found = [target for target in there if target.path not in ("head", "head.output")]
    else:
        found = [target for target in there if is_named(target.name, wanted)]
    found = [target for target in found if excluded is None or not is_named(target.name, excluded)]
    found = [target for target in found if not any(part.endswith(tuple(kept)) for part in levels(target.name))]
    if layers:
        numbers = [(target, _LAYER.match(target.name)) for target in found]
        found = [target for target, number in numbers if number is not None and int(number[1]) in layers]
    idle = [] if wanted is None or isinstance(wanted, str) else [w for w in wanted if not is_any_named(there, w)]
    if idle or not found:
        names = ", ".join(sorted({re.sub(r"\.\d+\.", ".*.", target.name) for target in there}))
        where = f" in layers {[*layers]}" if layers else ""
        raise ValueError(
            f"target_modules: no module is meant by {idle or wanted!r}{where}; there are {names or 'none'}"
        )
    return found


def levels(name: str) -> list[str]:
    """Return the names of a module and of those that it is in."""
    parts = name.split(".")
    return [".".join(parts[: k + 1]) for k in range(len(parts))]


def is_any_named(targets: Iterable[Target], end: str) -> bool:
    """Tell whether a name is the end of that of a target."""
    return any(is_named(target.name, [end]) for target in targets)
