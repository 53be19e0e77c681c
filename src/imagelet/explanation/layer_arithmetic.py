"""What each kind of layer does for one number of its output, worked out again from what the layer got.

Everything is float64 and channels last. A layer that does something else than its class promises is noticed
by whoever compares the result with the layer's own output.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imagelet.explanation.activations import RISING
from imagelet.explanation.working_text import (
    function_text,
    largest_text,
    mean_text,
    normalised_text,
    share_text,
    short,
    sum_text,
)
from imagelet.networks.layers import AveragePool, Flatten, GlobalAverage, GlobalMax, Pool, kind_of
from imagelet.networks.padding import Side, SidePadding

Numbers = NDArray[np.float64]
Cells = NDArray[np.int64]
Place = tuple[int, ...]

LARGEST_EXPONENT = 50  # up to here the exponentials of a softmax are written as they are

ACTIVATIONS = (
    *RISING,
    *(nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.LogSigmoid),
    *(nn.Hardtanh, nn.Hardsigmoid, nn.SELU, nn.CELU),
)
"""Layers that make of each number another, by itself."""

PASSING_ON = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout, nn.Identity)
"""Layers that outside of training hand each number on as it is."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Working:
    """How one number comes about.

    Attributes:
        method: ``sum`` of products (convolution, dense), ``largest`` or ``mean`` of a window, ``normalised``
            (batch normalisation), ``share`` (softmax), ``function`` (an activation), or ``passed`` on.
        inputs: float64, the numbers that it comes from: (window height, window width, channels) or (values,);
            padding is 0 in a sum, not a number in a window.
        first: where in the layer's input the first of them stands, (row, column, channel) or (value,); a row
            or column below 0 is padding.
        step: rows and columns from one of them to the next.
        weights, products: of the same shape: what each is multiplied with, and weight times input. For a sum
            and for normalised numbers ``products.sum() + bias`` is the result; else None.
        bias: what is added.
        exponentials: of a share, of the same shape.
        winner: where in the layer's input the largest stands, the first one if there are several.
        parts: other numbers by their names: mean, deviation, scale and shift of what is normalised; the sum
            of the exponentials, and the number that was subtracted before.
        result: the number.
        text: all of it in a line; of a long sum the largest terms.
    """

    method: str
    inputs: Numbers
    first: Place
    step: tuple[int, int] = (1, 1)
    weights: Numbers | None = None
    products: Numbers | None = None
    bias: float = 0.0
    exponentials: Numbers | None = None
    winner: Place | None = None
    parts: dict[str, float] = field(default_factory=dict)
    result: float
    text: str


@torch.no_grad()
def work_out(module: nn.Module, inputs: Numbers, place: Place, shape: Place) -> Working | None:
    """Return how the number at ``place`` comes about; None where the kind of layer is not known.

    Args:
        module: the layer.
        inputs: what it gets: (height, width, channels) or (values,).
        place: in its output: (row, column, channel) or (value,).
        shape: of its output.
    """
    match module:
        case nn.Conv2d() if inputs.ndim == 3 and module.padding_mode == "zeros":
            return _convolution(module, inputs, place)
        case nn.Linear() if inputs.ndim < 3:
            bias = 0.0 if module.bias is None else float(module.bias[place[-1]])
            return _sum(inputs[place[:-1]], _array(module.weight[place[-1]]), bias, (*place[:-1], 0))
        case Pool() | nn.MaxPool2d() | nn.AvgPool2d() if inputs.ndim == 3:
            return _pooling(module, inputs, place)
        case GlobalAverage() | GlobalMax() | nn.AdaptiveAvgPool2d() | nn.AdaptiveMaxPool2d() if (
            inputs.ndim == 3
        ):
            average = isinstance(module, GlobalAverage | nn.AdaptiveAvgPool2d)
            rows, columns = (_share_of(inputs.shape[axis], place, shape, axis) for axis in (0, 1))
            return _window(inputs, rows, columns, place[-1], average)
        case nn.BatchNorm1d() | nn.BatchNorm2d() if module.running_mean is not None and inputs.ndim != 2:
            return _normalised(module, float(inputs[place]), place)
        case nn.Softmax():
            return _share(inputs[place[:-1]], place)
        case Flatten() | nn.Flatten() if len(place) == 1:
            return _passed(inputs, _before_flattening(module, inputs.shape, place[0]))
        case _ if isinstance(module, PASSING_ON):
            return _passed(inputs, place)
        case _ if isinstance(module, ACTIVATIONS):
            return _function(module, float(inputs[place]), place)
    return None


def _convolution(conv: nn.Conv2d, inputs: Numbers, place: Place) -> Working:
    padding = "same" if getattr(conv, "same", False) else conv.padding
    rows, columns = (
        _cells(inputs.shape[axis], place[axis], conv.kernel_size[axis], conv.stride[axis], each, step)
        for axis, (each, step) in enumerate(zip(_pair(padding), _pair(conv.dilation), strict=True))
    )
    channels = conv.in_channels // conv.groups
    first = place[2] // (conv.out_channels // conv.groups) * channels
    patch = _patch(inputs[:, :, first : first + channels], rows, columns, padding=0.0)
    weights = _array(conv.weight[place[2]]).transpose(1, 2, 0)  # (height, width, channels)
    bias = 0.0 if conv.bias is None else float(conv.bias[place[2]])
    return _sum(patch, weights, bias, (int(rows[0]), int(columns[0]), first), _pair(conv.dilation))


