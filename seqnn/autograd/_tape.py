"""The tape: nodes that ops leave, and the walk that pushes gradients through them.

Threads share a counter and nothing else: two threads may build and differentiate graphs of their own.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable
from contextvars import ContextVar, Token
from heapq import heappop, heappush
from typing import Any

import numpy as np

from ._rows import Rows, kept

RECORD, CHECK, WATCH = 1, 2, 4  # bits of `mode`
mode: ContextVar[int] = ContextVar("mode", default=RECORD)
watcher: ContextVar[Callable[[Callable, list, Any], None]] = ContextVar("watcher")
clock = itertools.count(1).__next__
new = object.__new__


class _Mode(contextlib.ContextDecorator):
    """A block or decorator that sets and clears bits of `mode`; it may be entered again while inside."""

    _set, _clear = 0, 0

    def __init__(self) -> None:
        self._tokens: list[Token[int]] = []

    def __enter__(self) -> None:
        self._tokens.append(mode.set((mode.get() | self._set) & ~self._clear))

    def __exit__(self, *error: object) -> None:
        mode.reset(self._tokens.pop())

    def _recreate_cm(self) -> _Mode:
        return type(self)()


class no_grad(_Mode):  # noqa: N801 - the name that everybody knows
    """A block (`with no_grad():`) or function (`@no_grad()`) in which ops record nothing.

    >>> from seqnn import Tensor
    >>> from seqnn.autograd import no_grad
    >>> with no_grad():
    ...     (Tensor(2.0, requires_grad=True) * 3).requires_grad
    False
    """

    _clear = RECORD


class enable_grad(_Mode):  # noqa: N801
    """A block or function in which ops record, even within `no_grad`.

    >>> from seqnn import Tensor
    >>> from seqnn.autograd import enable_grad, no_grad
    >>> with no_grad(), enable_grad():
    ...     (Tensor(2.0, requires_grad=True) * 3).requires_grad
    True
    """

    _set = RECORD


def recording() -> bool:
    """Tell whether ops record what they do.

    >>> from seqnn.autograd import no_grad
    >>> with no_grad():
    ...     recording()
    False
    """
    return bool(mode.get() & RECORD)


class check_finite(_Mode):  # noqa: N801
    """A block in which every op whose result, and every backward function whose gradient, holds NaN or infinity raises.

    The FloatingPointError names the op. This is meant for the search: each result is read once more.

    >>> from seqnn import Tensor
    >>> from seqnn.autograd import check_finite
    >>> with check_finite():
    ...     Tensor(1.0) / Tensor(0.0)
    Traceback (most recent call last):
    FloatingPointError: result of divide: 1 of 1 values are NaN or infinite
    """

    _set = CHECK

    @staticmethod
    def active() -> bool:
        """Tell whether such a block is around."""
        return bool(mode.get() & CHECK)


class watch(contextlib.ContextDecorator):  # noqa: N801
    """A block in which a function sees every op on Tensors, recorded or not.

    Args:
        seen: called as `seen(function, inputs, out)`, with arrays.

    >>> from seqnn import Tensor
    >>> from seqnn.autograd import watch
    >>> with watch(lambda function, inputs, out: print(function.__name__, out.shape)):
    ...     y = Tensor([1.0, 2.0]) * 3
    multiply (2,)
    """

    def __init__(self, seen: Callable[[Callable, list, Any], None]) -> None:
        self.seen = seen
        self._tokens: list[tuple[Token, Token]] = []

    def __enter__(self) -> None:
        self._tokens.append((watcher.set(self.seen), mode.set(mode.get() | WATCH)))

    def __exit__(self, *error: object) -> None:
        seen, before = self._tokens.pop()
        watcher.reset(seen)
        mode.reset(before)

    def start(self) -> None:
        """Begin without a block, unless another watch is on."""
        if not mode.get() & WATCH:
            watcher.set(self.seen)
            mode.set(mode.get() | WATCH)

    def stop(self) -> None:
        """End what `start` began."""
        if watcher.get(None) == self.seen:
            mode.set(mode.get() & ~WATCH)


class Node:
    """The record of a call of an op: its backward function, and where the gradients of its inputs go.

    An edge is None (no gradient wanted), the Node of an op with one output, the Part of one with several, or a leaf
    Tensor; `edges` is the list of them, or a function that makes it when the walk gets there. Arrays are held by
    `backward` only, so an activation that no backward function needs is freed at once.
    `op` is the function that computes on arrays. `shape` is that of the output; for several outputs it is the list of
    their (shape, dtype).
    """

    __slots__ = ("backward", "edges", "hooks", "op", "order", "shape")

    backward: Callable | None
    op: Callable
    edges: list[Any] | Callable[[], list[Any]]
    shape: Any
    order: int
    hooks: list[Callable] | None


def make_node(backward: Callable, op: Callable, edges: list[Any] | Callable[[], list[Any]], shape: Any) -> Node:
    """Make a Node; a function, because the call of a class with an `__init__` takes more time."""
    node = new(Node)
    node.backward = backward
    node.op = op
    node.edges = edges
    node.shape = shape
    node.order = clock()  # an op comes after its inputs
    node.hooks = None
    return node


class Part:
    """One output of a node that has several."""

    __slots__ = ("hooks", "index", "node", "shape")

    def __init__(self, node: Node, index: int, shape: tuple[int, ...]) -> None:
        self.node, self.index, self.shape = node, index, shape
        self.hooks: list[Callable] | None = None


def walk(
    edges: Iterable[Any], gradients: Iterable[Any], wanted: Iterable[Any] = (), keep: bool = False, finals: Any = None
) -> dict:
    """Push `gradients` from `edges` down the graph, the latest node first, so that a node has all of its gradient.

    Returns the gradient of every leaf reached, and of the `wanted` nodes and parts. Frees the graph unless `keep`. What
    `finals` (see `_final.Finals`) takes on the way is not returned.
    """
    return kept(_walk, edges, gradients, wanted, keep, finals)


def _walk(edges: Iterable[Any], gradients: Iterable[Any], wanted: Iterable[Any], keep: bool, finals: Any) -> dict:
    found: dict[Any, Any] = dict.fromkeys(wanted)
    pending: dict[Any, Any] = {}  # what has arrived: at a node, part or leaf its gradient; at a node of parts those
    ours: set[Any] = set()  # where `pending` is a sum that nobody else can hold
    heap: list[tuple[int, Node]] = []
    check = mode.get() & CHECK
    node: Any = None  # whose gradients arrive
    while True:
        for edge, gradient in zip(edges, gradients, strict=False):
            if edge is None or gradient is None:
                continue
            if gradient.shape != edge.shape:
                raise ValueError(
                    f"backward of {_name(node)}: a gradient of shape {gradient.shape} for an array of shape {edge.shape}"
                )
            if edge in pending:
                pending[edge] = _sum(pending[edge], gradient, edge, ours)
                continue
            pending[edge] = gradient
            if type(edge) is Node:
                heappush(heap, (-edge.order, edge))
            elif type(edge) is Part:
                parts = pending.setdefault(edge.node, [])
                parts.append(edge)
                if len(parts) == 1:
                    heappush(heap, (-edge.node.order, edge.node))
        if finals is not None:
            finals.arrived(edges, pending)
        if not heap:
            found.update(pending)
            return found
        node = heappop(heap)[1]
        backward = node.backward
        if backward is None:
            raise RuntimeError("backward: this graph was freed by an earlier backward(); retain_graph=True keeps it")
        gradient = pending.pop(node)
        if type(gradient) is list:
            gradient = tuple(_of_parts(node, gradient, pending, found))
        else:
            gradient = _arrived(node, gradient)
            if node in found:
                found[node] = gradient
        gradients = backward(gradient)
        del gradient
        if type(gradients) is not tuple:
            gradients = _in_order(gradients, node) if type(gradients) is dict else (gradients,)
        if check:
            for g in gradients:
                if g is not None:
                    require_finite(f"gradient of {_name(node)}", dense(g))
        if type(node.edges) is list:
            edges = node.edges
        else:
            edges = node.edges()
            if finals is not None:
                finals.expand(edges)
        if not keep:
            node.backward, node.edges = None, []  # with the next `backward` the op's arrays are free


def dense(gradient: Any) -> np.ndarray:
    """Return a gradient as an array."""
    return gradient.dense() if type(gradient) is Rows else np.asarray(gradient)


def add_hook(hooks: list[Callable], hook: Callable) -> Callable[[], None]:
    """Append a hook to others.

    Args:
        hooks: the list of them.
        hook: any function.

    Returns:
        A function that removes it; called again, it does nothing.

    >>> hooks = []
    >>> remove = add_hook(hooks, print)
    >>> remove(), remove(), hooks
    (None, None, [])
    """
    added = [hook]
    hooks.append(hook)

    def remove() -> None:
        if added:
            hooks.remove(added.pop())

    return remove


def call_hooks(hooks: list[Callable], gradient: np.ndarray) -> np.ndarray:
    """Pass a gradient through hooks; a hook that returns None leaves it as it is."""
    for hook in hooks:
        changed = hook(gradient)
        if changed is not None:
            gradient = np.asarray(changed, gradient.dtype)
    return gradient


def require_finite(what: str, values: Any) -> None:
    """Raise FloatingPointError where an array holds NaN or infinity.

    Args:
        what: the array's name in the message.
        values: numbers, of any shape.

    Raises:
        FloatingPointError: where a value is not finite.

    >>> from seqnn.autograd import require_finite
    >>> require_finite("the loss", float("nan"))
    Traceback (most recent call last):
    FloatingPointError: the loss: 1 of 1 values are NaN or infinite
    """
    values = np.asarray(values)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        count = values.size - np.count_nonzero(np.isfinite(values))
        raise FloatingPointError(f"{what}: {count} of {values.size} values are NaN or infinite")


def _name(node: Node) -> str:
    return node.op.__name__.lstrip("_")


def _in_order(gradients: dict[str, Any], node: Node) -> tuple:
    """Put gradients by name into the order of the op's positional parameters."""
    names, known = _positional(node.op)
    if not gradients.keys() <= known:
        wrong = sorted(gradients.keys() - known)
        raise TypeError(f"backward of {_name(node)}: no parameter {wrong}, only {', '.join(names)}")
    return tuple(map(gradients.get, names))


