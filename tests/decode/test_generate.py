"""Decoding by a step function: what beams find, how sequences end, how rows and their state move."""

import itertools

import numpy as np
import pytest
from decode_reference import V, beam_search, log_softmax, rows, table

import seqnn
from seqnn import decode, random


def teacher_forced(step, prompt, tokens):
    """The log-probability of each token after those before it."""
    ids = np.array([[*prompt, *tokens]])
    return [log_softmax(step(ids[:, : len(prompt) + i], None)[0][0])[token] for i, token in enumerate(tokens)]


@pytest.mark.parametrize("penalty", [0.0, 1.0, -0.5, 2.0])
def test_with_enough_beams_the_search_is_exhaustive(penalty):
    step, most, end = table(), 4, 0
    everything = []
    for n in range(1, most + 1):
        for tokens in itertools.product(range(V), repeat=n):
            if end not in tokens[:-1] and (tokens[-1] == end or n == most):
                everything.append((sum(teacher_forced(step, [1, 2], tokens)) / n**penalty, tokens))
    everything.sort(key=lambda item: -item[0])
    found = decode.beam_search(
        step, [1, 2], len(everything), max_new_tokens=most, eos_token_id=end, length_penalty=penalty,
        num_return_sequences=10, early_stopping="never",
    )  # fmt: skip
    assert rows(found) == [tokens for _, tokens in everything[:10]]
    np.testing.assert_allclose(found.scores, [score for score, _ in everything[:10]], atol=1e-12)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("early_stopping", [True, False, "never"])
