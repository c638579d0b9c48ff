"""N-gram models as a user meets them: corpora, settings, queries, generation, files, and what bad input gets."""

import copy
import math
import pickle
import re
import signal
import subprocess
import sys
import threading
from collections import Counter

import numpy as np
import pytest
from harness import each_team
from ngram_reference import KneserNey, Relative, make_sentences

import seqnn
from seqnn import _safetensors
from seqnn.lm import NGramLM, TextScore, WordScore

TEXT = [["the", "cat", "sat"], ["the", "dog", "sat", "on", "the", "cat"], [], ["a", "dog"]]
LINES = [" ".join(sentence) for sentence in TEXT]


def same(one, other):
    a, b = one._model, other._model
    tries = [(m.scorer.trie.nodes, m.scorer.trie.leaves) for m in (a, b)]
    return a.vocabulary.words == b.vocabulary.words and all(map(np.array_equal, *tries))


# What may be given.


def test_a_corpus_may_be_lists_strings_files_columns_or_numbers(tmp_path):
    model = NGramLM(3).fit(TEXT)
    path, packed = tmp_path / "text.txt", tmp_path / "more.txt"
    path.write_text("\n".join(LINES) + "\n")
    packed.write_text("".join(line + "\n" for line in LINES[:2]))
    for corpus in (LINES, path, str(path), [path], iter(TEXT), tuple(LINES), (line for line in LINES)):
        assert same(NGramLM(3).fit(corpus), model)
    assert same(NGramLM(3).fit([str(packed), str(path)]), NGramLM(3).fit([*LINES[:2], *LINES]))
    words = {w: i for i, w in enumerate(dict.fromkeys(w for s in TEXT for w in s))}
    ids = np.array([words[w] for s in TEXT for w in s]), np.cumsum([0, *map(len, TEXT)])
    numbered = NGramLM(3).fit(ids)
    assert numbered.vocabulary_.words[3:] == [str(i) for i in range(len(words))]
    np.testing.assert_allclose(numbered.scores(ids), model.scores(TEXT))
    np.testing.assert_array_equal(model.scores(path), model.scores(TEXT))


def test_a_corpus_may_be_a_column():
    pandas = pytest.importorskip("pandas")
    model = NGramLM(2).fit(LINES)
    assert same(NGramLM(2).fit(pandas.Series(LINES)), model)
    assert same(NGramLM(2).fit(pandas.Series(["the cat sat", LINES[1], None, "a dog"])), model)


def test_empty_lines_are_sentences_wherever_they_stand(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"\n\na b\n \n\nb\r\n\n")
    model = NGramLM(2, "mle").fit(path)
    assert model.next_word_distribution()[2] == pytest.approx(5 / 7)
    assert len(model.scores(path)) == 7
    assert NGramLM(2, "mle").fit(["", "", "a b", " ", "", "b", ""]).score("") == model.score("")
    assert model.scores([]).tolist() == [] and model.scores([[]]).tolist() == [model.score([])]


def test_a_last_line_without_an_end_is_a_sentence_if_it_has_a_word(tmp_path):
    path = tmp_path / "text.txt"
    for text, sentences in (("a\nb", 2), ("a\nb\n", 2), ("a\nb\n  ", 2), ("a\n\n", 2)):
        path.write_text(text)
        assert NGramLM(1).fit(path).vocabulary_.counts[2] == sentences, text


