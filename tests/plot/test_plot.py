"""Pictures are rendered to PNG, and what is on the Axes is what was asked for."""

import subprocess
import sys

import numpy as np
import pytest

from seqnn import plot
from seqnn.embed import KeyedVectors
from seqnn.plot._fonts import _family_with, _letters, families
from seqnn.plot._hints import _MEANT

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

WORDS = ["man", "woman", "king", "queen", "cat", "dog", "house"]


@pytest.fixture(name="wv")
def some_vectors():
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((len(WORDS), 12))
    vectors[3] = vectors[2] - vectors[0] + vectors[1]
    return KeyedVectors.from_arrays(WORDS, vectors)


def png(ax, tmp_path):
    """The picture as an array [H, W, 4] of 0..1."""
    path = tmp_path / "picture.png"
    ax.figure.savefig(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    image = plt.imread(path)
    assert image.std() > 0.01  # not blank
    return image


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def overlaps(ax):
    """How many pairs of labels overlap by more than a pixel."""
    boxes = [t.get_window_extent() for t in ax.texts if t.get_text()]
    found = 0
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            found += width > 1 and height > 1
    return found


def test_pca_is_the_plane_of_largest_variance():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((30, 6)) * [5, 3, 1, 1, 1, 0.5]
    points, shares = plot.pca(rows)
    values, axes = np.linalg.eigh(np.cov(rows.T))
    np.testing.assert_allclose(np.abs(points), np.abs((rows - rows.mean(0)) @ axes[:, [-1, -2]]), atol=1e-10)
    np.testing.assert_allclose(shares, values[[-1, -2]] / values.sum())
    with pytest.raises(ValueError, match="at least 2 rows and columns"):
        plot.pca([[1.0, 2.0]])


def test_word_map(wv, tmp_path):
    ax = plot.word_map(wv, WORDS, title="Words")
    png(ax, tmp_path)
    assert texts(ax) == WORDS
    assert ax.get_title(loc="left") == "Words"
    units = wv.get_normed_vectors().astype(np.float64)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), plot.pca(units)[0], atol=1e-12)
    assert "of variance" in ax.get_xlabel()


def test_word_map_without_words_shows_the_first():
    words = [f"w{i}" for i in range(70)]
    vectors = np.random.default_rng(0).standard_normal((70, 6))
    assert texts(plot.word_map(KeyedVectors.from_arrays(words, vectors))) == words[:50]
    assert texts(plot.word_map((vectors[:9], words[:9]))) == words[:9]


def test_word_map_with_groups_on_given_axes(wv, tmp_path):
    axes = plt.subplots(1, 2)[1]
    groups = {"people": WORDS[:4], "other": WORDS[4:]}
    assert plot.word_map((wv.vectors, WORDS), groups, ax=axes[1]) is axes[1]
    assert [text.get_text() for text in axes[1].get_legend().get_texts()] == list(groups)
    colors = {tuple(c.get_facecolor()[0]) for c in axes[1].collections}
    assert len(colors) == 2
    assert not axes[0].has_data()
    png(axes[1], tmp_path)


def test_crowded_labels_do_not_cover_each_other():
    rng = np.random.default_rng(2)
    words = [f"word{i}" for i in range(40)]
    ax = plot.word_map((rng.standard_normal((40, 5)), words), words)
    assert overlaps(ax) == 0


def test_tsne(wv, tmp_path):
    pytest.importorskip("sklearn")
    ax = plot.word_map(wv, WORDS, method="tsne", seed=3)
    png(ax, tmp_path)
    again = plot.word_map(wv, WORDS, method="tsne", seed=3)
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), again.collections[0].get_offsets())


def test_similarity_heatmap(wv, tmp_path):
    ax = plot.similarity_heatmap(wv, WORDS[:3], WORDS)
    png(ax, tmp_path)
    np.testing.assert_allclose(ax.images[0].get_array(), wv.similarities(WORDS[:3], WORDS), atol=1e-6)
    assert [label.get_text() for label in ax.get_yticklabels()] == WORDS[:3]
    assert [label.get_text() for label in ax.get_xticklabels()] == WORDS
    assert len(texts(ax)) == 21
    assert texts(ax)[0] == "1.00"
    assert not texts(plot.similarity_heatmap(wv, WORDS, numbers=False))


def test_analogy_map(wv, tmp_path):
    ax = plot.analogy_map(wv, [("man", "king", "woman", "queen"), ("cat", "dog", "man", "house")])
    png(ax, tmp_path)
    assert texts(ax) == ["man", "king", "woman", "queen", "cat", "dog", "house"]
    assert len([t for t in ax.texts if t.arrow_patch is not None]) == 4
    points = dict(zip(texts(ax), ax.collections[0].get_offsets(), strict=True))
    rings = [c.get_offsets()[0] for c in ax.collections[1:]]
    np.testing.assert_allclose(rings[1], points["dog"] - points["cat"] + points["man"], atol=1e-12)


