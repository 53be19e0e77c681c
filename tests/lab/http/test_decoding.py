"""Pictures of requests are opened beside everything else, within a total of memory."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from imagelet.errors import PictureError
from imagelet.http import pictures as http_pictures
from tests.lab.conftest import Lab
from tests.servers import ADDRESS, drawing, in_a_loop, png

LARGE = png(drawing(100))  # 10,000 bytes of pixels
SMALL = png(drawing(28))


def error_of(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


def test_a_late_picture_keeps_no_other_request_waiting(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, started, free = lab.state.pictures.decoder, threading.Event(), threading.Event()
    opens = decoder.open

    def open_it(content: bytes, _values: object) -> NDArray[np.uint8]:
        if len(content) > 400:
            started.set()
            free.wait(60)
            raise PictureError("late")
        return opens(content)

    monkeypatch.setattr(decoder, "open", open_it)

    async def scenario() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(lab.app)
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=60) as client:
            body = {"classifier": "mnist", "pictures": [png(drawing(400).rotate(30))]}
            late = asyncio.create_task(client.post("/api/predict", json=body))
            await asyncio.to_thread(started.wait, 60)
            quick = await client.post("/api/predict", json={"classifier": "mnist", "pictures": [SMALL]})
            assert not late.done()
            free.set()
            return quick, await late

    quick, late = in_a_loop(scenario())
    assert quick.json()["predictions"][0]["predicted"] == "7"
    assert late.json()["predictions"][0]["error"]["message"] == "late"


def test_the_pictures_of_one_request_have_a_total(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_pictures, "MAX_BYTES", 15_000)
    body = {"classifier": "mnist", "pictures": [LARGE, "broken", LARGE, LARGE, SMALL]}
    first, broken, second, *rest = lab.post("/api/predict", body).json()["predictions"]
    assert first["predicted"] == second["predicted"] == "7"
    assert "base64" in broken["error"]["message"]
    for prediction in rest:
        assert "one request gets no more" in prediction["error"]["message"]


def test_the_pictures_of_all_requests_have_a_total(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_pictures, "MAX_BYTES_OF_ALL", 5_000)
    pictures = lab.state.pictures

    async def scenario() -> httpx.Response:
        transport = httpx.ASGITransport(lab.app)
        async with (
            pictures.opened([LARGE]),
            httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=60) as client,
        ):
            return await client.post("/api/predict", json={"classifier": "mnist", "pictures": [SMALL]})

    assert "too many large pictures" in error_of(in_a_loop(scenario()), 503)
    assert lab.post("/api/predict", {"classifier": "mnist", "pictures": [SMALL]}).status_code == 200


@pytest.mark.parametrize("picture", ["no base64!", "AAAA", LARGE[:100]])
def test_a_picture_that_cannot_be_read_is_a_sentence_on_every_route(
    open_lab: Callable[..., Lab], tmp_path: Path, picture: str
) -> None:
    lab = open_lab()
    for path, body in (
        ("/api/explain", {"classifier": "mnist", "picture": picture}),
        ("/api/number", {"classifier": "mnist", "picture": picture, "layer": "conv1", "index": [0, 0, 0]}),
        ("/api/own", {"classifier": "mnist", "picture": picture, "label": "7"}),
    ):
        assert "picture" in error_of(lab.post(path, body), 422)
    assert not (tmp_path / "runs" / "own-pictures").exists()
