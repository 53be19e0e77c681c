"""Median and quantiles, against NumPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from imagelet.preprocessing.quantiles import median, quantiles

PIXELS = arrays(np.uint8, array_shapes(max_dims=3, max_side=9))
INK = arrays(
    np.float32, array_shapes(max_dims=2, max_side=9), elements=st.floats(0, 1, width=32, allow_nan=False)
)
FRACTIONS = st.lists(st.floats(0, 1), min_size=1, max_size=4)


@given(st.one_of(PIXELS, INK))
def test_the_median_is_that_of_numpy(values: np.ndarray) -> None:
    assert median(values) == float(np.median(values))


@given(st.one_of(PIXELS, INK), FRACTIONS)
def test_quantiles_are_those_of_numpy(values: np.ndarray, fractions: list[float]) -> None:
    assert quantiles(values, fractions) == pytest.approx(np.quantile(values, fractions).tolist(), abs=1e-6)
