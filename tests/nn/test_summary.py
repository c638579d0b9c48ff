"""summary: shapes, parameters and units."""

import math

import numpy as np
import pytest

from seqnn import nn, ops


class Head(nn.Module):
    """One attention head with its output projection."""

    def __init__(self, width):
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.scale = 1 / math.sqrt(width)

    def forward(self, x):
        queries, keys, values = self.query(x), self.key(x), self.value(x)
        scores = queries @ keys.swapaxes(-1, -2) * self.scale
        return self.out(ops.softmax(scores) @ values)


def test_an_attention_head_of_width_64_on_10_tokens_has_4040_units():
    summary = Head(64).summary((10, 64))
    assert summary.units == 6 * 10 * 64 + 2 * 10 * 10 == 4040
    assert summary.parameters == summary.trainable == 4 * (64 * 64 + 64)
    own = summary.layers[0]
    assert (own.name, own.type, own.shape, own.parameters) == ("", "Head", (10, 64), 0)
    assert own.units == 2 * 10 * 10 + 10 * 64
    assert [(row.name, row.units) for row in summary.layers[1:]] == [(n, 640) for n in ("query", "key", "value", "out")]


def test_modes_weights_and_hooks_stay_as_they_are():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.ReLU(), nn.Flatten())
    model[2].eval()
    before = {key: array.copy() for key, array in model.state_dict().items()}
    summary = model.summary(np.ones((6, 3), np.float32))
    assert [m.training for m in model] == [True, True, False, True, True]
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[key])
    assert all(not m._hooks.before and not m._hooks.after for m in model.modules())
    assert [row.units for row in summary.layers] == [24, 24, 0, 24, 0]
    with pytest.raises(ValueError, match=r"^0 \(Linear\): x must have in_features=3 .* got shape \(6, 4\)"):
        model.summary((6, 4))
    assert model[0].training and not model[0]._hooks.after


def test_the_table():
    tied = nn.Linear(4, 4, bias=False)
    model = nn.Sequential(nn.Embedding(1000, 4), tied, tied)
    model.freeze("0")
    assert str(model.summary((2, 3), dtype=np.int64)) == (
        "layer  type       output     parameters  units\n"
        "----------------------------------------------\n"
        "0      Embedding  [2, 3, 4]       4,000     24\n"
        "1      Linear     [2, 3, 4]          16     48\n"
        "----------------------------------------------\n"
        "total                             4,016     72\n"
        "trainable: 16"
    )
    without = model.summary()
    assert without.units is None and without.parameters == 4016 and without.layers[0].shape is None
