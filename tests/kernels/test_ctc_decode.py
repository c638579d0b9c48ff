import numpy as np
import pytest
from ctc_reference import probabilities
from harness import assert_identical, each_isa, each_team

from seqnn import Tensor, _core, ops
from seqnn.lm import NGramLM


def best_beginnings(frames, blank, width, added=lambda y: 0.0):
    """{labels: score} that a beam finds, by sums over the labels themselves (Hannun et al., 2014), and what is added."""
    beam = {(): (0.0, -np.inf)}
    for frame in frames:
        found = {}
        for y, (ends_blank, ends_label) in beam.items():
            for c, p in enumerate(frame):
                longer = y if c == blank else (*y, c)
                b, nb = found.get(longer, (-np.inf, -np.inf))
                if c == blank:
                    b = np.logaddexp(b, np.logaddexp(ends_blank, ends_label) + p)
                elif y[-1:] == (c,):
                    nb = np.logaddexp(nb, ends_blank + p)
                    same = found.get(y, (-np.inf, -np.inf))
                    found[y] = same[0], np.logaddexp(same[1], ends_label + p)
                else:
                    nb = np.logaddexp(nb, np.logaddexp(ends_blank, ends_label) + p)
                found[longer] = b, nb
        best = sorted(found, key=lambda y: -np.logaddexp(*found[y]) - added(y))[:width]
        beam = {y: found[y] for y in best}
    return {y: np.logaddexp(*sums) + added(y) for y, sums in beam.items()}


@pytest.mark.parametrize("blank", [0, 2])
def test_a_wide_beam_agrees_with_every_path_counted(blank):
    for seed in range(3):
        x = ops.log_softmax(np.random.default_rng(seed).standard_normal((5, 3)) * 2)
        expected = probabilities(x, blank)
        ranked = sorted(expected, key=expected.get, reverse=True)
        for _ in each_isa():
            labels, scores = ops.ctc_decode(x, blank=blank, beam_size=1000, k=len(expected))
            assert [tuple(row[row >= 0].tolist()) for row in labels] == ranked
            np.testing.assert_allclose(np.exp(scores), [expected[y] for y in ranked], rtol=1e-12)


@pytest.mark.parametrize("width", [1, 3, 20])
def test_a_narrow_beam_agrees_with_the_search_over_labels(width):
    for seed in range(4):
        x = ops.log_softmax(np.random.default_rng(seed).standard_normal((25, 2, 6)) * 2)
        for _ in each_isa():
            labels, scores = ops.ctc_decode(x, [25, 18], blank=seed, beam_size=width, k=width)
            for n, length in enumerate((25, 18)):
                expected = best_beginnings(x[:length, n], seed, width)
                got = {tuple(row[row >= 0].tolist()): score for row, score in zip(labels[n], scores[n], strict=True)}
                assert got == pytest.approx(expected, rel=1e-12)


def test_a_beam_is_the_same_for_all_teams_and_from_any_layout():
    x = ops.log_softmax(np.random.default_rng(0).standard_normal((30, 7, 9), np.float32))
    first = ops.ctc_decode(x, beam_size=8, k=4)
    for _ in each_isa():
        for _ in each_team():
            assert_identical(ops.ctc_decode(x, beam_size=8, k=4), first)
    turned = np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1)
    assert_identical(ops.ctc_decode(turned, beam_size=8, k=4), first)


def test_the_best_path_is_joined_and_freed_of_blanks():
    path = np.array([1, 1, 0, 1, 2, 2, 0])
    x = np.log(np.where(np.eye(3)[path], 0.8, 0.1))[:, None]
    labels, scores = ops.ctc_decode(np.concatenate([x, x], 1), [7, 3])
    assert labels.tolist() == [[1, 1, 2], [1, -1, -1]]
    np.testing.assert_allclose(scores, [7 * np.log(0.8), 3 * np.log(0.8)])
    assert ops.ctc_decode(x[:, 0])[0].tolist() == [1, 1, 2]
    assert ops.ctc_decode(x, blank=1)[0].tolist() == [[0, 2, 0]]
    assert ops.ctc_decode(Tensor(x), [0])[0].shape == (1, 0)


def test_a_narrow_beam_and_the_best_path_agree_where_one_path_has_nearly_all():
    x = np.log(np.where(np.eye(2)[[1, 1, 0, 1, 1]], 1 - 1e-9, 1e-9))  # A A blank A A
    for given in ({}, {"beam_size": 1}, {"beam_size": 9}):
        labels, score = ops.ctc_decode(x, **given)
        assert labels.tolist() == [1, 1] and -1e-6 < score <= 0