def test_a_tokenizer_splits_strings_and_lines(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("The cat, sat\nA dog")
    for corpus in (path, ["The cat, sat", "A dog"]):
        model = NGramLM(2).fit(corpus, tokenizer=lambda text: text.lower().replace(",", "").split())
        assert model.vocabulary_.words[3:] == ["the", "cat", "sat", "a", "dog"]
    assert model.scores(["the CAT"], tokenizer=lambda t: t.lower().split())[0] == model.score("the cat")


def test_strings_are_split_at_ascii_white_space_like_files():
    model = NGramLM(2).fit(["a\u00a0b c\u2003d\te", "x\ny"])
    assert model.vocabulary_.words[3:] == ["a\u00a0b", "c\u2003d", "e", "x", "y"]
    assert model.score("a\u00a0b\x0bc\u2003d") == model.score(["a\u00a0b", "c\u2003d"])


# The vocabulary.


def test_words_are_numbered_in_the_order_of_the_text():
    model = NGramLM(2).fit(TEXT)
    assert model.vocabulary_.words == ["<unk>", "<s>", "</s>", "the", "cat", "sat", "dog", "on", "a"]
    assert model.vocabulary_.counts.tolist() == [0, 4, 4, 3, 2, 2, 2, 1, 1]
    assert (model.vocabulary_.unk_id, model.vocabulary_.bos_id, model.vocabulary_.eos_id) == (0, 1, 2)
    assert model.ngram_counts_ == [9, 13]


def test_marks_in_the_corpus_are_an_error_or_left_out():
    for mark in ("<s>", "</s>"):
        with pytest.raises(ValueError, match=rf"the corpus has the word '{mark}' \(2 times\).* skip_symbols=True"):
            NGramLM(2).fit([["a", mark], [mark, "b"]])
    marked = [["<s>", *s, "</s>", "<unk>"] for s in TEXT]
    assert same(NGramLM(2, skip_symbols=True).fit(marked), NGramLM(2).fit(TEXT))


def test_unknown_words_in_the_corpus_are_counted_as_unknown():
    model = NGramLM(2, "mle").fit([["a", "<unk>"], ["a", "b"]])
    assert model.next_word_distribution("a").round(6).tolist() == [0.5, 0, 0, 0, 0.5]
    assert 10 ** model.score("a zebra") == pytest.approx(0.5)


# Queries.


def test_scores_are_sums_over_the_words():
    model = NGramLM(3).fit(make_sentences(1, 100, 60))
    for sentence in ("w0 w1", "", "w5 unknown w0 w0", "w1"):
        words = model.full_scores(sentence)
        assert all(isinstance(word, WordScore) for word in words) and len(words) == len(sentence.split()) + 1
        assert model.score(sentence) == pytest.approx(sum(word.log_prob for word in words))
        assert model.score(sentence.split()) == model.score(tuple(sentence.split())) == model.score(sentence)
        open_end = model.full_scores(sentence, eos=False)
        assert open_end == words[:-1] and model.score(sentence, eos=False) == pytest.approx(
            sum(word.log_prob for word in open_end)
        )
    np.testing.assert_allclose(model.scores(["w0 w1", "w5"]), [model.score("w0 w1"), model.score("w5")])


@pytest.mark.parametrize("smoothing", ["laplace", "kneser_ney"])
def test_perplexity_is_its_definition(smoothing):
    train, test = make_sentences(2, 100, 20), make_sentences(3, 30, 40)
    kinds = {"laplace": lambda: Relative(train, 2, 1.0), "kneser_ney": lambda: KneserNey(train, 2, False)}
    reference = kinds[smoothing]()
    model = NGramLM(2, smoothing).fit(train)
    total = sum(math.log(reference.sentence(s)) for s in test)
    assert model.perplexity(test) == pytest.approx(math.exp(-total / sum(len(s) + 1 for s in test)), rel=1e-5)
    known = [w for s in test for w in model.full_scores(s) if not w.oov]
    expected = 10 ** (-sum(w.log_prob for w in known) / len(known))
    assert 30 < len(known) < sum(len(s) + 1 for s in test)
    assert model.perplexity(test, include_oov=False) == pytest.approx(expected, rel=1e-5)


def test_a_text_is_evaluated_with_and_without_its_unknown_words(tmp_path):
    model = NGramLM(3).fit(make_sentences(2, 100, 20))
    text = [*make_sentences(3, 30, 40), [], ["zzz", "zzz"], []]
    words = [word for sentence in text for word in model.full_scores(sentence)]
    found = model.evaluate(text)
    assert isinstance(found, TextScore)
    assert (found.sentences, found.tokens, found.unknown) == (33, len(words), sum(word.oov for word in words))
    assert found.log_prob == pytest.approx(sum(word.log_prob for word in words))
    assert found.log_prob_known == pytest.approx(sum(word.log_prob for word in words if not word.oov))
    assert found.perplexity == pytest.approx(10 ** (-found.log_prob / found.tokens)) == model.perplexity(text)
    assert found.perplexity_known == model.perplexity(text, include_oov=False)
    parts = [model.evaluate(text[:7]), model.evaluate(text[7:7]), model.evaluate(text[7:])]
    np.testing.assert_allclose(TextScore.joined(parts), found)
    path = tmp_path / "text"
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in text))
    np.testing.assert_allclose(model.evaluate(path), found)
    np.testing.assert_array_equal(model.evaluate([]), (0, 0, 0, 0, np.nan, 0, np.nan))
    np.testing.assert_array_equal(TextScore.joined([]), model.evaluate([]))
    assert NGramLM(2, "mle").fit([["a"]]).perplexity([["b"]]) == np.inf


