import itertools

import numpy as np
import pytest
from harness import assert_identical, check_float32_gradients, check_gradient, check_op, each_isa, each_team

from seqnn import Tensor, _core, ops

SCORES = "transitions", "start_transitions", "end_transitions"


def log_sum(x, axis):
    with np.errstate(divide="ignore", invalid="ignore"):
        top = np.where(np.isfinite(x.max(axis, keepdims=True)), x.max(axis, keepdims=True), 0)
        return (np.log(np.exp(x - top).sum(axis, keepdims=True)) + top).squeeze(axis)


def chain(emissions, transitions, start, end):
    """Logarithms of Z and of the sums of both passes [T, K], by the formula."""
    alpha, beta = [start + emissions[0]], [end]
    for x in emissions[1:]:
        alpha.append(log_sum(alpha[-1][:, None] + transitions, 0) + x)
    for x in emissions[:0:-1]:
        beta.append(log_sum(transitions + x + beta[-1], 1))
    return log_sum(alpha[-1] + end, 0), np.array(alpha), np.array(beta[::-1])


def score(emissions, tags, transitions, start, end):
    steps = sum(x[t] for x, t in zip(emissions, tags, strict=True))
    return start[tags[0]] + steps + transitions[tags[:-1], tags[1:]].sum() + end[tags[-1]]


def scores_of(emissions, transitions, start, end):
    """{tags: score} of every sequence of tags."""
    every = itertools.product(range(emissions.shape[1]), repeat=len(emissions))
    return {tags: score(emissions, np.array(tags), transitions, start, end) for tags in every}


def crf_nll(emissions, tags, transitions, start_transitions, end_transitions, lengths=None, reduction="mean"):
    weights = transitions, start_transitions, end_transitions
    lengths = np.full(len(tags), tags.shape[1]) if lengths is None else lengths
    losses = np.zeros(len(tags))
    for b, n in enumerate(lengths):
        if n:
            losses[b] = chain(emissions[b, :n], *weights)[0] - score(emissions[b, :n], tags[b, :n], *weights)
    divisor = {"mean": len(losses), "token_mean": sum(lengths)}.get(reduction, 1)
    return losses if reduction == "none" else np.asarray(losses.sum() / divisor)


def crf_marginals(emissions, transitions, start_transitions, end_transitions, lengths):
    found = np.zeros(emissions.shape)
    for b, n in enumerate(lengths):
        if n:
            z, alpha, beta = chain(emissions[b, :n], transitions, start_transitions, end_transitions)
            found[b, :n] = np.exp(alpha + beta - z)
    return found


