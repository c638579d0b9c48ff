"""`nn.CRF` and `nn.CTCLoss` as layers: layouts, masks, learning, and pytorch-crf's and torch's numbers."""

import numpy as np
import pytest

from seqnn import Tensor, nn, ops, optim, random

DRAW = np.random.default_rng(0)
X = DRAW.standard_normal((4, 6, 3)).astype(np.float32)
TAGS = DRAW.integers(0, 3, (4, 6))
LENGTHS = np.array([6, 2, 4, 1])
MASK = np.arange(6) < LENGTHS[:, None]


def test_layouts_masks_and_lengths_say_the_same():
    crf, other = nn.CRF(3, batch_first=True), nn.CRF(3)
    other.load_state_dict(crf.state_dict())
    for reduction in ("sum", "mean", "token_mean", "none"):
        expected = crf(X, TAGS, MASK, reduction).numpy()
        assert (crf(X, TAGS, reduction=reduction, lengths=LENGTHS).numpy() == expected).all()
        assert (other(X.swapaxes(0, 1), TAGS.T, MASK.T, reduction=reduction).numpy() == expected).all()
        assert (crf(Tensor(X), Tensor(TAGS), MASK.astype(np.uint8), reduction).numpy() == expected).all()
    assert crf.decode(X, MASK) == crf.decode(X, lengths=LENGTHS) == other.decode(X.swapaxes(0, 1), MASK.T)
    assert [len(tags) for tags in crf.decode(X, MASK)] == LENGTHS.tolist()
    marginals = crf.marginals(X, MASK)
    np.testing.assert_allclose(marginals.sum(-1), MASK, rtol=1e-6)
    assert (other.marginals(X.swapaxes(0, 1), MASK.T).swapaxes(0, 1) == marginals).all()


def test_masks_of_small_integers_count_long_sequences():
    """A sum of 300 ones is no byte."""
    crf, x = nn.CRF(3, batch_first=True), DRAW.standard_normal((2, 300, 3)).astype(np.float32)
    mask = (np.arange(300) < [[300], [256]]).astype(np.uint8)
    assert [len(tags) for tags in crf.decode(x, mask)] == [300, 256]
    assert crf.decode(x, mask)[1] == crf.decode(x[1:, :256])[0]


def test_its_names_and_first_values_are_those_of_pytorch_crf():
    crf = nn.CRF(5)
    assert list(crf.state_dict()) == ["start_transitions", "end_transitions", "transitions"]
    assert all(0.02 < np.abs(p.data).max() <= 0.1 for p in crf.parameters())
    constrained = nn.CRF(3, constraints=ops.crf_constraints(["O", "B", "I"]))
    constrained.load_state_dict(nn.CRF(3).state_dict())


def test_it_learns_that_tags_alternate():
    """Emissions say nothing: only the transitions tell what comes next."""
    tags = (np.arange(8) + np.arange(6)[:, None]) % 2
    crf, emissions = nn.CRF(2, batch_first=True), np.zeros((6, 8, 2), np.float32)
    optimizer = optim.Adam(crf.parameters(), lr=0.1)
    for _ in range(100):
        crf.zero_grad()
        loss = -crf(emissions, tags, reduction="mean")
        loss.backward()
        optimizer.step()
    emissions[:, 0] = np.where(tags[:, :1] == [0, 1], 1, -1)
    assert crf.decode(emissions) == tags.tolist()


def test_constraints_hold_in_what_is_decoded():
    constraints = ops.crf_constraints(["O", "B-X", "I-X"])
    crf = nn.CRF(3, batch_first=True, constraints=constraints)
    emissions = np.zeros((1, 4, 3), np.float32)
    emissions[..., 2] = 5
    assert crf.decode(emissions) == [[1, 2, 2, 2]]
    crf.constraints = None
    assert crf.decode(emissions) == [[2, 2, 2, 2]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda crf: crf(X[0], TAGS), r"CRF: emissions has shape \(6, 3\), expected \[B, T, 3\]"),
        (lambda crf: nn.CRF(4).decode(X), r"CRF: emissions has shape \(4, 6, 3\), expected \[T, B, 4\]"),
        (lambda crf: crf.decode(X, MASK[:, ::-1]), "CRF: mask has a gap in sequence 1: expected true up to its end"),
        (lambda crf: crf(X, TAGS, np.ones((4, 7))), r"CRF: mask has shape \(4, 7\), expected \(4, 6\)"),
        (lambda crf: crf.decode(X, MASK.T), r"CRF: mask has shape \(6, 4\), expected \(4, 6\)"),
        (lambda crf: crf.decode(X, MASK, lengths=LENGTHS), "mask and lengths say the same: give one"),
        (lambda crf: crf(X, TAGS, reduction="batch"), "reduction must be .* got 'batch'"),
        (lambda crf: nn.CRF(0), "CRF: num_tags: expected an integer >= 1, got 0"),
        (lambda crf: nn.CTCLoss(reduction="batch"), "CTCLoss: reduction must be .* got 'batch'"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(nn.CRF(3, batch_first=True))


def test_a_network_learns_to_read_labels_that_are_not_aligned():
    """Each label is a run of frames of unknown length: the loss finds where they stand."""
    draw, labels = np.random.default_rng(1), np.array([[1, 2, 3], [3, 1, 3], [2, 2, 1], [1, 3, 2]])
    frames = np.zeros((14, 4, 4), np.float32)
    for n, row in enumerate(labels):
        at = 0
        for label in row:
            length = draw.integers(2, 4)
            frames[at + 1 : at + 1 + length, n, label] = 1
            at += length + 1
    with random.seeded(0):
        layer, loss = nn.Linear(4, 4), nn.CTCLoss()
    optimizer = optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(200):
        layer.zero_grad()
        loss(ops.log_softmax(layer(frames)), labels, [14] * 4, [3] * 4).backward()
        optimizer.step()
    assert ops.ctc_decode(ops.log_softmax(layer(frames)))[0].tolist() == labels.tolist()
    assert ops.ctc_decode(ops.log_softmax(layer(frames)), beam_size=8)[0].tolist() == labels.tolist()
