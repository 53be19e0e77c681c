"""The space of a search: the values that recipe fields may take, and the networks; read from a file of TOML.

::

    network = ["fast-narrow", "conv(32, 3x3, same) relu pool(2) flatten dense(classes) softmax"]

    [recipe]
    learning_rate = { low = 0.01, high = 0.3, log = true }
    cutout = [0, 4, 8]
    flip = [true, false]

A number has a range, on a logarithmic scale where ``log`` says so, or a list; everything else has a list.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet.errors import ImageletError, SettingError
from imagelet.messages import Message
from imagelet.networks import find_network, infer_shapes
from imagelet.training.optimizers import optimizers
from imagelet.training.recipe import AUTO, LONGEST, Field, Recipe, checked, setting_fields
from imagelet.training.recipe_file import in_file, read_toml
from imagelet.training.setting_names import SHORT, unknown_setting

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

NETWORK = "network"
VIEWS = "test_time_augmentation"  # tried on networks that are trained: its values need no trials
MOST_CHOICES = 100
AROUND = 4.0  # times the start's learning rate, up and down
Choice = bool | int | float | str


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``, both included.

    Attributes:
        low: the lowest.
        high: the highest.
        log: the search draws their logarithms evenly.
        whole: whole numbers alone.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def to_toml(self) -> dict[str, Any]:
        """Return it as a file holds it."""
        return {"low": self.low, "high": self.high, **({"log": True} if self.log else {})}


@dataclass(frozen=True)
class Space:
    """What is searched.

    Attributes:
        fields: for each field of the recipe the values that it may take.
        networks: network texts or names; empty: the start's alone.
        points: settings that are tried first.
    """

    fields: Mapping[str, Range | tuple[Choice, ...]]
    networks: tuple[str, ...] = ()
    points: tuple[dict[str, Choice], ...] = field(default=(), compare=False)

    @property
    def views(self) -> tuple[str, ...]:
        """The test-time augmentations to choose from; empty: the start's alone."""
        return tuple(str(kind) for kind in self.fields.get(VIEWS, ()))  # type: ignore[union-attr]

    def to_toml(self) -> dict[str, Any]:
        """Return the space as a file holds it."""
        fields = {
            name: list(values) if isinstance(values, tuple) else values.to_toml()
            for name, values in self.fields.items()
        }
        return {**({NETWORK: list(self.networks)} if self.networks else {}), "recipe": fields}

    def distributions(self) -> "dict[str, BaseDistribution]":
        """Return what Optuna draws from, by the name of the field, and ``network``."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        found: dict[str, BaseDistribution] = {}
        for name, values in self.fields.items():
            if name == VIEWS:
                continue
            if isinstance(values, tuple):
                found[name] = CategoricalDistribution(values)
            elif values.whole:
                found[name] = IntDistribution(int(values.low), int(values.high), log=values.log)
            else:
                found[name] = FloatDistribution(values.low, values.high, log=values.log)
        if self.networks:
            found[NETWORK] = CategoricalDistribution(self.networks)
        return found


def default_space(start: Recipe, shape: tuple[int, int, int], images: int, *, flips: bool) -> Space:
    """Return the space around a recipe that is searched where no file names another.

    Learning rates, batch size, label smoothing and the strength of the augmentation. Augmentation is not
    searched far below the start's: short trainings would do without it, and long ones would miss it.

    Args:
        start: with a number in place of every ``auto``.
        shape: (height, width, channels) of the images.
        images: how many there are to learn from.
        flips: whether a mirrored image keeps its class.
    """
    side, rate = min(shape[:2]), start.learning_rate
    sizes = {start.batch_size // 2, start.batch_size, 2 * start.batch_size}
    fields: dict[str, Range | tuple[Choice, ...]] = {
        "learning_rate": Range(_rounded(rate / AROUND), _rounded(rate * AROUND), log=True),
        "batch_size": tuple(sorted(size for size in sizes if 4 <= size <= images)) or (start.batch_size,),
        "label_smoothing": Range(0.0, 0.3),
        "shift": Range(_rounded(start.shift / 2), max(2 * start.shift, side / 10)),
        "rotation": Range(start.rotation / 2, max(2 * start.rotation, 10.0)),
        "scaling": Range(start.scaling / 2, min(0.9, max(2 * start.scaling, 0.1))),
        "cutout": tuple(sorted({0, start.cutout, side // 4, side // 2})),
        VIEWS: ("none", "mirrored", "mirrored-shifted") if flips else ("none", "shifted"),
    }
    if optimizers.get(start.optimizer).only_convolutions:
        low, high = start.adamw_learning_rate / AROUND, start.adamw_learning_rate * AROUND
        fields["adamw_learning_rate"] = Range(_rounded(low), _rounded(high), log=True)
    usual = {name: getattr(start, name) for name in fields if name != VIEWS}
    stronger = {**usual, "cutout": side // 4, "label_smoothing": 0.2}
    slower, faster = ({**usual, "learning_rate": rate * factor} for factor in (0.5, 2.0))
    return Space(fields, points=(stronger, faster, slower))


def _rounded(number: float) -> float:
    """Return the number with three digits: what is shown is what is searched."""
    return float(f"{number:.3g}")


def read_space(path: Path, shape: tuple[int, int, int], classes: int) -> Space:
    """Return the space that a file holds.

    Args:
        path: of a file as this module's docstring shows one.
        shape: (height, width, channels) of the images, which every network must take.
        classes: how many there are.

    Raises:
        SettingError, UsageError: the file cannot be read, or something in it is not allowed; one sentence.
    """
    return space_of(path, read_toml(path), shape, classes)


def space_of(path: Path, content: Mapping[str, Any], shape: tuple[int, int, int], classes: int) -> Space:
    """Return the space that the content of a file describes; as :func:`read_space`."""
    try:
        for key in content:
            if key not in (NETWORK, "recipe"):
                raise SettingError(
                    "'{key}' is not allowed here; a space has network, a list, and the table [recipe]",
                    hint="a field of the recipe stands below [recipe]",
                    key=key,
                )
        table = content.get("recipe", {})
        if not isinstance(table, dict):
            raise SettingError("recipe is a table: fields and their values below [recipe]")
        fields = {str(SHORT.get(name, name)): _values(name, value) for name, value in table.items()}
        if len(fields) < len(table):
            raise SettingError("{short} is short for {name}, and both are given", **_both(table))
        networks = _networks(content.get(NETWORK, []), shape, classes)
        if not fields and not networks:
            raise SettingError(
                "the space is empty: it names no field of the recipe and no network",
                hint="for example: [recipe], and below it: learning_rate = {{ low = 0.01, high = 0.3 }}",
            )
    except ImageletError as error:
        raise in_file(path, error) from error
    return Space(fields, networks)


def _both(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the first short name of a field that is given under its full name, too."""
    return next({"short": short, "name": name} for short, name in SHORT.items() if short in table)


