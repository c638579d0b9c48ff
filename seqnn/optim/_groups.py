"""Parameters as optimisers take them: Tensors, named Tensors, groups with options of their own."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any

from ..autograd import Tensor

Group = dict[str, Any]
"""One group: its options, `params` (a list of Tensors) and `param_names`."""


def parameter_groups(named_parameters: Any, options: Mapping[str, Mapping[str, Any]]) -> list[Group]:
    """Group parameters by name: each gets the options of the first pattern that its name matches.

    Parameters that match no pattern form a group with the optimiser's own options.

    Args:
        named_parameters: pairs (name, Tensor), or a module that has `named_parameters()`.
        options: pattern (as in `fnmatch`) -> options of the group, such as {"*bias": {"weight_decay": 0}}.

    Returns:
        Group dicts, which an optimiser takes as `params`.

    Raises:
        ValueError: for a pattern without a match, which is most often a slip.

    >>> from seqnn import Tensor, optim
    >>> pairs = [("fc.weight", Tensor([[1.0]], requires_grad=True)), ("fc.bias", Tensor([0.0], requires_grad=True))]
    >>> optimizer = optim.AdamW(optim.parameter_groups(pairs, {"*bias": {"weight_decay": 0.0}}), lr=0.1)
    >>> [(group["param_names"], group["weight_decay"]) for group in optimizer.param_groups]
    [(['fc.bias'], 0.0), (['fc.weight'], 0.01)]
    """
    named = getattr(named_parameters, "named_parameters", None)
    pairs = list(named() if callable(named) else named_parameters)
    groups: dict[str | None, list] = {pattern: [] for pattern in options}
    groups[None] = []
    for name, tensor in pairs:
        pattern = next((p for p in options if fnmatch.fnmatchcase(name, p)), None)
        groups[pattern].append((name, tensor))
    if idle := [pattern for pattern in options if not groups[pattern]]:
        names = ", ".join(name for name, _ in pairs)
        raise ValueError(f"options: no parameter is left for {idle}; the names are: {names}")
    return [
        {"params": members, **({} if pattern is None else options[pattern])}
        for pattern, members in groups.items()
        if members
    ]


def collect(
    params: Iterable[Any], defaults: Mapping[str, Any], known: Iterable[Tensor] = (), first: int = 0
) -> list[Group]:
    """Check the groups of an optimiser and complete them: options that a group does not give are the `defaults`.

    `known` are the Tensors of earlier groups, `first` is the number of the first new one.
    """
    if isinstance(params, Tensor) or not isinstance(params, Iterable):
        raise TypeError(
            "params: expected an iterable of Tensors, of (name, Tensor) or of group dicts, "
            f"got {type(params).__name__}" + (": write [tensor]" if isinstance(params, Tensor) else "")
        )
    entries = list(params)
    if not entries:
        raise ValueError("params: expected at least one parameter, got none")
    given = entries if isinstance(entries[0], Mapping) else [{"params": entries}]
    groups: list[Group] = []
    seen: dict[int, str] = {id(tensor): "one of an earlier group" for tensor in known}
    for number, entry in enumerate(given, first):
        if not isinstance(entry, Mapping) or "params" not in entry:
            raise TypeError(f"params[{number}]: expected a dict with 'params' as the other groups, got {entry!r:.100}")
        if unknown := entry.keys() - defaults.keys() - {"params"}:
            raise ValueError(f"params[{number}]: unknown options {sorted(unknown)}, known are {sorted(defaults)}")
        members = entry["params"]
        members = [members] if isinstance(members, Tensor) else list(members)
        tensors, names = [], []
        for member in members:
            named = isinstance(member, tuple) and len(member) == 2
            name, tensor = member if named else (f"{number}.{len(tensors)}", member)
            _check(name, tensor)
            if id(tensor) in seen:
                raise ValueError(f"params: {name!r} is the same Tensor as {seen[id(tensor)]!r}; give each one once")
            seen[id(tensor)] = name
            tensors.append(tensor)
            names.append(name)
        options = {**defaults, **{key: value for key, value in entry.items() if key != "params"}}
        groups.append({"params": tensors, "param_names": names, **options})
    return groups


def tensors_of(parameters: Tensor | Iterable[Any]) -> list[Tensor]:
    """Return a list of the Tensors among Tensors and (name, Tensor) pairs, or of a single Tensor."""
    if isinstance(parameters, Tensor):
        return [parameters]
    tensors = [p[1] if type(p) is tuple else p for p in parameters]
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"parameters: expected Tensors or (name, Tensor) pairs, got {type(tensor).__name__}")
    return tensors


def _check(name: str, tensor: Any) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"params: {name!r}: expected a Tensor, got {type(tensor).__name__}")
    if not tensor.is_leaf:
        raise ValueError(f"params: {name!r} is the result of an op; only leaf Tensors can be trained")
    if tensor.dtype.kind != "f":
        raise TypeError(f"params: {name!r}: expected float32 or float64, got {tensor.dtype}")
