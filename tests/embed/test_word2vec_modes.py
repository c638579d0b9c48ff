"""What Word2Vec learns, in every mode; inference."""

import itertools

import numpy as np
import pytest
from harness import each_team
from topics import SMALL, same_model, two_topics

from seqnn import Word2Vec
from seqnn.text import huffman


@pytest.mark.parametrize(("sg", "hs", "negative"), [(s, h, n) for s in (0, 1) for h, n in ((0, 5), (1, 0), (1, 3))])
def test_words_of_a_topic_become_neighbours(sg, hs, negative):
    model = Word2Vec(two_topics(), **SMALL, sg=sg, hs=hs, negative=negative, epochs=8, alpha=0.05)
    words = model.wv.index_to_key
    unit = model.wv.get_normed_vectors()
    topic = np.array([word[0] for word in words])
    cosines = unit @ unit.T
    same = topic[:, None] == topic
    np.fill_diagonal(same, False)
    across = topic[:, None] != topic
    assert cosines[same].mean() > cosines[across].mean() + 0.3
    nearest = [model.wv.most_similar(word, topn=1)[0][0] for word in words]
    assert np.mean([word[0] == near[0] for word, near in zip(words, nearest, strict=True)]) > 0.9


@pytest.mark.parametrize(
    ("sg", "hs", "mean", "shrink", "sample", "deterministic"),
    [
        c
        for c in itertools.product((0, 1), (0, 1), (0, 1), (False, True), (0, 0.05), (False, True))
        if c[0] == 0 or c[2]
    ],
)
def test_every_mode_lowers_the_loss(sg, hs, mean, shrink, sample, deterministic):
    settings = {**SMALL, "sample": sample}
    model = Word2Vec(
        two_topics(300),
        **settings,
        sg=sg,
        hs=hs,
        cbow_mean=mean,
        shrink_windows=shrink,
        deterministic=deterministic,
        epochs=3,
        alpha=0.025 if mean else 0.01,
    )
    losses = [entry["loss"] for entry in model.history_]
    assert losses[-1] < losses[0] < 12
    assert all(entry["examples"] > 0 for entry in model.history_)


def test_history_counts_and_rates():
    sentences = two_topics(100)
    model = Word2Vec(sentences, **SMALL, sg=1, shrink_windows=False, window=2, epochs=4, alpha=0.04, min_alpha=0.02)
    assert [entry["epoch"] for entry in model.history_] == [1, 2, 3, 4]
    assert [entry["words"] for entry in model.history_] == [1000] * 4
    expected = sum(min(i, 2) + min(9 - i, 2) for i in range(10)) * 100
    assert [entry["examples"] for entry in model.history_] == [expected] * 4
    np.testing.assert_allclose([entry["alpha"] for entry in model.history_], [0.035, 0.03, 0.025, 0.02])
    assert model.get_latest_training_loss() == pytest.approx(sum(e["loss"] * expected for e in model.history_))
    assert model.epochs_trained == 4


def test_initial_vectors_depend_on_seed_and_row_only():
    models = [
        Word2Vec(two_topics(20), **{**SMALL, "vector_size": d}, epochs=0, seed=s)
        for d, s in ((20, 1), (20, 1), (20, 2))
    ]
    first, again, other = (model.wv.vectors for model in models)
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.99
    assert abs(first).max() <= 0.5 / 20 < abs(first).max() * 1.1
    assert not models[0].syn1neg.any()


@pytest.mark.parametrize("settings", [{"sg": 1}, {"hs": 1, "sample": 0.05}])
def test_the_team_does_not_change_a_deterministic_run(settings):
    sentences = two_topics(2000)
    models = [Word2Vec(sentences, **{**SMALL, **settings}, deterministic=True, epochs=2) for _ in each_team()]
    assert len(models) > 2
    for model in models[1:]:
        same_model(models[0], model)


def test_one_worker_is_reproducible():
    same_model(*[Word2Vec(two_topics(2000), **SMALL, workers=1, sg=1, epochs=2) for _ in range(2)])


def test_paths_lists_and_arrays_give_the_same_model(tmp_path):
    sentences = two_topics(400)
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(" ".join(s) for s in sentences) + "\n")
    by_list = Word2Vec(sentences, **SMALL, workers=1)
    same_model(by_list, Word2Vec(str(path), **SMALL, workers=1))
    same_model(by_list, Word2Vec(corpus_file=path, **SMALL, workers=1))
    same_model(by_list, Word2Vec(path, **SMALL, workers=1, max_memory=1000))
    index = by_list.wv.key_to_index
    ids = np.array([index[word] for s in sentences for word in s])
    offsets = np.arange(0, len(ids) + 1, 10)
    by_rows = Word2Vec(**SMALL, workers=1)
    by_rows.build_vocab_from_freq({w: by_list.wv.get_vecattr(w, "count") for w in reversed(by_list.wv.index_to_key)})
    assert by_rows.wv.index_to_key == by_list.wv.index_to_key
    by_rows.train((ids, offsets))
    same_model(by_list, by_rows)
    by_ids = Word2Vec((ids, offsets), **SMALL, workers=1)
    assert sorted(by_ids.wv.index_to_key, key=int) == [str(i) for i in range(20)]
    by_ids.train((ids, offsets), epochs=1)
    assert by_ids.epochs_trained == 6


