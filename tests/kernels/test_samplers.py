import numpy as np
import pytest
from decode_reference import NOTHING, processors_apply
from harness import check_op, each_isa, each_team

from seqnn import _core


def samplers_draw(logits, ids, begins, streams, greedy=True, **options):
    """Take the largest score of each row; of equal ones the first."""
    scores, status = processors_apply(logits, ids, begins, **options)
    log_probs = [row.max() - np.log(np.exp(row).sum()) for row in scores]
    return scores.argmax(axis=1), np.array(log_probs), status


def case(rows, vocabulary, tokens=0, **options):
    rng = np.random.default_rng(2)
    logits = rng.integers(-3, 4, (rows, vocabulary)) * 0.5  # ties abound
    ids, begins = rng.integers(0, vocabulary, (rows, tokens)), np.zeros(rows, int)
    return {
        "logits": logits,
        "ids": ids,
        "begins": begins,
        "streams": np.arange(rows),
        **NOTHING,
        "greedy": True,
        **options,
    }


def test_samplers_draw():
    check_op(
        _core.samplers_draw,
        samplers_draw,
        [
            case(3, 1), case(4, 5000), case(3, 1030, 50, repetition_penalty=1.5), case(2, 9, 5, suppressed=np.array([1, 2, 3])),
            case(3, 70, allowed=np.arange(70)[None] % 3 == 1), case(0, 5),
        ],
    )  # fmt: skip


def draws(p, count, **options):
    """The shares of each token among many draws from the probabilities p, one for each row."""
    logits = np.log(p)[None].repeat(count, axis=0)
    found = _core.samplers_draw(
        logits, np.zeros((count, 0), int), np.zeros(count, int), streams=np.arange(count), seed=5, **NOTHING, **options
    )
    np.testing.assert_allclose(np.exp(found.log_probs), expected(p, **options)[found.tokens], atol=1e-9)
    return found.tokens


def expected(p, **options):
    rows = {"ids": np.zeros((1, 0), int), "begins": np.zeros(1, int)}
    scores = processors_apply(np.log(p)[None], **rows, **NOTHING, **options)[0][0]
    return np.exp(scores) / np.exp(scores).sum()


@pytest.mark.parametrize(
    "options",
    [
        {}, {"temperature": 0.5}, {"temperature": 3.0}, {"top_k": 5}, {"top_p": 0.6}, {"min_p": 0.3}, {"typical_p": 0.5},
        {"temperature": 1.5, "top_k": 9, "top_p": 0.9},
    ],
    ids=str,
)  # fmt: skip
def test_draws_have_their_probabilities(options):
    p = np.random.default_rng(0).dirichlet(np.ones(12))
    count = 20_000
    for _ in each_isa():
        found = np.bincount(draws(p, count, **options), minlength=12)
        due = count * expected(p, **options)
        assert not found[due == 0].any()
        chi = (np.square(found - due)[due > 0] / due[due > 0]).sum()
        degrees = (due > 0).sum() - 1
        assert chi < degrees + 5 * np.sqrt(2 * degrees) + 5


def test_a_draw_depends_on_its_stream_and_position_and_not_on_its_row():
    logits = np.random.default_rng(0).standard_normal((64, 3000))
    given = {"ids": np.zeros((64, 0), int), "begins": np.zeros(64, int), **NOTHING, "seed": 3}
    for _ in each_isa():
        first = _core.samplers_draw(logits, **given, streams=np.arange(64), position=7)
        for _ in each_team():
            back = _core.samplers_draw(logits[::-1], **given, streams=np.arange(64)[::-1], position=7)
            assert back.tokens.tolist() == first.tokens[::-1].tolist()
            assert back.log_probs.tolist() == first.log_probs[::-1].tolist()
        assert (_core.samplers_draw(logits, **given, streams=np.arange(64), position=8).tokens != first.tokens).any()


def test_a_row_that_cannot_be_drawn_from_says_why():
    logits = np.zeros((3, 4), np.float32)
    logits[1, 3] = np.nan
    allowed = np.array([[True] * 4, [True] * 4, [False] * 4])
    for greedy in (False, True):
        found = _core.samplers_draw(
            logits, np.zeros((3, 0), int), np.zeros(3, int), streams=np.zeros(3, int), **NOTHING, allowed=allowed,
            greedy=greedy,
        )  # fmt: skip
        assert found.status.tolist() == [0, 1, 2] and found.tokens[1:].tolist() == [-1, -1]
