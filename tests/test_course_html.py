"""The course's pages as HTML: what may stand in them, and how Markdown and TeX become it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from imagelet.course.lessons import LANGUAGES, Language, all_pages, page_names, read_page
from tools import course_html, documents
from tools.course_html import PREFIX, SOURCES, page_html, slug

every_page = pytest.mark.parametrize("name", page_names())
every_language = pytest.mark.parametrize("language", LANGUAGES)
MATHEMATICS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mover", "munder", "munderover"),
    *("msub", "msup", "msubsup", "mtable", "mtr", "mtd"),
}
OF_MATHEMATICS = {
    *("accent", "class", "display", "displaystyle", "lspace", "rspace", "scriptlevel", "stretchy", "width"),
}
KNOWN = MATHEMATICS | {
    *("h1", "h2", "h3", "p", "ul", "ol", "li", "a", "em", "strong", "code", "pre", "div", "blockquote", "br"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
}


class Elements(HTMLParser):
    """The elements of a text with their attributes; fails where one is not closed in turn.

    Attributes:
        elements: tag and attributes of each, in order.
        open: the tags that are still open.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def source(name: str, language: Language) -> str:
    return (SOURCES / language / f"{name}.md").read_text("utf-8")


def rendered(text: str, name: str = "cnn-3", language: Language = "en") -> str:
    return page_html(text, name, language)


def ids(html: str) -> list[str]:
    return [attributes["id"] or "" for _, attributes in Elements(html).elements if "id" in attributes]


def formulas() -> list[str]:
    texts = [source(name, language) for name in page_names() for language in LANGUAGES]
    return sorted({formula for text in texts for formula in documents.formulas(text)})


class TestThePagesOfThePackage:
    @every_language
    @every_page
    def test_are_made_of_known_elements(self, name: str, language: Language) -> None:
        page = Elements(read_page(name, language).html)
        assert page.open == []
        assert {tag for tag, _ in page.elements} <= KNOWN
        for tag, attributes in page.elements:
            assert attributes.keys() <= (OF_MATHEMATICS if tag in MATHEMATICS else {"id", "class", "href"})
        assert [tag for tag, _ in page.elements].count("h1") == 1

    @every_language
    @every_page
    def test_have_nothing_of_the_markdown_left(self, name: str, language: Language) -> None:
        html, text = read_page(name, language).html, source(name, language)
        assert re.findall(r"&lt;[!/a-z]|--&gt;|<!--|\]\(|\.md\b(?<!README\.md)|\*\*|\$|\\[a-z]+", html) == []
        assert html.count("<details>") == text.count("<details>")
        assert html.count("<math") == len(documents.formulas(text))

    @every_language
    @every_page
    def test_have_links_to_pages_of_the_course_only(self, name: str, language: Language) -> None:
        for tag, attributes in Elements(read_page(name, language).html).elements:
            if tag == "a":
                link = re.fullmatch(r"#/course\?page=([\w-]+)(?:&at=(\S+))?", attributes["href"] or "")
                assert link is not None, attributes
                assert link[1] in page_names()

    @every_language
    @every_page
    def test_have_headings_with_the_names_that_links_have_elsewhere(
        self, name: str, language: Language
    ) -> None:
        names = ids(read_page(name, language).html)
        assert {name.removeprefix(PREFIX) for name in names} == documents.anchors(source(name, language))
        assert len(set(names)) == len(names)


