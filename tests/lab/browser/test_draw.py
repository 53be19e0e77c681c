"""Draw with a real mouse, and see what the shipped classifier makes of it."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, Route, expect

from imagelet.experiment.runner import run_experiment
from imagelet.runs.definition import Experiment
from imagelet.training.recipe import Recipe
from tools.chromium import draw

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SEVEN = [(0.28, 0.25), (0.72, 0.25), (0.45, 0.8)]
ONE = [(0.5, 0.2), (0.5, 0.8)]
Visit = Callable[..., Page]


def answers(page: Page, label: str) -> None:
    """Wait until the answer is ``label``."""
    expect(page.locator(".verdict strong")).to_have_text(label)


def picture(kind: str = "PNG") -> bytes:
    """Return a picture file with a 7 on paper."""
    image = Image.new("RGB", (300, 240), (250, 248, 240))
    ImageDraw.Draw(image).line([(100, 50), (200, 50), (140, 200)], fill=(20, 20, 60), width=18, joint="curve")
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(("stroke", "label"), [(SEVEN, "7"), (ONE, "1")])
def test_a_drawn_digit_is_read(visit: Visit, stroke: list[tuple[float, float]], label: str) -> None:
    page = visit()
    draw(page, stroke)
    answers(page, label)
    expect(page.locator(".surety")).to_have_text("sure")
    expect(page.locator(".bars li.best .class")).to_have_text(label)
    shares = page.locator(".bars .bar").evaluate_all("bars => bars.map(bar => parseFloat(bar.style.width))")
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(100, abs=0.2)


def test_a_digit_is_drawn_by_touch_in_korean_on_a_telephone(visit: Visit) -> None:
    page = visit("draw?lang=ko", width=390, has_touch=True)
    draw(page, SEVEN)
    answers(page, "7")
    expect(page.locator(".surety")).to_have_text("확실함")


def test_answers_follow_one_at_a_time_and_the_last_drawing_wins(visit: Visit) -> None:
    page = visit()
    page.evaluate(
        """() => {
          const ask = window.fetch;
          window.open_now = window.most = window.asked = 0;
          window.fetch = async (...given) => {
            const counted = String(given[0]).endsWith("/api/predict");
            if (counted) { window.asked += 1; window.most = Math.max(window.most, ++window.open_now); }
            try { return await ask(...given); } finally { if (counted) window.open_now -= 1; }
          };
        }"""
    )
    draw(page, SEVEN)
    page.get_by_role("button", name="Clear").click()
    draw(page, ONE)
    answers(page, "1")
    page.wait_for_timeout(500)
    answers(page, "1")
    assert page.evaluate("window.most") == 1
    assert page.evaluate("window.asked") >= 2


def test_one_drawing_asks_for_its_explanation_once(visit: Visit) -> None:
    page = visit()
    expect(page.locator(".evidence-class")).to_contain_text("For 3")  # the example's
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    draw(page, SEVEN)
    expect(page.locator(".evidence-class")).to_contain_text("For 7")
    expect(page.locator(".strip button").first).to_be_visible()
    page.wait_for_timeout(500)
    assert sum(url.endswith("/api/explain") for url in asked) == 1


def test_undo_clear_and_the_eraser(visit: Visit) -> None:
    page = visit()
    undo, clear = (page.get_by_role("button", name=name, exact=True) for name in ("Undo", "Clear"))
    expect(undo).to_be_disabled()
    draw(page, ONE, [(0.25, 0.2), (0.5, 0.2)])
    page.keyboard.press("Control+z")
    answers(page, "1")
    clear.click()
    expect(page.locator(".verdict")).to_have_text("No picture yet")
    undo.click()
    answers(page, "1")
    page.get_by_role("button", name="Eraser").click()
    draw(page, [(0.5, 0.1), (0.5, 0.9)])
    expect(page.locator(".warnings")).to_contain_text("no ink was found")
    expect(page.locator(".surety")).to_contain_text("unsure")


def test_a_drawing_outlives_a_change_of_language_and_tab(visit: Visit) -> None:
    page = visit()
    draw(page, SEVEN)
    answers(page, "7")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator(".surety")).to_have_text("확실함")
    page.locator("#tabs").get_by_role("link", name="층").click()
    page.locator("#tabs").get_by_role("link", name="그리기").click()
    answers(page, "7")


def test_a_drawing_is_in_the_address(visit: Visit) -> None:
    page = visit()
    draw(page, SEVEN, [(0.3, 0.5), (0.6, 0.5)])
    answers(page, "7")
    expect(page).to_have_url(re.compile(r"drawing=[0-9a-z]+\.[0-9a-z]+$"))
    page.reload()
    answers(page, "7")
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(re.compile(r"drawing=[0-9a-z]+$"))
    address = page.url
    page.get_by_role("button", name="Clear").click()
    expect(page).not_to_have_url(re.compile("drawing"))
    page.goto(address)
    answers(page, "7")
    page.goto(re.sub("drawing=.*", "drawing=a~b", address))
    page.reload()
    expect(page.locator(".verdict")).to_have_text("No picture yet")
    expect(page.locator(".draw-answer [role=status]")).to_contain_text("drawing=a~b")


def test_a_file_is_opened_pasted_and_dropped(visit: Visit) -> None:
    page = visit()
    page.locator("#draw-file").set_input_files(
        {"name": "7.png", "mimeType": "image/png", "buffer": picture()}
    )
    answers(page, "7")
    for event in ("paste", "drop"):
        page.get_by_role("button", name="Clear").click()
        expect(page.locator(".verdict")).to_have_text("No picture yet")
        page.evaluate(
            """([name, content]) => {
              const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
              const given = new DataTransfer();
              given.items.add(new File([bytes], "7.png", { type: "image/png" }));
              const event = name === "paste"
                ? new ClipboardEvent("paste", { clipboardData: given, bubbles: true })
                : new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true });
              document.body.dispatchEvent(event);
            }""",
            [event, base64.b64encode(picture()).decode()],
        )
        answers(page, "7")


def test_what_is_no_picture_is_said_in_a_sentence(visit: Visit) -> None:
    page = visit(refused="/api/(picture|predict|explain|samples)")
    given = {"name": "7.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.locator("#draw-file").set_input_files(given)
    expect(page.locator(".alarm [role=alert]")).to_contain_text("picture")


def test_a_number_is_taken_apart(visit: Visit, check_access: Callable[[Page], None]) -> None:
    page = visit(dark=True)
    draw(page, SEVEN)
    page.locator(".strip button").first.click()
    expect(page.locator("#layer-name")).to_contain_text("conv1")
    page.locator(".map-grid button").nth(3).click()
    expect(page.locator(".map-grid button").nth(3)).to_have_attribute("aria-checked", "true")
    output = page.locator(".pickable")
    output.click(position={"x": 60, "y": 80})
    expect(page).to_have_url(re.compile(r"layer=conv1&.*map=3&.*place=\d+,\d+"))
    row, column = re.search(r"place=(\d+),(\d+)", page.url).groups()  # type: ignore[union-attr]
    expect(page.locator(".number-view h3").first).to_contain_text(f"{row}, {column}, 3")
    expect(page.locator(".grid-numbers")).to_have_count(3)
    numbers = page.locator(".grid-numbers").nth(2).locator("td").all_text_contents()
    added = [
        page.locator(".sum-line span:has(> small)").nth(at).evaluate("each => each.lastChild.data")
        for at in range(3)
    ]
    products, bias, result = (float(each.replace("−", "-")) for each in added)
    assert products + bias == pytest.approx(result, abs=2e-3)
    assert sum(float(each.replace("−", "-")) for each in numbers) == pytest.approx(products, abs=0.1)
    before = page.get_by_label("column").input_value()
    output.press("ArrowRight")
    expect(page.get_by_label("column")).to_have_value(str(int(before) + 1))
    page.get_by_role("button", name="Step").click()
    expect(page.get_by_label("column")).to_have_value(str(int(before) + 2))
    check_access(page)


def test_a_layer_opens_with_its_strongest_number_taken_apart(visit: Visit) -> None:
    page = visit("draw?layer=softmax")
    draw(page, SEVEN)
    expect(page.locator(".value-bars [aria-pressed='true'] .class")).to_have_text("7")
    expect(page.locator(".number-view h3")).to_contain_text("7")
    page.locator(".value-bars button").first.click()
    expect(page.locator(".number-view h3")).to_contain_text("0")
    assert "place=0" in page.url


def test_a_map_opens_its_layer_and_the_layers_name_closes_it(visit: Visit) -> None:
    page = visit()
    draw(page, SEVEN)
    card = page.locator(".strip button").first
    card.locator("canvas").nth(2).click()
    expect(page.locator(".map-grid button").nth(2)).to_have_attribute("aria-checked", "true")
    assert "map=2" in page.url
    card.locator("canvas").first.click()
    expect(page.locator(".map-grid button").first).to_have_attribute("aria-checked", "true")
    card.locator(".name").click()
    expect(page.locator("#layer-name")).to_have_count(0)
    card.press("Enter")
    expect(page.locator("#layer-name")).to_contain_text("conv1")


def test_the_colours_span_a_map_a_layer_or_all_and_the_legend_says_so(visit: Visit) -> None:
    page = visit("draw?layer=conv1")
    draw(page, SEVEN)
    ends = page.locator(".ranges .legend-numbers span")
    of_layer = page.locator(".layer .legend-numbers span").last
    first = page.locator(".strip canvas").first
    expect(ends).to_have_text(["− its largest", "0", "+ its largest"])
    texts, colours = {}, {}
    for range_, name in (("map", "each map"), ("layer", "each layer"), ("all", "all layers")):
        page.get_by_label(name, exact=True).check()
        assert f"range={range_}" in page.url
        texts[range_] = float(of_layer.inner_text())
        colours[range_] = first.evaluate("canvas => canvas.toDataURL()")
    assert texts["map"] <= texts["layer"] <= texts["all"]
    assert len(set(colours.values())) == 3
    assert float(ends.last.inner_text()) == texts["all"]
    page.reload()
    expect(page.get_by_label("all layers")).to_be_checked()


def test_the_kernel_slides_when_it_is_played(visit: Visit) -> None:
    page = visit("draw?layer=conv1&map=1", reduced_motion="no-preference")
    draw(page, SEVEN)
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".window-frame")).to_be_visible()
    first = page.locator(".window-frame").get_attribute("style")
    assert first
    expect(page.locator(".window-frame")).not_to_have_attribute("style", first)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".number-view h3").first).to_contain_text("conv1")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_without_motion_the_kernel_is_stepped_alone(visit: Visit) -> None:
    page = visit("draw?layer=conv1&map=1")
    draw(page, SEVEN)
    expect(page.get_by_role("button", name="Step")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_hidden()


def test_the_softmax_shows_its_exponentials(visit: Visit) -> None:
    page = visit("draw?layer=softmax&place=7")
    draw(page, SEVEN)
    rows = page.locator(".number-view tbody tr")
    expect(rows).to_have_count(11)
    shares = [float(rows.nth(at).locator("td").last.inner_text().replace("−", "-")) for at in range(10)]
    assert sum(shares) == pytest.approx(1, abs=0.001)
    assert max(shares) == shares[7]


def test_evidence_for_another_class(visit: Visit) -> None:
    page = visit()
    draw(page, SEVEN)
    expect(page.locator(".evidence-class")).to_contain_text("For 7")
    page.get_by_role("combobox", name="Class", exact=True).select_option("1")
    expect(page.locator(".evidence-class")).to_contain_text("For 1")
    for method in ("saliency", "grad-cam", "occlusion"):
        page.get_by_role("combobox", name="Method").select_option(method)
        expect(page).to_have_url(re.compile(f"evidence={method}"))
    painted = (
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
    )
    expect(page.locator(".evidence.busy")).to_have_count(0)
    page.wait_for_timeout(1000)
    assert all(page.locator(".evidence .above").nth(at).evaluate(painted) for at in range(2))


def test_a_labelled_drawing_joins_the_own_test_set(visit: Visit, lab_folder: Path) -> None:
    page = visit()
    seven = page.get_by_role("button", name="This is: 7")
    answers(page, "3")
    expect(seven).to_be_disabled()  # the example is nobody's picture
    draw(page, SEVEN)
    answers(page, "7")
    expect(seven).to_be_enabled()
    page.get_by_role("button", name="This is: 7").click()
    expect(page.locator(".own-told")).to_contain_text("Added as 7.")
    expect(page.locator(".own-told")).to_contain_text("Pictures in your own test set: 1.")
    (table,) = (lab_folder / "own-pictures").glob("*/pictures.csv")
    assert ",7," in table.read_text("utf-8")
    page.get_by_role("button", name="This is: 1").click()
    expect(page.locator(".own-told")).to_contain_text("Added as 1. Pictures in your own test set: 1.")
    page.get_by_label("By", exact=True).fill("Ann")
    page.get_by_role("button", name="This is: 7").click()
    expect(page.locator(".own-told")).to_contain_text("Added as 7.")
    page.get_by_role("link", name="See them and the result").click()
    own = page.locator(".own-set")
    expect(own.locator(".own-list li")).to_have_count(1)
    own.get_by_role("button", name="Test it on them").click()
    expect(own.locator(".own-result")).to_contain_text("1 of 1 right")
    expect(own.locator(".own-result")).to_contain_text("counted by person: the pictures are from 1")
    own.get_by_role("button", name="Take out a picture of 7").click()
    expect(own.locator(".own-list:not(.mistakes) li")).to_have_count(0)


def test_an_empty_page_greets_with_an_example_that_is_answered(visit: Visit) -> None:
    page = visit()
    answers(page, "3")
    expect(page.locator(".evidence-class")).to_contain_text("For 3")
    expect(page.locator(".pad-hint").first).to_have_text("An example: draw your own over it")
    assert "drawing" not in page.url
    draw(page, ONE, [(0.2, 0.2), (0.5, 0.2)])
    answers(page, "7")
    expect(page.locator(".pad-hint").first).to_be_hidden()
    for _ in range(2):
        page.get_by_role("button", name="Undo").click()
    answers(page, "3")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".verdict")).to_have_text("No picture yet")
    expect(page.locator(".pad-hint").first).to_have_text("Draw here")


@pytest.mark.parametrize(("language", "width", "dark"), [("en", 1280, False), ("ko", 390, True)])
def test_a_tour_of_three_steps_is_taken_once_or_skipped(
    visit: Visit, check_access: Callable[[Page], None], language: str, width: int, dark: bool
) -> None:
    page = visit(f"draw?lang={language}", width=width, dark=dark, new=True)
    answers(page, "3")
    tour = page.locator(".tour")
    expect(page.locator(".draw-sheet.toured")).to_have_count(1)
    check_access(page)
    for place in (".draw-answer", ".draw-why"):
        tour.locator("button.primary").click()
        expect(page.locator(f"{place}.toured")).to_have_count(1)
        expect(page.locator(".toured")).to_have_count(1)
    tour.locator("button.primary").click()
    expect(tour).to_be_hidden()
    expect(page.locator(".toured")).to_have_count(0)
    page.reload()
    answers(page, "3")
    expect(tour).to_be_hidden()
    page.evaluate("localStorage.removeItem('imagelet-tour')")
    page.reload()
    tour.locator("button.quiet").click()
    page.reload()
    answers(page, "3")
    expect(tour).to_be_hidden()


def test_a_digit_is_drawn_with_keys(visit: Visit) -> None:
    page = visit()
    pad = page.locator("canvas.pad")
    pad.focus()
    for key in [*["Shift+ArrowUp"] * 3, "Space", *["Shift+ArrowDown"] * 6, "Space"]:
        page.keyboard.press(key)
    answers(page, "1")
    expect(page.locator(".draw-sheet > [role=status]").last).to_contain_text(
        "Pen lifted at row 23, column 14"
    )
    expect(page).to_have_url(re.compile("drawing="))
    page.keyboard.press("Control+z")
    answers(page, "3")


def test_an_opened_picture_outlives_a_reload_in_its_tab_alone(visit: Visit) -> None:
    page = visit()
    page.locator("#draw-file").set_input_files(
        {"name": "7.png", "mimeType": "image/png", "buffer": picture()}
    )
    answers(page, "7")
    page.reload()
    answers(page, "7")
    draw(page, ONE)
    answers(page, "1")
    page.goto(re.sub("[?&]drawing=.*", "", page.url))
    page.reload()
    answers(page, "3")
    answers(visit(), "3")


def test_a_picture_that_the_browser_does_not_know_is_shown_as_it_is_read(visit: Visit) -> None:
    page = visit()
    content = picture("TIFF")
    page.locator("#draw-file").set_input_files({"name": "7.tif", "mimeType": "image/tiff", "buffer": content})
    answers(page, "7")
    dark = """pad => {
      const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
      return data.filter((value, at) => at % 4 === 0 && value < 90).length;
    }"""
    assert page.locator("canvas.pad").evaluate(dark) > 1000


def preparing(share: float | None) -> Callable[[Route], None]:
    """Let the neighbours be in preparation: this fraction of them is there."""

    def answer(route: Route) -> None:
        response = route.fetch()
        content = {**response.json(), "neighbours": [], "preparing": True, "prepared": share}
        route.fulfill(response=response, json=content)

    return answer


def test_the_search_for_the_nearest_images_shows_how_far_it_is_and_is_stopped(
    visit: Visit, check_access: Callable[[Page], None]
) -> None:
    page = visit()
    expect(page.locator(".evidence-class")).to_contain_text("For 3")
    page.route("**/api/explain", preparing(0.256))
    near = page.locator(".near")
    near.get_by_role("button", name="Find").click()
    expect(near.locator("progress")).to_have_attribute("value", "0.256")
    expect(near).to_contain_text("25 %")
    check_access(page)
    with page.expect_request(lambda request: request.method == "DELETE") as stopped:
        near.get_by_role("button", name="Stop").click()
    assert stopped.value.url.endswith("/api/neighbours?classifier=mnist")
    expect(near.get_by_role("button", name="Find")).to_be_focused()
    page.wait_for_timeout(1200)
    expect(near.locator("progress")).to_be_hidden()


def test_a_place_that_there_is_not_stays_with_a_sentence(visit: Visit) -> None:
    page = visit("draw?layer=conv1")
    row = page.get_by_role("spinbutton", name="row")
    row.fill("28")
    row.press("Tab")
    expect(row).to_have_value("28")
    expect(page.locator(".stage .field-problem").first).to_have_text("Write a whole number from 0 to 27.")
    row.fill("27")
    row.press("Tab")
    expect(page).to_have_url(re.compile("place=27,"))


@pytest.mark.realdata
def test_a_test_image_is_chosen_and_named_in_the_address(visit: Visit) -> None:
    page = visit()
    page.locator(".samples button").nth(3).click()
    expect(page.locator(".truth")).not_to_be_empty()
    expect(page.locator(".strip button").first).to_be_visible()
    assert "picture=test:" in page.url
    again = visit(page.url.split("#/")[1])
    expect(again.locator(".verdict strong")).to_have_text(page.locator(".verdict strong").inner_text())


@pytest.fixture(scope="module")
def breakable_run(lab_folder: Path) -> str:
    """Put a run of a small network on the digits among the lab's; return its name."""
    recipe = Recipe(epochs=2, learning_rate=0.02)
    network = "conv(4, 3x3, same) relu pool(2) flatten dense(classes) softmax"
    experiment = Experiment(dataset="digits", network=network, recipe=recipe)
    for _ in run_experiment(experiment, name="breakable", folder=lab_folder):
        pass
    return "breakable"


