"""Corpora: any source of sentences, read once into an array of word ids and the offsets where sentences start."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._spill import parse_size
from ._ids import apply
from ._readers import Errors, Lines, Progress, Scanned, read_encoded, read_files, read_lines, read_sentences
from ._sources import Tokenizer, encoded_of, files_of, strings_of
from ._tokenize import split_words
from ._vocabulary_limit import TrimRule, limited


class Corpus:
    """A corpus to train on, as word ids. Sentence s is ids[offsets[s]:offsets[s + 1]].

    It is a context manager: at its end the memory is given back.

    Args:
        ids: int32, one a word of the text.
        offsets: int64, sentences + 1.

    >>> import numpy as np
    >>> from seqnn.text import Corpus
    >>> len(Corpus(np.array([0, 2, 1], np.int32), np.array([0, 2, 3])))
    2
    """

    def __init__(self, ids: np.ndarray, offsets: np.ndarray) -> None:
        self.ids = ids
        self.offsets = offsets

    @classmethod
    def from_arrays(cls, ids: np.ndarray, offsets: np.ndarray, vocabulary_size: int) -> Corpus:
        """Make a corpus of a user's own ids and offsets; both are checked.

        Args:
            ids: integers in [0, vocabulary_size), [words]; int32 ones are not copied.
            offsets: integers that ascend from 0 to the number of words, [sentences + 1].
            vocabulary_size: the bound of the ids.

        Returns:
            The corpus.

        >>> import numpy as np
        >>> from seqnn.text import Corpus
        >>> len(Corpus.from_arrays(np.array([0, 2, 1]), np.array([0, 2, 3]), vocabulary_size=3))
        2
        """
        ids, offsets = _checked_arrays(ids, offsets)
        if len(ids) and ids.max() >= vocabulary_size:
            raise ValueError(f"ids: expected values below the vocabulary's size {vocabulary_size}, got {ids.max()}")
        return cls(ids, offsets)

    def __len__(self) -> int:
        """Return the number of sentences."""
        return len(self.offsets) - 1

    def close(self) -> None:
        """Give the ids back: memory, or the temporary file. It happens by itself when the corpus is no longer used."""
        self.ids = np.zeros(0, np.int32)
        self.offsets = np.zeros(1, np.int64)

    def __enter__(self) -> Corpus:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class ScannedCorpus(Corpus):
    """A corpus whose vocabulary is not chosen yet: `ids` index `words`, all its different words.

    Args:
        scanned: what a reader has found; use `scan`.

    Attributes:
        words: in the order of their first occurrence.
        counts: int64, how often each occurs.
        total_words: words of the text as it was.
        sentences: sentences of the text as it was.
        invalid_utf8: bytes or sequences of the text that were not UTF-8.

    >>> from seqnn.text import scan
    >>> scan([["to", "be"], ["be"]]).total_words
    3
    """

    def __init__(self, scanned: Scanned) -> None:
        super().__init__(scanned.ids, scanned.offsets)
        self.words = scanned.words
        self.counts = scanned.counts
        self.invalid_utf8 = scanned.invalid_utf8
        self.total_words = len(scanned.ids)
        self.sentences = len(scanned.offsets) - 1

    def encode(self, mapping: np.ndarray, keep_empty: bool = False) -> Corpus:
        """Turn the ids into those of a vocabulary: mapping[ids], in place and in parallel.

        The scanned ids are gone afterwards; words and counts stay.

        Args:
            mapping: int32, an id for each word of `words`; -1 drops the word.
            keep_empty: whether sentences that are left without a word stay; by default they are dropped.

        Returns:
            The training corpus.

        >>> import numpy as np
        >>> from seqnn.text import scan
        >>> corpus = scan([["a", "b"], ["c", "a"]]).encode(np.array([0, -1, 1]))
        >>> corpus.ids.tolist(), corpus.offsets.tolist()
        ([0, 1, 0], [0, 1, 3])
        """
        if self.total_words and not len(self.ids):
            raise ValueError("this scanned corpus has been encoded before, its ids are used up")
        mapping = np.ascontiguousarray(mapping, np.int32)
        if mapping.shape != (len(self.words),):
            raise ValueError(f"mapping: expected one id for each of {len(self.words)} words, got shape {mapping.shape}")
        ids, offsets = self.ids, self.offsets
        self.close()
        kept = apply(ids, offsets, [mapping])
        return Corpus(ids[:kept], offsets if keep_empty else offsets[np.diff(offsets, prepend=-1) > 0])


def scan(
    source: Any,
    *,
    tokenizer: Tokenizer | None = None,
    errors: Errors = "replace",
    max_memory: int | str | None = None,
    max_vocab_size: int | None = None,
    trim_rule: TrimRule | None = None,
    progress: Progress | None = None,
    keep_empty: bool = False,
) -> ScannedCorpus:
    """Read a corpus once: its words, their counts, and the text as word ids.

    Args:
        source: one of

            * an iterable of token lists (sentences of any length; a generator is read once);
            * the path of a text file, several paths, or a directory (its visible files sorted by name): one sentence a
              line, words separated by ASCII whitespace; plain, .gz, .bz2, .xz or .zip, known by the first bytes; a list of
              strings names files if all of them do;
            * a pandas, Polars or Arrow column of strings (split at whitespace) or token lists; missing values are empty;
            * strings together with a `tokenizer` (fastest: `split_words`);
            * a tuple (ids, offsets) of integer arrays: the words are then the ids' decimal numbers.
        tokenizer: makes a list of tokens of a string; for files, of each line.
        errors: what happens to invalid UTF-8 in files: "replace" it by U+FFFD, "ignore" (leave out) it, both with one
            warning that counts it, or "strict": raise `ValueError` with the place. "ignore" leaves NUL bytes out, too.
        max_memory: bytes, or a size such as "2GB". Ids (4 bytes a word) that do not fit go to a temporary file in
            `tempfile.gettempdir()`, which vanishes with the corpus or the process.
        max_vocab_size: whenever a sentence ends with more words, the rarest are dropped, as in gensim: those below a
            count that begins at 1 and grows by 1 each time.
        trim_rule: decides about words that `max_vocab_size` would drop, as in `Vocabulary.build`.
        progress: is called with (bytes or sentences done, total or None where it is not known).
        keep_empty: whether lines of files that have no word are sentences (token lists without a token always are), and
            a corpus without any word is no error.

    Returns:
        The corpus, with its words not chosen yet.

    Raises:
        TypeError: a bare string where a token list is due, a token that is no string.
        ValueError: no word at all, a file that is binary or damaged, `errors="strict"` and invalid UTF-8.
        FileNotFoundError: a missing file.

    >>> from seqnn.text import scan
    >>> scanned = scan([["to", "be"], ["or", "not", "to", "be"]])
    >>> scanned.words, scanned.counts.tolist(), scanned.ids.tolist()
    (['to', 'be', 'or', 'not'], [2, 2, 1, 1], [0, 1, 2, 3, 0, 1])
    """
    if errors not in ("replace", "ignore", "strict"):
        raise ValueError(f"errors: expected 'replace', 'ignore' or 'strict', got {errors!r}")
    if max_vocab_size is not None and max_vocab_size < 1:
        raise ValueError(f"max_vocab_size: expected None or an integer >= 1, got {max_vocab_size!r}")
    limit = parse_size(max_memory)
    files: list[str] | None = None
    if (encoded := encoded_of(source)) is not None:
        scanned = read_encoded(*_checked_arrays(*encoded))
    elif (files := files_of(source)) is None:
        if tokenizer is split_words and (strings := strings_of(source)) is not None:
            scanned = read_lines(strings, limit, progress, len(strings))
        else:
            scanned = read_sentences(source, tokenizer, limit, progress)
    elif tokenizer in (None, split_words):
        scanned = read_files(files, errors, limit, progress, keep_empty)
    else:
        lines = Lines(files, errors)
        scanned = read_sentences(lines, tokenizer, limit, progress)._replace(invalid_utf8=lines.invalid)
    if not len(scanned.ids) and not keep_empty:
        raise ValueError("the corpus is empty: it has no word" + (f" ({', '.join(files[:3])})" if files else ""))
    if scanned.invalid_utf8:
        done = "replaced by U+FFFD" if errors == "replace" else "left out"
        warnings.warn(f"the corpus has {scanned.invalid_utf8} sequences that are not UTF-8: {done}", stacklevel=2)
    corpus = ScannedCorpus(scanned)
    if max_vocab_size is not None:
        kept, counts = limited(corpus.words, corpus.ids, corpus.offsets, max_vocab_size, trim_rule)
        mapping = np.full(len(corpus.words), -1, np.int32)
        mapping[kept] = np.arange(len(kept), dtype=np.int32)
        corpus.ids = corpus.ids[: apply(corpus.ids, corpus.offsets, [mapping])]
        corpus.words, corpus.counts = [corpus.words[w] for w in kept.tolist()], counts
    return corpus


def _checked_arrays(ids: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ids as int32 >= 0, and offsets as int64 that ascend from 0 to len(ids)."""
    ids, offsets = np.asarray(ids), np.asarray(offsets)
    for name, array in (("ids", ids), ("offsets", offsets)):
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise TypeError(f"{name}: expected a 1-D integer array, got {array.ndim}-D of {array.dtype}")
    if len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != len(ids) or np.any(offsets[1:] < offsets[:-1]):
        raise ValueError(f"offsets: expected ascending positions from 0 to len(ids) = {len(ids)}")
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < 2**31 - 1:
        raise ValueError(f"ids: expected values from 0 to 2**31 - 2, got {ids.min()} to {ids.max()}")
    return ids.astype(np.int32, copy=False), offsets.astype(np.int64, copy=False)
