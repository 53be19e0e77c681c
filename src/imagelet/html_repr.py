"""Plain data → HTML for notebooks: facts, tables, bars, a curve, pictures.

Every text is escaped, unless it is :class:`Html` already. Styles stand beside what they are for, and colours
come from the page, so that a dark notebook is as readable as a light one.
"""

import base64
import html
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

ACCENT = "#2463a6"
MUTED = "opacity:.7"
TRACK = "rgba(128,128,128,.25)"

LONGEST = 600  # letters of one text
ROWS = 50  # of one table
STRIP = 20_000  # bytes of the pictures in one strip: a notebook with many outputs stays small
EXACT = 64  # pixels a side: a picture up to this size is kept to the last bit,
LARGEST = 128  # a larger one is shrunk to this, and compressed
POINTS = 120  # of one curve


class Html(str):
    """Ready HTML: it is not escaped again."""

    __slots__ = ()


def text(value: object, longest: int = LONGEST) -> Html:
    """Return anything as escaped text, its middle left out where it is longer than ``longest`` letters."""
    if isinstance(value, Html):
        return value
    written = str(value).encode("utf-8", "replace").decode()  # a file name may hold what UTF-8 cannot
    if len(written) > longest:
        head = longest * 3 // 4
        written = f"{written[:head]} … {written[head - longest :]}"
    return Html(html.escape(written))


def code(value: object) -> Html:
    """Return text in the letters of a program."""
    return Html(f'<code style="background:none;color:inherit;padding:0">{text(value)}</code>')


def muted(value: object) -> Html:
    """Return text that stands back."""
    return Html(f'<span style="{MUTED}">{text(value)}</span>')


def joined(*parts: object) -> Html:
    """Return the parts one after the other."""
    return Html("".join(map(text, parts)))


def block(title: object, *parts: object) -> Html:
    """Return a title and what stands under it; math in user's texts stays text."""
    style = "font-variant-numeric:tabular-nums;line-height:1.45;margin:0 0 8px"
    return Html(
        f'<div class="tex2jax_ignore mathjax_ignore" style="{style}">'
        f'<div style="font-weight:600;white-space:pre-wrap">{text(title)}</div>{joined(*parts)}</div>'
    )


def facts(rows: Mapping[str, object]) -> Html:
    """Return names with their values, one a line; a value of None is left out."""
    lines = (
        f'<tr style="background:none">{_cell("td", _name(name))}{_cell("td", value)}</tr>'
        for name, value in rows.items()
        if value is not None
    )
    return _table("".join(lines))


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], right: Iterable[str] = ()) -> Html:
    """Return a table of at most 50 rows, and how many were left out.

    Args:
        headings: one a column.
        rows: one value a column.
        right: the headings of the columns that are aligned to the right: numbers.
    """
    numbers = [heading in set(right) for heading in headings]
    lines = ["".join(_cell("th", one, number) for one, number in zip(headings, numbers, strict=True))]
    for row in rows[:ROWS]:
        short = (one if isinstance(one, Html) else text(one, 60) for one in row)
        lines.append("".join(_cell("td", one, number) for one, number in zip(short, numbers, strict=True)))
    body = "".join(f'<tr style="background:none">{line}</tr>' for line in lines)
    more = muted(f"… and {len(rows) - ROWS:,} more") if len(rows) > ROWS else ""
    return joined(_table(body), more)


def bar(share: float, pixels: int = 160) -> Html:
    """Return a bar that is filled to ``share``, 0 to 1; ``pixels`` wide."""
    filled = 100 * min(max(share, 0.0), 1.0)
    ground = f"display:inline-block;width:{pixels}px;height:.6em;border-radius:2px;background:{TRACK}"
    inside = f"display:block;width:{filled:.1f}%;height:100%;border-radius:2px;background:{ACCENT}"
    return Html(f'<span style="{ground}"><span style="{inside}"></span></span>')


def bars(shares: Iterable[tuple[str, float]], most: int = 10) -> Html:
    """Return a line for each of the first ``most`` shares: its name, a bar, the share in hundredths."""
    lines = [
        f'<tr style="background:none">{_cell("td", text(name, 40))}{_cell("td", bar(share))}'
        f"{_cell('td', percent(share), right=True)}</tr>"
        for name, share in list(shares)[:most]
    ]
    return _table("".join(lines))


def curves(lines: Sequence[tuple[str, Sequence[float | None]]]) -> Html:
    """Return the curves of an accuracy over the epochs, and the last value of each.

    Args:
        lines: name and values, shares from 0 to 1; the last curve has the accent. A value that is None, or no
            finite number, is passed over, and so is a curve without any.
    """
    width, height, edge = 240, 56, 3
    known = [(name, points) for name, values in lines if (points := _thinned(values))]
    if not known:
        return Html("")
    values = [value for _, points in known for _, value in points]
    low, span = min(values), (max(values) - min(values)) or 1.0
    last = max(place for _, points in known for place, _ in points) or 1
    drawn, names = "", [Html("accuracy: ")]
    for name, points in known:
        colour, strength = (ACCENT, 1) if (name, points) == known[-1] else ("currentColor", 0.5)
        places = [
            f"{edge + (width - 2 * edge) * place / last:.1f},"
            f"{height - edge - (height - 2 * edge) * (value - low) / span:.1f}"
            for place, value in points
        ]
        places = places if len(places) > 1 else places * 2  # a line of one point is a dot
        drawn += f'<polyline points="{" ".join(places)}" stroke="{colour}" stroke-opacity="{strength}"/>'
        mark = Html(f'<span style="color:{colour};opacity:{strength}">━</span> ')
        names.append(joined(mark, f"{name} {percent(points[-1][1])}   "))
    return Html(
        f'<svg role="img" aria-label="accuracy over {last + 1:,} epochs" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" fill="none" stroke-width="2" stroke-linecap="round" '
        f'stroke-linejoin="round">{drawn}</svg><div style="white-space:pre-wrap">{joined(*names)}</div>'
    )


