"""The space of a search: a file is read, each mistake gets one sentence, and what is drawn is allowed."""

from pathlib import Path

import pytest
import tomli_w

from imagelet.errors import ImageletError
from imagelet.experiment.tuning.space import Range, default_space, read_space, space_of
from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import checked, setting_fields, with_settings
from imagelet.training.recipes import recipes, suited

SHAPE, CLASSES = (28, 28, 1), 10
GOOD = """
network = ["softmax", "flatten dense(8) relu dense(classes) softmax"]
[recipe]
lr = { low = 0.01, high = 0.3, log = true }
epochs = { low = 2, high = 9 }
batch_size = [16, "auto"]
flip = [true, false]
"""


def read(tmp_path: Path, text: str) -> object:
    (tmp_path / "space.toml").write_text(text)
    return read_space(tmp_path / "space.toml", SHAPE, CLASSES)


def test_ranges_lists_and_networks_are_read(tmp_path: Path) -> None:
    space = read(tmp_path, GOOD)
    assert space.fields == {
        "learning_rate": Range(0.01, 0.3, log=True),
        "epochs": Range(2, 9, whole=True),
        "batch_size": (16, "auto"),
        "flip": (True, False),
    }
    assert space.networks[0] == "softmax"
    assert read(tmp_path, tomli_w.dumps(space.to_toml())) == space


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the space is empty"),
        ("learning_rate = [1]", "'learning_rate' is not allowed here"),
        ("recipe = 3", "recipe is a table"),
        ("[recipe]\nlearning_rat = [1]", "unknown recipe field 'learning_rat'; did you mean 'learning_rate'"),
        ("[recipe]\nlr = 0.1", "lr = 0.1 is not allowed; it is a list, or a range"),
        ("[recipe]\nlr = []", "the list of learning_rate has 0 values"),
        ("[recipe]\nlr = [0.1, 0.1]", "the list of learning_rate has 0.1 twice"),
        ("[recipe]\nlr = [0.1, -1.0]", "learning_rate = -1.0 is not allowed"),
        ('[recipe]\noptimizer = ["muon", "adamm"]', "optimizer = 'adamm' is not allowed; it is one of"),
        ("[recipe]\nlr = { low = 0.1 }", "the range of learning_rate has no high"),
        ("[recipe]\nlr = { low = 0.1, high = 0.2, step = 1 }", "has 'step'; it has low, high"),
        ("[recipe]\nlr = { low = 0.2, high = 0.1 }", "from 0.2 to 0.1: its low must be below its high"),
        ('[recipe]\nlr = { low = "auto", high = 0.1 }', "has low = 'auto'; it needs a number"),
        ("[recipe]\nlr = { low = 0.1, high = 5000 }", "learning_rate = 5000 is not allowed"),
        ("[recipe]\nlr = { low = 0.1, high = 0.2, log = 1 }", "log of learning_rate = 1 is not allowed"),
        ("[recipe]\ncutout = { low = 0, high = 8, log = true }", "a logarithmic scale has no 0"),
        ("[recipe]\ncutout = { low = 0.5, high = 8 }", "cutout = 0.5 is not allowed; it is a whole number"),
        ("[recipe]\nflip = { low = 0, high = 1 }", "flip is no number"),
        ("[recipe]\nlr = [0.1]\nlearning_rate = [0.2]", "lr is short for learning_rate, and both are given"),
        ('network = "softmax"', "network is a list of network texts"),
        ("network = [3]", "network is a list of network texts"),
        ('network = ["softmaxx"]', "unknown network 'softmaxx'"),
        ('network = ["flatten dense(3) softmax"]', r"network 'flatten dense\(3\) softmax': .*3"),
        ('network = ["conv(8, 99x99) flatten dense(classes) softmax"]', "network 'conv"),
        ("[recipe", "is no TOML"),
    ],
)
def test_each_mistake_is_one_sentence_with_the_file(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ImageletError, match=sentence) as caught:
        read(tmp_path, text)
    assert "space.toml" in str(caught.value)
    assert "\n" not in str(caught.value.message)


@pytest.mark.parametrize("optimizer", list(optimizers))
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 48, 3), (96, 96, 3)])
@pytest.mark.parametrize("images", [20, 300, 60_000])
def test_the_default_space_holds_the_start_and_nothing_that_is_not_allowed(
    optimizer: str, shape: tuple[int, int, int], images: int
) -> None:
    start = suited(with_settings(recipes.get("general"), {"optimizer": optimizer}), images, shape)
    space = default_space(start, shape, images, flips=True)
    content = space.to_toml()
    assert space_of(Path("x"), content, shape, CLASSES) == space  # it is a file that one could write
    fields = {field.name: field for field in setting_fields()}
    for point in space.points:
        for name, value in point.items():
            values = space.fields[name]
            checked(fields[name], value)
            inside = value in values if isinstance(values, tuple) else values.low <= value <= values.high
            assert inside, (name, value, values)
    usual = getattr(start, "learning_rate")  # noqa: B009
    rates = space.fields["learning_rate"]
    assert isinstance(rates, Range)
    assert rates.low < usual < rates.high


def test_what_optuna_draws_is_in_the_space(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    space = read(tmp_path, GOOD)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        drawn = study.ask(space.distributions()).params
        with_settings(recipes.get("general"), {k: v for k, v in drawn.items() if k != "network"})
        assert 0.01 <= drawn["learning_rate"] <= 0.3
        assert drawn["epochs"] in range(2, 10)
        assert drawn["network"] in space.networks
