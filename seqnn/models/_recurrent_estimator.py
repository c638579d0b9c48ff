"""What the estimators with recurrent layers share: those that read sequences, and those that write some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .. import nn
from .._arguments import integer
from .._settings import Anything, Flag, Integer, Number
from ..text import tokenize
from ._base import Coder, Part, Tokenizer, by_length
from ._coders import Ids, Numbers, Tokens, learn
from ._coding_estimator import CodingEstimator
from ._decoding import refuse_several
from ._pretrained import Embedding, fill
from ._reader import checked_cell
from ._sequences import Sequences, as_sequences
from ._written import WrittenNumbers, WrittenTokens, learn_written

ROWS = 256  # sequences of a prediction that run together


class RecurrentEstimator(CodingEstimator):
    """An estimator with recurrent layers, trained by AdamW; sequences of similar length share a batch.

    Args:
        cell: "rnn", "lstm", "gru" or "stlm".
        hidden_size: units of each recurrent layer.
        num_layers: recurrent layers.
        dropout: share of units that is dropped between layers and before the last one, in training.
        tokenizer: from a string to its tokens, for sequences that are given as strings; a `text.SubwordTokenizer` also joins
            those that are written.
        min_frequency: rarer tokens are "<unk>", as are those that `fit` did not meet.
        embedding_size: dimensions of the vectors of tokens that are learnt.
        freeze: whether vectors that are given stay as they are. Then the vocabulary is all words that have a vector, and
            the others are "<unk>"; else it is the words of `fit`, of which those without a vector begin with random ones.
        learning_rate: of AdamW, constant.
        weight_decay: of AdamW.
        clip_norm: limit of the gradients' norm, or None.
    """

    cell = Anything("lstm", lambda _, value: checked_cell(value), saved=True)
    hidden_size = Integer(64, minimum=1)
    num_layers = Integer(1, minimum=1)
    dropout = Number(0.0, minimum=0, maximum=1)
    tokenizer = Tokenizer(tokenize)
    min_frequency = Integer(1, minimum=1)
    embedding_size = Integer(64, minimum=1)
    freeze = Flag(False)
    learning_rate = Number(3e-3, minimum=0)
    weight_decay = Number(0.0, minimum=0)
    clip_norm = Number(1.0, above=0, optional=True)

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        dropout: float = 0.0,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        embedding_size: int = 64,
        freeze: bool = False,
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

    def _layers(self) -> dict[str, Any]:
        """Return the arguments of the network that are settings."""
        names = ("hidden_size", "cell", "num_layers", "dropout")
        return {name: getattr(self._used, name) for name in names}


class SequenceEstimator(RecurrentEstimator):
    """An estimator that reads sequences.

    Args:
        bidirectional: whether sequences are read in both directions.
        embedding: first vectors of the tokens of X: `KeyedVectors` (also FastText's, which have a vector for unknown words),
            a pair (matrix, words), or, for X of integers, a matrix [V, D] whose rows these are. `embedding_size` follows.
    """

    bidirectional = Flag(False)
    embedding = Embedding()

    _input = Part(Numbers, Tokens, Ids)

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        embedding_size: int = 64,
        embedding: Any = None,
        freeze: bool = False,
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

    def _layers(self) -> dict[str, Any]:
        return {**super()._layers(), "bidirectional": self._used.bidirectional, **self._input.reader()}

    def _sequences(self, X: Any, name: str = "X") -> Sequences:  # noqa: N803 - scikit-learn's name
        return as_sequences(X, name, self._used.tokenizer)

    def _inputs(self, X: Any, name: str = "X") -> Sequences:  # noqa: N803
        """Return what is read, checked."""
        return self._sequences(X, name)

    def _encode(self, sequences: Sequences) -> tuple[list[Any], Coder]:
        """Learn what the sequences are made of, and encode them; return how they become arrays as well."""
        self._input = learn(sequences, self._used)
        return self._input.encode(sequences, "X"), self._input

    def _prepare(self, model: Any) -> None:
        super()._prepare(model)
        settings = self._used
        if settings.embedding is not None:
            fill(self._table(model), self._input.table(settings.embedding), settings.freeze)

    def _table(self, model: Any) -> nn.Embedding:
        """Return the layer with the vectors of tokens."""
        return model.reader.embedding

    def _each(self, X: Any, function: Callable[..., Any], name: str = "X") -> list[Any]:  # noqa: N803
        """Return function(padded inputs, lengths), one row for each sequence of X, given or read; similar lengths together."""
        self._require_fit()
        sequences = X if isinstance(X, Sequences) else self._inputs(X, name)
        encoded = self._input.encode(sequences, name)
        return by_length(encoded, ROWS, lambda part: function(*self._input.collate(part)))


class WritingEstimator(RecurrentEstimator):
    """An estimator that writes sequences; its network is called `model(*inputs, guide)` and has `generate`.

    Args:
        target_embedding: first vectors of the tokens of y, as `SequenceClassifier`'s `embedding` of those of X.
    """

    target_embedding = Embedding()

    _output = Part(WrittenNumbers, WrittenTokens)

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        dropout: float = 0.0,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        embedding_size: int = 64,
        target_embedding: Any = None,
        freeze: bool = False,
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

    def _fit_writer(
        self, encoded: Sequence[Any], reader: Coder, targets: Sequences, weights: np.ndarray | None
    ) -> Self:
        """Learn to write sequences for encoded inputs."""
        self._output = self._learn_output(targets)
        return self._learn(
            (encoded, reader), (self._output.encode(targets, "y"), self._output), self._output.loss, weights
        )

    def _learn_output(self, targets: Sequences) -> Any:
        """Return how to write such sequences."""
        return learn_written(targets, self._used)

    def _prepare(self, model: Any) -> None:
        super()._prepare(model)
        settings = self._used
        if settings.target_embedding is not None:
            fill(self._writer(model).embedding, self._output.table(settings.target_embedding), settings.freeze)

    def _writer(self, model: Any) -> nn.Module:
        """Return the part of the network that writes."""
        return model

    @property
    def _join(self) -> Callable[[list[str]], str]:
        """Return the function that joins the tokens of a string: that of the tokenizer, or blanks between them."""
        return getattr(self._used.tokenizer, "join", " ".join)

    def _generation(self, steps: int | None, options: dict[str, Any]) -> tuple:
        """Return the last arguments of the network's `generate`."""
        refuse_several(options)
        return self._output.generation(self._longest(steps))

    def _longest(self, steps: int | None) -> int:
        """Return how many steps to write at most; default: as many as the longest sequence of `fit` has."""
        return self._output.longest if steps is None else integer("steps", steps, 1)

    def _attended(
        self, written: np.ndarray, end: tuple, align: Callable[[np.ndarray], np.ndarray]
    ) -> list[tuple[Any, list[str], np.ndarray]]:
        """Return each sequence that the network wrote, its tokens with the end, and how each of them attends to the input.

        Args:
            written: ids [B, T].
            end: what `_generation` returned.
            align: from the ids before each one to the weights [B, T, S].
        """
        _, begin, stop = end
        weights = align(np.concatenate([np.full((len(written), 1), begin), written[:, :-1]], axis=1))
        ends = [*np.where((written == stop).any(axis=1), np.argmax(written == stop, axis=1) + 1, written.shape[1])]
        texts = self._output.decoded(written, self._join)
        tokens = [self._output.vocabulary.decode(row[:n]) for row, n in zip(written, ends, strict=True)]
        return [*zip(texts, tokens, (row[:n] for row, n in zip(weights, ends, strict=True)), strict=True)]

    def predict(self, X: Any, *, steps: int | None = None, **options: Any) -> list[Any]:  # noqa: N803
        """Return the sequence of each input.

        Args:
            X: inputs as those of `fit`.
            steps: numbers: how many steps to write; tokens: how many at most, before which a sequence may end. Default:
                as many as the longest sequence of `fit` has.
            **options: how tokens are chosen, see `decode.Options`.
        """
        raise NotImplementedError

    def score(self, X: Any, y: Any, **options: Any) -> float:  # noqa: N803
        """Return the share of sequences of tokens that are predicted exactly; of numbers, R^2 over all steps.

        Args:
            X, y: as for `fit`.
            **options: as for `predict`.
        """
        self._require_fit()
        truth = as_sequences(y, "y", self._used.tokenizer)

        def predict(steps: int) -> list[Any]:
            found = self.predict(X, steps=steps, **options)
            if len(found) != len(truth.rows):
                raise ValueError(f"y: expected a sequence for each of {len(found)} inputs of X, got {len(truth.rows)}")
            return found

        return self._output.score(predict, truth, self._join)
