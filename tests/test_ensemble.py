"""Networks side by side answer with the mean of their logits."""

import pytest
import torch

from imagelet.errors import UsageError
from imagelet.networks import build
from tools.ensemble import side_by_side

TEXTS = [
    "conv(4, 3x3, same) pool(2) batchnorm relu conv(6, 3x3, same) relu flatten dense(classes) softmax",
    "conv(4, 3x3) gelu depthwise(3x3) conv(6, 3x3, groups=2) batchnorm global_average dense(classes)",
    "conv(5, 1x1) global_max dense(classes, bias=no)",
]


def trained(text: str, seed: int):
    """Return a network with random weights and running averages."""
    network = build(text, (9, 8, 2), 3, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                drawn = torch.rand(tensor.shape, generator=generator)
                tensor.copy_(drawn + 0.5 if "var" in name else drawn - 0.5)
    return network.eval()


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_logits_are_the_mean_of_the_scaled_ones(text, number):
    networks = [trained(text, seed) for seed in range(number)]
    scales = [1.0, 0.5, 3.0][:number]
    joined = side_by_side(networks, scales)
    images = torch.rand(5, 2, 9, 8, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        expected = (
            sum(scale * network(images) for scale, network in zip(scales, networks, strict=True)) / number
        )
        torch.testing.assert_close(joined(images), expected, rtol=1e-4, atol=1e-5)
    assert [name for name, _ in joined.named_children()] == [name for name, _ in networks[0].named_children()]
    rebuilt = build(joined.text, (9, 8, 2), 3)
    assert {name: each.shape for name, each in rebuilt.state_dict().items()} == {
        name: each.shape for name, each in joined.state_dict().items()
    }


@pytest.mark.parametrize(
    "text",
    [
        "conv(4, 3x3) flatten dense(7) relu dense(classes)",
        "flatten dense(classes)",
        "conv(4, 3x3) global_average flatten dense(classes) relu dense(classes)",
        "conv(classes, 3x3) global_average",
    ],
)
def test_what_mixes_the_networks_is_refused(text):
    with pytest.raises(UsageError, match="side by side"):
        side_by_side([build(text, (9, 8, 2), 3)] * 2, [1.0, 1.0])


def test_other_networks_and_other_numbers_are_refused():
    one, other = trained(TEXTS[0], 0), trained(TEXTS[1], 0)
    for networks, scales in (([], []), ([one], [1.0, 1.0]), ([one, other], [1.0, 1.0])):
        with pytest.raises(ValueError, match="scale"):
            side_by_side(networks, scales)
