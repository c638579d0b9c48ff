import copy
import pickle

import numpy as np
import pytest

from seqnn.embed import KeyedVectors, near_spellings
from seqnn.embed._vectors._evaluate import pearson

WORDS = ["king", "queen", "man", "woman", "car", "King", "road", "zero"]


@pytest.fixture
def wv():
    values = np.random.default_rng(3).standard_normal((len(WORDS), 6)).astype(np.float32)
    values[-1] = 0
    return KeyedVectors.from_arrays(WORDS, values, counts=np.arange(len(WORDS), 0, -1))


def random_pair(count, size=12, seed=0):
    """The same random vectors as ours and as gensim's."""
    gensim = pytest.importorskip("gensim.models")
    words = [f"w{i}" for i in range(count)]
    values = np.random.default_rng(seed).standard_normal((count, size)).astype(np.float32)
    theirs = gensim.KeyedVectors(size)
    theirs.add_vectors(words, values)
    return KeyedVectors.from_arrays(words, values), theirs


def same_pairs(got, expected):
    assert [key for key, _ in got] == [key for key, _ in expected]
    np.testing.assert_allclose([s for _, s in got], [s for _, s in expected], rtol=1e-5, atol=1e-6)


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_lookups(wv):
    assert len(wv) == 8
    assert "king" in wv and "prince" not in wv and 3 in wv and 8 not in wv and -1 not in wv
    assert wv["queen"].tolist() == wv.vectors[1].tolist() == wv[1].tolist() == wv.get_vector("queen").tolist()
    assert wv[["queen", 0]].tolist() == wv.vectors[[1, 0]].tolist()
    assert wv[[]].shape == (0, 6)
    assert wv.get("prince") is None and wv.get("king") is not None
    assert wv.get_index("car") == 4 and wv.get_index("prince", -1) == -1
    np.testing.assert_allclose(np.linalg.norm(wv.get_vector("king", norm=True)), 1, rtol=1e-6)
    assert not wv["king"].flags.writeable
    assert wv.vectors.flags.writeable
    assert repr(wv) == "KeyedVectors<vector_size=6, 8 keys>"
    assert wv.has_index_for("king")
    assert wv.get_vector("zero", norm=True).tolist() == [0] * 6


def test_missing_keys(wv):
    with pytest.raises(KeyError, match="'prince' not present among 8 keys"):
        wv["prince"]
    with pytest.raises(KeyError, match="2 of 3 keys not present: 'prince', 'duke'"):
        wv[["prince", "king", "duke"]]
    with pytest.raises(KeyError, match="'prince'"):
        wv.most_similar("prince")
    got = wv.get_vectors(["prince", "king"], missing="zero")
    assert got.tolist() == [[0] * 6, wv["king"].tolist()]
    got = wv.get_vectors(["prince", "king"], missing="mean")
    np.testing.assert_allclose(got[0], wv.vectors.mean(0), rtol=1e-5)
    np.testing.assert_allclose(
        np.linalg.norm(wv.get_vectors(["king", "x"], missing="mean", norm=True), axis=1), 1, rtol=1e-6
    )
    with pytest.raises(ValueError, match="missing must be 'raise', 'zero' or 'mean', got 'skip'"):
        wv.get_vectors(["king"], missing="skip")
    assert KeyedVectors(3).get_vectors(["a"], missing="mean").tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(
    ("old", "new"),
    [("vocab", "key_to_index"), ("index2word", "index_to_key"), ("syn0", "vectors"), ("word_vec", "get_vector")],
)
def test_old_names_tell_the_new_ones(wv, old, new):
    with pytest.raises(AttributeError, match=new):
        getattr(wv, old)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        wv.nonsense  # noqa: B018


def test_from_arrays_checks():
    with pytest.raises(ValueError, match="2 words for 3 vectors"):
        KeyedVectors.from_arrays(["a", "b"], np.ones((3, 2)))
    with pytest.raises(ValueError, match="words holds 'a' twice"):
        KeyedVectors.from_arrays(["a", "b", "a"], np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"must be a matrix .* got shape \(3,\)"):
        KeyedVectors.from_arrays(["a"], np.ones(3))
    with pytest.raises(ValueError, match="count: one value for each of 1 keys"):
        KeyedVectors.from_arrays(["a"], np.ones((1, 3)), counts=[1, 2])
    with pytest.raises(ValueError, match="vector_size >= 1"):
        KeyedVectors(0)
    values = np.ones((2, 8))[:, :5]
    assert KeyedVectors.from_arrays(["a", "b"], values).vectors is values


