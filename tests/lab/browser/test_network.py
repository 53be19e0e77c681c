"""Write networks in the page, mend mistakes, and compare the table with Python's own."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_plus

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from imagelet.networks import build, infer_shapes, networks
from imagelet.networks.module_summary import summarize

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Page]

SMALL = "conv(8, 3x3) relu pool(2) flatten dense(classes) softmax"
WRONG = SMALL.replace("flatten", "flaten")


@pytest.fixture
def page(browser: Browser, lab_address: str) -> Iterator[Page]:
    """Return a page in which texts may be refused: its console is not looked at."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.goto(f"{lab_address}#/network?network={SMALL}")
    expect(said(opened)).to_have_text("6 layers that fit together.")
    yield opened
    context.close()


def text(page: Page) -> Locator:
    """Find the field for network text."""
    return page.locator(".network-editor textarea")


def said(page: Page) -> Locator:
    """Find what is said of the text."""
    return page.locator(".checked")


def total(page: Page) -> Locator:
    """Find the number of all parameters."""
    return page.locator(".network-totals dd").first


def rows(page: Page) -> list[list[str]]:
    """Return the table: layer, shape, parameters, multiply-adds, memory."""
    body = page.locator(".layer-table tbody")
    cells = "[row.cells[0], row.cells[1], ...row.querySelectorAll('.cost')]"
    found: list[list[str]] = body.evaluate(
        f"body => [...body.rows].map(row => {cells}.map(each => each.textContent))"
    )
    return found


def shape(sides: tuple[int, ...]) -> str:
    """Return a shape as the page writes it."""
    return " × ".join(f"{side:,}" for side in sides)


def parameters(network: str, image: tuple[int, int, int] = (28, 28, 1), classes: int = 10) -> str:
    """Return how many parameters a network has, as the page writes it."""
    return f"{sum(each.parameters for each in infer_shapes(network, image, classes)):,}"


@pytest.mark.parametrize("name", ["basic-cnn", "fast-narrow"])
def test_the_table_is_the_summary(visit: Visit, name: str) -> None:
    page = visit(f"network?network={name}")
    expected = summarize(build(name))
    expect(total(page)).to_have_text(f"{expected.total:,}")
    assert [row[:4] for row in rows(page)] == [
        [row.name, shape(row.shape), f"{row.parameters:,}", f"{row.multiply_adds:,}"]
        for row in expected.layers
    ]
    assert page.locator(".layer-table tfoot td").first.inner_text() == f"{expected.total:,}"
    drawn = page.locator(".block .block-name").all_inner_texts()
    assert drawn[0] == "image"
    assert set(drawn[1:]) <= {row.name for row in expected.layers}


def test_a_block_holds_its_layers_and_what_goes_past_them(
    visit: Visit, check_access: Callable[[Page], None]
) -> None:
    page = visit("network?network=resnet-8&input=8x8x1")
    expect(page.locator(".group")).to_have_count(3)
    assert page.locator(".group .shortcut").all_inner_texts() == [
        *("the input itself", "the input, through conv batchnorm", "the input, through conv batchnorm"),
    ]
    assert page.locator(".group").first.locator(".block-name").all_inner_texts() == [
        "conv1",
        "conv2",
        "residual1",
    ]
    assert [row[0] for row in rows(page)] == [
        placed.name for placed in infer_shapes(networks.get("resnet-8").text, (8, 8, 1))
    ]
    page.locator(".group .block").first.hover()
    expect(page.locator(".layer-table tr.pointed th")).to_have_text("residual1.conv1")
    names = page.locator(".letters .name").all_inner_texts()
    assert names[:4] == ["conv", "batchnorm", "relu", "residual"]
    assert "same" not in names
    check_access(page)


def test_bars_are_shares(visit: Visit) -> None:
    page = visit("network?network=cnn-1")
    expect(page.locator(".layer-table tbody tr").first).to_be_attached()
    layers = infer_shapes(networks.get("cnn-1").text)
    whole = sum(each.parameters for each in layers)
    bars = page.locator(".layer-table tbody td:nth-child(3) .share-bar")
    widths = bars.evaluate_all("bars => bars.map(bar => parseFloat(bar.style.getPropertyValue('--share')))")
    assert widths == pytest.approx([100 * each.parameters / whole for each in layers], abs=1e-3)


