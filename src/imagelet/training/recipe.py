"""The recipe: how to train, in sections of fields with term, unit, meaning and allowed values."""

import contextlib
import dataclasses
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from imagelet.errors import SettingError, UnknownNameError
from imagelet.messages import Message
from imagelet.networks.layer_kind import INITIAL_WEIGHTS
from imagelet.preprocessing.test_time_augmentation import TEST_TIME_AUGMENTATIONS
from imagelet.training.optimizers import SCHEDULES, optimizers
from imagelet.training.setting_names import SHORT, unknown_setting

CLASS_WEIGHTS = ("none", "balanced")
SAMPLINGS = ("shuffled", "balanced")
NORMALIZATIONS = ("scale", "standardize")
AUTO = -1  # "auto": what suits the images is chosen; 0 is 0
AUTO_VIEWS = "auto"  # of test-time augmentation, which is a name
EPOCHS = (1, 100_000)
LANES = (0, 64)  # of a batch; each process computes at least one
UNIT = (0.0, 1.0)
LONGEST = 2_000  # characters of a text
BODY = "body"  # all layers but the last with weights

Field = dataclasses.Field[Any]


def setting(
    default: Any,
    term: str,
    unit: str,
    meaning: str,
    allowed: tuple[float, float] | Collection[str] | None = None,
    *,
    open_end: bool = False,
    auto: bool = False,
    quiet: bool = False,
    power_of_two: bool = False,
) -> Any:
    """Return a dataclass field that knows its term, unit, meaning and allowed values.

    Args:
        default: the value where none is given.
        term: what the literature calls it.
        unit: what the number counts, or "name".
        meaning: a phrase for help texts and the page.
        allowed: lowest and highest number, or the names to choose from; None for true and false, and for any
            text.
        open_end: the highest number itself is not allowed.
        auto: ``auto`` is allowed, too: what suits the images.
        quiet: left out of what is kept where it has its default, so that a training without it gives the
            bytes that it gave before the field was there.
        power_of_two: other numbers than 0 are powers of two.
    """
    about = {"term": term, "unit": unit, "meaning": meaning, "allowed": allowed}
    switches = {"open_end": open_end, "auto": auto, "quiet": quiet, "power_of_two": power_of_two}
    return dataclasses.field(default=default, metadata={**about, **switches})


@dataclass(frozen=True, kw_only=True)
class Section:
    """Fields of a recipe that serve one purpose.

    Raises:
        SettingError: a value that is not allowed; the message names the field and what is allowed.
    """

    def __post_init__(self) -> None:
        for field in setting_fields(type(self)):
            object.__setattr__(self, field.name, checked(field, getattr(self, field.name)))


def _decay(default: float, term: str, meaning: str) -> Any:
    """Return the field of a decay rate: from 0 to below 1, for each step."""
    return setting(default, term, "per step", meaning, UNIT, open_end=True)


@dataclass(frozen=True, kw_only=True)
class Length(Section):
    """How long to train, on how many images at once."""

    epochs: int = setting(10, "epochs", "epochs", "passes over the training images", EPOCHS, auto=True)
    batch_size: int = setting(
        128, "batch size", "images", "images in one optimizer step", (1, 65_536), auto=True
    )
    early_stopping: int = setting(
        0,
        "early stopping",
        "epochs",
        "stop after so many without a lower validation loss; 0: never",
        (0, 100_000),
    )
    lanes: int = setting(
        0,
        "lanes",
        "parts of a batch",
        "computed one by one and added up in a fixed order, so that any number of processes gives the same"
        " weights; 0 = automatic: as many as several processes need, none for one",
        LANES,
        quiet=True,
        power_of_two=True,
    )


