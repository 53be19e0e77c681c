"""The server: routes, the page's files and the guard put together."""

import asyncio
import contextlib
import importlib
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from imagelet.errors import ImageletError
from imagelet.http.app import new_app
from imagelet.lab.http import (
    ablations,
    classroom,
    collect,
    course,
    draw,
    layers,
    network,
    own_pictures,
    runs,
    take_along,
    train,
)
from imagelet.lab.http.page_guard import PageGuard
from imagelet.lab.http.state import Lab, open_lab
from imagelet.lab.jobs import worker
from imagelet.lab.settings import Settings

SECONDS_BETWEEN_CHECKS = 1.0  # of the worker, and of the files of the classifiers that are loaded
TABS = (draw, ablations, collect, layers, network, train, runs, course, classroom, own_pictures, take_along)

STATIC = Path(__file__).parents[1] / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml"}


def create_app(settings: Settings) -> FastAPI:
    """Return the server of one lab; the routes find the :class:`Lab` in ``app.state.lab``."""
    app = new_app("imagelet lab", _lifespan)
    app.state.lab = open_lab(settings)
    for tab in TABS:
        app.include_router(tab.router)
    app.mount("/", page_files())
    app.add_middleware(PageGuard, settings=settings)
    return app


class Files(StaticFiles):
    """The page's files; a browser that has one asks whether it is still the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or say that it has not changed."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def page_files() -> Files:
    """Return the app that serves the page; the types of its files do not depend on the system's tables."""
    for suffix, kind in TYPES.items():
        mimetypes.add_type(kind, suffix)
    return Files(directory=STATIC, html=True)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    lab: Lab = app.state.lab
    tasks = [asyncio.create_task(_warm_up(lab)), asyncio.create_task(_watch(lab))]
    yield
    for task in tasks:
        task.cancel()
    lab.close()


async def _watch(lab: Lab) -> None:
    """Look at the disk, so that no drawing has to: for changed classifiers and a dead worker."""
    while True:
        with contextlib.suppress(ImageletError, OSError):  # a request that needs it sees the error
            await asyncio.to_thread(lab.classifiers.check)
        if lab.settings.training:
            with contextlib.suppress(ImageletError, OSError):
                await asyncio.to_thread(worker.ensure, lab.jobs)
        await asyncio.sleep(SECONDS_BETWEEN_CHECKS)


async def _warm_up(lab: Lab) -> None:
    """Load what would make the first response slow; who asks for it sees the errors."""
    await asyncio.to_thread(lab.pictures.decoder.start)
    if name := lab.settings.first:
        with contextlib.suppress(ImageletError):
            await lab.threads.run(lab.classifiers.load, name)
            await lab.threads.run(importlib.import_module, "captum.attr")
