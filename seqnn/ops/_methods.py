"""The bridge from Tensor's operators and methods to the functions of this package."""

import sys

from seqnn.autograd import _tensor

_tensor.functions = sys.modules[__package__]
