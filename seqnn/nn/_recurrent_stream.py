"""What recurrent layers with fixed weights do: steps of a stream, whole sequences by kernel calls alone, packed weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .._config import get_isa
from .._layouts import make_room, swap_layout
from ..autograd import Tensor, no_grad, recording, run_apart
from ._parameter import is_fixed, unfreezings
from ._recurrent_base import RecurrentBase, array_of, as_state, each_part

_OTHER_SET = "another instruction set"  # what a kernel says of weights that were packed before `set_isa`


class _Bound(NamedTuple):
    """Calls of kernels that hold as long as the parameters have these arrays and `unfreezings` is the same."""

    parameters: list[tuple[Any, np.ndarray]]
    unfreezings: int
    step: Callable[[np.ndarray, Any], tuple[np.ndarray, Any]] | None
    layers: list[list[Callable[..., Any]]]  # over whole sequences, by layer and direction


class Streaming(RecurrentBase):
    """What `step` needs of a stack; Recurrent says the rest."""

    pack: ClassVar[Callable[..., np.ndarray] | None] = None
    stream: ClassVar[Callable[..., Any] | None] = None
    whole: ClassVar[Callable[..., Any] | None] = None
    _packed: dict[str, tuple] | None = None  # suffix -> weights, (instruction set, `unfreezings`), what they gave
    _bound: _Bound | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "op" in vars(cls) and "whole" not in vars(cls):
            cls.whole = None  # that of another op

    def step(self, x: Any, state: Any = None) -> tuple[np.ndarray, Any]:
        """Do one step of a stream. Dropout and gradients take no part.

        The numbers are those of the call on the whole sequence. With frozen parameters (`freeze`) a step is one short call
        on packed weights.

        Args:
            x: [B, input_size], or [input_size].
            state: what `forward` or `step` returned; None at the start.

        Returns:
            (out, state): arrays.

        Raises:
            TypeError: for a bidirectional layer: its output depends on steps that are not there yet.
            ValueError: for shapes that do not fit.

        >>> import numpy as np
        >>> from seqnn import nn
        >>> layer, state = nn.LSTM(3, 4).eval(), None
        >>> _ = layer.freeze()
        >>> for x in np.ones((5, 1, 3), np.float32):
        ...     out, state = layer.step(x, state)
        >>> out.shape, state[0].shape
        ((1, 4), (1, 1, 4))
        """
        if state is not None and type(x) is np.ndarray and x.ndim == 2:
            bound = self._still_bound()
            if bound is not None and bound.step is not None:
                try:
                    return bound.step(x, state)
                except (TypeError, ValueError):  # explained below; or the instruction set is another one now
                    pass
        return self._checked_step(x, state)

    def packed_step(self) -> Callable[[np.ndarray, Any], tuple[np.ndarray, Any]]:
        """Return a `step` for a search of many steps: it packs the weights now, and does not see later changes of them.

        Its arguments are arrays: x [B, input_size], and a state that `forward` or `step` returned.

        >>> import numpy as np
        >>> from seqnn import nn
        >>> layer = nn.GRU(3, 4)
        >>> step, state = layer.packed_step(), np.zeros((1, 2, 4), np.float32)
        >>> for x in np.ones((5, 2, 3), np.float32):
        ...     out, state = step(x, state)
        >>> bool(np.allclose(out, layer(np.ones((5, 2, 3), np.float32))[0][-1]))
        True
        """
        if self.bidirectional or self.pack is None or self.stream is None:
            return self.step
        return self._step_on([self.pack(*self._matrices(f"_l{layer}")) for layer in range(self.num_layers)])

    def _checked_step(self, x: Any, state: Any) -> tuple[np.ndarray, Any]:
        if self.bidirectional:
            raise TypeError(
                f"{type(self).__name__}.step: a bidirectional layer has no step: its output at a step depends on all later ones"
            )
        x = array_of(self._as_input(x))
        if x.ndim == 1:
            out, after = self._checked_step(x[None], each_part(state, lambda s: array_of(s)[:, None]))
            return out[0], each_part(after, lambda s: s[:, 0])
        if x.shape[1:] != (self.input_size,):
            raise ValueError(f"step: x has shape {x.shape}, expected [B, input_size={self.input_size}]")
        given = self._given(each_part(state, array_of), len(x))
        layers = [
            tuple(map(array_of, self._initial(f"_l{layer}", len(x)) if given is None else given[layer]))
            for layer in range(self.num_layers)
        ]
        while True:
            bound = self._bind()
            if bound is None or bound.step is None:
                return self._slow_step(x, layers)
            try:
                return bound.step(x, self._stacked_states(x, layers))
            except ValueError as error:
                self._drop_packed(error)

    def _stacked_states(self, x: np.ndarray, layers: list[tuple]) -> Any:
        """Return each part of the states of all layers as one array."""
        parts = [
            np.stack([np.zeros((len(x), size), x.dtype) if s[k] is None else s[k] for s in layers])
            for k, size in enumerate(self.state_sizes().values())
        ]
        return as_state(parts)

    def _slow_step(self, x: np.ndarray, layers: list[tuple]) -> tuple[np.ndarray, Any]:
        """Do a step layer by layer, with weights that may change from one call to the next."""
        last, out = [], x[None]
        with no_grad():
            for layer, states in enumerate(layers):
                after, *now = self._run(out, states, f"_l{layer}", lengths=None, reverse=False, **self._zones())
                out = after + out if self.residual and layer else after
                last.append([array_of(s) for s in now])
        parts = [np.stack(part) for part in zip(*last, strict=True)]
        return array_of(out)[0], as_state(parts)

    def _still_bound(self) -> _Bound | None:
        """Return what `_bind` returned, if that holds."""
        bound = self._bound
        if bound is None or bound.unfreezings != unfreezings():
            return None
        for parameter, array in bound.parameters:
            if parameter.data is not array or array.flags.writeable:
                return None
        return bound

    def _bind(self) -> _Bound | None:
        """Return the calls of kernels on packed weights, if nobody can change the parameters."""
        count, parameters = unfreezings(), [(p, p.data) for p in self.parameters()]
        if self.stream is None or not all(is_fixed(array) for _, array in parameters):
            return None
        suffixes = [self._suffixes(layer) for layer in range(self.num_layers)]
        packed = [[self._keep_packed(suffix) for suffix in layer] for layer in suffixes]
        if any(weights is None for layer in packed for weights in layer):
            return None
        step = None if self.bidirectional else self._step_on([layer[0] for layer in packed])
        self._bound = _Bound(parameters, count, step, self._calls_on(suffixes, packed) if self.whole else [])
        return self._bound

    def _calls_on(self, suffixes: list[list[str]], packed: list[list[Any]]) -> list[list[Callable[..., Any]]]:
        """Return the kernel calls over whole sequences: their arguments are x, the states, and those that the call has."""
        return [
            [
                partial(
                    self.whole, packed=block, reverse=bool(reverse),
                    **{name: getattr(self, name + suffix).data for name in self._weights if hasattr(self, name + suffix)},
                )
                for reverse, (suffix, block) in enumerate(zip(*layer, strict=True))
            ]
            for layer in zip(suffixes, packed, strict=True)
        ]  # fmt: skip

    def _run_bound(self, x: Any, given: list[tuple] | None) -> tuple[Tensor, Any] | None:
        """Run over whole sequences of equal lengths by kernel calls alone; None where more takes part."""
        if self.training or self.whole is None or self.weight_ih_l0.data.flags.writeable:
            return None
        if self.zoneout or (self.learn_state and given is None):
            return None
        bound = self._still_bound() or self._bind()
        if bound is None:
            return None
        if recording():
            operands = (x, *sum(given or [], ()), *(parameter for parameter, _ in bound.parameters))
            if any(getattr(operand, "requires_grad", False) for operand in operands):
                return None
        try:
            found = run_apart(self._call, x, given, bound)
        except (TypeError, ValueError):  # explained by the usual way; or the instruction set is another one now
            return None
        return None if found is None else (found[0], as_state(found[1:]))

    def _call(self, x: np.ndarray, given: list[tuple] | None, bound: _Bound) -> list[np.ndarray]:
        """Return the output, then each part of the last states of all layers and directions as one array."""
        sizes, own = [*self.state_sizes().values()], {name: getattr(self, name) for name in self._own}
        last: list[tuple] = []
        for layer in bound.layers:
            outs, steps = [], swap_layout(x, self.batch_first)
            length, rows = steps.shape[:2]
            for kernel in layer:
                if given is None:
                    states = [np.zeros((rows, size), x.dtype) for size in sizes]
                else:
                    states = [*map(array_of, given[len(last)])]
                out = make_room(steps, sizes[0], self.batch_first)
                last.append(kernel(steps, *states, rows=length * rows, out=out, **own)[: len(sizes)])
                outs.append(swap_layout(out, self.batch_first))
            out = self._merge(outs)
            x = out + x if self.residual and len(last) > len(layer) else out
        return [x, *(np.stack(part) if len(part) > 1 else part[0][None] for part in zip(*last, strict=True))]

    def _step_on(self, packed: list) -> Callable[[np.ndarray, Any], tuple[np.ndarray, Any]]:
        """Return (x, state) -> (out, state) as one kernel call on packed weights, a block for each layer."""
        kernel: Any = self.stream
        weights = [self._stacked(name) for name in self._weights[2:]]
        rest = (packed, *weights, *(getattr(self, name) for name in self._own), self.zoneout, self.residual)

        def step(x: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
            return kernel(x, state, *rest)

        def step_of_several(x: np.ndarray, state: tuple) -> tuple[np.ndarray, tuple]:
            done = kernel(x, *state, *rest)
            return done[0], done[1:]

        return step if len(self.states) == 1 else step_of_several

    def _stacked(self, name: str) -> np.ndarray | None:
        """Return a parameter of all layers as one array, or None."""
        if not hasattr(self, f"{name}_l0"):
            return None
        return np.stack([getattr(self, f"{name}_l{layer}").data for layer in range(self.num_layers)])

    def _run_packed(self, x: Any, states: tuple, suffix: str, **options: Any) -> tuple[Any, ...]:
        """Run one layer in one direction, in eval mode with packed weights where nobody can change them."""
        while True:
            packed = None if self.training else self._keep_packed(suffix)
            try:
                return self._run(x, states, suffix, **options, **({} if packed is None else {"packed": packed}))
            except ValueError as error:
                self._drop_packed(error)

    def _keep_packed(self, suffix: str) -> np.ndarray | None:
        """Return the packed weights if nobody can change the weights: see `is_fixed`."""
        kept, made_of = self._packed or {}, (get_isa(), unfreezings())
        weights = self._matrices(suffix)
        if self.pack is None or not all(map(is_fixed, weights)):
            return None
        old, old_made_of, packed = kept.get(suffix, ((), made_of, None))
        same = made_of == old_made_of and len(old) == len(weights)
        if not same or any(a is not b for a, b in zip(old, weights, strict=True)):
            packed = self.pack(*weights)
            self._packed = {**kept, suffix: (weights, made_of, packed)}
        return packed

    def _matrices(self, suffix: str) -> list[np.ndarray]:
        """Return the arrays that are packed, of one layer in one direction."""
        names = [name + suffix for name in self._weights if name.startswith("weight")]
        return [p.data for name in names if (p := getattr(self, name, None)) is not None]

    def _drop_packed(self, error: ValueError) -> None:
        """Forget the packed weights if another thread has called `set_isa` since they were made; raise other errors."""
        if _OTHER_SET not in str(error):
            raise error
        self._packed = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_packed", "_bound")}
