"""What scripts for Keras and PyTorch have in common: how lines are broken, and the data before a training.

Lines are broken as Black and Ruff break them. No text of a file gets into a script but checked names.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from imagelet.data.known import datasets
from imagelet.data.splits import COURSE
from imagelet.interop.scripted import ScriptedTraining
from imagelet.networks.other_libraries import Call
from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import Recipe

WIDTH = 100  # columns
INDENT = "    "
DIGITS = 6  # of a mean or a standard deviation

Lines = list[str]


def broken(head: str, arguments: Iterable[str], indent: int = 0) -> str:
    """Return ``head(arguments)`` in one line, in three, or with an argument on each line.

    Args:
        head: what is called, and what stands before it in the line.
        arguments: one text for each.
        indent: how deep the line is indented; the first line comes without.
    """
    listed, space = list(arguments), INDENT * indent
    whole = f"{head}({', '.join(listed)})"
    if len(space + whole) <= WIDTH:
        return whole
    inner = f"{space}{INDENT}{', '.join(listed)}"
    if len(inner) <= WIDTH:
        return f"{head}(\n{inner}\n{space})"
    lines = "".join(f"{space}{INDENT}{argument},\n" for argument in listed)
    return f"{head}(\n{lines}{space})"


def keywords(named: Mapping[str, Any]) -> list[str]:
    """Return arguments with their names, as Python."""
    return Call("", (), named).parts


def listed_calls(calls: Sequence[Call], indent: int) -> Lines:
    """Return the calls, each on lines of its own that end in a comma; blocks hold lists of calls."""
    space, lines = INDENT * indent, []
    for call in calls:
        if not call.block:
            lines.append(f"{space}{broken(call.function, call.parts, indent)},")
            continue
        lines.append(f"{space}{call.function}(")
        for part in filter(None, (call.block, call.shortcut)):
            lines += [f"{space}{INDENT}[", *listed_calls(part, indent + 2), f"{space}{INDENT}],"]
        lines.append(f"{space}),")
    return lines


def opening(training: ScriptedTraining, library: str, left_out: Sequence[str]) -> Lines:
    """Return the docstring: what is trained on what, and what the script leaves out."""
    network = training.network if training.network == training.name else "A network"
    about = f"{network} on {training.title} with {library}: {training.parameters:,} parameters."
    if not left_out:
        return [f'"""{about}"""']
    told = f"Left out: {'; '.join(left_out)}."
    filled = textwrap.wrap(told, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f'"""{about}', "", *filled, '"""']


def imports_of_split(training: ScriptedTraining) -> Lines:
    """Return the import that :func:`validation_images` needs."""
    kind = training.split[0]
    if training.weights is not None or not training.sets_aside or kind == "own":
        return []
    function = "StratifiedKFold" if kind == "fold" else "train_test_split"
    return [f"from sklearn.model_selection import {function}"]


def archive(training: ScriptedTraining) -> Lines:
    """Return what reads the arrays that imagelet has written: ``x_train``, ``y_train`` and so on."""
    name = training.dataset
    source = name if training.registered else "YOUR_DATA"
    lines = [f"# imagelet data save {source} {name}.npz", f'with np.load("{name}.npz") as data:']
    for part in parts(training):
        if part != "val" or training.split[0] == "own":
            stored = {"val": "validation"}.get(part, part)
            lines.append(f'{INDENT}x_{part}, y_{part} = data["x_{stored}"], data["y_{stored}"]')
    return lines


def limited(training: ScriptedTraining) -> Lines:
    """Return what takes a part of the training images, as imagelet draws it."""
    if not training.limit:
        return []
    return [
        f"chosen = np.random.default_rng([{training.seed}, len(x_train)]).permutation(len(x_train))",
        f"chosen = np.sort(chosen[:{training.limit}])",
        "x_train, y_train = x_train[chosen], y_train[chosen]",
    ]


def validation_images(training: ScriptedTraining) -> Lines:
    """Return what sets images aside, as imagelet does: the same ones, where the data has no copies."""
    kind, share, number = training.split
    if not training.sets_aside or kind == "own":
        return []
    if kind == "fold":
        return [
            f"# One of {share} parts of the training images is held out.",
            f"folds = StratifiedKFold({share}, shuffle=True, random_state={training.seed})",
            f"train, held_out = list(folds.split(x_train, y_train))[{number}]",
            "x_val, y_val = x_train[held_out], y_train[held_out]",
            "x_train, y_train = x_train[train], y_train[train]",
        ]
    stratified = [] if kind == COURSE else ["stratify=y_train"]
    arguments = ["x_train", "y_train", f"test_size={share}", *stratified, f"random_state={number}"]
    return [
        f"# {100 * share:g} % of the training images are set aside to choose the best epoch by.",
        broken("x_train, x_val, y_train, y_val = train_test_split", arguments),
    ]


def parts(training: ScriptedTraining) -> list[str]:
    """Return the parts of the data that a script has: ``train``, ``val``, ``test``."""
    if training.weights is not None:
        return ["test"]
    return ["train", "val", "test"] if training.sets_aside else ["train", "test"]


def each(names: Iterable[str], letter: str = "x") -> str:
    """Return ``x_train, x_val``."""
    return ", ".join(f"{letter}_{name}" for name in names)


def numbers(values: Sequence[float], array: str) -> str:
    """Return a mean or standard deviation as Python: one number, or an ``array(…)`` with one a channel."""
    rounded = [round(float(value), DIGITS) for value in values]
    return repr(rounded[0]) if len(set(rounded)) == 1 else f"{array}({rounded!r})"


def highest_rate(recipe: Recipe) -> float:
    """Return the highest learning rate; that of AdamW where it takes Muon's place."""
    rate = optimizers.get("adamw").learning_rate if recipe.optimizer == "muon" else recipe.learning_rate
    return float(f"{rate:.4g}")