def test_a_mistake_is_marked_and_mended(page: Page) -> None:
    text(page).fill(WRONG)
    expect(said(page)).to_contain_text("unknown layer 'flaten' at position 27; did you mean 'flatten'?")
    expect(page.locator(".letters .mistake")).to_have_text("flaten")
    expect(text(page)).to_have_attribute("aria-invalid", "true")
    assert page.get_by_role("link", name="Train it").count() == 0  # a link that leads nowhere is none
    expect(page.locator(".diagram")).to_have_class(re.compile("stale"))
    said(page).get_by_role("button", name="Write “flatten” instead").click()
    expect(text(page)).to_have_value(SMALL)
    expect(text(page)).to_be_focused()
    expect(said(page)).to_have_text("6 layers that fit together.")
    expect(page.locator(".letters .mistake")).to_have_count(0)
    expect(page.locator(".diagram")).not_to_have_class(re.compile("stale"))


MISTAKES = [  # what is typed, the word that is marked, what is said
    ("conv(8, 3x3", "(", "its bracket is never closed"),
    ("conv(8, 3x3) relu dense(10)", "dense", "it needs flat values"),
    ("conv(8, 3x3, strde=2) flatten dense(10)", "strde", "did you mean 'stride'?"),
    ("flatten\n  dense(11)", "dense", "ends in 11 outputs"),
    ("lenet5", None, "did you mean 'lenet-5'?"),
    ("", " ", "the network text is empty"),
]


def test_mistakes_are_marked_where_they_stand(page: Page) -> None:
    for wrong, mark, message in MISTAKES:
        text(page).fill(wrong)
        expect(said(page)).to_contain_text(message)
        expect(page.locator(".letters .mistake")).to_have_text([mark] if mark else [])
        assert page.locator(".letters").evaluate("each => each.textContent").strip() == wrong.strip()


def test_the_coloured_letters_lie_under_the_typed_ones(page: Page) -> None:
    text(page).fill(" ".join([SMALL.replace("flatten", "batchnorm")] * 6))
    boxes = page.evaluate(
        """() => ['textarea', '.letters'].map(name => {
            const each = document.querySelector(`.sheet ${name}`), style = getComputedStyle(each);
            const places = ['font', 'letterSpacing', 'padding', 'borderWidth', 'whiteSpace', 'overflowWrap'];
            return [each.clientWidth, each.clientHeight, ...places.map(place => style[place])];
        })"""
    )
    assert boxes[0] == boxes[1]
    assert page.locator(".sheet textarea").evaluate("each => each.scrollHeight <= each.clientHeight + 1")


def test_figures_follow_the_text_the_image_and_the_classes(page: Page) -> None:
    expect(total(page)).to_have_text(parameters(SMALL))
    text(page).fill(SMALL.replace("8", "16"))
    expect(total(page)).to_have_text(parameters(SMALL.replace("8", "16")))
    for name, value in (("Height", "32"), ("Width", "32"), ("Channels", "3")):
        page.get_by_label(f"{name} of the image").fill(value)
    page.get_by_label("Classes", exact=True).fill("7")
    expect(total(page)).to_have_text(parameters(SMALL.replace("8", "16"), (32, 32, 3), 7))
    expect(page).to_have_url(re.compile(r"input=32x32x3&classes=7"))
    page.reload()
    expect(total(page)).to_have_text(parameters(SMALL.replace("8", "16"), (32, 32, 3), 7))
    expect(text(page)).to_have_value(SMALL.replace("8", "16"))


def test_a_named_network_is_the_beginning(page: Page) -> None:
    page.get_by_label("Start from").select_option("cifar-cnn")
    expect(text(page)).to_have_value(networks.get("cifar-cnn").text)
    expect(page.get_by_label("Channels of the image")).to_have_value("3")
    expect(total(page)).to_have_text(parameters(networks.get("cifar-cnn").text, (32, 32, 3)))
    page.go_back()
    expect(text(page)).to_have_value(SMALL)
    expect(page.get_by_label("Channels of the image")).to_have_value("1")


def test_every_network_has_its_sentence(visit: Visit) -> None:
    page = visit("network?lang=ko")
    choice = page.locator(".preset select")
    sentences = set()
    for name in networks:
        choice.select_option(name)
        sentences.add(page.locator(".preset-note").inner_text())
    assert len(sentences) == len(list(networks))
    assert all(re.search("[가-힣]", each) for each in sentences)


def test_the_text_is_tidied(page: Page) -> None:
    text(page).fill("CONV2D(8,3) -> relu | maxpool(2, stride=2)\nflatten dense(classes) softmax")
    page.get_by_role("button", name="Tidy the text").click()
    expect(text(page)).to_have_value(SMALL)


