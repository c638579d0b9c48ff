"""What the parameters of our models are called in the files of Hugging Face's, and how they are copied from and to there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .. import _file_floats, nn
from ._files import Source, read_state

__all__ = ["Table", "load", "state_of"]

_NEW = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # the first BERTs have old names
_OLD = re.compile(r"LayerNorm\.(gamma|beta)$")


@dataclass(frozen=True)
class Table:
    """The names of a model's parameters, and where the arrays differ."""

    names: Mapping[str, str | tuple[str, ...]]
    """Each of our modules, or parameters -> theirs, or those whose arrays, one after the other, are ours; "{}" stands for the
    number of a layer. "weight" and "bias" keep their names."""

    prefix: str = ""
    """Of their names, in files where it is used."""

    bare: tuple[str, ...] = ()
    """Beginnings of their names that have no prefix in any file: those of heads."""

    transposed: tuple[str, ...] = ()
    """Endings of our modules whose matrices lie the other way round there."""

    one_row: tuple[str, ...] = ()
    """Names of theirs whose arrays are matrices of one row, and vectors here."""

    skipped: Mapping[str, int] = field(default_factory=dict)
    """Modules of ours -> how many of their first rows ours have not got."""

    copies: Mapping[str, str] = field(default_factory=dict)
    """Names of theirs that repeat a parameter of ours (tied weights) -> its name."""

    ignored: tuple[str, ...] = ()
    """Patterns of names of theirs that are not needed: buffers, and heads of other tasks."""

    def inside(
        self,
        part: str,
        head: Mapping[str, str],
        *,
        copies: Mapping[str, str] | None = None,
        ignored: tuple[str, ...] = (),
    ) -> Table:
        """Return the table of a model whose part has this one, with a head.

        Args:
            part: the name of the part in the model.
            head: the names of all other parts.
            copies: names of theirs that repeat a parameter of the model.
            ignored: further patterns; those of this table that mean the head no longer hold.
        """
        own = {f"{part}.{ours}": theirs for ours, theirs in self.names.items()}
        others = [p for p in self.ignored if not any(re.search(p, f"{theirs}.") for theirs in head.values())]
        return replace(
            self,
            names={**own, **head},
            skipped={f"{part}.{ours}": rows for ours, rows in self.skipped.items()},
            copies={**(copies or {})},
            ignored=(*others, *ignored),
        )

    def theirs(self, key: str) -> tuple[str, list[str]]:
        """Return the module of one of our parameters, and their names of it."""
        module, _, kind = key.replace("in_proj_", "in_proj.").rpartition(".")
        number = next(iter(re.findall(r"\.(\d+)\.", module)), None)
        whole = self.names.get(key)
        if isinstance(whole, str):
            return module, [whole]
        found = self.names[re.sub(r"\.\d+\.", ".{}.", module)]
        sources = [found] if isinstance(found, str) else found
        return module, [f"{name.format(number)}.{kind}".removesuffix(".") for name in sources]


def load(model: nn.Module, source: Source, table: Table, *, assign: bool = False) -> None:
    """Copy a state with other names into the parameters of a model.

    Args:
        model: whose parameters are set.
        source: as for `read_state`.
        table: of the names.
        assign: whether arrays that need no change become those of the parameters, instead of being copied.

    Raises:
        ValueError: arrays are missing, left over, of a wrong shape, no floating numbers, or a copy differs from what it
            should repeat. One message lists all, and nothing is changed.
    """
    where = "" if isinstance(source, Mapping) else f"{os.fspath(source)}: "
    state = {_OLD.sub(lambda found: _NEW[found[0]], key): array for key, array in read_state(source).items()}
    prefix = table.prefix if any(key.startswith(table.prefix) for key in state) else ""
    found, used, missing, problems = {}, set(), [], []
    for key in model.state_dict():
        module, sources = table.theirs(key)
        sources = [prefix + s if prefix + s in state else s for s in sources]
        absent = [s for s in sources if s not in state]
        if absent and (twins := [twin for twin, ours in table.copies.items() if ours == key and twin in state]):
            sources, absent = twins[:1], []  # of tied weights a file may hold any one
        if absent:
            missing += absent
            continue
        arrays = [state[s][0] if s in table.one_row and state[s].ndim == 2 else state[s] for s in sources]
        if wrong := [array.dtype for array in arrays if array.dtype.kind != "f"]:
            problems.append(f"{key} holds {wrong[0]}, no floating numbers")
        if len({a.shape[1:] for a in arrays}) > 1 or not all(a.ndim for a in arrays):
            problems.append(f"{', '.join(sources)} have the shapes {', '.join(str(list(a.shape)) for a in arrays)}")
            continue
        arrays = [_file_floats.widened(array) if array.dtype == np.float16 else array for array in arrays]
        array = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
        array = array[rows:] if (rows := table.skipped.get(module, 0)) else array
        turned = array.ndim == 2 and module.endswith(table.transposed)
        found[key] = (_file_floats.turned(array) if assign else array.T) if turned else array
        used.update(sources)
    repeated = {theirs: ours for theirs, ours in table.copies.items() if theirs in state}
    spare = [key for key in state if not (key in used or key in repeated)]
    unused = [key for key in spare if not any(re.search(pattern, key) for pattern in table.ignored)]
    problems += [f"{what} {', '.join(keys)}" for what, keys in (("missing", missing), ("left over", unused)) if keys]
    problems += [
        f"{theirs} is no copy of what is {ours} here" + ": make the model with tied=False" * theirs.endswith("weight")
        for theirs, ours in repeated.items()
        if ours in found and not np.array_equal(state[theirs], found[ours])
    ]
    if problems:
        raise ValueError(f"{where}the state does not fit {type(model).__name__}: {'; '.join(problems)}")
    try:
        model.load_state_dict(found, assign=assign)
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None


def state_of(model: nn.Module, table: Table, *, prefixed: bool = True) -> dict[str, np.ndarray]:
    """Return the parameters of a model under their names: what `load` reads.

    Args:
        model: whose parameters are read.
        table: of the names.
        prefixed: whether their names have the prefix.
    """
    prefix = table.prefix if prefixed else ""
    found: dict[str, np.ndarray] = {}
    for key, array in model.state_dict().items():
        module, sources = table.theirs(key)
        array = array.T if array.ndim == 2 and module.endswith(table.transposed) else array
        if rows := table.skipped.get(module, 0):
            array = np.concatenate([np.zeros((rows, *array.shape[1:]), array.dtype), array])
        parts = np.split(array, _ends(model, module, len(sources)))
        for theirs, part in zip(sources, parts, strict=True):
            part = part[None] if theirs in table.one_row else part
            found[theirs if theirs.startswith(table.bare) else prefix + theirs] = np.ascontiguousarray(part)
    return found


def _ends(model: nn.Module, module: str, parts: int) -> list[int]:
    """Return where the rows of one of our modules are cut into theirs: queries, keys and values."""
    if parts == 1:
        return []
    attention: Any = model.get_submodule(module.removesuffix(".in_proj"))
    queries, keys = attention.num_heads * attention.head_dim, attention.num_groups * attention.head_dim
    return [queries, queries + keys]
