"""Optimizers below torch's decorators: the same steps, and the compiler is never loaded."""

import subprocess
import sys

import pytest
import torch

from imagelet.training.eager import eager
from imagelet.training.muon import Muon

KINDS = {
    "sgd": lambda kind, groups: kind(groups, momentum=0.9, nesterov=True, fused=True),
    "adam": lambda kind, groups: kind(groups, fused=True),
    "adamw": lambda kind, groups: kind(groups, fused=True),
    "rmsprop": lambda kind, groups: kind(groups),
    "muon": lambda kind, groups: kind(groups, 0.9, (0.9, 0.99), 1e-8),
}
CLASSES = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "muon": Muon,
}


@pytest.mark.parametrize("name", KINDS)
def test_steps_and_states_are_the_same_to_the_last_bit(name: str) -> None:
    ended = []
    for kind in (CLASSES[name], eager(CLASSES[name])):
        weight = torch.linspace(-1, 1, 12).reshape(3, 4).requires_grad_()
        group = {"params": [weight], "lr": 0.01, "weight_decay": 0.1} | (
            {"use_muon": True} if name == "muon" else {}
        )
        optimizer = KINDS[name](kind, [group])
        for _ in range(3):
            (weight.square().sum() + weight[0].sum()).backward()
            optimizer.step()
            optimizer.zero_grad()
        assert weight.grad is None
        again = KINDS[name](kind, [group])
        again.load_state_dict(optimizer.state_dict())
        ended.append((weight.detach(), again.state_dict()["state"][0]))
    (plain, plain_state), (eagerly, eager_state) = ended
    assert torch.equal(plain, eagerly)
    assert plain_state.keys() == eager_state.keys()
    for key, value in plain_state.items():
        assert torch.equal(torch.as_tensor(value), torch.as_tensor(eager_state[key])), key


def test_a_class_keeps_its_name_and_is_derived_once() -> None:
    assert eager(torch.optim.SGD) is eager(torch.optim.SGD)
    assert eager(torch.optim.SGD).__name__ == "SGD"
    assert isinstance(eager(torch.optim.SGD)([torch.zeros(1, requires_grad=True)]), torch.optim.SGD)


@pytest.mark.slow
def test_a_training_loads_neither_the_compiler_nor_scikit_learn(tmp_path) -> None:
    script = (
        "import sys\n"
        "from imagelet.experiment.runner import run_experiment\n"
        "from imagelet.runs.definition import describe\n"
        "from imagelet.training.loop import Step\n"
        "network = 'conv(4, 3) relu pool(2) flatten dense(classes)'\n"
        "experiment = describe('digits', network=network, limit=200)\n"
        f"events = run_experiment(experiment, folder={str(tmp_path)!r})\n"
        "next(event for event in events if isinstance(event, Step))\n"
        "events.close()\n"
        "print(*{'torch._dynamo', 'sympy', 'sklearn', 'matplotlib', 'pandas'}.intersection(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
