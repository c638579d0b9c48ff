"""Streams of a long sequence: what is in each batch, the state between them, bad input."""

import numpy as np
import pytest

from seqnn import ops, random, train
from seqnn.models import RecurrentLM


@pytest.mark.parametrize("count", [2, 3, 17, 100, 101])
@pytest.mark.parametrize(("rows", "window"), [(1, 5), (4, 8), (32, 64), (3, 1)])
def test_every_id_but_the_first_is_a_target_once_and_follows_its_input(count, rows, window):
    ids = np.arange(1000, 1000 + count)
    streams = train.Streams(ids, batch_size=rows, window=window)
    for epoch in (0, 1):
        batches = [*streams.epoch(epoch)]
        assert len(batches) <= streams.batches()
        inputs, targets = (np.concatenate([b[k] for b in batches], axis=1) for k in (0, 2))
        counted = targets != -100
        np.testing.assert_array_equal(np.sort(targets[counted]), ids[1:])
        np.testing.assert_array_equal(inputs[counted] + 1, targets[counted])
        assert all(b[0].shape[0] <= rows and b[0].shape[1] <= window for b in batches)


def test_the_first_window_differs_from_epoch_to_epoch_and_by_the_seed_alone():
    ids = np.arange(5000)
    lengths = [next(train.Streams(ids, batch_size=2, window=50).epoch(e))[0].shape[1] for e in range(40)]
    assert len(set(lengths)) > 10 and min(lengths) >= 25 and max(lengths) <= 50
    again = [next(train.Streams(ids, batch_size=2, window=50).epoch(e))[0].shape[1] for e in range(40)]
    assert again == lengths
    assert next(iter(train.Streams(ids, batch_size=2, window=50, shift=False)))[0].shape == (2, 50)


def test_an_id_that_is_skipped_is_read_and_not_predicted():
    inputs, _, targets = next(iter(train.Streams([2, 5, 3, 2, 6, 3], batch_size=1, skip=2)))
    assert inputs.tolist() == [[2, 5, 3, 2, 6]] and targets.tolist() == [[5, 3, -100, 6, 3]]
    assert len(next(iter(train.Streams([1, 2, 3], carry=False)))) == 2


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "stlm"])
def test_the_state_goes_on_from_window_to_window(cell):
    ids = np.random.default_rng(0).integers(0, 20, 301)
    with random.seeded(0):
        model = RecurrentLM(20, embedding_size=6, hidden_size=8, cell=cell, num_layers=2).eval()
    streams = train.Streams(ids, batch_size=4, window=7)
    whole = ops.cross_entropy(model(streams.inputs).reshape(-1, 20), streams.targets.reshape(-1), reduction="sum")
    total = 0.0
    for inputs, carried, targets in streams.epoch(3):
        loss = model(inputs, carried, targets)
        loss.backward()  # to the beginning of the window alone
        total += loss.item() * (targets != -100).sum()
    assert total == pytest.approx(whole.item(), rel=1e-5)


def test_a_trainer_goes_through_streams():
    with random.seeded(0):
        model = RecurrentLM(3, embedding_size=4, hidden_size=8, dropout=0.0)
    from seqnn import optim

    streams = train.Streams(np.tile([0, 1, 2], 100), batch_size=2, window=10)
    history = train.fit(model, None, streams, 5, optim.Adam(model.parameters(), lr=0.02), validation=streams, verbose=0)
    assert history["val_loss"][-1] < 0.1 < history["loss"][0]


def test_streams_of_other_targets_are_others_to_a_run_that_is_resumed():
    described = [
        train.Streams(ids, skip=skip).describe() for ids, skip in (([1, 2, 3], None), ([1, 2, 4], None), ([1, 2, 3], 2))
    ]
    assert described[0] not in described[1:] and described[0] == train.Streams([1, 2, 3]).describe()


def test_bad_input():
    with pytest.raises(ValueError, match="ids: expected at least 2, of which the second is to be predicted, got 1"):
        train.Streams([1])
    with pytest.raises(TypeError, match=r"ids: expected integers \[N\], got float64"):
        train.Streams([1.0, 2.0])
    with pytest.raises(TypeError, match=r"ids: expected integers \[N\], got int64 of shape \[1, 2\]"):
        train.Streams([[1, 2]])
    with pytest.raises(ValueError, match="window: expected an integer >= 1, got 0"):
        train.Streams([1, 2], window=0)
    with pytest.raises(ValueError, match="start: expected 0, as the state after 1 batches is not known"):
        next(train.Streams([1, 2]).epoch(0, 1))
    for name in ("shift", "carry"):
        with pytest.raises(ValueError, match=f"{name}: expected 0, 1, False or True, got 'no'"):
            train.Streams([1, 2], **{name: "no"})
    with pytest.raises(TypeError, match="skip: expected an integer >= 0, got 'a'"):
        train.Streams([1, 2], skip="a")