@functools.lru_cache
def _positional(op: Callable) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the names of an op's positional parameters, in order and as a set."""
    names = op.__code__.co_varnames[: op.__code__.co_argcount]
    return names, frozenset(names)


def _arrived(target: Node | Part, gradient: Any) -> np.ndarray:
    if type(gradient) is not np.ndarray:
        gradient = dense(gradient)
    return call_hooks(target.hooks, gradient) if target.hooks else gradient


def _of_parts(node: Node, parts: list[Part], pending: dict, found: dict) -> list[np.ndarray]:
    """Collect the gradient of every output of a node; zeros for those that took no part."""
    gradients: list[Any] = [None] * len(node.shape)
    for part in parts:
        gradient = gradients[part.index] = _arrived(part, pending.pop(part))
        if part in found:
            found[part] = gradient
    return [np.zeros(*like) if g is None else g for g, like in zip(gradients, node.shape, strict=True)]


def _sum(first: Any, second: Any, edge: Any, ours: set[Any]) -> Any:
    """Add two gradients without touching an array that others may see."""
    if type(first) is Rows:
        if type(second) is Rows:
            return first + second
        first, second = second, first
    if edge not in ours:
        ours.add(edge)
        if type(second) is not Rows:
            return np.asarray(np.add(first, second, order="C"))
        first = np.array(first, order="C")  # rows are added to an array of this order
    if type(second) is Rows:
        second.add(first)
    else:
        np.add(first, second, out=first)
    return first
