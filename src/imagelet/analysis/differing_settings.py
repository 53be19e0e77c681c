"""The settings that several trainings do not have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

from imagelet.analysis.shared_images import Subject
from imagelet.runs.definition import Experiment
from imagelet.training.recipe import Recipe, recipe_to_json


def differing_settings(subjects: Sequence[Subject]) -> dict[str, tuple[Any, ...]]:
    """Return the settings that not all subjects have in common, each with its value for every subject.

    What a file does not say is None, and is no difference.
    """
    stated = [_settings(subject) for subject in subjects]
    found = {}
    for name in dict.fromkeys(name for settings in stated for name in settings):
        values = tuple(settings.get(name) for settings in stated)
        known = [value for value in values if value is not None]
        if any(value != known[0] for value in known):
            found[name] = values
    if "network" in found:
        names = tuple(_network_name(subject) for subject in subjects)
        if len(set(names)) == len(set(found["network"])):  # else the name hides what differs
            found["network"] = names
    return found


def _settings(subject: Subject) -> dict[str, Any]:
    """Return all that was resolved for a training: of a run, from its experiment; of a file, what it says."""
    trained = subject.classifier.training
    recipe, seed = trained.get("recipe"), trained.get("seed")
    of_run: dict[str, Any] = {}
    if subject.run is not None:
        experiment, resolved = (
            Experiment.from_toml(subject.run.experiment),
            subject.run.experiment.get("resolved", {}),
        )
        recipe, seed = recipe_to_json(experiment.recipe), experiment.seed
        of_run = {name: getattr(experiment, name) for name in ("dataset", "validation", "limit")}
        of_run |= {name: resolved.get(name) for name in ("device", "precision")}
    written = {**recipe_to_json(Recipe()), **recipe} if isinstance(recipe, Mapping) else {}
    written.pop("network", None)  # only what the recipe would suggest; the network that was trained is above
    return {
        "network": subject.classifier.network_text,
        "input_shape": list(subject.classifier.input_shape),
        **{f"recipe.{name}": value for name, value in written.items()},
        "seed": seed,
        **of_run,
        **{name: trained.get(name) for name in ("training_images", "validation_images")},
    }


def _network_name(subject: Subject) -> str:
    if subject.run is None:
        return subject.classifier.network_text
    return Experiment.from_toml(subject.run.experiment).network
