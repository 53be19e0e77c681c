"""The torch modules of layers, and layers computed at once: the same numbers in less time.

Two layers that follow each other may be computed together:

- ``relu pool`` becomes pool, then relu, on a quarter of the numbers. Outputs and gradients are the same to
  the last bit: the largest number stands at the same place before and after relu, or all are below 0.
- ``conv relu`` on a CPU is one call of oneDNN, which writes the map once instead of twice.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

FITTED_AT_ONCE = 250  # images, whose patches take four times their memory
RIDGE = 5e-4  # added to the variances, so that a direction without any is not blown up

FusedLayers = tuple[tuple[str, ...], Callable[[Tensor], Tensor]]
"""The names of layers that are computed at once, and what does it: float (n, …) → float (n, …)."""


class LayerModule(nn.Module):
    """A layer that torch has no module for: its kind computes, it holds parameters and layers, if any.

    Args:
        layer: the kind, a `imagelet.networks.layer_kind.Layer`.
        children: the layers inside it, by name.
    """

    def __init__(self, layer: Any, children: Mapping[str, nn.Module] | None = None) -> None:
        super().__init__()
        self.layer = layer
        for name, child in (children or {}).items():
            self.add_module(name, child)

    def forward(self, values: Tensor) -> Tensor:
        """Return what the kind makes of ``values``."""
        made: Tensor = self.layer.forward(self, values)
        return made

    def extra_repr(self) -> str:
        """Return the layer's text; of a block its layers say it."""
        return "" if len(self._modules) else self.layer.text

    def _get_name(self) -> str:
        return type(self.layer).__name__


class Dense(nn.Linear):
    """Torch's linear layer, weights zero."""

    def reset_parameters(self) -> None:
        """Set weights and biases to zero, without touching torch's random state."""
        set_to_zero(self)


class Convolution(nn.Conv2d):
    """Torch's convolution, weights zero, padded as its kind says: SAME depends on each input's size.

    Args:
        layer: the kind, a `imagelet.networks.layers.convolution.Convolving`.
        channels: of the input.
    """

    def __init__(self, layer: Any, channels: int) -> None:
        filters, groups = layer.filters_and_groups(channels)
        rim = layer.padding if isinstance(layer.padding, tuple) else 0
        super().__init__(
            channels, filters, layer.kernel, layer.stride, rim, layer.dilation, groups, layer.bias
        )
        self.layer = layer

    def reset_parameters(self) -> None:
        """Set weights and biases to zero, without touching torch's random state."""
        set_to_zero(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, filters, height, width) of (n, channels, height, width)."""
        made: Tensor = self.layer.forward(self, images)
        return made

    def extra_repr(self) -> str:
        """Return the layer's text."""
        text: str = self.layer.text
        return text


def set_to_zero(module: nn.Module) -> None:
    """Set all parameters of a module to zero."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()


def stored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors as safetensors writes them: on the CPU, contiguous, each with memory of its own."""
    own: dict[str, Tensor] = {}
    taken: set[int] = set()
    for name, tensor in tensors.items():
        kept = tensor.detach().cpu().contiguous()
        if kept.numel() and kept.untyped_storage().data_ptr() in taken:  # weights that two layers share
            kept = kept.clone()
        taken.add(kept.untyped_storage().data_ptr())
        own[name] = kept
    return own


class Whiten(nn.Conv2d):
    """2×2 patches projected onto their principal directions, each with its negative, all of variance 1.

    The weights are no parameters: :meth:`fit` works them out of training images, and the gradient leaves them
    alone. The bias is learnt.

    Args:
        channels: of the images; 8 filters come of each.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 8 * channels, 2)
        self.weight.requires_grad_(False)

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Set the weights by ``images`` (n, channels, height, width), as the network gets them.

        Source: Page 2018; the uncentred covariance and the ridge are airbench's.
        """
        products, number = torch.zeros((), device=images.device), 0
        for start in range(0, len(images), FITTED_AT_ONCE):
            part = images[start : start + FITTED_AT_ONCE].float()
            patches = functional.unfold(part, 2).transpose(1, 2).flatten(0, 1)  # (patches, 4·channels)
            products = products + patches.T @ patches
            number += len(patches)
        covariance = (products / number).cpu().double()  # a GPU may lack float64
        variances, directions = torch.linalg.eigh(covariance)  # ascending; a column a direction
        scaled = (directions / torch.sqrt(variances + RIDGE)).T.flip(0)  # a row a filter, largest first
        filters = scaled.view(-1, *self.weight.shape[1:]).to(self.weight.dtype)
        self.weight.copy_(torch.cat([filters, -filters]))


