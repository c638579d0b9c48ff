"""A recurrent decoder with attention over whole target sequences."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .. import _core
from .._layouts import make_room
from ..autograd import Needs, op
from ._recurrent import as_lengths, as_steps, call, check_name, last_axis
from ._types import Array, Backward

_GATES = {"rnn": 1, "gru": 3, "lstm": 4}
_SCORES = ("dot", "scaled_dot", "cosine", "additive")


@op
def attention_decoder(
    x: Array,
    keys: Array,
    values: Array,
    h0: Array | None,
    c0: Array | None,
    feed0: Array | None,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | None = None,
    bias_hh: Array | None = None,
    weight_query: Array | None = None,
    score_weight: Array | None = None,
    weight_out: Array | None = None,
    *,
    cell: str = "gru",
    order: str = "before",
    score: str = "additive",
    scale: float | None = None,
    lengths: npt.ArrayLike | None = None,
    source_lengths: npt.ArrayLike | None = None,
    packed: Array | None = None,
    needs: Needs,
) -> tuple[tuple[Array, ...], Backward]:
    """Run a recurrent decoder that attends to a source at each step, over inputs that are known (teacher forcing).

    All steps are one call forward and one backward. With s_t for h of step t and [;] for numbers side by side, the orders are

        "before":  c_t = attention(s_{t-1}),  s_t = cell([x_t; c_t], s_{t-1});
        "after":   s_t = cell([x_t; a_{t-1}], s_{t-1}),  a_t = tanh(W_out [attention(s_t); s_t]).

    attention(s) is the mean of a source's values, weighted by the softmax over its positions j of scale times

        "dot", "scaled_dot":  s . k_j, where scaled_dot's scale is 1/sqrt(H);
        "cosine":             s . k_j / |s|, where the keys are expected at length 1;
        "additive":           v . tanh(W_query s + k_j), where the keys are projected already.

    Luong's general score s^T W k is "dot" with the keys k W^T.

    Args:
        x: the inputs, [B, T, I]: vectors of the target before each step.
        keys: [B, S, A]; A is H except for the additive score.
        values: [B, S, E].
        h0: h before the first step, [B, H], or None for zeros.
        c0: c before the first step, [B, H], or None for zeros; of the cell "lstm" only.
        feed0: a before the first step, [B, F], or None for zeros; of the order "after" only.
        weight_ih: [gates H, I + F], as that of the recurrent layer with inputs [x_t; c_t] (F = E) or [x_t; a_{t-1}].
        weight_hh: [gates H, H].
        bias_ih, bias_hh: [gates H] each, or None.
        weight_query: W_query of the additive score, [A, H].
        score_weight: v of the additive score, [A].
        weight_out: W_out of the order "after", [F, E + H].
        cell: "rnn" (tanh), "gru" (form "pytorch") or "lstm".
        order: "before" or "after".
        score: "dot", "scaled_dot", "cosine" or "additive".
        scale: what the scores are multiplied by; default: 1, of "scaled_dot" 1/sqrt(H).
        lengths: of the targets, [B] integers in [0, T]: steps from there on are zero in the results. None means T for all.
        source_lengths: of the sources, [B] integers in [0, S]: positions from there on do not count. None means S for all.
        packed: what `_core.attention_decoder_pack` returned for weights that do not change, or None.

    Returns:
        (out, fed, weights, h), and c of the cell "lstm": s of every step [B, T, H], what each step feeds (c_t or a_t)
        [B, T, F], the weights [B, T, S], and the states after each sequence's last step. A source of length 0 gives zeros.

    Raises:
        ValueError: for shapes that do not agree, unknown names, lengths out of range, and weights that the score or the
            order does not have.
        TypeError: for kinds of numbers that do not go together.

    Sources: Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015;
    Luong, Pham, Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015.

    >>> import numpy as np
    >>> from seqnn import ops
    >>> x, memory, wide = np.ones((2, 3, 4)), np.ones((2, 5, 6)), np.ones((18, 10))
    >>> out, context, weights, h = ops.attention_decoder(x, memory, memory, None, None, None, wide, wide[:, :6], score="dot")
    >>> out.shape, context.shape, weights[0, 0].tolist()
    ((2, 3, 6), (2, 3, 6), [0.2, 0.2, 0.2, 0.2, 0.2])
    """
    name = "attention_decoder"
    for argument, given, known in (
        ("cell", cell, _core.attention_decoder.cell),
        ("order", order, _core.attention_decoder.order),
        ("score", score, _SCORES),
    ):
        check_name(name, argument, given, known)
    size = last_axis(name, "weight_hh", weight_hh)
    x = as_steps(name, x, {"weight_ih": weight_ih}, True)
    steps, rows, inputs = x.shape
    _check(x, keys, values, weight_ih, score_weight, weight_out, size, cell, order, score, c0, feed0)
    wide = weight_ih.shape[1] - inputs
    counts, total = as_lengths(name, lengths, steps, rows)
    sources, _ = as_lengths(
        name, source_lengths, keys.shape[1], rows, "source_lengths", "the number of positions of keys"
    )
    unit = {"scaled_dot": 1 / math.sqrt(max(size, 1)), "cosine": 1 / math.sqrt(max(size, 1))}.get(score, 1.0)
    factor = unit if scale is None else scale * (unit if score == "cosine" else 1)
    zeros = np.zeros((rows, size), x.dtype)
    h0, c0 = zeros if h0 is None else h0, (zeros if c0 is None else c0) if cell == "lstm" else None
    out, fed = make_room(x, size, True), make_room(x, wide, True)
    shared = {
        "x": x, "keys": keys, "values": values, "h0": h0, "c0": c0, "weight_ih": weight_ih,
        "weight_hh": weight_hh, "weight_query": weight_query,
        "score_weight": score_weight, "weight_out": weight_out, "cell": cell, "order": order,
        "score": score.removeprefix("scaled_"), "scale": factor, "lengths": counts, "source_lengths": sources,
        "out": out, "fed": fed,
    }  # fmt: skip
    for option in ("cell", "order", "score"):
        shared[option] = getattr(_core.attention_decoder, option).index(shared[option])
    saves = ["gates", "h_before", "feeds"] if any(needs) else []
    if saves:
        saves += ["cells"] * (cell == "lstm") + ["queries"] * ("dot" not in score) + ["joined"] * (order == "after")
    done = call(
        name, _core.attention_decoder_forward, **shared, feed0=feed0, bias_ih=bias_ih, bias_hh=bias_hh, rows=total, packed=packed,
        columns=size * (1 if cell == "rnn" else 4), **dict.fromkeys([*saves, *["c_last"] * (cell == "lstm")], True),
    )  # fmt: skip
    saved = {key: getattr(done, key) for key in [*saves, "weights"]}
    states = (done.h_last, done.c_last) if cell == "lstm" else (done.h_last,)

    def backward(grads: tuple[Array | None, ...]) -> dict[str, Array | None]:
        grad_x = make_room(x, inputs, True) if needs.x else None
        names = (
            "keys", "values", "h0", "c0", "feed0", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_query",
            "score_weight", "weight_out",
        )  # fmt: skip
        steps_first = (None if grad is None else grad.swapaxes(0, 1) for grad in grads[:2])
        given = dict(zip(("grad_out", "grad_fed"), steps_first, strict=True))
        given |= dict(zip(("grad_weights", "grad_h_last", "grad_c_last"), grads[2:], strict=False))
        found = call(
            name, _core.attention_decoder_backward, **given, **shared, **saved, grad_x=grad_x,
            **{f"grad_{key}": getattr(needs, key) for key in names},
        )  # fmt: skip
        results = {key: getattr(found, f"grad_{key}") for key in names}
        return results | {"x": None if grad_x is None else grad_x.swapaxes(0, 1)}

    return (out.swapaxes(0, 1), fed.swapaxes(0, 1), done.weights, *states), backward


def _check(
    x: Array, keys: Array, values: Array, weight_ih: Array, score_weight: Array | None, weight_out: Array | None,
    size: int, cell: str, order: str, score: str, c0: Array | None, feed0: Array | None,
) -> None:  # fmt: skip
    """Raise a ValueError for shapes and weights that do not go together, where the kernel would say it in its own names."""
    _, rows, inputs = x.shape
    if np.ndim(keys) != 3 or np.ndim(values) != 3 or np.shape(keys)[:2] != np.shape(values)[:2] or len(keys) != rows:
        raise ValueError(
            f"attention_decoder: expected keys [{rows}, S, A] and values [{rows}, S, E], got shapes {np.shape(keys)} and "
            f"{np.shape(values)}"
        )
    fed = values.shape[2] if order == "before" else len(weight_out) if weight_out is not None else 0
    if np.shape(weight_ih) != (_GATES[cell] * size, inputs + fed):
        raise ValueError(
            f"attention_decoder: weight_ih has shape {np.shape(weight_ih)}, expected {(_GATES[cell] * size, inputs + fed)}: "
            f"{_GATES[cell]} * {size} rows, {inputs} numbers of x and {fed} that are fed"
        )
    if (score_weight is None) == (score == "additive"):
        raise ValueError(
            "attention_decoder: score_weight and weight_query go with the score 'additive', and only with it"
        )
    if (weight_out is None) == (order == "after"):
        raise ValueError("attention_decoder: weight_out goes with the order 'after', and only with it")
    if score == "additive" and np.shape(score_weight) != keys.shape[2:]:
        raise ValueError(
            f"attention_decoder: keys have {keys.shape[2]} numbers, expected as many as score_weight, which has shape "
            f"{np.shape(score_weight)}"
        )
    if score != "additive" and keys.shape[2] != size:
        raise ValueError(f"attention_decoder: keys have {keys.shape[2]} numbers, score={score!r} needs {size} as h has")
    if c0 is not None and cell != "lstm":
        raise ValueError(f"attention_decoder: c0 is for the cell 'lstm', not for {cell!r}")
    if feed0 is not None and order != "after":
        raise ValueError("attention_decoder: feed0 is for the order 'after'")
