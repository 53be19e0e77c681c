"""The definition of an experiment: dataset, network, recipe, split, seed; ``experiment.toml``."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imagelet.cores import MOST_THREADS, read_threads
from imagelet.data.datasets import load_dataset, reference_to
from imagelet.data.splits import read_fold, validation_fraction
from imagelet.errors import SettingError, UsageError
from imagelet.messages import Message
from imagelet.networks.zoo import reference_of
from imagelet.training.recipe import Recipe, recipe_from_json, recipe_to_json, with_settings
from imagelet.training.recipe_file import find_recipe
from imagelet.training.recipes import CLASSES, suitable_network, suited

FORMAT = 1
AUTO = "auto"
LARGEST_SEED = 2**32 - 1
DEFAULT_NETWORK = "small-cnn"
GENERAL, FINE_TUNING = "general", "fine-tuning"  # the recipes where none is named

Text = Annotated[str, Field(max_length=100_000)]
Count = Annotated[int, Field(ge=0, le=10**15)]
Positive = Annotated[int, Field(ge=1, le=10**15)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Threads = Annotated[int, Field(ge=1, le=MOST_THREADS)]
Side = Annotated[int, Field(ge=1, le=65_536)]
Shape = Annotated[list[Side], Field(min_length=3, max_length=3)]


class Checked(BaseModel):
    """Fields with their types and ranges; more fields than these may be there."""

    model_config = ConfigDict(strict=True, extra="allow")


class ExperimentFields(Checked):
    """The fields of an experiment as ``experiment.toml`` holds them."""

    dataset: Annotated[str, Field(max_length=4096)]
    network: Text = DEFAULT_NETWORK
    recipe: dict[str, bool | int | Finite | Text] | None = None
    validation: Text | Fraction = "auto"
    limit: Count = 0
    seed: Count = 0
    device: Text = "auto"
    precision: Text = "auto"
    threads: Threads | Literal["auto"] = "auto"
    input_shape: Annotated[list[Side], Field(min_length=2, max_length=3)] | None = None
    skip_bad: bool = False
    start_from: Annotated[str, Field(max_length=4096)] | None = None


def problem_of(error: ValidationError) -> Message:
    """Return which field of what was read is missing or not allowed, in a few words."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return Message("{field} is missing", field=field)
    given = repr(first["input"])
    given = given if len(given) <= 60 else given[:57] + "…"
    return Message("{field} cannot be {given}", field=field or "content", given=given)


@dataclass(frozen=True)
class Computing:
    """How an experiment is computed; its attributes are those of :class:`Experiment`.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``fp32`` or ``bf16``.
        threads: ``auto``, or a number from 1.
    """

    device: str = AUTO
    precision: str = AUTO
    threads: int | str = AUTO

    @property
    def chosen(self) -> dict[str, Any]:
        """What is not ``auto``, by name."""
        return {name: value for name, value in vars(self).items() if value != AUTO}


AS_SUITS = Computing()  # auto, all of it


