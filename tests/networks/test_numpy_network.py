"""Networks computed with NumPy: every window as torch computes it, and what only torch can compute."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imagelet.errors import NetworkTextError
from imagelet.networks import layers as kinds
from imagelet.networks import networks
from imagelet.networks.layers import Layer
from imagelet.networks.numpy_network import IMAGES_AT_ONCE, NumpyNetwork, plain_layers, tensor_shapes
from imagelet.networks.zoo import NamedNetwork

from .strategies import unhurried

small = st.integers(1, 4)
sizes = st.tuples(small, small)
paddings = st.sampled_from(["same", "valid"]) | st.tuples(st.integers(0, 2), st.integers(0, 2))
windows: st.SearchStrategy[Layer] = st.one_of(
    st.builds(kinds.Conv, st.just(6), sizes, paddings, sizes, sizes, st.booleans(), st.sampled_from([1, 2])),
    st.builds(kinds.Depthwise, sizes, paddings, sizes, sizes, st.integers(1, 3), st.booleans()),
    st.builds(kinds.Pool, sizes, paddings, st.none() | sizes),
    st.builds(kinds.AveragePool, sizes, paddings, st.none() | sizes),
)


@settings(unhurried, max_examples=150)
@given(windows, st.integers(1, 11), st.integers(1, 11), st.integers(0, 2**31))
def test_a_window_gives_what_torch_gives(layer: Layer, height: int, width: int, seed: int) -> None:
    shape = (height, width, 4)
    try:
        layer.output_shape(shape)
    except NetworkTextError:
        assume(False)
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(3, *shape)).astype(np.float32)
    weights = {
        name: generator.normal(size=size).astype(np.float32) for name, size in layer.tensors(shape).items()
    }
    module = layer.build(shape).eval()
    module.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in weights.items()})
    with torch.no_grad():
        expected = module(torch.from_numpy(values.transpose(0, 3, 1, 2).copy())).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(layer.compute(weights, values), expected, rtol=1e-4, atol=1e-4)


def test_how_many_images_come_at_once_does_not_matter() -> None:
    text, shape = "conv(3, 3x3) relu flatten dense(classes)", (6, 5, 1)
    generator = np.random.default_rng(0)
    layers = plain_layers(text, shape, 4)
    assert layers is not None
    weights = {
        name: generator.normal(size=size).astype(np.float16)
        for name, size in tensor_shapes(layers, shape).items()
    }
    network = NumpyNetwork(text, shape, 4, weights)
    images = generator.normal(size=(2 * IMAGES_AT_ONCE + 3, *shape)).astype(np.float32)
    one_by_one = np.concatenate([network(image[np.newaxis]) for image in images])
    np.testing.assert_allclose(network(images), one_by_one, rtol=1e-5, atol=1e-5)
    assert network(images[:0]).shape == (0, 4)


def test_what_only_torch_can_compute_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = NamedNetwork("secret", "secret", (6, 6, 1), "a plugin's", builder=lambda *_: None)
    monkeypatch.setitem(networks._things, "secret", secret)
    assert plain_layers("secret", (6, 6, 1), 4) is None
    with pytest.raises(ValueError, match="by torch only"):
        NumpyNetwork("secret", (6, 6, 1), 4, {})
