"""The weights that a network starts from, drawn from a seed without touching torch's own random state.

==========  =====================================================  =====================  ====================
name        weights                                                biases                 source
==========  =====================================================  =====================  ====================
``glorot``  uniform in ±√(6 / (inputs + outputs))                  0                      Keras's default
``he``      normal with standard deviation √(2 / inputs)           0                      Kaiming He 2015
``torch``   uniform in ±1 / √inputs                                the same as weights    PyTorch's default
==========  =====================================================  =====================  ====================

Inputs and outputs are a layer's fans: kernel height × kernel width × channels for a convolution. For a
depthwise one Keras counts all input channels as inputs and the multiplier as outputs, and so does ``glorot``;
the two others count the one channel that a filter sees.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from imagelet.errors import UsageError
from imagelet.networks.torch_layers import layer_of

InitialWeights = Literal["glorot", "he", "torch"]


def draw_weights(network: nn.Module, initial_weights: str = "glorot", seed: int = 0) -> None:
    """Set the weights and biases of every layer in ``network`` whose kind has fans, in order.

    Args:
        network: on the CPU; batch normalisation is left as it is (scale 1, shift 0).
        initial_weights: ``"glorot"``, ``"he"`` or ``"torch"``.
        seed: the same seed gives the same bytes.

    Raises:
        UsageError: another name.
    """
    if initial_weights not in _DRAWS:
        allowed = ", ".join(get_args(InitialWeights))
        raise UsageError(
            "unknown initial weights '{name}'", hint="one of {names}", name=initial_weights, names=allowed
        )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if (fans := fans_of(module)) is not None:
                _DRAWS[initial_weights](module, sum(fans), generator)


def fans_of(module: nn.Module) -> tuple[int, int] | None:
    """Return the inputs and outputs of one number of the layer's output, as Keras counts them.

    None: it is a layer without weights that are drawn. Source: ``keras.initializers.compute_fans`` on kernels
    of (height, width, in, out), for depthwise ones (height, width, channels, multiplier).
    """
    weight = getattr(module, "weight", None)
    return layer_of(module).fans(tuple(weight.shape)) if isinstance(weight, Tensor) else None


def _glorot(module: Any, fans: int, generator: torch.Generator) -> None:
    bound = math.sqrt(6 / fans)
    module.weight.uniform_(-bound, bound, generator=generator)
    _set_bias(module, Tensor.zero_)


def _he(module: Any, fans: int, generator: torch.Generator) -> None:
    del fans
    module.weight.normal_(0, math.sqrt(2 / module.weight[0].numel()), generator=generator)
    _set_bias(module, Tensor.zero_)


def _torch(module: Any, fans: int, generator: torch.Generator) -> None:
    del fans
    bound = 1 / math.sqrt(module.weight[0].numel())
    module.weight.uniform_(-bound, bound, generator=generator)
    _set_bias(module, lambda bias: bias.uniform_(-bound, bound, generator=generator))


def _set_bias(module: Any, fill: Callable[[Tensor], Tensor]) -> None:
    if module.bias is not None:
        fill(module.bias)


_DRAWS: dict[str, Callable[[Any, int, torch.Generator], None]] = {
    "glorot": _glorot,
    "he": _he,
    "torch": _torch,
}
