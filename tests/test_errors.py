import inspect
import re

import pytest

from imagelet import errors


def drawn_tree() -> dict[str, tuple[str, str]]:
    """Return each error's parent and description as the module's docstring draws them."""
    drawing = inspect.getdoc(errors) or ""
    above: list[str] = []
    tree = {}
    for branch, name, description in re.findall(r"^ *([│├└─ ]*)(\w+Error)\s{2,}(.+)$", drawing, re.MULTILINE):
        depth = len(branch.replace("├── ", "    ").replace("└── ", "    ")) // 4
        above = [*above[:depth], name]
        tree[name] = (above[-2] if depth else "Exception", description)
    return tree


CLASSES = {
    name: thing
    for name, thing in vars(errors).items()
    if inspect.isclass(thing) and issubclass(thing, Exception) and thing.__module__ == errors.__name__
}


def test_the_tree_at_the_top_is_the_tree_of_the_classes() -> None:
    drawn = {name: parent for name, (parent, _) in drawn_tree().items()}
    assert drawn == {name: thing.__bases__[0].__name__ for name, thing in CLASSES.items()}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_the_exit_code_is_the_one_that_the_tree_states(name: str) -> None:
    lineage = [drawn_tree()[c.__name__][1] for c in CLASSES[name].__mro__ if c.__name__ in CLASSES]
    stated = [int(found) for text in lineage for found in re.findall(r"exit code (\d)", text)]
    assert CLASSES[name].exit_code == (stated[0] if stated else 1)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_error_carries_a_message_and_a_hint(name: str) -> None:
    error = CLASSES[name]("unknown network 'lennet'", "imagelet networks lists them")
    assert isinstance(error, errors.ImageletError)
    assert error.message == "unknown network 'lennet'"
    assert error.hint == "imagelet networks lists them"
    assert str(error) == "unknown network 'lennet' (imagelet networks lists them)"


def test_without_a_hint_the_message_stands_alone() -> None:
    assert str(errors.DataError("no such folder: pictures")) == "no such folder: pictures"


def test_a_network_text_error_says_where_the_mistake_is() -> None:
    error = errors.NetworkTextError("unknown layer 'denze'", text="flatten denze(10)", position=9)
    assert error.text[error.position - 1 :].startswith("denze")
