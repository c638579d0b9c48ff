"""Heads on encoders: what they pool, what they leave out, the search for spans, and that they learn."""

import numpy as np
import pytest

import seqnn
from seqnn import nn, ops, optim, random, train
from seqnn.models import (
    BERT,
    GPT,
    T5,
    ClassificationHead,
    LanguageModelHead,
    SpanHead,
    TaggingHead,
    WithHead,
    best_spans,
    token_cross_entropy,
)

SMALL = {"d_model": 32, "nhead": 4, "num_layers": 1, "dropout": 0.0}


@pytest.fixture(autouse=True)
def one_thread():
    """These models are too small to share."""
    with seqnn.threads(1):
        yield


def x(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def ids(*shape, seed=0):
    return np.random.default_rng(seed).integers(4, 40, shape)


@pytest.mark.parametrize("pooling", ["first", "last", "mean", "max"])
def test_pooling(pooling):
    hidden, lengths = x(3, 5, 4), [5, 2, 1]
    head = ClassificationHead(4, 2, pooling=pooling, dense=False).eval()
    found = head(hidden, lengths).data
    take = {"first": lambda h: h[0], "last": lambda h: h[-1], "mean": lambda h: h.mean(0), "max": lambda h: h.max(0)}
    pooled = np.stack([take[pooling](h[:n]) for h, n in zip(hidden, lengths, strict=True)])
    np.testing.assert_allclose(found, pooled @ head.output.weight.data.T + head.output.bias.data, atol=1e-5)
    np.testing.assert_allclose(head(hidden).data, head(hidden, [5, 5, 5]).data)


def test_dense_is_the_pooler_of_bert():
    model, head = BERT(40, **SMALL).eval(), ClassificationHead(32, 3).eval()
    head.dense.load_state_dict(model.pooler.state_dict())
    hidden = model(ids(2, 5))
    np.testing.assert_allclose(head(hidden).data, head.output(model.pool(hidden)).data, atol=1e-6)


def test_language_model_head():
    hidden, table = x(2, 3, 8), nn.Parameter(x(20, 8, seed=1))
    head = LanguageModelHead(8, 20, bias=True).eval()
    np.testing.assert_allclose(head(hidden, table).data, hidden @ table.data.T, atol=1e-5)
    assert list(head.state_dict()) == ["bias"]
    own = LanguageModelHead(8, 20, tied=False, transform=True).eval()
    assert set(own.state_dict()) == {"dense.weight", "dense.bias", "norm.weight", "norm.bias", "weight"}
    inner = own.norm(ops.gelu(own.dense(hidden)))
    np.testing.assert_allclose(own(hidden).data, inner.data @ own.weight.data.T, atol=1e-5)


def test_spans_against_all_pairs():
    logits, allowed = x(6, 9, 2), np.random.default_rng(1).random((6, 9)) < 0.7
    allowed[:, 0] = True
    for most in (1, 3, 99):
        found = best_spans(logits, max_length=most, allowed=allowed)
        for row in range(6):
            pairs = [
                (logits[row, i, 0] + logits[row, j, 1], i, j)
                for i in range(9)
                for j in range(i, min(9, i + most))
                if allowed[row, i] and allowed[row, j]
            ]
            score, start, end = max(pairs)
            assert (found.start[row], found.end[row]) == (start, end)
            assert found.score[row] == pytest.approx(score, rel=1e-6)


def test_padding_is_no_answer():
    head = SpanHead(8).eval()
    logits = head(x(2, 6, 8), [6, 2])
    assert (logits.data[1, 2:] < -1e8).all() and (np.abs(logits.data[0]) < 10).all()
    assert best_spans(logits).end[1] < 2
    assert np.isfinite(ops.cross_entropy(logits, np.array([[0, 5], [1, 1]])).item())


@pytest.mark.parametrize("encoder", [BERT, GPT, T5])
def test_any_encoder(encoder):
    sizes = {"d_model": 32, "nhead": 4, "num_layers": 1}
    model = WithHead(encoder(40, **sizes), TaggingHead(32, 5)).eval()
    tokens, lengths = ids(2, 6), [6, 3]
    whole = model(tokens, lengths).data
    assert whole.shape == (2, 6, 5)
    np.testing.assert_allclose(whole[1, :3], model(tokens[1:, :3]).data[0], atol=2e-5)


def learn(head, loss, targets, tokens, lengths, epochs=60):
    with random.seeded(0):
        model = WithHead(BERT(40, max_positions=32, **SMALL), head)
        history = train.fit(
            model, loss, (tokens, lengths, targets), epochs, optim.AdamW(model.parameters(), lr=3e-3), verbose=0
        )
    return model, history["loss"][-1]


def test_they_learn():
    tokens, lengths = ids(48, 10), np.random.default_rng(1).integers(4, 11, 48)
    inside = np.arange(10) < lengths[:, None]
    threes = (tokens % 3).astype(np.int32)
    tags = np.where(inside, threes, -100)
    model, loss = learn(TaggingHead(32, 3, dropout=0.0), token_cross_entropy, tags, tokens, lengths)
    assert loss < 0.1
    assert train.accuracy(model(tokens, lengths).data, tags) > 0.98
    classes = tokens[:, 1] % 2
    _, loss = learn(ClassificationHead(32, 2, dropout=0.0), ops.cross_entropy, classes, tokens, lengths)
    assert loss < 0.1
    start = np.random.default_rng(2).integers(0, lengths - 1)
    marked = tokens.copy()
    marked[np.arange(48), start], marked[np.arange(48), start + 1] = 2, 3
    spans = np.stack([start, start + 1], axis=1)
    model, loss = learn(SpanHead(32), ops.cross_entropy, spans, marked, lengths)
    assert loss < 0.1
    found = best_spans(model(marked, lengths))
    np.testing.assert_array_equal(np.stack([found.start, found.end], axis=1), spans)


def test_bad_input():
    with pytest.raises(ValueError, match=r"pooling: expected one of .* got 'sum'"):
        ClassificationHead(4, 2, pooling="sum")
    with pytest.raises(ValueError, match=r"logits: expected shape \[B, T, 2\], got \(2, 3\)"):
        best_spans(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"allowed: expected booleans \[1, 3\], got int64 \[1, 3\]"):
        best_spans(np.zeros((1, 3, 2)), allowed=np.ones((1, 3), int))
    with pytest.raises(ValueError, match="allowed: sequence 1 has no position"):
        best_spans(np.zeros((2, 3, 2)), allowed=np.array([[True, False, True], [False] * 3]))
    with pytest.raises(ValueError, match="max_length: expected an integer >= 1, got 0"):
        best_spans(np.zeros((1, 3, 2)), max_length=0)
    with pytest.raises(ValueError, match=r"targets: expected shape \(2, 3\), one for each position"):
        LanguageModelHead(8, 20, tied=False)(x(2, 3, 8), None, np.zeros((2, 4), int))