@pytest.mark.parametrize(
    ("language", "width", "dark", "words"),
    [("en", 1280, False, "validation images correct"), ("ko", 390, True, "검증 이미지")],
)
def test_a_network_is_broken_and_stands_beside_itself(
    visit: Visit,
    breakable_run: str,
    language: str,
    width: int,
    dark: bool,
    words: str,
    check_access: Callable[..., None],
) -> None:
    page = visit(f"draw?lang={language}&run={breakable_run}&layer=conv1&map=1", width=width, dark=dark)
    original, changed = (page.locator(".break-face").nth(at) for at in range(2))
    expect(changed.locator(".break-accuracy")).to_contain_text(words)
    answer = original.locator(".break-verdict").inner_text()
    expect(changed.locator(".break-verdict")).to_have_text(answer)
    for at in range(4):
        page.locator(".map-grid button").nth(at).click()
        page.locator(".break-maps > button").click()
    expect(page.locator(".map-grid .off")).to_have_count(4)
    expect(changed.locator(".break-verdict")).not_to_have_text(answer)
    expect(changed.locator(".break-accuracy")).to_contain_text("−")
    expect(original.locator(".break-verdict")).to_have_text(answer)
    page.wait_for_timeout(100)
    check_access(page)
    page.locator(".break-controls > button.quiet").click()
    expect(page.locator(".map-grid .off")).to_have_count(0)
    expect(changed.locator(".break-verdict")).to_have_text(answer)
    page.locator(".break-sliders input").nth(1).fill("90")
    expect(changed.locator(".break-verdict")).not_to_have_text(answer)


