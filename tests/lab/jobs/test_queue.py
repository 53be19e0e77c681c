"""The queue: ordered, stopped at any moment with what there is, one step at a time, tried again."""

import math

import pytest

from imagelet.errors import ConflictError, RunError
from imagelet.lab.jobs import queue
from imagelet.lab.jobs.queue import job_facts
from imagelet.lab.jobs.store import FAILED, FINISHED, PAUSED, QUEUED, STOPPED
from imagelet.runs.definition import Experiment
from tests.lab.jobs.test_jobs import MANY, data_of, run_of, tiny, work

DEEP = "flatten dense(64) relu dense(64) relu dense(64) relu dense(classes)"
DIVERGING = {"optimizer": "sgd", "learning_rate": 1000, "schedule": "constant", "max_gradient_norm": 0}


class TestStopping:
    def paused(self, store, at_step, step):
        """Return a job that was paused after a step of 8 an epoch."""
        job = queue.submit(store, tiny(50), MANY)
        at_step[step] = lambda: queue.pause(store, job.id)
        assert work(store) == [(job.id, PAUSED)]
        return job

    def test_a_paused_one_leaves_the_best_epochs_classifier(self, store, no_worker, at_step):
        job = self.paused(store, at_step, 20)
        before = run_of(store, job).history
        facts = job_facts(store, queue.stop(store, job.id))
        assert (facts["state"], facts["want"]) == (QUEUED, "stop")
        assert work(store) == [(job.id, STOPPED)]
        run = run_of(store, job)
        assert run.finished
        assert run.history == before  # no step more
        assert len(before) == 2
        assert run.metrics["best_epoch"] in (1, 2)

    def test_it_goes_before_what_waits(self, store, no_worker, at_step):
        job = self.paused(store, at_step, 20)
        waiting = queue.submit(store, tiny(1), MANY)
        queue.stop(store, job.id)
        assert work(store) == [(job.id, STOPPED), (waiting.id, FINISHED)]

    def test_one_that_was_resumed_and_waits_leaves_it_too(self, store, no_worker, at_step):
        job = self.paused(store, at_step, 20)
        queue.resume(store, job.id, MANY)
        queue.stop(store, job.id)
        assert work(store) == [(job.id, STOPPED)]
        assert run_of(store, job).finished

    def test_one_that_failed_leaves_it_too(self, store, no_worker, at_step):
        job = self.paused(store, at_step, 20)
        store.move(store.find(job.id), FAILED)
        queue.stop(store, job.id)
        assert work(store) == [(job.id, STOPPED)]
        assert run_of(store, job).finished

    def test_who_thinks_better_of_it_trains_on(self, store, no_worker, at_step):
        job = self.paused(store, at_step, 20)
        at_step.clear()
        queue.stop(store, job.id)
        assert job_facts(store, queue.resume(store, job.id, MANY))["want"] == "run"
        queue.pause(store, job.id)
        queue.stop(store, job.id)
        queue.pause(store, job.id)
        assert store.control(job.id).want == "run"

    def test_before_the_first_epoch_the_state_stays(self, store, no_worker, at_step):
        job = self.paused(store, at_step, 5)
        assert queue.stop(store, job.id).state == STOPPED
        facts = job_facts(store, store.find(job.id))
        assert (facts["can_resume"], facts["can_continue"], facts["history"]) == (True, False, [])


