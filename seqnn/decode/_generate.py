"""Sequences from a model or from any step function: one engine for all strategies."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from ._options import Options
from ._prompts import as_prompts, is_single, of_equal_length
from ._result import Decoded, Generation, as_text, collect
from ._run import decode, of_model, of_step, run, with_tokenizer
from ._samplers import Sampling
from ._step import Decodable, Start, Step

__all__ = ["beam_search", "generate", "sample", "stream", "stream_text"]


def generate(model_or_step: Decodable | Step, prompt_ids: Any, *, state: Any = None, **options: Any) -> Generation:
    """Write sequences that go on from prompts.

    Args:
        model_or_step: a model with a method `start_decoding` (GPT, T5, Transformer), or any function
            step(ids, state) -> (logits, state): ids [rows, t] are all tokens so far, logits [rows, V] those of the next
            one, and state any nest of arrays with rows first, which move with the beams. Other modules and libraries fit
            through such a function.
        prompt_ids: token ids of a prompt, or of several, of any lengths; texts where the model has a tokenizer, or with
            `tokenizer`: the result then has `texts`.
        state: that of the first step of a step function, with a row for each prompt.
        **options: see `Options`: max_new_tokens, eos_token_id, do_sample, num_beams, ...

    Returns:
        A `Generation`.

    Raises:
        ValueError: a prompt is empty, an option is out of bounds, the step returns another shape than [rows, V], or
            constraints leave no token.
        FloatingPointError: logits are not finite.

    >>> import numpy as np
    >>> from seqnn import decode
    >>> table = np.log([[0.1, 0.6, 0.3], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]])
    >>> step = lambda ids, state: (table[ids[:, -1]], state)
    >>> decode.generate(step, [[1], [0]], max_new_tokens=4, eos_token_id=0).sequences
    array([[1, 2, 0, 0],
           [0, 1, 2, 0]])
    >>> decode.generate(step, [1], max_new_tokens=2, num_beams=3, num_return_sequences=2).scores.round(3)
    array([-0.164, -1.263])
    """
    options = with_tokenizer(model_or_step, options)
    prompts = as_prompts(prompt_ids, options["tokenizer"])
    if hasattr(model_or_step, "start_decoding"):
        return run(of_model(model_or_step, prompts, options), options)
    checked = Options(**options).plain()
    found = [Decoded([])] * len(prompts)
    for rows in of_equal_length(prompts):
        start = of_step(model_or_step, prompts, state, rows)
        for row, one in zip(rows, decode(start, checked), strict=True):
            found[row] = one
    return collect(prompts, found, checked.padding, checked.tokenizer)


def stream(model_or_step: Decodable | Step, prompt_ids: Any, *, state: Any = None, **options: Any) -> Iterator[Any]:
    """Yield the new tokens as they come.

    Args:
        model_or_step: as for `generate`.
        prompt_ids: as for `generate`; the prompts of a step function must have equal lengths.
        state: as for `generate`.
        **options: as for `generate`, with num_beams=1: a beam search knows its tokens only at the end.

    Yields:
        One prompt (a list of ids): each token, an int. Several: the tokens of all rows, [R]; padding where one has ended.

    Raises:
        ValueError: as for `generate`, or with num_beams.

    >>> import numpy as np
    >>> from seqnn import decode
    >>> table = np.log([[0.1, 0.6, 0.3], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]])
    >>> list(decode.stream(lambda ids, state: (table[ids[:, -1]], state), [1], max_new_tokens=3))
    [2, 0, 1]
    """
    start, checked = _beginning(model_or_step, prompt_ids, state, options)
    return _streamed(start, checked, is_single(prompt_ids) and checked.num_return_sequences == 1)


def stream_text(model_or_step: Decodable | Step, prompt: Any, *, state: Any = None, **options: Any) -> Iterator[str]:
    """Yield the text that follows a prompt piece by piece, as its tokens come, without the token that ends it.

    Args:
        model_or_step: as for `generate`; it has a tokenizer, unless `tokenizer` is given.
        prompt: one text, or its token ids.
        state: as for `generate`.
        **options: as for `stream`.

    Yields:
        Texts, which together are the text: all of it that further tokens do not change.

    Raises:
        ValueError: as for `stream`, or for several prompts.
        TypeError: there is no tokenizer.

    >>> from seqnn import decode
    >>> from seqnn.lm import NGramLM
    >>> list(decode.stream_text(NGramLM(order=3).fit(["to be or not to be"] * 3), "or", max_new_tokens=3))
    ['not', ' to', ' be']
    """
    start, checked = _beginning(model_or_step, prompt, state, options)
    if checked.tokenizer is None:
        raise TypeError("tokenizer: expected an object with a method decode(ids), got None")
    if not is_single(prompt) or checked.num_return_sequences > 1:
        raise ValueError("prompt: expected one text, and num_return_sequences=1: stream each alone")
    return _pieces(_streamed(start, checked, True), checked)


def _beginning(
    model_or_step: Any, prompt_ids: Any, state: Any, options: dict[str, Any]
) -> tuple[Start, SimpleNamespace]:
    """Return what a stream begins with, and its options."""
    options = with_tokenizer(model_or_step, options)
    prompts = as_prompts(prompt_ids, options["tokenizer"])
    if hasattr(model_or_step, "start_decoding"):
        start = of_model(model_or_step, prompts, options)
    else:
        if len({len(prompt) for prompt in prompts}) > 1:
            raise ValueError("prompt_ids: expected prompts of equal length for a step function: stream each alone")
        start = of_step(model_or_step, prompts, state, [*range(len(prompts))])
    checked = Options(**{**start.options, **options}).plain()
    if checked.num_beams > 1:
        raise ValueError(
            f"num_beams: expected 1, as a beam search knows its tokens only at the end, got {checked.num_beams}"
        )
    if checked.assistant_model is not None:
        raise ValueError("assistant_model: expected None: tokens are streamed one by one")
    return start, checked


def _streamed(start: Start, options: SimpleNamespace, single: bool) -> Iterator[Any]:
    engine = Sampling(start, options)
    rows = len(start.ids) * options.num_return_sequences
    while not engine.done:
        with start.context():  # not while the caller has the token
            live, tokens = engine.advance()
        written = np.full(rows, options.padding, np.int64)
        written[live] = tokens
        yield int(written[0]) if single else written


def _pieces(tokens: Iterator[int], options: SimpleNamespace) -> Iterator[str]:
    ids, text, told = [], "", ""
    for token in tokens:
        if token not in options.eos_token_id:
            ids.append(token)
            text = as_text(options.tokenizer, np.array(ids))
        if text.startswith(told) and len(text) > len(told) and not text.endswith("\ufffd"):  # half of a letter
            yield text[len(told) :]
            told = text
    if text.startswith(told) and len(text) > len(told):
        yield text[len(told) :]


def beam_search(
    model_or_step: Decodable | Step, prompt_ids: Any, num_beams: int = 4, *, state: Any = None, **options: Any
) -> Generation:
    """Return the best sequences that a beam search finds.

    In each step every beam, a prefix, is followed by every token; the num_beams best prefixes that do not end go on, and
    those that end among the best are kept. With as many beams as there are prefixes this is an exhaustive search.

    Args:
        model_or_step: as for `generate`.
        prompt_ids: as for `generate`.
        num_beams: prefixes that are followed.
        state: as for `generate`.
        **options: as for `generate`; above all max_new_tokens, eos_token_id, length_penalty and num_return_sequences.

    Returns:
        A `Generation`.

    >>> import numpy as np
    >>> from seqnn import decode
    >>> table = np.log([[0.1, 0.6, 0.3], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]])
    >>> step = lambda ids, state: (table[ids[:, -1]], state)
    >>> decode.beam_search(step, [1], 2, max_new_tokens=3).sequences
    array([[1, 2, 0, 1]])
    """
    return generate(model_or_step, prompt_ids, state=state, num_beams=num_beams, **options)


def sample(
    model_or_step: Decodable | Step, prompt_ids: Any, count: int = 1, *, state: Any = None, **options: Any
) -> Generation:
    """Return sequences that are drawn token by token.

    Args:
        model_or_step: as for `generate`.
        prompt_ids: as for `generate`.
        count: sequences for each prompt.
        state: as for `generate`.
        **options: as for `generate`; above all max_new_tokens, eos_token_id, temperature, top_k, top_p and seed.

    Returns:
        A `Generation`.

    >>> import numpy as np
    >>> from seqnn import decode
    >>> table = np.log([[0.1, 0.6, 0.3], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]])
    >>> step = lambda ids, state: (table[ids[:, -1]], state)
    >>> decode.sample(step, [1], 3, max_new_tokens=3, top_k=1).sequences
    array([[1, 2, 0, 1],
           [1, 2, 0, 1],
           [1, 2, 0, 1]])
    """
    return generate(model_or_step, prompt_ids, state=state, do_sample=True, num_return_sequences=count, **options)
