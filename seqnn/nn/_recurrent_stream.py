"""One step a call of a recurrent stack, and the packed weights that layers in eval mode keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .._config import get_isa
from ..autograd import no_grad
from ._parameter import is_fixed, unfreezings
from ._recurrent_base import RecurrentBase, array_of, as_state, each_part

_OTHER_SET = "another instruction set"  # what a kernel says of weights that were packed before `set_isa`


class Streaming(RecurrentBase):
    """What `step` needs of a stack; Recurrent says the rest."""

    pack: ClassVar[Callable[..., np.ndarray] | None] = None
    stream: ClassVar[Callable[..., Any] | None] = None
    _packed: dict[str, tuple] | None = None  # suffix -> weights, (instruction set, `unfreezings`), what they gave
    _bound: tuple | None = None  # parameters with their arrays, the step, `unfreezings`

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
        bound = self._bound
        usual = state is not None and type(x) is np.ndarray and x.ndim == 2
        if usual and bound is not None and bound[2] == unfreezings():
            for parameter, array in bound[0]:
                if parameter.data is not array or array.flags.writeable:
                    break
            else:
                try:
                    return bound[1](x, state)
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
            if bound is None:
                return self._slow_step(x, layers)
            try:
                return bound(x, self._stacked_states(x, layers))
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

    def _bind(self) -> Callable | None:
        """Return (x, state) -> (out, state) as one kernel call, if nobody can change the parameters."""
        count, parameters = unfreezings(), [(p, p.data) for p in self.parameters()]
        packed = [self._keep_packed(f"_l{layer}") for layer in range(self.num_layers)]
        fixed = all(is_fixed(array) for _, array in parameters)
        if self.stream is None or not fixed or any(p is None for p in packed):
            return None
        self._bound = parameters, self._step_on(packed), count
        return self._bound[1]

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
