"""The words of a Word2Vec model: reading a corpus, choosing the vocabulary, initial weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..._arguments import integer, optional_integer, renamed
from ..._files import Path
from ...text import ScannedCorpus, Vocabulary, effective_min_count, encoded_of, keep_thresholds
from ._corpus import Source, one_source, read
from ._vector_model import VectorModel
from ._word2vec_weights import Tables, Weights

TrimRule = Callable[[str, int, int], int]


class WordChoice(VectorModel):
    """The methods of `Word2Vec` that choose its words."""

    sample: Any
    sorted_vocab: Any

    def _source(self, corpus_iterable: Source, corpus_file: Path | None) -> Source:
        """Return the one corpus that is given."""
        return one_source(corpus_iterable, corpus_file)

    @renamed(sentences="corpus_iterable")
    def build_vocab(
        self,
        corpus_iterable: Source = None,
        corpus_file: Path | None = None,
        update: bool = False,
        progress_per: int = 10000,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
    ) -> None:
        """Read a corpus, choose the vocabulary, and set the initial weights.

        Args:
            corpus_iterable, corpus_file: the corpus, as `sentences` and `corpus_file` of the constructor.
            update: True adds to the vocabulary: known words keep their row and vector and their counts grow, new ones are
                appended with initial vectors; sub-sampling, negatives and the Huffman tree follow the summed counts. False
                begins a new model: weights and history are dropped.
            progress_per: has no effect.
            keep_raw_vocab: leave all counts, also of rare words, in `raw_vocab`.
            trim_rule: as for the constructor.

        >>> from seqnn import Word2Vec
        >>> model = Word2Vec(vector_size=4, min_count=1)
        >>> model.build_vocab([["a", "b", "a"]])
        >>> model.build_vocab([["c"]], update=True)
        >>> model.wv.index_to_key, model.corpus_total_words
        (['a', 'b', 'c'], 1)
        """
        source = self._source(corpus_iterable, corpus_file)
        with read(source, self) as scanned:
            self._choose_words(source, scanned, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule, update=update)

    @renamed(sentences="corpus_iterable")
    def scan_vocab(
        self,
        corpus_iterable: Source = None,
        corpus_file: Path | None = None,
        progress_per: int = 10000,
        workers: int | None = None,
        trim_rule: TrimRule | None = None,
    ) -> tuple[int, int]:
        """Count the words of a corpus into `raw_vocab`: the first step of `build_vocab`; `prepare_vocab` is the second.

        Args:
            corpus_iterable, corpus_file: the corpus, as `sentences` and `corpus_file` of the constructor.
            progress_per, workers, trim_rule: have no effect.

        Returns:
            (words, sentences) of the corpus.

        >>> from seqnn import Word2Vec
        >>> model = Word2Vec(vector_size=4)
        >>> model.scan_vocab([["a", "b", "a"], ["c"]]), model.raw_vocab
        ((4, 2), {'a': 2, 'b': 1, 'c': 1})
        """
        source = self._source(corpus_iterable, corpus_file)
        with read(source, self) as scanned:
            self.raw_vocab = dict(zip(scanned.words, scanned.counts.tolist(), strict=True))
            self._count_corpus(source, scanned)
            return scanned.total_words, scanned.sentences

    def prepare_vocab(
        self,
        update: bool = False,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        min_count: int | None = None,
        sample: float | None = None,
        dry_run: bool = False,
    ) -> dict[str, int]:
        """Choose the vocabulary from the words that `scan_vocab` has counted, and set the initial weights.

        Args:
            update, keep_raw_vocab, trim_rule: as for `build_vocab`.
            min_count, sample: new values of these settings.
            dry_run: only tell what would come of them: counts, settings and vocabulary stay.

        Returns:
            num_retained_words: words that are kept, and retain_total: how often they occur; drop_unique: words that are not;
            downsample_unique: words that `sample` thins, and downsample_total: words of an epoch that it leaves.

        Raises:
            RuntimeError: no words were counted.

        >>> from seqnn import Word2Vec
        >>> model = Word2Vec(vector_size=4, sample=0)
        >>> _ = model.scan_vocab([["a", "b", "a"], ["c"]])
        >>> model.prepare_vocab(min_count=2, dry_run=True)["num_retained_words"]
        1
        """
        if not self.raw_vocab:
            raise RuntimeError("no words were counted: call scan_vocab(corpus) before prepare_vocab")
        settings = {"min_count": min_count, "sample": sample}
        chosen = self if not dry_run else type(self)().set_params(**self.get_params())
        chosen.set_params(**{name: value for name, value in settings.items() if value is not None})
        words, counts = list(self.raw_vocab), np.array(list(self.raw_vocab.values()), np.int64)
        if dry_run:
            _, mapping = self._chosen_words(words, counts, trim_rule, update, chosen)
        else:
            mapping = self._adopt_words(
                words, counts, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule, update=update
            )
        kept = counts[mapping >= 0]
        share = (keep_thresholds(kept, chosen.sample) + 1.0) / 2**32
        return {
            "drop_unique": len(words) - len(kept),
            "retain_total": int(kept.sum()),
            "num_retained_words": len(kept),
            "downsample_unique": int((share < 1).sum()),
            "downsample_total": int(kept @ share),
        }

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[str, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> None:
        """Choose the vocabulary from words and their counts, and set the initial weights.

        Args:
            word_freq: counts by word.
            corpus_count: sets the attribute of this name.
            keep_raw_vocab, trim_rule, update: as for `build_vocab`.

        >>> from seqnn import Word2Vec
        >>> model = Word2Vec(vector_size=4, min_count=2)
        >>> model.build_vocab_from_freq({"a": 3, "b": 1, "c": 5})
        >>> model.wv.index_to_key
        ['c', 'a']
        """
        if not isinstance(word_freq, Mapping):
            raise TypeError(f"word_freq: expected a mapping of words to counts, got {type(word_freq).__name__}")
        if bad := [word for word in word_freq if not isinstance(word, str)]:
            raise TypeError(f"word_freq: expected words that are strings, got {type(bad[0]).__name__}: {bad[0]!r:.60}")
        counts = [integer(f"word_freq[{word!r}]", count, 0, 2**62) for word, count in word_freq.items()]
        if sum(counts) > 2**62:
            raise ValueError(f"word_freq: expected counts of at most 2**62 together, got {sum(counts)}")
        self._adopt_words(
            list(word_freq),
            np.array(counts, np.int64),
            keep_raw_vocab=keep_raw_vocab,
            trim_rule=trim_rule,
            update=update,
        )
        self.corpus_count = optional_integer("corpus_count", corpus_count, 0) or 0
        self.corpus_total_words = sum(counts)
        self.ids_as_words = False

    def reset_from(self, other_model: WordChoice) -> None:
        """Take over the vocabulary of another model, and begin anew with initial weights of one's own settings.

        Args:
            other_model: a model with a vocabulary.

        >>> from seqnn import Word2Vec
        >>> corpus = [["to", "be", "or", "not", "to", "be"]] * 50
        >>> model = Word2Vec(vector_size=4, sg=1)
        >>> model.reset_from(Word2Vec(corpus, vector_size=8, verbose=0))
        >>> len(model.wv), model.wv.vector_size
        (4, 4)
        """
        other_model._require_vocabulary("reset_from")
        vocabulary = Vocabulary(other_model._vocabulary.words, other_model._vocabulary.counts)
        self._forget_runs()
        self._install(vocabulary, self._weights_type.new(vocabulary, self))
        self._begin_pretrained()
        for name in ("corpus_count", "corpus_total_words", "ids_as_words"):
            setattr(self, name, getattr(other_model, name))

    def _choose_words(
        self,
        source: Source,
        scanned: ScannedCorpus,
        *,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> np.ndarray:
        """Choose vocabulary and weights from a source as scanned; return each scanned word's row, or -1."""
        mapping = self._adopt_words(
            scanned.words, scanned.counts, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule, update=update
        )
        self._count_corpus(source, scanned)
        return mapping

    def _count_corpus(self, source: Source, scanned: ScannedCorpus) -> None:
        self.corpus_count = scanned.sentences
        self.corpus_total_words = scanned.total_words
        self.ids_as_words = encoded_of(source) is not None

    def _adopt_words(
        self, words: list[str], counts: np.ndarray, *, keep_raw_vocab: bool, trim_rule: TrimRule | None, update: bool
    ) -> np.ndarray:
        vocabulary, mapping = self._chosen_words(words, counts, trim_rule, update, self)
        self.effective_min_count = effective_min_count(np.asarray(counts), self.min_count, self.max_final_vocab)
        first = len(self._vocabulary) if update else 0
        if update:
            self._follow_vectors()
            self._drop_run()
            weights = self._weights.grown(vocabulary, self.seed)
            lockf = self._weights.grown_factors(self.wv._lockf, weights)
        else:
            weights, lockf = self._weights_type.new(vocabulary, self), None
            self._forget_runs()
            self.train_count = 0
        self._install(vocabulary, weights)
        self.wv._lockf = lockf
        self._begin_pretrained(first)
        self.raw_vocab = dict(zip(words, counts.tolist(), strict=True)) if keep_raw_vocab else {}
        return mapping

    def _chosen_words(
        self, words: list[str], counts: np.ndarray, trim_rule: TrimRule | None, update: bool, settings: WordChoice
    ) -> tuple[Vocabulary, np.ndarray]:
        """Return the vocabulary by some settings, and each given word's row in it, or -1."""
        if not words:
            raise ValueError("the corpus is empty: it has no word")
        limits: dict[str, Any] = {
            "min_count": settings.min_count, "max_final_vocab": settings.max_final_vocab, "trim_rule": trim_rule,
        }  # fmt: skip
        if update:
            self._require_vocabulary("build_vocab(update=True)")
            return self._vocabulary.update(words, counts, **limits)
        return Vocabulary.build(words, counts, sorted_vocab=bool(settings.sorted_vocab), **limits)

    def _install(self, vocabulary: Vocabulary, weights: Weights) -> None:
        self._cached_tables: tuple[Any, Tables] | None = None
        super()._install(vocabulary, weights)
