"""What a whole step of a Transformer that decodes is made of: `_core.transformer_step_run` computes it in one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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


Weight = np.ndarray | ops.QuantizedWeight


@dataclass(frozen=True, eq=False)
class StepPlan:
    """A net as `_core.transformer_step_run` takes it.

    Args:
        stack: the decoder, or the encoder of a decoder-only model.
        net: its sizes and switches, by the names of `_core.transformer_step.net`.
        numbers: by the names of `_core.transformer_step.number`.
        weights: the matrices of all layers and, where there is one, the output's, in the order of `_core.transformer_step_run`.
        vectors: biases and the weights of norms, in that order.
        embed: embed(ids [N], places [N]) -> [N, width]: the embeddings of tokens, whose places count from 1.
        positions: the layer that adds vectors to the embeddings in the step, or None.
    """

    stack: nn.Module
    net: dict[str, int]
    numbers: dict[str, float]
    weights: list[Weight] = field(repr=False)
    vectors: list[np.ndarray] = field(repr=False)
    embed: Callable[[np.ndarray, np.ndarray], np.ndarray]
    positions: nn.Module | None = None

    def arguments(self, model: nn.Module) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], np.ndarray]:
        """Return net, numbers, weights and vectors, the first arguments of the step.

        A model in evaluation mode keeps its packed weights until the numbers in them change.

        Args:
            model: that the net belongs to.
        """
        return (
            np.array([self.net[name] for name in _core.transformer_step.net]),
            np.array([self.numbers[name] for name in _core.transformer_step.number]),
            self._packed(model),
            np.concatenate(self.vectors),
        )

    def _packed(self, model: nn.Module) -> list[np.ndarray]:
        arrays = [w for w in self.weights if isinstance(w, np.ndarray)]
        # The numbers of weights that nobody can change need no look: they are known by their places.
        fixed = all(map(nn.is_fixed, arrays))
        mark = (
            [nn.unfreezings(), *(w.ctypes.data for w in arrays)]
            if fixed
            else int(_core.transformer_step_mark(arrays)[0])
        )
        made_of = get_isa(), [w.shape for w in arrays], mark
        kept = _kept.pop(model, None)
        packed = kept[1] if kept is not None and kept[0] == made_of else [_core.rows_pack(w, "f32") for w in arrays]
        if not model.training:
            _kept[model] = made_of, packed, arrays
        own = iter(packed)
        return [w.packed if isinstance(w, ops.QuantizedWeight) else next(own) for w in self.weights]

    def tables(self, count: int, *, ahead: bool = False) -> dict[str, np.ndarray | None]:
        """Return what depends on positions, for `count` of them: vectors, angles of pairs, biases of distances.

        Args:
            count: how many positions there are.
            ahead: whether tokens attend to those after them, too.
        """
        attention, width = self.stack.layers[0].self_attn, self.net["width"]
        found: dict[str, np.ndarray | None] = {"positions": None, "angles": None, "distances": None}
        if isinstance(self.positions, nn.LearnedPositions):
            found["positions"] = self.positions.weight.data[:count]
        elif isinstance(self.positions, nn.SinusoidalPositions):
            found["positions"] = self.positions.table(count, width)
        if attention.rotary:
            pairs = np.repeat(np.array([[1, 0]], np.float32), attention.head_dim // 2, axis=1)
            found["angles"] = ops.rotary(np.repeat(pairs, count, axis=0), **attention.turn)
        if self.stack.relative is not None:
            relative = self.stack.relative
            both = relative(count, count) if ahead else relative(1, count, offset=count - 1)
            found["distances"] = np.ascontiguousarray(both.data[:, ::-1])
        return found


_kept: WeakKeyDictionary[nn.Module, tuple[tuple, list[np.ndarray], list[np.ndarray]]] = WeakKeyDictionary()
"""Model -> what its packed weights were made of, they, and the arrays, whose places nothing else may take."""


def plan_step(
    model: nn.Module,
    stack: nn.Module,
    embedding: nn.Embedding,
    table: nn.Parameter | None,
    *,
    positions: nn.Module | None = None,
    embedding_scale: float = 1.0,
    embedding_norm: nn.LayerNorm | None = None,
    output_scale: float = 1.0,
    output_bias: nn.Parameter | None = None,
) -> StepPlan | None:
    """Return the plan of a net, or None where it is not one that the step computes, or somebody watches its layers.

    Args:
        model: the whole model, of whose class there is no further one.
        stack: its decoder, or the encoder of a decoder-only model.
        embedding: of the tokens.
        table: that of the output, [V, width]; None: hidden states are the result.
        positions: the layer that adds vectors to the embeddings.
        embedding_scale: what embeddings are multiplied by.
        embedding_norm: of the sums of embeddings and learnt positions, or None.
        output_scale: what hidden states are multiplied by before the output.
        output_bias: of the output, or None.
    """
    parts = [*model.modules()]
    known = all(type(part) in _KNOWN or part is model for part in parts)
    plain = all(_is_plain(part, output_bias) for part in parts)
    if not known or not plain or not stack.layers or embedding.max_norm is not None:
        return None
    kinds = [_kind_of(layer) for layer in stack.layers]
    norms = [getattr(layer, f"norm{i}") for layer in stack.layers for i in range(1, layer._norms + 1)]
    norms += [] if stack.norm is None else [stack.norm]
    norm_kinds = {(type(norm), norm.eps, norm.normalized_shape) for norm in norms}
    if None in kinds or len(set(kinds)) > 1 or len(norm_kinds) > 1 or norms[0].eps is None:
        return None
    width = embedding.embedding_dim
    if norms[0].normalized_shape != (width,) or (table is not None and table.shape != embedding.weight.shape):
        return None
    layer, attention = stack.layers[0], stack.layers[0].self_attn
    net = {
        "layers": len(stack.layers), "width": width, "heads": attention.num_heads, "groups": attention.num_groups,
        "depth": attention.head_dim, "inner": layer.linear1.out_features,
        "activation": _core.linear.activation.index(_GATED.get(layer.activation, layer.activation)),
        "gated": layer.linear3 is not None, "cross": layer._norms == 3, "norm_first": layer.norm_first,
        "rms": type(norms[0]) is nn.RMSNorm, "final_norm": stack.norm is not None,
    }  # fmt: skip
    scale = attention.head_dim**-0.5 if attention.scale is None else attention.scale
    numbers = {"eps": norms[0].eps, "scale": scale, "output_scale": output_scale}
    weights: list[Weight] = []
    vectors: list[np.ndarray] = []
    for layer in stack.layers:
        for norm, products in _sublayers(layer):
            vectors += _of_norm(norm, width)
            for weight, bias in products:
                weights.append(weight)
                vectors.append(np.zeros(len(weight), np.float32) if bias is None else bias)
    vectors += _of_norm(stack.norm, width)
    if table is not None:
        weights.append(table.data)
        vectors.append(np.zeros(len(table), np.float32) if output_bias is None else output_bias.data)

    tokens, learnt = embedding.weight.data, getattr(positions, "weight", None)

    def embed(ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        found = tokens.take(ids) if isinstance(tokens, ops.QuantizedWeight) else _core.embedding_forward(tokens, ids)
        found = found if embedding_scale == 1 else found * np.float32(embedding_scale)
        if embedding_norm is None:
            return found
        weight, bias = embedding_norm.weight.data, embedding_norm.bias.data
        return np.asarray(ops.layer_norm(found, weight, bias, embedding_norm.eps, learnt.data[places - 1]))

    return StepPlan(stack, net, numbers, weights, vectors, embed, positions if embedding_norm is None else None)


def _is_plain(module: nn.Module, output_bias: nn.Parameter | None) -> bool:
    """Tell whether a module computes what its class says, in float32 and without more, and nobody watches it."""
    own = vars(module)
    parameters = [value for value in own.values() if isinstance(value, nn.Parameter)]
    return (
        module._hooks is None
        and (type(module) is not LanguageModelHead or (module.dense is None and module.bias is output_bias))
        and not {"forward", "encode", "decode"} & own.keys()
        and all(type(p) is nn.Parameter and p.dtype == np.float32 for p in parameters)
    )


def _kind_of(layer: nn.Module) -> tuple | None:
    """Return all that decides how a layer computes; None where the step has not got it."""
    attentions = [layer.self_attn, *([layer.multihead_attn] if layer._norms == 3 else [])]
    for attention in attentions:
        if (
            not attention._joint
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
        own.num_groups, own.head_dim, own.scale, own.rotary, str(own.turn),
    )  # fmt: skip


def _of_norm(norm: nn.Module | None, width: int) -> list[np.ndarray]:
    """Return the weight and the bias of a norm; those that change nothing where there is none."""
    weight, bias = getattr(norm, "weight", None), getattr(norm, "bias", None)
    return [
        np.ones(width, np.float32) if weight is None else weight.data,
        np.zeros(width, np.float32) if bias is None else bias.data,
    ]


def _sublayers(layer: nn.Module) -> list[tuple[nn.Module, list[tuple[Weight, np.ndarray | None]]]]:
    """Return the norm of each sublayer, and its products: weights with their biases."""
    own, wide = layer.self_attn, [layer.linear1, *([] if layer.linear3 is None else [layer.linear3]), layer.linear2]
    found = [(layer.norm1, [_first_rows(own, None), _of_linear(own.out_proj)])]
    if layer._norms == 3:
        cross = layer.multihead_attn
        found.append((layer.norm2, [_first_rows(cross, cross.num_heads * cross.head_dim), _of_linear(cross.out_proj)]))
    return [*found, (layer.norm3 if layer._norms == 3 else layer.norm2, [_of_linear(linear) for linear in wide])]


def _of_linear(linear: nn.Linear) -> tuple[Weight, np.ndarray | None]:
    return linear.weight.data, None if linear.bias is None else linear.bias.data


def _first_rows(attention: nn.MultiheadAttention, rows: int | None) -> tuple[Weight, np.ndarray | None]:
    """Return the first rows of the projections of an attention, those of the queries; None: all."""
    weight, bias = attention.in_proj_weight.data, attention.in_proj_bias
    if rows is None:
        return weight, None if bias is None else bias.data
    first = weight.part(0, rows) if isinstance(weight, ops.QuantizedWeight) else weight[:rows]
    return first, None if bias is None else bias.data[:rows]
