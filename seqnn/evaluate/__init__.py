"""Evaluation of encoders: they are fine-tuned for a benchmark's task from its own files, scored, or scored as they are.

* `run_glue`: fine-tunes for one of GLUE's nine tasks, scores it, and writes the answers for the leaderboard.
* `run_squad`: fine-tunes to find answers in passages, and scores them.
* `evaluate_sts`: how well similarities of vectors agree with those that people see.
"""

from ._glue import GLUEResult, run_glue
from ._squad import SQuADResult, run_squad
from ._sts import STSScore, evaluate_sts

__all__ = ["GLUEResult", "SQuADResult", "STSScore", "evaluate_sts", "run_glue", "run_squad"]
