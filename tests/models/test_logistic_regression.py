"""Logistic regression against its optimality conditions and scikit-learn."""

import numpy as np
import pytest

from seqnn import models
from seqnn.models import LogisticRegression


def problem(classes, count=200, features=5):
    draw = np.random.default_rng(0)
    x = draw.standard_normal((count, features))
    logits = x @ draw.standard_normal((features, classes)) + draw.standard_normal((count, classes))
    return x, logits.argmax(axis=1)


@pytest.mark.parametrize("classes", [2, 4])
def test_gradient_is_zero_at_the_solution(classes):
    x, y = problem(classes)
    model = LogisticRegression(C=0.7, tol=1e-8, max_iter=500).fit(x, y)
    p = model.predict_proba(x)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    error = p - np.eye(classes)[y]
    error = error[:, 1:] if classes == 2 else error
    np.testing.assert_allclose(0.7 * error.T @ x + model.coef_, 0, atol=1e-6)
    np.testing.assert_allclose(error.sum(axis=0), 0, atol=1e-6)
    assert model.score(x, y) == (model.predict(x) == y).mean() > 0.5


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("weight", [None, "balanced", {0: 3.0}])
def test_equals_scikit_learn(classes, weight):
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = problem(classes)
    ours = LogisticRegression(tol=1e-7, max_iter=1000, class_weight=weight).fit(x, y)
    theirs = linear_model.LogisticRegression(tol=1e-9, max_iter=1000, class_weight=weight).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-4)
    np.testing.assert_allclose(ours.decision_function(x), theirs.decision_function(x), atol=1e-3)


def test_without_intercept_float32_and_string_labels():
    x, y = problem(2)
    names = np.array(["bad", "good"])[y]
    model = LogisticRegression(fit_intercept=False).fit(x.astype(np.float32), names)
    assert model.intercept_.tolist() == [0.0] and set(model.predict(x)) == {"bad", "good"}
    assert model.predict_proba(x.astype(np.float32)).dtype == np.float32


def test_too_few_steps_are_a_warning_that_says_why():
    x, y = problem(2)
    with pytest.warns(models.ConvergenceWarning, match="not converged after 1 steps, .* raise max_iter or scale X"):
        LogisticRegression(max_iter=1, tol=1e-12).fit(x, y)
    with pytest.warns(models.ConvergenceWarning, match="rounding errors hide the way down: scale X, or raise tol"):
        LogisticRegression(max_iter=10_000, tol=0).fit(x, y)


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_float32_and_integers_converge_like_float64(kind):
    x, y = problem(3)
    x = (10 * x).astype(kind)
    first, second = (LogisticRegression(max_iter=1000).fit(a, y) for a in (x, x.astype(np.float64)))
    np.testing.assert_array_equal(first.coef_, second.coef_)
    assert first.n_iter_ == second.n_iter_ < 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x[:, 0], y), r"X: expected shape \[N, features\]"),
        (lambda x, y: (x, y[:3]), "y: expected one label for each of 200"),
        (lambda x, y: (x, y * 0), r"at least two classes, got \[0\]"),
        (lambda x, y: (np.where(x == x[7, 1], np.nan, x), y), "row 7 has NaN"),
    ],
)
def test_bad_data(change, message):
    with pytest.raises(ValueError, match=message):
        LogisticRegression().fit(*change(*problem(2)))


def test_bad_arguments():
    x, y = problem(2)
    with pytest.raises(ValueError, match="C: expected"):
        LogisticRegression(C=0).fit(x, y)
    with pytest.raises(RuntimeError, match="call fit first"):
        LogisticRegression().predict(x)
    with pytest.raises(ValueError, match=r"class_weight: \[7\]"):
        LogisticRegression(class_weight={7: 1.0}).fit(x, y)
    with pytest.raises(ValueError, match="'balanced'"):
        LogisticRegression(class_weight="even").fit(x, y)
    with pytest.raises(TypeError, match="X: expected numbers"):
        LogisticRegression().fit([["a"]], [1])
    with pytest.raises(ValueError, match=r"X: expected shape \[N, 5\], got \[200, 4\]"):
        LogisticRegression().fit(x, y).predict(x[:, :4])
