"""Seq2Seq with attention: it learns dates, decodes as it was trained, aligns, samples its own tokens, and bad input."""

import numpy as np
import pytest

from seqnn import Callback, random
from seqnn.data import dates
from seqnn.models import EncoderDecoder, Seq2Seq, Translator
from seqnn.models._seq2seq_training import FORCING, forcing
from seqnn.text import SubwordTokenizer

X = [["1", "2"], ["2", "1"], ["3"], ["1", "3", "2"]] * 4
Y = [["one", "two"], ["two", "one"], ["three"], ["one", "three", "two"]] * 4
QUICK = {"hidden_size": 8, "embedding_size": 6, "max_iter": 1, "validation_fraction": 0, "batch_size": 8}
SCORES = ("additive", "general", "dot", "scaled_dot", "cosine")


def test_dates_are_normalised():
    x, y = dates(2000)
    test = dates(200, seed=1)
    model = Seq2Seq(
        cell="gru", bidirectional=True, attention="additive", hidden_size=48, embedding_size=24, tokenizer=list,
        batch_size=32, learning_rate=0.01, max_iter=4,
    )  # fmt: skip
    model.fit(x, y, validation=test)
    assert model.score(*test) > 0.95
    assert model.history_["val_bleu"][-1] > 95
    texts, alignments = model.predict(["3 May 1979"], need_weights=True)
    assert texts == [" ".join("1979-05-03")]
    weights, source, target = alignments[0]
    assert (source, target) == (list("3 May 1979"), list("1979-05-03"))
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


def network(**options):
    with random.seeded(1):
        return EncoderDecoder(
            6,
            11,
            hidden_size=8,
            vocabulary_size=9,
            embedding_size=5,
            **{"cell": "gru", "attention": "additive"} | options,
        ).eval()


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_writing_step_by_step_sees_the_logits_of_training(cell, order):
    model = network(cell=cell, order=order)
    ids, lengths = np.arange(10).reshape(2, 5) % 9, np.array([5, 2])
    written = model.generate(ids, lengths, 6, 3)
    before = np.concatenate([np.full((2, 1), 3), written[:, :-1]], axis=1)
    logits = model(ids, lengths, before).numpy()
    np.testing.assert_array_equal(logits.argmax(axis=2), written)
    weights = model.align(ids, lengths, before)
    assert weights.shape == (2, 6, 5)
    assert not weights[1, :, 2:].any()
    np.testing.assert_allclose(weights.sum(axis=2), 1, rtol=1e-5)


def test_beams_find_no_less_probable_sequences():
    model = network()
    ids = np.arange(20).reshape(4, 5) % 9

    def score(written):
        before = np.concatenate([np.full((4, 1), 3), written[:, :-1]], axis=1)
        logits = model(ids, None, before).numpy().astype(float)
        logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
        return np.take_along_axis(logits, written[:, :, None], axis=2).sum(axis=(1, 2))

    greedy, beams = (score(model.generate(ids, None, 4, 3, num_beams=k)) for k in (1, 11))
    assert (beams > greedy - 1e-5).all()


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("attention", SCORES)
def test_every_score_trains_and_comes_back_from_a_file(attention, order, tmp_path):
    model = Seq2Seq(attention=attention, order=order, **QUICK).fit(X, Y)
    model.save(tmp_path / "model")
    again = Seq2Seq.load(tmp_path / "model")
    assert again.predict(X[:4]) == model.predict(X[:4])
    np.testing.assert_array_equal(again.align(X[:1])[0].weights, model.align(X[:1])[0].weights)


def test_the_loss_is_the_mean_over_true_tokens():
    model = network()
    ids, following = np.ones((2, 3), int), np.array([[4, 5, -100], [6, 7, 8]])
    loss = model(ids, None, np.ones((2, 3), int), following).item()
    logits = model(ids, None, np.ones((2, 3), int)).numpy().astype(float)
    logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
    losses = [-logits[b, t, i] for (b, t), i in np.ndenumerate(following) if i >= 0]
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_context_as_first_state_only_leaves_the_inputs_alone():
    for context, width in (("every_step", 8 + 5), ("initial", 5)):
        model = network(attention=None, context=context)
        assert model.writer.recurrent.input_size == width
    learnt = Seq2Seq(context="initial", hidden_size=24, max_iter=80, learning_rate=0.02, validation_fraction=0).fit(
        X, Y
    )
    assert learnt.score(X, Y) == 1


def test_one_table_for_both_sides():
    model = Seq2Seq(attention="additive", shared_vocabulary=True, **QUICK).fit(X, X)
    assert model.model_.writer.embedding is model.model_.reader.embedding
    joint = Seq2Seq(attention="additive", shared_vocabulary=True, **QUICK).fit(X, Y)
    assert set(joint._output.vocabulary.words) >= {"1", "2", "3", "one", "two", "three"}