def case(rows, steps, tags, seed=0, scale=1.0, forbidden=False, lengths=True, **options):
    rng = np.random.default_rng(seed)
    made = {
        "emissions": rng.standard_normal((rows, steps, tags)) * scale,
        "transitions": rng.standard_normal((tags, tags)) * scale,
        "start_transitions": rng.standard_normal(tags) * scale,
        "end_transitions": rng.standard_normal(tags) * scale,
    }
    if forbidden:
        made["transitions"][0, 1:], made["transitions"][2, 1] = -np.inf, -1e4
        made["transitions"][:, 3] = -np.inf
        made["start_transitions"][1] = made["end_transitions"][2] = -np.inf
    if lengths:
        made["lengths"] = rng.integers(0, steps + 1, rows)
        made["lengths"][: 1 + rows // 2] = steps
    return {**made, **options}


def with_tags(made, seed=0):
    tags = np.random.default_rng(seed).integers(0, made["emissions"].shape[2], made["emissions"].shape[:2])
    if "lengths" in made:
        tags[np.arange(tags.shape[1]) >= made["lengths"][:, None]] = -100  # padding may hold anything
    return {"emissions": made["emissions"], "tags": tags} | {k: v for k, v in made.items() if k != "emissions"}


SIZES = [(3, 4, 1), (6, 5, 9), (5, 7, 16), (3, 4, 17), (2, 3, 45), (9, 12, 70), (150, 3, 4)]
CASES = [case(*size) for size in SIZES] + [case(5, 6, 5, forbidden=True), case(5, 9, 6, scale=30.0)]
LOSSES = [with_tags(c) for c in CASES if not np.isinf(c["transitions"]).any()]
LOSSES += [with_tags(case(4, 5, 3, reduction=r)) for r in ("token_mean", "sum", "none")]
LOSSES += [with_tags(case(4, 5, 3, lengths=False))]


def test_losses_agree_with_the_formula():
    check_op(ops.crf_nll, crf_nll, LOSSES)


def test_marginals_agree_with_the_formula():
    check_op(ops.crf_marginals, crf_marginals, CASES)


@pytest.mark.parametrize("scale", [1, 30, 300, 3000])
@pytest.mark.parametrize("forbidden", [False, True])
def test_all_agrees_with_every_sequence_counted(scale, forbidden):
    for seed in range(4):
        made = case(2, 4, 5, seed=seed, scale=scale, forbidden=forbidden, lengths=False)
        weights = [made[name] for name in SCORES]
        for _ in each_isa():
            marginals = ops.crf_marginals(**made)
            tags, found = ops.crf_decode(**made, k=40)
            best, top = ops.crf_decode(**made)
            assert_identical((best, top), (tags[:, 0], found[:, 0]))
            for b in range(2):
                every = scores_of(made["emissions"][b], *weights)
                values = np.array([*every.values()])
                z = log_sum(values, 0)
                expected = np.zeros((4, 5))
                for y, p in zip(every, np.exp(values - z), strict=True):
                    expected[np.arange(4), y] += p
                np.testing.assert_allclose(marginals[b], expected, rtol=1e-9, atol=1e-11)
                ranked = sorted(every, key=lambda y: -every[y])[:40]
                possible = [y for y in ranked if every[y] > -np.inf]
                np.testing.assert_allclose(found[b, : len(possible)], [every[y] for y in possible], rtol=1e-12)
                assert tags[b, : len(possible)].tolist() == [list(y) for y in possible]
                assert (tags[b, len(possible) :] == -1).all() and (found[b, len(possible) :] == -np.inf).all()
                gold = np.array(possible[-1])
                loss = ops.crf_nll(made["emissions"][b : b + 1], gold[None], *weights)
                np.testing.assert_allclose(loss, z - every[possible[-1]], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "made", [c for c in LOSSES if c["emissions"].size < 500], ids=lambda c: str(c["emissions"].shape)
)
def test_gradients(made):
    made = dict(made)
    arrays, tags = [made.pop("emissions"), *[made.pop(name) for name in SCORES]], made.pop("tags")
    check_gradient(lambda x, *weights: ops.crf_nll(x, tags, *weights, **made), *arrays)


def gradients(made, dtype):
    made = dict(made)
    leaves = [Tensor(made.pop(name).astype(dtype), requires_grad=True) for name in ("emissions", *SCORES)]
    loss = ops.crf_nll(leaves[0], made.pop("tags"), *leaves[1:], **made)
    loss.backward(np.linspace(1, -2, loss.size, dtype=dtype).reshape(loss.shape))
    return tuple(leaf.grad for leaf in leaves)


def test_gradients_are_the_same_whoever_asks():
    made = with_tags(case(4, 5, 3))
    names, lengths = ("emissions", *SCORES), made["lengths"]
    every = {name: Tensor(made[name], requires_grad=True) for name in names}
    ops.crf_nll(every["emissions"], Tensor(made["tags"]), *[every[name] for name in SCORES], lengths=lengths).backward()
    for alone in names:
        given = {name: Tensor(made[name], requires_grad=name == alone) for name in names}
        loss = ops.crf_nll(given["emissions"], made["tags"], *[given[name] for name in SCORES], lengths=lengths)
        loss.backward()
        assert_identical(given[alone].grad, every[alone].grad)
        assert all(given[name].grad is None for name in names if name != alone)


def test_float32_gradients():
    check_float32_gradients(gradients, [*LOSSES, with_tags(case(300, 20, 30))])


def test_gradients_of_scores_that_lie_far_apart_are_exact():
    """Where the passes meet in numbers too small for floats, pairs are counted one by one."""
    for scale in (100, 1000):
        made = with_tags(case(3, 5, 4, seed=3, scale=scale, lengths=False, reduction="sum"))
        weights = [made[name] for name in SCORES]
        expected = np.zeros((4, 4))
        for x, y in zip(made["emissions"], made["tags"], strict=True):
            z, alpha, beta = chain(x, *weights)
            for t in range(1, 5):
                expected += np.exp(alpha[t - 1][:, None] + weights[0] + x[t] + beta[t] - z)
                expected[y[t - 1], y[t]] -= 1
        for _ in each_isa():
            for dtype, bound in ((np.float64, 1e-9), (np.float32, 1e-3)):
                np.testing.assert_allclose(gradients(made, dtype)[1], expected, atol=bound)


def test_forbidden_tags_have_gradient_zero_and_the_others_theirs():
    made = with_tags(case(4, 5, 5, forbidden=True, lengths=False))
    made["tags"][:] = [2, 4, 4, 4, 0]
    for dtype in (np.float32, np.float64):
        for _ in each_isa():
            found = gradients(made, dtype)
            assert all(np.isfinite(g).all() for g in found)
            assert not found[0][..., 3][:, 1:].any() and not found[1][:, 3].any() and found[1][4, 4] != 0


def test_the_best_tags_are_the_same_for_all_teams_and_instruction_sets():
    for made in CASES:
        for dtype in (np.float32, np.float64):
            given = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in made.items()}
            first = ops.crf_decode(**given), ops.crf_decode(**given, k=3)
            for _ in each_isa():
                for _ in each_team():
                    assert_identical(ops.crf_decode(**given), first[0])
                    assert_identical(ops.crf_decode(**given, k=3), first[1])


