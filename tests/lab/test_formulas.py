import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet.course.reading import LANGUAGES, page_names, read_page
from imagelet.lab.formulas import mathml
from tools.documents import FENCED

BLOCK = re.compile(r"```math\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"(?<![\\$])\$([^$\n]+)\$")


def formulas() -> list[str]:
    texts = [read_page(name, language).text for name in page_names() for language in LANGUAGES]
    found = [formula for text in texts for formula in BLOCK.findall(text)]
    return sorted({*found, *(each for text in texts for each in INLINE.findall(FENCED.sub("", text)))})


def shown(formula: str) -> str:
    """Return what a formula shows, from left to right, without blanks."""
    return re.sub(r"\s", "", "".join(ElementTree.fromstring(mathml(formula)).itertext()))


def test_there_are_formulas_to_read() -> None:
    assert len(formulas()) > 100


@pytest.mark.parametrize("formula", formulas())
def test_every_formula_of_the_course_keeps_its_numbers_and_letters(formula: str) -> None:
    typed = re.sub(r"\\(?:begin|end)\{aligned\}|\\(?!max|ln)[A-Za-z]+", "", formula)
    wanted = sorted(re.findall(r"[0-9A-Za-z가-힣]", typed))
    assert sorted(re.findall(r"[0-9A-Za-z가-힣]", shown(formula))) == wanted


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
        (r"\frac12", None),
        (r"\frac{a}{2b}", "<mfrac><mi>a</mi><mrow><mn>2</mn><mi>b</mi></mrow></mfrac>"),
        (r"\sqrt{0.5}", "<msqrt><mn>0.5</mn></msqrt>"),
        ("a'", "<msup><mi>a</mi><mo>′</mo></msup>"),
        ("-1", '<mo form="prefix">−</mo><mn>1</mn>'),
        ("a-1", "<mi>a</mi><mo>−</mo><mn>1</mn>"),
        (r"\text{a }", "<mtext>a\u00a0</mtext>"),
        (r"\ln 3", '<mrow><mi class="upright">ln</mi><mspace width="0.167em" /></mrow><mn>3</mn>'),
        (
            r"\sum_i^n x",
            "<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover><mi>x</mi>",
        ),
        (
            r"\begin{aligned} a &= 1 \\ b &= 2 \end{aligned}",
            '<mtable displaystyle="true"><mtr><mtd><mi>a</mi></mtd><mtd><mo>=</mo><mn>1</mn></mtd></mtr>'
            "<mtr><mtd><mi>b</mi></mtd><mtd><mo>=</mo><mn>2</mn></mtd></mtr></mtable>",
        ),
    ],
)
def test_a_formula_is_built_as_it_is_meant(formula: str, wanted: str | None) -> None:
    if wanted is None:  # TeX would halve the number; braces say what is meant
        with pytest.raises(ValueError, match="missing"):
            mathml(formula)
    else:
        assert mathml(formula) == f"<math>{wanted}</math>"


@pytest.mark.parametrize(
    "formula",
    [r"\href{a}{b}", "{", "}", r"\left(", r"\text", "x^", r"\begin{x}", "a & b", "\\", r"\left<a\right>"],
)
def test_what_is_not_known_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match="formula"):
        mathml(formula)


@given(st.text(alphabet=r"ab12_^{}\ &<>\"'()-/", max_size=20) | st.text(max_size=10))
def test_whatever_is_typed_comes_out_as_mathematics_and_text(formula: str) -> None:
    try:
        made = mathml(formula)
    except ValueError:
        return
    tags = set(re.findall(r"<(\w+)", made))
    assert tags <= {"math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "msub", "msup", "msubsup"}
