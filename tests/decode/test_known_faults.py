"""Faults that other decoders had, as their users reported them: each is tried on ours."""

from itertools import pairwise

import numpy as np
import pytest
from decode_models import gpt
from decode_reference import log_softmax, rows, table

from seqnn import decode
from seqnn.text import SubwordTokenizer

BEAMS = {"num_beams": 4, "max_new_tokens": 9}


@pytest.mark.parametrize(
    "options", [{}, {"num_beams": 3, "num_return_sequences": 3}, {"do_sample": True, "seed": 1}], ids=str
)
def test_padding_of_number_0_is_no_missing_padding(options):
    """transformers #47286: `pad_token_id or eos_token_id` took the end token instead of 0."""
    found = decode.generate(
        table(3, vocabulary=6), [[1], [2], [4]], max_new_tokens=9, eos_token_id=3, pad_token_id=0, **options
    )
    assert len(set(found.lengths.tolist())) > 1
    for row, n in zip(found.sequences, found.lengths, strict=True):
        assert (row[1 + n :] == 0).all()


@pytest.mark.parametrize(
    "options", [{}, {"num_beam_groups": 2, "diversity_penalty": 0.5}, {"do_sample": True, "seed": 2}], ids=str
)
def test_nearly_every_token_may_end_a_sequence(options):
    """transformers #25103: a beam search with many end tokens found too few that go on."""
    ends = [*range(1, 10)]
    found = decode.generate(
        table(1, vocabulary=12),
        [[0], [5]],
        **BEAMS,
        **options,
        eos_token_id=ends,
        min_new_tokens=3,
        num_return_sequences=4,
    )
    for tokens, reason in zip(rows(found), found.finish_reason, strict=True):
        assert not {*tokens[:3]} & {*ends} and len(tokens) > 3
        assert reason == ("eos" if tokens[-1] in ends else "length")
        assert not {*tokens[:-1]} & {*ends}


@pytest.mark.parametrize("early_stopping", [True, False, "never"])
def test_a_search_ends_whatever_others_in_the_batch_do(early_stopping):
    """transformers #38778 and OpenNMT-py #137: what a search found depended on the other ones in the batch."""
    for seed in range(4):
        step, prompts = table(seed, vocabulary=9), [[1], [2], [3], [7], [8]]
        given = {**BEAMS, "eos_token_id": 4, "early_stopping": early_stopping, "num_return_sequences": 3}
        together = decode.generate(step, prompts, **given)
        alone = [decode.generate(step, [prompt], **given) for prompt in prompts]
        assert rows(together) == [tokens for one in alone for tokens in rows(one)]
        np.testing.assert_array_equal(together.scores, np.concatenate([one.scores for one in alone]))


def test_blocked_ngrams_do_not_come_back_in_long_texts():
    """fairseq #5206: beyond some length n-grams were repeated."""
    for options in ({}, {"num_beams": 3}, {"do_sample": True, "seed": 1}):
        found = decode.generate(
            table(2, vocabulary=9), [[1, 2, 1]], max_new_tokens=60, no_repeat_ngram_size=2, **options
        )
        tokens = found.sequences[0].tolist()
        pairs = [*pairwise(tokens)]
        assert len(set(pairs)) == len(pairs) == 62


def test_blocking_needs_no_more_tokens_than_there_are():
    """N-grams longer than the prompt, or than all tokens, were errors."""
    step = table(2, vocabulary=9)
    plain = decode.generate(step, [[1]], max_new_tokens=4)
    np.testing.assert_array_equal(
        decode.generate(step, [[1]], max_new_tokens=4, no_repeat_ngram_size=9).sequences, plain.sequences
    )
    found = decode.generate(step, [[1]], max_new_tokens=4, no_repeat_ngram_size=1)
    assert len({*found.sequences[0].tolist()}) == 5


def test_a_repetition_penalty_does_not_know_of_padding():
    """Tokens that only fill a prompt up were penalised."""
    model, given = gpt(), {"max_new_tokens": 6, "repetition_penalty": 5.0}
    short, long = [7], [9, 9, 9, 9, 9]
    together = decode.generate(model, [short, long], pad_token_id=9, **given)
    assert rows(together)[0] == rows(decode.generate(model, [short], pad_token_id=3, **given))[0]


def test_a_repetition_penalty_counts_a_token_once_and_all_of_them():
    """CTranslate2 #615: only the tokens of the previous step were penalised, and only by beams."""
    logits = np.array([[4.0, 3.5, 3.0, -1.0]])
    found = decode.generate(
        lambda ids, state: (logits[[0] * len(ids)], state), [[0, 1, 0, 0]], max_new_tokens=1, repetition_penalty=2
    )
    assert rows(found) == [(2,)]
    expected = log_softmax(np.array([2.0, 1.75, 3.0, -1.0]))[2]
    np.testing.assert_allclose(found.token_log_probs[0, 0], expected)


SUBWORDS = SubwordTokenizer.train(["stop it, STOP! stopper non-stop"] * 9, vocab_size=270, specials=("</s>",))


class Spelling:
    """A step that spells a text, token by token, whatever was written."""

    def __init__(self, tokens, prompt):
        self.tokens, self.prompt = tokens, prompt

    def __call__(self, ids, state):
        return 50.0 * np.eye(len(SUBWORDS))[[self.tokens[ids.shape[1] - self.prompt]] * len(ids)], state


