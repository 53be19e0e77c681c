"""What the server says, on the Korean page: real refusals, put into Korean by the page's own code."""

import base64
import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from imagelet.errors import SettingError
from imagelet.networks import values
from imagelet.training.recipe import Recipe, setting_fields, with_settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Page]
Refusal = tuple[str, str, object]

HANGUL = re.compile("[가-힣]")
ENGLISH = re.compile(r"\b(the|is|are|of|must|not|has|there|it|should|with|and|or|at|be)\b")
QUOTED = re.compile(r"‘[^’]*’|‘[^’]*$|\([^)]*\)")

SMALL = "flatten dense(classes)"
NETWORKS = (
    "",
    "con(3) " + SMALL,
    "conv(8, 3x3 relu",
    "conv(8 3x3)",
    "conv(=)",
    "conv(8, kernel=)",
    "conv(8, 3x3) & relu",
    "conv(8, 3x3) ) relu",
    "conv(8, 3x3) ->",
    "conv(8)",
    "conv()",
    "conv(0, 3x3)",
    "conv(8, 3x3, padding=sane)",
    "conv(8, 3x3, strid=2)",
    "conv(8, 3x3, filters=3)",
    "dense(5, 6)",
    "relu(3)",
    "dropout(1)",
    "conv(8, 40x40) " + SMALL,
    "conv(8, 9x9, dilation=9, padding=1) " + SMALL,
    "conv(7, 3x3, groups=2) " + SMALL,
    "pool(2, padding=2) " + SMALL,
    "softmax relu",
    "dense(9)",
    "flatten conv(8, 3x3)",
    "conv(8, 3x3, padding=1024)",
    "flatten dense(9)",
    "conv(9, 3x3)",
    "flatten dense(10000000) dense(classes)",
    "conv(10000000, 3x3) " + SMALL,
    "lenet",
    "os:system",
)
PICTURE = base64.b64encode(b"GIF89a").decode()
ROW = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
KERNEL = [[1] * 5] * 5
ASKED: tuple[Refusal, ...] = (
    *(("POST", "/api/network", {"text": text}) for text in NETWORKS),
    ("POST", "/api/network", {"text": "relu", "classes": 0, "input_shape": [28, 28, "x"]}),
    ("POST", "/api/network", {"text": 3, "more": 1}),
    ("POST", "/api/network", []),
    ("POST", "/api/predict", {"classifier": "mnits", "pictures": [PICTURE]}),
    ("POST", "/api/predict", {"classifier": "mnist", "pictures": []}),
    ("POST", "/api/predict", {"classifier": "mnist"}),
    ("POST", "/api/explain", {"classifier": "mnist", "picture": "?"}),
    ("POST", "/api/explain", {"classifier": "mnist", "picture": PICTURE}),
    ("POST", "/api/explain", {"classifier": "mnist", "picture": base64.b64encode(b"no picture").decode()}),
    ("POST", "/api/explain", {"classifier": "mnist", "picture": PICTURE, "sample": "test:1"}),
    ("POST", "/api/explain", {"classifier": "mnist", "picture": PICTURE, "target": 10}),
    ("POST", "/api/explain", {"classifier": "mnist", "picture": PICTURE, "target": "ten"}),
    ("POST", "/api/explain", {"classifier": "mnist", "picture": PICTURE, "attributions": ["magic"]}),
    ("POST", "/api/convolve", {"image": ROW, "kernel": KERNEL}),
    ("POST", "/api/convolve", {"image": ROW, "kernel": ROW, "dilation": 2}),
    ("POST", "/api/convolve", {"image": [[1, 2], [3]], "kernel": ROW}),
    ("POST", "/api/convolve", {"image": [[1, "x"]], "kernel": ROW, "stride": 0}),
    ("POST", "/api/convolve", {"image": ROW, "kernel": ROW, "padding": "sane"}),
    ("POST", "/api/convolve", {"image": [[1] * 64] * 64, "kernel": KERNEL * 2, "padding": "same"}),
    ("POST", "/api/pool", {"image": ROW, "size": 2, "padding": 2}),
    ("POST", "/api/pool", {"image": ROW, "size": 4}),
    ("POST", "/api/pool", {"image": ROW, "kind": "least"}),
    ("GET", "/api/filters?classifier=mnist&layer=conv9", None),
    ("GET", "/api/filters?classifier=mnist&layer=", None),
    ("GET", "/api/samples?classifier=mnist&count=0", None),
    ("GET", "/api/samples?classifier=mnist&part=tset", None),
    ("GET", "/api/runs/nothing", None),
    ("POST", "/api/runs/nothing/restore", {}),
    ("GET", "/api/compare?runs=mnist", None),
    ("GET", "/api/compare?runs=mnist,cifar-10", None),
    ("GET", "/api/jobs/nothing", None),
    ("PATCH", "/api/jobs/nothing", {"learning_rate_factor": 1e9}),
    ("POST", "/api/jobs", {}),
    ("POST", "/api/jobs", {"dataset": "mnits"}),
    ("POST", "/api/jobs", {"dataset": "digits", "recipe": "fsat"}),
    ("POST", "/api/jobs", {"dataset": "digits", "settings": {"epoch": 3}}),
    ("POST", "/api/jobs", {"dataset": "digits", "network": "conv(8, 30x30) " + SMALL}),
    ("POST", "/api/jobs", {"dataset": "digits", "network": "cnn3"}),
    ("POST", "/api/jobs", {"dataset": "digits", "validation": 2}),
    ("POST", "/api/jobs", {"dataset": "digits", "seed": -1}),
    ("POST", "/api/jobs", {"course": "own-digits"}),
    ("POST", "/api/own", {"picture": PICTURE, "label": " "}),
    ("POST", "/api/own", {"picture": PICTURE, "label": "3\n"}),
    ("GET", "/api/nothing", None),
    ("DELETE", "/api/kernels", None),
)