class TestFormulas:
    def test_there_are_many(self) -> None:
        assert len(formulas()) > 100

    @pytest.mark.parametrize("formula", formulas())
    def test_keep_their_numbers_and_letters(self, formula: str) -> None:
        typed = re.sub(r"\\(?:begin|end)\{aligned\}|\\(?!max|ln)[A-Za-z]+", "", formula)
        shown = re.sub(r"<[^>]*>|&\w+;", "", rendered(f"```math\n{formula}\n```\n"))
        letters = r"[0-9A-Za-z가-힣]"
        assert sorted(re.findall(letters, shown)) == sorted(re.findall(letters, typed))

    def test_have_no_style_where_columns_are_aligned(self) -> None:
        html = rendered("```math\n\\begin{aligned} a &= 1 \\\\ b &= 2 \\end{aligned}\n```\n")
        assert html.count("<mtd>") == 4
        assert " style=" not in html

    def test_mark_words_so_that_they_stand_upright(self) -> None:
        html = rendered(r"$\ln x + \mathrm{relu}(y)$")
        assert re.findall(r"<mi[^/]*</mi>", html) == [
            '<mi class="upright">ln</mi>',
            "<mi>x</mi>",
            '<mi class="upright">relu</mi>',
            "<mi>y</mi>",
        ]

    @pytest.mark.parametrize(
        "formula", [r"\nothing", "{", "}", r"\left(", "x^", r"\begin{x}", r"\href{a}{b}"]
    )
    def test_that_cannot_be_read_are_refused(self, formula: str) -> None:
        with pytest.raises(ValueError, match="cannot read the formula") as refused:
            rendered(f"so ${formula}$ it is")
        assert repr(formula) in str(refused.value)

    def test_are_not_seen_in_prices(self) -> None:
        assert rendered("5 $ and 6 $ are no formula") == "<p>5 $ and 6 $ are no formula</p>\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[a](cnn-1.md)", '<a href="#/course?page=cnn-1">a</a>'),
        ("[a](cnn-1.md#the-network)", '<a href="#/course?page=cnn-1&amp;at=the-network">a</a>'),
        ("[a](#why)", '<a href="#/course?page=cnn-3&amp;at=why">a</a>'),
        ("to [a](../ko/cnn-1.md)", 'to <a href="#/course?page=cnn-1&amp;lang=ko">a</a>'),
        ("[`a`](../../cli.md#a)", "<code>a</code>"),
        ("[a](../../elsewhere/cnn-1.md)", "a"),
        ("[a](../README.md)", "a"),
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
        "```math\n\\text{a} < script > \\mathrm{b}\n```",
        "$<script>alert(1)</script>$",
        '[a](<https://example.org/"onclick="alert(1)>)',
        "# <b onclick=alert(1)>a</b>",
        "| a |\n|---:|\n| <style>*{}</style> |",
        "&lt;script&gt;a&lt;/script&gt;",
    ],
)
def test_no_tag_of_a_hostile_page_survives(hostile: str) -> None:
    for tag, attributes in Elements(rendered(f"{hostile}\n")).elements:
        assert tag in KNOWN
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
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


def test_two_headings_of_one_name_have_different_ids() -> None:
    assert ids(rendered("## A b!\n\n## A b\n")) == ["at-a-b", "at-a-b-1"]
    assert slug("A b!") == "a-b"


class TestWhatIsStale:
    @pytest.fixture
    def both(self, tmp_path: Path) -> tuple[Path, Path]:
        """Make two pages and their HTML; return the folder of the sources and the file."""
        sources, file = tmp_path / "sources", tmp_path / "pages.json.bz2"
        for language in LANGUAGES:
            (sources / language).mkdir(parents=True)
            (sources / language / "softmax.md").write_text(f"# {language}\n", "utf-8")
        course_html.write_pages(sources, file)
        return sources, file

    def test_is_nothing_after_writing(self, both: tuple[Path, Path]) -> None:
        assert all_pages(both[1]) == {
            "en/softmax": '<h1 id="at-en">en</h1>\n',
            "ko/softmax": '<h1 id="at-ko">ko</h1>\n',
        }
        assert course_html.stale_pages(*both) == []

    def test_is_a_page_whose_markdown_changed_and_is_written_anew(self, both: tuple[Path, Path]) -> None:
        sources, file = both
        (sources / "en" / "softmax.md").write_text("# Changed\n", "utf-8")
        assert course_html.stale_pages(sources, file) == ["en/softmax"]
        course_html.write_pages(sources, file)
        assert course_html.stale_pages(sources, file) == []
        assert "Changed" in all_pages(file)["en/softmax"]

    def test_is_a_page_without_html_and_html_without_a_page(self, both: tuple[Path, Path]) -> None:
        sources, file = both
        (sources / "ko" / "softmax.md").rename(sources / "ko" / "cnn-1.md")
        assert course_html.stale_pages(sources, file) == ["ko/cnn-1", "ko/softmax"]
        course_html.write_pages(sources, file)
        assert list(all_pages(file)) == ["ko/cnn-1", "en/softmax"]

    def test_is_every_page_where_there_is_no_file(self, both: tuple[Path, Path]) -> None:
        both[1].unlink()
        assert course_html.stale_pages(*both) == ["en/softmax", "ko/softmax"]

    def test_is_said_with_the_command_that_renews_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert course_html.main(["--check"]) is None
        monkeypatch.setattr(course_html, "stale_pages", lambda: ["en/softmax"])
        message = course_html.main(["--check"]) or ""
        assert "en/softmax" in message
        assert "run python -m tools.course_html" in message


def test_the_package_has_a_page_for_every_source() -> None:
    pages = {Path(page) for page in all_pages()}
    assert pages == {path.relative_to(SOURCES).with_suffix("") for path in SOURCES.glob("*/*.md")}
