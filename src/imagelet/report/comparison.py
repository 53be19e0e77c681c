"""Writing the page that compares several runs."""

import datetime
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files
from imagelet.analysis.comparison import Comparison, Disagreement, compare
from imagelet.analysis.shared_images import open_subjects, shared_images
from imagelet.errors import DataError
from imagelet.report import drawings
from imagelet.report.page import render, scale_from
from imagelet.report.written import Progress, Report, silent

FILE = "comparison.html"
MOST_SHOWN = 24  # disagreements


def write_comparison(
    runs: Sequence[str], out: Path | None = None, *, test: bool = False, progress: Progress = silent
) -> Report:
    """Write the page that compares several runs on the same images.

    Args:
        runs: two or more: a run's folder or name, a ``.safetensors`` file, or a shipped classifier's name.
        out: the file; None: ``comparison.html`` in the current folder.
        test: compare on the test images; this is counted in every run. Else on the validation images that
            they have in common.
        progress: is told how many classifiers have answered, and how many there are.

    Raises:
        ImageletError: runs that are not there, or that cannot be compared.
    """
    started = time.perf_counter()
    split = "test" if test else "validation"
    try:
        found = compare(runs, split, progress=progress)
    except DataError as error:  # what another command would be told to do
        raise DataError(error.message, error.hint.replace("--split test", "--test")) from error
    histories = {
        each.name: each.history for each in found.compared if each.history and each.history.get("val_loss")
    }
    best = {
        each.name: each.best_epoch for each in found.compared if each.best_epoch and each.name in histories
    }
    disagreements = _pictures(runs, found)
    curves = drawings.draw_compared_curves(histories, best) if histories else None
    sections = {
        "accuracy": ("Accuracy", True),
        "pairs": ("Can the difference be chance?", True),
        "curves": ("How the trainings went", curves is not None),
        "settings": ("Settings that differ", True),
        "disagreements": ("Where they disagree", bool(disagreements)),
    }
    html = render(
        "comparison.html",
        datetime.datetime.now().date(),
        found=found,
        sections=[(key, title) for key, (title, there) in sections.items() if there],
        scale=scale_from(min(each.interval[0] for each in found.compared)),
        curves=curves,
        disagreements=disagreements,
        command=shlex.join(["imagelet", "report", *runs, *(["--test"] if test else [])]),
    )
    path = out or Path(FILE)
    atomic_files.write_text(path, html)
    return Report(path, len(html.encode()), split, (), time.perf_counter() - started)


def _pictures(runs: Sequence[str], found: Comparison) -> list[tuple[Disagreement, NDArray[np.uint8]]]:
    """Return the surest disagreements with their images, which have been looked at already."""
    shown = found.disagreements[:MOST_SHOWN]
    if not shown:
        return []
    shared = shared_images(open_subjects(runs), found.split)
    places = {int(number): place for place, number in enumerate(shared.numbers)}
    return [(each, np.asarray(shared.seen[0].images[places[each.image]])) for each in shown]
