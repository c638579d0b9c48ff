"""Models of transformers, small and random: the same numbers, gradients and texts, read and written."""

import numpy as np
import pytest
from pretrained_peers import close, ids, shaken

from seqnn import load_pretrained, ops
from seqnn.pretrained import Classifier, Encoder, Generator, MaskedLanguageModel

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SIZES = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
BERT = {**SIZES, "max_position_embeddings": 24}
ROBERTA = {**SIZES, "max_position_embeddings": 26, "type_vocab_size": 1, "pad_token_id": 1}
DISTIL = {"vocab_size": 60, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 24}
CONFIGS = {
    "Bert": transformers.BertConfig(**BERT, num_labels=2),
    "Roberta": transformers.RobertaConfig(**ROBERTA, num_labels=2),
    "XLMRoberta": transformers.XLMRobertaConfig(**ROBERTA, num_labels=2),
    "Camembert": transformers.CamembertConfig(**ROBERTA, num_labels=2),
    "DistilBert": transformers.DistilBertConfig(**DISTIL, num_labels=2),
    "MPNet": transformers.MPNetConfig(**{**BERT, "max_position_embeddings": 26}, num_labels=2),
    "Electra": transformers.ElectraConfig(**BERT, embedding_size=24, num_labels=2),
}
KINDS = {
    "Model": (Encoder, lambda out: out.last_hidden_state),
    "ForMaskedLM": (MaskedLanguageModel, lambda out: out.logits),
    "ForSequenceClassification": (Classifier, lambda out: out.logits),
    "ForTokenClassification": (object, lambda out: out.logits),
    "ForQuestionAnswering": (object, lambda out: torch.stack([out.start_logits, out.end_logits], -1)),
}
LENGTHS = np.array([20, 7, 13])


def compared(ours, theirs, output, x, lengths):
    """Compare what models give where it counts, and the gradients of its sum of squares to the table of tokens."""
    mask = np.arange(x.shape[1]) < lengths[:, None]
    found, expected = ours(x, lengths), output(theirs(torch.from_numpy(x), attention_mask=torch.from_numpy(mask * 1)))
    if found.ndim == 3:
        found, expected = found[mask], expected[torch.from_numpy(mask)]
    close(found, expected)
    (found**2).sum().backward()
    (expected**2).sum().backward()
    table = next(p for name, p in ours.named_parameters() if name.endswith("embedding.weight"))
    gradient = theirs.get_input_embeddings().weight.grad
    scale = max(1.0, float(gradient.abs().max()))
    close(table.grad / scale, gradient / scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", CONFIGS)
def test_an_encoder_gives_the_numbers_and_gradients_of_transformers_and_goes_back(family, kind, tmp_path):
    if family + kind == "ElectraForMaskedLM":
        pytest.skip("its head is of another kind")
    theirs = shaken(getattr(transformers, family + kind)(CONFIGS[family]))
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="20KB")
    found, (use, output) = load_pretrained(tmp_path / "theirs"), KINDS[kind]
    assert isinstance(found, use) and not found.model.training
    x = ids(3, 20)
    compared(found.model, theirs, output, x, LENGTHS)
    found.save_pretrained(tmp_path / "ours")
    back, told = getattr(transformers, family + kind).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"]
    torch.testing.assert_close(output(back.eval()(torch.from_numpy(x))), output(theirs(torch.from_numpy(x))))
    again = load_pretrained(tmp_path / "ours").model
    np.testing.assert_array_equal(again(x, LENGTHS).numpy(), found.model(x, LENGTHS).numpy())


def gpt2(**options):
    sizes = {"vocab_size": 60, "n_positions": 24, "n_embd": 32, "n_layer": 2, "n_head": 4}
    return transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=1, pad_token_id=0, **options)


