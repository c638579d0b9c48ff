"""Training curves of an MLP and of two CNNs follow PyTorch's, step by step, from the same weights and batches."""

import numpy as np
import pytest

from seqnn import nn

torch = pytest.importorskip("torch")


class TextCNN(nn.Module):
    def __init__(self):
        self.table = nn.Embedding(50, 8, padding_idx=0)
        self.filters = nn.ModuleList(nn.Conv1d(8, 6, width, padding=width - 1) for width in (2, 3))
        self.out = nn.Linear(6, 3)

    def forward(self, ids):
        x = self.table(ids).swapaxes(1, 2)
        pooled = [nn.GlobalMaxPool()(nn.ReLU()(f(x))) for f in self.filters]
        return self.out(pooled[0] + pooled[1])


class TorchTextCNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(50, 8, padding_idx=0)
        self.filters = torch.nn.ModuleList(torch.nn.Conv1d(8, 6, width, padding=width - 1) for width in (2, 3))
        self.out = torch.nn.Linear(6, 3)

    def forward(self, ids):
        x = self.table(ids).transpose(1, 2)
        pooled = [torch.relu(f(x)).max(dim=2).values for f in self.filters]
        return self.out(pooled[0] + pooled[1])


def mlp(m):
    return m.Sequential(
        m.Linear(12, 32), m.LayerNorm(32), m.GELU(), m.Linear(32, 16), m.BatchNorm1d(16), m.Linear(16, 3)
    )


def cnn(m):
    return m.Sequential(
        m.Conv2d(1, 6, 3, padding=1), m.BatchNorm2d(6), m.ReLU(), m.MaxPool2d(2), m.Conv2d(6, 8, 3), m.SiLU(),
        m.AvgPool2d(2), m.Flatten(), m.Linear(8, 3),
    )  # fmt: skip


def images(draw):
    return draw.standard_normal((16, 1, 8, 8)).astype(np.float32)


@pytest.mark.parametrize(
    ("ours", "theirs", "batch"),
    [
        (lambda: mlp(nn), lambda: mlp(torch.nn), lambda draw: draw.standard_normal((16, 12)).astype(np.float32)),
        (lambda: cnn(nn), lambda: cnn(torch.nn), images),
        (TextCNN, TorchTextCNN, lambda draw: draw.integers(0, 50, (16, 9))),
    ],
    ids=["mlp", "cnn", "text cnn"],
)
def test_fifty_steps(ours, theirs, batch):
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    ours, theirs = ours(), theirs()
    ours.load_state_dict(theirs.state_dict())
    loss, torch_loss = nn.CrossEntropyLoss(), torch.nn.CrossEntropyLoss()
    batches = [(batch(draw), draw.integers(0, 3, 16)) for _ in range(5)]
    first = None
    for step in range(50):
        x, y = batches[step % 5]
        ours.zero_grad()
        theirs.zero_grad()
        value, expected = loss(ours(x), y), torch_loss(theirs(torch.tensor(x)), torch.tensor(y))
        assert value.item() == pytest.approx(expected.item(), rel=1e-4), f"step {step}"
        first = first or value.item()
        value.backward()
        expected.backward()
        for p in ours.parameters():
            p.data -= 0.05 * p.grad
        with torch.no_grad():
            for p in theirs.parameters():
                p -= 0.05 * p.grad
    assert value.item() < first
