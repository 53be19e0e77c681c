"""`imagelet networks`, `summary`: the named networks, and the layers of any network."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagelet.cli import arguments, printing
from imagelet.cli.commands import Command, Group
from imagelet.messages import Message

if TYPE_CHECKING:
    from imagelet.networks import NamedNetwork, Summary

commands = typer.Typer(cls=Group)

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Only this one, and what it is.", show_default=False)
]
Network = Annotated[
    str, typer.Argument(metavar="NETWORK", help="Network text, or a name that imagelet networks lists.")
]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="HxWxC",
        help="Height, width and channels of an image (default the named network's own, else 28x28x1).",
        show_default=False,
    ),
]
Classes = Annotated[int, typer.Option(metavar="N", min=1, help="How many classes there are.")]


@commands.command(cls=Command, epilog="imagelet networks cnn-3")
def networks(name: Name = None, as_json: arguments.Json = False) -> None:
    """List the named networks, or show the text of one.

    JSON: networks[{name, input_shape, parameters, text, note}]; with NAME the fields of that one.
    """
    from imagelet.networks import networks as registered

    if name is None:
        listed = [_facts(registered.get(known)) for known in registered]
        if as_json:
            printing.document({"networks": listed})
        else:
            _list(listed)
        return
    facts = _facts(registered.get(name))
    if as_json:
        printing.document(facts)
    else:
        printing.facts(
            {
                "name": facts["name"],
                "note": Message(facts["note"]),
                "input": arguments.write_shape(facts["input_shape"]),
                "parameters": f"{facts['parameters']:,}",
                "text": facts["text"],
            }
        )
        printing.advice("imagelet summary {name} shows its layers", name=name)


@commands.command(cls=Command, epilog='imagelet summary "conv(32, 3x3, same) relu pool(2) flatten dense(10)"')
def summary(
    network: Network,
    input_shape: Input = None,
    classes: Classes = 10,
    as_json: arguments.Json = False,
) -> None:
    """Show a network's layers with output shapes and parameters.

    JSON: network, classes, input_shape, layers[{name, kind, family, shape, parameters, multiply_adds,
    sources, block}], total, trainable, non_trainable, multiply_adds; multiplications are for one image.
    """
    from imagelet.networks import build, find_network, summarize

    shape = (
        arguments.read_shape(input_shape) if input_shape is not None else find_network(network).input_shape
    )
    built = build(network, input_shape=shape, classes=classes)
    shown = summarize(built)
    if as_json:
        printing.document({"network": built.text, "classes": classes, **shown.to_json()})
    else:
        _show(shown)


def _facts(named: "NamedNetwork") -> dict[str, Any]:
    return {
        "name": named.name,
        "input_shape": named.input_shape,
        "parameters": _parameters(named),
        "text": named.text,
        "note": named.note,
    }


def _parameters(named: "NamedNetwork") -> int:
    from imagelet.networks import infer_shapes

    if named.builder is None:
        return sum(layer.parameters for layer in infer_shapes(named.text, named.input_shape))
    if named.parameters:
        return named.parameters
    from imagelet.networks import build, summarize  # these import torch, which takes a second

    return summarize(build(named.name, input_shape=named.input_shape)).total


def _list(networks: list[dict[str, Any]]) -> None:
    rows = [
        (
            network["name"],
            arguments.write_shape(network["input_shape"]),
            f"{network['parameters']:,}",
            Message(network["note"]),
        )
        for network in networks
    ]
    printing.table(("name", "input", "parameters", "note"), rows, right=("parameters",))
    printing.advice("imagelet networks NAME shows the network text of one")


def _show(shown: "Summary") -> None:
    first = (Message("input"), "", arguments.write_shape(shown.input_shape), "")
    layers = [
        (layer.name, layer.kind, arguments.write_shape(layer.shape), f"{layer.parameters:,}")
        for layer in shown.layers
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
