"""Vectors that are kept small answer every query as their float32 matrix does, lose little, and are refused where damaged."""

import numpy as np
import pytest

from seqnn import FastText, KeyedVectors, _safetensors
from seqnn.embed import (
    Analogy,
    QuantizedKeyedVectors,
    align,
    evaluate_analogies,
    load_facebook_vectors,
    nearest_neighbors,
    neighbor_agreement,
    save_facebook_model,
    weat,
)
from seqnn.embed._vectors import _compact_rows

KINDS = ["float16", "int8", "pq"]
WORDS = [f"w{i}" for i in range(600)]


@pytest.fixture(scope="module")
def wv():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((40, 25))[rng.integers(0, 40, 600)] + 0.4 * rng.standard_normal((600, 25))
    return KeyedVectors.from_arrays(WORDS, vectors.astype(np.float32), counts=np.arange(600, 0, -1))


@pytest.fixture(params=KINDS)
def small(request, wv, monkeypatch):
    monkeypatch.setattr(_compact_rows, "_BLOCK", 128)  # so that a search goes through several blocks
    return QuantizedKeyedVectors.quantize(wv, request.param)


def test_every_query_gives_what_the_float32_matrix_gives(small):
    dense = small.dequantized()
    assert type(dense) is KeyedVectors and dense.vectors.dtype == np.float32
    assert small.vectors.nbytes < dense.vectors.nbytes
    assert small.index_to_key == WORDS and "w7" in small and "x" not in small and len(small) == 600
    assert small.get_vecattr("w7", "count") == 593
    queries = {
        "vector": lambda wv: wv["w7"],
        "row": lambda wv: wv[599],
        "vectors": lambda wv: wv[["w9", "w1"]],
        "normed": lambda wv: wv.get_vectors(["w9"], norm=True),
        "mean": lambda wv: wv.get_vectors(["w9", "unknown"], missing="mean"),
        "all normed": lambda wv: wv.get_normed_vectors(),
        "norms": lambda wv: wv.norms,
        "most_similar": lambda wv: wv.most_similar(["w1", "w5"], ["w9"], topn=20),
        "clipped": lambda wv: wv.most_similar("w1", topn=9, clip_start=100, clip_end=300),
        "all cosines": lambda wv: wv.most_similar("w1", topn=None),
        "batch": lambda wv: wv.most_similar_batch(WORDS[:50], topn=5),
        "cosmul": lambda wv: wv.most_similar_cosmul(["w1", "w5"], ["w9"]),
        "by vector": lambda wv: wv.similar_by_vector(np.ones(25), topn=3),
        "neighbors": lambda wv: nearest_neighbors(np.ones((2, 25)), wv.vectors, 7, exclude=[[1], [2]]),
        "similarity": lambda wv: wv.similarity("w1", "w2"),
        "distances": lambda wv: wv.distances("w1"),
        "distances of some": lambda wv: wv.distances("w1", ["w3", "w4"]),
        "n_similarity": lambda wv: wv.n_similarity(["w1", "w2"], ["w3"]),
        "doesnt_match": lambda wv: wv.doesnt_match(["w1", "w2", "w3"]),
        "closer_than": lambda wv: wv.closer_than("w1", "w2"),
        "rank": lambda wv: wv.rank("w1", "w2"),
        "some": lambda wv: wv.vectors_for_all(["w3", "w1"]).vectors,
        "weat": lambda wv: weat(wv, WORDS[:3], WORDS[3:6], WORDS[6:8], WORDS[8:10]),
        "analogies": lambda wv: evaluate_analogies(wv, [Analogy("s", *WORDS[i : i + 3], ("w30",)) for i in range(20)]),
        "3cosmul": lambda wv: evaluate_analogies(wv, [Analogy("s", *WORDS[:3], ("w30",))], method="3cosmul"),
        "aligned": lambda wv: align(wv, wv, None).rotation,
    }
    for name, ask in queries.items():
        got, expected = ask(small), ask(dense)
        if isinstance(got, list) and got and isinstance(got[0], tuple):
            assert [word for word, _ in got] == [word for word, _ in expected], name
            np.testing.assert_allclose([s for _, s in got], [s for _, s in expected], atol=1e-5, err_msg=name)
        elif name == "batch":
            assert [[w for w, _ in some] for some in got] == [[w for w, _ in some] for some in expected]
        elif isinstance(got, list | str):
            assert got == expected, name
        elif name in ("analogies", "3cosmul"):
            assert got == expected
        else:
            for ours, theirs in zip(np.atleast_1d(got), np.atleast_1d(expected), strict=True):
                np.testing.assert_allclose(ours, theirs, atol=1e-5, err_msg=name)


