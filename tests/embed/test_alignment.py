"""Alignment of spaces: known rotations come back, CSLS and Procrustes equal their formulas, and bad pairs are refused."""

import numpy as np
import pytest

from seqnn import FastText, KeyedVectors
from seqnn.embed import align, align_sequence, csls_neighbors, induce_dictionary


def turned(rng, size):
    return np.linalg.qr(rng.standard_normal((size, size)))[0]


def spaces(kind=np.float32, noise=0.05, words=120, size=10):
    """A source, and its rotated, shifted, rescaled target, whose words are in another order."""
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((words, size))
    other = (vectors + noise * rng.standard_normal(vectors.shape)) @ turned(rng, size)
    other *= rng.uniform(0.5, 2, (words, 1))
    order = rng.permutation(words)
    source = KeyedVectors.from_arrays([f"s{i}" for i in range(words)], vectors.astype(kind))
    target = KeyedVectors.from_arrays([f"t{i}" for i in order], other[order].astype(kind))
    return source, target


def pairs(first, last):
    return [(f"s{i}", f"t{i}") for i in range(first, last)]


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def csls(x, y, others, k):
    """Conneau et al. (2018), section 2.3, for all pairs."""
    cosines = unit(x) @ unit(y).T
    near_y = np.sort(unit(y) @ unit(others).T, axis=1)[:, -k:].mean(1)
    return 2 * cosines - np.sort(cosines, axis=1)[:, -k:].mean(1)[:, None] - near_y


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["csls", "cosine"])
def test_words_that_were_not_given_are_translated(kind, method):
    source, target = spaces(kind)
    both = align(source, target, pairs(0, 40), normalize=("unit",))
    assert both.precision(pairs(40, 120), method=method) == {1: 1.0, 5: 1.0, 10: 1.0}
    assert both.translate(["s50"], topn=1, method=method)[0][0][0] == "t50"
    np.testing.assert_allclose(both.rotation @ both.rotation.T, np.eye(10), atol=1e-12)


def test_the_rotation_is_that_of_scipy():
    linalg = pytest.importorskip("scipy.linalg")
    source, target = spaces(np.float64, noise=1.0)
    both = align(source, target, pairs(0, 60), normalize=())
    y = target.get_vectors([f"t{i}" for i in range(60)])
    expected, _ = linalg.orthogonal_procrustes(source.vectors[:60], y)
    np.testing.assert_allclose(both.rotation, expected, atol=1e-12)


def test_normalisation_goes_through_its_steps_in_order_on_both_sides():
    source, target = spaces(np.float64)
    both = align(source, target, pairs(0, 40))
    centred = unit(target.vectors) - unit(target.vectors).mean(0)
    np.testing.assert_allclose(both.target.vectors, unit(centred), atol=1e-12)
    np.testing.assert_allclose(both.map(source.vectors), both.source.vectors, atol=1e-12)
    kept = align(source, target, pairs(0, 40), normalize=())
    np.testing.assert_array_equal(kept.target.vectors, target.vectors)
    np.testing.assert_allclose(
        kept.source.similarities(["s1"], ["s2"]), source.similarities(["s1"], ["s2"]), atol=1e-12
    )


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_csls_equals_its_formula(kind):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((40, 8)).astype(kind), rng.standard_normal((30, 8)).astype(kind)
    expected = csls(x[:7], y, x, 5)
    ids, scores = csls_neighbors(x[:7], y, topn=4, k=5, others=x)
    np.testing.assert_array_equal(ids, np.argsort(-expected, axis=1)[:, :4])
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1)[:, :4], atol=1e-5 if kind == np.float32 else 1e-13)


def test_csls_brings_a_hub_down():
    """A row near to everything is the nearest by cosine of many queries, and by CSLS of none."""
    rng = np.random.default_rng(5)
    shift = 3 * np.eye(20)[0]
    x = rng.standard_normal((60, 20)) + shift
    y = np.concatenate([x + 1.2 * rng.standard_normal(x.shape), shift[None]])
    cosine = (unit(x) @ unit(y).T).argmax(1)
    ours = csls_neighbors(x, y, topn=1)[0][:, 0]
    assert (cosine == 60).sum() > 5 > (ours == 60).sum()
    assert (ours == np.arange(60)).sum() > (cosine == np.arange(60)).sum()


def test_a_dictionary_is_the_pairs_that_are_each_others_nearest():
    source, target = spaces()
    both = align(source, target, pairs(0, 40))
    assert induce_dictionary(both.source, both.target) == pairs(0, 120)
    assert induce_dictionary(both.source, both.target, max_rank=0) == []
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((30, 6)), rng.standard_normal((20, 6))
    scores = csls(x, y, x, 3) + (y.dtype.type(0))
    near = np.sort(unit(x) @ unit(y).T, axis=1)[:, -3:].mean(1)
    back = 2 * unit(y) @ unit(x).T - near
    forth = scores.argmax(1)
    expected = [(i, int(j)) for i, j in enumerate(forth) if back[j].argmax() == i]
    assert induce_dictionary((x, range(30)), (y, range(20)), k=3) == expected


