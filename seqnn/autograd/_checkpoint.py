"""Activations that are computed again instead of kept."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from seqnn import random

from ._tape import Part, enable_grad, make_node
from ._tensor import Tensor, made

P = ParamSpec("P")
R = TypeVar("R")


def checkpoint(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function keep its arguments only, and compute its inside again when `backward` needs it.

    It takes about a third more time, and saves the memory of the activations inside. Random numbers (dropout) are drawn
    again the same: the state of `seqnn.random` is put back for the second computation.

    Args:
        function: returns a Tensor or a tuple of Tensors.

    Returns:
        The function that does so.

    Raises:
        TypeError: when it is called, where `function` returns other things than Tensors.

    Source: Chen, Xu, Zhang, Guestrin, "Training deep nets with sublinear memory cost", arXiv:1604.06174.

    >>> from seqnn import Tensor
    >>> from seqnn.autograd import checkpoint
    >>> x = Tensor(2.0, requires_grad=True)
    >>> checkpoint(lambda x: x * x * x)(x).backward()
    >>> x.grad
    array(12., dtype=float32)
    """

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        state = random.get_state()
        outputs = function(*args, **options)
        several = isinstance(outputs, tuple)
        flat = outputs if several else (outputs,)
        if not any(isinstance(o, Tensor) and o.requires_grad for o in flat):
            return outputs

        if not all(isinstance(o, Tensor) for o in flat):
            raise TypeError("checkpoint: the function must return Tensors")

        def again() -> list[Any]:
            """Compute a second time; the walk goes on through these edges, down to the arguments' own."""
            after = random.get_state()
            random.set_state(state)
            try:
                with enable_grad():
                    second = function(*args, **options)
            finally:
                random.set_state(after)
            return [o._edge("checkpoint") if o.requires_grad else None for o in (second if several else (second,))]

        node = make_node(lambda gradients: gradients, function, again, [(o.shape, o.dtype) for o in flat])
        found = tuple([made(o.data, Part(node, i, o.shape)) for i, o in enumerate(flat)])
        return found if several else found[0]

    return call
