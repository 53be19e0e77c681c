"""Step through convolution and pooling in the page, against NumPy and SciPy."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect
from scipy.signal import correlate2d

from imagelet.explanation.arithmetic import KERNELS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Page]
Matrix = NDArray[np.float64]

FIVE = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]], float)
TURN = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]], float)


@pytest.fixture
def page(browser: Browser, lab_address: str) -> Iterator[Page]:
    """Return a page in which requests may be refused: its console is not looked at."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.goto(f"{lab_address}#/layers")
    expect(result(opened)).to_have_text("12")
    yield opened
    context.close()


def written(matrix: Matrix) -> str:
    """Return a matrix as the address has it."""
    return "*".join("_".join(f"{value:g}" for value in row) for row in matrix)


def result(page: Page) -> Locator:
    """Find the number that the sum comes to."""
    return page.locator(".addition strong")


def grid(page: Page, name: str) -> Locator:
    """Find the cells of a matrix: image, kernel, products or output."""
    return page.locator(f".{name} .matrix-cell")


def numbers(page: Page, name: str) -> Matrix:
    """Return the numbers of a matrix, flat; what is not reached yet is not a number.

    Where a number is shortened, its tooltip has all of it.
    """
    texts = grid(page, name).evaluate_all("cells => cells.map(cell => cell.title || cell.textContent)")
    return np.array([float(text.replace("−", "-")) if text else np.nan for text in texts])


def cell(page: Page, name: str, row: int, column: int) -> Locator:
    """Find an input of the image or the kernel."""
    return page.locator(f".{name}").get_by_label(f"row {row}, column {column}", exact=True)


def focused(page: Page) -> Any:
    """Return the name of what has the keyboard."""
    return page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.tagName"
    )


def test_each_step_gives_numpys_sum(visit: Visit) -> None:
    page = visit("layers?example=larger")
    onward = page.get_by_role("button", name="Next place")
    for place in range(9):
        row, column = divmod(place, 3)
        products = FIVE[row : row + 3, column : column + 3] * TURN
        expect(result(page)).to_have_text(f"{products.sum():g}")
        expect(page.locator(".addition .place")).to_have_text(f"Row {row}, column {column}")
        assert numbers(page, "products") == pytest.approx(products.ravel())
        assert np.isfinite(numbers(page, "output")).tolist() == [each <= place for each in range(9)]
        if place < 8:
            onward.click()
    expect(page.get_by_text("9 of 9")).to_be_visible()
    assert numbers(page, "output") == pytest.approx(correlate2d(FIVE, TURN, "valid").ravel())


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2), (3, 0, 2)])
def test_whole_outputs_are_scipys(visit: Visit, stride: int, padding: int, dilation: int) -> None:
    rng = np.random.default_rng(stride * 10 + padding)
    image, kernel = rng.integers(-9, 10, (6, 7)).astype(float), rng.integers(-2, 3, (2, 3)).astype(float)
    spread = np.zeros((1 * dilation + 1, 2 * dilation + 1))
    spread[::dilation, ::dilation] = kernel
    expected = correlate2d(np.pad(image, padding), spread, "valid")[::stride, ::stride]
    how = f"stride={stride}&padding={padding}&dilation={dilation}"
    page = visit(f"layers?operation=convolve&image={written(image)}&kernel={written(kernel)}&{how}")
    page.get_by_label("Show the whole output").check()
    assert numbers(page, "output") == pytest.approx(expected.ravel())


@pytest.mark.parametrize(("name", "kind"), [("Max pooling", np.max), ("Average pooling", np.mean)])
def test_pooling_is_numpys(visit: Visit, name: str, kind: Callable[..., Matrix]) -> None:
    image = np.random.default_rng(3).integers(-9, 10, (6, 6)).astype(float)
    page = visit(f"layers?operation=convolve&image={written(image)}&kernel=1_1*1_1&padding=valid")
    page.get_by_role("radio", name=name).check()
    page.get_by_label("Window size").fill("3")
    page.get_by_label("Stride").fill("3")
    page.get_by_label("Show the whole output").check()
    expected = kind(image.reshape(2, 3, 2, 3), axis=(1, 3)).ravel()
    expect(page.locator(".formula")).to_contain_text("(6 − 3) / 3 + 1 = 2")
    assert numbers(page, "output") == pytest.approx(expected)


