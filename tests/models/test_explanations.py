"""Classifiers of texts by every reader and pooling, and which words speak for their answers."""

from functools import partial

import numpy as np
import pytest

from seqnn import autograd, random
from seqnn.models import ClassificationHead, Explanation, ManyToOne, SequenceClassifier, TextCNN, TextCNNClassifier
from seqnn.models._encoders import encoders
from seqnn.models._explanation import odds_by_input
from seqnn.models._pooling import POOLINGS, Pooling

draw = np.random.default_rng(0)
FILLER = [f"w{i}" for i in range(8)]


def text(label):
    """Some words of which one says the label."""
    words = list(draw.choice(FILLER, int(draw.integers(3, 8))))
    words[int(draw.integers(len(words)))] = label
    return " ".join(words)


LABELS = ["good" if i % 2 else "bad" for i in range(80)]
TEXTS = [text(label) for label in LABELS]
SMALL = {"hidden_size": 8, "embedding_size": 8, "max_iter": 25, "learning_rate": 0.02}


@pytest.mark.parametrize("pooling", [None, "last", "mean", "max", "attention"])
@pytest.mark.parametrize("cell", ["gru", "cnn", "transformer"])
def test_every_reader_learns_with_every_pooling_and_its_explanation_names_the_word(cell, pooling):
    model = SequenceClassifier(**SMALL | {"max_iter": 30}, cell=cell, pooling=pooling, bidirectional=cell == "gru")
    model.fit(TEXTS[:70], LABELS[:70])
    learns = pooling != "last" or cell == "gru"  # the last step of a convolution sees two words
    if learns:
        assert model.score(TEXTS[70:], LABELS[70:]) == 1
        explained = model.explain(TEXTS[70:], method="integrated")
        assert sum(one.top(1)[0][0] == label for one, label in zip(explained, LABELS[70:], strict=True)) >= 8


@pytest.mark.parametrize("cell", encoders())
def test_readers_ignore_the_padding(cell):
    model = ManyToOne(3, 2, hidden_size=8, cell=cell, num_layers=2, pooling="attention").eval()
    x = draw.standard_normal((3, 6, 3)).astype(np.float32)
    lengths = np.array([6, 2, 4])
    together = model(x, lengths).numpy()
    x[1, 2:], x[2, 4:] = 1e3, -1e3
    np.testing.assert_allclose(model(x, lengths).numpy(), together, atol=1e-5)
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(model(x[row : row + 1, :length]).numpy()[0], together[row], atol=1e-5)


def test_dropout_of_the_embedding_is_of_training_alone_and_reaches_every_number_that_is_read():
    with random.seeded(0):
        model = ManyToOne(3, 2, hidden_size=8, embedding_dropout=1.0)
    x, nothing = np.ones((2, 4, 3), np.float32), np.zeros((2, 4, 3), np.float32)
    np.testing.assert_array_equal(model.train()(x).numpy(), model(nothing).numpy())
    assert (model.eval()(x).numpy() != model(nothing).numpy()).all()


def test_a_classifier_with_dropout_of_the_embedding_learns_and_is_saved_with_it(tmp_path):
    model = SequenceClassifier(**SMALL, pooling="max", embedding_dropout=0.3).fit(TEXTS[:70], LABELS[:70])
    assert model.score(TEXTS[70:], LABELS[70:]) == 1
    model.save(tmp_path / "model")
    loaded = SequenceClassifier.load(tmp_path / "model")
    assert loaded.embedding_dropout == 0.3 and loaded.model_.embedding_dropout.p == 0.3
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), model.predict_proba(TEXTS))


def test_pooling_by_attention_is_a_mean_with_weights():
    layer, hidden = Pooling("attention", 4), autograd.Tensor(draw.standard_normal((2, 5, 4)).astype(np.float32))
    weights = layer.weights(hidden, [5, 2]).numpy()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    assert (weights[1, 2:] == 0).all()
    expected = (hidden.numpy() * weights[:, :, None]).sum(axis=1)
    np.testing.assert_allclose(layer(hidden, [5, 2]).numpy(), expected, atol=1e-6)
    assert ClassificationHead(4, 3, pooling="attention")(hidden, [5, 2]).shape == (2, 3) and "attention" in POOLINGS


