"""Where the first number that is not finite came from."""

from __future__ import annotations

from collections.abc import Iterator

from ..autograd import Tensor, check_finite


def explain(losses: Iterator[Tensor]) -> str:
    """Say which layer was the first, in forward or in backward, whose result is NaN or infinite.

    `losses` computes the losses of a step once more as it is gone through.
    """
    way = "forward"
    try:
        with check_finite():
            for loss in losses:
                way = "backward"
                loss.backward()
                way = "forward"
    except FloatingPointError as error:
        return f"First in the {way} pass: {error}."
    return "Done once more, the step gave finite numbers only."
