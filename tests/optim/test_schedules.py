import json
import math

import numpy as np
import pytest

from seqnn import Tensor, optim


def torch_factors(make, steps):
    """The learning rates that one of PyTorch's schedulers gives for lr = 1."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    found = []
    for _ in range(steps):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (optim.Constant(), lambda s, o: s.LambdaLR(o, lambda step: 1.0)),
        (optim.Step(7, gamma=0.5), lambda s, o: s.StepLR(o, 7, gamma=0.5)),
        (optim.MultiStep((20, 5)), lambda s, o: s.MultiStepLR(o, [5, 20])),
        (optim.Exponential(0.9), lambda s, o: s.ExponentialLR(o, 0.9)),
        (optim.Linear(10, start=0.1, end=0.7), lambda s, o: s.LinearLR(o, 0.1, 0.7, total_iters=10)),
        (optim.Cosine(40, minimum=0.1), lambda s, o: s.CosineAnnealingLR(o, 40, eta_min=0.1)),
        (optim.Cosine(6, restarts=True), lambda s, o: s.CosineAnnealingWarmRestarts(o, 6)),
        (
            optim.Cosine(3, minimum=0.2, restarts=True, longer=2),
            lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=2, eta_min=0.2),
        ),
        (
            optim.Linear(5, start=0.1).then(optim.Cosine(40)),
            lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 40)], [5]),
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, optim.Schedule) else "torch",
)
@pytest.mark.filterwarnings("ignore")
def test_factors_as_in_torch(schedule, make):
    np.testing.assert_allclose([schedule(step) for step in range(40)], torch_factors(make, 40), atol=1e-12)


def test_noam_is_the_formula_and_peaks_after_the_warm_up():
    schedule = optim.Noam(64, warmup=10)
    for step in range(50):
        n = step + 1
        assert schedule(step) == pytest.approx(64**-0.5 * min(n**-0.5, n * 10**-1.5))
    assert max(range(50), key=schedule) == 9
    shape = optim.InverseSquareRoot(10)
    np.testing.assert_allclose([shape(s) / shape(9) for s in range(50)], [schedule(s) / schedule(9) for s in range(50)])


def test_schedules_combine():
    schedule = optim.Linear(4).then(optim.Constant(1.0, steps=3)).then(optim.Linear(2, 1.0, 0.0)) * optim.Exponential(
        0.5
    )
    base = [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 0.5, 0, 0]
    assert [schedule(step) for step in range(11)] == [b * 0.5**step for step, b in enumerate(base)]
    assert optim.Linear(2).then(lambda step: 7.0)(5) == 7.0
    for endless in (optim.Exponential(0.5), optim.Cosine(3, restarts=True)):
        with pytest.raises(ValueError, match="has no end"):
            endless.then(optim.Constant())


def test_scheduler_sets_every_group_and_is_restored():
    def make():
        groups = [{"params": [Tensor([1.0])]}, {"params": [Tensor([1.0])], "lr": 0.2}]
        optimizer = optim.SGD(groups, lr=0.1)
        return optimizer, optim.Scheduler(optimizer, optim.Linear(3).then(optim.Exponential(0.3)))

    optimizer, scheduler = make()
    rates = []
    for _ in range(7):
        rates.append([group["lr"] for group in optimizer.param_groups])
        scheduler.step()
    np.testing.assert_allclose(np.array(rates)[:, 1], 2 * np.array(rates)[:, 0])
    again, restored = make()
    restored.load_state_dict(json.loads(json.dumps(scheduler.state_dict())))
    assert [g["lr"] for g in again.param_groups] == [g["lr"] for g in optimizer.param_groups]
    with pytest.raises(ValueError, match="expected 2 learning rates, got 1"):
        restored.load_state_dict({"steps": 1, "base_lrs": [0.1]})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.Linear(0), "steps: expected a number > 0, got 0"),
        (lambda: optim.Step(-1), "step_size"),
        (lambda: optim.Noam(512, warmup=0), "warmup"),
        (lambda: optim.Cosine(5, longer=2), "longer: expected 1 without restarts"),
        (lambda: optim.Scheduler(optim.SGD([Tensor([1.0])]), lambda step: math.nan), "expected a finite factor"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_ema_follows_and_swaps():
    w = Tensor(np.arange(3.0), requires_grad=True)
    ema = optim.EMA([("w", w)], decay=0.9)
    expected = w.data.copy()
    for _ in range(5):
        w.data *= 2
        ema.update()
        expected = 0.9 * expected + 0.1 * w.data
    now = w.data
    with ema.swapped():
        np.testing.assert_allclose(w.data, expected)
    assert w.data is now
    with pytest.raises(ZeroDivisionError), ema.swapped():
        w.data = w.data / (1 // 0)
    assert w.data is now
    other = optim.EMA([w], decay=0.9)
    other.load_state_dict(ema.state_dict())
    assert other.updates == 5
    np.testing.assert_array_equal(other.averages[0], ema.averages[0])
    with pytest.raises(ValueError, match="expected averages of shapes"):
        other.load_state_dict({"updates": 1, "averages": [np.zeros(4)]})


def test_ema_warm_up_begins_quickly():
    w = Tensor([0.0])
    ema = optim.EMA([w], decay=0.999, warmup=True)
    w.data[0] = 1
    ema.update()
    np.testing.assert_allclose(ema.averages[0], 0.9)


def test_an_average_says_what_it_averages():
    w = Tensor([0.0], requires_grad=True)
    ema = optim.EMA([w], 0.9)
    ema.update()
    assert repr(ema) == "<EMA of 1 tensors, decay 0.9, 1 updates>"
