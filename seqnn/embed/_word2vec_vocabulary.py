"""How a Word2Vec model gets its words: from a corpus, or from counts; anew, or added to the known ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .._arguments import integer, optional_integer, renamed
from .._files import Path
from ..text._corpus import Corpus, ScannedCorpus
from ..text._sources import encoded_of
from ..text._vocabulary import Vocabulary, effective_min_count
from ._word2vec_corpus import Source, one_source, read
from ._word2vec_model import Word2VecModel

TrimRule = Callable[[str, int, int], int]


class Word2VecVocabulary(Word2VecModel):
    """The part of `Word2Vec` that chooses the words."""

    @renamed(sentences="corpus_iterable")
    def build_vocab(
        self,
        corpus_iterable: Source = None,
        corpus_file: Path | None = None,
        update: bool = False,
        progress_per: int = 10000,
        keep_raw_vocab: bool = False,
        trim_rule: Callable[[str, int, int], int] | None = None,
    ) -> None:
        """Read a corpus, choose the vocabulary, and set the initial weights.

        update=True adds to the vocabulary: known words keep their row and vector and their counts grow, new ones are
        appended with initial vectors; sub-sampling, negatives and the Huffman tree follow the summed counts.
        update=False begins a new model: weights and history are dropped.
        keep_raw_vocab=True leaves all counts, also of rare words, in `raw_vocab`. `progress_per` has no effect.

        >>> from seqnn import Word2Vec
        >>> model = Word2Vec(vector_size=4, min_count=1)
        >>> model.build_vocab([["a", "b", "a"]])
        >>> model.build_vocab([["c"]], update=True)
        >>> model.wv.index_to_key, model.corpus_total_words
        (['a', 'b', 'c'], 1)
        """
        source = one_source(corpus_iterable, corpus_file, passes=1)
        with read(source, self) as scanned:
            self._choose_words(source, scanned, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule, update=update)

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[str, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: Callable[[str, int, int], int] | None = None,
        update: bool = False,
    ) -> None:
        """Choose the vocabulary from words and their counts, and set the initial weights.

        `corpus_count` only sets the attribute of this name. See `build_vocab` for the rest.

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

    def _read_new(self, source: Source, trim_rule: TrimRule | None) -> Corpus:
        """Vocabulary, weights and the encoded corpus, read once; all other words are gone when this returns."""
        with read(source, self) as scanned:
            return scanned.encode(self._choose_words(source, scanned, trim_rule=trim_rule))

    def _choose_words(
        self,
        source: Source,
        scanned: ScannedCorpus,
        *,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> np.ndarray:
        """Vocabulary and weights from a source as scanned; returns each scanned word's row, or -1."""
        mapping = self._adopt_words(
            scanned.words, scanned.counts, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule, update=update
        )
        self.corpus_count = scanned.sentences
        self.corpus_total_words = scanned.total_words
        self.ids_as_words = encoded_of(source) is not None
        return mapping

    def _adopt_words(
        self, words: list[str], counts: np.ndarray, *, keep_raw_vocab: bool, trim_rule: TrimRule | None, update: bool
    ) -> np.ndarray:
        if not words:
            raise ValueError("the corpus is empty: it has no word")
        settings: dict[str, Any] = {
            "min_count": self.min_count, "max_final_vocab": self.max_final_vocab, "trim_rule": trim_rule,
        }  # fmt: skip
        self.effective_min_count = effective_min_count(np.asarray(counts), self.min_count, self.max_final_vocab)
        if update:
            self._require_vocabulary("build_vocab(update=True)")
            vocabulary, mapping = self._vocabulary.update(words, counts, **settings)
            self._make_trainable()
            self._drop_run()
            weights = self._grown_weights(vocabulary)
        else:
            vocabulary, mapping = Vocabulary.build(words, counts, sorted_vocab=bool(self.sorted_vocab), **settings)
            weights = self._new_weights(vocabulary)
            self._forget_training()
        self._install(vocabulary, weights)
        self.raw_vocab = dict(zip(words, counts.tolist(), strict=True)) if keep_raw_vocab else {}
        return mapping
