"""Thirty pupils in a lab that is open for a class: they draw, look inside, read the course and write.

The lab is a process of its own, as ``imagelet lab --class`` starts it. The pupils are one more process on the
same machine, each with a connection of its own and the pupils' token; they pause as people do.
``IMAGELET_PUPILS_SECONDS`` says how long, where five minutes are too much.

No pupil may see anything of another: every response is searched for the nicknames and keys of the others,
every finished drawing must get the prediction that it gets alone, and each pupil also tries to read the
teacher's result and to write under another's name.
"""

import asyncio
import base64
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.lab import CLASSIFIER, DIGITS, drawing, memory_of, ranked
from benchmarks.measuring import Benchmark, at_once
from imagelet.course.lessons import page_names
from imagelet.runs.learner import load

PUPILS, SECONDS = 30, 300.0
LIMIT = 0.5  # seconds that are asked for: 95th percentile of a prediction
TIMES = 20  # that each pupil may write each digit
PEN = 0.2  # seconds of drawing between two predictions
THINKING = (0.5, 2.0)  # seconds between two things that a pupil does
SHIFT = 0.002  # by which the drawings of two pupils differ, in fractions of the sheet's side
LINK = re.compile(r"http://[^/]+:(\d+)/\?token=([\w-]+)")


@dataclass
class Seen:
    """What the pupils saw.

    Attributes:
        seconds: that each response took, by what was asked for.
        errors: how often it was none, by what was asked for and its status; 0: the connection broke.
        foreign: responses that held something of another pupil or belonged to another's picture.
        tries: how often a pupil asked for what is not theirs.
        written: pictures that were handed in.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    foreign: int = 0
    tries: int = 0
    written: int = 0


class Client:
    """One connection to the lab, opened again when it breaks."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, body: object = None) -> tuple[int, bytes]:
        """Return status and content of a response, 0 where the connection broke; with a body it is a POST."""
        sent = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(sent)}\r\n\r\n"
        )
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            writer.write(head.encode() + sent)
            answered = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            content = await reader.readexactly(int(answered.split("content-length:")[1].split("\r\n")[0]))
        except (asyncio.IncompleteReadError, OSError):
            self.close()
            return 0, b""
        return int(answered.split(" ", 2)[1]), content

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Pupil:
    """A pupil: what they draw, their name in the class, and whatever they see."""

    def __init__(self, number: int, client: Client, seen: Seen) -> None:
        self.nickname, self.key = f"pupil-{number:03}", ""
        self.client, self.seen = client, seen
        self._random = random.Random(number)
        self._drawings = {
            digit: [drawing(stroke[:last], SHIFT * number) for last in range(2, len(stroke) + 1)]
            for digit, stroke in DIGITS.items()
        }
        whole = [drawings[-1] for drawings in self._drawings.values()]
        alone = load(CLASSIFIER).predict(whole)
        self._alone = {digit: one.predicted for digit, one in zip(self._drawings, alone, strict=True)}
        self._wanted: str | None = None

    async def join(self) -> None:
        """Join the class, and try again where that fails."""
        while not self.key:
            joined = await self._ask("join", "/api/class/join", {"nickname": self.nickname})
            if joined:
                self.key, self._wanted = joined["key"], joined["label"]
            else:
                await asyncio.sleep(self._random.uniform(*THINKING))

    async def work(self, others: list["Pupil"], until: float) -> None:
        """Draw, look inside, read, write and try what is not allowed, in turn, for so long."""
        actions = (self._draw, self._look_inside, self._read, self._write)
        while time.perf_counter() < until:
            for act in actions:
                await act(others)
                await asyncio.sleep(self._random.uniform(*THINKING))
                if time.perf_counter() >= until:
                    return
            await self._try_what_is_not_allowed(others)

    async def _ask(
        self, what: str, path: str, body: object = None, others: list["Pupil"] | None = None
    ) -> Any:
        """Return the JSON of a response, and note its time and what of others is in it; None for an error."""
        started = time.perf_counter()
        status, content = await self.client.ask(path, body)
        self.seen.seconds.setdefault(what, []).append(time.perf_counter() - started)
        if status != 200:
            self.seen.errors[f"{what} {status}"] += 1
            return None
        text = content.decode()
        names = {name for other in others or () if other is not self for name in (other.nickname, other.key)}
        if any(name in text for name in names if name):
            self.seen.foreign += 1
        return json.loads(text)

    async def _draw(self, others: list["Pupil"]) -> None:
        """Draw a digit, and see the prediction follow the pen."""
        digit = self._random.choice(list(DIGITS))
        predicted = None
        for picture in self._drawings[digit]:
            body = {"classifier": CLASSIFIER, "pictures": [_in_base64(picture)]}
            predicted = await self._ask("predict", "/api/predict", body, others)
            await asyncio.sleep(PEN)
        if predicted and predicted["predictions"][0]["predicted"] != self._alone[digit]:
            self.seen.foreign += 1

    async def _look_inside(self, others: list["Pupil"]) -> None:
        picture = self._drawings[self._random.choice(list(DIGITS))][-1]
        body = {"classifier": CLASSIFIER, "picture": _in_base64(picture), "layers": True}
        await self._ask("explain", "/api/explain", {**body, "attributions": ["saliency"]}, others)

    async def _read(self, others: list["Pupil"]) -> None:
        name = self._random.choice(page_names())
        await self._ask("read", f"/api/course/pages/{name}?language=ko", None, others)

    async def _write(self, others: list["Pupil"]) -> None:
        """Write what the teacher asks for, and hand it in."""
        if self._wanted is None:
            return
        picture = _in_base64(self._drawings[self._wanted][-1])
        who = {"nickname": self.nickname, "key": self.key}
        body = {**who, "label": self._wanted, "picture": picture}
        handed = await self._ask("write", "/api/class/pictures", body, others)
        if handed:
            self._wanted = handed["label"]
            self.seen.written += 1

    async def _try_what_is_not_allowed(self, others: list["Pupil"]) -> None:
        other = self._random.choice([one for one in others if one is not self] or [self])
        if other is self:
            return
        named = {"nickname": other.nickname, "key": self.key}
        for path, body in (("/api/class", None), ("/api/runs", None), ("/api/class/next", named)):
            status, _ = await self.client.ask(path, body)
            self.seen.tries += 1
            self.seen.foreign += status == 200


