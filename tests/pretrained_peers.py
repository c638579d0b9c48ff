"""What the comparisons with transformers share: small random models, ids, and how close numbers are."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")


def ids(batch, time, seed=0):
    return np.random.default_rng(seed).integers(3, 60, (batch, time))


def shaken(model):
    """The model with all parameters random, so that no zero bias and no norm of ones hides a mistake."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.tie_weights()
    return model.eval()


def close(ours, theirs, tolerance=1e-4):
    ours = ours.numpy() if hasattr(ours, "numpy") else ours
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=tolerance, atol=tolerance)
