"""What is trained on a collection: a few pictures for seconds, so a trained network is started from.

A fifth of the pictures is set aside as the test part, as of every folder of pictures. The pictures of one
burst of the camera are almost the same picture: a table beside the folder gives each burst as one source, so
that none is on both sides.
"""

import re
from pathlib import Path
from typing import Any

from imagelet.errors import UsageError
from imagelet.lab.services.collections import Collection, describe_collection
from imagelet.lab.services.picture_table import Row, write_table
from imagelet.runs.definition import Experiment, describe

STARTS = ("mnist", "cifar-10")  # for drawings, and for photographs
NO_START, SUITABLE = "none", "auto"
FEWEST = 2  # pictures of a class: one is set aside
ENOUGH = 3_000  # pictures, from which a network of its own is as good
IMAGES_IN_ALL = {"mnist": 3_000, "cifar-10": 1_200}  # over all epochs: seconds on two cores
FEWEST_EPOCHS, MOST_EPOCHS = 4, 40
KIND = re.compile(r"(?P<kind>camera|drawing|file)-((?P<burst>[0-9]{15})-)?[0-9a-f]{12}\.\w+")


def suitable_start(files: list[str]) -> str:
    """Return what training on files of these names starts from: a shipped classifier's name, or ``none``.

    >>> suitable_start(["drawing-5feceb66ffc8.png", "drawing-6b86b273ff34.png"])
    'mnist'
    """
    if len(files) >= ENOUGH:
        return NO_START
    kinds = [found["kind"] if (found := KIND.fullmatch(file)) else "file" for file in files]
    return "mnist" if all(kind == "drawing" for kind in kinds) else "cifar-10"


def experiment_of(collection: Collection, start: str = SUITABLE) -> Experiment:
    """Return the experiment that trains on a collection; a table of its bursts is written for it.

    Args:
        collection: what to train on.
        start: the shipped classifier that is started from, ``none``, or ``auto``.

    Raises:
        UsageError: there are fewer than two classes, or a class has fewer than two pictures.
    """
    classes = {row["name"]: [picture["file"] for picture in row["pictures"]] for row in _rows(collection)}
    if len(classes) < 2:
        raise UsageError("a training needs two classes", "name another one, and gather pictures of it")
    for name, files in classes.items():
        if len(files) < FEWEST:
            raise UsageError(
                "the class '{name}' has {count} pictures, and at least {fewest} are needed: one is set aside "
                "for testing",
                "gather more; with ten of each class it begins to tell something",
                name=name,
                count=len(files),
                fewest=FEWEST,
            )
    files = [file for of_class in classes.values() for file in of_class]
    if start == SUITABLE:
        start = suitable_start(files)
    dataset = str(_with_bursts(collection, classes))
    if start == NO_START:
        return describe(dataset)
    epochs = min(max(round(IMAGES_IN_ALL[start] / len(files)), FEWEST_EPOCHS), MOST_EPOCHS)
    return describe(dataset, settings={"epochs": epochs}, start_from=start)


def _rows(collection: Collection) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = describe_collection(collection)["classes"]
    return rows


def _with_bursts(collection: Collection, classes: dict[str, list[str]]) -> Path:
    """Return the collection's folder; where it has bursts, a table next to it that names them as sources."""
    folder = collection.folder.resolve()
    rows = [
        Row(f"{folder.name}/{collection.classes[name].name}/{file}", name, _burst_of(file))
        for name, files in classes.items()
        for file in sorted(files)
    ]
    if not any(row.source for row in rows):
        return folder
    table = folder.with_name(f"{folder.name}.csv")
    write_table(table, rows)
    return table


def _burst_of(file: str) -> str:
    found = KIND.fullmatch(file)
    return f"burst {int(found['burst'])}" if found and found["burst"] else ""
