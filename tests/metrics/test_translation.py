"""BLEU, chrF and TER: sacrebleu's numbers, and what bad input is told."""

import json
from contextlib import nullcontext
from pathlib import Path

import metrics_reference as reference
import numpy as np
import pytest
from harness import each_team

from seqnn import metrics
from seqnn.metrics import (
    bleu,
    bleu_matrix,
    chrf,
    chrf_matrix,
    sentence_bleu,
    sentence_chrf,
    sentence_ter,
    ter,
    ter_matrix,
)

KNOWN = json.loads(reference.PATH.read_text(encoding="utf-8"))
METRICS = {"bleu": (bleu, sentence_bleu), "chrf": (chrf, sentence_chrf), "ter": (ter, sentence_ter)}
DATA = Path(__file__).parents[3] / "shared" / "data" / "multi30k"


@pytest.mark.parametrize("name", METRICS)
def test_scores_strings_and_signatures_are_sacrebleus(name):
    corpus, sentence = METRICS[name]
    for entry in KNOWN[name]:
        references, settings = reference.STREAMS[entry["references"]], entry["settings"]
        score = corpus(reference.HYPOTHESES, references, **settings)
        assert score.score == pytest.approx(entry["score"], rel=1e-9, abs=1e-9), entry
        assert str(score) == entry["text"], entry
        assert score.signature == f"{entry['signature']}|seqnn:{metrics._score.__version__}"
        np.testing.assert_allclose(
            score.segment_scores(), entry["sentences"], rtol=1e-9, atol=1e-9, err_msg=str(settings)
        )
        for i in (0, 4, 8):
            given = [stream[i] for stream in references if stream[i] is not None]
            one = sentence(
                reference.HYPOTHESES[i], given, **({"effective_order": False} if name == "bleu" else {}) | settings
            )
            assert one.score == pytest.approx(entry["sentences"][i], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_intervals_are_sacrebleus(name):
    entry = KNOWN[f"{name} interval"]
    score = METRICS[name][0](reference.HYPOTHESES, reference.REFERENCES, **reference.BOOTSTRAP)
    # sacrebleu computes the resamples' scores in float32
    assert score.interval.mean == pytest.approx(entry["mean"], rel=1e-5)
    assert score.interval.half_width == pytest.approx(entry["half_width"], rel=1e-5)
    assert str(score) == entry["text"] and score.signature.startswith(entry["signature"])


def test_known_numbers():
    """The examples of sacrebleu's README and issues."""
    score = bleu(["The dog bit the man."], [["The dog bit the man."], ["The dog had bit the man."]])
    assert str(score) == "BLEU = 100.00 100.0/100.0/100.0/100.0 (BP = 1.000 ratio = 1.000 hyp_len = 6 ref_len = 6)"
    assert score.counts == score.totals == [6, 5, 4, 3] and score.bp == 1 and score.ratio == 1
    assert score.signature.startswith("nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0|seqnn:")
    assert "smooth:floor[0.10]" in bleu(["a"], ["a"], smooth_method="floor").signature
    assert score.format(4, signature=True).startswith("BLEU|nrefs:2|case:mixed")
    assert score.to_dict()["verbose_score"].startswith("100.0/100.0") and score.to_dict()["tok"] == "13a"


def test_one_list_of_references_is_one_stream():
    for metric in (bleu, chrf, ter):
        one, streams = (metric(reference.HYPOTHESES, r) for r in (reference.REFERENCES[0], reference.REFERENCES[:1]))
        assert (one.score, one.signature) == (streams.score, streams.signature)


@pytest.mark.parametrize(
    ("matrix", "sentence", "settings"),
    [
        (bleu_matrix, sentence_bleu, {}),
        (bleu_matrix, sentence_bleu, {"tokenize": "char", "smooth_method": "floor"}),
        (chrf_matrix, sentence_chrf, {"word_order": 2}),
        (ter_matrix, sentence_ter, {"normalized": True}),
    ],
)
def test_a_matrix_has_the_score_of_each_pair(matrix, sentence, settings):
    hypotheses, references = reference.HYPOTHESES[:7], reference.REFERENCES[1]
    expected = [[sentence(h, [r], **settings).score for r in references] for h in hypotheses]
    for _ in each_team():
        np.testing.assert_allclose(matrix(hypotheses, references, **settings), expected, rtol=1e-12, atol=1e-12)
    assert matrix([], references, **settings).shape == (0, 10) and matrix(hypotheses, []).shape == (7, 0)


def test_a_function_may_tokenize():
    texts = ["Ab-cd ef", "x y"], ["ab-cd ef g", "x z"]
    split = bleu(*texts, tokenize=lambda text: text.replace("-", " ").split(), lowercase=True)
    assert split.score == bleu(["ab cd ef", "x y"], ["ab cd ef g", "x z"], tokenize="none").score
    assert "|tok:<lambda>|" in split.signature
    assert "|tok:split|" in bleu(*texts, tokenize=str.split).signature


def test_texts_with_line_ends_are_whole_texts():
    hypotheses, references = ["a b\nc d", "e\n"], ["a b\nc d", "e"]
    assert bleu(hypotheses, references, "none").score == 100
    assert chrf(hypotheses, references).score == 100 and ter(hypotheses, references).score == 0


def test_lone_surrogates_and_nul_are_characters():
    for metric in (bleu, chrf):
        assert metric(["a \ud800 \0 b c"], ["a \ud800 \0 b c"]).score == pytest.approx(100)


@pytest.mark.parametrize("metric", [bleu, chrf, ter])
def test_bounds_and_perfect_scores(metric):
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 9, 12)) for _ in range(40)]
    perfect = metric(texts, texts)
    assert perfect.score == pytest.approx(0 if metric is ter else 100)
    scores = metric(texts, texts[1:] + texts[:1]).segment_scores()
    assert (scores >= 0).all() and (scores <= 100).all()
    several = metric(texts, [texts[1:] + texts[:1], texts])
    assert several.score == pytest.approx(perfect.score)  # the better reference counts