def test_adding(wv):
    wv.set_vecattr("king", "kind", "noun")
    before = wv["king"].copy()
    wv.add_vectors(["prince", "king"], np.ones((2, 6)), extras={"count": [7, 99]})
    assert len(wv) == 9
    assert wv["prince"].tolist() == [1] * 6
    assert wv["king"].tolist() == before.tolist()
    assert [wv.get_vecattr(w, "count") for w in ("king", "prince")] == [8, 7]
    assert [wv.get_vecattr(w, "kind") for w in ("king", "prince")] == ["noun", 0]
    wv["king"] = np.full(6, 2)
    assert wv["king"].tolist() == [2] * 6
    wv[["a", "b"]] = np.arange(12).reshape(2, 6)
    assert wv.index_to_key[-2:] == ["a", "b"] and wv.key_to_index["b"] == 10
    assert wv.similarity("b", "prince") > 0
    np.testing.assert_allclose(wv.norms, np.linalg.norm(wv.vectors, axis=1), rtol=1e-6)
    with pytest.raises(ValueError, match=r"shape \(1, 6\) are expected, got \(1, 5\)"):
        wv.add_vector("c", np.ones(5))
    with pytest.raises(ValueError, match="keys holds 'c' twice"):
        wv.add_vectors(["c", "c"], np.ones((2, 6)))
    with pytest.raises(ValueError, match="extras 'count'"):
        wv.add_vectors(["c"], np.ones((1, 6)), extras={"count": [1, 2]})
    assert "c" not in wv


def test_adding_to_rows_made_before():
    wv = KeyedVectors(2, 2)
    assert wv.add_vector("a", [1, 2]) == 0
    assert wv.add_vector("b", [3, 4]) == 1
    assert wv.add_vector("c", [5, 6]) == 2
    assert wv.index_to_key == ["a", "b", "c"]
    assert wv[["c", "a"]].tolist() == [[5, 6], [1, 2]]
    assert wv.most_similar("a", topn=1)[0][0] == "b"
    empty = KeyedVectors(2)
    empty.add_vectors("a", [1, 2])
    assert empty["a"].tolist() == [1, 2]


def test_attributes(wv):
    assert wv.get_vecattr("king", "count") == 8
    wv.set_vecattr("king", "count", 5)
    assert wv.get_vecattr("king", "count") == 5
    with pytest.raises(KeyError, match="no attribute 'weight'"):
        wv.get_vecattr("king", "weight")
    with pytest.raises(KeyError, match="prince"):
        wv.set_vecattr("prince", "count", 5)


def test_norms_are_refreshed_on_demand(wv):
    wv.fill_norms()
    wv.vectors[0] *= 2
    wv.fill_norms(force=True)
    np.testing.assert_allclose(wv.norms, np.linalg.norm(wv.vectors, axis=1), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(wv.get_normed_vectors(), axis=1), [1] * 7 + [0], rtol=1e-6)


def test_copies_and_pickles(wv):
    for other in (copy.deepcopy(wv), pickle.loads(pickle.dumps(wv))):
        assert other.index_to_key == wv.index_to_key
        assert other.most_similar("king") == wv.most_similar("king")


def test_comparisons(wv):
    assert wv.similarity("king", "car") == pytest.approx(cosine(wv["king"], wv["car"]), abs=1e-6)
    assert wv.distance("king", "car") == pytest.approx(1 - cosine(wv["king"], wv["car"]), abs=1e-6)
    expected = [[cosine(wv[a], wv[b]) for b in WORDS[:2]] for a in WORDS[:3]]
    np.testing.assert_allclose(wv.similarities(WORDS[:3], WORDS[:2]), expected, atol=1e-6)
    np.testing.assert_allclose(
        wv.distances("king", ["man", "car"]), [wv.distance("king", w) for w in ("man", "car")], atol=1e-6
    )
    assert wv.distances(wv["king"]).shape == (8,)
    assert wv.distances("king")[-1] == 1
    order = np.argsort(wv.distances("king"), kind="stable")
    for place, row in enumerate(order[1:].tolist(), 1):
        assert wv.rank("king", WORDS[row]) == place
        assert wv.closer_than("king", WORDS[row]) == [WORDS[i] for i in sorted(order[1:place].tolist())]
    assert wv.most_similar_to_given("king", ["car", WORDS[order[1]], "zero"]) == WORDS[order[1]]
    with pytest.raises(ZeroDivisionError):
        wv.n_similarity([], ["king"])
    with pytest.raises(ValueError, match="empty list"):
        wv.doesnt_match(["prince"])


