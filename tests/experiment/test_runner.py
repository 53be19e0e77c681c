import json
import os
import signal
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import imagelet
from imagelet import cores, device, train
from imagelet.classifier.classifier import Classifier
from imagelet.data import Split, load_dataset, on_disk
from imagelet.errors import DataError, RunError, SettingError, UsageError
from imagelet.experiment import continuing, runner, sharing
from imagelet.experiment.finalize import Finished
from imagelet.experiment.repeats import repeat
from imagelet.experiment.reproduce import run_again
from imagelet.experiment.runner import RunStarted, resume_experiment, run_experiment
from imagelet.metrics.classification import wilson_interval
from imagelet.runs.definition import describe
from imagelet.runs.run import Run
from imagelet.runs.store import find_run_of
from imagelet.training.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from imagelet.training.loop import EpochEnded, Step
from imagelet.training.own_functions import OwnFunctions

QUICK = {"epochs": 2, "batch_size": 50, "learning_rate": 0.01}
NETWORK = "pool(2) flatten dense(classes) softmax"


def quick(**fields):
    settings = {name: fields.pop(name) for name in ("epochs", "ema_decay") if name in fields}
    return describe("mnist", NETWORK, settings=QUICK | settings, **fields)


def files_of(run):
    return {
        name: (run.folder / name).read_bytes()
        for name in ("classifier.safetensors", "history.jsonl", "split.json")
    }


@pytest.mark.usefixtures("drawn_pictures")
def test_a_run_folder_holds_what_everyone_reads(small_data):
    finished = train("mnist", NETWORK, **QUICK)
    run = finished.run
    assert run.name == "mnist-network"
    names = {path.name for path in run.folder.iterdir() if not path.name.startswith(".")}
    assert names == {
        "README.md",
        "classifier.safetensors",
        "environment.json",
        "experiment.toml",
        "figures",
        "history.jsonl",
        "metrics.json",
        "split.json",
    }
    pictures = {path.name for path in run.figures.iterdir()}
    assert pictures == {"curves.png", "confusion-validation.png", "predictions-validation.png"}
    for name in pictures:
        with Image.open(run.figures / name) as picture:
            picture.load()
            assert min(picture.size) > 300
    assert run.experiment["resolved"]["network"] == NETWORK
    assert run.metrics == json.loads(json.dumps(finished.metrics))
    assert [figures.epoch for figures in run.history] == [1, 2]
    assert run.environment["versions"]["torch"]
    assert run.environment["device"] == "cpu"
    assert run.environment["data_sha256"] == load_dataset("mnist").train.fingerprint()
    assert run.finished
    assert not list(run.folder.rglob("*.part"))


def test_the_classifier_is_that_of_the_best_epoch(small_data):
    noisy = "pool(2) flatten dropout(0.8) dense(classes)"
    settings = {"epochs": 6, "optimizer": "sgd", "learning_rate": 3.0, "schedule": "constant", "warmup": 0}
    best: dict[str, torch.Tensor] = {}
    for event in run_experiment(describe("mnist", noisy, settings=settings | {"batch_size": 10})):
        if isinstance(event, EpochEnded):
            last = {name: tensor.clone() for name, tensor in event.state.network.state_dict().items()}
            best = last if event.best else best
    assert isinstance(event, Finished)
    assert event.metrics["best_epoch"] < 6
    assert any(not torch.equal(last[name], best[name]) for name in best)
    loaded = Classifier.load(event.run.classifier_file)
    for name, tensor in loaded.network.state_dict().items():
        assert torch.equal(tensor, best[name])
    split = Split.load(event.run.folder / "split.json")
    images = load_dataset("mnist").train.take(split.validation)
    predicted = loaded.predict_proba(images.images).argmax(axis=1)
    assert np.mean(predicted == images.labels) == event.metrics["validation"]["accuracy"]


def test_training_works_without_the_test_files(small_data):
    for path in (small_data / "mnist").glob("t10k*"):
        path.unlink()
    finished = train("mnist", NETWORK, **QUICK)
    assert "test" not in finished.metrics
    assert finished.run.test_evaluations == []


