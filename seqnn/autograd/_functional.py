"""Derivatives as values: of tensors (`grad`) and of functions of arrays (`vjp`, `value_and_grad`, `jacobian`).

First derivatives only: a backward function computes on arrays and leaves no nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._tape import dense, enable_grad, walk
from ._tensor import Tensor, seed


def grad(outputs: Tensor | Sequence[Tensor], inputs: Tensor | Sequence[Tensor], grad_outputs: Any = None) -> Any:
    """Differentiate, d outputs / d inputs, without touching any `.grad`; the graph is kept (`torch.autograd.grad`).

    Args:
        outputs: a Tensor or a sequence of them.
        inputs: leaves or results of ops that require a gradient, one or a sequence.
        grad_outputs: what to multiply with, an array of the shape of each output; None is 1, for single numbers.

    Returns:
        An array, or a tuple of arrays for a sequence of inputs; None for an input that took no part.

    Raises:
        TypeError: for what are no Tensors, such as the result of `grad`.
        ValueError: where an output or input requires no gradient, or a shape does not fit.

    >>> from seqnn import Tensor
    >>> from seqnn.autograd import grad
    >>> x = Tensor(3.0, requires_grad=True)
    >>> float(grad(x * x, x))
    6.0
    """
    single = isinstance(inputs, Tensor | np.ndarray | np.generic)
    sources = [inputs] if single else list(inputs)
    roots = [outputs] if isinstance(outputs, Tensor | np.ndarray | np.generic) else list(outputs)
    for what, tensors in (("outputs", roots), ("inputs", sources)):
        if other := [type(t).__name__ for t in tensors if not isinstance(t, Tensor)]:
            raise TypeError(
                f"grad: {what} must be Tensors, got {other[0]}; derivatives are arrays without a graph, so there are first "
                "derivatives only"
            )
    seeds = [grad_outputs] if isinstance(outputs, Tensor) else grad_outputs or [None] * len(roots)
    for i, source in enumerate(sources):
        if not source.requires_grad:
            raise ValueError(f"grad: inputs[{i}] does not require a gradient (requires_grad=True)")
    edges = [s if s._node is None else s._node for s in sources]
    starts = [r._edge("grad") for r in roots]
    found = walk(starts, [seed(r, s, "grad") for r, s in zip(roots, seeds, strict=True)], edges, keep=True)
    gradients = [None if found[e] is None else dense(found[e]) for e in edges]
    return gradients[0] if single else tuple(gradients)


def vjp(function: Callable, *arrays: Any) -> tuple[Any, Callable]:
    """Compute `function(*arrays)`, and prepare the product of any vector with its Jacobian (`jax.vjp`).

    Args:
        function: computes a Tensor, or a tuple of them, from Tensors.
        arrays: the arguments.

    Returns:
        (value, pull): the array or tuple of arrays, and a function; `pull(cotangent)` is the tuple of
        `cotangent^T @ d value / d array`, one for each array, and may be called any number of times.

    Raises:
        TypeError: where `function` returns other things than Tensors.

    >>> import numpy as np
    >>> from seqnn.autograd import vjp
    >>> value, pull = vjp(lambda x, y: x * y, np.float32([1, 2]), np.float32([3, 4]))
    >>> pull(np.ones(2))
    (array([3., 4.], dtype=float32), array([1., 2.], dtype=float32))
    """
    leaves = [Tensor(a, requires_grad=True) for a in arrays]
    with enable_grad():
        outputs = function(*leaves)
    for output in outputs if isinstance(outputs, tuple) else (outputs,):
        if not isinstance(output, Tensor):
            raise TypeError(f"vjp: the function must return Tensors, got {type(output).__name__}")

    def pull(cotangent: Any) -> tuple[np.ndarray, ...]:
        found = grad(outputs, leaves, cotangent)
        return tuple([np.zeros_like(leaf.data) if g is None else g for g, leaf in zip(found, leaves, strict=True)])

    return tuple([o.data for o in outputs]) if isinstance(outputs, tuple) else outputs.data, pull


def value_and_grad(function: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """Make a function that returns the value and the gradient of another one (`jax.value_and_grad`).

    Args:
        function: computes a single number from Tensors and others.
        argnums: the positions of the arguments to differentiate by, one or a sequence.

    Returns:
        A function of arrays that returns (value, gradient); the gradient is an array, or a tuple for a sequence.

    Raises:
        ValueError: when it is called, where `function` returns more than one number.

    >>> import numpy as np
    >>> from seqnn.autograd import value_and_grad
    >>> value_and_grad(lambda x: (x * x).sum())(np.float32([1, 2, 3]))
    (array(14., dtype=float32), array([2., 4., 6.], dtype=float32))
    """
    numbers = [argnums] if isinstance(argnums, int) else list(argnums)

    def both(*args: Any, **options: Any) -> tuple[np.ndarray, Any]:
        def of_chosen(*chosen: Tensor) -> Tensor:
            filled = list(args)
            for number, tensor in zip(numbers, chosen, strict=True):
                filled[number] = tensor
            return function(*filled, **options)

        value, pull = vjp(of_chosen, *[args[n] for n in numbers])
        if np.size(value) != 1:
            raise ValueError(f"value_and_grad: the function must return a scalar, got shape {np.shape(value)}")
        gradients = pull(np.ones_like(value))
        return value, gradients[0] if isinstance(argnums, int) else gradients

    return both


def jacobian(function: Callable, *arrays: Any) -> Any:
    """Compute d function(*arrays) / d array, by one backward walk for each element of the value.

    Args:
        function: computes a Tensor from Tensors.
        arrays: the arguments.

    Returns:
        An array of shape value.shape + array.shape, or a tuple of one for each array.

    Raises:
        TypeError: where `function` returns a tuple.

    >>> import numpy as np
    >>> from seqnn.autograd import jacobian
    >>> jacobian(lambda x: x * x, np.float32([1, 2, 3]))
    array([[2., 0., 0.],
           [0., 4., 0.],
           [0., 0., 6.]], dtype=float32)
    """
    value, pull = vjp(function, *arrays)
    if isinstance(value, tuple):
        raise TypeError(f"jacobian: the function must return one array, got {len(value)}")
    rows = [pull(unit.reshape(value.shape)) for unit in np.eye(value.size, dtype=value.dtype)]
    found = tuple(
        [
            np.array([row[k] for row in rows], a.dtype).reshape(value.shape + a.shape)
            for k, a in enumerate([Tensor(a) for a in arrays])
        ]
    )
    return found[0] if len(arrays) == 1 else found
