"""Module: the base of every layer and model."""

from __future__ import annotations

import fnmatch
import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
from numpy import ndarray

from .._files import Path
from ..autograd import Tensor, add_hook, check_finite, require_finite
from . import _state
from ._hooks import Hooks
from ._parameter import Parameter
from ._pytorch import advice_for
from ._quantize import quantize
from ._summary import Summary, summarize
from ._tree import Tree

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class _Forward(Protocol[P, R]):
    """A module as its caller sees it: a call takes what `forward` takes and returns what it returns."""

    @property
    def forward(self) -> Callable[P, R]: ...


def _no_forward(self: Module, *inputs: Any, **options: Any) -> Any:
    """Compute the module's result. Every subclass writes its own.

    Args:
        inputs, options: what a call is given.

    Returns:
        What a call returns.
    """
    raise NotImplementedError(f"{type(self).__name__} has no forward")


class Module(Tree["Module"]):
    """A base of layers and models: a class with Parameters and Modules as attributes, and `forward`.

    Parameters, buffers and modules are found among the attributes, under PyTorch's names ("encoder.0.weight").

    A module is called, `model(x)`. It computes on Tensors: floating arrays among the arguments become Tensors (nothing is
    copied), so that the result is a Tensor whatever is given; `.numpy()` is its array. A ValueError, TypeError or
    IndexError from inside names the layer: "encoder.0 (Linear): x ..."; so does the FloatingPointError of the first
    layer whose result is not finite, or of input that is not, in a block `with seqnn.autograd.check_finite():`.

    Attributes:
        training: whether the module is in training mode; see `train`.

    >>> import numpy as np
    >>> from seqnn import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self, size):
    ...         self.weight = nn.Parameter(np.ones(size, np.float32))
    ...
    ...     def forward(self, x):
    ...         return x * self.weight
    >>> model = Scale(3)
    >>> model(np.ones((2, 3), np.float32)).shape
    (2, 3)
    >>> list(model.state_dict())
    ['weight']
    """

    training = True
    _hooks: Hooks | None = None

    forward: Callable[..., Any] = _no_forward

    if not TYPE_CHECKING:

        def __new__(cls, *inputs: Any, **options: Any) -> Self:
            """Make a module; arguments that do not fit are refused under the name of its class."""
            if inputs or options:
                try:
                    _signature(cls).bind(*inputs, **options)
                except TypeError as error:
                    raise TypeError(f"{cls.__name__}: {error}{_advice(error)}") from None
            return super().__new__(cls)

    def __call__(self: _Forward[P, R], *inputs: P.args, **options: P.kwargs) -> R:
        try:
            for x in inputs:
                if isinstance(x, ndarray):
                    inputs = tuple([_tensor(x) for x in inputs])
                    break
            if options:
                options = {name: _tensor(x) for name, x in options.items()}
            if self._hooks is None:
                return self.forward(*inputs, **options)
            return self._hooks.run(self, inputs, options)
        except (ValueError, TypeError, IndexError, FloatingPointError) as error:
            self._name_layer(error)
            raise

    def _name_layer(self, error: Exception) -> None:
        """Write the layer before the message; each enclosing module replaces it by the path from itself."""
        if len(error.args) != 1 or not isinstance(error.args[0], str):
            return
        layer, message = getattr(error, "_layer", None) or (self, _of_call(self, error.args[0]))
        path = next((name for name, module in self.named_modules() if module is layer), None)
        if path is not None:
            error._layer = layer, message
            kind = type(layer).__name__
            error.args = (f"{path} ({kind}): {message}" if path else f"{kind}: {message}",)

    # Modes.

    def train(self, mode: bool = True) -> Self:
        """Set training mode (dropout drops, batch norm uses the batch) here and below.

        Args:
            mode: False is evaluation mode.

        Returns:
            This module.

        Raises:
            ValueError: for a quantised module, which cannot learn.
        """
        if mode:
            _state.refuse_quantized(self, "train")
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode here and below.

        Returns:
            This module.
        """
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether all parameters get gradients.

        Args:
            requires_grad: whether they do.

        Returns:
            This module.
        """
        if requires_grad:
            _state.refuse_quantized(self, "requires_grad_")
        for parameter in self.parameters():
            parameter.requires_grad = bool(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Args:
            set_to_none: False keeps arrays of zeros instead, as in PyTorch.
        """
        for parameter in self.parameters():
            parameter.zero_grad(set_to_none)

    def freeze(self, *patterns: str) -> list[str]:
        """Stop learning the parameters whose name, or that of a module they are in, matches a pattern.

        Their arrays become read-only until `unfreeze`, so that layers in eval mode may keep packed copies of them.

        Args:
            patterns: as in `fnmatch` ("encoder.*.bias", "embedding"); without one, all parameters match.

        Returns:
            The names that matched.

        Raises:
            ValueError: where a pattern matches nothing; nothing is frozen then.

        >>> from seqnn import nn
        >>> nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).freeze("0", "*.bias")
        ['0.weight', '0.bias', '1.bias']
        """
        found = self._matching(patterns)
        for parameter in found.values():
            parameter.zero_grad()
            parameter.requires_grad = False
            parameter.data.flags.writeable = False
        return list(found)

    def unfreeze(self, *patterns: str) -> list[str]:
        """Learn parameters again.

        Args:
            patterns: as for `freeze`.

        Returns:
            The names that matched.

        Raises:
            ValueError: where a pattern matches nothing.
        """
        found = self._matching(patterns)
        _state.refuse_quantized(self, "unfreeze")
        for parameter in found.values():
            parameter.requires_grad = True
            _state.make_writable(parameter)
        return list(found)

    def quantize(self, kind: str = "int8", *patterns: str) -> Self:
        """Keep the weights of products in 8 bits or as bfloat16, for fast inference in a quarter or half of the memory.

        These are the weights of `Linear` layers, of the projections of attention, and of tied tables of embeddings, as
        `ops.QuantizedWeight`. Recurrent layers and convolutions stay float32. The module is put into evaluation mode and
        frozen: it computes as ever, but does not learn. `state_dict` and `save` give the rounded weights as float32, so
        that any module may load them; `load_state_dict` and `load` round what they read.

        Args:
            kind: "int8", where inputs of the products are rounded to 8 bits as well, or "bf16".
            patterns: of the parameters, as for `freeze`; without one, all of these weights are meant.

        Returns:
            This module.

        Raises:
            ValueError: for another kind, a pattern that matches nothing, a module without such weights, weights that are
                not finite or quantised in the other kind; nothing is changed then.
            TypeError: for weights that are not float32.

        >>> import numpy as np
        >>> from seqnn import nn
        >>> model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)).quantize("int8")
        >>> model(np.ones((2, 64), np.float32)).shape
        (2, 10)
        >>> model[0].weight.data
        QuantizedWeight(int8, shape=(256, 64))
        """
        quantize(self, kind, self._matching(patterns))
        self.freeze()
        return self.eval()

    def _product_weights(self) -> tuple[str, ...]:
        """Return the names of the parameters here, or below, that this module multiplies by as `ops.linear` does."""
        return ()

    def _matching(self, patterns: tuple[str, ...]) -> dict[str, Parameter]:
        parameters = dict(self.named_parameters())
        if not patterns:
            return parameters
        unused, found = set(patterns), {}
        for name, parameter in parameters.items():
            parts = name.split(".")
            levels = [".".join(parts[: k + 1]) for k in range(len(parts))]
            matched = {p for p in patterns if any(fnmatch.fnmatchcase(level, p) for level in levels)}
            if matched:
                found[name] = parameter
                unused -= matched
        if unused:
            raise ValueError(f"no parameter matches {sorted(unused)}; there are {list(parameters)}")
        return found

    def to(self, dtype: npt.DTypeLike) -> Self:
        """Convert floating parameters, their gradients and floating buffers.

        Args:
            dtype: float32 or float64.

        Returns:
            This module.

        Raises:
            TypeError: for another dtype.
        """
        _state.convert(self, dtype)
        return self

    # The state.

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return path -> array of all parameters and persistent buffers, with PyTorch's keys; nothing is copied."""
        return _state.collect(self)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True, assign: bool = False) -> _state.Loaded:
        """Copy arrays into the parameters and buffers of the same names, whatever the float type.

        A parameter of several names needs one of them.

        Args:
            state: path -> array (or PyTorch's tensor); bfloat16 is widened.
            strict: refuse a state that lacks keys or has others.
            assign: let parameters have the arrays themselves, where their type and layout are those of the parameters: for
                a model that is new, whose arrays nobody holds.

        Returns:
            (missing_keys, unexpected_keys).

        Raises:
            ValueError: one that lists everything that is wrong; nothing is changed then. A wrong shape or kind of number
                is always an error.
        """
        return _state.copy_into(self, state, strict, assign)

    def save(self, path: Path, metadata: Mapping[str, str] | None = None) -> None:
        """Write `state_dict` as safetensors, atomically: a failure leaves an older file as it was.

        A parameter of several names is written once, under the first.

        Args:
            path: of the file.
            metadata: text -> text that is kept with it.
        """
        _state.save(self, path, metadata)

    def load(self, path: Path, strict: bool = True) -> _state.Loaded:
        """Read a safetensors file and copy it as `load_state_dict` does.

        Args:
            path: of the file.
            strict: refuse a file that lacks keys or has others.

        Returns:
            (missing_keys, unexpected_keys).

        Raises:
            ValueError: for a damaged file, or one that does not fit; nothing is changed then.
        """
        return _state.load(self, path, strict)

    # Hooks.

    def register_forward_pre_hook(self, hook: Callable[[Module, tuple], Any]) -> Callable[[], None]:
        """Call a function before forward.

        Args:
            hook: called as `hook(module, inputs)`; what it returns (if not None) replaces the positional inputs.

        Returns:
            A function that removes the hook.
        """
        return self._register("before", hook)

    def register_forward_hook(self, hook: Callable[[Module, tuple, Any], Any]) -> Callable[[], None]:
        """Call a function after forward.

        Args:
            hook: called as `hook(module, inputs, output)`; what it returns (if not None) replaces the output.

        Returns:
            A function that removes the hook.
        """
        return self._register("after", hook)

    def register_full_backward_hook(self, hook: Callable[[Module, tuple, tuple], Any]) -> Callable[[], None]:
        """Call a function in backward, when the gradients of outputs and inputs are known.

        Args:
            hook: called as `hook(module, grad_input, grad_output)`, with arrays; `grad_input` has None for an input without
                gradient, and what the hook returns (if not None) replaces it.

        Returns:
            A function that removes the hook.
        """
        return self._register("backward", hook)

    def _register(self, when: str, hook: Callable) -> Callable[[], None]:
        if self._hooks is None:
            self._hooks = Hooks()
        return add_hook(getattr(self._hooks, when), hook)

    # Showing.

    def summary(self, *inputs: Any, dtype: npt.DTypeLike = None) -> Summary:
        """Make a table of all layers: output shapes, parameters and units; see `Summary`.

        Runs forward once, in eval mode.

        Args:
            inputs: a sample of each input: an array, or a shape, which stands for zeros. Without inputs only the
                parameters are counted.
            dtype: of these zeros; None is that of the parameters. Ids want an integer dtype.

        Returns:
            The table, which prints itself.

        >>> from seqnn import nn
        >>> nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2, bias=False)).summary((3, 4))
        layer  type    output  parameters  units
        ----------------------------------------
               input   [3, 4]                 12
        0      Linear  [3, 8]          40     24
        1      Linear  [3, 2]          16      6
        ----------------------------------------
        total                          56     42
        """
        return summarize(self, inputs, dtype)


