"""A moving average of the weights, which often generalises better than the last weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import _core
from ._groups import collect


class EMA:
    """An exponential moving average of parameters: average = decay * average + (1 - decay) * weight at each `update()`.

    The average starts from the weights as they are. Inside `with ema.swapped():` the parameters hold the averages.

    Args:
        params: Tensors or (name, Tensor) pairs.
        decay: the share of the old average that stays, in [0, 1).
        warmup: use min(decay, (1 + n) / (10 + n)) at the n-th update, so that early averages follow quickly.

    Raises:
        TypeError: for what are no parameters.
        ValueError: for a decay out of range.

    Source: Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 1992.

    >>> from seqnn import Tensor, optim
    >>> w = Tensor([0.0], requires_grad=True)
    >>> ema = optim.EMA([w], decay=0.75)
    >>> w.data += 1
    >>> ema.update()
    >>> with ema.swapped():
    ...     w.data
    array([0.25], dtype=float32)
    >>> w.data
    array([1.], dtype=float32)
    """

    def __init__(self, params: Iterable[Any], decay: float = 0.999, *, warmup: bool = False) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay: expected a number in [0, 1), got {decay!r}")
        groups = collect(params, {})
        self.params = [tensor for group in groups for tensor in group["params"]]
        self.decay = decay
        self.warmup = warmup
        self.updates = 0
        self.averages = [tensor.data.copy() for tensor in self.params]

    def __repr__(self) -> str:
        return f"<EMA of {len(self.params)} tensors, decay {self.decay:g}, {self.updates} updates>"

    def update(self) -> None:
        """Take the weights as they are now into the average; one fused pass."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates)) if self.warmup else self.decay
        for dtype in {a.dtype for a in self.averages}:
            pairs = [(a, p.data) for a, p in zip(self.averages, self.params, strict=True) if a.dtype == dtype]
            _core.ema_update([a for a, _ in pairs], [p for _, p in pairs], decay)
        self.updates += 1

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Return a block in which the parameters' `.data` are the averages; they change places, nothing is copied."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for i, param in enumerate(self.params):
            param.data, self.averages[i] = self.averages[i], param.data

    def state_dict(self) -> dict[str, Any]:
        """Return the averages and the number of updates."""
        return {"updates": self.updates, "averages": list(self.averages)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave.

        Args:
            state_dict: of an EMA of the same parameters.

        Raises:
            ValueError: where the shapes differ; nothing is changed then.
        """
        saved = [np.asarray(a) for a in state_dict["averages"]]
        shapes, expected = [(a.shape, a.dtype) for a in saved], [(a.shape, a.dtype) for a in self.averages]
        if shapes != expected:
            raise ValueError(f"state_dict: expected averages of shapes {expected}, got {shapes}")
        for mine, theirs in zip(self.averages, saved, strict=True):
            mine[...] = theirs
        self.updates = int(state_dict["updates"])
