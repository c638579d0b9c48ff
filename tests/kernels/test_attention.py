import numpy as np
import pytest
from attention_reference import attention, case, gradients
from harness import assert_identical, check_float32_gradients, check_gradient, check_op, each_isa, isa

from seqnn import _core, ops
from seqnn.autograd import Tensor

CASES = [
    case(1, 1, 1, 1),
    case(2, 3, 5, 7),
    case(1, 2, 70, 16, 130),
    case(1, 2, 66, 8, 3, width=21),
    case(2, 2, 3, 64, 600),
    case(2, 2, 1, 20, 600, width=12),
    case(1, 1, 9, 5, 1100, width=3),
    case(2, 4, 20, 8, 30, groups=2),
    case(2, 4, 1, 8, 30, groups=1),
    case(1, 2, 130, 16, causal=True),
    case(1, 1, 600, 16, causal=True),
    case(2, 1, 5, 8, 40, causal=True, query_offset=30),
    case(2, 1, 1, 8, 40, causal=True, query_offset=30),
    case(1, 1, 40, 8, 5, causal=True),
    case(1, 2, 150, 8, window=(20, 3)),
    case(1, 2, 150, 8, window=40, causal=True),
    case(1, 1, 100, 8, 50, window=(3, 2)),
    case(3, 2, 70, 8, 90, lengths=np.array([0, 17, 90])),
    case(3, 2, 70, 8, lengths=np.array([70, 64, 1]), query_lengths=np.array([70, 64, 0])),
    case(2, 3, 20, 8, 33, mask=(20, 33)),
    case(2, 3, 20, 8, 33, mask=(2, 1, 1, 33)),
    case(2, 3, 20, 8, 33, mask=(2, 3, 20, 1)),
    case(2, 3, 2, 8, 33, mask=(2, 3, 2, 33)),
    case(2, 3, 20, 8, 33, bias=(3, 20, 33), causal=True),
    case(2, 3, 20, 8, 33, bias=(2, 1, 1, 33)),
    case(2, 3, 20, 8, 33, relative=(3, 52)),
    case(2, 3, 90, 8, relative=(1, 179), causal=True, scale=0.3),
    case(0, 2, 3, 4),
    case(2, 2, 3, 4, mask=(3, 3), lengths=np.array([2, 3]), causal=True),
]
TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


def test_values():
    check_op(ops.attention, attention, CASES, tolerance=TOLERANCE)


def test_weights():
    both = lambda **options: ops.attention(**options, need_weights=True)  # noqa: E731
    check_op(both, lambda **options: attention(**options, need_weights=True), CASES, tolerance=TOLERANCE)


@pytest.mark.parametrize("more", [{}, {"need_weights": True}, {"dropout": 0.3, "seed": 5}])
def test_gradients_agree_with_float64_and_between_teams(more):
    check_float32_gradients(lambda given, dtype: gradients(given, dtype, **more), CASES)


SMALL = [
    case(2, 2, 5, 3, 7),
    case(1, 2, 5, 3, 7, groups=1, width=4),
    case(1, 1, 6, 2, causal=True, relative=(1, 11)),
    case(2, 2, 4, 3, 5, bias=(1, 2, 4, 5)),
    case(2, 2, 4, 3, 5, bias=(4, 1)),
    case(2, 2, 4, 3, 5, bias=(2, 1, 1, 5), relative=(2, 8)),
    case(2, 1, 4, 3, 5, mask=(2, 1, 4, 5)),
    case(2, 1, 4, 3, lengths=np.array([0, 3]), window=1),
]


