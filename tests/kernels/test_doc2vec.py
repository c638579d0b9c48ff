"""The doc2vec trainer against the NumPy twin of word2vec, whose windows have rows of documents as further contexts."""

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


def sample_documents(case, index):
    """The windows of a block; documents are rows after those of the words."""
    tokens, windows = sample_tokens(case, index)
    kept = np.ones(len(case["ids"]), bool)
    if case["keep"] is not None:
        kept = philox(len(kept), case["seed"], 3 * case["epoch"]) <= case["keep"][case["ids"]]
    sentences = np.searchsorted(case["offsets"], np.flatnonzero(kept), side="right") - 1
    found = []
    for i, contexts, negatives in windows:
        span = slice(case["tag_offsets"][sentences[i]], case["tag_offsets"][sentences[i] + 1])
        rows = case["tags"][span] + case.get("first_document", 0)
        found.append((tokens[i], np.concatenate([tokens[contexts if case["words"] else []], rows]), negatives))
    return found


def twin(case):
    """Train words and documents as rows of one matrix."""
    count = len(case["input"])
    whole = case | {"input": np.concatenate([case["input"], case["documents"]]), "first_document": count}
    found = reference(whole, sample_documents)
    case["input"][:], case["documents"][:] = whole["input"][:count], whole["input"][count:]
    return found


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


def test_deterministic_training_has_the_same_bits_on_any_team():
    case = document_case(np.random.default_rng(4), 20_000, **MODES["dbow_words"])
    first = None
    for size in TEAMS:
        with team(size):
            got = copied(case, np.float32)
            train(got, deterministic=True)
            first = first or weights(got)
            assert_identical(weights(got), first, f"team of {size}")


def infer_case(rng, mode, objective="ns"):
    case = document_case(rng, 260, **MODES[mode] | OBJECTIVES[objective], sub_sampled=False)
    sentences = len(case["offsets"]) - 1
    for name in ("order", "epoch", "tags", "tag_offsets"):
        del case[name]
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


@pytest.mark.parametrize("mode", MODES)
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
    with pytest.raises(ValueError, match="epochs"):
        _core.doc2vec_infer(**copied(infer_case(np.random.default_rng(7), "dm"), np.float32) | {"epochs": 10**6})
