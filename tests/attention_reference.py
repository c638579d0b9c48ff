"""Attention in NumPy, with all weights in memory, and cases for it: what the tests of attention compare with."""

import numpy as np

from seqnn import ops
from seqnn.autograd import Tensor


def scores_of(q, k, weight, score, scale):
    k = np.repeat(k, q.shape[1] // k.shape[1], axis=1)
    if score == "additive":
        found = (np.tanh(q[:, :, :, None] + k[:, :, None]) * np.atleast_2d(weight)[:, None, None]).sum(-1)
    elif score == "general":
        found = q @ weight @ k.swapaxes(2, 3)
    elif score == "cosine":
        unit = lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True))  # noqa: E731
        found = unit(q) @ unit(k).swapaxes(2, 3)
    else:
        found = q @ k.swapaxes(2, 3)
    if scale is None:
        scale = 1 / np.sqrt(q.shape[3]) if score == "scaled_dot" else 1
    return found * scale


def masked_scores(q, k, mask=None, causal=False, scale=None, lengths=None, relative=None, query_offset=0, window=None,
                  weight=None, score="scaled_dot"):  # fmt: skip
    b, h, t, _ = q.shape
    s = k.shape[2]
    scores = scores_of(q, k, weight, score, scale)
    seen = np.ones((b, h, t, s), bool)
    rows, columns = np.arange(t)[:, None], np.arange(s)
    if mask is not None and mask.dtype == bool:
        seen &= mask
    elif mask is not None:
        scores = scores + mask
    if relative is not None:
        scores = scores + relative[:, columns - rows + t - 1]
    if causal:
        seen &= columns <= rows + query_offset
    if window is not None:
        before, after = window if isinstance(window, tuple) else (window, window)
        seen &= (columns >= rows + query_offset - before) & (columns <= rows + query_offset + after)
    if lengths is not None:
        seen &= columns < np.asarray(lengths)[:, None, None, None]
    return np.where(seen, scores, -np.inf)


def weights_of(q, k, **options):
    scores = masked_scores(q, k, **options)
    top = scores.max(-1, keepdims=True, initial=-np.inf)
    e = np.exp(scores - np.where(np.isinf(top), 0, top))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


def attention(q, k, v, query_lengths=None, need_weights=False, **options):
    """Attention with the weights of all keys in memory."""
    p = weights_of(q, k, **options)
    if query_lengths is not None:
        p = p * (np.arange(q.shape[2]) < np.asarray(query_lengths)[:, None])[:, None, :, None]
    out = p @ np.repeat(v, q.shape[1] // v.shape[1], axis=1)
    return (out, p) if need_weights else out


def case(b, h, t, d, s=None, groups=None, width=None, seed=0, **options):
    """Arguments of attention with arrays drawn for them; what is named below is given by its shape."""
    rng = np.random.default_rng(seed)
    s, groups, width = s or t, groups or h, width or d
    made = {
        "q": rng.standard_normal((b, h, t, d)),
        "k": rng.standard_normal((b, groups, s, d)),
        "v": rng.standard_normal((b, groups, s, width)),
    }
    for name, shape in [(n, x) for n, x in options.items() if n in ("mask", "bias", "relative", "weight")]:
        options.pop(name)
        options["mask" if name == "bias" else name] = (
            rng.random(shape) < 0.5 if name == "mask" else rng.standard_normal(shape)
        )
    return made | options


def gradients(given, dtype, function=ops.attention, **more):
    """Gradients of all float arrays of a case, in the order of its entries, for a fixed gradient of the results."""
    rng = np.random.default_rng(1)
    given = {n: x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for n, x in given.items()}
    leaves = {
        n: Tensor(x, requires_grad=True) for n, x in given.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"
    }
    out = function(**(given | leaves), **more)
    outs = out if isinstance(out, tuple) else (out,)
    loss = sum((o * rng.standard_normal(o.shape).astype(dtype)).sum() for o in outs)
    loss.backward()
    return tuple(leaf.grad for leaf in leaves.values())
