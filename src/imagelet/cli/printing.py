"""The only place that prints: results to standard output, everything else to standard error.

A terminal gets colours and lines wrapped at its width; a pipe or a file gets plain text with one record a
line, however long. ``NO_COLOR`` is honoured. Messages, headings and the names of facts are translated here.
What comes from outside (file names, class names) is printed as it is, with control characters made visible:
it can neither colour nor move the cursor.
"""

import contextlib
import dataclasses
import importlib.util
import json
import math
import os
import re
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from imagelet.cli.layout import PLAIN_SHADES, SHADES, in_columns, sketch_images, sketch_shares
from imagelet.messages import Message, message_of, translate
from imagelet.progress import Notice, Pace, Progress, write_seconds

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console, RenderableType


class OutputClosedError(Exception):
    """Nobody reads standard output any more: ``imagelet networks | head -1``."""


PATIENCE = 0.5  # seconds that pass before a bar appears: what is quick needs none
_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_UNLIMITED = 100_000  # columns that a pipe has, whose lines are never wrapped
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and newline


def prepare_streams() -> None:
    """Let neither a closed stream nor a character that a terminal cannot show end the program.

    Such a character becomes a question mark.
    """
    if sys.stdout is None or sys.stderr is None:  # closed by who started the program
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  open until the end
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")


@contextlib.contextmanager
def silenced(wanted: bool) -> Iterator[None]:
    """Print nothing in the block, if that is wanted: another process prints it."""
    if not wanted:
        yield
        return
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def say(text: str = "", style: str = "", **values: Any) -> None:
    """Print a line of the result, a template with its values, in the user's language."""
    _print(sys.stdout, Message(text, **values), style)


def note(text: str, style: str = "", **values: Any) -> None:
    """Print a line that is not the result: progress, what to do next."""
    _print(sys.stderr, Message(text, **values), style)


def failure(message: str, hint: str = "", **values: Any) -> None:
    """Print what went wrong and what to do next, to standard error."""
    _print(sys.stderr, Message(message, **values), lead=(f"{translate('error')}: ", "bold red"))
    if hint:
        advice(hint, **values)


def advice(hint: str, **values: Any) -> None:
    """Print what to do next to standard error."""
    arrow = "→" if _can_show(sys.stderr, "→") else "->"
    _print(sys.stderr, Message(hint, **values), lead=(f"{arrow} ", "bold cyan"))


def caution(message: str, **values: Any) -> None:
    """Print a warning to standard error."""
    _print(sys.stderr, Message(message, **values), lead=(f"{translate('warning')}: ", "bold yellow"))


