"""Who may ask the lab, how much, and what a browser may do with what it answers."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagelet.errors import BusyError
from imagelet.http.computing import Threads
from imagelet.http.guard import HEADERS, MOST_VALUES, POLICY
from imagelet.http.settings import is_loopback
from imagelet.lab.http.app import STATIC
from imagelet.lab.services.classifiers import Classifiers
from imagelet.lab.settings import Settings
from tests.lab.conftest import Lab
from tests.servers import ADDRESS, in_a_loop

OPEN_HOST = "192.168.1.5"
TOKEN = "a-token-that-nobody-guesses"

OpenLab = Callable[..., Lab]


def refused(answer: httpx.Response, status: int) -> str:
    """Return the sentence of an answer that must be a refusal in the form that every error has."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) - {"meant", "field"} == {"message", "hint"}
    return str(error["message"])


class TestHost:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1:8765",
            "localhost:8765",
            "LOCALHOST:8765",
            "[::1]:8765",
            "localhost:9000",
            "127.0.0.1",
            "[::1]",
        ],
    )
    def test_the_servers_own_names_are_answered(self, lab: Lab, host: str) -> None:
        assert lab.get("/api/kernels", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            *("evil.com", "evil.com:8765", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1.evil.com:8765"),
            *("localhost:", "localhost.:8765", "localhost:8765, evil.com", "[::1", "::1", "127.0.0.2:8765"),
            *("localhost.evil.com:8765", "127.0.0.1:8765.evil.com", "127.0.0.1:8765@evil.com", "", "0:8765"),
        ],
    )
    @pytest.mark.parametrize("path", ["/", "/api/kernels", "/openapi.json", "/style.css", "/api/own"])
    def test_a_foreign_name_that_leads_here_is_not(self, lab: Lab, host: str, path: str) -> None:
        answer = lab.get(path, headers={"host": host})
        assert "its own address" in refused(answer, 421)