def test_on_demand_there_is_one_test_evaluation_and_it_is_counted(small_data):
    finished = train("mnist", NETWORK, **QUICK, test=True)
    assert finished.metrics["test"]["images"] == 100
    low, high = finished.metrics["test"]["interval"]
    assert low < finished.metrics["test"]["accuracy"] <= high
    assert [entry["images"] for entry in finished.run.test_evaluations] == [100]


def test_equal_experiments_give_equal_bytes_and_other_seeds_do_not(small_data):
    runs = [train("mnist", NETWORK, **QUICK, seed=seed).run for seed in (1, 1, 2)]
    assert files_of(runs[0]) == files_of(runs[1])
    assert files_of(runs[0])["classifier.safetensors"] != files_of(runs[2])["classifier.safetensors"]


def test_a_run_never_overwrites_another(small_data):
    names = [train("mnist", "softmax", **QUICK).run.name for _ in range(3)]
    assert names == ["mnist-softmax", "mnist-softmax-2", "mnist-softmax-3"]
    train("mnist", NETWORK, **QUICK, name="mine")
    with pytest.raises(RunError, match="there is a run 'mine'"):
        train("mnist", NETWORK, **QUICK, name="mine")
    with pytest.raises(UsageError, match="cannot be a run's name"):
        train("mnist", NETWORK, **QUICK, name="../mine")


@pytest.mark.parametrize(
    ("validation", "sizes"),
    [("auto", (240, 60)), ("0.5", (150, 150)), ("course", (240, 60)), ("0", (300, 0))],
)
def test_the_split_is_what_was_asked_for(small_data, validation, sizes):
    finished = train("mnist", NETWORK, **QUICK, validation=validation)
    split = Split.load(finished.run.folder / "split.json")
    assert (len(split.train), len(split.validation)) == sizes
    assert ("validation" in finished.metrics) == (sizes[1] > 0)


def test_a_limit_draws_from_all_images_and_keeps_the_parts_apart(small_data):
    finished = train("mnist", NETWORK, **QUICK, limit=100, seed=3)
    split = Split.load(finished.run.folder / "split.json")
    assert (len(split.train), len(split.validation)) == (80, 20)
    assert max(split.train) > 200
    assert not set(split.train) & set(split.validation)
    with pytest.raises(SettingError, match="more than the 300"):
        train("mnist", NETWORK, **QUICK, limit=301)


@pytest.fixture
def kept_in_a_store(monkeypatch):
    """Let no image be copied that a training does not need at once."""
    monkeypatch.setattr(on_disk, "COPIED_AT_MOST", 0)


@pytest.mark.filterwarnings("ignore::imagelet.progress.Notice")
@pytest.mark.usefixtures("kept_in_a_store")
@pytest.mark.parametrize("recipe", ["mnist-fast", "keras"])
def test_a_store_gives_the_same_bytes_as_memory(small_data, recipe):
    network, settings = None if recipe == "mnist-fast" else NETWORK, {"epochs": 2, "batch_size": 50}
    straight, kept = (
        train("mnist", network=network, recipe=recipe, in_memory=way, **settings) for way in (True, False)
    )
    assert files_of(straight.run) == files_of(kept.run)
    assert straight.run.experiment == kept.run.experiment


@pytest.mark.filterwarnings("ignore::imagelet.progress.Notice")
@pytest.mark.usefixtures("kept_in_a_store")
@pytest.mark.parametrize("place", [3, 6])
def test_a_training_from_a_store_is_resumed_to_the_same_bytes(small_data, place):
    straight = train("mnist", NETWORK, **QUICK).run
    run, _ = interrupted_at(place, reading={"in_memory": False})
    *_, finished = resume_experiment(run, in_memory=False)
    assert isinstance(finished, Finished)
    assert files_of(run) == files_of(straight)


def interrupted_at(place, reading=None, **fields):
    """Send this process a Ctrl-C after ``place`` events of training; return the run and what was raised."""
    events = run_experiment(quick(**fields), name="stopped", **(reading or {}))
    run = next(events).run
    for _ in range(place):
        next(events)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught:
        list(events)
    return run, caught.value


