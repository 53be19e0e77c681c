"""How to train: the recipe, and its fields with their units. The named ones are in ``recipes.py``."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagelet.errors import SettingError, UnknownNameError
from imagelet.messages import Message
from imagelet.preprocessing.test_time_augmentation import TEST_TIME_AUGMENTATIONS
from imagelet.registry import Registry

OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "muon")
SCHEDULES = ("constant", "linear", "cosine", "one-cycle")
INITIAL_WEIGHTS = ("glorot", "he", "torch")
NORMALIZATIONS = ("scale", "standardize")
CHOSEN = 0  # epochs, batch size or learning rate: whatever suits the images


def setting(
    default: Any,
    unit: str,
    meaning: str,
    allowed: tuple[Any, Any] | tuple[str, ...] | None = None,
    *,
    open_end: bool = False,
) -> Any:
    """Return a dataclass field that knows its unit, its meaning and the values that are allowed.

    Args:
        default: the value where nothing is said.
        unit: what the number counts, or "name".
        meaning: one sentence for help texts and the page.
        allowed: lowest and highest number, or the names to choose from.
        open_end: the highest number itself is not allowed.
    """
    return dataclasses.field(
        default=default,
        metadata={"unit": unit, "meaning": meaning, "allowed": allowed, "open_end": open_end},
    )


@dataclass(frozen=True)
class Recipe:
    """How to train a network: every number that decides the result, with its unit.

    Attributes:
        name: what is typed.
        note: what it is for, and what was measured.
        network: what it trains where no other network is named: a name, network text, or ``auto``: what
            suits the images.

    Raises:
        SettingError: a value that is not allowed; the message names the field and what is allowed.
    """

    name: str = "default"
    note: str = dataclasses.field(default="", compare=False)
    network: str = "small-cnn"
    epochs: int = setting(
        10, "epochs", "passes over the training images; 0 for what suits their number", (0, 100_000)
    )
    batch_size: int = setting(
        128, "images", "images in one optimizer step; 0 for what suits their number", (0, 65_536)
    )
    optimizer: str = setting("adamw", "name", "the update rule", OPTIMIZERS)
    learning_rate: float = setting(
        0.003, "per step", "the highest step size of the schedule; 0 for what suits the batch", (0.0, 1000.0)
    )
    adamw_learning_rate: float = setting(
        0.01, "per step", "muon: the step size of AdamW, for all but convolutions", (1e-9, 1000.0)
    )
    freeze_first_layer_at: float = setting(
        1.0, "share of the steps", "how long the first layer learns; below 1 the step falls to 0", (0.0, 1.0)
    )
    schedule: str = setting("one-cycle", "name", "the step size from first to last step", SCHEDULES)
    warmup: float = setting(0.2, "share of the steps", "rise of the step size at the start", (0.0, 0.9))
    momentum: float = setting(
        0.9, "per step", "memory of momentum, nesterov and muon", (0.0, 1.0), open_end=True
    )
    beta1: float = setting(0.9, "per step", "memory of Adam's mean", (0.0, 1.0), open_end=True)
    beta2: float = setting(0.999, "per step", "memory of Adam's mean square", (0.0, 1.0), open_end=True)
    rho: float = setting(0.9, "per step", "memory of RMSprop's mean square", (0.0, 1.0), open_end=True)
    epsilon: float = setting(1e-7, "gradient", "keeps adaptive steps finite", (1e-16, 1.0))
    weight_decay: float = setting(
        0.0, "per learning rate", "pull of the weights to zero; decoupled in adamw, else L2", (0.0, 10.0)
    )
    label_smoothing: float = setting(
        0.0, "share", "part of each label spread over all classes", (0.0, 1.0), open_end=True
    )
    max_gradient_norm: float = setting(0.0, "norm", "longest gradient; 0 for no limit", (0.0, 1e9))
    ema_decay: float = setting(
        0.0, "per step", "memory of the averaged weights; 0 for none", (0.0, 1.0), open_end=True
    )
    early_stopping: int = setting(
        0, "epochs", "stop after so many without a better validation loss; 0 for never", (0, 100_000)
    )
    shift: float = setting(
        0.0, "pixels", "largest random shift, each way; -1 for a sixteenth of the shorter side", (-1.0, 64.0)
    )
    rotation: float = setting(0.0, "degrees", "largest random rotation, each way", (0.0, 180.0))
    scaling: float = setting(0.0, "share", "largest random growth or shrinkage", (0.0, 0.9))
    shear: float = setting(0.0, "degrees", "largest random slant, each way", (0.0, 60.0))
    thickness: float = setting(
        0.0, "pixels", "how much each side of a light stroke grows or shrinks at most", (0.0, 1.0)
    )
    coarseness: float = setting(0.0, "share", "images drawn at half their resolution", (0.0, 1.0))
    blur: float = setting(0.0, "share", "largest part of a 3x3 blur in an image", (0.0, 1.0))
    background: float = setting(
        0.0,
        "share of the contrast",
        "how light a gradient of grey behind the strokes becomes at most",
        (0.0, 1.0),
    )
    noise: float = setting(0.0, "normalised pixels", "largest deviation of added noise", (0.0, 2.0))
    outlier_share: float = setting(
        0.0,
        "share of the batch",
        "images torn up and mixed, that are to be answered with no class",
        (0.0, 1.0),
    )
    cutout: int = setting(0, "pixels", "side of a square that is blanked at random; 0 for none", (0, 64))
    flip: bool = setting(
        True,
        "yes or no",
        "mirror every other epoch, where the dataset's card says a mirror image keeps its class",
    )
    normalization: str = setting(
        "standardize",
        "name",
        "scale: pixels to 0..1; standardize: mean 0 and deviation 1 as well",
        NORMALIZATIONS,
    )
    initial_weights: str = setting("glorot", "name", "how the weights are drawn at first", INITIAL_WEIGHTS)
    test_time_augmentation: str = setting(
        "none",
        "name",
        "views of an image whose logits the classifier averages; mirrored as flip",
        TEST_TIME_AUGMENTATIONS,
    )

    def __post_init__(self) -> None:
        for field in setting_fields():
            object.__setattr__(self, field.name, checked(field, getattr(self, field.name)))


def setting_fields() -> tuple[dataclasses.Field[Any], ...]:
    """Return the recipe's settings: the fields with a unit."""
    return tuple(field for field in dataclasses.fields(Recipe) if field.metadata)