def test_columns_of_other_libraries_are_lists():
    array = np.array(reference.HYPOTHESES, object)
    assert (
        bleu(array, [np.array(reference.REFERENCES[0])]).score
        == bleu(reference.HYPOTHESES, reference.REFERENCES[0]).score
    )
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"h": reference.HYPOTHESES, "r": reference.REFERENCES[0]})
    assert bleu(frame["h"], frame["r"]).score == bleu(reference.HYPOTHESES, reference.REFERENCES[0]).score


def test_text_that_looks_tokenized_is_warned_of():
    texts = ["it rains ."] * 100
    with pytest.warns(UserWarning, match=r'hypotheses: 100 end in " ."'):
        bleu(texts, texts)
    bleu(texts, texts, tokenize="none")
    bleu(texts[1:], texts[1:])


TRANSPOSED = [["a", "b"], ["c", "d"], ["e", "f"]]


@pytest.mark.parametrize("metric", [bleu, chrf, ter])
@pytest.mark.parametrize(
    ("hypotheses", "references", "error", "message"),
    [
        (["a", "b", "c"], TRANSPOSED, ValueError, r"it seems transposed, pass list\(zip\(\*references\)\)"),
        (["a", "b"], [["a"]], ValueError, r"references\[0\]: expected 2 strings, one for each hypothesis, got 1"),
        (["a", "b"], ["a", "b", "c"], ValueError, r"expected 2 strings, one for each hypothesis, got 3"),
        (["a"], [], ValueError, "references: expected at least one stream"),
        ([], [[]], ValueError, "hypotheses: expected at least one string, got none: the corpus is empty"),
        ("a b", ["a b"], TypeError, r"hypotheses: expected a list of strings, got a single one: 'a b'; write \[text\]"),
        (["a b"], "a b", TypeError, r"references: expected a list of strings, got a single one"),
        (["a", None], ["a", "b"], TypeError, r"hypotheses\[1\]: expected a string, got NoneType"),
        (["a", "b"], ["a", 3], TypeError, r"references\[0\]\[1\]: expected a string, got int: 3"),
        ([["a"]], [["a"]], TypeError, r"hypotheses\[0\]: expected a string, got list"),
        (["a", "b"], [["a", None], [None, None]], ValueError, "references: hypothesis 1 has none"),
        (3, ["a"], TypeError, "hypotheses: expected a list of strings, got int: 3"),
    ],
)
def test_bad_texts_are_named(metric, hypotheses, references, error, message):
    with pytest.raises(error, match=message):
        metric(hypotheses, references)


