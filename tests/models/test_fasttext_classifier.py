"""The classifier of texts: training, predictions, scores, exact resuming, bad input."""

import numpy as np
import pytest

import seqnn
from seqnn import EarlyStopping, KeyedVectors
from seqnn.models import FastTextClassifier
from seqnn.models._fasttext_model import LOSSES

TEXTS = ["a very good film", "a very bad film", "such good fun", "in bad taste", "good good", "nothing but bad"] * 10
SIGNS = ["+", "-", "+", "-", "+", "-"] * 10
SMALL = {"vector_size": 8, "epochs": 15, "alpha": 0.5, "deterministic": True}


def parts(model):
    return model.model_.input.tobytes(), model.model_.output.tobytes()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("ngrams", [{}, {"word_ngrams": 2, "min_n": 2, "max_n": 3, "bucket": 500}])
def test_every_loss_learns_and_every_form_of_texts_is_the_same(tmp_path, loss, ngrams):
    settings = SMALL | ngrams | {"loss": loss}
    model = FastTextClassifier(**settings).fit(TEXTS, SIGNS)
    assert model.classes_.tolist() == ["+", "-"] and model.score(TEXTS, SIGNS) == 1
    assert model.history_["loss"][-1] < model.history_["loss"][0] and model.n_iter_ == 15
    tokens = FastTextClassifier(**settings).fit([text.split() for text in TEXTS], [[sign] for sign in SIGNS])
    assert parts(tokens) == parts(model)
    lines = "".join(f"__label__{sign} {text}\n" for text, sign in zip(TEXTS, SIGNS, strict=True))
    (tmp_path / "train.txt").write_text(lines)
    from_file = FastTextClassifier(**settings).fit(tmp_path / "train.txt")
    assert parts(from_file) == parts(model) and from_file.classes_.tolist() == ["+", "-"]
    assert model.test(tmp_path / "train.txt").precision == 1
    proba = model.predict_proba(TEXTS[:3])
    assert proba.shape == (3, 2) and (loss in ("ns", "ova") or np.allclose(proba.sum(1), 1, atol=1e-3))


def test_labels_are_of_any_kind_and_several_a_text():
    model = FastTextClassifier(**SMALL).fit(TEXTS, [7 if s == "+" else -3 for s in SIGNS])
    assert model.classes_.tolist() == [-3, 7] and model.predict(["good"]).tolist() == [7]
    assert model.predict_top("good")[0] == ("__label__7",)
    several = [["good", "short"] if t == "good good" else [] if t == "such good fun" else ["other"] for t in TEXTS]
    model = FastTextClassifier(**SMALL | {"loss": "ova"}).fit(TEXTS, several)
    labels, probabilities = model.predict_top("good good", k=-1, threshold=0.5)
    assert set(labels) == {"__label__good", "__label__short"} and (probabilities > 0.5).all()
    scores = model.test(TEXTS, several, k=-1, threshold=0.5)
    assert scores.examples == 50 and scores.recall == 1 and scores.labels["short"]["true"] == 10
    assert model.test(TEXTS, several).recall == pytest.approx(50 / 60)


def test_predict_top_answers_as_the_originals_predict():
    model = FastTextClassifier(**SMALL).fit(TEXTS, SIGNS)
    labels, probabilities = model.predict_top("good", k=2)
    assert isinstance(labels, tuple) and labels == ("__label__+", "__label__-") and probabilities.shape == (2,)
    assert probabilities[0] == pytest.approx(model.predict_proba(["good"])[0, 0] + 1e-5, abs=1e-6)
    labels, probabilities = model.predict_top(["good", "bad"])
    assert labels == [["__label__+"], ["__label__-"]] and [len(row) for row in probabilities] == [1, 1]
    assert model.predict_top("good", threshold=2.0) == ((), pytest.approx([]))
    assert [len(row) for row in model.predict_top(["good", "bad"], k=-1)[0]] == [2, 2]


def test_a_text_of_no_known_word_has_the_vector_of_its_end():
    model = FastTextClassifier(**SMALL).fit(TEXTS, SIGNS)
    assert np.array_equal(model.get_sentence_vector("never seen"), model.get_sentence_vector(""))
    row = model.model_.dictionary.words.index("good")
    both = (model.model_.input[row] + model.model_.input[model.model_.dictionary.words.index("</s>")]) / 2
    np.testing.assert_allclose(model.get_sentence_vector("good"), both, rtol=1e-6)
    assert np.array_equal(model.transform(["good", "bad"])[0], model.get_sentence_vector("good"))


class Interrupting(seqnn.Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, model):
        if model.history_[-1]["epoch"] == self.epoch:
            raise KeyboardInterrupt


