"""What people do with the folders of models: texts in, vectors, labels and texts out; and what is wrong with folders."""

import json

import numpy as np
import pretrained_record as recorded
import pytest

import seqnn
from seqnn import _safetensors, load_pretrained
from seqnn.models import BERT
from seqnn.pretrained import Classifier, Encoder, MaskedLanguageModel, PretrainedModel, StaticEncoder

tokenizers = pytest.importorskip("tokenizers")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "on", "mat", "dog", "ran"]


def tokenizer_of(folder, template=True, padded=False):
    """Write a tokenizer.json of words; one of BERT's kind adds [CLS] and [SEP]."""
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, "[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.add_special_tokens(WORDS[:5])
    if template:
        pair = "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1"
        made.post_processor = tokenizers.processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair=pair, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    if padded:  # as the files of MiniLM are
        made.enable_padding(length=12)
        made.enable_truncation(3)
    made.save(str(folder / "tokenizer.json"))


@pytest.fixture
def bert(tmp_path):
    """Return a function that makes a folder of a recorded model with a tokenizer."""

    def make(name="BertModel", **options):
        folder = recorded.folder(tmp_path / name, name)[0]
        tokenizer_of(folder, **options)
        return folder

    return make


def sentence_folder(folder, *modules, pooling="pooling_mode_mean_tokens", value=True, **bert_config):
    """Make the folder one of sentence-transformers."""
    listed = [("Transformer", ""), ("Pooling", "1_Pooling"), *modules]
    text = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in listed]
    (folder / "modules.json").write_text(json.dumps(text))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 8, pooling: value}))
    (folder / "sentence_bert_config.json").write_text(json.dumps(bert_config))
    return folder


SENTENCES = ["the cat sat", "dog", "the cat sat on the mat", "the dog ran on the cat"]
IDS = [[2, 5, 6, 7, 3], [2, 10, 3], [2, 5, 6, 7, 8, 5, 9, 3], [2, 5, 10, 11, 8, 5, 6, 3]]


def test_vectors_of_sentences_are_the_means_over_their_tokens_in_any_batches(bert):
    model = load_pretrained(bert(padded=True))
    assert type(model) is Encoder and isinstance(model.model, BERT)
    expected = np.stack([model.model([row]).numpy()[0].mean(axis=0) for row in IDS])
    for size in (1, 2, 32):
        np.testing.assert_allclose(model.embed(SENTENCES, batch_size=size), expected, atol=1e-5)
    np.testing.assert_allclose(model.embed([np.array(row) for row in IDS]), expected, atol=1e-5)
    np.testing.assert_allclose(model.embed(SENTENCES[1]), expected[1], atol=1e-5)
    normal = model.embed(SENTENCES, normalize=True)
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)
    assert model.embed([]).shape == (0, 8) and model.embed("").shape == (8,)


def test_threads_do_not_change_vectors(bert):
    model, found = load_pretrained(bert()), []
    for count in (1, 2):
        with seqnn.threads(count):
            found.append(model.embed(SENTENCES * 20))
    np.testing.assert_array_equal(*found)


POOLED = {
    "pooling_mode_cls_token": lambda h: h[0],
    "pooling_mode_max_tokens": lambda h: h.max(axis=0),
    "pooling_mode_mean_tokens": lambda h: h.mean(axis=0),
    "pooling_mode_mean_sqrt_len_tokens": lambda h: h.sum(axis=0) / np.sqrt(len(h)),
    "pooling_mode_weightedmean_tokens": lambda h: np.average(h, axis=0, weights=np.arange(1, len(h) + 1)),
    "pooling_mode_lasttoken": lambda h: h[-1],
}


@pytest.mark.parametrize("pooling", POOLED)
def test_a_folder_of_sentence_transformers_says_how_sentences_are_pooled(pooling, bert):
    folder = sentence_folder(
        bert(), ("Dense", "2_Dense"), ("Normalize", "3_Normalize"), pooling=pooling, max_seq_length=6
    )
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text('{"activation_function": "torch.nn.modules.activation.Tanh"}')
    draw = np.random.default_rng(0)
    dense = {"linear.weight": draw.normal(size=(5, 8)).astype("f"), "linear.bias": draw.normal(size=5).astype("f")}
    _safetensors.save(folder / "2_Dense" / "model.safetensors", dense)
    model, expected = load_pretrained(folder), []
    for row in IDS:
        ids = row if len(row) <= 6 else [*row[:5], 3]
        pooled = POOLED[pooling](model.model([ids]).numpy()[0].astype(np.float64))
        vector = np.tanh(dense["linear.weight"] @ pooled + dense["linear.bias"])
        expected.append(vector / np.linalg.norm(vector))
    np.testing.assert_allclose(model.embed(SENTENCES), expected, atol=1e-5)
    model.save_pretrained(folder.parent / "copy")
    np.testing.assert_array_equal(load_pretrained(folder.parent / "copy").embed(SENTENCES), model.embed(SENTENCES))


