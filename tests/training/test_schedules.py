import itertools

import pytest
import torch
from torch import nn

from imagelet.training.schedules import SCHEDULES, learning_rate


def test_one_cycle_is_pytorchs():
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=101, pct_start=0.3)
    theirs = []
    for _ in range(101):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step() if len(theirs) < 101 else None
    # PyTorch's warm-up takes 0.3·101 − 1 = 29.3 of 100 steps
    ours = [learning_rate("one-cycle", 0.5, 0.293, step / 100) for step in range(101)]
    assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.3])
def test_schedules_stay_between_zero_and_the_highest_and_jump_nowhere(schedule, warmup):
    rates = [learning_rate(schedule, 2.0, warmup, step / 1000) for step in range(1001)]
    assert min(rates) >= 0
    assert max(rates) == pytest.approx(2.0, rel=1e-3)
    assert max(abs(a - b) for a, b in itertools.pairwise(rates)) < 0.02
    assert rates[-1] == pytest.approx(2.0 if schedule == "constant" else 0.0, abs=1e-4)


@pytest.mark.parametrize(
    ("schedule", "halfway", "after"),
    [("constant", 1.0, 2.0), ("linear", 1.0, 1.0), ("cosine", 1.0, 1.0), ("one-cycle", 1.04, 1.000004)],
)
def test_hand_worked_values(schedule, halfway, after):
    # a warm-up of 0.2: at 0.1 it is half done, at 0.6 half of the rest is
    assert learning_rate(schedule, 2.0, 0.2, 0.1) == pytest.approx(halfway)
    assert learning_rate(schedule, 2.0, 0.2, 0.6) == pytest.approx(after)
