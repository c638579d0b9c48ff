"""Adversarial nets: their losses are those of the papers, and their steps are PyTorch's."""

import numpy as np
import pytest
from gan_cases import ROWS, players

from seqnn import optim
from seqnn.autograd import Tensor
from seqnn.models import GAN
from seqnn.models._gan_losses import GAMES
from seqnn.train import Batches


@pytest.mark.parametrize("loss", GAMES)
def test_the_losses_are_those_of_the_papers(loss):
    real, made, target = np.array([2.0, -1.0]), np.array([0.5, -3.0]), 0.9
    d = [1 / (1 + np.exp(-s)) for s in (real, made)]
    expected = {
        "minimax": np.log(1 - d[1]).mean(),
        "non-saturating": -np.log(d[1]).mean(),
        "least-squares": 0.5 * np.square(made - 1).mean(),
        "wasserstein": -made.mean(),
    }
    assert GAMES[loss].generator(Tensor(made)).item() == pytest.approx(expected[loss])
    by_entropy = -(target * np.log(d[0]) + (1 - target) * np.log(1 - d[0]) + np.log(1 - d[1])).mean()
    of_discriminator = {
        "minimax": by_entropy,
        "non-saturating": by_entropy,
        "least-squares": 0.5 * (np.square(real - target) + np.square(made)).mean(),
        "wasserstein": made.mean() - real.mean(),
    }
    assert GAMES[loss].discriminator(Tensor(real), target, Tensor(made)).item() == pytest.approx(of_discriminator[loss])


def torch_steps(torch, gan, x):
    """The weights after the same batches and noise by PyTorch: one epoch, k steps of the discriminator for each other one."""
    f = torch.nn.functional
    nets = [
        torch.nn.Sequential(torch.nn.Linear(a, b), act(), torch.nn.Linear(b, c))
        for (a, b, c), act in (((4, 8, 3), torch.nn.ReLU), ((3, 8, 1), torch.nn.SiLU))
    ]
    for net, given in zip(nets, (gan.generator, gan.discriminator), strict=True):
        net.load_state_dict({name: torch.tensor(array) for name, array in given.state_dict().items()})
    generator, discriminator = nets
    betas = (0.0, 0.9) if gan.loss == "wasserstein" else (0.5, 0.999)
    optimizers = [torch.optim.Adam(net.parameters(), lr=gan.learning_rate, betas=betas) for net in nets]
    draw, ones, zeros = np.random.default_rng(gan.random_state), torch.ones(32, 1), torch.zeros(32, 1)
    entropy = f.binary_cross_entropy_with_logits
    real_loss = {
        "least-squares": lambda s: 0.5 * f.mse_loss(s, (1 - gan.label_smoothing) * ones),
        "wasserstein": lambda s: -s.mean(),
    }.get(gan.loss, lambda s: entropy(s, (1 - gan.label_smoothing) * ones))
    made_loss = {"least-squares": lambda s: 0.5 * f.mse_loss(s, zeros), "wasserstein": torch.mean}.get(
        gan.loss, lambda s: entropy(s, zeros)
    )
    own_loss = {
        "minimax": lambda s: -entropy(s, zeros),
        "non-saturating": lambda s: entropy(s, ones),
        "least-squares": lambda s: 0.5 * f.mse_loss(s, ones),
        "wasserstein": lambda s: -s.mean(),
    }[gan.loss]

    def noise():
        return torch.tensor(draw.standard_normal((32, 4), dtype=np.float32))

    for number, rows in enumerate(x, 1):
        for optimizer in optimizers:
            optimizer.zero_grad()
        made = generator(noise()).detach()
        (real_loss(discriminator(torch.tensor(rows))) + made_loss(discriminator(made))).backward()
        optimizers[1].step()
        if gan.weight_clip:
            for parameter in discriminator.parameters():
                parameter.data.clamp_(-gan.weight_clip, gan.weight_clip)
        if number % gan.discriminator_steps == 0 or number == len(x):
            optimizers[0].zero_grad()
            own_loss(discriminator(generator(noise()))).backward()
            optimizers[0].step()
    return [{name: array.numpy() for name, array in net.state_dict().items()} for net in nets]


@pytest.mark.parametrize(
    ("loss", "more"),
    [
        ("non-saturating", {"label_smoothing": 0.1}),
        ("minimax", {}),
        ("least-squares", {"discriminator_steps": 2}),
        ("wasserstein", {"weight_clip": 0.1, "discriminator_steps": 5}),
    ],
)
def test_the_steps_are_those_of_pytorch(loss, more):
    torch = pytest.importorskip("torch")
    gan = GAN(*players(), noise=4, batch_size=32, max_iter=1, loss=loss, learning_rate=0.01, random_state=3, **more)
    batches = [*Batches(ROWS, batch_size=32, seed=3)]
    expected = torch_steps(torch, gan, batches)
    gan.fit(ROWS)
    for net, state in zip((gan.generator_, gan.discriminator_), expected, strict=True):
        for name, array in net.state_dict().items():
            np.testing.assert_allclose(array, state[name], atol=2e-5, err_msg=name)


def test_every_step_has_its_share_of_batches_and_its_own_optimiser():
    made = {}

    def counting(name, kind):
        def make(parameters):
            made[name] = kind(parameters, lr=1e-3)
            return made[name]

        return make

    makers = {f"{name}_optimizer": counting(name, kind) for name, kind in
              (("generator", optim.SGD), ("discriminator", optim.RMSprop))}  # fmt: skip
    GAN(*players(), noise=4, batch_size=10, max_iter=2, discriminator_steps=4, **makers).fit(ROWS)
    steps = {name: optimizer._states[0][0]["step"] for name, optimizer in made.items()}
    assert steps == {"discriminator": 18, "generator": 6}  # 9 batches an epoch: after 4, 8 and 9 of them
