"""Errors as the server answers them: a sentence, what to do next, and a status; never a traceback."""

import json
import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from imagelet.errors import ImageletError, NetworkTextError, RunError, UnknownNameError

log = logging.getLogger("imagelet.lab")

UNEXPECTED = ("something unexpected went wrong", "the window that runs imagelet lab says more")
RETRY_SECONDS = 2
_STATUS = {RunError: 404, UnknownNameError: 404}
NO_JSON = ("the request's body is not JSON", "send a JSON object in UTF-8")
_HTTP = {
    400: NO_JSON,
    404: ("there is nothing at this address", "/openapi.json lists what there is"),
    405: ("this address does not take such a request", "/openapi.json lists what there is"),
}


class RefusedError(ImageletError):
    """A request that the server does not carry out, with the HTTP status that says why.

    Args:
        message: what was asked, and what is allowed.
        hint: what to do next.
        status: 4xx, or 503 where the same request may be carried out later.
        **values: what the places of both templates stand for.
    """

    def __init__(self, message: str, /, hint: str = "", *, status: int = 400, **values: Any) -> None:
        super().__init__(message, hint, **values)
        self.status = status


def busy(what: str = "too much is being worked out already") -> RefusedError:
    """Return the error of a server that has enough to do."""
    return RefusedError(what, "wait a moment and try again", status=503)


def answer(status: int, message: str, hint: str = "", position: int | None = None) -> Response:
    """Return an error as every route gives it: ``{"error": {"message", "hint", "position"?}}``."""
    error: dict[str, Any] = {"message": message, "hint": hint}
    if position is not None:
        error["position"] = position
    content = json.dumps({"error": error})  # in ASCII: a name that was sent may be no text at all
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else None
    return Response(content, status, headers, media_type="application/json")


def of_error(error: ImageletError) -> Response:
    """Return the answer for an error that was raised on purpose."""
    if isinstance(error, RefusedError):
        return answer(error.status, error.message, error.hint)
    position = error.position if isinstance(error, NetworkTextError) else None
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 422)
    return answer(status, error.message, error.hint, position)


def unexpected(error: BaseException) -> Response:
    """Return the answer for an error that nobody thought of; what it is goes to the log alone."""
    log.error("a request failed", exc_info=error)
    return answer(500, *UNEXPECTED)


def add_to(app: FastAPI) -> None:
    """Let the app answer every error in this way; what is unexpected is left to :mod:`security`."""

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, ImageletError)
        return of_error(error)

    async def malformed(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        if error.errors()[0]["type"] == "json_invalid":
            return answer(400, *NO_JSON)
        return answer(422, _sentence(error.errors()), "/openapi.json describes every request")

    async def unknown(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(error.status_code, *_HTTP.get(error.status_code, (str(error.detail), "")))

    app.add_exception_handler(ImageletError, refused)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, unknown)


def _sentence(errors: Sequence[Any]) -> str:
    """Say what is wrong with the first field that is: ``pictures: List should have at most 100 items``."""
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    said = first["msg"].removeprefix("Value error, ")
    more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
    return f"{place}: {said}{more}" if place else f"{said}{more}"
