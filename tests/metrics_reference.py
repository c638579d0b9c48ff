"""Texts and settings of the metrics' tests, and the numbers of the reference libraries.

`python tests/metrics_reference.py` computes tests/metrics/reference_scores.json anew; it needs sacrebleu 2.6.0 and
rouge-score 0.1.2.
"""

import itertools
import json
from pathlib import Path

PATH = Path(__file__).parent / "metrics" / "reference_scores.json"

HYPOTHESES = [
    "The cat sat on the mat.",
    "It is 10.5 degrees, isn't it?",
    "He said: &quot;No!&quot; and left the U.S. in 2010.",
    "",
    "the the the the",
    "Der Hund bellt laut im Garten nebenan",
    "我 喜欢 2.5 米的猫。",
    "a b c d e f g h",
    "She quickly ran home, - after all - at 3-4 p.m.",
    "In 2010.",
]
REFERENCES = [
    [
        "The cat is sitting on the mat.",
        "It's 10.5 degrees, is it not?",
        'He said "No!" and left the U.S. in 2010.',
        "Something is missing",
        "the cat the dog",
        "Der Hund bellte laut in dem Garten nebenan",
        "我喜欢2.5米长的猫。",
        "e f g h a b c d",
        "She ran home quickly after all, at 3-4 p.m.",
        "In 2010 .",
    ],
    [
        "A cat sat on a mat.",
        "It is 10,5 °C, isn't it?",
        "He said no, leaving the US in 2010",
        "",
        "the the",
        "Nebenan im Garten bellt laut der Hund",
        "我 喜欢 猫",
        "a c b d f e h g",
        "After all, she ran home at 3 p.m.",
        "in 2010",
    ],
]
WITH_GAPS = [REFERENCES[0], [None if i % 3 == 0 else text for i, text in enumerate(REFERENCES[1])]]
STREAMS = {"one": REFERENCES[:1], "two": REFERENCES, "gaps": WITH_GAPS}

SUMMARIES = [
    "The cats were running quickly.\nA dog barked at the relational ponies.",
    "police killed the gunman\nthe gunman police killed",
    "One sentence without an end",
    "",
    "Naïve café: 3,000 visitors!",
]
TARGETS = [
    [
        "A cat ran quickly.\nDogs bark at related pony farms.\nThe end.",
        "police kill the gunman",
        "one sentences without any ending here",
        "empty",
        "A naïve cafe had 3,000 visitors",
    ],
    [
        "Cats run",
        "the gunman was killed by police\npolice killed the gunman",
        "sentence",
        "",
        "cafés: 3000 visits",
    ],
]


def settings(**choices):
    """All combinations of the choices."""
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


BLEU_SETTINGS = [
    *settings(tokenize=["13a", "intl", "char", "zh", "none"], smooth_method=["exp", "floor", "add-k", "none"]),
    *settings(smooth_method=["floor", "add-k"], smooth_value=[0.0, 0.5], effective_order=[True]),
    *settings(lowercase=[True], effective_order=[False, True], max_ngram_order=[1, 2, 6]),
]
CHRF_SETTINGS = [
    *settings(word_order=[0, 1, 2], eps_smoothing=[False, True], whitespace=[False, True]),
    *settings(char_order=[0, 1, 4], word_order=[1], beta=[1, 3], lowercase=[True]),
]
TER_SETTINGS = settings(
    normalized=[False, True], no_punct=[False, True], asian_support=[False, True], case_sensitive=[False, True]
)
ROUGE_TYPES = ["rouge1", "rouge2", "rouge3", "rougeL", "rougeLsum"]
BOOTSTRAP = {"n_bootstrap": 50, "seed": 12345}


def compute():
    """Compute all numbers with the reference libraries."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF, TER

    found = {}
    for name, metric, choices in (
        ("bleu", BLEU, BLEU_SETTINGS),
        ("chrf", CHRF, CHRF_SETTINGS),
        ("ter", TER, TER_SETTINGS),
    ):
        for choice in choices:
            for stream, references in STREAMS.items():
                made = metric(**choice)
                score = made.corpus_score(HYPOTHESES, references)
                sentences = [
                    made.sentence_score(h, [r[i] for r in references if r[i] is not None]).score
                    for i, h in enumerate(HYPOTHESES)
                ]
                entry = {"score": score.score, "sentences": sentences, "text": str(score)}
                made.corpus_score(HYPOTHESES, references)  # sentence_score has changed what the signature tells
                entry["signature"] = str(made.get_signature())
                found.setdefault(name, []).append({"settings": choice, "references": stream, **entry})
        made = metric()
        score = made.corpus_score(HYPOTHESES, REFERENCES, BOOTSTRAP["n_bootstrap"])
        found[f"{name} interval"] = {
            "mean": float(score._mean), "half_width": float(score._ci), "text": str(score),
            "signature": str(made.get_signature()),
        }  # fmt: skip
    for stem in (False, True):
        scorer = RougeScorer(ROUGE_TYPES, use_stemmer=stem)
        for count in (1, 2):
            scores = [scorer.score_multi([t[i] for t in TARGETS[:count]], text) for i, text in enumerate(SUMMARIES)]
            entry = {kind: [list(map(float, score[kind])) for score in scores] for kind in ROUGE_TYPES}
            found.setdefault("rouge", []).append({"stemmer": stem, "references": count, "scores": entry})
    return found


if __name__ == "__main__":
    text = json.dumps(compute(), ensure_ascii=False)
    PATH.write_text(text.replace(', {"settings"', ',\n{"settings"') + "\n", encoding="utf-8")
