"""What every optimizer must do, the registered ones and those of plugins: train, resume, be saved."""

import os
import signal

import pytest
import torch

from imagelet import train
from imagelet.classifier.classifier import Classifier
from imagelet.experiment.runner import resume_experiment, run_experiment
from imagelet.runs.definition import describe
from imagelet.training.optimizers import Optimizer, optimizers
from imagelet.training.recipe import AUTO, Recipe, recipe_from_json
from imagelet.training.recipes import suited

NETWORK = "pool(4) conv(2, 3x3) relu flatten dense(classes) softmax"
PLUGIN = "sign"


class SignDescent(torch.optim.Optimizer):
    """Steps of one length along the sign of the gradients' decaying sum."""

    def __init__(self, groups, momentum):
        super().__init__(groups, {"momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weight in group["params"]:
                sums = self.state[weight].setdefault("sums", torch.zeros_like(weight))
                sums.mul_(group["momentum"]).add_(weight.grad)
                weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(sums.sign(), alpha=group["lr"])


@pytest.fixture(autouse=True)
def plugin(monkeypatch):
    """Register what a plugin could."""
    rule = Optimizer(PLUGIN, "w ← w − η·sign(v)", "nobody 2000", 0.001, ("momentum",), SignDescent)
    monkeypatch.setitem(optimizers._things, PLUGIN, rule)


def bytes_of(run):
    return [(run.folder / name).read_bytes() for name in ("classifier.safetensors", "history.jsonl")]


@pytest.mark.parametrize("name", [*optimizers, PLUGIN])
def test_trains_and_a_resumed_run_ends_with_the_same_bytes(name, small_data):
    settings = {
        "optimizer": name,
        "epochs": 2,
        "batch_size": 50,
        "learning_rate": "auto",
        "weight_decay": 0.1,
    }
    straight = train("mnist", NETWORK, **settings).run
    events = run_experiment(describe("mnist", NETWORK, settings=settings), name="stopped")
    stopped = next(events).run
    for _ in range(3):
        next(events)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        list(events)
    list(resume_experiment(stopped))
    assert bytes_of(stopped) == bytes_of(straight)
    assert straight.history[1].loss != straight.history[0].loss
    recipe = recipe_from_json(Classifier.load(straight.classifier_file).training["recipe"])
    assert recipe.optimizer == name
    assert recipe.learning_rate == pytest.approx(optimizers.get(name).learning_rate * (50 / 250) ** 0.5)


@pytest.mark.parametrize("name", [*optimizers, PLUGIN])
def test_gives_its_learning_rate_where_a_recipe_says_auto(name):
    open_recipe = Recipe(optimizer=name, learning_rate=AUTO)
    assert suited(open_recipe, 60_000, (28, 28, 1)).learning_rate < optimizers.get(name).learning_rate
    whole_batches = Recipe(optimizer=name, learning_rate=AUTO, batch_size=250)
    assert suited(whole_batches, 60_000, (28, 28, 1)).learning_rate == optimizers.get(name).learning_rate
    assert suited(Recipe(optimizer=name, learning_rate=0.5), 60_000, (28, 28, 1)).learning_rate == 0.5
