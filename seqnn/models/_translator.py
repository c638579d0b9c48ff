"""Translations of token sequences by a Transformer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from .. import decode, optim
from .._arguments import integer
from .._settings import Flag, Integer, Number
from ..autograd import no_grad
from ..text import Vocabulary, pad, tokenize
from ._alignment import Alignment
from ._base import Examples, Network, NetworkEstimator, Plain, Tokenizer, Words, by_length
from ._coders import padded_classes
from ._decoding import evaluating, refuse_several
from ._pretrained import Embedding, Pretrained, fill, learn_words
from ._seq2seq_training import MeasureBLEU, held_out
from ._sequences import Sequences, as_sequences
from ._target_language import TargetLanguages, with_words
from ._transformer import Transformer

__all__ = ["Translator"]


class Translator(TargetLanguages, NetworkEstimator):
    """Translate sequences of tokens by a `Transformer`, trained by Adam and the Noam schedule.

    X and y are lists of token lists, or of strings, which `tokenizer` cuts into tokens (a
    `text.SubwordTokenizer` also joins those that are written, else blanks stand between them). Predictions are of the kind
    of y. One model may write several languages: `fit` and `predict` then take the `target_language` of each text, and a token
    such as "<2en>" before the text says which.

    Args:
        d_model: width of the network; vectors that are given decide it.
        nhead: attention heads.
        num_layers: layers of the encoder, and as many of the decoder.
        dim_feedforward: width of the layers' inner networks.
        dropout: share of units that is dropped in training.
        label_smoothing: of the loss in training.
        tokenizer: from a string to its tokens, for texts that are given as strings.
        max_length: tokens of a text of X that are read, its first ones: the rest is left out; None: all.
        min_frequency: rarer words of either side are "<unk>", as are those that `fit` did not meet.
        embedding: first vectors of the words of X: `KeyedVectors`, or a pair (matrix, words); scaled to length 1 in the mean.
        target_embedding: first vectors of the words of y, which are those of the output as well.
        freeze: whether vectors that are given stay as they are. Then the vocabulary is all words that have a vector, and
            the others are "<unk>"; else it is the words of `fit`.
        learning_rate: factor of the schedule, learning_rate * d_model^-0.5 * min(step^-0.5, step * warmup^-1.5).
        warmup: steps in which the learning rate rises.
        clip_norm: limit of the gradients' norm, or None.

    Attributes:
        model_: the network, a `Transformer`.
        source_: the vocabulary of X.
        target_: the vocabulary of y.
        history_: a list for each figure of training, one number an epoch; "val_bleu" where `fit` got validation pairs.
        n_iter_: epochs that were run.
        languages_: the target languages of `fit`, sorted; not set where there were none.

    >>> from seqnn.models import Translator
    >>> X = [["ein", "hund"], ["eine", "katze"], ["ein", "mann"]] * 8
    >>> y = [["a", "dog"], ["a", "cat"], ["a", "man"]] * 8
    >>> model = Translator(d_model=32, nhead=2, num_layers=1, dim_feedforward=64, warmup=40, max_iter=30, batch_size=8)
    >>> model.fit(X, y).predict([["eine", "katze"]])
    [['a', 'cat']]
    """

    d_model = Integer(256, minimum=1)
    nhead = Integer(4, minimum=1)
    num_layers = Integer(3, minimum=1)
    dim_feedforward = Integer(1024, minimum=1)
    dropout = Number(0.1, minimum=0, maximum=1)
    label_smoothing = Number(0.1, minimum=0, below=1)
    tokenizer = Tokenizer(tokenize)
    max_length = Integer(None, minimum=1)
    min_frequency = Integer(1, minimum=1)
    embedding = Embedding()
    target_embedding = Embedding()
    freeze = Flag(False)
    learning_rate = Number(1.0, minimum=0)
    warmup = Integer(1000, minimum=1)
    batch_size = Integer(64, minimum=1)
    clip_norm = Number(1.0, above=0, optional=True)
    max_iter = Integer(10, minimum=1)
    validation_fraction = Number(0.02, minimum=0, below=1)
    n_iter_no_change = Integer(3)

    source_ = Words()
    target_ = Words()
    _longest = Plain(int)
    _width = Plain(int)
    _text = Plain(bool)
    model_ = Network(Transformer)

    def __init__(
        self,
        *,
        d_model: int = 256,
        nhead: int = 4,
        num_layers: int = 3,
        dim_feedforward: int = 1024,
        dropout: float = 0.1,
        label_smoothing: float = 0.1,
        tokenizer: Callable[[str], list[str]] = tokenize,
        max_length: int | None = None,
        min_frequency: int = 1,
        embedding: Any = None,
        target_embedding: Any = None,
        freeze: bool = False,
        learning_rate: float = 1.0,
        warmup: int = 1000,
        batch_size: int = 64,
        clip_norm: float | None = 1.0,
        max_iter: int = 10,
        validation_fraction: float = 0.02,
        n_iter_no_change: int = 3,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    def fit(
        self, X: Any, y: Any, *, target_language: Any = None, validation: Any = None  # noqa: N803
    ) -> Self:  # fmt: skip
        """Learn from texts and their translations.

        Args:
            X: token lists, or strings.
            y: a translation for each.
            target_language: the language of each y where one model writes several, such as "en", or of all.
            validation: a pair (X, y) that is held out in place of a share of the pairs, or (X, y, target_language); its
                loss, and the BLEU of its translations (the tokens as they are), stand in the history.

        Returns:
            The estimator.
        """
        settings = self._begin()
        x, targets = self._texts(X, "X").cut(settings.max_length), self._texts(y, "y")
        if len(x.rows) != len(targets.rows):
            raise ValueError(
                f"y: expected a translation for each of {len(x.rows)} sequences of X, got {len(targets.rows)}"
            )
        x = self._learn_languages(x, target_language)
        self._text, self._width = (
            targets.text,
            _common_size(settings.embedding, settings.target_embedding, settings.d_model),
        )
        self.source_ = learn_words(x.rows, settings.embedding, settings, "embedding")
        self.source_ = with_words(self.source_, self._language_tokens())
        self.target_ = learn_words(targets.rows, settings.target_embedding, settings, "target_embedding")
        sources = [self.source_.encode(s, eos=True) for s in x.rows]
        written = [self.target_.encode(s, bos=True, eos=True) for s in targets.rows]
        self._longest = max(map(len, written))
        parts, callbacks = None, []
        if validation is not None:
            pair, language = self._split_validation(validation)
            held, true = held_out(pair, self._texts)
            held = self._for_language(held.cut(settings.max_length), language, "validation[2]")
            more = [self.source_.encode(s, eos=True) for s in held.rows]
            parts = np.arange(len(sources)), len(sources) + np.arange(len(more))
            callbacks.append(self._measure(more, true))
            sources += more
            written += [self.target_.encode(s, bos=True, eos=True) for s in true.rows]
        examples = Examples(sources, written, _Source(self.source_), _Target(self.target_))
        schedule = optim.Noam(self._width, settings.warmup)
        return self._train(None, *examples.split(settings, parts), schedule=schedule, callbacks=callbacks)

    @property
    def _join(self) -> Callable[[list[str]], str]:
        """Return the function that joins the tokens of a string: that of the tokenizer, or blanks between them."""
        return getattr(self._used.tokenizer, "join", " ".join)

    def _measure(self, held: list[np.ndarray], true: Sequences) -> MeasureBLEU:
        """Return what computes BLEU after each epoch."""
        join = self._join

        def write(model: Transformer) -> list[str]:
            with evaluating(model):
                return [join(row) for row in self._translated(model, held, self._longest, {})]

        return MeasureBLEU(write, [join(row) for row in true.rows])

    def _translated(
        self, model: Transformer, sources: list[np.ndarray], most: int, options: dict[str, Any]
    ) -> list[list[str]]:
        """Return the tokens of translations."""

        def translate(part: list[np.ndarray]) -> list[list[str]]:
            ids, lengths = _Source(self.source_).collate(part)
            written = model.generate(ids, most, lengths=lengths, **options)
            return [self.target_.decode(row, skip_specials=True) for row in written]

        return by_length(sources, self._used.batch_size, translate)

    def predict(
        self, X: Any, *, target_language: Any = None, max_new_tokens: int | None = None, **options: Any  # noqa: N803
    ) -> list[Any]:  # fmt: skip
        """Return the translation of each text: tokens, or a string where the y of `fit` were strings.

        Args:
            X: token lists, or strings.
            target_language: the language to write, or one for each text; of those of `fit`.
            max_new_tokens: most tokens of a translation; default: as many as the longest of `fit` has.
            **options: how tokens are chosen, see `decode.Options`: num_beams, length_penalty, do_sample, ...
        """
        self._require_fit()
        refuse_several(options)
        most = self._longest if max_new_tokens is None else integer("max_new_tokens", max_new_tokens, 0)
        found = self._translated(self.model_, self._sources(X, target_language), most, options)
        return [self._join(tokens) for tokens in found] if self._text else found

    def generate(
        self, X: Any, *, target_language: Any = None, max_new_tokens: int | None = None, **options: Any  # noqa: N803
    ) -> decode.Generation:  # fmt: skip
        """Translate texts, all at the same time, and tell all that is known of the translations.

        Args:
            X: token lists, or strings.
            target_language: as for `predict`.
            max_new_tokens: as for `predict`.
            **options: see `decode.Options`: num_beams, num_return_sequences, return_attention, ...

        Returns:
            A `decode.Generation`: `.texts` are the translations, the tokens joined by blanks, `.scores` their scores, and
            with return_attention `.attention` [tokens of the translation, tokens of the text], the ends included.
        """
        self._require_fit()
        most = self._longest if max_new_tokens is None else integer("max_new_tokens", max_new_tokens, 0)
        options = {"tokenizer": self.target_, **options}
        return decode.generate(self.model_, self._sources(X, target_language), max_new_tokens=most, **options)

    def score(self, X: Any, y: Any, *, target_language: Any = None) -> float:  # noqa: N803
        """Return the share of texts whose translation is predicted exactly.

        Args:
            X, y: texts, as for `fit`.
            target_language: as for `predict`.
        """
        self._require_fit()
        true = self._texts(y, "y").rows
        found = self.predict(X, target_language=target_language, max_new_tokens=max(map(len, true)) + 1)
        if len(found) != len(true):
            raise ValueError(f"y: expected a translation for each of {len(found)} sequences of X, got {len(true)}")
        return float(np.mean([f == (self._join(t) if self._text else t) for f, t in zip(found, true, strict=True)]))

    def align(
        self,
        X: Any,  # noqa: N803
        *,
        target_language: Any = None,
        layer: int = -1,
        max_new_tokens: int | None = None,
        **options: Any,
    ) -> list[Alignment]:
        """Translate texts, and return how the words of each translation attend to those of the text.

        Args:
            X: token lists, or strings.
            target_language: as for `predict`.
            layer: of the decoder, 0 .. num_layers - 1; default: the last.
            max_new_tokens: as for `predict`.
            **options: as for `predict`.

        Returns:
            An `Alignment` for each text: `plot.alignment(*model.align(X)[0])` draws the first.
        """
        self._require_fit()
        refuse_several(options)
        most = self._longest if max_new_tokens is None else integer("max_new_tokens", max_new_tokens, 0)
        found = []
        for source in self._sources(X, target_language):
            written = self.model_.generate(source[None], most, **options)[0]
            before = np.concatenate([[self.target_.bos_id], written[:-1]])[None]
            with no_grad():
                _, weights = self.model_.decode(before, self.model_.encode(source[None]), need_weights=True)
            if not -len(weights) <= layer < len(weights):
                raise ValueError(f"layer: expected one of the {len(weights)} of the decoder, got {layer}")
            _, across = weights[layer]
            found.append(Alignment(np.asarray(across)[0], self.source_.decode(source), self.target_.decode(written)))
        return found

    def _texts(self, texts: Any, name: str) -> Sequences:
        found = as_sequences(texts, name, self._used.tokenizer)
        if not found.tokens:
            raise TypeError(f"{name}: expected sequences of tokens (strings), got numbers")
        return found

    def _sources(self, X: Any, target_language: Any) -> list[np.ndarray]:  # noqa: N803
        texts = self._for_language(self._texts(X, "X").cut(self._used.max_length), target_language)
        return [self.source_.encode(s, eos=True) for s in texts.rows]

    def _arguments(self) -> dict[str, Any]:
        settings = self._used
        return {
            "source_size": len(self.source_), "target_size": len(self.target_), "d_model": self._width,
            "nhead": settings.nhead, "num_encoder_layers": settings.num_layers,
            "num_decoder_layers": settings.num_layers, "dim_feedforward": settings.dim_feedforward,
            "dropout": settings.dropout, "label_smoothing": settings.label_smoothing,
        }  # fmt: skip

    def _prepare(self, model: Any) -> None:
        super()._prepare(model)
        settings = self._used
        for pretrained, words, layer in (
            (settings.embedding, self.source_, model.source),
            (settings.target_embedding, self.target_, model.target),
        ):
            if pretrained is not None:
                table = pretrained.table(words)
                fill(layer, table / np.sqrt(np.square(table).sum(axis=1).mean()), settings.freeze)

    def _optimizer(self, parameters: Any) -> optim.Optimizer:
        return optim.Adam(parameters, lr=self._used.learning_rate, betas=(0.9, 0.98), eps=1e-9)


class _Source:
    """Ids of the words of a source."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.pad_id = vocabulary.pad_id

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return padded ids [B, S] and their lengths."""
        return pad(rows, value=self.pad_id)


class _Target(_Source):
    """Ids of the words of a translation, with those that begin and end it."""

    def collate(self, rows: list[np.ndarray]) -> tuple:
        """Return the ids before each word, [B, T], and the words, [B, T]."""
        before, _ = pad([row[:-1] for row in rows], value=self.pad_id)
        return before, padded_classes([row[1:] for row in rows])


def _common_size(first: Pretrained | None, second: Pretrained | None, default: int) -> int:
    """Return the width that vectors decide; a ValueError where those of both sides differ."""
    sizes = [pretrained.size for pretrained in (first, second) if pretrained is not None]
    if len(set(sizes)) > 1:
        raise ValueError(f"target_embedding: expected {sizes[0]} dimensions as embedding has, got {sizes[1]}")
    return sizes[0] if sizes else default
