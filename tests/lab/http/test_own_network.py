"""A run whose network is a person's own code: refused with what to type; once allowed, shown part by part."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn

import imagelet
from tests.conftest import make_images
from tests.lab.conftest import Lab


class Net(nn.Module):
    """Known here by its name: ``tests.lab.http.test_own_network:Net()``."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU())
        self.head = nn.Linear(3 * 64, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images).flatten(1))


@pytest.fixture
def lab(open_lab: Callable[..., Lab], tmp_path: Path) -> Lab:
    images, labels = make_images(60, 10, 1, seed=1)
    imagelet.train(images, labels, Net(), "keras", epochs=1, name="own", folder=tmp_path / "runs")
    return open_lab(runs=tmp_path / "runs")


def asked(lab: Lab) -> object:
    return lab.post("/api/explain", {"classifier": "own", "sample": "test:0", "layers": True})


def test_it_says_what_to_type(lab: Lab) -> None:
    answer = asked(lab)
    assert answer.status_code >= 400
    assert "--allow-import" in answer.text


def test_once_allowed_it_is_shown_part_by_part(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGELET_ALLOW_IMPORT", "1")
    layers = asked(lab).json()["layers"]
    assert [layer["name"] for layer in layers] == ["body.0", "body.1", "body", "head"]
    assert np.prod(layers[0]["shape"]) == 8 * 8 * 3
    page = lab.get("/api/runs/own")
    assert page.status_code == 200
