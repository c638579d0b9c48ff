"""The classifier of texts: settings that are chosen by held out texts, and curves of precision and recall."""

import os

import numpy as np
import pytest

from seqnn import KeyedVectors
from seqnn.models import FastTextClassifier
from seqnn.models._fasttext_meter import Meter
from seqnn.models._fasttext_search import Metric, Search

RNG = np.random.default_rng(0)
WORDS = np.array([f"w{i}" for i in range(60)])


def texts(count):
    """Texts whose label depends on the order of two words: single words do not tell it."""
    found, labels = [], []
    for _ in range(count):
        words = RNG.choice(WORDS, 6)
        first, second = RNG.permutation(["yes", "no"])
        words[RNG.integers(3)], words[3 + RNG.integers(3)] = first, second
        place = RNG.integers(4)
        found.append(" ".join([*words[:place], first, second, *words[place:]]))
        labels.append(str(first))
    return found, labels


TRAIN, HELD = texts(300), texts(100)
SMALL = {"deterministic": True, "bucket": 5000, "vector_size": 8}


def tuned(**how):
    settings = SMALL | how.pop("settings", {})
    return FastTextClassifier(**settings).autotune(*TRAIN, validation=HELD, **{"trials": 6} | how)


def test_a_search_finds_what_the_defaults_lack_and_repeats_itself():
    plain = FastTextClassifier(**SMALL).fit(*TRAIN)
    model, again = tuned(trials=12), tuned(trials=12)
    assert model.test(*HELD).f1 > plain.test(*HELD).f1 + 0.1
    assert [t["score"] for t in model.trials_] == [t["score"] for t in again.trials_] and len(model.trials_) == 12
    assert (model.model_.input == again.model_.input).all()
    best = max(model.trials_, key=lambda trial: trial["score"])
    assert {name: getattr(model, name) for name in ("epochs", "alpha", "word_ngrams")} == {
        name: best[name] for name in ("epochs", "alpha", "word_ngrams")
    }
    assert best["score"] == pytest.approx(model.test(*HELD).f1)
    assert model.trials_[0] | {"score": 0, "seconds": 0} == {
        "epochs": 5, "alpha": 0.1, "vector_size": 8, "word_ngrams": 1, "min_n": 0, "max_n": 0, "bucket": 5000, "dsub": 2,
        "score": 0, "seconds": 0,
    }  # fmt: skip


def test_settings_that_were_chosen_stay():
    model = tuned(settings={"word_ngrams": 2, "loss": "ova"}, fixed=["epochs"])
    assert {(t["word_ngrams"], t["epochs"], t["vector_size"], t["bucket"]) for t in model.trials_} == {(2, 5, 8, 5000)}
    assert model.loss == "ova" and len({t["alpha"] for t in model.trials_}) > 3
    wide = KeyedVectors.from_arrays(["yes"], np.ones((1, 100)))
    model = FastTextClassifier(pretrained=wide, bucket=500).autotune(*TRAIN, validation=HELD, trials=3)
    assert model.pretrained is wide and {t["vector_size"] for t in model.trials_} == {100}


def test_files_and_metrics_of_the_original(tmp_path):
    for name, (some, labels) in (("train", TRAIN), ("held", HELD)):
        lines = [f"__label__{label} {text}\n" for text, label in zip(some, labels, strict=True)]
        (tmp_path / name).write_text("".join(lines))
    scores = {}
    for metric in ("f1", "f1:yes", "f1:__label__no", "precisionAtRecall:50", "recallAtPrecision:60.5:yes"):
        model = FastTextClassifier(**SMALL)
        model.autotune(tmp_path / "train", validation=tmp_path / "held", trials=3, metric=metric, predictions=-1)
        scores[metric] = max(t["score"] for t in model.trials_)
    assert len({*scores.values()}) >= 3 and all(0 < score <= 1 for score in scores.values())
    assert scores["precisionAtRecall:50"] == pytest.approx(
        model.get_meter(tmp_path / "held").precision_at_recall(0.5), abs=0.3
    )


