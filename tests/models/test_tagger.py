"""Tags of words: spelling, casing, schemes of spans, early stopping, characters of spans, bad input."""

import numpy as np
import pytest

from seqnn import KeyedVectors
from seqnn.metrics import find_invalid_tags, span_f1
from seqnn.models import Annotation, Entity, SequenceTagger, Tagger
from seqnn.models._tag_scheme import TagScheme
from seqnn.models._word_features import Spelling, SpeltTokens, WordFeatures
from seqnn.text import tokenize

PEOPLE, PLACES, REST = ["Ada", "Bob", "Eve Moon"], ["Rome", "New York"], ["lives in", "saw", "the", "old"]
SMALL = {"hidden_size": 12, "embedding_size": 8, "max_iter": 25, "learning_rate": 0.03, "dropout": 0.1}


def sentence(draw):
    """Words and IOB2 tags: some people and places among other words."""
    words, tags = [], []
    for _ in range(int(draw.integers(2, 6))):
        kind, texts = [("PER", PEOPLE), ("LOC", PLACES), (None, REST)][int(draw.integers(3))]
        new = texts[int(draw.integers(len(texts)))].split()
        words += new
        tags += ["O"] * len(new) if kind is None else [f"B-{kind}", *[f"I-{kind}"] * (len(new) - 1)]
    return words, tags


draw = np.random.default_rng(0)
X, Y = map(list, zip(*(sentence(draw) for _ in range(80)), strict=True))


@pytest.fixture(name="model", scope="module")
def trained():
    return Tagger(**SMALL).fit(X[:60], Y[:60], validation=(X[60:], Y[60:]))


def test_spans_are_found_and_early_stopping_goes_by_their_f1(model):
    assert model.score(X[60:], Y[60:]) > 0.98
    assert model.score(X[60:], Y[60:]) == span_f1(Y[60:], model.predict(X[60:]), mode="conlleval").f1
    assert max(model.history_["val_f1"]) == model.score(X[60:], Y[60:])
    stopped = Tagger(**SMALL | {"max_iter": 60, "n_iter_no_change": 1}).fit(X[:60], Y[:60], validation=(X[60:], Y[60:]))
    best = int(np.argmax(stopped.history_["val_f1"]))
    assert stopped.n_iter_ == best + 3 and stopped.score(X[60:], Y[60:]) == stopped.history_["val_f1"][best]


@pytest.mark.parametrize("crf", [True, False], ids=["chain", "softmax"])
@pytest.mark.parametrize("spelling", ["cnn", "lstm", None])
def test_every_kind_of_word_learns(spelling, crf):
    model = Tagger(**SMALL | {"max_iter": 15}, spelling=spelling, crf=crf, casing=spelling is None).fit(X, Y)
    assert model.score(X, Y) > 0.9


def test_tags_come_back_in_the_scheme_of_fit_and_are_allowed_in_it(model):
    strange = [["Ada", "Moon", "New", "Rome", "York", "Eve", "x"], ["Moon"] * 3, ["York"]]
    for scheme, learnt in [("IOB2", "IOBES"), ("IOBES", "IOB2"), ("IOB1", "BILOU"), ("BILOU", "IOBES")]:
        tags = TagScheme(Y, "IOB2").to_learn(Y)
        given = _converted(tags, scheme)
        one = Tagger(**SMALL | {"max_iter": 2}, scheme=learnt).fit(X, given)
        assert one._tags.given == scheme and one.finds_spans_
        assert not find_invalid_tags(one.predict(X + strange), scheme)
        assert {tag[:1] for tag in one.classes_} == set("O") | set(
            {"IOB2": "BI", "IOBES": "BIES", "BILOU": "BILU"}[learnt]
        )
    assert not find_invalid_tags(model.predict(strange), "IOB2")


def _converted(tags, scheme):
    from seqnn.metrics import convert_tags

    return convert_tags(tags, "IOB2", scheme)


def test_single_labels_such_as_parts_of_speech_go_by_their_share():
    labels = [["PROPN" if word[0].isupper() else "X" for word in row] for row in X]
    model = Tagger(**SMALL | {"max_iter": 8}).fit(X, labels)
    assert not model.finds_spans_ and model.classes_.tolist() == ["PROPN", "X"]
    assert model.history_["val_accuracy"][-1] == 1 and model.score(X, labels) == 1
    found = model.annotate([["Zoe", "sleeps"]])[0]
    assert [(e.start, e.end, e.type) for e in found.entities] == [(0, 3, "PROPN"), (4, 10, "X")]
    assert Tagger(**SMALL | {"max_iter": 1}, scheme=None).fit(X, Y).classes_.tolist() == [
        "B-LOC",
        "B-PER",
        "I-LOC",
        "I-PER",
        "O",
    ]


