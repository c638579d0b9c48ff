"""Norms of Jacobians on maps whose Jacobian is known."""

import numpy as np
import pytest

from seqnn import Tensor, ops
from seqnn.diagnose import gradient_flow, jacobian_norms


@pytest.fixture(name="chain")
def linear_chain():
    """Activations x, x W1, x W1 W2 of two samples, and the weights."""
    draw = np.random.default_rng(0)
    weights = [draw.standard_normal((4, 3)), draw.standard_normal((3, 5))]
    states = [Tensor(draw.standard_normal((2, 4)), requires_grad=True)]
    for w in weights:
        states.append(states[-1] @ w)
    return states, weights


def test_linear_maps(chain):
    states, (w1, w2) = chain
    got = jacobian_norms(states[2], states[:2])
    expected = [[np.linalg.norm(w1 @ w2, 2)] * 2, [np.linalg.norm(w2, 2)] * 2]
    np.testing.assert_allclose(got, expected)
    got = jacobian_norms(states[2], states[:2], norm="frobenius")
    np.testing.assert_allclose(got[0], np.linalg.norm(w1 @ w2))
    probed = jacobian_norms(states[2], states[:2], norm="frobenius", probes=400)
    np.testing.assert_allclose(probed, got, rtol=0.2)


def test_samples_are_independent():
    x = Tensor(np.array([[0.0], [2.0]]), requires_grad=True)
    np.testing.assert_allclose(jacobian_norms(ops.tanh(x), [x])[0], 1 - np.tanh([0.0, 2.0]) ** 2)


def test_errors(chain):
    states, _ = chain
    other = Tensor(np.ones((2, 4)), requires_grad=True)
    for wrong, message in (
        ({"norm": "max"}, "norm: expected"),
        ({"probes": 3}, "probes: expected None"),
    ):
        with pytest.raises(ValueError, match=message):
            jacobian_norms(states[2], states[:1], **wrong)
    with pytest.raises(ValueError, match=r"inputs\[0\]: the output does not depend"):
        jacobian_norms(states[2], [other])
    with pytest.raises(ValueError, match=r"inputs\[0\]: expected \[2, ...\]"):
        jacobian_norms(states[2], [Tensor(np.ones((3, 4)))])
    with pytest.raises(ValueError, match="output: expected shape"):
        jacobian_norms(Tensor(np.ones(3)), [other])


@pytest.mark.parametrize(
    ("norms", "kind", "factor"),
    [
        ([1e-8, 1e-6, 1e-4, 1e-2], "vanishing", 1e-2),
        ([1e6, 1e3, 1.0], "exploding", 1e3),
        ([1.0, 2.0, 1.5], "stable", None),
        ([0.0, 0.0, 1.0], "vanishing", None),
        ([np.inf, 1.0], "not finite", None),
    ],
)
def test_words(norms, kind, factor):
    flow = gradient_flow(norms, through="time")
    assert flow.kind == kind
    if factor:
        assert flow.factor == pytest.approx(factor)
    words = {
        "vanishing": "gated cells",
        "exploding": "clipping",
        "stable": "Nothing to do",
        "not finite": "learning rate",
    }
    assert words[kind] in str(flow)


def test_flow_errors():
    for norms in ([1.0], [1.0, -1.0], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="norms: expected"):
            gradient_flow(norms)
    with pytest.raises(ValueError, match="through"):
        gradient_flow([1, 2], through="space")
    with pytest.raises(ValueError, match="limit"):
        gradient_flow([1, 2], limit=1)
