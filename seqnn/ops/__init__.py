"""Differentiable functions of arrays and Tensors: arrays in, arrays out; with a Tensor among the arguments, Tensors out.

Names, argument order and weight layouts are those of `torch.nn.functional`; `axis` and `keepdims` are NumPy's.
"""

from . import _methods  # noqa: F401 - gives Tensor its operators
from ._activation import erf, exp, gelu, leaky_relu, log, relu, sigmoid, silu, softplus, tanh
from ._arithmetic import (
    abs,
    add,
    astype,
    clip,
    divide,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    sqrt,
    subtract,
    where,
)
from ._attention import attention, self_attention
from ._batch_norm import batch_norm
from ._conv import conv1d, conv2d
from ._cross_entropy import cross_entropy
from ._dropout import dropout
from ._einsum import einsum
from ._embedding import embedding
from ._gru import gru
from ._hard_attention import hard_attention, reinforce_loss
from ._indexing import gather, getitem
from ._layer_norm import layer_norm, rms_norm
from ._linear import linear, matmul, pack_weight
from ._linear_cross_entropy import linear_cross_entropy
from ._loss import (
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from ._lstm import lstm
from ._one_hot import one_hot
from ._pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    avg_pool1d,
    avg_pool2d,
    flatten,
    global_avg_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
)
from ._positions import alibi_bias, alibi_slopes, relative_buckets, rotary, rotary_qkv, sinusoidal_positions
from ._reduction import cumsum, logsumexp, max, mean, min, prod, std, sum, var
from ._rnn import rnn
from ._shape import concatenate, expand, permute, reshape, split, squeeze, stack, swapaxes, unsqueeze
from ._softmax import log_softmax, softmax
from ._stlm import stlm, stlm_memories

__all__ = [
    "abs",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "add",
    "alibi_bias",
    "alibi_slopes",
    "astype",
    "attention",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "clip",
    "concatenate",
    "conv1d",
    "conv2d",
    "cosine_embedding_loss",
    "cross_entropy",
    "cumsum",
    "divide",
    "dropout",
    "einsum",
    "embedding",
    "erf",
    "exp",
    "expand",
    "flatten",
    "gather",
    "gelu",
    "getitem",
    "global_avg_pool",
    "global_max_pool",
    "gru",
    "hard_attention",
    "huber_loss",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "linear_cross_entropy",
    "log",
    "log_softmax",
    "logsumexp",
    "lstm",
    "matmul",
    "max",
    "max_pool1d",
    "max_pool2d",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mse_loss",
    "multiply",
    "negative",
    "nll_loss",
    "one_hot",
    "pack_weight",
    "permute",
    "power",
    "prod",
    "reinforce_loss",
    "relative_buckets",
    "relu",
    "reshape",
    "rms_norm",
    "rnn",
    "rotary",
    "rotary_qkv",
    "self_attention",
    "sigmoid",
    "silu",
    "sinusoidal_positions",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "split",
    "sqrt",
    "squeeze",
    "stack",
    "std",
    "stlm",
    "stlm_memories",
    "subtract",
    "sum",
    "swapaxes",
    "tanh",
    "unsqueeze",
    "var",
    "where",
]
