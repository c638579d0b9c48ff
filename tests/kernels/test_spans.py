"""Spans of tags and their scores, against conlleval's rules spelled out, and literal numbers of seqeval."""

import itertools

import numpy as np
import pytest

from seqnn import _core
from seqnn.metrics import Span, span_f1, spans, token_accuracy

LETTERS = {"IOB1": "IB", "IOB2": "IB", "IOE1": "IE", "IOE2": "IE", "IOBES": "IBES", "BILOU": "IBLU"}


def split(tag):
    prefix, _, kind = tag.partition("-")
    return prefix, kind


def conlleval_spans(tags):
    """conlleval's endOfChunk and startOfChunk, with seqeval's rules for S and for what follows E."""
    found, begin = [], 0
    for i, (before, tag) in enumerate(itertools.pairwise(["O", *tags, "O"])):
        (last, last_kind), (here, kind) = split(before), split(tag)
        ends = last in "ES" or (last in "BI" and here in "BSO") or (last != "O" and last_kind != kind)
        starts = here in "BS" or (last in "ESO" and here in "EI") or (here != "O" and last_kind != kind)
        if ends:
            found.append(Span(begin, i, last_kind))
        if starts:
            begin = i
    return found


def draw(rng, letters, kinds="AB", longest=8):
    tags = ["O", *(f"{letter}-{kind}" for letter in letters for kind in kinds)]
    return [[tags[i] for i in rng.integers(0, len(tags), rng.integers(0, longest))] for _ in range(4)]


@pytest.mark.parametrize("letters", ["IB", "IE", "IBES"])
def test_conlleval_spans_follow_its_rules(letters):
    rng = np.random.default_rng(len(letters))
    for _ in range(150):
        sentences = draw(rng, letters)
        assert spans(sentences, mode="conlleval") == [conlleval_spans(tags) for tags in sentences]


def test_bilou_counts_as_iobes():
    rng = np.random.default_rng(0)
    for _ in range(100):
        sentences = draw(rng, "IBES")
        bilou = [[tag.replace("E-", "L-").replace("S-", "U-") for tag in tags] for tags in sentences]
        for mode in ("conlleval", "strict"):
            assert spans(bilou, mode=mode, scheme="BILOU") == spans(sentences, mode=mode, scheme="IOBES")


@pytest.mark.parametrize(
    ("scheme", "tags", "strict", "loose"),
    [
        ("IOB2", "B-A I-A O I-A", [(0, 2)], [(0, 2), (3, 4)]),
        ("IOB2", "B-A I-B", [(0, 1)], [(0, 1), (1, 2)]),
        ("IOB1", "I-A I-A B-A O I-B", [(0, 2), (2, 3), (4, 5)], [(0, 2), (2, 3), (4, 5)]),
        ("IOB1", "B-A I-A", [(1, 2)], [(0, 2)]),  # B only separates: to seqeval the span starts after it
        ("IOE2", "I-A E-A E-A I-A O", [(0, 2), (2, 3)], [(0, 2), (2, 3), (3, 4)]),
        ("IOE1", "I-A E-A I-A O", [(0, 2), (2, 3)], [(0, 2), (2, 3)]),
        ("IOBES", "B-A I-A E-A S-B B-A I-A O E-B", [(0, 3), (3, 4)], [(0, 3), (3, 4), (4, 6), (7, 8)]),
        ("BILOU", "B-A L-A U-B B-A I-A O", [(0, 2), (2, 3)], [(0, 2), (2, 3), (3, 5)]),
        ("IOB2", "B I O B", [(0, 2), (3, 4)], [(0, 2), (3, 4)]),  # without types
    ],
)
def test_what_is_a_span(scheme, tags, strict, loose):
    for mode, expected in (("strict", strict), ("conlleval", loose)):
        (found,) = spans([tags.split()], mode=mode, scheme=scheme)
        assert [(span.start, span.end) for span in found] == expected, mode


def test_scores_and_their_averages():
    gold = [["B-A", "I-A", "O", "B-B"], ["B-B", "O", "B-C"]]
    predicted = [["B-A", "O", "O", "B-B"], ["B-B", "B-B", "O"]]
    got = span_f1(gold, predicted, mode="conlleval")
    assert (got.precision, got.recall, got.f1) == pytest.approx((2 / 4, 2 / 4, 2 / 4))
    assert {name: score[3:] for name, score in got.types.items()} == {"A": (1, 1, 0), "B": (2, 3, 2), "C": (1, 0, 0)}
    assert got.types["B"][:3] == pytest.approx((2 / 3, 1, 0.8))
    assert got.macro[:3] == pytest.approx((2 / 9, 1 / 3, 0.8 / 3))
    assert got.weighted[:3] == pytest.approx((1 / 3, 1 / 2, 0.4))
    assert (got.accuracy, got.tokens) == (pytest.approx(4 / 7), 7)


def test_it_prints_as_conlleval():
    gold = [["B-PER", "I-PER", "O", "B-LOC"]]
    text = str(span_f1(gold, [["B-PER", "I-PER", "O", "I-LOC"]], mode="strict", scheme="BIO"))
    assert text.splitlines() == [
        "processed 4 tokens with 2 phrases; found: 1 phrases; correct: 1. (mode: strict, IOB2)",
        "accuracy:  75.00%; precision: 100.00%; recall:  50.00%; FB1:  66.67",
        "              LOC: precision:   0.00%; recall:   0.00%; FB1:   0.00  0",
        "              PER: precision: 100.00%; recall: 100.00%; FB1: 100.00  1",
    ]


