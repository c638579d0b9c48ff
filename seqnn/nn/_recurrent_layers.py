"""RNN, LSTM, GRU and STLM layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core, ops
from ..ops._gru import FORMS, split_bias
from ..ops._rnn import NONLINEARITIES
from ..ops._stlm import COMBINE
from ._recurrent import Merge, Recurrent


class LSTM(Recurrent):
    """Stacked LSTM layers over whole sequences: c = f c + i g, h = o tanh(c), gates i, f, g, o.

    Args (positional ones as PyTorch's): input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0
    (between layers), bidirectional=False; and
        merge: how two directions are joined: "concat", "sum" or "mean".
        residual: from the second layer on a layer's input is added to its output.
        learn_state: the initial states are parameters, `initial_h_l0`, ...
        layer_norm: each gate is normalised in front of its bias, with a learnt scale `norm_l0` (Ba et al. 2016).
        input_dropout, recurrent_dropout: variational dropout, one mask for all steps of a call (Gal, Ghahramani 2016).
        zoneout: units of h and c keep their old value with this probability (Krueger et al. 2017).
        peepholes: i, f and o also see c, with a weight a unit, `peephole_l0` [3, hidden_size] (Gers et al. 2000).
        dtype: float32.

    `layer(x, state=None, lengths=None)` -> (out, (h, c)): x [T, B, input_size], or [B, T, input_size] with batch_first,
    or one sequence [T, input_size]; `state` (h, c), each [layers * directions, B, hidden_size], zeros by default; out like
    x with hidden_size (twice that for two directions, "concat") as the last axis; h and c behind each sequence's last
    step. `lengths` [B], in any order, zeros allowed: what lies behind is not read, and zero in out. `layer.step(x, state)`
    does one step of a stream.

    Parameters, `weight_ih_l0` [4H, I], `weight_hh_l0` [4H, H], `bias_ih_l0`, `bias_hh_l0` [4H], ..._reverse: as PyTorch's,
    so that state_dicts go both ways. In eval mode with frozen parameters the weights are kept packed.
    Raises ValueError where sizes or lengths do not fit.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    >>> out, (h, c) = layer(np.ones((5, 2, 3), np.float32), lengths=[5, 2])
    >>> out.shape, h.shape
    ((5, 2, 8), (4, 2, 4))
    """

    _gates = _norm_rows = 4
    _states = ("h", "c")
    _pack = staticmethod(_core.lstm_pack)

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
        peepholes: bool = False,
        merge: Merge = "concat",
        residual: bool = False,
        learn_state: bool = False,
        layer_norm: bool = False,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.peepholes = peepholes
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, merge=merge, residual=residual,
            learn_state=learn_state, layer_norm=layer_norm, input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout, zoneout=zoneout, dtype=dtype,
        )  # fmt: skip

    def _shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        shapes = super()._shapes(inputs)
        return {**shapes, "peephole": (3, self.hidden_size)} if self.peepholes else shapes

    def _zones(self, keep: Any) -> dict[str, Any]:
        return {"zone_h": keep, "zone_c": keep}

    def _bind(self, packed: np.ndarray) -> Callable:
        w_ih, w_hh, *biases = (p.data for name, p in self.named_parameters() if not name.startswith("peephole"))
        bias, peephole = sum(biases) if biases else None, self.peephole_l0.data if self.peepholes else None
        run, size, empty = _core.lstm_forward, self.hidden_size, np.empty

        def step(x: np.ndarray, state: tuple) -> tuple[np.ndarray, tuple]:
            h, c = state
            rows = len(x)
            out = empty((1, rows, size), w_ih.dtype)
            done = run(
                x[None], h[0], c[0], w_ih, w_hh, bias, peephole, None, None, None, None, None, rows, out, False, packed
            )
            return out[0], (done[0][None], done[1][None])

        return step

    def _run(self, x: Any, states: tuple, suffix: str, options: dict[str, Any]) -> tuple[Any, ...]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole", "norm")
        return ops.lstm(x, *states, *(getattr(self, name + suffix, None) for name in names), **options)


class GRU(Recurrent):
    """Stacked GRU layers over whole sequences, gates r, z, n.

    `form`: "pytorch" (r behind the product), "cho2014" (r h goes into the product), "update" (as that, and z is the share
    of the candidate instead of the old state): `ops.gru` has the formulas. The other arguments, shapes and errors are those
    of `LSTM`, without peepholes; the state is h alone. layer_norm goes with the form "pytorch" only.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> out, h = nn.GRU(3, 4, batch_first=True)(np.ones((2, 5, 3), np.float32))
    >>> out.shape, h.shape
    ((2, 5, 4), (1, 2, 4))
    """

    _gates, _norm_rows = 3, 4
    _pack = staticmethod(_core.gru_pack)

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
        form: str = "pytorch",
        merge: Merge = "concat",
        residual: bool = False,
        learn_state: bool = False,
        layer_norm: bool = False,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if form not in ("pytorch", "cho2014", "update"):
            raise ValueError(f"GRU: form must be 'pytorch', 'cho2014' or 'update', got {form!r}")
        if layer_norm and form != "pytorch":
            raise ValueError(f"GRU: layer_norm goes with form='pytorch' only, got form={form!r}")
        self.form = form
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, merge=merge, residual=residual,
            learn_state=learn_state, layer_norm=layer_norm, input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout, zoneout=zoneout, dtype=dtype,
        )  # fmt: skip

    def _bind(self, packed: np.ndarray) -> Callable:
        w_ih, w_hh, *biases = (p.data for p in self.parameters())
        bias, bias_n = split_bias(*(biases or (None, None)), self.hidden_size)
        run, size, form, empty = _core.gru_forward, self.hidden_size, FORMS[self.form], np.empty

        def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            rows = len(x)
            out = empty((1, rows, size), w_ih.dtype)
            done = run(x[None], h[0], w_ih, w_hh, bias, bias_n, None, None, None, form, None, rows, out, False, packed)
            return out[0], done[0][None]

        return step

    def _run(self, x: Any, states: tuple, suffix: str, options: dict[str, Any]) -> tuple[Any, ...]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "norm")
        return ops.gru(x, *states, *(getattr(self, name + suffix, None) for name in names), form=self.form, **options)


class RNN(Recurrent):
    """Stacked vanilla recurrent layers: h = act(x W_ih^T + h W_hh^T + bias), `nonlinearity` "tanh", "relu" or "sigmoid".

    The order of the arguments is PyTorch's: input_size, hidden_size, num_layers, nonlinearity, bias, batch_first, dropout,
    bidirectional. All but `nonlinearity`, the shapes and the errors are those of `LSTM`; the state is h alone.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> out, h = nn.RNN(3, 4, nonlinearity="relu")(np.ones((5, 2, 3), np.float32))
    >>> bool((out[-1] == h[0]).all())
    True
    """

    _gates = _norm_rows = 1
    _pack = staticmethod(_core.rnn_pack)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
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
        if nonlinearity not in ("tanh", "relu", "sigmoid"):
            raise ValueError(f"RNN: nonlinearity must be 'tanh', 'relu' or 'sigmoid', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, merge=merge, residual=residual,
            learn_state=learn_state, layer_norm=layer_norm, input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout, zoneout=zoneout, dtype=dtype,
        )  # fmt: skip

    def _bind(self, packed: np.ndarray) -> Callable:
        w_ih, w_hh, *biases = (p.data for p in self.parameters())
        bias, activation = sum(biases) if biases else None, NONLINEARITIES[self.nonlinearity]
        run, size, empty = _core.rnn_forward, self.hidden_size, np.empty

        def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            rows = len(x)
            out = empty((1, rows, size), w_ih.dtype)
            done = run(x[None], h[0], w_ih, w_hh, bias, None, None, None, activation, None, rows, out, False, packed)
            return out[0], done[0][None]

        return step

    def _run(self, x: Any, states: tuple, suffix: str, options: dict[str, Any]) -> tuple[Any, ...]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "norm")
        parameters = (getattr(self, name + suffix, None) for name in names)
        return ops.rnn(x, *states, *parameters, nonlinearity=self.nonlinearity, **options)


class STLM(Recurrent):
    """Stacked layers with a short and a long memory that share a candidate: `ops.stlm` has the formulas.

    `combine`: "concat" (h = o tanh([C_short, C_long]), each memory has hidden_size / 2 units), "sum" (h = o tanh of their
    learnt weighted sum, `mix_l0` [2, hidden_size]) or "two_gates" (h = o_s tanh(C_short) + o_l tanh(C_long)). The other
    arguments, shapes and errors are those of `LSTM`, without peepholes; the state is (h, short, long).

    >>> import numpy as np
    >>> from seqnn import nn
    >>> layer = nn.STLM(3, 4, combine="sum")
    >>> out, (h, short, long) = layer(np.ones((5, 2, 3), np.float32))
    >>> short.shape, [m.shape for m in layer.memories(np.ones((5, 2, 3), np.float32))]
    ((1, 2, 4), [(5, 2, 4), (5, 2, 4)])
    """

    _states = ("h", "short", "long")

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
        combine: str = "concat",
        merge: Merge = "concat",
        residual: bool = False,
        learn_state: bool = False,
        layer_norm: bool = False,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if combine not in ("concat", "sum", "two_gates"):
            raise ValueError(f"STLM: combine must be 'concat', 'sum' or 'two_gates', got {combine!r}")
        if combine == "concat" and hidden_size % 2:
            raise ValueError(f"STLM: hidden_size must be even with combine='concat', got {hidden_size}")
        self.combine = combine
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, merge=merge, residual=residual,
            learn_state=learn_state, layer_norm=layer_norm, input_dropout=input_dropout,
            recurrent_dropout=recurrent_dropout, zoneout=zoneout, dtype=dtype,
        )  # fmt: skip

    @property
    def memory_size(self) -> int:
        """Units of each memory."""
        return self.hidden_size // 2 if self.combine == "concat" else self.hidden_size

    def memories(self, x: Any, lengths: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """(short, long) of the first layer at every step, forward, from zero states: arrays [..., memory_size] in x's layout."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "mix")
        parameters = (getattr(self, f"{name}_l0", None) for name in names)
        arrays = [None if p is None else p.data for p in parameters]
        x = np.asarray(getattr(x, "data", x)) if not isinstance(x, np.ndarray) else x
        return ops.stlm_memories(x, *arrays, combine=self.combine, lengths=lengths, batch_first=self.batch_first)[1:]

    def _pack(self, weight_ih: np.ndarray, weight_hh: np.ndarray) -> np.ndarray:
        return _core.stlm_pack(weight_ih, weight_hh, self.memory_size)

    def _rows(self) -> int:
        return (6 if self.combine == "sum" else 7) * self.memory_size

    def _state_sizes(self) -> dict[str, int]:
        return {"h": self.hidden_size, "short": self.memory_size, "long": self.memory_size}

    def _shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        shapes = super()._shapes(inputs)
        if self.layer_norm:
            shapes["norm"] = (self._rows(),)
        return {**shapes, "mix": (2, self.memory_size)} if self.combine == "sum" else shapes

    _norm_rows = 0

    def _zones(self, keep: Any) -> dict[str, Any]:
        return {"zone_h": keep, "zone_c": keep}

    def _zone_size(self, key: str, size: int) -> int:
        return 2 * self.memory_size if key == "zone_c" else self.hidden_size

    def _bind(self, packed: np.ndarray) -> Callable:
        named = dict(self.named_parameters())
        w_ih, w_hh = self.weight_ih_l0.data, self.weight_hh_l0.data
        bias = self.bias_ih_l0.data + self.bias_hh_l0.data if self.bias else None
        mix, form, size = named["mix_l0"].data if "mix_l0" in named else None, COMBINE[self.combine], self.hidden_size
        run, memory, empty = _core.stlm_forward, self.memory_size, np.empty

        def step(x: np.ndarray, state: tuple) -> tuple[np.ndarray, tuple]:
            h, short, long = state
            rows, c = len(x), np.concatenate([short[0], long[0]], axis=1)
            out = empty((1, rows, size), w_ih.dtype)
            done = run(
                x[None], h[0], c, w_ih, w_hh, bias, mix, None, None, None, None, form, None, rows, out, False, packed
            )
            return out[0], (done[0][None], done[1][None, :, :memory], done[1][None, :, memory:])

        return step

    def _run(self, x: Any, states: tuple, suffix: str, options: dict[str, Any]) -> tuple[Any, ...]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "mix", "norm")
        parameters = (getattr(self, name + suffix, None) for name in names)
        return ops.stlm(x, *states, *parameters, combine=self.combine, **options)