def test_spelling_and_casing_speak_for_words_that_fit_never_met():
    words = [[f"x{n}{'ton' if n % 2 else 'ly'}"] for n in range(60)]
    tags = [["B-LOC" if n % 2 else "O"] for n in range(60)]
    new = [[f"y{n}{'ton' if n % 2 else 'ly'}"] for n in range(70, 90)]
    model = Tagger(**SMALL, word_dropout=0.3).fit(words, tags)
    assert model.score(new, [["B-LOC" if n % 2 else "O"] for n in range(70, 90)]) == 1
    blind = Tagger(**SMALL, spelling=None, casing=False).fit(words, tags)
    assert len({tag for row in blind.predict(new) for tag in row}) == 1


def test_strings_are_cut_and_spans_know_their_characters(model):
    texts = ["Ada  saw\tNew York", "", "lives in Rome"]
    first, empty, last = model.annotate(texts)
    assert [(e.start, e.end, e.type, e.text) for e in first.entities] == [
        (0, 3, "PER", "Ada"), (9, 17, "LOC", "New York"),
    ]  # fmt: skip
    assert all(0.5 < e.score <= 1 and texts[0][e.start : e.end] == e.text for e in first.entities)
    assert empty == Annotation("", [], ["LOC", "PER"]) and str(last) == "lives in [Rome LOC]"
    lists = model.annotate([["Ada", "saw"]])[0]
    assert lists.text == "Ada saw" and lists.entities[0][:4] == (0, 3, "PER", "Ada")
    mixed = model.predict(["Ada saw Bob", ["Ada", "saw", "Bob"]])
    assert mixed[0] == mixed[1] == ["B-PER", "O", "B-PER"]


def test_a_notebook_shows_coloured_spans_and_no_markup_of_the_text():
    found = Annotation("<b>Ada & co", [Entity(3, 6, "PER", "Ada", 0.9)], ["LOC", "PER"])
    page = found._repr_html_()
    assert "&lt;b&gt;" in page and "&amp; co" in page and f"background:{found.color('PER')}" in page
    assert found.color("PER") != found.color("LOC")


def test_empty_sentences_keep_their_place(model):
    found = model.predict([[], ["Ada"], [], ["saw", "Rome"]])
    assert found == [[], ["B-PER"], [], ["O", "B-LOC"]]
    assert model.predict([[]]) == [[]] and model.predict_proba([[], ["Ada"]])[0].shape == (0, len(model.classes_))


def test_long_words_and_letters_that_fit_never_met(model):
    assert model.predict([["Ada", "x" * 5000, "日本語", "é"], ["\u200b"]])[0][0] == "B-PER"


def test_a_file_gives_the_same_tags(model, tmp_path):
    model.save(tmp_path / "model")
    again = Tagger.load(tmp_path / "model")
    assert again.predict(X) == model.predict(X) and again.annotate(["Ada saw Rome"]) == model.annotate(["Ada saw Rome"])
    assert again.model_.crf.constraints is not None
    with pytest.raises(ValueError, match="holds a Tagger, expected a SequenceTagger"):
        SequenceTagger.load(tmp_path / "model")


def test_vectors_that_exist_are_begun_with():
    words = sorted({word.lower() for row in X for word in row})
    wv = KeyedVectors.from_arrays([*words, "moscow"], np.random.default_rng(1).standard_normal((len(words) + 1, 6)))
    model = Tagger(**SMALL | {"max_iter": 1, "learning_rate": 0.0}, embedding=wv, freeze=True).fit(X, Y)
    table = model.model_.reader.embedding.words.weight
    assert "moscow" in model._input.vocabulary and not table.requires_grad
    np.testing.assert_array_equal(table.data[model._input.vocabulary.index["ada"]], wv["ada"].astype(np.float32))
    with pytest.warns(
        UserWarning, match="embedding: .* words have no vector, such as .*, but .* of them have one in lower case"
    ):
        Tagger(**SMALL | {"max_iter": 1}, embedding=wv, lowercase=False).fit(
            [["ADA", "SAW", "ROME"]] * 4, [["B-PER", "O", "O"]] * 4
        )


def test_equal_spellings_are_read_once_and_padding_changes_nothing():
    coder = SpeltTokens.__new__(SpeltTokens)
    settings = Tagger(**SMALL)._checked()
    from seqnn.models._sequences import as_sequences

    coder.__init__(as_sequences([["ab", "cde", "ab"], ["cde"]], "X", tokenize), settings)
    rows = coder.encode(as_sequences([["ab", "cde", "ab"], ["cde"]], "X", tokenize), "X")
    batch, lengths = coder.collate(rows)
    assert lengths.tolist() == [3, 1] and batch.letters.shape == (2, 3) and batch.sizes.tolist() == [2, 3]
    layer = WordFeatures(**coder.features(settings)).eval()
    together, alone = layer(batch).numpy(), layer(coder.collate(rows[:1])[0]).numpy()
    np.testing.assert_allclose(together[0], alone[0], rtol=1e-6)
    np.testing.assert_array_equal(together[0, 0], together[0, 2])
    np.testing.assert_array_equal(together[0, 1], together[1, 0])


