"""Series and studies: listed as one each, opened, and their files sent."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from imagelet.metrics.comparison import spread
from imagelet.runs.run import Run
from imagelet.runs.store import delete_run
from tests.lab.conftest import Lab


@pytest.fixture
def runs(trained_groups: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained_groups, tmp_path / "runs")


@pytest.fixture
def lab(runs: Path, open_lab: Callable[..., Lab]) -> Lab:
    return open_lab()


def listed(lab: Lab) -> dict[str, dict]:
    return {row["kind"]: row for row in lab.get("/api/groups").json()}


def test_seeds_are_listed_with_their_mean_and_how_many_are_finished(lab: Lab, runs: Path) -> None:
    row = listed(lab)["seeds"]
    assert (row["name"], row["dataset"], row["state"]) == ("digits-softmax-seeds", "digits", "unfinished")
    assert (row["finished"], row["planned"]) == (2, 3)
    names = ["digits-softmax-seed0", "digits-softmax-seed1"]
    assert row["runs"] == [{"number": number, "name": name} for number, name in enumerate(names)]
    taken = spread([Run(runs / name).metrics["validation"]["accuracy"] for name in names])
    assert row["validation"]["accuracy"] == taken.mean
    assert row["validation"]["interval"] == list(taken.interval)
    assert row["validation"]["runs"] == 2


def test_folds_have_no_interval_before_all_are_finished(lab: Lab) -> None:
    row = listed(lab)["folds"]
    assert (row["finished"], row["planned"]) == (1, 2)
    assert row["runs"] == [{"number": 2, "name": "digits-softmax-fold2"}]
    assert row["validation"]["interval"] is None


def test_a_deleted_run_is_missing_and_a_series_without_any_is_not_listed(lab: Lab, runs: Path) -> None:
    delete_run(runs, "digits-softmax-seed0")
    row = listed(lab)["seeds"]
    assert [run["number"] for run in row["runs"]] == [1]
    delete_run(runs, "digits-softmax-seed1")
    assert set(listed(lab)) == {"folds", "study"}


def test_a_run_of_another_recipe_is_no_part(lab: Lab, runs: Path) -> None:
    file = runs / "digits-softmax-seed1" / "experiment.toml"
    file.write_text(file.read_text().replace("batch_size = 64", "batch_size = 32"))
    assert [run["number"] for run in listed(lab)["seeds"]["runs"]] == [0]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"experiment": {}, "seeds": [{}]}', "[" * 5000, '{"seeds": 1}']
)
def test_a_damaged_series_hides_no_other(lab: Lab, runs: Path, content: str) -> None:
    (runs / "digits-softmax-seeds" / "seeds.json").write_text(content)
    rows = listed(lab)
    assert set(rows) == {"seeds", "folds", "study"}
    assert rows["seeds"]["state"] == "damaged"
    assert rows["seeds"]["problem"]


def test_a_study_is_listed_and_opened(lab: Lab, runs: Path) -> None:
    row = listed(lab)["study"]
    result = json.loads((runs / "study" / "tuning.json").read_text())
    assert (row["name"], row["planned"], row["state"]) == ("study", len(result["trials"]), "finished")
    assert row["validation"]["accuracy"] == result["best"]["validation"]
    study = lab.get("/api/studies/study").json()
    assert study["result"] == result
    assert study["figures"][0] == "trials.png"
    assert study["resume"].startswith("imagelet tune digits --name study --resume")
    assert lab.get("/api/studies/study/trials.png").content == (runs / "study" / "trials.png").read_bytes()
    assert lab.get("/api/studies/study/recipe.toml").content == (runs / "study" / "recipe.toml").read_bytes()


def test_a_study_without_a_result_is_unfinished(lab: Lab, runs: Path) -> None:
    (runs / "study" / "tuning.json").unlink()
    assert listed(lab)["study"]["state"] == "unfinished"
    assert lab.get("/api/studies/study").json()["result"] is None


def test_a_damaged_study_is_listed_as_such(lab: Lab, runs: Path) -> None:
    (runs / "study" / "tuning.json").write_text('{"dataset": 1}')
    assert listed(lab)["study"]["state"] == "damaged"
    refused = lab.get("/api/studies/study")
    assert refused.status_code == 404
    assert "damaged" in refused.json()["error"]["message"]


def test_a_deleted_study_comes_back_as_it_was(lab: Lab, runs: Path) -> None:
    before = {path: path.read_bytes() for path in (runs / "study").rglob("*") if path.is_file()}
    row = listed(lab)["study"]
    assert lab.ask("DELETE", "/api/studies/study").json() == {"name": "study"}
    assert set(listed(lab)) == {"seeds", "folds"}
    assert lab.get("/api/trash").json() == [{"name": "study"}]
    assert lab.post("/api/runs/study/restore").json() == {"name": "study"}
    assert {path: path.read_bytes() for path in (runs / "study").rglob("*") if path.is_file()} == before
    assert listed(lab)["study"] == row
    assert lab.get("/api/trash").json() == []


def test_a_study_that_is_being_searched_stays(lab: Lab, runs: Path) -> None:
    with filelock.FileLock(runs / "study" / ".worker-other.lock"):
        refused = lab.ask("DELETE", "/api/studies/study")
        assert (refused.status_code, refused.json()["error"]["message"]) == (
            409,
            "the search 'study' is running",
        )
    assert "study" in listed(lab)
    assert lab.ask("DELETE", "/api/studies/study").status_code == 200  # the lock of a process that has ended


def test_only_a_study_is_deleted_as_one(lab: Lab, runs: Path) -> None:
    for name in ("none", "digits-softmax-seed0", "..", "%2e%2e", "digits-softmax-seeds"):
        assert lab.ask("DELETE", f"/api/studies/{name}").status_code in (404, 405)
    assert (runs / "digits-softmax-seed0" / "experiment.toml").is_file()


def test_a_damaged_study_can_be_deleted(lab: Lab, runs: Path) -> None:
    (runs / "study" / "study.toml").write_text("no = toml = at all")
    assert listed(lab)["study"]["state"] == "damaged"
    assert lab.ask("DELETE", "/api/studies/study").status_code == 200
    assert not (runs / "study").exists()


def test_no_other_file_is_sent(lab: Lab, runs: Path) -> None:
    assert lab.get("/api/studies/study/study.toml").status_code == 422
    assert lab.get("/api/studies/none/trials.png").status_code == 404
    (runs / "study" / "trials.png").unlink()
    (runs / "study" / "trials.png").symlink_to("/etc/hostname")
    assert lab.get("/api/studies/study/trials.png").status_code in (400, 404)
