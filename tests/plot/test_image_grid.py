"""Image grids are rendered to PNG, and each tile shows its image."""

import numpy as np
import pytest
from picture_checks import png

from seqnn import plot
from seqnn.autograd import Tensor

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


def sheet(ax):
    """The picture's values with NaN between the tiles."""
    return np.ma.filled(ax.images[0].get_array().astype(float), np.nan)


@pytest.fixture(name="images")
def some_images():
    return np.random.default_rng(0).uniform(-1, 3, (5, 6, 4))


def test_every_tile_shows_its_image_on_one_scale(images, tmp_path):
    ax = plot.image_grid(images, columns=3, title="Images")
    png(ax, tmp_path)
    values = sheet(ax)
    assert values.shape == (13, 14) and np.isnan(values[6]).all() and np.isnan(values[:, 4]).all()
    expected = (images - images.min()) / np.ptp(images)
    np.testing.assert_allclose(values[:6, :4], expected[0])
    np.testing.assert_allclose(values[7:, 5:9], expected[4])
    assert np.isnan(values[7:, 10:]).all()
    assert ax.get_title(loc="left") == "Images"


def test_each_image_can_have_its_own_scale(images):
    tile = sheet(plot.image_grid(images, columns=5, limits="each"))[:, 5:9]
    np.testing.assert_allclose(tile, (images[1] - images[1].min()) / np.ptp(images[1]))


def test_given_limits_are_the_ends_of_the_colours(images):
    ax = plot.image_grid(images, limits=(0, 2))
    assert ax.images[0].get_clim() == (0, 2)
    np.testing.assert_allclose(sheet(ax)[:6, :4], images[0])


def test_signed_images_have_zero_in_the_middle_of_the_colours(images):
    ax = plot.image_grid(images, columns=5, signed=True)
    assert ax.images[0].get_cmap().name == "RdBu"
    np.testing.assert_allclose(sheet(ax)[:, :4] - 0.5, images[0] / (2 * np.abs(images).max()))


def test_a_constant_image_is_drawn(tmp_path):
    assert sheet(plot.image_grid(np.full((1, 4, 4), 7.0))).tolist() == np.zeros((4, 4)).tolist()


def test_rows_become_images_by_their_shape(images):
    by_rows = plot.image_grid(images.reshape(5, 24), shape=(6, 4))
    np.testing.assert_array_equal(sheet(by_rows), sheet(plot.image_grid(images[:, None])))


def test_coloured_images_are_channels_first_and_clipped(images, tmp_path):
    ax = plot.image_grid(Tensor(np.stack([images] * 3, axis=1) * [[[[1.0]], [[0.0]], [[0.5]]]]), columns=5)
    png(ax, tmp_path)
    values = ax.images[0].get_array()
    assert values.shape == (6, 24, 3)
    np.testing.assert_allclose(values[:, :4, 0], np.clip(images[0], 0, 1))
    assert not values[:, :4, 1].any() and (values[:, 4] == 1).all()


def test_labels_stand_above_tiles_and_names_beside_rows(images, tmp_path):
    ax = plot.image_grid(images[:4], labels=["cat", 1, "$x", "d"], rows=["data", "samples"])
    png(ax, tmp_path)
    assert [text.get_text() for text in ax.texts] == ["cat", "1", r"\$x", "d"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["data", "samples"]
    values, middles = sheet(ax), ax.get_yticks()
    for tick in middles:
        assert np.isfinite(values[int(tick), :4]).all()


def test_names_may_be_arrays(images):
    ax = plot.image_grid(images[:4], labels=np.arange(4), rows=np.array(["data", "samples"]))
    assert [text.get_text() for text in ax.texts] == ["0", "1", "2", "3"] and len(ax.get_yticks()) == 2
    assert len(plot.image_grid(images[:4], rows="ab").get_yticks()) == 2
    with pytest.raises(TypeError, match="rows: expected a text for each of the rows of tiles, got 2"):
        plot.image_grid(images, rows=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((2, 16))}, r"images: expected \[N, H, W\].*got \[2, 16\]; give shape"),
        ({"images": np.zeros((2, 2, 4, 4))}, r"images: expected .* got \[2, 2, 4, 4\]"),
        ({"images": np.zeros((0, 4, 4))}, "images: expected at least one image"),
        ({"images": np.array([[[0.0]], [[np.nan]]])}, "images: expected finite numbers, image 1"),
        ({"images": np.zeros((2, 16)), "shape": (4, 5)}, r"shape: expected \(H, W\) of the rows"),
        ({"images": np.zeros((2, 16)), "shape": (-4, -4)}, r"shape: expected \(H, W\) of the rows"),
        ({"images": np.zeros((2, 16)), "shape": 16}, r"shape: expected \(H, W\) of the rows"),
        ({"images": [np.zeros((2, 2)), np.zeros((3, 2))]}, "images: expected numbers, images of one size"),
        ({"labels": ["a"]}, "labels: expected 5, one for each of the images, got 1"),
        ({"rows": ["a"], "columns": 3}, "rows: expected 2, one for each of the rows of tiles, got 1"),
        ({"columns": 0}, "columns: expected an integer >= 1, got 0"),
        ({"limits": "none"}, "limits: expected 'all', 'each' or a pair"),
        ({"limits": 3}, "limits: expected 'all', 'each' or a pair"),
        ({"limits": (0, np.inf)}, "limits: expected low < high, both finite"),
        ({"limits": (1, 1)}, "limits: expected low < high"),
    ],
)
def test_bad_input_is_refused(images, changes, message):
    with pytest.raises(ValueError, match=message):
        plot.image_grid(**{"images": images, **changes})
