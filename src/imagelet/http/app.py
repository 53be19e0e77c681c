"""An app with what the lab and the service have alike: its description, its errors, no redirects."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version

from fastapi import FastAPI

from imagelet.http import errors
from imagelet.http.schemas import Problem


def new_app(title: str, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """Return an app without routes, every error of which is a sentence.

    Args:
        title: in its OpenAPI description.
        lifespan: runs from its start to its end.
    """
    app = FastAPI(
        title=title,
        version=version("imagelet"),
        description="Every error is {error: {message, hint}}, with a sentence that people can act on.",
        docs_url=None,  # its page would come from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be to whatever name the request gives this server
        lifespan=lifespan,
        responses={"4XX": {"model": Problem}, 503: {"model": Problem}},
    )
    errors.add_to(app)
    return app
