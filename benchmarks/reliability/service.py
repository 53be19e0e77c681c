"""The service: hostile requests and pictures, who may ask, and what rude clients leave after half an hour."""

import asyncio
import base64
import contextlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from random import Random
from typing import Any

import numpy as np

from benchmarks import lab as load
from benchmarks import serve
from benchmarks.reliability import lab
from benchmarks.reliability.files import pictures
from benchmarks.reliability.fuzzing import Case, Fuzzer, WrongAnswerError
from benchmarks.reliability.mutation import mutated, mutated_json
from imagelet.classifier.classifier import Classifier
from imagelet.classifier.prediction import FramedInput, framed_input
from imagelet.errors import ImageletError
from imagelet.metrics.calibration import Calibration
from imagelet.networks.numpy_network import NumpyNetwork, plain_layers, tensor_shapes
from imagelet.preprocessing.framing import Framing
from imagelet.preprocessing.normalization import Normalization
from imagelet.preprocessing.picture import open_picture
from imagelet.service.app import create_app
from imagelet.service.settings import Settings

SHAPE = (28, 28, 1)
CLASSES = tuple("0123456789")
NETWORK = "flatten dense(10)"
FRAMING = Framing("handwriting", *SHAPE, box=20 / 28)
BOUNDARY = b"xyz"
FORM = "multipart/form-data; boundary=xyz"
PATHS = ("/predict", "/health", "/info", "/metrics", "/openapi.json", "/", "/docs", "/nothing", "//", "/../x")
MOST = 6  # pictures of a request


class _OpensHere:
    """Frames pictures in this process, whose time and memory are limited and counted."""

    def frame(self, content: bytes) -> FramedInput:
        return framed_input(open_picture(content, FRAMING.values), FRAMING)

    def close(self) -> None:
        pass


class _Refused(ImageletError):
    """What the service says of a request that it does not take."""


def classifier() -> Classifier:
    """Return a classifier of digits that has learned nothing."""
    layers = plain_layers(NETWORK, SHAPE, len(CLASSES))
    assert layers is not None
    random = np.random.default_rng(0)
    weights = {
        name: random.normal(0, 0.1, shape).astype(np.float32)
        for name, shape in tensor_shapes(layers, SHAPE).items()
    }
    network: Any = NumpyNetwork(NETWORK, SHAPE, len(CLASSES), weights)
    normalization = Normalization(mean=(0.0,), std=(1.0,))
    return Classifier(network, CLASSES, FRAMING, normalization, Calibration.none(), {})


def in_process(**settings: Any) -> lab.InProcess:
    """Return a service that is asked without a socket, and frames pictures in this process."""
    app = create_app(Settings(name="digits", port=lab.PORT, **settings), classifier())
    app.state.service.pictures.decoder = _OpensHere()
    return lab.InProcess(app, app.state.service.close)


@cache
def _service() -> lab.InProcess:
    return in_process()


# -- requests ------------------------------------------------------------------------------------------------


def _request(random: Random, number: int) -> Case:
    """Return a case of one request to predict: JSON or a form, sound or not, and pictures likewise."""
    chosen = [random.choice(pictures()) for _ in range(random.randint(1, MOST))]
    files = [mutated(random, one, pictures()) if random.random() < 0.5 else one for one in chosen]
    body, kind = (_in_json if number % 2 else _in_form)(random, files)
    if random.random() < 0.1:
        kind = random.choice(("", "text/plain", "application/json", FORM, "multipart/form-data", "a" * 5000))
    return Case({"body": body, "content-type.txt": kind.encode()}, partial(_ask, body, kind))


def _in_json(random: Random, files: Sequence[bytes]) -> tuple[bytes, str]:
    content: dict[str, Any] = {"pictures": [base64.b64encode(file).decode() for file in files]}
    content["framed"] = random.random() < 0.5
    text = mutated_json(random, content) if random.random() < 0.5 else json.dumps(content)
    body = text.encode("utf-8", "surrogatepass")
    return (mutated(random, body) if random.random() < 0.2 else body), "application/json"


def _in_form(random: Random, files: Sequence[bytes]) -> tuple[bytes, str]:
    parts = [
        b'Content-Disposition: form-data; name="pictures"; filename="a.png"\r\n\r\n' + file for file in files
    ]
    if random.random() < 0.5:
        parts.insert(0, b'Content-Disposition: form-data; name="framed"\r\n\r\ntrue')
    mark = b"--" + BOUNDARY
    body = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
    return (mutated(random, body, [mark, b"\r\n\r\n"]) if random.random() < 0.5 else body), FORM