def _sum(
    inputs: Numbers, weights: Numbers, bias: float, first: Place, step: tuple[int, int] = (1, 1)
) -> Working:
    products = weights * inputs
    result = float(products.sum() + bias)
    return Working(
        method="sum",
        inputs=inputs,
        first=first,
        step=step,
        weights=weights,
        products=products,
        bias=bias,
        result=result,
        text=sum_text(weights.ravel(), inputs.ravel(), bias, result),
    )


def _pooling(pool: Pool | nn.MaxPool2d | nn.AvgPool2d, inputs: Numbers, place: Place) -> Working:
    window = _pair(pool.size if isinstance(pool, Pool) else pool.kernel_size)
    stride, steps = _pair(pool.stride), _pair(getattr(pool, "dilation", 1))
    paddings: tuple[SidePadding, SidePadding] = _pair(pool.padding)
    rows, columns = (
        _cells(inputs.shape[axis], place[axis], window[axis], stride[axis], paddings[axis], steps[axis])
        for axis in (0, 1)
    )
    average = isinstance(pool, AveragePool | nn.AvgPool2d)
    counted = getattr(pool, "count_include_pad", False)  # torch's own may take padding for zeros
    return _window(inputs, rows, columns, place[2], average, padding=0.0 if counted else np.nan)


def _window(
    inputs: Numbers, rows: Cells, columns: Cells, channel: int, average: bool, padding: float = np.nan
) -> Working:
    """Return the mean or the largest number of one channel under a window."""
    patch = _patch(inputs[:, :, channel : channel + 1], rows, columns, padding)
    real = patch[~np.isnan(patch)]
    step = tuple(int(cells[1] - cells[0]) if len(cells) > 1 else 1 for cells in (rows, columns))
    row, column, _ = np.unravel_index(int(np.nanargmax(patch)), patch.shape)
    result = float(real.mean() if average else real.max())
    return Working(
        method="mean" if average else "largest",
        inputs=patch,
        first=(int(rows[0]), int(columns[0]), channel),
        step=(step[0], step[1]),
        winner=None if average else (int(rows[row]), int(columns[column]), channel),
        result=result,
        text=mean_text(real, result) if average else largest_text(real, result),
    )


def _normalised(norm: nn.BatchNorm1d | nn.BatchNorm2d, number: float, place: Place) -> Working:
    channel = place[-1]
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = float(norm.running_mean[channel]), float(norm.running_var[channel])
    deviation = float(np.sqrt(variance + norm.eps))
    scale, shift = (1.0, 0.0) if not norm.affine else (float(norm.weight[channel]), float(norm.bias[channel]))
    weight, bias = scale / deviation, shift - mean * scale / deviation
    result = number * weight + bias
    return Working(
        method="normalised",
        inputs=np.array([number]),
        first=place,
        weights=np.array([weight]),
        products=np.array([number * weight]),
        bias=bias,
        parts={"mean": mean, "deviation": deviation, "scale": scale, "shift": shift},
        result=result,
        text=normalised_text(number, mean, deviation, scale, shift, result),
    )


def _share(inputs: Numbers, place: Place) -> Working:
    largest = float(inputs.max())
    subtracted = largest if np.abs(inputs).max() > LARGEST_EXPONENT else 0.0
    exponentials = np.exp(inputs - subtracted)
    total, own = float(exponentials.sum()), float(exponentials[place[-1]])
    return Working(
        method="share",
        inputs=inputs,
        first=(*place[:-1], 0),
        exponentials=exponentials,
        parts={"sum": total, "subtracted": subtracted},
        result=own / total,
        text=share_text(inputs, place[-1], subtracted, exponentials),
    )


def _function(module: nn.Module, number: float, place: Place) -> Working:
    result = float(module(torch.tensor([[number]], dtype=torch.float64)))
    text = function_text(kind_of(module), number, result)
    return Working(method="function", inputs=np.array([number]), first=place, result=result, text=text)


def _passed(inputs: Numbers, origin: Place) -> Working:
    number = float(inputs[origin])
    text = f"{short(number)}, as it stands at {','.join(map(str, origin))}"
    return Working(method="passed", inputs=np.array([number]), first=origin, result=number, text=text)


def _before_flattening(module: nn.Module, shape: Place, place: int) -> Place:
    """Return where a flat value comes from: ours are in the order of Keras, torch's channel by channel."""
    if isinstance(module, Flatten) or len(shape) != 3:
        return tuple(int(each) for each in np.unravel_index(place, shape))
    height, width, channels = shape
    channel, row, column = (int(each) for each in np.unravel_index(place, (channels, height, width)))
    return row, column, channel


def _cells(size: int, place: int, window: int, stride: int, padding: SidePadding, step: int) -> Cells:
    """Return the cells of one side that a window meets at one place; those outside are padding."""
    side = Side(size, window, stride, padding, step)
    return place * stride - side.rim[0] + step * np.arange(window)


def _share_of(size: int, place: Place, shape: Place, axis: int) -> Cells:
    """Return the cells of one side that come together in one cell of a map of any smaller size."""
    places, at = (shape[axis], place[axis]) if len(shape) == 3 else (1, 0)
    return np.arange(at * size // places, -(-(at + 1) * size // places))


def _patch(inputs: Numbers, rows: Cells, columns: Cells, padding: float) -> Numbers:
    """Return the numbers (rows, columns, channels) under a window, ``padding`` where it is outside."""
    height, width, _ = inputs.shape
    inside = np.outer((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    numbers = inputs[np.clip(rows, 0, height - 1)][:, np.clip(columns, 0, width - 1)]
    return np.where(inside[:, :, np.newaxis], numbers, padding)


def _pair(value: Any) -> Any:
    """Return (height, width) of what torch lets one number or word stand for."""
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _array(values: Tensor) -> Numbers:
    return np.array(values.detach().double().cpu().numpy())
