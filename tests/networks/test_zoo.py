"""The named networks are the course's, to the parameter."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn import functional

from imagelet.errors import UnknownNameError
from imagelet.networks.building import build
from imagelet.networks.summary import infer_shapes
from imagelet.networks.zoo import find_network, networks

PRINTED = {
    "softmax": 7_850,  # 10 × (784 + 1)
    "mlp-1024": 3_432_970,
    "cnn-3": 356_234,
    "basic-cnn": 1_676_266,  # not printed in the notes: 320 + 9,248 + 18,496 + 36,928 + 1,606,144 + 5,130
    "mlp-512": 407_050,
    "cnn-1": 804_554,
    "fashion-cnn": 804_554,
    "cifar-cnn": 2_125_578,
    "convnet": 93_322,
    "deep-cnn": 5_259_594,
    "lenet-5": 61_706,
}


@pytest.mark.parametrize(("name", "parameters"), PRINTED.items())
def test_parameters_are_those_printed(name: str, parameters: int) -> None:
    named = networks.get(name)
    assert sum(each.parameters for each in infer_shapes(named.text, named.input_shape)) == parameters


def test_convnet_has_55_744_parameters_before_its_classifier() -> None:
    shaped = infer_shapes(networks.get("convnet").text)
    names = [each.name for each in shaped]
    assert sum(each.parameters for each in shaped[: names.index("flatten")]) == 55_744
    assert shaped[0].output_shape == (26, 26, 32)


def test_dropout_stands_where_the_notes_have_it() -> None:
    rates = {
        name: [
            each.layer.rate  # type: ignore[attr-defined]
            for each in infer_shapes(networks.get(name).text, networks.get(name).input_shape)
            if each.layer.word == "dropout"
        ]
        for name in networks
        if networks.get(name).builder is None
    }
    assert {name: found for name, found in rates.items() if found} == {
        "mlp-1024": [0.3, 0.3, 0.3],
        "cnn-3": [0.3, 0.3],
        "basic-cnn": [0.5, 0.5, 0.5],
        "fashion-cnn": [0.3],
        "cifar-cnn": [0.3, 0.2],
        "deep-cnn": [0.5, 0.5],
    }


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 9, 28, 31, 64, 96])
def test_small_cnn_takes_every_small_image(side: int, channels: int) -> None:
    shaped = infer_shapes(networks.get("small-cnn").text, (side, side, channels), classes=100)
    assert 100_000 <= sum(each.parameters for each in shaped) <= 300_000


@pytest.mark.slow
def test_small_cnn_learns_the_digits_in_ten_epochs() -> None:
    digits = load_digits()
    images = torch.from_numpy(digits.images[:, None] / 8 - 1).float()
    labels = torch.from_numpy(digits.target)
    learn, test = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0)
    network = build("small-cnn", (8, 8, 1))
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3, weight_decay=0.01)
    generator = torch.Generator().manual_seed(0)
    steps = 10 * (len(learn) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.from_numpy(learn)[torch.randint(len(learn), (64,), generator=generator)]
        optimizer.zero_grad()
        functional.cross_entropy(network(images[chosen]), labels[chosen]).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        right = network.eval()(images[test]).argmax(1) == labels[test]
    assert right.float().mean() > 0.97


@pytest.mark.parametrize(
    ("given", "name", "builder"),
    [
        ("cnn-3", "cnn-3", None),
        (" CNN-3 ", "cnn-3", None),
        ("softmax", "softmax", None),
        ("package.module:function", "package.module:function", "package.module:function"),
        ("relu", "", None),
        ("Global-Average", "", None),
        ("flatten dense(10)", "", None),
        ("dense(10)", "", None),
    ],
)
def test_names_builders_and_text_are_told_apart(given: str, name: str, builder: str | None) -> None:
    found = find_network(given)
    assert (found.name, found.builder) == (name, builder)
    if not name:
        assert found.text == given


def test_a_single_unknown_word_is_a_misspelt_name() -> None:
    with pytest.raises(UnknownNameError, match="unknown network 'lennet-5'; did you mean 'lenet-5'"):
        find_network("lennet-5")