def _ask(body: bytes, kind: str) -> None:
    """Send a request; the answer must be predictions, or an error in the form of all errors."""
    headers = {"host": f"127.0.0.1:{lab.PORT}", "content-length": str(len(body))}
    answer = _service().ask("POST", "/predict", headers | ({"content-type": kind} if kind else {}), body)
    told = json.loads(answer.body)
    if answer.status == 200:
        for prediction in told["predictions"]:
            _check(prediction)
        return
    if answer.status >= 500:
        raise WrongAnswerError(f"→ {answer.status}\n{answer.logged}")
    if set(told) != {"error"} or not told["error"]["message"]:
        raise WrongAnswerError(f"refused without a sentence: {answer.body[:500]!r}")
    raise _Refused(told["error"]["message"].replace("{", "{{").replace("}", "}}"))


def _check(prediction: dict[str, Any]) -> None:
    """Compare the parts of one prediction, which may be an error."""
    if "error" in prediction:
        if not prediction["error"]["message"]:
            raise WrongAnswerError("a picture is refused without a sentence")
        return
    probabilities = prediction["probabilities"]
    is_sound = len(probabilities) == len(CLASSES) and math.isclose(sum(probabilities), 1, abs_tol=1e-6)
    if not is_sound or probabilities[prediction["class"]] != max(probabilities):
        raise WrongAnswerError(f"a prediction that is none: {prediction}")
    if prediction["framed"] is not None:
        shape = open_picture(base64.b64decode(prediction["framed"])).shape
        if shape != SHAPE:
            raise WrongAnswerError(f"a framed input of the shape {shape}")


# -- routes --------------------------------------------------------------------------------------------------


def _route(random: Random, number: int) -> Case:
    """Return a case of one address and method, as for the lab."""
    choices = list(product(PATHS, lab.METHODS))
    path, method = choices[number * 7 % len(choices)]
    wrong = random.choice(lab.WRONG_TOKENS)
    return Case(
        {"request.txt": f"{method} {path} {wrong!r}".encode()}, partial(_ask_all, method, path, wrong)
    )


def _ask_all(method: str, path: str, wrong: str) -> None:
    with (
        contextlib.closing(in_process()) as here,
        contextlib.closing(in_process(host=lab.NETWORK_ADDRESS, token=lab.TOKEN)) as elsewhere,
    ):
        lab.check_all(here, elsewhere, method, path, wrong)


FUZZERS = (
    Fuzzer("service-requests", "requests to predict, in JSON and in forms", 20_000, _request),
    Fuzzer(
        "service-routes",
        f"addresses of the service with a method, each asked {lab.REQUESTS:,} times",
        len(PATHS) * len(lab.METHODS),
        _route,
    ),
)


# -- soak ----------------------------------------------------------------------------------------------------

RUDE = 8  # clients that send what no client should, beside those that ask
BROKEN = (
    b"GET / HT",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the beginning of TLS
    b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET",
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 99\r\n\r\n{",
    b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000,
)


@dataclass(frozen=True)
class ServiceSoak(lab.Soak):
    """Many clients ask a service for many minutes, while others send half requests; see ``lab.Soak``."""

    name: str = "service-soak"
    unit: str = f"half-minutes of {lab.CLIENTS} clients and {RUDE} rude ones"

    @contextlib.contextmanager
    def opened(self) -> Iterator[tuple[int, Any]]:
        """Open a service."""
        with serve.opened() as opened:
            yield opened

    async def serve(self, port: int, random: Random, seconds: float) -> Counter[int]:
        """Let all clients ask for so long."""
        until = asyncio.get_running_loop().time() + seconds
        rude = [asyncio.create_task(_be_rude(port, Random(random.random()), until)) for _ in range(RUDE)]
        statuses = await lab.ask_for_long(port, _requests(port), random, seconds)
        await asyncio.gather(*rude)
        return statuses


def _requests(port: int) -> list[bytes]:
    """Return requests to predict, most of all, and others."""
    sound = [serve.prediction_request(port, drawing) for drawing in load.drawings()]
    wrong = [serve.prediction_request(port, content) for content in (b"", b"no picture", sound[0])]
    names = ("health", "info", "metrics", "openapi.json", "nothing")
    read = [f"GET /{name} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for name in names]
    return [*sound, *wrong, *read]


async def _be_rude(port: int, random: Random, until: float) -> None:
    """Connect, send half of something, close one side or both, and so on."""
    while asyncio.get_running_loop().time() < until:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(random.choice(BROKEN))
            if random.random() < 0.5:
                writer.write_eof()
            await asyncio.sleep(random.random())
            if random.random() < 0.5:
                writer.transport.abort()
            await lab.closed(writer)
