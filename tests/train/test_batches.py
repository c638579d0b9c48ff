import numpy as np
import pytest

from seqnn import train


def test_every_example_comes_once_in_a_new_order_each_epoch():
    x, y = np.arange(103) * 10, np.arange(103)
    batches = train.Batches(x, y, batch_size=10, seed=7)
    assert len(batches) == 11
    epochs = []
    for epoch in range(3):
        found = list(batches.epoch(epoch))
        assert [len(b) for _, b in found] == [10] * 10 + [3]
        assert all((bx == 10 * by).all() for bx, by in found)
        epochs.append(np.concatenate([by for _, by in found]).tolist())
        assert sorted(epochs[-1]) == list(range(103))
    assert epochs[0] != epochs[1] != epochs[2]
    again = train.Batches(x, y, batch_size=10, seed=7)
    assert np.concatenate([by for _, by in again.epoch(2)]).tolist() == epochs[2]
    assert np.concatenate([by for _, by in again.epoch(2, start=4)]).tolist() == epochs[2][40:]
    other = train.Batches(x, y, batch_size=10, seed=8)
    assert np.concatenate([by for _, by in other]).tolist() != epochs[0]


def test_drop_last():
    batches = train.Batches(np.arange(25), batch_size=10, drop_last=True)
    assert [len(b) for b in batches] == [10, 10] and len(batches) == 2


@pytest.mark.parametrize("shuffle", [True, False])
def test_examples_of_similar_length_come_together(shuffle):
    lengths = np.random.default_rng(0).integers(1, 100, 400)
    sequences = [list(range(n)) for n in lengths]
    batches = train.Batches(
        sequences, lengths=lengths, batch_size=20, shuffle=shuffle, collate=lambda rows: [len(r) for r in rows]
    )
    found = list(batches)
    assert sorted(n for batch in found for n in batch) == sorted(lengths)
    assert np.mean([max(b) - min(b) for b in found]) < 10
    order = [b[0] for b in found]
    assert (order != sorted(order)) == shuffle
    assert (list(batches.epoch(1)) != found) == shuffle
    assert list(batches.epoch(1)) == list(batches.epoch(1))


def test_several_inputs_and_collate():
    a, b, y = np.arange(6), np.arange(6) * 2.0, np.arange(6) * 3
    for first, second, target in train.Batches((a, b), y, batch_size=4, shuffle=False):
        assert (second == 2 * first).all() and (target == 3 * first).all()
    pairs = train.Batches(["a", "b"], [1, 2], shuffle=False, collate=lambda rows: rows)
    assert list(pairs) == [[("a", 1), ("b", 2)]]


def test_numbers_in_lists_become_arrays():
    ((x, y),) = train.Batches([[1.0, 2.0], [3.0, 4.0]], [0, 1], shuffle=False)
    assert x.dtype == np.float32 and x.shape == (2, 2) and y.dtype.kind == "i"


def test_memory_mapped_arrays_are_read_by_rows(tmp_path):
    x = np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    batches = train.Batches(mapped, np.arange(500), batch_size=64)
    for rows, ids in batches:
        assert not isinstance(rows, np.memmap)
        np.testing.assert_array_equal(rows, x[ids])


def test_what_is_not_finite_is_named():
    x = np.zeros((10, 2), np.float32)
    x[7, 1] = np.nan
    assert len(list(train.Batches(x))) == 1
    with pytest.raises(ValueError, match="x: example 7 holds NaN or infinity"):
        list(train.Batches(x, check_finite=True))
    with pytest.raises(ValueError, match="y: example 7 holds"):
        list(train.Batches(np.zeros(10, int), x, check_finite=True))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.zeros(3), np.zeros(4)), {}, ValueError, "as many examples everywhere, got x 3, y 4"),
        (((np.zeros(3), np.zeros(3)), np.zeros(2)), {}, ValueError, r"got x\[0\] 3, x\[1\] 3, y 2"),
        ((np.zeros(3),), {"lengths": [1, 2]}, ValueError, "got x 3, lengths 2"),
        ((np.zeros(0),), {}, ValueError, "expected at least one example"),
        ((3,), {}, TypeError, "x: expected an array or a sequence, got int"),
        ((["a", "b"],), {}, TypeError, "x: expected an array of numbers, got list.*give collate="),
        (([[1], [1, 2]],), {}, TypeError, "x: expected an array of numbers, got list.*give collate="),
        ((np.zeros(3),), {"batch_size": 0}, ValueError, "batch_size: expected an integer >= 1, got 0"),
        ((np.zeros(3),), {"drop_last": True}, ValueError, "drop_last: 3 examples do not fill one batch of 32"),
        ((np.zeros(3),), {"seed": -1}, ValueError, "seed"),
    ],
)
def test_wrong_data(arguments, options, error, message):
    with pytest.raises(error, match=message):
        train.Batches(*arguments, **options)


def test_accuracy():
    scores = np.array([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0]])
    assert train.accuracy(scores, np.array([0, 0, -100])) == 0.5
    assert train.accuracy(np.array([-1.0, 2.0]), np.array([0, 1])) == 1.0
    assert np.isnan(train.accuracy(scores, np.full(3, -100)))
    with pytest.raises(ValueError, match="do not fit"):
        train.accuracy(scores, np.zeros(2))
