"""The cores that may be used, and numbers of threads as people give them."""

import pytest

from imagelet import cores
from imagelet.errors import SettingError


@pytest.mark.parametrize(
    ("limit", "expected"), [("max 100000", 8), ("150000 100000", 2), ("20000 100000", 1), ("odd", 8)]
)
def test_a_containers_limit_counts(monkeypatch: pytest.MonkeyPatch, limit: str, expected: int) -> None:
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(cores.Path, "read_text", lambda path: limit)
    assert cores.usable_cores() == expected


@pytest.mark.parametrize(
    ("given", "read"), [("auto", "auto"), (1, 1), (64, 64), ("2", 2), (" 12 ", 12), ("4096", 4096)]
)
def test_a_number_of_threads_is_read(given: object, read: object) -> None:
    assert cores.read_threads(given) == read


@pytest.mark.parametrize(
    "given", [0, -1, "0", "-2", "", "two", "2.0", 2.0, True, None, "9999999", 10**30, "\u0662", [2]]
)
def test_what_is_none_says_what_is_allowed(monkeypatch: pytest.MonkeyPatch, given: object) -> None:
    monkeypatch.setattr(cores, "usable_cores", lambda: 6)
    with pytest.raises(SettingError, match="it is auto, or a whole number from 1 to 6, the cores here"):
        cores.read_threads(given)


def test_who_sleeps_at_once_says_so_in_every_way() -> None:
    """A number of turns in the environment counts for more than the policy."""
    assert cores.ASLEEP.keys() == set(cores.WAITING)


@pytest.mark.parametrize("said", cores.WAITING)
def test_waiting_threads_sleep_unless_someone_has_said_how_they_wait(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    for name in cores.WAITING:
        monkeypatch.delenv(name, raising=False)
    cores.let_waiting_threads_sleep()
    assert cores.os.environ["GOMP_SPINCOUNT"] == cores.SPINS
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv(said, "7")
    cores.let_waiting_threads_sleep()
    assert {name: cores.os.environ[name] for name in cores.WAITING if name in cores.os.environ} == {said: "7"}
