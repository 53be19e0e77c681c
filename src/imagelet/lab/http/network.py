"""Networks and their tables, datasets and recipes: what a training can be made of."""

from math import prod
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from imagelet.data.datasets import place_of
from imagelet.data.known import KnownDataset, datasets
from imagelet.errors import DataError, UnknownNameError, UsageError
from imagelet.lab.http.schemas import Asked, Told
from imagelet.messages import Message
from imagelet.networks import NamedNetwork, build, find_network, infer_shapes, networks, parse, to_text
from imagelet.networks.summary import summarize, summarize_text
from imagelet.training.recipe import SECTIONS, Recipe, setting_fields
from imagelet.training.recipes import recipes

router = APIRouter(prefix="/api", tags=["networks"])

LARGEST_SIDE = 256  # pixels
LONGEST_TEXT = 10_000  # letters
MOST_CLASSES = 10_000
NUMBER_BYTES = 4  # float32


class KnownNetwork(Told):
    """A network by its name."""

    name: str
    text: str
    note: str
    input_shape: list[int]
    parameters: int


class Sketch(Asked):
    """A network that is to be looked at before anything is trained."""

    text: str = Field(max_length=LONGEST_TEXT, description="Network text, or a network's name.")
    input_shape: tuple[
        Annotated[int, Field(ge=1, le=LARGEST_SIDE)],
        Annotated[int, Field(ge=1, le=LARGEST_SIDE)],
        Annotated[int, Field(ge=1, le=3)],
    ] = (28, 28, 1)
    classes: int = Field(10, ge=1, le=MOST_CLASSES)


class SummaryLayer(Told):
    """A layer of the table."""

    name: str
    kind: str
    family: str
    sources: list[str] = Field(description="The layers whose outputs it takes; input for the image.")
    shape: list[int]
    parameters: int
    multiply_adds: int
    memory_bytes: int = Field(description="Of the layer's output for one image, in float32.")


class Table(Told):
    """A network's layers and totals."""

    text: str = Field(description="The same network as it is written.")
    input_shape: list[int]
    classes: int
    layers: list[SummaryLayer]
    total: int
    trainable: int
    non_trainable: int
    multiply_adds: int


class ListedDataset(Told):
    """A dataset by its name."""

    name: str
    title: str
    description: str
    classes: list[str]
    shape: list[int]
    images: dict[str, int]
    available: bool = Field(description="Whether its images are on this machine.")


class ListedRecipe(Told):
    """A recipe by its name."""

    name: str
    note: str
    network: str
    settings: dict[str, bool | int | float | str]


class SettingField(Told):
    """A setting of every recipe."""

    name: str
    group: str = Field(description="What it is for: settings of one purpose are shown together.")
    term: str = Field(description="What the literature calls it.")
    unit: str
    meaning: str
    default: bool | int | float | str
    allowed: list[str] | list[float] | None = Field(
        description="Names; or the lowest and the highest number; null for true and false."
    )
    open_end: bool = Field(description="The highest number itself is not allowed.")
    auto: int | None = Field(description="The number that stands for what suits the images, if there is one.")


class Recipes(Told):
    """Every recipe, and what can be set in them."""

    recipes: list[ListedRecipe]
    fields: list[SettingField]


@router.get("/networks", response_model=list[KnownNetwork])
async def list_networks(request: Request) -> Any:
    """List the named networks."""
    return await request.app.state.work.run(lambda: [_network(networks.get(name)) for name in networks])


@router.post("/network", response_model=Table)
async def summary(request: Request, asked: Sketch) -> Any:
    """Return a network's table, or where in its text a mistake is."""
    return await request.app.state.work.run(table, asked)


@router.get("/datasets", response_model=list[ListedDataset])
async def list_datasets(request: Request) -> Any:
    """List the datasets that have a name, the smallest first: the page begins with the quickest."""
    return await request.app.state.work.run(_datasets)


@router.get("/recipes", response_model=Recipes)
async def list_recipes() -> Any:
    """List the recipes, and the fields of all of them."""
    return {
        "recipes": [_recipe(recipes.get(name)) for name in recipes],
        "fields": [
            {
                "name": field.name,
                "group": group,
                "default": field.default,
                **{name: field.metadata[name] for name in ("term", "unit", "meaning", "open_end", "auto")},
                "allowed": None if field.metadata["allowed"] is None else list(field.metadata["allowed"]),
            }
            for group, section in SECTIONS.items()
            for field in setting_fields(section)
        ],
    }


def table(asked: Sketch) -> dict[str, Any]:
    """Return a network's table as :class:`Table` has it; a network from text is given no memory.

    Raises:
        NetworkTextError: text that cannot be read, or does not fit.
        UnknownNameError: a single word that is no network's name.
        UsageError: a network whose code would have to be imported.
    """
    found = find_network(asked.text)
    if found.builder is not None and found.name not in networks:
        message = Message("'{text}' would run code, which the page cannot ask for", text=asked.text.strip())
        raise UsageError(message, hint="write network text, or a network's name")
    if found.builder is None:
        text = to_text(parse(found.text))
        shown = summarize_text(found.text, asked.input_shape, asked.classes)
    else:
        network = build(found.name, asked.input_shape, asked.classes, allow_import=False)
        text, shown = network.text, summarize(network)
    facts = shown.to_json()
    layers = [{**each, "memory_bytes": NUMBER_BYTES * prod(each["shape"])} for each in facts["layers"]]
    return {"text": text, "classes": asked.classes, **facts, "layers": layers}


def _network(named: NamedNetwork) -> dict[str, Any]:
    parameters = named.parameters
    if named.builder is None:
        parameters = sum(each.parameters for each in infer_shapes(named.text, named.input_shape))
    elif not parameters:  # of a plugin
        parameters = summarize(build(named.name, named.input_shape)).total
    facts = {name: getattr(named, name) for name in ("name", "text", "note")}
    return {**facts, "input_shape": list(named.input_shape), "parameters": parameters}


def _datasets() -> list[dict[str, Any]]:
    known = [datasets.get(name) for name in datasets]
    return [_dataset(one) for one in sorted(known, key=lambda one: sum(one.images.values()))]


def _dataset(known: KnownDataset) -> dict[str, Any]:
    card, framing = known.card, known.card.framing
    try:
        available = known.load is not None or place_of(card.name) is not None
    except (DataError, UnknownNameError):
        available = False
    return {
        "name": card.name,
        "title": card.title,
        "description": card.description,
        "classes": list(card.classes),
        "shape": list(framing.shape) if framing is not None else [],
        "images": dict(known.images),
        "available": available,
    }


def _recipe(recipe: Recipe) -> dict[str, Any]:
    settings = {field.name: getattr(recipe, field.name) for field in setting_fields()}
    return {"name": recipe.name, "note": recipe.note, "network": recipe.network, "settings": settings}
