"""`imagelet doctor`, as it is seen and as JSON."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagelet import doctor

Run = Callable[..., Any]


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be wrong with this machine."""
    monkeypatch.setattr(doctor, "ROOM_NEEDED", 0)
    monkeypatch.setattr(doctor, "usable_cores", lambda: 10_000)


@pytest.mark.usefixtures("sound")
class TestDoctor:
    def test_finds_nothing_wrong_with_a_sound_machine(self, run: Run) -> None:
        outcome = run("doctor")
        assert outcome.code == 0
        assert outcome.stdout.rstrip().endswith("all is well")
        assert outcome.stderr == ""

    def test_shows_every_fact_that_json_has(self, run: Run) -> None:
        facts, shown = run("doctor", "--json").document, run("doctor").stdout
        for name in ("imagelet", "python", "platform"):
            assert facts[name] in shown
        for part in [*facts["devices"], *facts["places"]]:
            assert part.get("model", part.get("path")) in shown
        assert set(facts["datasets"]) >= {"digits", "mnist", "fashion-mnist", "cifar-10"}
        assert all(name in shown for name in facts["datasets"])

    def test_ends_with_1_and_names_what_is_wrong(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("IMAGELET_DATA", str(tmp_path / "nowhere"))
        outcome = run("doctor")
        assert outcome.code == 1
        assert (
            f"problem: IMAGELET_DATA names a folder that does not exist: {tmp_path / 'nowhere'}"
            in outcome.stdout
        )
        assert "all is well" not in outcome.stdout
        assert run("doctor", "--json").code == 1
