"""`when_final`: gradients that are told of before the walk ends are those that it ends with."""

import numpy as np
import pytest

from seqnn import Tensor, nn, ops
from seqnn.autograd import checkpoint, op, when_final


def leaves(*sizes):
    return [Tensor(np.arange(1.0, size + 1), requires_grad=True) for size in sizes]


def told(run, tensors):
    """What `run` tells, as (place in `tensors`, gradient), and the gradients that it leaves."""
    seen, places = [], {tensor: place for place, tensor in enumerate(tensors)}
    with when_final(tensors, lambda leaf: seen.append((places[leaf], np.array(leaf.grad)))):
        run()
    return seen, [tensor.grad for tensor in tensors]


class Two(nn.Module):
    def __init__(self):
        self.first, self.second, self.unused = nn.Linear(3, 4), nn.Linear(4, 3), nn.Linear(2, 2)

    def forward(self, x):
        return self.second(self.first(x).tanh()) + self.first.bias[0]


@pytest.mark.parametrize("wrap", [lambda f: f, checkpoint], ids=["plain", "checkpoint"])
def test_every_gradient_is_told_once_and_is_the_final_one(wrap):
    model = Two()
    parameters = list(model.parameters())
    x = np.ones((2, 3), np.float32)
    model(x).sum().backward()
    expected = [None if p.grad is None else p.grad.copy() for p in parameters]
    model.zero_grad()
    seen, after = told(lambda: wrap(lambda: model(x))().sum().backward(), parameters)
    assert sorted(place for place, _ in seen) == [0, 1, 2, 3]  # the layer that is not used is not told of
    for place, gradient in seen:
        assert (gradient == expected[place]).all() and (after[place] == expected[place]).all()


def test_gradients_are_told_while_earlier_ones_are_not_computed_yet():
    events = []

    @op
    def noted(x, name):
        def backward(grad):
            events.append(name)
            return grad, None

        return x * 1, backward

    a, b, c = leaves(3, 3, 3)
    names = {a: "a final", b: "b final", c: "c final"}
    with when_final([a, b, c], lambda leaf: events.append(names[leaf])):
        y = noted(a * 2, "first") * b
        (noted(y, "second") * c).sum().backward()
    assert events == ["c final", "second", "b final", "first", "a final"]


def test_a_leaf_that_is_used_again_below_is_told_of_at_its_last_use():
    a, b = leaves(3, 3)
    seen, after = told(lambda: (((a * b) + a) * b).sum().backward(), [a, b])
    assert len(seen) == 2
    assert all((gradient == after[place]).all() for place, gradient in seen)
    assert (after[0] == b.data * b.data + b.data).all()


def test_uses_inside_and_outside_of_a_checkpoint_add_up():
    a, b = leaves(3, 3)
    seen, after = told(
        lambda: (checkpoint(lambda x: x * a * checkpoint(lambda y: y * a)(x))(b) * a).sum().backward(), [a, b]
    )
    assert sorted(place for place, _ in seen) == [0, 1]
    assert all((gradient == after[place]).all() for place, gradient in seen)
    np.testing.assert_allclose(after[0], 3 * a.data**2 * b.data**2)


def test_a_branch_without_a_gradient_does_not_keep_a_leaf_from_being_told():
    @op
    def stopped(x):
        return x * 1, lambda grad: None

    a, b = leaves(3, 3)
    seen, after = told(lambda: (stopped(a * b) + a).sum().backward(), [a, b])
    assert [place for place, _ in seen] == [0] and (after[0] == 1).all() and after[1] is None


def test_tables_parts_and_several_walks_are_told_of():
    table, w = Tensor(np.ones((4, 2), np.float32), requires_grad=True), leaves(4)[0]

    def run():
        for _ in range(2):
            left, right = ops.split(w, 2)
            (ops.embedding([1, 1, 3], table).sum() * (left * right).sum()).backward()

    seen, after = told(run, [table, w])
    assert [place for place, _ in seen].count(0) == [place for place, _ in seen].count(1) == 2
    assert (seen[-1][1] == after[seen[-1][0]]).all()
    assert (np.array(after[0]) == np.array([0, 2, 0, 1])[:, None] * 2 * 11).all()


def test_other_leaves_get_their_gradients_as_ever_and_the_block_ends():
    a, b = leaves(2, 2)
    seen = []
    with when_final([a], seen.append):
        (a * b).sum().backward()
    assert len(seen) == 1 and seen[0] is a
    assert (b.grad == a.data).all()
    (a * b).sum().backward()
    assert len(seen) == 1


def test_what_are_no_leaves_and_results_of_ops_are_refused():
    with pytest.raises(TypeError, match="leaves: expected Tensors, got ndarray"):
        when_final([np.zeros(2)], print)
    with pytest.raises(TypeError, match="leaves: expected Tensors, got int"):
        when_final(3, print)
    with pytest.raises(TypeError, match="seen: expected a function of a Tensor, got str"):
        when_final(leaves(2), "print")
    with pytest.raises(ValueError, match="leaves: expected Tensors that are no result of an op"):
        when_final([leaves(2)[0] * 2], print)
