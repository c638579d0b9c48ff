"""The decoder layer: its scores are those of `nn.Attention`, calls go on where the last one ended, and bad input."""

import numpy as np
import pytest

from seqnn import nn, ops
from seqnn.autograd import no_grad

RNG = np.random.default_rng(0)
X, MEMORY = RNG.standard_normal((3, 4, 5)), RNG.standard_normal((3, 6, 7))
SCORES = ("additive", "general", "dot", "scaled_dot", "cosine")


@pytest.mark.parametrize("score", SCORES)
def test_a_score_is_that_of_the_attention_layer(score):
    decoder = nn.AttentionDecoder(5, 7, 7, score=score, order="after", cell="rnn", dtype=np.float64)
    attention = nn.Attention(7, 7, score=score, dtype=np.float64)
    if score == "additive":
        attention.load_state_dict({
            "query_proj.weight": decoder.query_proj.weight.data, "key_proj.weight": decoder.key_proj.weight.data,
            "score_weight": decoder.score_weight.data,
        })  # fmt: skip
    elif score == "general":
        attention.load_state_dict({"weight": decoder.key_proj.weight.data})
    with no_grad():
        _, (h, _), weights = decoder(X[:, :1], MEMORY, memory_lengths=[6, 2, 4])
        _, expected = attention(h, MEMORY, lengths=[6, 2, 4], need_weights=True)
    np.testing.assert_allclose(weights.numpy()[:, 0], expected.numpy(), atol=1e-12)


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_second_call_goes_on_where_the_first_ended(cell, order):
    decoder = nn.AttentionDecoder(5, 8, 7, cell=cell, order=order, dtype=np.float64)
    with no_grad():
        whole = decoder(X, MEMORY)
        first = decoder(X[:, :1], MEMORY, keys=decoder.project_keys(MEMORY))
        rest = decoder(X[:, 1:], MEMORY, first.state)
    np.testing.assert_allclose(
        np.concatenate([first.out.numpy(), rest.out.numpy()], axis=1), whole.out.numpy(), atol=1e-12
    )
    for mine, other in zip(rest.state, whole.state, strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(other), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("score", ["additive", "general", "dot"])
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_packed_weights_change_no_bit(cell, order, score, dtype):
    decoder = nn.AttentionDecoder(5, 17, 17, cell=cell, order=order, score=score, dtype=dtype)
    x, memory = X.astype(dtype), RNG.standard_normal((3, 6, 17)).astype(dtype)
    packed = decoder.pack_weights()
    with no_grad():
        plain, ready = (decoder(x, memory, memory_lengths=[6, 2, 0], packed=given) for given in (None, packed))
    for ours, expected in zip((*ready[:1], *ready.state), (*plain[:1], *plain.state), strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(expected))


def test_packed_weights_of_another_decoder_are_refused():
    decoder = nn.AttentionDecoder(5, 8, 7)
    others = [
        nn.AttentionDecoder(6, 8, 7), nn.AttentionDecoder(5, 9, 7), nn.AttentionDecoder(5, 8, 6),
        nn.AttentionDecoder(5, 8, 7, cell="lstm"), nn.AttentionDecoder(5, 8, 7, order="after"),
        nn.AttentionDecoder(5, 8, 7, score="general"), nn.AttentionDecoder(5, 8, 7, attention_size=3),
    ]  # fmt: skip
    for packed in (*(other.pack_weights() for other in others), decoder.pack_weights()[:40]):
        with pytest.raises(ValueError, match="packed was not made from weights of this shape and dtype"):
            decoder(X.astype(np.float32), MEMORY.astype(np.float32), packed=packed)


def test_the_state_of_a_sequence_is_that_after_its_last_step():
    decoder = nn.AttentionDecoder(5, 8, 7, order="after", dtype=np.float64)
    start = (RNG.standard_normal((3, 8)), RNG.standard_normal((3, 8)))
    with no_grad():
        out, (h, fed), _ = decoder(X, MEMORY, start, lengths=[2, 0, 4])
        short = decoder(X[:1, :2], MEMORY[:1], tuple(part[:1] for part in start))
    np.testing.assert_allclose(fed.numpy()[0], short.state[1].numpy()[0], atol=1e-12)
    np.testing.assert_allclose(fed.numpy()[1], start[1][1])
    np.testing.assert_allclose(h.numpy()[1], start[0][1])
    np.testing.assert_allclose(fed.numpy()[2], out.numpy()[2, -1])
    assert not out.numpy()[0, 2:].any()


def test_all_parameters_get_gradients():
    for order in ("before", "after"):
        decoder = nn.AttentionDecoder(5, 8, 7, cell="lstm", order=order)
        decoder.set_forget_bias()
        assert decoder.bias_ih.data[8:16].tolist() == [1.0] * 8
        out, state, _ = decoder(X.astype(np.float32), MEMORY.astype(np.float32))
        (ops.sum(out * out) + sum(part.sum() for part in state)).backward()
        assert all(np.abs(p.grad).max() > 0 for p in decoder.parameters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "stlm"}, "cell: expected one of 'rnn', 'gru', 'lstm', got 'stlm'"),
        ({"order": "both"}, "order: expected one of"),
        ({"score": "luong"}, "score: expected one of"),
        ({"score": "dot"}, "needs memory_size = hidden_size, got 7 and 8"),
        ({"score": "general", "attention_size": 4}, "attention_size is for the score 'additive'"),
        ({"attention_size": 0}, "attention_size"),
    ],
)
def test_bad_settings(arguments, message):
    with pytest.raises(ValueError, match=message):
        nn.AttentionDecoder(5, 8, 7, **arguments)


def test_no_sequences_give_states_of_none():
    decoder = nn.AttentionDecoder(5, 8, 7, order="after", dtype=np.float64)
    out, state, weights = decoder(X[:0], MEMORY[:0], lengths=[], memory_lengths=[])
    assert out.shape == (0, X.shape[1], 8) and weights.shape[0] == 0
    assert [part.shape for part in state] == [(0, 8), (0, 8)]


def test_bad_calls():
    decoder = nn.AttentionDecoder(5, 8, 7, dtype=np.float64)
    for x, memory, options, message in (
        (X[:, 0], MEMORY, {}, r"x has shape .*expected \[batch, steps, 5\]"),
        (X, MEMORY[:, :, :3], {}, r"memory has shape .*expected \[batch, steps, 7\]"),
        (X, MEMORY[:2], {}, "expected keys"),
        (X, MEMORY, {"state": (X[:, 0], X[:, 0])}, "state has 2 parts, expected 1"),
        (X, MEMORY, {"state": (X[:, 0],)}, r"state has a part of shape \(3, 5\), expected \(3, 8\)"),
        (X, MEMORY, {"memory_lengths": [7, 1, 1]}, "source_lengths lie in"),
        (X, MEMORY, {"lengths": [5, 1, 1]}, "lengths lie in"),
        (X, MEMORY, {"keys": MEMORY}, "keys have 7 numbers, expected as many as score_weight"),
    ):
        with pytest.raises(ValueError, match=message):
            decoder(x, memory, **options)