def picture(pixels: "np.ndarray", width: int, *, exact: bool = True) -> Html:
    """Return a picture with crisp pixels.

    Args:
        pixels: uint8 (height, width, 1 or 3).
        width: on the page, in pixels.
        exact: keep every value as it is, unless the picture is larger than 64 pixels a side.
    """
    size = f"width:{width}px;height:auto;max-width:none;margin:0;image-rendering:pixelated"
    style = f"{size};background:#fff;border:1px solid {TRACK}"
    return Html(f'<img alt="" src="{_address(pixels, exact)}" style="{style}">')


def strip(pictures: Iterable["np.ndarray"], captions: Iterable[str], width: int = 64) -> Html:
    """Return pictures side by side, each above its caption: as many of the first as 20 kB hold."""
    made: list[str] = []
    size = 0
    for pixels, caption in zip(pictures, captions, strict=True):
        shown = picture(pixels, width, exact=False)
        size += len(shown)
        if made and size > STRIP:
            break
        made.append(
            f'<div style="width:{width + 2}px;text-align:center;overflow-wrap:anywhere;font-size:80%">'
            f"{shown}<br>{text(caption, 40)}</div>"
        )
    return Html(f'<div style="display:flex;flex-wrap:wrap;gap:6px;margin:4px 0">{"".join(made)}</div>')


def beside(left: object, right: object) -> Html:
    """Return two parts side by side."""
    return Html(
        '<div style="display:flex;gap:16px;align-items:flex-start;margin:4px 0">'
        f"<div>{text(left)}</div><div>{text(right)}</div></div>"
    )


def counted(number: int, noun: str) -> str:
    """Return ``1 image`` or ``1,200 images``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def write_percent(share: float) -> str:
    """Return a share in hundredths with two decimals, never rounded up to 100 or down to 0."""
    written = f"{100 * share:.2f}"
    if written == "100.00" and share < 1:
        return ">99.99"
    return "<0.01" if written == "0.00" and share > 0 else written


def percent(share: float) -> str:
    """Return ``98.33 %``, never rounded up to 100 or down to 0."""
    return f"{write_percent(share)} %"


def accuracy(share: float, interval: Sequence[float], images: int) -> Html:
    """Return ``98.33 % (95 % interval 96.41 to 99.23 %, 360 images)``; interval: (low, high)."""
    low, high = map(write_percent, interval)
    return text(f"{percent(share)} (95 % interval {low} to {high} %, {counted(images, 'image')})")


def trained(training: Mapping[str, Any]) -> dict[str, Html]:
    """Return on what a classifier was trained, and how, as far as its file says it."""
    images, recipe = training.get("training_images"), training.get("recipe")
    said = {
        "trained on": training.get("dataset"),
        "training images": f"{images:,}" if isinstance(images, int) else None,
        "recipe": recipe.get("name") if isinstance(recipe, Mapping) else None,
        "epochs": training.get("epochs"),
        "seed": training.get("seed"),
    }
    return {name: text(value) for name, value in said.items() if value is not None}


def carried_out(
    experiment: Mapping[str, Any], metrics: Mapping[str, Any], test_evaluations: int
) -> dict[str, object]:
    """Return what a run came to.

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
    facts["test evaluations"] = test_evaluations or None
    return facts


def shape(sizes: Sequence[int]) -> str:
    """Return ``28×28×1``."""
    return "×".join(map(str, sizes))


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return how many names there are, and the first of them: ``3: cat, dog, and 1 more``."""
    more = [f"and {len(names) - most:,} more"] if len(names) > most else []
    return f"{len(names):,}: {', '.join([*(str(name)[:40] for name in names[:most]), *more])}"


def _table(body: str) -> Html:
    style = "border-collapse:collapse;border:0;margin:4px 0;table-layout:auto;font-size:inherit;color:inherit"
    return Html(f'<table style="{style}"><tbody>{body}</tbody></table>')


def _name(value: object) -> Html:
    return Html(f'<span style="{MUTED};white-space:nowrap">{text(value)}</span>')


def _cell(tag: str, value: object, right: bool = False) -> str:
    side = "right" if right else "left"
    line = f";border-bottom:1px solid {TRACK}" if tag == "th" else ""
    return (
        f'<{tag} style="text-align:{side};padding:1px 16px 1px 0;border:0;vertical-align:top{line}">'
        f"{text(value)}</{tag}>"
    )


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
