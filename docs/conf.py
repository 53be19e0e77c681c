"""How Sphinx makes a site of the documents: ``make docs`` writes it to ``build/docs``.

Sphinx, because the docstrings are written for it, its search works from the disk, and it is kept: Material
for MkDocs has no new features since November 2025, and promises fixes until November 2026. MyST reads the
Markdown, so that every page can be read in the repository as well; Furo is the theme.

The source folder is the project's, not ``docs``: links lead from page to page wherever a page lies.
"""

import re
import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.course_html import mathml

project = "imagelet"
version = release = installed("imagelet")
author = "the imagelet developers"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "examples/*.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = [".*", "build", "dist", "node_modules", "runs", "src", "tests"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]  # as GitHub writes formulas
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # network text in a block without a language

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"imagelet {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_search_language = "en-ko"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
templates_path = ["_templates"]
html_additional_pages = {"index": "start.html"}
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#2463a6", "color-brand-content": "#2463a6"},
    "dark_css_variables": {"color-brand-primary": "#7fb2ea", "color-brand-content": "#7fb2ea"},
}

HANGUL = re.compile(r"[가-힣]+")


class EnglishAndKorean(SearchEnglish):
    """Finds Korean words without their endings, too: each is listed by its beginnings."""

    lang = "en-ko"

    def split(self, text: str) -> list[str]:
        """Return the words of a text, with the beginnings of Korean ones from two syllables on."""
        words = super().split(text)
        korean = [word for word in words if HANGUL.fullmatch(word)]
        return [*words, *(word[:end] for word in korean for end in range(2, len(word)))]


def visit_inline_math(writer: Any, node: nodes.math) -> None:
    """Write a formula in a sentence as MathML, which browsers draw without a script."""
    writer.body.append(mathml(node.astext(), block=False))
    raise nodes.SkipNode


def visit_math_block(writer: Any, node: nodes.math_block) -> None:
    """Write a formula on lines of its own as MathML."""
    writer.body.append(f'<div class="math">{mathml(node.astext(), block=True)}</div>\n')
    raise nodes.SkipNode


def set_language(_: Sphinx, page: str, __: str, context: dict[str, Any], ___: nodes.document | None) -> None:
    """Say of a Korean page that it is Korean: to a browser that reads it aloud, for one."""
    context["language"] = "ko" if "/ko/" in page else "en"


def list_pages_of_course(_: Sphinx, page: str, source: list[str]) -> None:
    """Put the course's pages below its contents, in the order in which these name them.

    The Markdown itself has no such list: the lab shows it, too.
    """
    if page.startswith("docs/course/") and page.endswith(("en/README", "ko/README")):
        names = dict.fromkeys(re.findall(r"\]\(([\w-]+)\.md", source[0]))
        source[0] += "\n\n```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n"


def setup(app: Sphinx) -> None:
    """Add what is above to Sphinx."""
    app.add_search_language(EnglishAndKorean)
    app.add_html_math_renderer("mathml", (visit_inline_math, None), (visit_math_block, None))
    app.connect("source-read", list_pages_of_course)
    app.connect("html-page-context", set_language)
