"""NumPy's functions of Tensors: each is one of this package, or is refused where a gradient would be lost.

Where there is no gradient to lose (none is required, or nothing is recorded), functions that stand in no table see arrays.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..autograd import Tensor, recording
from ._activation import exp, log, tanh
from ._arithmetic import abs as absolute
from ._arithmetic import (
    add,
    clip,
    copy,
    cos,
    divide,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    sin,
    sqrt,
    subtract,
)  # fmt: skip
from ._einsum import einsum
from ._indexing import gather, getitem
from ._linear import matmul
from ._mask import tril, triu, where
from ._pad import pad
from ._reduction import cumprod, cumsum, logsumexp, max, mean, min, norm, prod, std, sum, var
from ._shape import concatenate, expand, permute, reshape, split, squeeze, stack, swapaxes, unsqueeze
from ._sort import sort

# Ufuncs: of elements, along an axis, and running along an axis.

_UFUNCS: dict[np.ufunc, Callable] = {
    np.add: add, np.subtract: subtract, np.multiply: multiply, np.divide: divide, np.power: power, np.float_power: power,
    np.negative: negative, np.positive: copy, np.absolute: absolute, np.fabs: absolute, np.sqrt: sqrt, np.exp: exp,
    np.log: log, np.log1p: log1p, np.tanh: tanh, np.sin: sin, np.cos: cos, np.maximum: maximum, np.minimum: minimum,
    np.matmul: matmul, np.square: lambda x: multiply(x, x), np.reciprocal: lambda x: divide(1.0, x),
    np.tan: lambda x: divide(sin(x), cos(x)), np.exp2: lambda x: power(2.0, x),
    np.log2: lambda x: divide(log(x), math.log(2)), np.log10: lambda x: divide(log(x), math.log(10)),
    np.logaddexp: lambda x, y: logsumexp(_pair(x, y), 0), np.hypot: lambda x, y: norm(_pair(x, y), axis=0),
}  # fmt: skip


def _pair(x: Any, y: Any) -> Any:
    """Stack two arrays that broadcast; numbers and lists take the float type of the other."""
    dtype = next((a.dtype for a in (x, y) if isinstance(a, Tensor) and a.dtype.kind == "f"), None)
    x, y = (
        a if isinstance(a, Tensor) or (np.ndim(a) and hasattr(a, "dtype")) else np.asarray(a, dtype) for a in (x, y)
    )
    shape = np.broadcast_shapes(np.shape(x), np.shape(y))
    return stack([expand(a, shape) if np.shape(a) != shape else a for a in (x, y)])


_REDUCE = {np.add: sum, np.multiply: prod, np.maximum: max, np.minimum: min, np.logaddexp: logsumexp}
_ACCUMULATE = {np.add: cumsum, np.multiply: cumprod}


def numpy_ufunc(ufunc: np.ufunc, method: str, inputs: tuple, options: dict[str, Any]) -> Any:
    """Call a ufunc of NumPy with Tensors among its inputs: `Tensor.__array_ufunc__`."""
    name = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if method == "__call__" and ufunc in _UFUNCS and not options:
        return _UFUNCS[ufunc](*inputs)
    if method == "reduce" and ufunc in _REDUCE and set(options) <= {"axis", "keepdims"}:
        axis, keepdims = (*inputs[1:], options.get("axis", 0))[0], bool(options.get("keepdims", False))
        return _REDUCE[ufunc](inputs[0], axis, keepdims=keepdims)
    if method == "accumulate" and ufunc in _ACCUMULATE and set(options) <= {"axis"}:
        return _ACCUMULATE[ufunc](inputs[0], (*inputs[1:], options.get("axis", 0))[0])
    if method == "outer" and ufunc in _UFUNCS and ufunc.nin == 2 and not options:
        first, second = inputs
        return _UFUNCS[ufunc](reshape(first, np.shape(first) + (1,) * np.ndim(second)), second)
    if ufunc in _UFUNCS and options:
        name += f" with {', '.join(options)}"
    return _on_arrays(name, getattr(ufunc, method), inputs, options, harmless=ufunc in _WITHOUT_GRADIENT)


# Functions, with NumPy's arguments.


def _reduce(function: Callable) -> Callable:
    return lambda a, axis=None, *, keepdims=False: function(a, _axis(axis), keepdims=bool(keepdims))


def _deviate(function: Callable) -> Callable:
    return lambda a, axis=None, *, ddof=0, keepdims=False: function(a, _axis(axis), ddof=ddof, keepdims=bool(keepdims))


def _axis(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _run(function: Callable) -> Callable:
    return lambda a, axis=None: function(reshape(a, -1), 0) if axis is None else function(a, axis)


def _average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    if weights is None:
        return mean(a, axis, keepdims=keepdims)
    if np.shape(weights) != np.shape(a):  # along one axis
        weights = reshape(weights, [n if k == axis % np.ndim(a) else 1 for k, n in enumerate(np.shape(a))])
    weights = multiply(weights, np.ones(np.shape(a), np.asarray(getattr(a, "data", a)).dtype))
    return divide(sum(multiply(a, weights), axis, keepdims=keepdims), sum(weights, axis, keepdims=keepdims))


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    of_matrix = np.ndim(x) == 2 if axis is None else isinstance(axis, tuple) and len(axis) == 2
    if (ord == "fro" and of_matrix) or ord is None:
        return norm(x, 2.0, axis, keepdims=keepdims)
    if of_matrix or isinstance(ord, str) or not ord > 0:
        raise TypeError(f"np.linalg.norm of a Tensor: vector norms with ord > 0, and 'fro'; got ord={ord!r}")
    return norm(x, ord, axis, keepdims=keepdims)


def _dot(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return multiply(a, b)
    return matmul(a, b) if np.ndim(b) <= 2 else _tensordot(a, b, ([-1], [-2]))


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    left, right = np.ndim(a), np.ndim(b)
    if isinstance(axes, int):
        axes = list(range(left - axes, left)), list(range(axes))
    of_a, of_b = ([n % m for n in ([s] if isinstance(s, int) else s)] for s, m in zip(axes, (left, right), strict=True))
    letters_a = list("abcdefghijklmnopqrstuvwxyz"[:left])
    letters_b = list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:right])
    for i, j in zip(of_a, of_b, strict=True):
        letters_b[j] = letters_a[i]
    rest = [c for i, c in enumerate(letters_a) if i not in of_a] + [c for j, c in enumerate(letters_b) if j not in of_b]
    return einsum(f"{''.join(letters_a)},{''.join(letters_b)}->{''.join(rest)}", a, b)


def _transpose(a: Any, axes: Any = None) -> Any:
    return permute(a, range(np.ndim(a))[::-1] if axes is None else axes)


def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    n = np.ndim(a)
    source, destination = ([k % n for k in ([s] if isinstance(s, int) else s)] for s in (source, destination))
    order = [k for k in range(n) if k not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        order.insert(place, axis)
    return permute(a, order)


def _expand_dims(a: Any, axis: Any) -> Any:
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    for k in sorted(k % (np.ndim(a) + len(axes)) for k in axes):
        a = unsqueeze(a, k)
    return a


def _along(axis: int, index: Any) -> tuple:
    return (slice(None),) * axis + (index,)


def _flip(m: Any, axis: Any = None) -> Any:
    axes = range(np.ndim(m)) if axis is None else [k % np.ndim(m) for k in ([axis] if isinstance(axis, int) else axis)]
    return getitem(m, tuple([slice(None, None, -1 if k in axes else 1) for k in range(np.ndim(m))]))


def _take(a: Any, indices: Any, axis: Any = None) -> Any:
    if axis is None:
        return getitem(reshape(a, -1), np.asarray(indices))
    return getitem(a, _along(axis % np.ndim(a), np.asarray(indices)))


def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if isinstance(axis, tuple | list):
        for n, k in zip(np.broadcast_to(shift, len(axis)).tolist(), axis, strict=True):
            a = _roll(a, n, k)
        return a
    places = np.roll(np.arange(np.shape(a)[axis] if axis is not None else np.prod(np.shape(a), dtype=int)), shift)
    return reshape(_take(a, places), np.shape(a)) if axis is None else _take(a, places, axis)


def _repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    a, axis = (reshape(a, -1), 0) if axis is None else (a, axis)
    return _take(a, np.repeat(np.arange(np.shape(a)[axis]), repeats), axis)


def _tile(A: Any, reps: Any) -> Any:  # noqa: N803 - NumPy's name
    reps = (reps,) if isinstance(reps, int) else tuple(reps)
    shape = (1,) * (len(reps) - np.ndim(A)) + np.shape(A)
    reps = (1,) * (len(shape) - len(reps)) + reps
    wide = expand(
        reshape(A, [k for n in shape for k in (1, n)]), [k for r, n in zip(reps, shape, strict=True) for k in (r, n)]
    )
    return reshape(wide, [r * n for r, n in zip(reps, shape, strict=True)])


def _pad(array: Any, pad_width: Any, mode: str = "constant", *, constant_values: float = 0.0) -> Any:
    pairs = np.broadcast_to(np.asarray(pad_width), (np.ndim(array), 2)).tolist()
    names = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    if mode not in names:
        raise TypeError(f"np.pad of a Tensor: mode is one of {', '.join(map(repr, names))}, got {mode!r}")
    return pad(array, pairs, names[mode], constant_values)


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    axis %= np.ndim(a)
    for k, end in enumerate((prepend, append)):
        if end is not None:
            one = [1 if i == axis else size for i, size in enumerate(np.shape(a))]
            end = expand(end, one) if np.ndim(end) == 0 else end
            a = concatenate([a, end] if k else [end, a], axis)
    for _ in range(n):
        a = subtract(getitem(a, _along(axis, slice(1, None))), getitem(a, _along(axis, slice(None, -1))))
    return a


def _diagonal(a: Any, offset: int = 0) -> Any:
    rows, columns = np.nonzero(np.eye(*np.shape(a)[:2], k=offset, dtype=bool))
    return _moveaxis(getitem(a, (rows, columns)), 0, -1)


def _diag(v: Any, k: int = 0) -> Any:
    if np.ndim(v) == 2:
        return _diagonal(v, k)
    size = np.shape(v)[0] + int(np.abs(k))
    before = (int(np.maximum(-k, 0)), int(np.maximum(k, 0)))  # rows and columns before the first element
    square = multiply(unsqueeze(v, -1), np.eye(np.shape(v)[0], dtype=np.float32))
    return pad(square, [(b, size - np.shape(v)[0] - b) for b in before])


def _joined(arrays: Sequence[Any], at_least: Callable, axis: int) -> Any:
    return concatenate([reshape(a, np.shape(at_least(np.empty(np.shape(a))))) for a in arrays], axis)


def _concatenate(arrays: Sequence[Any], axis: Any = 0) -> Any:
    return concatenate([reshape(a, -1) for a in arrays]) if axis is None else concatenate(arrays, axis)


def _pieces(ary: Any, indices_or_sections: Any, axis: int = 0) -> list:
    if isinstance(indices_or_sections, int):  # of sizes that may differ by one
        sizes = [len(part) for part in np.array_split(np.arange(np.shape(ary)[axis]), indices_or_sections)]
        indices_or_sections = np.cumsum(sizes)[:-1]
    return list(split(ary, indices_or_sections, axis))


_FUNCTIONS: dict[Callable, Callable] = {
    np.sum: _reduce(sum), np.prod: _reduce(prod), np.mean: _reduce(mean), np.average: _average, np.var: _deviate(var),
    np.std: _deviate(std), np.max: _reduce(max), np.min: _reduce(min), np.amax: _reduce(max), np.amin: _reduce(min),
    np.ptp: lambda a, axis=None, *, keepdims=False: subtract(max(a, axis, keepdims=keepdims), min(a, axis, keepdims=keepdims)),
    np.cumsum: _run(cumsum), np.cumprod: _run(cumprod), np.diff: _diff, np.linalg.norm: _norm,
    np.dot: _dot, np.vdot: lambda a, b: matmul(reshape(a, -1), reshape(b, -1)), np.tensordot: _tensordot,
    np.inner: lambda a, b: multiply(a, b) if 0 in (np.ndim(a), np.ndim(b)) else _tensordot(a, b, ([-1], [-1])),
    np.outer: lambda a, b: multiply(reshape(a, (-1, 1)), reshape(b, (1, -1))),
    np.einsum: lambda subscripts, *operands, optimize=False: einsum(subscripts, *operands),
    np.trace: lambda a, offset=0: sum(_diagonal(a, offset), -1), np.diagonal: _diagonal, np.diag: _diag,
    np.tril: tril, np.triu: triu, np.where: lambda condition, x, y: where(getattr(condition, "data", condition), x, y),
    np.clip: lambda a, a_min=None, a_max=None, *, min=None, max=None: clip(
        a, min if a_min is None else a_min, max if a_max is None else a_max
    ),
    np.concatenate: _concatenate, np.stack: lambda arrays, axis=0: stack(arrays, axis),
    np.vstack: lambda tup: _joined(tup, np.atleast_2d, 0), np.dstack: lambda tup: _joined(tup, np.atleast_3d, 2),
    np.hstack: lambda tup: _joined(tup, np.atleast_1d, 0 if np.ndim(tup[0]) <= 1 else 1),
    np.column_stack: lambda tup: concatenate([unsqueeze(a, -1) if np.ndim(a) == 1 else a for a in tup], 1),
    np.append: lambda arr, values, axis=None: _concatenate([arr, values], axis),
    np.split: lambda ary, indices_or_sections, axis=0: list(split(ary, indices_or_sections, axis)), np.array_split: _pieces,
    np.reshape: lambda a, shape: reshape(a, shape), np.ravel: lambda a: reshape(a, -1), np.transpose: _transpose,
    np.swapaxes: lambda a, axis1, axis2: swapaxes(a, axis1, axis2), np.moveaxis: _moveaxis, np.expand_dims: _expand_dims,
    np.squeeze: lambda a, axis=None: squeeze(a, axis), np.broadcast_to: lambda array, shape: expand(array, shape),
    np.atleast_1d: lambda *arys: _unpack([reshape(a, np.shape(np.atleast_1d(np.empty(np.shape(a))))) for a in arys]),
    np.atleast_2d: lambda *arys: _unpack([reshape(a, np.shape(np.atleast_2d(np.empty(np.shape(a))))) for a in arys]),
    np.flip: _flip, np.fliplr: lambda m: _flip(m, 1), np.flipud: lambda m: _flip(m, 0), np.roll: _roll, np.tile: _tile,
    np.repeat: _repeat, np.pad: _pad, np.take: _take, np.copy: lambda a: copy(a),
    np.take_along_axis: lambda arr, indices, axis=-1: gather(arr, axis, indices),
    np.sort: lambda a, axis=-1: sort(reshape(a, -1))[0] if axis is None else sort(a, axis)[0],
    np.shape: lambda a: a.shape, np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.data.size if axis is None else a.shape[axis],
}  # fmt: skip

_WITHOUT_GRADIENT: set[Callable] = {
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.logical_and, np.logical_or,
    np.logical_not, np.logical_xor, np.isnan, np.isfinite, np.isinf, np.signbit, np.sign, np.floor, np.ceil, np.trunc,
    np.rint, np.round, np.around, np.fix, np.argmax, np.argmin, np.argsort, np.argpartition, np.nonzero, np.flatnonzero,
    np.argwhere, np.count_nonzero, np.searchsorted, np.digitize, np.any, np.all, np.allclose, np.isclose, np.array_equal,
    np.array_equiv, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.result_type, np.can_cast, np.iscomplexobj,
    np.isrealobj, np.shares_memory, np.may_share_memory, np.array2string, np.array_repr, np.array_str, np.unravel_index,
    np.isposinf, np.isneginf, np.lexsort,
}  # fmt: skip
"""Results that are counts, indices, truth values, constants or text: they have no gradient that could be lost."""


def numpy_function(function: Callable, args: tuple, options: dict[str, Any]) -> Any:
    """Call a function of NumPy with Tensors among its arguments: `Tensor.__array_function__`."""
    name = f"{function.__module__}.{function.__name__}".replace("numpy", "np")
    known = _FUNCTIONS.get(function)
    if known is not None and not (function is np.where and len(args) + len(options) == 1):
        signature = _signature(known)
        nothing = [k for k, v in options.items() if v is np._NoValue or (v is None and k not in signature.parameters)]
        options = {k: v for k, v in options.items() if k not in nothing}
        try:
            signature.bind(*args, **options)
        except TypeError as error:
            if _loses_gradient((args, options)):
                raise TypeError(f"{name} of a Tensor: {error}; it takes {signature}") from None
        else:
            return known(*args, **options)
    return _on_arrays(name, function, args, options, harmless=function in _WITHOUT_GRADIENT)


_signature = cache(inspect.signature)  # which takes longer than many a function


def _on_arrays(name: str, function: Callable, args: Any, options: Any, *, harmless: bool) -> Any:
    """Call a function with arrays in place of Tensors, unless a gradient would be lost."""
    if not harmless and _loses_gradient((args, options)):
        raise TypeError(
            f"{name} of a Tensor that requires a gradient would cut the graph, and no function of seqnn.ops stands for it; "
            "tensor.detach() gives the numbers without gradient"
        )
    return function(*_arrays(args), **_arrays(options))


def _loses_gradient(value: Any) -> bool:
    return recording() and any(tensor.requires_grad for tensor in _tensors(value))


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the Tensors in nested containers."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)


def _arrays(value: Any) -> Any:
    """Put arrays in place of the Tensors in nested containers."""
    if isinstance(value, Tensor):
        return value.data
    if isinstance(value, dict):
        return {key: _arrays(item) for key, item in value.items()}
    return type(value)([_arrays(item) for item in value]) if type(value) in (tuple, list) else value


def _unpack(values: list) -> Any:
    return values[0] if len(values) == 1 else tuple(values)