def test_padding_is_changed(visit: Visit) -> None:
    page = visit("layers?example=first&at=1_1")
    expect(result(page)).to_have_text("28")
    page.get_by_label("Padding").select_option("same")
    expect(page.locator(".formula")).to_contain_text("ceil(3 / 1) = 3")
    expect(page.locator(".formula")).to_contain_text("0 above, 1 below, 0 left, 1 right")
    expect(page.locator(".image .rim")).to_have_count(7)
    page.get_by_role("button", name="Last place").click()
    expect(result(page)).to_have_text("9")
    expect(page.locator(".addition .terms")).to_contain_text("1·9 + 1·0 + 1·0 + 1·0")
    expect(page).to_have_url(re.compile(r"example=same.*at=2_2|at=2_2.*example=same"))


def test_a_number_is_typed_and_the_kernel_chosen(visit: Visit) -> None:
    page = visit("layers?example=larger")
    cell(page, "image", 0, 1).fill("-2.5")
    expect(result(page)).to_have_text(f"{12 - 3 - 2.5:g}")
    page.get_by_label("Kernel", exact=True).select_option("identity")
    expect(result(page)).to_have_text("0")
    page.get_by_role("button", name="Next place").click()
    expect(result(page)).to_have_text("1")


def test_a_pasted_matrix_takes_the_place_of_the_image(page: Page) -> None:
    page.evaluate("navigator.clipboard.writeText('1\\t-2\\n3\\t4\\n5\\t6')")
    cell(page, "image", 0, 0).focus()
    page.keyboard.press("Control+v")
    expect(grid(page, "image")).to_have_count(6)
    expect(result(page)).to_have_text("6")  # ones: 1 - 2 + 3 + 4
    assert focused(page) == "row 0, column 0"
    page.evaluate("navigator.clipboard.writeText('1 2\\n3')")
    page.keyboard.press("Control+v")
    expect(page.get_by_role("alert")).to_contain_text("Row 2 has 1 number, row 1 has 2.")
    expect(grid(page, "image")).to_have_count(6)


def test_what_cannot_be_is_said_and_mended(page: Page) -> None:
    page.get_by_label("Kernel size").fill("5")
    expect(page.get_by_role("alert")).to_contain_text("a kernel of 5×5 is larger than the image, 3×3")
    page.get_by_label("Padding").select_option("same")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(grid(page, "output")).to_have_count(9)
    cell(page, "image", 0, 0).fill("one")
    page.keyboard.press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("“one” is not a number.")
    cell(page, "image", 0, 0).fill("1/4")
    expect(page.get_by_role("alert")).to_have_count(0)


def tab(page: Page) -> None:
    """Go to the next control, past the terms that are explained."""
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.matches('dfn')"):
        page.keyboard.press("Tab")


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if focused(page) == "row 0, column 0":
            break
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert focused(page) == "row 1, column 1"
    page.keyboard.type("50")
    expect(result(page)).to_have_text("57")  # 1 + 2 + 4 + 50
    tab(page)  # the kernel
    page.keyboard.type("2")
    expect(result(page)).to_have_text("58")
    tab(page)  # the output
    page.keyboard.press("ArrowRight")
    expect(result(page)).to_have_text(f"{2 * 2 + 3 + 50 + 6}")
    page.keyboard.press("Control+End")
    assert focused(page) == f"row 1, column 1: {2 * 50 + 6 + 8 + 9}"
    tab(page)  # the player's first button
    page.keyboard.press("Enter")
    expect(page.locator(".addition .place")).to_have_text("Row 0, column 0")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".addition .place")).to_have_text("Row 0, column 1")


def test_playing_fills_the_output_and_stops(page: Page) -> None:
    page.clock.install()
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(1_000)
    assert np.isfinite(numbers(page, "output")).sum() == 2
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(5_000)
    assert np.isfinite(numbers(page, "output")).sum() == 2
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(10_000)
    assert numbers(page, "output").tolist() == [12, 16, 24, 28]
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_motion_is_left_out_where_it_is_not_wanted(page: Page) -> None:
    move = "getComputedStyle(document.querySelector('.image .frame')).transitionDuration"
    assert page.evaluate(move) != "0s"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(move) == "0s"


def test_the_address_holds_the_example(visit: Visit) -> None:
    page = visit("layers?example=seven")
    cell(page, "image", 1, 1).fill("7")
    page.get_by_label("Stride").fill("2")
    expect(page).to_have_url(re.compile("stride=2"))
    expect(grid(page, "output")).to_have_count(16)
    page.get_by_role("button", name="Next place").click()
    expect(page).to_have_url(re.compile("at=1_3"))
    there = visit(page.url.split("#/")[1])
    expect(result(there)).to_have_text(result(page).inner_text())
    assert cell(there, "image", 1, 1).input_value() == "7"
    assert grid(there, "output").count() == 16


def test_the_back_button_returns_to_the_example_before(visit: Visit) -> None:
    page = visit("layers?example=first")
    examples = page.get_by_label("Example of the course")
    examples.select_option("dilation")
    expect(result(page)).to_have_text("14")
    page.go_back()
    expect(result(page)).to_have_text("12")
    expect(examples).to_have_value("first")


