"""The result of a training: the classifier of the best epoch, and what its file says of how it was made."""

from importlib.metadata import version
from typing import Any

from imagelet.classifier.classifier import Classifier
from imagelet.metrics.calibration import Calibration
from imagelet.preprocessing.framing import Framing
from imagelet.training.loop import TrainingSetup
from imagelet.training.recipe import recipe_to_json
from imagelet.training.state import State


def trained_classifier(
    setup: TrainingSetup,
    state: State,
    *,
    dataset: str,
    data_sha256: str,
    framing: Framing | None = None,
    start: dict[str, Any] | None = None,
) -> Classifier:
    """Return the classifier of the best epoch, not calibrated yet; its network is the state's own.

    Args:
        setup: of the training.
        state: its end.
        dataset: the name of what was learned from.
        data_sha256: the fingerprint of its training images, before any were set aside.
        framing: how a picture becomes an image; None: fitted into the images' size.
        start: what is said of the classifier that the training started from; None: of none.
    """
    state.network.load_state_dict(state.best_weights)
    summary = {"dataset": dataset, "data_sha256": data_sha256, **_summary(setup, state)}
    if own := setup.own.to_json():
        summary["own"] = {kind: function["name"] for kind, function in own.items()}
    if start is not None:
        summary["start"] = start
    return Classifier(
        network=state.network,
        classes=setup.training.classes,
        framing=framing or Framing("fit", *setup.training.shape),
        normalization=setup.normalization,
        calibration=Calibration.none(),
        training=summary,
        test_time_augmentation=_test_time_augmentation(setup),
    )


def _test_time_augmentation(setup: TrainingSetup) -> str:
    """Return the recipe's; without mirror images where these would be of another class."""
    wanted = setup.recipe.test_time_augmentation
    return wanted if setup.flips else {"mirrored": "none", "mirrored-shifted": "shifted"}.get(wanted, wanted)


def _summary(setup: TrainingSetup, state: State) -> dict[str, Any]:
    """Return what the classifier's file says of its training. No times: equal trainings give equal bytes."""
    figures_of_best, source = state.history[state.best_epoch - 1], state.network.source_sha256
    return {
        "training_images": len(setup.training),
        "validation_images": len(setup.validation) if setup.validation else 0,
        "validation_accuracy": figures_of_best.val_accuracy,
        "recipe": recipe_to_json(setup.recipe),
        "seed": setup.seed,
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "imagelet": version("imagelet"),
        **({} if source is None else {"network_source_sha256": source}),
    }
