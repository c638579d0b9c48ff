"""Differentiable functions of arrays and Tensors: arrays in, arrays out; with a Tensor among the arguments, Tensors out.

Names and weight layouts are those of `torch.nn.functional`; `axis` and `keepdims` are NumPy's names, and PyTorch's `dim` and
`keepdim` are understood where they mean the same. NumPy's own functions of a Tensor, such as `np.concatenate`, are those of
this package.
"""

from . import _methods, _pytorch  # noqa: F401 - Tensor gets its operators, and who looks for PyTorch's names advice
from ._activation import elu, erf, exp, gelu, glu, leaky_relu, log, relu, sigmoid, silu, softplus, tanh
from ._arithmetic import (
    abs,
    add,
    astype,
    clip,
    copy,
    cos,
    divide,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    sin,
    sqrt,
    subtract,
)
from ._attention import attention, self_attention
from ._attention_decoder import attention_decoder
from ._batch_norm import batch_norm
from ._conv import conv1d, conv2d
from ._conv_transpose import conv_transpose1d, conv_transpose2d
from ._crf import crf_decode, crf_marginals, crf_nll
from ._crf_constraints import crf_constraints
from ._cross_entropy import cross_entropy
from ._ctc import ctc_loss
from ._ctc_decode import ctc_decode
from ._dropout import dropout
from ._einsum import einsum
from ._embedding import embedding
from ._gru import gru
from ._hard_attention import hard_attention, reinforce_loss
from ._indexing import gather, getitem
from ._layer_norm import group_norm, layer_norm, rms_norm
from ._linear import linear, matmul, pack_weight
from ._linear_cross_entropy import linear_cross_entropy
from ._loss import (
    cosine_embedding_loss,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from ._lstm import lstm
from ._mask import masked_fill, tril, triu, where
from ._numpy import numpy_function, numpy_ufunc  # noqa: F401 - what Tensor does for NumPy
from ._one_hot import one_hot
from ._pad import pad
from ._pinball_loss import pinball_loss
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
from ._probability_loss import binary_cross_entropy, binary_cross_entropy_with_logits, kl_div, sigmoid_focal_loss
from ._reduction import cumprod, cumsum, logsumexp, max, mean, min, norm, prod, std, sum, var
from ._rnn import rnn
from ._rows import QuantizedWeight
from ._shape import concatenate, expand, permute, reshape, split, squeeze, stack, swapaxes, unsqueeze
from ._softmax import log_softmax, softmax
from ._sort import sort, topk
from ._stlm import stlm, stlm_memories

__all__ = [
    "QuantizedWeight",
    "abs",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "add",
    "alibi_bias",
    "alibi_slopes",
    "astype",
    "attention",
    "attention_decoder",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "clip",
    "concatenate",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "copy",
    "cos",
    "cosine_embedding_loss",
    "crf_constraints",
    "crf_decode",
    "crf_marginals",
    "crf_nll",
    "cross_entropy",
    "ctc_decode",
    "ctc_loss",
    "cumprod",
    "cumsum",
    "divide",
    "dropout",
    "einsum",
    "elu",
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
    "glu",
    "group_norm",
    "gru",
    "hard_attention",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "linear_cross_entropy",
    "log",
    "log1p",
    "log_softmax",
    "logsumexp",
    "lstm",
    "masked_fill",
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
    "norm",
    "one_hot",
    "pack_weight",
    "pad",
    "permute",
    "pinball_loss",
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
    "sigmoid_focal_loss",
    "silu",
    "sin",
    "sinusoidal_positions",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "sort",
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
    "topk",
    "tril",
    "triu",
    "unsqueeze",
    "var",
    "where",
]
