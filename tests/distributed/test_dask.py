"""Counting and training over the shards of a corpus by a Dask cluster of processes."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dask")

from distributed import Client, LocalCluster

from seqnn import GloVe, Word2Vec
from seqnn.distributed import dask as over
from seqnn.lm import NGramLM
from seqnn.text import Vocabulary, WordCounts

RNG = np.random.default_rng(0)
SENTENCES = [[f"w{n % 150}" for n in RNG.zipf(1.5, size)] for size in RNG.integers(0, 20, 1200)]
SHARDS = [SENTENCES[:300], SENTENCES[300:301], SENTENCES[301:900], SENTENCES[900:]]


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{number}.txt" for number in range(len(SHARDS))]
    for path, shard in zip(paths, SHARDS, strict=True):
        path.write_text("".join(" ".join(sentence) + "\n" for sentence in shard))
    return paths


def killer(folder):
    """A tokenizer that kills the process of the first worker that calls it."""
    marker = str(folder / "killed")

    def tokenize(line):
        try:
            with open(marker, "x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            return line.split()
        os.kill(os.getpid(), signal.SIGKILL)

    return tokenize


def same(found, expected):
    return all((a == b).all() for a, b in zip(found, expected, strict=True))


def test_counts_of_shards_are_those_of_one_machine_bit_for_bit(client):
    words, whole = over.count_words(client, SHARDS), WordCounts.of(SENTENCES, keep_empty=True)
    assert words.words == whole.words and (words.counts == whole.counts).all() and words.sentences == 1200
    vocabulary = words.vocabulary(min_count=2)
    for options in ({"window": 4}, {"window": 40, "symmetric": False}, {"window": 3, "distance_weighting": False}):
        counts = over.count_cooccurrence(client, SHARDS, vocabulary, **options)
        assert same(counts, GloVe(SENTENCES, min_count=2, epochs=0, vector_size=2, verbose=0, **options).cooccurrence_)
        assert counts.words == vocabulary.words
    model, alone = over.fit_ngrams(client, SHARDS, NGramLM(order=3, min_count=2)), NGramLM(order=3, min_count=2)
    alone.fit(SENTENCES)
    assert model.vocabulary_.words == alone.vocabulary_.words
    assert (model.vocabulary_.counts == alone.vocabulary_.counts).all()
    assert same([model._model.scorer.trie.nodes, model._model.scorer.trie.leaves],
                [alone._model.scorer.trie.nodes, alone._model.scorer.trie.leaves])  # fmt: skip


def test_a_shard_of_many_sentences_gets_no_advice_to_scatter_it(client):
    shard = [
        ["x" * (1 << 20) + str(number)] for number in range(12)
    ]  # Dask warns beyond 10 MB; warnings are errors here
    assert len(over.count_words(client, [shard]).words) == 12


def test_a_worker_killed_on_the_way_is_replaced_and_nothing_is_lost_or_counted_twice(client, files, tmp_path):
    whole = WordCounts.of(list(map(str, files)), keep_empty=True)
    words = over.count_words(client, files, tokenizer=killer(tmp_path))
    killed = int((tmp_path / "killed").read_text())
    assert killed != os.getpid() and not Path(f"/proc/{killed}").exists()
    assert words.words == whole.words and (words.counts == whole.counts).all()


def test_word_vectors_depend_on_shards_and_seed_alone(client, files, tmp_path):
    settings = {"vector_size": 8, "min_count": 1, "epochs": 2, "verbose": 0}
    first = over.fit_word2vec(client, SHARDS, Word2Vec(**settings), rounds_per_epoch=2)
    again = over.fit_word2vec(client, files, Word2Vec(tokenizer=killer(tmp_path), **settings), rounds_per_epoch=2)
    assert (tmp_path / "killed").exists()  # a worker died in the second run
    assert (first.wv.vectors == again.wv.vectors).all() and (first.syn1neg == again.syn1neg).all()
    assert [entry["loss"] for entry in first.history_] == [entry["loss"] for entry in again.history_]
    assert first.history_[1]["loss"] < first.history_[0]["loss"]
    other = over.fit_word2vec(client, SHARDS, Word2Vec(**settings, seed=2), rounds_per_epoch=2)
    assert not (first.wv.vectors == other.wv.vectors).all()


def test_one_shard_of_glove_is_trained_as_on_one_machine(client):
    settings = {"vector_size": 8, "min_count": 1, "epochs": 3, "verbose": 0}
    alone = GloVe(SENTENCES, **settings)
    one, four = (over.fit_glove(client, shards, GloVe(**settings)) for shards in ([SENTENCES], SHARDS))
    assert one.history_[-1]["examples"] == four.history_[-1]["examples"] == alone.cooccurrence_.nnz
    for model in (one, four):
        losses = [entry["loss"] for entry in model.history_]
        assert losses == sorted(losses, reverse=True)
    assert one.history_[-1]["loss"] == pytest.approx(alone.history_[-1]["loss"], rel=0.05)
    assert one.wv.index_to_key == four.wv.index_to_key == alone.wv.index_to_key


@pytest.mark.parametrize(
    ("shards", "error", "words"),
    [
        ("a.txt", TypeError, "expected a list of shards, got the one path 'a.txt'"),
        ([], ValueError, "expected at least one"),
        ([iter([["a"]])], TypeError, r"shards\[0\]: expected what can be read again"),
        ((s for s in SHARDS), TypeError, "expected a list of shards, got generator"),
        ([[], [[]]], ValueError, "the corpus is empty: none of its 2 shards has a word"),
    ],
)
def test_what_are_no_shards_is_refused(client, shards, error, words):
    with pytest.raises(error, match=words):
        over.count_words(client, shards)


def test_an_error_on_a_worker_names_the_shard(client):
    with pytest.raises(FileNotFoundError) as caught:
        over.count_words(client, [SENTENCES, Path("/nowhere/part.txt")])
    assert "shards[1], the file '/nowhere/part.txt', which every worker must see" in caught.value.__notes__[0]
    with pytest.raises(TypeError, match=r"client: expected a distributed\.Client, got str"):
        over.count_words("tcp://localhost:8786", SHARDS)


def test_settings_that_shards_do_not_have_are_refused(client):
    with pytest.raises(TypeError, match="model: expected a Word2Vec, got GloVe"):
        over.fit_word2vec(client, SHARDS, GloVe())
    with pytest.raises(ValueError, match="expected a Word2Vec without words"):
        over.fit_word2vec(client, SHARDS, Word2Vec([["a", "b"]] * 5, vector_size=2, sample=0, verbose=0))
    with pytest.raises(ValueError, match="max_vocab_size: expected None"):
        over.fit_word2vec(client, SHARDS, Word2Vec(max_vocab_size=10))
    with pytest.raises(ValueError, match="mittens: expected 0"):
        over.fit_glove(client, SHARDS, GloVe(mittens=0.1))
    with pytest.raises(ValueError, match="vocabulary: expected the counts of its words"):
        over.count_cooccurrence(client, SHARDS, Vocabulary(["a"]))
    with pytest.raises(ValueError, match="rounds_per_epoch: expected"):
        over.fit_word2vec(client, SHARDS, Word2Vec(min_count=1), rounds_per_epoch=0)


def test_a_model_is_as_before_an_error_and_can_be_fitted_then(client):
    model, settings = Word2Vec(vector_size=4, min_count=1, epochs=1, sample=0, verbose=0), {"rounds_per_epoch": 2}
    with pytest.raises(ValueError, match="rounds_per_epoch: expected"):
        over.fit_word2vec(client, SHARDS, model, rounds_per_epoch=0)
    model.set_params(alpha=1e30)
    with pytest.raises(FloatingPointError):
        over.fit_word2vec(client, SHARDS, model, **settings)
    assert len(model.wv) == 0 and model.history_ == [] and model.corpus_count == 0
    over.fit_word2vec(client, SHARDS, model.set_params(alpha=0.025), **settings)
    fresh = over.fit_word2vec(client, SHARDS, Word2Vec(**model.get_params()), **settings)
    assert (model.wv.vectors == fresh.wv.vectors).all()
    one_word_each = GloVe(vector_size=4, min_count=1, verbose=0)
    with pytest.raises(ValueError, match="shards: there is nothing to train on"):
        over.fit_glove(client, [[["a"], ["b"]]], one_word_each)
    assert len(one_word_each.wv) == 0


def test_rounds_without_work_leave_the_weights_as_they_are(client):
    shards, settings = [[["a", "b", "c"]] * 3], {"vector_size": 4, "min_count": 1, "epochs": 1, "verbose": 0}
    words = over.fit_word2vec(client, shards, Word2Vec(sample=0, **settings), rounds_per_epoch=4)  # of 3 sentences
    assert words.history_[0]["examples"] > 0 and np.isfinite(words.wv.vectors).all()
    counts = over.fit_glove(client, shards, GloVe(**settings), rounds_per_epoch=7)  # of 6 counts
    assert counts.history_[0]["examples"] == 6
