"""One step a call of a recurrent stack, and the packed weights that layers in eval mode keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._config import get_isa
from ..autograd import Tensor
from ._module import Module


class Streaming(Module):
    """What `step` needs of a stack; Recurrent says the rest."""

    _pack: Callable[..., np.ndarray]  # the weights of a layer -> what `packed` of the function takes
    _packed: dict[str, tuple] | None = None
    _bound: tuple | None = None  # parameters with their arrays, the step

    def step(self, x: Any, state: Any = None) -> tuple[np.ndarray, Any]:
        """One step of a stream: x [B, input_size] (or [input_size]) and the state so far -> (out, state), arrays.

        The numbers are those of the call on the whole sequence; dropout and gradients take no part. The state is what
        `forward` and `step` return, None at the start. With frozen parameters (`freeze`) a step is one short call on packed
        weights. A bidirectional layer raises TypeError: its output depends on steps that are not there yet.

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
        if bound is not None and state is not None and type(x) is np.ndarray and x.ndim == 2:
            for parameter, array in bound[0]:
                if parameter.data is not array or array.flags.writeable:
                    break
            else:
                try:
                    return bound[1](x, state)
                except (TypeError, ValueError):  # explained below; or the instruction set is another one now
                    pass
        return self._any_step(x, state)

    def _any_step(self, x: Any, state: Any) -> tuple[np.ndarray, Any]:
        if self.bidirectional:
            raise TypeError(
                f"{type(self).__name__}.step: a bidirectional layer has no step: its output at a step depends on all later ones"
            )
        x = np.asarray(array_of(x))
        if x.ndim == 1:
            out, after = self._any_step(x[None], each(state, lambda s: array_of(s)[:, None]))
            return out[0], each(after, lambda s: s[:, 0])
        if x.shape[1:] != (self.input_size,):
            raise ValueError(f"step: x has shape {x.shape}, expected [B, input_size={self.input_size}]")
        given = self._given(each(state, array_of), len(x))
        layers = [
            tuple(map(array_of, self._initial(f"_l{layer}", len(x)) if given is None else given[layer]))
            for layer in range(self.num_layers)
        ]
        bound = self._bind()
        if bound is None:
            return self._slow_step(x, layers)
        sizes = self._state_sizes().values()
        states = tuple(
            np.stack([np.zeros((len(x), size), x.dtype) if s[k] is None else s[k] for s in layers])
            for k, size in enumerate(sizes)
        )
        return bound(x, states if len(states) > 1 else states[0])

    def _slow_step(self, x: np.ndarray, layers: list[tuple]) -> tuple[np.ndarray, Any]:
        """A step layer by layer, with weights that may change from one call to the next."""
        last, out = [], x[None]
        for layer, states in enumerate(layers):
            options = self._zones(np.full((1, 1, 1), self.zoneout, x.dtype)) if self.zoneout else {}
            after, *now = self._run(out, states, f"_l{layer}", options)
            out = after + out if self.residual and layer else after
            last.append([array_of(s) for s in now])
        after = tuple(np.stack([s[k] for s in last]) for k in range(len(self._states)))
        return array_of(out)[0], after if len(after) > 1 else after[0]

    def _step(self) -> tuple[Callable, tuple]:
        """(kernel, what it takes between the packed weights and zoneout)."""
        raise NotImplementedError

    def _bind(self) -> Callable | None:
        """(x, state) -> (out, state) as one kernel call, if nobody can change the parameters."""
        parameters = [(p, p.data) for p in self.parameters()]
        packed = [self._keep_packed(f"_l{layer}") for layer in range(self.num_layers)]
        if any(p is None for p in packed) or any(a.flags.writeable or not a.flags.owndata for _, a in parameters):
            return None
        kernel, rest = self._step()
        rest = (packed, *rest, self.zoneout, self.residual)

        def step(x: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
            return kernel(x, state, *rest)

        def step_of_several(x: np.ndarray, state: tuple) -> tuple[np.ndarray, tuple]:
            done = kernel(x, *state, *rest)
            return done[0], done[1:]

        self._bound = parameters, step if len(self._states) == 1 else step_of_several
        return self._bound[1]

    def _stacked(self, name: str) -> np.ndarray | None:
        """A parameter of all layers, or None."""
        if not hasattr(self, f"{name}_l0"):
            return None
        return np.stack([getattr(self, f"{name}_l{layer}").data for layer in range(self.num_layers)])

    def _biases(self) -> list[tuple[np.ndarray | None, np.ndarray | None]]:
        pairs = [[getattr(self, f"bias_{k}_l{layer}", None) for k in ("ih", "hh")] for layer in range(self.num_layers)]
        return [tuple(None if b is None else b.data for b in pair) for pair in pairs]

    def _stacked_bias(self) -> np.ndarray | None:
        return np.stack([b_ih + b_hh for b_ih, b_hh in self._biases()]) if self.bias else None

    def _keep_packed(self, suffix: str) -> np.ndarray | None:
        """The packed weights, if nobody can change them: read-only, and no views of other arrays."""
        weights = [
            p.data
            for n in ("weight_ih", "weight_hh", "weight_hr")
            if (p := getattr(self, n + suffix, None)) is not None
        ]
        if any(w.flags.writeable or not w.flags.owndata for w in weights):
            return None
        kept, isa = self._packed or {}, get_isa()
        old, old_isa, packed = kept.get(suffix, ((), isa, None))
        if isa != old_isa or len(old) != len(weights) or any(a is not b for a, b in zip(old, weights, strict=True)):
            packed = self._pack(*weights)
            self._packed = {**kept, suffix: (weights, isa, packed)}
        return packed

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_packed", "_bound")}


def each(state: Any, function: Callable) -> Any:
    """`function` of every part of a state."""
    if state is None:
        return None
    return tuple(function(s) for s in state) if isinstance(state, tuple | list) else function(state)


def array_of(x: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return x.data if isinstance(x, Tensor) else x
