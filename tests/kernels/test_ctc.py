import itertools

import numpy as np
import pytest
from ctc_reference import probabilities
from harness import assert_identical, check_float32_gradients, check_gradient, check_op, each_isa, each_team

from seqnn import Tensor, _core, ops


def one_loss(frames, labels, blank):
    """The formula of Graves et al., state by state."""
    states = [blank, *itertools.chain.from_iterable((label, blank) for label in labels)]
    if not len(frames):
        return 0.0 if not len(labels) else np.inf
    sums = np.full(len(states), -np.inf)
    sums[:2] = frames[0, states[:2]]
    for frame in frames[1:]:
        before = np.concatenate([[-np.inf, -np.inf], sums])
        jumps = np.array([s % 2 == 1 and s > 1 and states[s] != states[s - 2] for s in range(len(states))])
        sums = np.logaddexp(np.logaddexp(sums, before[1:-1]), np.where(jumps, before[:-2], -np.inf)) + frame[states]
    return -np.logaddexp.reduce(sums[-2:])


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    losses = np.array([
        one_loss(log_probs[:t, n], targets[n, :s], blank)
        for n, (t, s) in enumerate(zip(input_lengths, target_lengths, strict=True))
    ])  # fmt: skip
    losses = np.where(np.isinf(losses) & zero_infinity, 0, losses)
    if reduction == "none":
        return losses
    return np.asarray((losses / np.maximum(target_lengths, 1)).mean() if reduction == "mean" else losses.sum())


def case(frames, rows, classes, labels, seed=0, scale=1.0, **options):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((frames, rows, classes)) * scale
    blank = options.get("blank", 0)
    y = (blank + rng.integers(1, classes, (rows, labels))) % classes
    sizes = rng.integers(0, labels + 1, rows)
    sizes[0] = labels
    lengths = rng.integers(min(frames, 2 * labels), frames + 1, rows)
    y[np.arange(labels) >= sizes[:, None]] = -1  # padding may hold anything
    given = {"log_probs": ops.log_softmax(x), "targets": y, "input_lengths": lengths, "target_lengths": sizes}
    return {**given, **options}


CASES = [case(8, 3, 5, 3, reduction=r) for r in ("mean", "sum", "none")]
CASES += [case(9, 4, 3, 4, blank=2), case(40, 2, 7, 15), case(90, 3, 30, 40, blank=29, reduction="sum")]
CASES += [case(6, 5, 2, 3, zero_infinity=True), case(20, 3, 4, 8, scale=20.0), case(5, 2, 4, 0), case(1, 2, 3, 1)]


def test_losses_agree_with_the_formula():
    check_op(ops.ctc_loss, ctc_loss, CASES)


@pytest.mark.parametrize("blank", [0, 2])
def test_losses_agree_with_every_path_counted(blank):
    for seed in range(3):
        x = ops.log_softmax(np.random.default_rng(seed).standard_normal((5, 3)) * 2)
        expected = probabilities(x, blank)
        for _ in each_isa():
            for y, p in expected.items():
                assert np.exp(-ops.ctc_loss(x, np.array(y, int), blank=blank, reduction="none")) == pytest.approx(
                    p, rel=1e-11
                )


@pytest.mark.parametrize(
    "made", [c for c in CASES if c["log_probs"].size < 400], ids=lambda c: str(c["log_probs"].shape)
)
def test_gradients(made):
    made = dict(made)
    x = made.pop("log_probs")
    check_gradient(lambda x: ops.ctc_loss(x, **made), x)
    check_gradient(lambda x: ops.ctc_loss(ops.log_softmax(x), **made), x)


def gradients(made, dtype):
    made = dict(made)
    leaf = Tensor(made.pop("log_probs").astype(dtype), requires_grad=True)
    loss = ops.ctc_loss(leaf, **made)
    loss.backward(np.linspace(1, -2, loss.size, dtype=dtype).reshape(loss.shape))
    return (leaf.grad,)


