import numpy as np
import pytest
from harness import check_gradient, check_op, each_isa

from seqnn import ops
from seqnn.autograd import Tensor


def reduced(losses, reduction):
    return losses if reduction == "none" else np.asarray(losses.mean() if reduction == "mean" else losses.sum())


def huber(x, target, delta=1.0):
    d = np.abs(x - target)
    return np.where(d <= delta, d * d / 2, delta * (d - delta / 2))


def smooth_l1(x, target, beta=1.0):
    d = np.abs(x - target)
    return np.where(d < beta, d * d / (2 * beta or 1), d - beta / 2)


def pinball(x, target, quantiles):
    d = target[..., None] - x
    return np.maximum(quantiles * d, (np.asarray(quantiles) - 1) * d)


def bce(x, target, weight=1.0, pos_weight=1.0):
    s = 1 / (1 + np.exp(-x))
    return -weight * (pos_weight * target * np.log(s) + (1 - target) * np.log(1 - s))


def cosine(x1, x2, target, margin=0.0):
    c = (x1 * x2).sum(-1) / np.sqrt(((x1 * x1).sum(-1) + 1e-12) * ((x2 * x2).sum(-1) + 1e-12))
    return np.where(target == 1, 1 - c, np.maximum(0, c - margin))


def nll(log_probs, target, weight=None, ignore_index=-100):
    w = np.ones(log_probs.shape[1]) if weight is None else weight
    return np.array([0.0 if t == ignore_index else -w[t] * row[t] for row, t in zip(log_probs, target, strict=True)])


RNG = np.random.default_rng(0)
DIFFERENCES = [
    ("mse_loss", lambda x, target: (x - target) ** 2, {}),
    ("l1_loss", lambda x, target: np.abs(x - target), {}),
    ("huber_loss", huber, {}),
    ("huber_loss", huber, {"delta": 0.3}),
    ("smooth_l1_loss", smooth_l1, {}),
    ("smooth_l1_loss", smooth_l1, {"beta": 0.3}),
    ("smooth_l1_loss", smooth_l1, {"beta": 0.0}),
    ("binary_cross_entropy_with_logits", bce, {}),
    ("binary_cross_entropy_with_logits", bce, {"pos_weight": RNG.random(5) + 0.5}),
    ("binary_cross_entropy_with_logits", bce, {"weight": RNG.random((7, 1)), "pos_weight": RNG.random(5) + 0.5}),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "formula", "options"), DIFFERENCES)
def test_elementwise_losses(name, formula, options, reduction):
    shapes = [(7, 5)] if "pos_weight" in options else [(7, 5), (3,), (9001,)]
    cases = [
        {"x": RNG.standard_normal(shape), "target": RNG.random(shape), "reduction": reduction, **options}
        for shape in shapes
    ]
    check_op(
        getattr(ops, name), lambda x, target, reduction, **rest: reduced(formula(x, target, **rest), reduction), cases
    )
    x, target = cases[0]["x"], cases[0]["target"]
    check_gradient(lambda x, t: getattr(ops, name)(x, t, reduction=reduction, **options), x, target)


def test_bce_of_extreme_logits():
    x = np.array([1e4, -1e4, 1e4, -1e4])
    target = np.array([1.0, 0.0, 0.0, 1.0])
    for _ in each_isa():
        np.testing.assert_array_equal(
            ops.binary_cross_entropy_with_logits(x, target, reduction="none"), [0, 0, 1e4, 1e4]
        )
        leaf = Tensor(x, requires_grad=True)
        ops.binary_cross_entropy_with_logits(leaf, target, reduction="sum").backward()
        np.testing.assert_array_equal(leaf.grad, [0, 0, 1, -1])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_pinball_loss(reduction):
    cases = [
        {"x": RNG.standard_normal((*shape, 3)), "target": RNG.standard_normal(shape), "quantiles": [0.1, 0.5, 0.95]}
        for shape in ((7, 5), (), (4001,))
    ]
    check_op(ops.pinball_loss, lambda x, target, quantiles: reduced(pinball(x, target, quantiles), "mean"), cases)
    x, target, quantiles = cases[0].values()
    expected = reduced(pinball(x, target, quantiles), reduction)
    np.testing.assert_allclose(ops.pinball_loss(x, target, quantiles, reduction=reduction), expected, rtol=1e-12)
    check_gradient(lambda x, t: ops.pinball_loss(x, t, quantiles, reduction=reduction), x, target)


