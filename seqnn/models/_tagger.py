"""A tagger of words: named entities, chunks, parts of speech."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from .. import nn, ops
from .._settings import Choice, Flag, Integer, Number
from ..metrics import span_f1, token_accuracy
from ..text import regex_tokenize, token_offsets
from ._annotation import Annotation, Entity
from ._base import Part, Tokenizer, Watch, by_length, split_rows
from ._many_to_many import ManyToMany
from ._recurrent_estimator import ROWS
from ._sequence_tagger import SequenceTagger, step_labels
from ._sequences import Sequences, as_sequences
from ._tag_scheme import LEARNT, TagScheme
from ._tagging_network import TaggingNetwork
from ._word_features import CASING_SIZE, SPELLINGS, SpeltTokens, WordFeatures

__all__ = ["Tagger"]


class Tagger(SequenceTagger):
    """Tag the words of sentences: a `SequenceTagger` that knows how words are spelt, and what spans are.

    A word is its vector, its spelling read letter by letter, and its casing; recurrent layers read the sentence, and a CRF
    chooses the tags. X: token lists, or strings, which `tokenizer` cuts into tokens; y: a tag for each token. Tags of spans,
    such as B-PER I-PER O, are known by their form, whatever their scheme; others are single labels, such as parts of speech.
    Early stopping goes by the F1 of the spans of the sentences that are held out, or by the share of right labels.

    Args:
        spelling: how letters are read: "cnn", "lstm" (in both directions), or None: not at all.
        letter_size: dimensions of the vectors of letters.
        spelling_size: dimensions of the vector that a spelling becomes.
        casing: whether the network is told how a word is written: lower, Title, UPPER, mixed, with digits.
        lowercase: whether words are looked up in lower case; spelling and casing see them as they are.
        scheme: in which spans are learnt: "IOBES", "IOB2" or "BILOU"; None: all tags are single labels.
        crf: whether the tags of a sentence are chosen together; of spans only those that the scheme allows.
        dropout: share of the numbers of each word that is dropped before and after the recurrent layers, in training.
        word_dropout: share of the words that are "<unk>" in training, so that spelling and context have to do.
        tokenizer: from a string to its tokens, for sentences that are given as strings.
        n_iter_no_change: stop when the figure has not risen for more epochs than this, and go back to the best weights.

    Attributes:
        model_: the network.
        classes_: the tags that are learnt, sorted; those of spans are of `scheme`.
        finds_spans_: whether the tags stand for spans; else they are single labels.
        history_: a list for each figure of training, one number an epoch.
        n_iter_: epochs that were run.

    Raises:
        ValueError: y does not fit X, or has tags of spans that no scheme allows.
        TypeError: X has no tokens, or y no strings.

    Sources: Lample et al., "Neural architectures for named entity recognition", NAACL 2016; Ma, Hovy, "End-to-end sequence
    labeling via bi-directional LSTM-CNNs-CRF", ACL 2016.

    >>> from seqnn.models import Tagger
    >>> X = [["Ada", "lives", "in", "Rome"], ["Rome", "is", "old"], ["old", "Bob", "lives"]] * 8
    >>> y = [["B-PER", "O", "O", "B-LOC"], ["B-LOC", "O", "O"], ["O", "B-PER", "O"]] * 8
    >>> model = Tagger(hidden_size=16, max_iter=30, learning_rate=0.02, validation_fraction=0).fit(X, y)
    >>> model.predict([["Bob", "lives", "in", "Rome"]])
    [['B-PER', 'O', 'O', 'B-LOC']]
    >>> print(model.annotate(["Ada is old"])[0])
    [Ada PER] is old
    """

    spelling = Choice("cnn", SPELLINGS, optional=True)
    letter_size = Integer(25, minimum=1)
    spelling_size = Integer(50, minimum=1)
    casing = Flag(True)
    lowercase = Flag(True)
    scheme = Choice("IOBES", LEARNT, optional=True)
    crf = Flag(True)
    bidirectional = Flag(True)
    hidden_size = Integer(100, minimum=1)
    embedding_size = Integer(100, minimum=1)
    dropout = Number(0.4, minimum=0, maximum=1)
    word_dropout = Number(0.05, minimum=0, maximum=1)
    tokenizer = Tokenizer(regex_tokenize)
    clip_norm = Number(5.0, above=0, optional=True)
    max_iter = Integer(30, minimum=1)
    n_iter_no_change = Integer(5)

    _input = Part(SpeltTokens)
    _tags = Part(TagScheme)

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 100,
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.4,
        tokenizer: Callable[[str], list[str]] = regex_tokenize,
        min_frequency: int = 1,
        embedding_size: int = 100,
        embedding: Any = None,
        freeze: bool = False,
        lowercase: bool = True,
        word_dropout: float = 0.05,
        spelling: str | None = "cnn",
        letter_size: int = 25,
        spelling_size: int = 50,
        casing: bool = True,
        scheme: str | None = "IOBES",
        crf: bool = True,
        class_weight: dict | str | None = None,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.0,
        clip_norm: float | None = 5.0,
        max_iter: int = 30,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation: Any = None) -> Self:  # noqa: N803
        """Learn from sentences and the tags of their tokens.

        Args:
            X: sentences.
            y: for each sentence a tag for each token.
            sample_weight: how much each sentence counts, [N]; default: all the same.
            validation: (X, y) of sentences that are held out; default: `validation_fraction` of those to learn from.

        Returns:
            The estimator.
        """
        settings = self._begin()
        self._refuse_weights_of_a_crf()
        sentences = self._sentences(X, "X", empty=False)
        tags = _tags(y, sentences, "y")
        held = None if validation is None else self._validation(validation)
        self._tags = TagScheme(tags, settings.scheme)
        if held is not None:
            self._tags.check(held[1], "validation y")
        self.classes_ = self._tags.classes()
        if len(self.classes_) < 2:
            raise ValueError(f"y: expected at least two different tags, got {self.classes_.tolist()}")
        number = {tag: i for i, tag in enumerate(self.classes_.tolist())}
        encoded, coder = self._encode(sentences)
        if held is None:
            parts = split_rows(len(tags), settings)
            held = [encoded[i] for i in parts[1]], [tags[i] for i in parts[1]]
        else:
            parts = np.random.default_rng(settings.seed).permutation(len(tags)), np.zeros(0, np.int64)
            held = self._input.encode(held[0], "validation X"), held[1]
        ids = [np.array([number[tag] for tag in row], np.int64) for row in self._tags.to_learn(tags)]
        parts = parts[0], np.zeros(0, np.int64)  # the watch has the others
        return self._learn_steps((encoded, coder), ids, sample_weight, parts=parts, watch=self._watch(*held))

    def _encode(self, sequences: Sequences) -> tuple[list[np.ndarray], SpeltTokens]:
        self._input = SpeltTokens(sequences, self._used)
        return self._input.encode(sequences, "X"), self._input

    def _sentences(self, X: Any, name: str, *, empty: bool) -> Sequences:  # noqa: N803
        found = as_sequences(X, name, self._used.tokenizer, empty=empty)
        if not found.tokens:
            raise TypeError(f"{name}: expected strings or lists of tokens, got numbers")
        return found

    def _validation(self, validation: Any) -> tuple[Sequences, list[list[str]]]:
        """Return the sentences that are held out, and their tags."""
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise TypeError(f"validation: expected a pair (X, y), got {type(validation).__name__}")
        sentences = self._sentences(validation[0], "validation X", empty=False)
        return sentences, _tags(validation[1], sentences, "validation y")

    def _watch(self, encoded: list[np.ndarray], tags: list[list[str]]) -> Watch | None:
        """Return what early stopping goes by; None where nothing is held out."""
        if not encoded:
            return None
        name = "val_f1" if self._tags.spans else "val_accuracy"
        return Watch(name, lambda model: self._figure(tags, self._tagged(model, encoded)))

    def _figure(self, gold: list[list[str]], found: list[list[str]]) -> float:
        return span_f1(gold, found, mode="conlleval").f1 if self._tags.spans else token_accuracy(gold, found)

    @property
    def finds_spans_(self) -> bool:
        """Whether the tags of `fit` stand for spans; else they are single labels."""
        return self._tags.spans

    # The network.

    def _layers(self) -> dict[str, Any]:
        settings, words = self._used, self._input.features(self._used)
        names = ("hidden_size", "cell", "num_layers", "dropout", "bidirectional")
        size = words["embedding_size"] + settings.spelling_size * (settings.spelling is not None)
        return {**{name: getattr(settings, name) for name in names}, "input_size": size + CASING_SIZE * settings.casing}

    def _make(self) -> ManyToMany:
        model = super()._make()
        model.reader.embedding = WordFeatures(**self._input.features(self._used))
        if isinstance(model, TaggingNetwork) and self._tags.spans:
            model.crf.constraints = ops.crf_constraints(self.classes_.tolist(), self._tags.learnt)
        return model

    def _table(self, model: Any) -> nn.Embedding:
        return model.reader.embedding.words

    def _tagged(self, model: ManyToMany, encoded: list[np.ndarray]) -> list[list[str]]:
        """Return the tags that a network gives to encoded sentences, in the scheme of `fit`."""

        def best(words: Any, lengths: np.ndarray) -> list[np.ndarray]:
            scores = model(words, lengths)
            if isinstance(model, TaggingNetwork):
                return model.decode(scores, lengths)
            return [row[:n].argmax(axis=1) for row, n in zip(scores.numpy(), lengths, strict=True)]

        found = by_length(encoded, ROWS, lambda part: best(*self._input.collate(part)))
        return self._tags.found([self.classes_[row].tolist() for row in found])

    # What it finds.

    def _each(self, X: Any, function: Callable[..., Any], name: str = "X") -> list[Any]:  # noqa: N803
        """Return function(words, lengths), one row for each sentence; None for an empty one."""
        self._require_fit()
        encoded = self._input.encode(self._sentences(X, name, empty=True), name)
        there = [row for row in encoded if len(row)]
        found = iter(by_length(there, ROWS, lambda part: function(*self._input.collate(part))))
        return [next(found) if len(row) else None for row in encoded]

    def predict_proba(self, X: Any) -> list[np.ndarray]:  # noqa: N803
        """Return for each sentence the probabilities [T, classes] of its tokens, in the order of `classes_`.

        Args:
            X: as for `fit`; sentences may be empty.
        """
        empty = np.zeros((0, len(self.classes_)), np.float32)
        return [empty if row is None else row for row in super().predict_proba(X)]

    def predict(self, X: Any) -> list[list[str]]:  # noqa: N803
        """Return the tags of the tokens of each sentence, in the scheme of those of `fit`.

        Args:
            X: as for `fit`; an empty sentence has no tags.
        """
        self._require_fit()
        encoded = self._input.encode(self._sentences(X, "X", empty=True), "X")
        found = iter(self._tagged(self.model_, [row for row in encoded if len(row)]))
        return [next(found) if len(row) else [] for row in encoded]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Return the F1 of the spans, counted as conlleval does; of single labels the share of right ones.

        Args:
            X: sentences.
            y: for each sentence a tag for each token; it may have tags that `fit` did not meet.
            sample_weight: must be None.

        Raises:
            ValueError: y does not fit X, or has tags of no spans where those of `fit` are of spans.
        """
        if sample_weight is not None:
            raise ValueError("sample_weight: expected None, an F1 of spans has no weights of sentences")
        found = self.predict(X)
        gold = _named(step_labels(y, [len(row) for row in found]), "y")
        self._tags.check(gold, "y")
        return self._figure(gold, found)

    def annotate(self, X: Any) -> list[Annotation]:  # noqa: N803
        """Return each text with its spans; single labels are spans of one token.

        Args:
            X: strings, or token lists, whose text is the tokens joined by blanks.

        Returns:
            For each text an `Annotation`: it is printed and shown in notebooks with its spans, which know their characters.

        Raises:
            ValueError: the tokenizer changes the text, so that its tokens are not found in it.
        """
        given = list(X) if not isinstance(X, str) else X
        sentences = self._sentences(given, "X", empty=True).rows
        texts = [row if isinstance(row, str) else " ".join(row) for row in given]
        members = self._tags.members(self.classes_)
        rows = zip(texts, sentences, self.predict(sentences), self.predict_proba(sentences), strict=True)
        return [self._annotation(*row, members) for row in rows]

    def _annotation(
        self, text: str, tokens: list[str], tags: list[str], probabilities: np.ndarray, members: np.ndarray
    ) -> Annotation:
        places, types = token_offsets(text, tokens), self._tags.types.tolist()
        of_types = probabilities @ members.T.astype(probabilities.dtype)
        found = []
        for first, end, kind in self._tags.in_sentence(tags):
            start, stop = places[first][0], places[end - 1][1]
            score = float(of_types[first:end, types.index(kind)].min())
            found.append(Entity(start, stop, kind, text[start:stop], min(score, 1.0)))
        return Annotation(text, found, types)


def _tags(y: Any, sentences: Sequences, name: str) -> list[list[str]]:
    return _named(step_labels(y, [len(row) for row in sentences.rows], name), name)


def _named(rows: list[np.ndarray], name: str) -> list[list[str]]:
    """Return tags as lists of strings; a TypeError where they are none."""
    found = [row.tolist() for row in rows]
    for i, row in enumerate(found):
        if wrong := [tag for tag in row if not isinstance(tag, str)]:
            raise TypeError(f"{name}[{i}]: expected tags (strings), got {wrong[0]!r}")
    return found
