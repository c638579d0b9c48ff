import numpy as np
import pytest
from harness import assert_identical, check_gradient, check_op, each_isa, each_team

from seqnn import _core, ops
from seqnn.autograd import Tensor


def cross_entropy(logits, target, weight=None, ignore_index=-100, label_smoothing=0.0, reduction="mean"):
    """The formula of the docstring, row by row."""
    rows = np.moveaxis(logits, 1, -1).reshape(-1, logits.shape[1]) if logits.ndim > 1 else logits[None]
    classes = rows.shape[1]
    w = np.ones(classes) if weight is None else weight
    losses, divisor = np.zeros(len(rows)), 0.0
    for r, (x, t) in enumerate(zip(rows, target.reshape(-1), strict=True)):
        if t == ignore_index:
            continue
        log_p = x - x.max() - np.log(np.exp(x - x.max()).sum())
        losses[r] = -(1 - label_smoothing) * w[t] * log_p[t] - label_smoothing / classes * (w * log_p).sum()
        divisor += w[t]
    if reduction == "none":
        return losses.reshape(target.shape)
    return np.asarray(losses.sum() / (divisor if reduction == "mean" else 1))


def case(*shape, seed=0, weight=False, ignored=0, **options):
    rng = np.random.default_rng(seed)
    classes = shape[1] if len(shape) > 1 else shape[0]
    target = rng.integers(0, classes, shape[:1] + shape[2:] if len(shape) > 1 else ())
    made = {"logits": rng.standard_normal(shape) * 3, "target": target, **options}
    if ignored:
        target.reshape(-1)[:ignored] = options.get("ignore_index", -100)
    if weight:
        made["weight"] = rng.random(classes) + 0.1
    return made


REDUCTIONS = "mean", "sum", "none"
CASES = [case(6, 37, reduction=r) for r in REDUCTIONS]
CASES += [case(6, 37, reduction=r, weight=True, ignored=2) for r in REDUCTIONS]
CASES += [case(6, 37, reduction=r, weight=True, ignored=1, label_smoothing=0.1) for r in REDUCTIONS]
CASES += [
    case(5, 3, label_smoothing=1.0),
    case(5, 16, ignore_index=2),
    case(1, 1),
    case(300, 1001, label_smoothing=0.2),
]
CASES += [case(9), case(2, 5, 3), case(2, 5, 3, 4, weight=True, reduction="none")]


def test_values():
    check_op(ops.cross_entropy, cross_entropy, CASES)


@pytest.mark.parametrize("options", [c for c in CASES if c["logits"].size < 400])
def test_gradients(options):
    options = dict(options)
    logits = options.pop("logits")
    target, weight = options.pop("target"), options.pop("weight", None)
    check_gradient(lambda x: ops.cross_entropy(x, target, weight, **options), logits)


def soft_cross_entropy(logits, target, weight=None, label_smoothing=0.0, reduction="mean"):
    """The formula for probabilities as targets; the axis of classes is axis 1."""
    x, q = np.moveaxis(logits, 1, -1), np.moveaxis(target, 1, -1)
    q = (1 - label_smoothing) * q + label_smoothing / x.shape[-1]
    log_p = x - x.max(-1, keepdims=True) - np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True))
    losses = -((1.0 if weight is None else weight) * q * log_p).sum(-1)
    return losses if reduction == "none" else np.asarray(losses.sum() if reduction == "sum" else losses.mean())


def soft_case(*shape, seed=0, weight=False, **options):
    rng = np.random.default_rng(seed)
    target = rng.random(shape)
    made = {"logits": rng.standard_normal(shape) * 3, "target": target / target.sum(1, keepdims=True), **options}
    return made | ({"weight": rng.random(shape[1]) + 0.1} if weight else {})


SOFT_CASES = [soft_case(6, 5, reduction=r) for r in REDUCTIONS]
SOFT_CASES += [soft_case(2, 5, 3, reduction=r, weight=True, label_smoothing=0.1) for r in REDUCTIONS]


def test_values_of_probabilities():
    check_op(ops.cross_entropy, soft_cross_entropy, SOFT_CASES)


@pytest.mark.parametrize("options", SOFT_CASES)
def test_gradients_of_probabilities(options):
    options = dict(options)
    logits, target, weight = options.pop("logits"), options.pop("target"), options.pop("weight", None)
    check_gradient(lambda x, q: ops.cross_entropy(x, q, weight, **options), logits, target)
    with pytest.raises(ValueError, match="ignore_index is for class numbers, got 3 with probabilities"):
        ops.cross_entropy(logits, target, ignore_index=3)


def test_the_gradient_is_exact_whoever_asks():
    rng = np.random.default_rng(4)
    logits, target = rng.standard_normal((7, 45)), rng.integers(0, 45, 7)
    for _ in each_isa():
        grads = []
        for scale in (1.0, 0.25):  # from the forward pass; again from the log-sum-exp
            leaf = Tensor(logits, requires_grad=True)
            loss = ops.cross_entropy(leaf, target, label_smoothing=0.1)
            loss.backward(np.asarray(scale), retain_graph=True)
            grads.append(leaf.grad / scale)
            leaf.grad = None
            loss.backward(np.asarray(scale))  # a second time
            grads.append(leaf.grad / scale)
        for other in grads[1:]:
            np.testing.assert_allclose(other, grads[0], rtol=1e-12, atol=1e-16)


