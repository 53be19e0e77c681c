"""Collections over HTTP: classes and pictures, what is refused, and that the folder is an ordinary one."""

import base64
import io
import json
import os
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.interop.onnx import run_onnx
from imagelet.interop.page import export_page
from imagelet.lab.services import collections
from tests.lab.conftest import Lab
from tests.servers import drawing, png

BROKEN = base64.b64encode(b"no picture at all").decode()


def jpeg(side: int) -> str:
    content = io.BytesIO()
    drawing(side).save(content, "JPEG")
    return base64.b64encode(content.getvalue()).decode()


def counts(collection: dict) -> dict[str, int]:
    return {each["name"]: len(each["pictures"]) for each in collection["classes"]}


@pytest.fixture
def flowers(lab: Lab) -> Path:
    """Return the folder of an empty collection with the classes rose and 튤립."""
    answer = lab.post("/api/collections", {"name": "flowers", "classes": ["rose", "튤립"]})
    return Path(answer.json()["folder"])


def add(lab: Lab, label: str, pictures: list[str], **named: object) -> list[dict]:
    body = {"label": label, "kind": "drawing", "pictures": pictures, **named}
    return lab.post("/api/collections/flowers/pictures", body).json()["added"]


def test_a_collection_is_a_folder_that_training_takes(lab: Lab, flowers: Path) -> None:
    add(lab, "rose", [png(drawing(side)) for side in (40, 50, 60, 70)])
    add(lab, "튤립", [png(drawing(side)) for side in (45, 55)] + [jpeg(65)])
    assert flowers == (lab.settings.runs / "collections" / "flowers").resolve()
    dataset = load_dataset(flowers)
    assert dataset.train.classes == ("rose", "튤립")
    assert len(dataset.train) + len(dataset.test) == 7
    assert lab.get("/api/collections").json() == [
        {"name": "flowers", "classes": ["rose", "튤립"], "pictures": 7}
    ]


def test_png_and_jpeg_are_kept_as_they_came_and_others_as_png(lab: Lab, flowers: Path) -> None:
    content = io.BytesIO()
    drawing(30).save(content, "BMP")
    sent = [png(drawing(40)), jpeg(50), base64.b64encode(content.getvalue()).decode()]
    files = [added["file"] for added in add(lab, "rose", sent)]
    kept = [(flowers / "rose" / file).read_bytes() for file in files]
    assert [base64.b64encode(content).decode() for content in kept[:2]] == sent[:2]
    assert [Path(file).suffix for file in files] == [".png", ".jpg", ".png"]
    assert Image.open(io.BytesIO(kept[2])).tobytes() == drawing(30).tobytes()


def test_a_picture_is_kept_once_and_a_broken_one_is_told(lab: Lab, flowers: Path) -> None:
    first, broken, again = add(lab, "rose", [png(drawing(40)), BROKEN, png(drawing(40))])
    (elsewhere,) = add(lab, "튤립", [png(drawing(40))])
    assert (first["known"], again["known"], elsewhere["known"]) == (None, "rose", "rose")
    assert again["file"] == elsewhere["file"] == first["file"]
    assert broken["error"]["message"].startswith("the picture is not a PNG")
    assert len([*flowers.rglob("*.png")]) == 1


def test_pictures_are_moved_deleted_and_brought_back(lab: Lab, flowers: Path) -> None:
    one, two = (each["file"] for each in add(lab, "rose", [png(drawing(side)) for side in (40, 50)]))
    picture = {"label": "rose", "file": one}
    moved = lab.post("/api/collections/flowers/move", {"pictures": [picture], "to": "튤립"}).json()
    assert counts(moved) == {"rose": 1, "튤립": 1}
    there = {"label": "튤립", "file": one}
    assert counts(lab.post("/api/collections/flowers/delete", {"pictures": [there]}).json())["튤립"] == 0
    assert len(load_dataset_files(flowers)) == 1
    assert counts(lab.post("/api/collections/flowers/restore", {"pictures": [there]}).json())["튤립"] == 1
    assert load_dataset_files(flowers) == {f"rose/{two}", f"튤립/{one}"}


def load_dataset_files(folder: Path) -> set[str]:
    """Return the pictures of a folder that are not hidden, by their paths in it."""
    found = (path.relative_to(folder) for path in folder.rglob("*.png"))
    return {path.as_posix() for path in found if not path.parts[0].startswith(".")}


