"""`imagelet networks` and `imagelet summary`."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from imagelet import networks
from imagelet.runs.store import shipped_classifiers
from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import AUTO, SECTIONS, setting_fields
from imagelet.training.recipes import recipes

Run = Callable[..., Any]
Documented = Callable[..., str]

PRINTED_IN_THE_COURSE = {
    "mlp-1024": 3_432_970,
    "cnn-3": 356_234,
    "mlp-512": 407_050,
    "cnn-1": 804_554,
    "fashion-cnn": 804_554,
    "cifar-cnn": 2_125_578,
    "convnet": 93_322,
    "deep-cnn": 5_259_594,
}


# Side and channels of the maps that each convolution and pooling leaves, then the units of the dense layers.
SHAPES_WORKED_OUT = {
    "mlp-1024": "1024 1024 1024 512 10",
    "mlp-512": "512 10",
    "cnn-3": "28x28x32 14x14x32 14x14x64 7x7x64 7x7x128 4x4x128 128 10",
    "basic-cnn": "28x28x32 28x28x32 14x14x32 14x14x64 14x14x64 7x7x64 512 10",
    "cnn-1": "28x28x32 14x14x32 128 10",
    "fashion-cnn": "28x28x32 14x14x32 128 10",
    "cifar-cnn": "32x32x32 32x32x64 16x16x64 128 64 10",
    "convnet": "26x26x32 13x13x32 11x11x64 5x5x64 3x3x64 64 10",
    "deep-cnn": "28x28x64 28x28x64 14x14x64 14x14x128 12x12x256 6x6x256 512 256 10",
}


class TestNetworks:
    def test_lists_every_network_with_its_parameters(self, run: Run) -> None:
        listed = {each["name"]: each for each in run("networks", "--json").document["networks"]}
        for name, parameters in PRINTED_IN_THE_COURSE.items():
            assert listed[name]["parameters"] == parameters
        lines = run("networks").stdout.splitlines()
        assert [line.split()[0] for line in lines[1:]] == list(listed)
        assert "  5,259,594  " in run("networks").stdout

    def test_counts_without_torch_what_the_built_network_has(self, run: Run) -> None:
        for listed in run("networks", "--json").document["networks"]:
            built = networks.summarize(listed["name"], listed["input_shape"])
            shape = "x".join(map(str, listed["input_shape"]))
            shown = run("summary", listed["name"], "--input", shape, "--json").document
            assert listed["parameters"] == shown["total"] == built.total
            assert shown["multiply_adds"] == built.multiply_adds

    @pytest.mark.parametrize("words", [["networks"], ["summary", "cnn-3"], ["summary", "dense(classes)"]])
    def test_answers_without_torch(self, words: list[str]) -> None:
        program = f"import sys; from imagelet import cli; cli.main({words}); print('torch' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "False"

    def test_shows_the_text_of_one(self, run: Run) -> None:
        outcome = run("networks", "softmax")
        assert "flatten dense(classes) softmax" in outcome.stdout
        assert outcome.stderr == "→ imagelet summary softmax shows its layers\n"
        assert run("networks", "softmax", "--json").document["text"] == "flatten dense(classes) softmax"

    def test_has_the_fields_of_its_help(self, run: Run, documented: Documented) -> None:
        assert run("networks", "--json").fields == documented("networks")
        assert f"networks[{{{run('networks', 'cnn-3', '--json').fields}}}]" == documented("networks")


class TestSummary:
    def test_shows_layers_and_totals(self, run: Run) -> None:
        lines = [line.split() for line in run("summary", "convnet").stdout.splitlines()]
        assert lines[0] == ["layer", "kind", "output", "shape", "parameters"]
        assert lines[1] == ["input", "28x28x1"]
        assert lines[2] == ["conv1", "conv", "26x26x32", "320"]
        assert ["parameters", "93,322"] in lines
        assert ["trainable", "93,322"] in lines
        assert ["non-trainable", "0"] in lines

    @pytest.mark.parametrize(("network", "shapes"), SHAPES_WORKED_OUT.items())
    def test_output_shapes_are_those_of_the_course(self, run: Run, network: str, shapes: str) -> None:
        layers = run("summary", network, "--json").document["layers"]
        found = [layer["shape"] for layer in layers if layer["kind"] in ("conv", "pool", "dense")]
        assert " ".join("x".join(map(str, shape)) for shape in found) == shapes

    def test_has_the_fields_of_its_help(self, run: Run, documented: Documented) -> None:
        assert run("summary", "softmax", "--json").fields == documented("summary")

    def test_takes_the_input_that_the_network_was_made_for(self, run: Run) -> None:
        assert run("summary", "cifar-cnn", "--json").document["input_shape"] == [32, 32, 3]
        assert run("summary", "flatten dense(10)", "--json").document["input_shape"] == [28, 28, 1]

    @pytest.mark.parametrize(
        ("text", "shape"), [("8x8", [8, 8, 1]), ("9×7×3", [9, 7, 3]), (" 8X8X1 ", [8, 8, 1])]
    )
    def test_takes_another_input_and_other_classes(self, run: Run, text: str, shape: list[int]) -> None:
        document = run("summary", "softmax", "--input", text, "--classes", "3", "--json").document
        assert document["input_shape"] == shape
        assert document["total"] == 3 * (shape[0] * shape[1] * shape[2] + 1)

    @pytest.mark.parametrize("text", ["0x8x1", "8", "8x8x1x1", "axb", "-8x8", ""])
    def test_refuses_what_is_no_input(self, run: Run, text: str) -> None:
        outcome = run("summary", "softmax", f"--input={text}")
        assert outcome.code == 2
        assert f"'{text}' is not an input shape" in outcome.stderr

    def test_points_at_a_mistake_in_the_text(self, run: Run) -> None:
        outcome = run("summary", "relu cnov(3) flatten dense(10)")
        assert outcome.code == 2
        assert outcome.stderr.splitlines()[1:3] == ["  relu cnov(3) flatten dense(10)", "       ^"]


def test_recipes_have_the_fields_of_their_help(run: Run, documented: Callable[..., str]) -> None:
    settings = "settings[{field, group, term, value, unit, allowed, meaning}]"
    rules = "optimizers[{name, learning_rate, rule, source, constants}]"
    assert run("recipes", "--json").fields == "recipes[{name, note, network, " + settings + "}], " + rules
    assert documented("recipes") == run("recipes", "--json").fields


def test_lists_every_recipe_with_every_field(run: Run) -> None:
    listed = run("recipes", "--json").document["recipes"]
    assert [each["name"] for each in listed] == list(recipes)
    for each in listed:
        values = {setting["field"]: setting["value"] for setting in each["settings"]}
        recipe = recipes.get(each["name"])
        assert (each["network"], each["note"]) == (recipe.network, recipe.note)
        assert recipe.note
        known = {field.name: getattr(recipe, field.name) for field in setting_fields()}
        assert values == {name: "auto" if value == AUTO else value for name, value in known.items()}


def test_lists_every_optimizer_with_its_rule_and_defaults(run: Run) -> None:
    listed = run("recipes", "--json").document["optimizers"]
    assert [rule["name"] for rule in listed] == list(optimizers)
    shown = run("recipes").stdout
    assert len(shown.splitlines()) == 1 + len(recipes) + 2 + len(optimizers)
    for rule in listed:
        optimizer = optimizers.get(rule["name"])
        assert rule["constants"] == list(optimizer.constants)
        assert (rule["rule"], rule["learning_rate"]) == (optimizer.rule, optimizer.learning_rate)
        assert optimizer.rule in shown


@pytest.mark.parametrize("name", list(recipes))
def test_shows_one_field_by_field(run: Run, name: str) -> None:
    outcome = run("recipes", name)
    assert outcome.code == 0
    lines = outcome.stdout.splitlines()
    assert len(lines) == 1 + 2 * len(SECTIONS) + len(setting_fields())
    for group, section in SECTIONS.items():
        start = next(place for place, line in enumerate(lines) if line.startswith(f"{group} "))
        shown = [line.split()[0] for line in lines[start + 1 : start + 1 + len(setting_fields(section))]]
        assert shown == [field.name for field in setting_fields(section)]
    assert outcome.stdout.startswith(f"{name}: {recipes.get(name).note}; trains {recipes.get(name).network}")
    document = run("recipes", name, "--json").document
    assert document in run("recipes", "--json").document["recipes"]
    assert document["name"] == name


def test_says_the_standard_terms(run: Run) -> None:
    shown = run("recipes", "general").stdout
    for field in setting_fields():
        assert f"{field.metadata['term']}: " in shown
    for term in ("learning rate", "warm-up", "β₂", "weight decay", "maximum gradient norm", "EMA decay"):
        assert term in shown


def test_names_the_optimizers_that_use_a_constant(run: Run) -> None:
    recipe = run("recipes", "general", "--json").document
    meanings = {setting["field"]: setting["meaning"] for setting in recipe["settings"]}
    assert meanings["momentum"].endswith("(momentum, nesterov, muon)")
    assert meanings["rho"].endswith("(rmsprop)")


def test_a_mistyped_name_is_answered_with_the_nearest(run: Run) -> None:
    outcome = run("recipes", "kears")
    assert outcome.code == 2
    assert "did you mean 'keras'" in outcome.stderr
    assert "imagelet recipes lists them" in outcome.stderr


def test_lists_every_one_with_its_classes(run: Run) -> None:
    outcome = run("classifiers")
    assert outcome.code == 0
    for name in shipped_classifiers():
        assert name in outcome.stdout
    listed = run("classifiers", "--json").document["classifiers"]
    assert [each["name"] for each in listed] == list(shipped_classifiers())
    assert all(len(each["classes"]) == 10 and each["bytes"] > 100_000 for each in listed)


def test_classifiers_have_the_fields_of_their_help(run: Run, documented: Callable[..., str]) -> None:
    assert run("classifiers", "--json").fields == documented("classifiers")


def test_shows_a_card_without_what_is_for_programs(run: Run) -> None:
    outcome = run("classifiers", "mnist")
    assert outcome.stdout.startswith("# mnist")
    assert "## Limits" in outcome.stdout
    assert run("classifiers", "mnist", "--json").document["card"].startswith("---")


def test_an_unknown_one_is_refused_and_the_nearest_named(run: Run) -> None:
    outcome = run("classifiers", "mnits")
    assert outcome.code == 2
    assert "did you mean 'mnist'?" in outcome.stderr
    assert "Traceback" not in outcome.stderr
