"""Vectors of a large text made fit for captions by few of these: seconds against gensim; `--quality`: which word is missing?

A question is a caption of the test without one word, and ten words to choose from, the missing one and nine others: the one
whose vector has the largest cosine with the sum of those of the caption is taken. Unknown words are never right.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks import peers, quality, text
from benchmarks.captions import SHARED, sentences
from benchmarks.case import Case, Measured, Options, timed
from benchmarks.torch_peer import ours
from seqnn import GloVe, KeyedVectors, Word2Vec

SIZE, EVERY, CAPTIONS, CHOICES = 100, 8, 3_000, 10
SETTINGS = {"vector_size": SIZE, "min_count": 2}
WORD2VEC = SETTINGS | {"sg": 1, "alpha": 0.1, "epochs": 10}
GLOVE = SETTINGS | {"x_max": 10, "epochs": 25}
MITTENS = 0.01
BAND = 0.009
"""The standard deviation of the share of 3,000 questions."""


@dataclass(frozen=True)
class Question:
    """The other words of a caption, and the words to choose from, the right one first."""

    context: list[str]
    choices: list[str]


def cases(options: Options) -> Iterator[Case]:
    """Yield the training of skip-gram from given vectors."""
    corpus, _ = captions(options.quick)
    given = general(options)
    words = sum(map(len, corpus)) * WORD2VEC["epochs"]
    for threads in options.threads:
        yield Case(
            "adapt vectors to captions, skip-gram",
            ours(lambda: word2vec(corpus, given, 1).vectors, threads),
            {"gensim": theirs(corpus, given, threads)},
            check=alike, work=words, work_unit="words", threads=threads, data=f"{len(corpus)} captions",
        )  # fmt: skip


def quality_rows(options: Options, known: dict) -> Iterator[quality.Row]:
    """Yield the share of right answers of adapted vectors, against vectors from nothing and those that were given."""
    corpus, held = captions(options.quick)
    asked = questions(corpus, held)
    for name, train, given in (
        ("skip-gram", word2vec, general(options)),
        (f"GloVe, mittens={MITTENS}", glove, general_glove(options)),
    ):
        as_given = [share(given, asked)] * 3
        alone, fit = ([share(train(corpus, start, seed), asked) for seed in (1, 2, 3)] for start in (None, given))
        case = f"{name} on {len(corpus)} captions, from vectors of a text"
        yield quality.Row(case, "seqnn from scratch", "missing words found", fit, alone, BAND)
        yield quality.Row(case, "seqnn unadapted", "missing words found", fit, as_given, BAND)


def captions(quick: bool) -> tuple[list[list[str]], list[list[str]]]:
    """Return captions to train on and captions to ask about, as lists of words."""
    lines = [line.removesuffix(".").split() for line in sentences(2_000 if quick else 30_000)]
    if SHARED.exists():
        held = SHARED.with_name("test.en").read_text(encoding="utf-8").splitlines()
        return lines[: 1_000 if quick else CAPTIONS], [line.removesuffix(".").split() for line in held]
    return lines[:CAPTIONS], lines[-1_000:]


def general(options: Options) -> KeyedVectors:
    """Return vectors of a text about everything."""
    corpus = text.thinned(options.folder, EVERY)
    return Word2Vec(str(corpus.path), vector_size=SIZE, sg=1, epochs=1 if options.quick else 3, verbose=0).wv


def general_glove(options: Options) -> KeyedVectors:
    """Return GloVe's vectors of a text about everything."""
    corpus = text.thinned(options.folder, EVERY)
    return GloVe(str(corpus.path), vector_size=SIZE, epochs=1 if options.quick else 15, verbose=0).wv


def questions(corpus: list[list[str]], held: list[list[str]]) -> list[Question]:
    """Return a question for each word of the test that is neither rare nor frequent."""
    counts = Counter(word for words in corpus for word in words)
    asked = [word for word, count in counts.items() if 3 <= count <= len(corpus) / 50]
    rng, some = np.random.default_rng(0), set(asked)
    found = []
    for words in held:
        for place, word in enumerate(words):
            if word in some:
                others = [asked[i] for i in rng.integers(len(asked), size=CHOICES - 1)]
                context = [w for w in words[:place] + words[place + 1 :] if counts[w] < len(corpus) / 10]
                found.append(Question(context, [word, *others]))
    return found


def share(wv: KeyedVectors, asked: list[Question]) -> float:
    """Return the share of questions that vectors answer."""
    unit = KeyedVectors.from_arrays(wv.index_to_key, wv.get_normed_vectors())
    right = 0
    for question in asked:
        context = [word for word in question.context if word in unit]
        if not context or question.choices[0] not in unit:
            continue
        mean = unit[context].sum(axis=0)
        scores = [float(unit[word] @ mean) if word in unit else -np.inf for word in question.choices]
        right += scores[0] > max(scores[1:])
    return right / len(asked)


def word2vec(corpus: list[list[str]], given: KeyedVectors | None, seed: int) -> KeyedVectors:
    """Train skip-gram."""
    return Word2Vec(corpus, **WORD2VEC, pretrained=given, seed=seed, verbose=0).wv


def glove(corpus: list[list[str]], given: KeyedVectors | None, seed: int) -> KeyedVectors:
    """Train GloVe, near the vectors that are given."""
    strength = 0.0 if given is None else MITTENS
    return GloVe(corpus, **GLOVE, pretrained=given, mittens=strength, seed=seed, verbose=0).wv


def theirs(corpus: list[list[str]], given: KeyedVectors, threads: int) -> Callable[[], Measured] | None:
    """Return gensim's side: known vectors are copied in, then it trains."""
    if not peers.installed("gensim"):
        return None
    import gensim

    def train() -> np.ndarray:
        model = gensim.models.Word2Vec(**WORD2VEC, workers=threads)
        model.build_vocab(corpus)
        for row, word in enumerate(model.wv.index_to_key):
            if word in given:
                model.wv.vectors[row] = given[word]
        model.train(corpus, total_examples=len(corpus), epochs=model.epochs)
        return model.wv.vectors

    return timed(train)


def alike(mine: np.ndarray, theirs: np.ndarray) -> float:
    """Check that the vectors are as long on average; return the difference."""
    lengths = [float(np.linalg.norm(vectors, axis=1).mean()) for vectors in (mine, theirs)]
    assert abs(lengths[0] - lengths[1]) < 0.3 * lengths[1], lengths
    return lengths[0] - lengths[1]
