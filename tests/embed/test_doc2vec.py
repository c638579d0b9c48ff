"""Doc2Vec: documents with tags, inference, files, going on, errors."""

import numpy as np
import pytest
from topics import SMALL, same_model, two_topics

from seqnn import Callback, Doc2Vec, TaggedDocument, Word2Vec

MODES = [
    {"dm": 1},
    {"dm": 1, "dm_mean": 0},
    {"dm": 1, "dm_concat": 1, "epochs": 10},
    {"dm": 0},
    {"dm": 0, "dbow_words": 1},
    {"dm": 0, "hs": 1, "negative": 0},
]


def tagged(count=300):
    """Documents of two topics; each has a tag of its own and that of its topic."""
    return [TaggedDocument(text, [i, "ab"[i % 2]]) for i, text in enumerate(two_topics(count))]


def means_of_cosines(one, other):
    one, other = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (one, other))
    return float((one @ other.T).mean())


@pytest.mark.parametrize("mode", MODES)
def test_documents_of_a_topic_are_alike_and_so_are_inferred_ones(mode):
    texts = [(text, i) for i, text in enumerate(two_topics(300))]
    model = Doc2Vec(texts, **{**SMALL, "epochs": 40, "alpha": 0.05, "workers": 1, **mode})
    trained, inferred = model.dv.vectors, model.infer_vectors(two_topics(60, seed=9))
    assert trained.shape == (300, 20)
    for vectors in (inferred, *([] if model.dm else [trained])):  # in PV-DM the words around a word tell the topic, too
        assert means_of_cosines(vectors[::2], vectors[::2]) > means_of_cosines(vectors[::2], vectors[1::2]) + 0.03
    assert model.history_[-1]["loss"] < model.history_[0]["loss"]


def test_words_are_trained_but_in_dbow_alone():
    before, after = (Doc2Vec(tagged(), **SMALL, dm=0, epochs=epochs).wv.vectors for epochs in (0, 2))
    assert (before == after).all()
    assert (Doc2Vec(tagged(), **SMALL, dm=0, dbow_words=1, epochs=2).wv.vectors != before).any()


def test_words_begin_with_pretrained_vectors_and_are_never_frozen():
    given = Word2Vec([d.words for d in tagged()], **SMALL, epochs=3).wv
    model = Doc2Vec(tagged(), **SMALL, dm=0, epochs=1, pretrained=given)
    assert all((model.wv[word] == given[word]).all() for word in given.index_to_key)
    with pytest.raises(ValueError, match="Doc2Vec trains all words"):
        Doc2Vec(tagged(), **SMALL, pretrained=given, freeze=True)


def test_inference_depends_on_the_words_and_the_seed_only():
    model = Doc2Vec(tagged(), **SMALL, epochs=3, workers=1)
    texts = [*two_topics(20, seed=4), [], ["unknown"], ["a1"] * 9000]
    together = model.infer_vectors(texts)
    before = [array.copy() for array in model._trained_arrays()]
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_array_equal(model.infer_vector(text), vector)
    model.workers = 2
    np.testing.assert_array_equal(model.infer_vectors(texts[::-1])[::-1], together)
    for array, old in zip(model._trained_arrays(), before, strict=True):
        np.testing.assert_array_equal(array, old)
    assert (together[20] == together[21]).all() and (together[0] != together[1]).any()
    assert (model.infer_vector(texts[0], epochs=50) != together[0]).any()
    assert (model.infer_vector(texts[0], alpha=0.1, min_alpha=0.1) != together[0]).any()
    model.seed = 5
    assert (model.infer_vector(texts[0]) != together[0]).any()
    assert -1 <= model.similarity_unseen_docs(texts[0], texts[2]) <= 1.0001


def test_training_is_deterministic_and_the_same_documents_may_come_in_any_form(tmp_path):
    texts = two_topics(200)
    first = Doc2Vec([(text, [i]) for i, text in enumerate(texts)], **SMALL, deterministic=True, workers=2)
    (tmp_path / "texts").write_text("".join(" ".join(text) + "\n" for text in texts))
    for source in (
        (TaggedDocument(text, i) for i, text in enumerate(texts)),
        str(tmp_path / "texts"),
        [TaggedDocument(words=text, tags=(np.int64(i),)) for i, text in enumerate(texts)],
    ):
        other = Doc2Vec(source, **SMALL, deterministic=True, workers=1)
        same_model(first, other)
        assert other.dv.index_to_key == list(range(200))
    strings = [TaggedDocument(" ".join(text), str(i)) for i, text in enumerate(texts)]
    other = Doc2Vec(strings, **SMALL, deterministic=True, tokenizer=str.split)
    np.testing.assert_array_equal(other.dv.vectors, first.dv.vectors)
    assert other.dv.index_to_key[:11] == [*"0123456789", "10"]


