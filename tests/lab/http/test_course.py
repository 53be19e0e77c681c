from pathlib import Path

import pytest

from imagelet.course.lessons import LANGUAGES, lessons, page_names, read_page, trainings
from imagelet.course.results import experiment_of
from imagelet.experiment.runner import run_experiment
from imagelet.lab.jobs import run_job, worker
from imagelet.lab.jobs.store import FAILED, FINISHED, PAUSED, QUEUED
from imagelet.runs.definition import Experiment
from tests.lab.conftest import Lab


@pytest.fixture
def lab(open_lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(worker, "start", lambda store: None)
    return open_lab(training=True)


def lesson(lab: Lab, name: str) -> dict[str, object]:
    (found,) = [each for each in lab.get("/api/course").json() if each["id"] == name]
    return found


def test_the_list_holds_every_training_with_the_notes_figure(lab):
    told = lab.get("/api/course").json()
    assert [each["id"] for each in told] == [each.name for each in trainings()]
    for each, training in zip(told, trainings(), strict=True):
        assert (each["expected"], each["part"]) == (training.printed[0].accuracy, training.printed[0].part)
        assert (each["reached"], each["state"], each["run"], each["job"]) == (None, "new", None, None)
        assert each["parameters"] == training.parameters


def test_a_job_carries_out_exactly_the_lessons_experiment(lab):
    job = lab.post("/api/jobs", {"course": "cnn-3"}).json()
    assert Experiment.from_toml(job["experiment"]) == experiment_of(lessons.get("cnn-3"))
    assert (job["course"], job["test"]) == ("cnn-3", True)
    told = lesson(lab, "cnn-3")
    assert (told["state"], told["job"]) == (QUEUED, job["id"])
    assert lesson(lab, "cnn-1")["state"] == "new"


def test_a_lesson_is_not_begun_twice(lab):
    job = lab.post("/api/jobs", {"course": "cnn-3"}).json()
    assert lab.post("/api/jobs", {"course": "cnn-3"}).status_code == 409
    lab.post(f"/api/jobs/{job['id']}/pause")
    assert lesson(lab, "cnn-3")["state"] == PAUSED
    lab.post(f"/api/jobs/{job['id']}/stop")
    assert lab.post("/api/jobs", {"course": "cnn-3"}).status_code == 200


def test_a_carried_out_lesson_stands_beside_the_notes_figure(lab, small_data):
    store = lab.state.jobs
    job = lab.post("/api/jobs", {"course": "softmax"}).json()
    with worker.lock(store):
        run_job.run_job(store, store.find(job["id"]))
    done = store.find(job["id"])
    assert (done.state, done.run, done.error) == (FINISHED, "course/softmax", None)
    told = lesson(lab, "softmax")
    assert (told["state"], told["run"], told["images"]) == ("finished", "course/softmax", 100)
    assert told["interval"][0] <= told["reached"] <= told["interval"][1]
    refused = lab.post("/api/jobs", {"course": "softmax"})
    assert refused.status_code == 409
    assert "was run before" in refused.json()["error"]["message"]


def test_a_lesson_whose_data_is_not_there_says_so(lab, monkeypatch):
    store = lab.state.jobs
    job = lab.post("/api/jobs", {"course": "softmax"}).json()
    with worker.lock(store):
        run_job.run_job(store, store.find(job["id"]))
    failed = store.find(job["id"])
    assert failed.state == FAILED
    assert failed.error.hint
    assert lesson(lab, "softmax")["state"] == FAILED


def test_a_damaged_result_hides_no_other(lab, small_data):
    folder: Path = lab.settings.runs / "course"
    *_, _ = run_experiment(experiment_of(lessons.get("softmax")), name="softmax", folder=folder)
    told = lesson(lab, "softmax")  # carried out without the look at the test images that the figure needs
    assert (told["state"], told["reached"]) == ("damaged", None)
    assert lesson(lab, "cnn-3")["state"] == "new"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_are_listed_in_the_order_of_the_course(lab, language):
    told = lab.get(f"/api/course/pages?language={language}").json()
    assert [each["name"] for each in told] == page_names()
    assert [each["title"] for each in told] == [read_page(name, language).title for name in page_names()]
    assert {each["experiment"] for each in told} == {None, *(each.name for each in trainings())}


def test_the_pages_are_in_english_where_nothing_is_said(lab):
    assert lab.get("/api/course/pages").json() == lab.get("/api/course/pages?language=en").json()
    assert lab.get("/api/course/pages/cnn-3").json()["language"] == "en"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", page_names())
def test_each_page_leads_to_its_neighbours(lab, name, language):
    listed = lab.get(f"/api/course/pages?language={language}").json()
    told = lab.get(f"/api/course/pages/{name}?language={language}").json()
    around = [None, *listed, None]
    place = page_names().index(name) + 1
    assert {key: told[key] for key in listed[0]} == around[place]
    assert (told["previous"], told["next"]) == (around[place - 1], around[place + 1])
    assert told["html"] == read_page(name, language).html


@pytest.mark.parametrize("name", ["cnn3", "cnn_3", "CNN-3"])
def test_an_unknown_page_is_said_to_be_unknown(lab, name):
    refused = lab.get(f"/api/course/pages/{name}")
    assert refused.status_code == 404
    error = refused.json()["error"]
    assert f"unknown page of the course '{name}'" in error["message"]
    assert "did you mean 'cnn-3'" in error["message"]
    assert "cnn-3" in error["hint"]


def test_nothing_beside_the_pages_is_read(lab):
    for name in ("..%2Fen%2Fcnn-3", "%2Fetc%2Fpasswd", "cnn-3.html"):
        assert lab.get(f"/api/course/pages/{name}").status_code == 404
    assert lab.get("/api/course/pages/cnn-3?language=fr").status_code == 422
