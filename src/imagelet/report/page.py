"""Plain data and drawings → HTML, through Jinja2. Every text is escaped; nothing is loaded from elsewhere."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from imagelet import html_repr
from imagelet.report.answers import Tile
from imagelet.report.drawings import image_address
from imagelet.report.gathering import PartFigures, Setting, interval_in_words

if TYPE_CHECKING:
    from jinja2 import Environment

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
