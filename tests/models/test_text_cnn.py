"""The network against a NumPy reference; the classifier on sentences where a pair of words decides."""

import itertools

import numpy as np
import pytest

from seqnn import KeyedVectors
from seqnn.models import TextCNN, TextCNNClassifier

NOUNS, GOOD, BAD = ["film", "plot", "cast"], ["fine", "great"], ["dull", "awful"]
TEXTS = [f"the {n} is {neg}{a}" for n, a, neg in itertools.product(NOUNS, GOOD + BAD, ["", "not "])] * 8
LABELS = [(t.split()[-1] in GOOD) != ("not" in t) for t in TEXTS]


def reference(model, ids):
    x = model.embedding.weight.data[ids]
    pooled = []
    for c in model.convolutions.children():
        w, b = c.weight.data, c.bias.data  # [filters, D, width]
        places = range(x.shape[1] - w.shape[2] + 1)
        h = np.stack([np.einsum("nwd,fdw->nf", x[:, t : t + w.shape[2]], w) + b for t in places])
        pooled.append(np.maximum(h, 0).max(axis=0))
    return np.concatenate(pooled, axis=1) @ model.output.weight.data.T + model.output.bias.data


def test_network():
    model = TextCNN(20, 3, embedding_size=6, widths=(2, 3), filters=4).eval()
    ids = np.random.default_rng(0).integers(1, 20, (5, 7)).astype(np.int32)
    np.testing.assert_allclose(model(ids).numpy(), reference(model, ids), rtol=1e-4, atol=1e-6)
    padded = np.concatenate([ids, np.zeros((5, 3), np.int32)], axis=1)
    np.testing.assert_allclose(model(padded).numpy(), reference(model, ids), rtol=1e-4, atol=1e-6)
    assert not model.embedding.weight.data[0].any()


def test_vectors_given_and_static():
    vectors = np.arange(12.0).reshape(4, 3)
    model = TextCNN(4, 2, embedding_size=3, vectors=vectors, static=True)
    np.testing.assert_array_equal(model.embedding.weight.data[1:], vectors[1:])
    assert not model.embedding.weight.requires_grad
    with pytest.raises(ValueError, match=r"vectors: expected .* = \[5, 3\], got \[4, 3\]"):
        TextCNN(5, 2, embedding_size=3, vectors=vectors)


@pytest.fixture(name="fitted", scope="module")
def classifier():
    model = TextCNNClassifier(
        filters=12, embedding_size=16, widths=(2, 3), learning_rate=0.02, max_iter=25, random_state=3
    )
    return model.fit(TEXTS, LABELS)


def test_classifier_learns_negation(fitted):
    assert fitted.score(TEXTS, LABELS) > 0.95
    p = fitted.predict_proba(["the film is great", "never seen word", ""])
    assert p.shape == (3, 2) and np.isfinite(p).all()


def test_prediction_does_not_depend_on_the_batch(fitted):
    alone = fitted.predict_proba([TEXTS[0]])
    np.testing.assert_allclose(fitted.predict_proba(TEXTS[:5])[0], alone[0], rtol=1e-5)


def test_pretrained_vectors():
    wv = KeyedVectors.from_arrays(["film", "great"], np.full((2, 8), 0.1, np.float32))
    model = TextCNNClassifier(filters=2, embedding_size=8, max_iter=1, learning_rate=0.0, weight_decay=0.0)
    model.set_params(embedding=wv).fit(TEXTS, LABELS)
    np.testing.assert_allclose(model.model_.embedding.weight.data[model.vocabulary_.index["film"]], 0.1)
    assert TextCNNClassifier(max_iter=1, embedding=wv).fit(TEXTS, LABELS).model_.embedding.weight.shape[1] == 8


def test_bad_input():
    with pytest.raises(TypeError, match="got one string"):
        TextCNNClassifier().fit("text", [1])
    with pytest.raises(ValueError, match="y: expected one label"):
        TextCNNClassifier().fit(["a", "b"], [1])
    with pytest.raises(RuntimeError, match="call fit first"):
        TextCNNClassifier().predict(["a"])