def test_beams_are_those_of_a_plain_search(width, early_stopping):
    for seed, penalty in itertools.product(range(6), (0.0, 1.0, 1.7, -1.0)):
        step = table(seed, vocabulary=9)
        options = {"max_new_tokens": 7, "eos_token_id": 4, "length_penalty": penalty, "early_stopping": early_stopping}
        expected = beam_search(step, [3], width, 7, 4, penalty=penalty, early_stopping=early_stopping)
        if width == 1:
            options = {"max_new_tokens": 7, "eos_token_id": 4}
            expected = beam_search(step, [3], 1, 7, 4, penalty=0.0, early_stopping=True)
            greedy = decode.generate(step, [3], **options).new_tokens[0].tolist()
            ids = [3]
            while len(ids) < 8 and ids[-1] != 4:
                ids.append(int(step(np.array([ids]), None)[0].argmax()))
            assert greedy == ids[1:]
            continue
        found = decode.generate(step, [3], num_beams=width, num_return_sequences=width, **options)
        assert rows(found)[: len(expected)] == [tokens for _, tokens in expected]
        np.testing.assert_allclose(found.scores[: len(expected)], [score for score, _ in expected], atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {}, {"num_beams": 4, "num_return_sequences": 4}, {"do_sample": True, "num_return_sequences": 4, "seed": 0},
        {"num_beams": 6, "num_beam_groups": 3, "diversity_penalty": 1.0, "num_return_sequences": 6},
        {"num_beams": 3, "do_sample": True, "seed": 1, "num_return_sequences": 3},
    ],
    ids=str,
)  # fmt: skip
def test_log_probabilities_are_those_of_teacher_forcing(options):
    step, prompts = table(3, vocabulary=8), [[1, 2], [7, 5], [0, 0]]
    found = decode.generate(step, prompts, max_new_tokens=6, eos_token_id=3, length_normalization="mean", **options)
    copies = options.get("num_return_sequences", 1)
    assert len(found.scores) == 3 * copies
    for i, tokens in enumerate(rows(found)):
        expected = teacher_forced(step, prompts[i // copies], tokens)
        np.testing.assert_allclose(found.token_log_probs[i, : len(tokens)], expected, atol=1e-12)
        divisor = len(tokens) if "num_beams" in options else 1
        np.testing.assert_allclose(found.scores[i], sum(expected) / divisor, atol=1e-12)
        assert found.finish_reason[i] == ("eos" if tokens[-1] == 3 else "length")
        assert (found.token_log_probs[i, len(tokens) :] == 0).all()
        assert (found.sequences[i, 2 + len(tokens) :] == 3).all()


@pytest.mark.parametrize(
    ("name", "divisor"),
    [("hf", lambda n: n**0.8), ("gnmt", lambda n: ((5 + n) / 6) ** 0.8), ("mean", lambda n: n), ("none", lambda n: 1)],
)  # fmt: skip
def test_scores_are_normalised_by_the_formula_that_is_named(name, divisor):
    found = decode.beam_search(
        table(5, vocabulary=7), [1], 3, max_new_tokens=6, eos_token_id=2, length_penalty=0.8, length_normalization=name,
        num_return_sequences=3,
    )  # fmt: skip
    np.testing.assert_allclose(found.scores, found.token_log_probs.sum(axis=1) / divisor(found.lengths), rtol=1e-12)
    assert (np.diff(found.scores) <= 0).all()


def test_groups_of_beams_differ():
    options = {"max_new_tokens": 5, "num_beams": 6, "num_return_sequences": 6}
    step = table(1, vocabulary=8)
    plain = decode.generate(step, [2], **options)
    diverse = decode.generate(step, [2], num_beam_groups=6, diversity_penalty=100.0, **options)
    assert len({tokens[0] for tokens in rows(diverse)}) == 6 > len({tokens[0] for tokens in rows(plain)})
    apart = decode.generate(step, [2], num_beam_groups=3, **options)
    alone = decode.generate(step, [2], max_new_tokens=5, num_beams=2, num_return_sequences=2)
    assert sorted(rows(apart)) == sorted(rows(alone) * 3)


class Counting:
    """A state with its own way to move: which prompt each row belongs to."""

    def __init__(self, rows):
        self.rows = rows

    def reorder(self, order):
        self.rows = self.rows[order]


@pytest.mark.parametrize(
    "options", [{"num_beams": 3}, {"do_sample": True, "num_return_sequences": 2, "seed": 4}, {}], ids=str
)
def test_the_state_moves_with_its_rows(options):
    logits = table(2, order=1, vocabulary=9)

    def step(ids, state):
        assert len(ids) == len(state["first"]) == len(state["deep"][0][1]) == len(state["own"].rows)
        np.testing.assert_array_equal(state["first"], ids[:, 0])
        np.testing.assert_array_equal(state["deep"][0][1][:, 0], ids[:, : state["steps"]].sum(axis=1))
        np.testing.assert_array_equal(state["own"].rows, ids[:, 0])
        sums = ids.sum(axis=1, keepdims=True)
        state = {**state, "deep": ([None, sums], "text"), "steps": ids.shape[1]}
        return logits(ids, None)[0], state

    prompts = [[3, 1], [5, 1], [8, 2]]
    first = np.array([3, 5, 8])
    sums = np.array(prompts).sum(axis=1, keepdims=True)
    state = {"first": first, "deep": ([None, sums], "text"), "steps": 2, "own": Counting(first)}
    found = decode.generate(step, prompts, state=state, max_new_tokens=8, eos_token_id=4, **options)
    np.testing.assert_array_equal(state["first"], [3, 5, 8])
    assert (found.sequences[:, 0].reshape(3, -1) == first[:, None]).all()


def test_prompts_of_unequal_length_are_decoded_as_each_alone():
    step, prompts = table(4, vocabulary=7), [[1, 2, 3], [5], [6, 6], [2]]
    for options in ({}, {"num_beams": 3}, {"do_sample": True, "seed": 2, "repetition_penalty": 1.3}):
        together = decode.generate(step, prompts, max_new_tokens=6, eos_token_id=0, **options)
        alone = [decode.generate(step, p, max_new_tokens=6, eos_token_id=0, **options) for p in prompts]
        assert rows(together) == [rows(one)[0] for one in alone]
        assert together.prompt_lengths.tolist() == [3, 1, 2, 1]
        assert together.sequences[1, :3].tolist() == [0, 0, 5]


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}], ids=str)
def test_equal_seeds_give_equal_draws_for_any_batch_and_any_number_of_threads(options):
    step, prompts = table(0, vocabulary=50), [[i, 3] for i in range(12)]
    given = {"max_new_tokens": 5, "do_sample": True, "seed": 8, **options}
    with seqnn.threads(1):
        one = rows(decode.generate(step, prompts, **given))
    with seqnn.threads(2):
        assert rows(decode.generate(step, prompts, **given)) == one
    assert rows(decode.generate(step, prompts[::-1], **given)) == one[::-1]
    assert rows(decode.generate(step, prompts[7], **given)) == one[7:8]
    assert rows(decode.generate(step, prompts, **{**given, "seed": 9})) != one
    twice = rows(decode.generate(step, [prompts[0]] * 8, **given))
    assert twice[0] == one[0] and len(set(twice)) > 1
    with random.seeded(1):
        free = decode.generate(step, prompts, **{**given, "seed": None})
    with random.seeded(1):
        assert rows(decode.generate(step, prompts, **{**given, "seed": None})) == rows(free)


