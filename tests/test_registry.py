import difflib
import importlib.metadata
import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelet import registry
from imagelet.errors import UnknownNameError, UsageError
from imagelet.registry import Registry

names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)


@pytest.fixture(autouse=True)
def forget_plugins() -> Iterator[None]:
    registry.load_plugins.cache_clear()
    yield
    registry.load_plugins.cache_clear()


def filled(*names: str) -> Registry[str]:
    networks: Registry[str] = Registry("network", "imagelet networks")
    for name in names:
        networks.add(name, name.upper())
    return networks


@given(st.lists(names, unique=True))
def test_what_was_added_is_found_in_the_order_of_adding(given_names: list[str]) -> None:
    networks = filled(*given_names)
    assert list(networks) == given_names
    assert len(networks) == len(given_names)
    assert all(name in networks and networks.get(name) == name.upper() for name in given_names)


@given(st.lists(names, unique=True), names)
def test_a_miss_is_a_usage_error_that_names_the_way_to_the_list(given_names: list[str], name: str) -> None:
    networks = filled(*(known for known in given_names if known != name))
    assert name not in networks
    with pytest.raises(UnknownNameError) as caught:
        networks.get(name)
    assert isinstance(caught.value, UsageError)
    assert f"unknown network '{name}'" in caught.value.message
    assert caught.value.hint == "imagelet networks lists them"


def test_a_miss_suggests_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown network 'lennet'; did you mean 'lenet-5'\?"):
        filled("mlp-512", "lenet-5", "cnn-3").get("lennet")


def test_a_miss_that_is_like_nothing_suggests_nothing() -> None:
    with pytest.raises(UnknownNameError) as caught:
        filled("mlp-512", "lenet-5").get("zzzzzz")
    assert "did you mean" not in caught.value.message


@given(st.lists(names, unique=True, min_size=1), names)
def test_a_suggestion_is_a_name_that_is_there(given_names: list[str], name: str) -> None:
    if name in given_names:
        return
    with pytest.raises(UnknownNameError) as caught:
        filled(*given_names).get(name)
    if "did you mean" in caught.value.message:
        suggested = caught.value.message.split("'")[3]
        assert suggested in given_names
        likeness = [difflib.SequenceMatcher(None, known, name).ratio() for known in given_names]
        assert difflib.SequenceMatcher(None, suggested, name).ratio() == max(likeness)


def test_a_name_that_is_taken_is_refused_and_stays_what_it_was() -> None:
    networks = filled("lenet-5")
    with pytest.raises(ValueError, match="the network 'lenet-5' is registered already"):
        networks.add("lenet-5", "another")
    assert networks.get("lenet-5") == "LENET-5"


def test_names_may_be_added_while_they_are_listed() -> None:
    networks = filled("one", "two")
    for name in networks:
        networks.add(f"{name}-more", "")
    assert list(networks) == ["one", "two", "one-more", "two-more"]


def test_plugins_add_their_names_once(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = filled("own")
    asked = []

    class Plugin(types.ModuleType):
        """A module whose import registers a network."""

    def load(group: str) -> list[EntryPoint]:
        asked.append(group)
        return [EntryPoint("theirs", "imagelet_plugin_for_a_test", group)]

    class Finder:
        """Imports the plugin as Python would import an installed one."""

        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None):
            if name != "imagelet_plugin_for_a_test":
                return None
            from importlib.machinery import ModuleSpec

            return ModuleSpec(name, Finder)

        @staticmethod
        def create_module(spec: object) -> types.ModuleType:
            return Plugin("imagelet_plugin_for_a_test")

        @staticmethod
        def exec_module(module: types.ModuleType) -> None:
            networks.add("theirs", "from a plugin")

    monkeypatch.setattr(importlib.metadata, "entry_points", load)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    try:
        assert networks.get("theirs") == "from a plugin"
        assert list(networks) == ["own", "theirs"]
        assert asked == ["imagelet.plugins"]
    finally:
        sys.modules.pop("imagelet_plugin_for_a_test", None)
