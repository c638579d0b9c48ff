"""`op` makes a differentiable function of one that computes on arrays."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ._rows import kept
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
    parameters = inspect.signature(function).parameters.values()
    visible = [p for p in parameters if p.name != "needs"]
    several = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    asks = len(visible) < len(parameters)
    call = functools.wraps(function)((_looped if several else _unrolled)(function, visible, asks))
    call.__signature__ = inspect.Signature(visible)
    return call


_HEAD = """
def call({parameters}):
    _state, _tensors, _recording, _large = _mode(), False, False, False
"""
_ARGUMENT = """
    _{x}_edge = None
    if _isinstance({x}, _Tensor):
        _tensors = True
        if {x}.requires_grad and _state & _RECORD:
            _recording = True
            _{x}_edge = {x}._node or {x}
        {x} = {x}.data
        if {x}.nbytes >= _LARGE:
            _large = True
"""
_TAIL = """
    _out, _backward = _kept(_function, {arguments}) if _large else _function({arguments})
    if _state > _RECORD:
        _look(_state, _function, [{names}], _out, _tensors)
    if not _tensors:
        return _out
    if _type(_out) is not _tuple:
        return _made(_out, _Node(_backward, [{edges}], _out.shape) if _recording else None)
    return _each(_out, _backward, [{edges}] if _recording else None)
"""


def _unrolled(function: Callable, visible: list[inspect.Parameter], asks: bool) -> Callable:
    """The wrapper of an op with a fixed number of arguments, written out for these: a loop takes twice the time.

    All names but those of the arguments begin with an underscore.
    """
    names = [p.name for p in visible if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    options = [p.name for p in visible if p.kind is inspect.Parameter.KEYWORD_ONLY]
    needs = f"({' '.join(f'_{x}_edge is not None,' for x in names)})"
    given = [f"{name}={name}" for name in options] + ([f"needs={needs}"] if asks else [])
    parts = {
        "parameters": ", ".join([*names, *(["*", *options] if options else [])]),
        "arguments": ", ".join([*names, *given]),
        "names": ", ".join(names),
        "edges": ", ".join(f"_{x}_edge" for x in names),
    }
    source = _HEAD.format(**parts) + "".join(_ARGUMENT.format(x=x) for x in names) + _TAIL.format(**parts)
    found = {
        "_function": function, "_mode": mode.get, "_Tensor": Tensor, "_Node": Node, "_RECORD": RECORD, "_LARGE": LARGE,
        "_kept": kept, "_look": _look, "_made": made, "_each": _each, "_isinstance": isinstance, "_type": type,
        "_tuple": tuple,
    }  # fmt: skip
    exec(compile(source, f"<op {function.__name__}>", "exec"), found)
    call = found["call"]
    call.__defaults__ = function.__defaults__
    call.__kwdefaults__ = {k: v for k, v in (function.__kwdefaults__ or {}).items() if k != "needs"}
    return call


def _looped(function: Callable, visible: list[inspect.Parameter], asks: bool) -> Callable:
    """The same for an op of any number of arguments."""

    def call(*args: Any, **options: Any) -> Any:
        state = mode.get()
        tensors = [a for a in args if isinstance(a, Tensor)]
        arrays = [a.data if isinstance(a, Tensor) else a for a in args]
        edges = [(a._node or a) if isinstance(a, Tensor) and a.requires_grad and state & RECORD else None for a in args]
        recording = any(e is not None for e in edges)
        if asks:
            options["needs"] = tuple([e is not None for e in edges])
        large = any(a.data.nbytes >= LARGE for a in tensors)
        out, backward = kept(function, *arrays, **options) if large else function(*arrays, **options)
        if state > RECORD:
            _look(state, function, arrays, out, bool(tensors))
        if not tensors:
            return out
        if type(out) is not tuple:
            return made(out, Node(backward, edges, out.shape) if recording else None)
        return _each(out, backward, edges if recording else None)

    return call


def _each(out: tuple, backward: Callable, edges: list | None) -> tuple[Tensor, ...]:
    """The results of an op that has several."""
    if edges is None:
        return tuple([made(o, None) for o in out])
    node = Node(backward, edges, [(o.shape, o.dtype) for o in out])
    return tuple([made(o, Part(node, i, o.shape)) for i, o in enumerate(out)])


def _look(state: int, function: Callable, args: list, out: Any, tensors: bool) -> None:
    """What `check_finite` and `watch` ask for."""
    if state & CHECK:
        for o in out if type(out) is tuple else (out,):
            require_finite(f"result of {function.__name__}", o)
    if state & WATCH and tensors:
        watcher.get()(function, args, out)