def test_one_wrong_picture_among_others_changes_nothing(lab: Lab, flowers: Path) -> None:
    (file,) = (each["file"] for each in add(lab, "rose", [png(drawing(40))]))
    pictures = [{"label": "rose", "file": file}, {"label": "rose", "file": "nothing.png"}]
    for what, more in (("move", {"to": "튤립"}), ("delete", {}), ("restore", {})):
        answer = lab.post(f"/api/collections/flowers/{what}", {"pictures": pictures, **more})
        assert answer.status_code == 422
        assert load_dataset_files(flowers) == {f"rose/{file}"}


def test_what_is_deleted_is_gone_after_a_day(lab: Lab, flowers: Path) -> None:
    one, two = (each["file"] for each in add(lab, "rose", [png(drawing(side)) for side in (40, 50)]))
    lab.post("/api/collections/flowers/delete", {"pictures": [{"label": "rose", "file": one}]})
    trashed = flowers / ".trash" / "rose" / one
    yesterday = time.time() - collections.SECONDS_IN_TRASH - 60
    os.utime(trashed, (yesterday, yesterday))
    lab.post("/api/collections/flowers/delete", {"pictures": [{"label": "rose", "file": two}]})
    assert not trashed.exists()
    assert (flowers / ".trash" / "rose" / two).exists()


def test_classes_are_added_renamed_and_removed_once_empty(lab: Lab, flowers: Path) -> None:
    address = "/api/collections/flowers/classes"
    add(lab, "rose", [png(drawing(40))])
    assert lab.post(address, {"name": " daisy "}).status_code == 200
    assert list(counts(lab.post(address, {"name": "tulip", "renamed": "튤립"}).json())) == [
        *("daisy", "rose", "tulip")
    ]
    assert lab.ask("DELETE", address, params={"label": "rose"}).status_code == 409
    assert list(counts(lab.ask("DELETE", address, params={"label": "daisy"}).json())) == ["rose", "tulip"]
    assert lab.post(address, {"name": "ROSE"}).status_code == 422
    assert lab.post(address, {"name": "ROSE", "renamed": "rose"}).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", ".", "..", "../up", "a/b", "a\\b", ".hidden", "a.", "a\x00b", "a\nb", "\u202ea", "x" * 51),
        *(
            "con",
            "CON",
            "con.txt",
            "Lpt1",
            "COM¹",
            "nul .txt",
            "a:b",
            "a*",
            "lost+found",
            "__MACOSX",
            "a\ud800",
        ),
    ],
)
def test_a_name_that_is_no_plain_folder_is_refused(lab: Lab, flowers: Path, name: str) -> None:
    before = sorted(path for path in lab.settings.runs.rglob("*") if path.name != ".lock")
    bodies = [
        ("/api/collections", {"name": name, "classes": []}),
        ("/api/collections", {"name": "other", "classes": ["a", name]}),
        ("/api/collections/flowers/classes", {"name": name}),
        ("/api/collections/flowers/classes", {"name": name, "renamed": "rose"}),
    ]
    for path, body in bodies:
        content = json.dumps(body).encode()  # half a character, too
        headers = {"content-type": "application/json"}
        assert lab.ask("POST", path, content=content, headers=headers).status_code == 422, path
    assert sorted(path for path in lab.settings.runs.rglob("*") if path.name != ".lock") == before


@pytest.mark.parametrize("label", ["../flowers/rose", "..", ".trash", "", "/etc", "rose/", "nothing"])
def test_no_class_and_no_file_of_a_request_is_a_path(lab: Lab, flowers: Path, label: str) -> None:
    (file,) = (each["file"] for each in add(lab, "rose", [png(drawing(40))]))
    secret = lab.settings.runs / "secret.png"
    secret.write_bytes(base64.b64decode(png(drawing(30))))
    for named in ({"label": label, "file": file}, {"label": "rose", "file": f"{label}/secret.png"}):
        for what, more in (("move", {"to": "튤립"}), ("delete", {}), ("restore", {})):
            body = {"pictures": [named], **more}
            assert lab.post(f"/api/collections/flowers/{what}", body).status_code == 422
        answer = lab.get("/api/collections/flowers/thumbnail", params=named)
        assert answer.status_code == 422
    body = {"pictures": [{"label": "rose", "file": file}], "to": label}
    assert lab.post("/api/collections/flowers/move", body).status_code == 422
    assert (
        lab.post(
            "/api/collections/flowers/pictures", {"label": label, "pictures": [png(drawing(9))]}
        ).status_code
        == 422
    )
    assert load_dataset_files(flowers) == {f"rose/{file}"}
    assert secret.exists()