def test_ties_go_to_the_lowest_tags_looked_at_from_the_end():
    for _ in each_isa():
        tags, scores = ops.crf_decode(np.zeros((1, 2, 3)), np.zeros((3, 3)), k=4)
        assert tags[0].tolist() == [[0, 0], [1, 0], [2, 0], [0, 1]] and not scores.any()
        assert ops.crf_decode(np.zeros((1, 40, 20)), np.zeros((20, 20)))[0].max() == 0


@pytest.mark.parametrize(("scheme", "first", "after"), [
    ("IOB2", "OB", {"O": "OB", "B": "OBI", "I": "OBI"}),
    ("IOBES", "OBS", {"O": "OBS", "B": "IE", "I": "IE", "E": "OBS", "S": "OBS"}),
    ("BILOU", "OBU", {"O": "OBU", "B": "IL", "I": "IL", "L": "OBU", "U": "OBU"}),
])  # fmt: skip
def test_constraints_are_those_of_the_scheme(scheme, first, after):
    labels = [p if p == "O" else f"{p}-{kind}" for p in after for kind in ("A", "B")][1:]
    transitions, start, end = ops.crf_constraints(labels, scheme)
    for i, label in enumerate(labels):
        assert start[i] == (label[0] in first)
        assert end[i] == (scheme == "IOB2" or label[0] in "OELSU")
        for j, other in enumerate(labels):
            same = other[0] in first or label[1:] == other[1:]
            assert transitions[i, j] == (other[0] in after[label[0]] and same), (label, other)


def test_constrained_tags_obey_and_are_the_best_that_do():
    labels = ["O", "B-A", "I-A", "B-B", "I-B"]
    constraints = transitions, start, _ = ops.crf_constraints(labels)
    made = case(20, 6, 5, seed=7, lengths=False)
    tags, scores = ops.crf_decode(**made, constraints=constraints)
    assert start[tags[:, 0]].all() and transitions[tags[:, :-1], tags[:, 1:]].all()
    assert (ops.crf_decode(**made)[1] >= scores).all() and not (ops.crf_decode(**made)[1] == scores).all()
    for b in range(2):
        every = scores_of(made["emissions"][b], *[made[name] for name in SCORES])
        legal = [y for y in every if start[y[0]] and transitions[y[:-1], y[1:]].all()]
        assert tags[b].tolist() == list(max(legal, key=every.get))


