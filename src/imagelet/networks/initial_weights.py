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
from math import prod
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from imagelet.errors import UsageError
from imagelet.networks.layers import Depthwise

InitialWeights = Literal["glorot", "he", "torch"]


def draw_weights(network: nn.Module, initial_weights: str = "glorot", seed: int = 0) -> None:
    """Set the weights and biases of every convolution and dense layer in ``network``, in order.

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
            if isinstance(module, nn.Conv2d | nn.Linear):
                _DRAWS[initial_weights](module, generator)


def fans(module: nn.Conv2d | nn.Linear) -> tuple[int, int]:
    """Return the inputs and outputs of one number of the layer's output, as Keras counts them.

    Source: ``keras.initializers.compute_fans`` on kernels of (height, width, in, out), for depthwise ones
    (height, width, channels, multiplier).
    """
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    cells = prod(module.kernel_size)
    if isinstance(module, Depthwise):
        return cells * module.in_channels, cells * (module.out_channels // module.in_channels)
    return cells * module.in_channels // module.groups, cells * module.out_channels


def _glorot(module: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    bound = math.sqrt(6 / sum(fans(module)))
    module.weight.uniform_(-bound, bound, generator=generator)
    _set_bias(module, Tensor.zero_)


def _he(module: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    module.weight.normal_(0, math.sqrt(2 / module.weight[0].numel()), generator=generator)
    _set_bias(module, Tensor.zero_)


def _torch(module: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(module.weight[0].numel())
    module.weight.uniform_(-bound, bound, generator=generator)
    _set_bias(module, lambda bias: bias.uniform_(-bound, bound, generator=generator))


def _set_bias(module: nn.Conv2d | nn.Linear, fill: Callable[[Tensor], Tensor]) -> None:
    if module.bias is not None:
        fill(module.bias)


_DRAWS: dict[str, Callable[[nn.Conv2d | nn.Linear, torch.Generator], None]] = {
    "glorot": _glorot,
    "he": _he,
    "torch": _torch,
}
