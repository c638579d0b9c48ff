"""Networks of convolutions against NumPy, the classifier of images, what it shows, and what it refuses."""

import numpy as np
import pytest

from seqnn import nn, random
from seqnn.autograd import Tensor, no_grad
from seqnn.data import shapes
from seqnn.models import CNN, ImageClassifier

DRAW = np.random.default_rng(0)
TINY = {"channels": (3, 4), "hidden_layer_sizes": (8,), "max_iter": 2}
IMAGES, LABELS = DRAW.random((40, 8, 6)), np.where(np.arange(40) % 2, "odd", "even")


def correlate(x, weight):
    """Cross-correlate images with filters of three pixels in plain NumPy, zeros around."""
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("nchwrs,ocrs->nohw", windows, weight)


def pooled(x, how):
    n, c, h, w = x.shape
    return how(x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2), axis=(3, 5))


def column(values):
    return values.data[:, None, None]


def normed(x, norm):
    scale = norm.weight.data / np.sqrt(norm.running_var + norm.eps)
    return (x - norm.running_mean[:, None, None]) * scale[:, None, None] + column(norm.bias)


def test_the_network_convolves_rectifies_pools_and_flattens():
    model = CNN(2, (3, 4), (4 * 2 * 1, 5, 6), dropout=0.5).eval()
    x = DRAW.standard_normal((3, 2, 8, 7)).astype(np.float32)
    h = x
    for block in (model.blocks[1], model.blocks[2]):
        h = pooled(np.maximum(correlate(h, block.convolution.weight.data) + column(block.convolution.bias), 0), np.max)
    h = h.reshape(3, -1)
    first, _, _, last = model.head
    h = np.maximum(h @ first.weight.data.T + first.bias.data, 0) @ last.weight.data.T + last.bias.data
    np.testing.assert_allclose(model(x).numpy(), h, rtol=1e-4, atol=1e-5)


def test_residual_blocks_add_their_input():
    model = CNN(3, (3, 4), (4 * 2 * 2, 2), residual=True, pooling="average")
    for _ in range(3):  # running statistics that are not 0 and 1
        model(DRAW.normal(1, 2, (8, 3, 8, 8)).astype(np.float32))
    model.eval()
    x = DRAW.standard_normal((2, 3, 8, 8)).astype(np.float32)
    h = x
    for block in (model.blocks[1], model.blocks[2]):
        y = np.maximum(normed(correlate(h, block.convolution.weight.data), block.norm), 0)
        y = normed(correlate(y, block.second.weight.data), block.second_norm)
        if block.shortcut is not None:
            h = normed(np.einsum("nchw,ocrs->nohw", h, block.shortcut.weight.data), block.shortcut_norm)
        h = pooled(np.maximum(y + h, 0), np.mean)
    assert model.blocks[1].shortcut is None and model.blocks[2].shortcut is not None
    np.testing.assert_allclose(model.blocks(x).numpy(), h, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("residual", [False, True])
def test_a_prediction_takes_norms_into_the_convolutions_and_gives_the_same_numbers(residual):
    x = np.random.default_rng(0).standard_normal((5, 3, 8, 8)).astype(np.float32)
    with random.seeded(0):
        model = CNN(3, (4, 6), (6 * 2 * 2, 2), residual=residual, batch_norm=True)
    for _ in range(3):
        model(x)
    with_gradients = model.eval()(x).numpy()
    with no_grad():
        folded = model(x).numpy()
        remove = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d)).register_forward_hook(
            lambda module, inputs, output: output * 0
        )
        watched = model(x).numpy()
        remove()
    np.testing.assert_allclose(folded, with_gradients, rtol=1e-4, atol=1e-5)
    assert np.abs(watched - folded).max() > 1e-3


def test_a_shift_moves_whole_images_in_training_alone():
    shift = CNN(1, (2,), (2 * 2 * 2, 2), shift=2).blocks[0]
    x = DRAW.random((200, 2, 5, 4)).astype(np.float32)
    moved = shift.train()(x)
    padded = np.pad(x, [(0, 0), (0, 0), (2, 2), (2, 2)], mode="edge")
    found = {
        (down, right)
        for image, given in zip(moved, padded, strict=True)
        for down in range(5)
        for right in range(5)
        if np.array_equal(image, given[:, down : down + 5, right : right + 4])
    }
    assert len(found) == 25
    np.testing.assert_array_equal(shift.eval()(x), x)
    given = Tensor(x, requires_grad=True)
    shift.train()(given).sum().backward()
    assert given.grad.sum() == pytest.approx(x.size)


@pytest.fixture(name="fitted", scope="module")
def classifier_of_shapes():
    known = shapes(300, size=16)
    model = ImageClassifier(
        channels=(8, 16), hidden_layer_sizes=(32,), dropout=0.2, batch_size=32, max_iter=15, learning_rate=5e-3
    )
    return model.fit(known.images, known.labels)


