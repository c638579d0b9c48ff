"""The training of a Word2Vec model: runs that may be interrupted, and the steps that they consist of."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from ... import _core, random
from ..._arguments import integer, number, renamed, warn_caller
from ..._files import Path
from ...text import Corpus
from ._corpus import Source, encoded, fingerprint
from ._steps import RatedPosition, Task
from ._word2vec_vocabulary import WordChoice
from ._word2vec_weights import Tables

BLOCK = _core.word2vec.BLOCK
"""Words that the kernel trains on at a time. Contexts reach over a block's ends."""

ORDER_STREAM = 1 << 32
"""First of the random streams (one an epoch) that say in which order the blocks are visited."""

logger = logging.getLogger("seqnn.embed")


class WordTraining(WordChoice):
    """The methods of `Word2Vec` that train it."""

    alpha: Any
    min_alpha: Any
    sg: Any
    negative: Any
    ns_exponent: Any
    cbow_mean: Any
    shrink_windows: Any
    _latest_alpha: float | None

    @renamed(sentences="corpus_iterable", iter="epochs")
    def train(
        self,
        corpus_iterable: Source = None,
        corpus_file: Path | None = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
    ) -> tuple[int, int]:
        """Train on a corpus.

        An interrupted run (Ctrl-C, an exception in a callback, also one that came back by `save` and `load`) goes on
        with `train(corpus)` on the same corpus, exactly: with one thread or deterministic=True the vectors are the
        same bits as without the interruption. Give `epochs` to begin a new run instead. After a finished run every
        call trains that many epochs more.

        Args:
            corpus_iterable, corpus_file: the corpus, as `sentences` and `corpus_file` of the constructor.
            total_examples, total_words, word_count: have no effect: the corpus is counted when it is read.
            epochs: default: what is left of an interrupted run when there is one, else the model's `epochs`.
            start_alpha, end_alpha: learning rates of this call instead of `alpha` and `min_alpha`.
            queue_factor, report_delay, compute_loss: have no effect.
            callbacks: objects with the methods of `Callback`.

        Returns:
            (known words, all words) gone over, all epochs together.

        Raises:
            FloatingPointError: the loss or the weights are not finite any more; the model is then as it was after the last
                good epoch. For this a copy of the weights is kept, from 16 MiB on in a temporary file.

        >>> from seqnn import Word2Vec
        >>> corpus = [["to", "be", "or", "not", "to", "be"]] * 50
        >>> model = Word2Vec(corpus, vector_size=8, epochs=1, verbose=0)
        >>> model.train(corpus, epochs=2)
        (600, 600)
        """
        self._require_vocabulary("train")
        if epochs is not None:
            epochs = integer("epochs", epochs, 0)
        if start_alpha is not None:
            start_alpha = number("start_alpha", start_alpha, above=0)
        if end_alpha is not None:
            end_alpha = number("end_alpha", end_alpha, minimum=0)
        source = self._source(corpus_iterable, corpus_file)
        with encoded(source, self) as (corpus, total):
            known = self._fit(corpus, epochs=epochs, start_alpha=start_alpha, end_alpha=end_alpha, callbacks=callbacks)
            return known, round(known * total / len(corpus.ids))

    def _fit(
        self,
        corpus: Corpus,
        *,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        callbacks: Iterable[Any] = (),
        pristine: bool = False,
    ) -> int:
        """Train on an encoded corpus; return how many words were gone over. See `train`.

        `pristine`: nobody but us has touched the initial weights, so that they can be drawn anew instead of copied.
        """
        self._check_settings()
        if len(corpus.ids) == 0:
            raise ValueError("no word of this corpus is in the vocabulary: there is nothing to train on")
        listeners = self._listeners(callbacks)
        self._follow_vectors()
        position = self._next_position(corpus, epochs, start_alpha, end_alpha)
        begun = position.epoch * len(corpus.ids) + position.unit
        try:
            self._run(self._task(corpus, position, pristine=pristine and not listeners), listeners)
        finally:
            self.train_count += self._position is None
        if not any(entry["examples"] for entry in self._run_history()) and position.epoch:
            warn_caller(
                "there was no training example: no sentence has two or more known words left after sub-sampling "
                "(small corpora want sample=0)",
                RuntimeWarning,
            )
        return position.epoch * len(corpus.ids) + position.unit - begun

    def _next_position(
        self, corpus: Corpus, epochs: int | None, start_alpha: float | None, end_alpha: float | None
    ) -> RatedPosition:
        """Return where the interrupted run stands, or the beginning of a new one."""
        mark = fingerprint(corpus.ids, corpus.offsets)
        if self._position is not None and epochs is None:
            if start_alpha is not None or end_alpha is not None:
                raise ValueError(
                    "an interrupted run goes on with its own learning rate: leave start_alpha and end_alpha out, "
                    "or give epochs= to begin a new run"
                )
            unit = self._position.unit
            if self._position.data != mark or not (unit == len(corpus.ids) or unit % BLOCK == 0):
                raise ValueError(
                    "the interrupted run was on another corpus: give that one to go on, "
                    "or give epochs= to begin a new run"
                )
            return self._position
        start = self.alpha if start_alpha is None else start_alpha
        end = self.min_alpha if end_alpha is None else end_alpha
        check_rates(start, end)
        if self._latest_alpha is not None and start > self._latest_alpha:
            logger.warning(
                "Effective 'alpha' higher than previous training cycles: %g, before %g.", start, self._latest_alpha
            )
        self._latest_alpha = start
        epochs = self.epochs if epochs is None else epochs
        self._begin_run(RatedPosition(epochs, mark, start_alpha=start, end_alpha=end))
        return self._position

    @property
    def _shrinks(self) -> bool:
        """Whether the size of each window is drawn."""
        return self.shrink_windows

    def _tables(self) -> Tables:
        """Return the tables for the present vocabulary and settings."""
        weights = self._weights
        settings = {
            "sample": self.sample, "negative": weights.negative, "ns_exponent": self.ns_exponent, "hs": weights.hs,
        }  # fmt: skip
        if self._cached_tables is None or self._cached_tables[0] != settings:
            self._cached_tables = settings, Tables.create(self._vocabulary.counts, **settings)
        return self._cached_tables[1]

    def _kernel(self, corpus: Corpus) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        """Return the function that trains on a part of the corpus."""
        return self._weights.kernel(self._vocabulary, self.wv._lockf if self.wv._locked() else None)

    def _task(self, corpus: Corpus, position: RatedPosition, *, pristine: bool) -> Task:
        weights, tables = self._weights, self._tables()
        kernel = self._kernel(corpus)
        ids, offsets = corpus.ids, corpus.offsets
        blocks = -(-len(ids) // BLOCK)

        @lru_cache(maxsize=1)
        def order(epoch: int) -> np.ndarray:
            """Draw a new order of the blocks in each epoch: texts change their subject on the way."""
            draws = random.bits(-(-blocks // 4), seed=self.seed, stream=ORDER_STREAM + epoch)[:blocks]
            return np.argsort(draws, kind="stable").astype(np.int32)

        def step(*, first: int, last: int, epoch: int, alpha: float, slope: float) -> tuple[float, int]:
            loss, examples = kernel(
                ids,
                offsets,
                order=order(epoch)[first // BLOCK : -(-last // BLOCK)],
                input=weights.input,
                output=weights.output,
                nodes=weights.nodes,
                **vars(tables),
                window=self.window,
                negative=self.negative,
                cbow=not self.sg,
                mean=bool(self.cbow_mean),
                shrink=self._shrinks,
                alpha=alpha + slope * first,
                slope=slope * BLOCK,
                seed=self.seed,
                epoch=epoch,
                deterministic=self.deterministic,
            )
            return float(loss[0]), int(examples[0])

        untrained = (lambda: weights.reset(self.seed)) if pristine else None
        advice = f"Lower alpha (it was {position.start_alpha:g}; 0.025 is usual)"
        if not self.sg and not self.cbow_mean:
            advice += ", or set cbow_mean=1"
        return Task(step=step, units=len(ids), block=BLOCK, unit="words", advice=advice, untrained=untrained)

    def get_latest_training_loss(self) -> float:
        """Return the sum of the loss over all examples of the latest run (gensim's figure; see `history_` for means)."""
        finished = sum(entry["loss"] * entry["examples"] for entry in self._run_history() if entry["examples"])
        return finished + (self._position.loss if self._position is not None else 0.0)


def check_rates(start: float, end: float) -> None:
    """Check that the learning rate falls from `start` to `end`."""
    if end > start:
        raise ValueError(f"min_alpha: expected at most alpha ({start:g}), got {end:g}")
