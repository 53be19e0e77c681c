import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagelet.errors import BusyError, ConflictError, RunError, UsageError
from imagelet.lab.jobs import queue, run_job, worker
from imagelet.lab.jobs.queue import job_facts
from imagelet.lab.jobs.store import FAILED, FINISHED, PAUSED, QUEUED, RUNNING, STOPPED, Job, JobStore
from imagelet.lab.services.classifiers import Classifiers
from imagelet.runs.definition import Experiment, describe
from imagelet.runs.run import Run
from tests.lab.conftest import Lab
from tests.servers import in_a_loop

TINY = "flatten dense(classes)"
MANY = 20


def tiny(epochs: int = 2, network: str = TINY, **settings: Any) -> dict[str, Any]:
    settings = {"epochs": epochs, "batch_size": 40, "learning_rate": 0.02, **settings}
    return describe("digits", network, settings=settings, limit=400, precision="fp32").to_toml()


def work(store: JobStore) -> list[tuple[str, str]]:
    """Run all that waits as a worker does, in this process; return each job with its state then."""
    done = []
    with worker.lock(store):
        while job := store.next_in_queue():
            assert run_job.run_job(store, job)
            done.append((job.id, store.find(job.id).state))
    return done


def data_of(store: JobStore, job: Job, name: str) -> list[Any]:
    """Return the data of a job's events of that name."""
    return [event.data for event in store.events(job.id) if event.name == name]


def run_of(store: JobStore, job: Job) -> Run:
    return Run(store.runs / str(store.find(job.id).run))