@pytest.mark.parametrize("number", range(len(SMALL)))
def test_gradients_are_those_of_differences(number):
    given = dict(SMALL[number])
    names = [n for n, x in given.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    arrays = [given.pop(n) for n in names]
    check_gradient(lambda *xs: ops.attention(**dict(zip(names, xs, strict=True)), **given), *arrays)


def test_gradients_of_the_weights():
    given = case(1, 2, 4, 3, 5)
    v = given.pop("v")

    def both(q, k, v):
        out, weights = ops.attention(q, k, v, need_weights=True)
        return ops.concatenate([out.reshape(-1), weights.reshape(-1)])

    check_gradient(both, given["q"], given["k"], v)


def test_chunks_of_keys():
    for given in (
        case(1, 1, 80, 16, 1200),
        case(1, 1, 70, 5, 1100, causal=True, query_offset=1000, relative=(1, 1169)),
    ):
        with isa(_core.available_isas()[0]):
            expected = gradients(given, np.float64)
        for _ in each_isa():
            for g, e in zip(gradients(given, np.float32), expected, strict=True):
                np.testing.assert_allclose(g, e, atol=5e-5)


def test_dropout():
    q, k, v = (np.random.default_rng(i).standard_normal((2, 3, 70, 8)) for i in range(3))
    eye = np.broadcast_to(np.eye(70), (2, 3, 70, 70))
    for _ in each_isa():
        plain = ops.attention(q, k, eye)
        dropped = ops.attention(q, k, eye, dropout=0.25, seed=3)
        ratio = dropped / plain
        assert set(np.unique(ratio.round(6))) == {0, round(1 / 0.75, 6)}
        assert abs((ratio == 0).mean() - 0.25) < 0.01
        some = ops.attention(q[:, :, :3], k, eye, dropout=0.25, seed=3)  # the path of few queries
        assert set(np.unique((some / plain[:, :, :3]).round(6))) == {0, round(1 / 0.75, 6)}
        assert not np.array_equal(dropped, ops.attention(q, k, eye, dropout=0.25, seed=4))
        check = ops.attention(q, k, v, dropout=0.25, seed=3)
        np.testing.assert_allclose(check, dropped @ v, atol=1e-12)


def test_dropout_gradient():
    q, k, v = (np.random.default_rng(i).standard_normal((1, 2, 5, 3)) for i in range(3))
    check_gradient(lambda *xs: ops.attention(*xs, dropout=0.4, seed=1), q, k, v)


def test_padding_may_hold_anything():
    given = case(2, 2, 70, 8, lengths=np.array([3, 65]))
    expected = ops.attention(**given)
    for name in ("k", "v"):
        given[name][0, :, 3:] = np.nan
        given[name][1, :, 65:] = np.inf
    for _ in each_isa():
        np.testing.assert_allclose(ops.attention(**given), expected, atol=1e-12)
        leaves = [Tensor(given[n], requires_grad=True) for n in "qkv"]
        ops.attention(*leaves, lengths=given["lengths"]).sum().backward()
        for leaf in leaves:
            assert np.isfinite(leaf.grad).all()
        assert not leaves[1].grad[0, :, 3:].any() and not leaves[2].grad[1, :, 65:].any()


@pytest.mark.parametrize("queries", [1, 3, 20])
@pytest.mark.parametrize("keys", [5, 40, 600])
def test_a_row_masked_by_the_lowest_float_attends_to_all_its_keys_alike(queries, keys):
    given = case(1, 2, queries, 8, keys)
    q, k, v = (given[n].astype(np.float32) for n in "qkv")
    for lowest in (np.finfo(np.float32).min, np.float32(-2.5e38), np.float32(-1e30)):
        mask = np.full((queries, keys), lowest)
        for _ in each_isa():
            leaf = Tensor(v, requires_grad=True)
            out = ops.attention(q, k, leaf, mask)
            np.testing.assert_allclose(out.data, np.broadcast_to(v.mean(2, keepdims=True), out.shape), atol=1e-6)
            out.sum().backward()
            np.testing.assert_allclose(leaf.grad, np.full(v.shape, queries / keys), rtol=1e-5)
    mask[:, 3] = 0  # one key that is seen
    for _ in each_isa():
        assert_identical(ops.attention(q, k, v, mask), np.broadcast_to(v[:, :, 3:4], (1, 2, queries, 8)))
    mask[...], mask[:, 3] = np.finfo(np.float32).min, -3e38  # and one that is hidden less than the others
    for _ in each_isa():
        assert_identical(ops.attention(q, k, v, mask), np.broadcast_to(v[:, :, 3:4], (1, 2, queries, 8)))
        assert not ops.attention(q, k, v, np.full_like(mask, -np.inf)).any()


@pytest.mark.parametrize("queries", [1, 4, 16, 64])
@pytest.mark.parametrize("score", ["dot", "additive"])
@pytest.mark.parametrize("largest", [1, 260, 2.6e4, 1e8])
def test_backward_weighs_values_as_forward_did(queries, score, largest):
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 2, n, 64), np.float32) for n in (queries, 40, 40))
    more = {"weight": rng.standard_normal(64, np.float32)} if score == "additive" else {}
    for _ in each_isa():
        leaf = Tensor(v, requires_grad=True)
        out, weights = ops.attention(q, k, leaf, scale=largest / 32, score=score, need_weights=True, **more)
        grad = rng.standard_normal(out.shape, np.float32)
        (out * grad).sum().backward()
        np.testing.assert_allclose(leaf.grad, weights.data.swapaxes(2, 3) @ grad, rtol=1e-5, atol=2e-6)