def test_an_interrupted_fit_goes_on_to_the_very_result(tmp_path):
    settings = SMALL | {"word_ngrams": 2, "bucket": 100}
    whole = FastTextClassifier(**settings).fit(TEXTS, SIGNS)
    broken = FastTextClassifier(**settings, early_stopping=Interrupting(4))
    with pytest.raises(KeyboardInterrupt):
        broken.fit(TEXTS, SIGNS)
    assert broken.n_iter_ == 4 and len(broken.predict(TEXTS)) == 60
    broken.save(tmp_path / "model")
    loaded = FastTextClassifier.load(tmp_path / "model")
    with pytest.raises(ValueError, match="texts and labels of the fit that was interrupted"):
        loaded.resume(TEXTS[::-1], SIGNS)
    loaded.resume(TEXTS, SIGNS)
    assert parts(loaded) == parts(whole)
    assert loaded.history_["loss"] == whole.history_["loss"]
    with pytest.raises(ValueError, match="no fit was interrupted"):
        loaded.resume(TEXTS, SIGNS)


def test_early_stopping_returns_to_the_best_epoch():
    stop = EarlyStopping("val_precision", patience=1, restore_best=True)
    model = FastTextClassifier(**SMALL | {"epochs": 50}, early_stopping=stop)
    model.fit(TEXTS, SIGNS, validation=(TEXTS[:6], SIGNS[:6]))
    assert model.n_iter_ < 50 and max(model.history_["val_precision"]) == 1
    assert model.score(TEXTS[:6], SIGNS[:6]) == 1


def test_pretrained_vectors_are_where_training_begins(tmp_path):
    vectors = KeyedVectors.from_arrays(["good", "splendid"], np.arange(16, dtype=np.float32).reshape(2, 8))
    vectors.save(tmp_path / "v.safetensors")
    for given in (vectors, (vectors.vectors, vectors.index_to_key), str(tmp_path / "v.safetensors")):
        model = FastTextClassifier(**SMALL | {"epochs": 0}, pretrained=given).fit(TEXTS, SIGNS)
        words = model.model_.dictionary.words
        assert np.array_equal(model.model_.input[words.index("splendid")], np.arange(8, 16))
        assert np.array_equal(model.model_.input[words.index("good")], np.arange(8))
    with pytest.raises(ValueError, match=r"pretrained: .*vector_size=9 numbers, got 8: set vector_size=8"):
        FastTextClassifier(vector_size=9, pretrained=vectors).fit(TEXTS, SIGNS)
    with pytest.raises(TypeError, match="pretrained: expected KeyedVectors"):
        FastTextClassifier(pretrained=np.zeros((3, 100))).fit(TEXTS, SIGNS)


def test_rare_words_and_labels_are_left_out():
    texts, labels = [*TEXTS, "unique words"], [*SIGNS, "odd"]
    model = FastTextClassifier(**SMALL, min_count=2, min_count_label=2).fit(texts, labels)
    assert model.classes_.tolist() == ["+", "-"] and "unique" not in model.model_.dictionary.words
    scores = model.test(texts, labels)
    assert scores.examples == 60 and set(scores.labels) == {"+", "-"}


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        ("no such file", None, FileNotFoundError, "no such file"),
        ("file", ["+"], TypeError, "y: expected None with X the path"),
        (TEXTS, None, ValueError, "requires y"),
        ([], [], ValueError, "X: expected at least one text"),
        ([1, 2], ["+", "-"], TypeError, r"X\[0\]: expected a string or a list of tokens, got 1"),
        ([["a b"], ["c"]], ["+", "-"], ValueError, r"X\[0\]: expected tokens without white space, got 'a b'"),
        ([["a", 3], ["c"]], ["+", "-"], TypeError, r"X\[0\]: expected tokens \(strings\), got 3"),
        (["a", "b"], ["+"], ValueError, "y: expected one label for each of 2"),
        (["a", "b"], [["+"], "-"], TypeError, r"y\[1\]: expected a list of labels"),
        (["a", "b"], [["+"]], ValueError, "y: expected labels for each of 2 texts, got 1"),
        (["a", "b"], ["x", "__label__x"], ValueError, "differ also without label_prefix='__label__'"),
        (["a", "b"], [[], []], ValueError, "y: expected at least one label"),
        (["a", "b"], ["+", "+"], ValueError, "at least two classes"),
        (["__label__a", "__label__b"], ["a", "b"], ValueError, "X: expected words besides labels"),
        (["", " "], ["a", "b"], ValueError, "X: expected words besides labels"),
    ],
)
def test_bad_texts_and_labels_are_refused(X, y, error, message):
    with pytest.raises(error, match=message):
        FastTextClassifier(**SMALL).fit(X, y)


def test_files_of_any_bytes_are_read(tmp_path):
    lines = [
        b"\xef\xbb\xbf__label__+ good \xff\xfe",
        b"__label__- bad \0 x",
        b"",
        b"unlabelled words",
        b"__label__+ good",
    ]
    (tmp_path / "f").write_bytes(b"\r\n".join(lines))
    model = FastTextClassifier(**SMALL).fit(tmp_path / "f")
    assert model.classes_.tolist() == ["+", "-"]
    assert {*model.model_.dictionary.words} == {"</s>", "good", "\udcff\udcfe", "bad", "x", "unlabelled", "words"}
    assert model.predict(["good \udcff\udcfe", "bad"]).tolist() == ["+", "-"]
    assert model.test(tmp_path / "f").examples == 3


