"""Jacobians through time: against products written out by hand, and against the whole sequence differentiated."""

import numpy as np
import pytest

from seqnn import Tensor, autograd, nn, ops
from seqnn.diagnose import time_jacobians

CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell, nn.STLMCell)
LAYERS = (nn.RNN, nn.LSTM, nn.GRU, nn.STLM)


@pytest.mark.parametrize(("cell", "layer"), list(zip(CELLS, LAYERS, strict=True)))
def test_every_cell_gives_the_derivative_of_the_whole_sequence(cell, layer):
    x = np.random.default_rng(0).standard_normal((2, 7, 3))
    whole = layer(3, 4, batch_first=True, dtype=np.float64)
    one = cell(3, 4, dtype=np.float64)
    for (_, ours), (_, theirs) in zip(one.named_parameters(), whole.named_parameters(), strict=True):
        ours.data[:] = theirs.data
    parts = [np.full((2, size), 0.1 * (i + 1)) for i, size in enumerate(whole.state_sizes().values())]
    state = tuple(parts) if len(parts) > 1 else parts[0]
    found = time_jacobians(one, x, state)
    leaves = [Tensor(part[None], requires_grad=True) for part in parts]
    _, after = whole(Tensor(x), tuple(leaves) if len(leaves) > 1 else leaves[0])
    h = (after[0] if isinstance(after, tuple) else after)[0]
    rows = [autograd.grad(h, leaves, np.broadcast_to(row, h.shape)) for row in np.eye(4)]
    for k, name in enumerate(whole.states):
        exact = np.stack([row[k][0] for row in rows], axis=1)  # [N, H, size] of d h[T] / d part[0]
        norms = np.linalg.norm(exact, 2, axis=(1, 2))
        np.testing.assert_allclose(found.parts[name][0] if found.parts else found.products[0], norms, rtol=1e-9)
    same = time_jacobians(whole, x, tuple(part[:, None] for part in parts) if len(parts) > 1 else parts[0][:, None])
    np.testing.assert_allclose(same.products, found.products, rtol=1e-9)
    np.testing.assert_allclose(same.local, found.local, rtol=1e-9)


def test_a_constant_forget_gate_is_the_factor_of_the_memory():
    cell = nn.LSTMCell(1, 3, dtype=np.float64)
    for parameter in cell.parameters():
        parameter.data[:] = 0
    forget = 1 / (1 + np.exp(-2.0))
    cell.bias_ih.data[3:6] = 2.0  # the forget gate's
    found = time_jacobians(cell, np.zeros((2, 12, 1)))
    np.testing.assert_allclose(found.parts["c"], 0.5 * forget ** np.arange(12, 0, -1)[:, None] * np.ones(2))
    np.testing.assert_allclose(found.products, 0)  # h does not come back in
    assert found.flow(part="c").kind == "stable" and "through c" in str(found)


def test_layers_of_several_and_states_by_default():
    layer = nn.GRU(2, 3, num_layers=2, dropout=0.5)
    found = time_jacobians(layer, np.ones((2, 5, 2), np.float32))
    assert found.products.shape == (5, 2) and layer.training and not found.parts
    saturated = nn.RNN(2, 3)
    saturated.weight_hh_l0.data[:] = 3 * np.eye(3)
    saturated.weight_ih_l0.data[:] = 0
    assert time_jacobians(saturated, np.zeros((1, 40, 2), np.float32)).flow().kind in ("vanishing", "exploding")
    relu = nn.RNN(2, 3, nonlinearity="relu", bias=False)
    relu.weight_hh_l0.data[:] = 2 * np.eye(3)
    relu.weight_ih_l0.data[:] = 1
    found = time_jacobians(relu, np.ones((1, 20, 2), np.float32))
    np.testing.assert_allclose(found.products[:, 0], 2.0 ** np.arange(20, 0, -1), rtol=1e-6)
    assert found.flow().kind == "exploding" and "clipping" in str(found)


def test_states_of_one_part_and_of_functions():
    weight = np.diag([0.5, 0.1])
    found = time_jacobians(lambda x, h: ops.tanh(x + h @ weight), np.zeros((3, 10, 2)), np.zeros((3, 2)))
    np.testing.assert_allclose(found.products[:, 2], 0.5 ** np.arange(10, 0, -1))
    pair = time_jacobians(lambda x, s: (s[1] * 2, s[0] * 3), np.zeros((1, 4, 2)), (np.zeros((1, 2)), np.zeros((1, 2))))
    assert list(pair.parts) == ["h", "part 1"]
    np.testing.assert_allclose(pair.parts["h"][:, 0], [36, 0, 6, 0])
    np.testing.assert_allclose(pair.parts["part 1"][:, 0], [0, 12, 0, 2])


def test_bad_input():
    x, h = np.zeros((2, 4, 3)), np.zeros((2, 3))
    with pytest.raises(TypeError, match="cell: a bidirectional LSTM has no step"):
        time_jacobians(nn.LSTM(3, 4, bidirectional=True), x.astype(np.float32))
    with pytest.raises(ValueError, match="x: expected at least one step"):
        time_jacobians(lambda x, h: h, np.zeros((2, 0, 3)), h)
    with pytest.raises(ValueError, match=r"state: expected parts \[2, ...\], one row a sample of x, got \[3, 3\]"):
        time_jacobians(lambda x, h: h, x, np.zeros((3, 3)))
    with pytest.raises(ValueError, match="step 0: the state does not depend on the state before it"):
        time_jacobians(lambda x, h: x, x, h)
    with pytest.raises(ValueError, match="step 0: the state's shapes became"):
        time_jacobians(lambda x, h: ops.concatenate([h, h], axis=1), x, h)
    with pytest.raises(ValueError, match="part: expected one of"):
        time_jacobians(lambda x, h: h * 2, x, h).flow(part="c")
