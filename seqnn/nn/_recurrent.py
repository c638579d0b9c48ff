"""Recurrent layers: stacks, directions, states, options, and the registry of kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from .. import ops
from .._settings import Choice, Integer, Number
from ..autograd import Operand, Tensor
from ._recurrent_base import Switch, as_state, each_part, one_state
from ._recurrent_stream import Streaming

Merge = Literal["concat", "sum", "mean"]


class RecurrentOptions(TypedDict, total=False):
    """The keyword arguments that all recurrent layers have."""

    merge: Merge
    residual: bool
    learn_state: bool
    layer_norm: bool
    input_dropout: float
    recurrent_dropout: float
    zoneout: float
    dtype: npt.DTypeLike


class Recurrent(Streaming):
    """The base of recurrent layers, and how a new kind is declared.

    `layer(x, state=None, lengths=None)` -> (out, state): `forward` says the shapes. `layer.step(x, state)` does one step of a
    stream.

    Parameters have PyTorch's names, shapes and order, so that state_dicts go both ways: `weight_ih_l0`, `weight_hh_l0`,
    `bias_ih_l0`, `bias_hh_l0`, ..., `weight_ih_l0_reverse`. In eval mode with frozen parameters the weights are kept packed.

    A kind is a subclass that declares

    * `kind`: its name for models, `cell="..."`.
    * `op`: the function of one layer in one direction, op(x, *states, weight_ih, weight_hh, bias_ih, bias_hh, ..., *,
      lengths, reverse, batch_first, ...) -> (out, *states). Settings of the kind that it takes by keyword are given.
    * `gates`: rows of the weights for each unit; `norm_gates` the same of the layer norm's scale, where it has others.
    * `states`: names of the parts of the state, h first.
    * `forget_bias`: {gate: bias} of the gates that models set first, so that a net remembers.
    * `pack`, `stream`, `whole`: the kernels that pack a layer's weights, do a step of a stack, and run over whole sequences,
      where there are some.

    and settings of its own as in `seqnn._settings`; where the numbers of units differ, `units`, `state_sizes` and
    `own_shapes`, and `check` for settings that do not go together.

    Args:
        input_size: numbers of each input step.
        hidden_size: units of each layer.
        num_layers: layers on top of each other.
        batch_first: whether x and `out` are [B, T, .].
        dropout: share of a layer's output that is dropped before the next layer, in training.
        bidirectional: whether sequences are read in both directions.
        merge: how two directions are joined: "concat", "sum" or "mean".
        residual: whether, from the second layer on, a layer's input is added to its output.
        learn_state: whether the initial states are parameters, `initial_h_l0`, ...
        layer_norm: whether the gates are normalised before their biases, with a learnt scale `norm_l0`.
        input_dropout: share of a layer's input that is dropped, the same units at all steps of a call.
        recurrent_dropout: share of h that is dropped before the product, the same units at all steps of a call.
        zoneout: probability with which units of the state keep their old value.

    Raises:
        ValueError: for a size below 1, a share outside [0, 1], an unknown name, and settings that do not go together.
        TypeError: for an argument of another type, or one that the kind does not have.

    Sources: Gal, Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", 2016; Krueger
    et al., "Zoneout", 2017; Ba, Kiros, Hinton, "Layer normalization", 2016.

    >>> import numpy as np
    >>> from seqnn import nn, ops
    >>> class LeakyGRU(nn.Recurrent):
    ...     kind, op, gates, norm_gates = "update_gru", ops.gru, 3, 4
    >>> out, h = LeakyGRU(3, 4)(np.ones((5, 2, 3), np.float32))
    >>> out.shape, "update_gru" in nn.Recurrent.kinds
    ((5, 2, 4), True)
    >>> del nn.Recurrent.kinds["update_gru"]
    """

    kinds: ClassVar[dict[str, type[Recurrent]]] = {}
    """Every layer by its kind: what models know as `cell`."""

    forget_bias: ClassVar[dict[int, float]] = {}

    num_layers = Integer(1, minimum=1)
    batch_first = Switch(False)
    dropout = Number(0.0, minimum=0, maximum=1)
    bidirectional = Switch(False)
    merge = Choice("concat", ("concat", "sum", "mean"))
    residual = Switch(False)
    learn_state = Switch(False)
    layer_norm = Switch(False)
    input_dropout = Number(0.0, minimum=0, maximum=1)
    recurrent_dropout = Number(0.0, minimum=0, maximum=1)
    zoneout = Number(0.0, minimum=0, maximum=1)

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, **options: Any,
    ) -> None:  # fmt: skip
        self._build(locals())

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "kind" not in vars(cls):
            return
        other = cls.kinds.setdefault(cls.kind, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"{cls.__name__}: the kind {cls.kind!r} is that of {other.__name__} already")
        cls.kinds[cls.kind] = cls

    @property
    def output_size(self) -> int:
        """The last axis of what forward returns."""
        return self.state_sizes()["h"] * (2 if self.bidirectional and self.merge == "concat" else 1)

    def set_forget_bias(self) -> None:
        """Set the biases of the gates in `forget_bias`, so that the net does not forget at once."""
        for gate, bias in self.forget_bias.items():
            rows = slice(gate * self.units, (gate + 1) * self.units)
            for name, parameter in self.named_parameters():
                if name.startswith("bias_"):
                    parameter.data[rows] = bias if name.startswith("bias_ih") else 0

    def _layers(self) -> Iterator[tuple[str, int]]:
        for layer in range(self.num_layers):
            for suffix in self._suffixes(layer):
                yield suffix, self.output_size if layer else self.input_size

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: 1 + self.bidirectional]

    def forward(
        self, x: Operand, state: Any = None, lengths: npt.ArrayLike | None = None, *, hx: Any = None
    ) -> tuple[Tensor, Any]:
        """Run over whole sequences.

        Args:
            x: [T, B, input_size], or [B, T, input_size] with `batch_first`, or one sequence [T, input_size]. Integers and
                other floats become the weights' kind of numbers.
            state: what an earlier call returned: h, or a tuple of the parts of the state, each
                [layers * directions, B, size]; None for zeros.
            lengths: [B] integers in any order, zeros allowed: steps after a sequence's end are not read, and zero in `out`.
                None means T for all.
            hx: PyTorch's name of `state`.

        Returns:
            (out, state): `out` like x with `output_size` as the last axis, and the state after each sequence's last step.

        Raises:
            ValueError: for shapes that do not fit, and lengths outside [0, T].
            TypeError: for float64 beside float32, and what are no numbers.
        """
        x, state = self._as_input(x), one_state(state, hx)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            layout = "[B, T, input_size]" if self.batch_first else "[T, B, input_size]"
            raise ValueError(
                f"x has shape {x.shape}, expected {layout} or [T, input_size], input_size={self.input_size}"
            )
        if x.ndim == 2:
            return self._run_single(x, state, lengths)
        steps, rows = (x.shape[1], x.shape[0]) if self.batch_first else x.shape[:2]
        given = self._given(state, rows)
        if lengths is None and (done := self._run_bound(x, given)) is not None:
            return done
        last: list[tuple] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = ops.dropout(x, self.dropout, training=self.training)
            outs = []
            for reverse, suffix in enumerate(self._suffixes(layer)):
                options = self._draw_options(steps, rows) | {"lengths": lengths, "reverse": bool(reverse)}
                entered = self._drop_input(x, rows)
                states = self._initial(suffix, rows) if given is None else given[len(last)]
                out, *after = self._run_packed(entered, states, suffix, batch_first=self.batch_first, **options)
                outs.append(out)
                last.append(tuple(after))
            out = self._merge(outs)
            x = out + x if self.residual and layer else out
        return x, as_state(ops.stack(part) for part in zip(*last, strict=True))

    def _run_single(self, x: Any, state: Any, lengths: Any) -> tuple[Any, Any]:
        """Run one sequence without a batch axis."""
        axis = 0 if self.batch_first else 1
        out, after = self.forward(ops.unsqueeze(x, axis), each_part(state, lambda s: s[:, None]), lengths)
        return ops.squeeze(out, axis), each_part(after, lambda s: ops.squeeze(s, 1))

    def _given(self, state: Any, rows: int) -> list[tuple] | None:
        """Return the states of each layer and direction, checked; None for none."""
        if state is None:
            return None
        count = self.num_layers * (1 + self.bidirectional)
        parts = self._parts(state, count, rows)
        return [tuple(part[i] for part in parts) for i in range(count)]

    def _initial(self, suffix: str, rows: int) -> tuple:
        if not self.learn_state:
            return (None,) * len(self.states)
        return tuple(
            ops.expand(ops.unsqueeze(getattr(self, f"initial_{name}{suffix}"), 0), (rows, size))
            for name, size in self.state_sizes().items()
        )

    def _merge(self, outs: list) -> Any:
        if len(outs) == 1:
            return outs[0]
        if self.merge == "concat":
            return ops.concatenate(outs, axis=-1)
        total = outs[0] + outs[1]
        return total * 0.5 if self.merge == "mean" else total

    def _drop_input(self, x: Any, rows: int) -> Any:
        """Drop the same units of x at all steps (Gal and Ghahramani 2016)."""
        if not (self.training and self.input_dropout):
            return x
        shape = (rows, 1, x.shape[-1]) if self.batch_first else (1, rows, x.shape[-1])
        return x * ops.dropout(np.ones(shape, x.dtype), self.input_dropout)

    def _draw_options(self, steps: int, rows: int) -> dict[str, Any]:
        """Draw the masks of a call."""
        options: dict[str, Any] = {}
        if not (self.zoneout or self.recurrent_dropout):
            return options
        dtype, sizes = self.dtype, self.state_sizes()
        if self.training and self.recurrent_dropout:
            options["mask"] = ops.dropout(np.ones((rows, sizes["h"]), dtype), self.recurrent_dropout)
        if self.zoneout and not self.training:
            return options | self._zones()
        for name, size in self._zone_sizes() if self.zoneout else ():
            kept = ops.dropout(np.ones((steps, rows, size), dtype), 1 - self.zoneout)
            options[name] = (kept > 0).astype(dtype)
        return options

    def _zone_sizes(self) -> Iterator[tuple[str, int]]:
        h, *others = self.state_sizes().values()
        yield "zone_h", h
        if others:
            yield "zone_c", sum(others)

    def _zones(self) -> dict[str, Any]:
        """Return the shares of the old state that are kept in eval mode."""
        keep = np.full((1, 1, 1), self.zoneout, self.dtype)
        return {name: keep for name, _ in self._zone_sizes()} if self.zoneout else {}
