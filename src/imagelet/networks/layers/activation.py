"""Activations, which make of each number another, and softmax."""

from typing import TYPE_CHECKING, ClassVar

from imagelet.networks.layer_kind import Layer, Shape, Weights, register
from imagelet.networks.other_libraries import Call, KerasSettings

if TYPE_CHECKING:
    from torch import nn

    from imagelet.networks.layer_kind import Array
    from imagelet.networks.onnx_graph import OnnxGraph
    from imagelet.networks.trace import Trace, Unit

LARGEST_EXPONENT = 50  # up to here the exponentials of a softmax are written as they are
MOST_EXPONENTIALS = 9  # that are written out


class Activation(Layer):
    """A layer that makes of each number another, by itself. Abstract.

    Attributes:
        formula: what it does to a number ``{x}``; ``{minus}``: −x, ``{signed}``: in brackets below 0.
    """

    family = "activation"
    elementwise = True
    channelwise = True
    formula: ClassVar[str] = ""

    def module(self, shape: Shape) -> "nn.Module":
        """Return torch's own."""
        from torch import nn

        module: nn.Module = getattr(nn, self.torch_names[0])()
        return module

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return an activation layer."""
        return [Call("layers.Activation", (self.keras_activation,))]

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return torch's own."""
        return [Call(f"nn.{self.torch_names[0]}")]

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return the function of one number."""
        import torch

        from imagelet.networks.trace import factor, function, number

        value = float(unit.values[unit.index])
        result = float(unit.module(torch.tensor([[value]], dtype=torch.float64)))
        formula = self.formula or f"{self.text}({{x}})"
        text = formula.format(x=number(value), signed=factor(value), minus=number(-value))
        return function(value, unit.index, result, text)


@register
class Relu(Activation):
    """max(x, 0)."""

    word = "relu"
    keras_activation = "relu"
    torch_names = ("ReLU",)
    formula = "max({x}, 0)"
    rising = True
    keras_classes = ("ReLU",)

    @classmethod
    def from_keras(cls, given: KerasSettings) -> "Relu":
        """Return it, unless it is bent or cut off."""
        given.must_be("max_value", None)
        for name in ("negative_slope", "threshold"):
            given.must_be(name, 0.0, 0)
        return cls()

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return the same shape."""
        import numpy as np

        return np.maximum(values, 0)

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add one node."""
        return graph.add("Relu", value)


@register
class Gelu(Activation):
    """x · Φ(x), exact."""

    word = "gelu"
    keras_activation = "gelu"
    torch_names = ("GELU",)
    formula = "{signed} · Φ({x})"
    rising = True

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return the same shape."""
        from scipy.special import ndtr

        made: Array = values * ndtr(values)
        return made

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add x · (1 + erf(x / √2)) / 2, which older runtimes know too."""
        scaled = graph.add("Div", value, graph.number(2**0.5))
        spread = graph.add("Add", graph.add("Erf", scaled), graph.number(1.0))
        return graph.add("Mul", value, graph.add("Mul", spread, graph.number(0.5)))


@register
class Silu(Activation):
    """x · sigmoid(x), also called swish."""

    word = "silu"
    keras_activation = "silu"
    other_words = ("swish",)
    torch_names = ("SiLU",)
    formula = "{signed} · sigmoid({x})"
    rising = True

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return the same shape."""
        from scipy.special import expit

        made: Array = values * expit(values)
        return made

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add two nodes."""
        return graph.add("Mul", value, graph.add("Sigmoid", value))


@register
class Tanh(Activation):
    """Hyperbolic tangent."""

    word = "tanh"
    keras_activation = "tanh"
    torch_names = ("Tanh",)

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return the same shape."""
        import numpy as np

        return np.tanh(values)

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add one node."""
        return graph.add("Tanh", value)


@register
class Sigmoid(Activation):
    """1 / (1 + exp(−x))."""

    word = "sigmoid"
    keras_activation = "sigmoid"
    torch_names = ("Sigmoid",)
    formula = "1 / (1 + exp({minus}))"

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return the same shape."""
        from scipy.special import expit

        made: Array = expit(values)
        return made

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add one node."""
        return graph.add("Sigmoid", value)


@register
class Softmax(Layer):
    """The closing layer: probabilities that sum to 1."""

    word = "softmax"
    keras_classes = ("Softmax",)
    keras_activation = "softmax"
    family = "softmax"
    torch_names = ("Softmax",)
    numbered = False
    closing = True
    channelwise = True

    def module(self, shape: Shape) -> "nn.Module":
        """Return torch's own, over the channels."""
        from torch import nn

        return nn.Softmax(dim=1)

    def keras_calls(self, shape: Shape) -> list[Call]:
        """Return an activation layer."""
        return [Call("layers.Softmax")]

    @classmethod
    def from_keras(cls, given: KerasSettings) -> "Softmax":
        """Return it, over the last axis."""
        given.must_be("axis", -1, 1)
        return cls()

    def pytorch_calls(self, shape: Shape) -> list[Call]:
        """Return nothing: the cross-entropy of PyTorch takes logits."""
        return []

    def compute(self, weights: Weights, values: "Array") -> "Array":
        """Return the same shape."""
        from scipy.special import softmax

        made: Array = softmax(values, axis=-1)
        return made

    def to_onnx(self, graph: "OnnxGraph", weights: Weights, value: str, shape: Shape) -> str:
        """Add one node."""
        return graph.add("Softmax", value, axis=1)

    def trace(self, unit: "Unit") -> "Trace | None":
        """Return an exponential as a fraction of the sum of all."""
        import numpy as np

        from imagelet.networks.trace import Trace, number, term

        values = unit.values[unit.index[:-1]]
        subtracted = float(values.max()) if np.abs(values).max() > LARGEST_EXPONENT else 0.0
        exponentials = np.exp(values - subtracted)
        total, own = float(exponentials.sum()), float(exponentials[unit.index[-1]])
        less = f" {term(-subtracted)}" if subtracted else ""
        terms = [f"exp({number(value)}{less})" for value in values]
        listed = [*terms[:2], "…", terms[-1]] if len(terms) > MOST_EXPONENTIALS else terms
        fraction = f"{terms[unit.index[-1]]} / ({' + '.join(listed)})"
        return Trace(
            method="softmax",
            inputs=values,
            first=(*unit.index[:-1], 0),
            exponentials=exponentials,
            parts={"sum": total, "subtracted": subtracted},
            result=own / total,
            text=f"{fraction} = {number(own)} / {number(total)} = {number(own / total)}",
        )
