"""Collect the messages of the source into the catalogs of ``src/imagelet/locale``, and compile these.

Run ``python -m tools.messages`` after a message has changed: new ones come into the ``.po`` without a
translation, those that are gone leave it, and the ``.json.bz2`` that the package reads is written.
``--check`` only says what differs.

A message is what stands in the source as a text: what an error or ``printing`` is given, what ``Message`` is
made of, the headings of a table, and the names of the facts that are printed. What the registries hold is
taken from them: notes, descriptions, units.
"""

import ast
import bz2
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from tools.source import read_modules

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "imagelet"
LANGUAGES = ("ko",)
PRINTED = frozenset({"say", "note", "failure", "advice", "caution", "progress"})
TABLES = frozenset({"table", "facts"})  # the texts in the first argument: headings, names of facts


def messages(package: Path) -> dict[str, list[str]]:
    """Return every message of ``package`` with the modules in which it stands."""
    modules = read_modules(package)
    trees = {name: module.tree for name, module in modules.items()}
    errors = error_classes(trees.values())
    found: dict[str, list[str]] = {}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for text in _texts(node, errors):
                    found.setdefault(text, []).append(name)
    return found


def registered() -> dict[str, list[str]]:
    """Return the texts of what is registered and of a few tables, each with the module that holds it."""
    from imagelet.course.exercises import WAYS
    from imagelet.course.lessons import lessons
    from imagelet.course.results import SUMMARY
    from imagelet.data.checking import KINDS
    from imagelet.data.known import datasets
    from imagelet.experiment.reproduce import REASONS
    from imagelet.messages import Message
    from imagelet.metrics.corruptions import CORRUPTIONS
    from imagelet.networks import networks
    from imagelet.training.optimizers import optimizers
    from imagelet.training.profiling import PHASES
    from imagelet.training.recipe import SECTIONS, setting_fields
    from imagelet.training.recipes import recipes

    notes = [recipes.get(name).note for name in recipes]  # a message is in the source
    texts = {
        "course.lessons": [lessons.get(name).teaches for name in lessons],
        "course.exercises": [*WAYS.values()],
        "course.results": [method for method, *_ in SUMMARY],
        "data.checking": [*KINDS],
        "data.datasets": [datasets.get(name).card.description for name in datasets],
        "experiment.reproduce": [*REASONS.values()],
        "metrics.corruptions": [text for known in CORRUPTIONS for text in (known.name, known.unit)],
        "networks": [networks.get(name).note for name in networks],
        "training.profiling": [*PHASES, *PHASES.values()],
        "training.optimizers": [optimizers.get(name).rule for name in optimizers],
        "training.recipe": [
            *SECTIONS,
            *(
                field.metadata[key]
                for section in SECTIONS.values()
                for field in setting_fields(section)
                for key in ("term", "unit", "meaning")
            ),
        ],
        "training.recipes": [note for note in notes if not isinstance(note, Message)],
    }
    found: dict[str, list[str]] = {}
    for place, several in texts.items():
        for text in several:
            if text:
                found.setdefault(text, []).append(f"imagelet.{place}")
    return found


def all_messages(package: Path) -> dict[str, list[str]]:
    """Return the messages of a package's source, and of imagelet what is registered as well."""
    return messages(package) | (registered() if package == PACKAGE else {})


def error_classes(trees: Iterable[ast.Module]) -> frozenset[str]:
    """Return the names of ImageletError and of all classes that descend from it."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = {"ImageletError"}
    size = 0
    while size < len(names):
        size = len(names)
        names |= {node.name for node in classes if any(_name(base) in names for base in node.bases)}
    return frozenset(names)


def _name(node: ast.expr) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def _texts(call: ast.Call, errors: frozenset[str]) -> Iterator[str]:
    name = _name(call.func)
    owner = _name(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    if name in errors or name in ("Message", "super().__init__"):
        hints = [keyword.value for keyword in call.keywords if keyword.arg == "hint"]
        candidates = [*call.args[: 1 if name == "Message" else 2], *hints]
    elif name == "translate" or (owner == "printing" and name in PRINTED):
        candidates = call.args[: 2 if name == "failure" else 1]
    elif owner == "printing" and name in TABLES:
        candidates = [part for node in call.args[:1] for part in _parts(node)]
    else:
        return
    for candidate in candidates:
        yield from _literals(candidate)


def _parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Dict):
        return [key for key in node.keys if key is not None]
    return list(node.elts) if isinstance(node, (ast.Tuple, ast.List)) else []


def _literals(node: ast.expr) -> Iterator[str]:
    """Return the texts that an expression may be: a literal, or either side of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and any(map(str.isalpha, node.value)):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _literals(value)


def catalog_file(package: Path, language: str, suffix: str) -> Path:
    """Return the ``.po`` or ``.json.bz2`` file of a language."""
    return package / "locale" / language / "LC_MESSAGES" / f"imagelet{suffix}"


def read_catalog(package: Path, language: str) -> Catalog:
    """Return the catalog of a language; an empty one where there is none yet."""
    path = catalog_file(package, language, ".po")
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def renewed(package: Path, language: str) -> Catalog:
    """Return the catalog with exactly the messages of the source; known translations are kept."""
    before = read_catalog(package, language)
    after = Catalog(locale=language, project="imagelet", charset="utf-8", fuzzy=False, header_comment="")
    for text in sorted(all_messages(package)):
        known = before.get(text)
        after.add(text, known.string if known else "")
    return after


def as_po(catalog: Catalog) -> bytes:
    """Return a catalog as the content of a ``.po`` file, sorted, without times and places."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=110, sort_output=True, no_location=True, omit_header=True)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalog.locale}\\n"\n'
        '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    return header.encode() + buffer.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """Return a catalog as the package reads it: the translated templates by the English ones."""
    translated = {str(entry.id): str(entry.string) for entry in catalog if entry.id and entry.string}
    return bz2.compress(json.dumps(translated, ensure_ascii=False, sort_keys=True).encode())


def problems(package: Path, language: str) -> list[str]:
    """Return a sentence for each message that is missing, stale or untranslated."""
    here, known = all_messages(package), read_catalog(package, language)
    listed = {str(entry.id): str(entry.string) for entry in known if entry.id}
    return [
        *(f"{language}: missing: {text!r} ({here[text][0]})" for text in sorted(set(here) - set(listed))),
        *(f"{language}: stale: {text!r}" for text in sorted(set(listed) - set(here))),
        *(
            f"{language}: not translated: {text!r}"
            for text in sorted(set(listed) & set(here))
            if not listed[text]
        ),
    ]


def main(words: list[str]) -> int:
    """Renew the catalogs, or with ``--check`` say what differs."""
    found = []
    for language in LANGUAGES:
        if "--check" not in words:
            catalog = renewed(PACKAGE, language)
            catalog_file(PACKAGE, language, ".po").parent.mkdir(parents=True, exist_ok=True)
            catalog_file(PACKAGE, language, ".po").write_bytes(as_po(catalog))
            catalog_file(PACKAGE, language, ".json.bz2").write_bytes(compiled(catalog))
        found += problems(PACKAGE, language)
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