def test_constraints_bind_the_first_tag_and_the_last():
    every, none = np.ones((2, 2), bool), np.ones(2, bool)
    first, last = np.array([False, True]), np.array([True, False])
    x = np.array([[[0.8, 0.2], [0.1, 0.9]]])
    assert ops.crf_decode(x, np.zeros((2, 2)), constraints=(every, none, last))[0].tolist() == [[0, 0]]
    assert ops.crf_decode(x, np.zeros((2, 2)), constraints=(every, first, none))[0].tolist() == [[1, 1]]
    assert ops.crf_decode(x, np.zeros((2, 2)), constraints=(every, none, last))[1] == pytest.approx(0.9)


def test_empty_sequences_and_batches_cost_nothing():
    x, a = np.ones((2, 3, 4)), np.ones((4, 4))
    loss = ops.crf_nll(x, np.zeros((2, 3), int), a, lengths=[0, 3], reduction="none")
    assert loss[0] == 0 and loss[1] > 0
    assert ops.crf_decode(x, a, lengths=[0, 3])[0].tolist() == [[-1] * 3, [0] * 3]
    assert not ops.crf_marginals(x, a, lengths=[0, 0]).any()
    assert ops.crf_nll(x[:0], np.zeros((0, 3), int), a, reduction="none").shape == (0,)
    assert np.isnan(ops.crf_nll(x[:0], np.zeros((0, 3), int), a))
    assert ops.crf_decode(x[:, :0], a, k=2)[0].shape == (2, 2, 0)


def test_lists_and_whole_numbers_are_understood():
    loss = ops.crf_nll([[[1, 0], [0, 1]]], [[0, 1]], [[0, 0], [0, 0]])
    np.testing.assert_allclose(loss, 2 * np.log(1 + np.exp(-1)), rtol=1e-6)
    x = np.zeros((1, 2, 2), np.float32)
    assert ops.crf_nll(x, [[0, 1]], [[0.0, 0.0], [0.0, 0.0]]).dtype == np.float32


def test_nan_shows():
    x = np.zeros((2, 3, 4))
    x[0, 1, 2] = np.nan
    for _ in each_isa():
        loss = ops.crf_nll(x, np.zeros((2, 3), int), np.zeros((4, 4)), reduction="none")
        assert np.isnan(loss[0]) and loss[1] == pytest.approx(3 * np.log(4))


def test_bad_input():
    x, y, a = np.ones((2, 3, 4)), np.zeros((2, 3), int), np.ones((4, 4))
    for tag in (4, -1, -100):
        with pytest.raises(ValueError, match=rf"crf_nll: tags must lie in \[0, 4\), got {tag}; give lengths"):
            ops.crf_nll(x, np.where(np.arange(3) == 2, tag, y), a)
    with pytest.raises(TypeError, match="crf_nll: tags must be integers, got float64"):
        ops.crf_nll(x, y * 1.0, a)
    with pytest.raises(ValueError, match=r"crf_nll: tags has shape \(3, 2\), expected \(2, 3\)"):
        ops.crf_nll(x, y.T, a)
    with pytest.raises(ValueError, match=r"crf_nll: emissions has shape \(3, 4\), expected \[B, T, K\]"):
        ops.crf_nll(x[0], y[0], a)
    with pytest.raises(ValueError, match=r"crf_decode: transitions has shape \(3, 4\), expected \(4, 4\) for 4 tags"):
        ops.crf_decode(x, a[:3])
    with pytest.raises(ValueError, match=r"crf_nll: end_transitions has shape \(3,\), expected \(4,\)"):
        ops.crf_nll(x, y, a, None, np.ones(3))
    with pytest.raises(ValueError, match=r"lengths lie in \[2, 4\], expected \[0, 3\]"):
        ops.crf_marginals(x, a, lengths=[2, 4])
    with pytest.raises(ValueError, match=r"lengths has shape \(3,\) and dtype int64, expected 2 integers"):
        ops.crf_decode(x, a, lengths=[1, 2, 3])
    with pytest.raises(ValueError, match="reduction must be 'mean', 'token_mean', 'sum' or 'none', got 'batch'"):
        ops.crf_nll(x, y, a, reduction="batch")
    with pytest.raises(ValueError, match="k: expected an integer >= 1, got 0"):
        ops.crf_decode(x, a, k=0)
    with pytest.raises(TypeError, match=r"crf_nll: .* is float32 but .* is float64: convert one of them"):
        ops.crf_nll(x, y, a.astype(np.float32))
    with pytest.raises(
        TypeError, match=r"crf_decode: emissions is float32 but end_transitions is float64.* such as end_t"
    ):
        ops.crf_decode(x.astype(np.float32), a.tolist(), None, np.ones(4))
    with pytest.raises(ValueError, match="scheme must be 'IOB2', 'IOBES' or 'BILOU', got 'BIO3'"):
        ops.crf_constraints(["O"], "BIO3")
    with pytest.raises(ValueError, match="'E-PER' is no label of IOB2, which has O, B-X, I-X"):
        ops.crf_constraints(["O", "E-PER"])
    with pytest.raises(
        ValueError, match=r"constraints of transitions have shape \(1, 1\) .* booleans of shape \(4, 4\)"
    ):
        ops.crf_decode(x, a, constraints=ops.crf_constraints(["O"]))


