"""Write the pages of ``docs/reference`` that the code itself says: ``python -m tools.reference``.

Commands (:mod:`tools.cli_reference`), recipes and optimizers, layers and networks, requests over HTTP, and
the terms that the lab's page explains.
Recipes and networks are what ``imagelet recipes --json`` and ``imagelet networks --json`` print. A test
compares the pages with the code. The functions are told by their docstrings when the site is built.
"""

import contextlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING
from inspect import getdoc
from itertools import groupby
from pathlib import Path
from typing import Any

from fastapi import FastAPI

import imagelet.lab
from imagelet import atomic_files, cli
from imagelet.classifier.classifier import Classifier
from imagelet.lab.http.app import create_app
from imagelet.lab.settings import Settings
from imagelet.networks.layer_kind import settings, stands_bare
from imagelet.networks.layers import KINDS
from imagelet.networks.text import usage
from imagelet.runs.store import shipped_classifiers
from imagelet.service import app as service
from imagelet.service.settings import Settings as ServiceSettings
from tools import cli_reference

FOLDER = cli_reference.DOCUMENT.parent
RECIPES, LAYERS, HTTP, GLOSSARY = (
    FOLDER / f"{name}.md" for name in ("recipes", "layers", "http", "glossary")
)
TERMS = Path(imagelet.lab.__file__).parent / "static" / "glossary.json"
OPERATIONS, OPERATIONS_OF_THE_SERVICE = (
    re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
    for name in ("operations", "operations of the service")
)

ABOUT_RECIPES = """\
# Recipes and optimizers

This page is made from the code: `python -m tools.reference`. A test compares the two.

A recipe says how to train: how long, with which optimizer, schedule and augmentation. `imagelet train` takes
one by its name with `--recipe`, and another value of a field with `--set FIELD=VALUE`; in Python they are
arguments of `imagelet.train`. Without a name it is `general`.
"""
ABOUT_LAYERS = """\
# Layers and networks

This page is made from the code: `python -m tools.reference`. A test compares the two.

A network is one line of text, layer after layer:

```text
conv(32, 3x3, same) relu pool(2) flatten dense(classes) softmax
```

Arguments are separated by commas; those that must be there, and paddings, stand without a name, all others
are written `name=value`. Sizes are `3` or `3x5` (height × width), `classes` stands for the number of classes,
and layers may also be separated by `,`, `;`, `|` or `->`. A mistake is marked where it is.
`imagelet summary TEXT` shows shapes and parameters.
"""
ABOUT_GLOSSARY = """\
# Glossary

This page is made from the file that the lab's page reads: `python -m tools.reference`. In the lab each term
is underlined once a card, and says what it means where the pointer, the keyboard or a finger is on it.
"""


