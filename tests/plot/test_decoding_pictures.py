"""Pictures of decoding are rendered to PNG: every prefix of a search in its place, every token of a strategy."""

import numpy as np
import pytest
from decode_reference import table
from picture_checks import png

from seqnn import decode, plot
from seqnn.text import Vocabulary

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

WORDS = ["<end>", "the", "cat", "sat", "$5", "away"]
GIVEN = {"max_new_tokens": 4, "eos_token_id": 0}


def search(**options):
    return decode.beam_search(
        table(2, vocabulary=6), [1, 2], 3, **{**GIVEN, "return_tree": True, "num_return_sequences": 2, **options}
    )


def places(ax):
    """(text, column, height) of each prefix."""
    return [(text.get_text(), *text.get_position()) for text in ax.texts]


@pytest.mark.parametrize(
    "options",
    [{"num_beams": 3}, {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.0}, {"num_beams": 2, "max_new_tokens": 9}],
    ids=str,
)  # fmt: skip
def test_the_tree_of_a_search(options, tmp_path):
    found = decode.generate(table(2, vocabulary=6), [1, 2], **{**GIVEN, "return_tree": True, **options})
    tree = found.trees[0]
    ax = plot.beam(found, WORDS, prompt="the cat", scores=False, title="A search")
    png(ax, tmp_path)
    expected = ["the cat", *(WORDS[token].replace("$", r"\$") for token in tree.tokens[1:])]
    assert [text for text, _, _ in places(ax)] == expected
    assert [column for _, column, _ in places(ax)] == [len(tree.path(node)) for node in range(len(tree))]
    leaves = set(range(len(tree))) - set(tree.parents)
    assert len({places(ax)[leaf][2] for leaf in leaves}) == len(leaves)
    for node, (_, _, height) in enumerate(places(ax)):
        children = [places(ax)[n][2] for n in range(len(tree)) if tree.parents[n] == node]
        assert not children or min(children) <= height <= max(children)
    bold = {n for n, text in enumerate(ax.texts) if text.get_fontweight() == "bold"}
    assert bold == {0, *ancestors(tree, tree.best[0])}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["kept", "finished", "dropped"]


def ancestors(tree, node):
    while node > 0:
        yield node
        node = tree.parents[node]


def test_what_became_of_a_prefix_is_told_by_its_colour():
    tree = search().trees[0]
    ax = plot.beam(tree, scores=False)
    assert {text.get_text() for text in ax.texts[1:]} <= {str(token) for token in range(6)}
    on_best = {0, *ancestors(tree, tree.best[0])}
    edges = {}
    for node, text in enumerate(ax.texts):
        if node not in on_best:
            edges.setdefault(tree.fates[node], set()).add(text.get_bbox_patch().get_edgecolor())
    assert all(len(colors) == 1 for colors in edges.values()) and len(set.union(*edges.values())) == len(edges) == 3
    few = plot.beam(tree, dropped=False)
    kept = sum(fate != "dropped" for fate in tree.fates)
    assert len(few.texts) == 2 * kept - 1  # with a score for each but the prompt
    assert few.texts[kept].get_text() == f"{tree.scores[1]:.2f}".replace("-", "−")


def test_tokens_are_named_by_the_tokenizer_of_the_result(tmp_path):
    words = Vocabulary(WORDS, [1] * 6)
    found = search(tokenizer=words)
    ax = plot.beam(found, scores=False)
    assert {text for text, _, _ in places(ax)} <= {"prompt", "\\$5", *WORDS}
    ax = plot.strategies({"search": found})
    png(ax, tmp_path)
    assert WORDS[found.new_tokens[0][0]] in [text.get_text() for text in ax.texts]


def test_strategies_side_by_side(tmp_path):
    step = table(2, vocabulary=6)
    results = {
        "greedy": decode.generate(step, [1, 2], max_new_tokens=9),
        "beams": decode.beam_search(step, [1, 2], 3, num_return_sequences=3, **GIVEN),
        "drawn": decode.sample(step, [1, 2], 6, seed=1, **GIVEN),
    }
    ax = plot.strategies(results, WORDS, rows=2, tokens=5, title="What follows")
    png(ax, tmp_path)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["greedy", "beams", "drawn"]
    shown = [
        WORDS[token].replace("$", r"\$")
        for found in results.values()
        for tokens in found.new_tokens[:2]
        for token in tokens[:5]
    ]
    assert [text.get_text() for text in ax.texts][: len(shown)] == shown
    notes = [text.get_text() for text in ax.texts[len(shown) :]]
    written = np.concatenate(results["drawn"].new_tokens)
    mean = results["drawn"].token_log_probs.sum() / len(written)
    assert notes[2] == f"{mean:.2f}   {len(set(written.tolist())) / len(written):.0%}".replace("-", "−")
    dark = [patch.get_facecolor()[0] for patch in ax.patches]
    probabilities = np.concatenate([np.exp(f.token_log_probs[i, : min(5, f.lengths[i])]) for f in results.values()
                                    for i in range(min(2, len(f.lengths)))])  # fmt: skip
    order = np.argsort(probabilities)
    assert (np.diff(np.array(dark)[order]) <= 1e-9).all()


def test_bad_input():
    step = table()
    with pytest.raises(
        ValueError, match=r"tree: expected a result with the tree of one prompt, got 0: generate\(..., return"
    ):
        plot.beam(decode.generate(step, [1], max_new_tokens=2))
    two = decode.beam_search(step, [[1], [2]], 2, max_new_tokens=2, return_tree=True)
    with pytest.raises(ValueError, match="got 2: "):
        plot.beam(two)
    assert plot.beam(two.trees[1]).texts
    with pytest.raises(TypeError, match="tree: expected a SearchTree or a Generation that has one, got int"):
        plot.beam(3)
    with pytest.raises(ValueError, match=r"tokenizer: expected a name for token \d, got 1 names"):
        plot.beam(two.trees[0], ["one"])
    with pytest.raises(ValueError, match="results: expected at least one, got none"):
        plot.strategies({})
    with pytest.raises(ValueError, match="results: expected tokens of 'none', got none"):
        plot.strategies({"none": decode.generate(step, [1], max_new_tokens=0)})
    for name in ("rows", "tokens"):
        with pytest.raises(ValueError, match=f"{name}: expected an integer >= 1, got 0"):
            plot.strategies({"one": decode.generate(step, [1], max_new_tokens=2)}, **{name: 0})
    with pytest.raises(AttributeError, match="did you mean beam"):
        plot.tree  # noqa: B018
