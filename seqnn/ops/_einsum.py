"""Einstein summation, pair by pair on matrix products."""

from __future__ import annotations

import itertools
import math
import string
from typing import Any

import numpy as np

from ..autograd import Needs, op
from ._broadcast import common_dtype
from ._types import Array, Result

Term = tuple[Array, str]  # an array, and a letter for each of its axes


@op
def einsum(subscripts: str, *operands: Array, needs: Needs) -> Result:
    """Sum products as `subscripts` says (`numpy.einsum`).

    Operands are joined in pairs, those with the smallest result first, by matrix products. The gradient of an operand is
    the einsum of the gradient and the other operands.

    Args:
        subscripts: a letter for each axis: "ik,kj->ij" is the matrix product. Letters that are not in the output are
            summed; "..." stands for the axes without a letter; a letter twice in one operand takes the diagonal; without
            "->" the output has the letters that occur once, sorted.
        operands: any number of arrays.

    Returns:
        An array with the axes of the output.

    Raises:
        ValueError: where `subscripts` and the operands do not fit.

    >>> from seqnn import Tensor, ops
    >>> ops.einsum("ij,j->i", Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([1.0, 10.0]))
    Tensor([21., 43.], dtype=float32)
    """
    dtype = common_dtype(operands)
    arrays = [np.asarray(x, dtype) for x in operands]
    letters, out = _parse(subscripts, [x.ndim for x in arrays])
    sizes = _sizes(subscripts, letters, arrays)
    terms = [_simple(x, s, sizes) for x, s in zip(arrays, letters, strict=True)]

    def backward(grad: Array) -> tuple:
        gradients: list[Any] = [None]
        for k, (_, own) in enumerate(terms):
            gradient = None
            if needs[1 + k]:
                others = [*terms[:k], *terms[k + 1 :], (grad, out)]
                known = "".join(s for s in own if any(s in other for _, other in others))
                gradient = np.zeros(arrays[k].shape, np.asarray(operands[k]).dtype)
                _simple(gradient, letters[k], sizes)[0][...] = _spread(_contract(others, known), known, own)
            gradients.append(gradient)
        return tuple(gradients)

    return _contract(terms, out), backward


def _parse(subscripts: str, axes: list[int]) -> tuple[list[str], str]:
    """Find the letters of each operand and of the output, with letters of their own for "..."."""
    text = subscripts.replace(" ", "")
    left, arrow, out = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(axes):
        raise ValueError(f"einsum: {subscripts!r} is for {len(inputs)} operands, got {len(axes)}")
    if not set(text.replace("...", "").replace("->", "")) <= {*string.ascii_letters, ","}:
        raise ValueError(f"einsum: {subscripts!r} holds more than letters, commas, ... and ->")
    free = "".join(c for c in string.ascii_letters if c not in text)
    hidden = [n - len(s.replace("...", "")) if "..." in s else 0 for s, n in zip(inputs, axes, strict=True)]
    for s, n, dots in zip(inputs, axes, hidden, strict=True):
        if dots < 0 or len(s.replace("...", "")) + dots != n:
            raise ValueError(f"einsum: {s!r} of {subscripts!r} does not fit an operand of {n} axes")
    dotted = free[: max(hidden)]
    letters = [s.replace("...", dotted[len(dotted) - dots :]) for s, dots in zip(inputs, hidden, strict=True)]
    if not arrow:
        once = left.replace("...", "").replace(",", "")
        out = ("..." if "..." in left else "") + "".join(sorted(c for c in once if once.count(c) == 1))
    out = out.replace("...", dotted)
    if len(set(out)) != len(out) or not set(out) <= set("".join(letters)):
        raise ValueError(f"einsum: the output of {subscripts!r} repeats a letter or has one that no operand has")
    return letters, out


