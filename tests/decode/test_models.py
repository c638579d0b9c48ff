"""Our models by every strategy: what a cache, padding and beams that move do not change."""

import numpy as np
import pytest
from decode_models import PROMPTS, gpt, writers

from seqnn import decode, load_pretrained
from seqnn.lm import NGramLM
from seqnn.models import Seq2Seq, SequenceGenerator, Translator
from seqnn.text import SubwordTokenizer, Vocabulary

STRATEGIES = pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_beams": 3},
        {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
        {"do_sample": True, "seed": 4, "top_p": 0.9},
        {"do_sample": True, "seed": 4, "num_beams": 3},
        {"repetition_penalty": 1.3, "frequency_penalty": 0.4, "no_repeat_ngram_size": 2},
    ],
    ids=str,
)


@STRATEGIES
@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_gpt_writes_what_a_step_without_a_cache_writes(options, positions):
    model = gpt(positions=positions)

    def step(ids, state):
        return model(ids).numpy()[:, -1], state

    given = {"max_new_tokens": 7, "eos_token_id": 4, **options}
    whole = decode.generate(step, PROMPTS, **given)
    cached = decode.generate(model, PROMPTS, **given)
    np.testing.assert_array_equal(cached.sequences, whole.sequences)
    np.testing.assert_allclose(cached.scores, whole.scores, rtol=1e-3, atol=1e-3)
    together = model.generate(PROMPTS, 7, eos_token_id=4, **options)
    for prompt, row in zip(PROMPTS, together, strict=True):
        alone = model.generate([prompt], 7, eos_token_id=4, **options)[0]
        np.testing.assert_array_equal(row[: len(alone)], alone)
        assert (row[len(alone) :] == 4).all()


@STRATEGIES
@pytest.mark.parametrize("which", [0, 1], ids=["t5", "transformer"])
def test_writers_write_what_a_step_without_a_cache_writes(options, which):
    model = writers()[which]
    for source in PROMPTS:
        begin = model.pad_id if which == 0 else model.bos_id

        def step(ids, state, source=source):
            return model(np.array([source] * len(ids)), None, ids).numpy()[:, -1], state

        start = decode.Start(np.array([[begin]]), step, keys=[np.array(source)])
        given = {"max_new_tokens": 7, "eos_token_id": model.eos_id, **options}
        expected = decode.run(start, given).sequences[:, 1:]
        np.testing.assert_array_equal(model.generate([source], 7, **options), expected)
        np.testing.assert_array_equal(
            decode.generate(model, source, max_new_tokens=7, **options).sequences[:, 1:], expected
        )
    together = model.generate(PROMPTS, 7, **options)
    for source, row in zip(PROMPTS, together, strict=True):
        alone = model.generate([source], 7, **options)[0]
        np.testing.assert_array_equal(row[: len(alone)], alone)


def test_a_stream_of_a_model_leaves_its_mode_and_gradients_to_the_caller():
    model = gpt().train()
    tokens = []
    for token in decode.stream(model, [3, 5], max_new_tokens=5):
        assert model.training and model(np.array([[1, 2]])).requires_grad
        tokens.append(token)
    assert tokens == model.generate([[3, 5]], 5)[0, 2:].tolist()


def test_several_sequences_stand_below_their_prompt():
    found = gpt().generate(PROMPTS, 4, num_beams=3, num_return_sequences=2)
    assert found.shape == (6, 8)
    for i, prompt in enumerate(PROMPTS):
        assert (found[2 * i : 2 * i + 2, : len(prompt)] == prompt).all()


def test_prompts_that_are_too_long_are_truncated_when_asked():
    model = gpt()
    long = np.arange(30)[None] % 30
    with pytest.raises(ValueError, match=r"30 \+ 4 positions exceed max_positions=24; .*truncate=True leaves out"):
        model.generate(long, 4)
    found = model.generate(long, 4, truncate=True)
    np.testing.assert_array_equal(found, model.generate(long[:, -20:], 4))
    with pytest.raises(ValueError, match="max_new_tokens: 30"):
        decode.generate(model, long, max_new_tokens=4)


def test_gpt_without_a_limit_ends_with_its_positions():
    found = decode.generate(gpt(), [[1, 2, 3]], suppress_tokens=[4], eos_token_id=4)
    assert found.sequences.shape == (1, 24) and found.finish_reason == ["length"]


