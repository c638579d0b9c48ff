"""Joining the phrases in texts: what `Phrases` and `FrozenPhrases` have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, pairwise, repeat
from typing import Any

import numpy as np

from .. import _core
from .._strings import pack, packed_fits, unpack
from ._corpus import scan
from ._phrase_table import ConnectorTrie, PhraseTable, pair
from ._sources import encoded_of, files_of, is_one_shot, sentence_chunks

_CHUNK = 1 << 14
"""Sentences of a file that are joined at a time."""


class Joiner:
    """Known phrases, ready to be found in texts: tuples of two or more words with connector words only inside.

    Sentences are read from left to right: a word starts a candidate, the next word that is no connector ends it; a
    candidate that is no phrase gives way to the one that its last word starts.
    """

    def __init__(self, phrases: Sequence[tuple[str, ...]], scores: Sequence[float], delimiter: str) -> None:
        self.phrases = phrases
        self.scores = scores
        self.joined = [delimiter.join(words) for words in phrases]

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the phrases and scores as arrays, which `restored` takes."""
        words, offsets = pack(word for phrase in self.phrases for word in phrase)
        lengths = np.array([len(phrase) for phrase in self.phrases], np.int64)
        return {"words": words, "offsets": offsets, "lengths": lengths, "scores": np.array(self.scores, np.float64)}

    @classmethod
    def restored(cls, tensors: Mapping[str, np.ndarray], delimiter: str) -> Joiner:
        """Return the phrases that `tensors` gave as arrays; a ValueError where these do not belong together."""
        lengths, scores = tensors["lengths"], tensors["scores"]
        if lengths.dtype != np.int64 or lengths.ndim != 1 or (len(lengths) and lengths.min() < 2):
            raise ValueError("lengths: expected integers >= 2")
        words = int(lengths.sum())
        if not packed_fits(tensors["words"], tensors["offsets"], words) or scores.shape != lengths.shape:
            raise ValueError(f"words, offsets and scores do not belong to {len(lengths)} phrases of {words} words")
        if scores.dtype.kind != "f":
            raise TypeError(f"scores: expected floats, got {scores.dtype}")
        every = unpack(tensors["words"], tensors["offsets"])
        ends = np.cumsum(lengths).tolist()
        return cls([tuple(every[a:b]) for a, b in pairwise([0, *ends])], scores.tolist(), delimiter)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(dict.fromkeys(chain.from_iterable(self.phrases)))}

    @cached_property
    def _tables(self) -> tuple[np.ndarray | None, np.ndarray | None, PhraseTable]:
        """The words that are connectors, the trie of their sequences, the table pair -> 1 + number of the phrase."""
        index, nodes, gaps = self._index, {}, []
        connector = np.zeros(len(index), np.uint8)
        for words in self.phrases:
            node = 0
            for word in words[1:-1]:
                connector[index[word]] = 1
                node = nodes.setdefault(node << 32 | index[word], len(nodes) + 1)
            gaps.append(node)
        ends = np.array([(index[words[0]], index[words[-1]]) for words in self.phrases], np.int64).reshape(-1, 2)
        table = PhraseTable(bool(nodes), parts=1)
        numbers = np.arange(1, len(ends) + 1)
        table.add(pair(ends[:, 0], ends[:, 1]), np.array(gaps, np.int32) if nodes else None, numbers)
        if not nodes:
            return None, None, table
        return connector, ConnectorTrie(np.array(list(nodes), np.uint64)).table(), table

    def numbers(self, words: Iterable[str]) -> np.ndarray:
        """Return the ids (int32) of words here, -1 for those that no phrase has."""
        return np.fromiter(map(self._index.get, words, repeat(-1)), np.int32)

    def find(self, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Return for each word of sentences the number of the phrase that it ends, or -1 (int32)."""
        connector, trie, table = self._tables
        return _core.phrases_join(ids, offsets, connector, trie, table.slots, table.gaps)

    def find_in(self, sentences: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """Do as `find` for lists of words; return also where each of these starts in the result."""
        offsets = np.zeros(len(sentences) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, sentences), np.int64, len(sentences)), out=offsets[1:])
        return self.find(self.numbers(chain.from_iterable(sentences)), offsets), offsets

    def analyze(self, sentence: Sequence[str], ends: np.ndarray) -> list[tuple[str, float | None]]:
        """Return the sentence as (joined phrase, score) and (word, None); `ends` as of `find`."""
        tokens: list[tuple[str, float | None]] = []
        done = 0
        for end in np.flatnonzero(ends >= 0).tolist():
            number = int(ends[end])
            start = end + 1 - len(self.phrases[number])
            tokens += [(word, None) for word in sentence[done:start]]
            tokens.append((self.joined[number], self.scores[number]))
            done = end + 1
        return tokens + [(word, None) for word in sentence[done:]]

    def join(self, words: list[str]) -> list[str]:
        """Join the phrases of one sentence."""
        index = self._index
        if index.keys().isdisjoint(words):
            return words
        ids = np.array([index.get(word, -1) for word in words], np.int32)
        ends = self.find(ids, np.array([0, len(ids)]))
        return [token for token, _ in self.analyze(words, ends)] if (ends >= 0).any() else words

    def join_all(self, tokens: np.ndarray, ends: np.ndarray, offsets: np.ndarray) -> Iterator[list[str]]:
        """Join the phrases of sentences, given as all their words (objects, overwritten); `ends` as of `find`."""
        places = np.flatnonzero(ends >= 0)
        numbers = ends[places]
        tokens[places] = self._joined_objects[numbers]
        lengths = self._lengths[numbers]
        kept = np.ones(len(tokens), bool)
        for back in range(1, lengths.max(initial=1)):
            kept[places[lengths > back] - back] = False
        joined = tokens[kept].tolist()
        bounds = np.concatenate([[0], np.cumsum(kept)])[offsets].tolist()
        return (joined[a:b] for a, b in pairwise(bounds))

    @cached_property
    def _joined_objects(self) -> np.ndarray:
        return np.array(self.joined, object)

    @cached_property
    def _lengths(self) -> np.ndarray:
        return np.array([len(words) for words in self.phrases], np.int64)


class PhrasedCorpus:
    """A corpus with its phrases joined; it can be gone over again, for the epochs of a training."""

    def __init__(self, joiner: Joiner, source: Any) -> None:
        self._joiner = joiner
        self._source = source

    def __iter__(self) -> Iterator[list[str]]:
        joiner = self._joiner
        if not _is_read_by_scan(self._source):
            for sentences in sentence_chunks(self._source, None):
                ends, offsets = joiner.find_in(sentences)
                yield from joiner.join_all(
                    np.fromiter(chain.from_iterable(sentences), object, len(ends)), ends, offsets
                )
            return
        with scan(self._source) as corpus:
            words, numbers = np.array(corpus.words, object), joiner.numbers(corpus.words)
            for s in range(0, len(corpus), _CHUNK):
                offsets = corpus.offsets[s : s + _CHUNK + 1]
                ids, offsets = corpus.ids[offsets[0] : offsets[-1]], offsets - offsets[0]
                yield from joiner.join_all(words[ids], joiner.find(numbers[ids], offsets), offsets)


def _is_read_by_scan(source: Any) -> bool:
    """Tell whether the source is a path, several paths or encoded arrays."""
    if isinstance(source, (list, tuple)) and source and isinstance(source[0], str):
        return False  # a sentence, even if its words are the names of files
    return files_of(source) is not None or encoded_of(source) is not None


class PhraseModel:
    """Base of the models that find phrases in texts; `_joiner` holds those that are known."""

    @property
    def _joiner(self) -> Joiner:
        raise NotImplementedError

    def __getitem__(self, sentence: Any) -> list[str] | Iterable[list[str]]:
        """Join the phrases of a sentence (an iterable of words), or of all sentences of a corpus, made as one goes.

        Args:
            sentence: words; or a corpus as `seqnn.text.scan` reads it: lists of words, a path, a column, (ids, offsets).

        Returns:
            A list of words, or an iterable of such lists, which can be gone over again unless the corpus is a generator.
        """
        if _is_read_by_scan(sentence) or hasattr(sentence, "to_list") or hasattr(sentence, "to_pylist"):
            return PhrasedCorpus(self._joiner, sentence)
        items = iter(sentence)
        if (first := next(items, None)) is None:
            return []
        whole = chain([first], items) if is_one_shot(sentence) else sentence
        if isinstance(first, str):
            return self._joiner.join(_words(whole))
        corpus = PhrasedCorpus(self._joiner, whole)
        return iter(corpus) if is_one_shot(sentence) else corpus

    def analyze_sentence(self, sentence: Iterable[str]) -> list[tuple[str, float | None]]:
        """Find the phrases of a sentence, with their scores.

        Args:
            sentence: an iterable of words.

        Returns:
            (joined phrase, score) for each phrase, and (word, None) for words outside of phrases, in order.

        >>> from seqnn import Phrases
        >>> phrases = Phrases([["new", "york"], ["new", "york"]], min_count=1, threshold=0.5)
        >>> phrases.analyze_sentence(["in", "new", "york"])
        [('in', None), ('new_york', 0.75)]
        """
        words = _words(sentence)
        return self._joiner.analyze(words, self._joiner.find_in([words])[0])

    def find_phrases(self, sentences: Any) -> dict[str, float]:
        """Find the phrases that occur in a corpus.

        Args:
            sentences: a corpus, as for `phrases[corpus]`.

        Returns:
            The phrases with their scores, in order of occurrence.

        >>> from seqnn import Phrases
        >>> phrases = Phrases([["new", "york"], ["new", "york"]], min_count=1, threshold=0.5)
        >>> phrases.find_phrases([["to", "new", "york"]])
        {'new_york': 0.75}
        """
        found: dict[int, None] = {}
        joiner = self._joiner
        if _is_read_by_scan(sentences):
            with scan(sentences) as corpus:
                found = _distinct(joiner.find(joiner.numbers(corpus.words)[corpus.ids], corpus.offsets))
        else:
            for chunk in sentence_chunks(sentences, None):
                found |= _distinct(joiner.find_in(chunk)[0])
        return {joiner.joined[number]: joiner.scores[number] for number in found}


def _distinct(ends: np.ndarray) -> dict[int, None]:
    """Return the numbers of phrases in `ends`, in order of occurrence."""
    return dict.fromkeys(ends[ends >= 0].tolist())


def _words(sentence: Iterable[str]) -> list[str]:
    """Return a sentence as a list, checked."""
    if isinstance(sentence, str):
        raise TypeError(f"sentence: expected a list of words, got a string; wrap it: {sentence[:40]!r}.split()")
    words = list(sentence)
    if wrong := next((word for word in words if not isinstance(word, str)), None):
        raise TypeError(f"sentence: expected a list of words, it holds {wrong!r:.60}")
    return words
