"""Sequences of unequal length as arrays."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnn.text import length_buckets, pad, truncate, windows

SEQUENCES = st.lists(st.lists(st.integers(-5, 5), max_size=7), max_size=6)


@given(SEQUENCES, st.sampled_from(["left", "right"]), st.integers(1, 4))
def test_pad_keeps_every_element(sequences, side, multiple):
    out, lengths = pad(sequences, value=99, side=side, multiple_of=multiple)
    assert out.shape[0] == len(sequences) and out.shape[1] % multiple == 0 and lengths.dtype == np.int32
    for row, length, sequence in zip(out, lengths, sequences, strict=True):
        kept, filled = (
            (row[:length], row[length:]) if side == "right" else (row[len(row) - length :], row[: len(row) - length])
        )
        assert kept.tolist() == sequence and (filled == 99).all()


def test_pad_vectors_and_errors():
    out, lengths = pad([np.ones((2, 3), np.float32), np.zeros((0, 3), np.float32)], length=4)
    assert out.shape == (2, 4, 3) and out.dtype == np.float32 and out.sum() == 6 and lengths.tolist() == [2, 0]
    assert pad([])[0].shape == (0, 0)
    with pytest.raises(ValueError, match="sequence 1 has 3 elements, more than length=2"):
        pad([[1], [1, 2, 3]], length=2)
    with pytest.raises(ValueError, match="one shape"):
        pad([np.ones((1, 2)), np.ones((1, 3))])
    with pytest.raises(ValueError, match="side"):
        pad([[1]], side="up")
    with pytest.raises(ValueError, match="multiple_of"):
        pad([[1]], multiple_of=0)


def test_truncate():
    assert truncate([[1, 2, 3], []], 0, side="left") == [[], []]
    assert truncate(["abc"], 2, side="left") == ["bc"]
    with pytest.raises(ValueError, match="length"):
        truncate([[1]], -1)


@given(st.integers(0, 20), st.integers(1, 6), st.data())
def test_windows(length, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    x = np.arange(length)
    step = size - overlap
    expected = [x[i : i + size].tolist() for i in range(0, length - size + 1, step)]
    assert windows(x, size, overlap=overlap).tolist() == expected
    full = windows(x, size, overlap=overlap, value=-1)
    assert set(full[full >= 0].tolist()) == set(x.tolist())  # nothing of the sequence is lost
    assert len(full) - len(expected) in (0, 1)


def test_windows_of_vectors_and_errors():
    assert windows(np.arange(12).reshape(6, 2), 3, overlap=0).shape == (2, 3, 2)
    with pytest.raises(ValueError, match="overlap"):
        windows([1, 2], 2, overlap=2)
    with pytest.raises(ValueError, match="size"):
        windows([1, 2], 0)


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 7), st.one_of(st.none(), st.integers(0, 3)))
def test_length_buckets(lengths, size, seed):
    batches = length_buckets(lengths, size, seed=seed)
    assert sorted(i for b in batches for i in b.tolist()) == list(range(len(lengths)))
    spans = sorted((min(lengths[i] for i in b), max(lengths[i] for i in b)) for b in batches)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    again = length_buckets(lengths, size, seed=seed)
    assert [b.tolist() for b in again] == [b.tolist() for b in batches]
    with pytest.raises(ValueError, match="batch_size"):
        length_buckets(lengths, 0)
