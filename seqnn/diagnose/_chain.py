"""Jacobians of a chain of functions: each one's own, and their products to the end, through layers or through time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..autograd import Tensor, enable_grad
from ..nn import Module, Sequential
from ._flow import Flow, gradient_flow
from ._jacobian import frobenius, jacobians, spectral

__all__ = ["Jacobians", "depth_jacobians"]

Norm = Literal["spectral", "frobenius"]


@dataclass(frozen=True, eq=False)
class Jacobians:
    """A record of the norms of the Jacobians of L places (layers or steps) for N samples; `print` says what they mean.

    Args:
        names: of the places, first to last.
        local: [L, N], norm of d output / d input of the place itself.
        products: [L, N], norm of d (output of the last place) / d (input of this one).
        through: "depth" or "time".
        parts: of a state of several parts, such as (h, c): for each the norms [L, N] of d h[T] / d part[t]; the first ones
            are `products`.

    >>> import numpy as np
    >>> found = depth_jacobians([lambda x: 0.5 * x] * 3, np.ones((1, 2)))
    >>> found.local[:, 0].tolist()
    [0.5, 0.5, 0.5]
    """

    names: tuple[str, ...]
    local: np.ndarray
    products: np.ndarray
    through: str
    parts: dict[str, np.ndarray] = field(default_factory=dict)

    def flow(self, *, part: str | None = None, limit: float = 100.0) -> Flow:
        """Judge the products, or those of one part, by `gradient_flow` of their mean over the samples.

        Args:
            part: a name in `parts`; None is `products`.
            limit: as for `gradient_flow`.

        Returns:
            A `Flow`.

        Raises:
            ValueError: for another part, or less than two places.
        """
        if part is not None and part not in self.parts:
            raise ValueError(f"part: expected one of {list(self.parts)}, got {part!r}")
        norms = self.products if part is None else self.parts[part]
        return gradient_flow(norms.mean(axis=1).tolist(), through=self.through, limit=limit)

    def __str__(self) -> str:
        if len(self.names) < 2:
            return f"norm {self.products.mean():.3g} through {', '.join(self.names)}: one place shows no trend"
        if not self.parts:
            return str(self.flow())
        return "\n".join(f"through {part}: {self.flow(part=part)}" for part in self.parts)


def depth_jacobians(
    model: Sequential | Sequence[Callable[[Tensor], Tensor]], x: Any, *, norm: Norm = "spectral"
) -> Jacobians:
    """Measure every layer's Jacobian, and the products of the Jacobians from each layer to the output.

    Everything is exact: a layer with D outputs takes D backward passes, so some ten samples of `x` suffice. Modules run in
    evaluation mode. The products are made in float64, so that they vanish or explode without underflow.

    Args:
        model: a Sequential (those inside it are gone through as well) or a list of functions of one Tensor.
        x: [N, ...]. Layers before the first floating input, such as an Embedding of ids, are run and left out.
        norm: "spectral" (largest growth of a small change) or "frobenius" (all directions together).

    Returns:
        The norms, as `Jacobians`.

    Raises:
        TypeError: where `model` is no chain.
        ValueError: where a layer does not keep the samples apart on axis 0.

    Sources: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning", ICLR 2014; Pennington,
    Schoenholz, Ganguli, "Resurrecting the sigmoid in deep learning", NeurIPS 2017.

    >>> import numpy as np
    >>> from seqnn.diagnose import depth_jacobians
    >>> found = depth_jacobians([lambda x: 0.1 * x] * 5, np.ones((1, 3)))
    >>> found.products[:, 0].round(6)
    array([1.e-05, 1.e-04, 1.e-03, 1.e-02, 1.e-01])
    >>> found.flow().kind
    'vanishing'
    """
    if isinstance(model, Sequential):
        steps = list(_leaves(model, ""))
    elif isinstance(model, Sequence) and all(callable(step) for step in model):
        steps = [(_name(i, step), step) for i, step in enumerate(model)]
    else:
        raise TypeError(f"model: expected an nn.Sequential or a list of functions, got {type(model).__name__}")
    measure = measure_of(norm)
    if not steps:
        raise ValueError("model: expected at least one place, got none")
    with evaluation([step for _, step in steps if isinstance(step, Module)]), enable_grad():
        pairs = list(_run(steps, as_samples(x)))
        local, products = [], []
        product: Any = None
        for _, source, output in reversed(pairs):
            with np.errstate(all="ignore"):
                (jacobian,) = jacobians(output, [source], np.eye(output.shape[1]))
                product = jacobian if product is None else product @ jacobian
                local.append(measure(jacobian))
                products.append(measure(product))
    return Jacobians(tuple(n for n, _, _ in pairs), np.array(local[::-1]), np.array(products[::-1]), "depth")


def _run(steps: list[tuple[str, Callable]], x: Tensor) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield (name, input, output [N, D]) of every step that has a floating input; each is a graph of its own."""
    samples = len(x)
    for name, step in steps:
        source = Tensor(x.data, requires_grad=True) if x.dtype.kind == "f" else x
        x = step(source)
        if not isinstance(x, Tensor) or x.ndim < 1 or len(x) != samples:
            what = f"a Tensor of shape {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"{name}: expected a Tensor [{samples}, ...], one row a sample, got {what}")
        if source.requires_grad:
            if not x.requires_grad:
                raise ValueError(f"{name}: the output does not depend on the input")
            yield name, source, x.reshape(samples, -1)
    if not source.requires_grad:
        raise ValueError(f"{name}: expected a floating input of at least the last place, got {source.dtype}")


def _leaves(model: Sequential, path: str) -> Iterator[tuple[str, Module]]:
    for name, module in model.named_children():
        if isinstance(module, Sequential):
            yield from _leaves(module, f"{path}{name}.")
        else:
            yield f"{path}{name} ({type(module).__name__})", module


def _name(i: int, step: Callable) -> str:
    return f"{i} ({type(step).__name__})" if isinstance(step, Module) else str(i)


def measure_of(norm: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that computes the norm of that name, of every matrix [N, R, C]."""
    norms = {"spectral": spectral, "frobenius": frobenius}
    if norm not in norms:
        raise ValueError(f"norm: expected 'spectral' or 'frobenius', got {norm!r}")
    return norms[norm]


def as_samples(x: Any) -> Tensor:
    """Make x a Tensor; it must hold at least one sample."""
    tensor = x if isinstance(x, Tensor) else Tensor(np.asarray(x))
    if tensor.ndim < 1 or len(tensor) == 0:
        raise ValueError(f"expected at least one sample on axis 0, got shape {list(tensor.shape)}")
    return tensor


@contextmanager
def evaluation(modules: Sequence[Module]) -> Iterator[None]:
    """Run a block with modules in evaluation mode; afterwards each is in the mode it was in."""
    before = {m: m.training for module in modules for m in module.modules()}
    try:
        for module in before:
            module.training = False
        yield
    finally:
        for module, training in before.items():
            module.training = training
