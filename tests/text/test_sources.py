"""Everything that may be given as a corpus, and what bad ones get."""

import bz2
import gzip
import lzma
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnn.text import Corpus, _joined, _scanner, _sources, _text_files, is_one_shot, scan

SENTENCES = [["the", "cat", "sat"], ["on", "the", "mat"], ["cat"]]
TEXT = "the cat sat\n\n  on the\tmat \r\ncat"


def sentences_of(corpus):
    return [
        [corpus.words[i] for i in corpus.ids[a:b]] for a, b in zip(corpus.offsets, corpus.offsets[1:], strict=False)
    ]


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT, newline="")
    return path


# --- what is understood --------------------------------------------------------------------------------------------------


def test_token_lists_tuples_generators_and_arrays():
    for source in (
        SENTENCES,
        tuple(map(tuple, SENTENCES)),
        (sentence for sentence in SENTENCES),
        (iter(sentence) for sentence in SENTENCES),
        [np.array(sentence) for sentence in SENTENCES],
        dict(enumerate(SENTENCES)).values(),
    ):
        scanned = scan(source)
        assert sentences_of(scanned) == SENTENCES
        assert scanned.words == ["the", "cat", "sat", "on", "mat"]
        assert set(map(type, scanned.words)) == {str}
        assert scanned.counts.tolist() == [2, 2, 1, 1, 1]


def test_a_sentence_of_any_length():
    words = [f"w{i % 70_000}" for i in range(200_000)]
    scanned = scan([words, ["w1"]])
    assert scanned.offsets.tolist() == [0, 200_000, 200_001]
    assert [scanned.words[i] for i in scanned.ids[:200_000]] == words


@given(
    st.lists(st.lists(st.text("ab \n\0\r\x1fé\ud800", max_size=3), max_size=5), max_size=12),
    st.sampled_from([1, 4, 99]),
)
def test_tokens_of_any_characters(sentences, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_joined, "_SIZE", size)
        patch.setattr(_sources, "_CHUNK", size)
        if any(sentences):
            scanned = scan(sentences)
            assert sentences_of(scanned) == sentences
            assert scanned.words == list(dict.fromkeys(token for sentence in sentences for token in sentence))
            assert scanned.counts.tolist() == np.bincount(scanned.ids).tolist()


def test_a_path_a_string_path_several_paths_a_directory(tmp_path, text_file):
    assert sentences_of(scan(text_file)) == sentences_of(scan(str(text_file))) == SENTENCES
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "b.txt").write_text("b1 b2")
    (folder / "a.txt").write_text("a1 a2")
    (folder / ".hidden").write_text("hidden")
    (folder / "below" / "c.txt").write_text("c")
    assert sentences_of(scan(folder)) == [["a1", "a2"], ["b1", "b2"]]
    paths = [folder / "b.txt", text_file]
    assert sentences_of(scan(paths)) == sentences_of(scan(list(map(str, paths)))) == [["b1", "b2"], *SENTENCES]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("piece", [1, 7, 1 << 22])
def test_compressed_files_are_known_by_their_first_bytes(tmp_path, monkeypatch, pack, piece):
    monkeypatch.setattr(_text_files, "PIECE", piece)
    (tmp_path / "packed").write_bytes(pack(b"\xef\xbb\xbf" + TEXT.encode()) if piece > 1 else pack(TEXT.encode()))
    (tmp_path / "plain").write_text(TEXT, newline="")
    packed, plain = scan(tmp_path / "packed"), scan(tmp_path / "plain")
    assert packed.words == plain.words
    np.testing.assert_array_equal(packed.ids, plain.ids)
    np.testing.assert_array_equal(packed.offsets, plain.offsets)


