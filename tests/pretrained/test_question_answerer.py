"""Answers in passages: windows that overlap, the best spans, what stands for no answer."""

import itertools
import json

import numpy as np
import pretrained_record as recorded
import pytest

from seqnn import _safetensors, load_pretrained
from seqnn.models import best_spans, n_best_spans
from seqnn.pretrained import Answer, Answers, QuestionAnswerer, find_answers, question_windows, target_span
from seqnn.text import SubwordTokenizer

tokenizers = pytest.importorskip("tokenizers")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnop", "who", "##x"]


def tokenizer(kind="words"):
    """A tokenizer that puts [CLS] question [SEP] passage [SEP]; that of pieces knows the piece ##x."""
    vocabulary = {word: i for i, word in enumerate(WORDS)}
    model = tokenizers.models.WordLevel if kind == "words" else tokenizers.models.WordPiece
    made = tokenizers.Tokenizer(model(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return SubwordTokenizer(made)


CUT = {"max_length": 9, "overlap": 2, "max_question_length": 3}


def test_windows_hold_the_whole_passage_and_overlap():
    context = " ".join("abcdefghijklm")
    windows = question_windows(tokenizer(), ["who", "a b c d e"], [context, "a"], **CUT)
    assert [window.question for window in windows] == [0, 0, 0, 0, 1]
    parts = [
        "".join(context[start:end] for start, end in window.letters[window.inside].tolist()) for window in windows[:4]
    ]
    assert parts == ["abcde", "defgh", "ghijk", "jklm"]
    assert all(len(window) <= 9 and window.ids[0] == 2 and window.ids[-1] == 3 for window in windows)
    assert windows[4].ids.tolist() == [2, 5, 6, 7, 3, 5, 3]  # the question is cut
    assert windows[4].segments.tolist() == [0, 0, 0, 0, 0, 1, 1]
    with pytest.raises(ValueError, match=r"max_length: expected more than 6, the longest question .* overlap=2, got 6"):
        question_windows(tokenizer(), ["who"], [context], **{**CUT, "max_length": 6})


def test_the_tokens_of_an_answer_are_found_also_within_a_token():
    (window,) = question_windows(tokenizer("pieces"), ["who"], ["a bx cx d"], **{**CUT, "max_length": 20})
    assert window.ids.tolist()[3:-1] == [5, 6, 22, 7, 22, 8]
    assert target_span(window, 2, 4) == (4, 5) and target_span(window, 0, 9) == (3, 8)
    assert target_span(window, 3, 6) == (5, 6)  # "x c"
    first, second = question_windows(tokenizer(), ["who"], ["abc d e f g"], **{**CUT, "max_length": 7, "overlap": 1})
    assert target_span(first, 1, 2) == (3, 3)  # a part of the first token: the whole token
    assert target_span(first, 6, 9) == (0, 0) and target_span(second, 6, 9) == (3, 4)


def test_the_best_spans_are_those_of_all_pairs():
    logits = np.random.default_rng(0).normal(size=(5, 12, 2))
    allowed = np.random.default_rng(1).random((5, 12)) < 0.7
    spans = n_best_spans(logits, 10, max_length=4, allowed=allowed)
    for row in range(5):
        pairs = [
            (logits[row, s, 0] + logits[row, e, 1], s, e)
            for s, e in itertools.product(range(12), repeat=2)
            if s <= e < s + 4 and allowed[row, s] and allowed[row, e]
        ]
        expected = sorted(pairs, reverse=True)[:10]
        assert [*zip(spans.start[row], spans.end[row], strict=True)] == [(s, e) for _, s, e in expected]
        np.testing.assert_allclose(spans.score[row], [score for score, _, _ in expected])
    best = best_spans(logits, max_length=4, allowed=allowed)
    np.testing.assert_array_equal(np.array(best), [part[:, 0] for part in spans])
    few = n_best_spans(np.zeros((1, 2, 2)), 5)
    assert few.score[0].tolist() == [0, 0, 0, -np.inf, -np.inf] and few.start[0, :3].tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="n: expected an integer >= 1"):
        n_best_spans(np.zeros((1, 2, 2)), 0)
    with pytest.raises(ValueError, match="sequence 0 has no position"):
        n_best_spans(np.zeros((1, 2, 2)), 1, allowed=np.zeros((1, 2), bool))


def test_answers_of_all_windows_compete_and_no_answer_needs_all_of_them():
    contexts = ["a b c d e f g", "a b a", ""]
    windows = question_windows(tokenizer(), ["who"] * 3, contexts, **{**CUT, "max_length": 7, "overlap": 1})
    assert [window.question for window in windows] == [0, 0, 0, 1, 2]
    logits = [np.full((len(window), 2), -5.0) for window in windows]
    logits[0][0], logits[1][0], logits[2][0] = 4.0, 1.0, 3.0
    logits[0][4] = 2.0, 2.0  # b
    logits[1][3], logits[1][4] = (3.0, 0.0), (0.0, 6.0)  # from c to d
    logits[3][3], logits[3][5] = (1.0, 1.0), (2.0, 2.0)  # a, twice
    first, second, none = find_answers(windows, logits, contexts, n_best=3, max_answer_length=2)
    assert first.spans[0][:4] == ("c d", 4, 7, 9.0) and [one.text for one in first.spans][1] == "d"
    assert first.null_score == 2.0  # the least of the windows
    scores = np.array([2.0, *(one.score for one in first.spans)])
    np.testing.assert_allclose([one.probability for one in first.spans], (np.exp(scores) / np.exp(scores).sum())[1:])
    texts = [one.text for one in second.spans]
    assert texts == ["a", "b a"] and second.spans[0][:4] == ("a", 4, 5, 4.0)
    assert none.spans == [] and none.best() == none.best(0.0) == ""
    assert first.best(-7.1) == "" and first.best(-6.9) == first.best() == "c d"


def test_a_folder_answers_questions(tmp_path):
    folder, record = recorded.folder(tmp_path / "model", "BertModel")
    config = {**record["config"], "architectures": ["BertForQuestionAnswering"]}
    (folder / "config.json").write_text(json.dumps(config))
    shapes = {f"bert.{name}": shape for name, shape in record["shapes"].items() if "pooler" not in name}
    shapes |= {"qa_outputs.weight": [2, 8], "qa_outputs.bias": [2]}
    _safetensors.save(folder / "model.safetensors", recorded.weights(shapes))
    tokenizer().save(folder / "tokenizer.json")
    model = load_pretrained(folder)
    assert type(model) is QuestionAnswerer
    context = " ".join("abcdefgh")
    found = model.answers("who", context, n_best=4, max_length=100, overlap=3)
    ids = [2, 21, 3, *range(5, 13), 3]
    logits = model.model([ids], [12], [[0, 0, 0, *[1] * 9]]).numpy()
    inside = np.zeros((1, 12), bool)
    inside[0, 3:11] = True
    spans = n_best_spans(logits, 4, allowed=inside)
    expected = [context[2 * (s - 3) : 2 * (e - 3) + 1] for s, e in zip(spans.start[0], spans.end[0], strict=True)]
    assert [one.text for one in found.spans] == expected
    assert all(context[one.start : one.end] == one.text for one in found.spans)
    np.testing.assert_allclose([one.score for one in found.spans], spans.score[0], rtol=1e-5)
    assert found.null_score == pytest.approx(logits[0, 0].sum(), rel=1e-5)
    many = model.answer(["who", "a"], context, max_length=9, overlap=2)
    assert many == [model.answer(question, context, max_length=9, overlap=2) for question in ("who", "a")]
    assert model.answer("who", context, null_threshold=-1e9, overlap=3) == ""
    long = " ".join("abcdefghijklmnop" * 3)  # more than the 16 positions of the model
    assert model.answer("who", long, overlap=2) in long
    model.save_pretrained(tmp_path / "copy")
    assert load_pretrained(tmp_path / "copy").answers("who", context, overlap=3) == model.answers(
        "who", context, overlap=3
    )
    with pytest.raises(ValueError, match="contexts: expected 2 passages, one for each question, got 1"):
        model.answer(["who", "a"], [context])
    with pytest.raises(TypeError, match="questions: expected texts, got 3 at 1"):
        model.answer(["who", 3], context)
    with pytest.raises(ValueError, match="null_threshold: expected a finite number"):
        model.answer("who", context, null_threshold=float("nan"))
    with pytest.raises(TypeError, match="contexts: expected a text or several, got NoneType"):
        model.answer("who", None)
    with pytest.raises(TypeError, match="max_length: expected an integer >= 1, got '9'"):
        model.answer("who", context, max_length="9")
    with pytest.raises(ValueError, match="max_answer_length: expected an integer >= 1, got 0"):
        model.answer("who", context, max_answer_length=0)
    with pytest.raises(ValueError, match="n_best: expected an integer >= 1"):
        model.answers("who", context, n_best=0, overlap=3)


def test_spaces_around_an_answer_are_left_out():
    window = question_windows(tokenizer(), ["who"], ["a b"], **CUT)[0]
    window.letters[4] = 1, 3  # as tokenizers of bytes do, the space belongs to the token
    logits = np.full((len(window), 2), -5.0)
    logits[4] = 5.0
    assert find_answers([window], [logits], ["a b"], n_best=1, max_answer_length=3) == [
        Answers([Answer("b", 2, 3, 10.0, pytest.approx(1.0))], -10.0)
    ]