def test_a_model_takes_no_more_room_than_it_may(tmp_path):
    some, labels = TRAIN[0][:150], TRAIN[1][:150]
    long = [f"{text} {RNG.integers(10**16)}-{RNG.integers(10**16)}" for text in some for _ in range(4)]
    model = FastTextClassifier(
        deterministic=True, epochs=3, alpha=0.5, vector_size=8, word_ngrams=2, bucket=3000, max_n=0
    )
    model.autotune(long, np.repeat(labels, 4), validation=HELD, trials=2, model_size="25kB", fixed=["min_n", "max_n"])
    model.save(tmp_path / "m.ftz")
    assert 12_000 < os.path.getsize(tmp_path / "m.ftz") <= 25_000
    assert FastTextClassifier.load(tmp_path / "m.ftz").test(*HELD).f1 == pytest.approx(model.test(*HELD).f1)
    few = ["foo", "bar", "baz"], ["1", "2", "3"]
    model = FastTextClassifier(loss="hs", deterministic=True, word_ngrams=1, min_n=0, max_n=0)
    model.autotune(*few, validation=few, trials=2, model_size="8MB", fixed=["word_ngrams", "min_n", "max_n"])
    assert model.model_.quantized is None and len(model.model_.dictionary.words) == 4
    with pytest.raises(RuntimeError, match="none of 2 trials gave a classifier: model_size may be too small"):
        tuned(trials=2, model_size="1kB")


def test_time_ends_a_search():
    with pytest.raises(RuntimeError, match=r"none of 0 trials .* the time was too short: give a longer duration"):
        tuned(trials=None, duration=1e-9, settings={"epochs": 50})
    model = tuned(trials=None, duration=0.5)
    assert len(model.trials_) >= 1 and sum(t["seconds"] for t in model.trials_) < 2


def test_ctrl_c_leaves_the_best_so_far(monkeypatch):
    model, calls = FastTextClassifier(**SMALL), []

    def stop(self, asked):
        calls.append(asked)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return trained(self, asked)

    from seqnn.models._fasttext_autotune import _Tuning

    trained = _Tuning._trained
    monkeypatch.setattr(_Tuning, "_trained", stop)
    with pytest.raises(KeyboardInterrupt):
        model.autotune(*TRAIN, validation=HELD, trials=9)
    assert len(model.trials_) == 2 and 0 < model.test(*HELD).f1 <= 1


def test_draws_are_the_originals_and_stay_within_bounds():
    settings = {
        "epochs": 5, "alpha": 0.1, "vector_size": 100, "word_ngrams": 1, "min_n": 0, "max_n": 0, "bucket": 2_000_000, "dsub": 2,
    }  # fmt: skip
    search = Search(settings, set(), 0)
    assert search.ask(0.0) == settings
    drawn = [search.ask(t) for t in np.linspace(0, 1, 400)]
    for name, low, high in (
        ("epochs", 1, 100), ("alpha", 0.01, 5), ("vector_size", 1, 1000), ("word_ngrams", 1, 5), ("bucket", 10_000, 10_000_000)
    ):  # fmt: skip
        values = [d[name] for d in drawn]
        assert low <= min(values) and max(values) <= high and len({*values}) >= min(5, high)
    assert {(d["min_n"], d["max_n"]) for d in drawn} == {(0, 0), (2, 5), (3, 6)} and {d["dsub"] for d in drawn} == {
        2,
        4,
        8,
        16,
    }
    spread = [np.std([np.log2(d["vector_size"] / 100) for d in part]) for part in (drawn[:100], drawn[-100:])]
    assert spread[0] > 1 > 0.4 > spread[1]


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        ({"metric": "auc"}, ValueError, "metric: expected 'f1', 'f1:LABEL'"),
        ({"metric": "precisionAtRecall:130"}, ValueError, "metric: expected 'f1'"),
        ({"metric": "f1:maybe"}, ValueError, r"metric: expected a label of \['no', 'yes'\], got 'maybe'"),
        ({"trials": 0}, ValueError, "trials: expected"),
        ({"duration": 0}, ValueError, "duration: expected"),
        ({"predictions": 0}, ValueError, "k: expected a number of labels"),
        ({"model_size": "big"}, ValueError, "model_size: expected bytes or a size"),
        ({"fixed": ["loss"]}, ValueError, "fixed: expected some of epochs, alpha"),
    ],
)
def test_bad_searches_are_refused(wrong, error, told):
    with pytest.raises(error, match=told):
        tuned(**wrong)


