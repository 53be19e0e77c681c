import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imagelet.analysis.comparison import compare
from imagelet.classifier.classifier import Classifier
from imagelet.data.datasets import load_dataset
from imagelet.experiment.runner import run_experiment
from imagelet.lab.jobs.store import FINISHED, PAUSED, QUEUED, RUNNING, Job, new_id
from imagelet.runs.definition import describe
from imagelet.runs.run import Run
from imagelet.runs.store import delete_run, restore_run
from tests.lab.conftest import Lab

ESCAPES = [
    "%2E%2E%2F%2E%2E",
    "%2Fetc",
    "one%2F%2E%2E%2Ftwo",
    ".lab",
    ".trash",
    "one%00",
    "x" * 3000,
    "course",
    "~",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of digits, ``one`` with a look at the test images, and ``course/three`` within."""
    folder = tmp_path_factory.mktemp("trained")
    for name, test in (("one", True), ("two", False)):
        experiment = describe("digits", "softmax", settings={"epochs": 2}, precision="fp32")
        *_, _ = run_experiment(experiment, name=name, folder=folder, test=test)
    shutil.copytree(folder / "two", folder / "course" / "three")
    return folder


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "runs")


@pytest.fixture
def lab(runs: Path, open_lab: Callable[..., Lab]) -> Lab:
    return open_lab()


class TestListing:
    def test_tells_each_run_with_its_figures(self, lab, runs):
        rows = {each["name"]: each for each in lab.get("/api/runs").json()}
        assert set(rows) == {"one", "two", "course/three"}
        one = rows["one"]
        assert (one["state"], one["dataset"], one["network"]) == ("finished", "digits", "softmax")
        assert (one["parameters"], one["epochs"], one["test_evaluations"]) == (650, 2, 1)
        assert one["test"]["images"] == 360
        assert one["validation"]["accuracy"] == Run(runs / "one").metrics["validation"]["accuracy"]
        assert rows["two"]["test"] is None

    def test_a_damaged_run_hides_no_other(self, lab, runs):
        (runs / "two" / "metrics.json").write_text("{")
        (runs / "course" / "three" / "experiment.toml").write_text("x = ")
        states = {each["name"]: each["state"] for each in lab.get("/api/runs").json()}
        assert states == {"one": "finished", "two": "damaged", "course/three": "damaged"}
        assert "damaged" in lab.get("/api/runs/two").json()["error"]["message"]

    def test_says_what_is_in_training(self, lab, runs):
        (runs / "two" / "metrics.json").unlink()
        lab.state.jobs.write(Job(new_id(), RUNNING, {}, run="two"))
        states = {each["name"]: each["state"] for each in lab.get("/api/runs").json()}
        assert states["two"] == "running"

    def test_a_folder_that_is_not_there_has_no_runs(self, open_lab, tmp_path):
        assert open_lab(runs=tmp_path / "nowhere").get("/api/runs").json() == []


class TestOneRun:
    @pytest.mark.parametrize("name", ["one", "course/three", "course%2Fthree"])
    def test_tells_all_that_its_folder_tells(self, lab, name):
        told = lab.get(f"/api/runs/{name}").json()
        assert told["experiment"]["dataset"] == "digits"
        assert [each["epoch"] for each in told["history"]] == [1, 2]
        assert told["environment"]["device"] == "cpu"
        table = np.array(told["confusion"]["table"])
        assert told["confusion"]["part"] == "validation"
        assert table.sum() == told["metrics"]["validation"]["images"]
        assert np.trace(table) / table.sum() == pytest.approx(told["metrics"]["validation"]["accuracy"])

    def test_an_unfinished_run_has_no_figures_yet(self, lab, runs):
        for name in ("metrics.json", "classifier.safetensors"):
            (runs / "two" / name).unlink()
        told = lab.get("/api/runs/two").json()
        assert (told["state"], told["metrics"], told["confusion"]) == ("unfinished", {}, None)
        for path in ("/api/runs/two/classifier", "/api/runs/two/cell?label=0&predicted=0"):
            assert lab.get(path).status_code == 404
        assert lab.post("/api/runs/two/report").status_code == 404

    @pytest.mark.parametrize("name", ESCAPES)
    @pytest.mark.parametrize(
        ("method", "rest"), [("GET", ""), ("GET", "/classifier"), ("DELETE", ""), ("POST", "/restore")]
    )
    def test_no_other_names_than_the_runs_own(self, lab, runs, method, name, rest):
        before = sorted(runs.rglob("*"))
        answer = lab.ask(method, f"/api/runs/{name}{rest}")
        assert answer.status_code == 404
        assert answer.json()["error"]["message"].startswith("there is no ")
        assert sorted(path for path in runs.rglob("*") if ".lab" not in path.parts) == before

    def test_a_wrong_name_suggests_the_nearest(self, lab):
        assert "did you mean 'one'?" in lab.get("/api/runs/onne").json()["error"]["message"]

    def test_its_classifier_is_the_file(self, lab, runs, tmp_path):
        answer = lab.get("/api/runs/one/classifier")
        assert answer.content == (runs / "one" / "classifier.safetensors").read_bytes()
        assert 'filename="one.safetensors"' in answer.headers["content-disposition"]

    def test_its_report_is_a_page(self, lab):
        answer = lab.post("/api/runs/one/report")
        assert answer.headers["content-type"].startswith("text/html")
        assert "digits" in answer.text


class TestCells:
    def test_hold_as_many_images_as_the_confusion_matrix_says(self, lab):
        table = np.array(lab.get("/api/runs/one").json()["confusion"]["table"])
        label, answer = np.unravel_index((table - np.diag(np.diag(table))).argmax(), table.shape)
        found = lab.get(f"/api/runs/one/cell?label={label}&predicted={answer}").json()
        assert len(found) == table[label, answer] > 0
        assert {(each["label"], each["predicted"]) for each in found} == {(str(label), str(answer))}
        probabilities = [each["probability"] for each in found]
        assert probabilities == sorted(probabilities, reverse=True)

    def test_name_the_images_of_the_dataset(self, lab, runs):
        classifier, dataset = Classifier.load(runs / "one" / "classifier.safetensors"), load_dataset("digits")
        for part, images in (("validation", dataset.train), ("test", dataset.test)):
            for each in lab.get(f"/api/runs/one/cell?label=3&predicted=3&part={part}").json()[:5]:
                number = int(each["sample"].partition(":")[2])
                assert images.labels[number] == 3
                (prediction,) = classifier.predict_proba(images.images[number : number + 1])
                assert prediction[3] == pytest.approx(each["probability"], abs=1e-5)

    def test_of_test_images_need_a_look_and_count_none(self, lab, runs):
        assert lab.get("/api/runs/one/cell?label=3&predicted=3&part=test").status_code == 200
        assert len(Run(runs / "one").test_evaluations) == 1
        refused = lab.get("/api/runs/two/cell?label=3&predicted=3&part=test")
        assert refused.status_code == 422
        assert "not been evaluated" in refused.json()["error"]["message"]

    def test_of_a_class_that_is_not_there(self, lab):
        refused = lab.get("/api/runs/one/cell?label=10&predicted=0")
        assert "counted from 0" in refused.json()["error"]["message"]


class TestComparing:
    def test_is_the_comparison_of_the_command_line(self, lab, runs):
        told = lab.get("/api/compare?runs=one,course/three").json()
        same = compare([str(runs / "one"), str(runs / "course" / "three")]).to_json()
        for each in (told, same):
            each.pop("seconds")
        assert told == {**same, "figures": []}
        assert told["pairs"][0]["difference"] == 0

    @pytest.mark.parametrize(
        "names", ["one", "", "one,nothing", "one,/etc/passwd", "one,one", ",".join("abcdefghi")]
    )
    def test_needs_two_runs_that_are_there(self, lab, names):
        assert lab.get(f"/api/compare?runs={names}").status_code in (404, 422)


class TestTrash:
    @pytest.mark.parametrize("name", ["one", "course/three"])
    def test_a_deleted_run_comes_back_as_it_was(self, lab, runs, name):
        before = {path: path.read_bytes() for path in (runs / name).rglob("*") if path.is_file()}
        assert lab.ask("DELETE", f"/api/runs/{name}").json() == {"name": name}
        assert name not in {each["name"] for each in lab.get("/api/runs").json()}
        assert lab.get(f"/api/runs/{name}").status_code == 404
        assert lab.get("/api/trash").json() == [{"name": name}]
        assert lab.post(f"/api/runs/{name}/restore").json() == {"name": name}
        after = {path: path.read_bytes() for path in (runs / name).rglob("*") if path.is_file()}
        assert {path: after[path] for path in before} == before
        assert lab.get("/api/trash").json() == []
        assert list((runs / ".trash").iterdir()) == []

    def test_of_two_of_a_name_the_later_comes_back_first(self, lab, runs):
        shutil.copytree(runs / "one", runs / "kept")
        for words in ("first", "second"):
            (runs / "one" / "note.txt").write_text(words)
            delete_run(runs, "one")
            shutil.copytree(runs / "kept", runs / "one")
        assert lab.post("/api/runs/one/restore").status_code == 409
        shutil.rmtree(runs / "one")
        restore_run(runs, "one")
        assert (runs / "one" / "note.txt").read_text() == "second"
        shutil.rmtree(runs / "one")
        restore_run(runs, "one")
        assert (runs / "one" / "note.txt").read_text() == "first"

    @pytest.mark.parametrize("state", [QUEUED, RUNNING])
    def test_a_run_in_training_stays(self, lab, runs, state):
        lab.state.jobs.write(Job(new_id(), state, {}, run="one"))
        refused = lab.ask("DELETE", "/api/runs/one")
        assert refused.status_code == 409
        assert "in training" in refused.json()["error"]["message"]
        assert (runs / "one").is_dir()

    @pytest.mark.parametrize("state", [PAUSED, FINISHED])
    def test_a_run_whose_training_rests_may_go(self, lab, runs, state):
        lab.state.jobs.write(Job(new_id(), state, {}, run="one"))
        assert lab.ask("DELETE", "/api/runs/one").status_code == 200

    def test_a_run_that_another_process_trains_stays(self, lab, runs):
        with Run(runs / "two").in_use():
            refused = lab.ask("DELETE", "/api/runs/two")
        assert "being trained" in refused.json()["error"]["message"]
        assert (runs / "two").is_dir()
