"""Every reader of files, by its name: what is called on a file, and small files to begin with, written by the package itself."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import seqnn
from seqnn import (
    FastText,
    FastTextClassifier,
    KeyedVectors,
    Phrases,
    Word2Vec,
    _safetensors,
    embed,
    metrics,
    models,
    nn,
)
from seqnn.embed._alignment._pairs import read_pairs
from seqnn.lm import NGramLM
from seqnn.text import Vocabulary, read_conll, scan

TEXT = "the cat sat on the mat\nthe dog sat on the log\n" * 4
RTE = "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n"
ADA = '{"question": "who", "passage": "Ada wrote.", "idx": 0, "label": true}\n'
SQUAD = {
    "data": [
        {"paragraphs": [{"context": "Ada wrote.", "qas": [{
            "id": "1", "question": "Who?", "is_impossible": False, "answers": [{"text": "Ada", "answer_start": 0}],
        }]}]}
    ]
}  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """What reads files of one kind.

    Attributes:
        read: is called with the path of a file.
        write: writes good files into a folder.
        suffix: of the files, where the reader looks at it.
    """

    read: Callable[[Path], Any]
    write: Callable[[Path], None]
    suffix: str = ""

    def seeds(self, folder: Path) -> Iterator[bytes]:
        """Yield the contents of good files."""
        folder.mkdir(exist_ok=True)
        self.write(folder)
        for path in sorted(folder.iterdir()):
            yield path.read_bytes()


def texts(**contents: str) -> Callable[[Path], None]:
    """Return what writes some texts."""

    def write(folder: Path) -> None:
        for name, content in contents.items():
            (folder / name).write_text(content)

    return write


def vectors() -> KeyedVectors:
    return KeyedVectors.from_arrays(["the", "cät", "sat"], np.eye(3, 4, dtype=np.float32), counts=[3, 2, 1])


def write_vectors(folder: Path) -> None:
    vectors().save_word2vec_format(folder / "text")
    vectors().save_word2vec_format(folder / "binary", binary=True)
    vectors().save_word2vec_format(folder / "glove", write_header=False)
    (folder / "packed").write_bytes(gzip.compress((folder / "glove").read_bytes()))


def read_all_vectors(path: Path) -> None:
    """Read a file as vectors of unknown format, and search them."""
    found = KeyedVectors.load(path)
    if len(found):
        found.most_similar(found.index_to_key[0], topn=2)


def corpus(folder: Path) -> str:
    path = folder / "corpus"
    path.write_text(TEXT)
    return str(path)


def write_fasttext(folder: Path) -> None:
    text = corpus(folder)
    model = FastText(corpus_file=text, vector_size=2, min_count=1, epochs=1, bucket=5, max_n=3, seed=1, verbose=0)
    embed.save_facebook_model(model, folder / "bin")
    Path(text).unlink()


def write_classifier(folder: Path) -> None:
    model = FastTextClassifier(vector_size=2, epochs=1, random_state=1, verbose=0)
    model.fit([f"w{i} {line}" for i, line in enumerate(TEXT.splitlines() * 40)], ["+", "-"] * 160)
    model.save(folder / "model")
    model.quantize().save(folder / "model.ftz")


def write_arpa(folder: Path) -> None:
    text = corpus(folder)
    NGramLM(order=3).fit(text).save_arpa(folder / "arpa")
    Path(text).unlink()


def read_lm(path: Path) -> None:
    NGramLM.load(path).score(["the", "cat", "sat"])


def write_lm(folder: Path) -> None:
    text = corpus(folder)
    NGramLM(order=2).fit(text).save(folder / "model")
    Path(text).unlink()


def tagger() -> models.CRFTagger:
    return models.CRFTagger(max_iterations=99).fit([[{"a": 1.0, "b": 2.0}, ["c"]], [["a"]]], [["B", "I"], ["O"]])


def read_crfsuite(path: Path) -> None:
    models.CRFTagger.load_crfsuite(path).predict([[["a"], ["c"]]])


def read_tagger(path: Path) -> None:
    models.CRFTagger.load(path).predict([[["a"], ["c"]]])


def write_models(folder: Path) -> None:
    text = corpus(folder)
    Word2Vec(corpus_file=text, vector_size=2, min_count=1, epochs=1, seed=1, verbose=0).save(folder / "word2vec")
    Path(text).unlink()


def read_model(path: Path) -> None:
    found = Word2Vec.load(path)
    if len(found.wv):
        found.wv.most_similar(found.wv.index_to_key[0], topn=2)


def gpt() -> models.GPT:
    with seqnn.random.seeded(0):
        return models.GPT(3, max_positions=2, d_model=2, nhead=1, num_layers=1, dim_feedforward=2)


def write_archive(folder: Path) -> None:
    gpt().save_huggingface(folder)
    state, _ = _safetensors.load(folder / "model.safetensors")
    for path in list(folder.iterdir()):
        path.unlink()
    np.savez(folder / "all", **state)


def write_config(folder: Path) -> None:
    gpt().save_huggingface(folder)
    (folder / "model.safetensors").unlink()


def read_config(path: Path) -> None:
    """Read a folder whose config.json is the file."""
    folder = path.with_name(f"{path.name} folder")
    if not folder.exists():
        gpt().save_huggingface(folder)
    (folder / "config.json").write_bytes(path.read_bytes())
    models.GPT.from_huggingface(folder)


READERS = {
    "vectors": Reader(read_all_vectors, write_vectors),
    "word2vec_binary": Reader(
        lambda path: KeyedVectors.load_word2vec_format(path, binary=True),
        lambda folder: vectors().save_word2vec_format(folder / "saved", binary=True),
    ),
    "counts": Reader(lambda path: embed.read_counts(path), texts(counts="the 3\ncat 2\n")),
    "keyed_vectors": Reader(read_all_vectors, lambda folder: vectors().save(folder / "saved")),
    "fasttext": Reader(lambda path: embed.load_facebook_vectors(path)["cats"], write_fasttext),
    "fasttext_model": Reader(embed.load_facebook_model, write_fasttext),
    "classifier": Reader(lambda path: FastTextClassifier.load(path).predict(["the cat"]), write_classifier),
    "arpa": Reader(read_lm, write_arpa),
    "ngram_lm": Reader(read_lm, write_lm),
    "crfsuite": Reader(read_crfsuite, lambda folder: tagger().save_crfsuite(folder / "model")),
    "estimator": Reader(read_tagger, lambda folder: tagger().save(folder / "model")),
    "word2vec": Reader(read_model, write_models),
    "cooccurrence": Reader(
        embed.Cooccurrence.load,
        lambda folder: embed.Cooccurrence.from_any(([1, 0, 1], [0, 1, 0], [0.5, 2, 1])).save(folder / "pairs"),
    ),
    "phrases": Reader(Phrases.load, lambda folder: Phrases([["the", "cat"]] * 9, min_count=1).save(folder / "saved")),
    "module": Reader(lambda path: nn.Linear(2, 3).load(path), lambda folder: nn.Linear(2, 3).save(folder / "saved")),
    "archive": Reader(lambda path: gpt().load_huggingface(path), write_archive, ".npz"),
    "config": Reader(read_config, write_config),
    "vocabulary": Reader(Vocabulary.load, lambda folder: Vocabulary(["a", "b"]).save(folder / "saved")),
    "conll": Reader(read_conll, texts(tags="Ada B-PER\nwrote O\n\n-DOCSTART- O\nYes O\n")),
    "glue": Reader(lambda path: metrics.read_glue("RTE", path), texts(rte=RTE)),
    "superglue": Reader(lambda path: metrics.read_superglue("BoolQ", path), texts(boolq=ADA)),
    "sts": Reader(metrics.read_sts, texts(sts="main\tnews\t2012\t1\t2.5\tone text\tanother\n")),
    "squad": Reader(metrics.read_squad, texts(squad=json.dumps(SQUAD))),
    "seat": Reader(embed.read_seat, texts(seat=json.dumps({
        name: {"category": name, "examples": ["one", "two"]} for name in ("targ1", "targ2", "attr1", "attr2")
    }))),
    "analogies": Reader(embed.read_analogies, texts(questions=": family\nking queen man woman\n")),
    "rated_pairs": Reader(embed.read_rated_pairs, texts(pairs="tiger\tcat\t7.35\nbook\tpaper\t7.46\n")),
    "outliers": Reader(embed.read_outliers, texts(groups="a\nb\n\nc\n")),
    "pairs": Reader(read_pairs, texts(pairs="the sat\nsat the\n")),
    "categories": Reader(embed.read_categories, texts(categories="cat animal\noak tree\n")),
    "text": Reader(lambda path: scan(str(path)), corpus),
}  # fmt: skip
