"""Dense layers, every output from every input, and ``flatten``, which makes the flat values for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from imagelet.messages import Message
from imagelet.networks.layer_kind import COUNT, SWITCH, Count, Layer, Shape, Weights, register, written_shape
from imagelet.networks.other_libraries import Call, KerasSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from imagelet.networks.layer_kind import Array
    from imagelet.networks.onnx_graph import OnnxGraph
    from imagelet.networks.trace import Index, Trace, Unit


@register
@dataclass(frozen=True)
class Dense(Layer):
    """Every output from every input. Parameters: units × (inputs + 1)."""

    word = "dense"
    other_words = ("linear",)
    keras_classes = ("Dense",)
    family = "dense"
    units: Count = field(metadata=COUNT)
    bias: bool = field(default=True, metadata=SWITCH)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (units,).

        Raises:
            NetworkTextError: the input is a map.
        """
        if len(shape) != 1:
            message = Message(
                "it needs flat values, but its input is a {shape} map", shape=written_shape(shape)
            )
            raise self.mistake(message, Message("put flatten or global_average before it"))
        return (int(self.units),)

    def tensors(self, shape: Shape) -> dict[str, Shape]:
        """Return weights (units, inputs) and biases (units,)."""
        units = int(self.units)
        return {"weight": (units, shape[-1])} | ({"bias": (units,)} if self.bias else {})

    def multiply_adds(self, shape: Shape, output_shape: Shape) -> int:
        """Return a weight of each input for each number of the output."""
        return prod(output_shape) * shape[-1]

    def fans(self, weights: Shape) -> tuple[int, int]:
        """Return inputs, units."""
        units, inputs = weights
        return inputs, units

    def module(self, shape: Shape) -> "nn.Module":
        """Return torch's linear layer, its weights zero, without touching torch's random state."""
        from imagelet.networks.modules import Dense

        return Dense(shape[-1], int(self.units), bias=self.bias)

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return (n, units) of (n, inputs)."""
        outputs: Array = values @ weights["weight"].T
        return outputs + weights["bias"] if self.bias else outputs

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add one node."""
        tensors = [graph.constant(weights[name], name) for name in self.tensors(shape)]
        return graph.add("Gemm", value, *tensors, transB=1)

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return a dense layer."""
        named = {} if self.bias else {"use_bias": False}
        return [Call("layers.Dense", (int(self.units),), named, takes_activation=True)]

    def keras_weights(self, weights: Weights) -> "list[Array]":
        """Return the kernel (inputs, units) and the biases."""
        return [weights["weight"].T, *([weights["bias"]] if self.bias else [])]

    @classmethod
    def from_keras(cls, given: KerasSettings) -> "Dense":
        """Return it."""
        return cls(given.count("units"), given.flag("use_bias", True))

    def weights_from_keras(self, arrays: "Sequence[Array]", given: KerasSettings) -> "dict[str, Array]":
        """Return the weights (units, inputs) and the biases."""
        return {"weight": arrays[0].T} | ({"bias": arrays[1]} if self.bias else {})

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return a linear layer."""
        return [Call("nn.Linear", (shape[-1], int(self.units)), {} if self.bias else {"bias": False})]

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return the sum of all inputs, each with its weight."""
        from imagelet.networks.trace import weighted_sum

        values = unit.values
        if values.ndim > 2:
            return None
        weights = unit.module.weight[unit.index[-1]].detach().double().cpu().numpy()
        bias = 0.0 if unit.module.bias is None else float(unit.module.bias[unit.index[-1]])
        return weighted_sum(values[unit.index[:-1]], weights, bias, (*unit.index[:-1], 0))


@register
class Flatten(Layer):
    """A map as one row of values: row by row, and in each cell channel by channel, as in Keras.

    Free for channels_last maps; flat values pass as they are.
    """

    word = "flatten"
    keras_classes = ("Flatten",)
    family = "reshape"
    numbered = False
    channelwise = True

    def output_shape(self, shape: Shape) -> Shape:
        """Return (values,)."""
        return (prod(shape),)

    def forward(self, module: Any, images: "Tensor") -> "Tensor":
        """Return (n, height·width·channels) of (n, channels, height, width)."""
        return images.permute(0, 2, 3, 1).flatten(1) if images.dim() == 4 else images

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return (n, height·width·channels) of (n, height, width, channels)."""
        return values.reshape(len(values), -1)

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add the order of the values, where the input is a map, and the new shape."""
        if len(shape) == 3:
            value = graph.add("Transpose", value, perm=[0, 2, 3, 1])
        return graph.add("Flatten", value)

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return a layer that flattens."""
        return [Call("layers.Flatten")]

    @classmethod
    def from_keras(cls, given: KerasSettings) -> "Flatten":
        """Return it."""
        given.must_be("data_format", "channels_last", None)
        return cls()

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return a module that flattens, in PyTorch's order: channel by channel."""
        return [Call("nn.Flatten")] if len(shape) == 3 else []

    def origin(self, value: int, shape: Shape) -> "Index":
        """Return where in an input of ``shape`` a flat value comes from."""
        import numpy as np

        return tuple(map(int, np.unravel_index(value, shape)))

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return the number as it stands in the map."""
        from imagelet.networks.trace import passed

        if len(unit.index) != 1:
            return None
        return passed(unit.values, self.origin(unit.index[0], unit.values.shape))
