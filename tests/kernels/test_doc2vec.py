"""The doc2vec trainer against NumPy twins: that of word2vec, with rows of documents as further contexts, and one whose
contexts stand side by side."""

import numpy as np
import pytest
from harness import TEAMS, assert_close, assert_identical, each_isa, team
from kernels.test_word2vec import (
    OBJECTIVES,
    check_against_twin,
    copied,
    make_case,
    philox,
    place_outputs,
    reference,
    sample_tokens,
    train,
    weights,
)

from seqnn import _core

MODES = {
    "dm": {"cbow": True, "words": True},
    "dm_sum": {"cbow": True, "words": True, "mean": False},
    "dbow": {"cbow": False, "words": False},
    "dbow_words": {"cbow": False, "words": True},
}


def document_case(rng, tokens, *, documents=9, words=True, **how):
    """A case of word2vec whose sentences have up to three tags."""
    case = make_case(rng, tokens, **how)
    counts = rng.integers(0, 4, len(case["offsets"]) - 1)
    matrix = np.zeros((documents, case["input"].shape[1]))
    matrix[:, :16] = rng.normal(size=(documents, 16)) * 0.4
    tags = rng.integers(0, documents, counts.sum()).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return case | {"documents": matrix, "tags": tags, "tag_offsets": offsets, "words": words}


def tags_of_tokens(case):
    """The tags of each kept token."""
    kept = np.ones(len(case["ids"]), bool)
    if case["keep"] is not None:
        kept = philox(len(kept), case["seed"], 3 * case["epoch"]) <= case["keep"][case["ids"]]
    sentences = np.searchsorted(case["offsets"], np.flatnonzero(kept), side="right") - 1
    return [case["tags"][case["tag_offsets"][s] : case["tag_offsets"][s + 1]] for s in sentences]


def sample_documents(case, index):
    """The windows of a block; documents are rows after those of the words."""
    tokens, windows = sample_tokens(case, index)
    tags, first = tags_of_tokens(case), case.get("first_document", 0)
    found = []
    for i, contexts, negatives in windows:
        found.append(
            (tokens[i], np.concatenate([tokens[contexts if case["words"] else []], tags[i] + first]), negatives)
        )
    return found


def sample_places(case, index):
    """The windows of a block, a row for each place: those of documents follow those of words, the null word is the last."""
    tokens, windows = sample_tokens(case, index)
    tags, span = tags_of_tokens(case), case["window"]
    for i, contexts, negatives in windows:
        if len(tags[i]) == case["tag_count"]:
            before, after = ([tokens[j] for j in contexts if (j < i) == left] for left in (True, False))
            words = [-1] * (span - len(before)) + before + after + [-1] * (span - len(after))
            yield tokens[i], np.concatenate([tags[i] + len(case["input"]), words]), negatives


def twin(case):
    """Train words and documents as rows of one matrix."""
    count = len(case["input"])
    whole = case | {"input": np.concatenate([case["input"], case["documents"]]), "first_document": count}
    found = reference(whole, sample_documents)
    case["input"][:], case["documents"][:] = whole["input"][:count], whole["input"][count:]
    return found


def concat_case(rng, tokens, tag_count=2, **how):
    """A case whose outputs have a part for each tag and each place of the window."""
    case = document_case(rng, tokens, cbow=True, shrink=False, **how)
    parts = tag_count + 2 * case["window"]
    wide = {
        name: np.concatenate([rng.permutation(case[name]) * 0.3 for _ in range(parts)], axis=1)
        for name in ("output", "nodes")
        if case[name] is not None
    }
    return case | wide | {"null_word": case["documents"][:1].copy(), "tag_count": tag_count}


