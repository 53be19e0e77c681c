"""What the shell offers where a name is due: networks, recipes, datasets, runs, shipped classifiers.

None of these needs torch, so that an answer comes while a person waits for the key to act. Files and folders
are the shell's own business: where no name begins so, it offers them.
"""

from collections.abc import Iterable


def networks(incomplete: str) -> list[str]:
    """Return the named networks that begin so."""
    from imagelet.networks.zoo import networks as registered

    return _beginning(registered, incomplete)


def recipes(incomplete: str) -> list[str]:
    """Return the recipes that begin so."""
    from imagelet.training.recipes import recipes as registered

    return _beginning(registered, incomplete)


def optimizers(incomplete: str) -> list[str]:
    """Return the optimizers that begin so."""
    from imagelet.training.optimizers import optimizers as registered

    return _beginning(registered, incomplete)


def datasets(incomplete: str) -> list[str]:
    """Return the named datasets that begin so."""
    from imagelet.data.known import datasets as registered

    return _beginning(registered, incomplete)


def runs(incomplete: str) -> list[str]:
    """Return the runs that begin so; none where the folder of the runs cannot be read."""
    from imagelet import paths
    from imagelet.runs.store import runs_by_name

    try:
        return _beginning(runs_by_name(paths.runs()), incomplete)
    except OSError:
        return []


def shipped(incomplete: str) -> list[str]:
    """Return the classifiers that come with imagelet and begin so."""
    from imagelet.runs.store import shipped_classifiers

    return _beginning(shipped_classifiers(), incomplete)


def classifiers(incomplete: str) -> list[str]:
    """Return the runs and the shipped classifiers that begin so."""
    return [*runs(incomplete), *shipped(incomplete)]


def networks_and_classifiers(incomplete: str) -> list[str]:
    """Return the named networks, the runs and the shipped classifiers that begin so."""
    return [*networks(incomplete), *classifiers(incomplete)]


def fields(incomplete: str) -> list[str]:
    """Return the recipe's fields that begin so, each with what follows it: ``momentum=``."""
    from imagelet.training.recipe import setting_fields

    return _beginning((f"{field.name}=" for field in setting_fields()), incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