def test_results_are_asked_for_in_one_layout():
    given = case(1, 2, 5, 4, 5)
    q, k, v = (given[n] for n in "qkv")
    options = {"scale": 1.0, "before": 9, "after": 9, "offset": 0, "p": 0.0, "seed": 0, "stream": 0}
    with pytest.raises(ValueError, match=r"expected not \(out and out_rows\)"):
        _core.attention_forward(q, k, v, **options, out=True, out_rows=True)
    for both in ({"dq": True, "dq_rows": True}, {"dqkv": True, "dv": True}):
        with pytest.raises(ValueError, match="expected not"):
            _core.attention_backward(q, q, k, v, q, np.ones((1, 2, 5, 2)), **options, **both)
    for wrong in ({"p": 1.0}, {"p": np.nan}, {"lengths": [6]}, {"query_lengths": [-1]}):
        with pytest.raises(ValueError, match=f"expected 0 <= {next(iter(wrong))}"):
            _core.attention_forward(q, k, v, **{**options, **wrong}, out=True)


def test_a_window_may_be_as_large_as_an_integer():
    given = case(1, 1, 6, 4, 9)
    q, k, v = (given[n] for n in "qkv")
    options = {"scale": 0.5, "p": 0.0, "seed": 0, "stream": 0, "out": True}
    most = 2**63 - 1
    everything = _core.attention_forward(q, k, v, before=99, after=99, offset=0, **options).out
    assert_identical(_core.attention_forward(q, k, v, before=most, after=most, offset=5, **options).out, everything)
    later = _core.attention_forward(q, k, v, before=0, after=99, offset=0, **options).out
    assert_identical(_core.attention_forward(q, k, v, before=most, after=0, offset=most, **options).out, later)
    for nothing in ({"before": -most, "after": 5}, {"before": 5, "after": -most}, {"before": 0, "after": 0}):
        assert not _core.attention_forward(q, k, v, offset=-most, **nothing, **options).out.any()


def test_not_a_number_comes_through():
    given = case(1, 1, 20, 8)
    given["q"][0, 0, 4, 2] = np.nan
    for _ in each_isa():
        for dtype in (np.float32, np.float64):
            out = ops.attention(*(given[n].astype(dtype) for n in "qkv"))
            assert np.isnan(out[0, 0, 4]).all() and np.isfinite(np.delete(out, 4, axis=2)).all()


def test_large_scores():
    q = np.full((1, 1, 2, 4), 1e4, np.float32)
    k = np.array([[1, 1, 1, 1], [-1, -1, -1, -1], [1, 1, 1, 0.9]], np.float32)[None, None]
    v = np.array([1, 2, 4], np.float32).reshape(1, 1, 3, 1)
    for _ in each_isa():
        np.testing.assert_array_equal(ops.attention(q, k, v), np.ones((1, 1, 2, 1)))


def test_results_lie_as_the_queries_do():
    x = np.random.default_rng(0).standard_normal((3, 2, 70, 4, 8)).astype(np.float32)
    leaves = [Tensor(part.swapaxes(1, 2), requires_grad=True) for part in x]
    out = ops.attention(*leaves)
    assert out.data.swapaxes(1, 2).flags.c_contiguous
    np.testing.assert_array_equal(out.data, ops.attention(*(np.ascontiguousarray(p.swapaxes(1, 2)) for p in x)))


def packed(qkv, num_heads, num_groups=None, **options):
    groups = num_groups or num_heads
    b, t, _ = qkv.shape
    heads = qkv.reshape(b, t, num_heads + 2 * groups, -1).swapaxes(1, 2)
    parts = np.split(heads, [num_heads, num_heads + groups], axis=1)
    return attention(*parts, query_lengths=options.get("lengths"), **options).swapaxes(1, 2).reshape(b, t, -1)