def test_subwords_are_joined_to_words():
    pytest.importorskip("tokenizers")
    x = ["der hund", "die katze", "der mann", "die frau"] * 6
    y = ["the dog", "the cat", "the man", "the woman"] * 6
    subwords = SubwordTokenizer.train(x + y, vocab_size=280, min_frequency=1)
    options = {"hidden_size": 24, "embedding_size": 16, "learning_rate": 0.02, "max_iter": 30, "validation_fraction": 0}
    model = Seq2Seq(attention="additive", tokenizer=subwords, shared_vocabulary=True, **options).fit(
        x, y, validation=(x, y)
    )
    assert any(len(subwords(word)) > 1 for word in y)
    assert model.predict(x[:4]) == y[:4]
    assert model.score(x, y) == 1
    assert "the" in model.align(x[:1])[0].target[0]


def test_schedules_fall_from_one_to_their_end():
    for kind in FORCING[1:]:
        steps = [forcing(kind, u, 0.3) for u in np.linspace(0, 1, 11)]
        assert steps[0] >= 0.99
        assert steps[-1] == pytest.approx(0.3)
        assert (np.diff(steps) < 0).all()
    assert forcing("always", 1, 0.3) == 1


def test_without_teacher_forcing_a_step_sees_what_the_network_wrote():
    for attention in (None, "additive"):
        model = network(attention=attention)
        ids, guide, following = np.arange(10).reshape(2, 5) % 9, np.full((2, 4), 2), np.full((2, 4), 5)
        written = model.generate(ids, None, 3, 2)
        own = np.concatenate([guide[:, :1], written], axis=1)
        expected = model(ids, None, own, following).item()
        model.train()
        assert model(ids, None, guide, following).item() != pytest.approx(expected, rel=1e-6)
        model.teacher_forcing = 0.0
        assert model(ids, None, guide, following).item() == pytest.approx(expected, rel=1e-6)
        assert model.training
        assert model.writer.training


def test_scheduled_sampling_follows_its_schedule_and_learns():
    seen = []

    class Watched(Seq2Seq):
        def _trainer(self, model, *arguments, **options):
            class Look(Callback):
                def on_step_end(self, trainer):
                    seen.append(trainer.model.teacher_forcing)

            options["callbacks"] = [*options["callbacks"], Look()]
            return super()._trainer(model, *arguments, **options)

    options = {"hidden_size": 24, "learning_rate": 0.02, "validation_fraction": 0, "batch_size": 8, "max_iter": 60}
    model = Watched(attention="general", teacher_forcing="linear", teacher_forcing_end=0.5, **options).fit(X, Y)
    np.testing.assert_allclose(seen, 1 - 0.5 * np.arange(1, 121) / 120)
    assert model.model_.teacher_forcing == 1
    assert model.score(X, Y) == 1


@pytest.mark.parametrize(
    ("settings", "y", "options", "message"),
    [
        ({"attention": "luong"}, Y, {}, "attention: expected one of"),
        ({"attention": "dot", "bidirectional": True}, Y, {}, "needs memory_size = hidden_size"),
        ({"attention": "dot", "cell": "stlm"}, Y, {}, "cell: expected one of"),
        ({"attention": "dot"}, [[1.0]] * 16, {}, "attention: expected None where numbers are written"),
        ({"context": "initial"}, [[1.0]] * 16, {}, "context: expected 'every_step' where numbers are written"),
        ({"context": "never"}, Y, {}, "context: expected one of"),
        ({"shared_vocabulary": True}, [[1.0]] * 16, {}, "shared_vocabulary: expected False"),
        ({"teacher_forcing": "linear"}, [[1.0]] * 16, {}, "teacher_forcing: expected 'always' for y of numbers"),
        ({"teacher_forcing": "linear"}, Y, {"sample_weight": [1.0] * 16}, "sample_weight: expected None"),
        ({"teacher_forcing": "sometimes"}, Y, {}, "teacher_forcing: expected one of"),
        ({"teacher_forcing_end": 0.0}, Y, {}, "teacher_forcing_end"),
        ({}, Y, {"validation": (X, Y[:3])}, "validation: expected a sequence for each of 16 inputs, got 3"),
        ({}, [[1.0]] * 16, {"validation": (X, Y)}, "validation: expected None for y of numbers"),
    ],
)
def test_bad_input(settings, y, options, message):
    with pytest.raises(ValueError, match=message):
        Seq2Seq(**QUICK | settings).fit(X, y, **options)