def test_most_similar(wv):
    others = [w for w in WORDS if w != "king"]
    expected = sorted(others, key=lambda w: -cosine(wv["king"], wv[w]) if w != "zero" else 0)
    assert [w for w, _ in wv.most_similar("king", topn=99)] == expected
    assert wv.most_similar("king", topn=2) == wv.similar_by_word("king", 2) == wv.similar_by_key("king", 2)
    assert wv.similar_by_vector(wv["king"], 1)[0][0] == "king"
    assert wv.most_similar("king", topn=0) == [] == wv.most_similar_cosmul("king", topn=0)
    assert wv.most_similar("king", topn=None).shape == (8,)
    assert wv.most_similar("king", topn=None, clip_start=2, clip_end=5).shape == (3,)
    assert {w for w, _ in wv.most_similar("king", clip_start=2, clip_end=5)} == set(WORDS[2:5])
    assert {w for w, _ in wv.most_similar("king", restrict_vocab=3, clip_start=5)} == set(WORDS[1:3])
    assert wv.most_similar("king", clip_start=5, clip_end=2) == []
    by_weight = wv.most_similar([("king", 2.0), "man"], [("car", -0.5)])
    same_pairs(by_weight, wv.most_similar([("man", 1.0), ("king", 2.0), ("car", -0.5)]))
    sum_ = (
        2 * wv.get_vector("king", norm=True) + wv.get_vector("man", norm=True) - 0.5 * wv.get_vector("car", norm=True)
    )
    same_pairs(by_weight, [(w, s) for w, s in wv.similar_by_vector(sum_) if w not in ("king", "man", "car")])
    with pytest.raises(ValueError, match="no input"):
        wv.most_similar()
    with pytest.raises(ValueError, match="at least one positive"):
        wv.most_similar_cosmul(negative="king")


def test_batches_are_the_single_queries():
    values = np.random.default_rng(4).standard_normal((2000, 16))
    wv = KeyedVectors.from_arrays([f"w{i}" for i in range(2000)], values)
    keys = wv.index_to_key[:40]
    single = [wv.most_similar(key, topn=7) for key in keys]
    for got, expected in zip(wv.most_similar_batch(keys, topn=7), single, strict=True):
        same_pairs(got, expected)
    for got, expected in zip(wv.most_similar_batch([[key] for key in keys], topn=7), single, strict=True):
        same_pairs(got, expected)
    got = wv.most_similar_batch(keys[:9], [[k, "w77"] for k in keys[9:18]], topn=3, restrict_vocab=500)
    for i in range(9):
        same_pairs(got[i], wv.most_similar(keys[i], [keys[9 + i], "w77"], topn=3, restrict_vocab=500))
    got = wv.most_similar_batch(values[:12], topn=2)
    assert [pairs[0][0] for pairs in got] == keys[:12]
    assert wv.most_similar_batch([]) == []
    assert wv.most_similar_batch(["w1"], topn=0) == [[]]
    with pytest.raises(ValueError, match="positive holds 2 queries, negative 1"):
        wv.most_similar_batch(["w1", "w2"], [["w3"]])
    with pytest.raises(KeyError, match="1 of 2 keys not present: 'nobody'"):
        wv.most_similar_batch(["w1", "nobody"])


