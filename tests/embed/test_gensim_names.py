"""What users of gensim call: names that are there and give its numbers, and hints where a name is not there."""

import numpy as np
import pytest

from seqnn import FastText, KeyedVectors, Word2Vec
from seqnn.embed import FastTextKeyedVectors

CORPUS = [["to", "be", "or", "not", "to", "be"], ["that", "is", "the", "question"]] * 30
SMALL = {"vector_size": 8, "min_count": 1, "sample": 0, "verbose": 0}


@pytest.fixture
def wv():
    rng = np.random.default_rng(0)
    words = ["king", "queen", "man", "woman", "apple", "pear"]
    return KeyedVectors.from_arrays(words, rng.standard_normal((6, 5)).astype("f4"), counts=[5, 9, 1, 9, 2, 7])


@pytest.fixture
def theirs(wv):
    models = pytest.importorskip("gensim.models")
    other = models.KeyedVectors(5)
    other.add_vectors(wv.index_to_key, wv.vectors)
    for word in wv.index_to_key:
        other.set_vecattr(word, "count", int(wv.get_vecattr(word, "count")))
    return other


def test_vectors_for_all_keeps_the_words_that_have_a_vector(wv):
    some = wv.vectors_for_all(["pear", "plum", "king", "pear"], copy_vecattrs=True)
    assert some.index_to_key == ["pear", "king"] and type(some) is KeyedVectors
    assert (some["king"] == wv["king"]).all() and some.get_vecattr("pear", "count") == 7
    some["king"] = np.zeros(5)
    assert wv["king"].any()
    with pytest.raises(KeyError):
        wv.vectors_for_all(["king"]).get_vecattr("king", "count")
    model = FastText(CORPUS, **SMALL)
    assert model.wv.vectors_for_all(["be", "being"]).index_to_key == ["be", "being"]
    assert model.wv.vectors_for_all(["be", "being"], allow_inference=False).index_to_key == ["be"]
    for use in (wv.vectors_for_all, wv.doesnt_match, wv.get_vectors, lambda keys: wv.distances("pear", keys)):
        with pytest.raises(TypeError, match=r"expected a list of keys, got a string: \['king'\]"):
            use("king")
    assert len(wv.vectors_for_all(["plum"])) == 0


def test_relative_cosine_similarity_is_the_share_of_the_nearest(wv, theirs):
    nearest = [cosine for _, cosine in wv.most_similar("king", topn=3)]
    expected = wv.similarity("king", "queen") / sum(nearest)
    assert wv.relative_cosine_similarity("king", "queen", 3) == pytest.approx(expected)
    assert theirs.relative_cosine_similarity("king", "queen", 3) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(KeyError, match="plum"):
        wv.relative_cosine_similarity("king", "plum")


def test_cosine_similarities_are_those_of_one_vector_to_many(wv, theirs):
    got = wv.cosine_similarities(wv["king"], wv.vectors)
    np.testing.assert_allclose(got, theirs.cosine_similarities(wv["king"], wv.vectors), rtol=1e-5)
    assert wv.cosine_similarities(wv["king"], np.zeros((1, 5))).tolist() == [0]
    with pytest.raises(ValueError, match="vectors_all"):
        wv.cosine_similarities(wv["king"], np.zeros((2, 4)))


def test_sorting_by_falling_frequency(wv):
    before = {word: wv[word].copy() for word in wv.index_to_key}
    wv.freeze(["apple"])
    wv.sort_by_descending_frequency()
    assert wv.index_to_key == ["queen", "woman", "pear", "king", "apple", "man"]
    assert all((wv[word] == before[word]).all() and wv.get_index(word) == i for i, word in enumerate(wv.index_to_key))
    assert wv.vectors_lockf.tolist() == [1, 1, 1, 1, 0, 1]
    with pytest.raises(ValueError, match="no counts to sort by"):
        KeyedVectors.from_arrays(["a"], np.ones((1, 2))).sort_by_descending_frequency()
    parts = FastText(CORPUS, **SMALL).wv
    parts.set_vecattrs("count", np.arange(len(parts)))
    same = {word: parts[word].copy() for word in [*parts.index_to_key, "being"]}
    parts.sort_by_descending_frequency()
    assert parts.get_vecattr(0, "count") == len(parts) - 1
    assert all((parts[word] == vector).all() for word, vector in same.items())


@pytest.mark.parametrize("kind", [Word2Vec, FastText])
def test_all_vectors_are_scaled_to_length_one_for_good(kind, tmp_path):
    wv = kind(CORPUS, **SMALL).wv
    before = wv.get_normed_vectors()
    wv.unit_normalize_all()
    np.testing.assert_allclose(wv.vectors, before, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(wv.vectors, axis=1), 1, rtol=1e-5)
    wv.save(tmp_path / "v")
    np.testing.assert_allclose(KeyedVectors.load(tmp_path / "v").vectors, before, atol=1e-6)


