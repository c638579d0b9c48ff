"""What all recurrent layers share: stacks, directions, states, options. The layers are in _recurrent_layers.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .. import ops
from .._config import get_isa
from ..autograd import Tensor
from . import _init
from ._module import Module
from ._parameter import Parameter

Merge = Literal["concat", "sum", "mean"]


class Recurrent(Module):
    """A stack of recurrent layers; `LSTM` says what the arguments mean."""

    _gates: int  # rows of the weights a hidden unit
    _norm_rows: int  # elements of the layer norm's scale a hidden unit
    _states: tuple[str, ...] = ("h",)
    _pack: Callable[..., np.ndarray]  # (weight_ih, weight_hh) -> what `packed` of the function takes
    _packed: dict[str, tuple] | None = None
    _streaming: tuple | None = None

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
        return self.hidden_size * (2 if self.bidirectional and self.merge == "concat" else 1)

    def _state_sizes(self) -> dict[str, int]:
        return dict.fromkeys(self._states, self.hidden_size)

    def _rows(self) -> int:
        return self._gates * self.hidden_size

    def _shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Name without suffix -> shape of the parameters of one layer and direction, in PyTorch's order."""
        rows = self._rows()
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, self.hidden_size)}
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

    def step(self, x: Any, state: Any = None) -> tuple[np.ndarray, Any]:
        """One step of a stream: x [B, input_size] (or [input_size]) and the state so far -> (out, state), arrays.

        The numbers are those of the call on the whole sequence; dropout and gradients take no part. The state is what
        `forward` and `step` return, None at the start. A bidirectional layer raises TypeError: its output depends on
        steps that are not there yet.
        """
        if self.bidirectional:
            raise TypeError(
                f"{type(self).__name__}.step: a bidirectional layer has no step: its output at a step depends on all later ones"
            )
        if state is not None and type(x) is np.ndarray and x.ndim == 2:
            stream = self._stream()
            if stream is not None and _plain(state, len(self._states)):
                return stream(x, state)
        x = np.asarray(x.data if isinstance(x, Tensor) else x)
        if x.ndim == 1:
            out, after = self.step(x[None], _each(state, lambda s: s[:, None]))
            return out[0], _each(after, lambda s: s[:, 0])
        if x.shape[1:] != (self.input_size,):
            raise ValueError(f"step: x has shape {x.shape}, expected [B, input_size={self.input_size}]")
        given = self._given(_each(state, lambda s: s.data if isinstance(s, Tensor) else s), len(x))
        last, out = [], x[None]
        for layer in range(self.num_layers):
            suffix = f"_l{layer}"
            states = self._initial(suffix, len(x)) if given is None else given[layer]
            states = tuple(s.data if isinstance(s, Tensor) else s for s in states)
            options = {"packed": self._keep_packed(suffix)}
            if self.zoneout:
                options |= self._zones(np.full((1, 1, 1), self.zoneout, x.dtype))
            after, *now = self._run(out, states, suffix, options)
            out = after + out if self.residual and layer else after
            last.append(now)
        out, last = _array(out), [[_array(s) for s in now] for now in last]
        after = tuple(np.stack([s[k] for s in last]) for k in range(len(self._states)))
        return out[0], after if len(after) > 1 else after[0]

    def _stream(self) -> Callable | None:
        """`step` of a single plain layer with all at hand, if nobody can change its parameters."""
        kept, isa = self._streaming, get_isa()
        if kept is not None and kept[1] == isa:
            for parameter, array in kept[0]:
                if parameter.data is not array or array.flags.writeable:
                    break
            else:
                return kept[2]
        packed = self._keep_packed("_l0")
        parameters = [(p, p.data) for p in self.parameters()]
        plain = self.num_layers == 1 and not (self.learn_state or self.zoneout or self.layer_norm)
        if packed is None or not plain or any(a.flags.writeable or not a.flags.owndata for _, a in parameters):
            return None
        self._streaming = parameters, isa, self._bind(packed)
        return self._streaming[2]

    def _bind(self, packed: np.ndarray) -> Callable:
        """`step` of the only layer, from arrays [B, input_size] and the state."""
        raise NotImplementedError

    def _single(self, x: Any, state: Any, lengths: Any) -> tuple[Any, Any]:
        """One sequence without a batch axis."""
        axis = 0 if self.batch_first else 1
        out, after = self.forward(ops.unsqueeze(x, axis), _each(state, lambda s: s[:, None]), lengths)
        return ops.squeeze(out, axis), _each(after, lambda s: ops.squeeze(s, 1))

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
            options["mask"] = ops.dropout(np.ones((rows, self.hidden_size), dtype), self.recurrent_dropout)
        if self.zoneout and not self.training:
            return options | self._zones(np.full((1, 1, 1), self.zoneout, dtype))
        if self.zoneout:
            size = max(self._state_sizes().values())
            for key in self._zones(None):
                kept = ops.dropout(np.ones((steps, rows, self._zone_size(key, size)), dtype), 1 - self.zoneout)
                options[key] = (kept > 0).astype(dtype)
        return options

    def _zone_size(self, key: str, size: int) -> int:
        return self.hidden_size

    def _zones(self, keep: Any) -> dict[str, Any]:
        return {"zone_h": keep}

    def _keep_packed(self, suffix: str) -> np.ndarray | None:
        """The packed weights, if nobody can change them: read-only, and no views of other arrays."""
        w_ih, w_hh, isa = getattr(self, "weight_ih" + suffix).data, getattr(self, "weight_hh" + suffix).data, get_isa()
        if any(w.flags.writeable or not w.flags.owndata for w in (w_ih, w_hh)):
            return None
        kept = self._packed or {}
        if suffix not in kept or kept[suffix][0] is not w_ih or kept[suffix][1] is not w_hh or kept[suffix][2] != isa:
            kept = {**kept, suffix: (w_ih, w_hh, isa, self._pack(w_ih, w_hh))}
            self._packed = kept
        return kept[suffix][3]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_packed", "_streaming")}

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


def _plain(state: Any, count: int) -> bool:
    """Whether a state is what `step` of one layer returns."""
    parts = state if count > 1 else (state,)
    return type(parts) is tuple and len(parts) == count and all(type(s) is np.ndarray and len(s) == 1 for s in parts)


def _each(state: Any, function: Callable) -> Any:
    """`function` of every part of a state."""
    if state is None:
        return None
    return tuple(function(s) for s in state) if isinstance(state, tuple | list) else function(state)


def _array(x: Any) -> np.ndarray:
    return x.data if isinstance(x, Tensor) else x
