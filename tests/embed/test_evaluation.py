"""Test sets of word vectors: every usual layout is read, errors name file and line, and scores equal their definitions."""

import itertools

import numpy as np
import pytest

from seqnn import FastText, KeyedVectors
from seqnn.embed import (
    Analogy,
    OutlierGroup,
    RatedPair,
    evaluate_analogies,
    evaluate_categorization,
    evaluate_outliers,
    evaluate_similarity,
    read_analogies,
    read_categories,
    read_outliers,
    read_rated_pairs,
)

PAIRS = [RatedPair("old", "new", 1.58), RatedPair("smart", "clever", 9.2)]
LAYOUTS = {
    "SimLex-999.txt": "word1\tword2\tPOS\tSimLex999\tconc(w1)\nold\tnew\tA\t1.58\t2.72\nsmart\tclever\tA\t9.2\t1.75\n",
    "SimVerb-3500.txt": "old\tnew\tV\t1.58\tNONE\nsmart\tclever\tV\t9.2\tSYNONYMS\n",
    "combined.csv": "Word 1,Word 2,Human (mean)\nold,new,1.58\nsmart,clever,9.2\n",
    "set1.tab": "Word 1\tWord 2\tHuman (mean)\t1\t2\nold\tnew\t1.58\t1\t2\nsmart\tclever\t9.2\t10\t9\n",
    "wordsim_similarity_goldstandard.txt": "# WordSim\n# two\n# Word 1\tWord 2\nold\tnew\t1.58\nsmart\tclever\t9.2\n",
    "MEN_dataset_natural_form_full": "old new 1.58\nsmart clever 9.20000\n",
    "MEN_dataset_lemma_form_full": "old-j new-j 1.58\nsmart-j clever-j 9.20000\n",
    "rw.txt": "old\tnew\t1.58\t1\t2\t10\nsmart\tclever\t9.2\t10\t9\t10\n",
    "MTURK-771.csv": "old,new,1.58\n\nsmart,clever,9.2\r\n",
    "rg65.txt": "old;new;1.58\nsmart;clever;9.2\n",
}


def written(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", LAYOUTS)
def test_rated_pairs_are_read_in_every_usual_layout(tmp_path, name):
    assert read_rated_pairs(written(tmp_path, name, LAYOUTS[name])) == PAIRS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("old\tnew\t1.58\nsmart\tclever\n", r'pairs: line 2: expected "word word rating", got \'smart\\tclever\''),
        ("old\tnew\t1.58\nsmart\tclever\thigh\n", "pairs: line 2"),
        ("old\tnew\t1.58\nsmart\tclever\tnan\n", "pairs: line 2"),
        ("old\tnew\t1.58\n\tclever\t3\n", "pairs: line 2"),
        ("a\tb\nc\td\ne\tf\ng\th\n", "pairs: line 4"),
        ("# nothing\n", "pairs: no pairs"),
        ("", "pairs: no pairs"),
    ],
)
def test_other_lines_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_rated_pairs(written(tmp_path, "pairs", text))


def test_a_file_of_another_encoding_is_named(tmp_path):
    (tmp_path / "pairs").write_bytes("café\tnew\t1\n".encode("latin-1"))
    with pytest.raises(ValueError, match="pairs is not valid utf-8"):
        read_rated_pairs(tmp_path / "pairs")
    assert read_rated_pairs(tmp_path / "pairs", encoding="latin-1")[0].first == "café"