@pytest.mark.parametrize(("language", "width", "dark"), [("en", 1280, False), ("ko", 390, True)])
def test_what_is_broken_is_in_the_address(
    visit: Visit, breakable_run: str, language: str, width: int, dark: bool
) -> None:
    page = visit(f"draw?lang={language}&run={breakable_run}&layer=conv1&map=1", width=width, dark=dark)
    changed = page.locator(".break-results:not(.stale) .break-face").last
    expect(changed).to_contain_text("%")
    page.locator(".break-maps > button").click()
    page.locator(".break-controls input[type=checkbox]").check()
    for at, value in enumerate(("0.5", "45", "-2", "1")):
        page.locator(".break-sliders input").nth(at).fill(value)
    expect(page).to_have_url(re.compile("off=1&biases=no&noise=0.5&turn=45&right=-2&down=1"))
    expect(changed).to_contain_text("%")
    shown = changed.locator(".break-verdict").inner_text()
    page.reload()
    expect(page.locator(".map-grid .off")).to_have_count(1)
    expect(page.locator(".break-controls input[type=checkbox]")).to_be_checked()
    values = page.locator(".break-sliders input").evaluate_all("inputs => inputs.map(({ value }) => value)")
    assert values == ["0.5", "45", "-2", "1"]
    expect(changed.locator(".break-verdict")).to_have_text(shown)
    page.locator(".strip button", has_text="pool").first.click()
    expect(page).to_have_url(re.compile(r"layer=pool1(?!.*(off|biases|noise)).*turn=45"))
    page.locator(".layer-head button").click()
    expect(page).not_to_have_url(re.compile("turn="))


