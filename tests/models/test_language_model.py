"""Language models: what they learn, how probable texts are to them, what they write, files, bad input."""

import json

import numpy as np
import pytest

import seqnn
from seqnn import _safetensors, decode
from seqnn.lm import NGramLM
from seqnn.models import LanguageModel
from seqnn.text import SubwordTokenizer

CELLS = ["rnn", "lstm", "gru", "stlm", "gpt"]
TINY = {"hidden_size": 8, "embedding_size": 6, "nhead": 2, "max_iter": 1, "window": 16}
TEXTS = ["the cat sat on the mat", "a dog ran", "the dog sat", "a cat ran to the dog on the mat"] * 4
SONG = "row row row your boat gently down the stream. "


@pytest.fixture(name="models", scope="module")
def one_of_each_cell():
    return {cell: LanguageModel(**TINY, cell=cell).fit(TEXTS) for cell in CELLS}


def logits_after(model, ids):
    """The log-probabilities of what follows some ids, by the network on all of them."""
    with seqnn.autograd.no_grad():
        out = np.asarray(model.model_(np.asarray(ids)[None]))[0, -1].astype(np.float64)
    return out - np.log(np.exp(out - out.max()).sum()) - out.max()


@pytest.mark.parametrize("cell", CELLS)
def test_a_text_is_learnt_by_heart(cell):
    settings = {"hidden_size": 32, "max_iter": 15, "dropout": 0.0, "batch_size": 2, "window": 24, "tokenizer": list}
    settings |= {"learning_rate": 0.006, "warmup": 30, "max_iter": 25} if cell == "gpt" else {"learning_rate": 0.015}
    model = LanguageModel(**settings, cell=cell, validation_fraction=0).fit(SONG * 20)
    assert model.generate("row your boat", max_new_tokens=20) == "row your boat gently down the str"
    assert model.history_["perplexity"][-1] < 2 < model.history_["perplexity"][0]
    assert model.perplexity(SONG * 3) < 1.6


