"""Phrases against a pure-Python reference, and against gensim where that is installed."""

import math
import threading
from collections import Counter

import numpy as np
import pytest
from harness import each_team

import seqnn
from seqnn.text import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phrases
from seqnn.text._phrase_table import PhraseTable, pair, unpair

CONNECTORS = frozenset({"of", "the"})


def candidates(sentence, connectors):
    """All (word, connectors..., word) of a sentence."""
    found, start = [], None
    for i, word in enumerate(sentence):
        if word not in connectors:
            if start is not None:
                found.append(tuple(sentence[start : i + 1]))
            start = i
    return found


def reference_counts(sentences, connectors):
    words = Counter(w for s in sentences for w in s if w not in connectors)
    return words, Counter(c for s in sentences for c in candidates(s, connectors))


def reference_scores(sentences, connectors, scoring, min_count):
    words, pairs = reference_counts(sentences, connectors)
    size, total = len(words) + len(pairs), sum(map(len, sentences))
    scores = {}
    for words_of, n in pairs.items():
        a, b = words[words_of[0]], words[words_of[-1]]
        if scoring == "default":
            scores[words_of] = (n - min_count) / (a * b) * size
        elif n >= min_count:
            scores[words_of] = math.log(n / total / (a / total * (b / total))) / -math.log(n / total)
    return scores


def reference_join(sentence, phrases, connectors):
    out, candidate = [], []
    for word in sentence:
        if word in connectors:
            (candidate if candidate else out).append(word)
        elif not candidate:
            candidate = [word]
        elif (*candidate, word) in phrases:
            out.append("_".join([*candidate, word]))
            candidate = []
        else:
            out += candidate
            candidate = [word]
    return out + candidate


def make_text(seed, sentences=400, words=25, connectors=("of", "the", "and")):
    rng = np.random.default_rng(seed)
    names = [*(f"w{i}" for i in range(words)), *connectors]
    draw = np.minimum(rng.zipf(1.2, (sentences, 12)) - 1, len(names) - 1)
    rng.shuffle(names)
    return [[names[i] for i in row[: rng.integers(0, 13)]] for row in draw]


@pytest.mark.parametrize("connectors", [frozenset(), CONNECTORS])
@pytest.mark.parametrize(("scoring", "threshold"), [("default", 0.05), ("npmi", 0.05)])
def test_counts_scores_and_texts_are_the_reference(connectors, scoring, threshold):
    text = make_text(0)
    phrases = Phrases(text, min_count=2, threshold=threshold, scoring=scoring, connector_words=connectors)
    words, pairs = reference_counts(text, connectors)
    assert phrases.vocab == words + Counter({"_".join(p): n for p, n in pairs.items()})
    assert phrases.corpus_word_count == sum(map(len, text))
    expected = {p: s for p, s in reference_scores(text, connectors, scoring, 2).items() if s > threshold}
    assert len(expected) > 5
    got = phrases.export_phrases()
    assert got == pytest.approx({"_".join(p): s for p, s in expected.items()}, rel=1e-12)
    joined = [reference_join(s, expected, connectors) for s in text]
    assert list(phrases[text]) == joined
    assert [phrases[s] for s in text] == joined
    other = make_text(1)
    assert list(phrases[other]) == [reference_join(s, expected, connectors) for s in other]
    assert phrases.find_phrases(text).keys() == {w for s in joined for w in s if "_" in w}
    for sentence in text[:40]:
        tokens = phrases.analyze_sentence(sentence)
        assert [token for token, _ in tokens] == phrases[sentence]
        assert all(score == got.get(token) for token, score in tokens)


@pytest.mark.parametrize("connectors", [frozenset(), ENGLISH_CONNECTOR_WORDS])
@pytest.mark.parametrize("limit", [40_000_000, 150, 400])
@pytest.mark.parametrize("settings", [{"threshold": 0.5, "min_count": 1}, {"threshold": 0.05, "scoring": "npmi"}])
def test_the_same_as_gensim(connectors, limit, settings):
    peer = pytest.importorskip("gensim.models.phrases")
    settings = {**settings, "max_vocab_size": limit, "connector_words": connectors}
    text, more = make_text(2), make_text(3, words=60)
    ours, theirs = Phrases(text, **settings), peer.Phrases(text, **settings)
    for _ in range(2):
        assert ours.vocab == theirs.vocab
        assert ours.corpus_word_count == theirs.corpus_word_count
        assert ours.export_phrases() == pytest.approx(theirs.export_phrases(), rel=1e-12)
        for sentences in (text, more):
            assert list(ours[sentences]) == list(theirs[sentences])
            assert ours.find_phrases(sentences) == pytest.approx(theirs.find_phrases(sentences), rel=1e-12)
            assert list(ours.freeze()[sentences]) == list(theirs.freeze()[sentences])
        ours.add_vocab(more)
        theirs.add_vocab(more)