def printed(*words: str) -> Any:
    """Return what a command prints with ``--json``."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = cli.main([*words, "--json"])
    assert code == 0, words
    return json.loads(output.getvalue())


def recipes_page() -> str:
    """Return the page on recipes and optimizers."""
    found = printed("recipes")
    return "\n".join([ABOUT_RECIPES, *_recipes(found["recipes"]), *_optimizers(found["optimizers"])])


def layers_page() -> str:
    """Return the page on the kinds of layers and the named networks."""
    networks = printed("networks")["networks"]
    kinds = (line for word in KINDS for line in _kind(word))
    return "\n".join(
        [ABOUT_LAYERS, "## Kinds of layers\n", *kinds, "## Named networks\n", *_networks(networks)]
    )


def http_page(text: str) -> str:
    """Return the page on HTTP with the lab's and the service's requests as they are."""
    text = OPERATIONS.sub(lambda _: "\n".join(_operations(_lab().openapi())), text)
    return OPERATIONS_OF_THE_SERVICE.sub(lambda _: "\n".join(_operations(_service().openapi())), text)


def glossary_page() -> str:
    """Return the page on the terms of the field, in every language of the lab."""
    entries = json.loads(TERMS.read_text("utf-8"))
    lines = [ABOUT_GLOSSARY]
    headings = {"en": ("English", "term", "meaning"), "ko": ("한국어", "용어", "뜻")}
    for language, (title, *heading) in headings.items():
        rows = sorted((entry[language]["term"], entry[language]["text"]) for entry in entries)
        lines += [f"## {title}\n", *_table(heading, rows)]
    return "\n".join(lines)


def pages() -> dict[Path, str]:
    """Return the text of every page that is made here."""
    return {
        cli_reference.DOCUMENT: cli_reference.markdown(),
        RECIPES: recipes_page(),
        LAYERS: layers_page(),
        HTTP: http_page(HTTP.read_text("utf-8")),
        GLOSSARY: glossary_page(),
    }


def _recipes(recipes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    values = {
        recipe["name"]: {row["field"]: row["value"] for row in recipe["settings"]} for recipe in recipes
    }
    yield from _table(
        ("recipe", "network", "epochs", "what it is for"),
        (
            (f"`{one['name']}`", f"`{one['network']}`", values[one["name"]]["epochs"] or "auto", one["note"])
            for one in recipes
        ),
    )
    yield "## Fields\n"
    yield "The values are those of the recipe `default`; `imagelet recipes NAME` shows those of another.\n"
    default = next(recipe for recipe in recipes if recipe["name"] == "default")
    for group, rows in groupby(default["settings"], key=lambda row: row["group"]):
        yield f"### {group.capitalize()}\n"
        yield from _table(("field", "value", "allowed", "meaning"), map(_field, rows))


def _field(row: Mapping[str, Any]) -> tuple[str, ...]:
    value = row["value"]
    unit = "" if row["unit"] in ("name", "") or isinstance(value, bool) else f" ({row['unit']})"
    written = (
        str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else f"{value:g}"
    )
    return f"`{row['field']}`", written, f"{row['allowed']}{unit}", f"{row['term']}: {row['meaning']}"


def _optimizers(optimizers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Optimizers\n"
    yield "Smaller batches than 250 images take the learning rate times √(batch size / 250).\n"
    yield from _table(
        ("optimizer", "learning rate", "constants", "update rule", "source"),
        (
            (
                f"`{one['name']}`",
                f"{one['learning_rate']:g}",
                _names(one["constants"]),
                one["rule"],
                one["source"],
            )
            for one in optimizers
        ),
    )


def _kind(word: str) -> Iterator[str]:
    kind = KINDS.get(word)
    yield f"### {word}\n"
    yield f"`{usage(kind)}`\n"
    yield f"{_as_markdown(getdoc(kind) or '')}\n"
    if kind.other_words:
        yield f"Also understood: {_names(kind.other_words)}.\n"
    rows = []
    for name, setting in settings(kind).items():
        form = setting.metadata["form"]
        default = "" if setting.default in (MISSING, None) else f"`{form.write(setting.default)}`"
        rows.append((f"`{name}`" if stands_bare(setting) else f"`{name}=`", default, str(form.allowed)))
    if rows:
        yield from _table(("argument", "default", "allowed"), rows)


def _networks(networks: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for network in networks:
        shape = "×".join(map(str, network["input_shape"]))
        yield f"### {network['name']}\n"
        yield f"{network['note']}; {network['parameters']:,} parameters for {shape}\n"
        if network["text"]:
            yield f"```text\n{network['text']}\n```\n"


def _lab() -> FastAPI:
    app = create_app(Settings(Path("nowhere"), training=False))
    app.state.lab.close()
    return app


def _service() -> FastAPI:
    classifier = Classifier.load(shipped_classifiers()["mnist"])
    app = service.create_app(ServiceSettings(name="mnist"), classifier)
    app.state.service.close()
    return app


def _operations(described: Mapping[str, Any]) -> Iterator[str]:
    schemas = described["components"]["schemas"]
    yield ""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"### `{method.upper()} {path}`\n"
            yield f"{operation.get('description') or operation['summary']}\n"
            yield from _table(("field", "where", "kind", "meaning"), _parameters(operation, schemas))
            if fields := _response(operation, schemas):
                yield f"Response: {_names(fields)}.\n"


def _parameters(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in operation.get("parameters", ()):
        yield f"`{one['name']}`", one["in"], _type(one["schema"]), _about({**one["schema"], **one})
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = schemas.get(body.get("$ref", "").rpartition("/")[2], body)
    for name, field in schema.get("properties", {}).items():
        yield f"`{name}`", "body", _type(field), _about(field)


def _about(field: Mapping[str, Any]) -> str:
    """Return what a field means, and its value where none is sent."""
    default = field.get("default")
    told = [field.get("description", ""), "" if default is None else f"Default `{json.dumps(default)}`."]
    return " ".join(filter(None, told))


def _response(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[str]:
    """Return the fields of the JSON that comes back."""
    content = operation["responses"].get("200", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return list(schemas.get(reference.rpartition("/")[2], {}).get("properties", {}))


def _type(schema: Mapping[str, Any]) -> str:
    """Return what a JSON value is, in a word or two."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return schema.get("type") or schema.get("$ref", "").rpartition("/")[2] or "any"


def _table(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    written = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    if written:
        yield "| " + " | ".join(heading) + " |\n|" + "---|" * len(heading)
        yield from written
        yield ""


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _as_markdown(docstring: str) -> str:
    return re.sub(r"``([^`]+)``", r"`\1`", docstring.partition("\n\nAttributes:")[0])


if __name__ == "__main__":
    for page, text in pages().items():
        atomic_files.write_text(page, text)
