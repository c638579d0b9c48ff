"""Files of vectors as people have them: pipes, archives, byte-order marks, wrong headers, odd words, damage."""

import bz2
import gzip
import lzma
import os
import re
import threading
import zipfile

import numpy as np
import pytest

from seqnn import GloVe, KeyedVectors, Word2Vec, _safetensors
from seqnn.embed import load_facebook_vectors

TEXT = "3 2\ncat 1 2\ndog 3 4\ncafé 5 6.5\n"
WORDS = ["cat", "dog", "café"]
ROWS = [[1, 2], [3, 4], [5, 6.5]]


def vectors():
    return KeyedVectors.from_arrays(WORDS, np.array(ROWS, np.float32))


def content(form):
    """The bytes of a file in one of the formats."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x")
        if form == "safetensors":
            vectors().save(path)
        else:
            vectors().save_word2vec_format(path, binary=form == "binary", write_header=form != "glove")
        with open(path, "rb") as file:
            return file.read()


def piped(path, data):
    """Make a FIFO that a thread writes `data` to."""
    os.mkfifo(path)

    def write():
        try:
            with open(path, "wb") as file:
                file.write(data)
        except BrokenPipeError:
            pass

    threading.Thread(target=write, daemon=True).start()
    return path


def zipped(data, *, members=("glove.txt",), folder=False):
    import io

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        if folder:
            archive.mkdir("folder")
            archive.writestr("__MACOSX/._glove.txt", b"\0")
        for member in members:
            archive.writestr(member, data)
    return file.getvalue()


PACK = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zip": zipped}


def check(wv):
    assert wv.index_to_key == WORDS and wv.vectors.tolist() == ROWS


@pytest.mark.parametrize("form", ["text", "glove", "binary", "safetensors"])
@pytest.mark.parametrize("packing", PACK)
def test_vectors_are_read_from_files_fifos_and_open_descriptors_packed_or_not(tmp_path, form, packing):
    data = PACK[packing](content(form))
    (tmp_path / "file").write_bytes(data)
    check(KeyedVectors.load(tmp_path / "file"))
    check(KeyedVectors.load(piped(tmp_path / "fifo", data)))
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    try:
        check(KeyedVectors.load(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)
    if form in ("text", "binary"):
        check(KeyedVectors.load_word2vec_format(piped(tmp_path / "second", data), binary=form == "binary"))


def test_a_large_file_comes_whole_through_a_pipe(tmp_path):
    lines = [f"w{i} {i} {i + 0.5}" for i in range(60_000)]
    data = ("\n".join([f"{len(lines)} 2", *lines]) + "\n").encode()
    wv = KeyedVectors.load(piped(tmp_path / "fifo", data))
    assert len(wv) == 60_000 and wv["w59999"].tolist() == [59999, 59999.5]


@pytest.mark.parametrize("form", ["text", "glove"])
def test_a_byte_order_mark_belongs_to_no_word(tmp_path, form):
    (tmp_path / "v").write_bytes(b"\xef\xbb\xbf" + content(form))
    check(KeyedVectors.load(tmp_path / "v"))
    check(KeyedVectors.load_word2vec_format(tmp_path / "v", no_header=form == "glove"))


def test_a_header_may_begin_with_blanks(tmp_path):
    (tmp_path / "v").write_text(" " + TEXT)
    check(KeyedVectors.load(tmp_path / "v"))


def test_archives_of_other_numbers_of_files_and_of_other_programs_are_named(tmp_path):
    cases = {
        "two.zip": (
            zipped(b"cat 1 2\n", members=("a.txt", "b.txt")),
            "a zip archive of 2 files .a.txt, b.txt.; .*unzip",
        ),
        "none.zip": (zipped(b"", members=()), "a zip archive of 0 files .empty."),
        "v.zst": (b"\x28\xb5\x2f\xfd" + bytes(40), "packed by Zstandard, which is not read: unpack it first"),
        "v.7z": (b"7z\xbc\xaf\x27\x1c" + bytes(40), "packed by 7-Zip"),
        "v.rar": (b"Rar!\x1a\x07" + bytes(40), "packed by RAR"),
    }
    for name, (data, message) in cases.items():
        (tmp_path / name).write_bytes(data)
        for read in (KeyedVectors.load, load_facebook_vectors, lambda path: Word2Vec(path, min_count=1)):
            with pytest.raises(ValueError, match=f"{name}: .*{message}"):
                read(tmp_path / name)
    (tmp_path / "mac.zip").write_bytes(zipped(TEXT.encode(), folder=True))
    check(KeyedVectors.load(tmp_path / "mac.zip"))


@pytest.mark.parametrize("packing", ["gz", "bz2", "xz", "zip"])
def test_a_packed_file_that_is_cut_or_damaged_is_named(tmp_path, packing):
    data = PACK[packing](b"".join(b"word%d %d 2\n" % (i, i * 7919 % 1000) for i in range(5000)))
    for name, changed in {"cut": data[: len(data) // 2], "damaged": data[:200] + bytes(64) + data[264:]}.items():
        (tmp_path / name).write_bytes(changed)
        with pytest.raises(ValueError, match=name):
            KeyedVectors.load(tmp_path / name)


def test_wrong_headers_name_the_way_out(tmp_path):
    (tmp_path / "high").write_text(TEXT.replace("3 2", "5 2"))
    with pytest.raises(
        ValueError, match=r"promises 5 vectors, the file holds 3: truncated.*limit=3 reads these"
    ) as caught:
        KeyedVectors.load(tmp_path / "high")
    assert isinstance(caught.value, EOFError)  # as in gensim
    check(KeyedVectors.load(tmp_path / "high", limit=3))
    (tmp_path / "low").write_text(TEXT.replace("3 2", "2 2"))
    with pytest.raises(ValueError, match=r"line 4 is one more.*limit=2"):
        KeyedVectors.load(tmp_path / "low")
    assert KeyedVectors.load(tmp_path / "low", limit=2).index_to_key == WORDS[:2]
    (tmp_path / "high.bin").write_bytes(content("binary").replace(b"3 2", b"5 2"))
    for read in (KeyedVectors.load, lambda path: KeyedVectors.load_word2vec_format(path, binary=True)):
        with pytest.raises(EOFError, match="promises 5 vectors, the file holds 3"):
            read(tmp_path / "high.bin")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 2\na 1_000 2\nb 3 4\n", "line 2 ends in 1 numbers, 2 are expected: 'a 1_000 2'"),
        ("2 2\na  2\nb 4 5\n", "line 2"),
        ("cat 1 2\rdog 3 4\r", r"its lines end in \\r alone; convert them to \\n first"),
    ],
)
def test_lines_that_only_look_like_vectors_are_refused(tmp_path, text, message):
    (tmp_path / "v").write_bytes(text.encode())
    with pytest.raises(ValueError, match=message):
        KeyedVectors.load(tmp_path / "v")


def test_what_an_error_advises_is_there(tmp_path):
    (tmp_path / "nan").write_text("cat nan 2\ndog 3 4\n")
    with pytest.raises(ValueError, match="allow_nonfinite=True"):
        KeyedVectors.load(tmp_path / "nan")
    assert np.isnan(KeyedVectors.load(tmp_path / "nan", allow_nonfinite=True)["cat"][0])
    (tmp_path / "cut").write_bytes("café 1 2\n".encode()[:4] + b" 1 2\ndog 3 4\n")
    with pytest.raises(UnicodeDecodeError, match="unicode_errors='replace' or 'ignore' reads on"):
        KeyedVectors.load(tmp_path / "cut")
    assert KeyedVectors.load(tmp_path / "cut", unicode_errors="ignore").index_to_key == ["caf", "dog"]
    (tmp_path / "latin").write_bytes("café 1 2\n".encode("latin-1"))
    assert KeyedVectors.load(tmp_path / "latin", encoding="latin-1").index_to_key == ["café"]


def test_a_vocabulary_file_may_lack_words_and_has_the_encoding_of_the_vectors(tmp_path):
    (tmp_path / "v").write_bytes(TEXT.encode("latin-1"))
    (tmp_path / "counts").write_bytes("cat 7\ncafé 5\n".encode("latin-1"))
    with pytest.warns(UserWarning, match="counts has no count for 1 words, the first is 'dog': they get 0"):
        wv = KeyedVectors.load_word2vec_format(tmp_path / "v", tmp_path / "counts", encoding="latin-1")
    assert [wv.get_vecattr(word, "count") for word in WORDS] == [7, 0, 5]
    (tmp_path / "utf8").write_text(TEXT)
    with pytest.raises(UnicodeDecodeError, match="counts: line 2: the word is not valid utf-8"):
        KeyedVectors.load_word2vec_format(tmp_path / "utf8", tmp_path / "counts")
    (tmp_path / "counts").write_text("cat seven\n")
    with pytest.raises(ValueError, match='counts: line 1: expected "word count"'):
        KeyedVectors.load_word2vec_format(tmp_path / "utf8", tmp_path / "counts")


@pytest.mark.parametrize(
    "read", [KeyedVectors.load, KeyedVectors.load_word2vec_format, load_facebook_vectors, Word2Vec.load]
)
def test_an_open_file_is_refused_by_name_and_bytes_are_a_path(tmp_path, read):
    (tmp_path / "v").write_text(TEXT)
    with (
        open(tmp_path / "v", "rb") as file,
        pytest.raises(TypeError, match=r"path: expected a str or os\.PathLike, got an open"),
    ):
        read(file)
    if read is KeyedVectors.load:
        check(read(os.fsencode(tmp_path / "v")))


@pytest.mark.parametrize("kind", ["words twice", "not finite"])
def test_damage_of_our_own_files_is_found_when_it_matters(tmp_path, kind):
    wv = vectors()
    wv.save(tmp_path / "v")
    tensors, metadata = _safetensors.load(tmp_path / "v")
    tensors = {name: array.copy() for name, array in tensors.items()}
    if kind == "words twice":
        tensors["words"][:3] = tensors["words"][3:6]
    else:
        tensors["vectors"][1, 0] = np.nan
    _safetensors.save(tmp_path / "v", tensors, metadata)
    message = "the word 'dog' occurs twice" if kind == "words twice" else "the vector of 'dog' holds NaN"
    with pytest.raises(ValueError, match=rf"{re.escape(str(tmp_path))}.*{message}"):
        KeyedVectors.load(tmp_path / "v").most_similar("cat")
    if kind == "not finite":
        with pytest.raises(ValueError, match=message):
            KeyedVectors.load(tmp_path / "v")[["cat", "dog"]]
        with pytest.raises(ValueError, match=message):
            KeyedVectors.load(tmp_path / "v", mmap=False)


def test_a_model_file_cannot_read_other_files_train_or_hang(tmp_path):
    import json

    (tmp_path / "secret").write_text("password hunter2 password hunter2\n")
    os.mkfifo(tmp_path / "fifo")
    Word2Vec(vector_size=4).save(tmp_path / "m")
    tensors, metadata = _safetensors.load(tmp_path / "m")
    record = json.loads(metadata["seqnn.Word2Vec"])
    bad = {
        "corpus_file": str(tmp_path / "secret"), "sentences": [["x", "y"]] * 9, "callbacks": [1], "tokenizer": "os.system",
        "min_count": 1,
    }  # fmt: skip
    for more in (bad, bad | {"corpus_file": str(tmp_path / "fifo"), "sentences": None}):
        changed = record | {"options": record["options"] | more}
        _safetensors.save(tmp_path / "bad", tensors, metadata | {"seqnn.Word2Vec": json.dumps(changed)})
        model = Word2Vec.load(tmp_path / "bad")
        assert len(model.wv) == 0 and model.history_ == [] and model.min_count == 1 and model.tokenizer is None


@pytest.mark.parametrize(
    "options", [{"workers": 10**6}, {"workers": "x"}, {"vector_size": -1}, {"epochs": None}, {"alpha": float("nan")}]
)
def test_impossible_settings_in_a_model_file_are_refused_when_it_is_read(tmp_path, options):
    import json

    for kind in (Word2Vec, GloVe):
        name = f"seqnn.{kind.__name__}"
        kind(vector_size=4).save(tmp_path / "m")
        tensors, metadata = _safetensors.load(tmp_path / "m")
        record = json.loads(metadata[name])
        if not options.keys() <= record["options"].keys():
            continue
        changed = json.dumps(record | {"options": record["options"] | options})
        _safetensors.save(tmp_path / "bad", tensors, metadata | {name: changed})
        with pytest.raises(ValueError, match=f"bad: .*{next(iter(options))}"):
            kind.load(tmp_path / "bad")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{}", "[]", "5", '{"options": 3}', '{"options": {}, "state": null}', "{", "nul"]
)
def test_a_model_file_whose_record_is_nonsense_is_refused_by_name(tmp_path, text):
    from seqnn.text import FrozenPhrases, Phrases

    corpus = [["new", "york", "city"]] * 9
    kinds = {
        Word2Vec: Word2Vec(corpus, vector_size=4, min_count=1, sample=0, verbose=0),
        GloVe: GloVe(corpus, vector_size=4, min_count=1, verbose=0),
        Phrases: Phrases(corpus, min_count=1, threshold=0.1),
        FrozenPhrases: Phrases(corpus, min_count=1, threshold=0.1).freeze(),
    }
    for kind, made in kinds.items():
        made.save(tmp_path / "m")
        tensors, metadata = _safetensors.load(tmp_path / "m")
        key = f"seqnn.{kind.__name__}"
        assert key in metadata
        _safetensors.save(tmp_path / "bad", tensors, metadata | {key: text})
        with pytest.raises(ValueError, match="bad: damaged"):
            kind.load(tmp_path / "bad")
