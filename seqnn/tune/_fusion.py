"""Fusion of bottleneck adapters: in each layer an attention mixes what several of them make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import nn, ops
from ..autograd import Tensor
from ._bottleneck import Bottleneck, BottleneckParts, layers_of
from ._holding import hold

__all__ = ["Fusion", "check_members", "place_fusion"]


def check_members(members: Sequence[str], configs: Sequence[Any]) -> None:
    """Refuse adapters that cannot be fused: fewer than two, of another kind, or of two placements."""
    placements = {config.placement if isinstance(config, Bottleneck) else None for config in configs}
    if len(set(members)) < 2 or len(placements) != 1 or None in placements:
        raise ValueError(f"members: expected two bottleneck adapters or more, of one placement, got {members!r:.80}")


def place_fusion(model: nn.Module, name: str, members: Sequence[str]) -> None:
    """Put a new fusion of adapters into every layer of a model.

    Args:
        model: that gets it.
        name: of the fusion.
        members: names of the adapters.
    """
    for layer in layers_of(model):
        hold(layer, name, Fusion({member: layer.adapters[member] for member in members}, layer))


class Fusion(nn.Module):
    """AdapterFusion in one layer: softmax_a(query(x) . key(z_a)) value(z_a), where z_a are the results of adapters.

    `value` starts as the identity: at first the adapters are mixed. The adapters themselves rest.

    Args:
        members: the adapters in a layer, of one placement.
        layer: of the Transformer.

    Source: Pfeiffer et al., "AdapterFusion", EACL 2021.
    """

    def __init__(self, members: dict[str, BottleneckParts], layer: Any) -> None:
        width, dtype = layer.linear1.in_features, layer.linear1.weight.dtype
        self.members = tuple(members)
        self.early = next(iter(members.values())).early
        self.attention = FusionNetwork(width, dtype) if self.early else None
        self.output = FusionNetwork(width, dtype)

    def at(self, place: str, held: nn.ModuleDict) -> Any:
        """Return what computes the sum's further term at a place of the layer that holds adapters; None: nothing."""
        own = getattr(self, place)
        if own is None:
            return None
        networks = [held[name].at(place, held) for name in self.members]
        return lambda x: own(x, [network(x) for network in networks])


class FusionNetwork(nn.Module):
    """The attention of one fusion.

    Args:
        width: of the model.
        dtype: of the parameters.
    """

    def __init__(self, width: int, dtype: Any) -> None:
        self.query, self.key = nn.Linear(width, width, dtype=dtype), nn.Linear(width, width, dtype=dtype)
        self.value = nn.Linear(width, width, False, dtype=dtype)
        self.value.weight.data[...] = np.eye(width, dtype=dtype)

    def forward(self, x: Any, found: list[Any]) -> Tensor:
        """Return the mixture [B, T, D] of the results of adapters.

        Args:
            x: what the adapters read, [B, T, D].
            found: what each made of it.
        """
        query = self.query(x)
        scores = ops.stack([(query * self.key(z)).sum(axis=-1) for z in found], axis=-1)
        weights = ops.softmax(scores, axis=-1)
        mixed = [weights[..., i : i + 1] * z for i, z in enumerate(found)]
        total = mixed[0]
        for more in mixed[1:]:
            total = total + more
        return self.value(total)
