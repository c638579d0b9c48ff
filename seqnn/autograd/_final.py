"""Telling, while `backward` still computes other gradients, that those of some leaves are final."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from contextvars import ContextVar, Token
from typing import Any

from ._tape import Node, Part

watched: ContextVar[when_final | None] = ContextVar("watched", default=None)


class when_final(contextlib.ContextDecorator):  # noqa: N801 - a block, as no_grad
    """A block in which `backward` says of some leaves, one after the other, that their gradient is final.

    As soon as nothing that is still to be computed can add to a leaf's gradient, it is in `.grad`, and `seen(leaf)` is
    called, so that its use (such as sending it away) overlaps with the rest of the walk. Every leaf that gets a gradient is
    told of once a walk, at the latest at its end; one that gets none is not. Leaves inside of `checkpoint` are told of when
    all such functions have been computed again.

    Args:
        leaves: Tensors that require a gradient and are no result of an op, such as parameters.
        seen: called as `seen(leaf)`. It may replace `leaf.grad`, but must not change the array in place: the walk may still
            read it.

    Raises:
        TypeError: for what are no Tensors, or no function.
        ValueError: for a result of an op.

    >>> from seqnn import Tensor
    >>> from seqnn.autograd import when_final
    >>> a, b = Tensor(2.0, requires_grad=True), Tensor(3.0, requires_grad=True)
    >>> with when_final([a, b], lambda leaf: print(leaf.grad)):
    ...     ((a * 5) * b).backward()
    10.0
    15.0
    """

    def __init__(self, leaves: Iterable[Any], seen: Callable[[Any], object]) -> None:
        leaves = [leaves] if not isinstance(leaves, Iterable) else list(leaves)
        if wrong := [leaf for leaf in leaves if not hasattr(leaf, "_node")]:
            raise TypeError(f"leaves: expected Tensors, got {type(wrong[0]).__name__}")
        if not callable(seen):
            raise TypeError(f"seen: expected a function of a Tensor, got {type(seen).__name__}")
        self.leaves, self.seen = set(leaves), seen
        if any(leaf._node is not None for leaf in self.leaves):
            raise ValueError("leaves: expected Tensors that are no result of an op; register_hook is for others")
        self._tokens: list[Token] = []

    def __enter__(self) -> None:
        self._tokens.append(watched.set(self))

    def __exit__(self, *error: object) -> None:
        watched.reset(self._tokens.pop())


class Finals:
    """A count, for one walk, of how often the gradients of leaves can still be added to.

    Args:
        watch: the leaves.
        edges: where the walk begins.
        take: called as `take(leaf, gradient)` when a gradient is final.
    """

    def __init__(self, watch: when_final, edges: Iterable[Any], take: Callable[[Any, Any], None]) -> None:
        self._leaves, self._take = watch.leaves, take
        self._left: dict[Any, int] = {}
        self._known: set[Node] = set()
        self._lazy = 0  # nodes whose edges are not made yet
        self._ready: list[Any] = []
        self._count(edges)

    def expand(self, edges: Iterable[Any]) -> None:
        """Count what lies below edges that the walk has just made."""
        self._count(edges)
        self._lazy -= 1

    def arrived(self, edges: Iterable[Any], pending: dict) -> None:
        """Note that the walk has gone along some edges; hand over what is final, out of `pending`."""
        left = self._left
        for edge in edges:
            if edge is not None and edge in left:
                left[edge] -= 1
                if not left[edge]:
                    self._ready.append(edge)
        if self._ready and not self._lazy:
            for leaf in self._ready:
                if not left[leaf] and leaf in pending:
                    self._take(leaf, pending.pop(leaf))
            self._ready.clear()

    def _count(self, edges: Iterable[Any]) -> None:
        todo = list(edges)
        while todo:
            edge = todo.pop()
            if type(edge) is Part:
                edge = edge.node
            if type(edge) is not Node:
                if edge is not None and edge in self._leaves:
                    self._left[edge] = self._left.get(edge, 0) + 1
            elif edge not in self._known:
                self._known.add(edge)
                if type(edge.edges) is list:
                    todo += edge.edges
                else:
                    self._lazy += 1
