"""Write what is shown of benchmarks/results: `python -m benchmarks.table`.

* docs/benchmarks/<family>.md: every row of every CPU;
* docs/benchmarks/ratios.svg: all ratios to other programs as a picture;
* docs/benchmarks/roofline-<CPU>.svg: the kernels whose operations and bytes are stated, under the machine's roof;
* the table of README.md between `<!-- benchmarks -->` and `<!-- end -->`: a row a subject, with its best and its worst ratio.

`--check` writes nothing and returns 1 where a file is stale or a slower case has no reason (reasons.py).
"""

import json
import re
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.picture import draw
from benchmarks.quality import Row
from benchmarks.reasons import described, reason
from benchmarks.roofline import draw_roofline
from benchmarks.run import RESULTS, amount, ratio, share

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "benchmarks"
BLOCK = re.compile(r"(<!-- benchmarks -->\n).*?(<!-- end -->)", re.DOTALL)
FAMILIES = {
    "word-vectors": (
        "Word vectors",
        {
            "word2vec": "Word2Vec: training",
            "word2vec_quality": "Word2Vec: quality at the same epochs, three seeds",
            "vector_factors": "GloVe: the order of the pairs",
            "vector_factors_quality": "Word vectors: one choice changed at a time",
            "adaptation": "Vectors made fit for a domain",
            "adaptation_quality": "Vectors made fit for a domain: missing words found",
            "fasttext": "FastText",
            "fasttext_classifier": "Classifiers of texts",
            "fasttext_texts": "Vectors of texts",
            "product_quantizer": "Product quantisation",
            "doc2vec": "Doc2Vec",
            "glove": "GloVe",
            "glove_quality": "GloVe: quality",
            "cooccurrence": "Co-occurrence counts",
            "corpus": "Corpora",
            "vocabulary": "Vocabularies",
            "phrases": "Phrases",
            "vector_text": "Files of vectors",
            "neighbors": "Neighbours",
            "shadow": "Neighbours, one query at a time",
            "movers": "Word mover's distance",
            "alignment": "Alignment of two spaces",
        },
    ),
    "ngram-models": (
        "N-gram language models",
        {
            "ngram_smooth": "From a text to a model",
            "ngram_score": "Scores",
            "arpa": "Files",
            "ngram_count": "Counts",
            "ngram_trie": "The trie",
        },
    ),
    "dense": (
        "Dense kernels",
        {
            "linear": "Matrix products and the linear layer",
            "rows": "Products with weights in 8 and 16 bits",
            "activation": "Activations",
            "softmax": "Softmax",
            "cross_entropy": "Cross-entropy",
            "linear_cross_entropy": "Linear layer and cross-entropy in one",
            "layer_norm": "Layer norm",
            "embedding": "Embedding",
            "file_floats": "Weights of files",
            "conv": "Convolution",
            "conv_transpose": "Transposed convolution",
            "optimizer": "Optimisers",
            "lbfgs": "L-BFGS",
            "autograd": "The tape",
            "random": "Random numbers",
            "watch": "Watching a training",
        },
    ),
    "machines": (
        "Boltzmann machines",
        {
            "rbm": "Restricted Boltzmann machines: epochs",
            "dbn": "Deep belief nets: what pretraining is worth",
            "gan": "Adversarial nets: training, and the modes of a ring",
        },
    ),
    "recurrent": (
        "Recurrent nets",
        {
            "lstm": "LSTM",
            "gru": "GRU",
            "rnn": "RNN",
            "stlm": "STLM",
            "language_model": "Language models",
            "sensors": "Sensors",
            "sensors_quality": "Sensors: forecasts",
            "sentiment": "Sentiment",
            "sentiment_quality": "Sentiment: test accuracy",
            "ner": "Named entities",
            "ner_quality": "Named entities: test F1",
        },
    ),
    "attention": (
        "Attention and Transformers",
        {
            "attention": "Attention",
            "attention_scores": "Scores of attention",
            "attention_decoder": "Recurrent decoder with attention",
            "seq2seq": "Recurrent translation",
            "seq2seq_quality": "Recurrent translation: quality",
            "summaries": "Summaries",
            "summaries_quality": "Summaries: quality",
            "transformer": "Transformer",
            "transformer_quality": "Transformer: quality",
            "gpt": "GPT",
            "gpt_quality": "GPT: quality",
            "pretraining": "Pre-training",
            "pretraining_quality": "Pre-training: quality",
            "text_cnn": "Text CNN",
            "image_classifier": "CNN for images",
            "pretrained": "Pretrained encoders",
            "fine_tuning": "Fine-tuning: all of a model, LoRA, adapters",
            "fine_tuning_quality": "Fine-tuning: quality",
        },
    ),
    "structured": (
        "CRF and CTC",
        {
            "crf": "Linear-chain CRF",
            "crf_tagger": "A tagger over features",
            "ctc": "CTC loss",
            "ctc_decode": "CTC decoding",
        },
    ),
    "decoding": (
        "Decoding",
        {
            "beams": "Beam search: a step",
            "samplers": "Drawing tokens",
            "processors": "Penalties and n-gram blocking",
            "mbr": "Minimum Bayes risk",
            "transformer_step": "Whole sequences by Transformers",
        },
    ),
    "metrics": (
        "Metrics",
        {
            "tokens": "BLEU by tokenizer, stems",
            "ngrams": "chrF, ROUGE-N, all pairs",
            "lcs": "ROUGE-L",
            "ter": "TER",
            "bootstrap": "Bootstrap resampling",
            "spans": "Spans of tags",
        },
    ),
    "distributed": (
        "Beyond one machine",
        {
            "distributed": "Ranks of MPI",
            "distributed_quality": "Averaging word vectors over shards",
        },
    ),
}
"""Title and results of each page, in the order in which they are shown."""