class TestOrigin:
    def test_the_page_itself_may_ask(self, lab: Lab) -> None:
        headers = {"origin": ADDRESS, "sec-fetch-site": "same-origin"}
        assert lab.post("/api/network", {"text": "cnn-1"}, headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            *({"origin": each} for each in ("http://evil.com", "null", "https://127.0.0.1:9999", "")),
            *({"origin": each} for each in ("http://localhost:8765", "http://127.0.0.1", "127.0.0.1:8765")),
            *({"sec-fetch-site": each} for each in ("cross-site", "same-site", "something-new")),
            {"origin": ADDRESS, "sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        ],
    )
    @pytest.mark.parametrize(("method", "path"), [("POST", "/api/network"), ("GET", "/api/networks")])
    def test_a_page_of_another_site_may_not(
        self, lab: Lab, headers: dict[str, str], method: str, path: str
    ) -> None:
        body = {"text": "cnn-1"} if method == "POST" else None
        assert "another site" in refused(lab.ask(method, path, body, headers=headers), 403)

    def test_a_link_on_another_site_may_open_the_page(self, lab: Lab) -> None:
        headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        assert lab.get("/", headers=headers).status_code == 200
        assert lab.get("/style.css", headers={**headers, "sec-fetch-mode": "no-cors"}).status_code == 403


class TestBody:
    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"]
    )
    def test_what_a_form_could_send_is_refused(self, lab: Lab, kind: str) -> None:
        content = json.dumps({"text": "cnn-1"}).encode()
        answer = lab.ask("POST", "/api/network", content=content, headers={"content-type": kind})
        assert "JSON" in refused(answer, 415)

    def test_json_with_a_charset_is_json(self, lab: Lab) -> None:
        content = json.dumps({"text": "cnn-1"}).encode()
        headers = {"content-type": "application/json; charset=utf-8"}
        assert lab.ask("POST", "/api/network", content=content, headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "content",
        [
            *(
                b"{",
                b"\xff\xfe",
                b'{"text": "\xff"}',
                b"[" * 3_000 + b"]" * 3_000,
            ),
            *(b'{"a":' * 9_000 + b"1" + b"}" * 9_000, b'{"classes": ' + b"9" * 5_000 + b"}"),
        ],
    )
    def test_what_is_no_json_is_a_sentence(self, lab: Lab, content: bytes) -> None:
        headers = {"content-type": "application/json"}
        answer = lab.ask("POST", "/api/network", content=content, headers=headers)
        assert refused(answer, 400) == "the request's body is not JSON"

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/api/network", {"text": "\ud800"}),
            ("/api/network", {"\udfff": 1}),
            ("/api/predict", {"classifier": "\ud800", "pictures": ["AAAA"]}),
            ("/api/explain", {"classifier": "mnist", "picture": "\udc00"}),
            ("/api/number", {"classifier": "mnist", "sample": "test:1", "layer": "\ud800", "index": [0]}),
            ("/api/own", {"classifier": "mnist", "picture": "AAAA", "label": "\ud800"}),
            ("/api/convolve", {"image": [["\ud800"]], "kernel": [[1]]}),
        ],
    )
    def test_half_a_character_is_a_sentence(self, lab: Lab, path: str, body: object) -> None:
        headers = {"content-type": "application/json"}
        answer = lab.ask("POST", path, content=json.dumps(body).encode(), headers=headers)
        assert refused(answer, 422)

    @pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "multipart/form-data", "multipart/"])
    @pytest.mark.parametrize("content", [b"--x\r\n", b"", b'--x\r\nContent-Disposition: form-data; name="a"'])
    def test_of_a_form_with_files_is_refused_whatever_it_holds(
        self, lab: Lab, kind: str, content: bytes
    ) -> None:
        for method in ("POST", "PATCH", "DELETE"):
            answer = lab.ask(method, "/api/own", content=content, headers={"content-type": kind})
            assert "JSON" in refused(answer, 415)

    def test_of_very_many_values_is_not_parsed(self, lab: Lab) -> None:
        content = b"[" + b"1," * MOST_VALUES + b"1]"
        answer = lab.ask("POST", "/api/pool", content=content, headers={"content-type": "application/json"})
        assert "more than 100,000 values" in refused(answer, 413)

    def test_of_all_open_requests_have_a_total(self, open_lab: OpenLab) -> None:
        lab = open_lab(most_bytes_open=1_000)
        for _ in range(3):
            assert "too much is being sent" in refused(lab.post("/api/network", {"text": "relu " * 400}), 503)
        assert lab.post("/api/network", {"text": "cnn-1"}).status_code == 200  # nothing of them is left

    def test_one_that_says_it_is_too_large_is_not_read(self, open_lab: OpenLab) -> None:
        answer = open_lab(most_bytes=1000).post("/api/network", {"text": "relu " * 1000})
        assert "larger than" in refused(answer, 413)

    def test_one_that_does_not_say_it_is_read_no_further_than_allowed(self, open_lab: OpenLab) -> None:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while sent < 100:
                sent += 1
                yield b" " * 1000

        headers = {"content-type": "application/json"}
        answer = open_lab(most_bytes=10_000).ask("POST", "/api/network", content=endless(), headers=headers)
        assert "larger than" in refused(answer, 413)
        assert sent == 11

    def test_one_that_does_not_arrive_is_not_waited_for(self, open_lab: OpenLab) -> None:
        async def stuck() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.sleep(10)

        headers = {"content-type": "application/json"}
        answer = open_lab(body_seconds=0.05).ask("POST", "/api/network", content=stuck(), headers=headers)
        assert "in time" in refused(answer, 408)


class TestQuery:
    @pytest.mark.parametrize("text", ["%ED%A0%80", "%FF", "%00", "\\ud800", "%u0000", "a" * 5_000])
    @pytest.mark.parametrize(
        "path",
        [
            *("/api/filters?classifier={}&layer={}", "/api/samples?classifier={}", "/api/runs/{}"),
            *("/api/samples?classifier=mnist&seed={}", "/api/compare?runs={}", "/api/jobs/{}/events"),
            *("/api/course/pages/{}", "/api/course/pages/README?language={}", "/{}"),
        ],
    )
    def test_that_is_no_text_is_a_sentence(self, lab: Lab, path: str, text: str) -> None:
        answer = lab.get(path.format(text, text))
        assert refused(answer, answer.status_code)
        assert 400 <= answer.status_code < 500


