import os

import pytest

from imagelet import ranks
from imagelet.cores import usable_cores
from imagelet.errors import UsageError
from imagelet.ranks import ALONE, Placement, placement

PLACE = {"RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}
OF_TORCHRUN = PLACE | {"LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}


def test_torchruns_variables_say_which_process_this_is():
    assert placement(OF_TORCHRUN) == Placement(1, 4, 1, 2, "10.0.0.1", 29500)
    assert not placement(OF_TORCHRUN).is_first
    assert placement(PLACE) == Placement(1, 4, 0, 1, "10.0.0.1", 29500)


@pytest.mark.parametrize(
    "variables", [{}, {"RANK": "0"}, {"WORLD_SIZE": "1", "RANK": "0"}, {"WORLD_SIZE": ""}]
)
def test_a_process_of_which_nothing_speaks_of_others_is_alone(variables):
    assert placement(variables) == ALONE


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"MASTER_ADDR": ""}, "MASTER_ADDR is not set"),
        ({"RANK": ""}, "RANK is not set"),
        ({"MASTER_PORT": ""}, "MASTER_PORT is not set"),
        ({"WORLD_SIZE": ""}, "WORLD_SIZE is not set"),
        ({"RANK": "4"}, "RANK is '4' in the environment; it is a whole number from 0 to 3"),
        ({"RANK": "-1"}, "from 0 to 3"),
        ({"RANK": "one"}, "from 0 to 3"),
        ({"WORLD_SIZE": "0"}, "from 1 to 4096"),
        ({"WORLD_SIZE": "10000000000"}, "from 1 to 4096"),
        ({"WORLD_SIZE": "²"}, "from 1 to 4096"),
        ({"MASTER_PORT": "70000"}, "MASTER_PORT is '70000'"),
        ({"LOCAL_RANK": "2"}, "LOCAL_RANK is '2' in the environment; it is a whole number from 0 to 1"),
        ({"LOCAL_WORLD_SIZE": "5"}, "from 1 to 4"),
    ],
)
def test_what_cannot_be_is_a_sentence(changed, said):
    with pytest.raises(UsageError) as caught:
        placement(OF_TORCHRUN | changed)
    assert said in str(caught.value)
    assert "torchrun --nproc-per-node" in caught.value.hint


def test_the_cores_of_a_machine_are_divided_among_its_processes():
    assert Placement(0, 4, 0, 1).cores == usable_cores()
    assert Placement(0, 4, 0, usable_cores()).cores == 1
    assert Placement(0, 4096, 0, 4096).cores == 1


def test_who_leaves_the_others_is_alone(monkeypatch):
    for name, value in OF_TORCHRUN.items():
        monkeypatch.setenv(name, value)
    ranks.leave_the_others()
    assert placement(os.environ) == ALONE


def test_what_torchrun_starts_anew_has_the_name_of_what_it_started_before(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert ranks.launch() == ""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job-7")
    assert ranks.launch() == "job-7"
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert ranks.launch().endswith(f"-{os.getppid()}")
