"""Scanning text, against `bytes.split` and a dictionary; mapping ids, against NumPy."""

import random
import threading
from collections import Counter

import numpy as np
import pytest
from harness import each_team
from hypothesis import given
from hypothesis import strategies as st

from seqnn import _core
from seqnn.text import _ids, _readers, _scanner, _text_files, scan


def reference(data):
    """words, counts, ids, offsets of the text, the plain way."""
    sentences = [words for line in data.split(b"\n") if (words := line.split())]
    counts = Counter(word for sentence in sentences for word in sentence)
    number = {word: i for i, word in enumerate(counts)}
    ids = [number[word] for sentence in sentences for word in sentence]
    offsets = np.cumsum([0, *map(len, sentences)])
    return [word.decode() for word in counts], list(counts.values()), ids, offsets.tolist()


def assert_scans(data, path):
    path.write_bytes(data)
    words, counts, ids, offsets = reference(data)
    if not ids:
        with pytest.raises(ValueError, match="the corpus is empty"):
            scan(path)
        return
    scanned = scan(path)
    assert scanned.words == words
    assert scanned.counts.tolist() == counts
    assert scanned.ids.dtype == np.int32 and scanned.ids.tolist() == ids
    assert scanned.offsets.dtype == np.int64 and scanned.offsets.tolist() == offsets
    assert (scanned.total_words, scanned.sentences, scanned.invalid_utf8) == (len(ids), len(offsets) - 1, 0)


TOKEN = st.text("abcdefghijklmnopqrstuvwxyzäß語\x01\x1c\xa0", min_size=1, max_size=20)
SPACE = st.sampled_from([" ", "  ", "\n", "\r\n", "\t", "\v", "\f", "\n\n", " \n ", "\r"])


@given(st.lists(st.one_of(TOKEN, SPACE, st.just("the "), st.just("of\n")), max_size=300), st.sampled_from([1, 3, 70]))
def test_any_text_is_split_as_by_bytes_split(tmp_path_factory, parts, piece):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_text_files, "PIECE", piece)
        assert_scans("".join(parts).encode(), tmp_path_factory.getbasetemp() / "any.txt")


@pytest.mark.parametrize("size", [0, 1, 2, 7, 8, 9, 62, 63, 64, 65, 127, 255, 256, 257, 511, 512, 513, 1024])
@pytest.mark.parametrize("end", [b"", b"\n", b" ", b"\r\n"])
def test_one_word_of_any_length(tmp_path, size, end):
    assert_scans(b"x" * size + end, tmp_path / "word.txt")
    assert_scans(b"ab " * 5 + b"y" * size + end + b"z", tmp_path / "word.txt")


