"""Tiny files of GLUE's tasks, in the layouts of its archives, that a small encoder can learn; and such an encoder."""

import numpy as np
import pytest

from seqnn import random
from seqnn.models import BERT
from seqnn.text import SubwordTokenizer

GOOD, BAD = ["good", "fine", "great", "nice"], ["bad", "poor", "awful", "sad"]
FILL = ["the", "a", "film", "cat", "is", "was", "very", "today"]


def sentence(draw, good):
    words = [*draw.choice(FILL, 3), draw.choice(GOOD if good else BAD)]
    return " ".join(draw.permutation(words))


def small_bert(size=40):
    """A BERT and a tokenizer of words that puts [CLS] and [SEP] around them."""
    tokenizers = pytest.importorskip("tokenizers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *GOOD, *BAD, *FILL]
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, "[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    with random.seeded(1):
        model = BERT(size, max_positions=64, d_model=32, nhead=2, num_layers=2, dropout=0.0)
    return model, SubwordTokenizer(made)


PAIRS = "index\tsentence1\tsentence2"
LAYOUTS = {
    "CoLA": (None, "gj04\t{label}\t*\t{a}", "index\tsentence", "{i}\t{a}"),
    "SST-2": ("sentence\tlabel", "{a} \t{label}", "index\tsentence", "{i}\t{a}"),
    "MRPC": (
        "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String", "{label}\t{i}\t{i}\t{a}\t{b}",
        "index\t#1 ID\t#2 ID\t#1 String\t#2 String", "{i}\t1\t2\t{a}\t{b}",
    ),
    "STS-B": (
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
        "{i}\tg\tf\t2015\t0\tn\tn\t{a}\t{b}\t{score}",
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2", "{i}\tg\tf\t2015\t0\tn\tn\t{a}\t{b}",
    ),
    "QQP": (
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "{i}\t1\t2\t{a}\t{b}\t{label}",
        "id\tquestion1\tquestion2", "{i}\t{a}\t{b}",
    ),
    "MNLI": ("index\tsentence1\tsentence2\tlabel1\tgold_label", "{i}\t{a}\t{b}\tx\t{three}", PAIRS, "{i}\t{a}\t{b}"),
    "QNLI": (
        "index\tquestion\tsentence\tlabel", "{i}\t{a}\t{b}\t{entails}", "index\tquestion\tsentence", "{i}\t{a}\t{b}",
    ),
    "RTE": ("index\tsentence1\tsentence2\tlabel", "{i}\t{a}\t{b}\t{entails}", PAIRS, "{i}\t{a}\t{b}"),
    "WNLI": ("index\tsentence1\tsentence2\tlabel", "{i}\t{a}\t{b}\t{label}", PAIRS, "{i}\t{a}\t{b}"),
}  # fmt: skip
"""Header and line of the files with labels, and of those without."""


def write_task(folder, task, train=56, dev=20, test=6):
    """Write the files of a task: whether the last text is good is its label; returns the labels of the test set."""
    folder.mkdir(parents=True, exist_ok=True)
    header, line, test_header, test_line = LAYOUTS[task]
    names = {"train": train}
    for kind, count in (("dev", dev), ("test", test)):
        parts = ("_matched", "_mismatched") if task == "MNLI" else ("",)
        names |= {f"{kind}{part}": count for part in parts}
    hidden = {}
    for seed, (name, count) in enumerate(names.items()):
        draw, lines, hidden[name] = np.random.default_rng(seed), [], []
        labelled = not name.startswith("test")
        for i in range(count):
            label = int(draw.integers(2))
            a = sentence(draw, label) if task in ("CoLA", "SST-2") else " ".join(draw.choice(FILL, 4))
            fields = {
                "i": i, "a": a, "b": sentence(draw, label), "label": label, "score": f"{5.0 * label:.3f}",
                "three": ("contradiction", "entailment")[label], "entails": ("not_entailment", "entailment")[label],
            }  # fmt: skip
            lines.append((line if labelled else test_line).format(**fields))
            hidden[name].append(label)
        first = [header if labelled else test_header] if header or not labelled else []
        (folder / f"{name}.tsv").write_text("\n".join([*first, *lines]) + "\n", encoding="utf-8")
    return hidden
