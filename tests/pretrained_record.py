"""Small models with seeded weights, and the numbers that transformers computes of them.

`python tests/pretrained_record.py` (with transformers and torch) writes them anew to pretrained_record.json: for each
architecture the configuration, the names and shapes of the weights as transformers saves them, and what it gives of IDS.
The weights are those of `weights`, so that the file stays small and no weights lie in the repository.
"""

import json
from pathlib import Path

import numpy as np

from seqnn import _safetensors

FILE = Path(__file__).with_name("pretrained_record.json")
IDS = np.array([[5, 17, 3, 29, 11], [7, 2, 2, 19, 23]])
ENDED = np.array([[5, 17, 3, 29, 2], [7, 4, 9, 19, 2]])
PADDING, DIGITS = 4, 6
"""What fills ended texts, which must be no 0: beams of transformers take 0 for none; and the digits of numbers."""


def weights(shapes):
    """The weights of these names and shapes, from one seed."""
    draw = np.random.default_rng(0)
    return {name: (0.7 * draw.standard_normal(shape)).astype(np.float32) for name, shape in sorted(shapes.items())}


def folder(path, name):
    """A folder with one of the recorded models, written by seqnn's own writer of safetensors."""
    record = json.loads(FILE.read_text())[name]
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(record["config"]))
    _safetensors.save(path / "model.safetensors", weights(record["shapes"]))
    return path, record


def record():
    """Compute the numbers by transformers."""
    import torch
    import transformers

    sizes = {
        "vocab_size": 31,
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 12,
    }
    llama = {**sizes, "max_position_embeddings": 16, "num_key_value_heads": 1, "bos_token_id": 0, "eos_token_id": 1}
    bert, roberta = (
        {**sizes, "max_position_embeddings": 16},
        {**sizes, "max_position_embeddings": 18, "pad_token_id": 1},
    )
    distil = {"vocab_size": 31, "dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 12, "max_position_embeddings": 16}
    scaling = {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 8, "rope_theta": 500.0}
    gpt2 = {
        "vocab_size": 31,
        "n_positions": 16,
        "n_embd": 8,
        "n_layer": 2,
        "n_head": 2,
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    t5 = {
        "vocab_size": 31,
        "d_model": 8,
        "d_kv": 4,
        "d_ff": 12,
        "num_layers": 2,
        "num_heads": 2,
        "decoder_start_token_id": 0,
    }
    bart = {
        "vocab_size": 31, "d_model": 8, "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 12, "decoder_ffn_dim": 12, "max_position_embeddings": 16,
    }  # fmt: skip
    marian = {"pad_token_id": 30, "decoder_start_token_id": 30, "eos_token_id": 0, "forced_eos_token_id": 0}
    configs = {
        "BertModel": transformers.BertConfig(**bert),
        "BertForMaskedLM": transformers.BertConfig(**bert),
        "BertForSequenceClassification": transformers.BertConfig(**bert, num_labels=3),
        "RobertaForMaskedLM": transformers.RobertaConfig(**roberta),
        "RobertaForSequenceClassification": transformers.RobertaConfig(**roberta, num_labels=3),
        "MPNetModel": transformers.MPNetConfig(**{**bert, "max_position_embeddings": 18}),
        "ElectraModel": transformers.ElectraConfig(**bert, embedding_size=6),
        "DistilBertForMaskedLM": transformers.DistilBertConfig(**distil),
        "DistilBertForSequenceClassification": transformers.DistilBertConfig(**distil, num_labels=3),
        "GPT2LMHeadModel": transformers.GPT2Config(**gpt2),
        "LlamaForCausalLM": transformers.LlamaConfig(**llama, rope_parameters=scaling),
        "Qwen2ForCausalLM": transformers.Qwen2Config(**llama),
        "LlamaForCausalLM biases": transformers.LlamaConfig(**llama, attention_bias=True, mlp_bias=True),
        "Qwen3ForCausalLM": transformers.Qwen3Config(**llama, head_dim=6),
        "T5ForConditionalGeneration": transformers.T5Config(**t5),
        "T5ForConditionalGeneration 1.1": transformers.T5Config(
            **t5, feed_forward_proj="gated-gelu", tie_word_embeddings=False
        ),
        "BartForConditionalGeneration": transformers.BartConfig(**bart),
        "BartForSequenceClassification": transformers.BartConfig(**bart, num_labels=3),
        "MarianMTModel": transformers.MarianConfig(**bart, **marian, activation_function="swish", scale_embedding=True),
        "MBartForConditionalGeneration": transformers.MBartConfig(
            **bart, scale_embedding=True, decoder_start_token_id=2
        ),
        "M2M100ForConditionalGeneration": transformers.M2M100Config(**bart),
    }
    found = {}
    for name, config in configs.items():
        model = getattr(transformers, name.split()[0])(config).eval()
        tied = set(model.all_tied_weights_keys)
        shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items() if key not in tied}
        shapes = {key: shape for key, shape in shapes.items() if not key.endswith("position_ids")}
        if name.startswith("Marian"):  # its positions are fixed
            shapes = {key: shape for key, shape in shapes.items() if "embed_positions" not in key}
        model.load_state_dict({k: torch.from_numpy(w) for k, w in weights(shapes).items()}, strict=False)
        model.tie_weights()
        given = torch.from_numpy(IDS)
        if name == "BartForSequenceClassification":  # its texts end with the token 2
            out = model(torch.from_numpy(ENDED))
        else:
            out = model(given, labels=given) if config.is_encoder_decoder else model(given)
        first = out.last_hidden_state if name.endswith("Model") and hasattr(out, "last_hidden_state") else out.logits
        found[name] = {"config": {**config.to_dict(), "architectures": [name.split()[0]]}, "shapes": shapes}
        found[name]["numbers"] = first.detach().double().numpy().round(DIGITS).tolist()
        if model.can_generate():
            plain = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": PADDING}
            found[name]["greedy"] = model.generate(given, **plain).tolist()
            found[name]["beams"] = model.generate(given, **plain, num_beams=3).tolist()
    FILE.write_text(json.dumps(found, sort_keys=True) + "\n")


if __name__ == "__main__":
    record()
