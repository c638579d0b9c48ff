"""What the page asks of vectors, over HTTP."""

import importlib

import numpy as np
import pytest
from served import WORDS, asked, client, refused, vectors

from seqnn import FastText, KeyedVectors
from seqnn.embed import bias_direction

pytest.importorskip("starlette.testclient")


@pytest.fixture(scope="module")
def page():
    return client(vectors(), name="my vectors")


def test_the_page_is_told_what_there_is(page):
    told = page.get("/api/about").json()
    assert told["name"] == "my vectors" and told["model"] is None
    assert told["words"]["count"] == len(WORDS) and told["words"]["size"] == 12
    assert told["words"]["first"] == ["woman", "king", "queen", "Nürnberg"]
    assert told["views"] == ["complete", "neighbours", "map", "bias"]
    assert ("tsne" in told["words"]["methods"]) == (importlib.util.find_spec("sklearn") is not None)


def test_completions_begin_as_the_text_does_the_exact_word_first(page):
    assert asked(page, "complete", text="ma")["words"] == ["man"]
    assert asked(page, "complete", text="QU")["words"] == ["queen"]
    assert asked(page, "complete", text="nür")["words"] == ["Nürnberg"]
    assert asked(page, "complete", text="<b")["words"] == ["<b>bold</b>"]
    many = client(KeyedVectors.from_arrays([*[f"Word{i}" for i in range(50)], "word"], np.eye(51)))
    found = asked(many, "complete", text="word")["words"]
    assert found[:2] == ["word", "Word0"] and len(found) == 12


def test_neighbours_are_those_of_most_similar(page):
    expected = vectors().most_similar("king", topn=3)
    found = asked(page, "neighbours", positive=["king"], topn=3)["neighbours"]
    assert [(each["word"], each["score"]) for each in found] == [(w, pytest.approx(s, abs=1e-6)) for w, s in expected]


@pytest.mark.parametrize("objective", ["add", "multiply"])
def test_an_analogy_is_a_sum_of_words(page, objective):
    found = asked(page, "neighbours", positive=["king", "woman"], negative=["man"], objective=objective)["neighbours"]
    assert found[0]["word"] == "queen"


def test_words_of_any_script_and_of_markup_come_back_as_they_are(page):
    for word in WORDS[6:]:
        assert word not in {n["word"] for n in asked(page, "neighbours", positive=[word], topn=10)["neighbours"]}
        assert asked(page, "map", words=[word], neighbours=10)["points"][0]["word"] == word


def test_an_unknown_word_is_told_with_those_spelled_alike(page):
    fault = refused(page, "neighbours", positive=["Queen"])
    assert fault["argument"] == "positive" and fault["expected"] == "words that have a vector"
    assert fault["got"] == "'Queen' (near: queen)" and fault["message"].startswith("positive: expected")


@pytest.mark.parametrize(
    ("question", "fields", "argument"),
    [
        ("neighbours", {}, "positive"),
        ("neighbours", {"positive": "king"}, "positive"),
        ("neighbours", {"positive": [3]}, "positive"),
        ("neighbours", {"positive": ["king", "king"]}, "positive"),
        ("neighbours", {"positive": ["king"] * 21}, "positive"),
        ("neighbours", {"positive": ["k" * 201]}, "positive"),
        ("neighbours", {"positive": ["king"], "topn": 0}, "topn"),
        ("neighbours", {"positive": ["king"], "topn": 10**9}, "topn"),
        ("neighbours", {"positive": ["king"], "topn": True}, "topn"),
        ("neighbours", {"positive": ["king"], "topn": 2.5}, "topn"),
        ("neighbours", {"positive": ["king"], "objective": "divide"}, "objective"),
        ("neighbours", {"positive": ["king"], "path": "/etc/passwd"}, "request"),
        ("complete", {"text": " "}, "text"),
        ("complete", {"text": "x" * 201}, "text"),
        ("map", {"count": 501}, "count"),
        ("map", {"words": ["king"], "neighbours": 0}, "words"),
        ("map", {"method": "umap"}, "method"),
        ("bias", {"pairs": [], "words": ["king"]}, "pairs"),
        ("bias", {"pairs": [["he"]], "words": ["king"]}, "pairs"),
        ("bias", {"pairs": [["he", "he"]], "words": ["king"]}, "pairs"),
        ("bias", {"pairs": [["he", "it"]], "words": ["king"]}, "pairs"),
        ("bias", {"pairs": [["he", "she"]], "words": []}, "words"),
        ("bias", {"pairs": [["he", "she"]], "words": ["nobody"]}, "words"),
    ],
)
def test_bad_fields_are_told_by_name(page, question, fields, argument):
    fault = refused(page, question, **fields)
    assert fault["argument"] == argument and fault["expected"] and fault["got"]


