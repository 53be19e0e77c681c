import tomllib

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from imagelet.errors import SettingError, UsageError
from imagelet.runs.definition import Experiment, describe
from imagelet.training.recipe import Recipe

experiments = st.builds(
    Experiment,
    dataset=st.text(min_size=1, max_size=20),
    network=st.text(max_size=30),
    recipe=st.builds(
        Recipe, epochs=st.integers(1, 99), learning_rate=st.floats(1e-6, 10), flip=st.booleans()
    ),
    validation=st.sampled_from(["auto", "course", "0", "0.2"]),
    limit=st.integers(0, 10**6),
    seed=st.integers(0, 2**32),
    input_shape=st.none() | st.just((32, 32, 3)),
)


@given(experiments)
def test_toml_and_back(experiment):
    written = tomli_w.dumps(experiment.to_toml())
    assert Experiment.from_toml(tomllib.loads(written)) == experiment


@pytest.mark.parametrize(
    "content",
    [
        {"dataset": "mnist", "unknown": 1},
        {"network": "cnn-3"},
        {"dataset": "mnist", "seed": -1},
        {"dataset": "mnist", "validation": "half"},
        {"dataset": "mnist", "recipe": {"epochs": 0}},
        {"dataset": "mnist", "recipe": {"epoch": 3}},
    ],
)
def test_a_file_that_is_not_an_experiment_is_refused(content):
    with pytest.raises(SettingError):
        Experiment.from_toml(content)


@pytest.mark.parametrize("text", ["1", "-0.1", "nan", "half", "", "1e9"])
def test_a_validation_fraction_that_is_not_one_is_refused(text):
    with pytest.raises(SettingError, match="fraction from 0"):
        Experiment("mnist", validation=text)


def test_describing_by_names():
    experiment = describe("mnist", "cnn-3", "keras", {"epochs": "2"}, seed=4)
    assert experiment.recipe.optimizer == "adam"
    assert experiment.recipe.epochs == 2
    assert experiment.seed == 4
    with pytest.raises(UsageError, match="unknown recipe 'kears'; did you mean 'keras'"):
        describe("mnist", recipe="kears")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dataset", 1),
        ("dataset", float("nan")),
        ("seed", True),
        ("seed", "x"),
        ("limit", 1.5),
        ("network", []),
        ("input_shape", [8]),
        ("recipe", {"epochs": []}),
        ("recipe", 5),
    ],
)
def test_fields_of_another_type_are_named(field: str, value: object) -> None:
    with pytest.raises(SettingError, match=f"experiment.toml: {field}.* cannot be"):
        Experiment.from_toml({"dataset": "digits", field: value})


@pytest.mark.parametrize("wrong", [{"dataset": [[0.0]]}, {"dataset": 3.5}, {"network": object()}])
def test_data_and_networks_that_are_objects_are_described_not_held(wrong):
    with pytest.raises(SettingError, match=r"of an experiment is a text; this is of the type") as caught:
        Experiment(**{"dataset": "digits", **wrong})
    assert "imagelet.describe" in caught.value.hint