@pytest.mark.filterwarnings("ignore:Call to deprecated")  # gensim's cosmul calls what gensim deprecates
def test_agrees_with_gensim():
    ours, theirs = random_pair(700)
    words = [f"w{i}" for i in range(0, 60, 3)]
    for i in range(0, 30, 4):
        positive, negative = [words[i % 20], (words[(i + 1) % 20], 0.3), ours.vectors[5 + i]], [words[(i + 2) % 20]]
        for options in ({}, {"topn": 3}, {"restrict_vocab": 100}, {"clip_start": 50, "clip_end": 300}):
            same_pairs(
                ours.most_similar(positive, negative, **options), theirs.most_similar(positive, negative, **options)
            )
        unit = ours.get_vector(words[(i + 3) % 20], norm=True)
        args = [words[i % 20], words[(i + 1) % 20], unit], [words[(i + 2) % 20]]
        same_pairs(ours.most_similar_cosmul(*args), theirs.most_similar_cosmul(*args))
    for name, args in (
        ("similarity", ("w1", "w2")),
        ("n_similarity", (words[:4], words[4:9])),
        ("distances", ("w1",)),
        ("distances", ("w1", words)),
        ("get_mean_vector", (words, list(range(20)), False, True)),
        ("get_mean_vector", (["w1", "nobody", ours.vectors[3]],)),
        ("get_normed_vectors", ()),
        ("most_similar", ("w1", None, None)),
        ("most_similar_cosmul", ("w1", None, None)),
    ):
        got, expected = getattr(ours, name)(*args), getattr(theirs, name)(*args)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6, err_msg=name)
    for name, args in (
        ("doesnt_match", (words,)),
        ("rank", ("w1", "w5")),
        ("closer_than", ("w1", "w5")),
        ("most_similar_to_given", ("w1", words[1:])),
    ):
        assert getattr(ours, name)(*args) == getattr(theirs, name)(*args), name
    centrality = ours.rank_by_centrality(words, use_norm=False)
    assert [w for _, w in centrality] == [w for _, w in theirs.rank_by_centrality(words, use_norm=False)]


def questions(path, words, seed=0, count=150):
    rng = np.random.default_rng(seed)
    lines = [": first one"]
    for i in range(count):
        if i == count // 2:
            lines += [": second", "three words only"]
        lines.append(" ".join(rng.choice(words, 4)))
    path.write_text("\n".join([*lines, "Unknown words are here", ""]))
    return path


@pytest.mark.parametrize(
    "options",
    [{}, {"dummy4unknown": True}, {"restrict_vocab": 20}, {"case_insensitive": False}, {"restrict_vocab": None}],
)
def test_analogies_agree_with_gensim(tmp_path, options):
    gensim = pytest.importorskip("gensim.models")
    words = [f"{'Ww'[i % 2]}{i // 2}" for i in range(40)]  # pairs that differ in case
    values = np.random.default_rng(1).standard_normal((40, 2)).astype(np.float32)
    theirs = gensim.KeyedVectors(2)
    theirs.add_vectors(words, values)
    ours = KeyedVectors.from_arrays(words, values)
    path = questions(tmp_path / "questions.txt", words, count=400)
    got, expected = (kv.evaluate_word_analogies(str(path), **options) for kv in (ours, theirs))
    assert got == expected
    assert got[1][-1]["correct"]


def test_analogies(tmp_path):
    wv = KeyedVectors.from_arrays(
        ["man", "woman", "king", "queen", "car"], np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-1, 0, 0.0]])
    )
    path = tmp_path / "questions.txt"
    path.write_text(": royal\nman king woman queen\nman woman king car\nman king woman prince\n: none\n")
    score, sections = wv.evaluate_word_analogies(path)
    assert score == 0.5
    assert sections[0] == {
        "section": "royal",
        "correct": [("MAN", "KING", "WOMAN", "QUEEN")],
        "incorrect": [("MAN", "WOMAN", "KING", "CAR")],
    }
    assert sections[1] == {"section": "none", "correct": [], "incorrect": []}
    assert sections[2]["section"] == "Total accuracy"
    assert wv.evaluate_word_analogies(path, dummy4unknown=True)[0] == 1 / 3
    assert wv.evaluate_word_analogies(path, restrict_vocab=2)[0] == 0
    path.write_text("man king woman queen\n")
    with pytest.raises(ValueError, match='line 1: a section line ": name" must come'):
        wv.evaluate_word_analogies(path)
    path.write_text(": empty\n")
    with pytest.raises(ValueError, match="holds no questions"):
        wv.evaluate_word_analogies(path)
    path.write_bytes(b": a\n\xff b c d\n")
    with pytest.raises(ValueError, match=r"questions.txt is not valid utf-8"):
        wv.evaluate_word_analogies(path)