def learn(case, hidden, centre, negatives, alpha):
    """Train the outputs on one hidden vector; return what it should change by, and the loss."""
    back, loss, changes = 0, 0.0, []
    for group in place_outputs(case, centre, negatives):
        sign = np.array([sign for _, _, sign in group])
        outputs = np.stack([case[name][row] for name, row, _ in group])
        z = sign * (outputs @ hidden)
        loss += float((sign**2 * np.logaddexp(0, z)).sum())
        error = -alpha * sign / (1 + np.exp(-z))
        back = back + error @ outputs
        changes += [(name, row, e) for (name, row, _), e in zip(group, error, strict=True)]
    for name, row, e in changes:
        case[name][row] += e * hidden
    return back, loss


def concat_twin(case):
    """Train on windows whose rows stand side by side."""
    loss, examples, count = 0.0, 0, len(case["input"])
    rows = np.concatenate([case["input"], case["documents"], case["null_word"]])
    for turn, index in enumerate(case["order"].tolist()):
        for centre, places, negatives in sample_places(case, index):
            hidden = rows[places].ravel()
            back, more = learn(case, hidden, centre, negatives, case["alpha"] + case["slope"] * turn)
            np.add.at(rows, places, back.reshape(len(places), -1))
            loss, examples = loss + more, examples + 1
    case["input"][:], case["documents"][:], case["null_word"][:] = rows[:count], rows[count:-1], rows[-1:]
    return loss, examples


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_training_on_rows_side_by_side_is_the_twins(objective):
    rng = np.random.default_rng(8)
    how = OBJECTIVES[objective]
    for case in (
        concat_case(rng, 300, **how),
        concat_case(rng, 120, 1, **how, sub_sampled=False, window=7, negative=1, width=16, dim=16),
        concat_case(rng, 100, **how, negative=13, width=112, window=2),
    ):
        check_against_twin(case, concat_twin, True, (1e-10, 2e-4))


@pytest.mark.parametrize("objective", ["ns", "both"])
@pytest.mark.parametrize("mode", MODES)
def test_training_is_the_twins(mode, objective):
    rng = np.random.default_rng(3)
    how = MODES[mode] | OBJECTIVES[objective]
    for case in (
        document_case(rng, 300, **how),
        document_case(rng, 120, **how, shrink=False, sub_sampled=False, window=7, negative=1, width=16, dim=16),
        document_case(rng, 100, **how, negative=13, width=112),
    ):
        check_against_twin(case, twin, True, (1e-10, 2e-4))


@pytest.mark.parametrize(
    "make", [lambda rng: document_case(rng, 20_000, **MODES["dbow_words"]), lambda rng: concat_case(rng, 9_000)]
)
def test_deterministic_training_has_the_same_bits_on_any_team(make):
    case = make(np.random.default_rng(4))
    first = None
    for size in TEAMS:
        with team(size):
            got = copied(case, np.float32)
            train(got, deterministic=True)
            first = first or weights(got)
            assert_identical(weights(got), first, f"team of {size}")


def test_rows_side_by_side_are_trained_by_many_threads_at_once():
    case = concat_case(np.random.default_rng(9), 40_000, hs=True, words=300)
    alone, together = copied(case, np.float32), copied(case, np.float32)
    with team(1):
        expected = train(alone)
    with team(3):
        loss, examples = train(together)
    assert examples == expected[1] and loss == pytest.approx(expected[0], rel=0.05)


def infer_case(rng, mode, objective="ns"):
    how = OBJECTIVES[objective] | {"sub_sampled": False}
    case = concat_case(rng, 260, 1, **how) if mode == "concat" else document_case(rng, 260, **MODES[mode] | how)
    sentences = len(case["offsets"]) - 1
    for name in ("order", "epoch", "tags", "tag_offsets", "tag_count"):
        case.pop(name, None)
    case["documents"] = np.resize(case["documents"], (sentences, case["documents"].shape[1])).copy()
    return case | {"slope": -0.01, "epochs": 3}