def _sizes(subscripts: str, letters: list[str], arrays: list[Array]) -> dict[str, int]:
    """Find the size of every letter's axis; an axis of size 1 is stretched to what the others have."""
    sizes: dict[str, int] = {}
    for own, x in zip(letters, arrays, strict=True):
        for letter, size in zip(own, x.shape, strict=True):
            if sizes.get(letter, 1) != 1 and size not in (1, sizes[letter]):
                raise ValueError(f"einsum: {letter!r} of {subscripts!r} has sizes {sizes[letter]} and {size}")
            sizes[letter] = size if size != 1 else sizes.get(letter, 1)
    return sizes


def _simple(x: Array, letters: str, sizes: dict[str, int]) -> Term:
    """Make a view of x with every letter once (the diagonal), and without axes that are stretched."""
    once = "".join(dict.fromkeys(letters))
    if once != letters:
        x = np.einsum(f"{letters}->{once}", x)
    stretched = tuple([k for k, s in enumerate(once) if x.shape[k] != sizes[s]])
    return x.squeeze(stretched), "".join(s for k, s in enumerate(once) if k not in stretched)


def _contract(terms: list[Term], out: str) -> Array:
    """Multiply all terms and sum over what is not in `out`; the axes are in that order."""
    terms = list(terms)
    while len(terms) > 1:
        pairs = itertools.combinations(range(len(terms)), 2)
        i, j = min(pairs, key=lambda ij: _cost(terms, *ij, out))
        rest = [t for k, t in enumerate(terms) if k not in (i, j)]
        terms = [_pair(*terms[i], *terms[j], "".join([out, *[s for _, s in rest]])), *rest]
    x, own = terms[0]
    x = x.sum(tuple([k for k, s in enumerate(own) if s not in out]))
    own = "".join(s for s in own if s in out)
    return x.transpose([own.index(s) for s in out])


def _cost(terms: list[Term], i: int, j: int, out: str) -> int:
    """Count the elements of the product of two terms."""
    kept = out + "".join(s for k, (_, s) in enumerate(terms) if k not in (i, j))
    sizes = {s: n for x, own in (terms[i], terms[j]) for s, n in zip(own, x.shape, strict=True) if s in kept}
    return math.prod(sizes.values())


def _pair(a: Array, of_a: str, b: Array, of_b: str, kept: str) -> Term:
    """Multiply two terms and sum over the letters that are not in `kept`, by a batched matrix product."""
    a, of_a = _sum_lone(a, of_a, of_b + kept)
    b, of_b = _sum_lone(b, of_b, of_a + kept)
    batch = "".join(s for s in of_a if s in of_b and s in kept)
    inner = "".join(s for s in of_a if s in of_b and s not in kept)
    rows = "".join(s for s in of_a if s not in of_b)
    columns = "".join(s for s in of_b if s not in of_a)
    x = a.transpose([of_a.index(s) for s in batch + rows + inner])
    y = b.transpose([of_b.index(s) for s in batch + inner + columns])
    outer, m, n = x.shape[: len(batch)], x.shape[len(batch) : len(batch + rows)], y.shape[len(batch + inner) :]
    if not inner:
        product = x.reshape(outer + m + (1,) * len(n)) * y.reshape(outer + (1,) * len(m) + n)
    else:
        depth = math.prod(x.shape[len(batch + rows) :])
        x = x.reshape((*outer, math.prod(m), depth))
        product = (x @ y.reshape((*outer, depth, math.prod(n)))).reshape(outer + m + n)
    return product, batch + rows + columns


def _sum_lone(x: Array, own: str, used: str) -> Term:
    """Sum x over the letters that nothing else uses."""
    lone = tuple([k for k, s in enumerate(own) if s not in used])
    return (x.sum(lone), "".join(s for s in own if s in used)) if lone else (x, own)


def _spread(x: Array, known: str, own: str) -> Array:
    """Give x, whose axes are the letters `known`, axes of size 1 for the other letters of `own`."""
    return np.expand_dims(x, tuple([k for k, s in enumerate(own) if s not in known]))
