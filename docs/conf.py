"""Settings of the documentation; `make docs` builds it."""

from __future__ import annotations

import re
from importlib.metadata import version as installed_version

from docutils import nodes
from sphinx.application import Sphinx

project = "allmodes"
author = "The allmodes developers"
copyright = author
release = version = installed_version("allmodes")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # formulas need no network
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "allmodes"

default_role = "py:obj"
python_maximum_signature_line_length = 90
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False

# A tensor's shape as docstrings write it: [n, *shape]. To reStructuredText the star would begin emphasis.
SHAPE = re.compile(r"(?<![`\w])\[[^\[\]`]*\*[^\[\]`]*\]")


FACTORY = re.compile(r"<(?:factory|function (\w+))[^>]*>")


def shapes_are_literal(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Set shapes in a docstring as literal text, in place; leave examples and formulas alone."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")) and "\\" not in line:
            lines[i] = SHAPE.sub(r"``\g<0>``", line)


def defaults_are_names(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write the default of a dataclass that is no literal as Python can read it; else the types stay raw, too."""
    return signature and FACTORY.sub(lambda found: found[1] or "...", signature), returns


def pictures_open(app: Sphinx, doctree: nodes.document) -> None:
    """As wide as the text; Sphinx links a picture that is given a width to its file."""
    for picture in doctree.findall(nodes.image):
        picture["width"] = "100%"


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-signature", defaults_are_names)
    app.connect("doctree-read", pictures_open)
    app.connect("autodoc-process-docstring", shapes_are_literal)
