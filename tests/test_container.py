"""The container file copies what is there, runs without rights, and starts the lab and a service."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagelet.cli import lab, serve
from tests.servers import drawing, png
from tests.test_documents import parse

ROOT = Path(__file__).parents[1]
FILE = (ROOT / "Containerfile").read_text("utf-8").replace("\\\n", " ")
MINUTE = 60  # seconds
TOKEN = "a-token-of-this-test-alone"


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
    ports = re.search(r"^EXPOSE (.+)$", FILE, re.MULTILINE)
    assert ports
    assert ports[1].split() == [str(lab.PORT), str(serve.PORT)]


def test_the_documented_commands_of_a_container_parse() -> None:
    lines = [
        line
        for page in ("install.md", "service.md")
        for line in (ROOT / "docs" / "how-to" / page).read_text("utf-8").replace("\\\n", " ").splitlines()
        if line.startswith("docker run")
    ]
    assert len(lines) >= 3
    for line in lines:
        _, given, command = re.sub(r" +", " ", line).partition(" imagelet imagelet ")
        if given:
            parse(shlex.split(command))


@pytest.fixture(scope="module")
def image() -> tuple[str, str]:
    """Return the program that runs containers, and the name of the image that it has built."""
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
    return program, "imagelet-test"


@contextlib.contextmanager
def running(image: tuple[str, str], port: int, *words: str) -> Iterator[tuple[str, str]]:
    """Run a container; give its address here and its name."""
    program, name = image
    run = [program, "run", "-d", "-e", f"IMAGELET_TOKEN={TOKEN}", "-p", f"127.0.0.1::{port}", name, *words]
    container = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    try:
        asked = [program, "port", container, str(port)]
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        yield f"http://{told.splitlines()[0]}", container
    finally:
        subprocess.run([program, "rm", "-f", container], capture_output=True, check=False)


def printed(image: tuple[str, str], container: str) -> str:
    """Return what a container has printed to standard output."""
    return subprocess.run([image[0], "logs", container], capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
@pytest.mark.timeout(30 * MINUTE)
def test_the_lab_in_it_answers(image: tuple[str, str]) -> None:
    with running(image, lab.PORT) as (address, container):
        assert _status(f"{address}/") == 401  # the token is missing
        assert "the lab is open at" in printed(image, container)


@pytest.mark.slow
@pytest.mark.timeout(30 * MINUTE)
def test_a_service_in_it_predicts_and_stops(image: tuple[str, str]) -> None:
    words = ("imagelet", "serve", "mnist", "--host", "0.0.0.0")
    with running(image, serve.PORT, *words) as (address, container):
        assert _status(f"{address}/health") == 401
        body = json.dumps({"pictures": [png(drawing())]}).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{address}/predict", body, headers)
        with urllib.request.urlopen(request, timeout=MINUTE) as answer:
            assert json.load(answer)["predictions"][0]["predicted"] == "7"
        subprocess.run([image[0], "stop", "-t", "30", container], capture_output=True, check=True)
        state = [image[0], "inspect", "-f", "{{.State.ExitCode}}", container]
        assert subprocess.run(state, capture_output=True, text=True, check=True).stdout.strip() == "0"


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
