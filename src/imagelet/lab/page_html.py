"""A page of the course as HTML: what Markdown says, what the lab can show, and nothing else.

Tags that stand in a page come out as text, but for the one form in which the pages hide answers. No element
has a ``style``, which the lab's rules for content would refuse; no link leads to where the lab has nothing.
"""

import posixpath
import re
from collections import Counter
from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urlencode

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from imagelet.course.reading import LANGUAGES, Page, page_names
from imagelet.lab.formulas import mathml

PREFIX = "at-"
"""Before the ids of headings, so that none is the id of something else in the lab's page."""

Environment = MutableMapping[str, Any]
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = r"\[[^\]\n]*\]\([^)\s]*\.md\)"
_NAVIGATION = re.compile(rf"(?<=\n\n){_LINK}(?: · {_LINK})*(?=\n\n|\n*\Z)")
_DETAILS = re.compile(r"<details><summary>(.+)</summary>")
_FORMULA = re.compile(r"\$(?!\s)([^$\n]+)(?<!\s)\$")
_ALIGNED = {"text-align:right": "number", "text-align:center": "centred"}


def page_html(page: Page) -> str:
    """Return a page as HTML, from its heading on.

    A link to a page of the course becomes ``#/course?page=NAME``, with ``&at=HEADING`` where it names one. A
    link to another of the project's files becomes its words. A formula becomes MathML. Lines of nothing but
    links are left out: the lab itself leads to the next page and to the other language.
    """
    text = _NAVIGATION.sub("", _COMMENT.sub("", page.text))
    rendered: str = _markdown().render(text, {"page": page.name, "language": page.language})
    return rendered


def slug(heading: str) -> str:
    """Return the name by which a link jumps to a heading, as GitHub spells it.

    >>> slug("What you should see, and why")
    'what-you-should-see-and-why'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


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
    found = _FORMULA.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("formula", "math", 0).content = found[1]
    state.pos = found.end()
    return True


def _for_the_lab(tokens: Sequence[Token], env: Environment) -> None:
    """Give headings ids, cells classes in place of styles, and links somewhere to lead to."""
    used: Counter[str] = Counter()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            name = slug("".join(child.content for child in tokens[place + 1].children or []))
            token.attrSet("id", f"{PREFIX}{name}-{used[name]}" if used[name] else f"{PREFIX}{name}")
            used[name] += 1
        elif token.type in ("th_open", "td_open"):
            style = str(token.attrs.pop("style", ""))
            if style in _ALIGNED:
                token.attrSet("class", _ALIGNED[style])
            if token.tag == "th" and not tokens[place + 1].content:  # nothing is no heading
                token.tag = tokens[place + 2].tag = "td"
        elif token.children:
            token.children = _with_links(token.children, env)


def _with_links(children: Sequence[Token], env: Environment) -> list[Token]:
    """Return what a line holds with links that lead somewhere; a picture becomes the words for it."""
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
    """Return what an ``<a>`` needs to lead there; None where the lab has nothing there."""
    if re.match(r"https?://", href):
        return {"href": href, "rel": "noopener noreferrer", "target": "_blank"}
    path, _, heading = href.partition("#")
    target = posixpath.normpath(posixpath.join(env["language"], path or f"{env['page']}.md"))
    language, _, file = target.rpartition("/")
    name = file.removesuffix(".md")
    if language not in LANGUAGES or file == name or name not in page_names():
        return None
    wanted = {"page": name, "at": unquote(heading), "lang": language if language != env["language"] else ""}
    query = urlencode({key: value for key, value in wanted.items() if value}, quote_via=quote)
    return {"href": f"#/course?{query}"}


def _render_formula(_: RendererHTML, tokens: Sequence[Token], place: int, *_rest: Any) -> str:
    return _drawn(tokens[place].content, block=False)


def _render_fence(_: RendererHTML, tokens: Sequence[Token], place: int, *_rest: Any) -> str:
    token = tokens[place]
    if token.info.strip() == "math":
        return f'<div class="formula">{_drawn(token.content, block=True)}</div>\n'
    language = re.match(r"\w*", token.info)
    kind = f' class="language-{language[0]}"' if language and language[0] else ""
    return f"<pre><code{kind}>{escapeHtml(token.content)}</code></pre>\n"


def _drawn(formula: str, *, block: bool) -> str:
    try:
        return mathml(formula, block=block)
    except (ValueError, RecursionError):  # better as it was typed than not at all
        return f"<code>{escapeHtml(formula)}</code>"
