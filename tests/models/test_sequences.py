"""Estimators of sequences on problems whose answer is known; every cell; bad input."""

import numpy as np
import pytest

from seqnn.models import (
    EncoderDecoder,
    ManyToMany,
    ManyToOne,
    OneToMany,
    Seq2Seq,
    SequenceClassifier,
    SequenceGenerator,
    SequenceRegressor,
    SequenceTagger,
)

CELLS = ("rnn", "lstm", "gru", "stlm")


def unequal(count, seed=0, longest=9, width=None):
    """Sequences of 1 to `longest` numbers, or of rows of `width` of them."""
    draw = np.random.default_rng(seed)
    shapes = [(n,) if width is None else (n, width) for n in draw.integers(1, longest + 1, count)]
    return [draw.standard_normal(shape) for shape in shapes]


def digits(count, seed=0, longest=5):
    draw = np.random.default_rng(seed)
    return [[str(d) for d in draw.integers(0, 4, n)] for n in draw.integers(1, longest + 1, count)]


@pytest.mark.parametrize("cell", CELLS)
def test_classifier_remembers_the_first_step(cell):
    x = unequal(300)
    y = ["up" if s[0] > 0 else "down" for s in x]
    model = SequenceClassifier(cell=cell, hidden_size=16, max_iter=25, learning_rate=0.02).fit(x[:240], y[:240])
    assert model.score(x[240:], y[240:]) > 0.8 + 0.05 * (cell != "rnn")
    p = model.predict_proba(x[:7])
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(p[3], model.predict_proba([x[3]])[0], rtol=1e-4)  # padding makes no difference


def test_classifier_of_tokens_and_regressor_of_several_outputs():
    x = digits(150)
    y = [s.count("3") > s.count("0") for s in x]
    model = SequenceClassifier(
        hidden_size=16, embedding_size=8, max_iter=30, learning_rate=0.03, bidirectional=True
    ).fit(x, y)
    assert model.score(x, y) > 0.95
    assert model.predict([["3", "unheard of"]]).tolist() == [True]
    x = unequal(300, width=2)
    y = np.array([[1000 + 500 * s[-1, 0], s.mean()] for s in x])
    model = SequenceRegressor(cell="gru", hidden_size=16, num_layers=2, max_iter=40, learning_rate=0.02).fit(x, y)
    assert model.predict(x).shape == y.shape and model.score(x, y) > 0.9
    flat = SequenceRegressor(cell="rnn", hidden_size=8, max_iter=2).fit(x, y[:, 0])
    assert flat.predict(x[:5]).shape == (5,)


@pytest.mark.parametrize("cell", CELLS)
def test_tagger_sees_what_lies_behind(cell):
    x = digits(200, longest=7)
    y = [[int(b > a) for a, b in zip(s, [*s[1:], "0"], strict=True)] for s in x]  # whether the next one is larger
    model = SequenceTagger(
        cell=cell, hidden_size=16, embedding_size=8, bidirectional=True, max_iter=20, learning_rate=0.02
    )
    model.fit(x, y)
    assert model.score(x, y) > 0.95
    assert [len(tags) for tags in model.predict(x[:9])] == [len(s) for s in x[:9]]


def test_tagger_with_a_crf_chooses_labels_together(tmp_path):
    """The sequence does not say which of two tags comes first, only that they take turns."""
    draw = np.random.default_rng(0)
    firsts = draw.integers(0, 2, 200)
    y = [["AB"[(first + t) % 2] for t in range(6)] for first in firsts]
    x = [["?"] * 6] * 200
    options = {"hidden_size": 8, "embedding_size": 4, "bidirectional": True, "max_iter": 30, "learning_rate": 0.03}
    chained = SequenceTagger(crf=True, **options).fit(x, y)
    assert chained.predict(x[:1])[0].tolist() in (list("ABABAB"), list("BABABA"))
    p = chained.predict_proba(x[:1])[0]
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert ((p > 0.25) & (p < 0.75)).all()  # each alone is a toss
    chained.save(tmp_path / "tagger.safetensors")
    loaded = SequenceTagger.load(tmp_path / "tagger.safetensors")
    assert loaded.crf and loaded.predict(x[:1])[0].tolist() == chained.predict(x[:1])[0].tolist()
    known = digits(200, longest=7)
    tags = [[int(b > a) for a, b in zip(s, [*s[1:], "0"], strict=True)] for s in known]
    assert SequenceTagger(crf=True, **options).fit(known, tags).score(known, tags) > 0.95