def test_analogies_are_read_from_googles_msrs_and_bats(tmp_path):
    google = written(tmp_path, "questions-words.txt", ": family\nboy girl he she\n: gram1\ncalm calmly slow slowly\n")
    assert read_analogies(google) == [
        Analogy("family", "boy", "girl", "he", ("she",)),
        Analogy("gram1", "calm", "calmly", "slow", ("slowly",)),
    ]
    msr = written(tmp_path, "msr.txt", "good\tbetter\trough\trougher\n")
    assert read_analogies(msr) == [Analogy("msr", "good", "better", "rough", ("rougher",))]
    written(tmp_path, "BATS/L01 [hypernyms].txt", "cat\tfeline/pet animal\ndog\tcanine\nant\tinsect\n")
    written(tmp_path, "BATS/E01 [capital].txt", "athens\tgreece\nbaghdad\tiraq\n")
    found = read_analogies(tmp_path / "BATS")
    assert [q.section for q in found] == ["E01 [capital]"] * 2 + ["L01 [hypernyms]"] * 6
    assert found[2] == Analogy("L01 [hypernyms]", "cat", "feline", "dog", ("canine",))
    assert found[4] == Analogy("L01 [hypernyms]", "dog", "canine", "cat", ("feline", "pet animal"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("q.txt", ": family\nboy girl he\n", "q.txt: line 2: expected \"a b c d\", got 'boy girl he'"),
        ("q.txt", "athens\tgreece\nbaghdad\t\n", 'q.txt: line 2: expected "word, tab, answer/answer"'),
        ("q.txt", ": family\n", "q.txt: no questions"),
        ("empty/q.bin", "", "empty: a folder without .txt files"),
    ],
)
def test_analogies_of_another_form_are_named(tmp_path, name, text, message):
    path = written(tmp_path, name, text)
    with pytest.raises(ValueError, match=message):
        read_analogies(path if path.suffix == ".txt" else path.parent)


def test_categories_are_read_from_a_file_or_a_folder(tmp_path):
    expected = {"owl": "bird", "hawk": "bird", "pear": "fruit"}
    assert read_categories(written(tmp_path, "battig.txt", "# c\nowl bird\nhawk bird\npear fruit\n")) == expected
    bless = "owl-n\tbird\tattri\tbig-j\nowl-n\tbird\thyper\tanimal-n\nhawk-n\tbird\tx\ty\npear-n\tfruit\tx\ty\n"
    assert read_categories(written(tmp_path, "BLESS.txt", bless)) == expected
    written(tmp_path, "AP/bird.txt", "owl\nhawk\n"), written(tmp_path, "AP/fruit.txt", "pear\n")
    assert read_categories(tmp_path / "AP") == expected
    with pytest.raises(ValueError, match=r"two.txt: line 2: 'owl' has the category 'bird' already"):
        read_categories(written(tmp_path, "two.txt", "owl bird\nowl animal\n"))
    with pytest.raises(ValueError, match=r"one.txt: line 1: expected \"word category\", got 'owl'"):
        read_categories(written(tmp_path, "one.txt", "owl\n"))
    with pytest.raises(ValueError, match=r"none\.txt: no words"):
        read_categories(written(tmp_path, "none.txt", "\n"))


def test_outliers_are_read_from_a_folder(tmp_path):
    written(tmp_path, "888/cars.txt", "Audi\nBMW\nGeneral Motors\n\n\nbus\n\ntram\n")
    assert read_outliers(tmp_path / "888") == [OutlierGroup("cars", ("Audi", "BMW", "General Motors"), ("bus", "tram"))]
    with pytest.raises(
        ValueError, match=r"bad\.txt: expected two words or more, a blank line, .* got 2 words and 0 outliers"
    ):
        read_outliers(written(tmp_path, "bad.txt", "cat\ndog\n"))


WORDS = ["cat", "dog", "cow", "Car", "bus", "tram"]


@pytest.fixture
def wv():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((6, 5)) + 4 * np.repeat(np.eye(5)[:2], 3, axis=0)
    return KeyedVectors.from_arrays(WORDS, vectors.astype(np.float32))


def test_similarity_is_the_correlation_of_the_known_pairs(wv, tmp_path):
    pairs = [
        RatedPair("cat", "dog", 9),
        RatedPair("car", "bus", 8),
        RatedPair("cat", "BUS", 2.5),
        RatedPair("cow", "tram", 2),
    ]
    found = evaluate_similarity(wv, [*pairs, RatedPair("cat", "xyz", 5)])
    text = "".join(f"{a}\t{b}\t{r}\n" for a, b, r in pairs)
    pearson, spearman, _ = wv.evaluate_word_pairs(written(tmp_path, "p.tsv", text))
    np.testing.assert_allclose([*found.pearson, *found.spearman], [*pearson, *spearman], atol=1e-6)
    assert (found.used, found.unknown) == (4, 1)
    assert evaluate_similarity(wv, tmp_path / "p.tsv") == evaluate_similarity((wv.vectors, WORDS), pairs)
    assert evaluate_similarity(wv, pairs, case_insensitive=False).unknown == 2
    with pytest.raises(ValueError, match="expected at least one pair of known words, got 1 pairs without one"):
        evaluate_similarity(wv, [RatedPair("x", "y", 1)])


