"""The server's sentences in other languages: whatever an error may say on the page has a template.

The templates are held against the source: a sentence that is written there as an f-string must stand in
messages.json with named places where the f-string has its own. What becomes of them in the page is tested in
browser/test_messages.py.
"""

import ast
import itertools
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import imagelet
from imagelet.explanation.attribution import NO_CONVOLUTION
from imagelet.lab import carrying_out, failures, jobs

SOURCE = Path(imagelet.__file__).parent
MESSAGES: dict[str, str] = json.loads((SOURCE / "lab/static/texts/ko/messages.json").read_text("utf-8"))
PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
KINDS = {"", "word", "names", "words", "sentence"}

# A place may be filled with anything, so that no particle behind it can be right.
PARTICLE = re.compile(r"\}’?(은|는|이|가|을|를|과|와|로|으로|이라|라)(?=[\s.,]|$)")

PYDANTIC = re.compile(r"(Input|String|List|Tuple) should|Field required|Extra inputs|Unable to")

STARTS = ("imagelet.lab.app", "imagelet.lab.worker")
NOT_ON_THE_PAGE = {
    "imagelet.data.labelled_table": "only `imagelet evaluate --data` and its kin read tables",
    "imagelet.analysis.named_images": "the lab finds test:17 by itself, in lab/classifiers.py",
    "imagelet.experiment.out_of_fold": "the lab begins no series, and folds are one",
    "imagelet.analysis.own_pictures": "only `imagelet evaluate --data` looks at own pictures",
    "imagelet.experiment.repeats": "the lab begins no series",
    "imagelet.analysis.error_analysis": "the page names cells by numbers, see lab/run_facts.py",
    "imagelet.explanation.projection": "the report alone draws it, in a way that it knows",
    "imagelet.explanation.matrices": "the page sends numbers; matrices are typed at the command line",
}
PARTLY = {  # functions that are not reached, of modules that are
    "imagelet.data.layouts.keep": "`imagelet data get --from`",
    "imagelet.data.layouts._in_folder": "`imagelet data get --from`",
    "imagelet.runs.run._no_run": "the lab finds runs by their names itself, in lab/named_runs.py",
}
INTO_SENTENCES = {  # modules whose ValueErrors become a part of an error's sentence
    "imagelet.classifier.file",
    "imagelet.data.cifar",
    "imagelet.data.mnist",
}


def form(template: str) -> str:
    """Return a template without its places' names."""
    return PLACE.sub("{}", template)


KNOWN = {form(key): key for key in MESSAGES}
MET: set[str] = set()  # forms that stand in the source


# -- the source ----------------------------------------------------------------------------------------------


@cache
def trees() -> dict[str, ast.Module]:
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text("utf-8"))
    return found


@cache
def reached() -> frozenset[str]:
    """Return the modules that the lab imports, at once or later."""
    found: set[str] = set()
    waiting = list(STARTS)
    while waiting:
        module = waiting.pop()
        if module in found or module not in trees():
            continue
        found.add(module)
        for node in ast.walk(trees()[module]):
            if isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
            elif isinstance(node, ast.Import):
                waiting += [each.name for each in node.names]
    return frozenset(found)


def called(node: ast.expr) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


