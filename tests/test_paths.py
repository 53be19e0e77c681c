from pathlib import Path

import pytest

from imagelet import paths

VARIABLES = ("IMAGELET_HOME", "IMAGELET_DATA", "IMAGELET_RUNS", "XDG_CACHE_HOME")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "me"))


def test_the_cache_lies_in_the_persons_home(tmp_path: Path) -> None:
    assert paths.home() == tmp_path / "me" / ".cache" / "imagelet"


def test_xdg_moves_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert paths.home() == tmp_path / "xdg" / "imagelet"


def test_imagelet_home_wins_over_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("IMAGELET_HOME", str(tmp_path / "own"))
    assert paths.home() == tmp_path / "own"
    assert paths.downloads().is_relative_to(tmp_path / "own")


@pytest.mark.parametrize("variable", VARIABLES)
def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    before = (paths.home(), paths.data_folders(), paths.runs())
    monkeypatch.setenv(variable, "")
    assert (paths.home(), paths.data_folders(), paths.runs()) == before


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("IMAGELET_HOME", paths.home),
        ("IMAGELET_DATA", lambda: paths.data_folders()[0]),
        ("IMAGELET_RUNS", paths.runs),
    ],
)
def test_a_tilde_stands_for_the_persons_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, place
) -> None:
    monkeypatch.setenv(variable, "~/things")
    assert place() == tmp_path / "me" / "things"


def test_official_files_are_looked_for_in_the_cache_then_in_the_system() -> None:
    assert paths.data_folders() == (paths.downloads(), paths.SYSTEM_DATA)


def test_imagelet_data_is_looked_at_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMAGELET_DATA", str(tmp_path / "official"))
    assert paths.data_folders() == (tmp_path / "official", paths.downloads(), paths.SYSTEM_DATA)


def test_runs_go_below_the_current_folder_unless_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert paths.runs() == Path("runs")
    monkeypatch.setenv("IMAGELET_RUNS", str(tmp_path / "all"))
    assert paths.runs() == tmp_path / "all"


def test_asking_for_a_place_makes_nothing(tmp_path: Path) -> None:
    paths.home(), paths.downloads(), paths.data_folders(), paths.runs()
    assert list(tmp_path.iterdir()) == []
