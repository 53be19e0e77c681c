"""The benchmarks of several processes, of lanes and of the search: processes, and the page."""

import os
import subprocess
import sys
from typing import Any

import pytest

from benchmarks import distributed, lanes, pages
from benchmarks.distributed import LOOPBACK, connection, in_ranks
from benchmarks.measuring import summary
from tests.test_benchmarks import result

SAY = "import json, os; print(json.dumps([os.environ.get(name) for name in ('RANK', 'WORLD_SIZE')]))"


def test_each_process_has_its_rank_and_one_alone_has_none() -> None:
    command = [sys.executable, "-c", SAY]
    plain = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    assert in_ranks(command, 2, LOOPBACK, plain) == [["0", "2"], ["1", "2"]]
    assert in_ranks(command, 1, LOOPBACK, plain) == [[None, None]]


def test_a_process_that_fails_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        in_ranks([sys.executable, "-c", "raise SystemExit(3)"], 2, LOOPBACK, os.environ)


def test_without_network_namespaces_the_loopback_takes_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed.shutil, "which", lambda name: None)
    with connection() as joined:
        assert joined == LOOPBACK


def rounds() -> list[dict[str, Any]]:
    about = {"batch_size": 100, "parameters": 1000}
    one = {"step_seconds": 0.2, "bytes_a_step": 0.0, **about}
    two = {"step_seconds": 0.1, "bytes_a_step": 4010.0, **about}
    return [{"one": one, "two": two}, {"one": one, "two": {**two, "step_seconds": 0.125}}]


def test_the_page_says_how_many_times_as_fast_two_processes_are() -> None:
    measured = {
        "connection": LOOPBACK.name,
        "lanes": 4,
        "limits": distributed.LIMITS,
        "networks": {"cnn-3": distributed._compared(rounds(), 30)},
    }
    page = pages.benchmarks_page({"distributed": result("distributed", measured)})
    assert "over the loopback" in page
    assert "| `cnn-3` | 100 | 30 | 2 | 200 ms | 112 ms | 1.80 | 4,010 | 4,000 |" in page


def test_the_page_has_the_memory_of_each_process() -> None:
    peaks = [summary([700.0, 710.0]), summary([690.0, 695.0])]
    measured = {"images": 5_000_000, "steps": 100, "connection": "a cable", "peak_mb": peaks}
    measured["one_peak_mb"] = summary([680.0, 705.0])
    page = pages.benchmarks_page({"large-ranks": result("large-ranks", measured)})
    assert "the peak memory is 710 MB and 695 MB" in page
    assert "705 MB" in page


def test_the_page_has_lanes_and_searches() -> None:
    sides = {"with": {"seconds": 3.0, "accuracy": 0.91}, "without": {"seconds": 2.5, "accuracy": 0.92}}
    datasets = {"mnist": lanes._pairs([{"seed": 0, **sides}])}
    measured = {"lanes": 4, "images": lanes.IMAGES, "limits": lanes.LIMITS, "datasets": datasets}
    found = {"lanes": result("lanes", measured)}
    ended = {"difference": 0.021, "interval": [0.005, 0.037], "images": 180, "verdict": "better"}
    unfinished = dict.fromkeys(ended)
    searches = {"minutes": 10, "made": {"seconds": 600.4, "trials": 31, **ended}}
    searches["cifar-10"] = {"seconds": 599.0, "trials": 3, **unfinished}
    page = pages.benchmarks_page({**found, "tune": result("tune", searches)})
    assert "| mnist | 60,000 | 1 | 1.20 | -1.00 | – |" in page
    assert "| made | 31 | 600 | 180 | +2.10 | +0.50 to +3.70 | better |" in page
    assert "| CIFAR-10 | 3 | 599 | – | – | – | no final |" in page
