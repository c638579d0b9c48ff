"""What a network keeps between two readings, and when it does not: whatever changes, the numbers are the new ones."""

import gc
import weakref

import numpy as np
import pytest

from seqnn import nn
from seqnn.models import BERT

IDS, LENGTHS = np.arange(12), [5, 7]


@pytest.fixture
def bert():
    return BERT(20, max_positions=8, d_model=16, nhead=2, num_layers=2, pooler=False).eval()


def expected(model):
    padded = np.zeros((2, 7), int)
    padded[0, :5], padded[1] = IDS[:5], IDS[5:]
    found = model(padded, LENGTHS).numpy()
    return np.concatenate([found[0, :5], found[1]])


def check(model):
    np.testing.assert_allclose(model.encode_packed(IDS, LENGTHS), expected(model), atol=1e-5)


CHANGES = {
    "a number of a weight": lambda m: m.transformer.layers[0].linear1.weight.data.__setitem__((0, 0), 9.0),
    "a number of a bias": lambda m: m.transformer.layers[1].linear2.bias.data.__setitem__(3, 9.0),
    "an array": lambda m: setattr(m.transformer.layers[0].norm1.weight, "data", np.full(16, 2, np.float32)),
    "a parameter": lambda m: setattr(m.transformer.layers[0].linear1, "bias", nn.Parameter(np.ones(64, np.float32))),
    "a module": lambda m: setattr(m.transformer.layers[1], "linear2", nn.Linear(64, 16)),
    "a setting": lambda m: setattr(m.transformer.layers[0], "activation", "relu"),
    "all of a state": lambda m: m.load_state_dict({key: array + 0.1 for key, array in m.state_dict().items()}),
    "the number of layers": lambda m: setattr(m.transformer, "layers", nn.ModuleList([m.transformer.layers[0]])),
    "whether it learns": lambda m: m.freeze() and m.unfreeze(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_seen(change, bert):
    for _ in range(2):
        check(bert)
    CHANGES[change](bert.eval())
    bert.eval()
    for _ in range(2):
        check(bert)


def test_a_frozen_network_reads_the_same_and_sees_what_is_loaded_or_learned_later(bert):
    check(bert)
    before = bert.encode_packed(IDS, LENGTHS)
    bert.freeze()
    for _ in range(2):
        np.testing.assert_array_equal(bert.encode_packed(IDS, LENGTHS), before)
    bert.load_state_dict({key: array * 1.5 for key, array in bert.state_dict().items()})
    check(bert)
    bert.unfreeze()
    bert.transformer.layers[0].linear1.weight.data[:] = 0.3
    check(bert)
    bert.freeze()
    check(bert)


def test_a_network_that_learns_is_read_in_evaluation_mode_and_stays_in_its_own(bert):
    before = bert.encode_packed(IDS, LENGTHS)
    bert.train()
    np.testing.assert_array_equal(bert.encode_packed(IDS, LENGTHS), before)
    assert bert.training and bert.transformer.layers[0].dropout.training
    bert.transformer.layers[1].eval()
    np.testing.assert_array_equal(bert.encode_packed(IDS, LENGTHS), before)


def test_hooks_are_called_after_a_plan_was_kept(bert):
    check(bert)
    seen = []
    remove = bert.transformer.layers[0].register_forward_hook(lambda module, inputs, output: seen.append(1))
    bert.encode_packed(IDS, LENGTHS)
    assert seen
    remove()
    check(bert)


def test_what_is_kept_goes_with_the_network(bert):
    check(bert)
    dead = weakref.ref(bert.transformer)
    other = BERT(20, max_positions=8, d_model=16, nhead=2, num_layers=1, pooler=False).eval()
    other.encode_packed(IDS, LENGTHS)
    reference = weakref.ref(other)
    del other
    gc.collect()
    assert reference() is None and dead() is not None