def test_tokens_are_drawn_with_their_probabilities():
    step = table(6, order=1)
    found = decode.sample(step, [1], 8000, max_new_tokens=2, temperature=0.8, top_k=4, seed=3)
    first = decode.process(step(np.array([[1]]), None)[0], temperature=0.8, top_k=4)[0]
    p = np.exp(log_softmax(first))
    for token in range(V):
        after = np.exp(log_softmax(decode.process(step(np.array([[token]]), None)[0], temperature=0.8, top_k=4)[0]))
        due = 8000 * p[token] * after
        counts = np.bincount([b for a, b in rows(found) if a == token], minlength=V)
        assert not counts[due == 0].any()
        assert (np.abs(counts - due) <= 5 * np.sqrt(due) + 1).all()


def test_drawn_beams_are_draws_without_replacement():
    step = table(7, order=1)
    p = np.exp(log_softmax(step(np.array([[2]]), None)[0][0]))
    counts = np.zeros(V)
    for seed in range(3000):
        found = decode.generate(
            step, [2], max_new_tokens=1, num_beams=2, num_return_sequences=2, do_sample=True, seed=seed
        )
        a, b = rows(found)
        assert a != b and found.scores[0] >= found.scores[1]
        counts[[*a, *b]] += 1
    # Four candidates are drawn, of which the two most probable stay.
    due = np.zeros(V)
    for order in itertools.permutations(range(V), 4):
        chance, left = 1.0, 1.0
        for token in order:
            chance, left = chance * p[token] / left, left - p[token]
        due[sorted(order, key=lambda t: -p[t])[:2]] += 3000 * chance
    assert (np.abs(counts - due) <= 5 * np.sqrt(due) + 1).all()


@pytest.mark.parametrize("options", [{"num_beams": 3}, {"do_sample": True, "seed": 0}, {}], ids=str)
def test_no_ngram_occurs_twice(options):
    step = table(1, order=1, vocabulary=6)
    for n in (1, 2, 3):
        most = 4 if n == 1 else 15
        found = decode.generate(step, [[1], [2]], max_new_tokens=most, no_repeat_ngram_size=n, **options)
        for row in found.sequences.tolist():
            grams = [tuple(row[i : i + n]) for i in range(len(row) - n + 1)]
            assert len(grams) == len(set(grams))
    free = decode.generate(step, [[1], [2]], max_new_tokens=15, **options)
    assert any(len(set(itertools.pairwise(row))) < 15 for row in free.sequences.tolist())


