"""The decoder with attention in both orders, with each cell and score, against a loop in NumPy."""

import itertools

import numpy as np
import pytest
from harness import check_float32_gradients, check_gradient, check_op
from recurrent_reference import sigmoid

from seqnn import Tensor, nn, ops
from seqnn.autograd import no_grad

RNG = np.random.default_rng(0)
B, T, S, N, H, A, E, F = 4, 5, 6, 3, 7, 9, 5, 8
LENGTHS, SOURCES = [3, 5, 0, 4], [6, 2, 4, 0]
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
ORDERS = ["before", "after"]
KINDS = [
    *itertools.product(GATES, ORDERS, ["dot", "additive"]),
    *itertools.product(["gru"], ORDERS, ["scaled_dot", "cosine"]),
]


def step(cell, from_x, from_h, states):
    """The next states of one row, from both products with their biases."""
    if cell == "rnn":
        return (np.tanh(from_x + from_h),)
    if cell == "gru":
        n = len(states[0])
        r, z = sigmoid(from_x[:n] + from_h[:n]), sigmoid(from_x[n : 2 * n] + from_h[n : 2 * n])
        return ((1 - z) * np.tanh(from_x[2 * n :] + r * from_h[2 * n :]) + z * states[0],)
    i, f, g, o = np.split(from_x + from_h, 4)
    c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def reference(
    x, keys, values, h0, c0, feed0, weight_ih, weight_hh, bias_ih=0.0, bias_hh=0.0, weight_query=None, score_weight=None,
    weight_out=None, *, cell, order, score, scale=None, lengths=None, source_lengths=None,
):  # fmt: skip
    rows, steps, size = *x.shape[:2], weight_hh.shape[1]
    wide = values.shape[2] if order == "before" else len(weight_out)
    out, fed = np.zeros((rows, steps, size)), np.zeros((rows, steps, wide))
    weights, last = np.zeros((rows, steps, keys.shape[1])), []

    def attend(b, t, s):
        k = keys[b, : None if source_lengths is None else source_lengths[b]]
        if score == "additive":
            e = np.tanh(weight_query @ s + k) @ score_weight
        else:
            e = k @ s * {"scaled_dot": 1 / np.sqrt(size), "cosine": 1 / max(np.sqrt(s @ s), 1e-30)}.get(score, 1.0)
        e = e * scale / ({"scaled_dot": 1 / np.sqrt(size)}.get(score, 1.0)) if scale is not None else e
        if not len(k):
            return np.zeros(values.shape[2])
        p = np.exp(e - e.max())
        weights[b, t, : len(k)] = p / p.sum()
        return weights[b, t] @ values[b]

    for b in range(rows):
        states = [h0[b]] + ([c0[b]] if cell == "lstm" else [])
        feed = feed0[b] if feed0 is not None else np.zeros(wide)
        for t in range(steps if lengths is None else lengths[b]):
            if order == "before":
                feed = attend(b, t, states[0])
            from_x = weight_ih @ np.concatenate([x[b, t], feed]) + bias_ih
            states = step(cell, from_x, weight_hh @ states[0] + bias_hh, states)
            if order == "after":
                feed = np.tanh(weight_out @ np.concatenate([attend(b, t, states[0]), states[0]]))
            out[b, t], fed[b, t] = states[0], feed
        last.append(states)
    return out, fed, weights, *(np.stack(part) for part in zip(*last, strict=True))


def arrays(cell, order, score, batch=B, biases=True, sizes=(T, S, N, H, A, E, F)):
    rng = np.random.default_rng(3)
    T, S, N, H, A, E, F = sizes
    fed, gates, deep = E if order == "before" else F, GATES[cell] * H, A if score == "additive" else H
    shapes = {
        "x": (batch, T, N), "keys": (batch, S, deep), "values": (batch, S, E), "h0": (batch, H), "c0": (batch, H),
        "feed0": (batch, F), "weight_ih": (gates, N + fed), "weight_hh": (gates, H), "bias_ih": (gates,), "bias_hh": (gates,),
        "weight_query": (A, H), "score_weight": (A,), "weight_out": (F, E + H),
    }  # fmt: skip
    absent = {"c0"} if cell != "lstm" else set()
    absent |= {"feed0", "weight_out"} if order == "before" else set()
    absent |= {"weight_query", "score_weight"} if score != "additive" else set()
    absent |= set() if biases else {"bias_ih", "bias_hh"}
    return {name: None if name in absent else 0.7 * rng.standard_normal(shape) for name, shape in shapes.items()}


