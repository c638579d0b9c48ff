import gzip
import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqnn import Word2Vec, _safetensors
from seqnn._files import Source
from seqnn._window import Window
from seqnn.embed import KeyedVectors
from seqnn.embed._vectors import _formats

WORDS = ["the", "naïve", "日本", "a.b", "x\u00a0y", "😀", "1", "-0.5", ",", "</s>"]
TEXT = "2 3\ncat 0.5 -1.0 2.0\ndog 1.5 0.0 -2.0\n"


def detect_format(path):
    with Source(path) as source:
        return _formats.detect_format(source)[0]


def vectors_of(words, size=5, dtype=np.float32, counts=None):
    values = np.random.default_rng(len(words)).standard_normal((len(words), size)).astype(dtype)
    return KeyedVectors.from_arrays(words, values, counts)


def same(got, expected):
    assert got.index_to_key == expected.index_to_key
    assert got.vectors.dtype == expected.vectors.dtype
    assert got.vectors.tobytes() == expected.vectors.tobytes()


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


SAVERS = {
    "a.txt": {},
    "a.txt.gz": {},
    "a.txt.bz2": {},
    "a.txt.xz": {},
    "glove.txt": {"write_header": False},
    "glove.txt.gz": {"write_header": False},
    "a.bin": {"binary": True},
    "a.bin.gz": {"binary": True},
}


@pytest.mark.parametrize("name", SAVERS)
def test_round_trips(tmp_path, name):
    wv = vectors_of(WORDS)
    wv.save_word2vec_format(tmp_path / name, **SAVERS[name])
    assert detect_format(tmp_path / name) == ("binary" if "bin" in name else "text")
    same(KeyedVectors.load(tmp_path / name), wv)
    same(KeyedVectors.load_word2vec_format(tmp_path / name, binary="bin" in name), wv)


@pytest.mark.parametrize("name", ["a.txt", "glove.txt"])
def test_words_with_blanks_in_text(tmp_path, name):
    wv = vectors_of(["New York", ". . .", "route 66", "a\tb", "", "x y 2 z"])
    wv.save_word2vec_format(tmp_path / name, **SAVERS[name])
    same(KeyedVectors.load(tmp_path / name), wv)


@pytest.mark.parametrize("word", ["a\nb", " a", "a ", "a\r", "version 2.0", "x 1e5 0.3"])
def test_words_that_text_cannot_hold(tmp_path, word):
    path = write(tmp_path / "a.txt", "old")
    with pytest.raises(ValueError, match="cannot hold the word"):
        vectors_of(["b", word]).save_word2vec_format(path)
    assert path.read_bytes() == b"old"


def test_odd_words(tmp_path):
    """What Python calls a blank or a line end is none in these files."""
    wv = vectors_of(["a\x0cb", "\x0c", "\x85", "\u2028", "a\rb", "\x00"], 1)
    for name in ("a.txt", "glove.txt", "a.bin"):
        wv.save_word2vec_format(tmp_path / name, **SAVERS[name])
        same(KeyedVectors.load_word2vec_format(tmp_path / name, binary=name == "a.bin"), wv)
    inside = vectors_of(["a\nb", "c"])
    inside.save_word2vec_format(tmp_path / "a.bin", binary=True)
    same(KeyedVectors.load(tmp_path / "a.bin"), inside)


def test_words_that_binary_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="cannot hold the word 'New York'"):
        vectors_of(["b", "New York"]).save_word2vec_format(tmp_path / "a", binary=True)
    with pytest.raises(ValueError, match="binary files need their header"):
        vectors_of(["b"]).save_word2vec_format(tmp_path / "a", binary=True, write_header=False)
    with pytest.raises(TypeError, match="row 1 has the key 7"):
        vectors_of(["b", 7]).save(tmp_path / "a")
    with pytest.raises(TypeError, match="row 0 has the key None"):
        KeyedVectors(3, 1).save(tmp_path / "a")


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_other_float_types(tmp_path, dtype):
    wv = vectors_of(WORDS, dtype=dtype)
    wv.save_word2vec_format(tmp_path / "a.txt")
    same(KeyedVectors.load_word2vec_format(tmp_path / "a.txt", datatype=dtype), wv)
    wv.save(tmp_path / "a")
    same(KeyedVectors.load(tmp_path / "a"), wv)


