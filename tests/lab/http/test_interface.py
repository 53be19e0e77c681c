"""Whatever a request holds, the answer is the one that the OpenAPI document promises; nothing is trained."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests.lab.conftest import Lab
from tests.servers import ADDRESS

load_all_checks()
CHECKS = (
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
)
"""What every answer is held against."""

EXAMPLES = 12  # of each operation
EVENTS = "/events"  # a stream that ends with a job is no single answer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, trained_run: Path) -> Iterator[Lab]:
    from imagelet.lab.settings import Settings

    runs = tmp_path_factory.mktemp("lab") / "runs"
    shutil.copytree(trained_run, runs / "small")
    opened = Lab(Settings(runs=runs, training=False))
    yield opened
    opened.close()


def operations() -> list[str]:
    from imagelet.lab.http.app import create_app
    from imagelet.lab.settings import Settings

    document = create_app(Settings(runs=Path("nowhere"), training=False)).openapi()
    return [f"{method.upper()} {path}" for path, each in document["paths"].items() for method in each]


OPERATIONS = operations()


def hopeful(value: Any, draw: Callable[[Any], Any], seven: str) -> Any:
    """Return what was made up with names, pictures and places that exist in three of four cases."""
    if not isinstance(value, dict) or not draw(st.integers(0, 3)):
        return value
    real: dict[str, Any] = {"picture": seven, "pictures": [seven], "layer": "conv1", "place": [3, 4, 1]}
    real |= {"classifier": draw(st.sampled_from(["mnist", "small"])), "text": "cnn-1", "label": "7"}
    for name in ("image", "kernel"):  # matrices
        if isinstance(rows := value.get(name), list) and all(isinstance(row, list) for row in rows):
            real[name] = [row[:1] * 3 for row in rows] * 3
    made = {name: real.get(name, each) for name, each in value.items() if name != "sample"}
    return {"picture": seven, **made} if "sample" in value else made


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_as_it_is_documented(served: Lab, seven: str, operation: str) -> None:
    method, path = operation.split()
    if path.endswith(EVENTS):
        pytest.skip("a stream")
    schema = schemathesis.openapi.from_dict(served.app.openapi())
    described = schema[path][method]

    @given(st.data())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def check(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(GenerationMode))
        try:
            case = data.draw(described.as_strategy(generation_mode=mode))
        except InvalidArgument:  # nothing is wrong where nothing is asked
            return
        case.body = hopeful(case.body, data.draw, seven)
        case.query = hopeful(case.query, data.draw, seven)
        if method == "GET" and "name" in (case.path_parameters or {}):
            case.path_parameters["name"] = "cnn-3" if "/course/" in case.path else "small"
        prepared = case.as_transport_kwargs(base_url=ADDRESS)
        answer = served.ask(
            prepared["method"],
            prepared["url"],
            prepared.get("json"),
            params=prepared.get("params"),
            content=prepared.get("data"),
            headers=dict(prepared["headers"]),
        )
        case.validate_response(answer, checks=CHECKS)

    check()


def test_the_document_covers_the_contract(served: Lab) -> None:
    wanted = {
        *("/api/classifiers", "/api/predict", "/api/explain", "/api/number", "/api/filters", "/api/samples"),
        *("/api/own", "/api/networks", "/api/network", "/api/convolve", "/api/pool", "/api/kernels"),
        *("/api/datasets", "/api/recipes"),
    }
    assert wanted <= set(served.app.openapi()["paths"])


def test_the_page_on_http_names_every_operation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "http.md").read_text("utf-8")
    assert [each for each in OPERATIONS if f"`{each}`" not in page] == []


def test_every_operation_says_what_an_error_looks_like(served: Lab) -> None:
    for path, methods in served.app.openapi()["paths"].items():
        for method, each in methods.items():
            problem = each["responses"]["4XX"]["content"]["application/json"]["schema"]
            assert problem == {"$ref": "#/components/schemas/Problem"}, (path, method)
            assert each["summary"], (path, method)
