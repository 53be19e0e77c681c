"""`imagelet doctor`, as it is seen and as JSON."""

import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagelet import paths
from imagelet.cli import doctor

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


@pytest.fixture(autouse=True)
def _sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be wrong with this machine."""
    monkeypatch.setattr(doctor, "ROOM_NEEDED", 0)
    monkeypatch.setattr(doctor, "usable_cores", lambda: 10_000)


def test_a_sound_machine_has_no_problems() -> None:
    found = doctor.examine()
    assert found.problems == []
    assert found.threads >= 1
    assert found.devices[0].name == "cpu"
    assert found.devices[0].memory > 1 << 28
    assert found.packages["torch"]


def test_a_broken_torch_is_named_and_hides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it raises ImportError
    monkeypatch.delitem(sys.modules, "imagelet.device", raising=False)
    found = doctor.examine()
    (problem,) = found.problems
    assert problem.startswith("torch does not work: ")
    assert found.devices == []
    assert found.threads == 0
    assert "digits" in found.datasets


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    found = doctor.examine()
    assert found.packages["no-such-package"] == ""
    assert "the package no-such-package is not installed" in found.problems


def test_too_many_threads_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "usable_cores", lambda: 2)
    monkeypatch.setattr(doctor, "_threads", lambda: 48)
    assert doctor.examine().problems == [
        "torch computes with 48 threads on 2 usable cores; set OMP_NUM_THREADS=2"
    ]


def test_a_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IMAGELET_RUNS", str(tmp_path / "file" / "runs"))  # a file is no folder, for root too
    found = doctor.examine()
    assert found.problems == [f"the folder for the runs cannot be written: {tmp_path / 'file' / 'runs'}"]


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage(10, 10, 0))
    monkeypatch.setattr(doctor, "ROOM_NEEDED", 1 << 30)
    problems = doctor.examine().problems
    assert problems[0] == f"less than 1 GB is free for the cache: {paths.home()}"


def test_data_at_hand_has_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert doctor.examine().datasets["digits"]
    assert doctor.examine().datasets["mnist"] is None
