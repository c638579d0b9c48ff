"""Running text with coloured words: places, lines, other scripts, bad input."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib.pyplot as plt

from seqnn import plot
from seqnn.models import Annotation, Entity, Explanation


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def drawn(ax):
    """(text, x, y) of all words."""
    ax.figure.canvas.draw()
    return [(text.get_text(), *text.get_position()) for text in ax.texts]


def test_colours_say_for_or_against_and_how_much():
    ax = plot.highlight(Explanation(["good", "not", "so"], np.array([0.2, -0.4, 0.0]), "fine", 0.9))
    assert [word for word, *_ in drawn(ax)] == ["fine:", "good", "not", "so"]
    strengths = [box.get_alpha() for box in ax.patches]
    assert strengths == pytest.approx([0.3, 0.6, 0.0])
    assert ax.patches[0].get_facecolor()[:3] != ax.patches[1].get_facecolor()[:3]


def test_long_texts_go_on_in_the_next_line_and_words_do_not_touch():
    words = [f"word{'x' * (i % 9)}" for i in range(80)]
    ax = plot.highlight([(words, np.ones(80)), (["second", "text"], [1.0, 0.5])], title="Two texts")
    places = drawn(ax)
    assert len({y for _, _, y in places}) >= 6 and places[-2][2] > places[-3][2]
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 : i + 3])
    assert all(box.x1 <= ax.figure.bbox.x1 for box in boxes)


def test_spans_are_whole_and_marks_stand_where_they_stood():
    found = Annotation(
        "Ada saw New York, $5.",
        [Entity(0, 3, "PER", "Ada", 1.0), Entity(8, 16, "LOC", "New York", 1.0)],
        ["LOC", "PER"],
    )
    ax = plot.entities([found])
    places = drawn(ax)
    assert [word for word, *_ in places] == ["Ada", "PER", "saw", "New York", "LOC", ",", r"\$5."]
    assert len(ax.patches) == 2 and ax.patches[0].get_facecolor() != ax.patches[1].get_facecolor()


@pytest.mark.filterwarnings("error")
def test_line_ends_within_words_and_spans_can_be_drawn():
    words = [word for word, *_ in drawn(plot.highlight((["a\nb", "\n"], [1.0, -1.0])))]
    assert words == ["a⏎b", "⏎"]
    spans = plot.entities(Annotation("in New\nYork", [Entity(3, 11, "LOC", "New\nYork", 1.0)], ["LOC"]))
    assert [word for word, *_ in drawn(spans)] == ["in", "New York", "LOC"]


def test_given_axes_are_drawn_into():
    _, axes = plt.subplots(2)
    assert plot.highlight((["a", "b"], [1.0, -1.0]), ax=axes[1]) is axes[1]


def test_bad_input():
    with pytest.raises(ValueError, match=r"explanations: expected a finite weight for each of 2 words, got \(1,\)"):
        plot.highlight((["a", "b"], [1.0]))
    with pytest.raises(ValueError, match="explanations: expected a finite weight"):
        plot.highlight((["a"], [np.nan]))
    for draw, name in ((plot.entities, "annotations"), (plot.highlight, "explanations")):
        with pytest.raises(ValueError, match=f"{name}: expected at least one text with words, got none"):
            draw([])
    for wrong in ("abc", 3, [3]):
        with pytest.raises(TypeError, match="explanations: expected an Explanation or a pair"):
            plot.highlight(wrong)
        with pytest.raises(TypeError, match="annotations: expected an Annotation or a list of them"):
            plot.entities(wrong)
    with pytest.raises(ValueError, match=r"kind: expected one of \['LOC'\], got 'PER'"):
        plot.entities(Annotation("Ada", [Entity(0, 3, "PER", "Ada", 1.0)], ["LOC"]))
    with pytest.raises(TypeError, match="ax: expected matplotlib Axes or None"):
        plot.highlight((["a"], [1.0]), ax=3)