def test_threads_do_not_change_scores():
    model = NGramLM(3).fit(make_sentences(4, 100, 60))
    texts = make_sentences(5, 3000, 70)
    expected = model.scores(texts)
    for _ in each_team():
        np.testing.assert_array_equal(model.scores(texts), expected)
    found = {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: model.scores(texts)})) for i in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert all(np.array_equal(scores, expected) for scores in found.values()) and len(found) == 4


def test_a_model_may_be_queried_before_nothing_else_than_fit():
    model = NGramLM(2)
    for query in (
        lambda: model.score("a"),
        lambda: model.scores(["a"]),
        lambda: model.perplexity(["a"]),
        lambda: model.generate(max_new_tokens=3),
        lambda: model.step([[1]]),
        lambda: model.vocabulary_,
        lambda: model.save("never-written"),
    ):
        with pytest.raises(RuntimeError, match="NGramLM has not learnt anything yet: call fit or load first"):
            query()


# Generation.


def test_words_are_drawn_with_their_probabilities():
    model = NGramLM(2, "add_k", k=0.5).fit([["a", "b"], ["a", "c", "c"], ["b"]])
    draws = Counter(tuple(model.generate(seed=seed, max_new_tokens=1)) for seed in range(4000))
    p = model.next_word_distribution()
    p[0] = 0
    p /= p.sum()
    words = model.vocabulary_.words
    expected = {(() if word == "</s>" else (word,)): 4000 * q for word, q in zip(words, p, strict=True) if q}
    assert set(draws) == set(expected)
    chi_square = sum((draws[key] - n) ** 2 / n for key, n in expected.items())
    assert chi_square < 16.3  # 3 degrees of freedom, 1 in 1000


def test_generation_can_be_restricted_and_repeated():
    model = NGramLM(3).fit(make_sentences(6, 300, 40))
    assert model.generate(seed=3) == model.generate(seed=3) and model.generate(seed=3) != model.generate(seed=4)
    seqnn.random.seed(5)
    first = [model.generate() for _ in range(3)]
    seqnn.random.seed(5)
    assert [model.generate() for _ in range(3)] == first and len(set(map(tuple, first))) > 1
    greedy = model.generate(temperature=0)
    assert all(greedy == model.generate(seed=s, **o) for s in range(5) for o in ({"top_k": 1}, {"top_p": 1e-6}))
    assert len(model.generate("w0", max_new_tokens=0)) == 0
    likely = np.argsort(-model.next_word_distribution("w0"))[:5]
    allowed = {model.vocabulary_.words[i] for i in likely} - {"</s>"}
    drawn = {tuple(model.generate("w0", top_k=5, max_new_tokens=1, seed=s)) for s in range(50)} - {()}
    assert drawn <= {(word,) for word in allowed} and len(drawn) > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature: expected a finite number >= 0"),
        ({"top_k": 0}, "top_k: expected an integer >= 1"),
        ({"top_p": 1.5}, r"top_p: expected a probability in \(0, 1\]"),
        ({"max_new_tokens": -1}, "max_new_tokens: expected an integer >= 0"),
        ({"seed": -1}, "seed: expected an integer >= 0"),
    ],
)
def test_generation_refuses_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        NGramLM(2).fit(TEXT).generate(**options)


@pytest.mark.parametrize("options", [{}, {"temperature": 0}, {"top_k": 1}, {"top_p": 0.5}, {"temperature": 1e-320}])
def test_what_nothing_can_follow_is_an_error_or_the_end(options):
    model = NGramLM(2, "mle").fit(["a <unk> c", "b a <unk>"])
    with pytest.raises(ValueError, match="prompt: no word can follow it"):
        model.generate("b a", **options)
    assert all(model.generate("b", seed=seed, **options) == ["a"] for seed in range(9))
    with pytest.raises(ValueError, match="prompt: no word can follow it"):
        NGramLM(2, "mle").fit(["a b"]).generate("zzz", **options)


def test_equal_words_are_kept_in_order():
    model = NGramLM(1, "laplace").fit(["c b a d"])
    drawn = {tuple(model.generate(top_k=3, max_new_tokens=1, seed=seed)) for seed in range(60)}
    assert drawn == {(), ("c",), ("b",)}
    assert model.generate(top_k=1) == model.generate(temperature=0) == []


@pytest.mark.parametrize("flags", [{"bos": "yes"}, {"eos": 2}, {"eos": None}])
def test_marks_are_switched_by_true_and_false(flags):
    model = NGramLM(2).fit(TEXT)
    for query in (model.score, model.full_scores, lambda s, **f: model.scores([s], **f)):
        with pytest.raises((TypeError, ValueError), match=f"{next(iter(flags))}: expected"):
            query("a", **flags)
        assert query("a", bos=1, eos=0) is not None


