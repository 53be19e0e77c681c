"""`imagelet recipes`: how to train, field by field."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group

if TYPE_CHECKING:
    from imagelet.training.recipe import Recipe

commands = typer.Typer(cls=Group)

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Only this one, field by field.", show_default=False)
]


@commands.command(cls=Command, epilog="imagelet recipes default")
def recipes(name: Name = None, as_json: arguments.Json = False) -> None:
    """List the named recipes, or show every field of one.

    imagelet train takes a recipe with --recipe NAME and another value of a field with --set FIELD=VALUE.

    JSON: recipes[{name, note, network, settings[{field, value, unit, allowed, meaning}]}].
    """
    from imagelet.training.recipes import recipes as registered

    names = list(registered) if name is None else [registered.get(name).name]
    listed = [_described(registered.get(each)) for each in names]
    if as_json:
        printing.document({"recipes": listed})
    elif name is None:
        _list(listed)
    else:
        (one,) = listed
        printing.say(
            "{name}: {note}; trains {network}\n", name=name, note=one["note"], network=one["network"]
        )
        headings = ("field", "value", "allowed", "unit", "meaning")
        rows = [tuple(str(each[key]) for key in headings) for each in one["settings"]]
        printing.table(headings, rows, right=("value",))
        printing.advice("imagelet train mnist --recipe {name} --set epochs=3 replaces a value", name=name)


def _described(recipe: "Recipe") -> dict[str, Any]:
    from imagelet.training.recipe import setting_fields

    settings = [
        {
            "field": field.name,
            "value": getattr(recipe, field.name),
            "unit": field.metadata["unit"],
            "allowed": _allowed(field.metadata["allowed"], field.metadata["open_end"]),
            "meaning": field.metadata["meaning"],
        }
        for field in setting_fields()
    ]
    return {"name": recipe.name, "note": recipe.note, "network": recipe.network, "settings": settings}


def _allowed(allowed: tuple[Any, ...] | None, open_end: bool) -> str:
    if allowed is None:
        return "true, false"
    if isinstance(allowed[0], str):
        return ", ".join(allowed)
    return f"{allowed[0]:g} to {'below ' if open_end else ''}{allowed[1]:g}"


def _list(listed: list[dict[str, Any]]) -> None:
    rows = []
    for each in listed:
        values = {setting["field"]: setting["value"] for setting in each["settings"]}
        rows.append((each["name"], each["network"], str(values["epochs"] or "auto"), each["note"]))
    printing.table(("name", "network", "epochs", "note"), rows, right=("epochs",))
    printing.advice("imagelet recipes NAME shows every field of one")
