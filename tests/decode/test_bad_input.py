"""A clear word where decoding cannot go on, or was asked for what does not fit together."""

import numpy as np
import pytest

from seqnn import decode


def step(ids, state):
    return np.log(np.tile([0.1, 0.2, 0.3, 0.4], (len(ids), 1))), state


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "max_new_tokens: expected a limit, as there is no eos_token_id"),
        ({"max_new_tokens": -1}, "max_new_tokens: expected an integer >= 0, got -1"),
        ({"num_beams": 0}, "num_beams: expected an integer >= 1, got 0"),
        ({"num_beams": 4, "num_beam_groups": 3}, "num_beam_groups: expected a divisor of num_beams=4, got 3"),
        ({"num_beams": 4, "num_beam_groups": 2, "do_sample": True}, "num_beam_groups: expected 1 with do_sample=True"),
        ({"num_beams": 4, "diversity_penalty": 1.0}, "diversity_penalty: needs num_beam_groups"),
        ({"num_return_sequences": 2}, "num_return_sequences: expected at most num_beams=1 without sampling, got 2"),
        ({"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences: expected at most num_beams=2"),
        ({"top_k": 3}, "top_k: needs do_sample=True"),
        ({"temperature": 0.5}, "temperature: needs do_sample=True"),
        ({"do_sample": True, "temperature": -1}, "temperature: expected a finite number >= 0, got -1"),
        ({"do_sample": True, "temperature": 0, "num_beams": 2}, "temperature: expected a number > 0 with num_beams"),
        ({"do_sample": True, "top_p": 0.0}, "top_p: expected a finite number > 0 and <= 1, got 0"),
        ({"do_sample": True, "min_p": 1.5}, "min_p: expected a finite number >= 0 and <= 1, got 1.5"),
        ({"do_sample": True, "typical_p": float("nan")}, "typical_p: expected a finite number"),
        ({"do_sample": True, "seed": -3}, "seed: expected an integer >= 0, got -3"),
        ({"early_stopping": "sometimes"}, "early_stopping: expected True, False or 'never', got 'sometimes'"),
        ({"length_normalization": "log"}, "length_normalization: expected one of 'hf', 'gnmt', 'mean', 'none', got 'log'"),
        ({"repetition_penalty": 0}, "repetition_penalty: expected a finite number > 0, got 0"),
        ({"ngram_penalty": 1.0}, "ngram_penalty: needs no_repeat_ngram_size"),
        ({"bad_words_ids": [[]]}, "bad_words_ids: expected sequences of at least one token"),
        ({"stop_strings": "end"}, "stop_strings: needs a tokenizer"),
        ({"stop_strings": [""]}, "stop_strings: expected texts that are not empty"),
        ({"coverage_penalty": 1.0, "num_beams": 2}, r"coverage_penalty: needs a step that returns \(logits, state, attention\)"),
        ({"forced_bos_token_id": 9}, "forced_bos_token_id: expected token ids below 4"),
    ],
    ids=str,
)  # fmt: skip
def test_options(options, message):
    limit = {} if not options else {"max_new_tokens": 3}
    with pytest.raises(ValueError, match=message):
        decode.generate(step, [1], **{**limit, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eos_token_id": "end"}, "eos_token_id: expected an integer"),
        ({"prefix_allowed_tokens_fn": 3}, "prefix_allowed_tokens_fn: expected a function"),
        ({"prefix_allowed_tokens_fn": lambda number, ids: None}, "fn: expected token ids, got None"),
        (
            {"prefix_allowed_tokens_fn": lambda number, ids: [True, False, False, False]},
            r"fn: expected token ids, got \[True",
        ),
        ({"prefix_allowed_tokens_fn": lambda number, ids: [1.5]}, r"fn: expected token ids, got \[1.5\]"),
        ({"tokenizer": 3}, r"tokenizer: expected an object with a method decode\(ids\), got 3"),
        ({"beams": 3}, "unexpected keyword argument 'beams'"),
        ({"beams": 3}, "did you mean 'num_beams'"),
        ({"max_length": 3}, "did you mean 'max_new_tokens'"),
        ({"repetition_penatly": 1.1}, "did you mean 'repetition_penalty'"),
        ({"zebra": 3}, "it has max_new_tokens, min_new_tokens, eos_token_id"),
    ],
)
def test_options_of_the_wrong_kind(options, message):
    with pytest.raises(TypeError, match=message):
        decode.generate(step, [1], max_new_tokens=3, **options)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"suppress_tokens": [0, 1, 2, 3]}, "suppress_tokens"),
        ({"bad_words_ids": [[0], [1], [2], [3]]}, "bad_words_ids"),
        ({"prefix_allowed_tokens_fn": lambda number, ids: []}, "prefix_allowed_tokens_fn"),
        ({"no_repeat_ngram_size": 1, "max_new_tokens": 9}, "no_repeat_ngram_size"),
        ({"suppress_tokens": [0, 1], "bad_words_ids": [[2], [3]]}, "bad_words_ids and suppress_tokens"),
        ({"forced_bos_token_id": 1, "suppress_tokens": [1]}, "suppress_tokens and forced_bos_token_id"),
        ({"min_new_tokens": 2, "eos_token_id": [0, 1, 2, 3]}, "min_new_tokens"),
    ],
)
@pytest.mark.parametrize("strategy", [{}, {"num_beams": 2}, {"do_sample": True}], ids=str)
def test_the_constraint_that_leaves_no_token_is_named(options, names, strategy):
    with pytest.raises(ValueError, match=f"^{names}: no token is left to go on with for sequence 0 after"):
        decode.generate(step, [[1], [1]], **{"max_new_tokens": 3, **options, **strategy})


