"""How Sphinx makes the site: `sphinx-build -W docs site`."""

import re

from seqnn import __version__

project = "seqnn"
version = release = __version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser"]
html_theme = "furo"
exclude_patterns = ["README.md"]
autodoc_typehints = "none"  # the signature in the source has them; the docstring says shapes and units
autodoc_mock_imports = ["distributed", "mpi4py"]  # engines that the site can do without
autodoc_member_order = "groupwise"
napoleon_use_ivar = True
napoleon_use_rtype = False  # what stands before a colon under Returns is a name, not a type
myst_heading_anchors = 3
suppress_warnings = ["ref.python"]  # a field of two classes by one name

_LITERAL = re.compile(r"(``[^`]+``|`[^`]+`)")


def _written(part):
    if _LITERAL.match(part):
        return f"``{part.strip('`')}``\\ "  # what follows may be a letter: `Hit`s
    return re.sub(r"([*|]|(?<=\w)_(?!\w))", r"\\\1", part)


def escape_signs(app, what, name, obj, options, lines):
    """Let the signs of formulas stand for themselves: docstrings are plain text with names in backticks."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            indent, bullet, rest = re.match(r"(\s*)(\* )?(.*)", line).groups("")
            lines[i] = indent + bullet + "".join(map(_written, _LITERAL.split(rest)))


def setup(app):
    """Register the change of docstrings, before napoleon reads their sections."""
    app.connect("autodoc-process-docstring", escape_signs, priority=100)