def test_sequences_of_a_tagger_with_a_crf_have_weights_but_their_classes_have_none():
    x, y = [["a", "a"]] * 40, [["x", "x"], ["x", "y"]] * 20
    options = {"hidden_size": 4, "max_iter": 100, "learning_rate": 0.03, "validation_fraction": 0, "crf": True}
    second = SequenceTagger(**options).fit(x, y, [1.0, 3.0] * 20).predict_proba([["a", "a"]])[0][1, 1]
    assert second == pytest.approx(0.75, abs=0.1)
    with pytest.raises(ValueError, match="class_weight: expected None with crf=True"):
        SequenceTagger(**options, class_weight="balanced").fit(x, y)


def test_generator_of_curves_and_of_words():
    slope = np.linspace(-1, 1, 80)[:, None]
    curves = [5 + a * np.arange(4 + i % 3) for i, (a,) in enumerate(slope)]
    model = SequenceGenerator(cell="gru", hidden_size=24, max_iter=150, learning_rate=0.01).fit(slope, curves)
    assert model.score(slope, curves) > 0.97
    assert model.predict([[0.5]])[0].shape == (6,) and model.predict([[0.5]], steps=2)[0].shape == (2,)
    count = np.arange(1.0, 5)[:, None]
    words = [["and"] * int(n) for (n,) in count]
    model = SequenceGenerator(cell="stlm", hidden_size=16, max_iter=200, learning_rate=0.02, validation_fraction=0)
    assert model.fit(count, words).predict(count) == words and model.score(count, words) == 1
    assert model.predict(count, steps=2)[3] == ["and"] * 2


def test_encoder_decoder_reverses():
    x = digits(300, longest=3)
    y = [s[::-1] for s in x]
    model = Seq2Seq(
        cell="gru", hidden_size=24, embedding_size=8, bidirectional=True, batch_size=16, max_iter=25, learning_rate=0.02
    )
    model.fit(x, y)
    assert model.score(x, y) > 0.9


def test_encoder_decoder_of_numbers():
    x = unequal(300, longest=4, width=1)
    y = [np.repeat(s[-1:] * 10, 2, axis=0) for s in x]
    model = Seq2Seq(cell="lstm", hidden_size=24, max_iter=40, learning_rate=0.01).fit(x, y)
    assert model.score(x, y) > 0.95 and model.predict(x[:2])[0].shape == (2, 1)


def test_equal_seeds_equal_models():
    x = unequal(30)
    y = [len(s) > 4 for s in x]
    fits = [
        SequenceClassifier(hidden_size=6, num_layers=2, dropout=0.3, max_iter=2, random_state=s).fit(x, y)
        for s in (1, 1, 2)
    ]
    first, same, other = (model.predict_proba(x) for model in fits)
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("cell", CELLS)
def test_writing_step_by_step_is_what_the_whole_sequence_gives(cell):
    model = OneToMany(3, 7, hidden_size=8, cell=cell, num_layers=2, embedding_size=4).eval()
    vectors = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
    written = model.generate(vectors, 5, begin=1)
    previous = np.concatenate([np.ones((2, 1), int), written[:, :-1]], axis=1)
    np.testing.assert_array_equal(model(vectors, previous).numpy().argmax(axis=2), written)
    ended = model.generate(vectors, 5, begin=1, end=int(written[0, 1]))
    assert ended.shape[1] <= 5 and (ended[0, 1:] == written[0, 1]).all()


