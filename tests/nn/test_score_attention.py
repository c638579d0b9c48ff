import numpy as np
import pytest

from seqnn import Tensor, nn, ops, optim


def arrays(*shapes):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def scores(layer, query, key):
    if layer.score == "additive":
        q, k = query @ layer.query_proj.weight.data.T, key @ layer.key_proj.weight.data.T
        return np.tanh(q[:, :, None] + k[:, None]) @ layer.score_weight.data
    if layer.score == "general":
        return query @ layer.weight.data @ key.swapaxes(1, 2)
    found = query @ key.swapaxes(1, 2)
    if layer.score == "cosine":
        found = found / np.linalg.norm(query, axis=-1)[:, :, None] / np.linalg.norm(key, axis=-1)[:, None]
    return found / (np.sqrt(query.shape[2]) if layer.score == "scaled_dot" else 1)


@pytest.mark.parametrize("score", ["additive", "general", "dot", "scaled_dot", "cosine"])
def test_scores_of_each_kind(score):
    size = 5 if score in ("additive", "general") else 4
    query, key, value = arrays((2, 3, 4), (2, 7, size), (2, 7, 6))
    layer = nn.Attention(4, size, score=score)
    out, weights = layer(query, key, value, need_weights=True)
    expected = softmax(scores(layer, query, key))
    np.testing.assert_allclose(weights.data, expected, atol=1e-6)
    np.testing.assert_allclose(out.data, expected @ value, atol=1e-5)
    one, weights_of_one = layer(query[:, 0], key, value, need_weights=True)
    assert one.shape == (2, 6) and weights_of_one.shape == (2, 7)
    np.testing.assert_allclose(one.data, out.data[:, 0], atol=1e-5)
    assert layer(query, key).shape == (2, 3, size)


def test_masks_mean_the_same_in_every_shape():
    query, key = arrays((2, 3, 4), (2, 7, 5))
    layer = nn.Attention(4, 5, 6)
    seen = np.arange(7) < np.array([[4], [7]])
    expected = layer(query, key, lengths=[4, 7]).data
    np.testing.assert_allclose(layer(query, key, mask=seen[:, None]).data, expected, atol=1e-6)
    np.testing.assert_allclose(layer(query[:, 1], key, mask=seen).data, expected[:, 1], atol=1e-6)
    whole = np.broadcast_to(seen[:, None], (2, 3, 7))
    np.testing.assert_allclose(layer(query, key, mask=np.where(whole, 0, -np.inf).astype(np.float32)).data, expected,
                               atol=1e-6)  # fmt: skip
    shared = np.tri(3, 7, dtype=bool)
    np.testing.assert_allclose(layer(query, key, mask=shared).data, layer(query, key, causal=True).data, atol=1e-6)


def test_keys_can_be_projected_once():
    query, key = arrays((2, 4), (2, 7, 5))
    for score in ("additive", "general"):
        layer = nn.Attention(4, 5, score=score)
        again = layer(query, layer.project_keys(key), key, projected=True)
        np.testing.assert_array_equal(again.data, layer(query, key).data)


def test_all_parameters_get_gradients_and_learn():
    # The value wanted is that of the key which has a one where the query has.
    rng = np.random.default_rng(1)
    for layer in (nn.Attention(6, 6, 24), nn.Attention(6, score="general")):
        optimizer = optim.Adam(layer.parameters(), lr=0.03)
        for _ in range(150):
            wanted = rng.integers(0, 6, 64)
            key = np.stack([np.eye(6, dtype=np.float32)[rng.permutation(6)] for _ in wanted])
            optimizer.zero_grad()
            _, weights = layer(np.eye(6, dtype=np.float32)[wanted], key, need_weights=True)
            loss = -ops.log((weights * (key.argmax(-1) == wanted[:, None])).sum(1)).mean()
            loss.backward()
            optimizer.step()
        assert all(p.grad is not None and np.abs(p.grad).max() > 0 for p in layer.parameters())
        assert loss.item() < 0.3, layer


def test_dropout_is_for_training():
    query, key = arrays((2, 3, 4), (2, 7, 4))
    layer = nn.Attention(4, score="dot", dropout=0.5)
    assert not np.array_equal(layer(query, key).data, layer(query, key).data)
    layer.eval()
    np.testing.assert_array_equal(layer(query, key).data, layer(query, key).data)


def test_luong():
    query, key = arrays((2, 3, 4), (2, 7, 5))
    layer = nn.LuongAttention(4, 5)
    out, weights = layer(query, key, need_weights=True)
    context = layer.attention(query, key).data
    expected = np.tanh(np.concatenate([context, query], -1) @ layer.out_proj.weight.data.T)
    np.testing.assert_allclose(out.data, expected, atol=1e-5)
    assert weights.shape == (2, 3, 7)
    np.testing.assert_allclose(layer(Tensor(query[:, 0]), key).data, out.data[:, 0], atol=1e-5)


def test_state_keys():
    assert sorted(nn.Attention(4, 5, 6).state_dict()) == ["key_proj.weight", "query_proj.weight", "score_weight"]
    assert sorted(nn.LuongAttention(4, 5).state_dict()) == ["attention.weight", "out_proj.weight"]


def test_bad_input():
    query, key = arrays((2, 3, 4), (2, 7, 5))
    layer = nn.Attention(4, 5, 6)
    with pytest.raises(ValueError, match=r"score must be one of 'dot', .* got 'bilinear'"):
        nn.Attention(4, score="bilinear")
    with pytest.raises(ValueError, match="score='dot' needs query_size = key_size, got 4 and 5"):
        nn.Attention(4, 5, score="dot")
    with pytest.raises(ValueError, match="hidden_size is for the score 'additive', not for 'general'"):
        nn.Attention(4, 5, 6, score="general")
    with pytest.raises(ValueError, match=r"query must have shape .*query_size=4.* got \(2, 7, 5\)"):
        layer(key, key)
    with pytest.raises(ValueError, match=r"key must have shape \[batch, positions, 5\], got \(2, 3, 4\)"):
        layer(query, query)
    with pytest.raises(ValueError, match=r"key must have shape \[batch, positions, 6\], got \(2, 7, 5\)"):
        layer(query, key, key, projected=True)
    with pytest.raises(ValueError, match="value must be given"):
        layer(query, layer.project_keys(key), projected=True)
    with pytest.raises(ValueError, match=r"mask of shape \(2, 1, 3, 6\) does not broadcast"):
        layer(query, key, mask=np.ones((2, 3, 6), bool))
