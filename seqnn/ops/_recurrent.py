"""What the functions of all recurrent nets share: kinds of numbers, lengths, first states, the two kernel calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .. import _core
from .._layouts import make_room, swap_layout
from ..autograd import Needs
from ._types import Array, Backward

First = tuple[Any, int]  # a state before the first step or None, and its size


def unroll(
    kind: str,
    x: Any,
    first: Mapping[str, First],
    weights: Mapping[str, Any],
    *,
    options: Mapping[str, Any],
    lengths: Any,
    reverse: bool,
    batch_first: bool,
    packed: Array | None,
    needs: Needs | None,
    saves: Iterable[str],
    reads: Iterable[str] = (),
    keeps: Iterable[str] = (),
) -> tuple[Array, Any, Backward]:
    """Run one layer in one direction by its kernels.

    Args:
        kind: the name of the function, such as "lstm".
        x: [T, B, I], or [B, T, I] with `batch_first`.
        first: by the name of a parameter, such as "h0", the state before the first step (None for zeros) and its size.
        weights: by the name of a parameter: weight_ih, weight_hh, bias_ih, bias_hh and others, in the order of the function.
        options: further arguments of both kernels.
        lengths, reverse, batch_first, packed: those of the function.
        needs: those of the function; None for no gradients.
        saves: what forward saves for backward, beside the norm's numbers.
        reads: which of the states, and "out", backward reads.
        keeps: what forward returns besides, for the caller.

    Returns:
        (out, done, backward): out in the layout of x, what the forward kernel returned, and a function of the gradients
        of out and of the last states that returns those of x, the states and the weights by their names.
    """
    x = as_steps(kind, x, weights, batch_first)
    steps, rows = x.shape[:2]
    counts, total = as_lengths(kind, lengths, steps, rows)
    h_size = first["h0"][1]
    if h_size < 1:
        raise ValueError(
            f"{kind}: weight_hh has shape {np.shape(weights['weight_hh'])}, expected at least one hidden unit"
        )
    states = {name: np.zeros((rows, n), x.dtype) if given is None else given for name, (given, n) in first.items()}
    shared = {**options, "lengths": counts, "reverse": reverse}
    out = make_room(x, h_size, batch_first)
    saves = [*saves, *(["normal", "rstd"] if weights["norm"] is not None else [])] if needs and any(needs) else []
    forward, back = getattr(_core, f"{kind}_forward"), getattr(_core, f"{kind}_backward")
    done = call(
        kind, forward, x=x, **states, **weights, **shared, rows=total, out=out, packed=packed,
        **dict.fromkeys({*saves, *keeps}, True),
    )  # fmt: skip
    again = {name: ({"out": out} | states)[name] for name in reads}
    again |= {name: weight for name, weight in weights.items() if not name.startswith("bias")}
    again |= {name: getattr(done, name) for name in saves}

    def backward(grads: tuple[Array | None, ...]) -> dict[str, Array | None]:
        grad_x = make_room(x, x.shape[2], batch_first) if needs.x else None
        after = {f"grad_{name.removesuffix('0')}_last": grad for name, grad in zip(first, grads[1:], strict=True)}
        names = (*first, *weights)
        found = call(
            kind, back, grad_out=swap_layout(grads[0], batch_first), **after, x=x, **again, **shared,
            grad_x=grad_x, **{f"grad_{name}": getattr(needs, name) for name in names},
        )  # fmt: skip
        return {"x": swap_layout(grad_x, batch_first)} | {name: getattr(found, f"grad_{name}") for name in names}

    return swap_layout(out, batch_first), done, backward


def call(kind: str, kernel: Callable, **arguments: Any) -> Any:
    """Call a kernel; its errors name the function, and leave the kernel's signature out."""
    try:
        return kernel(**arguments)
    except (TypeError, ValueError) as error:
        _, _, message = str(error).partition("\n")[0].partition(": ")
        raise type(error)(f"{kind}: {message}") from None


def as_steps(kind: str, x: Any, weights: Mapping[str, Any], batch_first: bool) -> Array:
    """Return x as [T, B, I] of the weights' kind of numbers; a float array is copied for its byte order alone."""
    given, weight = x, weights["weight_ih"]
    if type(x) is Array and type(weight) is Array and x.ndim == 3 and x.dtype is weight.dtype and x.dtype.char in "fd":
        return x.swapaxes(0, 1) if batch_first else x  # nearly always
    x, weight = np.asarray(x), np.asarray(weight)
    if x.ndim != 3:
        layout = "[B, T, I]" if batch_first else "[T, B, I]"
        raise ValueError(f"{kind}: x has shape {x.shape}, expected {layout}")
    kinds = [a.dtype.newbyteorder("=") for a in (weight, x) if a.dtype.kind == "f" and a.dtype.itemsize in (4, 8)]
    dtype = kinds[0] if kinds else np.dtype(np.float32)
    if x.dtype.kind not in "biuf" or (isinstance(given, Array) and len({*kinds}) > 1):
        raise TypeError(f"{kind}: x is {x.dtype} but the weights are {dtype}: convert one of them")
    x = x.astype(dtype, copy=False)
    return x.swapaxes(0, 1) if batch_first else x


def as_lengths(
    kind: str, lengths: Any, steps: int, rows: int, name: str = "lengths", of: str = "the number of steps of x"
) -> tuple[Array | None, int]:
    """Return the lengths as int32, and their sum; the errors name them `name`, and `of` says what `steps` is."""
    if lengths is None:
        return None, steps * rows
    lengths = np.asarray(getattr(lengths, "data", lengths) if not isinstance(lengths, Array) else lengths)
    if lengths.shape != (rows,) or (lengths.size and lengths.dtype.kind not in "iu"):
        raise ValueError(
            f"{kind}: {name} has shape {lengths.shape} and dtype {lengths.dtype}, expected {rows} integers, "
            "one for each sequence"
        )
    if lengths.size and not (lengths.min() >= 0 and lengths.max() <= steps):
        raise ValueError(f"{kind}: {name} lie in [{lengths.min()}, {lengths.max()}], expected [0, {steps}], {of}")
    return lengths.astype(np.int32), int(lengths.sum())


def last_axis(kind: str, name: str, weight: Any) -> int:
    """Return the number of columns of a matrix."""
    shape = np.shape(weight)
    if len(shape) != 2:
        raise ValueError(f"{kind}: {name} has shape {shape}, expected a matrix")
    return shape[1]


def check_name(kind: str, argument: str, name: Any, names: tuple[str, ...]) -> None:
    """Raise a ValueError for a name that an enumeration does not have."""
    if name not in names:
        raise ValueError(f"{kind}: {argument} must be one of {[*names]}, got {name!r}")