def test_a_beam_finds_what_the_best_path_does_not_and_counts_as_the_loss_does():
    x = ops.log_softmax(np.random.default_rng(3).standard_normal((7, 6, 5)))
    lengths = [7, 7, 5, 6, 7, 0]
    labels, scores = ops.ctc_decode(x, lengths, beam_size=400, k=3)
    for n, length in enumerate(lengths):
        for row, score in zip(labels[n], scores[n], strict=True):
            if score > -np.inf:
                loss = ops.ctc_loss(x[:length, n], row[row >= 0], reduction="none")
                assert score == pytest.approx(-loss, abs=0.02)
                assert score <= -loss + 1e-9
        assert (np.diff(scores[n][np.isfinite(scores[n])]) <= 0).all()
    assert scores[5].tolist() == [0, -np.inf, -np.inf]
    best = ops.ctc_decode(x, lengths)
    for n in range(5):
        row = best[0][n]
        assert scores[n, 0] >= -ops.ctc_loss(x[: lengths[n], n], row[row >= 0], reduction="none") - 1e-9


def test_a_scorer_adds_to_every_label_and_is_asked_once_for_each_beginning():
    x = ops.log_softmax(np.random.default_rng(1).standard_normal((5, 3)))
    asked = []

    def scorer(labels):
        asked.append(labels)
        return np.log([1.0, 0.9, 0.2]) if labels[-1:] == (1,) else np.log([1.0, 0.3, 0.8])

    labels, scores = ops.ctc_decode(x, beam_size=1000, k=5, scorer=scorer)
    expected = {}
    for y, p in probabilities(x, 0).items():
        expected[y] = np.log(p) + sum(scorer(y[:i])[y[i]] for i in range(len(y)))
    ranked = sorted(expected, key=expected.get, reverse=True)[:5]
    assert [tuple(row[row >= 0].tolist()) for row in labels] == ranked
    np.testing.assert_allclose(scores, [expected[y] for y in ranked])
    asked.clear()
    ops.ctc_decode(x, beam_size=4, scorer=scorer)
    assert len(asked) == len({*asked})


CORPUS = ["a b a b c", "a c a b", "c c a b a", "b a"] * 3
NAMES = ["blank", "a", "b", "c", "never seen"]
SMOOTHINGS = [("modified_kneser_ney", 3), ("laplace", 2), ("stupid_backoff", 3), ("kneser_ney", 1)]


def with_model(model, sums, alpha, beta, eos):
    """Scores of labels with those of a language model."""
    weight = alpha * np.log(10)
    found = {y: p + weight * model.score([NAMES[c] for c in y], eos=eos) + beta * len(y) for y, p in sums.items()}
    return {y: score for y, score in found.items() if score > -np.inf}


@pytest.mark.parametrize(("smoothing", "order"), SMOOTHINGS)
@pytest.mark.parametrize("eos", [True, False])
def test_a_wide_beam_with_an_ngram_model_agrees_with_every_path_counted(smoothing, order, eos):
    model = NGramLM(order, smoothing).fit(CORPUS)
    for seed in range(2):
        x = ops.log_softmax(np.random.default_rng(seed).standard_normal((4, 5)) * 2)
        sums = {y: np.log(p) for y, p in probabilities(x, 0).items()}
        expected = with_model(model, sums, 0.7, 0.3, eos)
        ranked = sorted(expected, key=expected.get, reverse=True)
        for _ in each_isa():
            labels, scores = ops.ctc_decode(
                x, beam_size=1000, k=len(ranked), scorer=model, labels=NAMES, alpha=0.7, beta=0.3, eos=eos
            )
            assert [tuple(row[row >= 0].tolist()) for row in labels] == ranked
            np.testing.assert_allclose(scores, [expected[y] for y in ranked], rtol=1e-5)


@pytest.mark.parametrize(("smoothing", "order"), SMOOTHINGS)
def test_a_narrow_beam_with_an_ngram_model_agrees_with_the_search_over_labels(smoothing, order):
    model = NGramLM(order, smoothing).fit(CORPUS)

    def added(y):
        return 0.5 * np.log(10) * model.score([NAMES[c] for c in y], eos=False) + 0.2 * len(y)

    x = ops.log_softmax(np.random.default_rng(3).standard_normal((20, 3, 5)) * 2)
    found = [
        ops.ctc_decode(x, [20, 11, 0], beam_size=6, k=6, scorer=model, labels=NAMES, beta=0.2) for _ in each_team()
    ]
    for labels, scores in found:
        assert_identical(labels, found[0][0])
        assert_identical(scores, found[0][1])
    for n, length in enumerate((20, 11, 0)):
        beginnings = best_beginnings(x[:length, n], 0, 6, added)
        sums = {y: p - added(y) for y, p in beginnings.items() if p > -np.inf}
        end = with_model(model, sums, 0.5, 0.2, True)
        got = {tuple(r[r >= 0].tolist()): s for r, s in zip(labels[n], scores[n], strict=True) if s > -np.inf}
        assert got == pytest.approx(end, rel=1e-5)