@pytest.mark.usefixtures("several_threads")
def test_large_gradients_are_the_same_bits_as_small_ones():
    rng = np.random.default_rng(5)
    logits, target = rng.standard_normal((1500, 3003)).astype(np.float32), rng.integers(0, 3003, 1500)
    for _ in each_isa():
        first = None
        for _ in each_team():
            leaf = Tensor(logits, requires_grad=True)
            ops.cross_entropy(leaf, target, reduction="sum").backward()
            first = leaf.grad if first is None else first
            assert leaf.grad.tobytes() == first.tobytes()
        leaf = Tensor(logits[700:702].copy(), requires_grad=True)
        ops.cross_entropy(leaf, target[700:702], reduction="sum").backward()
        assert leaf.grad.tobytes() == first[700:702].tobytes()


@pytest.mark.parametrize(
    "options", [{"weight": None, "smoothing": 0.0}, {"weight": np.arange(1.0, 1102), "smoothing": 0.1}]
)
def test_the_gradient_takes_the_place_of_the_logits(options):
    """cross_entropy_replace: the bits of cross_entropy_forward."""
    rng = np.random.default_rng(6)
    logits, target = rng.standard_normal((9, 1101)) * 3, np.array([0, 5, -100, 1100, 7, -100, 1024, 3, 3])
    for _ in each_isa():
        for dtype in (np.float32, np.float64):
            rules = {**options, "ignore_index": -100}
            if options["weight"] is not None:
                rules["weight"] = options["weight"].astype(dtype)
            expected = _core.cross_entropy_forward(logits.astype(dtype), target, **rules, mean=False, grad=True)
            for _ in each_team():
                replaced = logits.astype(dtype)
                loss = _core.cross_entropy_replace(replaced, target, **rules, factor=0.25)
                assert_identical((loss, replaced), (expected.loss, expected.grad * dtype(0.25)))


def test_extremes():
    for _ in each_isa():
        assert ops.cross_entropy(np.array([[1e30, 0.0]]), np.array([0])) == 0
        assert ops.cross_entropy(np.array([[0.0, -np.inf]]), np.array([1])) == np.inf
        assert np.isnan(ops.cross_entropy(np.array([[np.nan, 0.0]]), np.array([1])))
        assert np.isnan(ops.cross_entropy(np.ones((2, 3)), np.array([-100, -100])))
        assert ops.cross_entropy(np.ones((2, 3)), np.array([-100, -100]), reduction="sum") == 0


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_targets_written_over_after_the_loss_do_not_change_its_gradient(reduction):
    logits = np.random.default_rng(0).standard_normal((64, 5)).astype(np.float32)
    for op in (ops.cross_entropy, lambda x, *rest, **options: ops.nll_loss(ops.log_softmax(x), *rest, **options)):
        gradients = []
        for later in (None, 4, 10**12):
            target, leaf = np.arange(64) % 5, Tensor(logits, requires_grad=True)
            loss = (op(leaf, target, reduction=reduction) * 0.5).sum()
            if later is not None:
                target[:] = later
            loss.backward()
            gradients.append(leaf.grad)
        assert_identical(tuple(gradients[1:]), (gradients[0],) * 2)


def test_kernels_refuse_targets_that_are_no_classes():
    logits, row = np.ones((4, 5)), np.ones(4)
    for wrong in (-1, 5, 10**12, -(2**63)):
        target = np.array([0, 4, -100, wrong])
        with pytest.raises(ValueError, match=r"target holds a class that is not in \[0, C\)"):
            _core.cross_entropy_forward(logits, target, ignore_index=-100, smoothing=0.0, mean=True)
        with pytest.raises(ValueError, match=r"target holds a class that is not in \[0, C\)"):
            _core.cross_entropy_backward(logits, target, row, row, ignore_index=-100, smoothing=0.0)
        with pytest.raises(ValueError, match=r"target holds a class that is not in \[0, C\)"):
            _core.cross_entropy_replace(logits.copy(), target, ignore_index=-100, smoothing=0.0, factor=1.0)


def test_bad_input():
    logits = np.ones((4, 5))
    with pytest.raises(ValueError, match=r"target must lie in \[0, 5\) or be ignore_index -100, got 5 \(2 of 4"):
        ops.cross_entropy(logits, np.array([0, 5, -100, -1]))
    with pytest.raises(TypeError, match=r"target must hold class numbers .* got float64"):
        ops.cross_entropy(logits, np.ones(4))
    with pytest.raises(ValueError, match=r"got logits \(4, 5\) and target \(3,\)"):
        ops.cross_entropy(logits, np.zeros(3, int))
    with pytest.raises(ValueError, match=r"weight must have shape \(5,\), got \(4,\)"):
        ops.cross_entropy(logits, np.zeros(4, int), np.ones(4))
    with pytest.raises(ValueError, match=r"label_smoothing must lie in \[0, 1\], got 2"):
        ops.cross_entropy(logits, np.zeros(4, int), label_smoothing=2)
    with pytest.raises(ValueError, match="reduction must be 'mean', 'sum' or 'none', got 'avg'"):
        ops.cross_entropy(logits, np.zeros(4, int), reduction="avg")


def test_torch_agrees():
    torch = pytest.importorskip("torch")
    for options in CASES:
        options = dict(options)
        logits, target, weight = options.pop("logits"), options.pop("target"), options.pop("weight", None)
        leaf, peer = Tensor(logits, requires_grad=True), torch.tensor(logits, requires_grad=True)
        ours = ops.cross_entropy(leaf, target, weight, **options)
        given = None if weight is None else torch.tensor(weight)
        theirs = torch.nn.functional.cross_entropy(peer, torch.tensor(target), given, **options)
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-11)
        ours.backward(np.ones(ours.shape))
        theirs.sum().backward()
        np.testing.assert_allclose(leaf.grad, peer.grad.numpy(), rtol=1e-10, atol=1e-14)