@pytest.mark.parametrize("cell", CELLS)
def test_probabilities_are_those_of_the_network_step_by_step(cell, models):
    model, words = models[cell], ["the", "dog", "sat", "zebra"]
    ids = model.tokenizer_.encode("the dog sat zebra")
    (found,) = model.token_log_probs([words])
    assert found.dtype == np.float64 and len(found) == 5
    whole = [*ids.tolist(), model._input.end]
    expected = [logits_after(model, whole[:n])[whole[n]] for n in range(1, 6)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert np.exp(logits_after(model, ids)).sum() == pytest.approx(1)


@pytest.mark.parametrize("cell", CELLS)
def test_a_text_is_as_probable_alone_as_among_others(cell, models):
    model = models[cell]
    together = model.token_log_probs(TEXTS)
    for text, scores in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(model.token_log_probs(text)[0], scores, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.score_samples(TEXTS), [row.sum() for row in together])


@pytest.mark.parametrize("cell", ["lstm", "gpt"])
def test_long_texts_are_read_piece_by_piece(cell):
    text = np.random.default_rng(0).integers(0, 9, 700)
    model = LanguageModel(**TINY, cell=cell).fit(text)
    (found,) = model.token_log_probs(text)
    assert len(found) == 699
    for n in (1, 7, 15, 300, 699):
        seen = text[:n] if cell == "lstm" else text[max(0, (n - 9) // 8 * 8) if n > 16 else 0 : n]
        assert found[n - 1] == pytest.approx(logits_after(model, seen)[text[n]], abs=1e-4)


def test_figures_of_a_text_agree_and_count_as_those_of_ngrams(models):
    model = models["lstm"]
    held = ["the cat ran", "a zebra sat"]
    figures, ngrams = model.evaluate(held), NGramLM(2).fit(TEXTS).evaluate(held)
    assert (figures.sentences, figures.tokens, figures.unknown) == (ngrams.sentences, ngrams.tokens, ngrams.unknown)
    scores = np.concatenate(model.token_log_probs(held))
    assert model.score(held) == pytest.approx(scores.mean())
    assert model.perplexity(held) == figures.perplexity == pytest.approx(np.exp(-scores.mean()))
    assert figures.log_prob == pytest.approx(scores.sum() / np.log(10))
    assert figures.log_prob_known == pytest.approx((scores.sum() - scores[5]) / np.log(10))
    tokens = model.token_scores(held)
    assert [token for token, _ in tokens[1]] == ["a", "zebra", "sat", "</s>"]
    assert 10 ** tokens[0][0][1] == pytest.approx(np.exp(scores[0]))


def test_the_history_has_perplexities_and_training_stops_early():
    noise = [" ".join(row) for row in np.random.default_rng(0).choice(list("abcdefgh"), (60, 9))]
    model = LanguageModel(
        hidden_size=64, max_iter=60, learning_rate=0.03, schedule="constant", n_iter_no_change=2, batch_size=2, window=9
    ).fit(noise)
    assert model.n_iter_ < 60
    np.testing.assert_allclose(model.history_["perplexity"], np.exp(model.history_["loss"]))
    np.testing.assert_allclose(model.history_["val_perplexity"], np.exp(model.history_["val_loss"]))
    given = LanguageModel(**TINY).fit(TEXTS, validation=["the cat", "zebra"])
    assert len(given.history_["val_perplexity"]) == 1


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_learning_rate_follows_the_schedule(schedule):
    model = LanguageModel(**TINY | {"max_iter": 8}, schedule=schedule, warmup=3, batch_size=2, n_iter_no_change=99)
    rates = model.fit(TEXTS).history_["lr"]
    assert rates[0] <= 3e-3
    assert (rates[-1] == pytest.approx(3e-3)) if schedule == "constant" else (rates[-1] < 6e-4)


def test_equal_seeds_give_equal_models_for_any_thread_count():
    found = []
    for threads in (1, 3):
        with seqnn.threads(threads):
            model = LanguageModel(**TINY | {"hidden_size": 40, "max_iter": 2}, num_layers=2, dropout=0.3).fit(TEXTS)
            found.append((model.token_log_probs(TEXTS), model.generate("the", do_sample=True, seed=3)))
    for one, other in zip(*(f[0] for f in found), strict=True):
        np.testing.assert_array_equal(one, other)
    assert found[0][1] == found[1][1]
    other = LanguageModel(**TINY, random_state=1).fit(TEXTS).score(TEXTS)
    assert other != LanguageModel(**TINY).fit(TEXTS).score(TEXTS)


def test_further_texts_are_learnt_with_the_vocabulary_of_the_first():
    model = LanguageModel(**TINY | {"hidden_size": 32, "learning_rate": 0.02}, dropout=0.0)
    for _ in range(30):
        model.partial_fit(TEXTS)
    assert model.n_iter_ == 30 and len(model.history_["perplexity"]) == 30
    assert model.history_["perplexity"][-1] < 4 < model.history_["perplexity"][0]
    before, size = model.perplexity(["the mat ran"]), model._input.size
    for _ in range(20):
        model.partial_fit(["the mat ran", "the zebra ran"] * 3)
    assert model.perplexity(["the mat ran"]) < before and model._input.size == size


@pytest.mark.parametrize("cell", ["lstm", "gpt"])
def test_a_model_of_a_file_learns_further_texts(cell, tmp_path):
    model = LanguageModel(**TINY, cell=cell).fit(TEXTS)
    model.save(tmp_path / "model")
    first, second = (LanguageModel.load(tmp_path / "model").partial_fit(TEXTS) for _ in range(2))
    assert first.n_iter_ == 2 and {len(column) for column in first.history_.values()} == {2}
    assert first.history_["val_loss"] == [*model.history_["val_loss"], None]
    assert first.score(TEXTS) == second.score(TEXTS) > model.score(TEXTS)


@pytest.mark.parametrize("cell", ["lstm", "gpt"])
@pytest.mark.parametrize("tied", [True, False])
def test_vectors_are_the_first_ones_of_their_words(cell, tied):
    words = ["the", "cat", "dog", "sat", "cow"]
    vectors = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
    model = LanguageModel(**TINY | {"embedding_size": 5}, cell=cell, tied=tied, embedding=(vectors, words), freeze=True)
    model.fit(TEXTS)
    found = model.model_.embedding.weight.data
    places = [model._input.vocabulary.index[word] for word in words]
    scale = np.linalg.norm(found[places], axis=1) / np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(found[places], vectors * scale[:, None], rtol=1e-5)
    assert np.ptp(scale) < 1e-5 and (tied or scale[0] == pytest.approx(1))
    assert len(found) == 4 + 5  # frozen: only the words with a vector
    further = LanguageModel(**TINY, cell=cell, tied=tied, embedding=(vectors, words), freeze=True).partial_fit(TEXTS)
    np.testing.assert_array_equal(further.model_.embedding.weight.data[places], found[places])
    matrix = LanguageModel(**TINY, cell=cell, tied=False, embedding=vectors, freeze=True).fit([[0, 1, 2], [4, 3]])
    np.testing.assert_array_equal(matrix.model_.embedding.weight.data[:5], vectors)


# Writing.


@pytest.mark.parametrize("cell", CELLS)
def test_greedy_texts_are_the_most_probable_tokens(cell, models):
    model = models[cell]
    found = decode.generate(model, ["the cat", "a"], max_new_tokens=5)
    never = model._input.unwritten()
    for row, prompt in zip(found.new_tokens, ["the cat", "a"], strict=True):
        ids = model.tokenizer_.encode(prompt).tolist()
        for token in row.tolist():
            scores = logits_after(model, ids)
            scores[never] = -np.inf
            assert scores[token] == pytest.approx(scores.max(), abs=1e-4)
            ids.append(token)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"do_sample": True, "seed": 1, "top_k": 5},
        {"num_beams": 3},
        {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.0},
    ],
)
def test_prompts_of_unequal_length_are_continued_as_alone(cell, options, models):
    model, prompts = models[cell], ["the dog sat", "a", "", "the zebra"]
    together = model.generate(prompts, max_new_tokens=6, **options)
    assert [text.startswith(prompt) for text, prompt in zip(together, prompts, strict=True)] == [True] * 4
    if "seed" not in options:  # drawn numbers depend on the place of a prompt among others
        assert together == [model.generate(prompt, max_new_tokens=6, **options) for prompt in prompts]
    if "num_beams" in options:
        several = model.generate("the", max_new_tokens=6, num_return_sequences=2, **options)
        assert len(several) == 2 and several[0] != several[1]


