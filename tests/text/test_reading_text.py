"""Corpora as people have them: archives, pipes, byte-order marks, NUL bytes, generators, numbers, text instead of paths."""

import gzip
import json
import os
import threading
import zipfile

import numpy as np
import pytest

from seqnn import FastText, GloVe, Word2Vec
from seqnn.text import Phrases, Vocabulary

TEXT = "the cat sat\nthe dog sat\n" * 9
SMALL = {"vector_size": 4, "min_count": 1, "verbose": 0, "epochs": 1}


def words(corpus, kind=Word2Vec, **more):
    model = kind(**SMALL, **more)
    if kind is GloVe:
        model.fit(corpus)
    else:
        model.sample = 0
        model.build_vocab(corpus)
        model.train(corpus) if not hasattr(corpus, "__next__") else None
    return sorted(model.wv.index_to_key)


def write(path, data):
    path.write_bytes(data)
    return path


def test_an_archive_of_one_text_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "text8.zip", "w") as archive:
        archive.writestr("text8", TEXT)
    for kind in (Word2Vec, FastText, GloVe):
        assert words(tmp_path / "text8.zip", kind) == ["cat", "dog", "sat", "the"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_corpus_comes_through_a_pipe_packed_or_not(tmp_path, pack):
    def piped():
        reading, writing = os.pipe()

        def fill():
            with os.fdopen(writing, "wb") as file:
                file.write(pack(TEXT.encode()))

        threading.Thread(target=fill).start()
        return reading

    for kind in (Word2Vec, GloVe):
        reading = piped()
        model = kind(f"/dev/fd/{reading}", **SMALL)
        os.close(reading)
        assert sorted(model.wv.index_to_key) == ["cat", "dog", "sat", "the"]


def test_a_byte_order_mark_belongs_to_no_word(tmp_path):
    path = write(tmp_path / "text", b"\xef\xbb\xbf" + TEXT.encode())
    assert words(path) == words(path, tokenizer=str.split) == ["cat", "dog", "sat", "the"]


@pytest.mark.parametrize("tokenizer", [None, str.split])
def test_nul_bytes_are_named_and_can_be_left_out(tmp_path, tokenizer):
    path = write(tmp_path / "crawl", b"the c\0at sat\n\0the dog\n" * 9)
    place = "byte 5" if tokenizer is None else "line 1"
    with pytest.raises(ValueError, match=f"crawl: a NUL byte at {place}.*errors='ignore'"):
        words(path, tokenizer=tokenizer)
    model = Word2Vec(**SMALL, errors="ignore", tokenizer=tokenizer)
    with pytest.warns(UserWarning, match="18 sequences that are not UTF-8: left out"):
        model.build_vocab(path)
    assert sorted(model.wv.index_to_key) == ["cat", "dog", "sat", "the"]


def test_generators_are_read_once_as_any_iterable():
    lines = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 9
    expected = Word2Vec(lines, **SMALL | {"epochs": 5}, workers=1).wv
    given = Word2Vec((line for line in lines), **SMALL | {"epochs": 5}, workers=1).wv
    assert (given.vectors == expected.vectors).all() and given.index_to_key == expected.index_to_key
    model = Word2Vec(**SMALL)
    model.build_vocab(iter(lines))
    assert model.train((line for line in lines), epochs=9)[1] == 9 * 54
    assert len(GloVe((line for line in lines), **SMALL).wv) == 4
    assert len(Phrases((line for line in lines), min_count=1).vocab) > 4


@pytest.mark.parametrize("walks", [[[1, 2, 3], [2, 3, 4]], [np.array([1, 2, 3])], [("a", 2)]])
def test_numbers_as_tokens_are_refused_with_the_remedy(walks):
    for use in (lambda: Word2Vec(walks, **SMALL), lambda: GloVe(walks, **SMALL), lambda: Phrases(walks)):
        with pytest.raises(TypeError, match=r"a token must be a string, got .*; write \[\[str\(t\) for t in s\]"):
            use()


def test_two_walks_in_a_list_are_not_taken_for_ids_and_offsets():
    with pytest.raises(TypeError, match=r"got numbers; .*\(ids, offsets\).*; of numbers as tokens make text, \[\[str"):
        Word2Vec([np.array([0, 2, 3]), np.array([0, 2, 3])], **SMALL)


def test_a_sentence_beside_the_name_of_a_file_is_told_from_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "LICENSE", TEXT.encode())
    model = Word2Vec(["the cat sat", "LICENSE"], tokenizer=str.split, sample=0, **SMALL)
    assert sorted(model.wv.index_to_key) == ["LICENSE", "cat", "sat", "the"]


def test_paths_may_be_bytes_and_lists(tmp_path):
    paths = [write(tmp_path / "a", b"one two\n" * 5), write(tmp_path / "b", b"three four\n" * 5)]
    for given in ([os.fsencode(p) for p in paths], [str(p) for p in paths], tuple(paths)):
        model = Word2Vec(corpus_file=given, sample=0, **SMALL)
        assert sorted(model.wv.index_to_key) == ["four", "one", "three", "two"]
    assert sorted(Word2Vec(corpus_file=os.fsencode(paths[0]), sample=0, **SMALL).wv.index_to_key) == ["one", "two"]
    with open(paths[0]) as file, pytest.raises(TypeError, match="an open file: give its path"):
        Word2Vec(file, **SMALL)


@pytest.mark.parametrize("count", [2**64, -1, 1.5, "x", None, [1]])
def test_a_vocabulary_with_an_impossible_count_is_refused_and_its_file_named(tmp_path, count):
    path = write(tmp_path / "bad", json.dumps({"words": ["a", "b"], "counts": [2, count], "specials": {}}).encode())
    with pytest.raises(ValueError, match=r"bad: not a vocabulary"):
        Vocabulary.load(path)
    with pytest.raises((ValueError, TypeError)):
        Vocabulary(["a", "b"], [2, count])