def test_many_pieces(tmp_path, monkeypatch):
    """A window far smaller than the file, and lines that do not fit it."""
    monkeypatch.setattr(Window.__init__, "__defaults__", (64,))
    monkeypatch.setattr("seqnn.embed._vectors._vector_binary._RECORDS", 3)
    wv = vectors_of([*WORDS, "w" * 300, *(f"word{i}" for i in range(100))], size=9)
    for name, options in SAVERS.items():
        wv.save_word2vec_format(tmp_path / name, **options)
        same(KeyedVectors.load(tmp_path / name), wv)
        some = KeyedVectors.load_word2vec_format(tmp_path / name, binary="bin" in name, limit=12)
        assert some.index_to_key == wv.index_to_key[:12]
        assert some.vectors.tobytes() == wv.vectors[:12].tobytes()
    content = (tmp_path / "glove.txt").read_text()
    for end in ("", "\n" * 200, "\n \r\n" * 3, " " * 100):
        same(KeyedVectors.load(write(tmp_path / "end.txt", content + end)), wv)
    lines = (tmp_path / "a.txt").read_text().splitlines()
    lines[50] += "x"
    with pytest.raises(ValueError, match="line 51 ends in"):
        KeyedVectors.load(write(tmp_path / "bad.txt", "\n".join(lines)))


def test_own_file_is_mapped(tmp_path):
    wv = vectors_of([*WORDS, "New York", "", "a\nb"], counts=np.arange(13)[::-1])
    wv.set_vecattr("the", "weight", 0.5)
    wv.save(tmp_path / "a")
    assert detect_format(tmp_path / "a") == "safetensors"
    for mmap in (True, False):
        got = KeyedVectors.load(tmp_path / "a", mmap=mmap)
        assert "index_to_key" not in vars(got)  # unpacked when first needed
        assert len(got) == 13
        same(got, wv)
        assert got.vectors.flags.writeable != mmap
        assert got.get_vecattr("the", "count") == 12
        assert got.get_vecattr("the", "weight") == 0.5
        assert got.most_similar("the") == wv.most_similar("the")
    got = KeyedVectors.load(tmp_path / "a")
    got.add_vectors(["the", "new"], np.ones((2, 5)), replace=True)
    assert got["the"].tolist() == [1] * 5
    assert KeyedVectors.load(tmp_path / "a")["the"].tolist() == wv["the"].tolist()


def test_other_safetensors_files(tmp_path):
    wv = vectors_of(["a", "b"])
    wv.save(tmp_path / "a")
    tensors, metadata = _safetensors.load(tmp_path / "a", mmap=False)
    for change, words in (
        ({"vectors": tensors["vectors"][:1]}, "do not belong together"),
        ({"vectors": tensors["vectors"][0]}, "do not belong together"),
        ({"offsets": np.array([0, 9, 2])}, "do not belong together"),
        ({"offsets": np.array([0, 1, 3])}, "do not belong together"),
        ({"words": tensors["words"].astype(np.int64)}, "do not belong together"),
        ({"attribute.count": np.ones(3)}, "do not belong together"),
    ):
        _safetensors.save(tmp_path / "b", tensors | change, metadata)
        with pytest.raises(ValueError, match=words):
            KeyedVectors.load(tmp_path / "b")
    _safetensors.save(tmp_path / "b", tensors, metadata | {"version": "9"})
    with pytest.raises(ValueError, match="version '9'"):
        KeyedVectors.load(tmp_path / "b")
    _safetensors.save(tmp_path / "b", {"vectors": np.ones((2, 2))})
    with pytest.raises(ValueError, match=r"not one that KeyedVectors\.save wrote"):
        KeyedVectors.load(tmp_path / "b")
    with pytest.raises(ValueError, match="is a safetensors file"):
        KeyedVectors.load_word2vec_format(tmp_path / "a")