@pytest.mark.parametrize("cell", ["lstm", "gpt"])
def test_a_stream_is_the_text_piece_by_piece(cell):
    model = LanguageModel(**TINY, cell=cell, tokenizer=list).fit(SONG * 4)
    options = {"max_new_tokens": 40, "do_sample": True, "temperature": 0.9, "seed": 5}
    whole = model.generate("row", **options)  # 40 are more than a GPT of 16 positions has
    assert "row" + "".join(model.stream("row", **options)) == whole and len(whole) == 43
    assert model.predict(["row"], **options) == [whole[3:]]
    ids = LanguageModel(**TINY, cell=cell).fit(np.tile(np.arange(5), 30))
    written = ids.generate([1, 2], max_new_tokens=7)
    assert written.tolist() == [1, 2, *ids.stream([1, 2], max_new_tokens=7)] and written.dtype == np.int64


def test_tokens_may_be_kept_out_beside_those_that_never_are_written(models):
    the = models["lstm"]._input.vocabulary.index["the"]
    texts = models["lstm"].generate([""] * 20, do_sample=True, seed=0, suppress_tokens=[the], max_new_tokens=8)
    assert not any("the" in text.split() or "<" in text for text in texts)


def test_units_are_words_characters_or_subwords():
    words = LanguageModel(**TINY).fit(TEXTS).generate("the cat", max_new_tokens=4)
    assert set(words.split()) <= {word for text in TEXTS for word in text.split()}
    tokens = LanguageModel(**TINY).fit([text.split() for text in TEXTS])
    assert tokens.generate([["the", "cat"]], max_new_tokens=3)[0][:2] == ["the", "cat"]
    texts = ["größer größte Straße über"] * 12
    subwords = SubwordTokenizer.train(texts, vocab_size=280)
    model = LanguageModel(**TINY | {"max_iter": 40, "learning_rate": 0.02}, tokenizer=subwords, validation_fraction=0)
    assert model.fit(texts).generate("größer", max_new_tokens=60) == texts[0]


