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

from imagelet import atomic_files, html_repr
from imagelet.analysis.comparison import Comparison, Disagreement, compare, open_subjects, shared_images
from imagelet.classifier.classifier import Classifier
from imagelet.errors import ClassifierFileError, DataError, ImageletError, RunError, UsageError
from imagelet.messages import Message
from imagelet.networks import summarize
from imagelet.progress import Progress, silent
from imagelet.report import drawings
from imagelet.report.drawings import image_address, insights
from imagelet.report.gathering import PartFigures, RunFacts, Setting, gather, interval_in_words
from imagelet.report.predictions import Answered, Tile, answer, galleries
from imagelet.runs.run import Run
from imagelet.runs.store import find_run, shipped_classifiers

if TYPE_CHECKING:
    from jinja2 import Environment

    from imagelet.networks.summary import Summary


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
        return {
            "file": str(self.file),
            "bytes": self.size,
            "part": self.part,
            "left_out": list(self.left_out),
            "seconds": self.seconds,
        }


SCALES = (0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0.0)  # where a scale of shares may begin; all end at 1
LEFT, RIGHT = 6, 294  # where a scale begins and ends in its drawing
MOST_CLASSES = 20  # that are named in a row


@dataclass(frozen=True)
class Section:
    """A section of the page: its file in ``templates/sections``, which is its address too, and its title."""

    key: str
    title: str


@dataclass(frozen=True)
class Scale:
    """A line from a share to 100 %, on which intervals lie."""

    low: float

    @property
    def low_text(self) -> str:
        """What stands at its left end."""
        return f"{100 * self.low:g} %"

    @property
    def high_text(self) -> str:
        """What stands at its right end."""
        return "100 %"

    def at(self, share: float) -> str:
        """Return where ``share`` lies in the drawing."""
        return f"{LEFT + (RIGHT - LEFT) * max(share - self.low, 0.0) / (1 - self.low):.1f}"


def scale_from(lowest: float) -> Scale:
    """Return the shortest scale on which a share of ``lowest`` has a place."""
    return Scale(next(each for each in SCALES if each <= lowest))


def render(template: str, written: datetime.date, **content: Any) -> str:
    """Return the page that ``template`` makes of ``content``.

    Args:
        template: its file, ``run.html`` or ``comparison.html``.
        written: the day that the page names.
        **content: what the template asks for.
    """
    environment = _environment()
    html: str = environment.get_template(template).render(
        css=_style(), version=version("imagelet"), written=written.isoformat(), **content
    )
    return html


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
        "address": image_address,
        "chance": lambda p: "< 0.0001" if p < 0.0001 else f"{p:.2g}",
        "count": lambda number: f"{number:,.0f}",
        "cut": lambda text, most: text if len(text) <= most else f"{text[: most - 1]}…",
        "duration": write_duration,
        "interval": interval_in_words,
        "listed": _listed,
        "percent": write_percent,
        "points": lambda difference: f"{100 * difference:+.2f}".replace("-", "−"),
        "scale": lambda figures: scale_from(figures.interval[0]),
        "settings": _settings,
        "times": lambda number: "once" if number == 1 else f"{number:,} times",
        "told": tell,
        "value": write_value,
    }
    environment.filters.update(filters)
    return environment


@cache
def _style() -> Any:
    """Return the style sheet, ready to stand in the page: it is ours, and holds no ``<``."""
    from markupsafe import Markup

    sheet = resources.files("imagelet.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    return Markup(sheet)


def write_percent(share: float | None, decimals: int = 2) -> str:
    """Return ``98.33 %``, never rounded up to 100 or down to 0; a dash for None."""
    if share is None:
        return "–"
    if decimals == 2:
        return _unbroken(html_repr.percent(share))
    shortest = 10.0**-decimals
    written = f"{100 * share:.{decimals}f}"
    if share < 1 and float(written) == 100:
        written = f">{100 - shortest:.{decimals}f}"
    elif share > 0 and float(written) == 0:
        written = f"<{shortest:g}"
    return _unbroken(f"{written} %")


def _unbroken(text: str) -> str:
    """Return a number and its unit so that no line ends between them."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def write_duration(seconds: float | None) -> str:
    """Return ``6.6 s``, ``7 min 18 s`` or ``1 h 12 min``; a dash for None."""
    if not isinstance(seconds, int | float):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def write_value(value: Any) -> str:
    """Return a setting's value as it is read; a dash where it is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def tell(tile: Tile) -> str:
    """Return what an image shows and what it was taken for, in words."""
    sure = write_percent(tile.probability, 1)
    if tile.right:
        return f"{tile.name}: {tile.label}, answered right with {sure}"
    return f"{tile.name}: {tile.label}, taken for {tile.answer} with {sure}"


def class_rows(found: PartFigures) -> list[tuple[Any, tuple[float, float]]]:
    """Return each class's figures with its recall's Wilson interval at 95 %."""
    from imagelet.metrics.classification import wilson_interval

    return [
        (each, wilson_interval(found.confusion[place][place], each.images))
        for place, each in enumerate(found.classes)
    ]


def _listed(names: Sequence[str]) -> str:
    more = f", and {len(names) - MOST_CLASSES:,} more" if len(names) > MOST_CLASSES else ""
    return f"{len(names):,}: {', '.join(names[:MOST_CLASSES])}{more}"


def _settings(settings: Sequence[Setting]) -> str:
    """Return the settings that are not imagelet's defaults, in words."""
    said = [f"{each.name.replace('_', ' ')} {each.value}" for each in settings if each.differs]
    return ", ".join(said) or "imagelet’s defaults"


RUN_PAGE = "report.html"


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
        sentence = Message("{what}: {problem}.", what=what, problem=error.message)
        if _has_none(error):
            sentence = Message(
                "{what}: {problem}; imagelet report --test evaluates on the test images.",
                what=what,
                problem=error.message,
            )
        return classifier, None, [sentence]


def _has_none(error: ImageletError) -> bool:
    return isinstance(error, DataError) and "no validation images" in error.message


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
        reliability=drawings.draw_reliability(answered.error_analysis) if answered else None,
        galleries=galleries(answered) if answered else (),
        insights=inside,
        left_out=tuple(left_out),
    )


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
    path = out or Path(COMPARISON_PAGE)
    atomic_files.write_text(path, html)
    return Report(path, len(html.encode()), split, (), time.perf_counter() - started)


def _pictures(runs: Sequence[str], found: Comparison) -> list[tuple[Disagreement, NDArray[np.uint8]]]:
    """Return the surest disagreements with their images, which have been looked at already."""
    shown = found.disagreements[:MOST_SHOWN]
    if not shown:
        return []
    part = shared_images(open_subjects(runs), found.split).parts[0]
    positions = {int(index): position for position, index in enumerate(part.indices)}
    return [(one, np.asarray(part.images.images[positions[one.image]])) for one in shown]
