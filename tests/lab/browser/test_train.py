"""The Train tab in a browser: a training is begun, watched, found again, steered and ended."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

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
        page.get_by_text("Data split, seed, name").click()
    page.get_by_label("Name of the run").fill(name)


def begin(page: Page) -> dict[str, object]:
    """Start the training that is described; return what the server was asked for."""
    with page.expect_request(lambda request: request.method == "POST" and "/api/jobs" in request.url) as sent:
        page.get_by_role("button", name="Start training").click()
    asked: dict[str, object] = sent.value.post_data_json
    return asked


def started(page: Page) -> list[str]:
    """Return a list that gets the addresses of all requests to train."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/api/jobs"):
            sent.append(request.url)

    page.on("request", note)
    return sent


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
    page.get_by_role("button", name="Take it off the queue").click()
    state(page, "running")  # the other one is shown
    expect(page.locator(".job-list li")).to_have_count(page.locator(".job-list li").count())
    expect(page.locator(".job-list")).not_to_contain_text("afterwards")
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
    page.get_by_role("button", name="Resume for more epochs").click()
    expect(page.locator(".monitor h2")).to_have_text(re.compile("continued"), timeout=LONG)
    expect(page.locator(".job-list li").first).to_contain_text("steered-continued")


@pytest.mark.timeout(400)
def test_a_paused_training_steps_once_and_stops_with_its_best_epoch(
    visit: Visit, check_access: Callable[[Page], None]
) -> None:
    page = visit("train")
    fill(page, 5_000, "stepped")
    begin(page)
    expect(page.locator(".misread .hint")).to_contain_text("After epoch", timeout=LONG)
    page.get_by_text("How the weights are spread").click()
    expect(page.locator(".histogram")).to_have_count(2)  # conv1 and dense1
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="Take one step").click(timeout=LONG)
    batch = page.locator(".batch")
    expect(batch.locator(".hint")).to_contain_text("right before the step", timeout=LONG)
    assert batch.locator("canvas").count() >= 16
    expect(page.get_by_role("button", name="Take one step")).to_be_enabled(timeout=LONG)
    page.get_by_text("Look closer, or save the curves").click()
    before = page.locator(".monitor .chart svg").first.inner_html()
    page.get_by_label("Logarithmic axis for the loss").check()
    assert page.locator(".monitor .chart svg").first.inner_html() != before
    for kind, first in (("PNG", b"\x89PNG"), ("SVG", b"<svg"), ("CSV", b"epoch,loss,val_loss")):
        with page.expect_download() as saved:
            page.get_by_role("button", name=f"Save the curves as {kind}").click()
        assert saved.value.suggested_filename == f"stepped-curves.{kind.lower()}"
        assert saved.value.path().read_bytes().startswith(first)
    check_access(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".monitor").get_by_role("link", name="Open the run")).to_be_visible(timeout=LONG)
    state(page, "stopped")


@pytest.mark.timeout(300)
def test_the_queue_is_ordered_and_cleared(visit: Visit) -> None:
    page = visit("train")
    fill(page, 5_000, "long")
    begin(page)
    state(page, "running")
    for name in ("b", "c"):
        fill(page, 1, name)
        begin(page)
        expect(page.locator(".monitor h2")).to_have_text(name)
    names = page.locator(".job-list li:has(.job-changes) .job-name")
    expect(names.nth(0)).to_have_text("b")
    page.get_by_role("button", name="Train c earlier").focus()
    page.keyboard.press("Enter")
    expect(names.nth(0)).to_have_text("c")
    for name in ("b", "c"):
        page.get_by_role("button", name=f"Take {name} off the list").click()
        expect(page.locator(".job-list")).not_to_contain_text(re.compile(f"^{name}"))
    page.locator("button.job", has_text="long").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    state(page, "stopped")


@pytest.mark.timeout(300)
def test_a_training_that_is_paused_stays_in_sight_while_the_next_one_trains(visit: Visit) -> None:
    page = visit("train")
    fill(page, 5_000, "first")
    begin(page)
    state(page, "running")
    fill(page, 5_000, "next")
    begin(page)
    expect(page.locator(".monitor h2")).to_have_text("next")
    page.evaluate("location.hash = '#/train'")  # which names no training: the one that trains is shown
    expect(page.locator(".monitor h2")).to_have_text("first")
    page.get_by_role("button", name="Pause", exact=True).click()
    state(page, "paused")
    expect(page.locator(".job-list .state-running")).to_be_visible(timeout=LONG)
    expect(page.locator(".monitor h2")).to_have_text("first")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator("button.job", has_text="next").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    state(page, "stopped")