EXAMPLES = {  # how many numbers an output has and the last of them, as the course prints it or as it follows
    "first": (4, "28"),
    "larger": (9, "14"),
    "stride": (4, "14"),
    "same": (9, "9"),
    "dilation": (1, "14"),
    "moved-line": (8, "0"),
    "frame": (25, "4"),
    "largest": (4, "9"),
    "overlap": (9, "9"),
    "mean": (4, "7.5"),
    "real-cells": (9, "9"),
    "odd-side": (4, "9"),
    "forgives": (2, "0"),
}


def test_the_courses_examples_end_as_the_course_says(visit: Visit) -> None:
    page = visit("layers?lang=ko&example=seven")
    page.locator(".whole input").check()
    choice = page.locator(".example-select")
    known = set(choice.locator("optgroup option").evaluate_all("all => all.map(each => each.value)"))
    assert known > set(EXAMPLES)
    for name, (count, last) in EXAMPLES.items():
        choice.select_option(name)
        expect(grid(page, "output")).to_have_count(count)
        expect(grid(page, "output").last).to_have_text(last)
        expect(page).to_have_url(re.compile(f"example={name}(&|$)"))
        assert re.search("[가-힣]", page.locator(".example-note").inner_text())


def test_every_kernel_has_a_name_in_both_languages(visit: Visit) -> None:
    page = visit("layers?lang=ko&image=1_2_3*4_5_6*7_8_9&operation=convolve")
    kernels = page.locator(".layer-settings select").first
    names = kernels.locator("option").evaluate_all("all => all.map(each => [each.value, each.textContent])")
    assert [name for name, _ in names] == ["own", *KERNELS]
    assert all(re.search("[가-힣]", text) for _, text in names)
    page.goto(page.url.replace("lang=ko", "lang=en"))
    page.get_by_label("Kernel", exact=True).select_option(label="ones")
    expect(result(page)).to_have_text("45")


def test_everyone_can_use_it_in_korean_on_a_telephone(
    visit: Visit, check_access: Callable[[Page], None]
) -> None:
    page = visit("layers?example=sharpen&at=2_1&lang=ko", dark=True, width=390)
    expect(result(page)).to_have_text("116")
    check_access(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_numbers_keep_all_their_digits_in_the_address_and_never_get_zeros(visit: Visit) -> None:
    page = visit("layers?example=first")
    typed = cell(page, "image", 0, 0)
    typed.fill("123456789.123")
    typed.press("Enter")
    expect(typed).to_have_value(re.compile(r"^1\.\d+e8$"))
    expect(page).to_have_url(re.compile(r"image=123456789\.123_2_3\*"))
    expect(result(page)).to_have_text("123456800.1")
    page.reload()
    expect(typed).to_have_attribute("title", "123456789.123")


@pytest.mark.parametrize(("language", "sentence"), [("en", "from 1 to 6"), ("ko", "1부터 6까지")])
def test_a_number_out_of_range_stays_in_red_with_a_sentence(
    visit: Visit, language: str, sentence: str, check_access: Callable[..., None]
) -> None:
    page = visit(f"layers?lang={language}", width=390, dark=True)
    stride, dilation = page.locator(".layer-settings > .field:not([hidden]) input").nth(3), 4
    stride.fill("99")
    stride.press("Tab")
    expect(page.locator(".field-problem:visible")).to_contain_text(sentence)
    page.locator(".layer-settings > .field:not([hidden]) input").nth(dilation).fill("1")
    expect(stride).to_have_value("99")
    expect(stride).to_have_attribute("aria-invalid", "true")
    check_access(page)
    stride.fill("1")
    expect(page.locator(".field-problem:visible")).to_have_count(0)


def test_the_step_bar_covers_no_matrix_on_a_telephone(visit: Visit) -> None:
    page = visit("layers?example=larger", width=390)
    bar = page.locator(".bench-bar").bounding_box()
    for name in ("image", "kernel", "products", "output"):
        matrix = page.locator(f".matrix.{name}").bounding_box()
        assert bar is not None
        assert matrix is not None
        assert matrix["y"] + matrix["height"] <= bar["y"]


def test_an_address_that_names_what_there_is_not_says_so(visit: Visit) -> None:
    page = visit("layers?example=nix&stride=99&at=9_9")
    said = page.locator(".tab-layers > [role=status]")
    for text in ("example=nix", "stride=99", "at=9_9"):
        expect(said).to_contain_text(text)
    page.get_by_role("button", name="Next place").click()
    expect(said).not_to_contain_text("at=9_9")