def test_what_cannot_be_broken_is_said(visit: Visit, breakable_run: str) -> None:
    page = visit(f"draw?lang=en&run={breakable_run}&layer=conv1&off=1,99&noise=7&turn=x&down=3")
    said = page.locator(".draw-answer .note")
    expect(said.filter(has_text="“off=99”")).to_contain_text("not known here")
    expect(said.filter(has_text="“turn=x”")).to_contain_text("not known here")
    expect(said.filter(has_text="“noise=7”")).to_contain_text("allowed is 0 to 3")
    expect(page.locator(".map-grid .off")).to_have_count(1)
    expect(page.locator(".break-sliders input").last).to_have_value("3")


def test_without_validation_images_a_sentence_says_so(visit: Visit) -> None:
    page = visit("draw?run=mnist&layer=conv1")
    expect(page.locator(".counting")).to_contain_text("The answer alone is compared")
    page.locator(".break-controls input[type=checkbox]").check()
    expect(page.locator(".break-results:not(.stale) .break-face").last).to_contain_text("%")
    expect(page.locator(".break-accuracy:not(:empty)")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "width", "dark", "words"),
    [("en", 1280, True, "become"), ("ko", 390, False, "창에서")],
)
def test_a_pixel_is_marked_in_its_window_at_its_weight_and_where_it_goes(
    visit: Visit, language: str, width: int, dark: bool, words: str, check_access: Callable[..., None]
) -> None:
    page = visit(
        f"draw?lang={language}&run=mnist&layer=conv1&map=2&place=10,12",
        width=width,
        dark=dark,
        reduced_motion="no-preference",
    )
    window = page.locator(".grid-numbers td").nth(4)
    window.hover()
    expect(page.locator(".grid-numbers .linked")).to_have_count(3)
    expect(page.locator(".pixel-mark")).to_be_visible()
    expect(page.locator(".fed-places")).to_be_visible()
    style = page.locator(".fed-places").get_attribute("style")
    assert style is not None
    share = float(re.search(r"height: ([\d.]+)%", style)[1])  # type: ignore[index]
    assert share == pytest.approx(300 / 28, abs=0.01)  # three rows of 28
    page.mouse.move(0, 0)
    expect(page.locator(".grid-numbers .linked")).to_have_count(0)
    page.locator(".grid-numbers td").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".grid-numbers .linked").first).to_be_focused()
    check_access(page)
    page.locator(".stage-controls button").first.click()
    expect(page.locator(".under")).to_contain_text(words)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(("width", "axis"), [(390, "y"), (1280, "x")])
