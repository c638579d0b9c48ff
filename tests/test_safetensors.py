import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seqnn._safetensors import load, save

DTYPES = ["f8", "f4", "f2", "c8", "?", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1"]
TENSORS = {f"t.{code}": np.arange(6).reshape(2, 3).astype(code) for code in DTYPES}
TENSORS |= {"scalar": np.array(2.5), "empty": np.zeros((0, 4), np.float32), "naïve": np.ones(3, np.int8)}


def same(got, expected):
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert got[name].dtype == array.dtype and got[name].shape == array.shape, name
        assert got[name].tobytes() == array.tobytes(), name


def write(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize("mmap", [True, False])
def test_round_trip(tmp_path, mmap):
    path = tmp_path / "a.safetensors"
    save(path, TENSORS, {"epoch": "3", "naïve": "ü"})
    tensors, metadata = load(path, mmap=mmap)
    same(tensors, TENSORS)
    assert metadata == {"epoch": "3", "naïve": "ü"}
    assert all(a.flags.writeable != mmap or not a.size for a in tensors.values())
    assert all(a.flags.aligned for a in tensors.values())
    size = int.from_bytes(path.read_bytes()[:8], "little")
    assert size % 8 == 0


def test_agrees_with_the_library(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    tensors = {k: v for k, v in TENSORS.items() if v.dtype != np.complex64}
    save(ours, tensors, {"a": "b"})
    same(library.load_file(ours), tensors)
    library.save_file(tensors, theirs, {"a": "b"})
    same(load(theirs)[0], tensors)
    assert load(theirs)[1] == {"a": "b"}


def test_any_layout_and_byte_order(tmp_path):
    path = tmp_path / "a"
    wide = np.arange(400.0).reshape(20, 20)
    tensors = {"strided": wide[::2, 1:7], "transposed": wide.T, "big": wide.astype(">f4")}
    save(path, tensors)
    for name, array in load(path)[0].items():
        np.testing.assert_array_equal(array, tensors[name])
        assert array.dtype.isnative


def test_large_arrays_are_written_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("seqnn._safetensors._CHUNK", 100)
    tensors = {"a": np.arange(1000.0).reshape(50, 20)[:, :7], "b": np.arange(77, dtype=np.int16)}
    save(tmp_path / "a", tensors)
    same(load(tmp_path / "a")[0], tensors)


def test_bfloat16_is_uint16(tmp_path):
    values = np.array([0x3F80, 0xC000], np.uint16)  # 1.0, -2.0
    save(tmp_path / "a", {"x": values}, bfloat16={"x"})
    assert b'"dtype":"BF16"' in (tmp_path / "a").read_bytes()
    same(load(tmp_path / "a")[0], {"x": values})
    with pytest.raises(TypeError, match="bfloat16 bits must be uint16"):
        save(tmp_path / "a", {"x": np.ones(2)}, bfloat16=["x"])
    with pytest.raises(ValueError, match="bfloat16 names no tensor"):
        save(tmp_path / "a", {"x": values}, bfloat16=["y"])


def test_a_mapped_file_can_be_saved_over(tmp_path):
    path = tmp_path / "a"
    save(path, {"x": np.arange(5.0)})
    tensors, _ = load(path)
    save(path, {"x": tensors["x"] + 1})
    assert load(path)[0]["x"].tolist() == [1, 2, 3, 4, 5]
    assert tensors["x"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("tensors", "metadata", "error", "words"),
    [
        ({"a": np.array(["x"])}, None, TypeError, "'a': dtype <U1"),
        ({"a": np.array([None])}, None, TypeError, "'a': dtype object"),
        ({"__metadata__": np.ones(1)}, None, ValueError, "name must be text other than"),
        ({3: np.ones(1)}, None, ValueError, "name must be text"),
        ({"a": np.ones(1)}, {"x": 3}, TypeError, "metadata must map text to text"),
    ],
)
def test_what_cannot_be_saved(tmp_path, tensors, metadata, error, words):
    with pytest.raises(error, match=words):
        save(tmp_path / "a", tensors, metadata)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        (b"{", b"", "not valid JSON"),
        (b'{"a": \xff}', b"", "not valid JSON"),
        (b"[" * 100000, b"", "not valid JSON"),
        (b"[1]", b"", "must be a JSON object, got list"),
        (b'{"a": 1, "a": 2}', b"", "a name occurs twice"),
        ({"__metadata__": {"a": 1}}, b"", "__metadata__ must map text to text"),
        ({"__metadata__": [1]}, b"", "__metadata__ must map text to text"),
        ({"a": 3}, b"", "tensor 'a': dtype, shape and data_offsets are expected"),
        ({"a": {"dtype": "F32"}}, b"", "tensor 'a': dtype, shape and data_offsets are expected"),
        ({"a": entry("F31")}, bytes(8), "dtype 'F31' is not known"),
        ({"a": entry([1])}, bytes(8), "is not known"),
        ({"a": entry(shape=[3])}, bytes(8), "takes 12 bytes, data_offsets give 8"),
        ({"a": entry(shape=[-1, -2])}, bytes(8), "shape must be a list of integers >= 0"),
        ({"a": entry(shape=[True, 2])}, bytes(8), "shape must be a list of integers >= 0"),
        ({"a": entry(shape=[2.0])}, bytes(8), "shape must be a list of integers >= 0"),
        ({"a": entry(shape=[0, 2**70], offsets=[0, 0])}, b"", "tensor 'a': shape"),
        ({"a": entry(shape=[1] * 70, offsets=[0, 4])}, bytes(4), "tensor 'a': shape"),
        ({"a": entry(offsets=[0, 9])}, bytes(8), "do not lie in the 8 bytes"),
        ({"a": entry(offsets=[8, 0])}, bytes(8), "do not lie in the 8 bytes"),
        ({"a": entry(offsets=[0])}, bytes(8), "do not lie in the 8 bytes"),
        ({"a": entry(offsets=[0, 10**30])}, bytes(8), "do not lie in the 8 bytes"),
        ({"a": entry(), "b": entry(offsets=[4, 12])}, bytes(12), "'b' at 4 overlaps"),
        ({"a": entry(offsets=[4, 12])}, bytes(12), "'a' at 4 leaves a hole"),
        ({"a": entry()}, bytes(9), "the tensors take 8 bytes, the file holds 9"),
    ],
)
@pytest.mark.parametrize("mmap", [True, False])
def test_damaged_files(tmp_path, header, data, words, mmap):
    path = write(tmp_path / "bad.safetensors", header, data)
    with pytest.raises(ValueError, match=words) as caught:
        load(path, mmap=mmap)
    assert "bad.safetensors" in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"abc", bytes(8), (9).to_bytes(8, "little") + b"{}", b"\xff" * 20])
