"""SQuAD: an encoder is fine-tuned to find answers in passages, and scored."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import ops, random
from .._arguments import number
from .._atomic import atomic_write
from ..metrics import AnswerScore, Question, read_squad, squad_score
from ..models import SpanHead, WithHead
from ..pretrained import Answers, QuestionAnswerer, Window, find_answers, fine_tune, question_windows, target_span
from ._reading import Reader, answers, network_with

__all__ = ["SQuADResult", "run_squad"]


@dataclass(frozen=True)
class SQuADResult:
    """Scores, answers and the network: what `run_squad` returns.

    Args:
        score: exact match and F1 of the development set, 0 to 100; by the rules of SQuAD 2.0 where some questions have no
            answer.
        answerable: the score of the questions that have an answer; None without any.
        unanswerable: that of the others; None without any.
        best_threshold: the null threshold with which F1 is best, and that F1; None where all questions have answers.
        predictions: the answer to each question by its id, "" for none.
        found: all spans for each question by its id.
        history: of the fine-tuning, a list for each figure, one value an epoch.
        network: the encoder with its head.

    >>> import os, tempfile
    >>> from seqnn.evaluate import SQuADResult
    >>> result = SQuADResult((100.0, 100.0), None, None, None, {"7": "Denver"}, {}, {}, None)
    >>> result.write(os.path.join(tempfile.mkdtemp(), "predictions.json"))
    """

    score: AnswerScore
    answerable: AnswerScore | None
    unanswerable: AnswerScore | None
    best_threshold: tuple[float, float] | None
    predictions: dict[str, str]
    found: dict[str, Answers]
    history: dict[str, list[Any]]
    network: WithHead | None

    def write(self, path: str | os.PathLike) -> None:
        """Write the answers as SQuAD's script takes them: a JSON object of ids and texts.

        Args:
            path: the file.
        """
        with atomic_write(path) as file:
            file.write(json.dumps(self.predictions, ensure_ascii=False).encode())


def run_squad(
    model: Any,
    train: str | os.PathLike | Sequence[Question] | None,
    dev: str | os.PathLike | Sequence[Question],
    *,
    tokenizer: Any = None,
    null_threshold: float = 0.0,
    max_answer_length: int = 30,
    n_best: int = 20,
    max_length: int = 384,
    overlap: int = 128,
    max_question_length: int = 64,
    epochs: int = 2,
    batch_size: int = 12,
    learning_rate: float = 3e-5,
    warmup: float = 0.1,
    weight_decay: float = 0.01,
    seed: int = 0,
    verbose: int = 1,
) -> SQuADResult:
    """Fine-tune an encoder to find answers in passages, and score it; the model that is given stays as it is.

    Long passages are read in windows that overlap. A window without the answer is trained to point to its first token, which
    stands for "no answer"; where all questions for training have answers such windows are left out.

    Args:
        model: one of `seqnn.pretrained` with a tokenizer, or a `models.BERT` with `tokenizer`. The head of a
            `QuestionAnswerer` goes on learning.
        train: a file as `metrics.read_squad` reads it, or what it returned; None: a `QuestionAnswerer` is scored as it is.
        dev: the same; what is scored.
        tokenizer: a `text.SubwordTokenizer` that adds special tokens; default: that of the model.
        null_threshold: as for `pretrained.Answers.best`; it is used where some question of `dev` has no answer.
        max_answer_length, n_best, max_length, overlap, max_question_length: as for `pretrained.QuestionAnswerer.answers`.
        epochs, batch_size, learning_rate, warmup, weight_decay, seed, verbose: as for `run_glue`.

    Returns:
        Scores, answers, history and the network.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file is not as it should be (the message says where), or there is nothing to train or to score.

    Source: Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019, sections 4.2 and 4.3.

    >>> from seqnn.evaluate import run_squad
    >>> from seqnn.models import BERT
    >>> from seqnn.text import SubwordTokenizer
    >>> tokenizer = SubwordTokenizer.train(["it rains"] * 9, vocab_size=300)
    >>> run_squad(BERT(300, d_model=8, nhead=2, num_layers=1), None, "no such file", tokenizer=tokenizer)
    Traceback (most recent call last):
    ValueError: train: expected questions, as the model has no head for spans, got None
    """
    number("null_threshold", null_threshold)
    reader = Reader(model, tokenizer)
    owned = model.model.head if isinstance(model, QuestionAnswerer) else None
    if train is None and owned is None:
        raise ValueError("train: expected questions, as the model has no head for spans, got None")
    learnt = None if train is None else _questions(train, "train")
    asked = _questions(dev, "dev")
    ids = [question.id for question in asked]
    if len({*ids}) < len(ids):
        raise ValueError(f"dev: expected each id once, got {next(i for i in ids if ids.count(i) > 1)!r} again")
    with random.seeded(seed):
        network = network_with(reader, SpanHead(reader.width))
    if owned is not None:
        network.head.load_state_dict(owned.state_dict())
    cut: dict[str, Any] = {
        "max_length": reader.most(max_length),
        "overlap": overlap,
        "max_question_length": max_question_length,
    }
    history: dict[str, list[Any]] = {}
    if learnt is not None:
        windows, targets = _examples(reader, learnt, cut)
        history = fine_tune(
            network, _rows(reader, windows), targets, ops.cross_entropy, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, warmup=warmup, weight_decay=weight_decay, seed=seed, verbose=verbose,
            decay=None, validation=None, callbacks=(),
        )  # fmt: skip
    contexts = [question.context for question in asked]
    windows = question_windows(reader.tokenizer, [question.question for question in asked], contexts, **cut)
    logits = answers(network, _rows(reader, windows), batch_size)
    found = find_answers(windows, logits, contexts, n_best=n_best, max_answer_length=max_answer_length)
    return _result(asked, found, null_threshold, history, network)


def _questions(given: Any, name: str) -> list[Question]:
    questions = read_squad(given) if isinstance(given, str | os.PathLike) else [*given]
    if not questions or not all(isinstance(question, Question) for question in questions):
        raise ValueError(f"{name}: expected questions, as metrics.read_squad returns them, got {questions[:1]!r:.80}")
    return questions


def _rows(reader: Reader, windows: list[Window]) -> list[np.ndarray]:
    return [reader.row(window.ids, window.segments) for window in windows]


def _examples(reader: Reader, questions: list[Question], cut: dict[str, Any]) -> tuple[list[Window], np.ndarray]:
    """Return windows, and the first and last token [N, 2] of the answer in each."""
    texts = [question.question for question in questions], [question.context for question in questions]
    windows = question_windows(reader.tokenizer, *texts, **cut)
    targets = np.zeros((len(windows), 2), np.int64)
    for i, window in enumerate(windows):
        question = questions[window.question]
        if question.answers:
            targets[i] = target_span(window, question.starts[0], question.starts[0] + len(question.answers[0]))
    if all(question.answers for question in questions):
        kept = np.flatnonzero(targets[:, 1])
        windows, targets = [windows[i] for i in kept], targets[kept]
    if not windows:
        raise ValueError("train: expected answers that are whole in a window, got none")
    return windows, targets


def _result(
    asked: list[Question], found: list[Answers], threshold: float, history: dict[str, list[Any]], network: WithHead
) -> SQuADResult:
    """Return what is known of the answers that were found."""
    told = np.array([bool(question.answers) for question in asked])
    chosen = [one.best(None if told.all() else threshold) for one in found]
    version = "1.1" if told.all() else "2.0"

    def score(places: np.ndarray) -> AnswerScore | None:
        if not len(places):
            return None
        return squad_score([chosen[i] for i in places], [asked[i].answers for i in places], version=version)

    total = score(np.arange(len(asked)))
    assert total is not None
    ids = [question.id for question in asked]
    return SQuADResult(
        total, score(np.flatnonzero(told)), score(np.flatnonzero(~told)),
        None if told.all() else _best_threshold(asked, found, told), dict(zip(ids, chosen, strict=True)),
        dict(zip(ids, found, strict=True)), history, network,
    )  # fmt: skip


def _best_threshold(asked: list[Question], found: list[Answers], told: np.ndarray) -> tuple[float, float]:
    """Return the null threshold with which F1 is best, and that F1, 0 to 100."""
    texts = [one.best() for one in found]
    f1 = np.array([squad_score([text], [question.answers]).f1 for text, question in zip(texts, asked, strict=True)])
    gaps = np.array([one.null_score - one.spans[0].score if one.spans else np.inf for one in found])
    order = np.argsort(gaps, kind="stable")
    gain = np.where(np.isfinite(gaps), f1 - 100.0 * ~told, 0.0)[order]  # of the best span instead of ""
    totals = 100.0 * (~told).sum() + np.concatenate([[0.0], gain.cumsum()])
    ordered = gaps[order]
    ends = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])  # equal gaps share their answer
    best = int(np.flatnonzero(ends)[totals[ends].argmax()])
    finite = gaps[np.isfinite(gaps)]
    least = float(finite.min()) - 1.0 if len(finite) else 0.0
    return (float(ordered[best - 1]) if best else least), float(totals[best]) / len(asked)