PUT_TOGETHER = {  # sentences in sentences, lists, suffixes
    "there is no image test:99999: there are 10,000 test images, counted from 0": (
        "test:99999: 그런 이미지는 없습니다. 시험 이미지는 10,000장이고 0부터 셉니다."
    ),
    "the network 'cnn-3' does not fit: conv at position 3: kernel 9x9, dilated to 73x73, "
    "is larger than its 28x28 input (padded to 30x30)": (
        "‘cnn-3’ 신경망은 이 이미지에 맞지 않습니다. "
        "conv(3번째 글자): 커널 9x9(팽창하면 73x73) 크기가 28x28 입력(패딩을 더하면 30x30)보다 큽니다."
    ),
    "'conv1' has rows 0 to 27, columns 0 to 27 and maps 0 to 3; there is no place 40,1,1": (
        "‘conv1’ 층에 40,1,1 자리는 없습니다. 있는 자리: 행 0~27, 열 0~27, 맵 0~3."
    ),
    "a place in 'conv1' is row, column, map, counted from 0, not 2 numbers": (
        "‘conv1’ 층의 자리는 0부터 센 행, 열, 맵입니다. 보낸 것: 수 2개."
    ),
    "pictures: List should have at most 100 items after validation, not 101, and 3 more": (
        "pictures: 100개 이하여야 하는데 101개입니다. 이런 곳이 3군데 더 있습니다."
    ),
    "mnist.gz is missing: /a b/mnist.gz": "mnist.gz: 파일이 없습니다. (/a b/mnist.gz)",
    "t10k.gz holds 9 labels for the 10 images beside it: /t10k.gz": (
        "t10k.gz: 레이블은 9개인데 이미지는 10장입니다. (/t10k.gz)"
    ),
    "/x.safetensors is no classifier that can be used: unknown layer 'con' at position 1; "
    "did you mean 'conv'?": (
        "/x.safetensors: 쓸 수 있는 분류기가 아닙니다. "
        "1번째 글자 ‘con’: 알 수 없는 층입니다. 혹시 ‘conv’입니까?"
    ),
    "/x.safetensors is no classifier that can be used: torch's words": (
        "/x.safetensors: 쓸 수 있는 분류기가 아닙니다(torch's words)."
    ),
    "the class 'b' is in train/ but not in test/ (and 2 more such classes): "
    "the parts of '/x y' need the same class subfolders": (
        "클래스 ‘b’: train/ 폴더에는 있지만 test/ 폴더에는 없습니다. 이런 클래스가 2개 더 있습니다. "
        "‘/x y’ 폴더의 부분마다 같은 클래스 폴더가 있어야 합니다."
    ),
    "3 of 40 pictures in '/x' cannot be read: 'a.png', 'b.png' and 1 more": (
        "‘/x’ 폴더의 그림 40장 가운데 3장을 읽을 수 없습니다: 'a.png', 'b.png' 외 1장."
    ),
    "the job is finished and cannot be paused": (
        "이 학습의 상태는 ‘끝남’입니다. 이제 ‘일시 정지’ 상태로 바꿀 수 없습니다."
    ),
    "the nearest training images: the images of 'a' that the run 'x y' learned from "
    "are not on this machine": (
        "가장 비슷한 훈련 이미지: ‘x y’ 실행의 학습에 쓴 ‘a’ 데이터셋의 이미지가 이 컴퓨터에 없습니다."
    ),
    "there is no run 'kernel'": "실행 가운데 그런 이름이 없습니다: ‘kernel’.",
}


