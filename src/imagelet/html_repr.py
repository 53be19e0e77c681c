"""What notebooks show: facts, tables, bars, a curve, pictures; plain data → HTML.

The HTML is in ``templates/notebook.html``. Every text is escaped, unless it is :class:`Html` already.
"""

import base64
import html
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

ACCENT = "#2463a6"
TRACK = "rgba(128,128,128,.25)"
LONGEST = 600  # letters of one text
ROWS = 50  # of one table
STRIP = 20_000  # bytes of the pictures in one strip: a notebook with many outputs stays small
EXACT = 64  # pixels a side: a picture up to this size is kept to the last bit,
LARGEST = 128  # a larger one is shrunk to this, and compressed
POINTS = 120  # of one curve


class Html(str):
    """Ready HTML: it is not escaped again, neither here nor by Jinja2."""

    def __html__(self) -> str:
        """Return it as what Jinja2 asks for."""
        return str(self)


def text(value: object, longest: int = LONGEST) -> Html:
    """Return anything as escaped text, its middle left out where it is longer than ``longest`` letters."""
    if hasattr(value, "__html__"):
        return Html(value.__html__())
    written = str(value).encode("utf-8", "replace").decode()  # a file name may hold what UTF-8 cannot
    if len(written) > longest:
        head = longest * 3 // 4
        written = f"{written[:head]} … {written[head - longest :]}"
    return Html(html.escape(written))


@cache
def _macros() -> Any:
    try:
        import jinja2
    except ImportError as error:  # notebooks show the plain text instead
        raise NotImplementedError("Jinja2 makes HTML of it, which is not installed") from error

    loader = jinja2.PackageLoader("imagelet", "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, finalize=text, undefined=jinja2.StrictUndefined
    )
    environment.globals |= {"ACCENT": ACCENT, "TRACK": TRACK}
    return environment.get_template("notebook.html").module


def code(value: object) -> Html:
    """Return text in the letters of a program."""
    return Html(_macros().code(value))


def muted(value: object) -> Html:
    """Return text that stands back."""
    return Html(_macros().muted(value))


def joined(*parts: object) -> Html:
    """Return the parts one after the other."""
    return Html("".join(map(text, parts)))


def block(title: object, *parts: object) -> Html:
    """Return a title and what stands under it; math in user's texts stays text."""
    return Html(_macros().block(title, parts))


def facts(rows: Mapping[str, object]) -> Html:
    """Return names with their values, one a line; a value of None is left out."""
    return Html(_macros().facts([(name, value) for name, value in rows.items() if value is not None]))


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], right: Iterable[str] = ()) -> Html:
    """Return a table of at most 50 rows, and how many were left out.

    Args:
        headings: one a column.
        rows: one value a column.
        right: the headings of the columns that are aligned to the right: numbers.
    """
    numbers = [heading in set(right) for heading in headings]
    short = [[text(value, 60) for value in row] for row in rows[:ROWS]]
    more = f"… and {len(rows) - ROWS:,} more" if len(rows) > ROWS else ""
    return Html(_macros().table(headings, short, numbers, more))


def bar(fraction: float, pixels: int = 160) -> Html:
    """Return a bar that is filled to ``fraction``, 0 to 1; ``pixels`` wide."""
    return Html(_macros().bar(min(max(fraction, 0.0), 1.0), pixels))


def bars(probabilities: Iterable[tuple[str, float]], most: int = 10) -> Html:
    """Return a line for each of the first ``most`` classes: its name, a bar, its probability."""
    rows = [
        (text(name, 40), min(max(probability, 0.0), 1.0), percent(probability))
        for name, probability in list(probabilities)[:most]
    ]
    return Html(_macros().bars(rows))


def curves(lines: Sequence[tuple[str, Sequence[float | None]]]) -> Html:
    """Return the curves of an accuracy over the epochs, and the last value of each.

    Args:
        lines: name and values, from 0 to 1; the last curve has the accent. A value that is None, or no finite
            number, is passed over, and so is a curve without any.
    """
    width, height, edge = 240, 56, 3
    known = [(name, points) for name, values in lines if (points := _thinned(values))]
    if not known:
        return Html("")
    values = [value for _, points in known for _, value in points]
    low, span = min(values), (max(values) - min(values)) or 1.0
    last = max(epoch for _, points in known for epoch, _ in points) or 1
    drawn = []
    for name, points in known:
        positions = [
            f"{edge + (width - 2 * edge) * epoch / last:.1f},"
            f"{height - edge - (height - 2 * edge) * (value - low) / span:.1f}"
            for epoch, value in points
        ]
        positions = positions if len(positions) > 1 else positions * 2  # a line of one point is a dot
        drawn.append({"name": name, "points": Html(" ".join(positions)), "last": percent(points[-1][1])})
    return Html(_macros().curves(drawn, f"{last + 1:,}", width, height))


def picture(pixels: "np.ndarray", width: int, *, exact: bool = True) -> Html:
    """Return a picture with crisp pixels.

    Args:
        pixels: uint8 (height, width, 1 or 3).
        width: on the page, in pixels.
        exact: keep every value as it is, unless the picture is larger than 64 pixels a side.
    """
    return Html(_macros().picture(Html(_address(pixels, exact)), width))


