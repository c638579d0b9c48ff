"""The decoder with attention over a whole target, forward and backward, against a loop over torch's cells."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.case import Case, Options
from benchmarks.torch_peer import our_step, ours, same_arrays, their_step, theirs, torch
from seqnn import nn

SHAPES = [("gru", "before", "additive"), ("lstm", "after", "dot"), ("gru", "after", "additive")]
BATCH, STEPS, SOURCE, INPUTS, HIDDEN, MEMORY = 64, 13, 14, 256, 256, 512  # a batch of Multi30k


def cases(options: Options) -> Iterator[Case]:
    """Yield training at the size of a translation model, then a small batch."""
    for threads in options.threads:
        for kind in SHAPES[:1] if options.quick else SHAPES:
            for batch in (4, BATCH):
                yield training(kind, batch, threads)


def training(kind: tuple[str, str, str], batch: int, threads: int) -> Case:
    """Return a case of one pass forward and backward, with the gradients of all weights and of the source."""
    cell, order, score = kind
    rng = np.random.default_rng(0)
    memory_size = HIDDEN if score == "dot" else MEMORY
    layer = nn.AttentionDecoder(INPUTS, HIDDEN, memory_size, cell=cell, order=order, score=score)
    x = rng.standard_normal((batch, STEPS, INPUTS), np.float32)
    memory = rng.standard_normal((batch, SOURCE, memory_size), np.float32)
    grad = rng.standard_normal((batch, STEPS, layer.output_size), np.float32)
    lengths = rng.integers(SOURCE // 2, SOURCE + 1, batch)
    mine = our_step(lambda x, memory: layer(x, memory, memory_lengths=lengths).out, [x, memory], grad)

    def step() -> list:
        layer.zero_grad()
        return mine() + [p.grad for p in layer.parameters()]

    their = None
    if torch is not None:
        peer = twin(layer)
        run = their_step(lambda x, memory: peer(x, memory, torch.from_numpy(lengths)), [x, memory], grad)

        def their() -> list:
            peer.zero_grad()
            return run() + [p.grad for p in peer.parameters()]

    return Case(
        f"{cell}, attention {order} the cell, {score}, B={batch} T={STEPS} S={SOURCE} I={INPUTS} H={HIDDEN}, "
        "forward + backward",
        ours(step, threads),
        {"torch": theirs(their, threads) if their else None},
        same_arrays,
        threads=threads,
        goals={"torch": 2.0},
    )


def twin(layer: nn.AttentionDecoder) -> Any:
    """Return the same decoder of torch, with the same weights in the same order."""
    cell = {"rnn": "RNNCell", "gru": "GRUCell", "lstm": "LSTMCell"}[layer.cell]
    wide = layer.weight_ih.shape[1]

    class Twin(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, parameter in layer.named_parameters():
                self.register_parameter(name.replace(".", "_"), torch.nn.Parameter(torch.tensor(parameter.data)))
            self.cell = [getattr(torch.nn, cell)(wide, layer.hidden_size)]  # no submodule: its weights are ours
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                setattr(self.cell[0], name, getattr(self, name))

        def forward(self, x: Any, memory: Any, lengths: Any, first: Any = None) -> Any:
            linear = torch.nn.functional.linear
            additive = layer.score == "additive"
            keys = linear(memory, self.key_proj_weight) if additive else memory
            hidden_from = torch.arange(memory.shape[1])[None] >= lengths[:, None]
            c = x.new_zeros(len(x), layer.hidden_size)
            h = c if first is None else first
            fed, outs = x.new_zeros(len(x), wide - x.shape[2]), []

            def attend(s: Any) -> Any:
                if additive:
                    scores = torch.tanh(linear(s, self.query_proj_weight)[:, None] + keys) @ self.score_weight
                else:
                    scores = torch.bmm(keys, s[:, :, None])[:, :, 0]
                weights = scores.masked_fill(hidden_from, float("-inf")).softmax(dim=1)
                return torch.bmm(weights[:, None], memory)[:, 0]

            for t in range(x.shape[1]):
                if layer.order == "before":
                    fed = attend(h)
                entered = torch.cat([x[:, t], fed], dim=1)
                if layer.cell == "lstm":
                    h, c = self.cell[0](entered, (h, c))
                else:
                    h = self.cell[0](entered, h)
                if layer.order == "after":
                    fed = torch.tanh(linear(torch.cat([attend(h), h], dim=1), self.out_proj_weight))
                outs.append(torch.cat([h, fed], dim=1) if layer.order == "before" else fed)
            return torch.stack(outs, dim=1)

    return Twin()
