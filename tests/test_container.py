"""The container file copies what is there, runs without rights, and starts the lab."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.test_documents import parse

ROOT = Path(__file__).parents[1]
FILE = (ROOT / "Containerfile").read_text("utf-8").replace("\\\n", " ")
MINUTE = 60  # seconds


def builder() -> str | None:
    """Return the program that can build an image here; None where there is none that runs."""
    for name in ("podman", "docker"):
        if shutil.which(name):
            asked = subprocess.run([name, "info"], capture_output=True, timeout=MINUTE, check=False)
            if asked.returncode == 0 and b"Cannot connect" not in asked.stdout + asked.stderr:
                return name
    return None


def test_what_is_copied_is_there() -> None:
    for names in re.findall(r"^COPY (.+) \S+$", FILE, re.MULTILINE):
        assert [name for name in names.split() if not (ROOT / name).exists()] == []


def test_the_lab_is_started_by_a_user_without_rights() -> None:
    assert FILE.index("\nUSER imagelet\n") < FILE.index("\nCMD ")
    words = json.loads(re.search(r"^CMD (\[.+\])$", FILE, re.MULTILINE)[1])
    assert words[0] == "imagelet"
    parse(words[1:])
    assert re.search(r"^EXPOSE 8765$", FILE, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.timeout(30 * MINUTE)
def test_the_image_is_built_and_the_lab_in_it_answers() -> None:
    program = builder()
    if program is None:
        pytest.skip("there is nothing that builds containers: neither podman nor a running docker")
    options = [
        word
        for name, variable in (("BASE", "IMAGELET_CONTAINER_BASE"), ("TORCH_INDEX", "IMAGELET_TORCH_INDEX"))
        if (value := os.environ.get(variable))
        for word in ("--build-arg", f"{name}={value}")
    ]
    words = [program, "build", "-q", "-f", "Containerfile", "-t", "imagelet-test", *options, "."]
    built = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if built.returncode and re.search(r"pull|registry|resolve|no such host", built.stderr):
        pytest.skip(f"the base image cannot be had here: {built.stderr.strip().splitlines()[-1]}")
    assert built.returncode == 0, built.stderr
    run = [program, "run", "-d", "--rm", "-p", "127.0.0.1::8765", "imagelet-test"]
    container = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    try:
        asked = subprocess.run(
            [program, "port", container, "8765"], capture_output=True, text=True, check=True
        )
        assert _status(f"http://{asked.stdout.splitlines()[0]}/") == 401  # the token is missing
        assert (
            "the lab is open at"
            in subprocess.run([program, "logs", container], capture_output=True, text=True, check=True).stdout
        )
    finally:
        subprocess.run([program, "kill", container], capture_output=True, check=False)


def _status(address: str) -> int:
    """Ask until somebody answers, for a minute at most; return the status."""
    for _ in range(MINUTE):
        try:
            with urllib.request.urlopen(address) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            time.sleep(1)
    raise AssertionError(f"nobody answers at {address}")