def test_gradient_times_input_is_that_of_the_log_odds_and_integrated_it_adds_up_to_them():
    model = ManyToOne(3, 4, hidden_size=8, cell="gru").eval().to(np.float64)
    x, lengths, classes = draw.standard_normal((2, 5, 3)), np.array([5, 3]), np.array([1, 2])
    found = odds_by_input(model, partial(model.answer, lengths=lengths), x, classes, 1)

    def odds(x):
        logits = model.answer(x, lengths).numpy()
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        own = shares[np.arange(2), classes]
        return np.log(own / (1 - own))

    for t in range(5):
        step = np.zeros_like(x)
        step[:, t] = 1e-6 * x[:, t]
        np.testing.assert_allclose(found[:, t], (odds(x + step) - odds(x - step)) / 2e-6, atol=1e-7)
    whole = odds_by_input(model, partial(model.answer, lengths=lengths), x, classes, 200).sum(axis=1)
    np.testing.assert_allclose(whole, odds(x) - odds(0 * x), atol=1e-4)
    assert (found[1, 3:] == 0).all() and all(parameter.requires_grad for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_text_cnn_explains_itself_too():
    model = TextCNNClassifier(
        filters=8, embedding_size=12, widths=(1, 2), learning_rate=0.02, max_length=9, batch_size=8
    )
    model.fit(TEXTS[:70], LABELS[:70])
    for method in ("gradient", "integrated"):
        explained = model.explain(TEXTS[70:], method=method)
        assert sum(one.top(1)[0][0] == label for one, label in zip(explained, LABELS[70:], strict=True)) >= 8
        assert [one.label for one in explained] == model.predict(TEXTS[70:]).tolist()
    empty, word, long = model.explain(["", "good", "good " + "w1 " * 20])
    assert (len(empty.weights), len(word.weights), len(long.weights)) == (0, 1, 9)
    against = model.explain(["w1 good"], label="bad")[0]
    np.testing.assert_allclose(
        against.weights, -model.explain(["w1 good"], label="good")[0].weights, rtol=1e-4, atol=1e-6
    )
    for X, options, message in (
        (["w1"], {"method": "attention"}, "method: expected 'gradient' or 'integrated', got 'attention'"),
        (["w1"], {"label": "ugly"}, "label: expected one of .*'bad', 'good'.*, got 'ugly'"),
    ):
        with pytest.raises(ValueError, match=message):
            model.explain(X, **options)
    with pytest.raises(TypeError, match="expected strings or lists of tokens, got numbers"):
        model.explain([[1.0, 2.0]])


def test_the_log_odds_of_a_text_cnn_are_what_its_words_add_up_to():
    model = TextCNN(20, 3, embedding_size=4, widths=(2, 3), filters=5).eval().to(np.float64)
    ids = draw.integers(1, 20, (2, 6))
    ids[1, 4:] = 0
    lengths, classes = np.array([6, 4]), np.array([2, 0])
    embedded = model.embedding(ids).numpy()
    np.testing.assert_array_equal(model.answer(embedded, lengths).numpy(), model(ids).numpy())
    found = odds_by_input(model, partial(model.answer, lengths=lengths), embedded, classes, 400)

    def odds(x):
        logits = model.answer(x, lengths).numpy()
        own = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))[np.arange(2), classes]
        return np.log(own / (1 - own))

    np.testing.assert_allclose(found.sum(axis=1), odds(embedded) - odds(0 * embedded), atol=1e-3)
    assert (found[1, 4:] == 0).all()


def test_explanations_read_as_text_and_in_notebooks():
    model = SequenceClassifier(**SMALL, cell="gru", pooling="attention").fit(TEXTS, LABELS)
    one, other = model.explain(["w1 good <w2>", ["w1", "bad"]])
    assert list(one.tokens) == ["w1", "good", "<w2>"] and one.label == "good" and one.probability > 0.9
    assert str(one).startswith(f"good ({one.probability:.2f}): w1 ") and other.label == "bad"
    assert "&lt;w2&gt;" in one._repr_html_() and "rgba(0,114,178,0.60)" in one._repr_html_()
    against = model.explain(["w1 good"], label="bad")[0]
    np.testing.assert_allclose(against.weights, -model.explain(["w1 good"])[0].weights, rtol=1e-4, atol=1e-6)
    attended = model.explain(["w1 good w2", "bad"], method="attention")
    assert attended[0].weights.sum() == pytest.approx(1, rel=1e-5) and attended[1].weights.tolist() == [1]
    assert (
        Explanation([], np.zeros(0), "x", 1.0).top() == []
        and "x" in Explanation([], np.zeros(0), "x", 1.0)._repr_html_()
    )


def test_bad_input():
    model = SequenceClassifier(**SMALL | {"max_iter": 1}).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="method: expected 'gradient', 'integrated' or 'attention', got 'lime'"):
        model.explain(TEXTS, method="lime")
    with pytest.raises(ValueError, match="method: 'attention' needs a model with pooling='attention'"):
        model.explain(TEXTS, method="attention")
    with pytest.raises(ValueError, match=r"label: expected one of \['bad', 'good'\], got 'fine'"):
        model.explain(TEXTS, label="fine")
    with pytest.raises(ValueError, match="count: expected an integer >= 0, got -1"):
        model.explain(TEXTS)[0].top(-1)
    numbers = SequenceClassifier(**SMALL | {"max_iter": 1}).fit([np.ones((3, 2)), np.zeros((2, 2))] * 5, [0, 1] * 5)
    with pytest.raises(TypeError, match="X: expected strings or lists of tokens, got numbers"):
        numbers.explain([np.ones((3, 2))])
    with pytest.raises(ValueError, match="pooling: expected one of"):
        ManyToOne(3, 2, pooling="sum")
    with pytest.raises(ValueError, match="embedding_dropout: expected a finite number >= 0 and <= 1, got 2"):
        SequenceClassifier(embedding_dropout=2).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="Dropout: p must be a probability, got -1"):
        ManyToOne(3, 2, embedding_dropout=-1)