def test_pinball_loss_is_least_at_the_quantile():
    target, levels = RNG.standard_normal(2001), [0.1, 0.5, 0.9]
    best = np.quantile(target, levels)
    for _ in each_isa():
        losses = [
            ops.pinball_loss(np.tile(best + shift, (2001, 1)), target, levels, reduction="none").mean(0)
            for shift in (0, -0.01, 0.01)
        ]
        assert (losses[0] < losses[1]).all() and (losses[0] < losses[2]).all()
        x = Tensor(np.zeros((2, 2)), requires_grad=True)
        ops.pinball_loss(x, [0.0, np.nan], [0.2, 0.7]).backward()
        np.testing.assert_array_equal(x.grad, [[0, 0], [np.nan, np.nan]])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("margin", [0.0, 0.2])
def test_cosine_embedding_loss(reduction, margin):
    x1, x2, target = RNG.standard_normal((9, 21)), RNG.standard_normal((9, 21)), RNG.choice([-1, 1], 9)
    options = {"margin": margin, "reduction": reduction}
    check_op(
        ops.cosine_embedding_loss,
        lambda x1, x2, target, margin, reduction: reduced(cosine(x1, x2, target, margin), reduction),
        [
            {"x1": x1, "x2": x2, "target": target, **options},
            {"x1": x1[0], "x2": x2[0], "target": np.array(1), **options},
        ],
    )
    check_gradient(lambda a, b: ops.cosine_embedding_loss(a, b, target, **options), x1, x2)


def test_cosine_embedding_loss_of_zero_vectors_is_finite():
    zero = np.zeros((1, 4))
    for _ in each_isa():
        leaf = Tensor(zero, requires_grad=True)
        loss = ops.cosine_embedding_loss(leaf, zero, np.array([1]))
        loss.backward()
        assert loss.data == 1
        assert (leaf.grad == 0).all()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "batchmean"])
@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div(log_target, reduction):
    x, p = ops.log_softmax(RNG.standard_normal((4, 6))), ops.softmax(RNG.standard_normal((4, 6)))
    target = np.log(p) if log_target else p
    losses = p * (np.log(p) - x)
    expected = losses.sum() / 4 if reduction == "batchmean" else reduced(losses, reduction)
    options = {"reduction": reduction, "log_target": log_target}
    np.testing.assert_allclose(ops.kl_div(x, target, **options), expected, rtol=1e-12)
    check_gradient(lambda x, t: ops.kl_div(x, t, **options), x, target)
    if not log_target:  # 0 log 0 = 0
        np.testing.assert_array_equal(ops.kl_div(x, 0 * p, reduction="none"), 0 * p)


@pytest.mark.parametrize("weight", [None, RNG.random(6) + 0.1])
def test_nll_loss(weight):
    log_probs, target = ops.log_softmax(RNG.standard_normal((8, 6))), RNG.integers(0, 6, 8)
    target[2] = -100
    counted = (np.ones(6) if weight is None else weight)[target[target != -100]].sum()
    losses = nll(log_probs, target, weight)
    expected = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / counted}
    for reduction, value in expected.items():
        np.testing.assert_allclose(ops.nll_loss(log_probs, target, weight, reduction=reduction), value, rtol=1e-12)
        check_gradient(lambda x, r=reduction: ops.nll_loss(x, target, weight, reduction=r), log_probs)
    whole = ops.cross_entropy(log_probs, target, weight)
    np.testing.assert_allclose(ops.nll_loss(log_probs, target, weight), whole, rtol=1e-12)
    images = np.moveaxis(log_probs.reshape(2, 4, 6), -1, 1)
    np.testing.assert_allclose(ops.nll_loss(images, target.reshape(2, 4), weight), whole, rtol=1e-12)


def test_one_hot():
    labels = np.array([[0, 3], [2, 2]], np.uint8)
    np.testing.assert_array_equal(ops.one_hot(labels), np.eye(4, dtype=np.int64)[labels])
    assert ops.one_hot(labels, 9).shape == (2, 2, 9)
    assert ops.one_hot(labels).dtype == np.int64
    assert ops.one_hot(np.zeros((0, 2), int), 3).shape == (0, 2, 3)