def test_documents_without_known_words_keep_their_tags(tmp_path):
    texts = [["a", "b"], [], ["rare"], ["b", "a"], ["a"]]
    model = Doc2Vec([(text, f"t{i}") for i, text in enumerate(texts)], **{**SMALL, "min_count": 2}, epochs=5)
    fresh = Doc2Vec([(text, f"t{i}") for i, text in enumerate(texts)], **{**SMALL, "min_count": 2}, epochs=0)
    changed = (model.dv.vectors != fresh.dv.vectors).any(axis=1)
    assert model.dv.index_to_key == ["t0", "t1", "t2", "t3", "t4"] and changed.tolist() == [
        True,
        False,
        False,
        True,
        True,
    ]
    (tmp_path / "lines").write_text("a b\n\nrare\nb a\na\n")
    np.testing.assert_array_equal(
        Doc2Vec(corpus_file=tmp_path / "lines", **{**SMALL, "min_count": 2}, epochs=5).dv.vectors, model.dv.vectors
    )


@pytest.mark.parametrize(
    "mode",
    [{"workers": 1}, {"workers": 2, "deterministic": True}, {"workers": 1, "dm": 1, "dm_concat": 1, "dm_tag_count": 2}],
)
def test_resumed_is_uninterrupted(tmp_path, mode):
    class Stop(Callback):
        def on_epoch_end(self, model):
            if len(model.history_) == 2:
                raise KeyboardInterrupt

    settings = {**SMALL, "epochs": 4, "dm": 0, "dbow_words": 1, **mode}
    whole = Doc2Vec(tagged(), **settings)
    part = Doc2Vec(**settings)
    part.build_vocab(tagged())
    with pytest.raises(KeyboardInterrupt):
        part.train(tagged(), callbacks=[Stop()])
    part.save(tmp_path / "model")
    for loaded in (part, *(Doc2Vec.load(tmp_path / "model", mmap=m) for m in (False, True))):
        assert loaded.train(tagged()) == (6000, 6000)
        same_model(whole, loaded)


def test_a_file_keeps_tags_and_vectors(tmp_path):
    model = Doc2Vec(tagged(50), **SMALL, epochs=1, comment="night")
    model.save(tmp_path / "model")
    for mmap in (False, True):
        loaded = Doc2Vec.load(tmp_path / "model", mmap=mmap)
        assert loaded.dv.index_to_key == model.dv.index_to_key == [0, "a", 1, "b", *range(2, 50)]
        np.testing.assert_array_equal(loaded.dv.vectors, model.dv.vectors)
        np.testing.assert_array_equal(loaded.infer_vector(["a1", "a2"]), model.infer_vector(["a1", "a2"]))
        assert loaded.dv.most_similar("a") == model.dv.most_similar("a") and loaded.get_params() == model.get_params()
    with pytest.raises(ValueError, match="Doc2Vec"):
        Word2Vec.load(tmp_path / "model")


def test_integers_are_tags_and_never_rows_where_tags_are_integers():
    model = Doc2Vec([(["a", "b"], 10**12), (["b", "a"], "x"), (["a"], 1)], **SMALL, epochs=1)
    assert model.dv.index_to_key == [10**12, "x", 1] and len(model.dv.vectors) == 3
    np.testing.assert_array_equal(model.dv[10**12], model.dv.vectors[0])
    np.testing.assert_array_equal(model.dv[1], model.dv.vectors[2])
    assert 0 not in model.dv and {key for key, _ in model.dv.most_similar(1)} == {10**12, "x"}
    for ask in (lambda: model.dv[0], lambda: model.dv.get_vectors([1, 2]), lambda: model.dv.similarity(1, 2)):
        with pytest.raises(KeyError, match="not present"):
            ask()
    named = Doc2Vec([(["a", "b"], "x"), (["b", "a"], "y")], **SMALL, epochs=1)
    np.testing.assert_array_equal(named.dv[1], named.dv["y"])


