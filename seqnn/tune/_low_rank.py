"""LoRA: a product of two narrow matrices that is added to a wide one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import nn, ops
from .._arguments import flag, integer, number
from ..autograd import Tensor
from ._holding import Holder, hold, register
from ._targets import Names, Target, chosen, is_named

__all__ = ["LoRA", "LowRank", "check_names"]

Wanted = str | Sequence[str] | None


@dataclass(frozen=True)
class LoRA:
    """Low-rank adaptation: W x + (lora_alpha / r) B A x, where A and B are all that learns.

    Names, defaults and the choice of modules are those of peft's LoraConfig. A starts random, B as zeros: at first nothing
    changes.

    Args:
        r: rows of A, columns of B.
        target_modules: what it is added to: ends of the names of modules (["query", "value"]), a regular expression that
            matches the whole name, or "all-linear"; None: the projections of queries and values (GPT-2: with those of the
            keys). A model that was read from a folder has the names of transformers; others have ours, with "q_proj",
            "k_proj" and "v_proj" in each attention.
        lora_alpha: see above.
        lora_dropout: share of x that is dropped before A, in training.
        use_rslora: the factor is lora_alpha / sqrt(r).
        modules_to_save: ends of the names of modules that learn whole, and are saved with the adapter: heads.
        exclude_modules: what is left out, in the form of `target_modules`.
        layers_to_transform: numbers of the layers that are meant; None: all.
        rank_pattern, alpha_pattern: other `r` and `lora_alpha` by regular expressions of ends of names.

    Raises:
        ValueError: a number is out of its range.
        TypeError: a value is of another kind.

    Sources: Hu et al., "LoRA", ICLR 2022; Kalajdzievski, "A rank stabilization scaling factor for fine-tuning with LoRA",
    2023.

    >>> from seqnn import nn, tune
    >>> model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 2)
    >>> adapters = tune.Adapters(model)
    >>> adapters.add("lora", tune.LoRA(r=4, target_modules=["q_proj", "linear1"]))
    >>> adapters.trainable()
    640
    """

    r: int = 8
    target_modules: Wanted = None
    lora_alpha: float = 8
    lora_dropout: float = 0.0
    use_rslora: bool = False
    modules_to_save: Sequence[str] | None = None
    exclude_modules: Wanted = None
    layers_to_transform: int | Sequence[int] | None = None
    rank_pattern: Mapping[str, int] | None = None
    alpha_pattern: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        integer("r", self.r, 1)
        number("lora_alpha", self.lora_alpha)
        number("lora_dropout", self.lora_dropout, minimum=0, below=1)
        flag("use_rslora", self.use_rslora)
        for name in ("target_modules", "exclude_modules", "modules_to_save"):
            check_names(name, getattr(self, name), pattern=name != "modules_to_save")
        self._layers()
        _check_patterns("rank_pattern", self.rank_pattern, lambda name, rank: integer(name, rank, 1))
        _check_patterns("alpha_pattern", self.alpha_pattern, number)

    def place(self, model: nn.Module, name: str, names: Names) -> None:
        """Put the matrices of a new adapter into a model.

        Args:
            model: that gets them.
            name: of the adapter.
            names: of the model's modules.
        """
        found = chosen(
            names.targets(model),
            self.target_modules,
            self.exclude_modules,
            self._layers(),
            tuple(self.modules_to_save or ()),
        )
        together: dict[str, list[Target]] = {}
        for target in found:
            together.setdefault(target.path, []).append(target)
        for targets in together.values():
            module = targets[0].module
            weight = module.weight if isinstance(module, nn.Linear) else module.in_proj_weight
            if isinstance(weight.data, ops.QuantizedWeight):
                raise ValueError(f"{targets[0].name}: expected float weights, got quantised ones: they cannot learn")
            hold(module, name, LowRank(weight, targets, self))

    def _layers(self) -> list[int]:
        """Return the numbers of the layers that are meant; none: all."""
        given = [] if self.layers_to_transform is None else self.layers_to_transform
        several = isinstance(given, Sequence | np.ndarray) and not isinstance(given, str)
        return [integer("layers_to_transform", one, 0) for one in (given if several else [given])]  # type: ignore[union-attr]

    def _rank_of(self, name: str) -> int:
        """Return r for a module."""
        return _by_pattern(self.rank_pattern, name, self.r)

    def _scaling_of(self, name: str) -> float:
        """Return the factor for a module."""
        rank = self._rank_of(name)
        return _by_pattern(self.alpha_pattern, name, self.lora_alpha) / (math.sqrt(rank) if self.use_rslora else rank)


def check_names(name: str, value: Any, *, pattern: bool) -> None:
    """Refuse what are no names of modules."""
    forms = "names of modules or a regular expression" if pattern else "a list of names of modules"
    if value is None:
        return
    if pattern and isinstance(value, str):
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{name}: expected {forms}, got {value!r:.80}: {error}") from None
    elif isinstance(value, str) or not isinstance(value, Collection) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"{name}: expected {forms}, got {value!r:.80}")


def _check_patterns(name: str, given: Any, check: Callable[[str, Any], Any]) -> None:
    """Refuse what are no numbers by regular expressions."""
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"{name}: expected numbers by regular expressions, got {given!r:.80}")
    for pattern, value in (given or {}).items():
        check_names(name, pattern, pattern=True)
        check(f"{name}[{pattern!r}]", value)


def _by_pattern(given: Mapping[str, Any] | None, name: str, usual: Any) -> Any:
    return next((value for end, value in (given or {}).items() if is_named(name, rf"(.*\.)?({end})")), usual)


class LowRank(nn.Module):
    """What a LoRA adds to one matrix, or to some of the parts that share it.

    Args:
        weight: the matrix [O, I].
        targets: its parts.
        config: of the adapter.
    """

    def __init__(self, weight: Any, targets: Sequence[Target], config: LoRA) -> None:
        self.shape = weight.shape
        self.parts = [(target.begin, target.end) for target in targets]
        self.names = [target.name for target in targets]
        self.scalings = [config._scaling_of(name) for name in self.names]
        ranks = [config._rank_of(name) for name in self.names]
        self.lora_A = nn.ParameterList([np.empty((rank, self.shape[1]), weight.dtype) for rank in ranks])
        self.lora_B = nn.ParameterList(
            [np.zeros((end - begin, rank), weight.dtype) for (begin, end), rank in zip(self.parts, ranks, strict=True)]
        )
        for a in self.lora_A:
            nn.init.kaiming_uniform_(a, math.sqrt(5))
        self.dropout = nn.Dropout(config.lora_dropout)

    def forward(self, x: Any, y: Any, rows: slice | None = None) -> Tensor:
        """Return y + scaling B A dropout(x).

        Args:
            x: what the matrix is multiplied by, [..., I].
            y: the product, [..., rows].
            rows: of the matrix, that y has; None: all.
        """
        begin, end = (0, self.shape[0]) if rows is None else (rows.start, rows.stop)
        inside = [i for i, part in enumerate(self.parts) if begin <= part[0] and part[1] <= end]
        if not inside:
            return y
        down, up, scalings = [*self.lora_A], [*self.lora_B], self.scalings
        narrow = ops.concatenate([down[i] for i in inside]) if len(inside) > 1 else down[inside[0]]
        wide = [up[i] * scalings[i] if scalings[i] != 1 else up[i] for i in inside]
        wide = [self._in_rows(part, i, begin, end) for part, i in zip(wide, inside, strict=True)]
        hidden = ops.linear(self.dropout(x), narrow)
        return ops.linear(hidden, ops.concatenate(wide, axis=1) if len(wide) > 1 else wide[0], residual=y)

    def delta(self) -> np.ndarray:
        """Return what is added to the matrix, [O, I]."""
        found = np.zeros(self.shape, self.lora_A[0].dtype)
        for (begin, end), a, b, scaling in zip(self.parts, self.lora_A, self.lora_B, self.scalings, strict=True):
            found[begin:end] += scaling * (b.data @ a.data)
        return found

    def _in_rows(self, part: Any, i: int, begin: int, end: int) -> Any:
        """Return the matrix of a part with rows of zeros for the others."""
        first, last = self.parts[i]
        return part if (first, last) == (begin, end) else ops.pad(part, [(first - begin, end - last), (0, 0)])


class LowRankLinear(Holder, nn.Linear):
    """A linear layer that LoRA adds to."""

    def forward(self, x: Any, residual: Any = None, *, activation: str | None = None) -> Tensor:
        """Compute what `nn.Linear` does, with what the active adapters add before the activation."""
        parts = self._chosen(LowRank)
        if not parts:
            return nn.Linear.forward(self, x, residual, activation=activation)
        y = nn.Linear.forward(self, x, residual if activation is None else None)
        for part in parts:
            y = part(x, y)
        if activation is None:
            return y
        y = _activated(y, activation)
        return y if residual is None else y + residual


def _activated(y: Any, activation: str) -> Any:
    return ops.gelu(y, approximate="tanh") if activation == "gelu_tanh" else getattr(ops, activation)(y)


register(nn.Linear, LowRankLinear)