def test_bad_input():
    two, three = np.ones(2), np.ones(3)
    for loss in (ops.mse_loss, ops.l1_loss, ops.huber_loss, ops.smooth_l1_loss):
        with pytest.raises(ValueError, match=rf"{loss.__name__}: input and target .* got \(2,\) and \(3,\)"):
            loss(two, three)
    with pytest.raises(ValueError, match="delta must be positive, got 0"):
        ops.huber_loss(two, two, delta=0)
    with pytest.raises(ValueError, match="beta must not be negative, got -1"):
        ops.smooth_l1_loss(two, two, beta=-1)
    with pytest.raises(ValueError, match=r"pos_weight of shape \(3,\) does not broadcast to logits of shape \(2,\)"):
        ops.binary_cross_entropy_with_logits(two, two, pos_weight=three)
    with pytest.raises(ValueError, match=r"expected x of shape \(2, 3\), those of target and quantiles, got \(2,\)"):
        ops.pinball_loss(two, two, [0.1, 0.5, 0.9])
    with pytest.raises(ValueError, match=r"pinball_loss: quantiles: expected a finite number > 0 and < 1, got 1.0"):
        ops.pinball_loss(two[:, None], two, [1.0])
    with pytest.raises(ValueError, match="pinball_loss: quantiles: expected one or more, got none"):
        ops.pinball_loss(two[:, None][:, :0], two, [])
    with pytest.raises(TypeError, match="mse_loss: target: expected an array of numbers, got <U1"):
        ops.mse_loss(two, np.array(["a", "b"]))
    with pytest.raises(TypeError, match="kl_div: x: expected an array of numbers, got complex128"):
        ops.kl_div(two * 1j, two)
    with pytest.raises(ValueError, match="target must hold 1 and -1, got 0"):
        ops.cosine_embedding_loss(np.ones((2, 2)), np.ones((2, 2)), np.array([1, 0]))
    with pytest.raises(ValueError, match=r"nll_loss: target must lie in \[0, 2\) .* got 2"):
        ops.nll_loss(np.ones((1, 2)), np.array([2]))
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 3\), got 3"):
        ops.one_hot([0, 3], 3)
    with pytest.raises(TypeError, match="labels must be integers, got float64"):
        ops.one_hot([0.5])


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (-1.0, 1.0), (0.7, 0.5), (0.25, 0.0)])
def test_focal_loss(alpha, gamma):
    x, target = RNG.standard_normal((4, 3)) * 3, RNG.random((4, 3)).round(1)
    target[0] = [0, 1, 1]
    s = 1 / (1 + np.exp(-x))
    cross = -(target * np.log(s) + (1 - target) * np.log(1 - s))
    right = s * target + (1 - s) * (1 - target)
    weight = 1 if alpha < 0 else alpha * target + (1 - alpha) * (1 - target)
    options = {"alpha": alpha, "gamma": gamma}
    expected = weight * (1 - right) ** gamma * cross
    np.testing.assert_allclose(ops.sigmoid_focal_loss(x, target, **options), expected, rtol=1e-12)
    assert ops.sigmoid_focal_loss(x, target, reduction="mean", **options) == pytest.approx(expected.mean())
    check_gradient(lambda a, t: ops.sigmoid_focal_loss(a, t, **options), x, target)
    check_gradient(lambda a, t: ops.sigmoid_focal_loss(a, t, reduction="mean", **options), x, target)


def test_focal_loss_of_far_logits_is_finite():
    x, target = Tensor([800.0, -800.0, 800.0, -800.0], requires_grad=True), np.array([1.0, 0.0, 0.0, 1.0])
    loss = ops.sigmoid_focal_loss(x, target, gamma=0.5)
    loss.sum().backward()
    np.testing.assert_allclose(loss.data, [0, 0, 600, 200])
    np.testing.assert_allclose(x.grad, [0, 0, 0.75, -0.25])
    for bad, message in (
        ({"alpha": 2}, "alpha: expected a finite number <= 1"),
        ({"gamma": -1}, "gamma: expected a finite number >= 0"),
    ):
        with pytest.raises(ValueError, match=f"sigmoid_focal_loss: {message}"):
            ops.sigmoid_focal_loss(x, target, **bad)


def test_means_of_nothing_are_nan():
    empty = np.ones((0, 3))
    assert np.isnan(ops.mse_loss(empty, empty))
    assert ops.mse_loss(empty, empty, reduction="sum") == 0
    assert np.isnan(ops.nll_loss(empty, np.ones(0, int)))


def test_torch_agrees():
    torch = pytest.importorskip("torch")
    x, target = RNG.standard_normal((7, 5)), RNG.random((7, 5))
    for name, _, options in DIFFERENCES:
        for reduction in ("mean", "sum", "none"):
            leaves = Tensor(x, requires_grad=True), Tensor(target, requires_grad=True)
            peers = torch.tensor(x, requires_grad=True), torch.tensor(target, requires_grad=True)
            given = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
            ours = getattr(ops, name)(*leaves, reduction=reduction, **options)
            theirs = getattr(torch.nn.functional, name)(*peers, reduction=reduction, **given)
            np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-12)
            ours.backward(np.ones(ours.shape))
            theirs.sum().backward()
            for leaf, peer in zip(leaves, peers, strict=True):
                np.testing.assert_allclose(leaf.grad, peer.grad.numpy(), rtol=1e-11, atol=1e-15, err_msg=name)
