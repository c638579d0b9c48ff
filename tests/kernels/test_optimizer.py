import numpy as np
import pytest
from harness import assert_close, check_op, each_isa, each_team

from seqnn import _core

SIZES = [(5,), (0,), (3, 7), (4096,), (10_007,), (1,), (64,)]
"""Shorter than a register, empty, one piece, several pieces with a rest."""


def sgd(p, g, b, step, lr, momentum, dampening, nesterov, weight_decay, scale):
    """One step of gradient descent, as PyTorch documents it."""
    g = scale * g + weight_decay * p
    b = g if step == 1 else momentum * b + (1 - dampening) * g
    return p - lr * (g + momentum * b if nesterov else b), b


def adagrad(p, g, s, step, lr, lr_decay, weight_decay, eps, scale):
    """One step of AdaGrad."""
    g = scale * g + weight_decay * p
    s = s + g * g
    return p - lr / (1 + (step - 1) * lr_decay) * g / (np.sqrt(s) + eps), s


def rmsprop(p, g, s, b, m, lr, alpha, eps, weight_decay, momentum, centered, scale):
    """One step of RMSProp."""
    g = scale * g + weight_decay * p
    s = alpha * s + (1 - alpha) * g * g
    m = alpha * m + (1 - alpha) * g
    u = g / (np.sqrt(s - m * m if centered else s) + eps)
    b = momentum * b + u
    return p - lr * (b if momentum else u), s, b, m


def adam(p, g, m, v, top, step, lr, beta1, beta2, eps, weight_decay, decoupled, amsgrad, scale):
    """One step of Adam."""
    g = scale * g + (0 if decoupled else weight_decay * p)
    p = p * (1 - lr * weight_decay) if decoupled else p
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    top = np.maximum(top, v)
    denominator = np.sqrt(top if amsgrad else v) / np.sqrt(1 - beta2**step) + eps
    return p - lr / (1 - beta1**step) * m / denominator, m, v, top


def arrays(*signs, seed=0):
    """One flat array an argument; `signs` says which are positive."""
    rng = np.random.default_rng(seed)
    n = sum(int(np.prod(s)) for s in SIZES)
    flat = [rng.standard_normal(n) for _ in signs]
    return [np.abs(x) if sign else x for x, sign in zip(flat, signs, strict=True)]


def cut(flat):
    """The flat array as fresh arrays of SIZES."""
    ends = np.cumsum([int(np.prod(s)) for s in SIZES])
    return [part.reshape(s).copy() for part, s in zip(np.split(flat, ends[:-1]), SIZES, strict=True)]


def joined(parts):
    return np.concatenate([x.reshape(-1) for x in parts])


def steps(step):
    return np.full(len(SIZES), step)


