"""The calculation of docs/explanation/distributed.md."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import lanes
from benchmarks.lanes import CONNECTIONS, Connection, fastest, simulated_seconds, step_seconds

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "distributed.md"


def test_the_page_has_the_tables_that_the_code_calculates():
    assert lanes.table() in PAGE.read_text()
    assert lanes.simulation() in PAGE.read_text()


def test_without_scatter_the_simulation_is_the_formula(monkeypatch):
    monkeypatch.setattr(lanes, "SCATTER", 0.0)
    for world in (4, 8, 64):
        simulated = simulated_seconds(world, CONNECTIONS[1], 300_000, 0.1, np.random.default_rng(0))
        assert simulated == pytest.approx(step_seconds(world, CONNECTIONS[1], 300_000, 0.1))


def test_one_process_sends_nothing_and_a_perfect_network_divides_the_step():
    perfect = Connection("none", 0.0, float("inf"))
    assert step_seconds(1, CONNECTIONS[2], 10**9, 0.5) == 0.5
    assert step_seconds(4, perfect, 1, 0.5) == pytest.approx(0.125, rel=1e-6)


@pytest.mark.parametrize("connection", CONNECTIONS, ids=lambda one: one.name)
def test_beyond_the_fastest_number_more_processes_are_slower(connection):
    best = fastest(connection, 300_000, 0.1)
    times = [step_seconds(2**power, connection, 300_000, 0.1) for power in range(13)]
    assert min(times) == step_seconds(best, connection, 300_000, 0.1)
    slower = times[times.index(min(times)) :]
    assert slower == sorted(slower)


def test_pairs_are_compared_seed_by_seed():
    pairs = [
        {"seed": seed, "with": {"seconds": 3.0, "accuracy": 0.91 + seed / 100}}
        | {"without": {"seconds": 2.0, "accuracy": 0.9}}
        for seed in range(2)
    ]
    measured = lanes._pairs(pairs)
    assert measured["times"]["mean"] == 1.5
    assert measured["gained"]["mean"] == pytest.approx(0.015)
    assert measured["standard_error"] == pytest.approx(0.005)
