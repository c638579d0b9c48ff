"""Functions that a user hangs on a module: before its forward, after it, and when its gradients are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import Tensor, op


class Hooks:
    """A record of the hooks of one module, in the order in which they were registered."""

    def __init__(self) -> None:
        self.before: list[Callable] = []
        self.after: list[Callable] = []
        self.backward: list[Callable] = []

    def run(self, module: Any, inputs: tuple, options: dict[str, Any]) -> Any:
        """Call `module.forward` between its hooks."""
        for hook in list(self.before):
            changed = hook(module, inputs)
            if changed is not None:
                inputs = changed if isinstance(changed, tuple) else (changed,)
        if not self.backward:
            return self._finish(module, inputs, module.forward(*inputs, **options))
        watch = _Watch(module, self.backward)
        inputs = watch.inputs(inputs)
        return watch.outputs(self._finish(module, inputs, module.forward(*inputs, **options)))

    def _finish(self, module: Any, inputs: tuple, output: Any) -> Any:
        for hook in list(self.after):
            changed = hook(module, inputs, output)
            if changed is not None:
                output = changed
        return output


class _Watch:
    """A pair of identities around one call, whose backward functions see the gradients of its outputs and inputs."""

    def __init__(self, module: Any, hooks: list[Callable]) -> None:
        self.module, self.hooks = module, hooks
        self.places: list[int] = []  # which inputs have a gradient
        self.count = 0
        self.grad_output: tuple = ()

    def inputs(self, inputs: tuple) -> tuple:
        self.count = len(inputs)
        self.places = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
        if not self.places:
            return inputs
        passed = list(inputs)
        for i, x in zip(self.places, _identity(self._inputs_known)(*[inputs[i] for i in self.places]), strict=True):
            passed[i] = x
        return tuple(passed)

    def outputs(self, output: Any) -> Any:
        several = isinstance(output, tuple)
        tensors = [o for o in (output if several else (output,)) if isinstance(o, Tensor)]
        if not any(t.requires_grad for t in tensors):
            return output
        passed = iter(_identity(self._outputs_known)(*tensors))
        return tuple(next(passed) if isinstance(o, Tensor) else o for o in output) if several else next(passed)

    def _outputs_known(self, grads: tuple) -> tuple:
        self.grad_output = grads
        if not self.places:
            self._call((None,) * self.count)
        return grads

    def _inputs_known(self, grads: tuple) -> tuple:
        full: list = [None] * self.count
        for i, g in zip(self.places, grads, strict=True):
            full[i] = g
        changed = self._call(tuple(full))
        return tuple(changed[i] for i in self.places)

    def _call(self, grad_input: tuple) -> tuple:
        for hook in list(self.hooks):
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is not None:
                grad_input = changed if isinstance(changed, tuple) else (changed,)
                if len(grad_input) != self.count:
                    raise ValueError(
                        f"a backward hook must return {self.count} gradients, one per input, got {len(grad_input)}"
                    )
        return grad_input


def _identity(seen: Callable[[tuple], tuple]) -> Callable:
    """Make an op that passes its inputs on; its backward is `seen`."""

    @op
    def identity(*arrays: Any) -> Any:
        return arrays, seen

    return identity