def pointer(text: str, position: int) -> None:
    """Show on standard error where in ``text`` a mistake begins.

    Args:
        text: one line.
        position: counted from 1.
    """
    width = _width(sys.stderr) - len("  ")
    # Of a text that is longer than the line the part in question is shown.
    start = max(0, min(position - 1 - width // 2, len(text) - width))
    write(sys.stderr, f"  {visible(text[start : start + width])}\n  {' ' * (position - 1 - start)}^\n")


def page(text: str) -> None:
    """Print a text of several lines as it is."""
    write(sys.stdout, text + "\n")


def version() -> None:
    """Print the program's name and version."""
    from importlib.metadata import version as version_of

    say(f"imagelet {version_of('imagelet')}")


def document(value: Any) -> None:
    """Print one JSON document; see :func:`as_json`."""
    write(sys.stdout, as_json(value, sys.stdout.encoding or "utf-8"))


def result(value: Any, show: Callable[[Any], None], *, as_json: bool) -> None:
    """Print the result of a command as one JSON document, or as ``show`` prints it."""
    if as_json:
        document(value)
    else:
        show(value)


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """Print rows under their headings.

    Args:
        headings: one for each column; a name that a user chose is :func:`verbatim`.
        rows: one text for each column.
        right: the headings of the columns that hold numbers; they are never folded.
        whole: the headings of other columns that are not folded in a narrow terminal.
    """
    shown = [[visible(translate(heading)) for heading in headings]]
    shown += [[visible(_shown(cell)) for cell in row] for row in rows]
    at_right = [heading in right for heading in headings]
    if not is_wrapped(sys.stdout):
        write(sys.stdout, "".join(f"{line}\n" for line in in_columns(shown, at_right)))
        return
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, text, numbers in zip(headings, shown[0], at_right, strict=True):
        grid.add_column(
            Text(text),
            justify="right" if numbers else "left",
            no_wrap=numbers or heading in whole,
            overflow="fold",
        )
    for row in shown[1:]:
        grid.add_row(*map(Text, row))
    _render(sys.stdout, grid)


def facts(rows: Mapping[str, str]) -> None:
    """Print names and what they stand for, in two columns."""
    shown = [[visible(translate(name)), visible(_shown(value))] for name, value in rows.items()]
    if not is_wrapped(sys.stdout):
        write(sys.stdout, "".join(f"{line}\n" for line in in_columns(shown, [False, False])))
        return
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for row in shown:
        grid.add_row(*map(Text, row))
    _render(sys.stdout, grid)


def pictures(images: "Sequence[np.ndarray]", captions: Sequence[str]) -> None:
    """Print small images, drawn with letters, each above its caption.

    Args:
        images: uint8 (height, width, 1 or 3), light is ink.
        captions: one for each, messages or texts as they are.
    """
    shades = SHADES if _can_show(sys.stdout, SHADES) else PLAIN_SHADES
    width = min(_width(sys.stdout), 80)
    lines = sketch_images(images, [visible(_shown(caption)) for caption in captions], width, shades)
    write(sys.stdout, "".join(f"{line}\n" for line in lines))


def bars(shares: Mapping[str, float], *, figures: bool = True) -> None:
    """Print a bar for each name, as long as its share (0 to 1); ``figures``: the share stands behind it."""
    block = "█" if _can_show(sys.stdout, "█") else "#"
    shown = {visible(name): share for name, share in shares.items()}
    lines = sketch_shares(shown, block, figures=figures)
    write(sys.stdout, "".join(f"{line}\n" for line in lines))


@contextlib.contextmanager
def bar() -> Iterator[Callable[[str, float | None], None] | None]:
    """Yield what draws a bar and a text beside it on standard error, in one line; None without a terminal.

    It takes the text and how far the bar is filled, 0 to 1; None where that is not known.
    """
    if not is_wrapped(sys.stderr):
        yield None
        return
    screen = console(sys.stderr)
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    line = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
    bars = Bars(BarColumn(None), line, console=screen, transient=True, auto_refresh=False, expand=True)
    task = bars.add_task("", total=None)

    def draw(text: str, share: float | None) -> None:
        bars.start()
        bars.update(
            task,
            description=visible(text),
            completed=share or 0.0,
            total=None if share is None else 1.0,
            refresh=True,
        )

    try:
        yield draw
    finally:
        bars.stop()


@contextlib.contextmanager
def progress(doing: str, *, binary: bool = False, **values: Any) -> Iterator[Progress]:
    """Show a bar on standard error while the block runs; only on a terminal, and only if it takes a while.

    Args:
        doing: what is going on: "reading images"; a template.
        binary: what is counted are bytes.
        **values: of the template.
    """
    with bar() as draw:
        begun, pace, what = time.monotonic(), Pace(), translate(Message(doing, **values))

        def advance(done: int, total: int | None) -> None:
            speed = pace.speed(done)
            if draw is None or time.monotonic() - begun < PATIENCE or not pace.due():
                return
            pace.drawn()
            write = write_size if binary else "{:,}".format
            parts = [what, write(done) if total is None else f"{write(done)} / {write(total)}"]
            if speed and total:
                left = write_seconds((total - done) / speed)
                parts.append(translate(Message("{left} left", left=left)))
            draw(" · ".join(parts), done / total if total else None)

        yield advance


@contextlib.contextmanager
def warnings_as_lines(*, debug: bool = False) -> Iterator[None]:
    """Show Python's warnings as one line each on standard error while the block runs.

    Args:
        debug: show the line of code that warned, too.
    """

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any
    ) -> None:
        text = message if isinstance(message, str) else message_of(message)
        if issubclass(category, Notice):
            note(text)
            return
        place = f" ({category.__name__}, {filename}:{lineno})" if debug else ""
        caution("{text}{place}", text=text, place=place)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def show_traceback(error: BaseException) -> None:
    """Print a traceback to standard error."""
    write(sys.stderr, "".join(traceback.format_exception(error)))


def write(stream: TextIO, text: str) -> None:
    """Write ``text`` as it is and pass it on at once.

    Raises:
        OutputClosedError: nobody reads standard output any more. What is still to be written to it goes
            nowhere, so that Python does not complain at its end.
    """
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is sys.stdout:
            raise OutputClosedError from None


def write_size(size: int) -> str:
    """Return a number of bytes as it is read: ``9.9 MB``."""
    unit, factor = next((unit for unit in _UNITS if size >= unit[1]), ("bytes", 1))
    return f"{size / factor:.1f} {unit}" if factor > 1 else f"{size} {unit}"


def visible(text: str) -> str:
    """Return ``text`` with its control characters written out, save tab and newline."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def is_colourful(stream: TextIO) -> bool:
    """Say whether ``stream`` is a terminal that wants colours."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_wrapped(stream: TextIO) -> bool:
    """Say whether lines are wrapped at the width of ``stream``: it is a terminal, and rich is installed."""
    if not (stream.isatty() or os.environ.get("FORCE_COLOR") or os.environ.get("TTY_COMPATIBLE")):
        return False
    return importlib.util.find_spec("rich") is not None and console(stream).is_terminal


def console(stream: TextIO) -> "Console":
    """Return a console that writes to ``stream`` and takes texts as they are."""
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def _width(stream: TextIO) -> int:
    return console(stream).width if is_wrapped(stream) else _UNLIMITED


def _can_show(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def joined(texts: Iterable[str], separator: str = "; ") -> str:
    """Return messages and texts in one, each message in the user's language."""
    return separator.join(map(_shown, texts))


def verbatim(text: str) -> Message:
    """Return a text that is never translated: a name that a user chose, as a heading."""
    return Message("{_}", _=text)


def _shown(text: str) -> str:
    """Return a message in the user's language, and what a user or a file named as it is."""
    return translate(text) if isinstance(text, Message) else text


def _print(stream: TextIO, text: str, style: str = "", lead: tuple[str, str] = ("", "")) -> None:
    if not is_wrapped(stream):
        lines = f"{lead[0]}{visible(translate(text))}\n".expandtabs().splitlines()
        write(stream, "".join(f"{line.rstrip(' ')}\n" for line in lines))
        return
    from rich.text import Text

    _render(stream, Text.assemble(lead, (visible(translate(text)), style)))


def _render(stream: TextIO, what: "RenderableType") -> None:
    screen = console(stream)
    with screen.capture() as captured:
        screen.print(what)
    write(stream, "".join(f"{line.rstrip(' ')}\n" for line in captured.get().splitlines()))


def as_json(value: Any, encoding: str) -> str:
    """Return one indented JSON document that ``encoding`` can carry.

    Numbers that are not finite become null, paths become texts, NumPy's scalars and arrays become numbers and
    lists; what has ``to_json``, and any data class, becomes its fields. Where the encoding lacks a character
    all that are not ASCII are escaped.

    Raises:
        TypeError: there is something in it that JSON cannot hold.
    """
    plain = _plain(value)
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(plain, indent=2, allow_nan=False) + "\n"
    return text


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "to_json"):
        return _plain(value.to_json())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays, without importing NumPy
        return _plain(value.tolist())
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