def results(name: str) -> dict[str, dict]:
    """Return the content of a result file for every CPU that has one, by its folder."""
    found = sorted(RESULTS.glob(f"*/{name}.json"))
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in found}


# Pages.


def page(family: str) -> str:
    """Return the Markdown of a family's page."""
    title, names = FAMILIES[family]
    parts = [f"# {title}", INTRODUCTION, *filter(None, [open_cases(names)])]
    for name, heading in names.items():
        for content in results(name).values():
            parts += [f"## {heading}", table(content)]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = (
    "Both sides run in turns in one sitting; the ratio is the peer's time over seqnn's, so above 1 seqnn is faster. In brackets: "
    "the smallest and the largest ratio of any turn. A ratio below 1 is **bold**. Where a kernel states its operations and bytes "
    "the table says which share of the machine's limit it reaches, by the roofline model. `python -m benchmarks.run` measures, "
    "`python -m benchmarks.table` writes this page; benchmarks/README.md says how."
)


def table(content: dict) -> str:
    """Return a result file as Markdown: its rows, then the machine and the versions."""
    rows = quality_table(content["rows"]) if "known" in content else speed_table(content["rows"])
    versions = ", ".join(f"{program} {version}" for program, version in concerned(content).items())
    origin = f"{content['date']}, {content['cpu']}, kernels {content['isa']}"
    data = ", ".join(dict.fromkeys(row["data"] for row in content["rows"] if row.get("data")))
    about = f" Data: {data}." if data else ""
    return f"{rows}\n\n{origin}; {versions}, Python {content['python']}.{about}"


def concerned(content: dict) -> dict[str, str]:
    """Return the versions of seqnn, NumPy and those programs that the rows name."""
    named = " ".join(row["peer"].lower() for row in content["rows"])
    return {
        program: version
        for program, version in content["versions"].items()
        if program in ("seqnn", "numpy") or program.split()[0].lower() in named
    }


