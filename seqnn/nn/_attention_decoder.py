"""A recurrent layer that attends to a source at each step."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _core, ops
from .._arguments import integer
from ..autograd import Operand, Tensor
from . import _init
from ._linear import Linear
from ._module import Module
from ._parameter import Parameter

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
SCORES = ("dot", "scaled_dot", "cosine", "general", "additive")
_LEAST_SQUARE = 1e-24  # added to the mean square of a key of cosine scores: a key of zeros scores 0


class Decoded(NamedTuple):
    """A result of `AttentionDecoder`, in this order.

    >>> from seqnn import nn
    >>> nn.Decoded._fields
    ('out', 'state', 'weights')
    """

    out: Any
    """[B, T, output_size]: [s_t; c_t] of the order "before", a_t of the order "after"."""

    state: tuple
    """What the next call goes on from: h, c of an LSTM, and a of the order "after", each [B, size]."""

    weights: Any
    """[B, T, S]: how each step attends to the source."""


class AttentionDecoder(Module):
    """A recurrent decoder that attends to a memory at each step; all steps over known inputs are one call of a kernel.

    With s_t for h of step t, x_t for its input, and [;] for numbers side by side, the orders are

        "before" (Bahdanau):  c_t = attention(s_{t-1}),  s_t = cell([x_t; c_t], s_{t-1}), out_t = [s_t; c_t];
        "after" (Luong):      s_t = cell([x_t; a_{t-1}], s_{t-1}),  a_t = tanh(W [attention(s_t); s_t]), out_t = a_t,

    where attention(s) is the mean of the memory, weighted by the softmax of the scores of s and each position.

    Args:
        input_size: numbers of x_t.
        hidden_size: units.
        memory_size: numbers of a position of the memory.
        cell: "rnn", "gru" or "lstm".
        order: "before" or "after".
        score: "additive" v . tanh(W_q s + W_k m), "general" s^T W m, or "dot", "scaled_dot", "cosine", for which
            memory_size is hidden_size.
        attention_size: rows of W_q and W_k of the additive score; default: hidden_size.
        bias: whether the cell has biases.
        dtype: of the parameters.

    Attributes:
        weight_ih, weight_hh, bias_ih, bias_hh: of the cell, as those of the recurrent layers; weight_ih has the columns of
            x first, and then those of c or a.
        query_proj: W_q, with the additive score: a Linear layer without bias.
        key_proj: W_k or W, with the scores "additive" and "general": a Linear layer without bias.
        score_weight: v, with the additive score.
        out_proj: W, with the order "after": a Linear layer [hidden_size, memory_size + hidden_size] without bias.

    Raises:
        ValueError: an unknown cell, order or score, a size below 1, or sizes that the score cannot compare.

    Sources: Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015;
    Luong, Pham, Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> decoder = nn.AttentionDecoder(4, 8, 6, order="after")
    >>> memory = np.ones((2, 5, 6), np.float32)
    >>> out, state, weights = decoder(np.ones((2, 3, 4), np.float32), memory, memory_lengths=[5, 2])
    >>> out.shape, len(state), weights.shape
    ((2, 3, 8), 2, (2, 3, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        memory_size: int,
        *,
        cell: str = "gru",
        order: str = "before",
        score: str = "additive",
        attention_size: int | None = None,
        bias: bool = True,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        for name, value, known in (
            ("cell", cell, (*GATES,)),
            ("order", order, ("before", "after")),
            ("score", score, SCORES),
        ):
            if value not in known:
                raise ValueError(f"{name}: expected one of {', '.join(map(repr, known))}, got {value!r}")
        self.input_size = integer("input_size", input_size, 1)
        self.hidden_size = integer("hidden_size", hidden_size, 1)
        self.memory_size = integer("memory_size", memory_size, 1)
        self.cell, self.order, self.score = cell, order, score
        if score in ("dot", "scaled_dot", "cosine") and memory_size != hidden_size:
            raise ValueError(
                f"score={score!r} needs memory_size = hidden_size, got {memory_size} and {hidden_size}: 'general' and "
                "'additive' compare any sizes"
            )
        if attention_size is not None and score != "additive":
            raise ValueError(f"attention_size is for the score 'additive', not for {score!r}")
        rows, fed = GATES[cell] * hidden_size, memory_size if order == "before" else hidden_size
        self.weight_ih = Parameter(np.empty((rows, input_size + fed), dtype))
        self.weight_hh = Parameter(np.empty((rows, hidden_size), dtype))
        if bias:
            self.bias_ih, self.bias_hh = Parameter(np.empty(rows, dtype)), Parameter(np.empty(rows, dtype))
        else:
            self.bias_ih = self.bias_hh = None
        if score == "additive":
            size = hidden_size if attention_size is None else integer("attention_size", attention_size, 1)
            self.query_proj = Linear(hidden_size, size, bias=False, dtype=dtype)
            self.key_proj = Linear(memory_size, size, bias=False, dtype=dtype)
            self.score_weight = Parameter(np.empty(size, dtype))
        elif score == "general":
            self.key_proj = Linear(memory_size, hidden_size, bias=False, dtype=dtype)
        if order == "after":
            self.out_proj = Linear(memory_size + hidden_size, hidden_size, bias=False, dtype=dtype)
        self.reset_parameters()

    @property
    def output_size(self) -> int:
        """The last axis of `out`."""
        return self.hidden_size + (self.memory_size if self.order == "before" else 0)

    def reset_parameters(self) -> None:
        """Draw the parameters anew: those of the cell uniform in +-1/sqrt(hidden_size), as PyTorch's."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh):
            if parameter is not None:
                _init.uniform_(parameter, -bound, bound)
        for name in ("query_proj", "key_proj", "out_proj"):
            if hasattr(self, name):
                getattr(self, name).reset_parameters()
        if self.score == "additive":
            bound = self.score_weight.size**-0.5
            _init.uniform_(self.score_weight, -bound, bound)

    def set_forget_bias(self) -> None:
        """Set the biases of an LSTM's forget gates to 1, so that it does not forget at once."""
        if self.cell == "lstm" and self.bias_ih is not None:
            forget = slice(self.hidden_size, 2 * self.hidden_size)
            self.bias_ih.data[forget], self.bias_hh.data[forget] = 1, 0

    def project_keys(self, memory: Operand) -> Tensor:
        """Compute what the score makes of the memory alone: for `forward(..., keys=...)` at each step of a search.

        Args:
            memory: [B, S, memory_size].

        Returns:
            The keys, [B, S, attention_size or hidden_size].
        """
        if self.score in ("additive", "general"):
            return self.key_proj(memory)
        if self.score == "cosine":
            return ops.rms_norm(memory, eps=_LEAST_SQUARE) * (1 / math.sqrt(self.memory_size))
        return memory

    def pack_weights(self) -> np.ndarray:
        """Return the weights rearranged, for `forward(..., packed=...)` at each step of a search."""
        additive, after = self.score == "additive", self.order == "after"
        return _core.attention_decoder_pack(
            self.weight_ih.data,
            self.weight_hh.data,
            self.query_proj.weight.data if additive else None,
            self.out_proj.weight.data if after else None,
            self.hidden_size if after else self.memory_size,
            self.cell,
        )

    def forward(
        self,
        x: Operand,
        memory: Operand,
        state: tuple | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        memory_lengths: npt.ArrayLike | None = None,
        keys: Operand | None = None,
        packed: np.ndarray | None = None,
    ) -> Decoded:
        """Decode.

        Args:
            x: the inputs of all steps, [B, T, input_size]; for a search, those of the next step, T = 1.
            memory: what is attended to, [B, S, memory_size].
            state: what an earlier call returned, or (h,), (h, c), each [B, hidden_size]; None for zeros.
            lengths: of the targets, [B]: steps from there on are zero in `out`. None means T for all.
            memory_lengths: [B]: positions from there on do not count. None means S for all.
            keys: what `project_keys` made of the memory; default: it is made now.
            packed: what `pack_weights` made of the weights as they are, for many calls; default: it is made now.

        Returns:
            (out, state, weights), a `Decoded`.

        Raises:
            ValueError: for shapes that do not fit, and lengths out of range.
        """
        for name, array, size in (("x", x, self.input_size), ("memory", memory, self.memory_size)):
            if np.ndim(array) != 3 or np.shape(array)[2] != size:
                raise ValueError(f"{name} has shape {np.shape(array)}, expected [batch, steps, {size}]")
        keys = self.project_keys(memory) if keys is None else keys
        parts = [None] if state is None else [*state] if isinstance(state, tuple | list) else [state]
        count = 1 + (self.cell == "lstm")
        if not 0 < len(parts) <= count + (self.order == "after"):
            raise ValueError(f"state has {len(parts)} parts, expected {count} of the cell {self.cell!r}")
        rows, size = len(memory), self.hidden_size
        for part in parts:
            if part is not None and np.shape(part) != (rows, size):
                raise ValueError(
                    f"state has a part of shape {np.shape(part)}, expected {(rows, size)}: batch, hidden_size"
                )
        h, c, fed = [*parts[:count], *[None] * (2 - len(parts[:count])), *parts[count:], None][:3]
        additive = self.score == "additive"
        out, feeds, weights, *last = ops.attention_decoder(
            x, keys, memory, h, c, fed, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh,
            self.query_proj.weight if additive else None, self.score_weight if additive else None,
            self.out_proj.weight if self.order == "after" else None, cell=self.cell, order=self.order,
            score="dot" if self.score == "general" else self.score, lengths=lengths, source_lengths=memory_lengths,
            packed=packed,
        )  # fmt: skip
        if self.order == "before":
            return Decoded(ops.concatenate([out, feeds], axis=-1), tuple(last), weights)
        return Decoded(feeds, (*last, _last_steps(feeds, fed, lengths)), weights)

    def extra_repr(self) -> str:
        return (
            f"{self.input_size}, {self.hidden_size}, {self.memory_size}, cell={self.cell!r}, order={self.order!r}, "
            f"score={self.score!r}"
        )


def _last_steps(feeds: Any, first: Any, lengths: Any) -> Any:
    """Return what the last step of each sequence feeds, [B, F]; of a sequence without a step what fed the first one."""
    rows, steps, size = feeds.shape
    if lengths is None and steps:
        return feeds[:, -1]
    ends = np.zeros(rows, np.int64) if lengths is None else np.asarray(lengths).astype(np.int64)  # [] has no type
    before = np.zeros((rows, size), feeds.dtype) if first is None else first
    every = ops.concatenate([ops.unsqueeze(before, 1), feeds], axis=1)
    return every[np.arange(rows), ends]
