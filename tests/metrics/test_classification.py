"""Accuracy, F1 and correlations, against scikit-learn's and SciPy's numbers."""

import numpy as np
import pytest

from seqnn.metrics import accuracy, f1_score, matthews, pearson, spearman


def test_known_numbers():
    """Numbers of scikit-learn 1.9.1 and SciPy 1.17.1."""
    predicted, true = [0, 2, 1, 1, 2, 2, 0, 1], [0, 1, 1, 1, 2, 0, 0, 2]
    assert accuracy(predicted, true) == 0.625
    assert f1_score(predicted, true, average="macro") == pytest.approx(0.6222222222222222, rel=1e-14)
    assert f1_score(predicted, true, average="weighted") == pytest.approx(0.65, rel=1e-14)
    assert f1_score(predicted, true, average="micro") == 0.625
    assert matthews(predicted, true) == pytest.approx(0.4523809523809524, rel=1e-14)
    assert pearson([1, 2, 3, 5], [2.5, 1, 4, 4]) == pytest.approx(0.6625413488689132, rel=1e-13)
    assert spearman([1, 2, 2, 5], [2.5, 1, 4, 4]) == pytest.approx(0.5, rel=1e-13)


def test_equal_to_scikit_learn_and_scipy():
    metrics, stats = pytest.importorskip("sklearn.metrics"), pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    for classes in (2, 3, 7):
        for _ in range(20):
            predicted, true = rng.integers(0, classes, (2, 30))
            assert matthews(predicted, true) == pytest.approx(metrics.matthews_corrcoef(true, predicted), abs=1e-12)
            for average in ("macro", "micro", "weighted"):
                expected = metrics.f1_score(true, predicted, average=average)
                assert f1_score(predicted, true, average=average) == pytest.approx(expected, abs=1e-12)
            if classes == 2:
                assert f1_score(predicted, true) == pytest.approx(metrics.f1_score(true, predicted), abs=1e-12)
            x, y = rng.integers(0, 9, 30), rng.random(30)
            assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-12)
            assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-12)


def test_strings_are_labels_and_the_positive_one_may_be_named():
    predicted, true = ["yes", "no", "yes"], ["yes", "yes", "no"]
    assert accuracy(predicted, true) == pytest.approx(1 / 3)
    assert f1_score(predicted, true, positive="yes") == 0.5
    assert f1_score([0, 0], [0, 0]) == 0 and f1_score([1, 1], [1, 1]) == 1


def test_what_is_undefined():
    assert matthews([1, 1, 1], [0, 1, 1]) == 0
    assert np.isnan(pearson([1, 1], [1, 2])) and np.isnan(spearman([1, 2], [3, 3]))
    assert pearson([1e200, 2e200, 3e200], [1e-200, 2e-200, 3e-200]) == pytest.approx(1)
    assert spearman([3, 1, 2], [30, 10, 20]) == 1


@pytest.mark.parametrize("metric", [accuracy, f1_score, matthews, pearson, spearman])
@pytest.mark.parametrize(
    ("predictions", "labels", "error", "message"),
    [
        ([1, 0], [1], ValueError, "predictions: expected 1 values, one for each label, got 2"),
        ([], [], ValueError, "at least one value"),
        ([[1]], [[1]], ValueError, "one axis"),
        ([1, 0], ["1", "0"], TypeError, "predictions: expected the kind of the labels"),
        ("10", [1, 0], TypeError, "predictions: expected a list of labels, got a string"),
    ],
)
def test_bad_lists_are_named(metric, predictions, labels, error, message):
    with pytest.raises(error, match=message):
        metric(predictions, labels)


def test_bad_values_are_named():
    with pytest.raises(TypeError, match="expected numbers"):
        pearson(["a", "b"], ["a", "c"])
    with pytest.raises(ValueError, match=r"labels\[1\]: expected a finite number, got nan"):
        spearman([1.0, 2.0], [1.0, np.nan])
    with pytest.raises(ValueError, match="average: expected"):
        f1_score([1], [1], average="mean")
    for labels, positive in (([0, 2], 1), (["no", "yes"], 1), (["yes"], 1), ([1], "yes")):
        with pytest.raises(ValueError, match=f"positive: expected one of the classes .*, got {positive!r}"):
            f1_score(labels, labels, positive=positive)
    assert f1_score([0, 0], [0, 0]) == 0  # the positive class may be absent
    with pytest.raises(ValueError, match="'binary' expects two classes, got 3"):
        f1_score([0, 1, 2], [0, 1, 2])
