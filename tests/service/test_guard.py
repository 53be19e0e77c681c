"""The service is guarded as the lab is: hosts, origins and the token, on every route and method."""

import itertools
from collections.abc import Callable

import pytest

from tests.service.conftest import Served
from tests.service.test_predict import as_json, sentence

OPEN_HOST = "192.168.1.5"
TOKEN = "a-token-that-nobody-guesses"
PATHS = ("/predict", "/health", "/info", "/metrics", "/openapi.json", "/", "/nothing")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OpenService = Callable[..., Served]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.com"}, 421),
        ({"host": "localhost.evil.com:8766"}, 421),
        ({"origin": "http://evil.com"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
    ],
)
def test_other_sites_are_refused_everywhere(service: Served, headers: dict[str, str], status: int) -> None:
    for path, method in itertools.product(PATHS, METHODS):
        assert sentence(service.ask(method, path, headers=headers), status)


@pytest.mark.parametrize("host", ["127.0.0.1:8766", "localhost:9000", "[::1]:8766", "localhost"])
def test_its_own_names_are_answered(service: Served, host: str) -> None:
    assert service.get("/info", headers={"host": host}).status_code == 200


class TestToken:
    @pytest.fixture
    def guarded(self, open_service: OpenService) -> Served:
        return open_service(host=OPEN_HOST, token=TOKEN)

    def test_nothing_is_told_without_it(self, guarded: Served) -> None:
        for path, method in itertools.product(PATHS, METHODS):
            answer = guarded.ask(method, path, headers={"host": f"{OPEN_HOST}:8766"})
            assert sentence(answer, 401) == "this server asks for its token"
            assert TOKEN not in answer.text

    @pytest.mark.parametrize("shown", ["", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ä"])
    def test_a_wrong_one_is_answered_as_none_is(self, guarded: Served, shown: str) -> None:
        without = guarded.get("/health")
        answer = guarded.get("/health", headers={"authorization": f"Bearer {shown}".encode()})
        assert (answer.status_code, answer.content) == (without.status_code, without.content)
        assert answer.status_code == 401

    @pytest.mark.parametrize(
        "shown",
        [{"params": {"token": TOKEN}}, {"headers": {"cookie": f"imagelet-lab-8766={TOKEN}"}}],
    )
    def test_it_is_taken_from_the_header_alone(
        self, guarded: Served, shown: dict[str, dict[str, str]]
    ) -> None:
        for path in ("/", "/health"):
            assert guarded.get(path, **shown).status_code == 401

    def test_it_opens_every_route(self, guarded: Served, seven: bytes) -> None:
        headers = {"authorization": f"Bearer {TOKEN}", "host": "my-computer:8766"}
        answer = guarded.post("/predict", as_json(seven), headers=headers)
        assert answer.json()["predictions"][0]["predicted"] == "7"
        for path in ("/info", "/metrics", "/openapi.json"):
            assert guarded.get(path, headers=headers).status_code == 200

    def test_on_this_machine_alone_it_is_asked_for_where_there_is_one(
        self, open_service: OpenService
    ) -> None:
        guarded = open_service(token=TOKEN)
        assert guarded.get("/info").status_code == 401
        assert guarded.get("/info", headers={"authorization": f"bearer {TOKEN}"}).status_code == 200