def test_it_tells_shapes_that_it_has_not_seen(fitted):
    new = shapes(200, size=16, seed=1)
    assert fitted.score(new.images, new.labels) > 0.9
    np.testing.assert_allclose(fitted.predict_proba(new.images).sum(axis=1), 1, rtol=1e-5)
    assert fitted.history_["val_accuracy"][-1] > fitted.history_["val_accuracy"][0]
    assert fitted.n_iter_ == len(fitted.history_["val_loss"]) <= 15


def test_predictions_depend_on_neither_batch_nor_kind_nor_unit(fitted):
    new = shapes(300, size=16, seed=2).images
    whole = fitted.predict_proba(new)
    np.testing.assert_allclose(fitted.predict_proba(new[:1]), whole[:1], rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(fitted.predict_proba(new[:, None]), whole)
    np.testing.assert_array_equal(fitted.predict_proba([*new.astype(np.float64)]), whole)
    known = shapes(400, size=16)
    bytes_ = ImageClassifier(**TINY).fit((255 * known.images).round().astype(np.uint8), known.labels)
    floats = ImageClassifier(**TINY).fit((255 * known.images).round() / 255, known.labels)
    grey = (255 * new).round()
    np.testing.assert_allclose(bytes_.predict_proba(grey.astype(np.uint8)), floats.predict_proba(grey / 255), atol=0.02)


def test_channels_may_stand_first_or_last():
    images = DRAW.random((40, 3, 8, 6)).astype(np.float32)
    first = ImageClassifier(**TINY).fit(images, LABELS)
    last = ImageClassifier(**TINY, channels_last=True).fit(images.transpose(0, 2, 3, 1), LABELS)
    np.testing.assert_array_equal(first.predict_proba(images), last.predict_proba(images.transpose(0, 2, 3, 1)))
    with pytest.raises(
        ValueError, match=r"X: expected images of \[8, 6, 3\] \(rows, columns, channels\) as fit got, got \[3, 8"
    ):
        last.predict(images)


def test_equal_seeds_give_equal_networks():
    def fit(seed):
        return ImageClassifier(**TINY, shift=1, random_state=seed).fit(IMAGES, LABELS).predict_proba(IMAGES)

    np.testing.assert_array_equal(fit(3), fit(3))
    assert not np.array_equal(fit(3), fit(4))


def test_weights_count_as_copies_do():
    weights = np.where(np.arange(40) < 20, 2.0, 0.0)
    options = TINY | {"validation_fraction": 0, "dropout": 0.0, "batch_size": 64}
    weighted = ImageClassifier(**options).fit(IMAGES, LABELS, sample_weight=weights)
    halved = ImageClassifier(**options).fit(IMAGES[:20], LABELS[:20])
    np.testing.assert_allclose(weighted.predict_proba(IMAGES), halved.predict_proba(IMAGES), atol=0.01)
    balanced = ImageClassifier(**options, class_weight={"odd": 50.0}).fit(IMAGES, LABELS)
    assert balanced.predict_proba(IMAGES)[:, 1].mean() > halved.predict_proba(IMAGES)[:, 1].mean()


def test_maps_features_and_pixels_are_what_the_network_computes(fitted):
    new = shapes(12, size=16, seed=5).images
    scaled = fitted._images.scaled(new[:, None])
    first = fitted.feature_maps(new)
    np.testing.assert_array_equal(first, fitted.model_.blocks[1](scaled).numpy())
    last = fitted.feature_maps(new, layer=-1)
    np.testing.assert_array_equal(last, fitted.feature_maps(new, layer=1))
    assert first.shape == (12, 8, 8, 8) and last.shape == (12, 16, 4, 4)
    features = fitted.transform(new)
    output = [*fitted.model_.head][-1]
    logits = features @ output.weight.data.T + output.bias.data
    np.testing.assert_allclose(logits, fitted.model_(scaled).numpy(), rtol=1e-4, atol=1e-4)
    assert fitted.get_feature_names_out().shape == (32,) == features.shape[1:]
    with pytest.raises(ValueError, match="layer: expected a number below 2, the blocks, got 2"):
        fitted.feature_maps(new, layer=2)


def test_pixels_that_speak_for_a_label_lie_on_the_shape(fitted):
    new = shapes(20, size=16, seed=6)
    for method in ("gradient", "integrated"):
        found = fitted.explain(new.images, method=method)
        assert found.shape == new.images.shape and not found[new.images == 0].any()
    chances = np.log(fitted.predict_proba(new.images)).max(axis=1)
    black = np.log(fitted.predict_proba(np.zeros((1, 16, 16), np.float32)))[0]
    chosen = fitted.predict_proba(new.images).argmax(axis=1)
    odds = [p - np.log1p(-np.exp(np.minimum(p, -1e-9))) for p in (chances, black[chosen])]
    sure = chances < -1e-4
    np.testing.assert_allclose(found.sum(axis=(1, 2))[sure], (odds[0] - odds[1])[sure], rtol=0.1, atol=0.1)
    np.testing.assert_allclose(
        fitted.explain(new.images[:1], label=new.labels[0]),
        fitted.explain(new.images, label=new.labels[0])[:1],
        rtol=1e-3,
        atol=1e-5,
    )
    with pytest.raises(ValueError, match="method: expected 'gradient' or 'integrated', got 'attention'"):
        fitted.explain(new.images, method="attention")
    with pytest.raises(ValueError, match=r"label: expected one of \['circle', .*\], got 'cube'"):
        fitted.explain(new.images, label="cube")


NAN = np.where(np.arange(40 * 64).reshape(40, 8, 8) == 200, np.nan, 1.0)
AXES = r"X: expected images \[N, rows, columns\] or \[N, channels, rows, columns\], got shape"


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (
            [np.zeros((8, 8)), np.zeros((8, 9))],
            ValueError,
            r"X\[1\]: expected .* shape \[8, 8\] as X\[0\], got \[8, 9\]",
        ),
        (np.zeros((40, 64)), ValueError, rf"{AXES} \[40, 64\]"),
        (np.zeros((0, 8, 8)), ValueError, rf"{AXES} \[0, 8, 8\]"),
        ([], ValueError, AXES),
        (np.zeros((40, 8, 3)), ValueError, r"at least 4 x 4 pixels for 2 blocks with pool_size=2, got 8 x 3$"),
        (np.zeros((40, 8, 8, 3)), ValueError, r"got 8 x 3; did you mean channels_last=True\?"),
        (NAN, ValueError, "X: expected finite numbers, image 3 has NaN"),
        (np.full((40, 8, 8), "a"), TypeError, "X: expected numbers"),
        ("images.png", TypeError, "X: expected an array of images, or a list of them, got str"),
        (np.ones((40, 8, 8), complex), ValueError, "X: Complex data not supported"),
    ],
)
def test_what_are_no_images_is_refused(images, error, message):
    with pytest.raises(error, match=message):
        ImageClassifier(**TINY).fit(images, LABELS)