class TestCarryingOut:
    def test_a_job_becomes_a_run_and_tells_what_happens(self, store, no_worker):
        job = queue.submit(store, tiny(3, shift=0, rotation=0, scaling=0), MANY, name="mine")
        assert no_worker == [store.runs]
        assert work(store) == [(job.id, FINISHED)]
        run = run_of(store, job)
        assert (run.name, run.finished) == ("mine", True)
        assert run.metrics["validation"]["accuracy"] > 0.5
        assert [epoch["figures"]["epoch"] for epoch in data_of(store, job, "epoch")] == [1, 2, 3]
        assert [epoch["figures"] for epoch in data_of(store, job, "epoch")] == [
            epoch.to_json() for epoch in run.history
        ]
        assert [data["state"] for data in data_of(store, job, "state")] == [
            QUEUED,
            RUNNING,
            RUNNING,
            FINISHED,
        ]
        assert data_of(store, job, "state")[-1]["run"] == "mine"
        assert "manual_changes" not in run.metrics

    def test_the_first_layers_weights_are_told_after_each_epoch(self, store, no_worker, written):
        queue.submit(store, tiny(2, "conv(3, 5x5) relu flatten dense(classes)"), MANY)
        work(store)
        first, *after = written["filters"]
        assert (first["layer"], first["family"], first["epoch"], first["step"]) == (
            "conv1",
            "convolution",
            0,
            1,
        )
        assert first["shape"] == [3, 5, 5, 1]
        assert [data["epoch"] for data in after] == [1, 2]

    def test_weights_of_a_dense_layer_are_told_as_pictures(self, store, no_worker):
        job = queue.submit(store, tiny(1), MANY)
        work(store)
        event = data_of(store, job, "filters")[0]
        assert (event["family"], event["shape"]) == ("dense", [10, 8, 8, 1])

    def test_one_after_the_other_in_the_order_of_the_queue(self, store, no_worker):
        first, second = (queue.submit(store, tiny(1), MANY, name=name) for name in ("b", "a"))
        assert work(store) == [(first.id, FINISHED), (second.id, FINISHED)]

    def test_what_fails_says_why_and_lets_the_next_one_run(self, store, no_worker):
        bad = queue.submit(store, tiny(1, "conv(3, 99x99)"), MANY)
        good = queue.submit(store, tiny(1), MANY)
        assert work(store) == [(bad.id, FAILED), (good.id, FINISHED)]
        error = store.find(bad.id).error
        assert "99" in error.message
        assert data_of(store, bad, "error") == [error.to_json()]

    def test_what_nobody_thought_of_fails_without_a_traceback_on_the_page(
        self, store, no_worker, monkeypatch
    ):
        def broken(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError("inside")

        monkeypatch.setattr(run_job.EventWriter, "epoch", broken)
        job = queue.submit(store, tiny(1), MANY)
        assert work(store) == [(job.id, FAILED)]
        assert store.find(job.id).error == run_job.UNEXPECTED

    def test_progress_comes_at_most_five_times_a_second(self, store, no_worker, monkeypatch):
        now = iter(range(10**9))
        monkeypatch.setattr(run_job.time, "monotonic", lambda: next(now) * 0.01)
        job = queue.submit(store, tiny(6), MANY)
        add, progress = JobStore.add_event, []

        def add_event(self: JobStore, identity: str, name: str, data: dict[str, Any]) -> None:
            add(self, identity, name, data)
            progress.extend(data_of(store, job, name) if name == "progress" else [])  # one: the last

        monkeypatch.setattr(JobStore, "add_event", add_event)
        work(store)
        seconds = next(now) * 0.01
        assert 2 < len(progress) <= 5 * seconds + 1
        last = progress[-1]
        assert (last["epochs"], last["steps"]) == (6, 8)
        assert 0 < last["seconds_left"] < seconds
        assert last["images_per_second"] > 0


class TestPausing:
    def test_a_paused_training_ends_with_the_same_bytes(self, store, no_worker, at_step):
        straight = queue.submit(store, tiny(3), MANY, name="straight")
        at_step[10] = lambda: queue.change_learning_rate(store, straight.id, 0.25)
        work(store)
        paused = queue.submit(store, tiny(3), MANY, name="paused")
        at_step[10] = lambda: queue.change_learning_rate(store, paused.id, 0.25)
        at_step[13] = lambda: queue.pause(store, paused.id)
        assert work(store) == [(paused.id, PAUSED)]
        assert not run_of(store, paused).finished
        at_step.clear()
        queue.resume(store, paused.id, MANY)
        assert work(store) == [(paused.id, FINISHED)]
        files = [run_of(store, job).classifier_file.read_bytes() for job in (straight, paused)]
        assert files[0] == files[1]
        assert run_of(store, straight).history == run_of(store, paused).history
        assert data_of(store, paused, "manual_change") == [
            {"epoch": 2, "step": 2, "change": "learning rate × 0.25"}
        ]

    def test_the_next_in_the_queue_runs_meanwhile(self, store, no_worker, at_step):
        first, second = (queue.submit(store, tiny(2), MANY, name=name) for name in ("a", "b"))
        at_step[3] = lambda: queue.pause(store, first.id)
        assert work(store)[0] == (first.id, PAUSED)
        assert store.find(second.id).state == PAUSED or run_of(store, second).finished

    def test_who_changes_their_mind_gets_it_back_in_the_queue(self, store, no_worker, at_step):
        job = queue.submit(store, tiny(2), MANY)

        def hesitate() -> None:
            queue.pause(store, job.id)

        at_step[3] = hesitate
        leave = run_job._leave

        def resumed_first(*words: Any) -> None:
            at_step.clear()
            queue.resume(store, job.id, MANY)
            leave(*words)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run_job, "_leave", resumed_first)
            assert work(store) == [(job.id, QUEUED), (job.id, FINISHED)]

    def test_one_that_waits_leaves_the_queue_and_comes_back_at_its_end(self, store, no_worker):
        first, second = (queue.submit(store, tiny(), MANY) for _ in range(2))
        assert queue.pause(store, first.id).state == PAUSED
        assert store.next_in_queue().id == second.id
        assert queue.resume(store, first.id, MANY).state == QUEUED
        assert store.next_in_queue().id == second.id

    def test_a_finished_one_can_neither_be_paused_nor_resumed(self, store, no_worker):
        job = queue.submit(store, tiny(1), MANY)
        work(store)
        for act in (
            lambda: queue.pause(store, job.id),
            lambda: queue.resume(store, job.id, MANY),
            lambda: queue.change_learning_rate(store, job.id, 0.5),
        ):
            with pytest.raises(ConflictError):
                act()