def test_the_prompt_of_a_folder_stands_before_each_text(bert):
    folder = sentence_folder(bert())
    prompts = {"prompts": {"query": "the "}, "default_prompt_name": "query"}
    plain = load_pretrained(folder).embed(["the cat"])
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    np.testing.assert_array_equal(load_pretrained(folder).embed(["cat"]), plain)


def static_folder(folder, **arrays):
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "model2vec", "normalize": true}')
    draw = np.random.default_rng(0)
    table = {"embeddings": draw.normal(size=(len(WORDS), 4)).astype(np.float16), **arrays}
    _safetensors.save(folder / "model.safetensors", table)
    tokenizer_of(folder)
    return folder, table


def test_static_vectors_are_means_without_unknown_words(tmp_path):
    folder, table = static_folder(tmp_path / "plain")
    model = load_pretrained(folder)
    assert type(model) is StaticEncoder
    mean = table["embeddings"].astype("f")[[5, 6, 7]].mean(axis=0)
    np.testing.assert_allclose(model.embed("the cat zebra sat"), mean / np.linalg.norm(mean), rtol=1e-5)
    np.testing.assert_allclose(model.embed(["the cat sat"], normalize=False), [mean], rtol=1e-5)
    np.testing.assert_array_equal(model.embed(["zebra", ""]), np.zeros((2, 4)))
    mapping, weights = np.arange(12)[::-1].copy(), np.linspace(1, 2, 12)
    folder, table = static_folder(tmp_path / "shared", mapping=mapping, weights=weights)
    model, ids = load_pretrained(folder), np.array([5, 6])
    expected = (table["embeddings"].astype("f")[11 - ids] * weights[ids, None]).mean(axis=0)
    np.testing.assert_allclose(model.embed("the cat", normalize=False), expected, rtol=1e-5)
    model.save_pretrained(tmp_path / "copy")
    np.testing.assert_array_equal(load_pretrained(tmp_path / "copy").embed(SENTENCES), model.embed(SENTENCES))


def test_hidden_words_are_filled_in(bert):
    model = load_pretrained(bert("BertForMaskedLM"))
    assert type(model) is MaskedLanguageModel and model.embed(SENTENCES).shape == (4, 8)
    (first, second) = model.fill_mask("the [MASK] sat on [MASK]", top_k=3)
    ids = [2, 5, 4, 7, 8, 4, 3]
    logits = model.model([ids]).numpy()[0].astype(np.float64)
    for place, fillings in ((2, first), (5, second)):
        probabilities = np.exp(logits[place]) / np.exp(logits[place]).sum()
        best = np.argsort(-probabilities)[:3]
        assert [filling.id for filling in fillings] == best.tolist()
        np.testing.assert_allclose([filling.probability for filling in fillings], probabilities[best], rtol=1e-4)
    assert [f.id for f in model.fill_mask(np.array(ids), mask_id=4)[0]] == [f.id for f in model.fill_mask(ids, 5)[0]]
    with pytest.raises(ValueError, match=r"text: expected the mask token \[MASK\] \(number 4\), got none"):
        model.fill_mask("the cat")
    with pytest.raises(ValueError, match="expected at most max_positions=16, got 22"):
        model.fill_mask("the [MASK] " * 10)


def test_all_hidden_words_are_filled_in_so_that_they_fit_together(bert):
    model = load_pretrained(bert("BertForMaskedLM"))
    for order in ("parallel", "confidence"):
        filled = model.fill_masks("the [MASK] sat on [MASK]", order=order)
        expected = model.model.fill_masks([[2, 5, 4, 7, 8, 4, 3]], 4, order=order)
        np.testing.assert_array_equal(filled.ids, expected.ids[0])
        np.testing.assert_array_equal(filled.scores, expected.scores[0, [2, 5]])
        assert filled.text == model.tokenizer.decode(expected.ids[0]) and len(filled.tokens) == 2
    assert model.fill_masks([2, 4, 3], mask_id=4).ids[1] == model.fill_mask([2, 4, 3], 2)[0][0].id
    with pytest.raises(ValueError, match=r"text: expected the mask token \[MASK\] \(number 4\), got none"):
        model.fill_masks("the cat")


