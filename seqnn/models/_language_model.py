"""Language models: the next token of a text by a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from .. import nn, optim
from .._callbacks import Callback
from .._settings import Anything, Choice, Flag, Integer, Number
from ..text import tokenize
from ..train import Streams
from ._base import Network, NetworkEstimator, Part, Tokenizer, as_seed, split_rows
from ._gpt import GPT
from ._language_scores import ScoresTexts, perplexity_of
from ._language_writing import WritesTexts
from ._pretrained import Embedding, fill
from ._reader import checked_cell
from ._recurrent_lm import RecurrentLM
from ._stream_tokens import StreamIds, StreamTokens

__all__ = ["LanguageModel"]

_SCHEDULES = ("constant", "linear", "cosine")


class LanguageModel(ScoresTexts, WritesTexts, NetworkEstimator):
    """Learn which token follows those before it, and go on writing: a `RecurrentLM` or a `GPT` of words, subwords, characters.

    X is one text, which is a string or an array of integers; or a list of texts: strings, token lists, or sequences of
    integers. `tokenizer` cuts strings into tokens: `list` into characters, a `text.SubwordTokenizer` into subwords. The
    texts of a list begin after "<s>" and end with "</s>", which the model learns to write; one text has no such marks, and
    its first token is not predicted. A model that learnt a list takes one string as a list of one, and the reverse.

    The tokens are one long stream that is cut into `batch_size` streams, read side by side in windows of `window` tokens
    (`train.Streams`). Gradients go back to the beginning of the window; the state of recurrent layers goes on through the
    epoch. A GPT begins anew in each window, and has as many positions.

    Args:
        cell: "rnn", "lstm", "gru" or "stlm", or "gpt", a Transformer.
        hidden_size: units of each recurrent layer, or the width of a GPT, which vectors that are given decide.
        num_layers: layers.
        nhead: attention heads of a GPT.
        embedding_size: dimensions of the vectors of tokens that recurrent layers read.
        tied: whether the output uses the vectors of the tokens; recurrent layers have a Linear between, where sizes differ.
        dropout: share of units that is dropped before, between and after the layers, in training.
        tokenizer: from a string to its tokens.
        min_frequency: rarer tokens are "<unk>", as are those that `fit` did not meet. With 1 the model does not learn how
            probable an unknown token is.
        embedding: first vectors of the tokens: `KeyedVectors` (also FastText's), a pair (matrix, words), or, for X of
            integers, a matrix [V, D] whose rows these are. `embedding_size` follows.
        freeze: whether vectors that are given stay as they are. Then the vocabulary is all words that have a vector.
        batch_size: streams that are read side by side.
        window: tokens that a stream goes on in each step.
        learning_rate: of AdamW, the highest of the schedule.
        schedule: of the learning rate after the warm-up: "constant", or "linear" or "cosine" to 0 at the end of max_iter
            epochs.
        warmup: steps in which the learning rate rises.
        weight_decay: of AdamW.
        clip_norm: limit of the gradients' norm, or None.
        validation_fraction: share of the texts, or of the end of one text, that is held out (0: none).

    Attributes:
        model_: the network.
        tokenizer_: what makes ids of texts and texts of ids: encode(text), decode(ids); None for X of integers.
        history_: a list for each figure of training, one number an epoch; "perplexity" and "val_perplexity" among them.
        n_iter_: epochs that were run.

    Raises:
        ValueError: a text without tokens, one text of one token, or integers that are no ids.
        TypeError: X has vectors, or numbers that are no integers.

    Sources: Mikolov et al., "Recurrent neural network based language model", Interspeech 2010; Radford et al., "Language
    models are unsupervised multitask learners", 2019.

    >>> from seqnn.models import LanguageModel
    >>> model = LanguageModel(hidden_size=32, tokenizer=list, learning_rate=0.02, batch_size=2, max_iter=8)
    >>> model.fit("to be or not to be, that is the question. " * 40).generate("or not", max_new_tokens=15)
    'or not to be, that is'
    >>> model.perplexity("to be or not to be") < model.perplexity("eb ot ton ro eb ot")
    True
    """

    cell = Anything("lstm", lambda _, value: value if value == "gpt" else _recurrent_cell(value), saved=True)
    hidden_size = Integer(256, minimum=1)
    num_layers = Integer(1, minimum=1)
    nhead = Integer(4, minimum=1)
    embedding_size = Integer(128, minimum=1)
    tied = Flag(True)
    dropout = Number(0.1, minimum=0, maximum=1)
    tokenizer = Tokenizer(tokenize)
    min_frequency = Integer(1, minimum=1)
    embedding = Embedding()
    freeze = Flag(False)
    window = Integer(64, minimum=1)
    learning_rate = Number(3e-3, minimum=0)
    schedule = Choice("cosine", _SCHEDULES)
    warmup = Integer(0)
    weight_decay = Number(0.0, minimum=0)
    clip_norm = Number(1.0, above=0, optional=True)
    max_iter = Integer(10, minimum=1)
    n_iter_no_change = Integer(3)

    _needs_y = False

    _input = Part(StreamTokens, StreamIds)
    model_ = Network(nn.Module)

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 256,
        num_layers: int = 1,
        nhead: int = 4,
        embedding_size: int = 128,
        tied: bool = True,
        dropout: float = 0.1,
        tokenizer: Callable[[str], list[str]] = tokenize,
        min_frequency: int = 1,
        embedding: Any = None,
        freeze: bool = False,
        batch_size: int = 32,
        window: int = 64,
        learning_rate: float = 3e-3,
        schedule: str = "cosine",
        warmup: int = 0,
        weight_decay: float = 0.0,
        clip_norm: float | None = 1.0,
        max_iter: int = 10,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 3,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any = None, *, validation: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn from texts.

        Args:
            X: one text, or a list of texts.
            y: not used.
            validation: texts of the same kind that are held out, in place of a share of X. Their figures in the history are
                those of streams as in training, where `perplexity` reads each text from its beginning.

        Returns:
            The estimator.
        """
        rows = self._learn_tokens(X)
        if validation is not None:
            learnt, held = rows, self._encoded(validation, "validation")
        else:
            learnt, held = self._split(rows)
        data, checked = self._streams(learnt, shift=True), self._streams(held, shift=False) if held else None
        steps = data.batches() * self._used.max_iter
        return self._train(None, data, checked, schedule=self._rates(steps), callbacks=[_Perplexity()])

    def partial_fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learn from texts for one more epoch, at a constant learning rate; vocabulary and settings are those of the first call.

        Args:
            X: as for `fit`.
            y: not used.

        Returns:
            The estimator.
        """
        rows = self._encoded(X, "X") if self.__sklearn_is_fitted__() else self._learn_tokens(X)
        if not hasattr(self._used, "seed"):  # a file keeps none
            self._used.seed = as_seed(self._used.random_state)
        self._train_further(None, self._streams(rows, shift=True))
        self.history_["perplexity"] = [
            None if loss is None else perplexity_of(-loss, 1) for loss in self.history_["loss"]
        ]
        return self

    # Texts and streams.

    def _learn_tokens(self, X: Any) -> list[np.ndarray]:  # noqa: N803
        """Learn the vocabulary, and return the ids of each text."""
        settings = self._begin()
        sequences, single = self._texts(X, "X")
        kind = StreamTokens if sequences.tokens else StreamIds
        self._input = kind(sequences, settings, settings.embedding, marks=not single)
        return self._marked(sequences, "X")

    def _split(self, rows: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the texts to learn from, and those held out: of one text its end."""
        settings = self._used
        if len(rows) > 1:
            learnt, held = split_rows(len(rows), settings)
            return [rows[i] for i in learnt], [rows[i] for i in held]
        (row,) = rows
        count = max(2, round(len(row) * settings.validation_fraction)) if settings.validation_fraction else 0
        if self._input.marks or len(row) - count < 2 or not count:
            return rows, []
        return [row[:-count]], [row[-count:]]

    def _streams(self, rows: list[np.ndarray], *, shift: bool) -> Streams:
        settings, skip = self._used, self._input.begin if self._input.marks else None
        return Streams(
            np.concatenate(rows), batch_size=settings.batch_size, window=settings.window, seed=settings.seed, shift=shift,
            carry=settings.cell != "gpt", skip=skip,
        )  # fmt: skip

    def _rates(self, steps: int) -> optim.Schedule:
        """Return the schedule of the learning rate."""
        settings, left = self._used, max(1, steps - self._used.warmup)
        kinds = {"linear": optim.Linear(left, 1.0, 0.0), "cosine": optim.Cosine(left), "constant": optim.Constant()}
        after = kinds[settings.schedule]
        return optim.Linear(settings.warmup).then(after) if settings.warmup else after

    # The network.

    def _arguments(self) -> dict[str, Any]:
        settings, size = self._used, self._input.embedding_size
        common = {name: getattr(settings, name) for name in ("num_layers", "dropout", "tied")}
        if settings.cell == "gpt":
            width = settings.hidden_size if settings.embedding is None else size
            if width % settings.nhead:
                raise ValueError(f"hidden_size: expected a multiple of nhead={settings.nhead}, got {width}")
            sizes = {"d_model": width, "nhead": settings.nhead, "max_positions": settings.window}
        else:
            sizes = {"embedding_size": size, "hidden_size": settings.hidden_size, "cell": settings.cell}
        return {"vocabulary_size": self._input.size, **sizes, **common}

    def _make(self) -> RecurrentLM | GPT:
        return (GPT if self._used.cell == "gpt" else RecurrentLM)(**self._arguments())

    def _prepare(self, model: Any) -> None:
        super()._prepare(model)
        settings = self._used
        if settings.embedding is not None:
            table = self._input.table(settings.embedding)
            length = np.sqrt(np.square(table).sum(axis=1).mean())
            scale = length if settings.tied else 1.0  # the first logits are to be small
            fill(model.embedding, table / scale, settings.freeze)


class _Perplexity(Callback):
    """Write perplexities beside the losses of the history."""

    def on_epoch_end(self, model: Any) -> None:
        """Add them to the epoch's entry."""
        entry = model.history_[-1]
        entry |= {
            name.replace("loss", "perplexity"): perplexity_of(-entry[name], 1)
            for name in ("loss", "val_loss")
            if name in entry
        }


def _recurrent_cell(value: Any) -> str:
    try:
        return checked_cell(value)
    except ValueError as error:
        raise ValueError(str(error).replace("expected one of ", "expected one of gpt, ")) from None
