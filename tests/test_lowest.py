"""The lowest versions: which Pythons take part, what is pinned, what is said where nothing is tested."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools import lowest

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX scripts")


@posix_only
def test_every_python_that_starts_takes_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, script in {"python3.12": "exit 0", "python3.13": "exit 1", "python3.9": "exit 0"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(lowest, "HERE", "3.11")
    assert list(lowest.pythons()) == ["3.11", "3.12"]


def test_what_pyproject_names_may_be_old_and_all_else_is_pinned() -> None:
    names = {line.partition("==")[0] for line in lowest.pins_of_others() if "==" in line}
    assert {"anyio", "idna", "pytest", "packaging"} <= names
    assert names.isdisjoint({"torch", "pillow", "jinja2", "scikit-learn", "h11"})


@pytest.mark.parametrize("name", ["torch==2.13.0", "nvidia-cudnn-cu13==9.24", "triton==3.5", "torch"])
def test_torch_and_what_it_brings_are_never_installed(name: str) -> None:
    assert lowest.TORCH.match(name)
    assert lowest.TORCH_AND_WHAT_NEEDS_IT.match(name)


def test_other_packages_are_installed() -> None:
    assert not any(
        lowest.TORCH.match(name) for name in ("torchmetrics==1", "captum==0.8", "tornado==6", "typer")
    )
    assert lowest.TORCH_AND_WHAT_NEEDS_IT.match("captum==0.8")


def fail(self: lowest.Lowest) -> None:
    raise lowest.FailedError("no index")


def test_without_an_index_a_sentence_says_that_nothing_is_tested(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lowest.Lowest, "install_uv", fail)
    assert lowest.main([]) == 0
    assert "not tested" in capsys.readouterr().out


@pytest.mark.parametrize("error", [lowest.FailedError("1 failed"), subprocess.TimeoutExpired("pytest", 240)])
def test_a_failure_and_a_long_wait_are_failures(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(self: lowest.Lowest) -> None:
        raise error

    monkeypatch.setattr(lowest.Lowest, "install_uv", lambda self: None)
    monkeypatch.setattr(lowest.Lowest, "build", build)
    assert lowest.main(["3.11"]) == 1
    assert capsys.readouterr().out


def test_a_command_that_fails_shows_what_it_printed(tmp_path: Path) -> None:
    with pytest.raises(lowest.FailedError, match="what is wrong"):
        lowest.Lowest(tmp_path).run(sys.executable, "-c", "print('what is wrong'); exit(3)")