def test_a_function_as_scoring():
    def score(worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count):
        return bigram_count / (worda_count + wordb_count) + 0 * (len_vocab + min_count + corpus_word_count)

    phrases = Phrases([["a", "b", "c"], ["a", "b"]], min_count=1, threshold=0.4, scoring=score)
    assert phrases.export_phrases() == {"a_b": 0.5}
    with pytest.raises(ValueError, match="a function cannot be saved"):
        phrases.save("never-written")
    with pytest.raises(ValueError, match=r"lacks the parameters \['wordb_count'"):
        Phrases(scoring=lambda worda_count: 0)


def test_the_same_for_any_team_and_however_the_table_grows():
    rng = np.random.default_rng(0)
    pairs = pair(rng.integers(0, 60, 20_000), rng.integers(0, 2**31 - 1, 20_000) % 500)
    gaps = rng.integers(0, 3, 20_000).astype(np.int32)
    expected = Counter(zip(*(side.tolist() for side in (*unpair(pairs), gaps)), strict=True))
    first = None
    for _ in each_team():
        table = PhraseTable(True)
        for part in np.array_split(np.arange(20_000), 7):
            table.add(pairs[part], gaps[part])
        entries = table.entries()
        keys = zip(*(side.tolist() for side in (*unpair(entries[0]), entries[1])), strict=True)
        assert dict(zip(keys, entries[2].tolist(), strict=True)) == expected
        assert len(table) == len(expected)
        first = first or entries
        assert all(np.array_equal(a, b) for a, b in zip(first, entries, strict=True))
        np.testing.assert_array_equal(table.find(pairs[:50], gaps[:50]), [expected[k] for k in list(zip(
            *(side.tolist() for side in (*unpair(pairs[:50]), gaps[:50])), strict=True))])  # fmt: skip
        assert table.find(pair(np.array([61]), np.array([1])), np.zeros(1, np.int32)).tolist() == [0]


def test_texts_on_all_threads():
    text = make_text(5, sentences=2000)
    phrases = Phrases(text, min_count=1, threshold=0.3, connector_words=CONNECTORS)
    expected = list(phrases[text])
    for _ in each_team():
        again = Phrases(text, min_count=1, threshold=0.3, connector_words=CONNECTORS)
        assert again.export_phrases() == phrases.export_phrases()
        assert list(again[text]) == expected


def test_many_connector_sequences_grow_the_trie():
    names = [f"c{i}" for i in range(40)]
    text = [["a", names[i], names[j], "b"] for i in range(40) for j in range(40)]
    phrases = Phrases(text, min_count=1, threshold=1e-9, connector_words=names)
    assert len(phrases.vocab) == 1602
    assert phrases[["a", "c3", "c7", "b"]] == ["a", "c3", "c7", "b"]  # its score is 0
    phrases.min_count = 0.5
    assert phrases[["a", "c3", "c7", "b"]] == ["a_c3_c7_b"]


def test_files_columns_arrays_and_generators(tmp_path):
    text = [s for s in make_text(6) if s]
    path = tmp_path / "text.txt"
    path.write_text("\n".join(map(" ".join, text)), encoding="utf-8")
    phrases = Phrases(text, min_count=1, threshold=0.5)
    assert Phrases(path, min_count=1, threshold=0.5).export_phrases() == phrases.export_phrases()
    expected = list(phrases[text])
    from_file = phrases[path]
    assert list(from_file) == expected
    assert list(from_file) == expected
    assert phrases.find_phrases(str(path)) == phrases.find_phrases(text)
    stream = phrases[(s for s in text)]
    assert list(stream) == expected
    assert list(stream) == []
    assert phrases[(w for w in text[0])] == expected[0]
    assert phrases[[]] == []
    ids = np.array([0, 1, 2, 0, 1]), np.array([0, 3, 5])
    assert list(Phrases(ids, min_count=1, threshold=0.5)[ids]) == [["0_1", "2"], ["0_1"]]


