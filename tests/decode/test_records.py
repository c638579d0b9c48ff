"""What a result tells on request: the tree of a search, the attention of new tokens, texts."""

import numpy as np
import pytest
from decode_models import PROMPTS, gpt, writers
from decode_reference import rows, table

from seqnn import decode
from seqnn.models import Seq2Seq, Translator
from seqnn.text import Vocabulary

BEAMS = {"num_beams": 3, "max_new_tokens": 5, "eos_token_id": 2, "num_return_sequences": 3}


@pytest.mark.parametrize(
    "options",
    [
        {}, {"early_stopping": True}, {"do_sample": True, "seed": 1}, {"eos_token_id": [2, 3]},
        {"num_beams": 6, "num_beam_groups": 3, "diversity_penalty": 1.0},
    ],
    ids=str,
)  # fmt: skip
def test_a_tree_holds_every_prefix_that_a_search_looked_at(options):
    given, prompts, step = {**BEAMS, **options}, [[1, 4], [6], [3]], table(3, vocabulary=8)
    found = decode.generate(step, prompts, return_tree=True, **given)
    plain = decode.generate(step, prompts, **given)
    np.testing.assert_array_equal(found.sequences, plain.sequences)
    assert plain.trees is None and len(found.trees) == 3
    width = given["num_beams"] // given.get("num_beam_groups", 1)
    for number, tree in enumerate(found.trees):
        best = slice(3 * number, 3 * number + 3)
        assert [tuple(tree.path(node)) for node in tree.best] == rows(found)[best]
        np.testing.assert_allclose([tree.scores[node] for node in tree.best], found.scores[best])
        assert all(tree.fates[node] == "finished" for node in tree.best)
        assert {len(column) for column in (tree.parents, tree.log_probs, tree.scores, tree.fates, tree.groups)} == {
            len(tree)
        }
        depths = [len(tree.path(node)) for node in range(len(tree))]
        for node in range(1, len(tree)):
            parent, length = tree.parents[node], depths[node]
            assert tree.fates[parent] == "kept" and tree.groups[parent] in (tree.groups[node], 0)
            total = sum(tree.log_probs[at] for at in ancestors(tree, node))
            np.testing.assert_allclose(tree.scores[node], total / length)
        for group in set(tree.groups):
            for length in range(1, max(depths) + 1):
                kept = [n for n in range(len(tree)) if depths[n] == length and tree.fates[n] == "kept"]
                assert len([n for n in kept if tree.groups[n] == group]) <= width


def ancestors(tree, node):
    while node > 0:
        yield node
        node = tree.parents[node]


def test_a_tree_needs_beams():
    with pytest.raises(ValueError, match="return_tree: needs num_beams of 2 or more"):
        decode.generate(table(), [1], max_new_tokens=2, return_tree=True)