@dataclass(frozen=True, kw_only=True)
class Optimization(Section):
    """How a step changes the weights."""

    optimizer: str = setting("adamw", "optimizer", "name", "the update rule", optimizers)
    learning_rate: float = setting(
        0.003, "learning rate", "per step", "the highest of the schedule", (1e-9, 1000.0), auto=True
    )
    adamw_learning_rate: float = setting(
        0.01,
        "AdamW learning rate",
        "per step",
        "of all parameters but the weights of convolutions (muon)",
        (1e-9, 1000.0),
    )
    momentum: float = _decay(0.9, "momentum μ", "decay rate of the sum of gradients")
    beta1: float = _decay(0.9, "β₁", "decay rate of the mean of gradients")
    beta2: float = _decay(0.999, "β₂", "decay rate of the mean of squared gradients")
    rho: float = _decay(0.9, "ρ", "decay rate of the mean of squared gradients")
    epsilon: float = setting(
        1e-7, "ε", "gradient", "added to the root of the mean of squared gradients", (1e-16, 1.0)
    )
    max_gradient_norm: float = setting(
        0.0, "maximum gradient norm", "L2 norm", "longer gradients are scaled to it; 0: no limit", (0.0, 1e9)
    )


@dataclass(frozen=True, kw_only=True)
class Schedule(Section):
    """How the learning rate changes over the steps."""

    schedule: str = setting(
        "one-cycle", "learning rate schedule", "name", "from the first step to the last", SCHEDULES
    )
    warmup: float = setting(
        0.2, "warm-up", "fraction of the steps", "the learning rate rises to its highest", (0.0, 0.9)
    )
    freeze_first_layer_at: float = setting(
        1.0,
        "first layer frozen",
        "fraction of the steps",
        "until then the first layer's learning rate falls to 0; 1: never",
        UNIT,
    )
    freeze: str = setting(
        "",
        "frozen layers",
        "names",
        "their weights stay as they are: names by comma, or 'body' for all but the last; empty: none",
        quiet=True,
    )
    freeze_until: float = setting(
        1.0,
        "frozen until",
        "fraction of the steps",
        "from then on the frozen layers learn, too; 1: never",
        UNIT,
        auto=True,
        quiet=True,
    )


@dataclass(frozen=True, kw_only=True)
class Regularization(Section):
    """What keeps the network from learning the training images by heart, and from false certainty."""

    weight_decay: float = setting(
        0.0,
        "weight decay λ",
        "per learning rate",
        "decoupled for adamw and muon's AdamW, else L2; not of biases",
        (0.0, 10.0),
    )
    label_smoothing: float = setting(
        0.0, "label smoothing", "probability", "spread evenly over all classes", UNIT, open_end=True
    )
    outlier_share: float = setting(
        0.0,
        "outlier exposure",
        "fraction of the batch",
        "outliers made of training images, with equal probabilities as their target",
        UNIT,
    )


@dataclass(frozen=True, kw_only=True)
class Balance(Section):
    """What is done where some classes have many images and others few.

    Either lets every class count alike; then the best epoch is that of the highest balanced accuracy.
    """

    class_weights: str = setting(
        "none",
        "class weights",
        "name",
        "of the loss; balanced: n / (k n_c) for n images in k classes, n_c in the class",
        CLASS_WEIGHTS,
        quiet=True,
    )
    sampling: str = setting(
        "shuffled",
        "sampling",
        "name",
        "shuffled: every image once an epoch; balanced: every class equally often (class weights are 1 then)",
        SAMPLINGS,
        quiet=True,
    )


@dataclass(frozen=True, kw_only=True)
class Augmentation(Section):
    """Random changes of the training images."""

    shift: float = setting(0.0, "shift", "pixels", "at most, each way", (0.0, 64.0), auto=True)
    rotation: float = setting(0.0, "rotation", "degrees", "at most, each way", (0.0, 180.0))
    scaling: float = setting(0.0, "zoom", "fraction", "larger or smaller by this at most", (0.0, 0.9))
    shear: float = setting(0.0, "shear", "degrees", "at most, each way", (0.0, 60.0))
    thickness: float = setting(
        0.0,
        "stroke thickness",
        "pixels",
        "each side of a light stroke grows or shrinks by this at most",
        UNIT,
    )
    coarseness: float = setting(
        0.0, "low resolution", "probability", "an image is drawn at half its resolution", UNIT
    )
    blur: float = setting(0.0, "blur", "fraction", "of a 3×3 blur, blended in at most", UNIT)
    background: float = setting(
        0.0,
        "background",
        "fraction of the contrast",
        "lightness at most of a grey gradient behind the strokes",
        UNIT,
    )
    noise: float = setting(
        0.0, "Gaussian noise", "normalized pixels", "standard deviation at most", (0.0, 2.0)
    )
    cutout: int = setting(0, "cutout", "pixels", "side of a blanked square; 0: none", (0, 64))
    flip: bool = setting(
        True,
        "horizontal flip",
        "yes or no",
        "every other epoch, if the dataset's card says that a mirrored image keeps its class",
    )


