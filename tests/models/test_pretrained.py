"""Vectors that exist already in models of sequences; strings and token lists alike."""

import numpy as np
import pytest

from seqnn import FastText, KeyedVectors
from seqnn.models import Seq2Seq, SequenceClassifier, SequenceGenerator, SequenceTagger, TextCNNClassifier, Translator
from seqnn.text import regex_tokenize

draw = np.random.default_rng(0)
ANIMALS, TOOLS = [f"animal{i}" for i in range(12)], [f"tool{i}" for i in range(12)]
WORDS = [*ANIMALS, *TOOLS]
# All animals point one way, all tools another one: who has the vectors knows the words that fit never met.
VECTORS = np.repeat([[1.0, 0.0, 0.2, 0.0], [0.0, 1.0, 0.0, 0.2]], 12, axis=0) + 0.05 * draw.standard_normal((24, 4))
WV = KeyedVectors.from_arrays(WORDS, VECTORS.astype(np.float32))
MET = [*ANIMALS[:6], *TOOLS[:6]]
TEXTS = [" ".join(draw.choice(ANIMALS[:6] if i % 2 else TOOLS[:6], 3)) for i in range(60)]
LABELS = ["animal" if i % 2 else "tool" for i in range(60)]
NEW = [" ".join(draw.choice(words[6:], 3)) for words in (ANIMALS, TOOLS) for _ in range(5)]
NEW_LABELS = ["animal"] * 5 + ["tool"] * 5
SMALL = {"hidden_size": 8, "max_iter": 15, "learning_rate": 0.02}
SPLIT = [text.split() for text in TEXTS]


@pytest.mark.parametrize(
    "model",
    [
        SequenceClassifier(**SMALL, embedding=WV, freeze=True),
        SequenceClassifier(**SMALL, embedding=(VECTORS, WORDS), freeze=True, embedding_size=77),
        TextCNNClassifier(filters=4, widths=(1, 2), max_iter=15, learning_rate=0.02, embedding=WV, freeze=True),
    ],
    ids=["keyed", "pair", "cnn"],
)
def test_frozen_vectors_know_the_words_that_fit_did_not_meet(model, tmp_path):
    model.fit(TEXTS, LABELS)
    assert model.score(NEW, NEW_LABELS) == 1
    model.save(tmp_path / "model")
    again = type(model).load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(NEW), model.predict_proba(NEW))
    table = (model.model_.embedding if hasattr(model.model_, "embedding") else model.model_.reader.embedding).weight
    assert not table.requires_grad and table.shape == (4 + 24, 4)


def test_vectors_that_are_not_frozen_are_learnt_from_where_they_were():
    start = SequenceClassifier(**{**SMALL, "max_iter": 1, "learning_rate": 0.0}, embedding=WV).fit(TEXTS, LABELS)
    words, table = start._input.vocabulary, start.model_.reader.embedding.weight
    assert set(words.words[4:]) == set(MET) and table.requires_grad
    for word in MET:
        np.testing.assert_array_equal(table.data[words.index[word]], WV[word])
    np.testing.assert_allclose(table.data[words.unk_id], WV.vectors.mean(axis=0), atol=1e-6)
    moved = SequenceClassifier(**SMALL, embedding=WV).fit(TEXTS, LABELS).model_.reader.embedding.weight.data
    assert np.abs(moved - table.data).max() > 1e-3
    np.testing.assert_array_equal(WV.vectors, VECTORS.astype(np.float32))


def test_words_without_a_vector():
    texts, labels = [*TEXTS, "unheard of"], [*LABELS, "tool"]
    frozen = SequenceClassifier(**SMALL, embedding=WV, freeze=True).fit(texts, labels)
    assert "unheard" not in frozen._input.vocabulary
    learnt = SequenceClassifier(**SMALL, embedding=WV).fit(texts, labels)
    assert "unheard" in learnt._input.vocabulary
    rare = SequenceClassifier(**SMALL, min_frequency=2).fit(texts, labels)
    assert "unheard" not in rare._input.vocabulary and set(rare._input.vocabulary.words[4:]) == set(MET)


def test_fasttext_gives_unknown_words_vectors_of_their_parts():
    wv = FastText(SPLIT * 3, vector_size=6, min_count=1, epochs=1, bucket=200, workers=1).wv
    model = SequenceClassifier(**{**SMALL, "learning_rate": 0.0}, embedding=wv).fit(
        [*TEXTS, "tools"], [*LABELS, "tool"]
    )
    row = model._input.vocabulary.index["tools"]
    assert "tools" not in wv.key_to_index
    np.testing.assert_allclose(model.model_.reader.embedding.weight.data[row], wv["tools"], atol=1e-6)


def test_a_matrix_goes_with_integers():
    index = {word: i for i, word in enumerate(WORDS)}
    ids = [[index[word] for word in text] for text in SPLIT]
    model = SequenceClassifier(**SMALL, embedding=VECTORS, freeze=True).fit(ids, LABELS)
    assert model.score([[index[word] for word in text.split()] for text in NEW], NEW_LABELS) == 1
    with pytest.raises(ValueError, match=r"X\[0\]: expected rows of the matrix, 0 \.\. 23, got 24"):
        model.predict([[24]])
    with pytest.raises(TypeError, match="X: expected sequences of integers"):
        model.predict([["animal1"]])