def checked(field: "dataclasses.Field[Any]", value: Any) -> Any:
    """Return ``value`` in the field's own type.

    Raises:
        SettingError: it has another type, or is not among the values that are allowed.
    """
    allowed = field.metadata["allowed"]
    if field.type is bool:
        if not isinstance(value, bool):
            raise _refusal(field, value, "true or false")
        return value
    if field.type is str:
        if value not in allowed:
            raise _refusal(field, value, f"one of {', '.join(allowed)}")
        return value
    lowest, highest = allowed
    end = "below" if field.metadata["open_end"] else "to"
    kind = "a whole number" if field.type is int else "a number"
    expected = f"{kind} from {lowest:g} {end} {highest:g} ({field.metadata['unit']})"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _refusal(field, value, expected)
    if field.type is int and value != int(value):
        raise _refusal(field, value, expected)
    if not lowest <= value <= highest or (field.metadata["open_end"] and value == highest):
        raise _refusal(field, value, expected)
    return int(value) if field.type is int else float(value)


def _refusal(field: "dataclasses.Field[Any]", value: Any, expected: str) -> SettingError:
    return SettingError(
        "{field} = {value!r} is not allowed; it is {expected}",
        field=field.name,
        value=value,
        expected=expected,
    )


def with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """Return ``recipe`` with some fields replaced; values may be the texts that a user typed.

    Raises:
        UnknownNameError: no such field; the nearest is suggested.
        SettingError: a value that is not allowed.
    """
    fields: Registry[dataclasses.Field[Any]] = Registry(Message("recipe field"), "imagelet recipes default")
    for field in setting_fields():
        fields.add(field.name, field)
    values = {name: _read(fields.get(name), value) for name, value in settings.items()}
    return dataclasses.replace(recipe, **values)


def _read(field: "dataclasses.Field[Any]", value: Any) -> Any:
    """Read the text of a value as the field's type; what is not a text stays as it is."""
    if not isinstance(value, str) or field.type is str:
        return value
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if field.type is bool:
        return words.get(value.lower(), value)
    try:
        return float(value)
    except ValueError:
        return value


def recipe_to_json(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain data, in the order of its fields; its note belongs to the named one."""
    return {name: value for name, value in dataclasses.asdict(recipe).items() if name != "note"}


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
