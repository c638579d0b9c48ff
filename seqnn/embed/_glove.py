"""GloVe: word vectors from co-occurrence counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np

from .._arguments import integer
from .._callbacks import EarlyStopping
from .._files import Path
from .._progress import advance, progress_bar
from .._threads import threads
from ..text._corpus import Corpus
from ..text._sources import encoded_of
from ..text._vocabulary import Vocabulary
from . import _glove_file as file
from ._cooccurrence import Cooccurrence
from ._cooccurrence_count import count
from ._glove_model import GloVeModel, checked
from ._glove_weights import Weights
from ._word2vec_corpus import Source, encoded, one_source, read


class GloVe(GloVeModel):
    """Word vectors by GloVe: AdaGrad on the weighted least-squares error of the logarithms of co-occurrence counts.

    Given a corpus, the constructor trains; otherwise call `fit`. The vectors are in `wv` (`KeyedVectors`).

    The cost of a count x between a word (vector w, bias b) and a context word (vector c, bias d) is
    0.5 f(x) (w . c + b + d - log x)^2 with f(x) = min(1, (x / x_max)^alpha).

    sentences, corpus_file  the corpus: token lists, paths, string columns, encoded ids, as for `Word2Vec`
    vector_size         length of the vectors (100)
    window              most words between a word and its context, at most 1000 (10)
    x_max, alpha        where the weight f reaches 1 (100), and its exponent (0.75)
    learning_rate       of AdaGrad (0.05)
    symmetric           count contexts on both sides; False: to the right only (True)
    distance_weighting  a context d words away counts 1/d; False: 1 (True)
    min_count           rarer words are left out (5); they do not count as distance
    epochs              passes over the counts (25)
    workers             threads; None: all allowed ones
    seed                of all random numbers (1)
    deterministic       has no effect: every run is. The same seed gives the same bits for any number of threads, on
                        the same instruction set
    callbacks           objects with the methods of `Callback`, for the training of this call
    vectors             what `wv` holds: "sum" of word and context vector, the "word" vector, or "both" side by side
    max_vocab_size      limit of different words while reading: rarer ones are forgotten on the way
    max_final_vocab     raise min_count until at most so many words are left
    trim_rule           function (word, count, min_count) -> 0 default, 1 discard, 2 keep; not saved
    verbose             0 no progress bar (1)
    max_memory          bytes (or "2GB") for the corpus and for its counts; beyond, they lie in temporary files
    tokenizer           function str -> list of words, for lines of text; default: split at white space; not saved
    errors              what invalid UTF-8 gets: "replace", "strict", "ignore"
    early_stopping      an `EarlyStopping`, used by every `fit` of this model; not saved

    Attributes: `wv`; `cooccurrence_`, the counts (`rows, cols, values = model.cooccurrence_`; see `Cooccurrence`);
    `history_`, one dict an epoch: epoch (from 1 on), loss (the cost per count), examples, pairs, seconds,
    pairs_per_second, learning_rate; `word_biases_`, `context_vectors_`, `context_biases_`; `epochs_trained`.

    Training takes 20 bytes a count (12 for the counts, 8 for their order of training) and 16 bytes a weight.
    Ctrl-C stops between two steps of about 0.1 s. The model is then consistent: query it, save it, or go on with
    `fit` on the same corpus. When the constructor was interrupted the exception holds the model: `sys.last_value.model`.

    Pennington, Socher, Manning 2014, "GloVe: Global Vectors for Word Representation".

    >>> model = GloVe([["to", "be", "or", "not", "to", "be"]] * 50, vector_size=8, epochs=5, verbose=0)
    >>> model.wv.index_to_key
    ['be', 'to', 'not', 'or']
    >>> model.wv["be"].shape, model.cooccurrence_.shape, len(model.history_)
    ((8,), (4, 4), 5)
    """

    def __init__(
        self,
        sentences: Source = None,
        corpus_file: Path | None = None,
        vector_size: int = 100,
        window: int = 10,
        x_max: float = 100,
        alpha: float = 0.75,
        learning_rate: float = 0.05,
        symmetric: bool = True,
        distance_weighting: bool = True,
        min_count: int = 5,
        epochs: int = 25,
        workers: int | None = None,
        seed: int = 1,
        deterministic: bool = False,
        callbacks: Iterable[Any] = (),
        *,
        vectors: str = "sum",
        max_vocab_size: int | None = None,
        max_final_vocab: int | None = None,
        trim_rule: Callable[[str, int, int], int] | None = None,
        verbose: int = 1,
        max_memory: int | str | None = None,
        tokenizer: Callable[[str], list[str]] | None = None,
        errors: str = "replace",
        early_stopping: EarlyStopping | None = None,
    ) -> None:
        options = checked(
            {
                "vector_size": vector_size, "window": window, "x_max": x_max, "alpha": alpha,
                "learning_rate": learning_rate, "symmetric": symmetric, "distance_weighting": distance_weighting,
                "min_count": min_count, "epochs": epochs, "workers": workers, "seed": seed,
                "deterministic": deterministic, "vectors": vectors, "max_vocab_size": max_vocab_size,
                "max_final_vocab": max_final_vocab, "verbose": verbose, "max_memory": max_memory, "errors": errors,
                "tokenizer": tokenizer, "early_stopping": early_stopping,
            }
        )  # fmt: skip
        super().__init__(options)
        self.trim_rule = trim_rule
        if sentences is not None or corpus_file is not None:
            self.fit(sentences, corpus_file, callbacks=callbacks)

    def fit(
        self,
        sentences: Source = None,
        corpus_file: Path | None = None,
        *,
        cooccurrence: Any = None,
        vocabulary: Sequence[str] | Vocabulary | None = None,
        epochs: int | None = None,
        callbacks: Iterable[Any] = (),
        warm_start: bool = False,
    ) -> Self:
        """Train on a corpus, or on counts; returns the model.

        cooccurrence  counts instead of a corpus: `model.cooccurrence_`, a scipy sparse matrix (words by words),
                      (rows, cols, values), or a .npz file of `Cooccurrence.save` or scipy
        vocabulary    the words of the counts' rows; not needed where the counts know them (`Cooccurrence.words`)
        epochs        default: what is left of an interrupted run when there is one, else the model's `epochs`
        callbacks     see `Callback`
        warm_start    True trains the present vectors further, with the present vocabulary; False begins anew

        An interrupted run (Ctrl-C, an exception in a callback, also one that came back by `save` and `load`) goes on
        when `fit` gets the same corpus or counts, exactly: the vectors are the same bits as without the interruption.
        Give `epochs` to begin a new run instead.

        A run whose cost or weights are not finite any more raises a `FloatingPointError`; the model is then as it was
        after the last good epoch.
        """
        if epochs is not None:
            epochs = integer("epochs", epochs, 0)
        resume = self._position is not None and epochs is None
        keep = resume or warm_start
        if keep and not self._vocabulary.words:
            raise RuntimeError("warm_start: there is nothing to go on with, call fit without it first")
        if cooccurrence is None:
            if vocabulary is not None:
                raise TypeError(
                    "vocabulary: is given together with cooccurrence only; min_count chooses a corpus' words"
                )
            words, counts = self._count(one_source(sentences, corpus_file, passes=1), keep=keep)
        elif sentences is None and corpus_file is None:
            words, counts = self._given(cooccurrence, vocabulary, keep=keep)
        else:
            raise TypeError("two sources: give either a corpus or cooccurrence, not both")
        if not counts.nnz:
            raise ValueError("the co-occurrence matrix is empty: no word has a context (is each sentence one word?)")
        counts.words = words.words
        pristine = not keep
        if pristine:
            weights = Weights.create(len(words), self.vector_size)
            weights.reset(self.seed)
            self._forget_training()
            self._install(words, weights)
        self.cooccurrence_ = counts
        self._train(counts, self._next_position(counts, epochs, resume=resume), callbacks, pristine=pristine)
        return self

    def _count(self, source: Source, *, keep: bool) -> tuple[Vocabulary, Cooccurrence]:
        """Vocabulary and counts of a corpus; with `keep`, those of the known words."""
        if keep:
            with encoded(source, self) as (corpus, _):
                return self._vocabulary, self._counts_of(corpus, self._vocabulary)
        with read(source, self) as scanned:
            vocabulary, mapping = Vocabulary.build(
                scanned.words,
                scanned.counts,
                min_count=self.min_count,
                max_final_vocab=self.max_final_vocab,
                trim_rule=self.trim_rule,
            )
            self.corpus_count, self.corpus_total_words = scanned.sentences, scanned.total_words
            self.ids_as_words = encoded_of(source) is not None
            with scanned.encode(mapping) as corpus:
                return vocabulary, self._counts_of(corpus, vocabulary)

    def _counts_of(self, corpus: Corpus, vocabulary: Vocabulary) -> Cooccurrence:
        with (
            threads(self.workers),
            progress_bar("counting", " words", show=bool(self.verbose), delay=1) as bar,
        ):
            return count(
                corpus,
                len(vocabulary),
                window=self.window,
                symmetric=self.symmetric,
                distance_weighting=self.distance_weighting,
                max_memory=self.max_memory,
                progress=partial(advance, bar),
            )

    def _given(
        self, cooccurrence: Any, vocabulary: Sequence[str] | Vocabulary | None, *, keep: bool
    ) -> tuple[Vocabulary, Cooccurrence]:
        """Vocabulary and counts that the user hands over."""
        if vocabulary is None and keep:
            vocabulary = self._vocabulary
        size = None if vocabulary is None else len(vocabulary)
        counts = Cooccurrence.from_any(cooccurrence, size)
        if vocabulary is None:
            if counts.words is None:
                raise ValueError("vocabulary: these counts do not know their words, give the list of them")
            vocabulary = counts.words
        if len(vocabulary) != counts.shape[0]:
            raise ValueError(
                f"cooccurrence: a matrix of {counts.shape[0]} x {counts.shape[1]} does not match the vocabulary of "
                f"{len(vocabulary)} words"
            )
        if not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary(vocabulary, np.zeros(len(vocabulary), np.int64))
        if keep and vocabulary.words != self._vocabulary.words:
            raise ValueError("vocabulary: expected the words of the model, in their order, to train it further")
        return vocabulary, Cooccurrence(counts.indptr, counts.indices, counts.data)

    @property
    def context_vectors_(self) -> np.ndarray:
        """The words' vectors as contexts, V x vector_size."""
        return self._weights.context[:, 0, : self.vector_size]

    @property
    def word_vectors_(self) -> np.ndarray:
        """The words' vectors proper, V x vector_size."""
        return self._weights.word[:, 0, : self.vector_size]

    @property
    def word_biases_(self) -> np.ndarray:
        """The words' biases, V."""
        return self._weights.word[:, 0, -2]

    @property
    def context_biases_(self) -> np.ndarray:
        """The words' biases as contexts, V."""
        return self._weights.context[:, 0, -1]

    def save(self, path: Path) -> None:
        """Write all of the model to one safetensors file; on any error an old file of this name stays.

        Weights, vocabulary, settings, history, and where an interrupted run stands; not the counts (see
        `Cooccurrence.save`), nor functions (tokenizer, trim_rule, callbacks, early_stopping). `KeyedVectors.load` reads
        the vectors alone.
        """
        file.save(self, path)

    @classmethod
    def load(cls, path: Path, mmap: bool | str | None = False) -> Self:
        """The model that `save` wrote. mmap=True leaves the weights in the file until the model is trained further."""
        return file.load(cls, path, mmap=bool(mmap))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}<vocab={len(self.wv)}, vector_size={self.vector_size}, epochs={self.epochs_trained}>"
        )