def test_tagger_and_writers_take_vectors():
    tags = [["A" if word in ANIMALS else "T" for word in text] for text in SPLIT]
    tagger = SequenceTagger(**SMALL, embedding=WV, freeze=True).fit(TEXTS, tags)
    assert tagger.score(NEW, [["A"] * 3] * 5 + [["T"] * 3] * 5) == 1
    options = {**SMALL, "max_iter": 1, "learning_rate": 0.0}
    writer = Seq2Seq(**options, embedding=WV, target_embedding=WV).fit(SPLIT, SPLIT)
    word = writer._input.vocabulary.index["tool3"]
    np.testing.assert_array_equal(writer.model_.reader.embedding.weight.data[word], WV["tool3"])
    np.testing.assert_array_equal(writer.model_.writer.embedding.weight.data[word], WV["tool3"])
    generator = SequenceGenerator(**options, target_embedding=WV, freeze=True).fit(np.eye(60), SPLIT)
    assert generator.model_.embedding.weight.shape == (28, 4) and not generator.model_.embedding.weight.requires_grad
    options = {"nhead": 2, "num_layers": 1, "dim_feedforward": 8, "max_iter": 1, "learning_rate": 0.0}
    translator = Translator(**options, embedding=WV, target_embedding=(VECTORS, WORDS), freeze=True).fit(TEXTS, TEXTS)
    assert translator.model_.source.weight.shape == translator.model_.target.weight.shape == (28, 4)
    row = translator.model_.source.weight.data[translator.source_.index["tool3"]]
    np.testing.assert_allclose(row / np.linalg.norm(row), WV.get_vector("tool3", norm=True), atol=1e-5)


def test_strings_and_token_lists_are_the_same():
    for first, second in ((TEXTS, SPLIT), (np.array(TEXTS), [tuple(s) for s in SPLIT])):
        models = [SequenceClassifier(**{**SMALL, "max_iter": 1}).fit(x, LABELS) for x in (first, second)]
        np.testing.assert_array_equal(models[0].predict_proba(first), models[1].predict_proba(first))
        np.testing.assert_array_equal(models[0].predict_proba(second), models[1].predict_proba(first))
        models = [TextCNNClassifier(filters=2, max_iter=1).fit(x, LABELS) for x in (first, second)]
        np.testing.assert_array_equal(models[0].predict_proba(second), models[1].predict_proba(first))


def test_the_tokenizer_cuts_strings():
    texts = ["Good, good!", "bad; BAD"] * 10
    model = SequenceClassifier(**SMALL, tokenizer=lambda text: regex_tokenize(text.lower())).fit(texts, [1, 0] * 10)
    assert {"good", "bad"} <= set(model._input.vocabulary.words) and model.score(["bad", "good"], [0, 1]) == 1
    with pytest.raises(TypeError, match="tokenizer: expected a list of tokens for 'Good, good!', got 'Good, good!'"):
        SequenceClassifier(tokenizer=str).fit(texts, [1, 0] * 10)
    with pytest.raises(
        TypeError, match="tokenizer: expected a function from a string to a list of tokens, got 'split'"
    ):
        SequenceClassifier(tokenizer="split").fit(texts, [1, 0] * 10)


def test_targets_come_back_as_they_were_given():
    x, y = ["1 2", "2 1", "3", "1 3"] * 4, ["one two", "two one", "three", "one three"] * 4
    options = {"hidden_size": 24, "max_iter": 60, "learning_rate": 0.02, "validation_fraction": 0}
    model = Seq2Seq(**options).fit(x, y)
    assert model.predict(x[:4]) == y[:4] and model.score(x, y) == 1
    lists = Seq2Seq(**options).fit(x, [s.split() for s in y])
    assert lists.predict(x[:4]) == [s.split() for s in y[:4]] and lists.score(x, y) == 1
    options = {"d_model": 32, "nhead": 2, "num_layers": 1, "dim_feedforward": 64, "warmup": 40, "batch_size": 4}
    translator = Translator(**options, max_iter=100, dropout=0.0, validation_fraction=0).fit(x, y)
    assert translator.predict(x[:4]) == y[:4] and translator.score(x, y) == 1
    assert translator.score(x[:2], ["one two", "wrong"]) == 0.5


def test_bad_vectors():
    def fit(embedding, **options):
        return SequenceClassifier(max_iter=1, embedding=embedding, **options).fit(TEXTS, LABELS)

    with pytest.raises(
        TypeError, match=r"embedding: expected KeyedVectors, a pair \(matrix, words\) or a matrix .* got str"
    ):
        fit("glove.txt")
    with pytest.raises(ValueError, match="embedding: expected a row for each of 23 words, got 24"):
        fit((VECTORS, WORDS[1:]))
    with pytest.raises(ValueError, match=r"embedding: expected a matrix \[V, D\] of numbers, got float64 \[24\]"):
        fit(VECTORS[:, 0])
    with pytest.raises(ValueError, match="embedding: expected finite numbers"):
        fit((VECTORS * np.nan, WORDS))
    with pytest.raises(TypeError, match=r"embedding: expected KeyedVectors or a pair .* got a matrix without words"):
        fit(VECTORS)
    with pytest.raises(TypeError, match="embedding: expected a matrix without words for X of integers"):
        SequenceClassifier(embedding=WV).fit([[1, 2], [3]], [0, 1])
    with pytest.raises(
        TypeError, match="embedding: expected X of tokens, or of integers with a matrix, got X of numbers"
    ):
        SequenceClassifier(embedding=WV).fit([[1.5, 2], [3]], [0, 1])
    with pytest.raises(TypeError, match="target_embedding: expected y of tokens"):
        Seq2Seq(target_embedding=WV).fit(TEXTS[:2], [[1.0], [2.0]])
    with pytest.raises(ValueError, match="target_embedding: expected 4 dimensions as embedding has, got 3"):
        Translator(embedding=WV, target_embedding=(VECTORS[:, :3], WORDS)).fit(TEXTS, TEXTS)