def test_a_file_keeps_shifts_and_pools_that_are_larger_than_all_weights(tmp_path):
    model = ImageClassifier(channels=(2,), hidden_layer_sizes=(), pool_size=6, shift=100, max_iter=1).fit(
        IMAGES, LABELS
    )
    model.save(tmp_path / "model")
    again = ImageClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(IMAGES), model.predict_proba(IMAGES))


def test_one_image_is_recognised_and_channels_are_not_guessed():
    colored = ImageClassifier(**TINY).fit(np.stack([IMAGES] * 3, axis=1), LABELS)
    last = ImageClassifier(**TINY, channels_last=True).fit(np.stack([IMAGES] * 3, axis=3), LABELS)
    for model, image in ((colored, np.zeros((3, 8, 6))), (last, np.zeros((8, 6, 3)))):
        with pytest.raises(ValueError, match=r"as fit got, got .*; give one image as X\[None\]$"):
            model.predict(image)
    with pytest.raises(ValueError, match=r"got 8 x 6$"):
        ImageClassifier(channels=(2,) * 4).fit(np.stack([IMAGES] * 3, axis=1), LABELS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": 2}, "channels: expected a number for each block"),
        ({"channels": ()}, "channels: expected at least one number"),
        ({"in_channels": 0}, "in_channels: expected an integer >= 1, got 0"),
        ({"pool_size": 0}, "pool_size: expected an integer >= 1, got 0"),
        ({"shift": -1}, "shift: expected an integer >= 0, got -1"),
        ({"shift": 1.5}, "shift: expected an integer >= 0, got 1.5"),
        ({"pooling": ["max"]}, "pooling: expected one of"),
    ],
)
def test_a_network_of_sizes_that_cannot_be_is_refused(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        CNN(**{"in_channels": 1, "channels": (2,), "sizes": (2, 2), **changes})


def test_bad_labels_settings_and_sizes():
    with pytest.raises(ValueError, match=r"y: expected one label for each of 40 rows of X, got shape \[39\]"):
        ImageClassifier(**TINY).fit(IMAGES, LABELS[:39])
    with pytest.raises(ValueError, match="y: expected at least two classes"):
        ImageClassifier(**TINY).fit(IMAGES, ["one"] * 40)
    fitted = ImageClassifier(**TINY).fit(IMAGES, LABELS)
    for other in (np.zeros((2, 8, 8)), np.zeros((2, 3, 8, 6))):
        with pytest.raises(
            ValueError, match=r"X: expected images of \[1, 8, 6\] \(channels, rows, columns\) as fit got"
        ):
            fitted.predict(other)
    with pytest.raises(ValueError, match="channels: expected at least one number, got none"):
        ImageClassifier(channels=()).fit(IMAGES, LABELS)
    with pytest.raises(ValueError, match="pooling: expected one of 'max', 'average', got 'min'"):
        ImageClassifier(pooling="min").fit(IMAGES, LABELS)
    with pytest.raises(TypeError, match="no setting 'epochs'; did you mean 'max_iter'"):
        ImageClassifier(epochs=3)
    with pytest.raises(ValueError, match=r"pooling: expected one of \['average', 'max'\], got 'min'"):
        CNN(1, (2,), (2, 2), pooling="min")
    assert isinstance(CNN(1, (2,), (2 * 64, 2), pool_size=1).blocks[1].pool, nn.Identity)
