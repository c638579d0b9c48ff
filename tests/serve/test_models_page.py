"""What the page asks of models, over HTTP."""

import base64

import numpy as np
import pytest
from served import asked, client, pretrained, refused

from seqnn import decode, load_pretrained, models
from seqnn.lm import NGramLM

pytest.importorskip("starlette.testclient")
pytest.importorskip("tokenizers")


def unpacked(part):
    shape = part["layers"], part["heads"], len(part["rows"]), len(part["columns"])
    return np.frombuffer(base64.b64decode(part["weights"]), "<u2").reshape(shape) / 65535


ENCODERS = [
    "BertModel",
    "BertForMaskedLM",
    "BertForSequenceClassification",
    "DistilBertForMaskedLM",
    "ElectraModel",
    "MPNetModel",
]
WRITERS = [
    "GPT2LMHeadModel",
    "LlamaForCausalLM",
    "Qwen2ForCausalLM",
    "T5ForConditionalGeneration",
    "BartForConditionalGeneration",
]


@pytest.mark.parametrize("name", [*ENCODERS, *WRITERS])
def test_each_token_spreads_a_weight_of_one_in_every_layer_and_head(tmp_path, name):
    page = client(pretrained(tmp_path, name))
    parts = asked(page, "attention", text="the cat sat")["parts"]
    for part in parts:
        weights = unpacked(part)
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-3)
        if name in WRITERS[:3] or part["name"] == "answer → answer":
            assert not np.triu(weights, 1).any()
    expected = ["text → text", "answer → text", "answer → answer"] if name in WRITERS[3:] else ["text → text"]
    assert [part["name"] for part in parts] == expected
    assert [token.strip() for token in parts[0]["rows"]] == ["the", "cat", "sat"]


def test_weights_are_those_of_the_model(tmp_path):
    model = pretrained(tmp_path, "GPT2LMHeadModel")
    (part,) = asked(client(model), "attention", text="the cat sat")["parts"]
    ids = model.tokenizer.encode("the cat sat")
    _, expected = model.model.encode(ids[None], need_weights=True)
    np.testing.assert_allclose(unpacked(part), np.concatenate([layer.numpy() for layer in expected]), atol=1e-5)


def test_a_text_that_is_too_long_or_empty_is_told(tmp_path):
    page = client(pretrained(tmp_path, "BertModel"))
    assert (
        refused(page, "attention", text="the cat " * 10)["message"] == "text: expected a text of 1 to 16 tokens, got 20"
    )
    assert refused(page, "attention", text=" ")["argument"] == "text"
    assert refused(page, "attention", text="x" * 5001)["got"] == "5001"
    assert refused(page, "attention", text=["the"])["argument"] == "text"


@pytest.mark.parametrize("name", WRITERS)
def test_beams_are_those_of_decoding_with_their_tree(tmp_path, name):
    model = pretrained(tmp_path, name)
    found = asked(client(model), "beams", text="the cat", num_beams=3, max_new_tokens=4)
    options = model.options({"num_beams": 3, "max_new_tokens": 4, "num_return_sequences": 3, "do_sample": False})
    expected = decode.generate(model.model, "the cat", **options)
    assert [each["text"] for each in found["sequences"]] == expected.texts
    assert [each["score"] for each in found["sequences"]] == pytest.approx(expected.scores.tolist(), abs=1e-5)
    tree = found["tree"]
    assert tree["tokens"][0] == "the cat" and tree["parents"][0] == -1
    path, node = [], tree["best"][0]
    while node > 0:
        path, node = [tree["tokens"][node], *path], tree["parents"][node]
    assert path == found["sequences"][0]["tokens"]
    assert sum(found["sequences"][0]["log_probs"]) < 0


def test_beams_of_a_language_model_of_words():
    model = NGramLM(order=2).fit(["the cat sat", "the cat ran", "a dog sat"] * 3)
    page = client(model, name="words")
    assert page.get("/api/about").json()["views"] == ["beams"]
    found = asked(page, "beams", text="the", num_beams=2, max_new_tokens=3)
    assert found["sequences"][0]["tokens"][0] == "cat"


def test_beams_of_a_network_that_was_fitted_to_texts():
    model = models.LanguageModel(hidden_size=4, tokenizer=list, batch_size=2, max_iter=1, random_state=0)
    model.fit(["the cat sat", "a dog ran"] * 8)
    found = asked(client(model), "beams", text="the c", num_beams=2, max_new_tokens=3)
    expected = decode.generate(model, "the c", num_beams=2, max_new_tokens=3, num_return_sequences=2)
    assert [each["text"] for each in found["sequences"]] == expected.texts
    assert "".join(found["sequences"][0]["tokens"]).startswith(expected.texts[0])


def test_a_language_model_that_reads_no_texts_is_refused():
    numbers = models.LanguageModel(hidden_size=4, batch_size=2, max_iter=1, random_state=0).fit([[1, 2, 0]] * 8)
    network = models.GPT(3, max_positions=2, d_model=2, nhead=1, num_layers=1, dim_feedforward=2)
    for model in (models.LanguageModel(), numbers, network):
        with pytest.raises(ValueError, match="a language model that was fitted to texts"):
            client(model)


@pytest.mark.parametrize(
    ("fields", "argument"),
    [
        ({"num_beams": 1}, "num_beams"),
        ({"num_beams": 17}, "num_beams"),
        ({"max_new_tokens": 65}, "max_new_tokens"),
        ({"max_new_tokens": 60}, "max_new_tokens"),
        ({"length_penalty": "1"}, "length_penalty"),
        ({"length_penalty": 1e300}, "length_penalty"),
        ({"do_sample": True}, "request"),
    ],
)
def test_bad_options_of_a_search_are_told(tmp_path, fields, argument):
    page = client(pretrained(tmp_path, "GPT2LMHeadModel"))
    assert argument in refused(page, "beams", text="the cat", **fields)["message"]


def test_hidden_places_are_filled_in(tmp_path):
    model = pretrained(tmp_path, "BertForMaskedLM")
    page = client(model)
    assert page.get("/api/about").json()["model"] == {"kind": "BERTForPretraining", "mask": "[MASK]"}
    (place,) = asked(page, "fill", text="the [MASK] sat", top_k=3)["places"]
    (expected,) = model.fill_mask("the [MASK] sat", 3)
    assert [each["token"] for each in place] == [filling.token for filling in expected]
    assert [each["probability"] for each in place] == pytest.approx([f.probability for f in expected])
    assert "expected the mask token [MASK]" in refused(page, "fill", text="the cat")["message"]
    assert refused(page, "fill", text="the [MASK]", top_k=51)["argument"] == "top_k"


def test_the_vectors_of_the_tokens_can_be_explored(tmp_path):
    page = client(pretrained(tmp_path, "BertModel"))
    told = page.get("/api/about").json()
    assert told["words"]["size"] == 8 and {"neighbours", "map", "attention"} <= set(told["views"])
    assert asked(page, "neighbours", positive=["cat"], topn=3)["neighbours"]


def test_a_question_that_the_model_has_no_answer_for_is_not_found(tmp_path):
    page = client(pretrained(tmp_path, "BertModel"))
    assert page.post("/api/beams", json={"text": "the"}).status_code == 404


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    made = pretrained(tmp_path, "GPT2LMHeadModel").folder
    (made / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"expected vectors, or a model with a tokenizer\.json"):
        client(load_pretrained(made))