def test_longer_phrases_by_a_second_model():
    text = [["in", "new", "york", "times"]] * 5 + [["new", "york", "is", "big"]] * 5 + [["times", "in", "is"]] * 9
    first = Phrases(text, min_count=1, threshold=0.5)
    second = Phrases(first[text], min_count=1, threshold=0.3)
    assert second[first[["the", "new", "york", "times"]]] == ["the", "new_york_times"]


def test_save_and_load(tmp_path):
    text = make_text(7)
    for connectors in (frozenset(), CONNECTORS):
        phrases = Phrases(text, min_count=1, threshold=0.5, connector_words=connectors, delimiter="+")
        phrases.save(tmp_path / "phrases")
        loaded = Phrases.load(tmp_path / "phrases")
        assert loaded.vocab == phrases.vocab
        assert loaded.export_phrases() == phrases.export_phrases()
        assert (loaded.delimiter, loaded.connector_words) == ("+", connectors)
        loaded.add_vocab(text)
        phrases.add_vocab(text)
        assert loaded.vocab == phrases.vocab
        frozen = phrases.freeze()
        frozen.save(tmp_path / "frozen")
        again = FrozenPhrases.load(tmp_path / "frozen")
        assert again.phrasegrams == frozen.phrasegrams == phrases.export_phrases()
        assert list(again[text]) == list(phrases[text])
    with pytest.raises(ValueError, match="no Phrases model"):
        Phrases.load(tmp_path / "frozen")
    with pytest.raises(ValueError, match="no FrozenPhrases model"):
        FrozenPhrases.load(tmp_path / "phrases")


@pytest.mark.parametrize(
    ("error", "message", "settings"),
    [
        (ValueError, "min_count: expected a number > 0, got 0", {"min_count": 0}),
        (ValueError, "threshold: expected a number > 0 for scoring='default', got 0", {"threshold": 0}),
        (ValueError, "threshold: expected a number from -1 to 1", {"scoring": "npmi"}),
        (ValueError, "scoring: expected 'default', 'npmi' or a function, got 'pmi'", {"scoring": "pmi"}),
        (ValueError, "max_vocab_size: expected an integer >= 1", {"max_vocab_size": 0}),
        (TypeError, "delimiter: expected a string", {"delimiter": b"_"}),
        (TypeError, "connector_words: expected a set of words", {"connector_words": "of the"}),
        (TypeError, "bare string", {"sentences": ["a text", "b text"]}),
        (ValueError, "the corpus is empty", {"sentences": []}),
        (FileNotFoundError, "does not exist", {"sentences": "no such file"}),
    ],
)
def test_bad_arguments(error, message, settings):
    with pytest.raises(error, match=message):
        Phrases(**settings)


def test_bad_sentences():
    phrases = Phrases([["a", "b"]], min_count=1, threshold=0.5)
    with pytest.raises(TypeError, match="it holds 3"):
        phrases[["a", 3]]
    with pytest.raises(TypeError, match=r"wrap it: 'a b'.split\(\)"):
        phrases.analyze_sentence("a b")
    with pytest.raises(TypeError, match="iterable"):
        phrases[3]


def test_a_model_without_a_corpus_joins_nothing():
    phrases = Phrases(connector_words=CONNECTORS)
    assert phrases[["a", "of", "b"]] == ["a", "of", "b"]
    assert phrases.vocab == phrases.export_phrases() == phrases.freeze().phrasegrams == {}
    assert repr(phrases).startswith("Phrases<0 vocab, min_count=5, threshold=10.0")


def test_an_interrupted_add_vocab_changes_nothing():
    phrases = Phrases(make_text(8), min_count=1, threshold=0.5)
    before = phrases.vocab

    def broken():
        yield from make_text(9)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        phrases.add_vocab(broken())
    assert phrases.vocab == before


def test_several_python_threads_may_join():
    text = make_text(10)
    phrases = Phrases(text, min_count=1, threshold=0.5)
    expected, results = list(phrases[text]), []
    workers = [threading.Thread(target=lambda: results.append(list(phrases[text]))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [expected] * 4


def test_it_is_in_the_top_package():
    assert seqnn.Phrases is Phrases


def test_a_sentence_of_file_names_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "readme").write_text("other words")
    phrases = Phrases([["readme", "first"], ["readme", "first"]], min_count=1, threshold=0.5)
    assert phrases[["readme", "first"]] == ["readme_first"]
    with pytest.raises(FileNotFoundError, match="wrap it"):
        phrases["readme first"]
