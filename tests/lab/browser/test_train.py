"""The Train tab in a browser: a training is begun, watched, found again, steered and ended."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG = 120_000  # milliseconds; a worker has to load PyTorch, perhaps beside others
NETWORK = "conv(4, 3x3, same) relu pool(2) flatten dense(10) softmax"
Visit = Callable[..., Page]


def fill(page: Page, epochs: int, name: str) -> None:
    """Describe a training of a small network on the digits."""
    page.get_by_role("radio", name=re.compile("Digits")).check()
    page.get_by_label("Recipe", exact=True).select_option("digits")
    page.get_by_label("Network", exact=True).fill(NETWORK)
    page.locator("input[name=epochs]").fill(str(epochs))
    if page.locator(".split").get_attribute("open") is None:
        page.get_by_text("Split, seed and name").click()
    page.get_by_label("Name of the run").fill(name)


def begin(page: Page) -> dict[str, object]:
    """Start the training that is described; return what the server was asked for."""
    with page.expect_request(lambda request: request.method == "POST" and "/api/jobs" in request.url) as sent:
        page.get_by_role("button", name="Start training").click()
    asked: dict[str, object] = sent.value.post_data_json
    return asked


def state(page: Page, name: str) -> None:
    """Wait until the training that is watched has this state."""
    expect(page.locator(f".monitor .state-{name}")).to_be_visible(timeout=LONG)


def points(page: Page, chart: int, curve: str) -> int:
    """Return how many points a curve has; charts: 0 is the loss, 1 the accuracy."""
    line = page.locator(".monitor .chart").nth(chart).locator(f"polyline.{curve}:not(.dashed)")
    return len((line.get_attribute("points") or "").split())


@pytest.mark.timeout(300)
def test_a_training_is_seen_from_its_start_to_its_figure(visit: Visit) -> None:
    page = visit("train")
    fill(page, 4, "seen")
    asked = begin(page)
    assert asked["settings"] == {"epochs": 4}
    assert (asked["dataset"], asked["recipe"], asked["network"]) == ("digits", "digits", NETWORK)
    assert asked["test"] is False
    state(page, "finished")
    expect(page.locator(".monitor h2")).to_have_text("seen")
    expect(page.locator(".monitor .where")).to_have_text("Epoch 4 of 4")
    assert [points(page, chart, curve) for chart in (0, 1) for curve in ("muted", "accent")] == [4, 4, 4, 4]
    expect(page.locator(".filters canvas")).to_have_count(4)
    expect(page.locator(".first-layer .hint").first).to_contain_text(
        "conv1: 4 filters of 3 × 3 · after epoch 4"
    )
    reached = page.locator(".monitor .readings dd").first.inner_text()
    assert float(re.match(r"[\d.]+", reached)[0]) > 20  # ten classes: chance is 10 %
    page.get_by_role("link", name="Open the run").click()
    expect(page).to_have_url(re.compile("#/runs.*open=seen"))
    expect(page.locator(".run-name")).to_have_text("seen")


@pytest.mark.timeout(400)
def test_a_training_is_found_again_and_steered(visit: Visit) -> None:
    page = visit("train", refused="/api/")  # a server that is away is part of it
    fill(page, 5_000, "steered")
    begin(page)
    state(page, "running")
    expect(page.locator(".monitor .where")).to_contain_text("of 5,000", timeout=LONG)
    expect(page.locator(".monitor polyline.accent")).to_have_count(2, timeout=LONG)
    fill(page, 1, "afterwards")
    begin(page)
    state(page, "queued")
    expect(page.locator(".monitor .where")).to_have_text("Waits until the training before it is done.")
    page.get_by_role("button", name="Stop", exact=True).click()  # it does not have to be waited for
    state(page, "stopped")
    expect(page.locator(".monitor .after")).to_be_empty()  # there is no classifier
    page.go_back()
    page.reload()
    state(page, "running")
    expect(page.locator(".monitor h2")).to_have_text("steered")
    expect(page.locator(".monitor polyline.accent")).to_have_count(2, timeout=LONG)

    page.route("**/api/**", lambda route: route.abort())
    lost = page.locator(".lost")
    expect(lost).to_contain_text("does not answer", timeout=LONG)
    page.unroute("**/api/**")
    lost.get_by_role("button", name="Try now").click()
    expect(lost).to_be_hidden()
    state(page, "running")

    slider = page.get_by_label("Learning rate × factor")
    slider.focus()
    for _ in range(6):  # 0.05 each: 10 ** -0.3
        slider.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "× 0.5")
    expect(page.locator(".monitor .changes li").last).to_contain_text("Learning rate × 0.5", timeout=LONG)

    page.get_by_role("button", name="Pause", exact=True).click()
    state(page, "paused")
    page.get_by_role("button", name="Resume").click()
    state(page, "running")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".monitor").get_by_role("link", name="Open the run")).to_be_visible(timeout=LONG)
    page.get_by_label("Further epochs").fill("1")
    page.get_by_role("button", name="Train on").click()
    expect(page.locator(".monitor h2")).to_have_text(re.compile("continued"), timeout=LONG)
    expect(page.locator(".job-list li").first).to_contain_text("steered-continued")


def test_only_what_differs_from_the_recipe_is_sent(visit: Visit) -> None:
    page = visit("train?dataset=digits&recipe=keras")
    line = page.locator(".as-command code")
    page.get_by_text("The same in a terminal").click()
    expect(line).to_have_text("imagelet train digits --recipe keras")
    page.get_by_text("All settings of the recipe").click()
    page.locator("summary", has_text="Optimization").click()
    page.locator("[name=optimizer]").select_option("sgd")
    page.locator("[name=epochs]").fill("5")  # what the recipe says
    expect(line).to_have_text("imagelet train digits --recipe keras --set optimizer=sgd")
    expect(page.locator(".all-settings > summary")).to_contain_text("1 changed")
    page.get_by_role("button", name="Back to the recipe").click()
    expect(line).to_have_text("imagelet train digits --recipe keras")


def test_every_setting_has_its_meaning_and_a_korean_name(visit: Visit) -> None:
    page = visit("train?lang=ko")
    settings = page.locator(".setting")
    fields = page.evaluate(
        "fetch('/api/recipes').then((answer) => answer.json()).then((told) => told.fields)"
    )
    assert settings.count() == len(fields)
    for at in range(settings.count()):
        told = settings.nth(at).text_content() or ""
        assert re.search("[가-힣]", settings.nth(at).locator("label").text_content() or ""), told
        assert re.search("[가-힣]", settings.nth(at).locator(".meaning").text_content() or ""), told


def test_a_network_comes_from_the_address(visit: Visit) -> None:
    page = visit("train?dataset=digits&network=softmax")
    expect(page.get_by_label("Network", exact=True)).to_have_value("softmax")
    expect(page.locator(".network-about")).to_have_text("650 parameters")  # 10 · (64 + 1)
    expect(page.get_by_role("link", name="Open it in the Network tab")).to_have_attribute(
        "href", "#/network?network=softmax&input=8x8x1&classes=10"
    )


def test_a_wrong_setting_is_marked_and_nothing_is_sent(visit: Visit) -> None:
    page = visit("train")
    sent = []
    page.on("request", lambda request: sent.append(request.method))
    rate = page.locator("[name=learning_rate]")
    rate.fill("fast")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".problem [role=alert]")).to_be_visible()
    expect(rate).to_be_focused()
    expect(rate).to_have_attribute("aria-invalid", "true")
    assert "POST" not in sent


def test_what_is_typed_beside_the_recipe_is_checked(visit: Visit) -> None:
    page = visit("train")
    sent = []
    page.on("request", lambda request: sent.append(request.method))
    page.get_by_text("Split, seed and name").click()
    wrong = {
        "Validation images": ("half", "Write a fraction such as 0.1"),
        "Training images at most": ("-5", "Write a whole number such as 2000"),
        "Seed": ("1.5", "Write a whole number"),
        "Name of the run": ("../away", "Start with a letter or a digit"),
    }
    for label, (typed, told) in wrong.items():
        input = page.get_by_label(label, exact=True)
        before = input.input_value()
        input.fill(typed)
        expect(input).to_have_attribute("aria-invalid", "true")
        expect(page.locator(".split .hint.wrong")).to_contain_text(told)
        page.get_by_role("button", name="Start training").click()
        expect(input).to_be_focused()
        input.fill(before)
        expect(page.locator(".split .hint.wrong")).to_have_count(0)
    assert "POST" not in sent


def test_the_address_holds_what_is_chosen(visit: Visit) -> None:
    page = visit("train")
    page.get_by_label("Recipe", exact=True).select_option("keras")
    page.locator("input[name=epochs]").fill("7")
    page.get_by_label("Network", exact=True).fill(NETWORK)
    page.get_by_text("Split, seed and name").click()
    page.get_by_label("Seed", exact=True).fill("3")
    expect(page).to_have_url(re.compile("seed=3"))
    page.reload()
    expect(page.get_by_label("Recipe", exact=True)).to_have_value("keras")
    expect(page.locator("input[name=epochs]")).to_have_value("7")
    expect(page.get_by_label("Network", exact=True)).to_have_value(NETWORK)
    expect(page.get_by_label("Seed", exact=True)).to_have_value("3")
    page.goto(page.url.split("#")[0] + "#/train")
    expect(page.get_by_label("Recipe", exact=True)).to_have_value("general")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("0")


def test_everyone_can_use_it_in_korean_on_a_telephone(
    visit: Visit, check_access: Callable[[Page], None]
) -> None:
    page = visit("train?seed=3&settings=momentum:0.5&lang=ko", dark=True, width=390)
    for summary in page.locator(".new-training summary").all():
        if summary.is_visible():
            summary.click()
    check_access(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