def test_train_it_takes_network_and_image_along(page: Page) -> None:
    def all_present(route: Route) -> None:
        known = route.fetch().json()
        route.fulfill(json=[{**each, "available": True} for each in known])

    page.route("**/api/datasets", all_present)
    link = page.get_by_role("link", name="Train it")
    assert f"network={SMALL}&input=28x28x1&classes=10" in unquote_plus(str(link.get_attribute("href")))
    for name, value in (("Height", "32"), ("Width", "32"), ("Channels", "3")):
        page.get_by_label(f"{name} of the image").fill(value)
    expect(link).to_have_attribute("href", re.compile("input=32x32x3"))
    link.click()
    expect(page.get_by_role("radio", name=re.compile(r"CIFAR-10\b"))).to_be_checked()
    expect(page.get_by_label("Network", exact=True)).to_have_value(SMALL)
    expect(page.locator(".network-about")).to_have_text(f"{parameters(SMALL, (32, 32, 3))} parameters")
    expect(page.locator(".made-for")).to_be_hidden()
    page.get_by_role("radio", name=re.compile("^Digits")).check()
    expect(page.locator(".made-for")).to_contain_text("CIFAR-10 has that size.")


def test_a_network_for_images_that_are_not_there_says_so(visit: Visit) -> None:
    page = visit(f"train?network={SMALL}&input=30x30x3&classes=7")
    note = page.locator(".made-for")
    expect(note).to_contain_text("written for 30 × 30 × 3, 7 classes; Digits has 8 × 8 × 1, 10 classes")
    expect(note).to_contain_text("No dataset with a name has that size.")
    page.get_by_label("Network", exact=True).fill("softmax")  # made for any images
    expect(note).to_be_hidden()
    expect(page).not_to_have_url(re.compile("input="))


def test_keyboard_alone_mends_a_mistake(page: Page) -> None:
    def focused() -> Any:
        return page.evaluate("document.activeElement.tagName")

    for _ in range(30):
        page.keyboard.press("Tab")
        if focused() == "TEXTAREA":
            break
    page.keyboard.press("Control+a")
    page.keyboard.type("flatten dens(classes) softmax")
    mend = said(page).get_by_role("button", name="Write “dense” instead")
    expect(mend).to_be_visible()
    page.keyboard.press("Tab")
    expect(mend).to_be_focused()
    page.keyboard.press("Enter")
    expect(text(page)).to_have_value("flatten dense(classes) softmax")
    expect(total(page)).to_have_text("7,850")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Train it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#/train"))


def test_everyone_can_use_it_in_korean_on_a_telephone(
    visit: Visit, check_access: Callable[[Page], None]
) -> None:
    page = visit("network?network=deep-cnn&lang=ko", dark=True, width=390)
    expect(total(page)).to_have_text("5,259,594")
    check_access(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_everyone_can_mend_a_mistake(page: Page, check_access: Callable[[Page], None]) -> None:
    text(page).fill(WRONG)
    expect(said(page)).to_contain_text("flaten")
    check_access(page)


def test_errors_are_in_the_language_of_the_page(visit: Visit) -> None:
    place = "network?network=conv(8, 40x40) relu"
    page = visit(f"{place}&lang=ko", refused="/api/network")
    checked = page.locator(".checked")
    expect(checked).to_contain_text("conv(1번째 글자): 커널 40x40 크기가 28x28 입력보다 커요.")
    page.get_by_role("button", name="English").click()
    expect(checked).to_contain_text("conv at position 1: kernel 40x40 is larger than its 28x28 input")


def test_a_number_that_is_not_allowed_stays_in_red_with_a_sentence(
    visit: Visit, check_access: Callable[..., None]
) -> None:
    page = visit("network?classes=many&input=1x2")
    notice = page.locator(".tab-network > [role=status]")
    expect(notice).to_contain_text("classes=many")
    expect(notice).to_contain_text("input=1x2")
    classes = page.get_by_role("spinbutton", name="Classes")
    classes.fill("20000")
    classes.press("Tab")
    expect(classes).to_have_value("20000")
    expect(classes).to_have_attribute("aria-invalid", "true")
    problem = page.locator(".field-problem:not([hidden])")
    expect(problem).to_have_text("Write a whole number from 1 to 10000.")
    check_access(page)
    classes.focus()
    colours = "field => [getComputedStyle(field).outlineColor, getComputedStyle(field).borderColor]"
    assert len(set(classes.evaluate(colours))) == 1  # red, the focus too
    classes.fill("7")
    expect(problem).to_have_count(0)
    expect(page).to_have_url(re.compile("classes=7"))
