"""The guard stands before every route and method: the table of ``docs/reference/http.md``, row by row."""

import asyncio
import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Mount

from imagelet.lab.http.app import create_app
from imagelet.lab.settings import Settings
from tests.lab.conftest import Lab

PAGE = Path(__file__).parents[3] / "docs/reference/http.md"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")
NAMES = ("host", "origin", "sec-fetch-site")
Pairs = tuple[tuple[str, str], ...]


def documented() -> list[tuple[Pairs, int]]:
    """Return the rows of the page's table: the headers, and the status."""
    section = PAGE.read_text("utf-8").partition("## Who may ask")[2].partition("\n## ")[0]
    rows = [re.split(r"\s*\|\s*", line)[1:-1] for line in section.splitlines() if line.startswith("|")][2:]
    return [
        (
            tuple((name, cell.strip("`")) for name, cell in zip(NAMES, row, strict=False) if cell),
            int(row[-1]),
        )
        for row in rows
    ]


def paths() -> list[str]:
    """Return an address of every route and mount; parts in braces are filled in."""
    app = create_app(Settings(Path("nowhere"), training=False))
    app.state.lab.close()
    found = {"/", "/style.css", "/js/main.js", "/nothing"}
    route: Any
    for route in app.routes:
        routes = [route] if hasattr(route, "path") else route.original_router.routes  # FastAPI's
        found |= {re.sub(r"\{.*?\}", "x", route.path) + "/x" * isinstance(route, Mount) for route in routes}
    return sorted(found)


def statuses(lab: Lab, requests: Sequence[tuple[str, str, Pairs]]) -> list[tuple[int, bytes]]:
    """Return status and body of a response to each method, path and headers; nothing is sent with them."""

    async def one(method: str, path: str, headers: Pairs) -> tuple[int, bytes]:
        sent: list[Any] = []
        parts = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            if (part := next(parts, None)) is None:
                await asyncio.Event().wait()  # for ever: nobody hangs up
            assert part is not None
            return part

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            **{"type": "http", "http_version": "1.1", "method": method, "path": path, "query_string": b""},
            **{"raw_path": path.encode(), "root_path": "", "scheme": "http", "server": ("127.0.0.1", 8765)},
            "headers": [(name.encode(), value.encode()) for name, value in headers],
        }
        await lab.app(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])

    async def all_of_them() -> list[tuple[int, bytes]]:
        return [await one(*request) for request in requests]

    return asyncio.run(all_of_them())


def test_the_routes_are_all_there() -> None:
    assert {"/api/predict", "/api/jobs/x", "/api/runs/x/restore", "/openapi.json", "/"} <= set(paths())
    assert len(paths()) > 30


@pytest.mark.parametrize(("headers", "status"), documented())
def test_what_the_page_says_holds_for_every_route_and_method(lab: Lab, headers: Pairs, status: int) -> None:
    requests = [(method, path, headers) for path, method in itertools.product(paths(), METHODS)]
    if status == 200:  # the route itself may find other faults, or do what nobody wants here
        requests = [("GET", "/api/kernels", headers), ("GET", "/", headers), ("GET", "/style.css", headers)]
    for (method, path, _), (given, body) in zip(requests, statuses(lab, requests), strict=True):
        assert given == status, (method, path)
        if status != 200:
            assert set(json.loads(body)["error"]) == {"message", "hint"}


def test_the_page_has_every_answer() -> None:
    assert {status for _, status in documented()} == {200, 403, 421}


@pytest.mark.parametrize("name", [*NAMES, "content-type", "content-length", "sec-fetch-mode"])
@pytest.mark.parametrize("second", ["same", "other"])
def test_a_header_twice_is_refused_everywhere(lab: Lab, name: str, second: str) -> None:
    values = {
        "host": "localhost:8765",
        "origin": "http://localhost:8765",
        "sec-fetch-site": "same-origin",
        "content-length": "0",
    }
    value = values.get(name, "application/json")
    twice = ((name, value), (name, value if second == "same" else "site.example"))
    headers = (*((other, values[other]) for other in NAMES if other != name), *twice)
    requests = [(method, path, headers) for path, method in itertools.product(paths(), METHODS)]
    assert {status for status, _ in statuses(lab, requests)} == {400}


def test_without_the_token_nothing_is_answered_anywhere(open_lab: Any) -> None:
    lab = open_lab(host="192.168.1.5", token="a-token-that-nobody-guesses")
    for host in ("192.168.1.5:8765", "localhost:8765", "site.example"):
        headers = (("host", host), ("origin", f"http://{host}"), ("sec-fetch-site", "same-origin"))
        requests = [(method, path, headers) for path, method in itertools.product(paths(), METHODS)]
        assert {status for status, _ in statuses(lab, requests)} == {401}
