"""`imagelet classifiers`: the classifiers that come with the package."""

from pathlib import Path
from typing import Annotated, Any

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group
from imagelet.messages import Message

commands = typer.Typer(cls=Group)

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Show the card of this one.", show_default=False)
]


@commands.command(cls=Command, epilog="imagelet classifiers mnist")
def classifiers(name: Name = None, as_json: arguments.Json = False) -> None:
    """List the classifiers that come with imagelet, or show one's card.

    Each can be given wherever a run can: imagelet predict mnist photo.jpg.

    JSON: classifiers[{name, file, bytes, dataset, recipe, classes}]; with NAME the fields of that one and
    card, its text.
    """
    from imagelet.registry import Registry
    from imagelet.runs.store import shipped_classifiers

    shipped: Registry[Path] = Registry(Message("shipped classifier"), "imagelet classifiers")
    for each, path in shipped_classifiers().items():
        shipped.add(each, path)
    if name is None:
        listed = [_facts(each, shipped.get(each)) for each in shipped]
        if as_json:
            printing.document({"classifiers": listed})
        else:
            _list(listed)
        return
    path = shipped.get(name)
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    if as_json:
        printing.document({**_facts(name, path), "card": card})
    else:
        _, _, text = card.removeprefix("---").partition("---")  # the front matter is for programs
        printing.say(text.strip())


def _facts(name: str, path: Path) -> dict[str, Any]:
    from imagelet.classifier.classifier import Classifier

    classifier = Classifier.load(path)
    return {
        "name": name,
        "file": path,
        "bytes": path.stat().st_size,
        "dataset": classifier.training["dataset"],
        "recipe": classifier.training["recipe"]["name"],
        "classes": list(classifier.classes),
    }


def _list(listed: list[dict[str, Any]]) -> None:
    printing.table(
        ("name", "recipe", "size", "classes"),
        [
            (each["name"], each["recipe"], arguments.write_size(each["bytes"]), ", ".join(each["classes"]))
            for each in listed
        ],
        right=("size",),
        whole=("name", "recipe"),
    )
    printing.advice("imagelet predict mnist PICTURE classifies your own pictures")