def test_words_that_share_their_first_eight_bytes(tmp_path):
    words = [b"abcdefgh" + bytes([97 + i % 26]) * (i // 26) for i in range(200)]
    words += [b"abcdefg", b"abcdefgh", b"abcdefghabcdefgh"]
    assert_scans(b" ".join(words * 3), tmp_path / "words.txt")


def zipf_text(seed, words, vocabulary):
    rng = random.Random(seed)
    chosen = [int(vocabulary ** rng.random()) for _ in range(words)]
    return b"".join(b"w%d%s" % (w, b"\n" if rng.random() < 0.06 else b" ") for w in chosen)


@pytest.fixture
def small_tables(monkeypatch):
    """Tables and pieces so small that a short text makes them grow, and many pieces."""
    monkeypatch.setattr(_scanner, "_FIRST_WORDS", 256)
    monkeypatch.setattr(_scanner, "_FIRST_POOL", 64)
    monkeypatch.setattr(_scanner, "_MERGED", 100)
    monkeypatch.setattr(_text_files, "PIECE", 5000)
    monkeypatch.setattr(_readers, "PIECE", 5000)
    monkeypatch.setattr(_ids, "_SPAN", 3000)


@pytest.mark.usefixtures("small_tables")
def test_the_result_does_not_depend_on_the_number_of_threads(tmp_path, monkeypatch):
    data = zipf_text(0, 60_000, 20_000)
    mapping = np.random.default_rng(0).integers(-1, 9, len(reference(data)[0]), dtype=np.int32)
    encoded = []
    for threads in (1, 2, 3, 8):
        monkeypatch.setattr(_scanner, "get_num_threads", lambda threads=threads: threads)
        assert_scans(data, tmp_path / "zipf.txt")
        encoded.append(scan(tmp_path / "zipf.txt").encode(mapping))
    for corpus in encoded[1:]:
        np.testing.assert_array_equal(corpus.ids, encoded[0].ids)
        np.testing.assert_array_equal(corpus.offsets, encoded[0].offsets)


@pytest.mark.usefixtures("small_tables")
def test_a_huge_line_and_a_huge_word(tmp_path):
    assert_scans(b"a b c " * 30_000, tmp_path / "line.txt")
    assert_scans(b"first " + b"word" * 50_000 + b" last", tmp_path / "word.txt")


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_so_many_threads_work(threads, monkeypatch):
    monkeypatch.setattr(_scanner, "get_num_threads", lambda: threads)
    together = threading.Barrier(threads)

    def work(item):
        if item < threads:
            together.wait(timeout=60)  # passes only when all of them are at work
        return item * item, threading.get_ident()

    results = list(_scanner.in_order(work, range(50)))
    assert [square for square, _ in results] == [i * i for i in range(50)]
    assert len({thread for _, thread in results}) == threads


def test_an_error_in_a_thread_is_raised_and_the_others_end(monkeypatch):
    monkeypatch.setattr(_scanner, "get_num_threads", lambda: 3)

    def work(item):
        if item == 5:
            raise RuntimeError("five")
        return item

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="five"):
        list(_scanner.in_order(work, range(1000)))
    assert threading.active_count() == before


def test_count():
    rng = np.random.default_rng(3)
    for size in (0, 1, 63, 64, 65, 1000):
        text = rng.choice(np.frombuffer(b"ab \n\t\r", np.uint8), size)
        data = text.tobytes()
        spaces = sum(map(data.count, (b" ", b"\n", b"\t", b"\r")))
        assert _core.corpus_count(text).tolist() == [len(data.split()), data.count(b"\n"), spaces, -1]
        for place in range(0, size, 17):
            text[place:] = 0
            assert _core.corpus_count(text)[3] == place
            text[place:] = 97


def test_encode_maps_and_drops():
    rng = np.random.default_rng(0)
    for n, sentences in ((0, 0), (0, 3), (1, 1), (1000, 50)):
        ids = rng.integers(0, 7, n, dtype=np.int32)
        ends = np.sort(rng.integers(0, n + 1, sentences))
        mapping = np.array([3, -1, 0, -1, 9, 1, 2], np.int32)
        mapped = mapping[ids]
        expected_ends = [np.count_nonzero(mapped[:end] >= 0) for end in ends]
        for _ in each_team():
            changed, changed_ends = ids.copy(), ends.copy()
            kept = int(_core.corpus_encode(changed, mapping, changed_ends)[0])
            assert changed[:kept].tolist() == mapped[mapped >= 0].tolist()
            assert changed_ends.tolist() == expected_ends


def test_merge_and_rehash_refuse_tables_without_room():
    full = _scanner.Scanner()
    full.scan(np.frombuffer(b"a b c", np.uint8), 0)
    tiny = np.zeros((2, 2), np.uint64)
    with pytest.raises(ValueError, match="too small"):
        _core.corpus_rehash(tiny, full.word_offsets[:4], full.pool)
    with pytest.raises(ValueError, match="no room"):
        _core.corpus_merge(
            tiny, full.counts, full.first, full.word_offsets, full.pool, 3,
            full.counts[:3].copy(), full.first[:3].copy(), full.word_offsets[:4].copy(), full.pool[:6].copy(),
        )  # fmt: skip
