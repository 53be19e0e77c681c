"""The lab's server: routes and what stands before them, put together."""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from imagelet.errors import ImageletError
from imagelet.lab.http import course, draw, errors, explain, layers, network, own_pictures, pages, runs, train
from imagelet.lab.http.batches import Together
from imagelet.lab.http.guard import Guard
from imagelet.lab.http.schemas import Problem
from imagelet.lab.http.threads import Work
from imagelet.lab.jobs import worker
from imagelet.lab.jobs.store import JobStore
from imagelet.lab.services.classifiers import Classifiers
from imagelet.lab.services.runs import RunList
from imagelet.lab.settings import Settings

SECONDS_BETWEEN_CHECKS = 1.0  # of the worker, and of the files of the classifiers that are loaded
ROUTES = (draw, explain, own_pictures, network, layers, train, runs, course, pages)


def create_app(settings: Settings) -> FastAPI:
    """Return the server of one lab.

    Routes find in ``request.app.state``: ``settings``, ``classifiers`` (loaded once) and ``work`` (a few
    threads, for whatever takes a core), ``predictions`` (answered together), ``jobs`` (the trainings).
    """
    app = FastAPI(
        title="imagelet lab",
        version=version("imagelet"),
        description="Every error is {error: {message, hint}}, with a sentence that people can act on.",
        docs_url=None,  # its page would come from elsewhere
        redoc_url=None,
        lifespan=_alive,
        responses={"4XX": {"model": Problem}, 503: {"model": Problem}},
    )
    app.state.settings = settings
    app.state.runs = RunList(settings.runs)
    app.state.classifiers = Classifiers(settings, app.state.runs)
    app.state.jobs = JobStore(settings.runs)
    app.state.work = Work(settings.at_once, settings.waiting, settings.seconds)
    predict = partial(draw.answers, app.state.classifiers)
    app.state.predictions = Together(predict, app.state.work, settings.requests)
    errors.add_to(app)
    for routes in ROUTES:
        app.include_router(routes.router)
    app.mount("/", pages.page_files())
    app.add_middleware(Guard, settings=settings)
    return app


@contextlib.asynccontextmanager
async def _alive(app: FastAPI) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_warm(app)), asyncio.create_task(_watch(app))]
    yield
    for task in tasks:
        task.cancel()
    app.state.classifiers.close()
    app.state.jobs.close()
    app.state.work.close()


async def _watch(app: FastAPI) -> None:
    """Look at the disk, so that no drawing has to: for changed classifiers and a dead worker."""
    while True:
        await asyncio.to_thread(app.state.classifiers.check)
        if app.state.settings.training:
            with contextlib.suppress(ImageletError):  # who asks for the trainings sees the error
                await asyncio.to_thread(worker.ensure, app.state.jobs)
        await asyncio.sleep(SECONDS_BETWEEN_CHECKS)


async def _warm(app: FastAPI) -> None:
    """Do before anyone asks what would make the first answer slow; who asks sees the errors."""
    if name := app.state.settings.first:
        with contextlib.suppress(ImageletError):
            await app.state.work.run(app.state.classifiers.load, name)
            await app.state.work.run(importlib.import_module, "captum.attr")