def pairs_file(path, words, delimiter="\t"):
    rng = np.random.default_rng(5)
    lines = ["# a comment", delimiter.join(("Word 1", "Word 2", "Human (mean)")), "too" + delimiter + "short"]
    words = [*words, "unknown"]
    pairs = [(a, b) for i, a in enumerate(words) for b in words[:i]]  # each once: no ties that rounding would break
    for i in rng.permutation(len(pairs))[:60]:
        a, b = pairs[i]
        lines.append(delimiter.join((a, b, str(rng.integers(0, 10) / 2))))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("options", [{}, {"dummy4unknown": True}, {"restrict_vocab": 12}, {"delimiter": ","}])
def test_pairs_agree_with_gensim(tmp_path, options):
    ours, theirs = random_pair(30)
    path = str(pairs_file(tmp_path / "pairs.tsv", ours.index_to_key, options.get("delimiter", "\t")))
    got, expected = (kv.evaluate_word_pairs(path, **options) for kv in (ours, theirs))
    np.testing.assert_allclose(np.hstack(got), np.hstack(expected), rtol=1e-4, atol=1e-6)


def test_pairs(wv, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("king\tqueen\t9\nman\tprince\t5\n")
    result = wv.evaluate_word_pairs(path)
    assert result[2] == 50
    assert np.isnan(result[0].statistic)
    path.write_text("king,queen,9\n")
    with pytest.raises(ValueError, match="no rated pair of known words"):
        wv.evaluate_word_pairs(path)


@pytest.mark.parametrize("n", [2, 3, 4, 10, 500])
def test_p_values(n):
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(n)
    for weight in (0, 0.1, 1, 10):
        x = rng.standard_normal(n)
        y = weight * x + rng.standard_normal(n)
        np.testing.assert_allclose(pearson(x, y), stats.pearsonr(x, y), rtol=1e-9, atol=1e-300)


def test_foreign_byte_order():
    values = np.eye(2, 3) + 1
    foreign, native = (KeyedVectors.from_arrays(["a", "b"], values.astype(kind)) for kind in (">f4", "f4"))
    assert foreign.vectors.dtype == np.float32
    assert foreign.most_similar("a") == native.most_similar("a")
    np.testing.assert_array_equal(foreign.norms, native.norms)


def test_what_is_no_query_or_matrix(wv):
    for bad in (np.ones((1, 2), complex), np.array([[None, 1.0]]), [["x", "y"]]):
        with pytest.raises(TypeError, match="real numbers"):
            KeyedVectors.from_arrays(["a"], bad)
    for ask in (wv.most_similar, wv.most_similar_cosmul):
        for topn in (1.5, "3"):
            with pytest.raises(TypeError, match="topn"):
                ask("king", topn=topn)
        with pytest.raises(ValueError, match="topn"):
            ask("king", topn=-1)
    with pytest.raises(TypeError, match="topn"):
        wv.most_similar_batch(["king"], topn=None)
    for count in (1, 2):
        with pytest.raises(ValueError, match=rf"positive: expected vectors \[Q, .*\({count}, 3\)"):
            wv.most_similar_batch(np.ones((count, 3)))
    for ask in (wv.most_similar_batch, wv.get_vectors):
        with pytest.raises(TypeError, match=r"\['king'\]"):
            ask("king")


def test_iterating_gives_the_keys(wv):
    assert list(wv) == WORDS


def test_an_assigned_matrix_is_checked_and_its_norms_are_new(wv):
    assert wv.similarity("king", "queen") < 1
    wv.vectors = np.ones(wv.vectors.shape, np.int64)
    assert wv.vectors.dtype == np.float32 and wv.similarity("king", "queen") == pytest.approx(1)
    assert [cosine for _, cosine in wv.most_similar("king", topn=2)] == pytest.approx([1, 1])
    for wrong, error in ((np.ones(3), ValueError), (np.ones((2, 0)), ValueError), (np.array([["a"]]), TypeError)):
        with pytest.raises(error, match="vectors"):
            wv.vectors = wrong


def test_search_among_given_words_or_with_a_mask():
    vectors = np.random.default_rng(4).standard_normal((50, 6))
    wv = KeyedVectors.from_arrays([f"w{i}" for i in range(50)], vectors)
    chosen = ["w40", "w3", "w7", "w3", "w21"]
    mask = np.zeros(50, bool)
    mask[[3, 7, 21, 40]] = True
    expected = [pair for pair in wv.most_similar("w7", topn=50) if pair[0] in chosen]
    for among in (chosen, mask, np.array(chosen)):
        assert wv.most_similar("w7", among=among) == expected
        assert wv.most_similar_batch(["w7", "w1"], topn=2, among=among)[0] == expected[:2]
    assert wv.most_similar("w7", topn=None, among=chosen).tolist() == pytest.approx(
        [wv.similarity("w7", f"w{i}") for i in (3, 7, 21, 40)]
    )
    assert wv.most_similar("w7", among=chosen, restrict_vocab=10) == [p for p in expected if p[0] == "w3"]
    assert wv.most_similar("w7", among=[]) == [] == wv.most_similar("w7", among=np.zeros(50, bool))
    with pytest.raises(KeyError, match="1 of 2 keys not present: 'tram'"):
        wv.most_similar("w7", among=["w1", "tram"])
    with pytest.raises(ValueError, match=r"among: expected a mask of shape \(50,\), got \(3,\)"):
        wv.most_similar("w7", among=np.ones(3, bool))
    with pytest.raises(TypeError, match="among: expected a list of keys, got a string"):
        wv.most_similar("w7", among="w1")


def test_removed_words_are_gone_with_all_that_belongs_to_them():
    wv = KeyedVectors.from_arrays(["a", "b", "c", "d"], np.eye(4), counts=[4, 3, 2, 1])
    wv.remove_vectors("b")
    wv.remove_vectors(np.array(["d"]))
    assert wv.index_to_key == ["a", "c"] and "b" not in wv and wv.vectors.tolist() == np.eye(4)[[0, 2]].tolist()
    assert wv.get_vecattr("c", "count") == 2 and len(wv.norms) == 2
    with pytest.raises(KeyError, match="1 of 2 keys not present: 'b'"):
        wv.remove_vectors(["a", "b"])
    assert wv.index_to_key == ["a", "c"]
    wv.add_vectors("b", np.ones(4))
    assert wv.index_to_key == ["a", "c", "b"]


def test_squares_of_float16_that_it_cannot_hold_are_no_trouble():
    rows = np.random.default_rng(3).uniform(-9000, 9000, (20, 8)).astype(np.float16)
    halves, wide = (KeyedVectors.from_arrays([f"w{i}" for i in range(20)], rows.astype(kind)) for kind in ("f2", "f4"))
    np.testing.assert_allclose(np.linalg.norm(halves.get_vector("w1", norm=True)), 1, rtol=1e-3)
    assert halves.similarity("w1", "w2") == pytest.approx(wide.similarity("w1", "w2"), abs=1e-3)
    for ask in ({"positive": "w1"}, {"positive": ["w1", "w2"], "negative": ["w3"]}):
        (word, _), (expected, _) = halves.most_similar(**ask, topn=1)[0], wide.most_similar(**ask, topn=1)[0]
        assert word == expected
        cosines, wanted = halves.most_similar(**ask, topn=None), wide.most_similar(**ask, topn=None)
        np.testing.assert_allclose(cosines, wanted, atol=2e-3)


def test_a_vector_of_small_integers_is_looked_up_like_one_of_floats():
    wv = KeyedVectors.from_arrays(["a", "b"], np.array([[1.0, 0.5], [-1.0, 0.25]]))
    small, same = np.array([100, -90], np.int8), np.array([100.0, -90.0])
    assert wv.most_similar_cosmul([small]) == wv.most_similar_cosmul([same])
    np.testing.assert_array_equal(wv.distances(small), wv.distances(same))


def test_near_spellings_are_words():
    wv = KeyedVectors.from_arrays(["Cat", 7, "cats", "dog"], np.eye(4))
    assert near_spellings(wv, "cat") == ["Cat"] and near_spellings(wv, "catz") == ["cats"]
    assert near_spellings(KeyedVectors(2, 3), "cat") == []