@pytest.mark.parametrize(
    "strategy", [{}, {"num_beams": 2}, {"do_sample": True}, {"do_sample": True, "num_beams": 2}], ids=str
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_refused(strategy, value):
    def broken(ids, state):
        logits = np.zeros((len(ids), 4))
        if ids.shape[1] == 3:
            logits[ids[:, 0] == 2, 1] = value
        return logits, state

    with pytest.raises(FloatingPointError, match=r"logits: sequence 1 has none that is finite \(largest: (nan|inf)\)"):
        decode.generate(broken, [[1], [2]], max_new_tokens=4, **strategy)


def test_steps_that_return_something_else():
    for result, kind, message in (
        (np.zeros((2, 4)), TypeError, r"step: expected it to return \(logits, state\), got ndarray"),
        ((np.zeros((1, 4)), None), ValueError, r"step: expected logits of shape \[2, vocabulary\], got \[1, 4\]"),
        ((np.zeros((2, 3, 4)), None), ValueError, r"got \[2, 3, 4\]"),
        ((np.zeros((2, 0)), None), ValueError, r"got \[2, 0\]"),
        ((np.array([["a"], ["b"]]), None), TypeError, "step: expected logits of floats"),
        ((np.zeros((2, 4)), None, np.zeros(2)), ValueError, r"step: expected attention of shape \[2, S\], got \[2\]"),
    ):
        with pytest.raises(kind, match=message):
            decode.generate(lambda ids, state, result=result: result, [[1], [2]], max_new_tokens=3)
    with pytest.raises(ValueError, match=r"step: expected logits of shape \[1, 2\], got \[1, 3\]"):
        decode.generate(lambda ids, state: (np.zeros((1, 1 + ids.shape[1])), state), [1], max_new_tokens=3)
    with pytest.raises(TypeError, match="model_or_step: expected a model with a method start_decoding, or a function"):
        decode.generate(3, [1], max_new_tokens=3)


def test_states_that_cannot_move():
    for state, kind, message in (
        ({"h": [np.zeros((2, 3))]}, ValueError, r"state\['h'\]\[0\]: expected 1 rows first, got shape \[2, 3\]"),
        (
            (object(),),
            TypeError,
            r"state\[0\]: expected arrays with rows first, in tuples, lists and dicts, got object",
        ),
    ):
        with pytest.raises(kind, match=message):
            decode.generate(step, [1], state=state, max_new_tokens=3, num_beams=2)


def test_an_error_of_the_step_comes_through_and_its_state_is_what_it_was():
    state = {"h": np.arange(6.0).reshape(2, 3)}

    def failing(ids, state):
        if ids.shape[1] == 4:
            raise KeyError("the step's own")
        return step(ids, {"h": state["h"] + 1})

    with pytest.raises(KeyError, match="the step's own") as error:
        decode.generate(failing, [[1], [2]], state=state, max_new_tokens=9, num_beams=3)
    assert error.traceback[-1].name == "failing"
    np.testing.assert_array_equal(state["h"], np.arange(6.0).reshape(2, 3))


def test_an_interrupt_comes_through():
    def interrupted(ids, state):
        if ids.shape[1] == 3:
            raise KeyboardInterrupt
        return step(ids, state)

    with pytest.raises(KeyboardInterrupt):
        decode.generate(interrupted, [1], max_new_tokens=9)


def test_prompts():
    for prompts, kind, message in (
        ([[1], []], ValueError, "prompt_ids: prompt 1 is empty: expected at least one token to go on from"),
        (3, TypeError, "prompt_ids: expected token ids of a prompt or of several, got 3"),
        ("to be", TypeError, "prompt_ids: prompt 0 is a text: give token ids, or tokenizer="),
        ([[1.5]], TypeError, r"prompt_ids: expected integers, got float64 of shape \[1\] in prompt 0"),
        (np.zeros((2, 3, 4), int), TypeError, r"got int64 of shape \[3, 4\] in prompt 0"),
    ):
        with pytest.raises(kind, match=message):
            decode.generate(step, prompts, max_new_tokens=3)
    with pytest.raises(ValueError, match="prompt_ids: expected prompts of equal length for a step function"):
        decode.stream(step, [[1], [1, 2]], max_new_tokens=3)
    with pytest.raises(ValueError, match="num_beams: expected 1, as a beam search knows its tokens only at the end"):
        decode.stream(step, [1], max_new_tokens=3, num_beams=2)


def test_logits_alone():
    for logits, message in (
        (np.zeros(3), "logits: expected numbers"),
        (np.zeros((2, 0)), "logits"),
        ([["a"]], "logits"),
    ):
        for function in (decode.process, decode.draw):
            with pytest.raises(ValueError, match=message):
                function(logits)
    with pytest.raises(ValueError, match=r"ids: expected integers \[2, t\], got int64 of shape \[3, 1\]"):
        decode.draw(np.zeros((2, 4)), np.zeros((3, 1), int))
    with pytest.raises(FloatingPointError, match="logits: sequence 1 has none that is finite"):
        decode.draw([[0.0, 1.0], [0.0, np.nan]])
