"""`imagelet networks`, `summary`, `recipes`, `classifiers`: what has a name, and a network's layers."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import completing, light, printing
from imagelet.cli.commands import Command, Group, Json, read_shape, typed, write_shape
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.networks import NamedNetwork, Summary
    from imagelet.training.recipe import Field, Recipe

commands = typer.Typer(cls=Group)

NetworkName = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="Only this one, and what it is.", autocompletion=completing.networks),
]


@commands.command(cls=Command, epilog="imagelet networks cnn-3")
def networks(name: NetworkName = None, as_json: Json = False) -> None:
    """List the named networks, or show the text of one.

    JSON: networks[{name, input_shape, parameters, text, note}]; with NAME the fields of that one.
    """
    from imagelet.networks import networks as registered

    chosen = [registered.get(known) for known in ([name] if name else registered)]
    facts = [_network_facts(named) for named in chosen]
    if as_json:
        printing.document(facts[0] if name else {"networks": facts})
    elif name:
        _show_network(facts[0])
    else:
        rows = [
            (
                network["name"],
                write_shape(network["input_shape"]),
                f"{network['parameters']:,}",
                Message(network["note"]),
            )
            for network in facts
        ]
        printing.table(("name", "input", "parameters", "note"), rows, right=("parameters",))
        printing.advice("imagelet networks NAME shows the network text of one")


def _network_facts(named: "NamedNetwork") -> dict[str, Any]:
    parameters = named.parameters
    if parameters is None:
        from imagelet.networks import build, count_parameters  # these import torch, which takes a second

        parameters = count_parameters(build(named.name, named.input_shape))
    facts = {"name": named.name, "input_shape": named.input_shape, "parameters": parameters}
    return {**facts, "text": named.text, "note": named.note}


def _show_network(network: dict[str, Any]) -> None:
    printing.facts(
        {
            "name": network["name"],
            "note": Message(network["note"]),
            "input": write_shape(network["input_shape"]),
            "parameters": f"{network['parameters']:,}",
            "text": network["text"],
        }
    )
    printing.advice("imagelet summary {name} shows its layers", name=network["name"])


Network = Annotated[
    str,
    typer.Argument(
        metavar="NETWORK",
        help="Network text, a name that imagelet networks lists, or a classifier's .safetensors file.",
        autocompletion=completing.networks,
    ),
]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="HxWxC",
        help="Height, width and channels of an image (default the named network's own, else 28x28x1).",
    ),
]
Classes = Annotated[int, typer.Option(metavar="N", min=1, help="How many classes there are.")]


@commands.command(cls=Command, epilog='imagelet summary "conv(32, 3x3, same) relu pool(2) flatten dense(10)"')
def summary(
    network: Network, input_shape: Input = None, classes: Classes = 10, as_json: Json = False
) -> None:
    """Show a network's layers with output shapes and parameters.

    JSON: network, classes, input_shape, layers[{name, kind, family, shape, parameters, multiply_adds,
    sources, block}], total, trainable, non_trainable, multiply_adds; multiplications are for one image.
    """
    from imagelet.networks import find_network
    from imagelet.networks.named_summary import summarize_named

    if network.endswith(".safetensors"):
        from imagelet.networks import summarize
        from imagelet.runs.learner import load

        built = load(network).network
        text, classes, shown = built.text, built.classes, summarize(built)
    else:
        shape = find_network(network).input_shape
        if input_shape is not None:
            shape = (*read_shape(input_shape), *shape[2:])[:3]  # without channels: the network's own
        text, shown = summarize_named(network, shape, classes)
    if as_json:
        printing.document({"network": text, "classes": classes, **shown.to_json()})
    else:
        _show_summary(shown)


def _show_summary(shown: "Summary") -> None:
    first = (Message("input"), "", write_shape(shown.input_shape), "")
    layers = [
        (layer.name, layer.kind, write_shape(layer.shape), f"{layer.parameters:,}") for layer in shown.layers
    ]
    printing.table(("layer", "kind", "output shape", "parameters"), [first, *layers], right=("parameters",))
    printing.say()
    printing.facts(
        {
            "parameters": f"{shown.total:,}",
            "trainable": f"{shown.trainable:,}",
            "non-trainable": f"{shown.non_trainable:,}",
            "multiply-adds": Message("{count:,} for one image", count=shown.multiply_adds),
        }
    )


RecipeName = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="Only this one, field by field.", autocompletion=completing.recipes),
]


@commands.command(cls=Command, epilog="imagelet recipes default")
def recipes(name: RecipeName = None, as_json: Json = False) -> None:
    """List the recipes and optimizers, or show every field of one recipe.

    imagelet train takes a recipe with --recipe NAME and another value of a field with --set FIELD=VALUE.

    JSON: recipes[{name, note, network, settings[{field, group, term, value, unit, allowed, meaning}]}],
    optimizers[{name, learning_rate, rule, source, constants}]; with NAME the fields of that one.
    """
    from imagelet.training.optimizers import optimizers
    from imagelet.training.recipes import recipes as registered

    listed = [_recipe_facts(registered.get(known)) for known in ([name] if name else registered)]
    if name and as_json:
        printing.document(listed[0])
        return
    names = ("name", "learning_rate", "rule", "source", "constants")
    rules = [{fact: getattr(optimizers.get(known), fact) for fact in names} for known in optimizers]
    if as_json:
        printing.document({"recipes": listed, "optimizers": rules})
    elif name:
        _show_recipe(listed[0])
    else:
        _list_recipes(listed, rules)


def _recipe_facts(recipe: "Recipe") -> dict[str, Any]:
    from imagelet.training.recipe import SECTIONS, setting_fields, written

    settings = [
        {
            "field": field.name,
            "group": group,
            "term": field.metadata["term"],
            "value": written(field, getattr(recipe, field.name)),
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
        return Message("any text") if allowed is None else ", ".join(allowed)
    bounds = {"low": allowed[0], "high": allowed[1]}
    if field.metadata["open_end"]:
        return Message("{low:g} to below {high:g}", **bounds)
    if field.metadata["power_of_two"]:
        return Message("0, or a power of two up to {high:g}", **bounds)
    if auto:
        return Message("{low:g} to {high:g}, or auto", **bounds)
    return Message("{low:g} to {high:g}", **bounds)


def _meaning(field: "Field") -> str:
    """Return what a field means; of an optimizer's constant also which optimizers use it."""
    from imagelet.training.optimizers import optimizers

    users = ", ".join(name for name in optimizers if field.name in optimizers.get(name).constants)
    meaning = Message(field.metadata["meaning"])
    return Message("{meaning} ({_})", meaning=meaning, _=users) if users else meaning


