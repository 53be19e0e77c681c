"""Real processes that train one network together: torchrun's, our own, lost ones, those of two machines."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagelet.training import watch

WORDS = [
    "digits",
    "--network",
    "conv(4, 3x3) batch_norm relu flatten dense(classes)",
    "--epochs",
    "2",
    "-b",
    "64",
]
WORDS += ["--limit", "600", "--precision", "fp32", "--threads", "1"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
IMAGELET = [sys.executable, "-m", "imagelet"]
SAME = ("classifier.safetensors", "history.jsonl")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a command; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str | Path, **variables: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            list(map(str, words)),
            env={**os.environ, "OMP_NUM_THREADS": "1", "IMAGELET_RUNS": str(tmp_path / "runs"), **variables},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def done(process: "subprocess.Popen[str]", code: int = 0) -> tuple[str, str]:
    out, errors = process.communicate(timeout=180)
    assert process.returncode == code, errors
    return out, errors


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


def contents(run: Path) -> dict[str, object]:
    """Return what a run says, without what was timed."""
    metrics = json.loads((run / "metrics.json").read_text())
    del metrics["seconds"], metrics["images_per_second"]
    return {name: (run / name).read_bytes() for name in SAME} | {"metrics.json": metrics}


@pytest.mark.slow
def test_torchrun_and_our_own_processes_train_what_one_process_trains(start: Start, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    done(start(*IMAGELET, "train", *WORDS, "--processes", "1", "--name", "one"))
    out, errors = done(start(*IMAGELET, "train", *WORDS, "--processes", "2", "--name", "two", "--json"))
    assert json.loads(out)["run"] == str(runs / "two")  # one document, of one process
    assert errors.count(" 1/2 ") == errors.count(" 2/2 ") == 1
    run_by_torch = [*TORCHRUN, "--nproc-per-node", "2", "--master-port", free_port(), "-m", "imagelet"]
    out, errors = done(start(*run_by_torch, "train", *WORDS, "--name", "torch"))
    assert out.count("validation accuracy") == errors.count(" 2/2 ") == 1
    assert contents(runs / "one") == contents(runs / "two") == contents(runs / "torch")
    assert json.loads((runs / "two" / "environment.json").read_text())["processes"] == 2


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 120
    while not list(path.parent.parent.glob(f"{path.parent.name}/{path.name}")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def children_of(process: "subprocess.Popen[str]") -> dict[str, int]:
    """Return the processes that a process has started, by their rank."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            variables = (folder / "environ").read_bytes().split(b"\0") if parent == process.pid else []
        except OSError:  # it has just ended
            continue
        found |= {v[5:].decode(): int(folder.name) for v in variables if v.startswith(b"RANK=")}
    return found


