"""Residual blocks: what layers make of x, and x itself added to it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

from imagelet.messages import Message
from imagelet.networks.layer_kind import (
    Layer,
    LayerRun,
    PlacedLayer,
    Shape,
    Size,
    Weights,
    compute_layers,
    layers_to_onnx,
    named,
    place_layers,
    register,
    run_layers,
    written_shape,
)
from imagelet.networks.layers.convolution import Conv
from imagelet.networks.layers.dense import Dense
from imagelet.networks.layers.regularization import BatchNorm
from imagelet.networks.other_libraries import Call, calls_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from imagelet.networks.layer_kind import Array
    from imagelet.networks.onnx_graph import OnnxGraph
    from imagelet.networks.trace import Trace, Unit

NamedLayers = list[tuple[str, Layer]]


@register
@dataclass(frozen=True)
class Residual(Layer):
    """F(x) + x: what its layers make of x, and x itself.

    Where the layers leave another shape, x goes through a projection before it is added: a 1×1 convolution
    with the product of the layers' strides, or a dense layer, without bias, and then batch normalisation.

    Source: He, Zhang, Ren and Sun 2015 (arXiv 1512.03385); the projection is their option B.
    """

    word = "residual"
    keras_classes = ("Add",)
    family = "block"
    nested = True
    layers: tuple[Layer, ...]

    @property
    def text(self) -> str:
        """Its canonical network text."""
        return f"{self.word}({' '.join(layer.text for layer in self.layers)})"

    @property
    def strides(self) -> Size:
        """The product of its layers' strides."""
        down, across = (prod(layer.strides[axis] for layer in self.layers) for axis in (0, 1))
        return down, across

    def settled(self, classes: int) -> "Residual":
        """Return the same block with the number of classes in place of the word ``classes``."""
        return replace(self, layers=tuple(layer.settled(classes) for layer in self.layers))

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape that its layers make.

        Raises:
            NetworkTextError: a layer does not fit its input, or x cannot be brought to this shape.
        """
        output = shape
        for layer in self.layers:
            output = layer.output_shape(output)
        self._shortcut(shape, output)
        return output

    def _shortcut(self, shape: Shape, output: Shape) -> NamedLayers:
        """Return the layers that bring x from ``shape`` to ``output``; none where that is the same."""
        if shape == output:
            return []
        projection: Layer = Conv(output[-1], (1, 1), stride=self.strides, bias=False, position=self.position)
        if len(shape) == 1:
            projection = Dense(output[-1], bias=False, position=self.position)
        if len(shape) != len(output) or projection.output_shape(shape) != output:
            message = Message(
                "its layers make {output} of {input}, to which the input cannot be added",
                output=written_shape(output),
                input=written_shape(shape),
            )
            raise self.mistake(
                message, Message("pad its convolutions and poolings with same, and flatten outside of it")
            )
        layers = (projection, BatchNorm(position=self.position))
        return [(f"shortcut_{layer.word}", layer) for layer in layers]

    def place(self, name: str, shape: Shape, source: str) -> Iterator[PlacedLayer]:
        """Yield the layers of the shortcut, the layers inside, and the sum of both ends."""
        output = self.output_shape(shape)
        ends = []
        for layers in (self._shortcut(shape, output), [*named(self.layers)]):
            ends.append(source)
            for placed in place_layers(layers, shape, source, f"{name}."):
                yield placed
                ends[-1] = placed.name
        yield PlacedLayer(name, self, shape, output, (ends[1], ends[0]))

    def run(self, module: "nn.Module", name: str, values: "Tensor", source: str) -> Iterator[LayerRun]:
        """Yield what the layers of the shortcut and the layers inside make of ``values``, and the sum."""
        ends = []
        for modules in self._parts(module):
            ends.append((source, values))
            for ran in run_layers(modules, values, source, f"{name}."):
                yield ran
                ends[-1] = (ran.name, ran.output)
        (shortcut, passed), (last, made) = ends
        yield LayerRun(name, module, (last, shortcut), made + passed)

    def module(self, shape: Shape) -> "nn.Module":
        """Return a module with the layers of the shortcut, if any, and those inside, by name."""
        from imagelet.networks.modules import LayerModule

        children = {}
        for layers in (self._shortcut(shape, self.output_shape(shape)), [*named(self.layers)]):
            current = shape
            for name, layer in layers:
                children[name] = layer.build(current)
                current = layer.output_shape(current)
        return LayerModule(self, children)

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return the sum of what the layers and what the shortcut make of ``values``."""
        shape = values.shape[1:]
        shortcut = self._shortcut(shape, self.output_shape(shape))
        return compute_layers(named(self.layers), weights, values) + compute_layers(shortcut, weights, values)

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add the layers, those of the shortcut, and their sum."""
        shortcut = self._shortcut(shape, self.output_shape(shape))
        made = layers_to_onnx(named(self.layers), graph, weights, value, shape)
        passed = layers_to_onnx(shortcut, graph, weights, value, shape)
        return graph.add("Add", made, passed)

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return a block: the calls of its layers, and those of its shortcut."""
        return [self._block(shape, "keras", "residual")]

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return a block: the calls of its layers, and those of its shortcut."""
        return [self._block(shape, "pytorch", "Residual")]

    def _block(self, shape: Shape, framework: str, function: str) -> Call:
        shortcut = self._shortcut(shape, self.output_shape(shape))
        made, passed = (
            tuple(calls_of(layers, shape, framework)) for layers in (named(self.layers), shortcut)
        )
        return Call(function, block=made, shortcut=passed)

    def _parts(self, module: "nn.Module") -> "list[list[tuple[str, nn.Module]]]":
        """Return the named modules of the shortcut, and those inside."""
        children = list(module.named_children())
        first = len(children) - len(self.layers)
        return [children[:first], children[first:]]

    def forward(self, module: Any, values: "Tensor") -> "Tensor":
        """Return the sum of what the layers and what the shortcut make of ``values``."""
        from imagelet.networks.modules import run_fused

        passed, made = (run_fused(modules, values) for modules in self._parts(module))
        return made + passed

    def trace(self, unit: "Unit") -> "Trace":
        """Return the sum of two numbers: what the layers make, and what the shortcut passes on."""
        import numpy as np

        from imagelet.networks.trace import Trace, number, term

        made, passed = (float(values[unit.index]) for values in unit.inputs)
        return Trace(
            method="added",
            inputs=np.array([made, passed]),
            first=unit.index,
            parts={"layers": made, "shortcut": passed},
            result=made + passed,
            text=f"{number(made)} (layers) {term(passed)} (shortcut) = {number(made + passed)}",
        )
