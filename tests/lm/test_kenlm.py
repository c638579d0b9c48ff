"""Agreement with KenLM: numbers that lmplz and its Python module gave, and direct comparisons where they are installed.

The numbers below: KenLM at commit 4cb443e (2025-03-30), `lmplz -o 3 --text text --arpa model.arpa` with the options
given, on `make_sentences(...)` with a line for each sentence; scores by `kenlm.Model("model.arpa")`.
A folder with lmplz, named by SEQNN_KENLM, has more models compared.
"""

import os
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ngram_reference import make_sentences

from seqnn.lm import NGramLM

TEXTS = ["w0 w1 w2", "", "w4 w12 w37 w3 w9", "w1 nowhere w3", "w2 w6 w18 w14 w2 w0 w0 w1 w3 w9 w27"]
CORPUS = (11, 1500, 6000, 12)
UNIGRAMS = [0.495003, 1.32405, 2.19989]
BIGRAMS = [0.88412, 1.45425, 1.65614]
CASES = {
    "order 3": (
        CORPUS, {"order": 3}, [3298, 8092, 8452], [UNIGRAMS, BIGRAMS, [0.965848, 1.50385, 2.07279]],
        [-5.392856597900391, -0.8583200573921204, -15.046235084533691, -7.670267105102539, -26.578453063964844],
    ),
    "order 5": (
        CORPUS, {"order": 5}, [3298, 8092, 8452, 7568, 6396],
        [UNIGRAMS, BIGRAMS, [0.969332, 1.46724, 2.35378], [0.993932, 1.35178, 3], [0.9975, 1.62594, 3]],
        [-5.298215389251709, -0.8583200573921204, -15.044672012329102, -7.664769172668457, -26.574682235717773],
    ),
    "--prune 0 1 2": (
        CORPUS, {"order": 3, "prune": (0, 1, 2)}, [3298, 774, 48], [UNIGRAMS, BIGRAMS, [0.965848, 1.50385, 2.07279]],
        [-5.171668529510498, -0.8422892093658447, -14.813098907470703, -7.583768367767334, -26.144380569458008],
    ),
    "--discount_fallback": (
        (12, 12, 4, 5), {"order": 3}, [5, 9, 14], [[0.5, 1, 1.5], [0.2, 1.1, 2.73333], [0.5, 1, 1.5]],
        [-3.235138416290283, -0.6545717716217041, -5.215930938720703, -3.468942642211914, -10.181361198425293],
    ),
}  # fmt: skip
"""Corpus, settings, n-grams of each length, discounts, and scores of TEXTS."""
LENGTHS = {
    "order 3": [2, 1, 1, 1, 1, 2, 2, 3, 2, 1, 1, 1],
    "--prune 0 1 2": [2, 1, 1, 1, 1, 2, 2, 3, 1, 1, 1, 1],
}
"""Of the longest n-grams in the last of TEXTS."""


@pytest.mark.parametrize("case", CASES)
def test_models_have_the_numbers_of_lmplz(case):
    corpus, settings, counts, discounts, scores = CASES[case]
    model = NGramLM(**settings).fit(make_sentences(*corpus))
    assert model.ngram_counts_ == counts
    np.testing.assert_allclose(model.discounts_, discounts, rtol=5e-6)
    np.testing.assert_allclose(model.scores(TEXTS), scores, atol=5e-6)
    if case in LENGTHS:
        assert [word.ngram_length for word in model.full_scores(TEXTS[-1])] == LENGTHS[case]


def kenlm_scores(model, texts):
    """(scores, lengths and unknown words) of KenLM's Python module."""
    scores = [model.score(text) for text in texts]
    return np.array(scores), [[word[1:] for word in model.full_scores(text)] for text in texts]


def assert_same(ours, theirs, texts):
    scores, words = kenlm_scores(theirs, texts)
    np.testing.assert_allclose(ours.scores(texts), scores, atol=5e-5)
    assert [[word[1:] for word in ours.full_scores(text)] for text in texts] == words


def text_of(sentences):
    return [" ".join(sentence) for sentence in sentences]


def test_kenlm_reads_what_we_write(tmp_path):
    kenlm = pytest.importorskip("kenlm")
    model = NGramLM(4).fit(make_sentences(13, 300, 900))
    for name in ("model.arpa", "model.arpa.gz"):
        model.save_arpa(tmp_path / name)
        theirs = kenlm.Model(str(tmp_path / name))
        assert theirs.order == 4
        assert_same(model, theirs, text_of(make_sentences(14, 300, 1000)))
        assert_same(NGramLM.load(tmp_path / name), theirs, text_of(make_sentences(15, 100, 1000)))
        assert model.perplexity(["w0 w1 w2"]) == pytest.approx(theirs.perplexity("w0 w1 w2"), rel=1e-6)
        for bos in (True, False):
            for eos in (True, False):
                expected = theirs.score("w1 w8 w57", bos=bos, eos=eos)
                assert model.score("w1 w8 w57", bos=bos, eos=eos) == pytest.approx(expected, abs=5e-6)


@pytest.mark.parametrize("seed", range(12))
def test_models_are_those_of_lmplz(seed, tmp_path):
    kenlm = pytest.importorskip("kenlm")
    lmplz = Path(os.environ.get("SEQNN_KENLM", "")) / "lmplz"
    if not os.environ.get("SEQNN_KENLM"):
        pytest.skip("SEQNN_KENLM does not name a folder with lmplz")
    rng = random.Random(seed)
    order, words = rng.choice([2, 3, 4, 5, 6]), rng.choice([3, 30, 1000])
    prune = rng.choice([(), (), (0, 0, 1), (0, 1, 1, 2), (1,), (0, 2)])[:order]
    sentences = [*make_sentences(seed + 20, rng.choice([20, 100, 800]), words, 12), ["w1"] * 9]
    text, arpa = tmp_path / "text", tmp_path / "theirs.arpa"
    text.write_text("".join(line + "\n" for line in text_of(sentences)))
    command = [lmplz, "-o", order, "-S", "100M", "-T", tmp_path, "--text", text, "--arpa", arpa, "--discount_fallback"]
    command += ["--prune", *prune] if prune else []
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    theirs = kenlm.Model(str(arpa))
    model = NGramLM(order, prune=prune).fit(text)
    texts = text_of(make_sentences(seed + 50, 200, words + words // 10 + 1))
    assert_same(model, theirs, texts)
    loaded = NGramLM.load(arpa)
    assert loaded.ngram_counts_ == model.ngram_counts_
    assert_same(loaded, theirs, texts)
