import numpy as np
import pytest
from attention_reference import case, masked_scores, weights_of
from harness import check_gradient, check_op, each_isa, each_team

import seqnn
from seqnn import ops
from seqnn.autograd import Tensor

CASES = [
    case(2, 3, 20, 8, 33),
    case(1, 2, 70, 16, 700, width=5),
    case(2, 4, 1, 8, 600, groups=2),
    case(1, 2, 130, 8, causal=True),
    case(2, 3, 20, 8, 33, mask=(2, 3, 20, 33), lengths=np.array([0, 30])),
    case(2, 3, 20, 8, 33, bias=(3, 20, 33), window=(3, 2)),
    case(2, 2, 20, 8, 33, weight=(8,)) | {"score": "additive"},
    case(2, 2, 3, 8, 33) | {"score": "cosine"},
    case(2, 2, 3, 8, 33, query_lengths=np.array([0, 2])),
    case(1, 1, 3, 8, 1, lengths=np.array([0])),
]


def chosen(q, k, v, index, query_lengths=None, **options):
    """What hard attention returns for these keys."""
    scores = masked_scores(q, k, **options)
    if query_lengths is not None:
        scores = np.where((np.arange(q.shape[2]) < query_lengths[:, None])[:, None, :, None], scores, -np.inf)
    if index is None:
        index = np.where(np.isneginf(scores).all(-1), -1, scores.argmax(-1))
    v = np.repeat(v, q.shape[1] // v.shape[1], axis=1)
    none = index[..., None] < 0
    out = np.where(none, 0, np.take_along_axis(v, np.maximum(index, 0)[..., None], 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        log_p = np.log(np.take_along_axis(weights_of(q, k, **options), np.maximum(index, 0)[..., None], 3)[..., 0])
    return out, np.where(none[..., 0], 0, log_p), index.astype(np.int32)


def test_the_best_key():
    check_op(
        ops.hard_attention, lambda **given: chosen(given.pop("q"), given.pop("k"), given.pop("v"), None, **given), CASES
    )


def test_draws_are_of_the_keys_they_name_and_the_same_for_any_team():
    for given in CASES:
        for _ in each_isa():
            first = None
            for _ in each_team():
                got = ops.hard_attention(**given, sample=True, seed=7)
                first = first or got
                for g, f in zip(got, first, strict=True):
                    np.testing.assert_array_equal(g, f)
            arrays = {n: x for n, x in given.items() if n not in "qkv"}
            for g, e in zip(first, chosen(given["q"], given["k"], given["v"], first[2], **arrays), strict=True):
                np.testing.assert_allclose(g, e, atol=1e-11)


def test_draws_have_the_probabilities_of_soft_attention():
    given = case(1, 2, 3, 4, 9)
    q = np.repeat(given["q"], 4000, axis=2)
    for _ in each_isa():
        index = ops.hard_attention(q, given["k"], given["v"], sample=True, seed=1)[2]
        found = np.stack([(index.reshape(2, 3, 4000) == s).mean(-1) for s in range(9)], -1)
        np.testing.assert_allclose(found, weights_of(given["q"], given["k"])[0], atol=0.03)


def test_draws_follow_the_seeds():
    given = case(1, 2, 50, 4, 70)
    draw = lambda **more: ops.hard_attention(**given, sample=True, **more)[2]  # noqa: E731
    assert (draw(seed=1) != draw(seed=2)).any()
    seqnn.random.seed(5)
    first = draw()
    assert (draw() != first).any()
    seqnn.random.seed(5)
    np.testing.assert_array_equal(draw(), first)


@pytest.mark.parametrize("rules", [{}, {"causal": True}, {"groups": 1}, {"bias": (2, 4, 5)}, {"relative": (2, 8)},
                                   {"weight": (3,), "score": "additive"}, {"score": "cosine"}])  # fmt: skip
def test_gradients_of_the_log_probability_are_those_of_differences(rules):
    given = case(2, 2, 4, 3, 5, **rules)
    names = [n for n, x in given.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    arrays = [given.pop(n) for n in names]

    def both(*xs):
        out, log_p, _ = ops.hard_attention(**dict(zip(names, xs, strict=True)), **given, sample=True, seed=3)
        return ops.concatenate([out.reshape(-1), log_p.reshape(-1)])

    # A difference in the scores changes no choice: `out` moves with v only.
    check_gradient(both, *arrays)


def test_straight_through_has_the_gradient_of_soft_attention():
    given = case(2, 4, 70, 8, 90, groups=2)
    grad = np.random.default_rng(2).standard_normal((2, 4, 70, 8))
    for _ in each_isa():
        hard, soft = ([Tensor(given[n], requires_grad=True) for n in "qkv"] for _ in range(2))
        out, _, index = ops.hard_attention(*hard, straight_through=True)
        out.backward(grad)
        ops.attention(*soft).backward(grad)
        for mine, other in zip(hard[:2], soft[:2], strict=True):
            np.testing.assert_allclose(mine.grad, other.grad, atol=1e-12)
        dv = np.zeros_like(given["v"])
        for b, h, t in np.ndindex(2, 4, 70):
            dv[b, h // 2, index[b, h, t]] += grad[b, h, t]
        np.testing.assert_allclose(hard[2].grad, dv, atol=1e-12)


def test_reinforce_learns_which_key_is_rewarded():
    rng = np.random.default_rng(0)
    k = v = np.eye(6, dtype=np.float32)[None, None]
    q = Tensor(rng.standard_normal((1, 1, 1, 6)).astype(np.float32) * 0.1, requires_grad=True)
    for step in range(60):
        q.zero_grad()
        _, log_prob, index = ops.hard_attention(q * np.ones((1, 1, 64, 1), np.float32), k, v, sample=True, seed=step)
        ops.reinforce_loss(log_prob[0, 0], index[0, 0] == 4, "mean").backward()
        q.data -= 20 * q.grad
    assert ops.attention(q.data, k, v)[0, 0, 0, 4] > 0.8


def test_reinforce_loss():
    log_prob, reward = np.array([-1.0, -2.0, -3.0]), np.array([1.0, 0.0, 5.0])
    assert ops.reinforce_loss(log_prob, reward).item() == pytest.approx(-(log_prob * reward).mean())
    assert ops.reinforce_loss(log_prob, reward, 2.0).item() == pytest.approx(-(log_prob * (reward - 2)).mean())
    others = np.array([2.5, 3.0, 0.5])
    assert ops.reinforce_loss(log_prob, reward, "mean").item() == pytest.approx(-(log_prob * (reward - others)).mean())
    check_gradient(lambda x: ops.reinforce_loss(x, reward, 1.0), log_prob)
    with pytest.raises(ValueError, match=r"reward \(2,\) and baseline \(\) must broadcast .* \(3,\)"):
        ops.reinforce_loss(log_prob, reward[:2])
    with pytest.raises(ValueError, match="baseline must be an array, a number, 'mean' or None, got 'median'"):
        ops.reinforce_loss(log_prob, reward, "median")
    with pytest.raises(ValueError, match="needs at least 2 draws"):
        ops.reinforce_loss(log_prob[:1], reward[:1], "mean")


def test_not_a_number_comes_through():
    given = case(1, 1, 5, 4, 7)
    given["q"][0, 0, 2] = np.nan
    for _ in each_isa():
        out, log_prob, index = ops.hard_attention(**given)
        assert np.isnan(out[0, 0, 2]).all() and np.isnan(log_prob[0, 0, 2]) and index[0, 0, 2] == -1
        assert np.isfinite(np.delete(out, 2, 2)).all()
