"""A training gives the same bytes in one, two and four real processes, which speak over gloo."""

from functools import cache
from typing import Any

import pytest

from imagelet.device import using_threads
from imagelet.training.distributed import SINGLE
from tests.training import processes, several
from tests.training.several import RECIPES

pytestmark = [pytest.mark.slow]

WORK = "\nfrom tests.training import several\ndef work(group):\n    return {work}\n"


def of_all(work: str, world: int) -> Any:
    """Return what ``several`` gives in ``world`` processes, which all have to give the same."""
    first, *others = processes.ended(processes.start(WORK.format(work=work), world))
    assert all(other == first for other in others)
    assert not isinstance(first, str), first  # an error's sentence
    return first


@pytest.fixture(scope="module")
def alone() -> dict[str, str]:
    """Return what one process gives, computing with two threads."""
    with using_threads(2):
        return several.trained(SINGLE)


@cache
def together(world: int) -> list[Any]:
    """Return what the processes give that are started once for several tests: to start them takes longest."""
    return of_all("[several.trained(group), several.evaluated(group), several.controlled(group)]", world)


@pytest.mark.parametrize("world", [2, 4])
def test_weights_and_history_are_those_of_one_process(world, alone):
    assert together(world)[0] == alone
    assert set(alone) == set(RECIPES)


def test_a_training_goes_on_with_another_number_of_processes(alone, tmp_path):
    for world, until in ((2, 3), (4, 7)):
        of_all(f"several.trained_until(group, {str(tmp_path)!r}, {until})", world)
    several.trained_until(SINGLE, str(tmp_path), 9)
    assert of_all(f"several.trained_until(group, {str(tmp_path)!r}, 10**6)", 2) == {
        name: alone[name] for name in several.RESUMED
    }


@pytest.mark.parametrize("world", [2, 3, 4])
def test_an_evaluation_counts_each_image_once(world):
    figures = of_all("several.evaluated(group)", 3) if world == 3 else together(world)[1]
    assert figures == several.evaluated(SINGLE)


def test_the_first_process_ends_the_training_and_changes_the_learning_rate_of_all():
    """What it does between two steps holds from the next step on, as where it is alone."""
    assert together(2)[2] == several.controlled(SINGLE)


def test_whoever_is_asked_to_stop_stops_all_after_the_same_step():
    steps = processes.ended(processes.start(WORK.format(work="several.stopped(group)"), 4))
    assert steps == [3] * 4


def test_each_process_reads_the_rows_of_its_own_lanes_only():
    read = processes.ended(processes.start(WORK.format(work="several.read(group)"), 2))
    assert not set(read[0]) & set(read[1])
    assert sorted(read[0] + read[1]) == list(range(150))


@pytest.mark.parametrize("dying", [0, 1])
def test_a_process_that_is_killed_in_the_middle_makes_the_others_fail_with_a_sentence(dying):
    started = processes.start(WORK.format(work="several.endless(group)"), 2)
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
    started[dying].kill()
    started[dying].communicate()
    [sentence] = processes.ended([started[1 - dying]])
    assert sentence.startswith(f"process {dying} of 2 on ")
    assert "was lost" in sentence
    assert started[1 - dying].returncode == 1
