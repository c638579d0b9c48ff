"""Rows and two small networks for tests of adversarial nets."""

import numpy as np

from seqnn import random
from seqnn.models import MLP

ROWS = np.random.default_rng(0).normal(1.0, 0.5, (96, 3)).astype(np.float32)
FAST = {"noise": 4, "batch_size": 32, "max_iter": 2}


def players(noise=4, width=8, size=3, seed=0):
    with random.seeded(seed):
        return MLP([noise, width, size]), MLP([size, width, 1], activation="silu")
