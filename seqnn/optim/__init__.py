"""Optimisers in one fused pass each, clipping, schedules of the learning rate, averages of weights.

Names that are imported `as` themselves are for the other packages, not for users.
"""

from . import _pytorch  # noqa: F401 - who looks for PyTorch's names gets advice
from ._adagrad import Adagrad
from ._adam import Adam, AdamW
from ._ema import EMA
from ._gradients import clip_factor, clip_grad_norm_, clip_grad_value_, grad_norm
from ._groups import parameter_groups
from ._lbfgs import Curvature as Curvature
from ._lbfgs import Minimum, minimize_lbfgs
from ._lbfgs import dot as dot
from ._optimizer import Optimizer
from ._plateau import ReduceLROnPlateau
from ._rmsprop import RMSprop
from ._schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseSquareRoot,
    Linear,
    MultiStep,
    Noam,
    OneCycle,
    Schedule,
    Scheduler,
    Step,
)
from ._sgd import SGD

__all__ = [
    "EMA",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Exponential",
    "InverseSquareRoot",
    "Linear",
    "Minimum",
    "MultiStep",
    "Noam",
    "OneCycle",
    "Optimizer",
    "RMSprop",
    "ReduceLROnPlateau",
    "Schedule",
    "Scheduler",
    "Step",
    "clip_factor",
    "clip_grad_norm_",
    "clip_grad_value_",
    "grad_norm",
    "minimize_lbfgs",
    "parameter_groups",
]