LONG = [*WORDS, "--epochs", "400", "--set", "ema_decay=0.9"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
@pytest.mark.parametrize("lost", ["0", "1"])
def test_a_lost_process_ends_all_with_one_sentence_and_the_run_goes_on(
    start: Start, tmp_path: Path, lost: str
) -> None:
    process = start(*IMAGELET, "train", *LONG, "--processes", "2", "--name", "run")
    wait_for(tmp_path / "runs" / "run" / "experiment.toml", process)
    time.sleep(1)
    begun = time.monotonic()
    os.kill(children_of(process)[lost], signal.SIGKILL)
    _, errors = done(process, 1)
    assert time.monotonic() - begun < 60
    assert errors.count("error:") == 1
    assert f"process {lost} of 2 on {socket.gethostname()} was lost" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process")
def test_ctrl_c_saves_and_the_run_goes_on_exactly(start: Start, tmp_path: Path) -> None:
    words = [*WORDS, "--epochs", "60"]
    process = start(*IMAGELET, "train", *words, "--processes", "2", "--name", "run")
    wait_for(tmp_path / "runs" / "run" / "experiment.toml", process)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = done(process, 130)
    assert errors.count("nothing is lost") == errors.count("resume with: imagelet train --resume") == 1
    assert "Traceback" not in errors
    wait_for(tmp_path / "runs" / "run" / "checkpoint" / "*.checkpoint", start("sleep", "9"))
    done(start(*IMAGELET, "train", "--resume", "run", "--processes", "4"))
    done(start(*IMAGELET, "train", *words, "--processes", "1", "--name", "whole"))
    assert contents(tmp_path / "runs" / "run") == contents(tmp_path / "runs" / "whole")


# Kills the second process at its third epoch, but only at the first try of torchrun.
DYING = """
import os, sys
from imagelet.cli import main, trainings

shown = trainings.epoch_line
def epoch_line(event, epochs):
    first_try = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    if os.environ["RANK"] == "1" and first_try and event.figures.epoch == 3:
        os.kill(os.getpid(), 9)
    return shown(event, epochs)
trainings.epoch_line = epoch_line
from imagelet.experiment import runner
runner.SECONDS_BETWEEN_EPOCHS = 0.0
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_processes_that_torchrun_starts_anew_go_on_with_their_run(start: Start, tmp_path: Path) -> None:
    program, words = tmp_path / "dying.py", [*WORDS, "--epochs", "5"]
    program.write_text(DYING)
    again = ["--nproc-per-node", "2", "--max-restarts", "1", "--master-port", free_port()]
    _, errors = done(start(*TORCHRUN, *again, program, "train", *words))
    assert "resuming" in errors
    done(start(*IMAGELET, "train", *words, "--processes", "1", "--name", "whole"))
    (run,) = (path for path in (tmp_path / "runs").glob("digits-*"))
    assert contents(run) == contents(tmp_path / "runs" / "whole")


SCRIPT = """
import os, sys
import imagelet

finished = imagelet.train("digits", "softmax", epochs=1, precision="fp32", threads=1)
again = imagelet.train("digits", "softmax", epochs=1, precision="fp32", threads=1)
assert again.run.name == finished.run.name + "-2"
same = (finished.classifier.network_text, finished.metrics, again.metrics["validation"]["accuracy"])
with open(f"finished-{os.environ['RANK']}", "w") as file:
    print(*same, file=file)
"""


@pytest.mark.slow
def test_a_program_of_torchrun_gets_the_same_in_every_process(start: Start, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done(start(*TORCHRUN, "--nproc-per-node", "2", "--master-port", free_port(), tmp_path / "script.py"))
    assert (tmp_path / "finished-0").read_text() == (tmp_path / "finished-1").read_text()
    assert len(list((tmp_path / "runs").glob("digits-*"))) == 2


@pytest.mark.slow
def test_other_commands_are_done_by_the_first_process_alone(start: Start) -> None:
    torch = ["--nproc-per-node", "2", "--master-port", free_port(), "-m", "imagelet"]
    out, _ = done(start(*TORCHRUN, *torch, "summary", "softmax"))
    assert out.count("multiply-adds") == 1


def ranks(start: Start, *words: str) -> list["subprocess.Popen[str]"]:
    """Start two processes as a cluster does, without torchrun; ``words`` are those of the second."""
    where = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    first = start(*IMAGELET, "train", *WORDS, **where, RANK="0")
    return [first, start(*IMAGELET, "train", *words, **where, RANK="1")]


@pytest.mark.slow
def test_processes_with_other_settings_say_so_once(start: Start, tmp_path: Path) -> None:
    first, second = ranks(start, *WORDS, "--seed", "1")
    _, errors = done(first, 1)
    assert "differ in the settings: process 1 of 2 does not have what process 0 has" in errors
    assert done(second, 1) == ("", "")
    assert not list((tmp_path / "runs").glob("digits-*"))


@pytest.mark.slow
def test_what_the_second_process_fails_with_the_first_one_says(start: Start) -> None:
    first, second = ranks(start, "./nowhere", *WORDS[1:])
    _, errors = done(first, 1)
    assert f"process 1 of 2 on {socket.gethostname()}: " in errors
    assert errors.count("error:") == 1
    assert done(second, 1) == ("", "")


NAMESPACES = ("imagelet-test-a", "imagelet-test-b")


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """Make two network namespaces that a cable joins, as two machines are: 10.77.0.1 and 10.77.0.2."""
    ip = shutil.which("ip")
    commands = [f"netns add {name}" for name in NAMESPACES]
    commands.append(f"link add ila netns {NAMESPACES[0]} type veth peer name ilb netns {NAMESPACES[1]}")
    for name, link, address in zip(NAMESPACES, ("ila", "ilb"), ("10.77.0.1", "10.77.0.2"), strict=True):
        commands += [f"-n {name} address add {address}/24 dev {link}", f"-n {name} link set {link} up"]
        commands += [f"-n {name} link set lo up"]
    try:
        for command in commands:
            if not ip or subprocess.run([ip, *command.split()], capture_output=True, check=False).returncode:
                pytest.skip(f"this system does not let us make network namespaces: ip {command}")
        yield NAMESPACES
    finally:
        for name in NAMESPACES if ip else ():
            subprocess.run([str(ip), "netns", "delete", name], capture_output=True, check=False)


def on_two_machines(start: Start, namespaces: tuple[str, str], *words: str) -> list["subprocess.Popen[str]"]:
    torch = [*TORCHRUN, "--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "10.77.0.1"]
    torch += ["--master-port", "29517"]
    return [
        start(
            "ip", "netns", "exec", name, *torch, "--node-rank", str(node), "-m", "imagelet", "train", *words
        )
        for node, name in enumerate(namespaces)
    ]


@pytest.mark.slow
def test_two_machines_train_what_one_trains(
    start: Start, tmp_path: Path, namespaces: tuple[str, str]
) -> None:
    first, second = on_two_machines(start, namespaces, *WORDS, "--name", "two")
    out, _ = done(first)
    assert "validation accuracy" in out
    assert done(second)[0] == ""
    done(start(*IMAGELET, "train", *WORDS, "--processes", "1", "--name", "one"))
    assert contents(tmp_path / "runs" / "one") == contents(tmp_path / "runs" / "two")


# Waits six seconds for a sign of life in place of half a minute.
IMPATIENT = """
import sys
from imagelet.cli import main
from imagelet.training import joining, watch
watch.SILENCE = joining.SILENCE = 6.0
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_machine_that_vanishes_ends_the_other_within_a_minute(
    start: Start, tmp_path: Path, namespaces: tuple[str, str]
) -> None:
    where = {"WORLD_SIZE": "2", "MASTER_ADDR": "10.77.0.1", "MASTER_PORT": "29518"}
    program = [sys.executable, "-c", IMPATIENT]
    first, second = (
        start("ip", "netns", "exec", name, *program, "train", *LONG, **where, RANK=str(rank))
        for rank, name in enumerate(namespaces)
    )
    wait_for(tmp_path / "runs" / "digits-*" / "experiment.toml", first)
    time.sleep(1)
    begun = time.monotonic()
    subprocess.run(["ip", "-n", namespaces[1], "link", "set", "ilb", "down"], check=True)
    _, errors = done(first, 1)
    assert "process 1 of 2" in errors
    assert "was lost" in errors
    _, errors = done(second, 1)
    assert "process 0 of 2" in errors
    assert time.monotonic() - begun + (watch.SILENCE - 6) < 60
