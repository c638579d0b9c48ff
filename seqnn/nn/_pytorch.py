"""Words for who comes from PyTorch: what to write for names and arguments that differ, and PyTorch's call of attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from .._hints import give_hints
from ..autograd import Tensor

_NAMES = {
    "functional": "seqnn.ops",
    "utils": "optim.clip_grad_norm_ or optim.clip_grad_value_, or text.pad for sequences",
    "Transformer": "models.Transformer, or nn.TransformerEncoder and nn.TransformerDecoder",
    "Dropout1d": "nn.Dropout", "Dropout2d": "nn.Dropout", "EmbeddingBag": "nn.Embedding, and mean(axis=1) of what it gives",
    "Swish": "nn.SiLU", "ReLU6": "ops.clip(x, 0, 6)", "Hardtanh": "ops.clip(x, -1, 1)", "Unflatten": "x.reshape(...)",
    "ParameterDict": "attributes, or nn.ParameterList", "SyncBatchNorm": "nn.BatchNorm1d or nn.BatchNorm2d",
    "BatchNorm3d": "ops.batch_norm, which takes any number of axes", "UninitializedParameter": "sizes given at once",
    "LogSigmoid": "-ops.softplus(-x)", "Mish": "x * ops.tanh(ops.softplus(x))", "Softsign": "x / (1 + ops.abs(x))",
    "SELU": "1.0507009873554805 * ops.elu(x, 1.6732632423543772)", "CELU": "alpha * ops.elu(x / alpha)",
    "PReLU": "ops.where(x > 0, x, weight * x) with weight an nn.Parameter", "Softmin": "ops.softmax(-x, axis)",
    "Hardsigmoid": "ops.clip(x / 6 + 0.5, 0, 1)", "Hardswish": "x * ops.clip(x / 6 + 0.5, 0, 1)", "Buffer": "register_buffer",
    "AlphaDropout": "nn.Dropout", "Bilinear": "ops.einsum", "CosineSimilarity": "ops.einsum of rows divided by their ops.norm",
    "PairwiseDistance": "ops.norm(a - b, axis=-1)", "ZeroPad1d": "ops.pad", "ZeroPad2d": "ops.pad", "ConstantPad1d": "ops.pad",
    "ReplicationPad1d": 'ops.pad(x, pad, "replicate")', "ReflectionPad1d": 'ops.pad(x, pad, "reflect")',
    "TripletMarginLoss": "ops.relu(ops.norm(a - p, axis=1) - ops.norm(a - n, axis=1) + margin).mean()",
    "MarginRankingLoss": "ops.relu(margin - target * (a - b)).mean()", "PoissonNLLLoss": "(ops.exp(x) - target * x).mean()",
    "InstanceNorm1d": "nn.GroupNorm(channels, channels, affine=False)",
    "InstanceNorm2d": "nn.GroupNorm(channels, channels, affine=False)",
    "Upsample": "np.repeat(x, factor, axis=-1)", "DataParallel": "seqnn.set_num_threads",
    "scaled_dot_product_attention": "ops.attention", "LayerNormCell": "the layer_norm=True of recurrent layers",
}  # fmt: skip
_ARGUMENTS = {
    "device": "leave it out: all is on the CPU",
    "inplace": "leave it out: nothing is computed in place",
    "batch_first": "leave it out",
    "size_average": 'write reduction="mean" or "sum"',
    "reduce": 'write reduction="none" for the loss of every target',
    "sparse": "leave it out: gradients touch the rows of the batch only",
    "scale_grad_by_freq": "there is no such option",
    "return_indices": "there is no such option; ops.topk and Tensor.argmax give indices",
    "add_bias_kv": "there is no such option", "add_zero_attn": "there is no such option",
    "input": "give it by its position", "hx": "write state=", "h_0": "write state=",
    "attn_mask": "write mask=, where True means take part: ~attn_mask",
    "src_mask": "write mask=, where True means take part: ~src_mask; or causal=True",
    "tgt_mask": "write mask=, where True means take part: ~tgt_mask; or causal=True",
    "memory_mask": "True means take part",
    "key_padding_mask": "write lengths=, or mask=~key_padding_mask[:, None, None, :], where True means take part",
    "src_key_padding_mask": "write lengths=, or mask=~src_key_padding_mask[:, None, None, :]",
    "tgt_key_padding_mask": "write lengths=, or mask=~tgt_key_padding_mask[:, None, None, :]",
    "memory_key_padding_mask": "write memory_lengths=, or memory_mask=~memory_key_padding_mask[:, None, None, :]",
    "is_causal": "write causal=", "tgt_is_causal": "write causal=", "average_attn_weights": "take weights.mean(axis=1)",
    "per_sample_weights": "multiply what the table gives",
}  # fmt: skip


def advice_for(argument: str) -> str:
    """Return what to write instead of one of PyTorch's arguments, or nothing."""
    return f"; {argument}= is PyTorch's: {_ARGUMENTS[argument]}" if argument in _ARGUMENTS else ""


def attend_as_pytorch(
    layer: Any,
    query: Any,
    key: Any,
    value: Any,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:
    """Call a `MultiheadAttention` as PyTorch's: its layout, masks whose True means leave out, and (out, weights)."""
    single = np.ndim(query) == 2
    if single:
        query, key, value = (ops.unsqueeze(x, 0) for x in (query, key, value))
    elif not layer.batch_first:
        query, key, value = (ops.swapaxes(x, 0, 1) for x in (query, key, value))
    batch, heads, queries, keys = shape = (np.shape(query)[0], layer.num_heads, np.shape(query)[1], np.shape(key)[1])
    masks = [
        _as_mask("attn_mask", attn_mask, {(queries, keys): (queries, keys), (batch * heads, queries, keys): shape}),
        _as_mask("key_padding_mask", key_padding_mask, {(keys,) if single else (batch, keys): (batch, 1, 1, keys)}),
    ]
    mask = _joined(*masks)
    out = layer.attend(query, key, value, mask=mask, causal=is_causal, need_weights=need_weights)
    out, weights = out if need_weights else (out, None)
    if weights is not None and average_attn_weights:
        weights = weights.mean(axis=1)
    if single:
        return out[0], None if weights is None else weights[0]
    return out if layer.batch_first else ops.swapaxes(out, 0, 1), weights


def _as_mask(name: str, mask: Any, shapes: dict[tuple[int, ...], tuple[int, ...]]) -> Any:
    """Return one of PyTorch's masks as seqnn's, True = take part. `shapes`: as it may be given -> as it is returned."""
    if mask is None:
        return None
    mask = mask if isinstance(mask, Tensor) and mask.requires_grad else np.asarray(mask)
    if mask.dtype.kind not in "bf":
        raise TypeError(f"{name}: expected booleans, True = leave out, or floats, which are added, got {mask.dtype}")
    if mask.shape not in shapes:
        expected = " or ".join(str(list(shape)) for shape in shapes)
        raise ValueError(f"{name}: expected shape {expected}, got {list(mask.shape)}")
    return (~mask if mask.dtype == bool else mask).reshape(shapes[mask.shape])


def _joined(first: Any, second: Any) -> Any:
    """Apply two masks at once."""
    if first is None or second is None:
        return second if first is None else first
    if first.dtype == second.dtype == bool:
        return first & second
    floats = [np.where(m, 0, -np.inf).astype(np.float32) if m.dtype == bool else m for m in (first, second)]
    return floats[0] + floats[1]


give_hints(__package__, _NAMES)
