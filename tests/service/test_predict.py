"""Pictures in JSON and in forms are predicted as the classifier predicts them; else there is a sentence."""

import asyncio
import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from imagelet.classifier.classifier import Classifier
from imagelet.preprocessing.picture import open_picture
from tests.servers import ADDRESS, drawing, in_a_loop, png_file
from tests.service.conftest import Served

OpenService = Callable[..., Served]


def as_json(*files: bytes, **more: Any) -> dict[str, Any]:
    return {"pictures": [base64.b64encode(file).decode() for file in files], **more}


def as_form(*files: bytes) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("pictures", (f"{number}.png", file, "image/png")) for number, file in enumerate(files)]


def sentence(answer: httpx.Response, status: int) -> str:
    """Return the sentence of an answer that must be a refusal in the form that every error has."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) - {"field"} == {"message", "hint"}
    return str(error["message"])


def bomb() -> bytes:
    """Return a PNG file of some hundred bytes that says it has 900 million pixels."""
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class TestPredictions:
    def test_are_the_classifiers(self, service: Served, classifier: Classifier, seven: bytes) -> None:
        turned = png_file(drawing(90).rotate(40, fillcolor=255))
        answer = service.post("/predict", as_json(seven, turned))
        assert answer.status_code == 200
        body = answer.json()
        assert body["classes"] == list(classifier.classes)
        for told, expected in zip(body["predictions"], classifier.predict([seven, turned], 10), strict=True):
            assert told["predicted"] == expected.predicted
            assert told["class"] == expected.class_index
            assert told["probability"] == pytest.approx(expected.probability, abs=1e-6)
            assert told["sure"] == expected.sure
            assert told["warnings"] == list(expected.warnings)
            in_order = [share for _, share in sorted(zip(expected.top_classes, expected.top, strict=True))]
            assert told["probabilities"] == pytest.approx([share for _, share in in_order], abs=1e-6)
            assert told["framed"] is None
        assert body["predictions"][0]["predicted"] == "7"

    def test_of_a_form_are_those_of_json(self, service: Served, seven: bytes) -> None:
        files = [seven, png_file(drawing(60))]
        in_form = service.ask("POST", "/predict", files=as_form(*files))
        assert in_form.status_code == 200, in_form.text
        expected = service.post("/predict", as_json(*files)).json()["predictions"]
        for one, other in zip(in_form.json()["predictions"], expected, strict=True):
            assert one.pop("probabilities") == pytest.approx(other.pop("probabilities"), abs=1e-6)
            assert one.pop("probability") == pytest.approx(other.pop("probability"), abs=1e-6)
            assert one == other

    @pytest.mark.parametrize("form", [False, True])
    def test_bring_what_was_framed(
        self, service: Served, classifier: Classifier, seven: bytes, form: bool
    ) -> None:
        if form:
            answer = service.ask("POST", "/predict", files=as_form(seven), data={"framed": "true"})
        else:
            answer = service.post("/predict", as_json(seven, framed=True))
        file = base64.b64decode(answer.json()["predictions"][0]["framed"])
        assert file.startswith(b"\x89PNG")
        assert np.array_equal(open_picture(file), classifier.frame(seven).image)

    def test_of_an_unreadable_picture_are_an_error_in_its_place(self, service: Served, seven: bytes) -> None:
        answer = service.ask("POST", "/predict", files=as_form(b"no picture", seven, b""))
        assert answer.status_code == 200
        first, second, third = answer.json()["predictions"]
        assert "is not a PNG" in first["error"]["message"]
        assert second["predicted"] == "7"
        assert "0 bytes" in third["error"]["message"]

    def test_of_a_blank_picture_are_unsure_and_say_so(self, service: Served) -> None:
        (told,) = service.post("/predict", as_json(png_file(Image.new("L", (50, 50), 255)))).json()[
            "predictions"
        ]
        assert not told["sure"]
        assert told["warnings"] == ["the picture is blank: no ink was found"]

    def test_speak_the_language_of_the_request(self, service: Served) -> None:
        answer = service.post("/predict", as_json(b"no picture"), headers={"accept-language": "ko"})
        message = answer.json()["predictions"][0]["error"]["message"]
        assert any("가" <= letter <= "힣" for letter in message)

    def test_of_many_clients_are_each_their_own(self, service: Served, classifier: Classifier) -> None:
        drawings = [png_file(drawing(40 + number)) for number in range(24)]
        expected = [one.probability for one in classifier.predict(drawings)]

        async def all_at_once() -> list[httpx.Response]:
            transport = httpx.ASGITransport(service.app)
            async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=60) as client:
                asked = (client.post("/predict", json=as_json(file)) for file in drawings)
                return list(await asyncio.gather(*asked))

        told = [answer.json()["predictions"][0]["probability"] for answer in in_a_loop(all_at_once())]
        assert told == pytest.approx(expected, abs=1e-5)


class TestRefusals:
    @pytest.mark.parametrize("form", [False, True])
    def test_of_a_thousand_pictures_are_one_sentence(self, service: Served, seven: bytes, form: bool) -> None:
        files = [seven[:100]] * 1000
        answer = (
            service.ask("POST", "/predict", files=as_form(*files))
            if form
            else service.post("/predict", as_json(*files))
        )
        assert sentence(answer, 422) == "pictures: List should have at most 100 items, not 1000"

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ({}, "pictures: Field required"),
            ({"pictures": []}, "pictures: List should have at least 1 items, not 0"),
            ({"pictures": "AAAA"}, "pictures: Input should be a valid list"),
            ({"pictures": [3]}, "pictures.0: Input should be a valid string"),
            ({"pictures": ["AAAA"], "framed": "perhaps"}, "framed: Input should be a valid boolean"),
            ({"pictures": ["AAAA"], "more": 1}, "more: Extra inputs are not permitted"),
            ([1], "Input should be"),
        ],
    )
    def test_of_json_name_the_field(self, service: Served, body: object, told: str) -> None:
        assert sentence(service.post("/predict", body), 422).startswith(told)

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 3_000, b'{"a": "\\ud800"}'])
    def test_of_what_is_no_json_are_a_sentence(self, service: Served, content: bytes) -> None:
        headers = {"content-type": "application/json"}
        answer = service.ask("POST", "/predict", content=content, headers=headers)
        assert sentence(answer, answer.status_code)
        assert answer.status_code in (400, 422)

    def test_of_other_fields_of_a_form_name_them(self, service: Served, seven: bytes) -> None:
        answer = service.ask("POST", "/predict", files=[("file", ("a.png", seven, "image/png"))])
        assert sentence(answer, 422) == "file: Extra inputs are not permitted, and 1 more"

    @pytest.mark.parametrize("kind", ["text/plain", "image/png", "application/x-www-form-urlencoded"])
    def test_of_other_types_say_what_is_taken(self, service: Served, kind: str) -> None:
        answer = service.ask("POST", "/predict", content=b"x", headers={"content-type": kind})
        assert sentence(answer, 415) == "a request's body is JSON or a form with files here"

    def test_of_a_large_body_are_a_sentence(self, open_service: OpenService, seven: bytes) -> None:
        answer = open_service(most_bytes=1000).post("/predict", as_json(seven, seven))
        assert "larger than" in sentence(answer, 413)

    def test_of_too_many_requests_are_a_sentence(self, open_service: OpenService) -> None:
        assert "too many" in sentence(open_service(requests=0).get("/health"), 503)

    def test_a_decompression_bomb_is_an_error_in_its_place(self, service: Served, seven: bytes) -> None:
        told, fine = service.post("/predict", as_json(bomb(), seven)).json()["predictions"]
        assert "pixels" in told["error"]["message"]
        assert fine["predicted"] == "7"

    def test_a_form_of_binary_files_is_not_counted_as_json(self, service: Served) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(noise).save(file, "PNG")  # 6.7 MB, in which there are 100,000 commas and braces
        answer = service.ask("POST", "/predict", files=as_form(file.getvalue()))
        assert answer.status_code == 200
        assert "predicted" in answer.json()["predictions"][0]
