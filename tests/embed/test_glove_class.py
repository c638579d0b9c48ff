"""seqnn.GloVe: counts in and out, the vectors, resuming, files, bad input."""

import json

import numpy as np
import pytest
from harness import each_team
from topics import two_topics

import seqnn
from seqnn import Callback, Cooccurrence, EarlyStopping, GloVe, KeyedVectors

SMALL = {"vector_size": 10, "window": 4, "min_count": 1, "epochs": 4, "verbose": 0}


class StopAt(Callback):
    """Ctrl-C at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, model):
        if len(model.history_) == self.epoch:
            raise KeyboardInterrupt


def same_model(one, other):
    assert one.wv.index_to_key == other.wv.index_to_key
    for a, b in zip(one._trained_arrays(), other._trained_arrays(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.wv.vectors, other.wv.vectors)
    for name in ("epoch", "examples", "pairs", "loss", "learning_rate"):
        assert [entry[name] for entry in one.history_] == [entry[name] for entry in other.history_]


def test_topics_are_found_and_the_cost_falls():
    sentences = two_topics(600)
    mixed = [
        one + other for one, other in zip(sentences[:100:2], sentences[1:100:2], strict=True)
    ]  # a few counts between
    model = GloVe(sentences + mixed, **SMALL | {"epochs": 40})
    nearest = [word for word, _ in model.wv.most_similar("a3", topn=9)]
    assert all(word.startswith("a") for word in nearest)
    losses = [entry["loss"] for entry in model.history_]
    assert losses[-1] < losses[4] < losses[0] and len(losses) == 40 == model.epochs_trained
    assert model.history_[0]["pairs"] == model.history_[0]["examples"] == model.cooccurrence_.nnz
    assert model.history_[0]["learning_rate"] == 0.05 and "alpha" not in model.history_[0]


def test_cost_of_the_last_weights_on_real_text():
    """The cost is what the weights say: it falls on English text, and equals the formula over the counts."""
    sentences = [doc.split() for doc in (np.__doc__ + np.linalg.__doc__ + np.einsum.__doc__).lower().split(".")]
    model = GloVe(sentences, vector_size=16, min_count=2, x_max=10, epochs=60, verbose=0)
    rows, cols, values = model.cooccurrence_
    fitted = np.sum(model.word_vectors_[rows] * model.context_vectors_[cols], axis=1, dtype=float)
    fitted += model.word_biases_[rows] + model.context_biases_[cols]
    cost = 0.5 * np.minimum(1, (values / 10) ** 0.75) * (fitted - np.log(values)) ** 2
    losses = [entry["loss"] for entry in model.history_]
    assert cost.mean() < losses[-1] < 0.5 * losses[0]
    assert cost.mean() == pytest.approx(losses[-1], rel=0.2)


def test_any_team_and_any_input_give_the_same_bits(tmp_path):
    sentences = two_topics(300)
    path = tmp_path / "text.txt"
    path.write_text("\n".join(map(" ".join, sentences)))
    first = GloVe(sentences, **SMALL)
    for _ in each_team():
        same_model(first, GloVe(corpus_file=path, **SMALL))
    spilled = GloVe(sentences, **SMALL, max_memory=500)
    assert isinstance(spilled.cooccurrence_.data, np.memmap)
    same_model(first, spilled)
    other = GloVe(sentences, **SMALL | {"seed": 2})
    assert np.abs(other.wv.vectors - first.wv.vectors).max() > 0.01


def test_vectors_sum_word_both():
    models = {kind: GloVe(two_topics(50), **SMALL, vectors=kind) for kind in ("sum", "word", "both")}
    word, context = models["sum"].word_vectors_, models["sum"].context_vectors_
    np.testing.assert_array_equal(models["sum"].wv.vectors, word + context)
    np.testing.assert_array_equal(models["word"].wv.vectors, word)
    np.testing.assert_array_equal(models["both"].wv.vectors, np.hstack([word, context]))
    assert models["both"].wv.vector_size == 20


def test_counts_go_out_and_in(tmp_path):
    model = GloVe(two_topics(200), **SMALL)
    counts = model.cooccurrence_
    rows, cols, values = counts
    words = model.wv.index_to_key
    counts.save(tmp_path / "counts.npz")
    loaded = Cooccurrence.load(tmp_path / "counts.npz")
    assert loaded.words == words and repr(loaded) == f"<Cooccurrence of 20 words, {len(rows)} counts>"
    same_model(model, GloVe(**SMALL).fit(cooccurrence=loaded))
    same_model(model, GloVe(**SMALL).fit(cooccurrence=tmp_path / "counts.npz"))
    shuffled = np.random.default_rng(0).permutation(len(rows))
    triple = rows[shuffled], cols[shuffled], values[shuffled]
    same_model(model, GloVe(**SMALL).fit(cooccurrence=triple, vocabulary=words))
    again = Cooccurrence.from_any(([1, 0, 1, 0], [0, 1, 0, 0], [0.5, 2, 1, 0]), size=3)
    assert [x.tolist() for x in again] == [[0, 1], [1, 0], [2, 1.5]] and again.shape == (3, 3)


def test_scipy_reads_and_gives_counts(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    model = GloVe(two_topics(200), **SMALL)
    words = model.wv.index_to_key
    model.cooccurrence_.save(tmp_path / "counts.npz")
    matrix = sparse.load_npz(tmp_path / "counts.npz")
    assert matrix.format == "csr" and abs(matrix - matrix.T).max() == 0
    for given in (matrix, matrix.tocsc(), matrix.tocoo(), sparse.csr_array(matrix)):
        same_model(model, GloVe(**SMALL).fit(cooccurrence=given, vocabulary=words))
        sparse.save_npz(tmp_path / "theirs.npz", given)
        same_model(model, GloVe(**SMALL).fit(cooccurrence=tmp_path / "theirs.npz", vocabulary=words))


def test_resumed_is_uninterrupted(tmp_path):
    sentences = two_topics(300)
    whole = GloVe(sentences, **SMALL)
    part = GloVe(**SMALL)
    with pytest.raises(KeyboardInterrupt) as caught:
        part.fit(sentences, callbacks=[StopAt(2)])
    assert caught.value.model is part and "epoch 3 of 4, at 0 %" in caught.value.__notes__[0]
    part.save(tmp_path / "model.safetensors")
    for loaded in (part, *(GloVe.load(tmp_path / "model.safetensors", mmap=m) for m in (False, True))):
        with pytest.raises(ValueError, match="another corpus"):
            loaded.fit(two_topics(299))
        same_model(whole, loaded.fit(sentences))
        assert loaded.epochs_trained == 4
    longer = GloVe(sentences, **SMALL | {"epochs": 7})
    same_model(longer, whole.fit(sentences, epochs=3, warm_start=True))
    same_model(GloVe(sentences, **SMALL), whole.fit(sentences))


def test_save_and_load(tmp_path):
    model = GloVe(two_topics(100), **SMALL, vectors="both", x_max=20)
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = GloVe.load(path)
    same_model(model, loaded)
    assert loaded.x_max == 20 and loaded.vectors == "both" and repr(loaded) == repr(model)
    np.testing.assert_array_equal(KeyedVectors.load(path).vectors, model.wv.vectors)
    GloVe(vector_size=3).save(path)
    assert len(GloVe.load(path).wv) == 0
    seqnn.Word2Vec(two_topics(20), vector_size=3, min_count=1, epochs=1, verbose=0).save(path)
    with pytest.raises(ValueError, match=r"not a file of GloVe\.save"):
        GloVe.load(path)


def test_early_stopping_and_callbacks():
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, model):
            seen.append(model.wv.similarity("a0", "a1"))

    stopper = EarlyStopping(lambda model: 0.0, patience=1, restore_best=True)
    model = GloVe(two_topics(50), **SMALL | {"epochs": 9}, callbacks=[Watch()], early_stopping=stopper)
    assert len(model.history_) == len(seen) == 3 and len(set(seen)) == 3
    one = GloVe(two_topics(50), **SMALL | {"epochs": 1})
    np.testing.assert_array_equal(model.wv.vectors, one.wv.vectors)


def test_divergence_gives_advice_and_keeps_the_last_good_epoch():
    with pytest.raises(FloatingPointError, match="Lower learning_rate") as caught:
        GloVe(two_topics(50), **SMALL | {"learning_rate": 1e20})
    assert np.isfinite(caught.value.model.wv.vectors).all()


def test_encoded_corpora_and_limits():
    ids, offsets = np.array([3, 1, 3, 2]), np.array([0, 2, 4])
    model = GloVe((ids, offsets), vector_size=4, min_count=1, epochs=1, verbose=0)
    assert model.wv.index_to_key[0] == "3" and model.cooccurrence_.data.sum() == 4
    limited = GloVe(two_topics(50), **SMALL, max_final_vocab=6, trim_rule=lambda word, count, minimum: 0)
    assert len(limited.wv) <= 6
    plain = GloVe(two_topics(50), **SMALL, distance_weighting=False, symmetric=False)
    assert plain.cooccurrence_.data.sum() == 50 * (9 + 8 + 7 + 6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x_max": 0}, ValueError, "x_max: expected a finite number > 0, got 0"),
        ({"alpha": -1}, ValueError, "alpha"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate"),
        ({"window": 0}, ValueError, "window"),
        ({"window": 1001}, ValueError, "at most 1000"),
        ({"vector_size": 2.5}, TypeError, "vector_size"),
        ({"symmetric": 2}, ValueError, "symmetric"),
        ({"vectors": "mean"}, ValueError, '"sum", "word" or "both"'),
        ({"sentences": []}, ValueError, "empty"),
        ({"sentences": [["a"], ["b"]]}, ValueError, "no word has a context"),
        ({"sentences": ["a b c"]}, TypeError, "wrap it"),
        ({"sentences": [["a", "b"]], "min_count": 3}, ValueError, "min_count=3"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        GloVe(**{"min_count": 1, "verbose": 0, "epochs": 1, **arguments})


@pytest.mark.parametrize(
    ("counts", "vocabulary", "error", "message"),
    [
        (([0], [1], [1.0]), None, ValueError, "vocabulary: these counts do not know their words"),
        (([0, 2], [1, 0], [1, 1]), ["a", "b"], ValueError, "rows lie in 0..2, expected 0..1"),
        (([0], [1], [-1.0]), ["a", "b"], ValueError, "got -1.0 at row 0, column 1"),
        (([0], [1], [np.inf]), ["a", "b"], ValueError, "finite"),
        (([0], [1], [0.0]), ["a", "b"], ValueError, "co-occurrence matrix is empty"),
        (([0.5], [1], [1.0]), ["a", "b"], TypeError, "rows as a 1-D integer array"),
        (([0, 1], [1], [1.0]), ["a", "b"], ValueError, "do not agree"),
        (([0], [1], [1.0]), ["a", "a"], ValueError, "occur again"),
        (3, ["a"], TypeError, "expected a scipy sparse matrix"),
        ("missing.npz", ["a"], FileNotFoundError, "missing.npz"),
    ],
)
def test_bad_counts(counts, vocabulary, error, message):
    with pytest.raises(error, match=message):
        GloVe(verbose=0, epochs=1).fit(cooccurrence=counts, vocabulary=vocabulary)


def test_bad_calls(tmp_path):
    model = GloVe(two_topics(20), **SMALL)
    counts = model.cooccurrence_
    with pytest.raises(ValueError, match="20 x 20 does not match the vocabulary of 3 words"):
        GloVe(verbose=0).fit(cooccurrence=counts, vocabulary=["a", "b", "c"])
    with pytest.raises(TypeError, match="two sources"):
        model.fit(two_topics(20), cooccurrence=counts)
    with pytest.raises(TypeError, match="no corpus"):
        model.fit()
    with pytest.raises(TypeError, match="together with cooccurrence only"):
        model.fit(two_topics(20), vocabulary=["a"])
    with pytest.raises(RuntimeError, match="nothing to go on with"):
        GloVe(verbose=0).fit(two_topics(20), warm_start=True)
    with pytest.raises(ValueError, match="words of the model"):
        model.fit(cooccurrence=counts, vocabulary=[f"w{i}" for i in range(20)], warm_start=True)
    path = tmp_path / "counts.npz"
    np.savez(path, a=np.zeros(3))
    with pytest.raises(ValueError, match="not a sparse matrix"):
        Cooccurrence.load(path)
    path.write_bytes(b"not a file of arrays")
    with pytest.raises(ValueError, match="not a sparse matrix"):
        Cooccurrence.load(path)
    model.save(tmp_path / "model")
    from seqnn import _safetensors

    tensors, metadata = _safetensors.load(tmp_path / "model")
    record = json.loads(metadata["seqnn.GloVe"])
    for change in ({"version": 99}, {"options": {}}, {"position": {"epoch": 1}}):
        _safetensors.save(tmp_path / "bad", tensors, metadata | {"seqnn.GloVe": json.dumps(record | change)})
        with pytest.raises(ValueError, match="bad: "):
            GloVe.load(tmp_path / "bad")