def _values(name: str, value: Any) -> Range | tuple[Choice, ...]:
    """Return the values that a field may take.

    Raises:
        SettingError: no such field, or values that it cannot have.
    """
    known = {field.name: field for field in setting_fields()}
    field = known.get(SHORT.get(name, name))
    if field is None:
        raise unknown_setting(name, known)
    if isinstance(value, list):
        return _choices(field, value)
    if isinstance(value, dict):
        return _range(field, value)
    raise SettingError(
        "{field} = {value!r} is not allowed; it is a list, or a range {{ low = …, high = … }}",
        hint="to keep one value for all trials, leave it out of the space and type --set",
        field=name,
        value=value,
    )


def _choices(field: Field, values: list[Any]) -> tuple[Choice, ...]:
    _check_number(field.name, values)
    return tuple(value if value == "auto" else _checked_number(field, value) for value in values)


def _checked_number(field: Field, value: Any) -> Any:
    """Return a value in the field's own type; the number that stands for ``auto`` inside is none of them.

    Raises:
        SettingError: it is not allowed.
    """
    if field.metadata["auto"] and not isinstance(value, str) and value == AUTO:
        raise SettingError(
            '{field} = {value!r} is not allowed; what suits the images is "auto"', **_of(field.name, value)
        )
    return checked(field, value)


def _check_number(name: str, values: list[Any]) -> None:
    """Raise unless a list has some values, and each once."""
    if not values or len(values) > MOST_CHOICES:
        raise SettingError(
            "the list of {field} has {count} values; it needs at least 1, and at most {most}",
            field=name,
            count=len(values),
            most=MOST_CHOICES,
        )
    repeated = [value for place, value in enumerate(values) if value in values[:place]]
    if repeated:
        raise SettingError("the list of {field} has {value!r} twice", field=name, value=repeated[0])


def _range(field: Field, table: Mapping[str, Any]) -> Range:
    name = field.name
    if field.type not in (int, float):
        raise SettingError("{field} is no number: it has a list of values, not a range", field=name)
    for key in table:
        if key not in ("low", "high", "log"):
            raise SettingError(
                "the range of {field} has '{key}'; it has low, high and perhaps log", field=name, key=key
            )
    for end in ("low", "high"):
        if end not in table:
            raise SettingError("the range of {field} has no {end}", field=name, end=end)
        if isinstance(table[end], str):
            raise SettingError(
                "the range of {field} has {end} = {value!r}; it needs a number",
                field=name,
                end=end,
                value=table[end],
            )
    low, high = (_checked_number(field, table[end]) for end in ("low", "high"))
    log = table.get("log", False)
    if not isinstance(log, bool):
        raise SettingError("log of {field} = {value!r} is not allowed; it is true or false", **_of(name, log))
    if not low < high:
        raise SettingError(
            "the range of {field} is from {low:g} to {high:g}: its low must be below its high",
            field=name,
            low=low,
            high=high,
        )
    if log and low <= 0:
        raise SettingError(
            "the range of {field} begins at {low:g}, and a logarithmic scale has no {low:g}",
            hint="give a low above 0, or leave log out",
            field=name,
            low=low,
        )
    return Range(low, high, log, whole=field.type is int)


def _of(name: str, value: Any) -> dict[str, Any]:
    return {"field": name, "value": value}


def _networks(given: Any, shape: tuple[int, int, int], classes: int) -> tuple[str, ...]:
    """Return the networks of a space, each of which takes such images.

    Raises:
        SettingError: it is no list of texts.
        UsageError: an unknown name, or a text that cannot be built.
    """
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise SettingError("network is a list of network texts and names")
    if not given:
        return ()
    _check_number(NETWORK, given)
    for text in given:
        if len(text) > LONGEST:
            raise SettingError("a network text has more than {most:,} characters", most=LONGEST)
        network = find_network(text)
        try:
            if network.builder is None:
                infer_shapes(network.text, shape, classes)
        except ImageletError as error:
            problem = Message("network '{text}': {problem}", text=text, problem=error.message)
            raise SettingError(problem, error.hint) from error
    return tuple(given)


def describe_settings(settings: Mapping[str, Any]) -> str:
    """Return settings as people read them: ``learning_rate=0.12 cutout=8``; numbers with three digits."""
    return " ".join(
        f"{name}={value:.3g}" if isinstance(value, float) and math.isfinite(value) else f"{name}={value}"
        for name, value in settings.items()
    )
