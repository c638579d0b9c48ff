"""Prefix tuning: learnt keys and values before those of every layer; and attention that takes up adapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import nn, ops
from .._arguments import integer
from ._holding import Holder, can_hold, hold, register
from ._low_rank import LowRank, check_names
from ._targets import Names

__all__ = ["PrefixTuning"]


@dataclass(frozen=True)
class PrefixTuning:
    """Prefix tuning: every self-attention gets learnt keys and values before those of the sequence.

    They have no positions, all queries see them, and they start from N(0, 0.02).

    Args:
        num_virtual_tokens: how many keys each layer gets.
        modules_to_save: ends of the names of modules that learn whole, and are saved with the adapter: heads.

    Raises:
        ValueError: there is less than one; or, when it is added, the model has biases by distance, as T5 has.

    Source: Li, Liang, "Prefix-tuning", ACL 2021; without its network that makes the prefixes while training, as in Liu et
    al., "P-tuning v2", ACL 2022.

    >>> from seqnn import nn, tune
    >>> model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 2)
    >>> adapters = tune.Adapters(model)
    >>> adapters.add("prefix", tune.PrefixTuning(10))
    >>> adapters.trainable()
    640
    """

    num_virtual_tokens: int = 20
    modules_to_save: Sequence[str] | None = None

    def __post_init__(self) -> None:
        integer("num_virtual_tokens", self.num_virtual_tokens, 1)
        check_names("modules_to_save", self.modules_to_save, pattern=False)

    def place(self, model: nn.Module, name: str, names: Names) -> None:
        """Put the keys and values of a new adapter into a model.

        Args:
            model: that gets them.
            name: of the adapter.
            names: of the model's modules.
        """
        if any(isinstance(module, nn.RelativePositions) for module in model.modules()):
            raise ValueError(
                f"PrefixTuning: expected a model without biases by distance, which a prefix has not got, got "
                f"{type(model).__name__}: take a LoRA or a Bottleneck"
            )
        found = [
            module
            for path, module in model.named_modules()
            if isinstance(module, nn.MultiheadAttention) and can_hold(module) and path.endswith("self_attn")
        ]
        if not found:
            raise ValueError(f"PrefixTuning: expected a model with self-attention, got {type(model).__name__}")
        for module in found:
            hold(module, name, Prefix(module, self.num_virtual_tokens))


class Prefix(nn.Module):
    """Learnt keys and values [H, P, D] of one attention.

    Args:
        attention: that they are for.
        count: P.
    """

    def __init__(self, attention: nn.MultiheadAttention, count: int) -> None:
        shape = attention.num_groups, count, attention.head_dim
        self.keys, self.values = (nn.Parameter(np.empty(shape, attention.out_proj.weight.dtype)) for _ in range(2))
        for parameter in (self.keys, self.values):
            nn.init.normal_(parameter, 0.0, 0.02)


class AdaptedAttention(Holder, nn.MultiheadAttention):
    """Attention that LoRA adds to, and prefixes stand before."""

    @property
    def _joint(self) -> bool:
        return super()._joint and not self._chosen(Prefix)

    def _product(self, x: Any, part: slice | None) -> Any:
        y = nn.MultiheadAttention._product(self, x, part)
        for adapter in self._chosen(LowRank):
            y = adapter(x, y, None if part is None else self._rows_of(part))
        return y

    def _weigh(self, q: Any, k: Any, v: Any, start: int, options: dict[str, Any]) -> Any:
        prefixes = self._chosen(Prefix)
        if not prefixes:
            return nn.MultiheadAttention._weigh(self, q, k, v, start, options)
        if options["window"] is not None:
            raise ValueError("window: expected None where a prefix is active, which every query sees")
        batch, count = k.shape[0], sum(prefix.keys.shape[1] for prefix in prefixes)
        k = ops.concatenate([*(ops.expand(p.keys, (batch, *p.keys.shape)) for p in prefixes), k], axis=2)
        v = ops.concatenate([*(ops.expand(p.values, (batch, *p.values.shape)) for p in prefixes), v], axis=2)
        options = {**options, **_moved(options, count)}
        return nn.MultiheadAttention._weigh(self, q, k, v, start + count, options)


def _moved(options: dict[str, Any], count: int) -> dict[str, Any]:
    """Return what says which keys are seen, for keys that `count` others, which all queries see, stand before."""
    mask, lengths, relative = options["mask"], options["lengths"], options["relative"]
    found: dict[str, Any] = {}
    if mask is not None and np.shape(mask)[-1] != 1:
        if np.asarray(mask).dtype == bool:
            found["mask"] = np.pad(
                np.asarray(mask), [(0, 0)] * (np.ndim(mask) - 1) + [(count, 0)], constant_values=True
            )
        else:
            found["mask"] = ops.pad(mask, (count, 0))
    if lengths is not None:
        found["lengths"] = np.asarray(lengths) + count
    if relative is not None:
        raise ValueError("relative: expected None where a prefix is active, whose keys have no distance: not for T5")
    return found


register(nn.MultiheadAttention, AdaptedAttention)
