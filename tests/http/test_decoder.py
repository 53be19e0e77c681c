"""Pictures of strangers are opened in processes that may crash, hang or lie."""

import io
import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagelet.classifier.prediction import framed_input
from imagelet.errors import PictureError
from imagelet.http import decoding_worker
from imagelet.http.decoder import COMMAND, Decoder
from imagelet.http.pictures import picture_file
from imagelet.messages import translate
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.picture import open_picture
from tests.servers import drawing, png, png_file

SEVEN = picture_file(png(drawing(28)))

MISBEHAVING = """
import os, sys, time
from imagelet.http import decoding_worker
from imagelet.preprocessing.picture import open_picture

decoding_worker.SECONDS = int(sys.argv[1])

def open_it(content, values):
    if content == b"abort":
        os.abort()
    if content == b"sleep":
        time.sleep(600)
    while content == b"compute":
        pass
    if content == b"memory":
        bytearray(2 * decoding_worker.MEMORY_BYTES)
    if content == b"print":
        print("a library's chatter", flush=True)
        content = sys.argv[2].encode("latin-1")
    return open_picture(content, values)

sys.exit(decoding_worker.main(open_it))
"""


def misbehaving(seconds: int = 60) -> list[str]:
    """Return the command of a worker that does what a picture's bytes say."""
    return [sys.executable, "-c", MISBEHAVING, str(seconds), ""]


@pytest.fixture
def make_decoder() -> Iterator[Callable[..., Decoder]]:
    made = []

    def make(**named: object) -> Decoder:
        made.append(Decoder(**named))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for decoder in made:
        decoder.close()


class TestPictures:
    @pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
    def test_come_out_as_without_a_worker(self, decoder: Decoder, mode: str) -> None:
        content = picture_file(png(drawing(40).convert(mode)))
        pixels = decoder.open(content)
        assert pixels.dtype == np.uint8
        assert np.array_equal(pixels, open_picture(content))

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"no picture at all",
            SEVEN[:60],
            Path(__file__).read_bytes(),
            SEVEN[:16] + bytes(17) + SEVEN[33:],
        ],
    )
    def test_that_cannot_be_read_have_the_same_sentence_in_every_language(
        self, decoder: Decoder, content: bytes
    ) -> None:
        with pytest.raises(PictureError) as expected:
            open_picture(content)
        with pytest.raises(PictureError) as caught:
            decoder.open(content)
        for language in ("en", "ko"):
            for part in ("message", "hint"):
                given, wanted = getattr(caught.value, part), getattr(expected.value, part)
                assert translate(given, language) == translate(wanted, language)

    def test_numbers_of_more_than_8_bits_become_what_the_classifier_learned_from(
        self, decoder: Decoder
    ) -> None:
        file = io.BytesIO()
        Image.fromarray(np.linspace(200, 263, 64).reshape(8, 8).astype(np.uint16)).save(file, "PNG")
        assert decoder.open(file.getvalue()).max() <= 1  # of 65535
        spread = decoder.open(file.getvalue(), (200.0, 263.0))
        assert np.array_equal(spread, open_picture(file.getvalue(), (200.0, 263.0)))
        assert (spread.min(), spread.max()) == (0, 255)

    def test_are_opened_by_a_process_that_loads_little(self) -> None:
        code = "import sys, imagelet.http.decoding_worker; print(*sys.modules)"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "numpy" in loaded.stdout.split()
        assert not {"torch", "scipy", "fastapi", "pydantic", "matplotlib"} & set(loaded.stdout.split())