def test_float32_gradients():
    check_float32_gradients(gradients, [*CASES, case(300, 6, 12, 60), case(1500, 2, 4, 30, scale=5.0)])


def test_large_batches_are_the_same_bits_for_all_teams():
    made = case(100, 40, 20, 30)
    for _ in each_isa():
        first = None
        for _ in each_team():
            got = gradients(made, np.float32)
            first = first or got
            assert_identical(got, first)


def test_targets_come_padded_or_behind_each_other_and_batches_may_be_left_out():
    made = case(12, 4, 5, 4, reduction="none")
    expected = ops.ctc_loss(**made)
    joined = np.concatenate([row[:n] for row, n in zip(made["targets"], made["target_lengths"], strict=True)])
    assert_identical(ops.ctc_loss(**{**made, "targets": joined}), expected)
    for n in range(4):
        x, y = made["log_probs"][:, n], made["targets"][n, : made["target_lengths"][n]]
        one = ops.ctc_loss(x, y, int(made["input_lengths"][n]), len(y), reduction="none")
        assert one.shape == () and one == expected[n]
        assert ops.ctc_loss(x, y.tolist(), [made["input_lengths"][n]]) == pytest.approx(expected[n] / max(len(y), 1))
    leaf = Tensor(made["log_probs"][:, 0], requires_grad=True)
    ops.ctc_loss(leaf, made["targets"][0]).backward()
    assert leaf.grad.shape == leaf.shape


def test_targets_that_are_too_long_have_an_infinite_loss_or_none():
    x = ops.log_softmax(np.random.default_rng(0).standard_normal((3, 3, 4)))
    y = np.array([[1, 2, 3], [1, 1, 2], [1, 2, 0]])  # the second needs four frames
    sizes = [3, 3, 2]
    for _ in each_isa():
        loss = ops.ctc_loss(x, y, None, sizes, reduction="none")
        assert np.isfinite(loss[[0, 2]]).all() and loss[1] == np.inf
        leaf = Tensor(x, requires_grad=True)
        ops.ctc_loss(leaf, y, None, sizes, reduction="sum").backward()
        assert np.isnan(leaf.grad[:, 1]).all() and np.isfinite(leaf.grad[:, [0, 2]]).all()
        leaf.grad = None
        total = ops.ctc_loss(leaf, y, None, sizes, reduction="sum", zero_infinity=True)
        total.backward()
        assert total.item() == loss[0] + loss[2] and not leaf.grad[:, 1].any() and leaf.grad[:, 0].any()
        assert ops.ctc_loss(x, y, [0, 3, 0], [0, 0, 2], reduction="none")[[0, 2]].tolist() == [0, np.inf]


def test_labels_that_are_impossible_have_an_infinite_loss_and_nan_shows():
    x = np.log(np.full((4, 2, 3), 1 / 3))
    x[:, 0, 1] = -np.inf
    for _ in each_isa():
        assert np.isinf(ops.ctc_loss(x, [[1], [1]], reduction="none")).tolist() == [True, False]
    for t, c in itertools.product(range(4), (0, 1)):
        spoilt = np.log(np.full((4, 2, 3), 1 / 3))
        spoilt[t, 0, c] = np.nan
        for _ in each_isa():
            assert np.isnan(ops.ctc_loss(spoilt, [[1], [1]], reduction="none")).tolist() == [True, False]


def test_classes_that_are_impossible_do_not_spoil_the_gradient_of_the_others():
    x = np.random.default_rng(2).standard_normal((6, 1, 5))
    x[..., 4] = -np.inf
    for _ in each_isa():
        leaf = Tensor(x, requires_grad=True)
        ops.ctc_loss(ops.log_softmax(leaf), [[1, 2, 1]]).backward()
        assert np.isfinite(leaf.grad).all() and not leaf.grad[..., 4].any() and leaf.grad[..., 1].all()


