"""Evaluation of encoders: they are fine-tuned for a benchmark's task from its own files, scored, or scored as they are.

* `run_glue`: fine-tunes for one of GLUE's nine tasks, scores it, and writes the answers for the leaderboard.
* `evaluate_sts`: how well similarities of vectors agree with those that people see.
"""

from ._glue import GLUEResult, run_glue
from ._sts import STSScore, evaluate_sts

__all__ = ["GLUEResult", "STSScore", "evaluate_sts", "run_glue"]