def _tensor(x: Any) -> Any:
    """Make a Tensor of an array of floats; leave other things as they are."""
    if not isinstance(x, ndarray) or x.dtype.kind != "f":
        return x
    if check_finite.active():
        require_finite("the input", x)
    return Tensor(x)


@functools.lru_cache
def _signature(cls: type) -> inspect.Signature:
    """Return the arguments of `__init__`; a class that shows others, as recurrent layers do, checks them itself."""
    if "__signature__" in vars(cls):
        return inspect.signature(lambda *inputs, **options: None)
    if cls.__init__ is object.__init__:
        return inspect.Signature()
    signature = inspect.signature(cls.__init__)
    return signature.replace(parameters=[*signature.parameters.values()][1:])


def _advice(error: TypeError) -> str:
    """Return what to write instead of an argument of PyTorch's that an error complains about."""
    found = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    return advice_for(found[1]) if found else ""


def _of_call(module: Module, message: str) -> str:
    """Say in a message about a call that fits none of `forward`'s arguments which there are, or what to write instead."""
    found = re.match(r"\w+\.(forward\(\) .*)", message)
    if not found:
        return message
    message = found[1]
    if re.search("takes .* positional", message):
        options = [p.name for p in inspect.signature(module.forward).parameters.values() if p.kind is p.KEYWORD_ONLY]
        return message + (f"; by their names go {', '.join(options)}" if options else "")
    return message + _advice(TypeError(message))
