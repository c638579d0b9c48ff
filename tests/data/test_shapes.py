"""Made images show what their labels, captions and places say."""

import numpy as np
import pytest

from seqnn.data import shapes


def test_shapes_lie_where_they_are_said_to_and_have_their_size_and_colour():
    found = shapes(60, size=48, count=2, color=True, seed=3)
    assert found.images.shape == (60, 3, 48, 48) and found.images.dtype == np.float32 and len(found) == 60
    assert found.images.min() == 0 and 0.7 < found.images.max() <= 1
    y, x = np.mgrid[:48, :48] + 0.5
    inks = {"red": [1, 0.15, 0.1], "green": [0.1, 0.75, 0.2], "blue": [0.15, 0.35, 1], "yellow": [0.9, 0.8, 0]}
    for i in range(60):
        reach = np.hypot(x - found.centers[i, :, 0, None, None], y - found.centers[i, :, 1, None, None])
        inside = reach < found.radii[i, :, None, None] + 1
        assert not found.images[i][:, ~inside.any(axis=0)].any()
        for j in range(2):
            middle = tuple(found.centers[i, j, ::-1].astype(int))
            np.testing.assert_allclose(found.images[i][:, *middle], inks[found.colors[i, j]], rtol=1e-6)
    assert found.radii[found.large].min() > 1.2 * found.radii[~found.large].max()


def test_the_areas_are_those_of_the_figures():
    found = shapes(400, size=96)
    area, square = found.images.sum(axis=(1, 2)), found.radii[:, 0] ** 2
    for kind, share in (
        ("circle", np.pi),
        ("square", 2),
        ("triangle", 0.75 * np.sqrt(3)),
        ("cross", 8 * 0.28 * 0.96 - 4 * 0.28**2),
        ("star", 5 * 0.45 * np.sin(np.pi / 5)),
    ):
        rows = found.labels == kind
        np.testing.assert_allclose(area[rows] / square[rows], share, rtol=0.01, err_msg=kind)
        assert rows.sum() > 50


def test_captions_say_how_shapes_lie():
    found = shapes(200, count=2, color=True)
    for i, caption in enumerate(found.captions):
        first, second = (
            f"a {'large' if found.large[i, j] else 'small'} {found.colors[i, j]} {found.kinds[i, j]}" for j in range(2)
        )
        assert caption.startswith(f"{first} ") and caption.endswith(f" {second}")
        right, down = found.centers[i, 1] - found.centers[i, 0]
        sides = caption[len(first) + 1 : -len(second) - 1].split(" and ")
        true = {"above": down > 0, "left of": right > 0, "right of": right < 0}
        assert sides and all(true[side] for side in sides)
    assert {caption.split()[0] for caption in shapes(3).captions} == {"a"} and len(shapes(1).captions[0].split()) == 3
    three = shapes(5, count=3).captions[0]
    assert three.count(", ") == 1 and three.count(" and ") == 1


def test_equal_seeds_give_the_same_scenes_in_every_style_and_size():
    plain = shapes(40, seed=7)
    for style in ("outline", "noisy", "inverted"):
        other = shapes(40, seed=7, style=style)
        assert other.captions == plain.captions and not np.array_equal(other.images, plain.images)
        np.testing.assert_array_equal(other.images, shapes(300, seed=7, style=style).images[:40])
    np.testing.assert_allclose(shapes(40, seed=7, style="inverted").images, 1 - plain.images, atol=1e-6)
    coarse = shapes(40, seed=7, size=16)
    averaged = plain.images.reshape(40, 16, 2, 16, 2).mean(axis=(2, 4))
    assert np.abs(coarse.images - averaged).mean() < 0.01
    np.testing.assert_array_equal(2 * coarse.centers, plain.centers)
    assert plain.captions != shapes(40, seed=8).captions and shapes(0).images.shape == (0, 32, 32)


def test_bad_arguments():
    with pytest.raises(ValueError, match="style: expected one of 'filled', 'outline', 'noisy', 'inverted', got 'flat'"):
        shapes(style="flat")
    with pytest.raises(ValueError, match="size: expected an integer >= 8, got 4"):
        shapes(size=4)
    with pytest.raises(ValueError, match="count: expected at most 9, got 10"):
        shapes(count=10)
    with pytest.raises(TypeError, match=r"n: expected an integer >= 0, got 2\.5"):
        shapes(2.5)
