"""What texts are made of, against the original's algorithm in plain Python: words, n-grams, labels, means."""

from itertools import pairwise

import numpy as np
import pytest
from harness import assert_identical, each_isa, each_team
from kernels.test_fasttext import fnv, ngrams

from seqnn import _core
from seqnn.models._fasttext_texts import Dictionary, given_texts

WORDS = ["</s>", "the", "naïve", "a", "日本語", "cat"]
LABELS = ["__label__x", "__label__y"]
TEXTS = [
    "the cat",
    "",
    "__label__y the __label__z unseen cat",
    "naïve\t日本語  a\x0bthe\r\nthe",
    "the </s> cat",
    "x\0a",
    "日本語 " * 20,
]


def dictionary(word_ngrams=1, min_n=0, max_n=0, bucket=0, buckets=None, *, pruned=False):
    counts = np.arange(len(WORDS), 0, -1)
    return Dictionary(
        WORDS, counts, LABELS, np.array([2, 1]), "__label__", word_ngrams, min_n, max_n, bucket, buckets, pruned
    )


def signed(number):
    return number - (1 << 32) if number >= 1 << 31 else number


def rows(d, text):
    """The rows of a text, and its labels; -1 stands for zeros."""
    kept = range(d.bucket) if d.buckets is None else d.buckets.tolist()
    place = {number: len(d.words) + i for i, number in enumerate(kept)}

    def of_ngrams(numbers):
        return [place.get(n, -1) for n in numbers if n in place or not d.pruned]

    found, hashes, labels = [], [], []
    words = text.encode().replace(b"\0", b" ").split()
    words = words[: words.index(b"</s>")] if b"</s>" in words else words
    for word in [*(w.decode() for w in words), "</s>"]:
        if word.startswith(d.prefix):
            labels += [d.labels.index(word)] if word in d.labels else []
            continue
        hashes.append(signed(fnv(word.encode())))
        own = [d.words.index(word)] if word in d.words else []
        found += own + of_ngrams(ngrams(word, d.min_n, d.max_n, d.bucket) if d.bucket and d.max_n else [])
    for i, first in enumerate(hashes):
        h = first % (1 << 64)
        for other in hashes[i + 1 : i + d.word_ngrams]:
            h = (h * 116049371 + other) % (1 << 64)
            found += of_ngrams([h % d.bucket])
    return found, labels


KINDS = [
    dictionary(),
    dictionary(3, bucket=11),
    dictionary(1, 2, 3, bucket=50),
    dictionary(2, 1, 2, bucket=50),
    dictionary(2, 2, 4, bucket=90, buckets=np.arange(0, 90, 3, dtype=np.int32)),
    dictionary(2, 2, 4, bucket=90, buckets=np.arange(1, 90, 2, dtype=np.int32), pruned=True),
]


@pytest.mark.parametrize("d", KINDS, ids=range(len(KINDS)))
def test_parts_and_means_are_those_of_the_original(d):
    texts = given_texts(TEXTS)
    expected = [rows(d, text) for text in TEXTS]
    matrix = np.random.default_rng(0).standard_normal((d.rows, 5)).astype(np.float32)
    full = np.concatenate([matrix, np.zeros((1, 5), np.float32)])
    for name in each_isa():
        first = None
        for _ in each_team():
            ids, starts = d.parts(texts)
            labels, label_starts = d.parts(texts, labels=True)
            means, counts = d.means(texts, matrix)
            first = first or (ids, starts, labels, means)
            assert_identical((ids, starts, labels, means), first, name)
        # A known word lacks its n-grams without a row; in a text of training it has all of them.
        lists = [ids[a:b].tolist() for a, b in pairwise(starts)]
        if d.buckets is None or d.pruned:
            assert lists == [found for found, _ in expected]
        assert [labels[a:b].tolist() for a, b in pairwise(label_starts)] == [found for _, found in expected]
        assert counts.tolist() == [len(found) for found in lists]
        for mean, found in zip(means, lists, strict=True):
            np.testing.assert_allclose(mean, full[found].mean(0) if found else np.zeros(5), rtol=1e-5, atol=1e-6)


def test_a_matrix_in_a_file_lies_at_any_byte():
    d, texts = KINDS[1], given_texts(TEXTS)
    matrix = np.random.default_rng(0).standard_normal((d.rows, 3)).astype(np.float32)
    moved = np.frombuffer(b"x" + matrix.tobytes(), np.uint8)[1:].view(np.float32).reshape(matrix.shape)
    assert_identical(d.means(texts, moved), d.means(texts, matrix))


def test_what_does_not_belong_together_is_refused():
    d, texts = KINDS[1], given_texts(TEXTS)
    with pytest.raises(ValueError, match="data: expected a row for each word and n-gram"):
        d.means(texts, np.zeros((3, 4), np.float32))
    given = {"text": texts.text, "offsets": texts.offsets, **d._arguments}
    with pytest.raises(ValueError, match="power of two"):
        _core.fasttext_texts_parts(**given | {"table": given["table"][:-1]})
    with pytest.raises(ValueError, match="room"):
        _core.fasttext_texts_parts(**given, starts=np.zeros(len(texts) + 1, np.int64), count=0, ids=True)
    with pytest.raises(ValueError, match="slots"):
        _core.fasttext_texts_table(given["pool"], given["entries"], 12)
    full = np.zeros_like(given["table"])  # a table without a free slot ends the search, too
    assert len(_core.fasttext_texts_parts(**given | {"table": full}).counts) == len(texts)


def test_a_dictionary_keeps_the_ngrams_that_occur():
    d, texts = dictionary(2, 2, 3, bucket=1000), given_texts(TEXTS[:4])
    ids, _ = d.parts(texts)
    smaller, new = d.with_rows_of(ids)
    assert smaller.rows < d.rows and new.max() < smaller.rows
    assert_identical(smaller.parts(texts)[0], new)
