"""The lab's server: routes and what stands before them, put together."""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from imagelet.errors import ImageletError
from imagelet.lab import (
    failures,
    routes_arithmetic,
    routes_course,
    routes_explain,
    routes_jobs,
    routes_networks,
    routes_own,
    routes_pages,
    routes_predict,
    routes_runs,
)
from imagelet.lab.classifiers import Classifiers
from imagelet.lab.schemas import Problem
from imagelet.lab.security import Guard
from imagelet.lab.settings import Settings
from imagelet.lab.together import Together
from imagelet.lab.work import Work

ROUTES = (
    routes_predict,
    routes_explain,
    routes_own,
    routes_networks,
    routes_arithmetic,
    routes_jobs,
    routes_runs,
    routes_course,
    routes_pages,
)


def create_app(settings: Settings) -> FastAPI:
    """Return the server of one lab.

    Routes find in ``request.app.state``: ``settings``, ``classifiers`` (loaded once) and ``work`` (a few
    threads, for whatever takes a core), and ``predictions`` (answered together).
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
    app.state.classifiers = Classifiers(settings)
    app.state.work = Work(settings.at_once, settings.waiting, settings.seconds)
    predict = partial(routes_predict.answers, app.state.classifiers)
    app.state.predictions = Together(predict, app.state.work, settings.requests)
    failures.add_to(app)
    for routes in ROUTES:
        app.include_router(routes.router)
    app.mount("/", routes_pages.page_files())
    app.add_middleware(Guard, settings=settings)
    return app


@contextlib.asynccontextmanager
async def _alive(app: FastAPI) -> AsyncIterator[None]:
    warming = asyncio.create_task(_warm(app))
    yield
    warming.cancel()
    app.state.classifiers.close()
    app.state.work.close()


async def _warm(app: FastAPI) -> None:
    """Do before anyone asks what would make the first answer slow; who asks sees the errors."""
    if name := app.state.settings.first:
        with contextlib.suppress(ImageletError):
            await app.state.work.run(app.state.classifiers.load, name)
            await app.state.work.run(importlib.import_module, "captum.attr")