def test_order_prefix_and_vocabulary_file(tmp_path):
    wv = vectors_of(["rare", "often", "also"], counts=[1, 9, 9])
    wv.save_word2vec_format(tmp_path / "a.txt", fvocab=tmp_path / "vocab", prefix="*")
    assert (tmp_path / "vocab").read_text() == "*often 9\n*also 9\n*rare 1\n"
    got = KeyedVectors.load_word2vec_format(tmp_path / "a.txt", fvocab=tmp_path / "vocab")
    assert got.index_to_key == ["*often", "*also", "*rare"]
    assert got.get_vecattr("*also", "count") == 9
    assert got["*rare"].tolist() == wv["rare"].tolist()
    with pytest.raises(ValueError, match="fvocab needs the attribute 'count'"):
        vectors_of(["a"]).save_word2vec_format(tmp_path / "a.txt", fvocab=tmp_path / "vocab")
    with pytest.raises(ValueError, match="line 1: expected"):
        KeyedVectors.load_word2vec_format(tmp_path / "a.txt", fvocab=write(tmp_path / "v", "often many\n"))
    with pytest.warns(UserWarning, match=r"no count for 2 words, the first is '\*also'"):
        got = KeyedVectors.load_word2vec_format(tmp_path / "a.txt", fvocab=write(tmp_path / "v", "*often 9\n"))
    assert got.expandos["count"].tolist() == [9, 0, 0]


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.rstrip("\n"),
        TEXT + "\n \r\n\n",
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("0\n", "0 \n"),  # word2vec.c ends lines in a blank
        TEXT.replace(" ", "\t"),
        TEXT.removeprefix("2 3\n"),
        TEXT.replace("2.0", "0.00000000000000000002e20"),
    ],
)
def test_texts_of_all_kinds(tmp_path, text):
    got = KeyedVectors.load(write(tmp_path / "a", text))
    assert got.index_to_key == ["cat", "dog"]
    assert got.vectors.tolist() == [[0.5, -1, 2], [1.5, 0, -2]]


def test_header_or_not(tmp_path):
    path = write(tmp_path / "a", "1 2\n3 4\n")
    got = KeyedVectors.load(path)
    assert (got.index_to_key, got.vectors.tolist()) == (["1", "3"], [[2], [4]])
    with pytest.raises(ValueError, match="line 2 has 1 numbers, 2 are expected"):
        KeyedVectors.load_word2vec_format(path, no_header=False)
    path = write(tmp_path / "b", "1 1\n3 4\n")
    assert KeyedVectors.load(path).index_to_key == ["3"]
    assert KeyedVectors.load_word2vec_format(path, no_header=True).index_to_key == ["1", "3"]
    with pytest.raises(ValueError, match='line 1 must be "count size"'):
        KeyedVectors.load_word2vec_format(write(tmp_path / "c", "cat 0.5\n"), no_header=False)
    empty = KeyedVectors.load(write(tmp_path / "d", "0 3\n"))
    assert (len(empty), empty.vector_size) == (0, 3)


BINARY = b"2 2\ncat " + np.array([1, 2], "<f4").tobytes() + b"\ndog " + np.array([3, 4], "<f4").tobytes() + b"\n"