def test_constraints_hold():
    step = table(2, vocabulary=9)
    for options in ({}, {"num_beams": 4}, {"do_sample": True, "seed": 5}):
        given = {"max_new_tokens": 8, "eos_token_id": 3, **options}
        found = decode.generate(step, [[1], [4]], min_new_tokens=6, **given)
        assert (found.lengths >= 6).all()
        found = decode.generate(step, [[1], [4]], suppress_tokens=[0, 7, 3], **given)
        assert not np.isin(found.sequences[:, 1:], [0, 7, 3]).any()
        found = decode.generate(
            step, [[1], [4]], forced_bos_token_id=6, forced_eos_token_id=3, min_new_tokens=7, **given
        )
        assert (found.sequences[:, 1] == 6).all() and (found.sequences[:, -1] == 3).all()
        free = decode.generate(step, [1], **given).new_tokens[0].tolist()
        word = free[:2]
        other = decode.generate(step, [1], bad_words_ids=[word], **given).new_tokens[0].tolist()
        assert all(other[i : i + 2] != word for i in range(8))
        first = decode.generate(step, [1], begin_suppress_tokens=free[0], **given).new_tokens[0]
        assert first[0] != free[0]

        def even_after_odd(number, ids):
            assert ids[0] == [1, 4][number]
            return [t for t in range(9) if (t + ids[-1]) % 2]

        found = decode.generate(step, [[1], [4]], prefix_allowed_tokens_fn=even_after_odd, max_new_tokens=8, **options)
        assert (np.diff(found.sequences, axis=1) % 2 != 0).all()


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"do_sample": True, "seed": 5}])
def test_a_forced_token_is_written_though_other_options_forbid_it(options):
    step = table(2, vocabulary=9)
    given = {"max_new_tokens": 4, "eos_token_id": 3, "forced_bos_token_id": 6, "forced_eos_token_id": 3, **options}
    for forbidding in (
        {"min_new_tokens": 7},
        {"bad_words_ids": [[6], [3]]},
        {"no_repeat_ngram_size": 1},
        {"begin_suppress_tokens": [6]},
    ):
        found = decode.generate(step, [[6, 3]], **given, **forbidding).new_tokens[0]
        assert found[0] == 6 and found[-1] == 3, forbidding


def test_tokens_that_must_not_come_first_are_those_after_a_forced_one():
    step = table(2, vocabulary=9)
    given = {"max_new_tokens": 4, "forced_bos_token_id": 6}
    first, second, *_ = decode.generate(step, [1], **given).new_tokens[0]
    found = decode.generate(step, [1], begin_suppress_tokens=second, **given).new_tokens[0]
    assert first == found[0] == 6 and found[1] != second


def test_penalties_lower_what_has_been_written():
    step = lambda ids, state: (np.tile(np.log([0.4, 0.3, 0.2, 0.1]), (len(ids), 1)), state)  # noqa: E731
    given = {"max_new_tokens": 4}
    assert rows(decode.generate(step, [3], **given)) == [(0, 0, 0, 0)]
    assert rows(decode.generate(step, [3], presence_penalty=9.0, **given)) == [(0, 1, 2, 3)]
    assert rows(decode.generate(step, [3], frequency_penalty=0.2, **given)) == [(0, 0, 1, 0)]
    assert rows(decode.generate(step, [0], repetition_penalty=3.0, **given)) == [(1, 2, 3, 0)]
    soft = decode.generate(step, [3], no_repeat_ngram_size=2, ngram_penalty=0.1, max_new_tokens=5)
    assert rows(soft) == [(0, 0, 0, 0, 1)]


def test_stop_strings_end_a_sequence():
    class Letters:
        def encode(self, text):
            return [ord(letter) - 97 for letter in text]

        def decode(self, ids):
            return "".join(chr(97 + i) for i in ids)

    def step(ids, state):
        return np.eye(26)[(ids[:, -1] + 1) % 26], state

    found = decode.generate(step, ["a", "m"], max_new_tokens=9, stop_strings=["ef", "zz"], tokenizer=Letters())
    assert [Letters().decode(tokens) for tokens in found.new_tokens] == ["bcdef", "nopqrstuv"]
    assert found.finish_reason == ["stop", "length"]