def test_a_step_gives_what_texts_score():
    model = NGramLM(3).fit(make_sentences(7, 200, 30))
    ids = np.array([[1, 3, 5, 4], [1, 9, 3, 3]])
    log_probs, state = model.step(ids[:, :1])
    assert log_probs.shape == (2, len(model.vocabulary_)) and state.shape == (2, 2)
    total = np.zeros(2)
    for t in range(1, 4):
        total += log_probs[np.arange(2), ids[:, t]]
        log_probs, state = model.step(ids[:, : t + 1], state)
    words = model.vocabulary_.decode
    expected = [model.score(words(row[1:]), eos=False) * math.log(10) for row in ids]
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    whole, again = model.step(ids)
    np.testing.assert_array_equal(whole, log_probs)
    np.testing.assert_array_equal(again, state)
    turned, _ = model.step(ids[::-1, [0, 0, 0, 0, 1]], state[::-1])  # a beam that moved; older words do not matter
    np.testing.assert_allclose(turned, model.step(np.concatenate([ids, ids[:, 1:2]], axis=1))[0][::-1])
    assert np.exp(log_probs.astype(np.float64)).sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


@pytest.mark.parametrize("ids", [[1, 2], [[1.0]], [[99]], [[-1]]])
def test_a_step_refuses_other_numbers(ids):
    with pytest.raises(ValueError, match="ids: expected"):
        NGramLM(2).fit(TEXT).step(ids)


# Settings.


def test_settings_are_those_of_scikit_learn():
    model = NGramLM(4, "kneser_ney", discount=0.5, prune=(0, 1))
    assert model.get_params()["prune"] == (0, 1) and repr(model) == (
        "NGramLM(order=4, smoothing='kneser_ney', discount=0.5, prune=(0, 1))"
    )
    assert model.set_params(order=2).order == 2
    assert same(copy.deepcopy(model).fit(TEXT), model.fit(TEXT))
    assert same(pickle.loads(pickle.dumps(model)), model)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": 0}, "order: expected an integer >= 1, got 0"),
        ({"order": 17}, "order: expected at most 16, got 17"),
        ({"order": 9}, "order: 9 is too large for this corpus: its longest sentence has 8 words, .* at most 8"),
        ({"smoothing": "good_turing"}, "smoothing: expected one of 'modified_kneser_ney', .*, got 'good_turing'"),
        ({"k": 0, "smoothing": "add_k"}, "k: expected a finite number > 0"),
        ({"discount": 1.0}, "discount: expected a finite number >= 0 and < 1"),
        ({"alpha": 0}, "alpha: expected a finite number > 0"),
        ({"prune": (1, 0)}, r"prune: expected counts that do not fall, such as \(0, 0, 1\), got \(1, 0\)"),
        ({"prune": (0, 0, 0, 1)}, "prune: expected at most 3 counts"),
        ({"prune": (0, 1), "smoothing": "mle"}, "prune: only Kneser-Ney models can be pruned, smoothing is 'mle'"),
        ({"min_count": 0}, "min_count: expected an integer >= 1"),
        ({"discount_fallback": (1, 1)}, "discount_fallback: expected None or three discounts"),
        ({"discount_fallback": (2, 1, 1)}, r"discount_fallback\[0\]: expected at most 1, got 2"),
        ({"max_memory": "2 apples"}, "max_memory: expected"),
        ({"errors": "panic"}, "errors: expected one of"),
        ({"workers": 0}, "workers: expected an integer >= 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        NGramLM(**settings).fit(TEXT)


@pytest.mark.parametrize("settings", [{"order": 2.5}, {"order": "3"}, {"prune": 1}, {"k": "1"}])
def test_settings_of_another_type_are_refused(settings):
    with pytest.raises(TypeError, match="expected"):
        NGramLM(**settings).fit(TEXT)


@pytest.mark.parametrize("corpus", [[], [[]], ["", " "], [[], []]])
def test_a_corpus_without_words_is_refused(corpus):
    with pytest.raises(ValueError, match="the corpus is empty: it has no word"):
        NGramLM(2).fit(corpus)


def test_corpora_of_other_kinds_are_refused(tmp_path):
    for corpus, message in ((5, "expected token lists"), ([[1, 2]], "a token must be a string"), (b"a b", "bytes")):
        with pytest.raises(TypeError, match=message):
            NGramLM(2).fit(corpus)
    with pytest.raises(FileNotFoundError):
        NGramLM(2).fit("no such file")
    (tmp_path / "binary").write_bytes(b"a \0 b")
    with pytest.raises(ValueError, match="NUL byte"):
        NGramLM(2).fit(tmp_path / "binary")
    with pytest.raises(TypeError, match="sentence: expected a list of tokens or a string, got 5"):
        NGramLM(2).fit(TEXT).score(5)
    for sentence in (["the", 5], [["the"]], b"the cat"):
        with pytest.raises(TypeError, match=r"sentence: a token must be a string, got (int|list)"):
            NGramLM(2).fit(TEXT).score(sentence)


def test_memory_is_bounded_without_changing_a_bit(tmp_path):
    sentences = make_sentences(8, 4000, 200, 15)
    expected = NGramLM(4, prune=(0, 0, 1)).fit(sentences)
    for limit in (0, "100KB", "1GB"):
        assert same(NGramLM(4, prune=(0, 0, 1), max_memory=limit, workers=1).fit(sentences), expected)


def test_ctrl_c_stops_a_fit(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(" ".join(s) + "\n" for s in make_sentences(9, 20000, 5000, 30)) * 3)
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from seqnn.lm import NGramLM\n"
        "print('ready', flush=True)\n"
        "for _ in range(1000): NGramLM(5).fit(sys.argv[1])\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        assert p.stdout.readline() == b"ready\n"
        p.send_signal(signal.SIGINT)
        _, errors = p.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors and p.returncode != 0


# Files.


@pytest.mark.parametrize("smoothing", ["modified_kneser_ney", "laplace", "mle", "stupid_backoff"])
def test_a_saved_model_comes_back_to_the_last_bit(smoothing, tmp_path):
    sentences = [*make_sentences(10, 200, 50), ["ä\u00a0ö", "\udcff"]]
    model = NGramLM(3, smoothing, alpha=0.3, min_count=2).fit(sentences)
    model.save(tmp_path / "model")
    again = NGramLM.load(tmp_path / "model")
    assert same(again, model) and again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.scores(sentences[:-1]), model.scores(sentences[:-1]))
    assert again.vocabulary_.counts.tolist() == model.vocabulary_.counts.tolist()
    assert (again.discounts_ is None) == (model.discounts_ is None) == ("kneser" not in smoothing)
    assert not again._model.scorer.trie.nodes.flags.owndata  # it lies in the file
    again.fit(TEXT)
    assert again.vocabulary_.counts[1] == len(TEXT)