def test_half_of_a_surrogate_pair_is_no_text(page):
    answer = page.post("/api/complete", content=rb'{"text": "\ud83d"}', headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and answer.json()["error"]["got"] == "half of a surrogate pair"


def test_a_map_has_groups_of_neighbours_or_the_first_words(page):
    named = asked(page, "map", words=["king", "man"], neighbours=2)
    assert [point["group"] for point in named["points"][:2]] == [0, 1] and len(named["points"]) >= 4
    assert all(np.isfinite([point["x"], point["y"]]).all() for point in named["points"]) and len(named["axes"]) == 2
    assert [point["word"] for point in asked(page, "map", count=5)["points"]] == WORDS[:5]


def test_words_on_an_axis_have_the_cosine_with_the_direction(page):
    found = asked(page, "bias", pairs=[["she", "he"], ["woman", "man"]], words=["king", "queen", "nobody"])
    wv = vectors()
    direction = bias_direction(wv, [("she", "he"), ("woman", "man")])
    expected = {word: float(wv.get_vector(word, norm=True) @ direction) for word in ("queen", "king")}
    assert {each["word"]: each["score"] for each in found["words"]} == pytest.approx(expected, abs=1e-6)
    assert [each["word"] for each in found["words"]] == ["queen", "king"] and found["left_out"] == ["nobody"]


def test_vectors_that_are_not_finite_are_told_and_left_out():
    wv = vectors()
    broken = wv.vectors.copy()
    broken[WORDS.index("he")] = np.nan
    broken[WORDS.index("愛")] = 0
    page = client(KeyedVectors.from_arrays(WORDS, broken))
    assert "NaN" in refused(page, "neighbours", positive=["he"])["got"]
    assert "NaN" in refused(page, "bias", pairs=[["she", "he"]], words=["king"])["got"]
    assert len(asked(page, "neighbours", positive=["she"], topn=50)["neighbours"]) >= len(WORDS) - 3
    assert asked(page, "map", count=20)["left_out"] == ["he"]
    assert asked(page, "bias", pairs=[["woman", "man"]], words=["he", "愛"])["left_out"] == ["he"]


@pytest.mark.parametrize("objective", ["add", "multiply"])
def test_vectors_that_are_not_finite_do_not_hide_the_others(objective):
    rows = np.random.default_rng(0).standard_normal((40, 5))
    rows[1:30] = np.nan
    page = client(KeyedVectors.from_arrays([f"w{i}" for i in range(40)], rows))
    found = asked(page, "neighbours", positive=["w0"], topn=5, objective=objective)["neighbours"]
    assert len(found) == 5 and {each["word"] for each in found} <= {f"w{i}" for i in range(30, 40)}


def test_vectors_of_one_number_or_few_words_are_refused_where_they_have_no_map():
    page = client(KeyedVectors.from_arrays(["a", "b", "c"], np.array([[1.0], [2.0], [3.0]])))
    assert refused(page, "map")["argument"] == "vectors"
    assert [each["word"] for each in asked(page, "neighbours", positive=["a"])["neighbours"]] == ["b", "c"]
    assert refused(client(KeyedVectors.from_arrays(["a", "b"], np.eye(2))), "map")["argument"] == "words"
    lonely = client(KeyedVectors.from_arrays(["a"], np.ones((1, 2))))
    assert asked(lonely, "neighbours", positive=["a"])["neighbours"] == []


def test_words_that_have_all_the_same_vector_or_none_are_a_map_of_one_point():
    for rows in (np.zeros((5, 3)), np.ones((5, 3))):
        found = asked(client(KeyedVectors.from_arrays(list("abcde"), rows)), "map")
        assert {(point["x"], point["y"]) for point in found["points"]} == {(0.0, 0.0)}


def test_words_with_spaces_are_words():
    page = client(KeyedVectors.from_arrays(["new york", "york", " ", "a\tb"], np.eye(4)))
    assert asked(page, "complete", text="new y")["words"] == ["new york"]
    assert asked(page, "neighbours", positive=["new york"])["neighbours"]


def test_fasttext_answers_for_words_that_it_has_not_met():
    model = FastText([["apple", "apples", "pear"]] * 20, vector_size=8, min_count=1, epochs=1, seed=1, verbose=0)
    page = client(model)
    assert asked(page, "neighbours", positive=["appless"])["neighbours"]
    assert asked(page, "bias", pairs=[["apple", "pear"]], words=["applet"])["left_out"] == []


def test_what_is_neither_vectors_nor_a_model_is_refused():
    from seqnn.serve import create_app

    with pytest.raises(TypeError, match="what: expected KeyedVectors, a pretrained or a language model, got list"):
        create_app([1])
    with pytest.raises(ValueError, match="vectors: expected at least one word, got none"):
        create_app(KeyedVectors(3))
    with pytest.raises(ValueError, match="vectors: expected words as keys, got numbers"):
        create_app(KeyedVectors.from_arrays([1, 2], np.eye(2)))
