"""Writing the page of a run."""

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagelet import atomic_files
from imagelet.classifier.classifier import Classifier
from imagelet.errors import ClassifierFileError, DataError, ImageletError, RunError, UsageError
from imagelet.networks import summarize
from imagelet.report import drawings
from imagelet.report.answers import Answered, answer, galleries
from imagelet.report.gathering import RunFacts, gather
from imagelet.report.insights import insights
from imagelet.report.page import Section, class_rows, render, scale_from
from imagelet.report.written import Progress, Report, silent
from imagelet.runs.run import Run
from imagelet.runs.store import find_run, shipped_classifiers

if TYPE_CHECKING:
    from imagelet.networks.summary import Summary

FILE = "report.html"


@dataclass(frozen=True)
class RunPage:
    """What the page of a run shows; what there is not is None or empty."""

    facts: RunFacts
    sections: tuple[Section, ...]
    layers: "Summary | None"
    curves: drawings.Drawing | None
    confusion: drawings.Drawing | None
    class_rows: Sequence[Any]
    class_scale: Any
    answered: Answered | None
    reliability: drawings.Drawing | None
    galleries: Sequence[Any]
    insights: Sequence[Any]
    left_out: tuple[str, ...]


def open_run(text: str) -> Run:
    """Return the run that ``text`` names.

    Raises:
        UsageError: it names a classifier without its run.
        RunError: there is no such run.
    """
    try:
        return find_run(text)
    except RunError:
        if text in shipped_classifiers() or text.endswith(".safetensors"):
            raise UsageError(
                "'{name}' is a classifier without its run: a report tells of a training, too",
                hint="imagelet evaluate {name} tells how good it is; imagelet runs lists the runs",
                name=text,
            ) from None
        raise


def write_report(
    run: Run, out: Path | None = None, *, test: bool = False, progress: Progress = silent
) -> Report:
    """Write the page of a finished run.

    Without ``test`` no test image is read: test figures are those that the run has already, pictures are the
    validation images. What needs data that are not there is left out, and the page says so.

    Args:
        run: the run.
        out: the file; None: ``report.html`` in the run folder.
        test: evaluate on the test images, which is counted; the pictures are theirs.
        progress: is told how many steps are done, and of how many.

    Raises:
        RunError: the run is not finished, or is damaged.
        DataError: with ``test``, there are no test images.
    """
    started = time.perf_counter()
    facts = gather(run)
    classifier, answered, left_out = _asked(run, test)
    progress(1, 3)
    if test:
        facts = gather(run)  # with the figures and the test evaluation that were added
    inside = insights(run, classifier, answered, left_out, progress) if classifier and answered else ()
    progress(2, 3)
    html = render(
        "run.html", datetime.datetime.now().date(), page=_page(facts, classifier, answered, inside, left_out)
    )
    path = out or run.folder / FILE
    atomic_files.write_text(path, html)
    progress(3, 3)
    part = answered.part if answered else None
    return Report(path, len(html.encode()), part, tuple(left_out), time.perf_counter() - started)


def _asked(run: Run, test: bool) -> tuple[Classifier | None, Answered | None, list[str]]:
    """Return the classifier and its answers, as far as they are to be had, and what is left out."""
    missing = "The network’s layers, pictures, calibration and all that is inside the network"
    try:
        classifier = Classifier.load(run.classifier_file)
    except (ClassifierFileError, UsageError) as error:
        return None, None, [f"{missing}: {_sentence(error)}"]
    try:
        return classifier, answer(run, classifier, "test" if test else "validation"), []
    except ImageletError as error:
        if test:
            raise
        what = "Pictures, calibration and all that is inside the network"
        hint = "; imagelet report --test evaluates on the test images" if _has_none(error) else ""
        return classifier, None, [f"{what}: {_sentence(error)}{hint}."]


def _has_none(error: ImageletError) -> bool:
    return isinstance(error, DataError) and "no validation images" in error.message


def _sentence(error: ImageletError) -> str:
    return error.message


def _page(
    facts: RunFacts,
    classifier: Classifier | None,
    answered: Answered | None,
    inside: Sequence[Any],
    left_out: list[str],
) -> RunPage:
    shown = facts.parts[0] if facts.parts else None
    rows = class_rows(shown) if shown else []
    lows = [reach[0] for each, reach in rows if each.recall is not None]
    found = {
        "repeat": ("What was trained, and how to repeat it", True),
        "training": ("How the training went", bool(facts.history["loss"])),
        "accuracy": ("How good it is", shown is not None),
        "calibration": ("How far to trust its probabilities", answered is not None),
        "pictures": ("Pictures", answered is not None),
        "inside": ("Inside the network", bool(inside)),
        "environment": ("Where it was trained", bool(facts.environment)),
        "about": ("What to bear in mind", True),
    }
    return RunPage(
        facts=facts,
        sections=tuple(Section(key, title) for key, (title, there) in found.items() if there),
        layers=summarize(classifier.network) if classifier else None,
        curves=drawings.draw_curves(facts.history, facts.best_epoch) if facts.history["loss"] else None,
        confusion=drawings.draw_confusion(shown) if shown else None,
        class_rows=rows,
        class_scale=scale_from(min(lows, default=0.0)),
        answered=answered,
        reliability=drawings.draw_reliability(answered.review) if answered else None,
        galleries=galleries(answered) if answered else (),
        insights=inside,
        left_out=tuple(left_out),
    )
