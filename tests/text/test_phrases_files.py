"""Files of phrases that are damaged are refused by name, or used without harm."""

import json
import warnings

import numpy as np
import pytest

from seqnn import Phrases, _safetensors
from seqnn.text import FrozenPhrases

CORPUS = [["new", "york", "city", "is", "big"], ["the", "city", "of", "new", "york"]] * 9


def made(kind):
    phrases = Phrases(CORPUS, min_count=1, threshold=0.1)
    return phrases if kind is Phrases else phrases.freeze()


def places(record, path=()):
    """Every place in nested dicts."""
    for key, value in record.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from places(value, (*path, key))


def changed(record, path, value):
    """A copy with another value at a place; ... removes it."""
    copy = json.loads(json.dumps(record))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return copy


def use(phrases):
    """Everything that reads what a file has given."""
    list(phrases[CORPUS])
    if isinstance(phrases, Phrases):
        phrases.export_phrases()
        phrases.add_vocab(CORPUS)
        len(phrases.vocab)
    else:
        len(phrases.phrasegrams)


def read(kind, path):
    """Read and use a file, or get the ValueError that names it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            loaded = kind.load(path)
        except ValueError as error:
            return str(error)
        use(loaded)
    return str(path)


@pytest.mark.parametrize("kind", [Phrases, FrozenPhrases])
def test_a_wrong_record_is_refused_by_name(tmp_path, kind):
    made(kind).save(tmp_path / "m")
    tensors, metadata = _safetensors.load(tmp_path / "m")
    key = f"seqnn.{kind.__name__}"
    record = json.loads(metadata[key])
    for place in list(places(record)):
        for value in (..., None, -1, "x", [], {}, 2**70, 1.5, True, [1], float("nan")):
            text = json.dumps(changed(record, place, value))
            _safetensors.save(tmp_path / "bad", tensors, metadata | {key: text})
            assert str(tmp_path / "bad") in read(kind, tmp_path / "bad"), (place, value)


@pytest.mark.parametrize("kind", [Phrases, FrozenPhrases])
def test_wrong_arrays_are_refused_by_name(tmp_path, kind):
    made(kind).save(tmp_path / "m")
    tensors, metadata = _safetensors.load(tmp_path / "m")
    rng = np.random.default_rng(0)
    for name, array in tensors.items():
        shapes = [array[:-1], np.append(array, array[-1:]), array.astype("f4"), array.reshape(-1, 1), array[:0]]
        for _ in range(30):
            other = array.copy()
            values = [np.nan, np.inf, -1] if other.dtype.kind == "f" else [0, 1, 2, 5, 100, np.iinfo(other.dtype).max]
            other[rng.integers(len(other))] = values[rng.integers(len(values))]
            shapes.append(other)
        for other in shapes:
            _safetensors.save(tmp_path / "bad", tensors | {name: other}, metadata)
            assert str(tmp_path / "bad") in read(kind, tmp_path / "bad"), name
        _safetensors.save(tmp_path / "bad", {k: v for k, v in tensors.items() if k != name}, metadata)
        assert "damaged" in read(kind, tmp_path / "bad")


def test_counts_that_nothing_reaches_find_nothing():
    assert Phrases(CORPUS, min_count=2**62, threshold=0.1).export_phrases() == {}
    for count in (2**63, 1e30, 10**400):
        with pytest.raises(ValueError, match="min_count: expected a"):
            Phrases(CORPUS, min_count=count)