def test_validation_must_be_texts_with_labels():
    with pytest.raises(TypeError, match="validation: expected a pair"):
        FastTextClassifier(**SMALL).autotune(*TRAIN, validation=HELD[0])
    with pytest.raises(ValueError, match="y: expected labels, got none that the classifier knows"):
        FastTextClassifier(**SMALL).autotune(*TRAIN, validation=(HELD[0], ["so"] * 100), trials=1)


# --- curves


def reference_curve(pairs, true):
    """The original's loop over (score, right) pairs from the largest down."""
    counts, hits, misses, last = [], 0, 0, -2.0
    for score, right in sorted(pairs, reverse=True):
        hits, misses = hits + right, misses + (not right)
        if score == last and counts:
            counts[-1] = (hits, misses)
        else:
            counts.append((hits, misses))
        last = score
    full = next((i + 1 for i, (h, _) in enumerate(counts) if h >= true), len(counts))
    return [(h / (h + m), h / true) for h, m in counts[:full]] + [(1.0, 0.0)]


def test_curves_are_the_originals():
    labels, scores = RNG.integers(3, size=200), RNG.integers(30, size=200).astype(np.float32) / 30
    right = RNG.random(200) < scores
    true = np.array([right[labels == i].sum() + (i == 1) for i in range(3)])
    meter = Meter(["a", "b", "c"], labels, scores, right, true)
    for label in (None, "a", "b", "c"):
        own = np.ones(200, bool) if label is None else labels == "abc".index(label)
        expected = reference_curve(
            [*zip(scores[own].tolist(), right[own].tolist(), strict=True)],
            true.sum() if label is None else true["abc".index(label)],
        )
        precision, recall, threshold = meter.precision_recall_curve(label)
        np.testing.assert_allclose(np.stack([precision, recall], 1), expected)
        for k in range(len(threshold) - 1):
            chosen = own & (scores >= threshold[k])
            assert precision[k] == right[chosen].mean()
        assert meter.precision_at_recall(0.5, label) == max(p for p, r in expected if r >= 0.5)
        best = meter.recall_at_precision(0.7, label)
        assert best == max(r for p, r in expected if p >= 0.7)
        assert recall[threshold == meter.threshold_at_precision(0.7, label)] == best
    assert meter.precision_at_recall(1.0, "b") == 0 and meter.recall_at_precision(1.0) >= 0


@pytest.mark.parametrize("loss", ["softmax", "hs", "ova"])
def test_the_meter_of_a_classifier_agrees_with_its_scores(loss):
    model = FastTextClassifier(**SMALL, epochs=30, word_ngrams=2, alpha=0.5, loss=loss).fit(*TRAIN)
    meter = model.get_meter(*HELD)
    for label in ("yes", "no"):
        precision, recall, threshold = meter.precision_recall_curve(label)
        for k in range(0, len(threshold) - 1, 9):
            found = model.test(*HELD, k=-1, threshold=float(threshold[k])).labels[label]
            assert (found["precision"], found["recall"]) == pytest.approx((precision[k], recall[k]))
    with pytest.raises(ValueError, match=r"label: expected one of \['no', 'yes'\]|label: expected one of"):
        meter.precision_recall_curve("maybe")
    with pytest.raises(ValueError, match="recall: expected"):
        meter.precision_at_recall(2)
    with pytest.raises(ValueError, match="k: expected"):
        model.get_meter(*HELD, k=0)
    empty = Meter(["a"], np.zeros(0, int), np.zeros(0), np.zeros(0, bool), np.zeros(1, int))
    assert [len(part) for part in empty.precision_recall_curve()] == [0, 0, 0]
    assert empty.threshold_at_precision(0.5) == np.inf


def test_metrics_are_read_as_the_original_reads_them():
    assert Metric.parsed("recallAtPrecision:30:a:b") == Metric("recallAtPrecision", 0.3, "a:b")
    assert Metric.parsed("f1:x") == Metric("f1", 0.0, "x") and Metric.parsed("f1") == Metric("f1")
