"""Every kind of file that seqnn writes: something small that is written, and what is asked of it when it is open again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from estimator_cases import CASES, GENERATORS, SERIES, TRANSFORMERS

import seqnn
from seqnn import (
    Doc2Vec,
    FastText,
    GloVe,
    KeyedVectors,
    TaggedDocument,
    Word2Vec,
    embed,
    nn,
    ops,
    optim,
    text,
    train,
    tune,
)
from seqnn.lm import NGramLM
from seqnn.models import GPT, AnomalyDetector, CRFTagger, FastTextClassifier

SENTENCES = [["the", "cat", "sat"], ["the", "dog", "sat", "on", "the", "cat"], ["a", "dog", "ran"]] * 5
MANY = [f"word{i} word{i + 1}" for i in range(260)]  # bytes stand for 256 rows or more
LINES = [" ".join(sentence) for sentence in SENTENCES]
SMALL = {"vector_size": 4, "min_count": 1, "epochs": 2, "seed": 1, "verbose": 0}
DRAW = np.random.default_rng(0)
IDS = np.arange(10).reshape(2, 5)
POINTS = DRAW.standard_normal((6, 4)).astype(np.float32)
TARGETS = np.arange(6) % 2
STATES = DRAW.standard_normal((1, 3, 8)).astype(np.float32)


REPEATED = (  # large, and of a class that others have a file of
    "labels of words", "captions without attention", "residual blocks", "pairs or not", "classes by convolutions",
)  # fmt: skip
ESTIMATORS = {name: case for name, case in (CASES | TRANSFORMERS | GENERATORS).items() if name not in REPEATED}


class Kind(NamedTuple):
    """A kind of file: its name in the folder, what writes one, and what opens one and asks the object in it."""

    name: str
    write: Callable[[Path], Any]
    ask: Callable[[Path], Any]


# Estimators.


def fitted(name: str) -> Any:
    """Return a fitted estimator of `estimator_cases`."""
    estimator, x, y = ESTIMATORS[name]
    estimator = copy.deepcopy(estimator)
    with seqnn.random.seeded(0):
        return estimator.fit(x) if y is None else estimator.fit(x, y)


def ask_estimator(name: str, path: Path) -> list[Any]:
    """Return what the estimator in a file says about its data."""
    given, x, y = ESTIMATORS[name]
    networks = {n: copy.deepcopy(getattr(given, n)) for n in ("generator", "discriminator") if name in GENERATORS}
    estimator = type(given).load(path, **networks)
    if isinstance(estimator, AnomalyDetector):
        return [estimator.errors(x)]
    if name in TRANSFORMERS:
        return [estimator.transform(x[:6])]
    if name in GENERATORS:
        return [estimator.discriminate(x[:6])]
    if y is None:
        return [estimator.predict(5)]
    if SERIES is x:
        return [estimator.historical_forecasts(x)]
    return [getattr(estimator, ask)(x[:6]) for ask in ("predict", "predict_proba") if hasattr(estimator, ask)]


def estimator_kinds() -> list[Kind]:
    """Return a kind for each estimator."""
    return [
        Kind(
            f"{name.replace(',', '').replace(' ', '_')}.safetensors",
            lambda path, name=name: fitted(name).save(path),
            lambda path, name=name: ask_estimator(name, path),
        )
        for name in ESTIMATORS
    ]


# Word vectors and language models.


def vectors() -> KeyedVectors:
    """Return vectors of five words."""
    return KeyedVectors.from_arrays(["the", "cat", "sat", "dög", "on"], DRAW.standard_normal((5, 3)).astype(np.float32))


def documents() -> list[TaggedDocument]:
    return [TaggedDocument(words, [f"d{i}"]) for i, words in enumerate(SENTENCES)]


def table(model: Any) -> list[Any]:
    """Return the words and vectors of a model."""
    wv = getattr(model, "wv", model)
    return [list(wv.index_to_key), wv.vectors]


def classifier(lines: list[str] = LINES) -> FastTextClassifier:
    """Return a classifier of texts."""
    given = FastTextClassifier(vector_size=4, epochs=1, word_ngrams=2, bucket=20, deterministic=True)
    return given.fit(lines, [line[-1] for line in lines])


def scores(model: NGramLM) -> list[float]:
    return [model.score(line) for line in (*LINES[:3], "a cat ran", "unseen words")]


def trained(kind: type, corpus: Any = SENTENCES, **settings: Any) -> Callable[[Path], Any]:
    return lambda path: kind(corpus, **SMALL | settings, workers=1).save(path)


WORDS = [
    Kind("vectors.safetensors", lambda path: vectors().save(path), lambda path: table(KeyedVectors.load(path))),
    Kind(
        "vectors.txt",
        lambda path: vectors().save_word2vec_format(path),
        lambda path: table(KeyedVectors.load_word2vec_format(path)),
    ),
    Kind(
        "vectors.bin",
        lambda path: vectors().save_word2vec_format(path, binary=True),
        lambda path: table(KeyedVectors.load_word2vec_format(path, binary=True)),
    ),
    Kind("word2vec.safetensors", trained(Word2Vec), lambda path: table(Word2Vec.load(path))),
    Kind("word2vec_hs.safetensors", trained(Word2Vec, hs=1, negative=0), lambda path: table(Word2Vec.load(path))),
    Kind(
        "fasttext.safetensors",
        trained(FastText, bucket=20),
        lambda path: [*table(model := FastText.load(path)), model.wv["dogs"]],
    ),
    Kind(
        "fasttext.bin",
        lambda path: embed.save_facebook_model(FastText(SENTENCES, **SMALL, bucket=20), path),
        lambda path: [*table(model := embed.load_facebook_model(path)), model.wv["dogs"]],
    ),
    Kind("glove.safetensors", trained(GloVe), lambda path: table(GloVe.load(path))),
    Kind(
        "doc2vec.safetensors",
        lambda path: Doc2Vec(documents(), **SMALL).save(path),
        lambda path: [*table(model := Doc2Vec.load(path)), *table(model.dv)],
    ),
    Kind(
        "cooccurrence.npz",
        lambda path: seqnn.Cooccurrence.from_any(([0, 1, 2], [1, 0, 2], [2.0, 2.0, 0.5])).save(path),
        lambda path: [*seqnn.Cooccurrence.load(path)],
    ),
    Kind(
        "classifier.bin",
        lambda path: classifier().save(path),
        lambda path: FastTextClassifier.load(path).predict_proba(LINES[:3]),
    ),
    Kind(
        "classifier.ftz",
        lambda path: classifier(MANY).quantize().save(path),
        lambda path: FastTextClassifier.load(path).predict_proba(MANY[:3]),
    ),
    Kind("ngrams.safetensors", lambda path: NGramLM(3).fit(LINES).save(path), lambda path: scores(NGramLM.load(path))),
    Kind("ngrams.arpa", lambda path: NGramLM(3).fit(LINES).save_arpa(path), lambda path: scores(NGramLM.load(path))),
    Kind(
        "tagger.crfsuite",
        lambda path: fitted("tags by features").save_crfsuite(path),
        lambda path: CRFTagger.load_crfsuite(path).predict(CASES["tags by features"][1]),
    ),
]

# Texts.


def phrases() -> text.Phrases:
    return text.Phrases(SENTENCES, min_count=1, threshold=0.1)


TEXTS = [
    Kind(
        "vocabulary.json",
        lambda path: text.Vocabulary.from_tokens(SENTENCES).save(path),
        lambda path: [(found := text.Vocabulary.load(path)).words, found.counts],
    ),
    Kind("phrases.safetensors", lambda path: phrases().save(path), lambda path: text.Phrases.load(path)[SENTENCES[1]]),
    Kind(
        "frozen_phrases.safetensors",
        lambda path: phrases().freeze().save(path),
        lambda path: text.FrozenPhrases.load(path)[SENTENCES[1]],
    ),
    Kind(
        "tokenizer.json",
        lambda path: text.SubwordTokenizer.train(LINES, vocab_size=270).save(path),
        lambda path: text.SubwordTokenizer.load(path).encode(LINES[0]),
    ),
]

# Networks.


def network() -> nn.Module:
    with seqnn.random.seeded(1):
        return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.LSTM(3, 2, batch_first=True))


def ask_network(path: Path) -> Any:
    module = network()
    module[0].weight.data[...] = 0
    module.load(path)
    return module(POINTS[None])[0].numpy()


def trainer(optimizer: Callable[..., Any]) -> train.Trainer:
    with seqnn.random.seeded(2):
        model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.1), nn.Linear(3, 2))
    return train.Trainer(model, ops.cross_entropy, optimizer(model.parameters(), lr=0.05), clip_norm=1.0, verbose=0)


def write_checkpoint(optimizer: Callable[..., Any], path: Path) -> None:
    running = trainer(optimizer)
    with seqnn.random.seeded(3):
        running.fit((POINTS, TARGETS), epochs=2)
    running.save(path)


def ask_checkpoint(optimizer: Callable[..., Any], path: Path) -> list[Any]:
    running = trainer(optimizer)
    running.resume(path)
    with seqnn.random.seeded(4):
        running.fit((POINTS, TARGETS), epochs=4)
    return [p.numpy() for p in running.model.parameters()]


def checkpoint(name: str) -> Kind:
    optimizer = getattr(optim, name)
    return Kind(
        f"checkpoint_{name.lower()}.safetensors",
        lambda path: write_checkpoint(optimizer, path),
        lambda path: ask_checkpoint(optimizer, path),
    )


def adapted() -> tune.Adapters:
    with seqnn.random.seeded(5):
        model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 8), 1).eval()
    return tune.Adapters(model)


def write_adapter(config: Any, path: Path) -> None:
    adapters = adapted()
    adapters.add("kept", config)
    for p in adapters.model.parameters():
        if p.requires_grad:
            p.data[...] = np.cos(np.arange(p.size)).reshape(p.shape)
    adapters.save(path)


def ask_adapter(path: Path) -> Any:
    adapters = adapted()
    adapters.load(path)
    return adapters.model(STATES).numpy()


def adapter(name: str, config: Any) -> Kind:
    return Kind(name, lambda path: write_adapter(config, path), ask_adapter)


def gpt() -> GPT:
    with seqnn.random.seeded(8):
        return GPT(12, max_positions=8, d_model=8, nhead=2, num_layers=1).eval()


NETWORKS = [
    Kind("network.safetensors", lambda path: network().save(path), ask_network),
    *(checkpoint(name) for name in ("SGD", "Adam", "AdamW", "Adagrad", "RMSprop")),
    adapter("lora", tune.LoRA(r=2)),
    adapter("bottleneck", tune.Bottleneck(reduction_factor=4)),
    adapter("prefix", tune.PrefixTuning(2)),
    Kind(
        "gpt",
        lambda path: gpt().save_huggingface(path),
        lambda path: GPT.from_huggingface(path)(IDS).numpy(),
    ),
]

KINDS = [*WORDS, *TEXTS, *NETWORKS, *estimator_kinds()]
