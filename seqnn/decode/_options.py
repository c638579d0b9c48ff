"""What decoding can be told: one declaration for all strategies, with Hugging Face's names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from .._arguments import integer
from .._settings import Anything, Choice, Flag, Function, Integer, Number, Setting, Settings, with_hints

__all__ = ["Options"]


class TokenIds(Setting[Any]):
    """One token id or several, kept as a tuple; None is none."""

    def __init__(self) -> None:
        super().__init__((), optional=False)

    def check(self, name: str, value: Any) -> tuple[int, ...]:
        """Return the ids."""
        if value is None:
            return ()
        return tuple(integer(name, token, 0) for token in (value if isinstance(value, Iterable) else [value]))


class Words(Setting[Any]):
    """Sequences of token ids, kept as tuples; None is none."""

    def __init__(self) -> None:
        super().__init__((), optional=False)

    def check(self, name: str, value: Any) -> tuple[tuple[int, ...], ...]:
        """Return the sequences."""
        words = tuple(TokenIds().check(name, word) for word in (value or ()))
        if not all(words):
            raise ValueError(f"{name}: expected sequences of at least one token, got {value!r}")
        return words


class Texts(Setting[Any]):
    """One text or several, kept as a tuple; None is none."""

    def __init__(self) -> None:
        super().__init__((), optional=False)

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """Return the texts."""
        texts = (value,) if isinstance(value, str) else tuple(value or ())
        if not all(isinstance(text, str) and text for text in texts):
            raise ValueError(f"{name}: expected texts that are not empty, got {value!r}")
        return texts


def _stopping(name: str, value: Any) -> bool | str:
    if isinstance(value, bool | np.bool) or value == "never":
        return value if value == "never" else bool(value)
    raise ValueError(f"{name}: expected True, False or 'never', got {value!r}")


def _tokenizer(name: str, value: Any) -> Any:
    if value is not None and not hasattr(value, "decode"):
        raise TypeError(f"{name}: expected an object with a method decode(ids), got {value!r}")
    return value


def _assistant(name: str, value: Any) -> Any:
    if value is not None and not (callable(value) or hasattr(value, "start_decoding")):
        raise TypeError(f"{name}: expected a model with a method start_decoding, or a step function, got {value!r:.80}")
    return value


class Options(Settings):
    """The options of `generate`, `stream`, `beam_search` and `sample`, with Hugging Face's names.

    Scores are changed in this order: repetition, frequency and presence penalties; n-grams; forbidden and forced tokens; and
    to draw, temperature, top_k, top_p, min_p, typical_p. Beam search changes log-probabilities, the others logits. Of
    equal scores the lowest id comes first.

    Args:
        max_new_tokens: most tokens of a sequence; needed unless something ends sequences.
        min_new_tokens: tokens that a sequence has before it may end.
        eos_token_id: the token, or tokens, that end a sequence.
        pad_token_id: what fills sequences up; default: the first of eos_token_id, or 0.
        do_sample: whether tokens are drawn; else the most probable ones are taken.
        num_beams: prefixes that are followed at the same time.
        num_beam_groups: parts of the beams that are kept apart, one after the other in each step.
        diversity_penalty: what a token's score loses for each beam of an earlier group that chose it in the same step.
        num_return_sequences: sequences for each prompt.
        temperature: the logits are divided by it; 0 takes the most probable token.
        top_k: draw among the k most probable tokens, and those as probable as the last of them.
        top_p: draw among the fewest tokens whose probabilities sum to top_p.
        min_p: draw among the tokens that are at least min_p times as probable as the most probable one.
        typical_p: draw among the tokens whose surprise is nearest to its mean, the fewest that sum to typical_p.
        length_penalty: a, in the normalisation by length.
        length_normalization: what the sum of log-probabilities of a beam is divided by when it has n new tokens, the end
            included: "hf": n^a; "gnmt": ((5 + n) / 6)^a; "mean": n; "none": 1.
        early_stopping: when a beam search ends that has found num_beams sequences: True: at once; False: when no beam is
            better at its present length; "never": when no beam can become better.
        coverage_penalty: b: a sequence's score gains b sum_j log(min(1, sum_t a_tj)), with the attention a that steps return.
        repetition_penalty: scores of tokens that occurred are divided by it, negative ones multiplied.
        frequency_penalty: what a score loses for each time that its token has been written.
        presence_penalty: what a score loses if its token has been written.
        no_repeat_ngram_size: n: no n tokens occur twice in a row; 0: off.
        ngram_penalty: what a score loses for each time that its n-gram has occurred, instead of being forbidden.
        bad_words_ids: sequences of tokens that must not be written.
        suppress_tokens: tokens that must not be written.
        begin_suppress_tokens: tokens that must not be written first, or first after `forced_bos_token_id`.
        forced_bos_token_id: the token that is written first, whatever is forbidden but by suppress_tokens; to a beam search it
            is certain, and adds nothing to scores.
        forced_eos_token_id: the token that is written last, where max_new_tokens ends a sequence; as the one before.
        renormalize_logits: whether probabilities sum to 1 again after tokens were forbidden; it changes the scores of beams.
        prefix_allowed_tokens_fn: a function (number of the prompt, ids so far) -> ids that may follow.
        stop_strings: texts that end a sequence in which they occur; needs `tokenizer`. Not for beams.
        tokenizer: an object whose decode(ids) makes text, and encode(text) ids where prompts are texts; default: that of the
            model.
        assistant_model: a smaller model of the same vocabulary that proposes tokens, which the model accepts or replaces:
            the same tokens, or draws from the same distribution, in fewer steps. A step function must need no state, or
            have a method `score` (see `Start`).
        num_assistant_tokens: how many tokens it proposes at a time.
        return_attention: whether the result has the attention of new tokens.
        return_tree: whether the result has the trees of beam searches.
        seed: of the draws; default: drawn from `seqnn.random`. Draws depend on the seed, the prompt, how many equal ones
            come before it, and the position, but not on the other prompts.

    Raises:
        ValueError: a value is out of bounds, or two contradict each other.

    Sources: Vijayakumar et al., "Diverse beam search", 2016; Holtzman et al., "The curious case of neural text
    degeneration", 2020; Meister et al., "Locally typical sampling", 2023; Nguyen et al., "Min-p sampling", 2024;
    Wu et al., "Google's neural machine translation system", 2016; Kool et al., "Stochastic beams", 2019; Leviathan et al.,
    "Fast inference from transformers via speculative decoding", 2023.

    >>> from seqnn import decode
    >>> decode.Options(max_new_tokens=5, num_beams=4)
    Options(max_new_tokens=5, num_beams=4)
    """

    max_new_tokens = Integer(None, minimum=0)
    min_new_tokens = Integer(0)
    eos_token_id = TokenIds()
    pad_token_id = Integer(None)
    do_sample = Flag(False)
    num_beams = Integer(1, minimum=1)
    num_beam_groups = Integer(1, minimum=1)
    diversity_penalty = Number(0.0, minimum=0)
    num_return_sequences = Integer(1, minimum=1)
    temperature = Number(1.0, minimum=0)
    top_k = Integer(None, minimum=1)
    top_p = Number(None, above=0, maximum=1)
    min_p = Number(None, minimum=0, maximum=1)
    typical_p = Number(None, above=0, maximum=1)
    length_penalty = Number(1.0)
    length_normalization = Choice("hf", ("hf", "gnmt", "mean", "none"))
    early_stopping = Anything(False, _stopping)
    coverage_penalty = Number(0.0, minimum=0)
    repetition_penalty = Number(1.0, above=0)
    frequency_penalty = Number(0.0)
    presence_penalty = Number(0.0)
    no_repeat_ngram_size = Integer(0)
    ngram_penalty = Number(None, minimum=0)
    bad_words_ids = Words()
    suppress_tokens = TokenIds()
    begin_suppress_tokens = TokenIds()
    forced_bos_token_id = Integer(None)
    forced_eos_token_id = Integer(None)
    renormalize_logits = Flag(False)
    prefix_allowed_tokens_fn = Function("(number of the prompt, ids) -> ids")
    stop_strings = Texts()
    tokenizer = Anything(None, _tokenizer)
    assistant_model = Anything(None, _assistant)
    num_assistant_tokens = Integer(5, minimum=1)
    return_attention = Flag(False)
    return_tree = Flag(False)
    seed = Integer(None, maximum=2**63 - 1)

    _checks_at_once = True
    _unknown = "{kind} got an unexpected keyword argument {name!r}"
    _renamed: ClassVar[Mapping[str, str]] = {
        "max_length": "max_new_tokens", "max_tokens": "max_new_tokens", "min_length": "min_new_tokens",
        "beam_size": "num_beams", "beam_width": "num_beams", "num_hypotheses": "num_return_sequences",
        "sampling_temperature": "temperature", "sampling_topk": "top_k", "sampling_topp": "top_p",
        "stop": "stop_strings", "end_token": "eos_token_id", "draft_model": "assistant_model", "random_state": "seed",
    }  # fmt: skip

    @with_hints
    def __init__(
        self,
        *,
        max_new_tokens: int | None = None,
        min_new_tokens: int = 0,
        eos_token_id: Any = (),
        pad_token_id: int | None = None,
        do_sample: bool = False,
        num_beams: int = 1,
        num_beam_groups: int = 1,
        diversity_penalty: float = 0.0,
        num_return_sequences: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        typical_p: float | None = None,
        length_penalty: float = 1.0,
        length_normalization: str = "hf",
        early_stopping: Any = False,
        coverage_penalty: float = 0.0,
        repetition_penalty: float = 1.0,
        frequency_penalty: float = 0.0,
        presence_penalty: float = 0.0,
        no_repeat_ngram_size: int = 0,
        ngram_penalty: float | None = None,
        bad_words_ids: Any = (),
        suppress_tokens: Any = (),
        begin_suppress_tokens: Any = (),
        forced_bos_token_id: int | None = None,
        forced_eos_token_id: int | None = None,
        renormalize_logits: bool = False,
        prefix_allowed_tokens_fn: Any = None,
        stop_strings: Any = (),
        tokenizer: Any = None,
        assistant_model: Any = None,
        num_assistant_tokens: int = 5,
        return_attention: bool = False,
        return_tree: bool = False,
        seed: int | None = None,
    ) -> None:
        self._store(locals())
        self._agree()

    def _store(self, given: Mapping[str, Any]) -> None:
        """Keep what is given; defaults need no check, which would take as long as some steps."""
        for name, setting in self._settings.items():
            if given[name] is not setting.default:
                setattr(self, name, given[name])

    def _agree(self) -> None:
        """Refuse options that contradict each other."""
        beams, groups = self.num_beams, self.num_beam_groups
        if beams % groups:
            raise ValueError(f"num_beam_groups: expected a divisor of num_beams={beams}, got {groups}")
        if groups > 1 and self.do_sample:
            raise ValueError("num_beam_groups: expected 1 with do_sample=True: groups are not drawn")
        if self.diversity_penalty and groups == 1:
            raise ValueError("diversity_penalty: needs num_beam_groups of 2 or more")
        most = beams if beams > 1 else None if self.do_sample else 1
        if most is not None and self.num_return_sequences > most:
            raise ValueError(
                f"num_return_sequences: expected at most num_beams={beams} without sampling, "
                f"got {self.num_return_sequences}"
            )
        drawing = ("temperature", "top_k", "top_p", "min_p", "typical_p")
        given = [name for name in drawing if getattr(self, name) not in (None, 1.0)]
        if given and not self.do_sample:
            raise ValueError(f"{given[0]}: needs do_sample=True, as nothing is drawn without it")
        if self.temperature == 0 and beams > 1:
            raise ValueError("temperature: expected a number > 0 with num_beams, got 0.0")
        if self.ngram_penalty is not None and not self.no_repeat_ngram_size:
            raise ValueError("ngram_penalty: needs no_repeat_ngram_size")
        if self.stop_strings and (self.tokenizer is None or beams > 1):
            raise ValueError("stop_strings: needs a tokenizer, and num_beams=1")
        if self.return_tree and beams == 1:
            raise ValueError("return_tree: needs num_beams of 2 or more")
        if self.assistant_model is not None and (beams > 1 or self.return_attention):
            raise ValueError("assistant_model: needs num_beams=1 and return_attention=False")
        if self.max_new_tokens is None and not (self.eos_token_id or self.stop_strings):
            raise ValueError("max_new_tokens: expected a limit, as there is no eos_token_id that ends a sequence")
        if self.max_new_tokens is None and (self.early_stopping == "never" or self.forced_eos_token_id is not None):
            raise ValueError("max_new_tokens: expected a limit with early_stopping='never' and forced_eos_token_id")

    def plain(self) -> SimpleNamespace:
        """Return the values as plain attributes, and `padding`, the token that fills sequences up."""
        values = SimpleNamespace(**{name: getattr(self, name) for name in self._settings})  # checked when they were set
        values.padding = (*self.eos_token_id, 0)[0] if self.pad_token_id is None else self.pad_token_id
        return values
