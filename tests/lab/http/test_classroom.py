"""A lab that is open for a class: two links, what pupils may do, and the test set that they write."""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from imagelet.analysis.evaluate import evaluate
from imagelet.errors import UsageError
from imagelet.lab.http.roles import FOR_PUPILS, Role, may_ask
from imagelet.lab.services.classroom import FOLDER
from imagelet.lab.settings import Settings
from tests.lab.conftest import Lab
from tests.lab.http.test_every_route import METHODS, paths, statuses
from tests.servers import drawing, png

HOST = {"host": "192.168.1.5:8765"}
TEACHER = {**HOST, "authorization": "Bearer teachers-token"}
PUPIL = {**HOST, "authorization": "Bearer pupils-token"}
TASK = {"classifier": "mnist", "labels": ["7", "1"], "times": 2}


@pytest.fixture
def class_lab(open_lab: Callable[..., Lab]) -> Lab:
    return open_lab(host="192.168.1.5", token="teachers-token", pupil_token="pupils-token")


def line_down() -> Image.Image:
    image = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(image).line([(140, 60), (140, 220)], fill=0, width=22)
    return image


def asked(lab: Lab, **changed: Any) -> None:
    response = lab.post("/api/class/task", {**TASK, **changed}, headers=TEACHER)
    assert response.status_code == 200, response.text


def joined(lab: Lab, nickname: str) -> dict[str, str]:
    response = lab.post("/api/class/join", {"nickname": nickname}, headers=PUPIL)
    assert response.status_code == 200, response.text
    return {name: response.json()[name] for name in ("nickname", "key")}


def hand_in(lab: Lab, pupil: dict[str, str], label: str, picture: str) -> Any:
    body = {**pupil, "label": label, "picture": picture}
    return lab.post("/api/class/pictures", body, headers=PUPIL)


def result(lab: Lab) -> Any:
    return lab.get("/api/class", headers=TEACHER).json()


def test_pupils_may_ask_for_what_is_listed_and_nothing_else(class_lab: Lab) -> None:
    requests = [
        (method, path, tuple(PUPIL.items()))
        for path, method in itertools.product(paths(), METHODS)
        if not may_ask(Role.PUPIL, method, path)
    ]
    given = statuses(class_lab, requests)
    assert len(requests) > 150
    assert {status for status, _ in given} == {403}
    refused = {(method, path) for method, path, _ in requests}
    assert {
        ("GET", "/api/runs"),
        ("POST", "/api/jobs"),
        ("GET", "/api/class"),
        ("GET", "/openapi.json"),
    } <= refused
    assert {("DELETE", "/api/runs/x"), ("POST", "/api/own"), ("POST", "/api/class/task")} <= refused


def test_every_route_for_pupils_exists() -> None:
    assert {path for _, path in FOR_PUPILS} <= set(paths())


def test_the_teacher_may_ask_for_everything(class_lab: Lab) -> None:
    for path in ("/api/runs", "/api/jobs", "/api/class", "/api/own?classifier=mnist", "/openapi.json", "/"):
        assert class_lab.get(path, headers=TEACHER).status_code == 200


@pytest.mark.parametrize("token", ["", "pupils-toke", "pupils-tokenx", "None"])
def test_another_token_opens_nothing(class_lab: Lab, token: str) -> None:
    headers = {**HOST, "authorization": f"Bearer {token}"}
    assert class_lab.get("/api/session", headers=headers).status_code == 401


def test_each_is_told_who_they_are(class_lab: Lab, lab: Lab) -> None:
    roles = [class_lab.get("/api/session", headers=headers).json()["role"] for headers in (TEACHER, PUPIL)]
    assert [*roles, lab.get("/api/session").json()["role"]] == ["teacher", "pupil", "owner"]