def refusals(address: str) -> list[str]:
    """Return the messages and hints of what the server refuses, without repetition."""
    found: dict[str, None] = {}
    with httpx.Client(base_url=address, timeout=60) as client:
        for method, path, body in ASKED:
            answer = (
                client.request(method, path, json=body) if body is not None else client.request(method, path)
            )
            assert answer.status_code >= 400, (method, path, body)
            error = answer.json()["error"]
            found |= dict.fromkeys((error["message"], error["hint"]))
        answer = client.post("/api/predict", content=b"{", headers={"content-type": "application/json"})
        found |= dict.fromkeys(answer.json()["error"].values())
        answer = client.post("/api/predict", json={"classifier": "mnist", "pictures": [PICTURE, "?"]})
        for each in answer.json()["predictions"]:
            found |= dict.fromkeys(each["error"].values())
    return [each for each in found if each]


def settings() -> list[str]:
    """Return what is said of a wrong value in each field of a recipe, and of each argument of a layer."""
    told = []
    for field in setting_fields():
        with pytest.raises(SettingError) as refused:
            with_settings(Recipe(), {field.name: "x"})
        told.append(refused.value.message)
    forms = [each["form"] for each in vars(values).values() if isinstance(each, dict) and "form" in each]
    assert len(forms) > 5
    return [*told, *(f"kernel must be {each.allowed}, not 'x'" for each in forms)]


def test_what_the_server_says_is_said_in_korean(visit: Visit, lab_address: str) -> None:
    sentences = [*refusals(lab_address), *settings()]
    assert len(sentences) > 120
    page = visit("layers?lang=ko")
    told = page.evaluate(
        """async (sentences) => {
            const { languageOf, said } = await import("/js/shared/i18n.js");
            return sentences.map((each) => [said(each), languageOf(said(each))]);
        }""",
        sentences,
    )
    left = [
        (english, korean)
        for english, (korean, language) in zip(sentences, told, strict=True)
        if language is not None or not HANGUL.search(korean) or ENGLISH.search(QUOTED.sub("", korean))
    ]
    assert left == [], "\n".join(map(str, left))


def test_sentences_that_are_put_together_are_taken_apart(visit: Visit) -> None:
    page = visit("layers?lang=ko")
    told = page.evaluate(
        "async (sentences) => sentences.map((await import('/js/shared/i18n.js')).said)", list(PUT_TOGETHER)
    )
    assert dict(zip(PUT_TOGETHER, told, strict=True)) == PUT_TOGETHER


def test_a_sentence_without_a_translation_is_marked_as_english(visit: Visit) -> None:
    page = visit("layers?lang=ko")
    told = page.evaluate(
        """async () => {
            const { said } = await import("/js/shared/i18n.js");
            const { ApiError } = await import("/js/shared/api.js");
            const { error } = await import("/js/shared/ui.js");
            const told = { message: said("a plug-in's own words"), hint: said("try again") };
            const shown = error(new ApiError(told));
            return [...shown.children].map((each) => [each.textContent, each.lang]);
        }"""
    )
    assert told == [["a plug-in's own words", "en"], ["다시 시도해 보십시오.", ""]]


def test_errors_on_the_page_are_in_its_language(visit: Visit) -> None:
    place = "network?network=conv(8, 40x40) relu"
    page = visit(f"{place}&lang=ko", refused="/api/network")
    said = page.locator(".checked")
    expect(said).to_contain_text("conv(1번째 글자): 커널 40x40 크기가 28x28 입력보다 큽니다.")
    page.get_by_role("button", name="English").click()
    expect(said).to_contain_text("conv at position 1: kernel 40x40 is larger than its 28x28 input")
