"""The nodes of an ONNX graph, as plain data: layers add theirs without the package onnx."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class OnnxNode:
    """One operation.

    Attributes:
        operation: its name among ONNX's operators.
        inputs: names of other nodes' outputs, of constants, or of the graph's input.
        output: the name of what it makes.
        attributes: as the operator has them.
    """

    operation: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


class OnnxGraph:
    """Nodes in the order of their computation, and the constants that they take, by name."""

    def __init__(self) -> None:
        self.nodes: list[OnnxNode] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._layers: list[str] = []

    @contextmanager
    def inside(self, layer: str) -> Iterator[None]:
        """Let what is added belong to a layer, which gives it its name."""
        self._layers.append(layer)
        yield
        self._layers.pop()

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output: ``conv1/Conv``."""
        output = self._free(operation, {node.output for node in self.nodes})
        self.nodes.append(OnnxNode(operation, inputs, output, attributes))
        return output

    def constant(self, values: NDArray[Any], name: str = "constant") -> str:
        """Add an array and return its name: ``conv1/weight``."""
        name = self._free(name, self.constants.keys())
        self.constants[name] = values
        return name

    def number(self, value: float) -> str:
        """Add a single float32 and return its name."""
        return self.constant(np.array(value, np.float32), "number")

    def _free(self, name: str, taken: Any) -> str:
        name = "/".join([".".join(self._layers), name] if self._layers else [name])
        counted = (name if number == 1 else f"{name}_{number}" for number in range(1, len(taken) + 2))
        return next(candidate for candidate in counted if candidate not in taken)
