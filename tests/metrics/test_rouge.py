"""ROUGE: rouge-score's numbers, ROUGE-W after its definition, other scripts."""

import json

import metrics_reference as reference
import numpy as np
import pytest

from seqnn.metrics import bootstrap_interval, rouge, rouge_matrix

KNOWN = json.loads(reference.PATH.read_text(encoding="utf-8"))["rouge"]


def test_scores_are_those_of_rouge_score():
    for entry in KNOWN:
        targets = reference.TARGETS[: entry["references"]]
        pairs = rouge(reference.SUMMARIES, targets, reference.ROUGE_TYPES, entry["stemmer"], per_pair=True)
        means = rouge(reference.SUMMARIES, targets, reference.ROUGE_TYPES, entry["stemmer"])
        for kind, scores in entry["scores"].items():
            np.testing.assert_allclose(np.array(pairs[kind]).T, scores, rtol=1e-12, err_msg=str((kind, entry)))
            np.testing.assert_allclose(means[kind], np.mean(scores, 0), rtol=1e-12)


def test_equal_to_rouge_score_on_random_texts():
    scorer_class = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer
    rng = np.random.default_rng(0)
    words = [
        "the",
        "cats",
        "running",
        "relational",
        "über",
        "a1",
        "x",
        "1,000",
        "don't",
        "İstanbul",
        "K",
        "\n",
        ".\n",
        "-",
    ]
    draw = lambda most: " ".join(words[i] for i in rng.integers(0, len(words), rng.integers(0, most)))  # noqa: E731
    for stemmer in (False, True):
        scorer = scorer_class(reference.ROUGE_TYPES, use_stemmer=stemmer)
        summaries, targets = ([draw(most) for most in (5, 20, 90) * 15] for _ in range(2))
        ours = rouge(summaries, targets, reference.ROUGE_TYPES, stemmer, per_pair=True)
        for i, (summary, target) in enumerate(zip(summaries, targets, strict=True)):
            for kind, score in scorer.score(target, summary).items():
                assert [values[i] for values in ours[kind]] == pytest.approx(list(score), rel=1e-12)


def test_the_defaults_are_rouge_1_2_and_l():
    scores = rouge(["the cat sat"], ["the cat sat down"])
    assert list(scores) == ["rouge1", "rouge2", "rougeL"]
    assert scores["rouge2"] == pytest.approx((1, 2 / 3, 0.8)) and scores["rougeL"].recall == 0.75
    assert list(rouge(["a"], ["a"], "rouge9")) == ["rouge9"]


def test_rouge_w_prefers_matches_in_a_row():
    """The example of Lin's paper, with weight 2."""
    target = "a b c d e f g"
    scores = rouge(["a b c d h i k", "a h b k c i d"], [target, target], ["rougeL", "rougeW"], weight=2, per_pair=True)
    assert scores["rougeL"].fmeasure.tolist() == pytest.approx([4 / 7, 4 / 7])
    assert scores["rougeW"].fmeasure.round(3).tolist() == [0.571, 0.286]
    unweighted = rouge(["a x b", "c"], ["a b y", "c"], ["rougeL", "rougeW"], weight=1)
    assert unweighted["rougeW"] == pytest.approx(unweighted["rougeL"])
    assert rouge(["", "a"], ["a", ""], ["rougeW"])["rougeW"] == (0, 0, 0)


def test_other_scripts_have_tokens_with_the_unicode_tokenizer():
    texts = ["اختر العمر المستقبلي", "私は猫が好きです", "привет мир", "naïve"]
    with pytest.warns(UserWarning, match=r'6 texts have letters and no token, such as .*pass tokenizer="unicode"'):
        assert rouge(texts, texts, ["rouge1"], per_pair=True)["rouge1"].fmeasure.tolist() == [0, 0, 0, 1]
    assert rouge(texts, texts, ["rouge1", "rougeLsum"], tokenizer="unicode")["rouge1"].fmeasure == 1
    partly = rouge(["私は犬が好き"], ["私は猫が好き"], ["rouge1"], tokenizer="unicode")["rouge1"]
    assert partly.precision == pytest.approx(5 / 6)


def test_a_function_may_tokenize():
    texts = ["A-b c\nd e", "x"], ["a-b c\nd f", "x"]
    got = rouge(*texts, ["rouge1", "rougeLsum"], tokenizer=lambda text: text.lower().split())
    assert got["rouge1"].precision == pytest.approx((3 / 4 + 1) / 2)
    assert got["rougeLsum"].recall == pytest.approx((3 / 4 + 1) / 2)


def test_the_best_reference_counts_for_each_type():
    got = rouge(["a b c"], [["c b a"], ["a b x y"]], ["rouge1", "rouge2"])
    assert got["rouge1"].fmeasure == 1 and got["rouge2"].recall == pytest.approx(1 / 3)


def test_a_matrix_has_the_f_measure_of_each_pair():
    hypotheses, targets = reference.SUMMARIES[:3], reference.TARGETS[0]
    for kind in ("rouge1", "rouge2", "rougeL", "rougeLsum", "rougeW"):
        expected = [[rouge([h], [t], [kind], True)[kind].fmeasure for t in targets] for h in hypotheses]
        np.testing.assert_allclose(rouge_matrix(hypotheses, targets, kind, True), expected, rtol=1e-12)


def test_intervals_of_pairs():
    pairs = rouge(reference.SUMMARIES * 9, reference.TARGETS[0] * 9, ["rougeL"], per_pair=True)["rougeL"]
    interval = bootstrap_interval(pairs.fmeasure)
    assert 0 < interval.low < pairs.fmeasure.mean() < interval.high < 1


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        ((["a"], ["a"]), {"types": ["rouge0"]}, ValueError, "types: expected rouge1 to rouge9, .* got 'rouge0'"),
        ((["a"], ["a"]), {"types": ["ROUGE-1"]}, ValueError, "got 'ROUGE-1'"),
        ((["a"], ["a"]), {"types": []}, ValueError, "at least one"),
        ((["a"], ["a"]), {"types": [1]}, ValueError, "got 1"),
        ((["a"], ["a"]), {"tokenizer": "bert"}, ValueError, "tokenizer: expected one of rouge, unicode, or a function"),
        ((["a"], ["a"]), {"tokenizer": str.split, "stemmer": True}, ValueError, "stemmer"),
        ((["a"], ["a"]), {"weight": 0.5}, ValueError, "weight"),
        ((["a"], ["a"]), {"stemmer": "yes"}, ValueError, "stemmer"),
        ((["a", "b"], ["a"]), {}, ValueError, "expected 2 strings"),
        (([], []), {}, ValueError, "the corpus is empty"),
        (("a", ["a"]), {}, TypeError, "hypotheses: expected a list of strings"),
        ((["a"], [1]), {}, TypeError, "references"),
    ],
)
def test_bad_arguments_are_named(arguments, settings, error, message):
    with pytest.raises(error, match=message):
        rouge(*arguments, **settings)
