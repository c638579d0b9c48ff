"""GPT, BERT and T5 give the numbers of Hugging Face's models with the same weights."""

import numpy as np
import pytest

from seqnn.models import BERT, GPT, T5, BERTForPretraining

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def ids(*shape, low=2, high=60, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape)


def close(ours, theirs):
    theirs = theirs.detach().numpy()
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
