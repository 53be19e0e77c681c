"""What the page needs of the server: a picture shown, a preparation stopped, errors told apart."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from imagelet.lab.services.classifiers import Preparation, StoppedError
from tests.lab.conftest import Lab


def _file(kind: str, size: tuple[int, int]) -> str:
    rng = np.random.default_rng(0)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def test_a_tiff_is_returned_as_it_is_read(lab: Lab) -> None:
    text = _file("TIFF", (30, 20))
    shown = lab.post("/api/picture", {"picture": text}).json()
    assert (shown["width"], shown["height"], shown["channels"]) == (30, 20, 3)
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        assert base64.b64decode(shown["base64"]) == np.asarray(picture).tobytes()


def test_a_large_picture_is_shown_smaller_in_its_proportions(lab: Lab) -> None:
    shown = lab.post("/api/picture", {"picture": _file("PNG", (600, 1200))}).json()
    assert (shown["width"], shown["height"]) == (224, 448)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_file_that_is_no_picture_gets_a_sentence_for_a_person(lab: Lab, content: bytes) -> None:
    text = base64.b64encode(content).decode()
    for path, body in (
        ("/api/picture", {"picture": text}),
        ("/api/own", {"classifier": "mnist", "picture": text, "label": "7"}),
        ("/api/explain", {"classifier": "mnist", "picture": text}),
    ):
        answer = lab.post(path, body)
        assert answer.status_code == 422
        error = answer.json()["error"]
        assert "field" not in error
        assert "picture" in error["message"]
        assert "String" not in error["message"]


def test_an_error_of_the_program_that_asks_names_its_field(lab: Lab) -> None:
    error = lab.post("/api/picture", {"picture": 7}).json()["error"]
    assert error["field"] == "picture"


def test_stopping_what_is_not_prepared_changes_nothing(lab: Lab) -> None:
    assert lab.ask("DELETE", "/api/neighbours?classifier=mnist").status_code == 204
    assert lab.ask("DELETE", "/api/neighbours?classifier=nothing").status_code == 404


def test_a_preparation_tells_how_far_it_is_until_it_is_stopped() -> None:
    preparation = Preparation()
    preparation(2_000, 60_000)
    assert (preparation.done, preparation.total) == (2_000, 60_000)
    preparation.stopped = True
    with pytest.raises(StoppedError):
        preparation(4_000, 60_000)
