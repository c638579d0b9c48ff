"""`op` makes a differentiable function of one that computes on arrays."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from ._rows import kept
from ._tape import CHECK, RECORD, WATCH, Part, make_node, mode, require_finite, watcher
from ._tensor import MASKED, Tensor, made

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

LARGE = 1 << 17  # bytes of an argument from which on the results are put into kept memory


class Needs(tuple[bool, ...]):
    """A record of which positional arguments of a call want a gradient: by name (`needs.bias`) or position (`needs[2]`).

    >>> needs = Needs.of(["x", "bias"], [True, False])
    >>> needs.x, needs[1]
    (True, False)
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> bool: ...

    @classmethod
    def of(cls, names: Iterable[str], values: Iterable[bool]) -> Needs:
        """Return a record.

        Args:
            names: of the arguments.
            values: whether each wants a gradient.
        """
        needs = cls(values)
        vars(needs).update(zip(names, needs, strict=True))
        return needs


def op(function: Callable[P, tuple[R, Any]]) -> Callable[P, R]:
    """Make a differentiable function of one that computes on arrays and returns `(out, backward)`.

    Given arrays, the result returns arrays and records nothing; given a Tensor, it returns Tensors.

    Args:
        function: computes on arrays. Its positional parameters may be Tensors for callers, its keyword-only parameters
            are options. A parameter `*xs` takes any number of Tensors. A keyword-only parameter `needs`, which callers
            do not see, receives for every positional argument whether its gradient is wanted: `needs.x`, `needs[0]`.
            `out` is an array or a tuple of arrays. `backward(grad)` gets the gradient of `out` (a tuple for a tuple)
            and returns those of the positional parameters: one array; a tuple in their order, whose end may be left
            out; or a dict by their names. None, or no entry, means no gradient.

    Returns:
        The differentiable function, with the parameters of `function` except `needs`.

    An array that `backward` uses must not be changed in place before the walk: the gradient would silently be that of
    the change.

    >>> from seqnn.autograd import Tensor, op
    >>> @op
    ... def scale(x, factor, *, needs):
    ...     return x * factor, lambda grad: {"x": grad * factor, "factor": (grad * x).sum() if needs.factor else None}
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> scale(x, 3.0).sum().backward()
    >>> x.grad
    array([3., 3.], dtype=float32)
    """
    signature = inspect.signature(function)
    parameters = signature.parameters.values()
    visible = [p for p in parameters if p.name != "needs"]
    several = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    asks = len(visible) < len(parameters)
    call = functools.wraps(function)((_looped if several else _unrolled)(function, visible, asks))
    without_backward = re.fullmatch(
        r"tuple\[(.*), (?:Backward|Callable(?:\[.*\])?)\]", str(signature.return_annotation)
    )
    returned = without_backward[1] if without_backward else signature.return_annotation
    call.__signature__ = inspect.Signature(visible, return_annotation=returned)
    return call


