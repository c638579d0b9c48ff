"""Fine-tuning to find answers: what is learnt, scored and written."""

import json

import numpy as np
import pytest
from glue_data import BAD, FILL, GOOD, small_bert

from seqnn.evaluate import run_squad
from seqnn.metrics import Question, squad_score
from seqnn.pretrained import Answer, Answers

FAST = {"epochs": 4, "batch_size": 8, "learning_rate": 4e-3, "max_length": 16, "overlap": 4, "verbose": 0}


def questions(count, seed, unanswerable=False):
    """Passages in which the answer is the only good word; some have none."""
    draw, made = np.random.default_rng(seed), []
    for i in range(count):
        words = [*draw.choice([*FILL, *BAD], draw.integers(8, 20))]
        place, none = int(draw.integers(len(words))), unanswerable and i % 3 == 0
        answer = str(draw.choice(GOOD))
        if not none:
            words[place] = answer
        start = len(" ".join([*words[:place], ""]))
        made.append(
            Question(f"q{i}", "is a film good", " ".join(words), [] if none else [answer], [] if none else [start])
        )
    return made


def as_file(path, given):
    tree = [
        {"id": q.id, "question": q.question, "is_impossible": not q.answers,
         "answers": [{"text": t, "answer_start": s} for t, s in zip(q.answers, q.starts, strict=True)]}
        for q in given
    ]  # fmt: skip
    paragraphs = [{"context": q.context, "qas": [asked]} for q, asked in zip(given, tree, strict=True)]
    path.write_text(json.dumps({"version": "x", "data": [{"title": "t", "paragraphs": paragraphs}]}))
    return path


def test_an_encoder_learns_to_find_answers_in_long_passages(tmp_path):
    model, tokenizer = small_bert()
    train, dev = as_file(tmp_path / "train.json", questions(60, 0)), as_file(tmp_path / "dev.json", questions(20, 1))
    result = run_squad(model, train, dev, tokenizer=tokenizer, **FAST)
    assert result.score.exact_match > 70 and result.score.f1 >= result.score.exact_match
    assert result.answerable == result.score and result.unanswerable is result.best_threshold is None
    truth = questions(20, 1)
    expected = squad_score([result.predictions[q.id] for q in truth], [q.answers for q in truth], version="1.1")
    assert result.score == expected
    result.write(tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == result.predictions
    short = {**FAST, "epochs": 1}
    runs = [run_squad(model, data, truth, tokenizer=tokenizer, **short) for data in (train, questions(60, 0))]
    assert runs[0].found == runs[1].found != result.found


def test_an_encoder_learns_that_some_questions_have_no_answer():
    model, tokenizer = small_bert()
    train, dev = questions(90, 0, unanswerable=True), questions(30, 1, unanswerable=True)
    result = run_squad(model, train, dev, tokenizer=tokenizer, **FAST)
    assert result.score.f1 > 70 and result.unanswerable.f1 > 60 and result.answerable.f1 > 60
    threshold, f1 = result.best_threshold
    assert f1 >= result.score.f1 - 1e-9

    def score(at):
        return squad_score([result.found[q.id].best(at) for q in dev], [q.answers for q in dev]).f1

    assert score(threshold) == pytest.approx(f1)
    gaps = [one.null_score - one.spans[0].score for one in result.found.values()]
    assert max(score(at) for at in [*gaps, min(gaps) - 1]) == pytest.approx(f1)


def test_the_best_threshold_counts_questions_without_any_span():
    from seqnn.evaluate._squad import _best_threshold

    asked = [Question(str(i), "q", "x", answers, [0]) for i, answers in enumerate([["x"], [], [], ["x"]])]
    found = [
        Answers([Answer("x", 0, 1, 2.0, 1.0)], 1.0), Answers([Answer("x", 0, 1, 2.0, 1.0)], 4.0), Answers([], 0.0),
        Answers([Answer("x", 0, 1, 2.0, 1.0)], 9.0),
    ]  # fmt: skip
    told = np.array([True, False, False, True])
    assert _best_threshold(asked, found, told) == (-1.0, 75.0)
    assert _best_threshold(asked[2:3], found[2:3], told[2:3]) == (0.0, 100.0)


def test_bad_input_is_named(tmp_path):
    model, tokenizer = small_bert()
    with pytest.raises(ValueError, match="train: expected questions, as the model has no head for spans, got None"):
        run_squad(model, None, questions(2, 0), tokenizer=tokenizer)
    with pytest.raises(ValueError, match=r"dev: expected questions, as metrics\.read_squad returns them, got \[\]"):
        run_squad(model, questions(2, 0), [], tokenizer=tokenizer)
    with pytest.raises(FileNotFoundError):
        run_squad(model, tmp_path / "none.json", [], tokenizer=tokenizer)
    with pytest.raises(ValueError, match="dev: expected each id once, got 'q0' again"):
        run_squad(model, questions(2, 0), [*questions(2, 0), *questions(1, 1)], tokenizer=tokenizer)
    long = [Question("1", "is", " ".join(["the"] * 40), [" ".join(["the"] * 30)], [0])]
    with pytest.raises(ValueError, match="train: expected answers that are whole in a window, got none"):
        run_squad(model, long, questions(2, 0), tokenizer=tokenizer, **FAST)
