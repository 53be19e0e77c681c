"""Render the course's pages: Markdown with TeX in ``docs/course``, HTML with MathML in the package.

    python -m tools.course_html           write the HTML, all pages in one file
    python -m tools.course_html --check   fail if it is not what the Markdown says

The lab shows the HTML as it is, so the HTML holds only what the lab allows. Tags in the Markdown become text,
except for the one form in which the pages hide answers. No element has a ``style``. Links lead to pages of
the course or to the web; other links become plain words.
"""

import bz2
import json
import posixpath
import re
import sys
from collections import Counter
from collections.abc import MutableMapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from math_core import LatexError, LatexToMathML

from imagelet.course.lessons import LANGUAGES, PAGES, all_pages

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "docs" / "course"
PREFIX = "at-"
"""Before the ids of headings, so that none is the id of something else in the lab's page."""

Environment = MutableMapping[str, Any]
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = r"\[[^\]\n]*\]\([^)\s]*\.md\)"
_NAVIGATION = re.compile(rf"(?<=\n\n){_LINK}(?: · {_LINK})*(?=\n\n|\n*\Z)")
_DETAILS = re.compile(r"<details><summary>(.+)</summary>")
_FORMULA = re.compile(r"\$(?!\s)([^$\n]+)(?<!\s)\$")
_ALIGNED = {"text-align:right": "number", "text-align:center": "centred"}


def page_html(text: str, name: str, language: str) -> str:
    """Return a page as HTML, from its heading on.

    A link to a page of the course becomes ``#/course?page=NAME``, with ``&at=HEADING`` where it names one. A
    link to another of the project's files becomes its words. A formula becomes MathML. Lines that hold only
    links are left out: the lab itself leads to the next page and to the other language.

    Args:
        text: the page in Markdown.
        name: of the page; links are relative to it.
        language: of the page.

    Raises:
        ValueError: a formula is not TeX that math-core knows; the message shows the formula.
    """
    text = _NAVIGATION.sub("", _COMMENT.sub("", text))
    rendered: str = _markdown().render(text, {"page": name, "language": language})
    return rendered


def slug(heading: str) -> str:
    """Return the name by which a link jumps to a heading, as GitHub spells it.

    >>> slug("What you should see, and why")
    'what-you-should-see-and-why'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def rendered_pages(sources: Path = SOURCES) -> dict[str, str]:
    """Return the HTML of every page by ``LANGUAGE/NAME``; the languages of a page beside each other."""
    found = sorted(sources.glob("*/*.md"), key=lambda source: (source.stem, source.parent.name))
    return {
        f"{source.parent.name}/{source.stem}": page_html(
            source.read_text("utf-8"), source.stem, source.parent.name
        )
        for source in found
        if source.parent.name in LANGUAGES
    }


def stale_pages(sources: Path = SOURCES, file: Path = PAGES) -> list[str]:
    """Return the pages whose HTML is missing, differs from the Markdown, or has no Markdown any more."""
    rendered = rendered_pages(sources)
    written = all_pages(file) if file.exists() else {}
    return sorted(page for page in rendered.keys() | written if rendered.get(page) != written.get(page))


def write_pages(sources: Path = SOURCES, file: Path = PAGES) -> None:
    """Write the HTML of every page."""
    file.write_bytes(bz2.compress(json.dumps(rendered_pages(sources), ensure_ascii=False).encode()))


def main(words: Sequence[str]) -> str | None:
    """Write the pages, or check them; return what is wrong."""
    if words != ["--check"]:
        write_pages()
    elif stale := stale_pages():
        return f"not what docs/course says: {', '.join(stale)}; run python -m tools.course_html"
    return None


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.block.ruler.before("fence", "details", _details, {"alt": ["paragraph", "list"]})
    markdown.inline.ruler.before("escape", "formula", _formula)
    markdown.core.ruler.push("for_the_lab", lambda state: _for_the_lab(state.tokens, state.env))
    markdown.add_render_rule("formula", _render_formula)
    markdown.add_render_rule("fence", _render_fence)
    return markdown


def _details(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read ``<details><summary>…</summary>``, what it hides, and ``</details>``: tags on their own lines."""

    def line(number: int) -> str:
        return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].strip()

    opening = _DETAILS.fullmatch(line(start))
    closing = next((number for number in range(start + 1, end) if line(number) == "</details>"), None)
    if opening is None or closing is None:
        return False
    if silent:
        return True
    state.push("details_open", "details", 1)
    state.push("summary_open", "summary", 1)
    summary = state.push("inline", "", 0)
    summary.content, summary.map, summary.children = opening[1], [start, start + 1], []
    state.push("summary_close", "summary", -1)
    after, state.lineMax = state.lineMax, closing
    state.md.block.tokenize(state, start + 1, closing)
    state.lineMax = after
    state.push("details_close", "details", -1)
    state.line = closing + 1
    return True