@pytest.mark.parametrize(
    ("metric", "settings", "error", "message"),
    [
        (
            bleu,
            {"tokenize": "moses"},
            ValueError,
            "tokenize: expected one of none, 13a, intl, char, zh, or a function, got 'moses'",
        ),
        (bleu, {"smooth_method": "epsilon"}, ValueError, "smooth_method: expected one of none, floor, add-k, exp"),
        (bleu, {"smooth_value": -1}, ValueError, "smooth_value"),
        (bleu, {"smooth_value": "a"}, TypeError, "smooth_value"),
        (bleu, {"max_ngram_order": 0}, ValueError, "max_ngram_order: expected an integer >= 1, got 0"),
        (bleu, {"lowercase": "yes"}, ValueError, "lowercase"),
        (chrf, {"char_order": -1}, ValueError, "char_order"),
        (chrf, {"char_order": 0}, ValueError, "expected one of them at least 1"),
        (chrf, {"beta": float("nan")}, ValueError, "beta"),
        (chrf, {"whitespace": 2}, ValueError, "whitespace"),
        (ter, {"normalized": "no"}, ValueError, "normalized"),
    ],
)
def test_bad_settings_are_named(metric, settings, error, message):
    with pytest.raises(error, match=message):
        metric(["a"], ["a"], **settings)


@pytest.mark.parametrize("sentence", [sentence_bleu, sentence_chrf, sentence_ter])
def test_a_sentence_needs_a_list_of_references(sentence):
    with pytest.raises(TypeError, match="references: expected a list of strings, got a single one"):
        sentence("a", "a")
    with pytest.raises(ValueError, match="references: expected at least one"):
        sentence("a", [])


@pytest.mark.parametrize("matrix", [bleu_matrix, chrf_matrix, ter_matrix])
def test_a_matrix_needs_strings(matrix):
    with pytest.raises(TypeError, match=r"references\[1\]: expected a string, got int"):
        matrix(["a"], ["b", 2])
    with pytest.raises(TypeError, match="hypotheses: expected a list of strings, got a single one"):
        matrix("a", ["b"])


@pytest.mark.skipif(not DATA.exists(), reason="the shared data are not at hand")
@pytest.mark.parametrize("tokenize", ["13a", "intl", "char", "none"])
def test_equal_to_sacrebleu_on_captions(tokenize):
    library = pytest.importorskip("sacrebleu.metrics")
    german, english = ((DATA / f"val.{side}").read_text(encoding="utf-8").splitlines() for side in ("de", "en"))
    hypotheses = english[1:] + english[:1]
    theirs = library.BLEU(tokenize=tokenize, force=True).corpus_score(hypotheses, [english, german]).score
    with pytest.warns(UserWarning, match="as tokenized text does") if tokenize in ("13a", "intl") else nullcontext():
        assert bleu(hypotheses, [english, german], tokenize).score == pytest.approx(theirs, rel=1e-12)
    if tokenize == "13a":
        for ours, name in ((chrf, "CHRF"), (ter, "TER")):
            theirs = getattr(library, name)().corpus_score(hypotheses[:200], [english[:200]]).score
            assert ours(hypotheses[:200], english[:200]).score == pytest.approx(theirs, rel=1e-12)