def test_bias_bars(tmp_path):
    ax = plot.bias_bars({"direct bias": (0.2, 0.0), "WEAT": (1.5, -0.25)}, title="Debiasing")
    png(ax, tmp_path)
    widths = [[bar.get_width() for bar in bars] for bars in ax.containers]
    assert widths == [[0.2, 1.5], [0.0, -0.25]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["direct bias", "WEAT"]
    assert texts(ax) == ["0.20", "1.50", "0.00", "−0.25"]


def test_labels_of_bars_cover_no_names(tmp_path):
    ax = plot.bias_bars({"a rather long name": (0.2, -0.001), "other": (0.3, -0.0)})
    png(ax, tmp_path)
    assert texts(ax) == ["0.20", "0.30", "0.00", "0.00"]
    names = max(label.get_window_extent().x1 for label in ax.get_yticklabels())
    assert all(text.get_window_extent().x0 > names for text in ax.texts)


def test_blank_tokens_can_be_seen_and_dollars_are_no_formula():
    labels = [label.get_text() for label in plot.attention(np.eye(4), [" ", "\n", "", "$x$"]).get_xticklabels()]
    assert labels == ["␣", "⏎", "␣", r"\$x\$"]
    assert texts(plot.word_map((np.eye(3), ["a", " ", "b"])))[1] == "␣"


def test_letters_of_other_scripts_take_a_font_that_has_them():
    from matplotlib.font_manager import fontManager

    assert families(["word", "Straße", "слово"]) == [*matplotlib.rcParams["font.family"]]
    found = {
        font.name for font in fontManager.ttflist if 0x732B in _letters(font.fname) and "Last Resort" not in font.name
    }
    if found:
        assert families(["猫"])[-1] in found
        return
    _family_with.cache_clear()
    with pytest.warns(UserWarning, match="no installed font has '猫': install one, such as Noto Sans CJK"):
        assert families(["猫"]) == [*matplotlib.rcParams["font.family"]]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("heatmap", "similarity_heatmap"),
        ("similarity", "similarity_heatmap"),
        ("analogy", "analogy_map"),
        ("bias", "bias_bars"),
        ("word_maps", "word_map"),
        ("loss", "loss_curve"),
        ("forcast", "forecast"),
    ],
)
def test_a_name_that_is_not_there_names_the_picture_that_is(name, meant):
    with pytest.raises(AttributeError, match=f"seqnn.plot has no '{name}'; did you mean {meant}"):
        getattr(plot, name)
    assert hasattr(plot, meant)


def test_every_name_of_the_hints_is_there():
    assert {meant.partition("(")[0] for meant in _MEANT.values()} <= set(plot.__all__)
    with pytest.raises(AttributeError, match=r"it has activation_statistics, alignment"):
        plot.zzz  # noqa: B018


def test_projection_bars(wv, tmp_path):
    direction = np.eye(12)[0] * 3
    flat = wv.vectors.copy()
    flat[:, 0] = 0
    ax = plot.projection_bars(wv, (flat, WORDS), WORDS, direction, ends=("less", "more"))
    png(ax, tmp_path)
    cosines = wv.get_normed_vectors()[:, 0]
    order = np.argsort(-cosines)
    np.testing.assert_allclose([bar.get_width() for bar in ax.containers[0]], cosines[order], rtol=1e-6)
    assert [label.get_text() for label in ax.get_yticklabels()] == [WORDS[i] for i in order]
    assert all(bar.get_width() == 0 for bar in ax.containers[1])
    assert "less" in ax.get_xlabel()


def test_loss_curve(tmp_path):
    class Model:
        def __init__(self, losses):
            self.history_ = [{"epoch": i, "loss": loss} for i, loss in enumerate(losses, 1)]

    ax = plot.loss_curve({"a": Model([3.0, 2.0, 1.5]), "b": Model([2.5, 2.2]).history_}, log=True)
    png(ax, tmp_path)
    assert [line.get_ydata().tolist() for line in ax.lines] == [[3.0, 2.0, 1.5], [2.5, 2.2]]
    assert texts(ax) == ["a", "b"]
    assert ax.get_yscale() == "log"
    assert plot.loss_curve(Model([1.0])).lines[0].get_xdata().tolist() == [1]


def test_labels_of_losses_that_end_alike_do_not_cover_each_other():
    ax = plot.loss_curve({"LSTM": {"loss": [0.7, 0.001]}, "STLM": {"loss": [0.4, 0.001]}, "RNN": {"loss": [0.7, 0.7]}})
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 3
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


@pytest.mark.parametrize(
    ("error", "message", "draw"),
    [
        (KeyError, "words: 1 of 4 words have no vector: 'bird'", lambda wv: plot.word_map(wv, [*WORDS[:3], "bird"])),
        (ValueError, "at least 3 words", lambda wv: plot.word_map(wv, WORDS[:2])),
        (ValueError, "method: expected 'pca' or 'tsne'", lambda wv: plot.word_map(wv, WORDS, method="umap")),
        (TypeError, "words: expected a list", lambda wv: plot.word_map(wv, "cat")),
        (TypeError, "ax: expected matplotlib Axes", lambda wv: plot.word_map(wv, WORDS, ax=3)),
        (ValueError, "four words", lambda wv: plot.analogy_map(wv, [("man", "king", "woman")])),
        (ValueError, "at least one, got none", lambda wv: plot.analogy_map(wv, [])),
        (ValueError, "at least one word", lambda wv: plot.similarity_heatmap(wv, [])),
        (ValueError, "at least one name", lambda wv: plot.bias_bars({})),
        (ValueError, r"\(before, after\) for each name", lambda wv: plot.bias_bars({"a": (1.0, 2.0, 3.0)})),
        (ValueError, "direction: expected", lambda wv: plot.projection_bars(wv, wv, WORDS, np.zeros(12))),
        (TypeError, "history_", lambda wv: plot.loss_curve(3)),
        (ValueError, "train the model first", lambda wv: plot.loss_curve([])),
    ],
)
def test_bad_input(error, message, draw, wv):
    with pytest.raises(error, match=message):
        draw(wv)


def test_matplotlib_is_loaded_only_for_pictures():
    code = "import sys, seqnn.plot; assert 'matplotlib' not in sys.modules and 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_the_error_says_what_to_install(wv, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'seqnn-cpu\[plot\]'"):
        plot.word_map(wv, WORDS)