def test_the_pupils_link_becomes_their_cookie(class_lab: Lab) -> None:
    response = class_lab.get("/?token=pupils-token", headers=HOST)
    assert response.status_code == 303
    assert "pupils-token" in response.headers["set-cookie"]
    assert "teachers-token" not in str(response.headers)


def test_pupils_see_no_run_of_the_teacher(open_lab: Callable[..., Lab], small_run: Path) -> None:
    lab = open_lab(host="192.168.1.5", token="teachers-token", pupil_token="pupils-token", first="mnist")
    names = [row["name"] for row in lab.get("/api/classifiers", headers=PUPIL).json()]
    assert "small" not in names
    assert "mnist" in names
    assert "small" in [row["name"] for row in lab.get("/api/classifiers", headers=TEACHER).json()]
    body = {"classifier": "small", "pictures": [png(drawing())]}
    assert lab.post("/api/predict", body, headers=PUPIL).status_code == 404
    assert lab.post("/api/predict", body, headers=TEACHER).status_code == 200


def test_a_class_writes_its_own_test_set(class_lab: Lab, seven: str, tmp_path: Path) -> None:
    asked(class_lab)
    anna, ben = joined(class_lab, "Anna"), joined(class_lab, "Ben")
    assert hand_in(class_lab, anna, "7", seven).json() == {"label": "1", "done": 1, "total": 4}
    hand_in(class_lab, ben, "7", seven)
    hand_in(class_lab, ben, "1", seven)  # a 7 where a 1 was asked for
    told = result(class_lab)
    assert (told["pupils"], told["images"], told["correct"]) == (2, 3, 2)
    assert told["people"] == [
        {"name": "Anna", "correct": 1, "images": 1},
        {"name": "Ben", "correct": 1, "images": 2},
    ]
    low, high = told["interval"]
    assert low < told["accuracy"] < high
    (wrong,) = told["wrong"]
    assert (wrong["source"], wrong["label"], wrong["predicted"]) == ("Ben", "1", "7")
    measured = evaluate("mnist", data=tmp_path / "runs" / FOLDER / "pictures.csv")
    assert measured.metrics.accuracy == pytest.approx(told["accuracy"])
    assert measured.by_source.interval == pytest.approx(told["interval"])


def test_a_lab_that_is_opened_again_goes_on(class_lab: Lab, open_lab: Callable[..., Lab], seven: str) -> None:
    asked(class_lab)
    anna = joined(class_lab, "Anna")
    hand_in(class_lab, anna, "7", seven)
    again = open_lab(host="192.168.1.5", token="teachers-token", pupil_token="pupils-token")
    assert result(again)["correct"] == 1
    assert hand_in(again, anna, "1", seven).json()["done"] == 2


def test_nothing_of_a_pupil_is_given_to_another(class_lab: Lab, seven: str) -> None:
    asked(class_lab)
    anna, ben = joined(class_lab, "Anna-secret"), joined(class_lab, "Ben")
    hand_in(class_lab, anna, "7", seven)
    responses = [
        hand_in(class_lab, ben, "7", seven).text,
        class_lab.get("/api/class/task", headers=PUPIL).text,
        class_lab.get("/api/session", headers=PUPIL).text,
    ]
    assert not [text for text in responses if "secret" in text or anna["key"] in text]
    stolen = {"nickname": "Anna-secret", "key": ben["key"]}
    assert hand_in(class_lab, stolen, "7", seven).status_code == 422


def test_the_teacher_takes_a_picture_away(class_lab: Lab, seven: str) -> None:
    asked(class_lab)
    hand_in(class_lab, joined(class_lab, "Anna"), "1", seven)
    (wrong,) = result(class_lab)["wrong"]
    for expected in (204, 422):
        path = f"/api/class/pictures/{wrong['path']}"
        assert class_lab.ask("DELETE", path, headers=TEACHER).status_code == expected
    assert result(class_lab)["images"] == 0


