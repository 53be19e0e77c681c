"""Hypothesis: every layer that network text can say, and settings without a clock."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from torch import nn

from imagelet.networks import layers as kinds
from imagelet.networks.layers import Layer

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

counts = st.integers(1, 10_000_000) | st.just("classes")
sides = st.integers(1, 1024)
sizes = st.tuples(sides, sides) | sides.map(lambda side: (side, side))
cells = st.integers(0, 1024)
paddings = st.sampled_from(["same", "valid"]) | st.tuples(cells, cells)
rates = st.floats(0, 1, exclude_max=True, allow_subnormal=True)

PLAIN = (
    *(kinds.GlobalAverage, kinds.GlobalMax, kinds.Flatten),
    *(kinds.Relu, kinds.Gelu, kinds.Silu, kinds.Tanh, kinds.Sigmoid),
)

flat_layers: st.SearchStrategy[Layer] = st.one_of(
    st.sampled_from(PLAIN).map(lambda kind: kind()),
    st.builds(kinds.Conv, counts, sizes, paddings, sizes, sizes, st.booleans(), st.integers(1, 99)),
    st.builds(kinds.Depthwise, sizes, paddings, sizes, sizes, st.integers(1, 99), st.booleans()),
    st.builds(kinds.Pool, sizes, paddings, st.none() | sizes),
    st.builds(kinds.AveragePool, sizes, paddings, st.none() | sizes),
    st.builds(kinds.Dense, counts, st.booleans()),
    st.builds(kinds.Dropout, rates),
    st.builds(kinds.BatchNorm, rates, st.floats(0, 1, exclude_min=True)),
)

layers: st.SearchStrategy[Layer] = st.recursive(
    flat_layers,
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda found: kinds.Residual(tuple(found))),
    max_leaves=4,
)

networks: st.SearchStrategy[tuple[Layer, ...]] = st.builds(
    lambda first, closing: (*first, *closing),
    st.lists(layers, min_size=1, max_size=8),
    st.sampled_from([(), (kinds.Softmax(),)]),
)


def built(layer: Layer, channels: int = 1) -> nn.Module:
    """Return the module of a layer for an input of so many channels or values."""
    return layer.build((1, 1, channels))