@pytest.mark.timeout(300)
def test_a_loss_that_is_not_finite_is_tried_again_with_a_tenth_of_the_rate(visit: Visit) -> None:
    deep = "flatten dense(64) relu dense(64) relu dense(64) relu dense(10) softmax"
    settings = "optimizer:sgd,learning_rate:1000,schedule:constant,max_gradient_norm:0,epochs:2"
    page = visit(f"train?dataset=digits&recipe=keras&settings={settings}")
    page.get_by_label("Network", exact=True).fill(deep)
    begin(page)
    state(page, "failed")
    expect(page.locator(".monitor [role=alert]")).to_contain_text("not finite")
    with page.expect_response(re.compile("/retry$")) as answer:
        page.get_by_role("button", name="Try again with rate ÷ 10").click()
    assert answer.value.json()["experiment"]["recipe"]["learning_rate"] == 100
    expect(page.get_by_role("button", name="Clear the failed ones")).to_be_visible()
    page.get_by_role("button", name="Clear the failed ones").click()


def test_what_it_would_be_is_said_before_it_starts(visit: Visit) -> None:
    page = visit("train", refused="/api/plan")  # a name that is taken is part of it
    page.get_by_role("radio", name=re.compile("Digits")).check()
    expect(page.locator(".network-about")).to_have_text("auto → small-cnn: 141,418 parameters")
    expect(page.locator("input[name=epochs]")).to_have_attribute("placeholder", "auto: 100")
    expect(page.locator(".dataset-samples canvas")).to_have_count(20)
    expect(page.locator(".plan")).to_contain_text(
        "1,149 images to learn from, 288 to choose the best epoch by"
    )
    expect(page.locator(".plan")).to_contain_text("100 epochs of 41 steps")
    page.locator("input[name=epochs]").fill("0")  # what is not allowed has no plan
    expect(page.locator(".plan")).to_have_text("")
    page.locator("input[name=epochs]").fill("")
    expect(page.locator(".plan")).to_contain_text("100 epochs of 41 steps")
    page.get_by_text("Data split, seed, name").click()
    expect(page.locator(".split")).to_contain_text("There are 1,437.")
    page.get_by_label("Training images at most").fill("99999")
    expect(page.locator(".plan")).to_contain_text("1,149 images")
    page.get_by_label("Name of the run").fill("course")
    expect(page.locator(".plan .field-wrong")).to_contain_text("there is a run 'course' already")


@pytest.mark.parametrize(("language", "width"), [("en", 390), ("ko", 1280)])
def test_everyone_can_read_the_plan(
    visit: Visit, check_access: Callable[[Page], None], language: str, width: int
) -> None:
    page = visit(f"train?lang={language}", width=width)
    expect(page.locator(".plan")).to_contain_text("1,149")
    check_access(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


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
    sent = started(page)
    rate = page.locator("[name=learning_rate]")
    rate.fill("fast")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".problem [role=alert]")).to_be_visible()
    expect(rate).to_be_focused()
    expect(rate).to_have_attribute("aria-invalid", "true")
    assert sent == []


def test_what_is_typed_beside_the_recipe_is_checked(visit: Visit) -> None:
    page = visit("train")
    sent = started(page)
    page.get_by_text("Data split, seed, name").click()
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
    assert sent == []


def test_the_address_holds_what_is_chosen(visit: Visit) -> None:
    page = visit("train")
    page.get_by_label("Recipe", exact=True).select_option("keras")
    page.locator("input[name=epochs]").fill("7")
    page.get_by_label("Network", exact=True).fill(NETWORK)
    page.get_by_text("Data split, seed, name").click()
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


@pytest.mark.timeout(300)
def test_a_learning_rate_is_found_and_taken_into_the_form(visit: Visit) -> None:
    page = visit("train")
    fill(page, 3, "")
    before = page.locator("input[name=learning_rate]").input_value()
    page.get_by_role("button", name="Find one").click()
    dialog = page.get_by_role("dialog", name="Find a learning rate")
    expect(dialog.get_by_role("progressbar", name="Progress of the test")).to_be_visible()
    take = dialog.get_by_role("button", name="Take this one")
    expect(take).to_be_focused(timeout=LONG)
    expect(dialog.locator(".chart polyline")).to_have_count(2)
    expect(dialog.get_by_role("img")).to_have_accessible_name(re.compile("Find a learning rate"))
    take.click()
    expect(dialog).to_have_count(0)
    found = page.locator("input[name=learning_rate]").input_value()
    assert float(found) > 0
    assert found != before
    expect(page.locator(".command-line code")).to_contain_text(f"learning_rate={found}")


@pytest.mark.timeout(300)
def test_a_learning_rate_test_is_ended_by_closing_its_dialog(visit: Visit) -> None:
    page = visit("train", width=390)
    fill(page, 3, "")
    page.get_by_role("button", name="Find one").click()
    with page.expect_request(lambda sent: sent.method == "DELETE" and "/api/learning-rates/" in sent.url):
        page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with page.expect_response(lambda response: response.url.endswith("/api/learning-rates")) as answer:
        page.get_by_role("button", name="Find one").click()  # another may begin at once
    assert answer.value.ok
    page.keyboard.press("Escape")