def test_unknown_tokens_are_never_written_and_stay_in_prompts():
    rare = [*TEXTS, *(f"the w{i}" for i in range(60))]
    model = LanguageModel(**TINY | {"max_iter": 20, "learning_rate": 0.03}, min_frequency=2, batch_size=4).fit(rare)
    (row,) = model.token_log_probs(["the zebra"])
    assert np.exp(row[1]) > 0.3  # it has learnt that they occur
    texts = model.generate(["zebra the"] * 20, do_sample=True, seed=0, max_new_tokens=5)
    assert all(text.startswith("zebra the") and "<" not in text for text in texts)


def test_models_are_used_inside_and_outside_of_lists():
    several, one = LanguageModel(**TINY).fit(TEXTS), LanguageModel(**TINY).fit(" ".join(TEXTS))
    assert len(several.token_log_probs("the cat")[0]) == 3 and len(one.token_log_probs("the cat")[0]) == 1
    assert several.perplexity("the cat") == several.perplexity(["the cat"])
    assert one.perplexity(["the cat"]) == one.perplexity("the cat")
    assert several.generate("", max_new_tokens=3) == several.generate([""], max_new_tokens=3)[0]


@pytest.mark.parametrize("cell", ["lstm", "gpt"])
@pytest.mark.parametrize("count", [2, 3, 5, 70])
def test_short_texts_are_learnt_from(cell, count):
    model = LanguageModel(**TINY, cell=cell, tokenizer=list).fit(("abcde" * 14)[:count])
    assert len(model.generate("a", max_new_tokens=3)) == 4 and np.isfinite(model.score("abc"))


def test_texts_may_come_from_a_generator():
    assert LanguageModel(**TINY).fit(text for text in TEXTS).score(TEXTS) == LanguageModel(**TINY).fit(TEXTS).score(
        TEXTS
    )
    model = LanguageModel(**TINY).fit(TEXTS)
    assert model.token_scores(text for text in TEXTS) == model.token_scores(TEXTS)


def test_beams_find_texts_that_are_at_least_as_probable():
    model = LanguageModel(**TINY | {"max_iter": 5}).fit(TEXTS)
    greedy = decode.generate(model, "the", max_new_tokens=5)
    beams = decode.generate(model, "the", max_new_tokens=5, num_beams=8, length_penalty=0.0)
    assert beams.scores[0] >= greedy.scores[0] - 1e-6
    attention = decode.generate(
        LanguageModel(**TINY, cell="gpt").fit(TEXTS), "the", max_new_tokens=3, return_attention=True
    ).attention
    assert attention[0].shape[0] >= 1


# Files.


@pytest.mark.parametrize("cell", CELLS)
def test_a_file_writes_and_scores_as_before(cell, models, tmp_path):
    models[cell].save(tmp_path / "model")
    again = LanguageModel.load(tmp_path / "model")
    assert again.generate("the", num_beams=2) == models[cell].generate("the", num_beams=2)
    assert again.score(TEXTS) == models[cell].score(TEXTS)


