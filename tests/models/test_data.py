"""What estimators make of data as people have them: columns, frames, objects, sparse matrices, generators, threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from seqnn import random
from seqnn.models import (
    ARForecaster,
    DataConversionWarning,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    Seq2Seq,
    SequenceClassifier,
    SequenceGenerator,
    SequenceRegressor,
    SequenceTagger,
    TextCNNClassifier,
)

draw = np.random.default_rng(0)
X = draw.standard_normal((60, 3))
Y = (X[:, 0] > 0).astype(int)
DENSE = [LogisticRegression(), MLPClassifier((8,), max_iter=5), MLPRegressor((8,), max_iter=5)]
CLASSIFIERS = DENSE[:2]
SEQUENCES = [draw.standard_normal((int(n), 2)) for n in draw.integers(1, 6, 20)]
TOKENS = [[str(t) for t in draw.integers(0, 5, int(n))] for n in draw.integers(1, 6, 20)]
LABELS = np.arange(20) % 2
QUICK = {"hidden_size": 4, "max_iter": 1}


# Scores.


def test_score_takes_a_column_as_labels_and_not_as_a_matrix():
    pandas = pytest.importorskip("pandas")
    for model in CLASSIFIERS:
        model.fit(X, Y)
        for column in (Y[:, None], pandas.DataFrame({"y": Y}), pandas.DataFrame({"y": Y}).convert_dtypes()):
            with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
                assert model.score(X, column) == model.score(X, Y)
    for y in (X[:, :1], X[:, 0]):
        model = MLPRegressor((8,), max_iter=5).fit(X, y)
        assert model.score(X, X[:, :1]) == model.score(X, X[:, 0]) == model.score(X, list(X[:, 0]))


@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
def test_score_refuses_labels_of_another_kind_or_number(model):
    model.fit(X, Y)
    with pytest.raises(ValueError, match=r"y: expected labels as fit got, such as .* got '\d'"):
        model.score(X, Y.astype(str))
    with pytest.raises(ValueError, match=r"y: expected one label for each of 60 rows of X, got shape \[59\]"):
        model.score(X, Y[1:])
    with pytest.raises(ValueError, match="requires y to be passed"):
        model.score(X, None)
    assert model.score(X, Y.astype(float)) == model.score(X, Y > 0) == model.score(X, Y)


def test_every_classifier_scores_alike():
    texts = [" ".join(s) for s in TOKENS]
    for model, x in (
        (SequenceClassifier(**QUICK), TOKENS),
        (TextCNNClassifier(filters=2, max_iter=1), texts),
        (SequenceTagger(**QUICK), TOKENS),
    ):
        y = [[LABELS[i]] * len(s) for i, s in enumerate(TOKENS)] if isinstance(model, SequenceTagger) else LABELS
        model.fit(x, y)
        weights = np.arange(20.0)
        predicted = model.predict(x)
        if isinstance(model, SequenceTagger):
            hits, weights_of = (
                np.concatenate([p == t for p, t in zip(predicted, y, strict=True)]),
                np.repeat(weights, [len(s) for s in x]),
            )
        else:
            hits, weights_of = predicted == y, weights
        assert model.score(x, y, weights) == pytest.approx(np.average(hits, weights=weights_of))
        with pytest.raises(ValueError, match="y: expected labels as fit got"):
            model.score(
                x, [[str(t) for t in s] for s in y] if isinstance(model, SequenceTagger) else LABELS.astype(str)
            )


def test_r2_of_constant_numbers_is_that_of_scikit_learn():
    model = MLPRegressor((4,), max_iter=1).fit(X, np.full(60, 3.0))
    assert model.score(X, np.full(60, 3.0)) == 1 or abs(model.predict(X) - 3).max() > 0
    assert model.score(X, np.full(60, 4.0)) == 0
    assert SequenceRegressor(**QUICK).fit(SEQUENCES, LABELS).score(SEQUENCES, np.full(20, 9.0)) == 0


# Features.


def test_frames_of_several_kinds_of_columns_are_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0, "c": draw.integers(0, 9, 60)})
    plain = frame.astype(float)
    for model in DENSE:
        expected = model.fit(plain, Y).predict(plain)
        for given in (frame, frame.convert_dtypes(), frame.astype(object), frame.astype(pandas.SparseDtype(float))):
            np.testing.assert_array_equal(model.fit(given, Y).predict(given), expected)
        missing = frame.convert_dtypes()
        missing.loc[2, "a"] = pandas.NA
        with pytest.raises(ValueError, match="X: expected finite numbers, row 2 has NaN"):
            model.fit(missing, Y)
        broken = plain.astype(object)
        broken.loc[4, "c"] = "nine"
        with pytest.raises(
            ValueError, match="X: expected numbers, got objects: could not convert string to float: 'nine'"
        ):
            model.fit(broken, Y)


@pytest.mark.parametrize("model", DENSE, ids=repr)
def test_what_is_no_matrix_is_refused_in_scikit_learns_words(model):
    class Sparse:
        nnz = 3

        def toarray(self):
            return X

    with pytest.raises(TypeError, match=r"X: expected a dense array, got a sparse Sparse: give X\.toarray\(\)"):
        model.fit(Sparse(), Y)
    with pytest.raises(ValueError, match="X: Complex data not supported"):
        model.fit(X * 1j, Y)
    with pytest.raises(ValueError, match=r"Reshape your data: X\.reshape\(-1, 1\) for one feature"):
        model.fit(X[:, 0], Y)
    with pytest.raises(ValueError, match=r"X: found 0 sample\(s\) \(shape=\(0, 3\)\)"):
        model.fit(X[:0], Y[:0])
    with pytest.raises(
        ValueError, match=r"X: found 0 feature\(s\) \(shape=\(60, 0\)\) while a minimum of 1 is required"
    ):
        model.fit(X[:, :0], Y)
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        model.fit(X, None)
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3 features"):
        model.fit(X, Y).predict(X[:, :2])


@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
def test_what_is_no_label_is_refused(model):
    with pytest.raises(ValueError, match="y: Unknown label type: continuous numbers are no labels"):
        model.fit(X, X[:, 0])
    for missing in (np.nan, None):
        y = np.where(np.arange(60) == 7, missing, Y.astype(object))
        with pytest.raises(ValueError, match="y: expected labels, got missing ones"):
            model.fit(X, y)
    with pytest.raises(ValueError, match="y: expected labels, got NaN or infinity"):
        model.fit(X, np.where(np.arange(60) == 7, np.nan, Y))
    with pytest.raises(ValueError, match="labels of one kind that sorts, got several kinds"):
        model.fit(X, [*Y[1:].tolist(), object()])
    with pytest.raises(ValueError, match="y: expected one label for each of 60 rows of X, got shape"):
        model.fit(X, np.stack([Y, Y], axis=1))


def test_nearly_constant_features_do_not_blow_up():
    x = np.concatenate([X, np.full((60, 1), 0.1)], axis=1)
    changed = x.copy()
    changed[:, 3] = 0.2
    for model in CLASSIFIERS:
        model.fit(x, Y)
        assert (model.predict(changed) == model.predict(x)).mean() > 0.9


def test_weights_count_rows():
    weights = draw.integers(0, 4, 60)
    for model in (LogisticRegression(tol=1e-8), MLPClassifier((8,), max_iter=20), MLPRegressor((8,), max_iter=20)):
        y = Y if model._kind == "classifier" else X[:, 1]
        weighted = (
            model.fit(X, y, weights).predict_proba(X)
            if model._kind == "classifier"
            else model.fit(X, y, weights).predict(X)
        )
        again = np.repeat(X, weights, axis=0), np.repeat(y, weights)
        repeated = model.fit(*again).predict_proba(X) if model._kind == "classifier" else model.fit(*again).predict(X)
        tolerance = 1e-6 if isinstance(model, LogisticRegression) else 0.2
        np.testing.assert_allclose(weighted, repeated, atol=tolerance)
    with pytest.raises(ValueError, match="sample_weight: expected 60 numbers, one for each example, got"):
        LogisticRegression().fit(X, Y, [1.0])
    with pytest.raises(ValueError, match="sample_weight: expected finite numbers >= 0"):
        LogisticRegression().fit(X, Y, -np.ones(60))
    with pytest.raises(ValueError, match="at least one weight that is not zero"):
        LogisticRegression().fit(X, Y, np.zeros(60))


@pytest.mark.parametrize("kind", [SequenceClassifier, TextCNNClassifier])
def test_weights_of_classes_and_sequences_move_predictions(kind):
    texts, labels = [["a"], ["a"], ["a"], ["a"]] * 10, ["x", "x", "x", "y"] * 10
    options = {"max_iter": 25, "learning_rate": 0.03, "validation_fraction": 0}
    options |= {"hidden_size": 4} if kind is SequenceClassifier else {"filters": 4, "widths": (1,)}

    def probability(weights=None, **settings):
        return kind(**options, **settings).fit(texts, labels, weights).predict_proba([["a"]])[0, 1]

    assert probability() == pytest.approx(0.25, abs=0.08)
    assert probability(class_weight="balanced") == pytest.approx(0.5, abs=0.08)
    assert probability(class_weight={"y": 9.0}) == pytest.approx(0.75, abs=0.08)
    assert probability([1, 1, 1, 9] * 10) == pytest.approx(0.75, abs=0.08)
    assert probability([1, 0, 0, 1] * 10) == pytest.approx(0.5, abs=0.08)
    assert probability([1, 0, 0, 1] * 10, class_weight={"y": 3.0}) == pytest.approx(0.75, abs=0.08)


def test_weights_of_tags_regressors_and_writers():
    options = {"hidden_size": 4, "max_iter": 30, "learning_rate": 0.03, "validation_fraction": 0}
    texts, tags = [["a", "a"]] * 40, [["x", "x"], ["x", "y"]] * 20
    plain = SequenceTagger(**options).fit([["a"]] * 40, [["x"], ["x"], ["x"], ["y"]] * 10).predict_proba([["a"]])[0]
    heavy = SequenceTagger(**options, class_weight="balanced").fit([["a"]] * 40, [["x"], ["x"], ["x"], ["y"]] * 10)
    assert plain[0, 1] == pytest.approx(0.25, abs=0.08) and heavy.predict_proba([["a"]])[0][0, 1] == pytest.approx(
        0.5, abs=0.08
    )
    second = (
        SequenceTagger(**{**options, "max_iter": 100})
        .fit(texts, tags, [1.0, 3.0] * 20)
        .predict_proba([["a", "a"]])[0][1, 1]
    )
    assert second == pytest.approx(0.75, abs=0.1)
    mean = SequenceRegressor(**options).fit([["a"]] * 40, [0.0, 4.0] * 20, [1.0, 3.0] * 20).predict([["a"]])[0]
    assert mean == pytest.approx(3.0, abs=0.4)
    written = Seq2Seq(**options).fit([["a"]] * 40, [["x"], ["y"]] * 20, [1.0, 9.0] * 20).predict([["a"]])
    assert written == [["y"]]
    numbers = (
        SequenceGenerator(**options).fit(np.ones((40, 1)), [[0.0], [4.0]] * 20, [1.0, 3.0] * 20).predict([[1.0]])[0]
    )
    assert numbers[0] == pytest.approx(3.0, abs=0.5)


# Sequences.

ESTIMATORS = {
    "classifier": (SequenceClassifier(**QUICK), LABELS),
    "regressor": (SequenceRegressor(**QUICK), LABELS * 2.0),
    "tagger": (SequenceTagger(**QUICK), [[i % 2] * len(s) for i, s in enumerate(SEQUENCES)]),
    "seq2seq": (Seq2Seq(**QUICK), SEQUENCES),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_column_of_sequences_is_read_by_position(name):
    pandas = pytest.importorskip("pandas")
    model, y = ESTIMATORS[name]
    expected = model.fit(SEQUENCES, y).predict(SEQUENCES)
    shuffled = pandas.Series(SEQUENCES, index=draw.permutation(np.arange(5, 25)))
    targets = pandas.Series(list(y), index=np.arange(20)[::-1])
    for given in (
        shuffled,
        pandas.Series([pandas.DataFrame(s, index=range(9, 9 + len(s))) for s in SEQUENCES], index=range(3, 23)),
    ):
        found = model.fit(given, targets).predict(given)
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_generator_of_sequences_is_read_once(name):
    model, y = ESTIMATORS[name]
    expected = model.fit(SEQUENCES, y).predict(SEQUENCES)
    found = model.fit((s for s in SEQUENCES), y).predict(iter(SEQUENCES))
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)
    tokens = SequenceClassifier(**QUICK).fit((iter(s) for s in TOKENS), LABELS)
    np.testing.assert_array_equal(tokens.predict_proba(TOKENS), tokens.predict_proba(tuple(s) for s in TOKENS))


@pytest.mark.parametrize("y", [SEQUENCES, TOKENS], ids=["numbers", "tokens"])
def test_written_sequences_are_scored_against_one_for_each_input(y):
    for model, x in ((Seq2Seq(**QUICK), SEQUENCES), (SequenceGenerator(**QUICK), X[:20])):
        model.fit(x, y)
        assert np.isfinite(model.score(x, y))
        for wrong in (y[:5], y + y):
            with pytest.raises(
                ValueError, match=rf"y: expected a sequence for each of 20 inputs of X, got {len(wrong)}"
            ):
                model.score(x, wrong)


def test_bad_sequences():
    def fit(x, y=LABELS):
        return SequenceClassifier(**QUICK).fit(x, y)

    for bad, error, message in (
        ({"a": 1}, TypeError, "X: expected a list of sequences, got dict"),
        (None, TypeError, "X: expected a list of sequences, got NoneType"),
        ([], ValueError, "X: expected at least one sequence, got none"),
        ([1, 2], ValueError, r"X\[0\]: expected a sequence of one step or more, got 1"),
        ([["a"], 3.0], ValueError, r"X\[1\]: expected a sequence of one step or more, got 3.0"),
        ([["a"], [1.0]], TypeError, r"X\[1\]: expected tokens \(strings\), got 1.0"),
        ([[1.0], ["a"]], TypeError, r"X\[0\]: expected tokens \(strings\), got 1.0"),
        ([[1.0], [[1.0], [2.0, 3.0]]], ValueError, r"X\[1\]: "),
        ([[1j]], ValueError, r"X\[0\]: Complex data not supported"),
        ([[None]], ValueError, r"X\[0\]: expected finite numbers, step 0 has NaN"),
        ([np.zeros((2, 2, 2))], TypeError, r"X\[0\]: expected numbers \[T\] or \[T, width\]"),
        ([np.zeros((2, 0))], TypeError, r"X\[0\]: expected numbers \[T\] or \[T, width\]"),
    ):
        with pytest.raises(error, match=message):
            fit(bad)
    with pytest.raises(ValueError, match="got texts in some sequences and numbers in others"):
        SequenceTagger().fit([["a"], ["b"]], [["x"], [1]])


# Seeds, threads, settings.


def test_seeded_fits_in_threads_are_those_of_one_thread():
    before = random.get_state()

    def fit(seed):
        return MLPClassifier((6,), dropout=0.3, max_iter=4, random_state=seed).fit(X, Y).predict_proba(X)

    alone = [fit(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for a, b in zip(alone, pool.map(fit, range(4)), strict=True):
                np.testing.assert_array_equal(a, b)
    assert random.get_state() == before


def test_a_random_state_is_a_seed_a_generator_or_none():
    def fit(state):
        return (
            SequenceClassifier(**QUICK, dropout=0.2, random_state=state).fit(SEQUENCES, LABELS).predict_proba(SEQUENCES)
        )

    for make in (np.random.default_rng, np.random.RandomState):
        generator = make(3)
        first, second = fit(generator), fit(generator)
        np.testing.assert_array_equal(fit(make(3)), first)
        assert not np.array_equal(first, second)
    with random.seeded(8):
        first, second = fit(None), fit(None)
    with random.seeded(8):
        np.testing.assert_array_equal(fit(None), first)
    assert not np.array_equal(first, second)
    with pytest.raises(
        TypeError, match=r"random_state: expected an integer >= 0, None, or a generator of NumPy's, got 1\.5"
    ):
        fit(1.5)
    with pytest.raises(ValueError, match="random_state: expected an integer >= 0, got -1"):
        fit(-1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SequenceClassifier(epochs=3), "SequenceClassifier has no setting 'epochs'; did you mean 'max_iter'?"),
        (lambda: SequenceClassifier(lr=3), "SequenceClassifier has no setting 'lr'; did you mean 'learning_rate'?"),
        (
            lambda: SequenceRegressor(hidden_sizes=3),
            "SequenceRegressor has no setting 'hidden_sizes'; did you mean 'hidden_size'?",
        ),
        (lambda: TextCNNClassifier(vectors=1), "TextCNNClassifier has no setting 'vectors'; did you mean 'embedding'?"),
        (lambda: ARForecaster(order=2), "ARForecaster has no setting 'order'; did you mean 'lags'?"),
        (lambda: ARForecaster(season=2), "ARForecaster has no setting 'season'; it has lags, ridge, fit_intercept"),
    ],
)
def test_an_unknown_setting_names_the_known_one(make, message):
    with pytest.raises(TypeError) as caught:
        make()
    assert str(caught.value) == message


def test_a_setting_of_the_wrong_kind_is_named():
    with pytest.raises(
        TypeError, match=r"hidden_layer_sizes: expected a sequence of integers >= 1, such as \(100,\), got 100"
    ):
        MLPClassifier(100).fit(X, Y)
    with pytest.raises(TypeError, match=r"max_iter: expected an integer >= 1, got 2\.5"):
        MLPClassifier(max_iter=2.5).fit(X, Y)
    with pytest.raises(ValueError, match=r"activation: expected one of 'relu', .* got 'foo'"):
        MLPClassifier(activation="foo").fit(X, Y)


def test_a_fit_that_fails_changes_nothing():
    model = MLPClassifier((4,), max_iter=2).fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="at least two classes"):
        model.fit(X[:5, :2], np.zeros(5))
    np.testing.assert_array_equal(model.predict_proba(X), before)
    unfitted = MLPClassifier()
    with pytest.raises(ValueError, match="at least two classes"):
        unfitted.fit(X, Y * 0)
    assert not hasattr(unfitted, "n_features_in_")


# Going on.


def test_partial_fit_goes_on_from_what_is_there():
    labels = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    model = MLPClassifier((16,), learning_rate_init=0.01, batch_size=16)
    for _ in range(60):
        model.partial_fit(X, labels, classes=["other", "same"])
    assert model.score(X, labels) > 0.9 and model.n_iter_ == len(model.history_["loss"]) == 60
    assert model.history_["epoch"] == list(range(1, 61))
    one = MLPClassifier((16,)).partial_fit(X[:30], labels[:30], ["other", "same", "third"])
    assert one.classes_.tolist() == ["other", "same", "third"] and one.predict_proba(X).shape == (60, 3)
    with pytest.raises(ValueError, match="y: 'new' is not among the classes"):
        one.partial_fit(X[:1], ["new"])
    with pytest.raises(ValueError, match="classes: the first call of partial_fit needs all labels"):
        MLPClassifier().partial_fit(X, labels)
    regressor = MLPRegressor((16,), learning_rate_init=0.01)
    for _ in range(80):
        regressor.partial_fit(X, X[:, 0] + 10)
    assert regressor.score(X, X[:, 0] + 10) > 0.9
    with pytest.raises(ValueError, match="y: expected 1 outputs as before, got 2"):
        regressor.partial_fit(X, X[:, :2])


def test_a_warm_start_goes_on_from_the_last_fit():
    for model in (MLPClassifier((8,), max_iter=1, warm_start=True), MLPRegressor((8,), max_iter=1, warm_start=True)):
        losses = [model.fit(X, Y).history_["loss"][0] for _ in range(5)]
        assert losses == sorted(losses, reverse=True)
        model.set_params(warm_start=False)
        assert model.fit(X, Y).history_["loss"][0] == pytest.approx(losses[0])
    with pytest.raises(ValueError, match=r"y: warm_start expects the classes \[0, 1\], got \[0, 2\]"):
        MLPClassifier((8,), max_iter=1, warm_start=True).fit(X, Y).fit(X, 2 * Y)
    model = LogisticRegression(warm_start=True, tol=1e-8).fit(X, Y)
    first = model.n_iter_
    assert model.fit(X, Y).n_iter_ == 1 < first


class Interrupted(MLPClassifier):
    """Ctrl-C comes in the third epoch, when the loss of what is held out has risen since the first."""

    class_losses = 0

    @staticmethod
    def _losses(output, target, reduction="mean"):
        Interrupted.class_losses += 1
        if Interrupted.class_losses == 9:
            raise KeyboardInterrupt
        return MLPClassifier._losses(output, target, reduction=reduction)


def test_ctrl_c_leaves_an_estimator_with_the_best_weights_so_far():
    Interrupted.class_losses = 0
    model = Interrupted((8,), batch_size=30, max_iter=20, learning_rate_init=0.5)
    with pytest.raises(KeyboardInterrupt) as caught:
        model.fit(X, Y)
    (note,) = caught.value.__notes__
    assert "stopped after 2 of 20 epochs" in note and "another fit begins anew" in note and "epochs=" not in note
    assert model.n_iter_ == len(model.history_["val_loss"]) == 2 and not model.model_.training
    best = int(np.argmin(model.history_["val_loss"])) + 1
    again = MLPClassifier((8,), batch_size=30, max_iter=best, learning_rate_init=0.5).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))


def test_lists_of_other_lengths_are_named():
    with pytest.raises(ValueError, match="X: expected an array, or lists of equal lengths, got lists of other lengths"):
        MLPClassifier().fit([[1.0, 2.0], [1.0]], [0, 1])