class TestOneStep:
    def test_is_taken_and_told_with_its_batch(self, store, no_worker, at_step):
        job = queue.submit(store, tiny(50, shift=0), MANY)
        at_step[10] = lambda: queue.pause(store, job.id)
        work(store)
        assert job_facts(store, queue.step(store, job.id))["want"] == "step"
        assert work(store) == [(job.id, PAUSED)]
        (batch,) = data_of(store, job, "batch")
        assert (batch["epoch"], batch["step"], batch["count"]) == (2, 4, 40)  # paused after 8 + 3 steps
        assert len(batch["images"]) == 32
        assert 0 < batch["loss"] < 5
        assert 0 <= batch["correct"] <= 40
        assert {row["label"] for row in batch["images"]} <= set("0123456789")
        queue.step(store, job.id)
        work(store)
        assert [data["step"] for data in data_of(store, job, "batch")] == [5]  # only the last is kept

    def test_stopped_meanwhile_leaves_the_best_epochs_classifier(self, store, no_worker, at_step):
        job = queue.submit(store, tiny(50), MANY)
        at_step[10] = lambda: queue.pause(store, job.id)
        work(store)
        queue.step(store, job.id)
        at_step[12] = lambda: queue.stop(store, job.id)
        assert work(store) == [(job.id, QUEUED), (job.id, STOPPED)]
        run = run_of(store, job)
        assert run.finished
        assert run.classifier_file.is_file()

    def test_ends_with_the_same_bytes_as_without(self, store, no_worker, at_step):
        straight = queue.submit(store, tiny(2), MANY, name="straight")
        work(store)
        stepped = queue.submit(store, tiny(2), MANY, name="stepped")
        at_step[7] = lambda: queue.pause(store, stepped.id)
        work(store)
        at_step.clear()
        for _ in range(3):  # over the end of an epoch
            queue.step(store, stepped.id)
            work(store)
        queue.resume(store, stepped.id, MANY)
        work(store)
        files = [run_of(store, job).classifier_file.read_bytes() for job in (straight, stepped)]
        assert files[0] == files[1]

    def test_needs_a_pause_and_an_empty_queue(self, store, no_worker, at_step):
        job = queue.submit(store, tiny(50), MANY)
        with pytest.raises(ConflictError, match="paused"):
            queue.step(store, job.id)
        at_step[10] = lambda: queue.pause(store, job.id)
        work(store)
        queue.submit(store, tiny(1), MANY)
        with pytest.raises(ConflictError, match="under way"):
            queue.step(store, job.id)


class TestDiverged:
    def test_is_tried_again_with_a_tenth_of_the_rates(self, store, no_worker):
        job = queue.submit(store, tiny(3, DEEP, **DIVERGING), MANY)
        assert work(store) == [(job.id, FAILED)]
        facts = job_facts(store, store.find(job.id))
        assert facts["can_retry"]
        assert "not finite" in facts["error"]["message"]
        assert "--" not in facts["error"]["hint"]
        again = queue.retry(store, MANY, job.id)
        recipes = [Experiment.from_toml(dict(one.experiment)).recipe for one in (job, again)]
        assert math.isclose(recipes[1].learning_rate, recipes[0].learning_rate / 10)
        assert recipes[1].epochs == recipes[0].epochs

    def test_nothing_else_is(self, store, no_worker):
        job = queue.submit(store, tiny(1, "conv(3, 99x99)"), MANY)
        work(store)
        assert not job_facts(store, store.find(job.id))["can_retry"]
        with pytest.raises(ConflictError):
            queue.retry(store, MANY, job.id)


class TestOrder:
    def test_is_changed_by_place(self, store, no_worker):
        a, b, c = (queue.submit(store, tiny(1), MANY, name=name).id for name in "abc")
        queue.place(store, c, 0)
        assert [job.id for job in store.waiting()] == [c, a, b]
        queue.place(store, c, 1)
        assert [job.id for job in store.waiting()] == [a, c, b]
        queue.place(store, a, 99)
        assert [job.id for job in store.waiting()] == [c, b, a]
        assert [job_facts(store, store.find(one))["place"] for one in (a, b, c)] == [2, 1, 0]
        queue.stop(store, b)
        with pytest.raises(ConflictError):
            queue.place(store, b, 0)

    def test_one_that_waits_is_taken_off(self, store, no_worker):
        job = queue.submit(store, tiny(1), MANY)
        queue.remove(store, job.id)
        assert store.jobs() == []
        with pytest.raises(RunError):
            queue.remove(store, job.id)

    def test_one_that_has_begun_is_paused_by_it(self, store, no_worker, at_step):
        job = queue.submit(store, tiny(2), MANY)
        at_step[3] = lambda: queue.pause(store, job.id)
        work(store)
        with pytest.raises(ConflictError, match="stop it first"):
            queue.remove(store, job.id)
        queue.resume(store, job.id, MANY)
        queue.remove(store, job.id)
        assert store.find(job.id).state == PAUSED

    def test_failed_ones_are_cleared_and_their_runs_stay(self, store, no_worker):
        bad = queue.submit(store, tiny(3, DEEP, **DIVERGING), MANY)
        good = queue.submit(store, tiny(1), MANY)
        work(store)
        run = run_of(store, bad)
        queue.remove_all(store, FAILED)
        assert [job.id for job in store.jobs()] == [good.id]
        assert run.folder.is_dir()
