"""Networks, datasets and recipes as plain data: what a training can be made of."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from imagelet.data.datasets import load_dataset, place_of
from imagelet.data.known import KnownDataset, datasets
from imagelet.errors import DataError, UnknownNameError, UsageError
from imagelet.lab.services.encoding import image
from imagelet.lab.services.pictures import draw_indices
from imagelet.messages import translate
from imagelet.networks import NamedNetwork, build, find_network, networks
from imagelet.networks.module_summary import count_parameters
from imagelet.networks.named_summary import summarize_named
from imagelet.training.recipe import AUTO, SECTIONS, Recipe, setting_fields
from imagelet.training.recipes import recipes

NUMBER_BYTES = 4  # float32
ELSEWHERE = ("freeze", "lanes")  # fields for which the page has no input


def network_summary(text: str, input_shape: Sequence[int], classes: int) -> dict[str, Any]:
    """Return a network's layers and totals; a network from text is given no memory.

    Args:
        text: network text, or a network's name.
        input_shape: (height, width, channels).
        classes: their number.

    Raises:
        NetworkTextError: text that cannot be read, or does not fit.
        UnknownNameError: a single word that is no network's name.
        UsageError: a network whose code would have to be imported.
    """
    network = find_network(text)
    if network.builder is not None and network.name not in networks:
        raise UsageError(
            "'{text}' would run code, which the page cannot ask for",
            "write network text, or a network's name",
            text=text.strip(),
        )
    written, summary = summarize_named(text, tuple(input_shape), classes, allow_import=False)
    facts = summary.to_json()
    layers = [{**layer, "memory_bytes": NUMBER_BYTES * prod(layer["shape"])} for layer in facts["layers"]]
    return {"text": written, "classes": classes, **facts, "layers": layers}


def network_rows() -> list[dict[str, Any]]:
    """Return the named networks with their parameters."""
    return [_network(networks.get(name)) for name in networks]


def dataset_rows() -> list[dict[str, Any]]:
    """Return the named datasets, and whether their images are on this machine.

    Those on this machine come first; among them, and among the others, the smallest.
    """
    known = [datasets.get(name) for name in datasets]
    rows = map(_dataset, sorted(known, key=lambda dataset: sum(dataset.images.values())))
    return sorted(rows, key=lambda row: not row["available"])


@lru_cache(32)
def dataset_samples(name: str, count: int = 20) -> list[dict[str, Any]]:
    """Return some training images of a named dataset, the classes in turn: the same at every call.

    Raises:
        UnknownNameError: no dataset has this name.
        DataError: its images are not on this machine, or damaged.
    """
    known = datasets.get(name)
    if not _dataset(known)["available"]:
        raise DataError("the images of {title} are not on this computer", title=known.card.title)
    images = load_dataset(name).train
    return [
        {"label": images.classes[images.labels[index]], "image": image(np.asarray(images.images[index]))}
        for index in draw_indices(images.labels, count, seed=0)
    ]


def recipe_rows() -> dict[str, Any]:
    """Return the ``recipes`` with their settings, and the ``fields`` that every recipe has."""
    fields = [
        {
            "name": field.name,
            "group": group,
            "default": field.default,
            **{name: translate(field.metadata[name]) for name in ("term", "unit", "meaning")},
            "open_end": field.metadata["open_end"],
            "auto": AUTO if field.metadata["auto"] else None,
            "allowed": None if field.metadata["allowed"] is None else list(field.metadata["allowed"]),
        }
        for group, section in SECTIONS.items()
        for field in setting_fields(section)
        if field.name not in ELSEWHERE
    ]
    return {"recipes": [_recipe(recipes.get(name)) for name in recipes], "fields": fields}


def _network(network: NamedNetwork) -> dict[str, Any]:
    facts = {name: getattr(network, name) for name in ("name", "text", "note")}
    return {
        **facts,
        "input_shape": list(network.input_shape),
        "parameters": network.parameters or count_parameters(build(network.name, network.input_shape)),
    }


def _dataset(dataset: KnownDataset) -> dict[str, Any]:
    card, framing = dataset.card, dataset.card.framing
    try:
        available = dataset.load is not None or place_of(card.name) is not None
    except (DataError, UnknownNameError):
        available = False
    return {
        "name": card.name,
        "title": card.title,
        "description": card.description,
        "classes": list(card.classes),
        "shape": list(framing.shape) if framing is not None else [],
        "images": dict(dataset.images),
        "available": available,
    }


def _recipe(recipe: Recipe) -> dict[str, Any]:
    settings = {field.name: getattr(recipe, field.name) for field in setting_fields()}
    return {
        "name": recipe.name,
        "note": translate(recipe.note),
        "network": recipe.network,
        "settings": settings,
    }
