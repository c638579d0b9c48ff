"""Words of a fixed vocabulary in whole texts: the numbers are those of a dictionary, whatever the words and the threads."""

import random
import threading

import numpy as np
import pytest
from harness import each_team

from seqnn.text import WordIndex, split_words, tokenize

WORDS = [
    "a",
    "bb",
    "long-enough-for-no-slot",
    "ä",
    "日本",
    "a\u00a0b",
    "with space",
    "new\nline",
    "",
    "nul\0",
    "\ud800",
    "\xff",
]


def expected(sentences, words, unknown):
    index = {word: i for i, word in enumerate(words)}
    ids = [index.get(word, unknown) for sentence in sentences for word in sentence]
    return ids, np.cumsum([0, *map(len, sentences)]).tolist()


def encoded(index, sentences, tokenizer=split_words):
    ids, offsets = index.encode(sentences, tokenizer)
    assert ids.dtype == np.int32 and offsets.dtype == np.int64
    return ids.tolist(), offsets.tolist()


def sentences_of(words, number, seed=0):
    rng = random.Random(seed)
    return [[rng.choice(words) for _ in range(rng.choice([0, 1, 3, 40]))] for _ in range(number)]


def test_token_lists_get_the_numbers_of_a_dictionary():
    words = [*WORDS, *(f"w{i}" for i in range(9000))]
    index = WordIndex(words, 77)
    sentences = sentences_of([*WORDS, "w5", "w8999", "none", "w", "long-enough-for-no-slot-at-all"], 3000)
    for _ in each_team():
        assert encoded(index, sentences) == expected(sentences, words, 77)
        assert encoded(index, (s for s in sentences), None) == expected(sentences, words, 77)


def test_strings_are_split_at_ascii_white_space():
    plain = [word for word in WORDS if split_words(word) == [word]]
    index = WordIndex(plain, 0)
    sentences = sentences_of([*plain, "none"], 5000)
    lines = ["  ".join(sentence) + " " for sentence in sentences]
    for _ in each_team():
        assert encoded(index, lines) == expected(sentences, plain, 0)
    broken = ["a\nbb", "", "\n", "ä\0 a"]
    assert encoded(index, broken) == expected([split_words(line) for line in broken], plain, 0)
    assert encoded(index, ["a\u00a0b a"], tokenize) == expected([["a", "b", "a"]], plain, 0)


def test_threads_share_an_index():
    index = WordIndex([f"w{i}" for i in range(500)], 3)
    sentences = sentences_of([f"w{i}" for i in range(600)], 2000)
    found = {}
    workers = [threading.Thread(target=lambda k=k: found.update({k: encoded(index, sentences)})) for k in range(4)]
    [w.start() for w in workers], [w.join() for w in workers]
    assert len(found) == 4 and all(f == expected(sentences, [f"w{i}" for i in range(500)], 3) for f in found.values())


def test_nothing_gives_nothing():
    index = WordIndex(["a"], 0)
    assert encoded(index, []) == ([], [0]) and encoded(index, [[]]) == ([], [0, 0]) == encoded(index, [""])
    assert encoded(WordIndex([], 9), [["a"]]) == ([9], [0, 1])


def test_other_tokens_are_refused():
    with pytest.raises(TypeError, match="a token must be a string, got int: 5"):
        WordIndex(["a"], 0).encode([["a", 5]], None)