class _NeedsOf(dict[int, Needs]):
    """Bits -> the `Needs` that they say, made when first asked for: bit k stands for argument k."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def __missing__(self, bits: int) -> Needs:
        found = self[bits] = Needs.of(self.names, [bool(bits >> k & 1) for k in range(len(self.names))])
        return found


def _needs_of(names: list[str]) -> dict[int, Needs]:
    """Make the table of `Needs`: for few arguments all at once, in a dict of no subclass, which is looked up faster."""
    table = _NeedsOf(names)
    return {bits: table[bits] for bits in range(1 << len(names))} if len(names) < 5 else table


def also(**names: str) -> Callable[[F], F]:
    """Let an op take further names of its parameters, or refuse them with advice: `@op` above `@also(dim="axis")`.

    Args:
        names: further name -> name of the parameter, or a sentence that says what to write instead.

    Returns:
        A decorator.

    >>> import numpy as np
    >>> from seqnn.autograd import also, op
    >>> @op
    ... @also(dim="axis", keepdim="write keepdims=")
    ... def total(x, axis=None, *, keepdims=False):
    ...     return x.sum(axis, keepdims=keepdims), lambda grad: grad
    >>> total(np.ones((2, 3)), dim=1)
    array([3., 3.])
    >>> total(np.ones((2, 3)), keepdim=True)
    Traceback (most recent call last):
    TypeError: total: keepdim= is PyTorch's argument: write keepdims=
    """

    def note(function: F) -> F:
        function.further_names = names  # type: ignore[attr-defined]
        return function

    return note


def run_apart(function: Callable[..., Iterable[np.ndarray]], x: Any, *arguments: Any) -> list[Tensor] | None:
    """Run a function of arrays beside the tape, for a caller who knows that nothing in it wants a gradient.

    It spares the time of the ops that the function stands for.

    Args:
        function: takes the array of x and the arguments; returns arrays.
        x: an array or a Tensor.
        arguments: are passed on as they are.

    Returns:
        The results as Tensors; None, without a call, where `check_finite` or `watch` want to see each op.

    >>> import numpy as np
    >>> from seqnn.autograd import run_apart
    >>> [out.data for out in run_apart(lambda x, factor: [x * factor], np.ones(2), 3.0)]
    [array([3., 3.])]
    """
    if mode.get() & ~RECORD:
        return None
    data = x.data if isinstance(x, Tensor) else x
    arrays = kept(function, data, *arguments) if data.nbytes >= LARGE else function(data, *arguments)
    return [made(array, None) for array in arrays]


_HEAD = """
def call({parameters}):
    _state, _tensors, _wanted, _large = _mode(), False, 0, False
"""
_RENAMED = """
    if {old} is not None:
        {new} = {old}
"""
_REFUSED = """
    if {old} is not None:
        raise TypeError(_function.__name__ + ": {old}= is PyTorch's argument: {new}")
"""
_ARGUMENT = """
    _{x}_edge = None
    if {x} is not None and _type({x}) is not _Array:
        if _isinstance({x}, _Tensor):
            _tensors = True
            if {x}.requires_grad and _state & _RECORD:
                _wanted += {bit}
                _{x}_edge = {x}._node or {x}
            {x} = {x}.data
            if {x}.nbytes >= _LARGE:
                _large = True
        elif _type({x}) is _list:
            {x} = _listed({x}, ({names},))
        elif _isinstance({x}, _Masked):
            raise TypeError("{name}: {x} is " + _MASKED)
"""
_TAIL = """
    try:
        _out, _backward = _kept(_function, {arguments}) if _large else _function({arguments})
    except (TypeError, ValueError) as _error:
        _explain(_error, _function, [{names}])
        raise
    if _state > _RECORD:
        _look(_state, _function, [{names}], _out, _tensors)
    if not _tensors:
        return _out
    if _type(_out) is not _tuple:
        return _made(_out, _node(_backward, _function, [{edges}], _out.shape) if _wanted else None)
    return _each(_out, _backward, _function, [{edges}] if _wanted else None)