def without_none(given):
    """The arguments as the reference takes them."""
    return {k: v for k, v in given.items() if v is not None or k in ("c0", "feed0")}


@pytest.mark.parametrize(("cell", "order", "score"), KINDS)
def test_forward(cell, order, score):
    kind = {"cell": cell, "order": order, "score": score}
    cases = [
        arrays(cell, order, score) | kind,
        arrays(cell, order, score, biases=False)
        | kind
        | {"scale": 0.5, "lengths": np.array(LENGTHS), "source_lengths": np.array(SOURCES)},
    ]
    check_op(ops.attention_decoder, lambda **given: reference(**without_none(given)), cases)


def test_sizes_of_several_panels_and_blocks():
    sizes = {
        "x": (13, 7, 40),
        "keys": (13, 33, 70),
        "values": (13, 33, 150),
        "weight_ih": (450, 190),
        "weight_hh": (450, 150),
    }
    given = {name: 0.1 * RNG.standard_normal(shape) for name, shape in sizes.items()}
    given |= {"h0": RNG.standard_normal((13, 150)), "c0": None, "feed0": None}
    given |= {"weight_query": RNG.standard_normal((70, 150)), "score_weight": RNG.standard_normal(70)}
    kind = {"cell": "gru", "order": "before", "score": "additive", "lengths": RNG.integers(0, 8, 13)}
    check_op(ops.attention_decoder, lambda **all_given: reference(**without_none(all_given)), [given | kind])


@pytest.mark.parametrize(("cell", "order", "score"), KINDS)
def test_gradient(cell, order, score):
    given = arrays(cell, order, score, batch=3, sizes=(3, 4, 2, 3, 2, 2, 4))
    names = [name for name, array in given.items() if array is not None]

    def decode(*tensors):
        options = {"lengths": [2, 3, 0], "source_lengths": [4, 2, 3]}
        rest = dict.fromkeys(["c0", "feed0"])
        return ops.attention_decoder(
            **rest | dict(zip(names, tensors, strict=True)), cell=cell, order=order, score=score, **options
        )

    check_gradient(decode, *(given[name] for name in names))


def test_float32_gradients_of_any_team():
    def gradients(case, dtype):
        given = arrays(*case, batch=9)
        tensors = {
            name: None if array is None else Tensor(array.astype(dtype), requires_grad=True)
            for name, array in given.items()
        }
        lengths, sources = [5, 3, 0, 2, 5, 1, 4, 4, 5], [6, 5, 4, 3, 2, 1, 6, 0, 6]
        kind = dict(zip(("cell", "order", "score"), case, strict=True))
        out, fed, weights, *_ = ops.attention_decoder(**tensors, **kind, lengths=lengths, source_lengths=sources)
        ((out * out).sum() + fed.sum() + (weights * weights).sum()).backward()
        return [t.grad for t in tensors.values() if t is not None]

    check_float32_gradients(gradients, [("gru", "before", "additive"), ("lstm", "after", "dot")])


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("order", ["before", "after"])
def test_layers_of_nn_step_by_step_give_the_same(cell, order):
    """The pieces that the package has, composed in Python."""
    given = arrays(cell, order, "additive", batch=2)
    x, memory, wide = given["x"], given["values"], given["weight_ih"].shape[1]
    one = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}[cell](wide, H, dtype=np.float64)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(one, name).data[...] = given[name]
    attention = nn.Attention(H, E, A, dtype=np.float64)
    attention.query_proj.weight.data[...] = given["weight_query"]
    attention.score_weight.data[...] = given["score_weight"]
    outs, feds = [], []
    with no_grad():
        keys = attention.project_keys(memory)
        state = (given["h0"], given["c0"]) if cell == "lstm" else given["h0"]
        feed = given["feed0"]
        for t in range(T):
            h = state[0] if cell == "lstm" else state
            if order == "before":
                feed = attention(h, keys, memory, projected=True)
            state = one(ops.concatenate([x[:, t], feed], axis=1), state)
            h = state[0] if cell == "lstm" else state
            if order == "after":
                context = attention(h, keys, memory, projected=True)
                feed = np.tanh(np.concatenate([np.asarray(context), np.asarray(h)], axis=1) @ given["weight_out"].T)
            outs.append(np.asarray(h))
            feds.append(np.asarray(feed))
    out, fed, *_ = ops.attention_decoder(**given | {"keys": np.asarray(keys)}, cell=cell, order=order)
    np.testing.assert_allclose(out, np.stack(outs, 1), atol=1e-12)
    np.testing.assert_allclose(fed, np.stack(feds, 1), atol=1e-12)