def test_unknown_words_of_fasttext_vectors_are_made_of_their_ngrams():
    wv = FastText([["night", "day", "nightly", "daily"]] * 20, vector_size=8, min_count=1, bucket=100, verbose=0).wv
    pairs = [RatedPair("nights", "days", 2), RatedPair("nights", "nightly", 9), RatedPair("day", "daily", 8)]
    found = evaluate_similarity(wv, pairs)
    assert (found.used, found.unknown) == (3, 0)
    cosines = [wv.similarity(a, b) for a, b, _ in pairs]
    assert abs(found.pearson.statistic - np.corrcoef(cosines, [2, 9, 8])[0, 1]) < 1e-6


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_analogies_are_answered_by_the_formulas(method):
    rng = np.random.default_rng(4)
    words = [f"w{i}" for i in range(30)]
    vectors = rng.standard_normal((30, 6))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    questions = [
        Analogy(
            "abc"[i % 3],
            *(f"w{j}" for j in rng.choice(30, 3, replace=False)),
            tuple(f"w{j}" for j in rng.choice(30, 8)),
        )
        for i in range(60)
    ]
    right = []
    for question in questions:
        a, b, c = (int(word[1:]) for word in question[1:4])
        if method == "3cosadd":
            scores = units @ (units[b] - units[a] + units[c])
        else:
            cosines = (1 + units @ units[[a, b, c]].T) / 2
            scores = cosines[:, 1] * cosines[:, 2] / (cosines[:, 0] + 1e-6)
        scores[[a, b, c]] = -np.inf
        right.append(f"w{scores.argmax()}" in question.answers)
    found = evaluate_analogies((vectors, words), [*questions, Analogy("d", "w1", "w2", "x", ("w4",))], method=method)
    assert found.accuracy == np.mean(right)
    assert found.sections == {s: (sum(right[i::3]), 20) for i, s in enumerate("abc")}
    assert found.unknown == 1


def test_questions_that_cannot_be_asked_are_refused(wv):
    with pytest.raises(ValueError, match="method: expected '3cosadd' or '3cosmul', got 'add'"):
        evaluate_analogies(wv, [Analogy("s", "cat", "dog", "cow", ("bus",))], method="add")
    with pytest.raises(ValueError, match="at least one question of known words, got 1 without one"):
        evaluate_analogies(wv, [Analogy("s", "cat", "dog", "cow", ("xyz",))])


def test_categories_that_are_far_apart_are_found_and_purity_is_its_definition(wv):
    truth = {"cat": "animal", "dog": "animal", "cow": "animal", "car": "vehicle", "bus": "vehicle", "tram": "vehicle"}
    found = evaluate_categorization(wv, {**truth, "xyz": "animal"})
    assert (found.purity, found.unknown) == (1.0, 1)
    assert len({found.clusters[w] for w in ("cat", "dog", "cow")}) == 1
    mixed = evaluate_categorization(wv, {**truth, "cow": "vehicle"})
    assert mixed.purity == 5 / 6
    assert evaluate_categorization(wv, truth, seed=7) == evaluate_categorization(wv, truth, seed=7)
    with pytest.raises(ValueError, match="at least two of known words, got 1 of 2 known words"):
        evaluate_categorization(wv, {"cat": "animal", "dog": "animal", "xyz": "vehicle"})
    with pytest.raises(ValueError, match="n_init: expected an integer >= 1, got 0"):
        evaluate_categorization(wv, truth, n_init=0)
    same = (np.ones((4, 2)), list("abcd"))
    assert evaluate_categorization(same, dict(zip("abcd", "xyxy", strict=True))).purity >= 0.5