"""


def _unrolled(function: Callable, visible: list[inspect.Parameter], asks: bool) -> Callable:
    """Make the wrapper of an op with a fixed number of arguments, written out for them: a loop takes twice the time.

    All names but those of the arguments begin with an underscore.
    """
    names = [p.name for p in visible if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    options = [p.name for p in visible if p.kind is inspect.Parameter.KEYWORD_ONLY]
    further: dict[str, str] = getattr(function, "further_names", {})
    given = [f"{name}={name}" for name in options] + (["needs=_needs[_wanted]"] if asks else [])
    parts = {
        "parameters": ", ".join([*names, *(["*", *options, *further] if options or further else [])]),
        "arguments": ", ".join([*names, *given]),
        "names": ", ".join(names),
        "edges": ", ".join(f"_{x}_edge" for x in names),
    }
    known = {*names, *options}
    renamed = "".join((_RENAMED if new in known else _REFUSED).format(old=old, new=new) for old, new in further.items())
    name = function.__name__.lstrip("_")
    taken = "".join(_ARGUMENT.format(x=x, bit=1 << k, name=name, names=parts["names"]) for k, x in enumerate(names))
    source = _HEAD.format(**parts) + renamed + taken + _TAIL.format(**parts)
    found = {
        "_function": function, "_mode": mode.get, "_Tensor": Tensor, "_node": make_node, "_RECORD": RECORD, "_LARGE": LARGE,
        "_kept": kept, "_look": _look, "_made": made, "_each": _each, "_isinstance": isinstance, "_type": type,
        "_tuple": tuple, "_list": list, "_Array": np.ndarray, "_listed": _listed, "_needs": _needs_of(names),
        "_Masked": np.ma.MaskedArray, "_MASKED": MASKED, "_explain": _explain,
    }  # fmt: skip
    exec(compile(source, f"<op {function.__name__}>", "exec"), found)
    call = found["call"]
    call.__defaults__ = function.__defaults__
    options_given = {k: v for k, v in (function.__kwdefaults__ or {}).items() if k != "needs"}
    call.__kwdefaults__ = options_given | dict.fromkeys(further)
    return call


def _looped(function: Callable, visible: list[inspect.Parameter], asks: bool) -> Callable:
    """Make the wrapper of an op with any number of arguments."""

    def call(*args: Any, **options: Any) -> Any:
        state = mode.get()
        tensors = [a for a in args if isinstance(a, Tensor)]
        arrays = [a.data if isinstance(a, Tensor) else _unmasked(function, a) for a in args]
        edges = [(a._node or a) if isinstance(a, Tensor) and a.requires_grad and state & RECORD else None for a in args]
        recording = any(e is not None for e in edges)
        if asks:
            options["needs"] = Needs([e is not None for e in edges])
        large = any(a.data.nbytes >= LARGE for a in tensors)
        out, backward = kept(function, *arrays, **options) if large else function(*arrays, **options)
        if state > RECORD:
            _look(state, function, arrays, out, bool(tensors))
        if not tensors:
            return out
        if type(out) is not tuple:
            return made(out, make_node(backward, function, edges, out.shape) if recording else None)
        return _each(out, backward, function, edges if recording else None)

    return call


def _unmasked(function: Callable, a: Any) -> Any:
    """Refuse a masked array, which would lose its mask."""
    if isinstance(a, np.ma.MaskedArray):
        raise TypeError(f"{function.__name__.lstrip('_')}: {MASKED}")
    return a


def _each(out: tuple, backward: Callable, function: Callable, edges: list | None) -> tuple[Tensor, ...]:
    """Make Tensors of the results of an op that has several."""
    if edges is None:
        return tuple([made(o, None) for o in out])
    node = make_node(backward, function, edges, [(o.shape, o.dtype) for o in out])
    return tuple([made(o, Part(node, i, o.shape)) for i, o in enumerate(out)])


def _listed(values: list, others: tuple) -> Any:
    """Make an array of a list of Python's floats, which take the float type of the other arguments, as Python's numbers do."""
    array = np.asarray(values)
    if array.dtype != np.float64:
        return values
    dtypes = (getattr(x, "dtype", None) for x in others)
    return array.astype(next((d for d in dtypes if isinstance(d, np.dtype) and d.kind == "f"), np.float64), copy=False)


def _explain(error: TypeError | ValueError, function: Callable, args: list) -> None:
    """Say what a kernel refused in the words of the op: its name and arguments, without the kernel's signature."""
    message, line, _ = str(error).partition("\n  signature: ")
    if not line:
        return
    name = function.__name__.lstrip("_")
    kernel, _, what = message.partition(": ")
    if "convert one of them" in what:  # the kernel's names, or those of arrays that the op made
        pairs = zip(function.__code__.co_varnames, args, strict=False)
        found = {a.dtype.char: x for x, a in reversed(list(pairs)) if isinstance(a, np.ndarray)}
        if "f" in found and "d" in found:
            x, y = found["d"], found["f"]
            what = f"{y} is float32 but {x} is float64: convert one of them, such as {x}.astype(np.float32)"
    elif isinstance(error, ValueError):
        pairs = zip(function.__code__.co_varnames, args, strict=False)
        what += "; got " + ", ".join(f"{x} {a.shape}" for x, a in pairs if isinstance(a, np.ndarray))
    error.args = (f"{name}: {what}" if what else kernel,)


def _look(state: int, function: Callable, args: list, out: Any, tensors: bool) -> None:
    """Do what `check_finite` and `watch` ask for."""
    if state & CHECK:
        for o in out if type(out) is tuple else (out,):
            require_finite(f"result of {function.__name__}", o)
    if state & WATCH and tensors:
        watcher.get()(function, args, out)