@cache
def errors() -> frozenset[str]:
    """Return the names of ImageletError and all that descend from it."""
    found = {"ImageletError"}
    classes = [node for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in range(5):
        found |= {each.name for each in classes if any(called(base) in found for base in each.bases)}
    return frozenset(found)


@cache
def makers() -> frozenset[str]:
    """Return the names of the functions that return such an error."""
    return frozenset(
        node.name
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.returns and ast.unparse(node.returns) in errors()
    )


Scope = dict[str, list[ast.expr]]


def scope_of(*nodes: ast.AST) -> Scope:
    """Return the expressions that are given to each name."""
    found: Scope = {}
    for node in itertools.chain.from_iterable(map(ast.walk, nodes)):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            for name, value in pairs:
                if isinstance(name, ast.Name):
                    found.setdefault(name.id, []).append(value)
    return found


def sentences(module: str) -> Iterator[tuple[int, ast.expr, Scope]]:
    """Yield what a module's errors say: the line, the expression, and the names that it may use."""
    tree = trees()[module]
    extra = {"ValueError", "_RefusedError"} if module in INTO_SENTENCES else set()
    constants = scope_of(*[node for node in tree.body if isinstance(node, ast.Assign)])
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or f"{module}.{function.name}" in PARTLY:
            continue
        scope = constants | scope_of(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and called(node.func) in errors() | makers() | extra:
                keywords = [each.value for each in node.keywords if each.arg not in ("text", "position")]
                for value in [*node.args, *keywords]:
                    yield node.lineno, value, scope


def pieces(expression: ast.expr) -> list[str | ast.expr]:
    """Return an expression's literal texts and, between them, the expressions that fill it."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return [expression.value]
    if isinstance(expression, ast.JoinedStr):
        return [
            part.value if isinstance(part, ast.FormattedValue) else str(getattr(part, "value", ""))
            for part in expression.values
        ]
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        return [*pieces(expression.left), *pieces(expression.right)]
    return [expression]


def _without(scope: Scope, name: ast.Name) -> Scope:
    return {each: values for each, values in scope.items() if each != name.id}


def literals(expression: ast.expr, scope: Scope) -> list[str]:
    """Return all texts that a place of a sentence may hold, where the source says them; else a place."""
    if isinstance(expression, ast.IfExp):
        return [*literals(expression.body, scope), *literals(expression.orelse, scope)]
    if isinstance(expression, ast.Name) and expression.id in scope:
        found = [
            text for each in scope[expression.id] for text in literals(each, _without(scope, expression))
        ]
        return found if "{}" not in found else ["{}"]
    if isinstance(expression, ast.Constant | ast.JoinedStr):
        return ["".join(each if isinstance(each, str) else "{}" for each in pieces(expression))]
    return ["{}"]


def unknown(expression: ast.expr, scope: Scope) -> set[str]:
    """Return the forms of an expression's texts that no template has."""
    match expression:
        case ast.IfExp():
            return unknown(expression.body, scope) | unknown(expression.orelse, scope)
        case ast.BoolOp():
            return set().union(*(unknown(each, scope) for each in expression.values))
        case ast.Name():
            return set().union(
                *(unknown(each, _without(scope, expression)) for each in scope.get(expression.id, []))
            )
        case ast.Constant() | ast.JoinedStr() | ast.BinOp():
            parts = pieces(expression)
        case _:
            return set()  # somebody else's text: it is looked at there
    whole = "".join(each if isinstance(each, str) else "{}" for each in parts)
    if not re.search("[a-z]{2}", whole):
        return set()
    MET.add(whole)
    if whole in KNOWN:
        fillings = [each for each in parts if not isinstance(each, str)]
        kinds = [kind for _, kind in PLACE.findall(KNOWN[whole])]
        within = zip(fillings, kinds, strict=True)
        return set().union(*(unknown(each, scope) for each, kind in within if kind == "sentence"))
    choices = [[each] if isinstance(each, str) else literals(each, scope) for each in parts]
    spelled = {"".join(each) for each in itertools.product(*choices)}
    MET.update(spelled)
    return {each for each in spelled if each not in KNOWN}


# -- the tests -----------------------------------------------------------------------------------------------


def test_every_sentence_of_an_error_has_a_template() -> None:
    looked_at, missing = 0, []
    for module in sorted(reached() - NOT_ON_THE_PAGE.keys()):
        for line, expression, scope in sentences(module):
            looked_at += 1
            missing += [f"{module}:{line}: {each}" for each in sorted(unknown(expression, scope))]
    assert looked_at > 500
    assert missing == []


@pytest.mark.parametrize("module", NOT_ON_THE_PAGE)
def test_what_is_left_out_has_sentences_that_are_unknown(module: str) -> None:
    assert module in reached()
    assert any(unknown(expression, scope) for _, expression, scope in sentences(module))


def test_sentences_that_no_error_class_holds_have_a_template() -> None:
    told = [*failures.UNEXPECTED, *failures.NO_JSON, *jobs.KILLED.values(), *carrying_out.UNEXPECTED.values()]
    told += [each for pair in failures._HTTP.values() for each in pair]
    assert [each for each in [*told, NO_CONVOLUTION] if each not in MESSAGES] == []


def test_no_template_is_there_for_nothing() -> None:
    """A sentence that was changed in the source must not leave its old template behind."""
    for module in reached():
        for _, expression, scope in sentences(module):
            unknown(expression, scope)
    nodes = itertools.chain.from_iterable(ast.walk(tree) for tree in trees().values())
    constants = (node.value for node in nodes if isinstance(node, ast.Constant))
    written = "\n".join(each for each in constants if isinstance(each, str))
    left = [
        key
        for key in MESSAGES
        if form(key) not in MET
        and not PYDANTIC.match(key)
        and max(form(key).split("{}"), key=len) not in written + written.replace("--", "")
        and not key.startswith(" (and {count:word} more ")  # labelled_files._more puts them together
    ]
    assert left == []


def test_a_translation_fills_the_places_of_its_template() -> None:
    differing = []
    for key, text in MESSAGES.items():
        names = [name for name, _ in PLACE.findall(key)]
        if len(set(names)) < len(names) or sorted(names) != sorted(re.findall(r"\{(\w+)\}", text)):
            differing.append(key)
    assert differing == []
    assert {kind for key in MESSAGES for _, kind in PLACE.findall(key)} <= KINDS


def test_no_particle_stands_behind_a_place() -> None:
    assert [text for text in MESSAGES.values() if PARTICLE.search(text)] == []


def test_no_two_templates_are_the_same_but_for_names() -> None:
    forms = [re.sub(r"\{\w+", "{", key) for key in MESSAGES]
    assert sorted(forms) == sorted(set(forms))
