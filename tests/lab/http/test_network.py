"""Networks, datasets, recipes, and the arithmetic of small matrices, each held against another way to it."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from imagelet.data.known import datasets
from imagelet.explanation.arithmetic import KERNELS
from imagelet.networks import build, networks, summarize
from imagelet.training.recipe import SECTIONS, setting_fields
from imagelet.training.recipes import recipes
from tests.lab.conftest import Lab

TEXTS = (
    "conv(8, 3x5, stride=2, bias=false) batchnorm gelu depthwise(3x3, same, multiplier=2) pool(2)"
    " global_average dense(7, bias=false) relu dropout(0.5) dense(classes) softmax",
    "flatten dense(classes)",
    "flatten dense(20) batchnorm tanh dense(classes)",
)


class TestNetworks:
    def test_all_are_listed_with_their_parameters(self, lab: Lab) -> None:
        told = lab.get("/api/networks").json()
        assert [each["name"] for each in told] == list(networks)
        for each in told:
            named = networks.get(each["name"])
            assert (each["text"], each["note"]) == (named.text, named.note)
            assert each["parameters"] == summarize(build(named.name, named.input_shape)).total

    @pytest.mark.parametrize("text", [*networks, *TEXTS])
    @pytest.mark.parametrize("shape", [[32, 32, 3], [28, 28, 1]])
    def test_the_table_is_that_of_the_network_built(self, lab: Lab, text: str, shape: list[int]) -> None:
        told = lab.post("/api/network", {"text": text, "input_shape": shape, "classes": 12}).json()
        network = build(text, shape, 12)
        expected = summarize(network).to_json()
        assert told["text"] == network.text
        for given_, each in zip(told["layers"], expected["layers"], strict=True):
            assert given_ == {**each, "memory_bytes": 4 * int(np.prod(each["shape"]))}
        for name in ("total", "trainable", "non_trainable", "multiply_adds", "input_shape"):
            assert told[name] == expected[name]

    def test_a_mistake_comes_with_its_position(self, lab: Lab) -> None:
        text = "conv(8, 3x3) rellu flatten dense(classes)"
        error = lab.post("/api/network", {"text": text}).json()["error"]
        assert error["position"] == text.index("rellu") + 1
        assert "did you mean 'relu'?" in error["message"]

    @pytest.mark.parametrize("text", ["os:system", "imagelet.networks.airbench:fast_wide", " os : system "])
    def test_no_code_is_imported(self, lab: Lab, text: str) -> None:
        answer = lab.post("/api/network", {"text": text})
        assert answer.status_code == 422
        assert answer.json()["error"]["message"]

    @pytest.mark.parametrize(
        "changed",
        [
            *({"input_shape": each} for each in ([0, 28, 1], [28, 28], [257, 28, 1], [28, 28, 4])),
            *({"classes": each} for each in (0, 10_001, 2.5)),
            *({"text": each} for each in ("", " ", "relu " * 3000, "flatten dense(9999999) dense(classes)")),
        ],
    )
    def test_what_no_network_has_is_refused(self, lab: Lab, changed: dict[str, Any]) -> None:
        answer = lab.post("/api/network", {"text": "cnn-1", **changed})
        assert answer.status_code == 422
        assert answer.json()["error"]["message"]


class TestDatasets:
    def test_all_are_listed(self, lab: Lab) -> None:
        told = {each["name"]: each for each in lab.get("/api/datasets").json()}
        assert sorted(told) == sorted(datasets)
        assert next(iter(told)) == "digits"  # what is here first, and of that the smallest
        assert told["digits"]["available"]
        assert told["digits"]["shape"] == [8, 8, 1]
        assert told["digits"]["images"] == {"train": 1437, "test": 360}
        assert not told["mnist"]["available"]

    def test_one_that_is_brought_here_is_available(self, lab: Lab, small_data) -> None:
        told = {each["name"]: each["available"] for each in lab.get("/api/datasets").json()}
        assert [name for name, here in told.items() if here] == ["digits", "mnist", "fashion-mnist"]
        assert sorted(told) == sorted(datasets)

    def test_a_wrong_folder_for_data_is_none(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("IMAGELET_DATA", "/nowhere/at/all")
        assert lab.get("/api/datasets").status_code == 200


def test_every_recipe_is_listed_with_every_field(lab: Lab) -> None:
    told = lab.get("/api/recipes").json()
    assert [each["name"] for each in told["recipes"]] == list(recipes)
    without_input = ("freeze", "lanes")
    names = [field.name for field in setting_fields() if field.name not in without_input]
    assert [each["name"] for each in told["fields"]] == names
    for each in told["recipes"]:
        recipe = recipes.get(each["name"])
        assert {name: each["settings"][name] for name in names} == {
            name: getattr(recipe, name) for name in names
        }
        for name, value in each["settings"].items():
            assert type(value) is type(getattr(recipe, name))  # true is not 1
    assert list(dict.fromkeys(each["group"] for each in told["fields"])) == list(SECTIONS)
    for each in told["fields"]:
        assert each["term"]
        assert each["unit"]
        assert each["meaning"]
        assert each["allowed"] is not None or isinstance(each["default"], bool)


def test_recipes_and_fields_are_described_in_the_requests_language(lab: Lab) -> None:
    told = lab.get("/api/recipes", headers={"accept-language": "ko"}).json()
    for text in [*(each["note"] for each in told["recipes"]), *(each["meaning"] for each in told["fields"])]:
        assert re.search("[가-힣]", text), text


class TestArithmetic:
    cells = st.integers(-9, 9)

    def test_the_kernels_are_listed(self, lab: Lab) -> None:
        told = {each["name"]: each["matrix"] for each in lab.get("/api/kernels").json()}
        assert told == {name: [list(row) for row in rows] for name, rows in KERNELS.items()}

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_a_convolution_is_torchs(self, lab: Lab, data: st.DataObject) -> None:
        image = data.draw(st.lists(st.lists(self.cells, min_size=5, max_size=5), min_size=4, max_size=6))
        kernel = data.draw(st.lists(st.lists(self.cells, min_size=2, max_size=2), min_size=3, max_size=3))
        stride, padding = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 2))
        told = lab.post(
            "/api/convolve", {"image": image, "kernel": kernel, "stride": stride, "padding": padding}
        ).json()
        image_, kernel_ = (torch.tensor(each, dtype=torch.float64)[None, None] for each in (image, kernel))
        expected = functional.conv2d(image_, kernel_, stride=stride, padding=padding)[0, 0].numpy()
        assert told["output"] == expected.tolist()
        assert told["rims"] == [[padding, padding]] * 2
        assert np.array(told["padded"]).shape == (len(image) + 2 * padding, 5 + 2 * padding)
        for row, sums in zip(told["output"], told["sums"], strict=True):
            for result, each in zip(row, sums, strict=True):
                assert each["result"] == result == np.sum(each["products"])
                assert (np.array(each["patch"]) * kernel == np.array(each["products"])).all()

    @pytest.mark.parametrize("kind", ["max", "average"])
    @pytest.mark.parametrize("padding", [0, 1])
    def test_pooling_is_torchs_and_padding_has_no_value(self, lab: Lab, kind: str, padding: int) -> None:
        image = np.random.default_rng(0).integers(-9, 9, (5, 6)).tolist()
        told = lab.post("/api/pool", {"image": image, "size": 2, "kind": kind, "padding": padding}).json()
        cells = torch.tensor(image, dtype=torch.float64)[None, None]
        expected = (
            functional.max_pool2d(cells, 2, padding=padding)
            if kind == "max"
            else functional.avg_pool2d(cells, 2, padding=padding, count_include_pad=False)
        )
        assert told["output"] == expected[0, 0].tolist()
        assert sum(cell is None for row in told["padded"] for cell in row) == (26 if padding else 0)
        assert all(each["products"] is None for row in told["sums"] for each in row)

    def test_the_sum_is_written_out(self, lab: Lab) -> None:
        told = lab.post("/api/convolve", {"image": [[1, 2], [3, 4]], "kernel": [[1, 0], [-2, 3]]}).json()
        assert told["sums"][0][0]["text"] == "1·1 - 2·3 + 3·4 = 7"
        assert told["formula"] == "(2 - 2) / 1 + 1 = 1"

    def test_no_zero_has_a_sign(self, lab: Lab) -> None:
        answer = lab.post("/api/convolve", {"image": [[0, 1]], "kernel": [[-1]]})
        assert "-0" not in answer.text

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("convolve", {"image": [[1, 2], [3]], "kernel": [[1]]}),
            ("convolve", {"image": [[1]], "kernel": [[1, 2]]}),
            ("convolve", {"image": [], "kernel": [[1]]}),
            ("convolve", {"image": [[]], "kernel": [[1]]}),
            ("convolve", {"image": [["a"]], "kernel": [[1]]}),
            ("convolve", {"image": [[1e300]], "kernel": [[1]]}),
            ("convolve", {"image": [[1]], "kernel": [[1]], "stride": 0}),
            ("convolve", {"image": [[1]], "kernel": [[1]], "padding": "some"}),
            ("convolve", {"image": [[1] * 64] * 64, "kernel": [[1] * 20] * 20, "padding": "same"}),
            ("pool", {"image": [[1, 2], [3, 4]], "size": 3}),
            ("pool", {"image": [[1, 2], [3, 4]], "size": 2, "padding": 2}),
            ("pool", {"image": [[1, 2], [3, 4]], "kind": "min"}),
        ],
    )
    def test_what_cannot_be_worked_out_is_a_sentence_fit_for_the_page(
        self, lab: Lab, path: str, body: dict[str, Any]
    ) -> None:
        answer = lab.post(f"/api/{path}", body)
        assert answer.status_code == 422
        error = answer.json()["error"]
        assert error["message"]
        assert "--" not in error["message"] + error["hint"]

    def test_numbers_that_json_does_not_have_are_refused(self, lab: Lab) -> None:
        content = b'{"image": [[NaN, 1e999]], "kernel": [[1]]}'
        headers = {"content-type": "application/json"}
        answer = lab.ask("POST", "/api/convolve", content=content, headers=headers)
        assert answer.status_code == 422