def schedule_function(recipe: Recipe, cosine: str, chosen: str, factor: str = "") -> Lines:
    """Return the lines that return which share of the highest learning rate a step has, by ``done``, 0 to 1.

    Args:
        recipe: its schedule, with a warm-up or without.
        cosine: the function's name.
        chosen: what is ``up`` where ``done < {warmup}``, else ``down``.
        factor: what is multiplied by the share, with its sign: ``0.001 * ``.
    """
    warmup, rest = recipe.warmup, float(f"{1 - recipe.warmup:.6g}")
    fallen = f"(done - {warmup:g}) / {rest:g}" if warmup else "done"
    down = {"constant": "1.0", "linear": f"1 - {fallen}"}
    falling = down.get(recipe.schedule, f"(1 + {cosine}(np.pi * {fallen})) / 2")
    if not warmup:
        return [f"return {factor}{falling}"]
    rising = f"done / {warmup:g}"
    if recipe.schedule == "one-cycle":
        rising = f"1 - 24 / 25 * (1 + {cosine}(np.pi * done / {warmup:g})) / 2"
    return [f"up = {rising}", f"down = {falling}", f"return {factor}{chosen.format(warmup=f'{warmup:g}')}"]


def for_each(names: str, expression: str, loop: str) -> str:
    """Return ``names = (expression for …)``, in one line or in three."""
    whole = f"{names} = ({expression} {loop})"
    return whole if len(whole) <= WIDTH else f"{names} = (\n{INDENT}{expression} {loop}\n)"


def about_data(training: ScriptedTraining) -> str:
    """Return a comment that says what the data is."""
    height, width, channels = training.input_shape
    if not training.registered:
        return "# The data."
    counts = datasets.get(training.dataset).images
    kind = "grey" if channels == 1 else "colour"
    return (
        f"# {training.title}: {counts['train']:,} training and {counts['test']:,} test images, "
        f"{height}x{width} pixels, {kind}."
    )
