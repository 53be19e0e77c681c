"""The kinds of layers: each module holds all that is known of one, or of several alike.

A new kind is a new class under `register` in a module of this folder; nothing else names it.
"""

import importlib
import pkgutil

from imagelet.networks.layer_kind import FAMILIES, KINDS, Layer
from imagelet.networks.layers.activation import Activation, Gelu, Relu, Sigmoid, Silu, Softmax, Tanh
from imagelet.networks.layers.convolution import Conv, Depthwise
from imagelet.networks.layers.dense import Dense, Flatten
from imagelet.networks.layers.pooling import AveragePool, GlobalAverage, GlobalMax, Pool
from imagelet.networks.layers.regularization import BatchNorm, Dropout
from imagelet.networks.layers.residual import Residual

__all__ = [
    "FAMILIES",
    "KINDS",
    "Activation",
    "AveragePool",
    "BatchNorm",
    "Conv",
    "Dense",
    "Depthwise",
    "Dropout",
    "Flatten",
    "Gelu",
    "GlobalAverage",
    "GlobalMax",
    "Layer",
    "Pool",
    "Relu",
    "Residual",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Tanh",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