def test_nothing_found_scores_zero():
    got = span_f1([["O", "O"], []], [["O", "O"], []], mode="strict", scheme="IOB2")
    assert (got.precision, got.recall, got.f1, got.types) == (0, 0, 0, {})
    assert got.macro.f1 == 0 and got.accuracy == 1
    assert span_f1([], [], mode="conlleval").tokens == 0


def test_prefixes_may_stand_after_types():
    gold, turned = [["B-X-Y", "I-X-Y", "O", "B"]], [["X-Y-B", "X-Y-I", "O", "B"]]
    for mode in ("conlleval", "strict"):
        assert spans(turned, mode=mode, scheme="IOB2", suffix=True) == spans(gold, mode=mode, scheme="IOB2")
    assert [span.type for span in spans(gold, mode="conlleval")[0]] == ["X-Y", "_"]


@pytest.mark.parametrize("scheme", LETTERS)
@pytest.mark.parametrize("mode", ["conlleval", "strict"])
def test_equal_to_seqeval(scheme, mode):
    metrics, schemes = pytest.importorskip("seqeval.metrics"), pytest.importorskip("seqeval.scheme")
    if (scheme, mode) == ("BILOU", "conlleval"):
        pytest.skip("seqeval's default does not know L and U")
    settings = {"mode": "strict", "scheme": getattr(schemes, scheme)} if mode == "strict" else {}
    rng = np.random.default_rng(1)
    for _ in range(80):
        gold = draw(rng, LETTERS[scheme])
        predicted = [[tag if rng.random() < 0.6 else "O" for tag in tags] for tags in gold]
        got = span_f1(gold, predicted, mode=mode, scheme=scheme)
        if not got.types:
            continue
        for average, ours in (("micro", got.micro), ("macro", got.macro), ("weighted", got.weighted)):
            theirs = metrics.precision_score, metrics.recall_score, metrics.f1_score
            expected = [f(gold, predicted, average=average, zero_division=0, **settings) for f in theirs]
            assert ours[:3] == pytest.approx(expected, abs=1e-12)


def test_token_accuracy_takes_any_tags():
    assert token_accuracy([["DET", "NN"], ["VB", "VB"]], [["DET", "VB"], ["VB", "NN"]]) == 0.5
    with pytest.raises(ValueError, match=r"predicted\[0\]: expected 1 tags as in gold\[0\], got 2"):
        token_accuracy([["A"]], [["A", "A"]])
    with pytest.raises(ValueError, match="at least one token"):
        token_accuracy([[]], [[]])


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        (([["O"]], [["O"]]), {"mode": "lenient"}, ValueError, "mode: expected 'conlleval' or 'strict', got 'lenient'"),
        (([["O"]], [["O"]]), {"mode": "strict"}, ValueError, "needs the scheme"),
        (
            ([["O"]], [["O"]]),
            {"mode": "strict", "scheme": "IOX"},
            ValueError,
            "scheme: expected one of IOB1, .* got 'IOX'",
        ),
        (
            ([["O"], ["X-A"]], [["O"], ["O"]]),
            {"mode": "conlleval"},
            ValueError,
            r"gold\[1\]\[0\]: expected O, or X-TYPE",
        ),
        (([["O"]], [["ORG"]]), {"mode": "conlleval"}, ValueError, r"predicted\[0\]\[0\]: .*got 'ORG'"),
        (
            ([["O"]], [["E-A"]]),
            {"mode": "strict", "scheme": "IOB2"},
            ValueError,
            r"one of I B as X \(IOB2\), got 'E-A'",
        ),
        (([["O"]], [[""]]), {"mode": "conlleval"}, ValueError, "got ''"),
        (([["O"]], [["O"], []]), {"mode": "conlleval"}, ValueError, "expected 1 sentences as in gold, got 2"),
        (([["O"]], [["O", "O"]]), {"mode": "conlleval"}, ValueError, r"predicted\[0\]: expected 1 tags"),
        ((["O", "O"], [["O"]]), {"mode": "conlleval"}, TypeError, r"list of str: 'O'; write \[tags\]"),
        (("O", "O"), {"mode": "conlleval"}, TypeError, "gold: expected a list of tag lists, got str"),
        (([["O"]], 3), {"mode": "conlleval"}, TypeError, "predicted: expected a list of tag lists, got int"),
        (([[1]], [["O"]]), {"mode": "conlleval"}, ValueError, r"gold\[0\]\[0\]: .*got 1"),
        (([[["O"]]], [["O"]]), {"mode": "conlleval"}, TypeError, r"gold: a tag must be a string, got list"),
    ],
)
def test_bad_tags_are_named(arguments, settings, error, message):
    with pytest.raises(error, match=message):
        span_f1(*arguments, **settings)


def test_the_kernel_refuses_numbers_out_of_range():
    flags = np.zeros((5, 5, 2), np.uint8)
    with pytest.raises(ValueError, match=r"spans_find: .*tags"):
        _core.spans_find([1], [0, 1], [0], [0], flags)
    with pytest.raises(ValueError, match=r"spans_find: .*prefixes"):
        _core.spans_find([0], [0, 1], [5], [0], flags)