def _formula(state: StateInline, silent: bool) -> bool:
    match = _FORMULA.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        state.push("formula", "math", 0).content = match[1]
    state.pos = match.end()
    return True


def _for_the_lab(tokens: Sequence[Token], env: Environment) -> None:
    """Give headings ids, cells classes instead of styles, and links a target that the lab has."""
    used: Counter[str] = Counter()
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            name = slug("".join(child.content for child in tokens[index + 1].children or []))
            token.attrSet("id", f"{PREFIX}{name}-{used[name]}" if used[name] else f"{PREFIX}{name}")
            used[name] += 1
        elif token.type in ("th_open", "td_open"):
            style = str(token.attrs.pop("style", ""))
            if style in _ALIGNED:
                token.attrSet("class", _ALIGNED[style])
            if token.tag == "th" and not tokens[index + 1].content:  # an empty cell is no heading
                token.tag = tokens[index + 2].tag = "td"
        elif token.children:
            token.children = _with_links(token.children, env)


def _with_links(children: Sequence[Token], env: Environment) -> list[Token]:
    """Return a line's tokens with links that lead somewhere; a picture becomes its description."""
    kept, leads = [], True
    for token in children:
        if token.type == "image":
            token = Token("text", "", 0, content=token.content)
        elif token.type == "link_open":
            attributes = _attributes(str(token.attrGet("href") or ""), env)
            leads = attributes is not None
            token.attrs = {**(attributes or {})}
        if leads or token.type not in ("link_open", "link_close"):
            kept.append(token)
    return kept


def _attributes(href: str, env: Environment) -> dict[str, str | int | float] | None:
    """Return the attributes of an ``<a>`` that leads there; None where the lab has nothing there."""
    if re.match(r"https?://", href):
        return {"href": href, "rel": "noopener noreferrer", "target": "_blank"}
    path, _, heading = href.partition("#")
    target = posixpath.normpath(posixpath.join(env["language"], path or f"{env['page']}.md"))
    language, _, file = target.rpartition("/")
    if language not in LANGUAGES or not file.endswith(".md") or not (SOURCES / target).exists():
        return None
    other = language if language != env["language"] else ""
    values = {"page": file.removesuffix(".md"), "at": unquote(heading), "lang": other}
    query = urlencode({key: value for key, value in values.items() if value}, quote_via=quote)
    return {"href": f"#/course?{query}"}


def _render_formula(_: RendererHTML, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    return mathml(tokens[index].content, block=False)


def _render_fence(_: RendererHTML, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    token = tokens[index]
    if token.info.strip() == "math":
        return f'<div class="formula">{mathml(token.content, block=True)}</div>\n'
    language = re.match(r"\w*", token.info)
    kind = f' class="language-{language[0]}"' if language and language[0] else ""
    return f"<pre><code{kind}>{escapeHtml(token.content)}</code></pre>\n"


def mathml(formula: str, *, block: bool) -> str:
    """Return TeX as ``<math>``, without styles: a style sheet aligns columns and sets letters.

    Raises:
        ValueError: it is not TeX that math-core knows; the message shows it.
    """
    try:
        written = LatexToMathML(fancy_error=False).convert_with_local_state(formula, displaystyle=block)
    except LatexError as error:
        raise ValueError(f"cannot read the formula {formula!r}: {error}") from error
    written = re.sub(r'<mtd style="[^"]*">', "<mtd>", written)
    return re.sub(r"<mi>(\w{2,})</mi>", r'<mi class="upright">\1</mi>', written)  # ln, max, softmax


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