def test_steps_one_by_one_give_what_all_at_once_give():
    given = arrays("lstm", "after", "scaled_dot")
    kind = {"cell": "lstm", "order": "after", "score": "scaled_dot", "source_lengths": SOURCES}
    whole, fed, weights, h, c = ops.attention_decoder(**given, **kind)
    state = given["h0"], given["c0"], given["feed0"]
    for t in range(T):
        now = given | dict(zip(("h0", "c0", "feed0"), state, strict=True)) | {"x": given["x"][:, t : t + 1]}
        out, after, seen, *last = ops.attention_decoder(**now, **kind)
        state = (*last, after[:, 0])
        for mine, other in ((out, whole), (after, fed), (seen, weights)):
            np.testing.assert_allclose(mine[:, 0], other[:, t], atol=1e-13)
    np.testing.assert_allclose(state[0], h, atol=1e-13)
    np.testing.assert_allclose(state[1], c, atol=1e-13)


def test_no_rows_no_steps_and_no_source_are_legal():
    for batch, steps, source in ((0, 3, 4), (2, 0, 4), (2, 3, 0)):
        given = arrays("gru", "before", "dot", batch=batch)
        given |= {"x": given["x"][:, :steps], "keys": given["keys"][:, :source], "values": given["values"][:, :source]}
        tensors = {k: None if v is None else Tensor(v, requires_grad=True) for k, v in given.items()}
        out, fed, weights, h = ops.attention_decoder(**tensors, cell="gru", order="before", score="dot")
        assert out.shape == (batch, steps, H)
        assert fed.shape == (batch, steps, E)
        assert weights.shape == (batch, steps, source)
        (out.sum() + h.sum()).backward()
        assert all(np.isfinite(t.grad).all() for t in tensors.values() if t is not None)
        if not source:
            assert not fed.numpy().any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cell": "stlm"}, "cell must be one of"),
        ({"order": "between"}, "order must be one of"),
        ({"score": "general"}, "score must be one of"),
        ({"score": "dot"}, "score_weight and weight_query go with the score 'additive'"),
        ({"lengths": [6, 1, 1, 1]}, "lengths lie in"),
        ({"source_lengths": [7, 1, 1, 1]}, "source_lengths lie in"),
        ({"feed0": np.ones((B, F))}, "feed0 is for the order 'after'"),
        ({"c0": np.ones((B, H))}, "c0 is for the cell 'lstm'"),
        ({"weight_out": np.ones((F, E + H))}, "weight_out goes with the order 'after'"),
        ({"weight_ih": np.ones((3 * H, N))}, "weight_ih has shape"),
        ({"keys": np.ones((B, S + 1, A))}, "expected keys"),
        ({"weight_query": np.ones((A, H + 1))}, "weight_query"),
    ],
)
def test_bad_input(wrong, message):
    given = arrays("gru", "before", "additive") | {"cell": "gru", "order": "before", "score": "additive"}
    with pytest.raises(ValueError, match=message):
        ops.attention_decoder(**given | wrong)