def test_no_safetensors_file(tmp_path, raw):
    path = tmp_path / "bad"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="bad"):
        load(path)


def test_a_huge_header_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("seqnn._safetensors._MAX_HEADER", 10)
    with pytest.raises(ValueError, match="at most 10 are allowed"):
        save(tmp_path / "a", {"a": np.ones(1)})
    with pytest.raises(ValueError, match="at most 10 are allowed"):
        load(write(tmp_path / "a", {"a": entry()}, bytes(8)))


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.text(max_size=5).filter(lambda s: s.isprintable()),
        hnp.arrays(st.sampled_from([np.float64, np.int16, np.uint8, bool]), hnp.array_shapes(min_dims=0, min_side=0)),
        max_size=4,
    ),
    st.dictionaries(
        st.text(max_size=5).filter(str.isprintable), st.text(max_size=5).filter(str.isprintable), max_size=3
    ),
)
def test_round_trip_of_anything(tmp_path_factory, tensors, metadata):
    path = tmp_path_factory.getbasetemp() / "anything"
    save(path, tensors, metadata)
    got, text = load(path)
    same(got, tensors)
    assert text == metadata


@settings(max_examples=300)
@given(st.integers(0, 10**6), st.integers(0, 255), st.integers(0, 10**6), st.booleans())
def test_damage_raises_or_is_read(tmp_path_factory, position, value, length, cut):
    """One byte changed, and perhaps the end cut off: a ValueError, or arrays within the file."""
    base = tmp_path_factory.getbasetemp()
    save(base / "good", {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(4, dtype=np.int32)}, {"k": "v"})
    raw = bytearray((base / "good").read_bytes())
    raw[position % len(raw)] = value
    raw = raw[: length % len(raw)] if cut else raw
    (base / "damaged").write_bytes(raw)
    try:
        tensors, _ = load(base / "damaged")
    except ValueError:
        return
    assert sum(a.nbytes for a in tensors.values()) < os.path.getsize(base / "damaged")
    assert all(a.sum() is not None for a in tensors.values())