def pupils() -> dict[str, Any]:
    """Thirty pupils in one lab for five minutes: seconds of each response, errors, memory."""
    seconds = float(os.environ.get("IMAGELET_PUPILS_SECONDS", SECONDS))
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (port, teacher, token, process):
        seen, memory = Seen(), [memory_of(process.pid)]
        counted = asyncio.run(_lesson(port, teacher, token, seen, seconds))
        memory.append(memory_of(process.pid))
    return {
        "limits": {"answer": LIMIT},
        "pupils": PUPILS,
        "seconds": seconds,
        "classifier": CLASSIFIER,
        "errors": dict(seen.errors),
        "foreign": seen.foreign,
        "tries": seen.tries,
        "written": seen.written,
        "counted": counted,
        "response_seconds": {what: ranked(took) for what, took in seen.seconds.items()},
        "memory_bytes": memory,
    }


def benchmarks() -> dict[str, Benchmark]:
    """Return what there is to measure, by name."""
    return {"pupils": at_once(pupils)}


async def _lesson(port: int, teacher: str, token: str, seen: Seen, seconds: float) -> int:
    """Let the class work for so long; return how many pictures the teacher then has."""
    desk = Client(port, teacher)
    task = {"classifier": CLASSIFIER, "labels": list(DIGITS), "times": TIMES}
    status, content = await desk.ask("/api/class/task", task)
    if status != 200:
        raise RuntimeError(f"the class cannot be asked to write: {content.decode()}")
    everybody = [Pupil(number, Client(port, token), seen) for number in range(PUPILS)]
    await asyncio.gather(*(one.join() for one in everybody))
    until = time.perf_counter() + seconds
    await asyncio.gather(*(one.work(everybody, until) for one in everybody))
    for one in everybody:
        one.client.close()
    desk.close()  # the lab has done so, too, as nobody has spoken for long
    _, content = await desk.ask("/api/class")
    desk.close()
    return int(json.loads(content)["images"])


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[tuple[int, str, str, "subprocess.Popen[str]"]]:
    """Open a lab for a class; give its port, the teacher's and the pupils' token and its process; end it."""
    words = ["lab", CLASSIFIER, "--class", "--port", "0", "--no-browser", "--runs", str(folder / "runs")]
    command = [sys.executable, "-u", "-m", "imagelet", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            links: list[tuple[str, str]] = []
            for line in process.stdout:
                links += LINK.findall(line)
                if len(links) == 2:  # the teacher's comes first
                    break
            else:
                raise RuntimeError("the lab did not open")
            (port, teacher), (_, token) = links
            yield int(port), teacher, token, process
        finally:
            process.terminate()


def _in_base64(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


if __name__ == "__main__":
    json.dump(pupils(), sys.stdout, indent=2)
