"""The modules of the page, run by Node: what they make of pictures, for tests that compare it with Python."""

import base64
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagelet.classifier.classifier import Classifier
from imagelet.interop.page import page_facts

RUNNER = Path(__file__).parent / "page_static" / "run.mjs"
ROOT = Path(__file__).parents[2]
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed")


def job(classifier: Classifier, pictures: Sequence[np.ndarray], *, framed: bool = False) -> dict[str, Any]:
    """Return what the page's modules are asked: a classifier's answers to pictures, uint8 (h, w, 1 or 3)."""
    facts, weights = page_facts(classifier)
    return {
        "facts": facts,
        "weights": base64.b64encode(weights).decode(),
        "pictures": [as_json(picture) for picture in pictures],
        "framed": framed,
    }


def as_json(picture: np.ndarray) -> dict[str, Any]:
    height, width, channels = picture.shape
    written = base64.b64encode(np.ascontiguousarray(picture).tobytes()).decode()
    return {"height": height, "width": width, "channels": channels, "base64": written}


def run(jobs: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the answers for each job: see ``page_static/run.mjs``."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, str(RUNNER)],
        input=json.dumps({"classifiers": jobs}).encode(),
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    answers: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return answers


def evaluate(program: str) -> str:
    """Return what a program of JavaScript, a module in the repository's root, writes."""
    assert NODE is not None
    command = [NODE, "--input-type=module", "--eval", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def image_of(answer: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    """Return the framed image of an answer, uint8 of this shape."""
    return np.frombuffer(base64.b64decode(answer["image"]), np.uint8).reshape(shape)
