"""What is true of every picture."""


def png(ax, tmp_path):
    """Rendered, not blank, and nothing is cut off: the outermost pixels are white."""
    import matplotlib.pyplot as plt

    path = tmp_path / "picture.png"
    ax.figure.savefig(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    image = plt.imread(path)
    assert image.std() > 0.01
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert (edge == 1).all()
