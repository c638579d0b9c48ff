"""What a whole step of a Transformer that decodes is made of: `_core.transformer_step` computes it in one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .. import _core, nn, ops
from .._config import get_isa
from ._heads import LanguageModelHead

__all__ = ["StepPlan", "plan_step"]

_GATED = {"reglu": "relu", "geglu": "gelu", "geglu_tanh": "gelu_tanh", "swiglu": "silu"}
_KNOWN = (
    nn.Dropout, nn.Embedding, nn.LayerNorm, nn.LearnedPositions, nn.Linear, nn.ModuleList, nn.MultiheadAttention,
    nn.RelativePositions, nn.RMSNorm, nn.SinusoidalPositions, nn.TransformerDecoder, nn.TransformerDecoderLayer,
    nn.TransformerEncoder, nn.TransformerEncoderLayer, LanguageModelHead,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class StepPlan:
    """A net as `_core.transformer_step` takes it.

    Args:
        stack: the decoder, or the encoder of a decoder-only model.
        net: its sizes and switches, in the order of `_core.transformer.net`.
        numbers: in the order of `_core.transformer.number`.
        weights: those of all layers and of the end, in the order in which `_core.transformer_pack` takes them.
        embedding: the table of the tokens, [V, width].
        positions: the layer that adds vectors to the embeddings, or None.
    """

    stack: nn.Module
    net: dict[str, int]
    numbers: dict[str, float]
    weights: list[np.ndarray] = field(repr=False)
    embedding: np.ndarray = field(repr=False)
    positions: nn.Module | None = None

    def packed(self, model: nn.Module) -> np.ndarray:
        """Return the packed weights, which a model in evaluation mode keeps until its weights change.

        Args:
            model: that the net belongs to.
        """
        net = np.array([self.net[name] for name in _core.transformer.net])
        numbers = np.array([self.numbers[name] for name in _core.transformer.number])
        made_of = get_isa(), net.tobytes(), numbers.tobytes(), int(_core.transformer_mark(self.weights)[0])
        kept = _packed.get(model)
        if kept is not None and kept[0] == made_of:
            return kept[1]
        _packed.pop(model, None)
        room = int(_core.transformer_room(net)[0])
        packed = _core.transformer_pack(net, numbers, self.weights, room)
        if not model.training:
            _packed[model] = made_of, packed
        return packed

    def tables(self, count: int) -> dict[str, np.ndarray | None]:
        """Return what depends on positions, for `count` of them: vectors, angles of pairs, biases of distances."""
        attention, width = self.stack.layers[0].self_attn, self.net["width"]
        found: dict[str, np.ndarray | None] = {"positions": None, "angles": None, "distances": None}
        if isinstance(self.positions, nn.LearnedPositions):
            found["positions"] = self.positions.weight.data[:count]
        elif self.positions is not None:
            found["positions"] = ops.sinusoidal_positions(count, width, dtype=np.float32)
        if attention.rotary:
            pairs = np.repeat(np.array([[1, 0]], np.float32), attention.head_dim // 2, axis=1)
            found["angles"] = ops.rotary(np.repeat(pairs, count, axis=0), base=attention.rotary_base)
        if self.stack.relative is not None:
            found["distances"] = self.stack.relative(1, count, offset=count - 1).data[:, ::-1]
        return found


_packed: WeakKeyDictionary[nn.Module, tuple[tuple, np.ndarray]] = WeakKeyDictionary()


def plan_step(
    model: nn.Module,
    stack: nn.Module,
    embedding: nn.Embedding,
    table: nn.Parameter,
    *,
    positions: nn.Module | None = None,
    embedding_scale: float = 1.0,
    output_scale: float = 1.0,
) -> StepPlan | None:
    """Return the plan of a net, or None where it is not one that the step computes, or somebody watches its layers.

    Args:
        model: the whole model, of whose class there is no further one.
        stack: its decoder, or the encoder of a decoder-only model.
        embedding: of the tokens.
        table: that of the output, [V, width].
        positions: the layer that adds vectors to the embeddings.
        embedding_scale: what embeddings are multiplied by.
        output_scale: what hidden states are multiplied by before the output.
    """
    parts = [module for module in model.modules() if module is not model]
    if not all(type(part) in _KNOWN for part in parts) or not all(map(_is_plain, [model, *parts])) or not stack.layers:
        return None
    if any(type(p) is not nn.Parameter or p.data.dtype != np.float32 for p in model.parameters()):
        return None
    kinds = [_kind_of(layer) for layer in stack.layers]
    norms = [getattr(layer, f"norm{i}") for layer in stack.layers for i in range(1, layer._norms + 1)]
    norms += [] if stack.norm is None else [stack.norm]
    norm_kinds = {(type(norm), norm.eps, norm.normalized_shape) for norm in norms}
    if None in kinds or len(set(kinds)) > 1 or len(norm_kinds) > 1 or norms[0].eps is None:
        return None
    width = embedding.embedding_dim
    if norms[0].normalized_shape != (width,) or table.shape != embedding.weight.shape:
        return None
    layer, attention = stack.layers[0], stack.layers[0].self_attn
    net = {
        "layers": len(stack.layers), "width": width, "heads": attention.num_heads, "groups": attention.num_groups,
        "depth": attention.head_dim, "inner": layer.linear1.out_features, "vocabulary": table.shape[0], "kind": 0,
        "activation": _core.linear.activation.index(_GATED.get(layer.activation, layer.activation)),
        "gated": layer.linear3 is not None, "cross": layer._norms == 3, "norm_first": layer.norm_first,
        "rms": type(norms[0]) is nn.RMSNorm, "final_norm": stack.norm is not None,
    }  # fmt: skip
    numbers = {
        "eps": norms[0].eps,
        "scale": attention.head_dim**-0.5 if attention.scale is None else attention.scale,
        "embedding_scale": embedding_scale,
        "output_scale": output_scale,
    }
    weights = [array for layer in stack.layers for array in _layer_weights(layer)]
    weights += [*_norm_weights(stack.norm, width), *_with_bias(table.data, None)]
    return StepPlan(stack, net, numbers, weights, embedding.weight.data, positions)


def _is_plain(module: nn.Module) -> bool:
    """Tell whether a module computes what its class says, and nobody watches it."""
    return module._hooks is None and not {"forward", "encode", "decode"} & vars(module).keys()


def _kind_of(layer: nn.Module) -> tuple | None:
    """Return all that decides how a layer computes; None where the step has not got it."""
    attentions = [layer.self_attn, *([layer.multihead_attn] if layer._norms == 3 else [])]
    for attention in attentions:
        if (
            not attention._whole
            or attention.out_activation is not None
            or attention.embed_dim != layer.linear1.in_features
        ):
            return None
    if len({(a.num_heads, a.num_groups, a.head_dim, a.scale) for a in attentions}) > 1 or any(
        a.rotary for a in attentions[1:]
    ):
        return None
    own = layer.self_attn
    return (
        type(layer), layer.activation, layer.norm_first, layer.linear1.out_features, layer.linear3 is None, own.num_heads,
        own.num_groups, own.head_dim, own.scale, own.rotary, own.rotary_base,
    )  # fmt: skip


def _with_bias(weight: np.ndarray, bias: Any) -> list[np.ndarray]:
    return [weight, np.zeros(len(weight), np.float32) if bias is None else bias.data]


def _norm_weights(norm: nn.Module | None, width: int) -> list[np.ndarray]:
    weight, bias = getattr(norm, "weight", None), getattr(norm, "bias", None)
    return [
        np.ones(width, np.float32) if weight is None else weight.data,
        np.zeros(width, np.float32) if bias is None else bias.data,
    ]


def _layer_weights(layer: nn.Module) -> list[np.ndarray]:
    """Return norms and products of a layer, each with its bias, in the order in which a step reads them."""
    attention, width = layer.self_attn, layer.linear1.in_features
    found = [
        *_norm_weights(layer.norm1, width),
        *_with_bias(attention.in_proj_weight.data, attention.in_proj_bias),
        *_with_bias(attention.out_proj.weight.data, attention.out_proj.bias),
    ]
    if layer._norms == 3:
        cross = layer.multihead_attn
        rows = cross.num_heads * cross.head_dim
        bias = None if cross.in_proj_bias is None else cross.in_proj_bias[:rows]
        found += _norm_weights(layer.norm2, width)
        found += _with_bias(cross.in_proj_weight.data[:rows], bias)
        found += _with_bias(cross.out_proj.weight.data, cross.out_proj.bias)
    found += _norm_weights(layer.norm3 if layer._norms == 3 else layer.norm2, width)
    found += _with_bias(layer.linear1.weight.data, layer.linear1.bias)
    if layer.linear3 is not None:
        found += _with_bias(layer.linear3.weight.data, layer.linear3.bias)
    return found + _with_bias(layer.linear2.weight.data, layer.linear2.bias)