def test_binary_of_word2vec_c(tmp_path):
    """word2vec.c puts a line end after each vector, gensim does not."""
    for raw in (BINARY, BINARY.replace(b"\ndog", b"dog")):
        got = KeyedVectors.load(write(tmp_path / "a", raw))
        assert got.index_to_key == ["cat", "dog"]
        assert got.vectors.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("content", "binary", "words"),
    [
        (b"", None, "is empty"),
        (b"\n \n", None, "is empty"),
        ("2 3\ncat 0.5 1 2\ndog 1 2\n", False, "line 3 has 2 numbers, 3 are expected: 'dog 1 2'"),
        ("2 3\ncat 0.5 1 2\ndog 0.5 1.0 2.0 3.0\n", False, "line 3 has 4 numbers, 3 are expected"),
        ("cat 0.5 1 2\ndog 1 2\n", False, "line 2 has 2 numbers, 3 are expected"),
        ("2 3\ncat 0.5 x 2\ndog 1 2 3\n", False, "line 2 ends in 1 numbers, 3 are expected"),
        ("2 3\ncat 0.5 1 2\n\ndog 1 2 3\n", False, "line 3 is empty"),
        ("3 3\ncat 0.5 1 2\ndog 1 2 3\n", False, "promises 3 vectors, the file holds 2"),
        ("1 3\ncat 0.5 1 2\ndog 1 2 3\n", False, "promises 1 vectors, line 3 is one more"),
        ("2 3\ncat 0.5 nan 2\ndog 1 2 3\n", False, "line 2 holds NaN or infinity"),
        ("2 3\ncat 0.5 1 2\ndog 1 2 1e39\n", False, "line 3 holds NaN or infinity"),
        (b"2 3\ncat 0.5 1 2\nd\xffg 1 2 3\n", False, "line 3: the word is not valid utf-8"),
        ("999999999999 300\ncat 0.5 1 2\n", False, "the header promises vectors of at least"),
        ("no numbers here\n", False, "line 1 has no numbers"),
        ("2 0\ncat\ndog\n", False, "has no numbers"),
        (TEXT, True, "is word2vec text: pass binary=False"),
        (BINARY, False, "is word2vec binary: pass binary=True"),
        (BINARY[:-6], True, "promises 2 vectors, the file holds 1: truncated?"),
        (BINARY.replace(b"dog", b"d\xffg"), True, "vector 2: the word is not valid utf-8"),
        (b"3" + BINARY[1:], True, "promises 3 vectors, the file holds 2"),
        (b"1" + BINARY[1:], True, "more data after the 1 vectors"),
        (BINARY.replace(np.array([4], "<f4").tobytes(), np.array([np.inf], "<f4").tobytes()), True, "vector 2 .'dog'."),
        (b"cat" + BINARY, True, 'line 1 must be "count size"'),
        (b"999999999999 300\n" + BINARY, True, "the header promises vectors of at least"),
        (gzip.compress(TEXT.encode() * 50, mtime=0)[:-20], False, "truncated or damaged"),
        (gzip.compress(TEXT.encode() * 50, mtime=0)[:30] + b"\xff" * 30, False, "damaged"),
    ],
)
def test_bad_files(tmp_path, content, binary, words):
    path = write(tmp_path / "bad.vec", content)
    with pytest.raises(ValueError, match=words) as caught:
        KeyedVectors.load_word2vec_format(path, binary=bool(binary))
    assert "bad.vec" in str(caught.value)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError):
        KeyedVectors.load(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        KeyedVectors.load(tmp_path)
    with pytest.raises(ValueError, match="limit must be at least 0"):
        KeyedVectors.load_word2vec_format(tmp_path, limit=-1)
    with pytest.raises(ValueError, match="binary files have a header"):
        KeyedVectors.load_word2vec_format(write(tmp_path / "a", BINARY), binary=True, no_header=True)


def test_what_may_pass_on_request(tmp_path):
    path = write(tmp_path / "a", b"2 2\nd\xffg nan 1\ncat inf 2\n")
    got = KeyedVectors.load_word2vec_format(path, unicode_errors="replace", allow_nonfinite=True)
    assert got.index_to_key == ["d\ufffdg", "cat"]
    assert np.isnan(got.vectors[0, 0]) and np.isinf(got.vectors[1, 0])
    got = KeyedVectors.load_word2vec_format(path, unicode_errors="ignore", allow_nonfinite=True)
    assert got.index_to_key == ["dg", "cat"]
    got = KeyedVectors.load_word2vec_format(path, encoding="latin-1", allow_nonfinite=True)
    assert got.index_to_key == ["dÿg", "cat"]


def test_the_first_of_two_words_stays(tmp_path):
    path = write(tmp_path / "a", "cat 1 2\ndog 3 4\ncat 5 6\n")
    with pytest.warns(UserWarning, match="1 words occur again and are dropped, the first is 'cat'"):
        got = KeyedVectors.load(path)
    assert got.index_to_key == ["cat", "dog"]
    assert got.vectors.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("binary", [False, True])
def test_agrees_with_gensim(tmp_path, binary):
    gensim = pytest.importorskip("gensim.models")
    wv = vectors_of([w for w in WORDS if "\u00a0" not in w], size=20)
    theirs = gensim.KeyedVectors(20)
    theirs.add_vectors(wv.index_to_key, wv.vectors)
    for suffix in ("", ".gz"):
        ours, others = tmp_path / f"ours{suffix}", tmp_path / f"theirs{suffix}"
        wv.save_word2vec_format(ours, binary=binary)
        theirs.save_word2vec_format(str(others), binary=binary)
        same(KeyedVectors.load(others), wv)
        got = gensim.KeyedVectors.load_word2vec_format(str(ours), binary=binary)
        assert got.index_to_key == wv.index_to_key
        assert got.vectors.tobytes() == wv.vectors.tobytes()
    if binary:
        assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_a_full_disk_keeps_the_old_file(tmp_path, monkeypatch):
    wv = vectors_of(WORDS)

    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    for name, options in SAVERS.items():
        path = write(tmp_path / name, "old")
        with pytest.raises(OSError, match="No space left"):
            wv.save_word2vec_format(path, **options)
        assert path.read_bytes() == b"old"
    path = write(tmp_path / "own", "old")
    with pytest.raises(OSError, match="No space left"):
        wv.save(path)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == len(SAVERS) + 1


def check_read_or_refused(load, name):
    message = None
    try:
        got = load()
    except ValueError as error:
        message = str(error)
    if message is None:
        assert got.vectors.shape == (len(got.index_to_key), got.vector_size)
    else:
        assert name in message


word = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \t\r\n"), max_size=6)


@settings(max_examples=60)
@given(st.lists(word, min_size=1, max_size=6, unique=True), st.integers(1, 4), st.sampled_from(sorted(SAVERS)))
def test_any_words_round_trip(tmp_path_factory, words, size, name):
    path = tmp_path_factory.getbasetemp() / name
    wv = vectors_of(words, size)
    wv.save_word2vec_format(path, **SAVERS[name])
    options = {"no_header": name.startswith("glove")} if "bin" not in name else {"binary": True}
    same(KeyedVectors.load_word2vec_format(path, **options), wv)


@settings(max_examples=300)
@given(
    st.sampled_from(["a.txt", "glove.txt", "a.bin", "a.txt.gz", "own"]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    st.integers(0, 10**6),
    st.booleans(),
)
@pytest.mark.filterwarnings("ignore:.*occur again")
def test_damage_raises_or_is_read(tmp_path_factory, name, changes, length, cut):
    base = tmp_path_factory.getbasetemp()
    wv = vectors_of(["cat", "naïve", "of", "the"], 3)
    if name == "own":
        wv.save(base / name)
    else:
        wv.save_word2vec_format(base / name, **SAVERS[name])
    raw = bytearray((base / name).read_bytes())
    for position, value in changes:
        raw[position % len(raw)] = value
    write(base / name, bytes(raw[: length % len(raw)] if cut else raw))
    check_read_or_refused(lambda: KeyedVectors.load(base / name), name)


@settings(max_examples=200)
@given(st.binary(max_size=100))
@pytest.mark.filterwarnings("ignore:.*occur again")
def test_any_bytes_raise_or_are_read(tmp_path_factory, raw):
    path = write(tmp_path_factory.getbasetemp() / "any", raw)
    for binary in (False, True):
        check_read_or_refused(lambda b=binary: KeyedVectors.load_word2vec_format(path, binary=b), "any")


def test_lone_surrogates_survive(tmp_path):
    words = ["\ud800", "\udc80", "\udfffx\udc80", "é"]
    vectors_of(words).save(tmp_path / "a.safetensors")
    assert KeyedVectors.load(tmp_path / "a.safetensors").index_to_key == words
    vectors_of(words).save_word2vec_format(tmp_path / "a.bin", binary=True)
    assert KeyedVectors.load_word2vec_format(
        tmp_path / "a.bin", binary=True, unicode_errors="surrogatepass", limit=1
    ).index_to_key == ["\ud800"]


def test_pickles_get_advice(tmp_path):
    path = tmp_path / "gensim.model"
    path.write_bytes(pickle.dumps({"vectors": [1.0] * 100}))
    for load in (KeyedVectors.load, KeyedVectors.load_word2vec_format, Word2Vec.load):
        with pytest.raises(ValueError, match=r"pickle.*save_word2vec_format"):
            load(path)


@pytest.mark.parametrize("mmap", [False, True])
def test_a_file_of_vectors_whose_length_float32_cannot_hold_is_read_and_one_with_infinity_is_not(tmp_path, mmap):
    rows = np.eye(3, dtype=np.float32)
    rows[1] *= np.float32(1e25)
    KeyedVectors.from_arrays(["a", "long", "infinite"], rows).save(tmp_path / "v")
    wv = KeyedVectors.load(tmp_path / "v", mmap=mmap)
    assert [word for word, _ in wv.most_similar("a")] == ["long", "infinite"]
    rows[2, 0] = np.inf
    KeyedVectors.from_arrays(["a", "long", "infinite"], rows).save(tmp_path / "v")
    with pytest.raises(ValueError, match="the vector of 'infinite' holds NaN or infinity"):
        KeyedVectors.load(tmp_path / "v", mmap=mmap).most_similar("a")