@pytest.mark.parametrize("name", ["..", "%2e%2e", "nothing", "flowers%2frose", ".hidden"])
def test_no_name_of_a_collection_is_a_path(lab: Lab, flowers: Path, name: str) -> None:
    (lab.settings.runs / "collections" / ".hidden").mkdir()
    assert lab.get(f"/api/collections/{name}").status_code == 404


def test_a_link_is_neither_a_class_nor_a_picture(lab: Lab, flowers: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.png").write_bytes(base64.b64decode(png(drawing(30))))
    (flowers / "linked").symlink_to(outside)
    (flowers / "rose" / "b.png").symlink_to(outside / "a.png")
    assert counts(lab.get("/api/collections/flowers").json()) == {"rose": 0, "튤립": 0}


def test_a_picture_put_there_by_hand_is_shown(lab: Lab, flowers: Path) -> None:
    (flowers / "rose" / "mine — 1.png").write_bytes(base64.b64decode(png(drawing(400))))
    (flowers / "rose" / "notes.txt").write_text("no picture")
    (rose, _) = lab.get("/api/collections/flowers").json()["classes"]
    assert [picture["file"] for picture in rose["pictures"]] == ["mine — 1.png"]
    answer = lab.get("/api/collections/flowers/thumbnail", params={"label": "rose", "file": "mine — 1.png"})
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (160, 160)


def test_there_are_limits(lab: Lab, flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "MOST", 2)
    body = {"label": "rose", "pictures": [png(drawing(side)) for side in (40, 50, 60)]}
    answer = lab.post("/api/collections/flowers/pictures", body)
    assert "no more than 2 may be" in answer.json()["error"]["message"]
    monkeypatch.setattr(collections, "MOST", 10)
    monkeypatch.setattr(collections, "MOST_BYTES", 300)
    assert "MB" in lab.post("/api/collections/flowers/pictures", body).json()["error"]["message"]
    assert load_dataset_files(flowers) == set()
    monkeypatch.setattr(collections, "MOST_CLASSES", 2)
    assert lab.post("/api/collections/flowers/classes", {"name": "third"}).status_code == 422
    monkeypatch.setattr(collections, "MOST_COLLECTIONS", 1)
    assert lab.post("/api/collections", {"name": "second", "classes": []}).status_code == 409


def test_a_lab_that_trains_nothing_says_so(lab: Lab, flowers: Path) -> None:
    assert lab.post("/api/collections/flowers/train", {}).status_code == 409


class TestTakingAlong:
    def test_the_page_is_the_exported_one_and_leaves_nothing_behind(
        self, lab: Lab, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
        (tmp_path / "temporary").mkdir()
        answer = lab.get("/api/take/small/page")
        assert answer.headers["content-disposition"] == 'attachment; filename="small.html"'
        export_page(str(small_run), tmp_path / "small.html")
        assert answer.content == (tmp_path / "small.html").read_bytes()
        assert [*(tmp_path / "temporary").iterdir()] == []

    def test_onnx_gives_our_probabilities(self, lab: Lab, small_run: Path) -> None:
        pytest.importorskip("onnxruntime")
        content = lab.get("/api/take/small/onnx").content
        images = load_dataset("digits").test.images[:20]
        expected = Classifier.load(small_run / "classifier.safetensors").predict_proba(images)
        np.testing.assert_allclose(run_onnx(content, images), expected, atol=1e-4)

    def test_the_run_is_its_folder(self, lab: Lab, small_run: Path, tmp_path: Path) -> None:
        (small_run / "linked.txt").symlink_to(tmp_path)
        archive = zipfile.ZipFile(io.BytesIO(lab.get("/api/take/small/run").content))
        kept = {
            path.relative_to(small_run.parent).as_posix() for path in small_run.rglob("*") if path.is_file()
        }
        assert set(archive.namelist()) == kept
        for name in kept:
            assert archive.read(name) == (small_run.parent / name).read_bytes()

    @pytest.mark.parametrize("form", ["page", "onnx", "run"])
    @pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e%2fsmall", "mnist"])
    def test_only_runs_are_sent(self, lab: Lab, small_run: Path, form: str, name: str) -> None:
        assert lab.get(f"/api/take/{name}/{form}").status_code == 404