@pytest.mark.parametrize(
    "options", [{}, {"num_beams": 3, "num_return_sequences": 2}, {"do_sample": True, "seed": 1}], ids=str
)
@pytest.mark.parametrize("which", [0, 1], ids=["t5", "transformer"])
def test_attention_to_the_source_follows_the_beams(options, which):
    model, given = writers()[which], {"max_new_tokens": 7, **options}
    found = decode.generate(model, PROMPTS, return_attention=True, **given)
    np.testing.assert_array_equal(found.sequences, decode.generate(model, PROMPTS, **given).sequences)
    copies = options.get("num_return_sequences", 1)
    for i, (tokens, attention) in enumerate(zip(found.new_tokens, found.attention, strict=True)):
        source = np.array([PROMPTS[i // copies]])
        before = np.array([[found.sequences[i, 0], *tokens[:-1]]])
        _, weights = model.decode(before, model.encode(source), need_weights=True)
        np.testing.assert_allclose(attention, weights[-1][1].numpy()[0].mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}], ids=str)
@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_attention_of_a_gpt_is_that_to_all_tokens_so_far(options, positions):
    model = gpt(positions=positions)
    found = decode.generate(model, PROMPTS, max_new_tokens=6, return_attention=True, eos_token_id=4, **options)
    for prompt, tokens, attention in zip(PROMPTS, found.new_tokens, found.attention, strict=True):
        ids = np.array([[*prompt, *tokens[:-1]]])
        _, weights = model.encode(ids, need_weights=True)
        np.testing.assert_allclose(attention, weights[-1].numpy()[0].mean(axis=0)[len(prompt) - 1 :], atol=1e-5)
        assert attention.shape == (len(tokens), len(prompt) + len(tokens) - 1)


def test_attention_beyond_the_positions_is_that_to_the_last_ones():
    start = gpt().start_decoding([np.arange(22)], 6, crop=True)
    found = decode.run(start, {"max_new_tokens": 6, "return_attention": True})
    assert found.attention[0].shape == (6, 27) and (found.attention[0][-1, :3] == 0).all()
    np.testing.assert_allclose(found.attention[0].sum(axis=1), 1, atol=1e-5)


def test_a_coverage_penalty_finds_the_attention_of_a_model():
    model = writers()[1]
    given = {"max_new_tokens": 6, "num_beams": 3, "length_normalization": "none"}
    found = decode.generate(model, PROMPTS, coverage_penalty=0.7, return_attention=True, **given)
    for log_probs, score, attention in zip(found.token_log_probs, found.scores, found.attention, strict=True):
        coverage = np.log(np.minimum(1, attention.sum(axis=0))).sum()
        np.testing.assert_allclose(score, log_probs.sum() + 0.7 * coverage, rtol=1e-5)


def test_attention_is_refused_where_there_is_none():
    with pytest.raises(ValueError, match="return_attention: needs a model that attends, or a step that returns"):
        decode.generate(table(), [1], max_new_tokens=2, return_attention=True)


WORDS = Vocabulary.from_tokens([[f"w{i}" for i in range(26)]])


@pytest.mark.parametrize("options", [{}, {"num_beams": 3, "eos_token_id": 4}], ids=str)
def test_a_gpt_with_a_tokenizer_takes_texts(options):
    model = gpt()
    with pytest.raises(TypeError, match=r"ids: expected integers \[batch, positions\], got text: a tokenizer or"):
        model.generate("w1 w3", 5)
    model.tokenizer = WORDS
    texts = ["w1 w3 w5 w7", "w9", "w11 w0"]
    ids = [WORDS.encode(text.split()) for text in texts]
    found = model.generate(texts, 5, **options)
    assert found == decode.generate(model, ids, max_new_tokens=5, **options).whole_texts
    assert all(whole.startswith(text) for whole, text in zip(found, texts, strict=True))
    assert model.generate(texts[0], 5, **options) == found[0]
    assert isinstance(model.generate(ids, 5, **options), np.ndarray)
    result = decode.generate(model, texts, max_new_tokens=5, **options)
    assert [f"{text} {more}".strip() for text, more in zip(texts, result.texts, strict=True)] == found
    with pytest.raises(TypeError, match="texts: expected a tokenizer"):
        decode.generate(table(), [1], max_new_tokens=2).texts  # noqa: B018


@pytest.mark.parametrize("which", [0, 1], ids=["t5", "transformer"])
def test_writers_with_a_tokenizer_take_texts(which):
    model, texts = writers()[which], ["w1 w3 w5", "w9"]
    found = model.generate(texts, 6, tokenizer=WORDS)
    model.tokenizer = WORDS
    result = decode.generate(model, [WORDS.encode(text.split()) for text in texts], max_new_tokens=6)
    assert found == model.generate(texts, 6) == result.texts
    assert model.generate(texts[1], 6, num_beams=2, num_return_sequences=2) == (
        decode.generate(model, texts[1], max_new_tokens=6, num_beams=2, num_return_sequences=2).texts
    )
    assert [text.split() for text in found] == [
        WORDS.decode(tokens[: n - (reason == "eos")], skip_specials=True)
        for tokens, n, reason in zip(result.new_tokens, result.lengths, result.finish_reason, strict=True)
    ]


def test_estimators_tell_all_that_is_known():
    X, y = ["ein hund", "eine katze"] * 8, ["a dog", "a cat"] * 8
    translator = Translator(d_model=32, nhead=2, num_layers=1, dim_feedforward=64, warmup=40, max_iter=30, batch_size=8)
    translator.fit(X, y)
    found = translator.generate(X[:2], num_beams=3, num_return_sequences=2, return_attention=True)
    assert found.texts[::2] == translator.predict(X[:2], num_beams=3) == y[:2]
    assert found.attention[0].shape == (3, 3) and found.scores[0] > found.scores[1]
    beams = translator.align(X[:1], num_beams=3)[0]
    np.testing.assert_allclose(beams.weights.mean(axis=0), found.attention[0], atol=1e-5)
    seq2seq = Seq2Seq(hidden_size=24, max_iter=100, learning_rate=0.02, validation_fraction=0).fit(X, y)
    found = seq2seq.generate(X[:2], num_beams=2, num_return_sequences=2)
    assert found.texts[::2] == seq2seq.predict(X[:2]) == y[:2] and len(found.scores) == 4
    numbers = Seq2Seq(hidden_size=4, max_iter=1, validation_fraction=0).fit([[1.0, 2.0]] * 4, [[1.0]] * 4)
    with pytest.raises(TypeError, match="generate: expected a model that writes tokens, this one writes numbers"):
        numbers.generate([[1.0, 2.0]])
