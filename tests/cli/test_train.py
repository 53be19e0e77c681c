import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from imagelet import progress
from imagelet.cli import main, train_result
from imagelet.experiment.runner import run_experiment
from imagelet.runs.definition import describe
from imagelet.runs.run import Run
from imagelet.training.loop import EpochEnded
from imagelet.training.profiling import PHASES, LayerTimes, Profile

WORDS = ("--network", "pool(2) flatten dense(classes)", "--epochs", "2", "-b", "50")


def train(run, *words):
    return run("train", "mnist", *WORDS, *words)


def test_it_trains_and_says_what_to_type_next(run, small_data, tmp_path):
    outcome = train(run, "--name", "first", "--runs", tmp_path)
    assert outcome.code == 0
    assert "validation accuracy" in outcome.stdout
    assert "95 % interval" in outcome.stdout
    assert outcome.stderr.count(" 1/2 ") == outcome.stderr.count(" 2/2 ") == 1
    assert max(map(len, outcome.stderr.splitlines()[2:5])) <= 80
    assert f"imagelet evaluate {tmp_path / 'first'}" in outcome.stderr


def test_an_epoch_is_called_the_best_only_where_validation_images_say_so(run, small_data):
    assert "  best\n" in train(run).stderr
    assert "best" not in train(run, "--validation", "0").stderr


def test_json_is_one_document_with_the_fields_of_the_contract(run, small_data):
    outcome = train(run, "--test", "--json")
    document = outcome.document
    assert set(document) >= {
        "run", "classifier", "dataset", "network", "parameters", "epochs", "best_epoch", "seconds",
        "images_per_second", "validation", "test", "history",
    }  # fmt: skip
    assert set(document["seconds"]) == {"data", "training", "total"}
    assert set(document["validation"]) >= {"accuracy", "interval", "loss"}
    assert set(document["history"]) >= {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(document["history"]["loss"]) == 2


def test_options_reach_the_recipe_and_the_run(run, small_data):
    document = train(
        run, "--lr", "0.5", "--optimizer", "sgd", "--set", "momentum=0.3", "--seed", "7",
        "--validation", "0.5", "--limit", "200", "--precision", "fp32", "--json",
    ).document  # fmt: skip
    experiment = tomllib.loads(Path(document["run"], "experiment.toml").read_text())
    recipe = experiment["recipe"]
    assert (recipe["learning_rate"], recipe["optimizer"], recipe["momentum"]) == (0.5, "sgd", 0.3)
    assert (recipe["epochs"], recipe["batch_size"]) == (2, 50)
    assert (experiment["seed"], experiment["limit"]) == (7, 200)
    assert experiment["resolved"]["precision"] == "fp32"
    assert document["validation"]["images"] == 100


def test_an_input_without_channels_keeps_those_of_the_pictures(run, tmp_path):
    from PIL import Image

    for label, colour in (("a", (200, 0, 0)), ("b", (0, 0, 200))):
        (tmp_path / "own" / label).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (16, 16), (*colour[:2], number)).save(tmp_path / "own" / label / f"{number}.png")
    words = ("train", tmp_path / "own", "--input", "8x8", "--network", "softmax", "--epochs", "1", "--json")
    experiment = tomllib.loads(Path(run(*words).document["run"], "experiment.toml").read_text())
    assert experiment["input_shape"] == experiment["resolved"]["input_shape"] == [8, 8, 3]


def test_a_training_starts_from_another_and_goes_on(run, small_data, tmp_path):
    train(run, "--name", "first", "--runs", tmp_path)
    first = tmp_path / "first"
    outcome = run(
        "train", "mnist", "--from", first, "--epochs", "1", "--freeze", "body", "--json", "--runs", tmp_path
    )
    assert outcome.code == 0, outcome.stderr
    assert "starts from 'first', which learned from mnist; same classes" in outcome.stderr
    run_folder = Path(outcome.document["run"])
    assert run_folder.name == "mnist-from-first"
    assert "recipe fine-tuning" in outcome.stderr
    more = run("train", "--continue", first, "--epochs", "1", "--json")
    assert Path(more.document["run"]) == tmp_path / "first-continued"
    assert more.document["epochs"] == 1


