import numpy as np
import pytest
from harness import check_op, each_isa, each_team

from seqnn import _core

CUTS = [3, 3, 70, 4166, 20_000, 20_001]
"""An empty array, one shorter than a register, one that ends with a piece, several pieces."""


def gradients_norm(x, power):
    """NumPy's vector norm of all arrays as one."""
    return np.array([np.linalg.norm(x, power)])


def flat(seed=0):
    return np.random.default_rng(seed).standard_normal(20_100)


def test_gradients_norm():
    check_op(
        lambda x, power: _core.gradients_norm(np.split(x, CUTS), power),
        gradients_norm,
        [{"x": flat(), "power": power} for power in (2, 1, 3.5, np.inf)] + [{"x": flat() * 1e-18, "power": 2}],
    )


def gradients_norms(x):
    return np.array([np.linalg.norm(part) for part in np.split(x, CUTS)])


def test_gradients_norms():
    count = len(CUTS) + 1
    check_op(lambda x: _core.gradients_norms(np.split(x, CUTS), count), gradients_norms, [{"x": flat()}])
    with pytest.raises(ValueError, match="the number of grads"):
        _core.gradients_norms([np.ones(3)], 2)


def test_gradients_scale():
    def op(x, scale):
        grads = [g.copy() for g in np.split(x, CUTS)]
        _core.gradients_scale(grads, scale)
        return np.concatenate(grads)

    check_op(op, lambda x, scale: x * scale, [{"x": flat(), "scale": 0.3}])


def test_gradients_clip():
    def op(x, bound):
        grads = [g.copy() for g in np.split(x, CUTS)]
        _core.gradients_clip(grads, bound)
        return np.concatenate(grads)

    check_op(op, lambda x, bound: np.clip(x, -bound, bound), [{"x": flat(), "bound": b} for b in (0.5, 0.0, 1e9)])


@pytest.mark.parametrize("place", [0, 17, 5000, 9999])
def test_what_is_not_finite_stays(place):
    for value in (np.nan, np.inf, -np.inf):
        x = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
        x[place] = value
        for _ in each_isa():
            for _ in each_team():
                for power in (2, 1, np.inf):
                    np.testing.assert_equal(_core.gradients_norm([x], power)[0], abs(value))
            clipped = x.copy()
            _core.gradients_clip([clipped], 1.0)
            np.testing.assert_array_equal(clipped, np.clip(x, -1, 1))


def test_no_gradients_have_norm_zero():
    assert _core.gradients_norm([])[0] == 0
    assert _core.gradients_norm([np.zeros(0)], np.inf)[0] == 0


def test_power_is_checked():
    for power in (0, -1, np.nan):
        with pytest.raises(ValueError, match="power: expected a number > 0"):
            _core.gradients_norm([np.ones(3)], power)