def test_bad_validation_and_alignment_without_attention():
    with pytest.raises(TypeError, match=r"validation: expected a pair \(X, y\)"):
        Seq2Seq(**QUICK).fit(X, Y, validation=3)
    with pytest.raises(
        TypeError, match=r"validation\[1\]: expected sequences of tokens \(strings\) as fit got, got numbers"
    ):
        Seq2Seq(**QUICK).fit(X, Y, validation=(X[:1], [[1.0]]))
    with pytest.raises(ValueError, match="without attention"):
        Seq2Seq(**QUICK).fit(X, Y).align(X)
    with pytest.raises(ValueError, match="network with attention"):
        network(attention=None).align(np.ones((1, 2), int), None, np.ones((1, 2), int))


def test_a_transformer_measures_bleu_of_held_out_pairs_too():
    x = [["ein", "hund", "und", "ein", "mann"], ["eine", "katze", "und", "ein", "hund"]] * 8
    y = [["a", "dog", "and", "a", "man"], ["a", "cat", "and", "a", "dog"]] * 8
    model = Translator(
        d_model=32, nhead=2, num_layers=1, dim_feedforward=64, warmup=40, max_iter=30, batch_size=8, dropout=0.0
    )
    model.fit(x, y, validation=(x[:2], y[:2]))
    assert len(model.history_["val_bleu"]) == len(model.history_["val_loss"]) == model.n_iter_
    assert max(model.history_["val_bleu"]) == pytest.approx(100)
    with pytest.raises(ValueError, match="validation: expected a sequence for each of 2 inputs, got 1"):
        model.fit(x, y, validation=(x[:2], y[:1]))


# Reports about other programs: attention to padding (pytorch/tutorials 593, tensorflow 512), a last state of padding
# (pytorch/tutorials 3643), one coin for a whole sequence (IBM/pytorch-seq2seq 152), beams whose states are not moved
# (tensorflow 9904, pytorch/translate 353) or that meet another text (attention-is-all-you-need-pytorch 28), texts of a
# batch that end early (OpenNMT-py 1337), coverage of padding (OpenNMT-py 2471),
# texts longer than those of training (pytorch/tutorials).


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"num_beams": 3, "coverage_penalty": 0.4}])
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_text_is_translated_in_a_batch_as_alone(order, options):
    model = network(cell="lstm", order=order, bidirectional=True)
    rng = np.random.default_rng(5)
    texts = [rng.integers(0, 9, n) for n in (7, 1, 4, 2)]
    together = np.zeros((4, 7), int)
    for row, text in zip(together, texts, strict=True):
        row[: len(text)] = text
    written = model.generate(together, np.array([7, 1, 4, 2]), 6, 3, 4, **options)
    for row, text in zip(written, texts, strict=True):
        alone = model.generate(text[None], None, 6, 3, 4, **options)[0]
        assert row[: len(alone)].tolist() == alone.tolist()
        assert (row[len(alone) :] == alone[-1]).all() or 4 in alone


def test_each_step_has_a_coin_of_its_own():
    model = network().train()
    model.teacher_forcing = 0.5
    guide = np.random.default_rng(0).integers(0, 11, (6, 20))
    with random.seeded(3):
        states, last = model.reader(np.ones((6, 2), int), None)
        mixed = model._mixed(states, None, last, guide)
    own = (mixed != guide).mean(axis=1)
    assert (own > 0.1).all()
    assert (own < 0.8).all()
    assert (mixed[:, 0] == guide[:, 0]).all()


def test_a_text_longer_than_those_of_training_is_translated():
    model = Seq2Seq(attention="additive", **QUICK).fit(X, Y)
    [alignment] = model.align([["1", "2", "3"] * 40], steps=7)
    assert alignment.weights.shape == (len(alignment.target), 120)
    assert len(alignment.target) <= 7


@pytest.mark.parametrize("kind", ["recurrent", "transformer"])
def test_of_long_texts_the_first_tokens_are_read(kind, tmp_path):
    x, y = [[str(i % 7), str(i % 3), *["x"] * (i % 9)] for i in range(30)], [[str(i % 7)] for i in range(30)]
    if kind == "recurrent":
        make, settings = Seq2Seq, {"hidden_size": 8, "max_iter": 2, "attention": "dot", "embedding_size": 4}
    else:
        make, settings = Translator, {"d_model": 8, "nhead": 2, "num_layers": 1, "dim_feedforward": 8, "max_iter": 2}
    model = make(**settings, max_length=2).fit(x, y, validation=(x[:5], y[:5]))
    short = make(**settings).fit([row[:2] for row in x], y, validation=([row[:2] for row in x[:5]], y[:5]))
    assert model.predict(x) == short.predict([row[:2] for row in x])
    assert model.history_["val_loss"] == short.history_["val_loss"]
    assert [row.source for row in model.align(x[:9])] == [row.source for row in short.align([r[:2] for r in x[:9]])]
    model.save(tmp_path / "model")
    assert make.load(tmp_path / "model").predict(x) == model.predict(x)
    with pytest.raises(ValueError, match="max_length: expected an integer >= 1, got 0"):
        make(**settings, max_length=0).fit(x, y)
