"""Whatever a request holds, the answer is the one that the OpenAPI document promises."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from schemathesis import GenerationMode

from imagelet import __version__
from tests.lab.http.test_interface import CHECKS
from tests.servers import ADDRESS
from tests.service.conftest import Served

EXAMPLES = 12  # of each operation
ROUTES = {"/predict": "post", "/health": "get", "/info": "get", "/metrics": "get"}


@pytest.mark.parametrize(("path", "method"), ROUTES.items())
def test_every_answer_is_as_it_is_documented(
    open_service: Callable[..., Served], seven: bytes, path: str, method: str
) -> None:
    service = open_service()
    service.state.ready = True
    schema = schemathesis.openapi.from_dict(service.app.openapi())

    @given(st.data())
    @settings(
        max_examples=EXAMPLES if path == "/predict" else 2,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def check(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(GenerationMode))
        try:
            case = data.draw(schema[path][method].as_strategy(generation_mode=mode))
        except InvalidArgument:  # nothing is wrong where nothing is asked
            return
        if isinstance(case.body, dict) and data.draw(st.booleans()):
            in_json = case.media_type == "application/json"
            case.body["pictures"] = [base64.b64encode(seven).decode() if in_json else seven]
        prepared = case.as_transport_kwargs(base_url=ADDRESS)
        names = ("headers", "json", "params", "data", "files")
        sent = {name: prepared[name] for name in names if name in prepared}
        request = requests.Request(prepared["method"], prepared["url"], **sent).prepare()  # a form, too
        headers = {name: value for name, value in request.headers.items() if name != "Content-Length"}
        answer = service.ask(method.upper(), str(request.url), content=request.body, headers=headers)
        case.validate_response(answer, checks=CHECKS)

    check()


def test_the_document_has_every_route_and_both_forms(service: Served) -> None:
    document = service.get("/openapi.json").json()
    assert {path: next(iter(methods)) for path, methods in document["paths"].items()} == ROUTES
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "multipart/form-data"}
    for form in body.values():
        assert set(form["schema"]["properties"]) == {"pictures", "framed"}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            problem = operation["responses"]["4XX"]["content"]["application/json"]["schema"]
            assert problem == {"$ref": "#/components/schemas/Problem"}, path
            assert operation["summary"], path


def test_health_says_loading_until_pictures_can_be_opened(service: Served) -> None:
    answer = service.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"status": "loading"})
    service.state.get_ready()
    answer = service.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_info_says_what_is_served(service: Served) -> None:
    told: dict[str, Any] = service.get("/info").json()
    classifier = service.state.classifier
    assert told == {
        "name": "mnist",
        "imagelet": __version__,
        "network": classifier.network_text,
        "classes": list(classifier.classes),
        "input_shape": [28, 28, 1],
        "dataset": "mnist",
        "validation_accuracy": classifier.training["validation_accuracy"],
        "sure_from": classifier.calibration.threshold,
        "limits": {"pictures": 100, "bytes": 32 * 2**20, "seconds": 60.0},
    }
