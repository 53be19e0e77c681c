"""Recipes in files: TOML with a recipe's fields, for ``imagelet train --recipe FILE``.

A file names the fields that it sets, and perhaps the named recipe, its ``base``, that has all others::

    base = "general"
    network = "fast-narrow"
    learning_rate = 0.12
    cutout = 8

A file without ``base`` begins with the values of ``Recipe()``. Its name is that of the file, or as it says.
"""

import dataclasses
import os
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from imagelet import atomic_files
from imagelet.errors import ImageletError, SettingError, UsageError
from imagelet.messages import Message
from imagelet.training.recipe import LONGEST, Recipe, recipe_to_json, with_settings
from imagelet.training.recipes import recipes

SUFFIX = ".toml"
LARGEST_FILE = 1_000_000  # bytes
TEXTS = ("base", "name", "network")


def find_recipe(name_or_file: str | os.PathLike[str]) -> Recipe:
    """Return the recipe of that name, or that of a file.

    Args:
        name_or_file: a name that ``imagelet recipes`` lists, or the path of a file, which ends in ``.toml``.

    Raises:
        UnknownNameError: there is no recipe of that name.
        UsageError: the file cannot be read, or is no recipe.
    """
    if isinstance(name_or_file, str) and not name_or_file.lower().endswith(SUFFIX):
        return recipes.get(name_or_file)
    return read_recipe(Path(name_or_file).expanduser())


def read_recipe(path: Path) -> Recipe:
    """Return the recipe that a file holds.

    Raises:
        UsageError: the file cannot be read, or is no recipe; the message names the field.
    """
    content = read_toml(path)
    texts: dict[str, str] = {"name": path.stem}
    for name in TEXTS:
        value = content.pop(name, None)
        if value is None:
            continue
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
            raise SettingError(
                "{file}: {name} = {value!r} is not allowed; it is a text", file=path, name=name, value=value
            )
        texts[name] = value
    base = texts.pop("base", None)
    try:
        recipe = Recipe() if base is None else recipes.get(base)
        return with_settings(dataclasses.replace(recipe, **texts, note=""), content)  # type: ignore[arg-type]
    except ImageletError as error:
        raise in_file(path, error) from error


def write_recipe(path: Path, recipe: Recipe, comments: tuple[str, ...] = ()) -> None:
    """Write a recipe with all of its fields, whole or not at all; ``comments`` are its first lines."""
    lines = [f"# {line}" for comment in comments for line in comment.splitlines()]
    atomic_files.write_text(path, "\n".join([*lines, tomli_w.dumps(recipe_to_json(recipe))]))


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file that a person wrote.

    Raises:
        UsageError: it cannot be read, is very large, or is no TOML.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise UsageError(
            "the file '{file}' cannot be read: {reason}", file=path, reason=error.strerror or error
        ) from error
    if len(raw) > LARGEST_FILE:
        raise UsageError(
            "the file '{file}' has more than {most:,} bytes; a file of settings is short",
            file=path,
            most=LARGEST_FILE,
        )
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError("the file '{file}' is no TOML: {reason}", file=path, reason=error) from error


def in_file(path: Path, error: ImageletError) -> SettingError:
    """Return an error about a file's content with the file's name before it."""
    return SettingError(Message("{file}: {problem}", file=path, problem=error.message), error.hint)
