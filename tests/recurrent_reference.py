"""Recurrent nets as plain loops, for their tests."""

import numpy as np

from seqnn import Tensor

LENGTHS = [3, 5, 0, 1]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def normalized(a, size):
    """Each block of `size` elements with mean 0 and variance 1."""
    blocks = a.reshape(-1, size)
    mean = blocks.mean(1, keepdims=True)
    return ((blocks - mean) / np.sqrt(((blocks - mean) ** 2).mean(1, keepdims=True) + 1e-5)).reshape(-1)


def unroll(
    cell, x, states, weight_ih, weight_hh, bias_ih=None, bias_hh=None, norm=None, *, lengths=None, reverse=False,
    mask=None, zone_h=None, zone_c=None, join=None, norm_size=None,
):  # fmt: skip
    """(out, *last states). `cell(a, states)` takes the sum of both products and the states of one row, h first.

    With `join`, the sum is join(x's part, h's part) without biases, and so is left to it.
    """
    steps, rows = x.shape[:2]
    out, last = np.zeros((steps, rows, states[0].shape[1])), [s.copy() for s in states]
    bias = sum(b for b in (bias_ih, bias_hh) if b is not None)
    for b in range(rows):
        length = steps if lengths is None else lengths[b]
        for t in reversed(range(length)) if reverse else range(length):
            now = [s[b].copy() for s in last]
            seen = now[0] if mask is None else now[0] * mask[b]
            if join:
                a = join(weight_ih @ x[t, b], seen, now[0])
            else:
                a = weight_ih @ x[t, b] + weight_hh @ seen
                a = a + bias if norm is None else normalized(a, norm_size or len(now[-1])) * norm + bias
            new = list(cell(a, now))
            out_keep = 0 if zone_h is None else np.broadcast_to(zone_h, out.shape)[t, b]
            new[0] = out_keep * now[0] + (1 - out_keep) * new[0]
            if zone_c is not None:
                wide = sum(len(s) for s in new[1:])
                keep = np.split(np.broadcast_to(zone_c, (steps, rows, wide))[t, b], len(new) - 1)
                new[1:] = [k * s + (1 - k) * n for k, s, n in zip(keep, now[1:], new[1:], strict=True)]
            for s, n in zip(last, new, strict=True):
                s[b] = n
            out[t, b] = new[0]
    return out, *last


def options_of(name, steps, rows, size, memory):
    """Keyword arguments for one of the options."""
    rng = np.random.default_rng(1)
    if name == "mask":
        return {"mask": (rng.random((rows, size)) > 0.4) * 2.0}
    if name == "zoneout":
        zones = {"zone_h": rng.random((steps, rows, size))}
        return zones | ({"zone_c": np.full((1, 1, 1), 0.25)} if memory else {})
    return {}


def sample(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def parts(state):
    """A state's arrays."""
    return [s.numpy() if isinstance(s, Tensor) else s for s in (state if isinstance(state, tuple) else (state,))]