def test_refinement_mends_a_dictionary_with_wrong_pairs():
    source, target = spaces(noise=0.3, words=300)
    given = pairs(0, 25) + [(f"s{i}", f"t{i + 1}") for i in range(25, 45)]
    plain = align(source, target, given)
    refined = align(source, target, given, iterations=4)
    right = pairs(100, 300)
    assert refined.precision(right)[1] > plain.precision(right)[1]
    assert len(refined.pairs) > 200


def test_refinement_stops_where_too_few_pairs_are_found():
    rng = np.random.default_rng(0)
    words, vectors = [f"w{i}" for i in range(60)], rng.standard_normal((60, 28))
    first, last = KeyedVectors.from_arrays(words, vectors), KeyedVectors.from_arrays(words[::-1], vectors[::-1])
    with pytest.warns(
        UserWarning, match=r"stopped after 0 of 3: only \d+ pairs are each other's nearest, fewer than the 28"
    ):
        both = align(first, last, None, iterations=3, max_rank=28)  # the first words of each side are the other's last
    assert len(both.pairs) == 60


def test_pairs_come_from_a_file_a_dict_or_the_spelling(tmp_path):
    source, target = spaces()
    path = tmp_path / "dictionary.txt"
    path.write_text(
        "".join(f"{a} {b}\n" for a, b in pairs(0, 30)) + "\n" + "".join(f"{a}\t{b}\n" for a, b in pairs(30, 40))
    )
    expected = align(source, target, pairs(0, 40))
    for given in (path, str(path), dict(pairs(0, 40)), pairs(0, 40) + pairs(0, 10)):
        got = align(source, target, given)
        np.testing.assert_array_equal(got.rotation, expected.rotation)
        assert got.pairs == pairs(0, 40)
    path.write_text("s1 t1\ns2 t2 t3\n")
    with pytest.raises(ValueError, match=r'dictionary.txt: line 2: expected "word word", got \'s2 t2 t3\''):
        align(source, target, path)
    path.write_text("\n")
    with pytest.raises(ValueError, match=r"dictionary.txt: no pairs"):
        align(source, target, path)
    alike = KeyedVectors.from_arrays([f"s{w[1:]}" for w in target.index_to_key[:40]] + ["other"], target.vectors[:41])
    assert set(align(source, alike, None).pairs) == {(w, w) for w in alike.index_to_key[:40]}


def test_fewer_pairs_than_dimensions_are_refused():
    source, target = spaces()
    reason = "expected at least 10 different pairs of known words, one for each dimension .* got 9: .* not determined"
    with pytest.raises(ValueError, match=f"pairs: {reason}"):
        align(source, target, pairs(0, 9) * 3)
    with pytest.raises(ValueError, match=r"pairs: .* got 0"):
        align(source, target, None)


def test_words_without_a_vector_are_counted_and_named():
    source, target = spaces()
    given = [("s1", "Haus"), ("house", "t1"), ("house", "Haus"), *pairs(2, 40)]
    message = "pairs: 3 of 41 pairs hold a word without a vector; source lacks 1: 'house'; target lacks 1: 'Haus'"
    with pytest.raises(KeyError, match=f"{message}; missing='drop' leaves these pairs out"):
        align(source, target, given)
    with pytest.warns(UserWarning, match=message):
        assert align(source, target, given, missing="drop").pairs == pairs(2, 40)
    with pytest.raises(KeyError, match="words: 1 of 2 words have no vector: 'house'"):
        align(source, target, pairs(0, 40)).translate(["s1", "house"])


def test_bad_input_is_named():
    source, target = spaces()
    small = KeyedVectors.from_arrays(["a"], np.ones((1, 4)))
    with pytest.raises(ValueError, match="source and target: expected vectors of one size, got 10 and 4"):
        align(source, small, pairs(0, 40))
    with pytest.raises(ValueError, match="normalize: expected a sequence of 'unit' and 'center', got 'unit'"):
        align(source, target, pairs(0, 40), normalize="unit")
    with pytest.raises(ValueError, match="method: expected 'csls' or 'cosine', got 'nn'"):
        align(source, target, pairs(0, 40), method="nn")
    with pytest.raises(ValueError, match="missing: expected 'raise' or 'drop', got 'skip'"):
        align(source, target, pairs(0, 40), missing="skip")
    with pytest.raises(ValueError, match=r"pairs: expected pairs \(source word, target word\), got 'ab'"):
        align(source, target, ["ab"])
    with pytest.raises(ValueError, match=r"pairs: expected pairs \(source word, target word\), got 1"):
        align(source, target, [1, 2])
    with pytest.raises(TypeError, match=r"pairs: expected pairs .* a file or None, got 5"):
        align(source, target, 5)
    with pytest.raises(ValueError, match="max_rank: expected an integer >= 0, got -1"):
        induce_dictionary(source, target, max_rank=-1)
    with pytest.raises(ValueError, match="iterations: expected an integer >= 0, got -1"):
        align(source, target, pairs(0, 40), iterations=-1)
    with pytest.raises(ValueError, match="max_rank: expected an integer >= 10, got 5"):
        align(source, target, pairs(0, 40), max_rank=5)
    broken = target.vectors.copy()
    broken[7, 2] = np.nan
    with pytest.raises(ValueError, match="target: expected finite vectors, got NaN or infinity"):
        align(source, (broken, target.index_to_key), pairs(0, 40))
    both = align(source, target, pairs(0, 40))
    with pytest.raises(ValueError, match=r"vectors: expected a matrix \[N, 10\], got shape \(10,\)"):
        both.map(source.vectors[0])
    with pytest.raises(ValueError, match="k: expected an integer >= 1, got 0"):
        both.translate(["s1"], k=0)
    with pytest.raises(ValueError, match=r"queries: expected a matrix of numbers, got shape \(0, 3\)"):
        csls_neighbors(np.zeros((0, 3)), np.eye(3))
    with pytest.raises(ValueError, match="rows of one size, got 2, 3, 2"):
        csls_neighbors(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match="source and target: expected vectors of one size, got 2 and 3"):
        induce_dictionary((np.eye(2), "ab"), (np.eye(3), "cde"))


