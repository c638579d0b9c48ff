"""The functions of this package, given to Tensor for its operators and methods."""

import sys

from ..autograd import set_functions

set_functions(sys.modules[__package__])