def test_a_file_keeps_subwords(tmp_path):
    subwords = SubwordTokenizer.train(TEXTS, vocab_size=300)
    model = LanguageModel(**TINY, tokenizer=subwords).fit(TEXTS)
    model.save(tmp_path / "model")
    again = LanguageModel.load(tmp_path / "model")
    assert again.generate("the c", max_new_tokens=9) == model.generate("the c", max_new_tokens=9)
    arrays, metadata = _safetensors.load(tmp_path / "model", mmap=False)
    record = json.loads(metadata["seqnn.estimator"])
    for change, message in (
        (lambda r: r.update(version=99), "written by a newer seqnn"),
        (lambda r: r["settings"]["tokenizer"].update(subwords="{"), "text: not that of a tokenizer.json"),
        (lambda r: r["learnt"]["_input"]["learnt"].update(marks=3), "_input.marks: expected bool, got 3"),
    ):
        changed = json.loads(json.dumps(record))
        change(changed)
        _safetensors.save(tmp_path / "other", arrays, {"seqnn.estimator": json.dumps(changed)})
        with pytest.raises(ValueError, match=message):
            LanguageModel.load(tmp_path / "other")


# Bad input.


def test_texts_that_cannot_be_learnt():
    new = LanguageModel(**TINY)
    for texts, message in (
        ("", r"X\[0\]: expected a sequence of one step or more, got the string ''"),
        ("  \n", r"X\[0\]: expected a sequence of one step or more"),
        ([], "X: expected at least one sequence, got none"),
        (["a b", ""], r"X\[1\]: expected a sequence of one step or more, got the string ''"),
        ("word", r"X\[0\]: expected at least two tokens, as the first one of a text without marks"),
        (np.array([3]), r"X\[0\]: expected at least two tokens"),
        (np.array([3, -1]), r"X\[0\]: expected integers 0 .. 3 as fit got, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            new.fit(texts)
    for texts, message in (
        (5, "X: expected a list of sequences, got int"),
        (b"text", "X: expected a list of sequences, got bytes"),
        ([[0.5, 1.0]], "X: expected texts, token lists or sequences of integers, got other numbers"),
        ([["a", 1]], r"X\[0\]: expected tokens \(strings\), got 1"),
        (np.zeros((3, 4, 2), int), "X: expected texts, token lists or sequences of integers"),
    ):
        with pytest.raises(TypeError, match=message):
            new.fit(texts)
    for settings, message in (
        ({"cell": "bert"}, "cell: expected one of gpt, "),
        ({"schedule": "noam"}, "schedule: expected one of"),
        ({"window": 0}, "window: expected an integer >= 1, got 0"),
        ({"cell": "gpt", "nhead": 3}, "hidden_size: expected a multiple of nhead=3, got 8"),
        ({"embedding": np.zeros((9, 6), "f4")}, "embedding: expected KeyedVectors or a pair"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            LanguageModel(**TINY | settings).fit(TEXTS)


def test_bad_input_of_a_model_that_has_learnt(models):
    with pytest.raises(ValueError, match="LanguageModel has not learnt anything yet: call fit first"):
        LanguageModel().generate("the")
    model = models["lstm"]
    with pytest.raises(TypeError, match=r"X: expected sequences of tokens \(strings\) as fit got, got numbers"):
        model.score([[1, 2]])
    with pytest.raises(ValueError, match=r"X\[0\]: expected a sequence of one step or more"):
        model.perplexity("")
    with pytest.raises(ValueError, match="num_beams: expected an integer >= 1, got 0"):
        model.generate("the", num_beams=0)
    with pytest.raises(ValueError, match="num_return_sequences: expected 1, as predict"):
        model.predict(["the"], num_return_sequences=2)
    one, numbers = LanguageModel(**TINY).fit(" ".join(TEXTS)), LanguageModel(**TINY).fit([[0, 1, 2], [2, 1]])
    with pytest.raises(
        ValueError, match=r"prompt\[0\]: expected at least one token to go on from: the model learnt one"
    ):
        one.generate("")
    with pytest.raises(ValueError, match=r"X\[0\]: expected integers 0 .. 2 as fit got, got 7"):
        numbers.score([[7, 1]])
    with pytest.raises(TypeError, match="X: expected integers as fit got, got tokens"):
        numbers.score(["a b"])
    with pytest.raises(TypeError, match="token_scores: expected a model of tokens"):
        numbers.token_scores([[1, 2]])
    with pytest.raises(TypeError, match="X: expected texts"):
        model.fit(TEXTS).score([[0.5]])
