import json

import pytest

from imagelet.cli import train as train_command
from imagelet.experiment.runner import run_experiment
from imagelet.runs.definition import describe
from imagelet.training.loop import EpochEnded
from imagelet.training.profiling import PHASES, LayerTimes, Profile

TEXT = "conv(4, 3x3) relu flatten dense(classes)"
LAYERS = ("conv1 relu1", "flatten", "dense1")


@pytest.fixture
def train(run, small_data, tmp_path):
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


def test_the_phases_and_the_layers_come_after_the_result_on_standard_output(train):
    outcome = train("--profile")
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
    train_command.show_profile(profile)
    captured = capsys.readouterr()
    phases = {cells[0]: cells[1:3] for cells in rows(captured.out, "where the time went")}
    assert phases["forward"] == ["1.00", "25.0 %"]
    assert phases["loading"] == ["0.00", "0.0 %"]
    assert phases["all"] == ["4.00", "100.0 %"]
    assert rows(captured.out, "by layer") == [
        ["conv1 relu1", "50.00", "150.00", "50.0 %", "1.0"],
        ["pool1", "25.00", "0.00", "6.2 %", "–"],
    ]
    assert captured.err == ""  # half of the training is not more than half


@pytest.mark.parametrize(
    ("layers", "phases", "sentence"),
    [
        (
            {},
            {"validation": 4.0, "forward": 6.0},
            "validation takes 40.0 % of the training: fewer validation",
        ),
        ({}, {"validation": 3.0, "forward": 7.0}, ""),
        ({}, {"optimizer": 5.0, "forward": 5.0}, "--batch-size"),
        ({}, {"augmentation": 5.0, "forward": 5.0}, "--set rotation=0"),
        ({}, {"loading": 5.0, "forward": 5.0}, "slow disk"),
        ({}, {"outside": 5.0, "forward": 5.0}, "--runs DIR"),
        (
            {"conv1": (2.0, 4.0)},
            {"forward": 5.0, "backward": 5.0},
            "conv1 takes 60.0 % of the training: fewer",
        ),
        ({"conv1": (2.0, 4.0)}, {"validation": 4.0, "backward": 6.0}, "conv1 takes 60.0 %"),
    ],
)
def test_what_stands_out_gets_one_line_of_advice(capsys, layers, phases, sentence):
    train_command.show_profile(made(layers, **phases))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == bool(sentence)
    assert all(sentence in line for line in lines)


def test_every_phase_that_can_stand_out_is_one():
    assert set(train_command.STANDS_OUT) <= set(PHASES)


def test_json_has_the_field_that_the_help_promises(train, documented):
    outcome = train("--profile", "--json")
    profile = outcome.document["profile"]
    assert type(outcome)(0, json.dumps(profile), "").fields == documented("train", of="a profile")
    assert (profile["steps"], profile["images"]) == (10, 480)
    assert [each["phase"] for each in profile["phases"]] == list(PHASES)
    assert [" ".join(each["layers"]) for each in profile["layers"]] == list(LAYERS)
    assert [each["multiply_adds"] for each in profile["layers"]] == [26 * 26 * 9 * 4, 0, 26 * 26 * 4 * 10]


def test_without_the_option_there_is_none_and_the_run_keeps_nothing_of_it(train, tmp_path):
    kept = {}
    for words in (["--json"], ["--json", "--profile"]):
        outcome = train(*words)
        assert ("profile" in outcome.document) == ("--profile" in words)
        folder = tmp_path / "run"
        kept["--profile" in words] = {str(path.relative_to(folder)) for path in folder.rglob("*")}
        assert (folder / "classifier.safetensors").exists()
        folder.rename(tmp_path / f"moved-{len(words)}")
    assert kept[True] == kept[False]
    files = [(tmp_path / f"moved-{number}" / "classifier.safetensors").read_bytes() for number in (1, 2)]
    assert files[0] == files[1]
    assert "where the time went" not in train().stdout


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


def test_the_tables_fit_on_a_terminal_of_80_columns(train):
    outcome = train("--profile")
    tables = outcome.stdout[outcome.stdout.index("where the time went") :]
    assert max(map(len, tables.splitlines())) <= 80
