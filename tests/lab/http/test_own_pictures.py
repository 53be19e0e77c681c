"""A person's own test set: one for each list of classes, each picture once, and the result on it."""

import base64
import csv
import io
from pathlib import Path

import pytest
from PIL import Image

from imagelet.analysis.evaluate import evaluate
from imagelet.metrics.classification import wilson_interval
from imagelet.runs.store import shipped_classifiers
from tests.lab.conftest import Lab
from tests.servers import drawing, png

BROKEN = base64.b64encode(b"no picture at all").decode()
OF_MNIST = {"params": {"classifier": "mnist"}}


def add(lab: Lab, picture: str, label: str, **named: str) -> dict:
    body = {"classifier": "mnist", "picture": picture, "label": label, **named}
    return lab.post("/api/own", body).json()


def labels(own: dict) -> list[str]:
    return [picture["label"] for picture in own["pictures"]]


def test_they_become_a_test_set_that_the_command_line_reads(lab: Lab, seven: str) -> None:
    assert lab.get("/api/own", **OF_MNIST).json()["count"] == 0
    add(lab, seven, "7", name="Ann")
    own = add(lab, png(drawing(90)), "1")
    assert own == lab.get("/api/own", **OF_MNIST).json()
    table = Path(own["table"])
    assert table.parent.parent == lab.settings.runs / "own-pictures"
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["path", "label", "source"]
    assert [row[1:] for row in rows[1:]] == [["7", "Ann"], ["1", ""]]
    assert evaluate("mnist", str(table)).metrics.images == 2


def test_a_picture_is_in_it_once_and_another_label_corrects_it(lab: Lab, seven: str) -> None:
    add(lab, seven, "1", name="Ann")
    own = add(lab, seven, "7")
    assert own["pictures"] == [{"file": own["pictures"][0]["file"], "label": "7", "name": "Ann"}]
    assert len([*Path(own["table"]).parent.glob("*.png")]) == 1


def test_each_list_of_classes_has_its_own(lab: Lab, seven: str) -> None:
    add(lab, seven, "7")
    other = lab.get("/api/own", params={"classifier": "fashion-mnist"}).json()
    assert other["count"] == 0
    assert other["table"] != lab.get("/api/own", **OF_MNIST).json()["table"]


def test_a_picture_is_shown_and_taken_out(lab: Lab, seven: str) -> None:
    (picture,) = add(lab, seven, "7")["pictures"]
    named = {"params": {"classifier": "mnist", "file": picture["file"]}}
    assert Image.open(io.BytesIO(lab.get("/api/own/picture", **named).content)).size == (160, 160)
    own = lab.ask("DELETE", "/api/own", **named).json()
    assert own["count"] == 0
    assert [*Path(own["table"]).parent.glob("*.png")] == []
    assert lab.ask("DELETE", "/api/own", **named).status_code == 422


@pytest.mark.parametrize("file", ["../../secret.png", "..", "pictures.csv", "/etc/passwd"])
def test_no_file_of_a_request_is_a_path(lab: Lab, seven: str, file: str) -> None:
    table = Path(add(lab, seven, "7")["table"])
    table.write_text(table.read_text() + "../../secret.png,7,\n")
    secret = lab.settings.runs / "secret.png"
    secret.write_bytes(base64.b64decode(seven))
    for method, path in (("GET", "/api/own/picture"), ("DELETE", "/api/own")):
        assert lab.ask(method, path, params={"classifier": "mnist", "file": file}).status_code == 422
    assert secret.exists()


def test_the_result_is_that_of_the_command_line(lab: Lab, seven: str) -> None:
    for number, (picture, label) in enumerate(
        [(seven, "7"), (png(drawing(90)), "7"), (png(drawing(60)), "1")]
    ):
        add(lab, picture, label, name=("Ann", "Ann", "Bea")[number])
    result = lab.post("/api/own/result", {"classifier": "mnist"}).json()
    assert (result["images"], result["correct"], result["people"]) == (3, 2, 2)
    assert result["interval"] == pytest.approx(list(wilson_interval(2, 3)))
    (mistake,) = result["mistakes"]
    assert (mistake["label"], mistake["predicted"]) == ("1", "7")
    table = lab.get("/api/own", **OF_MNIST).json()["table"]
    told = evaluate(str(shipped_classifiers()["mnist"]), table)
    assert told.by_source is not None
    assert result["interval_by_person"] == pytest.approx(list(told.by_source.interval))


def test_nobodys_pictures_have_no_interval_by_person(lab: Lab, seven: str) -> None:
    assert lab.post("/api/own/result", {"classifier": "mnist"}).status_code == 422
    add(lab, seven, "7")
    result = lab.post("/api/own/result", {"classifier": "mnist"}).json()
    assert (result["people"], result["interval_by_person"], result["mistakes"]) == (None, None, [])


def test_a_broken_picture_leaves_nothing_behind(lab: Lab) -> None:
    assert "picture" in add(lab, BROKEN, "7")["error"]["message"]
    assert not (lab.settings.runs / "own-pictures").exists()


@pytest.mark.parametrize("label", ["", "   ", "10", "a\nb", "../../etc", "x" * 201])
def test_a_label_that_is_no_class_is_refused(lab: Lab, seven: str, label: str) -> None:
    assert "error" in add(lab, seven, label)
    assert "error" in add(lab, seven, "7", name="\x1b[2J")
    assert lab.get("/api/own", **OF_MNIST).json()["count"] == 0


def test_the_one_table_of_before_becomes_the_set_of_its_classes(lab: Lab, seven: str) -> None:
    folder = lab.settings.runs / "own-pictures"
    folder.mkdir(parents=True)
    (folder / "00001.png").write_bytes(base64.b64decode(seven))
    (folder / "pictures.csv").write_text("path,label,source\n00001.png,7,Ann\n")
    assert lab.get("/api/own", params={"classifier": "cifar-10"}).json()["count"] == 0
    own = lab.get("/api/own", **OF_MNIST).json()
    assert own["pictures"] == [{"file": "00001.png", "label": "7", "name": "Ann"}]
    assert not (folder / "pictures.csv").exists()
    assert labels(add(lab, png(drawing(50)), "1")) == ["1", "7"]


def test_a_table_of_somebody_elses_is_not_written_over(lab: Lab, seven: str) -> None:
    table = lab.settings.runs / "own-pictures" / "pictures.csv"
    table.parent.mkdir(parents=True)
    table.write_text("file;class\n")
    assert "does not have the columns" in add(lab, seven, "7")["error"]["message"]
    assert table.read_text() == "file;class\n"