class TestStopping:
    def test_ends_with_the_best_epoch_so_far(self, store, no_worker, at_step):
        job = queue.submit(store, tiny(50), MANY)
        at_step[20] = lambda: queue.stop(store, job.id)
        assert work(store) == [(job.id, STOPPED)]
        run = run_of(store, job)
        assert run.finished
        assert run.metrics["epochs"] == len(run.history) == 2
        noted = {"epoch": 3, "step": 4, "change": "ended"}
        assert run.metrics["manual_changes"] == [noted]
        assert "- epoch 3, after step 4: ended" in (run.folder / "README.md").read_text()
        assert job_facts(store, store.find(job.id))["can_continue"]

    def test_after_a_pause_leaves_the_best_epochs_classifier(self, store, no_worker, at_step, monkeypatch):
        job = queue.submit(store, tiny(50), MANY)
        at_step[20] = lambda: queue.pause(store, job.id)
        leave = run_job._leave

        def hesitate(*arguments: Any) -> None:
            queue.stop(store, job.id)
            leave(*arguments)

        monkeypatch.setattr(run_job, "_leave", hesitate)
        assert work(store) == [(job.id, QUEUED), (job.id, STOPPED)]
        assert run_of(store, job).classifier_file.is_file()

    def test_before_the_first_epoch_keeps_the_state(self, store, no_worker, at_step):
        job = queue.submit(store, tiny(2), MANY)
        at_step[3] = lambda: queue.stop(store, job.id)
        assert work(store) == [(job.id, STOPPED)]
        assert not run_of(store, job).finished
        assert job_facts(store, store.find(job.id))["can_resume"]
        at_step.clear()
        queue.resume(store, job.id, MANY)
        assert work(store) == [(job.id, FINISHED)]

    def test_one_that_waits_never_begins(self, store, no_worker):
        job = queue.submit(store, tiny(), MANY)
        assert queue.stop(store, job.id).state == STOPPED
        assert work(store) == []

    def test_ctrl_c_from_elsewhere_pauses_and_begins_nothing_more(self, store, no_worker, at_step):
        job = queue.submit(store, tiny(), MANY)
        at_step[3] = lambda: signal.raise_signal(signal.SIGTERM)
        with worker.lock(store):
            assert not run_job.run_job(store, job)
        assert store.find(job.id).state == PAUSED


class TestContinuing:
    def test_begins_a_new_run_with_the_weights_and_the_split(self, store, no_worker, open_lab):
        lab: Lab = open_lab(training=True, runs=store.runs)
        job = queue.submit(store, tiny(2), MANY, name="first")
        work(store)
        continued = lab.post(f"/api/jobs/{job.id}/continue", {"epochs": 1}).json()
        assert (continued["continues"], continued["experiment"]["recipe"]["epochs"]) == ("first", 1)
        assert str(store.runs) not in json.dumps(continued)
        assert work(store) == [(continued["id"], FINISHED)]
        first, second = Run(store.runs / "first"), Run(store.runs / "first-continued")
        assert second.start_file.read_bytes() == first.classifier_file.read_bytes()
        assert (first.folder / "split.json").read_bytes() == (second.folder / "split.json").read_bytes()
        assert second.experiment["resolved"]["start"]["name"] == "first"
        assert "manual_changes" not in second.metrics  # its experiment says all of it
        assert Experiment.from_toml(second.experiment).seed == 1

    def test_needs_a_finished_run(self, store, no_worker, open_lab):
        lab: Lab = open_lab(training=True, runs=store.runs)
        job = queue.submit(store, tiny(), MANY)
        assert lab.post(f"/api/jobs/{job.id}/continue", {"epochs": 1}).status_code == 409