def test_a_mark_at_the_start_of_a_file_is_no_word(tmp_path):
    (tmp_path / "marked").write_bytes(b"\xef\xbb\xbfone two")
    assert scan(tmp_path / "marked").words == ["one", "two"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen([sys.executable, "-c", f"open({str(tmp_path / 'pipe')!r}, 'w').write({TEXT!r})"]):
        assert sentences_of(scan(tmp_path / "pipe")) == SENTENCES


def test_a_tokenizer(text_file):
    assert sentences_of(scan([" ".join(s) for s in SENTENCES], tokenizer=str.split)) == SENTENCES
    assert scan(text_file, tokenizer=lambda line: line.upper().split()).words == ["THE", "CAT", "SAT", "ON", "MAT"]
    with pytest.raises(TypeError, match="tokenizer: expected a list"):
        scan(["a b"], tokenizer=str.upper)


class Column(SimpleNamespace):
    """As pandas and Polars series and Arrow arrays behave."""

    def __len__(self):
        return len(self.values)

    def to_list(self):
        return self.values


def test_columns():
    texts = [" ".join(sentence) for sentence in SENTENCES]
    assert sentences_of(scan(Column(values=texts))) == SENTENCES
    assert sentences_of(scan(Column(values=SENTENCES))) == SENTENCES
    scanned = scan(Column(values=[texts[0], None, float("nan"), texts[1]]))
    assert sentences_of(scanned) == [SENTENCES[0], [], [], SENTENCES[1]]
    with pytest.raises(TypeError, match=r"one column, such as table\['text'\]"):
        scan(SimpleNamespace(columns=["text"]))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_real_columns(library):
    module = pytest.importorskip(library)
    texts = ["the cat sat", None, "on the mat"]
    expected = [["the", "cat", "sat"], [], ["on", "the", "mat"]]
    table = module.DataFrame({"text": texts})
    assert sentences_of(scan(table["text"])) == expected
    with pytest.raises(TypeError, match="one column"):
        scan(table)
    if library == "polars":
        assert sentences_of(scan(table["text"].fill_null("").str.split(" "))) == [expected[0], [""], expected[2]]


def test_encoded_arrays():
    scanned = scan((np.array([3, 1, 3, 0]), np.array([0, 2, 2, 4])))
    assert sentences_of(scanned) == [["3", "1"], [], ["3", "0"]]
    assert scanned.counts.tolist() == [1, 1, 0, 2]
    corpus = Corpus.from_arrays(np.array([1, 0], np.uint8), np.array([0, 2]), vocabulary_size=2)
    assert corpus.ids.dtype == np.int32 and len(corpus) == 1
    for ids, offsets, error in [
        ([0, 2], [0, 2], "below the vocabulary's size 2"),
        ([0, -1], [0, 2], "from 0"),
        ([0, 1], [0, 3], "offsets"),
        ([0, 1], [1, 2], "offsets"),
        ([0, 1], [0, 2, 1, 2], "offsets"),
        ([0, 1], [], "offsets"),
    ]:
        with pytest.raises(ValueError, match=error):
            Corpus.from_arrays(np.array(ids), np.array(offsets, np.int64), vocabulary_size=2)
    with pytest.raises(TypeError, match="ids: expected a 1-D integer array"):
        Corpus.from_arrays(np.array([0.5]), np.array([0, 1]), vocabulary_size=2)
    with pytest.raises(ValueError, match="densely"):
        scan((np.array([2_000_000]), np.array([0, 1])))


def test_encode_drops_words_and_empty_sentences():
    scanned = scan(SENTENCES)
    corpus = scanned.encode(np.array([0, -1, 2, -1, 1], np.int32))
    assert corpus.ids.tolist() == [0, 2, 0, 1] and corpus.offsets.tolist() == [0, 2, 4]
    with pytest.raises(ValueError, match="encoded before"):
        scanned.encode(np.arange(5))
    with pytest.raises(ValueError, match="one id for each of 5 words"):
        scan(SENTENCES).encode(np.arange(4))
    with corpus:
        pass
    assert len(corpus) == 0


def test_one_shot_sources():
    assert is_one_shot(s for s in SENTENCES) and is_one_shot(map(list, SENTENCES))
    assert not any(map(is_one_shot, (SENTENCES, "path", pathlib.Path("path"), np.arange(3), Column(values=[]))))


def test_progress(tmp_path):
    calls = []
    scan(SENTENCES, progress=lambda *call: calls.append(call))
    assert calls[-1] == (3, 3)
    (tmp_path / "plain").write_text(TEXT, newline="")
    scan(tmp_path / "plain", progress=lambda *call: calls.append(call))
    assert calls[-1] == (len(TEXT), len(TEXT))
    (tmp_path / "packed").write_bytes(gzip.compress(TEXT.encode()))
    scan(tmp_path / "packed", progress=lambda *call: calls.append(call))
    assert calls[-1] == (len(TEXT), None)


def test_max_vocab_size_leaves_out_rare_words_on_the_way():
    scanned = scan([["a", "b"], ["a", "c"], ["b", "b", "a"]], max_vocab_size=2)
    # After the second sentence three words are there, none below 1; after the third those below 2 go.
    assert dict(zip(scanned.words, scanned.counts.tolist(), strict=True)) == {"a": 3, "b": 3}
    assert sentences_of(scanned) == [["a", "b"], ["a"], ["b", "b", "a"]]
    assert (scanned.total_words, scanned.sentences) == (7, 3)


# --- memory --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 40, "0.05KB", "1 KiB", "2GB", 10**6])
def test_ids_that_do_not_fit_go_to_a_temporary_file(tmp_path, monkeypatch, limit):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(_text_files, "PIECE", 16)
    sentences = SENTENCES * 20
    (tmp_path / "corpus").write_text("\n".join(" ".join(s) for s in sentences))
    for source in (sentences, tmp_path / "corpus"):
        scanned = scan(source, max_memory=limit)
        in_file = isinstance(scanned.ids, np.memmap)
        assert in_file == (limit in (0, 40, "0.05KB"))
        assert sentences_of(scanned) == sentences
        assert scanned.encode(np.array([1, 0, -1, -1, -1])).ids.tolist() == [1, 0, 1, 0] * 20
        del scanned
        assert os.listdir(tmp_path) == ["corpus"]


def test_bad_sizes():
    for size in ("2 GBs", "", "-1", -1, 1.5, True):
        with pytest.raises(ValueError, match="max_memory"):
            scan(SENTENCES, max_memory=size)


INTERRUPTED = """
import sys, time
from seqnn.text import scan
def endless():
    while True:
        yield ["some", "words"] * 1000
def progress(done, total):
    if done > 3000: print("ready", flush=True)
try:
    scan(endless(), max_memory=0, progress=progress)
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_temporary_file_goes_when_the_process_is_stopped(tmp_path, number):
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as process:
        assert process.stdout.readline() == "ready\n"
        sent = time.monotonic()
        process.send_signal(number)
        lines = [line for line in process.stdout if line != "ready\n"]
    if number == signal.SIGINT:
        word, when = lines[0].split()
        assert word == "interrupted"
        assert float(when) - sent < 10  # far above the half second that is aimed at: machines may be busy
    assert os.listdir(tmp_path) == []


# --- what is refused -----------------------------------------------------------------------------------------------------


def test_a_bare_string_is_no_sentence():
    for source in (["the cat sat"], [["a"], "the cat"], (s for s in ["ab"]), np.array(["ab", "cd"])):
        with pytest.raises(TypeError, match=r"bare string.*wrap it: \[s.split\(\)\]"):
            scan(source)
    with pytest.raises(FileNotFoundError, match=r"wrap it: \[s.split\(\)\]"):
        scan("the cat sat on the mat")


def test_tokens_are_strings():
    for source, name in (
        ([["a", 1]], "int"),
        ([["a", None]], "NoneType"),
        ([["a", b"b"]], "bytes"),
        ([["a"], ["b", ["c"]]], "list"),
        ([["a", 1.0]], "float"),
    ):
        with pytest.raises(TypeError, match=f"a token must be a string, got {name}"):
            scan(source)


def test_other_types():
    for source, message in (
        (None, "expected token lists"),
        (5, "expected token lists"),
        ([1, 2], "sentence 0: expected a list of tokens, got int"),
        ([b"bytes"], "got bytes"),
        ([["a"], None], "sentence 1: expected a list of tokens, got NoneType"),
    ):
        with pytest.raises(TypeError, match=message):
            scan(source)
    with open(__file__) as file, pytest.raises(TypeError, match="open file; give its path"):
        scan(file)
    with pytest.raises(ValueError, match="errors: expected"):
        scan(SENTENCES, errors="wrong")
    with pytest.raises(ValueError, match="max_vocab_size"):
        scan(SENTENCES, max_vocab_size=0)


def test_an_error_of_the_users_iterable_comes_through():
    def broken():
        yield ["a"]
        raise RuntimeError("theirs")

    with pytest.raises(RuntimeError, match="theirs"):
        scan(broken())


def test_empty_corpora(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "blank").write_bytes(b" \n\n")
    (tmp_path / "packed").write_bytes(gzip.compress(b""))
    (tmp_path / "folder").mkdir()
    for source in ([], [[], []], iter([]), tmp_path / "empty", tmp_path / "blank", tmp_path / "packed"):
        with pytest.raises(ValueError, match="the corpus is empty"):
            scan(source)
    with pytest.raises(FileNotFoundError, match="holds no files"):
        scan(tmp_path / "folder")


def test_missing_files(tmp_path):
    for source in (tmp_path / "missing.txt", str(tmp_path / "missing.txt"), [tmp_path / "missing.txt"]):
        with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
            scan(source)


def test_damaged_files(tmp_path, monkeypatch):
    data = " ".join(str(i * 7919) for i in range(10_000)).encode()
    for name, pack in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        path = tmp_path / f"corpus.{name}"
        packed = pack(data)
        path.write_bytes(packed[: len(packed) // 2])
        with pytest.raises(ValueError, match=rf"corpus\.{name}: the compressed file is (truncated|damaged)"):
            scan(path)
        path.write_bytes(packed[:200] + bytes(100) + packed[300:])
        with pytest.raises(ValueError, match=rf"corpus\.{name}: the compressed file is (truncated|damaged)"):
            scan(path)


def test_binary_files(tmp_path):
    (tmp_path / "first").write_bytes(b"fine text\n")
    (tmp_path / "binary").write_bytes(b"text then \x00 nothing")
    with pytest.raises(ValueError, match="binary: a NUL byte at byte 10"):
        scan([tmp_path / "first", tmp_path / "binary"])
    (tmp_path / "utf16").write_text("text", encoding="utf-16")
    with pytest.raises(ValueError, match="UTF-16"):
        scan(tmp_path / "utf16")


INVALID = b"first line\nna\xc3\xafve \xff \xffx na\xefve \xed\xa0\x80 \xff\xff\nlast x \xff"


@pytest.mark.parametrize("tokenizer", [None, str.split])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_invalid_utf8(tmp_path, pack, tokenizer):
    (tmp_path / "good").write_text("good\n")
    path = tmp_path / "invalid"
    path.write_bytes(pack(INVALID))
    expected = INVALID.decode(errors="replace")
    with pytest.warns(UserWarning, match="9 sequences that are not UTF-8: replaced"):
        scanned = scan([tmp_path / "good", path], tokenizer=tokenizer)
    assert sentences_of(scanned) == [["good"], *(line.split() for line in expected.split("\n"))]
    assert scanned.invalid_utf8 == 9
    assert scanned.counts.tolist() == np.bincount(scanned.ids).tolist()
    with pytest.warns(UserWarning, match="left out"):
        scanned = scan(path, errors="ignore", tokenizer=tokenizer)
    assert sentences_of(scanned) == [line.split() for line in INVALID.decode(errors="ignore").split("\n")]
    with pytest.raises(ValueError, match=r"invalid: invalid UTF-8 (at byte 18, line 2|in line 2)"):
        scan([tmp_path / "good", path], errors="strict", tokenizer=tokenizer)


def test_valid_text_with_replacement_characters_is_not_counted(tmp_path):
    (tmp_path / "valid").write_text("a \ufffd b", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scan(tmp_path / "valid").words == ["a", "\ufffd", "b"]


def test_no_thread_is_left_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(_text_files, "PIECE", 1000)
    monkeypatch.setattr("seqnn.text._readers.PIECE", 1000)
    monkeypatch.setattr(_scanner, "get_num_threads", lambda: 3)
    (tmp_path / "corpus").write_bytes(b"some words " * 10_000 + b"\x00" + b"more " * 10_000)

    def interrupt(done, total):
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(ValueError, match="NUL"):
        scan(tmp_path / "corpus")
    with pytest.raises(KeyboardInterrupt):
        scan(tmp_path / "corpus", progress=interrupt)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"the cat", "bytes"),
        (np.ones((2, 3)), "numbers"),
        ((np.array([0.0, 1.0]), np.array([0, 2])), "numbers"),
        (([np.array([0, 1]), np.array([0, 2])]), "numbers"),
        (list, "got type"),
        (["missing.txt", __file__], "'missing.txt' does not exist"),
    ],
)
def test_what_is_no_corpus(source, words):
    with pytest.raises((TypeError, FileNotFoundError), match=words):
        scan(source)


def test_no_encoded_word():
    for offsets in ([0], [0, 0]):
        with pytest.raises(ValueError, match="the corpus is empty"):
            scan((np.zeros(0, np.int32), np.array(offsets)))