@dataclass(frozen=True, kw_only=True)
class Preparation(Section):
    """What happens before the first step."""

    normalization: str = setting(
        "standardize",
        "normalization",
        "name",
        "scale: pixels from 0 to 1; standardize: then mean 0 and standard deviation 1",
        NORMALIZATIONS,
    )
    initial_weights: str = setting(
        "glorot", "initial weights", "name", "the distribution that they are drawn from", INITIAL_WEIGHTS
    )


@dataclass(frozen=True, kw_only=True)
class Averaging(Section):
    """What is averaged for evaluation and prediction: weights, and the logits of an image's views."""

    ema_decay: float = _decay(0.0, "EMA decay", "decay rate of the moving average of the weights; 0: none")
    test_time_augmentation: str = setting(
        "none",
        "test-time augmentation",
        "name",
        "views of an image whose logits are averaged; mirrored ones as for flip; auto: as suits its size",
        (*TEST_TIME_AUGMENTATIONS, AUTO_VIEWS),
    )


_SECTIONS = (Length, Optimization, Schedule, Regularization, Balance, Augmentation, Preparation, Averaging)
SECTIONS: dict[str, type[Section]] = {section.__name__.lower(): section for section in _SECTIONS}


@dataclass(frozen=True, kw_only=True)
class Recipe(Length, Optimization, Schedule, Regularization, Balance, Augmentation, Preparation, Averaging):
    """How to train a network: every number that decides the result, with its unit.

    Its fields are those of all sections, side by side: ``Recipe(epochs=3).epochs``.

    Attributes:
        name: what is typed.
        note: what it is for, and what was measured.
        network: what it trains where no other network is named: a name, network text, or ``auto``: what
            suits the images.
    """

    name: str = "default"
    note: str = dataclasses.field(default="", compare=False)
    network: str = "small-cnn"

    @property
    def balanced(self) -> bool:
        """Whether every class counts alike in training, however many images it has."""
        return "balanced" in (self.class_weights, self.sampling)


def setting_fields(section: type[Section] = Recipe) -> tuple[Field, ...]:
    """Return the settings of a section, or of the whole recipe, section by section."""
    parts = [part for part in SECTIONS.values() if issubclass(section, part)]
    return tuple(field for part in parts for field in dataclasses.fields(part))


def checked(field: Field, value: Any) -> Any:
    """Return ``value`` in the field's own type.

    Raises:
        SettingError: it has another type, or is not among the values that are allowed.
    """
    if field.metadata["auto"] and value == "auto":
        value = AUTO
    if not _is_allowed(field, value):
        raise _not_allowed(field, value)
    if field.type in (bool, str):
        return value
    return int(value) if field.type is int else float(value)


def _not_allowed(field: Field, value: Any) -> SettingError:
    details: dict[str, Any] = {"field": field.name, "value": value, "expected": _expected(field)}
    return SettingError("{field} = {value!r} is not allowed; it is {expected}", **details)


def _is_allowed(field: Field, value: Any) -> bool:
    allowed = field.metadata["allowed"]
    if field.type is bool:
        return isinstance(value, bool)
    if field.type is str:
        return isinstance(value, str) and (len(value) <= LONGEST if allowed is None else value in allowed)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if field.metadata["auto"] and value == AUTO:
        return True
    if field.metadata["power_of_two"] and int(value) & (int(value) - 1):
        return False
    lowest, highest = allowed
    within = lowest <= value < highest or (value == highest and not field.metadata["open_end"])
    return bool(within and (field.type is not int or value == int(value)))