def test_words_are_filtered_by_length_and_each_as_if_it_were_alone():
    sizes, draw = np.sort(np.arange(23) % 9), np.random.default_rng(0)
    letters = np.where(np.arange(8) < sizes[:, None], draw.integers(1, 20, (23, 8)), 0)
    spelling = Spelling("cnn", 20, 6, 10)
    together = spelling(letters, sizes)
    alone = [
        spelling(row[None, : max(size, 1)], sizes[i : i + 1])
        for i, (row, size) in enumerate(zip(letters, sizes, strict=True))
    ]
    assert np.allclose(together.numpy(), np.concatenate([each.numpy() for each in alone]), atol=1e-6)
    together.sum().backward()
    gradient = spelling.embedding.weight.grad.copy()
    spelling.zero_grad()
    for each in alone:
        each.sum().backward()
    assert np.abs(gradient).max() > 0 and np.allclose(gradient, spelling.embedding.weight.grad, atol=1e-5)


def test_scores_may_meet_tags_that_fit_did_not(model):
    assert model.score([["Ada"]], [["B-GOD"]]) == 0


def test_bad_input(model):
    new = Tagger(**SMALL)
    with pytest.raises(ValueError, match=r"X\[1\]: expected a sequence of one step or more, got \[\]"):
        new.fit([["a"], []], [["O"], []])
    with pytest.raises(TypeError, match="X: expected strings or lists of tokens, got numbers"):
        new.fit([[1, 2]], [["O", "O"]])
    with pytest.raises(TypeError, match="X: expected a list of sequences, got str"):
        model.predict("Ada saw Bob")
    with pytest.raises(ValueError, match=r"y\[0\]: expected 2 labels, one a step of X\[0\], got list of 1"):
        new.fit([["a", "b"]], [["O"]])
    with pytest.raises(ValueError, match="validation y: expected the labels of each of 1 sequences, got list of 2"):
        new.fit(X, Y, validation=([["a"]], [["O"], ["O"]]))
    with pytest.raises(TypeError, match=r"validation: expected a pair \(X, y\), got int"):
        new.fit(X, Y, validation=3)
    with pytest.raises(TypeError, match=r"y\[0\]: expected tags \(strings\), got 1"):
        new.fit([["a", "b"]], [[1, 2]])
    with pytest.raises(ValueError, match=r"y: expected at least two different tags, got \['X'\]"):
        new.fit([["a", "b"]], [["X", "X"]])
    with pytest.raises(
        ValueError, match=r"y\[0\]\[2\]: I-LOC is not allowed here in IOB2: it must follow .*invalid='repair'"
    ):
        new.fit([["a", "b", "c"], ["d"]], [["B-PER", "I-PER", "I-LOC"], ["B-LOC"]], None)
    with pytest.raises(ValueError, match="scheme: expected one of 'IOB2', 'IOBES', 'BILOU', got 'IOE1'"):
        Tagger(scheme="IOE1").fit(X, Y)
    with pytest.raises(
        ValueError, match="spelling_size: expected an even number for the two directions of 'lstm', got 5"
    ):
        Tagger(spelling="lstm", spelling_size=5).fit(X, Y)
    with pytest.raises(ValueError, match="class_weight: expected None with crf=True"):
        Tagger(class_weight="balanced").fit(X, Y)
    with pytest.raises(ValueError, match="sample_weight: expected None"):
        model.score(X, Y, np.ones(len(X)))
    with pytest.raises(ValueError, match=r"y\[0\]\[0\]: expected O or a tag of a span as fit got, .* got 'NOUN'"):
        model.score([["Ada"]], [["NOUN"]])
    with pytest.raises(ValueError, match=r"validation y\[0\]\[0\]: expected O or a tag of a span"):
        new.fit(X, Y, validation=([["Ada"]], [["NOUN"]]))
    shouting = Tagger(**SMALL | {"max_iter": 1}, tokenizer=lambda text: text.upper().split()).fit(X, Y)
    with pytest.raises(
        ValueError, match=r"tokens\[0\]: expected a part of the text .* got 'ADA': the tokenizer changes the text"
    ):
        shouting.annotate(["Ada"])


@pytest.mark.parametrize("spelling", ["cnn", "lstm", None])
def test_empty_tokens_are_words_without_letters(spelling):
    model = Tagger(**SMALL | {"max_iter": 1}, spelling=spelling).fit(
        [*X, ["Ada", "", "saw"], [""]], [*Y, ["O"] * 3, ["O"]]
    )
    assert [len(row) for row in model.predict([["", ""], [""]])] == [2, 1]
    assert [len(row) for row in model.predict([["Ada", "", "saw"], [""], [" "]])] == [3, 1, 1]
    assert model.annotate([["Ada", "", "saw"]])[0].text == "Ada  saw"


@pytest.mark.filterwarnings("error")
def test_balanced_weights_pass_over_tags_that_only_the_scheme_has():
    sentences, tags = [["Ada", "saw", "Rome"]] * 4, [["B-PER", "O", "B-LOC"]] * 4
    model = Tagger(**SMALL | {"max_iter": 2}, crf=False, class_weight="balanced").fit(sentences, tags)
    assert "E-PER" in model.classes_
    assert np.isfinite(model.history_["loss"]).all()