def test_analogies_take_another_similarity(wv, theirs, tmp_path):
    (tmp_path / "q").write_text(": some\nking queen man woman\nqueen king woman man\nking man queen woman\n")
    for name in ("most_similar", "most_similar_cosmul"):
        got = wv.evaluate_word_analogies(tmp_path / "q", similarity_function=name, case_insensitive=False)
        expected = theirs.evaluate_word_analogies(tmp_path / "q", similarity_function=name, case_insensitive=False)
        assert got[0] == expected[0]
    with pytest.raises(ValueError, match="similarity_function: expected 'most_similar' or 'most_similar_cosmul'"):
        wv.evaluate_word_analogies(tmp_path / "q", similarity_function="distance")


def test_arrays_and_series_of_words_are_lists_of_words(wv):
    pandas = pytest.importorskip("pandas")
    names = ["king", "pear"]
    for words in (np.array(names), np.array(names, object), pandas.Series(names), tuple(names), dict.fromkeys(names)):
        assert (wv.get_mean_vector(words) == wv.get_mean_vector(names)).all()
        assert wv.n_similarity(words, ["man"]) == wv.n_similarity(names, ["man"])
        assert wv.most_similar(words) == wv.most_similar(names)
        assert (wv[words] == wv[names]).all()


def test_a_model_takes_the_vocabulary_of_another():
    one = Word2Vec(CORPUS, **SMALL)
    other = Word2Vec(vector_size=3, min_count=50, sg=1, verbose=0)
    other.reset_from(one)
    assert other.wv.index_to_key == one.wv.index_to_key and other.wv.vector_size == 3
    assert other.corpus_count == 60 and other.history_ == []
    other.train(CORPUS)
    assert len(one.wv["be"]) == 8
    with pytest.raises(RuntimeError, match=r"no vocabulary: call build_vocab\(corpus\) before reset_from"):
        other.reset_from(Word2Vec())


@pytest.mark.parametrize("kind", [Word2Vec, FastText])
def test_a_vocabulary_is_counted_prepared_and_estimated_in_steps(kind):
    model = kind(vector_size=10, max_final_vocab=4, min_count=2, sample=0)
    assert model.scan_vocab(CORPUS) == (300, 60)
    tried = model.prepare_vocab(min_count=31, dry_run=True)
    assert tried["num_retained_words"] == 2 and tried["drop_unique"] == 6 and tried["retain_total"] == 120
    assert len(model.wv) == 0 and model.min_count == 2
    assert model.prepare_vocab(dry_run=True, sample=1e-3)["downsample_unique"] == 2
    assert model.prepare_vocab() == tried | {"downsample_unique": 0, "downsample_total": 120}
    assert model.effective_min_count == 31 and model.raw_vocab == {}
    found = model.estimate_memory()
    assert sum(found.values()) == 2 * found["total"]
    arrays = sum(array.nbytes for array in model._weights.arrays())
    assert found["total"] - found["vocab"] == arrays
    million = model.estimate_memory(10**6, {"mine": 5})
    assert million["mine"] == 5 and million["total"] > 10**6 * found["total"] / 8
    model.train(CORPUS)
    with pytest.raises(RuntimeError, match=r"call scan_vocab\(corpus\) before prepare_vocab"):
        model.prepare_vocab()


def test_a_log_tells_of_a_rising_alpha_and_of_two_ways_to_train(caplog):
    model = Word2Vec(CORPUS, **SMALL)
    model.train(CORPUS)
    assert not caplog.records
    model.train(CORPUS, start_alpha=0.05)
    assert "Effective 'alpha' higher than previous training cycles: 0.05, before 0.025" in caplog.text
    Word2Vec(hs=1, negative=0)
    assert len(caplog.records) == 1
    Word2Vec(hs=1)
    assert "Both hierarchical softmax and negative sampling are activated." in caplog.text


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("vocab", "since gensim 4 it is key_to_index"),
        ("words_closer_than", "since gensim 4 it is closer_than"),
        ("syn1neg", "model.syn1neg"),
        ("init_sims", "fill_norms"),
        ("similarity_unseen_docs", "n_similarity"),
    ],
)
def test_a_name_that_is_not_there_tells_what_is(wv, name, hint):
    for use in (lambda: getattr(wv, name), lambda: setattr(wv, name, 1)):
        with pytest.raises(AttributeError, match=f"KeyedVectors has no '{name}': .*{hint}"):
            use()
    assert not hasattr(wv, name)


def test_bad_arguments_of_vectors_are_named(wv, tmp_path):
    bad = {
        "topn": lambda: wv.most_similar("king", topn=-1),
        "missing must be": lambda: wv.get_vectors(["king"], missing="x"),
        "expected vectors of size 5": lambda: wv.intersect_word2vec_format(tmp_path / "other"),
    }
    KeyedVectors.from_arrays(["king"], np.ones((1, 2))).save_word2vec_format(tmp_path / "other")
    for message, use in bad.items():
        with pytest.raises((ValueError, TypeError), match=message):
            use()
    assert isinstance(FastText(**SMALL).wv, FastTextKeyedVectors)