@pytest.mark.parametrize("place", [1, 3, 5, 6, 9])
def test_ctrl_c_saves_and_the_resumed_run_ends_with_the_same_bytes(small_data, place):
    straight = train("mnist", NETWORK, **QUICK, ema_decay=0.9).run
    run, error = interrupted_at(place, ema_decay=0.9)
    assert f"imagelet train --resume {run.folder}" in error.args[1]
    assert not run.finished
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    events = list(resume_experiment(run))
    assert isinstance(events[-1], Finished)
    assert sum(isinstance(event, Step) for event in events) < 10
    assert files_of(run) == files_of(straight)
    assert not run.checkpoints.exists()


def test_what_is_finished_cannot_be_resumed(small_data):
    run = train("mnist", NETWORK, **QUICK).run
    with pytest.raises(RunError, match="finished: there is nothing to resume"):
        list(resume_experiment(run))


def test_a_run_cannot_go_on_with_other_data(small_data):
    run, _ = interrupted_at(3)
    images = small_data / "mnist" / "train-images-idx3-ubyte.gz"
    images.write_bytes((small_data / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = small_data / "mnist" / "train-labels-idx1-ubyte.gz"
    labels.write_bytes((small_data / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes())
    with pytest.raises(DataError, match="the data has changed"):
        list(resume_experiment(run))


def test_two_processes_cannot_train_in_one_folder(small_data):
    run, _ = interrupted_at(3)
    with run.in_use(), pytest.raises(RunError, match="being trained by another process"):
        list(resume_experiment(run))


@pytest.mark.usefixtures("every_epoch_saved")
def test_a_damaged_checkpoint_costs_a_warning_not_the_run(small_data):
    straight = train("mnist", NETWORK, **QUICK).run
    run, _ = interrupted_at(8)
    newest = max(run.checkpoints.iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    events = resume_experiment(run)
    first = next(events)
    assert "its content does not match its SHA-256; resuming from the checkpoint before" in first.warnings[0]
    list(events)
    assert files_of(run) == files_of(straight)


def test_short_epochs_are_not_saved_each_and_the_run_goes_on_to_the_same_bytes(small_data, monkeypatch):
    straight = train("mnist", NETWORK, **QUICK).run
    monkeypatch.setattr(runner, "SECONDS_BETWEEN_EPOCHS", 1e9)
    events = run_experiment(quick())
    run = next(event for event in events if isinstance(event, RunStarted)).run
    next(event for event in events if isinstance(event, EpochEnded))
    events.close()  # as if it had been killed
    assert not run.checkpoints.exists()
    list(resume_experiment(run))
    assert files_of(run) == files_of(straight)


@pytest.mark.parametrize("change", ["network", "optimizer", "best", "facts"])
@pytest.mark.usefixtures("every_epoch_saved")
def test_a_checkpoint_of_another_training_costs_a_warning_not_the_run(small_data, change):
    straight = train("mnist", NETWORK, **QUICK).run
    run, _ = interrupted_at(8)
    newest = max(run.checkpoints.iterdir())
    checkpoint = read_checkpoint(newest)
    tensors, facts = dict(checkpoint.tensors), dict(checkpoint.facts)
    if change == "facts":
        facts["epoch"] = "two"
    else:
        name = next(name for name in tensors if name.startswith(change) and tensors[name].dim() == 2)
        tensors[name] = tensors[name][:, :-1]
    save_checkpoint(run.checkpoints, int(newest.stem), Checkpoint(tensors, facts))
    events = resume_experiment(run)
    assert "of another training; resuming from the checkpoint before" in next(events).warnings[0]
    list(events)
    assert files_of(run) == files_of(straight)


class TestCodeThatARunNames:
    """A run folder may come from anyone: what it names is imported where that is allowed, nowhere else."""

    @pytest.fixture
    def runs(self, small_data, tmp_path, monkeypatch):
        (tmp_path / "mynet.py").write_text(
            "import pathlib\n"
            "from torch import nn\n"
            f"pathlib.Path({str(tmp_path / 'imported')!r}).touch()\n"
            "def make(channels, size, classes):\n"
            "    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, classes))\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "mynet", raising=False)
        runs = tmp_path / "runs"
        events = run_experiment(describe("mnist", "mynet:make", settings=QUICK), name="mine", folder=runs)
        run = next(events).run
        for _ in range(3):
            next(events)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt, match="stopped") as caught:
            list(events)
        assert caught.value.args[1].endswith("mine --allow-import")
        (tmp_path / "imported").unlink()
        monkeypatch.delitem(sys.modules, "mynet")
        yield run
        monkeypatch.delitem(sys.modules, "mynet", raising=False)

    def test_resuming_imports_it_only_where_that_is_allowed(self, runs, tmp_path):
        with pytest.raises(UsageError, match="mynet:make' would run code") as refused:
            list(resume_experiment(runs))
        assert "--allow-import" in refused.value.hint
        assert not (tmp_path / "imported").exists()
        *_, finished = resume_experiment(runs, allow_import=True)
        assert isinstance(finished, Finished)
        assert (tmp_path / "imported").exists()

    def test_so_does_reproducing(self, runs, tmp_path, monkeypatch):
        list(resume_experiment(runs, allow_import=True))
        (tmp_path / "imported").unlink()
        monkeypatch.delitem(sys.modules, "mynet")
        with pytest.raises(UsageError, match="mynet:make' would run code"):
            list(run_again(runs))
        assert not (tmp_path / "imported").exists()
        *_, again = run_again(runs, allow_import=True)
        assert isinstance(again, Finished)


def test_the_events_come_in_order(small_data):
    kinds = [type(event) for event in run_experiment(quick())]
    assert kinds[0] is RunStarted
    assert kinds[1:6] == [Step] * 5
    assert kinds[6] is EpochEnded
    assert kinds[-1] is Finished


def test_a_wrong_network_leaves_nothing_behind(small_data, imagelet_home):
    with pytest.raises(imagelet.ImageletError):
        train("mnist", "conv(4, 99x99) flatten dense(classes)", **QUICK)
    assert not list(imagelet_home.parent.rglob("experiment.toml"))


def stored(path, contents, labels, test=None):
    """Write an archive of noisy 8×8 images, the same for the same content; return its name."""
    known = np.random.default_rng(0).integers(0, 256, (500, 8, 8), dtype=np.uint8)
    parts = {"x_train": known[contents], "y_train": np.array(labels)}
    if test is not None:
        parts |= {"x_test": known[test], "y_test": np.array(test) % 2}
    np.savez(path, **parts)
    return str(path)


def test_copies_are_said_kept_together_and_counted(tmp_path):
    contents = [*range(100), *range(20)]
    name = stored(tmp_path / "copied.npz", contents, np.array(contents) % 2, test=[0, 1, *range(200, 218)])
    finished = train(name, NETWORK, test=True, **QUICK)
    (said,) = [
        text for text in finished.run.experiment["resolved"]["understood"] if "copies of others" in text
    ]
    assert said.startswith("20 of 120 images are copies of others")
    frozen = Split.load(finished.run.folder / "split.json")
    assert not {contents[i] for i in frozen.train} & {contents[i] for i in frozen.validation}
    validation, test = finished.metrics["validation"], finished.metrics["test"]
    assert (
        validation["distinct_images"] == len({contents[i] for i in frozen.validation}) < validation["images"]
    )
    assert (test["copies_of_training"], test["distinct_images"], test["images"]) == (2, 20, 20)
    card = (finished.run.folder / "README.md").read_text()
    assert "| test images that are copies of training images | 2 |" in card


def test_nothing_is_said_of_copies_where_there_are_few(tmp_path):
    contents = [*range(200), 0]
    finished = train(stored(tmp_path / "one.npz", contents, np.array(contents) % 2), NETWORK, **QUICK)
    assert not any("copies of" in text for text in finished.run.experiment["resolved"]["understood"])


def test_validation_images_that_are_copies_of_training_images_are_said(tmp_path):
    contents = [*range(50), *range(50)]
    name = stored(tmp_path / "twice.npz", contents, np.array(contents) % 2, test=[*range(200, 220)])
    finished = train(name, NETWORK, validation="course", **QUICK)
    said = finished.run.experiment["resolved"]["understood"]
    assert any("validation images are copies of training images" in text for text in said)


def test_folds_count_a_copied_picture_once(tmp_path):
    contents = [*range(40), *range(40)]
    name = stored(tmp_path / "twice.npz", contents, np.array(contents) % 2, test=[*range(200, 220)])
    result = repeat(describe(name, NETWORK, settings=QUICK), folds=2)
    accuracy = result.pooled.accuracy
    assert result.pooled.images == 80
    assert result.pooled.interval == pytest.approx(wilson_interval(round(40 * accuracy), 40), abs=0.02)


@pytest.mark.parametrize("setting", ["class_weights", "sampling"])
def test_a_balanced_training_is_resumed_to_the_byte(small_data, setting):
    experiment = describe("mnist", NETWORK, settings=QUICK | {"epochs": 3, setting: "balanced"})
    *_, whole = run_experiment(experiment, name="whole")
    events = run_experiment(experiment, name="stopped")
    for event in events:
        if isinstance(event, EpochEnded):
            break
    events.close()
    *_, resumed = resume_experiment(Run(whole.run.folder.parent / "stopped"))
    assert files_of(resumed.run) == files_of(whole.run)
    assert resumed.run.history[0].val_balanced_accuracy is not None
    assert "by the balanced accuracy on the validation images" in (whole.run.folder / "README.md").read_text()


def halved(logits, labels):
    return torch.nn.functional.cross_entropy(logits, labels) / 2


class TestOwnFunctions:
    def test_are_kept_and_wanted_again_to_go_on(self, small_data):
        own = OwnFunctions(loss=halved)
        straight = list(run_experiment(quick(), name="straight", own=own))[-1].run
        events = run_experiment(quick(), name="stopped", own=own)
        run = next(events).run
        events.close()
        assert run.experiment["resolved"]["own"]["loss"]["name"] == f"{__name__}.halved"
        with pytest.raises(UsageError, match="pass it again in Python: loss=halved"):
            list(resume_experiment(run))
        list(resume_experiment(run, own=own))
        assert files_of(run) == files_of(straight)
        assert "Its loss is the own function" in (run.folder / "README.md").read_text()

    def test_are_wanted_again_to_reproduce(self, small_data):
        own = OwnFunctions(loss=halved)
        run = list(run_experiment(quick(), own=own))[-1].run
        with pytest.raises(UsageError, match="with an own loss"):
            list(run_again(run))
        again = list(run_again(run, own=own))[-1].run
        assert files_of(again) == files_of(run)

    def test_a_series_does_not_take_such_a_run_for_its_own(self, small_data):
        list(run_experiment(quick(), name="own", own=OwnFunctions(loss=halved)))
        plain = list(run_experiment(quick(), name="plain"))[-1].run
        assert find_run_of(quick(), plain.folder.parent) == plain


def threads_while(events):
    """Return the last event, and with how many threads torch computed at each."""
    seen = [(event, torch.get_num_threads()) for event in events]
    return seen[-1][0], {number for _, number in seen}


class TestThreads:
    @pytest.fixture(autouse=True)
    def _enough_cores(self, small_data, monkeypatch):
        for module in (cores, device, sharing, continuing):
            monkeypatch.setattr(module, "usable_cores", lambda: 3)
        self.here = torch.get_num_threads()

    def stopped(self, **fields):
        """Return a run that was left within its second epoch."""
        events = run_experiment(quick(epochs=3, **fields))
        run = next(events).run
        for event in events:
            if isinstance(event, Step) and event.state.epoch == 1:
                break
        events.close()
        return run

    def test_are_those_that_were_asked_for_and_are_recorded(self):
        finished, used = threads_while(run_experiment(quick(threads=self.here + 1)))
        assert used == {self.here + 1}
        assert finished.run.environment["threads"] == finished.run.experiment["threads"] == self.here + 1
        assert torch.get_num_threads() == self.here

    def test_are_an_argument_of_train(self):
        assert train("mnist", NETWORK, threads=2, **QUICK).run.environment["threads"] == 2
        with pytest.raises(SettingError, match=r"threads = 4 is not allowed; .* from 1 to 3, the cores here"):
            train("mnist", NETWORK, threads=4, **QUICK)
        with pytest.raises(SettingError, match="threads = many is not allowed"):
            train("mnist", NETWORK, threads="many", **QUICK)

    def test_are_as_before_where_a_run_was_left(self):
        self.stopped(threads=self.here + 1)
        assert torch.get_num_threads() == self.here

    def test_are_the_runs_own_when_it_is_resumed_to_the_same_bytes(self):
        run = self.stopped(threads=self.here + 1)
        finished, used = threads_while(resume_experiment(run))
        assert used == {self.here + 1}
        assert torch.get_num_threads() == self.here
        *_, whole = run_experiment(quick(epochs=3, threads=self.here + 1), name="whole")
        assert files_of(finished.run) == files_of(whole.run)

    def test_are_the_runs_own_also_where_torch_had_chosen_them(self, monkeypatch):
        run = self.stopped()
        torch.set_num_threads(self.here + 1)
        try:
            assert threads_while(resume_experiment(run))[1] == {self.here}
        finally:
            torch.set_num_threads(self.here)

    def test_are_those_of_the_cores_where_there_are_fewer_and_that_is_said(self):
        run = self.stopped()
        path = run.folder / "environment.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"threads": 64}))
        events = resume_experiment(run)
        (told,) = next(events).warnings
        assert told.startswith("the run was started with 64 threads, and this machine has 3 cores")
        assert threads_while(events)[1] == {3}

    def test_stay_with_a_run_that_is_continued_unless_others_are_asked_for(self):
        finished = train("mnist", NETWORK, threads=2, **QUICK)
        assert imagelet.continue_training(finished, 1).run.environment["threads"] == 2
        other = imagelet.continue_training(finished, 1, threads=3, precision="fp32")
        assert (other.run.experiment["threads"], other.run.experiment["precision"]) == (3, "fp32")
        assert other.run.environment["threads"] == 3
        with pytest.raises(SettingError, match="threads = 4"):
            imagelet.continue_training(finished, 1, threads=4)

    def test_of_a_run_that_is_continued_are_fewer_where_there_are_fewer_cores(self, monkeypatch):
        finished = train("mnist", NETWORK, threads=3, **QUICK)
        for module in (device, continuing):
            monkeypatch.setattr(module, "usable_cores", lambda: 2)
        run = finished.run
        events = continuing.run_continued(run, continuing.continued(run, {"epochs": 1}))
        (told,) = next(events).warnings
        assert told.startswith("the run was started with 3 threads, and this machine has 2 cores")
        last, used = threads_while(events)
        assert (used, last.run.experiment["threads"]) == ({2}, 2)

    def test_compute_an_evaluation(self, monkeypatch):
        finished = train("mnist", NETWORK, **QUICK)
        seen = []
        logits = Classifier.logits
        monkeypatch.setattr(
            Classifier,
            "logits",
            lambda *given: seen.append((torch.get_num_threads(), given[0].device.type)) or logits(*given),
        )
        found = imagelet.evaluate(finished, threads=2, device="cpu")
        assert set(seen) == {(2, "cpu")}
        assert found.metrics.accuracy == imagelet.evaluate(finished).metrics.accuracy
        assert torch.get_num_threads() == self.here
        with pytest.raises(SettingError, match="threads = 0"):
            imagelet.evaluate(finished, threads=0)
        with pytest.raises(SettingError, match="unknown device 'tpu'"):
            imagelet.evaluate(finished, device="tpu")


@pytest.mark.parametrize(
    ("network", "settings", "told"),
    [
        (NETWORK, {"learning_rate": 0.5}, True),
        (NETWORK, {}, False),
        (NETWORK, {"learning_rate": 0.5, "optimizer": "adamw"}, False),
        ("conv(2, 3) relu pool(2) flatten dense(classes)", {"learning_rate": 0.5}, False),
    ],
)
def test_a_learning_rate_without_effect_is_told(small_data, network, settings, told):
    events = run_experiment(describe("mnist", network, settings=settings))
    sentences = next(events).resolved["understood"]
    events.close()
    assert any("The learning rate 0.5 has no effect: muon" in sentence for sentence in sentences) == told
