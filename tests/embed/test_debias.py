"""Debiasing on constructed vectors, where the answer is known, and on trained ones."""

import itertools
import json
import math

import numpy as np
import pytest

from seqnn.embed import (
    HardDebias,
    KeyedVectors,
    SoftDebias,
    Word2Vec,
    bias_direction,
    compare_debiased,
    direct_bias,
    gender_words,
    weat,
)
from seqnn.embed._bias._soft_transform import soft_transform

PAIRS = [("she", "he"), ("woman", "man"), ("girl", "boy")]
NEUTRAL = ["nurse", "doctor", "chair", "tree", "river"]
WORDS = [*itertools.chain(*PAIRS), "queen", "king", *NEUTRAL]


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@pytest.fixture(name="matrix", params=[np.float32, np.float64])
def constructed(request):
    """Pairs differ along the first axis, by different amounts and with some noise; all else is random."""
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((len(WORDS), 10))
    for k in range(4):
        matrix[2 * k + 1] = matrix[2 * k] + 0.05 * rng.standard_normal(10)
        matrix[2 * k, 0] += 2 + k
        matrix[2 * k + 1, 0] -= 2 + k
    return matrix.astype(request.param)


def tolerance(matrix):
    return 1e-6 if matrix.dtype == np.float32 else 1e-14


@pytest.mark.parametrize("method", ["pca", "mean"])
def test_the_direction_of_exact_pairs(method):
    axis = unit(np.array([1.0, 2.0, -2.0, 0.0]))
    across = np.array([[0.0, 1, 1, 3], [2, 0, 1, -1], [0, 0, 0, 1]])  # orthogonal to the axis
    matrix = np.stack([x + sign * axis for x in across for sign in (1, -1)])
    direction = bias_direction((matrix, WORDS[:6]), PAIRS, method=method)
    np.testing.assert_allclose(direction, axis, atol=1e-15)
    swapped = bias_direction((matrix, WORDS[:6]), [(b, a) for a, b in PAIRS], method=method)
    np.testing.assert_allclose(swapped, -axis, atol=1e-15)


def test_pca_is_the_first_axis_of_the_centred_pairs(matrix):
    debias = HardDebias(n_components=2).fit((matrix, WORDS), PAIRS)
    rows = unit(matrix[:6].astype(np.float64)).reshape(3, 2, 10)
    centred = (rows - rows.mean(1, keepdims=True)).reshape(6, 10)
    values, axes = np.linalg.eigh(centred.T @ centred)
    np.testing.assert_allclose(np.abs(debias.subspace_ @ axes[:, [-1, -2]]), np.eye(2), atol=1e-6)
    np.testing.assert_allclose(debias.explained_variance_ratio_[:3], (values / values.sum())[:-4:-1], atol=1e-6)
    assert debias.direction_ @ (rows[0, 0] - rows[0, 1]) > 0


@pytest.mark.parametrize(("method", "n_components"), [("pca", 1), ("pca", 2), ("mean", 1)])
def test_neutral_words_have_no_projection_and_keep_the_rest(matrix, method, n_components):
    debias = HardDebias(method=method, n_components=n_components).fit((matrix, WORDS), PAIRS, equalize_pairs=())
    after, words = debias.transform((matrix, WORDS), ignore=[*itertools.chain(*PAIRS), "queen", "unknown"])
    assert words == WORDS
    assert after.dtype == matrix.dtype
    before = unit(matrix)
    neutral = [WORDS.index(w) for w in [*NEUTRAL, "king"]]
    kept = np.setdiff1d(np.arange(len(WORDS)), neutral)
    assert np.abs(after[neutral] @ debias.subspace_.T).max() < tolerance(matrix)
    assert np.abs(before[neutral] @ debias.subspace_.T).max() > 0.1
    rest = before[neutral] - before[neutral] @ debias.subspace_.T @ debias.subspace_
    np.testing.assert_allclose(after[neutral], unit(rest), atol=1e-6)
    np.testing.assert_allclose(after[kept], before[kept], atol=1e-6)
    assert direct_bias((after, WORDS), NEUTRAL, debias.direction_) < tolerance(matrix)


