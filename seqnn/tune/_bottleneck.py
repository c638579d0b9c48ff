"""Bottleneck adapters: small networks inside the layers of a Transformer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import nn
from .._arguments import number
from ..autograd import Tensor
from ._holding import Holder, can_hold, hold, register
from ._low_rank import check_names
from ._targets import Names

__all__ = ["Bottleneck", "BottleneckParts", "layers_of"]

_ACTIVATIONS = {"pfeiffer": "relu", "houlsby": "silu"}


@dataclass(frozen=True)
class Bottleneck:
    """Bottleneck adapters: up(activation(down(x))) is added inside every layer, and is all that learns.

    "houlsby" has one after the self-attention and one after the feed-forward network, each before the residual connection:
    norm(x + y + adapter(y)). "pfeiffer" has one after the feed-forward network, which reads its result as the next layer
    would: norm(x + y + adapter(norm(x + y))). `up` starts as zeros: at first nothing changes.

    Args:
        placement: "pfeiffer" or "houlsby".
        reduction_factor: width of the model / width of the adapter.
        activation: a name that `ops.linear` takes; None: "relu" for "pfeiffer", "silu" for "houlsby".
        modules_to_save: ends of the names of modules that learn whole, and are saved with the adapter: heads.

    Raises:
        ValueError: a placement, an activation or a factor is none.

    Sources: Houlsby et al., "Parameter-efficient transfer learning for NLP", ICML 2019; Pfeiffer et al., "AdapterFusion",
    EACL 2021.

    >>> from seqnn import nn, tune
    >>> model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 2)
    >>> adapters = tune.Adapters(model)
    >>> adapters.add("task", tune.Bottleneck(reduction_factor=4))
    >>> adapters.trainable()
    296
    """

    placement: str = "pfeiffer"
    reduction_factor: float = 16
    activation: str | None = None
    modules_to_save: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.placement not in _ACTIVATIONS:
            raise ValueError(f"placement: expected 'pfeiffer' or 'houlsby', got {self.placement!r}")
        number("reduction_factor", self.reduction_factor, above=0)
        activations = ("relu", "gelu", "gelu_tanh", "silu", "sigmoid", "tanh")
        if self.activation is not None and self.activation not in activations:
            raise ValueError(f"activation: expected one of {', '.join(activations)}, got {self.activation!r}")
        check_names("modules_to_save", self.modules_to_save, pattern=False)

    def place(self, model: nn.Module, name: str, names: Names) -> None:
        """Put the networks of a new adapter into a model.

        Args:
            model: that gets them.
            name: of the adapter.
            names: of the model's modules.
        """
        for layer in layers_of(model):
            hold(layer, name, BottleneckParts(layer, self))


def layers_of(model: nn.Module) -> list[Any]:
    """Return the layers of a model's Transformers; a ValueError says that there are none."""
    kinds = nn.TransformerEncoderLayer, nn.TransformerDecoderLayer
    found = [module for module in model.modules() if isinstance(module, kinds) and can_hold(module)]
    if not found:
        raise ValueError(f"Bottleneck: expected a model with layers of a Transformer, got {type(model).__name__}")
    return found


class BottleneckNetwork(nn.Module):
    """up(activation(down(x))): [..., width] -> [..., width].

    Args:
        width: of the model.
        inner: of the adapter.
        activation: a name that `ops.linear` takes.
        dtype: of the parameters.
    """

    def __init__(self, width: int, inner: int, activation: str, dtype: Any) -> None:
        self.down, self.up = nn.Linear(width, inner, dtype=dtype), nn.Linear(inner, width, dtype=dtype)
        self.activation = activation
        nn.init.normal_(self.down.weight, 0.0, 0.02)
        for zero in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(zero)

    def forward(self, x: Any) -> Tensor:
        """Return what is added to the layer's result."""
        return self.up(self.down(x, activation=self.activation))


class BottleneckParts(nn.Module):
    """The networks of one adapter in one layer.

    Args:
        layer: of a Transformer.
        config: of the adapter.
    """

    def __init__(self, layer: Any, config: Bottleneck) -> None:
        width, dtype = layer.linear1.in_features, layer.linear1.weight.dtype
        inner = max(1, int(width / config.reduction_factor))
        self.early = config.placement == "houlsby"
        activation = config.activation or _ACTIVATIONS[config.placement]
        self.attention = BottleneckNetwork(width, inner, activation, dtype) if self.early else None
        self.output = BottleneckNetwork(width, inner, activation, dtype)

    def at(self, place: str, held: nn.ModuleDict) -> Any:
        """Return what computes the sum's further term at a place of the layer that holds adapters; None: nothing."""
        return getattr(self, place)


class _AdaptedLayer(Holder):
    """A layer whose active adapter adds to its sublayers."""

    def _adapter(self) -> Any:
        found = [self.adapters[name] for name in self.active if name in self.adapters]
        return found[0] if found else None

    def _added(self, x: Any) -> Any:
        adapter = self._adapter()
        if adapter is not None and adapter.early:
            return None  # the adapter reads the sublayer's result alone
        return super()._added(x)

    def _leave(self, x: Any, y: Any, norm: nn.Module) -> Any:
        adapter = self._adapter()
        place = {id(self.norm1): "attention", id(getattr(self, f"norm{self._norms}")): "output"}.get(id(norm))
        network = None if adapter is None or place is None else adapter.at(place, self.adapters)
        if network is None:
            return super()._leave(x, y, norm)
        if adapter.early:
            y = self.dropout(y)
            y = y + network(y)
            return x + y if self.norm_first else norm(y, x)
        whole = x + self.dropout(y) if self._added(x) is None else y
        whole = whole + network(whole if self.norm_first else norm(whole))
        return whole if self.norm_first else norm(whole)


class AdaptedEncoderLayer(_AdaptedLayer, nn.TransformerEncoderLayer):
    """An encoder's layer with bottleneck adapters."""


class AdaptedDecoderLayer(_AdaptedLayer, nn.TransformerDecoderLayer):
    """A decoder's layer with bottleneck adapters."""


register(nn.TransformerEncoderLayer, AdaptedEncoderLayer)
register(nn.TransformerDecoderLayer, AdaptedDecoderLayer)
