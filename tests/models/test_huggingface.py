"""GPT, BERT and T5 give the numbers of Hugging Face's models with the same weights."""

import numpy as np
import pytest

from seqnn import load_pretrained
from seqnn.autograd import no_grad
from seqnn.models import BERT, GPT, T5, BERTForPretraining

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def from_huggingface(folder):
    """The network of a folder, whatever its head."""
    return load_pretrained(folder).model


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def ids(*shape, low=2, high=60, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape)


def close(ours, theirs):
    theirs = theirs.detach().numpy()
    with no_grad():
        np.testing.assert_allclose(np.asarray(ours), theirs, atol=1e-5 * max(1.0, np.abs(theirs).max()))


def shaken(model):
    """The model with all parameters random, so that no zero bias and no norm of ones hides a mistake."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def test_gpt(tmp_path):
    config = transformers.GPT2Config(vocab_size=60, n_positions=24, n_embd=32, n_layer=3, n_head=4)
    theirs = shaken(transformers.GPT2LMHeadModel(config))
    ours = GPT(60, max_positions=24, d_model=32, nhead=4, num_layers=3).eval()
    state = {k: v.numpy() for k, v in theirs.state_dict().items()}
    assert ours.load_huggingface(state) is ours
    x = ids(3, 20)
    close(ours(x), theirs(torch.from_numpy(x)).logits)
    expected = theirs.generate(torch.from_numpy(x[:, :5]), max_new_tokens=10, do_sample=False, pad_token_id=0)
    np.testing.assert_array_equal(ours.generate(x[:, :5], 10), expected.numpy())
    for parameter in ours.parameters():
        parameter.data[:] = 0
    theirs.save_pretrained(tmp_path)
    close(ours.load_huggingface(tmp_path / "model.safetensors")(x), theirs(torch.from_numpy(x)).logits)


def bert_config():
    """Sizes of a small BERT."""
    return transformers.BertConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=24,
    )


def test_bert(tmp_path):
    theirs = shaken(transformers.BertForPreTraining(bert_config()))
    ours = BERTForPretraining(BERT(60, max_positions=24, d_model=32, nhead=4, num_layers=3)).eval()
    theirs.save_pretrained(tmp_path)
    ours.load_huggingface(tmp_path / "model.safetensors")
    x, segments, lengths = ids(3, 20), ids(3, 20, low=0, high=2, seed=1), np.array([20, 7, 13])
    inside = np.arange(20) < lengths[:, None]
    expected = theirs(
        torch.from_numpy(x), attention_mask=torch.from_numpy(inside).long(), token_type_ids=torch.from_numpy(segments)
    )
    tokens, follows = ours(x, lengths, segments)
    close(tokens.numpy()[inside], expected.prediction_logits[torch.from_numpy(inside)])
    close(follows, expected.seq_relationship_logits)
    bare = BERT(60, max_positions=24, d_model=32, nhead=4, num_layers=3).eval().load_huggingface(theirs.state_dict())
    close(bare.pool(bare(x)), theirs.bert(torch.from_numpy(x)).pooler_output)
    old = {
        k.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): v
        for k, v in theirs.state_dict().items()
    }
    again = BERTForPretraining(BERT(60, max_positions=24, d_model=32, nhead=4, num_layers=3)).eval()
    close(again.load_huggingface(old)(x, lengths, segments)[0], torch.from_numpy(tokens.data))
    only = transformers.BertModel(bert_config()).eval()
    close(bare.load_huggingface(only.state_dict())(x), only(torch.from_numpy(x)).last_hidden_state)


@pytest.mark.parametrize("newer", [False, True])
def test_t5(newer, tmp_path):
    config = transformers.T5Config(
        vocab_size=60,
        d_model=32,
        d_kv=12,
        d_ff=48,
        num_layers=2,
        num_decoder_layers=3,
        num_heads=4,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=12,
        feed_forward_proj="gated-gelu" if newer else "relu",
        tie_word_embeddings=not newer,
        decoder_start_token_id=0,
    )
    theirs = shaken(transformers.T5ForConditionalGeneration(config))
    ours = T5(
        60,
        d_model=32,
        head_dim=12,
        nhead=4,
        num_layers=2,
        num_decoder_layers=3,
        dim_feedforward=48,
        buckets=8,
        max_distance=12,
        activation="geglu_tanh" if newer else "relu",
        tied=not newer,
    ).eval()
    if newer:
        theirs.lm_head.weight = torch.nn.Parameter(torch.randn(60, 32))  # a table of its own, as in their checkpoints
        ours.load_huggingface(theirs.state_dict())
    else:
        theirs.save_pretrained(tmp_path)
        ours.load_huggingface(tmp_path / "model.safetensors")
    x, y, lengths = ids(3, 20), ids(3, 15, seed=1), np.array([20, 7, 13])
    mask = torch.from_numpy((np.arange(20) < lengths[:, None]).astype(np.int64))
    expected = theirs(torch.from_numpy(x), attention_mask=mask, labels=torch.from_numpy(y))
    close(ours(x, lengths, ours.shift_right(y)), expected.logits)
    close(ours(x, lengths, ours.shift_right(y), y), expected.loss)
    plain = {"max_new_tokens": 8, "do_sample": False, "use_cache": False}  # their cache takes one number of layers
    expected = theirs.generate(torch.from_numpy(x), attention_mask=mask, **plain)
    found = ours.generate(x, 8, lengths=lengths)
    expected = expected.numpy()[:, 1 : 1 + found.shape[1]]
    ended = np.cumsum(expected == 1, axis=1) > 0
    np.testing.assert_array_equal(found, np.where(ended, 1, expected))


def test_what_does_not_fit_is_listed():
    config = transformers.GPT2Config(vocab_size=60, n_positions=24, n_embd=32, n_layer=2, n_head=4)
    theirs = transformers.GPT2Model(config)
    model = GPT(60, max_positions=24, d_model=32, nhead=4, num_layers=1)
    before = model.embedding.weight.data.copy()
    with pytest.raises(ValueError, match=r"left over h\.1\.ln_1\.weight, "):
        model.load_huggingface(theirs.state_dict())
    np.testing.assert_array_equal(model.embedding.weight.data, before)
    with pytest.raises(ValueError, match=r"missing h\.2\.attn\.c_attn\.weight, "):
        GPT(60, max_positions=24, d_model=32, nhead=4, num_layers=3).load_huggingface(theirs.state_dict())


def gpt_config(**options):
    sizes = {"vocab_size": 60, "n_positions": 24, "n_embd": 32, "n_layer": 2, "n_head": 4}
    return transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=1, pad_token_id=0, **options)


def t5_config(**options):
    sizes = {"vocab_size": 60, "d_model": 32, "d_kv": 12, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    return transformers.T5Config(**sizes, decoder_start_token_id=0, **options)


ARCHITECTURES = {
    "GPT2LMHeadModel": (gpt_config(), lambda out: [out.logits]),
    "GPT2Model": (gpt_config(activation_function="relu", n_inner=40), None),
    "GPT2ForSequenceClassification": (gpt_config(num_labels=3), lambda out: [out.logits]),
    "BertModel": (bert_config(), lambda out: [out.last_hidden_state]),
    "BertForPreTraining": (bert_config(), lambda out: [out.prediction_logits, out.seq_relationship_logits]),
    "BertForMaskedLM": (bert_config(), lambda out: [out.logits]),
    "BertForSequenceClassification": (bert_config(), lambda out: [out.logits]),
    "BertForTokenClassification": (bert_config(), lambda out: [out.logits]),
    "BertForQuestionAnswering": (bert_config(), lambda out: [torch.stack([out.start_logits, out.end_logits], -1)]),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_folder_gives_the_numbers_of_its_model(name, tmp_path):
    config, outputs = ARCHITECTURES[name]
    theirs = shaken(getattr(transformers, name)(config))
    theirs.save_pretrained(tmp_path, max_shard_size="20KB")
    ours = from_huggingface(tmp_path)
    x = ids(3, 20)
    if outputs is None:
        close(ours.encode(x), theirs(torch.from_numpy(x)).last_hidden_state)
        return
    x[x == 0] = 2  # their classifiers look for the padding
    expected, found = outputs(theirs(torch.from_numpy(x))), ours(x)
    for a, b in zip(found if isinstance(found, tuple) else [found], expected, strict=True):
        close(a, b)


@pytest.mark.parametrize("name", ["T5ForConditionalGeneration", "T5EncoderModel"])
@pytest.mark.parametrize(
    "options",
    [{}, {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}, {"feed_forward_proj": "gated-silu"}],
)
def test_a_folder_of_t5(name, options, tmp_path):
    theirs = shaken(getattr(transformers, name)(t5_config(**options)))
    theirs.save_pretrained(tmp_path)
    ours = from_huggingface(tmp_path)
    x, y = ids(3, 20), ids(3, 9, seed=1)
    if name == "T5EncoderModel":
        close(ours.encode(x), theirs(torch.from_numpy(x)).last_hidden_state)
    else:
        close(ours(x, None, ours.shift_right(y)), theirs(torch.from_numpy(x), labels=torch.from_numpy(y)).logits)


@pytest.mark.parametrize("activation", ["relu", "silu", "gelu_new"])
def test_the_token_head_of_bert_has_the_activation_of_its_encoder(activation, tmp_path):
    config = bert_config()
    config.hidden_act = activation
    theirs = shaken(transformers.BertForPreTraining(config))
    theirs.save_pretrained(tmp_path)
    tokens, follows = from_huggingface(tmp_path)(ids(2, 9))
    expected = theirs(torch.from_numpy(ids(2, 9)))
    close(tokens, expected.prediction_logits)
    close(follows, expected.seq_relationship_logits)


def test_bfloat16_folders(tmp_path):
    theirs = shaken(transformers.GPT2LMHeadModel(gpt_config())).to(torch.bfloat16)
    theirs.save_pretrained(tmp_path)
    x = ids(2, 9)
    expected = theirs.float()(torch.from_numpy(x)).logits
    close(from_huggingface(tmp_path)(x), expected)
    close(GPT.from_huggingface(tmp_path).load_huggingface(theirs.to(torch.bfloat16).state_dict())(x), expected)
    close(GPT.from_huggingface(tmp_path).load_huggingface(dict(theirs.float().named_parameters()))(x), expected)


def test_prompts_of_unequal_length_are_those_of_left_padding(tmp_path):
    theirs = shaken(transformers.GPT2LMHeadModel(gpt_config()))
    theirs.save_pretrained(tmp_path)
    ours, lengths = from_huggingface(tmp_path), np.array([7, 3, 5])
    mask = np.arange(7) >= (7 - lengths)[:, None]
    x = np.where(mask, ids(3, 7), 0)
    expected = theirs.generate(
        torch.from_numpy(x), attention_mask=torch.from_numpy(mask.astype(np.int64)), max_new_tokens=8, do_sample=False
    ).numpy()
    found = ours.generate(x, 8, attention_mask=mask)
    ended = np.cumsum(expected[:, 7:] == 1, axis=1) - (expected[:, 7:] == 1) > 0
    np.testing.assert_array_equal(found[:, 7:][~ended], expected[:, 7:][~ended])
    right = np.zeros_like(x)
    for row, (prompt, length) in enumerate(zip(x, lengths, strict=True)):
        right[row, :length] = prompt[-length:]
    written = ours.generate(right, 8, lengths=lengths)
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(written[row, : length + 8], found[row, 7 - length :])


def test_padding_anywhere_is_that_of_an_attention_mask(tmp_path):
    x, y = ids(3, 12), ids(3, 6, seed=1)
    mask = np.random.default_rng(3).random((3, 12)) < 0.6
    mask[:, -1] = True
    inside, theirs_mask = torch.from_numpy(mask), torch.from_numpy(mask.astype(np.int64))
    bert = shaken(transformers.BertModel(bert_config()))
    bert.save_pretrained(tmp_path)
    close(
        from_huggingface(tmp_path)(x, attention_mask=mask.astype(int)).numpy()[mask],
        bert(torch.from_numpy(x), attention_mask=theirs_mask).last_hidden_state[inside],
    )
    t5 = shaken(transformers.T5ForConditionalGeneration(t5_config()))
    t5.save_pretrained(tmp_path)
    ours = from_huggingface(tmp_path)
    expected = t5(torch.from_numpy(x), attention_mask=theirs_mask, labels=torch.from_numpy(y)).logits
    close(ours(x, None, ours.shift_right(y), attention_mask=mask), expected)
    expected = t5.generate(torch.from_numpy(x), attention_mask=theirs_mask, max_new_tokens=6, do_sample=False).numpy()
    found = ours.generate(x, 6, attention_mask=mask)
    np.testing.assert_array_equal(found[:, 0], expected[:, 1])