def test_sgd_step():
    def op(p, g, b, step, lr, momentum, dampening, nesterov, weight_decay, scale):
        params, buffers = cut(p), cut(b)
        given = buffers if momentum else None
        _core.sgd_step(params, cut(g), steps(step), lr, momentum, dampening, nesterov, weight_decay, scale, given)
        return joined(params), joined(buffers) if momentum else None

    def reference(**case):
        p, b = sgd(**case)
        return p, b if case["momentum"] else None

    p, g, b = arrays(0, 0, 0)
    base = {
        "p": p,
        "g": g,
        "b": b,
        "step": 3,
        "lr": 0.1,
        "momentum": 0.0,
        "dampening": 0.0,
        "nesterov": False,
        "weight_decay": 0.0,
        "scale": 1.0,
    }
    check_op(
        op,
        reference,
        [
            base | {"step": 1},
            base | {"step": 1, "weight_decay": 0.3, "scale": -0.5},
            base | {"step": 1, "momentum": 0.9, "dampening": 0.5},
            base | {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
            base | {"momentum": 0.9, "nesterov": True, "scale": 0.25},
        ],
    )


def test_adagrad_step():
    def op(p, g, s, step, **options):
        params, sums = cut(p), cut(s)
        _core.adagrad_step(params, cut(g), sums, steps(step), **options)
        return joined(params), joined(sums)

    p, g, s = arrays(0, 0, 1)
    base = {
        "p": p,
        "g": g,
        "s": s,
        "step": 4,
        "lr": 0.1,
        "lr_decay": 0.0,
        "weight_decay": 0.0,
        "eps": 1e-10,
        "scale": 1.0,
    }
    check_op(op, adagrad, [base, base | {"lr_decay": 0.2, "weight_decay": 0.1, "eps": 0.1, "scale": -0.5}])


def test_rmsprop_step():
    def op(p, g, s, b, m, centered, momentum, **options):
        params, squares, buffers, means = cut(p), cut(s), cut(b), cut(m)
        _core.rmsprop_step(
            params,
            cut(g),
            squares,
            momentum=momentum,
            momentum_buffer=buffers if momentum else None,
            grad_avg=means if centered else None,
            **options,
        )
        return (
            joined(params),
            joined(squares),
            joined(buffers) if momentum else None,
            joined(means) if centered else None,
        )

    def reference(**case):
        p, s, b, m = rmsprop(**case)
        return p, s, b if case["momentum"] else None, m if case["centered"] else None

    p, g, s, b, m = arrays(0, 0, 1, 0, 0)
    s, m = s + 1, 0.1 * m  # the square of a mean lies below the mean of the squares
    base = {
        "p": p,
        "g": g,
        "s": s,
        "b": b,
        "m": m,
        "lr": 0.1,
        "alpha": 0.9,
        "eps": 1e-8,
        "weight_decay": 0.0,
        "momentum": 0.0,
        "scale": 1.0,
    }
    check_op(
        op,
        reference,
        [
            base | {"centered": False},
            base | {"centered": True, "weight_decay": 0.1},
            base | {"centered": False, "momentum": 0.9, "scale": -2.0},
            base | {"centered": True, "momentum": 0.5, "eps": 0.1},
        ],
    )


def test_adam_step():
    def op(p, g, m, v, top, step, amsgrad, **options):
        params, means, squares, tops = cut(p), cut(m), cut(v), cut(top)
        _core.adam_step(
            params, cut(g), means, squares, steps(step), max_exp_avg_sq=tops if amsgrad else None, **options
        )
        return joined(params), joined(means), joined(squares), joined(tops) if amsgrad else None

    def reference(**case):
        p, m, v, top = adam(**case)
        return p, m, v, top if case["amsgrad"] else None

    p, g, m, v, top = arrays(0, 0, 0, 1, 1)
    base = {
        "p": p,
        "g": g,
        "m": m,
        "v": v + 0.1,
        "top": top + 0.1,
        "step": 7,
        "lr": 0.1,
        "beta1": 0.9,
        "beta2": 0.99,
        "eps": 1e-8,
        "weight_decay": 0.0,
        "decoupled": False,
        "amsgrad": False,
        "scale": 1.0,
    }
    check_op(
        op,
        reference,
        [
            base,
            base | {"weight_decay": 0.1, "scale": -0.5},
            base | {"weight_decay": 0.1, "decoupled": True},
            base | {"amsgrad": True, "eps": 0.1},
        ],
    )


def test_each_parameter_has_its_own_step():
    params, moments = [np.ones(3), np.ones(3)], [[np.zeros(3), np.zeros(3)] for _ in range(2)]
    _core.adam_step(params, [np.ones(3), np.ones(3)], *moments, [1, 10], 0.1)
    for k, step in enumerate((1, 10)):
        z = np.zeros(3)
        expected = adam(np.ones(3), np.ones(3), z, z, z, step, 0.1, 0.9, 0.999, 1e-8, 0, False, False, 1)[0]
        np.testing.assert_allclose(params[k], expected)
    with pytest.raises(ValueError, match="expected one number for each of params"):
        _core.adam_step(params, [np.ones(3), np.ones(3)], *moments, [1], 0.1)


@pytest.mark.parametrize("columns", [1, 16, 37])
def test_rows_give_what_the_whole_table_would(columns):
    """With a zero gradient elsewhere, SGD and AdaGrad agree bit by bit; Adam does so on the rows themselves."""
    rng = np.random.default_rng(1)
    ids = np.array([0, 3, 4, 49, 199])
    for dtype in (np.float32, np.float64):
        grad = np.zeros((200, columns), dtype)
        grad[ids] = rng.standard_normal((5, columns))
        start = rng.standard_normal((200, columns)).astype(dtype)
        state = rng.random((3, 200, columns)).astype(dtype)
        for _ in each_isa():
            for _ in each_team():
                p, q = start.copy(), start.copy()
                _core.sgd_rows(p, grad[ids], ids, 0.1, 0.5)
                _core.sgd_step([q], [grad], [1], 0.1, scale=0.5)
                np.testing.assert_allclose(p, q, rtol=1e-6)
                assert (np.delete(p, ids, 0) == np.delete(start, ids, 0)).all()
                s, t = state[0].copy(), state[0].copy()
                _core.adagrad_rows(p, grad[ids], s, ids, 5, 0.1, 0.01)
                _core.adagrad_step([q], [grad], [t], [5], 0.1, 0.01)
                np.testing.assert_allclose(p, q, rtol=1e-5)
                np.testing.assert_allclose(s, t, rtol=1e-6)
                p, m, v, top = start.copy(), *state.copy()
                q, n, w, peak = start.copy(), *state.copy()
                _core.adam_rows(p, grad[ids], m, v, ids, 5, 0.1, max_exp_avg_sq=top)
                _core.adam_step([q], [grad], [n], [w], [5], 0.1, max_exp_avg_sq=[peak])
                for mine, whole in ((p, q), (m, n), (v, w), (top, peak)):
                    np.testing.assert_allclose(mine[ids], whole[ids], rtol=1e-5)
                assert (np.delete(m, ids, 0) == np.delete(state[0], ids, 0)).all()


def test_rows_must_increase():
    x = np.zeros((4, 2))
    for ids in ([1, 1], [2, 1]):
        with pytest.raises(ValueError, match="expected increasing row numbers"):
            _core.sgd_rows(x.copy(), x[:2], ids, 0.1)
        with pytest.raises(ValueError, match="expected increasing row numbers"):
            _core.adagrad_rows(x.copy(), x[:2], x.copy(), ids, 1, 0.1)
        with pytest.raises(ValueError, match="expected increasing row numbers"):
            _core.adam_rows(x.copy(), x[:2], x.copy(), x.copy(), ids, 1, 0.1)


def test_ema_update():
    def op(average, p, decay):
        averages = cut(average)
        _core.ema_update(averages, cut(p), decay)
        return joined(averages)

    average, p = arrays(0, 0)
    check_op(
        op,
        lambda average, p, decay: decay * average + (1 - decay) * p,
        [{"average": average, "p": p, "decay": d} for d in (0.0, 0.9, 0.9999)],
    )


def test_nan_and_infinity_come_out():
    for _ in each_isa():
        p, g = np.zeros(40, np.float32), np.zeros(40, np.float32)
        g[3], g[35] = np.nan, np.inf
        _core.adam_step([p], [g], [np.zeros(40, np.float32)], [np.zeros(40, np.float32)], [1], 0.1)
        assert np.isnan(p[[3, 35]]).all()
        assert_close(np.delete(p, [3, 35]), np.zeros(38, np.float32), 0)


def test_no_parameters():
    _core.adam_step([], [], [], [], [], 0.1)
    _core.sgd_step([], [], [], 0.1)
