"""What the estimators with recurrent layers share: those that read sequences, and those that write some."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Self

from .._arguments import integer
from .._settings import Anything, Flag, Integer, Number
from ..autograd import Tensor
from ..text import pad
from ._base import Coder, Examples, NetworkEstimator, Part, by_length
from ._coders import Numbers, Tokens, learn
from ._reader import checked_cell
from ._sequences import Sequences, as_sequences
from ._written import WrittenNumbers, WrittenTokens, learn_written

_ROWS = 256  # sequences of a prediction that run together


class RecurrentEstimator(NetworkEstimator):
    """An estimator with recurrent layers, trained by AdamW; sequences of similar length share a batch.

    Args:
        cell: "rnn", "lstm", "gru" or "stlm".
        hidden_size: units of each recurrent layer.
        num_layers: recurrent layers.
        dropout: share of units that is dropped between layers and before the last one, in training.
        embedding_size: dimensions of the vectors of tokens.
        learning_rate: of AdamW, constant.
        weight_decay: of AdamW.
        clip_norm: limit of the gradients' norm, or None.
    """

    cell = Anything("lstm", lambda _, value: checked_cell(value), saved=True)
    hidden_size = Integer(64, minimum=1)
    num_layers = Integer(1, minimum=1)
    dropout = Number(0.0, minimum=0, maximum=1)
    embedding_size = Integer(64, minimum=1)
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
        embedding_size: int = 64,
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
    """

    bidirectional = Flag(False)

    _input = Part(Numbers, Tokens)

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        embedding_size: int = 64,
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

    def _encode(self, sequences: Sequences, settings: SimpleNamespace) -> list[Any]:
        """Learn what the sequences are made of, and encode them."""
        self._input = learn(sequences, settings.embedding_size)
        return self._input.encode(sequences, "X")

    def _each(self, X: Any, function: Callable[..., Any]) -> list[Any]:  # noqa: N803 - scikit-learn's name
        """Return function(padded inputs, lengths), one row for each sequence of X; similar lengths run together."""
        self._require_fit()
        encoded = self._input.encode(as_sequences(X, "X"), "X")
        return by_length(encoded, _ROWS, lambda part: function(*pad(part)))


class WritingEstimator(RecurrentEstimator):
    """An estimator that writes sequences; its network is called `model(*inputs, guide)` and has `generate`."""

    _output = Part(WrittenNumbers, WrittenTokens)

    def _fit_writer(self, encoded: Any, reader: Coder, y: Any) -> Self:
        """Learn to write y for encoded inputs."""
        targets = as_sequences(y, "y")
        self._output = learn_written(targets, self._used.embedding_size)
        examples = Examples(encoded, self._output.encode(targets, "y"), reader, self._output)
        return self._train(self._loss, *examples.split(self._used))

    def _loss(self, out: Tensor, target: Any) -> Tensor:
        return self._output.loss(out, target)

    def _generation(self, steps: int | None) -> tuple:
        """Return the last arguments of the network's `generate`."""
        return self._output.generation(self._output.longest if steps is None else integer("steps", steps, 1))

    def predict(self, X: Any, *, steps: int | None = None) -> list[Any]:  # noqa: N803
        """Return the sequence of each input.

        Args:
            X: inputs as those of `fit`.
            steps: numbers: how many steps to write; tokens: how many at most, before which a sequence may end. Default:
                as many as the longest sequence of `fit` has.
        """
        raise NotImplementedError

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Return the share of sequences of tokens that are predicted exactly; of numbers, R^2 over all steps."""
        self._require_fit()
        return self._output.score(lambda steps: self.predict(X, steps=steps), y)
