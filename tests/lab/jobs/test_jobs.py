import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagelet.errors import RunError, UsageError
from imagelet.experiment.reproduce import weight_difference
from imagelet.lab.http.errors import RefusedError
from imagelet.lab.jobs import events, queue, run_events, run_job, store
from imagelet.lab.jobs.store import FAILED, FINISHED, PAUSED, QUEUED, RUNNING, STOPPED, Job
from imagelet.runs.definition import Experiment, describe
from imagelet.runs.run import Run
from imagelet.training.checkpoint import load_checkpoint
from imagelet.training.loop import Step
from tests.lab.conftest import Lab

TINY = "flatten dense(classes)"
MANY = 20


def tiny(epochs: int = 2, network: str = TINY, **settings: Any) -> dict[str, Any]:
    settings = {"epochs": epochs, "batch_size": 40, "learning_rate": 0.02, **settings}
    return describe("digits", network, settings=settings, limit=400, precision="fp32").to_toml()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Start no worker; return for which jobs one was wanted."""
    wanted: list[Path] = []
    monkeypatch.setattr(queue, "start_worker", lambda runs, folder: wanted.append(folder))
    return wanted


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> dict[int, Callable[[], object]]:
    """Return a dictionary to fill: what the page does after so many steps of all."""
    planned: dict[int, Callable[[], object]] = {}
    tell = run_events.Telling.step

    def step(self: run_events.Telling, event: Step) -> None:
        planned.get(event.state.steps_done(event.steps), lambda: None)()
        tell(self, event)

    monkeypatch.setattr(run_events.Telling, "step", step)
    monkeypatch.setattr(run_job, "SECONDS_BETWEEN_LOOKS", 0.0)
    return planned


def work(runs: Path) -> list[tuple[str, str]]:
    """Carry out all that waits as a worker does, in this process; return each job with its state then."""
    done = []
    with store.worker_lock(runs):
        while job := store.next_in_queue(runs):
            assert run_job.run_experiment(runs, job)
            done.append((job.id, store.find_job(runs, job.id).state))
    return done


def told(runs: Path, job: Job, event: str) -> list[dict[str, Any]]:
    return [each["data"] for _, each in store.read_events(runs, job.id) if each["event"] == event]


def run_of(runs: Path, job: Job) -> Run:
    return Run(runs / str(store.find_job(runs, job.id).run))


class TestCarryingOut:
    def test_a_job_becomes_a_run_and_tells_what_happens(self, runs, no_worker):
        job = queue.submit(runs, tiny(3, shift=0, rotation=0, scaling=0), MANY, name="mine")
        assert no_worker == [store.job_folder(runs, job.id)]
        assert work(runs) == [(job.id, FINISHED)]
        run = run_of(runs, job)
        assert (run.name, run.finished) == ("mine", True)
        assert run.metrics["validation"]["accuracy"] > 0.5
        assert [each["figures"]["epoch"] for each in told(runs, job, "epoch")] == [1, 2, 3]
        assert [each["figures"] for each in told(runs, job, "epoch")] == [vars(each) for each in run.history]
        assert [each["state"] for each in told(runs, job, "state")] == [QUEUED, RUNNING, RUNNING, FINISHED]
        assert told(runs, job, "state")[-1]["run"] == "mine"
        assert "by_hand" not in run.metrics

    def test_the_first_layers_weights_are_told_after_each_epoch(self, runs, no_worker):
        job = queue.submit(runs, tiny(2, "conv(3, 5x5) relu flatten dense(classes)"), MANY)
        work(runs)
        first, *after = told(runs, job, "filters")
        assert (first["layer"], first["kind"], first["epoch"], first["step"]) == ("conv1", "conv", 0, 1)
        assert first["shape"] == [3, 5, 5, 1]
        assert [each["epoch"] for each in after] == [1, 2]

    def test_weights_of_a_dense_layer_are_told_as_pictures(self, runs, no_worker):
        job = queue.submit(runs, tiny(1), MANY)
        work(runs)
        event = told(runs, job, "filters")[0]
        assert (event["kind"], event["shape"]) == ("dense", [10, 8, 8, 1])

    def test_one_after_the_other_in_the_order_of_the_queue(self, runs, no_worker):
        first, second = (queue.submit(runs, tiny(1), MANY, name=name) for name in ("b", "a"))
        assert work(runs) == [(first.id, FINISHED), (second.id, FINISHED)]

    def test_what_fails_says_why_and_lets_the_next_one_run(self, runs, no_worker):
        bad = queue.submit(runs, tiny(1, "conv(3, 99x99)"), MANY)
        good = queue.submit(runs, tiny(1), MANY)
        assert work(runs) == [(bad.id, FAILED), (good.id, FINISHED)]
        error = store.find_job(runs, bad.id).error
        assert "99" in error["message"]
        assert told(runs, bad, "error") == [error]

    def test_what_nobody_thought_of_fails_without_a_traceback_on_the_page(self, runs, no_worker, monkeypatch):
        def broken(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError("inside")

        monkeypatch.setattr(run_events.Telling, "epoch", broken)
        job = queue.submit(runs, tiny(1), MANY)
        assert work(runs) == [(job.id, FAILED)]
        assert store.find_job(runs, job.id).error == run_job.UNEXPECTED

    def test_progress_comes_at_most_five_times_a_second(self, runs, no_worker, monkeypatch):
        now = iter(range(10**9))
        monkeypatch.setattr(run_events.time, "monotonic", lambda: next(now) * 0.01)
        job = queue.submit(runs, tiny(6), MANY)
        work(runs)
        seconds = next(now) * 0.01
        progress = told(runs, job, "progress")
        assert 2 < len(progress) <= 5 * seconds + 1
        last = progress[-1]
        assert (last["epochs"], last["steps"]) == (6, 8)
        assert 0 < last["seconds_left"] < seconds
        assert last["images_per_second"] > 0


class TestPausing:
    def test_a_paused_training_ends_with_the_same_bytes(self, runs, no_worker, at_step):
        straight = queue.submit(runs, tiny(3), MANY, name="straight")
        at_step[10] = lambda: queue.change_learning_rate(runs, straight.id, 0.25)
        work(runs)
        paused = queue.submit(runs, tiny(3), MANY, name="paused")
        at_step[10] = lambda: queue.change_learning_rate(runs, paused.id, 0.25)
        at_step[13] = lambda: queue.pause(runs, paused.id)
        assert work(runs) == [(paused.id, PAUSED)]
        assert not run_of(runs, paused).finished
        at_step.clear()
        queue.resume(runs, paused.id, MANY)
        assert work(runs) == [(paused.id, FINISHED)]
        files = [run_of(runs, job).classifier_file.read_bytes() for job in (straight, paused)]
        assert files[0] == files[1]
        assert run_of(runs, straight).history == run_of(runs, paused).history
        assert told(runs, paused, "by_hand") == [{"epoch": 2, "step": 2, "change": "learning rate × 0.25"}]

    def test_the_next_in_the_queue_runs_meanwhile(self, runs, no_worker, at_step):
        first, second = (queue.submit(runs, tiny(2), MANY, name=name) for name in ("a", "b"))
        at_step[3] = lambda: queue.pause(runs, first.id)
        assert work(runs)[0] == (first.id, PAUSED)
        assert store.find_job(runs, second.id).state == PAUSED or run_of(runs, second).finished

    def test_who_changes_their_mind_gets_it_back_in_the_queue(self, runs, no_worker, at_step):
        job = queue.submit(runs, tiny(2), MANY)

        def hesitate() -> None:
            queue.pause(runs, job.id)

        at_step[3] = hesitate
        leave = run_job._leave

        def resumed_first(*words: Any) -> None:
            at_step.clear()
            queue.resume(runs, job.id, MANY)
            leave(*words)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run_job, "_leave", resumed_first)
            assert work(runs) == [(job.id, QUEUED), (job.id, FINISHED)]

    def test_one_that_waits_leaves_the_queue_and_comes_back_at_its_end(self, runs, no_worker):
        first, second = (queue.submit(runs, tiny(), MANY) for _ in range(2))
        assert queue.pause(runs, first.id).state == PAUSED
        assert store.next_in_queue(runs).id == second.id
        assert queue.resume(runs, first.id, MANY).state == QUEUED
        assert store.next_in_queue(runs).id == second.id

    def test_a_finished_one_can_neither_be_paused_nor_resumed(self, runs, no_worker):
        job = queue.submit(runs, tiny(1), MANY)
        work(runs)
        for act in (
            lambda: queue.pause(runs, job.id),
            lambda: queue.resume(runs, job.id, MANY),
            lambda: queue.change_learning_rate(runs, job.id, 0.5),
        ):
            with pytest.raises(RefusedError) as refused:
                act()
            assert refused.value.status == 409


class TestStopping:
    def test_ends_with_the_best_epoch_so_far(self, runs, no_worker, at_step):
        job = queue.submit(runs, tiny(50), MANY)
        at_step[20] = lambda: queue.stop(runs, job.id)
        assert work(runs) == [(job.id, STOPPED)]
        run = run_of(runs, job)
        assert run.finished
        assert run.metrics["epochs"] == len(run.history) == 2
        noted = {"epoch": 3, "step": 4, "change": "ended"}
        assert run.metrics["by_hand"] == [noted]
        assert "- epoch 3, after step 4: ended" in (run.folder / "README.md").read_text()
        assert queue.described(runs, store.find_job(runs, job.id))["can_continue"]

    def test_before_the_first_epoch_keeps_the_state(self, runs, no_worker, at_step):
        job = queue.submit(runs, tiny(2), MANY)
        at_step[3] = lambda: queue.stop(runs, job.id)
        assert work(runs) == [(job.id, STOPPED)]
        assert not run_of(runs, job).finished
        assert queue.described(runs, store.find_job(runs, job.id))["can_resume"]
        at_step.clear()
        queue.resume(runs, job.id, MANY)
        assert work(runs) == [(job.id, FINISHED)]

    def test_one_that_waits_never_begins(self, runs, no_worker):
        job = queue.submit(runs, tiny(), MANY)
        assert queue.stop(runs, job.id).state == STOPPED
        assert work(runs) == []

    def test_ctrl_c_from_elsewhere_pauses_and_begins_nothing_more(self, runs, no_worker, at_step):
        job = queue.submit(runs, tiny(), MANY)
        at_step[3] = lambda: signal.raise_signal(signal.SIGTERM)
        with store.worker_lock(runs):
            assert not run_job.run_experiment(runs, job)
        assert store.find_job(runs, job.id).state == PAUSED


class TestContinuing:
    def test_begins_a_new_run_with_the_weights_and_the_split(self, runs, no_worker, open_lab):
        lab: Lab = open_lab(training=True, runs=runs)
        job = queue.submit(runs, tiny(2), MANY, name="first")
        work(runs)
        answer = lab.post(f"/api/jobs/{job.id}/continue", {"epochs": 1}).json()
        assert (answer["continues"], answer["experiment"]["recipe"]["epochs"]) == ("first", 1)
        with pytest.MonkeyPatch.context() as patch:
            kept: list[Any] = []
            resume = run_job.experiments.resume

            def looked_at(run: Run, **named: Any) -> Any:
                kept.append(load_checkpoint(run.checkpoints)[0])
                return resume(run, **named)

            patch.setattr(run_job.experiments, "resume", looked_at)
            assert work(runs) == [(answer["id"], FINISHED)]
        first, second = Run(runs / "first"), Run(runs / "first-continued")
        import safetensors.torch

        before = safetensors.torch.load_file(first.classifier_file)
        begun = {
            n.removeprefix("network."): t for n, t in kept[0].tensors.items() if n.startswith("network.")
        }
        assert weight_difference(begun, before).largest == 0
        assert (first.folder / "split.json").read_bytes() == (second.folder / "split.json").read_bytes()
        assert second.experiment["resolved"]["weights_of"] == "first"
        assert second.metrics["by_hand"][0]["change"] == "begun with the weights of the run first"
        assert Experiment.from_toml(second.experiment).seed == 1

    def test_needs_a_finished_run(self, runs, no_worker, open_lab):
        lab: Lab = open_lab(training=True, runs=runs)
        job = queue.submit(runs, tiny(), MANY)
        assert lab.post(f"/api/jobs/{job.id}/continue", {"epochs": 1}).status_code == 409


class TestKilled:
    def test_is_noticed_and_can_be_gone_on_with(self, runs, no_worker, at_step):
        job = queue.submit(runs, tiny(), MANY)
        waiting = queue.submit(runs, tiny(), MANY)

        class Killed(BaseException):
            pass

        def kill() -> None:
            raise Killed

        at_step[12] = kill
        with store.worker_lock(runs), pytest.raises(Killed):
            run_job.run_experiment(runs, job)
        assert store.find_job(runs, job.id).state == RUNNING
        store.note_started(runs)  # as that worker did
        no_worker.clear()
        queue.tend(runs)
        queue.tend(runs)  # one is enough
        assert store.find_job(runs, job.id).error == store.KILLED
        assert no_worker == [store.job_folder(runs, waiting.id)]
        at_step.clear()
        queue.resume(runs, job.id, MANY)
        assert work(runs) == [(waiting.id, FINISHED), (job.id, FINISHED)]
        assert [each["figures"]["epoch"] for each in told(runs, job, "epoch")] == [1, 2]

    def test_a_living_worker_is_left_alone(self, runs, no_worker):
        job = queue.submit(runs, tiny(), MANY)
        with store.changing(runs):
            store.move(runs, job, RUNNING)
        no_worker.clear()
        with store.worker_lock(runs):
            queue.tend(runs)
        assert store.find_job(runs, job.id).state == RUNNING
        assert no_worker == []


class TestQueue:
    def test_has_an_end(self, runs, no_worker):
        for _ in range(2):
            queue.submit(runs, tiny(), 2)
        with pytest.raises(RefusedError) as refused:
            queue.submit(runs, tiny(), 2)
        assert refused.value.status == 503

    def test_forgets_the_oldest_that_ended(self, runs, no_worker, monkeypatch):
        monkeypatch.setattr(queue, "KEPT", 1)
        old = [queue.submit(runs, tiny(), MANY) for _ in range(3)]
        for job in old:
            queue.stop(runs, job.id)
        new = queue.submit(runs, tiny(), MANY)
        assert [job.id for job in store.list_jobs(runs)] == [old[-1].id, new.id]

    @pytest.mark.parametrize("factor", [0, -1, 1e9])
    def test_refuses_a_factor_that_makes_no_sense(self, runs, no_worker, factor):
        job = queue.submit(runs, tiny(), MANY)
        with pytest.raises(UsageError, match="not allowed"):
            queue.change_learning_rate(runs, job.id, factor)

    @pytest.mark.parametrize("name", ["..", "../../runs", "x" * 500, "", "20261122-173920-282224-b6cd", "\0"])
    def test_knows_no_other_names_than_its_own(self, runs, no_worker, name):
        queue.submit(runs, tiny(), MANY)
        with pytest.raises(RunError, match="there is no job"):
            store.find_job(runs, name)


class TestEvents:
    def test_a_torn_line_is_passed_over(self, runs, no_worker):
        job = queue.submit(runs, tiny(), MANY)
        with store.events_file(runs, job.id).open("a") as file:
            file.write('{"event": "progr')
        assert len(store.read_events(runs, job.id)) == 1
        store.tell(runs, job.id, "state", {"state": "x"})
        assert [each["data"]["state"] for _, each in store.read_events(runs, job.id)] == [QUEUED, "x"]

    def test_reading_goes_on_where_it_stopped(self, runs, no_worker):
        job = queue.submit(runs, tiny(), MANY)
        for number in range(3):
            store.tell(runs, job.id, "progress", {"step": number})
        told = store.read_events(runs, job.id)
        for at, (place, _) in enumerate(told):
            assert store.read_events(runs, job.id, place) == told[at + 1 :]
        assert store.last_progress(runs, job.id) == {"step": 2}

    def test_of_the_past_only_the_last_progress_is_told(self):
        kinds = ["a", "progress", "b", "data", "progress", "c"]
        past = [(number, {"event": kind, "data": number}) for number, kind in enumerate(kinds)]
        assert [each["data"] for _, each in events.thinned(past)] == [0, 2, 4, 5]

    def test_are_streamed_until_the_end(self, runs, no_worker, open_lab):
        lab: Lab = open_lab(runs=runs)
        job = queue.submit(runs, tiny(1), MANY)
        work(runs)
        answer = lab.get(f"/api/jobs/{job.id}/events")
        assert answer.headers["content-type"].startswith("text/event-stream")
        blocks = [
            dict(line.split(": ", 1) for line in each.splitlines()) for each in answer.text.split("\n\n")[:-1]
        ]
        assert [each["event"] for each in blocks][-2:] == ["finishing", "state"]
        assert json.loads(blocks[-1]["data"]) == {"state": FINISHED, "run": run_of(runs, job).name}
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
        asked = {"dataset": "digits", "network": "softmax", "settings": {"epochs": 3, "optimizer": "sgd"}}
        asked |= {
            "recipe": "keras",
            "seed": 7,
            "limit": 500,
            "validation": 0.25,
            "test": True,
            "name": "my run",
        }
        job = lab.post("/api/jobs", asked).json()
        settings = {"epochs": 3, "optimizer": "sgd"}
        same = describe("digits", "softmax", "keras", settings, seed=7, limit=500, validation="0.25")
        assert Experiment.from_toml(job["experiment"]) == same
        assert (job["name"], job["test"], job["state"]) == ("my run", True, QUEUED)
        assert [each["id"] for each in lab.get("/api/jobs").json()] == [job["id"]]

    def test_numbers_and_truths_are_told_apart(self, lab):
        settings = {"epochs": 1, "learning_rate": 1, "momentum": 0, "flip": True}
        job = lab.post("/api/jobs", {"dataset": "digits", "network": "softmax", "settings": settings}).json()
        recipe = Experiment.from_toml(job["experiment"]).recipe
        assert {name: getattr(recipe, name) for name in settings} == settings
        assert (type(recipe.epochs), type(recipe.flip)) == (int, bool)
        wrong = {"dataset": "digits", "settings": {"epochs": True}}
        assert lab.post("/api/jobs", wrong).status_code == 422

    @pytest.mark.parametrize(
        ("asked", "status", "words"),
        [
            ({}, 422, "either a dataset"),
            ({"dataset": "digits", "course": "cnn-3"}, 422, "either a dataset"),
            ({"dataset": "/etc"}, 404, "unknown dataset"),
            ({"dataset": "digts"}, 404, "digits"),
            ({"dataset": "digits", "network": "os.path:join"}, 422, "would run code"),
            ({"dataset": "digits", "network": "conv(8, 3x3) dens(10)"}, 422, "dens"),
            ({"dataset": "digits", "network": "conv(8, 30x30) flatten dense(10)"}, 422, "30"),
            ({"dataset": "digits", "recipe": "generel"}, 404, "general"),
            ({"dataset": "digits", "settings": {"epochs": -1}}, 422, "epochs"),
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
    def test_what_cannot_be_trained_is_refused_in_a_sentence(self, lab, asked, status, words):
        answer = lab.post("/api/jobs", asked)
        assert answer.status_code == status, answer.text
        assert words in answer.json()["error"]["message"]
        assert store.list_jobs(lab.settings.runs) == []

    def test_a_mistake_in_a_network_has_its_position(self, lab):
        error = lab.post("/api/jobs", {"dataset": "digits", "network": "conv(8, 3x3) dens(10)"}).json()[
            "error"
        ]
        assert error["position"] == 14

    def test_a_lab_that_trains_nothing_says_so(self, open_lab):
        assert open_lab(training=False).post("/api/jobs", {"dataset": "digits"}).status_code == 409

    def test_pause_resume_and_stop_are_asked_by_their_names(self, lab):
        job = lab.post("/api/jobs", {"dataset": "digits"}).json()
        place = f"/api/jobs/{job['id']}"
        assert lab.post(f"{place}/pause").json()["state"] == PAUSED
        assert lab.post(f"{place}/resume").json()["state"] == QUEUED
        told = lab.ask("PATCH", place, {"learning_rate_factor": 0.5}).json()
        assert told["learning_rate_factor"] == 0.5
        assert lab.post(f"{place}/stop").json()["state"] == STOPPED
        assert lab.get("/api/jobs/nothing").status_code == 404
        assert lab.ask("PATCH", place, {"learning_rate_factor": -1}).status_code == 422


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Return the worker processes that are started; what is left of them is ended."""
    started: list[subprocess.Popen[bytes]] = []
    start = queue.start_worker
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(queue, "start_worker", lambda *where: started.append(start(*where)))
    yield started
    for process in started:
        process.kill()
        process.wait()


def until(runs: Path, identity: str, *states: str) -> Job:
    for _ in range(1200):
        queue.tend(runs)
        job = store.find_job(runs, identity)
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
    done = until(lab.settings.runs, second, FINISHED)
    assert Run(lab.settings.runs / str(done.run)).metrics["validation"]["accuracy"] > 0.85
    assert len(workers) == 1
    assert os.getsid(workers[0].pid) != os.getsid(0)


@pytest.mark.slow
def test_a_worker_that_is_killed_is_noticed_and_followed_by_another(runs, workers):
    job = queue.submit(runs, tiny(5_000), MANY)
    until(runs, job.id, RUNNING)
    while not told(runs, job, "epoch"):
        time.sleep(0.05)
    workers[0].kill()
    workers[0].wait()
    assert until(runs, job.id, FAILED).error == store.KILLED
    queue.resume(runs, job.id, MANY)
    until(runs, job.id, RUNNING)
    queue.stop(runs, job.id)
    assert until(runs, job.id, STOPPED).run is not None
    assert run_of(runs, job).finished
    assert len(workers) >= 2
    assert sum(each.poll() is None for each in workers) <= 1  # one at a time, however many come and go