def test_bad_files_of_texts_are_refused(tmp_path):
    for text, message in (("", "is empty"), ("no labels\nhere\n", "no word begins with label_prefix='__label__'"),
                          ("__label__a\n__label__b\n", "expected words besides labels")):  # fmt: skip
        (tmp_path / "f").write_text(text)
        with pytest.raises(ValueError, match=message):
            FastTextClassifier(**SMALL).fit(tmp_path / "f")
    model = FastTextClassifier(**SMALL).fit(TEXTS, SIGNS)
    (tmp_path / "f").write_text("__label__unseen good\n")
    with pytest.raises(ValueError, match="none that the classifier knows"):
        model.test(tmp_path / "f")


def test_bad_settings_and_arguments_are_refused():
    for name, value in (("loss", "hinge"), ("vector_size", 0), ("label_prefix", ""), ("label_prefix", "a b"),
                        ("max_n", 101), ("word_ngrams", 0), ("alpha", -1), ("early_stopping", 3)):  # fmt: skip
        with pytest.raises((ValueError, TypeError), match=name):
            FastTextClassifier(**{name: value}).fit(TEXTS, SIGNS)
    for theirs, ours in (("lr", "alpha"), ("dim", "vector_size"), ("wordNgrams", "word_ngrams"), ("thread", "workers")):
        with pytest.raises(TypeError, match=f"did you mean '{ours}'"):
            FastTextClassifier(**{theirs: 1})
    model = FastTextClassifier(**SMALL).fit(TEXTS, SIGNS)
    with pytest.raises(TypeError, match="X: expected a list of texts, got one str"):
        model.predict("good")
    with pytest.raises(TypeError, match="text: expected a string"):
        model.get_sentence_vector(["good"])
    for k in (0, -2):
        with pytest.raises(ValueError, match="k"):
            model.predict_top("good", k=k)
    with pytest.raises(TypeError, match="validation"):
        FastTextClassifier(**SMALL).fit(TEXTS, SIGNS, validation=3)
    with pytest.raises(ValueError, match="not learnt anything"):
        FastTextClassifier().predict_top("good")


def test_a_run_that_diverges_says_so_and_leaves_the_estimator_as_it_was():
    model = FastTextClassifier(**SMALL).fit(TEXTS, SIGNS)
    before = parts(model)
    model.alpha = 1e30
    with pytest.raises(FloatingPointError, match=r"as they were before the run\. A lower alpha helps"):
        model.fit(TEXTS, SIGNS)
    assert parts(model) == before


def test_quantising_keeps_the_words_that_matter():
    words = [f"w{i}" for i in range(600)]
    texts = [f"good {words[i % 600]}" if i % 2 else f"bad {words[i % 600]}" for i in range(1200)]
    labels = ["+" if i % 2 else "-" for i in range(1200)]
    model = FastTextClassifier(**SMALL).fit(texts, labels)
    small = model.quantize(cutoff=300, qnorm=True)
    assert len(small.model_.input) == 300 and {"good", "bad", "</s>"} <= {*small.model_.dictionary.words}
    assert small.score(texts, labels) == 1 and len(model.model_.input) == 603
    again = model.quantize(texts, labels, cutoff=300, dsub=3, retrain=True)
    assert again.score(texts, labels) == 1 and len(again.model_.input) == 300
    with pytest.raises(ValueError, match="quantised already"):
        small.quantize()
    with pytest.raises(ValueError, match="resume: a quantised model cannot be trained further"):
        small.resume(texts, labels)
    with pytest.raises(ValueError, match="256 rows or more, got 2"):
        model.quantize(qout=True)
    with pytest.raises(TypeError, match="retrain=True"):
        model.quantize(texts, labels)


def test_pretrained_words_stand_once_in_the_dictionary_and_are_no_labels(tmp_path):
    given = np.ones((4, 8), np.float32), ["rare", "rare", "__label__p", "good"]
    model = FastTextClassifier(vector_size=8, epochs=1, pretrained=given).fit(["good film", "bad film"], ["p", "n"])
    words = model.model_.dictionary.words
    assert words.count("rare") == 1 and "__label__p" not in words
    model.save(tmp_path / "m.bin")
    assert FastTextClassifier.load(tmp_path / "m.bin").predict(["good"]) == model.predict(["good"])


def test_a_label_may_begin_with_the_prefix_twice(tmp_path):
    (tmp_path / "text").write_text("__label____label__x good\n__label__x bad\n" * 9)
    model = FastTextClassifier(vector_size=4, epochs=20).fit(tmp_path / "text")
    assert model.classes_.tolist() == ["__label____label__x", "x"]
    assert model.predict(["good", "bad"]).tolist() == ["__label____label__x", "x"]
    assert model.test(tmp_path / "text").labels["__label____label__x"]["true"] == 9
