"""Groups of real processes over gloo, each a Python program that prints what it got."""

import socket
import subprocess
import sys
import time

import pytest

from imagelet.errors import TrainingError
from imagelet.ranks import placement
from imagelet.training.distributed import SINGLE, Group
from imagelet.training.meeting import meet
from tests.training.processes import ended, free_port, start


def test_one_process_is_a_group_of_its_own_and_imports_no_distributed_torch():
    program = """
import sys
from imagelet.training.joining import joined
import torch
with joined() as group:
    assert (group.rank, group.world) == (0, 1)
    [mine] = group.gather(torch.ones(2))
    group.agree("text")
    group.barrier()
    with group.first_goes_ahead():
        pass
    assert mine.tolist() == [1, 1] and group.gather_text("é") == ["é"]
loaded = [name for name in sys.modules if name.startswith("torch.distributed.distributed_c10d")]
"""
    before = "import torch, sys; print('torch.distributed.distributed_c10d' in sys.modules)"
    plain = subprocess.run([sys.executable, "-c", before], capture_output=True, text=True, check=True)
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint(bool(loaded))"], capture_output=True, text=True, check=True
    )
    assert done.stdout == plain.stdout  # torch itself may have loaded it


def test_a_stop_is_at_once_where_one_process_is_alone():
    group = Group()
    group.request_stop()
    assert group.stop
    assert not SINGLE.stop


def test_a_group_whose_others_do_not_come_says_so():
    alone = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    with pytest.raises(TrainingError, match="only 1 of 2 processes have come: 1 are missing"):
        meet(placement(alone), patience=1)


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 4])
def test_each_process_gets_the_tensors_and_texts_of_all_in_the_order_of_ranks(world):
    work = """
def work(group):
    group.barrier()
    group.agree("the same")
    tensors = group.gather(torch.tensor([group.rank, 7.5], dtype=torch.float64))
    return [group.world, [each.tolist() for each in tensors], group.gather_text("x" * group.rank + "é")]
"""
    expected = [
        world,
        [[float(rank), 7.5] for rank in range(world)],
        ["x" * rank + "é" for rank in range(world)],
    ]
    assert ended(start(work, world)) == [expected] * world


@pytest.mark.slow
def test_processes_that_differ_all_say_the_same():
    work = "\ndef work(group):\n    group.agree('a' if group.rank < 2 else 'b')\n"
    sentences = ended(start(work, 3))
    assert len(set(sentences)) == 1
    assert "in the settings: process 2 of 3" in sentences[0]


@pytest.mark.slow
def test_the_first_goes_ahead_as_long_as_it_gives_signs_of_life():
    work = """
def work(group):
    with group.first_goes_ahead():
        if group.rank == 0:
            time.sleep(5)
        entered = time.time()
    own = time.time() if group.rank == 0 else entered
    return [each.item() for each in group.gather(torch.tensor([own], dtype=torch.float64))]
"""
    times = ended(start(work, 2, SILENCE="3"))
    assert times[0] == times[1]
    left_by_first, entered_by_second = times[0]
    assert entered_by_second >= left_by_first - 0.5


@pytest.mark.slow
def test_the_others_end_when_the_first_fails_ahead():
    work = """
def work(group):
    with group.first_goes_ahead():
        if group.rank == 0:
            raise ImageletError("the data is not there")
"""
    first, *others = ended(start(work, 3))
    assert first == "the data is not there"
    assert others == [f"process 0 of 3 on {socket.gethostname()}: the data is not there"] * 2


@pytest.mark.slow
@pytest.mark.parametrize("dying", [0, 1])
def test_a_process_that_dies_makes_the_others_fail(dying):
    work = """
def work(group):
    print("joined", flush=True)
    for _ in range(10_000):
        group.gather(torch.zeros(1000))
        time.sleep(0.01)
"""
    processes = start(work, 3)
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "joined\n"
    processes[dying].kill()
    processes[dying].communicate()
    begun = time.monotonic()
    sentences = ended([process for rank, process in enumerate(processes) if rank != dying])
    assert all(f"process {dying} of 3 on {socket.gethostname()} was lost" in each for each in sentences)
    assert time.monotonic() - begun < 30  # what is waited for at most; it takes a moment


@pytest.mark.slow
def test_a_process_that_hangs_makes_the_others_fail_in_time():
    work = """
def work(group):
    if group.rank == 1:
        os.kill(os.getpid(), 19)
    group.gather(torch.zeros(1))
"""
    first, hanging = start(work, 2, SILENCE="3")
    try:
        assert "process 1 of 2" in ended([first])[0]
        assert first.returncode == 1
    finally:
        hanging.kill()
        hanging.communicate()
