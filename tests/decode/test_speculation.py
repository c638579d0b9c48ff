"""Speculative decoding: the same tokens, or draws from the same distribution, whatever the assistant proposes."""

import itertools

import numpy as np
import pytest
from decode_models import PROMPTS, gpt, writers

from seqnn import decode
from seqnn.models import GPT

V = 4


class Table:
    """A step that looks logits up by the last two tokens, and scores several positions in one step."""

    def __init__(self, seed, vocabulary=V):
        self.logits = np.random.default_rng(seed).standard_normal((vocabulary, vocabulary, vocabulary)) * 1.5
        self.scored = []

    def __call__(self, ids, state):
        before = ids[:, -min(2, ids.shape[1])]
        return self.logits[before, ids[:, -1]], state

    def score(self, ids, state, count):
        self.scored.append(count)
        ends = range(ids.shape[1] - count + 1, ids.shape[1] + 1)
        return np.stack([self(ids[:, :end], None)[0] for end in ends], axis=1), state


def plain(step):
    """The step without its method `score`."""
    return lambda ids, state: step(ids, state)


PENALTIES = {"repetition_penalty": 1.3, "no_repeat_ngram_size": 3, "frequency_penalty": 0.2}


@pytest.mark.parametrize("options", [{}, {"min_new_tokens": 6}, PENALTIES, {"num_assistant_tokens": 1}], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_the_most_probable_tokens_are_those_without_an_assistant(options, seed):
    model, prompts = Table(seed, 9), [[1, 2], [3], [4, 4, 4]]
    given = {"max_new_tokens": 17, "eos_token_id": [0, 5], **options}
    expected = decode.generate(model, prompts, **{k: v for k, v in given.items() if k != "num_assistant_tokens"})
    for assistant in (Table(seed, 9), Table(seed + 100, 9), plain(Table(seed + 100, 9))):
        found = decode.generate(model, prompts, assistant_model=assistant, **given)
        np.testing.assert_array_equal(found.sequences, expected.sequences)
        np.testing.assert_array_equal(found.token_log_probs, expected.token_log_probs)
        assert found.finish_reason == expected.finish_reason


def test_an_assistant_that_agrees_saves_steps():
    model = Table(3, 9)
    found = decode.generate(model, [1], max_new_tokens=20, assistant_model=Table(3, 9), num_assistant_tokens=4)
    assert found.acceptance_rate.tolist() == [1.0] and model.scored == [5, 5, 5, 5]
    other = decode.generate(model, [1], max_new_tokens=20, assistant_model=Table(4, 9), num_assistant_tokens=4)
    assert 0 <= other.acceptance_rate[0] < 1 and other.sequences.tolist() == found.sequences.tolist()
    assert decode.generate(model, [1], max_new_tokens=20).acceptance_rate is None


@pytest.mark.parametrize(
    ("options", "draft"),
    [
        ({}, 11), ({}, 1), ({"temperature": 0.7, "top_k": 3}, 12), ({"top_p": 0.8}, 13),
        ({"repetition_penalty": 1.5, "num_assistant_tokens": 1}, 14),
    ],
    ids=str,
)  # fmt: skip
def test_draws_have_the_distribution_of_the_model(options, draft):
    """The counts of all sequences of three tokens against their exact probabilities, by chi-square."""
    model, assistant = Table(1), Table(draft)
    rules = {k: v for k, v in options.items() if k != "num_assistant_tokens"}
    probability = {}
    for tokens in itertools.product(range(V), repeat=3):
        p, ids = 1.0, [2]
        for token in tokens:
            scores = decode.process(model(np.array([ids]), None)[0], np.array([ids]), **rules)[0]
            e = np.exp(scores - scores.max())
            p *= e[token] / e.sum()
            ids.append(token)
        probability[tokens] = p
    draws = 600
    found = decode.sample(model, [2], draws, max_new_tokens=3, assistant_model=assistant, seed=5, **options)
    counts = dict.fromkeys(probability, 0)
    for tokens in found.new_tokens:
        counts[tuple(tokens.tolist())] += 1
    expected = np.array([draws * p for p in probability.values()])
    observed = np.array([*counts.values()])
    assert not observed[expected == 0].any()
    rare = expected < 5
    expected = np.append(expected[~rare], expected[rare].sum())
    observed = np.append(observed[~rare], observed[rare].sum())
    expected, observed = expected[expected > 0], observed[expected > 0]
    chi_square, degrees = ((observed - expected) ** 2 / expected).sum(), len(expected) - 1
    assert chi_square < degrees + 4 * np.sqrt(2 * degrees)
    sums = [np.log(probability[tuple(tokens.tolist())]) for tokens in found.new_tokens]
    np.testing.assert_allclose(found.scores, sums, atol=1e-6)


def test_draws_do_not_depend_on_the_other_prompts():
    model, assistant = Table(1, 9), Table(2, 9)
    given = {"max_new_tokens": 8, "assistant_model": assistant, "seed": 7, "eos_token_id": 0}
    together = decode.sample(model, [[1, 2], [3], [3]], 2, **given)
    alone = decode.sample(model, [[3]], 2, **given)
    np.testing.assert_array_equal(together.sequences[2:4, 1:][:, : alone.sequences.shape[1]], alone.sequences)
    assert len({tuple(t.tolist()) for t in together.new_tokens[2:]}) > 1


@pytest.mark.parametrize("make", [gpt, lambda seed: writers(seed)[0], lambda seed: writers(seed)[1]])
def test_models_write_what_they_write_without_an_assistant(make):
    model, assistant = make(seed=1), make(seed=2)
    for drafter in (model, assistant):
        found = model.generate(PROMPTS, 9, assistant_model=drafter, num_assistant_tokens=3)
        np.testing.assert_array_equal(found, model.generate(PROMPTS, 9))
    result = decode.generate(model, PROMPTS, max_new_tokens=9, assistant_model=model)
    assert (result.acceptance_rate > 0.9).all()
    drawn = decode.sample(model, PROMPTS, max_new_tokens=9, assistant_model=assistant, seed=3, top_k=10)
    alone = decode.sample(model, PROMPTS[1], max_new_tokens=9, assistant_model=assistant, seed=3, top_k=10)
    assert drawn.new_tokens[1].tolist() == alone.new_tokens[0].tolist()


def test_what_cannot_be_combined_is_refused():
    model, given = Table(1), {"max_new_tokens": 3}
    with pytest.raises(TypeError, match="model_or_step: expected a model that scores several tokens in one step"):
        decode.generate(plain(model), [1], assistant_model=model, **given)

    def remembering(ids, state):
        return model(ids, None)[0], ids

    with pytest.raises(TypeError, match=r"assistant_model: expected a model that scores .* must need no state"):
        decode.generate(model, [1], assistant_model=remembering, **given)
    with pytest.raises(ValueError, match="assistant_model: expected a vocabulary of 4 as the model has, got 3"):
        decode.generate(model, [1], assistant_model=Table(1, 3), **given)
    for size in (20, 90):  # a token of one of them need not be one of the other's: neither reads it
        with pytest.raises(ValueError, match=rf"expected a vocabulary of 30 as the model has, got {size}"):
            gpt().generate([[29, 2]], 3, assistant_model=GPT(size, max_positions=20, d_model=8, nhead=2, num_layers=1))
    with pytest.raises(ValueError, match="assistant_model: needs num_beams=1 and return_attention=False"):
        decode.generate(model, [1], assistant_model=model, num_beams=2, **given)
    with pytest.raises(ValueError, match="assistant_model: expected None: tokens are streamed one by one"):
        decode.stream(model, [1], assistant_model=model, **given)
    with pytest.raises(TypeError, match="assistant_model: expected a model with a method start_decoding, or a step"):
        decode.generate(model, [1], assistant_model=3, **given)
    with pytest.raises(ValueError, match="num_assistant_tokens: expected an integer >= 1, got 0"):
        decode.generate(model, [1], assistant_model=model, num_assistant_tokens=0, **given)
    with pytest.raises(ValueError, match=r"assistant_model: expected one prompt .* has no `alone`"):
        decode.run(decode.Start(np.array([[1], [2]]), model, score=model.score), {"assistant_model": model, **given})
    with pytest.raises(TypeError, match="model_or_step: expected a model that scores several"):
        gpt().generate([[1, 2]], 50, crop=True, assistant_model=gpt(max_positions=80))
    with pytest.raises(ValueError, match=r"assistant_model: max_new_tokens: 2 \+ 20 positions exceed max_positions=20"):
        gpt().generate([[1, 2]], 20, assistant_model=gpt(max_positions=20))


def test_logits_that_are_not_finite_or_have_another_shape_are_told():
    class Bad(Table):
        def score(self, ids, state, count):
            logits, state = super().score(ids, state, count)
            return (logits * np.nan if self.kind == "nan" else logits[:, :-1]), state

    bad = Bad(1)
    for bad.kind, error, message in (
        ("nan", FloatingPointError, "sequence 0 has none that is finite"),
        ("shape", ValueError, r"model_or_step: expected logits of shape \[1, 3, vocabulary\], got \[1, 2, 4\]"),
    ):
        with pytest.raises(error, match=message):
            decode.generate(bad, [1], max_new_tokens=3, assistant_model=Table(1))