def test_a_file_name_that_is_given_again_has_no_answer_of_before(class_lab: Lab, seven: str) -> None:
    asked(class_lab)
    anna = joined(class_lab, "Anna")
    one = png(line_down())
    hand_in(class_lab, anna, "7", seven)
    hand_in(class_lab, anna, "1", one)
    room = class_lab.state.classroom
    said = {path: answer for (_, path), answer in room._answers.items()}
    room.remove("00002.png")
    assert set(said) - {path for _, path in room._answers} == {"00002.png"}
    hand_in(class_lab, anna, "1", seven)  # gets the name 00002.png again
    assert result(class_lab)["correct"] == 1


def test_nobody_is_let_in_without_a_key(class_lab: Lab) -> None:
    asked(class_lab)
    with pytest.raises(UsageError, match="nobody of that name"):
        class_lab.state.classroom.progress("Nobody", "")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": ["7", "7"]}, "writes each label once"),
        ({"labels": ["seven"]}, "'seven' is no class of mnist"),
        ({"classifier": "nothing"}, "there is no classifier 'nothing'"),
        ({"times": 0}, "times"),
    ],
)
def test_what_cannot_be_asked_for(class_lab: Lab, changed: dict[str, Any], message: str) -> None:
    response = class_lab.post("/api/class/task", {**TASK, **changed}, headers=TEACHER)
    assert 400 <= response.status_code < 500
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize("nickname", ["", "  ", "a\nb", "x" * 25, "anna"])
def test_a_nickname_is_short_and_ones_own(class_lab: Lab, nickname: str) -> None:
    asked(class_lab)
    joined(class_lab, "Anna")
    response = class_lab.post("/api/class/join", {"nickname": nickname}, headers=PUPIL)
    assert response.status_code == 422


def test_a_picture_too_many_is_refused(class_lab: Lab, seven: str) -> None:
    asked(class_lab, labels=["7"], times=1)
    anna = joined(class_lab, "Anna")
    assert hand_in(class_lab, anna, "7", seven).json() == {"label": None, "done": 1, "total": 1}
    assert hand_in(class_lab, anna, "7", seven).status_code == 422
    assert hand_in(class_lab, anna, "1", seven).status_code == 422


def test_what_is_no_picture_joins_nothing(class_lab: Lab) -> None:
    asked(class_lab)
    response = hand_in(class_lab, joined(class_lab, "Anna"), "7", "bm8gcGljdHVyZQ==")
    assert response.status_code == 422
    assert result(class_lab)["images"] == 0


def test_files_that_are_not_the_labs_are_said(class_lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / FOLDER
    folder.mkdir(parents=True)
    (folder / "task.json").write_text("[]")
    response = class_lab.get("/api/class", headers=TEACHER)
    assert response.status_code == 422
    assert "is not what the lab has written" in response.json()["error"]["message"]


def test_a_lab_for_no_class_says_how_to_open_one(lab: Lab) -> None:
    response = lab.get("/api/class")
    assert response.status_code == 404
    assert "not open for a class" in response.json()["error"]["message"]


def test_the_code_is_that_of_the_pupils_link(class_lab: Lab) -> None:
    segno = pytest.importorskip("segno")
    told = result(class_lab)
    assert told["address"] == "http://192.168.1.5:8765/?token=pupils-token"
    code = segno.make(told["address"], error="m", micro=False)
    assert len(told["qr"]) == code.symbol_size(border=2)[0]
    assert "teachers-token" not in str(told)


def test_settings_keep_their_tokens_to_themselves() -> None:
    settings = Settings(Path("runs"), token="teachers-token", pupil_token="pupils-token")
    assert "token" not in repr(settings).replace("pupil_token", "")


def test_a_whole_class_may_ask_at_the_same_moment() -> None:
    alone = Settings(Path("runs"), token="teachers-token")
    of_a_class = dataclasses.replace(alone, pupil_token="pupils-token")
    assert alone.most_waiting == alone.waiting
    assert of_a_class.most_waiting >= 2 * 30
