"""The weights of attention that encoders return besides their hidden states."""

import numpy as np
import pytest

from seqnn import random
from seqnn.models import BART, BERT, T5

SIZES = {"d_model": 16, "nhead": 2, "num_layers": 3, "dim_feedforward": 32}
LENGTHS = [7, 4]
ENCODERS = {
    "BERT": lambda: BERT(30, **SIZES),
    "T5": lambda: T5(30, **SIZES),
    "BART": lambda: BART(30, **SIZES),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_returns_the_weights_of_each_layer_and_the_same_hidden_states(name):
    with random.seeded(0):
        model = ENCODERS[name]().eval()
    encode = model if name == "BERT" else model.encode
    ids = np.random.default_rng(0).integers(3, 30, (2, 7))
    hidden, layers = encode(ids, LENGTHS, need_weights=True)
    assert len(layers) == 3 and all(weights.shape == (2, 2, 7, 7) for weights in layers)
    for row, length in enumerate(LENGTHS):
        plain = encode(ids, LENGTHS).numpy()[row, :length]
        np.testing.assert_allclose(hidden.numpy()[row, :length], plain, atol=1e-5)
        for weights in layers:
            np.testing.assert_allclose(weights.numpy()[row, :, :length, :length].sum(-1), 1, atol=1e-5)
            assert not weights.numpy()[row, ..., length:].any()
