"""Trainings that end without pictures."""

from collections.abc import Iterator

import pytest

from tests.conftest import blank_pictures


@pytest.fixture(scope="module", autouse=True)
def _blank_pictures() -> Iterator[None]:
    with blank_pictures():
        yield