@pytest.mark.parametrize("text", ["we do not stop here", "nonSTOP text", "x"])
@pytest.mark.parametrize("stop", ["stop", "TOP", "x", "o"])
def test_a_stop_string_is_found_however_it_is_cut_into_tokens(text, stop):
    """transformers #31448 (one letter), text-generation-webui #1654 (one word has several spellings)."""
    letters = [token for letter in text for token in SUBWORDS.encode(letter)]
    for tokens in (SUBWORDS.encode(text).tolist(), letters):
        found = decode.generate(
            Spelling(tokens, 1), [5], max_new_tokens=len(tokens), stop_strings=[stop, "nowhere"], tokenizer=SUBWORDS
        )
        expected = next((n for n in range(1, len(tokens) + 1) if stop in SUBWORDS.decode(tokens[:n])), None)
        assert found.finish_reason == ["length" if expected is None else "stop"]
        assert rows(found) == [tuple(tokens[:expected])]


def test_a_stop_string_in_the_prompt_stops_nothing():
    """haystack #5316: the prompt counted as written."""
    prompt, tokens = SUBWORDS.encode("do not stop it"), SUBWORDS.encode(" here").tolist()
    found = decode.generate(
        Spelling(tokens, len(prompt)), [prompt], max_new_tokens=len(tokens), stop_strings="stop", tokenizer=SUBWORDS
    )
    assert found.texts == [" here"] and found.finish_reason == ["length"]


def test_an_accepted_end_is_the_end():
    """transformers #47912 and koboldcpp #1276: tokens that were accepted after the end token were written as well."""

    class Table:
        logits = 20.0 * np.eye(6)[[1, 2, 3, 4, 5, 0]]  # 0 -> 1 -> 2 -> ...

        def __call__(self, ids, state):
            return self.logits[ids[:, -1]], state

        def score(self, ids, state, count):
            return self.logits[ids[:, -count:]], state

    for options in ({}, {"do_sample": True, "seed": 1}):
        found = decode.generate(
            Table(),
            [[0]],
            max_new_tokens=20,
            eos_token_id=3,
            assistant_model=Table(),
            num_assistant_tokens=9,
            **options,
        )
        assert rows(found) == [(1, 2, 3)] and found.finish_reason == ["eos"]


def test_extreme_temperatures_draw_what_they_mean():
    """A temperature near 0 gave probabilities that are no numbers."""
    step = table(3, vocabulary=9)
    greedy = decode.generate(step, [[1]], max_new_tokens=6)

    def single(ids, state):
        return step(ids, state)[0].astype(np.float32), state

    for temperature in (1e-4, 1e-12, 1e-30, 1e-37, 1e-45):
        for either in (step, single):
            found = decode.sample(either, [[1]], max_new_tokens=6, temperature=temperature, seed=0)
            np.testing.assert_array_equal(found.sequences, greedy.sequences)
    flat = decode.sample(step, [1], 300, max_new_tokens=1, temperature=1e9, seed=0)
    assert len({*rows(flat)}) == 9


def test_half_precision_logits_and_impossible_tokens():
    """Logits of float16, most of which are -inf, made sums that are not finite."""
    logits = np.full((7, 7), -np.inf, np.float16)
    logits[:, [2, 5]] = [60000, 59968]

    def step(ids, state):
        return logits[ids[:, -1]], state

    assert rows(decode.generate(step, [1], max_new_tokens=3)) == [(2, 2, 2)]
    found = decode.beam_search(step, [1], 5, max_new_tokens=2, num_return_sequences=5)
    assert rows(found)[:4] == [(2, 2), (2, 5), (5, 2), (5, 5)] and found.finish_reason[4] == "none"
    assert {*decode.sample(step, [1], 20, max_new_tokens=1, temperature=60.0, seed=1).sequences[:, 1].tolist()} == {
        2,
        5,
    }


@pytest.mark.parametrize("kind", [list, tuple, set, np.array, dict.fromkeys, iter])
def test_allowed_tokens_come_in_any_collection(kind):
    """Tries give the keys of a dict or a set; a row of booleans would have been read as tokens 0 and 1."""
    found = decode.generate(
        table(), [[1], [2]], prefix_allowed_tokens_fn=lambda number, ids: kind([3, 4]), **{**BEAMS, "num_beams": 2}
    )
    assert {*found.sequences[:, 1:].ravel().tolist()} <= {3, 4}


def test_nothing_that_is_given_is_changed():
    """Options and inputs were changed by a call."""
    prompts, state = np.array([[1, 2], [3, 4]]), {"seen": np.zeros((2, 3))}
    options = {"max_new_tokens": 4, "eos_token_id": [0, 3], "bad_words_ids": [[1], [2, 4]], "num_beams": 2}
    before = prompts.copy(), dict(options)
    first = decode.generate(table(), prompts, state=state, **options)
    second = decode.generate(table(), prompts, state=state, **options)
    np.testing.assert_array_equal(first.sequences, second.sequences)
    np.testing.assert_array_equal(prompts, before[0])
    assert options == before[1] and not state["seen"].any()
