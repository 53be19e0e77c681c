"""The end of a training: the classifier of the best epoch, metrics, figures, model card."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from imagelet import atomic_files, html_repr, plots
from imagelet.analysis import error_analysis
from imagelet.analysis.test_evaluation import Evaluated, evaluate_test_images
from imagelet.classifier.classifier import Classifier
from imagelet.data.imageset import Dataset
from imagelet.experiment.session import Clock
from imagelet.metrics.calibration import fit_calibration
from imagelet.preprocessing.framing import Framing
from imagelet.runs.files import write_history
from imagelet.runs.model_card import write_model_card
from imagelet.runs.run import Run
from imagelet.training.checkpoint import remove_checkpoints
from imagelet.training.history import as_columns, as_frame
from imagelet.training.lanes import rounding_of
from imagelet.training.loop import TrainingSetup
from imagelet.training.result import trained_classifier
from imagelet.training.state import State


@dataclass(frozen=True)
class Finished:
    """A run is finished: its folder is complete.

    Attributes:
        run: its folder.
        classifier: the classifier of the best epoch.
        metrics: the content of ``metrics.json``.
    """

    run: Run
    classifier: Classifier
    metrics: dict[str, Any]

    def __repr__(self) -> str:
        figures = [
            f"{part} accuracy {html_repr.accuracy(known['accuracy'], known['interval'], known['images'])}"
            for part in ("validation", "test")
            if (known := self.metrics.get(part))
        ]
        return f"Finished({', '.join([f'run {str(self.run.folder)!r}', *figures])})"

    @property
    def history(self) -> dict[str, list[float]]:
        """The figures of the epochs by name, as Keras has them: ``loss``, ``val_accuracy`` and others."""
        return as_columns(self.run.history)

    def history_frame(self) -> Any:
        """Return the figures of the epochs as a ``pandas.DataFrame``, a row an epoch.

        Raises:
            UsageError: pandas is not installed.
        """
        return as_frame(self.run.history)

    def _repr_html_(self) -> str:
        """Return the run and its classifier as a notebook shows them."""
        return html_repr.joined(
            html_repr.Html(self.run._repr_html_()), html_repr.Html(self.classifier._repr_html_())
        )


def finish(
    run: Run, dataset: Dataset, setup: TrainingSetup, state: State, clock: Clock, *, test: bool
) -> Finished:
    """Complete the run folder. ``metrics.json`` comes last: with it, the run counts as finished.

    The test images are read only if ``test`` says so; the test evaluation is counted.
    """
    with rounding_of(setup):
        return _finished(run, dataset, setup, state, clock, test=test)


def _finished(
    run: Run, dataset: Dataset, setup: TrainingSetup, state: State, clock: Clock, *, test: bool
) -> Finished:
    start = run.experiment["resolved"].get("start")
    classifier = _classifier(dataset, setup, state, start)
    write_history(run.folder, state.history)
    plots.save(plots.curves(as_columns(state.history)), run.figures / "curves.png")
    metrics: dict[str, Any] = {
        "parameters": run.experiment["resolved"]["parameters"],
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "images_per_second": clock.images_per_second,
    }
    if setup.validation is not None:
        logits = classifier.logits(setup.validation.images)
        classifier = classifier.calibrated(fit_calibration(logits, setup.validation.labels))
        probabilities = classifier.calibration.probabilities(logits)
        figures = classifier.compute_metrics(setup.validation, probabilities)
        validated = Evaluated(setup.validation, probabilities, figures)
        metrics["validation"] = figures.to_json(classifier.classes)
        error_analysis.draw_evaluation(run.figures, validated, "validation")
    classifier.save(run.classifier_file)
    classifier = replace(classifier, file=run.classifier_file)
    if test:
        tested = evaluate_test_images(run, classifier, dataset)
        metrics["test"] = tested.metrics.to_json(classifier.classes)
        if tested.learned_before is not None:
            metrics["test"]["learned_before"] = tested.learned_before
        error_analysis.draw_evaluation(run.figures, tested, "test")
    if state.manual_changes:
        metrics["manual_changes"] = [asdict(change) for change in state.manual_changes]
    metrics["seconds"] = {"data": clock.data, "training": clock.training, "total": clock.total}
    write_model_card(run, classifier, dataset.card, metrics)
    atomic_files.write_json(run.folder / "metrics.json", metrics)
    remove_checkpoints(run.checkpoints)
    return Finished(run, classifier, metrics)


def _classifier(
    dataset: Dataset, setup: TrainingSetup, state: State, start: dict[str, Any] | None
) -> Classifier:
    """Return the classifier of the best epoch, not calibrated yet.

    Args:
        dataset: what was learned from.
        setup: of the training.
        state: its end.
        start: what the run's folder says of the classifier that it started from; None: of none.
    """
    alone = Framing.from_json(start["framing"]) if start else None
    kept = ("name", "sha256", "head", "learned_from")
    return trained_classifier(
        setup,
        state,
        dataset=dataset.card.name,
        data_sha256=dataset.train.fingerprint(),
        framing=dataset.card.framing or alone,
        start=None if start is None else {name: start[name] for name in kept},
    )
