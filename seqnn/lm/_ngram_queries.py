"""What a fitted n-gram model answers: scores of sentences, perplexity, the next word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from .._arguments import flag
from .._settings import Settings
from .._threads import threads
from ..decode import Start, left_padded
from ..text import Vocabulary, encoded_of, files_of, split_words
from ._generation import generate
from ._ngram_count import BOS, EOS, UNK
from ._ngram_fit import Model, Tokenizer, read
from ._ngram_score import WordScore

Sentence = str | Sequence[str]


class TextScore(NamedTuple):
    """A text as a model scores it. It is printed with all its figures.

    Args:
        sentences: how many there are.
        tokens: words, and an end for each sentence.
        unknown: words that the model does not know.
        log_prob: the log10 probability of all tokens.
        perplexity: 10 ** (-log_prob / tokens).
        log_prob_known: the same without the unknown words.
        perplexity_known: the same without the unknown words.

    >>> from seqnn.lm import NGramLM
    >>> model = NGramLM(order=2, smoothing="laplace").fit(["a b", "a c"])
    >>> print(round(model.evaluate(["a b"]).perplexity, 4))
    2.9044
    """

    sentences: int
    tokens: int
    unknown: int
    log_prob: float
    perplexity: float
    log_prob_known: float
    perplexity_known: float

    @classmethod
    def joined(cls, parts: Iterable[TextScore]) -> TextScore:
        """Add up the scores of parts of a text.

        Args:
            parts: what `NGramLM.evaluate` returned for each.

        Returns:
            The score of the whole text.
        """
        counts = [sum(values) for values in zip((0, 0, 0, 0.0, 0.0), *(part._sums for part in parts), strict=True)]
        return cls._of(*counts)

    @property
    def _sums(self) -> tuple[int, int, int, float, float]:
        return self.sentences, self.tokens, self.unknown, self.log_prob, self.log_prob_known

    @classmethod
    def _of(cls, sentences: int, tokens: int, unknown: int, log_prob: float, known: float) -> TextScore:
        perplexities = _perplexity(log_prob, tokens), _perplexity(known, tokens - unknown)
        return cls(sentences, tokens, unknown, log_prob, perplexities[0], known, perplexities[1])


class Queries(Settings):
    """Base of `NGramLM`: what it can be asked once it has learnt something."""

    workers: int | None
    _model: Model | None

    @property
    def _fitted(self) -> Model:
        if self._model is None:
            raise RuntimeError("NGramLM has not learnt anything yet: call fit or load first")
        return self._model

    @property
    def vocabulary_(self) -> Vocabulary:
        return self._fitted.vocabulary

    @property
    def ngram_counts_(self) -> list[int]:
        return self._fitted.scorer.trie.counts

    @property
    def discounts_(self) -> np.ndarray | None:
        return self._fitted.discounts

    def score(self, sentence: Sentence, *, bos: bool = True, eos: bool = True) -> float:
        """Return the log10 probability of a sentence.

        Args:
            sentence: tokens, or a string, which is split at ASCII white space.
            bos: begin after "<s>", not in the middle of a sentence (default True).
            eos: include the end of the sentence, "</s>" (default True).

        Returns:
            The sum over the words; -inf where a word has the probability 0.

        Raises:
            TypeError: neither a string nor a list of strings.

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2).fit(["to be or not to be"] * 3)
        >>> model.score("to be") > model.score("be to")
        True
        """
        ids = self._ids(sentence)
        scores, _, _ = self._fitted.scorer.texts(ids, np.array([0, len(ids)]), bos, eos)
        return float(scores[0])

    def scores(
        self, sentences: Any, *, bos: bool = True, eos: bool = True, tokenizer: Tokenizer = split_words
    ) -> np.ndarray:
        """Return the log10 probability of each of many sentences, on all threads.

        Args:
            sentences: any corpus that `fit` takes.
            bos, eos: as for `score`.
            tokenizer: makes a list of tokens of a string (default: split at ASCII white space).

        Returns:
            A number for each sentence, float64 [sentences].

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2).fit(["to be or not to be"] * 3)
        >>> model.scores(["to be", "not to be"]).shape
        (2,)
        """
        ids, offsets = self._encoded(sentences, tokenizer)
        with threads(self.workers):
            return self._fitted.scorer.texts(ids, offsets, bos, eos)[0]

    def full_scores(self, sentence: Sentence, *, bos: bool = True, eos: bool = True) -> list[WordScore]:
        """Return what `score` is made of, word by word.

        Args:
            sentence, bos, eos: as for `score`.

        Returns:
            For each word its log10 probability, the length of the longest n-gram that ends with it, and whether it is
            unknown.

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2).fit(["to be or not to be"] * 3)
        >>> [(word.ngram_length, word.oov) for word in model.full_scores("to see")]
        [(2, False), (1, True), (1, False)]
        """
        ids = self._ids(sentence)
        _, log_probs, lengths = self._fitted.scorer.texts(ids, np.array([0, len(ids)]), bos, eos, each_word=True)
        unknown = [*(ids == UNK).tolist(), *[False] * eos]
        return [WordScore(*word) for word in zip(log_probs.tolist(), lengths.tolist(), unknown, strict=True)]

    def evaluate(self, sentences: Any, *, tokenizer: Tokenizer = split_words) -> TextScore:
        """Score a text as a whole, with the figures that KenLM's `query` prints.

        Args:
            sentences: any corpus that `fit` takes; for a single sentence a list with it.
            tokenizer: as for `scores`.

        Returns:
            Counts of sentences, tokens and unknown words; log10 probability and perplexity with and without the latter.

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2, smoothing="laplace").fit(["a b", "a c"])
        >>> found = model.evaluate(["a b", "a x"])
        >>> found.tokens, found.unknown, round(found.perplexity, 4)
        (6, 1, 3.5498)
        """
        ids, offsets = self._encoded(sentences, tokenizer)
        with threads(self.workers):
            scores, log_probs, _ = self._fitted.scorer.texts(ids, offsets, True, True, each_word=True)
        unknown = np.flatnonzero(ids == UNK)
        places = unknown + np.searchsorted(offsets, unknown, "right") - 1  # each sentence before has an end, too
        known = np.delete(log_probs, places).sum(dtype=np.float64)
        return TextScore._of(len(scores), len(log_probs), len(unknown), float(scores.sum()), float(known))

    def perplexity(self, sentences: Any, *, include_oov: bool = True, tokenizer: Tokenizer = split_words) -> float:
        """Return the perplexity of sentences, 10 ** (-log10 probability / words), where each "</s>" is a word.

        Args:
            sentences: any corpus that `fit` takes; for a single sentence a list with it.
            include_oov: count words that the model does not know, too (default True).
            tokenizer: as for `scores`.

        Returns:
            The perplexity; infinite where a word has the probability 0, NaN for no sentence at all.

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2, smoothing="mle").fit(["a b", "a c"])
        >>> round(model.perplexity(["a b"]), 4)
        1.2599
        """
        found = self.evaluate(sentences, tokenizer=tokenizer)
        return found.perplexity if include_oov else found.perplexity_known

    def next_word_distribution(self, context: Sentence = (), *, bos: bool = True) -> np.ndarray:
        """Return the probability of each word of `vocabulary_` after some words.

        Args:
            context: tokens or a string, the words before.
            bos: the context begins a sentence (default True).

        Returns:
            Probabilities, float64 [V]; that of "<s>" is 0.

        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=2, smoothing="mle").fit(["a b", "a c"])
        >>> dict(zip(model.vocabulary_.words, model.next_word_distribution("a").round(6).tolist()))
        {'<unk>': 0.0, '<s>': 0.0, '</s>': 0.0, 'a': 0.0, 'b': 0.5, 'c': 0.5}
        """
        scorer = self._fitted.scorer
        ids = np.concatenate([[BOS] * flag("bos", bos), self._ids(context)]).astype(np.int32)
        return np.exp(scorer.distribution(scorer.states(ids[None]))[0].astype(np.float64))

    def generate(
        self,
        prompt: Sentence = (),
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Draw the rest of a sentence; "<unk>" is never drawn, and a sentence that nothing else can follow ends.

        Args:
            prompt: tokens or a string, the words that the sentence begins with.
            max_new_tokens: stop after that many words, if the sentence has not ended before (default 100).
            temperature: draw from p ** (1 / temperature) (default 1); 0 takes the most probable word.
            top_k: draw from the k most probable words only.
            top_p: draw from the fewest most probable words that have together at least this probability.
            seed: equal seeds draw equal words; None: a new draw each time, after `seqnn.random.seed` the same ones.

        Returns:
            The new words.

        Raises:
            ValueError: an option out of its range; a prompt that nothing can follow (a model without smoothing).

        >>> from seqnn.lm import NGramLM
        >>> NGramLM(order=2).fit(["to be or not to be"] * 3).generate("or", temperature=0, max_new_tokens=2)
        ['not', 'to']
        """
        scorer = self._fitted.scorer
        ids = np.concatenate([[BOS], self._ids(prompt)]).astype(np.int32)
        drawn = generate(scorer, ids, max_new_tokens, temperature, top_k, top_p, seed)
        return [self.vocabulary_.words[i] for i in drawn]

    def step(self, ids: Any, state: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Score every word as the next one of some texts: a step function for decoding.

        Args:
            ids: numbers of the words so far [rows, t], with "<s>" (1) where a text begins. The last one of each row is
                new; without a state all are.
            state: what the last call returned; rows may be taken from it in any order, as `ids`' are.

        Returns:
            Natural logarithms of the probabilities (float32 [rows, V]), and the state (uint32 [rows, order - 1]).

        Raises:
            ValueError: numbers that are no words, a state of another model.

        >>> import numpy as np
        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=3).fit(["to be or not to be"] * 3)
        >>> log_probs, state = model.step(np.array([[1, 3]]))
        >>> model.vocabulary_.words[log_probs[0].argmax()]
        'be'
        """
        scorer = self._fitted.scorer
        ids = np.asarray(ids)
        if ids.ndim != 2 or ids.dtype.kind not in "iu":
            raise ValueError(f"ids: expected integers [rows, words], got {ids.dtype} of shape {ids.shape}")
        if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < len(self.vocabulary_):
            raise ValueError(f"ids: expected 0 to {len(self.vocabulary_) - 1}, got {ids.min()} to {ids.max()}")
        if state is None:
            state = scorer.states(ids)
        elif ids.shape[1] == 0:
            raise ValueError("ids: expected at least the new word of each row, got none")
        else:
            _, state = scorer.advance(state, ids[:, -1])
        return scorer.distribution(state), state

    @property
    def tokenizer(self) -> Vocabulary:
        """The words by their numbers, which make ids of texts for `decode.generate`."""
        return self.vocabulary_

    def start_decoding(self, prompts: list[np.ndarray], max_new_tokens: int | None) -> Start:
        """Return the beginning of decoding, for `decode.generate`: beam search, penalties, ...

        "<unk>" is never written, unless `suppress_tokens` says otherwise, and "</s>" ends.

        Args:
            prompts: numbers of words; "<s>" is put before those that do not begin with it.
            max_new_tokens: does not matter.

        >>> from seqnn import decode
        >>> from seqnn.lm import NGramLM
        >>> model = NGramLM(order=3).fit(["to be or not to be"] * 3)
        >>> decode.generate(model, "or", max_new_tokens=3, num_beams=3).texts
        ['not to be']
        """
        ids, begins = left_padded([p if p[0] == BOS else np.concatenate([[BOS], p]) for p in prompts])
        ids[np.arange(ids.shape[1]) < begins[:, None]] = BOS  # more of them change no probability
        return Start(
            ids, self.step, begins=begins, keys=prompts, score=self._score_several,
            alone=lambda i: self.start_decoding([prompts[i]], max_new_tokens),
            options={"eos_token_id": EOS, "suppress_tokens": [UNK]}, vocabulary=len(self.vocabulary_),
        )  # fmt: skip

    def _score_several(self, ids: np.ndarray, state: Any, count: int) -> tuple[np.ndarray, Any]:
        """Return the log-probabilities after each of the last `count` words [rows, count, V]; there is no state."""
        before = self._fitted.scorer.trie.order - 1
        padded = np.pad(ids, ((0, 0), (before, 0)), constant_values=BOS)
        windows = [padded[:, end - before : end] for end in range(padded.shape[1] - count + 1, padded.shape[1] + 1)]
        found, _ = self.step(np.stack(windows, axis=1).reshape(len(ids) * count, before))
        return found.reshape(len(ids), count, -1), None

    # Words and numbers.

    def kernel_arguments(self, words: Sequence[str]) -> dict[str, Any]:
        """Return what a kernel needs to score words by this model: its n-grams, and the numbers of the words.

        Args:
            words: each a token of the model; others count as "<unk>".

        >>> from seqnn.lm import NGramLM
        >>> NGramLM(order=2).fit(["to be or not to be"] * 3).kernel_arguments(["be", "see"])["words"].tolist()
        [4, 0]
        """
        scorer = self._fitted.scorer
        names = "nodes", "leaves", "order", "kind", "absent"
        return dict(zip(names, scorer._model, strict=True)) | {"words": self._ids(list(words))}

    def _ids(self, sentence: Sentence) -> np.ndarray:
        """Return the numbers of a sentence's words, UNK for unknown ones."""
        index = self._fitted.vocabulary.index
        tokens = split_words(sentence) if isinstance(sentence, str) else _tokens(sentence)
        return np.fromiter(map(index.get, tokens, repeat(UNK)), np.int32, len(tokens))

    def _encoded(self, sentences: Any, tokenizer: Tokenizer) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of many sentences' words, and where each sentence begins."""
        with threads(self.workers):
            if encoded_of(sentences) is None and files_of(sentences) is None:
                return self._fitted.word_index.encode(sentences, tokenizer)
            index = self._fitted.vocabulary.index
            corpus = read(sentences, tokenizer, self._checked())
            mapping = np.fromiter(map(index.get, corpus.words, repeat(UNK)), np.int32, len(corpus.words))
            return mapping[corpus.ids], corpus.offsets


def _tokens(sentence: Any) -> list[str]:
    """Return the tokens of a sentence. Raises TypeError for what is none."""
    if not isinstance(sentence, Iterable):
        raise TypeError(f"sentence: expected a list of tokens or a string, got {sentence!r:.80}")
    tokens = list(sentence)
    if not all(map(isinstance, tokens, repeat(str))):
        odd = next(token for token in tokens if not isinstance(token, str))
        raise TypeError(f"sentence: a token must be a string, got {type(odd).__name__}: {odd!r:.60}")
    return tokens


def _perplexity(log_prob: float, words: int) -> float:
    """Return 10 ** (-log_prob / words)."""
    if not words:
        return float("nan")
    return float(np.power(10.0, -log_prob / words))
