"""What a script for another library trains: network, data, split and recipe of a run, or of a network."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from imagelet.classifier.classifier import Classifier
from imagelet.data.known import datasets
from imagelet.data.splits import BY_SOURCE, COURSE, COURSE_SEED, COURSE_SHARE, Split, read_fold
from imagelet.errors import UsageError
from imagelet.messages import Message
from imagelet.networks.layer_kind import Layer, place_layers
from imagelet.networks.summary import infer_shapes
from imagelet.networks.text import parse, with_open_classes
from imagelet.networks.zoo import NamedNetwork, find_network
from imagelet.preprocessing.normalization import Normalization
from imagelet.runs.definition import AUTO, Experiment
from imagelet.runs.learner import Learner, find_learner
from imagelet.training.recipe import Recipe, recipe_from_json, setting_fields, with_settings
from imagelet.training.recipe_file import find_recipe
from imagelet.training.recipes import recipes, suited

IMAGES_IF_UNKNOWN = 10_000
UNKNOWN_SETTINGS = {  # settings that no script knows, and their values that change nothing
    "freeze_first_layer_at": 1.0,
    "freeze": "",
    "outlier_share": 0.0,
    "class_weights": "none",
    "sampling": "shuffled",
    "shear": 0.0,
    "thickness": 0.0,
    "coarseness": 0.0,
    "blur": 0.0,
    "background": 0.0,
    "noise": 0.0,
    "cutout": 0,
    "ema_decay": 0.0,
    "test_time_augmentation": "none",
}


@dataclass(frozen=True, eq=False)
class ScriptedTraining:
    """A training that a script does again, with all that the script says of it.

    Attributes:
        name: the run's or the network's, fit for a file's name.
        network: its text or name.
        input_shape: (height, width, channels).
        classes: how many logits it gives.
        dataset: a registered dataset's name; of other data a name for its file.
        registered: whether it is a registered dataset.
        recipe: how to train, no field of which is ``auto``.
        validation: how images are set aside: a fraction, ``course``, ``fold 2 of 5``, ``own`` for the
            dataset's own, or 0.
        seed: of split and training.
        limit: how many of the training images are used, drawn by the seed; 0 for all.
        normalization: the numbers; None: those of the training images.
        weights: the trained weights by their names, NumPy arrays; None: the script trains.
        left_out: what no script can say, a sentence each.
    """

    name: str
    network: str
    input_shape: tuple[int, int, int]
    classes: int
    dataset: str
    registered: bool
    recipe: Recipe
    validation: str = "0.1"
    seed: int = 0
    limit: int = 0
    normalization: Normalization | None = None
    weights: Mapping[str, NDArray[Any]] | None = None
    left_out: tuple[str, ...] = ()

    @cached_property
    def layers(self) -> list[tuple[str, Layer]]:
        """The named layers, a closing softmax included.

        Raises:
            UsageError: only torch knows them.
        """
        layers = find_network(self.network).named_layers(self.input_shape, self.classes)
        if layers is None:
            raise UsageError(
                "the network '{network}' is code of its own, of which no script can be written",
                hint="imagelet networks lists those that can",
                network=self.network,
            )
        return layers

    @property
    def parameters(self) -> int:
        """How many the network has, with running averages."""
        return sum(placed.parameters for placed in place_layers(self.layers, self.input_shape))

    @property
    def ends_in_softmax(self) -> bool:
        """Whether its last layer makes probabilities."""
        return self.layers[-1][1].closing

    @property
    def title(self) -> str:
        """What the data is called."""
        return datasets.get(self.dataset).card.title if self.registered else self.dataset

    @property
    def flips(self) -> bool:
        """Whether images are mirrored in training."""
        return self.recipe.flip and (not self.registered or datasets.get(self.dataset).card.flips)

    @property
    def augmentation(self) -> dict[str, float]:
        """How far training images are changed, by the recipe's names, as far as scripts know how."""
        if self.weights is not None:
            return {}
        amounts = {"flip": float(self.flips)}
        amounts |= {name: getattr(self.recipe, name) for name in ("shift", "rotation", "scaling")}
        return {name: amount for name, amount in amounts.items() if amount}

    @property
    def sets_aside(self) -> bool:
        """Whether there are validation images that choose the epoch."""
        return self.validation not in ("0", "0.0")

    @property
    def chooses(self) -> bool:
        """Whether validation images choose the epoch; those of a fold do not."""
        return self.sets_aside and self.split[0] != "fold"

    @property
    def split(self) -> tuple[str, float, int]:
        """How images are set aside: by ``share``, ``course``, ``fold`` or ``own``; the fraction; the fold."""
        if self.validation == COURSE:
            return COURSE, COURSE_SHARE, COURSE_SEED
        if fold := read_fold(self.validation):
            return "fold", fold[1], fold[0] - 1
        if self.validation == "own":
            return "own", 0.0, 0
        return "share", float(self.validation), self.seed


