"""Device and precision as they are asked for; seeds that depend on every counter."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imagelet import device
from imagelet.errors import SettingError
from imagelet.experiment.runner import run_experiment
from imagelet.runs.definition import Experiment
from imagelet.training.recipe import Recipe

CPU = torch.device("cpu")
COUNTERS = st.lists(st.integers(0, 2**40), min_size=1, max_size=4)


def test_auto_is_the_processor_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device.choose_device("auto") == device.choose_device("cpu") == CPU
    with pytest.raises(SettingError, match=r"no device 'mps': torch .* sees no Apple GPU"):
        device.choose_device("mps")
    with pytest.raises(SettingError, match="sees 0 CUDA devices"):
        device.choose_device("cuda")


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device.choose_device("auto").type == "cuda"
    assert device.choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(SettingError, match="no device 'cuda:2'"):
        device.choose_device("cuda:2")


def test_auto_takes_an_apple_gpu_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    chosen = device.choose_device("auto")
    assert chosen == device.choose_device("mps") == torch.device("mps")
    assert device.choose_precision("auto", chosen) == torch.float32
    assert device.sum_type(chosen) == torch.float32


def test_threads_are_as_many_as_torch_has_or_as_the_cores_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "usable_cores", lambda: 3)
    assert device.choose_threads() == device.choose_threads("auto") == torch.get_num_threads()
    assert [device.choose_threads(given) for given in (1, 2, "3")] == [1, 2, 3]
    with pytest.raises(SettingError, match="threads = 4 is not allowed"):
        device.choose_threads(4)


def test_threads_are_afterwards_as_before() -> None:
    before = torch.get_num_threads()
    with device.using_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="no Apple GPU here")
def test_a_network_learns_on_an_apple_gpu(tmp_path: Path) -> None:
    recipe = Recipe(epochs=2, shift=1)
    experiment = Experiment(dataset="digits", network="cnn-3", recipe=recipe, device="mps", limit=200)
    *_, finished = run_experiment(experiment, folder=tmp_path)
    assert finished.run.experiment["resolved"]["device"] == "mps"
    assert finished.metrics["validation"]["accuracy"] > 0.3


def test_the_processor_adds_up_in_float64_and_draws_from_torchs_own_generator() -> None:
    assert device.sum_type(CPU) == torch.float64
    assert device.default_generator(CPU) is torch.default_generator
    assert callable(torch.mps._get_default_mps_generator)  # whose name torch could change


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "cpu:0x", "CPU", "mps:0", "auto:1"])
def test_another_device_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="unknown device"):
        device.choose_device(name)


@pytest.mark.skipif(sys.platform != "linux", reason="the C library is not glibc")
def test_freed_memory_is_kept() -> None:
    script = """
import ctypes, resource
from imagelet.device import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        block = ctypes.create_string_buffer(64 << 20)
        ctypes.memset(block, 1, 64 << 20)
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
given_back = faults()
keep_freed_memory()
print(given_back, faults())
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    given_back, kept = map(int, done.stdout.split())
    assert kept < given_back / 5


def test_nothing_happens_where_the_c_library_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device.ctypes, "CDLL", lambda _: object())
    device.keep_freed_memory()


@pytest.mark.parametrize("in_hardware", [True, False])
def test_auto_takes_bfloat16_only_where_the_hardware_has_it(
    monkeypatch: pytest.MonkeyPatch, in_hardware: bool
) -> None:
    monkeypatch.setattr(device, "has_bfloat16", lambda _: in_hardware)
    assert device.choose_precision("auto", CPU) == (torch.bfloat16 if in_hardware else torch.float32)
    assert device.choose_precision("fp32", CPU) == torch.float32
    assert device.choose_precision("bf16", CPU) == torch.bfloat16
    with pytest.raises(SettingError, match="unknown precision 'fp16'"):
        device.choose_precision("fp16", CPU)


def test_torch_must_use_the_hardware_that_has_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    for used in (True, False):  # False as with ONEDNN_MAX_CPU_ISA=AVX2
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda used=used: used)
        assert device.has_bfloat16(CPU) is used


def test_precisions_have_the_names_of_the_command_line() -> None:
    assert {device.precision_name(kind) for kind in device.TYPES.values()} == {"fp32", "bf16"}


@given(COUNTERS, COUNTERS)
def test_equal_counters_give_equal_seeds_and_others_do_not(one: list[int], other: list[int]) -> None:
    assert device.seed_of(*one) == device.seed_of(*one)
    assert 0 <= device.seed_of(*one) < 2**63
    if one + [0] * (4 - len(one)) != other + [0] * (4 - len(other)):
        assert device.seed_of(*one) != device.seed_of(*other)


def test_generators_of_equal_counters_draw_the_same() -> None:
    first, again, other = (torch.rand(8, generator=device.generator(CPU, 1, 2, n)) for n in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_timer_goes_forwards() -> None:
    timer = device.Timer(CPU)
    assert 0 <= timer.seconds() <= timer.seconds()


def test_numbers_too_small_to_matter_are_zero_in_every_thread_of_torch_but_not_afterwards() -> None:
    code = """
import torch
from imagelet.device import denormals_flushed
def count():
    return int((torch.full((4_000_000,), 1e-30) * 1e-10).count_nonzero())
tiny = float("5e-324")
with denormals_flushed():
    inside, of_python = count(), tiny * 1.0 > 0
print(inside, of_python, tiny * 1.0 > 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "False", "True"]
