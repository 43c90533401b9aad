# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""How Sphinx makes the manual: doc/build.sh."""

import os
import re
from pathlib import Path

import latex2mathml.converter
from docutils import nodes
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[1]
LOG = logging.getLogger(__name__)

project = "WDMoE for ns-3"
author = "The WDMoE for ns-3 authors"
copyright = f"2026, {author}; GPL-2.0-only"
release = re.search(r"set\(WDMOE_VERSION ([0-9.]+)\)", (ROOT / "CMakeLists.txt").read_text())[1]
version = release

extensions = []
root_doc = "index"
exclude_patterns = ["README.md", "build.sh"]
highlight_language = "none"
# ns-3's chapters use these levels; a title that stands twice in a chapter is no mistake here.
suppress_warnings = ["autosectionlabel.*"]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_show_sphinx = False
html_copy_source = False


def visit_math(self, node):
    """Equations as MathML, which browsers show by themselves: no script, no font, no network."""
    display = node.__class__.__name__ == "math_block"
    text = node.astext()
    if display and ("\\\\" in text or "&" in text):
        text = r"\begin{align*}" + text + r"\end{align*}"  # latex2mathml makes a table of this one, none of aligned
    elif display and "\n\n" in text.strip():
        rows = [row.strip() for row in re.split(r"\n\s*\n", text.strip())]
        text = r"\begin{align*}&" + r" \\ &".join(rows) + r"\end{align*}"
    mathml = latex2mathml.converter.convert(text, display="block" if display else "inline")
    self.body.append(f'<div class="math">{mathml}</div>' if display else mathml)
    raise nodes.SkipNode


def mend_links(app, doctree, page):
    """Links to pages and files of the checkout lead there from the HTML too; those to nothing are a warning."""
    for link in doctree.findall(nodes.reference):
        where, hash_, part = link.get("refuri", "").partition("#")
        if link.get("internal") or not where or re.match(r"[a-z]+:", where):
            continue
        if where.endswith(".rst") and where[:-4] in app.env.found_docs:
            link["refuri"] = app.builder.get_relative_uri(page, where[:-4]) + hash_ + part
        elif (ROOT / "doc" / where).exists():
            link["refuri"] = os.path.relpath((ROOT / "doc" / where).resolve(), app.outdir) + hash_ + part
        else:
            LOG.warning("link to '%s', which is not there", where, location=link)


def setup(app):
    app.connect("doctree-resolved", mend_links)
    app.add_html_math_renderer("mathml", inline_renderers=(visit_math, None), block_renderers=(visit_math, None))
    app.config.html_math_renderer = "mathml"