def _expected(field: Field) -> Message:
    allowed, unit = field.metadata["allowed"], field.metadata["unit"]
    if field.type is bool:
        return Message("true or false")
    if field.type is str and allowed is None:
        return Message("a text of at most {most} characters", most=LONGEST)
    if field.type is str:
        return Message("one of {names}", names=", ".join(allowed))
    values = {"lowest": allowed[0], "highest": allowed[1], "unit": Message(unit)}
    if field.metadata["power_of_two"]:
        number = Message("0, or a power of two up to {highest:g} ({unit})", **values)
    elif field.type is int:
        number = Message("a whole number from {lowest:g} to {highest:g} ({unit})", **values)
    elif field.metadata["open_end"]:
        number = Message("a number from {lowest:g} to below {highest:g} ({unit})", **values)
    else:
        number = Message("a number from {lowest:g} to {highest:g} ({unit})", **values)
    return Message("{number}, or auto", number=number) if field.metadata["auto"] else number


def with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """Return ``recipe`` with some fields replaced; values may be the texts that a user typed.

    ``lr`` is short for ``learning_rate``. ``freeze`` is a text, a list of layers' names, or a fraction of the
    steps, for which the body is frozen.

    Raises:
        UnknownNameError: no such field; the nearest by meaning is suggested, else by spelling.
        SettingError: a value that is not allowed, or a field that is given twice.
    """
    fields = {field.name: field for field in setting_fields()}
    values: dict[str, Any] = {}
    for short, name in SHORT.items():
        if short in settings and name in settings:
            raise SettingError("{short} is short for {name}, and both are given", short=short, name=name)
    for given, value in settings.items():
        name = SHORT.get(given, given)
        if name not in fields:
            raise unknown_setting(given, fields)
        values[name] = _read(fields[name], value)
    return dataclasses.replace(recipe, **_with_freeze(values))


def _with_freeze(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings whose ``freeze`` is a text; a fraction of the steps freezes the body until then.

    What is frozen by name stays frozen, unless ``freeze_until`` says something else.
    """
    if "freeze" not in values:
        return values
    freeze = values["freeze"]
    if isinstance(freeze, (list, tuple)):
        freeze = ", ".join(map(str, freeze))
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        return {"freeze_until": float(freeze)} | values | {"freeze": BODY}
    return {"freeze_until": 1.0} | values | {"freeze": freeze}


def _read(field: Field, value: Any) -> Any:
    """Read the text of a value as the field's type; what is not a text stays as it is.

    Raises:
        SettingError: the number that stands for ``auto`` inside, which nobody is to type.
    """
    if not isinstance(value, str) or field.type is str:
        return value
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if field.type is bool:
        return words.get(value.lower(), value)
    try:
        number = int(value) if re.fullmatch(r"\s*[+-]?\d{1,9}\s*", value) else float(value)
    except ValueError:
        return value
    if field.metadata["auto"] and number == AUTO:
        raise _not_allowed(field, number)
    return number


def recipe_to_json(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain data, section by section; its note and quiet defaults are left out."""
    settings = {
        field.name: written(field, getattr(recipe, field.name))
        for field in setting_fields()
        if not (field.metadata["quiet"] and getattr(recipe, field.name) == field.default)
    }
    return {"name": recipe.name, "network": recipe.network, **settings}


def written(field: Field, value: Any) -> Any:
    """Return a field's value as it is typed and kept: ``auto`` for what suits the images."""
    return "auto" if field.metadata["auto"] and value == AUTO else value


def recipe_from_json(data: Mapping[str, Any]) -> Recipe:
    """Return the recipe that :func:`recipe_to_json` wrote.

    Raises:
        SettingError: an unknown field or a value that is not allowed.
    """
    settings = {name: value for name, value in data.items() if name not in ("name", "network")}
    names = {name: str(data[name]) for name in ("name", "network") if name in data}
    try:
        return with_settings(Recipe(**names), settings)  # type: ignore[arg-type]
    except UnknownNameError as error:
        raise SettingError(error.message, error.hint) from error
