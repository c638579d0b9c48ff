"""Vectors of sentences from pairs: losses, which texts are negatives, search, duplicates, bad input."""

from types import SimpleNamespace

import numpy as np
import pytest

from seqnn import autograd
from seqnn.models import Siamese
from seqnn.models._siamese import _groups
from seqnn.models._similarity_loss import DISTANCES, NEGATIVES, distances, make_loss

draw = np.random.default_rng(0)
TOPICS = [[f"t{i}w{j}" for j in range(6)] for i in range(12)]


def text(topic):
    return " ".join(draw.choice(TOPICS[topic], 4))


PAIRS = [(text(i % 12), text(i % 12)) for i in range(96)]
GROUPS = np.arange(96) % 12
SMALL = {"cell": "cnn", "hidden_size": 16, "embedding_size": 16, "max_iter": 12, "learning_rate": 0.01}
MARGINS = {"cosine": 0.25, "euclidean": 1.0, "manhattan": 3.0}


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("loss", ["in_batch", "triplet", "contrastive"])
def test_texts_of_a_topic_become_similar(loss, distance):
    settings = SMALL | {"max_iter": 40 if loss == "contrastive" else 12}
    scale = {
        "margin": (4 if loss == "contrastive" else 1) * MARGINS[distance],
        "temperature": 0.05 if distance == "cosine" else 1.0,
    }
    model = Siamese(**settings, **scale, loss=loss, distance=distance)
    if loss == "contrastive":
        others = [(a, PAIRS[(i + 1 + i // 12) % 96][1]) for i, (a, _) in enumerate(PAIRS)]
        y = np.repeat([1, 0], 96)
        assert model.fit(PAIRS + others, y).score(PAIRS + others, y) > 0.95
    else:
        assert model.fit(PAIRS, GROUPS).score(PAIRS, GROUPS) > 0.95
    documents = [text(i) for i in range(12)]
    hits = model.search([text(3), text(7)], documents, topn=2)
    assert [row[0].index for row in hits] == [3, 7] and all(row[0].similarity > row[1].similarity for row in hits)
    assert model.predict([(documents[3], text(3))])[0] > model.predict([(documents[3], documents[7])])[0]


@pytest.mark.parametrize("cell", ["gru", "transformer"])
@pytest.mark.parametrize("negatives", NEGATIVES)
def test_every_choice_of_negatives_learns_with_every_reader(negatives, cell):
    model = Siamese(**SMALL | {"cell": cell, "max_iter": 6}, loss="triplet", negatives=negatives).fit(PAIRS, GROUPS)
    assert model.history_["loss"][-1] < model.history_["loss"][0]


@pytest.mark.parametrize("distance", DISTANCES)
def test_distances_are_those_of_the_definition(distance):
    a, b = draw.standard_normal((2, 5, 3))
    found = distances(autograd.Tensor(a), autograd.Tensor(b), distance).numpy()
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            expected = {
                "cosine": 1 - x @ y / np.sqrt(x @ x * (y @ y)),
                "euclidean": np.sqrt(((x - y) ** 2).sum()),
                "manhattan": np.abs(x - y).sum(),
            }[distance]
            assert found[i, j] == pytest.approx(expected, abs=1e-9)


def their_triplet(a, b, groups, name, margin):
    """The loss row by row, with the Euclidean distance."""
    total = 0.0
    for i, x in enumerate(a):
        positive = np.linalg.norm(x - b[i])
        others = [np.linalg.norm(x - b[j]) for j in range(len(b)) if groups[j] != groups[i]]
        if not others:
            continue
        farther = [d for d in others if d > positive]
        chosen = {
            "mean": np.mean(others),
            "hardest": min(others),
            "semi_hard": min(farther) if farther else max(others),
        }
        total += sum(max(0.0, positive - chosen[part] + margin) for part in name.split("+"))
    return total


@pytest.mark.parametrize("groups", [[0, 1, 2, 3, 4], [0, 0, 1, 1, 2], [0, 0, 0, 0, 0]])
@pytest.mark.parametrize("name", NEGATIVES)
def test_triplets_are_those_of_the_definition_and_have_their_gradient(name, groups):
    a, b = draw.standard_normal((2, 5, 3))
    loss = make_loss(SimpleNamespace(loss="triplet", distance="euclidean", margin=0.7, negatives=name, temperature=1.0))
    x = autograd.Tensor(a.copy(), requires_grad=True)
    found, count = loss((x, autograd.Tensor(b)), np.array(groups))
    assert count == 5 and found.item() == pytest.approx(their_triplet(a, b, groups, name, 0.7), abs=1e-9)
    found.backward()
    for place in [(0, 0), (3, 2)]:
        step = np.zeros_like(a)
        step[place] = 1e-6
        slope = (their_triplet(a + step, b, groups, name, 0.7) - their_triplet(a - step, b, groups, name, 0.7)) / 2e-6
        assert x.grad[place] == pytest.approx(slope, abs=1e-5)


def test_the_other_losses_are_those_of_the_definition():
    a, b = draw.standard_normal((2, 4, 3))
    d = np.linalg.norm(a[:, None] - b[None], axis=2)
    settings = SimpleNamespace(distance="euclidean", margin=2.0, negatives="mean", temperature=0.5)
    pair = autograd.Tensor(a), autograd.Tensor(b)
    settings.loss, y = "contrastive", np.array([1, 0, 0, 1])
    own = np.diag(d)
    assert make_loss(settings)(pair, y)[0].item() == pytest.approx(
        (y * own**2 + (1 - y) * np.maximum(0, 2 - own) ** 2).sum()
    )
    settings.loss, groups = "in_batch", np.array([0, 1, 0, 2])
    expected = 0.0
    for i in range(4):
        seen = [j for j in range(4) if j == i or groups[j] != groups[i]]
        expected += d[i, i] / 0.5 + np.log(sum(np.exp(-d[i, j] / 0.5) for j in seen))
    assert make_loss(settings)(pair, groups)[0].item() == pytest.approx(expected, abs=1e-6)


def test_pairs_that_share_a_text_are_no_negatives_of_each_other():
    ids = [np.array(row) for row in ([1], [2], [3], [4], [5], [2], [6], [3])]  # (1, 5), (2, 2), (3, 6), (4, 3)
    assert _groups(ids, None).tolist() == [0, 1, 2, 2]
    assert _groups(ids, ["a", "b", "c", "a"]).tolist() == [0, 1, 0, 0]


def test_vectors_are_found_again_and_cosines_have_length_1(tmp_path):
    model = Siamese(**SMALL | {"max_iter": 3}).fit(PAIRS)
    documents = [text(i % 12) for i in range(40)]
    vectors = model.transform(documents)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert model.search(documents[:3], vectors, 5) == model.search(documents[:3], documents, 5)
    alone = np.concatenate([model.transform([one]) for one in documents])
    np.testing.assert_allclose(alone, vectors, atol=1e-5)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(Siamese.load(tmp_path / "model").transform(documents), vectors)
    assert [len(row) for row in model.search(documents[:2], documents[:3], 10)] == [3, 3]


@pytest.mark.parametrize("distance", DISTANCES)
def test_duplicates_are_all_pairs_above_the_threshold(distance):
    model = Siamese(**SMALL | {"max_iter": 2}, distance=distance, loss="triplet", margin=1.0).fit(PAIRS)
    documents = [text(i % 12) for i in range(30)] + ["t0w0 t0w1", "t0w0 t0w1"]
    pairs = [(i, j) for i in range(32) for j in range(i + 1, 32)]
    similar = model.predict([(documents[i], documents[j]) for i, j in pairs])
    threshold = float(np.sort(similar)[-40]) - 1e-4
    found = model.duplicates(documents, threshold)
    assert {pair[:2] for pair in found} >= {p for p, s in zip(pairs, similar, strict=True) if s > threshold + 2e-4}
    assert {pair[:2] for pair in found} <= {p for p, s in zip(pairs, similar, strict=True) if s > threshold - 2e-4}
    assert found[0][:2] == (30, 31) and found == sorted(found, key=lambda pair: -pair[2])


def test_sequences_of_numbers_are_compared_too():
    curves = [(np.sin(np.arange(9) * (1 + i % 4)), np.sin(np.arange(9) * (1 + i % 4)) * 0.9) for i in range(48)]
    model = Siamese(**SMALL).fit(curves, np.arange(48) % 4)
    assert model.score(curves, np.arange(48) % 4) == 1


def test_bad_input():
    new = Siamese(**SMALL)
    with pytest.raises(TypeError, match="X: expected a list of pairs, got str"):
        new.fit("ab")
    with pytest.raises(ValueError, match=r"X\[1\]: expected a pair \(a, b\) of strings or token lists, got 'ab'"):
        new.fit([("a", "b"), "ab"])
    with pytest.raises(ValueError, match=r"X\[0\]: expected a pair"):
        new.fit([("a", "b", "c")])
    with pytest.raises(ValueError, match=r"X\[:\]\[1\]\[0\]: expected a sequence of one step or more"):
        new.fit([("a", ""), ("b", "c")])
    with pytest.raises(TypeError, match="X: expected pairs of one kind"):
        new.fit([("a", [1.0])])
    with pytest.raises(ValueError, match="X: expected at least one pair, got none"):
        new.fit([])
    with pytest.raises(ValueError, match="X: expected pairs of at least two groups"):
        new.fit([("a", "b"), ("b", "c"), ("c", "d")])
    with pytest.raises(ValueError, match="y: expected a group for each of 2 pairs, or None"):
        new.fit([("a", "b"), ("c", "d")], [1])
    for y, got in [(None, "None"), ([1, 2], "int64"), ([1], "shape")]:
        with pytest.raises(
            ValueError, match=rf"y: expected 1 \(they belong together\) or 0 for each of 2 pairs, got .*{got}"
        ):
            Siamese(**SMALL, loss="contrastive").fit([("a", "b"), ("c", "d")], y)
    with pytest.raises(ValueError, match="y: expected pairs of both kinds"):
        Siamese(**SMALL, loss="contrastive").fit([("a", "b"), ("c", "d")], [1, 1])
    with pytest.raises(ValueError, match="negatives: expected one of"):
        Siamese(negatives="random").fit(PAIRS)
    model = Siamese(**SMALL | {"max_iter": 1}).fit(PAIRS)
    with pytest.raises(
        ValueError, match=r"documents: expected vectors of 16 numbers, as transform gives them, got \(2, 3\)"
    ):
        model.search(["a"], np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match="documents: expected vectors of finite numbers, got NaN or infinity"):
        model.search(["a"], np.full((2, 16), np.nan, np.float32))
    with pytest.raises(ValueError, match="documents: expected at least one sequence, got none"):
        model.search(["a"], [])
    with pytest.raises(ValueError, match=r"queries\[0\]: expected a sequence of one step or more"):
        model.search([""], ["a"])
    with pytest.raises(ValueError, match="topn: expected an integer >= 1, got 0"):
        model.search(["a"], ["b"], 0)
    with pytest.raises(ValueError, match="threshold: expected a finite number"):
        model.duplicates(["a"], float("nan"))


@pytest.mark.parametrize("loss", ["in_batch", "triplet", "contrastive"])
@pytest.mark.parametrize("distance", DISTANCES)
def test_equal_texts_have_finite_gradients(loss, distance):
    pairs = [("a b", "a b"), ("c d", "c d"), ("a", "c")] * 6
    model = Siamese(**SMALL | {"max_iter": 2}, loss=loss, distance=distance)
    model.fit(pairs, [1, 1, 0] * 6 if loss == "contrastive" else None)
    assert np.isfinite(model.history_["grad_norm"]).all() and np.isfinite(model.transform(["a b", "c"])).all()


def test_equal_texts_have_no_distance_wherever_their_vectors_lie():
    model = Siamese(**SMALL | {"max_iter": 1}, distance="euclidean").fit(PAIRS)
    far = 1e3 + np.random.default_rng(0).standard_normal((40, 16)).astype(np.float32)
    twice = np.concatenate([far, far])
    assert {pair[:2] for pair in model.duplicates(twice, -1e-3)} == {(i, i + 40) for i in range(40)}