def test_build_vocab_then_train_is_the_constructor():
    sentences = two_topics(400)
    model = Word2Vec(**SMALL, workers=1)
    model.build_vocab(sentences)
    assert model.train(sentences, total_examples=model.corpus_count, epochs=model.epochs) == (20000, 20000)
    same_model(model, Word2Vec(sentences, **SMALL, workers=1))


def test_unknown_words_are_left_out_of_training():
    model = Word2Vec(**SMALL)
    model.build_vocab(two_topics(50))
    assert model.train([["a1", "never", "a2"], ["seen"]], epochs=2) == (4, 8)


def test_a_generator_is_read_once():
    model = Word2Vec((s for s in two_topics(50)), **SMALL, epochs=1)
    assert model.epochs_trained == 1
    several = Word2Vec((s for s in two_topics(50)), **SMALL, workers=1)
    np.testing.assert_array_equal(several.wv.vectors, Word2Vec(two_topics(50), **SMALL, workers=1).wv.vectors)
    assert several.epochs_trained == 5
    model.train((s for s in two_topics(50)), epochs=2)
    assert model.epochs_trained == 3


def test_vocabulary_options():
    sentences = [["common"] * 9 + ["rare"] * 2 + ["middle"] * 4]
    rule = lambda word, count, min_count: 2 if word == "rare" else 0  # noqa: E731
    assert Word2Vec(sentences, vector_size=4, verbose=0, epochs=0).wv.index_to_key == ["common"]
    assert Word2Vec(sentences, vector_size=4, verbose=0, epochs=0, trim_rule=rule).wv.index_to_key == ["common", "rare"]
    model = Word2Vec(sentences, vector_size=4, verbose=0, epochs=0, min_count=1, max_final_vocab=2, sorted_vocab=0)
    assert model.wv.index_to_key == ["common", "middle"] and model.effective_min_count == 3
    model = Word2Vec(vector_size=4, min_count=3)
    model.build_vocab(sentences, keep_raw_vocab=True)
    assert model.raw_vocab == {"common": 9, "rare": 2, "middle": 4}


def test_predict_output_word():
    model = Word2Vec(two_topics(), **SMALL, epochs=10, alpha=0.05)
    predicted = model.predict_output_word(["a1", "a2", "unknown"], topn=5)
    assert [word[0] for word, _ in predicted] == ["a"] * 5
    assert sum(p for _, p in model.predict_output_word(["a1"], topn=20)) == pytest.approx(1)
    rows = [model.wv.get_index(w) for w in ("a1", "a2")]
    assert model.predict_output_word(rows, topn=5) == predicted
    logits = model.syn1neg @ model.wv.vectors[rows].mean(axis=0)
    expected = np.exp(logits) / np.exp(logits).sum()
    assert predicted[0][1] == pytest.approx(float(expected.max()), rel=1e-5)
    assert model.predict_output_word(["unknown"]) is None
    with pytest.raises(TypeError, match="got a string"):
        model.predict_output_word("a1")
    with pytest.raises(RuntimeError, match="negative > 0"):
        Word2Vec(two_topics(10), **SMALL, hs=1, negative=0).predict_output_word(["a1"])


def score_by_hand(model, sentence):
    offsets, nodes, codes = huffman(model._vocabulary.counts)
    ids = [model.wv.key_to_index[w] for w in sentence if w in model.wv.key_to_index]
    total = 0.0
    for i, centre in enumerate(ids):
        context = [ids[j] for j in range(max(0, i - model.window), min(len(ids), i + model.window + 1)) if j != i]
        vectors = model.wv.vectors[context].astype(float)
        if not model.sg:
            vectors = [vectors.mean(0) if model.cbow_mean and context else vectors.sum(0)]
        for vector in vectors:
            for k in range(offsets[centre], offsets[centre + 1]):
                total -= np.log1p(np.exp(-(1 - 2 * float(codes[k])) * (vector @ model.syn1[nodes[k]])))
    return total


@pytest.mark.parametrize(("sg", "mean"), [(1, 1), (0, 1), (0, 0)])
def test_score(sg, mean):
    model = Word2Vec(two_topics(300), **SMALL, sg=sg, hs=1, negative=0, cbow_mean=mean, window=3, epochs=3)
    sentences = [two_topics(1)[0], ["a1", "unknown", "a3"], [], ["a1"], [w for s in two_topics(60, 1) for w in s]]
    scores = model.score(sentences)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [score_by_hand(model, s) for s in sentences], rtol=1e-4, atol=1e-4)
    assert len(model.score(sentences, total_sentences=2)) == 2
    with pytest.raises(TypeError, match="wrap it"):
        model.score(["a1 a2"])


def test_a_topic_is_more_probable_than_a_mixture():
    model = Word2Vec(two_topics(), **SMALL, sg=1, hs=1, negative=0)
    pure, mixed = model.score([["a1", "a2", "a3", "a4"], ["a1", "b2", "a3", "b4"]])
    assert pure > mixed + 1


def test_score_needs_hierarchical_softmax():
    with pytest.raises(RuntimeError, match="hs=1"):
        Word2Vec(two_topics(10), **SMALL).score([["a1"]])