class TestFraming:
    FRAMING = Framing("handwriting", 28, 28, 1, box=20 / 28)

    @pytest.fixture
    def framing_decoder(self, make_decoder: Callable[..., Decoder]) -> Decoder:
        return make_decoder(workers=1, framing=self.FRAMING)

    def test_is_that_of_the_classifier(self, framing_decoder: Decoder) -> None:
        blank = png_file(Image.new("RGB", (50, 40), "white"))
        marks = drawing(200)
        marks.paste(drawing(90), (100, 105))
        for content in (png_file(drawing(90)), png_file(drawing(28)), png_file(marks), blank):
            framed = framing_decoder.frame(content)
            expected = framed_input(open_picture(content), self.FRAMING)
            assert np.array_equal(framed.image, expected.image)
            assert framed.unclear == expected.unclear
            for language in ("en", "ko"):
                told = [translate(warning, language) for warning in framed.warnings]
                assert told == [translate(warning, language) for warning in expected.warnings]
        assert framed.warnings

    def test_takes_the_range_of_values_that_it_has(self, make_decoder: Callable[..., Decoder]) -> None:
        file = io.BytesIO()
        Image.fromarray(np.linspace(200, 263, 64).reshape(8, 8).astype(np.uint16)).save(file, "PNG")
        framing = Framing("fit", 8, 8, 1, values=(200.0, 263.0))
        image = make_decoder(workers=1, framing=framing).frame(file.getvalue()).image
        assert (image.min(), image.max()) == (0, 255)

    def test_of_what_cannot_be_read_is_an_error(self, framing_decoder: Decoder) -> None:
        with pytest.raises(PictureError, match="is not a PNG"):
            framing_decoder.frame(b"no picture at all")
        assert framing_decoder.frame(SEVEN).image.shape == (28, 28, 1)

    @pytest.mark.parametrize(
        "header",
        [
            {"shape": [1, 1, 1], "warnings": [], "unclear": False},
            {"shape": [2, 1, 1], "unclear": False},
            {"shape": [2, 1, 1], "warnings": [{"template": "{0}", "values": {}}], "unclear": False},
            {"shape": [2, 1, 1], "warnings": 3, "unclear": False},
        ],
    )
    def test_that_a_worker_made_up_is_not_believed(
        self, make_decoder: Callable[..., Decoder], header: object
    ) -> None:
        text = json.dumps(header).encode()
        response = len(text).to_bytes(4) + text + bytes(2)
        code = f"import sys; sys.stdin.buffer.read(9); sys.stdout.buffer.write({response!r})"
        decoder = make_decoder(
            workers=1, command=[sys.executable, "-c", code], framing=Framing("fit", 2, 1, 1)
        )
        with pytest.raises(PictureError, match="cannot be decoded"):
            decoder.frame(b"x")


class TestReplacement:
    @pytest.mark.parametrize("content", [b"abort", b"memory"])
    def test_of_a_worker_that_dies(self, make_decoder: Callable[..., Decoder], content: bytes) -> None:
        if content == b"memory" and sys.platform != "linux":
            pytest.skip("memory is not limited here")
        decoder = make_decoder(workers=1, command=misbehaving())
        for _ in range(2):
            with pytest.raises(
                PictureError, match=r"cannot be decoded: it is damaged, or takes too much memory"
            ):
                decoder.open(content)
            assert decoder.open(SEVEN).shape == (28, 28, 1)

    @pytest.mark.parametrize("content", [b"sleep", b"compute"])
    def test_of_a_worker_that_is_late(self, make_decoder: Callable[..., Decoder], content: bytes) -> None:
        decoder = make_decoder(workers=1, command=misbehaving(), seconds=0.2)
        with pytest.raises(PictureError, match=r"takes longer than 0\.2 seconds to decode"):
            decoder.open(content)
        decoder._seconds = 60
        assert decoder.open(SEVEN).shape == (28, 28, 1)

    def test_of_a_worker_that_died_while_it_was_idle(self, make_decoder: Callable[..., Decoder]) -> None:
        decoder = make_decoder(workers=1)
        decoder.open(SEVEN)
        (worker,) = decoder._workers
        worker._process.kill()
        worker._process.wait()
        assert decoder.open(SEVEN).shape == (28, 28, 1)

    def test_is_not_waited_for_by_others(self, make_decoder: Callable[..., Decoder]) -> None:
        decoder = make_decoder(workers=2, command=misbehaving())

        def sleep() -> None:
            with pytest.raises(PictureError):
                decoder.open(b"sleep")

        late = threading.Thread(target=sleep)
        late.start()
        for _ in range(3):
            assert decoder.open(SEVEN).shape == (28, 28, 1)
        assert late.is_alive()
        decoder.close()  # ends it
        late.join()
        with pytest.raises(PictureError, match="closed"):
            decoder.open(SEVEN)


