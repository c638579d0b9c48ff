import numpy as np
import pytest
from attention_reference import attention, case, gradients
from harness import check_float32_gradients, check_gradient, check_op, each_isa

from seqnn import ops
from seqnn.autograd import Tensor

TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}
SCORES = ("dot", "scaled_dot", "cosine", "general", "additive")
RULES = [
    {},
    {"causal": True},
    {"mask": (20, 33)},
    {"mask": (2, 1, 1, 33), "causal": True, "query_offset": 13},
    {"bias": (3, 20, 33)},
    {"relative": (3, 52), "scale": 0.3},
    {"lengths": np.array([0, 17]), "query_lengths": np.array([20, 11])},
    {"window": (4, 9), "query_offset": 5},
    {"groups": 1, "width": 5},
]


def with_score(score, shape=(2, 3, 20, 8), s=33, heads=None, seed=3, **rules):
    weight = {"general": (shape[3], shape[3]), "additive": (shape[3],) if heads is None else (heads, shape[3])}
    more = {"weight": weight[score]} if score in weight else {}
    return case(*shape, s, seed=seed, **rules, **more) | {"score": score}


CASES = [with_score(score, **rules) for score in SCORES for rules in RULES] + [
    with_score("additive", heads=3, groups=1),
    with_score("additive", (2, 2, 1, 37), 530),
    with_score("additive", (1, 1, 70, 37), 600, lengths=np.array([590])),
    with_score("additive", (1, 2, 5, 0), 3),
    with_score("general", (1, 2, 1, 5), 70),
]


@pytest.mark.parametrize(("need_weights", "every"), [(True, 1), (False, 4)])
def test_values(need_weights, every):
    both = lambda f: lambda **options: f(**options, need_weights=need_weights)  # noqa: E731
    check_op(both(ops.attention), both(attention), CASES[::every], tolerance=TOLERANCE)


@pytest.mark.parametrize("more", [{}, {"need_weights": True}, {"dropout": 0.3, "seed": 5}])
def test_gradients_agree_with_float64_and_between_teams(more):
    cases = CASES[len(RULES) * 2 :: 2 if more else 1]  # dot products: in the kernel's tests
    check_float32_gradients(lambda given, dtype: gradients(given, dtype, **more), cases)


@pytest.mark.parametrize("score", ["cosine", "general", "additive"])
@pytest.mark.parametrize(
    "rules", [{}, {"causal": True}, {"bias": (3, 4, 5)}, {"groups": 1}, {"lengths": np.array([5, 2])}]
)
def test_gradients_are_those_of_differences(score, rules):
    given = with_score(score, (2, 3, 4, 3), 5, **rules)
    names = [n for n, x in given.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    arrays = [given.pop(n) for n in names]
    check_gradient(lambda *xs: ops.attention(**dict(zip(names, xs, strict=True)), **given), *arrays)


def test_gradients_of_a_weight_a_head():
    given = with_score("additive", (1, 4, 3, 5), 6, heads=4, groups=2)
    check_gradient(
        lambda q, k, v, weight: ops.attention(q, k, v, weight=weight, score="additive"),
        *(given[n] for n in ("q", "k", "v", "weight")),
    )


def test_additive_scores_of_large_queries_and_keys():
    given = with_score("additive", (1, 1, 6, 4), 9)
    given["q"] = given["q"] * 300
    given["k"] = -np.repeat(given["q"][:, :, :1], 9, 2) + given["k"]  # the sums are small where both are large
    for t in (6, 1):
        given["q"] = given["q"][:, :, :t]
        check_op(ops.attention, attention, [given], tolerance={d: 1e4 * x for d, x in TOLERANCE.items()})
        for _ in each_isa():
            for g, e in zip(gradients(given, np.float32), gradients(given, np.float64), strict=True):
                np.testing.assert_allclose(g, e, atol=2e-4 * max(1, np.abs(e).max()))


def test_not_a_number_comes_through_additive_scores():
    for t in (20, 1):
        given = with_score("additive", (1, 1, t, 8), 30)
        given["q"][0, 0, 0, 2] = np.nan
        for _ in each_isa():
            for dtype in (np.float32, np.float64):
                out = ops.attention(*(given[n].astype(dtype) for n in "qkv"), weight=given["weight"].astype(dtype),
                                    score="additive")  # fmt: skip
                assert np.isnan(out[0, 0, 0]).all() and np.isfinite(out[0, 0, 1:]).all()


def test_cosine_of_a_row_of_zeros_is_zero():
    q = np.zeros((1, 1, 1, 4), np.float32)
    k = np.random.default_rng(0).standard_normal((1, 1, 5, 4)).astype(np.float32)
    weights = ops.attention(q, k, k, need_weights=True, score="cosine")[1]
    np.testing.assert_allclose(weights, 0.2, rtol=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_results_lie_as_the_queries_do(score):
    x = np.random.default_rng(0).standard_normal((3, 2, 70, 4, 8)).astype(np.float32)
    leaves = [Tensor(part.swapaxes(1, 2), requires_grad=True) for part in x]
    weight = {"general": np.eye(8, dtype=np.float32), "additive": np.ones(8, np.float32)}.get(score)
    out = ops.attention(*leaves, weight=weight, score=score)
    assert out.data.swapaxes(1, 2).flags.c_contiguous


def test_torch_on_additive_scores():
    torch = pytest.importorskip("torch")
    given = with_score("additive", (2, 1, 30, 16), 40)
    arrays = [given[n].astype(np.float32) for n in ("q", "k", "v", "weight")]
    q, k, v, w = theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    p = (torch.tanh(q[:, :, :, None] + k[:, :, None]) @ w).softmax(-1)
    expected = p @ v
    grad = np.random.default_rng(1).standard_normal(expected.shape).astype(np.float32)
    expected.backward(torch.from_numpy(grad))
    ours = [Tensor(x, requires_grad=True) for x in arrays]
    out = ops.attention(*ours[:3], weight=ours[3], score="additive")
    out.backward(grad)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), atol=2e-6)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.grad, other.grad.numpy(), atol=2e-5)


def test_bad_input():
    q, k = np.ones((2, 4, 5, 8)), np.ones((2, 4, 6, 7))
    with pytest.raises(ValueError, match=r"score must be one of 'scaled_dot', .* got 'bilinear'"):
        ops.attention(q, q, q, score="bilinear")
    with pytest.raises(ValueError, match="score='general' needs a weight"):
        ops.attention(q, q, q, score="general")
    with pytest.raises(ValueError, match="weight is for the scores 'general' and 'additive', not for 'dot'"):
        ops.attention(q, q, q, weight=np.ones(8), score="dot")
    with pytest.raises(ValueError, match=r"\[size of q, size of k\] = \[8, 7\], got \(7, 8\)"):
        ops.attention(q, k, k, weight=np.ones((7, 8)), score="general")
    with pytest.raises(ValueError, match=r"shape \[A\] or \[H, A\] = \[4, 8\], got \(3, 8\)"):
        ops.attention(q, q, q, weight=np.ones((3, 8)), score="additive")
    for score in SCORES[:3]:
        with pytest.raises(ValueError, match=r"expected q \[B, H, T, D\].* got \(2, 4, 5, 8\), \(2, 4, 6, 7\)"):
            ops.attention(q, k, k, score=score)
        with pytest.raises(ValueError, match="q must have 4 axes"):
            ops.attention(q[0], k, k, score=score)
