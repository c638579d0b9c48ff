"""Small LoRAs of peft with seeded numbers, and the logits that peft computes with them on the models of pretrained_record.

`python tests/peft_record.py` (with peft, transformers and torch) writes them anew to peft_record.json: the
adapter_config.json, the names and shapes of the arrays, and the logits of IDS.
"""

import json
from pathlib import Path

import numpy as np
import pretrained_record as models

from seqnn import _safetensors

FILE = Path(__file__).with_name("peft_record.json")
CASES = {
    "BertForSequenceClassification": {"task_type": "SEQ_CLS", "r": 2},
    "RobertaForSequenceClassification": {
        "task_type": "SEQ_CLS", "r": 2, "target_modules": ["query", "dense"], "use_rslora": True, "lora_alpha": 4,
    },
    "DistilBertForSequenceClassification": {
        "task_type": "SEQ_CLS", "r": 2, "target_modules": r".*\.layer\.\d\.(attention\.(k|v)_lin|ffn\.lin1)",
    },
    "GPT2LMHeadModel": {"task_type": "CAUSAL_LM", "r": 3, "target_modules": "all-linear"},
    "LlamaForCausalLM": {
        "task_type": "CAUSAL_LM", "r": 2, "target_modules": ["q_proj", "v_proj", "up_proj"],
        "rank_pattern": {"up_proj": 3}, "alpha_pattern": {"layers.0.self_attn.q_proj": 6},
    },
    "T5ForConditionalGeneration": {
        "task_type": "SEQ_2_SEQ_LM", "r": 2, "target_modules": ["q", "v"], "layers_to_transform": [1], "lora_alpha": 5,
    },
}  # fmt: skip


def folders(path, name):
    """The folder of a model, the folder of its LoRA as peft writes it, and peft's logits."""
    record = json.loads(FILE.read_text())[name]
    model, adapter = models.folder(path / "model", name)[0], path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps(record["config"]))
    _safetensors.save(adapter / "adapter_model.safetensors", models.weights(record["shapes"]))
    return model, adapter, np.array(record["logits"])


def record():
    """Compute the logits by peft."""
    import tempfile

    import peft
    import torch
    import transformers
    from safetensors.numpy import load_file

    found = {}
    for name, options in CASES.items():
        with tempfile.TemporaryDirectory() as place:
            path = Path(place)
            base = getattr(transformers, name).from_pretrained(models.folder(path / "model", name)[0])
            peft.get_peft_model(base, peft.LoraConfig(**options)).save_pretrained(path / "adapter")
            file = path / "adapter" / "adapter_model.safetensors"
            shapes = {key: list(array.shape) for key, array in load_file(file).items()}
            _safetensors.save(file, models.weights(shapes), {"format": "pt"})
            base = getattr(transformers, name).from_pretrained(path / "model")
            model = peft.PeftModel.from_pretrained(base, path / "adapter").eval()
            ids = torch.from_numpy(models.IDS)
            more = {"decoder_input_ids": ids} if name.startswith("T5") else {}
            with torch.no_grad():
                logits = model(input_ids=ids, **more).logits.numpy().astype(float)
            config = json.loads((path / "adapter" / "adapter_config.json").read_text())
            config["target_modules"] = options.get("target_modules", config["target_modules"])
            config = {key: value for key, value in config.items() if key != "base_model_name_or_path"}
            rounded = json.loads(json.dumps(logits.tolist()), parse_float=lambda x: float(f"{float(x):.6g}"))
            found[name] = {"config": config, "shapes": shapes, "logits": rounded}
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    record()