def test_equalised_pairs_are_equidistant_from_every_neutral_word(matrix):
    equal = [*PAIRS, ("queen", "king")]
    debias = HardDebias().fit((matrix, WORDS), PAIRS, equalize_pairs=equal)
    after, _ = debias.transform((matrix, WORDS))
    neutral = after[len(WORDS) - len(NEUTRAL) :].astype(np.float64)
    for first, second in equal:
        a, b = (after[WORDS.index(w)].astype(np.float64) for w in (first, second))
        np.testing.assert_allclose(neutral @ a, neutral @ b, atol=tolerance(matrix))
        np.testing.assert_allclose(np.linalg.norm(neutral - a, axis=1), np.linalg.norm(neutral - b, axis=1), atol=1e-6)
        assert np.linalg.norm(a) == pytest.approx(1, abs=1e-6)
        # They differ along the direction only, to both sides of it, and keep their order.
        np.testing.assert_allclose(a - b, (a - b) @ debias.direction_ * debias.direction_, atol=tolerance(matrix))
        assert a @ debias.direction_ > 0.1
        assert a @ debias.direction_ == pytest.approx(-b @ debias.direction_, abs=1e-6)


def test_larger_sets_are_equalised(matrix):
    debias = HardDebias(n_components=2).fit((matrix, WORDS), PAIRS, equalize_pairs=[("queen", "king", "tree")])
    after, _ = debias.transform((matrix, WORDS))
    three = after[[WORDS.index(w) for w in ("queen", "king", "tree")]].astype(np.float64)
    for word in ("nurse", "chair"):
        distances = three @ after[WORDS.index(word)].astype(np.float64)
        np.testing.assert_allclose(distances, distances[0], atol=1e-6)


def test_defaults_are_those_of_the_definitional_pairs(matrix):
    debias = HardDebias().fit((matrix, WORDS), PAIRS)
    assert debias.equalize_pairs_ == debias.definitional_pairs_ == PAIRS
    only = debias.transform((matrix, WORDS), target=["nurse"])[0]
    others = [WORDS.index(w) for w in NEUTRAL if w != "nurse"]
    np.testing.assert_allclose(only[others], unit(matrix[others]), atol=1e-6)
    assert abs(only[WORDS.index("nurse")] @ debias.direction_) < tolerance(matrix)


def test_keyed_vectors_keep_their_words_and_counts(matrix):
    wv = KeyedVectors.from_arrays(WORDS, matrix.copy(), counts=np.arange(len(WORDS)))
    debias = HardDebias().fit(wv, PAIRS)
    after = debias.transform(wv)
    assert after is not wv
    np.testing.assert_array_equal(wv.vectors, matrix)
    assert (after.index_to_key, after.get_vecattr("nurse", "count")) == (WORDS, WORDS.index("nurse"))
    np.testing.assert_array_equal(after.vectors, debias.transform((matrix, WORDS))[0])
    wv.fill_norms()
    assert debias.transform(wv, copy=False) is wv
    np.testing.assert_array_equal(wv.vectors, after.vectors)
    np.testing.assert_allclose(wv.norms, 1, atol=1e-6)


def test_in_place_on_a_matrix_and_on_zero_vectors(matrix):
    matrix[-1] = 0
    again = matrix.copy()
    debias = HardDebias().fit((matrix, WORDS), PAIRS)
    result, _ = debias.transform((matrix, WORDS), copy=False)
    assert result is matrix
    np.testing.assert_array_equal(result, debias.transform((again, WORDS))[0])
    assert not matrix[-1].any()
    again.setflags(write=False)
    with pytest.raises(ValueError, match="use copy=True"):
        debias.transform((again, WORDS), copy=False)


# --- soft debiasing


def soft_problem(words, dim, k, neutral, seed=0):
    """W [words, dim] with rows of length 1, its neutral part, and a bias subspace within its span."""
    rng = np.random.default_rng(seed)
    w = unit(rng.standard_normal((words, dim)) * np.linspace(0.3, 2, dim))
    basis = np.linalg.qr((rng.standard_normal((k, words)) @ w).T)[0].T
    return w, w[:neutral], basis


def objective(x, w, n, basis, strength):
    return np.linalg.norm(w @ (x - np.eye(len(x))) @ w.T) ** 2 + strength * np.linalg.norm(n @ x @ basis.T) ** 2


@pytest.mark.parametrize(("words", "dim", "k", "neutral"), [(60, 8, 1, 50), (60, 8, 3, 60), (6, 9, 1, 5)])
@pytest.mark.parametrize("strength", [0.2, 10.0, 1e4])
def test_the_soft_map_is_the_minimum(words, dim, k, neutral, strength):
    w, n, basis = soft_problem(words, dim, k, neutral)
    t = soft_transform(w.T @ w, n.T @ n, basis, strength)
    np.testing.assert_allclose(t, t.T, atol=1e-12)
    best = objective(t @ t, w, n, basis, strength)
    assert best < objective(np.eye(dim), w, n, basis, strength)
    rng = np.random.default_rng(1)
    for size in (1e-4, 1e-3, 1e-2, 1e-1):
        for _ in range(40):
            other = t + size * rng.standard_normal(t.shape)
            assert objective(other.T @ other, w, n, basis, strength) >= best * (1 - 1e-9) - 1e-9


