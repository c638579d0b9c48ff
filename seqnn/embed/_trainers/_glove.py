"""GloVe: word vectors from co-occurrence counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np

from ..._arguments import integer
from ..._callbacks import EarlyStopping
from ..._files import Path
from ..._progress import advance, progress_bar
from ..._settings import Choice, Flag, Function, Integer, Number
from ..._threads import threads
from ...text import Corpus, Vocabulary, encoded_of
from ._cooccurrence import Cooccurrence
from ._cooccurrence_count import count
from ._corpus import Source, encoded, fingerprint, one_source, read
from ._glove_cells import Cells
from ._glove_weights import GloveWeights
from ._steps import RatedPosition, Task
from ._vector_model import MAX_WINDOW, VectorModel

BLOCK = 1 << 16
"""Counts: the smallest step. A step trains whole cells, so results do not depend on how an epoch is cut."""


class GloVe(VectorModel):
    """Word vectors by GloVe: AdaGrad on the weighted least-squares error of the logarithms of co-occurrence counts.

    Given a corpus, the constructor trains; otherwise call `fit`. The cost of a count x between a word (vector w, bias b)
    and a context word (vector c, bias d) is 0.5 f(x) (w . c + b + d - log x)^2 with f(x) = min(1, (x / x_max)^alpha).

    Args:
        sentences, corpus_file: the corpus: token lists, paths, string columns, encoded ids, as for `Word2Vec`.
        x_max, alpha: where the weight f reaches 1, and its exponent.
        learning_rate: of AdaGrad, for the vectors; the biases learn at the rate 1, as in Stanford's program.
        symmetric: count contexts on both sides; False: to the right only.
        distance_weighting: a context d words away counts 1/d; False: 1.
        min_count: rarer words are left out; they do not count as distance.
        epochs: passes over the counts; 0 leaves the initial vectors.
        deterministic: has no effect: every run is. The same seed gives the same bits for any number of threads, on the
            same instruction set.
        callbacks: objects with the methods of `Callback`, for the training of this call.
        vectors: what `wv` holds: "sum" of word and context vector, the "word" vector, or "both" side by side.
        trim_rule: function (word, count, min_count) -> 0 default, 1 discard, 2 keep; files do not keep it.
        mittens: with `pretrained`, words stay near their vectors there: the cost has one term more, this number times the
            squared distance of each from its vector. 0.01 holds words loosely, 1 fast; with 0 they only begin there.
        max_memory: bytes (or "2GB") for the corpus and for its counts; beyond, they lie in temporary files.

    Attributes:
        wv: the vectors, `KeyedVectors`.
        cooccurrence_: the counts, `rows, cols, values = model.cooccurrence_`; see `Cooccurrence`.
        history_: one dict an epoch: epoch (from 1), loss (the cost per count), examples, pairs, seconds,
            pairs_per_second, learning_rate.
        word_vectors_, context_vectors_: the two vectors of each word.
        word_biases_, context_biases_: the two biases of each word.
        epochs_trained: epochs of all runs.

    Training takes 20 bytes a count (12 for the counts, 8 for their order of training) and 16 bytes a weight.
    Ctrl-C stops between two steps of about 0.1 s. The model is then consistent: query it, save it, or go on with
    `fit` on the same corpus. When the constructor was interrupted the exception holds the model: `sys.last_value.model`.

    Source: Pennington, Socher, Manning 2014, "GloVe: Global Vectors for Word Representation"; Dingwall, Potts 2018,
    "Mittens: an extension of GloVe for learning domain-specialized representations".

    >>> from seqnn import GloVe
    >>> model = GloVe([["to", "be", "or", "not", "to", "be"]] * 50, vector_size=8, epochs=5, verbose=0)
    >>> model.wv.index_to_key
    ['be', 'to', 'not', 'or']
    >>> model.wv["be"].shape, model.cooccurrence_.shape, len(model.history_)
    ((8,), (4, 4), 5)
    """

    window = Integer(10, minimum=1, maximum=MAX_WINDOW)
    x_max = Number(100, above=0)
    alpha = Number(0.75, minimum=0)
    learning_rate = Number(0.05, above=0)
    symmetric = Flag(True)
    distance_weighting = Flag(True)
    epochs = Integer(25)
    vectors = Choice("sum", ("sum", "word", "both"), expected='"sum", "word" or "both"')
    trim_rule = Function("(word, count, min_count) -> 0, 1 or 2")
    mittens = Number(0.0, minimum=0)

    _kind = "GloVe"
    _weights_type = GloveWeights

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
        pretrained: Any = None,
        freeze: Any = False,
        mittens: float = 0.0,
    ) -> None:
        self._store(locals())
        self.cooccurrence_: Cooccurrence | None = None
        self._start()
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
        """Train on a corpus, or on counts.

        An interrupted run (Ctrl-C, an exception in a callback, also one that came back by `save` and `load`) goes on
        when `fit` gets the same corpus or counts, exactly: the vectors are the same bits as without the interruption.
        Give `epochs` to begin a new run instead.

        Args:
            sentences, corpus_file: the corpus, as for the constructor.
            cooccurrence: counts instead of a corpus: `model.cooccurrence_`, a scipy sparse matrix (words by words),
                (rows, cols, values), or a .npz file of `Cooccurrence.save` or scipy.
            vocabulary: the words of the counts' rows; not needed where the counts know them (`Cooccurrence.words`).
            epochs: default: what is left of an interrupted run when there is one, else the model's `epochs`.
            callbacks: objects with the methods of `Callback`.
            warm_start: True trains the present vectors further, with the present vocabulary; False begins anew.

        Returns:
            The model.

        Raises:
            FloatingPointError: the cost or the weights are not finite any more; the model is then as it was after the last
                good epoch.

        >>> from seqnn import GloVe
        >>> model = GloVe(vector_size=8, verbose=0)
        >>> counts = [0, 1, 1, 2], [1, 0, 2, 1], [2.0, 2.0, 1.0, 1.0]
        >>> model.fit(cooccurrence=counts, vocabulary=["to", "be", "or"]).wv["or"].shape
        (8,)
        """
        self._checked()
        self._check_pretrained()
        if epochs is not None:
            epochs = integer("epochs", epochs, 0)
        resume = self._position is not None and epochs is None
        keep = resume or warm_start
        if keep:
            if self._weights is None:
                raise RuntimeError("warm_start: there is nothing to go on with, call fit without it first")
            self._check_settings()
            self._follow_vectors()
        if self.mittens and (self._weights.near is None if keep else self.pretrained is None):
            raise ValueError("mittens: expected pretrained vectors to stay near to, got pretrained=None")
        if cooccurrence is None:
            if vocabulary is not None:
                raise TypeError(
                    "vocabulary: is given together with cooccurrence only; min_count chooses a corpus' words"
                )
            words, counts = self._count(one_source(sentences, corpus_file), keep=keep)
        elif sentences is None and corpus_file is None:
            words, counts = self._given(cooccurrence, vocabulary, keep=keep)
        else:
            raise TypeError("two sources: give either a corpus or cooccurrence, not both")
        if not counts.nnz:
            raise ValueError("the co-occurrence matrix is empty: no word has a context (is each sentence one word?)")
        counts.words = words.words
        if not keep:
            self._forget_runs()
            self._install(words, self._weights_type.new(words, self))
            self._begin_pretrained()
            if self.mittens:
                self._weights.stay_near(self.wv, self.pretrained)
        self.cooccurrence_ = counts
        self._train(counts, self._next_position(counts, epochs, resume=resume), callbacks, pristine=not keep)
        return self

    def _count(self, source: Source, *, keep: bool) -> tuple[Vocabulary, Cooccurrence]:
        """Return vocabulary and counts of a corpus; with `keep`, those of the known words."""
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
        """Return vocabulary and counts that the user hands over."""
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
        return vocabulary, counts._alike()

    def _train(
        self, counts: Cooccurrence, position: RatedPosition, callbacks: Iterable[Any], *, pristine: bool
    ) -> None:
        """Train from `position` on the counts."""
        listeners = self._listeners(callbacks)
        weights, cells = self._weights, Cells(counts, self._weights.word.shape[2])
        factors = self.wv.vectors_lockf if self.wv._locked() else None

        def step(*, first: int, last: int, epoch: int, alpha: float, slope: float) -> tuple[float, int]:
            loss, examples = cells.train(
                weights, first, last, x_max=self.x_max, alpha=self.alpha, learning_rate=alpha, seed=self.seed,
                epoch=epoch, factors=factors,
            )  # fmt: skip
            if self.mittens and last == counts.nnz:
                loss += weights.approach(self.mittens, alpha, factors)
            return loss, examples

        task = Task(
            step=step,
            units=counts.nnz,
            block=BLOCK,
            unit="pairs",
            advice=f"Lower learning_rate (it was {self.learning_rate:g}; 0.05 is usual)",
            go_on="fit on the same corpus or counts",
            rate="learning_rate",
            untrained=(lambda: weights.reset(self.seed))
            if pristine and not listeners and not self.pretrained
            else None,
        )
        self._run(task, listeners)

    def _next_position(self, counts: Cooccurrence, epochs: int | None, *, resume: bool) -> RatedPosition:
        """Return where the interrupted run stands, or the beginning of a new one."""
        mark = fingerprint(counts.indptr, counts.indices, counts.data)
        if resume:
            if self._position.data != mark:
                raise ValueError(
                    "the interrupted run was on another corpus or other counts: give those to go on, "
                    "or give epochs= to begin a new run"
                )
            return self._position
        rate = self.learning_rate
        epochs = self.epochs if epochs is None else epochs
        self._begin_run(RatedPosition(epochs, mark, start_alpha=rate, end_alpha=rate))
        return self._position

    @property
    def context_vectors_(self) -> np.ndarray:
        """The words' vectors as contexts, V x vector_size."""
        return self._trained("context")[:, 0, : self.vector_size]

    @property
    def word_vectors_(self) -> np.ndarray:
        """The words' vectors proper, V x vector_size."""
        return self._trained("word")[:, 0, : self.vector_size]

    @property
    def word_biases_(self) -> np.ndarray:
        """The words' biases, V."""
        return self._trained("word")[:, 0, -2]

    @property
    def context_biases_(self) -> np.ndarray:
        """The words' biases as contexts, V."""
        return self._trained("context")[:, 0, -1]

    def _trained(self, name: str) -> np.ndarray:
        if self._weights is None:
            raise RuntimeError("the model has no words: call fit(corpus) before")
        return getattr(self._weights, name)

    def __repr__(self) -> str:
        """Show the sizes and the epochs."""
        return (
            f"{type(self).__name__}<vocab={len(self.wv)}, vector_size={self.vector_size}, epochs={self.epochs_trained}>"
        )
