"""The training of the classifier against a pure-NumPy twin in float64: one text after the other, all four losses."""

import numpy as np
import pytest
from harness import assert_close, assert_identical, each_isa, each_team

from seqnn import _core
from seqnn.models._fasttext_model import SIGMOID, Tree, logistic
from seqnn.text import alias_table

R, L, P, D = 40, 7, 16, 10
FORMS = _core.fasttext_classifier.form


def made(seed=0, *, several=False):
    rng = np.random.default_rng(seed)
    lengths, labels = rng.integers(0, 9, 30), rng.integers(0, 4 if several else 2, 30)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    label_offsets = np.concatenate([[0], np.cumsum(labels)])
    matrices = [np.zeros((n, P), np.float32) for n in (R, L)]
    for matrix in matrices:
        matrix[:, :D] = rng.standard_normal((len(matrix), D)) * 0.7
    return {
        "features": rng.integers(0, R, offsets[-1]).astype(np.int32), "offsets": offsets,
        "labels": rng.integers(0, L, label_offsets[-1]).astype(np.int32), "label_offsets": label_offsets,
        "order": rng.permutation(30).astype(np.int32), "input": matrices[0], "output": matrices[1],
    }  # fmt: skip


COUNTS = np.array([90, 40, 30, 9, 8, 2, 1])


def tables(form):
    if form == "ns":
        return dict(zip(("alias_threshold", "alias_other"), alias_table(COUNTS, 0.5), strict=True))
    tree = Tree(COUNTS)
    return {"path_offsets": tree.offsets, "path_nodes": tree.nodes, "path_codes": tree.codes} if form == "hs" else {}


def train(case, form, **changes):
    given = {**case, "input": case["input"].copy(), "output": case["output"].copy()}
    options = {"negative": 3, "alpha": 0.5, "slope": -0.01, "first": 2, "seed": 5, "epoch": 1, "deterministic": True}
    loss, examples = _core.fasttext_classifier_train(
        **given, form=form, sigmoid=SIGMOID, **tables(form), **options | changes
    )
    return given["input"], given["output"], loss, examples


def twin(case, form):
    """The same with one label a text, and without the draws of ns."""
    x, w = case["input"].astype(np.float64), case["output"].astype(np.float64)
    total, examples, tree = 0.0, 0, Tree(COUNTS)
    for k, i in enumerate(case["order"]):
        rows = case["features"][case["offsets"][i] : case["offsets"][i + 1]]
        labels = case["labels"][case["label_offsets"][i] : case["label_offsets"][i + 1]]
        if not len(rows) or not len(labels):
            continue
        mean, alpha = x[rows].mean(0), 0.5 - 0.01 * (2 + k)
        outputs, truth = np.arange(L), np.isin(np.arange(L), labels).astype(float)
        if form == "hs":
            path = slice(tree.offsets[labels[0]], tree.offsets[labels[0] + 1])
            outputs, truth = tree.nodes[path], tree.codes[path].astype(float)
        scores = w[outputs] @ mean
        if form == "softmax":
            p = np.exp(scores - scores.max())
            p /= p.sum()
            total -= np.log(p[labels[0]])
        else:
            p = logistic(scores).astype(np.float64)
            total -= np.log(np.where(truth == 1, p, 1 - p) + 1e-5).sum()
        step = alpha * (truth - p)
        change = step @ w[outputs]
        w[outputs] += step[:, None] * mean
        np.add.at(x, rows, change / len(rows))
        examples += 1
    return x, w, total, examples


@pytest.mark.parametrize("form", ["softmax", "hs", "ova"])
def test_training_is_that_of_the_twin(form):
    case = made(several=form == "ova")
    x, w, loss, examples = twin(case, form)
    for _ in each_isa():
        got = train(case, form)
        assert_close(got[0], x, 2e-5)
        assert_close(got[1], w, 2e-5)
        assert got[2][0] == pytest.approx(loss, rel=1e-3) and got[3][0] == examples


@pytest.mark.parametrize("form", FORMS)
def test_the_deterministic_mode_has_the_same_bits_for_any_team_and_any_cut(form):
    case = made(1, several=True)
    for name in each_isa():
        whole = train(case, form)
        for _ in each_team():
            assert_identical(train(case, form), whole, name)
        one = {**case, "order": case["order"][:11]}
        x, w, loss, examples = train(one, form)
        two = {**case, "order": case["order"][11:], "input": x, "output": w}
        x, w, more, further = train(two, form, first=13)
        # The k-th text of the second call is the (11 + k)-th, and its rate goes by first + k.
        assert_identical((x, w), whole[:2], name)
        assert loss[0] + more[0] == whole[2][0] and examples[0] + further[0] == whole[3][0]
        assert np.isfinite(x).all() and not x[:, D:].any() and not w[:, D:].any()


def test_negative_samples_raise_the_label_above_the_others():
    case = made(2)
    x, w, _, _ = train(case, "ns", alpha=0.3, slope=0.0)
    gained = 0
    for i in range(30):
        rows = case["features"][case["offsets"][i] : case["offsets"][i + 1]]
        labels = case["labels"][case["label_offsets"][i] : case["label_offsets"][i + 1]]
        if len(rows) and len(labels):
            before = case["output"][labels[0]] @ case["input"][rows].mean(0)
            gained += w[labels[0]] @ x[rows].mean(0) > before
    assert gained > 8


def test_a_text_with_several_labels_is_trained_on_one_that_is_drawn():
    case = made(3, several=True)
    different = {train(case, "softmax", seed=seed)[0].tobytes() for seed in range(4)}
    assert len(different) > 1


def test_numbers_outside_of_the_matrices_are_refused():
    case = made()
    for name, match in (("features", "features"), ("labels", "labels")):
        wrong = {**case, name: np.full_like(case[name], 1000)}
        for form in ("softmax", "hs"):
            with pytest.raises(ValueError, match=match):
                train(wrong, form)
    assert np.isfinite(train({**case, "labels": np.full_like(case["labels"], 1000)}, "ova")[0]).all()
    with pytest.raises(ValueError, match="form"):
        train(case, "hinge")
    with pytest.raises(ValueError, match="offsets"):
        train({**case, "offsets": case["offsets"] * 1000}, "softmax")
    with pytest.raises(ValueError, match="alias_threshold"):
        _core.fasttext_classifier_train(
            **case, form="ns", sigmoid=SIGMOID, negative=3, alpha=0.5, slope=0.0, first=0, seed=0, epoch=0,
            deterministic=True,
        )  # fmt: skip


def test_a_loss_that_is_not_finite_is_reported():
    case = made()
    case["input"][:] = np.nan
    for form in FORMS:
        assert np.isnan(train(case, form)[2][0])