def test_self_attention():
    rng = np.random.default_rng(2)
    given = [
        {"qkv": rng.standard_normal((2, 70, 48)), "num_heads": 2},
        {"qkv": rng.standard_normal((2, 9, 40)), "num_heads": 6, "num_groups": 2, "causal": True},
        {"qkv": rng.standard_normal((2, 9, 24)), "num_heads": 2, "lengths": np.array([9, 4])},
    ]
    check_op(ops.self_attention, packed, given, tolerance=TOLERANCE)
    for options in given:
        options["qkv"] = options["qkv"][:, :6]
        if "lengths" in options:
            options["lengths"] = np.array([6, 4])
        qkv = options.pop("qkv")
        check_gradient(lambda x, o=options: ops.self_attention(x, **o), qkv)


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"attn_mask": "bool"}, {"attn_mask": "float"},
                                     {"scale": 0.3}, {"enable_gqa": True}])  # fmt: skip
def test_torch(options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    q, k, v, grad = (rng.standard_normal((2, 4, 100, 32)).astype(np.float32) for _ in range(4))
    if "enable_gqa" in options:
        k, v = k[:, :2].copy(), v[:, :2].copy()
    mask = rng.standard_normal((2, 1, 100, 100)).astype(np.float32)
    given = {"causal": options.get("is_causal", False), "scale": options.get("scale")}
    if "attn_mask" in options:
        given["mask"] = mask > 0 if options["attn_mask"] == "bool" else mask
        options = {"attn_mask": torch.from_numpy(given["mask"])}
    theirs = [torch.tensor(x, requires_grad=True) for x in (q, k, v)]
    expected = torch.nn.functional.scaled_dot_product_attention(*theirs, **options)
    expected.backward(torch.from_numpy(grad))
    ours = [Tensor(x, requires_grad=True) for x in (q, k, v)]
    out = ops.attention(*ours, **given)
    out.backward(grad)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), atol=2e-6)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.grad, other.grad.numpy(), atol=1e-5)


def test_bad_input():
    q, k = np.ones((2, 4, 5, 8)), np.ones((2, 3, 6, 8))
    with pytest.raises(ValueError, match=r"q has 4 heads, no multiple of the 3 heads of k and v"):
        ops.attention(q, k, k)
    with pytest.raises(
        ValueError, match=r"expected q \[B, H, T, D\].* got \(2, 4, 5, 8\), \(2, 3, 6, 8\), \(2, 3, 5, 8\)"
    ):
        ops.attention(q, k, k[:, :, :5])
    with pytest.raises(ValueError, match=r"q must have 4 axes.* got shape \(5, 8\)"):
        ops.attention(q[0, 0], k, k)
    with pytest.raises(
        ValueError, match=r"mask of shape \(6, 5\) does not broadcast to \[B, H, T, S\] = \[2, 4, 5, 5\]"
    ):
        ops.attention(q, q, q, mask=np.ones((6, 5), bool))
    with pytest.raises(TypeError, match=r"mask must be of booleans .* got int64"):
        ops.attention(q, q, q, mask=np.ones((5, 5), np.int64))
    with pytest.raises(
        ValueError, match=r"relative must have shape \[H or 1, T \+ S - 1\] = \[4 or 1, 9\], got \(4, 5\)"
    ):
        ops.attention(q, q, q, relative=np.ones((4, 5)))
    with pytest.raises(ValueError, match=r"lengths must lie in \[0, 5\], got 3 to 6"):
        ops.attention(q, q, q, lengths=[3, 6])
    with pytest.raises(ValueError, match="lengths must be 2 integers"):
        ops.attention(q, q, q, lengths=[3])
    with pytest.raises(ValueError, match="window must not be negative, got -1"):
        ops.attention(q, q, q, window=-1)
    with pytest.raises(ValueError, match=r"dropout=1\.0, expected a probability"):
        ops.attention(q, q, q, dropout=1.0)
    with pytest.raises(ValueError, match="its last axis a multiple of 6; got shape"):
        ops.self_attention(np.ones((1, 2, 8)), 2)