def strip(pictures: Iterable["np.ndarray"], captions: Iterable[str], width: int = 64) -> Html:
    """Return pictures side by side, each above its caption: as many of the first as 20 kB hold."""
    items: list[tuple[Html, Html]] = []
    size = 0
    for pixels, caption in zip(pictures, captions, strict=True):
        shown = picture(pixels, width, exact=False)
        size += len(shown)
        if items and size > STRIP:
            break
        items.append((shown, text(caption, 40)))
    return Html(_macros().strip(items, width))


def beside(left: object, right: object) -> Html:
    """Return two parts side by side."""
    return Html(_macros().beside(left, right))


def counted(number: int, noun: str) -> str:
    """Return ``1 image`` or ``1,200 images``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def write_percent(fraction: float, decimals: int = 2) -> str:
    """Return a share in hundredths, never rounded to 100 or 0: ``98.33``, ``>99.99``, ``<0.01``."""
    written, least = f"{100 * fraction:.{decimals}f}", 10.0**-decimals
    if fraction < 1 and float(written) == 100:
        return f">{100 - least:.{decimals}f}"
    return f"<{least:.{decimals}f}" if fraction > 0 and float(written) == 0 else written


def percent(fraction: float) -> str:
    """Return ``98.33 %``, never rounded up to 100 or down to 0."""
    return f"{write_percent(fraction)} %"


def accuracy(fraction: float, interval: Sequence[float], images: int) -> Html:
    """Return ``98.33 % (95 % interval 96.41 to 99.23 %, 360 images)``; interval: (low, high)."""
    low, high = map(write_percent, interval)
    return text(f"{percent(fraction)} (95 % interval {low} to {high} %, {counted(images, 'image')})")


def trained(training: Mapping[str, Any]) -> dict[str, Html]:
    """Return on what a classifier was trained, and how, as far as its file says it."""
    images, recipe = training.get("training_images"), training.get("recipe")
    start = training.get("start")
    facts_known = {
        "trained on": training.get("dataset"),
        "started from": start.get("name") if isinstance(start, Mapping) else None,
        "training images": f"{images:,}" if isinstance(images, int) else None,
        "recipe": recipe.get("name") if isinstance(recipe, Mapping) else None,
        "epochs": training.get("epochs"),
        "seed": training.get("seed"),
    }
    return {name: text(value) for name, value in facts_known.items() if value is not None}


def run_facts(
    experiment: Mapping[str, Any], metrics: Mapping[str, Any], test_evaluations: int
) -> dict[str, object]:
    """Return the facts of a run.

    Args:
        experiment: the content of ``experiment.toml``.
        metrics: the content of ``metrics.json``; empty while the run is not finished.
        test_evaluations: how often the run was evaluated on the test images.
    """
    facts: dict[str, object] = {"state": "finished" if metrics else "not finished"}
    facts |= {"dataset": experiment["dataset"], "network": code(experiment["network"])}
    facts["recipe"] = f"{experiment['recipe']['name']}, {experiment['recipe']['epochs']} epochs"
    facts["best epoch"] = metrics.get("best_epoch")
    for part in ("validation", "test"):
        if known := metrics.get(part):
            facts[f"{part} accuracy"] = accuracy(known["accuracy"], known["interval"], known["images"])
            if known.get("uneven"):
                low, high = map(write_percent, known["balanced_accuracy_interval"])
                reached = f"{percent(known['balanced_accuracy'])} (95 % interval {low} to {high} %)"
                facts[f"{part} balanced accuracy"] = text(reached)
    facts["test evaluations"] = test_evaluations or None
    return facts


def shape(sizes: Sequence[int]) -> str:
    """Return ``28×28×1``."""
    return "×".join(map(str, sizes))


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return how many names there are, and the first of them: ``3: cat, dog, and 1 more``."""
    more = [f"and {len(names) - most:,} more"] if len(names) > most else []
    return f"{len(names):,}: {', '.join([*(str(name)[:40] for name in names[:most]), *more])}"


def _thinned(values: Sequence[float | None]) -> list[tuple[int, float]]:
    """Return the finite values with their places, at most 120 of them, the last among them."""
    known = [
        (place, value) for place, value in enumerate(values) if value is not None and math.isfinite(value)
    ]
    step = max(1, math.ceil(len(known) / POINTS))
    return known[::-step][::-1]


def _address(pixels: "np.ndarray", exact: bool) -> str:
    """Return a picture as the address of itself."""
    from PIL import Image

    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    largest = EXACT if exact else EXACT * 3 // 4
    whole = max(image.size) <= largest
    if not whole:
        image.thumbnail((LARGEST, LARGEST) if exact else (largest, largest))
    content = io.BytesIO()
    if whole and (exact or image.mode == "L"):
        image.save(content, "png", optimize=True)
        kind = "png"
    else:
        image.save(content, "jpeg", quality=85, subsampling=0)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
