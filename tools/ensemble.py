"""Several networks of one text as a single one, whose logits are the mean of theirs.

Networks that were trained apart make different mistakes, so their mean makes fewer (Hansen and Salamon 1990,
"Neural Network Ensembles"). Side by side they are ordinary layers again: each convolution after the first has
a group for each of them, and the last dense layer adds up all of their values.
"""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from imagelet.errors import UsageError
from imagelet.networks.building import Network, build
from imagelet.networks.layers import Conv, Dense, Layer
from imagelet.networks.text import to_text


def side_by_side(networks: Sequence[Network], scales: Sequence[float]) -> Network:
    """Return one network whose logits are the mean of several networks' logits.

    Args:
        networks: of the same text, input and classes; at least one. Convolutions come first, and only the
            last layer but a softmax is dense.
        scales: what each network's logits are multiplied with before the mean is taken.

    Raises:
        UsageError: the text has layers that cannot stand side by side.
        ValueError: no networks, other networks, or another number of scales.
    """
    first = networks[0] if networks else None
    if (
        first is None
        or len(scales) != len(networks)
        or any(network.text != first.text for network in networks)
    ):
        raise ValueError(f"{len(networks)} networks, {len(scales)} scales: one text, and a scale for each")
    joined = build(to_text(_widened(first.layers, len(networks))), first.input_shape, first.classes, "torch")
    states = [network.state_dict() for network in networks]
    last = max(name for name, _ in first.named_children() if name.startswith("dense"))
    cells = _cells_before(first, last)
    with torch.no_grad():
        for name, tensor in joined.state_dict().items():
            parts = [state[name] for state in states]
            if name.startswith(f"{last}."):
                tensor.copy_(_last_weights(parts, scales, cells if name.endswith("weight") else 0))
            elif tensor.dim():  # not the number of batches that were seen
                tensor.copy_(torch.cat(parts))
    return joined.eval()


def _widened(layers: Sequence[Layer], number: int) -> list[Layer]:
    """Return the layers for so many networks side by side."""
    wide: list[Layer] = []
    dense = [place for place, layer in enumerate(layers) if isinstance(layer, Dense)]
    for place, layer in enumerate(layers):
        if isinstance(layer, Conv) and not isinstance(layer.filters, str):
            after_another = any(isinstance(before, Conv) for before in wide)
            groups = layer.groups * number if after_another else layer.groups
            wide.append(dataclasses.replace(layer, filters=layer.filters * number, groups=groups))
        elif layer.channelwise or [place] == dense:
            wide.append(layer)
        else:
            raise UsageError(
                "networks with '{word}' here cannot stand side by side: {text}",
                hint="convolutions first, then a single dense layer",
                word=layer.word,
                text=to_text(layers),
            )
    if not isinstance(wide[0], Conv) or wide[0].groups > 1 or not dense:
        raise UsageError(
            "only networks that begin with a convolution and end in a dense layer can stand side by "
            "side: {text}",
            hint="convolutions first, then a single dense layer",
            text=to_text(layers),
        )
    return wide


def _cells_before(network: Network, last: str) -> int:
    """Return how many cells of a map are flattened before the last dense layer; 1 where none is."""
    values = torch.zeros(1, network.input_shape[2], *network.input_shape[:2])
    for name, layer in network.named_children():
        if name == last:
            break
        with torch.no_grad():
            before, values = values, layer(values)
        is_flattened = before.dim() == 4 and values.dim() == 2 and values.shape[1] == before[0].numel()
        if is_flattened:
            return int(before.shape[2] * before.shape[3])
    return 1


def _last_weights(parts: Sequence[Tensor], scales: Sequence[float], cells: int) -> Tensor:
    """Return the last layer's weights (classes, values), or its biases (classes,) where ``cells`` is 0."""
    scaled = [part * (scale / len(parts)) for part, scale in zip(parts, scales, strict=True)]
    if not cells:
        return torch.stack(scaled).sum(dim=0)
    by_cell = [part.reshape(len(part), cells, -1) for part in scaled]  # (classes, cells, channels)
    return torch.cat(by_cell, dim=2).flatten(1)
