"""`imagelet recipes`: the named recipes, every field of one, and the optimizers."""

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.training.optimizers import Optimizer
    from imagelet.training.recipe import Field, Recipe

commands = typer.Typer(cls=Group)

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Only this one, field by field.", show_default=False)
]


@commands.command(cls=Command, epilog="imagelet recipes default")
def recipes(name: Name = None, as_json: arguments.Json = False) -> None:
    """List the recipes and optimizers, or show every field of one recipe.

    imagelet train takes a recipe with --recipe NAME and another value of a field with --set FIELD=VALUE.

    JSON: recipes[{name, note, network, settings[{field, group, term, value, unit, allowed, meaning}]}],
    optimizers[{name, learning_rate, rule, source, constants}].
    """
    from imagelet.training.optimizers import optimizers
    from imagelet.training.recipes import recipes as registered

    if name is not None:
        name = registered.get(name).name
    listed = [_described(registered.get(known)) for known in registered if name in (None, known)]
    rules = [_rule(optimizers.get(known)) for known in optimizers]
    if as_json:
        printing.document({"recipes": listed, "optimizers": rules})
    elif name is None:
        _list(listed, rules)
    else:
        _show(listed[0])


def _described(recipe: "Recipe") -> dict[str, Any]:
    from imagelet.training.recipe import SECTIONS, setting_fields

    settings = [
        {
            "field": field.name,
            "group": group,
            "term": field.metadata["term"],
            "value": getattr(recipe, field.name),
            "unit": field.metadata["unit"],
            "allowed": _allowed(field),
            "meaning": _meaning(field),
        }
        for group, section in SECTIONS.items()
        for field in setting_fields(section)
    ]
    return {"name": recipe.name, "note": recipe.note, "network": recipe.network, "settings": settings}


def _allowed(field: "Field") -> str:
    allowed, auto = field.metadata["allowed"], field.metadata["auto"]
    if field.type is bool:
        return "true, false"
    if field.type is str:
        return ", ".join(allowed)
    bounds = {"low": allowed[0], "high": allowed[1]}
    if field.metadata["open_end"]:
        return Message("{low:g} to below {high:g}", **bounds)
    if auto is not None:
        return Message("{low:g} to {high:g}, {auto} is auto", **bounds, auto=auto)
    return Message("{low:g} to {high:g}", **bounds)


def _meaning(field: "Field") -> str:
    """Return what a field means; of an optimizer's constant also which optimizers use it."""
    from imagelet.training.optimizers import optimizers

    users = ", ".join(name for name in optimizers if field.name in optimizers.get(name).constants)
    meaning = Message(field.metadata["meaning"])
    return Message("{meaning} ({_})", meaning=meaning, _=users) if users else meaning


def _rule(optimizer: "Optimizer") -> dict[str, Any]:
    names = ("name", "learning_rate", "rule", "source")
    return {**{name: getattr(optimizer, name) for name in names}, "constants": list(optimizer.constants)}


def _list(listed: list[dict[str, Any]], rules: list[dict[str, Any]]) -> None:
    rows = []
    for recipe in listed:
        values = {setting["field"]: setting["value"] for setting in recipe["settings"]}
        rows.append(
            (recipe["name"], recipe["network"], str(values["epochs"] or "auto"), Message(recipe["note"]))
        )
    printing.table(("recipe", "network", "epochs", "note"), rows, right=("epochs",))
    printing.say()
    printing.table(
        ("optimizer", "learning rate", "constants", "update rule"),
        [
            (rule["name"], f"{rule['learning_rate']:g}", ", ".join(rule["constants"]), Message(rule["rule"]))
            for rule in rules
        ],
        right=("learning rate",),
    )
    printing.advice("imagelet recipes NAME shows every field of one")


def _row(setting: dict[str, Any]) -> tuple[str, ...]:
    value, allowed, term = setting["value"], setting["allowed"], Message(setting["term"])
    if isinstance(value, bool):
        value = str(value).lower()
    elif not isinstance(value, str):
        value = f"{value:g}"
        allowed = Message("{allowed} ({unit})", allowed=allowed, unit=Message(setting["unit"]))
    meaning = Message("{term}: {meaning}", term=term, meaning=setting["meaning"])
    return setting["field"], value, meaning, allowed


def _show(recipe: dict[str, Any]) -> None:
    name, network = recipe["name"], recipe["network"]
    printing.say("{name}: {note}; trains {network}", name=name, note=Message(recipe["note"]), network=network)
    for group, settings in groupby(recipe["settings"], key=itemgetter("group")):
        printing.say()
        heading = Message(group)
        printing.table(
            (heading, "value", "meaning", "allowed"), map(_row, settings), right=("value",), whole=(heading,)
        )
    printing.advice("imagelet train mnist --recipe {name} --set epochs=3 replaces a value", name=name)
