"""What all recurrent layers share: stacks, directions, states, options. The layers: _rnn, _lstm, _gru, _stlm."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .. import ops
from ..autograd import Tensor
from . import _init
from ._parameter import Parameter
from ._recurrent_stream import Streaming, each

Merge = Literal["concat", "sum", "mean"]


class Recurrent(Streaming):
    """A stack of recurrent layers; `LSTM` says what the arguments mean."""

    _gates: int  # rows of the weights a hidden unit
    _norm_rows: int  # elements of the layer norm's scale a hidden unit
    _states: tuple[str, ...] = ("h",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        merge: Merge = "concat",
        residual: bool = False,
        learn_state: bool = False,
        layer_norm: bool = False,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        name = type(self).__name__
        for key, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if value < 1:
                raise ValueError(f"{name}: {key} must be 1 or more, got {value}")
        shares = {"dropout": dropout, "input_dropout": input_dropout, "recurrent_dropout": recurrent_dropout}
        for key, value in {**shares, "zoneout": zoneout}.items():
            if not 0 <= value <= 1:
                raise ValueError(f"{name}: {key} must be a probability, got {value}")
        if merge not in ("concat", "sum", "mean"):
            raise ValueError(f"{name}: merge must be 'concat', 'sum' or 'mean', got {merge!r}")
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional, self.merge = batch_first, dropout, bidirectional, merge
        self.residual, self.learn_state, self.layer_norm = residual, learn_state, layer_norm
        self.input_dropout, self.recurrent_dropout, self.zoneout = input_dropout, recurrent_dropout, zoneout
        for layer in range(num_layers):
            inputs = input_size if layer == 0 else self.output_size
            for suffix in self._suffixes(layer):
                for key, shape in self._shapes(inputs).items():
                    setattr(self, key + suffix, Parameter(np.empty(shape, dtype)))
        self.reset_parameters()

    @property
    def output_size(self) -> int:
        """The last axis of what forward returns."""
        return self._h_size * (2 if self.bidirectional and self.merge == "concat" else 1)

    @property
    def _h_size(self) -> int:
        return self._state_sizes()["h"]

    def _state_sizes(self) -> dict[str, int]:
        return dict.fromkeys(self._states, self.hidden_size)

    def _rows(self) -> int:
        return self._gates * self.hidden_size

    def _shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Name without suffix -> shape of the parameters of one layer and direction, in PyTorch's order."""
        rows = self._rows()
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, self._h_size)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.layer_norm:
            shapes["norm"] = (self._norm_rows * self.hidden_size,)
        if self.learn_state:
            shapes |= {f"initial_{key}": (size,) for key, size in self._state_sizes().items()}
        return shapes

    def reset_parameters(self) -> None:
        """Draw all anew: uniform in +-1/sqrt(hidden_size), as PyTorch's; norms 1, initial states 0."""
        bound = 1 / math.sqrt(self.hidden_size)
        for name, parameter in self.named_parameters():
            if name.startswith("norm"):
                _init.ones_(parameter)
                if name.startswith("norm_cell"):
                    parameter.data[1] = 0
            elif name.startswith("initial"):
                _init.zeros_(parameter)
            else:
                _init.uniform_(parameter, -bound, bound)

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: 1 + self.bidirectional]

    def _run(self, x: Any, states: tuple, suffix: str, options: dict[str, Any]) -> tuple[Any, ...]:
        """One layer in one direction: (out, *states)."""
        raise NotImplementedError

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        """(out, state) of whole sequences; `LSTM` says the shapes."""
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            layout = "[B, T, input_size]" if self.batch_first else "[T, B, input_size]"
            raise ValueError(
                f"x has shape {x.shape}, expected {layout} or [T, input_size], input_size={self.input_size}"
            )
        if x.ndim == 2:
            return self._single(x, state, lengths)
        steps, rows = (x.shape[1], x.shape[0]) if self.batch_first else x.shape[:2]
        given = self._given(state, rows)
        last: list[tuple] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = ops.dropout(x, self.dropout, training=self.training)
            outs = []
            for reverse, suffix in enumerate(self._suffixes(layer)):
                options = self._options(steps, rows, x.dtype)
                entered = self._drop_input(x, rows)
                states = self._initial(suffix, rows) if given is None else given[len(last)]
                out, *after = self._run(
                    entered, states, suffix,
                    {**options, "lengths": lengths, "reverse": bool(reverse), "batch_first": self.batch_first,
                     "packed": None if self.training else self._keep_packed(suffix)},
                )  # fmt: skip
                outs.append(out)
                last.append(tuple(after))
            out = self._merge(outs)
            x = out + x if self.residual and layer else out
        after = tuple(ops.stack([s[k] for s in last]) for k in range(len(self._states)))
        return x, after if len(after) > 1 else after[0]

    def _single(self, x: Any, state: Any, lengths: Any) -> tuple[Any, Any]:
        """One sequence without a batch axis."""
        axis = 0 if self.batch_first else 1
        out, after = self.forward(ops.unsqueeze(x, axis), each(state, lambda s: s[:, None]), lengths)
        return ops.squeeze(out, axis), each(after, lambda s: ops.squeeze(s, 1))

    def _given(self, state: Any, rows: int) -> list[tuple] | None:
        """The states of each layer and direction, checked."""
        if state is None:
            return None
        states = state if isinstance(state, tuple | list) else (state,)
        if len(states) != len(self._states):
            raise ValueError(f"state has {len(states)} parts, expected {len(self._states)}: {', '.join(self._states)}")
        count = self.num_layers * (1 + self.bidirectional)
        for (key, size), s in zip(self._state_sizes().items(), states, strict=True):
            if tuple(np.shape(s.data if isinstance(s, Tensor) else s)) != (count, rows, size):
                raise ValueError(
                    f"state {key} has shape {tuple(s.shape)}, expected {(count, rows, size)}: layers * directions, batch, size"
                )
        return [tuple(s[i] for s in states) for i in range(count)]

    def _initial(self, suffix: str, rows: int) -> tuple:
        if not self.learn_state:
            return (None,) * len(self._states)
        return tuple(
            ops.expand(ops.unsqueeze(getattr(self, f"initial_{key}{suffix}"), 0), (rows, size))
            for key, size in self._state_sizes().items()
        )

    def _merge(self, outs: list) -> Any:
        if len(outs) == 1:
            return outs[0]
        if self.merge == "concat":
            return ops.concatenate(outs, axis=-1)
        total = outs[0] + outs[1]
        return total * 0.5 if self.merge == "mean" else total

    def _drop_input(self, x: Any, rows: int) -> Any:
        """The same units of x are dropped at all steps (Gal and Ghahramani 2016)."""
        if not (self.training and self.input_dropout):
            return x
        shape = (rows, 1, x.shape[-1]) if self.batch_first else (1, rows, x.shape[-1])
        return x * ops.dropout(np.ones(shape, x.dtype), self.input_dropout)

    def _options(self, steps: int, rows: int, dtype: np.dtype) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self.training and self.recurrent_dropout:
            options["mask"] = ops.dropout(np.ones((rows, self._h_size), dtype), self.recurrent_dropout)
        if self.zoneout and not self.training:
            return options | self._zones(np.full((1, 1, 1), self.zoneout, dtype))
        if self.zoneout:
            for key in self._zones(None):
                size = self._h_size if key == "zone_h" else sum(self._state_sizes().values()) - self._h_size
                kept = ops.dropout(np.ones((steps, rows, size), dtype), 1 - self.zoneout)
                options[key] = (kept > 0).astype(dtype)
        return options

    def _zones(self, keep: Any) -> dict[str, Any]:
        return {"zone_h": keep, "zone_c": keep} if len(self._states) > 1 else {"zone_h": keep}

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        for key, usual in (
            ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0.0), ("bidirectional", False),
            ("merge", "concat"), ("residual", False), ("learn_state", False), ("layer_norm", False),
            ("input_dropout", 0.0), ("recurrent_dropout", 0.0), ("zoneout", 0.0),
        ):  # fmt: skip
            if getattr(self, key) != usual:
                parts.append(f"{key}={getattr(self, key)!r}")
        return ", ".join(parts)
