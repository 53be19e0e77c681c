"""The portable tests run as older processors compute: the settings reach the libraries, failures count."""

import os
import subprocess
from pathlib import Path

import pytest
import torch

from tools import portable

CAPABILITIES = {"AVX2": "AVX2", "SSE4.2": "DEFAULT"}  # of torch


@pytest.mark.portable
def test_the_libraries_keep_to_the_processor_that_this_run_is_for() -> None:
    for processor in portable.PROCESSORS:
        if processor.settings.items() <= os.environ.items():
            assert set(portable.simd()["found"]) <= processor.features
            assert torch.backends.cpu.get_cpu_capability() == CAPABILITIES[processor.name]
            assert not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def test_numpy_may_use_only_what_an_older_processor_has(monkeypatch: pytest.MonkeyPatch) -> None:
    avx2, sse42 = portable.PROCESSORS
    monkeypatch.setattr(
        portable, "simd", lambda: {"baseline": ["X86_V2"], "found": ["X86_V3", "X86_V4", "AVX512_ICL"]}
    )
    assert avx2.environment()["NPY_DISABLE_CPU_FEATURES"] == "X86_V4 AVX512_ICL"
    assert sse42.environment()["NPY_DISABLE_CPU_FEATURES"] == "X86_V3 X86_V4 AVX512_ICL"
    monkeypatch.setattr(portable, "simd", lambda: {"baseline": ["SSE", "SSE2"], "found": ["SSE41", "SSE42"]})
    assert avx2.environment() == {}
    assert sse42.environment()["NPY_DISABLE_CPU_FEATURES"] == ""


def test_only_files_with_portable_tests_are_collected(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    for name, text in {
        "test_a.py": "",
        "deeper/test_b.py": f"@{portable.MARKER}\n",
        "other.py": portable.MARKER,
    }.items():
        (tmp_path / name).write_text(text)
    assert portable.marked_files(tmp_path) == [tmp_path / "deeper" / "test_b.py"]
    assert Path(__file__) in portable.marked_files()


@pytest.mark.parametrize(("codes", "code"), [((0, 0), 0), ((1, 0), 1), ((0, 1), 1)])
def test_a_failure_as_one_processor_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], codes: tuple[int, int], code: int
) -> None:
    results = iter(codes)
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, next(results))
    )
    monkeypatch.setattr(portable, "simd", lambda: {"baseline": ["X86_V2"], "found": ["X86_V3"]})
    assert portable.main([]) == code
    assert capsys.readouterr().out.split("\n")[:2] == ["As AVX2:", "As SSE4.2:"]


def test_a_processor_that_this_machine_cannot_be_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(portable, "simd", lambda: {"baseline": ["NEON", "ASIMD"], "found": ["ASIMDHP"]})
    assert portable.main([]) == 0
    assert "As AVX2: not run, this machine has no AVX2." in capsys.readouterr().out
