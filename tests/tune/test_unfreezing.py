"""Gradual unfreezing and learning rates by depth."""

import numpy as np
import pytest

from seqnn import nn, ops, optim, train, tune
from seqnn.models import BERT, GPT, T5, ClassificationHead, Transformer, WithHead

X, Y = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32), np.arange(8) % 2


def tower():
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))


def trainer(model, unfreezing, **options):
    return train.Trainer(
        model, ops.cross_entropy, optim.AdamW(model.parameters(), lr=0.01), callbacks=[unfreezing], verbose=0, **options
    )


@pytest.mark.parametrize(
    ("model", "first", "last"),
    [
        (WithHead(BERT(9, d_model=8, nhead=2, num_layers=2), ClassificationHead(8, 2)), "head", "encoder.embedding"),
        (GPT(9, d_model=8, nhead=2, num_layers=2, tied=False), "head", "embedding"),
        (T5(9, d_model=8, nhead=2, num_layers=2, dim_feedforward=8), "decoder.layers.1", "embedding"),
        (
            Transformer(9, 9, d_model=8, nhead=2, num_encoder_layers=2, num_decoder_layers=2),
            "decoder.layers.1",
            "source",
        ),
        (tower(), "4", "0"),
    ],
)
def test_groups_go_from_the_head_down_and_hold_each_parameter_once(model, first, last):
    groups = tune.layer_groups(model)
    names = [name for group in groups for name in group]
    assert sorted(names) == sorted(name for name, _ in model.named_parameters())
    assert any(name.startswith(first) for name in groups[0]) and any(name.startswith(last) for name in groups[-1])


def test_one_group_more_learns_each_time_and_the_others_rest():
    model = tower()
    weights = [model[i].weight.data.copy() for i in (0, 2, 4)]
    moved = []

    class Moved(train.Callback):
        def on_epoch_end(self, trainer):
            moved.append([not np.array_equal(model[i].weight.data, w) for i, w in zip((0, 2, 4), weights, strict=True)])

    unfreezing = tune.GradualUnfreezing(every=2)
    train.fit(
        model, ops.cross_entropy, (X, Y), 6, optim.AdamW(model.parameters(), lr=0.01), callbacks=[unfreezing, Moved()],
        verbose=0,
    )  # fmt: skip
    assert moved == [[False, False, True]] * 2 + [[False, True, True]] * 2 + [[True, True, True]] * 2
    assert unfreezing.history_ == [10, 10, 30, 30, 50, 50]


def test_steps_may_be_counted_and_dropout_wakes_with_its_layer():
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), nn.Linear(4, 2))
    modes = []

    class Modes(train.Callback):
        def on_step_end(self, trainer):
            modes.append(model[0][1].training)

    unfreezing = tune.GradualUnfreezing(2, unit="steps", groups=[["1.weight", "1.bias"], ["0.0.weight"]])
    train.fit(
        model, ops.cross_entropy, (X, Y), 1, optim.AdamW(model.parameters()), callbacks=[unfreezing, Modes()], batch_size=2,
        verbose=0,
    )  # fmt: skip
    assert modes == [False, True, True, True] and unfreezing.history_ == [26, 26]


@pytest.mark.parametrize("unit", ["epochs", "steps"])
def test_a_resumed_run_learns_what_the_whole_one_does(unit, tmp_path):
    def run(epochs, resumed=None):
        model = tower()
        for parameter in model.parameters():
            parameter.data[...] = np.random.default_rng(parameter.size).normal(0, 0.5, parameter.shape)
        whole = trainer(model, tune.GradualUnfreezing(2, unit=unit))
        if resumed:
            whole.resume(resumed)
        else:
            whole.checkpoint = tmp_path / "run"
        return whole, epochs

    whole, _ = run(5)
    whole.fit((X, Y), 5, batch_size=4)
    part, _ = run(5)

    class Stop(train.Callback):
        def on_epoch_end(self, trainer):
            if trainer.epochs_trained == 3:
                raise KeyboardInterrupt

    part.callbacks.append(Stop())
    with pytest.raises(KeyboardInterrupt):
        part.fit((X, Y), 5, batch_size=4)
    part.save(tmp_path / "part")
    again, _ = run(5, tmp_path / "part")
    again.fit((X, Y), 5, batch_size=4)
    for ours, theirs in zip(again.model.parameters(), whole.model.parameters(), strict=True):
        np.testing.assert_array_equal(ours.data, theirs.data)


def test_learning_rates_fall_with_the_depth():
    model = WithHead(BERT(9, d_model=8, nhead=2, num_layers=2, pooler=False), ClassificationHead(8, 2))
    groups = tune.layerwise_groups(model, 1.0, decay=0.5, weight_decay=0.0)
    assert [group["lr"] for group in groups] == [1.0, 0.5, 0.25, 0.125]
    optimizer = optim.AdamW(groups)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))


def test_bad_arguments_are_refused():
    model = tower()
    with pytest.raises(ValueError, match="every: expected an integer >= 1, got 0"):
        tune.GradualUnfreezing(0)
    with pytest.raises(ValueError, match="unit: expected 'epochs' or 'steps', got 'batches'"):
        tune.GradualUnfreezing(unit="batches")
    with pytest.raises(ValueError, match=r"groups: expected names of parameters, got \['9'\]"):
        trainer(model, tune.GradualUnfreezing(groups=[["9"]])).fit((X, Y))
    for groups in ("head", ["0.weight"], [], [[]], 5):
        with pytest.raises(
            ValueError, match=r"groups: expected names of parameters, got .* instead of lists with some"
        ):
            trainer(model, tune.GradualUnfreezing(groups=groups)).fit((X, Y))
    with pytest.raises(TypeError, match=r"model: expected an nn.Module, got str"):
        tune.layerwise_groups("model", 0.1)
    with pytest.raises(ValueError, match="decay: expected a finite number > 0"):
        tune.layerwise_groups(model, 0.1, decay=0)
    with pytest.raises(ValueError, match="lr: expected a finite number"):
        tune.layerwise_groups(model, -1)