class TestWorker:
    @pytest.mark.parametrize(
        "response",
        [
            *(b"", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\2[]", b"\0\0\0\5nope!"),
            *(
                b'\0\0\0\x10{"shape":[1,1]} ',
                b'\0\0\0\x12{"shape":[1,1,7]} ',
                b'\0\0\0\x12{"shape":[0,1,1]} ',
            ),
            b'\0\0\0\x1e{"shape":[99999999,99999999,3]}'.replace(b"\x1e", b"\x1f"),
            b'\0\0\0\x12{"shape":[9,9,1]} too few',
            b"\0\0\x20\0" + b"[" * 0x2000,
        ],
    )
    def test_that_lies_is_not_believed(self, make_decoder: Callable[..., Decoder], response: bytes) -> None:
        code = f"import sys; sys.stdin.buffer.read(9); sys.stdout.buffer.write({response!r})"
        decoder = make_decoder(workers=1, command=[sys.executable, "-c", code])
        with pytest.raises(PictureError, match="cannot be decoded"):
            decoder.open(b"x")

    @pytest.mark.parametrize(
        "template", ["{picture.__class__}", "{picture:>999999999}", "{picture!r}", "{0}", "{", 3, None]
    )
    def test_writes_no_template_that_reaches_further(
        self, make_decoder: Callable[..., Decoder], template: object
    ) -> None:
        message = {"template": template, "values": {"picture": "it"}}
        text = json.dumps({"error": {"message": message, "hint": message}}).encode()
        response = len(text).to_bytes(4) + text
        code = f"import sys; sys.stdin.buffer.read(9); sys.stdout.buffer.write({response!r})"
        decoder = make_decoder(workers=1, command=[sys.executable, "-c", code])
        with pytest.raises(PictureError, match="cannot be decoded"):
            decoder.open(b"x")

    def test_prints_nothing_between_its_responses(self, make_decoder: Callable[..., Decoder]) -> None:
        decoder = make_decoder(workers=1, command=[*misbehaving()[:-1], "no picture"])
        with pytest.raises(PictureError, match="is not a PNG"):
            decoder.open(b"print")
        assert decoder.open(SEVEN).shape == (28, 28, 1)

    def test_ends_with_its_input(self) -> None:
        assert (
            subprocess.run(COMMAND, input=b"", capture_output=True, timeout=60, check=False).returncode == 0
        )

    @pytest.mark.skipif(os.name != "posix", reason="the system has no such limits")
    @pytest.mark.parametrize(
        ("content", "signals"),
        [(b"sleep", (signal.SIGALRM,)), (b"compute", (signal.SIGALRM, signal.SIGXCPU))],
    )
    def test_ends_by_itself_where_nobody_waits_for_it(
        self, content: bytes, signals: tuple[signal.Signals, ...]
    ) -> None:
        request = decoding_worker.REQUEST.pack(len(content), math.nan, math.nan) + content
        ended = subprocess.run(misbehaving(0), input=request, capture_output=True, timeout=60, check=False)
        assert -ended.returncode in signals

    @pytest.mark.skipif(sys.platform != "linux", reason="memory is not limited elsewhere")
    def test_has_room_for_the_largest_picture(
        self, make_decoder: Callable[..., Decoder], tmp_path: Path
    ) -> None:
        Image.new("RGB", (6000, 6000), "red").save(tmp_path / "large.png", compress_level=1)
        pixels = make_decoder(workers=1).open((tmp_path / "large.png").read_bytes())
        assert pixels.shape == (6000, 6000, 3)
