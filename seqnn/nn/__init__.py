"""Layers: modules with parameters over the functions of `seqnn.ops`; names, weight layouts and state keys are PyTorch's.

Attention and Transformer layers take the batch first and masks whose True means take part; `MultiheadAttention` says how
PyTorch's call is understood.
"""

from . import _init as init
from . import _pytorch  # noqa: F401 - who looks for PyTorch's names gets advice
from ._activation import ELU, GELU, GLU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from ._attention import MultiheadAttention
from ._attention_decoder import AttentionDecoder, Decoded
from ._cache import KeyValueCache
from ._container import ModuleDict, ModuleList, ParameterList, Residual, Sequential
from ._conv import Conv1d, Conv2d
from ._conv_transpose import ConvTranspose1d, ConvTranspose2d
from ._crf import CRF
from ._ctc import CTCLoss
from ._dropout import Dropout
from ._embedding import Embedding
from ._gradient_reversal import GradientReversal
from ._linear import Identity, Linear
from ._loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineEmbeddingLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from ._module import Module
from ._norm import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from ._parameter import Parameter
from ._parameter import is_fixed as is_fixed
from ._parameter import unfreezings as unfreezings
from ._pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool1d,
    MaxPool2d,
)
from ._positions import LearnedPositions, RelativePositions, SinusoidalPositions
from ._recurrent import Recurrent
from ._recurrent_cell import RecurrentCell
from ._score_attention import Attention, LuongAttention
from ._spectral_norm import spectral_norm
from ._state import make_writable as make_writable
from ._summary import Summary
from ._transformer import TransformerDecoder, TransformerEncoder
from ._transformer_layers import TransformerDecoderLayer, TransformerEncoderLayer

# `Recurrent.kinds` lists them in this order.
# isort: off
from ._rnn import RNN, RNNCell
from ._lstm import LSTM, LSTMCell
from ._gru import GRU, GRUCell
from ._stlm import STLM, STLMCell
# isort: on

__all__ = [
    "CRF",
    "ELU",
    "GELU",
    "GLU",
    "GRU",
    "LSTM",
    "RNN",
    "STLM",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "Attention",
    "AttentionDecoder",
    "AvgPool1d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "CTCLoss",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "Decoded",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GradientReversal",
    "GroupNorm",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "KeyValueCache",
    "L1Loss",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositions",
    "Linear",
    "LogSoftmax",
    "LuongAttention",
    "MSELoss",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "NLLLoss",
    "Parameter",
    "ParameterList",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "Recurrent",
    "RecurrentCell",
    "RelativePositions",
    "Residual",
    "STLMCell",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SinusoidalPositions",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Summary",
    "Tanh",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "init",
    "spectral_norm",
]
