"""Sequences from sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from .. import nn
from .._settings import Choice, Flag, Integer, Number
from ..decode import Generation
from ..text import pad, tokenize
from ._alignment import Alignment
from ._base import Coder, Examples, Network, as_weights, by_length, require_pairs
from ._coders import learn
from ._decoding import evaluating
from ._encoder_decoder import SCORES, EncoderDecoder
from ._recurrent_estimator import SequenceEstimator, WritingEstimator
from ._seq2seq_training import FORCING, MeasureBLEU, ScheduleForcing, held_out
from ._sequences import Sequences
from ._target_language import TargetLanguages, with_words
from ._written import WrittenTokens

__all__ = ["Seq2Seq"]


class Seq2Seq(TargetLanguages, WritingEstimator, SequenceEstimator):
    """Map sequences to sequences by an `EncoderDecoder`; X as for `SequenceClassifier`.

    y is a list of sequences of numbers (standardised for training), of tokens, or strings, whose lengths need not be those
    of X. Predictions are of the same kind; strings are tokens joined by blanks. One model may write several languages:
    `fit` and `predict` then take the `target_language` of each text, and a token such as "<2en>" before the text says which.

    Args:
        context: without attention: "every_step" (what writes sees the last state of what reads at every step, Cho) or
            "initial" (as its first state only, Sutskever).
        attention: None, or the score by which what writes attends to all states of what reads: "additive", "general",
            "dot", "scaled_dot", "cosine"; for tokens only. What writes has one layer then, whatever num_layers is.
        order: of the attention: "before" the state is updated (Bahdanau), or "after" (Luong, with input feeding).
        shared_vocabulary: whether tokens of X and y are of one vocabulary, with one table of vectors.
        max_length: steps of a sequence of X that are read, its first ones: the rest of longer texts is left out; None: all.
        teacher_forcing: how probable it is in training that a step sees the true token before it: "always", or scheduled
            sampling, in which it falls: "linear", "exponential", "inverse_sigmoid". Else it sees the most probable one.
        teacher_forcing_end: that probability at the end of training.

    Attributes:
        model_: the network.
        history_: a list for each figure of training, one number an epoch; "val_bleu" where `fit` got validation pairs of
            tokens.
        n_iter_: epochs that were run.
        languages_: the target languages of `fit`, sorted; not set where there were none.

    Sources: see `EncoderDecoder`.

    >>> from seqnn.models import Seq2Seq
    >>> X = [["1", "2"], ["2", "1"], ["3"], ["1", "3", "2"]]
    >>> y = [["one", "two"], ["two", "one"], ["three"], ["one", "three", "two"]]
    >>> model = Seq2Seq(hidden_size=24, max_iter=150, learning_rate=0.02, validation_fraction=0).fit(X, y)
    >>> model.predict([["1", "3", "2"]])
    [['one', 'three', 'two']]
    >>> german = [["eins", "zwei"], ["zwei", "eins"], ["drei"], ["eins", "drei", "zwei"]]
    >>> both = model.fit(X + X, y + german, target_language=["en"] * 4 + ["de"] * 4)
    >>> both.predict([["2", "1"], ["2", "1"]], target_language=["de", "en"])
    [['zwei', 'eins'], ['two', 'one']]
    """

    context = Choice("every_step", ("every_step", "initial"))
    attention = Choice(None, SCORES)
    order = Choice("before", ("before", "after"))
    shared_vocabulary = Flag(False)
    max_length = Integer(None, minimum=1)
    teacher_forcing = Choice("always", FORCING)
    teacher_forcing_end = Number(0.25, above=0, below=1)

    model_ = Network(EncoderDecoder)

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        context: str = "every_step",
        attention: str | None = None,
        order: str = "before",
        dropout: float = 0.0,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        embedding_size: int = 64,
        embedding: Any = None,
        target_embedding: Any = None,
        freeze: bool = False,
        shared_vocabulary: bool = False,
        max_length: int | None = None,
        teacher_forcing: str = "always",
        teacher_forcing_end: float = 0.25,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = 1.0,
        max_iter: int = 100,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, target_language: Any = None, validation: Any = None  # noqa: N803
    ) -> Self:  # fmt: skip
        """Learn from sequences and what they become.

        Args:
            X: sequences.
            y: a sequence for each.
            sample_weight: how much each pair counts, [N]; default: all the same.
            target_language: the language of each y where one model writes several, such as "en", or of all; X are tokens.
            validation: a pair (X, y) that is held out in place of a share of the pairs, or (X, y, target_language); its
                loss, and of tokens the BLEU of what is written (its tokens as they are), stand in the history.

        Returns:
            The estimator.
        """
        settings = self._begin()
        sequences, targets = self._inputs(X), self._sequences(y, "y")
        require_pairs(sequences.rows, targets.rows)
        weights = as_weights(sample_weight, len(targets.rows))
        self._check_kinds(sequences, targets, weights, validation)
        sequences = self._learn_languages(sequences, target_language)
        joined = [*sequences.rows, *targets.rows] if settings.shared_vocabulary else sequences.rows
        encoded, reader = self._encode(sequences._replace(rows=joined))
        encoded = encoded[: len(sequences.rows)]
        if weights is not None or not targets.tokens:
            return self._fit_writer(encoded, reader, targets, weights)
        self._output = self._learn_output(targets)
        written, parts = self._output.encode(targets, "y"), None
        callbacks: list[Any] = []
        if validation is not None:
            pair, language = self._split_validation(validation)
            given, true = held_out(pair, self._sequences)
            given = self._for_language(given.cut(settings.max_length), language, "validation[2]")
            held, due = self._input.encode(given, "validation[0]"), self._output.encode(true, "validation[1]")
            parts = np.arange(len(encoded)), len(encoded) + np.arange(len(held))
            callbacks.append(self._measure(held, true))
            encoded, written = [*encoded, *held], [*written, *due]
        data, checked = Examples(encoded, written, reader, self._output).split(settings, parts)
        if settings.teacher_forcing != "always":
            steps = len(data) * settings.max_iter
            callbacks.append(ScheduleForcing(settings.teacher_forcing, settings.teacher_forcing_end, steps))
        return self._train(None, data, checked, callbacks=callbacks)

    def _inputs(self, X: Any, name: str = "X") -> Sequences:  # noqa: N803
        return super()._inputs(X, name).cut(self._used.max_length)

    def _encode(self, sequences: Sequences) -> tuple[list[Any], Coder]:
        self._input = learn(sequences, self._used)
        if tokens := self._language_tokens():
            self._input.vocabulary = with_words(self._input.vocabulary, tokens)
        return self._input.encode(sequences, "X"), self._input

    def _check_kinds(self, sequences: Sequences, targets: Sequences, weights: Any, validation: Any) -> None:
        """Refuse what tokens alone have, and what weights do not go with."""
        settings = self._used
        scheduled = settings.teacher_forcing != "always"
        if settings.shared_vocabulary and not (sequences.tokens and targets.tokens):
            raise ValueError("shared_vocabulary: expected False unless X and y are tokens, got True")
        if settings.shared_vocabulary and settings.target_embedding is not None:
            raise ValueError(
                "target_embedding: expected None with shared_vocabulary=True, which takes those of embedding"
            )
        if not targets.tokens and (scheduled or validation is not None):
            name, due = ("teacher_forcing", "'always'") if scheduled else ("validation", "None")
            raise ValueError(f"{name}: expected {due} for y of numbers")
        if weights is not None and (scheduled or validation is not None):
            raise ValueError("sample_weight: expected None with validation pairs or scheduled teacher_forcing")

    def _learn_output(self, targets: Sequences) -> Any:
        output = super()._learn_output(targets)
        if self._used.shared_vocabulary:
            output.vocabulary, output.embedding_size = self._input.vocabulary, self._input.embedding_size
        return output

    def _measure(self, held: list[Any], true: Sequences) -> MeasureBLEU:
        """Return what computes BLEU after each epoch."""

        output, join = self._output, self._join

        def write(model: EncoderDecoder) -> list[str]:
            with evaluating(model):
                end = output.generation(output.longest)
                found = by_length(held, 256, lambda part: output.decoded(model.generate(*pad(part), *end), join))
            return [text if isinstance(text, str) else join(text) for text in found]

        return MeasureBLEU(write, [join(row) for row in true.rows])

    def _writer(self, model: EncoderDecoder) -> nn.Module:
        return model.writer

    def _arguments(self) -> dict[str, Any]:
        settings = self._used
        return {
            **self._layers(), **self._output.writer(), "context": settings.context, "attention": settings.attention,
            "order": settings.order, "shared": settings.shared_vocabulary,
        }  # fmt: skip

    def predict(
        self, X: Any, *, target_language: Any = None, steps: int | None = None, need_weights: bool = False,  # noqa: N803
        **options: Any,
    ) -> Any:  # fmt: skip
        """Return what each sequence becomes.

        Args:
            X: sequences as those of `fit`.
            target_language: the language to write, or one for each sequence; of those of `fit`.
            steps: numbers: how many steps to write; tokens: how many at most, before which a sequence may end. Default:
                as many as the longest sequence of `fit` has.
            need_weights: also return an `Alignment` for each sequence; of a model with attention.
            **options: how tokens are chosen, see `decode.Options`: num_beams, length_penalty, do_sample, ...

        Returns:
            A list; with need_weights (list, alignments).
        """
        self._require_fit()
        end, sequences = self._generation(steps, options), self._for_language(self._inputs(X), target_language)
        if need_weights:
            pairs = self._each(sequences, lambda x, lengths: self._aligned(x, lengths, end, options))
            return [text for text, _ in pairs], [alignment for _, alignment in pairs]

        def written(x: Any, lengths: Any) -> list[Any]:
            return self._output.decoded(self.model_.generate(x, lengths, *end, **options), self._join)

        return self._each(sequences, written)

    def align(
        self, X: Any, *, target_language: Any = None, steps: int | None = None, **options: Any  # noqa: N803
    ) -> list[Alignment]:  # fmt: skip
        """Write sequences, and return how each of their tokens attends to what was read.

        Args:
            X, target_language, steps, **options: as for `predict`.

        Returns:
            An `Alignment` for each sequence: `plot.alignment(*model.align(X)[0])` draws the first.

        Raises:
            ValueError: for a model without attention.
        """
        return self.predict(X, target_language=target_language, steps=steps, need_weights=True, **options)[1]

    def _aligned(self, x: np.ndarray, lengths: np.ndarray, end: tuple, options: dict[str, Any]) -> list[tuple]:
        if self._used.attention is None:
            raise ValueError("need_weights: expected False for a model without attention (attention=None), got True")
        written = self.model_.generate(x, lengths, *end, **options)
        found = self._attended(written, end, lambda before: self.model_.align(x, lengths, before))
        return [
            (text, Alignment(weights[:, :length], self._read_words(row[:length]), target))
            for (text, target, weights), row, length in zip(found, x, lengths, strict=True)
        ]

    def _read_words(self, row: np.ndarray) -> list[str]:
        """Return what stands for each step that was read: its token, or its place among numbers."""
        vocabulary = getattr(self._input, "vocabulary", None)
        return [str(t) for t in range(len(row))] if vocabulary is None else vocabulary.decode(row)

    def generate(
        self, X: Any, *, target_language: Any = None, steps: int | None = None, **options: Any  # noqa: N803
    ) -> Generation:  # fmt: skip
        """Write what sequences become, all at the same time, and tell all that is known of it; for y of tokens.

        Args:
            X: sequences as those of `fit`.
            target_language: as for `predict`.
            steps: as for `predict`.
            **options: see `decode.Options`: num_beams, num_return_sequences, ...

        Returns:
            A `decode.Generation`: `.texts` are the tokens joined by blanks, `.scores` their scores.

        Raises:
            TypeError: the y of `fit` were numbers.
        """
        self._require_fit()
        if not isinstance(self._output, WrittenTokens):
            raise TypeError("generate: expected a model that writes tokens, this one writes numbers: use predict")
        sequences = self._for_language(self._inputs(X), target_language)
        x, lengths = pad(self._input.encode(sequences, "X"))
        end = self._output.generation(self._longest(steps))
        return self.model_.decode(x, lengths, *end, **{"tokenizer": self._output.vocabulary, **options})