def test_clusters_are_as_tight_as_scikit_learns():
    cluster = pytest.importorskip("sklearn.cluster")
    rng = np.random.default_rng(2)
    centres = rng.standard_normal((6, 20))
    points = np.repeat(centres, 30, axis=0) + 0.8 * rng.standard_normal((180, 20))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    words = [f"w{i}" for i in range(180)]
    found = evaluate_categorization((points, words), {w: str(i // 30) for i, w in enumerate(words)})
    labels = np.array(list(found.clusters.values()))
    ours = sum(((points[labels == k] - points[labels == k].mean(0)) ** 2).sum() for k in range(6))
    assert ours <= 1.001 * cluster.KMeans(6, n_init=10, random_state=0).fit(points).inertia_


def test_outliers_are_ranked_by_the_compactness_of_the_rest():
    rng = np.random.default_rng(9)
    words = [f"w{i}" for i in range(12)]
    vectors = rng.standard_normal((12, 4)) + np.eye(4)[0]
    groups = [
        OutlierGroup("a", tuple(words[:5]), tuple(words[5:8])),
        OutlierGroup("b", tuple(words[8:10]), tuple(words[10:])),
    ]
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    places = []
    for group in groups:  # compactness as the paper has it: the mean cosine of all ordered pairs without one word
        for outlier in group.outliers:
            rows = [int(w[1:]) for w in (*group.words, outlier)]
            compact = [
                np.mean([units[i] @ units[j] for i, j in itertools.permutations([r for r in rows if r != left], 2)])
                for left in rows
            ]
            places.append(sum(c < compact[-1] for c in compact[:-1]) / len(group.words))
    found = evaluate_outliers((vectors, words), groups)
    np.testing.assert_allclose([found.accuracy, found.opp], [np.mean(np.array(places) == 1), np.mean(places)])
    assert (found.used, found.unknown) == (5, 0)


def test_unknown_phrases_have_the_mean_of_their_words_and_other_unknown_words_are_counted(wv):
    groups = [OutlierGroup("pets", ("cat", "dog_cow", "xyz"), ("bus", "abc"))]
    found = evaluate_outliers(wv, groups)
    assert (found.accuracy, found.used, found.unknown) == (1.0, 1, 1)
    assert evaluate_outliers(wv, [*groups, OutlierGroup("n", ("x", "cat"), ("bus",))]).unknown == 2
    with pytest.raises(ValueError, match="two known words and a known outlier, got 1 groups without them"):
        evaluate_outliers(wv, [OutlierGroup("pets", ("cat", "xyz"), ("bus",))])


def test_items_of_another_form_are_named(wv):
    with pytest.raises(ValueError, match=r"pairs: expected RatedPair\(first, second, rating\), got \('cat', 'dog'\)"):
        evaluate_similarity(wv, [("cat", "dog")])
    with pytest.raises(ValueError, match=r"groups: expected OutlierGroup\(name, words, outliers\), got \('pets',\)"):
        evaluate_outliers(wv, [("pets",)])
    with pytest.raises(TypeError, match="analogies: answers: expected a list of words, got a string: 'bus'"):
        evaluate_analogies(wv, [("s", "cat", "dog", "cow", "bus")])
    with pytest.raises(TypeError, match="groups: words: expected a list of words, got a string: 'cat'"):
        evaluate_outliers(wv, [("pets", "cat", ["bus"])])


def test_numbers_that_are_not_finite_are_named(wv):
    broken = KeyedVectors.from_arrays(["cat", "dog"], [[1.0, np.nan], [1.0, 2.0]])
    with pytest.raises(ValueError, match="vectors: that of 'cat' holds NaN or infinity"):
        evaluate_similarity(broken, [("cat", "dog", 1)])
    with pytest.raises(ValueError, match="vectors: that of 'cat' holds NaN or infinity"):
        evaluate_categorization(broken, {"cat": "animal", "dog": "pet"})
    for rating in (np.nan, "high"):
        with pytest.raises(ValueError, match=f"pairs: expected finite numbers as ratings, got .*{rating}"):
            evaluate_similarity(wv, [("cat", "dog", rating)])
    with pytest.raises(ValueError, match="restrict_vocab: expected an integer >= 0, got -1"):
        evaluate_similarity(wv, [("cat", "dog", 1)], restrict_vocab=-1)
    with pytest.raises(ValueError, match="restrict_vocab: expected an integer >= 0, got -1"):
        evaluate_analogies(wv, [("s", "cat", "dog", "cow", ("bus",))], restrict_vocab=-1)
