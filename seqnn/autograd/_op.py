"""`op` makes a differentiable function of one that computes on arrays."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from seqnn._core import keep_memory

from ._tape import CHECK, RECORD, WATCH, Node, Part, mode, require_finite, watcher
from ._tensor import Tensor, made

LARGE = 1 << 17  # bytes of an argument from which on the results are put into kept memory


def op(function: Callable) -> Callable:
    """Make a differentiable function of one that computes on arrays and returns `(out, backward)`.

    `backward(grad)` returns the gradient of each positional parameter (one array when there is one; None = no
    gradient; trailing ones may be left out). `out` may be a tuple of arrays: `backward` then gets a tuple of gradients.
    Keyword-only parameters are options, never Tensors. A keyword-only parameter `needs`, hidden from callers, receives
    for every positional argument whether its gradient is wanted. A parameter `*xs` takes any number of Tensors.
    An array that `backward` uses must not be changed in place before: the gradient would silently be that of the change.

    Given arrays the result returns arrays and records nothing; given a Tensor it returns Tensors.

    >>> from seqnn.autograd import Tensor, op
    >>> @op
    ... def cube(x):
    ...     return x**3, lambda grad: 3 * x**2 * grad
    >>> x = Tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    array(12., dtype=float32)
    """
    parameters = inspect.signature(function).parameters
    signature = inspect.Signature([p for p in parameters.values() if p.name != "needs"])
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters.values() if p.kind in positional]
    asks = "needs" in parameters
    never = (False,) * len(names)

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if options and not options.keys().isdisjoint(names):
            args, options = _in_position(signature, names, args, options)
        state = mode.get()
        arrays, edges, needs = [], [], []
        tensors = recording = large = False
        for a in args:
            edge = None
            if isinstance(a, Tensor):
                tensors = True
                if a.requires_grad and state & RECORD:
                    recording = True
                    edge = a if a._node is None else a._node
                a = a.data
                large = large or a.nbytes >= LARGE
            arrays.append(a)
            edges.append(edge)
            needs.append(edge is not None)
        if asks:
            options["needs"] = tuple(needs) if len(needs) == len(never) else (*needs, *never[len(needs) :])
        if large:
            before = keep_memory(None)
            try:
                out, backward = function(*arrays, **options)
            finally:
                keep_memory(before)
        else:
            out, backward = function(*arrays, **options)
        if state & CHECK:
            for o in out if type(out) is tuple else (out,):
                require_finite(f"result of {function.__name__}", o)
        if not tensors:
            return out
        if state & WATCH:
            watcher.get()(function, arrays, out)
        if type(out) is not tuple:
            return made(out, Node(backward, edges, out.shape)) if recording else Tensor(out)
        if not recording:
            return tuple([Tensor(o) for o in out])
        node = Node(backward, edges, [(o.shape, o.dtype) for o in out])
        return tuple([made(o, Part(node, i, o.shape)) for i, o in enumerate(out)])

    call.__signature__ = signature
    return call


def _in_position(signature: inspect.Signature, names: list[str], args: tuple, options: dict) -> tuple[tuple, dict]:
    """The call with everything that may be a Tensor in its position."""
    bound = signature.bind(*args, **options)
    bound.apply_defaults()
    values = bound.arguments
    return tuple([values[n] for n in names]), {n: v for n, v in options.items() if n not in names}