def test_scores_that_leave_no_path_are_refused_by_sequence():
    x, closed = np.zeros((3, 4, 2)), np.full((2, 2), -np.inf)
    lengths = [1, 4, 2]
    message = "leave no path for sequence 1 of 4 steps .2 of 3 sequences have none.: allow more transitions"
    for _ in each_isa():
        with pytest.raises(ValueError, match="crf_nll: .*" + message):
            ops.crf_nll(x, np.zeros((3, 4), int), closed, lengths=lengths)
        with pytest.raises(ValueError, match="crf_marginals: .*" + message):
            ops.crf_marginals(x, closed, lengths=lengths)
        for k in (None, 2):
            with pytest.raises(ValueError, match="crf_decode: .*" + message):
                ops.crf_decode(x, closed, lengths=lengths, k=k)
        x[1, 2] = -np.inf
        with pytest.raises(ValueError, match=r"for sequence 1 of 4 steps .1 of 3"):
            ops.crf_nll(x, np.zeros((3, 4), int), np.zeros((2, 2)), lengths=lengths)
        x[1, 2] = 0
        tags = np.array([[0, 1]])
        assert ops.crf_nll(x[:1, :2], tags, np.array([[0.0, -np.inf], [0.0, 0.0]])) == np.inf  # only these tags


def test_kernels_refuse_tags_and_lengths_out_of_range():
    x, a, s = np.zeros((2, 3, 4)), np.zeros((4, 4)), np.zeros(4)
    with pytest.raises(ValueError, match="lengths"):
        _core.crf_forward(x, a, s, s, np.array([3, 4]))
    with pytest.raises(ValueError, match="tags"):
        _core.crf_forward(x, a, s, s, np.array([3, 3]), np.full((2, 3), 4), score=True)
    with pytest.raises(ValueError, match="tags"):
        _core.crf_forward(x, a, s, s, np.array([3, 3]), score=True)


def test_torchcrf_agrees():
    torch, torchcrf = pytest.importorskip("torch"), pytest.importorskip("torchcrf")
    for made in LOSSES:
        made = {
            **made,
            "lengths": np.maximum(made.get("lengths", made["tags"].shape[1]), 1) + np.zeros(len(made["tags"]), int),
        }
        peer = torchcrf.CRF(made["emissions"].shape[2], batch_first=True).double()
        peer.load_state_dict({name: torch.from_numpy(made[name]) for name in SCORES})
        mask = torch.from_numpy(np.arange(made["tags"].shape[1]) < made["lengths"][:, None])
        emissions = torch.from_numpy(made["emissions"])
        tags = torch.from_numpy(np.clip(made["tags"], 0, None))
        theirs = -peer(emissions, tags, mask=mask, reduction=made.get("reduction", "mean"))
        ours = ops.crf_nll(**{**made, "tags": np.clip(made["tags"], 0, None)})
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)
        found, _ = ops.crf_decode(made["emissions"], *[made[name] for name in SCORES], lengths=made["lengths"])
        assert [row[row >= 0].tolist() for row in found] == peer.decode(emissions, mask=mask)