def test_classes_have_their_names_and_probabilities(bert):
    folder = bert("BertForSequenceClassification")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "id2label": {"0": "bad", "1": "so-so", "2": "good"}}))
    model = load_pretrained(folder)
    assert type(model) is Classifier
    expected = np.stack([np.exp(row) / np.exp(row).sum() for row in (model.model([ids]).numpy()[0] for ids in IDS)])
    np.testing.assert_allclose(model.predict_proba(SENTENCES), expected, atol=1e-5)
    labels = [model.classes[i] for i in expected.argmax(axis=1)]
    assert model.predict(SENTENCES) == labels and model.predict(SENTENCES[0]) == labels[0]
    pair = model.model([[2, 5, 3, 6, 3]], [5], [[0, 0, 0, 1, 1]]).numpy()[0]
    np.testing.assert_allclose(model.predict_proba(("the", "cat")), np.exp(pair) / np.exp(pair).sum(), atol=1e-5)


def test_texts_are_continued_and_streamed(tmp_path):
    folder = recorded.folder(tmp_path / "gpt", "GPT2LMHeadModel")[0]
    tokenizer_of(folder, template=False)
    model = load_pretrained(folder)
    tokens = model.generate([[5, 6]], 5)[0]
    assert model.generate("the cat", 5) == model.tokenizer.decode(tokens)
    assert "".join(model.stream("the cat", 5)) == model.tokenizer.decode(tokens[2:])
    assert list(model.stream([5, 6], 5)) == model.generate([[5, 6]], 5)[0, 2:].tolist()
    with pytest.raises(ValueError, match="exceed max_positions=16"):
        model.generate("the cat", 50)


def test_ids_work_without_a_tokenizer(bert):
    folder = bert()
    expected = load_pretrained(folder).embed(IDS)
    (folder / "tokenizer.json").unlink()
    model = load_pretrained(folder)
    np.testing.assert_array_equal(model.embed(IDS), expected)
    with pytest.raises(ValueError, match=r"sentences: expected token ids, got texts: there is no tokenizer\.json in"):
        model.embed(SENTENCES)
    for wrong in ([1.5], [[]], [None], 3, {"a": 1}):
        with pytest.raises(TypeError, match="sentences: expected"):
            model.embed(wrong)


def test_a_head_without_a_use_is_the_network_alone(tmp_path):
    folder = recorded.folder(tmp_path / "model", "BertForSequenceClassification")[0]
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertForTokenClassification"]}))
    state = _safetensors.load(folder / "model.safetensors")[0]
    state = {key: array.copy() for key, array in state.items() if "pooler" not in key}
    _safetensors.save(folder / "model.safetensors", state)
    model = load_pretrained(folder)
    assert type(model) is PretrainedModel and model.model([[2, 5, 3]]).shape == (1, 3, 3)


def test_a_quantised_model_embeds_but_is_not_saved(bert, tmp_path):
    model = load_pretrained(bert())
    expected = model.embed(SENTENCES, normalize=True)
    model.model.quantize("int8")
    assert ((model.embed(SENTENCES, normalize=True) * expected).sum(axis=1) > 0.99).all()
    with pytest.raises(ValueError, match="expected float32 weights, got a quantised model"):
        model.save_pretrained(tmp_path / "copy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "config.json").unlink(), r"expected a config\.json beside the weights"),
        (lambda f: changed(f, architectures=["DebertaModel"]), r"expected one of GPT2LMHeadModel, .*BertModel.*'DebertaModel'"),
        (lambda f: changed(f, vocab_size=32), r"embedding\.weight: expected shape \(32, 8\), got \(31, 8\)"),
        (lambda f: changed(f, hidden_act="mish"), "the activation 'mish' is none of"),
        (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:900]), r"model\.safetensors"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), r"pytorch_model\.bin: a file of torch\.save"),
        (lambda f: (f / "modules.json").write_text("[]{"), r"modules\.json: expected a list of modules"),
        (lambda f: sentence_folder(f, ("CNN", "2_CNN")), r"expected Transformer, Pooling, .* got CNN as number 2"),
        (lambda f: sentence_folder(f, ("Dense", "2_Dense")), "2_Dense: expected a folder with config"),
        (lambda f: sentence_folder(f, ("Normalize", ""), ("Pooling", "1_Pooling")), "got Pooling as number 3"),
        (lambda f: (f / "tokenizer.json").write_text("{"), r"tokenizer\.json: not a tokenizer\.json"),
        (lambda f: changed(f, hidden_size="8"), r"config\.json: hidden_size: expected an integer >= 1, got '8'"),
        (lambda f: changed(f, num_hidden_layers=10**9), r"config\.json: says 1000000000 layers, but there are only"),
        (lambda f: sentence_folder(f, ("Normalize", "../outside")), r"expected paths inside the folder, got '\.\./outside'"),
        (lambda f: sentence_folder(f, ("Normalize", "/outside")), r"expected paths inside the folder, got '/outside'"),
        (lambda f: sentence_folder(f, pooling="pooling_mode"), r"1_Pooling/config\.json: pooling: expected some of .*got True"),
        (lambda f: prompted(sentence_folder(f), ["x"]), r"expected prompts by their names, got \['x'\]"),
        (lambda f: prompted(sentence_folder(f, pooling="include_prompt", value=False), {"q": "dog "}), "include_prompt=False"),
        (lambda f: with_dense(f, (4, 9), (4,)), r"expected a dense layer for vectors of 8 numbers, got 9"),
        (lambda f: with_dense(f, (4, 8), (3,)), r"expected linear\.weight \[O, I\] .* got \[4, 8\] and \[3\]"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_folder_is_named(change, message, bert):
    folder = bert()
    change(folder)
    with pytest.raises(ValueError, match=message) as caught:
        load_pretrained(folder)
    assert str(folder) in str(caught.value)


def prompted(folder, prompts):
    """Let a folder of sentence-transformers ask for a prompt."""
    config = {"default_prompt_name": "q", "prompts": prompts}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))


