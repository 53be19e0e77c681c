"""What is known before a training starts: network, images, memory, time; or why it cannot start."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from imagelet.errors import BusyError, DataError, UsageError
from imagelet.lab.jobs import measure, plan, queue
from imagelet.lab.jobs.store import QUEUED, RUNNING
from imagelet.networks import build, count_parameters
from imagelet.runs.definition import Experiment
from tests.lab.conftest import Lab

DIGITS = {"dataset": "digits"}
TERMINAL = ("imagelet ", "--", "openapi")


class TestPlan:
    def test_names_the_real_network_and_what_auto_stands_for(self):
        facts = plan.plan("digits")[1].facts()
        assert facts["network"] == "small-cnn"
        assert facts["parameters"] == count_parameters(build("small-cnn", (8, 8, 1)))
        assert (facts["available_images"], facts["training_images"], facts["validation_images"]) == (
            1437,
            1149,
            288,
        )
        assert all(number > 0 for number in facts["settings"].values())
        assert (facts["settings"]["batch_size"], facts["steps"]) == (28, 41)  # a last image alone is left out
        assert facts["memory_bytes"] > plan.PROCESS_BYTES

    @pytest.mark.parametrize(("limit", "images"), [(0, 1437), (500, 500), (1437, 1437), (10**9, 1437)])
    def test_at_most_means_at_most(self, limit, images):
        experiment, planned = plan.plan("digits", limit=limit)
        assert planned.training + planned.validation == images
        assert experiment.limit in (0, images)

    def test_many_images_are_counted_without_reading_them(self, monkeypatch):
        monkeypatch.setattr(plan, "READ_AT_MOST", 0)
        monkeypatch.setattr(plan, "_read_split", lambda *_: pytest.fail("the images were read"))
        planned = plan.plan("digits", validation="0.25")[1]
        assert (planned.training, planned.validation) == (1078, 359)

    def test_memory_that_is_not_there_is_refused(self, monkeypatch):
        monkeypatch.setattr(plan, "memory_bytes", lambda: 200_000_000)
        with pytest.raises(UsageError, match=r"0\.2 GB"):
            plan.plan("digits")

    def test_a_larger_batch_takes_more_memory(self):
        small, large = (plan.plan("digits", settings={"batch_size": size})[1].memory for size in (10, 1000))
        assert small < large

    def test_images_that_are_elsewhere_are_not_downloaded(self, monkeypatch):
        monkeypatch.setattr(plan, "place_of", lambda name: None)
        with pytest.raises(DataError, match="not on this computer"):
            plan.plan("mnist")


@pytest.fixture
def lab(open_lab: Callable[..., Lab], no_worker: list[Path]) -> Lab:
    return open_lab(training=True)


class TestAsking:
    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"dataset": "digts"}, "unknown dataset 'digts'; did you mean 'digits'?"),
            (DIGITS | {"network": "lennet"}, "did you mean 'lenet-5'?"),
            (DIGITS | {"network": "os.path:join"}, "would run code"),
            (DIGITS | {"network": "conv(8, 30x30) flatten dense(10)"}, "larger than its 8x8 input"),
            (DIGITS | {"network": "flatten dense(7)"}, "7"),
            (DIGITS | {"network": "flatten dense(9000) dense(90000) dense(10)"}, "parameters"),
            (DIGITS | {"recipe": "generel"}, "did you mean 'general'?"),
            (DIGITS | {"settings": {"epochs": 0}}, "from 1 to"),
            (DIGITS | {"settings": {"epoch": 3}}, "did you mean 'epochs'?"),
            (DIGITS | {"settings": {"optimizer": "sdg"}}, "one of sgd"),
            (DIGITS | {"settings": {"batch_size": 10**9}}, "batch_size"),
            (DIGITS | {"settings": {"freeze": "conv99"}}, "conv99"),
            (DIGITS | {"validation": "half"}, "half"),
            (DIGITS | {"validation": 1.5}, "1.5"),
            (DIGITS | {"validation": 0.001}, "each side needs at least 10"),
            (DIGITS | {"validation": "fold 9 of 3"}, "no fold 9"),
            (DIGITS | {"limit": 5}, "at least 2 are needed"),
            (DIGITS | {"limit": -1}, "no number of images"),
            (DIGITS | {"seed": -1}, "seed -1"),
            (DIGITS | {"seed": 2**32}, "4294967295"),
            (DIGITS | {"name": "../up"}, "cannot be a run's name"),
            (DIGITS | {"name": ""}, "cannot be a run's name"),
            (DIGITS | {"name": "course"}, "already"),
            (DIGITS | {"name": "small"}, "already"),
            (DIGITS | {"name": "waits"}, "waits has the name"),
        ],
    )
    def test_each_bad_wish_is_a_sentence_before_anything_starts(self, lab, small_run, body, words):
        lab.post("/api/jobs", DIGITS | {"name": "waits"})
        for path in ("/api/plan", "/api/plan/seconds", "/api/jobs"):
            response = lab.post(path, body)
            assert response.status_code in (404, 409, 422), response.text
            error = response.json()["error"]
            assert words in error["message"]
            assert not any(word in error["message"] + error["hint"] for word in TERMINAL)
        assert [job.name for job in lab.state.jobs.jobs()] == ["waits"]

    def test_a_plan_starts_nothing(self, lab, no_worker):
        response = lab.post("/api/plan", DIGITS | {"network": "softmax", "settings": {"epochs": 7}})
        assert response.status_code == 200
        assert (response.json()["network"], response.json()["epochs"]) == ("softmax", 7)
        assert no_worker == []
        assert lab.state.jobs.jobs() == []

    def test_samples_of_a_dataset_show_every_class(self, lab):
        samples = lab.get("/api/datasets/digits/samples").json()
        assert {sample["label"] for sample in samples} == set("0123456789")
        assert samples[0]["image"]["height"] == 8
        assert lab.get("/api/datasets/nothing/samples").status_code == 404

    def test_nothing_is_measured_beside_a_training(self, lab):
        job = queue.start(lab.state.jobs, 9, **DIGITS)
        assert job.state == QUEUED
        lab.state.jobs.move(job, RUNNING)
        assert lab.post("/api/plan/seconds", DIGITS).json() == {"seconds": None, "why": "training"}

    def test_the_time_is_said_or_why_there_is_none(self, lab, monkeypatch):
        measured = {"step": 0.5, "evaluated_image": 0.0, "start": 1.0}
        monkeypatch.setattr(measure, "_measured", lambda *_: measured)
        body = DIGITS | {"network": "softmax", "settings": {"epochs": 2, "batch_size": 1149}}
        assert lab.post("/api/plan/seconds", body).json() == {"seconds": 2.0, "why": None}
        with measure._one_at_a_time:
            assert lab.post("/api/plan/seconds", body).json() == {"seconds": None, "why": "measuring"}


class TestMeasuring:
    def test_seconds_are_those_of_all_steps(self, monkeypatch):
        planned = plan.plan("digits", "softmax", settings={"epochs": 10, "batch_size": 100})[1]
        figures = {"step": 2.0, "evaluated_image": 0.5, "start": 3.0}
        monkeypatch.setattr(measure, "_measured", lambda *_: figures)
        assert measure.seconds_of(planned) == 3 + 10 * (12 * 2.0 + 288 * 0.5)

    def test_what_takes_too_long_is_not_waited_for(self, monkeypatch):
        def late(*_: object) -> None:
            raise subprocess.TimeoutExpired("python", 1)

        monkeypatch.setattr(measure, "_measured", late)
        assert measure.seconds_of(plan.plan("digits", "softmax")[1]) is None

    def test_one_is_measured_at_a_time(self):
        with measure._one_at_a_time, pytest.raises(BusyError):
            measure.seconds_of(plan.plan("digits", "softmax")[1])

    def test_steps_are_taken_with_the_recipe(self, monkeypatch):
        monkeypatch.setattr(measure, "SECONDS_OF_STEPS", 0.0)
        experiment: Experiment = plan.plan("digits", "softmax", "keras")[1].experiment
        figures = measure.measure(experiment, (8, 8, 1), 10)
        assert 0 < figures["step"] < figures["measuring"]
        assert 0 < figures["evaluated_image"] < figures["measuring"]

    @pytest.mark.slow
    def test_a_process_of_its_own_measures(self):
        measure._measured.cache_clear()
        seconds = measure.seconds_of(plan.plan("digits", "softmax", settings={"epochs": 1})[1])
        assert seconds is not None
        assert seconds > 0