class TestToken:
    @pytest.fixture
    def guarded(self, open_lab: OpenLab) -> Lab:
        return open_lab(host=OPEN_HOST, token=TOKEN)

    @pytest.mark.parametrize(
        "path", ["/", "/style.css", "/api/kernels", "/openapi.json", "/api/kernels?token=x"]
    )
    def test_nothing_is_told_without_it(self, guarded: Lab, path: str) -> None:
        answer = guarded.get(path, headers={"host": f"{OPEN_HOST}:8765"})
        assert "token" in refused(answer, 401)
        assert TOKEN not in answer.text

    @pytest.mark.parametrize("shown", ["", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ä", "Bearer"])
    def test_another_one_opens_nothing(self, guarded: Lab, shown: str) -> None:
        for headers in (
            {"authorization": f"Bearer {shown}".encode()},
            {"cookie": f"imagelet-lab-8765={shown}".encode()},
        ):
            refused(guarded.get("/api/kernels", headers=headers), 401)
        refused(guarded.get("/", params={"token": shown}), 401)

    def test_it_is_taken_from_the_header(self, guarded: Lab) -> None:
        headers = {"authorization": f"Bearer {TOKEN}", "host": "my-computer:8765"}
        assert guarded.get("/api/kernels", headers=headers).status_code == 200

    def test_the_page_changes_it_into_a_cookie(self, guarded: Lab) -> None:
        answer = guarded.get("/", params={"token": TOKEN})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/"
        cookie = answer.headers["set-cookie"]
        for part in ("HttpOnly", "SameSite=strict", "Path=/"):
            assert part in cookie
        shown = {"cookie": cookie.partition(";")[0]}
        assert guarded.get("/", headers=shown).status_code == 200
        assert guarded.get("/api/kernels", headers=shown).status_code == 200

    def test_it_is_no_leave_for_other_sites(self, guarded: Lab) -> None:
        headers = {"authorization": f"Bearer {TOKEN}", "origin": "http://evil.com"}
        refused(guarded.get("/api/kernels", headers=headers), 403)

    def test_it_is_not_taken_from_other_addresses(self, guarded: Lab) -> None:
        refused(guarded.get(f"/api/kernels?token={TOKEN}"), 401)

    def test_a_lab_that_others_reach_has_one(self) -> None:
        with pytest.raises(ValueError, match="needs a token"):
            Settings(runs=Path("runs"), host=OPEN_HOST)
        assert TOKEN not in repr(Settings(runs=Path("runs"), host=OPEN_HOST, token=TOKEN))

    @pytest.mark.parametrize(
        ("host", "expected"),
        [
            *(("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)),
            *(("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("evil.com", False), ("", False)),
        ],
    )
    def test_what_this_machine_alone_reaches_is_known(self, host: str, expected: bool) -> None:
        assert is_loopback(host) is expected


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            *("/../settings.py", "/%2e%2e/settings.py", "/%2e%2e%2fsettings.py", "/js/../../settings.py"),
            *("//etc/passwd", "/%2fetc/passwd", "/js/%2e%2e/%2e%2e/app.py", "/..%5csettings.py", "/%00"),
        ],
    )
    def test_no_address_leads_out_of_the_page(self, lab: Lab, path: str) -> None:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        plain = httpx.URL(f"{ADDRESS}{path}").path if "%" in path else path
        scope = {
            **{"type": "http", "http_version": "1.1", "method": "GET", "path": plain, "query_string": b""},
            **{"raw_path": path.encode(), "root_path": "", "scheme": "http", "server": ("127.0.0.1", 8765)},
            "headers": [(b"host", b"127.0.0.1:8765")],
        }
        in_a_loop(lab.app(scope, receive, send))
        assert sent[0]["status"] == 404
        assert b"Settings" not in sent[1]["body"]

    @pytest.mark.parametrize(
        "name",
        [
            *(
                "../..",
                "../small",
                "small/",
                "./small",
                "/etc/passwd",
                "%2e%2e/small",
                "..\\small",
                "small\x00",
            ),
            *("classifier", "~", "", "own-pictures", "../../src/imagelet/pretrained/mnist"),
        ],
    )
    def test_no_name_of_a_classifier_is_a_path(
        self, lab: Lab, small_run: Path, seven: str, name: str
    ) -> None:
        assert lab.post("/api/predict", {"classifier": "small", "pictures": [seven]}).status_code == 200
        for given in (name, f"{small_run.parent}/{name}"):
            answer = lab.post("/api/predict", {"classifier": given, "pictures": [seven]})
            refused(answer, 404 if given else 422)


class TestAnswers:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            *(("GET", "/", 200), ("GET", "/style.css", 200), ("GET", "/api/kernels", 200)),
            *(("GET", "/nothing", 404), ("GET", "/api/nothing", 404), ("DELETE", "/api/kernels", 405)),
            *(("GET", "/openapi.json", 200), ("POST", "/", 405)),
        ],
    )
    def test_each_has_the_policy(self, lab: Lab, method: str, path: str, status: int) -> None:
        answer = lab.ask(method, path)
        assert answer.status_code == status
        for name, value in HEADERS.items():
            if name != "Cache-Control":
                assert answer.headers[name] == value
        if status >= 400:
            assert answer.json()["error"]["message"]

    def test_the_policy_lets_no_script_in_but_our_own(self) -> None:
        rules = dict(rule.strip().split(" ", 1) for rule in POLICY.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
        assert "unsafe" not in POLICY

    def test_an_unexpected_error_is_a_sentence_and_goes_to_the_log(
        self, lab: Lab, seven: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fails(*_: object) -> None:
            raise RuntimeError("a secret at /home/ann/runs")

        monkeypatch.setattr(Classifiers, "load", fails)
        with caplog.at_level(logging.ERROR, "imagelet.http"):
            answer = lab.post("/api/predict", {"classifier": "mnist", "pictures": [seven]})
        assert refused(answer, 500) == "something unexpected went wrong"
        for part in ("secret", "ann", "Traceback", "RuntimeError", ".py"):
            assert part not in answer.text
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert "a secret" in caplog.text

    def test_the_pages_files_are_asked_for_again_and_not_sent_again(self, lab: Lab) -> None:
        first = lab.get("/style.css")
        assert first.headers["Cache-Control"] == "no-cache"
        again = lab.get("/style.css", headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304
        assert again.headers["Content-Security-Policy"] == POLICY
        assert lab.get("/api/kernels").headers["Cache-Control"] == "no-store"

    def test_the_pages_scripts_are_scripts(self, lab: Lab) -> None:
        for path in STATIC.rglob("*.js"):
            answer = lab.get(f"/{path.relative_to(STATIC).as_posix()}")
            assert answer.headers["content-type"].startswith("text/javascript")


class TestLimits:
    def test_more_than_can_wait_is_sent_away(self, open_lab: OpenLab) -> None:
        lab, free = open_lab(at_once=1, waiting=1), threading.Event()

        async def scenario() -> list[httpx.Response]:
            transport = httpx.ASGITransport(lab.app)
            async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
                held = asyncio.create_task(lab.state.threads.run(free.wait, 10))
                waiting = asyncio.create_task(client.get("/api/networks"))
                await asyncio.sleep(0.2)
                refused_one = await client.get("/api/networks")
                free.set()
                await held
                return [refused_one, await waiting, await client.get("/api/networks")]

        first, second, third = in_a_loop(scenario())
        assert "computed already" in refused(first, 503)
        assert int(first.headers["Retry-After"]) > 0
        assert second.status_code == third.status_code == 200

    def test_what_takes_too_long_is_given_up(self) -> None:
        work = Threads(1, 1, 0.05)
        with pytest.raises(BusyError, match=r"longer than 0\.05 seconds"):
            in_a_loop(work.run(time.sleep, 0.3))
        work.close()

    def test_too_many_open_requests_are_sent_away(self, open_lab: OpenLab) -> None:
        assert "too many" in refused(open_lab(requests=0).get("/api/kernels"), 503)

    def test_too_many_pictures_are_a_sentence(self, lab: Lab, seven: str) -> None:
        answer = lab.post("/api/predict", {"classifier": "mnist", "pictures": [seven] * 101})
        assert "at most 100" in refused(answer, 422)

    def test_errors_free_their_place(self, open_lab: OpenLab) -> None:
        lab = open_lab(at_once=1, waiting=0, requests=1)
        for _ in range(4):
            refused(lab.get("/api/filters", params={"classifier": "none", "layer": "conv1"}), 404)