class ShiftNorm(nn.BatchNorm2d):
    """Batch normalisation that learns a shift and no scale."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-12, momentum=0.4)
        self.weight.requires_grad_(False)


def fused_layers(layers: Iterable[tuple[str, nn.Module]]) -> Iterator[FusedLayers]:
    """Yield what computes ``layers``, up to a closing softmax: training needs the logits."""
    remaining = [*layers, ("", None), ("", None)]
    apart = _is_watched([module for _, module in remaining])
    place = 0
    while (first := remaining[place][1]) is not None and not isinstance(first, nn.Softmax):
        names = remaining[place][0], remaining[place + 1][0]
        second, third = remaining[place + 1][1], remaining[place + 2][1]
        together = None if apart else _together(first, second, third)
        yield (names, together) if together else (names[:1], first)
        place += 2 if together else 1


def run_fused(layers: Iterable[tuple[str, nn.Module]], values: Tensor) -> Tensor:
    """Return what ``layers`` make of ``values``, one after the other, up to a closing softmax."""
    for _, layer in fused_layers(layers):
        values = layer(values)
    return values


def _is_watched(modules: Iterable[nn.Module | None]) -> bool:
    """Return whether someone wants to see each layer.

    They do it by hooks, by a trace that becomes another program, by torch.func, or by a mode that sees
    every operation, as torch's counter of multiplications is.
    """
    if torch._C._get_tracing_state() is not None or torch.compiler.is_compiling():
        return True
    if torch._C._are_functorch_transforms_active() or torch._C._len_torch_dispatch_stack():
        return True
    watched = nn.modules.module._has_any_global_hook()  # type: ignore[no-untyped-call]
    return watched or any(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        for module in modules
        if module is not None
    )


def _together(
    first: nn.Module, second: nn.Module | None, third: nn.Module | None
) -> Callable[[Tensor], Tensor] | None:
    """Return what computes the first two layers at once, if anything does."""
    if type(first) is nn.ReLU and second is not None and _is_pool(second):
        return lambda images: torch.relu(second(images))
    if type(first) is Convolution and type(second) is nn.ReLU and not _is_pool(third):
        return functools.partial(_conv_relu, first)
    return None


def _is_pool(module: nn.Module | None) -> bool:
    return type(module) is LayerModule and module.layer.largest


def _conv_relu(conv: Convolution, images: Tensor) -> Tensor:
    """Return relu(conv(images)): by oneDNN in one call where it can."""
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else images.dtype
    if images.device.type != "cpu" or not _has_onednn(dtype):
        return torch.relu(conv(images))
    images, padding = conv.layer.padded(images)
    with torch.autocast("cpu", enabled=False):
        bias = None if conv.bias is None else conv.bias.to(dtype)
        sizes = (conv.stride, padding, conv.dilation, conv.groups)
        result: Tensor = _ConvRelu.apply(  # type: ignore[no-untyped-call]
            images.to(dtype), conv.weight.to(dtype), bias, *sizes
        )
    return result


@functools.cache
def _has_onednn(dtype: torch.dtype) -> bool:
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    return dtype == torch.float32 or (
        dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


class _ConvRelu(torch.autograd.Function):
    """relu(convolution): its gradient needs the output only, to know where it is above 0."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, *sizes: Any) -> Tensor:
        stride, padding, dilation, groups = sizes
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            images, weight, bias, padding, stride, dilation, groups, "relu", [], ""
        )
        ctx.save_for_backward(images, weight, result)
        ctx.sizes = sizes
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight, result = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.sizes
        gradient = torch.ops.aten.threshold_backward(gradient, result, 0)
        wanted = list(ctx.needs_input_grad[:3])
        of_images, of_weight, of_bias = torch.ops.aten.convolution_backward(
            gradient,
            images,
            weight,
            [len(weight)] if wanted[2] else None,
            stride,
            padding,
            dilation,
            False,
            [0, 0],
            groups,
            wanted,
        )
        return of_images, of_weight, of_bias, None, None, None, None