def test_an_integer_that_is_added_makes_integers_tags():
    tags = Doc2Vec([(["a", "b"], "x"), (["b", "a"], "x")], **SMALL, epochs=1).dv
    assert tags.get_index(0) == 0  # a row
    tags.add_vector(7, np.ones(tags.vector_size))
    with pytest.raises(KeyError, match="Key 0 not present among 2 tags"):
        tags.get_index(0)


def test_changed_document_vectors_are_trained_on():
    model = Doc2Vec(tagged(50), **SMALL, epochs=1)
    model.dv.vectors = np.ones((52, 20), np.float32)
    model.train(tagged(50), epochs=1, start_alpha=1e-9, end_alpha=1e-9)
    np.testing.assert_allclose(model.dv.vectors, 1, atol=1e-4)
    assert np.shares_memory(model.dv.vectors, model._trained_arrays()[-1])
    model.dv.vectors = np.ones((51, 20), np.float32)
    with pytest.raises(ValueError, match="dv: its documents were changed; expected the 52 of the model"):
        model.train(tagged(50))


def test_vocabularies_from_counts_and_from_other_models():
    model = Doc2Vec(**SMALL)
    model.build_vocab_from_freq({"a1": 3, "b1": 2}, corpus_count=2)
    assert model.dv.index_to_key == [0, 1] and model.wv.index_to_key == ["a1", "b1"]
    model.train([(["a1", "b1"], 1), (["a1", "a1"], 0)], epochs=1)
    other = Doc2Vec(**{**SMALL, "vector_size": 4}, dm=0)
    other.reset_from(model)
    assert other.dv.vectors.shape == (2, 4) and other.sg == 1 and other.cbow_mean == 1
    assert other.estimate_memory()["doctag_syn0"] == 2 * 4 * 16


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([["to", "be"]], "expected TaggedDocument.* got list as document 0"),
        (["to be"], "expected TaggedDocument.* got str as document 0: 'to be'"),
        ([(["to"], [None])], "tags: expected strings or integers, got None for document 0"),
        ([(["to"], [True])], "tags: expected strings or integers, got True"),
        ([("to be", ["t"])], "string"),
        ([(["to"], 1.5)], "float"),
        ([(["to"], None)], "tags: expected strings or integers, got NoneType for document 0"),
        ([(["to"], b"tag")], "tags: expected strings or integers, got bytes for document 0"),
    ],
)
def test_documents_of_another_form_are_refused(documents, message):
    with pytest.raises(TypeError, match=message):
        Doc2Vec(documents, **SMALL)


