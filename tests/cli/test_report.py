import json
import shlex

import pytest

from imagelet.cli import train as train_command_line
from imagelet.report import page
from imagelet.report.gathering import train_command
from imagelet.runs.definition import Experiment, describe, settled

RESOLVED = {"training_images": 1_149, "input_shape": [28, 28, 1]}


@pytest.fixture
def no_insights(monkeypatch):
    """Leave out what is inside the network, which takes most of the time."""
    monkeypatch.setattr(page, "insights", lambda *_: ())


@pytest.mark.usefixtures("no_insights")
def test_a_page_is_written_into_the_run_folder(run, short_run, documented):
    outcome = run("report", short_run, "--json")
    assert outcome.code == 0, outcome.stderr
    assert outcome.fields == documented("report")
    assert outcome.document["file"] == str(short_run / "report.html")
    assert outcome.document["bytes"] == (short_run / "report.html").stat().st_size
    assert outcome.document["part"] == "validation"
    assert not (short_run / "test_evaluations.jsonl").exists()


def test_the_page_may_go_elsewhere_and_what_is_left_out_is_said(run, short_run, tmp_path):
    outcome = run("report", short_run, "--out", tmp_path / "pages" / "page.html")
    assert outcome.code == 0, outcome.stderr
    assert (tmp_path / "pages" / "page.html").exists()
    assert "page.html" in outcome.stdout
    assert "left out: First-layer filters" in outcome.stderr
    assert "browser" in outcome.stderr


def test_several_runs_are_compared(run, short_run, tmp_path, monkeypatch):
    import shutil

    monkeypatch.chdir(tmp_path)
    other = shutil.copytree(short_run, short_run.parent / "other")
    outcome = run("report", short_run, other, "--json")
    assert outcome.code == 0, outcome.stderr
    assert outcome.document["file"] == "comparison.html"
    assert "no difference shown" in (tmp_path / "comparison.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["mnist"], 2, "without its run"),
        (["nowhere"], 2, "no run 'nowhere'"),
        ([], 2, "RUN"),
    ],
)
def test_what_is_no_run_gets_a_sentence(run, words, code, said):
    outcome = run("report", *words)
    assert outcome.code == code
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_an_unfinished_run_gets_a_sentence(run, short_run):
    (short_run / "metrics.json").unlink()
    outcome = run("report", short_run)
    assert outcome.code == 1
    assert "not finished" in outcome.stderr
    assert "--resume" in outcome.stderr


@pytest.mark.usefixtures("no_insights")
def test_a_folder_in_place_of_a_file_gets_a_sentence(run, short_run, tmp_path):
    outcome = run("report", short_run, "--out", tmp_path)
    assert outcome.code == 1
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize(
    "experiment",
    [
        describe("mnist"),
        describe("mnist", "cnn-3", "keras", {"epochs": 7, "learning_rate": 0.1 / 3, "flip": True}),
        describe("digits", None, "digits", validation="0.25", limit=200, seed=3, precision="fp32", threads=1),
        describe("mnist", "conv(4, 3x3) relu flatten dense(10)", "handwriting", {"blur": 0.0}),
        describe("a folder/with spaces", "softmax", validation="course", input_shape=(28, 28, 1)),
        describe("mnist", None, "general", {"batch_size": 32, "optimizer": "adamw", "shift": 1.5}),
    ],
    ids=lambda each: f"{each.dataset}-{each.recipe.name}",
)
def test_the_command_that_repeats_a_run_is_read_as_the_same_experiment(run, monkeypatch, experiment):
    """What the page says to type goes through the command line itself."""
    images, shape = RESOLVED["training_images"], tuple(RESOLVED["input_shape"])
    experiment = settled(experiment, images, shape)
    typed: list[Experiment] = []

    class Caught(Exception):
        pass

    def catch(experiment, **_):
        typed.append(experiment)
        raise Caught

    monkeypatch.setattr(train_command_line, "run_watched", catch)
    program, *words = shlex.split(train_command(experiment, RESOLVED))
    assert program == "imagelet"
    run(*words)
    assert settled(typed[0], images, shape) == experiment


def test_a_command_says_nothing_that_goes_without_saying():
    plain = settled(describe("mnist"), RESOLVED["training_images"], (28, 28, 1))
    assert train_command(plain, RESOLVED) == "imagelet train mnist"
    changed = settled(describe("mnist", settings={"noise": 0.05}, seed=2), 1_149, (28, 28, 1))
    assert train_command(changed, RESOLVED) == "imagelet train mnist --seed 2 --set noise=0.05"


def test_a_recipe_that_is_no_more_is_written_out():
    from imagelet.training.recipe import Recipe

    old = Experiment("mnist", "softmax", Recipe(name="forgotten", epochs=3))
    line = train_command(old, RESOLVED)
    assert "forgotten" not in line
    assert "--epochs 3" in line
    assert "--optimizer adamw" in line


@pytest.mark.usefixtures("no_insights")
def test_demo_writes_its_report(run, tmp_path, monkeypatch):
    import dataclasses

    from imagelet.training.recipes import recipes

    short = dataclasses.replace(recipes.get("digits"), epochs=1)
    monkeypatch.setitem(recipes._things, "digits", short)
    outcome = run("demo", "--runs", tmp_path, "--json")
    assert outcome.code == 0, outcome.stderr
    report = tmp_path / "digits-small-cnn" / "report.html"
    assert outcome.document["report"] == str(report)
    assert "On 360 test images" in report.read_text("utf-8")
    lines = (tmp_path / "digits-small-cnn" / "test_evaluations.jsonl").read_text().splitlines()
    assert [json.loads(each)["images"] for each in lines] == [360]  # the report adds none
