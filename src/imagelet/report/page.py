"""The page of a run, and the page that compares several: data → HTML through Jinja2."""

import datetime
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagelet import atomic_files, html_repr, paths
from imagelet.analysis.comparison import Comparison, Disagreement, compare, open_subjects, shared_images
from imagelet.classifier.classifier import Classifier
from imagelet.errors import ClassifierFileError, DataError, ImageletError, RunError, UsageError
from imagelet.messages import Message
from imagelet.metrics.classification import wilson_interval
from imagelet.networks.summary import Summary, summarize_text
from imagelet.progress import Progress, silent, write_seconds
from imagelet.report import drawings
from imagelet.report.gathering import (
    Answered,
    RunFacts,
    Setting,
    Tile,
    answer,
    galleries,
    gather,
    interval_in_words,
    write_value,
)
from imagelet.report.inside import Insight, insights
from imagelet.runs.run import Run
from imagelet.runs.store import find_run, shipped_classifiers

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Report:
    """A page that was written.

    Attributes:
        file: where it is.
        size: its bytes.
        part: whose images it shows, ``validation`` or ``test``; None where it shows none.
        left_out: what is not in it and why, a sentence each.
        seconds: what it took.
    """

    file: Path
    size: int
    part: str | None
    left_out: tuple[str, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        facts = {"file": str(self.file), "bytes": self.size, "part": self.part}
        return {**facts, "left_out": list(self.left_out), "seconds": self.seconds}


SCALES = (0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0.0)  # where a scale of shares may begin; all end at 1
LEFT, RIGHT = 6, 294  # where a scale begins and ends in its drawing


@dataclass(frozen=True)
class Scale:
    """A line from a share to 100 %, on which intervals lie."""

    low: float

    @property
    def low_text(self) -> str:
        """What stands at its left end."""
        return f"{100 * self.low:g} %"

    def at(self, share: float) -> str:
        """Return where ``share`` lies in the drawing."""
        return f"{LEFT + (RIGHT - LEFT) * max(share - self.low, 0.0) / (1 - self.low):.1f}"


def scale_from(lowest: float) -> Scale:
    """Return the shortest scale on which a share of ``lowest`` has a place."""
    return Scale(next(low for low in SCALES if low <= lowest))


def render(template: str, **content: Any) -> str:
    """Return the page that ``template`` makes of ``content``.

    Args:
        template: its file, ``run.html`` or ``comparison.html``.
        **content: what the template asks for.
    """
    today = datetime.datetime.now().date().isoformat()
    page: str = _environment().get_template(template).render(css=_style(), written=today, **content)
    return page


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("imagelet.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., str | Scale]] = {
        "address": drawings.image_address,
        "chance": lambda p: "< 0.0001" if p < 0.0001 else f"{p:.2g}",
        "count": lambda number: f"{number:,.0f}",
        "cut": lambda text, most: text if len(text) <= most else f"{text[: most - 1]}…",
        "duration": lambda seconds: write_seconds(seconds) if isinstance(seconds, int | float) else "–",
        "interval": interval_in_words,
        "listed": html_repr.listed,
        "percent": write_percent,
        "points": lambda difference: f"{100 * difference:+.2f}".replace("-", "−"),
        "scale": lambda figures: scale_from(figures["interval"][0]),
        "settings": _settings,
        "times": lambda number: "once" if number == 1 else f"{number:,} times",
        "told": tell,
        "value": write_value,
    }
    environment.filters.update(filters)
    environment.globals["version"] = version("imagelet")
    return environment


@cache
def _style() -> Any:
    """Return the style sheet, ready to stand in the page: it is ours, and holds no ``<``."""
    sheet = resources.files("imagelet.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    return html_repr.Html(sheet)


def write_percent(share: float | None, decimals: int = 2) -> str:
    """Return ``98.33 %``, never rounded up to 100 or down to 0, in one piece; a dash for None."""
    return "–" if share is None else f"{html_repr.write_percent(share, decimals)}\N{NO-BREAK SPACE}%"


def tell(tile: Tile) -> str:
    """Return what an image shows and what it was taken for, in words."""
    sure = write_percent(tile.probability, 1)
    if tile.right:
        return f"{tile.name}: {tile.label}, answered right with {sure}"
    return f"{tile.name}: {tile.label}, taken for {tile.answer} with {sure}"


def _settings(settings: Sequence[Setting]) -> str:
    """Return the settings that are not imagelet's defaults, in words."""
    changed = [f"{setting.name.replace('_', ' ')} {setting.value}" for setting in settings if setting.differs]
    return ", ".join(changed) or "imagelet’s defaults"


RUN_PAGE = "report.html"


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
                hint="imagelet evaluate {typed} tells how good it is; imagelet runs lists the runs",
                name=text,
                typed=paths.typed(text),
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
    html = render("run.html", page=_page(facts, classifier, answered, inside) | {"left_out": left_out})
    path = out or run.folder / RUN_PAGE
    atomic_files.write_text(path, html)
    progress(3, 3)
    part = answered.part if answered else None
    return Report(path, len(html.encode()), part, tuple(left_out), time.perf_counter() - started)


def _asked(run: Run, test: bool) -> tuple[Classifier | None, Answered | None, list[str]]:
    """Return the classifier and its answers, as far as they are to be had, and what is left out."""
    missing = Message("The network’s layers, pictures, calibration and all that is inside the network")
    try:
        classifier = Classifier.load(run.classifier_file)
    except (ClassifierFileError, UsageError) as error:
        return None, None, [Message("{what}: {problem}", what=missing, problem=error.message)]
    try:
        return classifier, answer(run, classifier, "test" if test else "validation"), []
    except ImageletError as error:
        if test:
            raise
        what = Message("Pictures, calibration and all that is inside the network")
        values = {"what": what, "problem": error.message}
        sentence = Message("{what}: {problem}.", **values)
        if isinstance(error, DataError) and "no validation images" in error.message:
            sentence = Message(
                "{what}: {problem}; imagelet report --test evaluates on the test images.", **values
            )
        return classifier, None, [sentence]


def _summary(classifier: Classifier) -> Summary:
    """Return the summary of a network: from its text where that tells its layers."""
    network = classifier.network
    if getattr(network, "layers", ()):
        return summarize_text(network.text, network.input_shape, network.classes)
    from imagelet.networks.module_summary import summarize  # loads torch's compiler

    return summarize(network)


def _page(
    facts: RunFacts, classifier: Classifier | None, answered: Answered | None, inside: Sequence[Insight]
) -> dict[str, Any]:
    """Return what the page of a run shows; what there is not is None or empty."""
    shown = facts.parts[0] if facts.parts else None
    rows = []  # each class's figures with its recall's interval
    for place, known in enumerate(shown["classes"] if shown else ()):
        assert shown is not None
        rows.append((known, wilson_interval(shown["confusion"][place][place], known["images"])))
    lows = [interval.low for known, interval in rows if known["recall"] is not None]
    trained = bool(facts.history["loss"])
    sections = {
        "repeat": ("What was trained, and how to repeat it", True),
        "training": ("How the training went", trained),
        "accuracy": ("How good it is", shown is not None),
        "calibration": ("How far to trust its probabilities", answered is not None),
        "pictures": ("Pictures", answered is not None),
        "inside": ("Inside the network", bool(inside)),
        "environment": ("Where it was trained", bool(facts.environment)),
        "about": ("What to bear in mind", True),
    }
    return {
        "facts": facts,
        "sections": _named(sections),
        "layers": _summary(classifier) if classifier else None,
        "curves": drawings.draw_curves(facts.history, facts.metrics["best_epoch"]) if trained else None,
        "confusion": drawings.draw_confusion(shown) if shown else None,
        "class_rows": rows,
        "class_scale": scale_from(min(lows, default=0.0)),
        "answered": answered,
        "reliability": drawings.draw_reliability(answered.error_analysis) if answered else None,
        "galleries": galleries(answered) if answered else (),
        "insights": inside,
    }


def _named(sections: dict[str, tuple[str, bool]]) -> list[tuple[str, str]]:
    """Return address and title of the sections that there are."""
    return [(key, title) for key, (title, there) in sections.items() if there]


COMPARISON_PAGE = "comparison.html"
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
    trained = [run for run in found.compared if run.history and run.history.get("val_loss")]
    curves = None
    if trained:
        best = {run.name: run.best_epoch for run in trained if run.best_epoch}
        histories = {run.name: run.history for run in trained if run.history}
        curves = drawings.draw_compared_curves(histories, best)
    disagreements = _pictures(runs, found)
    sections = {
        "accuracy": ("Accuracy", True),
        "pairs": ("Can the difference be chance?", True),
        "curves": ("How the trainings went", curves is not None),
        "settings": ("Settings that differ", True),
        "disagreements": ("Where they disagree", bool(disagreements)),
    }
    html = render(
        "comparison.html",
        found=found,
        sections=_named(sections),
        scale=scale_from(min(run.interval[0] for run in found.compared)),
        curves=curves,
        disagreements=disagreements,
        command=shlex.join(["imagelet", "report", *runs, *(["--test"] if test else [])]),
    )
    path = out or Path(COMPARISON_PAGE)
    atomic_files.write_text(path, html)
    return Report(path, len(html.encode()), split, (), time.perf_counter() - started)


def _pictures(runs: Sequence[str], found: Comparison) -> list[tuple[Disagreement, NDArray[np.uint8]]]:
    """Return the surest disagreements with their images, which have been looked at already."""
    shown = found.disagreements[:MOST_SHOWN]
    if not shown:
        return []
    (part, *_), _ = shared_images(open_subjects(runs), found.split)
    positions = {int(index): position for position, index in enumerate(part.indices)}
    return [(one, np.asarray(part.images.images[positions[one.image]])) for one in shown]
