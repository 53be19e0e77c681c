import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from imagelet.course.reading import LANGUAGES, Language, page_names, read_page
from imagelet.lab.page_html import PREFIX, page_html, slug
from tools import documents

every_page = pytest.mark.parametrize("name", page_names())
every_language = pytest.mark.parametrize("language", LANGUAGES)
MATHEMATICS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mstyle", "mover", "munder"),
    *("munderover", "msub", "msup", "msubsup", "mtable", "mtr", "mtd"),
}
KNOWN = MATHEMATICS | {
    *("h1", "h2", "h3", "p", "ul", "ol", "li", "a", "em", "strong", "code", "pre", "div", "blockquote", "br"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
}


class Elements(HTMLParser):
    """The elements of a text, each with its attributes, and whether each is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def rendered(text: str, name: str = "cnn-3", language: Language = "en") -> str:
    return page_html(replace(read_page(name, language), text=text))


def ids(html: str) -> list[str]:
    return [attributes["id"] or "" for _, attributes in Elements(html).found if "id" in attributes]


@every_language
@every_page
def test_every_page_is_made_of_known_elements(name: str, language: Language) -> None:
    elements = Elements(page_html(read_page(name, language)))
    assert elements.open == []
    assert {tag for tag, _ in elements.found} <= KNOWN
    attributes = {attribute for tag, each in elements.found if tag not in MATHEMATICS for attribute in each}
    assert attributes <= {"id", "class", "href"}
    assert [tag for tag, each in elements.found if "style" in each] == []
    assert len([tag for tag, _ in elements.found if tag == "h1"]) == 1


@every_language
@every_page
def test_nothing_of_the_markdown_is_left(name: str, language: Language) -> None:
    html = page_html(read_page(name, language))
    assert re.findall(r"&lt;[!/a-z]|--&gt;|<!--|\]\(|\.md\b(?<!README\.md)|\*\*|\$|\\[a-z]+", html) == []
    text = read_page(name, language).text
    assert html.count("<details>") == text.count("<details>")
    assert html.count("<math") == text.count("```math") + len(
        re.findall(r"\$[^$\n]+\$", documents.FENCED.sub("", text))
    )


@every_language
@every_page
def test_every_link_leads_to_a_page_and_a_heading(name: str, language: Language) -> None:
    for tag, attributes in Elements(page_html(read_page(name, language))).found:
        if tag != "a":
            continue
        found = re.fullmatch(r"#/course\?page=([\w-]+)(?:&at=(\S+))?", attributes["href"] or "")
        assert found is not None, attributes
        assert found[1] in page_names()


@every_language
@every_page
def test_headings_have_the_names_that_links_have_elsewhere(name: str, language: Language) -> None:
    page = read_page(name, language)
    found = ids(page_html(page))
    assert {each.removeprefix(PREFIX) for each in found} == documents.anchors(page.text)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[a](cnn-1.md)", '<a href="#/course?page=cnn-1">a</a>'),
        ("[a](cnn-1.md#the-network)", '<a href="#/course?page=cnn-1&amp;at=the-network">a</a>'),
        ("[a](#why)", '<a href="#/course?page=cnn-3&amp;at=why">a</a>'),
        ("to [a](../ko/cnn-1.md)", 'to <a href="#/course?page=cnn-1&amp;lang=ko">a</a>'),
        ("[`a`](../../../../../docs/cli.md#a)", "<code>a</code>"),
        ("[a](../../elsewhere/cnn-1.md)", "a"),
        ("[a](nothing.md)", "a"),
        ("[a](mailto:a@example.org)", "a"),
        ("[a](javascript:alert(1))", "[a](javascript:alert(1))"),
        ("![words](picture.png)", "words"),
        (
            "[a](https://example.org/b)",
            '<a href="https://example.org/b" rel="noopener noreferrer" target="_blank">a</a>',
        ),
    ],
)
def test_where_a_link_leads(text: str, wanted: str) -> None:
    assert rendered(f"before {text}") == f"<p>before {wanted}</p>\n"


def test_lines_of_nothing_but_links_are_left_to_the_lab() -> None:
    text = "# A\n\n[한국어](../ko/README.md)\n\nwords\n\n[← a](cnn-1.md) · [b →](basic-cnn.md)\n"
    assert "<a" not in rendered(text)
    assert "words" in rendered(text)
    assert "<a" in rendered("see\n[a](cnn-1.md)\nand more\n")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<!-- --><svg onload=alert(1)>",
        "<!--: a.b --><b>c</b><!--/-->",
        "<details open ontoggle=alert(1)><summary>a</summary>\n\nb\n\n</details>",
        "<details><summary><img src=x onerror=alert(1)></summary>\n\n<script>b</script>\n\n</details>",
        "```sh\n</code></pre><script>a</script>\n```",
        '```"onload="alert(1)\n<b>\n```',
        "```math\n\\text{<script>a</script>}\n```",
        "```math\n\\href{javascript:alert(1)}{<b>}\n```",
        "$<script>alert(1)</script>$",
        '[a](<https://example.org/"onclick="alert(1)>)',
        "# <b onclick=alert(1)>a</b>",
        "| a |\n|---:|\n| <style>*{}</style> |",
        "&lt;script&gt;a&lt;/script&gt;",
    ],
)
def test_no_tag_of_a_hostile_page_survives(hostile: str) -> None:
    for tag, attributes in Elements(rendered(f"{hostile}\n")).found:
        assert tag in KNOWN - {"b"}
        assert not [each for each in attributes if each.startswith("on") or each == "style"]
        assert "javascript" not in (attributes.get("href") or "")


def test_cells_are_aligned_by_classes() -> None:
    html = rendered("| a | b | c |\n|---|---:|:---:|\n| 1 | 2 | 3 |\n")
    assert '<td>1</td>\n<td class="number">2</td>\n<td class="centred">3</td>' in html
    assert '<th class="number">b</th>' in html


def test_an_empty_cell_is_no_heading() -> None:
    assert "<th>a</th>\n<td></td>\n</tr>" in rendered("| a | |\n|---|---|\n| 1 | 2 |\n")


def test_answers_are_hidden_also_in_a_list() -> None:
    html = rendered(
        "1. Why?\n\n   <details><summary>An *answer*</summary>\n\n   So.\n\n   </details>\n\n2. B?\n"
    )
    inside = "<details>\n<summary>An <em>answer</em></summary>\n<p>So.</p>\n</details>"
    assert inside in html.replace("</summary><p>", "</summary>\n<p>")
    assert html.count("<li>") == 2
    assert html.count("<ol>") == 1


def test_an_answer_that_is_not_closed_stays_text() -> None:
    assert "<details" not in rendered("<details><summary>a</summary>\n\nb\n")


def test_a_formula_that_cannot_be_read_is_shown_as_typed() -> None:
    assert rendered(r"so $\nothing<$ it is") == "<p>so <code>\\nothing&lt;</code> it is</p>\n"
    assert rendered("5 $ and 6 $ are no formula") == "<p>5 $ and 6 $ are no formula</p>\n"


def test_two_headings_of_one_name_can_be_told_apart() -> None:
    assert ids(rendered("## A b!\n\n## A b\n")) == ["at-a-b", "at-a-b-1"]
    assert slug("A b!") == "a-b"