def test_a_required_accuracy_that_is_missed_is_exit_code_3_and_the_run_stays(run, small_data, tmp_path):
    outcome = train(run, "--require", "1.0", "--recipe", "default", "--lr", "1e-6", "--runs", tmp_path)
    assert outcome.code == 3
    assert "is below the required 1" in outcome.stderr
    assert (tmp_path / "mnist-network" / "classifier.safetensors").exists()
    assert train(run, "--require", "0.05").code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "needs one of DATASET, --resume RUN and --continue RUN"),
        (("mnist", "--continue", "x"), "needs one of"),
        (("--continue", "x"), "--continue needs the number of epochs"),
        (("--continue", "x", "--epochs", "1"), "no run 'x'"),
        (("--continue", "x", "--epochs", "1", "--network", "softmax"), "--network cannot be changed"),
        (("--resume", "x", "--seed", "2"), "--seed cannot be changed"),
        (("--resume", "x", "--from", "mnist"), "--from cannot be changed"),
        (("--continue", "x", "--epochs", "1", "--folds", "2"), "--folds and --continue do not go together"),
        (("mnist", "--from", "mnits"), "did you mean 'mnist'"),
        (("mnist", "--from", "mnist", "--network", "softmax"), "leave --network out, or --from"),
        (("mnist", "--freeze", "conf1", "--network", "cnn-1"), "did you mean 'conv1'"),
        (("mnist", "--epochs", "0"), "epochs = 0 is not allowed; it is a whole number from 1"),
        (("mnist", "--set", "patience=3"), "did you mean 'early_stopping'"),
        (("mnist", "--set", "callbacks=x"), "there are no callbacks"),
        (("mnits",), "did you mean 'mnist'"),
        (("mnist", "--network", "cnn-4"), "did you mean 'cnn-3'"),
        (("mnist", "--network", "conv(8, 3x3"), "position"),
        (("mnist", "--recipe", "defualt"), "did you mean 'default'"),
        (("mnist", "--epochs", "-1"), "epochs = -1 is not allowed"),
        (("mnist", "--lr", "fast"), "learning_rate = 'fast' is not allowed; it is a number"),
        (("mnist", "--set", "epochs"), "has no '='"),
        (("mnist", "--set", "epoch=3"), "did you mean 'epochs'"),
        (("mnist", "--optimizer", "adm"), "one of sgd"),
        (("mnist", "--validation", "2"), "a fraction from 0"),
        (("mnist", "--require", "98"), "an accuracy from 0 to 1"),
        (("mnist", "--device", "tpu"), "unknown device 'tpu'"),
        (("mnist", "--precision", "fp8"), "unknown precision 'fp8'"),
        (("mnist", "--threads", "0"), "threads = 0 is not allowed; it is auto, or a whole number from 1"),
        (("mnist", "--threads", "4000"), "threads = 4000 is not allowed"),
        (("--resume", "x", "--threads", "2"), "--threads cannot be changed"),
        (("--resume", "x", "--device", "cpu"), "--device cannot be changed"),
        (("mnist", "--input", "28"), "is not an input shape"),
        (("mnist", "--resume", "x"), "needs one of"),
        (("--resume", "x", "--epochs", "3"), "the run's own settings"),
        (("--resume", "x"), "no run 'x'"),
        (("mnist", "--seed", "-1"), "seed = -1"),
    ],
)
def test_wrong_words_get_one_sentence_and_leave_nothing(run, small_data, imagelet_home, words, sentence):
    outcome = run("train", *words)
    assert outcome.code in (1, 2)
    assert sentence in outcome.stderr
    assert outcome.stdout == ""
    assert "Traceback" not in outcome.stderr
    assert not list(imagelet_home.parent.rglob("experiment.toml"))