def test_attention_is_kept_and_counts_for_the_coverage_penalty():
    logits = table(3, order=1, vocabulary=6)

    def step(ids, state):
        attention = np.eye(6)[ids[:, -1]][:, :4] + 0.1
        return *logits(ids, state), attention

    found = decode.generate(step, [1], max_new_tokens=4, num_beams=3, num_return_sequences=3, coverage_penalty=2.0)
    for tokens, score, attention in zip(rows(found), found.scores, found.attention, strict=True):
        expected = [np.eye(6)[t][:4] + 0.1 for t in (1, *tokens[:-1])]
        np.testing.assert_allclose(attention, expected)
        coverage = np.log(np.minimum(1, np.sum(expected, axis=0))).sum()
        np.testing.assert_allclose(score, sum(teacher_forced(logits, [1], tokens)) / 4 + 2 * coverage)
    greedy = decode.generate(step, [[1], [2]], max_new_tokens=3)
    assert [a.shape for a in greedy.attention] == [(3, 4), (3, 4)]


def test_a_stream_yields_what_generate_returns():
    step = table(4, vocabulary=8)
    for options in ({}, {"do_sample": True, "seed": 3}):
        given = {"max_new_tokens": 7, "eos_token_id": 5, **options}
        whole = decode.generate(step, [[1, 2], [3, 4]], **given)
        steps = [*decode.stream(step, [[1, 2], [3, 4]], **given)]
        np.testing.assert_array_equal(np.stack(steps, axis=1), whole.sequences[:, 2:])
        assert tuple(decode.stream(step, [1, 2], **given)) == rows(whole)[0]


def test_nothing_to_write_and_nothing_to_go_on_from():
    step = table()
    for options in ({}, {"num_beams": 2}):
        none = decode.generate(step, [[1, 2]], max_new_tokens=0, **options)
        assert none.sequences.tolist() == [[1, 2]] and none.finish_reason == ["length"]
        empty = decode.generate(step, [], max_new_tokens=3, **options)
        assert empty.sequences.shape[0] == 0 and empty.finish_reason == []


def test_more_beams_than_sequences_end_as_padding():
    found = decode.beam_search(table(vocabulary=2), [1], 9, max_new_tokens=2, num_return_sequences=6)
    assert found.finish_reason == ["length"] * 4 + ["none"] * 2
    assert len(set(rows(found)[:4])) == 4 and found.lengths.tolist() == [2] * 4 + [0] * 2
    assert np.isneginf(found.scores[4:]).all()


def test_more_sequences_to_return_do_not_change_the_best_one():
    for seed in range(5):
        given = {"num_beams": 5, "max_new_tokens": 8, "eos_token_id": 2, "length_normalization": "gnmt"}
        one = decode.generate(table(seed, vocabulary=9), [1], **given)
        five = decode.generate(table(seed, vocabulary=9), [1], num_return_sequences=5, **given)
        assert rows(one)[0] == rows(five)[0] and one.scores[0] == five.scores[0]


@pytest.mark.parametrize(
    "options",
    [
        {"do_sample": True, "top_k": 5, "seed": 1}, {"num_beam_groups": 2, "diversity_penalty": 0.2},
        {"top_k": 5, "do_sample": True, "num_beams": 1},
    ],
    ids=str,
)  # fmt: skip
def test_allowed_tokens_go_with_every_strategy(options):
    paths = [(4, 1, 0), (4, 2, 2, 0), (5, 0)]

    def following(number, ids):
        written = tuple(ids[1:].tolist())
        return sorted(
            {path[len(written)] for path in paths if path[: len(written)] == written and len(path) > len(written)}
        )

    given = {"num_beams": 2, "max_new_tokens": 6, "eos_token_id": 0, "prefix_allowed_tokens_fn": following}
    found = decode.generate(table(2, vocabulary=8), [[1], [3]], **{**given, **options})
    assert set(rows(found)) <= set(paths) and found.finish_reason == ["eos"] * 2
