"""`imagelet classifiers`: what comes with the package."""

from collections.abc import Callable
from typing import Any

from imagelet.runs.store import shipped_classifiers

Run = Callable[..., Any]


def test_lists_every_one_with_its_classes(run: Run) -> None:
    outcome = run("classifiers")
    assert outcome.code == 0
    for name in shipped_classifiers():
        assert name in outcome.stdout
    listed = run("classifiers", "--json").document["classifiers"]
    assert [each["name"] for each in listed] == list(shipped_classifiers())
    assert all(len(each["classes"]) == 10 and each["bytes"] > 100_000 for each in listed)


def test_has_the_fields_of_its_help(run: Run, documented: Callable[..., str]) -> None:
    assert run("classifiers", "--json").fields == documented("classifiers")


def test_shows_a_card_without_what_is_for_programs(run: Run) -> None:
    outcome = run("classifiers", "mnist")
    assert outcome.stdout.startswith("# mnist")
    assert "## Limits" in outcome.stdout
    assert run("classifiers", "mnist", "--json").document["card"].startswith("---")


def test_an_unknown_one_is_refused_and_the_nearest_named(run: Run) -> None:
    outcome = run("classifiers", "mnits")
    assert outcome.code == 2
    assert "did you mean 'mnist'?" in outcome.stderr
    assert "Traceback" not in outcome.stderr