def test_networks_ignore_the_padding():
    x = np.random.default_rng(0).standard_normal((2, 6, 3)).astype(np.float32)
    lengths = np.array([6, 4])
    for model in (
        ManyToOne(3, 2, hidden_size=8, bidirectional=True),
        ManyToMany(3, 2, hidden_size=8, bidirectional=True),
    ):
        whole, alone = model(x, lengths).numpy()[1], model(x[1:, :4]).numpy()[0]
        np.testing.assert_allclose(whole[:4] if whole.ndim == 2 else whole, alone, rtol=1e-5, atol=1e-6)
    model = EncoderDecoder(3, 2, hidden_size=8, cell="stlm")
    np.testing.assert_allclose(
        model(x, lengths, 3).numpy()[1], model(x[1:, :4], None, 3).numpy()[0], rtol=1e-5, atol=1e-6
    )


def test_bad_input():
    x, y = unequal(20), [0, 1] * 10
    with pytest.raises(RuntimeError, match="SequenceClassifier has not learnt anything yet"):
        SequenceClassifier().predict(x)
    with pytest.raises(ValueError, match="cell: expected one of rnn, lstm, gru, stlm, got 'transformer'"):
        SequenceTagger(cell="transformer").fit(x, y)
    with pytest.raises(ValueError, match=r"cell: expected one of cnn, transformer, rnn, .*, got 'perceptron'"):
        SequenceClassifier(cell="perceptron").fit(x, y)
    with pytest.raises(
        ValueError, match="bidirectional: expected False, 'cnn' sees both sides of every step, got True"
    ):
        SequenceClassifier(cell="cnn", bidirectional=True).fit(x, y)
    with pytest.raises(ValueError, match="hidden_size: expected a multiple of 4, the heads, got 6"):
        SequenceClassifier(cell="transformer", hidden_size=6).fit(x, y)
    with pytest.raises(ValueError, match="pooling: expected one of 'last', 'mean', 'max', 'attention', got 'sum'"):
        SequenceClassifier(pooling="sum").fit(x, y)
    with pytest.raises(ValueError, match="cell: expected one of"):
        ManyToOne(3, 2, cell="LSTM")
    with pytest.raises(ValueError, match=r"validation_fraction: expected a finite number >= 0 and < 1, got 1"):
        SequenceTagger(validation_fraction=1).fit(x, y)
    with pytest.raises(TypeError, match="X: expected a list of sequences, got str"):
        SequenceClassifier().fit("to be", y)
    with pytest.raises(ValueError, match=r"X\[0\]: expected a sequence of one step or more, got the string ' '"):
        SequenceClassifier().fit([" "] * 20, y)
    with pytest.raises(ValueError, match=r"X\[1\]: expected a sequence of one step or more, got \[\]"):
        SequenceClassifier().fit([[1.0], []], [0, 1])
    with pytest.raises(ValueError, match=r"X\[1\]: expected finite numbers, step 2 has NaN"):
        SequenceClassifier().fit([[1.0], [0, 1, np.nan]], [0, 1])
    with pytest.raises(ValueError, match=r"X\[1\]: expected \[2\] numbers a step as in the first one, got \[3\]"):
        SequenceRegressor().fit([np.ones((4, 2)), np.ones((4, 3))], [0, 1])
    with pytest.raises(ValueError, match="y: expected one label for each of 20 rows"):
        SequenceClassifier().fit(x, y[:5])
    with pytest.raises(ValueError, match=r"y\[1\]: expected 2 labels, one a step of X\[1\], got list of 1"):
        SequenceTagger().fit([[1.0], [1.0, 2.0]], [[0], [1]])
    with pytest.raises(ValueError, match="y: expected the labels of each of 2 sequences, got list of 1"):
        SequenceTagger().fit([[1.0], [1.0, 2.0]], [[0]])
    with pytest.raises(ValueError, match="y: expected a target for each of 2 examples of X, got 1"):
        Seq2Seq().fit([[1.0], [2.0]], [["a"]])
    model = SequenceRegressor(hidden_size=4, max_iter=1).fit([np.ones((3, 2)), np.zeros((2, 2))] * 4, np.arange(8.0))
    with pytest.raises(ValueError, match="X: expected 2 numbers a step as fit got, got 1"):
        model.predict([[1.0, 2.0]])
    with pytest.raises(TypeError, match="X: expected sequences of numbers as fit got, got tokens"):
        model.predict([["a"]])