def of_network(
    text_or_name: str,
    dataset: str,
    recipe: str | Recipe,
    settings: Mapping[str, Any] | None = None,
    validation: str = "0.1",
    seed: int = 0,
    input_shape: tuple[int, int, int] | None = None,
) -> ScriptedTraining:
    """Return a training of a network that has not been trained.

    Args:
        text_or_name: network text, or the name of a network.
        dataset: a registered dataset's name.
        recipe: how to train, or its name.
        settings: of the recipe, which take the place of its own.
        validation: as :class:`imagelet.runs.definition.Experiment` takes it.
        seed: of split and training.
        input_shape: (height, width, channels); None: the dataset's.

    Raises:
        UsageError: an unknown name, or a network that does not fit.
    """
    known = datasets.get(dataset)
    shape = input_shape or (known.card.framing.shape if known.card.framing else (28, 28, 1))
    base = recipe if isinstance(recipe, Recipe) else find_recipe(recipe)
    settled = suited(with_settings(base, settings or {}), known.images["train"], shape)
    network = find_network(text_or_name)
    classes = len(known.card.classes)
    if network.builder is None:
        infer_shapes(network.text, shape, classes)
    name = network.name or "network"
    training = ScriptedTraining(
        name, _text_of(network, classes), shape, classes, dataset, True, settled, validation, seed
    )
    return replace(training, left_out=tuple(_left_out(training, network)))


def of_run(run_or_file: Any, *, with_weights: bool = False) -> ScriptedTraining:
    """Return the training of a run, or of a classifier's file as far as that tells it.

    Args:
        run_or_file: as :func:`imagelet.runs.learner.find_learner` takes it.
        with_weights: the script takes the trained weights instead of training.

    Raises:
        RunError, ClassifierFileError: there is no such classifier, or it cannot be read.
        UsageError: its network is code of its own, or the file does not say what it was trained on.
    """
    learner = find_learner(run_or_file)
    classifier = learner.load()
    told = classifier.training
    dataset = str(told.get("dataset", ""))
    experiment = None if learner.run is None else Experiment.from_toml(learner.run.experiment)
    registered = dataset in datasets
    recipe = _recipe(classifier, experiment)
    network = find_network(classifier.network_text)
    weights = classifier.network.state_dict() if with_weights else None
    training = ScriptedTraining(
        name=_file_name(learner.name),
        network=_text_of(network, len(classifier.classes)),
        input_shape=classifier.input_shape,
        classes=len(classifier.classes),
        dataset=dataset if registered else _file_name(learner.name),
        registered=registered,
        recipe=recipe,
        validation=_validation(learner, experiment),
        seed=experiment.seed if experiment else 0,
        limit=experiment.limit if experiment else 0,
        normalization=classifier.normalization,
        weights=None if weights is None else {name: tensor.cpu().numpy() for name, tensor in weights.items()},
    )
    return replace(training, left_out=tuple(_left_out(training, network, classifier, learner)))


def _recipe(classifier: Classifier, experiment: Experiment | None) -> Recipe:
    """Return how a classifier was trained; Keras's defaults where it does not say."""
    told = classifier.training.get("recipe")
    recipe = experiment.recipe if experiment else None
    if isinstance(told, dict):
        recipe = recipe_from_json(told)
    images = classifier.training.get("training_images")
    count = images if isinstance(images, int) and images > 0 else IMAGES_IF_UNKNOWN
    return suited(recipe or recipes.get("keras"), count, classifier.input_shape)


def _validation(learner: Learner, experiment: Experiment | None) -> str:
    """Return how a run's images were set aside; of a file without its run a tenth, as it does not say."""
    if learner.run is None or experiment is None:
        return "0.1"
    method = Split.load(learner.run.folder / "split.json").method.removesuffix(BY_SOURCE)
    if method == "all":
        return "own" if experiment.validation == AUTO else "0"
    return method.removeprefix("stratified ")


def _text_of(network: NamedNetwork, classes: int) -> str:
    """Return a network's name where it has one, also where only its text is known, else its text."""
    if network.name:
        return network.name
    from imagelet.networks.zoo import networks

    text = with_open_classes(network.text, classes)
    named = (name for name in networks if networks.get(name).text == text)
    return next(named, " ".join(layer.text for layer in parse(network.text)))


def _file_name(name: str) -> str:
    """Return a name that files and Python texts can have, whatever a classifier's file calls itself."""
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "run"


def _left_out(
    training: ScriptedTraining,
    network: NamedNetwork,
    classifier: Classifier | None = None,
    learner: Learner | None = None,
) -> list[str]:
    """Return what no script says of a training, a sentence each."""
    left_out: list[str] = []
    if training.weights is not None:
        assert classifier is not None
        if classifier.test_time_augmentation != "none":
            left_out.append(Message("test-time augmentation: an image is looked at once"))
        if classifier.calibration.temperature != 1:
            left_out.append(Message("calibration: probabilities are as the network gives them"))
        return left_out
    for field in setting_fields():
        value = getattr(training.recipe, field.name)
        if field.name in UNKNOWN_SETTINGS and value != UNKNOWN_SETTINGS[field.name]:
            left_out.append(Message(field.metadata["term"]))
    if training.recipe.optimizer == "muon":
        left_out.append(Message("Muon: AdamW takes its place"))
    if network.builder is not None:
        left_out.append(
            Message(
                "the whitening first layer and the fixed scales of normalisations: all weights are learnt"
            )
        )
    if learner is not None and learner.run is not None:
        if Split.load(learner.run.folder / "split.json").method.endswith(BY_SOURCE):
            left_out.append(Message("the split by source: images of one writer may be on both sides"))
        if learner.run.start_file.exists():
            left_out.append(Message("the weights that the training started with: they are drawn"))
    elif learner is not None:
        left_out.append(Message("the split of the run, which the file does not tell: a tenth is set aside"))
    return left_out