class TestKilled:
    def test_is_noticed_and_can_be_gone_on_with(self, store, no_worker, at_step):
        job = queue.submit(store, tiny(), MANY)
        waiting = queue.submit(store, tiny(), MANY)

        class Killed(BaseException):
            pass

        def kill() -> None:
            raise Killed

        at_step[12] = kill
        with worker.lock(store), pytest.raises(Killed):
            run_job.run_job(store, job)
        assert store.find(job.id).state == RUNNING
        store.note_worker_started()  # as that worker did
        no_worker.clear()
        worker.ensure(store)
        worker.ensure(store)  # one is enough
        assert store.find(job.id).error == worker.KILLED
        assert no_worker == [store.runs]
        at_step.clear()
        queue.resume(store, job.id, MANY)
        assert work(store) == [(waiting.id, FINISHED), (job.id, FINISHED)]
        assert [data["figures"]["epoch"] for data in data_of(store, job, "epoch")] == [1, 2]

    def test_a_living_worker_is_left_alone(self, store, no_worker):
        job = queue.submit(store, tiny(), MANY)
        store.move(job, RUNNING)
        no_worker.clear()
        with worker.lock(store):
            worker.ensure(store)
        assert store.find(job.id).state == RUNNING
        assert no_worker == []


class TestQueue:
    def test_has_an_end(self, store, no_worker):
        for _ in range(2):
            queue.submit(store, tiny(), 2)
        with pytest.raises(BusyError):
            queue.submit(store, tiny(), 2)

    def test_forgets_the_oldest_that_ended(self, store, no_worker, monkeypatch):
        monkeypatch.setattr(queue, "KEPT", 1)
        old = [queue.submit(store, tiny(), MANY) for _ in range(3)]
        for job in old:
            queue.stop(store, job.id)
        new = queue.submit(store, tiny(), MANY)
        assert [job.id for job in store.jobs()] == [old[-1].id, new.id]

    @pytest.mark.parametrize("factor", [0, -1, 1e9])
    def test_refuses_a_factor_that_makes_no_sense(self, store, no_worker, factor):
        job = queue.submit(store, tiny(), MANY)
        with pytest.raises(UsageError, match="not allowed"):
            queue.change_learning_rate(store, job.id, factor)

    @pytest.mark.parametrize("name", ["..", "../../runs", "x" * 500, "", "20261122-173920-282224-b6cd", "\0"])
    def test_knows_no_other_names_than_its_own(self, store, no_worker, name):
        queue.submit(store, tiny(), MANY)
        with pytest.raises(RunError, match="there is no job"):
            store.find(name)


class TestEvents:
    def test_are_streamed_until_the_end(self, store, no_worker, open_lab):
        lab: Lab = open_lab(runs=store.runs)
        job = queue.submit(store, tiny(1), MANY)
        work(store)
        response = lab.get(f"/api/jobs/{job.id}/events")
        assert response.headers["content-type"].startswith("text/event-stream")
        blocks = [
            dict(line.split(": ", 1) for line in block.splitlines())
            for block in response.text.split("\n\n")[:-1]
        ]
        assert [block["event"] for block in blocks][-2:] == ["finishing", "state"]
        assert json.loads(blocks[-1]["data"]) == {"state": FINISHED, "run": run_of(store, job).name}
        later = lab.get(f"/api/jobs/{job.id}/events", headers={"Last-Event-ID": blocks[-2]["id"]})
        assert later.text.count("event: ") == 1
        assert (
            lab.get(f"/api/jobs/{job.id}/events", headers={"Last-Event-ID": blocks[-1]["id"]}).status_code
            == 204
        )