def test_damaged_and_other_files_are_refused(tmp_path):
    path = tmp_path / "model"
    NGramLM(2).fit(TEXT).save(path)
    tensors, metadata = _safetensors.load(path, mmap=False)
    for change, message in (
        ({"nodes": tensors["nodes"][:-1]}, "damaged"),
        ({"leaves": tensors["leaves"][:-1]}, "damaged, the trie and its 9 words do not agree"),
        ({"leaves": tensors["leaves"].astype(np.int64)}, "damaged, nodes .* are no trie"),
        ({"word_offsets": tensors["word_offsets"][:-1]}, "damaged"),
        ({"words": tensors["words"][::-1]}, "damaged"),
        ({"counts": tensors["counts"][:2]}, "damaged"),
        ({"nodes": np.zeros((5, 4), np.uint32)}, "damaged"),
    ):
        _safetensors.save(path, {**tensors, **change}, metadata)
        with pytest.raises(ValueError, match=rf"{re.escape(str(path))}: .*{message}"):
            NGramLM.load(path)
    _safetensors.save(path, {name: array for name, array in tensors.items() if name != "leaves"}, metadata)
    with pytest.raises(ValueError, match="damaged"):
        NGramLM.load(path)
    _safetensors.save(path, tensors, {"seqnn.Phrases": "{}"})
    with pytest.raises(ValueError, match="no NGramLM model, but"):
        NGramLM.load(path)
    path.write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(ValueError, match="truncated"):
        NGramLM.load(path)
    with pytest.raises(FileNotFoundError):
        NGramLM.load(tmp_path / "none")


def test_arrays_of_a_file_with_wild_numbers_never_crash(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "model"
    model = NGramLM(3).fit(make_sentences(11, 100, 30))
    model.save(path)
    tensors, metadata = _safetensors.load(path, mmap=False)
    for _ in range(150):
        nodes = tensors["nodes"].copy()
        nodes.reshape(-1)[rng.integers(0, nodes.size, 20)] = rng.integers(0, 2**32, 20)
        _safetensors.save(path, {**tensors, "nodes": nodes}, metadata)
        try:
            wild = NGramLM.load(path)
            wild.scores(["w0 w1 w2 w5", "w0"])
            wild.step([[1, 3, 4]])
        except ValueError as error:
            assert re.search("trie|state|damaged", str(error)), error  # noqa: PT017