def test_a_model_of_weight_zero_changes_nothing_and_one_that_forbids_leaves_what_it_allows():
    x = ops.log_softmax(np.random.default_rng(0).standard_normal((12, 5)))
    model = NGramLM(2, "mle").fit(["a b"])
    plain, without = (ops.ctc_decode(x, beam_size=5, **s) for s in ({}, {"scorer": model, "labels": NAMES, "alpha": 0}))
    assert_identical(plain[0], without[0])
    assert_identical(plain[1], without[1])
    labels, _ = ops.ctc_decode(x, beam_size=20, scorer=model, labels=NAMES)
    assert labels.tolist() == [1, 2]


def test_a_frame_that_allows_nothing_leaves_no_labels():
    x = np.zeros((3, 2, 4))
    x[1, 0] = -np.inf
    for _ in each_isa():
        labels, scores = ops.ctc_decode(x, beam_size=4, k=2)
        assert (labels[0] == -1).all() and (scores[0] == -np.inf).all() and (scores[1] > -np.inf).all()
        assert ops.ctc_decode(x * np.nan, beam_size=4)[1].tolist() == [-np.inf, -np.inf]


def test_bad_input():
    x = np.zeros((5, 2, 4))
    with pytest.raises(ValueError, match="ctc_decode: k and scorer need beam_size="):
        ops.ctc_decode(x, k=2)
    with pytest.raises(ValueError, match="ctc_decode: k is 5, expected at most beam_size, 4"):
        ops.ctc_decode(x, beam_size=4, k=5)
    with pytest.raises(ValueError, match=r"ctc_decode: scorer gave shape \(3,\), expected \(4,\), one per class"):
        ops.ctc_decode(x, beam_size=4, scorer=lambda labels: np.zeros(3))
    model = NGramLM(2).fit(CORPUS)
    with pytest.raises(ValueError, match=r"ctc_decode: labels: expected a list of 4, the words .*, got none"):
        ops.ctc_decode(x, beam_size=4, scorer=model)
    with pytest.raises(ValueError, match=r"ctc_decode: labels: expected a list of 4, .*, got 5 in a list"):
        ops.ctc_decode(x, beam_size=4, scorer=model, labels=NAMES)
    with pytest.raises(ValueError, match="ctc_decode: labels need scorer="):
        ops.ctc_decode(x, beam_size=4, labels=NAMES)
    with pytest.raises(TypeError, match=r"ctc_decode: labels: expected a list of 4, .*, got None among them"):
        ops.ctc_decode(x, beam_size=4, scorer=model, labels=[None, *NAMES[:3]])
    with pytest.raises(TypeError, match=r"ctc_decode: labels: expected a list of 4, .*, got a generator"):
        ops.ctc_decode(x, beam_size=4, scorer=model, labels=(name for name in NAMES))
    with pytest.raises(ValueError, match="need beam_size="):
        ops.ctc_decode(x, labels=NAMES[:4])
    with pytest.raises(ValueError, match="ctc_decode: alpha"):
        ops.ctc_decode(x, beam_size=4, scorer=model, labels=NAMES[:4], alpha=-1)
    with pytest.raises(RuntimeError, match="has not learnt anything yet"):
        ops.ctc_decode(x, beam_size=4, scorer=NGramLM(2), labels=NAMES[:4])
    with pytest.raises(ValueError, match="beam_size: expected an integer >= 1, got 0"):
        ops.ctc_decode(x, beam_size=0)
    with pytest.raises(ValueError, match=r"ctc_decode: log_probs has shape \(2,\)"):
        ops.ctc_decode(x[0, :, 0])
    with pytest.raises(ValueError, match=r"ctc_decode: input_lengths lie in \[1, 6\], expected \[0, 5\], the frames"):
        ops.ctc_decode(x, [1, 6])
    with pytest.raises(ValueError, match=r"ctc_decode: blank must lie in \[0, 4\), got -1"):
        ops.ctc_decode(x, blank=-1)


def test_the_kernel_refuses_a_state_that_is_none():
    sums = [np.zeros((1, 2)) for _ in range(3)]
    for labels, length in ((4, 1), (-1, 1), (0, 3), (0, -1)):
        state = np.full((1, 2, 2), labels), np.full((1, 2), length)
        with pytest.raises(ValueError, match=r"labels hold one that is not in \[0, C\), or length one"):
            _core.ctc_decode(np.zeros((5, 1, 4)), np.array([5]), *state, *sums, 0)