def test_bad_input():
    x, y = np.zeros((5, 2, 4)), np.array([[1, 2], [3, 1]])
    for wrong in (4, -1):
        with pytest.raises(ValueError, match=rf"ctc_loss: targets must lie in \[0, 4\), got {wrong}"):
            ops.ctc_loss(x, np.array([[1, 2], [3, wrong]]))
    with pytest.raises(ValueError, match="ctc_loss: targets hold the blank, 0: leave it out, or give target_lengths"):
        ops.ctc_loss(x, [[1, 2], [3, 0]])
    with pytest.raises(TypeError, match="ctc_loss: targets must be integers, got float64"):
        ops.ctc_loss(x, y * 1.0)
    with pytest.raises(ValueError, match=r"ctc_loss: targets has shape \(3, 2\), expected \[2, S\], or all"):
        ops.ctc_loss(x, [[1, 2], [3, 1], [1, 1]])
    with pytest.raises(ValueError, match="ctc_loss: target_lengths add up to 3, but there are 4 targets"):
        ops.ctc_loss(x, [1, 2, 3, 1], None, [1, 2])
    with pytest.raises(ValueError, match=r"ctc_loss: targets has shape \(4,\).* with target_lengths"):
        ops.ctc_loss(x, [1, 2, 3, 1])
    with pytest.raises(ValueError, match=r"ctc_loss: target_lengths lie in \[1, 3\], expected \[0, 2\], the labels"):
        ops.ctc_loss(x, y, None, [1, 3])
    with pytest.raises(ValueError, match=r"ctc_loss: input_lengths lie in \[5, 6\], expected \[0, 5\], the frames"):
        ops.ctc_loss(x, y, [5, 6])
    with pytest.raises(ValueError, match=r"ctc_loss: input_lengths lie in \[-5570080269274466818, -1\], expected"):
        ops.ctc_loss(x, y, [-5570080269274466818, -1])
    with pytest.raises(ValueError, match=r"ctc_loss: input_lengths has shape \(3,\)"):
        ops.ctc_loss(x, y, [5, 5, 5])
    with pytest.raises(ValueError, match=r"ctc_loss: blank must lie in \[0, 4\), got 4"):
        ops.ctc_loss(x, y, blank=4)
    with pytest.raises(ValueError, match=r"ctc_loss: log_probs has shape \(5,\), expected \[T, N, C\] or \[T, C\]"):
        ops.ctc_loss(x[:, 0, 0], y)
    with pytest.raises(ValueError, match="ctc_loss: reduction must be 'mean', 'sum' or 'none', got 'token'"):
        ops.ctc_loss(x, y, reduction="token")


def test_kernels_refuse_targets_and_lengths_out_of_range():
    x, y = np.zeros((5, 2, 4)), np.array([[1, 2], [3, 1]])
    for name, wrong in (("targets", y + 2), ("input_lengths", [5, 6]), ("target_lengths", [3, 0]), ("blank", 4)):
        given = {"targets": y, "input_lengths": [5, 5], "target_lengths": [2, 2], "blank": 0, name: wrong}
        with pytest.raises(ValueError, match=name):
            _core.ctc_forward(x, **{k: v if k == "blank" else np.asarray(v) for k, v in given.items()})


def test_torch_agrees():
    torch = pytest.importorskip("torch")
    for made in CASES:
        made = dict(made)
        x, y, lengths, sizes = (made.pop(k) for k in ("log_probs", "targets", "input_lengths", "target_lengths"))
        y = np.where(y < 0, 1, y)
        leaf, peer = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        ours = ops.ctc_loss(ops.log_softmax(leaf), y, lengths, sizes, **made)
        given = [torch.from_numpy(np.asarray(a)) for a in (y, lengths, sizes)]
        theirs = torch.nn.functional.ctc_loss(peer.log_softmax(-1), *given, **made)
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-11, atol=1e-14)
        ours.backward(np.ones(ours.shape))
        theirs.sum().backward()
        np.testing.assert_allclose(leaf.grad, peer.grad.numpy(), rtol=1e-9, atol=1e-12)