def infer_twin(case):
    """Train each document's row alone, on its sentence; the other matrices stay."""
    found = case["documents"].copy()
    for s, row in enumerate(found):
        ids = case["ids"][case["offsets"][s] : case["offsets"][s + 1]]
        one = case | {
            "ids": ids,
            "offsets": np.array([0, len(ids)]),
            "tag_offsets": np.array([0, 0]),
            "tags": np.zeros(0, int),
        }
        for epoch in range(case["epochs"] if len(ids) else 0):
            alpha = case["alpha"] + case["slope"] * epoch
            if "null_word" in case:
                one |= {"epoch": epoch, "tag_count": 1, "tag_offsets": np.array([0, 1]), "tags": np.zeros(1, int)}
                for centre, places, negatives in sample_places(one, 0):
                    rows = np.concatenate([case["input"], row[None], case["null_word"]])
                    back, _ = learn(copied(case), rows[places].ravel(), centre, negatives, alpha)
                    row += back[: len(row)]
                continue
            for centre, contexts, negatives in sample_documents(one | {"epoch": epoch}, 0):
                rows = np.concatenate([case["input"][contexts], row[None]])
                n = len(rows)
                hidden = rows.sum(0) / (n if case["mean"] else 1) if case["cbow"] else row.copy()
                back = 0
                for group in place_outputs(case, centre, negatives):
                    sign = np.array([sign for _, _, sign in group])
                    outputs = np.stack([case[name][place] for name, place, _ in group])
                    error = -alpha * sign / (1 + np.exp(-sign * (outputs @ hidden)))
                    if case["cbow"]:
                        back = back + error @ outputs
                    else:
                        row += error @ outputs
                if case["cbow"]:
                    row += back if case["mean"] else back / n
    return found


@pytest.mark.parametrize("mode", [*MODES, "concat"])
def test_inference_trains_each_document_alone_and_nothing_else(mode):
    case = infer_case(np.random.default_rng(5), mode)
    expected = infer_twin(copied(case))
    for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 2e-4)):
        for isa in each_isa():
            first = None
            for size in TEAMS:
                with team(size):
                    got = copied(case, dtype)
                    before = copied(got, dtype)
                    _core.doc2vec_infer(**got)
                assert_close(got["documents"], expected, tolerance, f"{dtype}, {isa}")
                first = got["documents"] if first is None else first
                assert_identical(got["documents"], first, f"team of {size}")
                assert_identical((got["input"], got["output"]), (before["input"], before["output"]))


def test_an_inferred_document_does_not_depend_on_the_others():
    case = copied(infer_case(np.random.default_rng(6), "dm", "both"), np.float32)
    alone = copied(case, np.float32)
    s = len(case["offsets"]) // 2
    span = slice(case["offsets"][s], case["offsets"][s + 1])
    alone |= {
        "ids": case["ids"][span],
        "offsets": [0, span.stop - span.start],
        "documents": case["documents"][s : s + 1].copy(),
    }
    _core.doc2vec_infer(**case)
    _core.doc2vec_infer(**alone)
    assert_identical(alone["documents"][0], case["documents"][s])


def test_bad_arrays_are_errors():
    case = copied(document_case(np.random.default_rng(7), 300, **MODES["dm"]), np.float32)
    for name, value in (("tags", 9), ("tags", -1), ("tag_offsets", 10**9)):
        bad = case[name].copy()
        bad[len(bad) // 2] = value
        with pytest.raises(ValueError, match=rf"{name}: "):
            train(copied(case, np.float32) | {name: bad})
    case = copied(concat_case(np.random.default_rng(7), 300), np.float32)
    for change in ({"tag_count": 3}, {"window": 5}, {"null_word": None}, {"shrink": True}, {"cbow": False}):
        with pytest.raises(ValueError, match="doc2vec_train"):
            train(copied(case, np.float32) | change)
    bad = case["tags"].copy()
    bad[:] = 9
    with pytest.raises(ValueError, match="tags: "):
        train(copied(case, np.float32) | {"tags": bad})
    with pytest.raises(ValueError, match="epochs"):
        _core.doc2vec_infer(**copied(infer_case(np.random.default_rng(7), "dm"), np.float32) | {"epochs": 10**6})
