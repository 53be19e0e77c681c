import pytest
from torch import nn

from imagelet.training.ema import ExponentialMovingAverage


def test_follows_the_formula_and_keeps_counters():
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.zeros_(network[0].weight)
    ema = ExponentialMovingAverage(network, decay=0.5)
    expected = 0.0
    for step, value in enumerate([1.0, 3.0, -2.0]):
        nn.init.constant_(network[0].weight, value)
        network[1].num_batches_tracked += 1
        ema.update(network, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert ema.network[0].weight.item() == pytest.approx(expected)
    assert ema.network[1].num_batches_tracked == 3
