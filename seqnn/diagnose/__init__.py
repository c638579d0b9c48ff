"""Insight into a network: gradients, Jacobians and activations, in numbers and in words."""

from ._chain import Jacobians, depth_jacobians
from ._flow import Flow, gradient_flow
from ._jacobian import jacobian_norms
from ._report import Finding, Report
from ._time import time_jacobians
from ._watch import Watch

__all__ = [
    "Finding",
    "Flow",
    "Jacobians",
    "Report",
    "Watch",
    "depth_jacobians",
    "gradient_flow",
    "jacobian_norms",
    "time_jacobians",
]