def t5(**options):
    sizes = {"vocab_size": 60, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    return transformers.T5Config(**sizes, decoder_start_token_id=0, **options)


GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
LLAMA = {**SIZES, "max_position_embeddings": 24, "num_key_value_heads": 2, "bos_token_id": 0, "eos_token_id": 1}
LONG = {"original_max_position_embeddings": 16, "factor": 2.0, "rope_theta": 500.0}
SCALINGS = {
    "linear": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0},
    "dynamic": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0},
    "llama3": {"rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0, **LONG},
    "yarn": {"rope_type": "yarn", **LONG},
    "yarn with scales": {"rope_type": "yarn", "mscale": 0.7, "mscale_all_dim": 1.2, "beta_fast": 8, **LONG},
}
WRITERS = {
    "LlamaForCausalLM": transformers.LlamaConfig(**LLAMA),
    "LlamaForCausalLM tied": transformers.LlamaConfig(**LLAMA, tie_word_embeddings=True, head_dim=12),
    "LlamaForCausalLM biases": transformers.LlamaConfig(**LLAMA, attention_bias=True, mlp_bias=True),
    "LlamaForCausalLM attention": transformers.LlamaConfig(**LLAMA, attention_bias=True),
    "LlamaForCausalLM mlp": transformers.LlamaConfig(**LLAMA, mlp_bias=True),
    "Qwen2ForCausalLM": transformers.Qwen2Config(**LLAMA),
    "Qwen3ForCausalLM": transformers.Qwen3Config(**LLAMA, head_dim=12),
    "Qwen3ForCausalLM tied": transformers.Qwen3Config(
        **LLAMA, head_dim=8, tie_word_embeddings=True, attention_bias=True, rope_parameters=SCALINGS["yarn"]
    ),
    "MistralForCausalLM": transformers.MistralConfig(**LLAMA, sliding_window=20),
    **{
        f"LlamaForCausalLM {name}": transformers.LlamaConfig(**LLAMA, rope_parameters=x) for name, x in SCALINGS.items()
    },
    "GPT2LMHeadModel": gpt2(),
    "GPT2LMHeadModel untied": gpt2(tie_word_embeddings=False),
    "T5ForConditionalGeneration": t5(),
    "T5ForConditionalGeneration 1.1": t5(**GATED),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_model_that_writes_gives_the_logits_gradients_and_tokens_of_transformers_and_goes_back(name, dtype, tmp_path):
    kind = getattr(transformers, name.split()[0])
    theirs = shaken(kind(WRITERS[name]))
    theirs.to(getattr(torch, dtype)).save_pretrained(tmp_path / "theirs")
    theirs = kind.from_pretrained(tmp_path / "theirs", dtype=torch.float32).eval()
    found = load_pretrained(tmp_path / "theirs")
    assert isinstance(found, Generator) and found.eos_token_id == [1]
    x, ours = ids(3, 9), found.model
    given = torch.from_numpy(x)
    answer = ids(3, 5, seed=1)
    if name.startswith("T5"):
        logits, expected = (
            ours(x, None, ours.shift_right(answer)),
            theirs(given, labels=torch.from_numpy(answer)).logits,
        )
    else:
        logits, expected = ours(x), theirs(given).logits
    close(logits, expected)
    (logits**2).sum().backward()
    (expected**2).sum().backward()
    gradient = theirs.get_input_embeddings().weight.grad
    close(ours.embedding.weight.grad / gradient.abs().max().item(), gradient / gradient.abs().max())
    plain = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 2}  # their beams take 0 for none
    skipped = 1 if name.startswith("T5") else 0
    for options in ({}, {"num_beams": 3}):
        expected = theirs.generate(given, **plain, **options).numpy()[:, skipped:]
        np.testing.assert_array_equal(found.generate(x, 8, pad_token_id=2, **options), expected)
    found.save_pretrained(tmp_path / "ours")
    back, told = kind.from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"]
    for (key, a), b in zip(theirs.state_dict().items(), back.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, msg=key)


def test_a_classifier_of_gpt2_reads_the_last_token(tmp_path):
    theirs = shaken(transformers.GPT2ForSequenceClassification(gpt2(num_labels=3, id2label={0: "a", 1: "b", 2: "c"})))
    theirs.save_pretrained(tmp_path)
    found = load_pretrained(tmp_path)
    x = ids(3, 9)
    expected = theirs(torch.from_numpy(x)).logits
    close(found.predict_proba([*x]), expected.softmax(1))
    assert found.predict([*x]) == ["abc"[i] for i in expected.argmax(1)]


def test_the_sum_of_squares_of_a_loss_is_that_of_transformers(tmp_path):
    theirs = shaken(transformers.BertForMaskedLM(CONFIGS["Bert"]))
    theirs.save_pretrained(tmp_path)
    found, x = load_pretrained(tmp_path), ids(2, 9)
    targets = np.where(x % 3 == 0, x, -100)
    expected = theirs(torch.from_numpy(x), labels=torch.from_numpy(targets)).loss
    close(found.model(x, None, None, targets), expected)
    assert ops.exp(found.model(x, None, None, targets)).item() > 1