def _list_recipes(listed: Sequence[dict[str, Any]], rules: Sequence[dict[str, Any]]) -> None:
    rows = []
    for recipe in listed:
        epochs = next(setting["value"] for setting in recipe["settings"] if setting["field"] == "epochs")
        rows.append((recipe["name"], recipe["network"], str(epochs), Message(recipe["note"])))
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


def _show_recipe(recipe: dict[str, Any]) -> None:
    name, network = recipe["name"], recipe["network"]
    printing.say("{name}: {note}; trains {network}", name=name, note=Message(recipe["note"]), network=network)
    for group, settings in groupby(recipe["settings"], key=itemgetter("group")):
        heading = Message(group)
        printing.say()
        printing.table(
            (heading, "value", "meaning", "allowed"), map(_row, settings), right=("value",), whole=(heading,)
        )
    printing.advice("imagelet train mnist --recipe {name} --set epochs=3 replaces a value", name=name)


def _row(setting: dict[str, Any]) -> tuple[str, ...]:
    value, allowed, term = setting["value"], setting["allowed"], Message(setting["term"])
    if isinstance(value, bool):
        value = str(value).lower()
    elif setting["unit"] not in ("name", "names"):
        value = value if isinstance(value, str) else f"{value:g}"
        allowed = Message("{allowed} ({unit})", allowed=allowed, unit=Message(setting["unit"]))
    meaning = Message("{term}: {meaning}", term=term, meaning=setting["meaning"])
    return setting["field"], value, meaning, allowed


commands.command("classifiers", cls=Command, epilog=light.CLASSIFIERS.example)(
    typed(light.CLASSIFIERS, name={"autocompletion": completing.shipped})
)
