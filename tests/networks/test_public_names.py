"""The package offers its names, those that need torch when they are first used."""

import pytest

from imagelet import networks
from imagelet.networks import building, module_summary


@pytest.mark.parametrize("name", networks.__all__)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    assert getattr(networks, name).__doc__


def test_the_names_that_need_torch_are_those_of_their_modules() -> None:
    assert networks.build is building.build
    assert networks.Network is building.Network
    assert networks.summarize is module_summary.summarize


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        networks.nonsense  # noqa: B018
