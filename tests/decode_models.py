"""Small models with random weights, and prompts for them."""

import numpy as np

from seqnn import random
from seqnn.models import GPT, T5, Transformer

PROMPTS = [[3, 5, 7, 9], [11], [13, 2]]


def lively(model, seed=1):
    """The model in evaluation mode, with parameters large enough that logits differ clearly."""
    draw = np.random.default_rng(seed)
    for parameter in model.parameters():
        parameter.data += draw.standard_normal(parameter.shape).astype(np.float32) * 0.3
    return model.eval()


def gpt(seed=1, max_positions=24, **options):
    with random.seeded(0):
        return lively(
            GPT(30, max_positions=max_positions, d_model=16, nhead=2, num_layers=2, dropout=0.0, **options), seed
        )


def writers(seed=1):
    with random.seeded(0):
        t5 = T5(30, d_model=16, nhead=2, head_dim=8, num_layers=2, dim_feedforward=32, dropout=0.0)
        transformer = Transformer(
            30, 30, d_model=16, nhead=2, num_encoder_layers=1, num_decoder_layers=2, dim_feedforward=32, dropout=0.0
        )
    return lively(t5, seed), lively(transformer, seed)