def test_threads_are_said_recorded_and_kept_or_changed_with_more_epochs(run, small_data, tmp_path):
    place = ("--runs", tmp_path)
    outcome = train(run, "--threads", "1", "--name", "one", *place)
    assert outcome.code == 0, outcome.stderr
    assert "cpu with 1 thread, " in outcome.stderr
    assert Run(tmp_path / "one").environment["threads"] == 1
    again = ("--continue", "one", "--epochs", "1", *place)
    outcome = run("train", *again, "--name", "kept")
    assert outcome.code == 0, outcome.stderr
    assert Run(tmp_path / "kept").experiment["threads"] == 1
    outcome = run("train", *again, "--name", "changed", "--precision", "fp32", "--device", "cpu")
    assert outcome.code == 0, outcome.stderr
    changed = Run(tmp_path / "changed").experiment
    assert [changed[name] for name in ("threads", "precision", "device")] == [1, "fp32", "cpu"]


@pytest.mark.slow
def test_ctrl_c_saves_says_how_to_go_on_and_going_on_works(small_data, tmp_path, run):
    words = ["train", "mnist", "--network", "softmax", "--epochs", "100000", "-b", "20", "--runs", "."]
    process = subprocess.Popen(
        [sys.executable, "-m", "imagelet", *words, "--name", "long"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for _ in range(3000):
        if list(tmp_path.glob("long/checkpoint/*.checkpoint")):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "nothing is lost" in stderr
    assert "imagelet train --resume long" in stderr
    assert "Traceback" not in stderr
    listed = run("runs", tmp_path, "--json").document["runs"]
    assert [one["run"] for one in listed] == ["long"]


@pytest.mark.slow
@pytest.mark.usefixtures("drawn_pictures")
def test_demo_shows_everything_and_writes_its_figures(run, tmp_path, monkeypatch):
    import dataclasses

    from imagelet.cli import demo as command
    from imagelet.training.recipes import recipes

    short = dataclasses.replace(recipes.get("digits"), epochs=1)
    monkeypatch.setitem(recipes._things, "digits", short)
    outcome = run("demo", "--runs", tmp_path)
    assert outcome.code == 0, outcome.stderr
    assert "test accuracy" in outcome.stdout
    assert outcome.stdout.count("label ") == command.DEMO_IMAGES
    assert outcome.stdout.count(" %\n") >= 10
    assert "imagelet predict" in outcome.stdout
    written = json.loads((tmp_path / "digits-small-cnn" / "metrics.json").read_text())
    assert written["test"]["images"] == 360
    figures = {path.name for path in (tmp_path / "digits-small-cnn" / "figures").iterdir()}
    assert figures >= {"curves.png", "confusion-test.png", "predictions-test.png", "answers.png"}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_gets_a_bar_with_speed_loss_accuracy_and_time_left(small_data, tmp_path, monkeypatch):
    import pty

    monkeypatch.setattr(progress, "UPDATES_PER_SECOND", 10_000)  # the training is over in a moment
    monkeypatch.setenv("TERM", "xterm")
    master, slave = pty.openpty()
    words = ["train", "mnist", "--network", "softmax", "--epochs", "15", "-b", "20", "--runs", str(tmp_path)]
    with ThreadPoolExecutor(1) as reader, os.fdopen(slave, "w") as terminal:
        reading = reader.submit(all_of, master)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", terminal)
            assert main(words) == 0
        terminal.close()
        shown = reading.result(timeout=60)
    os.close(master)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"━ epoch \d+/15 · [\d.:]+ s? ?left · [\d,]+ images/s · loss \d\.\d{4} · ", text)
    assert len(re.findall(r"\d/15  +\d\.\d{4}  ", text)) == 15


def all_of(terminal):
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that the other side was closed
        while part := os.read(terminal, 65536):
            shown += part
    return shown


TEXT = "conv(4, 3x3) relu flatten dense(classes)"
LAYERS = ("conv1 relu1", "flatten", "dense1")


@pytest.fixture
def train_briefly(run, small_data, tmp_path):
    """Return a function that trains for two epochs of five steps and returns the outcome."""

    def run_experiment(*words):
        recipe = ("--recipe", "keras", "--epochs", "2", "-b", "48", "--runs", tmp_path, "--name", "run")
        return run("train", "mnist", "--network", TEXT, *recipe, *words)

    return run_experiment


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading; two spaces or more stand between them."""
    lines = text[text.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def made(layers: dict[str, tuple[float, float]], **phases: float) -> Profile:
    """Return a profile of 10 steps with these seconds; each layer has 10⁹ multiply-adds in all."""

    class Made(Profile):
        def layers(self) -> list[LayerTimes]:
            return [
                LayerTimes(
                    tuple(names.split()), 10**6 * names.startswith("conv"), *seconds, image_passes=1_000
                )
                for names, seconds in layers.items()
            ]

    profile = Made()
    profile.steps = 10
    profile.phases |= phases
    return profile


def test_the_phases_and_the_layers_come_after_the_result_on_standard_output(train_briefly):
    outcome = train_briefly("--profile")
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout.index("validation accuracy") < outcome.stdout.index("by phase")
    phases = rows(outcome.stdout, "where the time went, by phase")
    assert [cells[0] for cells in phases] == [*PHASES, "all"]
    assert all(cells[3] == PHASES[cells[0]] for cells in phases[:-1])
    layers = rows(outcome.stdout, "by layer, mean of 10 steps")
    assert tuple(cells[0] for cells in layers) == LAYERS
    assert [cells[-1] == "–" for cells in layers] == [False, True, False]


def test_seconds_shares_and_speeds_are_worked_out_of_the_profile(capsys):
    profile = made(
        {"conv1 relu1": (0.5, 1.5), "pool1": (0.25, 0.0)}, forward=1.0, backward=2.0, validation=1.0
    )
    train_result.show_profile(profile)
    captured = capsys.readouterr()
    phases = {cells[0]: cells[1:3] for cells in rows(captured.out, "where the time went")}
    assert phases["forward"] == ["1.00", "25.0 %"]
    assert phases["loading"] == ["0.00", "0.0 %"]
    assert phases["all"] == ["4.00", "100.0 %"]
    assert rows(captured.out, "by layer") == [
        ["conv1 relu1", "50.00", "150.00", "50.0 %", "1.0"],
        ["pool1", "25.00", "0.00", "6.2 %", "–"],
    ]


def test_json_has_the_field_that_the_help_promises(train_briefly, documented):
    outcome = train_briefly("--profile", "--json")
    profile = outcome.document["profile"]
    assert type(outcome)(0, json.dumps(profile), "").fields == documented("train", of="a profile")
    assert (profile["steps"], profile["images"]) == (10, 480)
    assert [each["phase"] for each in profile["phases"]] == list(PHASES)
    assert [" ".join(each["layers"]) for each in profile["layers"]] == list(LAYERS)
    assert [each["multiply_adds"] for each in profile["layers"]] == [26 * 26 * 9 * 4, 0, 26 * 26 * 4 * 10]


def test_without_the_option_there_is_none_and_the_run_keeps_nothing_of_it(train_briefly, tmp_path):
    kept = {}
    for words in (["--json"], ["--json", "--profile"]):
        outcome = train_briefly(*words)
        assert ("profile" in outcome.document) == ("--profile" in words)
        folder = tmp_path / "run"
        kept["--profile" in words] = {str(path.relative_to(folder)) for path in folder.rglob("*")}
        assert (folder / "classifier.safetensors").exists()
        folder.rename(tmp_path / f"moved-{len(words)}")
    assert kept[True] == kept[False]
    files = [(tmp_path / f"moved-{number}" / "classifier.safetensors").read_bytes() for number in (1, 2)]
    assert files[0] == files[1]
    assert "where the time went" not in train_briefly().stdout


@pytest.mark.usefixtures("every_epoch_saved")
def test_a_resumed_run_shows_this_sitting(run, small_data, tmp_path):
    recipe = {"epochs": 3, "batch_size": 48}
    events = run_experiment(describe("mnist", TEXT, "keras", recipe), name="long", folder=tmp_path)
    for event in events:
        if isinstance(event, EpochEnded):
            break
    events.close()
    outcome = run("train", "--resume", tmp_path / "long", "--profile")
    assert outcome.code == 0, outcome.stderr
    assert "by layer, mean of 10 steps" in outcome.stdout


@pytest.mark.usefixtures("every_epoch_saved")
def test_a_resumed_run_that_had_only_to_be_finished_shows_an_empty_profile(run, small_data, tmp_path):
    events = run_experiment(describe("mnist", TEXT, "keras", {"epochs": 1}), name="over", folder=tmp_path)
    for event in events:
        if isinstance(event, EpochEnded):
            break
    events.close()
    outcome = run("train", "--resume", tmp_path / "over", "--profile")
    assert outcome.code == 0, outcome.stderr
    assert rows(outcome.stdout, "where the time went")[-1][:2] == ["all", "0.00"]
    assert "by layer" not in outcome.stdout


def test_the_tables_fit_on_a_terminal_of_80_columns(train_briefly):
    outcome = train_briefly("--profile")
    tables = outcome.stdout[outcome.stdout.index("where the time went") :]
    assert max(map(len, tables.splitlines())) <= 80


@pytest.fixture
def uneven(tmp_path):
    """Return an archive with 200 dark images and 20 light ones, that noise makes alike."""
    labels = np.repeat([0, 1], [200, 20])
    noise = np.random.default_rng(0).integers(0, 200, (220, 8, 8))
    images = (noise + 3 * labels[:, None, None]).astype(np.uint8)
    chosen = np.random.default_rng(1).permutation(220)
    names = np.array(["common", "rare"])
    first, last = chosen[:160], chosen[160:]
    path = tmp_path / "uneven.npz"
    np.savez(
        path,
        x_train=images[first],
        y_train=names[labels[first]],
        x_test=images[last],
        y_test=names[labels[last]],
    )
    return path


def test_uneven_classes_are_said_and_what_counts_them_alike(run, uneven, tmp_path):
    words = ("train", uneven, *WORDS, "--test", "--runs", tmp_path)
    outcome = run(*words, "--name", "plain")
    lines = dict(re.split("  +", line, maxsplit=1) for line in outcome.stdout.splitlines() if "  " in line)
    for part in ("validation", "test"):
        assert "95 % interval" in lines[f"{part}: balanced accuracy"]
        assert "95 % interval" in lines[f"{part}: macro F1"]
    figures = json.loads((tmp_path / "plain" / "metrics.json").read_text())["test"]
    share = 100 * figures["classes"][0]["images"] / 60
    assert lines["test: baseline"] == f"always saying 'common' would give {share:.2f} %"
    assert "--set class_weights=balanced" in outcome.stderr
    card = (tmp_path / "plain" / "README.md").read_text()
    assert f"| test baseline | always saying 'common' would give {share:.2f} % |" in card
    assert "| test balanced accuracy |" in card
    assert run("report", tmp_path / "plain").code == 0
    page = (tmp_path / "plain" / "report.html").read_text()
    assert "Every class counted alike: test images" in page
    assert f"always saying “common” would give {share:.2f}" in page


def test_a_balanced_training_shows_what_chooses_its_epoch(run, uneven, tmp_path):
    outcome = run("train", uneven, *WORDS, "--set", "class_weights=balanced", "--runs", tmp_path)
    assert "val_balanced" in outcome.stderr
    assert "--set class_weights=balanced" not in outcome.stderr
    assert max(map(len, outcome.stderr.splitlines()[2:6])) <= 200
    document = run("train", uneven, *WORDS, "--set", "sampling=balanced", "--json").document
    balanced = document["history"]["val_balanced_accuracy"]
    assert balanced[document["best_epoch"] - 1] == max(balanced)
    assert document["validation"]["balanced_accuracy"] == pytest.approx(max(balanced))


def test_nothing_is_said_of_classes_that_are_even(run, small_data):
    outcome = train(run, "--test")
    assert "baseline" not in outcome.stdout
    assert "macro F1" not in outcome.stdout
    assert "class_weights" not in outcome.stderr
