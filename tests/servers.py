"""A server that is asked in this process, and pictures to show it."""

import asyncio
import base64
import io
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI
from PIL import Image, ImageDraw

from imagelet.http.decoder import Decoder

ADDRESS = "http://127.0.0.1:8765"
T = TypeVar("T")


def in_a_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop and a thread of its own, whatever goes on in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


class Asked:
    """A server, asked as a browser's page or a program asks; each request has an event loop of its own.

    Attributes:
        app: the server.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def ask(self, method: str, path: str, body: Any = None, **named: Any) -> httpx.Response:
        """Send a request; ``body`` goes as JSON, ``named`` to httpx as it is."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=60) as client:
                return await client.request(method, path, json=body, **named)

        return in_a_loop(asked())

    def get(self, path: str, **named: Any) -> httpx.Response:
        """Ask for something."""
        return self.ask("GET", path, **named)

    def post(self, path: str, body: Any = None, **named: Any) -> httpx.Response:
        """Send something."""
        return self.ask("POST", path, body, **named)


class Shared:
    """A decoder that stays open when a server is closed."""

    def __init__(self, decoder: Decoder) -> None:
        self.start, self.open, self.frame = decoder.start, decoder.open, decoder.frame
        self.open_in_each = decoder.open_in_each

    def close(self) -> None:
        """Do nothing."""


def drawing(side: int = 280) -> Image.Image:
    """Return a 7 in black on white."""
    image = Image.new("L", (side, side), 255)
    points = [(x * side // 280, y * side // 280) for x, y in ((80, 60), (200, 60), (120, 220))]
    ImageDraw.Draw(image).line(points, fill=0, width=max(1, side * 22 // 280))
    return image


def png_file(image: Image.Image) -> bytes:
    """Return an image as a PNG file's content."""
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def png(image: Image.Image) -> str:
    """Return an image as a PNG file's content in base64."""
    return base64.b64encode(png_file(image)).decode()
