"""A small corpus with a known structure, for the tests of the embeddings; and when two models are the same."""

import numpy as np

SMALL = {"vector_size": 20, "sample": 0, "min_count": 1, "verbose": 0}


def two_topics(sentences=1500, seed=0):
    """Sentences of ten words, each from one of two topics with 10 words."""
    rng = np.random.default_rng(seed)
    topics = [[f"{topic}{i}" for i in range(10)] for topic in "ab"]
    return [[topics[s % 2][i] for i in rng.integers(0, 10, 10)] for s in range(sentences)]


def same_model(one, other):
    assert one.wv.index_to_key == other.wv.index_to_key
    for a, b in zip(one._trained_arrays(), other._trained_arrays(), strict=True):
        np.testing.assert_array_equal(a[:, : one.vector_size], b[:, : one.vector_size])
    losses, others = ([entry["loss"] for entry in model.history_] for model in (one, other))
    np.testing.assert_allclose(losses, others, rtol=1e-12)  # summed in other portions
    for name in ("epoch", "examples", "words", "alpha"):
        assert [entry[name] for entry in one.history_] == [entry[name] for entry in other.history_]