@dataclass(frozen=True)
class Experiment:
    """What to train on what, how.

    Attributes:
        dataset: a registered name, or a folder with one subfolder a class.
        network: network text, the name of a network, ``package.module:function``, or ``auto``: what suits
            the images.
        recipe: how to train.
        validation: the fraction of the training images that choose the best epoch (0 up to 1), ``course``
            for the split of the course's notes, ``fold 2 of 5`` for a fold, whose images choose nothing (the
            last epoch is taken), or ``auto``: the dataset's own validation images where it has any, else 0.2.
        limit: how many of the training images to use, drawn at random; 0 for all.
        seed: any whole number from 0; equal seeds give equal results.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``fp32`` or ``bf16``.
        threads: with how many threads the processor computes, from 1 to the number of its cores; ``auto``:
            as torch chooses.
        input_shape: (height, width, channels) for a folder of pictures, or (height, width), which keeps the
            pictures' channels; None: chosen from the pictures.
        skip_bad: leave out pictures that cannot be read, and record which; else they are an error.
        start_from: whose weights the training starts with: a run, a classifier's file or a shipped
            classifier. Its network, normalization and framing are taken, too; None: the weights are drawn.

    Raises:
        SettingError: a value that is not allowed.
    """

    dataset: str
    network: str = DEFAULT_NETWORK
    recipe: Recipe = field(default_factory=Recipe)
    validation: str = "auto"
    limit: int = 0
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    threads: int | str = "auto"
    input_shape: tuple[int, ...] | None = None
    skip_bad: bool = False
    start_from: str | None = None

    def __post_init__(self) -> None:
        for name in ("dataset", "network"):
            if not isinstance(given := getattr(self, name), str):
                raise SettingError(
                    "the {field} of an experiment is a text; this is of the type {type}",
                    hint="imagelet.describe(data, network, …) makes an experiment of arrays and modules",
                    field=name,
                    type=type(given).__name__,
                )
        object.__setattr__(self, "threads", read_threads(self.threads))
        if self.seed < 0:
            raise SettingError("seed = {seed} is not allowed; it is a whole number from 0", seed=self.seed)
        if self.limit < 0:
            raise SettingError(
                "limit = {limit} is not allowed; it is a number of images, 0 for all", limit=self.limit
            )
        if self.validation != AUTO:
            validation_fraction(self.validation)
        if read_fold(self.validation) and self.recipe.early_stopping:
            raise SettingError(
                "early_stopping = {value} is not allowed with folds: their images choose no epoch",
                hint="set early_stopping=0",
                value=self.recipe.early_stopping,
            )

    def to_toml(self) -> dict[str, Any]:
        """Return the experiment as a TOML document's content."""
        content = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        return {"format": FORMAT, **content, "recipe": recipe_to_json(self.recipe)}

    @property
    def reading(self) -> dict[str, Any]:
        """How the dataset is read: what ``load_dataset`` takes besides its name."""
        return {"shape": self.input_shape, "skip_bad": self.skip_bad}

    @classmethod
    def from_toml(cls, content: dict[str, Any]) -> "Experiment":
        """Return the experiment that :meth:`to_toml` wrote; keys of ``[resolved]`` are passed over.

        Raises:
            SettingError: a field that is missing, unknown or not allowed.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        values = {name: value for name, value in content.items() if name not in ("format", "resolved")}
        if unknown := set(values) - known:
            raise SettingError("experiment.toml has the unknown field '{name}'", name=min(unknown))
        try:
            ExperimentFields.model_validate(values)
            values["recipe"] = recipe_from_json(values.get("recipe", {}))
            if "input_shape" in values:
                values["input_shape"] = tuple(values["input_shape"])
            return cls(**values)
        except ValidationError as error:
            raise SettingError("experiment.toml: {problem}", problem=problem_of(error)) from error


def describe(
    dataset: Any,
    network: Any = None,
    recipe: str | os.PathLike[str] | Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
    **rest: Any,
) -> Experiment:
    """Return an experiment: a recipe, its name or its file, with some of its fields replaced.

    Args:
        dataset: what :func:`imagelet.load_dataset` takes; arrays are kept in the cache, where the run finds
            them again.
        network: network text or a network's name; a builder or a module, of which the experiment remembers
            where its code is; None: the recipe's, or that of ``start_from``.
        recipe: how to train; None: ``general``, or ``fine-tuning`` with ``start_from``.
        settings: recipe fields and their values, which may be texts.
        **rest: other fields of the experiment.

    Raises:
        UsageError: an unknown name, or a value that is not allowed.
        DataError: data that cannot be used.
    """
    starts = rest.get("start_from") is not None
    if starts and network is not None:
        raise UsageError(
            "a trained network is started from as it is: {network} cannot take its place",
            hint="leave --network out, or --from",
            network=network,
        )
    recipe = recipe or (FINE_TUNING if starts else GENERAL)
    if not isinstance(recipe, str | os.PathLike | Recipe):
        raise UsageError(
            "a recipe is a name, a file or a Recipe(…); this is of the type {type}",
            hint="imagelet recipes lists the names",
            type=type(recipe).__name__,
        )
    base = recipe if isinstance(recipe, Recipe) else find_recipe(recipe)
    recipe = with_settings(base, settings or {})
    if not isinstance(dataset, str | os.PathLike):
        dataset = reference_to(load_dataset(dataset))
    text = recipe.network if network is None else reference_of(network)
    return Experiment(dataset=os.fspath(dataset), network=AUTO if starts else text, recipe=recipe, **rest)


def settled(
    experiment: Experiment, images: int, shape: tuple[int, int, int], classes: int = CLASSES
) -> Experiment:
    """Return the experiment with what it leaves open settled by the images to learn from.

    Args:
        experiment: its network may be ``auto``, and its recipe leave numbers open.
        images: their number.
        shape: (height, width, channels) of each.
        classes: how many.
    """
    network = suitable_network(shape) if experiment.network == AUTO else experiment.network
    recipe = suited(experiment.recipe, images, shape, classes)
    if experiment.input_shape is not None:
        experiment = dataclasses.replace(experiment, input_shape=shape)
    return dataclasses.replace(experiment, network=network, recipe=recipe)


def settling_facts(resolved: Mapping[str, Any]) -> tuple[int, tuple[int, int, int], int]:
    """Return what :func:`settled` takes of a run: its images to learn from, their shape, its classes.

    Raises:
        KeyError: the run does not say.
    """
    height, width, channels = resolved["input_shape"]
    classes = len(resolved.get("classes", ())) or CLASSES
    return resolved["training_images"], (height, width, channels), classes