@pytest.fixture(scope="module")
def times():
    """Three times: words come and go, and one word moves."""
    rng = np.random.default_rng(8)
    base = rng.standard_normal((60, 12)).astype(np.float32)
    made = []
    for time in range(3):
        vectors = base + 0.05 * rng.standard_normal(base.shape).astype(np.float32)
        vectors[5] = base[5] if time == 0 else base[6]
        kept = [i for i in range(60) if i != 20 + time]
        words = [f"w{i}" for i in kept]
        made.append(KeyedVectors.from_arrays(words, vectors[kept] @ turned(rng, 12).astype(np.float32)))
    return made


def test_successive_spaces_come_into_the_first_ones(times):
    aligned = align_sequence(times)
    assert aligned[0] is times[0]
    for space, before in zip(aligned, times, strict=True):
        assert space.index_to_key == before.index_to_key
        assert abs(space.similarity("w1", "w2") - before.similarity("w1", "w2")) < 1e-5
    moved = {w: float(unit(aligned[0][w]) @ unit(aligned[2][w])) for w in aligned[0].index_to_key if w in aligned[2]}
    assert min(moved, key=moved.get) == "w5"
    assert min(value for word, value in moved.items() if word != "w5") > 0.9


def test_anchors_alone_determine_the_rotations(times):
    anchors = [f"w{i}" for i in range(30, 60)]
    aligned = align_sequence(times, anchors)
    a, b = (unit(space.get_vectors(anchors)) for space in (aligned[0], times[1]))
    a, b = a - a.mean(0), b - b.mean(0)
    left, _, right = np.linalg.svd(b.T @ a)
    np.testing.assert_allclose(aligned[1].vectors, times[1].vectors @ (left @ right), atol=1e-5)


def test_a_sequence_that_cannot_be_aligned_says_which_spaces(times):
    with pytest.raises(ValueError, match="spaces: expected at least two, got 1"):
        align_sequence(times[:1])
    with pytest.raises(ValueError, match="spaces 0 and 1: expected at least 12 different pairs of known words"):
        align_sequence(times, ["w1", "w2"])
    with pytest.raises(KeyError, match=r"anchors of spaces 0 and 1: 1 of 59 pairs .* target lacks 1: 'w20'"):
        align_sequence(times, times[1].index_to_key, missing="raise")
    with pytest.raises(TypeError, match="anchors: expected a list of words, got a string"):
        align_sequence(times, "w1")
    with pytest.raises(ValueError, match=r"spaces: expected vectors of one size, got \[2, 12\]"):
        align_sequence([times[0], (np.eye(2), "ab")])


def test_the_ngrams_of_fasttext_vectors_are_rotated_too():
    corpus = [["night", "day", "nightly", "daily", "today", "tonight"]] * 30
    first, second = (
        FastText(corpus, vector_size=4, min_count=1, epochs=1, bucket=100, seed=seed, verbose=0).wv for seed in (1, 2)
    )
    aligned = align_sequence([first, second])[1]
    turn = np.linalg.lstsq(second.vectors, aligned.vectors, rcond=None)[0]
    np.testing.assert_allclose(aligned["nights"], second["nights"] @ turn, atol=1e-4)


def test_spaces_may_be_a_generator_and_a_single_number_of_translations_is_enough(times):
    assert len(align_sequence(space for space in times)) == len(times)
    both = align(times[0], times[0], None)
    assert both.precision([("w1", "w1")], topn=1) == both.precision([("w1", "w1")], topn=[1]) == {1: 1.0}
    with pytest.raises(ValueError, match="normalize: expected a sequence of 'unit' and 'center', got 5"):
        align(times[0], times[0], None, normalize=5)
