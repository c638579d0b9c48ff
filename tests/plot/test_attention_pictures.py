"""Attention pictures are rendered to PNG, with the weights given and the tokens on the axes."""

import numpy as np
import pytest
from picture_checks import png

from seqnn import nn, plot

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

SOURCE = ["ein", "kleines", "Mädchen", "klettert", "in", "ein", "Spielhaus", "aus", "Holz", ".", "</s>"]
TARGET = ["a", "little", "girl", "climbing", "into", "a", "wooden", "playhouse", ".", "</s>"]


def weights(heads, queries, keys, seed=0):
    scores = np.random.default_rng(seed).standard_normal((heads, queries, keys)) * 2
    scores -= 0.8 * np.abs(np.subtract.outer(np.arange(queries), np.arange(keys) * queries / keys))
    e = np.exp(scores)
    return e / e.sum(-1, keepdims=True)


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_one_head(tmp_path):
    found = weights(4, 10, 10)
    ax = plot.attention(found, TARGET, head=2, title="Layer 1, head 2")
    png(ax, tmp_path)
    np.testing.assert_array_equal(ax.images[0].get_array(), found[2])
    assert labels(ax.xaxis) == labels(ax.yaxis) == TARGET
    assert ax.get_title(loc="left") == "Layer 1, head 2"


def test_all_heads(tmp_path):
    found = weights(6, 10, 11)
    ax = plot.attention(found, TARGET, SOURCE, columns=3)
    png(ax, tmp_path)
    tiles = ax.images[0].get_array()
    assert tiles.shape == (2 * 12 - 1, 3 * 12 - 1)
    np.testing.assert_array_equal(tiles[13:23, 12:23], found[4])
    assert np.isnan(np.asarray(tiles.filled(np.nan))[:, 11]).all()
    assert [t.get_text() for t in ax.texts] == [f"head {i}" for i in range(6)]
    assert labels(ax.xaxis) == SOURCE * 3 and labels(ax.yaxis) == TARGET * 2
    assert len(plot.attention(found[:5], TARGET, SOURCE).texts) == 5


def test_alignment(tmp_path):
    found = weights(4, 10, 11)
    ax = plot.alignment(found, SOURCE, TARGET)
    png(ax, tmp_path)
    mean = found.mean(0)
    np.testing.assert_allclose(ax.images[0].get_array(), mean)
    dots = ax.collections[0].get_offsets()
    np.testing.assert_array_equal(dots, np.stack([mean.argmax(1), np.arange(10)], 1))
    assert labels(ax.xaxis) == SOURCE and labels(ax.yaxis) == TARGET


def test_weights_of_a_layer_on_given_axes(tmp_path):
    layer = nn.MultiheadAttention(16, 4)
    _, found = layer(
        np.random.default_rng(0).standard_normal((2, 5, 16)).astype(np.float32), need_weights=True, causal=True
    )
    _, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    assert plot.attention(found.data[0, 1], list("abcde"), ax=axes[0]) is axes[0]
    plot.attention(found[1], ["$", "$5", "c", "d", "e"], ax=axes[1])
    png(axes[0], tmp_path)


def test_long_sequences_name_some_of_their_tokens():
    ax = plot.attention(weights(1, 150, 150)[0], [f"w{i}" for i in range(150)])
    assert labels(ax.xaxis) == [f"w{i}" for i in range(0, 150, 3)]


def test_zero_weights_are_drawn(tmp_path):
    png(plot.alignment(np.zeros((2, 3)), list("abc"), list("de")), tmp_path)


def test_bad_input():
    found = weights(2, 3, 4)
    with pytest.raises(ValueError, match="do not fit 3 tokens that attend and 3 that are attended to"):
        plot.attention(found, list("abc"))
    with pytest.raises(ValueError, match=r"expected \[T, S\] or \[heads, T, S\] .* got \[1, 2, 3, 4\]"):
        plot.attention(found[None], list("abc"), list("abcd"))
    with pytest.raises(ValueError, match=r"head: expected one of the heads .* got 2"):
        plot.attention(found, list("abc"), list("abcd"), head=2)
    with pytest.raises(TypeError, match="expected lists of tokens, got one string"):
        plot.alignment(found, "abcd", "abc")
    with pytest.raises(ValueError, match="finite"):
        plot.attention(found * np.nan, list("abc"), list("abcd"))