def test_the_loss_is_small(wv):
    agreement = {kind: neighbor_agreement(wv, QuantizedKeyedVectors.quantize(wv, kind)) for kind in KINDS}
    assert agreement["float16"] > 0.99 and agreement["int8"] > 0.97 and agreement["pq"] > 0.8
    int8 = np.asarray(QuantizedKeyedVectors.quantize(wv, "int8").vectors)
    assert (np.abs(int8 - wv.vectors) <= np.abs(wv.vectors).max(1, keepdims=True) / 254 * 1.001).all()
    assert neighbor_agreement(wv, wv, ["w1"], topn=3) == 1


@pytest.mark.parametrize("mmap", [True, False])
def test_a_file_is_small_and_comes_back_as_it_was(small, wv, tmp_path, mmap):
    small.save(tmp_path / "small")
    wv.save(tmp_path / "large")
    assert (tmp_path / "small").stat().st_size < (tmp_path / "large").stat().st_size
    back = KeyedVectors.load(tmp_path / "small", mmap=mmap)
    assert type(back) is QuantizedKeyedVectors and back.kind == small.kind
    np.testing.assert_array_equal(np.asarray(back.vectors), np.asarray(small.vectors))
    assert back.most_similar("w3") == small.most_similar("w3") and back.get_vecattr("w0", "count") == 600
    first = KeyedVectors.load(tmp_path / "small", mmap=mmap, limit=300)
    assert first.kind == small.kind and first.index_to_key == WORDS[:300]
    np.testing.assert_array_equal(first["w299"], small["w299"])
    back.save_word2vec_format(tmp_path / "text")
    np.testing.assert_array_equal(KeyedVectors.load(tmp_path / "text").vectors, np.asarray(small.vectors))


def test_they_cannot_be_changed(small):
    reason = r"quantised vectors cannot be given or changed; .*dequantized\(\) gives vectors that can be changed"
    for change in (
        lambda: small.add_vector("new", np.ones(25)),
        lambda: small.__setitem__("w1", np.ones(25)),
        lambda: setattr(small, "vectors", np.ones((600, 25))),
        lambda: small.unit_normalize_all(),
        lambda: QuantizedKeyedVectors.from_arrays(["a"], np.ones((1, 2))),
    ):
        with pytest.raises(TypeError, match=reason):
            change()
    assert small.index_to_key == WORDS and len(small.vectors) == 600
    small.sort_by_descending_frequency()
    assert small.index_to_key == WORDS and type(small.vectors).kind == small.kind


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_refused(wv, tmp_path, kind):
    path = tmp_path / "v"
    QuantizedKeyedVectors.quantize(wv, kind).save(path)
    tensors, metadata = _safetensors.load(path)
    for name in set(tensors) - {"words", "offsets", "attribute.count"}:
        for damage in (lambda x: x[:-1], lambda x: x.astype(np.float64), lambda x: x[None]):
            _safetensors.save(path, {**tensors, name: np.ascontiguousarray(damage(tensors[name]))}, metadata)
            with pytest.raises(ValueError, match="words, offsets, vectors and attributes do not belong together"):
                KeyedVectors.load(path)
        _safetensors.save(path, {key: value for key, value in tensors.items() if key != name}, metadata)
        with pytest.raises(ValueError, match="do not belong together"):
            KeyedVectors.load(path)
    _safetensors.save(path, tensors, metadata | {"seqnn.quantized": "int4"})
    with pytest.raises(ValueError, match="do not belong together"):
        KeyedVectors.load(path)


