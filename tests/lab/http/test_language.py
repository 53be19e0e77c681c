"""What the server says is in the language that a request names: its errors, warnings and events."""

import base64
import re

import pytest
from PIL import Image

from imagelet.errors import SettingError
from imagelet.http import errors
from imagelet.messages import translate
from imagelet.training.recipe import Recipe, setting_fields, with_settings
from tests.lab.conftest import Lab
from tests.servers import png

Request = tuple[str, str, object]

HANGUL = re.compile("[가-힣]")
ENGLISH = re.compile(r"\b(the|is|are|of|must|not|has|there|it|should|with|and|or|at|be)\b")
QUOTED = re.compile(r"‘[^’]*’|‘[^’]*$|\([^)]*\)")
KOREAN = {"accept-language": "ko"}

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
REFUSED: tuple[Request, ...] = (
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
    ("POST", "/api/own", {"classifier": "mnist", "picture": PICTURE, "label": " "}),
    ("POST", "/api/own", {"classifier": "mnist", "picture": PICTURE, "label": "3", "name": "A\n"}),
    ("DELETE", "/api/own?classifier=mnist&file=none.png", None),
    ("POST", "/api/own/result", {"classifier": "mnist"}),
    ("POST", "/api/collections", {"name": "con", "classes": []}),
    ("POST", "/api/collections", {"name": "a/b", "classes": []}),
    ("POST", "/api/collections", {"name": " ", "classes": []}),
    ("GET", "/api/collections/nothing", None),
    ("GET", "/api/take/nothing/page", None),
    ("GET", "/api/nothing", None),
    ("DELETE", "/api/kernels", None),
)


def is_korean(sentence: str) -> bool:
    return bool(HANGUL.search(sentence)) and not ENGLISH.search(QUOTED.sub("", sentence))


@pytest.mark.parametrize(
    ("method", "path", "body"), REFUSED, ids=[f"{path} {body}"[:60] for _, path, body in REFUSED]
)
def test_an_error_is_in_the_language_of_the_request(lab: Lab, method: str, path: str, body: object) -> None:
    said = {}
    for language in ("en", "ko"):
        response = lab.ask(method, path, body, headers={"accept-language": language})
        assert response.status_code >= 400
        said[language] = response.json()["error"]
    assert said["en"].keys() == said["ko"].keys()
    for name in ("message", "hint"):
        assert not HANGUL.search(said["en"][name])
        assert is_korean(said["ko"][name]) or not said["en"][name], said["ko"][name]


def test_a_suggested_name_is_a_field_of_its_own(lab: Lab) -> None:
    error = lab.post("/api/network", {"text": "con(3) " + SMALL}, headers=KOREAN).json()["error"]
    assert error["meant"] == "conv"
    assert "meant" not in lab.post("/api/network", {"text": "conv()"}).json()["error"]


def test_a_body_that_is_no_json_is_refused_in_the_language_of_the_request(lab: Lab) -> None:
    headers = {"content-type": "application/json", **KOREAN}
    error = lab.ask("POST", "/api/predict", content=b"{", headers=headers).json()["error"]
    assert is_korean(error["message"])
    assert is_korean(error["hint"])


def test_the_query_names_the_language_where_no_header_can_be_sent(lab: Lab) -> None:
    assert is_korean(lab.get("/api/nothing?language=ko").json()["error"]["message"])
    assert not HANGUL.search(lab.get("/api/nothing?language=xx").json()["error"]["message"])


def test_pictures_that_cannot_be_read_and_warnings_are_in_the_language_of_the_request(lab: Lab) -> None:
    blank = png(Image.new("L", (28, 28), 255))
    for headers, korean in ((KOREAN, True), ({}, False)):
        asked = {"classifier": "mnist", "pictures": [PICTURE, "?", blank]}
        *unreadable, shown = lab.post("/api/predict", asked, headers=headers).json()["predictions"]
        for item in unreadable:
            assert bool(HANGUL.search(item["error"]["message"])) is korean
        assert shown["warnings"]
        assert all(bool(HANGUL.search(warning)) is korean for warning in shown["warnings"])


@pytest.mark.parametrize("name", [field.name for field in setting_fields() if field.name != "freeze"])
def test_what_a_recipes_field_may_be_is_said_in_korean(name: str) -> None:
    with pytest.raises(SettingError) as refused:
        with_settings(Recipe(), {name: "x"})
    assert is_korean(translate(refused.value.message, "ko"))


def test_the_templates_of_wrong_fields_are_pydantics(lab: Lab) -> None:
    """Their types are; the words differ only where pydantic's depend on a number."""
    from pydantic_core import PydanticKnownError

    context = {
        "gt": 1, "ge": 1, "lt": 1, "le": 1, "expected": "'a' or 'b'", "min_length": 2, "max_length": 2,
        "pattern": "x", "field_type": "List", "actual_length": 3, "error": "e",
    }  # fmt: skip
    for kind, template in errors.FIELD_PROBLEMS.items():
        words = PydanticKnownError(kind, context).message()
        ours = template.format(**context) if "{" in template else str(template)
        assert words.replace(" after validation", "") == ours, kind