def speed_table(rows: list[dict]) -> str:
    """Return the rows of a speed benchmark; with what share of the machine's limit they reach, where that is known."""
    limits = any(row.get("limit") for row in rows)
    head = ["case", "threads", "seqnn", *(["of the limit"] if limits else []), "peer", "", "ratio"]
    lines = [f"| {' | '.join(head)} |".replace("|  |", "| |"), "|---" * len(head) + "|"]
    for row in rows:
        reached = share(row)
        cells = [row["case"], str(row["threads"]), amount(row, row["ours"])]
        if limits:
            cells.append("" if reached is None else f"{reached:.0%}" if reached >= FAR else f"**{reached:.0%}**")
        cells.append(row["peer"])
        if row["theirs"]:
            shown = "check failed" if row["failure"] else ratio(row)
            cells += [amount(row, row["theirs"]), f"**{shown}**" if slower(row) else shown]
        else:
            cells += ["not at hand", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


FAR = 0.6
"""A kernel that reaches a smaller share of the machine's limit is open work."""


def open_cases(names: Mapping[str, str]) -> str:
    """Return the list of what is slower than a peer, or far from the machine's limit, below the reasons for it."""
    found: dict[str, list[str]] = {}
    for name in names:
        for content in results(name).values():
            for row in () if "known" in content else content["rows"]:
                reached, slow = share(row), slower(row)
                if slow or (reached is not None and reached < FAR):
                    against = f"{ratio(row)} against {row['peer']}" if row["ratios"] else f"{row['peer']} not at hand"
                    limit = "" if reached is None else f", {reached:.0%} of the limit"
                    why = (reason(content, row) or UNEXPLAINED) if slow else DISTANT
                    found.setdefault(why, []).append(f"  * {described(content, row)}: {against}{limit}")
    if not found:
        return ""
    told = "Cases that are slower than what stands beside them, or reach less than 60 % of the machine's limit, by their reason."
    ordered = sorted(found, key=lambda why: (why == DISTANT, why))
    return "\n".join(["## Open", "", told, *(line for why in ordered for line in ("", f"* {why}", "", *found[why]))])


UNEXPLAINED = "No reason is known yet."
DISTANT = (
    "Below 60 % of the machine's limit, though not slower: work of microseconds, or more than products and memory."
)


def slower(row: dict) -> bool:
    """Tell whether a row is slower than its peer."""
    return bool(row["ratios"]) and not row["failure"] and statistics.median(row["ratios"]) < 1


def quality_table(rows: list[dict]) -> str:
    """Return the rows of a quality comparison: means over the seeds."""
    head = "| model | test set | seqnn | peer | | difference ± s.e. | noise band | no worse |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for row in (Row(**row) for row in rows):
        cells = [row.case, row.score, f"{np.mean(row.ours):.3f}", row.peer]
        if row.theirs:
            difference, error, within = row.verdict()
            cells += [f"{np.mean(row.theirs):.3f}", f"{difference:+.3f} ± {error:.3f}"]
            cells += [f"{row.band:.3g}", "yes" if within else "**no**"]
        else:
            cells += ["not at hand", "", f"{row.band:.3g}", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


# The summary.

SUBJECTS = {
    "Word2Vec: training": ("word2vec", "vocabulary", "adaptation"),
    "GloVe, co-occurrences": ("glove", "cooccurrence"),
    "FastText, phrases": ("fasttext", "phrases"),
    "classifiers of texts": ("fasttext_classifier", "product_quantizer"),
    "matrix products, linear layer": ("linear", "rows"),
    "activations, softmax, norms, losses": (
        "activation",
        "softmax",
        "layer_norm",
        "cross_entropy",
        "linear_cross_entropy",
    ),
    "embedding, convolution": ("embedding", "file_floats", "conv", "conv_transpose"),
    "Boltzmann machines": ("rbm",),
    "optimisers, tape": ("optimizer", "lbfgs", "autograd"),
    "RNN, GRU": ("rnn", "gru"),
    "LSTM": ("lstm",),
    "attention": ("attention", "attention_scores", "attention_decoder"),
    "CRF, CTC, decoding, encoders": (
        "crf",
        "crf_tagger",
        "ctc",
        "ctc_decode",
        "beams",
        "samplers",
        "processors",
        "mbr",
        "transformer_step",
        "pretrained",
        "fine_tuning",
    ),
    "n-gram models": ("ngram_smooth", "ngram_score", "arpa", "ngram_count", "ngram_trie"),
    "metrics of text and tags": ("tokens", "ngrams", "lcs", "ter", "bootstrap", "spans"),
    "training of whole networks": (
        "transformer",
        "seq2seq",
        "gpt",
        "pretraining",
        "text_cnn",
        "image_classifier",
        "summaries",
        "language_model",
        "sentiment",
        "ner",
    ),
}
"""The rows of the README's table."""

PEERS = (
    "torch", "gensim", "word2vec.c", "pWord2Vec", "fastText", "Stanford", "onnxruntime", "scikit-learn", "numpy", "transformers",
    "sacrebleu", "rouge-score", "seqeval", "nltk", "KenLM", "lmplz", "CRFsuite", "CTranslate2",
    "sentence-transformers",
)  # fmt: skip
"""Other programs, by the beginning of their label: a row against seqnn itself or a bound is not a win or a loss."""


def measured(names: tuple[str, ...], cpu: str) -> list[dict]:
    """Return the rows of one CPU that measure time against other programs."""
    contents = [results(name).get(cpu) for name in names]
    rows = [row for content in contents if content for row in content["rows"]]
    return [
        row
        for row in rows
        if row["ratios"] and not row["failure"] and row["unit"] == "s" and row["peer"].startswith(PEERS)
    ]


HELD = tuple(f"-{isa}" for isa in ("base", "avx2"))
"""How the folders end whose kernels were chosen by hand."""


def fullest(names: tuple[str, ...]) -> tuple[str, list[dict]]:
    """Return the CPU with the most cases of a subject, with the instruction set that it chooses itself, and these rows."""
    own = [path.name for path in sorted(RESULTS.iterdir()) if path.is_dir() and not path.name.endswith(HELD)]
    return max(((cpu, measured(names, cpu)) for cpu in own), key=lambda found: len(found[1]))


def summary() -> str:
    """Return the README's table: for each subject the best, the middle and the worst ratio, a subject of one CPU."""
    lines, used = ["| | cases | best | median | worst |", "|---|---|---|---|---|"], set()
    for subject, names in SUBJECTS.items():
        cpu, rows = fullest(names)
        rows = sorted(rows, key=lambda row: statistics.median(row["ratios"]))
        if rows:
            used |= {told_of for name in names if (told_of := label(results(name), cpu))}
            middle = statistics.median(statistics.median(row["ratios"]) for row in rows)
            lines.append(f"| {subject} | {len(rows)} | {told(rows[-1])} | {middle:.1f}× | {told(rows[0])} |")
    return "\n".join(lines) + f"\n\n{' and '.join(sorted(used))}; 1 or 2 threads. Each row is of one CPU.\n"


def label(found: dict[str, dict], cpu: str) -> str | None:
    """Return the name of a CPU and its kernels, where it has results."""
    return f"{found[cpu]['cpu']}, kernels {found[cpu]['isa']}" if cpu in found else None


def told(row: dict) -> str:
    """Return a ratio with its peer and its case."""
    median = statistics.median(row["ratios"])
    shown = f"{median:.3g}×" if median >= 1 else f"**{median:.2f}×**"
    return f"{shown} ({row['peer']}; {row['case']})"


def picture() -> str:
    """Return the picture of all ratios, a subject of the CPU that has the most of it."""
    return draw({subject: rows for subject, names in SUBJECTS.items() if (rows := fullest(names)[1])})


def rooflines() -> dict[str, str]:
    """Return the picture of the kernels whose limit is known, by the folder of the CPU."""
    found: dict[str, dict[str, dict]] = {}
    for path in sorted(RESULTS.glob("*/*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if "machine" in content:
            found.setdefault(path.parent.name, {})[path.stem] = content
    return {cpu: draw_roofline(contents) for cpu, contents in found.items()}


# Files.


def files() -> dict[Path, str]:
    """Return every generated file with its text."""
    readme = ROOT / "README.md"
    made = {DOCS / f"{family}.md": page(family) for family in FAMILIES}
    made[DOCS / "ratios.svg"] = picture()
    made |= {DOCS / f"roofline-{cpu}.svg": drawn for cpu, drawn in rooflines().items()}
    made[readme] = BLOCK.sub(lambda block: f"{block[1]}{summary()}{block[2]}", readme.read_text(encoding="utf-8"))
    return made


def main(arguments: list[str]) -> int:
    """Write the files, or with --check return 1 where one is stale or a slower case has no reason."""
    made = files()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: python -m benchmarks.table")
        unexplained = [path for path, text in made.items() if UNEXPLAINED in text]
        for path in unexplained:
            print(f"{path.relative_to(ROOT)} lists cases without a reason: add one to benchmarks/reasons.py")
        return int(bool(stale or unexplained))
    DOCS.mkdir(parents=True, exist_ok=True)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