class TestAsking:
    @pytest.fixture
    def lab(self, open_lab: Callable[..., Lab], no_worker: list[Path]) -> Lab:
        return open_lab(training=True)

    def test_a_described_training_is_what_the_command_line_would_carry_out(self, lab):
        body = {"dataset": "digits", "network": "softmax", "settings": {"epochs": 3, "optimizer": "sgd"}}
        body |= {
            "recipe": "keras",
            "seed": 7,
            "limit": 500,
            "validation": 0.25,
            "test": True,
            "name": "my run",
        }
        job = lab.post("/api/jobs", body).json()
        settings = {"epochs": 3, "optimizer": "sgd"}
        same = describe("digits", "softmax", "keras", settings, seed=7, limit=500, validation="0.25")
        assert Experiment.from_toml(job["experiment"]) == same
        assert (job["name"], job["test"], job["state"]) == ("my run", True, QUEUED)
        assert [listed["id"] for listed in lab.get("/api/jobs").json()] == [job["id"]]

    def test_numbers_and_truths_are_told_apart(self, lab):
        settings = {"epochs": 1, "learning_rate": 1, "momentum": 0, "flip": True}
        job = lab.post("/api/jobs", {"dataset": "digits", "network": "softmax", "settings": settings}).json()
        recipe = Experiment.from_toml(job["experiment"]).recipe
        assert {name: getattr(recipe, name) for name in settings} == settings
        assert (type(recipe.epochs), type(recipe.flip)) == (int, bool)
        wrong = {"dataset": "digits", "settings": {"epochs": True}}
        assert lab.post("/api/jobs", wrong).status_code == 422

    @pytest.mark.parametrize(
        ("body", "status", "words"),
        [
            ({}, 422, "either a dataset"),
            ({"dataset": "digits", "course": "cnn-3"}, 422, "either a dataset"),
            ({"dataset": "/etc"}, 404, "unknown dataset"),
            ({"dataset": "digts"}, 404, "digits"),
            ({"dataset": "digits", "network": "os.path:join"}, 422, "would run code"),
            ({"dataset": "digits", "network": "conv(8, 3x3) dens(10)"}, 422, "dens"),
            ({"dataset": "digits", "network": "conv(8, 30x30) flatten dense(10)"}, 422, "30"),
            ({"dataset": "digits", "recipe": "generel"}, 404, "general"),
            ({"dataset": "digits", "settings": {"epochs": 0}}, 422, "epochs"),
            ({"dataset": "digits", "settings": {"epoch": 1}}, 404, "epochs"),
            ({"dataset": "digits", "validation": 2}, 422, "2"),
            ({"dataset": "digits", "name": "../up"}, 422, "name"),
            ({"dataset": "digits", "name": "/tmp/x"}, 422, "name"),
            ({"dataset": "digits", "name": ".lab"}, 422, "name"),
            ({"dataset": "digits", "name": "course"}, 409, "already"),
            ({"dataset": "digits", "seed": -1}, 422, "seed"),
            ({"dataset": "digits", "folder": "/"}, 422, "folder"),
            ({"course": "feature-maps"}, 422, "trains no network"),
            ({"course": "three-images"}, 422, "trains no network"),
            ({"course": "cnn-33"}, 404, "cnn-3"),
        ],
    )
    def test_what_cannot_be_trained_is_refused_in_a_sentence(self, lab, body, status, words):
        response = lab.post("/api/jobs", body)
        assert response.status_code == status, response.text
        assert words in response.json()["error"]["message"]
        assert lab.state.jobs.jobs() == []

    def test_a_mistake_in_a_network_has_its_position(self, lab):
        error = lab.post("/api/jobs", {"dataset": "digits", "network": "conv(8, 3x3) dens(10)"}).json()[
            "error"
        ]
        assert error["position"] == 14

    def test_a_lab_that_trains_nothing_says_so(self, open_lab):
        assert open_lab(training=False).post("/api/jobs", {"dataset": "digits"}).status_code == 409

    def test_looking_at_the_trainings_starts_no_worker(self, lab, no_worker):
        job = lab.post("/api/jobs", {"dataset": "digits"}).json()
        assert no_worker == [lab.settings.runs]
        lab.state.jobs.note_worker_started()  # it died since
        no_worker.clear()
        for path in ("/api/jobs", f"/api/jobs/{job['id']}", "/api/course", "/api/runs"):
            assert lab.get(path).status_code == 200
        assert no_worker == []

    def test_a_lab_that_is_opened_starts_one_for_what_waits_whatever_the_disk_says(
        self, lab, no_worker, monkeypatch
    ):
        def broken(_: Classifiers) -> None:
            raise OSError("the disk is away")

        monkeypatch.setattr(Classifiers, "check", broken)
        lab.post("/api/jobs", {"dataset": "digits"})
        lab.state.jobs.note_worker_started()  # it died since
        no_worker.clear()

        async def opened() -> None:
            async with lab.app.router.lifespan_context(lab.app):
                for _ in range(200):
                    if no_worker:
                        return
                    await asyncio.sleep(0.05)

        in_a_loop(opened())
        assert no_worker == [lab.settings.runs]

    def test_pause_resume_and_stop_are_asked_by_their_names(self, lab):
        job = lab.post("/api/jobs", {"dataset": "digits"}).json()
        place = f"/api/jobs/{job['id']}"
        assert lab.post(f"{place}/pause").json()["state"] == PAUSED
        assert lab.post(f"{place}/resume").json()["state"] == QUEUED
        changed = lab.ask("PATCH", place, {"learning_rate_factor": 0.5}).json()
        assert changed["learning_rate_factor"] == 0.5
        assert lab.post(f"{place}/stop").json()["state"] == STOPPED
        assert lab.get("/api/jobs/nothing").status_code == 404
        assert lab.ask("PATCH", place, {"learning_rate_factor": -1}).status_code == 422


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Return the worker processes that are started; what is left of them is ended."""
    started: list[subprocess.Popen[bytes]] = []
    start = worker.start
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(worker, "start", lambda store: started.append(start(store)))
    yield started
    for process in started:
        process.kill()
        process.wait()


def until(store: JobStore, identity: str, *states: str) -> Job:
    for _ in range(1200):
        worker.ensure(store)
        job = store.find(identity)
        if job.state in states:
            return job
        time.sleep(0.1)
    raise AssertionError(f"{identity} was not {states} in two minutes, but {job}")


@pytest.mark.slow
def test_a_worker_trains_one_after_the_other_without_the_server(open_lab, workers):
    lab: Lab = open_lab(training=True)
    body = {"dataset": "digits", "network": "softmax", "settings": {"epochs": 4}}
    first, second = (lab.post("/api/jobs", {**body, "name": name}).json()["id"] for name in ("one", "two"))
    assert lab.get(f"/api/jobs/{second}").json()["state"] in (QUEUED, RUNNING)
    stream = lab.get(f"/api/jobs/{first}/events").text
    assert stream.count("event: epoch") == 4
    done = until(lab.state.jobs, second, FINISHED)
    assert Run(lab.settings.runs / str(done.run)).metrics["validation"]["accuracy"] > 0.85
    assert len(workers) == 1
    assert os.getsid(workers[0].pid) != os.getsid(0)


@pytest.mark.slow
def test_a_worker_that_is_killed_is_noticed_and_followed_by_another(store, workers):
    job = queue.submit(store, tiny(5_000), MANY)
    until(store, job.id, RUNNING)
    while not data_of(store, job, "epoch"):
        time.sleep(0.05)
    workers[0].kill()
    workers[0].wait()
    assert until(store, job.id, FAILED).error == worker.KILLED
    queue.resume(store, job.id, MANY)
    until(store, job.id, RUNNING)
    while sum("resumed_at" in data for data in data_of(store, job, "state")) < 2:
        time.sleep(0.05)
    while not data_of(store, job, "epoch"):  # without one there is no classifier to stop with
        time.sleep(0.05)
    queue.stop(store, job.id)
    assert until(store, job.id, STOPPED).run is not None
    assert run_of(store, job).finished
    assert len(workers) >= 2
    assert sum(process.poll() is None for process in workers) <= 1  # one at a time, however many come and go