def test_estimators_take_the_options():
    X = [["1", "2"], ["2", "1"], ["3"], ["1", "3", "2"]]
    y = [["one", "two"], ["two", "one"], ["three"], ["one", "three", "two"]]
    seq2seq = Seq2Seq(hidden_size=24, max_iter=150, learning_rate=0.02, validation_fraction=0).fit(X, y)
    assert seq2seq.predict(X, num_beams=3) == y
    assert seq2seq.predict(X, do_sample=True, top_p=0.5, seed=0) == y
    assert [len(row) for row in seq2seq.predict(X, steps=5, min_new_tokens=5, num_beams=2)] == [5] * 4
    generator = SequenceGenerator(hidden_size=16, max_iter=150, learning_rate=0.02, validation_fraction=0)
    generator.fit(np.arange(4.0)[:, None], y)
    assert generator.predict(np.arange(4.0)[:, None], num_beams=2) == y
    translator = Translator(d_model=32, nhead=2, num_layers=1, dim_feedforward=64, warmup=40, max_iter=30, batch_size=8)
    translator.fit([["ein", "hund"], ["eine", "katze"]] * 8, [["a", "dog"], ["a", "cat"]] * 8)
    assert translator.predict([["eine", "katze"]], num_beams=2) == [["a", "cat"]]
    for model, inputs in ((seq2seq, X), (generator, np.arange(4.0)[:, None]), (translator, X)):
        with pytest.raises(ValueError, match="num_return_sequences: expected 1, as predict returns one sequence"):
            model.predict(inputs, num_beams=2, num_return_sequences=2)
    numbers = Seq2Seq(hidden_size=4, max_iter=1, validation_fraction=0).fit([[1.0, 2.0]] * 4, [[1.0]] * 4)
    with pytest.raises(TypeError, match="num_beams: expected a model that writes ids, this one writes numbers"):
        numbers.predict([[1.0, 2.0]], num_beams=2)


@STRATEGIES
def test_an_ngram_model_writes_what_its_step_function_writes(options):
    model = NGramLM(3).fit(["a b a c a b d", "b a b c d d a", "c a b a b d c"] * 2)
    words = model.vocabulary_
    prompts = [words.encode(text.split()) for text in ("a b a", "d", "c c")]
    given = {"max_new_tokens": 6, "eos_token_id": words.eos_id, "suppress_tokens": [words.unk_id], **options}
    found = decode.generate(model, prompts, max_new_tokens=6, **options)
    for prompt, tokens, score in zip(prompts, found.new_tokens, found.scores, strict=True):
        start = decode.Start(np.concatenate([[words.bos_id], prompt])[None], model.step, keys=[prompt.astype(int)])
        alone = decode.run(start, given)
        np.testing.assert_array_equal(tokens, alone.new_tokens[0])
        np.testing.assert_allclose(score, alone.scores[0], rtol=1e-6)
    assert found.texts == decode.generate(model, ["a b a", "d", "c c"], max_new_tokens=6, **options).texts


@pytest.mark.parametrize("order", [1, 2, 4])
def test_a_smaller_ngram_model_proposes_for_a_larger_one(order):
    texts = ["a b a c a b d", "b a b c d d a", "c a b a b d c"] * 2
    model, assistant = NGramLM(order).fit(texts), NGramLM(2).fit(texts)
    for prompt in ("a b a", "d"):
        found = decode.generate(model, prompt, max_new_tokens=12, assistant_model=assistant)
        assert found.texts == decode.generate(model, prompt, max_new_tokens=12).texts
    assert found.acceptance_rate[0] > 0.9 or order != 2


@pytest.mark.parametrize("options", [{}, {"tied": False, "activation": "gelu", "dim_feedforward": 24}], ids=str)
def test_a_gpt_is_saved_with_its_tokenizer(options, tmp_path):
    model = gpt(**options)
    words = Vocabulary.from_tokens([[f"w{i}" for i in range(26)]])
    for tokenizer in (words, SubwordTokenizer.train(["a b c"] * 4, kind="wordpiece", vocab_size=20), None):
        model.tokenizer = tokenizer
        folder = tmp_path if tokenizer is not None else tmp_path / "without"
        model.save_huggingface(folder)
        found = load_pretrained(folder).model
        assert type(found.tokenizer) is type(tokenizer)
        np.testing.assert_array_equal(found(np.array([PROMPTS[0]])).numpy(), model(np.array([PROMPTS[0]])).numpy())
        if tokenizer is not None:
            text = "w1 w2" if tokenizer is words else "a b"
            assert found.generate(text, 5) == model.generate(text, 5)
    with pytest.raises(ValueError, match="save_huggingface: expected learned positions and biases, as a GPT-2 has"):
        gpt(positions="rotary").save_huggingface(tmp_path)
    with pytest.raises(ValueError, match="activation: expected one of gelu, gelu_tanh, relu, silu, got 'swiglu'"):
        gpt(activation="swiglu").save_huggingface(tmp_path)
    model.tokenizer = str
    with pytest.raises(TypeError, match="tokenizer: expected a SubwordTokenizer, a Vocabulary or None, got type"):
        model.save_huggingface(tmp_path)