def test_what_does_not_fit_the_model_is_refused():
    model = Doc2Vec(tagged(20), **SMALL, epochs=1)
    for call, error, message in (
        (lambda: model.train([(["a1", "a2"], "new")]), ValueError, "the model has no document 'new'"),
        (lambda: model.build_vocab(tagged(30), update=True), ValueError, "update: a model of documents takes no new words"),
        (lambda: model.infer_vector("a1 a2"), TypeError, "doc_words: expected a list of words, got a string"),
        (lambda: model.infer_vectors(["a1 a2"]), TypeError, "documents: expected lists of words, got a string"),
        (lambda: model.infer_vector(["a1"], epochs=0), ValueError, "epochs"),
        (lambda: model.infer_vector(["a1"], alpha=-1), ValueError, "alpha"),
        (lambda: Doc2Vec().infer_vector(["a1"]), RuntimeError, "no vocabulary"),
        (lambda: Doc2Vec(dm_concat=2), ValueError, "dm_concat"),
        (lambda: Doc2Vec(dm_tag_count=0), ValueError, "dm_tag_count"),
        (lambda: Doc2Vec(dv=model.dv), ValueError, "dv, dv_mapfile: expected None"),
        (lambda: Doc2Vec([(["a"], [])], **SMALL), ValueError, "documents: expected at least one tag"),
        (lambda: Doc2Vec([], **SMALL), ValueError, "the corpus is empty"),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            call()
    model.wv.freeze(["a1"])
    with pytest.raises(ValueError, match="vectors_lockf: Doc2Vec trains all words"):
        model.train(tagged(20))


def test_a_file_holds_vectors_that_a_user_gave(tmp_path):
    model = Doc2Vec(tagged(20), **SMALL, epochs=1)
    model.dv.vectors = np.ones((22, 20))
    model.wv.vectors = np.full(model.wv.vectors.shape, 0.5)
    model.save(tmp_path / "model")
    again = Doc2Vec.load(tmp_path / "model")
    assert (again.dv.vectors == 1).all() and (again.wv.vectors == 0.5).all()
    model.dv.remove_vectors(["a"])
    assert model.infer_vector(["a1"]).shape == (20,)  # needs no documents
    with pytest.raises(ValueError, match="dv: its documents were changed; expected the 22 of the model"):
        model.save(tmp_path / "model")


CONCAT = {**SMALL, "dm_concat": 1, "hs": 1, "window": 3}


def test_concatenated_vectors_have_the_shapes_of_gensim_and_come_back_from_files(tmp_path):
    model = Doc2Vec(tagged(50), **CONCAT, dm_tag_count=2, epochs=2)
    words = len(model.wv)
    assert model.layer1_size == 20 * (2 + 2 * 3) == model.syn1neg.shape[1] == model.syn1.shape[1]
    assert model.estimate_memory()["syn1neg"] == words * 4 * 32 * 8 and model.wv.vectors.shape == (words, 20)
    model.save(tmp_path / "model")
    for mmap in (False, True):
        loaded = Doc2Vec.load(tmp_path / "model", mmap=mmap)
        same_model(model, loaded)
        np.testing.assert_array_equal(loaded.syn1neg, model.syn1neg)
        assert loaded.train(tagged(50), epochs=1)[0] and (loaded.syn1neg != model.syn1neg).any()
    single = Doc2Vec([(text, i) for i, text in enumerate(two_topics(50))], **CONCAT, epochs=2)
    single.save(tmp_path / "model")
    vector = single.infer_vector(["a1", "b2", "a1"])
    for mmap in (False, True):
        np.testing.assert_array_equal(
            Doc2Vec.load(tmp_path / "model", mmap=mmap).infer_vector(["a1", "b2", "a1"]), vector
        )
    assert Doc2Vec(dm=0, dm_concat=1).layer1_size == 100  # PV-DBOW has nothing to concatenate


def test_files_from_before_vectors_were_concatenated_are_read(tmp_path):
    model = Doc2Vec(tagged(20), **SMALL, epochs=1)
    tensors, record, metadata = model._state()
    for name in ("dm_concat", "dm_tag_count"):
        del record["options"][name]
    again = Doc2Vec._restored(tensors, record, metadata, "file")
    assert again.dm_concat == 0
    np.testing.assert_array_equal(again.dv.vectors, model.dv.vectors)


def test_concatenation_wants_as_many_tags_as_it_was_told():
    documents = [*tagged(20), TaggedDocument(["a1", "a2"], ["alone"])]
    with pytest.warns(UserWarning, match="1 of 21 have another number of tags than dm_tag_count=2"):
        model, fresh = (Doc2Vec(documents, **CONCAT, dm_tag_count=2, epochs=epochs) for epochs in (1, 0))
    same = (model.dv.vectors == fresh.dv.vectors).all(axis=1)
    assert [model.dv.index_to_key[i] for i in np.flatnonzero(same)] == ["alone"]
    for call, message in (
        (lambda: model.infer_vector(["a1"]), "infer_vectors: .* expected a model with dm_tag_count=1, got 2"),
        (lambda: model.predict_output_word(["a1"]), "predict_output_word: .* got one with dm_concat=1"),
        (lambda: model.score([["a1"]]), "score: .* got one with dm_concat=1"),
        (lambda: model.set_params(window=2).train(documents), "window: the weights were built with another setting"),
        (lambda: model.set_params(dm_concat=0).train(documents), "dm_concat: the weights were built with another"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_copy_with_given_weights_has_each_matrix_in_its_place():
    model = Doc2Vec(tagged(20), **CONCAT, dm_tag_count=2, epochs=1)
    given = [array + 1 for array in model._weights.arrays()]
    copy = model._beginning_with(given, 3)
    for found, array in zip(copy._weights.arrays(), given, strict=True):
        np.testing.assert_array_equal(found, array)
    np.testing.assert_array_equal(copy.dv.vectors, model.dv.vectors + 1)
    assert copy.epochs_trained == 3 and copy.dv.index_to_key == model.dv.index_to_key