def test_the_soft_minimum_where_the_constraint_acts():
    """Here the minimum over all symmetric X has a negative eigenvalue, so the projected gradients have to work."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        w = unit(rng.standard_normal((4, 2)) * [1, 0.3])
        basis = unit(rng.standard_normal((1, 2)))
        t = soft_transform(w.T @ w, w[:2].T @ w[:2], basis, 50.0)
        if np.linalg.eigvalsh(t)[0] < 1e-7:
            break
    else:
        pytest.fail("no such problem was found")
    best = objective(t @ t, w, w[:2], basis, 50.0)
    angles, sizes = np.linspace(0, np.pi, 181), np.linspace(0, 2, 81)
    for angle in angles:
        axes = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        for size in sizes:
            x = axes @ np.diag([size, 0.0]) @ axes.T
            assert objective(x, w, w[:2], basis, 50.0) >= best - 1e-9


def test_soft_debias_goes_from_nothing_to_neutralising(matrix):
    before = direct_bias((matrix, WORDS), NEUTRAL, HardDebias().fit((matrix, WORDS), PAIRS).direction_)
    found = []
    for strength in (0, 0.3, 3, 3e5):
        soft = SoftDebias(strength=strength).fit((matrix, WORDS), PAIRS, neutral_words=NEUTRAL)
        after, _ = soft.transform((matrix, WORDS))
        np.testing.assert_allclose(np.linalg.norm(after, axis=1), 1, atol=1e-6)
        bias = unit(soft.matrix_ @ soft.direction_)  # the bias is mapped as well
        found.append(direct_bias((after, WORDS), NEUTRAL, bias))
        if strength == 0:
            np.testing.assert_allclose(after, unit(matrix), atol=1e-6)
    assert found[0] == pytest.approx(before, rel=1e-5)
    assert sorted(found, reverse=True) == found
    assert found[-1] < 1e-2 * before


def test_soft_debias_keeps_what_it_ignores(matrix):
    soft = SoftDebias().fit((matrix, WORDS), PAIRS)
    after = soft.transform((matrix, WORDS), ignore=["tree"])[0]
    np.testing.assert_allclose(after[WORDS.index("tree")], unit(matrix[WORDS.index("tree")]), atol=1e-6)
    assert soft.lambda_ == pytest.approx(len(WORDS) / 10)


# --- measures


def test_direct_bias_is_the_published_formula(matrix):
    direction = np.arange(10.0) - 3
    cosines = np.abs(unit(matrix[8:].astype(np.float64)) @ unit(direction))
    for c in (0.5, 1, 2):
        assert direct_bias((matrix, WORDS), NEUTRAL, direction, c=c) == pytest.approx(np.mean(cosines**c))
    assert direct_bias((np.eye(2), ["a", "b"]), ["a", "b"], [1, 0], c=0) == 0.5


def weat_reference(x, y, a, b):
    """Caliskan et al. with loops."""

    def s(w):
        return np.mean([unit(w) @ unit(v) for v in a]) - np.mean([unit(w) @ unit(v) for v in b])

    values = [s(w) for w in (*x, *y)]
    effect = (np.mean(values[: len(x)]) - np.mean(values[len(x) :])) / np.std(values, ddof=1)
    parts = [sum(part) for part in itertools.combinations(values, len(x))]
    return effect, np.mean([part >= sum(values[: len(x)]) - 1e-12 for part in parts])


@pytest.mark.parametrize("sizes", [(4, 4), (3, 5)])
def test_weat_is_the_reference_and_sampling_comes_near(sizes):
    rng = np.random.default_rng(4)
    matrix = rng.standard_normal((14, 6))
    matrix[: sizes[0], 0] += 1
    words = [f"w{i}" for i in range(14)]
    cuts = np.cumsum([0, *sizes, 3, 3])
    sets = [words[i:j] for i, j in itertools.pairwise(cuts)]
    effect, p = weat_reference(*(matrix[i:j] for i, j in itertools.pairwise(cuts)))
    result = weat((matrix, words), *sets)
    assert result.effect_size == pytest.approx(effect)
    assert result.p_value == pytest.approx(p)
    assert (result.exact, result.partitions) == (True, math.comb(8, sizes[0]))
    opposite = weat((matrix, words), sets[1], sets[0], sets[2], sets[3])
    assert opposite.effect_size == pytest.approx(-effect)
    assert opposite.statistic == pytest.approx(-result.statistic)
    sampled = weat((matrix, words), *sets, permutations=50, seed=3)
    assert sampled == weat((matrix, words), *sets, permutations=50, seed=3)
    assert not sampled.exact and sampled.partitions == 50
    assert abs(sampled.p_value - p) < 4 * math.sqrt(0.25 / 50)


# --- trained vectors


@pytest.fixture(name="trained", scope="module")
def trained_vectors():
    """Nurses are women and engineers men in this text, and nothing else about them differs."""
    rng = np.random.default_rng(0)
    women, men = ["she", "woman", "girl", "herself"], ["he", "man", "boy", "himself"]
    work = ["works", "hard", "every", "day", "today", "here"]
    text = []
    for _ in range(4000):
        people, jobs = [(women, ["nurse", "dancer"]), (men, ["engineer", "captain"])][rng.integers(2)]
        text.append([rng.choice(people), "is", "a", rng.choice(jobs), rng.choice(people), *rng.choice(work, 2)])
    model = Word2Vec(text, vector_size=24, min_count=1, epochs=8, seed=1, sample=0, sg=1, workers=1, verbose=0)
    return model.wv


def test_debiasing_trained_vectors(trained):
    pairs = [("she", "he"), ("woman", "man"), ("herself", "himself")]
    jobs = ["nurse", "dancer", "engineer", "captain"]
    hard = HardDebias().fit(trained, pairs)
    soft = SoftDebias(strength=2).fit(trained, pairs, neutral_words=jobs)
    sets = {"jobs": (jobs[:2], jobs[2:], ["she", "woman", "girl"], ["he", "man", "boy"])}
    neutral = {"direction": hard.direction_, "neutral_words": jobs, "weat_sets": sets}
    by_hard = compare_debiased(trained, hard.transform(trained), **neutral)
    by_soft = compare_debiased(trained, soft.transform(trained), **neutral)
    assert by_hard["direct bias"].before > 0.03
    assert by_hard["direct bias"].after < 1e-6
    assert by_soft["direct bias"].after < 0.8 * by_soft["direct bias"].before
    assert by_hard["jobs: effect size"].before > 1
    assert by_hard["jobs: p-value"].before == pytest.approx(1 / 6)
    after = hard.transform(trained)
    for a, b in pairs:
        np.testing.assert_allclose(after.similarities([a], jobs), after.similarities([b], jobs), atol=1e-5)


def test_the_built_in_lists_are_the_default(trained):
    debias = HardDebias().fit(trained)
    assert debias.definitional_pairs_ == [("woman", "man"), ("girl", "boy"), ("she", "he"), ("herself", "himself")]
    assert set(debias.equalize_pairs_) == {("he", "she"), ("boy", "girl"), ("himself", "herself"), ("man", "woman")}
    after = debias.transform(trained)
    assert np.abs(after.get_vectors(["nurse", "captain", "hard"]) @ debias.direction_).max() < 1e-6
    assert SoftDebias().fit(trained).direction_ @ debias.direction_ == pytest.approx(1)


def test_similarity_and_analogy_scores_before_and_after(matrix, tmp_path):
    (tmp_path / "pairs").write_text("she\the\t9\nqueen\tking\t8\nchair\ttree\t2\nriver\tnurse\t1\n")
    (tmp_path / "questions").write_text(": family\nhe she man woman\nman woman king queen\n")
    before = matrix, WORDS
    after = HardDebias().fit(before, PAIRS).transform(before)
    found = compare_debiased(before, after, word_pairs=tmp_path / "pairs", analogies=tmp_path / "questions")
    assert list(found) == ["similarity", "analogies"]
    wv = KeyedVectors.from_arrays(WORDS, matrix)
    assert found["similarity"].before == wv.evaluate_word_pairs(tmp_path / "pairs")[1].statistic
    assert found["analogies"].before == wv.evaluate_word_analogies(tmp_path / "questions")[0]
    found = compare_debiased(before, after)
    assert list(found) == ["direct bias"] and found["direct bias"].after < found["direct bias"].before
    renamed = matrix, [word.upper() + "?" for word in WORDS]
    with pytest.raises(ValueError, match="nothing to compare"):
        compare_debiased(renamed, renamed)


def test_the_word_lists_are_sound():
    lists = gender_words()
    for pairs in (lists.definitional_pairs, lists.equalize_pairs):
        assert all(len(pair) == 2 and pair[0] != pair[1] for pair in pairs)
        words = list(itertools.chain(*pairs))
        assert len(set(words)) == len(words)
        assert all(word == word.lower() for word in words)
    assert len(set(lists.specific_words)) == len(lists.specific_words) > 200
    assert json.loads(json.dumps(lists.specific_words))  # plain strings


# --- bad input


@pytest.mark.parametrize(
    ("error", "message", "pairs"),
    [
        (
            KeyError,
            "definitional_pairs: 2 of 4 words have no vector: 'aunt', 'uncle'",
            [("she", "he"), ("aunt", "uncle")],
        ),
        (ValueError, "at least one pair, got none", []),
        (ValueError, r"expected pairs of words such as \('she', 'he'\), got 'she'", ["she"]),
        (ValueError, "expected different words", [("she", "she")]),
    ],
)
def test_bad_pairs(matrix, error, message, pairs):
    with pytest.raises(error, match=message):
        HardDebias().fit((matrix, WORDS), definitional_pairs=pairs)


@pytest.mark.parametrize("method", ["pca", "mean"])
def test_pairs_that_collapse(method):
    vectors = np.array([[1.0, 1], [2, 2], [0, 1], [0, 3]]), ["she", "he", "woman", "man"]
    with pytest.raises(ValueError, match=r"collapse to a zero direction .she/he, woman/man"):
        HardDebias(method=method).fit(vectors, [("she", "he"), ("woman", "man")])


def test_other_bad_input(matrix):
    vectors = matrix, WORDS
    hard = HardDebias().fit(vectors, PAIRS)
    for error, message, call in [
        (ValueError, "method: expected 'pca' or 'mean'", lambda: HardDebias(method="svd")),
        (ValueError, "n_components: expected an integer >= 1", lambda: HardDebias(n_components=0)),
        (ValueError, "n_components: expected 1 to 3", lambda: HardDebias(n_components=4).fit(vectors, PAIRS)),
        (RuntimeError, "call fit before transform", lambda: HardDebias().transform(vectors)),
        (KeyError, "equalize_pairs: 1 of 2 words", lambda: HardDebias().fit(vectors, PAIRS, [("tree", "shrub")])),
        (KeyError, "target: 1 of 1 words have no vector: 'shrub'", lambda: hard.transform(vectors, target=["shrub"])),
        (TypeError, "ignore: expected a list of words", lambda: hard.transform(vectors, ignore="tree")),
        (ValueError, "expected 10 columns as in fit, got 3", lambda: hard.transform((np.eye(3), ["a", "b", "c"]))),
        (ValueError, "none of the built-in pairs", lambda: HardDebias().fit((np.eye(2), ["a", "b"]))),
        (TypeError, "KeyedVectors or a pair", lambda: HardDebias().fit(matrix, PAIRS)),
        (ValueError, "a row for each of 2 words", lambda: HardDebias().fit((matrix, ["a", "b"]), PAIRS)),
        (ValueError, "1 words occur twice", lambda: HardDebias().fit((np.eye(2), ["a", "a"]), PAIRS)),
        (ValueError, "strength: expected a finite number >= 0", lambda: SoftDebias(strength=-1)),
        (ValueError, "neutral_words: expected at least one", lambda: SoftDebias().fit(vectors, PAIRS, [])),
        (KeyError, "words: 1 of 1 words", lambda: direct_bias(vectors, ["shrub"], hard.direction_)),
        (ValueError, "direction: expected 10 numbers", lambda: direct_bias(vectors, NEUTRAL, np.zeros(10))),
        (ValueError, "words: expected at least one", lambda: direct_bias(vectors, [], hard.direction_)),
        (ValueError, "share words", lambda: weat(vectors, ["tree"], ["tree"], ["she"], ["he"])),
        (ValueError, "attribute_2: expected at least one", lambda: weat(vectors, ["tree"], ["chair"], ["she"], [])),
        (KeyError, "target_1: 1 of 1", lambda: weat(vectors, ["shrub"], ["tree"], ["she"], ["he"])),
    ]:
        with pytest.raises(error, match=message):
            call()


def test_an_equalised_pair_that_does_not_differ_is_named_and_nothing_is_changed(matrix):
    matrix[WORDS.index("king")] = matrix[WORDS.index("queen")]
    before = matrix.copy()
    debias = HardDebias().fit((matrix, WORDS), PAIRS, equalize_pairs=[("queen", "king")])
    with pytest.raises(ValueError, match=r"\('queen', 'king'\) do not differ along the direction"):
        debias.transform((matrix, WORDS), copy=False)
    np.testing.assert_array_equal(matrix, before)
