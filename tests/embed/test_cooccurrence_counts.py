"""Counts that are made by hand, changed by their user, or read from files that are damaged or made to harm."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest

from seqnn import Cooccurrence, GloVe

CORPUS = [["a", "b", "c"], ["c", "b", "d"]] * 20
SMALL = {"vector_size": 4, "min_count": 1, "epochs": 1, "verbose": 0}


def good():
    return np.array([0, 2, 4]), np.array([0, 1, 0, 1], np.int32), np.ones(4)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"indices": [1, 0, 1, 0]}, ValueError, "ascending columns in each row; Cooccurrence.from_any sorts"),
        ({"indices": [0, 0, 0, 1]}, ValueError, "ascending columns"),
        ({"indices": [0, 2, 0, 1]}, ValueError, r"indices: expected 0\.\.1, got 0\.\.2"),
        ({"indices": [0, -1, 0, 1]}, ValueError, r"indices: expected 0\.\.1, got -1"),
        ({"indices": [0, 2**31, 0, 1]}, ValueError, "indices: expected"),
        ({"indices": [0.0, 1.0, 0.0, 1.0]}, TypeError, "indices: expected a 1-D array of numbers"),
        ({"indptr": [0, 2**40, 4]}, ValueError, "indptr: expected positions that ascend from 0 to 4"),
        ({"indptr": [-5000000, 1, 4]}, ValueError, "indptr"),
        ({"indptr": [0, 3, 2, 4]}, ValueError, "indptr"),
        ({"indptr": [0, 2, 5]}, ValueError, "indptr"),
        ({"indptr": np.zeros(0, int)}, ValueError, "indptr"),
        ({"data": [1, 1, 1]}, ValueError, "indices and data: expected as many, got 4 and 3"),
        ({"data": [1, np.nan, 1, 1]}, ValueError, "data: expected finite counts > 0"),
        ({"data": [1, -1, 1, 1]}, ValueError, "data: expected finite counts > 0"),
        ({"data": ["a"] * 4}, TypeError, "data: expected"),
        ({"words": ["a"]}, ValueError, "words: expected one for each of 2 rows, got 1"),
    ],
)
def test_arrays_that_are_no_matrix_are_refused(change, error, message):
    arrays = dict(zip(("indptr", "indices", "data"), good(), strict=True))
    arrays |= {name: value if name == "words" else np.array(value) for name, value in change.items()}
    with pytest.raises(error, match=message):
        Cooccurrence(**arrays)


def test_a_good_matrix_is_taken_as_it_is():
    counts = Cooccurrence(*good(), words=["a", "b"])
    assert counts.nnz == 4 and Cooccurrence.from_any(counts) is counts
    assert Cooccurrence(np.array([0]), np.array([], int), np.array([])).nnz == 0
    assert Cooccurrence(np.array([0, 0, 1]), np.array([1]), np.array([2])).rows.tolist() == [1]


@pytest.mark.parametrize("name", ["indptr", "indices", "data"])
def test_counts_that_their_user_has_changed_are_checked_before_they_are_used(name):
    model = GloVe(CORPUS, **SMALL)
    array = getattr(model.cooccurrence_, name)
    array.setflags(write=True)
    array[:] = -5 if name == "data" else 10**6
    words = model.wv.index_to_key
    with pytest.raises(ValueError, match=f"{name}|indptr"):
        GloVe(**SMALL).fit(cooccurrence=model.cooccurrence_, vocabulary=words)


def test_unsorted_matrices_of_scipy_are_sorted():
    sparse = pytest.importorskip("scipy.sparse")
    a = sparse.random(300, 300, 0.02, format="csr", random_state=0)
    matrix = (a @ a.T).tocsr()  # indices are unsorted
    with pytest.raises(ValueError, match="ascending columns"):
        Cooccurrence(matrix.indptr, matrix.indices, matrix.data)
    counts = Cooccurrence.from_any(matrix)
    dense = sparse.csr_array((counts.data, counts.indices, counts.indptr), counts.shape).todense()
    np.testing.assert_allclose(dense, matrix.todense())
    GloVe(**SMALL).fit(cooccurrence=counts, vocabulary=[f"w{i}" for i in range(300)])


def npz(path, **change):
    indptr, indices, data = good()
    arrays = {"indices": indices, "indptr": indptr, "data": data, "shape": np.array([2, 2]), "format": np.array(b"csr")}
    np.savez(path, **{name: value for name, value in (arrays | change).items() if value is not None})
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"shape": np.array([2**28, 2**28])},
        {"shape": np.array([2**33, 2**33])},
        {"shape": np.array([-1, -1])},
        {"shape": np.array([2, 3])},
        {"shape": np.array([2])},
        {"shape": np.array([2.5, 2.5])},
        {"shape": np.array([3, 3])},
        {"indptr": np.array([0, 2**40, 4])},
        {"indptr": np.array([0, 2**33, 2**34])},
        {"indptr": np.array([0, 1, 3])},
        {"indices": np.array([0, 1, 0, 7])},
        {"indices": np.array([0, 1, 0, 2**33])},
        {"data": np.array([1, 1, -1, 1])},
        {"data": np.array([1, 1, np.inf, 1])},
        {"format": np.array(b"dia")},
        {"format": None},
        {"data": None},
        {"words": np.zeros(3, np.uint8), "word_offsets": np.array([0, 1, 2, 3])},
        {"words": np.zeros(3, np.uint8)},
        {"indices": np.array([{}] * 4, object)},
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, change):
    path = npz(tmp_path / "bad.npz", **change)
    with pytest.raises(ValueError, match=r"bad\.npz: not a sparse matrix of counts in \.npz format"):
        Cooccurrence.load(path)


def test_any_other_file_is_refused_by_name(tmp_path):
    whole = npz(tmp_path / "x.npz").read_bytes()
    rng = np.random.default_rng(0)
    cases = [b"", b"PK\x03\x04", whole[:-30], whole[: len(whole) // 2], b"text\n", bytes(1000)]
    for _ in range(60):
        changed = bytearray(whole)
        for at in rng.integers(0, len(whole), 3):
            changed[at] = rng.integers(256)
        cases.append(bytes(changed))
    refused = []
    for case in cases:
        (tmp_path / "bad.npz").write_bytes(case)
        try:
            Cooccurrence.load(tmp_path / "bad.npz")._check()
        except ValueError as error:
            refused.append(str(error))
    assert len(refused) > 6 and all("bad.npz: not a sparse matrix" in message for message in refused)
    with pytest.raises(FileNotFoundError):
        Cooccurrence.load(tmp_path / "none.npz")


def test_a_small_file_cannot_ask_for_a_large_memory(tmp_path):
    npz(tmp_path / "shape.npz", shape=np.array([2**28, 2**28]))
    with zipfile.ZipFile(tmp_path / "zeros.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("indices.npy", bytes(1 << 28))
    script = (
        "import sys, resource, seqnn\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        seqnn.Cooccurrence.load(name)\n        print('loaded')\n"
        "    except ValueError:\n        pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    names = [str(tmp_path / name) for name in ("shape.npz", "zeros.npz")]
    done = subprocess.run(
        [sys.executable, "-c", script, *names], capture_output=True, text=True, timeout=120, check=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 100e6


def test_numbers_that_are_not_dense_are_named_before_memory_is_taken():
    for index in (2**33, 2**40):
        with pytest.raises(ValueError, match="number the words densely"):
            Cooccurrence.from_any(([0, index], [1, 0], [1.0, 1.0]))
    with pytest.raises(ValueError, match=r"cols lie in -1\.\.0"):
        Cooccurrence.from_any(([0, 1], [-1, 0], [1.0, 1.0]))
    with pytest.raises(TypeError, match="cooccurrence: expected a scipy sparse matrix"):
        Cooccurrence.from_any({"a": 1})


def test_words_travel_with_their_counts(tmp_path):
    model = GloVe(CORPUS, **SMALL)
    model.cooccurrence_.save(tmp_path / "c.npz")
    counts = Cooccurrence.load(tmp_path / "c.npz")
    assert counts.words == model.wv.index_to_key and (counts.data == model.cooccurrence_.data).all()