def with_dense(folder, weight, bias):
    """Give a folder of sentence-transformers a dense layer with arrays of these shapes."""
    dense = sentence_folder(folder, ("Dense", "2_Dense")) / "2_Dense"
    dense.mkdir()
    (dense / "config.json").write_text("{}")
    arrays = {"linear.weight": np.ones(weight, np.float32), "linear.bias": np.ones(bias, np.float32)}
    _safetensors.save(dense / "model.safetensors", arrays)


def changed(folder, **options):
    """Change the configuration of a folder."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **options}))


def test_a_missing_shard_is_named(bert):
    folder = bert()
    state = _safetensors.load(folder / "model.safetensors")[0]
    (folder / "model.safetensors").unlink()
    index = {"weight_map": dict.fromkeys(state, "model-00002-of-00002.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=r"names the file model-00002-of-00002\.safetensors, which is missing"):
        load_pretrained(folder)


def test_a_folder_may_ask_for_lower_case(bert):
    model = load_pretrained(sentence_folder(bert(), do_lower_case=True))
    assert np.array_equal(model.embed(["The CAT sat"]), model.embed(["the cat sat"]))


def test_names_of_classes_that_are_no_names_are_refused(bert):
    folder = bert("BertForSequenceClassification")
    changed(folder, id2label=["bad", "good"])
    with pytest.raises(ValueError, match=r"config\.json: id2label: expected names by numbers, got \['bad'"):
        load_pretrained(folder)


@pytest.mark.parametrize(
    ("config", "arrays", "message"),
    [
        ({"max_length": "many"}, {}, "max_length: expected an integer >= 1, got 'many'"),
        ({}, {"mapping": np.zeros((12, 2), np.int64)}, r"mapping: expected integers \[tokens\], got int64 \[12, 2\]"),
        ({}, {"mapping": np.zeros(12, np.float32)}, r"mapping: expected integers \[tokens\], got float32"),
        ({}, {"embeddings": np.float32(1)}, r"expected a table \[V, D\]"),
    ],
)
def test_what_is_wrong_with_a_static_encoder_is_named(config, arrays, message, tmp_path):
    table = {"embeddings": np.ones((12, 4), np.float32)}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "model2vec", **config}))
    _safetensors.save(tmp_path / "model.safetensors", {**table, **arrays})
    with pytest.raises(ValueError, match=message) as caught:
        load_pretrained(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_tokens_that_a_static_encoder_has_not_are_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "model2vec"}')
    _safetensors.save(tmp_path / "model.safetensors", {"embeddings": np.ones((12, 4), np.float32)})
    tokenizer_of(tmp_path)
    model = load_pretrained(tmp_path)
    for ids in ([[3], [12]], [[3], [-1]]):
        with pytest.raises(ValueError, match=r"sentences: expected token ids in \[0, 12\), got .* at 1"):
            model.embed(ids)
    with pytest.raises(TypeError, match="sentences: expected texts, or the token ids of each, got 'cat' at 0"):
        model.embed(["cat", 3])
    with pytest.raises(TypeError, match="sentences: expected texts, or the token ids"):
        model.embed([[1, [2, 3]]])


def test_a_head_that_is_no_matrix_is_named(bert):
    folder = bert("BertForSequenceClassification")
    state = {name: np.array(array) for name, array in _safetensors.load(folder / "model.safetensors")[0].items()}
    _safetensors.save(folder / "model.safetensors", {**state, "classifier.weight": state["classifier.weight"].ravel()})
    with pytest.raises(ValueError, match=r"classifier\.weight: expected \[classes, width\], got \["):
        load_pretrained(folder)