def test_bad_input_is_named(wv, tmp_path):
    with pytest.raises(ValueError, match="kind: expected 'float16', 'int8' or 'pq', got 'int4'"):
        QuantizedKeyedVectors.quantize(wv, "int4")
    with pytest.raises(ValueError, match="part: expected at most 25, got 26"):
        QuantizedKeyedVectors.quantize(wv, "pq", part=26)
    with pytest.raises(TypeError, match="vectors: expected KeyedVectors, got int"):
        QuantizedKeyedVectors.quantize(5)
    few = KeyedVectors.from_arrays(WORDS[:200], wv.vectors[:200])
    with pytest.raises(ValueError, match="expected a matrix of 256 rows or more, got 200"):
        QuantizedKeyedVectors.quantize(few, "pq")
    broken = KeyedVectors.from_arrays(["a"], np.array([[1, np.nan]]))
    with pytest.raises(ValueError, match="vectors: expected finite vectors, got NaN or infinity"):
        QuantizedKeyedVectors.quantize(broken)
    with pytest.raises(ValueError, match=r"numbers up to 65504, .* kind='int8' scales each row"):
        QuantizedKeyedVectors.quantize(KeyedVectors.from_arrays(["a"], np.array([[1, 1e6]])), "float16")
    with pytest.raises(ValueError, match="words: expected at least one word that both vectors have, got none"):
        neighbor_agreement(wv, broken)
    model = FastText([["night", "day"]] * 9, vector_size=4, min_count=1, bucket=50, sample=0, verbose=0)
    save_facebook_model(model, tmp_path / "m.bin")
    ngrams = load_facebook_vectors(tmp_path / "m.bin")
    with pytest.raises(TypeError, match=r"these have n-grams, which would be lost; wv.vectors_for_all"):
        QuantizedKeyedVectors.quantize(ngrams)
    assert (
        QuantizedKeyedVectors.quantize(ngrams.vectors_for_all(ngrams.index_to_key)).index_to_key == ngrams.index_to_key
    )


def test_a_zero_vector_stays_zero_and_no_vectors_are_no_vectors():
    wv = KeyedVectors.from_arrays(["zero", "one"], np.array([[0.0, 0.0], [0.0, 1.0]]))
    for kind in ("float16", "int8"):
        small = QuantizedKeyedVectors.quantize(wv, kind)
        assert not small["zero"].any() and small.most_similar("one") == [("zero", 0.0)]
        assert len(QuantizedKeyedVectors.quantize(KeyedVectors(3), kind)) == 0


def test_a_search_may_be_among_given_words(small):
    dense, mask = small.dequantized(), np.arange(600) % 7 == 0
    for among in (mask, mask.tolist(), ["w9", "w3", "w5"]):
        expected = dense.most_similar_batch(["w3", "w8"], topn=5, among=among)
        found = small.most_similar_batch(["w3", "w8"], topn=5, among=among)
        assert [[key for key, _ in some] for some in found] == [[key for key, _ in some] for some in expected]
        np.testing.assert_allclose(
            [s for some in found for _, s in some], [s for some in expected for _, s in some], atol=1e-5
        )
    assert small.most_similar("w3", among=[]) == []


def test_rows_are_chosen_as_numpy_chooses_them(small):
    dense = small.dequantized().vectors
    for rows in (
        -1,
        np.int64(3),
        np.array(3),
        [5, 2],
        [],
        slice(2, 9, 3),
        np.array([[1, 2], [3, 4]]),
        np.arange(600) < 2,
    ):
        np.testing.assert_array_equal(small.vectors[rows], dense[rows])
    with pytest.raises(IndexError, match="index 600 is out of bounds"):
        small.vectors[600]
    with pytest.raises(IndexError, match="expected rows, as vectors\\[rows\\], got \\(1, 2\\)"):
        small.vectors[1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_of_one_number_are_quantised(kind):
    wv = KeyedVectors.from_arrays(WORDS[:300], np.linspace(-1, 1, 300)[:, None])
    small = QuantizedKeyedVectors.quantize(wv, kind)
    np.testing.assert_allclose(small.vectors[:], wv.vectors, atol=0.01)
    if kind != "pq":
        one = QuantizedKeyedVectors.quantize(KeyedVectors.from_arrays(["cat"], [[2.0]]), kind)
        assert one["cat"].tolist() == [2.0] and one.most_similar([np.ones(1)]) == [("cat", 1.0)]


def test_numbers_at_the_ends_of_float32_keep_their_signs_or_are_refused():
    tiny = KeyedVectors.from_arrays(["a"], np.array([[1.8e-43, 1e-44]], np.float32))
    assert (QuantizedKeyedVectors.quantize(tiny, "int8")["a"] > 0).all()
    with pytest.raises(ValueError, match=r"quantize: expected numbers up to 3\.4e38"):
        QuantizedKeyedVectors.quantize(KeyedVectors.from_arrays(["a"], np.array([[1e300]])), "int8")
    with pytest.raises(ValueError, match="kind: expected 'float16', 'int8' or 'pq', got"):
        QuantizedKeyedVectors.quantize(tiny, ["int8"])