def test_a_layers_scene_goes_from_input_by_kernel_to_output(
    visit: Visit, language: str, width: int, axis: Literal["x", "y"]
) -> None:
    page = visit(f"draw?lang={language}&run=mnist&layer=conv2&map=2&place=3,4", width=width)
    expect(page.locator(".sum-line .result")).to_be_visible()
    places = (
        page.locator(f".stage-maps > {part}") for part in ("figure", ".stage-kernel", "figure >> nth=1")
    )
    boxes = [place.first.bounding_box() for place in places]
    assert all(boxes)
    begins = [box[axis] for box in boxes if box]
    assert begins == sorted(begins)
    assert max(box["x"] + box["width"] for box in boxes if box) <= width
    signs = page.locator(".sum-line > *")
    assert len({round(sign.bounding_box()["y"] / 20) for sign in signs.all()}) == 1  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    kernel = page.locator(".stage-kernel")
    assert kernel.evaluate("kernel => kernel.scrollWidth <= kernel.clientWidth")


def test_play_that_is_left_before_it_began_does_not_begin(visit: Visit) -> None:
    page = visit("draw?run=mnist&layer=conv1&map=2&place=10,12", reduced_motion="no-preference")
    expect(page.locator(".grid-numbers td").first).to_be_visible()
    asked: list[Route] = []
    page.route("**/api/number", lambda route: asked.append(route))
    page.locator(".stage-controls button").first.click()
    page.wait_for_timeout(300)
    page.locator(".map-grid button").nth(5).click()
    first = asked[0]
    first.continue_()
    page.route("**/api/number", lambda route: route.continue_())
    page.wait_for_timeout(600)
    expect(page.locator(".stage-controls button").first).to_have_text("Play")
    expect(page.locator(".veil")).to_be_hidden()


def test_layers_that_repeat_are_folded_until_they_are_wanted(visit: Visit, lab_folder: Path) -> None:
    network = "conv(2, 3x3, same) relu " * 15 + "flatten dense(classes) softmax"
    experiment = Experiment(dataset="digits", network=network, recipe=Recipe(epochs=1))
    for _ in run_experiment(experiment, name="deep", folder=lab_folder):
        pass
    page = visit("draw?run=deep")
    items = page.locator(".strip li:visible")
    expect(items).to_have_count(6)  # conv, relu, the fold, flatten, dense, softmax
    fold = page.get_by_role("button", name="28 more of these")
    fold.click()
    expect(items).to_have_count(33)
    expect(page.locator(".strip button").nth(2)).to_be_focused()
    page.goto(page.url.replace("run=deep", "run=deep&layer=conv9&map=99&place=77,1"))
    page.reload()
    expect(items).to_have_count(33)  # one of them is open
    said = page.locator(".draw-answer > [role=status]")
    expect(said).to_contain_text("map=99")
    expect(said).to_contain_text("place=77,1")
